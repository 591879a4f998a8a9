//! Conditions and loops. If the values that they depend on are known, they are followed as the simulator would;
//! otherwise every way is taken once, and values that differ afterwards are unknown.

use super::cell_state::{CellState, SectionTarget, StatementPosition};
use super::expression::Scope;
use super::lexer::{HocToken, closing_bracket};
use super::statement::{Evaluator, FlowState, PendingExit};

/// Maximum number of iterations of a loop: far more than any template's.
const MAX_LOOP_ITERATIONS: usize = 1000;

impl<'a> Evaluator<'_, '_, 'a> {
    /// Evaluates a condition and its statements; returns the index after them. `if (nSec < 3)` before a statement that
    /// raises an error sets the minimum number of axon sections.
    pub(super) fn evaluate_if(&mut self, next: usize) -> usize {
        let Some(close) = closing_bracket(self.body(), next).filter(|_| self.is_mark(next, "(")) else { return next };
        let body = close + 1;
        let end = self.statement_end(body);
        let other = self.skip_newlines(end);
        let other = (self.word_at(other) == Some("else")).then_some(other + 1);
        let other_end = other.map_or(end, |other| self.statement_end(other));
        let raises = self.raises_error(body, end);
        if let [(HocToken::Word(_), _), (HocToken::Mark("<"), _), (HocToken::Number(least), _)] =
            self.body()[next + 1..close]
            && raises
        {
            self.trace.cell.min_axon_sections = self.trace.cell.min_axon_sections.max(least as usize);
        }
        let is_met = if raises { Some(false) } else { self.evaluate_condition(next) };
        self.run_alternatives(is_met, (body, end), other.map(|other| (other, other_end)));
        other_end
    }

    /// Evaluates `ifsec "dend" ...`; it is unknown which sections match.
    pub(super) fn evaluate_ifsec(&mut self, next: usize) -> usize {
        let body = self.parse_section_list(next).1;
        let end = self.statement_end(body);
        self.run_alternatives(None, (body, end), None);
        end
    }

    /// Returns whether the condition between brackets is met, if that is known.
    fn evaluate_condition(&self, open: usize) -> Option<bool> {
        self.scope.evaluate_arguments(self.body(), open).0.first().copied().flatten().map(|value| value != 0.0)
    }

    /// Runs one of two alternatives, or both if the condition is unknown.
    fn run_alternatives(&mut self, is_met: Option<bool>, part: (usize, usize), other: Option<(usize, usize)>) {
        match (is_met, other) {
            (Some(true), _) => return self.run_scoped(part.0, part.1),
            (Some(false), Some(other)) => return self.run_scoped(other.0, other.1),
            (Some(false), None) => return,
            (None, _) => {}
        }
        let (before, at) = ((self.scope.clone(), self.trace.cell.clone()), self.current_statement());
        self.run_scoped(part.0, part.1);
        let first = self.replace_state(before);
        if let Some((from, to)) = other {
            self.run_scoped(from, to);
        }
        if self.flow == first.flow {
            self.merge_exit(first, at);
        } else if self.flow == FlowState::Next {
            self.exits.push(first);
        } else {
            let second = self.replace_state((first.scope, first.cell));
            self.exits.push(second);
            self.flow = first.flow;
        }
    }

