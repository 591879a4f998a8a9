//! Finds rows that are elsewhere: shifted by some rows, or exchanged with another node's.

use super::{NodeSample, RecomputedContact, SampledNode};
use crate::error::Result;
use crate::sonata::electrodes_file::WeightsDataset;
use crate::validate::electrodes_file::population::PopulationRecord;

/// Number of rows before and after a node that are searched for its rows.
const WINDOW_ROWS: u64 = 4096;
/// Maximum number of nodes whose rows are tried.
const MAX_NODES: usize = 4096;
/// Maximum number of contacts that are compared in a search.
const MAX_CONTACTS: usize = 8;
/// Minimum number of rows that must be found in order.
const MIN_ROWS: usize = 4;
/// Relative tolerance of weights.
const RELATIVE_TOLERANCE: f64 = 0.01;
/// Share of the rows that may differ, near contacts of unknown near field.
const MAX_MISMATCH_SHARE: f64 = 0.01;

/// Where the rows of a node are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RowShift {
    /// From row `from` of the node on, the file has the rows that belong `by` rows earlier (later if negative).
    Shifted { from: usize, by: i64 },
    /// In the rows of another node.
    OtherNode(u64),
}

/// The rows of a node that are searched for.
struct ShiftSearch<'a> {
    node: &'a SampledNode,
    contacts: Vec<(&'a RecomputedContact<'a>, usize)>,
    /// Number of contacts that were computed.
    computed_width: usize,
    width: usize,
}

/// Searches the rows of a node whose weights at some contacts are wrong.
pub(super) fn find_shift(
    sample: &NodeSample<'_>,
    node: &SampledNode,
    lost: &[usize],
    (population, factors): (&PopulationRecord, &WeightsDataset),
) -> Result<Option<RowShift>> {
    // regions' weights are 0 nearly everywhere: they agree with any shift
    let potentials =
        lost.iter().filter_map(|&i| Some((sample.checked.get(i)?, i))).filter(|(c, _)| !c.criterion.is_share);
    let contacts: Vec<(&RecomputedContact<'_>, usize)> = potentials.take(MAX_CONTACTS).collect();
    if contacts.is_empty() {
        return Ok(None);
    }
    let search =
        ShiftSearch { node, contacts, computed_width: sample.checked.len().max(1), width: sample.width.max(1) };
    if let Some(shifted) = search.find_within_node() {
        return Ok(Some(shifted));
    }
    if let Some(other) = search.find_at_other_node(population, factors)? {
        return Ok(Some(other));
    }
    Ok(search.find_near_node(factors)?.map(|by| RowShift::Shifted { from: 0, by }))
}

impl ShiftSearch<'_> {
    fn row_count(&self) -> usize {
        self.node.computed.len() / self.computed_width
    }

    /// Returns whether a row of the file matches a computed row. An unknown conductivity is fitted to the first row
    /// compared.
    fn row_matches(&self, file: &[f64], computed: usize, scales: &mut Vec<f64>) -> bool {
        let row = self.node.computed.get(computed * self.computed_width..).unwrap_or_default();
        let first = scales.is_empty();
        for (k, (contact, i)) in self.contacts.iter().enumerate() {
            let (Some(&found), Some(&expected)) = (file.get(contact.column), row.get(*i)) else { return false };
            if first {
                let scale = if contact.formula.is_fully_stated { 1.0 } else { found / expected };
                scales.push(if scale.is_finite() && scale != 0.0 { scale } else { 1.0 });
            }
            if expected.is_nan() {
                continue;
            }
            let expected = expected * scales.get(k).copied().unwrap_or(1.0);
            if !(found == expected || (found - expected).abs() <= RELATIVE_TOLERANCE * found.abs().max(expected.abs()))
            {
                return false;
            }
        }
        true
    }

    /// Returns whether rows of a block match computed rows, given as pairs of positions; one pair in a hundred may
    /// differ.
    fn rows_match(&self, block: &[f64], pairs: impl ExactSizeIterator<Item = (usize, usize)>) -> bool {
        let mut left = (MAX_MISMATCH_SHARE * pairs.len() as f64) as usize;
        let (mut scales, mut any) = (Vec::new(), false);
        for (at, computed) in pairs {
            let file = block.get(at * self.width..(at + 1) * self.width).unwrap_or_default();
            any = true;
            if !self.row_matches(file, computed, &mut scales) {
                if left == 0 {
                    return false;
                }
                left -= 1;
            }
        }
        any
    }

    /// Finds rows that are shifted within the node, all of them or from some row on.
    fn find_within_node(&self) -> Option<RowShift> {
        let rows = self.row_count();
        let mut scales = Vec::new();
        let own = |row: usize, scales: &mut Vec<f64>| {
            let file = self.node.file.get(row * self.width..(row + 1) * self.width).unwrap_or_default();
            self.row_matches(file, row, scales)
        };
        // rows before the first difference are in place; if the file does not state everything, rows in place may
        // differ, too, so the search begins at row 0
        let is_stated = self.contacts.iter().all(|(contact, _)| contact.formula.is_fully_stated);
        let from = if is_stated { (0..rows).find(|&row| !own(row, &mut scales))? } else { 0 };
        let least = MIN_ROWS.max((rows - from) / 2);
        for distance in 1..rows.saturating_sub(from) {
            for by in [distance as i64, -(distance as i64)] {
                let first = if by > 0 { from + distance } else { from };
                let last = if by > 0 { rows } else { rows - distance };
                if last < first + least {
                    continue;
                }
                let source = |at: usize| (at as i64 - by) as usize;
                if self.rows_match(&self.node.file, (first..last).map(|at| (at, source(at)))) {
                    return Some(RowShift::Shifted { from, by });
                }
            }
        }
        None
    }

    /// Finds by how many rows the whole node is shifted beyond its own rows.
    fn find_near_node(&self, factors: &WeightsDataset) -> Result<Option<i64>> {
        let rows = self.row_count();
        if rows < MIN_ROWS {
            return Ok(None);
        }
        let begin = self.node.rows.start.saturating_sub(WINDOW_ROWS);
        let end = self.node.rows.end.saturating_add(WINDOW_ROWS).min(factors.rows());
        let mut block = Vec::new();
        factors.read_rows(begin..end, &mut block)?;
        let own = (self.node.rows.start - begin) as usize;
        let last = (end - begin) as usize - rows;
        let found = (0..=last)
            .filter(|&at| at != own)
            .find(|&at| self.rows_match(&block, (0..rows).map(|row| (at + row, row))));
        Ok(found.map(|at| at as i64 - own as i64))
    }

    /// Finds the node in whose rows the node's weights are.
    fn find_at_other_node(&self, population: &PopulationRecord, factors: &WeightsDataset) -> Result<Option<RowShift>> {
        let Some(offsets) = &population.offsets else { return Ok(None) };
        let rows = self.row_count() as u64;
        let mut block = Vec::new();
        let others = population.node_ids.in_file_order.iter().zip(offsets.windows(2));
        let alike = others.filter(|(id, pair)| **id != self.node.id && pair[1] - pair[0] == rows);
        for (&id, pair) in alike.take(MAX_NODES) {
            factors.read_rows(pair[0]..pair[0] + 1, &mut block)?;
            if !self.row_matches(&block, 0, &mut Vec::new()) {
                continue;
            }
            factors.read_rows(pair[0]..pair[1], &mut block)?;
            if self.rows_match(&block, (0..rows as usize).map(|row| (row, row))) {
                return Ok(Some(RowShift::OtherNode(id)));
            }
        }
        Ok(None)
    }
}
