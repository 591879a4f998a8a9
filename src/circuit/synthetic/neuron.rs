//! Grows the sections of a synthetic neuron.

use super::morphology_spec::{AxonKind, MorphologySpec, NeuronClass, SomaSize};
use super::seeded_rng::SeededRng;
use crate::circuit::hoc::CHUNK_UM;
use crate::geometry::Point;
use crate::morphology::{Morphology, Section, Soma};
use crate::segments::SectionType;

/// A synthetic neuron, in the coordinates of its file: the soma is at the origin.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SyntheticNeuron {
    /// Name of the neuron's files.
    pub name: String,
    /// Radius of the soma, µm.
    pub soma_radius_um: f32,
    /// Sections in file order, depth first.
    pub sections: Vec<Section>,
}

impl SyntheticNeuron {
    /// Grows the neuron of a specification.
    pub fn grow(spec: &MorphologySpec, rng: &mut SeededRng) -> Self {
        let radius = match (spec.soma_size, spec.class) {
            (SomaSize::Large, _) => rng.next_between(21.5, 24.5),
            (SomaSize::Normal, NeuronClass::Pyramidal) => rng.next_between(7.0, 12.0),
            (SomaSize::Normal, NeuronClass::Interneuron) => rng.next_between(5.0, 9.0),
        };
        let soma_radius = radius as f32;
        let mut growth = TreeGrower { rng, soma_radius_um: soma_radius.into(), sections: Vec::new() };
        for kind in spec.tree_order {
            match (kind, spec.class) {
                (SectionType::Axon, _) => growth.grow_axon(spec.axon),
                (SectionType::Dend, class) => growth.grow_basal_trees(class),
                (_, NeuronClass::Pyramidal) => growth.grow_apical_tree(),
                (_, NeuronClass::Interneuron) => {}
            }
        }
        Self { name: spec.name(), soma_radius_um: soma_radius, sections: growth.sections }
    }

    /// Returns the sections in the simulator's order.
    pub fn in_simulator_order(&self) -> Vec<Section> {
        Morphology::from_file_order(Soma::default(), self.sections.clone()).sections
    }
}

/// Growth parameters of a kind of neurite.
struct GrowthStyle {
    kind: SectionType,
    /// Mean distance of samples, µm.
    step_um: f64,
    /// How far each step deviates from the direction of the one before.
    jitter: f64,
    /// Vector that is added to the direction of each step.
    bias: Point,
    /// Ratio of the diameter at a section's end to that at its start.
    end_diameter_ratio: f64,
}

const BASAL: GrowthStyle =
    GrowthStyle { kind: SectionType::Dend, step_um: 7.5, jitter: 0.35, bias: Point::ORIGIN, end_diameter_ratio: 0.75 };
const APICAL: GrowthStyle = GrowthStyle {
    kind: SectionType::Apic,
    step_um: 7.5,
    jitter: 0.25,
    bias: Point::new(0.0, 0.08, 0.0),
    end_diameter_ratio: 0.85,
};
const FINE_AXON: GrowthStyle = GrowthStyle {
    kind: SectionType::Axon,
    step_um: 7.5,
    jitter: 0.35,
    bias: Point::new(0.0, -0.06, 0.0),
    end_diameter_ratio: 0.92,
};
const COARSE_AXON: GrowthStyle = GrowthStyle { step_um: 30.0, ..FINE_AXON };

/// Minimum diameter of a neurite, µm.
const MIN_DIAMETER_UM: f64 = 0.3;

/// The end of a branch, from which growth continues.
#[derive(Clone, Copy)]
struct GrowthTip {
    parent: Option<usize>,
    position: Point,
    direction: Point,
    diameter_um: f64,
    /// Path length from the soma's centre, µm.
    path_um: f64,
}

struct TreeGrower<'a> {
    rng: &'a mut SeededRng,
    soma_radius_um: f64,
    sections: Vec<Section>,
}

