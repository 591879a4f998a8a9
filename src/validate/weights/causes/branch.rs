//! Detects a difference in the branch that axon stubs follow: each file has the weights of stubs placed by one of two
//! rules.
//!
//! The stubs are placed by both rules and their weights recomputed, for contacts of point and line sources. Files of
//! BlueRecording do not state the conductivity, so weights are compared by their ratio to that of the soma, whose
//! position is the same by every rule, and whose weight must agree between the files.

use super::differing_files::DifferingFiles;
use super::{SegmentsByBranchRule, WeightsCause};
use crate::error::Result;
use crate::methods::{Contact, PreparedMethod};
use crate::segments::NeuronSegments;
use crate::sonata::electrodes_file::RecomputableContact;
use crate::validate::weights::matched_columns::MatchedColumn;

/// Relative tolerance of weights of the same placement: old files store contacts and points as float32.
const RELATIVE_TOLERANCE: f64 = 1e-3;

pub(super) fn find_last_branch(
    case: &DifferingFiles<'_>,
    branches: &dyn Fn(&[u64]) -> Result<SegmentsByBranchRule>,
) -> Result<Option<WeightsCause>> {
    let Some((kernel, contacts)) = prepare_analytic_contacts(case)? else { return Ok(None) };
    let mut nodes = Vec::new();
    for &node in case.sides[0].1.node_ids() {
        let differs = |[a, b]: [Vec<f64>; 2]| a.iter().zip(&b).any(|(&a, &b)| !case.tolerance.allows(a, b));
        if case.node_weights(node, &contacts)?.is_some_and(differs) {
            nodes.push(node);
        }
    }
    if nodes.is_empty() {
        return Ok(None);
    }
    let [(first, one), (second, other)] = branches(&nodes)?;
    // for each assignment of rules to files, whether all neurons so far are consistent with it
    let mut open = [true, true];
    let (mut by_one, mut by_other) = (one.neurons(), other.neurons());
    for _ in &nodes {
        let (Some(one), Some(other)) = (by_one.next(), by_other.next()) else { return Ok(None) };
        let Some(node) = one.node_id().filter(|id| other.node_id() == Some(*id)) else { return Ok(None) };
        let Some(files) = case.node_weights(node, &contacts)? else { return Ok(None) };
        let computed = [one, other].map(|neuron| compute_weights(&*kernel, &neuron, contacts.len()));
        let fits = |file: usize, rule: usize| is_proportional(&files[file], &computed[rule], contacts.len());
        if !has_same_soma(&files, contacts.len(), case) {
            return Ok(None);
        }
        let consistent = [fits(0, 0) && fits(1, 1), fits(0, 1) && fits(1, 0)];
        open = [open[0] && consistent[0] && !consistent[1], open[1] && consistent[1] && !consistent[0]];
        if open == [false, false] {
            return Ok(None);
        }
    }
    let rules = if open[0] { [first, second] } else { [second, first] };
    Ok(Some(WeightsCause::LastBranch { nodes: nodes.len() as u64, rules }))
}

/// A prepared method, and its contacts.
type PreparedContacts<'c> = (Box<dyn PreparedMethod>, Vec<&'c MatchedColumn>);

/// Prepares the analytic method of the first differing contact, for all differing contacts with that method.
fn prepare_analytic_contacts<'c>(case: &'c DifferingFiles<'_>) -> Result<Option<PreparedContacts<'c>>> {
    let mut found: Vec<(&MatchedColumn, RecomputableContact)> = Vec::new();
    for contact in case.differing_contacts() {
        let Some(formula) = case.sides[0].0.recomputable_contact(&contact.name)? else { continue };
        let like = found.first().is_none_or(|(_, other)| other.method.name() == formula.method.name());
        if like && formula.method.has_sources_on_segment() {
            found.push((contact, formula));
        }
    }
    let Some(method) = found.first().map(|(_, formula)| formula.method) else { return Ok(None) };
    let (contacts, formulas): (Vec<&MatchedColumn>, Vec<Contact>) =
        found.into_iter().map(|(contact, formula)| (contact, formula.contact)).unzip();
    Ok(Some((method.prepare(&formulas)?, contacts)))
}

fn compute_weights(kernel: &dyn PreparedMethod, neuron: &NeuronSegments<'_>, width: usize) -> Vec<f64> {
    let mut values = vec![0.0; neuron.len() * width];
    kernel.fill_weights(neuron, &mut values);
    values
}

/// Returns whether both files have the same weights for the soma, the first row.
fn has_same_soma([a, b]: &[Vec<f64>; 2], width: usize, case: &DifferingFiles<'_>) -> bool {
    a.iter().zip(b).take(width).all(|(&a, &b)| case.tolerance.allows(a, b))
}

/// Returns whether a file's weights are the computed ones, up to one factor per contact.
fn is_proportional(file: &[f64], computed: &[f64], width: usize) -> bool {
    let scale: Vec<f64> = file.iter().zip(computed).take(width).map(|(file, computed)| file / computed).collect();
    let same = |file: &[f64], computed: &[f64]| {
        let pairs = file.iter().zip(computed).zip(&scale);
        pairs
            .into_iter()
            .all(|((file, computed), scale)| (file - scale * computed).abs() <= RELATIVE_TOLERANCE * file.abs())
    };
    file.len() == computed.len() && file.chunks(width).zip(computed.chunks(width)).all(|(f, c)| same(f, c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_follows_what_is_computed_up_to_one_factor_a_contact() {
        let computed = [1.0, 10.0, 2.0, 30.0];
        assert!(is_proportional(&[2.0, 5.0, 4.0, 15.0], &computed, 2));
        assert!(!is_proportional(&[2.0, 5.0, 4.0, 15.1], &computed, 2));
        assert!(!is_proportional(&[2.0, 5.0], &computed, 2));
        assert!(!is_proportional(&[2.0, f64::NAN, 4.0, 15.0], &computed, 2));
    }
}
