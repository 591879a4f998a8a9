//! Computes contacts in anisotropic or bounded media, and disc contacts, as sums of point contacts in plain media.
//!
//! A contact's weight is a sum over its points ([`Disc`](super::disc::Disc)) and, for each point, over the segment and
//! its image ([`ImageConfiguration`]): a factor times the plain formula, in the coordinates of a [`CoordinateMap`]. All
//! terms with the same map are computed together, by the same code as plain contacts.

use std::ops::Range;

use super::lanes::PointContact;
use super::medium::{CoordinateMap, ImageConfiguration};
use super::reciprocity::describe_segment;
use super::simd::{self, Cylinders, Formula};
use super::{Contact, PreparedMethod};
use crate::error::{Context, Error, Result};
use crate::geometry::Point;
use crate::segments::NeuronSegments;

/// Prepares a formula for contacts of any kind.
///
/// # Errors
/// Returns a [`MediumProblem`](super::medium::MediumProblem), with the contact, if a contact has no potential in its
/// medium.
pub fn prepare_contacts<F: Formula>(contacts: &[Contact]) -> Result<Box<dyn PreparedMethod>> {
    match contacts.iter().map(as_point_contact).collect::<Option<Vec<PointContact>>>() {
        Some(sites) => Ok(Box::new(simd::SimdKernel::<F>::new(&sites))),
        None => Ok(Box::new(MultiTermKernel::<F>::new(contacts)?)),
    }
}

/// Returns the contact as a point contact if it is a point in an unbounded, isotropic medium.
fn as_point_contact(c: &Contact) -> Option<PointContact> {
    let conductivity =
        c.conductivity.isotropic_s_per_m().filter(|_| c.boundary.is_none() && c.slice.is_none() && c.disc.is_none())?;
    Some(PointContact {
        position_um: c.position_um,
        conductivity_s_per_m: conductivity,
        near_field: c.near_field,
        low_part: None,
    })
}

/// A formula, prepared for contacts that are sums of point contacts.
#[derive(Debug)]
struct MultiTermKernel<F> {
    contacts: Vec<Contact>,
    passes: Vec<MapPass<F>>,
}

/// The point contacts that share one map.
#[derive(Debug)]
struct MapPass<F> {
    map: CoordinateMap,
    kernel: simd::SimdKernel<F>,
    /// Factor of each point contact.
    factors: Vec<f64>,
    terms: Vec<ColumnTerms>,
}

/// The point contacts that one column sums.
#[derive(Debug, Clone)]
struct ColumnTerms {
    column: usize,
    sites: Range<usize>,
}

/// The point contacts of a pass before its kernel is built.
struct MapTerms {
    map: CoordinateMap,
    sites: Vec<PointContact>,
    factors: Vec<f64>,
    terms: Vec<ColumnTerms>,
}

/// Largest number of values computed before they are summed: small enough for a core's cache.
const MAX_VALUES_PER_PASS: usize = 1 << 14;

/// Smallest number of segments per pass, for any number of contacts: kernels reuse distances from one segment to the
/// next.
const MIN_ROWS_PER_PASS: usize = 4;

impl<F: Formula> MultiTermKernel<F> {
    fn new(contacts: &[Contact]) -> Result<Self> {
        let mut seen: Vec<MapTerms> = Vec::new();
        for (column, contact) in contacts.iter().enumerate() {
            let (view, points) = split_into_points(contact)?;
            let points = add_slice_images(contact, points)?;
            for (map, strength) in [Some((view.direct, 1.0)), view.image].into_iter().flatten() {
                let map_terms = MapTerms::find_or_insert(map, &mut seen);
                let first = map_terms.sites.len();
                for (point, share) in &points {
                    let (conductivity, near_field) = (view.conductivity_s_per_m, contact.near_field);
                    let (position, low) = map.map_contact(*point);
                    map_terms.sites.push(PointContact {
                        position_um: position,
                        conductivity_s_per_m: conductivity,
                        near_field,
                        low_part: Some(low),
                    });
                    map_terms.factors.push(strength * share);
                }
                map_terms.terms.push(ColumnTerms { column, sites: first..map_terms.sites.len() });
            }
        }
        let pass = |MapTerms { map, sites, factors, terms }| MapPass {
            map,
            kernel: simd::SimdKernel::new(&sites),
            factors,
            terms,
        };
        Ok(Self { contacts: contacts.to_vec(), passes: seen.into_iter().map(pass).collect() })
    }
}

impl MapTerms {
    /// Returns the terms of a map; adds the map if it is new.
    fn find_or_insert(map: CoordinateMap, seen: &mut Vec<Self>) -> &mut Self {
        let known = seen.iter().position(|known| known.map == map);
        let place = known.unwrap_or_else(|| {
            seen.push(Self { map, sites: Vec::new(), factors: Vec::new(), terms: Vec::new() });
            seen.len() - 1
        });
        &mut seen[place]
    }
}

/// Returns the maps of a contact's medium, and its points with their shares.
fn split_into_points(contact: &Contact) -> Result<(ImageConfiguration, Vec<(Point, f64)>)> {
    let place = || format!("contact `{}`", contact.name);
    let view = ImageConfiguration::for_contact(contact.position_um, contact.conductivity, contact.boundary)
        .in_item(&place())?;
    let Some(disc) = contact.disc else { return Ok((view, vec![(contact.position_um, 1.0)])) };
    let planes = contact.slice.map(|slice| slice.boundaries());
    for boundary in contact.boundary.into_iter().chain(planes.into_iter().flatten()) {
        boundary.check_disc(contact.position_um, disc.half_extent_um(boundary.axis)).in_item(&place())?;
    }
    Ok((view, disc.quadrature_points(contact.position_um)))
}

