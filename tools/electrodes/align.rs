//! Reads the positions of a circuit's somata.

use std::path::Path;

use leadfield::Result;
use leadfield::geometry::Point;
use leadfield::sonata::config::SonataConfig;
use leadfield::sonata::node_sets::NodeSets;
use leadfield::sonata::nodes::Nodes;

/// Positions of a population's somata, µm: all of them, or those of a node set.
pub fn read_somata(config: &Path, node_set: Option<&str>, population: Option<&str>) -> Result<Vec<Point>> {
    let config = SonataConfig::open(config)?;
    let population = config.circuit().population(population)?;
    let nodes = Nodes::open(population)?;
    let ids = match node_set {
        Some(set) => NodeSets::from_config(&config)?.resolve_ids(set, &population.name, &nodes)?,
        None => (0..nodes.len() as u64).collect(),
    };
    Ok(nodes.transforms(&ids)?.iter().map(|transform| transform.translation).collect())
}
