//! What can be wrong with an electrodes description.

use crate::error::{Problem, join_quoted};
use crate::methods::METHODS;

/// What can be wrong with a file of electrodes, or with what is asked of its contacts.
#[derive(Debug, thiserror::Error)]
pub enum ElectrodeProblem {
    /// Bytes that are no UTF-8.
    #[error("no text, expected electrodes as CSV or JSON")]
    NoText,
    /// Nothing in the file.
    #[error("empty, expected a header and a row for each contact")]
    Empty,
    /// A header and no more, or an empty list.
    #[error("no contacts, expected at least 1")]
    NoContacts,
    /// A key that must be there.
    #[error("no {noun} `{key}`, expected {}, found {found}", join_quoted(super::record::REQUIRED_KEYS, usize::MAX))]
    Missing {
        /// `column` or `key`.
        noun: &'static str,
        /// The key.
        key: &'static str,
        /// Those that are there.
        found: String,
    },
    /// A key that nothing reads.
    #[error("unknown {noun} `{found}`, expected {}", join_quoted(super::record::all_keys(), usize::MAX))]
    UnknownKey {
        /// `column` or `key`.
        noun: &'static str,
        /// The key.
        found: String,
    },
    /// A column that is there twice.
    #[error("column `{0}` is there twice, expected each once")]
    ColumnTwice(String),
    /// A row of another length.
    #[error("wrong number of fields, expected {expected} as in the header, found {found}")]
    FieldCount {
        /// Number of columns in the header.
        expected: usize,
        /// Number of fields in the row.
        found: usize,
    },
    /// A value that is absent, of the wrong kind or out of range.
    #[error("wrong `{key}`, expected {expected}, found {found}")]
    Value {
        /// Its key.
        key: &'static str,
        /// What belongs there.
        expected: &'static str,
        /// What is there, quoted.
        found: String,
    },
    /// A name that two contacts have.
    #[error("name is taken, expected each name once, found `{name}` in {earlier} already")]
    DuplicateName {
        /// The name.
        name: String,
        /// Place of the contact that has it.
        earlier: String,
    },
    /// A name that no HDF5 group can have.
    #[error("wrong name, expected one without `/` and NUL that is not empty, `.` or `..`, found `{}`", .0.escape_debug())]
    Name(String),
    /// A name that the electrodes file needs for a population.
    #[error("wrong name, expected one that no population has, found `{0}`")]
    PopulationName(String),
    /// A type that no method has.
    #[error("unknown type, expected {known}, found `{0}`", known = method_names())]
    UnknownType(String),
    /// A size that the type and a setting tell differently.
    #[error("two values for `{key}`, expected `{told}` as in the type, found `{found}`")]
    ConflictingSizes {
        /// Its key.
        key: &'static str,
        /// What the type says.
        told: f64,
        /// What the setting says.
        found: f64,
    },
    /// A setting that the contact's method has no use for.
    #[error("`{method}` takes no `{lost}`, expected {taken}, found `{lost}`")]
    UnsupportedSetting {
        /// The method.
        method: &'static str,
        /// The settings that it takes.
        taken: String,
        /// The setting.
        lost: &'static str,
    },
    /// A reference whose coefficients are something else.
    #[error("reference of another quantity, expected {expected}, found `{method}`")]
    Incomparable {
        /// What can be subtracted.
        expected: &'static str,
        /// The reference's method.
        method: &'static str,
    },
    /// An average from which nothing is left.
    #[error("average of one contact, expected `average` as the `reference` of at least 2, found 1")]
    AverageOfOne,
    /// JSON that does not parse.
    #[error("no valid JSON at column {column}: {message}")]
    Syntax {
        /// Its column, from 1.
        column: usize,
        /// The parser's words.
        message: String,
    },
    /// JSON of another shape.
    #[error("wrong type, expected {expected}, found {found}")]
    Shape {
        /// What belongs there.
        expected: &'static str,
        /// What is there.
        found: String,
    },
    /// A list that is not as long as there are contacts.
    #[error("wrong length, expected {expected}, one for each of `contact_positions`, found {found}")]
    Length {
        /// Number of contacts.
        expected: usize,
        /// Number of items.
        found: usize,
    },
    /// A file to write whose name does not say how.
    #[error("no format to write, expected a name that ends in `.csv` or `.json`")]
    UnknownExtension,
    /// As many conductivities as neither contacts nor one.
    #[error("wrong number of conductivities, expected {}, found {found}", expected_conductivities(*.analytic))]
    Conductivities {
        /// Number of contacts of analytic methods.
        analytic: usize,
        /// Number of values given.
        found: usize,
    },
}

fn method_names() -> String {
    join_quoted(METHODS.iter().map(|method| method.name()), usize::MAX)
}

fn expected_conductivities(analytic: usize) -> String {
    match analytic {
        0 | 1 => "1".into(),
        n => format!("1 or {n} (one for each contact of an analytic method)"),
    }
}

impl Problem for ElectrodeProblem {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::PopulationName(_) => {
                "contacts and populations are neighbours in the electrodes file: rename the contact"
            }
            Self::UnknownKey { .. } => "what nothing reads would be lost: rename it to one of these, or remove it",
            Self::UnsupportedSetting { .. } => "leave the cell empty, or choose another type",
            Self::Conductivities { .. } => "give `--conductivity` one value for all, or one for each, in file order",
            _ => return None,
        };
        Some(hint.into())
    }
}
