//! Recomputes weights from the segments and what the file states about its contacts, to prove units, signs,
//! conductivities, and the order of columns and rows.
//!
//! All nodes are compared if that is at most a few million weights; of a larger file, nodes of up to eight parts of the
//! table, including the first and the last. At each node, each contact is compared with what its method gives. Where
//! they differ, possible faults are tested: a constant factor, another contact's column, shifted rows, another node's
//! rows, and rows in another order. A fault is reported only if undoing it makes the node's weights agree.
//! BlueRecording does not store the conductivity; its contacts agree if one conductivity fits them.

mod criterion;
mod differences;
mod shift;

use std::collections::BTreeMap;
use std::ops::Range;

use rayon::prelude::*;

use super::contacts::ContactRecord;
use super::finding::FindingList;
use super::population::PopulationRecord;
use crate::error::Result;
use crate::methods::{self, NearField, SettingKind, WeightQuantity};
use crate::segments::table::SegmentTable;
use crate::segments::{NeuronSegments, Segments};
use crate::sonata::electrodes_file::{RecomputableContact, scaling_factors_path};
use crate::units::SiemensPerMeter;
use criterion::AgreementCriterion;

/// Maximum number of weights to compute; exceeded only if four nodes have more.
const MAX_WEIGHTS: u64 = 4_000_000;
/// Maximum number of table parts to read if not all nodes are compared.
const MAX_PARTS: usize = 8;
/// Minimum number of nodes of each part.
const MIN_NODES_PER_PART: usize = 4;

/// The segments that a file was computed from.
#[derive(Debug, Clone, Copy)]
pub enum ReferenceSegments<'a> {
    /// Segments of a table.
    Table(&'a SegmentTable),
    /// Segments of some nodes of a circuit.
    Placed {
        /// The population's name.
        population: &'a str,
        /// All segments of these nodes.
        segments: &'a Segments,
        /// The same with axon stubs by other conventions: segments whose position depends on the convention are not
        /// compared.
        others: &'a [Segments],
    },
}

impl ReferenceSegments<'_> {
    /// Returns the population that the segments belong to.
    pub(super) fn population(&self) -> &str {
        match self {
            Self::Table(table) => &table.metadata().population,
            Self::Placed { population, .. } => population,
        }
    }
}

/// Summary of the recomputed weights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecomputationSummary {
    /// The population's name.
    pub population: String,
    /// Number of nodes.
    pub nodes: u64,
    /// Number of weights.
    pub weights: u64,
    /// Number of contacts that were computed.
    pub contacts: u64,
    /// Number of computed contacts that agree.
    pub agreeing: u64,
    /// Number of contacts whose weights depend on more than the file states.
    pub left_out: u64,
}

/// A contact that can be computed.
pub(super) struct RecomputedContact<'a> {
    pub name: &'a str,
    pub column: usize,
    pub formula: RecomputableContact,
    pub criterion: AgreementCriterion,
}

/// One node: the file's rows with all columns, and what the contacts' methods give; both have one row per segment. NaN
/// was not computed.
pub(super) struct SampledNode {
    pub id: u64,
    /// Its rows in the file.
    pub rows: Range<u64>,
    pub file: Vec<f64>,
    pub computed: Vec<f64>,
}

/// The nodes that are compared.
pub(super) struct NodeSample<'a> {
    pub width: usize,
    pub checked: Vec<RecomputedContact<'a>>,
    pub nodes: Vec<SampledNode>,
}

