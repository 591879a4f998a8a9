//! Comparison of an electrodes file with a layout: everything except the weights.

use std::path::Path;

use super::{
    AttributeValue, ContactDescription, ContactLayout, ElectrodesFile, FileLayout, PopulationLayout, electrode_path,
    read_unit_attribute,
};
use crate::error::Result;
use crate::geometry::Point;
use crate::io::hdf5;

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
