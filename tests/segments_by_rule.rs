//! Without a simulator: the rule of the cell templates gives, to the bit, the table that a compartment report gives.

use std::path::{Path, PathBuf};

use leadfield::h5::File;
use leadfield::segments::Segments;
use leadfield::table::{Neuron, Table};
use serde_json::{Value, json};

use crate::support::{Run, golden, leadfield_in, names_in, scratch};

/// A table's rows in order, and its neurons.
fn content(table: &Path) -> (Segments, Vec<Neuron>) {
    let table = Table::open(table).unwrap();
    let mut segments = Segments::default();
    for part in table.parts() {
        segments.append(&part.read_by_row().unwrap());
    }
    (segments, table.neurons().unwrap().to_vec())
}

fn positions(folder: &Path, config: &str, out: &str, options: &[&str]) -> Run {
    leadfield_in(folder, &[&["positions", config, "-o", out], options].concat())
}

/// Asserts that two ways to ask for a table give the same rows, and gives the discretisation and axon of the second.
#[track_caller]
fn same(folder: &Path, a: (&str, &[&str]), b: (&str, &[&str])) -> [String; 2] {
    let out = scratch();
    let write = |name: &str, (config, options): (&str, &[&str])| {
        let table = out.path().join(name);
        positions(folder, config, table.to_str().unwrap(), options).ok();
        table
    };
    let (a, b) = (write("a.parquet", a), write("b.parquet", b));
    let (left, right) = (content(&a), content(&b));
    assert!(!left.0.is_empty());
    assert_eq!(left.1, right.1);
    assert!(left.0 == right.0, "rows differ");
    let table = Table::open(&b).unwrap();
    [table.metadata().discretisation.clone(), table.metadata().axon.clone()]
}

#[test]
fn rule_and_report_agree_to_the_bit_on_the_reference_circuits() {
    let variants = golden().join("variants");
    let mut circuits: Vec<PathBuf> =
        names_in(&variants).iter().filter(|n| *n != "keep_axon").map(|n| variants.join(n).join("circuit")).collect();
    circuits.push(golden().join("input/circuit"));
    assert_eq!(circuits.len(), 6);
    let simulation = "simulation_config.json";
    for circuit in circuits {
        for placement in ["bluerecording", "bluerecording-0.2", "arc"] {
            let report = ["--axon-placement", placement];
            let rule = ["--axon-placement", placement, "--axon-rule", "taper", "--discretisation", "rule"];
            // of 24 nodes 20 are in the report
            let told = same(&circuit, (simulation, &report), (simulation, &[&rule[..], &in_report(&circuit)].concat()));
            assert_eq!(told, ["rule, 40 um".to_string(), format!("taper, placement {placement}")]);
        }
    }
    let keep = variants.join("keep_axon/circuit");
    for option in [&["--axon-rule", "keep"][..], &["--keep-axon"]] {
        let told = same(&keep, (simulation, option), ("circuit_config.json", option));
        assert_eq!(told, ["rule, 40 um", "keep"]);
    }
}

/// The option that selects the nodes of the report, where the circuit has others.
fn in_report(circuit: &Path) -> Vec<&'static str> {
    let sets: Value = serde_json::from_slice(&std::fs::read(circuit.join("node_sets.json")).unwrap()).unwrap();
    let simulation: Value =
        serde_json::from_slice(&std::fs::read(circuit.join("simulation_config.json")).unwrap()).unwrap();
    let cells = simulation["reports"]["compartment"]["cells"].as_str().unwrap_or_default();
    assert!(cells.is_empty() || sets.get(cells).is_some());
    if cells.is_empty() { vec![] } else { vec!["--node-set", Box::leak(cells.to_string().into_boxed_str())] }
}

/// A synthetic circuit of 24 neurons, one of each morphology, with a report.
fn synthesized() -> tempfile::TempDir {
    let folder = scratch();
    let options = ["synthesize", "c", "--cells", "24", "--seed", "5", "--with-report", "--quiet"];
    leadfield_in(folder.path(), &options).ok();
    folder
}

