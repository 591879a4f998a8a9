//! One thing that is wrong with a file: its code, where it is, and what was found.

use std::fmt;

use super::code::{Code, Severity};
use crate::error::ErrorLocation;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it is.
    pub code: Code,
    /// The object, and the first row of it, without the file.
    pub place: ErrorLocation,
    /// What was expected and found there.
    pub text: String,
    /// How many more like it there are.
    pub more_count: u64,
    /// Whether `--fix` can mend it here.
    pub fixable: bool,
}

impl Finding {
    /// Its severity.
    pub fn severity(&self) -> Severity {
        self.code.entry().severity
    }

    /// What is done about it: by `--fix`, or by hand.
    pub fn remedy(&self) -> &'static str {
        self.code.entry().remedy
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.place, self.text)?;
        if self.more_count > 0 { write!(f, " (and {} more)", self.more_count) } else { Ok(()) }
    }
}

/// The findings of a file while it is examined.
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
        self.0.push(Finding { code, place, text, more_count: 0, fixable: code.entry().mended });
    }

    /// Whether there is a finding of a code.
    pub fn contains_code(&self, code: Code) -> bool {
        self.0.iter().any(|f| f.code == code)
    }

    /// Counts more of the last finding.
    pub fn set_last_more_count(&mut self, more: u64) {
        if let Some(last) = self.0.last_mut() {
            last.more_count = more;
        }
    }

    /// The last finding cannot be mended here, though others of its code can.
    pub fn mark_last_unfixable(&mut self) {
        if let Some(last) = self.0.last_mut() {
            last.fixable = false;
        }
    }

    /// All findings: errors first, then by code; each code's in the order in which they were found.
    pub fn into_sorted(mut self) -> Vec<Finding> {
        self.0.sort_by_key(|f| (std::cmp::Reverse(f.severity()), f.code));
        self.0
    }
}
