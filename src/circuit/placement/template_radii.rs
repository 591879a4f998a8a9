//! Radii of the stubs, as the template of a neuron sets them.
//!
//! - Templates with ten stub segments take the diameters of the first ten segments of the original axon
//!   ([`sample_axon_radii`]).
//! - BluePyOpt's `replace_axon` and the `delete_axon` of 2015 take two diameters: D1 in the middle of the first axon
//!   section, for the first stub; D2, for the second stub, in the middle of the first section whose middle is more than
//!   60 µm from the soma's start. If there is no such section, BluePyOpt takes the diameter of the last section, and
//!   `delete_axon` takes D1.
//! - Other templates compute diameters themselves.
//!
//! Templates that replace the axon by ten segments visit its sections in order, cut each into `1 + 2 int(L / 12 µm)`
//! segments, or by another chunk length of the template, and collect diameters until they have ten. The stubs' segments
//! take them in order; myelin takes the last. As in NEURON, the diameter of a segment is the mean along it of the
//! linearly interpolated diameter; for a section of length 0, the mean diameter of its points.

use super::discretise::segments_of_length;
use super::neuron_plan::NeuronPlan;
use super::polyline::Polyline;
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

/// Returns the radii, µm, of the first `wanted` segments of the original axon, cut by a chunk length, µm; fewer if the
/// axon has fewer segments.
fn sample_axon_radii(morphology: &Morphology, wanted: usize, chunk_um: f64) -> Vec<f32> {
    let axon = morphology.sections.iter().filter(|s| s.kind == SectionType::Axon);
    let mut radii = Vec::with_capacity(wanted);
    for section in axon {
        if radii.len() >= wanted {
            break;
        }
        radii.extend(mean_segment_diameters(section, chunk_um).iter().map(|d| (d / 2.0) as f32));
    }
    radii.truncate(wanted);
    radii
}

/// Returns the mean diameters, µm, of the segments of a section that is cut by a chunk length, µm. The mean is over the
/// diameter; `equal_area_radius` of segmented sections averages the membrane area instead.
fn mean_segment_diameters(section: &Section, chunk_um: f64) -> Vec<f64> {
    let path = Polyline::from_points(section.wide_points());
    let diameters: Vec<f64> = section.diameters_um.iter().map(|&d| f64::from(d).abs()).collect();
    if path.length_um() == 0.0 {
        return vec![diameters.iter().sum::<f64>() / diameters.len().max(1) as f64];
    }
    let n = super::discretise::segments_of_length(path.length_um(), chunk_um);
    let until: Vec<f64> = (0..=n).map(|j| diameter_integral(&path, &diameters, f64::from(j) / f64::from(n))).collect();
    let length = path.length_um() / f64::from(n);
    until.windows(2).map(|w| (w[1] - w[0]) / length).collect()
}

/// Integrates the diameter along a path, from its start to a fraction of its length, µm².
fn diameter_integral(path: &Polyline, diameters: &[f64], part: f64) -> f64 {
    let to = path.length_um() * part;
    let steps = path.lengths_um.windows(2).zip(diameters.windows(2)).take_while(|(l, _)| l[0] < to);
    steps
        .map(|(l, d)| {
            let [d0, d1] = [d[0], d[1]];
            let end = l[1].min(to);
            let d_end = if l[1] > l[0] { d0 + (d1 - d0) * ((end - l[0]) / (l[1] - l[0])) } else { d1 };
            0.5 * (d0 + d_end) * (end - l[0])
        })
        .sum()
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

    #[test]
    fn diameters_are_means_along_the_segments_of_the_original_axon() {
        let section = |kind, xs: &[f32], diameters: &[f32]| Section {
            kind,
            parent: None,
            points: xs.iter().map(|&x| [x, 0.0, 0.0]).collect(),
            diameters_um: diameters.to_vec(),
            starts_at_soma: false,
        };
        // 9 µm: one segment, mean (3 * (2 + 4) / 2 + 6 * 4) / 9; 24 µm: five segments of 4.8 µm, from 4 down to 1.6 µm
        let sections = vec![
            section(SectionType::Axon, &[0.0, 3.0, 9.0], &[2.0, 4.0, 4.0]),
            section(SectionType::Dend, &[0.0, 3.0], &[9.0, 9.0]),
            section(SectionType::Axon, &[0.0, 24.0], &[4.0, 1.6]),
        ];
        let morphology = Morphology { sections, ..Morphology::default() };
        let expected = [33.0 / 9.0, 3.76, 3.28, 2.8, 2.32, 1.84].map(|d| d / 2.0);
        for wanted in [0, 3, 6, 10] {
            let found = sample_axon_radii(&morphology, wanted, 12.0);
            assert_eq!(found.len(), wanted.min(6));
            assert!(found.iter().zip(expected).all(|(&r, e)| (f64::from(r) - e).abs() < 1e-7), "{found:?}");
        }
    }
}
