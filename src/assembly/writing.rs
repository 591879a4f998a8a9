//! Writing tables part by part: what is finished is kept when a run is interrupted, and gone on with.
//!
//! The parts of all tables are numbered through. A part that is synced is told in the journal of the output
//! ([`crate::journal`]), with the checksum of its file.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::tables::start;
use super::{Assembly, Made, Options, neuron};
use crate::error::{Context, Error, FileProblem, Result};
use crate::journal::{self, Digest, Done, Header, Journal, JournalProblem, PROGRAM};
use crate::segments::{Segment, Segments};
use crate::staged::{Existing, Staged, partial_of};
use crate::table::{self, Metadata, Neuron, Precision, Table, parts};

/// How tables are written: what becomes of what is there, who is told, who may stop it.
#[derive(Clone, Copy)]
pub struct Run<'a> {
    /// What to do with a table of that name.
    pub existing: Existing,
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
    pub tables: Vec<Made>,
    /// Number of their parts.
    pub parts: u64,
    /// How many of them an earlier run had done; all, where the output was complete.
    pub kept: u64,
}

/// A table that is to be written, cut into parts.
struct Plan<'a> {
    assembly: &'a Assembly,
    /// Its folder in the output's, if it has one of its own.
    folder: Option<&'a str>,
    /// Places of the neurons in Hilbert order.
    order: Vec<usize>,
    cuts: Vec<Range<usize>>,
    metadata: Metadata,
}

impl<'a> Plan<'a> {
    fn of(assembly: &'a Assembly, in_folder: bool, single: bool, options: &Options) -> Self {
        let order = assembly.hilbert_order();
        let neurons: Vec<Neuron> = order.iter().filter_map(|&i| assembly.plans.get(i)).map(neuron).collect();
        let cuts = parts::cut(&neurons, if single { u64::MAX } else { options.segments_per_part });
        let axon = assembly.axon_text(options.placement);
        let metadata = Metadata { axon, parts: cuts.len() as u64, ..assembly.metadata.clone() };
        let folder = in_folder.then(|| assembly.population());
        Self { assembly, folder, order, cuts, metadata }
    }

    /// Its folder, or its file, below an output.
    fn below(&self, output: &Path) -> PathBuf {
        self.folder.map_or_else(|| output.to_path_buf(), |folder| output.join(folder))
    }

    fn place(&self, cut: &Range<usize>, options: &Options, placed: &(dyn Fn(u64) + Sync)) -> Result<Segments> {
        self.assembly.place_all(self.order.get(cut.clone()).unwrap_or_default(), options, placed)
    }

    /// The neurons of a part, in Hilbert order.
    fn neurons(&self, cut: &Range<usize>) -> impl Iterator<Item = Neuron> {
        let places = self.order.get(cut.clone()).unwrap_or_default().iter();
        places.filter_map(|&i| self.assembly.plans.get(i)).map(neuron)
    }

