//! Files that are damaged at random: no reader panics, and none requests more memory than its bound.
//!
//! Each file is a valid one with a few bytes flipped, overwritten, cut off, repeated or replaced by a number. Each test
//! states its bound. Readers of this library run in this process, where allocations are counted; readers of HDF5 run in
//! a separate process with a bound on its address space. Runs are repeatable: the generator starts from a fixed seed
//! (`LEADFIELD_MUTATIONS=N` runs N cases from other seeds), and cases that failed once are stored in
//! `tests/mutations.seeds` and run first.

mod formats;

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Output};

use leadfield::circuit::hoc;
use leadfield::circuit::{CircuitRequest, PopulationTables};
use leadfield::convert::bluerecording;
use leadfield::convert::columnar::ColumnarFile;
use leadfield::convert::weight_table::BatchSource;
use leadfield::electrodes::atlas::Atlas;
use leadfield::geometry::Point;
use leadfield::geometry::region::{Predicate, Sphere};
use leadfield::io::atomic_output::OverwritePolicy;
use leadfield::io::hdf5;
use leadfield::morphology::MorphologyFormat;
use leadfield::segments::index::CoordinateWidth;
use leadfield::segments::index::SegmentIndex;
use leadfield::segments::index::segment_index::SegmentIndexBuilder;
use leadfield::segments::table::SegmentTable;
use leadfield::{Result, electrodes, morphology};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{FileFailurePersistence, RngAlgorithm, TestRng, TestRunner};

use crate::support::allocation::peak;
use crate::support::{golden, leadfield_in, scratch};

/// The bytes that readers may allocate in addition to a multiple of the file: buffers, messages.
const BASE: u64 = 1 << 20;

/// A mutation, at a position that is a fraction of the file's length.
#[derive(Debug, Clone)]
enum Mutation {
    Flip(Index, u8),
    Write(Index, Vec<u8>),
    Cut(Index),
    Repeat(Index, usize, usize),
    /// A number, or another word of the formats, in place of some bytes.
    Word(Index, usize),
}

const WORDS: &[&str] = &[
    "0",
    "-1",
    "1e999",
    "NaN",
    "18446744073709551615",
    "4294967296",
    "-9223372036854775808",
    "0.0000001",
    "\"",
    "{",
    "[",
    "(",
    ")",
    ",",
    "\n",
    " ",
    "\u{feff}",
    "null",
    "CellBody",
    "Dendrite",
];

fn mutation() -> impl Strategy<Value = Mutation> {
    let at = any::<Index>;
    prop_oneof![
        (at(), 0..8_u8).prop_map(|(at, bit)| Mutation::Flip(at, bit)),
        (at(), prop::collection::vec(any::<u8>(), 1..9)).prop_map(|(at, bytes)| Mutation::Write(at, bytes)),
        at().prop_map(Mutation::Cut),
        (at(), 1..200_usize, 2..20_usize).prop_map(|(at, length, times)| Mutation::Repeat(at, length, times)),
        (at(), 0..WORDS.len()).prop_map(|(at, word)| Mutation::Word(at, word)),
    ]
}

fn mutated(valid: &[u8], mutations: &[Mutation]) -> Vec<u8> {
    let mut bytes = valid.to_vec();
    for mutation in mutations.iter().filter(|_| !valid.is_empty()) {
        if bytes.is_empty() {
            break;
        }
        match mutation {
            Mutation::Flip(at, bit) => {
                let at = at.index(bytes.len());
                bytes[at] ^= 1 << bit;
            }
            Mutation::Write(at, new) => {
                let at = at.index(bytes.len());
                let length = new.len().min(bytes.len() - at);
                bytes[at..at + length].copy_from_slice(&new[..length]);
            }
            Mutation::Cut(at) => bytes.truncate(at.index(bytes.len())),
            Mutation::Repeat(at, length, times) => {
                let at = at.index(bytes.len());
                let piece = bytes[at..(at + length).min(bytes.len())].repeat(*times);
                bytes.splice(at..at, piece);
            }
            Mutation::Word(at, word) => {
                let at = at.index(bytes.len());
                let end = (at + WORDS[*word].len()).min(bytes.len());
                bytes.splice(at..end, WORDS[*word].bytes());
            }
        }
    }
    bytes
}

