//! Checks whether existing tables are those that a run would write: with the same inputs, settings and rows.

use std::collections::{BTreeSet, HashMap};
use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use super::SegmentTableOptions;
use super::hoc::AxonReplacement;
use super::placement::{AxonTreatment, NeuronPlan};
use super::table_plan::TablePlan;
use crate::error::Result;
use crate::geometry::Point;
use crate::io::digest::Digest;
use crate::io::resumable_output::StopCheck;
use crate::segments::table::{Precision, SegmentTable, TableNeuron, TablePart};
use crate::segments::{Segment, Segments};

/// Computes a digest of everything that the tables depend on. Of morphologies, which may be many, it uses length and
/// modification time.
pub(super) fn digest_inputs(plans: &[TablePlan<'_>], options: &SegmentTableOptions) -> u64 {
    let mut digest = Digest::default();
    let SegmentTableOptions { stub_placement, precision, segments_per_part, row_group_rows } = options;
    digest.add_text(stub_placement.name());
    digest.add_u64(*precision as u64);
    digest.add_u64(*segments_per_part);
    digest.add_u64(*row_group_rows as u64);
    for TablePlan { segmentation, metadata, .. } in plans {
        metadata.add_to(&mut digest);
        digest.add_u64(segmentation.count_checks as u64);
        segmentation.soma_centering.add_to(&mut digest);
        digest.add_u64(segmentation.plans.len() as u64);
        segmentation.plans.iter().for_each(|plan| add_neuron(&mut digest, plan));
        let names = segmentation.morphology_names().into_iter();
        let files: BTreeSet<PathBuf> = names.map(|name| segmentation.morphology_cache.source_file(name)).collect();
        for file in files {
            let found = std::fs::metadata(file).ok();
            digest.add_option(found.as_ref().map(Metadata::len), Digest::add_u64);
            let modified = found.and_then(|found| found.modified().ok());
            let since_epoch = modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
            digest.add_option(since_epoch, |digest, time| {
                digest.add_u64(time.as_secs());
                digest.add_u64(time.subsec_nanos().into());
            });
        }
    }
    digest.finish()
}

fn add_neuron(digest: &mut Digest, plan: &NeuronPlan) {
    let NeuronPlan { node_id, morphology_name, first_row, section_counts, axon, stub_diameters, transform } = plan;
    digest.add_u64(*node_id);
    digest.add_text(morphology_name);
    digest.add_u64(*first_row);
    match axon {
        AxonTreatment::Keep => digest.add_u64(0),
        AxonTreatment::Replace(form) => {
            digest.add_u64(1);
            digest.add_option(form.map(AxonReplacement::name), Digest::add_text);
        }
    }
    stub_diameters.add_to(digest);
    digest.add_f64s(&transform.rotation.to_array());
    digest.add_f64s(&transform.translation.to_array());
    digest.add_f64s(&transform.origin.to_array());
    digest.add_u64(section_counts.len() as u64);
    section_counts.iter().for_each(|s| digest.add_u64(u64::from(s.section_id) << 32 | u64::from(s.segments)));
}

/// Returns whether the output contains these tables: their metadata, their neurons, and every row, because nothing else
/// in it depends on the inputs.
pub(super) fn is_output_complete(out: &Path, plans: &[TablePlan<'_>], options: &SegmentTableOptions) -> Result<bool> {
    for plan in plans {
        let Ok(table) = SegmentTable::open(&plan.path_below(out)) else { return Ok(false) };
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
            if !is_part_stored(&plan.place_part(cut, options, &|_| (), &StopCheck::never())?, part, options)? {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// Returns whether a part contains these segments in the form in which it would be written.
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
