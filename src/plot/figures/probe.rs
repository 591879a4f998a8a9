//! Contacts, the regions round them, and the segments found there.

use super::MOST;
use super::contacts::{Mark, marks};
use super::outline::outline;
use super::panel::{Panel, Panels, View};
use super::sample::{Sample, grouped};
use super::weights::surroundings;
use crate::error::{Context, Result, count};
use crate::geometry::region::{Predicate, Region};
use crate::geometry::{Aabb, Point};
use crate::plot::canvas::{Colour, Item, Page, Paint};
use crate::segments::table::{Table, Within};

/// Names with more counts than these beside them are names alone.
const COUNTED: usize = 40;
/// Regions drawn one by one; of more their outlines would cover each other.
const FILLED: usize = 40;

/// A contact to be drawn.
#[derive(Debug)]
pub struct Contact<'a> {
    /// Its name.
    pub name: &'a str,
    /// Where it is, um.
    pub position: Point,
    /// The region round it.
    pub region: Option<&'a dyn Region>,
}

/// What is to be drawn.
#[derive(Clone, Copy)]
pub struct Probe<'a> {
    /// The contacts.
    pub contacts: &'a [Contact<'a>],
    /// The segments that are looked for in the regions.
    pub table: Option<&'a Table>,
    /// From where.
    pub views: &'a [View],
}

/// A picture of contacts, and the segments found.
#[derive(Debug)]
pub struct DrawnProbe {
    /// The picture.
    pub page: Page,
    /// What was found, where a table was searched.
    pub sample: Option<Sample>,
    /// How many segments have their midpoint in the region of each contact; none without region or table.
    pub found: Vec<Option<u64>>,
}

/// Draws contacts, their regions, and the segments whose midpoints are in them.
///
/// # Errors
/// No segment in any region, or the table cannot be read.
pub fn probe(request: &Probe<'_>) -> Result<DrawnProbe> {
    let regions: Vec<&dyn Region> = request.contacts.iter().filter_map(|c| c.region).collect();
    let sample = request.table.filter(|_| !regions.is_empty()).map(|table| {
        let sample = Sample::of(table, Within::Regions(&regions, Predicate::Midpoint), None, MOST)?;
        sample.or_nothing(|| "in the regions of the contacts".into()).in_file(table.path())
    });
    let sample = sample.transpose()?;
    let mut counts = sample.iter().flat_map(|s| s.by_region.clone());
    let found: Vec<Option<u64>> = request.contacts.iter().map(|c| c.region.and_then(|_| counts.next())).collect();
    let page = page(request, sample.as_ref(), &found)?;
    Ok(DrawnProbe { page, sample, found })
}

fn named(contact: &Contact<'_>, found: Option<u64>, all: usize) -> Mark {
    let name = match found.filter(|_| all <= COUNTED) {
        Some(n) => format!("{}: {}", contact.name, grouped(n)),
        None => contact.name.into(),
    };
    Mark { name, at: contact.position, chosen: false }
}

/// The contacts, the regions that end, the segments of those that do not, and where there is nothing of it a table.
fn window(request: &Probe<'_>, sample: Option<&Sample>) -> Result<Aabb> {
    let ends = request.contacts.iter().filter_map(|c| c.region?.bounds());
    let contacts = Aabb::of(request.contacts.iter().map(|c| c.position));
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

fn page(request: &Probe<'_>, sample: Option<&Sample>, found: &[Option<u64>]) -> Result<Page> {
    let all = request.contacts.len();
    let names: Vec<Mark> = request.contacts.iter().zip(found).map(|(c, n)| named(c, *n, all)).collect();
    let window = surroundings(&window(request, sample)?, names.iter());
    let panels = Panels::of(&window, request.views);
    let items = panels.draw(Colour::WHITE, |panel| {
        let mut items = vec![regions(panel, request.contacts)];
        items.extend(sample.map(|s| segments(panel, s)));
        items.push(marks(panel, &names));
        items
    });
    let with = request.contacts.iter().filter(|c| c.region.is_some()).count() as u64;
    let title = match with {
        0 => count(all as u64, "contact"),
        with => format!("{}, {}", count(all as u64, "contact"), count(with, "region")),
    };
    let note = match sample {
        Some(sample) => format!("{} with their midpoints in the regions", sample.told()),
        None if with > 0 => "regions are cut through their contacts, along the page".into(),
        None => String::new(),
    };
    let right = panels.right + 14.0;
    Ok(panels.finish(items, title, &note, right))
}

fn regions(panel: &Panel, contacts: &[Contact<'_>]) -> Item {
    let few = contacts.iter().filter(|c| c.region.is_some()).count() <= FILLED;
    let paint = |opacity| Paint { opacity, ..Paint::fill(Colour(0x56_b4e9)) };
    let border = Paint { opacity: if few { 0.9 } else { 0.35 }, ..Paint::stroke(Colour(0x00_72b2), 0.7) };
    let shape = |c: &Contact<'_>| {
        let points = outline(panel, c.region?, c.position)?;
        let inside = few.then(|| Item::Polygon { points: points.clone(), closed: true, paint: paint(0.16) });
        Some(inside.into_iter().chain([Item::Polygon { points, closed: true, paint: border }]))
    };
    Item::Group("regions", contacts.iter().filter_map(shape).flatten().collect())
}

fn segments(panel: &Panel, sample: &Sample) -> Item {
    let ends = sample.lines.iter().filter_map(|l| panel.line(l.start, l.end)).collect();
    Item::Group("segments", vec![Item::Lines { ends, colour: Colour(0x33_3333), width: 0.45 }])
}