/// Runs a reader on many damaged files. `bound` returns the maximum number of bytes that it may allocate for a file of
/// a length.
fn tried(cases: u32, valid: &[u8], name: &str, bound: impl Fn(u64) -> u64, read: impl Fn(&Path) -> Result<()>) {
    let dir = scratch();
    let path = dir.path().join(name);
    mutate(cases, valid, |bytes| {
        std::fs::write(&path, bytes).unwrap();
        let (result, allocated) = peak(|| read(&path));
        let most = bound(bytes.len() as u64);
        prop_assert!(allocated as u64 <= most, "{allocated} bytes for a file of {}: {result:?}", bytes.len());
        Ok(())
    });
}

fn mutate(cases: u32, valid: &[u8], test: impl Fn(&[u8]) -> Result<(), TestCaseError>) {
    try_mutations(cases, |mutations| test(&mutated(valid, mutations)));
}

/// Draws damages, and tries what they do.
fn try_mutations(cases: u32, test: impl Fn(&[Mutation]) -> Result<(), TestCaseError>) {
    let more: Option<u32> = std::env::var("LEADFIELD_MUTATIONS").ok().and_then(|n| n.parse().ok());
    let seeds = FileFailurePersistence::Direct(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/mutations.seeds"));
    let config = ProptestConfig {
        cases: more.unwrap_or(cases),
        max_shrink_iters: 64,
        failure_persistence: Some(Box::new(seeds)),
        ..ProptestConfig::default()
    };
    let mut runner = match more {
        Some(_) => TestRunner::new(config),
        None => TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha)),
    };
    let result = runner.run(&prop::collection::vec(mutation(), 1..6), |mutations| test(&mutations));
    result.unwrap_or_else(|e| panic!("{e}"));
}

/// The bound for text, which becomes points of 24 to 100 bytes, errors and messages: 200 bytes per byte of text.
fn text(length: u64) -> u64 {
    BASE + 200 * length
}

#[test]
fn damaged_swc_files_are_read_or_refused() {
    let valid = std::fs::read(golden().join("input/circuit/components/morphologies/swc/syn_IN_far_11.swc")).unwrap();
    tried(600, &valid, "m.swc", text, |path| morphology::read(path, MorphologyFormat::Swc).map(drop));
}

#[test]
fn damaged_asc_files_are_read_or_refused() {
    let points = |x: f64| (0..12).map(|i| format!("    ({x} {i}.5 -2.25 1.5)\n")).collect::<String>();
    let branch = |kind: &str, x: f64| {
        let (own, left, right) = (points(x), points(x + 1.0), points(x - 1.0));
        format!("( (Color Red)\n  ({kind})\n{own}    (\n{left}    |\n{right}    )\n)\n")
    };
    let soma = "(\"Cell Body\"\n  (CellBody)\n  (0 0 0 1)\n  (1 0 0 1)\n  (1 1 0 1)\n)\n";
    let valid =
        format!("; made up\n{soma}{}{}{}", branch("Axon", 5.0), branch("Dendrite", 9.0), branch("Apical", 20.0));
    let dir = scratch();
    std::fs::write(dir.path().join("m.asc"), &valid).unwrap();
    morphology::read(&dir.path().join("m.asc"), MorphologyFormat::Asc).unwrap();
    tried(600, valid.as_bytes(), "m.asc", text, |path| morphology::read(path, MorphologyFormat::Asc).map(drop));
}

