//! What the machine makes of a pickle: values that name each other by number, so that nothing has to recurse.

use std::cell::Cell;

use super::{MOST_SHARED, Name, PickleProblem};
use crate::error::{Error, Place, Result};

/// Members of an object: pandas' have at most ten.
const MOST_MEMBERS: usize = 100;

/// The number of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Id(pub(super) u32);

/// A value. Texts and bytes are those of the file.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
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
    Tuple(Box<[Id]>),
    /// A list.
    List(Vec<Id>),
    /// Keys and values, in the order in which they were set.
    Dict(Vec<(Id, Id)>),
    /// A constructor.
    Name(Name),
    /// What a constructor would have made.
    Made {
        /// The constructor.
        by: Name,
        /// What it would have been given.
        arguments: Id,
        /// What would have been set afterwards.
        state: Option<Id>,
    },
}

impl Value<'_> {
    /// What it is, for people.
    pub fn described(&self) -> String {
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
            Self::Name(name) => format!("the constructor of {}", name.text()),
            Self::Made { by, .. } => by.text().into(),
        }
    }
}

/// What a whole pickle stands for.
#[derive(Debug)]
pub struct Pickle<'a> {
    /// All values, each with the place in the file where it was made.
    pub(super) values: Vec<(Value<'a>, u64)>,
    /// The value that the pickle ends with.
    pub(super) root: Id,
    /// The file's length.
    pub(super) length: u64,
    /// Bytes that arrays have claimed so far.
    pub(super) claimed: Cell<u64>,
}

impl<'a> Pickle<'a> {
    /// The value that the pickle stands for.
    pub fn root(&self) -> Id {
        self.root
    }

    /// A value.
    pub fn get(&self, id: Id) -> &Value<'a> {
        self.values.get(id.0 as usize).map_or(&Value::None, |(value, _)| value)
    }

    /// A problem with a value.
    pub(super) fn error(&self, id: Id, problem: PickleProblem) -> Error {
        let at = self.values.get(id.0 as usize).map_or(0, |(_, at)| *at);
        Error::new(Place::default().object("byte").row(at), problem)
    }

    /// A value that is not what belongs there.
    pub(super) fn wrong(&self, id: Id, object: &'static str, expected: impl Into<String>) -> Error {
        let found = self.get(id).described();
        self.error(id, PickleProblem::Wrong { object, expected: expected.into(), found })
    }

    /// Counts bytes that an array takes: the same bytes may be named again and again.
    pub(super) fn claim(&self, id: Id, bytes: usize) -> Result<()> {
        let (found, expected) = (self.claimed.get().saturating_add(bytes as u64), self.length * MOST_SHARED);
        self.claimed.set(found);
        if found > expected { Err(self.error(id, PickleProblem::Claim { expected, found })) } else { Ok(()) }
    }

    /// The items of a tuple or a list.
    pub(super) fn items(&self, id: Id) -> Option<&[Id]> {
        match self.get(id) {
            Value::Tuple(items) => Some(items),
            Value::List(items) => Some(items),
            _ => None,
        }
    }

    /// A whole number.
    pub(super) fn int(&self, id: Id) -> Option<i64> {
        match self.get(id) {
            Value::Int(number) => Some(*number),
            _ => None,
        }
    }

    /// Text.
    pub(super) fn text(&self, id: Id) -> Option<&'a str> {
        match self.get(id) {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The value of a key, the last one set.
    pub(super) fn entry(&self, dict: Id, key: &str) -> Option<Id> {
        let Value::Dict(entries) = self.get(dict) else { return None };
        // a longer one is no object's members, and would be searched again and again
        let entries = if entries.len() <= MOST_MEMBERS { entries.as_slice() } else { &[] };
        entries.iter().rev().find(|(k, _)| self.text(*k) == Some(key)).map(|(_, value)| *value)
    }

    /// What a constructor would have been given and what would have been set, if the value is of that constructor.
    pub(super) fn made(&self, id: Id, wanted: Name) -> Option<(&[Id], Option<Id>)> {
        match self.get(id) {
            Value::Made { by, arguments, state } if *by == wanted => Some((self.items(*arguments)?, *state)),
            _ => None,
        }
    }
}
