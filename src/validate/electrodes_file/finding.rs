//! A fault of an electrodes file: its code, location, and what was expected and found.

use std::fmt;

use super::code::{Code, Severity};
use crate::error::ErrorLocation;

/// A fault that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The code of the fault.
    pub code: Code,
    /// The object, and its first faulty row if known, without the file name.
    pub place: ErrorLocation,
    /// What was expected and what was found there.
    pub text: String,
    /// Number of further faults of the same kind.
    pub more_count: u64,
    /// Whether `--fix` can fix it here.
    pub fixable: bool,
}

impl Finding {
    /// Returns the severity of its code.
    pub fn severity(&self) -> Severity {
        self.code.description().severity
    }

    /// Returns how to fix the fault, with `--fix` or by hand.
    pub fn remedy(&self) -> &'static str {
        self.code.description().remedy
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.place, self.text)?;
        if self.more_count > 0 { write!(f, " (and {} more)", self.more_count) } else { Ok(()) }
    }
}

/// Findings collected while a file is examined.
#[derive(Debug, Default)]
pub(super) struct FindingList(Vec<Finding>);

impl FindingList {
    /// Adds a finding at an object.
    pub fn add(&mut self, code: Code, object: impl Into<String>, text: impl Into<String>) {
        self.push(code, ErrorLocation::default().with_item(object), text.into());
    }

    /// Adds a finding at a row of an object.
    pub fn add_at(&mut self, code: Code, object: impl Into<String>, row: u64, text: impl Into<String>) {
        self.push(code, ErrorLocation::default().with_item(object).with_index(row), text.into());
    }

    fn push(&mut self, code: Code, place: ErrorLocation, text: String) {
        self.0.push(Finding { code, place, text, more_count: 0, fixable: code.description().fixable });
    }

    /// Returns whether there is a finding with this code.
    pub fn contains_code(&self, code: Code) -> bool {
        self.0.iter().any(|f| f.code == code)
    }

    /// Sets the number of further faults like the last finding.
    pub fn set_last_more_count(&mut self, more: u64) {
        if let Some(last) = self.0.last_mut() {
            last.more_count = more;
        }
    }

    /// Marks the last finding as not fixable here, though others with its code are.
    pub fn mark_last_unfixable(&mut self) {
        if let Some(last) = self.0.last_mut() {
            last.fixable = false;
        }
    }

    /// Returns all findings: errors first, then by code, and each code's in the order found.
    pub fn into_sorted(mut self) -> Vec<Finding> {
        self.0.sort_by_key(|f| (std::cmp::Reverse(f.severity()), f.code));
        self.0
    }
}
