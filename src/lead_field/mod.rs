//! Lead fields: the potential and electric field that a current through a contact produces, computed by a field solver.
//!
//! By reciprocity (H. von Helmholtz, Ann. Phys. 165, 211, 1853, doi:10.1002/andp.18531650603; S. Rush and D. A.
//! Driscoll, IEEE Trans. Biomed. Eng. 16, 15, 1969, doi:10.1109/TBME.1969.4502598), the potential that a unit current
//! through the contact produces at a segment equals the potential that a unit current in the segment produces at the
//! contact.
//!
//! [`read`] supports four layouts: Sim4Life's export, a plain HDF5 layout of this library, the dipoles of head models
//! ([`source_space`]), and scattered points in CSV or Parquet (see `docs/lead-field.md`). Only the part of a grid that the circuit touches is read.

mod axis;
pub mod grid;
mod native_hdf5;
mod problem;
pub mod scattered;
mod scattered_file;
mod sim4life;
pub mod source_space;
pub mod vector_grid;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array};
use arrow_schema::{DataType, Field};

use crate::error::{Context, Error, ErrorLocation, Problem, Result, join_quoted};
use crate::file_kind::{FileKind, name_wrong_kind};
use crate::geometry::{Aabb, Point, Transform};
use crate::io::hdf5;
use crate::segments::query::ColumnSource;
use crate::segments::table::Hits;
use crate::segments::table::schema::COORDINATES;

pub use problem::{CurrentProblem, FieldLookupProblem};

use grid::{ScalarGrid, check_increasing};
use scattered::ScatteredField;
use source_space::SourceSpace;
use vector_grid::VectorGrid;

/// A quantity of a lead field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    /// The potential, V.
    Potential,
    /// The electric field, V/m.
    ElectricField,
}

impl Quantity {
    /// Returns its name in messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Potential => "potential",
            Self::ElectricField => "electric field",
        }
    }
}

/// The parts of a field to read, and its position in the circuit.
#[derive(Debug, Clone, Copy)]
pub struct LeadFieldRequest<'a> {
    /// The required quantities; others are not read.
    pub quantities: &'a [Quantity],
    /// The box around the points that will be looked up, µm, in the circuit's frame.
    pub lookup_bounds: Aabb,
    /// Transforms a point from the field's frame to the circuit's; `None` if they are the same.
    pub placement: Option<Transform>,
    /// The current that produced the field, nA; `None` uses the current in the file.
    pub current_na: Option<f64>,
}

impl LeadFieldRequest<'_> {
    fn needs(&self, quantity: Quantity) -> bool {
        self.quantities.contains(&quantity)
    }

    /// Returns the box to read, in the field's frame.
    fn bounds_in_field_frame(&self) -> Aabb {
        let Some(placement) = self.placement.filter(|_| !self.lookup_bounds.is_empty()) else {
            return self.lookup_bounds;
        };
        let back = placement.inverse();
        Aabb::enclosing(self.lookup_bounds.corners().map(|corner| back.apply(corner)))
    }
}

/// Values on a grid, which may be a part of a larger one.
#[derive(Debug, Clone, PartialEq)]
pub struct GridPart<G> {
    /// The part that was read.
    pub grid: G,
    /// The box of the complete grid, µm, in the field's frame.
    pub full_bounds: Aabb,
}

impl From<ScalarGrid> for GridPart<ScalarGrid> {
    fn from(grid: ScalarGrid) -> Self {
        Self { full_bounds: grid.bounds(), grid }
    }
}

impl From<VectorGrid> for Box<GridPart<VectorGrid>> {
    fn from(grid: VectorGrid) -> Self {
        Self::new(GridPart { full_bounds: grid.bounds(), grid })
    }
}

/// The values of a field.
#[derive(Debug)]
pub enum FieldValues {
    /// Values on grids; each may be missing.
    Grids {
        /// The potential, V.
        potential: Option<GridPart<ScalarGrid>>,
        /// The electric field, V/m.
        electric: Option<Box<GridPart<VectorGrid>>>,
    },
    /// Values at scattered points.
    Scattered(ScatteredField),
    /// The electric field at the places of dipoles.
    Sources(SourceSpace),
}

