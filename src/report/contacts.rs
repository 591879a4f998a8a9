//! The table of contacts: where they are, and what their coefficients are like.

use std::path::Path;

use crate::error::Result;
use crate::geometry::Aabb;
use crate::geometry::region::{Predicate, Region, Sphere};
use crate::sonata::electrodes_file::{Description, ElectrodesFile};
use crate::table::{Filter, Pages, Query, Table, Within};
use crate::weights::Lookup;

/// How far round a contact segments are counted, um.
pub const NEAR_UM: f64 = 100.0;

/// Coefficients held at one time: 128 MB of them.
const HELD: u64 = 1 << 24;

/// A contact's line.
pub struct Row {
    /// Its name.
    pub name: String,
    /// Its method.
    pub kind: String,
    /// Where it is, um.
    pub position: String,
    /// Least, median and greatest coefficient; none where no row is a number.
    pub range: Option<[f64; 3]>,
    /// Share of the segments with their midpoint within [`NEAR_UM`]; none without position.
    pub near: Option<f64>,
}

/// The contact nearest to the middle of the segments, the first of several; one without position only where none has one.
pub fn middle(weights: &Path, table: &Table) -> Result<Option<String>> {
    let file = ElectrodesFile::open(weights)?;
    let center = table.bounds()?.center();
    let population = &table.metadata().population;
    let usable = file.descriptions()?.into_iter().filter(|(e, _)| e.column(population).is_some());
    let distance = |told: &Description| told.position.map_or(f64::INFINITY, |p| p.distance(center));
    Ok(usable.min_by(|(_, a), (_, b)| distance(a).total_cmp(&distance(b))).map(|(e, _)| e.name.clone()))
}

/// All contacts that have a column, in its order.
pub fn rows(table: &Table, lookup: &Lookup) -> Result<Vec<Row>> {
    let (file, population) = (lookup.file(), lookup.population());
    let described = file.descriptions()?;
    let mut contacts: Vec<(&str, &Description, u64)> =
        described.iter().filter_map(|(e, told)| Some((e.name.as_str(), told, e.column(population.name())?))).collect();
    contacts.sort_by_key(|(_, _, column)| *column);
    let together = (HELD / population.rows().max(1)).max(1) as usize;
    let mut ranges = Vec::with_capacity(contacts.len());
    for group in contacts.chunks(together) {
        let columns: Vec<usize> = group.iter().map(|(_, _, column)| *column as usize).collect();
        ranges.extend(columns_of(file, lookup, &columns)?.into_iter().map(range));
    }
    let near = near(table, contacts.iter().map(|(_, told, _)| *told))?;
    let row = |(((name, told, _), range), near): (((&str, &Description, u64), _), Option<u64>)| Row {
        name: name.into(),
        kind: told.kind.clone().unwrap_or_default(),
        position: told.position.map_or_else(String::new, |p| p.to_string()),
        range,
        near: near.map(|n| n as f64 / table.len().max(1) as f64),
    };
    Ok(contacts.into_iter().zip(ranges).zip(near).map(row).collect())
}

/// Some columns, each whole.
fn columns_of(file: &ElectrodesFile, lookup: &Lookup, columns: &[usize]) -> Result<Vec<Vec<f64>>> {
    let population = lookup.population();
    let mut values = vec![Vec::with_capacity(population.rows() as usize); columns.len()];
    let width = population.columns().max(1);
    let step = (HELD / 8 / width).max(1);
    for from in (0..population.rows()).step_by(step as usize) {
        let block = file.rows(population, from..(from + step).min(population.rows()))?;
        for row in block.chunks_exact(width as usize) {
            values.iter_mut().zip(columns).for_each(|(values, column)| values.extend(row.get(*column)));
        }
    }
    Ok(values)
}

fn range(mut values: Vec<f64>) -> Option<[f64; 3]> {
    values.retain(|v| !v.is_nan());
    let middle = values.len().checked_sub(1)? / 2;
    let (below, median, above) = values.select_nth_unstable_by(middle, f64::total_cmp);
    let median = *median;
    let low = below.iter().copied().fold(median, f64::min);
    let high = above.iter().copied().fold(median, f64::max);
    // of an even number the mean of the two in the middle
    let next = above.iter().copied().fold(f64::INFINITY, f64::min);
    let median = if values.len().is_multiple_of(2) { 0.5 * (median + next) } else { median };
    Some([low, median, high])
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

#[cfg(test)]
mod tests {
    use super::range;

    #[test]
    fn the_median_of_an_even_number_is_the_mean_of_the_two_in_the_middle() {
        assert_eq!(range(vec![4.0, 1.0, 3.0]), Some([1.0, 3.0, 4.0]));
        assert_eq!(range(vec![4.0, 1.0, f64::NAN, 3.0, 2.0]), Some([1.0, 2.5, 4.0]));
        assert_eq!(range(vec![7.0]), Some([7.0; 3]));
        assert_eq!(range(vec![f64::NAN]), None);
    }
}
