//! Circuits whose segments cannot be counted by a rule: the complete text that a user sees, exit code 2, no output; or
//! the neurons that are left out, listed and counted.

use std::path::PathBuf;

use leadfield::io::hdf5::Hdf5File;
use leadfield::segments::table::SegmentTable;
use serde_json::{Value, json};

use crate::support::{Run, leadfield_in, names_in, scratch};

const CONFIG: &str = "c/circuit_config.json";
/// The hints of a template that is missing: the simulation next to the circuit, then the rules.
const ADVICE: &str = "name the simulation configuration `c/simulation_config.json` instead of the circuit \
                      configuration: its report `compartment` lists all segments, and no template is needed\n\
                      hint: give the rule yourself: `--axon-rule taper|legacy|bluepyopt|delete|keep`, and `--segment-length UM` \
                      if it is not 40; `taper` is for templates of current Blue Brain and Open Brain circuits, two \
                      stubs and myelin instead of the axon; `legacy` for those of the thalamus, the same without \
                      myelin; `bluepyopt` for BluePyOpt's own `replace_axon`, two stubs of 1 segment; `delete` for \
                      circuits of 2015, whose `delete_axon` creates the same stubs; `keep` for cells that keep their \
                      axon as reconstructed";

/// Creates a synthetic circuit of six neurons, each with a different morphology.
struct Circuit(tempfile::TempDir);

impl Circuit {
    fn new() -> Self {
        let folder = scratch();
        leadfield_in(folder.path(), &["synthesize", "c", "--cells", "6", "--with-report", "--quiet"]).ok();
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join("c").join(name)
    }

    fn attribute(&self, name: &str) -> Vec<String> {
        let nodes = Hdf5File::open(&self.path("networks/nodes/neurons/nodes.h5")).unwrap();
        if !nodes.has_object("/nodes/neurons/0/@library") {
            return nodes.read_strings(&format!("/nodes/neurons/0/{name}")).unwrap();
        }
        let library = nodes.read_strings(&format!("/nodes/neurons/0/@library/{name}")).unwrap();
        let index = nodes.read_unsigned(&format!("/nodes/neurons/0/{name}")).unwrap();
        index.iter().map(|&i| library[i as usize].clone()).collect()
    }

    /// Returns the file of a node's template.
    fn template(&self, node: usize) -> String {
        format!("components/hoc/{}.hoc", &self.attribute("model_template")[node]["hoc:".len()..])
    }

    /// Returns the SWC file of a node's morphology.
    fn morphology(&self, node: usize) -> String {
        format!("components/morphologies/swc/{}.swc", self.attribute("morphology")[node])
    }

    /// Returns the hint of an error of a template, which names the first node that has it.
    fn owner(&self, node: usize) -> String {
        let templates = self.attribute("model_template");
        let others = match templates.iter().filter(|t| **t == templates[node]).count() - 1 {
            0 => String::new(),
            1 => " and of 1 other".into(),
            n => format!(" and of {n} others"),
        };
        format!("it is the template of node {node} of population `neurons`{others}")
    }

    fn edit(&self, name: &str, change: impl FnOnce(String) -> String) {
        let text = std::fs::read_to_string(self.path(name)).unwrap();
        let changed = change(text.clone());
        assert_ne!(text, changed);
        std::fs::write(self.path(name), changed).unwrap();
    }

    fn positions(&self, config: &str, options: &[&str]) -> Run {
        leadfield_in(self.0.path(), &[&["positions", config, "-o", "out.parquet"], options].concat())
    }

    #[track_caller]
    fn refused(&self, options: &[&str], text: &str) {
        self.positions(CONFIG, options).refused(text);
        assert_eq!(names_in(self.0.path()), ["c"]);
    }

    /// Asserts that one node is left out, for this reason, if bad neurons may be skipped.
    #[track_caller]
    fn skipped(&self, config: &str, options: &[&str], nodes: &[usize], why: &str) {
        let run = self.positions(config, &[&["--on-bad-neuron", "skip"], options].concat());
        let each = nodes.iter().map(|n| format!("warning: node {n} of population `neurons` is left out: {why}\n"));
        let count = if nodes.len() == 1 { "1 neuron".into() } else { format!("{} neurons", nodes.len()) };
        let expected = format!("{}warning: {count} of population `neurons` left out\n", each.collect::<String>());
        assert!(run.stderr.starts_with(&expected), "{}\n{expected}", run.stderr);
        run.ok();
        let table = SegmentTable::open(&self.0.path().join("out.parquet")).unwrap();
        let ids: Vec<u64> = table.neurons().unwrap().iter().map(|n| n.node_id).collect();
        assert_eq!(ids, (0..6).filter(|n| !nodes.contains(&(*n as usize))).collect::<Vec<u64>>());
        let bad = if nodes.len() == 1 { "1 bad neuron".into() } else { format!("{} bad neurons", nodes.len()) };
        assert!(table.metadata().discretisation.ends_with(&format!("; {bad} left out")), "{:?}", table.metadata());
        // rows are numbered without a gap
        assert_eq!(table.metadata().segments, table.len());
        std::fs::remove_file(self.0.path().join("out.parquet")).unwrap();
    }
}

