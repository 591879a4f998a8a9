//! Node sets: names for groups of nodes.
//!
//! Source: SONATA "Node sets file"; behaviour probed on libsonata 0.2.2. A set is an array of other sets' names (the
//! union of their nodes), or an object of conditions (the nodes that meet all):
//!
//! - `"population"`: a name or a list of names; the set is empty in every other population;
//! - `"node_id"`: an id or a list of ids;
//! - `"<attribute>"`: text, an integer, or a list of either (any of them), or an object of operators (all of them):
//!   `$regex` (found anywhere in the text), `$gt`, `$lt`, `$gte`, `$lte`.
//!
//! A node id that a population lacks selects nothing there, as in libsonata.
//!
//! Differences from libsonata: a node id that none of the populations of the set has is an error here and is dropped
//! there; if a population filter excludes the population, its attributes are not checked; an attribute may have several
//! operators; an order operator on an enumeration is an error here and compares its indices there; only the sets in use
//! are checked.

mod condition;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use self::condition::{Condition, as_whole_number};
use super::config::{NodePopulation, SonataConfig};
use super::json::{self, JsonNode};
use super::nodes::Nodes;
use crate::error::{Context, Error, ErrorLocation, Problem, Result, join_quoted};

/// Reasons why a node set cannot be resolved.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NodeSetProblem {
    /// There is no node set with this name.
    #[error("unknown node set, expected {known}, found `{name}`")]
    Unknown {
        /// The requested name.
        name: String,
        /// Names of the existing sets.
        known: String,
    },
    /// A node set was requested, but the configuration has no node-set file.
    #[error("unknown node set `{0}`, expected a `node_sets_file` in the configuration, found none")]
    NoFile(String),
    /// Sets contain each other in a cycle.
    #[error("node sets contain each other in a cycle: {0}")]
    Cycle(String),
    /// The object has no condition.
    #[error("empty node set, expected at least one condition, found `{{}}`")]
    NoCondition,
    /// The population lacks the attribute.
    #[error("unknown attribute of population `{population}`, expected {known}, found `{name}`")]
    UnknownAttribute {
        /// The requested name.
        name: String,
        /// Name of the population.
        population: String,
        /// Names of the existing attributes.
        known: String,
    },
    /// No population of the set has a node with this id.
    #[error("node id outside {population}, expected an id below {nodes}, found {id}")]
    OutsidePopulation {
        /// The population, or the populations.
        population: String,
        /// Number of nodes; of several populations that of the largest.
        nodes: usize,
        /// The requested id.
        id: i128,
    },
    /// An item of a list is not the name of a set.
    #[error("list of {0}, expected names of node sets")]
    NoName(&'static str),
}

impl Problem for NodeSetProblem {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Unknown { .. } => Some("name one of these, or add the set to the file".into()),
            Self::NoName("numbers") => Some("node ids are written `{\"node_id\": [0, 1]}`".into()),
            _ => None,
        }
    }
}

/// The node sets of a circuit, with a simulation's merged over them.
#[derive(Debug, Default)]
pub struct NodeSets {
    files: Vec<Arc<Path>>,
    sets: BTreeMap<String, NodeSet>,
    /// The populations of the circuit, which node ids of a set may refer to.
    populations: Vec<NodePopulation>,
}

/// The definition of a set, and its file.
#[derive(Debug)]
struct NodeSet {
    file: Arc<Path>,
    definition: Value,
}

/// A set that consists of conditions.
type ConditionSet<'a> = (&'a NodeSet, JsonNode<'a>);

