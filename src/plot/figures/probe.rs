//! Draws contacts, the regions around them, and the segments in the regions.

use super::MAX_SEGMENTS;
use super::contact_marks::{ContactMark, draw_contacts};
use super::outline::region_outline;
use super::panel::{Panel, Panels, ViewPlane};
use super::sample::{SegmentSample, group_thousands};
use super::weights::enclosing_box;
use crate::error::{Context, Result, format_count};
use crate::geometry::region::{Predicate, Region};
use crate::geometry::{Aabb, Point};
use crate::plot::canvas::{Colour, DrawItem, Figure, Paint};
use crate::segments::table::{SegmentSelection, SegmentTable};

/// If there are more contacts than this, names are drawn without counts.
const MAX_COUNTED_CONTACTS: usize = 40;
/// Maximum number of regions that are drawn; more outlines would cover each other.
const MAX_FILLED_REGIONS: usize = 40;

/// A box that is thinner than this share of its longest side is flat.
const MIN_EXTENT_SHARE: f64 = 0.002;

/// A contact to draw.
#[derive(Debug)]
pub struct ProbeContact<'a> {
    /// Its name.
    pub name: &'a str,
    /// Position, µm.
    pub position: Point,
    /// The region around it.
    pub region: Option<&'a dyn Region>,
}

/// The data of a picture of contacts, for [`plot_probe`].
#[derive(Clone, Copy)]
pub struct ProbePlot<'a> {
    /// The contacts.
    pub contacts: &'a [ProbeContact<'a>],
    /// The segments to search for in the regions.
    pub table: Option<&'a SegmentTable>,
    /// The views.
    pub views: &'a [ViewPlane],
}

/// A picture of contacts, and the segments found.
#[derive(Debug)]
pub struct ProbeFigure {
    /// The picture.
    pub figure: Figure,
    /// The segments found, if a table was searched.
    pub sample: Option<SegmentSample>,
    /// Number of segments with their midpoint in the region of each contact; `None` without region or table.
    pub segment_counts: Vec<Option<u64>>,
}

/// Draws contacts, their regions, and the segments with midpoints in them.
///
/// # Errors
/// Returns an error if no region has a segment, or if the table cannot be read.
pub fn plot_probe(request: &ProbePlot<'_>) -> Result<ProbeFigure> {
    let regions: Vec<&dyn Region> = request.contacts.iter().filter_map(|c| c.region).collect();
    let sample = request.table.filter(|_| !regions.is_empty()).map(|table| {
        let sample =
            SegmentSample::read(table, SegmentSelection::Regions(&regions, Predicate::Midpoint), None, MAX_SEGMENTS)?;
        sample.require_segments(|| "in the regions of the contacts".into()).in_file(table.path())
    });
    let sample = sample.transpose()?;
    let mut counts = sample.iter().flat_map(|s| s.by_region.clone());
    let found: Vec<Option<u64>> = request.contacts.iter().map(|c| c.region.and_then(|_| counts.next())).collect();
    let page = draw_figure(request, sample.as_ref(), &found)?;
    Ok(ProbeFigure { figure: page, sample, segment_counts: found })
}

fn labelled_mark(contact: &ProbeContact<'_>, found: Option<u64>, all: usize) -> ContactMark {
    let name = match found.filter(|_| all <= MAX_COUNTED_CONTACTS) {
        Some(n) => format!("{}: {}", contact.name, group_thousands(n)),
        None => contact.name.into(),
    };
    ContactMark { name, position: contact.position, is_selected: false }
}

/// Returns the box of the view: contacts, bounded regions, and the segments of unbounded regions; without any of these,
/// the table.
fn view_box(request: &ProbePlot<'_>, sample: Option<&SegmentSample>) -> Result<Aabb> {
    let ends = request.contacts.iter().filter_map(|c| c.region?.bounds());
    let contacts = Aabb::enclosing(request.contacts.iter().map(|c| c.position));
    let mut window = ends.fold(contacts, Aabb::union);
    if let Some(sample) =
        sample.filter(|_| request.contacts.iter().any(|c| c.region.is_some_and(|r| r.bounds().is_none())))
    {
        window = window.union(sample.bounds);
    }
    if let (Some(table), None) = (request.table, sample) {
        window = window.union(table.bounds()?);
    }
    let size = window.size();
    if size.x.max(size.y).max(size.z) == 0.0 {
        let half = Point::new(50.0, 50.0, 50.0);
        window = Aabb { min: window.min - half, max: window.max + half };
    }
    Ok(window)
}

