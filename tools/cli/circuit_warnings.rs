//! Warnings about a circuit, printed before its segments are placed.

use leadfield::circuit::{PopulationTables, SegmentationPlan, SkippedPopulation};
use leadfield::error::join_quoted;

use super::Common;

/// Warns before the segments are placed: of populations and neurons that are left out, and of ambiguous sections.
pub fn print_findings(tables: &PopulationTables, has_euler_order: bool, common: &Common) {
    print_left_out(&tables.skipped_populations, common);
    let mut assumptions: Vec<String> = tables.plans.iter().filter_map(SegmentationPlan::assumption).collect();
    assumptions.dedup();
    assumptions.iter().for_each(|assumption| common.warn(assumption));
    for table in &tables.plans {
        table.warnings(has_euler_order).iter().for_each(|warning| common.warn(warning));
    }
}

/// Prints the populations without a table: those without segments in one line, whatever their number.
fn print_left_out(left_out: &[SkippedPopulation], common: &Common) {
    let (without_segments, others): (Vec<&SkippedPopulation>, Vec<&SkippedPopulation>) =
        left_out.iter().partition(|l| l.population_type.is_some());
    match without_segments[..] {
        [] => {}
        [one] => common.print_note(format_args!("population `{}` is left out: {}", one.population, one.reason)),
        [first, ..] if without_segments.iter().all(|l| l.population_type == first.population_type) => {
            let names = join_quoted(without_segments.iter().map(|l| &l.population), 12);
            let kind = first.population_type.as_deref().unwrap_or_default();
            common.print_note(format_args!("populations {names} are left out: their type is `{kind}`"));
        }
        _ => {
            let name = |l: &&SkippedPopulation| {
                format!("{} ({})", l.population, l.population_type.as_deref().unwrap_or_default())
            };
            let names = join_quoted(without_segments.iter().map(name), 12);
            common
                .print_note(format_args!("populations {names} are left out: only the type `biophysical` has segments"));
        }
    }
    for left_out in others {
        common.print_note(format_args!("population `{}` is left out: {}", left_out.population, left_out.reason));
    }
}
