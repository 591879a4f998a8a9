//! Lead fields of head models whose sources are dipoles at fixed places, such as the vertices of a cortical surface: the
//! New York Head, or a forward solution of MNE-Python. `examples/head_models.py` writes them from both.
//!
//! | object | content | `units` |
//! |---|---|---|
//! | `/sources/positions` | `[n, 3]`, the places of the dipoles | `um`, `mm`, `cm` or `m` |
//! | `/sources/vectors` | `[n, 3]`, the potential at the electrode of a unit dipole along x, y and z | `V/(A m)`, `uV/(nA m)`, ... |
//!
//! One file is one electrode. By reciprocity the vector L of a place is the electric field there of a current I through
//! the electrode, E = -L I; the field is stored for I = 1 nA, in V/m, so that `DipoleReciprocity` gives the weight (m - c) .
//! L in V/nA.
//!
//! The field at a point is that of the nearest source: nothing is interpolated, because sources on a surface do not
//! determine how the field changes across it. A point farther than [`MAX_DISTANCE_UM`] from every source has no field.

use kiddo::{ImmutableKdTree, SquaredEuclidean};

use super::native_hdf5::read_unit_factor;
use super::{FieldValues, LeadField, LeadFieldRequest};
use crate::error::{Context, Problem, Result};
use crate::geometry::{Aabb, Point};
use crate::io::hdf5::{Hdf5File, Hdf5Problem};
use crate::units::{DIPOLE_LEAD_FIELD_UNITS, LENGTH_UNITS};

/// The largest distance of a point from the nearest source, µm: cortical surfaces of head models have vertices every 1 to 5
/// mm, and the cortex is 2 to 4 mm thick.
pub const MAX_DISTANCE_UM: f64 = 5000.0;

const POSITIONS: &str = "/sources/positions";
const VECTORS: &str = "/sources/vectors";

/// The current for which the electric field is stored, nA.
const CURRENT_NA: f64 = 1.0;

/// Problems of sources.
#[derive(Debug, thiserror::Error, PartialEq)]
#[non_exhaustive]
pub enum SourceSpaceProblem {
    /// There are no sources.
    #[error("no sources, expected at least one")]
    Empty,
    /// There are more sources than the 32-bit indices of the k-d tree.
    #[error("too many sources, expected at most 4294967295, found {0}")]
    TooMany(usize),
    /// A coordinate or a component is not finite, or far too large.
    #[error("no finite {what}, expected one for every source, found `{found}`")]
    NotFinite {
        /// The quantity.
        what: &'static str,
        /// The value.
        found: f64,
    },
}

impl Problem for SourceSpaceProblem {}

/// Largest coordinate, µm; the squared distances of larger ones may overflow.
const MAX_COORDINATE_UM: f64 = 1e100;

/// The electric field at the places of sources.
pub struct SourceSpace {
    tree: ImmutableKdTree<f64, 3>,
    fields_v_per_m: Vec<Point>,
    bounds: Aabb,
}

impl std::fmt::Debug for SourceSpace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} sources in {}", self.fields_v_per_m.len(), self.bounds)
    }
}

impl SourceSpace {
    /// Creates the field from places, µm, and the field at each, V/m.
    ///
    /// # Errors
    /// Returns an error if there are no sources, or a number is not finite.
    pub fn new(places: &[Point], fields_v_per_m: Vec<Point>) -> Result<Self, SourceSpaceProblem> {
        if places.is_empty() {
            return Err(SourceSpaceProblem::Empty);
        }
        let components = |points: &[Point]| points.iter().flat_map(|p| p.to_array()).collect::<Vec<_>>();
        let wrong_place = components(places).into_iter().find(|v| v.is_nan() || v.abs() >= MAX_COORDINATE_UM);
        let wrong_field = components(&fields_v_per_m).into_iter().find(|v| !v.is_finite());
        let wrong = wrong_place.map(|v| ("position", v)).or(wrong_field.map(|v| ("vector", v)));
        if let Some((what, found)) = wrong {
            return Err(SourceSpaceProblem::NotFinite { what, found });
        }
        let points: Vec<[f64; 3]> = places.iter().map(|p| p.to_array()).collect();
        let too_many = |_| SourceSpaceProblem::TooMany(places.len());
        let tree = ImmutableKdTree::new_from_slice(&points).map_err(too_many)?;
        Ok(Self { tree, bounds: Aabb::enclosing(places.iter().copied()), fields_v_per_m })
    }

