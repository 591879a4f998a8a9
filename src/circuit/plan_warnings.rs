//! Warnings about a plan, printed before its segments are placed.

use std::collections::HashSet;

use super::SegmentationPlan;
use crate::error::format_count;
use crate::sonata::nodes::Orientation;

/// Maximum number of ambiguous sections that are listed.
const MAX_TIES: usize = 20;

/// Maximum number of morphologies and templates that are listed with their notes.
const MAX_NOTES: usize = 20;

impl SegmentationPlan {
    /// Returns all warnings about the plan: that the order of Euler angles matters (unless it was chosen), the neurons that
    /// are left out, how the simulator treats morphologies in unexpected ways, and sections that may have another number
    /// of segments in the simulator.
    pub fn warnings(&self, is_euler_order_chosen: bool) -> Vec<String> {
        let mut warnings: Vec<String> = self.euler_order_warning(is_euler_order_chosen).into_iter().collect();
        warnings.extend(self.skipped_warnings());
        if !self.skipped().is_empty() {
            let n = format_count(self.skipped().len() as u64, "neuron");
            warnings.push(format!("{n} of population `{}` left out", self.population()));
        }
        warnings.extend(self.note_warnings());
        warnings.extend(self.tie_warnings());
        warnings
    }

    /// Returns the neurons that are left out, each with its reason; a reason of several lines (one that shows a template)
    /// is given in full only once.
    pub fn skipped_warnings(&self) -> Vec<String> {
        let mut given = HashSet::new();
        let mut describe = |skipped: &super::SkippedNeuron| {
            let why = skipped.error.to_string();
            let first = why.lines().next().unwrap_or_default().to_string();
            let is_new = why == first || given.insert(why.clone());
            let why = if is_new { why } else { format!("{first} the same") };
            format!("node {} of population `{}` is left out: {why}", skipped.node_id, self.population())
        };
        self.skipped().iter().map(&mut describe).collect()
    }

    fn euler_order_warning(&self, is_chosen: bool) -> Option<String> {
        let depends = self.orientation() == Orientation::Euler { depends_on_order: true };
        (depends && !is_chosen).then(|| {
            format!(
                "neurons of population `{}` are rotated about two or more axes, and the order matters: used is z, then y, \
                 then x about the world's axes, as in the SONATA guide (`--euler-order sonata`); neurodamus rotates about \
                 x, then y, then z (`--euler-order neurodamus`)",
                self.population()
            )
        })
    }

    /// Returns how the simulator treats morphologies in unexpected ways, and changes of diameters by templates that radii
    /// do not include.
    fn note_warnings(&self) -> Vec<String> {
        let morphologies =
            self.morphology_notes().iter().map(|noted| format!("{}: {}", noted.file.display(), noted.note));
        let templates = self.template_notes().iter().map(|noted| format!("{}: {}", noted.file.display(), noted.note));
        let notes: Vec<String> = morphologies.chain(templates).collect();
        shorten(notes, MAX_NOTES, |more| format!("{} more of this kind", format_count(more, "note")))
    }

    fn tie_warnings(&self) -> Vec<String> {
        let describe = |tied: &super::AmbiguousNeurons| {
            let others = match tied.other_nodes {
                0 => String::new(),
                others => format!(" (and {})", format_count(others, "other")),
            };
            let length = &tied.ambiguous_length;
            format!(
                "node {}{others}: section {} of morphology `{}` is {:.6} µm long, too near to {} µm to be sure into how \
                 many segments the simulator cuts it",
                tied.node_id, length.section_id, tied.morphology_name, length.length_um, length.multiple_um
            )
        };
        let ties = self.ambiguous_neurons().iter().map(describe).collect();
        shorten(ties, MAX_TIES, |more| format!("{} more have such sections", format_count(more, "morphology and rule")))
    }
}

/// Cuts a long list, and says how many are missing.
fn shorten(mut texts: Vec<String>, most: usize, describe_more: impl Fn(u64) -> String) -> Vec<String> {
    let more = texts.len().saturating_sub(most);
    texts.truncate(most);
    if more > 0 {
        texts.push(describe_more(more as u64));
    }
    texts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lists_end_with_the_number_of_the_others() {
        let texts = |n: usize| (0..n).map(|i| i.to_string()).collect::<Vec<_>>();
        let describe = |more| format!("{more} more");
        assert_eq!(shorten(texts(3), 3, describe), ["0", "1", "2"]);
        assert_eq!(shorten(texts(5), 3, describe), ["0", "1", "2", "2 more"]);
    }
}
