//! The circuit of a segment table: which of its nodes are searched, and their attributes as columns.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use arrow_array::ArrayRef;
use arrow_schema::Field;

use crate::error::{Context, Problem, Result};
use crate::segments::query::ColumnSource;
use crate::segments::table::{Hits, SegmentTable, TableMetadata, find_circuit_file};
use crate::sonata::config::SonataConfig;
use crate::sonata::node_sets::NodeSets;
use crate::sonata::nodes::{NodeAttribute, Nodes};

/// Errors of searches that need a circuit.
#[derive(Debug, thiserror::Error, PartialEq)]
#[non_exhaustive]
pub enum TableCircuitProblem {
    /// No circuit is given, and the table names none.
    #[error(
        "no circuit to take node sets and attributes from, expected `--circuit`, or a table or an electrodes file that names \
         one"
    )]
    NoCircuit,
    /// The circuit that a file names is not there.
    #[error("circuit is not there, expected `{stated}` as stated in the file{}, found nothing", from_folder(.stated))]
    Missing {
        /// The path that the file states.
        stated: String,
    },
    /// The text is not a condition.
    #[error("malformed, expected `attribute=value[,value...]`, found `{0}`")]
    Condition(String),
    /// The attribute is a number, and the value is not.
    #[error("wrong value, expected a number for the attribute `{attribute}`, found `{found}`")]
    Number {
        /// The attribute.
        attribute: String,
        /// The value.
        found: String,
    },
    /// The attribute is a boolean, and the value is not.
    #[error("wrong value, expected `true` or `false` for the attribute `{attribute}`, found `{found}`")]
    Boolean {
        /// The attribute.
        attribute: String,
        /// The value.
        found: String,
    },
    /// The table has a node that the circuit lacks.
    #[error("node of the table is not in the circuit, expected ids below {expected}, found {found}")]
    Node {
        /// Number of nodes of the circuit.
        expected: usize,
        /// The node.
        found: u64,
    },
}

/// Returns where a relative path begins.
fn from_folder(stated: &str) -> &'static str {
    if Path::new(stated).is_absolute() { "" } else { ", from its folder" }
}

/// The circuit is not that of a table.
#[derive(Debug, thiserror::Error, PartialEq)]
#[error("not the circuit of the table `{table}`, expected {what} {expected} as in `{circuit}`, found {found}")]
pub struct OtherCircuit {
    /// The table.
    table: String,
    /// The circuit that the table names.
    circuit: String,
    /// What differs.
    what: &'static str,
    expected: String,
    found: String,
}

impl Problem for OtherCircuit {
    fn hint(&self) -> Option<String> {
        Some("leave `--circuit` out, or make the table from this circuit".into())
    }
}

impl Problem for TableCircuitProblem {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Missing { .. } => Some(
                "the file or the circuit was moved: name the circuit or simulation configuration: `--circuit CONFIG`"
                    .into(),
            ),
            Self::NoCircuit => Some("name the circuit or simulation configuration: `--circuit CONFIG`".into()),
            Self::Condition(_) => Some("for example `--where mtype=L5_TPC:A`".into()),
            Self::Number { .. } | Self::Boolean { .. } => None,
            Self::Node { .. } => Some("name the circuit that the table was created from: `--circuit CONFIG`".into()),
        }
    }
}

/// A condition on an attribute of nodes: it has one of some values. Parsed from `attribute=value[,value...]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeCondition {
    /// The attribute.
    pub attribute: String,
    /// The values that it may have.
    pub values: Vec<String>,
}

impl FromStr for NodeCondition {
    type Err = TableCircuitProblem;

    fn from_str(text: &str) -> Result<Self, TableCircuitProblem> {
        let (attribute, values) = text.split_once('=').ok_or_else(|| TableCircuitProblem::Condition(text.into()))?;
        Ok(Self { attribute: attribute.into(), values: values.split(',').map(str::to_string).collect() })
    }
}

/// Returns the circuit configuration that a table or an electrodes file at a path states.
///
/// # Errors
/// Returns an error if it states none, or one that is not there.
pub fn find_stated_circuit(file: &Path, stated: &str) -> Result<PathBuf> {
    if stated.is_empty() {
        return Err(TableCircuitProblem::NoCircuit.into());
    }
    let missing = || TableCircuitProblem::Missing { stated: stated.into() };
    find_circuit_file(file, stated).ok_or_else(missing).in_file(file)
}

