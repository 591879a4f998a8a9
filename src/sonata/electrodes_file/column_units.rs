//! The unit of a contact's column: the attribute `units` of the contact's group, if it differs from that of the
//! dataset.
//!
//! Potentials have V/nA, the unit of the dataset. `ObjectiveCSD` gives no potentials: its columns are shares of the
//! membrane current (unit `1`), or with `per_volume` shares divided by a volume (`1/um3`). `MEG` gives magnetic fields
//! (`fT/nA`), `CurrentDipole` dipole moments (`um`).

use super::{AttributeValue, ElectrodesFile, PopulationEntry, electrode_path, read_settings, scaling_factors_path};
use crate::error::Context;
use crate::io::hdf5::Hdf5File;
use crate::methods::objective_csd::Density;
use crate::methods::{self, Method, WeightQuantity};
use crate::units::{
    CURRENT_SHARE_PER_VOLUME_UNIT, CURRENT_SHARE_UNIT, DIPOLE_WEIGHT_UNIT, MAGNETIC_WEIGHT_UNIT, WEIGHT_UNIT,
    WEIGHT_UNITS,
};

/// The attribute `units` of a dataset, and of a contact's group.
const UNITS_ATTRIBUTE: &str = "units";

/// Returns the unit of a method's weights.
pub fn method_unit(method: &dyn Method, density: Density) -> &'static str {
    match (method.quantity(), density) {
        (WeightQuantity::Potential, _) => WEIGHT_UNIT,
        (WeightQuantity::MagneticField, _) => MAGNETIC_WEIGHT_UNIT,
        (WeightQuantity::DipoleMoment, _) => DIPOLE_WEIGHT_UNIT,
        (WeightQuantity::CurrentShare, Density::Total) => CURRENT_SHARE_UNIT,
        (WeightQuantity::CurrentShare, Density::PerVolume) => CURRENT_SHARE_PER_VOLUME_UNIT,
    }
}

/// Returns the unit of a contact's weights by its type and settings; `None` if the type is not a known method.
pub fn unit_by_type(kind: &str, settings: &[(&'static str, AttributeValue)]) -> Option<&'static str> {
    let per_volume = settings.iter().any(|(key, value)| *key == "per_volume" && *value == AttributeValue::from("true"));
    let method = methods::find_method(kind).or_else(|| find_method_by_prefix(kind))?;
    Some(method_unit(method, if per_volume { Density::PerVolume } else { Density::Total }))
}

/// Finds a method by its name with sizes appended, as BlueRecording writes it: `ObjectiveCSD_Sphere_20`.
fn find_method_by_prefix(kind: &str) -> Option<&'static dyn Method> {
    methods::METHODS.iter().copied().find(|method| kind.starts_with(&format!("{}_", method.name())))
}

/// Returns the unit in the attribute of a contact's group.
pub fn read_unit_attribute(file: &Hdf5File, contact: &str) -> Option<String> {
    file.read_string_attribute(&electrode_path(contact), UNITS_ATTRIBUTE)
}

impl ElectrodesFile {
    /// Returns the unit of a contact's column: that of the contact's attribute, else that of its type if it gives no
    /// potentials, else that of the population's dataset, else V/nA, which is what clients assume.
    ///
    /// # Errors
    /// Returns the errors of [`ElectrodesFile::read_description`].
    pub fn column_unit(&self, population: &PopulationEntry, contact: &str) -> crate::error::Result<String> {
        if let Some(stated) = read_unit_attribute(&self.file, contact) {
            return Ok(stated);
        }
        self.file.check_strings()?;
        let kind = self.read_description(contact)?.kind.unwrap_or_default();
        let by_type = unit_by_type(&kind, &read_settings(&self.file, contact)).filter(|unit| *unit != WEIGHT_UNIT);
        let dataset_unit = population.units().unwrap_or(WEIGHT_UNIT);
        Ok(by_type.unwrap_or(dataset_unit).to_string())
    }
}

/// Units that are used as they are: their quantities have one unit each.
const FIXED_UNITS: [&str; 4] =
    [MAGNETIC_WEIGHT_UNIT, DIPOLE_WEIGHT_UNIT, CURRENT_SHARE_UNIT, CURRENT_SHARE_PER_VOLUME_UNIT];

impl ElectrodesFile {
    /// Returns the factor that converts a contact's column to the library's unit: V/nA for potentials, and the unit of
    /// [`method_unit`] for other quantities.
    ///
    /// # Errors
    /// Returns an error if the unit is unknown, and the errors of [`ElectrodesFile::read_description`].
    pub fn column_factor(&self, population: &PopulationEntry, contact: &str) -> crate::error::Result<f64> {
        let unit = self.column_unit(population, contact)?;
        if FIXED_UNITS.contains(&unit.trim()) {
            return Ok(1.0);
        }
        let item = match read_unit_attribute(&self.file, contact) {
            Some(_) => electrode_path(contact),
            None => scaling_factors_path(population.name()),
        };
        WEIGHT_UNITS.factor(&unit).in_item(&format!("{item}: attribute `{UNITS_ATTRIBUTE}`")).in_file(self.path())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_follows_from_type_and_settings() {
        let per_volume = [("per_volume", AttributeValue::from("true"))];
        assert_eq!(unit_by_type("LineSource", &[]), Some("V/nA"));
        assert_eq!(unit_by_type("ObjectiveCSD_Sphere", &[]), Some("1"));
        assert_eq!(unit_by_type("ObjectiveCSD_Disk_400_20", &[]), Some("1"));
        assert_eq!(unit_by_type("ObjectiveCSD_Disk", &per_volume), Some("1/um3"));
        assert_eq!(unit_by_type("FourSphere", &[]), Some("V/nA"));
        assert_eq!((unit_by_type("MEG", &[]), unit_by_type("CurrentDipole", &[])), (Some("fT/nA"), Some("um")));
        assert_eq!(unit_by_type("Voltmeter", &per_volume), None);
    }
}
