//! The main road, end to end, as a user runs it: synthesize, positions, weights of 384 line-source contacts.
//!
//! Input: 1000 synthesized neurons (about 270,000 segments; `CELLS=n` for another number). What bounds it: `weights`
//! writes 8 bytes a pair, so a plain write of the same bytes is timed beside it. CPU time is that of the whole process
//! (user and system), from `/proc`; wall time depends on the disk.
//!
//! `cargo bench --bench main_road`

use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

/// What peers cost on the machine where they were measured, CPU time, one thread (docs/benchmarks.md tells of it).
const ORIGINAL_POSITIONS_S: f64 = 0.117;
const ORIGINAL_PAIR_NS: f64 = 190_000.0;
const SUCCESSOR_PAIR_NS: f64 = 190.0;

fn main() {
    // cargo test also runs benches with harness = false; only `cargo bench` passes --bench
    if !std::env::args().any(|a| a == "--bench") {
        return;
    }
    let cells: u64 = std::env::var("CELLS").ok().and_then(|v| v.parse().ok()).unwrap_or(1000);
    let folder = std::env::temp_dir().join(format!("leadfield-main-road-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    run(&folder, cells);
    std::fs::remove_dir_all(&folder).unwrap();
}

fn run(folder: &Path, cells: u64) {
    let (n, contacts) = (cells.to_string(), 384);
    std::fs::write(folder.join("probe.csv"), probe(contacts)).unwrap();
    println!("{cells} neurons, {contacts} LineSource contacts");
    println!("{:<12} {:>9} {:>9}", "", "wall s", "CPU s");
    tool(folder, &["synthesize", "circuit", "--cells", &n, "--with-report"]);
    let positions = tool(folder, &["positions", "circuit/simulation_config.json", "-o", "segments.parquet"]);
    let weights = tool(folder, &["weights", "segments.parquet", "probe.csv", "-o", "weights.h5"]);
    let bytes = std::fs::metadata(folder.join("weights.h5")).unwrap().len();
    let pairs = bytes as f64 / 8.0;
    let plain = plain_write(&folder.join("plain"), bytes);
    println!("{:<12} {plain:>9.2}            (the same bytes, written and synced)", "plain write");
    println!("positions: {:.3} ms CPU a neuron", 1e3 * positions / cells as f64);
    println!("           {:.0} times less than the original's {ORIGINAL_POSITIONS_S} s", {
        ORIGINAL_POSITIONS_S * cells as f64 / positions
    });
    let pair_ns = 1e9 * weights / pairs;
    println!("weights:   {pair_ns:.2} ns CPU a pair of {:.1} M pairs", pairs / 1e6);
    println!("           {:.0} times less than the original's 190 us", ORIGINAL_PAIR_NS / pair_ns);
    println!("           {:.0} times less than its successor's 190 ns", SUCCESSOR_PAIR_NS / pair_ns);
}

/// Runs a tool, prints its times, gives its CPU seconds.
fn tool(folder: &Path, args: &[&str]) -> f64 {
    let (started, before) = (Instant::now(), children_cpu_s());
    let mut command = Command::new(env!("CARGO_BIN_EXE_leadfield"));
    let status = command.current_dir(folder).args(args).arg("--quiet").stdout(std::process::Stdio::null()).status();
    assert!(status.unwrap().success(), "{args:?}");
    let cpu = children_cpu_s() - before;
    println!("{:<12} {:>9.2} {cpu:>9.2}", args[0], started.elapsed().as_secs_f64());
    cpu
}

/// User and system time of all ended children, from `/proc/self/stat` (fields 16 and 17, in clock ticks of 10 ms).
fn children_cpu_s() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let after_name = stat.rsplit_once(") ").unwrap().1;
    let ticks = |field: usize| after_name.split(' ').nth(field - 3).unwrap().parse::<f64>().unwrap();
    (ticks(16) + ticks(17)) / 100.0
}

/// Writes as many bytes and syncs; gives wall seconds.
fn plain_write(path: &Path, bytes: u64) -> f64 {
    let block = vec![0x3f_u8; 8 << 20];
    let started = Instant::now();
    let mut file = std::fs::File::create(path).unwrap();
    let mut left = bytes;
    while left > 0 {
        let n = left.min(block.len() as u64);
        file.write_all(&block[..n as usize]).unwrap();
        left -= n;
    }
    file.sync_all().unwrap();
    started.elapsed().as_secs_f64()
}

/// A line of contacts along y, 20 um apart, two staggered columns, as CSV.
fn probe(contacts: usize) -> String {
    let row = |i: usize| {
        let (x, y) = (-24.0 + 16.0 * (i % 4) as f64, -1920.0 + 20.0 * (i / 2) as f64);
        format!("c{i},{x},{y},5.0,NA,NA,LineSource\n")
    };
    "name,x,y,z,layer,region,type\n".to_string() + &(0..contacts).map(row).collect::<String>()
}
