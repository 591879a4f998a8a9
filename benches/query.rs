//! Measures region queries, as a user runs them and in one process.
//!
//! Input: tables of 37,000 synthesized neurons (about 10 million segments in a column of radius 400 µm and height 1500
//! µm; `CELLS=n` for another number): one part in f32 and f64, and default parts in f32. They are created once, in
//! `QUERY_FOLDER` (default: a temporary folder that is removed at the end; a named one is not). Bound: a query decodes
//! the coordinates of the pages that its region touches, so the share of pages is printed with the times. CPU time is
//! that of the whole process, user and system, from `/proc`, with one thread.
//!
//! `cargo bench --bench query [-- process pages index writing]`, then `python benches/query_peers.py FOLDER` in a
//! Python with duckdb and brain-indexer.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use leadfield::geometry::region::{Disk, Predicate, Region, Slab, Sphere};
use leadfield::geometry::{Aabb, Point, hilbert};
use leadfield::io::atomic_output::OverwritePolicy;
use leadfield::segments::Segments;
use leadfield::segments::index::{PageTree, SegmentIndex};
use leadfield::segments::table::{SegmentTable, TablePages, write_part};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Radius of the column that contains the somata, µm; regions are placed in it.
const RADIUS: f64 = 400.0;
const HEIGHT: f64 = 1500.0;

fn main() {
    // `cargo test` also runs benches with `harness = false`; only `cargo bench` passes `--bench`
    if !std::env::args().any(|a| a == "--bench") {
        return;
    }
    let cells = std::env::var("CELLS").unwrap_or_else(|_| "37000".into());
    let named = std::env::var_os("QUERY_FOLDER").map(PathBuf::from);
    let folder =
        named.clone().unwrap_or_else(|| std::env::temp_dir().join(format!("leadfield-query-{}", std::process::id())));
    std::fs::create_dir_all(&folder).unwrap();
    rayon::ThreadPoolBuilder::new().num_threads(1).build_global().unwrap();
    let tables = tables(&folder, &cells);
    let chosen: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let wanted = |section: &str| chosen.is_empty() || chosen.iter().any(|name| name == section);
    if wanted("process") {
        tables.iter().for_each(|table| process(&folder, table));
    }
    if wanted("pages") {
        tables.iter().for_each(|table| shares(&folder.join(table)));
    }
    if wanted("index") {
        tables[..2].iter().for_each(|table| measure_index(&folder, table));
    }
    if wanted("writing") {
        writing(&folder);
    }
    if named.is_none() {
        std::fs::remove_dir_all(&folder).unwrap();
    }
}

/// Creates the tables that do not exist; returns their names.
fn tables(folder: &Path, cells: &str) -> [&'static str; 3] {
    let wanted = [("f32.parquet", "f32"), ("f64.parquet", "f64"), ("f32-parts", "f32")];
    let missing: Vec<_> = wanted.iter().filter(|(name, _)| !folder.join(name).exists()).collect();
    if !missing.is_empty() {
        run(folder, &["synthesize", "circuit", "--cells", cells, "--with-report", "--force"]);
    }
    for (name, precision) in missing {
        let cpu = run(folder, &["positions", "circuit/simulation_config.json", "-o", name, "--precision", precision]);
        println!("{name}: made in {cpu:.1} CPU s");
    }
    wanted.map(|(name, _)| name)
}

/// Runs the program with `--quiet`, and returns its CPU time, s.
fn run(folder: &Path, args: &[&str]) -> f64 {
    let before = children_cpu_s();
    let mut command = Command::new(env!("CARGO_BIN_EXE_leadfield"));
    let status =
        command.current_dir(folder).args(args).args(["--quiet", "--threads", "1"]).stdout(Stdio::null()).status();
    assert!(status.unwrap().success(), "{args:?}");
    children_cpu_s() - before
}

/// User and system time of all ended children, s.
fn children_cpu_s() -> f64 {
    cpu_s([16, 17])
}

/// User and system time of this process, s.
fn own_cpu_s() -> f64 {
    cpu_s([14, 15])
}

/// Sum of two fields of `/proc/self/stat`, which are in ticks of 10 ms, in s.
fn cpu_s([user, system]: [usize; 2]) -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let after_name = stat.rsplit_once(") ").unwrap().1;
    let ticks = |field: usize| after_name.split(' ').nth(field - 3).unwrap().parse::<f64>().unwrap();
    (ticks(user) + ticks(system)) / 100.0
}

