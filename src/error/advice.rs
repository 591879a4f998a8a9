//! Problems with advice of callers, and problems that several callers share.

use std::fmt;

use super::{Error, Problem};

/// A problem with advice that only a caller can give.
#[derive(Debug)]
pub(super) struct Advised {
    pub problem: Box<dyn Problem>,
    pub advice: String,
}

impl fmt::Display for Advised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.problem.fmt(f)
    }
}

impl std::error::Error for Advised {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.problem.source()
    }
}

impl Problem for Advised {
    fn hint(&self) -> Option<String> {
        let first = self.problem.hint().map(|hint| format!("{hint}; ")).unwrap_or_default();
        Some(first + &self.advice)
    }

    fn may_pass(&self) -> bool {
        self.problem.may_pass()
    }
}

/// A problem with a hint before its own.
#[derive(Debug)]
pub(super) struct FirstHint {
    pub problem: Box<dyn Problem>,
    pub hint: String,
}

impl fmt::Display for FirstHint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.problem.fmt(f)
    }
}

impl std::error::Error for FirstHint {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.problem.source()
    }
}

impl Problem for FirstHint {
    fn hint(&self) -> Option<String> {
        let others = self.problem.hint().map(|hint| format!("\n{hint}")).unwrap_or_default();
        Some(format!("{}{others}", self.hint))
    }

    fn may_pass(&self) -> bool {
        self.problem.may_pass()
    }
}

/// A problem that is shared; its place is told by the error that holds it.
#[derive(Debug)]
pub(super) struct Shared(pub std::sync::Arc<Error>);

impl fmt::Display for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.0.problem.fmt(f)
    }
}

impl std::error::Error for Shared {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.0.problem.source()
    }
}

impl Problem for Shared {
    fn hint(&self) -> Option<String> {
        self.0.hint()
    }

    fn may_pass(&self) -> bool {
        self.0.may_pass()
    }
}
