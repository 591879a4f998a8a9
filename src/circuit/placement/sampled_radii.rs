//! Radii of the stubs that templates sample from the original axon.
//!
//! Templates that replace the axon by ten segments visit its sections in order, cut each into `1 + 2 int(L / 12 µm)`
//! segments, or by another chunk length of the template, and collect diameters until they have ten. The stubs' segments
//! take them in order; myelin takes the last. As in NEURON, the diameter of a segment is the mean along it of the
//! linearly interpolated diameter; for a section of length 0, the mean diameter of its points.

use super::polyline::Polyline;
use crate::morphology::{Morphology, Section};
use crate::segments::SectionType;

/// Returns the radii, µm, of the first `wanted` segments of the original axon, cut by a chunk length, µm; fewer if the
/// axon has fewer segments.
pub(super) fn sample_axon_radii(morphology: &Morphology, wanted: usize, chunk_um: f64) -> Vec<f32> {
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
pub(super) fn mean_segment_diameters(section: &Section, chunk_um: f64) -> Vec<f64> {
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
