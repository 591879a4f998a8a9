//! JSON documents whose errors name the line, or the path of the value (`networks.nodes[0].nodes_file`).

use std::path::Path;

use serde_json::{Map, Value};

use crate::error::{Error, ErrorLocation, Problem, Result};
use crate::io::input_file;

/// Reasons why a JSON document is invalid.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JsonProblem {
    /// The text does not parse.
    #[error("no valid JSON at column {column}: {message}")]
    Syntax {
        /// Column of the error, from 1.
        column: usize,
        /// Message of the parser.
        message: String,
    },
    /// A value has the wrong type.
    #[error("wrong type, expected {expected}, found {found}")]
    Type {
        /// The expected type.
        expected: &'static str,
        /// Description of the value in the file.
        found: String,
    },
    /// A required key is missing.
    #[error("missing, expected {0}")]
    Missing(&'static str),
}

impl Problem for JsonProblem {}

/// Reads a document.
///
/// # Errors
/// Returns an error if the file cannot be read, or is not JSON; the error names line and column.
pub fn read(path: &Path) -> Result<Value> {
    let bytes = input_file::read_text(path)?;
    serde_json::from_slice(&bytes).map_err(|e| syntax(path, &e))
}

fn syntax(path: &Path, error: &serde_json::Error) -> Error {
    let text = error.to_string();
    let message = text.rsplit_once(" at line ").map_or(text.as_str(), |(message, _)| message).to_string();
    let place = ErrorLocation::file(path).with_item("line").with_index(error.line() as u64);
    Error::new(place, JsonProblem::Syntax { column: error.column(), message })
}

/// A value and its path in the document.
#[derive(Debug, Clone)]
pub struct JsonNode<'a> {
    /// The value.
    pub value: &'a Value,
    path: String,
}

impl<'a> JsonNode<'a> {
    /// Creates a node for the value at a path; the document itself has the empty path.
    pub fn new(value: &'a Value, path: impl Into<String>) -> Self {
        Self { value, path: path.into() }
    }

    /// Returns an error at this value.
    pub fn error(&self, problem: impl Problem) -> Error {
        let error = Error::from(problem);
        if self.path.is_empty() { error } else { error.in_item(&self.path) }
    }

    /// Returns an error that says which type was expected here.
    pub fn wrong_type(&self, expected: &'static str) -> Error {
        self.error(JsonProblem::Type { expected, found: describe_value(self.value) })
    }

    /// Returns the value as an object.
    pub fn object(&self) -> Result<&'a Map<String, Value>> {
        self.value.as_object().ok_or_else(|| self.wrong_type("an object"))
    }

    /// Returns the members of an object, in file order.
    pub fn members(&self) -> Result<Vec<(&'a str, Self)>> {
        Ok(self.object()?.iter().map(|(key, value)| (key.as_str(), self.member(key, value))).collect())
    }

    /// Returns the items of an array.
    pub fn items(&self) -> Result<Vec<Self>> {
        let array = self.value.as_array().ok_or_else(|| self.wrong_type("an array"))?;
        Ok(array.iter().enumerate().map(|(i, value)| self.item(i, value)).collect())
    }

    /// Returns an item of an array.
    pub fn item(&self, i: usize, value: &'a Value) -> Self {
        Self::new(value, format!("{}[{i}]", self.path))
    }

    /// Returns the value as a string.
    pub fn text(&self) -> Result<&'a str> {
        self.value.as_str().ok_or_else(|| self.wrong_type("a string"))
    }

    /// Returns the value as a boolean.
    pub fn boolean(&self) -> Result<bool> {
        self.value.as_bool().ok_or_else(|| self.wrong_type("true or false"))
    }

    /// Returns a member of an object; `None` if it is absent or null.
    pub fn get(&self, key: &str) -> Result<Option<Self>> {
        Ok(self.object()?.get(key).filter(|value| !value.is_null()).map(|value| self.member(key, value)))
    }

    /// Returns a required member of an object.
    pub fn require(&self, key: &str, expected: &'static str) -> Result<Self> {
        self.get(key)?.ok_or_else(|| self.member(key, self.value).error(JsonProblem::Missing(expected)))
    }

    /// Returns a member that is a string; `None` if it is absent, null or empty.
    pub fn get_text(&self, key: &str) -> Result<Option<&'a str>> {
        let text = self.get(key)?.map(|member| member.text()).transpose()?;
        Ok(text.filter(|text| !text.is_empty()))
    }

    /// Returns a required member that is a string and not empty.
    pub fn require_text(&self, key: &str, expected: &'static str) -> Result<&'a str> {
        let missing = || self.member(key, self.value).error(JsonProblem::Missing(expected));
        self.get_text(key)?.ok_or_else(missing)
    }

    fn member(&self, key: &str, value: &'a Value) -> Self {
        let path = if self.path.is_empty() { key.to_string() } else { format!("{}.{key}", self.path) };
        Self::new(value, path)
    }
}

/// Describes a value for a message.
fn describe_value(value: &Value) -> String {
    /// Maximum length of a string in a message, characters.
    const MAX_MESSAGE_CHARS: usize = 60;
    match value {
        Value::Array(_) => "an array".into(),
        Value::Object(_) => "an object".into(),
        Value::String(text) if text.chars().count() > MAX_MESSAGE_CHARS => {
            format!("the string `{}...`", text.chars().take(MAX_MESSAGE_CHARS).collect::<String>())
        }
        Value::String(text) => format!("the string `{text}`"),
        Value::Number(number) => format!("the number `{number}`"),
        Value::Null | Value::Bool(_) => format!("`{value}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_syntax_error_names_line_and_column() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.json");
        std::fs::write(&file, "{\n  \"a\": 1,\n  \"b\" 2\n}").unwrap();
        let expected = format!("{}: line[3]: no valid JSON at column 7: expected `:`", file.display());
        assert_eq!(read(&file).unwrap_err().to_string(), expected);
    }

    #[test]
    fn a_wrong_type_names_the_path_of_the_value() {
        let document = json!({"networks": {"nodes": [{"nodes_file": 5}]}});
        let nodes = JsonNode::new(&document, "").get("networks").unwrap().unwrap().get("nodes").unwrap().unwrap();
        let first = nodes.items().unwrap().remove(0);
        assert_eq!(
            first.get_text("nodes_file").unwrap_err().to_string(),
            "networks.nodes[0].nodes_file: wrong type, expected a string, found the number `5`"
        );
        assert_eq!(
            first.require("populations", "an object of populations").unwrap_err().to_string(),
            "networks.nodes[0].populations: missing, expected an object of populations"
        );
    }

    #[test]
    fn null_and_empty_text_count_as_absent() {
        let document = json!({"a": null, "b": ""});
        let at = JsonNode::new(&document, "");
        assert!(at.get("a").unwrap().is_none());
        assert_eq!(at.get_text("b").unwrap(), None);
    }
}