#[test]
fn damaged_electrode_tables_are_read_or_refused() {
    let valid = std::fs::read(golden().join("input/electrodes/e6.csv")).unwrap();
    tried(600, &valid, "e.csv", text, |path| electrodes::read(path).map(drop));
}

#[test]
fn damaged_electrode_lists_are_read_or_refused() {
    let contact = |i: u32| {
        format!(
            "  {{\"name\": \"e{i}\", \"x\": {i}.5, \"y\": -1e3, \"z\": 0, \"type\": \"LineSource\", \"layer\": \"L1\"}}"
        )
    };
    let valid = format!("[\n{}\n]\n", (0..20).map(contact).collect::<Vec<_>>().join(",\n"));
    tried(600, valid.as_bytes(), "e.json", text, |path| electrodes::read(path).map(drop));
}

#[test]
fn damaged_segment_tables_are_read_or_refused() {
    let dir = scratch();
    let config = golden().join("input/circuit/simulation_config.json");
    leadfield_in(dir.path(), &["positions", config.to_str().unwrap(), "-o", "s.parquet", "--quiet"]).ok();
    let valid = std::fs::read(dir.path().join("s.parquet")).unwrap();
    let read = |path: &Path| -> Result<()> {
        let table = SegmentTable::open(path)?;
        table.neurons()?;
        table.parts().iter().try_for_each(|part| part.read_by_row().map(drop))
    };
    // a page states its decoded size in 31 bits: one page of 2 GiB, and the same again while it is decoded
    tried(400, &valid, "t.parquet", |length| BASE + (1 << 32) + 200 * length, read);
}

/// Address space of the program, KiB; its code, threads and libraries use about a tenth of it.
const ADDRESS_SPACE_KIB: u64 = 4 << 20;

/// CPU seconds after which the program is stopped and the case has failed. If the HDF5 library does not return within 5
/// s, the program ends by itself.
const CPU_SECONDS: u32 = 60;

#[test]
fn damaged_hdf5_files_are_examined_or_refused() {
    let dir = scratch();
    crate::malformed::electrodes_file::write_valid_file(&dir.path().join("w.h5"));
    program_reads_or_refuses(100, dir.path(), "w.h5", &["validate", "electrodes-file", "w.h5"], None);
}

/// Creates a circuit of two neurons with one morphology, in all formats, with a compartment report.
fn circuit(dir: &Path) {
    leadfield_in(dir, &["synthesize", "c", "--cells", "2", "--morphologies", "1", "--with-report", "--quiet"]).ok();
}

/// The bytes that planning a circuit of two neurons may allocate on one thread, for any configuration.
const CIRCUIT: u64 = 64 << 20;

/// Damages one file of a circuit, and reads the whole circuit through a configuration.
fn circuit_is_read_or_refused(file: &str, config: &str, node_set: Option<&str>) {
    let dir = scratch();
    circuit(dir.path());
    let path = dir.path().join("c").join(file);
    let valid = std::fs::read(&path).unwrap();
    let config = dir.path().join("c").join(config);
    let read = || PopulationTables::open(&CircuitRequest { node_set, ..CircuitRequest::new(&config) });
    read().unwrap();
    mutate(200, &valid, |bytes| {
        std::fs::write(&path, bytes).unwrap();
        let (result, allocated) = peak(read);
        let most = CIRCUIT + text(bytes.len() as u64);
        let found = result.map(drop);
        prop_assert!(allocated as u64 <= most, "{allocated} bytes for a file of {}: {found:?}", bytes.len());
        Ok(())
    });
}

#[test]
fn damaged_circuit_configurations_are_read_or_refused() {
    circuit_is_read_or_refused("circuit_config.json", "circuit_config.json", None);
}

#[test]
fn damaged_simulation_configurations_are_read_or_refused() {
    circuit_is_read_or_refused("simulation_config.json", "simulation_config.json", None);
}