    fn made(&self) -> Made {
        Made {
            population: self.metadata.population.clone(),
            neurons: self.metadata.neurons,
            segments: self.metadata.segments,
            parts: self.cuts.len(),
            morphologies: self.assembly.morphologies().len(),
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
        self.plan.neurons(self.cut).map(|n| n.segments).sum()
    }

    /// Places its segments and writes them, synced, below a folder.
    fn write(&self, output: &Path, options: &Options, placed: &(dyn Fn(u64) + Sync)) -> Result<Done> {
        let segments = self.plan.place(self.cut, options, placed)?;
        let path = self.path(output);
        let (neurons, metadata): (Vec<Neuron>, _) = (self.plan.neurons(self.cut).collect(), &self.plan.metadata);
        table::write_part(&path, &segments, &neurons, metadata, options.precision)?;
        let (_, checksum) = journal::checksum_of(&path)?;
        Ok(Done { part: self.number, segments: segments.len() as u64, checksum })
    }
}

fn parts_of<'a>(plans: &'a [Plan<'a>], single: bool) -> Vec<Part<'a>> {
    let of_plan = |plan: &'a Plan<'a>| {
        let folder = plan.folder.map(PathBuf::from).unwrap_or_default();
        let cuts = plan.cuts.iter().enumerate();
        cuts.map(move |(i, cut)| (plan, cut, (!single).then(|| folder.join(parts::file_name(i)))))
    };
    let numbered = (0..).zip(plans.iter().flat_map(of_plan));
    numbered.map(|(number, (plan, cut, file))| Part { number, plan, cut, file }).collect()
}

/// Places all segments of some populations and writes their tables, each in a folder of its own if that is asked for.
pub(super) fn write(
    assemblies: &[&Assembly],
    in_folders: bool,
    out: &Path,
    options: &Options,
    run: &Run<'_>,
) -> Result<Written> {
    let single = parts::is_single_file(out);
    let plans: Vec<Plan<'_>> = assemblies.iter().map(|a| Plan::of(a, in_folders, single, options)).collect();
    let parts = parts_of(&plans, single);
    let all = parts.len() as u64;
    let kept = match begin(out, &plans, &parts, options, run)? {
        None => all,
        Some(unfinished) => {
            let kept = unfinished.done.len() as u64;
            unfinished.go_on(out, &parts, options, run)?;
            kept
        }
    };
    Ok(Written { tables: plans.iter().map(Plan::made).collect(), parts: all, kept })
}

/// An output of which parts are left to do.
struct Unfinished {
    staged: Staged,
    journal: Journal,
    done: BTreeSet<u64>,
}

impl Unfinished {
    fn go_on(mut self, out: &Path, parts: &[Part<'_>], options: &Options, run: &Run<'_>) -> Result<()> {
        let result = self.do_parts(parts, options, run);
        let (done, all) = (self.done.len() as u64, parts.len() as u64);
        let error = match result {
            Ok(()) if done == all => {
                self.staged.commit()?;
                self.journal.remove();
                return Ok(());
            }
            Ok(()) => Error::from(JournalProblem::Stopped).in_file(out),
            Err(error) => error,
        };
        if done > 0 && error.may_pass() {
            self.staged.leave();
            return Err(error.advised(format!("{done} of {all} parts are kept: go on with `--resume`")));
        }
        self.journal.remove();
        Err(error)
    }

    /// Does what is left, until a stop is asked for.
    fn do_parts(&mut self, parts: &[Part<'_>], options: &Options, run: &Run<'_>) -> Result<()> {
        let (done, left): (Vec<&Part<'_>>, Vec<&Part<'_>>) = parts.iter().partition(|p| self.done.contains(&p.number));
        (run.placed)(done.iter().map(|part| part.segments()).sum());
        for part in left {
            if (run.stop)() {
                break;
            }
            let done = part.write(self.staged.partial(), options, run.placed)?;
            self.journal.add(&[done])?;
            self.done.insert(part.number);
        }
        Ok(())
    }
}

/// Finds out where to begin: none where the output is complete.
fn begin(
    out: &Path,
    plans: &[Plan<'_>],
    parts: &[Part<'_>],
    options: &Options,
    run: &Run<'_>,
) -> Result<Option<Unfinished>> {
    let header = Header {
        program: PROGRAM.into(),
        inputs: inputs(plans, options),
        segments: parts.iter().map(Part::segments).sum(),
        parts: parts.len() as u64,
    };
    check_left(out, run.existing, run.resume)?;
    let keep = run.existing == Existing::Keep;
    if run.resume && out.exists() {
        if is_complete(out, plans, options)? {
            // a run may have been killed between the last two steps
            return journal::clear(out).map(|()| None);
        }
        if keep {
            return Err(JournalProblem::OtherOutput).in_file(out);
        }
    }
    if run.resume && partial_of(out).exists() {
        match Journal::resume(out, &header) {
            Ok(Some((journal, done))) => return resumed(out, plans, parts, run, journal, &done).map(Some),
            Ok(None) => {}
            Err(error) if keep || error.may_pass() => return Err(error),
            Err(_) => {}
        }
    }
    if !(keep && out.exists()) {
        journal::clear(out)?;
    }
    let staged = start(out, run.existing)?;
    make_folders(&staged, plans)?;
    let journal = Journal::begin(out, &header)?;
    Ok(Some(Unfinished { staged, journal, done: BTreeSet::new() }))
}

/// Refuses what an interrupted run left, unless it is to be gone on with or replaced.
///
/// # Errors
/// As said.
pub(super) fn check_left(out: &Path, existing: Existing, resume: bool) -> Result<()> {
    let partial = partial_of(out);
    if existing == Existing::Keep && !resume && !out.exists() && partial.exists() {
        return Err(JournalProblem::Unfinished).in_file(&partial);
    }
    Ok(())
}

fn make_folders(staged: &Staged, plans: &[Plan<'_>]) -> Result<()> {
    let folders = plans.iter().filter(|plan| plan.folder.is_some()).map(|plan| plan.below(staged.partial()));
    let mut made = folders.map(std::fs::create_dir_all);
    made.try_for_each(|made| made.map_err(FileProblem::Write)).in_file(staged.target())
}

/// Goes on with an earlier run: its parts are done if their files are as they were written.
fn resumed(
    out: &Path,
    plans: &[Plan<'_>],
    parts: &[Part<'_>],
    run: &Run<'_>,
    journal: Journal,
    done: &[Done],
) -> Result<Unfinished> {
    let staged = Staged::resume(out, run.existing)?;
    if let Err(error) = make_folders(&staged, plans) {
        staged.leave();
        return Err(error);
    }
    // where a part stands twice, the later line is of the later bytes
    let told: BTreeMap<u64, u32> = done.iter().map(|d| (d.part, d.checksum)).collect();
    let is_there = |part: &&Part<'_>| {
        let found = journal::checksum_of(&part.path(staged.partial())).ok();
        told.get(&part.number).is_some_and(|told| found.is_some_and(|(_, checksum)| checksum == *told))
    };
    let done = parts.iter().filter(is_there).map(|part| part.number).collect();
    Ok(Unfinished { staged, journal, done })
}

/// A digest of all that the tables depend on: of morphologies, of which there may be many, length and time.
fn inputs(plans: &[Plan<'_>], options: &Options) -> u64 {
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
fn is_complete(out: &Path, plans: &[Plan<'_>], options: &Options) -> Result<bool> {
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
