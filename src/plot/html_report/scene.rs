//! Exports the segments around some contacts as data for the 3D view of the page.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::contact_table::ContactColumn;
use super::read_neuron_types;
use crate::error::{Context, Result};
use crate::geometry::region::Cuboid;
use crate::geometry::{Aabb, Point};
use crate::plot::canvas::{AxisScale, encode_base64};
use crate::plot::figures::{
    self, MISSING_COLOUR, Palette, SampledSegment, SegmentCategories, SegmentSample, WeightsPlot, group_thousands,
    is_csd_method, palette_legend,
};
use crate::segments::table::SegmentSelection;
use crate::weights::WeightLookup;

/// Maximum number of contacts that can be chosen in the view.
const MAX_CONTACTS: usize = 12;
/// Maximum numbers of segments in the view around a single contact: the nearest, and others. Several contacts share
/// twice as many, since the segments around neighbours are partly the same: at most three megabytes of data.
const MAX_SEGMENTS: [usize; 2] = [10_000, 5_000];
/// Number of stops of a colour map.
const COLOUR_STOPS: u32 = 32;

/// Content of the view.
pub struct ViewerScene {
    data: Value,
    /// Names of the contacts that can be chosen, and which of them is at first.
    pub contacts: Vec<String>,
    /// Index of the contact that is chosen at first.
    pub selected: usize,
    /// Describes how many segments are in the view.
    pub summary: String,
    /// Legends of the colours of weights, SVG.
    pub legends: Vec<String>,
    /// The reason why the morphological types of neurons are not known.
    pub missing_types: Option<String>,
}

/// A contact that can be chosen in the view.
struct ViewContact {
    name: String,
    kind: Option<String>,
    center: Point,
    /// Distance within which no segment is left out, µm; `None` if none is left out anywhere.
    complete_um: Option<f64>,
    /// Number of segments in its box.
    total: u64,
}

/// Where the page's picture of the contact comes from, and its colours.
pub struct SceneRequest<'a> {
    /// What the picture shows.
    pub plot: &'a WeightsPlot<'a>,
    /// The colours of the picture.
    pub palette: &'a Palette,
    /// All contacts with a column.
    pub contacts: &'a [ContactColumn<'a>],
    /// The segments up to this far from a contact along each axis are shown, µm.
    pub within_um: f64,
}

