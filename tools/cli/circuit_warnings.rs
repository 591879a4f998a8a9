//! Warnings about a circuit's neurons that several tools print.

use std::collections::HashSet;

use leadfield::circuit::{PopulationTables, SegmentationPlan, SkippedPopulation};
use leadfield::error::{format_count, join_quoted};
use leadfield::sonata::nodes::Orientation;

use super::Common;

/// Warns that the order of Euler angles matters, unless it was chosen.
pub fn warn_euler_order(table: &SegmentationPlan, is_chosen: bool, common: &Common) {
    if is_chosen || table.orientation() != (Orientation::Euler { depends_on_order: true }) {
        return;
    }
    common.warn(format_args!(
        "neurons of population `{}` are rotated about two or more axes, and the order matters: used is z, then y, \
         then x about the world's axes, as in the SONATA guide (`--euler-order sonata`); neurodamus rotates about x, then y, then z \
         (`--euler-order neurodamus`)",
        table.population()
    ));
}

/// Lists the neurons that are left out, each with its reason; a reason of several lines (one that shows a template) is
/// printed in full only once.
pub fn warn_skipped(table: &SegmentationPlan, common: &Common) {
    let mut printed = HashSet::new();
    for skipped in table.skipped() {
        let why = skipped.error.to_string();
        let first = why.lines().next().unwrap_or_default().to_string();
        let is_new = why == first || printed.insert(why.clone());
        let why = if is_new { why } else { format!("{first} the same") };
        common.warn(format_args!("node {} of population `{}` is left out: {why}", skipped.node_id, table.population()));
    }
}

/// Maximum number of morphologies that are listed with their notes.
const MAX_NOTES: usize = 20;

/// Notes how the simulator treats morphologies in unexpected ways, and changes of diameters by templates that radii do
/// not include.
pub fn warn_notes(table: &SegmentationPlan, common: &Common) {
    let morphologies = table.morphology_notes().iter().map(|noted| format!("{}: {}", noted.file.display(), noted.note));
    let templates = table.template_notes().iter().map(|noted| format!("{}: {}", noted.file.display(), noted.note));
    let notes: Vec<String> = morphologies.chain(templates).collect();
    for note in notes.iter().take(MAX_NOTES) {
        common.warn(format_args!("{note}"));
    }
    if let Some(more) = notes.len().checked_sub(MAX_NOTES).filter(|&n| n > 0) {
        common.warn(format_args!("{} more of this kind", format_count(more as u64, "note")));
    }
}

/// Number of ties that are reported one by one.
const MAX_LISTED_TIES: usize = 20;

/// Warns before the segments are placed: of populations and neurons that are left out, and of ties.
pub fn print_findings(tables: &PopulationTables, has_euler_order: bool, common: &Common) {
    print_left_out(&tables.skipped_populations, common);
    let mut assumptions: Vec<String> = tables.plans.iter().filter_map(SegmentationPlan::assumption).collect();
    assumptions.dedup();
    assumptions.iter().for_each(|assumption| common.warn(assumption));
    for table in &tables.plans {
        warn_euler_order(table, has_euler_order, common);
        warn_skipped(table, common);
        if !table.skipped().is_empty() {
            let n = format_count(table.skipped().len() as u64, "neuron");
            common.warn(format_args!("{n} of population `{}` left out", table.population()));
        }
        warn_notes(table, common);
        for tied in table.ambiguous_neurons().iter().take(MAX_LISTED_TIES) {
            let others = if tied.other_nodes == 0 {
                String::new()
            } else {
                format!(" (and {})", format_count(tied.other_nodes, "other"))
            };
            common.warn(format_args!(
                "node {}{others}: section {} of morphology `{}` is {:.6} um long, too near to {} um to be sure into how many segments the simulator cuts it",
                tied.node_id, tied.ambiguous_length.section_id, tied.morphology_name, tied.ambiguous_length.length_um, tied.ambiguous_length.multiple_um
            ));
        }
        if let Some(more) = table.ambiguous_neurons().len().checked_sub(MAX_LISTED_TIES).filter(|&n| n > 0) {
            common.warn(format_args!("{} more have such sections", format_count(more as u64, "morphology and rule")));
        }
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
