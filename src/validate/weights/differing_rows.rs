//! Finds which rows differ: for each neuron the ranges of its segments, counted from its first row.

use std::ops::Range;

use super::causes::FilePopulation;
use super::matched_columns::MatchedColumns;
use super::{ExtraColumn, WeightsOptions};
use crate::error::Result;
use crate::validate::MYELIN_SEGMENTS;

/// Maximum number of neurons that are listed.
const MAX_LISTED_NODES: usize = 6;

/// Number of segments of the two stubs of an axon's initial segment.
const STUB_SEGMENTS: u64 = 10;

/// Largest number of rows of a soma, which come first.
const MAX_SOMA_ROWS: u64 = 5;

/// The rows of two populations that differ.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DifferingRows {
    /// Number of rows.
    pub row_count: u64,
    /// Number of neurons with such rows.
    pub node_count: u64,
    /// The first of these neurons: at most six.
    pub first_nodes: Vec<DifferingNode>,
    /// Whether they may all be those of the stubs and the myelin that replace axons: at most ten that follow the soma's,
    /// and the last five.
    pub may_be_stubs: bool,
    /// The file that BlueRecording 0.2.1 wrote, by its extra column of ones: 0 or 1.
    pub old_file: Option<usize>,
}

/// The rows of a neuron that differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DifferingNode {
    /// The node.
    pub node: u64,
    /// The rows, from 0 at the neuron's first row.
    pub rows: Vec<Range<u64>>,
}

/// Compares the neurons that have equally many rows in both files.
///
/// # Errors
/// Returns an error if a file cannot be read.
pub fn find_differing_rows(
    a: FilePopulation<'_>,
    b: FilePopulation<'_>,
    options: &WeightsOptions,
) -> Result<DifferingRows> {
    let columns = MatchedColumns::new(a, b, &WeightsOptions { extra_column: ExtraColumn::Ignore, ..*options })?.matched;
    let factors = [a.0.weights_dataset(a.1)?, b.0.weights_dataset(b.1)?];
    let mut found = DifferingRows { may_be_stubs: true, old_file: find_old_file([a, b]), ..DifferingRows::default() };
    let mut values = [Vec::new(), Vec::new()];
    for &node in a.1.node_ids() {
        let (Some(own), Some(other)) = (a.1.rows_of_node(node), b.1.rows_of_node(node)) else { continue };
        let segments = own.end - own.start;
        if segments != other.end - other.start {
            continue;
        }
        factors[0].read_rows(own, &mut values[0])?;
        factors[1].read_rows(other, &mut values[1])?;
        let rows =
            |file: usize| values[file].chunks_exact(usize::try_from(factors[file].columns()).unwrap_or(1).max(1));
        let differs = |(a, b): (&[f64], &[f64])| {
            let pairs = columns.iter().filter_map(|c| Some((*a.get(c.columns[0])?, *b.get(c.columns[1])?)));
            pairs.into_iter().any(|(a, b)| !options.tolerance.allows(a, b))
        };
        let differing: Vec<u64> =
            (0..).zip(rows(0).zip(rows(1))).filter(|(_, pair)| differs(*pair)).map(|(row, _)| row).collect();
        if differing.is_empty() {
            continue;
        }
        found.row_count += differing.len() as u64;
        found.node_count += 1;
        found.may_be_stubs &= may_be_stubs(&differing, segments);
        if found.first_nodes.len() < MAX_LISTED_NODES {
            found.first_nodes.push(DifferingNode { node, rows: to_ranges(&differing) });
        }
    }
    found.may_be_stubs &= found.row_count > 0;
    Ok(found)
}

/// Returns the only file with one more column than contacts.
fn find_old_file(files: [FilePopulation<'_>; 2]) -> Option<usize> {
    let is_old = files.map(|(file, population)| {
        let contacts = file.electrodes().iter().filter(|e| e.column(population.name()).is_some()).count() as u64;
        population.columns() == contacts + 1
    });
    match is_old {
        [true, false] => Some(0),
        [false, true] => Some(1),
        _ => None,
    }
}

/// Returns whether ascending rows of a neuron may be those of stubs and myelin.
fn may_be_stubs(rows: &[u64], segments: u64) -> bool {
    let myelin = segments.saturating_sub(MYELIN_SEGMENTS as u64);
    let stubs: Vec<u64> = rows.iter().copied().filter(|row| *row < myelin).collect();
    match (stubs.first(), stubs.last()) {
        (Some(first), Some(last)) => {
            (1..=MAX_SOMA_ROWS + STUB_SEGMENTS).contains(first) && last - first < STUB_SEGMENTS
        }
        _ => true,
    }
}

/// Joins ascending rows to ranges.
fn to_ranges(rows: &[u64]) -> Vec<Range<u64>> {
    let mut ranges: Vec<Range<u64>> = Vec::new();
    for &row in rows {
        match ranges.last_mut() {
            Some(last) if last.end == row => last.end += 1,
            _ => ranges.push(row..row + 1),
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_become_ranges() {
        assert_eq!(to_ranges(&[1, 2, 3, 7, 9, 10]), [1..4, 7..8, 9..11]);
        assert!(to_ranges(&[]).is_empty());
    }

    #[test]
    fn rows_of_stubs_follow_the_soma_and_rows_of_myelin_are_the_last() {
        let rows = |first: std::ops::Range<u64>, last: std::ops::Range<u64>| first.chain(last).collect::<Vec<u64>>();
        assert!(may_be_stubs(&rows(1..11, 95..100), 100));
        assert!(may_be_stubs(&rows(3..13, 97..98), 100) && may_be_stubs(&rows(6..11, 0..0), 100));
        assert!(!may_be_stubs(&rows(0..10, 95..100), 100), "the soma");
        assert!(!may_be_stubs(&rows(1..12, 95..100), 100), "eleven rows");
        assert!(!may_be_stubs(&rows(1..11, 94..100), 100), "six last rows");
        assert!(!may_be_stubs(&rows(40..45, 95..100), 100), "a dendrite");
    }
}
