//! Morphological types of neurons, from the circuit that a table was made of.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::segments::table::SegmentTable;
use crate::sonata::config::SonataConfig;
use crate::sonata::nodes::Nodes;

/// The attribute of the nodes.
const ATTRIBUTE: &str = "mtype";

/// Reads the morphological type of some neurons; returns why they are not known if the circuit is not at hand or does
/// not have them.
pub fn read_neuron_types(table: &SegmentTable, nodes: &[u64]) -> Result<HashMap<u64, String>, String> {
    let stated = Path::new(&table.metadata().circuit_path);
    if stated.as_os_str().is_empty() {
        return Err("the segment table does not state its circuit".into());
    }
    let config = find_circuit(stated, table.path());
    read_texts(&config, &table.metadata().population, nodes).map_err(|error| error.to_string())
}

/// Returns the path of the circuit: as stated, or relative to the folder of the table.
fn find_circuit(stated: &Path, table: &Path) -> PathBuf {
    let beside = table.parent().unwrap_or(Path::new("")).join(stated);
    if !stated.exists() && beside.exists() { beside } else { stated.to_path_buf() }
}

fn read_texts(config: &Path, population: &str, nodes: &[u64]) -> Result<HashMap<u64, String>> {
    let config = SonataConfig::open(config)?;
    let known = Some(population).filter(|name| !name.is_empty());
    let found = Nodes::open(config.circuit().population(known)?)?;
    Ok(nodes.iter().copied().zip(found.read_texts(ATTRIBUTE, nodes)?).collect())
}