/// A lead field, in the circuit's frame.
#[derive(Debug)]
pub struct LeadField {
    path: PathBuf,
    values: FieldValues,
    current_na: f64,
    /// The transform from the circuit's frame to the field's, and the inverse rotation.
    frames: Option<(Transform, Transform)>,
    warnings: Vec<Error>,
}

/// The treatment of a point outside the field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OutsideField {
    /// The point causes an error.
    #[default]
    Error,
    /// The weight is 0.
    Zero,
}

impl LeadField {
    /// Creates a field from values, produced by a current in nA; `file` identifies it in messages.
    ///
    /// # Errors
    /// Returns an error if the current is 0 or not finite.
    pub fn new(file: &Path, values: FieldValues, current_na: f64) -> Result<Self, CurrentProblem> {
        let current_na = check_current(current_na)?;
        Ok(Self { path: file.to_path_buf(), values, current_na, frames: None, warnings: Vec::new() })
    }

    /// Returns the field, rotated and shifted: `placement` transforms a point from the field's frame to the circuit's.
    #[must_use]
    pub fn with_placement(self, placement: Option<Transform>) -> Self {
        Self { frames: placement.map(|forth| (forth.inverse(), forth)), ..self }
    }

    fn with_warnings(self, warnings: Vec<Error>) -> Self {
        Self { warnings, ..self }
    }

    /// Returns warnings about the file.
    pub fn warnings(&self) -> &[Error] {
        &self.warnings
    }

    /// Returns the path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the current that produced the field, nA.
    pub const fn current_na(&self) -> f64 {
        self.current_na
    }

    /// Returns the transform from the field's frame to the circuit's; `None` if they are the same.
    pub fn placement(&self) -> Option<Transform> {
        self.frames.map(|(_, forth)| forth)
    }

    /// Returns the estimated error of the potential (V) at a point of the circuit (µm), for scattered points; `None`
    /// for a grid, or outside the field.
    pub fn potential_error(&self, p: Point) -> Option<f64> {
        match &self.values {
            FieldValues::Grids { .. } | FieldValues::Sources(_) => None,
            FieldValues::Scattered(field) => field.potential(self.to_field_frame(p)).map(|estimate| estimate.error),
        }
    }

    fn to_field_frame(&self, p: Point) -> Point {
        self.frames.map_or(p, |(back, _)| back.apply(p))
    }

    /// Returns the potential (V) at a point of the circuit (µm); `None` outside the field.
    #[inline]
    pub fn potential(&self, p: Point) -> Option<f64> {
        let p = self.to_field_frame(p);
        match &self.values {
            FieldValues::Grids { potential, .. } => potential.as_ref()?.grid.interpolate(p),
            FieldValues::Scattered(field) => field.potential(p).map(|estimate| estimate.value),
            FieldValues::Sources(_) => None,
        }
    }

    /// Writes the potentials (V) at points of the circuit (µm), NaN outside the field.
    pub fn potentials(&self, points: &[Point], out: &mut [f64]) {
        match (&self.values, self.frames) {
            (FieldValues::Grids { potential: Some(part), .. }, None) => part.grid.interpolate_all(points, out),
            _ => out.iter_mut().zip(points).for_each(|(v, &p)| *v = self.potential(p).unwrap_or(f64::NAN)),
        }
    }

    /// Returns the electric field (V/m, circuit's frame) at a point of the circuit (µm); `None` outside the field.
    pub fn electric_field(&self, p: Point) -> Option<Point> {
        let p = self.to_field_frame(p);
        let e = match &self.values {
            FieldValues::Grids { electric, .. } => electric.as_ref()?.grid.interpolate(p),
            FieldValues::Scattered(field) => {
                field.electric_field(p).map(|e| Point::from(e.map(|estimate| estimate.value)))
            }
            FieldValues::Sources(sources) => sources.electric_field(p),
        }?;
        Some(self.frames.map_or(e, |(_, forth)| forth.rotation.rotate(e)))
    }

