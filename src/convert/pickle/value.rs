//! The values that the machine builds from a pickle. They refer to each other by number, so that nothing needs
//! recursion.

use std::cell::Cell;

use super::{GlobalName, MAX_ARRAY_BYTES_PER_FILE_BYTE, PickleProblem};
use crate::error::{Error, ErrorLocation, Result};

/// Maximum number of members of an object: pandas' have at most ten.
const MAX_MEMBERS: usize = 100;

/// Number of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ValueId(pub(super) u32);

/// A value. Texts and bytes are borrowed from the file.
#[derive(Debug, Clone, PartialEq)]
pub enum PickleValue<'a> {
    /// Python's `None`.
    None,
    /// A boolean.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A floating-point number.
    Float(f64),
    /// Text.
    Text(&'a str),
    /// Bytes.
    Bytes(&'a [u8]),
    /// A tuple.
    Tuple(Box<[ValueId]>),
    /// A list.
    List(Vec<ValueId>),
    /// Keys and values, in the order in which they were set.
    Dict(Vec<(ValueId, ValueId)>),
    /// A constructor.
    Global(GlobalName),
    /// A recorded call of a constructor.
    Object {
        /// The constructor.
        by: GlobalName,
        /// Its arguments.
        arguments: ValueId,
        /// The state that would be set afterwards.
        state: Option<ValueId>,
    },
}

impl PickleValue<'_> {
    /// Describes the value for messages.
    pub fn description(&self) -> String {
        match self {
            Self::None => "`None`".into(),
            Self::Bool(truth) => format!("`{}`", if *truth { "True" } else { "False" }),
            Self::Int(number) => format!("`{number}`"),
            Self::Float(number) => format!("`{number}`"),
            Self::Text(text) => format!("`{}`", text.chars().take(40).collect::<String>().escape_debug()),
            Self::Bytes(bytes) => format!("{} bytes", bytes.len()),
            Self::Tuple(items) => format!("a tuple of {}", items.len()),
            Self::List(items) => format!("a list of {}", items.len()),
            Self::Dict(items) => format!("a dictionary of {}", items.len()),
            Self::Global(name) => format!("the constructor of {}", name.as_str()),
            Self::Object { by, .. } => by.as_str().into(),
        }
    }
}

/// The values of a whole pickle.
#[derive(Debug)]
pub struct Pickle<'a> {
    /// All values, each with the byte offset at which it was created.
    pub(super) values: Vec<(PickleValue<'a>, u64)>,
    /// The value that the pickle ends with.
    pub(super) root: ValueId,
    /// The file's length.
    pub(super) length: u64,
    /// Bytes that arrays have claimed so far.
    pub(super) claimed_bytes: Cell<u64>,
}

impl<'a> Pickle<'a> {
    /// Returns the value that the pickle represents.
    pub fn root(&self) -> ValueId {
        self.root
    }

    /// Returns a value.
    pub fn get(&self, id: ValueId) -> &PickleValue<'a> {
        self.values.get(id.0 as usize).map_or(&PickleValue::None, |(value, _)| value)
    }

    /// Returns an error at the position of a value.
    pub(super) fn error(&self, id: ValueId, problem: PickleProblem) -> Error {
        let at = self.values.get(id.0 as usize).map_or(0, |(_, at)| *at);
        Error::new(ErrorLocation::default().with_item("byte").with_index(at), problem)
    }

    /// Returns the error for a value of the wrong type.
    pub(super) fn type_error(&self, id: ValueId, object: &'static str, expected: impl Into<String>) -> Error {
        let found = self.get(id).description();
        self.error(id, PickleProblem::WrongType { object, expected: expected.into(), found })
    }

    /// Counts bytes that an array uses: the same bytes may be used many times.
    pub(super) fn claim_bytes(&self, id: ValueId, bytes: usize) -> Result<()> {
        let (found, expected) =
            (self.claimed_bytes.get().saturating_add(bytes as u64), self.length * MAX_ARRAY_BYTES_PER_FILE_BYTE);
        self.claimed_bytes.set(found);
        if found > expected { Err(self.error(id, PickleProblem::MemoryLimit { expected, found })) } else { Ok(()) }
    }

    /// Returns the items of a tuple or a list.
    pub(super) fn items(&self, id: ValueId) -> Option<&[ValueId]> {
        match self.get(id) {
            PickleValue::Tuple(items) => Some(items),
            PickleValue::List(items) => Some(items),
            _ => None,
        }
    }

    /// Returns an integer.
    pub(super) fn int(&self, id: ValueId) -> Option<i64> {
        match self.get(id) {
            PickleValue::Int(number) => Some(*number),
            _ => None,
        }
    }

    /// Returns a text.
    pub(super) fn text(&self, id: ValueId) -> Option<&'a str> {
        match self.get(id) {
            PickleValue::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the last value set for a key.
    pub(super) fn dict_value(&self, dict: ValueId, key: &str) -> Option<ValueId> {
        let PickleValue::Dict(entries) = self.get(dict) else { return None };
        // a longer dictionary cannot be an object's members, and repeated searches in it would be slow
        let entries = if entries.len() <= MAX_MEMBERS { entries.as_slice() } else { &[] };
        entries.iter().rev().find(|(k, _)| self.text(*k) == Some(key)).map(|(_, value)| *value)
    }

    /// Returns the arguments and the state of a recorded call, if it was of the wanted constructor.
    pub(super) fn find_object(&self, id: ValueId, wanted: GlobalName) -> Option<(&[ValueId], Option<ValueId>)> {
        match self.get(id) {
            PickleValue::Object { by, arguments, state } if *by == wanted => Some((self.items(*arguments)?, *state)),
            _ => None,
        }
    }
}
