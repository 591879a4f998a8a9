//! Compares the positions of segments in two files, matched by node, section and segment id.

mod matching;
mod placed_segments;

pub use matching::{Renumbered, Unmatched, WorstSegment};
pub use placed_segments::{PlacedSection, PlacedSegments};

use std::collections::BTreeSet;

use super::Tolerance;
use matching::SectionMatcher;

/// Options of the comparison.
#[derive(Debug, Clone, Copy)]
pub struct PositionsOptions {
    /// Largest allowed distance of two points: |a - b| is their distance, |a| and |b| are those from the origin, µm.
    pub tolerance: Tolerance,
    /// Match the myelin of a neuron, the last section in either file, even if its ids differ, as they do in old files
    /// by 1 to 30. Myelin is a section of 5 segments, whose type, if known, is not another.
    pub ignore_myelin_id: bool,
}

/// A known cause of differences, proved by the data.
#[derive(Debug, Clone, PartialEq)]
pub enum PositionsCause {
    /// The sections in only one file are at the same positions under another id.
    MyelinIds {
        /// Number of neurons.
        nodes: u64,
        /// The smallest and the largest difference of ids, second file minus first.
        offsets: [i64; 2],
    },
    /// The differing sections of each file follow one of two rules for the axon's terminal branch.
    LastBranch {
        /// Number of neurons.
        nodes: u64,
        /// The rule of each file.
        rules: [&'static str; 2],
    },
}

impl PositionsCause {
    /// Returns the name of the cause.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::MyelinIds { .. } => "myelin ids",
            Self::LastBranch { .. } => "last terminal branch",
        }
    }
}

impl std::fmt::Display for PositionsCause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::MyelinIds { nodes, offsets: [low, high] } => write!(
                f,
                "the sections in only one file of {nodes} neurons are at the same positions under another id, {low:+} \
                 to {high:+}: `--ignore-myelin-id` matches them"
            ),
            Self::LastBranch { nodes, rules: [a, b] } => write!(
                f,
                "the axon stubs of {nodes} neurons are placed by `--axon-placement {a}` in the first file, and by \
                 `{b}` in the second"
            ),
        }
    }
}

/// Result of comparing positions.
#[derive(Debug, Clone, PartialEq)]
pub struct PositionsComparison {
    /// Number of nodes in both files.
    pub node_count: u64,
    /// Number of segments compared.
    pub segment_count: u64,
    /// Nodes that are in only one file.
    pub nodes_only_in: [Vec<u64>; 2],
    /// Sections that are in only one file, or have other numbers or ids of segments.
    pub unmatched: Vec<Unmatched>,
    /// Number of segments outside the tolerance.
    pub outside_count: u64,
    /// The nodes with such segments.
    pub nodes_outside: BTreeSet<u64>,
    /// Median, 90th and 99th percentile of the segments' distances, µm.
    pub distance_quantiles_um: [f64; 3],
    /// The segments furthest apart, at most ten, the worst first; empty if all positions are equal.
    pub worst: Vec<WorstSegment>,
    /// Known causes of the differences.
    pub causes: Vec<PositionsCause>,
}

impl PositionsComparison {
    /// Returns whether all positions agree within the tolerance, and nothing is in only one file.
    pub fn agrees(&self) -> bool {
        self.nodes_only_in.iter().all(Vec::is_empty) && self.unmatched.is_empty() && self.outside_count == 0
    }
}

/// Compares the segments of two files.
pub fn compare(a: &PlacedSegments, b: &PlacedSegments, options: &PositionsOptions) -> PositionsComparison {
    let mut matching = SectionMatcher::new(options);
    for (node, sections) in a.neurons() {
        if let Some(others) = b.neuron(node) {
            matching.compare_neuron(node, sections, others);
        }
    }
    let alone =
        |own: &PlacedSegments, other: &PlacedSegments| own.nodes().filter(|&n| other.neuron(n).is_none()).collect();
    matching.finish([alone(a, b), alone(b, a)])
}

/// Returns the rules by which two files place the axons of their differing neurons, if one rule explains each file.
///
/// `by_rule` has the same neurons as each rule places them; all of their sections must fit.
pub fn find_last_branch_cause(
    a: &PlacedSegments,
    b: &PlacedSegments,
    found: &PositionsComparison,
    by_rule: [(&'static str, &PlacedSegments); 2],
    tolerance: Tolerance,
) -> Option<PositionsCause> {
    let options = PositionsOptions { tolerance, ignore_myelin_id: true };
    let fits = |file: &PlacedSegments, rule: &PlacedSegments| {
        found.nodes_outside.iter().all(|&node| match (file.neuron(node), rule.neuron(node)) {
            (Some(own), Some(placed)) => {
                let mut matching = SectionMatcher::new(&options);
                matching.compare_neuron(node, own, placed);
                let comparison = matching.finish(Default::default());
                comparison.outside_count == 0 && comparison.unmatched.is_empty()
            }
            _ => false,
        })
    };
    let [first, second] = by_rule;
    let pairs = [(first, second), (second, first)];
    let rules = pairs.into_iter().find(|(x, y)| fits(a, x.1) && fits(b, y.1))?;
    let nodes = found.nodes_outside.len() as u64;
    (nodes > 0).then_some(PositionsCause::LastBranch { nodes, rules: [rules.0.0, rules.1.0] })
}
