//! Conditions and loops: run as the simulator would where what they depend on is known, else every way once, after which
//! what differs is not known.

use super::cell::{Cell, Statement, Target};
use super::expression::Scope;
use super::lexer::Token;
use super::procedure::closing;
use super::statement::{Exit, Flow, Here};

/// Times that a loop is run: far more than any of a template's.
const MOST_TURNS: usize = 1000;

impl<'a> Here<'_, '_, 'a> {
    /// Takes a condition and what depends on it; gives the place after both. `nSec < 3` before what raises an error tells
    /// what is refused.
    pub(super) fn condition(&mut self, next: usize) -> usize {
        let Some(close) = closing(self.body(), next).filter(|_| self.is_mark(next, "(")) else { return next };
        let body = close + 1;
        let end = self.statement_end(body);
        let other = self.after_lines(end);
        let other = (self.word_at(other) == Some("else")).then_some(other + 1);
        let other_end = other.map_or(end, |other| self.statement_end(other));
        let raises = self.raises(body, end);
        if let [(Token::Word(_), _), (Token::Mark("<"), _), (Token::Number(least), _)] = self.body()[next + 1..close]
            && raises
        {
            self.walk.cell.refused_below = self.walk.cell.refused_below.max(least as usize);
        }
        let is_met = if raises { Some(false) } else { self.is_true(next) };
        self.either(is_met, (body, end), other.map(|other| (other, other_end)));
        other_end
    }

    /// `ifsec "dend" ...`: which sections it means is not known.
    pub(super) fn if_section(&mut self, next: usize) -> usize {
        let body = self.list(next).1;
        let end = self.statement_end(body);
        self.either(None, (body, end), None);
        end
    }

    /// Whether the condition between brackets is met, where that is known.
    fn is_true(&self, open: usize) -> Option<bool> {
        self.scope.arguments(self.body(), open).0.first().copied().flatten().map(|value| value != 0.0)
    }

    /// Runs one of two parts, or both where it is not known which.
    fn either(&mut self, is_met: Option<bool>, part: (usize, usize), other: Option<(usize, usize)>) {
        match (is_met, other) {
            (Some(true), _) => return self.run_part(part.0, part.1),
            (Some(false), Some(other)) => return self.run_part(other.0, other.1),
            (Some(false), None) => return,
            (None, _) => {}
        }
        let (before, at) = ((self.scope.clone(), self.walk.cell.clone()), self.statement());
        self.run_part(part.0, part.1);
        let first = self.leave_here(before);
        if let Some((from, to)) = other {
            self.run_part(from, to);
        }
        if self.flow == first.flow {
            self.join(first, at);
        } else if self.flow == Flow::On {
            self.exits.push(first);
        } else {
            let second = self.leave_here((first.scope, first.cell));
            self.exits.push(second);
            self.flow = first.flow;
        }
    }

