//! The program's interface: help, exit codes, outputs, and the effects of options.

use std::path::{Path, PathBuf};

use leadfield::circuit::{CircuitRequest, SegmentTableOptions, SegmentationPlan};
use leadfield::geometry::{Aabb, Point};
use leadfield::io::atomic_output::OverwritePolicy;
use leadfield::segments::table::{Precision, SegmentTable};
use leadfield::segments::{SectionType, Segment, Segments};

use crate::support::{Run, golden, leadfield, leadfield_in, names_in, scratch};

/// Returns the golden circuit: 24 nodes, 20 of them in the report, with 3161 segments.
fn golden_config() -> PathBuf {
    golden().join("input/circuit/simulation_config.json")
}

fn positions(config: &Path, out: &Path, options: &[&str]) -> PathBuf {
    let args = ["positions", config.to_str().unwrap(), "-o", out.to_str().unwrap(), "--quiet"];
    leadfield(&[&args, options].concat()).ok();
    out.to_path_buf()
}

/// Creates a folder with the golden table `t.parquet`.
fn golden_table() -> (tempfile::TempDir, PathBuf) {
    let folder = scratch();
    let table = positions(&golden_config(), &folder.path().join("t.parquet"), &[]);
    (folder, table)
}

/// Creates a synthetic circuit in a new folder.
fn synthetic(options: &[&str]) -> (tempfile::TempDir, PathBuf) {
    let folder = scratch();
    let circuit = folder.path().join("circuit");
    leadfield(&[&["synthesize", circuit.to_str().unwrap(), "--quiet", "--with-report"], options].concat()).ok();
    (folder, circuit)
}

/// Reads all segments of a table, in row order.
fn rows(table: &Path) -> Vec<Segment> {
    let table = SegmentTable::open(table).unwrap();
    let mut all: Vec<Segment> = table.parts().iter().flat_map(|p| stored(&p.read_by_row().unwrap())).collect();
    all.sort_by_key(|s| s.row);
    all
}

fn stored(segments: &Segments) -> Vec<Segment> {
    segments.iter().collect()
}

fn is_stub(s: &Segment) -> bool {
    matches!(s.section_type, Some(SectionType::Ais | SectionType::Myelin))
}

/// Returns the value after a name in the output of `info`.
#[track_caller]
fn fact<'a>(facts: &'a str, name: &str) -> &'a str {
    let line = facts.lines().find(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with("  ")));
    line.unwrap_or_else(|| panic!("no {name} in\n{facts}"))[name.len()..].trim()
}

// help and streams

#[test]
fn a_wrong_option_is_an_error_with_exit_code_2_and_nothing_on_standard_output() {
    for args in [&["positions"][..], &["positions", "c.json", "-o", "t", "--axon-placement", "nowhere"], &["paint"]] {
        let run = leadfield(args);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{args:?}");
        assert!(run.stderr.starts_with("error: "), "{}", run.stderr);
    }
}

#[test]
fn a_kept_axon_has_no_placement() {
    let run = leadfield(&["positions", "c.json", "-o", "t", "--keep-axon", "--axon-placement", "arc"]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.starts_with("error: the argument '--keep-axon' cannot be used with '--axon-placement <RULE>'"));
}

#[test]
fn quiet_tools_print_nothing_on_standard_error_and_others_say_what_they_made() {
    let folder = scratch();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_string();
    let (circuit, table, weights) = (at("c"), at("t.parquet"), at("w.h5"));
    let config = at("c/simulation_config.json");
    let electrodes = golden().join("input/electrodes/np8.csv");
    let steps: [&[&str]; 5] = [
        &["synthesize", &circuit, "--cells", "2", "--with-report", "--force"],
        &["positions", &config, "-o", &table, "--force"],
        &["weights", &table, electrodes.to_str().unwrap(), "-o", &weights, "--force"],
        &["validate", "weights", &weights, &weights],
        &["info", &weights],
    ];
    for step in steps {
        let quiet = leadfield(&[step, &["--quiet"]].concat());
        assert_eq!((quiet.code, quiet.stderr.as_str()), (0, ""), "{step:?}");
    }
    let said = leadfield(steps[1]);
    let segments = SegmentTable::open(Path::new(&table)).unwrap().len();
    let start =
        format!("{table}: {segments} segments, 2 neurons of population `neurons`, 1 part, 2 distinct morphologies, ");
    assert!(said.stderr.starts_with(&start), "{}", said.stderr);
    assert_eq!(said.stdout, "");
}

