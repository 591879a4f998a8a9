//! Finds the circuit that a table was built from: its metadata state a path from the folder that holds the table.

use std::path::{Path, PathBuf};

use super::SegmentTable;

impl SegmentTable {
    /// Returns the circuit configuration that the table was built from; `None` if it is not known, or does not exist.
    pub fn circuit_file(&self) -> Option<PathBuf> {
        find_circuit_file(self.path(), &self.metadata().circuit_path)
    }
}

/// Returns the circuit configuration that a table at a path states; `None` if it is not known, or does not exist.
///
/// A relative path begins at the folder that holds the table, also for a part of it that was opened alone; earlier
/// versions wrote paths that begin at the working directory.
pub fn find_circuit_file(table: &Path, stated: &str) -> Option<PathBuf> {
    if stated.is_empty() {
        return None;
    }
    let holders = table.ancestors().skip(1).take(2).chain([Path::new("")]);
    holders.map(|folder| folder.join(stated)).find(|path| path.is_file())
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
        assert_eq!(find_circuit_file(&at("t.parquet"), ""), None);
    }
}