/// Returns the views to draw: of several only one if the box is flat, since the others would show a line or a point.
fn views_with_extent(window: &Aabb, views: &[ViewPlane]) -> Vec<ViewPlane> {
    let size = window.size();
    let largest = size.x.max(size.y).max(size.z);
    let is_flat = |length: f64| length < MIN_EXTENT_SHARE * largest;
    if views.len() < 2 || ![size.x, size.y, size.z].into_iter().any(is_flat) {
        return views.to_vec();
    }
    let area = |view: &ViewPlane| {
        let (right, up) = view.project(size);
        // the height alone decides between the views of a line
        (right * up + 1e-3 * largest * up, up)
    };
    let best = views.iter().copied().reduce(|best, view| if area(&view) > area(&best) { view } else { best });
    best.into_iter().collect()
}

fn draw_figure(request: &ProbePlot<'_>, sample: Option<&SegmentSample>, found: &[Option<u64>]) -> Result<Figure> {
    let all = request.contacts.len();
    let names: Vec<ContactMark> = request.contacts.iter().zip(found).map(|(c, n)| labelled_mark(c, *n, all)).collect();
    let window = enclosing_box(&view_box(request, sample)?, names.iter());
    let views = views_with_extent(&window, request.views);
    let panels = Panels::new(&window, &views);
    let items = panels.draw(Colour::WHITE, |panel| {
        let mut items = vec![draw_regions(panel, request.contacts)];
        items.extend(sample.map(|s| draw_segments(panel, s)));
        items.push(draw_contacts(panel, &names));
        items
    });
    let with = request.contacts.iter().filter(|c| c.region.is_some()).count() as u64;
    let title = match with {
        0 => format_count(all as u64, "contact"),
        with => format!("{}, {}", format_count(all as u64, "contact"), format_count(with, "region")),
    };
    let note = match sample {
        Some(sample) => format!("{} with their midpoints in the regions", sample.summary()),
        None if with > 0 => "cross-sections of the regions through their contacts".into(),
        None => String::new(),
    };
    let right = panels.right + 14.0;
    Ok(panels.to_figure(items, title, &note, right))
}

fn draw_regions(panel: &Panel, contacts: &[ProbeContact<'_>]) -> DrawItem {
    let few = contacts.iter().filter(|c| c.region.is_some()).count() <= MAX_FILLED_REGIONS;
    let paint = |opacity| Paint { opacity, ..Paint::fill(Colour(0x56_b4e9)) };
    let border = Paint { opacity: if few { 0.9 } else { 0.35 }, ..Paint::stroke(Colour(0x00_72b2), 0.7) };
    let shape = |c: &ProbeContact<'_>| {
        let outline = region_outline(panel, c.region?, c.position)?;
        let inside = few.then(|| outline.draw(paint(0.16)));
        Some(inside.into_iter().chain([outline.draw(border)]))
    };
    DrawItem::Group("regions", contacts.iter().filter_map(shape).flatten().collect())
}

fn draw_segments(panel: &Panel, sample: &SegmentSample) -> DrawItem {
    let ends = sample.segments.iter().filter_map(|l| panel.clip_segment(l.start, l.end)).collect();
    DrawItem::Group("segments", vec![DrawItem::Lines { ends, colour: Colour(0x33_3333), width: 0.45 }])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flat_probe_is_drawn_once_from_the_side_that_shows_it() {
        let views = |x: f64, y: f64, z: f64| {
            views_with_extent(&Aabb::enclosing([Point::ORIGIN, Point::new(x, y, z)]), &ViewPlane::ALL)
        };
        assert_eq!(views(48.0, 3840.0, 0.0), [ViewPlane::Xy]);
        assert_eq!(views(0.0, 3840.0, 48.0), [ViewPlane::Zy]);
        assert_eq!(views(500.0, 0.0, 500.0), [ViewPlane::Xz]);
        assert_eq!(views(0.0, 1000.0, 0.0), [ViewPlane::Xy]);
        assert_eq!(views(0.0, 0.0, 1000.0), [ViewPlane::Xz]);
        assert_eq!(views(100.0, 1000.0, 100.0), ViewPlane::ALL);
        let line = Aabb::enclosing([Point::ORIGIN, Point::new(0.0, 9.0, 0.0)]);
        assert_eq!(views_with_extent(&line, &[ViewPlane::Xz]), [ViewPlane::Xz], "a view that was asked for");
    }
}