    /// Returns the box in which a quantity has values, µm, in the field's frame; `None` if the field lacks the
    /// quantity.
    pub fn bounds(&self, quantity: Quantity) -> Option<Aabb> {
        match (&self.values, quantity) {
            (FieldValues::Grids { potential, .. }, Quantity::Potential) => potential.as_ref().map(|p| p.full_bounds),
            (FieldValues::Grids { electric, .. }, Quantity::ElectricField) => electric.as_ref().map(|p| p.full_bounds),
            (FieldValues::Scattered(field), quantity) => field.has_quantity(quantity).then(|| field.bounds()),
            (FieldValues::Sources(_), Quantity::Potential) => None,
            (FieldValues::Sources(sources), Quantity::ElectricField) => Some(sources.bounds()),
        }
    }

    /// Checks that the field has the quantity that a method needs.
    ///
    /// # Errors
    /// Returns [`FieldLookupProblem::NoQuantity`], with the file, if the field lacks the quantity.
    pub fn require_quantity(&self, quantity: Quantity, method: &'static str) -> Result<()> {
        match self.bounds(quantity) {
            Some(_) => Ok(()),
            None => Err(FieldLookupProblem::NoQuantity { quantity, method }).in_file(&self.path),
        }
    }

    /// Returns the error for a point without a value; `what` describes the point.
    pub fn lookup_error(&self, quantity: Quantity, p: Point, what: &str, contact: &str) -> Error {
        let q = self.to_field_frame(p);
        let moved = if q == p { String::new() } else { format!(" ({} in the field's frame)", format_point(q)) };
        let found = format!("{}{moved}, {what}", format_point(p));
        let place = ErrorLocation::file(&self.path).with_item(format!("contact `{contact}`"));
        let bounds = self.bounds(quantity).unwrap_or(Aabb::EMPTY);
        let problem = match &self.values {
            FieldValues::Grids { .. } if bounds.contains(q) => FieldLookupProblem::NoValue { found },
            FieldValues::Grids { .. } => FieldLookupProblem::Outside { domain: format!("in {bounds}"), found },
            FieldValues::Scattered(_) => {
                FieldLookupProblem::Outside { domain: format!("among its points in {bounds}"), found }
            }
            FieldValues::Sources(_) => {
                let domain = format!("within {} µm of one of its sources in {bounds}", source_space::MAX_DISTANCE_UM);
                FieldLookupProblem::Outside { domain, found }
            }
        };
        Error::new(place, problem)
    }
}

impl LeadField {
    /// The columns that a query's result has from a field, each with the quantity that it needs: the potential and its
    /// estimated error, V, and the components of the electric field, V/m.
    pub const COLUMNS: [(&'static str, Quantity); 5] = [
        ("potential", Quantity::Potential),
        ("potential_error", Quantity::Potential),
        ("ex", Quantity::ElectricField),
        ("ey", Quantity::ElectricField),
        ("ez", Quantity::ElectricField),
    ];

    /// Returns the quantities that some of these columns need; the potential if they need none.
    pub fn quantities_for_columns(columns: &[String]) -> Vec<Quantity> {
        let is_needed = |quantity: Quantity| {
            let mut names = Self::COLUMNS.iter().filter(|(_, needed)| *needed == quantity).map(|(name, _)| name);
            names.any(|name| columns.iter().any(|column| column == name))
        };
        let electric = is_needed(Quantity::ElectricField);
        let potential = is_needed(Quantity::Potential) || !electric;
        let wanted = [(Quantity::Potential, potential), (Quantity::ElectricField, electric)];
        wanted.into_iter().filter(|(_, wanted)| *wanted).map(|(quantity, _)| quantity).collect()
    }
}

/// The field at the midpoints of segments, null outside the field.
impl ColumnSource for LeadField {
    fn column_names(&self) -> Result<Vec<String>> {
        Ok(Self::COLUMNS.iter().map(|(name, _)| name.to_string()).collect())
    }

    fn default_columns(&self) -> Vec<String> {
        vec!["potential".into()]
    }

    fn required_columns(&self) -> &[&str] {
        &COORDINATES
    }

