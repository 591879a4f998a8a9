//! Traces `init` through the procedures that it calls, and records what happens to segments and axon.
//!
//! A condition or a number of iterations that is known is followed as the simulator would do it; otherwise both ways
//! are taken, and what differs after them is unknown. All known forms write these operations plainly, so any other
//! change of lengths, segments or axon makes the form an unknown one.

use super::axon_diameter_use::AxonDiameterUse;
use super::axon_replacement::AxonReplacement;
use super::cell_state::{
    CellState, CreatedSection, CreatedSectionKind, StatementPosition, StubDiameter, UnsupportedChange,
};
use super::expression::Scope;
use super::lexer::HocToken;
use super::procedure::HocTemplate;
use super::statement::Evaluator;
use super::{TemplateNoteKind, TemplateProblem};
use crate::error::Result;

/// The effect of `init`.
#[derive(Debug, Default)]
pub(super) struct InitTrace {
    pub cell: CellState,
    /// The chunk length that overrides the template's own, µm.
    pub given_chunk_um: Option<f64>,
    /// Operations on diameters that are not followed.
    pub notes: Vec<(TemplateNoteKind, StatementPosition)>,
    /// Where a text is composed that would change the cell if it were executed.
    pub changing_text_at: Option<StatementPosition>,
    /// Whether any composed text is executed.
    pub executes_composed_text: bool,
    /// Number of calls that were followed.
    call_count: usize,
}

/// Maximum depth of nested calls that are followed.
const MAX_CALL_DEPTH: usize = 16;

/// Maximum number of calls that are followed.
const MAX_CALLS: usize = 1000;

impl InitTrace {
    /// Traces `init`, given the values of its arguments.
    ///
    /// # Errors
    /// Returns an error if the template has no `init`.
    pub fn from_init(template: &HocTemplate<'_>, arguments: &[Option<f64>], given_chunk: Option<f64>) -> Result<Self> {
        let Some(init) = template.find_procedure("init") else {
            return Err(TemplateProblem::NoInit(template.procedure_names()).into());
        };
        let mut trace = Self { given_chunk_um: given_chunk, ..Self::default() };
        trace.trace_procedure(template, init, Scope::default().for_call(arguments), 0);
        if let (Some(at), true) = (trace.changing_text_at, trace.executes_composed_text) {
            trace.cell.chunk_set_at = Some((None, at));
        }
        Ok(trace)
    }

