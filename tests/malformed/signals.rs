//! Input that `signals` refuses: reports without all compartments, with values that are not numbers, with other times
//! or of other circuits; weights and contacts that do not belong to them; formats that cannot represent the result.

use std::path::Path;

use leadfield::electrodes::{self, Electrodes};
use leadfield::io::hdf5::Hdf5File;
use leadfield::methods::NearField;
use leadfield::segments::Segments;
use leadfield::segments::table::SegmentTable;
use leadfield::signals::{CurrentKind, CurrentReport, Grouping, Signals};
use leadfield::weights::SegmentSource;

use crate::malformed::electrodes_file::{Damaged, edited};
use crate::support::{ChangedTable, Run, golden, leadfield_in, names_in, one_neuron, scratch};

const POPULATION: &str = "S1nonbarrel_neurons";

/// The content of a report, which a test changes and writes.
struct Report {
    population: &'static str,
    node_ids: Vec<u64>,
    pointers: Vec<u64>,
    elements: Vec<u32>,
    frames: usize,
    values: Vec<f32>,
    time: [f64; 3],
    units: &'static str,
}

impl Report {
    /// Reads the reference circuit's report.
    fn golden() -> Self {
        let file = Hdf5File::open(&golden().join("input/circuit/output/compartment.h5")).unwrap();
        let mapping = |name: &str| format!("/report/{POPULATION}/mapping/{name}");
        let data = format!("/report/{POPULATION}/data");
        let time = file.read_floats(&mapping("time")).unwrap();
        Self {
            population: POPULATION,
            node_ids: file.read_unsigned(&mapping("node_ids")).unwrap(),
            pointers: file.read_unsigned(&mapping("index_pointers")).unwrap(),
            elements: file.read_u32(&mapping("element_ids")).unwrap(),
            frames: file.shape(&data).unwrap()[0],
            values: file.read_floats(&data).unwrap().into_iter().map(|v| v as f32).collect(),
            time: [time[0], time[1], time[2]],
            units: "nA",
        }
    }

    fn write(&self, path: &Path) {
        let file = Hdf5File::create(path).unwrap();
        let group = format!("/report/{}", self.population);
        file.create_group(&format!("{group}/mapping")).unwrap();
        let mapping = |name: &str| format!("{group}/mapping/{name}");
        file.write_dataset(&mapping("node_ids"), &self.node_ids, &[self.node_ids.len()]).unwrap();
        file.write_dataset(&mapping("index_pointers"), &self.pointers, &[self.pointers.len()]).unwrap();
        file.write_dataset(&mapping("element_ids"), &self.elements, &[self.elements.len()]).unwrap();
        file.write_dataset(&mapping("time"), &self.time, &[3]).unwrap();
        file.write_dataset(&format!("{group}/data"), &self.values, &[self.frames, self.elements.len()]).unwrap();
        file.write_string_attribute(&format!("{group}/data"), "units", self.units).unwrap();
        file.close().unwrap();
    }

    /// Returns the elements of the first node, and its id.
    fn first_node(&self) -> (u64, usize) {
        (self.node_ids[0], self.pointers[1] as usize)
    }
}

/// Creates a folder with the reference circuit's table, weights and contacts.
fn inputs() -> tempfile::TempDir {
    let dir = scratch();
    let config = golden().join("input/circuit/simulation_config.json");
    leadfield_in(dir.path(), &["positions", config.to_str().unwrap(), "-o", "s.parquet", "--quiet"]).ok();
    std::fs::copy(golden().join("input/electrodes/np8.csv"), dir.path().join("np8.csv")).unwrap();
    leadfield_in(dir.path(), &["weights", "s.parquet", "np8.csv", "-o", "w.h5", "--quiet"]).ok();
    dir
}

fn signals(dir: &Path, args: &[&str]) -> Run {
    leadfield_in(dir, &[&["signals"], args, &["--quiet"]].concat())
}

/// Runs with stored and with computed weights, and asserts that both are refused with the same text and leave no
/// output.
#[track_caller]
fn refused_by_both(dir: &Path, report: &Report, expected: &str) {
    report.write(&dir.join("r.h5"));
    let before = names_in(dir);
    signals(dir, &["r.h5", "--weights", "w.h5", "-o", "x.h5"]).refused(expected);
    signals(dir, &["r.h5", "--segments", "s.parquet", "--electrodes", "np8.csv", "-o", "x.csv"]).refused(expected);
    assert_eq!(names_in(dir), before);
}

/// The hint for reports of another circuit.
const OTHER_CIRCUIT: &str = "hint: was the report made with the circuit of the weights?";

#[test]
fn a_report_of_somata_only_lacks_compartments() {
    let dir = inputs();
    let mut report = Report::golden();
    let (node, segments) = report.first_node();
    let nodes = report.node_ids.len();
    report.values = vec![0.0; report.frames * nodes];
    report.elements = vec![0; nodes];
    report.pointers = (0..=nodes as u64).collect();
    // the first node in ascending order is named
    let first = *report.node_ids.iter().min().unwrap();
    let golden = Report::golden();
    let place = golden.node_ids.iter().position(|id| *id == first).unwrap();
    let expected = golden.pointers[place + 1] - golden.pointers[place];
    assert!(segments > 1 && node >= first);
    refused_by_both(
        dir.path(),
        &report,
        &format!(
            "error: r.h5: node[{first}]: another number of segments, expected {expected} as in the weights, found 1\n\
             hint: the report must have all compartments of all sections (`\"sections\": \"all\", \"compartments\": \
             \"all\"`), and be of the circuit of the weights"
        ),
    );
}

#[test]
fn voltages_are_no_currents() {
    let dir = inputs();
    let mut report = Report::golden();
    (report.units, report.frames, report.time) = ("mV", 2, [0.0, 0.2, 0.1]);
    // all at rest; the soma of the first neuron spikes in the second frame, which `--start` makes the first one
    report.values = vec![-65.0; 2 * report.elements.len()];
    report.values[report.elements.len()] = 30.0;
    let expected = |time_ms: f64, mean: f64| {
        format!(
            "error: r.h5: /report/{POPULATION}/data: membrane voltages at {time_ms} ms, expected membrane currents, which \
             cancel in a neuron, found values of one sign with a mean of {mean:.1}\nhint: is this a report of `v`? make one of \
             the currents: `\"variable_name\": \"i_membrane\"`, `\"sections\": \"all\"`, `\"compartments\": \"all\"`"
        )
    };
    refused_by_both(dir.path(), &report, &expected(0.0, -65.0));
    let mean = -65.0 + 95.0 / report.elements.len() as f64;
    signals(dir.path(), &["r.h5", "--weights", "w.h5", "-o", "x.h5", "--start", "0.1"]).refused(&expected(0.1, mean));
}