/// Runs the program with a closed pipe as stream 1 or 2; returns exit code and the text of the other stream.
fn unread(folder: &Path, stream: u8, args: &[&str]) -> (i32, String) {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    onto(folder, stream, writer.into(), args)
}

/// Runs the program with stream 1 or 2 on a full device.
fn full(folder: &Path, stream: u8, args: &[&str]) -> (i32, String) {
    let device = std::fs::File::options().write(true).open("/dev/full").unwrap();
    onto(folder, stream, device.into(), args)
}

fn onto(folder: &Path, stream: u8, sink: std::process::Stdio, args: &[&str]) -> (i32, String) {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_leadfield"));
    command.current_dir(folder).args(args);
    if stream == 1 {
        command.stdout(sink)
    } else {
        command.stderr(sink)
    };
    let run = Run::of(command);
    (run.code, if stream == 1 { run.stderr } else { run.stdout })
}

#[test]
fn a_reader_that_has_gone_ends_a_tool_quietly_with_its_exit_code_and_a_full_device_is_an_error() {
    let (folder, _table) = golden_table();
    let dir = folder.path();
    let (config, np8) = (golden_config(), golden().join("input/electrodes/np8.csv"));
    let (config, np8) = (config.to_str().unwrap(), np8.to_str().unwrap());
    leadfield_in(dir, &["weights", "t.parquet", np8, "-o", "w.h5", "--quiet"]).ok();
    leadfield_in(dir, &["weights", "t.parquet", np8, "-o", "x.h5", "--conductivity", "1", "--quiet"]).ok();
    let tools: [(i32, &[&str]); 19] = [
        (0, &["info", "t.parquet"]),
        (0, &["query", "t.parquet", "--count"]),
        (0, &["query", "t.parquet", "--node-set-json"]),
        (0, &["query", "t.parquet", "--limit", "3"]),
        (0, &["query", "t.parquet"]),
        (0, &["query", "t.parquet", "--format", "table"]),
        (0, &["query", "t.parquet", "--format", "jsonl"]),
        (0, &["query", "t.parquet", "--format", "arrow"]),
        (0, &["query", "t.parquet", "--format", "parquet"]),
        (0, &["electrodes", "linear", "--contacts", "3", "--pitch", "20"]),
        (0, &["weights", "t.parquet", np8, "-o", "again.h5", "--force"]),
        (0, &["weights", "t.parquet", np8, "-o", "v.h5", "--dry-run"]),
        (0, &["positions", config, "-o", "u.parquet", "--dry-run"]),
        (0, &["validate", "weights", "w.h5", "w.h5"]),
        (1, &["validate", "weights", "w.h5", "x.h5", "--json"]),
        (0, &["validate", "positions", "t.parquet", "t.parquet"]),
        (0, &["validate", "circuit", config, "--axon-rule", "taper"]),
        (0, &["validate", "electrodes-file", "w.h5"]),
        (0, &["validate", "electrodes-file", "--list-findings"]),
    ];
    for (code, args) in tools {
        let quiet = [args, &["--quiet"]].concat();
        assert_eq!(unread(dir, 1, &quiet), (code, String::new()), "{args:?}");
        let message = "error: standard output: cannot be written: no space left on device\n".to_string();
        assert_eq!(full(dir, 1, &quiet), (2, message), "{args:?}");
    }
}

#[test]
fn what_standard_error_cannot_take_is_left_out() {
    let (folder, _table) = golden_table();
    let config = golden_config();
    let make = ["positions", config.to_str().unwrap(), "-o", "u.parquet"];
    let tools: [(i32, &[&str]); 5] = [
        (0, &make),
        (2, &make),
        (2, &["info", "nowhere"]),
        (0, &["synthesize", "c", "--cells", "2", "--force"]),
        (0, &["demo", "d", "--cells", "2", "--force"]),
    ];
    for sink in [unread, full] {
        for (code, args) in tools {
            assert_eq!(sink(folder.path(), 2, args).0, code, "{args:?}");
        }
        std::fs::remove_file(folder.path().join("u.parquet")).unwrap();
    }
}

