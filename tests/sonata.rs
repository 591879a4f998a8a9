//! Tests the SONATA readers on the reference circuit, and compares them with libsonata, the reference implementation.
//!
//! The comparison writes a circuit, lets `sonata.py` read it with libsonata in the Python of `LEADFIELD_PYTHON`, and
//! expects the same paths, node ids, attributes and refusals.

use std::path::Path;
use std::process::Command;

use leadfield::io::hdf5::Hdf5File;
use leadfield::sonata::compartment_report::{ReportLayout, list_populations};
use leadfield::sonata::config::{NodePopulation, ReportConfig, SimulationConfig, SonataConfig};
use leadfield::sonata::node_sets::NodeSets;
use leadfield::sonata::nodes::{NodeAttribute, Nodes};
use rand::seq::IndexedRandom as _;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Map, Value, json};

use crate::support::{golden, root, scratch};

fn simulation(path: &Path) -> SimulationConfig {
    match SonataConfig::open(path).unwrap() {
        SonataConfig::Simulation(simulation) => simulation,
        SonataConfig::Circuit(_) => panic!("{} is a circuit", path.display()),
    }
}

#[test]
fn the_reference_circuit_is_read_as_its_readme_says() {
    let folder = golden().join("input/circuit");
    let simulation = simulation(&folder.join("simulation_config.json"));
    let population = simulation.circuit.population(None).unwrap();
    let nodes = Nodes::open(population).unwrap();
    let files = [simulation.circuit.node_sets_file.as_deref(), simulation.node_sets_file.as_deref()];
    let sets = NodeSets::open(files.into_iter().flatten()).unwrap();
    let [report] = &simulation.reports[..] else { panic!("one report") };
    let layout = ReportLayout::open(&report.file, &population.name).unwrap();

    assert_eq!(population.name, "S1nonbarrel_neurons");
    assert_eq!((report.sections.as_str(), report.compartments.as_str()), ("all", "all"));
    assert_eq!(list_populations(&report.file).unwrap(), ["S1nonbarrel_neurons"]);
    assert_eq!(nodes.len(), 24);
    assert_eq!(sets.resolve_ids("All", &population.name, &nodes).unwrap().len(), 24);
    let reported = sets.resolve_ids(report.cells.as_deref().unwrap(), &population.name, &nodes).unwrap();
    assert_eq!(layout.node_ids(), reported);
    assert_eq!(reported.iter().filter_map(|&node| layout.segment_count(node)).sum::<u64>(), 3161);
    let folder = &population.morphologies.as_ref().unwrap().path;
    for name in nodes.morphology_names(&reported).unwrap() {
        assert!(folder.join(format!("{name}.swc")).is_file(), "{name}");
    }
}

