//! `leadfield positions` on circuits that are each damaged in one place: the complete text that a user sees, exit code
//! 2, and no output.
//!
//! Each test copies a small golden circuit of four neurons, damages one object and requests the table.

use std::collections::BTreeMap;
use std::path::PathBuf;

use leadfield::io::hdf5::Hdf5File;
use leadfield::morphology::{Morphology, MorphologyFormat, read};
use leadfield::segments::SectionType;
use leadfield::segments::table::SegmentTable;
use serde_json::{Value, json};

use crate::support::{Run, copy_folder, golden, leadfield_in, names_in, scratch};

const POPULATION: &str = "S1nonbarrel_neurons";
const CONFIG: &str = "simulation_config.json";
const REPORT: &str = "output/compartment.h5";
const NODES: &str = "networks/nodes/S1nonbarrel_neurons/nodes.h5";
/// The morphology of node 0, which no other node has.
const SWC: &str = "components/morphologies/swc/syn_PC_long_00.swc";
/// The morphologies of the nodes, by id.
const MORPHOLOGIES: [&str; 4] = ["syn_PC_long_00", "syn_PC_late_01", "syn_IN_short_02", "syn_PC_far_03"];

/// The text about node 0 in every error of a morphology.
const OWNER: &str = "it is the morphology of node 0 of population `S1nonbarrel_neurons`";
const ASK_FOR_ALL: &str = "hint: a report with `\"type\": \"compartment\", \"sections\": \"all\", \"compartments\": \
                           \"all\"` lists all segments; one frame is enough; or have the counts computed: \
                           `--discretisation rule`";
const CUT_SHORT: &str = "\nhint: the file may be cut short, or be of another format\n";

/// A copy of a circuit, with a folder `out` for outputs.
struct Circuit(tempfile::TempDir);

impl Circuit {
    fn new() -> Self {
        Self::of("four_axon_kinds")
    }

    fn of(variant: &str) -> Self {
        let folder = scratch();
        copy_folder(&golden().join("variants").join(variant).join("circuit"), folder.path());
        std::fs::create_dir(folder.path().join("out")).unwrap();
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), content).unwrap();
    }

    fn edit(&self, name: &str, change: impl FnOnce(&mut Value)) {
        let mut value = serde_json::from_slice(&std::fs::read(self.path(name)).unwrap()).unwrap();
        change(&mut value);
        self.write(name, value.to_string());
    }

    /// A node set of one node.
    fn with_node_set_one(self, node: u64) -> Self {
        self.edit("node_sets.json", |sets| sets["One"] = json!({"node_id": node}));
        self
    }

    fn cut(&self, name: &str) {
        let bytes = std::fs::read(self.path(name)).unwrap();
        self.write(name, &bytes[..bytes.len() / 2]);
    }

    fn remove(&self, name: &str) {
        std::fs::remove_file(self.path(name)).unwrap();
    }

    /// Replaces an HDF5 file by a new one.
    fn replaced(&self, name: &str) -> Hdf5File {
        Hdf5File::create(&self.path(name)).unwrap()
    }

    fn positions(&self, config: &str, out: &str, options: &[&str]) -> Run {
        leadfield_in(self.0.path(), &[&["positions", config, "-o", out, "--quiet"], options].concat())
    }

    /// Asserts that the table is refused with this text, as one file and as a folder, and that no output remains.
    #[track_caller]
    fn refused_with(&self, options: &[&str], text: &str) {
        for out in ["out/segments.parquet", "out/segments"] {
            self.positions(CONFIG, out, options).refused(text);
            assert_eq!(names_in(&self.path("out")), [""; 0]);
        }
    }

    #[track_caller]
    fn refused(&self, text: &str) {
        self.refused_with(&[], text);
    }

    /// Asserts the beginning and the end of a message with a text of the HDF5 library in between, which depends on its
    /// version.
    #[track_caller]
    fn refused_between(&self, start: &str, end: &str) {
        let run = self.positions(CONFIG, "out/segments.parquet", &[]);
        assert!(run.stderr.starts_with(start) && run.stderr.ends_with(end), "{}", run.stderr);
        assert_eq!(run.code, 2);
        assert_eq!(names_in(&self.path("out")), [""; 0]);
    }

    /// Replaces the morphology file of node 0.
    #[track_caller]
    fn refused_morphology(content: &str, place_and_problem: &str) {
        let circuit = Self::new();
        circuit.write(SWC, content);
        let advice = if place_and_problem.contains("\nhint: ") { "; " } else { "\nhint: " };
        circuit.refused(&format!("error: {SWC}: {place_and_problem}{advice}{OWNER}"));
    }

    fn morphology(&self) -> Morphology {
        read(&self.path(SWC), MorphologyFormat::Swc).unwrap()
    }
}