#[test]
fn numbers_may_be_negative_or_in_exponent_form() {
    let folder = scratch();
    let size = |folder: &Path| SegmentTable::open(&folder.join("t.parquet")).unwrap().bounds().unwrap().size();
    let circuit = |name: &str, options: &[&str]| {
        let circuit = folder.path().join(name);
        let args = ["synthesize", circuit.to_str().unwrap(), "--cells", "2", "--with-report", "--quiet"];
        leadfield(&[&args, options].concat()).ok();
        positions(&circuit.join("simulation_config.json"), &circuit.join("t.parquet"), &[]);
        size(&circuit)
    };
    assert_eq!(
        circuit("a", &["--radius", "4e2", "--height=1.5e3"]),
        circuit("b", &["--radius=400", "--height", "1500"])
    );
    let out = folder.path().join("c");
    let run = leadfield(&["synthesize", out.to_str().unwrap(), "--cells", "2", "--radius", "-4e-2"]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("found `-0.04`"), "{}", run.stderr);
}

// info

#[test]
fn info_on_a_table() {
    let (_folder, table) = golden_table();
    let facts = leadfield(&["info", table.to_str().unwrap()]).ok();
    for (name, value) in [
        ("kind", "segment table"),
        ("population", "S1nonbarrel_neurons"),
        ("neurons", "20"),
        ("segments", "3161"),
        ("parts", "1"),
        ("discretisation", "report compartment"),
        ("axon", "replaced, placement bluerecording"),
        ("written by", concat!("leadfield ", env!("CARGO_PKG_VERSION"))),
    ] {
        assert_eq!(fact(&facts, name), value);
    }
    let circuit = golden().join("input/circuit/circuit_config.json");
    let from_table = leadfield::io::paths::relative_path(table.parent().unwrap(), &circuit).unwrap();
    assert_eq!(fact(&facts, "circuit"), from_table.to_str().unwrap());
    let bounds = Aabb::enclosing(rows(&table).iter().flat_map(|s| [s.start, s.end]));
    assert_eq!(fact(&facts, "bounds"), bounds.to_string());
    for (column, kind) in [
        ("node_id", "UInt64"),
        ("section_id", "UInt32"),
        ("segment_id", "UInt32"),
        ("section_type", "UInt8"),
        ("x0", "Float64"),
        ("z1", "Float64"),
        ("radius", "Float32"),
        ("row", "UInt64"),
    ] {
        let value = fact(&facts, &format!("column {column}")).to_string();
        assert!(value.starts_with(&format!("{kind}, ")) && value.ends_with(" bytes per segment"), "{value}");
    }
    let size = table.metadata().unwrap().len();
    let message = format!("{:.1} kB, {:.1} bytes per segment", size as f64 / 1e3, size as f64 / 3161.0);
    assert_eq!(fact(&facts, "size"), message);
}

#[test]
fn info_on_a_table_of_several_parts_in_a_folder() {
    let (folder, _) = golden_table();
    let parts = in_parts(&folder.path().join("t"), 1000);
    let facts = leadfield(&["info", parts.to_str().unwrap()]).ok();
    // one of the files is the manifest
    let files = (names_in(&parts).len() - 1).to_string();
    for (name, value) in [("neurons", "20"), ("segments", "3161"), ("parts", files.as_str())] {
        assert_eq!(fact(&facts, name), value);
    }
}

