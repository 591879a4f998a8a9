//! The bar that tells which number has which colour.

use super::axes::{CAP, MINOR, PAD, TICK};
use super::{Anchor, Colour, Item, LABEL, LINE, Map, Paint, Scale, Text, Tick, width};

/// Steps of which the bar is made.
const STEPS: usize = 128;

/// Which ends are drawn with a point: there are numbers beyond them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Extend {
    /// Below the low end.
    pub low: bool,
    /// Above the high end.
    pub high: bool,
}

/// Numbers as colours.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ColourBar {
    /// Numbers to fractions.
    pub scale: Scale,
    /// Fractions to colours.
    pub map: Map,
    /// What lies beyond.
    pub extend: Extend,
}

impl ColourBar {
    /// The colour of a number; none where it has no place on the scale.
    pub fn colour(&self, v: f64) -> Option<Colour> {
        let place = self.scale.place(v);
        (!place.is_nan()).then(|| self.map.at(place))
    }

    /// The bar: left, top, width and height, its label to the right.
    pub fn draw(&self, [left, top, wide, high]: [f32; 4], label: &str) -> Item {
        let (right, bottom) = (left + wide, top + high);
        let mut items = Vec::new();
        let step = high / STEPS as f32;
        for i in 0..STEPS {
            let colour = self.map.at((i as f64 + 0.5) / STEPS as f64);
            // each reaches under the next, so that no gap shows between them
            let below = if i == 0 { 0.0 } else { 0.5 * step };
            let at = bottom - (i + 1) as f32 * step;
            items.push(Item::rectangle([left, at, wide, step + below], Paint::fill(colour)));
        }
        let tip = |at: f32, reach: f32, colour: Colour| {
            let points = vec![[left, at], [left + 0.5 * wide, at + reach], [right, at]];
            Item::Polygon { points, closed: true, paint: Paint::fill(colour) }
        };
        let mut border = vec![[left, top]];
        if self.extend.high {
            items.push(tip(top, -wide, self.map.at(1.0)));
            border.push([left + 0.5 * wide, top - wide]);
        }
        border.extend([[right, top], [right, bottom]]);
        if self.extend.low {
            items.push(tip(bottom, wide, self.map.at(0.0)));
            border.push([left + 0.5 * wide, bottom + wide]);
        }
        border.push([left, bottom]);
        items.push(Item::Polygon { points: border, closed: true, paint: Paint::stroke(Colour::BLACK, LINE) });
        items.extend(self.ticks(right, bottom, high, label));
        Item::Group("colour-bar", items)
    }

    /// Width of a bar with its ticks and label, pt.
    pub fn width(&self, wide: f32, high: f32) -> f32 {
        wide + self.beside(high) + 0.5 * LABEL
    }

    /// How far from the bar the base line of its label is, pt.
    fn beside(&self, high: f32) -> f32 {
        let widest = self.labelled(high).iter().map(|t| width(&t.label, LABEL)).fold(0.0, f32::max);
        TICK + PAD + widest + 1.4 * LABEL
    }

    fn labelled(&self, high: f32) -> Vec<Tick> {
        self.scale.ticks((high / 28.0).clamp(2.0, 9.0) as usize)
    }

    fn ticks(&self, right: f32, bottom: f32, high: f32, label: &str) -> Vec<Item> {
        let at = |v: f64| bottom - high * self.scale.place(v) as f32;
        let ticks = self.labelled(high);
        let mut marks: Vec<_> = ticks.iter().map(|t| [[right, at(t.at)], [right + TICK, at(t.at)]]).collect();
        marks.extend(self.scale.minor().into_iter().map(|v| [[right, at(v)], [right + MINOR, at(v)]]));
        let mut items = vec![Item::Lines { ends: marks, colour: Colour::BLACK, width: LINE }];
        for tick in ticks {
            let beside = [right + TICK + PAD, at(tick.at) + LABEL * CAP * 0.5];
            items.push(Item::Text(Text::new(beside, LABEL, Anchor::Start, tick.label)));
        }
        let beside = [right + self.beside(high), bottom - 0.5 * high];
        items.push(Item::Text(Text { turned: true, ..Text::new(beside, LABEL, Anchor::Middle, label) }));
        items
    }
}
