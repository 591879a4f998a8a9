//! A block of Neurolucida's format that is being read.

use super::problem::AscProblem;
use crate::geometry::Point;
use crate::segments::SectionType;

/// A list of points, and where it hangs.
#[derive(Default)]
pub(super) struct Stretch {
    /// The section it grows from.
    pub parent: Option<usize>,
    /// The point it grows from: the last one of the list around it.
    pub from: Option<[f64; 3]>,
    /// The section that its branches grow from, and the point, once it has branches.
    pub section: Option<usize>,
    /// What has been read of it.
    pub stage: Stage,
}

/// How far a list of points has been read: what may follow depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) enum Stage {
    #[default]
    Start,
    /// A property without lists.
    FirstProperty,
    Points,
    /// Properties or markers behind the points.
    Properties,
    /// A word that ends it.
    Ended,
    /// A branching.
    Branched,
}

/// A neurite, or a contour of the cell body, that is being read.
pub(super) struct Tree {
    pub kind: SectionType,
    /// Line of the bracket that opens it.
    pub line: u64,
    pub now: Stretch,
    /// The points of the current stretch; those around it have been made sections before it began.
    pub points: Vec<[f32; 3]>,
    pub diameters: Vec<f32>,
    /// The first and last of them, as they are written.
    pub first: Option<[f64; 3]>,
    pub last: Option<[f64; 3]>,
    /// The stretches whose branchings are open, and the lines of their brackets.
    pub outer: Vec<(Stretch, u64)>,
}

impl Tree {
    /// The line of the innermost bracket that is open, `above` levels up.
    pub fn open_bracket(&self, above: usize) -> u64 {
        self.outer.iter().rev().nth(above).map_or(self.line, |&(_, line)| line)
    }

    /// Adds a point, and in front of a branch's first one the point that it grows from, if that is another.
    pub fn push(&mut self, [x, y, z, diameter]: [f64; 4]) {
        let point = [x, y, z];
        let diameter = diameter as f32;
        if self.points.is_empty() {
            let before = self.now.from.filter(|&from| from != point);
            self.first = Some(before.unwrap_or(point));
            self.points.extend(before.map(|p| p.map(|v| v as f32)));
            self.diameters.extend(before.map(|_| diameter));
        }
        self.last = Some(point);
        self.points.push(point.map(|v| v as f32));
        self.diameters.push(diameter);
    }

    /// Goes on to a stage, if one of these is the current one.
    pub fn advance(&mut self, to: Stage, from: &[Stage], found: &'static str) -> Result<(), AscProblem> {
        let (before, expected) = match self.now.stage {
            stage if from.contains(&stage) => {
                self.now.stage = to;
                return Ok(());
            }
            Stage::Start | Stage::FirstProperty => return Err(AscProblem::NoPoints { found }),
            Stage::Points => ("a point", "a list, `|` or `)`"),
            Stage::Properties => ("a property", "a property, a branching, `|` or `)`"),
            Stage::Ended => ("the end of a branch", "`|` or `)`"),
            Stage::Branched => ("a branching", "`|` or `)`"),
        };
        Err(AscProblem::Late { found, before, expected })
    }

    /// Whether its points lie on a line, to within float32's rounding.
    pub fn is_straight(&self) -> bool {
        let points: Vec<Point> = self.points.iter().map(|&p| Point::from(p)).collect();
        let Some(&first) = points.first() else { return true };
        let farthest = points.iter().map(|&p| p - first).max_by(|a, b| a.norm_2().total_cmp(&b.norm_2()));
        let direction = farthest.unwrap_or_default();
        let rounding = 8.0 * f64::from(f32::EPSILON) * direction.norm_2();
        points.iter().all(|&p| (p - first).cross(direction).norm() <= rounding)
    }
}
