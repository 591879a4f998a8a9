//! Reads and checks the contacts: their descriptions and their columns.

use super::code::Code;
use super::finding::FindingList;
use super::integers::{dataset_type, problem_text};
use crate::geometry::Point;
use crate::io::hdf5::Hdf5File;
use crate::methods;
use crate::sonata::electrodes_file::{
    AttributeValue, ELECTRODES, electrode_path, read_settings, read_unit_attribute, unit_by_type,
};
use crate::units::{
    CURRENT_SHARE_PER_VOLUME_UNIT, CURRENT_SHARE_UNIT, DIPOLE_WEIGHT_UNIT, MAGNETIC_WEIGHT_UNIT, WEIGHT_UNIT,
};

/// A contact, with everything that could be read.
#[derive(Debug, Clone, PartialEq)]
pub struct ContactRecord {
    /// The contact's name.
    pub name: String,
    /// Position, µm.
    pub position: Option<Point>,
    /// Name of the method.
    pub kind: Option<String>,
    /// Cortical layer.
    pub layer: Option<String>,
    /// Brain region.
    pub region: Option<String>,
    /// Settings of the method.
    pub settings: Vec<(&'static str, AttributeValue)>,
    /// Unit of its column, if it is not V/nA.
    pub units: Option<String>,
    /// Its column in each population, in the order of the populations.
    pub columns: Vec<Option<u64>>,
}

/// Reads and checks all contacts. `populations` are names with the number of columns, where it is known.
pub(super) fn read_contacts(
    file: &Hdf5File,
    populations: &[(String, Option<u64>)],
    findings: &mut FindingList,
) -> Vec<ContactRecord> {
    let mut contacts = Vec::new();
    for name in file.member_names(&format!("/{ELECTRODES}")).unwrap_or_default() {
        let group = electrode_path(&name);
        if populations.iter().any(|(population, _)| *population == name) {
            continue;
        }
        if file.is_dataset(&group) {
            findings.add(Code::StrayDataset, &group, "a dataset, expected the group of a contact");
        } else if file.member_names(&group).is_err() {
            findings.add(Code::Unreadable, &group, "a broken link, expected the group of a contact");
        } else if !is_contact(file, &group, populations) {
            let text = "not a contact, expected `position`, `type` and a column number";
            findings.add(Code::StrayGroup, &group, text);
        } else {
            contacts.push(read_contact(file, name, populations, findings));
        }
    }
    if contacts.is_empty() {
        let text = "no contacts, expected at least one: columns have no names, and the simulator's report only \
                    numbers them";
        findings.add(Code::NoContacts, format!("/{ELECTRODES}"), text);
    }
    for (place, (population, _)) in populations.iter().enumerate() {
        check_repeated(&contacts, place, population, findings);
    }
    contacts
}

fn is_contact(file: &Hdf5File, group: &str, populations: &[(String, Option<u64>)]) -> bool {
    let has = |name: &str| file.has_object(&format!("{group}/{name}"));
    has("position") || has("type") || populations.iter().any(|(population, _)| has(population))
}

fn read_contact(
    file: &Hdf5File,
    name: String,
    populations: &[(String, Option<u64>)],
    findings: &mut FindingList,
) -> ContactRecord {
    let group = electrode_path(&name);
    let columns = populations.iter().map(|(p, columns)| read_column(file, &group, p, *columns, findings)).collect();
    let kind = read_method(file, &group, findings);
    let settings = read_settings(file, &name);
    ContactRecord {
        units: read_units(file, &name, kind.as_deref(), &settings, findings),
        position: read_position(file, &group, findings),
        layer: read_label(file, &format!("{group}/layer"), findings),
        region: read_label(file, &format!("{group}/region"), findings),
        settings,
        columns,
        kind,
        name,
    }
}

fn read_position(file: &Hdf5File, group: &str, findings: &mut FindingList) -> Option<Point> {
    let object = format!("{group}/position");
    if !file.has_object(&object) {
        findings.add(Code::NoPosition, &object, "missing, expected float32 `[3]`");
        return None;
    }
    let kind = dataset_type(file, &object, findings)?;
    let shape = file.shape(&object).ok()?;
    if shape.iter().product::<usize>() != 3 {
        findings.add(Code::PositionShape, &object, format!("wrong shape, expected [3], found {shape:?}"));
        return None;
    }
    let values = match file.read_floats(&object) {
        Ok(values) => values,
        Err(error) => {
            findings.add(Code::PositionShape, &object, problem_text(&error));
            return None;
        }
    };
    if kind != "float32" {
        findings.add(Code::PositionType, &object, format!("wrong type, expected float32, found {kind}"));
    }
    if values.iter().any(|v| !v.is_finite()) {
        findings.add(Code::PositionValue, &object, format!("not finite, expected a position in µm, found {values:?}"));
    }
    let &[x, y, z] = values.as_slice() else { return None };
    Some(Point::new(x, y, z))
}

fn read_method(file: &Hdf5File, group: &str, findings: &mut FindingList) -> Option<String> {
    let object = format!("{group}/type");
    if !file.has_object(&object) {
        findings.add(Code::NoType, &object, "missing, expected the name of a method");
        return None;
    }
    match file.read_string_scalar(&object) {
        Ok(name) => {
            let known = methods::find_method(&name).is_some() || name.starts_with("ObjectiveCSD_");
            if !known {
                findings.add(
                    Code::UnknownMethod,
                    &object,
                    format!("unknown method, expected one that `leadfield weights` knows, found `{name}`"),
                );
            }
            Some(name)
        }
        Err(error) => {
            findings.add(text_problem_code(file, Code::TypeNotText), &object, problem_text(&error));
            None
        }
    }
}

/// Reads the unit of a contact's column, which its group must state if it is not a potential.
fn read_units(
    file: &Hdf5File,
    name: &str,
    kind: Option<&str>,
    settings: &[(&'static str, AttributeValue)],
    findings: &mut FindingList,
) -> Option<String> {
    let (group, stated) = (electrode_path(name), read_unit_attribute(file, name));
    let Some(expected) = kind.and_then(|kind| unit_by_type(kind, settings)) else { return stated };
    match &stated {
        None if expected == CURRENT_SHARE_PER_VOLUME_UNIT => {
            let text = format!("attribute `units` missing, expected `{expected}` because `per_volume` is set");
            findings.add(Code::NoColumnUnits, &group, text);
        }
        None if matches!(expected, MAGNETIC_WEIGHT_UNIT | DIPOLE_WEIGHT_UNIT) => {
            let kind = kind.unwrap_or_default();
            let text = format!("attribute `units` missing, expected `{expected}` because the type is `{kind}`");
            findings.add(Code::NoColumnUnits, &group, text);
        }
        // weights converted through a table lose the contact's settings, but not the unit
        Some(found)
            if found != expected && !(expected == CURRENT_SHARE_UNIT && found == CURRENT_SHARE_PER_VOLUME_UNIT) =>
        {
            let text =
                format!("attribute `units` does not match the contact's type, expected `{expected}`, found `{found}`");
            findings.add(Code::WrongColumnUnits, &group, text);
        }
        _ => {}
    }
    stated.or_else(|| (expected != WEIGHT_UNIT).then(|| expected.to_string()))
}

/// Returns the code for a string that cannot be read.
fn text_problem_code(file: &Hdf5File, code: Code) -> Code {
    if file.check_strings().is_err() { Code::Unreadable } else { code }
}

fn read_label(file: &Hdf5File, object: &str, findings: &mut FindingList) -> Option<String> {
    if !file.has_object(object) {
        return None;
    }
    file.read_string_scalar(object)
        .map_err(|e| findings.add(text_problem_code(file, Code::LabelNotText), object, problem_text(&e)))
        .ok()
}

/// Reads a contact's column number, from where clients look or from where the SONATA specification puts it.
fn read_column(
    file: &Hdf5File,
    group: &str,
    population: &str,
    columns: Option<u64>,
    findings: &mut FindingList,
) -> Option<u64> {
    let plain = format!("{group}/{population}");
    let nested = format!("{plain}/electrode_id");
    let object = if file.is_dataset(&plain) {
        plain
    } else if file.is_dataset(&nested) {
        let text = format!("column number of population `{population}` is elsewhere, expected at `{plain}`");
        findings.add(Code::IndexNested, &nested, text);
        nested
    } else {
        findings.add(Code::NoIndex, &plain, "missing, expected the number of the contact's column");
        return None;
    };
    let values = match file.read_floats(&object) {
        Ok(values) => values,
        Err(error) => {
            findings.add(Code::Unreadable, &object, problem_text(&error));
            return None;
        }
    };
    let (kind, shape) = (file.type_name(&object).ok()?, file.shape(&object).ok()?);
    let &[value] = values.as_slice() else {
        findings.add(Code::Unreadable, &object, format!("wrong shape, expected one value, found {shape:?}"));
        return None;
    };
    let below = columns.unwrap_or(u64::MAX);
    if value < 0.0 || value.fract() != 0.0 || value.is_nan() || value >= below as f64 {
        let text = format!("column number out of range, expected an integer below {below}, found {value}");
        findings.add(Code::IndexRange, &object, text);
        return None;
    }
    if kind != "uint64" || !shape.is_empty() {
        let text = format!("wrong type, expected a uint64 scalar, found {kind} of shape {shape:?}");
        findings.add(Code::IndexType, &object, text);
    }
    Some(value as u64)
}

/// Finds contacts that share a column.
fn check_repeated(contacts: &[ContactRecord], place: usize, population: &str, findings: &mut FindingList) {
    let mut owners = std::collections::BTreeMap::new();
    for contact in contacts {
        let Some(column) = contact.columns.get(place).copied().flatten() else { continue };
        if let Some(first) = owners.insert(column, &contact.name) {
            let object = format!("{}/{population}", electrode_path(&contact.name));
            let text = format!("column {column} used twice, expected once, found also at contact `{first}`");
            findings.add(Code::IndexRepeated, object, text);
        }
    }
}
