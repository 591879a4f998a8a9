//! Assignments: to variables, to elements of vectors, and to lengths, segments and diameters of sections.

use super::TemplateNoteKind;
use super::cell_state::{PropertyValue, SectionTarget, StubDiameter, UnsupportedChange};
use super::expression::Scope;
use super::lexer::{HocToken, PlacedToken, closing_bracket};
use super::statement::Evaluator;

/// Diameters below this, µm, are set where a morphology lacks them.
const MIN_DIAMETER_UM: f64 = 0.01;

/// Combines the old value with the right-hand side of an assignment.
type AssignmentOperator = fn(f64, f64) -> f64;

impl<'a> Evaluator<'_, '_, 'a> {
    /// Returns the operator of a compound assignment; `None` for a plain one.
    fn assignment_operator(&self, at: usize) -> Option<AssignmentOperator> {
        match self.body().get(at) {
            Some((HocToken::Mark("+="), _)) => Some(|a, b| a + b),
            Some((HocToken::Mark("-="), _)) => Some(|a, b| a - b),
            Some((HocToken::Mark("*="), _)) => Some(|a, b| a * b),
            Some((HocToken::Mark("/="), _)) => Some(|a, b| a / b),
            _ => None,
        }
    }

    /// Evaluates `name = ...` or `name += ...`, given the index of the operator; returns the value and the index after
    /// it.
    pub(super) fn evaluate_assignment(&mut self, name: &'a str, mark: usize) -> (Option<f64>, usize) {
        let (operator, at) = (self.assignment_operator(mark), mark + 1);
        let is_member = self.is_member();
        // chained assignment: `a = b = 3`
        let (by, end) = match self.word_at(at) {
            Some(other) if self.is_assignment(at + 1) => self.evaluate_assignment(other, at + 1),
            _ => self.scope.evaluate(self.body(), at),
        };
        let value = match operator {
            Some(operator) => self.scope.value(name).zip(by).map(|(a, b)| operator(a, b)),
            None => by,
        };
        match name {
            "L" | "nseg" => self.assign_length_or_nseg(name == "L", operator, at),
            "diam" => {
                let diameter = self.diameter_value(by, at..end);
                self.note_unknown_stub_diameters(operator.is_some() || diameter == StubDiameter::Unknown);
                self.set_stub_diameters(|_, before| match (operator, before.known_um().zip(by)) {
                    (None, _) => diameter.clone(),
                    (Some(operator), Some((a, b))) => StubDiameter::Known(operator(a, b)),
                    (Some(_), None) => StubDiameter::Unknown,
                });
                self.note_section_diameters(by.filter(|_| operator.is_none()));
            }
            // a member of an object is not a variable
            _ if is_member => {}
            _ => self.scope.set_value(name, value),
        }
        (value, end)
    }

    /// Evaluates `vector.x[i] = ...`, given the index of the bracket; returns the index after it.
    pub(super) fn evaluate_element_assignment(&mut self, vector: &'a str, open: usize) -> usize {
        let (index, end) = self.scope.evaluate_arguments(self.body(), open);
        if !self.is_assignment(end) {
            return end;
        }
        let (value, after) = self.scope.evaluate(self.body(), end + 1);
        let value = value.filter(|_| self.assignment_operator(end).is_none());
        self.scope.set_element(vector, index.first().copied().flatten(), value);
        after
    }

    /// Evaluates `diam(x) = ...` or `diam(0:1) = a:b`, given the index of the bracket; returns the index after it.
    pub(super) fn evaluate_diameter_assignment(&mut self, open: usize) -> usize {
        let Some(close) = closing_bracket(self.body(), open) else { return open };
        if !self.is_assignment(close + 1) {
            return close + 1;
        }
        let (from, mut end) = self.scope.evaluate(self.body(), close + 2);
        if let [(HocToken::Number(0.0), _), (HocToken::Mark(":"), _), (HocToken::Number(1.0), _)] =
            self.body()[open + 1..close]
        {
            let to = match self.is_mark(end, ":") {
                true => {
                    let (to, after) = self.scope.evaluate(self.body(), end + 1);
                    end = after;
                    to
                }
                false => from,
            };
            let ends = from.zip(to).filter(|_| self.assignment_operator(close + 1).is_none());
            self.note_unknown_stub_diameters(ends.is_none());
            let along =
                |x: f64| ends.map_or(StubDiameter::Unknown, |(from, to)| StubDiameter::Known(from + (to - from) * x));
            self.set_stub_diameters(|x, _| along(x));
            self.note_section_diameters(None);
            return end;
        }
        let place = self.scope.evaluate_arguments(self.body(), open).0.first().copied().flatten();
        let is_plain = self.assignment_operator(close + 1).is_none();
        let diameter = if is_plain { self.diameter_value(from, close + 2..end) } else { StubDiameter::Unknown };
        self.note_unknown_stub_diameters(diameter == StubDiameter::Unknown);
        self.set_stub_diameters(|x, before| match place {
            Some(place) if (place - x).abs() < 1e-8 => diameter.clone(),
            Some(_) => before.clone(),
            None => StubDiameter::Unknown,
        });
        self.note_section_diameters(from.filter(|_| is_plain));
        end
    }

