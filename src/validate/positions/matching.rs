//! Matches the sections of a neuron in two files, and measures their distances.

use std::collections::{BTreeMap, BTreeSet};

use super::{PlacedSection, PositionsCause, PositionsComparison, PositionsOptions};
use crate::geometry::Point;
use crate::segments::SectionType;
use crate::validate::MYELIN_SEGMENTS;

/// Largest offset of myelin ids in old files.
const MAX_MYELIN_ID_OFFSET: u32 = 30;
/// Maximum number of worst segments that are reported.
const MAX_WORST_SEGMENTS: usize = 10;

/// A section without a counterpart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmatched {
    /// Node id of the neuron.
    pub node: u64,
    /// Section id.
    pub section: u32,
    /// Its number of segments in each file; `None` if the section is missing.
    pub segments: [Option<u64>; 2],
    /// The first segment whose ids differ, if the numbers of segments are equal.
    pub renumbered: Option<Renumbered>,
}

/// A segment whose ids differ between two files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Renumbered {
    /// Its index in the section.
    pub index: u64,
    /// Its id in each file.
    pub ids: [u32; 2],
}

/// A segment, and the distance between its positions in the two files.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WorstSegment {
    /// Node id of the neuron.
    pub node: u64,
    /// Section id in the first file.
    pub section: u32,
    /// Segment id.
    pub segment: u32,
    /// Its type, if either file states it.
    pub section_type: Option<SectionType>,
    /// The larger distance of its two ends, µm.
    pub distance_um: f64,
    /// The end that is further apart, in the two files, µm.
    pub ends_um: [Point; 2],
}

/// Accumulates results while neurons are compared.
pub(super) struct SectionMatcher<'a> {
    options: &'a PositionsOptions,
    nodes: u64,
    unmatched: Vec<Unmatched>,
    nodes_outside: BTreeSet<u64>,
    outside: u64,
    distances: Vec<f64>,
    worst: Vec<WorstSegment>,
    /// Sections at the same positions under another id: node, difference of ids.
    renamed: Vec<(u64, i64)>,
}

impl<'a> SectionMatcher<'a> {
    pub fn new(options: &'a PositionsOptions) -> Self {
        let (unmatched, worst, renamed) = (Vec::new(), Vec::new(), Vec::new());
        let (distances, nodes_outside) = (Vec::new(), BTreeSet::new());
        Self { options, nodes: 0, unmatched, nodes_outside, outside: 0, distances, worst, renamed }
    }

    /// Compares a neuron.
    pub fn compare_neuron(&mut self, node: u64, a: &[PlacedSection], b: &[PlacedSection]) {
        self.nodes += 1;
        let by_id = |sections: &'_ [PlacedSection]| sections.iter().map(|s| s.id).collect::<BTreeSet<u32>>();
        let (ids_a, ids_b) = (by_id(a), by_id(b));
        let others: BTreeMap<u32, &PlacedSection> = b.iter().map(|s| (s.id, s)).collect();
        let renamed = find_renamed_myelin(a, b, &ids_a, &ids_b);
        for section in a {
            let same = others.get(&section.id).copied();
            let under_another = renamed.filter(|(own, _)| own.id == section.id).map(|(_, other)| other);
            let other = same.or_else(|| self.match_renamed(node, section, under_another?));
            match other {
                Some(other)
                    if other.ends_um.len() == section.ends_um.len() && other.segment_ids == section.segment_ids =>
                {
                    self.compare_section(node, section, other);
                }
                other => self.add_unmatched(node, section.id, [Some(section), other]),
            }
        }
        let taken = renamed.filter(|_| self.options.ignore_myelin_id).map(|(_, other)| other.id);
        for section in b.iter().filter(|s| !ids_a.contains(&s.id) && Some(s.id) != taken) {
            self.add_unmatched(node, section.id, [None, Some(section)]);
        }
    }

