//! Two electrodes files against each other: coefficients by coefficients, and how far apart they are at each contact.

use super::PlotProblem;
use super::palette::unit;
use super::sample::grouped;
use super::worst::worst;
use crate::error::Result;
use crate::plot::canvas::{
    Anchor, Colour, ColourBar, Extend, Frame, Item, LABEL, LINE, Map, Page, Paint, SMALL, Scale, Text, fitted, width,
};
use crate::sonata::electrodes_file::{ElectrodesFile, Population};
use crate::units::COEFFICIENT_UNIT;
use crate::validate::Apart;
use crate::validate::weights::{Comparison, Options, SegmentCounts, compare, each_row, names};

/// Bins of a side of the scatter.
const BINS: usize = 120;
/// Decades of relative differences: from 1e-17, below which doubles do not differ, to 1; two bins each.
const DECADES: usize = 17;
const STEPS: usize = 2 * DECADES;
/// The least of two coefficients, as a share of the largest, that has a place on logarithmic axes.
const LEAST: f64 = 1e-12;

/// A picture of a comparison.
#[derive(Debug)]
pub struct Compared {
    /// The picture.
    pub page: Page,
    /// What it shows, in numbers.
    pub comparison: Comparison,
}

/// Draws the pairs of coefficients of two populations, and the differences at each contact.
///
/// # Errors
/// Nothing in common, or a file cannot be read.
pub fn comparison(
    a: (&ElectrodesFile, &Population),
    b: (&ElectrodesFile, &Population),
    options: &Options,
) -> Result<Compared> {
    let comparison = compare(a, b, options, &|_| ())?;
    let names = names(a, b, options)?;
    let mut range = Range::default();
    each_row(a, b, options, &mut |row| row.iter().flatten().for_each(|v| range.see(*v)))?;
    if names.is_empty() {
        return Err(PlotProblem::NoContactInCommon.into());
    }
    if comparison.rows == 0 {
        return Err(no_rows(&comparison).into());
    }
    let mut counts = Counts::new(range.scale(), names.len());
    each_row(a, b, options, &mut |row| counts.add(row))?;
    let units = units([a.0, b.0], &names)?;
    Ok(Compared { page: page(&counts, (&names, &units), &comparison, [a.0, b.0]), comparison })
}

/// Why no row of one file belongs to one of the other.
fn no_rows(comparison: &Comparison) -> PlotProblem {
    match comparison.segment_counts[..] {
        [SegmentCounts { node, segments }, ..] => {
            PlotProblem::SegmentCounts { nodes: comparison.segment_counts.len(), node, segments }
        }
        [] => PlotProblem::NoNodeInCommon,
    }
}

/// The coefficients' range.
#[derive(Default)]
struct Range {
    least: f64,
    most: f64,
    least_positive: Option<f64>,
}

impl Range {
    fn see(&mut self, v: f64) {
        if v.is_finite() {
            self.least = self.least.min(v);
            self.most = self.most.max(v);
            if v > 0.0 && self.least_positive.is_none_or(|least| v < least) {
                self.least_positive = Some(v);
            }
        }
    }

    /// Both axes: decades where none is below zero, and there is more than one number.
    fn scale(&self) -> Scale {
        match self.least_positive.filter(|low| self.least >= 0.0 && *low < self.most) {
            Some(low) => Scale::Log(low.max(self.most * LEAST) / 1.3, self.most * 1.3),
            None => {
                let size = self.most.max(-self.least);
                let border = if size > 0.0 { 0.05 * (self.most - self.least).max(size) } else { 1.0 };
                Scale::Linear(self.least - border, self.most + border)
            }
        }
    }
}

/// What is drawn, counted.
struct Counts {
    scale: Scale,
    /// Pairs by place.
    scatter: Vec<u64>,
    /// For each contact: equal pairs, then pairs by relative difference.
    differences: Vec<[u64; STEPS + 1]>,
    /// Pairs without a place: zeros on logarithmic axes, and what is no number.
    without_place: u64,
}

impl Counts {
    fn new(scale: Scale, contacts: usize) -> Self {
        let differences = vec![[0; STEPS + 1]; contacts];
        Self { scale, scatter: vec![0; BINS * BINS], differences, without_place: 0 }
    }

    fn add(&mut self, row: &[[f64; 2]]) {
        for (&[a, b], differences) in row.iter().zip(&mut self.differences) {
            let relative = Apart::of(a, b).relative;
            if let Some(n) = differences.get_mut(step(relative)) {
                *n += 1;
            }
            let bin = |v: f64| {
                let place = self.scale.place(v);
                (0.0..=1.0).contains(&place).then(|| ((place * BINS as f64) as usize).min(BINS - 1))
            };
            match bin(a).zip(bin(b)) {
                Some((x, y)) => self.scatter[y * BINS + x] += 1,
                None => self.without_place += 1,
            }
        }
    }
}

