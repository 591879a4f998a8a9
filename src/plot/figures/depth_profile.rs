//! Draws how segments and weights are distributed over depth: two rows of bars with the same upright axis.

use super::categories::SegmentCategories;
use super::palette::is_csd_method;
use super::sample::SegmentSample;
use crate::geometry::Point;
use crate::plot::canvas::{
    AxisScale, Colour, DrawItem, Figure, LABEL_SIZE_PT, Paint, PlotFrame, SMALL_SIZE_PT, Text, TextAnchor, round_step,
    text_width,
};
use crate::units::WEIGHT_UNIT;

/// Size of each frame, pt.
const FRAME_PT: [f32; 2] = [150.0, 240.0];
const GAP_PT: f32 = 22.0;
/// Maximum number of bins.
const MAX_BINS: usize = 48;

/// The data of a depth profile, for [`plot_depth_profile`].
#[derive(Debug, Clone, Copy)]
pub struct DepthProfile<'a> {
    /// The segments.
    pub sample: &'a SegmentSample,
    /// Their weights.
    pub values: &'a [Option<f64>],
    /// Their kinds.
    pub categories: &'a SegmentCategories,
    /// The axis of depth: 0 for x, 1 for y, 2 for z.
    pub axis: usize,
    /// Name and position of the contact.
    pub contact: (&'a str, Option<Point>),
    /// The contact's method.
    pub method: Option<&'a str>,
}

/// Numbers in the bins of one frame: for each bin, one number for each kind.
struct Bins {
    first: f64,
    step: f64,
    segments: Vec<Vec<f64>>,
    weights: Vec<Vec<f64>>,
}

impl Bins {
    fn count(profile: &DepthProfile<'_>) -> Self {
        let depth = |p: Point| p.to_array()[profile.axis.min(2)];
        let (low, high) = (depth(profile.sample.bounds.min), depth(profile.sample.bounds.max));
        let step = round_step((high - low).max(1.0), MAX_BINS);
        let first = (low / step).floor() * step;
        let count = ((high - first) / step).floor().clamp(0.0, 4.0 * MAX_BINS as f64) as usize + 1;
        let empty = vec![vec![0.0; profile.categories.kinds.len()]; count];
        let mut bins = Self { first, step, segments: empty.clone(), weights: empty };
        for ((segment, value), kind) in
            profile.sample.segments.iter().zip(profile.values).zip(&profile.categories.indices)
        {
            let place = ((depth(segment.midpoint()) - first) / step).floor().max(0.0) as usize;
            let add = |rows: &mut Vec<Vec<f64>>, amount: f64| {
                if let Some(cell) = rows.get_mut(place).and_then(|row| row.get_mut(usize::from(*kind))) {
                    *cell += amount * segment.represents;
                }
            };
            add(&mut bins.segments, 1.0);
            add(&mut bins.weights, value.filter(|v| v.is_finite()).unwrap_or_default().abs());
        }
        bins
    }

    fn last(&self) -> f64 {
        self.first + self.step * self.segments.len() as f64
    }
}

/// Draws the number of segments and the sum of the magnitudes of their weights by depth.
pub fn plot_depth_profile(profile: &DepthProfile<'_>) -> Figure {
    let bins = Bins::count(profile);
    let most = |rows: &[Vec<f64>]| {
        let most = rows.iter().map(|row| row.iter().sum::<f64>()).fold(0.0, f64::max);
        if most > 0.0 { 1.05 * most } else { 1.0 }
    };
    let mut left = PlotFrame {
        left: 0.0,
        top: 14.0,
        width: FRAME_PT[0],
        height: FRAME_PT[1],
        x: AxisScale::Linear(0.0, most(&bins.segments)),
        y: AxisScale::Linear(bins.first, bins.last()),
    };
    left.left = 6.0 + left.left_margin();
    let right = PlotFrame { left: left.right() + GAP_PT, x: AxisScale::Linear(0.0, most(&bins.weights)), ..left };
    let inside = is_csd_method(profile.method);
    let sum = if inside { "segments inside".to_string() } else { format!("sum of |weight| ({WEIGHT_UNIT})") };
    let axis = ["x (\u{b5}m)", "y (\u{b5}m)", "z (\u{b5}m)"][profile.axis.min(2)];
    let mut items = vec![draw_bars(&left, &bins, &bins.segments, profile.categories)];
    items.push(draw_bars(&right, &bins, &bins.weights, profile.categories));
    items.extend(draw_contact(profile, [&left, &right]));
    items.push(left.draw_axes(Some("segments"), Some(axis)));
    items.push(right.draw_axes(Some(&sum), None));
    let (legend, width) = draw_legend(profile.categories, [right.right() + 14.0, right.top]);
    items.push(legend);
    let height = left.bottom() + 52.0;
    let step = bins.step;
    let mut note = format!("bins of {step} \u{b5}m");
    if profile.sample.stride > 1 {
        note += &format!("; estimated from {}", profile.sample.summary());
    }
    items.push(DrawItem::Text(Text {
        colour: Colour(0x55_5555),
        ..Text::new([left.left, height - 7.0], SMALL_SIZE_PT, TextAnchor::Start, note)
    }));
    let title = format!("Segments and weights by depth and {}", profile.categories.title);
    Figure { width, height, title, items }
}

