//! All populations of a circuit: one table each.

use std::path::Path;

use super::node_selection::NodeSelection;
use super::request::{self, CircuitRequest, CountSource};
use super::{SegmentTableOptions, SegmentationPlan, SegmentationProblem, TablesSummary, table_writer};
use crate::error::{Context, Result, join_quoted};
use crate::io::atomic_output::{
    AtomicOutput, ContentsCheck, OutputLock, OverwritePolicy, check_can_start, check_target, is_plain_name,
};
use crate::io::ranks::Ranks;
use crate::io::resumable_output::RunSettings;
use crate::segments::table::part_files;
use crate::sonata::compartment_report;
use crate::sonata::config::{NodePopulation, SonataConfig};

/// The tables of a circuit: one a population that has segments.
pub struct PopulationTables {
    /// What is known of each.
    pub plans: Vec<SegmentationPlan>,
    /// The populations that have none.
    pub skipped_populations: Vec<SkippedPopulation>,
    /// Whether each table has a folder of its own.
    in_folders: bool,
}

/// A population without a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkippedPopulation {
    /// Its name.
    pub population: String,
    /// Why.
    pub reason: String,
    /// Its type, where that is why: only biophysical ones have segments.
    pub population_type: Option<String>,
}

impl SkippedPopulation {
    fn for_type(population: &NodePopulation) -> Self {
        let kind = population.kind.clone();
        Self {
            population: population.name.clone(),
            reason: format!("its type is `{kind}`"),
            population_type: Some(kind),
        }
    }

    fn for_selection(population: &NodePopulation, why: String) -> Self {
        Self { population: population.name.clone(), reason: why, population_type: None }
    }
}

impl PopulationTables {
    /// Reads a circuit as far as its nodes and segment counts. Without a population's name all biophysical ones are
    /// taken; of several, those without selected nodes are left out.
    ///
    /// # Errors
    /// Anything missing, malformed or contradictory in the circuit; no neurons at all.
    pub fn open(request: &CircuitRequest<'_>) -> Result<Self> {
        let config = SonataConfig::open(request.config)?;
        let source = request::choose_count_source(&config, request)?;
        let circuit = config.circuit();
        if let Some(name) = request.population {
            let table = SegmentationPlan::for_population(&config, circuit.population(Some(name))?, &source, request)?;
            return Ok(Self { plans: vec![table], skipped_populations: Vec::new(), in_folders: false });
        }
        let chosen = circuit.biophysical_populations()?;
        let others = circuit.populations.iter().filter(|p| !p.is_biophysical());
        let mut left_out: Vec<SkippedPopulation> = others.map(SkippedPopulation::for_type).collect();
        if let [only] = chosen[..] {
            let tables = vec![SegmentationPlan::for_population(&config, only, &source, request)?];
            return Ok(Self { plans: tables, skipped_populations: left_out, in_folders: false });
        }
        let mut tables = Vec::new();
        for population in chosen {
            match open_population(&config, population, &source, request)? {
                Ok(table) => tables.push(table),
                Err(why) => left_out.push(SkippedPopulation::for_selection(population, why)),
            }
        }
        if tables.is_empty() {
            let names = join_quoted(left_out.iter().map(|l| &l.population), 12);
            return Err(SegmentationProblem::NoNeurons(format!("populations {names}"))).in_file(request.config);
        }
        for table in &tables {
            if !is_plain_name(table.population()) {
                let file = circuit.population(Some(table.population())).map(|population| &population.nodes_file);
                let problem = SegmentationProblem::PopulationName(table.population().into());
                return Err(problem).in_file(file.map_or(&circuit.path, |file| file));
            }
        }
        Ok(Self { plans: tables, skipped_populations: left_out, in_folders: true })
    }

    /// Number of segments in all tables.
    pub fn segment_count(&self) -> u64 {
        self.plans.iter().map(SegmentationPlan::segment_count).sum()
    }

    /// Places all segments and writes the tables, which appear under their name when all are complete: with several
    /// populations a folder with one of each.
    ///
    /// What is done is recorded in a checkpoint ([`crate::io::checkpoint`]) part by part: a run that was killed or stopped, or
    /// that found the disk full, is resumed by another one with [`RunSettings::resume`]. The bytes are the same.
    ///
    /// # Errors
    /// As [`SegmentationPlan::write`]; several populations and the name of one file; what an earlier run left, if it is not to be
    /// gone on with or is of other inputs.
    pub fn write(
        &self,
        out: &Path,
        options: &SegmentTableOptions,
        settings: &RunSettings<'_>,
    ) -> Result<TablesSummary> {
        self.write_with_ranks(out, options, settings, &Ranks::default())
    }

    /// Refuses the name of one file for several tables.
    pub(super) fn check_output_name(&self, out: &Path) -> Result<()> {
        if self.in_folders && part_files::is_single_file(out) {
            let names = join_quoted(self.plans.iter().map(SegmentationPlan::population), 12);
            return Err(SegmentationProblem::SeveralInOneFile(names)).in_file(out);
        }
        Ok(())
    }

    /// The same by several processes, each of which calls this: they share the parts. The bytes do not depend on their number.
    ///
    /// # Errors
    /// As [`PopulationTables::write`]; a rank that did not fail itself returns
    /// [`RanksProblem::EndedElsewhere`](crate::io::ranks::RanksProblem).
    pub fn write_with_ranks(
        &self,
        out: &Path,
        options: &SegmentTableOptions,
        settings: &RunSettings<'_>,
        ranks: &Ranks,
    ) -> Result<TablesSummary> {
        self.check_output_name(out)?;
        let tables: Vec<&SegmentationPlan> = self.plans.iter().collect();
        table_writer::write_tables(&tables, self.in_folders, out, options, settings, ranks)
    }
}

/// A table, or why a population has none.
fn open_population(
    config: &SonataConfig,
    population: &NodePopulation,
    source: &CountSource,
    request: &CircuitRequest<'_>,
) -> Result<Result<SegmentationPlan, String>> {
    if let CountSource::Report(report) = source {
        let known = compartment_report::list_populations(&report.file);
        if known.is_ok_and(|names| !names.contains(&population.name)) {
            return Ok(Err(format!("report `{}` does not have it", report.name)));
        }
    }
    let selection = NodeSelection::select(config, population, source, request)?;
    if selection.node_ids.is_empty() {
        return Ok(Err("no neurons are selected in it".into()));
    }
    SegmentationPlan::from_selection(config, population, selection, source, request).map(Ok)
}

/// Refuses an output that is not to be replaced, or cannot be written: before anything is read. What an interrupted run left is
/// kept if it is to be gone on with.
///
/// # Errors
/// As said.
pub fn check_output(out: &Path, existing: OverwritePolicy, resume: bool) -> Result<()> {
    // what is there is looked at when it is known what it should be
    if !resume || existing == OverwritePolicy::Replace {
        check_target(out, existing, allowed_contents(out))?;
    }
    check_can_start(out, existing, resume)
}

/// Starts an output: a file, or a folder of parts or of tables.
pub(super) fn begin_output(claim: OutputLock, existing: OverwritePolicy) -> Result<AtomicOutput> {
    match allowed_contents(claim.target()) {
        None => AtomicOutput::create_file_locked(claim, existing),
        Some(contents) => AtomicOutput::create_folder_locked(claim, existing, contents),
    }
}

/// What a folder of tables may hold; none where the output is one file.
pub(super) fn allowed_contents(out: &Path) -> Option<ContentsCheck> {
    (!part_files::is_single_file(out)).then_some(part_files::check_replaceable)
}
