//! Grows the sections of a synthetic neuron.

use super::dice::Dice;
use super::recipe::{Axon, Body, Class, Recipe};
use crate::circuit::hoc::CHUNK_UM;
use crate::geometry::Point;
use crate::morphology::{Morphology, Section, Soma};
use crate::segments::SectionType;

/// A synthetic neuron, in the frame of its file: the soma is at the origin.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Neuron {
    /// The name of its files.
    pub name: String,
    /// Radius of its soma, um.
    pub soma_radius: f32,
    /// Its sections in file order, depth first.
    pub sections: Vec<Section>,
}

impl Neuron {
    /// Grows the neuron of a recipe.
    pub fn grow(recipe: &Recipe, dice: &mut Dice) -> Self {
        let radius = match (recipe.body, recipe.class) {
            (Body::Large, _) => dice.between(21.5, 24.5),
            (Body::Usual, Class::Pyramidal) => dice.between(7.0, 12.0),
            (Body::Usual, Class::Interneuron) => dice.between(5.0, 9.0),
        };
        let soma_radius = radius as f32;
        let mut growth = Growth { dice, soma_radius: soma_radius.into(), sections: Vec::new() };
        for kind in recipe.order {
            match (kind, recipe.class) {
                (SectionType::Axon, _) => growth.axon(recipe.axon),
                (SectionType::Dend, class) => growth.basal_trees(class),
                (_, Class::Pyramidal) => growth.apical_tree(),
                (_, Class::Interneuron) => {}
            }
        }
        Self { name: recipe.name(), soma_radius, sections: growth.sections }
    }

    /// Its sections in the simulator's order.
    pub fn in_simulator_order(&self) -> Vec<Section> {
        Morphology::from_file_order(Soma::default(), self.sections.clone()).sections
    }
}

/// How a kind of neurite grows.
struct Style {
    kind: SectionType,
    /// Mean distance of samples, um.
    step_um: f64,
    /// How far each step strays from the one before.
    wiggle: f64,
    /// Where steps are drawn to.
    pull: Point,
    /// The diameter at a section's end as a part of that at its start.
    taper: f64,
}

const BASAL: Style = Style { kind: SectionType::Dend, step_um: 7.5, wiggle: 0.35, pull: Point::ORIGIN, taper: 0.75 };
const APICAL: Style =
    Style { kind: SectionType::Apic, step_um: 7.5, wiggle: 0.25, pull: Point::new(0.0, 0.08, 0.0), taper: 0.85 };
const FINE_AXON: Style =
    Style { kind: SectionType::Axon, step_um: 7.5, wiggle: 0.35, pull: Point::new(0.0, -0.06, 0.0), taper: 0.92 };
const COARSE_AXON: Style = Style { step_um: 30.0, ..FINE_AXON };

/// No neurite gets thinner, um.
const THINNEST_UM: f64 = 0.3;

/// Where growth goes on.
#[derive(Clone, Copy)]
struct Tip {
    parent: Option<usize>,
    at: Point,
    direction: Point,
    diameter_um: f64,
    /// Path length from the soma's centre.
    path_um: f64,
}

struct Growth<'a> {
    dice: &'a mut Dice,
    soma_radius: f64,
    sections: Vec<Section>,
}

