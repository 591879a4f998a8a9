//! Placement of the stubs that replace an axon.
//!
//! A simulator that replaces the axon gives the stubs a length but no position; the position is a convention. All
//! placements follow one branch of the reconstructed axon from the soma's position: the first terminal, in section
//! order, whose path length exceeds 1060 µm. The axon initial segment's two stubs cover path lengths 0-30 and
//! 30-60 µm, myelin 60-1060 µm. The placements differ if no branch is that long, and in how they interpolate:
//!
//! - [`StubPlacement::Arc`]: the longest branch, extended straight; stubs follow the path and join without gaps.
//! - [`StubPlacement::BlueRecording`]: the longest branch, extended straight; each stub interpolates only the branch's
//!   points inside its own range of path length and extrapolates beyond them, so that stubs do not quite join.
//! - [`StubPlacement::BlueRecording02`]: the same on the *last* terminal.
//!
//! Agreement with the reference outputs of BlueRecording 0.2.1 and `bluerecording` 0.7.0: within 1e-9 µm, every stub.

use super::polyline::{Polyline, interpolate};
use crate::circuit::hoc::AxonReplacement;
use crate::geometry::{Point, Transform};
use crate::morphology::Morphology;
use crate::segments::SectionType;

/// Convention for the position of the stubs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StubPlacement {
    /// Along the branch, without gaps.
    Arc,
    /// As in `bluerecording` 0.7.0.
    #[default]
    BlueRecording,
    /// As in BlueRecording 0.2, which takes the last terminal if no branch is long enough.
    BlueRecording02,
}

impl StubPlacement {
    /// Returns the name on the command line and in the table's metadata.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Arc => "arc",
            Self::BlueRecording => "bluerecording",
            Self::BlueRecording02 => "bluerecording-0.2",
        }
    }
}

/// Kind of stub.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StubKind {
    /// The first stub of the axon initial segment.
    FirstAis,
    /// The second stub of the axon initial segment.
    SecondAis,
    /// The myelin beyond the axon initial segment.
    Myelin,
}

/// Range of path length of a stub, measured from the soma, µm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StubRange {
    /// Kind of stub.
    pub kind: StubKind,
    /// Path length at the start.
    pub start_um: f64,
    /// Path length at the end.
    pub end_um: f64,
}

/// The stubs of most templates.
pub const DEFAULT_STUB_RANGES: [StubRange; 3] = [
    StubRange { kind: StubKind::FirstAis, start_um: 0.0, end_um: 30.0 },
    StubRange { kind: StubKind::SecondAis, start_um: 30.0, end_um: 60.0 },
    StubRange { kind: StubKind::Myelin, start_um: 60.0, end_um: MIN_BRANCH_UM },
];

/// Path length, µm, above which a branch holds all stubs.
const MIN_BRANCH_UM: f64 = 1060.0;

/// Returns the stubs of a form; without a form, or for stubs that the form lacks, those of most templates.
pub fn stub_ranges(form: Option<AxonReplacement>) -> [StubRange; 3] {
    let mut stubs = DEFAULT_STUB_RANGES;
    let mut from = 0.0;
    for (stub, shape) in stubs.iter_mut().zip(form.map_or(&[][..], AxonReplacement::stub_shapes)) {
        *stub = StubRange { start_um: from, end_um: from + shape.length_um, ..*stub };
        from = stub.end_um;
    }
    stubs
}

impl StubRange {
    /// Returns the path lengths of the boundaries of `n` equal segments.
    fn boundary_lengths(self, n: u32) -> impl Iterator<Item = f64> {
        (0..=n).map(move |j| self.start_um + (self.end_um - self.start_um) * (f64::from(j) / f64::from(n)))
    }
}

/// The branch that the stubs of one neuron follow, in circuit coordinates.
#[derive(Debug)]
pub struct AxonBranch {
    path: Polyline,
    placement: StubPlacement,
}

