//! Measures reading morphologies, and creating segments without a simulator: CPU time per neuron, and MB/s per core.
//!
//! Input: `CELLS` (default 10,000) synthesized neurons with as many morphologies, each about 54 KB of ASC and 48 KB of
//! SWC, in the page cache. Bound: parsing the text; every morphology is read once. CPU time is that of the whole
//! process (user and system), from `/proc`. `LEADFIELD_REAL_DATA` adds real files.
//!
//! `cargo bench --bench morphology`

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use leadfield::morphology::{MorphologyFormat, read};

/// CPU time per neuron of BlueRecording's successor on the machine where it was measured (see docs/benchmarks.md).
const SUCCESSOR_NEURON_S: f64 = 0.17;

fn main() {
    // `cargo test` also runs benches with `harness = false`; only `cargo bench` passes `--bench`
    if !std::env::args().any(|a| a == "--bench") {
        return;
    }
    let cells: u32 = std::env::var("CELLS").ok().and_then(|v| v.parse().ok()).unwrap_or(10_000);
    let folder = std::env::temp_dir().join(format!("leadfield-morphology-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    run(&folder, cells);
    std::fs::remove_dir_all(&folder).unwrap();
    if let Some(real) = std::env::var_os("LEADFIELD_REAL_DATA") {
        let files = files_in(&PathBuf::from(real).join("circuit/components/morphologies/ascii"));
        parse("real ASC", &files, MorphologyFormat::Asc, 20);
    }
}

fn run(folder: &Path, cells: u32) {
    let n = cells.to_string();
    tool(folder, &["synthesize", "c", "--cells", &n, "--morphologies", &n]);
    for (what, subfolder, format) in [
        ("ASC", "ascii", MorphologyFormat::Asc),
        ("SWC", "swc", MorphologyFormat::Swc),
        ("h5v1", "h5v1", MorphologyFormat::H5v1),
    ] {
        let files = files_in(&folder.join("c/components/morphologies").join(subfolder));
        parse(what, &files[..files.len().min(2000)], format, 2);
    }
    println!("{:<24} {:>9} {:>9}", "", "wall s", "ms CPU per neuron");
    for (what, suffix) in [("positions, ASC", "_asc"), ("positions, SWC", ""), ("positions, container", "_container")] {
        let config = format!("c/circuit_config{suffix}.json");
        let (wall, cpu) = tool(folder, &["positions", &config, "-o", "s.parquet", "--force"]);
        let each = cpu / f64::from(cells);
        println!("{what:<24} {wall:>9.2} {:>9.3}  {:.0} times less than 0.17 s", 1e3 * each, SUCCESSOR_NEURON_S / each);
    }
}

/// Reads files on this thread several times, and prints the best rate.
fn parse(what: &str, files: &[PathBuf], format: MorphologyFormat, times: u32) {
    let bytes: u64 = files.iter().map(|f| f.metadata().unwrap().len()).sum();
    let once = || {
        let started = Instant::now();
        files.iter().for_each(|f| drop(std::hint::black_box(read(f, format).unwrap())));
        started.elapsed().as_secs_f64()
    };
    let best = (0..=times).map(|_| once()).fold(f64::INFINITY, f64::min);
    let rate = bytes as f64 / 1e6 / best;
    println!(
        "{what:<10} {rate:>7.1} MB/s per core ({} files of {:.0} KB)",
        files.len(),
        bytes as f64 / 1e3 / files.len() as f64
    );
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    files
}

/// Runs a tool; returns its wall and CPU time, s.
fn tool(folder: &Path, args: &[&str]) -> (f64, f64) {
    let (started, before) = (Instant::now(), children_cpu_s());
    let status = Command::new(env!("CARGO_BIN_EXE_leadfield")).current_dir(folder).args(args).arg("--quiet").status();
    assert!(status.unwrap().success(), "{args:?}");
    (started.elapsed().as_secs_f64(), children_cpu_s() - before)
}

/// User and system time of all ended children, from `/proc/self/stat` (fields 16 and 17, in clock ticks of 10 ms).
fn children_cpu_s() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let after_name = stat.rsplit_once(") ").unwrap().1;
    let ticks = |field: usize| after_name.split(' ').nth(field - 3).unwrap().parse::<f64>().unwrap();
    (ticks(16) + ticks(17)) / 100.0
}