#[test]
fn info_on_configurations() {
    let folder = golden().join("input/circuit");
    let facts = leadfield_in(&folder, &["info", "simulation_config.json"]).ok();
    for (name, value) in [
        ("kind", "simulation configuration"),
        ("circuit", "circuit_config.json"),
        ("node set", "Reported"),
        ("population S1nonbarrel_neurons", "biophysical, 24 nodes, morphologies swc in components/morphologies/swc"),
        ("report compartment", "compartment, sections all, compartments all: output/compartment.h5"),
    ] {
        assert_eq!(fact(&facts, name), value);
    }
    let sets: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(folder.join("node_sets.json")).unwrap()).unwrap();
    let mut names: Vec<&String> = sets.as_object().unwrap().keys().collect();
    names.sort();
    let names = names.iter().map(|n| n.as_str()).collect::<Vec<_>>().join(", ");
    assert_eq!(fact(&facts, "node sets"), names);
    let circuit = leadfield_in(&folder, &["info", "circuit_config.json"]).ok();
    assert_eq!(fact(&circuit, "kind"), "circuit configuration");
    assert_eq!(fact(&circuit, "node sets"), names);
    assert!(!circuit.contains("report"), "{circuit}");
}

#[test]
fn info_on_electrodes_files() {
    let (folder, table) = golden_table();
    let electrodes = golden().join("input/electrodes/np8.csv");
    let out = folder.path().join("w.h5");
    let [table, electrodes, out] = [&table, &electrodes, &out].map(|p| p.to_str().unwrap());
    leadfield(&["weights", table, electrodes, "-o", out, "--quiet", "--conductivity", "3e-1"]).ok();
    let facts = leadfield(&["info", out]).ok();
    for (name, value) in [
        ("kind", "electrodes file"),
        ("contacts", "8: `0`, `1`, `2`, `3`, `4`, `5` and 2 more"),
        ("method", "LineSource, conductivity_S_per_m 0.3, near_field radius: 8 contacts"),
        ("population S1nonbarrel_neurons", "20 nodes, 3161 rows, 8 columns"),
        ("S1nonbarrel_neurons: units", "V/nA"),
        ("S1nonbarrel_neurons: axon", "replaced, placement bluerecording"),
        ("S1nonbarrel_neurons: discretisation", "report compartment"),
        ("S1nonbarrel_neurons: table_program_version", env!("CARGO_PKG_VERSION")),
        ("program", concat!("leadfield ", env!("CARGO_PKG_VERSION"))),
    ] {
        assert_eq!(fact(&facts, name), value);
    }
    // the original writes an additional column, and no units
    let original = golden().join("reference/e6.h5");
    let facts = leadfield(&["info", original.to_str().unwrap()]).ok();
    assert_eq!(fact(&facts, "contacts"), "16: `0`, `1`, `2`, `3`, `4`, `5` and 10 more");
    assert_eq!(
        fact(&facts, "population S1nonbarrel_neurons"),
        "20 nodes, 3161 rows, 17 columns, 1 of them without a contact"
    );
    assert_eq!(fact(&facts, "S1nonbarrel_neurons: units"), "not stated");
    for method in ["LineSource: 2 contacts", "PointSource: 2 contacts", "ObjectiveCSD_Plane, units 1: 5 contacts"] {
        assert!(
            facts.lines().any(|line| line.starts_with("method ") && line.ends_with(method)),
            "{method} in\n{facts}"
        );
    }
}

// positions

/// Writes the golden table in parts of at most this number of segments, in a folder.
fn in_parts(out: &Path, segments_per_part: u64) -> PathBuf {
    let config = golden_config();
    let request = CircuitRequest::new(&config);
    let options = SegmentTableOptions { segments_per_part, ..SegmentTableOptions::default() };
    SegmentationPlan::open(&request).unwrap().write(out, OverwritePolicy::Refuse, &options, &|_| ()).unwrap();
    out.to_path_buf()
}

