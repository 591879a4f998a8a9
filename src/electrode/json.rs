//! Electrodes in the successor's JSON: a list of `{name, x, y, z, type?, layer?, region?, radius?, thickness?}`.

use serde_json::{Map, Value};

use super::{DEFAULT_METHOD, Electrode, ElectrodeProblem, Names, UNKNOWN, checked_name, method_of, not_empty};
use crate::error::{Context, Problem, Result, listed};
use crate::geometry::Point;

/// The keys that are known. `radius` and `thickness` are settings of ObjectiveCSD, which other types ignore.
const KEYS: [&str; 9] = ["name", "x", "y", "z", "type", "layer", "region", "radius", "thickness"];

/// What is wrong with a JSON file as such.
#[derive(Debug, thiserror::Error)]
pub enum JsonProblem {
    /// No JSON.
    #[error("cannot be read as JSON: {0}")]
    Syntax(String),
    /// The document is no list.
    #[error("wrong JSON type, expected a list of contacts, found {0}")]
    NotAList(&'static str),
    /// An entry is no object.
    #[error("wrong JSON type, expected an object with `name`, `x`, `y`, `z`, found {0}")]
    NotAnObject(&'static str),
    /// A mandatory key is not there.
    #[error("missing key, expected `{missing}`, found {}", listed(.found, 20))]
    MissingKey {
        /// The key.
        missing: &'static str,
        /// The keys that are there.
        found: Vec<String>,
    },
    /// A key that nothing reads.
    #[error("unknown key, expected some of {}, found `{found}`", listed(KEYS, 20))]
    UnknownKey {
        /// The key.
        found: String,
    },
    /// A value of another type.
    #[error("`{key}` has the wrong JSON type, expected {expected}, found {found}")]
    WrongType {
        /// The key.
        key: &'static str,
        /// What may stand there.
        expected: &'static str,
        /// What does.
        found: &'static str,
    },
}

impl Problem for JsonProblem {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NotAList(_) | Self::NotAnObject(_) => {
                Some(r#"contacts are written `[{"name": "e0", "x": 0, "y": 50, "z": -20}]`, in um"#.into())
            }
            _ => None,
        }
    }
}

/// Parses electrodes from JSON, in file order. Names may be strings or integers.
///
/// # Errors
/// [`JsonProblem`] and [`ElectrodeProblem`], at `electrode[n]`, counted from 0.
pub fn parse(bytes: &[u8]) -> Result<Vec<Electrode>> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let document: Value = serde_json::from_slice(bytes).map_err(|e| JsonProblem::Syntax(e.to_string()))?;
    let Value::Array(entries) = document else {
        return Err(JsonProblem::NotAList(kind(&document)).into());
    };
    let mut names = Names::new("electrode");
    let mut electrodes = Vec::with_capacity(entries.len());
    for (i, entry) in (0..).zip(&entries) {
        let electrode = electrode(entry).at("electrode", i)?;
        names.add(&electrode.name, i).at("electrode", i)?;
        electrodes.push(electrode);
    }
    not_empty(electrodes)
}

fn electrode(entry: &Value) -> Result<Electrode> {
    let object = entry.as_object().ok_or_else(|| JsonProblem::NotAnObject(kind(entry)))?;
    if let Some(unknown) = object.keys().find(|k| !KEYS.contains(&k.as_str())) {
        return Err(JsonProblem::UnknownKey { found: unknown.clone() }.into());
    }
    Ok(Electrode {
        name: checked_name(&word("name", mandatory(object, "name")?)?)?,
        position: Point::new(coordinate(object, "x")?, coordinate(object, "y")?, coordinate(object, "z")?),
        method: method_of(&optional(object, "type", DEFAULT_METHOD)?)?,
        layer: optional(object, "layer", UNKNOWN)?,
        region: optional(object, "region", UNKNOWN)?,
    })
}

fn coordinate(object: &Map<String, Value>, axis: &'static str) -> Result<f64> {
    let value = mandatory(object, axis)?;
    let wrong = || JsonProblem::WrongType { key: axis, expected: "a number in um", found: kind(value) };
    let number = value.as_f64().ok_or_else(wrong)?;
    if !number.is_finite() {
        return Err(ElectrodeProblem::NotFinite { axis, found: value.to_string() }.into());
    }
    Ok(number)
}

fn mandatory<'a>(object: &'a Map<String, Value>, key: &'static str) -> Result<&'a Value, JsonProblem> {
    let missing = || JsonProblem::MissingKey { missing: key, found: object.keys().cloned().collect() };
    object.get(key).ok_or_else(missing)
}

