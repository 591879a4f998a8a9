//! Laying an electrodes file out: all but the coefficients is written, and where they go is known.

use std::path::Path;

use super::writer::{Attribute, Electrode, Extent, Layout, PopulationLayout};
use super::{ELECTRODES, ElectrodesFileProblem, VALUE_BYTES, electrode, node_ids, offsets, scaling_factors};
use crate::error::Result;
use crate::io::hdf5;
use crate::units::COEFFICIENT_UNIT;

/// Lays a file out.
pub(super) fn lay_out(path: &Path, layout: &Layout) -> Result<Vec<Extent>> {
    let file = hdf5::File::create(path)?;
    write_attributes(&file, "/", &layout.provenance)?;
    file.create_group(&format!("/{ELECTRODES}"))?;
    let columns = layout.electrodes.len();
    let extents = layout.populations.iter().map(|p| write_population(&file, p, columns)).collect::<Result<_>>()?;
    for (column, e) in layout.electrodes.iter().enumerate() {
        write_electrode(&file, e, column as u64, &layout.populations)?;
    }
    file.close()?;
    Ok(extents)
}

/// Where the coefficients lie in a file that was laid out before.
pub(super) fn laid_out(path: &Path, layout: &Layout) -> Result<Vec<Extent>> {
    let file = hdf5::File::open(path)?;
    let columns = layout.electrodes.len();
    let extent = |population: &PopulationLayout| {
        let (object, rows) = (scaling_factors(&population.name), population.rows());
        let (expected, found) = (vec![rows as usize, columns], file.shape(&object)?);
        if found != expected {
            let expected = format!("{expected:?}");
            return Err(file.error(&object, hdf5::H5Problem::Shape { expected, found }));
        }
        Ok(Extent { byte: file.byte_offset(&object)?.unwrap_or(0), rows })
    };
    layout.populations.iter().map(extent).collect()
}

fn write_population(file: &hdf5::File, population: &PopulationLayout, columns: usize) -> Result<Extent> {
    let PopulationLayout { name, .. } = population;
    file.create_group(&format!("/{name}"))?;
    write_attributes(file, &format!("/{name}"), &population.provenance)?;
    file.write(&node_ids(name), &population.node_ids, &[population.node_ids.len()])?;
    file.write(&offsets(name), &population.offsets, &[population.offsets.len()])?;
    file.create_group(&electrode(name))?;
    let object = scaling_factors(name);
    let rows = population.rows();
    let byte = allocate(file, &object, rows, columns)?;
    file.write_string_attribute(&object, "units", COEFFICIENT_UNIT)?;
    Ok(Extent { byte, rows })
}

/// Lays out the coefficients and returns their byte offset.
fn allocate(file: &hdf5::File, object: &str, rows: u64, columns: usize) -> Result<u64> {
    let bytes = u128::from(rows) * columns as u128 * u128::from(VALUE_BYTES);
    if bytes > i64::MAX as u128 {
        let problem = ElectrodesFileProblem::TooLarge { rows, columns: columns as u64 };
        return Err(file.error(object, problem));
    }
    file.allocate::<f64>(object, &[rows as usize, columns])?;
    match file.byte_offset(object)? {
        Some(byte) => Ok(byte),
        None if bytes == 0 => Ok(0),
        None => Err(file.error(object, ElectrodesFileProblem::NotContiguous)),
    }
}

fn write_electrode(file: &hdf5::File, e: &Electrode, column: u64, populations: &[PopulationLayout]) -> Result<()> {
    let group = electrode(&e.name);
    let path = |dataset: &str| format!("{group}/{dataset}");
    file.create_group(&group)?;
    e.units.iter().try_for_each(|units| file.write_string_attribute(&group, "units", units))?;
    file.write(&path("position"), &e.position.to_array().map(|v| v as f32), &[3])?;
    file.write_strings(&path("type"), &[&e.kind], &[])?;
    write_attributes(file, &path("type"), &e.settings)?;
    file.write_strings(&path("layer"), &[&e.layer], &[])?;
    file.write_strings(&path("region"), &[&e.region], &[])?;
    populations.iter().try_for_each(|p| file.write(&path(&p.name), &[column], &[]))
}

fn write_attributes(file: &hdf5::File, object: &str, attributes: &[(&'static str, Attribute)]) -> Result<()> {
    attributes.iter().try_for_each(|(name, value)| match value {
        Attribute::Text(text) => file.write_string_attribute(object, name, text),
        Attribute::Number(number) => file.write_attribute(object, name, number),
        Attribute::Numbers(numbers) => file.write_list_attribute(object, name, numbers),
    })
}