impl TreeGrower<'_> {
    /// Grows an axon: a main branch that reaches a path length, with side branches at every fork.
    fn grow_axon(&mut self, kind: AxonKind) {
        let beyond = match kind {
            AxonKind::Far => self.soma_radius_um.max(20.0) + self.rng.next_between(3.0, 7.0),
            AxonKind::Long | AxonKind::Late | AxonKind::Short => self.soma_radius_um,
        };
        // side branches add up to 400 µm to a fork, so the longest path of a short axon is 25 + 600 + 400 µm
        let reach_um = match kind {
            AxonKind::Short => self.rng.next_between(300.0, 600.0),
            AxonKind::Long | AxonKind::Late | AxonKind::Far => self.rng.next_between(1150.0, 1600.0),
        };
        let style = if kind == AxonKind::Far { &COARSE_AXON } else { &FINE_AXON };
        let tip = self.start_tree(beyond, Point::new(0.0, -1.5, 0.0), 1.2);
        let length = self.draw_length(60.0, 120.0);
        let tip = self.grow_section(style, tip, length);
        self.grow_main_branch(style, kind, reach_um, tip);
    }

    fn grow_main_branch(&mut self, style: &GrowthStyle, kind: AxonKind, reach_um: f64, from: GrowthTip) {
        if from.path_um > reach_um {
            return;
        }
        let (ahead, aside) = self.fork_tip(from, 0.4, 1.0);
        if kind == AxonKind::Late {
            self.grow_tree(style, aside, 1, (40.0, 200.0));
        }
        let length = self.draw_length(90.0, 190.0);
        let tip = self.grow_section(style, ahead, length);
        self.grow_main_branch(style, kind, reach_um, tip);
        if kind != AxonKind::Late {
            self.grow_tree(style, aside, 1, (40.0, 200.0));
        }
    }

    fn grow_basal_trees(&mut self, class: NeuronClass) {
        let trees = match class {
            NeuronClass::Pyramidal => 3 + self.rng.next_below(3),
            NeuronClass::Interneuron => 5 + self.rng.next_below(3),
        };
        for _ in 0..trees {
            let diameter = self.rng.next_between(1.6, 2.6);
            let tip = self.start_tree(self.soma_radius_um, Point::ORIGIN, diameter);
            let length = self.draw_length(20.0, 80.0);
            let tip = self.grow_section(&BASAL, tip, length);
            let (a, b) = self.fork_tip(tip, 0.7, 0.7);
            self.grow_tree(&BASAL, a, 1, (20.0, 200.0));
            self.grow_tree(&BASAL, b, 1, (20.0, 200.0));
        }
    }

    /// Grows an apical tree: a trunk, a side branch at each of its forks, a tuft at its end.
    fn grow_apical_tree(&mut self) {
        let diameter = self.rng.next_between(3.0, 4.5);
        let tip = self.start_tree(self.soma_radius_um, Point::new(0.0, 4.0, 0.0), diameter);
        let forks = 3 + self.rng.next_below(3);
        self.grow_trunk(tip, forks);
    }

    fn grow_trunk(&mut self, from: GrowthTip, forks: usize) {
        if forks == 0 {
            return self.grow_tree(&APICAL, from, 3, (40.0, 180.0));
        }
        let length = self.draw_length(50.0, 160.0);
        let tip = self.grow_section(&APICAL, from, length);
        let (ahead, aside) = self.fork_tip(tip, 0.2, 1.2);
        if self.rng.next_below(2) == 0 {
            self.grow_trunk(ahead, forks - 1);
            self.grow_tree(&APICAL, aside, 1, (20.0, 160.0));
        } else {
            self.grow_tree(&APICAL, aside, 1, (20.0, 160.0));
            self.grow_trunk(ahead, forks - 1);
        }
    }

    /// Grows a section which forks with probability 0.85, up to `forks` times in sequence.
    fn grow_tree(&mut self, style: &GrowthStyle, from: GrowthTip, forks: usize, (shortest, longest): (f64, f64)) {
        let length = self.draw_length(shortest, longest);
        let tip = self.grow_section(style, from, length);
        if forks > 0 && self.rng.next_unit() < 0.85 {
            let (a, b) = self.fork_tip(tip, 0.6, 0.6);
            self.grow_tree(style, a, forks - 1, (shortest, longest));
            self.grow_tree(style, b, forks - 1, (shortest, longest));
        }
    }

    /// Returns the start of a tree at a distance from the soma's centre, in a random direction biased towards `pull`.
    fn start_tree(&mut self, distance_um: f64, pull: Point, diameter_um: f64) -> GrowthTip {
        let direction = unit_vector(self.rng.next_direction() + pull);
        let at = round_to_f32(direction * distance_um);
        GrowthTip {
            parent: None,
            position: at,
            direction,
            diameter_um: f64::from(diameter_um as f32),
            path_um: at.norm(),
        }
    }

    /// Returns two tips at the same position, which deviate from the direction by these amounts.
    fn fork_tip(&mut self, tip: GrowthTip, stray_a: f64, stray_b: f64) -> (GrowthTip, GrowthTip) {
        let mut strayed = |stray: f64| {
            // half of the old direction remains, so that the sum cannot vanish
            let direction = unit_vector(tip.direction * (0.5 + stray) + self.rng.next_direction() * stray);
            GrowthTip { direction, ..tip }
        };
        (strayed(stray_a), strayed(stray_b))
    }

    /// Draws a length that is more than 0.5 µm from any multiple of the chunk length, so that no rounding changes the
    /// number of segments.
    fn draw_length(&mut self, shortest: f64, longest: f64) -> f64 {
        loop {
            let length = self.rng.next_between(shortest, longest);
            let rest = length - (length / CHUNK_UM).floor() * CHUNK_UM;
            if rest > 0.5 && rest < CHUNK_UM - 0.5 {
                return length;
            }
        }
    }

    /// Grows one section of a given path length.
    fn grow_section(&mut self, style: &GrowthStyle, from: GrowthTip, length_um: f64) -> GrowthTip {
        let steps = self.draw_steps(length_um, style.step_um);
        let mut tip = from;
        let mut points = vec![to_f32(from.position)];
        let mut diameters = vec![from.diameter_um as f32];
        for step in &steps {
            tip.direction = unit_vector(tip.direction + self.rng.next_direction() * style.jitter + style.bias);
            tip.position = round_to_f32(tip.position + tip.direction * *step);
            tip.path_um += step;
            let part = (tip.path_um - from.path_um) / length_um;
            tip.diameter_um = f64::from(tapered_diameter(from.diameter_um, style.end_diameter_ratio, part) as f32);
            points.push(to_f32(tip.position));
            diameters.push(tip.diameter_um as f32);
        }
        self.sections.push(Section {
            kind: style.kind,
            parent: from.parent,
            points,
            diameters_um: diameters,
            starts_at_soma: false,
        });
        GrowthTip { parent: Some(self.sections.len() - 1), ..tip }
    }

    /// Draws uneven steps that add up to a length.
    fn draw_steps(&mut self, length_um: f64, step_um: f64) -> Vec<f64> {
        let n = (length_um / step_um).round().max(2.0) as usize;
        let weights: Vec<f64> = (0..n).map(|_| self.rng.next_between(0.75, 1.25)).collect();
        let sum: f64 = weights.iter().sum();
        weights.iter().map(|w| w / sum * length_um).collect()
    }
}

