//! Rows that are elsewhere: shifted by some rows, or those of another node.

use super::differences::NodeSample;
use super::{RecomputedContact, SampledNode};
use crate::error::Result;
use crate::sonata::electrodes_file::WeightsDataset;
use crate::validate::electrodes_file::population::PopulationRecord;

/// Rows before and behind a node that are searched for its own.
const WINDOW_ROWS: u64 = 4096;
/// Nodes whose rows are tried.
const MAX_NODES: usize = 4096;
/// Contacts that are compared while searching.
const MAX_CONTACTS: usize = 8;
/// Rows that have to be found in order.
const MIN_ROWS: usize = 4;
/// Coefficients are the same up to here, relative.
const RELATIVE_TOLERANCE: f64 = 0.01;
/// Share of the rows that may differ, near contacts of unknown near field.
const MAX_MISMATCH_SHARE: f64 = 0.01;

/// Where the rows of a node are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RowShift {
    /// From a row of the node on, the file has the rows of so many before (or behind, where that is negative).
    Shifted { from: usize, by: i64 },
    /// In the rows of another node.
    OtherNode(u64),
}

/// What the rows of a node are searched by.
struct ShiftSearch<'a> {
    node: &'a SampledNode,
    contacts: Vec<(&'a RecomputedContact<'a>, usize)>,
    /// Contacts that were computed.
    computed_width: usize,
    width: usize,
}

/// Looks for the rows of a node whose coefficients at some contacts are not its own.
pub(super) fn find_shift(
    sample: &NodeSample<'_>,
    node: &SampledNode,
    lost: &[usize],
    (population, factors): (&PopulationRecord, &WeightsDataset),
) -> Result<Option<RowShift>> {
    // shares are 0 nearly everywhere: they agree with any shift
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

    /// Whether a row of the file is a row computed. A conductivity that is not stated is that of the first row compared.
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

    /// Whether rows of a block of the file are rows computed: pairs of places, one of which may be wrong in a hundred.
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

    /// Rows that are shifted within the node, all of them or from some row on.
    fn find_within_node(&self) -> Option<RowShift> {
        let rows = self.row_count();
        let mut scales = Vec::new();
        let own = |row: usize, scales: &mut Vec<f64>| {
            let file = self.node.file.get(row * self.width..(row + 1) * self.width).unwrap_or_default();
            self.row_matches(file, row, scales)
        };
        // rows that are in place, and one wrong among right ones
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

    /// By how many rows the whole node is shifted beyond its own rows.
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

    /// The node whose rows the node's coefficients are in.
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