/// An open circuit, with the nodes of the table's population.
#[derive(Debug)]
pub struct TableCircuit {
    config: SonataConfig,
    path: PathBuf,
    population: String,
    nodes: Nodes,
}

impl TableCircuit {
    /// Opens the given circuit, or the one that the table was created from.
    ///
    /// # Errors
    /// Returns an error if there is neither, the stated one is not there, the given one is not that of the table, or the
    /// configuration, its population or its nodes cannot be read.
    pub fn open(named: Option<&Path>, table: &SegmentTable) -> Result<Self> {
        let path = match named {
            Some(path) => path.to_path_buf(),
            None => find_stated_circuit(table.path(), &table.metadata().circuit_path)?,
        };
        let node_ids = || Ok(table.neurons()?.iter().map(|neuron| neuron.node_id).collect());
        check_circuit_of_table(&path, (table.path(), table.metadata()), node_ids)?;
        let config = SonataConfig::open(&path)?;
        let known = Some(table.metadata().population.as_str()).filter(|name| !name.is_empty());
        let population = config.circuit().population(known)?;
        let (nodes, population) = (Nodes::open(population)?, population.name.clone());
        Ok(Self { config, path, population, nodes })
    }

    /// Returns an attribute of some nodes as text.
    ///
    /// # Errors
    /// Returns an error if the attribute is unknown or cannot be read, or a node is not in the circuit.
    pub fn node_texts(&self, attribute: &str, nodes: &[u64]) -> Result<Vec<String>> {
        self.nodes.read_texts(attribute, nodes)
    }

    /// Returns the nodes of a node set, ascending.
    ///
    /// # Errors
    /// Returns an error if the node set is unknown or malformed.
    pub fn node_set(&self, name: &str) -> Result<Vec<u64>> {
        NodeSets::from_config(&self.config)?.resolve_ids(name, &self.population, &self.nodes)
    }

    /// Returns the nodes that satisfy a condition, ascending.
    ///
    /// # Errors
    /// Returns an error if the attribute is unknown, or is a number or a boolean and a value is not.
    pub fn nodes_where(&self, condition: &NodeCondition) -> Result<Vec<u64>> {
        let NodeCondition { attribute, values } = condition;
        let no_number =
            |found: &String| TableCircuitProblem::Number { attribute: attribute.clone(), found: found.clone() };
        let number = |text: &String| text.trim().parse::<f64>().map_err(|_| no_number(text));
        let chosen: Vec<bool> = match self.nodes.read_attribute(attribute)? {
            NodeAttribute::Text(texts) => texts.iter().map(|text| values.contains(text)).collect(),
            NodeAttribute::Number(numbers) => {
                let wanted = values.iter().map(number).collect::<Result<Vec<f64>, _>>()?;
                numbers.iter().map(|number| wanted.contains(number)).collect()
            }
            // as integers, whose digits a float may not have
            NodeAttribute::Integer(numbers) => {
                let integer = |text: &String| match text.trim().parse::<i64>() {
                    Ok(integer) => Ok(Some(i128::from(integer))),
                    Err(_) => number(text).map(|number| (number.fract() == 0.0).then_some(number as i128)),
                };
                let wanted = values.iter().map(integer).collect::<Result<Vec<Option<i128>>, _>>()?;
                numbers.iter().map(|&number| wanted.contains(&Some(number.into()))).collect()
            }
            NodeAttribute::Boolean(flags) => {
                let boolean = |text: &String| match text.trim().to_ascii_lowercase().as_str() {
                    "true" | "1" => Ok(true),
                    "false" | "0" => Ok(false),
                    _ => Err(TableCircuitProblem::Boolean { attribute: attribute.clone(), found: text.clone() }),
                };
                let wanted = values.iter().map(boolean).collect::<Result<Vec<bool>, _>>()?;
                flags.iter().map(|flag| wanted.contains(flag)).collect()
            }
        };
        Ok((0..).zip(chosen).filter(|(_, chosen)| *chosen).map(|(node, _)| node).collect())
    }