#[test]
fn damaged_node_sets_are_read_or_refused() {
    let dir = scratch();
    circuit(dir.path());
    let text = std::fs::read_to_string(dir.path().join("c/node_sets.json")).unwrap();
    let sets: serde_json::Value = serde_json::from_str(&text).unwrap();
    let name = sets.as_object().unwrap().keys().next().unwrap().clone();
    circuit_is_read_or_refused("node_sets.json", "circuit_config.json", Some(&name));
}

#[test]
fn damaged_cell_templates_are_read_or_refused() {
    let dir = scratch();
    circuit(dir.path());
    let folder = dir.path().join("c/components/hoc");
    let name = crate::support::names_in(&folder).remove(0);
    let template = name.strip_suffix(".hoc").unwrap();
    let valid = std::fs::read(folder.join(&name)).unwrap();
    tried(300, &valid, &name, text, |path| hoc::read(path, template, None).map(drop));
}

#[test]
fn damaged_probes_are_read_or_refused() {
    let dir = scratch();
    let csv = golden().join("input/electrodes/np8.csv");
    let args = ["convert", csv.to_str().unwrap(), "-o", "p.json", "--to", "probeinterface", "--quiet"];
    leadfield_in(dir.path(), &args).ok();
    let valid = std::fs::read(dir.path().join("p.json")).unwrap();
    tried(400, &valid, "probe.json", text, |path| electrodes::read(path).map(drop));
}

#[test]
fn damaged_pickles_are_read_or_refused() {
    let valid = std::fs::read(crate::support::root().join("datasets/pickles/pandas-1.5-blocks-5.pkl")).unwrap();
    // a pickle may refer to its values repeatedly: the reader allows 64 times the file
    let bound = |length: u64| BASE + 1000 * length;
    tried(500, &valid, "p.pkl", bound, |path| bluerecording::read(path).map(drop));
}

#[test]
fn damaged_columns_are_read_or_refused() {
    let dir = scratch();
    crate::malformed::electrodes_file::write_valid_file(&dir.path().join("w.h5"));
    for name in ["w.arrow", "w.parquet"] {
        leadfield_in(dir.path(), &["convert", "w.h5", "-o", name, "--quiet"]).ok();
        let valid = std::fs::read(dir.path().join(name)).unwrap();
        let read = |path: &Path| -> Result<()> {
            let columns = ColumnarFile::open(path)?;
            let mut rows = 0;
            columns.for_each_batch(&mut |batch| {
                rows += batch.num_rows();
                Ok(())
            })
        };
        // a compressed block states its size in 31 or 63 bits; it is refused if that exceeds the memory
        tried(300, &valid, name, |length| BASE + (1 << 32) + 200 * length, read);
    }
}

#[test]
fn damaged_indices_are_read_or_refused() {
    let dir = scratch();
    let mut builder = SegmentIndexBuilder::new(CoordinateWidth::Double);
    for i in 0..500_u32 {
        let x = f64::from(i) * 0.5;
        builder.push(Point::new(x, 0.0, 0.0), Point::new(x + 0.25, 1.0, 0.0), i.into());
    }
    builder.build().write(&dir.path().join("i"), 7, OverwritePolicy::Refuse).unwrap();
    let valid = std::fs::read(dir.path().join("i")).unwrap();
    let sphere = Sphere::new(Point::new(80.0, 0.0, 0.0), 30.0).unwrap();
    tried(
        500,
        &valid,
        "i.index",
        |length| BASE + 20 * length,
        |path| {
            let index = SegmentIndex::open(path, 7)?;
            for predicate in Predicate::ALL {
                index.find(&sphere, predicate);
            }
            index.nearest(Point::ORIGIN, 5);
            Ok(())
        },
    );
}

