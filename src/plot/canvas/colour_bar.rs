//! A colour bar, which shows the colours of numbers.

use super::axes::{DIGIT_HEIGHT_RATIO, MINOR_TICK_LENGTH_PT, TICK_LENGTH_PT, TICK_PAD_PT};
use super::{
    AxisScale, Colour, ColourMap, DrawItem, FRAME_LINE_PT, LABEL_SIZE_PT, Paint, Text, TextAnchor, Tick, text_width,
};

/// Number of steps that the bar is made of.
const BAR_STEPS: usize = 128;

/// Which ends are drawn with a triangular tip, because there are numbers beyond them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Extend {
    /// Below the low end.
    pub low: bool,
    /// Above the high end.
    pub high: bool,
}

/// A scale and a colour map.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ColourBar {
    /// Maps numbers to fractions.
    pub scale: AxisScale,
    /// Maps fractions to colours.
    pub map: ColourMap,
    /// Whether there are numbers beyond the ends.
    pub extend: Extend,
}

impl ColourBar {
    /// Returns the colour of a number; `None` if it has no position on the scale.
    pub fn colour(&self, v: f64) -> Option<Colour> {
        let place = self.scale.position(v);
        (!place.is_nan()).then(|| self.map.colour_at(place))
    }

    /// Draws the bar at left, top, with width and height; its label is on the right.
    pub fn draw(&self, [left, top, wide, high]: [f32; 4], label: &str) -> DrawItem {
        let (right, bottom) = (left + wide, top + high);
        let mut items = Vec::new();
        let step = high / BAR_STEPS as f32;
        for i in 0..BAR_STEPS {
            let colour = self.map.colour_at((i as f64 + 0.5) / BAR_STEPS as f64);
            // each step extends under the next, so that no gap is visible between them
            let below = if i == 0 { 0.0 } else { 0.5 * step };
            let at = bottom - (i + 1) as f32 * step;
            items.push(DrawItem::rectangle([left, at, wide, step + below], Paint::fill(colour)));
        }
        let tip = |at: f32, reach: f32, colour: Colour| {
            let points = vec![[left, at], [left + 0.5 * wide, at + reach], [right, at]];
            DrawItem::Polygon { points, closed: true, paint: Paint::fill(colour) }
        };
        let mut border = vec![[left, top]];
        if self.extend.high {
            items.push(tip(top, -wide, self.map.colour_at(1.0)));
            border.push([left + 0.5 * wide, top - wide]);
        }
        border.extend([[right, top], [right, bottom]]);
        if self.extend.low {
            items.push(tip(bottom, wide, self.map.colour_at(0.0)));
            border.push([left + 0.5 * wide, bottom + wide]);
        }
        border.push([left, bottom]);
        items.push(DrawItem::Polygon {
            points: border,
            closed: true,
            paint: Paint::stroke(Colour::BLACK, FRAME_LINE_PT),
        });
        items.extend(self.draw_ticks(right, bottom, high, label));
        DrawItem::Group("colour-bar", items)
    }

    /// Returns the width of a bar with its ticks and label, pt.
    pub fn total_width(&self, wide: f32, high: f32) -> f32 {
        wide + self.label_offset(high) + 0.5 * LABEL_SIZE_PT
    }

    /// Returns the distance from the bar to the base line of its label, pt.
    fn label_offset(&self, high: f32) -> f32 {
        let widest = self.labelled_ticks(high).iter().map(|t| text_width(&t.label, LABEL_SIZE_PT)).fold(0.0, f32::max);
        TICK_LENGTH_PT + TICK_PAD_PT + widest + 1.4 * LABEL_SIZE_PT
    }

    fn labelled_ticks(&self, high: f32) -> Vec<Tick> {
        self.scale.ticks((high / 28.0).clamp(2.0, 9.0) as usize)
    }

    fn draw_ticks(&self, right: f32, bottom: f32, high: f32, label: &str) -> Vec<DrawItem> {
        let at = |v: f64| bottom - high * self.scale.position(v) as f32;
        let ticks = self.labelled_ticks(high);
        let mut marks: Vec<_> =
            ticks.iter().map(|t| [[right, at(t.value)], [right + TICK_LENGTH_PT, at(t.value)]]).collect();
        marks.extend(
            self.scale.minor_ticks().into_iter().map(|v| [[right, at(v)], [right + MINOR_TICK_LENGTH_PT, at(v)]]),
        );
        let mut items = vec![DrawItem::Lines { ends: marks, colour: Colour::BLACK, width: FRAME_LINE_PT }];
        for tick in ticks {
            let beside =
                [right + TICK_LENGTH_PT + TICK_PAD_PT, at(tick.value) + LABEL_SIZE_PT * DIGIT_HEIGHT_RATIO * 0.5];
            items.push(DrawItem::Text(Text::new(beside, LABEL_SIZE_PT, TextAnchor::Start, tick.label)));
        }
        let beside = [right + self.label_offset(high), bottom - 0.5 * high];
        items.push(DrawItem::Text(Text {
            is_vertical: true,
            ..Text::new(beside, LABEL_SIZE_PT, TextAnchor::Middle, label)
        }));
        items
    }
}
