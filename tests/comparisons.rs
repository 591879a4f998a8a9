//! The results of `validate weights` and `validate positions`: agreement in any combination of formats, the worst pairs
//! with their segments, and known causes, which the numbers have to prove.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use leadfield::convert::bluerecording;
use leadfield::io::hdf5::Hdf5File;
use leadfield::segments::table::SegmentTable;
use serde_json::Value;

use crate::support::{golden, leadfield_in, scratch};

fn reference(name: &str) -> String {
    golden().join("reference").join(name).into_os_string().into_string().unwrap()
}

fn config() -> String {
    golden().join("input/circuit/simulation_config.json").into_os_string().into_string().unwrap()
}

/// Runs a comparison with `--json` in a folder; returns exit code and results.
fn compared(dir: &Path, what: &str, a: &str, b: &str, options: &[&str]) -> (i32, Value) {
    let run = leadfield_in(dir, &[&["validate", what, a, b, "--json", "--quiet"], options].concat());
    let results = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{}", run.stderr));
    (run.code, results)
}

/// Returns the causes in the results.
fn causes(found: &Value) -> Vec<(String, String)> {
    let text = |v: &Value| v.as_str().unwrap().to_string();
    let all = found["causes"].as_array().unwrap().iter();
    all.map(|c| (text(&c["name"]), text(&c["text"]))).collect()
}

fn weights_causes(a: &str, b: &str, options: &[&str]) -> Vec<(String, String)> {
    let (code, json) = compared(scratch().path(), "weights", a, b, options);
    assert_eq!(code, 1);
    causes(&json["populations"][0])
}

#[test]
fn a_dipole_centre_of_a_chunk_is_named_with_its_chunks() {
    // by their README: one neuron a chunk, one chunk of 20 neurons, two chunks of 10; dipoles are contacts 1 and 4
    let (own, one, two) = (reference("recip_per_neuron.h5"), reference("recip.h5"), reference("recip_2ranks.h5"));
    let expected = |which: &str, other: &str, chunks: &str| {
        let text = format!(
            "the weights of contacts `1`, `4` sum to 0 over each neuron in the {other} file, and over {chunks} of \
             neurons in the {which}: their centre is that of a chunk, not of a neuron"
        );
        vec![("chunk-wide dipole centre".to_string(), text)]
    };
    assert_eq!(weights_causes(&one, &own, &[]), expected("first", "second", "1 run"));
    assert_eq!(weights_causes(&own, &two, &[]), expected("second", "first", "2 runs"));
    // two files of chunks: neither sums to 0 over its neurons, so nothing is proved
    assert_eq!(weights_causes(&one, &two, &[]), []);
}

/// Creates a folder with the reference circuit's table and its weights at the contacts of `named.csv`.
fn ours() -> tempfile::TempDir {
    let dir = scratch();
    let contacts = golden().join("input/electrodes/named.csv");
    let placement = ["--axon-placement", "bluerecording-0.2"];
    leadfield_in(dir.path(), &[&["positions", &config(), "-o", "s.parquet", "--quiet"], &placement[..]].concat()).ok();
    let args = ["weights", "s.parquet", contacts.to_str().unwrap(), "-o", "w.h5", "--near-field", "exact", "--quiet"];
    leadfield_in(dir.path(), &args).ok();
    dir
}

#[test]
fn the_originals_extra_column_and_order_of_names_are_named() {
    let (dir, named) = (ours(), reference("named.h5"));
    let (code, json) = compared(dir.path(), "weights", "w.h5", &named, &["--rtol", "1e-12"]);
    let found = causes(&json["populations"][0]);
    let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!((code, names), (1, vec!["extra column", "sorted names"]));
    assert_eq!(
        found[0].1,
        "the second file has an extra column of ones without a contact, as BlueRecording 0.2.1 writes it"
    );
    assert!(found[1].1.starts_with("contacts `e10`, `e2` agree if columns are taken in the order of sorted names"));
    // with the advice of the causes the files agree
    let options = ["--rtol", "1e-12", "--columns", "sorted-names", "--ignore-extra-column"];
    let (code, json) = compared(dir.path(), "weights", "w.h5", &named, &options);
    assert_eq!((code, causes(&json["populations"][0])), (0, vec![]));
}

