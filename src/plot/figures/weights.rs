//! Draws the weights of one contact: segments as coloured lines.

use super::PlotProblem;
use super::contact_marks::{ContactMark, draw_contacts};
use super::palette::{INSIDE_COLOUR, OUTSIDE_COLOUR, Palette, weight_unit};
use super::panel::{Panel, Panels, ViewPlane};
use super::sample::{SegmentSample, group_thousands};
use crate::error::{Context, Result};
use crate::geometry::region::{Cuboid, Predicate, Region};
use crate::geometry::{Aabb, Point};
use crate::io::hdf5::Hdf5File;
use crate::plot::canvas::{Colour, DrawItem, Figure, LABEL_SIZE_PT, Paint, Text, TextAnchor, text_width};
use crate::segments::table::{PageWarning, SegmentSelection, SegmentTable};
use crate::sonata::electrodes_file::{AttributeValue, ContactDescription, ContactEntry, read_settings};
use crate::weights::WeightLookup;

/// Number of steps of a colour map: lines of the same step are one path.
const COLOUR_STEPS: f64 = 96.0;
/// Width of a line, pt.
const SEGMENT_WIDTH_PT: f32 = 0.45;
/// Width of a line inside a region, pt; wider, because there may be few.
const INSIDE_WIDTH_PT: f32 = 0.9;
/// Maximum height of a colour bar, including its tips, pt.
const MAX_BAR_HEIGHT_PT: f32 = 300.0;
/// Width of a colour bar, pt.
const BAR_WIDTH_PT: f32 = 11.0;
/// Height of a separate legend, pt.
const LEGEND_HEIGHT_PT: f32 = 180.0;
/// Maximum size of the view relative to that of the segments; contacts further out are not shown.
const MAX_CONTACT_STRETCH: f64 = 1.6;

/// The data of a picture of weights, for [`plot_weights`].
#[derive(Clone, Copy)]
pub struct WeightsPlot<'a> {
    /// The segments.
    pub table: &'a SegmentTable,
    /// The contact and its weights.
    pub lookup: &'a WeightLookup,
    /// The views.
    pub views: &'a [ViewPlane],
    /// Half the side of the box around the contact that is shown, µm; `None` shows everything.
    pub within_um: Option<f64>,
    /// Maximum number of segments to draw, in addition to the nearest: [`MAX_SEGMENTS`](super::MAX_SEGMENTS) for a
    /// picture.
    pub max_segments: usize,
}

/// A picture of weights, with its data.
#[derive(Debug)]
pub struct WeightsFigure {
    /// The picture.
    pub figure: Figure,
    /// The colours.
    pub palette: Palette,
    /// The segments drawn.
    pub sample: SegmentSample,
    /// Weights of the segments drawn, in the unit; `None` if the neuron is not in the file.
    pub values: Vec<Option<f64>>,
    /// Unit of the weights; empty if they have none.
    pub unit: &'static str,
}

impl WeightsFigure {
    /// Returns the reasons why reading is slower than it could be.
    pub fn warnings(&self) -> &[PageWarning] {
        &self.sample.warnings
    }
}

/// Draws a separate legend of the colours; of regions only if some of the segments are drawn, the legend says so.
pub(crate) fn palette_legend(palette: &Palette, values: &[Option<f64>], thinned: bool, unit: &str) -> Figure {
    let (key, right) = draw_legend(palette, [8.0, 8.0, LEGEND_HEIGHT_PT], values, (thinned, unit));
    let height = if matches!(palette, Palette::Bar(_)) { LEGEND_HEIGHT_PT + 16.0 } else { 44.0 };
    Figure { width: right, height, title: "colours".into(), items: vec![key] }
}

/// Draws the segments, coloured by a contact's weights.
///
/// # Errors
/// Returns an error if there is nothing to draw, or if the table or the weights cannot be read.
pub fn plot_weights(request: &WeightsPlot<'_>) -> Result<WeightsFigure> {
    let WeightsPlot { table, lookup, within_um: within, .. } = *request;
    let place =
        || within.map_or_else(|| "in the table".into(), |r| format!("within {r} \u{b5}m of `{}`", lookup.electrode()));
    let drawn = plot_weights_if_any(request)?;
    drawn.ok_or_else(|| PlotProblem::NoSegments { place: place() }).in_file(table.path())
}

