//! Compares every search of a table with a plain loop over all of its segments: pages by tree, the index in memory, the
//! k nearest, and files of other programs that lack statistics. A segment that a search misses makes results silently
//! wrong.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::UInt64Type;
use arrow_schema::Schema;
use leadfield::geometry::region::{Cuboid, Disk, Predicate, Region, Slab, Sphere, nearest_point_on_segment};
use leadfield::geometry::{Aabb, Point};
use leadfield::io::atomic_output::OverwritePolicy;
use leadfield::segments::index::CoordinateWidth;
use leadfield::segments::index::segment_index::SegmentIndexBuilder;
use leadfield::segments::index::{BoxTree, PageTree, RegionTree, SegmentIndex};
use leadfield::segments::table::{
    PageWarning, Precision, QueryStats, SegmentFilter, SegmentQuery, SegmentSelection, SegmentTable, TableMetadata,
    TableNeuron, TablePages, write_part,
};
use leadfield::segments::{SectionType, Segment, Segments};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tempfile::TempDir;

use crate::regions::{Shape, point, segment, shape};
use crate::support;

/// Number of segments of a neuron in the tables of these tests.
const PER_NEURON: usize = 50;

/// A table in a separate folder, and its segments in stored order.
struct Made {
    folder: TempDir,
    table: SegmentTable,
    segments: Vec<Segment>,
}

/// Draws the segments of neurons: short segments, one in fifty long, somata without length.
fn random_segments(segments: usize, side: f64, seed: u64) -> Vec<Segment> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut soma = Point::ORIGIN;
    (0..segments)
        .map(|i| {
            let mut within = |most: f64| Point::from([(); 3].map(|()| rng.random_range(-most..most)));
            let k = i % PER_NEURON;
            if k == 0 {
                soma = within(side);
            }
            let start = if k == 0 { soma } else { soma + within(60.0) };
            let length = if k == 1 { 900.0 } else { 12.0 };
            let end = if k == 0 { soma } else { start + within(length) };
            let kind = [SectionType::Soma, SectionType::Axon, SectionType::Dend, SectionType::Apic][k.min(2 + i % 2)];
            Segment {
                node_id: (i / PER_NEURON) as u64,
                section_id: k as u32,
                segment_id: 0,
                section_type: (k != 9).then_some(kind),
                start,
                end,
                radius_um: None,
                row: i as u64,
            }
        })
        .collect()
}

/// Creates segments between given ends.
fn plain(ends: &[(Point, Point)]) -> Vec<Segment> {
    let mut segments = random_segments(ends.len(), 1.0, 1);
    segments.iter_mut().zip(ends).for_each(|(s, &(a, b))| (s.start, s.end) = (a, b));
    segments
}

/// Writes a table with this number of parts, and reads it back in stored order.
fn made(segments: &[Segment], parts: usize, precision: Precision) -> Made {
    // two of these are statics, which are never dropped: their folders are in the target folder
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let path = folder.path().join("table");
    std::fs::create_dir(&path).unwrap();
    let neurons = segments.len().div_ceil(PER_NEURON);
    let metadata = TableMetadata {
        population: "cells".into(),
        segments: segments.len() as u64,
        neurons: neurons as u64,
        parts: parts as u64,
        ..TableMetadata::default()
    };
    let per_part = neurons.div_ceil(parts).max(1) * PER_NEURON;
    for (number, own) in segments.chunks(per_part).enumerate() {
        let neurons: Vec<TableNeuron> = own
            .chunks(PER_NEURON)
            .map(|n| TableNeuron { node_id: n[0].node_id, first_row: n[0].row, segments: n.len() as u64 })
            .collect();
        let columns: Segments = own.iter().copied().collect();
        let file = path.join(format!("part-{number:05}.parquet"));
        write_part(&file, &columns, &neurons, &metadata, precision).unwrap();
    }
    opened(folder, &path)
}

fn opened(folder: TempDir, path: &Path) -> Made {
    let table = SegmentTable::open_without_neurons(path).unwrap();
    let segments = table.parts().iter().flat_map(|p| p.read().unwrap().iter().collect::<Vec<_>>()).collect();
    Made { folder, table, segments }
}