/// Returns the nodes with the template of a node.
fn with_template_of(circuit: &Circuit, node: usize) -> Vec<usize> {
    let templates = circuit.attribute("model_template");
    (0..6).filter(|&n| templates[n] == templates[node]).collect()
}

#[test]
fn a_template_that_is_missing() {
    let circuit = Circuit::new();
    let template = circuit.template(0);
    std::fs::remove_file(circuit.path(&template)).unwrap();
    let problem = format!("c/{template}: cannot be read: no such file or directory");
    circuit.refused(&[], &format!("error: {problem}\nhint: {ADVICE}; {}", circuit.owner(0)));
    circuit.skipped(CONFIG, &[], &with_template_of(&circuit, 0), &problem);
    circuit.positions(CONFIG, &["--axon-rule", "taper"]).ok();
}

#[test]
fn no_folder_of_templates() {
    let circuit = Circuit::new();
    circuit.edit("circuit_config.json", |text| {
        let mut config: Value = serde_json::from_str(&text).unwrap();
        config["components"].as_object_mut().unwrap().remove("biophysical_neuron_models_dir");
        config.to_string()
    });
    circuit.refused(
        &[],
        &format!(
            "error: {CONFIG}: population `neurons` has no cell templates, expected `biophysical_neuron_models_dir`\n\
             hint: {ADVICE}"
        ),
    );
    circuit.refused(
        &["--segment-length", "20"],
        &format!(
            "error: {CONFIG}: population `neurons` has no cell templates, expected `biophysical_neuron_models_dir`\n\
             hint: {ADVICE}"
        ),
    );
}

/// Rewrites the nodes with other templates, or without templates.
fn with_templates(circuit: &Circuit, templates: Option<&[&str; 6]>) {
    let path = circuit.path("networks/nodes/neurons/nodes.h5");
    let (morphologies, old) = (circuit.attribute("morphology"), Hdf5File::open(&path).unwrap());
    let xyz = ["x", "y", "z"].map(|name| old.read_floats(&format!("/nodes/neurons/0/{name}")).unwrap());
    drop(old);
    std::fs::remove_file(&path).unwrap();
    let file = Hdf5File::create(&path).unwrap();
    file.create_group("/nodes/neurons/0").unwrap();
    file.write_dataset("/nodes/neurons/node_type_id", &[-1_i64; 6], &[6]).unwrap();
    for (name, values) in ["x", "y", "z"].iter().zip(&xyz) {
        file.write_dataset(&format!("/nodes/neurons/0/{name}"), values, &[6]).unwrap();
    }
    file.write_strings("/nodes/neurons/0/morphology", &morphologies, &[6]).unwrap();
    if let Some(templates) = templates {
        file.write_strings("/nodes/neurons/0/model_template", templates, &[6]).unwrap();
    }
    file.close().unwrap();
}

#[test]
fn a_model_template_that_is_not_hoc() {
    let circuit = Circuit::new();
    let real = circuit.attribute("model_template")[0].clone();
    with_templates(&circuit, Some(&[&real, "nml:cell", &real, "nml:cell", &real, &real]));
    let problem = "c/networks/nodes/neurons/nodes.h5: /nodes/neurons/0/model_template[1]: no cell template, expected \
                   `hoc:NAME`, found `nml:cell`";
    let owner = "it is the template of node 1 of population `neurons` and of 1 other";
    circuit.refused(&[], &format!("error: {problem}\nhint: {ADVICE}; {owner}"));
    circuit.skipped(CONFIG, &[], &[1, 3], problem);
    with_templates(&circuit, None);
    circuit.refused(
        &[],
        &format!(
            "error: c/networks/nodes/neurons/nodes.h5: /nodes/neurons/0: unknown attribute, expected `morphology`, `x`, `y`, \
             `z`, found `model_template`\nhint: {ADVICE}"
        ),
    );
    circuit.positions(CONFIG, &["--axon-rule", "taper"]).ok();
}

