//! What the machine makes of a pickle: values that name each other by number, so that nothing has to recurse.

use std::cell::Cell;

use super::{GlobalName, MAX_ARRAY_BYTES_PER_FILE_BYTE, PickleProblem};
use crate::error::{Error, ErrorLocation, Result};

/// Members of an object: pandas' have at most ten.
const MAX_MEMBERS: usize = 100;

/// The number of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ValueId(pub(super) u32);

/// A value. Texts and bytes are those of the file.
#[derive(Debug, Clone, PartialEq)]
pub enum PickleValue<'a> {
    /// Python's `None`.
    None,
    /// A truth.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number.
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
    /// What a constructor would have made.
    Object {
        /// The constructor.
        by: GlobalName,
        /// What it would have been given.
        arguments: ValueId,
        /// What would have been set afterwards.
        state: Option<ValueId>,
    },
}

impl PickleValue<'_> {
    /// What it is, for people.
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

/// What a whole pickle stands for.
#[derive(Debug)]
pub struct Pickle<'a> {
    /// All values, each with the place in the file where it was made.
    pub(super) values: Vec<(PickleValue<'a>, u64)>,
    /// The value that the pickle ends with.
    pub(super) root: ValueId,
    /// The file's length.
    pub(super) length: u64,
    /// Bytes that arrays have claimed so far.
    pub(super) claimed_bytes: Cell<u64>,
}

impl<'a> Pickle<'a> {
    /// The value that the pickle stands for.
    pub fn root(&self) -> ValueId {
        self.root
    }

    /// A value.
    pub fn get(&self, id: ValueId) -> &PickleValue<'a> {
        self.values.get(id.0 as usize).map_or(&PickleValue::None, |(value, _)| value)
    }

    /// A problem with a value.
    pub(super) fn error(&self, id: ValueId, problem: PickleProblem) -> Error {
        let at = self.values.get(id.0 as usize).map_or(0, |(_, at)| *at);
        Error::new(ErrorLocation::default().with_item("byte").with_index(at), problem)
    }

    /// A value that is not what belongs there.
    pub(super) fn type_error(&self, id: ValueId, object: &'static str, expected: impl Into<String>) -> Error {
        let found = self.get(id).description();
        self.error(id, PickleProblem::WrongType { object, expected: expected.into(), found })
    }

    /// Counts bytes that an array takes: the same bytes may be named again and again.
    pub(super) fn claim_bytes(&self, id: ValueId, bytes: usize) -> Result<()> {
        let (found, expected) =
            (self.claimed_bytes.get().saturating_add(bytes as u64), self.length * MAX_ARRAY_BYTES_PER_FILE_BYTE);
        self.claimed_bytes.set(found);
        if found > expected { Err(self.error(id, PickleProblem::MemoryLimit { expected, found })) } else { Ok(()) }
    }

    /// The items of a tuple or a list.
    pub(super) fn items(&self, id: ValueId) -> Option<&[ValueId]> {
        match self.get(id) {
            PickleValue::Tuple(items) => Some(items),
            PickleValue::List(items) => Some(items),
            _ => None,
        }
    }

    /// A whole number.
    pub(super) fn int(&self, id: ValueId) -> Option<i64> {
        match self.get(id) {
            PickleValue::Int(number) => Some(*number),
            _ => None,
        }
    }

    /// Text.
    pub(super) fn text(&self, id: ValueId) -> Option<&'a str> {
        match self.get(id) {
            PickleValue::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The value of a key, the last one set.
    pub(super) fn dict_value(&self, dict: ValueId, key: &str) -> Option<ValueId> {
        let PickleValue::Dict(entries) = self.get(dict) else { return None };
        // a longer one is no object's members, and would be searched again and again
        let entries = if entries.len() <= MAX_MEMBERS { entries.as_slice() } else { &[] };
        entries.iter().rev().find(|(k, _)| self.text(*k) == Some(key)).map(|(_, value)| *value)
    }

    /// What a constructor would have been given and what would have been set, if the value is of that constructor.
    pub(super) fn find_object(&self, id: ValueId, wanted: GlobalName) -> Option<(&[ValueId], Option<ValueId>)> {
        match self.get(id) {
            PickleValue::Object { by, arguments, state } if *by == wanted => Some((self.items(*arguments)?, *state)),
            _ => None,
        }
    }
}
