//! Holds segments by neuron and section, from any file format.

use std::collections::BTreeMap;

use crate::convert::bluerecording::NeuronPositions;
use crate::error::Result;
use crate::geometry::Point;
use crate::segments::table::SegmentTable;
use crate::segments::{SectionType, Segment, Segments};

/// A section's segments.
#[derive(Debug, Clone, PartialEq)]
pub struct PlacedSection {
    /// Section id in the neuron.
    pub id: u32,
    /// Its type, if known.
    pub section_type: Option<SectionType>,
    /// The two ends of each segment, µm.
    pub ends_um: Vec<[Point; 2]>,
    /// The segments' ids; `None` if they count from 0, as they should.
    pub segment_ids: Option<Vec<u32>>,
}

impl PlacedSection {
    /// Returns the id of a segment by its index.
    pub fn segment_id(&self, place: usize) -> u32 {
        let own = self.segment_ids.as_ref().and_then(|ids| ids.get(place).copied());
        own.unwrap_or(u32::try_from(place).unwrap_or(u32::MAX))
    }

    fn push(&mut self, segment_id: u32, ends: [Point; 2]) {
        let place = self.ends_um.len();
        if self.segment_ids.is_some() || segment_id != self.segment_id(place) {
            let before = || (0..).take(place).collect();
            self.segment_ids.get_or_insert_with(before).push(segment_id);
        }
        self.ends_um.push(ends);
    }
}

/// The segments of some neurons: 48 bytes per segment, 4 more in sections whose segment ids do not count from 0.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PlacedSegments(BTreeMap<u64, Vec<PlacedSection>>);

impl PlacedSegments {
    /// Reads the segments of a table.
    ///
    /// # Errors
    /// Returns an error if the table cannot be read.
    pub fn from_table(table: &SegmentTable) -> Result<Self> {
        let mut placed = Self::default();
        for part in table.parts() {
            placed.add(&part.read_by_row()?);
        }
        Ok(placed)
    }

    /// Converts the segments of a file in BlueRecording's layout.
    pub fn from_neurons(neurons: &[NeuronPositions]) -> Self {
        let mut placed = Self::default();
        neurons.iter().for_each(|n| placed.add(&n.segments(0).collect()));
        placed
    }

    /// Adds segments; those of a section must be consecutive.
    pub fn add(&mut self, segments: &Segments) {
        segments.iter().for_each(|segment| self.push(&segment));
    }

    fn push(&mut self, s: &Segment) {
        let sections = self.0.entry(s.node_id).or_default();
        let ends = [s.start, s.end];
        if sections.last().is_none_or(|last| last.id != s.section_id) {
            sections.push(PlacedSection {
                id: s.section_id,
                section_type: s.section_type,
                ends_um: Vec::new(),
                segment_ids: None,
            });
        }
        if let Some(last) = sections.last_mut() {
            last.push(s.segment_id, ends);
        }
    }

    /// Adds the neurons of another file.
    ///
    /// # Errors
    /// Returns the first node id that exists already.
    pub fn merge(&mut self, other: Self) -> Result<(), u64> {
        for (node, sections) in other.0 {
            if self.0.insert(node, sections).is_some() {
                return Err(node);
            }
        }
        Ok(())
    }

    /// Returns the node ids, ascending.
    pub fn nodes(&self) -> impl Iterator<Item = u64> + '_ {
        self.0.keys().copied()
    }

    /// Returns the neurons, node ids ascending.
    pub fn neurons(&self) -> impl Iterator<Item = (u64, &[PlacedSection])> {
        self.0.iter().map(|(&node, sections)| (node, sections.as_slice()))
    }

    /// Returns the sections of a neuron, ids ascending.
    pub fn neuron(&self, node: u64) -> Option<&[PlacedSection]> {
        self.0.get(&node).map(Vec::as_slice)
    }
}