impl ViewerScene {
    /// Collects the segments within `within_um` of contacts along each axis, or of the whole table if the chosen
    /// contact has no position; returns a message if there are none.
    pub fn build(request: &SceneRequest<'_>) -> Result<Result<Self, String>> {
        let (segments, contacts) = collect_segments(request)?;
        if segments.is_empty() {
            let place = format!(" within {} \u{b5}m of it along each axis", request.within_um);
            return Ok(Err(format!("There are no segments{place}; use a larger --within.")));
        }
        let (table, lookup) = (request.plot.table, request.plot.lookup);
        let nodes: Vec<u64> = segments.iter().map(|s| s.node_id).collect();
        let rows: Vec<u64> = segments.iter().map(|s| s.row).collect();
        let (mut legends, mut entries): (Vec<String>, Vec<Value>) = Default::default();
        let mut palettes: Vec<(Palette, &str)> = Vec::new();
        let mut values: Vec<u8> = Vec::with_capacity(4 * segments.len() * contacts.len());
        for contact in &contacts {
            let own = match contact.name == lookup.electrode() {
                true => lookup.find_weights(&nodes, &rows)?,
                false => WeightLookup::open(lookup.file().path(), &contact.name, table)?.find_weights(&nodes, &rows)?,
            };
            let palette = choose_palette(request.palette, contact.kind.as_deref(), &own);
            let unit = figures::weight_unit(contact.kind.as_deref());
            let place = palettes.iter().position(|known| *known == (palette, unit)).unwrap_or(palettes.len());
            if place == palettes.len() {
                legends.push(palette_legend(&palette, &own, true, unit).to_svg());
                palettes.push((palette, unit));
            }
            // a missing weight is a NaN; single precision has more digits than the page shows
            values.extend(own.iter().flat_map(|v| (v.unwrap_or(f64::NAN) as f32).to_le_bytes()));
            entries.push(json!({
                "name": contact.name,
                "center": contact.center.to_array(),
                "complete": contact.complete_um,
                "total": contact.total,
                "palette": place,
                "unit": unit,
            }));
        }
        let mut distinct = nodes.clone();
        distinct.sort_unstable();
        distinct.dedup();
        let types = read_neuron_types(table, &distinct);
        let kinds = SegmentCategories::by_section_type(&segments);
        let mut categories = vec![category_json(&kinds)];
        if let Ok(types) = &types {
            let texts: Vec<&str> = nodes.iter().map(|node| types.get(node).map_or("unknown", String::as_str)).collect();
            let by_type = SegmentCategories::by_text("mtype", &texts);
            let mut own = category_json(&by_type);
            own["names"] = json!(distinct.iter().map(|node| types.get(node)).collect::<Vec<_>>());
            categories.push(own);
        }
        let node_index: Vec<u32> =
            nodes.iter().map(|node| distinct.binary_search(node).unwrap_or_default() as u32).collect();
        let ends = segments.iter().flat_map(|s| s.start.to_array().into_iter().chain(s.end.to_array()));
        let others = other_contacts(request, &contacts);
        let data = json!({
            "count": segments.len(),
            "radius": request.plot.lookup.description().position_um.map(|_| request.within_um),
            "selected": contacts.iter().position(|c| c.name == lookup.electrode()).unwrap_or_default(),
            "contacts": entries,
            "others": others.iter().map(|(name, p)| json!([name, p.to_array()])).collect::<Vec<_>>(),
            "palettes": palettes.iter().map(|(palette, _)| palette_json(palette)).collect::<Vec<_>>(),
            "categories": categories,
            "nodes": &distinct,
            "node": encode_base64(&node_index.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<_>>()),
            "section": encode_base64(&segments.iter().flat_map(|s| s.section_id.to_le_bytes()).collect::<Vec<_>>()),
            "segment": encode_base64(&segments.iter().flat_map(|s| s.segment_id.to_le_bytes()).collect::<Vec<_>>()),
            "radii": encode_base64(&segments.iter().flat_map(|s| s.radius_um.unwrap_or_default().to_le_bytes()).collect::<Vec<_>>()),
            "ends": encode_base64(&ends.flat_map(|v| (v as f32).to_le_bytes()).collect::<Vec<_>>()),
            "values": encode_base64(&values),
        });
        let summary = describe_scene(request, segments.len(), &contacts);
        let selected = contacts.iter().position(|c| c.name == lookup.electrode()).unwrap_or_default();
        let contacts = contacts.into_iter().map(|c| c.name).collect();
        Ok(Ok(Self { data, contacts, selected, summary, legends, missing_types: types.err() }))
    }

    /// Returns the data as JSON without a `<`, so that it can be embedded in a script element.
    pub fn to_json(&self) -> String {
        self.data.to_string().replace('<', "\\u003c")
    }
}

/// Chooses the contacts, and reads the segments around them, each once, in the order of rows.
fn collect_segments(request: &SceneRequest<'_>) -> Result<(Vec<SampledSegment>, Vec<ViewContact>)> {
    let (table, lookup) = (request.plot.table, request.plot.lookup);
    if lookup.description().position_um.is_none() {
        let sample = SegmentSample::read(table, SegmentSelection::All, None, MAX_SEGMENTS[1])?;
        let contact = ViewContact {
            name: lookup.electrode().into(),
            kind: lookup.description().kind.clone(),
            center: sample.bounds.center(),
            complete_um: None,
            total: sample.total,
        };
        return Ok((sample.segments, vec![contact]));
    }
    let chosen = choose_contacts(request, &table.bounds()?);
    let half = Point::new(request.within_um, request.within_um, request.within_um);
    let boxes: Vec<Cuboid> = chosen
        .iter()
        .map(|(.., center)| Cuboid::new(*center - half, *center + half).in_item("--within"))
        .collect::<Result<_>>()?;
    let boxes_count = boxes.len().max(1);
    let share = |most: usize| most.min((2 * most).div_ceil(boxes_count));
    let samples = SegmentSample::read_around(table, &boxes, MAX_SEGMENTS.map(share))?;
    let mut segments: BTreeMap<u64, SampledSegment> = BTreeMap::new();
    let mut contacts = Vec::new();
    for ((name, kind, center), sample) in chosen.into_iter().zip(samples) {
        let complete_um = (sample.stride > 1).then(|| complete_radius(&sample, center, share(MAX_SEGMENTS[0])));
        let total = sample.total;
        segments.extend(sample.segments.into_iter().map(|segment| (segment.row, segment)));
        contacts.push(ViewContact { name: name.into(), kind, center, complete_um, total });
    }
    Ok((segments.into_values().collect(), contacts))
}

