//! Reads the HDF5 export of Sim4Life.
//!
//! `/CurrentApplied` is a scalar. `/Meshes/<first>/.../axis_x`, `axis_y`, `axis_z` are in metres, rectilinear and
//! unevenly spaced. `/FieldGroups/<last>/AllFields/EM Potential(x,y,z,f0)/_Object/Snapshots/0/comp0` \[nx, ny, nz, 2\]
//! is in V, with real and imaginary part; the real part is used. `.../EM E(x,y,z,f0)/.../comp0`, `comp1`, `comp2` are
//! in V/m, each in the middle of the cells along its own axis (K. Yee, IEEE Trans. Antennas Propag. 14, 302, 1966,
//! doi:10.1109/TAP.1966.1138693): Ex \[nx-1, ny, nz, 2\], Ey \[nx, ny-1, nz, 2\], Ez \[nx, ny, nz-1, 2\].

use std::ops::Range;

use super::grid::{GridWindow, ScalarGrid, axes_bounds, cell_midpoints};
use super::vector_grid::VectorGrid;
use super::{
    CurrentProblem, FieldValues, GridPart, LeadField, LeadFieldRequest, Quantity, check_current, choose_current,
    read_axis_nodes,
};
use crate::error::{Context, Error, Problem, Result, join_quoted};
use crate::geometry::Aabb;
use crate::io::hdf5::{Hdf5File, Hdf5Problem};
use crate::units::MICROMETERS_PER_METER;

/// Problems of an export, in addition to those that HDF5 reports.
#[derive(Debug, thiserror::Error)]
enum ExportProblem {
    #[error("empty group, expected {expected}, found no members")]
    Empty { expected: &'static str },
    #[error("no axes, expected the datasets `axis_x`, `axis_y` and `axis_z` in it or below, found {0}")]
    NoAxes(String),
    #[error(
        "complex field, expected an imaginary part below {MAX_IMAGINARY_FRACTION} of the real one, found {imaginary:e} \
         in real values up to {real:e}; the real part is used"
    )]
    Complex { imaginary: f64, real: f64 },
}

impl Problem for ExportProblem {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Complex { .. } => {
                Some("solve at a low frequency, at which currents and potentials are in phase".into())
            }
            Self::Empty { .. } | Self::NoAxes(_) => None,
        }
    }
}

/// Largest imaginary part, as a fraction of the largest real one, that causes no warning.
const MAX_IMAGINARY_FRACTION: f64 = 1e-3;

/// Largest depth below its mesh at which the axes are searched.
const MAX_AXES_DEPTH: usize = 5;

/// Number of values converted at a time, so that the float32 pairs of a large file are never in memory together with
/// the complete grid.
const VALUES_PER_BLOCK: usize = 1 << 22;

/// Reads the requested quantities.
pub(super) fn read(file: &Hdf5File, request: &LeadFieldRequest<'_>) -> Result<LeadField> {
    let current_na = choose_current(request, || read_current(file))?;
    let export = Export {
        file,
        group: find_field_group(file)?,
        axes: read_axes(file)?,
        lookup_bounds: request.bounds_in_field_frame(),
    };
    let mut warnings = Vec::new();
    let potential = request.needs(Quantity::Potential).then(|| export.read_potential(&mut warnings)).transpose()?;
    let electric =
        request.needs(Quantity::ElectricField).then(|| export.read_electric_field(&mut warnings)).transpose()?;
    let values = FieldValues::Grids { potential, electric: electric.map(Box::new) };
    Ok(LeadField::new(file.path(), values, current_na)?.with_placement(request.placement).with_warnings(warnings))
}

fn read_current(file: &Hdf5File) -> Result<f64> {
    const OBJECT: &str = "/CurrentApplied";
    if !file.has_object(OBJECT) {
        return Err(file.error(OBJECT, CurrentProblem::Missing));
    }
    check_current(file.read_float_scalar(OBJECT)?).map_err(|problem| file.error(OBJECT, problem))
}

fn find_field_group(file: &Hdf5File) -> Result<String> {
    const GROUPS: &str = "/FieldGroups";
    let last = file.member_names(GROUPS)?.pop();
    let last = last.ok_or_else(|| file.error(GROUPS, ExportProblem::Empty { expected: "a group of fields" }))?;
    Ok(format!("{GROUPS}/{last}/AllFields"))
}

