//! Contacts in media with axes and boundaries, and contacts of a size, as sums of point contacts in plain media.
//!
//! A contact's coefficient is a sum over its points ([`Disc`](super::disc::Disc)), and for each of these the segment itself
//! and its image ([`View`]): factor times the plain formula, in the coordinates of a [`Map`]. What is seen through one map
//! is computed together, by the same code as plain contacts.

use std::ops::Range;

use super::medium::{Map, View};
use super::simd::{self, Cylinders, Formula, Site};
use super::{Contact, Kernel};
use crate::error::{Context, Error, Result};
use crate::geometry::Point;
use crate::segments::NeuronSegments;

/// A formula's kernel for any contacts.
///
/// # Errors
/// [`MediumProblem`](super::medium::MediumProblem), with the contact.
pub fn kernel<F: Formula>(contacts: &[Contact]) -> Result<Box<dyn Kernel>> {
    match contacts.iter().map(plain).collect::<Option<Vec<Site>>>() {
        Some(sites) => Ok(Box::new(simd::Kernel::<F>::new(&sites))),
        None => Ok(Box::new(Composed::<F>::new(contacts)?)),
    }
}

/// The contact, if it is a point in an unbounded, isotropic medium.
fn plain(c: &Contact) -> Option<Site> {
    let conductivity = c.conductivity.isotropic().filter(|_| c.boundary.is_none() && c.disc.is_none())?;
    Some(Site { position: c.position, conductivity, near_field: c.near_field, low: None })
}

/// A formula for contacts that are sums.
#[derive(Debug)]
struct Composed<F> {
    contacts: Vec<Contact>,
    passes: Vec<Pass<F>>,
}

/// All that is seen through one map.
#[derive(Debug)]
struct Pass<F> {
    map: Map,
    kernel: simd::Kernel<F>,
    /// The factor of each point contact.
    factors: Vec<f64>,
    terms: Vec<Term>,
}

/// The point contacts that one column is a sum of.
#[derive(Debug, Clone)]
struct Term {
    column: usize,
    sites: Range<usize>,
}

/// A pass before its kernel is made.
struct Seen {
    map: Map,
    sites: Vec<Site>,
    factors: Vec<f64>,
    terms: Vec<Term>,
}

/// Values that are computed before they are added up: few enough to stay in a core's cache.
const AT_A_TIME: usize = 1 << 14;

/// Segments that are seen together however many contacts there are: kernels carry distances from one to the next.
const LEAST_ROWS: usize = 4;

impl<F: Formula> Composed<F> {
    fn new(contacts: &[Contact]) -> Result<Self> {
        let mut seen: Vec<Seen> = Vec::new();
        for (column, contact) in contacts.iter().enumerate() {
            let (view, points) = taken_apart(contact)?;
            for (map, strength) in [Some((view.direct, 1.0)), view.image].into_iter().flatten() {
                let own = Seen::of(map, &mut seen);
                let first = own.sites.len();
                for (point, share) in &points {
                    let (conductivity, near_field) = (view.conductivity, contact.near_field);
                    let (position, low) = map.contact(*point);
                    own.sites.push(Site { position, conductivity, near_field, low: Some(low) });
                    own.factors.push(strength * share);
                }
                own.terms.push(Term { column, sites: first..own.sites.len() });
            }
        }
        let pass =
            |Seen { map, sites, factors, terms }| Pass { map, kernel: simd::Kernel::new(&sites), factors, terms };
        Ok(Self { contacts: contacts.to_vec(), passes: seen.into_iter().map(pass).collect() })
    }
}

impl Seen {
    /// What is seen through a map, of all that is known.
    fn of(map: Map, seen: &mut Vec<Self>) -> &mut Self {
        let known = seen.iter().position(|known| known.map == map);
        let place = known.unwrap_or_else(|| {
            seen.push(Self { map, sites: Vec::new(), factors: Vec::new(), terms: Vec::new() });
            seen.len() - 1
        });
        &mut seen[place]
    }
}

/// How a contact sees the medium, and its points with their shares.
fn taken_apart(contact: &Contact) -> Result<(View, Vec<(Point, f64)>)> {
    let place = || format!("contact `{}`", contact.name);
    let view = View::of(contact.position, contact.conductivity, contact.boundary).in_object(&place())?;
    let Some(disc) = contact.disc else { return Ok((view, vec![(contact.position, 1.0)])) };
    if let Some(boundary) = contact.boundary {
        boundary.check_disc(contact.position, disc.reach(boundary.axis)).in_object(&place())?;
    }
    Ok((view, disc.points(contact.position)))
}