    fn column_field(&self, name: &str) -> Result<Field> {
        if let Some((_, quantity)) = Self::COLUMNS.iter().find(|(column, _)| *column == name) {
            self.require_quantity(*quantity, "query")?;
        }
        Ok(Field::new(name, DataType::Float64, true))
    }

    fn column_values(&self, name: &str, hits: &Hits) -> Result<ArrayRef> {
        let value = |p: Point| match name {
            "potential" => self.potential(p),
            "potential_error" => self.potential_error(p),
            "ex" => self.electric_field(p).map(|e| e.x),
            "ey" => self.electric_field(p).map(|e| e.y),
            "ez" => self.electric_field(p).map(|e| e.z),
            _ => None,
        };
        Ok(Arc::new(hits.midpoints()?.map(value).collect::<Float64Array>()))
    }
}

fn format_point(p: Point) -> String {
    format!("({:.3}, {:.3}, {:.3})", p.x, p.y, p.z)
}

fn check_current(current: f64) -> Result<f64, CurrentProblem> {
    if current.is_finite() && current != 0.0 { Ok(current) } else { Err(CurrentProblem::Unusable(current)) }
}

/// Returns the requested current, or else the current in the file.
fn choose_current(request: &LeadFieldRequest<'_>, of_file: impl FnOnce() -> Result<f64>) -> Result<f64> {
    request.current_na.map_or_else(of_file, |given| check_current(given).in_item("current"))
}

/// Reads the nodes of an axis in µm; `um_per_unit` converts from the file's unit.
fn read_axis_nodes(file: &hdf5::Hdf5File, object: &str, um_per_unit: f64) -> Result<Vec<f64>> {
    let nodes = file.read_floats(object)?;
    let scaled = nodes.iter().map(|n| n * um_per_unit).collect::<Vec<_>>();
    for nodes in [&nodes, &scaled] {
        check_increasing(nodes).map_err(|problem| match problem.row() {
            Some(row) => Error::from(problem).at_index(object, row as u64).in_file(file.path()),
            None => file.error(object, problem),
        })?;
    }
    Ok(scaled)
}

/// Problems of the layout of a file.
#[derive(Debug, thiserror::Error)]
enum FileLayoutProblem {
    #[error("unknown lead field layout, expected `FieldGroups` and `Meshes`, `axes`, or `sources`, found {0}")]
    Unknown(String),
}

impl Problem for FileLayoutProblem {
    fn hint(&self) -> Option<String> {
        Some("see docs/lead-field.md for the layouts and how to write one".into())
    }
}

/// Reads a lead field: `.csv` and `.parquet` contain scattered points; any other file is HDF5, with a layout that is
/// detected from its groups.
///
/// # Errors
/// Returns an error, with file and object, if the layout is unknown, an object is missing (existing objects are
/// listed), axes do not increase, shapes do not match the axes, or there is no current.
pub fn read(path: &Path, request: &LeadFieldRequest<'_>) -> Result<LeadField> {
    name_wrong_kind(read_file(path, request), path, &[FileKind::LeadField, FileKind::LeadFieldPoints])
}

fn read_file(path: &Path, request: &LeadFieldRequest<'_>) -> Result<LeadField> {
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase();
    match extension.as_str() {
        "csv" => scattered_file::read_csv(path, request).in_file(path),
        "parquet" => scattered_file::read_parquet(path, request).in_file(path),
        _ => read_hdf5(&hdf5::Hdf5File::open(path)?, request).in_file(path),
    }
}

fn read_hdf5(file: &hdf5::Hdf5File, request: &LeadFieldRequest<'_>) -> Result<LeadField> {
    if file.has_object("/FieldGroups") || file.has_object("/Meshes") {
        return sim4life::read(file, request);
    }
    if file.has_object("/axes") {
        return native_hdf5::read(file, request);
    }
    if file.has_object("/sources") {
        return source_space::read(file, request);
    }
    Err(FileLayoutProblem::Unknown(join_quoted(file.member_names("/")?, 12)).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Quaternion;
    use grid::GridAxis;

    /// Returns phi = x + 2 y + 4 z and E = (y, z, x), which are linear, so that the grid is exact.
    fn field() -> LeadField {
        let nodes = vec![-100.0, 0.0, 100.0];
        let on_nodes = |f: fn(Point) -> f64| {
            let at = |i: usize| nodes[i];
            let values = (0..27).map(|n| f(Point::new(at(n / 9), at(n / 3 % 3), at(n % 3)))).collect();
            ScalarGrid::new([(); 3].map(|()| GridAxis::new(nodes.clone()).unwrap()), values).unwrap()
        };
        let potential = Some(on_nodes(|p| p.x + 2.0 * p.y + 4.0 * p.z).into());
        let electric = VectorGrid { components: [on_nodes(|p| p.y), on_nodes(|p| p.z), on_nodes(|p| p.x)] };
        LeadField::new(Path::new("f.h5"), FieldValues::Grids { potential, electric: Some(electric.into()) }, 2.0)
            .unwrap()
    }

    #[test]
    fn a_placed_field_moves_points_back_and_turns_the_vector_with_it() {
        let rotation = Quaternion::new(0.3, -0.2, 0.7, 0.4).unwrap();
        let placement = Transform::new(rotation, Point::new(10.0, -20.0, 30.0));
        let (still, moved) = (field(), field().with_placement(Some(placement)));
        for p in [Point::ORIGIN, Point::new(3.0, -40.0, 25.0), Point::new(-50.0, 50.0, 1.0)] {
            let q = placement.apply(p);
            assert!((moved.potential(q).unwrap() - still.potential(p).unwrap()).abs() < 1e-12);
            let turned = rotation.rotate(still.electric_field(p).unwrap());
            assert!(moved.electric_field(q).unwrap().distance(turned) < 1e-12);
        }
    }

    #[test]
    fn the_box_to_read_holds_the_circuit_in_the_fields_frame() {
        let quarter_turn = Quaternion::from_euler(0.0, 0.0, std::f64::consts::FRAC_PI_2);
        let placement = Some(Transform::new(quarter_turn, Point::new(5.0, 0.0, 0.0)));
        let within = Aabb { min: Point::new(5.0, 1.0, 0.0), max: Point::new(8.0, 2.0, 1.0) };
        let request = LeadFieldRequest { quantities: &[], lookup_bounds: within, placement, current_na: None };
        // the field's x axis is the circuit's y axis, its y axis is the circuit's -x axis
        let b = request.bounds_in_field_frame();
        let expected = Aabb { min: Point::new(1.0, -3.0, 0.0), max: Point::new(2.0, 0.0, 1.0) };
        assert!(b.min.distance(expected.min) < 1e-12 && b.max.distance(expected.max) < 1e-12, "{b}");
    }

    #[test]
    fn a_point_outside_is_named_with_contact_and_bounds() {
        let error = field().lookup_error(Quantity::Potential, Point::new(0.0, 100.5, 0.0), "the midpoint of it", "e1");
        assert_eq!(
            error.to_string(),
            "f.h5: contact `e1`: point outside the lead field, expected one in x -100.0..100.0, y -100.0..100.0, \
             z -100.0..100.0 µm, found (0.000, 100.500, 0.000), the midpoint of it"
        );
        assert_eq!(
            error.hint().unwrap(),
            "transform the field to the circuit's frame with `--field-transform`, or use 0 outside with \
             `--outside-field zero`"
        );
        let shift = Transform::new(Quaternion::IDENTITY, Point::new(0.0, 200.0, 0.0));
        let error =
            field().with_placement(Some(shift)).lookup_error(Quantity::Potential, Point::ORIGIN, "a soma", "e1");
        assert!(
            error
                .to_string()
                .ends_with("found (0.000, 0.000, 0.000) ((0.000, -200.000, 0.000) in the field's frame), a soma")
        );
    }

    #[test]
    fn a_current_that_cannot_be_divided_by_is_refused() {
        let values = FieldValues::Grids { potential: None, electric: None };
        assert_eq!(
            LeadField::new(Path::new("f.h5"), values, 0.0).unwrap_err().to_string(),
            "unusable current, expected a finite number other than 0, found `0`"
        );
    }
}
