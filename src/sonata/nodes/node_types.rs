//! Node types (`node_types_file`): attributes that all nodes of a type share.
//!
//! Source: SONATA "Nodes file": a text table, columns separated by spaces, with a column `node_type_id`. An attribute
//! of the nodes themselves has precedence over one of their type; `NULL` means no value.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::AttributeColumn;
use crate::error::{Context, FileProblem, Problem, Result};
use crate::io::input_file;

/// The column with the id of the type.
const TYPE_ID_COLUMN: &str = "node_type_id";

/// Reasons why a table of node types is invalid.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NodeTypesProblem {
    /// The header lacks the column `node_type_id`.
    #[error("no column `node_type_id`, expected a header with that name, found `{0}`")]
    NoTypeId(String),
    /// A row has the wrong number of values.
    #[error("wrong number of values, expected {expected}, one for each column, found {found}")]
    Values {
        /// Number of columns.
        expected: usize,
        /// Number of values.
        found: usize,
    },
    /// The id of a type is not an integer.
    #[error("invalid node type id, expected an integer, found `{0}`")]
    Id(String),
}

impl Problem for NodeTypesProblem {}

/// The types of a population's nodes.
#[derive(Debug)]
pub(super) struct NodeTypes {
    names: Vec<String>,
    /// Values of each type, in the order of the names.
    rows: HashMap<i64, Vec<String>>,
    file: PathBuf,
}

impl NodeTypes {
    /// Reads a table of types.
    ///
    /// # Errors
    /// Returns an error if the file cannot be read, has no `node_type_id`, or a row has the wrong number of values.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let text = String::from_utf8(input_file::read_text(path)?);
        let text = text.map_err(|e| FileProblem::Read(std::io::Error::new(std::io::ErrorKind::InvalidData, e)));
        let text = text.in_file(path)?;
        let mut lines = (1_u64..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
        let names = lines.next().map(|(_, line)| split_words(line)).unwrap_or_default();
        let Some(id_column) = names.iter().position(|name| name == TYPE_ID_COLUMN) else {
            return Err(NodeTypesProblem::NoTypeId(names.join(" "))).in_file(path);
        };
        let mut rows = HashMap::new();
        for (number, line) in lines {
            let values = split_words(line);
            let (expected, found) = (names.len(), values.len());
            if expected != found {
                return Err(NodeTypesProblem::Values { expected, found }).at_index("line", number).in_file(path);
            }
            let id = values.get(id_column).cloned().unwrap_or_default();
            let id = id.parse::<i64>().map_err(|_| NodeTypesProblem::Id(id)).at_index("line", number).in_file(path)?;
            rows.insert(id, values);
        }
        Ok(Self { names, rows, file: path.to_path_buf() })
    }

    /// Returns the path of the file.
    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    /// Returns the names of the attributes.
    pub(super) fn attribute_names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str).filter(|name| *name != TYPE_ID_COLUMN)
    }

    /// Returns an attribute of nodes with these types; `None` if no type has it.
    pub(super) fn attribute_column(&self, name: &str, types: &[i64]) -> Option<AttributeColumn> {
        let place = self.names.iter().position(|n| n == name && n != TYPE_ID_COLUMN)?;
        let value = |id: &i64| self.rows.get(id).and_then(|row| row.get(place)).filter(|v| *v != "NULL");
        let values: Vec<Option<&String>> = types.iter().map(value).collect();
        if values.iter().all(Option::is_none) {
            return None;
        }
        let text = |v: &Option<&String>| v.cloned().unwrap_or_default();
        let number = |v: &Option<&String>| v.map_or(Some(f64::NAN), |v| v.parse().ok());
        let integer = |v: &Option<&String>| v.and_then(|v| v.parse().ok());
        Some(if let Some(numbers) = values.iter().map(integer).collect() {
            AttributeColumn::Integer(numbers)
        } else if let Some(numbers) = values.iter().map(number).collect() {
            AttributeColumn::Float(numbers)
        } else {
            AttributeColumn::Text(values.iter().map(text).collect())
        })
    }
}

/// Splits a line into words; a quoted word may contain spaces.
fn split_words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut is_quoted) = (Vec::new(), None::<String>, false);
    for c in line.chars() {
        match c {
            '"' => {
                is_quoted = !is_quoted;
                word.get_or_insert_default();
            }
            c if c.is_whitespace() && !is_quoted => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn types(text: &str) -> Result<NodeTypes> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("types.csv");
        std::fs::write(&path, text).unwrap();
        NodeTypes::open(&path)
    }

    fn refused(text: &str) -> String {
        let text = types(text).unwrap_err().to_string();
        text.split_once("types.csv: ").unwrap().1.to_string()
    }

    #[test]
    fn each_node_has_the_values_of_its_type() {
        let table = "node_type_id morphology recenter angle\n10 \"a b\" 0 NULL\n\n20 c 1 0.5\n";
        let types = types(table).unwrap();
        let of = |name| format!("{:?}", types.attribute_column(name, &[20, 10, 20]));
        assert_eq!(of("morphology"), "Some(Text([\"c\", \"a b\", \"c\"]))");
        assert_eq!(of("recenter"), "Some(Integer([1, 0, 1]))");
        assert_eq!(of("angle"), "Some(Float([0.5, NaN, 0.5]))");
        assert_eq!((of("node_type_id"), of("x")), ("None".into(), "None".into()));
        assert!(types.attribute_column("angle", &[10]).is_none() && types.attribute_column("angle", &[7]).is_none());
        assert_eq!(types.attribute_names().collect::<Vec<_>>(), ["morphology", "recenter", "angle"]);
    }

    #[test]
    fn malformed_tables_are_refused() {
        assert_eq!(refused("a b\n1 2\n"), "no column `node_type_id`, expected a header with that name, found `a b`");
        assert_eq!(
            refused("node_type_id b\n\n1 2 3\n"),
            "line[3]: wrong number of values, expected 2, one for each column, found 3"
        );
        assert_eq!(refused("node_type_id b\nx 2\n"), "line[2]: invalid node type id, expected an integer, found `x`");
    }
}
