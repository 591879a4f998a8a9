//! What a template has done to a cell up to a statement, and what is known of it after two ways to get there.

use super::lexer::{HocToken, PlacedToken};
use super::procedure::closing_bracket;

/// A statement: the place of its procedure, and of its first byte in the template's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StatementPosition {
    pub procedure_index: usize,
    pub byte_offset: usize,
}

/// What no known template does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UnsupportedChange {
    /// A section gets another length than that of its points.
    Length,
    /// Sections are made or deleted in an unknown way.
    Sections,
    /// A function of an expression changes lengths, segments or sections.
    Function,
}

/// The cell.
#[derive(Debug, Clone)]
pub(super) struct CellState {
    /// The chunk length where all sections get their segments, none where another formula gives them; and where.
    pub chunk_set_at: Option<(Option<f64>, StatementPosition)>,
    /// Whether the importer has made the sections.
    pub is_loaded: bool,
    /// The chunk length by which the original axon's sections are cut, as long as they are there; infinite where they have one
    /// segment each.
    pub axon_chunk_um: Option<f64>,
    /// Where the original axon got segments of its own.
    pub axon_cut_at: Option<StatementPosition>,
    /// The procedure in which the axon is deleted or made anew.
    pub replaced_in_procedure: Option<usize>,
    /// The sections in its place.
    pub stubs: Vec<CreatedSection>,
    /// Where it is not known whether the axon was deleted, and no new one was made since.
    pub uncertain_deletion: Option<StatementPosition>,
    /// The first thing that was done that no known template does.
    pub unsupported: Option<(UnsupportedChange, StatementPosition)>,
    /// An axon of fewer sections is refused.
    pub min_axon_sections: usize,
}

impl Default for CellState {
    fn default() -> Self {
        Self {
            chunk_set_at: None,
            is_loaded: false,
            // what the importer makes has one segment
            axon_chunk_um: Some(f64::INFINITY),
            axon_cut_at: None,
            replaced_in_procedure: None,
            stubs: Vec::new(),
            uncertain_deletion: None,
            unsupported: None,
            min_axon_sections: 0,
        }
    }
}

impl CellState {
    /// Notes what no known template does; the first is kept.
    pub fn mark_unsupported(&mut self, what: UnsupportedChange, at: StatementPosition) {
        self.unsupported.get_or_insert((what, at));
    }

    /// What is known where a statement leaves open which of two ways was taken.
    pub fn merge(mut self, other: Self, at: StatementPosition) -> Self {
        self.chunk_set_at = match (self.chunk_set_at, other.chunk_set_at) {
            (a, b) if a.map(|a| a.0) == b.map(|b| b.0) => a,
            (Some((None, known)), _) | (_, Some((None, known))) => Some((None, known)),
            _ => Some((None, at)),
        };
        self.is_loaded |= other.is_loaded;
        self.axon_chunk_um = self.axon_chunk_um.filter(|_| self.axon_chunk_um == other.axon_chunk_um);
        self.axon_cut_at = self.axon_cut_at.or(other.axon_cut_at);
        self.unsupported = self.unsupported.or(other.unsupported);
        self.min_axon_sections = self.min_axon_sections.max(other.min_axon_sections);
        let kinds = |cell: &Self| cell.stubs.iter().map(|made| made.kind).collect::<Vec<_>>();
        self.uncertain_deletion = self.uncertain_deletion.or(other.uncertain_deletion);
        if kinds(&self) != kinds(&other) {
            self.mark_unsupported(UnsupportedChange::Sections, at);
        } else if self.replaced_in_procedure.is_some() != other.replaced_in_procedure.is_some() {
            self.uncertain_deletion.get_or_insert(at);
        }
        self.replaced_in_procedure = self.replaced_in_procedure.or(other.replaced_in_procedure);
        self.stubs.iter_mut().zip(other.stubs).for_each(|(made, other)| made.merge(other));
        self
    }

