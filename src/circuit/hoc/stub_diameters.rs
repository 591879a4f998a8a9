//! The diameters that a template gives to the stubs in an axon's place.

use std::sync::Arc;

use super::CHUNK_UM;
use super::axon_replacement::AxonReplacement;
use super::init_trace::InitTrace;
use super::lexer::{HocToken, PlacedToken};
use super::procedure::{HocTemplate, closing_bracket};
use crate::io::digest::Digest;

/// The diameters of the stubs.
#[derive(Debug, Clone, PartialEq)]
pub enum StubDiameters {
    /// Taken from the original axon, as the form does it; its sections are cut by this chunk length, um, infinite where each has
    /// one segment, and none where the form's usual one cuts them.
    FromAxon(Option<f64>),
    /// The template's own.
    FromTemplate {
        /// The diameters for any scale.
        diameters: Arc<TemplateDiameters>,
        /// The neuron's scale.
        scale: f64,
    },
    /// The template sets none: the simulator's default, which stands for nothing.
    Unset,
}

impl StubDiameters {
    /// Adds them to a digest of inputs.
    pub(crate) fn add_to(&self, digest: &mut Digest) {
        match self {
            Self::FromAxon(chunk_um) => {
                digest.add_u64(0);
                digest.add_option(*chunk_um, Digest::add_f64);
            }
            Self::FromTemplate { diameters, scale } => {
                let TemplateDiameters { at_scale_zero_um, per_scale_um, scale_attribute } = &**diameters;
                digest.add_u64(1);
                digest.add_f64s(at_scale_zero_um);
                digest.add_f64s(per_scale_um);
                digest.add_option(scale_attribute.as_deref(), Digest::add_text);
                digest.add_f64(*scale);
            }
            Self::Unset => digest.add_u64(2),
        }
    }
}

impl Default for StubDiameters {
    fn default() -> Self {
        Self::FromAxon(None)
    }
}

/// Diameters that a template computes from its own constants, and perhaps from a scale that each neuron has.
#[derive(Debug, Clone, PartialEq)]
pub struct TemplateDiameters {
    /// Each segment's diameter at scale 0, um: of the first stub, the second, myelin.
    at_scale_zero_um: Vec<f64>,
    /// How much it grows with a scale of 1, um.
    per_scale_um: Vec<f64>,
    /// The attribute of the nodes that holds the scale, e.g. `AIS_scaler`; 1 where a node has none.
    pub scale_attribute: Option<String>,
}

impl TemplateDiameters {
    /// The radii of all segments of the stubs, um.
    pub fn radii_um(&self, scale: f64) -> impl Iterator<Item = f64> {
        self.at_scale_zero_um.iter().zip(&self.per_scale_um).map(move |(zero, more)| (zero + scale * more) / 2.0)
    }
}

/// The values of `init`'s arguments, as neurodamus gives them: gid, folder and name of the morphology, then the attributes that
/// the template asks for, else whether the axon is kept, which is 0.
pub(super) fn init_arguments(attributes: &[String], scale: Option<f64>) -> Vec<Option<f64>> {
    let first = if attributes.is_empty() { Some(0.0) } else { scale };
    let others = attributes.iter().skip(1).map(|_| None);
    [None, None, None, first].into_iter().chain(others).collect()
}

/// The diameters of the stubs of a template.
pub(super) fn find_stub_diameters(
    template: &HocTemplate<'_>,
    attributes: &[String],
    walk: &InitTrace,
    axon: AxonReplacement,
) -> StubDiameters {
    if !axon.replaces_axon() || !walk.sets_diameters() {
        return StubDiameters::Unset;
    }
    let own = |diameters| StubDiameters::FromTemplate { diameters: Arc::new(diameters), scale: 1.0 };
    if let Some(at_zero) = walk.stub_diameters(axon) {
        let per_scale = vec![0.0; at_zero.len()];
        return own(TemplateDiameters { at_scale_zero_um: at_zero, per_scale_um: per_scale, scale_attribute: None });
    }
    let scaled = |scale| {
        let attributes = Some(attributes).filter(|attributes| !attributes.is_empty())?;
        InitTrace::from_init(template, &init_arguments(attributes, Some(scale)), walk.given_chunk_um)
            .ok()?
            .stub_diameters(axon)
    };
    if let (Some(at_zero), Some(at_one), Some(at_two)) = (scaled(0.0), scaled(1.0), scaled(2.0)) {
        let per_scale: Vec<f64> = at_one.iter().zip(&at_zero).map(|(one, zero)| one - zero).collect();
        let is_straight = at_two
            .iter()
            .zip(&at_zero)
            .zip(&per_scale)
            .all(|((two, zero), more)| (two - (zero + 2.0 * more)).abs() <= 1e-12 * two.abs());
        if is_straight {
            return own(TemplateDiameters {
                at_scale_zero_um: at_zero,
                per_scale_um: per_scale,
                scale_attribute: attributes.first().cloned(),
            });
        }
    }
    find_sampling_chunk(template, walk, axon).map_or(StubDiameters::Unset, StubDiameters::FromAxon)
}

