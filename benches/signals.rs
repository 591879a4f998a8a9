//! Measures signals: the arithmetic rate beside that of `matrixmultiply` on the same shapes, the time beside that of reading
//! the report, computed weights beside stored ones, and the largest memory.
//!
//! Input: a synthesized circuit (`LEADFIELD_BENCH_CELLS` neurons, default 1000: 0.27 million segments) with
//! `LEADFIELD_BENCH_FRAMES` frames of currents (default 500); 16 and 384 LineSource contacts. Bound: one multiplication and
//! addition for each segment, frame and contact; one pass over the report for each block of 1024 frames. Files are in the
//! system's cache. The result is the minimum of three runs, with one thread and with all.
//!
//! `cargo bench --bench signals`

use std::io::Read;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use leadfield::electrodes::{self, Electrodes};
use leadfield::methods::NearField;
use leadfield::segments::table::SegmentTable;
use leadfield::signals::{CurrentReport, Grouping, Signals};
use leadfield::sonata::electrodes_file::ElectrodesFile;
use leadfield::weights::SegmentSource;

const RUNS: usize = 3;

fn main() {
    // `cargo test` also runs benches with `harness = false`; only `cargo bench` passes `--bench`
    if !std::env::args().any(|a| a == "--bench") {
        return;
    }
    let [cells, frames] = [("LEADFIELD_BENCH_CELLS", 1000_usize), ("LEADFIELD_BENCH_FRAMES", 500)]
        .map(|(name, default)| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default));
    let folder = std::env::temp_dir().join(format!("leadfield-signals-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (cells, frames_text) = (cells.to_string(), frames.to_string());
    run(&folder, &["synthesize", "c", "--cells", &cells, "--with-currents", "--frames", &frames_text]);
    run(&folder, &["positions", "c/simulation_config.json", "-o", "s.parquet"]);
    let report = folder.join("c/output/compartment.h5");
    let reports = CurrentReport::open_all(&report).unwrap();
    let elements = reports[0].element_count();
    println!("{elements} segments, {frames} frames, {:.1} GB", (elements * frames * 4) as f64 / 1e9);
    let all = std::thread::available_parallelism().map_or(1, usize::from);
    let read_s = least(|| read_all(&report));
    println!("{:<44} {read_s:>8.3} s  {:.1} GB/s", "reading the report, one thread", {
        (elements * frames * 4) as f64 / read_s / 1e9
    });
    for contacts in [16, 384] {
        write_contacts(&folder.join("probe.csv"), contacts);
        run(&folder, &["weights", "s.parquet", "probe.csv", "-o", "w.h5", "--force"]);
        let rate = multiply_rate(512, 1024, contacts);
        println!("\n{contacts} contacts\n{:<44} {rate:>8.1} GFLOP/s", "matrixmultiply, 512 x 1024 x contacts");
        let file = ElectrodesFile::open(&folder.join("w.h5")).unwrap();
        let table = SegmentTable::open(&folder.join("s.parquet")).unwrap();
        let sources: [&dyn SegmentSource; 1] = [&table];
        let list = Electrodes::read(folder.join("probe.csv")).unwrap();
        let configured = electrodes::configure(&list, &[], NearField::default()).unwrap();
        for threads in if all > 1 { vec![1, all] } else { vec![1] } {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let flops = 2.0 * (elements * frames * contacts) as f64;
            let print = |name: &str, seconds: f64| {
                let (gflops, to_read) = (flops / seconds / 1e9, seconds / read_s);
                let part = 100.0 * gflops / rate / threads as f64;
                println!(
                    "{name:<32} {threads:>3} threads {seconds:>8.3} s  {gflops:>6.1} GFLOP/s  {part:>3.0} %  {to_read:.2} x reading"
                );
            };
            let compute = |signals: &Signals<'_>| least(|| drop(pool.install(|| signals.compute().unwrap())));
            print("stored weights", compute(&Signals::from_weights(&reports, &file).prepare().unwrap()));
            let computed = Signals::from_tables(&reports, &sources, &configured).prepare().unwrap();
            print("computed weights", compute(&computed));
            let by_type = Signals::from_tables(&reports, &sources, &configured).group_by(Grouping::SectionType);
            print("computed, by section type", compute(&by_type.prepare().unwrap()));
            let by_node = Signals::from_weights(&reports, &file).group_by(Grouping::Node);
            print("stored, by node", compute(&by_node.prepare().unwrap()));
        }
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

/// Runs the program.
fn run(folder: &Path, args: &[&str]) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_leadfield"));
    assert!(command.current_dir(folder).args(args).arg("--quiet").output().unwrap().status.success(), "{args:?}");
}

/// Returns the least time of some runs, s.
fn least(mut work: impl FnMut()) -> f64 {
    let timed = (0..RUNS).map(|_| {
        let started = Instant::now();
        work();
        started.elapsed().as_secs_f64()
    });
    timed.fold(f64::INFINITY, f64::min)
}

/// Reads a file with a buffer of 1 MiB.
fn read_all(path: &Path) {
    let (mut file, mut buffer) = (std::fs::File::open(path).unwrap(), vec![0; 1 << 20]);
    while file.read(&mut buffer).unwrap() > 0 {}
    std::hint::black_box(&buffer);
}

fn write_contacts(path: &Path, contacts: usize) {
    let row = |i: usize| format!("c{i},{},{},5.0\n", 20 * (i % 4), -700.0 + 1400.0 * i as f64 / contacts as f64);
    let csv = "name,x,y,z\n".to_string() + &(0..contacts).map(row).collect::<String>();
    std::fs::write(path, csv).unwrap();
}

/// Returns the rate of a product of doubles in one thread, GFLOP/s.
fn multiply_rate(m: usize, k: usize, n: usize) -> f64 {
    let (a, b, mut c) = (vec![0.5; m * k], vec![0.25; k * n], vec![0.0; m * n]);
    let repeats = (1 << 30) / (m * k * n) + 1;
    let seconds = least(|| {
        for _ in 0..repeats {
            // SAFETY: the matrices are row-major and have as many values as the sizes and strides require
            unsafe {
                let (m_stride, k_stride) = (k as isize, n as isize);
                matrixmultiply::dgemm(
                    m,
                    k,
                    n,
                    1.0,
                    a.as_ptr(),
                    m_stride,
                    1,
                    b.as_ptr(),
                    k_stride,
                    1,
                    1.0,
                    c.as_mut_ptr(),
                    k_stride,
                    1,
                );
            }
        }
    });
    std::hint::black_box(&c);
    2.0 * (m * k * n * repeats) as f64 / seconds / 1e9
}
