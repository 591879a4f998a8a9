//! Assignments: to variables, to elements of vectors, and to lengths, segments and diameters of sections.

use super::chunk::chunk_of;
use super::expression::Scope;
use super::lexer::Token;
use super::procedure::closing;
use super::statement::Here;
use super::walk::Target;

impl<'a> Here<'_, '_, 'a> {
    /// `name = ...`; gives the value, and the place after it.
    pub(super) fn assign(&mut self, name: &'a str, at: usize) -> (Option<f64>, usize) {
        let target = self.line.or(self.block);
        let length = target.and_then(|t| self.walk.stubs_of(t).next().map(|made| made.length));
        let scope = self.scope.with("L", length.and_then(|length| length.known(None)));
        // `a = b = 3`
        let (value, end) = match self.word_at(at) {
            Some(other) if self.is_mark(at + 1, "=") => self.assign(other, at + 2),
            _ => scope.evaluate(self.body(), at),
        };
        match (name, target) {
            ("L" | "nseg", Some(target)) => self.property(name, target, value, &scope, at),
            ("L" | "nseg", None) => self.walk.is_strange = true,
            ("diam", target) => self.set_diameters(target, |_, _| value),
            _ if self.is_uncertain() => self.scope.set_perhaps(name, value),
            _ => self.scope.set(name, value),
        }
        (value, end)
    }

    /// `name += ...`
    pub(super) fn change(&mut self, name: &'a str, next: usize) -> usize {
        let before = self.scope.value(name);
        let (by, end) = self.scope.evaluate(self.body(), next + 1);
        let change: fn(f64, f64) -> f64 = match self.body().get(next) {
            Some((Token::Mark("+="), _)) => |a, b| a + b,
            Some((Token::Mark("-="), _)) => |a, b| a - b,
            Some((Token::Mark("*="), _)) => |a, b| a * b,
            _ => |a, b| a / b,
        };
        let value = before.zip(by).map(|(a, b)| change(a, b));
        self.scope.set(name, value.filter(|_| !self.is_uncertain()));
        end
    }

    /// `vector.x[i] = ...`, of which the bracket's place is given.
    pub(super) fn assign_element(&mut self, vector: &'a str, open: usize) -> usize {
        let (index, end) = self.scope.arguments(self.body(), open);
        if !self.is_mark(end, "=") {
            return end;
        }
        let (value, after) = self.scope.evaluate(self.body(), end + 1);
        let value = value.filter(|_| !self.is_uncertain());
        self.scope.set_element(vector, index.first().copied().flatten(), value);
        after
    }

    /// `diam(x) = ...` and `diam(0:1) = a:b`, of which the bracket's place is given.
    pub(super) fn diameter_at(&mut self, open: usize) -> usize {
        let Some(close) = closing(self.body(), open) else { return open };
        if !self.is_mark(close + 1, "=") {
            return close + 1;
        }
        let target = self.line.or(self.block);
        let (from, mut end) = self.scope.evaluate(self.body(), close + 2);
        if let [(Token::Number(0.0), _), (Token::Mark(":"), _), (Token::Number(1.0), _)] = self.body()[open + 1..close]
        {
            let to = match self.is_mark(end, ":") {
                true => {
                    let (to, after) = self.scope.evaluate(self.body(), end + 1);
                    end = after;
                    to
                }
                false => from,
            };
            self.set_diameters(target, |x, _| from.zip(to).map(|(from, to)| from + (to - from) * x));
            return end;
        }
        let place = self.scope.arguments(self.body(), open).0.first().copied().flatten();
        self.set_diameters(target, |x, before| match place {
            Some(place) if (place - x).abs() < 1e-8 => from,
            Some(_) => before,
            None => None,
        });
        end
    }

    /// Sets the diameters of stubs, from the place of a segment's centre and what it has.
    fn set_diameters(&mut self, target: Option<Target>, value: impl Fn(f64, Option<f64>) -> Option<f64>) {
        let is_uncertain = self.is_uncertain();
        for made in self.walk.stubs_of(target.unwrap_or(Target::Other)) {
            let n = made.segments.known(Some(1.0)).filter(|n| (1.0..1000.0).contains(n)).unwrap_or(1.0);
            let before = made.diameters.take().unwrap_or_default();
            let center = |i: usize| (i as f64 + 0.5) / n;
            let one = |i: usize| {
                let old = before.get(i).copied().flatten();
                let new = value(center(i), old);
                if is_uncertain && new != old { None } else { new }
            };
            made.diameters = Some((0..n as usize).map(one).collect());
        }
    }

    /// `L = ...` or `nseg = ...` in some sections.
    fn property(&mut self, name: &str, target: Target, value: Option<f64>, scope: &Scope<'a>, at: usize) {
        let (is_length, is_uncertain) = (name == "L", self.is_uncertain());
        match target {
            Target::Every if !is_length => {
                self.walk.chunk = Some((chunk_of(scope, self.body(), at), self.place));
                self.walk.cut_after = !self.walk.stubs.is_empty();
            }
            // what is done to the original axon goes with it; where it stays, its segments are cut by a rule of their own
            Target::Axon(_) if self.walk.stubs.is_empty() && !is_length => {
                if self.place_keeps_axon() {
                    self.walk.chunk = Some((None, self.place));
                }
            }
            Target::Axon(_) | Target::Myelin => {
                let mut found = false;
                for made in self.walk.stubs_of(target) {
                    found = true;
                    let property = if is_length { &mut made.length } else { &mut made.segments };
                    property.set(value, is_uncertain);
                }
                self.walk.is_strange |= !found;
            }
            Target::Other if !is_length => self.walk.chunk = Some((None, self.place)),
            Target::Every | Target::Other => self.walk.is_strange = true,
        }
    }

    /// Whether this procedure leaves the original axon where it is.
    pub(super) fn place_keeps_axon(&self) -> bool {
        !self.body().iter().any(|(token, _)| *token == Token::Word("delete_section"))
    }
}
