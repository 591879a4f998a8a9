//! A plot frame with two axes: border, ticks and labels.

use super::{
    AxisScale, Colour, DrawItem, FRAME_LINE_PT, LABEL_SIZE_PT, PagePoint, Paint, Text, TextAnchor, Tick, text_width,
};

/// Length of a tick, pt.
pub(super) const TICK_LENGTH_PT: f32 = 3.5;
/// Length of a tick without a label, pt.
pub(super) const MINOR_TICK_LENGTH_PT: f32 = 2.0;
/// Space between a tick and its label, pt.
pub(super) const TICK_PAD_PT: f32 = 3.5;
/// Height of a digit relative to the font size.
pub(super) const DIGIT_HEIGHT_RATIO: f32 = 0.73;

/// A rectangle on the page with scales that map numbers to positions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PlotFrame {
    /// Left border, pt.
    pub left: f32,
    /// Upper border, pt.
    pub top: f32,
    /// Width, pt.
    pub width: f32,
    /// Height, pt.
    pub height: f32,
    /// Scale of the horizontal axis, to the right.
    pub x: AxisScale,
    /// Scale of the vertical axis, upwards.
    pub y: AxisScale,
}

impl PlotFrame {
    /// Returns the position of two numbers on the page.
    pub fn to_page(&self, x: f64, y: f64) -> PagePoint {
        let (right, up) = (self.x.position(x) as f32, self.y.position(y) as f32);
        [self.left + self.width * right, self.top + self.height * (1.0 - up)]
    }

    /// Returns the right border, pt.
    pub fn right(&self) -> f32 {
        self.left + self.width
    }

    /// Returns the lower border, pt.
    pub fn bottom(&self) -> f32 {
        self.top + self.height
    }

    /// Returns whether a position on the page is inside the frame.
    pub fn contains(&self, [x, y]: PagePoint) -> bool {
        (self.left..=self.right()).contains(&x) && (self.top..=self.bottom()).contains(&y)
    }

    /// Returns the part of a line that is inside (Liang and Barsky 1984); `None` if nothing is.
    pub fn clip_line(&self, from: PagePoint, to: PagePoint) -> Option<[PagePoint; 2]> {
        let low = [self.left, self.top];
        let high = [self.right(), self.bottom()];
        let (mut start, mut end) = (0.0_f32, 1.0_f32);
        for k in 0..2 {
            let step = to[k] - from[k];
            if step == 0.0 {
                if !(low[k]..=high[k]).contains(&from[k]) {
                    return None;
                }
                continue;
            }
            let (a, b) = ((low[k] - from[k]) / step, (high[k] - from[k]) / step);
            (start, end) = (start.max(a.min(b)), end.min(a.max(b)));
        }
        let at = |t: f32| [0, 1].map(|k| (from[k] + (to[k] - from[k]) * t).clamp(low[k], high[k]));
        // nothing is drawn if a coordinate is not finite
        (start <= end && from.iter().chain(&to).all(|v| v.is_finite())).then(|| [at(start), at(end)])
    }

    /// Draws the background of the frame.
    pub fn draw_background(&self, colour: Colour) -> DrawItem {
        DrawItem::rectangle([self.left, self.top, self.width, self.height], Paint::fill(colour))
    }

    /// Returns the number of labelled ticks that fit along the lower and the left border.
    fn max_ticks(&self) -> (usize, usize) {
        let fit = |length: f32, each: f32| (length / each).clamp(1.0, 9.0) as usize;
        (fit(self.width, 45.0), fit(self.height, 32.0))
    }

    /// Returns the width of the labels of the left axis, including the axis label, to be left free next to the frame.
    pub fn left_margin(&self) -> f32 {
        self.widest_label() + TICK_LENGTH_PT + TICK_PAD_PT + 1.9 * LABEL_SIZE_PT
    }

    fn widest_label(&self) -> f32 {
        labelled_ticks(self.y, self.max_ticks().1)
            .iter()
            .map(|t| text_width(&t.label, LABEL_SIZE_PT))
            .fold(0.0, f32::max)
    }

