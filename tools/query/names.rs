//! The names of columns, and the options that they need.

use leadfield::error::Problem;
use leadfield::segments::table::Precision;

use super::field::{ELECTRIC_FIELD, POTENTIAL, POTENTIAL_ERROR};

/// A name is not a column.
#[derive(Debug, thiserror::Error)]
#[error("unknown column, expected one of {known}, found `{found}`")]
pub struct UnknownColumn {
    pub known: String,
    pub found: String,
    pub closest: Option<String>,
    pub circuit: bool,
}

impl Problem for UnknownColumn {
    fn hint(&self) -> Option<String> {
        if let Some((name, options)) = COLUMN_OPTIONS.iter().find(|(name, _)| *name == self.found) {
            return Some(format!("the column `{name}` needs `{options}`"));
        }
        if let Some(closest) = &self.closest {
            return Some(format!("did you mean `{closest}`?"));
        }
        (!self.circuit).then(|| "attributes of the nodes, such as `mtype`, need `--circuit CONFIG`".into())
    }
}

/// A column that an option names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestedColumn {
    pub option: &'static str,
    pub name: String,
}

impl RequestedColumn {
    /// Creates a request for a column by an option.
    pub fn new(option: &'static str, name: &str) -> Self {
        Self { option, name: name.into() }
    }
}

/// Option that selects columns.
pub const COLUMNS: &str = "--columns";
/// Option that sorts by columns.
pub const SORT: &str = "--sort";

/// Names of computed columns.
pub const COMPUTED: [&str; 5] = ["x", "y", "z", "length", "inside"];
/// Name of the contact in whose region the segment is.
pub const ELECTRODE: &str = "electrode";
/// Distance of a neighbour.
pub const DISTANCE: &str = "distance";
/// Weight from an electrodes file.
pub const WEIGHT: &str = "weight";

/// Columns that need other options, with these options.
const COLUMN_OPTIONS: [(&str, &str); 8] = [
    (ELECTRODE, "--electrodes FILE"),
    (DISTANCE, "--nearest K --at X,Y,Z"),
    (WEIGHT, "--weights FILE --electrode NAME"),
    (POTENTIAL, "--field FILE"),
    (POTENTIAL_ERROR, "--field FILE"),
    (ELECTRIC_FIELD[0], "--field FILE"),
    (ELECTRIC_FIELD[1], "--field FILE"),
    (ELECTRIC_FIELD[2], "--field FILE"),
];

/// Returns whether a name can be a column without a circuit.
pub fn is_known(name: &str) -> bool {
    let extra = COLUMN_OPTIONS.iter().map(|(name, _)| *name).chain(COMPUTED);
    Precision::F64.schema().field_with_name(name).is_ok() || extra.into_iter().any(|known| known == name)
}
