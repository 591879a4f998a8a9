//! Without a simulator: the rule of the cell templates gives the same table, to the bit, as a compartment report.

mod simulator;
mod stub_diameters;

use std::path::{Path, PathBuf};

use leadfield::io::hdf5::Hdf5File;
use leadfield::segments::Segments;
use leadfield::segments::table::{SegmentTable, TableNeuron};
use serde_json::{Value, json};

use crate::support::{Run, golden, leadfield_in, names_in, scratch};

/// Returns a table's rows in order, and its neurons.
fn content(table: &Path) -> (Segments, Vec<TableNeuron>) {
    let table = SegmentTable::open(table).unwrap();
    let mut segments = Segments::default();
    for part in table.parts() {
        segments.append(&part.read_by_row().unwrap());
    }
    (segments, table.neurons().unwrap().to_vec())
}

fn positions(folder: &Path, config: &str, out: &str, options: &[&str]) -> Run {
    leadfield_in(folder, &[&["positions", config, "-o", out], options].concat())
}

/// Asserts that two requests for a table give the same rows; returns discretisation and axon rule of the second.
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
    let table = SegmentTable::open(&b).unwrap();
    [table.metadata().discretisation.clone(), table.metadata().axon_rule.clone()]
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
            let found =
                same(&circuit, (simulation, &report), (simulation, &[&rule[..], &in_report(&circuit)].concat()));
            assert_eq!(found, ["rule, 40 um".to_string(), format!("taper, placement {placement}")]);
        }
    }
    let keep = variants.join("keep_axon/circuit");
    for option in [&["--axon-rule", "keep"][..], &["--keep-axon"]] {
        let found = same(&keep, (simulation, option), ("circuit_config.json", option));
        assert_eq!(found, ["rule, 40 um", "keep"]);
    }
}

/// Returns the option that selects the nodes of the report, if the circuit has others.
fn in_report(circuit: &Path) -> Vec<&'static str> {
    let sets: Value = serde_json::from_slice(&std::fs::read(circuit.join("node_sets.json")).unwrap()).unwrap();
    let simulation: Value =
        serde_json::from_slice(&std::fs::read(circuit.join("simulation_config.json")).unwrap()).unwrap();
    let cells = simulation["reports"]["compartment"]["cells"].as_str().unwrap_or_default();
    assert!(cells.is_empty() || sets.get(cells).is_some());
    if cells.is_empty() { vec![] } else { vec!["--node-set", Box::leak(cells.to_string().into_boxed_str())] }
}

