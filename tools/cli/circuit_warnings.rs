//! Warnings about a circuit's neurons that several tools print.

use std::collections::HashSet;

use leadfield::circuit::SegmentationPlan;
use leadfield::error::format_count;
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
