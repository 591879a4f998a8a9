//! Parts that all figures of signals share: frames, backgrounds, and the format of numbers and units.

use crate::plot::canvas::{Colour, DrawItem, Paint};

/// A drawn figure: its items, the right border of its labels, pt, and what a reader must know.
pub(super) struct DrawnPanel {
    pub items: Vec<DrawItem>,
    pub right: f32,
    pub note: Option<String>,
}

/// Left, top, width and height of a frame, pt.
pub(super) type FramePlace = [f32; 4];

/// Draws the background of a frame.
pub(super) fn draw_ground([left, top, width, height]: FramePlace) -> DrawItem {
    DrawItem::rectangle([left, top, width, height], Paint::fill(Colour::WHITE))
}

/// Formats a number with at most four digits after the point.
pub(super) fn shorten(v: f64) -> String {
    let text = format!("{v:.4}");
    text.trim_end_matches('0').trim_end_matches('.').into()
}

/// Writes a unit with the letter µ.
pub(super) fn unit_label(unit: &str) -> String {
    unit.replace('u', "\u{b5}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_no_trailing_zeros() {
        assert_eq!([0.1, 0.025, 2.0].map(shorten), ["0.1", "0.025", "2"]);
    }
}
