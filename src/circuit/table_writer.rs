//! Writes segment tables: the units of the output ([`resumable_output`](crate::io::resumable_output)) are the parts of
//! all tables, each of which is a file.

use std::ops::Range;
use std::path::{Path, PathBuf};

use super::resume_check::{digest_inputs, is_output_complete};
use super::table_plan::{TablePlan, min_segment_bytes};
use super::{SegmentTableOptions, SegmentationPlan, TableSummary};
use crate::error::{Context, FileProblem, Result};
use crate::io::atomic_output::{AtomicOutput, ContentsCheck, OutputLock, OverwritePolicy, check_space};
use crate::io::checkpoint::{OutputPlan, PROGRAM, UnitRecord};
use crate::io::digest::file_checksum;
use crate::io::ranks::Ranks;
use crate::io::resumable_output::{RunSettings, StopCheck, UnitJob, UnitMarker, write_output};
use crate::segments::table::{self, TableNeuron, manifest, part_files};

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
    let tables = segmentations.iter().map(|s| TablePlan::new(s, in_folders, out, options));
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
        tables
            .try_for_each(|table| table::check_complete(&table.path_below(output.partial_path()), &table.metadata))?;
        output.commit()
    }
}

/// Creates an output: a file, or a folder of parts or of tables.
pub(super) fn begin_output(lock: OutputLock, existing: OverwritePolicy) -> Result<AtomicOutput> {
    match allowed_contents(lock.target()) {
        None => AtomicOutput::create_file_locked(lock, existing),
        Some(contents) => AtomicOutput::create_folder_locked(lock, existing, contents),
    }
}

/// Returns the check of a folder of tables; `None` if the output is a single file.
pub(super) fn allowed_contents(out: &Path) -> Option<ContentsCheck> {
    (!part_files::is_single_file(out)).then_some(part_files::check_replaceable)
}