    /// Returns the nodes that are in a node set, if one is given, and satisfy all conditions, ascending; `None` if all
    /// nodes do.
    ///
    /// # Errors
    /// Returns the errors of [`TableCircuit::node_set`] and [`TableCircuit::nodes_where`].
    pub fn select_nodes(&self, node_set: Option<&str>, conditions: &[NodeCondition]) -> Result<Option<Vec<u64>>> {
        let set = node_set.map(|name| self.node_set(name));
        let conditions = conditions.iter().map(|condition| self.nodes_where(condition));
        let mut chosen: Option<Vec<u64>> = None;
        for nodes in set.into_iter().chain(conditions) {
            let nodes = nodes?;
            chosen = Some(match chosen {
                Some(chosen) => chosen.into_iter().filter(|node| nodes.binary_search(node).is_ok()).collect(),
                None => nodes,
            });
        }
        Ok(chosen)
    }

    /// Returns an error for a node that is not in the circuit.
    fn check_node(&self, node: u64) -> Result<()> {
        let expected = self.nodes.len();
        if node < expected as u64 {
            return Ok(());
        }
        Err(TableCircuitProblem::Node { expected, found: node }).in_item("node").in_file(&self.path)
    }
}

/// Refuses a circuit in which the neurons of a table are others: attributes are taken by node id, so that those of another
/// circuit would be other neurons'. The circuit is compared with the one that the table names, if that still exists.
///
/// # Errors
/// Returns an error if the circuit lacks the population or a node of the table, or a node has another place, orientation or
/// morphology; or if a configuration or its nodes cannot be read.
pub fn check_circuit_of_table(
    circuit: &Path,
    (table, metadata): (&Path, &TableMetadata),
    node_ids: impl FnOnce() -> Result<Vec<u64>>,
) -> Result<()> {
    let name = &metadata.population;
    let Some(stated) = find_circuit_file(table, &metadata.circuit_path)
        .filter(|stated| !is_same_file(stated, circuit) && !name.is_empty())
    else {
        return Ok(());
    };
    let [own, other] = [stated.as_path(), circuit].map(SonataConfig::open);
    let (own, other) = (own?, other?);
    let (own, other) = (own.circuit().population(Some(name))?, other.circuit().population(Some(name))?);
    if is_same_file(&own.nodes_file, &other.nodes_file) {
        return Ok(());
    }
    let (own, other) = (Nodes::open(own)?, Nodes::open(other)?);
    let ids = node_ids()?;
    if let Some(&found) = ids.iter().find(|id| **id >= other.len() as u64) {
        return Err(TableCircuitProblem::Node { expected: other.len(), found }).in_item("node").in_file(circuit);
    }
    let refuse = |row: usize, what, [expected, found]: [String; 2]| {
        let [table, stated] = [table, &stated].map(|path| path.display().to_string());
        let problem = OtherCircuit { table, circuit: stated, what, expected, found };
        let node = ids.get(row).copied().unwrap_or_default();
        Err(problem).at_index("node", node).in_file(circuit)
    };
    let (expected, found) = (own.transforms(&ids)?, other.transforms(&ids)?);
    if let Some((row, (a, b))) = expected.iter().zip(&found).enumerate().find(|(_, (a, b))| a != b) {
        return match a.translation == b.translation {
            false => refuse(row, "the position", [a, b].map(|transform| transform.translation.to_string())),
            true => refuse(row, "the orientation", [a, b].map(|transform| format!("{:?}", transform.rotation))),
        };
    }
    let (expected, found) = (own.morphology_names(&ids)?, other.morphology_names(&ids)?);
    match expected.iter().zip(&found).enumerate().find(|(_, (a, b))| a != b) {
        Some((row, (a, b))) => refuse(row, "the morphology", [a, b].map(|name| format!("`{name}`"))),
        None => Ok(()),
    }
}

/// Returns whether two paths lead to one file.
fn is_same_file(a: &Path, b: &Path) -> bool {
    a == b || a.canonicalize().is_ok_and(|a| b.canonicalize().is_ok_and(|b| a == b))
}

/// The attributes of the nodes; a node that is not in the circuit is an error that names the circuit.
impl ColumnSource for TableCircuit {
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