/// Computes weights of the table `s.parquet` at disks on one axis, one of which has this thickness, µm.
fn disks(dir: &Path, out: &str, thickness: &str) {
    let row = |y: i32, size: &str| format!("d{y},0,{y},0,NA,NA,ObjectiveCSD_Disk_400{size}\n");
    let csv = format!("name,x,y,z,layer,region,type\n{}{}{}", row(-300, ""), row(0, thickness), row(300, ""));
    std::fs::write(dir.join("disks.csv"), csv).unwrap();
    leadfield_in(dir, &["weights", "s.parquet", "disks.csv", "-o", out, "--quiet"]).ok();
}

#[test]
fn half_a_thickness_is_named_where_the_segments_prove_it() {
    let dir = ours();
    disks(dir.path(), "half.h5", "_70");
    disks(dir.path(), "whole.h5", "_140");
    disks(dir.path(), "other.h5", "_200");
    let causes = |a: &str, b: &str, options: &[&str]| {
        let (code, json) = compared(dir.path(), "weights", a, b, options);
        assert_eq!(code, 1);
        causes(&json["populations"][0])
    };
    let segments = ["--segments", "s.parquet"];
    let text = "the regions of contacts `d0` extend 140 µm along the axis to either side in the first file, and 70 µm \
                in the second: a thickness is half of the extent, not all of it";
    assert_eq!(causes("whole.h5", "half.h5", &segments), [("half thickness".to_string(), text.to_string())]);
    assert_eq!(causes("whole.h5", "half.h5", &[]), [], "without segments nothing is proved");
    assert_eq!(causes("whole.h5", "other.h5", &segments), [], "200 µm are not twice 140");
}

#[test]
fn another_terminal_branch_is_named_where_the_circuit_proves_it_for_weights_too() {
    let dir = ours();
    let contacts = golden().join("input/electrodes/named.csv");
    for placement in ["bluerecording", "arc"] {
        let table = format!("{placement}.parquet");
        leadfield_in(dir.path(), &["positions", &config(), "-o", &table, "--axon-placement", placement, "--quiet"])
            .ok();
        let out = format!("{placement}.h5");
        let args = ["weights", &table, contacts.to_str().unwrap(), "-o", &out, "--near-field", "exact", "--quiet"];
        leadfield_in(dir.path(), &args).ok();
    }
    let options = ["--circuit", &config()];
    let found_causes = |a: &str, b: &str, options: &[&str]| {
        let (code, json) = compared(dir.path(), "weights", a, b, options);
        assert_eq!(code, 1);
        causes(&json["populations"][0])
    };
    // by their README none of the branches of nodes 2, 6, 10, 14 and 22 is long enough; `w.h5` has the older rule
    let text = "the weights of 5 neurons are those of axon stubs placed by `--axon-placement bluerecording` in the \
                first file, and by `bluerecording-0.2` in the second";
    let expected = [("last terminal branch".to_string(), text.to_string())];
    assert_eq!(found_causes("bluerecording.h5", "w.h5", &options), expected);
    assert_eq!(found_causes("bluerecording.h5", "w.h5", &[]), [], "without the circuit nothing is proved");
    assert_eq!(found_causes("arc.h5", "w.h5", &options), [], "another rule explains neither file");
    // a file of the original, which does not state its conductivity: the same contacts under their own names
    let options = [&options[..], &["--columns", "sorted-names", "--ignore-extra-column", "--rtol", "1e-9"]].concat();
    assert_eq!(found_causes("bluerecording.h5", &reference("named.h5"), &options), expected);
    // the text names the rows, and the options that help; the myelin is the last five rows of these nodes
    let run = |circuit: &[&str]| {
        let files = ["validate", "weights", "bluerecording.h5", &reference("named.h5")];
        let rules = ["--columns", "sorted-names", "--ignore-extra-column", "--rtol", "1e-9"];
        leadfield_in(dir.path(), &[&files[..], &rules, circuit].concat()).stdout
    };
    let table = SegmentTable::open(&dir.path().join("bluerecording.parquet")).unwrap();
    let rows = table.neurons().unwrap().into_iter().filter(|n| [2, 6, 10, 14, 22].contains(&n.node_id));
    let rows: Vec<String> =
        rows.map(|n| format!("node {}: {}-{}", n.node_id, n.segments - 5, n.segments - 1)).collect();
    let (text, proved) = (run(&[]), run(&["--circuit", &config()]));
    assert!(text.contains(&format!("25 rows of 5 nodes differ, {}\n", rows.join("; "))), "{text}\n{rows:?}");
    assert!(text.ends_with(
        "hint: these may be the stubs of axons, which BlueRecording 0.2.1 places along another branch: `--circuit CONFIG` \
         proves it, and `leadfield positions --axon-placement bluerecording-0.2` places them as it does\ndiffer\n"
    ), "{text}");
    assert!(proved.ends_with(
        "hint: place the stubs as BlueRecording 0.2.1 does: `leadfield positions --axon-placement bluerecording-0.2`\n\
         differ\n"
    ), "{proved}");
}

