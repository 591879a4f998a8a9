//! Turns panics of the Arrow and Parquet crates on damaged files into errors.
//!
//! Both crates return errors for most damaged input, but index, slice or allocate by unchecked numbers in some places.
//! Every call of one of their readers goes through [`catch_panics`] or [`PanicGuard`]; the panic's message becomes part
//! of the error and is not printed. None of this crate's own code runs inside them.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

use crate::error::{Error, ErrorKind, Problem, Result};

/// A reader panicked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("damaged, expected a file that can be decoded, found one that the reader fails at ({0})")]
pub struct ReaderPanic(String);

impl Problem for ReaderPanic {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Damaged
    }

    fn hint(&self) -> Option<String> {
        Some("the file is damaged: make it again, or fetch it again".into())
    }
}

thread_local! {
    /// Whether this thread is inside [`catch_panics`].
    static CATCHING: Cell<bool> = const { Cell::new(false) };
}

/// Suppresses the message of a panic on threads that catch it; all other panics go to the previous hook.
fn silence_caught_panics() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let previous = take_hook();
        set_hook(Box::new(move |info| {
            if !CATCHING.get() {
                previous(info);
            }
        }));
    });
}

/// Calls a reader, and turns its panic into a [`ReaderPanic`].
///
/// # Errors
/// Returns the error of the reader, or a [`ReaderPanic`] if it panics.
pub fn catch_panics<T, E: Into<Error>>(read: impl FnOnce() -> Result<T, E>) -> Result<T> {
    silence_caught_panics();
    let outer = CATCHING.replace(true);
    // unwind safety: callers drop a reader that panicked and never use it again, which `PanicGuard` ensures
    let result = catch_unwind(AssertUnwindSafe(read));
    CATCHING.set(outer);
    match result {
        Ok(result) => result.map_err(Into::into),
        Err(payload) => Err(ReaderPanic(panic_summary(payload.as_ref())).into()),
    }
}

/// Returns the first line of a panic's message, without the values of a long one.
fn panic_summary(payload: &(dyn std::any::Any + Send)) -> String {
    /// The message is cut at this length.
    const MAX_CHARS: usize = 120;
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("no message");
    text.lines().next().unwrap_or_default().chars().take(MAX_CHARS).collect()
}

/// An iterator over a reader that calls [`catch_panics`] for each step. After a panic it ends.
#[derive(Debug)]
pub struct PanicGuard<I>(Option<I>);

impl<I> PanicGuard<I> {
    /// Wraps an iterator.
    pub fn new(inner: I) -> Self {
        Self(Some(inner))
    }
}

impl<T, E: Into<Error>, I: Iterator<Item = Result<T, E>>> Iterator for PanicGuard<I> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Result<T>> {
        let mut inner = self.0.take()?;
        let mut panicked = true;
        let item = catch_panics(|| {
            let item = inner.next().transpose();
            panicked = false;
            item
        });
        match panicked {
            false => self.0 = Some(inner),
            // dropping a half-changed reader could panic again, so it is leaked
            true => std::mem::forget(inner),
        }
        item.transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::FileProblem;

    #[test]
    fn a_panic_is_an_error_and_the_iterator_ends() {
        let numbers = [1, 2, 3].into_iter().map(|n| -> Result<i32, FileProblem> {
            assert!(n < 2, "no {n} here\nwith more");
            Ok(n)
        });
        let mut guarded = PanicGuard::new(numbers);
        assert_eq!(guarded.next().unwrap().unwrap(), 1);
        assert_eq!(
            guarded.next().unwrap().unwrap_err().to_string(),
            "damaged, expected a file that can be decoded, found one that the reader fails at (no 2 here)"
        );
        assert!(guarded.next().is_none());
        assert!(!CATCHING.get());
    }

    #[test]
    fn errors_pass_unchanged() {
        let error = catch_panics(|| Err::<(), _>(FileProblem::IsFolder)).unwrap_err();
        assert_eq!(error.to_string(), FileProblem::IsFolder.to_string());
    }
}
