//! Circuits that are each invalid in one place: the complete message that a user sees.
//!
//! The cases go through the readers in the order in which `positions` uses them; [`assert_message`] formats an error as
//! the program does.

use std::path::{Path, PathBuf};

use leadfield::Result;
use leadfield::io::hdf5::Hdf5File;
use leadfield::sonata::compartment_report::ReportLayout;
use leadfield::sonata::config::{CircuitConfig, SonataConfig};
use leadfield::sonata::node_sets::NodeSets;
use leadfield::sonata::nodes::Nodes;
use serde_json::{Value, json};

use crate::support::scratch;

/// A circuit of twenty nodes in a population `P`, and a population `V` of inputs.
struct Input(tempfile::TempDir);

/// The request for the circuit's segments.
#[derive(Default)]
struct Request<'a> {
    population: Option<&'a str>,
    node_set: Option<&'a str>,
}

impl Input {
    fn new() -> Self {
        let input = Self(scratch());
        input.write_json("circuit_config.json", &Self::circuit());
        let sets = json!({"Outside": {"node_id": [1, 20]}, "Coloured": {"colour": "red"}, "All": {"population": "P"}});
        input.write_json("node_sets.json", &sets);
        input.write_nodes(&["x", "y", "z", "orientation_w"]);
        input
    }

    fn circuit() -> Value {
        json!({
            "manifest": {"$BASE": "."},
            "node_sets_file": "$BASE/node_sets.json",
            "networks": {"nodes": [
                {"nodes_file": "$BASE/nodes.h5", "populations": {"P": {}, "V": {"type": "virtual"}}}
            ]}
        })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write_json(&self, name: &str, content: &Value) {
        self.write(name, &content.to_string());
    }

    fn write(&self, name: &str, content: &str) {
        std::fs::write(self.path(name), content).unwrap();
    }

    /// Twenty nodes whose coordinates are their ids; the quaternion of node 17 is zero.
    fn write_nodes(&self, columns: &[&str]) {
        let file = Hdf5File::create(&self.path("nodes.h5")).unwrap();
        file.create_group("/nodes/P/0").unwrap();
        file.write_dataset("/nodes/P/node_type_id", &[-1_i64; 20], &[20]).unwrap();
        let ids: Vec<f32> = (0..20_u8).map(f32::from).collect();
        let quaternion: Vec<f32> = (0..20).map(|id| if id == 17 { 0.0 } else { 1.0 }).collect();
        for name in columns {
            let values = if *name == "orientation_w" { &quaternion } else { &ids };
            file.write_dataset(&format!("/nodes/P/0/{name}"), values, &[20]).unwrap();
        }
        for name in ["orientation_x", "orientation_y", "orientation_z"] {
            file.write_dataset(&format!("/nodes/P/0/{name}"), &[0.0_f32; 20], &[20]).unwrap();
        }
        file.close().unwrap();
    }

    fn cut(&self, name: &str) {
        let bytes = std::fs::read(self.path(name)).unwrap();
        std::fs::write(self.path(name), &bytes[..bytes.len() / 2]).unwrap();
    }

    /// Reads the properties of nodes that `positions` reads.
    fn read(&self, request: &Request<'_>) -> Result<()> {
        let config = SonataConfig::open(&self.path("circuit_config.json"))?;
        let population = CircuitConfig::population(config.circuit(), request.population)?;
        let nodes = Nodes::open(population)?;
        let sets = NodeSets::open(config.node_sets_files())?;
        let everyone = || Ok((0..nodes.len() as u64).collect());
        let chosen = request.node_set.map_or_else(everyone, |set| sets.resolve_ids(set, &population.name, &nodes))?;
        nodes.transforms(&chosen).map(drop)
    }

    #[track_caller]
    fn refused(&self, request: &Request<'_>, expected: &str) {
        assert_message(self.0.path(), self.read(request), expected);
    }
}

/// Asserts the text that the program would print for an error, without the folder's path.
#[track_caller]
fn assert_message<T: std::fmt::Debug>(folder: &Path, result: Result<T>, expected: &str) {
    let text = format!("{:?}", result.unwrap_err());
    assert_eq!(text.replace(&format!("{}/", folder.display()), ""), expected);
}

fn everything() -> Request<'static> {
    Request::default()
}

fn node_set(name: &str) -> Request<'_> {
    Request { node_set: Some(name), ..Request::default() }
}

fn population(name: &str) -> Request<'_> {
    Request { population: Some(name), ..Request::default() }
}

#[test]
fn the_circuit_is_read_but_for_the_node_that_is_broken_on_purpose() {
    let input = Input::new();
    let config = SonataConfig::open(&input.path("circuit_config.json")).unwrap();
    let nodes = Nodes::open(config.circuit().population(None).unwrap()).unwrap();
    assert_eq!(nodes.transforms(&[3]).unwrap()[0].translation.to_array(), [3.0; 3]);
}

#[test]
fn a_missing_configuration() {
    let input = Input::new();
    std::fs::remove_file(input.path("circuit_config.json")).unwrap();
    input.refused(&everything(), "circuit_config.json: cannot be read: no such file or directory");
}