/// Centre of the segments of a table.
fn middle(table: &SegmentTable) -> Point {
    table.bounds().unwrap().center()
}

/// Finds the radius of a sphere around a point with about the given number of hits, by bisection.
fn radius_of(index: &SegmentIndex, at: Point, hits: u64) -> f64 {
    let (mut low, mut high) = (0.1, 2000.0);
    for _ in 0..30 {
        let half = 0.5 * (low + high);
        let found = index.count(&Sphere::new(at, half).unwrap(), Predicate::Midpoint);
        if found < hits { low = half } else { high = half }
    }
    high
}

/// Measures whole processes with a warm page cache, each run forty times so that clock ticks of 10 ms do not matter.
fn process(folder: &Path, name: &str) {
    let table = SegmentTable::open(&folder.join(name)).unwrap();
    let (at, index) = (middle(&table), table.build_index().unwrap());
    println!("\n{name}: {} segments, {} parts; whole process, CPU ms", table.len(), table.parts().len());
    for hits in [0, 100, 10_000, 500_000] {
        let r = if hits == 0 { 0.01 } else { radius_of(&index, at, hits) };
        let sphere = format!("{},{},{},{r}", at.x, at.y, at.z);
        let mut line = format!("  sphere of {r:>7.2} µm, about {hits:>6} hits:");
        for output in [&["--count"][..], &["--format", "csv"], &["--format", "arrow"]] {
            let args = [&["query", name, "--sphere", &sphere], output].concat();
            let times = if hits > 100_000 { 5 } else { 40 };
            let cpu = (0..times).map(|_| run(folder, &args)).sum::<f64>() / f64::from(times);
            line += &format!("  {} {:.1}", output[output.len() - 1].trim_start_matches("--"), 1e3 * cpu);
        }
        println!("{line}");
    }
}

/// Random places in the column, which has the radius and height of the circuit.
fn places() -> Vec<Point> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut place = || loop {
        let p = Point::from([RADIUS, HEIGHT / 2.0, RADIUS].map(|half| rng.random_range(-half..half)));
        if p.x.hypot(p.z) <= RADIUS {
            return p;
        }
    };
    (0..100).map(|_| place()).collect()
}

/// Constructor of a region at a place, across an axis.
type Make = fn(Point, Point) -> Box<dyn Region>;

/// Prints the share of pages that regions touch, averaged over 100 places.
fn shares(path: &Path) {
    let table = SegmentTable::open(path).unwrap();
    let pages = TablePages::open(&table, |_| true).unwrap();
    let all = pages.pages().len();
    println!("\n{}: {all} pages; share touched, on average over 100 places in the column", path.display());
    let up = Point::new(0.0, 1.0, 0.0);
    let regions: [(&str, Make); 4] = [
        ("sphere of 50 µm", |p, _| Box::new(Sphere::new(p, 50.0).unwrap())),
        ("sphere of 100 µm", |p, _| Box::new(Sphere::new(p, 100.0).unwrap())),
        ("disk 500 x 40 µm", |p, up| Box::new(Disk::new(p, up, 500.0, 20.0).unwrap())),
        ("slab of 40 µm", |p, up| Box::new(Slab::new(p, up, 20.0).unwrap())),
    ];
    for (name, region) in regions {
        let touched: usize = places().iter().map(|&p| pages.tree().pages_touching(region(p, up).as_ref()).len()).sum();
        println!("  {name:<18} {:>5.2} %", touched as f64 / all as f64);
    }
    let boxes: Vec<Aabb> = pages.pages().iter().map(|p| p.bounds).collect();
    let started = Instant::now();
    let tree = PageTree::new(&boxes);
    let seconds = started.elapsed().as_secs_f64();
    std::hint::black_box(tree);
    println!("  packing {} boxes: {:.0} µs", boxes.len(), 1e6 * seconds);
}

/// Returns the time of the fastest run, s.
fn quickest<T>(times: usize, mut f: impl FnMut() -> T) -> f64 {
    let one = |_| {
        let started = Instant::now();
        std::hint::black_box(f());
        started.elapsed().as_secs_f64()
    };
    (0..times).map(one).fold(f64::INFINITY, f64::min)
}

