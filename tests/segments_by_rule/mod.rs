//! Without a simulator: the rule of the cell templates gives, to the bit, the table that a compartment report gives.

mod simulator;

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

/// Copies the first `n` nodes of a synthetic circuit into a population of another file, with a change to its numbers.
fn copy_nodes(from: &Path, to: &File, population: &str, n: usize, change: impl Fn(&str, &mut [f64])) {
    let nodes = File::open(from).unwrap();
    let group = format!("/nodes/{population}/0");
    to.write(&format!("/nodes/{population}/node_type_id"), &vec![-1_i64; n], &[n]).unwrap();
    for name in ["x", "y", "z", "orientation_w", "orientation_x", "orientation_y", "orientation_z"] {
        let mut values = nodes.floats(&format!("/nodes/neurons/0/{name}")).unwrap();
        change(name, &mut values);
        to.write(&format!("{group}/{name}"), &values[..n], &[n]).unwrap();
    }
    for name in ["morphology", "model_template"] {
        let library = nodes.strings(&format!("/nodes/neurons/0/@library/{name}")).unwrap();
        let index = nodes.unsigned(&format!("/nodes/neurons/0/{name}")).unwrap();
        let texts: Vec<String> = index[..n].iter().map(|&i| library[i as usize].clone()).collect();
        to.write_strings(&format!("{group}/{name}"), &texts, &[n]).unwrap();
    }
}

