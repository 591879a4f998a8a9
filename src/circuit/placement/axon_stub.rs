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
use crate::circuit::hoc::AxonForm;
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

/// Which of the stubs one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The first of the axon initial segment.
    First,
    /// The second of the axon initial segment.
    Second,
    /// The myelin beyond them.
    Myelin,
}

/// A stub's range of path length from the soma, um.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stub {
    /// Which one it is.
    pub part: Part,
    /// Where it begins.
    pub from: f64,
    /// Where it ends.
    pub to: f64,
}

/// The stubs of most templates.
pub const STUBS: [Stub; 3] = [
    Stub { part: Part::First, from: 0.0, to: 30.0 },
    Stub { part: Part::Second, from: 30.0, to: 60.0 },
    Stub { part: Part::Myelin, from: 60.0, to: LONG_ENOUGH_UM },
];

/// A branch of this path length, um, holds all stubs.
const LONG_ENOUGH_UM: f64 = 1060.0;

/// The stubs of a form; where it has no myelin, or is not known, that of most templates.
pub fn stubs_of(form: Option<AxonForm>) -> [Stub; 3] {
    let mut stubs = STUBS;
    let mut from = 0.0;
    for (stub, shape) in stubs.iter_mut().zip(form.map_or(&[][..], AxonForm::stubs)) {
        *stub = Stub { from, to: from + shape.length_um, ..*stub };
        from = stub.to;
    }
    stubs
}

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
        let long_enough = terminals.iter().map(path).find(|p| p.length() > LONG_ENOUGH_UM);
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
        let last = if stub.part == Part::Myelin { f64::INFINITY } else { stub.to };
        let inside: Vec<_> = self.measured().filter(|(l, _)| (stub.from..=last).contains(l)).collect();
        if inside.len() >= 2 {
            return from_measured(&inside);
        }
        from_measured(&match stub.part {
            Part::First => self.first_two_by_coordinates(),
            Part::Second => self.around(stub),
            Part::Myelin => self.last_two(),
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
    // a point of the soma is none of the reconstructed axon
    let own_points =
        |s: &&'_ crate::morphology::Section| s.points().skip(usize::from(s.starts_at_soma)).collect::<Vec<_>>();
    for p in way.iter().flat_map(own_points).map(|p| transform.apply(p)) {
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
        && *lb < LONG_ENOUGH_UM
    {
        path.points.push(along((*la, *a), (*lb, *b), LONG_ENOUGH_UM));
        path.lengths.push(LONG_ENOUGH_UM);
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
            starts_at_soma: false,
        };
        Morphology { sections: vec![section], ..Morphology::default() }
    }

    fn branch(points: &[f32], placement: Placement) -> Branch {
        let transform = Transform::new(Quaternion::IDENTITY, Point::ORIGIN);
        Branch::choose(&straight_axon(points), &transform, placement).unwrap()
    }

    #[test]
    fn a_straight_axon_gives_the_same_stubs_under_every_placement() {
        for placement in [Placement::Arc, Placement::BlueRecording, Placement::BlueRecording02] {
            for points in [&[10.0, 25.0, 41.0, 55.0, 70.0, 2000.0][..], &[10.0, 25.0, 80.0][..], &[500.0, 600.0][..]] {
                let branch = branch(points, placement);
                for stub in STUBS {
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
        let transform = Transform::new(Quaternion::IDENTITY, Point::new(1.0, 2.0, 3.0));
        let branch = Branch::choose(&morphology, &transform, Placement::Arc).unwrap();
        let [first, second, myelin] = STUBS.map(|stub| branch.boundaries(stub, 5));
        assert_eq!(first.first(), Some(&transform.translation));
        assert_eq!((first.last(), second.last()), (second.first(), myelin.first()));
    }

    #[test]
    fn the_stubs_of_a_form_have_its_lengths() {
        let ranges = |form| stubs_of(form).map(|s| (s.from, s.to));
        assert_eq!(stubs_of(Some(AxonForm::Taper)), STUBS);
        assert_eq!(stubs_of(None), STUBS);
        assert_eq!(ranges(Some(AxonForm::DeleteFine))[..2], [(0.0, 20.0), (20.0, 50.0)]);
    }
}
