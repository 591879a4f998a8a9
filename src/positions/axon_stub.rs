//! Where the stubs lie that stand for a replaced axon.
//!
//! A simulator that replaces the axon gives the stubs a length but no place; where they go is a convention. All
//! placements follow one branch of the reconstructed axon from the soma's position: the first terminal, in section
//! order, whose path length exceeds 1060 um. The axon initial segment's two stubs cover path lengths 0-30 and
//! 30-60 um, myelin 60-1060 um. They differ in what they do where no branch is that long, and in how they walk:
//!
//! - [`Placement::Arc`]: the longest branch, extended straight; stubs follow the path and join without gaps.
//! - [`Placement::BlueRecording`]: the longest branch, extended straight; each stub interpolates only the branch's
//!   points inside its own range of path length and extrapolates beyond them, so that stubs do not quite join.
//! - [`Placement::BlueRecording02`]: the same on the *last* terminal.
//!
//! Agreement with the reference outputs of BlueRecording 0.2.1 and `bluerecording` 0.7.0: within 1e-9 um, every stub.

use super::path::{Path, along};
use crate::geometry::{Point, Transform};
use crate::morphology::Morphology;
use crate::segments::SectionType;

/// A way to place the stubs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Placement {
    /// Along the path, without gaps.
    Arc,
    /// As `bluerecording` 0.7.0.
    #[default]
    BlueRecording,
    /// As BlueRecording 0.2, with its choice of the last terminal where no branch is long enough.
    BlueRecording02,
}

impl Placement {
    /// Its name on the command line and in the table's metadata.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Arc => "arc",
            Self::BlueRecording => "bluerecording",
            Self::BlueRecording02 => "bluerecording-0.2",
        }
    }
}

/// A stub's range of path length from the soma, um.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stub {
    /// Where it begins.
    pub from: f64,
    /// Where it ends.
    pub to: f64,
}

/// First stub of the axon initial segment.
pub const AIS_1: Stub = Stub { from: 0.0, to: 30.0 };
/// Second stub of the axon initial segment.
pub const AIS_2: Stub = Stub { from: 30.0, to: 60.0 };
/// The myelinated stub.
pub const MYELIN: Stub = Stub { from: 60.0, to: 1060.0 };

impl Stub {
    /// Path lengths of the boundaries of `n` equal segments.
    fn boundaries(self, n: u32) -> impl Iterator<Item = f64> {
        (0..=n).map(move |j| self.from + (self.to - self.from) * (f64::from(j) / f64::from(n)))
    }
}

/// The branch that the stubs of one neuron follow, in world coordinates.
#[derive(Debug)]
pub struct Branch {
    path: Path,
    placement: Placement,
}

impl Branch {
    /// Chooses the branch. None where the morphology has no axon.
    pub fn choose(morphology: &Morphology, transform: &Transform, placement: Placement) -> Option<Self> {
        let is_axon = |&i: &usize| morphology.sections.get(i).is_some_and(|s| s.kind == SectionType::Axon);
        let terminals: Vec<usize> = morphology.terminals().into_iter().filter(is_axon).collect();
        let path = |&i: &usize| branch_path(morphology, transform, i);
        let long_enough = terminals.iter().map(path).find(|p| p.length() > MYELIN.to);
        let fallback = || match placement {
            Placement::BlueRecording02 => terminals.last().map(path),
            Placement::Arc | Placement::BlueRecording => longest(terminals.iter().map(path)),
        };
        let path = long_enough.or_else(|| fallback().map(extended))?;
        Some(Self { path, placement })
    }

    /// The `n + 1` boundaries of a stub's segments.
    pub fn boundaries(&self, stub: Stub, n: u32) -> Vec<Point> {
        match self.placement {
            Placement::Arc => stub.boundaries(n).map(|l| self.path.at(l)).collect(),
            Placement::BlueRecording | Placement::BlueRecording02 => {
                let line = self.points_of(stub);
                stub.boundaries(n).map(|l| line.at(l)).collect()
            }
        }
    }

    /// The points through which the original interpolates a stub, by path length.
    fn points_of(&self, stub: Stub) -> Path {
        let last = if stub == MYELIN { f64::INFINITY } else { stub.to };
        let inside: Vec<_> = self.measured().filter(|(l, _)| (stub.from..=last).contains(l)).collect();
        if inside.len() >= 2 {
            return from_measured(&inside);
        }
        from_measured(&match stub {
            AIS_1 => self.first_two_by_coordinates(),
            AIS_2 => self.around(stub),
            _ => self.last_two(),
        })
    }