#[test]
fn a_node_set_selects_neurons_and_rows_are_renumbered() {
    let (folder, table) = golden_table();
    let all = rows(&table);
    // the definition of the set: nodes whose z is above 0, which the position of the soma shows
    let config = golden_config();
    let circuit = folder.path().join("circuit");
    crate::support::copy_folder(config.parent().unwrap(), &circuit);
    let chosen: Vec<u64> = all.iter().filter(|s| s.section_id == 0 && s.start.z > 0.0).map(|s| s.node_id).collect();
    let reported: std::collections::BTreeSet<u64> = all.iter().map(|s| s.node_id).collect();
    let sets = serde_json::json!({
        "Reported": {"node_id": reported}, "Upper": ["Above"], "Above": {"z": {"$gt": 0.0}, "node_id": reported}
    });
    std::fs::write(circuit.join("node_sets.json"), sets.to_string()).unwrap();
    let out = folder.path().join("upper.parquet");
    let upper = rows(&positions(&circuit.join("simulation_config.json"), &out, &["--node-set", "Upper"]));
    let expected: Vec<Segment> = all.iter().copied().filter(|s| chosen.contains(&s.node_id)).collect();
    assert!(!chosen.is_empty() && expected.len() < all.len());
    assert_eq!(upper.iter().map(|s| s.row).collect::<Vec<_>>(), (0..expected.len() as u64).collect::<Vec<_>>());
    assert!(upper.iter().zip(&expected).all(|(u, e)| Segment { row: e.row, ..*u } == *e));
}

#[test]
fn a_population_may_be_named() {
    let (folder, table) = golden_table();
    let out = folder.path().join("named.parquet");
    positions(&golden_config(), &out, &["--population", "S1nonbarrel_neurons", "--report", "compartment"]);
    assert_eq!(std::fs::read(out).unwrap(), std::fs::read(table).unwrap());
}

#[test]
fn single_precision_rounds_the_coordinates_and_nothing_else() {
    let (folder, table) = golden_table();
    let single = positions(&golden_config(), &folder.path().join("f32.parquet"), &["--precision", "f32"]);
    assert_eq!(SegmentTable::open(&single).unwrap().precision(), Precision::F32);
    let rounded = |p: Point| Point::from(p.to_array().map(|v| v as f32));
    let expected: Vec<Segment> =
        rows(&table).iter().map(|s| Segment { start: rounded(s.start), end: rounded(s.end), ..*s }).collect();
    assert_eq!(rows(&single), expected);
    let bytes = |path: &Path| path.metadata().unwrap().len();
    assert!(bytes(&single) < bytes(&table));
}

#[test]
fn a_folder_of_parts_holds_the_rows_of_the_single_file() {
    let (folder, table) = golden_table();
    let whole = positions(&golden_config(), &folder.path().join("whole"), &[]);
    assert_eq!(names_in(&whole), ["_manifest.parquet", "part-00000.parquet"]);
    let parts = in_parts(&folder.path().join("parts"), 1000);
    assert!(names_in(&parts).len() > 4, "parts of at most 1000 of 3161 segments");
    assert_eq!(rows(&whole), rows(&table));
    assert_eq!(rows(&parts), rows(&table));
    for part in SegmentTable::open(&parts).unwrap().parts() {
        assert!(part.len() <= 1000);
    }
}

#[test]
fn parts_of_a_table_in_one_file_are_not_cut_without_a_word() {
    let dir = scratch();
    let config = golden_config();
    let config = config.to_str().unwrap();
    let made = leadfield_in(dir.path(), &["positions", config, "-o", "t.parquet", "--segments-per-part", "1000"]);
    let message = "warning: t.parquet: one file is one part: parts need the name of a folder\n";
    assert!(made.code == 0 && made.stderr.contains(message), "{}", made.stderr);
    let default = leadfield_in(dir.path(), &["positions", config, "-o", "u.parquet"]);
    assert!(default.code == 0 && !default.stderr.contains("part:"), "{}", default.stderr);
}

#[test]
fn placements_differ_in_the_stubs_only() {
    let (folder, default) = golden_table();
    let arc = rows(&positions(&golden_config(), &folder.path().join("arc.parquet"), &["--axon-placement", "arc"]));
    let default = rows(&default);
    assert_eq!(arc.len(), default.len());
    let mut moved = 0;
    for (a, b) in arc.iter().zip(&default) {
        if is_stub(a) {
            moved += usize::from(a != b);
            assert_eq!(Segment { start: b.start, end: b.end, ..*a }, *b);
        } else {
            assert_eq!(a, b);
        }
    }
    assert!(moved > 0);
}

#[test]
fn a_kept_axon_gives_rows_of_axon_sections_and_no_stubs() {
    let folder = scratch();
    let config = golden().join("variants/keep_axon/circuit/simulation_config.json");
    let kept = rows(&positions(&config, &folder.path().join("t.parquet"), &["--keep-axon"]));
    assert!(kept.iter().any(|s| s.section_type == Some(SectionType::Axon)));
    assert!(!kept.iter().any(is_stub));
}

