//! Contacts as marks, with names where there is room.

use super::panel::Panel;
use crate::geometry::Point;
use crate::plot::canvas::{Anchor, Colour, Item, Paint, SMALL, Spot, Text, fitted, width};

/// A contact to be marked.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Mark {
    pub name: String,
    pub at: Point,
    /// Whether it is the one that the picture is about.
    pub chosen: bool,
}

/// Names of others than the chosen contact are written if there are no more of these.
const NAMED: usize = 40;
/// Longer names are cut.
const LETTERS: usize = 24;

/// The marks in a panel, the chosen one on top, and the names for which there is room.
pub(super) fn marks(panel: &Panel, marks: &[Mark]) -> Item {
    let seen: Vec<(&Mark, Spot)> = marks.iter().filter_map(|m| Some((m, panel.spot(m.at)?))).collect();
    let (chosen, others): (Vec<_>, Vec<_>) = seen.into_iter().partition(|(m, _)| m.chosen);
    let small = if others.len() > NAMED { 0.9 } else { 2.0 };
    let mut items: Vec<Item> = others.iter().map(|(_, at)| mark(*at, small, Colour::WHITE)).collect();
    items.extend(chosen.iter().map(|(_, at)| mark(*at, 3.0, Colour::VERMILLION)));
    let mut taken: Vec<[f32; 4]> =
        chosen.iter().map(|(_, at)| [at[0] - 4.0, at[1] - 4.0, at[0] + 4.0, at[1] + 4.0]).collect();
    let others = others.iter().filter(|_| others.len() <= NAMED);
    for (mark, at) in chosen.iter().chain(others) {
        items.extend(name(panel, mark, *at, &mut taken));
    }
    Item::Group("contacts", items)
}

fn mark(center: Spot, radius: f32, fill: Colour) -> Item {
    let width = (0.35 * radius).min(0.8);
    Item::Circle { center, radius, paint: Paint { stroke: Some((Colour::BLACK, width)), ..Paint::fill(fill) } }
}

/// The name to the right of a mark or to its left, where no other name is.
fn name(panel: &Panel, mark: &Mark, [x, y]: Spot, taken: &mut Vec<[f32; 4]>) -> Option<Item> {
    let mut shown: String = mark.name.chars().take(LETTERS).collect();
    if shown.len() < mark.name.len() {
        shown.push('\u{2026}');
    }
    let (size, apart) = if mark.chosen { (SMALL + 1.0, 6.0) } else { (SMALL - 1.0, 4.0) };
    let wide = width(&shown, size);
    let sides = [(Anchor::Start, x + apart, x + apart), (Anchor::End, x - apart, x - apart - wide)];
    let free = |left: f32| {
        let own = [left, y - 0.5 * size, left + wide, y + 0.5 * size];
        let inside = left >= panel.frame.left && left + wide <= panel.frame.right();
        let apart = |o: &[f32; 4]| own[2] < o[0] || o[2] < own[0] || own[3] < o[1] || o[3] < own[1];
        (inside && (mark.chosen || taken.iter().all(apart))).then_some(own)
    };
    let found = sides.into_iter().find_map(|(anchor, from, left)| Some((anchor, from, free(left)?)));
    let (anchor, from, own) = match found {
        None if mark.chosen => {
            // it is always told, cut where there is more room
            let [left, right] = [x - apart - panel.frame.left, panel.frame.right() - x - apart];
            shown = fitted(&shown, size, left.max(right));
            let wide = width(&shown, size);
            let beside = if right >= left { x + apart } else { x - apart - wide };
            let own = [beside, y - 0.5 * size, beside + wide, y + 0.5 * size];
            (Anchor::Start, beside, own)
        }
        found => found?,
    };
    taken.push(own);
    Some(Item::Text(Text { halo: Some(Colour::WHITE), ..Text::new([from, y + 0.36 * size], size, anchor, shown) }))
}
