//! The statements of a procedure, and their effect on lengths, segments and axon.

use super::cell_state::{
    CellState, CreatedSection, CreatedSectionKind, SectionTarget, StatementPosition, UnsupportedChange,
};
use super::expression::Scope;
use super::init_trace::InitTrace;
use super::lexer::{HocToken, PlacedToken};
use super::procedure::{HocTemplate, Procedure};

/// The statement that runs after the current one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FlowState {
    Next,
    Break,
    Continue,
    Return,
}

/// A possible way that left a loop or the procedure early, because of an unknown condition.
pub(super) struct PendingExit<'a> {
    pub flow: FlowState,
    /// The statement that left.
    pub statement: StatementPosition,
    pub scope: Scope<'a>,
    pub cell: CellState,
}

/// Maximum number of statements that a procedure may run, including iterations: far more than any template does.
const MAX_STATEMENTS: usize = 200_000;

/// Evaluates the statements of a procedure.
pub(super) struct Evaluator<'w, 't, 'a> {
    pub(super) trace: &'w mut InitTrace,
    pub(super) template: &'t HocTemplate<'a>,
    procedure: &'t Procedure<'a>,
    pub(super) procedure_index: usize,
    pub(super) call_depth: usize,
    pub(super) scope: Scope<'a>,
    /// Targets of the enclosing blocks.
    pub(super) outer_targets: Vec<Option<SectionTarget>>,
    /// Target of the current block.
    pub(super) block_target: Option<SectionTarget>,
    /// Target of the current statement.
    pub(super) statement_target: Option<SectionTarget>,
    /// The sections of the innermost enclosing loop over sections.
    pub(super) loop_target: Option<SectionTarget>,
    /// Whether such a loop changed sections other than its own.
    pub(super) changed_other_sections: bool,
    pub(super) exits: Vec<PendingExit<'a>>,
    pub(super) flow: FlowState,
    /// Index of the current word.
    word_index: usize,
    statement_count: usize,
}

impl<'w, 't, 'a> Evaluator<'w, 't, 'a> {
    /// Starts at the beginning of a procedure.
    pub fn new(
        trace: &'w mut InitTrace,
        template: &'t HocTemplate<'a>,
        procedure: &'t Procedure<'a>,
        place: usize,
        depth: usize,
        scope: Scope<'a>,
    ) -> Self {
        Self {
            trace,
            template,
            procedure,
            procedure_index: place,
            call_depth: depth,
            scope,
            outer_targets: Vec::new(),
            block_target: None,
            statement_target: None,
            loop_target: None,
            changed_other_sections: false,
            exits: Vec::new(),
            flow: FlowState::Next,
            word_index: 0,
            statement_count: 0,
        }
    }

