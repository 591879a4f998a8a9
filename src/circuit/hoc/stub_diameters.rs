//! Diameters that a template gives to the stubs that replace the axon.

use std::sync::Arc;

use super::CHUNK_UM;
use super::axon_replacement::AxonReplacement;
use super::init_trace::InitTrace;
use super::procedure::HocTemplate;
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
    /// Adds these diameters to a digest of inputs.
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
