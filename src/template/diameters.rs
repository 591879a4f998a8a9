//! The diameters that a template gives to the stubs in an axon's place.

use std::sync::Arc;

use super::CHUNK_UM;
use super::form::AxonForm;
use super::lexer::{Placed, Token};
use super::procedure::{Template, closing};
use super::walk::Walk;

/// The diameters of the stubs.
#[derive(Debug, Clone, PartialEq)]
pub enum StubDiameters {
    /// Taken from the original axon, as the form does it; its sections are cut by this chunk length, um.
    FromAxon(f64),
    /// The template's own.
    Own {
        /// The diameters for any scale.
        diameters: Arc<OwnDiameters>,
        /// The neuron's scale.
        scale: f64,
    },
    /// The template sets none: the simulator's default, which stands for nothing.
    Unset,
}

impl Default for StubDiameters {
    fn default() -> Self {
        Self::FromAxon(CHUNK_UM)
    }
}

/// Diameters that a template computes from its own constants, and perhaps from a scale that each neuron has.
#[derive(Debug, Clone, PartialEq)]
pub struct OwnDiameters {
    /// Each segment's diameter at scale 0, um: of the first stub, the second, myelin.
    at_zero: Vec<f64>,
    /// How much it grows with a scale of 1, um.
    per_scale: Vec<f64>,
    /// The attribute of the nodes that holds the scale, e.g. `AIS_scaler`; 1 where a node has none.
    pub attribute: Option<String>,
}

impl OwnDiameters {
    /// The radii of all segments of the stubs, um.
    pub fn radii(&self, scale: f64) -> impl Iterator<Item = f64> {
        self.at_zero.iter().zip(&self.per_scale).map(move |(zero, more)| (zero + scale * more) / 2.0)
    }
}

/// The fourth argument of `init`: gid, folder and name of the morphology come first, then the attributes that a
/// template asks for.
fn with_scale(scale: f64) -> [Option<f64>; 4] {
    [None, None, None, Some(scale)]
}

/// The diameters of the stubs of a template.
pub(super) fn stub_diameters(
    text: &str,
    name: &str,
    template: &Template<'_>,
    walk: &Walk,
    axon: AxonForm,
    chunk_um: f64,
) -> StubDiameters {
    if !axon.replaces() || !walk.sets_diameters() {
        return StubDiameters::Unset;
    }
    let own = |diameters| StubDiameters::Own { diameters: Arc::new(diameters), scale: 1.0 };
    if let Some(at_zero) = walk.diameters(axon) {
        let per_scale = vec![0.0; at_zero.len()];
        return own(OwnDiameters { at_zero, per_scale, attribute: None });
    }
    let scaled = |scale| Walk::with_arguments(template, &with_scale(scale)).ok()?.diameters(axon);
    if let (Some(at_zero), Some(at_one), Some(at_two)) = (scaled(0.0), scaled(1.0), scaled(2.0)) {
        let per_scale: Vec<f64> = at_one.iter().zip(&at_zero).map(|(one, zero)| one - zero).collect();
        let is_straight = at_two
            .iter()
            .zip(&at_zero)
            .zip(&per_scale)
            .all(|((two, zero), more)| (two - (zero + 2.0 * more)).abs() <= 1e-12 * two.abs());
        if is_straight {
            return own(OwnDiameters { at_zero, per_scale, attribute: needed_attribute(text, name) });
        }
    }
    let known = match axon {
        AxonForm::Taper | AxonForm::Legacy => walk.reading(template).reads_along,
        AxonForm::BluePyOpt | AxonForm::Delete => walk.reading(template).reads_middle,
        AxonForm::DeleteFine | AxonForm::Keep => false,
    };
    if known { StubDiameters::FromAxon(chunk_um) } else { StubDiameters::Unset }
}

/// The first attribute that a template asks for: `NAME_NeededAttributes = "AIS_scaler"`, beside the template.
fn needed_attribute(text: &str, name: &str) -> Option<String> {
    let key = format!("{name}_NeededAttributes");
    let after = text.match_indices(&key).filter_map(|(at, _)| text.get(at + key.len()..));
    let mut values = after.filter_map(|rest| rest.trim_start().strip_prefix('=')?.trim_start().strip_prefix('"'));
    let list = values.next()?.split('"').next()?;
    list.split([',', ';', ' ']).map(str::trim).find(|word| !word.is_empty()).map(str::to_string)
}

/// How a procedure reads the diameters of the original axon before it deletes it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Reading {
    /// `diam` alone: that in the middle of a section.
    pub reads_middle: bool,
    /// `diam(x)`: those of all segments.
    pub reads_along: bool,
    /// Whether the second stub has that of the last section that was visited, and not only of one that is far enough.
    pub takes_last_visited: bool,
}

impl Reading {
    /// Reads it from a procedure's statements.
    pub fn of(body: &[Placed<'_>]) -> Self {
        let is = |at: usize, token: Token<'_>| body.get(at).is_some_and(|(found, _)| *found == token);
        let deleted = (0..body.len()).find(|&at| is(at, Token::Word("delete_section"))).unwrap_or(0);
        let assigned = |at: usize| match is(at + 1, Token::Mark("(")) {
            true => closing(body, at + 1).is_some_and(|close| is(close + 1, Token::Mark("="))),
            false => is(at + 1, Token::Mark("=")),
        };
        let reads = |at: &usize| is(*at, Token::Word("diam")) && !assigned(*at);
        let read: Vec<usize> = (0..deleted).filter(reads).collect();
        let middle = |at: &usize| !is(at + 1, Token::Mark("("));
        // in the loop over the axon, and in no condition there
        let loops = (0..deleted).filter(|&at| is(at, Token::Word("forsec")));
        let mut blocks = loops.filter_map(|at| {
            let open = (at..deleted).find(|&i| is(i, Token::Mark("{")))?;
            Some((open, closing(body, open)?))
        });
        let depth = |from: usize, to: usize| {
            let marks = body.get(from..to).unwrap_or_default().iter();
            marks.fold(0_i32, |depth, (token, _)| match token {
                Token::Mark("{") => depth + 1,
                Token::Mark("}") => depth - 1,
                _ => depth,
            })
        };
        let takes_last_visited = blocks.any(|(open, close)| {
            read.iter().filter(|at| middle(at)).any(|&at| (open..close).contains(&at) && depth(open, at) == 1)
        });
        Self {
            reads_middle: read.iter().any(&middle),
            reads_along: read.iter().any(|at| !middle(at)),
            takes_last_visited,
        }
    }
}
