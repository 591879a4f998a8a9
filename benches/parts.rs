//! Measures opening a table of many parts, with and without its manifest.
//!
//! Input: a table of 10,000 parts, each with one neuron of 20 segments, next to each other in a cube of 22 x 22 x 22
//! neurons. Bound: with a manifest the size of each file is queried, and one footer is read; without one, all footers
//! are. Files are in the system's cache. The result is the minimum of five runs.
//!
//! `cargo bench --bench parts`

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use leadfield::geometry::Point;
use leadfield::segments::table::{
    Precision, SegmentTable, TableMetadata, TableNeuron, manifest, part_files, write_part,
};
use leadfield::segments::{Segment, Segments};

const PARTS: u64 = 10_000;
const SEGMENTS: u64 = 20;
/// Number of neurons along an edge of the cube.
const EDGE: u64 = 22;
/// Distance between neurons, µm.
const STEP_UM: f64 = 50.0;

fn main() {
    // `cargo test` also runs benches with `harness = false`; only `cargo bench` passes `--bench`
    if !std::env::args().any(|a| a == "--bench") {
        return;
    }
    let folder = std::env::temp_dir().join(format!("leadfield-parts-{}", std::process::id()));
    let table = folder.join("t");
    std::fs::create_dir_all(&table).unwrap();
    let started = Instant::now();
    let checksums: Vec<u32> = (0..PARTS).map(|number| write(&table, number)).collect();
    println!("{PARTS} parts written in {:.1} s", started.elapsed().as_secs_f64());
    let started = Instant::now();
    manifest::write(&table, &checksums).unwrap();
    println!("manifest written in {:.1} s", started.elapsed().as_secs_f64());
    let path = table.join(part_files::MANIFEST_FILE_NAME);
    println!("{:.0} kB manifest", std::fs::metadata(&path).unwrap().len() as f64 / 1e3);
    measure("with a manifest", &folder, &table);
    std::fs::rename(&path, folder.join("away")).unwrap();
    measure("without", &folder, &table);
    std::fs::remove_dir_all(&folder).unwrap();
}

/// Writes a part, and returns the checksum of its file.
fn write(table: &Path, number: u64) -> u32 {
    let place = [number % EDGE, number / EDGE % EDGE, number / EDGE / EDGE].map(|i| i as f64 * STEP_UM);
    let segment = |i: u64| {
        let start = Point::from(place) + Point::new(0.0, i as f64, 0.0);
        let end = start + Point::new(0.0, 1.0, 0.0);
        let row = number * SEGMENTS + i;
        let (section_id, segment_id, radius) = (u32::from(i > 0), i as u32, Some(0.5));
        Segment { node_id: number, section_id, segment_id, section_type: None, start, end, radius_um: radius, row }
    };
    let segments: Segments = (0..SEGMENTS).map(segment).collect();
    let metadata = TableMetadata {
        population: "neurons".into(),
        segments: PARTS * SEGMENTS,
        neurons: PARTS,
        parts: PARTS,
        ..TableMetadata::default()
    };
    let neuron = TableNeuron { node_id: number, first_row: number * SEGMENTS, segments: SEGMENTS };
    let path = table.join(part_files::part_file_name(number as usize));
    write_part(&path, &segments, &[neuron], &metadata, Precision::F64).unwrap();
    crc32fast::hash(&std::fs::read(path).unwrap())
}

fn measure(name: &str, folder: &Path, table: &Path) {
    let opened = least(|| assert_eq!(SegmentTable::open_without_neurons(table).unwrap().len(), PARTS * SEGMENTS));
    let whole = least(|| assert_eq!(SegmentTable::open(table).unwrap().neurons().unwrap().len() as u64, PARTS));
    let query = least(|| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_leadfield"));
        command.current_dir(folder).args(["query", "t", "--sphere", "500,510,500,30", "--count"]);
        assert!(command.output().unwrap().status.success());
    });
    println!("{name:<16} opened {opened:>7.1} ms, with all lists of neurons {whole:>7.1} ms, a query {query:>7.1} ms");
}

/// Returns the minimum time of five runs, ms.
fn least(run: impl Fn()) -> f64 {
    let time = |_| {
        let started = Instant::now();
        run();
        1e3 * started.elapsed().as_secs_f64()
    };
    (0..5).map(time).fold(f64::INFINITY, f64::min)
}