    /// Runs the procedure; returns the values of its variables after it.
    pub fn run(mut self) -> Scope<'a> {
        self.check_functions();
        self.run_range(0, self.procedure.body.len());
        self.resume_exits(0, FlowState::Return);
        self.scope
    }

    /// Runs the statements between two indices.
    pub(super) fn run_range(&mut self, from: usize, to: usize) {
        let mut at = from;
        while let Some(&(token, _)) = self.procedure.body.get(at).filter(|_| at < to && self.flow == FlowState::Next) {
            self.statement_count += 1;
            if self.statement_count > MAX_STATEMENTS {
                self.mark_unsupported(UnsupportedChange::Sections);
                self.flow = FlowState::Return;
            }
            at = match token {
                HocToken::Word(word) => {
                    self.word_index = at;
                    self.evaluate_word(word, at + 1)
                }
                HocToken::Mark(mark) => {
                    self.evaluate_mark(mark);
                    at + 1
                }
                HocToken::Number(_) | HocToken::Text(_) => at + 1,
            };
        }
    }

    pub(super) fn body(&self) -> &'t [PlacedToken<'a>] {
        &self.procedure.body
    }

    pub(super) fn is_mark(&self, at: usize, mark: &str) -> bool {
        matches!(self.body().get(at), Some((HocToken::Mark(found), _)) if *found == mark)
    }

    pub(super) fn word_at(&self, at: usize) -> Option<&'a str> {
        match self.body().get(at) {
            Some((HocToken::Word(word), _)) => Some(word),
            _ => None,
        }
    }

    /// Returns the position of the statement at an index.
    pub(super) fn statement_at(&self, at: usize) -> StatementPosition {
        let byte = self.body().get(at).map_or_else(|| self.procedure.start_byte(), |placed| placed.1);
        StatementPosition { procedure_index: self.procedure_index, byte_offset: byte }
    }

    /// Returns the index of the current word.
    pub(super) fn word_index(&self) -> usize {
        self.word_index
    }

    /// Returns the position of the current statement.
    pub(super) fn current_statement(&self) -> StatementPosition {
        self.statement_at(self.word_index)
    }

    pub(super) fn mark_unsupported(&mut self, what: UnsupportedChange) {
        let at = self.current_statement();
        self.trace.cell.mark_unsupported(what, at);
    }

    /// Marks the number of segments as changed in an unknown way.
    pub(super) fn forget_chunk(&mut self) {
        let at = self.current_statement();
        self.trace.cell.chunk_set_at = Some((None, at));
    }

    /// Returns the sections that the current statement applies to.
    pub(super) fn current_target(&self) -> Option<SectionTarget> {
        self.statement_target.or(self.block_target)
    }

    fn evaluate_mark(&mut self, mark: &str) {
        match mark {
            "\n" => self.statement_target = None,
            "{" => {
                self.outer_targets.push(self.block_target);
                self.block_target = self.statement_target.take().or(self.block_target);
            }
            "}" => {
                self.block_target = self.outer_targets.pop().flatten();
                self.statement_target = None;
            }
            _ => {}
        }
    }

    /// Evaluates the statement that a word starts; returns the index after it.
    fn evaluate_word(&mut self, word: &'a str, next: usize) -> usize {
        match word {
            "create" => self.evaluate_create(next),
            "delete_section" => self.evaluate_delete(next),
            "connect" | "local" | "localobj" | "strdef" | "objref" => self.end_of_line(next),
            "for" => self.evaluate_for(next),
            "if" => self.evaluate_if(next),
            "while" => self.evaluate_while(next),
            "ifsec" => self.evaluate_ifsec(next),
            "break" => self.set_flow(FlowState::Break, next),
            "continue" => self.set_flow(FlowState::Continue, next),
            "return" => self.set_flow(FlowState::Return, next),
            "access" => self.evaluate_access(next),
            "forall" => self.evaluate_for_sections(SectionTarget::All, next),
            "forsec" => {
                let (name, end) = self.parse_section_list(next);
                self.evaluate_for_sections(name.map_or(SectionTarget::Other, section_list_target), end)
            }
            "axon" | "myelin" | "soma" | "dend" | "apic" | "ais" | "node" => {
                let (target, end) = self.parse_section(word, next);
                self.evaluate_in_section(target, end)
            }
            // a section of a SectionRef
            "sec" | "child" | "parent" | "trueparent" | "root" if self.is_member() => {
                self.evaluate_in_section(SectionTarget::Other, self.after_brackets(next))
            }
            "diam" if self.is_mark(next, "(") => self.evaluate_diameter_assignment(next),
            _ if self.is_assignment(next) => self.evaluate_assignment(word, next).1,
            _ if self.is_mark(next, ".") && self.word_at(next + 1) == Some("x") && self.is_mark(next + 2, "[") => {
                self.evaluate_element_assignment(word, next + 2)
            }
            _ if self.is_mark(next, "(") => self.evaluate_call(word, next),
            // a section with a name that is not built in
            _ if word != "else" && self.is_section(word, next) => {
                self.evaluate_in_section(SectionTarget::Other, self.after_brackets(next))
            }
            _ => next,
        }
    }

    /// Returns whether a word is the name of a section: a declared one, or any that is followed by a block.
    fn is_section(&self, word: &str, next: usize) -> bool {
        let is_declared = !self.is_member() && self.template.declares_section(word);
        is_declared || self.is_mark(self.after_brackets(next), "{")
    }

    /// Returns whether the current word is a member of an object.
    pub(super) fn is_member(&self) -> bool {
        self.word_index > 0 && self.is_mark(self.word_index - 1, ".")
    }

    fn set_flow(&mut self, flow: FlowState, next: usize) -> usize {
        self.flow = flow;
        next
    }

    fn evaluate_for_sections(&mut self, target: SectionTarget, next: usize) -> usize {
        let end = self.statement_end(next);
        self.run_section_loop(target, next, end);
        end
    }

    /// Evaluates one statement in some sections.
    fn evaluate_in_section(&mut self, target: SectionTarget, next: usize) -> usize {
        let next = if self.is_mark(next, ".") { next + 1 } else { next };
        let end = self.statement_end(next);
        self.with_saved_targets(|evaluator| {
            evaluator.statement_target = Some(target);
            evaluator.run_range(next, end);
        });
        end
    }

    fn evaluate_access(&mut self, next: usize) -> usize {
        let Some(word) = self.word_at(next) else { return next };
        let (target, end) = self.parse_section(word, next + 1);
        self.block_target = Some(target);
        end
    }

    /// Parses the section of a name and an optional index.
    fn parse_section(&mut self, name: &str, next: usize) -> (SectionTarget, usize) {
        let (index, end) = match self.is_mark(next, "[") {
            true => {
                let (values, end) = self.scope.evaluate_arguments(self.body(), next);
                (values.first().copied().flatten(), end)
            }
            false => (Some(0.0), next),
        };
        let target = match (name, index) {
            ("axon", Some(index)) => {
                let index = index as usize;
                self.require_original_axon(index);
                SectionTarget::Axon(Some(index))
            }
            // an unknown index matches no stub
            ("axon", None) => SectionTarget::Axon(Some(usize::MAX)),
            ("myelin", _) => SectionTarget::Myelin,
            _ => SectionTarget::Other,
        };
        (target, end)
    }

    /// Raises the minimum number of axon sections if a section of the original axon is used before the axon is deleted.
    fn require_original_axon(&mut self, index: usize) {
        let deletes = self.body().iter().any(|(token, _)| *token == HocToken::Word("delete_section"));
        let cell = &mut self.trace.cell;
        if cell.stubs.is_empty() && deletes {
            cell.min_axon_sections = cell.min_axon_sections.max(index.min(100) + 1);
        }
    }

    /// Evaluates `create axon[2], myelin[1]`.
    fn evaluate_create(&mut self, mut at: usize) -> usize {
        while let Some(name) = self.word_at(at) {
            let (values, end) = match self.is_mark(at + 1, "[") {
                true => self.scope.evaluate_arguments(self.body(), at + 1),
                false => (vec![Some(1.0)], at + 1),
            };
            let n = values.first().copied().flatten();
            match (name, n) {
                ("axon", Some(n)) if (0.0..100.0).contains(&n) => {
                    // `create` deletes existing sections of the same name
                    self.trace.cell.uncertain_deletion = None;
                    self.trace
                        .cell
                        .stubs
                        .extend((0..n as usize).map(|i| CreatedSection::new(CreatedSectionKind::Axon(i))));
                }
                ("myelin", Some(1.0)) => self.trace.cell.stubs.push(CreatedSection::new(CreatedSectionKind::Myelin)),
                _ => self.mark_unsupported(UnsupportedChange::Sections),
            }
            self.changed_other_sections |= self.loop_target.is_some();
            self.trace.cell.replaced_in_procedure.get_or_insert(self.procedure_index);
            at = end;
            if !self.is_mark(at, ",") {
                break;
            }
            at += 1;
        }
        at
    }

    /// Evaluates `delete_section()`: `forall` may empty the cell before it is loaded; later only the axon may be
    /// deleted.
    fn evaluate_delete(&mut self, next: usize) -> usize {
        match self.current_target() {
            Some(SectionTarget::All) if !self.trace.cell.is_loaded && self.trace.cell.stubs.is_empty() => return next,
            Some(target @ SectionTarget::Axon(_)) if self.trace.cell.stubs.is_empty() => {
                self.changed_other_sections |= self.loop_target.is_some_and(|looped| looped != target);
            }
            _ => self.mark_unsupported(UnsupportedChange::Sections),
        }
        self.trace.cell.replaced_in_procedure.get_or_insert(self.procedure_index);
        next
    }
}

/// Returns the sections of a section list.
fn section_list_target(name: &str) -> SectionTarget {
    match name {
        "all" => SectionTarget::All,
        "axonal" => SectionTarget::Axon(None),
        "myelinated" => SectionTarget::Myelin,
        _ => SectionTarget::Other,
    }
}
