//! Problems of an electrodes file.

use crate::error::{Problem, find_closest, join_quoted};
use crate::methods::METHODS;

/// A problem of an electrodes file, or of the settings of its contacts.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ElectrodeProblem {
    /// The bytes are not UTF-8.
    #[error("not a text file, expected electrodes as CSV or JSON")]
    NoText,
    /// The file is empty.
    #[error("empty, expected a header and a row for each contact")]
    Empty,
    /// The file has only a header, or an empty list.
    #[error("no contacts, expected at least 1")]
    NoContacts,
    /// A required key is missing.
    #[error("no {noun} `{key}`, expected {}, found {found}", join_quoted(super::record::REQUIRED_KEYS, usize::MAX))]
    Missing {
        /// `column` or `key`.
        noun: &'static str,
        /// The key.
        key: &'static str,
        /// The existing keys.
        found: String,
    },
    /// A key is unknown, and similar to a known one.
    #[error("unknown {noun} `{found}`, expected {}", join_quoted(super::record::all_keys(), usize::MAX))]
    UnknownKey {
        /// `column` or `key`.
        noun: &'static str,
        /// The key.
        found: String,
        /// The known key.
        similar: &'static str,
    },
    /// Keys that nothing uses; a warning.
    #[error("{}, which nothing here uses", describe_unused(.noun, .names))]
    UnusedKeys {
        /// `column` or `key`.
        noun: &'static str,
        /// Their names.
        names: Vec<String>,
    },
    /// A column has values, but no name; a warning.
    #[error("no name for column {0}, whose values are ignored")]
    NamelessColumn(usize),
    /// The encoding is not known; a warning.
    #[error("neither UTF-8 nor UTF-16, read as Latin-1")]
    AssumedLatin1,
    /// The unit of a column is unknown.
    #[error("unknown unit of `{key}`, expected {expected}, found `{found}`")]
    UnitOfKey {
        /// The key.
        key: &'static str,
        /// The known units, quoted.
        expected: String,
        /// The unit.
        found: String,
    },
    /// The file states another unit than the caller.
    #[error("two units for `{key}`, expected `{expected}` as given for the file, found `{found}`")]
    ConflictingUnits {
        /// The key.
        key: &'static str,
        /// The unit that the caller gave.
        expected: &'static str,
        /// The unit in the file.
        found: String,
    },
    /// A key states no unit, and the coordinates state different ones.
    #[error(
        "unknown unit of `{key}`, expected it in the name, as in `{key} [{unit}]`, found `{unit}` for `{first}` and `{another}` \
         for `{second}`"
    )]
    UnknownUnit {
        /// The key.
        key: &'static str,
        /// A coordinate.
        first: &'static str,
        /// The unit of the coordinate.
        unit: &'static str,
        /// A coordinate with another unit.
        second: &'static str,
        /// The other unit.
        another: &'static str,
    },
    /// The JSON is an object, but not probeinterface's.
    #[error("wrong type, expected a list of contacts, or probeinterface's `probes`, found {0}")]
    NoList(String),
    /// Numbers have decimal points and decimal commas.
    #[error("decimal commas and decimal points, expected one of them, found `{comma}` and `{point}`")]
    MixedDecimals {
        /// A number with a comma.
        comma: String,
        /// A number with a point.
        point: String,
    },
    /// A column occurs twice.
    #[error("duplicate column `{0}`, expected each column once")]
    ColumnTwice(String),
    /// A row has the wrong length.
    #[error("wrong number of fields, expected {expected} as in the header, found {found}")]
    FieldCount {
        /// Number of columns in the header.
        expected: usize,
        /// Number of fields in the row.
        found: usize,
    },
    /// A value is missing, has the wrong type or is out of range.
    #[error("wrong `{key}`, expected {expected}, found {found}")]
    Value {
        /// Key of the value.
        key: &'static str,
        /// The valid values.
        expected: &'static str,
        /// The value, quoted.
        found: String,
    },
    /// Two contacts have the same name.
    #[error("duplicate name, expected each name once, found `{name}` also in {earlier}")]
    DuplicateName {
        /// The name.
        name: String,
        /// The earlier contact with the name.
        earlier: String,
    },
    /// The name is not valid for an HDF5 group.
    #[error("wrong name, expected a name without `/` and NUL that is not empty, `.` or `..`, found `{}`", .0.escape_debug())]
    Name(String),
    /// The name is that of a population in the electrodes file.
    #[error("wrong name, expected one different from all populations, found `{0}`")]
    PopulationName(String),
    /// No method has this type.
    #[error("unknown type, expected {known}, found `{0}`", known = method_names())]
    UnknownType(String),
    /// The type and a setting have different sizes.
    #[error("two values for `{key}`, expected `{expected}` as in the type, found `{found}`")]
    ConflictingSizes {
        /// Key of the size.
        key: &'static str,
        /// The size in the type.
        expected: f64,
        /// The size in the settings.
        found: f64,
    },
    /// The contact's method does not use a setting.
    #[error("`{method}` takes no `{setting}`, expected {accepted}, found `{setting}`")]
    UnsupportedSetting {
        /// The method.
        method: &'static str,
        /// The settings that it accepts.
        accepted: String,
        /// The setting.
        setting: &'static str,
    },
    /// The weights of a reference are another quantity.
    #[error("reference of another quantity, expected {expected}, found `{method}`")]
    Incomparable {
        /// Contacts that can be a reference.
        expected: &'static str,
        /// The method of the reference.
        method: &'static str,
    },
    /// A contact has the name that stands for the average of contacts.
    #[error("`average` is ambiguous, expected the name of a contact or the average, found a contact called `average`")]
    AmbiguousAverage,
    /// An average of one contact, which leaves nothing after subtraction.
    #[error("average of one contact, expected `average` as the `reference` of at least 2, found 1")]
    AverageOfOne,
    /// The JSON is invalid.
    #[error("no valid JSON at column {column}: {message}")]
    Syntax {
        /// Its column, from 1.
        column: usize,
        /// The parser's message.
        message: String,
    },
    /// A JSON value has the wrong type.
    #[error("wrong type, expected {expected}, found {found}")]
    Shape {
        /// The valid values.
        expected: &'static str,
        /// The value.
        found: String,
    },
    /// A list has another length than the list of contacts.
    #[error("wrong length, expected {expected}, one for each of `contact_positions`, found {found}")]
    Length {
        /// Number of contacts.
        expected: usize,
        /// Number of items.
        found: usize,
    },
    /// A position exceeds the range of float32, in which electrodes files have it.
    #[error("position of contact `{name}` out of range, expected float32 numbers, found {found:e} µm")]
    Position {
        /// The contact.
        name: String,
        /// The coordinate, µm.
        found: f64,
    },
    /// The name of an output file does not determine the format.
    #[error("unknown output format, expected a name that ends in `.csv` or `.json`")]
    UnknownExtension,
    /// The number of conductivities is neither one nor that of the contacts.
    #[error("wrong number of conductivities, expected {}, found {found}", expected_conductivities(*.analytic))]
    Conductivities {
        /// Number of contacts of analytic methods.
        analytic: usize,
        /// Number of given values.
        found: usize,
    },
}