impl NodeSets {
    /// Reads node-set files; a set of a later file replaces one with the same name.
    ///
    /// # Errors
    /// Returns an error if a file is missing, is not JSON, or not an object of sets.
    pub fn open<'a>(files: impl IntoIterator<Item = &'a Path>) -> Result<Self> {
        let mut all = Self::default();
        for path in files {
            let document = json::read(path)?;
            let file: Arc<Path> = PathBuf::from(path).into();
            for (name, definition) in JsonNode::new(&document, "").members().in_file(path)? {
                let set = NodeSet { file: Arc::clone(&file), definition: definition.value.clone() };
                all.sets.insert(name.to_string(), set);
            }
            all.files.push(file);
        }
        Ok(all)
    }

    /// Reads the node-set files of a configuration, and its populations: an id outside one may belong to another.
    ///
    /// # Errors
    /// Returns the errors of [`NodeSets::open`], and an error if a path contains an unknown variable.
    pub fn from_config(config: &SonataConfig) -> Result<Self> {
        let populations = config.circuit().populations.clone();
        config.node_sets_files().try_for_each(|path| config.check_path(path))?;
        Ok(Self { populations, ..Self::open(config.node_sets_files())? })
    }

    /// Returns the names of the sets, sorted.
    pub fn names(&self) -> Vec<&str> {
        self.sets.keys().map(String::as_str).collect()
    }

    /// Returns the node ids of a set within one population, ascending, without duplicates.
    ///
    /// # Errors
    /// Returns an error if the set or an attribute is unknown, sets form a cycle, a node id is outside the populations,
    /// or a condition is malformed.
    pub fn resolve_ids(&self, name: &str, population: &str, nodes: &Nodes) -> Result<Vec<u64>> {
        let mut chosen = vec![false; nodes.len()];
        for (set, conditions) in self.flatten(name)? {
            self.select_nodes(&conditions, population, nodes, &mut chosen).in_file(&set.file)?;
        }
        Ok(chosen.iter().zip(0..).filter(|(chosen, _)| **chosen).map(|(_, id)| id).collect())
    }

    /// Returns the sets of conditions that a set consists of, without duplicates.
    ///
    /// An explicit stack instead of recursion allows chains of any length.
    fn flatten(&self, name: &str) -> Result<Vec<ConditionSet<'_>>> {
        let mut found = Vec::new();
        // the value says whether the set is still on the chain: meeting it again is then a cycle
        let mut on_chain = HashMap::new();
        let mut chain = vec![self.enter_set(name, None, &mut found)?];
        on_chain.insert(name, true);
        while let Some((current, parts)) = chain.last_mut() {
            let current = *current;
            let Some(part) = parts.next() else {
                on_chain.insert(current, false);
                chain.pop();
                continue;
            };
            match on_chain.insert(part, true) {
                None => chain.push(self.enter_set(part, Some(current), &mut found)?),
                Some(false) => drop(on_chain.insert(part, false)),
                Some(true) => {
                    let names = chain.iter().map(|(name, _)| *name).skip_while(|name| *name != part);
                    return Err(self.cycle(names, part));
                }
            }
        }
        Ok(found)
    }

    /// Returns a set's name and the names in it; appends it to `found` if it consists of conditions.
    fn enter_set<'a>(
        &'a self,
        name: &str,
        referrer: Option<&str>,
        found: &mut Vec<ConditionSet<'a>>,
    ) -> Result<(&'a str, std::vec::IntoIter<&'a str>)> {
        let (name, set) = self.sets.get_key_value(name).ok_or_else(|| self.unknown(name, referrer))?;
        let at = JsonNode::new(&set.definition, name);
        let parts = if at.value.is_array() { parse_names(&at).in_file(&set.file)? } else { Vec::new() };
        if !at.value.is_array() {
            found.push((set, at));
        }
        Ok((name, parts.into_iter()))
    }

    /// Adds the nodes that meet all conditions of a set to the chosen ones.
    fn select_nodes(&self, set: &JsonNode<'_>, population: &str, nodes: &Nodes, chosen: &mut [bool]) -> Result<()> {
        if !set.value.is_object() {
            return Err(set.wrong_type("an object of conditions or an array of names"));
        }
        let conditions = set.members()?;
        if conditions.is_empty() {
            return Err(set.error(NodeSetProblem::NoCondition));
        }
        let filter = conditions.iter().find(|(key, _)| *key == "population").map(|(_, filter)| filter);
        if !filter.map_or(Ok(true), |filter| includes_population(filter, population))? {
            return Ok(());
        }
        let ids = conditions.iter().find(|(key, _)| *key == "node_id");
        let others = || conditions.iter().filter(|(key, _)| *key != "population" && *key != "node_id");
        if let Some((_, ids)) = ids.filter(|_| others().next().is_none()) {
            // many files list thousands of sets with a few ids, so the cost must depend on the ids, not on all nodes
            return self.select_ids(ids, filter, population, chosen);
        }
        let mut all = vec![ids.is_none(); nodes.len()];
        if let Some((_, ids)) = ids {
            self.select_ids(ids, filter, population, &mut all)?;
        }
        for (attribute, condition) in others() {
            let one = match_attribute(attribute, condition, population, nodes)?;
            all.iter_mut().zip(one).for_each(|(all, one)| *all &= one);
        }
        chosen.iter_mut().zip(all).for_each(|(chosen, all)| *chosen |= all);
        Ok(())
    }

    /// Marks the nodes of a list of ids. An id outside the population selects nothing if another population of the set
    /// has it; otherwise it is an error.
    fn select_ids(
        &self,
        condition: &JsonNode<'_>,
        filter: Option<&JsonNode<'_>>,
        population: &str,
        chosen: &mut [bool],
    ) -> Result<()> {
        let nodes = chosen.len();
        let ids = condition.value.as_array().map_or(std::slice::from_ref(condition.value), Vec::as_slice);
        let mut beyond: Option<i128> = None;
        for (i, value) in ids.iter().enumerate() {
            let number = value.as_number().and_then(as_whole_number);
            let wrong = || if condition.value.is_array() { condition.item(i, value) } else { condition.clone() };
            let id = number.ok_or_else(|| wrong().wrong_type("a node id"))?;
            match usize::try_from(id).ok().and_then(|id| chosen.get_mut(id)) {
                Some(node) => *node = true,
                // report the first negative id, which no population can have; otherwise the largest id
                None => beyond = Some(beyond.map_or(id, |b| if b < 0 || (id >= 0 && id <= b) { b } else { id })),
            }
        }
        let Some(id) = beyond else { return Ok(()) };
        let others = self.populations.iter().filter(|p| p.name != population);
        let meant =
            others.filter(|p| filter.is_none_or(|filter| includes_population(filter, &p.name).unwrap_or(false)));
        // ignore files that do not exist: their populations may not be used
        let sizes: Vec<(&str, usize)> =
            meant.filter_map(|p| Some((p.name.as_str(), Nodes::open(p).ok()?.len()))).collect();
        let nodes = sizes.iter().map(|&(_, n)| n).max().unwrap_or(0).max(nodes);
        if usize::try_from(id).is_ok_and(|id| id < nodes) {
            return Ok(());
        }
        let population = match sizes.is_empty() {
            true => format!("the population `{population}`"),
            false => {
                let names = [population].into_iter().chain(sizes.iter().map(|s| s.0));
                format!("the populations {}", join_quoted(names, 12))
            }
        };
        Err(condition.error(NodeSetProblem::OutsidePopulation { population, nodes, id }))
    }

    fn unknown(&self, name: &str, referrer: Option<&str>) -> Error {
        let name = name.to_string();
        let Some(last) = self.files.last() else { return NodeSetProblem::NoFile(name).into() };
        let file = referrer.and_then(|r| self.sets.get(r)).map_or(last, |set| &set.file);
        let place = ErrorLocation { item: referrer.map(str::to_string), ..ErrorLocation::file(&**file) };
        Error::new(place, NodeSetProblem::Unknown { name, known: join_quoted(self.names(), 12) })
    }

    fn cycle<'a>(&self, names: impl Iterator<Item = &'a str>, again: &'a str) -> Error {
        let mut chain: Vec<String> = names.chain([again]).map(|name| format!("`{name}`")).collect();
        if chain.len() > MAX_LISTED {
            let left_out = chain.len() - MAX_LISTED;
            chain.splice(MAX_LISTED - 1..chain.len() - 1, [format!("({left_out} more)")]);
        }
        let place = self.sets.get(again).map(|set| ErrorLocation::file(&*set.file)).unwrap_or_default();
        Error::new(place.with_item(again), NodeSetProblem::Cycle(chain.join(" -> ")))
    }
}

