//! Draws the weights of one contact against the distance of the segments from it, with the line of a point source.

use super::sample::{SegmentSample, group_thousands};
use crate::geometry::Point;
use crate::plot::canvas::{
    AxisScale, Colour, ColourBar, ColourMap, DrawItem, Extend, Figure, PagePoint, Paint, PlotFrame, SMALL_SIZE_PT,
    Text, TextAnchor, text_width,
};
use crate::units::{NANOAMPERE_PER_MICROMETER, SiemensPerMeter, WEIGHT_UNIT};

/// Number of bins along the distance and along the weight.
const BINS: [usize; 2] = [110, 80];
/// Size of the frame, pt.
const FRAME_PT: [f32; 2] = [330.0, 240.0];
/// Smallest distance that is shown, µm: nearer segments are at the left border.
const MIN_DISTANCE_UM: f64 = 1.0;
/// Smallest weight, relative to the largest, that is shown.
const MIN_SHARE: f64 = 1e-8;

/// The line to compare with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum DistanceLine {
    /// The potential of a point source, `1 / (4 pi sigma r)`, in a medium of this conductivity.
    PointSource(SiemensPerMeter),
    /// Inverse distance through the median of weight times distance.
    InverseDistance,
}

impl DistanceLine {
    /// Returns the product of weight and distance on the line, V µm/nA.
    fn product(self, median: f64) -> f64 {
        match self {
            Self::PointSource(sigma) => NANOAMPERE_PER_MICROMETER / (4.0 * std::f64::consts::PI * sigma.get()),
            Self::InverseDistance => median,
        }
    }

    fn label(self) -> String {
        match self {
            Self::PointSource(sigma) => format!("point source: 1 / (4\u{3c0}\u{3c3}r), \u{3c3} = {} S/m", sigma.get()),
            Self::InverseDistance => "proportional to 1/r, through the median".into(),
        }
    }
}

/// Draws the magnitudes of weights against the distance of the segments' midpoints from the contact; `None` if there is
/// no weight to show on logarithmic axes.
pub fn plot_weights_by_distance(
    sample: &SegmentSample,
    values: &[Option<f64>],
    contact: Point,
    line: DistanceLine,
) -> Option<Figure> {
    let pairs: Vec<[f64; 3]> = sample
        .segments
        .iter()
        .zip(values)
        .filter_map(|(s, v)| {
            let weight = v.filter(|v| v.is_finite() && *v != 0.0)?.abs();
            Some([(s.midpoint() - contact).norm().max(MIN_DISTANCE_UM), weight, s.represents])
        })
        .collect();
    let ends = |k: usize| {
        let all = || pairs.iter().map(|p| p[k]);
        (all().fold(f64::INFINITY, f64::min), all().fold(0.0, f64::max))
    };
    let ((near, far), (least, most)) = (ends(0), ends(1));
    if pairs.is_empty() {
        return None;
    }
    let mut products: Vec<f64> = pairs.iter().map(|[r, w, _]| r * w).collect();
    let middle = products.len() / 2;
    let median = *products.select_nth_unstable_by(middle, f64::total_cmp).1;
    let mut frame = PlotFrame {
        left: 0.0,
        top: 14.0,
        width: FRAME_PT[0],
        height: FRAME_PT[1],
        x: AxisScale::Log(near / 1.15, far * 1.15),
        y: AxisScale::Log(least.max(most * MIN_SHARE) / 1.4, most * 1.4),
    };
    frame.left = 6.0 + frame.left_margin();
    let counts = count_pairs(&frame, &pairs);
    let densest = counts.iter().copied().fold(0.0, f64::max).max(2.0);
    let bar = ColourBar { scale: AxisScale::Log(0.7, densest), map: ColourMap::Viridis, extend: Extend::default() };
    let mut items = vec![draw_cells(&frame, &counts, &bar)];
    items.push(draw_line(&frame, line, line.product(median)));
    let signed = values.iter().flatten().any(|v| *v < 0.0);
    let label = if signed { format!("|weight| ({WEIGHT_UNIT})") } else { format!("weight ({WEIGHT_UNIT})") };
    items.push(frame.draw_axes(Some("distance from the contact (\u{b5}m)"), Some(&label)));
    let bar_place = [frame.right() + 14.0, frame.top, 9.0, frame.height];
    items.push(bar.draw(bar_place, "segments"));
    let left_out = values.len() - pairs.len();
    let mut note = sample.summary();
    if left_out > 0 {
        note += &format!(", {} of them without a weight or with weight 0", group_thousands(left_out as u64));
    }
    let height = frame.bottom() + 52.0;
    items.push(DrawItem::Text(Text {
        colour: Colour(0x55_5555),
        ..Text::new([frame.left, height - 7.0], SMALL_SIZE_PT, TextAnchor::Start, note)
    }));
    let title = "Weights against the distance from the contact".to_string();
    Some(Figure { width: frame.right() + 20.0 + bar.total_width(9.0, frame.height), height, title, items })
}