/// Returns the bits of a row.
fn bits(s: &Segment) -> impl PartialEq {
    let ends = [s.start.to_array(), s.end.to_array()].map(|p| p.map(f64::to_bits));
    (s.row, s.node_id, s.section_id, s.segment_id, s.section_type, ends, s.radius_um.map(f32::to_bits))
}

fn same_bits(a: &[Segment], b: &[Segment]) -> bool {
    a.iter().map(bits).eq(b.iter().map(bits))
}

#[test]
fn every_form_of_morphology_file_gives_the_same_rows_bit_for_bit() {
    let (folder, circuit) = synthetic(&["--cells", "6", "--morphologies", "6"]);
    let table = |form: &str| {
        let config = circuit.join(format!("simulation_config{form}.json"));
        rows(&positions(&config, &folder.path().join(format!("t{form}.parquet")), &[]))
    };
    let [swc, asc, h5, container] = ["", "_asc", "_h5", "_container"].map(table);
    assert!(same_bits(&asc, &h5) && same_bits(&asc, &container));
    // SWC gives the soma as a sphere, the others as the outline of an ellipsoid with half axes r and 0.8 r, so that only
    // the somata's radii may differ
    let contour = |s: &Segment| asc[s.row as usize].radius_um.filter(|_| s.section_id == 0);
    let swapped: Vec<Segment> = swc.iter().map(|s| Segment { radius_um: contour(s).or(s.radius_um), ..*s }).collect();
    assert!(same_bits(&swapped, &asc));
    for s in swc.iter().filter(|s| s.section_id == 0) {
        let (sphere, outline) = (s.radius_um.unwrap(), contour(s).unwrap());
        assert!((0.8 * sphere..=sphere).contains(&outline), "{outline} of {sphere}");
    }
}

#[test]
fn bytes_do_not_depend_on_the_number_of_threads() {
    let (folder, circuit) = synthetic(&["--cells", "30", "--morphologies", "4"]);
    let bytes = |threads: &str| {
        let out = folder.path().join(format!("t{threads}.parquet"));
        positions(&circuit.join("simulation_config.json"), &out, &["--threads", threads]);
        std::fs::read(out).unwrap()
    };
    assert!(bytes("1") == bytes("4"));
}

#[test]
fn rows_of_a_page_are_neighbours_in_space() {
    let (folder, circuit) = synthetic(&["--cells", "400"]);
    let table = positions(&circuit.join("simulation_config.json"), &folder.path().join("t.parquet"), &[]);
    let table = SegmentTable::open(&table).unwrap();
    let segments = table.parts()[0].read().unwrap();
    let volume = |b: &Aabb| b.size().x * b.size().y * b.size().z;
    let page = leadfield::segments::table::schema::ROWS_PER_PAGE;
    let boxed = |rows: &[Segment]| Aabb::enclosing(rows.iter().map(Segment::midpoint));
    // the long segments are at the end, in separate row groups
    let short: Vec<Segment> = stored(&segments).into_iter().filter(|s| s.start.distance(s.end) <= 60.0).collect();
    assert!(short.len() > 20 * page, "{} rows", short.len());
    let by_neuron = {
        let mut rows = short.clone();
        rows.sort_by_key(|s| s.row);
        rows
    };
    let mean = |rows: &[Segment]| {
        let pages: Vec<f64> = rows.chunks_exact(page).map(|rows| volume(&boxed(rows))).collect();
        pages.iter().sum::<f64>() / pages.len() as f64
    };
    let whole = volume(&boxed(&short));
    // the same number of pages of equal volume would each have 1 / pages of the total; neurons overlap, but pages
    // should not
    let pages = (short.len() / page) as f64;
    let (hilbert, neurons) = (mean(&short) / whole, mean(&by_neuron) / whole);
    assert!(hilbert < 3.0 / pages && neurons > 5.0 * hilbert, "{hilbert} and {neurons} of the whole, {pages} pages");
}
