//! Finds out whether a path names a segment table or a circuit.

use std::path::{Path, PathBuf};

use leadfield::Result;
use leadfield::error::{Context, Problem, join_quoted};

/// Endings of the names of configurations, the preferred one first: a simulation names its circuit.
const CONFIG_ENDINGS: [&str; 2] = ["simulation_config.json", "circuit_config.json"];

/// A folder with several configurations.
#[derive(Debug, thiserror::Error)]
#[error("several configurations in the folder, expected one, found {0}")]
struct SeveralConfigs(String);

impl Problem for SeveralConfigs {
    fn hint(&self) -> Option<String> {
        Some("give the path of one of them".into())
    }
}

/// Returns the configuration that a path names; `None` if it is taken for a segment table. A folder is a circuit if it
/// has a configuration and no parts of a table.
pub fn find_circuit(path: &Path) -> Result<Option<PathBuf>> {
    if path.is_dir() {
        return find_config(path);
    }
    let is_json = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json"));
    Ok(is_json.then(|| path.into()))
}

/// Returns the configuration in a folder; `None` if there is none, or the folder is a table.
fn find_config(folder: &Path) -> Result<Option<PathBuf>> {
    let entries = std::fs::read_dir(folder).map_err(leadfield::error::FileProblem::Read).in_file(folder)?;
    let mut names: Vec<String> = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    names.sort_unstable();
    if names.iter().any(|name| name.ends_with(".parquet")) {
        return Ok(None);
    }
    for ending in CONFIG_ENDINGS {
        let found: Vec<&String> = names.iter().filter(|name| name.ends_with(ending)).collect();
        match found[..] {
            [] => {}
            [only] => return Ok(Some(folder.join(only))),
            _ => return Err(SeveralConfigs(join_quoted(found, 12))).in_file(folder),
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config_among(names: &[&str]) -> Result<Option<String>> {
        let folder = tempfile::tempdir().unwrap();
        names.iter().for_each(|name| std::fs::write(folder.path().join(name), "{}").unwrap());
        let found = find_config(folder.path()).map_err(|error| error.in_file(Path::new("folder")))?;
        Ok(found.map(|path| path.file_name().unwrap().to_str().unwrap().into()))
    }

    #[test]
    fn a_simulation_is_preferred_to_its_circuit() {
        let both = ["circuit_config.json", "simulation_config.json", "nodes.h5"];
        assert_eq!(config_among(&both).unwrap().as_deref(), Some("simulation_config.json"));
        assert_eq!(config_among(&["my_circuit_config.json"]).unwrap().as_deref(), Some("my_circuit_config.json"));
    }

    #[test]
    fn a_table_and_a_folder_without_configuration_are_no_circuit() {
        assert_eq!(config_among(&["part-00000.parquet", "circuit_config.json"]).unwrap(), None);
        assert_eq!(config_among(&["nodes.h5", "node_sets.json"]).unwrap(), None);
    }

    #[test]
    fn of_two_configurations_neither_is_taken() {
        let error = config_among(&["a_circuit_config.json", "b_circuit_config.json"]).unwrap_err();
        let text = "several configurations in the folder, expected one, found `a_circuit_config.json`, `b_circuit_config.json`";
        assert!(error.to_string().ends_with(text), "{error}");
    }
}