impl AxonBranch {
    /// Chooses the branch; `None` if the morphology has no axon.
    pub fn choose(morphology: &Morphology, transform: &Transform, placement: StubPlacement) -> Option<Self> {
        let is_axon = |&i: &usize| morphology.sections.get(i).is_some_and(|s| s.kind == SectionType::Axon);
        let terminals: Vec<usize> = morphology.terminal_sections().into_iter().filter(is_axon).collect();
        let path = |&i: &usize| branch_path(morphology, transform, i);
        let long_enough = terminals.iter().map(path).find(|p| p.length_um() > MIN_BRANCH_UM);
        let fallback = || match placement {
            StubPlacement::BlueRecording02 => terminals.last().map(path),
            StubPlacement::Arc | StubPlacement::BlueRecording => longest_path(terminals.iter().map(path)),
        };
        let path = long_enough.or_else(|| fallback().map(extend_to_myelin_end))?;
        Some(Self { path, placement })
    }

    /// Returns the `n + 1` boundaries of a stub's segments.
    pub fn stub_boundaries(&self, stub: StubRange, n: u32) -> Vec<Point> {
        match self.placement {
            StubPlacement::Arc => stub.boundary_lengths(n).map(|l| self.path.point_at(l)).collect(),
            StubPlacement::BlueRecording | StubPlacement::BlueRecording02 => {
                let line = self.interpolation_path(stub);
                stub.boundary_lengths(n).map(|l| line.point_at(l)).collect()
            }
        }
    }

    /// Returns the points, with their path lengths, between which BlueRecording interpolates a stub.
    fn interpolation_path(&self, stub: StubRange) -> Polyline {
        let last = if stub.kind == StubKind::Myelin { f64::INFINITY } else { stub.end_um };
        let inside: Vec<_> = self.points_by_length().filter(|(l, _)| (stub.start_um..=last).contains(l)).collect();
        if inside.len() >= 2 {
            return path_with_lengths(&inside);
        }
        path_with_lengths(&match stub.kind {
            StubKind::FirstAis => self.first_two_points_by_coordinates(),
            StubKind::SecondAis => self.points_around(stub),
            StubKind::Myelin => self.last_two_points(),
        })
    }

    fn points_by_length(&self) -> impl DoubleEndedIterator<Item = (f64, Point)> + '_ {
        self.path.lengths_um.iter().copied().zip(self.path.points.iter().copied())
    }

    /// Returns the first two points in the order of x, y, z: BlueRecording sorts a branch's points this way, and uses
    /// these two, wherever they lie on the branch, if too few points are near the soma.
    fn first_two_points_by_coordinates(&self) -> Vec<(f64, Point)> {
        let mut sorted: Vec<_> = self.points_by_length().collect();
        let key = |p: &Point| p.to_array();
        sorted.sort_by(|(_, a), (_, b)| key(a).partial_cmp(&key(b)).unwrap_or(std::cmp::Ordering::Equal));
        sorted.truncate(2);
        sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
        sorted
    }

    /// Returns the last point before a stub and the first one beyond it.
    fn points_around(&self, stub: StubRange) -> Vec<(f64, Point)> {
        let before = self.points_by_length().rfind(|(l, _)| *l < stub.start_um);
        let beyond = self.points_by_length().find(|(l, _)| *l > stub.end_um);
        before.into_iter().chain(beyond).collect()
    }

    fn last_two_points(&self) -> Vec<(f64, Point)> {
        let mut last: Vec<_> = self.points_by_length().rev().take(2).collect();
        last.reverse();
        last
    }
}

/// Builds a path from points with given path lengths, instead of measuring them along the points.
fn path_with_lengths(points: &[(f64, Point)]) -> Polyline {
    Polyline { points: points.iter().map(|p| p.1).collect(), lengths_um: points.iter().map(|p| p.0).collect() }
}

