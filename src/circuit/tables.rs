//! All populations of a circuit: one table each.

use std::path::Path;

use super::request::{self, Request, Source};
use super::selection::Selection;
use super::{Assembly, AssemblyProblem, Options, Run, Written, writing};
use crate::error::{Context, Result, listed};
use crate::io::atomic_output::{CheckContents, Claim, Existing, Staged, check_startable, check_target, is_plain_name};
use crate::io::ranks::Crew;
use crate::segments::table::parts;
use crate::sonata::config::{Config, NodePopulation};
use crate::sonata::report;

/// The tables of a circuit: one a population that has segments.
pub struct Tables {
    /// What is known of each.
    pub tables: Vec<Assembly>,
    /// The populations that have none.
    pub left_out: Vec<LeftOut>,
    /// Whether each table has a folder of its own.
    in_folders: bool,
}

/// A population without a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Its name.
    pub population: String,
    /// Why.
    pub why: String,
    /// Its type, where that is why: only biophysical ones have segments.
    pub kind: Option<String>,
}

impl LeftOut {
    fn of_kind(population: &NodePopulation) -> Self {
        let kind = population.kind.clone();
        Self { population: population.name.clone(), why: format!("its type is `{kind}`"), kind: Some(kind) }
    }

    fn of_selection(population: &NodePopulation, why: String) -> Self {
        Self { population: population.name.clone(), why, kind: None }
    }
}

impl Tables {
    /// Reads a circuit as far as its nodes and segment counts. Without a population's name all biophysical ones are
    /// taken; of several, those without selected nodes are left out.
    ///
    /// # Errors
    /// Anything missing, malformed or contradictory in the circuit; no neurons at all.
    pub fn open(request: &Request<'_>) -> Result<Self> {
        let config = Config::open(request.config)?;
        let source = request::source(&config, request)?;
        let circuit = config.circuit();
        if let Some(name) = request.population {
            let table = Assembly::of(&config, circuit.population(Some(name))?, &source, request)?;
            return Ok(Self { tables: vec![table], left_out: Vec::new(), in_folders: false });
        }
        let chosen = circuit.biophysical_populations()?;
        let others = circuit.populations.iter().filter(|p| !p.is_biophysical());
        let mut left_out: Vec<LeftOut> = others.map(LeftOut::of_kind).collect();
        if let [only] = chosen[..] {
            let tables = vec![Assembly::of(&config, only, &source, request)?];
            return Ok(Self { tables, left_out, in_folders: false });
        }
        let mut tables = Vec::new();
        for population in chosen {
            match open_one(&config, population, &source, request)? {
                Ok(table) => tables.push(table),
                Err(why) => left_out.push(LeftOut::of_selection(population, why)),
            }
        }
        if tables.is_empty() {
            let names = listed(left_out.iter().map(|l| &l.population), 12);
            return Err(AssemblyProblem::NoNeurons(format!("populations {names}"))).in_file(request.config);
        }
        for table in &tables {
            if !is_plain_name(table.population()) {
                let file = circuit.population(Some(table.population())).map(|population| &population.nodes_file);
                let problem = AssemblyProblem::PopulationName(table.population().into());
                return Err(problem).in_file(file.map_or(&circuit.path, |file| file));
            }
        }
        Ok(Self { tables, left_out, in_folders: true })
    }

    /// Number of segments in all tables.
    pub fn segments(&self) -> u64 {
        self.tables.iter().map(Assembly::segments).sum()
    }

    /// Places all segments and writes the tables, which appear under their name when all are complete: with several
    /// populations a folder with one of each.
    ///
    /// What is done is told in a journal ([`crate::io::checkpoint`]) part by part, so that a run that was killed, or stopped, or that
    /// met with a full disk, is gone on with by another one with [`Run::resume`]. The bytes are the same.
    ///
    /// # Errors
    /// As [`Assembly::write`]; several populations and the name of one file; what an earlier run left, if it is not to be
    /// gone on with or is of other inputs.
    pub fn write(&self, out: &Path, options: &Options, run: &Run<'_>) -> Result<Written> {
        self.write_with(out, options, run, &Crew::default())
    }

    /// Refuses the name of one file for several tables.
    pub(super) fn check_name(&self, out: &Path) -> Result<()> {
        if self.in_folders && parts::is_single_file(out) {
            let names = listed(self.tables.iter().map(Assembly::population), 12);
            return Err(AssemblyProblem::SeveralInOneFile(names)).in_file(out);
        }
        Ok(())
    }

    /// The same by several processes, each of which calls this: they share the parts. The bytes do not depend on their number.
    ///
    /// # Errors
    /// As [`Tables::write`]; those of all ranks are given to rank 0, the others learn that the run has ended.
    pub fn write_with(&self, out: &Path, options: &Options, run: &Run<'_>, crew: &Crew) -> Result<Written> {
        self.check_name(out)?;
        let tables: Vec<&Assembly> = self.tables.iter().collect();
        writing::write(&tables, self.in_folders, out, options, run, crew)
    }
}

/// A table, or why a population has none.
fn open_one(
    config: &Config,
    population: &NodePopulation,
    source: &Source,
    request: &Request<'_>,
) -> Result<Result<Assembly, String>> {
    if let Source::Report(report) = source {
        let known = report::populations(&report.file);
        if known.is_ok_and(|names| !names.contains(&population.name)) {
            return Ok(Err(format!("report `{}` does not have it", report.name)));
        }
    }
    let selection = Selection::of(config, population, source, request)?;
    if selection.ids.is_empty() {
        return Ok(Err("no neurons are selected in it".into()));
    }
    Assembly::join(config, population, selection, source, request).map(Ok)
}

/// Refuses an output that is not to be replaced, or cannot be written: before anything is read. What an interrupted run left is
/// kept if it is to be gone on with.
///
/// # Errors
/// As said.
pub fn check_output(out: &Path, existing: Existing, resume: bool) -> Result<()> {
    // what is there is looked at when it is known what it should be
    if !resume || existing == Existing::Replace {
        check_target(out, existing, contents_of(out))?;
    }
    check_startable(out, existing, resume)
}

/// Starts an output: a file, or a folder of parts or of tables.
pub(super) fn start(claim: Claim, existing: Existing) -> Result<Staged> {
    match contents_of(claim.target()) {
        None => Staged::begin(claim, existing),
        Some(contents) => Staged::begin_folder(claim, existing, contents),
    }
}

/// What a folder of tables may hold; none where the output is one file.
pub(super) fn contents_of(out: &Path) -> Option<CheckContents> {
    (!parts::is_single_file(out)).then_some(parts::check_replaceable)
}
