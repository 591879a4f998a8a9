//! Errors that state the location, the problem, what was expected and what was found.
//!
//! Every parser has a small enum of its problems (a [`Problem`]); an [`Error`] is one problem with its
//! [`ErrorLocation`]. It is printed as `<file>: <object>[<row>]: <what>, expected <x>, found <y>`; hints are separate,
//! in [`Error::hint`].

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The result type of fallible functions in this library.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The kinds of errors, for programs that react to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The operating system refused to read or to write: the same run may succeed later.
    Io,
    /// There is too little space for the output.
    NoSpace,
    /// A file already exists under the name of an output, or another run is writing it.
    OutputConflict,
    /// A file, an option or a combination of them cannot be used.
    InvalidInput,
    /// A file was changed or damaged since it was written.
    Damaged,
    /// The run was stopped on request.
    Interrupted,
}

/// A description of what is wrong, without its location. Each parser has an enum that implements it.
pub trait Problem: std::error::Error + Send + Sync + 'static {
    /// Returns the kind of the error.
    fn kind(&self) -> ErrorKind {
        ErrorKind::InvalidInput
    }

    /// Returns advice that names the option or the edit that helps, if there is any.
    fn hint(&self) -> Option<String> {
        None
    }

    /// Returns whether the same run may succeed later because the inputs are valid, e.g. after a full disk or with a
    /// file that is temporarily unavailable.
    fn is_transient(&self) -> bool {
        false
    }
}

/// The location of a problem: a file, an object in it, a row of the object. Each part may be missing.
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
    /// Creates the location of a file.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self { file: Some(path.into()), ..Self::default() }
    }

    /// Returns the same location, in an object.
    #[must_use]
    pub fn with_item(mut self, object: impl Into<String>) -> Self {
        self.item = Some(object.into());
        self
    }

    /// Returns the same location, at a row.
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

/// A problem and its location. A clone shares the problem.
#[derive(Clone)]
pub struct Error(Box<LocatedProblem>);

#[derive(Clone)]
struct LocatedProblem {
    location: ErrorLocation,
    problem: Arc<dyn Problem>,
    /// Hints on lines of their own before that of the problem.
    first_hints: Vec<String>,
    /// Hints after that of the problem, on its line.
    more_hints: Vec<String>,
}

impl Error {
    /// Creates the error of a problem at a location.
    pub fn new(location: ErrorLocation, problem: impl Problem) -> Self {
        let (first_hints, more_hints) = (Vec::new(), Vec::new());
        Self(Box::new(LocatedProblem { location, problem: Arc::new(problem), first_hints, more_hints }))
    }

    /// Returns the location.
    pub fn location(&self) -> &ErrorLocation {
        &self.0.location
    }

    /// Returns the problem, if it is of this type, so that a program can match on it.
    pub fn problem<P: Problem>(&self) -> Option<&P> {
        let problem: &dyn std::error::Error = &*self.0.problem;
        problem.downcast_ref()
    }

    /// Returns the kind of error.
    ///
    /// ```
    /// use leadfield::prelude::*;
    ///
    /// let error = Electrodes::read("missing.csv").err().unwrap();
    /// assert_eq!(error.kind(), ErrorKind::Io);
    /// assert_eq!(error.to_string(), "missing.csv: cannot be read: no such file or directory");
    /// ```
    pub fn kind(&self) -> ErrorKind {
        self.0.problem.kind()
    }

    /// Returns the advice, which is separate from the message: one hint on each line.
    pub fn hint(&self) -> Option<String> {
        let LocatedProblem { problem, first_hints, more_hints, .. } = &*self.0;
        let line: Vec<String> = problem.hint().into_iter().chain(more_hints.iter().cloned()).collect();
        let line = (!line.is_empty()).then(|| line.join("; "));
        let lines: Vec<String> = first_hints.iter().cloned().chain(line).collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    }

    /// Returns whether the same run may succeed later because the inputs are valid.
    pub fn is_transient(&self) -> bool {
        self.0.problem.is_transient()
    }

