//! Calls: follows the template's own procedures, and refuses other calls that may change the cell.

use super::cell_state::{
    CellState, POINT_FUNCTIONS, SectionTarget, StatementPosition, UnsupportedChange, changes_cell,
};
use super::lexer::{HocToken, tokenize};
use super::statement::Evaluator;

impl<'a> Evaluator<'_, '_, 'a> {
    /// Follows the call of one of the template's own procedures; returns the index after the call.
    pub(super) fn evaluate_call(&mut self, name: &str, next: usize) -> usize {
        let is_own = !self.is_member() || self.is_member_of_cell();
        let Some(place) = self.template.find_procedure(name).filter(|_| is_own) else {
            return self.evaluate_external_call(name, next);
        };
        let (mut arguments, end) = self.scope.evaluate_arguments(self.body(), next);
        if self.is_mark(next + 1, ")") {
            arguments.clear();
        }
        let before = (self.loop_target.is_some()).then(|| self.trace.cell.clone());
        let scope = self.scope.for_call(&arguments);
        let after = self.trace.trace_procedure(self.template, place, scope, self.call_depth + 1);
        self.scope.import_globals(after);
        // the procedure is called once for each section of a loop, and not for the others
        if let Some(before) = before {
            let at = self.current_statement();
            self.merge_cell(before, at);
            self.changed_other_sections = true;
        }
        end
    }

    /// Returns whether the current word is a member of the cell itself: `this.name`, `CellRef.name`.
    fn is_member_of_cell(&self) -> bool {
        self.word_index()
            .checked_sub(2)
            .and_then(|at| self.word_at(at))
            .is_some_and(|of| matches!(of, "this" | "CellRef"))
    }

    /// Handles a call that is not followed.
    fn evaluate_external_call(&mut self, name: &str, next: usize) -> usize {
        match name {
            "push_section" => self.block_target = Some(SectionTarget::Other),
            "xopen" | "nrnpython" => self.forget_chunk(),
            "sprint" => self.check_composed_text(next),
            // the importer creates all sections again, each with one segment
            "instantiate" if self.trace.cell.stubs.is_empty() => {
                self.trace.cell.chunk_set_at = None;
                self.trace.cell.axon_chunk_um = Some(f64::INFINITY);
                self.trace.cell.is_loaded = true;
            }
            "instantiate" => self.mark_unsupported(UnsupportedChange::Sections),
            _ if name.starts_with("execute") => self.trace.executes_composed_text |= !self.is_mark(next + 1, "\n"),
            _ if POINT_FUNCTIONS.contains(&name) => self.mark_unsupported(UnsupportedChange::Length),
            // another program's way to count segments, which cannot be followed
            _ if name.to_ascii_lowercase().contains("nseg") || self.template.is_external(name) => self.forget_chunk(),
            _ => {}
        }
        next
    }

    /// Records whether the text that `sprint(text, "...")` composes would change the cell if it were executed.
    fn check_composed_text(&mut self, open: usize) {
        let end = self.after_bracket(open);
        let texts = self.body().get(open..end).unwrap_or_default().iter();
        let changes =
            |(token, _): &(HocToken<'_>, usize)| matches!(token, HocToken::Text(text) if changes_cell(&tokenize(text)));
        if texts.into_iter().any(changes) {
            let at = self.current_statement();
            self.trace.changing_text_at.get_or_insert(at);
        }
    }

    /// Marks functions that change the cell: expressions are not traced, so such a function is refused wherever it is
    /// named.
    pub(super) fn check_functions(&mut self) {
        for at in 0..self.body().len() {
            let Some(name) = self.word_at(at).filter(|_| self.is_mark(at + 1, "(")) else { continue };
            let Some(function) = self.template.find_function(name) else { continue };
            if self.template.may_change_cell(&function.body) {
                let at = self.statement_at(at);
                self.trace.cell.mark_unsupported(UnsupportedChange::Function, at);
            }
        }
    }

    /// Merges the current state of the cell with an earlier one.
    pub(super) fn merge_cell(&mut self, before: CellState, at: StatementPosition) {
        let after = std::mem::take(&mut self.trace.cell);
        self.trace.cell = before.merge(after, at);
    }
}