/// Draws like [`plot_weights`]; returns `None` if there is no segment.
///
/// # Errors
/// Returns an error if the table or the weights cannot be read.
pub fn plot_weights_if_any(request: &WeightsPlot<'_>) -> Result<Option<WeightsFigure>> {
    let WeightsPlot { table, lookup, within_um: within, .. } = *request;
    let electrode = lookup.description();
    let window = within.map(|half| contact_box(lookup, half)).transpose()?;
    let regions: Vec<&dyn Region> = window.iter().map(|w| w as &dyn Region).collect();
    let view = if regions.is_empty() {
        SegmentSelection::All
    } else {
        SegmentSelection::Regions(&regions, Predicate::Intersects)
    };
    let sample = SegmentSample::read(table, view, electrode.position_um, request.max_segments)?;
    if sample.segments.is_empty() {
        return Ok(None);
    }
    let nodes: Vec<u64> = sample.segments.iter().map(|l| l.node_id).collect();
    let rows: Vec<u64> = sample.segments.iter().map(|l| l.row).collect();
    let values = lookup.find_weights(&nodes, &rows)?;
    let palette = Palette::for_method(electrode.kind.as_deref(), values.iter().flatten().copied());
    let page = draw_figure(request, window.map(|w| w.bounds()).unwrap_or_default(), &sample, (&palette, &values))?;
    let unit = weight_unit(request.lookup.description().kind.as_deref());
    Ok(Some(WeightsFigure { figure: page, palette, sample, values, unit }))
}

/// Returns the box around the contact.
fn contact_box(lookup: &WeightLookup, half: f64) -> Result<Cuboid> {
    if !(half.is_finite() && half > 0.0) {
        return Err(PlotProblem::Within(half)).in_item("--within");
    }
    let object = format!("/electrodes/{}", lookup.electrode());
    let center = lookup.description().position_um.ok_or(PlotProblem::NoPosition);
    let center = center.in_item(&object).in_file(lookup.file().path())?;
    let half = Point::new(half, half, half);
    Cuboid::new(center - half, center + half).in_item("--within")
}

/// Returns all contacts of the file as marks.
fn all_contact_marks(lookup: &WeightLookup) -> Result<Vec<ContactMark>> {
    let chosen = |name: &str| name == lookup.electrode();
    let all = lookup.file().read_descriptions()?;
    let mark = |(e, description): &(&ContactEntry, ContactDescription)| {
        Some(ContactMark { name: e.name.clone(), position: description.position_um?, is_selected: chosen(&e.name) })
    };
    Ok(all.iter().filter_map(mark).collect())
}

/// Returns the bounding box of the segments and of the contacts that are not far outside of it.
pub(super) fn enclosing_box<'a>(segments: &Aabb, contacts: impl Iterator<Item = &'a ContactMark>) -> Aabb {
    let size = segments.size();
    let most = size.x.max(size.y).max(size.z) * (MAX_CONTACT_STRETCH - 1.0);
    let near = |p: &Point| segments.distance(&Aabb::enclosing([*p])) <= most;
    contacts.map(|m| m.position).filter(near).fold(*segments, Aabb::extended_to)
}

fn draw_figure(
    request: &WeightsPlot<'_>,
    window: Option<Aabb>,
    sample: &SegmentSample,
    (palette, values): (&Palette, &[Option<f64>]),
) -> Result<Figure> {
    let electrode = request.lookup.description();
    let contacts = all_contact_marks(request.lookup)?;
    let window = window.unwrap_or_else(|| enclosing_box(&sample.bounds, contacts.iter()));
    let order = drawing_order(palette, values);
    let panels = Panels::new(&window, request.views);
    let mut items =
        panels.draw(Colour::WHITE, |panel| vec![draw_segments(panel, sample, &order), draw_contacts(panel, &contacts)]);
    let title = figure_title(request.lookup)?;
    let top = panels.panels.first().map_or(0.0, |p| p.frame.top);
    let place = [panels.right + 14.0, top, (panels.bottom - top).min(MAX_BAR_HEIGHT_PT)];
    let (key, right) = draw_legend(palette, place, values, (sample.stride > 1, weight_unit(electrode.kind.as_deref())));
    items.push(key);
    let note = figure_note(sample, values, electrode.position_um, &window);
    Ok(panels.to_figure(items, title, &note, right))
}

/// Returns a title with the method, the contact, and its reference.
fn figure_title(lookup: &WeightLookup) -> Result<String> {
    let kind = lookup.description().kind.as_deref().unwrap_or("Weights");
    let title = format!("{kind} at contact {}", lookup.electrode());
    let settings = read_settings(&Hdf5File::open(lookup.file().path())?, lookup.electrode());
    let reference = settings.into_iter().find_map(|(key, value)| match value {
        AttributeValue::Text(reference) if key == "reference" => Some(reference),
        _ => None,
    });
    Ok(reference.map_or_else(|| title.clone(), |reference| format!("{title}, reference {reference}")))
}