/// Returns an atlas of 4 x 4 x 4 voxels with the regions 0, 1 and 2.
fn valid_atlas() -> Vec<u8> {
    let header = "NRRD0004\ntype: int32\ndimension: 3\nspace dimension: 3\nsizes: 4 4 4\nspace directions: (100,0,0) \
                  (0,100,0) (0,0,100)\nspace origin: (0,0,0)\nendian: little\nencoding: raw\n\n";
    let ids: Vec<u8> = (0..64_i32).flat_map(|i| (i % 3).to_le_bytes()).collect();
    [header.as_bytes(), &ids].concat()
}

#[test]
fn damaged_atlases_are_read_or_refused() {
    let dir = scratch();
    let valid = valid_atlas();
    let hierarchy =
        serde_json::json!({"id": 1, "acronym": "a", "children": [{"id": 2, "acronym": "b", "children": []}]});
    std::fs::write(dir.path().join("hierarchy.json"), hierarchy.to_string()).unwrap();
    let contacts = electrodes::read(&golden().join("input/electrodes/np8.csv")).unwrap();
    mutate(500, &valid, |bytes| {
        std::fs::write(dir.path().join("brain_regions.nrrd"), bytes).unwrap();
        let read = || Atlas::open(dir.path()).and_then(|atlas| atlas.assign_regions(&mut contacts.clone()));
        let (result, allocated) = peak(read);
        prop_assert!(allocated as u64 <= text(bytes.len() as u64), "{allocated} bytes: {result:?}");
        Ok(())
    });
}

/// Bytes that the program may write to one file, in blocks of 512: far more than the outputs of these small inputs.
const FILE_BLOCKS: u32 = 200_000;

/// Runs the program in a folder with bounds on its memory, its time and the files that it writes.
fn run_bounded(dir: &Path, args: &[&str]) -> Output {
    let script =
        format!("ulimit -v {ADDRESS_SPACE_KIB}; ulimit -t {CPU_SECONDS}; ulimit -f {FILE_BLOCKS}; exec \"$0\" \"$@\"");
    let mut command = Command::new("sh");
    command.args(["-c", &script, env!("CARGO_BIN_EXE_leadfield")]).args(args).args(["--threads", "1", "--quiet"]);
    command.current_dir(dir).output().unwrap()
}

/// Asserts that a run ended by itself with a result or an error, and that with exit code 2 nothing is under the output's
/// name. Returns the exit code.
fn check_run(dir: &Path, run: &Output, output: Option<&str>) -> Result<i32, TestCaseError> {
    let text = String::from_utf8_lossy(&run.stderr).into_owned();
    prop_assert!(!text.contains("panicked"), "{text}");
    prop_assert!(run.status.signal().is_none(), "{:?}: {text}", run.status);
    let Some(code @ 0..=2) = run.status.code() else { return Err(TestCaseError::fail(format!("{run:?}"))) };
    prop_assert!(code == 0 || !text.is_empty() || !run.stdout.is_empty(), "exit code {code} without a message");
    let is_there = output.is_some_and(|name| dir.join(name).exists());
    prop_assert!(!is_there || code != 2, "an output in spite of {text}");
    Ok(code)
}

/// Damages a file and runs the program on it, in a process of its own: libhdf5 is C, and its memory is not counted here.
/// With exit code 2 nothing may be under the output's name.
fn program_reads_or_refuses(cases: u32, dir: &Path, file: &str, args: &[&str], output: Option<&str>) {
    program_gives(cases, dir, file, args, output, |_| Ok(()));
}

