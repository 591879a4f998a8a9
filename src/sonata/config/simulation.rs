//! Reads `simulation_config.json`.
//!
//! Source: SONATA "Simulation configuration file", sections *output* and *reports*.

use std::path::{Path, PathBuf};

use super::super::json::JsonNode;
use super::document::{ConfigDocument, normalise_path};
use super::{CircuitConfig, ReportConfig, RunTimes, SimulationConfig, check_variables};
use crate::error::{Context, Result};

impl SimulationConfig {
    /// Reads a simulation's document and its circuit.
    pub(super) fn read(document: &ConfigDocument) -> Result<Self> {
        let fields = Self::read_fields(document).in_file(&document.path)?;
        check_variables(&fields.network, &document.variables).in_file(&document.path)?;
        let circuit = CircuitConfig::open(&fields.network)?;
        let SimulationFields { node_set, node_sets_file, reports, run, .. } = fields;
        let variables = document.variables.clone();
        Ok(Self { path: document.path.clone(), circuit, node_set, node_sets_file, variables, reports, run })
    }

    fn read_fields(document: &ConfigDocument) -> Result<SimulationFields> {
        let root = document.root();
        let network = document.resolve_path(root.get_text("network")?.unwrap_or("circuit_config.json"));
        let node_set = root.get_text("node_set")?.map(str::to_string);
        let output = root.get("output")?;
        let folder = output.map(|output| output.get("output_dir")).transpose()?.flatten();
        let folder = document.resolve_path(folder.map_or(Ok("output"), |at| at.text())?);
        let reports = root.get("reports")?.map_or(Ok(Vec::new()), |reports| reports.members())?;
        let report = |(name, at): &(&str, JsonNode<'_>)| ReportConfig::read(name, at, node_set.as_deref(), &folder);
        let reports = reports.iter().map(report).collect::<Result<_>>()?;
        let run = root.get("run")?;
        let number = |key: &str| {
            let number = run.as_ref().and_then(|run| run.value.get(key)?.as_f64());
            number.filter(|number| number.is_finite() && *number > 0.0)
        };
        let run = RunTimes { dt_ms: number("dt"), tstop_ms: number("tstop") };
        let node_sets_file = document.get_path(&root, "node_sets_file")?;
        Ok(SimulationFields { network, node_sets_file, node_set, reports, run })
    }
}

/// The fields of the simulation's own file.
struct SimulationFields {
    network: PathBuf,
    node_set: Option<String>,
    node_sets_file: Option<PathBuf>,
    reports: Vec<ReportConfig>,
    run: RunTimes,
}

impl ReportConfig {
    fn read(name: &str, at: &JsonNode<'_>, node_set: Option<&str>, folder: &Path) -> Result<Self> {
        let sections = at.get_text("sections")?.unwrap_or("soma");
        let compartments = if sections == "soma" { "center" } else { "all" };
        Ok(Self {
            name: name.to_string(),
            cells: at.get_text("cells")?.or(node_set).map(str::to_string),
            sections: sections.to_string(),
            compartments: at.get_text("compartments")?.unwrap_or(compartments).to_string(),
            kind: at.require_text("type", "the report's type, e.g. `compartment`")?.to_string(),
            enabled: at.get("enabled")?.map_or(Ok(true), |enabled| enabled.boolean())?,
            file: normalise_path(&folder.join(with_h5_extension(at.get_text("file_name")?.unwrap_or(name)))),
        })
    }
}

/// Returns the name of a file, with `.h5` added if it is missing.
fn with_h5_extension(name: &str) -> PathBuf {
    match Path::new(name).extension() {
        Some(extension) if extension == "h5" => PathBuf::from(name),
        _ => PathBuf::from(format!("{name}.h5")),
    }
}
