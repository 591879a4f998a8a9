//! A value of a contact's description, as its file holds it, and what can be read from it.

use serde_json::Value;

use super::ElectrodeProblem;

/// A value as its file holds it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Field<'a> {
    /// A cell of CSV.
    Text(&'a str),
    /// A value of JSON.
    Json(&'a Value),
}

type Result<T> = std::result::Result<T, ElectrodeProblem>;

impl Field<'_> {
    /// Whether nothing is there: an empty cell or null.
    pub fn is_empty(self) -> bool {
        match self {
            Self::Text(text) => text.is_empty(),
            Self::Json(value) => value.is_null(),
        }
    }

    /// The value as text.
    pub fn text(self, key: &'static str) -> Result<String> {
        match self {
            Self::Text(text) => Ok(text.into()),
            Self::Json(Value::String(text)) => Ok(text.clone()),
            Self::Json(_) => Err(self.wrong(key, "a string")),
        }
    }

    /// The value as text, an integer being text too.
    pub fn label(self, key: &'static str) -> Result<String> {
        match self {
            Self::Json(Value::Number(n)) if n.is_i64() || n.is_u64() => Ok(n.to_string()),
            Self::Text(_) | Self::Json(Value::String(_)) => self.text(key),
            Self::Json(_) => Err(self.wrong(key, "a string or an integer")),
        }
    }

    /// The value as a finite number.
    pub fn number(self, key: &'static str) -> Result<f64> {
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

    /// The value as an integer above zero.
    pub fn count(self, key: &'static str) -> Result<u32> {
        let count = match self {
            Self::Text(text) => text.parse().ok(),
            Self::Json(value) => value.as_u64().and_then(|n| u32::try_from(n).ok()),
        };
        count.filter(|n| *n > 0).ok_or_else(|| self.wrong(key, "an integer above 0"))
    }

    /// The value as true or false.
    pub fn truth(self, key: &'static str) -> Result<bool> {
        let truth = match self {
            Self::Text(text) => text.to_ascii_lowercase().parse().ok(),
            Self::Json(value) => value.as_bool(),
        };
        truth.ok_or_else(|| self.wrong(key, "true or false"))
    }

    /// The value as finite numbers: a list in JSON, or text with commas, semicolons or blanks between them.
    pub fn numbers(self, key: &'static str, expected: &'static str) -> Result<Vec<f64>> {
        let numbers = match self {
            Self::Text(text) => parsed(text),
            Self::Json(Value::String(text)) => parsed(text),
            Self::Json(Value::Array(items)) => items.iter().map(Value::as_f64).collect(),
            Self::Json(value) => value.as_f64().map(|n| vec![n]),
        };
        numbers.filter(|n: &Vec<f64>| n.iter().all(|n| n.is_finite())).ok_or_else(|| self.wrong(key, expected))
    }

    /// The error that something else was expected here.
    pub fn wrong(self, key: &'static str, expected: &'static str) -> ElectrodeProblem {
        let found = match self {
            Self::Text(text) => format!("`{}`", clipped(text)),
            Self::Json(value) => described(value),
        };
        ElectrodeProblem::Value { key, expected, found }
    }
}

/// The numbers of a text; none where a word is none.
fn parsed(text: &str) -> Option<Vec<f64>> {
    words(text).map(|word| word.parse().ok()).collect()
}

/// Words between commas, semicolons or blanks.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split([',', ';', ' ', '\t']).filter(|word| !word.is_empty())
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
pub(super) fn clipped(text: &str) -> String {
    const LONGEST: usize = 60;
    let shown = text.chars().take(LONGEST).flat_map(char::escape_debug).collect();
    if text.chars().nth(LONGEST).is_some() { format!("{shown}...") } else { shown }
}
