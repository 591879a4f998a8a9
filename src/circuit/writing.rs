//! Writing tables part by part: what is finished is kept when a run is interrupted, and gone on with.
//!
//! The parts of all tables are numbered through. A part that is synced is told in the journal of the output
//! ([`crate::io::checkpoint`]), with the checksum of its file.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::dry_run::min_segment_bytes;
use super::population_tables::{allowed_contents, begin_output};
use super::resume_check::{digest_inputs, is_output_complete};
use super::{SegmentTableOptions, SegmentationPlan, TableSummary, to_table_neuron};
use crate::error::{Context, Error, FileProblem, Result};
use crate::io::atomic_output::{
    AtomicOutput, OutputLock, OverwritePolicy, check_overwrite, check_space, partial_path_for, remove_stale_lock,
};
use crate::io::checkpoint::{self, Done, Header, Journal, JournalProblem, PROGRAM};
use crate::io::ranks::{Beginning, Crew, Scribe, with_scribe};
use crate::segments::Segments;
use crate::segments::table::{self, TableMetadata, TableNeuron, manifest, part_files};

/// How tables are written: what becomes of what is there, who is told, who may stop it.
#[derive(Clone, Copy)]
pub struct Run<'a> {
    /// What to do with a table of that name.
    pub existing: OverwritePolicy,
    /// Whether to go on where an earlier run was interrupted, if there was one.
    pub resume: bool,
    /// Asked before each part whether to stop, and to leave the rest to a later run.
    pub stop: &'a (dyn Fn() -> bool + Sync),
    /// Told the number of segments of each placed neuron.
    pub placed: &'a (dyn Fn(u64) + Sync),
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The tables.
    pub tables: Vec<TableSummary>,
    /// Number of their parts.
    pub parts: u64,
    /// How many of them an earlier run had done; all, where the output was complete.
    pub kept: u64,
}

/// A table that is to be written, cut into parts.
pub(super) struct Plan<'a> {
    pub assembly: &'a SegmentationPlan,
    /// Its folder in the output's, if it has one of its own.
    folder: Option<&'a str>,
    /// Places of the neurons in Hilbert order.
    order: Vec<usize>,
    pub cuts: Vec<Range<usize>>,
    pub metadata: TableMetadata,
}

impl<'a> Plan<'a> {
    pub fn of(assembly: &'a SegmentationPlan, in_folder: bool, single: bool, options: &SegmentTableOptions) -> Self {
        let order = assembly.hilbert_order();
        let neurons: Vec<TableNeuron> =
            order.iter().filter_map(|&i| assembly.plans.get(i)).map(to_table_neuron).collect();
        let cuts = part_files::split_neurons(&neurons, if single { u64::MAX } else { options.segments_per_part });
        let axon = assembly.describe_axon(options.stub_placement);
        let metadata = TableMetadata { axon_rule: axon, parts: cuts.len() as u64, ..assembly.metadata.clone() };
        let folder = in_folder.then(|| assembly.population());
        Self { assembly, folder, order, cuts, metadata }
    }

    /// Its folder, or its file, below an output.
    pub fn below(&self, output: &Path) -> PathBuf {
        self.folder.map_or_else(|| output.to_path_buf(), |folder| output.join(folder))
    }

    /// Places the neurons of a part. Those of one morphology follow one another, so that it is parsed once for all of them.
    pub fn place(
        &self,
        cut: &Range<usize>,
        options: &SegmentTableOptions,
        placed: &(dyn Fn(u64) + Sync),
    ) -> Result<Segments> {
        let mut which = self.order.get(cut.clone()).unwrap_or_default().to_vec();
        let morphology = |i: usize| self.assembly.plans.get(i).map(|plan| &*plan.morphology_name);
        which.sort_by(|&a, &b| morphology(a).cmp(&morphology(b)));
        self.assembly.place_neurons(&which, options, placed)
    }