/// Compares a population's weights, or a sample of them; returns `None` if nothing can be computed.
pub(super) fn recompute(
    population: &PopulationRecord,
    place: usize,
    contacts: &[ContactRecord],
    (segments, conductivity): (ReferenceSegments<'_>, Option<SiemensPerMeter>),
    findings: &mut FindingList,
) -> Result<Option<RecomputationSummary>> {
    let own = |(i, c): (usize, &ContactRecord)| match &population.relabelled_columns {
        Some(own) => own.get(i).copied(),
        None => c.columns.get(place).copied().flatten(),
    };
    let checked: Vec<RecomputedContact<'_>> = contacts
        .iter()
        .enumerate()
        .filter_map(|(i, c)| {
            let mut formula = RecomputableContact::from_attributes(
                c.kind.as_deref()?,
                c.position.filter(|p| p.is_finite())?,
                &c.settings,
            )?;
            if let Some(conductivity) = conductivity.filter(|_| !formula.is_fully_stated) {
                formula.contact.conductivity = conductivity.into();
                formula.is_fully_stated = true;
            }
            let alone = !formula.method.accepted_settings().contains(&SettingKind::Array);
            let says_near_field = c.settings.iter().any(|(key, _)| *key == "near_field");
            let demand = AgreementCriterion {
                all_must_agree: formula.is_fully_stated
                    && says_near_field
                    && formula.contact.near_field == NearField::ClampToRadius,
                is_share: formula.method.quantity() == WeightQuantity::CurrentShare,
            };
            alone.then_some(RecomputedContact {
                name: &c.name,
                column: own((i, c))? as usize,
                formula,
                criterion: demand,
            })
        })
        .collect();
    let left_out = (contacts.len() - checked.len()) as u64;
    let nodes = sample_nodes(population, segments, &checked)?;
    let Some(factors) = population.factors.as_ref().filter(|_| !checked.is_empty() && !nodes.is_empty()) else {
        return Ok(None);
    };
    let sample = NodeSample { width: factors.columns() as usize, checked, nodes };
    let agreeing =
        sample.report_differences(&scaling_factors_path(&population.name), (population, factors), findings)?;
    Ok(Some(RecomputationSummary {
        population: population.name.clone(),
        nodes: sample.nodes.len() as u64,
        weights: sample.nodes.iter().map(|n| n.computed.len() as u64).sum(),
        contacts: sample.checked.len() as u64,
        agreeing,
        left_out,
    }))
}

/// Chooses nodes that the file has with the same number of segments: all, or a sample.
fn sample_nodes(
    population: &PopulationRecord,
    segments: ReferenceSegments<'_>,
    checked: &[RecomputedContact<'_>],
) -> Result<Vec<SampledNode>> {
    if checked.is_empty() {
        return Ok(Vec::new());
    }
    let mut nodes = Vec::new();
    match segments {
        ReferenceSegments::Placed { segments, others, .. } => {
            let neurons: Vec<NeuronSegments<'_>> = segments.neurons().collect();
            add_nodes(population, &neurons, MAX_WEIGHTS, checked, &mut nodes)?;
            for node in &mut nodes {
                mask_ambiguous_rows(node, segments, others);
            }
        }
        ReferenceSegments::Table(table) => {
            let parts = table.parts();
            let all = table.len().saturating_mul(checked.len() as u64) <= MAX_WEIGHTS;
            let count = if all { parts.len() } else { parts.len().min(MAX_PARTS) };
            for number in 0..count {
                // the first, the last, and others at equal steps between them
                let at = if count > 1 { number * (parts.len() - 1) / (count - 1) } else { 0 };
                let Some(part) = parts.get(at) else { continue };
                let segments = part.read_by_row()?;
                let neurons: Vec<NeuronSegments<'_>> = segments.neurons().collect();
                let most = if all { u64::MAX } else { MAX_WEIGHTS / count as u64 };
                add_nodes(population, &neurons, most, checked, &mut nodes)?;
            }
        }
    }
    nodes.sort_by_key(|node| node.rows.start);
    Ok(nodes)
}

/// Marks the rows of a node whose position depends on the convention as not computed.
fn mask_ambiguous_rows(node: &mut SampledNode, segments: &Segments, others: &[Segments]) {
    let of_node = |all: &Segments| -> Vec<[[f64; 3]; 2]> {
        let own = all.iter().filter(|s| s.node_id == node.id);
        own.map(|s| [s.start.to_array(), s.end.to_array()]).collect()
    };
    let own = of_node(segments);
    let width = node.computed.len() / own.len().max(1);
    for other in others.iter().map(of_node) {
        for (row, ends) in own.iter().enumerate() {
            if other.get(row) != Some(ends) {
                node.computed.iter_mut().skip(row * width).take(width).for_each(|value| *value = f64::NAN);
            }
        }
    }
}

/// Adds nodes at equal steps, so that at most a given number of weights is computed.
fn add_nodes(
    population: &PopulationRecord,
    neurons: &[NeuronSegments<'_>],
    most: u64,
    checked: &[RecomputedContact<'_>],
    nodes: &mut Vec<SampledNode>,
) -> Result<()> {
    let (Some(offsets), Some(factors)) = (&population.offsets, &population.factors) else { return Ok(()) };
    let places: BTreeMap<u64, usize> = population.node_ids.in_file_order.iter().copied().zip(0..).collect();
    let rows = |neuron: &NeuronSegments<'_>| {
        let &place = places.get(&neuron.node_id()?)?;
        let rows = *offsets.get(place)?..*offsets.get(place + 1)?;
        (rows.end - rows.start == neuron.len() as u64 && !neuron.is_empty()).then_some(rows)
    };
    let fitting: Vec<(&NeuronSegments<'_>, Range<u64>)> = neurons.iter().filter_map(|n| Some((n, rows(n)?))).collect();
    let weights = fitting.iter().map(|(n, _)| n.len() as u64).sum::<u64>().saturating_mul(checked.len() as u64);
    let wanted = (fitting.len() as u64).saturating_mul(most).checked_div(weights).unwrap_or(0) as usize;
    let step = fitting.len().div_ceil(wanted.max(MIN_NODES_PER_PART)).max(1);
    let chosen: Vec<&(&NeuronSegments<'_>, Range<u64>)> = fitting.iter().step_by(step).collect();
    let made = chosen.into_par_iter().map(|(neuron, rows)| {
        let mut file = Vec::new();
        factors.read_rows(rows.clone(), &mut file)?;
        let id = neuron.node_id().unwrap_or_default();
        Ok(SampledNode { id, rows: rows.clone(), file, computed: compute_node(checked, neuron)? })
    });
    nodes.extend(made.collect::<Result<Vec<SampledNode>>>()?);
    Ok(())
}

/// Computes what the contacts' methods give for a neuron.
fn compute_node(checked: &[RecomputedContact<'_>], neuron: &NeuronSegments<'_>) -> Result<Vec<f64>> {
    let mut all = vec![f64::NAN; neuron.len() * checked.len()];
    let mut own = Vec::new();
    let mut methods: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (i, c) in checked.iter().enumerate() {
        methods.entry(c.formula.method.name()).or_default().push(i);
    }
    for (name, places) in methods {
        let Some(method) = methods::find_method(name) else { continue };
        let contacts: Vec<methods::Contact> =
            places.iter().filter_map(|&i| checked.get(i).map(|c| c.formula.contact.clone())).collect();
        own.clear();
        own.resize(neuron.len() * places.len(), 0.0);
        method.prepare(&contacts)?.fill_weights(neuron, &mut own);
        for (row, values) in all.chunks_exact_mut(checked.len()).zip(own.chunks_exact(places.len())) {
            places.iter().zip(values).for_each(|(&i, &value)| row[i] = value);
        }
    }
    Ok(all)
}
