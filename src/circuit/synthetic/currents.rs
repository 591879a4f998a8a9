//! Compartment report of balanced membrane currents: an input travels through the circuit, so that signals look like a
//! laminar LFP.
//!
//! The membrane current of segment i of a neuron, nA, positive if it leaves the cell, is
//!
//! ```text
//! I_i(t) = sum over volleys v of  A_v s((t - t_v) / d) (q_vi - p_vi)
//! ```
//!
//! `p_vi`, the share of the synaptic current that enters at the segment (a sink), is proportional to the segment's
//! length and to a bell `b((y_i - y_v) / w)` around the depth `y_v` of the volley; `q_vi`, the share that leaves there
//! (a source), to its length and a wider bell around the neuron's own mean depth of the input. Both sum to 1 over the
//! neuron, so that its currents sum to zero. `A_v` is [`PEAK_NA`] times the part of the neuron's length that is near
//! the volley's depth. The volley reaches a neuron at `t_v`, later the larger its x: it travels at [`SPEED_UM_PER_MS`].
//!
//! `b(u) = 1 / (1 + u²)²` is the bell, and `s(u) = 27/4 u (1 - u)²` for u from 0 to 1 (largest, 1, at u = 1/3) the time
//! course of the input: polynomials and fractions, whose values are the same on every machine. Segments lie at equal
//! path lengths along their section; the stubs of the axon have the depth of the soma.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::Path;

use rayon::prelude::*;

use super::neuron::SyntheticNeuron;
use super::nodes::SyntheticNodes;
use super::report::{STUB_SEGMENTS, create_report_file};
use super::seeded_rng::SeededRng;
use super::{CircuitSpec, SyntheticReport};
use crate::circuit::hoc::CHUNK_UM;
use crate::circuit::placement::discretise::segments_of_length;
use crate::error::{Context, FileProblem, Result};
use crate::geometry::Point;
use crate::segments::SectionType;

/// Time between frames, ms.
pub(super) const CURRENT_STEP_MS: f64 = 0.5;

/// Largest synaptic current of a neuron, nA.
const PEAK_NA: f64 = 1.0;

/// Speed of the input along x, µm/ms.
const SPEED_UM_PER_MS: f64 = 200.0;

/// Largest additional delay of a neuron, ms.
const MAX_JITTER_MS: f64 = 2.0;

/// Duration of the synaptic current, ms.
const DURATION_MS: f64 = 20.0;

/// Time after which the volleys are repeated, ms.
const PERIOD_MS: f64 = 100.0;

/// A volley of input.
struct Volley {
    /// Time at which it enters the circuit, ms.
    onset_ms: f64,
    /// Depth of its centre: y divided by the cylinder's height, from -0.5 to 0.5.
    relative_y: f64,
    /// Half width of the bell, divided by the height.
    relative_width: f64,
}

/// The input first arrives in the middle layer, then in the upper ones.
const VOLLEYS: [Volley; 2] = [
    Volley { onset_ms: 10.0, relative_y: 0.0, relative_width: 0.08 },
    Volley { onset_ms: 22.0, relative_y: 0.3, relative_width: 0.1 },
];

/// Half width of the bell of the return current, divided by the height.
const RETURN_RELATIVE_WIDTH: f64 = 0.2;

/// Number of elements that a thread writes at a time.
const ELEMENTS_PER_BLOCK: usize = 1 << 16;

/// One element of a morphology: the midpoint in the coordinates of its file, and its length, µm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct ElementPlace {
    midpoint: Point,
    length_um: f64,
}

/// Returns the places of a neuron's elements, in the order of [`super::report::element_ids`].
pub(super) fn element_places(neuron: &SyntheticNeuron) -> Vec<ElementPlace> {
    let soma_um = 2.0 * f64::from(neuron.soma_radius_um);
    let somata = segments_of_length(soma_um, CHUNK_UM);
    let at_soma = |length_um: f64| ElementPlace { midpoint: Point::ORIGIN, length_um };
    let mut places = vec![at_soma(soma_um / f64::from(somata)); somata as usize];
    for section in neuron.in_simulator_order().iter().filter(|section| section.kind != SectionType::Axon) {
        let points: Vec<Point> = section.points.iter().map(|p| Point::from(p.map(f64::from))).collect();
        let segments = segments_of_length(section.length_um(), CHUNK_UM);
        let length_um = section.length_um() / f64::from(segments);
        places.extend((0..segments).map(|i| {
            let midpoint = point_along(&points, (f64::from(i) + 0.5) * length_um);
            ElementPlace { midpoint, length_um }
        }));
    }
    // the axon's stubs carry no synapses, and the myelin no current
    places.extend(vec![at_soma(STUB_LENGTH_UM / STUB_SEGMENTS as f64); 2 * STUB_SEGMENTS]);
    places.extend(vec![at_soma(0.0); STUB_SEGMENTS]);
    places
}