/// 60 000 segments in three parts, in each width.
fn clouds() -> &'static [Made; 2] {
    static CLOUDS: LazyLock<[Made; 2]> =
        LazyLock::new(|| [Precision::F64, Precision::F32].map(|p| made(&random_segments(60_000, 400.0, 7), 3, p)));
    &CLOUDS
}

fn rows(batch: &RecordBatch) -> Vec<u64> {
    batch.column_by_name("row").unwrap().as_primitive::<UInt64Type>().values().to_vec()
}

/// Returns the rows and regions of all hits of a search through the tree, in the order of the hits.
fn searched(
    table: &SegmentTable,
    within: SegmentSelection<'_>,
    filter: &SegmentFilter,
) -> (Vec<(u64, u32)>, QueryStats) {
    let pages = TablePages::open_selected(table, within).unwrap();
    assert_eq!(pages.pages(), TablePages::open(table, |bounds| within.may_hit(bounds)).unwrap().pages());
    let mut found = Vec::new();
    let query = SegmentQuery { selection: within, filter, columns: &["row"] };
    let visit = &mut |hits: leadfield::segments::table::Hits| {
        assert!(hits.batch.num_rows() == hits.region.len());
        found.extend(rows(&hits.batch).into_iter().zip(hits.region));
        Ok(())
    };
    let summary = pages.run_query(&query, visit).unwrap();
    assert_eq!(summary.hits, found.len() as u64);
    // counting reads fewer columns and finds the same number
    let counted = pages.run_query(&SegmentQuery { columns: &[], ..query }, &mut |_| Ok(())).unwrap();
    assert_eq!(counted.hits, summary.hits);
    (found, summary)
}

/// Returns the rows and regions of all hits of a loop over all segments.
fn looped(segments: &[Segment], regions: &[&dyn Region], predicate: Predicate) -> Vec<(u64, u32)> {
    let holds = |s: &Segment, r: &dyn Region| predicate.matches(r, s.start, s.end);
    let of =
        |s: &Segment| (0..).zip(regions).filter(|(_, r)| holds(s, **r)).map(|(k, _)| (s.row, k)).collect::<Vec<_>>();
    segments.iter().flat_map(of).collect()
}

fn check(made: &Made, regions: &[&dyn Region]) {
    for predicate in Predicate::ALL {
        let (found, _) =
            searched(&made.table, SegmentSelection::Regions(regions, predicate), &SegmentFilter::default());
        assert_eq!(found, looped(&made.segments, regions, predicate), "{regions:?} {predicate:?}");
    }
}

/// Draws a region of the size of a neuron, somewhere among the segments.
fn placed(shape: Shape, at: Point) -> Box<dyn Region> {
    let big = |p: Point| p * 10.0 + at;
    match shape {
        Shape::Sphere { c, r } => Shape::Sphere { c: big(c), r: r * 10.0 },
        Shape::Disk { c, axis, r, half } => Shape::Disk { c: big(c), axis, r: r * 10.0, half: half * 10.0 },
        Shape::Slab { c, axis, half } => Shape::Slab { c: big(c), axis, half: half * 2.0 },
        Shape::Cuboid { c, half } => Shape::Cuboid { c: big(c), half: half * 10.0 },
        Shape::Oriented { c, half, turn } => Shape::Oriented { c: big(c), half: half * 10.0, turn },
        Shape::Capsule { a, b, r } => Shape::Capsule { a: big(a), b: big(b * 8.0), r: r * 5.0 },
    }
    .region()
}

/// Builds the index of all segments in memory, in the order of the list.
fn build_index(segments: &[Segment], width: CoordinateWidth) -> SegmentIndex {
    let mut builder = SegmentIndexBuilder::new(width);
    segments.iter().for_each(|s| builder.push(s.start, s.end, s.row));
    builder.build()
}

/// Returns the indices of the segments that a loop finds.
fn places(segments: &[Segment], region: &dyn Region, predicate: Predicate) -> Vec<u64> {
    (0..).zip(segments).filter(|(_, s)| predicate.matches(region, s.start, s.end)).map(|(i, _)| i).collect()
}