/// Reads the nodes along the three axes, µm.
fn read_axes(file: &Hdf5File) -> Result<[Vec<f64>; 3]> {
    const MESHES: &str = "/Meshes";
    let first = file.member_names(MESHES)?.into_iter().next();
    let first = first.ok_or_else(|| file.error(MESHES, ExportProblem::Empty { expected: "a mesh" }))?;
    let mesh = format!("{MESHES}/{first}");
    let missing =
        || file.error(&mesh, ExportProblem::NoAxes(join_quoted(file.member_names(&mesh).unwrap_or_default(), 12)));
    let group = find_group_with_axes(file, &mesh, MAX_AXES_DEPTH).ok_or_else(missing)?;
    let axis = |name: &str| read_axis_nodes(file, &format!("{group}/axis_{name}"), MICROMETERS_PER_METER);
    Ok([axis("x")?, axis("y")?, axis("z")?])
}

/// Returns the first group, in order of names, that contains `axis_x`.
fn find_group_with_axes(file: &Hdf5File, group: &str, depth: usize) -> Option<String> {
    if file.is_dataset(&format!("{group}/axis_x")) {
        return Some(group.to_string());
    }
    let below = file.member_names(group).ok().filter(|_| depth > 0)?;
    below.iter().find_map(|name| find_group_with_axes(file, &format!("{group}/{name}"), depth - 1))
}

/// An open export.
struct Export<'a> {
    file: &'a Hdf5File,
    group: String,
    axes: [Vec<f64>; 3],
    lookup_bounds: Aabb,
}

impl Export<'_> {
    fn component_path(&self, field: &str, number: usize) -> String {
        format!("{}/{field}/_Object/Snapshots/0/comp{number}", self.group)
    }

    fn read_potential(&self, warnings: &mut Vec<Error>) -> Result<GridPart<ScalarGrid>> {
        let object = self.component_path("EM Potential(x,y,z,f0)", 0);
        let (grid, full_bounds) = self.read_grid(&object, &self.axes, warnings)?;
        Ok(GridPart { grid, full_bounds })
    }

    fn read_electric_field(&self, warnings: &mut Vec<Error>) -> Result<GridPart<VectorGrid>> {
        let mut read = |k: usize| {
            let mut axes = self.axes.clone();
            if let Some(axis) = axes.get_mut(k) {
                *axis = cell_midpoints(axis);
            }
            self.read_grid(&self.component_path("EM E(x,y,z,f0)", k), &axes, warnings)
        };
        let [(x, in_x), (y, in_y), (z, in_z)] = [read(0)?, read(1)?, read(2)?];
        let full_bounds = in_x.intersection(in_y).intersection(in_z);
        Ok(GridPart { grid: VectorGrid { components: [x, y, z] }, full_bounds })
    }

    /// Reads the part of a component that the circuit touches; also returns the box of the complete grid.
    fn read_grid(&self, object: &str, axes: &[Vec<f64>; 3], warnings: &mut Vec<Error>) -> Result<(ScalarGrid, Aabb)> {
        let expected: Vec<usize> = axes.iter().map(Vec::len).chain([2]).collect();
        let found = self.file.shape(object)?;
        if found != expected {
            let expected = format!("{expected:?} (nodes along the axes; real and imaginary part)");
            return Err(self.file.error(object, Hdf5Problem::Shape { expected, found }));
        }
        let part = GridWindow::new(axes, &self.lookup_bounds);
        let (values, largest) = read_real_part(self.file, object, &part.ranges)?;
        warnings.extend(largest.complex_warning().map(|problem| self.file.error(object, problem)));
        Ok((part.to_grid(axes, values).in_file(self.file.path()).in_item(object)?, axes_bounds(axes)))
    }
}

/// The largest absolute real and imaginary values.
#[derive(Default)]
struct LargestMagnitudes {
    real: f64,
    imaginary: f64,
}

impl LargestMagnitudes {
    fn complex_warning(&self) -> Option<ExportProblem> {
        let Self { real, imaginary } = *self;
        (imaginary > MAX_IMAGINARY_FRACTION * real).then_some(ExportProblem::Complex { imaginary, real })
    }
}

/// Reads the real part in a box of nodes, in blocks of complete planes.
fn read_real_part(
    file: &Hdf5File,
    object: &str,
    [x, y, z]: &[Range<usize>; 3],
) -> Result<(Vec<f64>, LargestMagnitudes)> {
    let planes = (VALUES_PER_BLOCK / (2 * y.len() * z.len()).max(1)).max(1);
    file.check_box_plausible(object, &[x.clone(), y.clone(), z.clone()])?;
    let (mut values, mut largest) = (Vec::new(), LargestMagnitudes::default());
    for from in x.clone().step_by(planes) {
        let block = file.read_float_box(object, &[from..x.end.min(from + planes), y.clone(), z.clone(), 0..2])?;
        for pair in block.as_chunks::<2>().0 {
            let [real, imaginary] = *pair;
            values.push(real);
            largest.real = largest.real.max(real.abs());
            largest.imaginary = largest.imaginary.max(imaginary.abs());
        }
    }
    Ok((values, largest))
}