/// Overwrites one weight of an electrodes file with the four columns of `named.csv`.
fn overwrite(path: &Path, row: u64, column: u64, value: f64) {
    let object = "/electrodes/S1nonbarrel_neurons/scaling_factors";
    let at = Hdf5File::open(path).unwrap().byte_offset(object).unwrap().unwrap() + (row * 4 + column) * 8;
    OpenOptions::new().write(true).open(path).unwrap().write_all_at(&value.to_ne_bytes(), at).unwrap();
}

#[test]
fn the_worst_pairs_are_reported_with_their_segments() {
    let dir = ours();
    std::fs::copy(dir.path().join("w.h5"), dir.path().join("x.h5")).unwrap();
    let table = SegmentTable::open(&dir.path().join("s.parquet")).unwrap();
    let segments = table.parts()[0].read_by_row().unwrap();
    let actual = segments.iter().find(|s| s.row == 1234).unwrap();
    // e10 is the third contact
    overwrite(&dir.path().join("x.h5"), 1234, 2, 42.0);
    let options = ["--segments", "s.parquet", "--rtol", "1e-3"];
    let (code, found) = compared(dir.path(), "weights", "w.h5", "x.h5", &options);
    assert_eq!(code, 1);
    let worst = found["populations"][0]["worst"].as_array().unwrap();
    assert_eq!(worst.len(), 1);
    let expected = [actual.node_id, u64::from(actual.section_id), u64::from(actual.segment_id)];
    assert_eq!(["node", "section", "segment"].map(|key| worst[0][key].as_u64().unwrap()), expected);
    assert_eq!((worst[0]["contact"].as_str(), worst[0]["values"][1].as_f64()), (Some("e10"), Some(42.0)));
    // one of 3161 pairs: it is beyond the 99th percentile
    let e10 = &found["populations"][0]["electrodes"].as_array().unwrap()[1];
    assert_eq!((e10["name"].as_str(), &e10["relative_quantiles"]), (Some("e10"), &serde_json::json!([0.0, 0.0, 0.0])));
    let text = leadfield_in(dir.path(), &["validate", "weights", "w.h5", "x.h5", "--segments", "s.parquet"]).stdout;
    let place = format!(
        "contact `e10`, node {}, section {}, segment {}: ",
        actual.node_id, actual.section_id, actual.segment_id
    );
    assert!(text.contains(&place), "{text}");
}

#[test]
fn quantiles_bound_the_differences() {
    let dir = ours();
    std::fs::copy(dir.path().join("w.h5"), dir.path().join("x.h5")).unwrap();
    let values = leadfield::sonata::electrodes_file::ElectrodesFile::open(&dir.path().join("w.h5")).unwrap();
    let rows = values.read_rows(&values.populations()[0], 0..3161).unwrap();
    // two thirds of the first contact's weights are changed by a thousandth
    (0..3161_u64).filter(|row| row % 3 > 0).for_each(|row| {
        overwrite(&dir.path().join("x.h5"), row, 0, rows[row as usize * 4] / 1.001);
    });
    let (_, found) = compared(dir.path(), "weights", "w.h5", "x.h5", &[]);
    let electrodes = found["populations"][0]["electrodes"].as_array().unwrap();
    let quantiles: Vec<f64> =
        electrodes[0]["relative_quantiles"].as_array().unwrap().iter().map(|q| q.as_f64().unwrap()).collect();
    let exact = 0.001 / 1.001;
    assert!(quantiles.iter().all(|q| *q >= 0.999 * exact && *q <= 1.35 * exact), "{quantiles:?}");
    assert_eq!(electrodes[1]["relative_quantiles"], serde_json::json!([0.0, 0.0, 0.0]));
}

