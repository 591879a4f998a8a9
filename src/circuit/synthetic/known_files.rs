//! What the folder of a synthetic circuit holds, so that nothing else goes when it is replaced.

use std::path::Path;

use super::morphology_spec::MorphologySpec;
use super::{POPULATION, config, nodes};
use crate::error::Result;
use crate::io::atomic_output::{FolderEntry, check_contents};

/// The folders, by their paths below the circuit's.
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

/// Checks that a folder holds nothing but files of a synthetic circuit, complete or not.
pub(super) fn check_folder(folder: &Path) -> Result<()> {
    check_contents(folder, "a synthetic circuit", &|entry| is_circuit_entry(folder, entry))
}

/// Whether an entry of a folder is what [`super::write`] puts there.
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

/// Configurations and node sets. Other circuits have files of these names too: the circuit's configuration is ours if it is what is written to
/// every circuit, or was not written to its end.
fn is_config_file(folder: &Path, name: &str) -> bool {
    if name == "node_sets.json" {
        return true;
    }
    config::VARIANTS.iter().any(|variant| {
        let circuit = format!("circuit_config{}.json", variant.suffix);
        let ours = || super::json_text(&variant.circuit_config());
        name == format!("simulation_config{}.json", variant.suffix)
            || name == circuit
                && std::fs::read(folder.join(name)).is_ok_and(|found| ours().as_bytes().starts_with(&found))
    })
}

/// Morphologies are named by their number.
fn is_morphology_file(name: &str, ending: &str) -> bool {
    let Some(stem) = name.strip_suffix(ending) else { return false };
    let number = stem.rsplit_once('_').and_then(|(_, digits)| digits.parse::<usize>().ok());
    number.is_some_and(|number| MorphologySpec::from_number(number).name() == stem)
}
