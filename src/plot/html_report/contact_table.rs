//! The table of contacts: positions, and statistics of their weights.

use crate::error::Result;
use crate::geometry::region::{Predicate, Region, Sphere};
use crate::geometry::{Aabb, Point};
use crate::segments::table::{SegmentFilter, SegmentQuery, SegmentSelection, SegmentTable, TablePages};
use crate::sonata::electrodes_file::{ContactDescription, ElectrodesFile};
use crate::units::{CURRENT_SHARE_UNIT, WEIGHT_UNIT, WEIGHT_UNITS};
use crate::weights::WeightLookup;

use super::settings::ContactSettings;
use super::summary::ColumnSummary;

/// Distance from a contact within which segments are counted, µm.
pub const NEAR_UM: f64 = 100.0;

/// One row of the table.
pub struct ContactRow {
    /// Contact name.
    pub name: String,
    /// Name of its method.
    pub kind: String,
    /// Its settings that differ between contacts of the method.
    pub settings: String,
    /// Position, µm; `None` if the file does not state it.
    pub position: Option<Point>,
    /// Minimum, median and maximum weight, in `unit`; `None` if no row is a number.
    pub weight_range: ColumnSummary,
    /// The weights' unit: V/nA for potentials, whatever unit the file has; empty if they have none.
    pub unit: String,
    /// Number of segments with their midpoint within [`NEAR_UM`], and their share of all; `None` without a position.
    pub near_segments: Option<(u64, f64)>,
}

/// Finds the contact nearest to the centre of the segments, the first of several; one without a position only if no
/// contact has one.
pub fn find_middle_contact(file: &ElectrodesFile, table: &SegmentTable) -> Result<Option<String>> {
    let center = table.bounds()?.center();
    let population = &table.metadata().population;
    let usable = file.read_descriptions()?.into_iter().filter(|(e, _)| e.column(population).is_some());
    let distance =
        |description: &ContactDescription| description.position_um.map_or(f64::INFINITY, |p| p.distance(center));
    Ok(usable.min_by(|(_, a), (_, b)| distance(a).total_cmp(&distance(b))).map(|(e, _)| e.name.clone()))
}

/// A contact that has a column: its name, its description in the file, and the column.
pub type ContactColumn<'a> = (&'a str, ContactDescription, u64);

/// Returns all contacts that have a column, in the order of columns.
pub fn list_contacts(lookup: &WeightLookup) -> Result<Vec<ContactColumn<'_>>> {
    let population = lookup.population().name();
    let described = lookup.file().read_descriptions()?.into_iter();
    let mut contacts: Vec<ContactColumn<'_>> =
        described.filter_map(|(e, description)| Some((e.name.as_str(), description, e.column(population)?))).collect();
    contacts.sort_by_key(|(_, _, column)| *column);
    Ok(contacts)
}

/// Returns the factor that converts a contact's column to the unit that the table shows, and that unit. Columns of an
/// unknown unit are shown as they are.
fn shown_unit(lookup: &WeightLookup, contact: &str) -> Result<(f64, String)> {
    let unit = lookup.file().column_unit(lookup.population(), contact)?;
    Ok(match WEIGHT_UNITS.factor(&unit) {
        Ok(factor) => (factor, WEIGHT_UNIT.into()),
        Err(_) if unit == CURRENT_SHARE_UNIT => (1.0, String::new()),
        Err(_) => (1.0, unit),
    })
}

/// Builds the rows of the table. The summaries are in the file's units.
pub fn build_rows(
    table: &SegmentTable,
    lookup: &WeightLookup,
    contacts: &[ContactColumn<'_>],
    summaries: Vec<ColumnSummary>,
    settings: &ContactSettings,
) -> Result<Vec<ContactRow>> {
    let near = count_near_segments(table, contacts.iter().map(|(_, description, _)| description))?;
    let row =
        |(i, (((name, description, _), range), near)): (usize, ((&ContactColumn<'_>, ColumnSummary), Option<u64>))| {
            let (factor, unit) = shown_unit(lookup, name)?;
            Ok(ContactRow {
                name: (*name).into(),
                kind: description.kind.clone().unwrap_or_default(),
                settings: settings.individual.get(i).cloned().unwrap_or_default(),
                position: description.position_um,
                weight_range: range.map(|range| range.map(|value| factor * value)),
                unit,
                near_segments: near.map(|n| (n, n as f64 / table.len().max(1) as f64)),
            })
        };
    contacts.iter().zip(summaries).zip(near).enumerate().map(row).collect()
}

/// Counts the segments with their midpoint near each contact.
fn count_near_segments<'a>(
    table: &SegmentTable,
    contacts: impl Iterator<Item = &'a ContactDescription>,
) -> Result<Vec<Option<u64>>> {
    let spheres: Vec<Option<Sphere>> = contacts.map(|e| Sphere::new(e.position_um?, NEAR_UM).ok()).collect();
    let regions: Vec<&dyn Region> = spheres.iter().flatten().map(|s| s as &dyn Region).collect();
    let within = SegmentSelection::Regions(&regions, Predicate::Midpoint);
    let pages = TablePages::open(table, |bounds: &Aabb| within.may_hit(bounds))?;
    let mut counts = vec![0; regions.len()];
    pages.run_query(
        &SegmentQuery { selection: within, filter: &SegmentFilter::default(), columns: &[] },
        &mut |hits| {
            hits.region.iter().for_each(|&region| counts[region as usize] += 1);
            Ok(())
        },
    )?;
    let mut counts = counts.into_iter();
    Ok(spheres.iter().map(|sphere| sphere.as_ref().and_then(|_| counts.next())).collect())
}
