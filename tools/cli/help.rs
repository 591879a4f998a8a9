//! The groups of options, in the order in which every tool's help has them, and examples below the options.

/// Neurons and segments of a circuit.
pub const CIRCUIT: &str = "Circuit";
/// The segment table.
pub const TABLE: &str = "Table";
/// Regions of a search.
pub const REGION: &str = "Region";
/// Contacts and the medium around them.
pub const CONTACTS: &str = "Contacts";
/// Lead fields.
pub const FIELDS: &str = "Lead fields";
/// Filters of segments.
pub const FILTER: &str = "Filter";
/// Columns and groups of a result.
pub const RESULT: &str = "Result";
/// Position of a probe.
pub const PLACEMENT: &str = "Placement";
/// The data that are compared.
pub const COMPARISON: &str = "Comparison";
/// The content of a picture.
pub const PICTURE: &str = "Picture";
/// The output, and how existing files are treated.
pub const OUTPUT: &str = "Output";
/// How a run is carried out.
pub const RUN: &str = "Run";
/// Options of all tools.
pub const GENERAL: &str = "General";

/// Formats examples for the end of a tool's help, with a heading in clap's style.
macro_rules! examples {
    ($($line:literal),+ $(,)?) => { concat!("\u{1b}[1m\u{1b}[4mExamples:\u{1b}[0m", $("\n  ", $line),+) };
}
pub(crate) use examples;
