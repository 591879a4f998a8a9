//! One contact's description as keys and values, whatever the file's format, and the electrode that it makes.

use std::collections::HashMap;

use super::field::Field;
use super::settings::{self, Reference, Settings};
use super::{Electrode, ElectrodeProblem, kind};
use crate::error::{Context, Result, listed};
use crate::geometry::Point;

/// Keys that every contact has.
pub(super) const REQUIRED: [&str; 4] = ["name", "x", "y", "z"];

/// Keys that a contact may have besides its settings.
pub(super) const OPTIONAL: [&str; 3] = ["layer", "region", "type"];

/// Layer and region where they are not told.
pub const UNKNOWN_PLACE: &str = "NA";

/// The type where it is not told.
pub(super) const DEFAULT_TYPE: &str = "LineSource";

/// All keys.
pub(super) fn keys() -> impl Iterator<Item = &'static str> {
    REQUIRED.into_iter().chain(OPTIONAL).chain(settings::KEYS)
}

/// The key of a name in a file, if it is one.
pub(super) fn key(name: &str) -> Option<&'static str> {
    keys().find(|key| *key == name)
}

/// The values of one contact; empty cells and nulls are left out.
#[derive(Debug, Default)]
pub(super) struct Record<'a>(Vec<(&'static str, Field<'a>)>);

impl<'a> Record<'a> {
    /// Adds a value, unless it is an empty cell or null.
    pub fn insert(&mut self, key: &'static str, field: Field<'a>) {
        if !field.is_empty() || key == "name" {
            self.0.push((key, field));
        }
    }

    fn get(&self, key: &str) -> Option<Field<'a>> {
        self.0.iter().find(|(k, _)| *k == key).map(|(_, field)| *field)
    }

    fn coordinate(&self, key: &'static str) -> Result<f64, ElectrodeProblem> {
        let nothing = || ElectrodeProblem::Value { key, expected: "a number", found: "nothing".into() };
        self.get(key).ok_or_else(nothing)?.number(key)
    }

    fn text_or(&self, key: &'static str, default: &str) -> Result<String, ElectrodeProblem> {
        self.get(key).map_or_else(|| Ok(default.into()), |field| field.text(key))
    }

    fn name(&self) -> Result<String, ElectrodeProblem> {
        let name = self.get("name").map(|field| field.label("name")).transpose()?.unwrap_or_default();
        check_name(&name)?;
        Ok(name)
    }

    /// What the contact says for itself.
    pub fn settings(&self) -> Result<Settings, ElectrodeProblem> {
        Settings::read(|key| self.get(key))
    }

    fn electrode(&self) -> Result<Electrode> {
        let name = self.name()?;
        let position = Point::new(self.coordinate("x")?, self.coordinate("y")?, self.coordinate("z")?);
        let kind = self.text_or("type", DEFAULT_TYPE)?;
        let kind = kind::parse(&kind)?;
        let settings = kind.with(self.settings()?)?;
        let (layer, region) = (self.text_or("layer", UNKNOWN_PLACE)?, self.text_or("region", UNKNOWN_PLACE)?);
        Ok(Electrode { name, position, method: kind.method()?, layer, region, settings })
    }
}

/// Refuses a name that no HDF5 group can have.
pub(super) fn check_name(name: &str) -> Result<(), ElectrodeProblem> {
    let wrong = matches!(name, "" | "." | "..") || name.contains(['/', '\0']);
    if wrong { Err(ElectrodeProblem::Name(name.into())) } else { Ok(()) }
}

/// The electrodes of records, each with its row in `object`.
pub(super) fn electrodes(object: &str, records: Vec<(u64, Record<'_>)>) -> Result<Vec<Electrode>> {
    let made = records.into_iter().map(|(row, record)| Ok((row, record.electrode().at(object, row)?)));
    checked(object, made.collect::<Result<_>>()?)
}

/// Electrodes, each with its row in `object`, that have names of their own and take settings that are theirs.
pub(super) fn checked(object: &str, electrodes: Vec<(u64, Electrode)>) -> Result<Vec<Electrode>> {
    let mut rows: HashMap<&str, u64> = HashMap::with_capacity(electrodes.len());
    for (row, electrode) in &electrodes {
        check_name(&electrode.name).at(object, *row)?;
        if let Some(earlier) = rows.insert(&electrode.name, *row) {
            let earlier = format!("{object}[{earlier}]");
            return Err(ElectrodeProblem::Duplicate { name: electrode.name.clone(), earlier }).at(object, *row);
        }
    }
    for (row, electrode) in &electrodes {
        check_settings(electrode).at(object, *row)?;
        check_reference(electrode, |name| rows.contains_key(name)).at(object, *row)?;
    }
    let electrodes: Vec<Electrode> = electrodes.into_iter().map(|(_, electrode)| electrode).collect();
    if electrodes.is_empty() { Err(ElectrodeProblem::NoContacts.into()) } else { Ok(electrodes) }
}

/// Refuses a setting that the contact's method does not take.
fn check_settings(electrode: &Electrode) -> Result<(), ElectrodeProblem> {
    let taken = electrode.method.parameters();
    match electrode.settings.parameters().into_iter().find(|parameter| !taken.contains(parameter)) {
        Some(lost) => Err(ElectrodeProblem::NotTaken {
            method: electrode.method.name(),
            taken: listed(taken.iter().map(|p| p.key()), usize::MAX),
            lost: lost.key(),
        }),
        None => Ok(()),
    }
}

/// Refuses a reference that is no other contact.
fn check_reference(electrode: &Electrode, is_contact: impl Fn(&str) -> bool) -> Result<(), ElectrodeProblem> {
    match &electrode.settings.reference {
        Some(Reference::Contact(name)) if *name == electrode.name || !is_contact(name) => {
            let found = format!("`{name}`");
            Err(ElectrodeProblem::Value {
                key: "reference",
                expected: "the name of another contact or `average`",
                found,
            })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::method::by_name;

    #[test]
    fn a_reference_is_another_contact_or_the_average() {
        let with = |reference: &str| {
            let mut record = Record::default();
            record.insert("reference", Field::Text(reference));
            Electrode {
                name: "a".into(),
                position: Point::ORIGIN,
                method: by_name("PointSource").unwrap(),
                layer: String::new(),
                region: String::new(),
                settings: record.settings().unwrap(),
            }
        };
        let check = |reference| check_reference(&with(reference), |name| ["a", "b"].contains(&name));
        assert!(check("b").is_ok() && check("average").is_ok());
        for wrong in ["a", "c"] {
            let expected = "wrong `reference`, expected the name of another contact or `average`, found";
            assert_eq!(check(wrong).unwrap_err().to_string(), format!("{expected} `{wrong}`"));
        }
    }
}