/// Returns the soma's position and the points of the sections up to a terminal, without repeated points.
fn branch_path(morphology: &Morphology, transform: &Transform, terminal: usize) -> Polyline {
    let up =
        std::iter::successors(morphology.sections.get(terminal), |s| s.parent.and_then(|p| morphology.sections.get(p)));
    let mut way: Vec<_> = up.collect();
    way.reverse();
    let mut path = Polyline::from_points([transform.translation]);
    // a first point that lies on the soma does not belong to the reconstructed axon
    let own_points =
        |s: &&'_ crate::morphology::Section| s.wide_points().skip(usize::from(s.starts_at_soma)).collect::<Vec<_>>();
    for p in way.iter().flat_map(own_points).map(|p| transform.apply(p)) {
        if path.points.last() != Some(&p) {
            path.push(p);
        }
    }
    path
}

/// Returns the first of the longest paths.
fn longest_path(paths: impl Iterator<Item = Polyline>) -> Option<Polyline> {
    paths.reduce(|best, p| if p.length_um() > best.length_um() { p } else { best })
}

/// Extends a shorter path straight ahead to the end of the myelin.
fn extend_to_myelin_end(mut path: Polyline) -> Polyline {
    if let ([.., a, b], [.., la, lb]) = (path.points.as_slice(), path.lengths_um.as_slice())
        && *lb < MIN_BRANCH_UM
    {
        path.points.push(interpolate((*la, *a), (*lb, *b), MIN_BRANCH_UM));
        path.lengths_um.push(MIN_BRANCH_UM);
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Quaternion;
    use crate::morphology::Section;

    fn straight_axon(points: &[f32]) -> Morphology {
        let section = Section {
            kind: SectionType::Axon,
            parent: None,
            points: points.iter().map(|&x| [x, 0.0, 0.0]).collect(),
            diameters_um: vec![1.0; points.len()],
            starts_at_soma: false,
        };
        Morphology { sections: vec![section], ..Morphology::default() }
    }

    fn branch(points: &[f32], placement: StubPlacement) -> AxonBranch {
        let transform = Transform::new(Quaternion::IDENTITY, Point::ORIGIN);
        AxonBranch::choose(&straight_axon(points), &transform, placement).unwrap()
    }

    #[test]
    fn a_straight_axon_gives_the_same_stubs_under_every_placement() {
        for placement in [StubPlacement::Arc, StubPlacement::BlueRecording, StubPlacement::BlueRecording02] {
            for points in [&[10.0, 25.0, 41.0, 55.0, 70.0, 2000.0][..], &[10.0, 25.0, 80.0][..], &[500.0, 600.0][..]] {
                let branch = branch(points, placement);
                for stub in DEFAULT_STUB_RANGES {
                    for (found, expected) in branch.stub_boundaries(stub, 5).iter().zip(stub.boundary_lengths(5)) {
                        assert!(
                            found.distance(Point::new(expected, 0.0, 0.0)) < 1e-9,
                            "{placement:?} {points:?} {found}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn the_stubs_of_the_arc_join() {
        let mut morphology = straight_axon(&[10.0, 45.0, 300.0]);
        morphology.sections[0].points[1] = [40.0, 33.0, 7.0];
        let transform = Transform::new(Quaternion::IDENTITY, Point::new(1.0, 2.0, 3.0));
        let branch = AxonBranch::choose(&morphology, &transform, StubPlacement::Arc).unwrap();
        let [first, second, myelin] = DEFAULT_STUB_RANGES.map(|stub| branch.stub_boundaries(stub, 5));
        assert_eq!(first.first(), Some(&transform.translation));
        assert_eq!((first.last(), second.last()), (second.first(), myelin.first()));
    }

    #[test]
    fn the_stubs_of_a_form_have_its_lengths() {
        let ranges = |form| stub_ranges(form).map(|s| (s.start_um, s.end_um));
        assert_eq!(stub_ranges(Some(AxonReplacement::Taper)), DEFAULT_STUB_RANGES);
        assert_eq!(stub_ranges(None), DEFAULT_STUB_RANGES);
        assert_eq!(ranges(Some(AxonReplacement::DeleteFine))[..2], [(0.0, 20.0), (20.0, 50.0)]);
    }
}
