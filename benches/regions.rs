//! Measures many regions at once: ObjectiveCSD weights, and queries around many contacts, compared with a loop over the
//! regions.
//!
//! Input: 1000 synthesized neurons (about 265,000 segments; `CELLS=n` for another number). Contacts: a shank of 384
//! (two columns, 20 µm pitch), a grid of 1024 (20 µm pitch), 10,000 at random places in the column of somata. Bound: a
//! row of weights is set to zero, 8 bytes per pair, before the few regions near the segment are evaluated, so regions
//! far from all segments show the cost of the zeros; a query decodes the coordinates of every page that a region
//! touches.
//!
//! - `kernel`: the arithmetic alone, one core, ns per pair, and the ratio to a loop over all regions; both give the
//!   same bits, which is checked.
//! - `process`: `leadfield weights` as a whole, user seconds, one thread, compared with `LineSource` and zeros.
//! - `join`: which pages of a table the 10,000 contacts touch: with two trees, with a tree of pages queried region by
//!   region, and with a tree of regions queried page by page; then `leadfield query --within 50 --count` as a whole.
//! - `crates`: comparison of trees where both could be used: blocks of 32 segments in the order of the table, in the
//!   packed tree and in rstar's; the 24 nearest of 500,000 random points, in kiddo's tree and in rstar's.
//!
//! `QUERY_FOLDER` may name a folder whose `f32.parquet` is joined, such as that of the bench `query`; otherwise the
//! 1000 neurons are.
//!
//! `cargo bench --bench regions [-- kernel process join crates]`

use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use kiddo::{ImmutableKdTree, SquaredEuclidean};
use leadfield::geometry::region::{Region, Sphere};
use leadfield::geometry::{Aabb, Point};
use leadfield::methods::PreparedMethod as _;
use leadfield::methods::objective_csd::{CsdOptions, Measure, PreparedCsd, RegionContact, RegionSpec};
use leadfield::segments::index::{BoxTree, PageTree, RegionTree};
use leadfield::segments::table::{SegmentTable, TablePages};
use leadfield::segments::{NeuronSegments, Segments};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rstar::primitives::Rectangle;
use rstar::{AABB, RTree};

/// Number of rounds of each whole process; the median is printed.
const TURNS: usize = 5;
/// Half the extent along each axis of the box with the contacts of the join, µm.
const COLUMN: [f64; 3] = [400.0, 750.0, 400.0];
/// Radius of the join, µm.
const WITHIN: f64 = 50.0;
/// Offset of contacts that are near no segment.
const FAR: f64 = 1e6;

const TYPES: [&str; 5] = [
    "ObjectiveCSD_Sphere_30",
    "ObjectiveCSD_Sphere_100",
    "ObjectiveCSD_Disk",
    "ObjectiveCSD_Disk_100_20",
    "ObjectiveCSD_Plane",
];

fn main() {
    // `cargo test` also runs benches with `harness = false`; only `cargo bench` passes `--bench`
    if !std::env::args().any(|a| a == "--bench") {
        return;
    }
    rayon::ThreadPoolBuilder::new().num_threads(1).build_global().unwrap();
    let cells = std::env::var("CELLS").unwrap_or_else(|_| "1000".into());
    let chosen: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let wanted = |section: &str| chosen.is_empty() || chosen.iter().any(|name| name == section);
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    run(folder, &["synthesize", "circuit", "--cells", &cells, "--with-report"]);
    run(folder, &["positions", "circuit/simulation_config.json", "-o", "segments.parquet"]);
    let probes = [("shank of 384", shank()), ("grid of 1024", grid())];
    if wanted("kernel") {
        let table = SegmentTable::open(&folder.join("segments.parquet")).unwrap();
        let segments = table.parts()[0].read_by_row().unwrap();
        probes.iter().for_each(|(name, points)| kernels(name, points, &segments));
    }
    if wanted("process") {
        probes.iter().for_each(|(name, points)| processes(folder, name, points));
    }
    if wanted("join") {
        let named = std::env::var_os("QUERY_FOLDER").map(|query| PathBuf::from(query).join("f32.parquet"));
        join(folder, &named.unwrap_or_else(|| folder.join("segments.parquet")));
    }
    if wanted("crates") {
        packed_and_rstar(&SegmentTable::open(&folder.join("segments.parquet")).unwrap());
        kiddo_and_rstar();
    }
}