#[test]
fn files_in_pieces_are_compared_as_those_in_one() {
    // the same weights, chunked and compressed: they are read by HDF5, not at a byte offset
    let dir = scratch();
    let path = dir.path().join("w.h5");
    let chunked = crate::malformed::electrodes_file::CORPUS.iter().find(|case| case.code == "E32").unwrap();
    crate::malformed::electrodes_file::damaged(&path, chunked.make);
    crate::malformed::electrodes_file::write_valid_file(&dir.path().join("valid.h5"));
    assert_eq!(compared(dir.path(), "weights", "w.h5", "valid.h5", &["--rtol", "0"]).0, 0);
}

#[test]
fn junit_has_a_case_for_each_thing_compared() {
    let dir = scratch();
    crate::malformed::electrodes_file::write_valid_file(&dir.path().join("a.h5"));
    std::fs::copy(dir.path().join("a.h5"), dir.path().join("b.h5")).unwrap();
    let args = ["validate", "weights", "a.h5", "b.h5", "--junit", "report.xml", "--quiet"];
    leadfield_in(dir.path(), &args).ok();
    let xml = std::fs::read_to_string(dir.path().join("report.xml")).unwrap();
    let suite = "leadfield validate weights a.h5 b.h5";
    let names = [
        "populations",
        "pop: nodes",
        "pop: segments of nodes",
        "pop: contacts",
        "pop: columns",
        "pop: units",
        "pop: contact a",
        "pop: contact b",
    ];
    let cases: String =
        names.iter().map(|name| format!("    <testcase classname=\"{suite}\" name=\"{name}\"/>\n")).collect();
    let counts = "tests=\"8\" failures=\"0\" errors=\"0\"";
    assert_eq!(
        xml,
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites {counts}>\n  <testsuite name=\"{suite}\" \
             {counts}>\n{cases}  </testsuite>\n</testsuites>\n"
        )
    );
    // a report is written also if files differ, and replaces the old one
    let args = ["validate", "weights", "a.h5", &reference("np8.h5"), "--junit", "report.xml", "--quiet"];
    assert_eq!(leadfield_in(dir.path(), &args).code, 1);
    let xml = std::fs::read_to_string(dir.path().join("report.xml")).unwrap();
    assert!(
        xml.contains(
            "name=\"pop: contacts\">\n      <failure message=\"2 contacts only in the first file: `a`, `b`\">"
        ),
        "{xml}"
    );
}

#[test]
fn positions_through_float32_are_named_and_other_small_differences_are_not() {
    let dir = ours();
    let placement = ["--axon-placement", "bluerecording-0.2", "--quiet"];
    let positions = ["positions", &config(), "-o", "f32.parquet", "--precision", "f32"];
    leadfield_in(dir.path(), &[&positions[..], &placement].concat()).ok();
    let contacts = golden().join("input/electrodes/named.csv");
    let contacts = contacts.to_str().unwrap();
    let weights = |table: &str, out: &str, sigma: &str| {
        let args = ["weights", table, contacts, "-o", out, "--near-field", "exact", "--conductivity", sigma, "--quiet"];
        leadfield_in(dir.path(), &args).ok();
    };
    weights("f32.parquet", "f32.h5", "0.277");
    let (code, json) = compared(dir.path(), "weights", "w.h5", "f32.h5", &[]);
    let found = causes(&json["populations"][0]);
    assert_eq!((code, found.len(), found[0].0.as_str()), (1, 1, "float32 positions"), "{found:?}");
    // ends of segments are moved by half a spacing of float32 numbers along each axis, at most
    let text = &found[0].1;
    assert!(text.contains(" weights differ as with float32 positions: the segments were moved by up to "), "{text}");
    let numbers: Vec<f64> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    let [_, moved, spacing] = numbers[..] else { panic!("{text}") };
    // nothing of the circuit is 4096 µm from the origin
    assert!(0.0 < moved && moved < 4.0 * spacing && spacing <= 1.01 * 2_f64.powi(-12), "{text}");
    // differences as small, but all in one direction
    weights("s.parquet", "sigma.h5", "0.2770001");
    let (code, json) = compared(dir.path(), "weights", "w.h5", "sigma.h5", &[]);
    assert_eq!((code, causes(&json["populations"][0])), (1, vec![]));
}