impl Growth<'_> {
    /// An axon: a main branch that reaches a path length, with side branches at every fork.
    fn axon(&mut self, kind: Axon) {
        let beyond = match kind {
            Axon::Far => self.soma_radius.max(20.0) + self.dice.between(3.0, 7.0),
            Axon::Long | Axon::Late | Axon::Short => self.soma_radius,
        };
        // side branches add up to 400 um to a fork, so the longest path of a short axon is 25 + 600 + 400 um
        let reach_um = match kind {
            Axon::Short => self.dice.between(300.0, 600.0),
            Axon::Long | Axon::Late | Axon::Far => self.dice.between(1150.0, 1600.0),
        };
        let style = if kind == Axon::Far { &COARSE_AXON } else { &FINE_AXON };
        let tip = self.stem(beyond, Point::new(0.0, -1.5, 0.0), 1.2);
        let length = self.length(60.0, 120.0);
        let tip = self.section(style, tip, length);
        self.main_branch(style, kind, reach_um, tip);
    }

    fn main_branch(&mut self, style: &Style, kind: Axon, reach_um: f64, from: Tip) {
        if from.path_um > reach_um {
            return;
        }
        let (ahead, aside) = self.fork(from, 0.4, 1.0);
        if kind == Axon::Late {
            self.tree(style, aside, 1, (40.0, 200.0));
        }
        let length = self.length(90.0, 190.0);
        let tip = self.section(style, ahead, length);
        self.main_branch(style, kind, reach_um, tip);
        if kind != Axon::Late {
            self.tree(style, aside, 1, (40.0, 200.0));
        }
    }

    fn basal_trees(&mut self, class: Class) {
        let trees = match class {
            Class::Pyramidal => 3 + self.dice.below(3),
            Class::Interneuron => 5 + self.dice.below(3),
        };
        for _ in 0..trees {
            let diameter = self.dice.between(1.6, 2.6);
            let tip = self.stem(self.soma_radius, Point::ORIGIN, diameter);
            let length = self.length(20.0, 80.0);
            let tip = self.section(&BASAL, tip, length);
            let (a, b) = self.fork(tip, 0.7, 0.7);
            self.tree(&BASAL, a, 1, (20.0, 200.0));
            self.tree(&BASAL, b, 1, (20.0, 200.0));
        }
    }

    /// Trunk, a side branch at each of its forks, a tuft at its end.
    fn apical_tree(&mut self) {
        let diameter = self.dice.between(3.0, 4.5);
        let tip = self.stem(self.soma_radius, Point::new(0.0, 4.0, 0.0), diameter);
        let forks = 3 + self.dice.below(3);
        self.trunk(tip, forks);
    }

    fn trunk(&mut self, from: Tip, forks: usize) {
        if forks == 0 {
            return self.tree(&APICAL, from, 3, (40.0, 180.0));
        }
        let length = self.length(50.0, 160.0);
        let tip = self.section(&APICAL, from, length);
        let (ahead, aside) = self.fork(tip, 0.2, 1.2);
        if self.dice.below(2) == 0 {
            self.trunk(ahead, forks - 1);
            self.tree(&APICAL, aside, 1, (20.0, 160.0));
        } else {
            self.tree(&APICAL, aside, 1, (20.0, 160.0));
            self.trunk(ahead, forks - 1);
        }
    }

    /// A section which forks up to `forks` times over, most often every time.
    fn tree(&mut self, style: &Style, from: Tip, forks: usize, (shortest, longest): (f64, f64)) {
        let length = self.length(shortest, longest);
        let tip = self.section(style, from, length);
        if forks > 0 && self.dice.unit() < 0.85 {
            let (a, b) = self.fork(tip, 0.6, 0.6);
            self.tree(style, a, forks - 1, (shortest, longest));
            self.tree(style, b, forks - 1, (shortest, longest));
        }
    }

    /// The start of a tree at a distance from the soma's centre, in a random direction drawn towards `pull`.
    fn stem(&mut self, distance_um: f64, pull: Point, diameter_um: f64) -> Tip {
        let direction = unit(self.dice.direction() + pull);
        let at = narrowed(direction * distance_um);
        Tip { parent: None, at, direction, diameter_um: f64::from(diameter_um as f32), path_um: at.norm() }
    }

    /// Two tips at the same place, which stray from the direction so far.
    fn fork(&mut self, tip: Tip, stray_a: f64, stray_b: f64) -> (Tip, Tip) {
        let mut strayed = |stray: f64| {
            // half the old direction stays, so that the sum cannot vanish
            let direction = unit(tip.direction * (0.5 + stray) + self.dice.direction() * stray);
            Tip { direction, ..tip }
        };
        (strayed(stray_a), strayed(stray_b))
    }

    /// A length that is more than 0.5 um from any multiple of the chunk length, so that no rounding changes the number
    /// of segments.
    fn length(&mut self, shortest: f64, longest: f64) -> f64 {
        loop {
            let length = self.dice.between(shortest, longest);
            let rest = length - (length / CHUNK_UM).floor() * CHUNK_UM;
            if rest > 0.5 && rest < CHUNK_UM - 0.5 {
                return length;
            }
        }
    }

    /// Grows one section of this path length.
    fn section(&mut self, style: &Style, from: Tip, length_um: f64) -> Tip {
        let steps = self.steps(length_um, style.step_um);
        let mut tip = from;
        let mut points = vec![stored(from.at)];
        let mut diameters = vec![from.diameter_um as f32];
        for step in &steps {
            tip.direction = unit(tip.direction + self.dice.direction() * style.wiggle + style.pull);
            tip.at = narrowed(tip.at + tip.direction * *step);
            tip.path_um += step;
            let part = (tip.path_um - from.path_um) / length_um;
            tip.diameter_um = f64::from(tapered(from.diameter_um, style.taper, part) as f32);
            points.push(stored(tip.at));
            diameters.push(tip.diameter_um as f32);
        }
        self.sections.push(Section { kind: style.kind, parent: from.parent, points, diameters, starts_at_soma: false });
        Tip { parent: Some(self.sections.len() - 1), ..tip }
    }

    /// Uneven steps that add up to a length.
    fn steps(&mut self, length_um: f64, step_um: f64) -> Vec<f64> {
        let n = (length_um / step_um).round().max(2.0) as usize;
        let weights: Vec<f64> = (0..n).map(|_| self.dice.between(0.75, 1.25)).collect();
        let sum: f64 = weights.iter().sum();
        weights.iter().map(|w| w / sum * length_um).collect()
    }
}

