//! The units of two files' columns.

use super::columns::Matched;
use crate::error::Result;
use crate::sonata::electrodes_file::{ElectrodesFile, Population};
use crate::units::COEFFICIENT_UNIT;

/// A contact whose column is in another unit in each file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitsDiffer {
    /// The contact.
    pub contact: String,
    /// The units. A file that does not state one is taken for V/nA, as its clients take it.
    pub units: [String; 2],
}

/// The contacts whose columns are in different units, in the order in which contacts are compared.
pub(super) fn differing(
    (file_a, a): (&ElectrodesFile, &Population),
    (file_b, b): (&ElectrodesFile, &Population),
    matched: &[Matched],
) -> Result<Vec<UnitsDiffer>> {
    let is_contact = |file: &ElectrodesFile, name: &str| file.electrodes().iter().any(|e| e.name == name);
    let unit = |file: &ElectrodesFile, population: &Population, name: &str| {
        if is_contact(file, name) {
            return file.column_unit(population, name);
        }
        Ok(population.units().unwrap_or(COEFFICIENT_UNIT).to_string())
    };
    let mut differing = Vec::new();
    for Matched { name, .. } in matched {
        let units = [unit(file_a, a, name)?, unit(file_b, b, name)?].map(|unit| unit.trim().to_string());
        if units[0] != units[1] {
            differing.push(UnitsDiffer { contact: name.clone(), units });
        }
    }
    Ok(differing)
}

/// Contacts by the units of both files: each pair of units with its contacts, in the order of their first.
pub fn by_units(differing: &[UnitsDiffer]) -> Vec<([&str; 2], Vec<&str>)> {
    let mut groups: Vec<([&str; 2], Vec<&str>)> = Vec::new();
    for UnitsDiffer { contact, units } in differing {
        let units = units.each_ref().map(String::as_str);
        match groups.iter_mut().find(|(other, _)| *other == units) {
            Some((_, contacts)) => contacts.push(contact),
            None => groups.push((units, vec![contact])),
        }
    }
    groups
}
