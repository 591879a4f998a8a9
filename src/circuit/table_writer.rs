//! Writes segment tables: the units of the output ([`resumable_output`](crate::io::resumable_output)) are the parts of
//! all tables, each of which is a file.

use std::ops::Range;
use std::path::{Path, PathBuf};

use super::dry_run::min_segment_bytes;
use super::population_tables::{allowed_contents, begin_output};
use super::resume_check::{digest_inputs, is_output_complete};
use super::{SegmentTableOptions, SegmentationPlan, TableSummary, to_table_neuron};
use crate::error::{Context, FileProblem, Result};
use crate::io::atomic_output::{AtomicOutput, OutputLock, check_space};
use crate::io::checkpoint::{OutputPlan, PROGRAM, UnitRecord};
use crate::io::digest::file_checksum;
use crate::io::ranks::Ranks;
use crate::io::resumable_output::{RunSettings, StopCheck, UnitJob, UnitMarker, write_output};
use crate::segments::Segments;
use crate::segments::table::{self, TableMetadata, TableNeuron, manifest, part_files};

/// The result of writing tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TablesSummary {
    /// The tables.
    pub tables: Vec<TableSummary>,
    /// Number of their parts.
    pub parts: u64,
    /// Parts that an earlier run had written; all parts if the output was complete.
    pub resumed_parts: u64,
}

/// A table to be written, split into parts.
pub(super) struct TablePlan<'a> {
    pub segmentation: &'a SegmentationPlan,
    /// Its folder in the output, if each table has one.
    folder: Option<&'a str>,
    /// Indices of the neurons' plans in Hilbert order.
    order: Vec<usize>,
    /// The parts, as ranges of `order`.
    pub cuts: Vec<Range<usize>>,
    pub metadata: TableMetadata,
}

impl<'a> TablePlan<'a> {
    pub fn new(
        segmentation: &'a SegmentationPlan,
        in_folder: bool,
        is_single_file: bool,
        options: &SegmentTableOptions,
    ) -> Self {
        let order = segmentation.hilbert_order();
        let neurons: Vec<TableNeuron> =
            order.iter().filter_map(|&i| segmentation.plans.get(i)).map(to_table_neuron).collect();
        let max_segments = if is_single_file { u64::MAX } else { options.segments_per_part };
        let cuts = part_files::split_neurons(&neurons, max_segments);
        let axon_rule = segmentation.describe_axon(options.stub_placement);
        let metadata = TableMetadata { axon_rule, parts: cuts.len() as u64, ..segmentation.metadata.clone() };
        let folder = in_folder.then(|| segmentation.population());
        Self { segmentation, folder, order, cuts, metadata }
    }

    /// Returns the path of the table's folder or file in an output.
    pub fn path_below(&self, output: &Path) -> PathBuf {
        self.folder.map_or_else(|| output.to_path_buf(), |folder| output.join(folder))
    }

    /// Places the neurons of a part. Neurons with the same morphology are placed one after the other, so that it is
    /// parsed once.
    pub fn place_part(
        &self,
        cut: &Range<usize>,
        options: &SegmentTableOptions,
        on_placed: &(dyn Fn(u64) + Sync),
        stop: &StopCheck<'_>,
    ) -> Result<Segments> {
        let mut which = self.order.get(cut.clone()).unwrap_or_default().to_vec();
        let morphology = |i: usize| self.segmentation.plans.get(i).map(|plan| &*plan.morphology_name);
        which.sort_by(|&a, &b| morphology(a).cmp(&morphology(b)));
        self.segmentation.place_neurons(&which, options, on_placed, stop)
    }

    /// Returns the neurons of a part, in Hilbert order.
    pub fn neurons(&self, cut: &Range<usize>) -> impl Iterator<Item = TableNeuron> {
        let indices = self.order.get(cut.clone()).unwrap_or_default().iter();
        indices.filter_map(|&i| self.segmentation.plans.get(i)).map(to_table_neuron)
    }

