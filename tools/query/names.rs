//! The names of columns, and the options that they need.

use leadfield::Error;
use leadfield::error::Problem;
use leadfield::lead_field::LeadField;
use leadfield::segments::query::{COMPUTED_COLUMNS, ColumnUse, DISTANCE, ELECTRODE, UnknownColumn};
use leadfield::segments::table::Precision;
use leadfield::weights::WeightLookup;

use super::Args;

/// The potential, V, which a lead field adds by default.
pub const POTENTIAL: &str = LeadField::COLUMNS[0].0;

/// Columns that need other options, with these options.
const COLUMN_OPTIONS: [(&str, &str); 3] = [
    (ELECTRODE, "--electrodes FILE"),
    (DISTANCE, "--nearest K --at X,Y,Z"),
    (WeightLookup::COLUMN, "--weights FILE --electrode NAME"),
];

/// Option that the columns of a lead field need.
const FIELD_OPTION: &str = "--field FILE";

/// An option names an unknown column.
#[derive(Debug, thiserror::Error)]
#[error("{column}")]
struct UnknownColumnOfOption {
    column: UnknownColumn,
    /// Whether attributes of the nodes are available.
    has_circuit: bool,
}

impl Problem for UnknownColumnOfOption {
    fn hint(&self) -> Option<String> {
        let name = &self.column.found;
        if let Some(options) = find_options(name) {
            return Some(format!("the column `{name}` needs `{options}`"));
        }
        let circuit =
            || (!self.has_circuit).then(|| "attributes of the nodes, such as `mtype`, need `--circuit CONFIG`".into());
        self.column.hint().or_else(circuit)
    }
}

/// Returns the options that a column needs.
fn find_options(name: &str) -> Option<&'static str> {
    let field = LeadField::COLUMNS.iter().map(|(column, _)| (*column, FIELD_OPTION));
    COLUMN_OPTIONS.into_iter().chain(field).find(|(column, _)| *column == name).map(|(_, options)| options)
}

/// Returns whether a name can be a column without a circuit.
pub fn is_known(name: &str) -> bool {
    let is_stored = Precision::F64.schema().field_with_name(name).is_ok();
    is_stored || COMPUTED_COLUMNS.contains(&name) || find_options(name).is_some()
}

/// Adds the option to the error for an unknown column, and options to its hint; returns other errors unchanged.
pub fn with_column_option(error: Error, args: &Args, has_circuit: bool) -> Error {
    let Some(column) = error.problem::<UnknownColumn>().cloned() else { return error };
    let option = match column.used_as {
        // without data frames groups are counted by columns of rows
        ColumnUse::Shown if args.is_grouped() => "--by",
        ColumnUse::Shown => "--columns",
        ColumnUse::SortKey => "--sort",
        ColumnUse::GroupKey => "--by",
        _ => aggregate_option(args),
    };
    Error::from(UnknownColumnOfOption { column, has_circuit }).in_item(option)
}

/// Returns the option that aggregates: without `--agg`, `--by` needs the lengths.
pub fn aggregate_option(args: &Args) -> &'static str {
    if args.agg.is_empty() { "--by" } else { "--agg" }
}
