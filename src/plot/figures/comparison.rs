//! Draws a comparison of two electrodes files: a scatter of the weights, and the differences at each contact.

use std::collections::BTreeSet;

use super::PlotProblem;
use super::palette::weight_unit;
use super::sample::group_thousands;
use super::worst_pairs::draw_worst_pairs;
use crate::error::{Context, Result};
use crate::plot::canvas::{
    AxisScale, Colour, ColourBar, ColourMap, DrawItem, Extend, FRAME_LINE_PT, Figure, LABEL_SIZE_PT, Paint, PlotFrame,
    SMALL_SIZE_PT, TITLE_SIZE_PT, Text, TextAnchor, text_width, truncate_to_width,
};
use crate::sonata::electrodes_file::{ElectrodesFile, PopulationEntry};
use crate::units::WEIGHT_UNIT;
use crate::validate::Difference;
use crate::validate::weights::{
    SegmentCounts, UnitMismatch, WeightsComparison, WeightsOptions, compare, contact_names, for_each_row,
};

/// Number of bins per side of the scatter.
const SCATTER_BINS: usize = 120;
/// Decades of relative differences: from 1e-17, below which doubles do not differ, to 1; two bins each.
const DIFFERENCE_DECADES: usize = 17;
const DIFFERENCE_BINS: usize = 2 * DIFFERENCE_DECADES;
/// Smallest weight, relative to the largest, that is shown on logarithmic axes.
const MIN_LOG_SHARE: f64 = 1e-12;

/// A picture of a comparison.
#[derive(Debug)]
pub struct ComparisonFigure {
    /// The picture.
    pub figure: Figure,
    /// The results that it shows.
    pub comparison: WeightsComparison,
}

/// Draws the pairs of weights of two populations, and the differences at each contact.
///
/// # Errors
/// Returns an error if the files have nothing in common, or if one cannot be read.
pub fn plot_comparison(
    a: (&ElectrodesFile, &PopulationEntry),
    b: (&ElectrodesFile, &PopulationEntry),
    options: &WeightsOptions,
) -> Result<ComparisonFigure> {
    let comparison = compare(a, b, options, &|_| ())?;
    if let Some(UnitMismatch { contact, units }) = comparison.unit_mismatches.first() {
        return Err(PlotProblem::Units { contact: contact.clone(), units: units.clone() }.into());
    }
    let names = contact_names(a, b, options)?;
    names.iter().try_for_each(|name| check_unit(a, name))?;
    let mut range = ValueRange::default();
    for_each_row(a, b, options, &mut |row| row.iter().flatten().for_each(|v| range.include(*v)))?;
    if names.is_empty() {
        return Err(PlotProblem::NoContactInCommon.into());
    }
    if comparison.rows == 0 {
        return Err(no_rows_problem(&comparison).into());
    }
    let mut counts = PairCounts::new(range.axis_scale(), names.len());
    for_each_row(a, b, options, &mut |row| counts.add_row(row))?;
    let units = contact_units([a.0, b.0], &names)?;
    Ok(ComparisonFigure { figure: draw_figure(&counts, (&names, &units), &comparison, [a.0, b.0]), comparison })
}

/// Refuses a contact with potentials in another unit than that of the axes.
fn check_unit((file, population): (&ElectrodesFile, &PopulationEntry), name: &str) -> Result<()> {
    if !file.electrodes().iter().any(|e| e.name == name) {
        return Ok(());
    }
    let found = file.column_unit(population, name)?;
    let expected = weight_unit(file.read_description(name)?.kind.as_deref());
    if expected != WEIGHT_UNIT || found.trim() == expected {
        return Ok(());
    }
    Err(PlotProblem::OtherUnit { contact: name.into(), expected, found }).in_file(file.path())
}

/// Returns why no row of one file matches a row of the other.
fn no_rows_problem(comparison: &WeightsComparison) -> PlotProblem {
    match comparison.segment_counts[..] {
        [SegmentCounts { node, segments }, ..] => {
            PlotProblem::SegmentCounts { nodes: comparison.segment_counts.len(), node, segments }
        }
        [] => PlotProblem::NoNodeInCommon,
    }
}