/// Length of a piece of the axon initial segment, µm.
const STUB_LENGTH_UM: f64 = 30.0;

/// Returns the point at a path length along a polyline; its last point beyond the end.
fn point_along(points: &[Point], length_um: f64) -> Point {
    let mut rest = length_um;
    for pair in points.windows(2) {
        let &[a, b] = pair else { continue };
        let step = a.distance(b);
        if rest <= step && step > 0.0 {
            return a.lerp(b, rest / step);
        }
        rest -= step;
    }
    points.last().copied().unwrap_or(Point::ORIGIN)
}

/// Returns the bell `1 / (1 + u²)²`.
fn bell(u: f64) -> f64 {
    let denominator = 1.0 + u * u;
    1.0 / (denominator * denominator)
}

/// Returns the time course of a synaptic current, from 0 to 1.
fn time_course(u: f64) -> f64 {
    if (0.0..1.0).contains(&u) { 6.75 * u * (1.0 - u) * (1.0 - u) } else { 0.0 }
}

/// The currents of one neuron: for each volley its arrival, ms, and the current of each element at its peak, nA.
struct NeuronCurrents {
    arrivals_ms: [f64; VOLLEYS.len()],
    peaks_na: [Vec<f64>; VOLLEYS.len()],
}

impl NeuronCurrents {
    /// Computes the currents of a neuron from the depths of its elements.
    fn new(spec: &CircuitSpec, x_um: f64, jitter_ms: f64, depths_um: &[f64], lengths_um: &[f64]) -> Self {
        let travel_ms = (x_um + spec.radius_um) / SPEED_UM_PER_MS + jitter_ms;
        let peaks = |volley: &Volley| {
            let centre = volley.relative_y * spec.height_um;
            let width = volley.relative_width * spec.height_um;
            let input: Vec<f64> =
                depths_um.iter().zip(lengths_um).map(|(y, length)| length * bell((y - centre) / width)).collect();
            let (entering, all) = (input.iter().sum::<f64>(), lengths_um.iter().sum::<f64>());
            let mean = input.iter().zip(depths_um).map(|(share, y)| share * y).sum::<f64>() / entering;
            let return_width = RETURN_RELATIVE_WIDTH * spec.height_um;
            let output: Vec<f64> =
                depths_um.iter().zip(lengths_um).map(|(y, length)| length * bell((y - mean) / return_width)).collect();
            let leaving = output.iter().sum::<f64>();
            let peak = PEAK_NA * entering / all;
            input.iter().zip(&output).map(|(p, q)| peak * (q / leaving - p / entering)).collect()
        };
        Self {
            arrivals_ms: VOLLEYS.each_ref().map(|volley| volley.onset_ms + travel_ms),
            peaks_na: VOLLEYS.each_ref().map(peaks),
        }
    }

    /// Appends the currents at a time as float32.
    fn append_bytes(&self, time_ms: f64, out: &mut Vec<u8>) {
        let factor = |arrival: f64| time_course((time_ms - arrival).rem_euclid(PERIOD_MS) / DURATION_MS);
        let [first, second] = self.arrivals_ms.map(factor);
        let [first_peaks, second_peaks] = &self.peaks_na;
        for (a, b) in first_peaks.iter().zip(second_peaks) {
            out.extend(((first * a + second * b) as f32).to_ne_bytes());
        }
    }
}

