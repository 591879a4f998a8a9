//! Whether tables are those that would be written: of the same inputs and settings, with the same rows.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::Options;
use super::writing::Plan;
use crate::error::Result;
use crate::journal::Digest;
use crate::segments::{Segment, Segments};
use crate::table::{Neuron, Precision, Table};

/// A digest of all that the tables depend on: of morphologies, of which there may be many, length and time.
pub(super) fn inputs(plans: &[Plan<'_>], options: &Options) -> u64 {
    let mut digest = Digest::default();
    digest.add_value(options);
    for Plan { assembly, metadata, .. } in plans {
        digest.add_value(&(metadata, assembly.checks));
        for plan in &assembly.plans {
            digest.add_value(&(plan.node_id, &plan.morphology, plan.first_row, plan.axon, plan.transform));
            let counts = plan.sections.iter().map(|s| u64::from(s.section_id) << 32 | u64::from(s.segments));
            counts.for_each(|count| digest.add(&count.to_le_bytes()));
        }
        let names = assembly.morphologies().into_iter();
        let files: BTreeSet<PathBuf> = names.map(|name| assembly.library.stored_in(name)).collect();
        for file in files {
            let found = std::fs::metadata(file).ok();
            digest.add_value(&found.map(|found| (found.len(), found.modified().ok())));
        }
    }
    digest.get()
}

/// Whether the output holds these tables: what they say of themselves, their neurons, and the rows of a part of each.
pub(super) fn is_complete(out: &Path, plans: &[Plan<'_>], options: &Options) -> Result<bool> {
    for plan in plans {
        let Ok(table) = Table::open(&plan.below(out)) else { return Ok(false) };
        if table.metadata() != &plan.metadata || table.precision() != options.precision {
            return Ok(false);
        }
        let same = plan.cuts.iter().zip(table.parts()).all(|(cut, part)| {
            let mut expected: Vec<Neuron> = plan.neurons(cut).collect();
            expected.sort_unstable_by_key(|n| n.node_id);
            expected == part.neurons()
        });
        let (Some(cut), Some(part)) = (plan.cuts.first(), table.parts().first()) else { return Ok(same) };
        if !same || rows(&plan.place(cut, options, &|_| ())?, options) != rows(&part.read_by_row()?, options) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The segments by row, as the table would give them.
fn rows(segments: &Segments, options: &Options) -> Vec<Segment> {
    let rounded = |p: crate::geometry::Point| match options.precision {
        Precision::F64 => p,
        Precision::F32 => p.to_array().map(|v| f64::from(v as f32)).into(),
    };
    let stored = |s: Segment| Segment { start: rounded(s.start), end: rounded(s.end), ..s };
    let mut rows: Vec<Segment> = segments.iter().map(stored).collect();
    rows.sort_unstable_by_key(|s| s.row);
    rows
}