/// Range of the weights.
#[derive(Default)]
struct ValueRange {
    min: f64,
    max: f64,
    min_positive: Option<f64>,
}

impl ValueRange {
    fn include(&mut self, v: f64) {
        if v.is_finite() {
            self.min = self.min.min(v);
            self.max = self.max.max(v);
            if v > 0.0 && self.min_positive.is_none_or(|least| v < least) {
                self.min_positive = Some(v);
            }
        }
    }

    /// Returns the scale of both axes: logarithmic if no weight is negative and there is more than one value.
    fn axis_scale(&self) -> AxisScale {
        match self.min_positive.filter(|low| self.min >= 0.0 && *low < self.max) {
            Some(low) => AxisScale::Log(low.max(self.max * MIN_LOG_SHARE) / 1.3, self.max * 1.3),
            None => {
                let size = self.max.max(-self.min);
                let border = if size > 0.0 { 0.05 * (self.max - self.min).max(size) } else { 1.0 };
                AxisScale::Linear(self.min - border, self.max + border)
            }
        }
    }
}

/// Counts of pairs to draw.
struct PairCounts {
    scale: AxisScale,
    /// Number of pairs in each bin of the scatter.
    scatter: Vec<u64>,
    /// For each contact: the number of equal pairs, then of pairs in each bin of relative differences.
    differences: Vec<[u64; DIFFERENCE_BINS + 1]>,
    /// Pairs that cannot be shown: zeros on logarithmic axes, and NaN.
    off_axes: u64,
}

impl PairCounts {
    fn new(scale: AxisScale, contacts: usize) -> Self {
        let differences = vec![[0; DIFFERENCE_BINS + 1]; contacts];
        Self { scale, scatter: vec![0; SCATTER_BINS * SCATTER_BINS], differences, off_axes: 0 }
    }

    fn add_row(&mut self, row: &[[f64; 2]]) {
        for (&[a, b], differences) in row.iter().zip(&mut self.differences) {
            let relative = Difference::between(a, b).relative;
            if let Some(n) = differences.get_mut(difference_bin(relative)) {
                *n += 1;
            }
            let bin = |v: f64| {
                let place = self.scale.position(v);
                (0.0..=1.0).contains(&place).then(|| ((place * SCATTER_BINS as f64) as usize).min(SCATTER_BINS - 1))
            };
            match bin(a).zip(bin(b)) {
                Some((x, y)) => self.scatter[y * SCATTER_BINS + x] += 1,
                None => self.off_axes += 1,
            }
        }
    }
}

/// Returns the bin of a relative difference: 0 for no difference.
fn difference_bin(relative: f64) -> usize {
    if relative == 0.0 {
        return 0;
    }
    let place = 2.0 * (relative.log10() + DIFFERENCE_DECADES as f64);
    1 + (place.max(0.0) as usize).min(DIFFERENCE_BINS - 1)
}

/// Margins at the left and above the frames, and the size of each frame, pt.
const BORDER_PT: f32 = 8.0;
const TOP_PT: f32 = 74.0;
const SIDE_PT: f32 = 270.0;

