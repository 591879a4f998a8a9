//! Errors that say where, what, what was expected and what was found.
//!
//! Every parser keeps a small enum of its own problems beside itself (a [`Problem`]); an [`Error`] is one such problem
//! and its [`ErrorLocation`]. It prints as `<file>: <object>[<row>]: <what>, expected <x>, found <y>`; advice is kept apart, in
//! [`Error::hint`].

mod hints;

use std::fmt;
use std::path::{Path, PathBuf};

use self::hints::{SharedError, WithFirstHint, WithHint};

/// The result of everything here that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What is wrong, without the place: implemented by the small enum beside each parser.
pub trait Problem: std::error::Error + Send + Sync + 'static {
    /// Advice that names the option or the edit that helps, if there is any.
    fn hint(&self) -> Option<String> {
        None
    }

    /// Whether the same run may succeed later, since the inputs are not at fault: a full disk, a file that is away.
    fn is_transient(&self) -> bool {
        false
    }
}

/// Where something is wrong: a file, an object in it, a row of the object. Each part may be missing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ErrorLocation {
    /// The file.
    pub file: Option<PathBuf>,
    /// The object in the file: a dataset, a JSON path, `line`, `node`.
    pub item: Option<String>,
    /// The row, line or id inside the object.
    pub index: Option<u64>,
}

impl ErrorLocation {
    /// A place that is a whole file.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self { file: Some(path.into()), ..Self::default() }
    }

    /// The same place, in this object.
    #[must_use]
    pub fn with_item(mut self, object: impl Into<String>) -> Self {
        self.item = Some(object.into());
        self
    }

    /// The same place, at this row.
    #[must_use]
    pub fn with_index(mut self, row: u64) -> Self {
        self.index = Some(row);
        self
    }
}

impl fmt::Display for ErrorLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{}: ", file.display())?;
        }
        match (&self.item, self.index) {
            (Some(object), Some(row)) => write!(f, "{object}[{row}]: "),
            (Some(object), None) => write!(f, "{object}: "),
            (None, Some(row)) => write!(f, "[{row}]: "),
            (None, None) => Ok(()),
        }
    }
}

/// A problem and its place.
pub struct Error(Box<Located>);

struct Located {
    location: ErrorLocation,
    problem: Box<dyn Problem>,
}

impl Error {
    /// A problem at a place.
    pub fn new(place: ErrorLocation, problem: impl Problem) -> Self {
        Self(Box::new(Located { location: place, problem: Box::new(problem) }))
    }

    /// A copy of an error that several callers meet: the same text, place and hint.
    #[must_use]
    pub fn from_shared(error: &std::sync::Arc<Self>) -> Self {
        let place = error.location().clone();
        Self(Box::new(Located { location: place, problem: Box::new(SharedError(error.clone())) }))
    }

    /// Where it is.
    pub fn location(&self) -> &ErrorLocation {
        &self.0.location
    }

    /// Advice, apart from the fact: a hint a line.
    pub fn hint(&self) -> Option<String> {
        self.0.problem.hint()
    }

    /// Whether the same run may succeed later, since the inputs are not at fault.
    pub fn is_transient(&self) -> bool {
        self.0.problem.is_transient()
    }

    /// The same error with more advice, after what there is.
    #[must_use]
    pub fn with_hint(self, advice: impl Into<String>) -> Self {
        let Located { location: place, problem } = *self.0;
        Self::new(place, WithHint { problem, hint: advice.into() })
    }

    /// The same error with a hint of its own line before the others.
    #[must_use]
    pub fn with_first_hint(self, hint: impl Into<String>) -> Self {
        let Located { location: place, problem } = *self.0;
        Self::new(place, WithFirstHint { problem, hint: hint.into() })
    }

    /// Names the file, unless a deeper call has named it.
    #[must_use]
    pub fn in_file(mut self, path: &Path) -> Self {
        self.0.location.file.get_or_insert_with(|| path.to_path_buf());
        self
    }

    /// Names the object, unless a deeper call has named it.
    #[must_use]
    pub fn in_item(mut self, object: &str) -> Self {
        self.0.location.item.get_or_insert_with(|| object.to_string());
        self
    }

    /// Names object and row, unless a deeper call has named either.
    #[must_use]
    pub fn at_index(mut self, object: &str, row: u64) -> Self {
        let place = &mut self.0.location;
        if place.item.is_none() && place.index.is_none() {
            place.item = Some(object.to_string());
            place.index = Some(row);
        }
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.0.location, self.0.problem)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")?;
        let hints = self.hint().unwrap_or_default();
        hints.lines().try_for_each(|hint| write!(f, "\nhint: {hint}"))
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.problem.source()
    }
}

impl<P: Problem> From<P> for Error {
    fn from(problem: P) -> Self {
        Self::new(ErrorLocation::default(), problem)
    }
}

/// Adds the place to a result on its way up.
pub trait Context<T> {
    /// Names the file, unless a deeper call has named it.
    fn in_file(self, path: &Path) -> Result<T>;
    /// Names the object, unless a deeper call has named it.
    fn in_item(self, object: &str) -> Result<T>;
    /// Names object and row, unless a deeper call has named either.
    fn at_index(self, object: &str, row: u64) -> Result<T>;
}