    /// Returns the diameter that an expression gives to a segment.
    fn diameter_value(&self, value: Option<f64>, at: std::ops::Range<usize>) -> StubDiameter {
        match (value, self.body().get(at.clone())) {
            (Some(value), _) => StubDiameter::Known(value),
            (None, Some([(HocToken::Word(name), _)])) => StubDiameter::Variable((*name).to_string()),
            (None, Some([(HocToken::Word(_), _), (HocToken::Mark("."), _), (HocToken::Word("x"), _), ..])) => {
                let (index, end) = self.scope.evaluate_arguments(self.body(), at.start + 3);
                let index = index.first().copied().flatten().filter(|_| end == at.end);
                index.map_or(StubDiameter::Unknown, |index| StubDiameter::Element(index as u32))
            }
            _ => StubDiameter::Unknown,
        }
    }

    /// Sets the diameters of stubs; `value` maps the centre of a segment (0 to 1) and its old diameter to the new one.
    fn set_stub_diameters(&mut self, value: impl Fn(f64, &StubDiameter) -> StubDiameter) {
        let target = self.current_target().unwrap_or(SectionTarget::Other);
        for stub in self.trace.cell.stubs_in(target) {
            let n = stub.segments.value_or(Some(1.0)).filter(|n| (1.0..1000.0).contains(n)).unwrap_or(1.0);
            let before = stub.diameters.take().unwrap_or_default();
            let center = |i: usize| (i as f64 + 0.5) / n;
            let one = |i: usize| value(center(i), before.get(i).unwrap_or(&StubDiameter::Unknown));
            stub.diameters = Some((0..n as usize).map(one).collect());
        }
    }

    /// Notes diameters that are set on sections other than stubs: the table keeps those of the morphology.
    fn note_section_diameters(&mut self, value: Option<f64>) {
        let is_stub = self.current_target().is_some_and(|target| self.trace.cell.stubs_in(target).next().is_some());
        let is_only_stub = is_stub && self.current_target() != Some(SectionTarget::All);
        if !is_only_stub && value.is_none_or(|value| value >= MIN_DIAMETER_UM) {
            let at = self.current_statement();
            self.trace.add_note(TemplateNoteKind::Diameters, at);
        }
    }

    /// Notes diameters of stubs that are unknown, or are set outside the procedure that creates the stubs.
    fn note_unknown_stub_diameters(&mut self, is_unknown: bool) {
        let is_stub = self.current_target().is_some_and(|target| self.trace.cell.stubs_in(target).next().is_some());
        let is_late = self.trace.cell.replaced_in_procedure.is_some_and(|place| place != self.procedure_index);
        if is_stub && (is_late || is_unknown) {
            let at = self.current_statement();
            self.trace.add_note(TemplateNoteKind::StubDiameters, at);
        }
    }