fn draw_bars(frame: &PlotFrame, bins: &Bins, rows: &[Vec<f64>], categories: &SegmentCategories) -> DrawItem {
    let mut items = Vec::new();
    for (bin, row) in rows.iter().enumerate() {
        let low = bins.first + bins.step * bin as f64;
        let mut before = 0.0;
        for (&amount, kind) in row.iter().zip(&categories.kinds).filter(|(amount, _)| **amount > 0.0) {
            let [left, bottom] = frame.to_page(before, low);
            let [right, top] = frame.to_page(before + amount, low + bins.step);
            before += amount;
            // a gap of a fifth of a point separates the bars
            let place = [left, top + 0.2, right - left, bottom - top - 0.2];
            items.push(DrawItem::rectangle(place, Paint::fill(kind.colour)));
        }
    }
    DrawItem::Group("bars", items)
}

/// Draws the depth of the contact through both frames.
fn draw_contact(profile: &DepthProfile<'_>, frames: [&PlotFrame; 2]) -> Option<DrawItem> {
    let (name, position) = profile.contact;
    let depth = position?.to_array()[profile.axis.min(2)];
    let [_, y] = frames[0].to_page(0.0, depth);
    let ends: Vec<_> = frames.iter().filter_map(|f| f.clip_line([f.left, y], [f.right(), y])).collect();
    let at = [frames[0].right() - 4.0, y - 3.0];
    let text = Text { halo: Some(Colour::WHITE), ..Text::new(at, SMALL_SIZE_PT, TextAnchor::End, name) };
    let line = DrawItem::Lines { ends: ends.clone(), colour: Colour::VERMILLION, width: 1.2 };
    (!ends.is_empty()).then(|| DrawItem::Group("contact", vec![line, DrawItem::Text(text)]))
}

/// Draws the legend at a position; returns its right border.
fn draw_legend(categories: &SegmentCategories, [left, top]: [f32; 2]) -> (DrawItem, f32) {
    let mut items =
        vec![DrawItem::Text(Text::new([left, top + 9.0], LABEL_SIZE_PT, TextAnchor::Start, categories.title))];
    let mut width = text_width(categories.title, LABEL_SIZE_PT);
    for (i, kind) in categories.kinds.iter().enumerate() {
        let y = top + 18.0 + 15.0 * i as f32;
        items.push(DrawItem::rectangle([left, y, 9.0, 9.0], Paint::fill(kind.colour)));
        let name = kind.name.as_str();
        items.push(DrawItem::Text(Text::new([left + 14.0, y + 8.0], SMALL_SIZE_PT + 1.0, TextAnchor::Start, name)));
        width = width.max(14.0 + text_width(name, SMALL_SIZE_PT + 1.0));
    }
    (DrawItem::Group("key", items), left + width + 8.0)
}

#[cfg(test)]
mod tests {
    use super::super::sample::SampledSegment;
    use super::*;
    use crate::geometry::Aabb;

    #[test]
    fn every_segment_is_in_one_bin_with_its_weight() {
        let segment = |y: f64, represents: f64| SampledSegment {
            start: Point::new(0.0, y, 0.0),
            end: Point::new(0.0, y, 0.0),
            node_id: 0,
            section_id: 0,
            segment_id: 0,
            row: 0,
            section_type: None,
            radius_um: None,
            represents,
        };
        let segments = vec![segment(-50.0, 1.0), segment(0.0, 4.0), segment(430.0, 1.0)];
        let bounds = Aabb::enclosing(segments.iter().map(|s| s.start));
        let sample = SegmentSample { segments, total: 6, by_region: vec![], stride: 2, bounds, warnings: vec![] };
        let categories = SegmentCategories::by_text("mtype", &["a", "b", "a"]);
        let values = [Some(-2.0), Some(3.0), None];
        let profile = DepthProfile {
            sample: &sample,
            values: &values,
            categories: &categories,
            axis: 1,
            contact: ("c", Some(Point::ORIGIN)),
            method: None,
        };
        let bins = Bins::count(&profile);
        // 480 µm in at most 48 bins are bins of 10 µm; the first begins at -50
        assert_eq!((bins.first, bins.step, bins.segments.len()), (-50.0, 10.0, 49));
        assert_eq!([&bins.segments[0], &bins.segments[5], &bins.segments[48]], [&[1.0, 0.0], &[0.0, 4.0], &[1.0, 0.0]]);
        assert_eq!([&bins.weights[0], &bins.weights[5], &bins.weights[48]], [&[2.0, 0.0], &[0.0, 12.0], &[0.0, 0.0]]);
        let figure = plot_depth_profile(&profile);
        let bars = figure.items.iter().filter_map(|item| match item {
            DrawItem::Group("bars", bars) => Some(bars.len()),
            _ => None,
        });
        assert_eq!(bars.collect::<Vec<_>>(), [3, 2]);
    }
}
