//! Detects the kind of a folder, and finds the configuration in it.

use std::path::{Path, PathBuf};

use super::FileKind;
use crate::error::{Context, FileProblem, Problem, Result, join_quoted};

/// The files of a folder, by name.
#[derive(Debug)]
pub struct Folder {
    paths: Vec<PathBuf>,
}

impl Folder {
    /// Lists a folder.
    ///
    /// # Errors
    /// Returns an error if the folder cannot be read.
    pub fn list(path: &Path) -> Result<Self> {
        let entries = std::fs::read_dir(path).map_err(FileProblem::Read).in_file(path)?;
        let paths = entries.map(|entry| entry.map(|entry| entry.path())).collect::<std::io::Result<Vec<_>>>();
        let mut paths = paths.map_err(FileProblem::Read).in_file(path)?;
        paths.sort();
        Ok(Self { paths })
    }

    /// Returns the kind of the folder.
    pub fn kind(&self) -> FileKind {
        if self.has_parts() {
            return FileKind::SegmentTable;
        }
        if !self.configs().is_empty() {
            return FileKind::ConfigFolder;
        }
        let has_table = |path: &PathBuf| path.is_dir() && Self::list(path).is_ok_and(|folder| folder.has_parts());
        if self.paths.iter().any(has_table) {
            return FileKind::SegmentTables;
        }
        let has = |name: &str| self.paths.iter().any(|path| path.file_name().is_some_and(|n| n == name));
        if has("brain_regions.nrrd") { FileKind::AtlasFolder } else { FileKind::OtherFolder }
    }

    fn has_parts(&self) -> bool {
        self.paths.iter().any(|path| {
            let name = file_name(path);
            name.starts_with("part-") && name.ends_with(".parquet")
        })
    }

    /// Returns the files whose names end in `_config.json`.
    fn configs(&self) -> Vec<&Path> {
        let is_config = |path: &&PathBuf| file_name(path).ends_with("_config.json") && path.is_file();
        self.paths.iter().filter(is_config).map(PathBuf::as_path).collect()
    }
}

fn file_name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

/// Lists the files of a folder whose names end in `_config.json`, sorted.
///
/// # Errors
/// Returns an error if the folder cannot be read.
pub fn list_configs(folder: &Path) -> Result<Vec<PathBuf>> {
    Ok(Folder::list(folder)?.configs().into_iter().map(Path::to_path_buf).collect())
}

/// A folder without a configuration, or with several.
#[derive(Debug, thiserror::Error)]
#[error("is a folder, expected a configuration or a folder with one file `*_config.json`, found {found}")]
struct NotOneConfig {
    found: String,
    first: Option<PathBuf>,
}

impl Problem for NotOneConfig {
    fn hint(&self) -> Option<String> {
        self.first.as_ref().map(|first| format!("name the one to use: `{}`", first.display()))
    }
}

/// Returns the configuration that a path means: a file itself, or the only file `*_config.json` of a folder. A simulation
/// names its circuit, so the only file `*simulation_config.json` stands for both.
///
/// # Errors
/// Returns an error if a folder has no such file, or several, or cannot be read.
pub fn find_config(path: &Path) -> Result<PathBuf> {
    if !path.is_dir() {
        return Ok(path.to_path_buf());
    }
    let configs = list_configs(path)?;
    let is_simulation = |config: &&PathBuf| file_name(config).ends_with("simulation_config.json");
    let simulations: Vec<PathBuf> = configs.iter().filter(is_simulation).cloned().collect();
    let candidates = if simulations.is_empty() { configs } else { simulations };
    match candidates.as_slice() {
        [only] => Ok(only.clone()),
        several => {
            let found = join_quoted(several.iter().map(|path| file_name(path)), 6);
            Err(NotOneConfig { found, first: several.first().cloned() }).in_file(path)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_only_configuration_of_a_folder_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let expected = "is a folder, expected a configuration or a folder with one file `*_config.json`, found";
        let refusal = || find_config(folder.path()).unwrap_err();
        let shown = folder.path().display();
        assert_eq!(refusal().to_string(), format!("{shown}: {expected} none"));
        std::fs::write(path("node_sets.json"), "{}").unwrap();
        std::fs::write(path("my_circuit_config.json"), "{}").unwrap();
        assert_eq!(find_config(folder.path()).unwrap(), path("my_circuit_config.json"));
        assert_eq!(FileKind::detect(folder.path()).unwrap(), Some(FileKind::ConfigFolder));
        std::fs::write(path("simulation_config.json"), "{}").unwrap();
        assert_eq!(find_config(folder.path()).unwrap(), path("simulation_config.json"));
        std::fs::write(path("a_simulation_config.json"), "{}").unwrap();
        assert_eq!(
            refusal().to_string(),
            format!("{shown}: {expected} `a_simulation_config.json`, `simulation_config.json`")
        );
        assert_eq!(
            refusal().hint().unwrap(),
            format!("name the one to use: `{}`", path("a_simulation_config.json").display())
        );
        assert_eq!(find_config(&path("any.json")).unwrap(), path("any.json"));
    }

    #[test]
    fn folders_of_parts_of_tables_and_of_atlases_are_known() {
        let folder = tempfile::tempdir().unwrap();
        let kind = |path: &Path| FileKind::detect(path).unwrap().unwrap();
        assert_eq!(kind(folder.path()), FileKind::OtherFolder);
        let table = folder.path().join("neurons");
        std::fs::create_dir(&table).unwrap();
        std::fs::write(table.join("part-00000.parquet"), "").unwrap();
        assert_eq!((kind(&table), kind(folder.path())), (FileKind::SegmentTable, FileKind::SegmentTables));
        let atlas = tempfile::tempdir().unwrap();
        std::fs::write(atlas.path().join("brain_regions.nrrd"), "").unwrap();
        assert_eq!(kind(atlas.path()), FileKind::AtlasFolder);
    }
}