    /// Evaluates `L = ...` or `nseg = ...` in the current sections, given the index of the value.
    fn assign_length_or_nseg(&mut self, is_length: bool, operator: Option<AssignmentOperator>, at: usize) {
        let Some(target) = self.current_target() else {
            return if is_length { self.mark_unsupported(UnsupportedChange::Length) } else { self.forget_chunk() };
        };
        self.changed_other_sections |= self.loop_target.is_some_and(|looped| looped != target);
        let statement = self.current_statement();
        let has_stubs = !self.trace.cell.stubs.is_empty();
        let formula = find_chunk_length(&self.scope, self.body(), at).filter(|_| operator.is_none());
        match target {
            SectionTarget::All if !is_length => {
                let chunk = self.trace.given_chunk_um.or(formula);
                self.trace.cell.chunk_set_at = Some((chunk, statement));
                if self.trace.cell.replaced_in_procedure.is_none() {
                    (self.trace.cell.axon_chunk_um, self.trace.cell.axon_cut_at) = (chunk, None);
                }
                let cut = |length: f64| chunk.map(|chunk| 1.0 + 2.0 * (length / chunk).trunc());
                for stub in &mut self.trace.cell.stubs {
                    stub.set_at = Some(statement);
                    stub.segments = PropertyValue::Assigned(stub.length.value_or(None).and_then(cut));
                }
            }
            // a change of the original axon has no effect after the axon is deleted
            SectionTarget::Axon(index) if !has_stubs && !is_length => {
                self.trace.cell.axon_chunk_um = formula.filter(|_| index.is_none());
                self.trace.cell.axon_cut_at = Some(statement);
            }
            // there is no myelin to change
            SectionTarget::Myelin if !has_stubs => {}
            SectionTarget::Axon(_) | SectionTarget::Myelin => {
                let (body, scope) = (self.body(), &self.scope);
                let mut found = false;
                for stub in self.trace.cell.stubs_in(target) {
                    found = true;
                    stub.set_at = Some(statement);
                    let (length, segments) = (stub.length.value_or(None), stub.segments.value_or(Some(1.0)));
                    let by = scope.with_value("L", length).with_value("nseg", segments).evaluate(body, at).0;
                    let before = if is_length { length } else { segments };
                    let value = operator.map_or(by, |operator| before.zip(by).map(|(a, b)| operator(a, b)));
                    match is_length {
                        true => stub.length = PropertyValue::Assigned(value),
                        // NEURON truncates `nseg` to an integer
                        false => stub.segments = PropertyValue::Assigned(value.map(f64::trunc)),
                    }
                }
                if !found {
                    self.mark_unsupported(UnsupportedChange::Sections);
                }
            }
            SectionTarget::Other if !is_length => self.trace.cell.chunk_set_at = Some((None, statement)),
            SectionTarget::All | SectionTarget::Other => self.mark_unsupported(UnsupportedChange::Length),
        }
    }
}

/// Returns the chunk length c, µm, if the expression that starts at a token is equivalent to `1 + 2 int(L / c)`.
///
/// The slope without `int` is 2 / c; the steps are then compared, at multiples of c and between them.
fn find_chunk_length(scope: &Scope<'_>, tokens: &[PlacedToken<'_>], at: usize) -> Option<f64> {
    let value = |scope: &Scope<'_>, length: f64| scope.with_value("L", Some(length)).evaluate(tokens, at).0;
    let smooth = scope.with_smooth_int();
    const FAR_UM: f64 = 1e6;
    let (near, far) = (value(&smooth, 0.0)?, value(&smooth, FAR_UM)?);
    let slope = (far - near) / FAR_UM;
    // removes the rounding error, so that the length is the one in the text
    let chunk: f64 = format!("{:.9e}", 2.0 / slope).parse().ok()?;
    if !(chunk > 0.0 && chunk.is_finite()) {
        return None;
    }
    let agrees = |chunks: &f64| value(scope, chunks * chunk) == Some(1.0 + 2.0 * chunks.trunc());
    [0.0, 0.3, 0.999, 1.0, 1.5, 2.0, 2.999, 3.0, 10.5, 1000.25].iter().all(agrees).then_some(chunk)
}

#[cfg(test)]
mod tests {
    use super::super::lexer::tokenize;
    use super::*;

    #[test]
    fn the_chunk_is_found_in_every_equivalent_formula_and_in_no_other() {
        let mut scope = Scope::default();
        scope.set_value("chunkSize", Some(40.0));
        for (text, expected) in [
            ("1 + 2*int(L/40)", Some(40.0)),
            ("1+int(L/chunkSize)*2", Some(40.0)),
            ("int(L/20/2.)*2 + 1", Some(40.0)),
            ("2*int(L/(chunkSize/4)) + 1", Some(10.0)),
            ("1 + 2*int(L/33.3)", Some(33.3)),
            ("1 + int(L/40)", None),
            ("2*int(L/40)", None),
            ("1 + 2*int(L/40 + 0.5)", None),
            ("1 + 2*(L/40)", None),
            ("int((L/(0.1*lambda_f(100))+.9)/2)*2 + 1", None),
            ("5", None),
            ("1 + 2*int(diam/40)", None),
        ] {
            assert_eq!(find_chunk_length(&scope, &tokenize(text), 0), expected, "{text}");
        }
    }
}
