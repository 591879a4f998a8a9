//! Neurolucida's text format: nested lists of points, `(x y z diameter)` or `(x y z)`.
//!
//! A top-level block is a contour (`("CellBody" ...)`), a neurite (`((Axon) ...)`, `(Dendrite)`, `(Apical)`) or an
//! annotation, which is ignored: a marker, a contour of something else, a property. Inside a neurite `( ... | ... )` is
//! a branching; a word such as `Incomplete` ends a branch; `<...>` is a spine and `;` starts a comment; both are
//! skipped, and so are properties such as `(Color Red)` and markers such as `(Cross ...)` after a branch's points.
//!
//! The grammar is that of NEURON's importer (`Import3d_Neurolucida3`), determined by running NEURON 9.0.2: on other
//! texts it stops and returns an empty cell, or ignores a tree without a message; both are errors here. Sections are
//! also the importer's: each list of points between brackets and bars is one, including a single child. If a child does
//! not start at its parent's last point, that point is prepended, with the diameter of the child's first point; a tree
//! of one point, and a section of two equal points, are removed, and their children keep their points. Contours of the
//! soma whose extents in x and y overlap are one soma, a stack.

mod annotation;
mod lexer;
mod open_tree;
mod problem;

use super::{ImporterNote, Morphology, MorphologyProblem, Section, Soma, SomaForm, clip_word};
use crate::error::{Context, Error, Result};
use crate::segments::SectionType;
use annotation::AnnotationContents;
use lexer::{AscToken, Lexer, error_in_line, is_numeric, parse_section_type, unclosed_bracket, unexpected_token};
use open_tree::{BlockHeader, BranchState, OpenTree, ParseStage};
use problem::{AscProblem, MAX_BRANCH_LEVELS};

/// Parses the text of a file.
///
/// # Errors
/// Returns an error if the brackets do not match, a point is malformed, or there are several somata; the error names
/// the line.
pub(super) fn parse(text: &str) -> Result<Morphology> {
    let (soma, sections) = (Soma::default(), Vec::new());
    let mut parser = AscParser { lexer: Lexer::new(text), soma, soma_extent: None, sections, removed_sections: 0 };
    parser.parse_file()?;
    let notes = Some(ImporterNote::RemovedSections { sections: parser.removed_sections })
        .filter(|_| parser.removed_sections > 0)
        .into_iter()
        .collect();
    Ok(Morphology { notes, ..Morphology::from_importer_order(parser.soma, parser.sections) })
}

struct AscParser<'a> {
    lexer: Lexer<'a>,
    soma: Soma,
    /// Minimum and maximum of the soma's x and y.
    soma_extent: Option<[[f32; 2]; 2]>,
    sections: Vec<Section>,
    /// Number of sections that the importer removes.
    removed_sections: usize,
}

impl<'a> AscParser<'a> {
    fn parse_file(&mut self) -> Result<()> {
        loop {
            match self.lexer.next_token()? {
                (AscToken::Open, line) => self.parse_block(line)?,
                (AscToken::End, _) => return Ok(()),
                (other, line) => return Err(unexpected_token(line, "`(`", other)),
            }
        }
    }

    /// Parses a top-level block that was opened on this line.
    fn parse_block(&mut self, line: u64) -> Result<()> {
        let header = match self.lexer.peek()?.0 {
            AscToken::Word(word) if is_numeric(word) => {
                return Err(unexpected_token(line, "a list, a label or a word", AscToken::Word(word)));
            }
            AscToken::Word(word) => {
                self.lexer.next_token()?;
                return self.skip_annotation(word, line).map(drop);
            }
            AscToken::Label(label) => {
                self.lexer.next_token()?;
                BlockHeader { label: Some(label), ..BlockHeader::default() }
            }
            _ => BlockHeader::default(),
        };
        let Some((header, number, at)) = self.parse_header(header, line)? else { return Ok(()) };
        let kind = match header.section_type() {
            Ok(kind) => kind,
            Err(AscProblem::Type(_)) if self.is_text_at_point()? => return Ok(()),
            Err(problem) => return Err(error_in_line(line, problem)),
        };
        let (points, diameters) = (Vec::new(), Vec::new());
        let now = BranchState::default();
        let mut tree = OpenTree {
            kind: kind.unwrap_or(SectionType::Soma),
            line,
            branch: now,
            points,
            diameters_um: diameters,
            first_point: None,
            last_point: None,
            outer_branches: Vec::new(),
        };
        self.parse_point(&mut tree, number, at)?;
        if header.label.is_some() { self.parse_outline(tree, kind.is_some()) } else { self.parse_tree(tree) }
    }