fn shank() -> Vec<Point> {
    (0..384).map(|i| Point::new(if i % 2 == 0 { -8.0 } else { 24.0 }, f64::from(i / 2) * 20.0 - 1900.0, 0.0)).collect()
}

fn grid() -> Vec<Point> {
    (0..1024).map(|i| Point::new(f64::from(i % 32) * 20.0 - 310.0, f64::from(i / 32) * 20.0 - 310.0, 0.0)).collect()
}

/// Formats contacts as CSV.
fn csv(points: &[Point], kind: &str) -> String {
    let row = |(i, p): (usize, &Point)| format!("c{i},{},{},{},{kind}\n", p.x, p.y, p.z);
    "name,x,y,z,type\n".to_string() + &points.iter().enumerate().map(row).collect::<String>()
}

/// Returns the time of the fastest of three runs, s.
fn quickest<T>(mut work: impl FnMut() -> T) -> f64 {
    let one = |_| {
        let started = Instant::now();
        std::hint::black_box(work());
        started.elapsed().as_secs_f64()
    };
    (0..3).map(one).fold(f64::INFINITY, f64::min)
}

/// Compares the kernel with a loop over all regions, on the first of the segments.
fn kernels(name: &str, points: &[Point], segments: &Segments) {
    println!("\n{name}, one core, ns per pair: by the tree, by a loop over all regions");
    let rows = segments.len().min(20_000);
    for kind in TYPES {
        for measure in [Measure::Midpoint, Measure::Length] {
            let setting = RegionSpec::parse(kind).unwrap().unwrap();
            let contacts: Vec<RegionContact> = points
                .iter()
                .map(|&position| RegionContact { position_um: position, region_spec: setting, array_number: 0 })
                .collect();
            let (kernel, _) = PreparedCsd::new(&contacts, CsdOptions { measure, ..CsdOptions::default() }).unwrap();
            let view = NeuronSegments::new(segments, 0..rows);
            let mut by_tree = vec![f64::NAN; rows * points.len()];
            let mut by_loop = by_tree.clone();
            let tree_s = quickest(|| kernel.fill_weights(&view, &mut by_tree));
            let loop_s = quickest(|| fill_by_loop(&kernel, measure, &view, &mut by_loop));
            assert!(by_tree.iter().map(|v| v.to_bits()).eq(by_loop.iter().map(|v| v.to_bits())), "{kind}");
            let share = by_tree.iter().filter(|v| **v > 0.0).count() as f64 / by_tree.len() as f64;
            let [tree_ns, loop_ns] = [tree_s, loop_s].map(|s| 1e9 * s / by_tree.len() as f64);
            println!(
                "  {kind:<26} {measure:<9?} {tree_ns:>6.2} {loop_ns:>6.2}: {:>5.1} times as fast; {:.2} % are not 0",
                loop_ns / tree_ns,
                100.0 * share
            );
        }
    }
}

fn fill_by_loop(kernel: &PreparedCsd, measure: Measure, segments: &NeuronSegments<'_>, out: &mut [f64]) {
    let regions = kernel.regions();
    for ((&a, &b), row) in segments.start.iter().zip(segments.end).zip(out.chunks_exact_mut(regions.len())) {
        for (region, out) in regions.iter().zip(row) {
            *out = match measure {
                Measure::Midpoint => f64::from(u8::from(region.contains(a.midpoint(b)))),
                Measure::Length => region.fraction_inside(a, b),
            };
        }
    }
}

/// Runs the program with `--quiet`, and returns its user time, s, in ticks of 10 ms.
fn run(folder: &Path, args: &[&str]) -> f64 {
    let before = children_user_s();
    let mut command = Command::new(env!("CARGO_BIN_EXE_leadfield"));
    command.current_dir(folder).args(args).args(["--quiet", "--threads", "1"]).stdout(Stdio::null());
    assert!(command.status().unwrap().success(), "{args:?}");
    children_user_s() - before
}

