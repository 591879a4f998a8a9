//! Draws the worst pairs of a comparison: marks with numbers that do not overlap.

use crate::plot::canvas::{
    Colour, DrawItem, FRAME_LINE_PT, PagePoint, Paint, PlotFrame, SMALL_SIZE_PT, Text, TextAnchor, text_width,
};
use crate::validate::weights::{LocatedDifference, WeightsComparison};

/// Maximum number of worst contacts that are marked.
const MAX_MARKED_PAIRS: usize = 5;
/// Radius of a mark, pt.
const MARK_RADIUS_PT: f32 = 4.0;
/// Marks nearer to each other than this share a label: `1, 3`.
const MERGE_DISTANCE_PT: f32 = 2.0 * MARK_RADIUS_PT;
/// Possible distances of a label from its marks, pt, in the order in which they are tried.
const LABEL_DISTANCES_PT: [f32; 4] = [6.0, 14.0, 24.0, 36.0];
/// Possible directions of a label, in the order in which they are tried.
const LABEL_DIRECTIONS: [PagePoint; 8] =
    [[1.0, 0.6], [1.0, -0.6], [-1.0, 0.6], [-1.0, -0.6], [0.2, 1.0], [0.2, -1.0], [1.0, 0.0], [-1.0, 0.0]];