/// Measures the index in memory: creating, storing, opening and searching it.
fn measure_index(folder: &Path, name: &str) {
    let table = SegmentTable::open(&folder.join(name)).unwrap();
    let path = folder.join(format!("{name}.index"));
    println!("\n{name}: index in memory, one thread");
    let started = Instant::now();
    let index = table.build_index().unwrap();
    println!("  created from the table in {:.2} s", started.elapsed().as_secs_f64());
    index.write(&path, table.fingerprint().unwrap(), OverwritePolicy::Replace).unwrap();
    let bytes = File::open(&path).unwrap().metadata().unwrap().len();
    drop(index);
    let started = Instant::now();
    let index =
        SegmentIndex::open(&path, SegmentTable::open(&folder.join(name)).unwrap().fingerprint().unwrap()).unwrap();
    let opened = started.elapsed().as_secs_f64();
    println!("  stored: {:.0} MB, ready {:.1} ms after opening table and index", bytes as f64 / 1e6, 1e3 * opened);
    let at = middle(&table);
    for hits in [100, 10_000, 500_000] {
        let sphere = Sphere::new(at, radius_of(&index, at, hits)).unwrap();
        let found = index.find(&sphere, Predicate::Midpoint).len();
        let midpoint = quickest(50, || index.find(&sphere, Predicate::Midpoint));
        let intersects = quickest(50, || index.find(&sphere, Predicate::Intersects));
        let any: &dyn Region = &sphere;
        let dynamic = quickest(50, || index.find(any, Predicate::Midpoint));
        println!(
            "  sphere with {found:>6} hits: {:>9.1} us midpoint, {:>9.1} us intersects, {:>9.1} us as any region",
            1e6 * midpoint,
            1e6 * intersects,
            1e6 * dynamic
        );
    }
    for k in [1, 10, 100] {
        let all = quickest(5, || places().iter().map(|&p| index.nearest(p, k).len()).sum::<usize>());
        println!("  {k:>3} nearest: {:.1} us", 1e6 * all / 100.0);
    }
}

/// Returns the CPU time of the fastest of three runs, s.
fn least_cpu<T>(mut f: impl FnMut() -> T) -> f64 {
    let one = |_| {
        let before = own_cpu_s();
        std::hint::black_box(f());
        own_cpu_s() - before
    };
    (0..3).map(one).fold(f64::INFINITY, f64::min)
}

/// Measures writing a part of four million segments, and the sort alone.
fn writing(folder: &Path) {
    for name in ["f32.parquet", "f64.parquet"] {
        let table = SegmentTable::open(&folder.join(name)).unwrap();
        let part = &table.parts()[0];
        let mut segments: Segments = part.read_by_row().unwrap();
        let mut neurons = part.neurons().to_vec();
        let rows = neurons.iter().scan(0, |sum, n| {
            *sum += n.segments;
            Some(*sum)
        });
        let kept = rows.take_while(|&sum| sum <= 4_000_000).count();
        neurons.truncate(kept);
        let length = neurons.iter().map(|n| n.segments).sum::<u64>() as usize;
        segments = segments.iter().take(length).collect();
        let out = folder.join("written.parquet");
        let write = || write_part(&out, &segments, &neurons, table.metadata(), table.precision()).unwrap();
        let (all, sort) = (least_cpu(write), least_cpu(|| sorted(&segments)));
        let bytes = std::fs::metadata(&out).unwrap().len() as f64 / length as f64;
        println!(
            "\n{name}: {:.2} M segments written in {all:.2} CPU s, of which the sort {sort:.2}: {:.2} M per second \
             without it; {bytes:.1} bytes per segment",
            length as f64 / 1e6,
            length as f64 / 1e6 / (all - sort)
        );
        std::fs::remove_file(out).unwrap();
    }
}

/// Sorts like the writer: Hilbert keys of midpoints, ties by row.
fn sorted(segments: &Segments) -> Vec<(u64, usize)> {
    let midpoint = |i: usize| segments.start[i].midpoint(segments.end[i]);
    let curve = hilbert::HilbertCurve::for_bounds(&Aabb::enclosing((0..segments.len()).map(midpoint)));
    let is_long = |i: usize| segments.start[i].distance(segments.end[i]) > 60.0;
    let keyed = |i: usize| (u64::from(is_long(i)) << 63 | curve.key(midpoint(i)), i);
    let mut keys: Vec<(u64, usize)> = (0..segments.len()).map(keyed).collect();
    keys.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| segments.row[a.1].cmp(&segments.row[b.1])));
    keys
}