/// User time of all ended children, s.
fn children_user_s() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let after_name = stat.rsplit_once(") ").unwrap().1;
    after_name.split(' ').nth(16 - 3).unwrap().parse::<f64>().unwrap() / 100.0
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Measures `leadfield weights` as a whole, in alternating rounds.
fn processes(folder: &Path, name: &str, points: &[Point]) {
    let far: Vec<Point> = points.iter().map(|&p| p + Point::new(FAR, FAR, FAR)).collect();
    let mut cases = vec![("zeros".to_string(), csv(&far, TYPES[0])), ("LineSource".into(), csv(points, "LineSource"))];
    cases.extend(TYPES.map(|kind| (kind.to_string(), csv(points, kind))));
    let mut times = vec![Vec::new(); cases.len()];
    for _ in 0..TURNS {
        for ((_, contacts), times) in cases.iter().zip(&mut times) {
            std::fs::write(folder.join("probe.csv"), contacts).unwrap();
            times.push(run(folder, &["weights", "segments.parquet", "probe.csv", "-o", "weights.h5", "--force"]));
        }
    }
    println!("\n{name}, `leadfield weights` as a whole, user s, medians of {TURNS} rounds");
    for ((kind, _), times) in cases.iter().zip(times) {
        println!("  {kind:<26} {:.2}", median(times));
    }
}

/// Creates contacts at random places.
fn scattered() -> Vec<Point> {
    random_points(10_000, COLUMN, 1)
}

fn join(folder: &Path, path: &Path) {
    let table = SegmentTable::open(path).unwrap();
    let pages = TablePages::open(&table, |_| true).unwrap();
    let boxes: Vec<Aabb> = pages.pages().iter().map(|page| page.bounds).collect();
    let spheres: Vec<Sphere> = scattered().into_iter().map(|p| Sphere::new(p, WITHIN).unwrap()).collect();
    let regions: Vec<&dyn Region> = spheres.iter().map(|sphere| sphere as &dyn Region).collect();
    println!("\n{} segments, {} pages, {} spheres of {WITHIN} µm", table.len(), boxes.len(), regions.len());
    // trees are built in each run, as in a query
    let ways: [(&str, &dyn Fn() -> usize); 3] = [
        ("two trees", &|| by_two_trees(&boxes, &regions)),
        ("region by region", &|| by_region(&boxes, &regions)),
        ("page by page", &|| by_page(&boxes, &regions)),
    ];
    for (name, way) in ways {
        println!("  {name:<18} {:>8.1} ms for {} pairs", 1e3 * quickest(way), way());
    }
    std::fs::write(folder.join("scattered.csv"), csv(&scattered(), "LineSource")).unwrap();
    let within = WITHIN.to_string();
    let args = ["query", path.to_str().unwrap(), "--electrodes", "scattered.csv", "--within", &within, "--count"];
    let times: Vec<f64> = (0..TURNS).map(|_| run(folder, &args)).collect();
    println!("  query --count as a whole: {:.2} user s, median of {TURNS}", median(times));
}

fn by_two_trees(boxes: &[Aabb], regions: &[&dyn Region]) -> usize {
    let mut pairs = 0;
    RegionTree::new(regions.iter().copied()).for_each_pair(&BoxTree::new(boxes.iter().copied()), |region, page| {
        pairs += usize::from(regions[region].touches(&boxes[page]));
    });
    pairs
}

fn by_region(boxes: &[Aabb], regions: &[&dyn Region]) -> usize {
    let tree = PageTree::new(boxes);
    // the tree rounds its boxes outwards, so its candidates are checked again
    let touched = |region: &&dyn Region| {
        tree.pages_touching(*region).into_iter().filter(|&page| region.touches(&boxes[page])).count()
    };
    regions.iter().map(touched).sum()
}

fn by_page(boxes: &[Aabb], regions: &[&dyn Region]) -> usize {
    let tree = RegionTree::new(regions.iter().copied());
    let mut pairs = 0;
    for bounds in boxes {
        tree.for_each_candidate(bounds, |region| pairs += usize::from(regions[region].touches(bounds)));
    }
    pairs
}