/// The bin of a relative difference: 0 for none.
fn step(relative: f64) -> usize {
    if relative == 0.0 {
        return 0;
    }
    let place = 2.0 * (relative.log10() + DECADES as f64);
    1 + (place.max(0.0) as usize).min(STEPS - 1)
}

/// To the left of all, over the frames, and the frames' common size, pt.
const BORDER: f32 = 8.0;
const TOP: f32 = 34.0;
const SIDE: f32 = 270.0;

/// The units of a contact's coefficients in both files.
type Units = [&'static str; 2];

/// The unit of an axis: of all contacts, or those of some.
fn of_all(units: impl Iterator<Item = &'static str>) -> String {
    let (with, without): (Vec<_>, Vec<_>) = units.partition(|unit| !unit.is_empty());
    match (with.is_empty(), without.is_empty()) {
        (true, _) => String::new(),
        (false, true) => format!(" ({COEFFICIENT_UNIT})"),
        (false, false) => format!(" ({COEFFICIENT_UNIT}; ObjectiveCSD without unit)"),
    }
}

/// The units of contacts; that of potentials for a column of no contact.
fn units(files: [&ElectrodesFile; 2], names: &[String]) -> Result<Vec<Units>> {
    let of = |file: &ElectrodesFile, name: &String| -> Result<&'static str> {
        let is_there = file.electrodes().iter().any(|e| e.name == *name);
        let told = is_there.then(|| file.description(name)).transpose()?;
        Ok(unit(told.and_then(|told| told.kind).as_deref()))
    };
    names.iter().map(|name| Ok([of(files[0], name)?, of(files[1], name)?])).collect()
}

fn page(
    counts: &Counts,
    (names, units): (&[String], &[Units]),
    comparison: &Comparison,
    files: [&ElectrodesFile; 2],
) -> Page {
    let [a, b] = files.map(|f| f.path().file_name().unwrap_or_default().to_string_lossy().into_owned());
    let mut scatter = Frame { left: 0.0, top: TOP, width: SIDE, height: SIDE, x: counts.scale, y: counts.scale };
    scatter.left = BORDER + scatter.margin();
    let longest = names.iter().map(|n| width(n, SMALL)).fold(0.0, f32::max).clamp(20.0, 120.0);
    let left = scatter.right() + 76.0 + longest;
    let bars = Frame {
        left,
        width: SIDE,
        x: Scale::Linear(-0.5 - DECADES as f64, 0.0),
        y: Scale::Linear(names.len() as f64 - 0.5, -0.5),
        ..scatter
    };
    let most = counts.differences.iter().flatten().chain(&counts.scatter).copied().max().unwrap_or(1).max(2);
    let bar = ColourBar { scale: Scale::Log(0.7, most as f64), map: Map::Viridis, extend: Extend::default() };
    let (marks, list) = worst(&scatter, comparison, &|name| {
        names.iter().zip(units).find(|(other, _)| *other == name).map_or([COEFFICIENT_UNIT; 2], |(_, units)| *units)
    });
    let mut items = vec![pairs(&scatter, counts, &bar), marks];
    let [x, y] = [0, 1].map(|i| {
        let unit = of_all(units.iter().map(|u| u[i]));
        let name = if i == 0 { &a } else { &b };
        fitted(name, LABEL, SIDE - width(&unit, LABEL)) + &unit
    });
    items.push(scatter.axes(Some(&x), Some(&y)));
    items.push(heading(&scatter, "pairs of coefficients, and where they would be equal"));
    items.push(histogram(&bars, counts, names, &bar));
    items.push(heading(&bars, "relative differences at each contact"));
    items.push(bar.draw([bars.right() + 14.0, TOP, 11.0, SIDE], "pairs"));
    let right = bars.right() + 20.0 + bar.width(11.0, SIDE);
    let mut y = scatter.bottom() + 52.0;
    for line in list.into_iter().chain([note(counts, comparison)]) {
        items.push(Item::Text(Text {
            colour: Colour(0x55_5555),
            ..Text::new([scatter.left, y], SMALL, Anchor::Start, line)
        }));
        y += 12.0;
    }
    let title = format!("{a} and {b}");
    Page { width: right, height: y, title, items }
}

fn heading(frame: &Frame, text: &str) -> Item {
    Item::Text(Text::new([frame.left, frame.top - 9.0], LABEL, Anchor::Start, text))
}

fn shortened(name: &str) -> String {
    let cut: String = name.chars().take(32).collect();
    if cut.len() < name.len() { cut + "\u{2026}" } else { cut }
}