#[test]
fn a_configuration_that_is_not_json() {
    let input = Input::new();
    input.write("circuit_config.json", "{\n  \"networks\": {\n    \"nodes\" []\n  }\n}\n");
    input.refused(&everything(), "circuit_config.json: line[3]: no valid JSON at column 13: expected `:`");
    input.write("circuit_config.json", "{\"networks\": {");
    input.refused(
        &everything(),
        "circuit_config.json: line[1]: no valid JSON at column 14: EOF while parsing an object",
    );
}

#[test]
fn a_manifest_that_runs_in_a_circle() {
    let input = Input::new();
    let mut circuit = Input::circuit();
    circuit["manifest"] = json!({"$BASE": "$NET/..", "$NET": "$BASE/net"});
    input.write_json("circuit_config.json", &circuit);
    input.refused(
        &everything(),
        "circuit_config.json: manifest: variables refer to each other in a cycle, expected none that do, found \
         `$BASE`, `$NET`\nhint: write one of them without a variable",
    );
}

#[test]
fn a_configuration_of_neither_kind() {
    let input = Input::new();
    input.write_json("circuit_config.json", &json!({"reports": {}}));
    input.refused(
        &everything(),
        "circuit_config.json: not a SONATA configuration, expected `run` (a simulation) or `networks` (a circuit), \
         found `reports`",
    );
}

#[test]
fn an_unknown_population_and_one_without_segments() {
    let input = Input::new();
    let hint = "hint: name one biophysical population with `--population`";
    input.refused(
        &population("Q"),
        &format!("circuit_config.json: networks.nodes: unknown population, expected `P`, `V`, found `Q`\n{hint}"),
    );
    input.refused(
        &population("V"),
        &format!(
            "circuit_config.json: networks.nodes: population `V` has no segments, expected the type `biophysical`, \
             found `virtual`\n{hint}"
        ),
    );
}

#[test]
fn an_unknown_node_set() {
    Input::new().refused(
        &node_set("Everyone"),
        "node_sets.json: unknown node set, expected `All`, `Coloured`, `Outside`, found `Everyone`\n\
         hint: name one of these, or add the set to the file",
    );
}

#[test]
fn an_unknown_attribute() {
    Input::new().refused(
        &node_set("Coloured"),
        "node_sets.json: Coloured.colour: unknown attribute of population `P`, expected `orientation_w`, \
         `orientation_x`, `orientation_y`, `orientation_z`, `x`, `y`, `z`, found `colour`",
    );
}

#[test]
fn a_node_id_outside_the_population() {
    Input::new().refused(
        &node_set("Outside"),
        "node_sets.json: Outside.node_id: node id outside the population `P`, expected an id below 20, found 20",
    );
}

#[test]
fn a_nodes_file_without_x() {
    let input = Input::new();
    input.write_nodes(&["y", "z"]);
    input.refused(
        &everything(),
        "nodes.h5: /nodes/P/0/x: missing, expected a dataset; the nearest group `/nodes/P/0` has `orientation_x`, \
         `orientation_y`, `orientation_z`, `y`, `z`",
    );
}

#[test]
fn a_quaternion_of_length_zero() {
    Input::new().refused(
        &node_set("All"),
        "nodes.h5: node[17]: orientation is not a rotation, expected a quaternion with a length above 0, found (w 0, \
         x 0, y 0, z 0)\nhint: give an unrotated neuron the orientation w 1, x 0, y 0, z 0",
    );
}

#[test]
fn a_nodes_file_that_is_missing_or_cut_short() {
    let input = Input::new();
    input.cut("nodes.h5");
    let text = format!("{:?}", input.read(&everything()).unwrap_err());
    let start = format!("{}: not a readable HDF5 file: ", input.path("nodes.h5").display());
    assert!(text.starts_with(&start), "{text}");
    assert!(text.ends_with("\nhint: the file may be cut short, or be of another format"), "{text}");
    std::fs::remove_file(input.path("nodes.h5")).unwrap();
    input.refused(&everything(), "nodes.h5: cannot be read: no such file or directory");
}

#[test]
fn a_report_with_as_many_pointers_as_nodes() {
    let input = Input::new();
    let file = Hdf5File::create(&input.path("report.h5")).unwrap();
    file.create_group("/report/P/mapping").unwrap();
    file.write_dataset("/report/P/mapping/node_ids", &[0_u64, 1], &[2]).unwrap();
    file.write_dataset("/report/P/mapping/index_pointers", &[0_u64, 2], &[2]).unwrap();
    file.write_dataset("/report/P/mapping/element_ids", &[0_u32, 1, 0], &[3]).unwrap();
    file.write_dataset("/report/P/data", &[0.0_f32; 3], &[1, 3]).unwrap();
    file.close().unwrap();
    assert_message(
        input.0.path(),
        ReportLayout::open(&input.path("report.h5"), "P"),
        "report.h5: /report/P/mapping/index_pointers: wrong number of index pointers, expected 3 (one more than nodes), \
         found 2\nhint: add the number of elements as the last pointer",
    );
}
