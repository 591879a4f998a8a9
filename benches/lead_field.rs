//! Measures a look-up in a lead field: a grid of 200^3 nodes (64 MB) with uneven axes, 2 million points along the
//! Hilbert curve, one core. Targets: at most 60 ns per look-up, and at most 1.5 times a bare loop that gets the cells
//! and fractions and only gathers and interpolates the eight values.
//!
//! `cargo bench --bench lead_field`

use std::hint::black_box;
use std::time::Instant;

use leadfield::geometry::hilbert::HilbertCurve;
use leadfield::geometry::{Aabb, Point};
use leadfield::lead_field::grid::{GridAxis, ScalarGrid};
use rand::{Rng, SeedableRng};

const NODES: usize = 200;
const POINTS: usize = 2_000_000;
const REPEATS: usize = 30;

/// Axis from -1000 to 1000 µm; the middle cells are a third as long as the mean.
fn nodes() -> Vec<f64> {
    (0..NODES)
        .map(|i| 2.0 * i as f64 / (NODES - 1) as f64 - 1.0)
        .map(|t| 1000.0 * (0.3 * t + 0.7 * t * t * t))
        .collect()
}

/// Returns the points in the order of a table.
fn points(bounds: &Aabb) -> Vec<Point> {
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(1);
    let mut one = || random.random_range(-999.0..999.0);
    let mut points: Vec<Point> = (0..POINTS).map(|_| Point::new(one(), one(), one())).collect();
    let curve = HilbertCurve::for_bounds(bounds);
    points.sort_by_cached_key(|&p| curve.key(p));
    points
}

/// A cell and the fractions of its sides, computed in advance.
struct Found {
    corner: usize,
    fractions: [f64; 3],
}

fn found(axis: &GridAxis, p: Point) -> Found {
    let [(i, t), (j, u), (k, v)] = p.to_array().map(|x| axis.locate(x).expect("inside"));
    Found { corner: (i * NODES + j) * NODES + k, fractions: [t, u, v] }
}

fn gathered(values: &[f64], at: &Found) -> f64 {
    let [t, u, v] = at.fractions;
    let edge = |corner: usize| values[corner] * (1.0 - v) + values[corner + 1] * v;
    let face = |corner: usize| edge(corner) * (1.0 - u) + edge(corner + NODES) * u;
    face(at.corner) * (1.0 - t) + face(at.corner + NODES * NODES) * t
}

/// Returns the nanoseconds per point of one run.
fn nanoseconds(run: impl FnOnce() -> f64) -> f64 {
    let start = Instant::now();
    black_box(run());
    start.elapsed().as_secs_f64() * 1e9 / POINTS as f64
}

fn main() {
    let axis = GridAxis::new(nodes()).expect("increasing");
    let values: Vec<f64> = (0..NODES * NODES * NODES).map(|n| (n as f64).sqrt()).collect();
    let grid = ScalarGrid::new([axis.clone(), axis.clone(), axis.clone()], values.clone()).expect("the axes' shape");
    let points = points(&grid.bounds());
    let cells: Vec<Found> = points.iter().map(|&p| found(&axis, p)).collect();
    let mut out = vec![0.0; POINTS];
    // alternating, so that other load on the machine affects all of them
    let [mut together, mut alone, mut bare] = [f64::INFINITY; 3];
    for _ in 0..REPEATS {
        together = together.min(nanoseconds(|| {
            grid.interpolate_all(&points, &mut out);
            out[POINTS / 2]
        }));
        bare = bare.min(nanoseconds(|| cells.iter().map(|at| gathered(&values, at)).sum()));
        alone = alone.min(nanoseconds(|| points.iter().filter_map(|&p| grid.interpolate(p)).sum()));
    }
    println!(
        "look-up {together:.1} ns, one by one {alone:.1} ns, bare gather {bare:.1} ns, ratio {:.2}, best of {REPEATS}",
        together / bare
    );
}
