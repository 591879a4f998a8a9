//! Draws traces at the depths of their contacts.

use super::SignalTraces;
use super::laminar::LaminarSignal;
use super::panel_parts::{DrawnPanel, FramePlace, draw_ground, unit_label};
use crate::plot::canvas::{
    AxisScale, Colour, DrawItem, PagePoint, Paint, PlotFrame, SMALL_SIZE_PT, Text, TextAnchor, text_width,
};

/// Maximum number of traces.
const MAX_TRACES: usize = 32;
/// Maximum number of points of a trace: two for each step of the page, its smallest and its largest value.
const MAX_POINTS: usize = 1600;
/// The largest excursion from the mean, in distances of neighbouring traces.
const LARGEST_EXCURSION: f64 = 1.4;

/// Draws every k-th depth as a trace about its own mean, and a scale bar of amplitude.
pub(super) fn draw_traces(traces: &SignalTraces, laminar: &LaminarSignal, place: FramePlace) -> DrawnPanel {
    let [left, top, width, height] = place;
    let count = laminar.depths.len();
    let step = count.div_ceil(MAX_TRACES).max(1);
    let shown: Vec<usize> = (0..count).step_by(step).collect();
    let series: Vec<Vec<f64>> = shown.iter().map(|depth| centred(laminar, *depth)).collect();
    let most = series.iter().flatten().map(|v| v.abs()).fold(0.0, f64::max);
    let (low, high) = (laminar.depths.first().copied().unwrap_or(0.0), laminar.depths.last().copied().unwrap_or(0.0));
    let gap = if shown.len() > 1 { (high - low) / (shown.len() - 1) as f64 } else { 1.0 };
    let gain = if most > 0.0 { LARGEST_EXCURSION * gap / most } else { 1.0 };
    let border = (LARGEST_EXCURSION + 0.1) * gap;
    let times = [traces.times_ms.first(), traces.times_ms.last()].map(|t| t.copied().unwrap_or_default());
    let frame = PlotFrame {
        left,
        top,
        width,
        height,
        x: AxisScale::Linear(times[0], times[1]),
        y: AxisScale::Linear(low - border, high + border),
    };
    let mut lines = Vec::new();
    for (depth, values) in shown.iter().zip(&series) {
        let Some(base) = laminar.depths.get(*depth) else { continue };
        let at = |(frame_number, value): (usize, f64)| -> PagePoint {
            let time = traces.times_ms.get(frame_number).copied().unwrap_or_default();
            frame.to_page(time, base + gain * value)
        };
        let points = thin_trace(values).into_iter().map(at).collect();
        let paint = Paint::stroke(Colour(0x20_4a87), 0.7);
        lines.push(DrawItem::Polygon { points, closed: false, paint });
    }
    let axis = if laminar.has_positions { laminar.label } else { "contact (first is 0, downwards)" };
    let (scale, right) = draw_amplitude(&frame, most, gain, &unit_label(&traces.unit));
    let items = vec![
        draw_ground(place),
        DrawItem::Group("traces", lines),
        frame.draw_axes(Some("time (ms)"), Some(axis)),
        scale,
    ];
    DrawnPanel { items, right, note: describe_step(step, shown.len(), count) }
}

/// Describes which traces are drawn; `None` if all are.
fn describe_step(step: usize, shown: usize, count: usize) -> Option<String> {
    let which = match step {
        0 | 1 => return None,
        2 => "second".to_string(),
        3 => "third".to_string(),
        step => format!("{step}th"),
    };
    Some(format!("traces of every {which} depth, {shown} of {count}"))
}

/// Returns the values at a depth less their mean.
fn centred(laminar: &LaminarSignal, depth: usize) -> Vec<f64> {
    let values: Vec<f64> = laminar
        .values
        .chunks_exact(laminar.depths.len().max(1))
        .filter_map(|frame| frame.get(depth).copied())
        .collect();
    let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
    values.into_iter().map(|v| v - mean).collect()
}

/// Returns frames and values to draw: all, or of each of many equal stretches the smallest and the largest.
fn thin_trace(values: &[f64]) -> Vec<(usize, f64)> {
    let numbered = || values.iter().copied().enumerate();
    if values.len() <= MAX_POINTS {
        return numbered().collect();
    }
    let all: Vec<(usize, f64)> = numbered().collect();
    let mut kept = Vec::with_capacity(MAX_POINTS);
    for stretch in all.chunks(values.len().div_ceil(MAX_POINTS / 2)) {
        let order = |a: &&(usize, f64), b: &&(usize, f64)| a.1.total_cmp(&b.1);
        let mut ends: Vec<(usize, f64)> =
            stretch.iter().min_by(order).into_iter().chain(stretch.iter().max_by(order)).copied().collect();
        ends.sort_unstable_by_key(|(frame, _)| *frame);
        ends.dedup_by_key(|(frame, _)| *frame);
        kept.extend(ends);
    }
    kept
}

/// Draws a bar of round amplitude at the right; returns its right border.
fn draw_amplitude(frame: &PlotFrame, most: f64, gain: f64, unit: &str) -> (DrawItem, f32) {
    let x = frame.right() + 14.0;
    if most <= 0.0 {
        return (DrawItem::Group("amplitude", Vec::new()), x);
    }
    let power = 10f64.powf(most.log10().floor());
    let amplitude = [5.0, 2.0, 1.0].map(|k| k * power).into_iter().find(|v| *v <= most).unwrap_or(power);
    let [_, from] = frame.to_page(0.0, 0.0);
    let [_, to] = frame.to_page(0.0, gain * amplitude);
    let length = (from - to).abs();
    let middle = frame.top + 0.5 * frame.height;
    let line = [[x, middle - 0.5 * length], [x, middle + 0.5 * length]];
    let text = format!("{amplitude} {unit}");
    let width = text_width(&text, SMALL_SIZE_PT);
    let items = vec![
        DrawItem::Lines { ends: vec![line], colour: Colour::BLACK, width: 2.0 },
        DrawItem::Text(Text::new([x + 6.0, middle + 3.0], SMALL_SIZE_PT, TextAnchor::Start, text)),
    ];
    (DrawItem::Group("amplitude", items), x + 8.0 + width)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traces_that_are_left_out_are_described() {
        assert_eq!([1, 0].map(|step| describe_step(step, 8, 8)), [None, None]);
        assert_eq!(describe_step(2, 24, 48).unwrap(), "traces of every second depth, 24 of 48");
        assert_eq!(describe_step(12, 32, 384).unwrap(), "traces of every 12th depth, 32 of 384");
    }

    #[test]
    fn peaks_stay_where_a_trace_is_thinned() {
        let mut values = vec![0.0; 100_000];
        (values[12_345], values[77_777]) = (5.0, -3.0);
        let kept = thin_trace(&values);
        assert!(kept.len() <= MAX_POINTS && kept.contains(&(12_345, 5.0)) && kept.contains(&(77_777, -3.0)));
        assert!(kept.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert_eq!(thin_trace(&values[..3]), [(0, 0.0), (1, 0.0), (2, 0.0)]);
    }
}
