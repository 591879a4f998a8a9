//! Values of an attribute in the form in which the file stores them.

use super::NodesProblem;
use crate::error::Result;
use crate::io::hdf5::{Hdf5File, Hdf5Problem};

/// Values of an attribute in the form in which the file stores them.
#[derive(Debug)]
pub enum AttributeColumn {
    /// Indices into the strings of a library.
    Enumeration {
        /// The strings; numbers are converted to text.
        library: Vec<String>,
        /// One index per node, each within the library.
        index: Vec<u32>,
    },
    /// Text.
    Text(Vec<String>),
    /// Integers.
    Integer(Vec<i64>),
    /// Floating-point numbers.
    Float(Vec<f64>),
    /// Booleans.
    Boolean(Vec<bool>),
}

impl AttributeColumn {
    /// Reads a column of text, numbers or booleans.
    ///
    /// # Errors
    /// Returns an error if the column is missing, has another type or an integer above 2^63 - 1, or cannot be read.
    pub fn read(file: &Hdf5File, object: &str) -> Result<Self> {
        let found = file.type_name(object)?;
        match found.trim_end_matches(|c: char| c.is_ascii_digit()) {
            // the library would convert larger integers to the largest signed one
            "uint" if found == "uint64" => {
                let fit = |(row, found): (usize, u64)| {
                    let too_large = |_| file.error_at(object, row, NodesProblem::IntegerTooLarge(found));
                    i64::try_from(found).map_err(too_large)
                };
                file.read_unsigned(object)?.into_iter().enumerate().map(fit).collect::<Result<_>>().map(Self::Integer)
            }
            "int" | "uint" => Ok(Self::Integer(file.read_signed(object)?)),
            "float" => Ok(Self::Float(file.read_floats(object)?)),
            "bool" => Ok(Self::Boolean(file.read_booleans(object)?)),
            kind if kind.starts_with("string") || kind.starts_with("unicode") => {
                Ok(Self::Text(file.read_strings(object)?))
            }
            _ => Err(file.error(object, Hdf5Problem::Type { expected: "text, numbers or booleans", found })),
        }
    }

    /// Returns the number of values.
    pub fn len(&self) -> usize {
        match self {
            Self::Enumeration { index, .. } => index.len(),
            Self::Text(texts) => texts.len(),
            Self::Integer(numbers) => numbers.len(),
            Self::Float(numbers) => numbers.len(),
            Self::Boolean(flags) => flags.len(),
        }
    }

    /// Returns what the values are: text, numbers or booleans.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Enumeration { .. } | Self::Text(_) => "text",
            Self::Integer(_) | Self::Float(_) => "numbers",
            Self::Boolean(_) => "booleans",
        }
    }

    /// Returns the text at a row; `None` outside the column or if it contains no text.
    pub fn text(&self, row: usize) -> Option<&str> {
        match self {
            Self::Enumeration { library, index } => library.get(*index.get(row)? as usize).map(String::as_str),
            Self::Text(texts) => texts.get(row).map(String::as_str),
            Self::Integer(_) | Self::Float(_) | Self::Boolean(_) => None,
        }
    }
}

/// Returns a boolean as node sets, conditions and results have it.
pub fn boolean_text(flag: bool) -> &'static str {
    if flag { "true" } else { "false" }
}

/// Reads the entries of a library, with numbers and booleans converted to text.
///
/// # Errors
/// Returns the errors of [`AttributeColumn::read`].
pub fn read_library(file: &Hdf5File, object: &str) -> Result<Vec<String>> {
    Ok(match AttributeColumn::read(file, object)? {
        AttributeColumn::Text(texts) => texts,
        AttributeColumn::Integer(numbers) => numbers.iter().map(i64::to_string).collect(),
        AttributeColumn::Float(numbers) => numbers.iter().map(f64::to_string).collect(),
        AttributeColumn::Boolean(flags) => flags.iter().map(|&flag| boolean_text(flag).to_string()).collect(),
        AttributeColumn::Enumeration { library, .. } => library,
    })
}