    fn add_unmatched(&mut self, node: u64, section: u32, files: [Option<&PlacedSection>; 2]) {
        let segments = files.map(|section| section.map(|s| s.ends_um.len() as u64));
        let renumbered = match files {
            [Some(a), Some(b)] if a.ends_um.len() == b.ends_um.len() => find_renumbered(a, b),
            _ => None,
        };
        self.unmatched.push(Unmatched { node, section, segments, renumbered });
    }

    /// Matches a section under another id: recorded if it is at the same positions, matched if ids of myelin are
    /// ignored.
    fn match_renamed<'b>(
        &mut self,
        node: u64,
        own: &PlacedSection,
        other: &'b PlacedSection,
    ) -> Option<&'b PlacedSection> {
        let same = own.ends_um.iter().zip(&other.ends_um).all(|(a, b)| self.ends_agree(a, b));
        if same {
            self.renamed.push((node, i64::from(other.id) - i64::from(own.id)));
        }
        self.options.ignore_myelin_id.then_some(other)
    }

    fn ends_agree(&self, a: &[Point; 2], b: &[Point; 2]) -> bool {
        a.iter().zip(b).all(|(a, b)| {
            let tolerance = self.options.tolerance;
            let most = a.distance(Point::ORIGIN).max(b.distance(Point::ORIGIN));
            a == b || a.distance(*b) <= tolerance.atol + tolerance.rtol * most
        })
    }

    fn compare_section(&mut self, node: u64, own: &PlacedSection, other: &PlacedSection) {
        for (segment, (a, b)) in (0..).zip(own.ends_um.iter().zip(&other.ends_um)) {
            if !self.ends_agree(a, b) {
                self.outside += 1;
                self.nodes_outside.insert(node);
            }
            let apart = |end: usize| if a[end] == b[end] { 0.0 } else { a[end].distance(b[end]) };
            let end = usize::from(apart(1) > apart(0));
            // NaN counts as infinitely far from everything
            let distance = if apart(end).is_nan() { f64::INFINITY } else { apart(end) };
            self.distances.push(distance);
            if distance > 0.0 {
                let (section, kind) = (own.id, own.section_type.or(other.section_type));
                self.add_worst(WorstSegment {
                    node,
                    section,
                    segment,
                    section_type: kind,
                    distance_um: distance,
                    ends_um: [a[end], b[end]],
                });
            }
        }
    }

    fn add_worst(&mut self, found: WorstSegment) {
        let place = self.worst.partition_point(|w| w.distance_um >= found.distance_um);
        if place < MAX_WORST_SEGMENTS {
            self.worst.insert(place, found);
            self.worst.truncate(MAX_WORST_SEGMENTS);
        }
    }

    /// Returns the result of the comparison.
    pub fn finish(mut self, nodes_only_in: [Vec<u64>; 2]) -> PositionsComparison {
        self.distances.sort_unstable_by(f64::total_cmp);
        let rank = |share: f64| (share * self.distances.len() as f64).ceil() as usize;
        let quantile = |share| self.distances.get(rank(share).max(1) - 1).copied().unwrap_or(0.0);
        let offsets = self.renamed.iter().map(|(_, offset)| *offset);
        let missing: BTreeSet<u64> = self.unmatched.iter().map(|u| u.node).collect();
        let explained: BTreeSet<u64> = self.renamed.iter().map(|(node, _)| *node).collect();
        let causes = match (offsets.clone().min(), offsets.max()) {
            (Some(low), Some(high)) if !self.options.ignore_myelin_id && missing == explained => {
                vec![PositionsCause::MyelinIds { nodes: self.renamed.len() as u64, offsets: [low, high] }]
            }
            _ => Vec::new(),
        };
        PositionsComparison {
            node_count: self.nodes,
            segment_count: self.distances.len() as u64,
            nodes_only_in,
            outside_count: self.outside,
            distance_quantiles_um: [0.5, 0.9, 0.99].map(quantile),
            worst: self.worst,
            unmatched: self.unmatched,
            nodes_outside: self.nodes_outside,
            causes,
        }
    }
}

