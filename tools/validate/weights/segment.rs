//! The segments of the worst pairs, by the table that the files were made from.

use std::collections::HashMap;

use leadfield::Result;
use leadfield::segments::table::Table;
use leadfield::validate::weights::{Comparison, WorstPair};

/// A segment's place in its neuron.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    /// Its section.
    pub section: u32,
    /// Its place in the section.
    pub segment: u32,
}

/// Segments by node, and row from the node's first.
#[derive(Debug, Default)]
pub struct Segments(HashMap<(u64, u64), Segment>);

impl Segments {
    /// Looks up the segments of all worst pairs.
    pub fn find(table: &Table, comparisons: &[Comparison]) -> Result<Self> {
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
                part.visit(|s| {
                    if let Some(&key) = rows.get(&s.row) {
                        found.0.insert(key, Segment { section: s.section_id, segment: s.segment_id });
                    }
                })?;
            }
        }
        Ok(found)
    }

    /// The segment of a pair, if the table has it.
    pub fn of(&self, pair: &WorstPair) -> Option<Segment> {
        self.0.get(&(pair.difference.node, pair.difference.row)).copied()
    }
}