#[test]
fn currents_of_a_strong_clamp_are_no_voltages() {
    let dir = inputs();
    let mut report = Report::golden();
    (report.frames, report.time) = (1, [0.0, 0.1, 0.1]);
    // each neuron: -1000 nA at the soma, which nothing balances; the other segments balance among themselves
    let sign = |i: usize| if i.is_multiple_of(2) { 0.1 } else { -0.1 };
    report.values = (0..report.elements.len()).map(sign).collect();
    for first in &report.pointers[..report.node_ids.len()] {
        report.values[*first as usize] = -1000.0;
    }
    report.write(&dir.path().join("r.h5"));
    signals(dir.path(), &["r.h5", "--weights", "w.h5", "-o", "x.h5"]).ok();
}

#[test]
fn stated_densities_are_taken_as_currents_with_a_warning() {
    let dir = inputs();
    let mut report = Report::golden();
    let sums = |report: &Report| {
        report.write(&dir.path().join("r.h5"));
        let run = leadfield_in(dir.path(), &["signals", "r.h5", "--weights", "w.h5", "-o", "x.npy", "--force"]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        (std::fs::read(dir.path().join("x.npy")).unwrap(), run.stderr)
    };
    report.units = "nA";
    let (expected, _) = sums(&report);
    for units in ["mA/cm2", "mA/cm^2"] {
        report.units = units;
        let (found, stderr) = sums(&report);
        let warning = format!(
            "warning: r.h5: `{units}` is stated for the currents; they are taken as nA, as simulators write `i_membrane`; if \
             they are densities, give `--density`\n"
        );
        assert!(stderr.contains(&warning) && found == expected, "{stderr}");
    }
}

#[test]
fn currents_that_are_not_numbers_are_named() {
    let dir = inputs();
    for value in [f32::NAN, f32::INFINITY] {
        let mut report = Report::golden();
        let (node, segments) = report.first_node();
        let (frame, element) = (3, segments - 1);
        report.values[frame * report.elements.len() + element] = value;
        let (section, time) = (report.elements[element], report.time[0] + frame as f64 * report.time[2]);
        refused_by_both(
            dir.path(),
            &report,
            &format!(
                "error: r.h5: node[{node}]: current is not finite in section {section} at {time} ms, expected a number, \
                 found {value}"
            ),
        );
    }
}

#[test]
fn weights_that_are_not_numbers_are_named() {
    let dir = inputs();
    let source = leadfield::sonata::electrodes_file::ElectrodesFile::open(&dir.path().join("w.h5")).unwrap();
    let file = Hdf5File::open(&dir.path().join("w.h5")).unwrap();
    let at = file.byte_offset(&format!("/electrodes/{POPULATION}/scaling_factors")).unwrap().unwrap();
    let mut bytes = std::fs::read(dir.path().join("w.h5")).unwrap();
    bytes[at as usize..at as usize + 8].copy_from_slice(&f64::NAN.to_ne_bytes());
    std::fs::write(dir.path().join("nan.h5"), bytes).unwrap();
    let first = source.populations()[0].node_ids()[0];
    Report::golden().write(&dir.path().join("r.h5"));
    signals(dir.path(), &["r.h5", "--weights", "nan.h5", "-o", "x.h5"])
        .refused(&format!("error: nan.h5: node[{first}]: weight is not finite, expected a number, found NaN"));
}

#[test]
fn frames_are_those_of_the_times() {
    let dir = inputs();
    let mut short = Report::golden();
    short.frames = 15;
    short.values.truncate(15 * short.elements.len());
    refused_by_both(
        dir.path(),
        &short,
        &format!(
            "error: r.h5: /report/{POPULATION}/data: wrong number of frames, expected 20 as `mapping/time` states, found 15\n\
             hint: the simulation may have ended early, or the copy of the report: make it again"
        ),
    );
    let mut backwards = Report::golden();
    backwards.time[2] = -0.1;
    refused_by_both(
        dir.path(),
        &backwards,
        &format!(
            "error: r.h5: /report/{POPULATION}/mapping/time: frames out of order, expected a time step above 0 ms, found \
             -0.1 ms"
        ),
    );
    let mut late = Report::golden();
    late.pointers[0] = 1;
    refused_by_both(
        dir.path(),
        &late,
        &format!("error: r.h5: /report/{POPULATION}/mapping/index_pointers[0]: first index pointer is not 0, found 1"),
    );
}

#[test]
fn a_report_that_was_cut_short_is_refused() {
    let dir = inputs();
    Report::golden().write(&dir.path().join("whole.h5"));
    let bytes = std::fs::read(dir.path().join("whole.h5")).unwrap();
    std::fs::write(dir.path().join("r.h5"), &bytes[..bytes.len() / 2]).unwrap();
    let run = signals(dir.path(), &["r.h5", "--weights", "w.h5", "-o", "x.h5"]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.starts_with("error: r.h5: not a readable HDF5 file: "), "{}", run.stderr);
    assert!(run.stderr.trim_end().ends_with("hint: the file may be cut short, or be of another format"));
    assert!(!dir.path().join("x.h5").exists());
}

#[test]
fn several_reports_have_the_same_times_and_different_populations() {
    let dir = inputs();
    Report::golden().write(&dir.path().join("a.h5"));
    signals(dir.path(), &["a.h5", "a.h5", "--weights", "w.h5", "-o", "x.h5"])
        .refused(&format!("error: a.h5: second report of population `{POPULATION}`, expected one, found `a.h5` too"));
    let mut other = Report::golden();
    other.population = "other";
    let [start, end, step] = other.time;
    other.time = [start, start + 2.0 * (end - start), 2.0 * step];
    other.write(&dir.path().join("b.h5"));
    let found = 2.0 * step;
    signals(dir.path(), &["a.h5", "b.h5", "--weights", "w.h5", "-o", "x.h5"]).refused(&format!(
        "error: b.h5: /report/other/mapping/time: other times than those of `a.h5`, expected 20 frames every {step} ms \
         from {start} ms, found 20 frames every {found} ms from {start} ms"
    ));
    other.time = [start, end, step];
    other.write(&dir.path().join("b.h5"));
    signals(dir.path(), &["b.h5", "--weights", "w.h5", "-o", "x.h5"]).refused(&format!(
        "error: w.h5: no weights of the report's population, expected `other`, found `{POPULATION}`\n\
         hint: `--allow-missing` leaves such populations out; `--node-set` selects nodes"
    ));
    signals(dir.path(), &["b.h5", "--segments", "s.parquet", "--electrodes", "np8.csv", "-o", "x.h5"]).refused(
        &format!(
            "error: b.h5: no segment table of the report's population, expected one of `other`, found `{POPULATION}`\n\
         hint: `--allow-missing` leaves such populations out; `--node-set` selects nodes"
        ),
    );
}

#[test]
fn weights_of_another_circuit_are_refused() {
    let dir = scratch();
    let [a, b] = [("a", "1"), ("b", "2")].map(|(name, seed)| one_neuron(dir.path(), name, seed));
    assert_ne!(a.segments, b.segments);
    let contacts = golden().join("input/electrodes/np8.csv");
    let contacts = contacts.to_str().unwrap();
    leadfield_in(dir.path(), &["weights", "b.parquet", contacts, "-o", "b.h5", "--quiet"]).ok();
    let hint = if a.segments < b.segments {
        "hint: the report must have all compartments of all sections (`\"sections\": \"all\", \"compartments\": \
         \"all\"`), and be of the circuit of the weights"
    } else {
        OTHER_CIRCUIT
    };
    let expected = format!(
        "error: ca/output/compartment.h5: node[0]: another number of segments, expected {} as in the weights, found {}\n{hint}",
        b.segments, a.segments
    );
    let report = "ca/output/compartment.h5";
    signals(dir.path(), &[report, "--weights", "b.h5", "-o", "x.h5"]).refused(&expected);
    let computed = [report, "--segments", "b.parquet", "--electrodes", contacts, "-o", "x.h5"];
    signals(dir.path(), &computed).refused(&expected);
}

#[test]
fn sections_are_those_of_the_table() {
    let dir = inputs();
    let mut report = Report::golden();
    let (node, segments) = report.first_node();
    // the last sections, the myelin, under another id: the same number of segments, other sections
    let last = *report.elements[..segments].iter().max().unwrap();
    report.elements[..segments].iter_mut().filter(|id| **id == last).for_each(|id| *id = last + 7);
    report.write(&dir.path().join("r.h5"));
    signals(dir.path(), &["r.h5", "--segments", "s.parquet", "--electrodes", "np8.csv", "-o", "x.h5"]).refused(&format!(
        "error: r.h5: node[{node}]: another section, expected section {last} as in the segment table, found section {}\n\
         {OTHER_CIRCUIT}",
        last + 7
    ));
}

#[test]
fn nodes_without_weights_are_an_error() {
    let dir = inputs();
    let mut report = Report::golden();
    let place = report.node_ids.iter().position(|id| *id == *report.node_ids.iter().max().unwrap()).unwrap();
    report.node_ids[place] = 99;
    refused_by_both(
        dir.path(),
        &report,
        &format!(
            "error: r.h5: nodes of population `{POPULATION}` without weights: 1, expected weights for all, found none for \
             node 99\nhint: `--allow-missing` leaves such nodes out; `--node-set` selects nodes"
        ),
    );
}

#[test]
fn unknown_contacts_and_sets_are_named() {
    let dir = inputs();
    Report::golden().write(&dir.path().join("r.h5"));
    let run = |args: &[&str]| signals(dir.path(), &[&["r.h5", "--weights", "w.h5", "-o", "x.h5"], args].concat());
    let file = leadfield::sonata::electrodes_file::ElectrodesFile::open(&dir.path().join("w.h5")).unwrap();
    let mut names: Vec<(u64, String)> =
        file.electrodes().iter().map(|e| (e.column(POPULATION).unwrap(), format!("`{}`", e.name))).collect();
    names.sort();
    let names = names.into_iter().map(|(_, name)| name).collect::<Vec<_>>().join(", ");
    run(&["--electrode", "nose"])
        .refused(&format!("error: --electrode: unknown contact, expected one of {names}, found `nose`"));
    run(&["--reference", "ear"])
        .refused(&format!("error: --reference: unknown contact, expected one of {names}, found `ear`"));
    let sets = "of the node sets `All`, ";
    let unknown = run(&["--by", "mtpe"]);
    let start = "error: --by: neither an attribute nor node sets, expected `population`, `node`, `section_type`, one of the \
                 attributes ";
    assert!(
        unknown.code == 2 && unknown.stderr.starts_with(start) && unknown.stderr.contains(sets),
        "{}",
        unknown.stderr
    );
    assert!(unknown.stderr.ends_with(", found `mtpe`\nhint: did you mean `mtype`?\n"), "{}", unknown.stderr);
    std::fs::copy(dir.path().join("w.h5"), dir.path().join("w2.h5")).unwrap();
    edited(&dir.path().join("w2.h5"), |file| file.group(POPULATION).unwrap().delete_attr("circuit").unwrap());
    let no_circuit = "no circuit to take node sets and attributes from, expected `--circuit`, or a table or an electrodes file \
                      that names one\nhint: name the circuit or simulation configuration: `--circuit CONFIG`";
    for (option, value) in [("--by", "mtype"), ("--node-set", "All")] {
        signals(dir.path(), &["r.h5", "--weights", "w2.h5", "-o", "x.h5", option, value])
            .refused(&format!("error: {option}: {no_circuit}"));
    }
    run(&["--by", "section_type"]).refused(
        "error: w.h5: section types are unknown, expected a segment table that has them\n\
         hint: give `--segments` and `--electrodes` instead of `--weights`",
    );
    run(&["--density"]).refused(
        "error: w.h5: areas of segments are unknown, expected a segment table for current densities\n\
         hint: give `--segments` and `--electrodes` instead of `--weights`",
    );
}

#[test]
fn times_without_frames_are_refused() {
    let dir = inputs();
    let report = Report::golden();
    report.write(&dir.path().join("r.h5"));
    let [start, _, step] = report.time;
    let last = start + 19.0 * step;
    let run = |args: &[&str]| signals(dir.path(), &[&["r.h5", "--weights", "w.h5", "-o", "x.h5"], args].concat());
    let data = format!("/report/{POPULATION}/data");
    run(&["--start", "1000", "--end", "2000"]).refused(&format!(
        "error: r.h5: {data}: no frame in the time range, expected times from {start} to {last} ms, found 1000 to 2000 ms"
    ));
    let stride = 1.5 * step;
    run(&["--stride", &stride.to_string()]).refused(&format!(
        "error: r.h5: {data}: stride is not a multiple of the report's time step, expected a multiple of {step} ms, found \
         {stride} ms"
    ));
}

#[test]
fn formats_are_known_and_can_hold_the_signals() {
    let dir = inputs();
    Report::golden().write(&dir.path().join("r.h5"));
    let run = |args: &[&str]| signals(dir.path(), &[&["r.h5", "--weights", "w.h5"], args].concat());
    run(&["-o", "x.txt"]).refused(
        "error: x.txt: unknown output format, expected a name that ends in ecp.h5, .h5, .nwb, .npy, .parquet, .arrow, .csv\n\
         hint: or give the format: `--format csv`",
    );
    run(&["-o", "x.csv", "--resume"]).refused(
        "error: x.csv: format `csv` is written from the beginning to the end, expected `report`, `bmtk`, `nwb` or `npy` \
         for `--resume` and several ranks",
    );
    run(&["-o", "ecp.h5", "--by", "node"]).refused(
        "error: ecp.h5: format `bmtk` has no groups, expected one sum, found 20\n\
         hint: leave `--by` out, or write `.h5`, `.npy` or a table",
    );
    let spheres = "name,x,y,z,layer,region,type\nball,0,0,0,NA,NA,ObjectiveCSD_Sphere_500\n";
    std::fs::write(dir.path().join("ball.csv"), spheres).unwrap();
    let table = ["r.h5", "--segments", "s.parquet", "--electrodes", "ball.csv", "-o", "x.nwb"];
    signals(dir.path(), &table).refused(
        "error: x.nwb: signal of contact `ball` is not a potential, expected V, mV or uV for format `nwb`, found `nA`",
    );
    std::fs::write(dir.path().join("old.npy"), "precious").unwrap();
    run(&["-o", "old.npy"])
        .refused("error: old.npy: exists already\nhint: choose another name, or replace it with `--force`");
    assert_eq!(std::fs::read_to_string(dir.path().join("old.npy")).unwrap(), "precious");
}

#[test]
fn a_report_of_currents_needs_weights_and_an_online_report_the_right_contacts() {
    let dir = inputs();
    Report::golden().write(&dir.path().join("r.h5"));
    signals(dir.path(), &["r.h5", "-o", "x.h5"]).refused(
        "error: r.h5: no weights, expected `--weights`, or `--segments` and `--electrodes`, for a report of membrane \
         currents\nhint: only an online `lfp` report, with one element for each contact of each node, needs none; one with a \
         single contact needs its name: `--electrodes`",
    );
    let online = Report {
        population: POPULATION,
        node_ids: vec![2, 4],
        pointers: vec![0, 3, 6],
        elements: vec![0, 1, 2, 0, 1, 2],
        frames: 1,
        values: vec![1.0; 6],
        time: [0.0, 0.1, 0.1],
        units: "mV",
    };
    online.write(&dir.path().join("o.h5"));
    signals(dir.path(), &["o.h5", "--electrodes", "np8.csv", "-o", "x.h5"])
        .refused("error: o.h5: another number of contacts, expected 8 as named, found 3 in each node");
    assert!(!dir.path().join("x.h5").exists());
}

#[test]
fn a_report_of_somata_is_not_taken_for_an_online_report_of_one_contact() {
    let dir = inputs();
    let dir = dir.path();
    std::fs::write(dir.join("one.csv"), "name,x,y,z\nA,100,0,0\n").unwrap();
    leadfield_in(dir, &["weights", "s.parquet", "one.csv", "-o", "one.h5", "--quiet"]).ok();
    let mut report = Report::golden();
    let nodes = report.node_ids.len();
    (report.frames, report.values) = (1, vec![0.25; nodes]);
    report.time = [0.0, 0.1, 0.1];
    report.elements = vec![0; nodes];
    report.pointers = (0..=nodes as u64).collect();
    report.write(&dir.join("r.h5"));
    let run = signals(dir, &["r.h5", "--weights", "one.h5", "-o", "x.npy"]);
    assert!(run.code == 2 && run.stderr.contains("another number of segments, expected"), "{}", run.stderr);
    // with the unit of the simulator's `lfp` report, which reports of somata have too
    report.units = "mV";
    report.write(&dir.join("v.h5"));
    for options in [&["--weights", "one.h5"][..], &[]] {
        let run = signals(dir, &[&["v.h5", "-o", "x.npy"], options].concat());
        let texts = ["another number of segments, expected", "no weights, expected"];
        assert!(run.code == 2 && texts.iter().any(|text| run.stderr.contains(text)), "{}", run.stderr);
    }
    // an electrode states that it is a contact
    signals(dir, &["v.h5", "--electrodes", "one.csv", "--unit", "V", "--dtype", "f64", "-o", "x.csv"]).ok();
    let csv = std::fs::read_to_string(dir.join("x.csv")).unwrap();
    assert_eq!(csv, format!("time,contact,value\n0,A,{}\n", 0.25 * nodes as f64));
}

#[test]
fn columns_that_do_not_belong_to_contacts_are_refused() {
    let dir = inputs();
    let dir = dir.path();
    Report::golden().write(&dir.join("r.h5"));
    let names: Vec<String> = Electrodes::read(dir.join("np8.csv")).unwrap().iter().map(|e| e.name.clone()).collect();
    let refused = |name: &str, expected: &str| {
        signals(dir, &["r.h5", "--weights", name, "-o", "x.h5"]).refused(expected);
        assert!(!dir.join("x.h5").exists());
    };
    let hint = "hint: `leadfield validate electrodes-file` says what is wrong; its `--fix`, or `convert`, repairs files of \
                BlueRecording";
    let edited = |name: &str, edit: &dyn Fn(&Damaged)| {
        std::fs::copy(dir.join("w.h5"), dir.join(name)).unwrap();
        edited(&dir.join(name), edit);
    };
    // a column more than contacts, as BlueRecording 0.2.1 writes
    edited("more.h5", &|file| file.unlink(&format!("/electrodes/{}", names[7])).unwrap());
    refused(
        "more.h5",
        &format!(
            "error: more.h5: population `{POPULATION}`: columns do not belong to contacts, expected 7, one for each contact, \
             found 8\n{hint}"
        ),
    );
    edited("shared.h5", &|file| {
        let column = file.dataset(&format!("/electrodes/{}/{POPULATION}", names[1])).unwrap();
        column.write_scalar(&column.read_scalar::<u64>().map(|_| 0).unwrap()).unwrap();
    });
    refused(
        "shared.h5",
        &format!(
            "error: shared.h5: population `{POPULATION}`: columns do not belong to contacts, expected 8, one for each \
             contact, found column 0 for `{}` and `{}`\n{hint}",
            names[0], names[1]
        ),
    );
}

#[test]
fn chunks_that_do_not_fit_into_memory_are_refused() {
    let dir = scratch();
    let elements = 1000_usize;
    let report = Report {
        population: POPULATION,
        node_ids: vec![4],
        pointers: vec![0, elements as u64],
        elements: (0..elements as u32).collect(),
        frames: 1,
        values: vec![0.0; elements],
        time: [0.0, 0.1, 0.1],
        units: "mV",
    };
    let path = dir.path().join("r.h5");
    report.write(&path);
    let data = format!("/report/{POPULATION}/data");
    // compressed zeros take a thousandth: a file of this size may have such chunks
    let padding: Vec<u8> = (0..500_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let frames_per_chunk = (256 << 20) / 4 / elements + 1;
    let shape = (1.., elements);
    edited(&path, |file| {
        file.unlink(&data).unwrap();
        file.new_dataset_builder().with_data(&padding).create("padding").unwrap();
        file.new_dataset::<f32>()
            .deflate(1)
            .chunk((frames_per_chunk, elements))
            .shape(shape)
            .create(data.as_str())
            .unwrap();
    });
    signals(dir.path(), &["r.h5", "-o", "x.h5"]).refused(&format!(
        "error: r.h5: {data}: chunks are too large, expected at most 268435456 bytes, found {} bytes\n\
         hint: store it again: `h5repack -l CONTI REPORT NEW_REPORT`",
        frames_per_chunk * elements * 4
    ));
}

#[test]
fn options_that_select_nothing_or_twice_are_refused() {
    let dir = inputs();
    let dir = dir.path();
    Report::golden().write(&dir.join("r.h5"));
    let run = |options: &[&str]| signals(dir, &[&["r.h5", "--weights", "w.h5"], options].concat());
    let name = Electrodes::read(dir.join("np8.csv")).unwrap()[0].name.clone();
    run(&["-o", "x.h5", "--electrode", &format!("{name},{name}")]).refused(&format!(
        "error: --electrode: contact is chosen twice, expected different ones, found `{name}` again"
    ));
    run(&["-o", "x.h5", "--start", "nan"]).refused(&format!(
        "error: r.h5: /report/{POPULATION}/data: start is not a time, expected a number of ms, found NaN"
    ));
    run(&["-o", "x.npy", "--wide"])
        .refused("error: x.npy: format `npy` has no columns, expected `parquet`, `arrow` or `csv` for `--wide`");
    run(&["-o", "-", "--format", "npy"]).refused(
        "error: format `npy` is no stream, expected `parquet`, `arrow` or `csv` for standard output\n\
         hint: or name a file: `-o FILE`",
    );
    let clap = run(&["-o", "x.h5", "--conductivity", "0.3"]);
    assert!(clap.code == 2 && clap.stderr.contains("'--weights <FILE>' cannot be used with"), "{}", clap.stderr);
    let csv = run(&["-o", "-", "--format", "csv", "--start", "0", "--end", "0.1"]).ok();
    assert!(csv.starts_with("time,contact,value\n0,"), "{csv}");
    assert!(!dir.join("-").exists() && !dir.join("x.h5").exists() && !dir.join("x.npy").exists());
}

#[test]
fn columns_of_one_name_are_refused() {
    let dir = inputs();
    let dir = dir.path();
    Report::golden().write(&dir.join("r.h5"));
    std::fs::write(dir.join("e.csv"), "name,x,y,z\na,0,0,0\ntime,1,0,0\n").unwrap();
    let args = ["r.h5", "--segments", "s.parquet", "--electrodes", "e.csv", "-o", "x.csv"];
    signals(dir, &[&args[..], &["--wide"]].concat()).refused(
        "error: x.csv: two columns of one name, expected different ones, found `time` again\n\
         hint: leave `--wide` out: a long table has a row for each value",
    );
    signals(dir, &args).ok();
}

#[test]
fn populations_of_a_file_have_the_same_contacts() {
    let dir = scratch();
    let file = Hdf5File::create(&dir.path().join("w.h5")).unwrap();
    for group in
        ["/pop", "/other", "/electrodes", "/electrodes/pop", "/electrodes/other", "/electrodes/a", "/electrodes/b"]
    {
        file.create_group(group).unwrap();
    }
    for population in ["pop", "other"] {
        file.write_dataset(&format!("/{population}/node_ids"), &[4_u64], &[1]).unwrap();
        file.write_dataset(&format!("/{population}/offsets"), &[0_u64, 2], &[2]).unwrap();
        file.write_dataset(&format!("/electrodes/{population}/scaling_factors"), &[1.0, 2.0, 3.0, 4.0], &[2, 2])
            .unwrap();
    }
    // the columns of one population are swapped
    for (name, of_pop, of_other) in [("a", 0_u64, 1_u64), ("b", 1, 0)] {
        let path = |dataset: &str| format!("/electrodes/{name}/{dataset}");
        file.write_dataset(&path("position"), &[1.0_f32, 2.0, 3.0], &[3]).unwrap();
        for (dataset, text) in [("type", "LineSource"), ("layer", "L1"), ("region", "S1")] {
            file.write_strings(&path(dataset), &[text], &[]).unwrap();
        }
        file.write_dataset(&path("pop"), &[of_pop], &[]).unwrap();
        file.write_dataset(&path("other"), &[of_other], &[]).unwrap();
    }
    file.close().unwrap();
    for (name, population) in [("pop.h5", "pop"), ("other.h5", "other")] {
        let report = Report {
            population,
            node_ids: vec![4],
            pointers: vec![0, 2],
            elements: vec![0, 5],
            frames: 1,
            values: vec![1.0, -1.0],
            time: [0.0, 0.1, 0.1],
            units: "nA",
        };
        report.write(&dir.path().join(name));
    }
    signals(dir.path(), &["pop.h5", "other.h5", "--weights", "w.h5", "-o", "x.h5"]).refused(
        "error: w.h5: contacts of population `other` are not those of `pop`, expected `a`, `b`, found `b`, `a`",
    );
    assert!(!dir.path().join("x.h5").exists());
}

#[test]
fn densities_and_section_types_need_tables_that_have_radii_and_types() {
    let dir = inputs();
    Report::golden().write(&dir.path().join("r.h5"));
    let reports = CurrentReport::open_all(&dir.path().join("r.h5")).unwrap();
    let table = dir.path().join("s.parquet");
    let contacts = Electrodes::read(dir.path().join("np8.csv")).unwrap();
    let configured = electrodes::configure(&contacts, &[], NearField::default()).unwrap();
    let segments = SegmentTable::open(&table).unwrap().parts()[0].read_by_row().unwrap();
    let node = segments.node_id[segments.len() - 1];
    let last = (0..segments.len()).rev().find(|&row| segments.node_id[row] == node).unwrap();
    let (section, segment) = (segments.section_id[last], segments.segment_id[last]);

    // a table in which the last segment of the node is changed
    let changed = |change: fn(&mut Segments, usize)| {
        let mut changed = ChangedTable::new(SegmentTable::open(&table).unwrap());
        changed.path = "old.parquet".into();
        changed.read = Box::new(move |table, part, spare, _| {
            let mut segments = table.read_part(part, spare)?;
            if let Some(row) = segments.node_id.iter().rposition(|&id| id == node) {
                change(&mut segments, row);
            }
            Ok(segments)
        });
        changed
    };
    let no_radius = changed(|segments, row| segments.radius_um[row] = None);
    let sources: [&dyn SegmentSource; 1] = [&no_radius];
    let signals = Signals::from_tables(&reports, &sources, &configured).currents(CurrentKind::Density).prepare();
    assert_eq!(
        signals.unwrap().compute().unwrap_err().to_string(),
        format!(
            "old.parquet: node[{node}]: radius of section {section}, segment {segment} is unknown, expected one for the \
             area of current densities"
        )
    );
    let no_area = changed(|segments, row| {
        (segments.section_type[row], segments.end[row]) = (None, segments.start[row]);
    });
    let of_points: [&dyn SegmentSource; 1] = [&no_area];
    let signals = Signals::from_tables(&reports, &of_points, &configured).currents(CurrentKind::Density).prepare();
    assert_eq!(
        signals.unwrap().compute().unwrap_err().to_string(),
        format!(
            "old.parquet: node[{node}]: segment without length in section {section}, expected a known section type for its \
             area, found none"
        )
    );
    // currents need no areas
    assert!(Signals::from_tables(&reports, &sources, &configured).prepare().unwrap().compute().is_ok());

    let no_type = changed(|segments, row| segments.section_type[row] = None);
    let sources: [&dyn SegmentSource; 1] = [&no_type];
    let signals = Signals::from_tables(&reports, &sources, &configured).group_by(Grouping::SectionType).prepare();
    assert_eq!(
        signals.unwrap().compute().unwrap_err().to_string(),
        format!(
            "old.parquet: node[{node}]: type of section {section} is unknown, expected one for signals by section type"
        )
    );
    assert!(Signals::from_tables(&reports, &sources, &configured).prepare().unwrap().compute().is_ok());
}

#[test]
fn a_reference_has_the_unit_of_the_signals() {
    let dir = inputs();
    Report::golden().write(&dir.path().join("r.h5"));
    let contacts =
        "name,x,y,z,layer,region,type\ntip,0,0,0,NA,NA,LineSource\nball,0,0,0,NA,NA,ObjectiveCSD_Sphere_500\n";
    std::fs::write(dir.path().join("e.csv"), contacts).unwrap();
    let run = |args: &[&str]| {
        signals(
            dir.path(),
            &[&["r.h5", "--segments", "s.parquet", "--electrodes", "e.csv", "-o", "x.csv"], args].concat(),
        )
    };
    let hint = "hint: `--electrode` selects contacts of one unit";
    for reference in ["mean", "tip"] {
        run(&["--reference", reference]).refused(&format!(
            "error: --reference: reference has another unit than the signal of contact `ball`, expected mV as at contact \
             `tip`, found nA\n{hint}"
        ));
    }
    run(&["--reference", "ball"]).refused(&format!(
        "error: --reference: reference has another unit than the signal of contact `tip`, expected nA as at contact `ball`, \
         found mV\n{hint}"
    ));
    assert!(!dir.path().join("x.csv").exists());
    run(&["--reference", "mean", "--electrode", "tip"]).ok();
}

/// The used contacts of the electrodes file, in the order of its columns.
fn contact_names(weights: &Path) -> Vec<String> {
    let file = leadfield::sonata::electrodes_file::ElectrodesFile::open(weights).unwrap();
    let mut names: Vec<(u64, String)> =
        file.electrodes().iter().map(|e| (e.column(POPULATION).unwrap(), e.name.clone())).collect();
    names.sort();
    names.into_iter().map(|(_, name)| name).collect()
}

#[test]
fn signals_beyond_single_precision_name_contact_and_time() {
    let dir = inputs();
    let dir = dir.path();
    let mut report = Report::golden();
    let (frame, elements) = (3, report.elements.len());
    report.values.fill(0.0);
    // the largest float32 is 3.4e38; weights are about 1e-6 V/nA, so that the sum in uV is beyond
    report.values[frame * elements..(frame + 1) * elements].fill(3e38);
    report.write(&dir.join("r.h5"));
    let args = ["r.h5", "--weights", "w.h5", "--unit", "uV"];
    signals(dir, &[&args[..], &["-o", "double.h5", "--dtype", "f64"]].concat()).ok();
    let contact = &contact_names(&dir.join("w.h5"))[0];
    let double = Hdf5File::open(&dir.join("double.h5")).unwrap();
    let data = "/report/S1nonbarrel_neurons/data";
    let contacts = double.shape(data).unwrap()[1];
    let value = double.read_floats(data).unwrap()[frame * contacts];
    assert!(value.is_finite() && value > f64::from(f32::MAX), "{value}");
    let time = report.time[0] + frame as f64 * report.time[2];
    let before = names_in(dir);
    for output in ["x.h5", "x.csv", "x.npy", "x.nwb", "x.parquet", "ecp.h5"] {
        signals(dir, &[&args[..], &["-o", output]].concat()).refused(&format!(
            "error: {output}: signal at contact `{contact}` in group `all` is out of range at {time} ms, expected float32 \
             numbers, found {value:e}\nhint: store double precision: `--dtype f64`"
        ));
        assert_eq!(names_in(dir), before, "{output}");
    }
}

#[test]
fn signals_beyond_double_precision_are_no_numbers() {
    let dir = inputs();
    let dir = dir.path();
    Report::golden().write(&dir.join("r.h5"));
    // weights of 1e306 V/nA are finite, and so are the sums in V; in uV they are not
    edited(&dir.join("w.h5"), |file| {
        let weights = file.dataset(&format!("electrodes/{POPULATION}/scaling_factors")).unwrap();
        let shape = weights.shape();
        weights.write(&ndarray::Array2::from_elem((shape[0], shape[1]), 1e306_f64)).unwrap();
    });
    let mut report = Report::golden();
    report.values.fill(0.0);
    report.values[0] = 1.0;
    report.write(&dir.join("r.h5"));
    let contact = &contact_names(&dir.join("w.h5"))[0];
    let run = signals(dir, &["r.h5", "--weights", "w.h5", "--unit", "uV", "-o", "x.h5", "--dtype", "f64"]);
    run.refused(&format!(
        "error: r.h5: signal at contact `{contact}` in group `all` is not finite at {} ms, expected a number, found inf",
        report.time[0]
    ));
    assert!(!dir.join("x.h5").exists());
    signals(dir, &["r.h5", "--weights", "w.h5", "--unit", "V", "-o", "x.h5", "--dtype", "f64"]).ok();
}

#[test]
fn names_with_commas_are_names_first_and_mean_is_not_guessed() {
    let dir = inputs();
    let dir = dir.path();
    Report::golden().write(&dir.join("r.h5"));
    std::fs::write(dir.join("e.csv"), "name,x,y,z\na,0,0,0\nb,0,10,0\n\"a,b\",0,20,0\nmean,0,30,0\n").unwrap();
    let run = |options: &[&str]| {
        let args = ["r.h5", "--segments", "s.parquet", "--electrodes", "e.csv", "-o", "-", "--format", "csv", "--wide"];
        signals(dir, &[&args[..], options].concat())
    };
    let header = |options: &[&str]| run(options).ok().lines().next().unwrap().to_string();
    assert_eq!(header(&["--electrode", "a,b"]), "time,\"a,b\"", "the whole text is a name");
    assert_eq!(header(&["--electrode", "b,a"]), "time,b,a");
    assert_eq!(header(&["--electrode", "a,b", "--electrode", "a"]), "time,\"a,b\",a");
    run(&["--electrode", "b,c"])
        .refused("error: --electrode: unknown contact, expected one of `a`, `b`, `a,b`, `mean`, found `c`");
    run(&["--reference", "mean"]).refused(
        "error: --reference: `mean` is ambiguous, expected the name of a contact or the mean of all, found a contact \
         called `mean`\nhint: give this contact another name",
    );
    assert_eq!(header(&["--reference", "mean", "--electrode", "b,a"]), "time,b,a", "that contact is not used");
    assert_eq!(header(&["--reference", "a,b"]), "time,a,b,\"a,b\",mean");
}

#[test]
fn attributes_of_another_circuit_are_refused() {
    let dir = scratch();
    let dir = dir.path();
    one_neuron(dir, "a", "1");
    one_neuron(dir, "b", "2");
    std::fs::write(dir.join("e.csv"), "name,x,y,z\na,0,0,0\n").unwrap();
    let position = |circuit: &str| {
        let config = leadfield::sonata::config::SonataConfig::open(&dir.join(circuit)).unwrap();
        let nodes = leadfield::sonata::nodes::Nodes::open(config.circuit().population(None).unwrap()).unwrap();
        nodes.transforms(&[0]).unwrap()[0].translation
    };
    let (own, other) = (position("ca/circuit_config.json"), position("cb/circuit_config.json"));
    assert_ne!(own, other);
    let problem = format!(
        "error: cb/circuit_config.json: node[0]: not the circuit of the table `a.parquet`, expected the position {own} as in \
         `ca/circuit_config.json`, found {other}\n\
         hint: leave `--circuit` out, or make the table from this circuit"
    );
    let report = "ca/output/compartment.h5";
    let args = [report, "--segments", "a.parquet", "--electrodes", "e.csv", "-o", "x.csv", "--by", "mtype"];
    signals(dir, &[&args[..], &["--circuit", "cb/circuit_config.json"]].concat()).refused(&problem);
    assert!(!dir.join("x.csv").exists());
    // the simulation's configuration is of the same circuit, and so is a copy
    signals(dir, &[&args[..], &["--circuit", "ca/simulation_config.json"]].concat()).ok();
    crate::support::copy_folder(&dir.join("ca"), &dir.join("copy"));
    signals(dir, &[&args[..], &["--circuit", "copy/circuit_config.json", "--force"]].concat()).ok();
    let query = |circuit: &str| leadfield_in(dir, &["query", "a.parquet", "--by", "mtype", "--circuit", circuit]);
    query("cb/circuit_config.json").refused(&problem);
    query("copy/circuit_config.json").ok();
    // without the table's own circuit nothing can be compared
    std::fs::rename(dir.join("ca"), dir.join("moved")).unwrap();
    query("cb/circuit_config.json").ok();
}

/// Returns an online report of two nodes, whose contacts have the numbers 1, 2, 3, ... as potentials.
fn online_report(population: &'static str, contacts: u64) -> Report {
    Report {
        population,
        node_ids: vec![2, 4],
        pointers: vec![0, contacts, 2 * contacts],
        elements: (0..2).flat_map(|_| 0..contacts as u32).collect(),
        frames: 1,
        values: (0..2).flat_map(|_| (0..contacts).map(|c| 1.0 + c as f32)).collect(),
        time: [0.0, 0.1, 0.1],
        units: "mV",
    }
}

#[test]
fn populations_of_online_reports_have_the_same_contacts() {
    let dir = inputs();
    let dir = dir.path();
    online_report(POPULATION, 8).write(&dir.join("a.h5"));
    for (contacts, first, second) in [(3, "a.h5", "b.h5"), (9, "b.h5", "a.h5")] {
        online_report("other", contacts).write(&dir.join("b.h5"));
        let [found, expected] = if first == "a.h5" { [contacts, 8] } else { [8, contacts] };
        let names = if first == "a.h5" { ["other", POPULATION] } else { [POPULATION, "other"] };
        signals(dir, &[first, second, "-o", "x.npy"]).refused(&format!(
            "error: {second}: {found} contacts of population `{}`, expected {expected} as of `{}`",
            names[0], names[1]
        ));
    }
    assert!(!dir.join("x.npy").exists());
}

#[test]
fn options_of_methods_are_refused_with_an_online_report() {
    let dir = inputs();
    let dir = dir.path();
    online_report(POPULATION, 8).write(&dir.join("o.h5"));
    for (option, value) in [
        ("--conductivity", "0.5"),
        ("--near-field", "exact"),
        ("--csd-spacing", "file-order"),
        ("--fields", "f.h5"),
        ("--field", "a=f.h5"),
        ("--outside-field", "zero"),
        ("--field-current", "2"),
        ("--field-transform", "1,0,0,0,0,0,0"),
        ("--head-pose", "p.json"),
        ("--units", "mm"),
    ] {
        signals(dir, &["o.h5", option, value, "-o", "x.npy"]).refused(&format!(
            "error: o.h5: `{option}` is given with an online `lfp` report, expected a report of membrane currents\n\
             hint: leave it out: the simulator has multiplied the currents by its weights"
        ));
    }
    // the first of several that has no effect
    let several = ["--electrodes", "np8.csv", "--units", "um", "--near-field", "exact", "-o", "x.npy"];
    let run = signals(dir, &[&["o.h5"][..], &several].concat());
    assert!(run.stderr.starts_with("error: o.h5: `--near-field` is given with an online"), "{}", run.stderr);
    // the default, and the unit of the positions of named contacts
    signals(dir, &["o.h5", "--conductivity", "0.2770", "-o", "y.npy"]).ok();
    signals(dir, &["o.h5", "--electrodes", "np8.csv", "--units", "um", "-o", "x.npy"]).ok();
}

#[test]
fn voltages_are_not_taken_for_an_online_report() {
    let dir = inputs();
    let dir = dir.path();
    std::fs::write(dir.join("one.csv"), "name,x,y,z\nA,100,0,0\n").unwrap();
    let mut report = online_report(POPULATION, 1);
    report.values = vec![-65.0, -70.0];
    report.write(&dir.join("v.h5"));
    signals(dir, &["v.h5", "--electrodes", "one.csv", "-o", "x.npy"]).refused(&format!(
        "error: v.h5: /report/{POPULATION}/data: membrane voltages at 0 ms, expected potentials in V as of an online `lfp` \
         report, found values of one sign with a mean of -67.5\n\
         hint: a report with the elements 0, 1, 2, ... in each node is taken as an `lfp` report, whose values are in V"
    ));
    let mut report = online_report(POPULATION, 3);
    report.values[4] = f32::NAN;
    report.write(&dir.join("n.h5"));
    signals(dir, &["n.h5", "-o", "x.npy"])
        .refused("error: n.h5: node[4]: potential at contact 1 is not finite at 0 ms, expected a number, found NaN");
}

#[test]
fn a_second_table_of_a_population_is_refused() {
    let dir = inputs();
    let dir = dir.path();
    Report::golden().write(&dir.join("r.h5"));
    let config = golden().join("input/circuit/simulation_config.json");
    let parts = ["--segments-per-part", "500", "-o", "parts", "--quiet"];
    leadfield_in(dir, &[&["positions", config.to_str().unwrap()], &parts[..]].concat()).ok();
    let contacts = ["--electrodes", "np8.csv", "-o", "x.npy"];
    for [first, second] in [["s.parquet", "parts"], ["parts/part-00000.parquet", "parts/part-00001.parquet"]] {
        let tables = ["r.h5", "--allow-missing", "--segments", first, "--segments", second];
        signals(dir, &[&tables[..], &contacts].concat()).refused(&format!(
            "error: {second}: a second segment table of population `{POPULATION}`, expected one for each population, as \
             {first}\nhint: the parts of a table are in one folder: give the folder"
        ));
    }
}

#[test]
fn a_population_without_weights_is_left_out_on_request() {
    let dir = inputs();
    let dir = dir.path();
    let report = Report::golden();
    report.write(&dir.join("r.h5"));
    let mut other = Report { population: "other", ..Report::golden() };
    other.frames = report.frames;
    other.write(&dir.join("o.h5"));
    let both = ["r.h5", "o.h5", "-o", "x.npy", "--force"];
    let sources = [&["--weights", "w.h5"][..], &["--segments", "s.parquet", "--electrodes", "np8.csv"]];
    for source in sources {
        let run = signals(dir, &[&both[..], source].concat());
        let hint = "hint: `--allow-missing` leaves such populations out; `--node-set` selects nodes\n";
        assert!(run.code == 2 && run.stderr.ends_with(hint), "{}", run.stderr);
        signals(dir, &[&["r.h5", "-o", "y.npy", "--force"], source].concat()).ok();
        let missing = leadfield_in(dir, &[&["signals"], &both[..], source, &["--allow-missing"]].concat());
        let nodes = other.node_ids.len();
        let first = other.node_ids.iter().min().unwrap();
        let text = format!(
            "warning: {nodes} nodes left out, which only the report or only the weights have: `other/{first}`, "
        );
        assert!(missing.stderr.contains(&text), "{}", missing.stderr);
        assert_eq!(std::fs::read(dir.join("x.npy")).unwrap(), std::fs::read(dir.join("y.npy")).unwrap());
    }
}

#[test]
fn a_weight_that_is_not_finite_is_named_with_its_contact_and_segment() {
    let dir = inputs();
    let dir = dir.path();
    Report::golden().write(&dir.join("r.h5"));
    let table = SegmentTable::open(&dir.join("s.parquet")).unwrap();
    let segment = table.parts()[0].read_by_row().unwrap().get(5);
    // a point source on the middle of a segment
    let middle = segment.start.lerp(segment.end, 0.5);
    let csv =
        format!("name,x,y,z,type\nfar,0,9000,0,PointSource\non,{},{},{},PointSource\n", middle.x, middle.y, middle.z);
    std::fs::write(dir.join("e.csv"), csv).unwrap();
    let computed = ["--segments", "s.parquet", "--electrodes", "e.csv", "--near-field", "exact", "-o", "x.npy"];
    let run = signals(dir, &[&["r.h5"], &computed[..]].concat());
    let weights =
        leadfield_in(dir, &["weights", "s.parquet", "e.csv", "--near-field", "exact", "-o", "x.h5", "--quiet"]);
    assert!(weights.stderr.contains("contact `on`"), "{}", weights.stderr);
    assert_eq!((run.code, run.stderr), (2, weights.stderr));
}

#[test]
fn a_reference_is_one_of_the_chosen_contacts() {
    let dir = inputs();
    Report::golden().write(&dir.path().join("r.h5"));
    signals(dir.path(), &["r.h5", "--weights", "w.h5", "--electrode", "0,1", "--reference", "4", "-o", "x.npy"])
        .refused(
            "error: --reference: reference is not one of the chosen contacts, expected one of `0`, `1`, found `4`",
        );
    signals(dir.path(), &["r.h5", "--weights", "w.h5", "--circuit", "none.json", "-o", "x.npy"])
        .refused("error: none.json: cannot be read: no such file or directory");
}

#[test]
fn densities_are_recognised_by_several_spellings() {
    let dir = inputs();
    let dir = dir.path();
    for units in ["mA/cm2", "mA/cm^2", "mA/cm**2", "mA cm-2", "mA/cm\u{b2}"] {
        Report { units, ..Report::golden() }.write(&dir.join("r.h5"));
        assert!(CurrentReport::open_all(&dir.join("r.h5")).unwrap()[0].states_densities(), "{units}");
    }
    Report { units: "pA", ..Report::golden() }.write(&dir.join("r.h5"));
    assert!(!CurrentReport::open_all(&dir.join("r.h5")).unwrap()[0].states_densities());
    // h5py stores a list of one text as an array
    edited(&dir.join("r.h5"), |file| {
        let data = file.dataset(&format!("report/{POPULATION}/data")).unwrap();
        data.delete_attr("units").unwrap();
        let text: hdf5::types::VarLenUnicode = "mA/cm2".parse().unwrap();
        data.new_attr::<hdf5::types::VarLenUnicode>().shape(1).create("units").unwrap().write(&[text]).unwrap();
    });
    assert!(CurrentReport::open_all(&dir.join("r.h5")).unwrap()[0].states_densities());
    // texts of fixed length, one and two of them
    for (count, is_stated) in [(1, true), (2, false)] {
        edited(&dir.join("r.h5"), |file| {
            let data = file.dataset(&format!("report/{POPULATION}/data")).unwrap();
            data.delete_attr("units").unwrap();
            let text = hdf5::types::FixedAscii::<16>::from_ascii("mA/cm2").unwrap();
            let attribute = data.new_attr::<hdf5::types::FixedAscii<16>>().shape(count).create("units").unwrap();
            attribute.write(&vec![text; count]).unwrap();
        });
        assert_eq!(CurrentReport::open_all(&dir.join("r.h5")).unwrap()[0].states_densities(), is_stated);
    }
}

#[test]
fn reports_in_double_precision_have_a_note() {
    let dir = inputs();
    Report::golden().write(&dir.path().join("r.h5"));
    for (dtype, has_note) in [("f32", false), ("f64", true)] {
        let run = leadfield_in(
            dir.path(),
            &["signals", "r.h5", "--weights", "w.h5", "--dtype", dtype, "-o", "x.h5", "--force"],
        );
        let note = "note: x.h5: float64 numbers, which libsonata does not read: it expects float32\n";
        assert_eq!((run.code, run.stderr.contains(note)), (0, has_note), "{}", run.stderr);
    }
}