/// The units of a contact's weights in both files.
type UnitPair = [&'static str; 2];

/// Returns the label of an axis's unit: the common unit, or the units of some contacts.
fn axis_unit(units: impl Iterator<Item = &'static str>) -> String {
    let (with, without): (Vec<_>, Vec<_>) = units.partition(|unit| !unit.is_empty());
    match (with.is_empty(), without.is_empty()) {
        (true, _) => String::new(),
        (false, true) => format!(" ({})", join_units(&with)),
        (false, false) => format!(" ({}; ObjectiveCSD without unit)", join_units(&with)),
    }
}

/// Joins different units.
fn join_units(units: &[&'static str]) -> String {
    let different: BTreeSet<&str> = units.iter().copied().collect();
    different.into_iter().collect::<Vec<_>>().join(", ")
}

/// Returns the units of contacts; that of potentials for a column without a contact.
fn contact_units(files: [&ElectrodesFile; 2], names: &[String]) -> Result<Vec<UnitPair>> {
    let of = |file: &ElectrodesFile, name: &String| -> Result<&'static str> {
        let is_there = file.electrodes().iter().any(|e| e.name == *name);
        let description = is_there.then(|| file.read_description(name)).transpose()?;
        Ok(weight_unit(description.and_then(|description| description.kind).as_deref()))
    };
    names.iter().map(|name| Ok([of(files[0], name)?, of(files[1], name)?])).collect()
}

fn draw_figure(
    counts: &PairCounts,
    (names, units): (&[String], &[UnitPair]),
    comparison: &WeightsComparison,
    files: [&ElectrodesFile; 2],
) -> Figure {
    let [a, b] = files.map(|f| f.path().file_name().unwrap_or_default().to_string_lossy().into_owned());
    let mut scatter =
        PlotFrame { left: 0.0, top: TOP_PT, width: SIDE_PT, height: SIDE_PT, x: counts.scale, y: counts.scale };
    scatter.left = BORDER_PT + scatter.left_margin();
    let longest = names.iter().map(|n| text_width(n, SMALL_SIZE_PT)).fold(0.0, f32::max).clamp(20.0, 120.0);
    let left = scatter.right() + 76.0 + longest;
    let bars = PlotFrame {
        left,
        width: SIDE_PT,
        x: AxisScale::Linear(-0.5 - DIFFERENCE_DECADES as f64, 0.0),
        y: AxisScale::Linear(names.len() as f64 - 0.5, -0.5),
        ..scatter
    };
    let most = counts.differences.iter().flatten().chain(&counts.scatter).copied().max().unwrap_or(1).max(2);
    let bar = ColourBar { scale: AxisScale::Log(0.7, most as f64), map: ColourMap::Viridis, extend: Extend::default() };
    let (marks, list) = draw_worst_pairs(&scatter, comparison, &|name| {
        names.iter().zip(units).find(|(other, _)| *other == name).map_or([WEIGHT_UNIT; 2], |(_, units)| *units)
    });
    let mut items = vec![draw_scatter(&scatter, counts, &bar), marks];
    let [x, y] = [0, 1].map(|i| {
        let unit = axis_unit(units.iter().map(|u| u[i]));
        let name = if i == 0 { &a } else { &b };
        let begin = "weight in ";
        let max_width = SIDE_PT - text_width(&unit, LABEL_SIZE_PT) - text_width(begin, LABEL_SIZE_PT);
        begin.to_string() + &truncate_to_width(name, LABEL_SIZE_PT, max_width) + &unit
    });
    items.push(scatter.draw_axes(Some(&x), Some(&y)));
    items.push(draw_heading(&scatter, "Every weight in both files; on the line both are equal"));
    items.push(draw_histogram(&bars, counts, names, &bar));
    items.push(draw_heading(&bars, "How much they differ, for each contact"));
    items.push(bar.draw([bars.right() + 14.0, TOP_PT, 11.0, SIDE_PT], "number of weights"));
    let right = bars.right() + 20.0 + bar.total_width(11.0, SIDE_PT);
    let mut y = scatter.bottom() + 52.0;
    let begin = if list.is_empty() { "" } else { "The largest differences, which are marked in the picture:" };
    let list = std::iter::once(begin.to_string()).filter(|text| !text.is_empty()).chain(list);
    for line in list.chain([figure_note(counts, comparison), READING_NOTE.into()]) {
        items.push(DrawItem::Text(Text {
            colour: Colour(0x55_5555),
            ..Text::new([scatter.left, y], SMALL_SIZE_PT, TextAnchor::Start, line)
        }));
        y += 12.0;
    }
    let title = format!("{a} and {b}");
    let max_width = right - scatter.left - 8.0;
    let question = truncate_to_width(&format!("Do {a} and {b} agree?"), TITLE_SIZE_PT, max_width);
    items.push(DrawItem::Text(Text::new([scatter.left, 18.0], TITLE_SIZE_PT, TextAnchor::Start, question)));
    let answer = truncate_to_width(&describe_agreement(counts, comparison), LABEL_SIZE_PT, max_width);
    items.push(DrawItem::Text(Text::new([scatter.left, 36.0], LABEL_SIZE_PT, TextAnchor::Start, answer)));
    Figure { width: right, height: y, title, items }
}

fn draw_heading(frame: &PlotFrame, text: &str) -> DrawItem {
    DrawItem::Text(Text::new([frame.left, frame.top - 9.0], LABEL_SIZE_PT, TextAnchor::Start, text))
}

fn shorten_name(name: &str) -> String {
    let cut: String = name.chars().take(32).collect();
    if cut.len() < name.len() { cut + "\u{2026}" } else { cut }
}

fn draw_scatter(frame: &PlotFrame, counts: &PairCounts, bar: &ColourBar) -> DrawItem {
    let side = SIDE_PT / SCATTER_BINS as f32;
    let cell = |(i, &n): (usize, &u64)| {
        let colour = bar.colour(n as f64).filter(|_| n > 0)?;
        let (x, y) = ((i % SCATTER_BINS) as f32, (i / SCATTER_BINS) as f32);
        let place = [frame.left + x * side, frame.bottom() - (y + 1.0) * side, side, side];
        Some(DrawItem::rectangle(place, Paint::fill(colour)))
    };
    let ends = vec![[[frame.left, frame.bottom()], [frame.right(), frame.top]]];
    let identity = DrawItem::Lines { ends, colour: Colour::GREY, width: FRAME_LINE_PT };
    DrawItem::Group(
        "pairs",
        std::iter::once(identity).chain(counts.scatter.iter().enumerate().filter_map(cell)).collect(),
    )
}

/// Draws one row per contact and one column per half decade; equal pairs are at the left.
fn draw_histogram(frame: &PlotFrame, counts: &PairCounts, names: &[String], bar: &ColourBar) -> DrawItem {
    let (wide, high) = (frame.width / (DIFFERENCE_BINS + 1) as f32, frame.height / names.len() as f32);
    let mut items = Vec::new();
    for (row, differences) in counts.differences.iter().enumerate() {
        for (column, &n) in differences.iter().enumerate().filter(|(_, n)| **n > 0) {
            let place = [frame.left + column as f32 * wide, frame.top + row as f32 * high, wide, high];
            items.extend(bar.colour(n as f64).map(|colour| DrawItem::rectangle(place, Paint::fill(colour))));
        }
    }
    let ink = Paint::stroke(Colour::BLACK, FRAME_LINE_PT);
    items.push(DrawItem::rectangle([frame.left, frame.top, frame.width, frame.height], ink));
    let every = (10.0 / high).ceil().max(1.0) as usize;
    for (row, name) in names.iter().enumerate().step_by(every) {
        let at = [frame.left - 5.0, frame.top + (row as f32 + 0.5) * high + 2.9];
        items.push(DrawItem::Text(Text::new(at, SMALL_SIZE_PT, TextAnchor::End, shorten_name(name))));
    }
    let mut ticks = Vec::new();
    let mut tick = |x: f32, label: String| {
        ticks.push([[x, frame.bottom()], [x, frame.bottom() + 3.5]]);
        items.push(DrawItem::Text(Text::new([x, frame.bottom() + 14.5], LABEL_SIZE_PT, TextAnchor::Middle, label)));
    };
    tick(frame.left + 0.5 * wide, "equal".into());
    for power in AxisScale::Log(1e-15, 1.0).ticks(5) {
        let decades = (power.value.log10() + DIFFERENCE_DECADES as f64) as f32;
        tick(frame.left + (1.0 + 2.0 * decades) * wide, power.label);
    }
    items.push(DrawItem::Lines { ends: ticks, colour: Colour::BLACK, width: FRAME_LINE_PT });
    let under = [frame.left + 0.5 * frame.width, frame.bottom() + 30.5];
    items.push(DrawItem::Text(Text::new(
        under,
        LABEL_SIZE_PT,
        TextAnchor::Middle,
        "difference, relative to the larger weight",
    )));
    DrawItem::Group("differences", items)
}

/// Explains the horizontal axis of the differences.
const READING_NOTE: &str =
    "A relative difference of 10\u{207b}\u{b9}\u{2076} is the last digit that a file stores, 10\u{207b}\u{b2} is 1 %.";

/// Largest relative differences that rounding makes in double and in single precision.
const ROUNDING_DIFFERENCE: f64 = 1e-12;
const SMALL_DIFFERENCE: f64 = 1e-7;

/// Answers in a sentence whether the weights agree.
fn describe_agreement(counts: &PairCounts, comparison: &WeightsComparison) -> String {
    let worst = comparison
        .contacts
        .iter()
        .filter_map(|contact| Some((contact.name.as_str(), contact.largest_relative?.value)))
        .fold(None, |worst: Option<(&str, f64)>, next| match worst {
            Some((_, value)) if value >= next.1 => worst,
            _ => Some(next),
        });
    let pairs: u64 = counts.differences.iter().flatten().sum();
    match worst {
        None => format!("Yes: all {} weights are equal.", group_thousands(pairs)),
        Some((_, 0.0)) => format!("Yes: all {} weights are equal.", group_thousands(pairs)),
        Some((_, value)) if value <= ROUNDING_DIFFERENCE => {
            format!("Yes: they differ by rounding, at most {value:.0e} of a weight.")
        }
        Some((name, value)) if value <= SMALL_DIFFERENCE => {
            format!("Nearly: they differ by at most {value:.0e} of a weight, most at contact {name}.")
        }
        Some((name, value)) if value.is_finite() => {
            let percent = 100.0 * value;
            let percent = if percent >= 0.1 { format!("{percent:.1} %") } else { format!("{percent:.0e} %") };
            format!("No: they differ by up to {percent} of a weight, most at contact {name}.")
        }
        Some((name, _)) => format!("No: some weights at contact {name} are not numbers in one of the files."),
    }
}

fn figure_note(counts: &PairCounts, comparison: &WeightsComparison) -> String {
    let pairs = comparison.rows * comparison.contacts.len() as u64;
    let equal: u64 = counts.differences.iter().map(|d| d[0]).sum();
    let mut text =
        format!("{} weights, {} of them equal in both files", group_thousands(pairs), group_thousands(equal));
    if counts.off_axes > 0 {
        text += &format!("; {} not on these axes", group_thousands(counts.off_axes));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_fall_into_half_decades() {
        assert_eq!(
            [0.0, 1e-20, 2e-17, 5e-17, 0.2, 0.5, 1.0, f64::INFINITY].map(difference_bin),
            [0, 1, 1, 2, 33, 34, 34, 34]
        );
    }

    #[test]
    fn every_pair_is_counted_once() {
        let mut counts = PairCounts::new(AxisScale::Log(1e-3, 1.0), 2);
        counts.add_row(&[[0.5, 0.5], [0.0, 0.5]]);
        counts.add_row(&[[0.5, 0.25], [f64::NAN, f64::NAN]]);
        assert_eq!(counts.differences.iter().flatten().sum::<u64>(), 4);
        assert_eq!((counts.scatter.iter().sum::<u64>(), counts.off_axes), (2, 2));
        assert_eq!([counts.differences[0][0], counts.differences[1][0]], [1, 1]);
    }

    #[test]
    fn axes_are_logarithmic_where_no_number_is_below_zero() {
        let scale = |values: &[f64]| {
            let mut range = ValueRange::default();
            values.iter().for_each(|v| range.include(*v));
            range.axis_scale()
        };
        assert!(matches!(scale(&[0.0, 1e-6, 1e-3]), AxisScale::Log(..)));
        assert!(matches!(scale(&[-1.0, 1.0]), AxisScale::Linear(low, high) if low < -1.0 && high > 1.0));
        assert!(matches!(scale(&[0.0, f64::NAN]), AxisScale::Linear(low, high) if low < high));
    }
}