#[test]
fn a_template_of_an_unknown_form() {
    let circuit = Circuit::new();
    let template = circuit.template(0);
    circuit.edit(&template, |text| text.replace("L = 1000", "L = 500"));
    let run = circuit.positions(CONFIG, &[]);
    let line = std::fs::read_to_string(circuit.path(&template)).unwrap();
    let line = line.lines().position(|l| l.contains("proc replace_axon")).unwrap() + 1;
    let start = format!(
        "error: c/{template}: line[{line}]: unknown way to replace an axon, expected two stubs (30 and 30 µm of 5 or 1 segments, \
         or 20 and 30 µm of 5 and 7) and perhaps 1000 µm of myelin of 5, found:\n    proc replace_axon() {{ local nSec, L_chunk"
    );
    assert!(run.stderr.starts_with(&start), "{}", run.stderr);
    // 16 lines of the procedure are shown
    let end = format!("more lines)\nhint: {ADVICE}; {}\n", circuit.owner(0));
    assert!(run.stderr.ends_with(&end), "{}", run.stderr);
    assert_eq!((run.code, run.stderr.lines().count()), (2, 1 + 16 + 1 + 2));
    let skipped = circuit.positions(CONFIG, &["--on-bad-neuron", "skip"]);
    let nodes = with_template_of(&circuit, 0);
    // the procedure is shown once, whatever the number of neurons
    assert_eq!(skipped.stderr.matches(" is left out: ").count(), nodes.len());
    assert_eq!(skipped.stderr.matches("    proc replace_axon()").count(), 1, "{}", skipped.stderr);
    skipped.ok();
    std::fs::remove_file(circuit.0.path().join("out.parquet")).unwrap();
    circuit.edit(&template, |text| text.replace("L = 500", "L = 1000").replace("L/chunkSize", "L/chunkSize+0.5"));
    let run = circuit.positions(CONFIG, &[]);
    assert!(run.stderr.contains(
        "unknown rule for the number of segments, expected `nseg = 1 + 2*int(L/chunk)` over all sections, found:\n    \
         proc geom_nseg_fixed() { local chunkSize\n        chunkSize = $1\n"
    ), "{}", run.stderr);
    circuit.positions(CONFIG, &["--segment-length", "40"]).ok();
}

/// Returns the line of a template, from 1, that contains a text.
fn line_of(circuit: &Circuit, template: &str, part: &str) -> usize {
    let text = std::fs::read_to_string(circuit.path(template)).unwrap();
    text.lines().position(|line| line.contains(part)).unwrap() + 1
}

#[test]
fn a_template_that_changes_lengths_or_the_segments_of_some_sections() {
    for (statement, problem) in [
        (
            "forsec basal { L *= 3 }",
            "the length of a section is changed, expected the lengths of the morphology, found:\n",
        ),
        (
            "forsec apical { nseg *= 3 }",
            "unknown rule for the number of segments, expected `nseg = 1 + 2*int(L/chunk)` over all sections, found:\n",
        ),
    ] {
        let circuit = Circuit::new();
        let template = circuit.template(0);
        circuit.edit(&template, |text| text.replace("    indexSections()\n", &format!("    {statement}\n")));
        let run = circuit.positions(CONFIG, &[]);
        let init = line_of(&circuit, &template, "proc init()");
        let start = format!("error: c/{template}: line[{init}]: {problem}    proc init() {{\n");
        assert!(run.stderr.starts_with(&start), "{}", run.stderr);
        let shown = format!("    line {}: `{statement}`\nhint: ", line_of(&circuit, &template, statement));
        assert!(run.code == 2 && run.stderr.contains(&shown), "{}", run.stderr);
        assert!(!circuit.0.path().join("out.parquet").exists());
        circuit.positions(CONFIG, &["--axon-rule", "taper"]).ok();
    }
}

#[test]
fn diameters_of_a_template_that_radii_do_not_follow() {
    let circuit = Circuit::new();
    let template = circuit.template(0);
    let (dendrites, stub) = ("forsec basal { diam = 3 }", "axon[0] diam = 7");
    let calls = format!("    replace_axon()\n    {dendrites}\n    {stub}\n");
    circuit.edit(&template, |text| text.replacen("    replace_axon()\n", &calls, 1));
    for config in [CONFIG, "c/simulation_config.json"] {
        let run = circuit.positions(config, &["--force"]);
        for (statement, effect) in [
            (dendrites, "is not applied: radii are those of the morphology"),
            (stub, "sets diameters of the axon stubs in an unsupported way: the stubs have no radius"),
        ] {
            let line = line_of(&circuit, &template, statement);
            let warning = format!("warning: c/{template}: line {line}: `{statement}` {effect}\n");
            assert_eq!(run.stderr.matches(&warning).count(), 1, "{warning}{}", run.stderr);
        }
        run.ok();
    }
}