    /// The neurons of a part, in Hilbert order.
    pub fn neurons(&self, cut: &Range<usize>) -> impl Iterator<Item = TableNeuron> {
        let places = self.order.get(cut.clone()).unwrap_or_default().iter();
        places.filter_map(|&i| self.assembly.plans.get(i)).map(to_table_neuron)
    }

    /// Number of their segments.
    pub fn segments(&self, cut: &Range<usize>) -> u64 {
        self.neurons(cut).map(|n| n.segments).sum()
    }

    /// The first neurons, as many as have so many segments together.
    pub fn first(&self, segments: u64) -> Range<usize> {
        let mut so_far = 0;
        let behind = self.neurons(&(0..self.order.len())).position(|n| {
            so_far += n.segments;
            so_far >= segments
        });
        0..behind.map_or(self.order.len(), |last| last + 1)
    }

    fn made(&self) -> TableSummary {
        TableSummary {
            population: self.metadata.population.clone(),
            neurons: self.metadata.neurons,
            segments: self.metadata.segments,
            parts: self.cuts.len(),
            morphologies: self.assembly.morphology_names().len(),
        }
    }
}

/// A part of one of the tables.
struct Part<'a> {
    number: u64,
    plan: &'a Plan<'a>,
    cut: &'a Range<usize>,
    /// Its file, below the output; none where the output is that file.
    file: Option<PathBuf>,
}

impl Part<'_> {
    fn path(&self, output: &Path) -> PathBuf {
        self.file.as_ref().map_or_else(|| output.to_path_buf(), |file| output.join(file))
    }

    fn segments(&self) -> u64 {
        self.plan.segments(self.cut)
    }

    /// Places its segments and writes them, synced, below a folder.
    fn write(&self, output: &Path, options: &SegmentTableOptions, placed: &(dyn Fn(u64) + Sync)) -> Result<Done> {
        let segments = self.plan.place(self.cut, options, placed)?;
        let path = self.path(output);
        let (neurons, metadata): (Vec<TableNeuron>, _) = (self.plan.neurons(self.cut).collect(), &self.plan.metadata);
        table::write_part(&path, &segments, &neurons, metadata, options.file_layout())?;
        let (_, checksum) = checkpoint::checksum_of(&path)?;
        Ok(Done { part: self.number, segments: segments.len() as u64, checksum })
    }
}

