//! Neurolucida's text format: nested lists of points, `(x y z diameter)`.
//!
//! A top-level block is the cell body (`(CellBody)`, or the label `"CellBody"`), a neurite (`(Axon)`, `(Dendrite)`,
//! `(Apical)`) or an annotation, which is left out: a marker, a contour of something else, a property. Inside a neurite
//! `( ... | ... )` is a branching; words such as `Incomplete` end a branch; `<...>` is a spine and `;` starts a comment,
//! and both are passed over, as are properties like `(Color Red)` and markers like `(Cross ...)`.
//!
//! Sections are those of MorphIO 3: each list of points between brackets and bars is one, also a single child. A child
//! that does not start at its parent's last point gets that point in front, with the diameter of its own first point
//! (as NEURON has it); a child that is nothing but its parent's last point is dropped. MorphIO refuses a second contour
//! of the cell body; here contours whose extents in x and y overlap are one soma, the stack that NEURON makes of them.

mod header;
mod lexer;

use super::{Fault, Morphology, Section, Soma, SomaForm, clipped, number};
use crate::error::{Context, Error, Problem, Result};
use crate::segments::SectionType;
use header::Header;
use lexer::{ENDINGS, Lexer, Token, in_line, is_numeric, not_closed, section_type, unexpected};

/// What can be wrong with an ASC file, apart from what can be wrong with any morphology.
#[derive(Debug, thiserror::Error)]
enum AscProblem {
    #[error("unexpected token, expected {expected}, found {found}")]
    Unexpected { expected: &'static str, found: String },
    #[error("`(` is not closed, expected `)`, found {found}")]
    NotClosed { found: String },
    #[error("`{opening}` is not closed, expected `{closing}`, found the end of the file")]
    Unterminated { opening: char, closing: char },
    #[error("point has too few numbers, expected 4 (x, y, z, diameter), found {0}")]
    ShortPoint(usize),
    #[error("unknown section type, expected `(Axon)`, `(Dendrite)`, `(Apical)` or `(CellBody)`, found {0}")]
    Type(String),
    #[error("points follow a branching, expected `)` or `|`, found a point")]
    PointsAfterBranching,
    #[error("cell body branches, expected a contour, found a branching")]
    SomaBranches,
    #[error("branches are nested too deep, expected at most {DEEPEST} levels, found more")]
    TooDeep,
}

impl Problem for AscProblem {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Type(_) => Some("give the neurite one of these types, or remove it".into()),
            _ => None,
        }
    }
}

/// Levels of branching that are followed: far more than any neuron has, and few enough for any memory.
const DEEPEST: usize = 100_000;

/// Parses the text of a file.
///
/// # Errors
/// The brackets do not match, a point is malformed, or the cell body is in several places; the error names the line.
pub(super) fn parse(text: &str) -> Result<Morphology> {
    let mut parser = Parser { lexer: Lexer::of(text), soma: Soma::default(), extent: None, sections: Vec::new() };
    parser.file()?;
    Ok(Morphology::from_file_order(parser.soma, parser.sections))
}

/// A list of points, and where it hangs.
#[derive(Default)]
struct Stretch {
    /// The section it grows from.
    parent: Option<usize>,
    /// The section that its branches grow from, once it has branches.
    section: Option<usize>,
}

/// A neurite, or a contour of the cell body, that is being read.
struct Tree {
    kind: SectionType,
    /// Line of the bracket that opens it.
    line: u64,
    now: Stretch,
    /// The points of the current stretch; those around it have been made sections before it began.
    points: Vec<[f32; 3]>,
    diameters: Vec<f32>,
    /// The stretches whose branchings are open, and the lines of their brackets.
    outer: Vec<(Stretch, u64)>,
}

impl Tree {
    /// The line of the innermost bracket that is open, `above` levels up.
    fn open_bracket(&self, above: usize) -> u64 {
        self.outer.iter().rev().nth(above).map_or(self.line, |&(_, line)| line)
    }

