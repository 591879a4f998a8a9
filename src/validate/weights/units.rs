//! Compares the units of two files' columns.

use super::matched_columns::MatchedColumn;
use crate::error::Result;
use crate::sonata::electrodes_file::{ElectrodesFile, PopulationEntry};
use crate::units::WEIGHT_UNIT;

/// A contact whose columns have different units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitMismatch {
    /// The contact.
    pub contact: String,
    /// The unit in each file. V/nA is assumed for a file that states none, as its clients do.
    pub units: [String; 2],
}

/// Finds contacts whose columns have different units, in the order in which contacts are compared.
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

/// Groups contacts by their units in both files: each pair of units with its contacts, in the order of their first.
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
