//! Calls: the template's own procedures are followed; what else may change the cell is refused.

use super::cell::{Cell, POINTS, Statement, Strange, Target, changes_cell};
use super::lexer::{Token, tokens};
use super::statement::Here;

impl<'a> Here<'_, '_, 'a> {
    /// Follows the call of one of the template's own procedures; gives the place after it.
    pub(super) fn call(&mut self, name: &str, next: usize) -> usize {
        let is_own = !self.is_member() || self.is_member_of_cell();
        let Some(place) = self.template.find(name).filter(|_| is_own) else { return self.call_other(name, next) };
        let (mut arguments, end) = self.scope.arguments(self.body(), next);
        if self.is_mark(next + 1, ")") {
            arguments.clear();
        }
        let before = (self.looped.is_some()).then(|| self.walk.cell.clone());
        let scope = self.scope.for_call(&arguments);
        let after = self.walk.follow(self.template, place, scope, self.depth + 1);
        self.scope.take_globals(after);
        // a procedure that is called for each of some sections
        if let Some(before) = before {
            let at = self.statement();
            self.join_cell(before, at);
            self.is_foreign = true;
        }
        end
    }

    /// Whether the current word is a member of the cell itself: `this.name`, `CellRef.name`.
    fn is_member_of_cell(&self) -> bool {
        self.now().checked_sub(2).and_then(|at| self.word_at(at)).is_some_and(|of| matches!(of, "this" | "CellRef"))
    }

    /// A call that is not followed.
    fn call_other(&mut self, name: &str, next: usize) -> usize {
        match name {
            "push_section" => self.block = Some(Target::Other),
            "xopen" | "nrnpython" => self.forget_chunk(),
            "sprint" => self.compose(next),
            // the importer makes all sections anew, each with one segment
            "instantiate" if self.walk.cell.stubs.is_empty() => {
                self.walk.cell.chunk = None;
                self.walk.cell.axon_chunk = Some(f64::INFINITY);
                self.walk.cell.is_loaded = true;
            }
            "instantiate" => self.set_strange(Strange::Sections),
            _ if name.starts_with("execute") => self.walk.composed.1 |= !self.is_mark(next + 1, "\n"),
            _ if POINTS.contains(&name) => self.set_strange(Strange::Length),
            // somebody else's way to count segments
            _ if name.to_ascii_lowercase().contains("nseg") || self.template.is_external(name) => self.forget_chunk(),
            _ => {}
        }
        next
    }

    /// `sprint(text, "...")`: whether what it composes changes the cell if it is executed.
    fn compose(&mut self, open: usize) {
        let end = self.after_bracket(open);
        let texts = self.body().get(open..end).unwrap_or_default().iter();
        let changes =
            |(token, _): &(Token<'_>, usize)| matches!(token, Token::Text(text) if changes_cell(&tokens(text)));
        if texts.into_iter().any(changes) {
            let at = self.statement();
            self.walk.composed.0.get_or_insert(at);
        }
    }

    /// A function that changes the cell is called wherever an expression is evaluated: refused wherever it is named.
    pub(super) fn refuse_functions(&mut self) {
        for at in 0..self.body().len() {
            let Some(name) = self.word_at(at).filter(|_| self.is_mark(at + 1, "(")) else { continue };
            let Some(function) = self.template.function(name) else { continue };
            if self.template.may_change_cell(&function.body) {
                let at = self.statement_at(at);
                self.walk.cell.set_strange(Strange::Function, at);
            }
        }
    }

    /// Joins what was done to the cell with what it was before.
    pub(super) fn join_cell(&mut self, before: Cell, at: Statement) {
        let after = std::mem::take(&mut self.walk.cell);
        self.walk.cell = before.join(after, at);
    }
}