impl<T, E: Into<Error>> Context<T> for std::result::Result<T, E> {
    fn in_file(self, path: &Path) -> Result<T> {
        self.map_err(|e| e.into().in_file(path))
    }

    fn in_item(self, object: &str) -> Result<T> {
        self.map_err(|e| e.into().in_item(object))
    }

    fn at_index(self, object: &str, row: u64) -> Result<T> {
        self.map_err(|e| e.into().at_index(object, row))
    }
}

/// The operating system's refusals, in one line each.
#[derive(Debug, thiserror::Error)]
pub enum FileProblem {
    /// Reading failed.
    #[error("cannot be read: {}", os_error_text(.0))]
    Read(#[source] std::io::Error),
    /// Writing failed.
    #[error("cannot be written: {}", os_error_text(.0))]
    Write(#[source] std::io::Error),
    /// The output would not find room.
    #[error("too little space on the disk, expected {expected} bytes, found {found} that are free")]
    NoSpace {
        /// As many as the output needs, or at least needs.
        expected: u64,
        /// As many as there are.
        found: u64,
    },
    /// An output is there already.
    #[error("exists already")]
    Exists,
    /// A folder stands where a file is to be.
    #[error("is a folder, expected a file or a free name")]
    IsFolder,
    /// A file stands where a folder is to be.
    #[error("is a file, expected a folder or a free name")]
    IsFile,
    /// A device, a pipe or a socket, which a complete output would replace.
    #[error("is a device or a pipe, expected a file or a free name")]
    SpecialFile,
    /// A pipe, a socket or a device in the place of an input.
    #[error("is {0}, expected a file")]
    NotRegular(&'static str),
    /// An output in the place of an input.
    #[error("is an input too, expected an output of another name")]
    IsInput,
    /// An input in the place where an output is until it is complete.
    #[error("would be overwritten while `{}` is made, expected an input of another name", .0.display())]
    IsPartial(std::path::PathBuf),
}

impl Problem for FileProblem {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Exists => Some("choose another name, or replace it with `--force`".into()),
            Self::IsFolder | Self::IsFile => Some("choose another name, or remove it by hand".into()),
            Self::SpecialFile | Self::IsInput | Self::IsPartial(_) => Some("choose another name for the output".into()),
            Self::Write(e) if e.kind() == std::io::ErrorKind::NotFound => Some("make its folder first".into()),
            Self::NotRegular(_) => Some("write what comes from it to a file first".into()),
            Self::NoSpace { .. } => Some("make room, or write to another disk".into()),
            Self::Read(_) | Self::Write(_) => None,
        }
    }

    fn is_transient(&self) -> bool {
        matches!(self, Self::Read(_) | Self::Write(_) | Self::NoSpace { .. })
    }
}

/// An operating-system message without Rust's ` (os error 2)` and with a lower-case start.
fn os_error_text(error: &std::io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut chars = text.chars();
    chars.next().map(|c| c.to_lowercase().chain(chars).collect()).unwrap_or_default()
}

/// `1 segment`, `2 segments`: a count with its noun.
pub fn format_count(n: impl Into<u128>, noun: &str) -> String {
    match n.into() {
        1 => format!("1 {noun}"),
        n => format!("{n} {noun}s"),
    }
}

/// Names joined for a message: `a`, `b` and 7 more. At most `most` of them are spelt out.
pub fn join_quoted<S: AsRef<str>>(names: impl IntoIterator<Item = S>, most: usize) -> String {
    let names: Vec<S> = names.into_iter().collect();
    if names.is_empty() {
        return "none".into();
    }
    let shown: Vec<String> = names.iter().take(most).map(|n| format!("`{}`", n.as_ref())).collect();
    match names.len() - shown.len() {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// The one of some names that a name is most like, if it may be that name misspelled.
pub fn find_closest<S: AsRef<str>>(name: &str, known: impl IntoIterator<Item = S>) -> Option<S> {
    // swapped letters count once
    let distance = |other: &S| strsim::damerau_levenshtein(name, other.as_ref());
    let (distance, closest) = known.into_iter().map(|other| (distance(&other), other)).min_by_key(|(d, _)| *d)?;
    // one letter in three may differ: of two letters none
    (distance > 0 && distance <= name.chars().count() / 3).then_some(closest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("unknown parent, expected the id of an earlier sample, found `9`")]
    struct UnknownParent;
    impl Problem for UnknownParent {}

    #[test]
    fn the_deepest_place_wins_and_the_rest_is_filled_in() {
        let error = Error::from(UnknownParent).at_index("line", 3).in_file(Path::new("a.swc")).at_index("node", 7);
        assert_eq!(
            error.to_string(),
            "a.swc: line[3]: unknown parent, expected the id of an earlier sample, found `9`"
        );
    }

    #[test]
    fn advice_of_callers_follows_that_of_the_problem() {
        let advised = Error::from(UnknownParent).with_hint("see `a`");
        assert_eq!(advised.hint().unwrap(), "see `a`");
        assert_eq!(
            Error::from(FileProblem::Exists).with_hint("b").hint().unwrap(),
            format!("{}; b", FileProblem::Exists.hint().unwrap())
        );
    }

    #[test]
    fn long_lists_are_cut() {
        assert_eq!(join_quoted(["a", "b", "c"], 2), "`a`, `b` and 1 more");
        assert_eq!(join_quoted(["a"], 2), "`a`");
    }
}