fn parts_of<'a>(plans: &'a [Plan<'a>], single: bool) -> Vec<Part<'a>> {
    let of_plan = |plan: &'a Plan<'a>| {
        let folder = plan.folder.map(PathBuf::from).unwrap_or_default();
        let cuts = plan.cuts.iter().enumerate();
        cuts.map(move |(i, cut)| (plan, cut, (!single).then(|| folder.join(part_files::part_file_name(i)))))
    };
    let numbered = (0..).zip(plans.iter().flat_map(of_plan));
    numbered.map(|(number, (plan, cut, file))| Part { number, plan, cut, file }).collect()
}

/// Places all segments of some populations and writes their tables, each in a folder of its own if that is asked for. Of several ranks each
/// does its share.
pub(super) fn write(
    assemblies: &[&SegmentationPlan],
    in_folders: bool,
    out: &Path,
    options: &SegmentTableOptions,
    run: &Run<'_>,
    crew: &Crew,
) -> Result<Written> {
    let single = part_files::is_single_file(out);
    let plans: Vec<Plan<'_>> = assemblies.iter().map(|a| Plan::of(a, in_folders, single, options)).collect();
    let parts = parts_of(&plans, single);
    let all = parts.len() as u64;
    let kept = match begin(out, &plans, &parts, options, run, crew)? {
        None => all,
        Some(unfinished) => {
            let kept = unfinished.done.len() as u64;
            unfinished.go_on(out, (&plans, &parts), options, run, crew)?;
            kept
        }
    };
    Ok(Written { tables: plans.iter().map(Plan::made).collect(), parts: all, kept })
}

/// An output of which parts are left to do.
struct Unfinished {
    staged: AtomicOutput,
    /// That of rank 0; other ranks have none.
    journal: Option<Journal>,
    done: BTreeSet<u64>,
}

impl Unfinished {
    fn go_on(
        mut self,
        out: &Path,
        (plans, all_parts): (&[Plan<'_>], &[Part<'_>]),
        options: &SegmentTableOptions,
        run: &Run<'_>,
        crew: &Crew,
    ) -> Result<()> {
        let kept = self.done.len() as u64;
        let (written, result) = self.do_parts(all_parts, options, run, crew);
        if !crew.is_first() {
            return result.and_then(|()| crew.await_end());
        }
        let (done, all) = (kept + written, all_parts.len() as u64);
        let error = match result.and_then(|()| if done == all { self.write_manifests(out, plans) } else { Ok(()) }) {
            Ok(()) if done == all => {
                self.staged.record_length()?;
                let tables = plans.iter().map(|plan| (plan.below(self.staged.partial_path()), &plan.metadata));
                tables.into_iter().try_for_each(|(path, metadata)| part_files::check_complete(&path, metadata))?;
                return self.staged.commit();
            }
            Ok(()) => Error::from(JournalProblem::Stopped).in_file(out),
            Err(error) => error,
        };
        // where the table itself was taken away, that is what went wrong
        self.staged.check_identity()?;
        if done > 0 && error.is_transient() {
            self.staged.keep_partial();
            return Err(error.with_hint(checkpoint::kept(out, done, all)));
        }
        Err(error)
    }

    /// Writes the manifests of tables that are folders and whose parts are all done: the journal has the checksums.
    fn write_manifests(&self, out: &Path, plans: &[Plan<'_>]) -> Result<()> {
        if part_files::is_single_file(out) {
            return Ok(());
        }
        let done = checkpoint::read(out)?.map(|record| record.done).unwrap_or_default();
        // where a part stands twice, the later line is of the later bytes
        let told: BTreeMap<u64, u32> = done.iter().map(|done| (done.part, done.checksum)).collect();
        let mut checksums = told.into_values();
        plans.iter().try_for_each(|plan| {
            let own: Vec<u32> = checksums.by_ref().take(plan.cuts.len()).collect();
            manifest::write(&plan.below(self.staged.partial_path()), &own)
        })
    }

    /// Does what is left, or this rank's share of it, until a stop is asked for. Gives the number of parts that were done.
    fn do_parts(
        &mut self,
        parts: &[Part<'_>],
        options: &SegmentTableOptions,
        run: &Run<'_>,
        crew: &Crew,
    ) -> (u64, Result<()>) {
        let Self { staged, journal, done } = self;
        let (done, left): (Vec<&Part<'_>>, Vec<&Part<'_>>) = parts.iter().partition(|p| done.contains(&p.number));
        (run.placed)(done.iter().map(|part| part.segments()).sum());
        let own = crew.own(&left.iter().map(|part| part.segments()).collect::<Vec<_>>());
        // a part's file is synced when it is written
        let scribe = Scribe { crew, sync: &|| Ok(()), stop: run.stop, elsewhere: run.placed };
        with_scribe(scribe, journal.as_mut(), |scribe| {
            if crew.is_first() {
                let segments: u64 = left.iter().map(|part| part.segments()).sum();
                check_space(staged.target_path(), segments * min_segment_bytes(options.precision))?;
            }
            for (part, _) in left.into_iter().zip(own).filter(|(_, own)| *own) {
                if scribe.is_to_stop() || !scribe.tell(part.write(staged.partial_path(), options, run.placed)?) {
                    break;
                }
            }
            Ok(())
        })
    }
}

/// Finds out where to begin, with all ranks: rank 0 looks and tells the others. None where the output is complete.
fn begin(
    out: &Path,
    plans: &[Plan<'_>],
    parts: &[Part<'_>],
    options: &SegmentTableOptions,
    run: &Run<'_>,
    crew: &Crew,
) -> Result<Option<Unfinished>> {
    let header = Header {
        program: PROGRAM.into(),
        inputs: digest_inputs(plans, options),
        segments: parts.iter().map(Part::segments).sum(),
        parts: parts.len() as u64,
    };
    if !crew.is_first() {
        return Ok(match crew.await_beginning(header.inputs)? {
            Beginning::Complete => None,
            Beginning::After(done) => Some(Unfinished { staged: AtomicOutput::join_started(out), journal: None, done }),
        });
    }
    crew.gather(header.inputs).in_file(out)?;
    let found = look(out, plans, parts, options, run, &header)?;
    crew.begin(&found.as_ref().map_or(Beginning::Complete, |unfinished| Beginning::After(unfinished.done.clone())));
    Ok(found)
}

/// Looks at what is there.
fn look(
    out: &Path,
    plans: &[Plan<'_>],
    parts: &[Part<'_>],
    options: &SegmentTableOptions,
    run: &Run<'_>,
    header: &Header,
) -> Result<Option<Unfinished>> {
    let keep = run.existing == OverwritePolicy::Refuse;
    if run.resume && out.symlink_metadata().is_ok() {
        if is_output_complete(out, plans, options)? {
            // a run may have been killed between the last two steps: what it did is in the output
            if partial_path_for(out).symlink_metadata().is_err() {
                remove_stale_lock(out)?;
            }
            return Ok(None);
        }
        if keep {
            return Err(JournalProblem::OtherOutput).in_file(out);
        }
    }
    check_overwrite(out, run.existing)?;
    let claim = if run.resume { OutputLock::acquire(out)? } else { OutputLock::acquire_for_new(out, run.existing)? };
    if run.resume && claim.is_leftover() && partial_path_for(out).symlink_metadata().is_ok() {
        match Journal::resume(out, claim.clone_file()?, header) {
            Ok(Some((journal, done))) => return resumed(claim, plans, parts, run, journal, &done).map(Some),
            Ok(None) => {}
            Err(error) if keep || error.is_transient() => return Err(error),
            Err(_) => {}
        }
    }
    let staged = begin_output(claim, run.existing)?;
    make_folders(&staged, plans)?;
    let journal = staged.clone_lock_file()?.map(|notes| Journal::begin(out, notes, header, None)).transpose()?;
    Ok(Some(Unfinished { staged, journal, done: BTreeSet::new() }))
}

fn make_folders(staged: &AtomicOutput, plans: &[Plan<'_>]) -> Result<()> {
    let folders = plans.iter().filter(|plan| plan.folder.is_some()).map(|plan| plan.below(staged.partial_path()));
    let mut made = folders.map(std::fs::create_dir_all);
    made.try_for_each(|made| made.map_err(FileProblem::Write)).in_file(staged.target_path())
}

/// Goes on with an earlier run: its parts are done if their files are as they were written.
fn resumed(
    claim: OutputLock,
    plans: &[Plan<'_>],
    parts: &[Part<'_>],
    run: &Run<'_>,
    journal: Journal,
    done: &[Done],
) -> Result<Unfinished> {
    let contents = allowed_contents(claim.target());
    let staged = AtomicOutput::resume(claim, run.existing, contents)?;
    if let Err(error) = make_folders(&staged, plans) {
        staged.keep_partial();
        return Err(error);
    }
    // where a part stands twice, the later line is of the later bytes
    let told: BTreeMap<u64, u32> = done.iter().map(|d| (d.part, d.checksum)).collect();
    let is_there = |part: &&Part<'_>| {
        let found = checkpoint::checksum_of(&part.path(staged.partial_path())).ok();
        told.get(&part.number).is_some_and(|told| found.is_some_and(|(_, checksum)| checksum == *told))
    };
    let done = parts.iter().filter(is_there).map(|part| part.number).collect();
    Ok(Unfinished { staged, journal: Some(journal), done })
}
