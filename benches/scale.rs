//! Measures how time and memory grow with the number of neurons, and whether `--dry-run` predicts them.
//!
//! Input: synthesized circuits of 3,000 and 30,000 neurons (0.8 and 8.0 million segments) for time, of 3,770 and 37,700
//! (1.0 and 10 million) for memory, each with a report; 16 LineSource contacts. Signals are those of the largest circuit in
//! 100 and 1000 frames, whose currents are a hole of the file. Bound: time grows with the segments,
//! memory with the part. CPU time is that of the whole process (user and system), the minimum of three; memory is the
//! peak memory of the process (`VmHWM`). Both are Linux's, from `/proc`. `LEADFIELD_BENCH_DIVISOR` divides the numbers of
//! neurons, for a trial.
//!
//! `cargo bench --bench scale`

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use leadfield::io::hdf5::Hdf5File;

/// Number of contacts.
const CONTACTS: usize = 16;
/// Options of runs in small parts.
const SMALL_PARTS: [&str; 2] = ["--segments-per-part", "500000"];

fn main() {
    // `cargo test` also runs benches with `harness = false`; only `cargo bench` passes `--bench`
    if !std::env::args().any(|a| a == "--bench") {
        return;
    }
    let folder = std::env::temp_dir().join(format!("leadfield-scale-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let row = |i: usize| format!("c{i},{},{},5.0\n", 20 * (i % 4), -700 + 100 * i as i64);
    let csv = "name,x,y,z\n".to_string() + &(0..CONTACTS).map(row).collect::<String>();
    std::fs::write(folder.join("probe.csv"), csv).unwrap();
    time(&folder);
    memory(&folder);
    signals(&folder);
    std::fs::remove_dir_all(&folder).unwrap();
}

/// Returns the number by which circuits are smaller than stated.
fn divisor() -> i32 {
    std::env::var("LEADFIELD_BENCH_DIVISOR").ok().and_then(|text| text.parse().ok()).unwrap_or(1)
}

/// How positions are computed: by the report, or by the rule of the templates.
const WAYS: [(&str, &str); 2] = [("report", "simulation_config.json"), ("rule", "circuit_config.json")];

fn time(folder: &Path) {
    println!("{:<22} {:>9} {:>9} {:>9} {:>12} {:>9}", "", "neurons", "wall s", "CPU s", "us per neuron", "MB");
    let mut each = Vec::new();
    for cells in [3000, 30_000].map(|cells| cells / divisor()) {
        let mut results = Vec::new();
        let mut report = |name: &str, cost: Cost| {
            let us = 1e6 * cost.cpu_s / f64::from(cells);
            println!(
                "{name:<22} {cells:>9} {:>9.2} {:>9.2} {us:>12.0} {:>9.0}",
                cost.wall_s,
                cost.cpu_s,
                cost.bytes as f64 / 1e6
            );
            results.push((name.to_string(), us, cost.wall_s));
        };
        report("synthesize", synthesize(folder, cells));
        for (way, config) in WAYS {
            let config = format!("c/{config}");
            report(&format!("positions by {way}"), least(folder, &["positions", &config, "-o", "t", "--force"]));
        }
        report("weights", least(folder, &["weights", "t", "probe.csv", "-o", "w.h5", "--force"]));
        each.push(results);
    }
    for (few, many) in each[0].iter().zip(&each[1]).skip(1) {
        println!("{:<22} {:.2} times as long per neuron with ten times as many", few.0, many.1 / few.1);
    }
    // positions are computed only once
    let end_to_end: f64 = [0, 1, 3].iter().map(|&i| each[1][i].2).sum();
    println!("30,000 neurons, end to end: {end_to_end:.1} s wall");
}

fn memory(folder: &Path) {
    println!("\n{:<38} {:>13} {:>13}", "peak memory, MB", "3770 neurons", "37,700");
    let mut rows: Vec<(String, Vec<u64>)> = Vec::new();
    let mut dry_runs = Vec::new();
    for cells in [3770, 37_700].map(|cells| cells / divisor()) {
        synthesize(folder, cells);
        let mut row = 0;
        let mut run = |name: String, args: &[&str]| {
            dry_runs.push(dry_run(folder, &name, args));
            let cost = measured(folder, &[args, &["--force"]].concat());
            if rows.len() == row {
                rows.push((name, Vec::new()));
            }
            rows[row].1.push(cost.bytes);
            row += 1;
            dry_runs.last_mut().unwrap().found(&cost, folder);
        };
        for (parts, options) in [("500,000", &SMALL_PARTS[..]), ("the default", &[])] {
            for (way, config) in WAYS {
                let config = format!("c/{config}");
                let args = [&["positions", &config, "-o", "t"], options].concat();
                run(format!("positions by {way}, parts of {parts}"), &args);
            }
            run(format!("weights, parts of {parts}"), &["weights", "t", "probe.csv", "-o", "w.h5"]);
        }
    }
    for (name, bytes) in rows {
        let more = 100.0 * (bytes[1] as f64 / bytes[0] as f64 - 1.0);
        println!("{name:<38} {:>13.0} {:>13.0}  {more:+.0} %", bytes[0] as f64 / 1e6, bytes[1] as f64 / 1e6);
    }
    println!("\n{:<38} {:>22} {:>22} {:>18}", "--dry-run: estimated / found", "bytes", "memory, MB", "wall s");
    dry_runs.iter().for_each(DryRun::print);
}

/// Prints the cost of signals with computed weights, of the circuit that [`memory`] leaves.
fn signals(folder: &Path) {
    println!("\n{:<38} {:>9} {:>9} {:>9} {:>9}", "signals of 37,700 neurons", "report GB", "wall s", "CPU s", "MB");
    for frames in [100, 1000] {
        let bytes = write_hole(&folder.join("c/output/compartment.h5"), &folder.join("hole.h5"), frames);
        let cost = measured(
            folder,
            &["signals", "hole.h5", "--segments", "t", "--electrodes", "probe.csv", "-o", "s.npy", "--force"],
        );
        let (name, report_gb, peak_mb) = (format!("{frames} frames"), bytes as f64 / 1e9, cost.bytes as f64 / 1e6);
        println!("{name:<38} {report_gb:>9.1} {:>9.1} {:>9.1} {peak_mb:>9.0}", cost.wall_s, cost.cpu_s);
    }
}

/// Writes a report with the nodes and elements of another one and many frames, whose values take no space on the disk and
/// are 0; returns the size of the values.
fn write_hole(from: &Path, to: &Path, frames: usize) -> u64 {
    let (source, report) = (Hdf5File::open(from).unwrap(), Hdf5File::create(to).unwrap());
    let mapping = |name: &str| format!("/report/neurons/mapping/{name}");
    report.create_group("/report/neurons/mapping").unwrap();
    for name in ["node_ids", "index_pointers"] {
        let numbers = source.read_unsigned(&mapping(name)).unwrap();
        report.write_dataset(&mapping(name), &numbers, &[numbers.len()]).unwrap();
    }
    let ids = source.read_u32(&mapping("element_ids")).unwrap();
    report.write_dataset(&mapping("element_ids"), &ids, &[ids.len()]).unwrap();
    report.write_dataset(&mapping("time"), &[0.0, 0.1 * frames as f64, 0.1], &[3]).unwrap();
    report.allocate_dataset::<f32>("/report/neurons/data", &[frames, ids.len()]).unwrap();
    report.close().unwrap();
    (frames * ids.len() * size_of::<f32>()) as u64
}

/// Estimates of a dry run, and the cost of the run.
struct DryRun {
    name: String,
    size: String,
    memory: String,
    time: String,
    is_table: bool,
    found: Option<(u64, Cost)>,
}

fn dry_run(folder: &Path, name: &str, args: &[&str]) -> DryRun {
    let command = command(folder, args).arg("--dry-run").stdout(Stdio::piped()).output().unwrap();
    let text = String::from_utf8(command.stdout).unwrap();
    let fact = |name: &str| text.lines().find_map(|l| l.strip_prefix(name)).unwrap_or("?").trim().to_string();
    let (size, memory, time) = (fact("size "), fact("memory "), fact("time "));
    DryRun { name: name.into(), size, memory, time, is_table: args[0] == "positions", found: None }
}

impl DryRun {
    fn found(&mut self, cost: &Cost, folder: &Path) {
        let table = || std::fs::read_dir(folder.join("t")).unwrap();
        let bytes = match self.is_table {
            true => table().map(|part| part.unwrap().metadata().unwrap().len()).sum(),
            false => std::fs::metadata(folder.join("w.h5")).unwrap().len(),
        };
        self.found = Some((bytes, *cost));
    }

    fn print(&self) {
        let Some((bytes, cost)) = &self.found else { return };
        let size = format!("{} / {bytes}", self.size);
        let memory = format!("{} / {:.0}", self.memory, cost.bytes as f64 / 1e6);
        println!("{:<38} {size:>44} {memory:>22} {:>14} / {:.1}", self.name, self.time, cost.wall_s);
    }
}

/// Cost of a run.
#[derive(Clone, Copy)]
struct Cost {
    wall_s: f64,
    cpu_s: f64,
    /// Peak memory, bytes.
    bytes: u64,
}

fn synthesize(folder: &Path, cells: i32) -> Cost {
    measured(folder, &["synthesize", "c", "--cells", &cells.to_string(), "--with-report", "--force"])
}

/// Returns the run of three with the smallest CPU time.
fn least(folder: &Path, args: &[&str]) -> Cost {
    let runs = (0..3).map(|_| measured(folder, args));
    runs.min_by(|a, b| a.cpu_s.total_cmp(&b.cpu_s)).unwrap()
}

fn command(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_leadfield"));
    command.current_dir(folder).args(args).arg("--quiet").stdout(Stdio::null());
    command
}

/// Runs the program, and polls its memory until it ends.
fn measured(folder: &Path, args: &[&str]) -> Cost {
    let (started, before) = (Instant::now(), children_cpu_s());
    let mut child = command(folder, args).spawn().unwrap();
    let (status, mut bytes) = (format!("/proc/{}/status", child.id()), 0);
    let code = loop {
        bytes = bytes.max(peak(&status));
        match child.try_wait().unwrap() {
            Some(code) => break code,
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    };
    assert!(code.success(), "{args:?}");
    Cost { wall_s: started.elapsed().as_secs_f64(), cpu_s: children_cpu_s() - before, bytes }
}

/// Returns the peak memory so far, bytes; 0 if the system does not state it.
fn peak(status: &str) -> u64 {
    let text = std::fs::read_to_string(status).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|rest| rest.trim().strip_suffix(" kB")?.parse::<u64>().ok()).map_or(0, |kib| kib << 10)
}

/// User and system time of all ended children, from `/proc/self/stat` (fields 16 and 17, in clock ticks of 10 ms).
fn children_cpu_s() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let after_name = stat.rsplit_once(") ").unwrap().1;
    let ticks = |field: usize| after_name.split(' ').nth(field - 3).unwrap().parse::<f64>().unwrap();
    (ticks(16) + ticks(17)) / 100.0
}
