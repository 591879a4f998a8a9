//! Whether a file is laid out, and described, as another one would be: all but the coefficients.

use std::path::Path;

use super::{Attribute, Description, Electrode, ElectrodesFile, Layout, PopulationLayout, electrode, stated_unit};
use crate::error::Result;
use crate::geometry::Point;
use crate::io::hdf5;

/// Whether the file at a path has this layout, its contacts these settings, and everything this origin.
///
/// # Errors
/// The file is no electrodes file.
pub fn is_laid_out(path: &Path, layout: &Layout) -> Result<bool> {
    let (file, attributes) = (ElectrodesFile::open(path)?, hdf5::File::open(path)?);
    let populations = &layout.populations;
    let same_numbers =
        file.populations().len() == populations.len() && file.electrodes().len() == layout.electrodes.len();
    let has_population = |p: &PopulationLayout| {
        let name = format!("/{}", p.name);
        let found = file.populations().iter().find(|found| found.name() == p.name);
        found.is_some_and(|found| found.node_ids() == p.node_ids && found.offsets() == p.offsets)
            && has_attributes(&attributes, &name, &p.provenance)
    };
    let has_electrode = |(column, e): (usize, &Electrode)| {
        let found = file.electrodes().iter().find(|found| found.name == e.name);
        found.is_some_and(|found| {
            file.description(&e.name).is_ok_and(|found| is_described(&found, e))
                && populations.iter().all(|p| found.column(&p.name) == Some(column as u64))
                && stated_unit(&attributes, &e.name) == e.units
        }) && has_attributes(&attributes, &format!("{}/type", electrode(&e.name)), &e.settings)
    };
    Ok(same_numbers
        && has_attributes(&attributes, "/", &layout.provenance)
        && populations.iter().all(has_population)
        && layout.electrodes.iter().enumerate().all(has_electrode))
}

fn is_described(found: &Description, e: &Electrode) -> bool {
    let stored = Point::from(e.position.to_array().map(|v| f64::from(v as f32)));
    found.position == Some(stored)
        && found.kind.as_ref() == Some(&e.kind)
        && found.layer.as_ref() == Some(&e.layer)
        && found.region.as_ref() == Some(&e.region)
}

/// Whether an object has these attributes, and no others.
fn has_attributes(file: &hdf5::File, object: &str, expected: &[(&'static str, Attribute)]) -> bool {
    let has = |(name, value): &(&'static str, Attribute)| match value {
        Attribute::Text(text) => file.string_attribute(object, name).as_ref() == Some(text),
        Attribute::Number(number) => file.float_attribute(object, name) == Some(*number),
        Attribute::Numbers(numbers) => file.list_attribute(object, name).as_ref() == Some(numbers),
    };
    file.attribute_names(object).len() == expected.len() && expected.iter().all(has)
}
