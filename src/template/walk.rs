//! Follows `init` through the procedures that it calls and notes what becomes of segments and axon.
//!
//! Where a condition is known, or how often a loop is run, it is followed as the simulator would do it; else both ways are
//! taken, and loops are run once. What decides is written plainly in all forms that are known, and whatever else is done
//! to lengths, segments or axon, or to a value in several ways, makes the form an unknown one.

use super::TemplateProblem;
use super::diameters::Reading;
use super::expression::{NUMBER_OF_ARGUMENTS, Scope};
use super::form::AxonForm;
use super::lexer::Token;
use super::procedure::Template;
use super::statement::Here;
use crate::error::Result;

/// What `init` does.
#[derive(Debug, Default)]
pub(super) struct Walk {
    /// The chunk length where all sections get their segments, none where another formula gives them; and where.
    pub chunk: Option<(Option<f64>, usize)>,
    /// The procedure in which the axon is deleted or made anew.
    pub replaced_in: Option<usize>,
    /// The sections in its place.
    pub stubs: Vec<Made>,
    /// Whether something was done that no known form does.
    pub is_strange: bool,
    /// An axon of fewer sections is refused.
    pub refused_below: usize,
    /// Whether all sections, stubs too, were cut by the chunk after the stubs were made.
    pub cut_after: bool,
    /// Calls that were followed.
    calls: usize,
}

/// What a section's property was set to.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) enum Property {
    /// It has not been set.
    #[default]
    Default,
    /// To this; none where the value is not known, or where it was set to several.
    To(Option<f64>),
}

impl Property {
    /// Sets it; where that may not happen it is not known afterwards, unless it had this value.
    pub fn set(&mut self, value: Option<f64>, is_uncertain: bool) {
        *self = match *self {
            Self::To(before) if is_uncertain && before != value => Self::To(None),
            _ => Self::To(value),
        };
    }

    /// Its value, where that is known.
    pub fn known(self, default: Option<f64>) -> Option<f64> {
        match self {
            Self::Default => default,
            Self::To(value) => value,
        }
    }
}

/// A section that a procedure creates.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Made {
    pub kind: Kind,
    pub length: Property,
    pub segments: Property,
    /// The diameter of each segment, um, as far as it is known; none where it was not set.
    pub diameters: Option<Vec<Option<f64>>>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Kind {
    Axon(usize),
    Myelin,
}

/// The sections that a statement is about.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Target {
    /// All of the cell.
    Every,
    /// A piece of the axon; none for each of them.
    Axon(Option<usize>),
    Myelin,
    Other,
}

/// Calls that are followed into each other, and in all.
const MOST_CALLS: (usize, usize) = (16, 1000);

impl Walk {
    /// Starts with `init`.
    ///
    /// # Errors
    /// There is no `init`.
    pub fn from_init(template: &Template<'_>) -> Result<Self> {
        Self::with_arguments(template, &[])
    }

    /// Starts with `init` and the values of its arguments.
    ///
    /// # Errors
    /// There is no `init`.
    pub fn with_arguments(template: &Template<'_>, arguments: &[Option<f64>]) -> Result<Self> {
        let Some(init) = template.find("init") else {
            return Err(TemplateProblem::NoInit(template.names()).into());
        };
        let mut walk = Self::default();
        walk.follow(template, init, arguments, 0);
        Ok(walk)
    }

    /// Whether a stub's diameter is set.
    pub fn sets_diameters(&self) -> bool {
        self.stubs.iter().any(|made| made.diameters.is_some())
    }