/// Maximum length of a chain of sets that an error lists in full.
const MAX_LISTED: usize = 12;

/// Returns the names in an array.
fn parse_names<'a>(at: &JsonNode<'a>) -> Result<Vec<&'a str>> {
    let name = |item: &JsonNode<'a>| match item.value {
        Value::String(name) => Ok(name.as_str()),
        Value::Number(_) => Err(at.error(NodeSetProblem::NoName("numbers"))),
        _ => Err(item.wrong_type("the name of a node set")),
    };
    at.items()?.iter().map(name).collect()
}

/// Returns whether a filter includes a population.
fn includes_population(filter: &JsonNode<'_>, population: &str) -> Result<bool> {
    match filter.value {
        Value::String(name) => Ok(name == population),
        Value::Array(_) => {
            let names: Vec<&str> = filter.items()?.iter().map(JsonNode::text).collect::<Result<_>>()?;
            Ok(names.contains(&population))
        }
        _ => Err(filter.wrong_type("the name of a population or a list of names")),
    }
}

fn match_attribute(name: &str, at: &JsonNode<'_>, population: &str, nodes: &Nodes) -> Result<Vec<bool>> {
    let condition = Condition::parse(at)?;
    let known = nodes.attribute_names()?;
    if !known.iter().any(|n| n == name) {
        let (name, population) = (name.to_string(), population.to_string());
        return Err(at.error(NodeSetProblem::UnknownAttribute { name, population, known: join_quoted(known, 40) }));
    }
    condition.matching_nodes(name, &*nodes.cached_column(name)?).map_err(|problem| at.error(problem))
}