/// Counts the segments in each cell of the frame.
fn count_pairs(frame: &PlotFrame, pairs: &[[f64; 3]]) -> Vec<f64> {
    let [columns, rows] = BINS;
    let bin =
        |place: f64, bins: usize| (0.0..=1.0).contains(&place).then(|| ((place * bins as f64) as usize).min(bins - 1));
    let mut counts = vec![0.0; columns * rows];
    for [distance, weight, represents] in pairs {
        let cell = bin(frame.x.position(*distance), columns).zip(bin(frame.y.position(*weight), rows));
        if let Some(count) = cell.and_then(|(x, y)| counts.get_mut(y * columns + x)) {
            *count += represents;
        }
    }
    counts
}

fn draw_cells(frame: &PlotFrame, counts: &[f64], bar: &ColourBar) -> DrawItem {
    let [columns, rows] = BINS;
    let (wide, high) = (frame.width / columns as f32, frame.height / rows as f32);
    let cell = |(i, &n): (usize, &f64)| {
        let colour = bar.colour(n).filter(|_| n > 0.0)?;
        let (x, y) = ((i % columns) as f32, (i / columns) as f32);
        let place = [frame.left + x * wide, frame.bottom() - (y + 1.0) * high, wide, high];
        Some(DrawItem::rectangle(place, Paint::fill(colour)))
    };
    DrawItem::Group("density", counts.iter().enumerate().filter_map(cell).collect())
}

/// Draws the line of a product of weight and distance, and its label at the lower left.
fn draw_line(frame: &PlotFrame, line: DistanceLine, product: f64) -> DrawItem {
    let AxisScale::Log(near, far) = frame.x else { return DrawItem::Group("line", Vec::new()) };
    let at = |r: f64| frame.to_page(r, product / r);
    let ends: Vec<[PagePoint; 2]> = frame.clip_line(at(near), at(far)).into_iter().collect();
    let text = line.label();
    let y = frame.bottom() - 11.0;
    let key = [[frame.left + 9.0, y], [frame.left + 27.0, y]];
    let place = [frame.left + 5.0, y - 8.0, 30.0 + text_width(&text, SMALL_SIZE_PT + 1.0), 16.0];
    let ground = DrawItem::rectangle(place, Paint { opacity: 0.85, ..Paint::fill(Colour::WHITE) });
    let name = Text::new([frame.left + 31.0, y + 3.2], SMALL_SIZE_PT + 1.0, TextAnchor::Start, text);
    let lines = |ends| DrawItem::Lines { ends, colour: Colour::VERMILLION, width: 1.4 };
    DrawItem::Group("line", vec![lines(ends), ground, lines(vec![key]), DrawItem::Text(name)])
}

#[cfg(test)]
mod tests {
    use super::super::sample::SampledSegment;
    use super::*;
    use crate::geometry::Aabb;

    /// Returns the segments at distances of 10, 20, ... µm from the origin.
    fn sample(count: u64) -> SegmentSample {
        let segment = |i: u64| SampledSegment {
            start: Point::new(10.0 * i as f64, -1.0, 0.0),
            end: Point::new(10.0 * i as f64, 1.0, 0.0),
            node_id: 0,
            section_id: 0,
            segment_id: 0,
            row: i,
            section_type: None,
            radius_um: None,
            represents: 1.0,
        };
        let segments: Vec<_> = (1..=count).map(segment).collect();
        SegmentSample { segments, total: count, by_region: vec![], stride: 1, bounds: Aabb::EMPTY, warnings: vec![] }
    }

    #[test]
    fn weights_of_a_point_source_lie_on_its_line() {
        let (sample, sigma) = (sample(100), SiemensPerMeter::new(0.3).unwrap());
        // 1 nA / (4 pi 0.3 S/m 1 µm) is 1e-3 / (1.2 pi) V
        let product = 1e-3 / (1.2 * std::f64::consts::PI);
        assert!((DistanceLine::PointSource(sigma).product(0.0) / product - 1.0).abs() < 1e-15);
        let values: Vec<_> = sample.segments.iter().map(|s| Some(product / s.start.x)).collect();
        let figure = plot_weights_by_distance(&sample, &values, Point::ORIGIN, DistanceLine::PointSource(sigma));
        let figure = figure.unwrap();
        let DrawItem::Group("density", cells) = &figure.items[0] else { panic!("no cells") };
        let DrawItem::Group("line", line) = &figure.items[1] else { panic!("no line") };
        let DrawItem::Lines { ends, .. } = &line[0] else { panic!("no ends") };
        let [from, to] = ends[0];
        for cell in cells {
            let DrawItem::Polygon { points, .. } = cell else { panic!("no cell") };
            let middle = [0, 1].map(|k| 0.5 * (points[0][k] + points[2][k]));
            let at = from[1] + (to[1] - from[1]) * (middle[0] - from[0]) / (to[0] - from[0]);
            assert!((middle[1] - at).abs() < 4.0, "a cell is 3 pt high: {middle:?} {at}");
        }
        assert!(cells.len() > 30);
    }

    #[test]
    fn other_weights_are_compared_with_their_own_median() {
        assert_eq!(DistanceLine::InverseDistance.product(7.0), 7.0);
        let sample = sample(3);
        let shown = |values: [Option<f64>; 3]| {
            plot_weights_by_distance(&sample, &values, Point::ORIGIN, DistanceLine::InverseDistance)
        };
        assert!(shown([None, Some(0.0), Some(f64::NAN)]).is_none());
        assert!(shown([Some(-1.0), Some(0.0), None]).is_some());
    }
}