    /// Returns the number of segments of a part.
    pub fn segment_count(&self, cut: &Range<usize>) -> u64 {
        self.neurons(cut).map(|n| n.segments).sum()
    }

    /// Returns the first neurons that together have this many segments.
    pub fn first_neurons(&self, segments: u64) -> Range<usize> {
        let mut so_far = 0;
        let behind = self.neurons(&(0..self.order.len())).position(|n| {
            so_far += n.segments;
            so_far >= segments
        });
        0..behind.map_or(self.order.len(), |last| last + 1)
    }

    fn summarise(&self) -> TableSummary {
        TableSummary {
            population: self.metadata.population.clone(),
            neurons: self.metadata.neurons,
            segments: self.metadata.segments,
            parts: self.cuts.len(),
            morphologies: self.segmentation.morphology_names().len(),
        }
    }
}

/// A part of one of the tables.
struct PlannedPart<'a> {
    table: &'a TablePlan<'a>,
    cut: &'a Range<usize>,
    /// The path of its file in the output; `None` if the output is that file.
    file: Option<PathBuf>,
}

impl PlannedPart<'_> {
    fn path_below(&self, output: &Path) -> PathBuf {
        self.file.as_ref().map_or_else(|| output.to_path_buf(), |file| output.join(file))
    }
}

/// Returns the parts of all tables, in order.
fn plan_parts<'a>(tables: &'a [TablePlan<'a>], is_single_file: bool) -> Vec<PlannedPart<'a>> {
    let parts_of = |table: &'a TablePlan<'a>| {
        let folder = table.folder.map(PathBuf::from).unwrap_or_default();
        table.cuts.iter().enumerate().map(move |(i, cut)| {
            let file = (!is_single_file).then(|| folder.join(part_files::part_file_name(i)));
            PlannedPart { table, cut, file }
        })
    };
    tables.iter().flat_map(parts_of).collect()
}

/// Places all segments of some populations and writes their tables, with a folder for each if requested.
pub(super) fn write_tables(
    segmentations: &[&SegmentationPlan],
    in_folders: bool,
    out: &Path,
    options: &SegmentTableOptions,
    settings: &RunSettings<'_>,
    ranks: &Ranks,
) -> Result<TablesSummary> {
    let is_single_file = part_files::is_single_file(out);
    let tables = segmentations.iter().map(|s| TablePlan::new(s, in_folders, is_single_file, options));
    let tables: Vec<TablePlan<'_>> = tables.collect();
    let parts = plan_parts(&tables, is_single_file);
    let sizes: Vec<u64> = parts.iter().map(|part| part.table.segment_count(part.cut)).collect();
    let plan = OutputPlan {
        program: PROGRAM.into(),
        inputs: digest_inputs(&tables, options),
        segments: sizes.iter().sum(),
        units: parts.len() as u64,
    };
    let job = TableJob { out, tables: &tables, parts: &parts, sizes, plan, options, settings };
    let done = write_output(&job, settings, ranks)?;
    let tables = tables.iter().map(TablePlan::summarise).collect();
    Ok(TablesSummary { tables, parts: done.units, resumed_parts: done.resumed })
}

/// The job of writing tables.
struct TableJob<'a> {
    out: &'a Path,
    tables: &'a [TablePlan<'a>],
    parts: &'a [PlannedPart<'a>],
    sizes: Vec<u64>,
    plan: OutputPlan,
    options: &'a SegmentTableOptions,
    settings: &'a RunSettings<'a>,
}