#[cfg(test)]
mod tests {
    use super::super::config::NodePopulation;
    use super::*;
    use crate::io::hdf5::Hdf5File;
    use serde_json::json;

    /// Six nodes of a population `P`: `text` (a, b, ab, c, "", a), `kind` (an enumeration: L1, L2, L23, L1, L2, L23),
    /// `index` (0 to 5), `signed` (-3 to 2), `depth` (0.0, 0.5, ... 2.5).
    struct Input {
        folder: tempfile::TempDir,
        nodes: Nodes,
    }

    impl Input {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("nodes.h5");
            let file = Hdf5File::create(&path).unwrap();
            file.create_group("/nodes/P/0/@library").unwrap();
            let name = |name: &str| format!("/nodes/P/0/{name}");
            file.write_dataset("/nodes/P/node_type_id", &[-1_i64; 6], &[6]).unwrap();
            file.write_strings(&name("text"), &["a", "b", "ab", "c", "", "a"], &[6]).unwrap();
            file.write_strings(&name("@library/kind"), &["L1", "L2", "L23"], &[3]).unwrap();
            file.write_dataset(&name("kind"), &[0_u32, 1, 2, 0, 1, 2], &[6]).unwrap();
            file.write_dataset(&name("index"), &[0_u32, 1, 2, 3, 4, 5], &[6]).unwrap();
            file.write_dataset(&name("signed"), &[-3_i64, -2, -1, 0, 1, 2], &[6]).unwrap();
            file.write_dataset(&name("depth"), &[0.0_f32, 0.5, 1.0, 1.5, 2.0, 2.5], &[6]).unwrap();
            file.close().unwrap();
            let nodes = Nodes::open(&NodePopulation {
                name: "P".into(),
                kind: "biophysical".into(),
                nodes_file: path,
                morphologies: None,
                node_types_file: None,
                biophysical_neuron_models_dir: None,
            });
            Self { folder, nodes: nodes.unwrap() }
        }

        fn path(&self, name: &str) -> PathBuf {
            self.folder.path().join(name)
        }

        fn sets(&self, content: &Value) -> NodeSets {
            let path = self.path("node_sets.json");
            std::fs::write(&path, content.to_string()).unwrap();
            NodeSets::open([path.as_path()]).unwrap()
        }

        fn all(&self, sets: &Value) -> Result<Vec<u64>> {
            self.sets(sets).resolve_ids("X", "P", &self.nodes)
        }

        fn ids(&self, set: &Value) -> Vec<u64> {
            self.all(&json!({ "X": set })).unwrap()
        }