    /// Parses up to the first number of the first point.
    fn parse_header(
        &mut self,
        mut header: BlockHeader<'a>,
        block: u64,
    ) -> Result<Option<(BlockHeader<'a>, &'a str, u64)>> {
        loop {
            match self.lexer.next_token()? {
                (AscToken::Close, at) => return Err(error_in_line(at, AscProblem::NoPoints { found: "`)`" })),
                (AscToken::Open, line) => match self.lexer.next_token()? {
                    (AscToken::Word(word), at) if is_numeric(word) => return Ok(Some((header, word, at))),
                    (AscToken::Word(word), _) => {
                        header.add_property(word);
                        if self.skip_annotation(word, line)? == AnnotationContents::Points {
                            return Err(error_in_line(line, AscProblem::NoPoints { found: "a marker" }));
                        }
                    }
                    (AscToken::Open, at) => {
                        return Err(error_in_line(at, AscProblem::NoPoints { found: "a branching" }));
                    }
                    (other, at) => return Err(unexpected_token(at, "a number or a word", other)),
                },
                (AscToken::End, _) => return Err(unclosed_bracket(block, "the end of the file".into())),
                (other, at) => return Err(unexpected_token(at, "`(`", other)),
            }
        }
    }

    fn expect_token(&mut self, expected: &'static str, is_it: impl Fn(AscToken<'a>) -> bool) -> Result<()> {
        let (token, line) = self.lexer.next_token()?;
        if is_it(token) { Ok(()) } else { Err(unexpected_token(line, expected, token)) }
    }

    /// Skips the rest of a list that was opened on this line.
    fn skip_list(&mut self, line: u64) -> Result<()> {
        let mut depth = 1_u64;
        while depth > 0 {
            match self.lexer.next_token()?.0 {
                AscToken::Open => depth += 1,
                AscToken::Close => depth -= 1,
                AscToken::Bar | AscToken::Word(_) | AscToken::Label(_) | AscToken::OpenSpine | AscToken::CloseSpine => {
                }
                AscToken::End => return Err(unclosed_bracket(line, "the end of the file".into())),
            }
        }
        Ok(())
    }

    /// Parses the rest of a block with a label, which contains only points: a contour of the soma, or an ignored one.
    fn parse_outline(&mut self, mut tree: OpenTree, is_soma: bool) -> Result<()> {
        loop {
            match self.lexer.next_token()? {
                (AscToken::Open, line) => match self.lexer.next_token()? {
                    (AscToken::Word(word), at) if is_numeric(word) => self.parse_point(&mut tree, word, at)?,
                    (AscToken::Word(word), _) if parse_section_type(word).is_some() || !is_soma => {
                        return Err(unclosed_bracket(tree.line, format!("`({}` in line {line}", clip_word(word))));
                    }
                    (AscToken::Open, _) if is_soma => return Err(self.soma_branching_error(&tree, line)?),
                    (other, at) => return Err(unexpected_token(at, "a number", other)),
                },
                (AscToken::Close, _) if is_soma => return self.add_soma_contour(tree),
                (AscToken::Close, _) => return Ok(()),
                (AscToken::End, _) => return Err(unclosed_bracket(tree.line, "the end of the file".into())),
                (other, at) => return Err(unexpected_token(at, "`(` or `)`", other)),
            }
        }
    }

    /// Parses up to the bracket that closes the block.
    fn parse_tree(&mut self, mut tree: OpenTree) -> Result<()> {
        const ANY_END: [ParseStage; 4] =
            [ParseStage::Points, ParseStage::Properties, ParseStage::Ended, ParseStage::Branched];
        loop {
            match self.lexer.next_token()? {
                (AscToken::Open, line) => self.parse_list(&mut tree, line)?,
                (AscToken::Bar, line) if !tree.outer_branches.is_empty() => {
                    tree.advance_stage(ParseStage::Start, &ANY_END, "`|`").map_err(|p| error_in_line(line, p))?;
                    self.finish_section(&mut tree);
                    tree.branch.section = None;
                }
                (AscToken::Close, line) => {
                    tree.advance_stage(ParseStage::Start, &ANY_END, "`)`").map_err(|p| error_in_line(line, p))?;
                    self.finish_section(&mut tree);
                    let Some((above, _)) = tree.outer_branches.pop() else { return Ok(()) };
                    tree.branch = above;
                    tree.branch.stage = ParseStage::Branched;
                }
                (AscToken::OpenSpine, line) => {
                    tree.advance_stage(ParseStage::Points, &[ParseStage::Points], "a spine")
                        .map_err(|p| error_in_line(line, p))?;
                    self.skip_spine(line)?;
                }
                (AscToken::Word(_), line) => {
                    let from = [ParseStage::Points, ParseStage::Properties];
                    tree.advance_stage(ParseStage::Ended, &from, "a word").map_err(|p| error_in_line(line, p))?;
                }
                (AscToken::End, _) => {
                    return Err(unclosed_bracket(tree.open_bracket_line(0), "the end of the file".into()));
                }
                (other, line) => return Err(unexpected_token(line, "`(` or `)`", other)),
            }
        }
    }

    /// Skips the rest of a spine: properties and one point.
    fn skip_spine(&mut self, line: u64) -> Result<()> {
        loop {
            match self.lexer.next_token()? {
                (AscToken::Open, open) => {
                    let is_point = matches!(self.lexer.peek()?, (AscToken::Word(word), _) if is_numeric(word));
                    self.skip_list(open)?;
                    if is_point {
                        return self.expect_token("`>`", |token| token == AscToken::CloseSpine);
                    }
                }
                (AscToken::End, _) => {
                    return Err(error_in_line(
                        line,
                        AscProblem::Unterminated { opening: '<', closing: '>', found: "file" },
                    ));
                }
                (other, at) => return Err(unexpected_token(at, "`(`", other)),
            }
        }
    }

    /// Parses a list inside a tree: a point, a property or a branching.
    fn parse_list(&mut self, tree: &mut OpenTree, line: u64) -> Result<()> {
        match self.lexer.peek()? {
            (AscToken::Open, at) => {
                let from = [ParseStage::Points, ParseStage::Properties];
                tree.advance_stage(ParseStage::Branched, &from, "a branching").map_err(|p| error_in_line(at, p))?;
                self.begin_branching(tree, line)
            }
            (AscToken::Word(word), at) if is_numeric(word) => {
                self.lexer.next_token()?;
                self.parse_point(tree, word, at)
            }
            (AscToken::Word(word), at) if parse_section_type(word).is_some() => {
                // where a branching would start, its bracket belongs to the next block
                let found = format!("`({})` in line {at}", clip_word(word));
                let is_fresh = matches!(tree.branch.stage, ParseStage::Start | ParseStage::FirstProperty);
                let above = usize::from(is_fresh && !tree.outer_branches.is_empty());
                Err(unclosed_bracket(tree.open_bracket_line(above), found))
            }
            (AscToken::Word(word), at) if tree.branch.stage == ParseStage::Start => {
                tree.branch.stage = ParseStage::FirstProperty;
                self.lexer.next_token()?;
                if word.eq_ignore_ascii_case("set") {
                    return Err(error_in_line(at, AscProblem::Annotation { found: format!("`{}`", clip_word(word)) }));
                }
                match self.skip_annotation(word, line)? {
                    AnnotationContents::Words => Ok(()),
                    // the importer would take the point of the marker for one of the neurite
                    AnnotationContents::Points => Err(error_in_line(at, AscProblem::NoPoints { found: "a marker" })),
                }
            }
            (AscToken::Word(word), at) => {
                let from = [ParseStage::Points, ParseStage::Properties];
                tree.advance_stage(ParseStage::Properties, &from, "a property").map_err(|p| error_in_line(at, p))?;
                self.lexer.next_token()?;
                if word.eq_ignore_ascii_case("set") {
                    return Err(error_in_line(at, AscProblem::Annotation { found: format!("`{}`", clip_word(word)) }));
                }
                self.skip_annotation(word, line).map(drop)
            }
            (label @ AscToken::Label(_), at) => {
                Err(unclosed_bracket(tree.open_bracket_line(0), format!("{label} in line {at}")))
            }
            (other, at) => Err(unexpected_token(at, "a number, a word or `(`", other)),
        }
    }

    fn begin_branching(&mut self, tree: &mut OpenTree, line: u64) -> Result<()> {
        if tree.outer_branches.len() == MAX_BRANCH_LEVELS {
            return Err(error_in_line(line, AscProblem::TooDeep));
        }
        self.finish_section(tree);
        let branch =
            BranchState { parent: tree.branch.section, start_point: tree.last_point, ..BranchState::default() };
        tree.outer_branches.push((std::mem::replace(&mut tree.branch, branch), line));
        Ok(())
    }

    /// Returns the error for a branching in the soma: often its closing bracket is missing, and the next block starts.
    fn soma_branching_error(&mut self, tree: &OpenTree, line: u64) -> Result<Error> {
        Ok(match self.lexer.peek()? {
            (AscToken::Word(word), _) if !is_numeric(word) => {
                unclosed_bracket(tree.line, format!("`(({}` in line {line}", clip_word(word)))
            }
            _ => error_in_line(line, AscProblem::SomaBranches),
        })
    }

    /// Parses the rest of a point, after its first number.
    fn parse_point(&mut self, tree: &mut OpenTree, first: &str, line: u64) -> Result<()> {
        tree.advance_stage(
            ParseStage::Points,
            &[ParseStage::Start, ParseStage::FirstProperty, ParseStage::Points],
            "a point",
        )
        .map_err(|problem| error_in_line(line, problem))?;
        let mut numbers = [parse_coordinate(first).at_index("line", line)?, 0.0, 0.0, 0.0];
        for (found, value) in numbers.iter_mut().enumerate().skip(1) {
            match self.lexer.next_token()? {
                (AscToken::Word(word), at) => *value = parse_coordinate(word).at_index("line", at)?,
                (AscToken::Close, _) if found == 3 => {
                    tree.push_point(numbers);
                    return Ok(());
                }
                (AscToken::Close, at) => return Err(error_in_line(at, AscProblem::ShortPoint(found))),
                (other, at) => return Err(unexpected_token(at, "a number", other)),
            }
        }
        if matches!(self.lexer.peek()?, (AscToken::Word(word), _) if !is_numeric(word)) {
            self.lexer.next_token()?; // a name, as in `(1 2 3 0.5 S1)`
        }
        self.expect_token("`)`", |token| token == AscToken::Close)?;
        tree.push_point(numbers);
        Ok(())
    }

    /// Creates a section from the points read, unless the importer removes it; does nothing if there are no points.
    fn finish_section(&mut self, tree: &mut OpenTree) {
        // copies have no excess capacity
        let (points, diameters) = (tree.points.to_vec(), tree.diameters_um.to_vec());
        tree.points.clear();
        tree.diameters_um.clear();
        let (kind, parent) = (tree.kind, tree.branch.parent);
        match points.len() {
            0 => {}
            1 | 2 if points.len() == 1 || tree.first_point == tree.last_point => {
                self.removed_sections += 1;
                tree.branch.section = parent;
            }
            _ => {
                tree.branch.section = Some(self.sections.len());
                self.sections.push(Section { kind, parent, points, diameters_um: diameters, starts_at_soma: false });
            }
        }
    }

    /// Adds a contour to the soma; returns an error unless it overlaps the existing contours in x and y.
    fn add_soma_contour(&mut self, tree: OpenTree) -> Result<()> {
        if tree.points.len() < 3 {
            return Err(MorphologyProblem::ShortContour(tree.points.len())).at_index("line", tree.line);
        }
        if tree.is_collinear() {
            return Err(error_in_line(tree.line, AscProblem::FlatContour));
        }
        let (points, line) = (tree.points, tree.line);
        let extent = [0, 1].map(|axis| {
            let along = points.iter().map(|p| p[axis]);
            along.fold([f32::INFINITY, f32::NEG_INFINITY], |[low, high], v| [low.min(v), high.max(v)])
        });
        let before = self.soma_extent.unwrap_or(extent);
        if before.iter().zip(&extent).any(|(a, b)| a[0] > b[1] || b[0] > a[1]) {
            return Err(MorphologyProblem::TwoSomata).at_index("line", line);
        }
        self.soma_extent = Some([0, 1].map(|i| [before[i][0].min(extent[i][0]), before[i][1].max(extent[i][1])]));
        self.soma.part_starts.push(self.soma.points.len());
        self.soma.points.extend(points);
        self.soma.diameters_um.extend(tree.diameters_um);
        self.soma.form = SomaForm::Contour;
        Ok(())
    }
}

/// Parses a coordinate or diameter in float64; it is later stored as float32.
fn parse_coordinate(word: &str) -> Result<f64, MorphologyProblem> {
    let value: f64 = word.parse().map_err(|_| MorphologyProblem::NotANumber(clip_word(word)))?;
    if (value as f32).is_finite() { Ok(value) } else { Err(MorphologyProblem::NotFinite(value as f32)) }
}
