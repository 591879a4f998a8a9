//! Files of a synthetic circuit, so that replacing its folder deletes nothing else.

use std::path::Path;

use super::morphology_spec::MorphologySpec;
use super::{POPULATION, config, nodes};
use crate::error::Result;
use crate::io::atomic_output::{FolderEntry, check_contents};

/// The folders, relative to the circuit's.
const FOLDERS: [&str; 9] = [
    "networks",
    "networks/nodes",
    "components",
    "components/hoc",
    "components/morphologies",
    "components/morphologies/swc",
    "components/morphologies/ascii",
    "components/morphologies/h5v1",
    "output",
];

/// Checks that a folder contains only files of a synthetic circuit, complete or not.
pub(super) fn check_folder(folder: &Path) -> Result<()> {
    check_contents(folder, "a synthetic circuit", &|entry| is_circuit_entry(folder, entry))
}

/// Returns whether an entry of a folder is one that [`super::write`] creates.
pub fn is_circuit_entry(folder: &Path, entry: FolderEntry<'_>) -> bool {
    match entry {
        FolderEntry::Folder(path) => {
            FOLDERS.iter().any(|known| path == Path::new(known)) || path == Path::new("networks/nodes").join(POPULATION)
        }
        FolderEntry::File(path) => is_circuit_file(folder, path),
    }
}

fn is_circuit_file(folder: &Path, path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    match path.parent().and_then(Path::to_str).unwrap_or_default() {
        "" => is_config_file(folder, name),
        "components/hoc" => {
            nodes::classes_by_layer().any(|(class, layer)| name == format!("{}.hoc", class.template_name(layer)))
        }
        "components/morphologies" => name == "merged.h5",
        "components/morphologies/swc" => is_morphology_file(name, ".swc"),
        "components/morphologies/ascii" => is_morphology_file(name, ".asc"),
        "components/morphologies/h5v1" => is_morphology_file(name, ".h5"),
        "output" => name == "compartment.h5",
        parent => parent == format!("networks/nodes/{POPULATION}") && name == "nodes.h5",
    }
}

/// Returns whether a file is a configuration or node set. Other circuits have files with these names too, so a circuit
/// configuration counts only if it is the beginning (or all) of the one that every synthetic circuit gets.
fn is_config_file(folder: &Path, name: &str) -> bool {
    if name == "node_sets.json" {
        return true;
    }
    config::VARIANTS.iter().any(|variant| {
        let circuit = format!("circuit_config{}.json", variant.suffix);
        let expected = || super::json_text(&variant.circuit_config());
        name == format!("simulation_config{}.json", variant.suffix)
            || name == circuit
                && std::fs::read(folder.join(name)).is_ok_and(|found| expected().as_bytes().starts_with(&found))
    })
}

/// Returns whether a file is a morphology, which is named by its number.
fn is_morphology_file(name: &str, ending: &str) -> bool {
    let Some(stem) = name.strip_suffix(ending) else { return false };
    let number = stem.rsplit_once('_').and_then(|(_, digits)| digits.parse::<usize>().ok());
    number.is_some_and(|number| MorphologySpec::from_number(number).name() == stem)
}
