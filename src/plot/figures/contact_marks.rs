//! Draws contacts as marks, with names where they fit.

use super::panel::Panel;
use crate::geometry::Point;
use crate::plot::canvas::{
    Colour, DrawItem, PagePoint, Paint, SMALL_SIZE_PT, Text, TextAnchor, text_width, truncate_to_width,
};

/// A contact to mark.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ContactMark {
    pub name: String,
    pub position: Point,
    /// Whether it is the selected contact.
    pub is_selected: bool,
}

/// If there are more contacts than this, only the selected one, and the first and the last have names.
const MAX_NAMED_CONTACTS: usize = 40;
/// Tip and top of more contacts are named if they are at least this far apart, pt.
const MIN_NAMED_LENGTH_PT: f32 = 40.0;
/// Longer names are truncated.
const MAX_NAME_CHARS: usize = 24;

/// Draws the marks in a panel, the selected one on top, and the names that fit.
pub(super) fn draw_contacts(panel: &Panel, marks: &[ContactMark]) -> DrawItem {
    let seen: Vec<(&ContactMark, PagePoint)> =
        marks.iter().filter_map(|m| Some((m, panel.visible_point(m.position)?))).collect();
    let (chosen, others): (Vec<_>, Vec<_>) = seen.into_iter().partition(|(m, _)| m.is_selected);
    let small = if others.len() > MAX_NAMED_CONTACTS { 0.9 } else { 2.0 };
    let mut items: Vec<DrawItem> = others.iter().map(|(_, at)| draw_mark(*at, small, Colour::WHITE)).collect();
    items.extend(chosen.iter().map(|(_, at)| draw_mark(*at, 3.0, Colour::VERMILLION)));
    let mut taken: Vec<[f32; 4]> =
        chosen.iter().map(|(_, at)| [at[0] - 4.0, at[1] - 4.0, at[0] + 4.0, at[1] + 4.0]).collect();
    let named = if others.len() > MAX_NAMED_CONTACTS { find_ends(&others) } else { others.clone() };
    for (mark, at) in chosen.iter().chain(&named) {
        items.extend(draw_name(panel, mark, *at, &mut taken));
    }
    DrawItem::Group("contacts", items)
}

/// Returns the first and the last of many contacts along their longer direction on the page; none if they are seen end
/// on.
fn find_ends<'a>(marks: &[(&'a ContactMark, PagePoint)]) -> Vec<(&'a ContactMark, PagePoint)> {
    let ends = [0, 1].map(|axis| {
        let along = |(_, at): &&(&ContactMark, PagePoint)| at[axis];
        let order = |a: &&(&ContactMark, PagePoint), b: &&(&ContactMark, PagePoint)| along(a).total_cmp(&along(b));
        marks.iter().min_by(order).zip(marks.iter().max_by(order)).map(|(a, b)| (b.1[axis] - a.1[axis], [*a, *b]))
    });
    let longest = ends.into_iter().flatten().max_by(|(a, _), (b, _)| a.total_cmp(b));
    longest.filter(|(length, _)| *length >= MIN_NAMED_LENGTH_PT).map_or_else(Vec::new, |(_, ends)| ends.to_vec())
}

fn draw_mark(center: PagePoint, radius: f32, fill: Colour) -> DrawItem {
    let width = (0.35 * radius).min(0.8);
    DrawItem::Circle { center, radius, paint: Paint { stroke: Some((Colour::BLACK, width)), ..Paint::fill(fill) } }
}

/// Draws the name to the right or to the left of a mark, if no other name is there.
fn draw_name(panel: &Panel, mark: &ContactMark, [x, y]: PagePoint, taken: &mut Vec<[f32; 4]>) -> Option<DrawItem> {
    let mut shown: String = mark.name.chars().take(MAX_NAME_CHARS).collect();
    if shown.len() < mark.name.len() {
        shown.push('\u{2026}');
    }
    let (size, apart) = if mark.is_selected { (SMALL_SIZE_PT + 1.0, 6.0) } else { (SMALL_SIZE_PT - 1.0, 4.0) };
    let wide = text_width(&shown, size);
    let sides = [(TextAnchor::Start, x + apart, x + apart), (TextAnchor::End, x - apart, x - apart - wide)];
    let free = |left: f32| {
        let own = [left, y - 0.5 * size, left + wide, y + 0.5 * size];
        let inside = left >= panel.frame.left && left + wide <= panel.frame.right();
        let apart = |o: &[f32; 4]| own[2] < o[0] || o[2] < own[0] || own[3] < o[1] || o[3] < own[1];
        (inside && (mark.is_selected || taken.iter().all(apart))).then_some(own)
    };
    let found = sides.into_iter().find_map(|(anchor, from, left)| Some((anchor, from, free(left)?)));
    let (anchor, from, own) = match found {
        None if mark.is_selected => {
            // the selected contact's name is always drawn, truncated on the side with more space
            let [left, right] = [x - apart - panel.frame.left, panel.frame.right() - x - apart];
            shown = truncate_to_width(&shown, size, left.max(right));
            let wide = text_width(&shown, size);
            let beside = if right >= left { x + apart } else { x - apart - wide };
            let own = [beside, y - 0.5 * size, beside + wide, y + 0.5 * size];
            (TextAnchor::Start, beside, own)
        }
        found => found?,
    };
    taken.push(own);
    Some(DrawItem::Text(Text { halo: Some(Colour::WHITE), ..Text::new([from, y + 0.36 * size], size, anchor, shown) }))
}
