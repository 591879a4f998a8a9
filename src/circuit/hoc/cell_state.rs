//! State of a cell after some statements of a template, and the merge of two possible states.

use super::lexer::{HocToken, PlacedToken, closing_bracket};

/// Position of a statement: the index of its procedure, and the offset of its first byte in the template's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StatementPosition {
    pub procedure_index: usize,
    pub byte_offset: usize,
}

/// A change of the cell that no known template makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UnsupportedChange {
    /// The length of a section differs from that of its points.
    Length,
    /// Sections are created or deleted in an unknown way.
    Sections,
    /// A function of an expression changes lengths, segments or sections.
    Function,
}

/// The known state of the cell.
#[derive(Debug, Clone)]
pub(super) struct CellState {
    /// Where all sections get their segments, and by which chunk length; `None` for another formula.
    pub chunk_set_at: Option<(Option<f64>, StatementPosition)>,
    /// Whether the importer has created the sections.
    pub is_loaded: bool,
    /// The chunk length by which the original axon's sections are cut, while they exist; infinite if they have one
    /// segment each.
    pub axon_chunk_um: Option<f64>,
    /// Where the number of segments of the original axon was set.
    pub axon_cut_at: Option<StatementPosition>,
    /// The procedure in which the axon is deleted or created again.
    pub replaced_in_procedure: Option<usize>,
    /// The sections that replace the axon.
    pub stubs: Vec<CreatedSection>,
    /// A statement after which it is unknown whether the axon was deleted, if no new axon was created since.
    pub uncertain_deletion: Option<StatementPosition>,
    /// The first change that no known template makes.
    pub unsupported: Option<(UnsupportedChange, StatementPosition)>,
    /// Minimum number of sections of the axon.
    pub min_axon_sections: usize,
}

impl Default for CellState {
    fn default() -> Self {
        Self {
            chunk_set_at: None,
            is_loaded: false,
            // the importer gives each section one segment
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
    /// Records a change that no known template makes; keeps the first.
    pub fn mark_unsupported(&mut self, what: UnsupportedChange, at: StatementPosition) {
        self.unsupported.get_or_insert((what, at));
    }

    /// Merges two possible states after a statement that may have taken either way.
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
        let kinds = |cell: &Self| cell.stubs.iter().map(|stub| stub.kind).collect::<Vec<_>>();
        self.uncertain_deletion = self.uncertain_deletion.or(other.uncertain_deletion);
        if kinds(&self) != kinds(&other) {
            self.mark_unsupported(UnsupportedChange::Sections, at);
        } else if self.replaced_in_procedure.is_some() != other.replaced_in_procedure.is_some() {
            self.uncertain_deletion.get_or_insert(at);
        }
        self.replaced_in_procedure = self.replaced_in_procedure.or(other.replaced_in_procedure);
        self.stubs.iter_mut().zip(other.stubs).for_each(|(stub, other)| stub.merge(other));
        self
    }

    /// Returns the stubs that a target includes.
    pub fn stubs_in(&mut self, target: SectionTarget) -> impl Iterator<Item = &mut CreatedSection> {
        self.stubs.iter_mut().filter(move |stub| match (target, stub.kind) {
            (SectionTarget::All, _)
            | (SectionTarget::Axon(None), CreatedSectionKind::Axon(_))
            | (SectionTarget::Myelin, CreatedSectionKind::Myelin) => true,
            (SectionTarget::Axon(Some(i)), CreatedSectionKind::Axon(j)) => i == j,
            _ => false,
        })
    }
}

/// The value that a property of a section was set to.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) enum PropertyValue {
    /// The property has not been set.
    #[default]
    Unset,
    /// The property was set; `None` if the value is unknown.
    Assigned(Option<f64>),
}

impl PropertyValue {
    /// Returns the value if it is known; `default` if the property has not been set.
    pub fn value_or(self, default: Option<f64>) -> Option<f64> {
        match self {
            Self::Unset => default,
            Self::Assigned(value) => value,
        }
    }
}

/// The diameter of a stub's segment, or where it comes from.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) enum StubDiameter {
    #[default]
    Unknown,
    /// A known diameter, µm.
    Known(f64),
    /// An element of a vector whose value is unknown.
    Element(u32),
    /// A variable whose value is unknown.
    Variable(String),
}

impl StubDiameter {
    /// Returns the diameter, µm, if it is known.
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
    /// Diameter of each segment; `None` if no diameter was set.
    pub diameters: Option<Vec<StubDiameter>>,
    /// Where length or segments were set last.
    pub set_at: Option<StatementPosition>,
}

impl CreatedSection {
    /// Creates a section in the state in which `create` leaves it.
    pub fn new(kind: CreatedSectionKind) -> Self {
        Self { kind, length: PropertyValue::Unset, segments: PropertyValue::Unset, diameters: None, set_at: None }
    }

    fn merge(&mut self, other: Self) {
        let merged = |a: PropertyValue, b: PropertyValue| if a == b { a } else { PropertyValue::Assigned(None) };
        self.length = merged(self.length, other.length);
        self.segments = merged(self.segments, other.segments);
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

/// The sections that a statement applies to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SectionTarget {
    /// All sections of the cell.
    All,
    /// A section of the axon; `None` for all of them.
    Axon(Option<usize>),
    Myelin,
    Other,
}

/// The operators that assign a variable.
pub(super) const ASSIGNMENT_MARKS: [&str; 5] = ["=", "+=", "-=", "*=", "/="];

/// The functions that change the points of a section, and so its length.
pub(super) const POINT_FUNCTIONS: [&str; 6] =
    ["pt3dclear", "pt3dadd", "pt3dinsert", "pt3dremove", "pt3dchange", "pt3dstyle"];

/// Returns whether statements change lengths, segments, diameters or sections, apart from calls.
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
