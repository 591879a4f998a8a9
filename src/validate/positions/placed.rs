//! Segments by neuron and section, whatever file they come from.

use std::collections::BTreeMap;

use crate::convert::bluerecording::Neuron;
use crate::error::Result;
use crate::geometry::Point;
use crate::segments::table::Table;
use crate::segments::{SectionType, Segment, Segments};

/// A section's segments.
#[derive(Debug, Clone, PartialEq)]
pub struct Section {
    /// Its id in the neuron.
    pub id: u32,
    /// Its kind, where that is known.
    pub kind: Option<SectionType>,
    /// The two ends of each segment, um.
    pub ends: Vec<[Point; 2]>,
    /// The segments' ids; none where they count from 0, as they should.
    pub ids: Option<Vec<u32>>,
}

impl Section {
    /// The id of a segment by its place.
    pub fn segment_id(&self, place: usize) -> u32 {
        let own = self.ids.as_ref().and_then(|ids| ids.get(place).copied());
        own.unwrap_or(u32::try_from(place).unwrap_or(u32::MAX))
    }

    fn push(&mut self, segment_id: u32, ends: [Point; 2]) {
        let place = self.ends.len();
        if self.ids.is_some() || segment_id != self.segment_id(place) {
            let before = || (0..).take(place).collect();
            self.ids.get_or_insert_with(before).push(segment_id);
        }
        self.ends.push(ends);
    }
}

/// The segments of some neurons: 48 bytes a segment, 4 more in sections whose segments do not count from 0.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Placed(BTreeMap<u64, Vec<Section>>);

impl Placed {
    /// The segments of a table.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn of_table(table: &Table) -> Result<Self> {
        let mut placed = Self::default();
        for part in table.parts() {
            placed.add(&part.read_by_row()?);
        }
        Ok(placed)
    }

    /// The segments of a file in BlueRecording's layout.
    pub fn of_boundaries(neurons: &[Neuron]) -> Self {
        let mut placed = Self::default();
        neurons.iter().for_each(|n| placed.add(&n.segments(0).collect()));
        placed
    }

    /// Adds segments; those of a section follow one another.
    pub fn add(&mut self, segments: &Segments) {
        segments.iter().for_each(|segment| self.push(&segment));
    }

    fn push(&mut self, s: &Segment) {
        let sections = self.0.entry(s.node_id).or_default();
        let ends = [s.start, s.end];
        if sections.last().is_none_or(|last| last.id != s.section_id) {
            sections.push(Section { id: s.section_id, kind: s.section_type, ends: Vec::new(), ids: None });
        }
        if let Some(last) = sections.last_mut() {
            last.push(s.segment_id, ends);
        }
    }

    /// Takes in the neurons of another file; one that is there already is an error of its own, told by its node.
    ///
    /// # Errors
    /// The first node that is there already.
    pub fn join(&mut self, other: Self) -> Result<(), u64> {
        for (node, sections) in other.0 {
            if self.0.insert(node, sections).is_some() {
                return Err(node);
            }
        }
        Ok(())
    }

    /// Node ids, ascending.
    pub fn nodes(&self) -> impl Iterator<Item = u64> + '_ {
        self.0.keys().copied()
    }

    /// The neurons, node ids ascending.
    pub fn neurons(&self) -> impl Iterator<Item = (u64, &[Section])> {
        self.0.iter().map(|(&node, sections)| (node, sections.as_slice()))
    }

    /// The sections of a neuron, ids ascending.
    pub fn neuron(&self, node: u64) -> Option<&[Section]> {
        self.0.get(&node).map(Vec::as_slice)
    }

    /// Number of segments.
    pub fn segments(&self) -> u64 {
        self.0.values().flatten().map(|section| section.ends.len() as u64).sum()
    }
}
