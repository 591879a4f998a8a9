//! Data of the circuit about the nodes: node sets and attributes.

use std::path::{Path, PathBuf};

use arrow_array::ArrayRef;
use arrow_schema::Field;
use leadfield::Result;
use leadfield::error::{Context, Problem};
use leadfield::segments::query::ColumnSource;
use leadfield::segments::table::{Hits, SegmentTable};
use leadfield::sonata::config::SonataConfig;
use leadfield::sonata::node_sets::NodeSets;
use leadfield::sonata::nodes::{NodeAttribute, Nodes};

/// Errors of options that need a circuit.
#[derive(Debug, thiserror::Error)]
pub enum CircuitProblem {
    #[error("no circuit to take node sets and attributes from, expected `--circuit` or a table that names one")]
    NoCircuit,
    #[error("malformed, expected `attribute=value[,value...]`, found `{0}`")]
    Condition(String),
    #[error("wrong value, expected a number for the attribute `{attribute}`, found `{found}`")]
    Number { attribute: String, found: String },
    #[error("node of the table is not in the circuit, expected ids below {expected}, found {found}")]
    Node { expected: usize, found: u64 },
}

impl Problem for CircuitProblem {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NoCircuit => Some("name the circuit or simulation configuration: `--circuit CONFIG`".into()),
            Self::Condition(_) => Some("for example `--where mtype=L5_TPC:A`".into()),
            Self::Number { .. } => None,
            Self::Node { .. } => Some("name the circuit that the table was created from: `--circuit CONFIG`".into()),
        }
    }
}

/// An open circuit, with the nodes of the table's population.
pub struct QueryCircuit {
    config: SonataConfig,
    path: PathBuf,
    population: String,
    nodes: Nodes,
}

impl QueryCircuit {
    /// Opens the given circuit, or the one that the table was created from.
    pub fn open(named: Option<&Path>, table: &SegmentTable) -> Result<Self> {
        let stated = &table.metadata().circuit_path;
        let path = match named {
            Some(path) => path.to_path_buf(),
            None if stated.is_empty() => return Err(CircuitProblem::NoCircuit.into()),
            // the error for a circuit that no longer exists names the stated path
            None => table.circuit_file().unwrap_or_else(|| PathBuf::from(stated)),
        };
        let config = SonataConfig::open(&path)?;
        let known = Some(table.metadata().population.as_str()).filter(|name| !name.is_empty());
        let population = config.circuit().population(known)?;
        let (nodes, population) = (Nodes::open(population)?, population.name.clone());
        Ok(Self { config, path, population, nodes })
    }

    /// Returns the nodes of a node set, ascending.
    pub fn node_set(&self, name: &str) -> Result<Vec<u64>> {
        NodeSets::from_config(&self.config)?.resolve_ids(name, &self.population, &self.nodes)
    }

    /// Returns the nodes that satisfy `attribute=value[,value...]`, ascending.
    pub fn nodes_where(&self, condition: &str) -> Result<Vec<u64>> {
        let malformed = || CircuitProblem::Condition(condition.into());
        let (name, values) = condition.split_once('=').ok_or_else(malformed).in_item("--where")?;
        let values: Vec<&str> = values.split(',').collect();
        let chosen: Vec<bool> = match self.nodes.read_attribute(name)? {
            NodeAttribute::Text(texts) => texts.iter().map(|text| values.contains(&text.as_str())).collect(),
            NodeAttribute::Number(numbers) => {
                let number = |text: &&str| text.trim().parse::<f64>().map_err(|_| text.to_string());
                let wanted = values.iter().map(number).collect::<Result<Vec<f64>, String>>();
                let none = |found| CircuitProblem::Number { attribute: name.into(), found };
                let wanted = wanted.map_err(none).in_item("--where")?;
                numbers.iter().map(|number| wanted.contains(number)).collect()
            }
        };
        Ok((0..).zip(chosen).filter(|(_, chosen)| *chosen).map(|(node, _)| node).collect())
    }

    /// Returns an error for a node that is not in the circuit.
    fn check_node(&self, node: u64) -> Result<()> {
        let expected = self.nodes.len();
        if node < expected as u64 {
            return Ok(());
        }
        Err(CircuitProblem::Node { expected, found: node }).in_item("node").in_file(&self.path)
    }
}

/// The attributes of the nodes; a node that is not in the circuit is an error that names the circuit.
impl ColumnSource for QueryCircuit {
    fn column_names(&self) -> Result<Vec<String>> {
        self.nodes.column_names()
    }

    fn required_columns(&self) -> &[&str] {
        self.nodes.required_columns()
    }

    fn column_field(&self, name: &str) -> Result<Field> {
        self.nodes.column_field(name)
    }

    fn column_values(&self, name: &str, hits: &Hits) -> Result<ArrayRef> {
        hits.node_ids()?.iter().try_for_each(|&node| self.check_node(node))?;
        self.nodes.column_values(name, hits)
    }
}

/// Returns the intersection of two ascending lists.
pub fn intersect_sorted(a: &[u64], b: &[u64]) -> Vec<u64> {
    a.iter().copied().filter(|node| b.binary_search(node).is_ok()).collect()
}