    /// Returns the error with another hint after the others.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.more_hints.push(hint.into());
        self
    }

    /// Returns the error with another hint on a separate line before the others.
    #[must_use]
    pub fn with_first_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.first_hints.insert(0, hint.into());
        self
    }

    /// Sets the file, unless a deeper call has set it.
    #[must_use]
    pub fn in_file(mut self, path: &Path) -> Self {
        self.0.location.file.get_or_insert_with(|| path.to_path_buf());
        self
    }

    /// Names the item, unless a deeper call has named it.
    #[must_use]
    pub fn in_item(mut self, item: &str) -> Self {
        self.0.location.item.get_or_insert_with(|| item.to_string());
        self
    }

    /// Names item and index, unless a deeper call has named either.
    #[must_use]
    pub fn at_index(mut self, item: &str, index: u64) -> Self {
        let location = &mut self.0.location;
        if location.item.is_none() && location.index.is_none() {
            location.item = Some(item.to_string());
            location.index = Some(index);
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
    /// Returns the problem without its location; [`Error::problem`] downcasts it.
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.0.problem)
    }
}

impl<P: Problem> From<P> for Error {
    fn from(problem: P) -> Self {
        Self::new(ErrorLocation::default(), problem)
    }
}

/// Adds the location to a result that is passed up.
pub trait Context<T> {
    /// Sets the file, unless a deeper call has set it.
    fn in_file(self, path: &Path) -> Result<T>;
    /// Sets the object, unless a deeper call has set it.
    fn in_item(self, object: &str) -> Result<T>;
    /// Sets object and row, unless a deeper call has set either.
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

/// Problems of reading and writing files, as one line each.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileProblem {
    /// Reading failed.
    #[error("cannot be read: {}", os_error_text(.0))]
    Read(#[source] std::io::Error),
    /// Writing failed.
    #[error("cannot be written: {}", os_error_text(.0))]
    Write(#[source] std::io::Error),
    /// There is not enough disk space for the output.
    #[error("too little space on the disk, expected {expected} bytes, found {found} that are free")]
    NoSpace {
        /// Number of bytes that the output needs, or a lower bound.
        expected: u64,
        /// Number of free bytes.
        found: u64,
    },
    /// The output already exists.
    #[error("exists already")]
    Exists,
    /// The path of a file is a folder.
    #[error("is a folder, expected a file or a free name")]
    IsFolder,
    /// The path of a folder is a file.
    #[error("is a file, expected a folder or a free name")]
    IsFile,
    /// The output is a device, a pipe or a socket, which a complete output would replace.
    #[error("is a device or a pipe, expected a file or a free name")]
    SpecialFile,
    /// The input is a pipe, a socket or a device.
    #[error("is {0}, expected a file")]
    NotRegular(&'static str),
    /// The input is a folder.
    #[error("is a folder, expected a file")]
    InputFolder,
    /// The input is binary where text is read.
    #[error("is {0}, expected text")]
    Binary(&'static str),
    /// The input is too long for a text file.
    #[error("too long, expected text of at most {most} bytes, found {found}")]
    TooLong {
        /// The most bytes that are read.
        most: u64,
        /// Length of the file.
        found: u64,
    },
    /// The input is longer than a text file may be; its length is not known.
    #[error("too long, expected text of at most {0} bytes, found more")]
    Endless(u64),
    /// The output is also an input.
    #[error("is also an input, expected another file as output")]
    IsInput,
    /// The input has the temporary name of an output that is being written.
    #[error("would be overwritten while `{}` is made, expected an input of another name", .0.display())]
    IsPartial(std::path::PathBuf),
}

impl Problem for FileProblem {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Read(_) | Self::Write(_) => ErrorKind::Io,
            Self::NoSpace { .. } => ErrorKind::NoSpace,
            Self::Exists | Self::IsFolder | Self::IsFile | Self::SpecialFile | Self::IsInput | Self::IsPartial(_) => {
                ErrorKind::OutputConflict
            }
            Self::NotRegular(_) | Self::InputFolder | Self::Binary(_) | Self::TooLong { .. } | Self::Endless(_) => {
                ErrorKind::InvalidInput
            }
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Exists => Some("choose another name, or replace it with `--force`".into()),
            Self::IsFolder | Self::IsFile => Some("choose another name, or remove it by hand".into()),
            Self::SpecialFile | Self::IsInput | Self::IsPartial(_) => Some("choose another name for the output".into()),
            Self::Write(e) if e.kind() == std::io::ErrorKind::NotFound => Some("make its folder first".into()),
            Self::NotRegular(_) => Some("write its data to a file first".into()),
            Self::NoSpace { .. } => Some("free some space, or write to another disk".into()),
            Self::Read(_)
            | Self::Write(_)
            | Self::InputFolder
            | Self::Binary(_)
            | Self::TooLong { .. }
            | Self::Endless(_) => None,
        }
    }

    fn is_transient(&self) -> bool {
        matches!(self, Self::Read(_) | Self::Write(_) | Self::NoSpace { .. })
    }
}

/// Returns an operating-system message without Rust's ` (os error 2)` and with a lower-case start.
fn os_error_text(error: &std::io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut chars = text.chars();
    chars.next().map(|c| c.to_lowercase().chain(chars).collect()).unwrap_or_default()
}

/// Formats a count with its noun: `1 segment`, `2 segments`.
#[doc(hidden)]
pub fn format_count(n: impl Into<u128>, noun: &str) -> String {
    match n.into() {
        1 => format!("1 {noun}"),
        n => format!("{n} {noun}s"),
    }
}

/// Returns a text without control characters, which could change what a terminal shows: each is replaced by its escape,
/// such as `\u{1b}`.
///
/// ```
/// assert_eq!(leadfield::error::escape_controls("a\u{1b}[2Jb"), "a\\u{1b}[2Jb");
/// ```
pub fn escape_controls(text: &str) -> Cow<'_, str> {
    if !text.contains(char::is_control) {
        return text.into();
    }
    let escape = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    text.chars().map(escape).collect::<String>().into()
}

/// Joins quoted names for a message: `a`, `b` and 7 more. At most `most` of them are listed.
#[doc(hidden)]
pub fn join_quoted<S: AsRef<str>>(names: impl IntoIterator<Item = S>, most: usize) -> String {
    let names: Vec<S> = names.into_iter().collect();
    if names.is_empty() {
        return "none".into();
    }
    let shown: Vec<String> = names.iter().take(most).map(|n| format!("`{}`", escape_controls(n.as_ref()))).collect();
    match names.len() - shown.len() {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// Returns the most similar of the known names, if `name` may be a misspelling of it.
#[doc(hidden)]
pub fn find_closest<S: AsRef<str>>(name: &str, known: impl IntoIterator<Item = S>) -> Option<S> {
    // transposed letters count as one difference
    let distance = |other: &S| strsim::damerau_levenshtein(name, other.as_ref());
    let (distance, closest) = known.into_iter().map(|other| (distance(&other), other)).min_by_key(|(d, _)| *d)?;
    // one letter in three may differ, so names of two letters must match
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
    fn the_deepest_location_wins_and_missing_parts_are_added() {
        let error = Error::from(UnknownParent).at_index("line", 3).in_file(Path::new("a.swc")).at_index("node", 7);
        assert_eq!(
            error.to_string(),
            "a.swc: line[3]: unknown parent, expected the id of an earlier sample, found `9`"
        );
    }

    #[test]
    fn hints_of_callers_follow_those_of_the_problem() {
        let advised = Error::from(UnknownParent).with_hint("see `a`");
        assert_eq!(advised.hint().unwrap(), "see `a`");
        assert_eq!(
            Error::from(FileProblem::Exists).with_hint("b").hint().unwrap(),
            format!("{}; b", FileProblem::Exists.hint().unwrap())
        );
    }

    #[test]
    fn an_error_can_be_matched_and_gives_its_problem_as_source() {
        let error = Error::from(FileProblem::Exists).in_file(Path::new("w.h5")).with_first_hint("a").with_hint("b");
        assert_eq!(
            (error.kind(), Error::from(UnknownParent).kind()),
            (ErrorKind::OutputConflict, ErrorKind::InvalidInput)
        );
        assert!(matches!(error.problem(), Some(FileProblem::Exists)) && error.problem::<UnknownParent>().is_none());
        let source = std::error::Error::source(&error).unwrap();
        assert_eq!((source.to_string(), error.to_string()), ("exists already".into(), "w.h5: exists already".into()));
        let hint = FileProblem::Exists.hint().unwrap();
        assert_eq!(error.clone().hint().unwrap(), format!("a\n{hint}; b"));
    }

    #[test]
    fn long_lists_are_cut() {
        assert_eq!(join_quoted(["a", "b", "c"], 2), "`a`, `b` and 1 more");
        assert_eq!(join_quoted(["a"], 2), "`a`");
    }
}
