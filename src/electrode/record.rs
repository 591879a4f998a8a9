//! One contact's description as keys and values, whatever the file's format, and the electrode that it makes.

use std::collections::HashMap;

use serde_json::Value;

use super::{Electrode, ElectrodeProblem, Settings};
use crate::error::{Context, Result};
use crate::geometry::Point;
use crate::method::{Method, by_name};

/// Keys that every contact has.
pub(super) const REQUIRED: [&str; 4] = ["name", "x", "y", "z"];

/// Keys that a contact may have.
const OPTIONAL: [&str; 5] = ["layer", "region", "type", "radius", "thickness"];

/// Layer and region where they are not told.
const UNKNOWN_PLACE: &str = "NA";

/// The type where it is not told.
const DEFAULT_TYPE: &str = "LineSource";

/// All keys.
pub(super) fn keys() -> impl Iterator<Item = &'static str> {
    REQUIRED.into_iter().chain(OPTIONAL)
}

/// The key of a name in a file, if it is one.
pub(super) fn key(name: &str) -> Option<&'static str> {
    keys().find(|key| *key == name)
}

/// A value as its file holds it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Field<'a> {
    /// A cell of CSV.
    Text(&'a str),
    /// A value of JSON.
    Json(&'a Value),
}

/// The values of one contact; empty cells and nulls are left out.
#[derive(Debug, Default)]
pub(super) struct Record<'a>(Vec<(&'static str, Field<'a>)>);

impl<'a> Record<'a> {
    /// Adds a value, unless it is an empty cell or null.
    pub fn insert(&mut self, key: &'static str, field: Field<'a>) {
        let empty = match field {
            Field::Text(text) => text.is_empty(),
            Field::Json(value) => value.is_null(),
        };
        if !empty || key == "name" {
            self.0.push((key, field));
        }
    }

    fn get(&self, key: &str) -> Option<Field<'a>> {
        self.0.iter().find(|(k, _)| *k == key).map(|(_, field)| *field)
    }

    fn text(&self, key: &'static str) -> Result<Option<String>, ElectrodeProblem> {
        self.get(key).map(|field| field.text(key)).transpose()
    }

    fn number(&self, key: &'static str) -> Result<Option<f64>, ElectrodeProblem> {
        self.get(key).map(|field| field.number(key)).transpose()
    }

    fn coordinate(&self, key: &'static str) -> Result<f64, ElectrodeProblem> {
        let expected = "a number";
        self.number(key)?.ok_or_else(|| ElectrodeProblem::Value { key, expected, found: "nothing".into() })
    }

    fn length(&self, key: &'static str) -> Result<Option<f64>, ElectrodeProblem> {
        match self.number(key)? {
            Some(length) if length <= 0.0 => {
                let found = format!("`{length}`");
                Err(ElectrodeProblem::Value { key, expected: "a number above 0 um", found })
            }
            length => Ok(length),
        }
    }

    fn method(&self) -> Result<&'static dyn Method, ElectrodeProblem> {
        let name = self.text("type")?.unwrap_or_else(|| DEFAULT_TYPE.into());
        by_name(&name).ok_or(ElectrodeProblem::Type(name))
    }

    fn settings(&self) -> Result<Settings, ElectrodeProblem> {
        Ok(Settings { radius: self.length("radius")?, thickness: self.length("thickness")? })
    }

    fn electrode(&self) -> Result<Electrode, ElectrodeProblem> {
        let place = |key| Ok(self.text(key)?.unwrap_or_else(|| UNKNOWN_PLACE.into()));
        Ok(Electrode {
            name: checked_name(self.text("name")?.unwrap_or_default())?,
            position: Point::new(self.coordinate("x")?, self.coordinate("y")?, self.coordinate("z")?),
            method: self.method()?,
            layer: place("layer")?,
            region: place("region")?,
            settings: self.settings()?,
        })
    }
}

/// A name that an HDF5 group can have.
fn checked_name(name: String) -> Result<String, ElectrodeProblem> {
    let wrong = matches!(name.as_str(), "" | "." | "..") || name.contains(['/', '\0']);
    if wrong { Err(ElectrodeProblem::Name(name)) } else { Ok(name) }
}

impl Field<'_> {
    fn text(self, key: &'static str) -> Result<String, ElectrodeProblem> {
        match self {
            Self::Text(text) => Ok(text.into()),
            Self::Json(Value::String(text)) => Ok(text.clone()),
            Self::Json(Value::Number(n)) if key == "name" && (n.is_i64() || n.is_u64()) => Ok(n.to_string()),
            Self::Json(_) if key == "name" => Err(self.wrong(key, "a string or an integer")),
            Self::Json(_) => Err(self.wrong(key, "a string")),
        }
    }

    fn number(self, key: &'static str) -> Result<f64, ElectrodeProblem> {
        let number = match self {
            Self::Text(text) => text.parse().ok(),
            Self::Json(value) => value.as_f64(),
        };
        match number {
            Some(number) if number.is_finite() => Ok(number),
            Some(_) => Err(self.wrong(key, "a finite number")),
            None => Err(self.wrong(key, "a number")),
        }
    }

    fn wrong(self, key: &'static str, expected: &'static str) -> ElectrodeProblem {
        ElectrodeProblem::Value { key, expected, found: self.described() }
    }

    fn described(self) -> String {
        match self {
            Self::Text(text) => format!("`{}`", clipped(text)),
            Self::Json(value) => described(value),
        }
    }
}

/// A JSON value in a few words.
pub(super) fn described(value: &Value) -> String {
    match value {
        Value::Array(_) => "a list".into(),
        Value::Object(_) => "an object".into(),
        Value::String(text) => format!("the string `{}`", clipped(text)),
        Value::Number(number) => format!("the number `{number}`"),
        Value::Null | Value::Bool(_) => format!("`{value}`"),
    }
}

/// A text in a message: at most 60 characters, none of them a line's end.
fn clipped(text: &str) -> String {
    const LONGEST: usize = 60;
    let shown = text.chars().take(LONGEST).flat_map(char::escape_debug).collect();
    if text.chars().nth(LONGEST).is_some() { format!("{shown}...") } else { shown }
}

/// The electrodes of records, each with its row in `object`.
pub(super) fn electrodes(object: &str, records: Vec<(u64, Record<'_>)>) -> Result<Vec<Electrode>> {
    let mut rows: HashMap<String, u64> = HashMap::with_capacity(records.len());
    let mut electrodes = Vec::with_capacity(records.len());
    for (row, record) in records {
        let electrode = record.electrode().at(object, row)?;
        if let Some(earlier) = rows.insert(electrode.name.clone(), row) {
            let earlier = format!("{object}[{earlier}]");
            return Err(ElectrodeProblem::Duplicate { name: electrode.name, earlier }).at(object, row);
        }
        electrodes.push(electrode);
    }
    if electrodes.is_empty() { Err(ElectrodeProblem::NoContacts.into()) } else { Ok(electrodes) }
}
