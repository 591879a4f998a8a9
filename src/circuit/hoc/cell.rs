//! What a template has done to a cell up to a statement, and what is known of it after two ways to get there.

use super::lexer::{Placed, Token};
use super::procedure::closing;

/// A statement: the place of its procedure, and of its first byte in the template's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Statement {
    pub procedure: usize,
    pub byte: usize,
}

/// What no known template does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Strange {
    /// A section gets another length than that of its points.
    Length,
    /// Sections are made or deleted in an unknown way.
    Sections,
    /// A function of an expression changes lengths, segments or sections.
    Function,
}

/// The cell.
#[derive(Debug, Clone)]
pub(super) struct Cell {
    /// The chunk length where all sections get their segments, none where another formula gives them; and where.
    pub chunk: Option<(Option<f64>, Statement)>,
    /// Whether the importer has made the sections.
    pub is_loaded: bool,
    /// The chunk length by which the original axon's sections are cut, as long as they are there; infinite where they have one
    /// segment each.
    pub axon_chunk: Option<f64>,
    /// Where the original axon got segments of its own.
    pub axon_cut: Option<Statement>,
    /// The procedure in which the axon is deleted or made anew.
    pub replaced_in: Option<usize>,
    /// The sections in its place.
    pub stubs: Vec<Made>,
    /// Where it is not known whether the axon was deleted, and no new one was made since.
    pub unsure_deletion: Option<Statement>,
    /// The first thing that was done that no known template does.
    pub strange: Option<(Strange, Statement)>,
    /// An axon of fewer sections is refused.
    pub refused_below: usize,
}

impl Default for Cell {
    fn default() -> Self {
        Self {
            chunk: None,
            is_loaded: false,
            // what the importer makes has one segment
            axon_chunk: Some(f64::INFINITY),
            axon_cut: None,
            replaced_in: None,
            stubs: Vec::new(),
            unsure_deletion: None,
            strange: None,
            refused_below: 0,
        }
    }
}

impl Cell {
    /// Notes what no known template does; the first is kept.
    pub fn set_strange(&mut self, what: Strange, at: Statement) {
        self.strange.get_or_insert((what, at));
    }

    /// What is known where a statement leaves open which of two ways was taken.
    pub fn join(mut self, other: Self, at: Statement) -> Self {
        self.chunk = match (self.chunk, other.chunk) {
            (a, b) if a.map(|a| a.0) == b.map(|b| b.0) => a,
            (Some((None, known)), _) | (_, Some((None, known))) => Some((None, known)),
            _ => Some((None, at)),
        };
        self.is_loaded |= other.is_loaded;
        self.axon_chunk = self.axon_chunk.filter(|_| self.axon_chunk == other.axon_chunk);
        self.axon_cut = self.axon_cut.or(other.axon_cut);
        self.strange = self.strange.or(other.strange);
        self.refused_below = self.refused_below.max(other.refused_below);
        let kinds = |cell: &Self| cell.stubs.iter().map(|made| made.kind).collect::<Vec<_>>();
        self.unsure_deletion = self.unsure_deletion.or(other.unsure_deletion);
        if kinds(&self) != kinds(&other) {
            self.set_strange(Strange::Sections, at);
        } else if self.replaced_in.is_some() != other.replaced_in.is_some() {
            self.unsure_deletion.get_or_insert(at);
        }
        self.replaced_in = self.replaced_in.or(other.replaced_in);
        self.stubs.iter_mut().zip(other.stubs).for_each(|(made, other)| made.join(other));
        self
    }

    /// The stubs that a target means.
    pub fn stubs_of(&mut self, target: Target) -> impl Iterator<Item = &mut Made> {
        self.stubs.iter_mut().filter(move |made| match (target, made.kind) {
            (Target::Every, _) | (Target::Axon(None), Kind::Axon(_)) | (Target::Myelin, Kind::Myelin) => true,
            (Target::Axon(Some(i)), Kind::Axon(j)) => i == j,
            _ => false,
        })
    }
}

/// What a section's property was set to.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) enum Property {
    /// It has not been set.
    #[default]
    Default,
    /// To this; none where the value is not known.
    To(Option<f64>),
}

impl Property {
    /// Its value, where that is known.
    pub fn known(self, default: Option<f64>) -> Option<f64> {
        match self {
            Self::Default => default,
            Self::To(value) => value,
        }
    }
}

/// Where the diameter of a stub's segment is from.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) enum Diameter {
    #[default]
    Unknown,
    /// This is it, um.
    Known(f64),
    /// An element of a vector, whose value is not known.
    Element(u32),
    /// A variable whose value is not known.
    Variable(String),
}

impl Diameter {
    /// Its value, um, where that is known.
    pub fn known(&self) -> Option<f64> {
        if let Self::Known(value) = self { Some(*value) } else { None }
    }
}

/// A section that a procedure creates.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Made {
    pub kind: Kind,
    pub length: Property,
    pub segments: Property,
    /// The diameter of each segment; none where none was set.
    pub diameters: Option<Vec<Diameter>>,
    /// Where length or segments were set last.
    pub set_at: Option<Statement>,
}

impl Made {
    /// A section as `create` leaves it.
    pub fn new(kind: Kind) -> Self {
        Self { kind, length: Property::Default, segments: Property::Default, diameters: None, set_at: None }
    }

    fn join(&mut self, other: Self) {
        let unlike = |a: Property, b: Property| if a == b { a } else { Property::To(None) };
        self.length = unlike(self.length, other.length);
        self.segments = unlike(self.segments, other.segments);
        if self.diameters != other.diameters {
            let most = self.diameters.iter().chain(&other.diameters).map(Vec::len).max().unwrap_or(0);
            self.diameters = Some(vec![Diameter::Unknown; most]);
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Axon(usize),
    Myelin,
}

/// The sections that a statement is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// All of the cell.
    Every,
    /// A piece of the axon; none for each of them.
    Axon(Option<usize>),
    Myelin,
    Other,
}

/// The marks that give a variable a value.
pub(super) const ASSIGNING: [&str; 5] = ["=", "+=", "-=", "*=", "/="];

/// What changes the points of a section, and so its length.
pub(super) const POINTS: [&str; 6] = ["pt3dclear", "pt3dadd", "pt3dinsert", "pt3dremove", "pt3dchange", "pt3dstyle"];

/// Whether statements do something to lengths, segments, diameters or sections, calls left aside.
pub(super) fn changes_cell(tokens: &[Placed<'_>]) -> bool {
    let assigns = |at: usize| matches!(tokens.get(at), Some((Token::Mark(mark), _)) if ASSIGNING.contains(mark));
    tokens.iter().enumerate().any(|(at, (token, _))| match token {
        Token::Word("nseg" | "L") => assigns(at + 1),
        Token::Word("diam") => {
            let is_at = matches!(tokens.get(at + 1), Some((Token::Mark("("), _)));
            assigns(at + 1) || (is_at && closing(tokens, at + 1).is_some_and(|close| assigns(close + 1)))
        }
        Token::Word("create" | "delete_section" | "xopen" | "nrnpython") => true,
        Token::Word(word) => POINTS.contains(word),
        _ => false,
    })
}