    /// The stubs that a target means.
    pub fn stubs_in(&mut self, target: SectionTarget) -> impl Iterator<Item = &mut CreatedSection> {
        self.stubs.iter_mut().filter(move |made| match (target, made.kind) {
            (SectionTarget::All, _)
            | (SectionTarget::Axon(None), CreatedSectionKind::Axon(_))
            | (SectionTarget::Myelin, CreatedSectionKind::Myelin) => true,
            (SectionTarget::Axon(Some(i)), CreatedSectionKind::Axon(j)) => i == j,
            _ => false,
        })
    }
}

/// What a section's property was set to.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) enum PropertyValue {
    /// It has not been set.
    #[default]
    Unset,
    /// To this; none where the value is not known.
    Assigned(Option<f64>),
}

impl PropertyValue {
    /// Its value, where that is known.
    pub fn value_or(self, default: Option<f64>) -> Option<f64> {
        match self {
            Self::Unset => default,
            Self::Assigned(value) => value,
        }
    }
}

/// Where the diameter of a stub's segment is from.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) enum StubDiameter {
    #[default]
    Unknown,
    /// This is it, um.
    Known(f64),
    /// An element of a vector, whose value is not known.
    Element(u32),
    /// A variable whose value is not known.
    Variable(String),
}

impl StubDiameter {
    /// Its value, um, where that is known.
    pub fn known_um(&self) -> Option<f64> {
        if let Self::Known(value) = self { Some(*value) } else { None }
    }
}

/// A section that a procedure creates.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct CreatedSection {
    pub kind: CreatedSectionKind,
    pub length: PropertyValue,
    pub segments: PropertyValue,
    /// The diameter of each segment; none where none was set.
    pub diameters: Option<Vec<StubDiameter>>,
    /// Where length or segments were set last.
    pub set_at: Option<StatementPosition>,
}

impl CreatedSection {
    /// A section as `create` leaves it.
    pub fn new(kind: CreatedSectionKind) -> Self {
        Self { kind, length: PropertyValue::Unset, segments: PropertyValue::Unset, diameters: None, set_at: None }
    }

    fn merge(&mut self, other: Self) {
        let unlike = |a: PropertyValue, b: PropertyValue| if a == b { a } else { PropertyValue::Assigned(None) };
        self.length = unlike(self.length, other.length);
        self.segments = unlike(self.segments, other.segments);
        if self.diameters != other.diameters {
            let most = self.diameters.iter().chain(&other.diameters).map(Vec::len).max().unwrap_or(0);
            self.diameters = Some(vec![StubDiameter::Unknown; most]);
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CreatedSectionKind {
    Axon(usize),
    Myelin,
}

/// The sections that a statement is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SectionTarget {
    /// All of the cell.
    All,
    /// A piece of the axon; none for each of them.
    Axon(Option<usize>),
    Myelin,
    Other,
}

/// The marks that give a variable a value.
pub(super) const ASSIGNMENT_MARKS: [&str; 5] = ["=", "+=", "-=", "*=", "/="];

/// What changes the points of a section, and so its length.
pub(super) const POINT_FUNCTIONS: [&str; 6] =
    ["pt3dclear", "pt3dadd", "pt3dinsert", "pt3dremove", "pt3dchange", "pt3dstyle"];

/// Whether statements do something to lengths, segments, diameters or sections, calls left aside.
pub(super) fn changes_cell(tokens: &[PlacedToken<'_>]) -> bool {
    let assigns =
        |at: usize| matches!(tokens.get(at), Some((HocToken::Mark(mark), _)) if ASSIGNMENT_MARKS.contains(mark));
    tokens.iter().enumerate().any(|(at, (token, _))| match token {
        HocToken::Word("nseg" | "L") => assigns(at + 1),
        HocToken::Word("diam") => {
            let is_at = matches!(tokens.get(at + 1), Some((HocToken::Mark("("), _)));
            assigns(at + 1) || (is_at && closing_bracket(tokens, at + 1).is_some_and(|close| assigns(close + 1)))
        }
        HocToken::Word("create" | "delete_section" | "xopen" | "nrnpython") => true,
        HocToken::Word(word) => POINT_FUNCTIONS.contains(word),
        _ => false,
    })
}
