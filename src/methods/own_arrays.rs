//! Weights of segments in the caller's own arrays: no files, no circuit.
//!
//! ```
//! use leadfield::prelude::*;
//!
//! let starts = [[0.0, 0.0, 0.0], [10.0, 0.0, 0.0]]; // µm, one row a segment
//! let ends = [[10.0, 0.0, 0.0], [20.0, 5.0, 0.0]];
//! let segments = SegmentArrays::new(&starts, &ends, &[1.0, 0.5])?;
//! let contacts = [[0.0, 50.0, 0.0], [0.0, 100.0, 0.0], [0.0, 150.0, 0.0]];
//! let weights = LineSource::in_medium(0.3)?.weights(&segments, &contacts)?; // V/nA
//! assert_eq!(weights.dim(), (2, 3)); // (segments, contacts)
//! # Ok::<(), leadfield::Error>(())
//! ```

use ndarray::Array2;

use super::medium::{Boundary, Conductivity, Slice};
use super::{Contact, Method, NearField};
use crate::error::{Error, Problem, Result};
use crate::geometry::{Aabb, Point};
use crate::segments::{NeuronSegments, Segment, Segments};
use crate::units::SiemensPerMeter;

/// Problems of the caller's arrays.
#[derive(Debug, thiserror::Error, PartialEq)]
#[non_exhaustive]
pub enum ArraysProblem {
    /// Arrays of segments differ in length.
    #[error("arrays of segments differ in length, expected {expected} as of the starts, found {found} {what}")]
    Length {
        /// Number of starts.
        expected: usize,
        /// The other array.
        what: &'static str,
        /// Its length.
        found: usize,
    },
    /// A coordinate is infinite or not a number.
    #[error("no finite position, expected numbers in µm, found {found} in row {row} of the {what}")]
    NotFinite {
        /// The array.
        what: &'static str,
        /// The row.
        row: usize,
        /// The value.
        found: f64,
    },
}

impl Problem for ArraysProblem {}

/// Segments in arrays: one row a segment.
#[derive(Debug, Clone)]
pub struct SegmentArrays(Segments);

impl SegmentArrays {
    /// Takes the starts and ends of segments, µm, and their radii, µm. A radius that is not a positive number is
    /// unknown.
    ///
    /// # Errors
    /// Returns an error if the arrays differ in length, or a coordinate is not finite.
    pub fn new(starts_um: &[[f64; 3]], ends_um: &[[f64; 3]], radii_um: &[f32]) -> Result<Self> {
        let expected = starts_um.len();
        for (what, found) in [("ends", ends_um.len()), ("radii", radii_um.len())] {
            if found != expected {
                return Err(ArraysProblem::Length { expected, what, found }.into());
            }
        }
        check_finite("starts", starts_um)?;
        check_finite("ends", ends_um)?;
        let mut segments = Segments::with_capacity(expected);
        for (row, ((&start, &end), &radius)) in (0..).zip(starts_um.iter().zip(ends_um).zip(radii_um)) {
            segments.push(Segment {
                node_id: 0,
                section_id: 0,
                segment_id: 0,
                section_type: None,
                start: start.into(),
                end: end.into(),
                radius_um: (radius.is_finite() && radius > 0.0).then_some(radius),
                row,
            });
        }
        Ok(Self(segments))
    }

    /// Returns the number of segments.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether there are no segments.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the segments as columns.
    pub fn columns(&self) -> &Segments {
        &self.0
    }

    /// Returns the box around all segments, µm.
    pub fn bounds(&self) -> Aabb {
        Aabb::enclosing(self.0.start.iter().chain(&self.0.end).copied())
    }
}

fn check_finite(what: &'static str, rows: &[[f64; 3]]) -> Result<(), ArraysProblem> {
    let values = rows.iter().enumerate().flat_map(|(row, values)| values.iter().map(move |&value| (row, value)));
    match values.into_iter().find(|(_, value)| !value.is_finite()) {
        Some((row, found)) => Err(ArraysProblem::NotFinite { what, row, found }),
        None => Ok(()),
    }
}

/// An analytic method in a medium.
#[derive(Clone)]
pub struct MethodInMedium {
    method: &'static dyn Method,
    conductivity: Conductivity,
    boundary: Option<Boundary>,
    slice: Option<Slice>,
    near_field: NearField,
}

impl MethodInMedium {
    pub(super) fn new(method: &'static dyn Method, conductivity_s_per_m: f64) -> Result<Self> {
        let conductivity = SiemensPerMeter::new(conductivity_s_per_m)?.into();
        Ok(Self { method, conductivity, boundary: None, slice: None, near_field: NearField::default() })
    }

