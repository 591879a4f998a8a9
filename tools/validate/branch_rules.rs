//! Places neurons by both rules for the terminal branch of an axon: old and new versions of BlueRecording choose
//! different branches if none is long enough.

use std::path::Path;

use leadfield::Result;
use leadfield::circuit::placement::StubPlacement;
use leadfield::circuit::{CircuitRequest, SegmentTableOptions, SegmentationPlan};
use leadfield::segments::Segments;
use leadfield::validate::weights::SegmentsByBranchRule;

/// Places some neurons of a circuit by both rules.
pub fn place_by_branch_rules(config: &Path, population: Option<&str>, nodes: &[u64]) -> Result<SegmentsByBranchRule> {
    let assembly = SegmentationPlan::open(&CircuitRequest { population, ..CircuitRequest::new(config) })?;
    let by = |placement: StubPlacement| -> Result<(&'static str, Segments)> {
        let options = SegmentTableOptions { stub_placement: placement, ..SegmentTableOptions::default() };
        Ok((placement.name(), assembly.place_nodes(nodes, &options)?))
    };
    Ok([by(StubPlacement::BlueRecording)?, by(StubPlacement::BlueRecording02)?])
}
