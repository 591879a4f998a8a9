//! Compares `validate weights` on two files of 1 GB with reading them with `cat`: wall and CPU time, and peak memory.
//!
//! Input: three electrodes files of `MB` (default 1000) million bytes each, 384 contacts, random weights: one, an equal
//! one, and one that differs by rounding; created once, below `target/` (or `LEADFIELD_BENCH_FILES`), and not removed.
//! All are read once in advance, so that they are in the page cache if it is large enough. Bound: the system's copy
//! from the page cache, then the comparison, about one ns per pair if pairs differ. Rounds alternate; the best of each
//! is printed.
//!
//! `cargo bench --bench validate`

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use leadfield::geometry::Point;
use leadfield::io::atomic_output::OverwritePolicy;
use leadfield::sonata::electrodes_file::{ContactLayout, FileLayout, PopulationLayout, Writer};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

const CONTACTS: usize = 384;
/// Number of segments per neuron.
const SEGMENTS: u64 = 256;
const ROUNDS: u32 = 7;

fn main() {
    // `cargo test` also runs benches with `harness = false`; only `cargo bench` passes `--bench`
    if !std::env::args().any(|a| a == "--bench") {
        return;
    }
    let mb: u64 = std::env::var("MB").ok().and_then(|v| v.parse().ok()).unwrap_or(1000);
    let folder = std::env::var_os("LEADFIELD_BENCH_FILES")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench-validate"), PathBuf::from);
    std::fs::create_dir_all(&folder).unwrap();
    let neurons = mb * 1_000_000 / (SEGMENTS * CONTACTS as u64 * 8);
    let files = [("a", 0.0), ("equal", 0.0), ("rounded", 1e-15)].map(|(name, noise)| {
        let path = folder.join(format!("{name}-{mb}.h5"));
        if !path.exists() {
            write(&path, neurons, noise);
        }
        path
    });
    let [a, equal, rounded] = &files;
    println!("{:<34} {:>8} {:>8} {:>8} {:>8}", "two files, best of 7 rounds", "wall s", "user s", "system s", "MB");
    let leadfield = env!("CARGO_BIN_EXE_leadfield");
    let validate = |other: &Path| {
        let mut command = Command::new(leadfield);
        command.args(["validate", "weights", "--quiet"]).args([a.as_path(), other]);
        command
    };
    let cat = || {
        let mut command = Command::new("cat");
        command.args([a, equal]);
        command
    };
    let mut best = [[f64::INFINITY; 4]; 4];
    for _ in 0..ROUNDS {
        let mut single = validate(rounded);
        single.args(["--threads", "1"]);
        let commands = [cat(), validate(equal), validate(rounded), single];
        for (best, command) in best.iter_mut().zip(commands) {
            let found = timed(command);
            best.iter_mut().zip(found).for_each(|(best, found)| *best = best.min(found));
        }
    }
    let names = ["cat", "validate weights, equal", "validate weights, by rounding", "the same, one thread"];
    for (name, [wall, user, system, mb]) in names.iter().zip(best) {
        let speed = best[0][0] / wall;
        println!("{name:<34} {wall:>8.2} {user:>8.2} {system:>8.2} {mb:>8.0}  {speed:.2} of the speed of cat");
    }
}

/// Writes an electrodes file of random weights, which are equal for any `noise` except for the noise itself.
fn write(path: &Path, neurons: u64, noise: f64) {
    let electrode = |i: usize| ContactLayout {
        name: i.to_string(),
        position_um: Point::new(i as f64, 0.0, 0.0),
        kind: "LineSource".into(),
        layer: "NA".into(),
        region: "NA".into(),
        settings: Vec::new(),
        units: None,
    };
    let population = PopulationLayout {
        name: "neurons".into(),
        node_ids: (0..neurons).collect(),
        offsets: (0..=neurons).map(|i| i * SEGMENTS).collect(),
        provenance: Vec::new(),
    };
    let layout = FileLayout {
        electrodes: (0..CONTACTS).map(electrode).collect(),
        populations: vec![population],
        provenance: Vec::new(),
    };
    let writer = Writer::create(path, OverwritePolicy::Replace, &layout).unwrap();
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let mut other = ChaCha8Rng::seed_from_u64(8);
    for neuron in 0..neurons {
        let mut value = || random.random_range(1e-12..1e-4) * (1.0 + noise * other.random_range(-1.0..1.0));
        let values: Vec<f64> = (0..SEGMENTS as usize * CONTACTS).map(|_| value()).collect();
        writer.write_rows(0, neuron * SEGMENTS, &values).unwrap();
    }
    writer.commit().unwrap();
}

/// Returns wall, user and system time of a command, s, and its peak memory, MB.
fn timed(command: Command) -> [f64; 4] {
    let mut timed = Command::new("/usr/bin/time");
    timed.args(["-f", "%U %S %M"]).arg(command.get_program()).args(command.get_args());
    let start = Instant::now();
    let output = timed.stdout(Stdio::null()).stderr(Stdio::piped()).output().unwrap();
    let wall = start.elapsed().as_secs_f64();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{text}");
    let numbers: Vec<f64> = text.split_whitespace().map(|n| n.parse().unwrap()).collect();
    [wall, numbers[0], numbers[1], numbers[2] / 1024.0]
}