#[test]
fn sections_on_soma_samples_are_named_where_the_table_proves_that_no_others_differ() {
    let dir = ours();
    let segments = SegmentTable::open(&dir.path().join("s.parquet")).unwrap().parts()[0].read_by_row().unwrap();
    let node = 6;
    let own: Vec<_> = segments.iter().filter(|s| s.node_id == node).collect();
    let dendrites = || own.iter().filter(|s| s.section_type.is_some_and(|t| (2..4).contains(&t.number())));
    let root = dendrites().find(|s| s.segment_id == 0 && own.iter().all(|o| o.end != s.start)).unwrap();
    let child = dendrites().find(|s| s.segment_id == 0 && own.iter().any(|o| o.end == s.start)).unwrap();
    std::fs::copy(dir.path().join("w.h5"), dir.path().join("moved.h5")).unwrap();
    let moved = dir.path().join("moved.h5");
    let change = |section: u32| {
        for segment in own.iter().filter(|s| s.section_id == section) {
            (0..4).for_each(|column| overwrite(&moved, segment.row, column, 1e-5));
        }
    };
    change(root.section_id);
    let found = |options: &[&str]| {
        let (code, json) = compared(dir.path(), "weights", "w.h5", "moved.h5", options);
        assert_eq!(code, 1);
        causes(&json["populations"][0])
    };
    let text = "the rows of 1 section of 1 neuron that begin at the soma are displaced, and no others: \
                `bluerecording` 0.7.0 uses the simulator's number of segments, but divides only the morphology's points, without the piece from the soma sample";
    assert_eq!(found(&["--segments", "s.parquet"]), [("neurites on soma samples".to_string(), text.to_string())]);
    assert_eq!(found(&[]), [], "without segments nothing is proved");
    change(child.section_id);
    assert_eq!(found(&["--segments", "s.parquet"]), [], "another section differs, too");
}

#[test]
fn other_units_are_a_difference_whatever_the_numbers() {
    let dir = scratch();
    let file = |name: &str| dir.path().join(name);
    crate::malformed::electrodes_file::write_valid_file(&file("v.h5"));
    let converted = |name: &str, factor: f64, unit: Option<&str>| {
        crate::malformed::electrodes_file::with_factors(&file(name), factor, unit);
    };
    converted("as_mv.h5", 1.0, Some("mV/nA"));
    converted("mv.h5", 1e3, Some("mV/nA"));
    converted("silent.h5", 1.0, None);
    let run = leadfield_in(dir.path(), &["validate", "weights", "as_mv.h5", "v.h5", "--quiet"]);
    assert_eq!(run.code, 1);
    let line = "\nunits: mV/nA in as_mv.h5, V/nA in v.h5, at contacts `a`, `b`: no client converts units\n";
    assert!(run.stdout.contains(line) && run.stdout.ends_with("\ndiffer\n"), "{}", run.stdout);
    let (code, results) = compared(dir.path(), "weights", "as_mv.h5", "v.h5", &[]);
    let differing = &results["populations"][0]["units_differ"];
    assert_eq!((code, &differing[1]["contact"]), (1, &Value::from("b")));
    assert_eq!(differing[1]["units"], serde_json::json!(["mV/nA", "V/nA"]));
    assert_eq!(causes(&results["populations"][0]), [], "the same numbers in two units are not the same");
    // the cause is named if the numbers agree after conversion
    let (code, results) = compared(dir.path(), "weights", "v.h5", "mv.h5", &[]);
    let text = "the weights of contacts `a`, `b` are in V/nA in the first file and in mV/nA in the second, where they \
                are 1e3 times as large; no client converts units";
    assert_eq!((code, causes(&results["populations"][0])), (1, vec![("units".to_string(), text.to_string())]));
    // clients assume V/nA for a file that states no unit
    leadfield_in(dir.path(), &["validate", "weights", "silent.h5", "v.h5"]).ok();
    assert_eq!(leadfield_in(dir.path(), &["validate", "weights", "silent.h5", "mv.h5"]).code, 1);
}

