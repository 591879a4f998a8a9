//! A neuron's boundary points by section, and the segments between them.

use crate::geometry::Point;
use crate::segments::{SectionType, Segment};

/// Id of the soma section.
pub(super) const SOMA_SECTION_ID: u32 = 0;

/// Boundary points of a neuron.
#[derive(Debug, Clone, PartialEq)]
pub struct NeuronPositions {
    /// SONATA node id.
    pub node_id: u64,
    /// Sections, sorted by id.
    sections: Vec<SectionRange>,
    points: Vec<Point>,
}

/// Range of a section's boundary points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct SectionRange {
    id: u32,
    first: usize,
    length: usize,
}

/// Boundary points of a section.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SectionPositions<'a> {
    /// Section id in the neuron.
    pub id: u32,
    /// Boundary points in order, µm; for a soma, one point per segment.
    pub points: &'a [Point],
}

impl SectionPositions<'_> {
    /// Returns the number of segments of the section.
    pub fn segment_count(&self) -> usize {
        if self.id == SOMA_SECTION_ID { self.points.len() } else { self.points.len().saturating_sub(1) }
    }

    /// Returns the two ends of a segment, µm; `None` if there is no such segment.
    pub fn ends(&self, segment: usize) -> Option<(Point, Point)> {
        let start = *self.points.get(segment)?;
        let end = if self.id == SOMA_SECTION_ID { start } else { *self.points.get(segment + 1)? };
        Some((start, end))
    }

    /// Returns the type if it is certain: section 0 is the soma.
    pub fn section_type(&self) -> Option<SectionType> {
        (self.id == SOMA_SECTION_ID).then_some(SectionType::Soma)
    }
}

impl NeuronPositions {
    /// Creates a neuron without sections.
    pub fn new(node_id: u64) -> Self {
        Self { node_id, sections: Vec::new(), points: Vec::new() }
    }

    /// Adds a section; call [`NeuronPositions::sort_sections`] after the last one.
    pub fn push_section(&mut self, id: u32, boundaries: &[Point]) {
        self.sections.push(SectionRange { id, first: self.points.len(), length: boundaries.len() });
        self.points.extend_from_slice(boundaries);
    }

    /// Sorts the sections by id.
    pub fn sort_sections(&mut self) {
        self.sections.sort_by_key(|range| range.id);
    }

    /// Returns the first duplicate section id; sections must be sorted.
    pub(super) fn duplicate_section(&self) -> Option<u32> {
        self.sections.windows(2).find(|pair| pair[0].id == pair[1].id).map(|pair| pair[0].id)
    }

    /// Returns the sections, sorted by id.
    pub fn sections(&self) -> impl Iterator<Item = SectionPositions<'_>> {
        let section = |range: &SectionRange| {
            let boundaries = self.points.get(range.first..range.first + range.length).unwrap_or_default();
            SectionPositions { id: range.id, points: boundaries }
        };
        self.sections.iter().map(section)
    }

    /// Returns the first boundary point: that of the soma, if there is one.
    pub fn first_point(&self) -> Point {
        self.sections().next().and_then(|s| s.points.first().copied()).unwrap_or(Point::ORIGIN)
    }

    /// Returns the number of boundary points.
    pub fn point_count(&self) -> usize {
        self.points.len()
    }

    /// Returns the number of segments.
    pub fn segment_count(&self) -> u64 {
        self.sections().map(|section| section.segment_count() as u64).sum()
    }

    /// Returns the segments in the order of an electrodes file's rows: sections by id, segments in order. Rows count
    /// from `first_row`; radii are unknown, and so are section types except the soma's.
    pub fn segments(&self, first_row: u64) -> impl Iterator<Item = Segment> {
        let of_section = |section: SectionPositions<'_>| {
            let (section_id, section_type) = (section.id, section.section_type());
            let ends: Vec<_> = (0..section.segment_count()).filter_map(|i| section.ends(i)).collect();
            (0..).zip(ends).map(move |(segment_id, (start, end))| (section_id, segment_id, section_type, start, end))
        };
        let segments = self.sections().flat_map(of_section);
        (first_row..).zip(segments).map(|(row, (section_id, segment_id, section_type, start, end))| Segment {
            node_id: self.node_id,
            section_id,
            segment_id,
            section_type,
            start,
            end,
            radius_um: None,
            row,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_soma_has_a_segment_a_boundary_and_others_one_less() {
        let at = |x: f64| Point::new(x, 0.0, 0.0);
        let mut neuron = NeuronPositions::new(7);
        neuron.push_section(4, &[at(1.0), at(2.0), at(4.0)]);
        neuron.push_section(0, &[at(0.0), at(0.0)]);
        neuron.sort_sections();
        let found: Vec<_> =
            neuron.segments(10).map(|s| (s.section_id, s.segment_id, s.start.x, s.end.x, s.row)).collect();
        let soma = [(0, 0, 0.0, 0.0, 10), (0, 1, 0.0, 0.0, 11)];
        assert_eq!(found, [soma[0], soma[1], (4, 0, 1.0, 2.0, 12), (4, 1, 2.0, 4.0, 13)]);
        assert_eq!(neuron.segment_count(), 4);
        assert_eq!(neuron.first_point(), at(0.0));
        let kinds: Vec<_> = neuron.segments(0).map(|s| s.section_type).collect();
        assert_eq!(kinds, [Some(SectionType::Soma), Some(SectionType::Soma), None, None]);
    }
}
