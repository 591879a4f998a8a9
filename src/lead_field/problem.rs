//! What can be wrong with a look-up and with the current.

use super::Quantity;
use crate::error::Problem;

/// What is wrong with the current that a field belongs to.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum CurrentProblem {
    /// There is none.
    #[error("no current, expected the current that made the field, found nothing")]
    Missing,
    /// It cannot be divided by.
    #[error("unusable current, expected a finite number other than 0, found `{0}`")]
    Unusable(f64),
}

impl Problem for CurrentProblem {
    fn hint(&self) -> Option<String> {
        Some("give the current that made the field, in nA, as `current`".into())
    }
}

/// Why a field gives no number at a point.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum FieldLookupProblem {
    /// The field does not reach the point.
    #[error("point outside the lead field, expected one {domain}, found {found}")]
    Outside {
        /// Where the field has values.
        domain: String,
        /// The point, and what it belongs to.
        found: String,
    },
    /// The field reaches round the point but is NaN there.
    #[error("lead field without a value, expected numbers at the nodes round {found}, found `NaN`")]
    NoValue {
        /// The point, and what it belongs to.
        found: String,
    },
    /// The file does not hold what the method needs.
    #[error("lead field without the {}, which `{method}` needs", .quantity.name())]
    NoQuantity {
        /// What is missing.
        quantity: Quantity,
        /// Who needs it.
        method: &'static str,
    },
}

impl Problem for FieldLookupProblem {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Outside { .. } => Some(
                "the field's frame must be the circuit's: turn and shift it with `--field-transform`, or take 0 \
                 outside with `--outside-field zero`"
                    .into(),
            ),
            Self::NoValue { .. } => Some("take 0 there with `--outside-field zero`".into()),
            Self::NoQuantity { .. } => None,
        }
    }
}
