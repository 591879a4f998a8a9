//! Rows that are elsewhere: shifted by some rows, or those of another node.

use super::judge::Sample;
use super::{Checked, Node};
use crate::error::Result;
use crate::sonata::electrodes_file::Factors;
use crate::validate::electrodes_file::population::Population;

/// Rows before and behind a node that are searched for its own.
const WINDOW: u64 = 4096;
/// Nodes whose rows are tried.
const MAX_NODES: usize = 4096;
/// Contacts that are compared while searching.
const MAX_CONTACTS: usize = 8;
/// Rows that have to be found in order.
const MIN_ROWS: usize = 4;
/// Coefficients are the same up to here, relative.
const SAME: f64 = 0.01;
/// Share of the rows that may differ, near contacts of unknown near field.
const ODD: f64 = 0.01;

/// Where the rows of a node are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Elsewhere {
    /// From a row of the node on, the file has the rows of so many before (or behind, where that is negative).
    Shifted { from: usize, by: i64 },
    /// In the rows of another node.
    Node(u64),
}

/// What the rows of a node are searched by.
struct Search<'a> {
    node: &'a Node,
    contacts: Vec<(&'a Checked<'a>, usize)>,
    /// Contacts that were computed.
    computed: usize,
    width: usize,
}

/// Looks for the rows of a node whose coefficients at some contacts are not its own.
pub(super) fn elsewhere(
    sample: &Sample<'_>,
    node: &Node,
    lost: &[usize],
    (population, factors): (&Population, &Factors),
) -> Result<Option<Elsewhere>> {
    // shares are 0 nearly everywhere: they agree with any shift
    let potentials = lost.iter().filter_map(|&i| Some((sample.checked.get(i)?, i))).filter(|(c, _)| !c.demand.is_share);
    let contacts: Vec<(&Checked<'_>, usize)> = potentials.take(MAX_CONTACTS).collect();
    if contacts.is_empty() {
        return Ok(None);
    }
    let search = Search { node, contacts, computed: sample.checked.len().max(1), width: sample.width.max(1) };
    if let Some(shifted) = search.within() {
        return Ok(Some(shifted));
    }
    if let Some(other) = search.at_another(population, factors)? {
        return Ok(Some(other));
    }
    Ok(search.around(factors)?.map(|by| Elsewhere::Shifted { from: 0, by }))
}

impl Search<'_> {
    fn rows(&self) -> usize {
        self.node.computed.len() / self.computed
    }

    /// Whether a row of the file is a row computed. A conductivity that is not stated is that of the first row compared.
    fn is_row(&self, file: &[f64], computed: usize, scales: &mut Vec<f64>) -> bool {
        let row = self.node.computed.get(computed * self.computed..).unwrap_or_default();
        let first = scales.is_empty();
        for (k, (contact, i)) in self.contacts.iter().enumerate() {
            let (Some(&found), Some(&expected)) = (file.get(contact.column), row.get(*i)) else { return false };
            if first {
                let scale = if contact.formula.is_stated { 1.0 } else { found / expected };
                scales.push(if scale.is_finite() && scale != 0.0 { scale } else { 1.0 });
            }
            if expected.is_nan() {
                continue;
            }
            let expected = expected * scales.get(k).copied().unwrap_or(1.0);
            if !(found == expected || (found - expected).abs() <= SAME * found.abs().max(expected.abs())) {
                return false;
            }
        }
        true
    }

    /// Whether rows of a block of the file are rows computed: pairs of places, one of which may be wrong in a hundred.
    fn are_rows(&self, block: &[f64], pairs: impl ExactSizeIterator<Item = (usize, usize)>) -> bool {
        let mut left = (ODD * pairs.len() as f64) as usize;
        let (mut scales, mut any) = (Vec::new(), false);
        for (at, computed) in pairs {
            let file = block.get(at * self.width..(at + 1) * self.width).unwrap_or_default();
            any = true;
            if !self.is_row(file, computed, &mut scales) {
                if left == 0 {
                    return false;
                }
                left -= 1;
            }
        }
        any
    }

    /// Rows that are shifted within the node, all of them or from some row on.
    fn within(&self) -> Option<Elsewhere> {
        let rows = self.rows();
        let mut scales = Vec::new();
        let own = |row: usize, scales: &mut Vec<f64>| {
            let file = self.node.file.get(row * self.width..(row + 1) * self.width).unwrap_or_default();
            self.is_row(file, row, scales)
        };
        // rows that are in place, and one wrong among right ones
        let is_stated = self.contacts.iter().all(|(contact, _)| contact.formula.is_stated);
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
                if self.are_rows(&self.node.file, (first..last).map(|at| (at, source(at)))) {
                    return Some(Elsewhere::Shifted { from, by });
                }
            }
        }
        None
    }

    /// By how many rows the whole node is shifted beyond its own rows.
    fn around(&self, factors: &Factors) -> Result<Option<i64>> {
        let rows = self.rows();
        if rows < MIN_ROWS {
            return Ok(None);
        }
        let begin = self.node.rows.start.saturating_sub(WINDOW);
        let end = self.node.rows.end.saturating_add(WINDOW).min(factors.rows());
        let mut block = Vec::new();
        factors.read(begin..end, &mut block)?;
        let own = (self.node.rows.start - begin) as usize;
        let last = (end - begin) as usize - rows;
        let found =
            (0..=last).filter(|&at| at != own).find(|&at| self.are_rows(&block, (0..rows).map(|row| (at + row, row))));
        Ok(found.map(|at| at as i64 - own as i64))
    }

    /// The node whose rows the node's coefficients are in.
    fn at_another(&self, population: &Population, factors: &Factors) -> Result<Option<Elsewhere>> {
        let Some(offsets) = &population.offsets else { return Ok(None) };
        let rows = self.rows() as u64;
        let mut block = Vec::new();
        let others = population.node_ids.given.iter().zip(offsets.windows(2));
        let alike = others.filter(|(id, pair)| **id != self.node.id && pair[1] - pair[0] == rows);
        for (&id, pair) in alike.take(MAX_NODES) {
            factors.read(pair[0]..pair[0] + 1, &mut block)?;
            if !self.is_row(&block, 0, &mut Vec::new()) {
                continue;
            }
            factors.read(pair[0]..pair[1], &mut block)?;
            if self.are_rows(&block, (0..rows as usize).map(|row| (row, row))) {
                return Ok(Some(Elsewhere::Node(id)));
            }
        }
        Ok(None)
    }
}
