//! Diameters that a template gives to the stubs that replace the axon.

use std::sync::Arc;

use super::CHUNK_UM;
use super::axon_replacement::AxonReplacement;
use super::init_trace::InitTrace;
use super::lexer::{HocToken, PlacedToken};
use super::procedure::{HocTemplate, closing_bracket};
use crate::io::digest::Digest;

/// Source of the stubs' diameters.
#[derive(Debug, Clone, PartialEq)]
pub enum StubDiameters {
    /// The original axon, as the form samples it. The chunk length, µm, cuts its sections: infinite if each section has
    /// one segment, `None` for the form's usual chunk length.
    FromAxon(Option<f64>),
    /// The template's own values.
    FromTemplate {
        /// The diameters for any scale.
        diameters: Arc<TemplateDiameters>,
        /// The scale of the neuron.
        scale: f64,
    },
    /// The template sets none; the simulator then uses its default, so the stubs have no known radius.
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

/// Diameters that a template computes from constants and perhaps from a scale of each neuron.
#[derive(Debug, Clone, PartialEq)]
pub struct TemplateDiameters {
    /// Diameter of each segment at scale 0, µm: first stub, second stub, myelin.
    at_scale_zero_um: Vec<f64>,
    /// Increase of each diameter per unit of scale, µm.
    per_scale_um: Vec<f64>,
    /// Node attribute with the scale, e.g. `AIS_scaler`; nodes without it have scale 1.
    pub scale_attribute: Option<String>,
}

impl TemplateDiameters {
    /// Returns the radii of all segments of the stubs, µm.
    pub fn radii_um(&self, scale: f64) -> impl Iterator<Item = f64> {
        self.at_scale_zero_um.iter().zip(&self.per_scale_um).map(move |(zero, more)| (zero + scale * more) / 2.0)
    }
}

/// Returns the values of `init`'s arguments, in neurodamus' order: gid, folder and name of the morphology, then the
/// attributes that the template needs; without such attributes, whether the axon is kept, which is 0.
pub(super) fn init_arguments(attributes: &[String], scale: Option<f64>) -> Vec<Option<f64>> {
    let first = if attributes.is_empty() { Some(0.0) } else { scale };
    let others = attributes.iter().skip(1).map(|_| None);
    [None, None, None, first].into_iter().chain(others).collect()
}

/// Finds the diameters of the stubs of a template.
pub(super) fn find_stub_diameters(
    template: &HocTemplate<'_>,
    attributes: &[String],
    trace: &InitTrace,
    axon: AxonReplacement,
) -> StubDiameters {
    if !axon.replaces_axon() || !trace.sets_diameters() {
        return StubDiameters::Unset;
    }
    let from_template = |diameters| StubDiameters::FromTemplate { diameters: Arc::new(diameters), scale: 1.0 };
    if let Some(at_zero) = trace.stub_diameters(axon) {
        let per_scale = vec![0.0; at_zero.len()];
        return from_template(TemplateDiameters {
            at_scale_zero_um: at_zero,
            per_scale_um: per_scale,
            scale_attribute: None,
        });
    }
    let scaled = |scale| {
        let attributes = Some(attributes).filter(|attributes| !attributes.is_empty())?;
        InitTrace::from_init(template, &init_arguments(attributes, Some(scale)), trace.given_chunk_um)
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
            return from_template(TemplateDiameters {
                at_scale_zero_um: at_zero,
                per_scale_um: per_scale,
                scale_attribute: attributes.first().cloned(),
            });
        }
    }
    find_sampling_chunk(template, trace, axon).map_or(StubDiameters::Unset, StubDiameters::FromAxon)
}

/// Returns the chunk length by which the original axon is cut when its diameters are read, if the stubs take them as
/// the form does.
fn find_sampling_chunk(template: &HocTemplate<'_>, trace: &InitTrace, axon: AxonReplacement) -> Option<Option<f64>> {
    let reading = trace.axon_diameter_use(template);
    let is_far = |name: &str| reading.distant_variables.iter().any(|far| far == name);
    let (is_read, usual_um) = match axon {
        AxonReplacement::Taper | AxonReplacement::Legacy => {
            (reading.reads_along && trace.takes_vector_elements(), SAMPLING_CHUNK_UM)
        }
        AxonReplacement::BluePyOpt | AxonReplacement::Delete => {
            let takes = trace.stub_variables().is_some_and(|[first, second]| !is_far(first) && is_far(second));
            (reading.reads_middle && reading.reads_distant && takes, CHUNK_UM)
        }
        AxonReplacement::DeleteFine | AxonReplacement::Keep => (false, CHUNK_UM),
    };
    let chunk_um = trace.cell.axon_chunk_um.filter(|_| is_read && reading.is_unmodified)?;
    Some(Some(chunk_um).filter(|&um| um != usual_um))
}

/// Chunk length by which templates with ten stub segments cut the original axon, µm: twice the length of a stub's
/// segment.
pub const SAMPLING_CHUNK_UM: f64 = 12.0;

/// Parses the attributes that a template needs: `NAME_NeededAttributes = "AIS_scaler"`, outside the template.
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
    /// Reads `diam`, the diameter in the middle of a section.
    pub reads_middle: bool,
    /// Reads `diam(x)`, the diameters of all segments.
    pub reads_along: bool,
    /// Whether the second stub takes the diameter of the last visited section, and not only that of a distant one.
    pub takes_last_visited: bool,
    /// Whether sections are selected by the distance of their middle from the soma, more than 60 µm.
    pub reads_distant: bool,
    /// The variables that take a diameter in a loop over sections.
    pub distant_variables: Vec<String>,
    /// Whether diameters are copied without arithmetic.
    pub is_unmodified: bool,
}

impl AxonDiameterUse {
    /// Analyses a procedure's statements.
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
        // reads in the loop over the axon, outside any condition in it
        let loops = (0..deleted).filter(|&at| is(at, HocToken::Word("forsec")));
        let block = |at| {
            let open = (at..deleted).find(|&i| is(i, HocToken::Mark("{")))?;
            Some((open, closing_bracket(body, open)?))
        };
        let blocks: Vec<(usize, usize)> = loops.filter_map(block).collect();
        let assigned_variable = |&&at: &&usize| match body.get(at.checked_sub(2)?..at) {
            Some([(HocToken::Word(name), _), (HocToken::Mark("="), _)]) => Some((*name).to_string()),
            _ => None,
        };
        let is_looped = |at: &&usize| blocks.iter().any(|(open, close)| (open..close).contains(at));
        let far = read.iter().filter(is_looped).filter_map(|at| assigned_variable(&at)).collect();
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
