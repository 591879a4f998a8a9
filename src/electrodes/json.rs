//! Parses JSON: a list of objects with the keys `name`, `x`, `y`, `z` and more, as BlueRecording's successor writes it,
//! or an object in probeinterface's format.

use serde_json::Value;

use super::csv::check_unit;
use super::header::{self, Name};
use super::length_unit::{self, LengthUnit};
use super::raw_value::{RawValue, describe_json, parse_document};
use super::record::{self, ElectrodeRecord, REQUIRED_KEYS};
use super::{ContactExtent, ElectrodeProblem, ParsedElectrodes, probeinterface};
use crate::error::{Context, Error, ErrorLocation, Result, join_quoted};

/// Parses the text of a file; `unit` is that of lengths whose key does not state one.
///
/// # Errors
/// Returns an error if the text is not JSON or has a key twice (with its line), is not a list, or if an entry is not a valid contact (with
/// its index in the list, from 0).
pub(super) fn parse(text: &str, extent: ContactExtent, unit: Option<LengthUnit>) -> Result<ParsedElectrodes> {
    let document = parse_document(text).map_err(|e| syntax(&e))?;
    let entries = match &document {
        Value::Array(entries) => entries,
        Value::Object(members) if members.contains_key("probes") => {
            let electrodes = probeinterface::parse(members, extent, unit)?;
            return Ok(ParsedElectrodes { electrodes, warnings: Vec::new() });
        }
        other => return Err(ElectrodeProblem::NoList(describe_json(other)).into()),
    };
    let parsed = (0..).zip(entries).map(|(i, entry)| Ok((i, Entry::parse(entry, unit).at_index("electrode", i)?)));
    let parsed = parsed.collect::<Result<Vec<(u64, Entry<'_>)>>>()?;
    let records = parsed.iter().map(|(i, entry)| {
        let mut record = ElectrodeRecord::with_units(entry.unit_of_others, &entry.units);
        entry.values.iter().for_each(|(key, value)| record.insert(key, RawValue::Json(value)));
        (*i, record)
    });
    let electrodes = record::build_electrodes("electrode", records.collect())?;
    // every entry has the same further keys: one warning, at the first entry of each
    let mut warned: Vec<&str> = Vec::new();
    let mut warnings = Vec::new();
    for (i, entry) in &parsed {
        let names: Vec<&str> = entry.unused.iter().copied().filter(|name| !warned.contains(name)).collect();
        if !names.is_empty() {
            warned.extend(&names);
            let names = names.into_iter().map(String::from).collect();
            warnings.push(Error::from(ElectrodeProblem::UnusedKeys { noun: "key", names }).at_index("electrode", *i));
        }
    }
    Ok(ParsedElectrodes { electrodes, warnings })
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

/// The members of one entry.
struct Entry<'a> {
    values: Vec<(&'static str, &'a Value)>,
    /// The units that keys state.
    units: Vec<(&'static str, LengthUnit)>,
    /// The unit of the keys that state none.
    unit_of_others: LengthUnit,
    /// Unknown keys.
    unused: Vec<&'a str>,
}

impl<'a> Entry<'a> {
    fn parse(entry: &'a Value, unit: Option<LengthUnit>) -> Result<Self, ElectrodeProblem> {
        let Value::Object(members) = entry else { return Err(shape("an object", entry)) };
        let mut parsed =
            Self { values: Vec::new(), units: Vec::new(), unit_of_others: LengthUnit::default(), unused: Vec::new() };
        for (name, value) in members {
            match header::recognise(name)? {
                Name::Known(key, _) if parsed.has(key) => return Err(ElectrodeProblem::ColumnTwice(key.into())),
                Name::Known(key, own) => {
                    check_unit(key, own, unit)?;
                    parsed.units.extend(own.map(|own| (key, own)));
                    parsed.values.push((key, value));
                }
                Name::Similar(similar) if !members.contains_key(similar) => {
                    return Err(ElectrodeProblem::UnknownKey { noun: "key", found: name.clone(), similar });
                }
                Name::Similar(_) | Name::Unknown => parsed.unused.push(name),
            }
        }
        if let Some(key) = REQUIRED_KEYS.into_iter().find(|key| !parsed.has(key)) {
            let found = join_quoted(members.keys(), usize::MAX);
            return Err(ElectrodeProblem::Missing { noun: "key", key, found });
        }
        let keys = parsed.values.iter().filter(|(_, value)| !value.is_null()).map(|(key, _)| *key);
        parsed.unit_of_others = length_unit::unit_of_others(&parsed.units, unit, keys)?;
        Ok(parsed)
    }

    fn has(&self, key: &str) -> bool {
        self.values.iter().any(|(known, _)| *known == key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_of_an_entry_is_that_of_all_its_lengths_without_their_own() {
        let text = r#"[
            {"name": "a", "x_mm": 1, "y_mm": 2, "z_mm": 3, "boundary": "z<4, 0", "disc_radius_um": 5, "disc_normal": [0, 0, 1]},
            {"name": "b", "x": 1, "y": 2, "z": 3, "boundary_mm": "z<4, 0", "disc_radius": 5, "disc_normal": [0, 0, 1]}
        ]"#;
        let found = parse(text, ContactExtent::Point, None).unwrap().electrodes;
        assert_eq!(
            found.iter().map(|e| e.position_um.to_array()).collect::<Vec<_>>(),
            [[1e3, 2e3, 3e3], [1.0, 2.0, 3.0]]
        );
        assert_eq!(found[0].settings.boundary.unwrap().position_um, 4000.0);
        assert_eq!(found[0].settings.disc.unwrap().radius_um, 5.0);
        assert_eq!(found[0].settings, found[1].settings);
    }

    #[test]
    fn contacts_by_name_are_no_list() {
        let error = parse(r#"{"a": {"x": 1, "y": 2, "z": 3}}"#, ContactExtent::Point, None).err().unwrap();
        assert_eq!(
            error.to_string(),
            "wrong type, expected a list of contacts, or probeinterface's `probes`, found an object"
        );
        assert_eq!(
            error.hint().unwrap(),
            r#"write each contact as `{"name": "a", "x": 0, "y": 0, "z": 0}`, and all in `[`, `]`"#
        );
    }
}