/// The diameter at a part of the section's length.
fn tapered(start_um: f64, taper: f64, part: f64) -> f64 {
    (start_um * (1.0 - (1.0 - taper) * part)).max(THINNEST_UM)
}

fn unit(v: Point) -> Point {
    v / v.norm()
}

/// A point as files store it.
fn stored(p: Point) -> [f32; 3] {
    p.to_array().map(|c| c as f32)
}

/// A point rounded as files store it.
fn narrowed(p: Point) -> Point {
    Point::from(stored(p))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grown(number: usize) -> Neuron {
        Neuron::grow(&Recipe::of(number), &mut Dice::new(7, number as u64))
    }

    #[test]
    fn sections_of_a_neuron_join_at_equal_points_and_diameters() {
        for section in (0..12).map(grown).flat_map(|n| n.sections.clone().into_iter().map(move |s| (n.clone(), s))) {
            let (neuron, section) = section;
            if let Some(parent) = section.parent {
                let parent = &neuron.sections[parent];
                assert_eq!(section.points.first(), parent.points.last());
                assert_eq!(section.diameters.first(), parent.diameters.last());
            }
        }
    }

    #[test]
    fn lengths_are_realistic_and_keep_off_multiples_of_the_chunk() {
        for length in (0..24).map(grown).flat_map(|n| n.sections).map(|s| s.length()) {
            assert!((20.0..=200.0).contains(&length), "{length}");
            let rest = length.rem_euclid(CHUNK_UM);
            assert!(rest > 0.4 && rest < CHUNK_UM - 0.4, "{length}");
        }
    }

    #[test]
    fn trees_come_in_the_order_of_the_recipe_and_are_reordered_for_the_simulator() {
        let neuron = grown(3);
        let mut kinds: Vec<SectionType> = neuron.sections.iter().map(|s| s.kind).collect();
        kinds.dedup();
        assert_eq!(kinds, Recipe::of(3).order);
        let mut kinds: Vec<SectionType> = neuron.in_simulator_order().iter().map(|s| s.kind).collect();
        kinds.dedup();
        assert_eq!(kinds, [SectionType::Axon, SectionType::Dend, SectionType::Apic]);
    }
}
