//! Writes one table for each population of a circuit.

use std::path::{Path, PathBuf};

use super::node_selection::NodeSelection;
use super::request::{self, CircuitRequest, CountSource};
use super::table_writer::allowed_contents;
use super::{SegmentTableOptions, SegmentationPlan, SegmentationProblem, TablesSummary, table_writer};
use crate::error::{Context, Result, join_quoted};
use crate::file_kind::NamedOutput;
use crate::io::atomic_output::{OverwritePolicy, check_can_start, check_target, is_plain_name};
use crate::io::ranks::Ranks;
use crate::io::resumable_output::RunSettings;
use crate::segments::table::part_files;
use crate::sonata::compartment_report;
use crate::sonata::config::{NodePopulation, SonataConfig};

/// The tables of a circuit: one for each population that has segments.
pub struct PopulationTables {
    /// The plan of each table.
    pub plans: Vec<SegmentationPlan>,
    /// The populations without a table.
    pub skipped_populations: Vec<SkippedPopulation>,
    /// Whether each table has a folder of its own.
    in_folders: bool,
}

/// A population without a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkippedPopulation {
    /// Its name.
    pub population: String,
    /// The reason.
    pub reason: String,
    /// Its type, if that is the reason: only biophysical populations have segments.
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
    /// Reads the nodes and segment counts of a circuit. Without a population's name all biophysical populations are
    /// used, in alphabetical order; if there are several, those without selected nodes are left out.
    ///
    /// # Errors
    /// Returns an error if anything in the circuit is missing, malformed or contradictory, or no neurons are selected.
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
            if !is_plain_name(table.population()) || part_files::is_own_name(table.population()) {
                let file = circuit.population(Some(table.population())).map(|population| &population.nodes_file);
                let problem = SegmentationProblem::PopulationName(table.population().into());
                return Err(problem).in_file(file.map_or(&circuit.path, |file| file));
            }
        }
        // as their folders are read again
        tables.sort_by(|a, b| a.population().cmp(b.population()));
        Ok(Self { plans: tables, skipped_populations: left_out, in_folders: true })
    }

    /// Returns the number of segments in all tables.
    pub fn segment_count(&self) -> u64 {
        self.plans.iter().map(SegmentationPlan::segment_count).sum()
    }

    /// Returns the path of each table of an output.
    pub fn table_paths(&self, out: &Path) -> Vec<PathBuf> {
        let path = |plan: &SegmentationPlan| if self.in_folders { out.join(plan.population()) } else { out.into() };
        self.plans.iter().map(path).collect()
    }

    /// Places all segments and writes the tables, which appear under their name when all are complete: several
    /// populations are written to a folder with one table each.
    ///
    /// Finished parts are recorded in a checkpoint ([`crate::io::checkpoint`]): a run that was killed or stopped, or
    /// that found the disk full, can be resumed with [`RunSettings::resume`], to the same bytes.
    ///
    /// # Errors
    /// The same as for [`SegmentationPlan::write`]; also if several populations are written to the name of one file, or
    /// an earlier run left an unfinished output that must not be resumed or has other inputs.
    pub fn write(
        &self,
        out: &Path,
        options: &SegmentTableOptions,
        settings: &RunSettings<'_>,
    ) -> Result<TablesSummary> {
        self.write_with_ranks(out, options, settings, &Ranks::default())
    }

    /// Refuses the name of a single file for several tables.
    pub(super) fn check_output_name(&self, out: &Path) -> Result<()> {
        NamedOutput::SegmentTable.check_name(out)?;
        if self.in_folders && part_files::is_single_file(out) {
            let names = join_quoted(self.plans.iter().map(SegmentationPlan::population), 12);
            return Err(SegmentationProblem::SeveralInOneFile(names)).in_file(out);
        }
        Ok(())
    }

    /// Does the same as [`PopulationTables::write`] in several processes, each of which calls this: they share the
    /// parts. The bytes do not depend on the number of processes.
    ///
    /// # Errors
    /// The same as for [`PopulationTables::write`]; a rank that did not fail itself returns
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

/// Opens a population; returns its plan, or the reason why it has no table.
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

/// Refuses an output that must not be replaced or cannot be written, before any input is read. The output of an
/// interrupted run is accepted if it is to be resumed.
///
/// # Errors
/// Returns an error if the output exists and must not be replaced, another run writes it, or an interrupted run left
/// finished parts and is not to be resumed.
pub fn check_output(out: &Path, existing: OverwritePolicy, resume: bool) -> Result<()> {
    NamedOutput::SegmentTable.check_name(out)?;
    // with `resume` a complete output is compared later, when its expected content is known
    if !resume || existing == OverwritePolicy::Replace {
        check_target(out, existing, allowed_contents(out))?;
    }
    check_can_start(out, existing, resume)
}
