//! Measures signals: the arithmetic rate and that of `matrixmultiply` on the same shapes, the time and that of reading the
//! report, computed and stored weights, bytes read and bytes needed, and numpy.
//!
//! Input: a synthesized circuit (`LEADFIELD_BENCH_CELLS` neurons, default 1000: 0.27 million segments) with
//! `LEADFIELD_BENCH_FRAMES` frames of currents (default 500); 16 and 384 LineSource contacts
//! (`LEADFIELD_BENCH_CONTACTS`). Bound: one multiplication and addition for each segment, frame and contact; one pass over
//! the report for each block of 1024 frames. Files are in the system's cache, but for the weights that are "read from the
//! disk". Numbers are CPU times of one thread, the least of several runs, so that other programs matter little. With
//! `LEADFIELD_PYTHON` (an interpreter with numpy) the same product is timed in numpy with one thread (`signals_peers.py`).
//!
//! `cargo bench --bench signals`

use std::io::Read;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::process::Command;

use leadfield::electrodes::{self, Electrodes};
use leadfield::io::hdf5::Hdf5File;
use leadfield::methods::NearField;
use leadfield::segments::table::SegmentTable;
use leadfield::signals::{CurrentReport, Grouping, Signals, SignalsBuilder, TimeSelection};
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
    let contacts = std::env::var("LEADFIELD_BENCH_CONTACTS").unwrap_or("16,384".into());
    let folder = std::env::temp_dir().join(format!("leadfield-signals-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (cells, frames_text) = (cells.to_string(), frames.to_string());
    run(&folder, &["synthesize", "c", "--cells", &cells, "--with-currents", "--frames", &frames_text]);
    run(&folder, &["positions", "c/simulation_config.json", "-o", "s.parquet"]);
    run(&folder, &["positions", "c/simulation_config.json", "-o", "parts", "--segments-per-part", "20000"]);
    let report = folder.join("c/output/compartment.h5");
    let reports = CurrentReport::open_all(&report).unwrap();
    let elements = reports[0].element_count();
    let bytes = elements * frames * 4;
    println!("{elements} segments, {frames} frames, {:.2} GB", bytes as f64 / 1e9);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let read_s = least(|| read_all(&report));
    println!("{:<44} {read_s:>8.3} s  {:.1} GB/s", "reading the report", bytes as f64 / read_s / 1e9);
    for contacts in contacts.split(',').map(|text| text.parse::<usize>().unwrap()) {
        write_contacts(&folder.join("probe.csv"), contacts);
        run(&folder, &["weights", "s.parquet", "probe.csv", "-o", "w.h5", "--force"]);
        let file = ElectrodesFile::open(&folder.join("w.h5")).unwrap();
        let table = SegmentTable::open(&folder.join("s.parquet")).unwrap();
        let parts = SegmentTable::open(&folder.join("parts")).unwrap();
        let sources: [&dyn SegmentSource; 1] = [&table];
        let of_parts: [&dyn SegmentSource; 1] = [&parts];
        let list = Electrodes::read(folder.join("probe.csv")).unwrap();
        let configured = electrodes::configure(&list, &[], NearField::default()).unwrap();
        let rate = multiply_rate(512, 1024, contacts);
        println!("\n{contacts} contacts\n{:<44} {rate:>21.1} GFLOP/s", "matrixmultiply, 512 x 1024 x contacts");
        let compute = |builder: SignalsBuilder<'_>, frames: usize| {
            let end_ms = reports[0].start_ms() + (frames as f64 - 0.5) * reports[0].step_ms();
            let times = TimeSelection { end_ms: Some(end_ms), ..TimeSelection::default() };
            let signals = builder.times(times).prepare().unwrap();
            least(|| drop(pool.install(|| signals.compute().unwrap())))
        };
        let print = |name: &str, seconds: f64, note: &str| {
            let gflops = 2.0 * (elements * frames * contacts) as f64 / seconds / 1e9;
            let (part, to_read) = (100.0 * gflops / rate, seconds / read_s);
            println!("{name:<44} {seconds:>8.3} s {gflops:>7.1} GFLOP/s {part:>4.0} % {to_read:>6.2} x reading{note}");
        };
        // the product grows with the number of frames; what does not are the weights
        let few = (frames / 5).next_multiple_of(8);
        let stored = || Signals::from_weights(&reports, &file);
        let computed = || Signals::from_tables(&reports, &sources, &configured);
        let [short_stored, short_computed] = [compute(stored(), few), compute(computed(), few)];
        let whole_stored = compute(stored(), frames);
        let whole = compute(computed(), frames);
        let constant_s =
            |short_s: f64, long_s: f64| (short_s * frames as f64 - long_s * few as f64) / (frames - few) as f64;
        let [of_stored, of_computed] = [constant_s(short_stored, whole_stored), constant_s(short_computed, whole)];
        print("weights in memory", whole - of_computed, "");
        let share = 100.0 * of_computed / (whole - of_computed);
        print("weights computed", whole, &format!("  weights add {share:.1} %"));
        let ratio = of_stored / of_computed;
        print("weights read from a file", whole_stored, &format!("  reading weights / computing {ratio:.1}"));
        for frames in [10, 100].into_iter().filter(|n| *n < frames) {
            let ratio = compute(stored(), frames) / compute(computed(), frames);
            println!("{:<44} {ratio:>8.2}", format!("weights read / computed, {frames} frames"));
        }
        let elapsed = |builder: SignalsBuilder<'_>, frames: usize| {
            let end_ms = reports[0].start_ms() + (frames as f64 - 0.5) * reports[0].step_ms();
            let signals = builder.times(TimeSelection { end_ms: Some(end_ms), ..TimeSelection::default() });
            let signals = signals.prepare().unwrap();
            let once = |_| {
                drop_from_cache(&folder.join("w.h5"));
                let started = std::time::Instant::now();
                pool.install(|| signals.compute().unwrap());
                started.elapsed().as_secs_f64()
            };
            (0..RUNS).map(once).fold(f64::INFINITY, f64::min)
        };
        for frames in [20, 100, 500].into_iter().filter(|n| *n <= frames) {
            let ratio = elapsed(stored(), frames) / elapsed(computed(), frames);
            println!("{:<44} {ratio:>8.2} elapsed", format!("weights read from the disk / computed, {frames}"));
        }
        print("computed, by section type", compute(computed().group_by(Grouping::SectionType), frames), "");
        print("computed, by node", compute(computed().group_by(Grouping::Node), frames), "");
        let in_parts = || Signals::from_tables(&reports, &of_parts, &configured);
        print(&format!("computed, table of {} parts", parts.parts().len()), compute(in_parts(), frames), "");
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let started = std::time::Instant::now();
        computed().prepare().unwrap().compute().unwrap();
        let wall_s = started.elapsed().as_secs_f64();
        println!("{:<44} {wall_s:>8.3} s elapsed", format!("computed, {threads} threads"));
        let needed = bytes as f64;
        let read = |builder: SignalsBuilder<'_>| {
            let signals = builder.prepare().unwrap();
            let before = read_bytes();
            pool.install(|| signals.compute().unwrap());
            (read_bytes() - before) as f64 / needed
        };
        println!("{:<44} {:>8.3}", "bytes read / needed, one part", read(computed()));
        println!("{:<44} {:>8.3}", "bytes read / needed, many parts", read(in_parts()));
        if let Ok(python) = std::env::var("LEADFIELD_PYTHON") {
            time_numpy(&python, &report, [frames, elements, contacts], &print);
        }
        if contacts == 16 {
            measure_chunked(&folder, &report, &sources, &configured, &pool);
        }
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