/// Reads the bytes of a file in a folder.
fn bytes(dir: &Path, name: &str) -> Vec<u8> {
    std::fs::read(dir.join(name)).unwrap()
}

#[test]
fn a_report_replaces_reports_and_nothing_else() {
    let dir = scratch();
    crate::malformed::electrodes_file::write_valid_file(&dir.path().join("a.h5"));
    let run =
        |report: &str| leadfield_in(dir.path(), &["validate", "weights", "a.h5", "a.h5", "--junit", report, "--quiet"]);
    let taken = |name: &str, found: &str| {
        let text = "not replaced, expected a JUnit report, an empty file or a free name, found";
        let hint = "hint: choose another name for `--junit`, or remove it by hand";
        format!("error: {name}: {text} {found}\n{hint}")
    };
    let before = bytes(dir.path(), "a.h5");
    run("a.h5").refused(&taken("a.h5", "another file"));
    assert_eq!(bytes(dir.path(), "a.h5"), before);
    for (name, text) in [("notes.xml", "stale\n"), ("drawing.xml", "<?xml version=\"1.0\"?>\n<svg/>\n")] {
        std::fs::write(dir.path().join(name), text).unwrap();
        run(name).refused(&taken(name, "another file"));
        assert_eq!(bytes(dir.path(), name), text.as_bytes());
    }
    std::os::unix::fs::symlink("a.h5", dir.path().join("link.xml")).unwrap();
    run("link.xml").refused(&taken("link.xml", "a link or a device"));
    assert!(dir.path().join("link.xml").is_symlink());
    std::fs::create_dir(dir.path().join("folder")).unwrap();
    run("folder").refused(
        "error: folder: is a folder, expected a file or a free name\nhint: choose another name, or remove it by hand",
    );
    // another program's report, an empty file, no file, a report of this program
    std::fs::write(dir.path().join("r.xml"), "<testsuite/>").unwrap();
    std::fs::write(dir.path().join("s.xml"), "<?xml version='1.0' encoding='utf-8'?><testsuites/>").unwrap();
    std::fs::write(dir.path().join("t.xml"), "").unwrap();
    for name in ["r.xml", "s.xml", "t.xml", "u.xml", "u.xml"] {
        run(name).ok();
        assert!(String::from_utf8(bytes(dir.path(), name)).unwrap().contains("name=\"pop: contact b\"/>"), "{name}");
    }
}

#[test]
fn a_run_without_a_verdict_has_a_report_with_its_error() {
    let dir = scratch();
    crate::malformed::electrodes_file::write_valid_file(&dir.path().join("a.h5"));
    let tools: [(&[&str], &str); 5] = [
        (&["weights", "a.h5", "no&thing.h5"], "no&thing.h5: cannot be read: no such file or directory"),
        (&["positions", "nothing", "a.h5"], "nothing: cannot be read: no such file or directory"),
        (&["circuit", "nothing.json"], "nothing.json: cannot be read: no such file or directory"),
        (&["electrodes-file", "nothing.h5"], "nothing.h5: cannot be read: no such file or directory"),
        (
            &["weights", "a.h5", "a.h5", "--rtol", "-1"],
            "`--rtol` out of range, expected a finite number of 0 or more, found `-1`",
        ),
    ];
    for (args, error) in tools {
        // an older report is removed
        leadfield_in(dir.path(), &["validate", "weights", "a.h5", "a.h5", "--junit", "r.xml", "--quiet"]).ok();
        let run = leadfield_in(dir.path(), &[&["validate"], args, &["--junit", "r.xml"]].concat());
        run.refused(&format!("error: {error}"));
        let files: Vec<&str> = args.iter().copied().take_while(|arg| !arg.starts_with('-')).collect();
        let suite = format!("leadfield validate {}", files.join(" ")).replace('&', "&amp;");
        let (counts, error) = ("tests=\"1\" failures=\"0\" errors=\"1\"", error.replace('&', "&amp;"));
        assert_eq!(
            String::from_utf8(bytes(dir.path(), "r.xml")).unwrap(),
            format!(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites {counts}>\n  <testsuite name=\"{suite}\" \
                 {counts}>\n    <testcase classname=\"{suite}\" name=\"verdict\">\n      \
                 <error message=\"{error}\">{error}</error>\n    </testcase>\n  </testsuite>\n</testsuites>\n"
            )
        );
    }
}

