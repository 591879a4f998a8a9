//! Neurolucida's text format: nested lists of points, `(x y z diameter)` or `(x y z)`.
//!
//! A top-level block is a contour (`("CellBody" ...)`), a neurite (`((Axon) ...)`, `(Dendrite)`, `(Apical)`) or an
//! annotation, which is left out: a marker, a contour of something else, a property. Inside a neurite `( ... | ... )` is a
//! branching; a word such as `Incomplete` ends a branch; `<...>` is a spine and `;` starts a comment, and both are passed
//! over, as are properties like `(Color Red)` and markers like `(Cross ...)` behind a branch's points.
//!
//! The grammar is that of NEURON's importer (`Import3d_Neurolucida3`), found by running NEURON 9.0.2: it gives up on other
//! texts and goes on with an empty cell, or leaves a tree out without a word; both are errors here. Sections are the
//! importer's, too: each list of points between brackets and bars is one, also a single child. A child that does not start
//! at its parent's last point gets that point in front, with the diameter of its own first point; a tree of one point, and
//! a section of two equal points, are removed, and what grows from them keeps its points. Contours of the cell body whose
//! extents in x and y overlap are one soma, a stack.

mod annotation;
mod header;
mod lexer;
mod problem;
mod tree;

use super::{Fault, Morphology, Note, Section, Soma, SomaForm, clipped};
use crate::error::{Context, Error, Result};
use crate::segments::SectionType;
use annotation::Contents;
use header::Header;
use lexer::{Lexer, Token, in_line, is_numeric, not_closed, section_type, unexpected};
use problem::{AscProblem, DEEPEST};
use tree::{Stage, Stretch, Tree};

/// Parses the text of a file.
///
/// # Errors
/// The brackets do not match, a point is malformed, or the cell body is in several places; the error names the line.
pub(super) fn parse(text: &str) -> Result<Morphology> {
    let (soma, sections) = (Soma::default(), Vec::new());
    let mut parser = Parser { lexer: Lexer::of(text), soma, extent: None, sections, removed: 0 };
    parser.file()?;
    let notes = Some(Note::Removed { sections: parser.removed }).filter(|_| parser.removed > 0).into_iter().collect();
    Ok(Morphology { notes, ..Morphology::from_importer_order(parser.soma, parser.sections) })
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    soma: Soma,
    /// Least and greatest x and y of the soma.
    extent: Option<[[f32; 2]; 2]>,
    sections: Vec<Section>,
    /// How many the importer removes.
    removed: usize,
}

impl<'a> Parser<'a> {
    fn file(&mut self) -> Result<()> {
        loop {
            match self.lexer.next()? {
                (Token::Open, line) => self.block(line)?,
                (Token::End, _) => return Ok(()),
                (other, line) => return Err(unexpected(line, "`(`", other)),
            }
        }
    }

    /// Reads a top-level block that was opened in this line.
    fn block(&mut self, line: u64) -> Result<()> {
        let header = match self.lexer.peek()?.0 {
            Token::Word(word) if is_numeric(word) => {
                return Err(unexpected(line, "a list, a label or a word", Token::Word(word)));
            }
            Token::Word(word) => {
                self.lexer.next()?;
                return self.annotation(word, line).map(drop);
            }
            Token::Label(label) => {
                self.lexer.next()?;
                Header { label: Some(label), ..Header::default() }
            }
            _ => Header::default(),
        };
        let Some((header, number, at)) = self.header(header, line)? else { return Ok(()) };
        let kind = match header.section_type() {
            Ok(kind) => kind,
            Err(AscProblem::Type(_)) if self.is_text_at_point()? => return Ok(()),
            Err(problem) => return Err(in_line(line, problem)),
        };
        let (points, diameters) = (Vec::new(), Vec::new());
        let now = Stretch::default();
        let mut tree = Tree {
            kind: kind.unwrap_or(SectionType::Soma),
            line,
            now,
            points,
            diameters,
            first: None,
            last: None,
            outer: Vec::new(),
        };
        self.point(&mut tree, number, at)?;
        if header.label.is_some() { self.outline(tree, kind.is_some()) } else { self.tree(tree) }
    }