/// Creates a synthetic circuit of 24 neurons, one of each morphology, with a report.
pub fn synthesized() -> tempfile::TempDir {
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
        let found = same(folder.path(), (&simulation, &[]), (&circuit, &[]));
        assert_eq!(found, ["rule, 40 um", "taper, placement bluerecording"]);
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

/// Copies the first `n` nodes of a synthetic circuit into a population of another file, with changed numbers.
fn copy_nodes(from: &Path, to: &Hdf5File, population: &str, n: usize, change: impl Fn(&str, &mut [f64])) {
    let nodes = Hdf5File::open(from).unwrap();
    let group = format!("/nodes/{population}/0");
    to.write_dataset(&format!("/nodes/{population}/node_type_id"), &vec![-1_i64; n], &[n]).unwrap();
    for name in ["x", "y", "z", "orientation_w", "orientation_x", "orientation_y", "orientation_z"] {
        let mut values = nodes.read_floats(&format!("/nodes/neurons/0/{name}")).unwrap();
        change(name, &mut values);
        to.write_dataset(&format!("{group}/{name}"), &values[..n], &[n]).unwrap();
    }
    for name in ["morphology", "model_template"] {
        let library = nodes.read_strings(&format!("/nodes/neurons/0/@library/{name}")).unwrap();
        let index = nodes.read_unsigned(&format!("/nodes/neurons/0/{name}")).unwrap();
        let texts: Vec<String> = index[..n].iter().map(|&i| library[i as usize].clone()).collect();
        to.write_strings(&format!("{group}/{name}"), &texts, &[n]).unwrap();
    }
}

/// Adds two populations of the same neurons, and one of inputs, to the synthetic circuit.
pub fn with_populations(folder: &Path) {
    let source = folder.join("c/networks/nodes/neurons/nodes.h5");
    let all = Hdf5File::open(&source).unwrap().length("/nodes/neurons/node_type_id").unwrap();
    for population in ["second", "third", "inputs"] {
        let path = folder.join("c/networks/nodes").join(format!("{population}.h5"));
        let file = Hdf5File::create(&path).unwrap();
        let group = format!("/nodes/{population}/0");
        file.create_group(&group).unwrap();
        let n = if population == "second" { 2 } else { all };
        if population == "inputs" {
            file.write_dataset(&format!("/nodes/{population}/node_type_id"), &vec![-1_i64; n], &[n]).unwrap();
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
    // a second time, over existing tables
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
    assert!(segments.radius_um.iter().all(|r| r.is_some_and(|r| r > 0.0)));
}

fn validate(folder: &Path, options: &[&str]) -> Run {
    leadfield_in(folder, &[&["validate", "circuit"], options].concat())
}

#[test]
fn agreement_of_rule_and_report_is_reported_by_template() {
    let folder = synthesized();
    positions(folder.path(), "c/circuit_config.json", "s.parquet", &["--quiet"]).ok();
    let text = validate(folder.path(), &["c/simulation_config.json", "s.parquet", "--report", "compartment"]).ok();
    assert!(text.starts_with("population `neurons`, report `compartment`: 24 neurons\ntemplate hoc:cADpyr_"), "{text}");
    assert!(text.ends_with("\ntable s.parquet: 24 neurons, fits\nagree\n"), "{text}");
    let rules: Vec<&str> = text.lines().filter(|l| l.starts_with("template ")).collect();
    assert!(rules.iter().all(|l| l.contains("taper, 40 µm: ") && l.ends_with(", agree")), "{text}");
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
fn without_a_report_the_table_is_held_against_the_rule() {
    let folder = synthesized();
    positions(folder.path(), "c/circuit_config.json", "s.parquet", &["--quiet"]).ok();
    let text = validate(folder.path(), &["c/circuit_config.json", "s.parquet", "--junit", "c.xml"]).ok();
    assert!(text.starts_with("population `neurons`, no report: 24 neurons\ntemplate hoc:"), "{text}");
    let alone = "\ntable s.parquet: 24 neurons, fits\nthe program is compared with itself: the table is what it \
                 creates from the circuit, and no report states how a simulation divides these neurons\n";
    assert!(text.ends_with(alone), "{text}");
    let json: Value =
        serde_json::from_str(&validate(folder.path(), &["c/circuit_config.json", "s.parquet", "--json"]).ok()).unwrap();
    assert_eq!((&json["agree"], &json["compared_with"]), (&Value::Null, &json!("itself")));
    let xml = std::fs::read_to_string(folder.path().join("c.xml")).unwrap();
    let name = "name=\"leadfield validate circuit c/circuit_config.json\"";
    assert!(xml.contains(name) && xml.contains("failures=\"0\""), "{xml}");
    // the rule cuts twice as fine: nodes have other numbers of segments
    let (before, _) = content(&folder.path().join("s.parquet"));
    positions(folder.path(), "c/circuit_config.json", "t.parquet", &["--segment-length", "20", "--quiet"]).ok();
    let (after, _) = content(&folder.path().join("t.parquet"));
    let own = |s: &leadfield::segments::Segments| s.node_id.iter().filter(|id| **id == 0).count();
    let run = validate(folder.path(), &["c/circuit_config.json", "t.parquet", "--junit", "c.xml"]);
    let line = format!("\nnode 0: {} segments, {} in the circuit\n", own(&after), own(&before));
    assert!(run.code == 1 && run.stdout.contains(&line) && run.stdout.ends_with("differ\n"), "{}", run.stdout);
    let xml = std::fs::read_to_string(folder.path().join("c.xml")).unwrap();
    assert!(xml.contains("name=\"neurons: segments of the table\">\n      <failure"), "{xml}");
    // a simulation that has not run yet has no report either
    std::fs::remove_dir_all(folder.path().join("c/output")).unwrap();
    let text = validate(folder.path(), &["c/simulation_config.json", "s.parquet"]).ok();
    assert!(text.starts_with("population `neurons`, no report: 24 neurons\n") && text.ends_with(alone), "{text}");
    // a circuit alone: its rules, with nothing to compare them with
    let text = validate(folder.path(), &["c/circuit_config.json"]).ok();
    assert!(text.ends_with(", not compared\nnothing is compared: there is no report and no table\n"), "{text}");
}

#[test]
fn the_reference_circuits_and_tables_made_of_them_agree_with_the_rule() {
    let variants = golden().join("variants");
    let circuits =
        names_in(&variants).into_iter().map(|n| (if n == "keep_axon" { "keep" } else { "taper" }, variants.join(n)));
    for (form, folder) in circuits.chain([("taper", golden().join("input"))]) {
        let (out, circuit) = (scratch(), folder.join("circuit"));
        let table = out.path().join("s.parquet");
        let axon = ["--axon-rule", form];
        positions(&circuit, "simulation_config.json", table.to_str().unwrap(), &axon).ok();
        let text = validate(&circuit, &[&["simulation_config.json", table.to_str().unwrap()], &axon[..]].concat()).ok();
        assert!(text.contains(&format!("\nrule  {form}, 40 µm: ")) && text.ends_with(", fits\nagree\n"), "{text}");
    }
}

#[test]
fn every_section_in_which_rule_and_report_differ_is_named() {
    let folder = synthesized();
    let nodes = Hdf5File::open(&folder.path().join("c/networks/nodes/neurons/nodes.h5")).unwrap();
    let names = nodes.read_strings("/nodes/neurons/0/@library/morphology").unwrap();
    let name = &names[nodes.read_unsigned("/nodes/neurons/0/morphology").unwrap()[7] as usize];
    let path = folder.path().join(format!("c/components/morphologies/swc/{name}.swc"));
    let cell = leadfield::morphology::read(&path, leadfield::morphology::MorphologyFormat::Swc).unwrap();
    // the last sample of the file ends a terminal section: moved by 400 µm, the section has 10 more chunks of 40 µm
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
    let before = cell.sections[id - 1].length_um();
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
    // it also has no position in the circuit
    let run = validate(folder.path(), &["c/circuit_config.json"]);
    assert!(run.stdout.contains(&reason) && run.code == 1, "{}{}", run.stdout, run.stderr);
}

#[test]
fn without_rules_the_report_alone_is_compared_and_without_a_table_nothing_is() {
    let folder = synthesized();
    positions(folder.path(), "c/simulation_config.json", "s.parquet", &["--quiet"]).ok();
    let hoc = folder.path().join("c/components/hoc");
    let templates = names_in(&hoc);
    // one is missing: the others are compared
    let missing = |name: &str| format!("c/components/hoc/{name}: cannot be read: no such file or directory");
    std::fs::remove_file(hoc.join(&templates[0])).unwrap();
    let note = format!("\nnote: {}: only the report is compared\n", missing(&templates[0]));
    let text = validate(folder.path(), &["c/simulation_config.json"]).ok();
    assert!(text.contains(&format!(", not compared{note}")) && text.ends_with(", agree\nagree\n"), "{text}");
    // all are missing
    std::fs::remove_dir_all(&hoc).unwrap();
    let run = validate(folder.path(), &["c/simulation_config.json", "s.parquet", "--junit", "c.xml"]);
    let used = run.stdout.matches("\ntemplate hoc:").count();
    assert!(run.code == 0 && used > 1, "{}", run.stdout);
    assert_eq!(run.stdout.matches(", not compared\nnote: ").count(), used, "{}", run.stdout);
    assert!(run.stdout.ends_with("\ntable s.parquet: 24 neurons, fits\nagree\n"), "{}", run.stdout);
    let xml = std::fs::read_to_string(folder.path().join("c.xml")).unwrap();
    let skipped = format!("<skipped message=\"{}\"/>", missing(&templates[0]));
    assert!(xml.contains(&skipped) && xml.contains("failures=\"0\" errors=\"0\""), "{xml}");
    // differences of the table are still reported
    let sets = json!({"Some": {"population": "neurons", "node_id": [0, 1]}});
    std::fs::write(folder.path().join("c/node_sets.json"), sets.to_string()).unwrap();
    positions(folder.path(), "c/simulation_config.json", "t.parquet", &["--node-set", "Some", "--quiet"]).ok();
    let run = validate(folder.path(), &["c/simulation_config.json", "t.parquet"]);
    assert_eq!((run.code, run.stdout.matches(": not in the table\n").count()), (1, 22), "{}", run.stdout);
    validate(folder.path(), &["c/simulation_config.json"]).refused(&format!(
        "error: c/simulation_config.json: nothing to compare, expected a cell template that gives a rule, found none: \
         {}\n\
         hint: give the rule with `--axon-rule`, or a table to compare with the report",
        missing(&templates[0])
    ));
}

#[test]
fn a_table_that_does_not_fit_is_reported_by_neuron() {
    let folder = synthesized();
    let sets = json!({"Some": {"node_id": [0, 1, 2, 3, 4]}, "All": {"population": "neurons"}});
    std::fs::write(folder.path().join("c/node_sets.json"), sets.to_string()).unwrap();
    let write = |out: &str, options: &[&str]| {
        positions(folder.path(), "c/circuit_config.json", out, &[options, &["--quiet"]].concat()).ok();
    };
    write("some.parquet", &["--node-set", "Some"]);
    write("fine.parquet", &["--axon-rule", "taper", "--segment-length", "20"]);
    write("f32.parquet", &["--precision", "f32", "--axon-placement", "arc"]);
    let check = |table: &str, options: &[&str]| {
        let run = validate(folder.path(), &[&["c/simulation_config.json", table], options].concat());
        (run.code, run.stdout)
    };
    let (code, text) = check("some.parquet", &[]);
    assert_eq!((code, text.matches(": not in the table\n").count()), (1, 19), "{text}");
    assert_eq!(check("some.parquet", &["--node-set", "Some"]).0, 0);
    let (code, text) = check("f32.parquet", &["--node-set", "Some"]);
    assert_eq!((code, text.matches(": not in the report\n").count()), (1, 19), "{text}");
    assert_eq!(check("f32.parquet", &[]).0, 0);
    let (code, text) = check("fine.parquet", &[]);
    assert_eq!((code, text.matches(" in the report\n").count()), (1, 24), "{text}");
    // the same neurons, one of them moved by 10 µm
    let path = folder.path().join("c/networks/nodes/neurons/nodes.h5");
    let moved = folder.path().join("moved.h5");
    let file = Hdf5File::create(&moved).unwrap();
    file.create_group("/nodes/neurons/0").unwrap();
    copy_nodes(&path, &file, "neurons", 24, |name, values| {
        values[3] += if name == "x" { 10.0 } else { 0.0 };
    });
    file.close().unwrap();
    std::fs::rename(moved, path).unwrap();
    let (code, text) = check("f32.parquet", &[]);
    let moved = "\ntable f32.parquet: 24 neurons, does not fit\nnode 3: ";
    assert!(
        code == 1 && text.contains(moved) && text.ends_with(" µm from where the circuit puts it\ndiffer\n"),
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
    assert!(lines.iter().all(|l| l.ends_with(", axon replaced by two stubs and myelin, chunks of 40 µm")), "{text}");
    std::fs::remove_dir_all(folder.path().join("c/components/hoc")).unwrap();
    let text = leadfield_in(folder.path(), &["info", "c/circuit_config.json"]).ok();
    assert!(text.contains("no rule: c/components/hoc/cADpyr_L"), "{text}");
}

/// Creates a circuit of one neuron with this morphology, in ASC.
fn one_neuron(asc: &str) -> tempfile::TempDir {
    let folder = scratch();
    leadfield_in(folder.path(), &["synthesize", "c", "--cells", "1", "--quiet"]).ok();
    let ascii = folder.path().join("c/components/morphologies/ascii");
    std::fs::write(ascii.join(&names_in(&ascii)[0]), asc).unwrap();
    folder
}

/// Returns an ASC text: a square with this half diagonal as cell body, three axon sections, and a dendrite of this
/// length.
fn asc(half_diagonal: f64, dendrite: f64) -> String {
    let d = half_diagonal;
    format!(
        "(\"CellBody\" (CellBody) ({d} 0 0 0) (0 {} 0 0) (-{d} 0 0 0) (0 -{} 0 0))\n\
         ((Axon) (0 -5 0 1) (0 -75 0 1) ((5 -90 0 1) | (-5 -90 0 1)))\n((Dendrite) (5 0 0 1) ({} 0 0 1))\n",
        d / 2.0,
        d / 2.0,
        5.0 + dendrite
    )
}

#[test]
fn a_length_near_a_multiple_of_the_chunk_is_reported_with_its_node() {
    let warnings = |asc: &str| {
        let folder = one_neuron(asc);
        let run = positions(folder.path(), "c/circuit_config_asc.json", "s.parquet", &[]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        run.stderr.lines().filter(|l| l.starts_with("warning: ")).map(str::to_string).collect::<Vec<_>>()
    };
    assert_eq!(warnings(&asc(10.0, 75.0)), [""; 0]);
    assert_eq!(
        warnings(&asc(10.0, 80.0)),
        ["warning: node 0: section 4 of morphology `PC_long_00` is 80.000000 µm long, too near to 80 µm to be sure \
             into how many segments the simulator cuts it"]
    );
    // on both sides of the multiple, at the same distance
    for (dendrite, is_near) in [(79.99994, true), (80.00006, true), (79.999, false), (80.001, false)] {
        let found = warnings(&asc(10.0, dendrite));
        assert_eq!(found.len(), usize::from(is_near), "{dendrite}: {found:?}");
        assert!(found.iter().all(|w| w.contains(" µm long, too near to 80 µm to be sure ")), "{found:?}");
    }
    // a cell body of nearly 40 µm
    let soma = warnings(&asc(20.0, 75.0));
    assert!(soma.len() == 1 && soma[0].starts_with("warning: node 0: section 0 of morphology"), "{soma:?}");
    assert!(soma[0].contains(" µm long, too near to 40 µm "), "{soma:?}");
}

#[test]
fn morphologies_in_subfolders_are_found_in_folders_and_containers() {
    let folder = synthesized();
    let source = folder.path().join("c/networks/nodes/neurons/nodes.h5");
    let file = Hdf5File::create(&folder.path().join("n.h5")).unwrap();
    file.create_group("/nodes/neurons/0").unwrap();
    let morphologies = |path: &Path| {
        let nodes = Hdf5File::open(path).unwrap();
        let library = nodes.read_strings("/nodes/neurons/0/@library/morphology").unwrap();
        nodes.read_unsigned("/nodes/neurons/0/morphology").unwrap()[..2]
            .iter()
            .map(|&i| library[i as usize].clone())
            .collect()
    };
    let names: Vec<String> = morphologies(&source);
    file.write_dataset("/nodes/neurons/node_type_id", &[-1_i64; 2], &[2]).unwrap();
    for (name, values) in [("x", [0.0, 9.0]), ("y", [5.0, -3.0]), ("z", [1.0, 2.0])] {
        file.write_dataset(&format!("/nodes/neurons/0/{name}"), &values, &[2]).unwrap();
    }
    let below: Vec<String> = names.iter().map(|n| format!("rat/l5/{n}")).collect();
    file.write_strings("/nodes/neurons/0/morphology", &below, &[2]).unwrap();
    file.close().unwrap();
    std::fs::rename(folder.path().join("n.h5"), source).unwrap();
    let base = folder.path().join("c/components/morphologies");
    for (format, extension) in [("swc", "swc"), ("ascii", "asc"), ("h5v1", "h5")] {
        std::fs::create_dir_all(base.join(format).join("rat/l5")).unwrap();
        for name in &names {
            let file = format!("{name}.{extension}");
            std::fs::rename(base.join(format).join(&file), base.join(format).join("rat/l5").join(&file)).unwrap();
        }
    }
    let merged = Hdf5File::create(&folder.path().join("merged.h5")).unwrap();
    for name in &names {
        let own = Hdf5File::open(&base.join(format!("h5v1/rat/l5/{name}.h5"))).unwrap();
        let points: Vec<f32> = own.read_floats("points").unwrap().iter().map(|&v| v as f32).collect();
        let structure: Vec<i32> = own.read_signed("structure").unwrap().iter().map(|&v| v as i32).collect();
        merged.create_group(&format!("rat/l5/{name}")).unwrap();
        merged.write_dataset(&format!("rat/l5/{name}/points"), &points, &[points.len() / 4, 4]).unwrap();
        merged.write_dataset(&format!("rat/l5/{name}/structure"), &structure, &[structure.len() / 3, 3]).unwrap();
    }
    merged.close().unwrap();
    std::fs::rename(folder.path().join("merged.h5"), base.join("merged.h5")).unwrap();
    let rule = ["--axon-rule", "taper"];
    for suffix in ["_h5", "_asc"] {
        let config = format!("c/circuit_config{suffix}.json");
        same(folder.path(), ("c/circuit_config_container.json", &rule), (&config, &rule));
    }
    positions(folder.path(), "c/circuit_config.json", "s.parquet", &rule).ok();
}

mod properties {
    use leadfield::circuit::hoc::{AxonReplacement, StubDiameters};
    use leadfield::circuit::placement::discretise::{
        count_section_segments, find_ambiguous_lengths, find_chunk_range, segments_of_length,
    };
    use leadfield::circuit::placement::{AxonTreatment, CountChecks, NeuronPlan, StubPlacement, place_segments};
    use leadfield::geometry::{Point, Quaternion, Transform};
    use leadfield::morphology::{Morphology, Section, Soma, SomaForm};
    use leadfield::segments::SectionType;
    use proptest::prelude::*;

    /// Draws a tree of sections whose points lie on a coarse grid, with three axon sections first.
    fn morphology() -> impl Strategy<Value = Morphology> {
        let steps = prop::collection::vec((1_i8..40, -30_i8..30, -30_i8..30), 1..6);
        let sections = prop::collection::vec((steps, 0.2_f32..5.0, any::<prop::sample::Index>()), 4..20);
        (sections, 1.0_f32..60.0).prop_map(|(drawn, diameter)| {
            let mut sections: Vec<Section> = Vec::new();
            for (i, (steps, width, parent)) in drawn.into_iter().enumerate() {
                let kind = if i < 3 { SectionType::Axon } else { SectionType::Dend };
                let before = sections.len();
                let parent = (i > 0).then(|| parent.index(before)).filter(|&p| sections[p].kind == kind);
                let mut at = parent.map_or([0.0; 3], |p| *sections[p].points.last().unwrap());
                let mut points = vec![at];
                for (x, y, z) in steps {
                    at = [at[0] + f32::from(x), at[1] + f32::from(y) * 0.5, at[2] + f32::from(z) * 0.25];
                    points.push(at);
                }
                let diameters = points.iter().map(|_| width).collect();
                sections.push(Section { kind, parent, points, diameters_um: diameters, starts_at_soma: false });
            }
            let soma =
                Soma { points: vec![[0.0; 3]], diameters_um: vec![diameter], form: SomaForm::Point, ..Soma::default() };
            Morphology::from_file_order(soma, sections)
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_the_rule_counts_passes_the_checks_of_a_report_and_is_placed_alike(
            morphology in morphology(),
            form in prop::sample::select(AxonReplacement::ALL.to_vec()),
            chunk in 5.0_f64..200.0,
            at in prop::array::uniform3(-4000.0_f64..4000.0),
        ) {
            let sections = count_section_segments(&morphology, form, chunk);
            prop_assert!(sections.windows(2).all(|w| w[0].section_id < w[1].section_id));
            let plan = |axon| NeuronPlan {
                node_id: 3,
                morphology_name: "m".into(),
                first_row: 10,
                section_counts: sections.clone().into(),
                axon,
                stub_diameters: StubDiameters::default(),
                transform: Transform::new(Quaternion::from_euler(at[0], at[1], at[2]), Point::from(at)),
            };
            let by_rule = place_segments(&morphology, &plan(form.into()), StubPlacement::default(), CountChecks::None).unwrap();
            let reported = if form.replaces_axon() { AxonTreatment::Replace(None) } else { AxonTreatment::Keep };
            let by_report = place_segments(&morphology, &plan(reported), StubPlacement::default(), CountChecks::SectionsAndLengths).unwrap();
            prop_assert!(by_rule == by_report);
            prop_assert_eq!(by_rule.len() as u64, plan(reported).segment_count());
            prop_assert!(by_rule.iter().all(|s| s.start.to_array().iter().chain(&s.end.to_array()).all(|c| c.is_finite())));
        }

        #[test]
        fn a_section_is_cut_into_odd_numbers_that_rise_with_its_length(
            length in 0.0_f64..5000.0, more in 0.0_f64..100.0, chunk in 1.0_f64..200.0,
        ) {
            let n = segments_of_length(length, chunk);
            prop_assert_eq!(n % 2, 1);
            prop_assert!(segments_of_length(length + more, chunk) >= n);
            // pieces are shorter than the chunk: L < (k + 1) chunk with n = 1 + 2 k
            prop_assert!(length / f64::from(n) < chunk);
            let (low, high) = find_chunk_range([(length, n)]).unwrap();
            prop_assert!(low < chunk && chunk <= high);
        }

        #[test]
        fn whatever_is_no_tie_has_the_same_count_with_a_length_rounded_to_float32(
            morphology in morphology(), chunk in 5.0_f64..80.0,
        ) {
            let tied: Vec<u32> = find_ambiguous_lengths(&morphology, AxonReplacement::Keep, chunk).iter().map(|t| t.section_id).collect();
            for (id, section) in (1..).zip(&morphology.sections).filter(|(id, _)| !tied.contains(id)) {
                let rounded = f64::from(section.length_um() as f32);
                prop_assert_eq!(segments_of_length(rounded, chunk), segments_of_length(section.length_um(), chunk), "{}", id);
            }
        }
    }
}