#[test]
fn rule_and_report_agree_to_the_bit_on_synthesized_circuits_of_every_format() {
    let folder = synthesized();
    for suffix in ["", "_asc", "_h5", "_container"] {
        let (simulation, circuit) =
            (format!("c/simulation_config{suffix}.json"), format!("c/circuit_config{suffix}.json"));
        let told = same(folder.path(), (&simulation, &[]), (&circuit, &[]));
        assert_eq!(told, ["rule, 40 um", "taper, placement bluerecording"]);
        same(folder.path(), (&simulation, &[]), (&simulation, &["--discretisation", "rule"]));
    }
}

#[test]
fn a_simulation_without_reports_is_cut_by_the_rule_and_so_is_what_has_no_templates_but_an_axon_rule() {
    let folder = synthesized();
    let edit = |name: &str, change: &dyn Fn(&mut Value)| {
        let path = folder.path().join("c").join(name);
        let mut value: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        change(&mut value);
        std::fs::write(path, value.to_string()).unwrap();
    };
    std::fs::copy(folder.path().join("c/simulation_config.json"), folder.path().join("c/with.json")).unwrap();
    edit("simulation_config.json", &|c| c["reports"] = json!({"lfp": {"type": "lfp", "sections": "all"}}));
    same(folder.path(), ("c/with.json", &[]), ("c/simulation_config.json", &[]));
    std::fs::remove_dir_all(folder.path().join("c/components/hoc")).unwrap();
    edit("circuit_config.json", &|c| {
        drop(c["components"].as_object_mut().unwrap().remove("biophysical_neuron_models_dir"))
    });
    same(folder.path(), ("c/with.json", &[]), ("c/circuit_config.json", &["--axon-rule", "taper"]));
    let fine = same(
        folder.path(),
        ("c/circuit_config.json", &["--axon-rule", "taper", "--segment-length", "20"]),
        ("c/simulation_config.json", &["--axon-rule", "taper", "--segment-length", "2e1"]),
    );
    assert_eq!(fine[0], "rule, 20 um");
}

/// Gives the synthetic circuit two more populations of the same neurons, and one of inputs.
fn with_populations(folder: &Path) {
    let nodes = File::open(&folder.join("c/networks/nodes/neurons/nodes.h5")).unwrap();
    let n = nodes.length("/nodes/neurons/node_type_id").unwrap();
    for population in ["second", "third", "inputs"] {
        let path = folder.join("c/networks/nodes").join(format!("{population}.h5"));
        let file = File::create(&path).unwrap();
        let group = format!("/nodes/{population}/0");
        file.create_group(&group).unwrap();
        let n = if population == "second" { 2 } else { n };
        file.write(&format!("/nodes/{population}/node_type_id"), &vec![-1_i64; n], &[n]).unwrap();
        if population == "inputs" {
            continue;
        }
        for name in ["x", "y", "z", "orientation_w", "orientation_x", "orientation_y", "orientation_z"] {
            let values = nodes.floats(&format!("/nodes/neurons/0/{name}")).unwrap();
            file.write(&format!("{group}/{name}"), &values[..n], &[n]).unwrap();
        }
        for name in ["morphology", "model_template"] {
            let library = nodes.strings(&format!("/nodes/neurons/0/@library/{name}")).unwrap();
            let index = nodes.unsigned(&format!("/nodes/neurons/0/{name}")).unwrap();
            let texts: Vec<String> = index[..n].iter().map(|&i| library[i as usize].clone()).collect();
            file.write_strings(&format!("{group}/{name}"), &texts, &[n]).unwrap();
        }
        file.close().unwrap();
    }
    let config = folder.join("c/circuit_config.json");
    let mut value: Value = serde_json::from_slice(&std::fs::read(&config).unwrap()).unwrap();
    let networks = value["networks"]["nodes"].as_array_mut().unwrap();
    for (population, own) in [
        ("second", json!({"alternate_morphologies": {"h5v1": "$MORPHOLOGIES/merged.h5"}})),
        ("third", json!({"alternate_morphologies": {"h5v1": "none", "neurolucida-asc": "$MORPHOLOGIES/ascii"}})),
        ("inputs", json!({"type": "virtual"})),
    ] {
        let file = format!("$NETWORK_NODES_DIR/{population}.h5");
        networks.push(json!({"nodes_file": file, "populations": {population: own}}));
    }
    std::fs::write(config, value.to_string()).unwrap();
    let sets =
        json!({"Second": {"population": "second"}, "Two": {"node_id": [0, 1]}, "Nothing": {"population": "inputs"}});
    std::fs::write(folder.join("c/node_sets.json"), sets.to_string()).unwrap();
}

