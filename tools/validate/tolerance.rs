//! `--rtol` and `--atol`: how far apart numbers may be.

use leadfield::Result;
use leadfield::validate::Tolerance;

/// A tolerance that is none.
#[derive(Debug, thiserror::Error)]
#[error("`{option}` out of range, expected a finite number of 0 or more, found `{found}`")]
struct BadTolerance {
    option: &'static str,
    found: f64,
}

impl leadfield::error::Problem for BadTolerance {}

/// The tolerance of two options.
pub fn tolerance(rtol: f64, atol: f64) -> Result<Tolerance> {
    Ok(Tolerance { rtol: checked("--rtol", rtol)?, atol: checked("--atol", atol)? })
}

fn checked(option: &'static str, found: f64) -> Result<f64, BadTolerance> {
    if found.is_finite() && found >= 0.0 { Ok(found) } else { Err(BadTolerance { option, found }) }
}
