//! Follows `init` through the procedures that it calls and notes what becomes of segments and axon.
//!
//! Where a condition is known, or how often a loop is run, it is followed as the simulator would do it; else both ways are
//! taken, and what differs after them is not known. What decides is written plainly in all forms that are known, and whatever
//! else is done to lengths, segments or axon makes the form an unknown one.

use super::cell::{Cell, Diameter, Kind, Made, Statement, Strange};
use super::diameters::Reading;
use super::expression::Scope;
use super::form::AxonForm;
use super::lexer::Token;
use super::procedure::Template;
use super::statement::Here;
use super::{NoteKind, TemplateProblem};
use crate::error::Result;

/// What `init` does.
#[derive(Debug, Default)]
pub(super) struct Walk {
    pub cell: Cell,
    /// The chunk length that stands for the template's own, um.
    pub given_chunk: Option<f64>,
    /// What is done to diameters and not followed.
    pub notes: Vec<(NoteKind, Statement)>,
    /// Where a text is composed that changes the cell if it is executed, and whether any composed text is.
    pub composed: (Option<Statement>, bool),
    /// Calls that were followed.
    calls: usize,
}

/// Calls that are followed into each other, and in all.
const MOST_CALLS: (usize, usize) = (16, 1000);

impl Walk {
    /// Starts with `init` and the values of its arguments.
    ///
    /// # Errors
    /// There is no `init`.
    pub fn from_init(template: &Template<'_>, arguments: &[Option<f64>], given_chunk: Option<f64>) -> Result<Self> {
        let Some(init) = template.find("init") else {
            return Err(TemplateProblem::NoInit(template.names()).into());
        };
        let mut walk = Self { given_chunk, ..Self::default() };
        walk.follow(template, init, Scope::default().for_call(arguments), 0);
        if let (Some(at), true) = walk.composed {
            walk.cell.chunk = Some((None, at));
        }
        Ok(walk)
    }