/// The mapping of a report, which a test changes and writes.
struct Report {
    population: String,
    node_ids: Vec<u64>,
    pointers: Vec<u64>,
    elements: Vec<u32>,
}

impl Report {
    fn of(circuit: &Circuit) -> Self {
        let file = Hdf5File::open(&circuit.path(REPORT)).unwrap();
        let mapping = |name: &str| file.read_unsigned(&format!("/report/{POPULATION}/mapping/{name}")).unwrap();
        let elements = mapping("element_ids").iter().map(|&id| u32::try_from(id).unwrap()).collect();
        let (node_ids, pointers) = (mapping("node_ids"), mapping("index_pointers"));
        Self { population: POPULATION.into(), node_ids, pointers, elements }
    }

    fn write(&self, circuit: &Circuit) {
        let file = circuit.replaced(REPORT);
        let mapping = |name: &str| format!("/report/{}/mapping/{name}", self.population);
        file.create_group(&format!("/report/{}/mapping", self.population)).unwrap();
        file.write_dataset(&mapping("node_ids"), &self.node_ids, &[self.node_ids.len()]).unwrap();
        file.write_dataset(&mapping("index_pointers"), &self.pointers, &[self.pointers.len()]).unwrap();
        file.write_dataset(&mapping("element_ids"), &self.elements, &[self.elements.len()]).unwrap();
        file.close().unwrap();
    }

    /// Returns the section ids of the segments of the node at an index.
    fn node(&self, place: usize) -> &[u32] {
        &self.elements[self.pointers[place] as usize..self.pointers[place + 1] as usize]
    }
}

/// The nodes, which a test changes and writes.
struct Nodes {
    columns: BTreeMap<&'static str, Vec<f64>>,
    morphologies: [&'static str; 4],
}

impl Nodes {
    fn of(circuit: &Circuit) -> Self {
        let file = Hdf5File::open(&circuit.path(NODES)).unwrap();
        let names = ["x", "y", "z", "orientation_w", "orientation_x", "orientation_y", "orientation_z"];
        let column = |name| (name, file.read_floats(&format!("/nodes/{POPULATION}/0/{name}")).unwrap());
        Self { columns: names.map(column).into(), morphologies: MORPHOLOGIES }
    }

