//! Assignments: to variables, to elements of vectors, and to lengths, segments and diameters of sections.

use super::NoteKind;
use super::cell::{Diameter, Property, Strange, Target};
use super::chunk::chunk_of;
use super::lexer::Token;
use super::procedure::closing;
use super::statement::Here;

/// A diameter below this, um, stands for one that a morphology lacks.
const NO_DIAMETER_UM: f64 = 0.01;

/// What an assignment makes of a value and what stands at its right.
type Operator = fn(f64, f64) -> f64;

impl<'a> Here<'_, '_, 'a> {
    /// The operator of an assignment; none of a plain one.
    fn operator(&self, at: usize) -> Option<Operator> {
        match self.body().get(at) {
            Some((Token::Mark("+="), _)) => Some(|a, b| a + b),
            Some((Token::Mark("-="), _)) => Some(|a, b| a - b),
            Some((Token::Mark("*="), _)) => Some(|a, b| a * b),
            Some((Token::Mark("/="), _)) => Some(|a, b| a / b),
            _ => None,
        }
    }

    /// `name = ...`, `name += ...`, of which the mark's place is given; gives the value, and the place after it.
    pub(super) fn assign(&mut self, name: &'a str, mark: usize) -> (Option<f64>, usize) {
        let (operator, at) = (self.operator(mark), mark + 1);
        let is_member = self.is_member();
        // `a = b = 3`
        let (by, end) = match self.word_at(at) {
            Some(other) if self.is_assignment(at + 1) => self.assign(other, at + 1),
            _ => self.scope.evaluate(self.body(), at),
        };
        let value = match operator {
            Some(operator) => self.scope.value(name).zip(by).map(|(a, b)| operator(a, b)),
            None => by,
        };
        match name {
            "L" | "nseg" => self.property(name == "L", operator, at),
            "diam" => {
                let diameter = self.diameter(by, at..end);
                self.note_odd_diameters(operator.is_some() || diameter == Diameter::Unknown);
                self.set_diameters(|_, before| match (operator, before.known().zip(by)) {
                    (None, _) => diameter.clone(),
                    (Some(operator), Some((a, b))) => Diameter::Known(operator(a, b)),
                    (Some(_), None) => Diameter::Unknown,
                });
                self.note_diameters(by.filter(|_| operator.is_none()));
            }
            // of an object
            _ if is_member => {}
            _ => self.scope.set(name, value),
        }
        (value, end)
    }

    /// `vector.x[i] = ...`, of which the bracket's place is given.
    pub(super) fn assign_element(&mut self, vector: &'a str, open: usize) -> usize {
        let (index, end) = self.scope.arguments(self.body(), open);
        if !self.is_assignment(end) {
            return end;
        }
        let (value, after) = self.scope.evaluate(self.body(), end + 1);
        let value = value.filter(|_| self.operator(end).is_none());
        self.scope.set_element(vector, index.first().copied().flatten(), value);
        after
    }