/// Returns the answers of `sonata.py` to questions.
fn libsonata(folder: &Path, questions: &Value) -> Vec<Value> {
    let python = std::env::var_os("LEADFIELD_PYTHON").expect("LEADFIELD_PYTHON names a Python with libsonata");
    let file = folder.join("questions.json");
    std::fs::write(&file, questions.to_string()).unwrap();
    let output = Command::new(python).arg(root().join("tests/sonata.py")).arg(&file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

const NODES: usize = 60;
const MTYPES: [&str; 5] = ["L1_DAC", "L23_PC", "L4_PC", "L5_TPC:A", "L5_TPC:B"];
const NAMES: [&str; 4] = ["a", "ab", "", "b.c"];

/// Draws sixty nodes of a population `P` with attributes of every kind.
fn write_nodes(path: &Path, random: &mut ChaCha8Rng) -> Nodes {
    let file = Hdf5File::create(path).unwrap();
    file.create_group("/nodes/P/0/@library").unwrap();
    let mut draw = |below: i16| (0..NODES).map(|_| random.random_range(0..below)).collect::<Vec<i16>>();
    file.write_dataset("/nodes/P/node_type_id", &[-1_i64; NODES], &[NODES]).unwrap();
    file.write_strings("/nodes/P/0/@library/mtype", &MTYPES, &[5]).unwrap();
    let mtypes: Vec<u32> = draw(5).into_iter().map(|v| v.unsigned_abs().into()).collect();
    file.write_dataset("/nodes/P/0/mtype", &mtypes, &[NODES]).unwrap();
    file.write_dataset("/nodes/P/0/layer", &draw(6), &[NODES]).unwrap();
    let signed: Vec<i64> = draw(9).into_iter().map(|v| i64::from(v) - 4).collect();
    file.write_dataset("/nodes/P/0/signed", &signed, &[NODES]).unwrap();
    let names: Vec<&str> = draw(4).into_iter().map(|v| NAMES[usize::from(v.unsigned_abs())]).collect();
    file.write_strings("/nodes/P/0/name", &names, &[NODES]).unwrap();
    let x: Vec<f32> = draw(1000).into_iter().map(|v| f32::from(v) / 7.0).collect();
    file.write_dataset("/nodes/P/0/x", &x, &[NODES]).unwrap();
    file.close().unwrap();
    let nodes_file = path.to_path_buf();
    let (name, kind) = ("P".into(), "biophysical".into());
    let population = NodePopulation {
        name,
        kind,
        nodes_file,
        node_types_file: None,
        morphologies: None,
        biophysical_neuron_models_dir: None,
    };
    Nodes::open(&population).unwrap()
}

fn one_of<T: Clone>(choices: &[T], random: &mut ChaCha8Rng) -> T {
    choices.choose(random).unwrap().clone()
}

/// Draws a condition on an attribute.
fn condition(random: &mut ChaCha8Rng) -> (&'static str, Value) {
    let number = random.random_range(-5..8);
    let (from, to) = (random.random_range(0..NODES), random.random_range(0..NODES));
    let mtype = one_of(&MTYPES, random);
    let operator = one_of(&["$gt", "$lt", "$gte", "$lte"], random);
    let pattern = one_of(&["PC", "^L5", "A$", "L[14]_", "^$", ":", "b.c|^a$"], random);
    one_of(
        &[
            ("node_id", json!(from)),
            ("node_id", json!([from, to, from])),
            ("node_id", json!((from..NODES).collect::<Vec<_>>())),
            ("population", json!("P")),
            ("population", json!("Q")),
            ("population", json!(["Q", "P"])),
            ("mtype", json!(mtype)),
            ("mtype", json!([mtype, MTYPES[0], "none of them"])),
            ("mtype", json!({ "$regex": pattern })),
            ("name", json!(one_of(&NAMES, random))),
            ("name", json!({ "$regex": pattern })),
            ("layer", json!(number)),
            ("layer", json!([number, 2, 3])),
            ("signed", json!({ operator: number })),
            ("signed", json!([number, -1])),
            ("x", json!({ operator: to as f64 * 2.5 })),
        ],
        random,
    )
}

/// Draws three sets of conditions, a list of names, and `X`, which is either.
fn node_sets(random: &mut ChaCha8Rng) -> Value {
    let mut set = || {
        let conditions = random.random_range(1..4);
        Value::from((0..conditions).map(|_| condition(random)).map(|(k, v)| (k.into(), v)).collect::<Map<_, _>>())
    };
    let (a, b, c, x) = (set(), set(), set(), set());
    let x = one_of(&[x, json!(["L", "A"]), json!(["B", "C"]), json!([])], random);
    json!({ "X": x, "L": ["A", "C", "A"], "A": a, "B": b, "C": c })
}

/// Sets that neither reader accepts.
fn refused_node_sets() -> Vec<Value> {
    let conditions = [
        ("x", json!(1)),
        ("mtype", json!(1)),
        ("layer", json!("1")),
        ("layer", json!(1.5)),
        ("layer", json!({"$eq": 1})),
        ("layer", json!({})),
        ("layer", json!({"$gt": "1"})),
        ("layer", json!({"$regex": "1"})),
        ("layer", json!(true)),
        ("layer", json!(null)),
        ("name", json!(["a", 1])),
        ("name", json!(1)),
        ("name", json!({"$regex": "("})),
        ("name", json!({"$regex": r"\p{L}"})),
        ("name", json!({"$gt": 1})),
        ("node_id", json!(-1)),
        ("node_id", json!("1")),
        ("population", json!(1)),
        ("colour", json!("red")),
        ("@library", json!("red")),
    ];
    let sets = conditions.into_iter().map(|(attribute, value)| json!({"X": { attribute: value }}));
    let others = [json!({"X": [1]}), json!({"X": "A"}), json!({"X": {}}), json!({"X": ["X"]}), json!({"X": ["Y"]})];
    sets.chain(others).chain([json!({"X": ["Y"], "Y": ["X"]}), json!({"Y": []})]).collect()
}

fn resolved(folder: &Path, sets: &Value, nodes: &Nodes) -> Value {
    let file = folder.join("node_sets.json");
    std::fs::write(&file, sets.to_string()).unwrap();
    let sets = NodeSets::open([file.as_path()]);
    sets.and_then(|sets| sets.resolve_ids("X", "P", nodes)).map_or(Value::Null, Value::from)
}

#[test]
#[ignore = "needs LEADFIELD_PYTHON with libsonata: make clients"]
fn node_sets_resolve_as_in_libsonata() {
    let folder = scratch();
    let random = &mut ChaCha8Rng::seed_from_u64(2);
    let nodes_file = folder.path().join("nodes.h5");
    let nodes = write_nodes(&nodes_file, random);
    let mut cases: Vec<Value> = (0..400).map(|_| node_sets(random)).collect();
    cases.extend(refused_node_sets());
    let questions: Vec<Value> = cases.iter().map(|sets| json!({"nodes_file": nodes_file, "node_sets": sets})).collect();
    let answers = libsonata(folder.path(), &questions.into());
    let filled = answers.iter().filter(|a| a.as_array().is_some_and(|ids| !ids.is_empty())).count();
    assert!(filled > 150, "only {filled} sets have nodes");
    assert!(answers[400..].iter().all(Value::is_null), "{:?}", &answers[400..]);
    for (sets, answer) in cases.iter().zip(answers) {
        assert_eq!(resolved(folder.path(), sets, &nodes), answer, "{sets}");
    }
}

#[test]
#[ignore = "needs LEADFIELD_PYTHON with libsonata: make clients"]
fn attributes_are_those_of_libsonata() {
    let folder = scratch();
    let nodes_file = folder.path().join("nodes.h5");
    let nodes = write_nodes(&nodes_file, &mut ChaCha8Rng::seed_from_u64(3));
    let names = nodes.attribute_names().unwrap();
    let values = names.iter().map(|name| match nodes.read_attribute(name).unwrap() {
        NodeAttribute::Text(texts) => json!(texts),
        NodeAttribute::Number(numbers) => json!(numbers),
        // the script gives every number as a float
        NodeAttribute::Integer(numbers) => json!(numbers.iter().map(|&n| n as f64).collect::<Vec<f64>>()),
        other => panic!("{other:?}"),
    });
    let ours: Map<String, Value> = names.iter().cloned().zip(values).collect();
    let answers = libsonata(folder.path(), &json!([{"nodes_file": nodes_file, "attributes": null}]));
    assert_eq!(answers, [Value::from(ours)]);
}

/// Draws a path with variables, dots and absolute parts.
fn path(random: &mut ChaCha8Rng) -> String {
    let pieces = ["$ALPHA", "$BETA", "$GAMMA_1", "$UNKNOWN", "${ALPHA}", "a", "b.c", ".", "..", "", "d e", "/abs"];
    let length = random.random_range(1..5);
    // libsonata replaces only the first occurrence of a variable in a path.
    let drawn: Vec<&str> = pieces.choose_multiple(random, length).copied().collect();
    let text = drawn.join("/");
    if text.is_empty() { "x".into() } else { text }
}

fn manifest(random: &mut ChaCha8Rng) -> Value {
    let beta = one_of(&["$ALPHA/b", "/beta", "./$GAMMA_1", "../x"], random);
    let gamma = one_of(&["$ALPHA", "$ALPHA/../c", "g", "$BETA"], random);
    json!({"$ALPHA": one_of(&[".", "/alpha", "al/pha"], random), "$BETA": beta, "$GAMMA_1": gamma})
}

fn morphologies(random: &mut ChaCha8Rng) -> Map<String, Value> {
    let mut fields = Map::from_iter([("morphologies_dir".into(), json!(path(random)))]);
    let formats = one_of(&[vec!["h5v1"], vec!["h5v1", "neurolucida-asc"], vec!["neurolucida-asc"], vec![]], random);
    let alternate: Map<_, _> = formats.into_iter().map(|format| (format.into(), json!(path(random)))).collect();
    fields.insert("alternate_morphologies".into(), alternate.into());
    fields
}

fn circuit(random: &mut ChaCha8Rng) -> Value {
    let mut components = morphologies(random);
    components.insert("biophysical_neuron_models_dir".into(), path(random).into());
    let own = if random.random_bool(0.5) { morphologies(random) } else { Map::new() };
    json!({
        "manifest": manifest(random),
        "components": components,
        "node_sets_file": path(random),
        "networks": {"nodes": [{"nodes_file": path(random), "populations": {"P": own}}], "edges": []},
    })
}

fn simulated(random: &mut ChaCha8Rng) -> Value {
    let mut report = || {
        let timing = json!({"type": "compartment", "variable_name": "v", "dt": 1, "start_time": 0, "end_time": 1});
        let Value::Object(mut report) = timing else { unreachable!() };
        let choices = [("sections", "all"), ("cells", "C"), ("file_name", "a.h5"), ("compartments", "all")];
        choices.iter().for_each(|&(k, v)| drop(random.random_bool(0.5).then(|| report.insert(k.into(), v.into()))));
        if random.random_bool(0.4) {
            report.insert("file_name".into(), format!("{}/r", path(random)).into());
        }
        if random.random_bool(0.3) {
            report.insert("enabled".into(), false.into());
        }
        Value::from(report)
    };
    let reports = json!({"one": report(), "two.1": report()});
    json!({
        "manifest": manifest(random),
        "run": {"tstop": 1, "dt": 0.1, "random_seed": 1},
        "network": "circuit_config.json",
        "node_sets_file": path(random),
        "output": one_of(&[json!({}), json!({"output_dir": path(random)})], random),
        "reports": reports,
    })
}

/// Returns the content of a configuration as this library reads it, in the format of `sonata.py`; null if it is
/// refused.
fn read(config: &Value, file: &Path) -> Value {
    std::fs::write(file, config.to_string()).unwrap();
    match SonataConfig::open(file) {
        Err(_) => Value::Null,
        Ok(SonataConfig::Circuit(circuit)) => {
            let population = &circuit.populations[0];
            let source = population.morphologies.as_ref();
            json!({
                "node_sets_file": circuit.node_sets_file,
                "kind": population.kind,
                "nodes_file": population.nodes_file,
                "biophysical_neuron_models_dir": population.biophysical_neuron_models_dir,
                "morphologies": source.map(|s| json!([format!("{:?}", s.format), s.path])),
            })
        }
        Ok(SonataConfig::Simulation(simulation)) => {
            let report = |r: &ReportConfig| {
                json!([r.name, r.cells.as_deref().unwrap_or(""), r.sections, r.compartments, r.enabled, r.file])
            };
            json!({
                "network": simulation.circuit.path,
                "node_sets_file": simulation.node_sets_file,
                "reports": simulation.reports.iter().map(report).collect::<Vec<_>>(),
            })
        }
    }
}

fn with_manifest(mut circuit: Value, manifest: Value) -> Value {
    circuit["manifest"] = manifest;
    circuit
}

#[test]
#[ignore = "needs LEADFIELD_PYTHON with libsonata: make clients"]
fn configurations_resolve_as_in_libsonata() {
    let folder = scratch();
    let random = &mut ChaCha8Rng::seed_from_u64(4);
    let mut cases: Vec<Value> = (0..200).map(|_| circuit(random)).collect();
    cases.extend((0..200).map(|_| simulated(random)));
    let cyclic = json!({"$ALPHA": "$BETA", "$BETA": "x/$GAMMA_1", "$GAMMA_1": "$ALPHA"});
    cases.push(with_manifest(circuit(random), cyclic));
    cases.push(with_manifest(circuit(random), json!({"$ALPHA": "$ALPHA"})));
    cases.push(with_manifest(circuit(random), json!({"ALPHA": "/a"})));
    cases.push(with_manifest(circuit(random), json!({"$ALPHA": 1})));
    let plain = json!({"networks": {"nodes": [{"nodes_file": "n.h5", "populations": {"P": {}}}], "edges": []}});
    std::fs::write(folder.path().join("circuit_config.json"), plain.to_string()).unwrap();
    let question = |config: &Value| json!({"config": config, "folder": folder.path()});
    let answers = libsonata(folder.path(), &cases.iter().map(question).collect());
    let taken = answers.iter().filter(|answer| answer.is_object()).count();
    assert!(taken > 300, "only {taken} configurations are taken");
    assert!(answers[400..].iter().all(Value::is_null), "{:?}", &answers[400..]);
    for (config, answer) in cases.iter().zip(answers) {
        assert_eq!(read(config, &folder.path().join("config.json")), answer, "{config}");
    }
}
