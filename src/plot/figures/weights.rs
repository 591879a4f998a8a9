//! The coefficients of one contact: segments as lines in colours.

use super::PlotProblem;
use super::contacts::{Mark, marks};
use super::palette::{INSIDE, OUTSIDE, Palette};
use super::panel::{Panel, Panels, View};
use super::sample::{Sample, grouped};
use crate::error::{Context, Result};
use crate::geometry::region::{Cuboid, Predicate, Region};
use crate::geometry::{Aabb, Point};
use crate::io::hdf5::File;
use crate::plot::canvas::{Anchor, Colour, Item, LABEL, Page, Paint, Text, width};
use crate::segments::table::{PageWarning, Table, Within};
use crate::sonata::electrodes_file::{Attribute, Description, ElectrodeEntry, settings};
use crate::units::COEFFICIENT_UNIT;
use crate::weights::Lookup;

/// Steps of a colour map: lines of one step are one path.
const STEPS: f64 = 96.0;
/// Width of a line, pt.
const WIDTH: f32 = 0.45;
/// Width of a line inside a region, pt: there may be few.
const WIDTH_INSIDE: f32 = 0.9;
/// Height of a colour bar at most, with its points, pt.
const BAR: f32 = 300.0;
/// Width of a colour bar, pt.
const WIDE: f32 = 11.0;
/// Height of a legend on its own.
const LEGEND: f32 = 240.0;
/// Contacts may stretch the view to this many times the segments' own size; those further out are left out.
const STRETCH: f64 = 1.6;

/// What is to be drawn.
#[derive(Clone, Copy)]
pub struct Weights<'a> {
    /// The segments.
    pub table: &'a Table,
    /// The contact, and its coefficients.
    pub lookup: &'a Lookup,
    /// From where.
    pub views: &'a [View],
    /// Half the side of the box round the contact that is shown, um; none for all.
    pub within: Option<f64>,
    /// Segments drawn at most, beside the nearest: [`MOST`](super::MOST) for a picture.
    pub most: usize,
}

/// A picture, and what is worth a word.
#[derive(Debug)]
pub struct Drawn {
    /// The picture.
    pub page: Page,
    /// Its colours.
    pub palette: Palette,
    /// What was drawn.
    pub sample: Sample,
    /// The coefficients of the segments drawn, V/nA; none where the file lacks the neuron.
    pub values: Vec<Option<f64>>,
}

impl Drawn {
    /// What its colours mean, as a picture of its own.
    pub fn legend(&self) -> Page {
        let title = "colours".to_string();
        let (key, right) = key(&self.palette, [8.0, 8.0, LEGEND], &self.values, self.sample.every > 1);
        Page { width: right, height: LEGEND + 16.0, title, items: vec![key] }
    }

    /// What makes reading slower than it could be.
    pub fn warnings(&self) -> &[PageWarning] {
        &self.sample.warnings
    }
}

/// Draws the segments in the colours of a contact's coefficients.
///
/// # Errors
/// Nothing to draw; the table or the coefficients cannot be read.
pub fn weights(request: &Weights<'_>) -> Result<Drawn> {
    let Weights { table, lookup, within, .. } = *request;
    let place =
        || within.map_or_else(|| "in the table".into(), |r| format!("within {r} um of `{}`", lookup.electrode()));
    let drawn = weights_if_any(request)?;
    drawn.ok_or_else(|| PlotProblem::NoSegments { place: place() }).in_file(table.path())
}

/// As [`weights`]; none where there is no segment.
///
/// # Errors
/// The table or the coefficients cannot be read.
pub fn weights_if_any(request: &Weights<'_>) -> Result<Option<Drawn>> {
    let Weights { table, lookup, within, .. } = *request;
    let electrode = lookup.description();
    let window = within.map(|half| window(lookup, half)).transpose()?;
    let regions: Vec<&dyn Region> = window.iter().map(|w| w as &dyn Region).collect();
    let view = if regions.is_empty() { Within::Everywhere } else { Within::Regions(&regions, Predicate::Intersects) };
    let sample = Sample::of(table, view, electrode.position, request.most)?;
    if sample.lines.is_empty() {
        return Ok(None);
    }
    let nodes: Vec<u64> = sample.lines.iter().map(|l| l.node_id).collect();
    let rows: Vec<u64> = sample.lines.iter().map(|l| l.row).collect();
    let values = lookup.of(&nodes, &rows)?;
    let palette = Palette::of(electrode.kind.as_deref(), values.iter().flatten().copied());
    let page = page(request, window.map(|w| w.bounds()).unwrap_or_default(), &sample, (&palette, &values))?;
    Ok(Some(Drawn { page, palette, sample, values }))
}

/// The box round the contact.
fn window(lookup: &Lookup, half: f64) -> Result<Cuboid> {
    if !(half.is_finite() && half > 0.0) {
        return Err(PlotProblem::Within(half)).in_object("--within");
    }
    let object = format!("/electrodes/{}", lookup.electrode());
    let center = lookup.description().position.ok_or(PlotProblem::NoPosition);
    let center = center.in_object(&object).in_file(lookup.file().path())?;
    let half = Point::new(half, half, half);
    Cuboid::new(center - half, center + half).in_object("--within")
}

/// All contacts of the file.
fn contacts(lookup: &Lookup) -> Result<Vec<Mark>> {
    let chosen = |name: &str| name == lookup.electrode();
    let all = lookup.file().descriptions()?;
    let mark = |(e, told): &(&ElectrodeEntry, Description)| {
        Some(Mark { name: e.name.clone(), at: told.position?, chosen: chosen(&e.name) })
    };
    Ok(all.iter().filter_map(mark).collect())
}

