//! Parses JSON: a list of objects with the keys `name`, `x`, `y`, `z` and more, as BlueRecording's successor writes it,
//! or an object in probeinterface's format.

use serde_json::Value;

use super::raw_value::{RawValue, describe_json};
use super::record::{self, ElectrodeRecord, REQUIRED_KEYS};
use super::{ContactExtent, Electrode, ElectrodeProblem, probeinterface};
use crate::error::{Context, Error, ErrorLocation, Result, join_quoted};

/// Parses the text of a file.
///
/// # Errors
/// Returns an error if the text is not JSON (with its line) or not a list, or if an entry is not a valid contact (with
/// its index in the list, from 0).
pub(super) fn parse(text: &str, extent: ContactExtent) -> Result<Vec<Electrode>> {
    let document: Value = serde_json::from_str(text).map_err(|e| syntax(&e))?;
    let entries = match &document {
        Value::Array(entries) => entries,
        Value::Object(members) if members.contains_key("probes") => return probeinterface::parse(members, extent),
        other => return Err(shape("a list of contacts, or probeinterface's `probes`", other).into()),
    };
    let records = (0..).zip(entries).map(|(i, entry)| Ok((i, parse_record(entry).at_index("electrode", i)?)));
    record::build_electrodes("electrode", records.collect::<Result<_>>()?)
}

fn syntax(error: &serde_json::Error) -> Error {
    let text = error.to_string();
    let message = text.rsplit_once(" at line ").map_or(text.as_str(), |(message, _)| message).to_string();
    let place = ErrorLocation::default().with_item("line").with_index(error.line() as u64);
    Error::new(place, ElectrodeProblem::Syntax { column: error.column(), message })
}

fn shape(expected: &'static str, found: &Value) -> ElectrodeProblem {
    ElectrodeProblem::Shape { expected, found: describe_json(found) }
}

fn parse_record(entry: &Value) -> Result<ElectrodeRecord<'_>, ElectrodeProblem> {
    let Value::Object(members) = entry else { return Err(shape("an object", entry)) };
    let mut record = ElectrodeRecord::default();
    for (name, value) in members {
        let found = || ElectrodeProblem::UnknownKey { noun: "key", found: name.clone() };
        record.insert(record::find_key(name).ok_or_else(found)?, RawValue::Json(value));
    }
    match REQUIRED_KEYS.into_iter().find(|key| !members.contains_key(*key)) {
        Some(key) => {
            Err(ElectrodeProblem::Missing { noun: "key", key, found: join_quoted(members.keys(), usize::MAX) })
        }
        None => Ok(record),
    }
}
