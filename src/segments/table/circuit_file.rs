//! Finds the circuit that a table was built from: its metadata state a path from the folder that holds the table.

use std::path::{Path, PathBuf};

use super::{SegmentTable, part_files};

impl SegmentTable {
    /// Returns the circuit configuration that the table was built from; `None` if it is not known, or does not exist.
    pub fn circuit_file(&self) -> Option<PathBuf> {
        find_circuit_file(self.path(), &self.metadata().circuit_path)
    }
}

/// Returns the circuit configuration that a table at a path states; `None` if it is not known, or does not exist.
///
/// A relative path begins at the folder that holds the table, also for a part of it that was opened alone.
pub fn find_circuit_file(table: &Path, stated: &str) -> Option<PathBuf> {
    if stated.is_empty() {
        return None;
    }
    let is_part = table.file_name().and_then(|name| name.to_str()).is_some_and(part_files::is_own_name);
    let folder = table.ancestors().nth(if is_part { 2 } else { 1 })?;
    Some(folder.join(stated)).filter(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_circuit_is_found_from_the_folder_of_the_table() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        std::fs::create_dir_all(at("tables/t")).unwrap();
        std::fs::write(at("circuit.json"), "").unwrap();
        let expected = Some(at("tables/../circuit.json"));
        assert_eq!(find_circuit_file(&at("tables/t.parquet"), "../circuit.json"), expected);
        assert_eq!(find_circuit_file(&at("tables/t/part-00001.parquet"), "../circuit.json"), expected);
        let absolute = at("circuit.json");
        assert_eq!(find_circuit_file(&at("t.parquet"), absolute.to_str().unwrap()), Some(absolute));
        assert_eq!(find_circuit_file(&at("t.parquet"), "gone.json"), None);
        // of another folder, or of the working directory
        assert_eq!(find_circuit_file(&at("tables/t.parquet"), "circuit.json"), None);
        assert_eq!(find_circuit_file(&at("tables/t.parquet"), "Cargo.toml"), None);
        assert_eq!(find_circuit_file(&at("t.parquet"), ""), None);
    }
}
