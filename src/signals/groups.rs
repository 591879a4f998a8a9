//! Groups of segments whose signals are summed: populations, neurons of a type, node sets, section types, neurons.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use crate::circuit::{TableCircuitProblem, check_circuit_of_table, find_stated_circuit};
use crate::error::{Context, Problem, Result, find_closest, join_quoted};
use crate::segments::SectionType;
use crate::sonata::config::SonataConfig;
use crate::sonata::electrodes_file::ElectrodesFile;
use crate::sonata::node_sets::NodeSets;
use crate::sonata::nodes::{NodeAttribute, Nodes};
use crate::weights::SegmentSource;

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
    /// A name is neither an attribute nor a node set.
    #[error(
        "neither an attribute nor node sets, expected `population`, `node`, `section_type`, one of the attributes {attributes}, \
         or of the node sets {sets}, found `{found}`"
    )]
    Unknown {
        /// The name.
        found: String,
        /// The attributes of the nodes.
        attributes: String,
        /// The node sets; `none` if there are none.
        sets: String,
        /// The most similar known name.
        closest: Option<String>,
    },
    /// A node set is named twice.
    #[error("node set is named twice, expected different ones, found `{0}` again")]
    RepeatedSet(String),
}

impl Problem for GroupingProblem {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Node { .. } => Some("name the circuit that the report belongs to: `--circuit CONFIG`".into()),
            Self::Unknown { closest, .. } => closest.as_ref().map(|closest| format!("did you mean `{closest}`?")),
            Self::RepeatedSet(_) => None,
        }
    }
}

/// Names of groups that need no circuit.
const FIXED_GROUPS: [&str; 3] = ["population", "node", "section_type"];

/// Number of names that a message lists.
const MAX_LISTED_NAMES: usize = 40;

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
        let number: BTreeMap<&AttributeValue, u32> = distinct.iter().copied().zip(0..).collect();
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
    /// Returns the errors of [`Grouping::by_attribute`] and [`Grouping::by_node_sets`], and an error that lists attributes and
    /// node sets if a name is neither.
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
        let sets = NodeSets::from_config(circuit)?;
        let known = sets.names();
        let wanted: Vec<String> = match known.contains(&names) {
            true => vec![names.into()],
            false => names.split(',').map(str::to_string).collect(),
        };
        if let Some(found) = wanted.iter().find(|name| !known.contains(&name.as_str())) {
            let all =
                FIXED_GROUPS.into_iter().chain(attributes.iter().map(String::as_str)).chain(known.iter().copied());
            return Err(GroupingProblem::Unknown {
                found: found.clone(),
                closest: find_closest(found, all).map(str::to_string),
                attributes: join_quoted(&attributes, MAX_LISTED_NAMES),
                sets: if known.is_empty() { "(none)".into() } else { join_quoted(&known, MAX_LISTED_NAMES) },
            }
            .into());
        }
        Self::by_node_sets(circuit, populations, &wanted)
    }

    /// Groups neurons by node sets, in the given order. A neuron in several sets is in each sum; one in no set is in
    /// none.
    ///
    /// # Errors
    /// Returns an error if a population or a set is unknown, a set is named twice, or a node is not in the circuit.
    pub fn by_node_sets(circuit: &SonataConfig, populations: &[PopulationNodes<'_>], names: &[String]) -> Result<Self> {
        if let Some((_, name)) = names.iter().enumerate().find(|(i, name)| names.iter().take(*i).any(|n| n == *name)) {
            return Err(GroupingProblem::RepeatedSet(name.clone())).in_file(&circuit.circuit().path);
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

/// Opens the circuit with the attributes and node sets of reports: the given one, or that which the first table or else the
/// electrodes file names.
///
/// # Errors
/// Returns an error if no circuit is named, the named one is not there, the given one is not that of a table, or it cannot be
/// read.
pub fn open_circuit(
    given: Option<&Path>,
    tables: &[&dyn SegmentSource],
    weights: Option<&ElectrodesFile>,
) -> Result<SonataConfig> {
    if let Some(path) = given {
        for table in tables {
            let neurons = || (0..table.part_count()).flat_map(|part| table.part_neurons(part));
            let node_ids = || Ok(neurons().map(|neuron| neuron.node_id).collect());
            check_circuit_of_table(path, (table.path(), table.metadata()), node_ids)?;
        }
        return SonataConfig::open(path);
    }
    let of_tables = tables.iter().map(|table| (table.path(), table.metadata().circuit_path.clone()));
    let of_weights = weights.into_iter().flat_map(|file| {
        file.populations().iter().filter_map(|population| Some((file.path(), file.stated_circuit(population)?)))
    });
    let named = of_tables.chain(of_weights).find(|(_, stated)| !stated.is_empty());
    let (path, stated) = named.ok_or(TableCircuitProblem::NoCircuit)?;
    SonataConfig::open(&find_stated_circuit(path, &stated)?)
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
        Some(&found) => Err(GroupingProblem::Node { expected, found }).in_file(&circuit.circuit().path),
        None => Ok(nodes),
    }
}

/// The value of an attribute: numbers in their order, then texts in theirs.
#[derive(Debug, Clone)]
enum AttributeValue {
    /// An integer, also one that is stored as a floating-point number.
    Integer(i64),
    /// Another number; NaN is behind all others.
    Number(f64),
    /// Text.
    Text(String),
}

impl Ord for AttributeValue {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Integer(a), Self::Integer(b)) => a.cmp(b),
            (Self::Number(a), Self::Number(b)) => a.total_cmp(b),
            (Self::Integer(a), Self::Number(b)) => (*a as f64).total_cmp(b).then(Ordering::Less),
            (Self::Number(a), Self::Integer(b)) => a.total_cmp(&(*b as f64)).then(Ordering::Greater),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::Text(_), _) => Ordering::Greater,
            (_, Self::Text(_)) => Ordering::Less,
        }
    }
}

impl PartialOrd for AttributeValue {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for AttributeValue {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for AttributeValue {}

/// The largest number up to which all integers are floating-point numbers, 2^53.
const MAX_EXACT_INTEGER: f64 = 9_007_199_254_740_992.0;

impl AttributeValue {
    fn of_node(attribute: &NodeAttribute, id: u64) -> Self {
        match attribute {
            NodeAttribute::Text(texts) => Self::Text(texts.get(id as usize).cloned().unwrap_or_default()),
            NodeAttribute::Integer(numbers) => Self::Integer(numbers.get(id as usize).copied().unwrap_or_default()),
            NodeAttribute::Boolean(flags) => {
                Self::Text(flags.get(id as usize).copied().unwrap_or_default().to_string())
            }
            NodeAttribute::Number(numbers) => match numbers.get(id as usize).copied().unwrap_or(f64::NAN) {
                whole if whole.fract() == 0.0 && whole.abs() <= MAX_EXACT_INTEGER => Self::Integer(whole as i64),
                // one group for all, whatever their signs and payloads
                nan if nan.is_nan() => Self::Number(f64::NAN),
                other => Self::Number(other),
            },
        }
    }
}

impl std::fmt::Display for AttributeValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Integer(number) => number.fmt(f),
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => text.fmt(f),
        }
    }
}

/// Returns the names of the groups by section type.
pub(super) fn section_type_names() -> Vec<String> {
    SectionType::ALL.iter().map(|kind| kind.name().to_string()).collect()
}