impl TableJob<'_> {
    fn create_folders(&self, output: &AtomicOutput) -> Result<()> {
        let in_folders = self.tables.iter().filter(|table| table.folder.is_some());
        let mut created = in_folders.map(|table| std::fs::create_dir_all(table.path_below(output.partial_path())));
        created.try_for_each(|created| created.map_err(FileProblem::Write)).in_file(self.out)
    }

    /// Places the segments of a part, and writes and syncs its file.
    fn write_part(&self, part: &PlannedPart<'_>, output: &Path) -> Result<UnitRecord> {
        let PlannedPart { table, cut, .. } = part;
        let stop = StopCheck::new(self.settings.is_stopped);
        let segments = table.place_part(cut, self.options, self.settings.on_progress, &stop)?;
        let path = part.path_below(output);
        let neurons: Vec<TableNeuron> = table.neurons(cut).collect();
        let layout = self.options.file_layout();
        table::write_part_unless_stopped(&path, &segments, &neurons, &table.metadata, layout, &stop)?;
        let (_, checksum) = file_checksum(&path)?;
        Ok(UnitRecord { segments: segments.len() as u64, checksum })
    }
}

impl UnitJob for TableJob<'_> {
    type Output = AtomicOutput;

    const IS_LAID_OUT: bool = false;

    fn target(&self) -> &Path {
        self.out
    }

    fn plan(&self) -> &OutputPlan {
        &self.plan
    }

    fn unit_sizes(&self) -> &[u64] {
        &self.sizes
    }

    fn is_complete(&self) -> Result<bool> {
        is_output_complete(self.out, self.tables, self.options)
    }

    fn create(&self, lock: OutputLock) -> Result<(AtomicOutput, Option<u32>)> {
        let output = begin_output(lock, self.settings.existing)?;
        self.create_folders(&output)?;
        Ok((output, None))
    }

    fn reopen(&self, lock: OutputLock, _layout: Option<u32>) -> Result<AtomicOutput> {
        let output = AtomicOutput::resume(lock, self.settings.existing, allowed_contents(self.out))?;
        match self.create_folders(&output) {
            Ok(()) => Ok(output),
            Err(error) => {
                output.keep_partial();
                Err(error)
            }
        }
    }

    fn join(&self) -> Result<AtomicOutput> {
        Ok(AtomicOutput::join_started(self.out))
    }

    fn find_intact(&self, output: &AtomicOutput, records: &[(usize, UnitRecord)]) -> Result<Vec<bool>> {
        let is_intact = |&(unit, record): &(usize, UnitRecord)| {
            let path = self.parts.get(unit).map(|part| part.path_below(output.partial_path()));
            let found = path.and_then(|path| file_checksum(&path).ok());
            found.is_some_and(|(_, checksum)| checksum == record.checksum)
        };
        Ok(records.iter().map(is_intact).collect())
    }

    fn check_space(&self, segments: u64) -> Result<()> {
        check_space(self.out, segments * min_segment_bytes(self.options.precision))
    }

    fn write_units(&self, output: &AtomicOutput, units: &[usize], marker: &mut UnitMarker<'_>) -> Result<()> {
        for &unit in units {
            let Some(part) = self.parts.get(unit).filter(|_| !marker.is_stopped()) else { break };
            marker.record(unit, self.write_part(part, output.partial_path())?)?;
        }
        Ok(())
    }

    fn sync(&self, _output: &AtomicOutput) -> Result<()> {
        // the file of a part is synced when it is written
        Ok(())
    }

    fn check_identity(&self, output: &AtomicOutput) -> Result<()> {
        output.check_identity()
    }

    fn keep_partial(&self, output: AtomicOutput) {
        output.keep_partial();
    }

    /// Writes the manifests of tables that are folders; the records contain the checksums of the parts.
    fn write_ending(&self, output: &AtomicOutput, records: &[Option<UnitRecord>]) -> Result<()> {
        if part_files::is_single_file(self.out) {
            return Ok(());
        }
        let mut checksums = records.iter().flatten().map(|record| record.checksum);
        self.tables.iter().try_for_each(|table| {
            let own: Vec<u32> = checksums.by_ref().take(table.cuts.len()).collect();
            manifest::write(&table.path_below(output.partial_path()), &own)
        })
    }

    fn commit(&self, mut output: AtomicOutput) -> Result<()> {
        output.record_length()?;
        let mut tables = self.tables.iter();
        tables.try_for_each(|table| {
            part_files::check_complete(&table.path_below(output.partial_path()), &table.metadata)
        })?;
        output.commit()
    }
}
