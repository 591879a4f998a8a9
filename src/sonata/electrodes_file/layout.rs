//! Creates the layout of an electrodes file: everything except the weights, and space for these.

use std::path::Path;

use super::writer::{AttributeValue, ContactLayout, FileLayout, PopulationLayout, WeightsExtent};
use super::{
    ELECTRODES, ElectrodesFileProblem, WEIGHT_BYTES, electrode_path, node_ids_path, offsets_path, scaling_factors_path,
};
use crate::error::Result;
use crate::io::hdf5;
use crate::units::WEIGHT_UNIT;

/// Writes the layout of a file; returns where the weights of each population are stored.
pub(super) fn write_layout(path: &Path, layout: &FileLayout) -> Result<Vec<WeightsExtent>> {
    let file = hdf5::Hdf5File::create(path)?;
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

/// Reads where the weights are stored in a file that already has its layout.
pub(super) fn read_extents(path: &Path, layout: &FileLayout) -> Result<Vec<WeightsExtent>> {
    let file = hdf5::Hdf5File::open(path)?;
    let columns = layout.electrodes.len();
    let extent = |population: &PopulationLayout| {
        let (object, rows) = (scaling_factors_path(&population.name), population.rows());
        let (expected, found) = (vec![rows as usize, columns], file.shape(&object)?);
        if found != expected {
            let expected = format!("{expected:?}");
            return Err(file.error(&object, hdf5::Hdf5Problem::Shape { expected, found }));
        }
        Ok(WeightsExtent { byte_offset: file.byte_offset(&object)?.unwrap_or(0), rows })
    };
    layout.populations.iter().map(extent).collect()
}

fn write_population(file: &hdf5::Hdf5File, population: &PopulationLayout, columns: usize) -> Result<WeightsExtent> {
    let PopulationLayout { name, .. } = population;
    file.create_group(&format!("/{name}"))?;
    write_attributes(file, &format!("/{name}"), &population.provenance)?;
    file.write_dataset(&node_ids_path(name), &population.node_ids, &[population.node_ids.len()])?;
    file.write_dataset(&offsets_path(name), &population.offsets, &[population.offsets.len()])?;
    file.create_group(&electrode_path(name))?;
    let object = scaling_factors_path(name);
    let rows = population.rows();
    let byte = allocate_weights(file, &object, rows, columns)?;
    file.write_string_attribute(&object, "units", WEIGHT_UNIT)?;
    Ok(WeightsExtent { byte_offset: byte, rows })
}

/// Allocates the weights and returns their byte offset.
fn allocate_weights(file: &hdf5::Hdf5File, object: &str, rows: u64, columns: usize) -> Result<u64> {
    let bytes = u128::from(rows) * columns as u128 * u128::from(WEIGHT_BYTES);
    if bytes > i64::MAX as u128 {
        let problem = ElectrodesFileProblem::TooLarge { rows, columns: columns as u64 };
        return Err(file.error(object, problem));
    }
    file.allocate_dataset::<f64>(object, &[rows as usize, columns])?;
    match file.byte_offset(object)? {
        Some(byte) => Ok(byte),
        None if bytes == 0 => Ok(0),
        None => Err(file.error(object, ElectrodesFileProblem::NotContiguous)),
    }
}

fn write_electrode(
    file: &hdf5::Hdf5File,
    e: &ContactLayout,
    column: u64,
    populations: &[PopulationLayout],
) -> Result<()> {
    let group = electrode_path(&e.name);
    let path = |dataset: &str| format!("{group}/{dataset}");
    file.create_group(&group)?;
    e.units.iter().try_for_each(|units| file.write_string_attribute(&group, "units", units))?;
    file.write_dataset(&path("position"), &e.position_um.to_array().map(|v| v as f32), &[3])?;
    file.write_strings(&path("type"), &[&e.kind], &[])?;
    write_attributes(file, &path("type"), &e.settings)?;
    file.write_strings(&path("layer"), &[&e.layer], &[])?;
    file.write_strings(&path("region"), &[&e.region], &[])?;
    populations.iter().try_for_each(|p| file.write_dataset(&path(&p.name), &[column], &[]))
}

fn write_attributes(file: &hdf5::Hdf5File, object: &str, attributes: &[(&'static str, AttributeValue)]) -> Result<()> {
    attributes.iter().try_for_each(|(name, value)| match value {
        AttributeValue::Text(text) => file.write_string_attribute(object, name, text),
        AttributeValue::Number(number) => file.write_attribute(object, name, number),
        AttributeValue::Numbers(numbers) => file.write_list_attribute(object, name, numbers),
    })
}