    /// `diam(x) = ...` and `diam(0:1) = a:b`, of which the bracket's place is given.
    pub(super) fn diameter_at(&mut self, open: usize) -> usize {
        let Some(close) = closing(self.body(), open) else { return open };
        if !self.is_assignment(close + 1) {
            return close + 1;
        }
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
            let ends = from.zip(to).filter(|_| self.operator(close + 1).is_none());
            self.note_odd_diameters(ends.is_none());
            let along = |x: f64| ends.map_or(Diameter::Unknown, |(from, to)| Diameter::Known(from + (to - from) * x));
            self.set_diameters(|x, _| along(x));
            self.note_diameters(None);
            return end;
        }
        let place = self.scope.arguments(self.body(), open).0.first().copied().flatten();
        let is_plain = self.operator(close + 1).is_none();
        let diameter = if is_plain { self.diameter(from, close + 2..end) } else { Diameter::Unknown };
        self.note_odd_diameters(diameter == Diameter::Unknown);
        self.set_diameters(|x, before| match place {
            Some(place) if (place - x).abs() < 1e-8 => diameter.clone(),
            Some(_) => before.clone(),
            None => Diameter::Unknown,
        });
        self.note_diameters(from.filter(|_| is_plain));
        end
    }

    /// What an expression between two places gives a segment.
    fn diameter(&self, value: Option<f64>, at: std::ops::Range<usize>) -> Diameter {
        match (value, self.body().get(at.clone())) {
            (Some(value), _) => Diameter::Known(value),
            (None, Some([(Token::Word(name), _)])) => Diameter::Variable((*name).to_string()),
            (None, Some([(Token::Word(_), _), (Token::Mark("."), _), (Token::Word("x"), _), ..])) => {
                let (index, end) = self.scope.arguments(self.body(), at.start + 3);
                let index = index.first().copied().flatten().filter(|_| end == at.end);
                index.map_or(Diameter::Unknown, |index| Diameter::Element(index as u32))
            }
            _ => Diameter::Unknown,
        }
    }

    /// Sets the diameters of stubs, from the place of a segment's centre and what it has.
    fn set_diameters(&mut self, value: impl Fn(f64, &Diameter) -> Diameter) {
        let target = self.target().unwrap_or(Target::Other);
        for made in self.walk.cell.stubs_of(target) {
            let n = made.segments.known(Some(1.0)).filter(|n| (1.0..1000.0).contains(n)).unwrap_or(1.0);
            let before = made.diameters.take().unwrap_or_default();
            let center = |i: usize| (i as f64 + 0.5) / n;
            let one = |i: usize| value(center(i), before.get(i).unwrap_or(&Diameter::Unknown));
            made.diameters = Some((0..n as usize).map(one).collect());
        }
    }

    /// Notes diameters that are given to other sections than stubs: a table has those of the morphology.
    fn note_diameters(&mut self, value: Option<f64>) {
        let is_stub = self.target().is_some_and(|target| self.walk.cell.stubs_of(target).next().is_some());
        let is_only_stub = is_stub && self.target() != Some(Target::Every);
        if !is_only_stub && value.is_none_or(|value| value >= NO_DIAMETER_UM) {
            let at = self.statement();
            self.walk.note(NoteKind::Diameters, at);
        }
    }

    /// Notes diameters of stubs that are not known, or are set elsewhere than where the stubs are made.
    fn note_odd_diameters(&mut self, is_unknown: bool) {
        let is_stub = self.target().is_some_and(|target| self.walk.cell.stubs_of(target).next().is_some());
        let is_late = self.walk.cell.replaced_in.is_some_and(|place| place != self.place);
        if is_stub && (is_late || is_unknown) {
            let at = self.statement();
            self.walk.note(NoteKind::StubDiameters, at);
        }
    }

    /// `L = ...` or `nseg = ...`, of which the value's place is given, in some sections.
    fn property(&mut self, is_length: bool, operator: Option<Operator>, at: usize) {
        let Some(target) = self.target() else {
            return if is_length { self.set_strange(Strange::Length) } else { self.forget_chunk() };
        };
        self.is_foreign |= self.looped.is_some_and(|looped| looped != target);
        let statement = self.statement();
        let has_stubs = !self.walk.cell.stubs.is_empty();
        let formula = chunk_of(&self.scope, self.body(), at).filter(|_| operator.is_none());
        match target {
            Target::Every if !is_length => {
                let chunk = self.walk.given_chunk.or(formula);
                self.walk.cell.chunk = Some((chunk, statement));
                if self.walk.cell.replaced_in.is_none() {
                    (self.walk.cell.axon_chunk, self.walk.cell.axon_cut) = (chunk, None);
                }
                let cut = |length: f64| chunk.map(|chunk| 1.0 + 2.0 * (length / chunk).trunc());
                for made in &mut self.walk.cell.stubs {
                    made.set_at = Some(statement);
                    made.segments = Property::To(made.length.known(None).and_then(cut));
                }
            }
            // what is done to the original axon goes with it
            Target::Axon(index) if !has_stubs && !is_length => {
                self.walk.cell.axon_chunk = formula.filter(|_| index.is_none());
                self.walk.cell.axon_cut = Some(statement);
            }
            // there is none
            Target::Myelin if !has_stubs => {}
            Target::Axon(_) | Target::Myelin => {
                let (body, scope) = (self.body(), &self.scope);
                let mut found = false;
                for made in self.walk.cell.stubs_of(target) {
                    found = true;
                    made.set_at = Some(statement);
                    let (length, segments) = (made.length.known(None), made.segments.known(Some(1.0)));
                    let by = scope.with("L", length).with("nseg", segments).evaluate(body, at).0;
                    let before = if is_length { length } else { segments };
                    let value = operator.map_or(by, |operator| before.zip(by).map(|(a, b)| operator(a, b)));
                    match is_length {
                        true => made.length = Property::To(value),
                        // as the simulator does
                        false => made.segments = Property::To(value.map(f64::trunc)),
                    }
                }
                if !found {
                    self.set_strange(Strange::Sections);
                }
            }
            Target::Other if !is_length => self.walk.cell.chunk = Some((None, statement)),
            Target::Every | Target::Other => self.set_strange(Strange::Length),
        }
    }
}