/// Does the same, and checks each run that ended without an error; the first is that of the sound file.
fn program_gives(
    cases: u32,
    dir: &Path,
    file: &str,
    args: &[&str],
    output: Option<&str>,
    check_result: impl Fn(&Output) -> Result<(), TestCaseError>,
) {
    let path = dir.join(file);
    let valid = std::fs::read(&path).unwrap();
    let kept = crate::support::names_in(dir);
    let clear = || {
        for name in crate::support::names_in(dir).iter().filter(|name| !kept.contains(name)) {
            let path = dir.join(name);
            if path.is_dir() { std::fs::remove_dir_all(path).unwrap() } else { std::fs::remove_file(path).unwrap() }
        }
    };
    let whole = run_bounded(dir, args);
    assert!(matches!(whole.status.code(), Some(0 | 1)), "{}", String::from_utf8_lossy(&whole.stderr));
    check_result(&whole).unwrap();
    clear();
    mutate(cases, &valid, |bytes| {
        std::fs::write(&path, bytes).unwrap();
        let run = run_bounded(dir, args);
        let checked = check_run(dir, &run, output).and_then(|code| if code == 0 { check_result(&run) } else { Ok(()) });
        clear();
        checked
    });
    std::fs::write(&path, valid).unwrap();
}

#[test]
fn damaged_h5v1_morphologies_are_read_or_refused() {
    let dir = scratch();
    circuit(dir.path());
    let morphologies = dir.path().join("c/components/morphologies/h5v1");
    let file = format!("c/components/morphologies/h5v1/{}", crate::support::names_in(&morphologies)[0]);
    let args = ["positions", "c/circuit_config_h5.json", "-o", "s.parquet"];
    program_reads_or_refuses(40, dir.path(), &file, &args, Some("s.parquet"));
}

#[test]
fn damaged_nodes_are_read_or_refused() {
    let dir = scratch();
    circuit(dir.path());
    let args = ["positions", "c/circuit_config.json", "-o", "s.parquet"];
    program_reads_or_refuses(40, dir.path(), "c/networks/nodes/neurons/nodes.h5", &args, Some("s.parquet"));
}

#[test]
fn damaged_reports_are_read_or_refused() {
    let dir = scratch();
    circuit(dir.path());
    let positions = ["positions", "c/simulation_config.json", "-o", "s.parquet"];
    program_reads_or_refuses(30, dir.path(), "c/output/compartment.h5", &positions, Some("s.parquet"));
    let convert = ["convert", "c/output/compartment.h5", "-o", "r.parquet"];
    program_reads_or_refuses(30, dir.path(), "c/output/compartment.h5", &convert, Some("r.parquet"));
}

#[test]
fn damaged_lead_fields_are_read_or_refused() {
    let dir = scratch();
    circuit(dir.path());
    leadfield_in(dir.path(), &["positions", "c/circuit_config.json", "-o", "s.parquet", "--quiet"]).ok();
    let field = hdf5::Hdf5File::create(&dir.path().join("f.h5")).unwrap();
    field.create_group("/axes").unwrap();
    for axis in ["/axes/x", "/axes/y", "/axes/z"] {
        field.write_dataset(axis, &[-1.0e-2_f64, 0.0, 1.0e-2], &[3]).unwrap();
        field.write_string_attribute(axis, "units", "m").unwrap();
    }
    field.write_dataset("/potential", &[0.5_f64; 27], &[3, 3, 3]).unwrap();
    field.write_string_attribute("/potential", "units", "V").unwrap();
    field.write_dataset("/current", &[1.0_f64], &[]).unwrap();
    field.write_string_attribute("/current", "units", "nA").unwrap();
    field.close().unwrap();
    std::fs::write(dir.path().join("e.csv"), "name,x,y,z,layer,region,type\na,0,0,0,L1,S1,Reciprocity\n").unwrap();
    let args = ["weights", "s.parquet", "e.csv", "--fields", "f.h5", "-o", "w.h5"];
    program_reads_or_refuses(40, dir.path(), "f.h5", &args, Some("w.h5"));
}

#[test]
fn damaged_electrodes_files_are_converted_or_refused() {
    let dir = scratch();
    crate::malformed::electrodes_file::write_valid_file(&dir.path().join("w.h5"));
    program_reads_or_refuses(30, dir.path(), "w.h5", &["convert", "w.h5", "-o", "w.csv"], Some("w.csv"));
    program_reads_or_refuses(20, dir.path(), "w.h5", &["info", "w.h5"], None);
}