    /// Continues from another state; returns the current one.
    fn replace_state(&mut self, (scope, cell): (Scope<'a>, CellState)) -> PendingExit<'a> {
        PendingExit {
            statement: self.current_statement(),
            flow: std::mem::replace(&mut self.flow, FlowState::Next),
            scope: std::mem::replace(&mut self.scope, scope),
            cell: std::mem::replace(&mut self.trace.cell, cell),
        }
    }

    fn merge_exit(&mut self, other: PendingExit<'a>, at: StatementPosition) {
        self.scope.keep_common(&other.scope);
        self.merge_cell(other.cell, at);
    }

    /// Merges the ways that left a loop or the procedure since `since` into the current state.
    pub(super) fn resume_exits(&mut self, since: usize, kind: FlowState) {
        if self.flow == kind {
            self.flow = FlowState::Next;
        }
        let later = self.exits.split_off(since.min(self.exits.len()));
        let (resumed, others): (Vec<_>, Vec<_>) = later.into_iter().partition(|exit| exit.flow == kind);
        self.exits.extend(others);
        for exit in resumed {
            if self.flow == FlowState::Next {
                let at = exit.statement;
                self.merge_exit(exit, at);
            } else {
                let current = self.replace_state((exit.scope, exit.cell));
                self.exits.push(current);
            }
        }
    }

    /// Runs a statement or a block, and restores the targets.
    fn run_scoped(&mut self, from: usize, to: usize) {
        self.with_saved_targets(|evaluator| evaluator.run_range(from, to));
    }

    /// Calls `run`, and restores the targets of blocks and statement.
    pub(super) fn with_saved_targets(&mut self, run: impl FnOnce(&mut Self)) {
        let (depth, block, statement) = (self.outer_targets.len(), self.block_target, self.statement_target);
        run(self);
        self.outer_targets.truncate(depth);
        (self.block_target, self.statement_target) = (block, statement);
    }

    /// Returns whether the statements between two indices raise an error and do nothing else that matters.
    fn raises_error(&self, from: usize, to: usize) -> bool {
        let is_raised = (from..to).filter_map(|i| self.word_at(i)).any(|w| matches!(w, "execerror" | "quit" | "stop"));
        is_raised && !self.template.may_change_cell(self.body().get(from..to).unwrap_or_default())
    }

    /// Runs a statement once for all sections of a loop: only what depends on the section could differ between them.
    pub(super) fn run_section_loop(&mut self, target: SectionTarget, from: usize, to: usize) {
        let (before, at) = ((self.scope.clone(), self.trace.cell.clone()), self.current_statement());
        let (outer_loop, changed_before, since) = (self.loop_target, self.changed_other_sections, self.exits.len());
        self.forget_assigned_names(from, to);
        (self.loop_target, self.changed_other_sections) = (Some(target), false);
        self.with_saved_targets(|evaluator| {
            evaluator.statement_target = Some(target);
            evaluator.run_range(from, to);
        });
        self.loop_target = outer_loop;
        let is_left = self.flow != FlowState::Next || self.exits.len() > since;
        let is_other = self.changed_other_sections || is_left;
        self.changed_other_sections = changed_before || is_other || outer_loop.is_some_and(|outer| outer != target);
        self.finish_loop(at, before, since, is_other.then_some(target));
    }

    /// Runs statements that may run any number of times.
    fn run_unknown_loop(&mut self, from: usize, to: usize) {
        let (before, at) = ((self.scope.clone(), self.trace.cell.clone()), self.current_statement());
        let since = self.exits.len();
        self.forget_assigned_names(from, to);
        self.run_scoped(from, to);
        self.finish_loop(at, before, since, Some(SectionTarget::Other));
    }

    /// Merges the states after a loop that may not have run at all; `for_some_of` is set if only some sections were
    /// changed.
    fn finish_loop(
        &mut self,
        at: StatementPosition,
        (scope, cell): (Scope<'a>, CellState),
        since: usize,
        for_some_of: Option<SectionTarget>,
    ) {
        self.resume_exits(since, FlowState::Continue);
        self.resume_exits(since, FlowState::Break);
        if self.flow == FlowState::Next {
            self.scope.keep_common(&scope);
            if let Some(target) = for_some_of {
                let axon_chunk = self.trace.cell.axon_chunk_um;
                self.merge_cell(cell, at);
                // diameters are read from the sections that this loop cut
                if target == SectionTarget::Axon(None) {
                    self.trace.cell.axon_chunk_um = axon_chunk;
                }
            }
        } else {
            let left = self.replace_state((scope, cell));
            self.exits.push(left);
        }
    }

    /// Forgets the values that a loop's body assigns: its second iteration starts with unknown ones.
    fn forget_assigned_names(&mut self, from: usize, to: usize) {
        let body = self.body().get(from..to).unwrap_or_default();
        for name in self.template.assigned_names(body) {
            self.scope.set_value(name, None);
            self.scope.set_element(name, None, None);
        }
    }

    /// Evaluates `while (...)`; returns the index after it.
    pub(super) fn evaluate_while(&mut self, next: usize) -> usize {
        let body = self.after_bracket(next);
        let end = self.statement_end(body);
        self.run_conditional_loop(|here| here.evaluate_condition(next), (body, end), None);
        end
    }

    /// Evaluates a `for` loop; returns the index after it.
    pub(super) fn evaluate_for(&mut self, next: usize) -> usize {
        let close = self.after_bracket(next);
        match (self.is_mark(next, "("), self.word_at(next)) {
            (true, _) => {
                let end = self.statement_end(close);
                match self.word_at(next + 1) {
                    Some(_) if self.is_mark(next + 2, ")") || self.is_mark(next + 2, ",") => {
                        self.run_segment_loop(next + 1, self.is_mark(next + 2, ")"), close, end);
                    }
                    _ => self.run_c_loop(next, close, end),
                }
                end
            }
            (false, Some(name)) if self.is_mark(next + 1, "=") => {
                let (first, comma) = self.scope.evaluate(self.body(), next + 2);
                if !self.is_mark(comma, ",") {
                    return comma;
                }
                let (last, body) = self.scope.evaluate(self.body(), comma + 1);
                let end = self.statement_end(body);
                match first.zip(last).filter(|(a, b)| b - a < MAX_LOOP_ITERATIONS as f64) {
                    Some((first, last)) => self.run_count_loop(name, (first, last), body, end),
                    None => {
                        self.scope.set_value(name, None);
                        self.run_unknown_loop(body, end);
                    }
                }
                end
            }
            // an iterator that the template defines
            _ => {
                let body = self.after_brackets(next + 1);
                let end = self.statement_end(body);
                self.run_unknown_loop(body, end);
                end
            }
        }
    }

    /// Runs `for i = 0, 1`: the variable takes each value.
    fn run_count_loop(&mut self, name: &'a str, (first, last): (f64, f64), body: usize, end: usize) {
        let since = self.exits.len();
        let mut value = first;
        while value <= last && self.run_iteration(Some((name, value)), body, end) {
            value += 1.0;
        }
        self.resume_exits(since, FlowState::Break);
    }

    /// Runs `for (x)` or `for (x, 0)` over the positions along the section, with or without its ends.
    fn run_segment_loop(&mut self, head: usize, with_ends: bool, body: usize, end: usize) {
        let Some(name) = self.word_at(head) else { return };
        let target = self.current_target().unwrap_or(SectionTarget::Other);
        let counts: Vec<_> = self.trace.cell.stubs_in(target).map(|stub| stub.segments.value_or(Some(1.0))).collect();
        let n = if let [Some(n)] = counts[..] { Some(n) } else { None };
        let Some(n) = n.filter(|n| (1.0..MAX_LOOP_ITERATIONS as f64).contains(n)) else {
            self.scope.set_value(name, None);
            return self.run_unknown_loop(body, end);
        };
        let since = self.exits.len();
        let centres = (0..n as u32).map(|i| (f64::from(i) + 0.5) / n);
        let ends = |x: f64| with_ends.then_some(x);
        let places: Vec<f64> = ends(0.0).into_iter().chain(centres).chain(ends(1.0)).collect();
        for x in places {
            if !self.run_iteration(Some((name, x)), body, end) {
                break;
            }
        }
        self.resume_exits(since, FlowState::Break);
    }

    /// Runs a loop's body once, with a value of its variable; returns whether the loop continues.
    fn run_iteration(&mut self, variable: Option<(&'a str, f64)>, body: usize, end: usize) -> bool {
        if let Some((name, value)) = variable {
            self.scope.set_value(name, Some(value));
        }
        let since = self.exits.len();
        self.run_scoped(body, end);
        self.resume_exits(since, FlowState::Continue);
        self.flow == FlowState::Next
    }

    /// Runs `for (i = 0; i < 2; i += 1)`.
    fn run_c_loop(&mut self, open: usize, body: usize, end: usize) {
        let semicolons: Vec<usize> = (open..body).filter(|&at| self.is_mark(at, ";")).collect();
        let &[first, second] = semicolons.as_slice() else { return self.run_unknown_loop(open + 1, end) };
        self.run_scoped(open + 1, first);
        let condition = |here: &Self| here.scope.evaluate(here.body(), first + 1).0.map(|value| value != 0.0);
        self.run_conditional_loop(condition, (body, end), Some((second + 1, body.saturating_sub(1))));
    }

    /// Runs a loop while its condition is met; once the condition is unknown, any number of times.
    fn run_conditional_loop(
        &mut self,
        condition: impl Fn(&Self) -> Option<bool>,
        (body, end): (usize, usize),
        step: Option<(usize, usize)>,
    ) {
        let since = self.exits.len();
        for turn in 0.. {
            match condition(self).filter(|_| turn < MAX_LOOP_ITERATIONS) {
                Some(false) => break,
                Some(true) => {
                    if !self.run_iteration(None, body, end) {
                        break;
                    }
                    step.into_iter().for_each(|(from, to)| self.run_scoped(from, to));
                }
                None => {
                    // the step changes its variables as well
                    step.into_iter().for_each(|(from, to)| self.forget_assigned_names(from, to));
                    self.run_unknown_loop(body, end);
                    break;
                }
            }
        }
        self.resume_exits(since, FlowState::Break);
    }
}