    fn measured(&self) -> impl DoubleEndedIterator<Item = (f64, Point)> + '_ {
        self.path.lengths.iter().copied().zip(self.path.points.iter().copied())
    }

    /// The original sorts a branch's points by x, y, z; with too few points near the soma it takes the first two of
    /// that list, wherever on the branch they are.
    fn first_two_by_coordinates(&self) -> Vec<(f64, Point)> {
        let mut sorted: Vec<_> = self.measured().collect();
        let key = |p: &Point| p.to_array();
        sorted.sort_by(|(_, a), (_, b)| key(a).partial_cmp(&key(b)).unwrap_or(std::cmp::Ordering::Equal));
        sorted.truncate(2);
        sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
        sorted
    }

    /// The last point before a stub and the first one beyond it.
    fn around(&self, stub: Stub) -> Vec<(f64, Point)> {
        let before = self.measured().rfind(|(l, _)| *l < stub.from);
        let beyond = self.measured().find(|(l, _)| *l > stub.to);
        before.into_iter().chain(beyond).collect()
    }

    fn last_two(&self) -> Vec<(f64, Point)> {
        let mut last: Vec<_> = self.measured().rev().take(2).collect();
        last.reverse();
        last
    }
}

/// A path whose lengths are given, not measured along these points.
fn from_measured(points: &[(f64, Point)]) -> Path {
    Path { points: points.iter().map(|p| p.1).collect(), lengths: points.iter().map(|p| p.0).collect() }
}

/// The soma's position, then the points of the sections that lead to a terminal; repeated points dropped.
fn branch_path(morphology: &Morphology, transform: &Transform, terminal: usize) -> Path {
    let up =
        std::iter::successors(morphology.sections.get(terminal), |s| s.parent.and_then(|p| morphology.sections.get(p)));
    let mut way: Vec<_> = up.collect();
    way.reverse();
    let mut path = Path::through([transform.translation]);
    for p in way.iter().flat_map(|s| s.points()).map(|p| transform.apply(p)) {
        if path.points.last() != Some(&p) {
            path.push(p);
        }
    }
    path
}

/// The first of the longest paths.
fn longest(paths: impl Iterator<Item = Path>) -> Option<Path> {
    paths.reduce(|best, p| if p.length() > best.length() { p } else { best })
}

/// The path with a point added straight ahead at the end of the myelin, where it is shorter than that.
fn extended(mut path: Path) -> Path {
    if let ([.., a, b], [.., la, lb]) = (path.points.as_slice(), path.lengths.as_slice())
        && *lb < MYELIN.to
    {
        path.points.push(along((*la, *a), (*lb, *b), MYELIN.to));
        path.lengths.push(MYELIN.to);
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
            diameters: vec![1.0; points.len()],
        };
        Morphology { sections: vec![section], ..Morphology::default() }
    }

    fn branch(points: &[f32], placement: Placement) -> Branch {
        let transform = Transform { rotation: Quaternion::IDENTITY, translation: Point::ORIGIN };
        Branch::choose(&straight_axon(points), &transform, placement).unwrap()
    }

    #[test]
    fn a_straight_axon_gives_the_same_stubs_under_every_placement() {
        for placement in [Placement::Arc, Placement::BlueRecording, Placement::BlueRecording02] {
            for points in [&[10.0, 25.0, 41.0, 55.0, 70.0, 2000.0][..], &[10.0, 25.0, 80.0][..], &[500.0, 600.0][..]] {
                let branch = branch(points, placement);
                for stub in [AIS_1, AIS_2, MYELIN] {
                    for (found, expected) in branch.boundaries(stub, 5).iter().zip(stub.boundaries(5)) {
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
        let transform = Transform { rotation: Quaternion::IDENTITY, translation: Point::new(1.0, 2.0, 3.0) };
        let branch = Branch::choose(&morphology, &transform, Placement::Arc).unwrap();
        let ends = |stub, n| branch.boundaries(stub, n);
        assert_eq!(ends(AIS_1, 5).first(), Some(&transform.translation));
        assert_eq!(ends(AIS_1, 5).last(), ends(AIS_2, 5).first());
        assert_eq!(ends(AIS_2, 5).last(), ends(MYELIN, 5).first());
    }
}