    /// Sets another conductivity, for example one that differs along x, y and z.
    #[must_use]
    pub fn conductivity(self, conductivity: Conductivity) -> Self {
        Self { conductivity, ..self }
    }

    /// Sets a plane where the medium ends.
    #[must_use]
    pub fn boundary(self, boundary: Boundary) -> Self {
        Self { boundary: Some(boundary), ..self }
    }

    /// Sets two planes between which the medium is a slice.
    #[must_use]
    pub fn slice(self, slice: Slice) -> Self {
        Self { slice: Some(slice), ..self }
    }

    /// Sets how contacts nearer to a segment than its radius are treated.
    #[must_use]
    pub fn near_field(self, near_field: NearField) -> Self {
        Self { near_field, ..self }
    }

    /// Computes the weights of all segments at some contacts (positions in µm): V/nA, of shape (segments, contacts).
    ///
    /// # Errors
    /// Returns an error if a position is not finite, or if a contact lies outside the medium.
    pub fn weights(&self, segments: &SegmentArrays, contacts_um: &[[f64; 3]]) -> Result<Array2<f64>> {
        check_finite("contacts", contacts_um)?;
        let contact = |&position: &[f64; 3]| Contact {
            conductivity: self.conductivity,
            boundary: self.boundary,
            slice: self.slice,
            near_field: self.near_field,
            ..Contact::new(Point::from(position))
        };
        let contacts: Vec<Contact> = contacts_um.iter().map(contact).collect();
        let mut weights = vec![0.0; segments.len() * contacts.len()];
        if !weights.is_empty() {
            let all = NeuronSegments::new(&segments.0, 0..segments.len());
            self.method.prepare(&contacts)?.fill_weights(&all, &mut weights);
        }
        let shape = (segments.len(), contacts.len());
        Array2::from_shape_vec(shape, weights).map_err(|error| Error::from(ShapeProblem(error.to_string())))
    }
}

/// The array cannot be shaped.
#[derive(Debug, thiserror::Error)]
#[error("no array of weights: {0}")]
struct ShapeProblem(String);

impl Problem for ShapeProblem {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::methods::{line_source, point_source};

    type Formula = fn(Point, (Point, Point), f64, SiemensPerMeter, NearField) -> f64;

    fn position() -> impl Strategy<Value = [f64; 3]> {
        [-300.0..300.0, -300.0..300.0, -300.0..300.0_f64]
    }

    proptest! {
        #[test]
        fn kernels_agree_with_the_plain_formulas(
            start in position(), end in position(), contact in position(), radius in 0.1..20.0_f32, is_clamped: bool,
        ) {
            let near_field = if is_clamped { NearField::ClampToRadius } else { NearField::Unclamped };
            let segments = SegmentArrays::new(&[start], &[end], &[radius]).unwrap();
            let sigma = SiemensPerMeter::new(0.3).unwrap();
            let methods: [(MethodInMedium, Formula); 2] = [
                (line_source::LineSource::in_medium(0.3).unwrap(), line_source::weight),
                (point_source::PointSource::in_medium(0.3).unwrap(), point_source::weight),
            ];
            for (method, formula) in methods {
                let found = method.near_field(near_field).weights(&segments, &[contact]).unwrap()[[0, 0]];
                let ends = (start.into(), end.into());
                let expected = formula(contact.into(), ends, radius.into(), sigma, near_field);
                prop_assert!((found / expected - 1.0).abs() < 2e-13, "{found:e} {expected:e}");
            }
        }
    }

    #[test]
    fn arrays_that_do_not_fit_are_refused() {
        let point = [0.0; 3];
        let refusal = |segments: Result<SegmentArrays>| segments.unwrap_err().to_string();
        assert_eq!(
            refusal(SegmentArrays::new(&[point; 2], &[point], &[1.0; 2])),
            "arrays of segments differ in length, expected 2 as of the starts, found 1 ends"
        );
        assert_eq!(
            refusal(SegmentArrays::new(&[point], &[point], &[])),
            "arrays of segments differ in length, expected 1 as of the starts, found 0 radii"
        );
        assert_eq!(
            refusal(SegmentArrays::new(&[point; 2], &[point, [0.0, f64::NAN, 0.0]], &[1.0; 2])),
            "no finite position, expected numbers in µm, found NaN in row 1 of the ends"
        );
        let none = SegmentArrays::new(&[], &[], &[]).unwrap();
        let method = point_source::PointSource::in_medium(0.3).unwrap();
        assert_eq!(method.weights(&none, &[point]).unwrap().dim(), (0, 1));
        assert_eq!(
            method.weights(&none, &[[f64::INFINITY; 3]]).unwrap_err().to_string(),
            "no finite position, expected numbers in µm, found inf in row 0 of the contacts"
        );
        assert!(point_source::PointSource::in_medium(0.0).is_err());
    }
}
