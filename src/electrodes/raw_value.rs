//! Raw values of a contact's description, and their conversion to types.

use std::fmt;

use serde_core::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::ElectrodeProblem;

/// A value as it is in the file.
#[derive(Debug, Clone, Copy)]
pub(super) enum RawValue<'a> {
    /// A CSV cell.
    Text(&'a str),
    /// A JSON value.
    Json(&'a Value),
}

type ParseResult<T> = std::result::Result<T, ElectrodeProblem>;

impl RawValue<'_> {
    /// Returns whether the value is missing: an empty cell or null.
    pub fn is_empty(self) -> bool {
        match self {
            Self::Text(text) => text.is_empty(),
            Self::Json(value) => value.is_null(),
        }
    }

    /// Returns the value as text.
    pub fn parse_text(self, key: &'static str) -> ParseResult<String> {
        match self {
            Self::Text(text) => Ok(text.into()),
            Self::Json(Value::String(text)) => Ok(text.clone()),
            Self::Json(_) => Err(self.unexpected_value(key, "a string")),
        }
    }

    /// Returns the value as text; an integer is also accepted.
    pub fn parse_label(self, key: &'static str) -> ParseResult<String> {
        match self {
            Self::Json(Value::Number(n)) if n.is_i64() || n.is_u64() => Ok(n.to_string()),
            Self::Text(_) | Self::Json(Value::String(_)) => self.parse_text(key),
            Self::Json(_) => Err(self.unexpected_value(key, "a string or an integer")),
        }
    }

    /// Returns the value as a finite number.
    pub fn parse_number(self, key: &'static str) -> ParseResult<f64> {
        let number = match self {
            Self::Text(text) => text.parse().ok(),
            Self::Json(value) => value.as_f64(),
        };
        match number {
            Some(number) if number.is_finite() => Ok(number),
            Some(_) => Err(self.unexpected_value(key, "a finite number")),
            None => Err(self.unexpected_value(key, "a number")),
        }
    }

    /// Returns the value as an integer above zero.
    pub fn parse_count(self, key: &'static str) -> ParseResult<u32> {
        let count = match self {
            Self::Text(text) => text.parse().ok(),
            Self::Json(value) => value.as_u64().and_then(|n| u32::try_from(n).ok()),
        };
        count.filter(|n| *n > 0).ok_or_else(|| self.unexpected_value(key, "an integer above 0"))
    }

    /// Returns the value as true or false.
    pub fn parse_bool(self, key: &'static str) -> ParseResult<bool> {
        let truth = match self {
            Self::Text(text) => text.to_ascii_lowercase().parse().ok(),
            Self::Json(value) => value.as_bool(),
        };
        truth.ok_or_else(|| self.unexpected_value(key, "true or false"))
    }

    /// Returns the value as finite numbers: a JSON list, or text separated by commas, semicolons or blanks.
    pub fn parse_numbers(self, key: &'static str, expected: &'static str) -> ParseResult<Vec<f64>> {
        if let Self::Json(Value::Array(items)) = self
            && let Some(other) = items.iter().find(|item| !item.is_number())
        {
            let found = format!("a list with {}", describe_json(other));
            return Err(ElectrodeProblem::Value { key, expected, found });
        }
        let numbers = match self {
            Self::Text(text) => split_numbers(text),
            Self::Json(Value::String(text)) => split_numbers(text),
            Self::Json(Value::Array(items)) => items.iter().map(Value::as_f64).collect(),
            Self::Json(value) => value.as_f64().map(|n| vec![n]),
        };
        numbers
            .filter(|n: &Vec<f64>| n.iter().all(|n| n.is_finite()))
            .ok_or_else(|| self.unexpected_value(key, expected))
    }

    /// Returns the error for a value that differs from what is expected.
    pub fn unexpected_value(self, key: &'static str, expected: &'static str) -> ElectrodeProblem {
        let found = match self {
            Self::Text(text) => format!("`{}`", truncate_for_message(text)),
            Self::Json(value) => describe_json(value),
        };
        ElectrodeProblem::Value { key, expected, found }
    }
}

/// Returns the numbers of a text; `None` if a word is not a number.
fn split_numbers(text: &str) -> Option<Vec<f64>> {
    split_words(text).map(|word| word.parse().ok()).collect()
}

/// Splits a text at commas, semicolons and blanks.
pub(super) fn split_words(text: &str) -> impl Iterator<Item = &str> {
    text.split([',', ';', ' ', '\t']).filter(|word| !word.is_empty())
}

/// Parses a JSON document in which no object has a key twice: of two values it would not be clear which one counts.
///
/// # Errors
/// Returns an error with line and column if the text is not JSON, or an object has a key twice.
pub(super) fn parse_document(text: &str) -> serde_json::Result<Value> {
    serde_json::from_str::<UniqueKeys>(text).map(|document| document.0)
}

/// A JSON value in which no object has a key twice.
struct UniqueKeys(Value);

impl<'de> Deserialize<'de> for UniqueKeys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UniqueKeysVisitor).map(Self)
    }
}

struct UniqueKeysVisitor;

impl<'de> Visitor<'de> for UniqueKeysVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut all = Vec::new();
        while let Some(UniqueKeys(item)) = items.next_element()? {
            all.push(item);
        }
        Ok(all.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut all = Map::new();
        while let Some(key) = members.next_key::<String>()? {
            if all.contains_key(&key) {
                return Err(A::Error::custom(format!("key `{}` occurs twice", truncate_for_message(&key))));
            }
            let UniqueKeys(value) = members.next_value()?;
            all.insert(key, value);
        }
        Ok(all.into())
    }
}

/// Returns a short description of a JSON value.
pub(super) fn describe_json(value: &Value) -> String {
    match value {
        Value::Array(_) => "a list".into(),
        Value::Object(_) => "an object".into(),
        Value::String(text) => format!("the string `{}`", truncate_for_message(text)),
        Value::Number(number) => format!("the number `{number}`"),
        Value::Null | Value::Bool(_) => format!("`{value}`"),
    }
}

/// Shortens a text for a message: at most 60 characters, without line breaks.
pub(super) fn truncate_for_message(text: &str) -> String {
    const MAX_MESSAGE_CHARS: usize = 60;
    let shown = text.chars().take(MAX_MESSAGE_CHARS).flat_map(char::escape_debug).collect();
    if text.chars().nth(MAX_MESSAGE_CHARS).is_some() { format!("{shown}...") } else { shown }
}
