//! Results of a comparison: contacts by name, rows by node and by row in the node.

use super::accumulator::{Accumulator, LargestDifference};
use super::matched_columns::MatchedColumn;
use super::quantiles::{BINS, quantiles};
use crate::sonata::electrodes_file::PopulationEntry;

/// Two weights that differ, and where.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LocatedDifference {
    /// Their difference: absolute in V/nA, or relative.
    pub value: f64,
    /// The weights, V/nA.
    pub values: [f64; 2],
    /// Node id.
    pub node: u64,
    /// The row, counted from the node's first.
    pub row: u64,
}

/// Result for one contact.
#[derive(Debug, Clone, PartialEq)]
pub struct ContactComparison {
    /// Contact name, `(column N)` for a column without a contact.
    pub name: String,
    /// Largest absolute difference, if there is any.
    pub largest_absolute: Option<LocatedDifference>,
    /// Largest relative difference, if there is any.
    pub largest_relative: Option<LocatedDifference>,
    /// Upper bounds of [`super::QUANTILES`] of the relative differences of all pairs, at most 1.35 times too large.
    pub quantiles: [f64; 3],
    /// Number of weights outside the tolerance.
    pub outside_count: u64,
    /// Number of weights that are NaN in both files: they count as equal.
    pub nan_in_both_count: u64,
}

/// One of the pairs furthest outside the tolerance.
#[derive(Debug, Clone, PartialEq)]
pub struct WorstPair {
    /// Contact name.
    pub contact: String,
    /// Difference as a multiple of the tolerance; the relative difference if the tolerance is 0.
    pub excess: f64,
    /// The pair: its value is the absolute difference, V/nA.
    pub difference: LocatedDifference,
}

fn locate_difference(largest: LargestDifference, population: &PopulationEntry) -> Option<LocatedDifference> {
    let (node, row) = (largest.value > 0.0).then(|| population.node_of_row(largest.row))??;
    Some(LocatedDifference { value: largest.value, values: largest.values, node, row })
}

/// Returns the results of all contacts, with rows located by node of the first file.
pub(super) fn contact_comparisons(
    accumulator: &Accumulator,
    matched: &[MatchedColumn],
    population: &PopulationEntry,
    rows: u64,
) -> Vec<ContactComparison> {
    let own = |numbers: &[u64], i: usize| numbers.get(i).copied().unwrap_or_default();
    let largest = |all: &[LargestDifference], i: usize| all.get(i).copied().unwrap_or_default();
    let compare_contact = |(i, contact): (usize, &MatchedColumn)| {
        let relative = largest(&accumulator.relative, i);
        let bins = accumulator.bins.get(i * BINS..(i + 1) * BINS).unwrap_or_default();
        ContactComparison {
            name: contact.name.clone(),
            largest_absolute: locate_difference(largest(&accumulator.absolute, i), population),
            largest_relative: locate_difference(relative, population),
            quantiles: quantiles(bins, rows, relative.value),
            outside_count: own(&accumulator.outside, i),
            nan_in_both_count: own(&accumulator.nan_in_both, i),
        }
    };
    matched.iter().enumerate().map(compare_contact).collect()
}

/// Returns the worst pairs, with rows located by node of the first file.
pub(super) fn locate_worst_pairs(
    accumulator: &Accumulator,
    matched: &[MatchedColumn],
    population: &PopulationEntry,
) -> Vec<WorstPair> {
    let locate = |pair: &super::worst_pairs::WorstRowPair| {
        let contact = matched.get(pair.column)?.name.clone();
        let [a, b] = pair.values;
        let (node, row) = population.node_of_row(pair.row)?;
        let difference =
            LocatedDifference { value: crate::validate::Difference::between(a, b).absolute, values: [a, b], node, row };
        Some(WorstPair { contact, excess: pair.excess, difference })
    };
    accumulator.worst.pairs().iter().filter_map(locate).collect()
}
