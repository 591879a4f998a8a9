//! JSON: a list of objects with the keys `name`, `x`, `y`, `z` and more, as BlueRecording's successor has them; or
//! probeinterface's object.

use serde_json::Value;

use super::field::{Field, described};
use super::record::{self, REQUIRED, Record};
use super::{Electrode, ElectrodeProblem, Extent, probeinterface};
use crate::error::{Context, Error, Place, Result, listed};

/// Parses the text of a file.
///
/// # Errors
/// The text is no JSON (with its line), no list, or an entry is no contact (with its place in the list, from 0).
pub(super) fn parse(text: &str, extent: Extent) -> Result<Vec<Electrode>> {
    let document: Value = serde_json::from_str(text).map_err(|e| syntax(&e))?;
    let entries = match &document {
        Value::Array(entries) => entries,
        Value::Object(members) if members.contains_key("probes") => return probeinterface::parse(members, extent),
        other => return Err(shape("a list of contacts, or probeinterface's `probes`", other).into()),
    };
    let records = (0..).zip(entries).map(|(i, entry)| Ok((i, fields(entry).at("electrode", i)?)));
    record::electrodes("electrode", records.collect::<Result<_>>()?)
}

fn syntax(error: &serde_json::Error) -> Error {
    let text = error.to_string();
    let message = text.rsplit_once(" at line ").map_or(text.as_str(), |(message, _)| message).to_string();
    let place = Place::default().object("line").row(error.line() as u64);
    Error::new(place, ElectrodeProblem::Syntax { column: error.column(), message })
}

fn shape(expected: &'static str, found: &Value) -> ElectrodeProblem {
    ElectrodeProblem::Shape { expected, found: described(found) }
}

fn fields(entry: &Value) -> Result<Record<'_>, ElectrodeProblem> {
    let Value::Object(members) = entry else { return Err(shape("an object", entry)) };
    let mut record = Record::default();
    for (name, value) in members {
        let found = || ElectrodeProblem::Unknown { noun: "key", found: name.clone() };
        record.insert(record::key(name).ok_or_else(found)?, Field::Json(value));
    }
    match REQUIRED.into_iter().find(|key| !members.contains_key(*key)) {
        Some(key) => Err(ElectrodeProblem::Missing { noun: "key", key, found: listed(members.keys(), usize::MAX) }),
        None => Ok(record),
    }
}