/// Returns the k nearest segments by sorting all.
fn sorted(segments: &[Segment], p: Point, k: usize) -> Vec<(f64, u64)> {
    let distance = |s: &Segment| p.distance(nearest_point_on_segment(p, s.start, s.end));
    let mut all: Vec<(f64, u64)> = segments.iter().map(distance).zip(0..).collect();
    let row = |place: u64| segments[place as usize].row;
    all.sort_by(|a, b| a.0.total_cmp(&b.0).then(row(a.1).cmp(&row(b.1))));
    all.truncate(k);
    all
}

#[test]
fn at_equal_distances_the_nearest_are_the_same_for_every_cut_into_parts() {
    let dir = crate::support::scratch();
    let run = |args: &[&str]| crate::support::leadfield_in(dir.path(), args).ok();
    run(&["synthesize", "c", "--cells", "4", "--with-report", "--quiet"]);
    let config = "c/simulation_config.json";
    run(&["positions", config, "-o", "one.parquet", "--quiet"]);
    run(&["positions", config, "-o", "cut", "--segments-per-part", "1", "--quiet"]);
    let table = SegmentTable::open(&dir.path().join("one.parquet")).unwrap();
    let segments = table.parts()[0].read_by_row().unwrap();
    // a point has the same distance from two segments whose nearest point is their shared end
    for row in [1, 7, 40] {
        let [x, y, z] = segments.start[row].to_array();
        let at = format!("{x},{y},{z}");
        let asked = |table: &str, k: &str, options: &[&str]| {
            let columns = ["--columns", "node_id,section_id,segment_id,distance", "--format", "csv"];
            run(&[&["query", table, "--nearest", k, "--at", &at], &columns[..], options].concat())
        };
        for k in ["1", "2", "3", "9"] {
            let one = asked("one.parquet", k, &[]);
            assert_eq!(one, asked("cut", k, &[]), "{k} at {at}");
            assert_eq!(one, asked("one.parquet", k, &["--index", "one.index", "--quiet"]));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn pages_by_tree_hold_what_a_loop_finds(shape in shape(), at in point()) {
        for made in clouds() {
            check(made, &[placed(shape, at * 60.0).as_ref()]);
        }
    }

    #[test]
    fn several_regions_at_once_find_what_each_finds_alone(shapes in prop::collection::vec((shape(), point()), 0..12)) {
        let regions: Vec<Box<dyn Region>> = shapes.into_iter().map(|(shape, at)| placed(shape, at * 60.0)).collect();
        let regions: Vec<&dyn Region> = regions.iter().map(AsRef::as_ref).collect();
        check(&clouds()[0], &regions);
    }

    #[test]
    fn filters_leave_the_hits_that_pass(shape in shape(), at in point(), kinds in prop::collection::vec(0..7_u8, 0..4), nodes in prop::collection::btree_set(0..1200_u64, 0..600)) {
        let made = &clouds()[1];
        let region = placed(shape, at * 40.0);
        let kinds: Vec<SectionType> = kinds.into_iter().filter_map(SectionType::from_number).collect();
        let filter = SegmentFilter { section_types: Some(kinds.clone()), node_ids: Some(nodes.iter().copied().collect()) };
        let passes = |s: &&Segment| s.section_type.is_some_and(|k| kinds.contains(&k)) && nodes.contains(&s.node_id);
        let left: Vec<Segment> = made.segments.iter().filter(passes).copied().collect();
        let regions = [region.as_ref()];
        let (found, _) = searched(&made.table, SegmentSelection::Regions(&regions, Predicate::Intersects), &filter);
        prop_assert_eq!(found, looped(&left, &regions, Predicate::Intersects));
        let (all, _) = searched(&made.table, SegmentSelection::All, &filter);
        prop_assert_eq!(all.into_iter().map(|(row, _)| row).collect::<Vec<_>>(), left.iter().map(|s| s.row).collect::<Vec<_>>());
    }

    #[test]
    fn the_nearest_are_those_of_a_sorted_list(at in point(), k in 1..40_usize) {
        for made in clouds() {
            let p = at * 80.0;
            let pages = TablePages::open(&made.table, |_| true).unwrap();
            let (found, summary) = pages.nearest(p, k, &SegmentFilter::default()).unwrap();
            let expected = sorted(&made.segments, p, k);
            prop_assert_eq!(found.iter().map(|n| (n.distance_um, n.stored_index)).collect::<Vec<_>>(), expected.clone());
            prop_assert!(summary.pages <= pages.pages().len() as u64);
            let batch = pages.fetch_segments(&found.iter().map(|n| n.stored_index).collect::<Vec<_>>(), &["node_id", "row"]).unwrap();
            let of = |place: u64| made.segments[place as usize].row;
            prop_assert_eq!(rows(&batch), expected.iter().map(|e| of(e.1)).collect::<Vec<_>>());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn the_index_finds_the_segments_of_a_loop(shape in shape(), ends in prop::collection::vec(segment(), 0..400)) {
        let (region, mut segments) = (shape.region(), plain(&ends));
        segments.sort_by(|a, b| a.start.x.total_cmp(&b.start.x));
        for width in [CoordinateWidth::Double, CoordinateWidth::Single] {
            let index = build_index(&segments, width);
            // an index in single precision is meant for tables in single precision
            let stored: Vec<Segment> = (0..).zip(&segments).map(|(i, s)| {
                let (start, end) = index.segment_ends(i).unwrap();
                Segment { start, end, ..*s }
            }).collect();
            for predicate in Predicate::ALL {
                let expected = places(&stored, region.as_ref(), predicate);
                prop_assert_eq!(index.count(region.as_ref(), predicate), expected.len() as u64);
                prop_assert_eq!(index.find(region.as_ref(), predicate), expected);
            }
        }
    }

    #[test]
    fn the_nearest_segments_of_the_index_are_those_of_a_sorted_list(p in point(), k in 0..30_usize, ends in prop::collection::vec(segment(), 0..200)) {
        let segments = plain(&ends);
        let found = build_index(&segments, CoordinateWidth::Double).nearest(p, k);
        prop_assert_eq!(found.iter().map(|n| (n.distance_um, n.stored_index)).collect::<Vec<_>>(), sorted(&segments, p, k));
    }

    #[test]
    fn the_page_tree_finds_the_boxes_that_a_loop_finds(boxes in prop::collection::vec((point(), point()), 0..600), shape in shape()) {
        let bounds: Vec<Aabb> = boxes.iter().map(|&(a, b)| Aabb::enclosing([a, b])).collect();
        let region = shape.region();
        let ours: BTreeSet<usize> = PageTree::new(&bounds).pages_touching(region.as_ref()).into_iter().collect();
        let theirs: BTreeSet<usize> = (0..).zip(&bounds).filter(|(_, b)| region.touches(b)).map(|(i, _)| i).collect();
        // boxes are rounded outwards to single precision: no page is missed, and no page is found that is farther away
        // than the rounding
        prop_assert!(ours.is_superset(&theirs));
        let room = Point::new(1e-6, 1e-6, 1e-6);
        let grown = |i: usize| Aabb { min: bounds[i].min - room, max: bounds[i].max + room };
        let all_touch = ours.iter().all(|&i| region.touches(&grown(i)));
        prop_assert!(all_touch);
    }
}

/// Boxes of all kinds: of points, flat, empty, and unknown ones.
fn boxes() -> impl Strategy<Value = Vec<Aabb>> {
    let endless = Aabb { min: Aabb::EMPTY.max, max: Aabb::EMPTY.min };
    let half_known = Aabb { min: Point::ORIGIN, max: Aabb::EMPTY.min };
    let one = prop_oneof![
        12 => (point(), point()).prop_map(|(a, b)| Aabb::enclosing([a, b])),
        4 => point().prop_map(|p| Aabb::enclosing([p])),
        1 => prop::sample::select(vec![Aabb::EMPTY, endless, half_known]),
    ];
    prop::collection::vec(one, 0..120)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn the_region_tree_finds_once_each_region_that_a_loop_finds(
        shapes in prop::collection::vec(shape(), 0..120),
        boxes in boxes(),
    ) {
        let regions: Vec<Box<dyn Region>> = shapes.into_iter().map(Shape::region).collect();
        let tree = RegionTree::new(regions.iter().map(AsRef::as_ref));
        let mut pairs = Vec::new();
        tree.for_each_pair(&BoxTree::new(boxes.iter().copied()), |region, at| pairs.push((at, region)));
        pairs.sort_unstable();
        let joined: BTreeSet<(usize, usize)> = pairs.iter().copied().collect();
        prop_assert_eq!(joined.len(), pairs.len());
        for (at, bounds) in boxes.iter().enumerate() {
            let mut candidates = Vec::new();
            tree.for_each_candidate(bounds, |region| candidates.push(region));
            let found: BTreeSet<usize> = candidates.iter().copied().collect();
            prop_assert_eq!(found.len(), candidates.len());
            // the caller decides exactly whether boxes touch: pairs that are left out must not touch, pairs that are
            // found may
            for (number, region) in regions.iter().enumerate().filter(|(_, region)| region.touches(bounds)) {
                prop_assert!(found.contains(&number) && joined.contains(&(at, number)), "{:?} {:?}", region, bounds);
            }
        }
    }

    #[test]
    fn the_region_tree_names_every_region_of_a_point_or_a_segment(
        shapes in prop::collection::vec(shape(), 0..60),
        ends in prop::collection::vec(segment(), 0..60),
    ) {
        let regions: Vec<Box<dyn Region>> = shapes.into_iter().map(Shape::region).collect();
        let tree = RegionTree::new(regions.iter().map(AsRef::as_ref));
        for (a, b) in ends {
            let (mut of_point, mut of_segment) = (BTreeSet::new(), BTreeSet::new());
            tree.for_each_candidate(&Aabb::enclosing([a]), |region| {
                of_point.insert(region);
            });
            tree.for_each_candidate(&Aabb::enclosing([a, b]), |region| {
                of_segment.insert(region);
            });
            for (number, region) in regions.iter().enumerate() {
                prop_assert!(of_point.contains(&number) || !region.contains(a));
                prop_assert!(of_segment.contains(&number) || !region.intersects(a, b));
            }
        }
    }
}

#[test]
fn hundreds_of_contacts_find_what_a_loop_finds() {
    let up = Point::new(0.1, 1.0, 0.0);
    let at = |i: i32| Point::new(f64::from(i % 7 - 3) * 90.0, f64::from(i / 7 - 15) * 25.0, f64::from(i % 3) * 40.0);
    let region = |i: i32| -> Box<dyn Region> {
        match i % 5 {
            // shared borders, regions inside regions, one around everything, and layers that overlap
            0 | 1 => Box::new(Sphere::new(at(i), 60.0).unwrap()),
            2 => Box::new(Disk::new(at(i), up, 120.0, 12.5).unwrap()),
            3 => Box::new(Slab::new(at(i), up, 3.0).unwrap()),
            _ => Box::new(Sphere::new(at(i), if i == 4 { 5000.0 } else { 5.0 }).unwrap()),
        }
    };
    let regions: Vec<Box<dyn Region>> = (0..210).map(region).collect();
    let regions: Vec<&dyn Region> = regions.iter().map(AsRef::as_ref).collect();
    for made in clouds() {
        check(made, &regions);
    }
}

#[test]
fn only_parts_that_a_region_touches_are_opened() {
    // two parts, each of one neuron: one at the origin, one far away
    let near = (Point::ORIGIN, Point::new(2.0, 0.0, 0.0));
    let far = (Point::new(1e4, 0.0, 0.0), Point::new(1e4, 3.0, 0.0));
    let ends = [vec![near; PER_NEURON], vec![far; PER_NEURON]].concat();
    let made = made(&plain(&ends), 2, Precision::F64);
    let spheres = [0.0, 1.0, 2.0].map(|x| Sphere::new(Point::new(x, 0.0, 0.0), 1.5).unwrap());
    let regions = spheres.each_ref().map(|sphere| sphere as &dyn Region);
    let within = SegmentSelection::Regions(&regions, Predicate::Midpoint);
    std::fs::remove_file(made.table.parts()[1].path()).unwrap();
    let (found, summary) = searched(&made.table, within, &SegmentFilter::default());
    // midpoints at (1, 0, 0): in all three
    assert_eq!((found.len(), summary.rows), (3 * PER_NEURON, PER_NEURON as u64));
    let all = Sphere::new(Point::ORIGIN, 2e4).unwrap();
    let error =
        TablePages::open_selected(&made.table, SegmentSelection::Regions(&[&all], Predicate::Midpoint)).unwrap_err();
    assert!(error.to_string().contains("part-00001.parquet: cannot be read"), "{error}");
}

#[test]
fn tangent_degenerate_huge_and_empty_regions_find_what_a_loop_finds() {
    let made = &clouds()[0];
    let s = made.segments[30_000];
    let touching = s.midpoint().distance(Point::ORIGIN);
    let regions: [&dyn Region; 7] = [
        // its border passes through a midpoint, up to the rounding of doubles
        &Sphere::new(Point::ORIGIN, touching).unwrap(),
        &Sphere::new(s.start, f64::MIN_POSITIVE).unwrap(),
        // a point, a face, a point that is very far away
        &Cuboid::new(s.end, s.end).unwrap(),
        &Cuboid::new(Point::new(-1e9, s.end.y, -1e9), Point::new(1e9, s.end.y, 1e9)).unwrap(),
        &Slab::new(s.end, Point::new(1.0, 1.0, 0.0), 0.0).unwrap(),
        &Disk::new(Point::ORIGIN, Point::new(0.0, 0.0, 1.0), 1e99, 1e99).unwrap(),
        &Sphere::new(Point::new(1e50, 0.0, 0.0), 1.0).unwrap(),
    ];
    check(made, &regions);
    let (found, _) =
        searched(&made.table, SegmentSelection::Regions(&regions, Predicate::Intersects), &SegmentFilter::default());
    let of = |k: u32| found.iter().filter(|(_, region)| *region == k).count();
    assert!((0..5).all(|k| of(k) >= 1), "each touches the segment that it was made for");
    assert_eq!((of(5), of(6)), (60_000, 0), "one holds everything, one nothing");
}

#[test]
fn a_long_segment_is_found_where_only_its_middle_passes() {
    let mut segments = random_segments(20_000, 300.0, 3);
    let (a, b) = (Point::new(-5000.0, 1000.0, 0.0), Point::new(5000.0, 1000.0, 0.0));
    (segments[777].start, segments[777].end) = (a, b);
    let made = made(&segments, 1, Precision::F64);
    let sphere = Sphere::new(Point::new(0.0, 1003.0, 0.0), 4.0).unwrap();
    let (found, _) =
        searched(&made.table, SegmentSelection::Regions(&[&sphere], Predicate::Intersects), &SegmentFilter::default());
    assert_eq!(found, [(777, 0)]);
    let index = build_index(&made.segments, CoordinateWidth::Double);
    let place = made.segments.iter().position(|s| s.row == 777).unwrap() as u64;
    assert_eq!(index.find(&sphere, Predicate::Intersects), [place]);
    assert_eq!(index.nearest(Point::new(100.0, 1003.0, 0.0), 1)[0].distance_um, 3.0);
}

#[test]
fn a_table_of_one_row_is_searched() {
    for precision in [Precision::F32, Precision::F64] {
        let made = made(&plain(&[(Point::ORIGIN, Point::new(2.0, 0.0, 0.0))]), 1, precision);
        check(
            &made,
            &[&Sphere::new(Point::new(1.0, 0.0, 0.0), 0.5).unwrap(), &Sphere::new(Point::ORIGIN, 0.5).unwrap()],
        );
        let index = made.table.build_index().unwrap();
        assert_eq!(index.find(&Sphere::new(Point::new(1.0, 0.0, 0.0), 0.5).unwrap(), Predicate::Midpoint), [0]);
    }
}

#[test]
fn a_million_rows_are_searched_in_bounded_pieces() {
    let made = made(&random_segments(1_000_000, 700.0, 5), 2, Precision::F32);
    let index = made.table.build_index().unwrap();
    let regions: [&dyn Region; 3] = [
        &Sphere::new(Point::new(100.0, 50.0, -200.0), 80.0).unwrap(),
        &Disk::new(Point::ORIGIN, Point::new(0.0, 1.0, 0.0), 500.0, 20.0).unwrap(),
        &Slab::new(Point::ORIGIN, Point::new(0.0, 1.0, 0.0), 400.0).unwrap(),
    ];
    for region in regions {
        let within = SegmentSelection::Regions(std::slice::from_ref(&region), Predicate::Midpoint);
        let pages = TablePages::open(&made.table, |b| within.may_hit(b)).unwrap();
        let (mut largest, mut found) = (0, Vec::new());
        let query =
            SegmentQuery { selection: within, filter: &SegmentFilter::default(), columns: &["row", "x0", "y1"] };
        let visit = &mut |hits: leadfield::segments::table::Hits| {
            largest = largest.max(hits.batch.num_rows());
            found.extend(rows(&hits.batch));
            Ok(())
        };
        pages.run_query(&query, visit).unwrap();
        assert!(largest <= 128 * 1024, "{largest}");
        let expected = places(&made.segments, region, Predicate::Midpoint);
        assert_eq!(found.len(), expected.len());
        assert!(found.iter().zip(&expected).all(|(row, place)| *row == made.segments[*place as usize].row));
        assert_eq!(index.find(region, Predicate::Midpoint), expected);
    }
}

#[test]
fn a_small_region_reads_few_pages() {
    let made = made(&random_segments(400_000, 700.0, 5), 1, Precision::F32);
    let sphere = Sphere::new(Point::new(100.0, 50.0, -200.0), 30.0).unwrap();
    let (_, summary) =
        searched(&made.table, SegmentSelection::Regions(&[&sphere], Predicate::Midpoint), &SegmentFilter::default());
    let all = TablePages::open(&made.table, |_| true).unwrap().pages().len() as u64;
    // 98 pages: those of short segments near the sphere, and of the long ones
    assert!(all >= 400_000 / 4096 && summary.pages * 5 < all, "{} of {all}", summary.pages);
}

/// Writes the same rows as other programs write them.
fn rewritten(made: &Made, properties: impl Fn() -> WriterPropertiesBuilder, metadata: bool) -> Made {
    let folder = support::scratch();
    let path = folder.path().join("table");
    std::fs::create_dir(&path).unwrap();
    for part in made.table.parts() {
        let reader = ParquetRecordBatchReaderBuilder::try_new(std::fs::File::open(part.path()).unwrap()).unwrap();
        let pairs = reader.metadata().file_metadata().key_value_metadata().filter(|_| metadata).cloned();
        let schema = Arc::new(Schema::new(reader.schema().fields().clone()));
        let properties = properties().set_key_value_metadata(pairs).build();
        let out = std::fs::File::create(path.join(part.path().file_name().unwrap())).unwrap();
        let mut writer = ArrowWriter::try_new(out, schema.clone(), Some(properties)).unwrap();
        for batch in reader.build().unwrap() {
            writer.write(&batch.unwrap().with_schema(schema.clone()).unwrap()).unwrap();
        }
        writer.close().unwrap();
    }
    opened(folder, &path)
}

fn warnings(made: &Made) -> Vec<PageWarning> {
    TablePages::open(&made.table, |_| true).unwrap().warnings().to_vec()
}

fn paths(made: &Made) -> Vec<std::path::PathBuf> {
    made.table.parts().iter().map(|p| p.path().to_path_buf()).collect()
}

#[test]
fn files_of_other_programs_are_searched_with_a_warning() {
    let sphere = Sphere::new(Point::new(100.0, 50.0, -200.0), 90.0).unwrap();
    let by_group = || WriterProperties::builder().set_statistics_enabled(EnabledStatistics::Chunk);
    let blind = || WriterProperties::builder().set_statistics_enabled(EnabledStatistics::None);
    for original in clouds() {
        let groups = rewritten(original, || by_group().set_max_row_group_row_count(Some(5000)), true);
        check(&groups, &[&sphere]);
        assert_eq!(warnings(&groups), paths(&groups).into_iter().map(PageWarning::NoPageIndex).collect::<Vec<_>>());
        assert!(!groups.table.lacks_metadata());

        let scanned = rewritten(original, || blind().set_max_row_group_row_count(Some(5000)), false);
        check(&scanned, &[&sphere]);
        assert_eq!(warnings(&scanned), paths(&scanned).into_iter().map(PageWarning::NoStatistics).collect::<Vec<_>>());
        assert!(scanned.table.lacks_metadata());

        // columns whose pages end at other rows than those of their neighbours: pages cut by bytes, with dictionaries
        let uneven = rewritten(original, || WriterProperties::builder().set_data_page_size_limit(10_000), false);
        check(&uneven, &[&sphere]);
        assert_eq!(warnings(&uneven), []);
        assert!(uneven.folder.path().exists());
    }
}

#[test]
fn a_damaged_page_index_is_not_believed() {
    let original = &clouds()[0];
    let folder = support::scratch();
    let path = folder.path().join("table");
    // without checksums, by which a damaged index is an error
    let small = || WriterProperties::builder().set_data_page_row_count_limit(512).set_write_batch_size(512);
    let plain = rewritten(original, small, true);
    support::copy_folder(plain.table.path(), &path);
    for part in plain.table.parts() {
        let file = path.join(part.path().file_name().unwrap());
        let mut bytes = std::fs::read(&file).unwrap();
        // the page index is between the last page and the footer, whose length is in the last eight bytes of the file
        let tail = bytes.len() - 8;
        let footer = u32::from_le_bytes(bytes[tail..tail + 4].try_into().unwrap()) as usize;
        bytes[tail - footer - 2000..tail - footer].fill(0xff);
        std::fs::write(&file, bytes).unwrap();
    }
    let damaged = opened(folder, &path);
    check(&damaged, &[&Sphere::new(Point::new(100.0, 50.0, -200.0), 90.0).unwrap()]);
    assert_eq!(warnings(&damaged), paths(&damaged).into_iter().map(PageWarning::NoPageIndex).collect::<Vec<_>>());
}

#[test]
fn an_index_is_stored_next_to_its_table_and_refused_for_another() {
    let [one, other] = clouds();
    assert_ne!(one.table.fingerprint().unwrap(), other.table.fingerprint().unwrap());
    let path = one.folder.path().join("stored.index");
    one.table.build_index().unwrap().write(&path, one.table.fingerprint().unwrap(), OverwritePolicy::Replace).unwrap();
    let index = SegmentIndex::open(&path, one.table.fingerprint().unwrap()).unwrap();
    let sphere = Sphere::new(Point::ORIGIN, 120.0).unwrap();
    assert_eq!(index.find(&sphere, Predicate::Midpoint), places(&one.segments, &sphere, Predicate::Midpoint));
    assert!((0..index.len() as u64).all(|i| index.row(i) == Some(one.segments[i as usize].row)));
    assert!(SegmentIndex::open(&path, other.table.fingerprint().unwrap()).is_err());
}

#[test]
fn places_are_fetched_in_the_order_asked_for() {
    let made = &clouds()[1];
    let pages = TablePages::open(&made.table, |_| true).unwrap();
    let asked: Vec<u64> = vec![59_999, 3, 40_000, 3, 12_345, 0];
    let expected: Vec<u64> = asked.iter().map(|&p| made.segments[p as usize].row).collect();
    assert_eq!(rows(&pages.fetch_segments(&asked, &["row"]).unwrap()), expected);
    let refused = pages.fetch_segments(&[60_000], &["row"]).unwrap_err().to_string();
    assert!(refused.ends_with("no segment with index 60000, expected one of the table's rows"), "{refused}");
}
