//! Files that are damaged at random: no reader panics, and none asks for more memory than its bound.
//!
//! Each file is a sound one with a few bytes flipped, written over, cut off, repeated or replaced by a number. The
//! bounds are stated with each test. Runs repeat: the generator starts from a fixed seed (`LEADFIELD_MUTATIONS=N` asks
//! for N cases from other seeds), and what once failed is kept in `tests/mutations.seeds` and tried first.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;

use leadfield::morphology::Format;
use leadfield::table::Table;
use leadfield::{Result, electrode, morphology};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{FileFailurePersistence, RngAlgorithm, TestRng, TestRunner};

use crate::support::allocation::peak;
use crate::support::{golden, leadfield_in, scratch};

/// What readers may allocate beyond a multiple of the file: buffers, messages.
const BASE: u64 = 1 << 20;

/// One damage, at a place that is a share of the file's length.
#[derive(Debug, Clone)]
enum Mutation {
    Flip(Index, u8),
    Write(Index, Vec<u8>),
    Cut(Index),
    Repeat(Index, usize, usize),
    /// A number, or another word that formats know, in place of some bytes.
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

fn mutated(sound: &[u8], mutations: &[Mutation]) -> Vec<u8> {
    let mut bytes = sound.to_vec();
    for mutation in mutations.iter().filter(|_| !sound.is_empty()) {
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

/// Tries a reader on many damaged files. `bound` gives the most bytes that it may allocate for a file of a length.
fn tried(cases: u32, sound: &[u8], name: &str, bound: impl Fn(u64) -> u64, read: impl Fn(&Path) -> Result<()>) {
    let dir = scratch();
    let path = dir.path().join(name);
    mutate(cases, sound, |bytes| {
        std::fs::write(&path, bytes).unwrap();
        let (result, allocated) = peak(|| read(&path));
        let most = bound(bytes.len() as u64);
        prop_assert!(allocated as u64 <= most, "{allocated} bytes for a file of {}: {result:?}", bytes.len());
        Ok(())
    });
}

fn mutate(cases: u32, sound: &[u8], test: impl Fn(&[u8]) -> Result<(), TestCaseError>) {
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
    let result = runner.run(&prop::collection::vec(mutation(), 1..6), |m| test(&mutated(sound, &m)));
    result.unwrap_or_else(|e| panic!("{e}"));
}

/// Text becomes points of 24 to 100 bytes, errors and messages: 200 bytes a byte of text.
fn text(length: u64) -> u64 {
    BASE + 200 * length
}

#[test]
fn damaged_swc_files_are_read_or_refused() {
    let sound = std::fs::read(golden().join("input/circuit/components/morphologies/swc/syn_IN_far_11.swc")).unwrap();
    tried(600, &sound, "m.swc", text, |path| morphology::read(path, Format::Swc).map(drop));
}

#[test]
fn damaged_asc_files_are_read_or_refused() {
    let points = |x: f64| (0..12).map(|i| format!("    ({x} {i}.5 -2.25 1.5)\n")).collect::<String>();
    let branch = |kind: &str, x: f64| {
        let (own, left, right) = (points(x), points(x + 1.0), points(x - 1.0));
        format!("( (Color Red)\n  ({kind})\n{own}    (\n{left}    |\n{right}    )\n)\n")
    };
    let soma = "(\"Cell Body\"\n  (CellBody)\n  (0 0 0 1)\n  (1 0 0 1)\n  (1 1 0 1)\n)\n";
    let sound =
        format!("; made up\n{soma}{}{}{}", branch("Axon", 5.0), branch("Dendrite", 9.0), branch("Apical", 20.0));
    let dir = scratch();
    std::fs::write(dir.path().join("m.asc"), &sound).unwrap();
    morphology::read(&dir.path().join("m.asc"), Format::Asc).unwrap();
    tried(600, sound.as_bytes(), "m.asc", text, |path| morphology::read(path, Format::Asc).map(drop));
}

#[test]
fn damaged_electrode_tables_are_read_or_refused() {
    let sound = std::fs::read(golden().join("input/electrodes/e6.csv")).unwrap();
    tried(600, &sound, "e.csv", text, |path| electrode::read(path).map(drop));
}

#[test]
fn damaged_electrode_lists_are_read_or_refused() {
    let contact = |i: u32| {
        format!(
            "  {{\"name\": \"e{i}\", \"x\": {i}.5, \"y\": -1e3, \"z\": 0, \"type\": \"LineSource\", \"layer\": \"L1\"}}"
        )
    };
    let sound = format!("[\n{}\n]\n", (0..20).map(contact).collect::<Vec<_>>().join(",\n"));
    tried(600, sound.as_bytes(), "e.json", text, |path| electrode::read(path).map(drop));
}

#[test]
fn damaged_segment_tables_are_read_or_refused() {
    let dir = scratch();
    let config = golden().join("input/circuit/simulation_config.json");
    leadfield_in(dir.path(), &["positions", config.to_str().unwrap(), "-o", "s.parquet", "--quiet"]).ok();
    let sound = std::fs::read(dir.path().join("s.parquet")).unwrap();
    let read = |path: &Path| -> Result<()> {
        let table = Table::open(path)?;
        table.neurons()?;
        table.parts().iter().try_for_each(|part| part.read_by_row().map(drop))
    };
    // a page says how large it is when it is decoded, in 31 bits: one page of 2 GiB, and as much while it is decoded
    tried(400, &sound, "t.parquet", |length| BASE + (1 << 32) + 200 * length, read);
}

/// Address space of the program, KiB: its code, threads and libraries take about a tenth.
const ADDRESS_SPACE_KIB: u64 = 4 << 20;

/// CPU seconds after which the program is stopped: the case has failed then. It ends by itself where the HDF5 library does
/// not come back within 5.
const CPU_SECONDS: u32 = 60;

#[test]
fn damaged_hdf5_files_are_examined_or_refused() {
    let dir = scratch();
    let path = dir.path().join("w.h5");
    crate::malformed::electrodes_file::sound(&path);
    let sound = std::fs::read(&path).unwrap();
    // in a process of its own: the library is C, and its memory is not counted here
    mutate(150, &sound, |bytes| {
        std::fs::write(&path, bytes).unwrap();
        let script = format!("ulimit -v {ADDRESS_SPACE_KIB}; ulimit -t {CPU_SECONDS}; exec \"$0\" \"$@\"");
        let run = Command::new("sh")
            .args(["-c", &script, env!("CARGO_BIN_EXE_leadfield")])
            .args(["validate", "electrodes-file", "w.h5", "--threads", "1", "--quiet"])
            .current_dir(dir.path())
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&run.stderr).into_owned();
        prop_assert!(!told.contains("panicked"), "{told}");
        prop_assert!(run.status.signal().is_none(), "{:?}: {told}", run.status);
        prop_assert!(matches!(run.status.code(), Some(0..=2)), "{:?}: {told}", run.status);
        Ok(())
    });
}