/// Returns points with those of their images in a slice, each with its share times its strength.
fn add_slice_images(contact: &Contact, points: Vec<(Point, f64)>) -> Result<Vec<(Point, f64)>> {
    let Some(slice) = contact.slice else { return Ok(points) };
    let mut all = Vec::new();
    for (point, share) in points {
        let images = slice.contact_images(point, contact.conductivity);
        let images = images.in_item(&format!("contact `{}`", contact.name))?;
        all.extend(images.into_iter().map(|(image, strength)| (image, strength * share)));
    }
    Ok(all)
}

/// Returns the ends that a formula uses for a segment.
fn formula_ends<F: Formula>(start: Point, end: Point) -> (Point, Point) {
    let middle = start.midpoint(end);
    if F::USES_MIDPOINT_ONLY { (middle, middle) } else { (start, end) }
}

impl<F: Formula> PreparedMethod for MultiTermKernel<F> {
    fn fill_weights(&self, neuron: &NeuronSegments<'_>, out: &mut [f64]) {
        out.fill(0.0);
        let mut work = PassBuffers::default();
        self.passes.iter().for_each(|pass| pass.add_neuron(neuron, out, self.contacts.len(), &mut work));
        let columns = self.contacts.len();
        let slices = (0..).zip(&self.contacts).filter_map(|(column, c)| Some((column, c.slice?)));
        for (column, slice) in slices {
            let ends = neuron.start.iter().zip(neuron.end).map(|(start, end)| formula_ends::<F>(*start, *end));
            for ((start, end), weight) in ends.zip(out.iter_mut().skip(column).step_by(columns)) {
                if !(slice.contains(start) && slice.contains(end)) {
                    *weight = f64::NAN;
                }
            }
        }
    }

    fn explain_missing_weight(&self, neuron: &NeuronSegments<'_>, segment: usize, column: usize) -> Option<Error> {
        let contact = self.contacts.get(column)?;
        let s = (segment < neuron.len()).then(|| neuron.get(segment))?;
        let (start, end) = formula_ends::<F>(s.start, s.end);
        let what = describe_segment(&s);
        let item = format!("contact `{}`", contact.name);
        if let Some(problem) = contact.slice.and_then(|slice| slice.find_segment_outside(start, end, &what)) {
            return Some(Error::from(problem).in_item(&item));
        }
        let problem = contact.boundary?.find_segment_in_insulator(contact.position_um, start, end, &what)?;
        Some(Error::from(problem).in_item(&item))
    }

    fn size_attributes(&self, column: usize) -> Vec<(&'static str, f64)> {
        let disc = self.contacts.get(column).and_then(|c| c.disc);
        disc.map_or(Vec::new(), |d| vec![("disc_radius", d.radius_um), ("disc_points", f64::from(d.point_count()))])
    }
}

/// Buffers that all passes reuse.
#[derive(Debug, Default)]
struct PassBuffers {
    start: Vec<Point>,
    end: Vec<Point>,
    radius: Vec<Option<f32>>,
    low: Vec<[Point; 2]>,
    /// Row of each piece, and its share of the segment.
    row_shares: Vec<(usize, f64)>,
    values: Vec<f64>,
}

impl<F: Formula> MapPass<F> {
    /// Adds the pass's terms for a neuron to `out`.
    fn add_neuron(&self, neuron: &NeuronSegments<'_>, out: &mut [f64], columns: usize, work: &mut PassBuffers) {
        let sites = self.factors.len();
        let rows = (MAX_VALUES_PER_PASS / sites.max(1)).max(MIN_ROWS_PER_PASS);
        for first in (0..neuron.len()).step_by(rows) {
            work.load_segments::<F>(neuron, first..neuron.len().min(first + rows), &self.map);
            work.values.resize(work.row_shares.len() * sites, 0.0);
            let PassBuffers { start, end, radius, low, row_shares: of, values } = &mut *work;
            self.kernel.fill_cylinders(&Cylinders { start, end, radius, low_parts: low }, values);
            for (&(row, share), values) in of.iter().zip(values.chunks_exact(sites)) {
                self.add_to_row(share, values, &mut out[row * columns..(row + 1) * columns]);
            }
        }
    }

    /// Adds a piece's values at the point contacts to the columns of a row.
    fn add_to_row(&self, share: f64, values: &[f64], row: &mut [f64]) {
        if self.terms.len() == self.factors.len() {
            for ((term, factor), value) in self.terms.iter().zip(&self.factors).zip(values) {
                row[term.column] += share * factor * value;
            }
        } else {
            for ColumnTerms { column, sites } in &self.terms {
                row[*column] += share * sum_of_products(&self.factors[sites.clone()], &values[sites.clone()]);
            }
        }
    }
}

/// Returns the sum of products; four independent partial sums avoid waiting for the previous addition.
fn sum_of_products(a: &[f64], b: &[f64]) -> f64 {
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

impl PassBuffers {
    /// Loads a range of segments in the coordinates of a map.
    fn load_segments<F: Formula>(&mut self, neuron: &NeuronSegments<'_>, rows: Range<usize>, map: &CoordinateMap) {
        self.start.clear();
        self.end.clear();
        self.radius.clear();
        self.low.clear();
        self.row_shares.clear();
        for row in rows {
            let (start, end) = formula_ends::<F>(neuron.start[row], neuron.end[row]);
            let (first, second) = map.map_segment(start, end);
            for piece in [Some(first), second].into_iter().flatten() {
                self.start.push(piece.start);
                self.end.push(piece.end);
                self.radius.push(neuron.radius_um[row]);
                self.low.push(piece.low_parts);
                self.row_shares.push((row, piece.share));
            }
        }
    }
}