fn describe_unused(noun: &str, names: &[String]) -> String {
    let plural = if names.len() == 1 { "" } else { "s" };
    format!("unknown {noun}{plural} {}", join_quoted(names, 12))
}

fn method_names() -> String {
    join_quoted(METHODS.iter().map(|method| method.name()), usize::MAX)
}

/// Returns the method whose name differs only in case, or little.
fn similar_method(found: &str) -> Option<&'static str> {
    let names = || METHODS.iter().map(|method| method.name());
    names().find(|name| name.eq_ignore_ascii_case(found)).or_else(|| find_closest(found, names()))
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
            Self::UnknownKey { similar, .. } => {
                return Some(format!("did you mean `{similar}`? rename it, or remove it"));
            }
            Self::UnknownType(found) => return similar_method(found).map(|name| format!("did you mean `{name}`?")),
            Self::FieldCount { expected, found } if *found >= expected + 2 => {
                "numbers with decimal commas need semicolons or tabs between the columns, or quotes"
            }
            Self::NoList(_) => {
                "write each contact as `{\"name\": \"a\", \"x\": 0, \"y\": 0, \"z\": 0}`, and all in `[`, `]`"
            }
            Self::ConflictingUnits { .. } => "leave `--units` out where the file states its unit",
            Self::PopulationName(_) => {
                "rename the contact: contacts and populations share one group in the electrodes file"
            }
            Self::AmbiguousAverage => "give this contact another name",
            Self::Position { .. } => "check the unit: positions are in µm",
            Self::UnsupportedSetting { .. } => "leave the cell empty, or choose another type",
            Self::Conductivities { .. } => {
                "give `--conductivity` one value for all such contacts, or one for each, in file order"
            }
            _ => return None,
        };
        Some(hint.into())
    }
}