#[test]
fn a_template_of_another_name() {
    let circuit = Circuit::new();
    let template = circuit.template(0);
    let name = circuit.attribute("model_template")[0]["hoc:".len()..].to_string();
    circuit.edit(&template, |text| text.replace(&name, "other"));
    circuit.refused(
        &[],
        &format!(
            "error: c/{template}: no such template, expected `begintemplate {name}`, found `begintemplate other`\n\
             hint: {ADVICE}; {}",
            circuit.owner(0)
        ),
    );
}

/// A neuron with two axon sections.
const TWO_AXONS: &str =
    "1 1 0 0 0 5 -1\n2 2 0 -5 0 1 1\n3 2 0 -70 0 1 2\n4 2 9 5 0 1 1\n5 2 90 5 0 1 4\n6 3 5 0 0 1 1\n7 3 99 0 0 1 6\n";

#[test]
fn fewer_axon_sections_than_the_rule_needs() {
    let circuit = Circuit::new();
    let swc = circuit.morphology(2);
    std::fs::write(circuit.path(&swc), TWO_AXONS).unwrap();
    let problem = format!(
        "c/{swc}: axon cannot be replaced by stubs, expected at least 3 axon sections in the morphology, found 2"
    );
    circuit.refused(
        &[],
        &format!(
            "error: {problem}\nhint: keep the reconstructed axon with `--keep-axon`, if the simulation kept it; it is \
             the morphology of node 2 of population `neurons`"
        ),
    );
    circuit.skipped(CONFIG, &[], &[2], &problem);
    circuit.positions(CONFIG, &["--axon-rule", "legacy"]).ok();
}

#[test]
fn a_report_that_does_not_fit_some_neurons() {
    let circuit = Circuit::new();
    std::fs::write(circuit.path(&circuit.morphology(2)), TWO_AXONS).unwrap();
    let run = circuit.positions("c/simulation_config.json", &["--on-bad-neuron", "skip"]);
    let start = "warning: node 2 of population `neurons` is left out: c/output/compartment.h5: node[2]: segment counts do \
                 not fit morphology `";
    assert!(run.stderr.starts_with(start), "{}", run.stderr);
    assert!(run.stderr.contains("\nwarning: 1 neuron of population `neurons` left out\n"), "{}", run.stderr);
    run.ok();
    assert_eq!(SegmentTable::open(&circuit.0.path().join("out.parquet")).unwrap().neurons().unwrap().len(), 5);
}

