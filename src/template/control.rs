//! Conditions and loops: run as the simulator would where what they depend on is known, else every way once, after which
//! values that differ are not known.

use super::lexer::Token;
use super::procedure::closing;
use super::statement::{Flow, Here};
use super::walk::Target;

/// Times that a loop is run: far more than any of a template's.
const MOST_TURNS: f64 = 1000.0;

impl<'a> Here<'_, '_, 'a> {
    /// Takes a condition and what depends on it; gives the place after both. `nSec < 3` before what raises an error tells
    /// what is refused.
    pub(super) fn condition(&mut self, next: usize, is_loop: bool) -> usize {
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
            self.walk.refused_below = self.walk.refused_below.max(least as usize);
        }
        let is_met = match (raises, is_loop) {
            (true, _) => Some(false),
            (false, true) => None,
            (false, false) => self.scope.arguments(self.body(), next).0.first().copied().flatten().map(|v| v != 0.0),
        };
        if is_met != Some(false) {
            self.run_part(body, end, is_met.is_none());
        }
        if let (Some(other), true) = (other, is_met != Some(true)) {
            self.run_part(other, other_end, is_met.is_none());
        }
        if is_loop && self.flow != Flow::Return {
            self.flow = Flow::On;
        }
        other_end
    }

    /// Runs a statement or a block, and leaves targets as they were.
    fn run_part(&mut self, from: usize, to: usize, is_uncertain: bool) {
        let saved = (self.outer.len(), self.block, self.uncertain, self.line, self.line_repeats);
        self.uncertain += usize::from(is_uncertain) + usize::from(self.line_repeats);
        self.line_repeats = false;
        self.run_range(from, to);
        self.outer.truncate(saved.0);
        (_, self.block, self.uncertain, self.line, self.line_repeats) = saved;
    }

    /// Whether what stands between two places raises an error.
    fn raises(&self, from: usize, to: usize) -> bool {
        (from..to).filter_map(|i| self.word_at(i)).any(|word| matches!(word, "execerror" | "quit" | "stop"))
    }

    /// Takes a loop; gives the place after it.
    pub(super) fn for_loop(&mut self, next: usize) -> usize {
        match (self.is_mark(next, "("), self.word_at(next)) {
            (true, _) => {
                let Some(close) = closing(self.body(), next) else { return next };
                let end = self.statement_end(close + 1);
                match self.word_at(next + 1) {
                    Some(_) if self.is_mark(next + 2, ")") || self.is_mark(next + 2, ",") => {
                        self.segment_loop(next + 1, self.is_mark(next + 2, ")"), close + 1, end);
                    }
                    _ => self.repeat_once(next, close + 1, end),
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
                match first.zip(last).filter(|(a, b)| b - a < MOST_TURNS) {
                    Some((first, last)) => self.count_loop(name, (first, last), body, end),
                    None => {
                        self.scope.set(name, None);
                        self.run_part(body, end, true);
                    }
                }
                end
            }
            _ => next,
        }
    }

    /// `for i = 0, 1`: the variable takes each value.
    fn count_loop(&mut self, name: &'a str, (first, last): (f64, f64), body: usize, end: usize) {
        let mut value = first;
        while value <= last && self.turn(name, value, body, end) {
            value += 1.0;
        }
    }

    /// `for (x)` and `for (x, 0)`: the places along the section, with or without its ends.
    fn segment_loop(&mut self, head: usize, with_ends: bool, body: usize, end: usize) {
        let Some(name) = self.word_at(head) else { return };
        let target = self.line.or(self.block).unwrap_or(Target::Other);
        let counts: Vec<_> = self.walk.stubs_of(target).map(|stub| stub.segments.known(Some(1.0))).collect();
        let n = if let [Some(n)] = counts[..] { Some(n) } else { None };
        let Some(n) = n.filter(|n| (1.0..MOST_TURNS).contains(n)) else {
            self.scope.set(name, None);
            return self.run_part(body, end, true);
        };
        let centres = (0..n as u32).map(|i| (f64::from(i) + 0.5) / n);
        let ends = |x: f64| with_ends.then_some(x);
        let places: Vec<f64> = ends(0.0).into_iter().chain(centres).chain(ends(1.0)).collect();
        for x in places {
            if !self.turn(name, x, body, end) {
                break;
            }
        }
    }

    /// Runs a loop's body once with a value of its variable; tells whether to go on.
    fn turn(&mut self, name: &'a str, value: f64, body: usize, end: usize) -> bool {
        self.scope.set(name, Some(value));
        self.run_part(body, end, false);
        match self.flow {
            Flow::On => true,
            Flow::Continue => {
                self.flow = Flow::On;
                true
            }
            Flow::Break => {
                self.flow = Flow::On;
                false
            }
            Flow::Return => false,
        }
    }

    /// `for (i = 0; i < 2; i += 1)`: what its head assigns is not known.
    fn repeat_once(&mut self, head: usize, body: usize, end: usize) {
        for at in head..body {
            let assigns = ["=", "+=", "-="].iter().any(|mark| self.is_mark(at + 1, mark));
            if let Some(name) = self.word_at(at).filter(|_| assigns) {
                self.scope.set(name, None);
            }
        }
        self.run_part(body, end, true);
        if self.flow != Flow::Return {
            self.flow = Flow::On;
        }
    }
}
