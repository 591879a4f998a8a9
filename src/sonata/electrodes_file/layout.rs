//! The layout of an electrodes file: everything except the weights, and space for these. Writes it, computes its size,
//! and compares it with that of an existing file.

use std::path::Path;

use super::file_layout::{AttributeValue, ContactLayout, FileLayout, PopulationLayout, WeightsExtent};
use super::{
    ContactDescription, ELECTRODES, ElectrodesFile, ElectrodesFileProblem, WEIGHT_BYTES, electrode_path, node_ids_path,
    offsets_path, read_unit_attribute, scaling_factors_path,
};
use crate::error::{Context, FileProblem, Result};
use crate::geometry::Point;
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

/// Returns the size, bytes, of the complete file of a layout.
///
/// Only the HDF5 library knows how it lays out a file, so the layout is written to the folder for temporary files; the
/// weights are a hole in that file, which takes no space.
///
/// # Errors
/// Returns an error if a name cannot be stored, or that folder cannot be written.
pub fn layout_size_bytes(layout: &FileLayout) -> Result<u64> {
    layout.check()?;
    let folder = tempfile::tempdir().map_err(FileProblem::Write).in_file(&std::env::temp_dir())?;
    let path = folder.path().join("layout.h5");
    write_layout(&path, layout)?;
    let found = std::fs::metadata(&path).map_err(FileProblem::Read).in_file(&path)?;
    Ok(found.len())
}

/// Returns whether a file has this layout, including the settings of its contacts and all provenance.
///
/// # Errors
/// Returns an error if the file is not an electrodes file.
pub fn matches_layout(path: &Path, layout: &FileLayout) -> Result<bool> {
    let (file, attributes) = (ElectrodesFile::open(path)?, hdf5::Hdf5File::open(path)?);
    let populations = &layout.populations;
    let same_numbers =
        file.populations().len() == populations.len() && file.electrodes().len() == layout.electrodes.len();
    let has_population = |p: &PopulationLayout| {
        let name = format!("/{}", p.name);
        let found = file.populations().iter().find(|found| found.name() == p.name);
        found.is_some_and(|found| found.node_ids() == p.node_ids && found.offsets() == p.offsets)
            && has_attributes(&attributes, &name, &p.provenance)
    };
    let has_electrode = |(column, e): (usize, &ContactLayout)| {
        let found = file.electrodes().iter().find(|found| found.name == e.name);
        found.is_some_and(|found| {
            file.read_description(&e.name).is_ok_and(|found| matches_description(&found, e))
                && populations.iter().all(|p| found.column(&p.name) == Some(column as u64))
                && read_unit_attribute(&attributes, &e.name) == e.units
        }) && has_attributes(&attributes, &format!("{}/type", electrode_path(&e.name)), &e.settings)
    };
    Ok(same_numbers
        && has_attributes(&attributes, "/", &layout.provenance)
        && populations.iter().all(has_population)
        && layout.electrodes.iter().enumerate().all(has_electrode))
}

fn matches_description(found: &ContactDescription, e: &ContactLayout) -> bool {
    let stored = Point::from(e.position_um.to_array().map(|v| f64::from(v as f32)));
    found.position_um == Some(stored)
        && found.kind.as_ref() == Some(&e.kind)
        && found.layer.as_ref() == Some(&e.layer)
        && found.region.as_ref() == Some(&e.region)
}

/// Returns whether an object has exactly these attributes.
fn has_attributes(file: &hdf5::Hdf5File, object: &str, expected: &[(&'static str, AttributeValue)]) -> bool {
    let has = |(name, value): &(&'static str, AttributeValue)| match value {
        AttributeValue::Text(text) => file.read_string_attribute(object, name).as_ref() == Some(text),
        AttributeValue::Number(number) => file.read_float_attribute(object, name) == Some(*number),
        AttributeValue::Numbers(numbers) => file.read_list_attribute(object, name).as_ref() == Some(numbers),
    };
    file.attribute_names(object).len() == expected.len() && expected.iter().all(has)
}