    /// Draws border, ticks and labels; axes without a label get ticks only.
    pub fn draw_axes(&self, x: Option<&str>, y: Option<&str>) -> DrawItem {
        let ink = Paint::stroke(Colour::BLACK, FRAME_LINE_PT);
        let (across, up) = self.max_ticks();
        let (left, bottom) = (self.left, self.bottom());
        let mut marks = Vec::new();
        let mut items = vec![DrawItem::rectangle([left, self.top, self.width, self.height], ink)];
        for tick in labelled_ticks(self.x, across) {
            let at = left + self.width * self.x.position(tick.value) as f32;
            marks.push([[at, bottom], [at, bottom + TICK_LENGTH_PT]]);
            let under = [at, bottom + TICK_LENGTH_PT + TICK_PAD_PT + LABEL_SIZE_PT * DIGIT_HEIGHT_RATIO];
            items.push(DrawItem::Text(Text::new(under, LABEL_SIZE_PT, TextAnchor::Middle, tick.label)));
        }
        for tick in labelled_ticks(self.y, up) {
            let at = bottom - self.height * self.y.position(tick.value) as f32;
            marks.push([[left - TICK_LENGTH_PT, at], [left, at]]);
            if y.is_some() {
                let beside = [left - TICK_LENGTH_PT - TICK_PAD_PT, at + LABEL_SIZE_PT * DIGIT_HEIGHT_RATIO * 0.5];
                items.push(DrawItem::Text(Text::new(beside, LABEL_SIZE_PT, TextAnchor::End, tick.label)));
            }
        }
        let minor_x = self.x.minor_ticks().into_iter().map(|v| left + self.width * self.x.position(v) as f32);
        marks.extend(minor_x.map(|at| [[at, bottom], [at, bottom + MINOR_TICK_LENGTH_PT]]));
        let minor_y = self.y.minor_ticks().into_iter().map(|v| bottom - self.height * self.y.position(v) as f32);
        marks.extend(minor_y.map(|at| [[left - MINOR_TICK_LENGTH_PT, at], [left, at]]));
        items.insert(1, DrawItem::Lines { ends: marks, colour: Colour::BLACK, width: FRAME_LINE_PT });
        if let Some(label) = x {
            let at = [left + 0.5 * self.width, bottom + TICK_LENGTH_PT + TICK_PAD_PT + 2.35 * LABEL_SIZE_PT];
            items.push(DrawItem::Text(Text::new(at, LABEL_SIZE_PT, TextAnchor::Middle, label)));
        }
        if let Some(label) = y {
            let at = [
                left - TICK_LENGTH_PT - TICK_PAD_PT - self.widest_label() - 0.6 * LABEL_SIZE_PT,
                self.top + 0.5 * self.height,
            ];
            items.push(DrawItem::Text(Text {
                is_vertical: true,
                ..Text::new(at, LABEL_SIZE_PT, TextAnchor::Middle, label)
            }));
        }
        DrawItem::Group("axes", items)
    }
}

/// Returns the ticks of an axis, with one more than fits well if only that gives two: a single tick shows no scale.
fn labelled_ticks(scale: AxisScale, most: usize) -> Vec<Tick> {
    let several = (most..most + 3).map(|most| scale.ticks(most)).find(|ticks| ticks.len() > 1);
    several.unwrap_or_else(|| scale.ticks(most))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame() -> PlotFrame {
        PlotFrame {
            left: 10.0,
            top: 20.0,
            width: 100.0,
            height: 50.0,
            x: AxisScale::Linear(0.0, 10.0),
            y: AxisScale::Linear(0.0, 5.0),
        }
    }

    #[test]
    fn upwards_on_the_axis_is_upwards_on_the_page() {
        assert_eq!([frame().to_page(0.0, 0.0), frame().to_page(10.0, 5.0)], [[10.0, 70.0], [110.0, 20.0]]);
    }

    #[test]
    fn a_line_is_cut_at_the_border() {
        let cut = |a, b| frame().clip_line(a, b);
        assert_eq!(cut([0.0, 40.0], [60.0, 40.0]), Some([[10.0, 40.0], [60.0, 40.0]]));
        assert_eq!(cut([20.0, 0.0], [20.0, 90.0]), Some([[20.0, 20.0], [20.0, 70.0]]));
        assert_eq!(cut([0.0, 40.0], [30.0, 10.0]), Some([[10.0, 30.0], [20.0, 20.0]]));
        assert_eq!(cut([0.0, 0.0], [0.0, 90.0]), None);
        assert_eq!(cut([0.0, 69.0], [11.0, 81.0]), None);
        assert_eq!(cut([f32::NAN, 40.0], [60.0, 40.0]), None);
    }

    #[test]
    fn a_short_axis_has_two_ticks_all_the_same() {
        let at: Vec<f64> = labelled_ticks(AxisScale::Linear(-340.0, 340.0), 1).into_iter().map(|t| t.value).collect();
        assert_eq!(at, [-250.0, 0.0, 250.0]);
    }

    #[test]
    fn every_axis_has_its_label_and_its_numbers_as_text() {
        let DrawItem::Group(name, items) = frame().draw_axes(Some("x (µm)"), Some("y (µm)")) else { unreachable!() };
        let texts: Vec<&str> = items
            .iter()
            .filter_map(|i| match i {
                DrawItem::Text(t) => Some(t.content.as_str()),
                _ => None,
            })
            .collect();
        assert_eq!((name, texts), ("axes", vec!["0", "5", "10", "0", "5", "x (µm)", "y (µm)"]));
    }
}