fn pairs(frame: &Frame, counts: &Counts, bar: &ColourBar) -> Item {
    let side = SIDE / BINS as f32;
    let cell = |(i, &n): (usize, &u64)| {
        let colour = bar.colour(n as f64).filter(|_| n > 0)?;
        let (x, y) = ((i % BINS) as f32, (i / BINS) as f32);
        let place = [frame.left + x * side, frame.bottom() - (y + 1.0) * side, side, side];
        Some(Item::rectangle(place, Paint::fill(colour)))
    };
    let ends = vec![[[frame.left, frame.bottom()], [frame.right(), frame.top]]];
    let identity = Item::Lines { ends, colour: Colour::GREY, width: LINE };
    Item::Group("pairs", std::iter::once(identity).chain(counts.scatter.iter().enumerate().filter_map(cell)).collect())
}

/// One row a contact, one column half a decade; equal pairs to the left.
fn histogram(frame: &Frame, counts: &Counts, names: &[String], bar: &ColourBar) -> Item {
    let (wide, high) = (frame.width / (STEPS + 1) as f32, frame.height / names.len() as f32);
    let mut items = Vec::new();
    for (row, differences) in counts.differences.iter().enumerate() {
        for (column, &n) in differences.iter().enumerate().filter(|(_, n)| **n > 0) {
            let place = [frame.left + column as f32 * wide, frame.top + row as f32 * high, wide, high];
            items.extend(bar.colour(n as f64).map(|colour| Item::rectangle(place, Paint::fill(colour))));
        }
    }
    let ink = Paint::stroke(Colour::BLACK, LINE);
    items.push(Item::rectangle([frame.left, frame.top, frame.width, frame.height], ink));
    let every = (10.0 / high).ceil().max(1.0) as usize;
    for (row, name) in names.iter().enumerate().step_by(every) {
        let at = [frame.left - 5.0, frame.top + (row as f32 + 0.5) * high + 2.9];
        items.push(Item::Text(Text::new(at, SMALL, Anchor::End, shortened(name))));
    }
    let mut ticks = Vec::new();
    let mut tick = |x: f32, label: String| {
        ticks.push([[x, frame.bottom()], [x, frame.bottom() + 3.5]]);
        items.push(Item::Text(Text::new([x, frame.bottom() + 14.5], LABEL, Anchor::Middle, label)));
    };
    tick(frame.left + 0.5 * wide, "0".into());
    for power in Scale::Log(1e-16, 1.0).ticks(5) {
        let decades = (power.at.log10() + DECADES as f64) as f32;
        tick(frame.left + (1.0 + 2.0 * decades) * wide, power.label);
    }
    items.push(Item::Lines { ends: ticks, colour: Colour::BLACK, width: LINE });
    let under = [frame.left + 0.5 * frame.width, frame.bottom() + 30.5];
    items.push(Item::Text(Text::new(under, LABEL, Anchor::Middle, "|a \u{2212} b| / max(|a|, |b|)")));
    Item::Group("differences", items)
}

fn note(counts: &Counts, comparison: &Comparison) -> String {
    let pairs = comparison.rows * comparison.electrodes.len() as u64;
    let equal: u64 = counts.differences.iter().map(|d| d[0]).sum();
    let mut text = format!("{} pairs, {} of them equal", grouped(pairs), grouped(equal));
    if counts.without_place > 0 {
        text += &format!("; {} without a place on these axes", grouped(counts.without_place));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_fall_into_half_decades() {
        assert_eq!([0.0, 1e-20, 2e-17, 5e-17, 0.2, 0.5, 1.0, f64::INFINITY].map(step), [0, 1, 1, 2, 33, 34, 34, 34]);
    }

    #[test]
    fn every_pair_is_counted_once() {
        let mut counts = Counts::new(Scale::Log(1e-3, 1.0), 2);
        counts.add(&[[0.5, 0.5], [0.0, 0.5]]);
        counts.add(&[[0.5, 0.25], [f64::NAN, f64::NAN]]);
        assert_eq!(counts.differences.iter().flatten().sum::<u64>(), 4);
        assert_eq!((counts.scatter.iter().sum::<u64>(), counts.without_place), (2, 2));
        assert_eq!([counts.differences[0][0], counts.differences[1][0]], [1, 1]);
    }

    #[test]
    fn axes_are_logarithmic_where_no_number_is_below_zero() {
        let scale = |values: &[f64]| {
            let mut range = Range::default();
            values.iter().for_each(|v| range.see(*v));
            range.scale()
        };
        assert!(matches!(scale(&[0.0, 1e-6, 1e-3]), Scale::Log(..)));
        assert!(matches!(scale(&[-1.0, 1.0]), Scale::Linear(low, high) if low < -1.0 && high > 1.0));
        assert!(matches!(scale(&[0.0, f64::NAN]), Scale::Linear(low, high) if low < high));
    }
}
