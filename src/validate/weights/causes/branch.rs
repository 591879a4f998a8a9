//! The branch that an axon's stubs follow: each file has the coefficients of stubs where one of two rules puts them.
//!
//! The stubs are placed by both rules and their coefficients computed anew, for contacts of point and line sources. Files of
//! BlueRecording do not say what conductivity they were computed with; so coefficients are compared by their ratio to that of
//! the soma, which lies in one place by every rule, and has to agree between the files.

use super::case::Case;
use super::{ByBranch, Cause};
use crate::error::Result;
use crate::methods::{Contact, Kernel};
use crate::segments::NeuronSegments;
use crate::sonata::electrodes_file::Formula;
use crate::validate::weights::columns::Matched;

/// Coefficients of one placement agree up to here, relative: old files hold contacts and points as float32.
const SAME: f64 = 1e-3;

pub(super) fn last_branch(case: &Case<'_>, branches: &dyn Fn(&[u64]) -> Result<ByBranch>) -> Result<Option<Cause>> {
    let Some((kernel, contacts)) = analytic(case)? else { return Ok(None) };
    let mut nodes = Vec::new();
    for &node in case.sides[0].1.node_ids() {
        let differs = |[a, b]: [Vec<f64>; 2]| a.iter().zip(&b).any(|(&a, &b)| !case.tolerance.allows(a, b));
        if case.node(node, &contacts)?.is_some_and(differs) {
            nodes.push(node);
        }
    }
    if nodes.is_empty() {
        return Ok(None);
    }
    let [(first, one), (second, other)] = branches(&nodes)?;
    // which rule each file follows: both ways are open until a neuron closes one
    let mut open = [true, true];
    let (mut by_one, mut by_other) = (one.neurons(), other.neurons());
    for _ in &nodes {
        let (Some(one), Some(other)) = (by_one.next(), by_other.next()) else { return Ok(None) };
        let Some(node) = one.node_id().filter(|id| other.node_id() == Some(*id)) else { return Ok(None) };
        let Some(files) = case.node(node, &contacts)? else { return Ok(None) };
        let computed = [one, other].map(|neuron| filled(&*kernel, &neuron, contacts.len()));
        let fits = |file: usize, rule: usize| follows(&files[file], &computed[rule], contacts.len());
        if !same_soma(&files, contacts.len(), case) {
            return Ok(None);
        }
        let told = [fits(0, 0) && fits(1, 1), fits(0, 1) && fits(1, 0)];
        open = [open[0] && told[0] && !told[1], open[1] && told[1] && !told[0]];
        if open == [false, false] {
            return Ok(None);
        }
    }
    let rules = if open[0] { [first, second] } else { [second, first] };
    Ok(Some(Cause::LastBranch { nodes: nodes.len() as u64, rules }))
}

/// A method made ready for some contacts, and these.
type Ready<'c> = (Box<dyn Kernel>, Vec<&'c Matched>);

/// The contacts that differ and are of one analytic method, that of the first of them, made ready.
fn analytic<'c>(case: &'c Case<'_>) -> Result<Option<Ready<'c>>> {
    let mut found: Vec<(&Matched, Formula)> = Vec::new();
    for contact in case.differing() {
        let Some(formula) = case.sides[0].0.formula(&contact.name)? else { continue };
        let like = found.first().is_none_or(|(_, other)| other.method.name() == formula.method.name());
        if like && formula.method.is_analytic() {
            found.push((contact, formula));
        }
    }
    let Some(method) = found.first().map(|(_, formula)| formula.method) else { return Ok(None) };
    let (contacts, formulas): (Vec<&Matched>, Vec<Contact>) =
        found.into_iter().map(|(contact, formula)| (contact, formula.contact)).unzip();
    Ok(Some((method.prepare(&formulas)?, contacts)))
}

fn filled(kernel: &dyn Kernel, neuron: &NeuronSegments<'_>, width: usize) -> Vec<f64> {
    let mut values = vec![0.0; neuron.len() * width];
    kernel.fill(neuron, &mut values);
    values
}

/// Whether both files have the same coefficients for the soma, the first row.
fn same_soma([a, b]: &[Vec<f64>; 2], width: usize, case: &Case<'_>) -> bool {
    a.iter().zip(b).take(width).all(|(&a, &b)| case.tolerance.allows(a, b))
}

/// Whether a file's coefficients are those computed, but for one factor a contact.
fn follows(file: &[f64], computed: &[f64], width: usize) -> bool {
    let scale: Vec<f64> = file.iter().zip(computed).take(width).map(|(file, computed)| file / computed).collect();
    let same = |file: &[f64], computed: &[f64]| {
        let pairs = file.iter().zip(computed).zip(&scale);
        pairs.into_iter().all(|((file, computed), scale)| (file - scale * computed).abs() <= SAME * file.abs())
    };
    file.len() == computed.len() && file.chunks(width).zip(computed.chunks(width)).all(|(f, c)| same(f, c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_follows_what_is_computed_up_to_one_factor_a_contact() {
        let computed = [1.0, 10.0, 2.0, 30.0];
        assert!(follows(&[2.0, 5.0, 4.0, 15.0], &computed, 2));
        assert!(!follows(&[2.0, 5.0, 4.0, 15.1], &computed, 2));
        assert!(!follows(&[2.0, 5.0], &computed, 2));
        assert!(!follows(&[2.0, f64::NAN, 4.0, 15.0], &computed, 2));
    }
}