/// A segment as a formula takes it.
fn reduced<F: Formula>(start: Point, end: Point) -> (Point, Point) {
    let middle = start.midpoint(end);
    if F::MIDPOINT { (middle, middle) } else { (start, end) }
}

impl<F: Formula> Kernel for Composed<F> {
    fn fill(&self, neuron: &NeuronSegments<'_>, out: &mut [f64]) {
        out.fill(0.0);
        let mut work = Work::default();
        self.passes.iter().for_each(|pass| pass.add(neuron, out, self.contacts.len(), &mut work));
    }

    fn explain(&self, neuron: &NeuronSegments<'_>, segment: usize, column: usize) -> Option<Error> {
        let contact = self.contacts.get(column)?;
        let s = (segment < neuron.len()).then(|| neuron.get(segment))?;
        let (start, end) = reduced::<F>(s.start, s.end);
        let what = format!("segment {} of section {} of node {}", s.segment_id, s.section_id, s.node_id);
        let problem = contact.boundary?.refusal(contact.position, start, end, &what)?;
        Some(Error::from(problem).in_object(&format!("contact `{}`", contact.name)))
    }

    fn sizes(&self, column: usize) -> Vec<(&'static str, f64)> {
        let disc = self.contacts.get(column).and_then(|c| c.disc);
        disc.map_or(Vec::new(), |d| vec![("disc_radius", d.radius), ("disc_points", f64::from(d.count()))])
    }
}

/// Buffers that passes share.
#[derive(Debug, Default)]
struct Work {
    start: Vec<Point>,
    end: Vec<Point>,
    radius: Vec<Option<f32>>,
    low: Vec<[Point; 2]>,
    /// The row of each piece, and its share of the segment.
    of: Vec<(usize, f64)>,
    values: Vec<f64>,
}

impl<F: Formula> Pass<F> {
    /// Adds what is seen of a neuron.
    fn add(&self, neuron: &NeuronSegments<'_>, out: &mut [f64], columns: usize, work: &mut Work) {
        let sites = self.factors.len();
        let rows = (AT_A_TIME / sites.max(1)).max(LEAST_ROWS);
        for first in (0..neuron.len()).step_by(rows) {
            work.see::<F>(neuron, first..neuron.len().min(first + rows), &self.map);
            work.values.resize(work.of.len() * sites, 0.0);
            let Work { start, end, radius, low, of, values } = &mut *work;
            self.kernel.fill_cylinders(&Cylinders { start, end, radius, low }, values);
            for (&(row, share), values) in of.iter().zip(values.chunks_exact(sites)) {
                self.sum_up(share, values, &mut out[row * columns..(row + 1) * columns]);
            }
        }
    }

    /// Adds a piece's values at the point contacts to their columns of a row.
    fn sum_up(&self, share: f64, values: &[f64], row: &mut [f64]) {
        if self.terms.len() == self.factors.len() {
            for ((term, factor), value) in self.terms.iter().zip(&self.factors).zip(values) {
                row[term.column] += share * factor * value;
            }
        } else {
            for Term { column, sites } in &self.terms {
                row[*column] += share * dot(&self.factors[sites.clone()], &values[sites.clone()]);
            }
        }
    }
}

/// The sum of products; four sums side by side, so that none waits for the one before.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let ((fours_a, rest_a), (fours_b, rest_b)) = (a.as_chunks::<4>(), b.as_chunks::<4>());
    let rest: f64 = rest_a.iter().zip(rest_b).map(|(a, b)| a * b).sum();
    let mut sums = [0.0; 4];
    for (a, b) in fours_a.iter().zip(fours_b) {
        for k in 0..4 {
            sums[k] += a[k] * b[k];
        }
    }
    rest + ((sums[0] + sums[1]) + (sums[2] + sums[3]))
}

impl Work {
    /// Takes up some segments as they are seen through a map.
    fn see<F: Formula>(&mut self, neuron: &NeuronSegments<'_>, rows: Range<usize>, map: &Map) {
        self.start.clear();
        self.end.clear();
        self.radius.clear();
        self.low.clear();
        self.of.clear();
        for row in rows {
            let (start, end) = reduced::<F>(neuron.start[row], neuron.end[row]);
            let (first, second) = map.pieces(start, end);
            for piece in [Some(first), second].into_iter().flatten() {
                self.start.push(piece.start);
                self.end.push(piece.end);
                self.radius.push(neuron.radius[row]);
                self.low.push(piece.low);
                self.of.push((row, piece.share));
            }
        }
    }
}
