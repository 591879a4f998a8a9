//! Radii of the stubs, as the template of a neuron sets them.
//!
//! - Templates with ten stub segments take the diameters of the first ten segments of the original axon
//!   ([`sample_axon_radii`]).
//! - BluePyOpt's `replace_axon` and the `delete_axon` of 2015 take two diameters: D1 in the middle of the first axon
//!   section, for the first stub; D2, for the second stub, in the middle of the first section whose middle is more than
//!   60 µm from the soma's start. If there is no such section, BluePyOpt takes the diameter of the last section, and
//!   `delete_axon` takes D1.
//! - Other templates compute diameters themselves.

use super::discretise::segments_of_length;
use super::neuron_placer::NeuronPlan;
use super::sampled_radii::{mean_segment_diameters, sample_axon_radii};
use crate::circuit::hoc::{AxonReplacement, CHUNK_UM, SAMPLING_CHUNK_UM, StubDiameters};
use crate::morphology::{Morphology, Section, SomaForm};
use crate::segments::SectionType;

/// Distance from the soma's start beyond which the second stub's diameter is taken, µm.
const MIN_DISTANT_SECTION_UM: f64 = 60.0;

/// Returns the radii of the stubs' segments, µm: first stub, second stub, perhaps myelin; empty if they are unknown.
pub(super) fn stub_segment_radii(
    morphology: &Morphology,
    plan: &NeuronPlan,
    form: Option<AxonReplacement>,
) -> Vec<f32> {
    match &plan.stub_diameters {
        StubDiameters::FromTemplate { diameters, scale } => {
            diameters.radii_um(*scale).map(|radius| radius as f32).collect()
        }
        StubDiameters::Unset => Vec::new(),
        StubDiameters::FromAxon(chunk_um) => match plan.axon_replacement().or(form) {
            Some(AxonReplacement::BluePyOpt) => first_and_distant_radii(morphology, chunk_um.unwrap_or(CHUNK_UM), true),
            Some(AxonReplacement::Delete) => first_and_distant_radii(morphology, chunk_um.unwrap_or(CHUNK_UM), false),
            form => {
                let wanted = form.map_or(0, AxonReplacement::sampled_diameter_count);
                sample_axon_radii(morphology, wanted, chunk_um.unwrap_or(SAMPLING_CHUNK_UM))
            }
        },
    }
}

/// Returns the radius in the middle of the first axon section, and in the middle of the first that is far enough; if
/// there is none, in the middle of the last (`else_last`) or of the first.
fn first_and_distant_radii(morphology: &Morphology, chunk_um: f64, else_last: bool) -> Vec<f32> {
    let is_axon = |&i: &usize| morphology.sections.get(i).is_some_and(|s| s.kind == SectionType::Axon);
    let axon: Vec<usize> = (0..morphology.sections.len()).filter(is_axon).collect();
    let (Some(&first), Some(&last)) = (axon.first(), axon.last()) else { return Vec::new() };
    let far = axon.iter().copied().find(|&i| path_length_to_middle(morphology, i) > MIN_DISTANT_SECTION_UM);
    let second = far.unwrap_or(if else_last { last } else { first });
    let middle = |i: usize| morphology.sections.get(i).map(|s| (middle_diameter(s, chunk_um) / 2.0) as f32);
    [first, second].into_iter().filter_map(middle).collect()
}

/// Returns the diameter, µm, of the middle segment of a section that is cut by a chunk length, µm.
fn middle_diameter(section: &Section, chunk_um: f64) -> f64 {
    let n = segments_of_length(section.length_um(), chunk_um) as usize;
    mean_segment_diameters(section, chunk_um).get(n / 2).copied().unwrap_or_default()
}

/// Returns the path length from the soma's start to the middle of a section, µm.
fn path_length_to_middle(morphology: &Morphology, place: usize) -> f64 {
    let section = |i: usize| morphology.sections.get(i);
    let Some(section_here) = section(place) else { return 0.0 };
    let above: Vec<&Section> =
        std::iter::successors(section_here.parent.and_then(section), |s| s.parent.and_then(section)).collect();
    let root = above.last().copied().unwrap_or(section_here);
    let soma_length = morphology.soma.section_lengths_um().first().copied().unwrap_or(0.0);
    let to_root = soma_length * fraction_along_soma(morphology, root);
    to_root + above.iter().map(|s| s.length_um()).sum::<f64>() + section_here.length_um() / 2.0
}

/// Returns where a neurite connects to the soma's section, as a fraction of its length: 0 or 1 at an end of a chain of
/// cylinders, otherwise 0.5.
fn fraction_along_soma(morphology: &Morphology, root: &Section) -> f64 {
    let soma = &morphology.soma;
    let starts = |at: Option<&[f32; 3]>| at.is_some() && root.points.first() == at;
    match soma.form {
        SomaForm::Cylinders if starts(soma.points.first()) => 0.0,
        SomaForm::Cylinders if starts(soma.points.last()) => 1.0,
        _ => 0.5,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::morphology::Soma;

    fn morphology(axon: &[(f32, f32)]) -> Morphology {
        let mut x = 10.0;
        let mut sections: Vec<Section> = Vec::new();
        for (i, &(length, diameter)) in axon.iter().enumerate() {
            sections.push(Section {
                kind: SectionType::Axon,
                parent: i.checked_sub(1),
                points: vec![[x, 0.0, 0.0], [x + length, 0.0, 0.0]],
                diameters_um: vec![diameter; 2],
                starts_at_soma: false,
            });
            x += length;
        }
        let soma = Soma { points: vec![[0.0; 3]], diameters_um: vec![20.0], form: SomaForm::Point, ..Soma::default() };
        Morphology { soma, sections, ..Morphology::default() }
    }

    #[test]
    fn the_second_stub_has_the_diameter_of_the_first_section_that_is_far_enough() {
        // middles 10 + 15, 10 + 30 + 10, 10 + 50 + 20 = 80 µm from the soma's start
        let long = morphology(&[(30.0, 2.0), (20.0, 4.0), (40.0, 6.0), (40.0, 8.0)]);
        let short = morphology(&[(30.0, 2.0), (20.0, 4.0)]);
        assert_eq!(first_and_distant_radii(&long, 40.0, true), [1.0, 3.0]);
        assert_eq!(first_and_distant_radii(&long, 40.0, false), [1.0, 3.0]);
        assert_eq!(first_and_distant_radii(&short, 40.0, true), [1.0, 2.0]);
        assert_eq!(first_and_distant_radii(&short, 40.0, false), [1.0, 1.0]);
        assert!(first_and_distant_radii(&Morphology::default(), 40.0, true).is_empty());
    }
}