/// Chooses the contact of the picture, and others near segments, evenly spread in the order of columns.
fn choose_contacts<'a>(request: &SceneRequest<'a>, segments: &Aabb) -> Vec<(&'a str, Option<String>, Point)> {
    let selected = request.plot.lookup.electrode();
    let near = |p: &Point| segments.distance(&Aabb::enclosing([*p])) <= request.within_um;
    let usable: Vec<_> = request
        .contacts
        .iter()
        .filter_map(|(name, description, _)| Some((*name, description.kind.clone(), description.position_um?)))
        .filter(|(name, _, p)| *name == selected || near(p))
        .collect();
    let place = usable.iter().position(|(name, ..)| *name == selected).unwrap_or_default();
    let wanted = MAX_CONTACTS.min(usable.len()).max(1);
    // the same steps in both directions from the selected contact, so that it is one of those chosen
    let step = usable.len().div_ceil(wanted).max(1);
    usable.into_iter().enumerate().filter(|(i, _)| i % step == place % step).map(|(_, contact)| contact).collect()
}

/// Returns the contacts near those that can be chosen, which are drawn as marks.
fn other_contacts<'a>(request: &SceneRequest<'a>, chosen: &[ViewContact]) -> Vec<(&'a str, Point)> {
    let all = request.contacts.iter().filter_map(|(name, description, _)| Some((*name, description.position_um?)));
    let near = |p: &Point| chosen.iter().any(|c| (*p - c.center).norm() <= 2.0 * request.within_um);
    all.filter(|(name, p)| chosen.iter().all(|c| c.name != *name) && near(p)).collect()
}

/// Returns the distance within which no segment is left out, rounded down: that of the last of the nearest.
fn complete_radius(sample: &SegmentSample, center: Point, nearest: usize) -> f64 {
    let mut apart: Vec<f64> = sample.segments.iter().map(|s| (s.midpoint() - center).norm()).collect();
    apart.sort_unstable_by(f64::total_cmp);
    apart.get(nearest.saturating_sub(1)).map_or(0.0, |d| d.floor())
}

/// Returns the colours of the picture if they suit a contact's weights, else colours of their own.
fn choose_palette(picture: &Palette, kind: Option<&str>, values: &[Option<f64>]) -> Palette {
    let signed = values.iter().flatten().any(|v| *v < 0.0);
    let suits = match picture {
        Palette::Inside => is_csd_method(kind),
        Palette::Bar(bar) => !is_csd_method(kind) && signed == matches!(bar.scale, AxisScale::Linear(..)),
    };
    if suits { *picture } else { Palette::for_method(kind, values.iter().flatten().copied()) }
}

fn palette_json(palette: &Palette) -> Value {
    let missing = MISSING_COLOUR.0;
    match palette {
        Palette::Bar(bar) => {
            let (scale, low, high) = match bar.scale {
                AxisScale::Linear(low, high) => ("linear", low, high),
                AxisScale::Log(low, high) => ("log", low, high),
            };
            let stop = |i: u32| bar.map.colour_at(f64::from(i) / f64::from(COLOUR_STOPS)).0;
            let stops: Vec<u32> = (0..=COLOUR_STOPS).map(stop).collect();
            json!({ "scale": scale, "low": low, "high": high, "stops": stops, "missing": missing })
        }
        Palette::Inside => {
            let [outside, inside] = [0.0, 1.0].map(|v| palette.colour(Some(v)).0);
            json!({ "scale": "inside", "inside": inside, "outside": outside, "missing": missing })
        }
    }
}

fn category_json(categories: &SegmentCategories) -> Value {
    let kinds: Vec<Value> =
        categories.kinds.iter().map(|kind| json!({ "name": kind.name, "colour": kind.colour.0 })).collect();
    let indices: Vec<u8> = categories.indices.iter().flat_map(|index| index.to_le_bytes()).collect();
    json!({ "title": categories.title, "kinds": kinds, "indices": encode_base64(&indices) })
}

fn describe_scene(request: &SceneRequest<'_>, segments: usize, contacts: &[ViewContact]) -> String {
    let shown = group_thousands(segments as u64);
    if request.plot.lookup.description().position_um.is_none() {
        return format!("{shown} of {} segments.", group_thousands(request.plot.table.len()));
    }
    let side = 2.0 * request.within_um;
    let place = match (contacts.len(), request.contacts.len()) {
        (1, _) => "the contact".to_string(),
        (chosen, all) if chosen == all => format!("{all} contacts"),
        (chosen, all) => format!("{chosen} of {all} contacts, which can be chosen below"),
    };
    let thinned = if contacts.iter().any(|c| c.complete_um.is_some()) {
        " Near a contact all are shown, further away one of several."
    } else {
        ""
    };
    format!("{shown} segments in boxes of {side} \u{b5}m per side around {place}.{thinned}")
}
