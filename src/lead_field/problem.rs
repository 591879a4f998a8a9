//! Problems of look-ups in a lead field, and of its current.

use super::Quantity;
use crate::error::Problem;

/// Problems of the current that produced a field.
#[derive(Debug, thiserror::Error, PartialEq)]
#[non_exhaustive]
pub enum CurrentProblem {
    /// The current is missing.
    #[error("no current, expected the current that produced the field, found none")]
    Missing,
    /// The current is 0 or not finite.
    #[error("unusable current, expected a finite number other than 0, found `{0}`")]
    Unusable(f64),
}

impl Problem for CurrentProblem {
    fn hint(&self) -> Option<String> {
        Some("give the current that produced the field, in nA, as `current`".into())
    }
}

/// Problems of a look-up at a point.
#[derive(Debug, thiserror::Error, PartialEq)]
#[non_exhaustive]
pub enum FieldLookupProblem {
    /// The point is outside the field.
    #[error("point outside the lead field, expected one {domain}, found {found}")]
    Outside {
        /// The region where the field has values.
        domain: String,
        /// The point and its description.
        found: String,
    },
    /// The field is NaN at a node around the point.
    #[error("lead field without a value, expected numbers at the nodes around {found}, found `NaN`")]
    NoValue {
        /// The point and its description.
        found: String,
    },
    /// The file lacks a quantity that the method needs.
    #[error("lead field without the {}, which `{method}` needs", .quantity.name())]
    NoQuantity {
        /// The missing quantity.
        quantity: Quantity,
        /// The method.
        method: &'static str,
    },
}

impl Problem for FieldLookupProblem {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Outside { .. } => Some(
                "transform the field to the circuit's frame with `--field-transform`, or use 0 outside with \
                 `--outside-field zero`"
                    .into(),
            ),
            Self::NoValue { .. } => Some("use 0 there with `--outside-field zero`".into()),
            Self::NoQuantity { .. } => None,
        }
    }
}