#[test]
fn populations_of_other_names_are_compared_with_a_note() {
    let dir = ours();
    crate::malformed::electrodes_file::write_valid_file(&dir.path().join("a.h5"));
    let text = leadfield_in(dir.path(), &["validate", "weights", "a.h5", "w.h5"]).stdout;
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("populations `pop` and `S1nonbarrel_neurons`: 0 nodes, 0 rows, 0 columns"));
    assert_eq!(lines.next(), Some("note: the populations have different names, and are compared nevertheless"));
}

#[test]
fn positions_of_any_two_forms_agree() {
    let dir = ours();
    let forms = [
        "s.parquet".to_string(),
        reference("positions.h5"),
        reference("positions_1file"),
        reference("positions_2files"),
    ];
    for (i, a) in forms.iter().enumerate() {
        for b in &forms[i..] {
            let (code, found) = compared(dir.path(), "positions", a, b, &["--atol", "1e-9"]);
            assert_eq!((code, found["segments"].as_u64()), (0, Some(3161)), "{a} {b}: {found}");
        }
    }
}

#[test]
fn a_folder_is_all_of_its_files_whatever_their_form() {
    let dir = scratch();
    let old = reference("positions.h5");
    let neurons = bluerecording::read(Path::new(&old)).unwrap();
    let at = |name: &str| dir.path().join(name);
    ["h5", "parquet", "mixed/deeper", "beside"].into_iter().for_each(|f| std::fs::create_dir_all(at(f)).unwrap());
    std::fs::copy(&old, at("h5/positions.h5")).unwrap();
    let (first, rest) = neurons.split_at(3);
    let (second, third) = rest.split_at(9);
    bluerecording::write_parquet(&at("parquet/part-0.parquet"), first).unwrap();
    bluerecording::write_parquet(&at("parquet/b.parquet"), rest).unwrap();
    // each format has some of the neurons; the pickle has all of them
    bluerecording::write_parquet(&at("mixed/a.parquet"), first).unwrap();
    bluerecording::write_hdf5(&at("mixed/deeper/b.h5"), second).unwrap();
    bluerecording::write_parquet(&at("mixed/deeper/c.parquet"), third).unwrap();
    for folder in ["h5", "parquet", "mixed"] {
        let (code, found) = compared(dir.path(), "positions", folder, &old, &[]);
        assert_eq!((code, found["segments"].as_u64()), (0, Some(3161)), "{folder}: {found}");
    }
    let pickle = golden().join("reference/positions_1file/0/positions0.pkl");
    std::fs::copy(pickle, at("h5/z.pkl")).unwrap();
    leadfield_in(dir.path(), &["validate", "positions", "h5", &old])
        .refused("error: h5/z.pkl: node 0 in two files, expected each node once");
    // the parts of a table next to other files; the files that are left out are listed
    let args = ["positions", &config(), "-o", "beside", "--axon-placement", "bluerecording-0.2", "--quiet", "--force"];
    leadfield_in(dir.path(), &args).ok();
    std::fs::write(at("beside/README.md"), "positions\n").unwrap();
    let run = leadfield_in(dir.path(), &["validate", "positions", "beside", &old, "--atol", "1e-9"]);
    assert_eq!(run.stderr, "warning: beside: files left out, because their names are not of positions: `README.md`\n");
    assert_eq!((run.code, run.stdout.ends_with("agree\n")), (0, true), "{}", run.stdout);
    bluerecording::write_hdf5(&at("beside/a.h5"), first).unwrap();
    leadfield_in(dir.path(), &["validate", "positions", "beside", &old, "--quiet"])
        .refused("error: beside: node 0 in two files, expected each node once");
}

