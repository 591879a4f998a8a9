//! Problems with advice of callers, and problems that several callers share.

use std::fmt;

use super::{Error, Problem};

/// A problem with advice that only a caller can give.
#[derive(Debug)]
pub(super) struct WithHint {
    pub problem: Box<dyn Problem>,
    pub hint: String,
}

impl fmt::Display for WithHint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.problem.fmt(f)
    }
}

impl std::error::Error for WithHint {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.problem.source()
    }
}

impl Problem for WithHint {
    fn hint(&self) -> Option<String> {
        let first = self.problem.hint().map(|hint| format!("{hint}; ")).unwrap_or_default();
        Some(first + &self.hint)
    }

    fn is_transient(&self) -> bool {
        self.problem.is_transient()
    }
}

/// A problem with a hint before its own.
#[derive(Debug)]
pub(super) struct WithFirstHint {
    pub problem: Box<dyn Problem>,
    pub hint: String,
}

impl fmt::Display for WithFirstHint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.problem.fmt(f)
    }
}

impl std::error::Error for WithFirstHint {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.problem.source()
    }
}

impl Problem for WithFirstHint {
    fn hint(&self) -> Option<String> {
        let others = self.problem.hint().map(|hint| format!("\n{hint}")).unwrap_or_default();
        Some(format!("{}{others}", self.hint))
    }

    fn is_transient(&self) -> bool {
        self.problem.is_transient()
    }
}

/// A problem that is shared; its place is told by the error that holds it.
#[derive(Debug)]
pub(super) struct SharedError(pub std::sync::Arc<Error>);

impl fmt::Display for SharedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.0.problem.fmt(f)
    }
}

impl std::error::Error for SharedError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.0.problem.source()
    }
}

impl Problem for SharedError {
    fn hint(&self) -> Option<String> {
        self.0.hint()
    }

    fn is_transient(&self) -> bool {
        self.0.is_transient()
    }
}
