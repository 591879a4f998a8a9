//! The worst pairs of a comparison: marks, and numbers that can be told apart.

use crate::plot::canvas::{Anchor, Colour, Frame, Item, LINE, Paint, SMALL, Spot, Text, width};
use crate::validate::weights::{Comparison, Difference};

/// Worst contacts that are marked.
const MARKED: usize = 5;
/// Radius of a mark, pt.
const RADIUS: f32 = 4.0;
/// Marks whose middles are nearer than this have one label together: `1, 3`.
const NEAR: f32 = 2.0 * RADIUS;
/// Where a label may stand: how far from its marks, pt, the nearest first.
const REACHES: [f32; 4] = [6.0, 14.0, 24.0, 36.0];
/// Where a label may stand: directions, the first to be tried first.
const DIRECTIONS: [Spot; 8] =
    [[1.0, 0.6], [1.0, -0.6], [-1.0, 0.6], [-1.0, -0.6], [0.2, 1.0], [0.2, -1.0], [1.0, 0.0], [-1.0, 0.0]];

/// Marks of the worst pairs of the worst contacts, and what they are; `units` tells those of a contact in both files.
pub(super) fn worst(
    frame: &Frame,
    comparison: &Comparison,
    units: &dyn Fn(&str) -> [&'static str; 2],
) -> (Item, Vec<String>) {
    let mut worst: Vec<_> =
        comparison.electrodes.iter().filter_map(|e| Some((e.name.as_str(), e.largest_relative?))).collect();
    worst.sort_by(|(_, a), (_, b)| b.value.total_cmp(&a.value));
    worst.truncate(MARKED);
    let list = (1..).zip(&worst).map(|(number, (name, d))| line(number, name, d, units(name))).collect();
    let place = |(number, (_, d)): (usize, &(&str, Difference))| {
        let at = frame.at(d.values[0], d.values[1]);
        (at.iter().all(|v| v.is_finite()) && frame.holds(at)).then_some((number, at))
    };
    let marks: Vec<(usize, Spot)> = (1..).zip(&worst).filter_map(place).collect();
    (Item::Group("worst", drawn(frame, &marks)), list)
}

fn line(number: usize, name: &str, d: &Difference, units: [&str; 2]) -> String {
    let [a, b] = d.values.map(told);
    let [u, v] = units.map(|unit| if unit.is_empty() { String::new() } else { format!(" {unit}") });
    let u = if u == v { String::new() } else { u };
    let Difference { node, row, value, .. } = d;
    format!("{number}  contact {name}, node {node}, row {row}: {a}{u} and {b}{v}, relative difference {value:.1e}")
}

/// A coefficient in seven digits.
fn told(v: f64) -> String {
    if v == 0.0 { "0".into() } else { format!("{v:.6e}") }
}

/// Circles and their numbers, which lie on no circle and no other number.
fn drawn(frame: &Frame, marks: &[(usize, Spot)]) -> Vec<Item> {
    let paint = Paint::stroke(Colour::VERMILLION, 1.2);
    let circle = |&(_, center): &(usize, Spot)| Item::Circle { center, radius: RADIUS, paint };
    let mut items: Vec<Item> = marks.iter().map(circle).collect();
    let mut taken: Vec<[f32; 4]> = marks.iter().map(|(_, at)| around(*at, RADIUS, RADIUS)).collect();
    for group in together(marks) {
        let numbers: Vec<String> = group.iter().map(|(number, _)| number.to_string()).collect();
        let Some(&(_, at)) = group.first() else { continue };
        let text = numbers.join(", ");
        let (middle, reach) = free(frame, at, 0.5 * width(&text, SMALL), &taken);
        taken.push(around(middle, 0.5 * width(&text, SMALL), 0.5 * SMALL));
        if reach > REACHES[0] {
            items.push(Item::Lines { ends: vec![[at, middle]], colour: Colour::VERMILLION, width: LINE });
        }
        let base = [middle[0], middle[1] + 0.36 * SMALL];
        items.push(Item::Text(Text { halo: Some(Colour::WHITE), ..Text::new(base, SMALL, Anchor::Middle, text) }));
    }
    items
}

/// Marks in groups: each is near another of its group, and to none of another group.
fn together(marks: &[(usize, Spot)]) -> Vec<Vec<(usize, Spot)>> {
    let mut groups: Vec<Vec<(usize, Spot)>> = Vec::new();
    for &mark in marks {
        let near = |other: &(usize, Spot)| (other.1[0] - mark.1[0]).hypot(other.1[1] - mark.1[1]) < NEAR;
        let (joined, apart): (Vec<_>, Vec<_>) = groups.into_iter().partition(|group| group.iter().any(near));
        let mut own: Vec<_> = joined.into_iter().flatten().chain([mark]).collect();
        own.sort_unstable_by_key(|(number, _)| *number);
        groups = apart;
        groups.push(own);
    }
    groups
}

fn around([x, y]: Spot, half: f32, high: f32) -> [f32; 4] {
    [x - half, y - high, x + half, y + high]
}

/// A free place for a label, and how far from its mark that is; the nearest where none is free.
fn free(frame: &Frame, [x, y]: Spot, half: f32, taken: &[[f32; 4]]) -> (Spot, f32) {
    let place =
        |reach: f32, [right, down]: Spot| [x + right * (reach + half * right.abs()), y + down * (reach + 0.5 * SMALL)];
    let fits = |middle: Spot| {
        let own = around(middle, half, 0.5 * SMALL);
        let apart = |o: &[f32; 4]| own[2] < o[0] || o[2] < own[0] || own[3] < o[1] || o[3] < own[1];
        frame.holds([own[0], own[1]]) && frame.holds([own[2], own[3]]) && taken.iter().all(apart)
    };
    let all = || REACHES.into_iter().flat_map(|reach| DIRECTIONS.map(|way| (place(reach, way), reach)));
    all().find(|(middle, _)| fits(*middle)).unwrap_or((place(REACHES[0], DIRECTIONS[0]), REACHES[0]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::canvas::Scale;

    /// The texts of some marks, and the boxes that they take.
    fn labels(marks: &[(usize, Spot)]) -> (Vec<String>, Vec<[f32; 4]>) {
        let (x, y) = (Scale::Linear(0.0, 1.0), Scale::Linear(0.0, 1.0));
        let frame = Frame { left: 0.0, top: 0.0, width: 200.0, height: 200.0, x, y };
        let items = drawn(&frame, marks);
        let texts = items.iter().filter_map(|item| if let Item::Text(text) = item { Some(text) } else { None });
        let box_of = |t: &Text| {
            let (half, [x, y]) = (0.5 * width(&t.content, SMALL), t.at);
            (t.content.clone(), around([x, y - 0.36 * SMALL], half, 0.5 * SMALL))
        };
        texts.map(box_of).unzip()
    }

    #[test]
    fn marks_in_one_place_have_their_numbers_together() {
        let (texts, _) = labels(&[(1, [50.0, 50.0]), (2, [150.0, 50.0]), (3, [50.5, 50.0]), (4, [56.0, 50.0])]);
        assert_eq!(texts, ["2", "1, 3, 4"]);
    }

    #[test]
    fn no_number_lies_on_another_or_outside() {
        for corner in [[3.0, 3.0], [3.0, 197.0], [197.0, 3.0], [197.0, 197.0], [100.0, 100.0]] {
            for step in [[1.0, 1.0], [9.0, 0.0], [0.0, 9.0], [6.5, 6.5], [12.0, 2.0]] {
                let inwards =
                    |k: usize, i: usize| if corner[k] > 100.0 { -step[k] * i as f32 } else { step[k] * i as f32 };
                let marks: Vec<_> =
                    (0..5).map(|i| (i + 1, [corner[0] + inwards(0, i), corner[1] + inwards(1, i)])).collect();
                let (_, boxes) = labels(&marks);
                for (i, a) in boxes.iter().enumerate() {
                    assert!(a[0] >= 0.0 && a[1] >= 0.0 && a[2] <= 200.0 && a[3] <= 200.0, "{corner:?} {step:?}");
                    let apart = |b: &[f32; 4]| a[2] < b[0] || b[2] < a[0] || a[3] < b[1] || b[3] < a[1];
                    assert!(boxes[i + 1..].iter().all(apart), "{corner:?} {step:?}: {boxes:?}");
                }
            }
        }
    }
}