    /// Traces a procedure; returns the values of its variables after it.
    pub fn trace_procedure<'a>(
        &mut self,
        template: &HocTemplate<'a>,
        place: usize,
        mut scope: Scope<'a>,
        depth: usize,
    ) -> Scope<'a> {
        self.call_count += 1;
        let Some(procedure) = template.procedure(place) else { return scope };
        if depth >= MAX_CALL_DEPTH || self.call_count >= MAX_CALLS {
            if template.may_change_cell(&procedure.body) {
                self.cell.mark_unsupported(
                    UnsupportedChange::Sections,
                    StatementPosition { procedure_index: place, byte_offset: procedure.start_byte() },
                );
            }
            return scope;
        }
        procedure.local_names().for_each(|name| scope.declare(name));
        Evaluator::new(self, template, procedure, place, depth, scope).run()
    }

    /// Adds a note about a statement that is not followed, once per statement.
    pub fn add_note(&mut self, kind: TemplateNoteKind, at: StatementPosition) {
        if !self.notes.contains(&(kind, at)) {
            self.notes.push((kind, at));
        }
    }

    /// Returns the first statement with a note of a kind.
    pub fn first_note(&self, kind: TemplateNoteKind) -> Option<StatementPosition> {
        self.notes.iter().find(|note| note.0 == kind).map(|note| note.1)
    }

    /// Returns whether the diameter of a stub is set.
    pub fn sets_diameters(&self) -> bool {
        self.cell.stubs.iter().any(|stub| stub.diameters.is_some())
    }

    /// Returns whether the stubs' segments take, in order, the elements of a vector, and myelin the last of these
    /// elements.
    pub fn takes_vector_elements(&self) -> bool {
        let diameters = |is_myelin: bool| {
            let stubs =
                self.cell.stubs.iter().filter(move |stub| (stub.kind == CreatedSectionKind::Myelin) == is_myelin);
            stubs.filter_map(|stub| stub.diameters.as_ref()).flatten()
        };
        let n = diameters(false).count() as u32;
        let is_in_order = diameters(false).zip(0..n).all(|(diameter, i)| *diameter == StubDiameter::Element(i));
        is_in_order
            && diameters(true).all(|diameter| n.checked_sub(1).map(StubDiameter::Element).as_ref() == Some(diameter))
    }

    /// Returns the variables that set the diameters of the two stubs, if the stubs have one segment each.
    pub fn stub_variables(&self) -> Option<[&str; 2]> {
        let [first, second] = self.cell.stubs.as_slice() else { return None };
        match (first.diameters.as_deref(), second.diameters.as_deref()) {
            (Some([StubDiameter::Variable(first)]), Some([StubDiameter::Variable(second)])) => Some([first, second]),
            _ => None,
        }
    }

    /// Returns the diameters of all segments of the stubs of a form, if all are known and above 0.
    pub fn stub_diameters(&self, form: AxonReplacement) -> Option<Vec<f64>> {
        let mut all = Vec::new();
        for (stub, shape) in self.cell.stubs.iter().zip(form.stub_shapes()) {
            let known: Option<Vec<f64>> = stub.diameters.as_ref()?.iter().map(StubDiameter::known_um).collect();
            let mut diameters = known.filter(|known| known.iter().all(|&d| d > 0.0 && d.is_finite()))?;
            if let [only] = diameters.as_slice() {
                // the diameter was set before the section was cut into segments
                diameters = vec![*only; shape.segments as usize];
            }
            if diameters.len() != shape.segments as usize {
                return None;
            }
            all.append(&mut diameters);
        }
        Some(all)
    }

    /// Returns how the procedure that replaces the axon reads the original's diameters.
    pub fn axon_diameter_use(&self, template: &HocTemplate<'_>) -> AxonDiameterUse {
        let procedure = self.cell.replaced_in_procedure.and_then(|place| template.procedure(place));
        procedure.map(|procedure| AxonDiameterUse::from_body(&procedure.body)).unwrap_or_default()
    }

    /// Returns an error if the template changes the lengths of sections, or calls a function that changes the cell.
    pub fn check_supported(&self, template: &HocTemplate<'_>) -> Result<()> {
        let (problem, at): (fn(String) -> TemplateProblem, _) = match self.cell.unsupported {
            Some((UnsupportedChange::Length, at)) => (TemplateProblem::Length, at),
            Some((UnsupportedChange::Function, at)) => (TemplateProblem::Function, at),
            Some((UnsupportedChange::Sections, _)) | None => return Ok(()),
        };
        Err(template.procedure_error(at.procedure_index, Some(at), problem))
    }

    /// Returns the chunk length, µm.
    pub fn chunk_length(&self, template: &HocTemplate<'_>) -> Result<f64> {
        match (self.cell.chunk_set_at, self.cell.axon_cut_at) {
            (Some((None, at)), _) => {
                Err(template.procedure_error(at.procedure_index, Some(at), TemplateProblem::Chunk))
            }
            // the axon is kept, but cut by a different rule
            (_, Some(at)) if self.cell.replaced_in_procedure.is_none() => {
                Err(template.procedure_error(at.procedure_index, Some(at), TemplateProblem::Chunk))
            }
            (Some((Some(chunk), _)), _) => Ok(chunk),
            (None, _) => Err(template.procedure_error(
                template.find_procedure("init").unwrap_or_default(),
                None,
                TemplateProblem::Chunk,
            )),
        }
    }

    /// Returns the treatment of the axon, and the number of sections that the axon must have.
    pub fn axon_replacement(&self, template: &HocTemplate<'_>) -> Result<(AxonReplacement, usize)> {
        let sections = self.cell.unsupported.map(|(_, at)| at).or(self.cell.uncertain_deletion);
        if let Some(at) = sections {
            return Err(template.procedure_error(at.procedure_index, Some(at), TemplateProblem::Axon));
        }
        let Some(place) = self.cell.replaced_in_procedure else { return Ok((AxonReplacement::Keep, 0)) };
        let reading = self.axon_diameter_use(template);
        // the `delete_axon` of 2015 uses the diameter of a distant section only if there is one
        let is_optimiser = reading.reads_along || reading.takes_last_visited;
        let found = self.match_axon_replacement(is_optimiser || reads_diameters_before_deletion(template, place));
        // the stubs may be changed later, in another procedure
        let late = || self.cell.stubs.iter().filter_map(|stub| stub.set_at).find(|at| at.procedure_index != place);
        let form = found.ok_or_else(|| match late() {
            Some(at) => template.procedure_error(at.procedure_index, Some(at), TemplateProblem::Axon),
            None => template.procedure_error(place, None, TemplateProblem::Axon),
        })?;
        Ok((form, self.cell.min_axon_sections.max(2)))
    }

    fn match_axon_replacement(&self, reads_diameters: bool) -> Option<AxonReplacement> {
        let measure =
            |stub: &CreatedSection| Some((stub.kind, stub.length.value_or(None)?, stub.segments.value_or(Some(1.0))?));
        let measured: Vec<_> = self.cell.stubs.iter().map(measure).collect::<Option<_>>()?;
        let kinds = [CreatedSectionKind::Axon(0), CreatedSectionKind::Axon(1), CreatedSectionKind::Myelin];
        let is = |form: &AxonReplacement| {
            let stubs =
                form.stub_shapes().iter().zip(kinds).map(|(s, kind)| (kind, s.length_um, f64::from(s.segments)));
            form.replaces_axon() && stubs.eq(measured.iter().copied())
        };
        let form = AxonReplacement::ALL.into_iter().find(is)?;
        Some(if form == AxonReplacement::BluePyOpt && !reads_diameters { AxonReplacement::Delete } else { form })
    }
}

/// Returns whether a procedure reads diameters of the original axon without a loop over it.
fn reads_diameters_before_deletion(template: &HocTemplate<'_>, place: usize) -> bool {
    let Some(procedure) = template.procedure(place) else { return false };
    let deleted = procedure.body.iter().position(|(token, _)| *token == HocToken::Word("delete_section"));
    let before = procedure.body.get(..deleted.unwrap_or(0)).unwrap_or_default();
    let has = |word| before.iter().any(|(token, _)| *token == HocToken::Word(word));
    has("diam") && !has("forsec")
}