/// The segments' box, and the contacts that are not far outside of it.
pub(super) fn surroundings<'a>(segments: &Aabb, contacts: impl Iterator<Item = &'a Mark>) -> Aabb {
    let size = segments.size();
    let most = size.x.max(size.y).max(size.z) * (STRETCH - 1.0);
    let near = |p: &Point| segments.distance(&Aabb::of([*p])) <= most;
    contacts.map(|m| m.at).filter(near).fold(*segments, Aabb::with)
}

fn page(
    request: &Weights<'_>,
    window: Option<Aabb>,
    sample: &Sample,
    (palette, values): (&Palette, &[Option<f64>]),
) -> Result<Page> {
    let electrode = request.lookup.description();
    let contacts = contacts(request.lookup)?;
    let window = window.unwrap_or_else(|| surroundings(&sample.bounds, contacts.iter()));
    let order = order(palette, values);
    let panels = Panels::of(&window, request.views);
    let mut items = panels.draw(Colour::WHITE, |panel| vec![lines(panel, sample, &order), marks(panel, &contacts)]);
    let title = title(request.lookup)?;
    let top = panels.panels.first().map_or(0.0, |p| p.frame.top);
    let place = [panels.right + 14.0, top, (panels.bottom - top).min(BAR)];
    let (key, right) = key(palette, place, values, sample.every > 1);
    items.push(key);
    let note = note(sample, values, electrode.position, &window);
    Ok(panels.finish(items, title, &note, right))
}

/// The method, the contact, and what is subtracted from it.
fn title(lookup: &Lookup) -> Result<String> {
    let kind = lookup.description().kind.as_deref().unwrap_or("Coefficients");
    let title = format!("{kind} at contact {}", lookup.electrode());
    let settings = settings(&File::open(lookup.file().path())?, lookup.electrode());
    let reference = settings.into_iter().find_map(|(key, value)| match value {
        Attribute::Text(reference) if key == "reference" => Some(reference),
        _ => None,
    });
    Ok(reference.map_or_else(|| title.clone(), |reference| format!("{title}, reference {reference}")))
}

/// Places of the segments with their colours, those that stand out last.
fn order(palette: &Palette, values: &[Option<f64>]) -> Vec<(Colour, Vec<usize>)> {
    let step = |v: Option<f64>| (palette.weight(v) * STEPS).round() as i64;
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

fn lines(panel: &Panel, sample: &Sample, order: &[(Colour, Vec<usize>)]) -> Item {
    let group = |(colour, places): &(Colour, Vec<usize>)| {
        let line = |i: &usize| sample.lines.get(*i).and_then(|l| panel.line(l.start, l.end));
        Item::Lines {
            ends: places.iter().filter_map(line).collect(),
            colour: *colour,
            width: if *colour == INSIDE { WIDTH_INSIDE } else { WIDTH },
        }
    };
    Item::Group("segments", order.iter().map(group).collect())
}

/// How many are drawn, and what is not to be seen.
fn note(sample: &Sample, values: &[Option<f64>], contact: Option<Point>, window: &Aabb) -> String {
    let mut text = sample.told();
    let without = values.iter().filter(|v| v.is_none()).count() as u64;
    if without > 0 {
        text += &format!(", {} not in the electrodes file (grey)", grouped(without));
    }
    let odd = values.iter().flatten().filter(|v| !v.is_finite()).count() as u64;
    if odd > 0 {
        text += &format!(", {} with a coefficient that is not finite (grey)", grouped(odd));
    }
    match contact {
        None => text += "; the contact has no position",
        Some(p) if window.distance(&Aabb::of([p])) > 0.0 => {
            text += &format!("; the contact is at {p} um, outside the view")
        }
        Some(_) => (),
    }
    text
}

/// The colour bar or the two colours at a place, left, top and height; and where the page ends to its right.
fn key(palette: &Palette, [left, top, high]: [f32; 3], values: &[Option<f64>], thinned: bool) -> (Item, f32) {
    match palette {
        Palette::Bar(bar) => {
            let room = |extends: bool| if extends { 11.0 } else { 0.0 };
            let (above, below) = (room(bar.extend.high), room(bar.extend.low));
            let label = format!("coefficient ({COEFFICIENT_UNIT})");
            let high = high - above - below;
            (bar.draw([left, top + above, WIDE, high], &label), left + bar.width(WIDE, high) + 6.0)
        }
        Palette::Inside => {
            let inside = values.iter().flatten().filter(|v| v.is_finite() && **v > 0.0).count() as u64;
            let drawn = if thinned { " drawn" } else { "" };
            let outside = values.iter().flatten().filter(|v| v.is_finite() && **v <= 0.0).count() as u64;
            let told = [
                (INSIDE, format!("inside: {}{drawn}", grouped(inside))),
                (OUTSIDE, format!("outside: {}{drawn}", grouped(outside))),
            ];
            let widest = told.iter().map(|(_, text)| width(text, LABEL)).fold(0.0, f32::max);
            let entry = |(i, (colour, text)): (usize, (Colour, String))| {
                let y = top + 8.0 + 16.0 * i as f32;
                let line = vec![[left, y], [left + 16.0, y]];
                let line = Item::Polygon { points: line, closed: false, paint: Paint::stroke(colour, 2.0) };
                [line, Item::Text(Text::new([left + 22.0, y + 3.6], LABEL, Anchor::Start, text))]
            };
            (Item::Group("key", told.into_iter().enumerate().flat_map(entry).collect()), left + widest + 32.0)
        }
    }
}