/// Returns the segments on the page with their colours, the most prominent last.
fn drawing_order(palette: &Palette, values: &[Option<f64>]) -> Vec<(Colour, Vec<usize>)> {
    let step = |v: Option<f64>| (palette.prominence(v) * COLOUR_STEPS).round() as i64;
    let mut order: Vec<(i64, bool, usize)> =
        values.iter().enumerate().map(|(i, &v)| (step(v), v.is_some_and(|v| v < 0.0), i)).collect();
    order.sort_unstable();
    order
        .chunk_by(|a, b| (a.0, a.1) == (b.0, b.1))
        .map(|group| {
            let middle = group.get(group.len() / 2).map_or(0, |g| g.2);
            (palette.colour(values.get(middle).copied().flatten()), group.iter().map(|g| g.2).collect())
        })
        .collect()
}

fn draw_segments(panel: &Panel, sample: &SegmentSample, order: &[(Colour, Vec<usize>)]) -> DrawItem {
    let group = |(colour, places): &(Colour, Vec<usize>)| {
        let line = |i: &usize| sample.segments.get(*i).and_then(|l| panel.clip_segment(l.start, l.end));
        DrawItem::Lines {
            ends: places.iter().filter_map(line).collect(),
            colour: *colour,
            width: if *colour == INSIDE_COLOUR { INSIDE_WIDTH_PT } else { SEGMENT_WIDTH_PT },
        }
    };
    DrawItem::Group("segments", order.iter().map(group).collect())
}

/// Describes how many segments are drawn, and what is not visible.
fn figure_note(sample: &SegmentSample, values: &[Option<f64>], contact: Option<Point>, window: &Aabb) -> String {
    let mut text = sample.summary();
    let without = values.iter().filter(|v| v.is_none()).count() as u64;
    if without > 0 {
        text += &format!(", {} not in the electrodes file (grey)", group_thousands(without));
    }
    let odd = values.iter().flatten().filter(|v| !v.is_finite()).count() as u64;
    if odd > 0 {
        text += &format!(", {} with a weight that is not finite (grey)", group_thousands(odd));
    }
    match contact {
        None => text += "; the contact has no position",
        Some(p) if window.distance(&Aabb::enclosing([p])) > 0.0 => {
            text += &format!("; the contact is at {p} \u{b5}m, outside the view")
        }
        Some(_) => (),
    }
    text
}

/// Draws the colour bar or the two colours of a region at a position (left, top) and height; returns its right end.
fn draw_legend(
    palette: &Palette,
    [left, top, high]: [f32; 3],
    values: &[Option<f64>],
    (thinned, unit): (bool, &str),
) -> (DrawItem, f32) {
    match palette {
        Palette::Bar(bar) => {
            let tip_height = |extends: bool| if extends { 11.0 } else { 0.0 };
            let (above, below) = (tip_height(bar.extend.high), tip_height(bar.extend.low));
            let label = format!("weight ({unit})");
            let high = high - above - below;
            (
                bar.draw([left, top + above, BAR_WIDTH_PT, high], &label),
                left + bar.total_width(BAR_WIDTH_PT, high) + 6.0,
            )
        }
        Palette::Inside => {
            let inside = values.iter().flatten().filter(|v| v.is_finite() && **v > 0.0).count() as u64;
            let drawn = if thinned { " drawn" } else { "" };
            let outside = values.iter().flatten().filter(|v| v.is_finite() && **v <= 0.0).count() as u64;
            let entries = [
                (INSIDE_COLOUR, format!("inside: {}{drawn}", group_thousands(inside))),
                (OUTSIDE_COLOUR, format!("outside: {}{drawn}", group_thousands(outside))),
            ];
            let widest = entries.iter().map(|(_, text)| text_width(text, LABEL_SIZE_PT)).fold(0.0, f32::max);
            let entry = |(i, (colour, text)): (usize, (Colour, String))| {
                let y = top + 8.0 + 16.0 * i as f32;
                let line = vec![[left, y], [left + 16.0, y]];
                let line = DrawItem::Polygon { points: line, closed: false, paint: Paint::stroke(colour, 2.0) };
                [line, DrawItem::Text(Text::new([left + 22.0, y + 3.6], LABEL_SIZE_PT, TextAnchor::Start, text))]
            };
            (DrawItem::Group("key", entries.into_iter().enumerate().flat_map(entry).collect()), left + widest + 32.0)
        }
    }
}