    /// Gives where the walk is, and goes on from another state.
    fn leave_here(&mut self, (scope, cell): (Scope<'a>, Cell)) -> Exit<'a> {
        Exit {
            at: self.statement(),
            flow: std::mem::replace(&mut self.flow, Flow::On),
            scope: std::mem::replace(&mut self.scope, scope),
            cell: std::mem::replace(&mut self.walk.cell, cell),
        }
    }

    fn join(&mut self, other: Exit<'a>, at: Statement) {
        self.scope.join(&other.scope);
        self.join_cell(other.cell, at);
    }

    /// Goes on with the ways that left a loop or the procedure since there were so many of them.
    pub(super) fn settle(&mut self, since: usize, kind: Flow) {
        if self.flow == kind {
            self.flow = Flow::On;
        }
        let later = self.exits.split_off(since.min(self.exits.len()));
        let (resumed, kept): (Vec<_>, Vec<_>) = later.into_iter().partition(|exit| exit.flow == kind);
        self.exits.extend(kept);
        for exit in resumed {
            if self.flow == Flow::On {
                let at = exit.at;
                self.join(exit, at);
            } else {
                let current = self.leave_here((exit.scope, exit.cell));
                self.exits.push(current);
            }
        }
    }

    /// Runs a statement or a block, and leaves targets as they were.
    fn run_part(&mut self, from: usize, to: usize) {
        let saved = (self.outer.len(), self.block, self.line);
        self.run_range(from, to);
        self.outer.truncate(saved.0);
        (self.block, self.line) = (saved.1, saved.2);
    }

    /// Whether what stands between two places raises an error, and does nothing else that matters.
    fn raises(&self, from: usize, to: usize) -> bool {
        let is_raised = (from..to).filter_map(|i| self.word_at(i)).any(|w| matches!(w, "execerror" | "quit" | "stop"));
        is_raised && !self.template.may_change_cell(self.body().get(from..to).unwrap_or_default())
    }

    /// A statement that is run for each of some sections: for each of them the same, but for what depends on the section.
    pub(super) fn section_loop(&mut self, target: Target, from: usize, to: usize) {
        let (before, at) = ((self.scope.clone(), self.walk.cell.clone()), self.statement());
        let saved = (self.outer.len(), self.block, self.line, self.looped, self.is_foreign, self.exits.len());
        self.forget_assigned(from, to);
        (self.line, self.looped, self.is_foreign) = (Some(target), Some(target), false);
        self.run_range(from, to);
        self.outer.truncate(saved.0);
        (self.block, self.line, self.looped) = (saved.1, saved.2, saved.3);
        let is_left = self.flow != Flow::On || self.exits.len() > saved.5;
        let is_other = self.is_foreign || is_left;
        self.is_foreign = saved.4 || is_other || saved.3.is_some_and(|outer| outer != target);
        self.end_loop(at, before, saved.5, is_other.then_some(target));
    }

    /// Runs a part that may be run any number of times.
    fn repeat(&mut self, from: usize, to: usize) {
        let (before, at) = ((self.scope.clone(), self.walk.cell.clone()), self.statement());
        let since = self.exits.len();
        self.forget_assigned(from, to);
        self.run_part(from, to);
        self.end_loop(at, before, since, Some(Target::Other));
    }

    /// What is known after a loop that may not have been run at all; for some sections only, if a target is given.
    fn end_loop(&mut self, at: Statement, (scope, cell): (Scope<'a>, Cell), since: usize, for_some_of: Option<Target>) {
        self.settle(since, Flow::Continue);
        self.settle(since, Flow::Break);
        if self.flow == Flow::On {
            self.scope.join(&scope);
            if let Some(target) = for_some_of {
                let axon_chunk = self.walk.cell.axon_chunk;
                self.join_cell(cell, at);
                // the sections that were cut are those whose diameters are read
                if target == Target::Axon(None) {
                    self.walk.cell.axon_chunk = axon_chunk;
                }
            }
        } else {
            let left = self.leave_here((scope, cell));
            self.exits.push(left);
        }
    }

    /// Forgets what a loop's body gives other values: the second time it begins with those.
    fn forget_assigned(&mut self, from: usize, to: usize) {
        let body = self.body().get(from..to).unwrap_or_default();
        for name in self.template.assigned(body) {
            self.scope.set(name, None);
            self.scope.set_element(name, None, None);
        }
    }

    /// `while (...)`; gives the place after it.
    pub(super) fn while_loop(&mut self, next: usize) -> usize {
        let body = self.after_bracket(next);
        let end = self.statement_end(body);
        self.turns(|here| here.is_true(next), (body, end), None);
        end
    }

    /// Takes a loop; gives the place after it.
    pub(super) fn for_loop(&mut self, next: usize) -> usize {
        let close = self.after_bracket(next);
        match (self.is_mark(next, "("), self.word_at(next)) {
            (true, _) => {
                let end = self.statement_end(close);
                match self.word_at(next + 1) {
                    Some(_) if self.is_mark(next + 2, ")") || self.is_mark(next + 2, ",") => {
                        self.segment_loop(next + 1, self.is_mark(next + 2, ")"), close, end);
                    }
                    _ => self.c_loop(next, close, end),
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
                match first.zip(last).filter(|(a, b)| b - a < MOST_TURNS as f64) {
                    Some((first, last)) => self.count_loop(name, (first, last), body, end),
                    None => {
                        self.scope.set(name, None);
                        self.repeat(body, end);
                    }
                }
                end
            }
            // an iterator of its own
            _ => {
                let body = self.after_brackets(next + 1);
                let end = self.statement_end(body);
                self.repeat(body, end);
                end
            }
        }
    }

    /// `for i = 0, 1`: the variable takes each value.
    fn count_loop(&mut self, name: &'a str, (first, last): (f64, f64), body: usize, end: usize) {
        let since = self.exits.len();
        let mut value = first;
        while value <= last && self.turn(Some((name, value)), body, end) {
            value += 1.0;
        }
        self.settle(since, Flow::Break);
    }

    /// `for (x)` and `for (x, 0)`: the places along the section, with or without its ends.
    fn segment_loop(&mut self, head: usize, with_ends: bool, body: usize, end: usize) {
        let Some(name) = self.word_at(head) else { return };
        let target = self.target().unwrap_or(Target::Other);
        let counts: Vec<_> = self.walk.cell.stubs_of(target).map(|stub| stub.segments.known(Some(1.0))).collect();
        let n = if let [Some(n)] = counts[..] { Some(n) } else { None };
        let Some(n) = n.filter(|n| (1.0..MOST_TURNS as f64).contains(n)) else {
            self.scope.set(name, None);
            return self.repeat(body, end);
        };
        let since = self.exits.len();
        let centres = (0..n as u32).map(|i| (f64::from(i) + 0.5) / n);
        let ends = |x: f64| with_ends.then_some(x);
        let places: Vec<f64> = ends(0.0).into_iter().chain(centres).chain(ends(1.0)).collect();
        for x in places {
            if !self.turn(Some((name, x)), body, end) {
                break;
            }
        }
        self.settle(since, Flow::Break);
    }

    /// Runs a loop's body once, with a value of its variable; tells whether to go on.
    fn turn(&mut self, variable: Option<(&'a str, f64)>, body: usize, end: usize) -> bool {
        if let Some((name, value)) = variable {
            self.scope.set(name, Some(value));
        }
        let since = self.exits.len();
        self.run_part(body, end);
        self.settle(since, Flow::Continue);
        self.flow == Flow::On
    }

    /// `for (i = 0; i < 2; i += 1)`
    fn c_loop(&mut self, open: usize, body: usize, end: usize) {
        let semicolons: Vec<usize> = (open..body).filter(|&at| self.is_mark(at, ";")).collect();
        let &[first, second] = semicolons.as_slice() else { return self.repeat(open + 1, end) };
        self.run_part(open + 1, first);
        let condition = |here: &Self| here.scope.evaluate(here.body(), first + 1).0.map(|value| value != 0.0);
        self.turns(condition, (body, end), Some((second + 1, body.saturating_sub(1))));
    }

    /// Runs a loop as long as its condition is met, and from where that is not known any number of times.
    fn turns(
        &mut self,
        condition: impl Fn(&Self) -> Option<bool>,
        (body, end): (usize, usize),
        step: Option<(usize, usize)>,
    ) {
        let since = self.exits.len();
        for turn in 0.. {
            match condition(self).filter(|_| turn < MOST_TURNS) {
                Some(false) => break,
                Some(true) => {
                    if !self.turn(None, body, end) {
                        break;
                    }
                    step.into_iter().for_each(|(from, to)| self.run_part(from, to));
                }
                None => {
                    // the step's variables change, too
                    step.into_iter().for_each(|(from, to)| self.forget_assigned(from, to));
                    self.repeat(body, end);
                    break;
                }
            }
        }
        self.settle(since, Flow::Break);
    }
}
