//! Groups of segments whose signals are summed: populations, neurons of a type, node sets, section types, neurons.

use std::collections::{BTreeSet, HashMap};

use crate::error::{Problem, Result};
use crate::segments::SectionType;
use crate::sonata::config::SonataConfig;
use crate::sonata::node_sets::NodeSets;
use crate::sonata::nodes::{NodeAttribute, Nodes};

/// How signals are summed.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub enum Grouping {
    /// One sum over all segments.
    #[default]
    Total,
    /// One sum for each population.
    Population,
    /// One sum for each neuron.
    Node,
    /// One sum for each type of section.
    SectionType,
    /// One sum for each label of a neuron. A neuron may have several labels, or none.
    Labels(NodeLabels),
}

/// The labels of neurons.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NodeLabels {
    /// The labels, in the order of the sums.
    pub names: Vec<String>,
    /// For each population and node, indices in `names`.
    pub of_node: HashMap<String, HashMap<u64, Vec<u32>>>,
}

/// Reasons why neurons cannot be grouped.
#[derive(Debug, thiserror::Error, PartialEq)]
#[non_exhaustive]
pub enum GroupingProblem {
    /// A node of the report is not in the circuit.
    #[error("node of the report is not in the circuit, expected ids below {expected}, found {found}")]
    Node {
        /// Number of nodes of the population.
        expected: usize,
        /// The node.
        found: u64,
    },
    /// A node set is named twice.
    #[error("node set is named twice, expected different ones, found `{0}` again")]
    RepeatedSet(String),
}

impl Problem for GroupingProblem {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Node { .. } => Some("name the circuit that the report belongs to: `--circuit CONFIG`".into()),
            Self::RepeatedSet(_) => None,
        }
    }
}

/// The nodes of a population.
pub type PopulationNodes<'a> = (&'a str, &'a [u64]);

impl Grouping {
    /// Groups neurons by an attribute of the circuit's nodes, such as `mtype`. Groups are in alphabetical order,
    /// numbers in numerical order.
    ///
    /// # Errors
    /// Returns an error if a population or the attribute is unknown, or a node is not in the circuit.
    pub fn by_attribute(circuit: &SonataConfig, populations: &[PopulationNodes<'_>], attribute: &str) -> Result<Self> {
        let mut values: Vec<(&str, u64, AttributeValue)> = Vec::new();
        for &(population, ids) in populations {
            let nodes = open_nodes(circuit, population, ids)?;
            let read = nodes.read_attribute(attribute)?;
            values.extend(ids.iter().map(|&id| (population, id, AttributeValue::of_node(&read, id))));
        }
        let distinct: BTreeSet<&AttributeValue> = values.iter().map(|(_, _, value)| value).collect();
        let number: HashMap<&AttributeValue, u32> = distinct.iter().copied().zip(0..).collect();
        let mut labels = NodeLabels { names: distinct.iter().map(|v| v.to_string()).collect(), ..Default::default() };
        for (population, id, value) in &values {
            let own = labels.of_node.entry((*population).to_string()).or_default();
            own.insert(*id, number.get(value).copied().into_iter().collect());
        }
        Ok(Self::Labels(labels))
    }

    /// Groups neurons by an attribute of the nodes if they have one of this name, otherwise by node sets, whose names
    /// are separated by commas.
    ///
    /// # Errors
    /// Returns the errors of [`Grouping::by_attribute`] and [`Grouping::by_node_sets`].
    pub fn by_attribute_or_node_sets(
        circuit: &SonataConfig,
        populations: &[PopulationNodes<'_>],
        names: &str,
    ) -> Result<Self> {
        let first = populations.first().map(|(name, _)| *name);
        let attributes = Nodes::open(circuit.circuit().population(first)?)?.attribute_names()?;
        if attributes.iter().any(|attribute| attribute == names) {
            return Self::by_attribute(circuit, populations, names);
        }
        let sets: Vec<String> = names.split(',').map(str::to_string).collect();
        Self::by_node_sets(circuit, populations, &sets)
    }

    /// Groups neurons by node sets, in the given order. A neuron in several sets is in each sum; one in no set is in
    /// none.
    ///
    /// # Errors
    /// Returns an error if a population or a set is unknown, a set is named twice, or a node is not in the circuit.
    pub fn by_node_sets(circuit: &SonataConfig, populations: &[PopulationNodes<'_>], names: &[String]) -> Result<Self> {
        if let Some((_, name)) = names.iter().enumerate().find(|(i, name)| names.iter().take(*i).any(|n| n == *name)) {
            return Err(GroupingProblem::RepeatedSet(name.clone()).into());
        }
        let mut labels = NodeLabels { names: names.to_vec(), ..Default::default() };
        let sets = NodeSets::from_config(circuit)?;
        for &(population, ids) in populations {
            let nodes = open_nodes(circuit, population, ids)?;
            let own = labels.of_node.entry(population.to_string()).or_default();
            for (number, name) in (0..).zip(names) {
                for id in sets.resolve_ids(name, population, &nodes)? {
                    own.entry(id).or_default().push(number);
                }
            }
        }
        Ok(Self::Labels(labels))
    }
}

/// Returns the nodes of a node set in each population, ascending.
///
/// # Errors
/// Returns an error if a population or the set is unknown, or a node is not in the circuit.
pub fn resolve_node_set(
    circuit: &SonataConfig,
    populations: &[PopulationNodes<'_>],
    name: &str,
) -> Result<HashMap<String, Vec<u64>>> {
    let sets = NodeSets::from_config(circuit)?;
    let resolve = |&(population, ids): &PopulationNodes<'_>| {
        let nodes = open_nodes(circuit, population, ids)?;
        Ok((population.to_string(), sets.resolve_ids(name, population, &nodes)?))
    };
    populations.iter().map(resolve).collect()
}

fn open_nodes(circuit: &SonataConfig, population: &str, ids: &[u64]) -> Result<Nodes> {
    let nodes = Nodes::open(circuit.circuit().population(Some(population))?)?;
    let expected = nodes.len();
    match ids.iter().find(|id| **id >= expected as u64) {
        Some(&found) => Err(GroupingProblem::Node { expected, found }.into()),
        None => Ok(nodes),
    }
}

/// The value of an attribute, in an order for reading.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum AttributeValue {
    /// An integer.
    Integer(i64),
    /// Text, or another number as text.
    Text(String),
}

impl AttributeValue {
    fn of_node(attribute: &NodeAttribute, id: u64) -> Self {
        match attribute {
            NodeAttribute::Text(texts) => Self::Text(texts.get(id as usize).cloned().unwrap_or_default()),
            NodeAttribute::Number(numbers) => match numbers.get(id as usize).copied().unwrap_or(f64::NAN) {
                whole if whole.fract() == 0.0 && whole.abs() < 1e15 => Self::Integer(whole as i64),
                other => Self::Text(other.to_string()),
            },
        }
    }
}

impl std::fmt::Display for AttributeValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Integer(number) => number.fmt(f),
            Self::Text(text) => text.fmt(f),
        }
    }
}

/// Returns the names of the groups by section type.
pub(super) fn section_type_names() -> Vec<String> {
    SectionType::ALL.iter().map(|kind| kind.name().to_string()).collect()
}