/// Writes the report and returns the number of elements of a frame. Neurons are in random order. Blocks of neurons are
/// written by several threads, so that memory does not grow with their number.
///
/// # Errors
/// Returns an error if the file cannot be written.
pub(super) fn write_currents(
    path: &Path,
    spec: &CircuitSpec,
    nodes: &SyntheticNodes,
    morphologies: &[(Vec<u32>, Vec<ElementPlace>)],
    rng: &mut SeededRng,
    progress: &mut dyn FnMut(u64),
) -> Result<u64> {
    let mut order: Vec<u64> = (0..nodes.morphology.len() as u64).collect();
    rng.shuffle(&mut order);
    let jitters_ms: Vec<f64> = order.iter().map(|_| rng.next_between(0.0, MAX_JITTER_MS)).collect();
    let of_node = |node: u64| {
        let number = nodes.morphology.get(node as usize).copied().unwrap_or_default();
        morphologies
            .get(number as usize)
            .map_or((&[][..], &[][..]), |(ids, places)| (ids.as_slice(), places.as_slice()))
    };
    let mut end = 0;
    let ends = order.iter().map(|&node| {
        end += of_node(node).0.len() as u64;
        end
    });
    let pointers: Vec<u64> = std::iter::once(0).chain(ends).collect();
    let elements = pointers.last().copied().unwrap_or_default();
    let (data, ids) = create_report_file(path, &order, &pointers, spec.report)?;
    let file = OpenOptions::new().write(true).open(path).map_err(FileProblem::Write).in_file(path)?;
    let write = |bytes: &[u8], at: u64| file.write_all_at(bytes, at).map_err(FileProblem::Write).in_file(path);
    let frames = spec.report.frame_count();
    let numbered: Vec<(usize, u64)> = order.iter().copied().enumerate().collect();
    let nodes_per_block = (ELEMENTS_PER_BLOCK * order.len()).div_ceil((elements as usize).max(1)).max(1);
    let at_once = nodes_per_block * rayon::current_num_threads();
    for batch in numbered.chunks(at_once) {
        batch.par_chunks(nodes_per_block).try_for_each(|block| -> Result<()> {
            let first = block.first().and_then(|(place, _)| pointers.get(*place)).copied().unwrap_or_default();
            let element_ids: Vec<u8> =
                block.iter().flat_map(|(_, node)| of_node(*node).0).flat_map(|id| id.to_ne_bytes()).collect();
            write(&element_ids, ids + first * size_of::<u32>() as u64)?;
            let currents: Vec<NeuronCurrents> = block
                .iter()
                .map(|&(place, node)| {
                    let placed = nodes.transform(node);
                    let (_, places) = of_node(node);
                    let depths: Vec<f64> = places.iter().map(|place| placed.apply(place.midpoint).y).collect();
                    let lengths: Vec<f64> = places.iter().map(|place| place.length_um).collect();
                    let jitter = jitters_ms.get(place).copied().unwrap_or_default();
                    NeuronCurrents::new(spec, placed.apply(Point::ORIGIN).x, jitter, &depths, &lengths)
                })
                .collect();
            let mut bytes = Vec::new();
            for frame in 0..frames {
                bytes.clear();
                let time_ms = frame as f64 * CURRENT_STEP_MS;
                currents.iter().for_each(|neuron| neuron.append_bytes(time_ms, &mut bytes));
                write(&bytes, data + (frame as u64 * elements + first) * size_of::<f32>() as u64)?;
            }
            Ok(())
        })?;
        progress(batch.len() as u64);
    }
    Ok(elements)
}

impl SyntheticReport {
    /// Returns the number of frames.
    pub(super) fn frame_count(self) -> usize {
        match self {
            Self::None => 0,
            Self::OneFrame => 1,
            Self::Currents { frames } => frames,
        }
    }

    /// Returns the time between frames, ms.
    pub(super) fn step_ms(self) -> f64 {
        match self {
            Self::None | Self::OneFrame => super::report::STEP_MS,
            Self::Currents { .. } => CURRENT_STEP_MS,
        }
    }

    /// Returns the end of the last frame, ms.
    pub(super) fn end_ms(self) -> f64 {
        self.frame_count().max(1) as f64 * self.step_ms()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn currents_of_a_neuron_sum_to_zero_and_enter_at_the_volleys_depth() {
        let spec = CircuitSpec {
            cells: 1,
            seed: 1,
            morphologies: 1,
            radius_um: 400.0,
            height_um: 1500.0,
            report: SyntheticReport::Currents { frames: 2 },
        };
        let depths: Vec<f64> = (-20..=20).map(|i| f64::from(i) * 30.0).collect();
        let currents = NeuronCurrents::new(&spec, -400.0, 0.0, &depths, &vec![30.0; depths.len()]);
        // sums of the absolute currents, nA, by an independent evaluation of the two bells
        let expected_na = [0.106293804689, 0.086607204542];
        for ((peaks, volley), expected) in currents.peaks_na.iter().zip(&VOLLEYS).zip(expected_na) {
            let (sum, absolute) = (peaks.iter().sum::<f64>(), peaks.iter().map(|v| v.abs()).sum::<f64>());
            assert!(sum.abs() < 1e-14 * absolute && (absolute - expected).abs() < 1e-11, "{sum} {absolute}");
            let deepest = peaks.iter().zip(&depths).min_by(|a, b| a.0.total_cmp(b.0)).unwrap().1;
            assert!((deepest - volley.relative_y * 1500.0).abs() <= 15.0, "{deepest}");
        }
        // a neuron at the left edge receives the volleys at their onsets
        assert_eq!(currents.arrivals_ms, [10.0, 22.0]);
    }

    #[test]
    fn the_time_course_has_its_peak_of_one_at_a_third() {
        assert!((time_course(1.0 / 3.0) - 1.0).abs() < 1e-15);
        assert_eq!([time_course(0.0), time_course(1.0), time_course(-0.1), time_course(2.0)], [0.0; 4]);
    }
}