    /// The diameters of all segments of the stubs of a form, where all of them are known to be above 0.
    pub fn diameters(&self, form: AxonForm) -> Option<Vec<f64>> {
        let mut all = Vec::new();
        for (made, stub) in self.stubs.iter().zip(form.stubs()) {
            let own: Option<Vec<f64>> = made.diameters.as_ref()?.iter().copied().collect();
            let mut own = own.filter(|own| own.iter().all(|&d| d > 0.0 && d.is_finite()))?;
            if let ([only], true) = (own.as_slice(), self.cut_after || stub.segments > 1) {
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
        let procedure = self.replaced_in.and_then(|place| template.procedure(place));
        procedure.map(|procedure| Reading::of(&procedure.body)).unwrap_or_default()
    }

    /// The chunk length, um.
    pub fn chunk(&self, template: &Template<'_>) -> Result<f64> {
        match self.chunk {
            Some((Some(chunk), _)) => Ok(chunk),
            Some((None, place)) => Err(template.error(place, TemplateProblem::Chunk)),
            None => Err(template.error(template.find("init").unwrap_or_default(), TemplateProblem::Chunk)),
        }
    }

    /// What becomes of the axon, and how many sections it must have.
    pub fn axon(&self, template: &Template<'_>, chunk_um: f64) -> Result<(AxonForm, usize)> {
        let Some(place) = self.replaced_in else { return Ok((AxonForm::Keep, 0)) };
        let reading = self.reading(template);
        // `delete_axon` of 2015 takes a diameter far from the soma only where there is one
        let is_optimiser = reading.reads_along || reading.takes_last_visited;
        let found = self.form(chunk_um, is_optimiser || reads_before(template, place));
        let form = found.ok_or_else(|| template.error(place, TemplateProblem::Axon))?;
        Ok((form, self.refused_below.max(2)))
    }

    fn form(&self, chunk_um: f64, reads_diameters: bool) -> Option<AxonForm> {
        let cut = |length: f64| Some(1.0 + 2.0 * (length / chunk_um).trunc());
        let measure = |made: &Made| {
            let length = made.length.known(None)?;
            let segments = if self.cut_after { cut(length) } else { made.segments.known(Some(1.0)) };
            Some((made.kind, length, segments?))
        };
        let made: Vec<_> = self.stubs.iter().map(measure).collect::<Option<_>>()?;
        let kinds = [Kind::Axon(0), Kind::Axon(1), Kind::Myelin];
        let is = |form: &AxonForm| {
            let stubs = form.stubs().iter().zip(kinds).map(|(s, kind)| (kind, s.length_um, f64::from(s.segments)));
            form.replaces() && stubs.eq(made.iter().copied())
        };
        let form = AxonForm::ALL.into_iter().find(is).filter(|_| !self.is_strange)?;
        Some(if form == AxonForm::BluePyOpt && !reads_diameters { AxonForm::Delete } else { form })
    }

    /// Follows a procedure with the values of its arguments.
    pub fn follow(&mut self, template: &Template<'_>, place: usize, arguments: &[Option<f64>], depth: usize) {
        const NAMES: [&str; 9] = ["$1", "$2", "$3", "$4", "$5", "$6", "$7", "$8", "$9"];
        self.calls += 1;
        let may_follow = depth < MOST_CALLS.0 && self.calls < MOST_CALLS.1;
        let Some(procedure) = template.procedure(place).filter(|_| may_follow) else { return };
        let mut scope = Scope::default();
        // how `init` is called no template tells
        scope.set(NUMBER_OF_ARGUMENTS, (depth > 0).then_some(arguments.len() as f64));
        NAMES.iter().zip(arguments).for_each(|(name, &value)| scope.set(name, value));
        Here::new(self, template, procedure, place, depth, scope).run();
    }

    /// Gives a property to stubs that were made; none where the target is none of them.
    pub fn stubs_of(&mut self, target: Target) -> impl Iterator<Item = &mut Made> {
        self.stubs.iter_mut().filter(move |made| match (target, made.kind) {
            (Target::Every, _) | (Target::Axon(None), Kind::Axon(_)) | (Target::Myelin, Kind::Myelin) => true,
            (Target::Axon(Some(i)), Kind::Axon(j)) => i == j,
            _ => false,
        })
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
