//! Parser state of a block of Neurolucida's format: its header and the tree that is being read.

use super::lexer::{AscToken, is_soma_label, parse_neurite_type, parse_section_type};
use super::problem::AscProblem;
use crate::geometry::Point;
use crate::morphology::clip_word;
use crate::segments::SectionType;

/// The part of a block before its first point.
#[derive(Default)]
pub(super) struct BlockHeader<'a> {
    /// The label with which the block begins.
    pub label: Option<&'a str>,
    /// The first word of the last property: the section type, if the block has no label.
    pub last_property: Option<&'a str>,
    /// The section type of the last property that names one, in any capitalisation.
    pub named_type: Option<SectionType>,
}

impl BlockHeader<'_> {
    /// Returns what NEURON's importer reads the block as: the soma, a neurite, or (`None`) an annotation.
    pub fn section_type(&self) -> Result<Option<SectionType>, AscProblem> {
        let Some(label) = self.label else {
            let property = self.last_property.map_or("none".into(), |w| format!("`({})`", clip_word(w)));
            return match self.last_property.and_then(parse_neurite_type) {
                Some(kind) => Ok(Some(kind)),
                None if self.named_type == Some(SectionType::Soma) => Err(AscProblem::SomaLabel("none".into())),
                None => Err(AscProblem::Type(property)),
            };
        };
        let is_meant_as_soma = || label.bytes().filter(|&b| b != b' ').map(|b| b.to_ascii_lowercase()).eq(*b"cellbody");
        match self.named_type {
            _ if is_soma_label(label) => Ok(Some(SectionType::Soma)),
            Some(SectionType::Soma) => Err(AscProblem::SomaLabel(AscToken::Label(label).to_string())),
            Some(_) => Err(AscProblem::LabelledNeurite(clip_word(label))),
            None if is_meant_as_soma() => Err(AscProblem::SomaLabel(AscToken::Label(label).to_string())),
            None => Ok(None),
        }
    }
}

impl<'a> BlockHeader<'a> {
    /// Adds a property by its first word.
    pub fn add_property(&mut self, word: &'a str) {
        self.last_property = Some(word);
        self.named_type = parse_section_type(word).or(self.named_type);
    }
}

/// A list of points, and where it connects.
#[derive(Default)]
pub(super) struct BranchState {
    /// The parent section.
    pub parent: Option<usize>,
    /// The point from which it grows: the last one of the enclosing list.
    pub start_point: Option<[f64; 3]>,
    /// The parent section of its branches, once it has branches.
    pub section: Option<usize>,
    /// What has been read so far.
    pub stage: ParseStage,
}

/// How far a list of points has been read, which determines what may follow.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) enum ParseStage {
    #[default]
    Start,
    /// A property without lists.
    FirstProperty,
    Points,
    /// Properties or markers after the points.
    Properties,
    /// A word that ends the list.
    Ended,
    /// A branching.
    Branched,
}

/// A neurite, or a contour of the soma, that is being parsed.
pub(super) struct OpenTree {
    pub kind: SectionType,
    /// Line of the bracket that opens it.
    pub line: u64,
    pub branch: BranchState,
    /// Points of the current list; the enclosing lists are sections already.
    pub points: Vec<[f32; 3]>,
    pub diameters_um: Vec<f32>,
    /// First and last point, in float64.
    pub first_point: Option<[f64; 3]>,
    pub last_point: Option<[f64; 3]>,
    /// The enclosing lists whose branchings are open, and the lines of their brackets.
    pub outer_branches: Vec<(BranchState, u64)>,
}

impl OpenTree {
    /// Returns the line of the innermost open bracket, `above` levels up.
    pub fn open_bracket_line(&self, above: usize) -> u64 {
        self.outer_branches.iter().rev().nth(above).map_or(self.line, |&(_, line)| line)
    }

    /// Adds a point; before the first point of a branch also the point from which it grows, if that differs.
    pub fn push_point(&mut self, [x, y, z, diameter]: [f64; 4]) {
        let point = [x, y, z];
        let diameter = diameter as f32;
        if self.points.is_empty() {
            let before = self.branch.start_point.filter(|&from| from != point);
            self.first_point = Some(before.unwrap_or(point));
            self.points.extend(before.map(|p| p.map(|v| v as f32)));
            self.diameters_um.extend(before.map(|_| diameter));
        }
        self.last_point = Some(point);
        self.points.push(point.map(|v| v as f32));
        self.diameters_um.push(diameter);
    }

    /// Advances to a stage; returns an error if the current stage is not one of `from`.
    pub fn advance_stage(
        &mut self,
        to: ParseStage,
        from: &[ParseStage],
        found: &'static str,
    ) -> Result<(), AscProblem> {
        let (before, expected) = match self.branch.stage {
            stage if from.contains(&stage) => {
                self.branch.stage = to;
                return Ok(());
            }
            ParseStage::Start | ParseStage::FirstProperty => return Err(AscProblem::NoPoints { found }),
            ParseStage::Points => ("a point", "a list, `|` or `)`"),
            ParseStage::Properties => ("a property", "a property, a branching, `|` or `)`"),
            ParseStage::Ended => ("the end of a branch", "`|` or `)`"),
            ParseStage::Branched => ("a branching", "`|` or `)`"),
        };
        Err(AscProblem::Late { found, before, expected })
    }

    /// Returns whether the points lie on a line, within the rounding of float32.
    pub fn is_collinear(&self) -> bool {
        let points: Vec<Point> = self.points.iter().map(|&p| Point::from(p)).collect();
        let Some(&first) = points.first() else { return true };
        let farthest = points.iter().map(|&p| p - first).max_by(|a, b| a.norm_2().total_cmp(&b.norm_2()));
        let direction = farthest.unwrap_or_default();
        let rounding = 8.0 * f64::from(f32::EPSILON) * direction.norm_2();
        points.iter().all(|&p| (p - first).cross(direction).norm() <= rounding)
    }
}
