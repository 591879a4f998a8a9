//! The unit of a contact's column: the attribute `units` of the contact's group, where it is another than that of the whole
//! dataset.
//!
//! Potentials are V/nA, as the dataset's own attribute says. `ObjectiveCSD` has no potentials: its columns are shares of the
//! membrane current (unit `1`), with `per_volume` shares over a volume (`1/um3`).

use super::{Attribute, ElectrodesFile, Population, electrode, settings};
use crate::io::hdf5::File;
use crate::methods::objective_csd::Density;
use crate::methods::{self, Method};
use crate::units::{COEFFICIENT_UNIT, SHARE_PER_VOLUME_UNIT, SHARE_UNIT};

/// The attribute of a dataset, and of a contact's group.
const UNITS: &str = "units";

/// The unit of a method's coefficients.
pub fn unit_of(method: &dyn Method, density: Density) -> &'static str {
    match (method.is_potential(), density) {
        (true, _) => COEFFICIENT_UNIT,
        (false, Density::Total) => SHARE_UNIT,
        (false, Density::PerVolume) => SHARE_PER_VOLUME_UNIT,
    }
}

/// The unit of a contact's coefficients by its type and settings; none where the type is no known method.
pub fn unit_by_type(kind: &str, settings: &[(&'static str, Attribute)]) -> Option<&'static str> {
    let per_volume = settings.iter().any(|(key, value)| *key == "per_volume" && *value == Attribute::from("true"));
    let method = methods::by_name(kind).or_else(|| of_family(kind))?;
    Some(unit_of(method, if per_volume { Density::PerVolume } else { Density::Total }))
}

/// BlueRecording writes sizes behind the name, as in `ObjectiveCSD_Sphere_20`.
fn of_family(kind: &str) -> Option<&'static dyn Method> {
    methods::METHODS.iter().copied().find(|method| kind.starts_with(&format!("{}_", method.name())))
}

/// The unit that a contact's group states.
pub fn stated_unit(file: &File, contact: &str) -> Option<String> {
    file.string_attribute(&electrode(contact), UNITS)
}

impl ElectrodesFile {
    /// The unit of a contact's column: stated by the contact, else by its type where that gives no potentials, else by the
    /// population's dataset, else V/nA, which is what clients take it for.
    ///
    /// # Errors
    /// As [`ElectrodesFile::description`].
    pub fn column_unit(&self, population: &Population, contact: &str) -> crate::error::Result<String> {
        if let Some(stated) = stated_unit(&self.file, contact) {
            return Ok(stated);
        }
        let kind = self.description(contact)?.kind.unwrap_or_default();
        let by_type = unit_by_type(&kind, &settings(&self.file, contact)).filter(|unit| *unit != COEFFICIENT_UNIT);
        let whole = population.units().unwrap_or(COEFFICIENT_UNIT);
        Ok(by_type.unwrap_or(whole).to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_follows_from_type_and_settings() {
        let per_volume = [("per_volume", Attribute::from("true"))];
        assert_eq!(unit_by_type("LineSource", &[]), Some("V/nA"));
        assert_eq!(unit_by_type("ObjectiveCSD_Sphere", &[]), Some("1"));
        assert_eq!(unit_by_type("ObjectiveCSD_Disk_400_20", &[]), Some("1"));
        assert_eq!(unit_by_type("ObjectiveCSD_Disk", &per_volume), Some("1/um3"));
        assert_eq!(unit_by_type("Voltmeter", &per_volume), None);
    }
}