#[test]
fn several_populations_get_a_table_each_with_their_own_morphologies() {
    let folder = synthesized();
    with_populations(folder.path());
    let run = positions(folder.path(), "c/circuit_config.json", "out", &[]);
    assert!(run.stderr.starts_with("population `inputs` is left out: its type is `virtual`\n"), "{}", run.stderr);
    run.ok();
    assert_eq!(names_in(&folder.path().join("out")), ["neurons", "second", "third"]);
    let table = |name: &str| content(&folder.path().join("out").join(name));
    let (all, two) = (table("neurons"), table("second"));
    // the same neurons from SWC and ASC, whose somata alone differ: 3 points, a contour
    let (third, is_soma) = (table("third").0, |s: &leadfield::segments::Segment| s.section_id == 0);
    let others = |segments: &Segments| segments.iter().filter(|s| !is_soma(s)).collect::<Vec<_>>();
    assert!(others(&third) == others(&all.0));
    assert_eq!(two.1, all.1[..2]);
    // again, over what is there
    positions(folder.path(), "c/circuit_config.json", "out", &["--force", "--quiet"]).ok();
    assert_eq!(table("second").1, two.1);
}

#[test]
fn populations_without_selected_neurons_are_left_out_with_a_word() {
    let folder = synthesized();
    with_populations(folder.path());
    let run = positions(folder.path(), "c/circuit_config.json", "out", &["--node-set", "Second"]);
    let expected = "population `inputs` is left out: its type is `virtual`\n\
                    population `neurons` is left out: no neurons are selected in it\n\
                    population `third` is left out: no neurons are selected in it\n";
    assert!(run.stderr.starts_with(expected), "{}", run.stderr);
    run.ok();
    assert_eq!(names_in(&folder.path().join("out")), ["second"]);
    positions(folder.path(), "c/circuit_config.json", "two", &["--node-set", "Two", "--quiet"]).ok();
    for name in ["neurons", "second", "third"] {
        assert_eq!(content(&folder.path().join("two").join(name)).1.len(), 2);
    }
    positions(folder.path(), "c/circuit_config.json", "none", &["--node-set", "Nothing"]).refused(
        "error: c/circuit_config.json: no neurons selected, expected at least one, found none in populations `inputs`, \
         `neurons`, `second`, `third`",
    );
    let one = positions(folder.path(), "c/circuit_config.json", "one.parquet", &["--population", "second"]);
    assert!(!one.stderr.contains("left out"), "{}", one.stderr);
    one.ok();
}

#[test]
fn of_several_populations_those_that_the_report_has_get_a_table() {
    let folder = synthesized();
    with_populations(folder.path());
    let run = positions(folder.path(), "c/simulation_config.json", "out", &[]);
    assert!(
        run.stderr.contains("population `second` is left out: report `compartment` does not have it\n"),
        "{}",
        run.stderr
    );
    run.ok();
    assert_eq!(names_in(&folder.path().join("out")), ["neurons"]);
}

#[test]
fn stubs_have_the_radii_of_the_original_axon_in_every_segment() {
    let folder = synthesized();
    positions(folder.path(), "c/circuit_config.json", "s.parquet", &["--quiet"]).ok();
    let (segments, _) = content(&folder.path().join("s.parquet"));
    assert!(segments.radius.iter().all(|r| r.is_some_and(|r| r > 0.0)));
}