/// Returns the first segment with different ids.
fn find_renumbered(a: &PlacedSection, b: &PlacedSection) -> Option<Renumbered> {
    let ids = |place: usize| [a.segment_id(place), b.segment_id(place)];
    let place = (0..a.ends_um.len()).find(|&place| ids(place)[0] != ids(place)[1])?;
    Some(Renumbered { index: place as u64, ids: ids(place) })
}

/// Returns the one section of each file that the other does not have, if both can be myelin: see [`can_be_myelin`].
fn find_renamed_myelin<'s>(
    a: &'s [PlacedSection],
    b: &'s [PlacedSection],
    ids_a: &BTreeSet<u32>,
    ids_b: &BTreeSet<u32>,
) -> Option<(&'s PlacedSection, &'s PlacedSection)> {
    fn only<'s>(sections: &'s [PlacedSection], others: &BTreeSet<u32>) -> Option<&'s PlacedSection> {
        let mut alone = sections.iter().filter(|s| !others.contains(&s.id));
        alone.next().filter(|_| alone.next().is_none())
    }
    let (own, other) = (only(a, ids_b)?, only(b, ids_a)?);
    let is_last = ids_a.last() == Some(&own.id) || ids_b.last() == Some(&other.id);
    let is_near = own.id.abs_diff(other.id) <= MAX_MYELIN_ID_OFFSET;
    (is_last && is_near && can_be_myelin(own) && can_be_myelin(other)).then_some((own, other))
}

/// Returns whether a section has as many segments as myelin, and no other type.
fn can_be_myelin(section: &PlacedSection) -> bool {
    section.ends_um.len() == MYELIN_SEGMENTS && section.section_type.is_none_or(|kind| kind == SectionType::Myelin)
}

#[cfg(test)]
mod tests {
    use super::super::{PlacedSegments, compare};
    use super::*;
    use crate::segments::{Segment, Segments};
    use crate::validate::Tolerance;

    const OPTIONS: PositionsOptions =
        PositionsOptions { tolerance: Tolerance { rtol: 0.0, atol: 0.1 }, ignore_myelin_id: false };

    /// Returns the segments of one µm along x of node 7: (section, number of segments, shift along y).
    fn placed(sections: &[(u32, u32, f64)]) -> PlacedSegments {
        placed_as(None, sections)
    }

    fn placed_as(section_type: Option<SectionType>, sections: &[(u32, u32, f64)]) -> PlacedSegments {
        let mut placed = PlacedSegments::default();
        for &(section_id, count, y) in sections {
            let at = |i: u32| Point::new(f64::from(i), y, 0.0);
            let segment = |segment_id| Segment {
                node_id: 7,
                section_id,
                segment_id,
                section_type,
                start: at(segment_id),
                end: at(segment_id + 1),
                radius_um: None,
                row: 0,
            };
            placed.add(&(0..count).map(segment).collect::<Segments>());
        }
        placed
    }

    #[test]
    fn segments_are_matched_by_section_and_place() {
        let a = placed(&[(0, 1, 0.0), (3, 2, 0.0)]);
        let b = placed(&[(0, 1, 0.05), (3, 2, 0.5)]);
        let found = compare(&a, &b, &OPTIONS);
        assert_eq!((found.node_count, found.segment_count, found.outside_count), (1, 3, 2));
        assert_eq!(found.distance_quantiles_um, [0.5, 0.5, 0.5]);
        let places: Vec<_> = found.worst.iter().map(|w| (w.section, w.segment, w.distance_um)).collect();
        assert_eq!(places, [(3, 0, 0.5), (3, 1, 0.5), (0, 0, 0.05)]);
        assert!(compare(&a, &a, &OPTIONS).agrees());
    }