/// Runs the program.
fn run(folder: &Path, args: &[&str]) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_leadfield"));
    let output = command.current_dir(folder).args(args).arg("--quiet").output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Returns the CPU time of this process, s.
fn cpu_s() -> f64 {
    let mut used = std::mem::MaybeUninit::<libc::timespec>::uninit();
    // SAFETY: the call writes the time, and fails for no clock that Linux has
    let used = unsafe {
        libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, used.as_mut_ptr());
        used.assume_init()
    };
    used.tv_sec as f64 + used.tv_nsec as f64 * 1e-9
}

/// Returns the least CPU time of some runs, s.
fn least(mut work: impl FnMut()) -> f64 {
    let timed = (0..RUNS).map(|_| {
        let before = cpu_s();
        work();
        cpu_s() - before
    });
    timed.fold(f64::INFINITY, f64::min)
}

/// Returns the bytes that this process has read.
fn read_bytes() -> u64 {
    let text = std::fs::read_to_string("/proc/self/io").unwrap();
    text.lines().find_map(|line| line.strip_prefix("rchar: ")).unwrap().parse().unwrap()
}

/// Writes a file to the disk, and drops it from the system's cache.
fn drop_from_cache(path: &Path) {
    let file = std::fs::File::open(path).unwrap();
    file.sync_all().unwrap();
    // SAFETY: the descriptor is open; the call changes the cache only
    let failed = unsafe { libc::posix_fadvise(file.as_raw_fd(), 0, 0, libc::POSIX_FADV_DONTNEED) };
    assert_eq!(failed, 0);
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

/// Prints the time of the same product in numpy, in double and in single precision.
fn time_numpy(python: &str, report: &Path, sizes: [usize; 3], print: &dyn Fn(&str, f64, &str)) {
    let file = Hdf5File::open(report).unwrap();
    let offset = file.byte_offset("/report/neurons/data").unwrap().unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/signals_peers.py");
    let mut command = Command::new(python);
    command.arg(script).arg(report).arg(offset.to_string()).args(sizes.map(|n| n.to_string()));
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    for (name, seconds) in ["numpy, double precision", "numpy, single precision"].into_iter().zip(text.lines()) {
        print(name, seconds.parse().unwrap(), "");
    }
}

/// Prints time and bytes read for reports in chunks: of one frame, of some frames and elements, of all frames.
fn measure_chunked(
    folder: &Path,
    report: &Path,
    sources: &[&dyn SegmentSource],
    configured: &[electrodes::ConfiguredElectrode],
    pool: &rayon::ThreadPool,
) {
    let source = Hdf5File::open(report).unwrap();
    let (data, mapping) = ("/report/neurons/data", |name: &str| format!("/report/neurons/mapping/{name}"));
    let shape = source.shape(data).unwrap();
    let (frames, elements) = (shape[0].min(128), shape[1]);
    let values = source.read_float_box(data, &[0..frames, 0..elements]).unwrap();
    let values: Vec<f32> = values.into_iter().map(|value| value as f32).collect();
    let time = source.read_floats(&mapping("time")).unwrap();
    for chunk in [[1, elements], [frames.min(50), 4000], [frames, 50]] {
        let path = folder.join("chunked.h5");
        let copy = Hdf5File::create(&path).unwrap();
        copy.create_group("/report/neurons/mapping").unwrap();
        for name in ["node_ids", "index_pointers"] {
            let numbers = source.read_unsigned(&mapping(name)).unwrap();
            copy.write_dataset(&mapping(name), &numbers, &[numbers.len()]).unwrap();
        }
        let ids = source.read_u32(&mapping("element_ids")).unwrap();
        copy.write_dataset(&mapping("element_ids"), &ids, &[ids.len()]).unwrap();
        let end = time[0] + frames as f64 * time[2];
        copy.write_dataset(&mapping("time"), &[time[0], end, time[2]], &[3]).unwrap();
        copy.write_chunked_dataset(data, &values, &[frames, elements], &chunk).unwrap();
        copy.close().unwrap();
        let reports = CurrentReport::open_all(&path).unwrap();
        let signals = Signals::from_tables(&reports, sources, configured).prepare().unwrap();
        let before = read_bytes();
        let seconds = least(|| drop(pool.install(|| signals.compute().unwrap())));
        let read = (read_bytes() - before) as f64 / (RUNS * frames * elements * 4) as f64;
        let name = format!("chunks of {} x {}, {frames} frames", chunk[0], chunk[1]);
        println!("{name:<44} {seconds:>8.3} s  bytes read / needed {read:.3}");
        drop(signals);
        std::fs::remove_file(&path).unwrap();
    }
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
