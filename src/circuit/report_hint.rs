//! Hint that points to a simulation configuration next to a circuit whose report lists all segments, so that no template
//! is needed.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::request;
use crate::error::Error;
use crate::sonata::config::{SimulationConfig, SonataConfig};

/// Maximum number of files that are examined: a folder may hold many others.
const MAX_SCANNED_FILES: usize = 200;
/// Maximum size of a configuration that is examined, bytes.
const MAX_CONFIG_BYTES: u64 = 1 << 20;

/// A hint for template errors: the simulation next to the circuit that has a report of all segments, if there is one.
#[derive(Debug)]
pub(super) struct ReportHint<'a> {
    config: &'a SonataConfig,
    /// The hint; computed when it is first needed.
    text: OnceLock<Option<String>>,
}

impl<'a> ReportHint<'a> {
    pub(super) fn new(config: &'a SonataConfig) -> Self {
        Self { config, text: OnceLock::new() }
    }

    /// Returns the error with this hint before its other hints.
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
            "name the simulation configuration `{}` instead of the circuit configuration: its report `{report}` lists \
             all segments, and no template is needed",
            path.display()
        ))
    }
}

/// Returns the first simulation configuration in the circuit's folder that uses this circuit and whose compartment
/// report of all segments exists, and the report's name.
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
        // keep the form in which the user named the circuit
        let name = circuit.with_file_name(path.file_name()?);
        Some((name, report))
    })
}

/// Returns the report that `positions` would use, if its file exists.
fn find_written_report(simulation: &SimulationConfig) -> Option<String> {
    let report = request::find_report(simulation, None).ok()?;
    report.file.is_file().then_some(report.name)
}

fn is_same_file(a: &Path, b: &Path) -> bool {
    a == b || a.canonicalize().ok().zip(b.canonicalize().ok()).is_some_and(|(a, b)| a == b)
}