#[test]
fn what_the_simulator_does_with_a_morphology_is_said_with_its_file() {
    let circuit = Circuit::new();
    let swc = circuit.morphology(4);
    let text = "1 1 0 0 0 5 -1\n2 3 9 0 0 1 1\n3 3 9 0 0 1 2\n4 3 9 9 0 1 2\n5 3 9 0 9 1 2\n6 2 0 90 0 1 -1\n";
    std::fs::write(circuit.path(&swc), text).unwrap();
    let run = circuit.positions(CONFIG, &["--axon-rule", "keep"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let removed = "1 section of one point or without length left out, as the simulator's importer does";
    let wire =
        "line 6: sample without a parent, to which the simulator's importer draws a section of 90.0 µm from the soma";
    for note in [removed, wire] {
        let line = format!("warning: c/{swc}: {note}");
        assert_eq!(run.stderr.lines().filter(|l| *l == line).count(), 1, "{line}\n{}", run.stderr);
    }
}

#[test]
fn morphologies_that_cannot_be_read() {
    let circuit = Circuit::new();
    let swc = circuit.morphology(4);
    let owner = "it is the morphology of node 4 of population `neurons`";
    for (text, problem, hint) in [
        (
            "1 1 0 0 0 5 -1\n2 7 5 0 0 1 1\n",
            "line[2]: unknown section type, expected 1 (soma), 2 (axon), 3 (basal) or 4 (apical), found `7`",
            "NEURON's importer stops at other types: give the neurite one of these, or remove its samples; ",
        ),
        (
            "1 1 0 0 0 5 -1\n2 3 5 0 0 1 3\n3 3 9 0 0 1 2\n",
            "line[2]: parent does not come before its child, expected an id below `2`, found `3`",
            "NEURON's importer cannot read such a file: sort the samples, parents before children, and renumber them; ",
        ),
    ] {
        std::fs::write(circuit.path(&swc), text).unwrap();
        circuit.refused(&[], &format!("error: c/{swc}: {problem}\nhint: {hint}{owner}"));
        circuit.skipped(CONFIG, &[], &[4], &format!("c/{swc}: {problem}"));
    }
    let asc = swc.replace("swc/", "ascii/").replace(".swc", ".asc");
    let config = "c/circuit_config_asc.json";
    circuit.edit(&asc, |text| text.replacen("\n)\n", "\n", 1));
    let run = circuit.positions(config, &[]);
    // the bracket that is left open is that of the cell body, in the second line; the next block starts in line 25: two
    // lines before the contour's 20 points, of which the last stands in line 23, and an empty one
    run.refused(&format!(
        "error: c/{asc}: line[2]: `(` is not closed, expected `)`, found `((Color` in line 25\nhint: {owner}"
    ));
    let h5 = swc.replace("swc/", "h5v1/").replace(".swc", ".h5");
    std::fs::remove_file(circuit.path(&h5)).unwrap();
    let file = Hdf5File::create(&circuit.path(&h5)).unwrap();
    file.write_dataset("points", &[0.0_f32; 8], &[2, 4]).unwrap();
    file.write_dataset("structure", &[0, 1, -1, 1], &[2, 2]).unwrap();
    file.close().unwrap();
    circuit
        .positions("c/circuit_config_h5.json", &[])
        .refused(&format!("error: c/{h5}: structure: wrong shape, expected [n, 3], found [2, 2]\nhint: {owner}"));
}

#[test]
fn a_name_that_the_container_does_not_have() {
    let circuit = Circuit::new();
    let name = circuit.attribute("morphology")[3].clone();
    let merged = circuit.path("components/morphologies/merged.h5");
    let names: Vec<String> = circuit.attribute("morphology").into_iter().filter(|n| *n != name).collect();
    std::fs::remove_file(&merged).unwrap();
    let file = Hdf5File::create(&merged).unwrap();
    names.iter().for_each(|n| file.create_group(n).unwrap());
    file.close().unwrap();
    let run = circuit.positions("c/circuit_config_container.json", &["--node-set", "One"]);
    assert_eq!(run.code, 2);
    let sets = json!({"One": {"node_id": [3]}});
    std::fs::write(circuit.path("node_sets.json"), sets.to_string()).unwrap();
    let mut known = names;
    known.sort();
    let known = known.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ");
    circuit.positions("c/circuit_config_container.json", &["--node-set", "One"]).refused(&format!(
        "error: c/components/morphologies/merged.h5: {name}: missing, expected a group; the nearest group `/` has {known}\n\
         hint: it is the morphology of node 3 of population `neurons`"
    ));
}

#[test]
fn only_bad_neurons() {
    let circuit = Circuit::new();
    std::fs::remove_dir_all(circuit.path("components/morphologies/swc")).unwrap();
    let run = circuit.positions(CONFIG, &["--on-bad-neuron", "skip", "--quiet"]);
    run.refused(&format!(
        "error: {CONFIG}: all neurons were skipped, expected at least one that can be placed, found 6 bad neurons"
    ));
}

#[test]
fn lengths_that_are_none_and_options_that_contradict_each_other() {
    let circuit = Circuit::new();
    for (given, shown) in [("0", "0"), ("-3", "-3"), ("nan", "NaN"), ("inf", "inf")] {
        circuit.refused(
            &["--segment-length", given],
            &format!(
                "error: segment length out of range, expected more than 0 µm, found `{shown}`\n\
                 hint: give it with `--segment-length`, or leave it out for 40 µm"
            ),
        );
    }
    circuit.positions("c/simulation_config.json", &["--segment-length", "40"]).refused(
        "error: segment length given together with the counts of a report, expected none, found `40` µm\n\
         hint: leave `--segment-length` out, or add `--discretisation rule`",
    );
    let run = circuit.positions(CONFIG, &["--keep-axon", "--axon-rule", "keep"]);
    assert!(run.code == 2 && run.stderr.contains("cannot be used with"), "{}", run.stderr);
}

#[test]
fn an_output_that_exists_is_reported_before_anything_is_read() {
    let circuit = Circuit::new();
    std::fs::write(circuit.0.path().join("out.parquet"), "mine").unwrap();
    circuit
        .positions("nowhere.json", &[])
        .refused("error: out.parquet: exists already\nhint: choose another name, or replace it with `--force`");
}
