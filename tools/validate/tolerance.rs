//! `--rtol` and `--atol`: tolerances of comparisons.

use leadfield::Result;
use leadfield::validate::Tolerance;

/// An invalid tolerance.
#[derive(Debug, thiserror::Error)]
#[error("`{option}` out of range, expected a finite number of 0 or more, found `{found}`")]
struct ToleranceProblem {
    option: &'static str,
    found: f64,
}

impl leadfield::error::Problem for ToleranceProblem {}

/// Creates a tolerance from two options.
pub fn parse_tolerance(rtol: f64, atol: f64) -> Result<Tolerance> {
    Ok(Tolerance { rtol: check_range("--rtol", rtol)?, atol: check_range("--atol", atol)? })
}

fn check_range(option: &'static str, found: f64) -> Result<f64, ToleranceProblem> {
    if found.is_finite() && found >= 0.0 { Ok(found) } else { Err(ToleranceProblem { option, found }) }
}
