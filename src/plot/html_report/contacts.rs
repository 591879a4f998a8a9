//! The table of contacts: where they are, and what their coefficients are like.

use crate::error::Result;
use crate::geometry::Aabb;
use crate::geometry::region::{Predicate, Region, Sphere};
use crate::plot::figures::unit;
use crate::segments::table::{Filter, Pages, Query, Table, Within};
use crate::sonata::electrodes_file::{Description, ElectrodesFile};
use crate::weights::Lookup;

use super::settings::Settings;
use super::summary::Summary;

/// How far round a contact segments are counted, um.
pub const NEAR_UM: f64 = 100.0;

/// A contact's line.
pub struct Row {
    /// Its name.
    pub name: String,
    /// Its method.
    pub kind: String,
    /// What it was set to, where not all contacts of the method share it.
    pub settings: String,
    /// Where it is, um.
    pub position: String,
    /// Least, median and greatest coefficient; none where no row is a number.
    pub range: Summary,
    /// The coefficients' unit; empty where they have none.
    pub unit: &'static str,
    /// Segments with their midpoint within [`NEAR_UM`], and their share of all; none without position.
    pub near: Option<(u64, f64)>,
}

/// The contact nearest to the middle of the segments, the first of several; one without position only where none has one.
pub fn middle(file: &ElectrodesFile, table: &Table) -> Result<Option<String>> {
    let center = table.bounds()?.center();
    let population = &table.metadata().population;
    let usable = file.descriptions()?.into_iter().filter(|(e, _)| e.column(population).is_some());
    let distance = |told: &Description| told.position.map_or(f64::INFINITY, |p| p.distance(center));
    Ok(usable.min_by(|(_, a), (_, b)| distance(a).total_cmp(&distance(b))).map(|(e, _)| e.name.clone()))
}

/// A contact that has a column: its name, what the file says of it, and the column.
pub type Contact<'a> = (&'a str, Description, u64);

/// All contacts that have a column, in its order.
pub fn contacts(lookup: &Lookup) -> Result<Vec<Contact<'_>>> {
    let population = lookup.population().name();
    let described = lookup.file().descriptions()?.into_iter();
    let mut contacts: Vec<Contact<'_>> =
        described.filter_map(|(e, told)| Some((e.name.as_str(), told, e.column(population)?))).collect();
    contacts.sort_by_key(|(_, _, column)| *column);
    Ok(contacts)
}

/// Their lines.
pub fn rows(table: &Table, contacts: &[Contact<'_>], summaries: Vec<Summary>, settings: &Settings) -> Result<Vec<Row>> {
    let near = near(table, contacts.iter().map(|(_, told, _)| told))?;
    let row = |(i, (((name, told, _), range), near)): (usize, ((&Contact<'_>, Summary), Option<u64>))| Row {
        name: (*name).into(),
        kind: told.kind.clone().unwrap_or_default(),
        settings: settings.own.get(i).cloned().unwrap_or_default(),
        position: told.position.map_or_else(String::new, |p| p.to_string()),
        range,
        unit: unit(told.kind.as_deref()),
        near: near.map(|n| (n, n as f64 / table.len().max(1) as f64)),
    };
    Ok(contacts.iter().zip(summaries).zip(near).enumerate().map(row).collect())
}

/// How many segments have their midpoint near each contact.
fn near<'a>(table: &Table, contacts: impl Iterator<Item = &'a Description>) -> Result<Vec<Option<u64>>> {
    let spheres: Vec<Option<Sphere>> = contacts.map(|e| Sphere::new(e.position?, NEAR_UM).ok()).collect();
    let regions: Vec<&dyn Region> = spheres.iter().flatten().map(|s| s as &dyn Region).collect();
    let within = Within::Regions(&regions, Predicate::Midpoint);
    let pages = Pages::of(table, |bounds: &Aabb| within.touches(bounds))?;
    let mut counts = vec![0; regions.len()];
    pages.query(&Query { within, filter: &Filter::default(), columns: &[] }, &mut |hits| {
        hits.region.iter().for_each(|&region| counts[region as usize] += 1);
        Ok(())
    })?;
    let mut counts = counts.into_iter();
    Ok(spheres.iter().map(|sphere| sphere.as_ref().and_then(|_| counts.next())).collect())
}