    fn write(&self, circuit: &Circuit) {
        let file = circuit.replaced(NODES);
        let object = |name: &str| format!("/nodes/{POPULATION}/0/{name}");
        file.create_group(&format!("/nodes/{POPULATION}/0")).unwrap();
        file.write_dataset(&format!("/nodes/{POPULATION}/node_type_id"), &[-1_i64; 4], &[4]).unwrap();
        file.write_strings(&object("morphology"), &self.morphologies, &[4]).unwrap();
        self.columns.iter().for_each(|(name, values)| file.write_dataset(&object(name), values, &[4]).unwrap());
        file.close().unwrap();
    }
}

#[test]
fn the_circuit_is_accepted_before_it_is_damaged() {
    let circuit = Circuit::new().with_node_set_one(0);
    Nodes::of(&circuit).write(&circuit);
    let report = Report::of(&circuit);
    report.write(&circuit);
    circuit.positions(CONFIG, "out/segments.parquet", &[]).ok();
    assert_eq!(names_in(&circuit.path("out")), ["segments.parquet"]);
    let table = SegmentTable::open(&circuit.path("out/segments.parquet")).unwrap();
    assert_eq!(table.len(), report.elements.len() as u64);
}

// configurations

#[test]
fn a_configuration_that_is_missing() {
    let circuit = Circuit::new();
    circuit
        .positions("nowhere.json", "out/x", &[])
        .refused("error: nowhere.json: cannot be read: no such file or directory");
    circuit.remove("circuit_config.json");
    circuit.refused("error: circuit_config.json: cannot be read: no such file or directory");
}

#[test]
fn a_configuration_that_is_not_json() {
    let circuit = Circuit::new();
    circuit.write(CONFIG, "{\n  \"run\" {}\n}\n");
    circuit.refused("error: simulation_config.json: line[2]: no valid JSON at column 9: expected `:`");
    circuit.write(CONFIG, "run: {}\n");
    circuit.refused("error: simulation_config.json: line[1]: no valid JSON at column 1: expected value");
}

#[test]
fn a_manifest_that_runs_in_a_circle() {
    let circuit = Circuit::new();
    circuit.edit("circuit_config.json", |c| c["manifest"] = json!({"$BASE_DIR": "$NET/..", "$NET": "$BASE_DIR/net"}));
    circuit.refused(
        "error: circuit_config.json: manifest: variables refer to each other in a cycle, expected none that do, found \
         `$BASE_DIR`, `$NET`\nhint: write one of them without a variable",
    );
}

#[test]
fn a_configuration_of_neither_kind() {
    let circuit = Circuit::new();
    circuit.write(CONFIG, "{\"version\": 1, \"reports\": {}}");
    circuit.refused(
        "error: simulation_config.json: not a SONATA configuration, expected `run` (a simulation) or `networks` (a \
         circuit), found `version`, `reports`",
    );
}

#[test]
fn a_circuit_where_a_simulation_is_needed() {
    let circuit = Circuit::new();
    let text = "error: circuit_config.json: no compartment report to take segment counts from, expected a simulation \
                configuration, found a circuit configuration\n\
                hint: name the simulation configuration whose compartment report lists the segments, or have the counts \
                computed: `--discretisation rule`";
    for options in [["--discretisation", "report"], ["--report", "compartment"]] {
        circuit.positions("circuit_config.json", "out/segments", &options).refused(text);
    }
}

#[test]
fn a_population_without_morphologies() {
    let circuit = Circuit::new();
    circuit.edit("circuit_config.json", |c| {
        c["components"].as_object_mut().unwrap().remove("morphologies_dir");
        c["networks"]["nodes"][0]["populations"][POPULATION].as_object_mut().unwrap().remove("morphologies_dir");
    });
    circuit.refused(
        "error: circuit_config.json: population `S1nonbarrel_neurons` has no morphologies, expected `morphologies_dir` \
         or `alternate_morphologies`",
    );
}

// populations, node sets and nodes

#[test]
fn an_unknown_population() {
    Circuit::new().refused_with(
        &["--population", "thalamus"],
        "error: circuit_config.json: networks.nodes: unknown population, expected `S1nonbarrel_neurons`, found \
         `thalamus`\nhint: name one biophysical population with `--population`",
    );
}

#[test]
fn several_populations_in_one_file() {
    let circuit = Circuit::new();
    circuit.edit("circuit_config.json", |c| c["networks"]["nodes"][0]["populations"]["more"] = json!({}));
    circuit.positions(CONFIG, "out/segments.parquet", &[]).refused(
        "error: out/segments.parquet: several populations cannot go into one file, expected a folder's name, found \
         `S1nonbarrel_neurons`\nhint: leave `.parquet` out of the name, or choose one population with `--population`",
    );
    assert_eq!(names_in(&circuit.path("out")), [""; 0]);
}

#[test]
fn an_unknown_node_set() {
    Circuit::new().refused_with(
        &["--node-set", "Everyone"],
        "error: node_sets.json: unknown node set, expected `All`, `Reported`, found `Everyone`\n\
         hint: name one of these, or add the set to the file",
    );
}

#[test]
fn an_unknown_attribute_in_a_node_set() {
    let circuit = Circuit::new();
    circuit.edit("node_sets.json", |sets| sets["Red"] = json!({"colour": "red"}));
    circuit.refused_with(
        &["--node-set", "Red"],
        "error: node_sets.json: Red.colour: unknown attribute of population `S1nonbarrel_neurons`, expected `etype`, \
         `layer`, `model_template`, `model_type`, `morphology`, `mtype`, `orientation_w`, `orientation_x`, \
         `orientation_y`, `orientation_z`, `region`, `synapse_class`, `x`, `y`, `z`, found `colour`",
    );
}

#[test]
fn a_node_set_with_a_node_that_is_not_there() {
    Circuit::new().with_node_set_one(4).refused_with(
        &["--node-set", "One"],
        "error: node_sets.json: One.node_id: node id outside the population `S1nonbarrel_neurons`, expected an id below \
         4, found 4",
    );
}

#[test]
fn a_node_set_without_nodes() {
    let circuit = Circuit::new();
    circuit.edit("node_sets.json", |sets| sets["Deep"] = json!({"z": {"$lt": -1e9}}));
    circuit.refused_with(
        &["--node-set", "Deep"],
        "error: node_sets.json: no neurons selected, expected at least one, found none in node set `Deep` of population \
         `S1nonbarrel_neurons`",
    );
}

#[test]
fn a_report_with_a_node_that_is_not_there() {
    let circuit = Circuit::new();
    Report { node_ids: vec![0, 9, 2, 3], ..Report::of(&circuit) }.write(&circuit);
    circuit.refused(
        "error: output/compartment.h5: /report/S1nonbarrel_neurons/mapping/node_ids: node id outside the population \
         `S1nonbarrel_neurons`, expected an id below 4, found 9\nhint: the report may belong to another circuit",
    );
}

#[test]
fn a_report_without_some_nodes_of_the_node_set() {
    let circuit = Circuit::new();
    let mut report = Report::of(&circuit);
    report.elements.truncate(report.pointers[2] as usize);
    report.pointers.truncate(3);
    report.node_ids.truncate(2);
    report.write(&circuit);
    circuit.positions(CONFIG, "out/segments", &[]).ok();
    std::fs::remove_dir_all(circuit.path("out/segments")).unwrap();
    circuit.refused_with(
        &["--node-set", "All"],
        "error: output/compartment.h5: nodes are missing from the report, expected all 4 of node set `All`, found 2 of \
         them; first missing: node 2\nhint: choose a `--node-set` inside the report's `cells`, or another `--report`",
    );
}

#[test]
fn an_empty_report() {
    let circuit = Circuit::new();
    let population = POPULATION.into();
    Report { population, node_ids: vec![], pointers: vec![0], elements: vec![] }.write(&circuit);
    circuit
        .refused("error: output/compartment.h5: no neurons selected, expected at least one, found none in the report");
}

#[test]
fn nodes_without_x() {
    let circuit = Circuit::new();
    let mut nodes = Nodes::of(&circuit);
    nodes.columns.remove("x");
    nodes.write(&circuit);
    circuit.refused(
        "error: networks/nodes/S1nonbarrel_neurons/nodes.h5: /nodes/S1nonbarrel_neurons/0/x: missing, expected a \
         dataset; the nearest group `/nodes/S1nonbarrel_neurons/0` has `morphology`, `orientation_w`, `orientation_x`, \
         `orientation_y`, `orientation_z`, `y`, `z`",
    );
}

#[test]
fn a_quaternion_of_length_zero() {
    let circuit = Circuit::new();
    let mut nodes = Nodes::of(&circuit);
    ["orientation_w", "orientation_x", "orientation_y", "orientation_z"]
        .iter()
        .for_each(|name| nodes.columns.get_mut(name).unwrap()[2] = 0.0);
    nodes.write(&circuit);
    circuit.refused(
        "error: networks/nodes/S1nonbarrel_neurons/nodes.h5: node[2]: orientation is not a rotation, expected a \
         quaternion with a length above 0, found (w 0, x 0, y 0, z 0)\n\
         hint: give an unrotated neuron the orientation w 1, x 0, y 0, z 0",
    );
}

#[test]
fn nodes_that_are_missing_or_cut_short() {
    let circuit = Circuit::new();
    circuit.cut(NODES);
    circuit.refused_between(&format!("error: {NODES}: not a readable HDF5 file: "), CUT_SHORT);
    circuit.remove(NODES);
    circuit.refused(&format!("error: {NODES}: cannot be read: no such file or directory"));
}

// reports

fn second_report(circuit: &Circuit, name: &str, report: Value) {
    circuit.edit(CONFIG, |c| c["reports"][name] = report);
}

#[test]
fn an_unknown_report() {
    let circuit = Circuit::new();
    second_report(&circuit, "soma", json!({"type": "compartment"}));
    circuit.refused_with(
        &["--report", "currents"],
        "error: simulation_config.json: reports: unknown report `currents`, expected one of `compartment`, `soma`\n\
         hint: choose one of them with `--report NAME`",
    );
}

#[test]
fn several_reports_of_all_segments() {
    let circuit = Circuit::new();
    second_report(&circuit, "voltage", json!({"type": "compartment", "sections": "all"}));
    circuit.refused(
        "error: simulation_config.json: reports: several reports list all segments, expected one, found `compartment`, \
         `voltage`\nhint: choose one of them with `--report NAME`",
    );
    circuit.positions(CONFIG, "out/segments.parquet", &["--report", "compartment"]).ok();
}

#[test]
fn a_report_of_somata_only_the_default_of_sonata() {
    let circuit = Circuit::new();
    circuit.edit(CONFIG, |c| c["reports"]["compartment"] = json!({"type": "compartment"}));
    let text = format!(
        "error: simulation_config.json: reports: report `compartment` does not list all segments, expected a \
         compartment report of all sections and compartments, found type `compartment`, sections `soma`, compartments \
         `center`\n{ASK_FOR_ALL}"
    );
    circuit.refused(&text);
    circuit.refused_with(&["--report", "compartment"], &text);
}

#[test]
fn no_report_and_no_suitable_report() {
    let circuit = Circuit::new();
    let start = "error: simulation_config.json: reports: no report lists all segments, expected one compartment report \
                 of all sections and compartments, found";
    second_report(&circuit, "soma", json!({"type": "compartment"}));
    second_report(&circuit, "compartment", json!({"type": "lfp", "sections": "all"}));
    circuit.refused(&format!(
        "{start} `compartment` (type `lfp`, sections `all`, compartments `all`); `soma` (type `compartment`, sections \
         `soma`, compartments `center`)\n{ASK_FOR_ALL}"
    ));
    circuit.edit(CONFIG, |c| c["reports"] = json!({}));
    circuit.refused_with(&["--discretisation", "report"], &format!("{start} no reports\n{ASK_FOR_ALL}"));
}

#[test]
fn a_report_that_is_disabled() {
    let circuit = Circuit::new();
    circuit.edit(CONFIG, |c| c["reports"]["compartment"]["enabled"] = false.into());
    circuit.refused(
        "error: simulation_config.json: reports: report `compartment` is disabled, expected an enabled compartment \
         report of all sections and compartments\n\
         hint: if its file exists from another run, select it with `--report NAME`",
    );
    circuit.positions(CONFIG, "out/segments.parquet", &["--report", "compartment"]).ok();
}

#[test]
fn a_report_file_that_holds_somata_only() {
    let circuit = Circuit::new().with_node_set_one(0);
    Report { pointers: vec![0, 1, 2, 3, 4], elements: vec![0; 4], ..Report::of(&circuit) }.write(&circuit);
    let sections = circuit.morphology().sections.len() + 1;
    circuit.refused_with(
        &["--node-set", "One"],
        &format!(
            "error: output/compartment.h5: node[0]: only the soma's segments are listed, expected those of all \
             {sections} sections of morphology `syn_PC_long_00`, found 1 segment\n\
             hint: the simulation that wrote this report had other settings: run it again with `\"sections\": \"all\", \
             \"compartments\": \"all\"`; one frame is enough"
        ),
    );
}

#[test]
fn a_report_with_as_many_pointers_as_nodes() {
    let circuit = Circuit::new();
    let mut report = Report::of(&circuit);
    report.pointers.pop();
    report.write(&circuit);
    circuit.refused(
        "error: output/compartment.h5: /report/S1nonbarrel_neurons/mapping/index_pointers: wrong number of index \
         pointers, expected 5 (one more than nodes), found 4\nhint: add the number of elements as the last pointer",
    );
}

#[test]
fn a_report_that_is_missing_or_cut_short() {
    let circuit = Circuit::new();
    circuit.cut(REPORT);
    circuit.refused_between(&format!("error: {REPORT}: not a readable HDF5 file: "), CUT_SHORT);
    circuit.remove(REPORT);
    circuit.refused(
        "error: output/compartment.h5: cannot be read: no such file or directory\n\
         hint: the simulation writes this report when it runs; one frame is enough; or have the counts computed: \
         `--discretisation rule`",
    );
}

#[test]
fn a_report_of_another_population() {
    let circuit = Circuit::new();
    Report { population: "thalamus".into(), ..Report::of(&circuit) }.write(&circuit);
    circuit.refused(
        "error: output/compartment.h5: /report: unknown population, expected `thalamus`, found `S1nonbarrel_neurons`",
    );
}

// segment counts that do not fit

/// Returns the number of segments of a morphology by the rule of the templates, 1 + 2 int(L / 40) per section, with the
/// soma.
fn by_rule(morphology: &Morphology, keep: impl Fn(SectionType) -> bool) -> u64 {
    let nseg = |length: f64| 1 + 2 * (length / 40.0).floor() as u64;
    let soma = 2.0 * f64::from(morphology.soma.radius_um().unwrap());
    let sections = morphology.sections.iter().filter(|s| keep(s.kind));
    nseg(soma) + sections.map(|s| nseg(s.length_um())).sum::<u64>()
}

#[test]
fn a_report_with_axons_kept_where_they_are_to_be_replaced() {
    let circuit = Circuit::of("keep_axon");
    let morphology = circuit.morphology();
    // two stubs and a myelin of 5 segments each replace the axon
    let expected = by_rule(&morphology, |kind| kind != SectionType::Axon) + 15;
    let found = by_rule(&morphology, |_| true);
    assert_eq!(found, Report::of(&circuit).elements.len() as u64);
    circuit.refused(&format!(
        "error: output/compartment.h5: node[0]: segment counts do not fit morphology `syn_PC_long_00` at section 3, \
         expected {expected} segments (axon replaced by two stubs and myelin, 40 µm rule), found {found} segments\n\
         hint: these are the counts of a neuron with its axon kept: use `--keep-axon`"
    ));
    circuit.positions(CONFIG, "out/segments.parquet", &["--keep-axon"]).ok();
}

#[test]
fn a_report_with_axons_replaced_where_they_are_to_be_kept() {
    let circuit = Circuit::new().with_node_set_one(0);
    let morphology = circuit.morphology();
    let expected = by_rule(&morphology, |_| true);
    let found = by_rule(&morphology, |kind| kind != SectionType::Axon) + 15;
    assert_eq!(found, Report::of(&circuit).node(0).len() as u64);
    circuit.refused_with(
        &["--node-set", "One", "--keep-axon"],
        &format!(
            "error: output/compartment.h5: node[0]: segment counts do not fit morphology `syn_PC_long_00` at section 3, \
             expected {expected} segments (axon kept, 40 µm rule), found {found} segments\n\
             hint: these are the counts of a neuron with its axon replaced by two stubs and myelin: leave out \
             `--keep-axon`"
        ),
    );
}

#[test]
fn a_report_of_another_circuit() {
    let circuit = Circuit::new().with_node_set_one(0);
    let report = Report::of(&circuit);
    let (expected, found) = (report.node(0), report.node(1));
    // the first section that only one of the two neurons has
    let section = (0..).find(|id| expected.contains(id) != found.contains(id)).unwrap();
    Report { node_ids: vec![1, 0, 2, 3], ..Report::of(&circuit) }.write(&circuit);
    circuit.refused_with(
        &["--node-set", "One"],
        &format!(
            "error: output/compartment.h5: node[0]: segment counts do not fit morphology `syn_PC_long_00` at section \
             {section}, expected {} segments (axon replaced by two stubs and myelin, 40 µm rule), found {} segments\n\
             hint: the report may belong to another circuit, or to an older version of its morphologies",
            expected.len(),
            found.len(),
        ),
    );
}

#[test]
fn counts_that_no_rule_explains() {
    let circuit = Circuit::new().with_node_set_one(0);
    let mut report = Report::of(&circuit);
    // the elements of node 0 come first; with one more segment, the number of a dendrite is even
    let section = circuit.morphology().sections.iter().position(|s| s.kind == SectionType::Dend).unwrap() as u32 + 1;
    let at = report.elements.iter().position(|&id| id == section).unwrap();
    report.elements.insert(at, section);
    report.pointers.iter_mut().skip(1).for_each(|p| *p += 1);
    report.write(&circuit);
    let n = report.node(0).len();
    circuit.refused_with(
        &["--node-set", "One"],
        &format!(
            "error: output/compartment.h5: node[0]: segment counts do not fit morphology `syn_PC_long_00` at section \
             {section}, expected {} segments (axon replaced by two stubs and myelin, 40 µm rule), found {n} segments\n\
             hint: the report may belong to another circuit; if its neurons are cut by another rule, accept its \
             counts with `--any-discretisation`",
            n - 1,
        ),
    );
    circuit.positions(CONFIG, "out/segments.parquet", &["--node-set", "One", "--any-discretisation"]).ok();
}

// morphologies

/// A soma and a dendrite to which bad lines are added.
const SOMA_AND_DENDRITE: &str = "1 1 0 0 0 5 -1\n2 3 5 0 0 1 1\n3 3 9 0 0 1 2\n";

#[test]
fn a_morphology_that_is_missing() {
    let circuit = Circuit::new();
    circuit.remove(SWC);
    circuit.refused(&format!("error: {SWC}: cannot be read: no such file or directory\nhint: {OWNER}"));
}

#[test]
fn a_missing_morphology_that_several_nodes_have() {
    let circuit = Circuit::new();
    let [long, _, short, _] = MORPHOLOGIES;
    for (morphologies, others) in
        [([long, "lost", short, "lost"], "1 other"), ([long, "lost", "lost", "lost"], "2 others")]
    {
        Nodes { morphologies, ..Nodes::of(&circuit) }.write(&circuit);
        circuit.refused(&format!(
            "error: components/morphologies/swc/lost.swc: cannot be read: no such file or directory\n\
             hint: it is the morphology of node 1 of population `S1nonbarrel_neurons` and of {others}"
        ));
    }
}

#[test]
fn a_morphology_that_is_empty() {
    Circuit::refused_morphology("", "morphology is empty, expected a soma and neurites, found no points");
}

#[test]
fn a_morphology_with_a_nan() {
    Circuit::refused_morphology(
        &format!("{SOMA_AND_DENDRITE}4 3 nan 0 0 1 3\n"),
        "line[4]: coordinate or diameter is not finite, expected a number, found `NaN`",
    );
}

#[test]
fn a_morphology_with_an_unknown_parent() {
    Circuit::refused_morphology(
        &format!("{SOMA_AND_DENDRITE}4 3 9 9 0 1 17\n"),
        "line[4]: unknown parent, expected the id of a sample or -1, found `17`\n\
         hint: NEURON's importer would connect the sample to another one: correct the parent",
    );
}

#[test]
fn a_morphology_whose_samples_are_out_of_order() {
    Circuit::refused_morphology(
        &format!("{SOMA_AND_DENDRITE}4 3 9 9 0 1 5\n5 3 9 9 9 1 4\n"),
        "line[4]: parent does not come before its child, expected an id below `4`, found `5`\n\
         hint: NEURON's importer cannot read such a file: sort the samples, parents before children, and renumber them",
    );
}

#[test]
fn a_morphology_with_two_somata() {
    Circuit::refused_morphology(
        &format!("{SOMA_AND_DENDRITE}4 1 99 0 0 5 -1\n"),
        "line[4]: morphology has two somata, expected one, found a second one\n\
         hint: the simulator would create a soma section for each, far from the other: keep one in the file",
    );
}

#[test]
fn a_morphology_without_a_soma() {
    Circuit::refused_morphology(
        "1 3 0 0 0 1 -1\n2 3 9 0 0 1 1\n",
        "morphology has no soma, expected a soma and neurites, found neurites only\n\
         hint: the simulator would create a cell without a soma, for which cell templates fail: add the soma",
    );
}

#[test]
fn a_morphology_of_a_soma_only() {
    let circuit = Circuit::new();
    circuit.write(SWC, "1 1 0 0 0 5 -1\n");
    circuit.refused(&format!(
        "error: {SWC}: axon cannot be replaced by stubs, expected at least 2 axon sections in the morphology, found 0\n\
         hint: keep the reconstructed axon with `--keep-axon`, if the simulation kept it; {OWNER}"
    ));
}

#[test]
fn a_morphology_without_the_axon_that_is_to_be_replaced() {
    let circuit = Circuit::new();
    let text = std::fs::read_to_string(circuit.path(SWC)).unwrap();
    let is_axon = |line: &&str| line.split(' ').nth(1) == Some("2");
    let bare: Vec<&str> = text.lines().filter(|line| line.starts_with('#') || !is_axon(line)).collect();
    circuit.write(SWC, bare.join("\n"));
    circuit.refused(&format!(
        "error: {SWC}: axon cannot be replaced by stubs, expected at least 2 axon sections in the morphology, found 0\n\
         hint: keep the reconstructed axon with `--keep-axon`, if the simulation kept it; {OWNER}"
    ));
}

// outputs

#[test]
fn an_output_that_exists_is_kept_without_force_and_replaced_with_it() {
    let circuit = Circuit::new();
    circuit.write("out/segments.parquet", "mine");
    std::fs::create_dir(circuit.path("out/segments")).unwrap();
    // an empty file may be replaced: no data is lost
    circuit.write("out/segments/part-00007.parquet", "");
    let before = names_in(&circuit.path("out"));
    for out in ["out/segments.parquet", "out/segments"] {
        circuit
            .positions(CONFIG, out, &[])
            .refused(&format!("error: {out}: exists already\nhint: choose another name, or replace it with `--force`"));
        assert_eq!(names_in(&circuit.path("out")), before);
    }
    assert_eq!(std::fs::read(circuit.path("out/segments.parquet")).unwrap(), b"mine");
    for out in ["out/segments.parquet", "out/segments"] {
        circuit.positions(CONFIG, out, &["--force"]).ok();
        let segments = Report::of(&circuit).elements.len() as u64;
        assert_eq!(SegmentTable::open(&circuit.path(out)).unwrap().len(), segments);
    }
    assert_eq!(names_in(&circuit.path("out")), before);
    assert_eq!(names_in(&circuit.path("out/segments")), ["_manifest.parquet", "part-00000.parquet"]);
}

#[test]
fn an_output_that_exists_survives_a_failure_under_force() {
    let circuit = Circuit::new();
    circuit.write("out/segments.parquet", "mine");
    circuit.remove(SWC);
    let run = circuit.positions(CONFIG, "out/segments.parquet", &["--force"]);
    assert_eq!(run.code, 2);
    assert_eq!(names_in(&circuit.path("out")), ["segments.parquet"]);
    assert_eq!(std::fs::read(circuit.path("out/segments.parquet")).unwrap(), b"mine");
}

#[test]
fn force_replaces_tables_and_nothing_else() {
    let circuit = Circuit::new();
    std::fs::create_dir_all(circuit.path("out/thesis/data")).unwrap();
    circuit.write("out/thesis/chapter-1.tex", "mine");
    circuit.positions(CONFIG, "out/thesis", &["--force"]).refused(
        "error: out/thesis: not replaced, expected a folder with only the parts and the manifest that `leadfield` wrote, found `chapter-1.tex`, \
         `data`\nhint: choose another name, or remove it by hand",
    );
    std::fs::create_dir(circuit.path("out/a.parquet")).unwrap();
    circuit.positions(CONFIG, "out/a.parquet", &["--force"]).refused(
        "error: out/a.parquet: is a folder, expected a file or a free name\n\
         hint: choose another name, or remove it by hand",
    );
    circuit.positions(CONFIG, "out/thesis/chapter-1.tex", &["--force"]).refused(
        "error: out/thesis/chapter-1.tex: is a file, expected a folder or a free name\n\
         hint: choose another name, or remove it by hand",
    );
    assert_eq!(names_in(&circuit.path("out")), ["a.parquet", "thesis"]);
    assert_eq!(names_in(&circuit.path("out/thesis")), ["chapter-1.tex", "data"]);
}

#[test]
fn a_folder_that_cannot_be_written() {
    let circuit = Circuit::new();
    // a link to a folder that does not exist
    std::os::unix::fs::symlink(circuit.path("nowhere"), circuit.path("link")).unwrap();
    for out in ["link/segments.parquet", "link/segments"] {
        circuit.positions(CONFIG, out, &[]).refused(&format!(
            "error: {out}: cannot be written: no such file or directory\nhint: make its folder first"
        ));
    }
    // below a regular file nothing can be written, not even by root
    for out in ["node_sets.json/segments.parquet", "node_sets.json/segments"] {
        circuit.positions(CONFIG, out, &[]).refused(&format!("error: {out}: cannot be written: not a directory"));
    }
    assert_eq!(names_in(&circuit.path("out")), [""; 0]);
}

#[test]
fn no_threads() {
    Circuit::new().refused_with(
        &["--threads", "0"],
        "error: `--threads` out of range, expected 1 to 1024, found `0`\nhint: leave it out for one thread a core",
    );
}