    #[test]
    fn sections_without_a_counterpart_are_reported() {
        let found =
            compare(&placed(&[(0, 1, 0.0), (3, 2, 0.0)]), &placed(&[(0, 1, 0.0), (3, 1, 0.0), (4, 1, 0.0)]), &OPTIONS);
        let unmatched = |section, segments| Unmatched { node: 7, section, segments, renumbered: None };
        assert_eq!(found.unmatched, [unmatched(3, [Some(2), Some(1)]), unmatched(4, [None, Some(1)])]);
        assert!(found.causes.is_empty() && !found.agrees());
    }

    #[test]
    fn segments_with_other_ids_are_not_matched() {
        let segments = |ids: [u32; 3]| {
            let end = |x: u32| Point::new(f64::from(x), 0.0, 0.0);
            let segment = |(place, segment_id): (u32, u32)| Segment {
                node_id: 7,
                section_id: 4,
                segment_id,
                section_type: None,
                start: end(place),
                end: end(place + 1),
                radius_um: None,
                row: 0,
            };
            let mut placed = PlacedSegments::default();
            placed.add(&(0..).zip(ids).map(segment).collect::<Segments>());
            placed
        };
        let (counted, other) = (segments([0, 1, 2]), segments([0, 99, 2]));
        let renumbered = |a: &PlacedSegments, b: &PlacedSegments| {
            compare(a, b, &OPTIONS).unmatched.first().and_then(|u| u.renumbered)
        };
        assert_eq!(renumbered(&counted, &other), Some(Renumbered { index: 1, ids: [1, 99] }));
        assert_eq!(renumbered(&segments([5, 1, 2]), &other), Some(Renumbered { index: 0, ids: [5, 0] }));
        assert!(compare(&other, &other, &OPTIONS).agrees() && compare(&counted, &counted, &OPTIONS).agrees());
    }

    #[test]
    fn myelin_under_another_id_is_named_where_it_is_in_the_same_place() {
        let (a, b) = (placed(&[(0, 1, 0.0), (9, 5, 0.0)]), placed(&[(0, 1, 0.0), (6, 5, 0.0)]));
        let found = compare(&a, &b, &OPTIONS);
        assert!(!found.agrees());
        assert_eq!(found.causes, [PositionsCause::MyelinIds { nodes: 1, offsets: [-3, -3] }]);
        let ignoring = PositionsOptions { ignore_myelin_id: true, ..OPTIONS };
        assert!(compare(&a, &b, &ignoring).agrees());
        // at another position it proves nothing, and does not agree
        let elsewhere = placed(&[(0, 1, 0.0), (6, 5, 9.0)]);
        assert!(compare(&a, &elsewhere, &OPTIONS).causes.is_empty());
        assert_eq!(compare(&a, &elsewhere, &ignoring).outside_count, 5);
        // nor does what cannot be myelin: an id too far off, another number of segments, a section that is last in no
        // file
        let far = [placed(&[(0, 1, 0.0), (9 + 30, 5, 0.0)]), placed(&[(0, 1, 0.0), (9 + 31, 5, 0.0)])];
        assert_eq!(far.map(|b| compare(&a, &b, &ignoring).agrees()), [true, false]);
        let short = [placed(&[(0, 1, 0.0), (9, 4, 0.0)]), placed(&[(0, 1, 0.0), (6, 4, 0.0)])];
        assert!(!compare(&short[0], &short[1], &ignoring).agrees());
        let inner = [placed(&[(3, 5, 0.0), (9, 5, 0.0)]), placed(&[(4, 5, 0.0), (9, 5, 0.0)])];
        assert!(!compare(&inner[0], &inner[1], &ignoring).agrees());
        for (kind, agrees) in [(SectionType::Myelin, true), (SectionType::Dend, false)] {
            let known = placed_as(Some(kind), &[(0, 1, 0.0), (9, 5, 0.0)]);
            assert_eq!(compare(&known, &b, &ignoring).agrees(), agrees);
        }
    }
}
