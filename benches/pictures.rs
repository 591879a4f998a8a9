//! Measures pictures and reports as a user creates them: whole processes, wall and CPU time, peak memory, size of the
//! output.
//!
//! Input: 4000 synthesized neurons (about 1.06 million segments; `CELLS=n` for another number) and 384 LineSource
//! contacts, a file of 3.3 GB that is created once, in `PICTURES_FOLDER` (default: a temporary folder that is removed
//! at the end; a named one is not). Bound: a picture reads the table and one weight per segment drawn, a report all
//! weights; so a plain read of the electrodes file with the same number of threads is timed for comparison. The page
//! cache is warm if the machine's memory is large enough for the file. Each is run three times; the smallest wall time
//! is printed, with its CPU time.
//!
//! `cargo bench --bench pictures`

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rayon::prelude::*;

fn main() {
    // `cargo test` also runs benches with `harness = false`; only `cargo bench` passes `--bench`
    if !std::env::args().any(|a| a == "--bench") {
        return;
    }
    let cells = std::env::var("CELLS").unwrap_or_else(|_| "4000".into());
    let named = std::env::var_os("PICTURES_FOLDER").map(PathBuf::from);
    let own = std::env::temp_dir().join(format!("leadfield-pictures-{}", std::process::id()));
    let folder = named.clone().unwrap_or(own);
    std::fs::create_dir_all(&folder).unwrap();
    make(&folder, &cells);
    measure(&folder);
    if named.is_none() {
        std::fs::remove_dir_all(&folder).unwrap();
    }
}

/// Creates the inputs that do not exist.
fn make(folder: &Path, cells: &str) {
    let missing = |name: &str| !folder.join(name).exists();
    if missing("segments.parquet") {
        run(folder, &["synthesize", "circuit", "--cells", cells, "--with-report", "--force"]);
        run(folder, &["positions", "circuit/simulation_config.json", "-o", "segments.parquet"]);
    }
    if missing("weights.h5") {
        let stagger = [-24.0, 8.0, -8.0, 24.0];
        let site = |i: usize| format!("{i},{},{},0\n", stagger[i % 4], -1920.0 + 20.0 * (i / 2) as f64);
        let sites: String = (0..384).map(site).collect();
        std::fs::write(folder.join("probe.csv"), format!("name,x,y,z\n{sites}")).unwrap();
        run(folder, &["weights", "segments.parquet", "probe.csv", "-o", "weights.h5"]);
    }
}

fn measure(folder: &Path) {
    let plot = ["plot", "weights", "segments.parquet", "weights.h5", "--electrode", "195", "--force", "-o"];
    let near = |out| [&plot[..], &[out, "--within", "200"]].concat();
    let report = ["report", "segments.parquet", "weights.h5", "--force", "-o", "report.html"];
    let all = [
        ("plot weights, SVG", "all.svg", [&plot[..], &["all.svg"]].concat()),
        ("plot weights, PNG", "all.png", [&plot[..], &["all.png"]].concat()),
        ("--within 200, SVG", "near.svg", near("near.svg")),
        ("--within 200, PNG", "near.png", near("near.png")),
        ("report", "report.html", report.to_vec()),
    ];
    let bytes = |name: &str| std::fs::metadata(folder.join(name)).unwrap().len() as f64 / 1e6;
    println!("segments.parquet {:.0} MB, weights.h5 {:.0} MB", bytes("segments.parquet"), bytes("weights.h5"));
    println!("{:<20} {:>8} {:>8} {:>9} {:>10}", "", "wall s", "CPU s", "peak MB", "output MB");
    for (what, out, args) in all {
        let runs = (0..3).map(|_| run(folder, &args));
        let best = runs.min_by(|a, b| a.wall.total_cmp(&b.wall)).unwrap();
        println!("{what:<20} {:>8.2} {:>8.2} {:>9.0} {:>10.2}", best.wall, best.cpu, best.peak_mb, bytes(out));
    }
    let plain = (0..3).map(|_| plain_read(&folder.join("weights.h5"))).fold(f64::INFINITY, f64::min);
    println!("{:<20} {plain:>8.2}", "plain read");
}

/// Cost of a run.
struct Run {
    wall: f64,
    cpu: f64,
    peak_mb: f64,
}

/// Runs the program with `--quiet`.
fn run(folder: &Path, args: &[&str]) -> Run {
    let (started, before) = (Instant::now(), children_cpu_s());
    let mut command = Command::new(env!("CARGO_BIN_EXE_leadfield"));
    let mut child = command.current_dir(folder).args(args).arg("--quiet").stdout(Stdio::null()).spawn().unwrap();
    // poll the system's peak value until the process has ended
    let status = PathBuf::from(format!("/proc/{}/status", child.id()));
    let mut peak_mb = 0.0;
    while child.try_wait().unwrap().is_none() {
        peak_mb = peak_of(&status).unwrap_or(peak_mb);
        std::thread::sleep(Duration::from_millis(2));
    }
    assert!(child.wait().unwrap().success(), "{args:?}");
    Run { wall: started.elapsed().as_secs_f64(), cpu: children_cpu_s() - before, peak_mb }
}

/// Returns `VmHWM` of a process, MB.
fn peak_of(status: &Path) -> Option<f64> {
    let text = std::fs::read_to_string(status).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().trim_end_matches(" kB").parse::<f64>().ok()? * 1024.0 / 1e6)
}

/// Returns user and system time of all ended children, from `/proc`, in ticks of 10 ms.
fn children_cpu_s() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    (fields[13].parse::<f64>().unwrap() + fields[14].parse::<f64>().unwrap()) / 100.0
}

/// Reads a file in blocks of a MiB, in threads; returns the time, s.
fn plain_read(path: &Path) -> f64 {
    let (started, file) = (Instant::now(), File::open(path).unwrap());
    let bytes = file.metadata().unwrap().len();
    (0..bytes >> 20)
        .into_par_iter()
        .for_each_init(|| vec![0_u8; 1 << 20], |block, i| file.read_exact_at(block, i << 20).unwrap());
    started.elapsed().as_secs_f64()
}