    /// Reads up to the first number of the first point; none where it is an empty list inside an annotation.
    fn header(&mut self, mut header: Header<'a>, block: u64) -> Result<Option<(Header<'a>, &'a str, u64)>> {
        loop {
            match self.lexer.next()? {
                (Token::Close, at) => return Err(in_line(at, AscProblem::NoPoints { found: "`)`" })),
                (Token::Open, line) => match self.lexer.next()? {
                    (Token::Word(word), at) if is_numeric(word) => return Ok(Some((header, word, at))),
                    (Token::Word(word), _) => {
                        header.property(word);
                        if self.annotation(word, line)? == Contents::Points {
                            return Err(in_line(line, AscProblem::NoPoints { found: "a marker" }));
                        }
                    }
                    (Token::Open, at) => return Err(in_line(at, AscProblem::NoPoints { found: "a branching" })),
                    (other, at) => return Err(unexpected(at, "a number or a word", other)),
                },
                (Token::End, _) => return Err(not_closed(block, "the end of the file".into())),
                (other, at) => return Err(unexpected(at, "`(`", other)),
            }
        }
    }

    fn expect(&mut self, expected: &'static str, is_it: impl Fn(Token<'a>) -> bool) -> Result<()> {
        let (token, line) = self.lexer.next()?;
        if is_it(token) { Ok(()) } else { Err(unexpected(line, expected, token)) }
    }

    /// Passes over the rest of a list that was opened in this line.
    fn rest_of_list(&mut self, line: u64) -> Result<()> {
        let mut depth = 1_u64;
        while depth > 0 {
            match self.lexer.next()?.0 {
                Token::Open => depth += 1,
                Token::Close => depth -= 1,
                Token::Bar | Token::Word(_) | Token::Label(_) | Token::OpenSpine | Token::CloseSpine => {}
                Token::End => return Err(not_closed(line, "the end of the file".into())),
            }
        }
        Ok(())
    }

    /// Reads the rest of a block that has a label: points only. It is a contour of the cell body, or left out.
    fn outline(&mut self, mut tree: Tree, is_soma: bool) -> Result<()> {
        loop {
            match self.lexer.next()? {
                (Token::Open, line) => match self.lexer.next()? {
                    (Token::Word(word), at) if is_numeric(word) => self.point(&mut tree, word, at)?,
                    (Token::Word(word), _) if section_type(word).is_some() || !is_soma => {
                        return Err(not_closed(tree.line, format!("`({}` in line {line}", clipped(word))));
                    }
                    (Token::Open, _) if is_soma => return Err(self.soma_branching(&tree, line)?),
                    (other, at) => return Err(unexpected(at, "a number", other)),
                },
                (Token::Close, _) if is_soma => return self.contour(tree),
                (Token::Close, _) => return Ok(()),
                (Token::End, _) => return Err(not_closed(tree.line, "the end of the file".into())),
                (other, at) => return Err(unexpected(at, "`(` or `)`", other)),
            }
        }
    }

    /// Reads on to the bracket that closes the block.
    fn tree(&mut self, mut tree: Tree) -> Result<()> {
        const ANY_END: [Stage; 4] = [Stage::Points, Stage::Properties, Stage::Ended, Stage::Branched];
        loop {
            match self.lexer.next()? {
                (Token::Open, line) => self.list(&mut tree, line)?,
                (Token::Bar, line) if !tree.outer.is_empty() => {
                    tree.advance(Stage::Start, &ANY_END, "`|`").map_err(|p| in_line(line, p))?;
                    self.finish(&mut tree);
                    tree.now.section = None;
                }
                (Token::Close, line) => {
                    tree.advance(Stage::Start, &ANY_END, "`)`").map_err(|p| in_line(line, p))?;
                    self.finish(&mut tree);
                    let Some((above, _)) = tree.outer.pop() else { return Ok(()) };
                    tree.now = above;
                    tree.now.stage = Stage::Branched;
                }
                (Token::OpenSpine, line) => {
                    tree.advance(Stage::Points, &[Stage::Points], "a spine").map_err(|p| in_line(line, p))?;
                    self.spine(line)?;
                }
                (Token::Word(_), line) => {
                    let from = [Stage::Points, Stage::Properties];
                    tree.advance(Stage::Ended, &from, "a word").map_err(|p| in_line(line, p))?;
                }
                (Token::End, _) => return Err(not_closed(tree.open_bracket(0), "the end of the file".into())),
                (other, line) => return Err(unexpected(line, "`(` or `)`", other)),
            }
        }
    }

    /// Reads the rest of a spine: properties and one point.
    fn spine(&mut self, line: u64) -> Result<()> {
        loop {
            match self.lexer.next()? {
                (Token::Open, open) => {
                    let is_point = matches!(self.lexer.peek()?, (Token::Word(word), _) if is_numeric(word));
                    self.rest_of_list(open)?;
                    if is_point {
                        return self.expect("`>`", |token| token == Token::CloseSpine);
                    }
                }
                (Token::End, _) => {
                    return Err(in_line(line, AscProblem::Unterminated { opening: '<', closing: '>', found: "file" }));
                }
                (other, at) => return Err(unexpected(at, "`(`", other)),
            }
        }
    }

    /// Reads what a bracket opens inside a tree: a point, a property, a branching.
    fn list(&mut self, tree: &mut Tree, line: u64) -> Result<()> {
        match self.lexer.peek()? {
            (Token::Open, at) => {
                let from = [Stage::Points, Stage::Properties];
                tree.advance(Stage::Branched, &from, "a branching").map_err(|p| in_line(at, p))?;
                self.branching(tree, line)
            }
            (Token::Word(word), at) if is_numeric(word) => {
                self.lexer.next()?;
                self.point(tree, word, at)
            }
            (Token::Word(word), at) if section_type(word).is_some() => {
                // where a branching would start, its bracket is that of the next block
                let found = format!("`({})` in line {at}", clipped(word));
                let is_fresh = matches!(tree.now.stage, Stage::Start | Stage::FirstProperty);
                let above = usize::from(is_fresh && !tree.outer.is_empty());
                Err(not_closed(tree.open_bracket(above), found))
            }
            (Token::Word(word), at) if tree.now.stage == Stage::Start => {
                tree.now.stage = Stage::FirstProperty;
                self.lexer.next()?;
                if word.eq_ignore_ascii_case("set") {
                    return Err(in_line(at, AscProblem::Annotation { found: format!("`{}`", clipped(word)) }));
                }
                match self.annotation(word, line)? {
                    Contents::Words => Ok(()),
                    // of a marker the importer would take the point for the neurite's
                    Contents::Points => Err(in_line(at, AscProblem::NoPoints { found: "a marker" })),
                }
            }
            (Token::Word(word), at) => {
                let from = [Stage::Points, Stage::Properties];
                tree.advance(Stage::Properties, &from, "a property").map_err(|p| in_line(at, p))?;
                self.lexer.next()?;
                if word.eq_ignore_ascii_case("set") {
                    return Err(in_line(at, AscProblem::Annotation { found: format!("`{}`", clipped(word)) }));
                }
                self.annotation(word, line).map(drop)
            }
            (label @ Token::Label(_), at) => Err(not_closed(tree.open_bracket(0), format!("{label} in line {at}"))),
            (other, at) => Err(unexpected(at, "a number, a word or `(`", other)),
        }
    }

    fn branching(&mut self, tree: &mut Tree, line: u64) -> Result<()> {
        if tree.outer.len() == DEEPEST {
            return Err(in_line(line, AscProblem::TooDeep));
        }
        self.finish(tree);
        let branch = Stretch { parent: tree.now.section, from: tree.last, ..Stretch::default() };
        tree.outer.push((std::mem::replace(&mut tree.now, branch), line));
        Ok(())
    }

    /// What is wrong where a cell body branches: often its bracket is missing, and the next block starts.
    fn soma_branching(&mut self, tree: &Tree, line: u64) -> Result<Error> {
        Ok(match self.lexer.peek()? {
            (Token::Word(word), _) if !is_numeric(word) => {
                not_closed(tree.line, format!("`(({}` in line {line}", clipped(word)))
            }
            _ => in_line(line, AscProblem::SomaBranches),
        })
    }

    /// Reads the rest of a point, from its first number on.
    fn point(&mut self, tree: &mut Tree, first: &str, line: u64) -> Result<()> {
        tree.advance(Stage::Points, &[Stage::Start, Stage::FirstProperty, Stage::Points], "a point")
            .map_err(|problem| in_line(line, problem))?;
        let mut numbers = [coordinate(first).at("line", line)?, 0.0, 0.0, 0.0];
        for (found, value) in numbers.iter_mut().enumerate().skip(1) {
            match self.lexer.next()? {
                (Token::Word(word), at) => *value = coordinate(word).at("line", at)?,
                (Token::Close, _) if found == 3 => {
                    tree.push(numbers);
                    return Ok(());
                }
                (Token::Close, at) => return Err(in_line(at, AscProblem::ShortPoint(found))),
                (other, at) => return Err(unexpected(at, "a number", other)),
            }
        }
        if matches!(self.lexer.peek()?, (Token::Word(word), _) if !is_numeric(word)) {
            self.lexer.next()?; // a name, as in `(1 2 3 0.5 S1)`
        }
        self.expect("`)`", |token| token == Token::Close)?;
        tree.push(numbers);
        Ok(())
    }

    /// Makes a section of the points read, unless the importer removes it; nothing where there are none.
    fn finish(&mut self, tree: &mut Tree) {
        // copied, so that they take no more memory than they need
        let (points, diameters) = (tree.points.to_vec(), tree.diameters.to_vec());
        tree.points.clear();
        tree.diameters.clear();
        let (kind, parent) = (tree.kind, tree.now.parent);
        match points.len() {
            0 => {}
            1 | 2 if points.len() == 1 || tree.first == tree.last => {
                self.removed += 1;
                tree.now.section = parent;
            }
            _ => {
                tree.now.section = Some(self.sections.len());
                self.sections.push(Section { kind, parent, points, diameters, starts_at_soma: false });
            }
        }
    }

    /// Adds a contour to the soma, if it overlaps what is there of it in x and y.
    fn contour(&mut self, tree: Tree) -> Result<()> {
        if tree.points.len() < 3 {
            return Err(Fault::ShortContour(tree.points.len())).at("line", tree.line);
        }
        if tree.is_straight() {
            return Err(in_line(tree.line, AscProblem::FlatContour));
        }
        let (points, line) = (tree.points, tree.line);
        let extent = [0, 1].map(|axis| {
            let along = points.iter().map(|p| p[axis]);
            along.fold([f32::INFINITY, f32::NEG_INFINITY], |[low, high], v| [low.min(v), high.max(v)])
        });
        let before = self.extent.unwrap_or(extent);
        if before.iter().zip(&extent).any(|(a, b)| a[0] > b[1] || b[0] > a[1]) {
            return Err(Fault::TwoSomata).at("line", line);
        }
        self.extent = Some([0, 1].map(|i| [before[i][0].min(extent[i][0]), before[i][1].max(extent[i][1])]));
        self.soma.parts.push(self.soma.points.len());
        self.soma.points.extend(points);
        self.soma.diameters.extend(tree.diameters);
        self.soma.form = SomaForm::Contour;
        Ok(())
    }
}

/// A coordinate or diameter as it is written; it is kept at float32.
fn coordinate(word: &str) -> Result<f64, Fault> {
    let value: f64 = word.parse().map_err(|_| Fault::NotANumber(clipped(word)))?;
    if (value as f32).is_finite() { Ok(value) } else { Err(Fault::NotFinite(value as f32)) }
}
