//! The HDF5 export of Sim4Life.
//!
//! `/CurrentApplied` scalar; `/Meshes/<first>/.../axis_x`, `axis_y`, `axis_z` in metres, rectilinear, spaced unevenly;
//! `/FieldGroups/<last>/AllFields/EM Potential(x,y,z,f0)/_Object/Snapshots/0/comp0` \[nx, ny, nz, 2\] in V, real and
//! imaginary part, of which the real one is used; `.../EM E(x,y,z,f0)/.../comp0`, `comp1`, `comp2` in V/m, each in the
//! middle of the cells along its own axis (K. Yee, IEEE Trans. Antennas Propag. 14, 302, 1966,
//! doi:10.1109/TAP.1966.1138693): Ex \[nx-1, ny, nz, 2\], Ey \[nx, ny-1, nz, 2\], Ez \[nx, ny, nz-1, 2\].

use std::ops::Range;

use super::grid::{Grid, Window, bounds, middles};
use super::vector_grid::{VectorGrid, common};
use super::{CurrentProblem, LeadField, Part, Quantity, Request, Values, current, nodes, usable};
use crate::error::{Context, Error, Problem, Result, listed};
use crate::geometry::Aabb;
use crate::io::hdf5::{File, H5Problem};
use crate::units::MICROMETERS_PER_METER;

/// What can be wrong with an export, beyond what HDF5 itself reports.
#[derive(Debug, thiserror::Error)]
enum ExportProblem {
    #[error("empty group, expected {expected}, found no members")]
    Empty { expected: &'static str },
    #[error("no axes, expected the datasets `axis_x`, `axis_y` and `axis_z` in it or below, found {0}")]
    NoAxes(String),
    #[error(
        "complex field, expected an imaginary part below {LARGEST_IMAGINARY} of the real one, found {imaginary:e} \
         beside {real:e}; the real part is used"
    )]
    Complex { imaginary: f64, real: f64 },
}

impl Problem for ExportProblem {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Complex { .. } => Some("solve at a low frequency, where currents and potentials are in phase".into()),
            Self::Empty { .. } | Self::NoAxes(_) => None,
        }
    }
}

/// The largest imaginary part, as a fraction of the largest real one, that is passed over in silence.
const LARGEST_IMAGINARY: f64 = 1e-3;

/// How deep below its mesh the axes are looked for.
const DEEPEST_AXES: usize = 5;

/// Values converted at a time, so that the float32 pairs of a large file never stand beside the grid in full.
const BLOCK: usize = 1 << 22;

/// Reads what is asked for.
pub(super) fn read(file: &File, request: &Request<'_>) -> Result<LeadField> {
    let current_na = current(request, || current_applied(file))?;
    let export = Export { file, group: group_of_fields(file)?, axes: axes(file)?, within: request.within_field() };
    let mut warnings = Vec::new();
    let potential = request.wants(Quantity::Potential).then(|| export.potential(&mut warnings)).transpose()?;
    let electric = request.wants(Quantity::ElectricField).then(|| export.electric(&mut warnings)).transpose()?;
    let values = Values::Grids { potential, electric: electric.map(Box::new) };
    Ok(LeadField::new(file.path(), values, current_na)?.placed(request.placement).with_warnings(warnings))
}

fn current_applied(file: &File) -> Result<f64> {
    const OBJECT: &str = "/CurrentApplied";
    if !file.has(OBJECT) {
        return Err(file.error(OBJECT, CurrentProblem::Missing));
    }
    usable(file.float(OBJECT)?).map_err(|problem| file.error(OBJECT, problem))
}

fn group_of_fields(file: &File) -> Result<String> {
    const GROUPS: &str = "/FieldGroups";
    let last = file.members(GROUPS)?.pop();
    let last = last.ok_or_else(|| file.error(GROUPS, ExportProblem::Empty { expected: "a group of fields" }))?;
    Ok(format!("{GROUPS}/{last}/AllFields"))
}