    /// Follows a procedure; gives what its variables are afterwards.
    pub fn follow<'a>(
        &mut self,
        template: &Template<'a>,
        place: usize,
        mut scope: Scope<'a>,
        depth: usize,
    ) -> Scope<'a> {
        self.calls += 1;
        let Some(procedure) = template.procedure(place) else { return scope };
        if depth >= MOST_CALLS.0 || self.calls >= MOST_CALLS.1 {
            if template.may_change_cell(&procedure.body) {
                self.cell.set_strange(Strange::Sections, Statement { procedure: place, byte: procedure.start() });
            }
            return scope;
        }
        procedure.locals().for_each(|name| scope.declare(name));
        Here::new(self, template, procedure, place, depth, scope).run()
    }

    /// Notes what is not followed, once a statement.
    pub fn note(&mut self, kind: NoteKind, at: Statement) {
        if !self.notes.contains(&(kind, at)) {
            self.notes.push((kind, at));
        }
    }

    /// The first statement of a kind that is not followed.
    pub fn first_note(&self, kind: NoteKind) -> Option<Statement> {
        self.notes.iter().find(|note| note.0 == kind).map(|note| note.1)
    }

    /// Whether a stub's diameter is set.
    pub fn sets_diameters(&self) -> bool {
        self.cell.stubs.iter().any(|made| made.diameters.is_some())
    }

    /// Whether the stubs' segments have, in order, what the procedure has collected in a vector, and myelin the last of it.
    pub fn takes_elements(&self) -> bool {
        let diameters = |is_myelin: bool| {
            let made = self.cell.stubs.iter().filter(move |made| (made.kind == Kind::Myelin) == is_myelin);
            made.filter_map(|made| made.diameters.as_ref()).flatten()
        };
        let n = diameters(false).count() as u32;
        let is_in_order = diameters(false).zip(0..n).all(|(diameter, i)| *diameter == Diameter::Element(i));
        is_in_order
            && diameters(true).all(|diameter| n.checked_sub(1).map(Diameter::Element).as_ref() == Some(diameter))
    }

    /// The variables whose values the two stubs have, if they have one segment each.
    pub fn variables(&self) -> Option<[&str; 2]> {
        let [first, second] = self.cell.stubs.as_slice() else { return None };
        match (first.diameters.as_deref(), second.diameters.as_deref()) {
            (Some([Diameter::Variable(first)]), Some([Diameter::Variable(second)])) => Some([first, second]),
            _ => None,
        }
    }

    /// The diameters of all segments of the stubs of a form, where all of them are known to be above 0.
    pub fn diameters(&self, form: AxonForm) -> Option<Vec<f64>> {
        let mut all = Vec::new();
        for (made, stub) in self.cell.stubs.iter().zip(form.stubs()) {
            let own: Option<Vec<f64>> = made.diameters.as_ref()?.iter().map(Diameter::known).collect();
            let mut own = own.filter(|own| own.iter().all(|&d| d > 0.0 && d.is_finite()))?;
            if let [only] = own.as_slice() {
                // set before the section was cut
                own = vec![*only; stub.segments as usize];
            }
            if own.len() != stub.segments as usize {
                return None;
            }
            all.append(&mut own);
        }
        Some(all)
    }

    /// How the procedure that replaces the axon reads the original's diameters.
    pub fn reading(&self, template: &Template<'_>) -> Reading {
        let procedure = self.cell.replaced_in.and_then(|place| template.procedure(place));
        procedure.map(|procedure| Reading::of(&procedure.body)).unwrap_or_default()
    }

    /// Refuses lengths that are not those of the morphology, and functions that change the cell.
    pub fn check(&self, template: &Template<'_>) -> Result<()> {
        let (problem, at): (fn(String) -> TemplateProblem, _) = match self.cell.strange {
            Some((Strange::Length, at)) => (TemplateProblem::Length, at),
            Some((Strange::Function, at)) => (TemplateProblem::Function, at),
            Some((Strange::Sections, _)) | None => return Ok(()),
        };
        Err(template.error(at.procedure, Some(at), problem))
    }

    /// The chunk length, um.
    pub fn chunk(&self, template: &Template<'_>) -> Result<f64> {
        match (self.cell.chunk, self.cell.axon_cut) {
            (Some((None, at)), _) => Err(template.error(at.procedure, Some(at), TemplateProblem::Chunk)),
            // a kept axon with segments of its own
            (_, Some(at)) if self.cell.replaced_in.is_none() => {
                Err(template.error(at.procedure, Some(at), TemplateProblem::Chunk))
            }
            (Some((Some(chunk), _)), _) => Ok(chunk),
            (None, _) => Err(template.error(template.find("init").unwrap_or_default(), None, TemplateProblem::Chunk)),
        }
    }

    /// What becomes of the axon, and how many sections it must have.
    pub fn axon(&self, template: &Template<'_>) -> Result<(AxonForm, usize)> {
        let sections = self.cell.strange.map(|(_, at)| at).or(self.cell.unsure_deletion);
        if let Some(at) = sections {
            return Err(template.error(at.procedure, Some(at), TemplateProblem::Axon));
        }
        let Some(place) = self.cell.replaced_in else { return Ok((AxonForm::Keep, 0)) };
        let reading = self.reading(template);
        // `delete_axon` of 2015 takes a diameter far from the soma only where there is one
        let is_optimiser = reading.reads_along || reading.takes_last_visited;
        let found = self.form(is_optimiser || reads_before(template, place));
        // what is done to the stubs later and elsewhere
        let late = || self.cell.stubs.iter().filter_map(|made| made.set_at).find(|at| at.procedure != place);
        let form = found.ok_or_else(|| match late() {
            Some(at) => template.error(at.procedure, Some(at), TemplateProblem::Axon),
            None => template.error(place, None, TemplateProblem::Axon),
        })?;
        Ok((form, self.cell.refused_below.max(2)))
    }

    fn form(&self, reads_diameters: bool) -> Option<AxonForm> {
        let measure = |made: &Made| Some((made.kind, made.length.known(None)?, made.segments.known(Some(1.0))?));
        let made: Vec<_> = self.cell.stubs.iter().map(measure).collect::<Option<_>>()?;
        let kinds = [Kind::Axon(0), Kind::Axon(1), Kind::Myelin];
        let is = |form: &AxonForm| {
            let stubs = form.stubs().iter().zip(kinds).map(|(s, kind)| (kind, s.length_um, f64::from(s.segments)));
            form.replaces() && stubs.eq(made.iter().copied())
        };
        let form = AxonForm::ALL.into_iter().find(is)?;
        Some(if form == AxonForm::BluePyOpt && !reads_diameters { AxonForm::Delete } else { form })
    }
}

/// Whether a procedure reads diameters of the original axon without a loop over it.
fn reads_before(template: &Template<'_>, place: usize) -> bool {
    let Some(procedure) = template.procedure(place) else { return false };
    let deleted = procedure.body.iter().position(|(token, _)| *token == Token::Word("delete_section"));
    let before = procedure.body.get(..deleted.unwrap_or(0)).unwrap_or_default();
    let has = |word| before.iter().any(|(token, _)| *token == Token::Word(word));
    has("diam") && !has("forsec")
}