/// Draws marks of the worst pairs of the worst contacts, and a list of them; `units` returns those of a contact in both
/// files.
pub(super) fn draw_worst_pairs(
    frame: &PlotFrame,
    comparison: &WeightsComparison,
    units: &dyn Fn(&str) -> [&'static str; 2],
) -> (DrawItem, Vec<String>) {
    let mut worst: Vec<_> =
        comparison.contacts.iter().filter_map(|e| Some((e.name.as_str(), e.largest_relative?))).collect();
    worst.sort_by(|(_, a), (_, b)| b.value.total_cmp(&a.value));
    worst.truncate(MAX_MARKED_PAIRS);
    let list = (1..).zip(&worst).map(|(number, (name, d))| describe_pair(number, name, d, units(name))).collect();
    let place = |(number, (_, d)): (usize, &(&str, LocatedDifference))| {
        let at = frame.to_page(d.values[0], d.values[1]);
        (at.iter().all(|v| v.is_finite()) && frame.contains(at)).then_some((number, at))
    };
    let marks: Vec<(usize, PagePoint)> = (1..).zip(&worst).filter_map(place).collect();
    (DrawItem::Group("worst", draw_marks(frame, &marks)), list)
}

fn describe_pair(number: usize, name: &str, d: &LocatedDifference, units: [&str; 2]) -> String {
    let [a, b] = d.values.map(format_weight);
    let [u, v] = units.map(|unit| if unit.is_empty() { String::new() } else { format!(" {unit}") });
    let u = if u == v { String::new() } else { u };
    let LocatedDifference { node, row, value, .. } = d;
    format!("{number}  contact {name}, node {node}, row {row}: {a}{u} and {b}{v}, relative difference {value:.1e}")
}

/// Formats a weight with seven digits.
fn format_weight(v: f64) -> String {
    if v == 0.0 { "0".into() } else { format!("{v:.6e}") }
}

/// Draws circles and their numbers, which overlap no circle and no other number.
fn draw_marks(frame: &PlotFrame, marks: &[(usize, PagePoint)]) -> Vec<DrawItem> {
    let paint = Paint::stroke(Colour::VERMILLION, 1.2);
    let circle = |&(_, center): &(usize, PagePoint)| DrawItem::Circle { center, radius: MARK_RADIUS_PT, paint };
    let mut items: Vec<DrawItem> = marks.iter().map(circle).collect();
    let mut taken: Vec<[f32; 4]> =
        marks.iter().map(|(_, at)| box_around(*at, MARK_RADIUS_PT, MARK_RADIUS_PT)).collect();
    for group in group_near_marks(marks) {
        let numbers: Vec<String> = group.iter().map(|(number, _)| number.to_string()).collect();
        let Some(&(_, at)) = group.first() else { continue };
        let text = numbers.join(", ");
        let (middle, reach) = find_free_position(frame, at, 0.5 * text_width(&text, SMALL_SIZE_PT), &taken);
        taken.push(box_around(middle, 0.5 * text_width(&text, SMALL_SIZE_PT), 0.5 * SMALL_SIZE_PT));
        if reach > LABEL_DISTANCES_PT[0] {
            items.push(DrawItem::Lines { ends: vec![[at, middle]], colour: Colour::VERMILLION, width: FRAME_LINE_PT });
        }
        let base = [middle[0], middle[1] + 0.36 * SMALL_SIZE_PT];
        items.push(DrawItem::Text(Text {
            halo: Some(Colour::WHITE),
            ..Text::new(base, SMALL_SIZE_PT, TextAnchor::Middle, text)
        }));
    }
    items
}

/// Groups marks that are near each other: each is near another of its group, and to none of another group.
fn group_near_marks(marks: &[(usize, PagePoint)]) -> Vec<Vec<(usize, PagePoint)>> {
    let mut groups: Vec<Vec<(usize, PagePoint)>> = Vec::new();
    for &mark in marks {
        let near =
            |other: &(usize, PagePoint)| (other.1[0] - mark.1[0]).hypot(other.1[1] - mark.1[1]) < MERGE_DISTANCE_PT;
        let (joined, apart): (Vec<_>, Vec<_>) = groups.into_iter().partition(|group| group.iter().any(near));
        let mut own: Vec<_> = joined.into_iter().flatten().chain([mark]).collect();
        own.sort_unstable_by_key(|(number, _)| *number);
        groups = apart;
        groups.push(own);
    }
    groups
}

fn box_around([x, y]: PagePoint, half: f32, high: f32) -> [f32; 4] {
    [x - half, y - high, x + half, y + high]
}

/// Finds a free position for a label, and its distance from the mark; the nearest position if none is free.
fn find_free_position(frame: &PlotFrame, [x, y]: PagePoint, half: f32, taken: &[[f32; 4]]) -> (PagePoint, f32) {
    let place = |reach: f32, [right, down]: PagePoint| {
        [x + right * (reach + half * right.abs()), y + down * (reach + 0.5 * SMALL_SIZE_PT)]
    };
    let fits = |middle: PagePoint| {
        let own = box_around(middle, half, 0.5 * SMALL_SIZE_PT);
        let apart = |o: &[f32; 4]| own[2] < o[0] || o[2] < own[0] || own[3] < o[1] || o[3] < own[1];
        frame.contains([own[0], own[1]]) && frame.contains([own[2], own[3]]) && taken.iter().all(apart)
    };
    let all =
        || LABEL_DISTANCES_PT.into_iter().flat_map(|reach| LABEL_DIRECTIONS.map(|way| (place(reach, way), reach)));
    all()
        .find(|(middle, _)| fits(*middle))
        .unwrap_or((place(LABEL_DISTANCES_PT[0], LABEL_DIRECTIONS[0]), LABEL_DISTANCES_PT[0]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::canvas::AxisScale;

    /// Returns the labels of some marks, and the boxes that they occupy.
    fn labels(marks: &[(usize, PagePoint)]) -> (Vec<String>, Vec<[f32; 4]>) {
        let (x, y) = (AxisScale::Linear(0.0, 1.0), AxisScale::Linear(0.0, 1.0));
        let frame = PlotFrame { left: 0.0, top: 0.0, width: 200.0, height: 200.0, x, y };
        let items = draw_marks(&frame, marks);
        let texts = items.iter().filter_map(|item| if let DrawItem::Text(text) = item { Some(text) } else { None });
        let box_of = |t: &Text| {
            let (half, [x, y]) = (0.5 * text_width(&t.content, SMALL_SIZE_PT), t.position);
            (t.content.clone(), box_around([x, y - 0.36 * SMALL_SIZE_PT], half, 0.5 * SMALL_SIZE_PT))
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
