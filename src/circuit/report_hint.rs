//! Simulation configurations beside a circuit: one whose report lists all segments knows them without a template.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::request;
use crate::error::Error;
use crate::sonata::config::{SimulationConfig, SonataConfig};

/// Files that are looked into: a folder may hold many others.
const MAX_SCANNED_FILES: usize = 200;
/// A configuration is no longer than this, bytes.
const MAX_CONFIG_BYTES: u64 = 1 << 20;

/// A hint for errors of templates: the simulation beside a circuit that has a report of all segments, if there is one.
#[derive(Debug)]
pub(super) struct ReportHint<'a> {
    config: &'a SonataConfig,
    /// Looked for when it is first needed.
    text: OnceLock<Option<String>>,
}

impl<'a> ReportHint<'a> {
    pub(super) fn new(config: &'a SonataConfig) -> Self {
        Self { config, text: OnceLock::new() }
    }

    /// The error, with the hint before its own.
    pub(super) fn add_to(&self, error: Error) -> Error {
        match self.text.get_or_init(|| self.find_hint()) {
            Some(text) => error.with_first_hint(text.as_str()),
            None => error,
        }
    }

    fn find_hint(&self) -> Option<String> {
        let SonataConfig::Circuit(circuit) = self.config else { return None };
        let (path, report) = find_simulation_with_report(&circuit.path)?;
        Some(format!(
            "name the simulation configuration `{}` in the place of the circuit: its report `{report}` lists all segments, and \
             no template is needed",
            path.display()
        ))
    }
}

/// The first simulation configuration in the circuit's folder that is of this circuit and has written a compartment
/// report of all segments; and the report's name.
fn find_simulation_with_report(circuit: &Path) -> Option<(PathBuf, String)> {
    let folder = circuit.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let is_json = |path: &PathBuf| path.extension().is_some_and(|e| e == "json");
    let files = std::fs::read_dir(folder).ok()?.filter_map(|entry| Some(entry.ok()?.path())).filter(is_json);
    let mut files: Vec<PathBuf> = files.take(MAX_SCANNED_FILES).collect();
    files.sort_unstable();
    files.iter().find_map(|path| {
        let short = path.metadata().is_ok_and(|m| m.is_file() && m.len() <= MAX_CONFIG_BYTES);
        let SonataConfig::Simulation(simulation) = SonataConfig::open(path).ok().filter(|_| short)? else {
            return None;
        };
        let report = find_written_report(&simulation).filter(|_| is_same_file(&simulation.circuit.path, circuit))?;
        // as the circuit was named
        let name = circuit.with_file_name(path.file_name()?);
        Some((name, report))
    })
}

/// The report that `positions` would take, if its file is there.
fn find_written_report(simulation: &SimulationConfig) -> Option<String> {
    let report = request::find_report(simulation, None).ok()?;
    report.file.is_file().then_some(report.name)
}

fn is_same_file(a: &Path, b: &Path) -> bool {
    a == b || a.canonicalize().ok().zip(b.canonicalize().ok()).is_some_and(|(a, b)| a == b)
}
