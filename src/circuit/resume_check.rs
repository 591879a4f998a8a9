//! Whether tables are those that would be written: of the same inputs and settings, with the same rows.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use super::SegmentTableOptions;
use super::writing::Plan;
use crate::error::Result;
use crate::geometry::Point;
use crate::io::checkpoint::Digest;
use crate::segments::table::{Precision, SegmentTable, TableNeuron, TablePart};
use crate::segments::{Segment, Segments};

/// A digest of all that the tables depend on: of morphologies, of which there may be many, length and time.
pub(super) fn digest_inputs(plans: &[Plan<'_>], options: &SegmentTableOptions) -> u64 {
    let mut digest = Digest::default();
    digest.add_value(options);
    for Plan { assembly, metadata, .. } in plans {
        digest.add_value(&(metadata, assembly.count_checks, &assembly.soma_centering));
        for plan in &assembly.plans {
            digest.add_value(&(
                plan.node_id,
                &plan.morphology_name,
                plan.first_row,
                plan.axon,
                &plan.stub_diameters,
                plan.transform,
            ));
            let counts = plan.section_counts.iter().map(|s| u64::from(s.section_id) << 32 | u64::from(s.segments));
            counts.for_each(|count| digest.add(&count.to_le_bytes()));
        }
        let names = assembly.morphology_names().into_iter();
        let files: BTreeSet<PathBuf> = names.map(|name| assembly.morphology_cache.source_file(name)).collect();
        for file in files {
            let found = std::fs::metadata(file).ok();
            digest.add_value(&found.map(|found| (found.len(), found.modified().ok())));
        }
    }
    digest.get()
}

/// Whether the output holds these tables: what they say of themselves, their neurons, and every row. Inputs leave no other
/// trace in it.
pub(super) fn is_output_complete(out: &Path, plans: &[Plan<'_>], options: &SegmentTableOptions) -> Result<bool> {
    for plan in plans {
        let Ok(table) = SegmentTable::open(&plan.below(out)) else { return Ok(false) };
        if table.metadata() != &plan.metadata || table.precision() != options.precision {
            return Ok(false);
        }
        let same = plan.cuts.iter().zip(table.parts()).all(|(cut, part)| {
            let mut expected: Vec<TableNeuron> = plan.neurons(cut).collect();
            expected.sort_unstable_by_key(|n| n.node_id);
            expected == part.neurons()
        });
        if !same || table.parts().len() != plan.cuts.len() {
            return Ok(false);
        }
        for (cut, part) in plan.cuts.iter().zip(table.parts()) {
            if !is_part_stored(&plan.place(cut, options, &|_| ())?, part, options)? {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// Whether a part holds these segments, as it would hold them.
fn is_part_stored(placed: &Segments, part: &TablePart, options: &SegmentTableOptions) -> Result<bool> {
    let stored = part.read_by_row()?;
    let mut first = 0;
    let mut places = HashMap::new();
    for neuron in part.neurons() {
        places.insert(neuron.node_id, (first, neuron.first_row));
        first += neuron.segments as usize;
    }
    let rounded = |p: Point| match options.precision {
        Precision::F64 => p,
        Precision::F32 => p.to_array().map(|v| f64::from(v as f32)).into(),
    };
    let is_there = |s: Segment| {
        let Some((first, first_row)) = places.get(&s.node_id) else { return false };
        let place = s.row.checked_sub(*first_row).map(|offset| first + offset as usize);
        let expected = Segment { start: rounded(s.start), end: rounded(s.end), ..s };
        place.is_some_and(|place| place < stored.len() && stored.get(place) == expected)
    };
    Ok(placed.len() == stored.len() && placed.iter().all(is_there))
}