    /// Returns the box around the sources, µm.
    pub fn bounds(&self) -> Aabb {
        self.bounds
    }

    /// Returns the electric field, V/m, of the source nearest to a point (µm); `None` if it is too far.
    pub fn electric_field(&self, p: Point) -> Option<Point> {
        // distances of points that are far from all sources might overflow
        if !(p.is_finite() && self.bounds.distance(&Aabb::enclosing([p])) <= MAX_DISTANCE_UM) {
            return None;
        }
        let nearest = self.tree.query(&p.to_array()).nearest_one::<SquaredEuclidean<f64>>().execute();
        let is_near = nearest.distance <= MAX_DISTANCE_UM * MAX_DISTANCE_UM;
        self.fields_v_per_m.get(nearest.item as usize).copied().filter(|_| is_near)
    }
}

/// Reads the sources of an electrode.
pub(super) fn read(file: &Hdf5File, request: &LeadFieldRequest<'_>) -> Result<LeadField> {
    let places = read_vectors(file, POSITIONS, read_unit_factor(file, POSITIONS, &LENGTH_UNITS)?)?;
    // V/(A m) times the current is V/m; the field of a current into the electrode points away from where L does
    let unit = read_unit_factor(file, VECTORS, &DIPOLE_LEAD_FIELD_UNITS)?;
    let fields = read_vectors(file, VECTORS, -unit * CURRENT_NA)?;
    if fields.len() != places.len() {
        let (expected, found) = (format!("{:?} as of {POSITIONS}", [places.len(), 3]), vec![fields.len(), 3]);
        return Err(file.error(VECTORS, Hdf5Problem::Shape { expected, found }));
    }
    let sources = SourceSpace::new(&places, fields).in_item("/sources")?;
    Ok(LeadField::new(file.path(), FieldValues::Sources(sources), CURRENT_NA)?.with_placement(request.placement))
}

fn read_vectors(file: &Hdf5File, object: &str, factor: f64) -> Result<Vec<Point>> {
    let shape = file.shape(object)?;
    if !matches!(shape[..], [_, 3]) {
        return Err(file.error(object, Hdf5Problem::Shape { expected: "[n, 3]".into(), found: shape }));
    }
    let values = file.read_floats(object)?;
    let (rows, _) = values.as_chunks::<3>();
    Ok(rows.iter().map(|row| Point::from(*row) * factor).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_has_the_field_of_the_nearest_source() {
        let places = [Point::ORIGIN, Point::new(3000.0, 0.0, 0.0)];
        let fields = vec![Point::new(1.0, 2.0, 3.0), Point::new(4.0, 5.0, 6.0)];
        let space = SourceSpace::new(&places, fields.clone()).unwrap();
        assert_eq!(space.electric_field(Point::new(1400.0, 10.0, 0.0)), Some(fields[0]));
        assert_eq!(space.electric_field(Point::new(1600.0, 10.0, 0.0)), Some(fields[1]));
        assert_eq!(space.electric_field(Point::new(0.0, 4999.0, 0.0)), Some(fields[0]));
        for far in [Point::new(0.0, 5001.0, 0.0), Point::new(f64::NAN, 0.0, 0.0), Point::new(1e300, 0.0, 0.0)] {
            assert_eq!(space.electric_field(far), None);
        }
    }

    #[test]
    fn sources_without_numbers_are_refused() {
        let refused = |places: &[Point], fields| SourceSpace::new(places, fields).unwrap_err().to_string();
        assert_eq!(refused(&[], vec![]), "no sources, expected at least one");
        let nan = Point::new(0.0, f64::NAN, 0.0);
        assert_eq!(
            refused(&[Point::ORIGIN], vec![nan]),
            "no finite vector, expected one for every source, found `NaN`"
        );
        assert_eq!(
            refused(&[nan], vec![Point::ORIGIN]),
            "no finite position, expected one for every source, found `NaN`"
        );
    }
}