/// Gives the synthetic circuit two more populations of the same neurons, and one of inputs.
fn with_populations(folder: &Path) {
    let source = folder.join("c/networks/nodes/neurons/nodes.h5");
    let all = File::open(&source).unwrap().length("/nodes/neurons/node_type_id").unwrap();
    for population in ["second", "third", "inputs"] {
        let path = folder.join("c/networks/nodes").join(format!("{population}.h5"));
        let file = File::create(&path).unwrap();
        let group = format!("/nodes/{population}/0");
        file.create_group(&group).unwrap();
        let n = if population == "second" { 2 } else { all };
        if population == "inputs" {
            file.write(&format!("/nodes/{population}/node_type_id"), &vec![-1_i64; n], &[n]).unwrap();
            continue;
        }
        copy_nodes(&source, &file, population, n, |_, _| ());
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

fn validate(folder: &Path, options: &[&str]) -> Run {
    leadfield_in(folder, &[&["validate", "circuit"], options].concat())
}

#[test]
fn a_circuit_whose_rule_and_report_agree_is_told_so_template_by_template() {
    let folder = synthesized();
    positions(folder.path(), "c/circuit_config.json", "s.parquet", &["--quiet"]).ok();
    let text = validate(folder.path(), &["c/simulation_config.json", "s.parquet", "--report", "compartment"]).ok();
    assert!(text.starts_with("population `neurons`, report `compartment`: 24 neurons\ntemplate hoc:cADpyr_"), "{text}");
    assert!(text.ends_with("\ntable s.parquet: 24 neurons, fits\nagree\n"), "{text}");
    let rules: Vec<&str> = text.lines().filter(|l| l.starts_with("template ")).collect();
    assert!(rules.iter().all(|l| l.contains("taper, 40 um: ") && l.ends_with(", agree")), "{text}");
    let json: Value =
        serde_json::from_str(&validate(folder.path(), &["c/simulation_config.json", "--json"]).ok()).unwrap();
    assert_eq!(json["agree"], true);
    let population = &json["populations"][0];
    assert_eq!(
        (&population["neurons"], &population["differing"], &population["table"]),
        (&json!(24), &json!([]), &Value::Null)
    );
    assert_eq!(population["templates"].as_array().unwrap().len(), rules.len());
}

#[test]
fn every_section_in_which_rule_and_report_differ_is_named() {
    let folder = synthesized();
    let nodes = File::open(&folder.path().join("c/networks/nodes/neurons/nodes.h5")).unwrap();
    let names = nodes.strings("/nodes/neurons/0/@library/morphology").unwrap();
    let name = &names[nodes.unsigned("/nodes/neurons/0/morphology").unwrap()[7] as usize];
    let path = folder.path().join(format!("c/components/morphologies/swc/{name}.swc"));
    let cell = leadfield::morphology::read(&path, leadfield::morphology::Format::Swc).unwrap();
    // the last sample of the file ends a terminal section: 400 um further on it has 10 chunks of 40 um more
    let text = std::fs::read_to_string(&path).unwrap();
    let mut lines: Vec<String> = text.lines().map(str::to_string).collect();
    let mut last: Vec<String> = lines.pop().unwrap().split(' ').map(str::to_string).collect();
    let kind = last[1].clone();
    assert_ne!(kind, "2", "an axon's length does not matter");
    let end: Vec<f64> = last[2..5].iter().map(|c| c.parse().unwrap()).collect();
    let parent = cell
        .sections
        .iter()
        .position(|s| s.points.last().unwrap().iter().zip(&end).all(|(a, b)| f64::from(*a) == f64::from(*b as f32)));
    let id = parent.unwrap() + 1;
    let before = cell.sections[id - 1].length();
    lines.push(last.join(" "));
    let next = last[0].parse::<u64>().unwrap() + 1;
    (last[0], last[6]) = (next.to_string(), last[0].clone());
    last[2] = (end[0] + 400.0).to_string();
    lines.push(last.join(" "));
    std::fs::write(&path, lines.join("\n")).unwrap();
    let cut = |length: f64| 1 + 2 * (length / 40.0) as u32;
    let run = validate(folder.path(), &["c/simulation_config.json"]);
    let difference = format!("section {id}: {} by the rule, {} in the report", cut(before + 400.0), cut(before));
    assert!(run.stdout.contains(&format!("\nnode 7 (morphology `{name}`): {difference}\ndiffer\n")), "{}", run.stdout);
    assert!(run.stdout.contains(", 1 differ\n") && run.stdout.matches(", agree\n").count() > 1, "{}", run.stdout);
    assert_eq!(run.code, 1);
    let json: Value =
        serde_json::from_str(&validate(folder.path(), &["c/simulation_config.json", "--json"]).stdout).unwrap();
    let section = json!({"section": id, "rule": cut(before + 400.0), "report": cut(before)});
    assert_eq!(json["populations"][0]["differing"][0]["sections"], json!([section]));
    // a neuron without a rule is a difference, too
    std::fs::remove_file(&path).unwrap();
    let run = validate(folder.path(), &["c/simulation_config.json"]);
    let reason =
        format!("\nnode 7 (morphology `{name}`): no rule: c/components/morphologies/swc/{name}.swc: cannot be read");
    assert!(run.stdout.contains(&reason) && run.code == 1, "{}{}", run.stdout, run.stderr);
    validate(folder.path(), &["c/circuit_config.json"]).refused(
        "error: c/circuit_config.json: no compartment report to take segment counts from, expected a simulation \
         configuration, found a circuit configuration\n\
         hint: name the simulation configuration whose compartment report lists the segments, or have the counts computed: \
         `--discretisation rule`",
    );
}

#[test]
fn a_table_that_does_not_fit_is_told_neuron_by_neuron() {
    let folder = synthesized();
    let sets = json!({"Some": {"node_id": [0, 1, 2, 3, 4]}, "All": {"population": "neurons"}});
    std::fs::write(folder.path().join("c/node_sets.json"), sets.to_string()).unwrap();
    let write = |out: &str, options: &[&str]| {
        positions(folder.path(), "c/circuit_config.json", out, &[options, &["--quiet"]].concat()).ok();
    };
    write("some.parquet", &["--node-set", "Some"]);
    write("fine.parquet", &["--axon-rule", "taper", "--segment-length", "20"]);
    write("f32.parquet", &["--precision", "f32", "--axon-placement", "arc"]);
    let told = |table: &str, options: &[&str]| {
        let run = validate(folder.path(), &[&["c/simulation_config.json", table], options].concat());
        (run.code, run.stdout)
    };
    let (code, text) = told("some.parquet", &[]);
    assert_eq!((code, text.matches(": not in the table\n").count()), (1, 19), "{text}");
    assert_eq!(told("some.parquet", &["--node-set", "Some"]).0, 0);
    let (code, text) = told("f32.parquet", &["--node-set", "Some"]);
    assert_eq!((code, text.matches(": not in the report\n").count()), (1, 19), "{text}");
    assert_eq!(told("f32.parquet", &[]).0, 0);
    let (code, text) = told("fine.parquet", &[]);
    assert_eq!((code, text.matches(" in the report\n").count()), (1, 24), "{text}");
    // the same neurons, one of them moved by 10 um
    let path = folder.path().join("c/networks/nodes/neurons/nodes.h5");
    let moved = folder.path().join("moved.h5");
    let file = File::create(&moved).unwrap();
    file.create_group("/nodes/neurons/0").unwrap();
    copy_nodes(&path, &file, "neurons", 24, |name, values| {
        values[3] += if name == "x" { 10.0 } else { 0.0 };
    });
    file.close().unwrap();
    std::fs::rename(moved, path).unwrap();
    let (code, text) = told("f32.parquet", &[]);
    let moved = "\ntable f32.parquet: 24 neurons, does not fit\nnode 3: ";
    assert!(
        code == 1 && text.contains(moved) && text.ends_with(" um from where the circuit puts it\ndiffer\n"),
        "{text}"
    );
}

#[test]
fn templates_are_listed_with_their_rules_and_numbers_of_neurons() {
    let folder = synthesized();
    let text = leadfield_in(folder.path(), &["info", "c/circuit_config.json"]).ok();
    let lines: Vec<&str> = text.lines().filter(|l| l.starts_with("template hoc:")).collect();
    let neurons = |l: &&str| l.split_whitespace().nth(2).unwrap().parse::<u32>().unwrap();
    assert_eq!(lines.iter().map(neurons).sum::<u32>(), 24);
    assert!(lines.iter().all(|l| l.ends_with(", axon replaced by two stubs and myelin, chunks of 40 um")), "{text}");
    std::fs::remove_dir_all(folder.path().join("c/components/hoc")).unwrap();
    let text = leadfield_in(folder.path(), &["info", "c/circuit_config.json"]).ok();
    assert!(text.contains("no rule: c/components/hoc/cADpyr_L"), "{text}");
}
