//! Checks whether a table fits a circuit and its report: same neurons, segments, order and positions.

use rayon::prelude::*;

use crate::circuit::placement::NeuronPlan;
use crate::circuit::{SegmentTableOptions, SegmentationPlan};
use crate::error::{Error, Result};
use crate::geometry::{Aabb, Point};
use crate::segments::table::{Precision, SegmentTable};
use crate::segments::{NeuronSegments, SectionType, Segment};

/// How a table differs from a circuit; node ids are ascending.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TableCheck {
    /// Number of neurons in the table.
    pub neuron_count: u64,
    /// Nodes that are in the table but not in the report.
    pub unknown: Vec<u64>,
    /// Requested nodes that are not in the table.
    pub missing: Vec<u64>,
    /// Nodes whose numbers of segments differ: id, number in the table, number in the report.
    pub segment_counts: Vec<(u64, u64, u64)>,
    /// Nodes whose rows are not in the order of sections and segments: id, and the first such row, counted from the
    /// node's first.
    pub out_of_order: Vec<(u64, u64)>,
    /// Nodes whose soma and dendrites do not lie where the circuit puts them: id, and the largest distance between the
    /// sides of the two bounding boxes, µm. Infinite if any coordinate, including that of a stub, is not finite.
    pub displaced_um: Vec<(u64, f64)>,
    /// Nodes that cannot be placed by the report, and why.
    pub unplaced: Vec<(u64, String)>,
}

impl TableCheck {
    /// Returns whether the table fits.
    pub fn is_consistent(&self) -> bool {
        let Self {
            neuron_count: _,
            unknown,
            missing,
            segment_counts: counts,
            out_of_order: order,
            displaced_um: boxes,
            unplaced,
        } = self;
        let lists = [unknown.len(), missing.len(), counts.len(), order.len(), boxes.len(), unplaced.len()];
        lists.iter().all(|&n| n == 0)
    }
}

/// A mismatch between a neuron of a table and the circuit.
enum Mismatch {
    Unknown,
    SegmentCount(u64),
    OutOfOrder(u64),
    DisplacedUm(f64),
    Unplaced(Error),
}

/// Returns the largest allowed distance between the sides of two boxes, µm: rounding, and float32 coordinates some mm
/// from the origin.
const fn tolerance_um(precision: Precision) -> f64 {
    match precision {
        Precision::F64 => 1e-5,
        Precision::F32 => 1e-2,
    }
}

/// Compares a table with the segments that the circuit and its report give. The positions of axon stubs are a
/// convention and are not compared.
///
/// # Errors
/// Returns an error if the table cannot be read.
pub fn check_table(circuit: &SegmentationPlan, table: &SegmentTable) -> Result<TableCheck> {
    let mut fit = TableCheck { neuron_count: table.neurons()?.len() as u64, ..TableCheck::default() };
    let mut seen = vec![false; circuit.plans.len()];
    for part in table.parts() {
        let segments = part.read_by_row_unchecked()?;
        let neurons: Vec<NeuronSegments<'_>> = segments.neurons().collect();
        let mismatches = neurons.par_iter().map(|n| find_mismatch(circuit, n, tolerance_um(table.precision())));
        for (neuron, mismatch) in neurons.iter().zip(mismatches.collect::<Vec<_>>()) {
            let node_id = neuron.node_id().unwrap_or_default();
            if let Ok(place) = circuit.find_plan(node_id) {
                seen[place] = true;
            }
            match mismatch {
                None => {}
                Some(Mismatch::Unknown) => fit.unknown.push(node_id),
                Some(Mismatch::SegmentCount(expected)) => {
                    fit.segment_counts.push((node_id, neuron.len() as u64, expected))
                }
                Some(Mismatch::OutOfOrder(row)) => fit.out_of_order.push((node_id, row)),
                Some(Mismatch::DisplacedUm(um)) => fit.displaced_um.push((node_id, um)),
                Some(Mismatch::Unplaced(error)) => fit.unplaced.push((node_id, error.to_string())),
            }
        }
    }
    fit.missing = circuit.plans.iter().zip(&seen).filter(|(_, seen)| !**seen).map(|(p, _)| p.node_id).collect();
    fit.unknown.sort_unstable();
    fit.segment_counts.sort_unstable();
    fit.out_of_order.sort_unstable();
    fit.displaced_um.sort_unstable_by_key(|b| b.0);
    fit.unplaced.sort_unstable();
    Ok(fit)
}

fn find_mismatch(circuit: &SegmentationPlan, neuron: &NeuronSegments<'_>, tolerance_um: f64) -> Option<Mismatch> {
    let plan = neuron.node_id().and_then(|id| circuit.plans.get(circuit.find_plan(id).ok()?));
    let Some(plan) = plan else { return Some(Mismatch::Unknown) };
    if plan.segment_count() != neuron.len() as u64 {
        return Some(Mismatch::SegmentCount(plan.segment_count()));
    }
    if let Some(row) = first_out_of_order(neuron, plan) {
        return Some(Mismatch::OutOfOrder(row));
    }
    // a bounding box ignores NaN, so coordinates that are not finite are checked separately
    let mut ends = (0..neuron.len()).map(|i| neuron.get(i)).flat_map(|s| [s.start, s.end]);
    if !ends.all(Point::is_finite) {
        return Some(Mismatch::DisplacedUm(f64::INFINITY));
    }
    let placed = match circuit.place_neuron(plan, &SegmentTableOptions::default()) {
        Ok(placed) => placed,
        Err(error) => return Some(Mismatch::Unplaced(error)),
    };
    let expected = body_box(placed.iter());
    let found = body_box((0..neuron.len()).map(|i| neuron.get(i)));
    let apart = [expected.min - found.min, expected.max - found.max];
    let apart = apart.iter().flat_map(|d| d.to_array()).fold(0.0, |most: f64, d| most.max(d.abs()));
    (apart > tolerance_um).then_some(Mismatch::DisplacedUm(apart))
}

/// Returns the first row, counted from the neuron's first, that is not the expected segment.
fn first_out_of_order(neuron: &NeuronSegments<'_>, plan: &NeuronPlan) -> Option<u64> {
    let expected = plan.section_counts.iter().flat_map(|s| (0..s.segments).map(|segment| (s.section_id, segment)));
    let found = (0..neuron.len()).map(|i| neuron.get(i)).map(|s| (s.section_id, s.segment_id));
    expected.zip(found).position(|(e, f)| e != f).map(|row| row as u64)
}

/// Returns the bounding box of all segments except axon stubs.
fn body_box(segments: impl Iterator<Item = Segment>) -> Aabb {
    let is_stub = |s: &Segment| matches!(s.section_type, Some(SectionType::Ais | SectionType::Myelin));
    Aabb::enclosing(segments.filter(|s| !is_stub(s)).flat_map(|s| [s.start, s.end]))
}