/// The word of an optional key; null and empty text count as absent.
fn optional(object: &Map<String, Value>, key: &'static str, default: &str) -> Result<String, JsonProblem> {
    match object.get(key) {
        None | Some(Value::Null) => Ok(default.into()),
        Some(value) => word(key, value).map(|w| if w.is_empty() { default.into() } else { w }),
    }
}

/// A string, or an integer as text.
fn word(key: &'static str, value: &Value) -> Result<String, JsonProblem> {
    match value {
        Value::String(text) => Ok(text.trim().into()),
        Value::Number(number) if number.is_i64() || number.is_u64() => Ok(number.to_string()),
        other => Err(JsonProblem::WrongType { key, expected: "a string or an integer", found: kind(other) }),
    }
}

/// A value's JSON type, with its article.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn refused(text: &str, message: &str) {
        assert_eq!(parse(text.as_bytes()).unwrap_err().to_string(), message);
    }

    #[test]
    fn the_successor_s_entries_are_read() {
        let electrodes = parse(
            br#"[{"name": "e1", "x": 1, "y": -2.5, "z": 3e1, "type": "PointSource", "layer": "L4", "region": "S1HL"},
                 {"z": 6, "y": 5, "x": 4, "name": 7, "layer": 5, "region": null, "radius": 10, "thickness": 2}]"#,
        )
        .unwrap();
        let electrodes: Vec<String> = electrodes.iter().map(|e| format!("{e:?}")).collect();
        assert_eq!(electrodes, ["PointSource e1 at (1, -2.5, 30) in L4, S1HL", "LineSource 7 at (4, 5, 6) in 5, NA"]);
    }

    #[test]
    fn the_document_is_a_list_of_objects() {
        let error = parse(br#"{"name": "a"}"#).unwrap_err();
        assert_eq!(
            format!("{error:?}"),
            "wrong JSON type, expected a list of contacts, found an object\n\
             hint: contacts are written `[{\"name\": \"e0\", \"x\": 0, \"y\": 50, \"z\": -20}]`, in um"
        );
        refused(
            r#"[{"name": "a", "x": 1, "y": 2, "z": 3}, [1]]"#,
            "electrode[1]: wrong JSON type, expected an object with `name`, `x`, `y`, `z`, found a list",
        );
        refused("[]", "no contacts, expected one or more, found none");
        refused("[", "cannot be read as JSON: EOF while parsing a list at line 1 column 1");
    }

    #[test]
    fn keys_are_known_and_complete() {
        refused(
            r#"[{"name": "a", "x": 1, "z": 3}]"#,
            "electrode[0]: missing key, expected `y`, found `name`, `x`, `z`",
        );
        refused(
            r#"[{"name": "a", "x": 1, "y": 2, "z": 3, "sigma": 0.3}]"#,
            "electrode[0]: unknown key, expected some of `name`, `x`, `y`, `z`, `type`, `layer`, `region`, `radius`, \
             `thickness`, found `sigma`",
        );
    }

    #[test]
    fn values_have_their_types() {
        refused(
            r#"[{"name": "a", "x": "1", "y": 2, "z": 3}]"#,
            "electrode[0]: `x` has the wrong JSON type, expected a number in um, found a string",
        );
        refused(
            r#"[{"name": 1.5, "x": 1, "y": 2, "z": 3}]"#,
            "electrode[0]: `name` has the wrong JSON type, expected a string or an integer, found a number",
        );
        refused(
            r#"[{"name": "a", "x": 1, "y": 2, "z": 3, "type": ["LineSource"]}]"#,
            "electrode[0]: `type` has the wrong JSON type, expected a string or an integer, found a list",
        );
    }

    #[test]
    fn names_are_unique_also_between_strings_and_integers() {
        refused(
            r#"[{"name": "7", "x": 1, "y": 2, "z": 3}, {"name": 7, "x": 1, "y": 2, "z": 3}]"#,
            "electrode[1]: duplicate name, expected each name once, found `7` here and in electrode 0",
        );
        refused(
            r#"[{"name": "a/b", "x": 1, "y": 2, "z": 3}]"#,
            "electrode[0]: name cannot be used, expected text without `/` that is neither empty nor `.` nor `..`, \
             found `a/b`",
        );
    }

    #[test]
    fn numbers_are_finite() {
        assert!(parse(br#"[{"name": "a", "x": NaN, "y": 2, "z": 3}]"#).is_err());
        assert!(parse(br#"[{"name": "a", "x": 1e999, "y": 2, "z": 3}]"#).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..200), text in "[\\[{]{0,300}[a-z0-9,\"{}:. -]{0,80}"
        ) {
            let _ = parse(&bytes);
            let _ = parse(text.as_bytes());
        }
    }
}