/// The chunk length that cuts the original axon where its diameters are read, if the stubs take them as the form does.
fn find_sampling_chunk(template: &HocTemplate<'_>, walk: &InitTrace, axon: AxonReplacement) -> Option<Option<f64>> {
    let reading = walk.axon_diameter_use(template);
    let is_far = |name: &str| reading.distant_variables.iter().any(|far| far == name);
    let (is_read, usual_um) = match axon {
        AxonReplacement::Taper | AxonReplacement::Legacy => {
            (reading.reads_along && walk.takes_vector_elements(), SAMPLING_CHUNK_UM)
        }
        AxonReplacement::BluePyOpt | AxonReplacement::Delete => {
            let takes = walk.stub_variables().is_some_and(|[first, second]| !is_far(first) && is_far(second));
            (reading.reads_middle && reading.reads_distant && takes, CHUNK_UM)
        }
        AxonReplacement::DeleteFine | AxonReplacement::Keep => (false, CHUNK_UM),
    };
    let chunk_um = walk.cell.axon_chunk_um.filter(|_| is_read && reading.is_unmodified)?;
    Some(Some(chunk_um).filter(|&um| um != usual_um))
}

/// Chunk length by which templates with ten stub segments cut the original axon, um: twice the length of a stub's segment.
pub const SAMPLING_CHUNK_UM: f64 = 12.0;

/// The attributes that a template asks for: `NAME_NeededAttributes = "AIS_scaler"`, beside the template.
pub(super) fn parse_needed_attributes(text: &str, name: &str) -> Vec<String> {
    let key = format!("{name}_NeededAttributes");
    let after = text.match_indices(&key).filter_map(|(at, _)| text.get(at + key.len()..));
    let mut values = after.filter_map(|rest| rest.trim_start().strip_prefix('=')?.trim_start().strip_prefix('"'));
    let list = values.next().and_then(|rest| rest.split('"').next()).unwrap_or_default();
    list.split([',', ';', ' ']).map(str::trim).filter(|word| !word.is_empty()).map(str::to_string).collect()
}

/// How a procedure reads the diameters of the original axon before it deletes it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct AxonDiameterUse {
    /// `diam` alone: that in the middle of a section.
    pub reads_middle: bool,
    /// `diam(x)`: those of all segments.
    pub reads_along: bool,
    /// Whether the second stub has that of the last section that was visited, and not only of one that is far enough.
    pub takes_last_visited: bool,
    /// Whether the middle of a section more than 60 um from the soma decides.
    pub reads_distant: bool,
    /// The variables that take a diameter in a loop over sections.
    pub distant_variables: Vec<String>,
    /// Whether diameters are taken as they are, not computed with.
    pub is_unmodified: bool,
}

impl AxonDiameterUse {
    /// Reads it from a procedure's statements.
    pub fn from_body(body: &[PlacedToken<'_>]) -> Self {
        let is = |at: usize, token: HocToken<'_>| body.get(at).is_some_and(|(found, _)| *found == token);
        let deleted = (0..body.len()).find(|&at| is(at, HocToken::Word("delete_section"))).unwrap_or(0);
        let assigned = |at: usize| match is(at + 1, HocToken::Mark("(")) {
            true => closing_bracket(body, at + 1).is_some_and(|close| is(close + 1, HocToken::Mark("="))),
            false => is(at + 1, HocToken::Mark("=")),
        };
        let reads = |at: &usize| is(*at, HocToken::Word("diam")) && !assigned(*at);
        let read: Vec<usize> = (0..deleted).filter(reads).collect();
        let middle = |at: &usize| !is(at + 1, HocToken::Mark("("));
        let is_operator = |at: usize| ["+", "-", "*", "/", "^", "%"].iter().any(|mark| is(at, HocToken::Mark(mark)));
        let after = |at: usize| match is(at + 1, HocToken::Mark("(")) {
            true => closing_bracket(body, at + 1).map_or(at + 1, |close| close + 1),
            false => at + 1,
        };
        let is_plain = read.iter().all(|&at| !is_operator(after(at)) && !at.checked_sub(1).is_some_and(is_operator));
        let has =
            |tokens: &[HocToken<'_>]| (0..deleted).any(|at| tokens.iter().zip(at..).all(|(&token, at)| is(at, token)));
        let reads_far =
            has(&[HocToken::Word("distance"), HocToken::Mark("("), HocToken::Number(0.5), HocToken::Mark(")")])
                && has(&[HocToken::Mark(">"), HocToken::Number(60.0)]);
        // in the loop over the axon, and in no condition there
        let loops = (0..deleted).filter(|&at| is(at, HocToken::Word("forsec")));
        let block = |at| {
            let open = (at..deleted).find(|&i| is(i, HocToken::Mark("{")))?;
            Some((open, closing_bracket(body, open)?))
        };
        let blocks: Vec<(usize, usize)> = loops.filter_map(block).collect();
        let taker = |&&at: &&usize| match body.get(at.checked_sub(2)?..at) {
            Some([(HocToken::Word(name), _), (HocToken::Mark("="), _)]) => Some((*name).to_string()),
            _ => None,
        };
        let is_looped = |at: &&usize| blocks.iter().any(|(open, close)| (open..close).contains(at));
        let far = read.iter().filter(is_looped).filter_map(|at| taker(&at)).collect();
        let depth = |from: usize, to: usize| {
            let marks = body.get(from..to).unwrap_or_default().iter();
            marks.fold(0_i32, |depth, (token, _)| match token {
                HocToken::Mark("{") => depth + 1,
                HocToken::Mark("}") => depth - 1,
                _ => depth,
            })
        };
        let takes_last_visited = blocks.iter().any(|&(open, close)| {
            read.iter().filter(|at| middle(at)).any(|&at| (open..close).contains(&at) && depth(open, at) == 1)
        });
        Self {
            reads_middle: read.iter().any(&middle),
            reads_along: read.iter().any(|at| !middle(at)),
            takes_last_visited,
            reads_distant: reads_far,
            distant_variables: far,
            is_unmodified: is_plain,
        }
    }
}
