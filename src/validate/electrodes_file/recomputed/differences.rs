//! Finds the faults that the differences between a file's weights and the recomputed ones prove.

use std::collections::{BTreeMap, BTreeSet};

use super::criterion::median_ratio;
use super::shift::{RowShift, find_shift};
use super::{NodeSample, SampledNode};
use crate::error::{Result, format_count, join_quoted};
use crate::sonata::electrodes_file::WeightsDataset;
use crate::validate::electrodes_file::code::Code;
use crate::validate::electrodes_file::finding::FindingList;
use crate::validate::electrodes_file::population::PopulationRecord;

/// Plausible factors of a conductivity: no tissue conducts a hundred times better or worse, so larger factors are
/// units.
const PLAUSIBLE_SCALES: std::ops::Range<f64> = 0.01..100.0;
/// Relative difference below which factors are the same.
const FACTOR_TOLERANCE: f64 = 0.01;
/// Maximum number of nodes whose rows are searched elsewhere.
const MAX_SEARCHED: usize = 64;
/// Maximum number of contacts and nodes that a message lists.
const MAX_LISTED: usize = 6;

/// Factor between the file's and the computed weights of one contact at one node; `None` if they are not proportional.
type Factor = Option<f64>;

impl NodeSample<'_> {
    /// Returns the pairs of the weights in a column of the file and those that a contact's method gives, for one node.
    fn node_pairs(&self, node: &SampledNode, column: usize, i: usize) -> Vec<(f64, f64)> {
        let file = node.file.iter().skip(column).step_by(self.width.max(1));
        let computed = node.computed.iter().skip(i).step_by(self.checked.len().max(1));
        file.copied().zip(computed.copied()).filter(|(_, computed)| !computed.is_nan()).collect()
    }

    /// Returns whether all weights of a node are 0 though some are potentials, which is a separate finding.
    fn is_zero(&self, node: &SampledNode) -> bool {
        let has_potentials = self.checked.iter().any(|c| !c.criterion.is_share);
        has_potentials && node.file.iter().all(|v| *v == 0.0)
    }

    /// Returns the pairs of [`NodeSample::node_pairs`] for all nodes, except those whose weights are all 0.
    fn all_pairs(&self, column: usize, i: usize) -> Vec<(f64, f64)> {
        self.nodes.iter().filter(|node| !self.is_zero(node)).flat_map(|node| self.node_pairs(node, column, i)).collect()
    }

    /// Returns the factor for a contact whose conductivity the file does not state; 1 if it does.
    fn conductivity_scale(&self, column: usize, i: usize) -> f64 {
        let stated = self.checked.get(i).is_none_or(|c| c.formula.is_fully_stated);
        let scale = if stated { 1.0 } else { median_ratio(&self.all_pairs(column, i)).unwrap_or(1.0) };
        // a unit or a sign is not a conductivity
        if PLAUSIBLE_SCALES.contains(&scale) { scale } else { 1.0 }
    }

    /// Returns the factor of each node for a contact whose weights should be in a column.
    fn node_factors(&self, column: usize, i: usize) -> Vec<Factor> {
        let scale = self.conductivity_scale(column, i);
        let demand = self.checked.get(i).map_or_else(Default::default, |c| c.criterion);
        let factor = |node: &SampledNode| {
            let pairs: Vec<(f64, f64)> =
                self.node_pairs(node, column, i).into_iter().map(|(file, computed)| (file, computed * scale)).collect();
            demand.find_factor(&pairs)
        };
        self.nodes.iter().map(|node| if self.is_zero(node) { Some(1.0) } else { factor(node) }).collect()
    }

    /// Adds a finding for each proved fault, and returns the number of contacts that agree at all nodes.
    pub fn report_differences(
        &self,
        object: &str,
        file: (&PopulationRecord, &WeightsDataset),
        findings: &mut FindingList,
    ) -> Result<u64> {
        let factors: Vec<Vec<Factor>> = (0..).zip(&self.checked).map(|(i, c)| self.node_factors(c.column, i)).collect();
        let agreeing = factors.iter().filter(|nodes| nodes.iter().all(|f| *f == Some(1.0))).count() as u64;
        self.report_factors(object, &factors, findings);
        let is_lost = |nodes: &[Factor]| nodes.iter().all(Option::is_none);
        let lost: Vec<usize> = (0..).zip(&factors).filter(|(_, nodes)| is_lost(nodes)).map(|(i, _)| i).collect();
        let exchanged = if lost.is_empty() { None } else { self.find_exchanged_columns(&lost) };
        if let Some(text) = &exchanged {
            findings.add(Code::ColumnsExchanged, object, text);
        }
        let explained: BTreeSet<usize> = if exchanged.is_some() { lost.into_iter().collect() } else { BTreeSet::new() };
        self.report_nodes(object, &factors, &explained, file, findings)?;
        Ok(agreeing)
    }

    /// Reports nodes whose weights are not proportional to the expected ones at contacts that no other fault explains.
    fn report_nodes(
        &self,
        object: &str,
        factors: &[Vec<Factor>],
        explained: &BTreeSet<usize>,
        file: (&PopulationRecord, &WeightsDataset),
        findings: &mut FindingList,
    ) -> Result<()> {
        let (mut shifted, mut reordered, mut unknown) = (Vec::new(), Vec::new(), Vec::new());
        let mut searched = 0;
        for (place, node) in self.nodes.iter().enumerate() {
            let is_lost = |i: &usize| !explained.contains(i) && factors[*i].get(place) == Some(&None);
            let lost: Vec<usize> = (0..self.checked.len()).filter(is_lost).collect();
            if lost.is_empty() {
                continue;
            }
            searched += 1;
            let found = if searched <= MAX_SEARCHED { find_shift(self, node, &lost, file)? } else { None };
            if let Some(found) = found {
                shifted.push((node, found));
            } else if searched > MAX_SEARCHED && !shifted.is_empty() {
                // once a fault is found, further nodes need no search
            } else if let Some(Some(moved)) = self.find_moved_row(node) {
                reordered.push((node.id, moved));
            } else {
                unknown.push((node.id, lost));
            }
        }
        self.report_shifted(object, &shifted, findings);
        if let Some((id, (row, from))) = reordered.first() {
            let text = format!(
                "rows in the wrong order, expected sections by ascending id and segments in order, found the weights \
                 of row {row} of node {id} in its row {from}"
            );
            findings.add(Code::RowsReordered, object, text);
            findings.set_last_more_count(reordered.len() as u64 - 1);
        }
        if !unknown.is_empty() {
            let contacts: BTreeSet<usize> = unknown.iter().flat_map(|(_, lost)| lost.iter().copied()).collect();
            let nodes: Vec<u64> = unknown.iter().map(|(id, _)| *id).collect();
            let text = format!(
                "wrong weights at {}, expected the weights of {}",
                self.describe_nodes(&nodes),
                join_quoted(contacts.iter().filter_map(|&i| self.checked.get(i)).map(|c| c.name), MAX_LISTED)
            );
            findings.add(Code::OtherWeights, object, text);
        }
        Ok(())
    }

    /// Describes some nodes in a message.
    fn describe_nodes(&self, nodes: &[u64]) -> String {
        let number = format_count(nodes.len() as u64, "node");
        if nodes.len() == self.nodes.len() {
            return number;
        }
        format!("{number} ({})", join_quoted(nodes.iter().map(u64::to_string), MAX_LISTED))
    }

    /// Reports constant factors: a sign, a unit, a conductivity.
    fn report_factors(&self, object: &str, factors: &[Vec<Factor>], findings: &mut FindingList) {
        // contacts and nodes by factor; factors of the same kind are merged
        let mut groups: Vec<(f64, BTreeSet<usize>, BTreeSet<u64>)> = Vec::new();
        for (i, nodes) in factors.iter().enumerate() {
            for (factor, node) in nodes.iter().zip(&self.nodes) {
                let Some(factor) = factor.filter(|factor| *factor != 1.0) else { continue };
                let like = |other: &&mut (f64, _, _)| (other.0 - factor).abs() <= 1e-3 * factor.abs();
                match groups.iter_mut().find(like) {
                    Some((_, contacts, ids)) => {
                        contacts.insert(i);
                        ids.insert(node.id);
                    }
                    None => groups.push((factor, BTreeSet::from([i]), BTreeSet::from([node.id]))),
                }
            }
        }
        groups.sort_by(|a, b| a.0.total_cmp(&b.0));
        for (factor, contacts, ids) in groups {
            let names = join_quoted(contacts.iter().filter_map(|&i| self.checked.get(i)).map(|c| c.name), MAX_LISTED);
            let ids: Vec<u64> = ids.into_iter().collect();
            let at = if ids.len() == self.nodes.len() {
                format!("contacts {names}")
            } else {
                format!("contacts {names} of {}", self.describe_nodes(&ids))
            };
            if factor < 0.0 {
                findings.add(
                    Code::SignFlipped,
                    object,
                    format!("opposite sign, expected that of a potential, found {at}"),
                );
            }
            self.report_size(object, factor.abs(), &contacts, &at, findings);
        }
    }

    /// Reports a factor that is a unit, a conductivity, or both.
    fn report_size(&self, object: &str, size: f64, contacts: &BTreeSet<usize>, at: &str, findings: &mut FindingList) {
        // powers of a thousand are units; the rest is a conductivity
        let power = if PLAUSIBLE_SCALES.contains(&size) { 0 } else { (size.log10() / 3.0).round() as i32 };
        let unit = 1000_f64.powi(power);
        let left = size / unit;
        if power != 0 {
            let text = format!("wrong unit, expected V/nA, found {unit:.0e} times as much at {at}");
            findings.add(Code::UnitFactor, object, text);
        }
        if size == 1.0 || (power != 0 && (left - 1.0).abs() <= FACTOR_TOLERANCE) {
            return;
        }
        let known = contacts.iter().filter_map(|&i| self.checked.get(i));
        let stated: Vec<f64> = known
            .filter(|c| c.formula.method.uses_conductivity() && c.formula.is_fully_stated)
            .filter_map(|c| c.formula.contact.conductivity.isotropic_s_per_m())
            .collect();
        let one = stated.first().filter(|first| stated.iter().all(|sigma| sigma == *first));
        let text = match one {
            Some(sigma) => format!(
                "wrong conductivity, expected {sigma} S/m, found weights of {:.4} S/m, {left:.4} times as large, at \
                 {at}",
                sigma / left
            ),
            None => format!("wrong conductivity or scale, expected 1, found weights {left:.4} times as large at {at}"),
        };
        findings.add(Code::OtherConductivity, object, text);
    }

    fn report_shifted(&self, object: &str, shifted: &[(&SampledNode, RowShift)], findings: &mut FindingList) {
        let mut by_kind: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        for (node, found) in shifted {
            let kind = match found {
                RowShift::Shifted { by, .. } if *by > 0 => format!("{} before", format_count(by.unsigned_abs(), "row")),
                RowShift::Shifted { by, .. } => format!("{} behind", format_count(by.unsigned_abs(), "row")),
                RowShift::OtherNode(_) => "another node".into(),
            };
            by_kind.entry(kind).or_default().push(node.id);
        }
        for (kind, nodes) in by_kind {
            let first = shifted.iter().find(|(node, _)| nodes.first() == Some(&node.id));
            let text = match first {
                Some((node, RowShift::Shifted { from, .. })) => format!(
                    "shifted rows at {}, expected each segment's own, found the weights of {kind}, from row {from} of \
                     node {} on",
                    self.describe_nodes(&nodes),
                    node.id
                ),
                Some((node, RowShift::OtherNode(other))) => format!(
                    "rows of other nodes at {}, expected each node's own, found the weights of node {} in the rows of \
                     node {other}",
                    self.describe_nodes(&nodes),
                    node.id
                ),
                None => continue,
            };
            findings.add(Code::RowsShifted, object, text);
        }
    }

    /// Returns whether each contact that does not agree has its weights in the column of another.
    fn find_exchanged_columns(&self, lost: &[usize]) -> Option<String> {
        let columns: Vec<usize> = self.checked.iter().map(|c| c.column).collect();
        let has = |column: usize, i: usize| self.node_factors(column, i).iter().all(|factor| *factor == Some(1.0));
        let place = |&i: &usize| {
            let at = columns.iter().position(|&column| column != columns[i] && has(column, i))?;
            Some(format!("those of `{}` at `{}`", self.checked.get(i)?.name, self.checked.get(at)?.name))
        };
        let places = lost.iter().map(place).collect::<Option<Vec<String>>>()?;
        let more = places.len().saturating_sub(3);
        let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
        let shown = places.into_iter().take(3).collect::<Vec<_>>().join(", ");
        Some(format!("exchanged columns, expected each contact's own, found {shown}{rest}"))
    }

    /// Finds the first row of a node that is elsewhere, and its new place; `None` if its rows are not the computed ones
    /// in any order.
    fn find_moved_row(&self, node: &SampledNode) -> Option<Option<(usize, usize)>> {
        let scales = (0..).zip(&self.checked).map(|(i, c)| self.conductivity_scale_of_sums(node, c.column, i));
        let scales: Vec<f64> = scales.collect();
        let scaled = |row: &[f64]| row.iter().zip(&scales).map(|(v, scale)| v * scale).collect::<Vec<f64>>();
        let picked = |row: &[f64]| self.checked.iter().filter_map(|c| row.get(c.column).copied()).collect::<Vec<f64>>();
        let computed: Vec<Vec<f64>> = node.computed.chunks_exact(self.checked.len().max(1)).map(scaled).collect();
        let file: Vec<Vec<f64>> = node.file.chunks_exact(self.width.max(1)).map(picked).collect();
        // equal weights have the same order by size
        let (by_computed, by_file) = (order_by_first_weight(&computed), order_by_first_weight(&file));
        let pairs: Vec<(usize, usize)> = by_computed.iter().copied().zip(by_file.iter().copied()).collect();
        let values = |i: usize, rows: &[(usize, usize)]| -> Vec<(f64, f64)> {
            let value = |&(row, from): &(usize, usize)| Some((*file.get(from)?.get(i)?, *computed.get(row)?.get(i)?));
            rows.iter().filter_map(value).collect()
        };
        let are_same = |rows: &[(usize, usize)]| {
            (0..)
                .zip(&self.checked)
                .all(|(i, c)| c.criterion.is_share || c.criterion.pairs_agree(&values(i, rows), 1.0))
        };
        if !are_same(&pairs) {
            return None;
        }
        let elsewhere = pairs.iter().filter(|&&(row, _)| !are_same(&[(row, row)])).copied();
        Some(elsewhere.min())
    }

    /// Returns the same factor as [`NodeSample::conductivity_scale`], independent of the order of rows.
    fn conductivity_scale_of_sums(&self, node: &SampledNode, column: usize, i: usize) -> f64 {
        if self.checked.get(i).is_none_or(|c| c.formula.is_fully_stated) {
            return 1.0;
        }
        let sum =
            |values: &[f64], first: usize, step: usize| values.iter().skip(first).step_by(step.max(1)).sum::<f64>();
        sum(&node.file, column, self.width) / sum(&node.computed, i, self.checked.len())
    }
}

/// Returns row indices in the order of their first weight.
fn order_by_first_weight(rows: &[Vec<f64>]) -> Vec<usize> {
    let first = |i: usize| rows.get(i).and_then(|row| row.first()).copied().unwrap_or(f64::NAN);
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by(|&a, &b| first(a).total_cmp(&first(b)));
    order
}
