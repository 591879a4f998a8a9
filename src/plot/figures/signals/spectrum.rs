//! Draws power spectra of some contacts, and the mean of all.

use super::laminar::LaminarSignal;
use super::panel_parts::{DrawnPanel, FramePlace, draw_ground, shorten, unit_label};
use super::power_spectrum::PowerSpectrum;
use super::{SignalProblem, SignalTraces};
use crate::plot::canvas::{
    AxisScale, Colour, ColourMap, DrawItem, PagePoint, Paint, PlotFrame, SMALL_SIZE_PT, Text, TextAnchor, text_width,
};

/// Number of depths with a spectrum of their own.
const SHOWN_DEPTHS: usize = 4;
/// Smallest density, relative to the largest, that is shown.
const MIN_SHARE: f64 = 1e-12;

/// Draws the spectra of depths from the first to the last, and the mean of all contacts; the first frequency, 0, is not
/// on the axis.
pub(super) fn draw_spectra(
    traces: &SignalTraces,
    laminar: &LaminarSignal,
    place: FramePlace,
    spectrum: &dyn Fn(&[f64]) -> Result<PowerSpectrum, SignalProblem>,
) -> Result<DrawnPanel, SignalProblem> {
    let all = (0..traces.contacts()).map(|contact| spectrum(&traces.trace(contact))).collect::<Result<Vec<_>, _>>()?;
    let frequencies: Vec<f64> = all.first().map_or_else(Vec::new, |s| s.frequencies_hz.clone());
    let mean = |k: usize| all.iter().filter_map(|s| s.density.get(k)).sum::<f64>() / all.len() as f64;
    let depths = laminar.depths.len();
    let shown: Vec<usize> = match depths {
        0..=SHOWN_DEPTHS => (0..depths).collect(),
        _ => (0..SHOWN_DEPTHS).map(|i| i * (depths - 1) / (SHOWN_DEPTHS - 1)).collect(),
    };
    // the uppermost first, as on the probe; dark to bright, without the brightest, which are pale on white
    let mut curves: Vec<(String, Colour, Vec<f64>)> = Vec::new();
    for (i, depth) in shown.iter().enumerate().rev() {
        let members = laminar.members.get(*depth).map_or(&[][..], Vec::as_slice);
        let Some(own) = members.first().and_then(|contact| all.get(*contact)) else { continue };
        let name = match (laminar.has_positions, members.first()) {
            (true, _) => format!(
                "{} \u{b5}m",
                shorten(laminar.depths.get(*depth).copied().unwrap_or_default()).replace('-', "\u{2212}")
            ),
            (false, contact) => contact.and_then(|c| traces.contact_names.get(*c)).cloned().unwrap_or_default(),
        };
        let colour = ColourMap::Viridis.colour_at(0.85 * i as f64 / shown.len().saturating_sub(1).max(1) as f64);
        curves.push((name, colour, own.density.clone()));
    }
    curves.push(("mean of all".into(), Colour::VERMILLION, (0..frequencies.len()).map(mean).collect()));
    let densities = || curves.iter().flat_map(|(.., density)| density.iter().skip(1).copied());
    let most = densities().fold(0.0, f64::max);
    let most = if most > 0.0 { most } else { 1.0 };
    let least = densities().filter(|v| *v >= most * MIN_SHARE).fold(most, f64::min);
    let ends = [frequencies.get(1), frequencies.last()].map(|f| f.copied().unwrap_or(1.0));
    let [left, top, width, height] = place;
    let frame = PlotFrame {
        left,
        top,
        width,
        height,
        x: AxisScale::Log(ends[0], ends[1].max(1.01 * ends[0])),
        y: AxisScale::Log(least / 1.5, most * 1.5),
    };
    let mut items = vec![draw_ground(place)];
    let mut right = frame.right();
    for (i, (name, colour, density)) in curves.iter().enumerate() {
        let pairs = frequencies.iter().zip(density).skip(1);
        let points: Vec<PagePoint> = pairs.filter(|(_, v)| **v >= least).map(|(f, v)| frame.to_page(*f, *v)).collect();
        let line = if i + 1 == curves.len() { 1.6 } else { 0.9 };
        items.push(DrawItem::Polygon { points, closed: false, paint: Paint::stroke(*colour, line) });
        let (x, y) = (frame.right() + 12.0, top + 8.0 + 14.0 * i as f32);
        items.push(DrawItem::Lines { ends: vec![[[x, y], [x + 14.0, y]]], colour: *colour, width: 1.6 });
        items.push(DrawItem::Text(Text::new([x + 19.0, y + 3.0], SMALL_SIZE_PT, TextAnchor::Start, name.as_str())));
        right = right.max(x + 21.0 + text_width(name, SMALL_SIZE_PT));
    }
    let label = format!("power density ({}\u{b2}/Hz)", unit_label(&traces.unit));
    items.push(frame.draw_axes(Some("frequency (Hz)"), Some(&label)));
    Ok(DrawnPanel { items, right, note: None })
}
