//! The contacts: what describes them, and which column is whose.

use super::code::Code;
use super::finding::Findings;
use super::integers::{kind, problem};
use crate::geometry::Point;
use crate::io::hdf5::File;
use crate::methods;
use crate::sonata::electrodes_file::{Attribute, ELECTRODES, electrode, settings, stated_unit, unit_by_type};
use crate::units::{COEFFICIENT_UNIT, SHARE_PER_VOLUME_UNIT, SHARE_UNIT};

/// One contact, as far as it could be read.
#[derive(Debug, Clone, PartialEq)]
pub struct Contact {
    /// Its name.
    pub name: String,
    /// Where it is, um.
    pub position: Option<Point>,
    /// Its method.
    pub kind: Option<String>,
    /// Cortical layer.
    pub layer: Option<String>,
    /// Brain region.
    pub region: Option<String>,
    /// The method's settings.
    pub settings: Vec<(&'static str, Attribute)>,
    /// The unit of its column, where it is another than V/nA.
    pub units: Option<String>,
    /// Its column in each population, in their order.
    pub columns: Vec<Option<u64>>,
}

/// Reads and checks all contacts. `populations` are names with their numbers of columns, where these are known.
pub(super) fn contacts(file: &File, populations: &[(String, Option<u64>)], findings: &mut Findings) -> Vec<Contact> {
    let mut contacts = Vec::new();
    for name in file.members(&format!("/{ELECTRODES}")).unwrap_or_default() {
        let group = electrode(&name);
        if populations.iter().any(|(population, _)| *population == name) {
            continue;
        }
        if file.is_dataset(&group) {
            findings.add(Code::StrayDataset, &group, "a dataset, expected the group of a contact");
        } else if file.members(&group).is_err() {
            findings.add(Code::Unreadable, &group, "a broken link, expected the group of a contact");
        } else if !is_contact(file, &group, populations) {
            let text = "no contact, expected `position`, `type` and a column's number";
            findings.add(Code::StrayGroup, &group, text);
        } else {
            contacts.push(contact(file, name, populations, findings));
        }
    }
    if contacts.is_empty() {
        let text = "no contact, expected at least one: columns have no names, and the simulator's report numbers them";
        findings.add(Code::NoContacts, format!("/{ELECTRODES}"), text);
    }
    for (place, (population, _)) in populations.iter().enumerate() {
        check_repeated(&contacts, place, population, findings);
    }
    contacts
}

fn is_contact(file: &File, group: &str, populations: &[(String, Option<u64>)]) -> bool {
    let has = |name: &str| file.has(&format!("{group}/{name}"));
    has("position") || has("type") || populations.iter().any(|(population, _)| has(population))
}

fn contact(file: &File, name: String, populations: &[(String, Option<u64>)], findings: &mut Findings) -> Contact {
    let group = electrode(&name);
    let columns = populations.iter().map(|(p, columns)| column(file, &group, p, *columns, findings)).collect();
    let kind = method_of(file, &group, findings);
    let settings = settings(file, &name);
    Contact {
        units: units(file, &name, kind.as_deref(), &settings, findings),
        position: position(file, &group, findings),
        layer: label(file, &format!("{group}/layer"), findings),
        region: label(file, &format!("{group}/region"), findings),
        settings,
        columns,
        kind,
        name,
    }
}

fn position(file: &File, group: &str, findings: &mut Findings) -> Option<Point> {
    let object = format!("{group}/position");
    if !file.has(&object) {
        findings.add(Code::NoPosition, &object, "missing, expected float32 `[3]`");
        return None;
    }
    let kind = kind(file, &object, findings)?;
    let shape = file.shape(&object).ok()?;
    if shape.iter().product::<usize>() != 3 {
        findings.add(Code::PositionShape, &object, format!("wrong shape, expected [3], found {shape:?}"));
        return None;
    }
    let values = match file.floats(&object) {
        Ok(values) => values,
        Err(error) => {
            findings.add(Code::PositionShape, &object, problem(&error));
            return None;
        }
    };
    if kind != "float32" {
        findings.add(Code::PositionType, &object, format!("another type, expected float32, found {kind}"));
    }
    if values.iter().any(|v| !v.is_finite()) {
        findings.add(Code::PositionValue, &object, format!("not finite, expected a place in um, found {values:?}"));
    }
    let &[x, y, z] = values.as_slice() else { return None };
    Some(Point::new(x, y, z))
}

fn method_of(file: &File, group: &str, findings: &mut Findings) -> Option<String> {
    let object = format!("{group}/type");
    if !file.has(&object) {
        findings.add(Code::NoType, &object, "missing, expected the name of a method");
        return None;
    }
    match file.string(&object) {
        Ok(name) => {
            let known = methods::by_name(&name).is_some() || name.starts_with("ObjectiveCSD_");
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
            findings.add(not_text(file, Code::TypeNotText), &object, problem(&error));
            None
        }
    }
}

/// The unit of a contact's column, which its group states where it is no potential.
fn units(
    file: &File,
    name: &str,
    kind: Option<&str>,
    settings: &[(&'static str, Attribute)],
    findings: &mut Findings,
) -> Option<String> {
    let (group, stated) = (electrode(name), stated_unit(file, name));
    let Some(expected) = kind.and_then(|kind| unit_by_type(kind, settings)) else { return stated };
    match &stated {
        None if expected == SHARE_PER_VOLUME_UNIT => {
            let text = format!("attribute `units` missing, expected `{expected}` since `per_volume` is set");
            findings.add(Code::NoColumnUnits, &group, text);
        }
        // columns that went through a table have lost their settings, but not their unit
        Some(found) if found != expected && !(expected == SHARE_UNIT && found == SHARE_PER_VOLUME_UNIT) => {
            let text =
                format!("attribute `units` is not that of the contact's type, expected `{expected}`, found `{found}`");
            findings.add(Code::WrongColumnUnits, &group, text);
        }
        _ => {}
    }
    stated.or_else(|| (expected != COEFFICIENT_UNIT).then(|| expected.to_string()))
}

/// What it is that a text cannot be read.
fn not_text(file: &File, code: Code) -> Code {
    if file.check_strings().is_err() { Code::Unreadable } else { code }
}

fn label(file: &File, object: &str, findings: &mut Findings) -> Option<String> {
    if !file.has(object) {
        return None;
    }
    file.string(object).map_err(|e| findings.add(not_text(file, Code::LabelNotText), object, problem(&e))).ok()
}

/// A contact's column, where clients look or where the SONATA text puts it.
fn column(file: &File, group: &str, population: &str, columns: Option<u64>, findings: &mut Findings) -> Option<u64> {
    let plain = format!("{group}/{population}");
    let nested = format!("{plain}/electrode_id");
    let object = if file.is_dataset(&plain) {
        plain
    } else if file.is_dataset(&nested) {
        let text = format!("column number of population `{population}`, expected at `{plain}`");
        findings.add(Code::IndexNested, &nested, text);
        nested
    } else {
        findings.add(Code::NoIndex, &plain, "missing, expected the number of the contact's column");
        return None;
    };
    let values = match file.floats(&object) {
        Ok(values) => values,
        Err(error) => {
            findings.add(Code::Unreadable, &object, problem(&error));
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
        let text = format!("column number out of range, expected a whole number below {below}, found {value}");
        findings.add(Code::IndexRange, &object, text);
        return None;
    }
    if kind != "uint64" || !shape.is_empty() {
        let text = format!("no scalar of uint64, found {kind} of shape {shape:?}");
        findings.add(Code::IndexType, &object, text);
    }
    Some(value as u64)
}

/// Contacts that share a column.
fn check_repeated(contacts: &[Contact], place: usize, population: &str, findings: &mut Findings) {
    let mut owners = std::collections::BTreeMap::new();
    for contact in contacts {
        let Some(column) = contact.columns.get(place).copied().flatten() else { continue };
        if let Some(first) = owners.insert(column, &contact.name) {
            let object = format!("{}/{population}", electrode(&contact.name));
            let text = format!("column {column} twice, expected each once, found it at contact `{first}` too");
            findings.add(Code::IndexRepeated, object, text);
        }
    }
}