/// Returns random points in a box, the same for the same seed.
fn random_points(count: usize, half: [f64; 3], seed: u64) -> Vec<Point> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    (0..count).map(|_| Point::from(half.map(|half| random.random_range(-half..half)))).collect()
}

/// Compares trees of boxes around 32 segments each, in the order of the table: building them, and searching by spheres.
fn packed_and_rstar(table: &SegmentTable) {
    let segments = table.parts()[0].read().unwrap();
    let ends: Vec<(Point, Point)> = segments.start.iter().copied().zip(segments.end.iter().copied()).collect();
    let boxes: Vec<Aabb> =
        ends.chunks(32).map(|block| Aabb::enclosing(block.iter().flat_map(|&(a, b)| [a, b]))).collect();
    let rectangle = |b: &Aabb| Rectangle::from_corners(b.min.to_array(), b.max.to_array());
    println!("\n{} boxes of 32 segments in the order of the table: packed tree, rstar", boxes.len());
    let packed_s = quickest(|| PageTree::new(&boxes));
    let rstar_s = quickest(|| RTree::bulk_load(boxes.iter().map(rectangle).collect()));
    println!("  built in {:.2} ms, {:.2} ms", 1e3 * packed_s, 1e3 * rstar_s);
    let (packed, rstar) = (PageTree::new(&boxes), RTree::bulk_load(boxes.iter().map(rectangle).collect()));
    let spheres: Vec<Sphere> =
        random_points(1000, COLUMN, 2).into_iter().map(|p| Sphere::new(p, WITHIN).unwrap()).collect();
    let packed_s = quickest(|| spheres.iter().map(|sphere| packed.pages_touching(sphere).len()).sum::<usize>());
    let near = |sphere: &Sphere| {
        let bounds = sphere.bounds().unwrap();
        let found =
            rstar.locate_in_envelope_intersecting(AABB::from_corners(bounds.min.to_array(), bounds.max.to_array()));
        found.filter(|r| sphere.touches(&Aabb { min: r.lower().into(), max: r.upper().into() })).count()
    };
    let rstar_s = quickest(|| spheres.iter().map(near).sum::<usize>());
    println!("  a sphere of {WITHIN} µm: {:.1} us, {:.1} us", 1e3 * packed_s, 1e3 * rstar_s);
}

/// Compares searches for nearest nodes, as in an interpolation among scattered points.
fn kiddo_and_rstar() {
    let nodes: Vec<[f64; 3]> = random_points(500_000, [1000.0; 3], 3).into_iter().map(Point::to_array).collect();
    let asked: Vec<[f64; 3]> = random_points(10_000, [900.0; 3], 4).into_iter().map(Point::to_array).collect();
    let count = NonZero::new(24).unwrap();
    println!("\n{} points, the {count} nearest of {}: kiddo, rstar", nodes.len(), asked.len());
    let kiddo_s = quickest(|| ImmutableKdTree::<f64, 3>::new_from_slice(&nodes).unwrap());
    let rstar_s = quickest(|| RTree::bulk_load(nodes.clone()));
    println!("  built in {:.0} ms, {:.0} ms", 1e3 * kiddo_s, 1e3 * rstar_s);
    let kiddo = ImmutableKdTree::<f64, 3>::new_from_slice(&nodes).unwrap();
    let rstar = RTree::bulk_load(nodes.clone());
    let by_kiddo = |p: &[f64; 3]| kiddo.query(p).nearest_n::<SquaredEuclidean<f64>>(count).execute().len();
    let by_rstar = |p: &[f64; 3]| rstar.nearest_neighbor_iter(*p).take(count.get()).count();
    let kiddo_s = quickest(|| asked.iter().map(by_kiddo).sum::<usize>());
    let rstar_s = quickest(|| asked.iter().map(by_rstar).sum::<usize>());
    println!("  a look-up: {:.1} us, {:.1} us", 1e6 * kiddo_s / asked.len() as f64, 1e6 * rstar_s / asked.len() as f64);
}
