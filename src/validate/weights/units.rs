//! The units of two files' columns.

use super::matched_columns::MatchedColumn;
use crate::error::Result;
use crate::sonata::electrodes_file::{ElectrodesFile, PopulationEntry};
use crate::units::WEIGHT_UNIT;

/// A contact whose column is in another unit in each file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitMismatch {
    /// The contact.
    pub contact: String,
    /// The units. A file that does not state one is taken for V/nA, as its clients take it.
    pub units: [String; 2],
}

/// The contacts whose columns are in different units, in the order in which contacts are compared.
pub(super) fn find_unit_mismatches(
    (file_a, a): (&ElectrodesFile, &PopulationEntry),
    (file_b, b): (&ElectrodesFile, &PopulationEntry),
    matched: &[MatchedColumn],
) -> Result<Vec<UnitMismatch>> {
    let is_contact = |file: &ElectrodesFile, name: &str| file.electrodes().iter().any(|e| e.name == name);
    let unit = |file: &ElectrodesFile, population: &PopulationEntry, name: &str| {
        if is_contact(file, name) {
            return file.column_unit(population, name);
        }
        Ok(population.units().unwrap_or(WEIGHT_UNIT).to_string())
    };
    let mut differing = Vec::new();
    for MatchedColumn { name, .. } in matched {
        let units = [unit(file_a, a, name)?, unit(file_b, b, name)?].map(|unit| unit.trim().to_string());
        if units[0] != units[1] {
            differing.push(UnitMismatch { contact: name.clone(), units });
        }
    }
    Ok(differing)
}

/// Contacts by the units of both files: each pair of units with its contacts, in the order of their first.
pub fn group_by_units(differing: &[UnitMismatch]) -> Vec<([&str; 2], Vec<&str>)> {
    let mut groups: Vec<([&str; 2], Vec<&str>)> = Vec::new();
    for UnitMismatch { contact, units } in differing {
        let units = units.each_ref().map(String::as_str);
        match groups.iter_mut().find(|(other, _)| *other == units) {
            Some((_, contacts)) => contacts.push(contact),
            None => groups.push((units, vec![contact])),
        }
    }
    groups
}
