//! Our own plain layout: one HDF5 file that any solver's user can write in ten lines (`docs/lead-field.md`).
//!
//! `/axes/x`, `/axes/y`, `/axes/z`: nodes, increasing, attribute `units` (`um`, `mm`, `cm`, `m`);
//! `/potential` \[nx, ny, nz\], `units` (`V`, `mV`, `uV`); optionally the electric field on the same nodes,
//! `/field/x`, `/field/y`, `/field/z` \[nx, ny, nz\], `units` (`V/m`, ...); `/current` scalar, `units` (`nA`, ..., `A`).
//! A node without a value is NaN. `/potential` may be left out where only the electric field is needed.

use super::grid::{Grid, Window, bounds};
use super::vector_grid::VectorGrid;
use super::{CurrentProblem, LeadField, Part, Quantity, Request, Values, current, nodes, usable};
use crate::error::{Context, Problem, Result};
use crate::io::hdf5::{File, H5Problem};
use crate::units::{CURRENTS, FIELDS, LENGTHS, POTENTIALS, Units};

/// A dataset says no unit.
#[derive(Debug, thiserror::Error)]
#[error("no unit, expected the attribute `units` with {expected}, found none")]
struct NoUnits {
    expected: String,
}

impl Problem for NoUnits {
    fn hint(&self) -> Option<String> {
        Some("docs/lead-field.md shows how to write a lead field".into())
    }
}

/// Reads what is asked for.
pub(super) fn read(file: &File, request: &Request<'_>) -> Result<LeadField> {
    let current_na = current(request, || own_current(file))?;
    let axes = [axis(file, "/axes/x")?, axis(file, "/axes/y")?, axis(file, "/axes/z")?];
    let part = Window::new(&axes, &request.within_field());
    let whole = bounds(&axes);
    let read = |object: &str, units| grid(file, object, units, &axes, &part);
    let wants = |quantity| request.wants(quantity);
    let potential = wants(Quantity::Potential).then(|| read("/potential", &POTENTIALS)).transpose()?;
    let component = |name: &str| read(&format!("/field/{name}"), &FIELDS);
    let electric = || Ok::<_, crate::error::Error>([component("x")?, component("y")?, component("z")?]);
    let electric = wants(Quantity::ElectricField).then(electric).transpose()?;
    let values = Values::Grids {
        potential: potential.map(|grid| Part { grid, whole }),
        electric: electric.map(|components| Box::new(Part { grid: VectorGrid { components }, whole })),
    };
    Ok(LeadField::new(file.path(), values, current_na)?.placed(request.placement))
}

fn factor(file: &File, object: &str, units: &Units) -> Result<f64> {
    let none = || file.error(object, NoUnits { expected: units.listed() });
    let unit = file.string_attribute(object, "units").ok_or_else(none)?;
    units.factor(&unit).map_err(|problem| file.error(object, problem))
}

fn own_current(file: &File) -> Result<f64> {
    const OBJECT: &str = "/current";
    if !file.has(OBJECT) {
        return Err(file.error(OBJECT, CurrentProblem::Missing));
    }
    let found = file.float(OBJECT)?;
    usable(found * factor(file, OBJECT, &CURRENTS)?).map_err(|problem| file.error(OBJECT, problem))
}

fn axis(file: &File, object: &str) -> Result<Vec<f64>> {
    file.shape(object)?;
    nodes(file, object, factor(file, object, &LENGTHS)?)
}

fn grid(file: &File, object: &str, units: &Units, axes: &[Vec<f64>; 3], part: &Window) -> Result<Grid> {
    let (expected, found) = (axes.each_ref().map(Vec::len), file.shape(object)?);
    if found != expected {
        let expected = format!("{expected:?} (nodes along the axes)");
        return Err(file.error(object, H5Problem::Shape { expected, found }));
    }
    let factor = factor(file, object, units)?;
    let mut values = file.float_box(object, &part.ranges)?;
    values.iter_mut().for_each(|v| *v *= factor);
    part.grid(axes, values).in_file(file.path()).in_object(object)
}