#[test]
fn another_terminal_branch_is_named_where_the_circuit_proves_it() {
    // by their README, 0.7.0 takes the longest branch where none is long enough, for nodes 2, 6, 10, 14 and 22
    let (dir, old, new) = (scratch(), reference("positions.h5"), reference("positions_0.7.h5"));
    let (code, found) = compared(dir.path(), "positions", &new, &old, &["--circuit", &config()]);
    assert_eq!((code, found["outside"].as_u64()), (1, Some(25)), "five segments of myelin in five neurons");
    let text = "the axon stubs of 5 neurons are placed by `--axon-placement bluerecording` in the first file, and by \
                `bluerecording-0.2` in the second";
    assert_eq!(causes(&found), [("last terminal branch".to_string(), text.to_string())]);
    let (_, found) = compared(dir.path(), "positions", &new, &old, &[]);
    assert_eq!(causes(&found), [], "without the circuit nothing is proved");
    // another rule explains neither file
    leadfield_in(dir.path(), &["positions", &config(), "-o", "arc.parquet", "--axon-placement", "arc"]).ok();
    let (_, found) = compared(dir.path(), "positions", "arc.parquet", &old, &["--circuit", &config()]);
    assert_eq!(causes(&found), []);
}

/// Writes the reference positions with the myelin of every neuron under an id that is three too large.
fn renamed_myelin(dir: &Path) -> PathBuf {
    let neurons = bluerecording::read(Path::new(&reference("positions.h5"))).unwrap();
    let renamed = neurons.iter().map(|neuron| {
        let last = neuron.sections().last().unwrap().id;
        let mut other = bluerecording::NeuronPositions::new(neuron.node_id);
        neuron.sections().for_each(|s| other.push_section(s.id + if s.id == last { 3 } else { 0 }, s.points));
        other
    });
    let path = dir.join("renamed.parquet");
    bluerecording::write_parquet(&path, &renamed.collect::<Vec<_>>()).unwrap();
    path
}

#[test]
fn myelin_under_another_id_is_named_and_can_be_ignored() {
    let dir = scratch();
    renamed_myelin(dir.path());
    let old = reference("positions.h5");
    let (code, found) = compared(dir.path(), "positions", &old, "renamed.parquet", &[]);
    assert_eq!((code, found["sections"].as_array().unwrap().len()), (1, 40), "a section on either side, 20 neurons");
    let text = "the sections in only one file of 20 neurons are at the same positions under another id, +3 to +3: \
                `--ignore-myelin-id` matches them";
    assert_eq!(causes(&found), [("myelin ids".to_string(), text.to_string())]);
    let (code, found) = compared(dir.path(), "positions", &old, "renamed.parquet", &["--ignore-myelin-id"]);
    assert_eq!((code, found["segments"].as_u64()), (0, Some(3161)));
}

#[test]
fn tables_of_float32_need_a_relative_tolerance() {
    let dir = ours();
    let placement = ["--axon-placement", "bluerecording-0.2", "--precision", "f32", "--quiet"];
    leadfield_in(dir.path(), &[&["positions", &config(), "-o", "f32.parquet"], &placement[..]].concat()).ok();
    assert_eq!(compared(dir.path(), "positions", "s.parquet", "f32.parquet", &[]).0, 1);
    assert_eq!(compared(dir.path(), "positions", "s.parquet", "f32.parquet", &["--rtol", "1e-6"]).0, 0);
}

#[test]
fn what_is_no_positions_is_refused() {
    let dir = scratch();
    std::fs::create_dir(dir.path().join("empty")).unwrap();
    std::fs::write(dir.path().join("a.csv"), "x,y,z\n").unwrap();
    let old = reference("positions.h5");
    leadfield_in(dir.path(), &["validate", "positions", "empty", &old])
        .refused("error: empty: no positions, expected files `*.pkl`, `*.parquet` or `*.h5` in the folder, found none");
    leadfield_in(dir.path(), &["validate", "positions", "a.csv", &old])
        .refused("error: a.csv: a table of contacts, expected a segment table");
    leadfield_in(dir.path(), &["validate", "positions", &old, &old, "--atol", "-1"])
        .refused("error: `--atol` out of range, expected a finite number of 0 or more, found `-1`");
    // one neuron in two pickles of a folder
    let pickle = golden().join("reference/positions_1file/0/positions0.pkl");
    let folder = dir.path().join("twice");
    std::fs::create_dir(&folder).unwrap();
    std::fs::copy(&pickle, folder.join("positions0.pkl")).unwrap();
    std::fs::copy(&pickle, folder.join("positions1.pkl")).unwrap();
    leadfield_in(dir.path(), &["validate", "positions", "twice", &old])
        .refused("error: twice/positions1.pkl: node 0 in two files, expected each node once");
}
