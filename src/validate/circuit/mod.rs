//! Validation against a circuit: whether a table has its segments, and whether the rule of the cell templates gives those of a report.

mod rule_vs_report;
mod table_vs_circuit;

pub use rule_vs_report::{
    MissingReportPolicy, NeuronDifference, RuleReportComparison, SectionDifference, TemplateComparison,
    compare_rule_with_report,
};
pub use table_vs_circuit::{TableCheck, check_table};
