//! Finds the segments of the worst pairs in the table that the files were created from.

use std::collections::HashMap;

use leadfield::Result;
use leadfield::segments::table::SegmentTable;
use leadfield::validate::weights::{WeightsComparison, WorstPair};

/// Location of a segment in its neuron.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentLocation {
    /// Section id.
    pub section: u32,
    /// Segment id in the section.
    pub segment: u32,
}

/// Segments by node, and row from the node's first.
#[derive(Debug, Default)]
pub struct WorstSegments(HashMap<(u64, u64), SegmentLocation>);

impl WorstSegments {
    /// Looks up the segments of all worst pairs.
    pub fn look_up(table: &SegmentTable, comparisons: &[WeightsComparison]) -> Result<Self> {
        let mut found = Self::default();
        let worst = || comparisons.iter().flat_map(|c| &c.worst).map(|w| w.difference);
        for part in table.parts() {
            let first = |node: u64| {
                let at = part.neurons().binary_search_by_key(&node, |n| n.node_id).ok()?;
                part.neurons().get(at).map(|n| n.first_row)
            };
            let rows: HashMap<u64, (u64, u64)> =
                worst().filter_map(|d| Some((first(d.node)? + d.row, (d.node, d.row)))).collect();
            if !rows.is_empty() {
                part.for_each_segment(|s| {
                    if let Some(&key) = rows.get(&s.row) {
                        found.0.insert(key, SegmentLocation { section: s.section_id, segment: s.segment_id });
                    }
                })?;
            }
        }
        Ok(found)
    }

    /// Returns the segment of a pair, if the table has it.
    pub fn get(&self, pair: &WorstPair) -> Option<SegmentLocation> {
        self.0.get(&(pair.difference.node, pair.difference.row)).copied()
    }
}