/// Returns the diameter at a fraction of the section's length.
fn tapered_diameter(start_um: f64, taper: f64, part: f64) -> f64 {
    (start_um * (1.0 - (1.0 - taper) * part)).max(MIN_DIAMETER_UM)
}

fn unit_vector(v: Point) -> Point {
    v / v.norm()
}

/// Converts a point to the float32 coordinates of the files.
fn to_f32(p: Point) -> [f32; 3] {
    p.to_array().map(|c| c as f32)
}

/// Rounds a point to the float32 coordinates of the files.
fn round_to_f32(p: Point) -> Point {
    Point::from(to_f32(p))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grown(number: usize) -> SyntheticNeuron {
        SyntheticNeuron::grow(&MorphologySpec::from_number(number), &mut SeededRng::new(7, number as u64))
    }

    #[test]
    fn sections_of_a_neuron_join_at_equal_points_and_diameters() {
        for section in (0..12).map(grown).flat_map(|n| n.sections.clone().into_iter().map(move |s| (n.clone(), s))) {
            let (neuron, section) = section;
            if let Some(parent) = section.parent {
                let parent = &neuron.sections[parent];
                assert_eq!(section.points.first(), parent.points.last());
                assert_eq!(section.diameters_um.first(), parent.diameters_um.last());
            }
        }
    }

    #[test]
    fn lengths_are_realistic_and_avoid_multiples_of_the_chunk() {
        for length in (0..24).map(grown).flat_map(|n| n.sections).map(|s| s.length_um()) {
            assert!((20.0..=200.0).contains(&length), "{length}");
            let rest = length.rem_euclid(CHUNK_UM);
            assert!(rest > 0.4 && rest < CHUNK_UM - 0.4, "{length}");
        }
    }

    #[test]
    fn trees_have_the_order_of_the_specification_and_are_reordered_for_the_simulator() {
        let neuron = grown(3);
        let mut kinds: Vec<SectionType> = neuron.sections.iter().map(|s| s.kind).collect();
        kinds.dedup();
        assert_eq!(kinds, MorphologySpec::from_number(3).tree_order);
        let mut kinds: Vec<SectionType> = neuron.in_simulator_order().iter().map(|s| s.kind).collect();
        kinds.dedup();
        assert_eq!(kinds, [SectionType::Axon, SectionType::Dend, SectionType::Apic]);
    }
}