    /// Whether nothing has been read since the last bracket or bar.
    fn is_fresh(&self) -> bool {
        self.points.is_empty() && self.now.section.is_none()
    }
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    soma: Soma,
    /// Least and greatest x and y of the soma.
    extent: Option<[[f32; 2]; 2]>,
    sections: Vec<Section>,
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
        let mut header = Header::default();
        let Some((number, at)) = self.header(&mut header, line)? else { return Ok(()) };
        let Some(kind) = header.kind else { return self.annotation(&header, line) };
        let (points, diameters) = (Vec::new(), Vec::new());
        let mut tree = Tree { kind, line, now: Stretch::default(), points, diameters, outer: Vec::new() };
        self.point(&mut tree, number, at)?;
        self.tree(tree)
    }

    /// Reads up to the first number of the first point; none where the block ends without one.
    fn header(&mut self, header: &mut Header<'a>, block: u64) -> Result<Option<(&'a str, u64)>> {
        loop {
            match self.lexer.next()? {
                (Token::Close, _) => return Ok(None),
                (Token::Label(label), _) => header.label(label),
                (Token::Word(word), at) if section_type(word).is_some() => {
                    return Err(unexpected(at, "`(`", Token::Word(word)));
                }
                (Token::Word(_), _) => return self.rest_of_list(block).map(|_| None),
                (Token::Open, line) => match self.lexer.next()? {
                    (Token::Word(word), at) if is_numeric(word) => return Ok(Some((word, at))),
                    (Token::Word(word), _) => self.property(header, word, line)?,
                    (other, at) => return Err(unexpected(at, "a number or a word", other)),
                },
                (Token::End, _) => return Err(not_closed(block, "the end of the file".into())),
                (other, at) => return Err(unexpected(at, "`(`", other)),
            }
        }
    }

    /// Reads the rest of a property: the section type, or one that is passed over.
    fn property(&mut self, header: &mut Header<'a>, word: &'a str, line: u64) -> Result<()> {
        let Some(kind) = section_type(word) else {
            let is_lone = self.lexer.peek()?.0 == Token::Close;
            header.word = is_lone.then_some(word).or(header.word);
            return self.rest_of_list(line).map(drop);
        };
        header.kind = Some(kind);
        if matches!(word, "Cell" | "cell") {
            self.expect("`Body`", |token| matches!(token, Token::Word("Body" | "body")))?;
        }
        self.expect("`)`", |token| token == Token::Close)
    }

    fn expect(&mut self, expected: &'static str, is_it: impl Fn(Token<'a>) -> bool) -> Result<()> {
        let (token, line) = self.lexer.next()?;
        if is_it(token) { Ok(()) } else { Err(unexpected(line, expected, token)) }
    }

    /// Passes over the rest of a list that was opened in this line, and tells whether there was a bar.
    fn rest_of_list(&mut self, line: u64) -> Result<bool> {
        let (mut depth, mut is_barred) = (1_u64, false);
        while depth > 0 {
            match self.lexer.next()?.0 {
                Token::Open => depth += 1,
                Token::Close => depth -= 1,
                Token::Bar => is_barred = true,
                Token::Word(_) | Token::Label(_) => {}
                Token::End => return Err(not_closed(line, "the end of the file".into())),
            }
        }
        Ok(is_barred)
    }

    /// Passes over a block without a type, inside its first point. One that branches is a neurite: not in silence.
    fn annotation(&mut self, header: &Header<'a>, block: u64) -> Result<()> {
        self.rest_of_list(block)?;
        match self.rest_of_list(block)? {
            false => Ok(()),
            true => Err(in_line(block, AscProblem::Type(header.name()))),
        }
    }

    /// Reads on to the bracket that closes the block.
    fn tree(&mut self, mut tree: Tree) -> Result<()> {
        loop {
            match self.lexer.next()? {
                (Token::Open, line) => self.list(&mut tree, line)?,
                (Token::Bar, _) if !tree.outer.is_empty() => {
                    self.finish(&mut tree)?;
                    tree.now.section = None;
                }
                (Token::Close, _) => {
                    self.finish(&mut tree)?;
                    let Some((above, _)) = tree.outer.pop() else { return Ok(()) };
                    tree.now = above;
                }
                (Token::Label(_), _) => {}
                (Token::Word(word), _) if ENDINGS.contains(&word) => {}
                (Token::End, _) => return Err(not_closed(tree.open_bracket(0), "the end of the file".into())),
                (other, line) => return Err(unexpected(line, "`(` or `)`", other)),
            }
        }
    }

    /// Reads what a bracket opens inside a tree: a point, a property, a branching.
    fn list(&mut self, tree: &mut Tree, line: u64) -> Result<()> {
        match self.lexer.peek()? {
            (Token::Open, _) => self.branching(tree, line),
            (Token::Word(word), at) if is_numeric(word) => {
                self.lexer.next()?;
                self.point(tree, word, at)
            }
            (Token::Word(word), at) if section_type(word).is_some() => {
                // where a branching would start, its bracket is that of the next block
                let found = format!("`({})` in line {at}", clipped(word));
                let above = usize::from(tree.is_fresh() && !tree.outer.is_empty());
                Err(not_closed(tree.open_bracket(above), found))
            }
            (Token::Word(_), _) => self.rest_of_list(line).map(drop),
            (label @ Token::Label(_), at) => Err(not_closed(tree.open_bracket(0), format!("{label} in line {at}"))),
            (other, at) => Err(unexpected(at, "a number, a word or `(`", other)),
        }
    }

    fn branching(&mut self, tree: &mut Tree, line: u64) -> Result<()> {
        if tree.kind == SectionType::Soma {
            return Err(self.soma_branching(tree, line)?);
        }
        if tree.outer.len() == DEEPEST {
            return Err(in_line(line, AscProblem::TooDeep));
        }
        self.finish(tree)?;
        // a list without points of its own hands its branches on to its parent
        tree.now.section = tree.now.section.or(tree.now.parent);
        let branch = Stretch { parent: tree.now.section, section: None };
        tree.outer.push((std::mem::replace(&mut tree.now, branch), line));
        Ok(())
    }

    /// What is wrong where a cell body branches: often its bracket is missing, and the next block starts.
    fn soma_branching(&mut self, tree: &Tree, line: u64) -> Result<Error> {
        self.lexer.next()?;
        Ok(match self.lexer.peek()? {
            (Token::Word(word), _) if !is_numeric(word) => {
                not_closed(tree.line, format!("`(({}` in line {line}", clipped(word)))
            }
            _ => in_line(line, AscProblem::SomaBranches),
        })
    }

    /// Reads the rest of a point, from its first number on.
    fn point(&mut self, tree: &mut Tree, first: &str, line: u64) -> Result<()> {
        if tree.now.section.is_some() {
            return Err(in_line(line, AscProblem::PointsAfterBranching));
        }
        let mut numbers = [number(first).at("line", line)?, 0.0, 0.0, 0.0];
        for (found, value) in numbers.iter_mut().enumerate().skip(1) {
            match self.lexer.next()? {
                (Token::Word(word), at) => *value = number(word).at("line", at)?,
                (Token::Close, at) => return Err(in_line(at, AscProblem::ShortPoint(found))),
                (other, at) => return Err(unexpected(at, "a number", other)),
            }
        }
        if matches!(self.lexer.peek()?, (Token::Word(word), _) if !is_numeric(word)) {
            self.lexer.next()?; // a name, as in `(1 2 3 0.5 S1)`
        }
        self.expect("`)`", |token| token == Token::Close)?;
        let [x, y, z, diameter] = numbers;
        self.push([x, y, z], diameter, tree);
        Ok(())
    }

    /// Adds a point, and in front of a branch's first one its parent's last, if that is another.
    fn push(&self, point: [f32; 3], diameter: f32, tree: &mut Tree) {
        if tree.points.is_empty() {
            let parent = tree.now.parent.and_then(|p| self.sections.get(p));
            let before = parent.and_then(|p| p.points.last()).filter(|&&last| last != point);
            tree.points.extend(before);
            tree.diameters.extend(before.map(|_| diameter));
        }
        tree.points.push(point);
        tree.diameters.push(diameter);
    }

    /// Makes a section, or a part of the soma, of the points read; nothing where there are none.
    fn finish(&mut self, tree: &mut Tree) -> Result<()> {
        // copied, so that they take no more memory than they need
        let (points, diameters) = (tree.points.to_vec(), tree.diameters.to_vec());
        tree.points.clear();
        tree.diameters.clear();
        let parent = tree.now.parent;
        match (points.len(), tree.kind) {
            (0, _) => {}
            (_, SectionType::Soma) => return self.contour(points, diameters).at("line", tree.line),
            (1, _) if parent.is_some() => tree.now.section = parent,
            (_, kind) => {
                tree.now.section = Some(self.sections.len());
                self.sections.push(Section { kind, parent, points, diameters });
            }
        }
        Ok(())
    }

    /// Adds a contour to the soma, if it overlaps what is there of it in x and y.
    fn contour(&mut self, points: Vec<[f32; 3]>, diameters: Vec<f32>) -> Result<(), Fault> {
        if points.len() < 2 {
            return Err(Fault::ShortContour(points.len()));
        }
        let extent = [0, 1].map(|axis| {
            let along = points.iter().map(|p| p[axis]);
            along.fold([f32::INFINITY, f32::NEG_INFINITY], |[low, high], v| [low.min(v), high.max(v)])
        });
        let before = self.extent.unwrap_or(extent);
        if before.iter().zip(&extent).any(|(a, b)| a[0] > b[1] || b[0] > a[1]) {
            return Err(Fault::TwoSomata);
        }
        self.extent = Some([0, 1].map(|i| [before[i][0].min(extent[i][0]), before[i][1].max(extent[i][1])]));
        self.soma.contours.push(self.soma.points.len());
        self.soma.points.extend(points);
        self.soma.diameters.extend(diameters);
        self.soma.form = SomaForm::Contour;
        Ok(())
    }
}