        #[track_caller]
        fn refused_all(&self, sets: &Value, message: &str) -> Option<String> {
            let error = self.all(sets).unwrap_err();
            assert_eq!(error.to_string(), format!("{}: {message}", self.path("node_sets.json").display()));
            error.hint()
        }

        #[track_caller]
        fn refused(&self, set: &Value, message: &str) -> Option<String> {
            self.refused_all(&json!({ "X": set }), message)
        }
    }

    #[test]
    fn each_form_of_condition_selects_its_nodes() {
        let input = Input::new();
        let none: [u64; 0] = [];
        for (set, ids) in [
            (json!({"node_id": 3}), &[3][..]),
            (json!({"node_id": [3, 1, 1, 2.0]}), &[1, 2, 3]),
            (json!({"node_id": []}), &none),
            (json!({"population": "P"}), &[0, 1, 2, 3, 4, 5]),
            (json!({"population": ["Q", "P"]}), &[0, 1, 2, 3, 4, 5]),
            (json!({"population": "Q"}), &none),
            (json!({"population": []}), &none),
            (json!({"text": "a"}), &[0, 5]),
            (json!({"text": ["a", "c", "zz"]}), &[0, 3, 5]),
            (json!({"text": ""}), &[4]),
            (json!({"text": []}), &none),
            (json!({"kind": "L2"}), &[1, 4]),
            (json!({"kind": ["L2", "zz"]}), &[1, 4]),
            (json!({"kind": "zz"}), &none),
            (json!({"index": 2}), &[2]),
            (json!({"index": [1, 2.0, -1, 99]}), &[1, 2]),
            (json!({"index": []}), &none),
            (json!({"signed": [-1, 0]}), &[2, 3]),
        ] {
            assert_eq!(input.ids(&set), ids, "{set}");
        }
    }

    #[test]
    fn each_operator_selects_its_nodes() {
        let input = Input::new();
        for (set, ids) in [
            (json!({"text": {"$regex": "a"}}), &[0, 2, 5][..]),
            (json!({"text": {"$regex": "^a$"}}), &[0, 5]),
            (json!({"kind": {"$regex": "2"}}), &[1, 2, 4, 5]),
            (json!({"index": {"$gt": 2}}), &[3, 4, 5]),
            (json!({"index": {"$gte": 2}}), &[2, 3, 4, 5]),
            (json!({"index": {"$lt": 2}}), &[0, 1]),
            (json!({"index": {"$lte": 2}}), &[0, 1, 2]),
            (json!({"index": {"$gt": 1, "$lte": 3}}), &[2, 3]),
            (json!({"signed": {"$lt": -1.5}}), &[0, 1]),
            (json!({"depth": {"$gte": 1.0}}), &[2, 3, 4, 5]),
        ] {
            assert_eq!(input.ids(&set), ids, "{set}");
        }
    }

    #[test]
    fn attributes_are_joined_by_and() {
        let input = Input::new();
        assert_eq!(input.ids(&json!({"kind": ["L1", "L2"], "index": {"$gt": 0}, "population": "P"})), [1, 3, 4]);
        assert_eq!(input.ids(&json!({"node_id": [0, 1], "text": "b"})), [1]);
    }

    #[test]
    fn a_set_of_another_population_is_empty_whatever_its_other_conditions() {
        let input = Input::new();
        assert_eq!(input.ids(&json!({"population": "Q", "node_id": 99, "colour": "red"})), [0_u64; 0]);
    }

    #[test]
    fn names_are_joined_by_or_in_any_order_of_definition() {
        let input = Input::new();
        let sets = json!({"X": ["Y", "Z", "Y"], "Z": ["W", "Y"], "W": {"node_id": [5, 1]}, "Y": {"node_id": 0}});
        assert_eq!(input.all(&sets).unwrap(), [0, 1, 5]);
        assert_eq!(input.ids(&json!([])), [0_u64; 0]);
    }

    #[test]
    fn a_chain_of_two_thousand_sets_is_followed() {
        let input = Input::new();
        let link = |i: usize| (format!("S{i}"), json!([format!("S{}", i + 1)]));
        let mut sets: serde_json::Map<_, _> = (0..2000).map(link).collect();
        sets.insert("S2000".into(), json!({"node_id": 4}));
        sets.insert("X".into(), json!(["S0"]));
        assert_eq!(input.all(&sets.into()).unwrap(), [4]);
    }

    #[test]
    fn a_later_file_replaces_sets_of_the_same_name() {
        let input = Input::new();
        let (circuit, simulation) = (input.path("c.json"), input.path("s.json"));
        std::fs::write(&circuit, json!({"X": {"node_id": 1}, "Y": {"node_id": 2}}).to_string()).unwrap();
        std::fs::write(&simulation, json!({"X": ["Y", "Z"], "Z": {"node_id": 3}}).to_string()).unwrap();
        let sets = NodeSets::open([circuit.as_path(), simulation.as_path()]).unwrap();
        assert_eq!(sets.names(), ["X", "Y", "Z"]);
        assert_eq!(sets.resolve_ids("X", "P", &input.nodes).unwrap(), [2, 3]);
    }

    #[test]
    fn an_unknown_set_is_refused_with_the_known_ones() {
        let input = Input::new();
        let hint = input.refused_all(&json!({"A": [], "B": []}), "unknown node set, expected `A`, `B`, found `X`");
        assert_eq!(hint.unwrap(), "name one of these, or add the set to the file");
        input.refused(&json!(["Y"]), "X: unknown node set, expected `X`, found `Y`");
        assert_eq!(
            NodeSets::default().resolve_ids("X", "P", &input.nodes).unwrap_err().to_string(),
            "unknown node set `X`, expected a `node_sets_file` in the configuration, found none"
        );
    }

    #[test]
    fn sets_that_contain_each_other_are_refused_with_the_chain() {
        let input = Input::new();
        input.refused_all(
            &json!({"X": ["A"], "A": ["B"], "B": ["C"], "C": ["A"]}),
            "A: node sets contain each other in a cycle: `A` -> `B` -> `C` -> `A`",
        );
        input.refused(&json!(["X"]), "X: node sets contain each other in a cycle: `X` -> `X`");
    }

    /// Returns the CPU time of this thread, s, which does not depend on the load of the machine.
    fn cpu_seconds() -> i64 {
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: `time` is a valid place to write to
        unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
        time.tv_sec
    }

    #[test]
    fn long_chains_and_many_sets_take_linear_time() {
        const SETS: usize = 100_000;
        let input = Input::new();
        let chain = |last: Value| {
            let mut sets: serde_json::Map<String, Value> =
                (0..SETS).map(|i| (format!("s{i}"), json!([format!("s{}", i + 1)]))).collect();
            sets.insert(format!("s{SETS}"), last);
            sets.insert("X".into(), json!(["s0"]));
            Value::Object(sets)
        };
        let start = cpu_seconds();
        assert_eq!(input.all(&chain(json!({"node_id": 4}))).unwrap(), [4]);
        let shown: Vec<String> = (0..11).map(|i| format!("`s{i}`")).collect();
        let left_out = SETS + 2 - 12;
        input.refused_all(
            &chain(json!(["s0"])),
            &format!(
                "s0: node sets contain each other in a cycle: {} -> ({left_out} more) -> `s0`",
                shown.join(" -> ")
            ),
        );
        // most of many sets have one id, and every fifth one contains all later names
        let names: Vec<String> = (0..1000).map(|i| format!("s{i}")).collect();
        let set = |i: usize| if i.is_multiple_of(5) { json!(names[i + 1..]) } else { json!({"node_id": i % 6}) };
        let mut sets: serde_json::Map<String, Value> = (0..1000).map(|i| (format!("s{i}"), set(i))).collect();
        sets.insert("X".into(), json!(names));
        assert_eq!(input.all(&Value::Object(sets)).unwrap(), [0, 1, 2, 3, 4, 5]);
        let took = cpu_seconds() - start;
        assert!(took < 15, "{took} s: quadratic work takes a minute");
    }

    #[test]
    fn an_unknown_attribute_is_refused_with_the_known_ones() {
        Input::new().refused(
            &json!({"colour": "red"}),
            "X.colour: unknown attribute of population `P`, expected `depth`, `index`, `kind`, `signed`, `text`, found `colour`",
        );
    }

    #[test]
    fn a_node_outside_the_population_is_refused() {
        let input = Input::new();
        for (id, found) in [(json!(6), "6"), (json!([0, 6]), "6"), (json!(-1), "-1")] {
            input.refused(
                &json!({ "node_id": id }),
                &format!("X.node_id: node id outside the population `P`, expected an id below 6, found {found}"),
            );
        }
    }

    #[test]
    fn malformed_sets_are_refused() {
        let input = Input::new();
        let hint = input.refused(&json!([1, 2]), "X: list of numbers, expected names of node sets");
        assert_eq!(hint.unwrap(), "node ids are written `{\"node_id\": [0, 1]}`");
        let operators = "expected `$regex`, `$gt`, `$lt`, `$gte` or `$lte`";
        for (set, message) in [
            (json!("Y"), "X: wrong type, expected an object of conditions or an array of names, found the string `Y`"),
            (json!(["Y", null]), "X[1]: wrong type, expected the name of a node set, found `null`"),
            (json!({}), "X: empty node set, expected at least one condition, found `{}`"),
            (json!({"node_id": "1"}), "X.node_id: wrong type, expected a node id, found the string `1`"),
            (json!({"node_id": [0, 1.5]}), "X.node_id[1]: wrong type, expected a node id, found the number `1.5`"),
            (
                json!({"population": null}),
                "X.population: wrong type, expected the name of a population or a list of names, found `null`",
            ),
            (json!({"population": [1]}), "X.population[0]: wrong type, expected a string, found the number `1`"),
            (
                json!({"text": null}),
                "X.text: wrong type, expected text, a number, a list of either, a boolean, or operators, found `null`",
            ),
            (
                json!({"text": true}),
                "X.text: attribute `text` holds text, expected text to compare it with, found a boolean",
            ),
            (json!({"text": ["a", []]}), "X.text[1]: wrong type, expected text or a number, found an array"),
            (
                json!({"text": ["a", 1]}),
                "X.text: list of text and numbers, expected either text or numbers, found both",
            ),
            (json!({"text": {}}), &format!("X.text: no operator, {operators}, found `{{}}`")),
            (json!({"index": {"$eq": 1}}), &format!("X.index.$eq: unknown operator, {operators}, found `$eq`")),
            (json!({"index": {"$gt": "1"}}), "X.index.$gt: wrong type, expected a number, found the string `1`"),
            (json!({"text": {"$regex": 1}}), "X.text.$regex: wrong type, expected a string, found the number `1`"),
            (json!({"text": {"$regex": "(a"}}), "X.text.$regex: invalid regular expression: unclosed group"),
            (
                json!({"text": 1}),
                "X.text: attribute `text` holds text, expected text to compare it with, found a number",
            ),
            (
                json!({"kind": {"$gt": 0}}),
                "X.kind: attribute `kind` holds text, expected text to compare it with, found a number",
            ),
            (
                json!({"index": "1"}),
                "X.index: attribute `index` holds numbers, expected numbers to compare it with, found text",
            ),
            (
                json!({"index": {"$regex": "1"}}),
                "X.index: attribute `index` holds numbers, expected numbers to compare it with, found text",
            ),
            (
                json!({"index": [1, 2.5]}),
                "X.index: attribute `index` holds integers, expected integers to compare it with, found 2.5",
            ),
            (
                json!({"depth": 0.5}),
                "X.depth: attribute `depth` holds floating-point numbers, expected `$gt`, `$lt`, `$gte` or `$lte`, found exact values",
            ),
        ] {
            input.refused(&set, message);
        }
    }

    #[test]
    fn a_file_that_is_not_an_object_of_sets_is_refused() {
        let input = Input::new();
        let path = input.path("node_sets.json");
        for (content, message) in [
            ("[]", "wrong type, expected an object, found an array"),
            ("{\n\"a\": }", "line[2]: no valid JSON at column 6: expected value"),
        ] {
            std::fs::write(&path, content).unwrap();
            let error = NodeSets::open([path.as_path()]).unwrap_err();
            assert_eq!(error.to_string(), format!("{}: {message}", path.display()));
        }
    }
}