/// The nodes along the three axes, um.
fn axes(file: &File) -> Result<[Vec<f64>; 3]> {
    const MESHES: &str = "/Meshes";
    let first = file.members(MESHES)?.into_iter().next();
    let first = first.ok_or_else(|| file.error(MESHES, ExportProblem::Empty { expected: "a mesh" }))?;
    let mesh = format!("{MESHES}/{first}");
    let missing = || file.error(&mesh, ExportProblem::NoAxes(listed(file.members(&mesh).unwrap_or_default(), 12)));
    let group = group_with_axes(file, &mesh, DEEPEST_AXES).ok_or_else(missing)?;
    let axis = |name: &str| nodes(file, &format!("{group}/axis_{name}"), MICROMETERS_PER_METER);
    Ok([axis("x")?, axis("y")?, axis("z")?])
}

/// The first group, in order of names, that holds `axis_x`.
fn group_with_axes(file: &File, group: &str, depth: usize) -> Option<String> {
    if file.is_dataset(&format!("{group}/axis_x")) {
        return Some(group.to_string());
    }
    let below = file.members(group).ok().filter(|_| depth > 0)?;
    below.iter().find_map(|name| group_with_axes(file, &format!("{group}/{name}"), depth - 1))
}

/// An open export.
struct Export<'a> {
    file: &'a File,
    group: String,
    axes: [Vec<f64>; 3],
    within: Aabb,
}

impl Export<'_> {
    fn component(&self, field: &str, number: usize) -> String {
        format!("{}/{field}/_Object/Snapshots/0/comp{number}", self.group)
    }

    fn potential(&self, warnings: &mut Vec<Error>) -> Result<Part<Grid>> {
        let object = self.component("EM Potential(x,y,z,f0)", 0);
        let (grid, whole) = self.grid(&object, &self.axes, warnings)?;
        Ok(Part { grid, whole })
    }

    fn electric(&self, warnings: &mut Vec<Error>) -> Result<Part<VectorGrid>> {
        let mut read = |k: usize| {
            let mut axes = self.axes.clone();
            if let Some(axis) = axes.get_mut(k) {
                *axis = middles(axis);
            }
            self.grid(&self.component("EM E(x,y,z,f0)", k), &axes, warnings)
        };
        let [(x, in_x), (y, in_y), (z, in_z)] = [read(0)?, read(1)?, read(2)?];
        let whole = common(common(in_x, in_y), in_z);
        Ok(Part { grid: VectorGrid { components: [x, y, z] }, whole })
    }

    /// The part of a component that the circuit touches, and the box of the whole.
    fn grid(&self, object: &str, axes: &[Vec<f64>; 3], warnings: &mut Vec<Error>) -> Result<(Grid, Aabb)> {
        let expected: Vec<usize> = axes.iter().map(Vec::len).chain([2]).collect();
        let found = self.file.shape(object)?;
        if found != expected {
            let expected = format!("{expected:?} (nodes along the axes; real and imaginary part)");
            return Err(self.file.error(object, H5Problem::Shape { expected, found }));
        }
        let part = Window::new(axes, &self.within);
        let (values, largest) = real_part(self.file, object, &part.ranges)?;
        warnings.extend(largest.warning().map(|problem| self.file.error(object, problem)));
        Ok((part.grid(axes, values).in_file(self.file.path()).in_object(object)?, bounds(axes)))
    }
}

/// The largest absolute values met.
#[derive(Default)]
struct Largest {
    real: f64,
    imaginary: f64,
}

impl Largest {
    fn warning(&self) -> Option<ExportProblem> {
        let Self { real, imaginary } = *self;
        (imaginary > LARGEST_IMAGINARY * real).then_some(ExportProblem::Complex { imaginary, real })
    }
}

/// The real part in a box of nodes, read in blocks of whole planes.
fn real_part(file: &File, object: &str, [x, y, z]: &[Range<usize>; 3]) -> Result<(Vec<f64>, Largest)> {
    let planes = (BLOCK / (2 * y.len() * z.len()).max(1)).max(1);
    file.check_plausible(object, &[x.clone(), y.clone(), z.clone()])?;
    let (mut values, mut largest) = (Vec::new(), Largest::default());
    for from in x.clone().step_by(planes) {
        let block = file.float_box(object, &[from..x.end.min(from + planes), y.clone(), z.clone(), 0..2])?;
        for pair in block.as_chunks::<2>().0 {
            let [real, imaginary] = *pair;
            values.push(real);
            largest.real = largest.real.max(real.abs());
            largest.imaginary = largest.imaginary.max(imaginary.abs());
        }
    }
    Ok((values, largest))
}
