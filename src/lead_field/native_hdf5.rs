//! Reads this library's plain layout: one HDF5 file that users of any solver can write in ten lines
//! (`docs/lead-field.md`).
//!
//! `/axes/x`, `/axes/y`, `/axes/z`: nodes, increasing, with the attribute `units` (`um`, `mm`, `cm`, `m`); `/potential`
//! \[nx, ny, nz\], `units` (`V`, `mV`, `uV`); optionally the electric field on the same nodes, `/field/x`, `/field/y`,
//! `/field/z` \[nx, ny, nz\], `units` (`V/m`, ...); `/current` scalar, `units` (`nA`, ..., `A`). A node without a value
//! is NaN. `/potential` may be omitted if only the electric field is needed.

use super::grid::{GridWindow, ScalarGrid, axes_bounds};
use super::vector_grid::VectorGrid;
use super::{
    CurrentProblem, FieldValues, GridPart, LeadField, LeadFieldRequest, Quantity, check_current, choose_current,
    read_axis_nodes,
};
use crate::error::{Context, Problem, Result};
use crate::io::hdf5::{Hdf5File, Hdf5Problem};
use crate::units::{CURRENT_UNITS, ELECTRIC_FIELD_UNITS, LENGTH_UNITS, POTENTIAL_UNITS, Units};

/// A dataset has no unit.
#[derive(Debug, thiserror::Error)]
#[error("no unit, expected the attribute `units` with {expected}, found none")]
struct MissingUnits {
    expected: String,
}

impl Problem for MissingUnits {
    fn hint(&self) -> Option<String> {
        Some("see docs/lead-field.md for how to write a lead field".into())
    }
}

/// Reads the requested quantities.
pub(super) fn read(file: &Hdf5File, request: &LeadFieldRequest<'_>) -> Result<LeadField> {
    let current_na = choose_current(request, || read_current(file))?;
    let axes = [read_axis(file, "/axes/x")?, read_axis(file, "/axes/y")?, read_axis(file, "/axes/z")?];
    let part = GridWindow::new(&axes, &request.bounds_in_field_frame());
    let full_bounds = axes_bounds(&axes);
    let read = |object: &str, units| read_grid(file, object, units, &axes, &part);
    let wants = |quantity| request.needs(quantity);
    let potential = wants(Quantity::Potential).then(|| read("/potential", &POTENTIAL_UNITS)).transpose()?;
    let component = |name: &str| read(&format!("/field/{name}"), &ELECTRIC_FIELD_UNITS);
    let electric = || Ok::<_, crate::error::Error>([component("x")?, component("y")?, component("z")?]);
    let electric = wants(Quantity::ElectricField).then(electric).transpose()?;
    let values = FieldValues::Grids {
        potential: potential.map(|grid| GridPart { grid, full_bounds }),
        electric: electric.map(|components| Box::new(GridPart { grid: VectorGrid { components }, full_bounds })),
    };
    Ok(LeadField::new(file.path(), values, current_na)?.with_placement(request.placement))
}

pub(super) fn read_unit_factor(file: &Hdf5File, object: &str, units: &Units) -> Result<f64> {
    let none = || file.error(object, MissingUnits { expected: units.join_known() });
    let unit = file.read_string_attribute(object, "units");
    file.check_strings()?;
    let unit = unit.ok_or_else(none)?;
    units.factor(&unit).map_err(|problem| file.error(object, problem))
}

fn read_current(file: &Hdf5File) -> Result<f64> {
    const OBJECT: &str = "/current";
    if !file.has_object(OBJECT) {
        return Err(file.error(OBJECT, CurrentProblem::Missing));
    }
    let found = file.read_float_scalar(OBJECT)?;
    check_current(found * read_unit_factor(file, OBJECT, &CURRENT_UNITS)?)
        .map_err(|problem| file.error(OBJECT, problem))
}

fn read_axis(file: &Hdf5File, object: &str) -> Result<Vec<f64>> {
    file.shape(object)?;
    read_axis_nodes(file, object, read_unit_factor(file, object, &LENGTH_UNITS)?)
}

fn read_grid(
    file: &Hdf5File,
    object: &str,
    units: &Units,
    axes: &[Vec<f64>; 3],
    part: &GridWindow,
) -> Result<ScalarGrid> {
    let (expected, found) = (axes.each_ref().map(Vec::len), file.shape(object)?);
    if found != expected {
        let expected = format!("{expected:?} (nodes along the axes)");
        return Err(file.error(object, Hdf5Problem::Shape { expected, found }));
    }
    let factor = read_unit_factor(file, object, units)?;
    let mut values = file.read_float_box(object, &part.ranges)?;
    values.iter_mut().for_each(|v| *v *= factor);
    part.to_grid(axes, values).in_file(file.path()).in_item(object)
}
