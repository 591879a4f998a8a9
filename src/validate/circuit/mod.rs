//! Validates against a circuit: compares a table's segments with the circuit's, and the templates' rule with a report's
//! segments.

mod rule_vs_report;
mod table_vs_circuit;

pub use rule_vs_report::{
    MissingReportPolicy, NeuronDifference, RuleReportComparison, SectionDifference, TemplateComparison,
    compare_rule_with_report,
};
pub use table_vs_circuit::{TableCheck, check_table};
