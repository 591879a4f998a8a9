//! `leadfield query` as a user runs it: its output is compared with loops over the complete table, and its counts with
//! those of DuckDB and pyarrow on the same file.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use leadfield::geometry::Point;
#[cfg(feature = "frame")]
use leadfield::geometry::region::Region;
use leadfield::geometry::region::{Predicate, Sphere, nearest_point_on_segment};
use leadfield::segments::table::SegmentTable;
use leadfield::segments::{SectionType, Segment};
use leadfield::sonata::config::SonataConfig;
use leadfield::sonata::electrodes_file::ElectrodesFile;
use leadfield::sonata::nodes::{NodeAttribute, Nodes};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tempfile::TempDir;

use arrow_array::RecordBatch;
use arrow_select::concat::concat_batches;

use crate::support::{golden, leadfield_in, root};

/// Creates a folder with the reference circuit's tables `s.parquet` and `s32.parquet`, its weights `w.h5`, and its
/// contacts `e6.csv`.
fn folder() -> &'static Path {
    static FOLDER: LazyLock<TempDir> = LazyLock::new(|| {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let config = config().into_os_string().into_string().unwrap();
        leadfield_in(folder.path(), &["positions", &config, "-o", "s.parquet"]).ok();
        leadfield_in(folder.path(), &["positions", &config, "-o", "s32.parquet", "--precision", "f32"]).ok();
        std::fs::copy(golden().join("input/electrodes/e6.csv"), folder.path().join("e6.csv")).unwrap();
        leadfield_in(folder.path(), &["weights", "s.parquet", "e6.csv", "-o", "w.h5"]).ok();
        folder
    });
    FOLDER.path()
}

fn config() -> PathBuf {
    golden().join("input/circuit/simulation_config.json")
}

fn query(options: &[&str]) -> String {
    leadfield_in(folder(), &[&["query", "s.parquet"], options].concat()).ok()
}

/// All segments, in stored order.
fn segments() -> Vec<Segment> {
    let table = SegmentTable::open(&folder().join("s.parquet")).unwrap();
    table.parts().iter().flat_map(|p| p.read().unwrap().iter().collect::<Vec<_>>()).collect()
}

/// Returns a ball of 150 µm around the first soma, where dendrites are dense, as text and as region.
fn ball() -> (String, Sphere) {
    let c = segments().iter().find(|s| s.section_id == 0).unwrap().start;
    let c = Point::new(c.x.round(), c.y.round(), c.z.round());
    (format!("{},{},{},150", c.x, c.y, c.z), Sphere::new(c, 150.0).unwrap())
}

fn inside(predicate: Predicate) -> Vec<Segment> {
    let ball = ball().1;
    let found: Vec<Segment> = segments().into_iter().filter(|s| predicate.matches(&ball, s.start, s.end)).collect();
    assert!(found.len() > 20, "the ball holds enough to be a test: {}", found.len());
    found
}

/// Returns the cells of CSV without quotes.
fn cells(csv: &str) -> Vec<Vec<String>> {
    csv.lines().map(|line| line.split(',').map(String::from).collect()).collect()
}

#[test]
fn rows_are_those_of_a_loop_with_every_digit() {
    for (rule, predicate) in [("midpoint", Predicate::Midpoint), ("intersects", Predicate::Intersects)] {
        let found = cells(&query(&["--sphere", &ball().0, "--predicate", rule]));
        assert_eq!(found[0].join(","), "node_id,section_id,segment_id,section_type,x0,y0,z0,x1,y1,z1,radius,row");
        let expected: Vec<Vec<String>> = inside(predicate)
            .iter()
            .map(|s| {
                let mut row = vec![s.node_id.to_string(), s.section_id.to_string(), s.segment_id.to_string()];
                row.push(s.section_type.unwrap().name().into());
                row.extend([s.start, s.end].iter().flat_map(|p| p.to_array()).map(|v| v.to_string()));
                // stubs have no radius: an empty cell
                row.extend([s.radius_um.map_or_else(String::new, |r| r.to_string()), s.row.to_string()]);
                row
            })
            .collect();
        assert_eq!(found[1..], expected);
    }
}

#[test]
fn counting_prints_the_number_alone() {
    let (text, _) = ball();
    assert_eq!(query(&["--sphere", &text, "--count"]), format!("{}\n", inside(Predicate::Midpoint).len()));
    assert_eq!(query(&["--count"]), format!("{}\n", segments().len()));
    let dendrites = segments().iter().filter(|s| s.section_type == Some(SectionType::Dend)).count();
    assert_eq!(query(&["--count", "--section-type", "dend"]), format!("{dendrites}\n"));
}

#[test]
fn every_form_holds_the_same_rows() {
    let (text, _) = ball();
    let columns = ["--sphere", &text, "--columns", "row,x,length,inside,section_type"];
    let csv = cells(&query(&columns));
    let lines: Vec<serde_json::Value> = query(&[&columns[..], &["--format", "jsonl"]].concat())
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    assert_eq!(lines.len(), csv.len() - 1);
    for (line, row) in lines.iter().zip(&csv[1..]) {
        assert_eq!(line["row"].to_string(), row[0]);
        assert_eq!(line["x"].as_f64().unwrap(), row[1].parse::<f64>().unwrap());
        assert_eq!(line["section_type"], row[4].as_str());
    }
    for name in ["found.csv", "found.jsonl", "found.arrow", "found.parquet"] {
        query(&[&columns[..], &["-o", name, "--force"]].concat());
    }
    assert_eq!(cells(&std::fs::read_to_string(folder().join("found.csv")).unwrap()), csv);
    let parquet = std::fs::File::open(folder().join("found.parquet")).unwrap();
    let parquet: Vec<_> =
        ParquetRecordBatchReaderBuilder::try_new(parquet).unwrap().build().unwrap().map(Result::unwrap).collect();
    let arrow = std::fs::File::open(folder().join("found.arrow")).unwrap();
    let arrow: Vec<_> = arrow_ipc::reader::FileReader::try_new(arrow, None).unwrap().map(Result::unwrap).collect();
    // the division of rows into batches may differ between readers
    let whole = |batches: &[RecordBatch]| concat_batches(&batches[0].schema(), batches).unwrap();
    assert_eq!(whole(&arrow), whole(&parquet));
    assert_eq!(parquet.iter().map(|b| b.num_rows()).sum::<usize>(), csv.len() - 1);
}

#[test]
fn a_table_for_people_ends_with_what_it_does_not_show() {
    let shown = query(&["--format", "table", "--columns", "row,x"]);
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!(lines.len(), 1 + 40 + 1);
    assert_eq!(lines[41], format!("... and {} more rows; `--format csv` prints all", segments().len() - 40));
}

/// Returns an attribute of all nodes of the reference circuit.
fn attribute(name: &str) -> Vec<String> {
    let config = SonataConfig::open(&config()).unwrap();
    match Nodes::open(config.circuit().population(None).unwrap()).unwrap().read_attribute(name).unwrap() {
        NodeAttribute::Text(texts) => texts,
        NodeAttribute::Number(numbers) => numbers.iter().map(f64::to_string).collect(),
        NodeAttribute::Integer(numbers) => numbers.iter().map(i64::to_string).collect(),
        other => panic!("{other:?}"),
    }
}

#[cfg(feature = "frame")]
#[test]
fn groups_count_and_measure_what_a_loop_does() {
    let (text, ball) = ball();
    let mtype = attribute("mtype");
    let mut expected: BTreeMap<(String, String), (u64, f64, f64)> = BTreeMap::new();
    for s in inside(Predicate::Intersects) {
        let key = (mtype[s.node_id as usize].clone(), s.section_type.unwrap().name().to_string());
        let group = expected.entry(key).or_default();
        let length = s.start.distance(s.end);
        *group = (group.0 + 1, group.1 + length, group.2 + length * ball.fraction_inside(s.start, s.end));
    }
    let found = query(&["--sphere", &text, "--predicate", "intersects", "--by", "mtype,section_type"]);
    let found = cells(&found);
    assert_eq!(found[0].join(","), "mtype,section_type,segments,length,inside");
    assert_eq!(found.len() - 1, expected.len());
    for (row, (key, sums)) in found[1..].iter().zip(&expected) {
        assert_eq!((&row[0], &row[1], &row[2]), (&key.0, &key.1, &sums.0.to_string()));
        for (cell, sum) in [(&row[3], sums.1), (&row[4], sums.2)] {
            assert!((cell.parse::<f64>().unwrap() - sum).abs() <= 1e-12 * sum, "{cell} {sum}");
        }
    }
}

#[cfg(not(feature = "frame"))]
#[test]
fn options_that_need_data_frames_say_how_to_get_them() {
    for (option, value) in [("--by", "section_type"), ("--agg", "count"), ("--sort", "row")] {
        leadfield_in(folder(), &["query", "s.parquet", option, value]).refused(&format!(
            "error: {option}: this program was built without the feature `frame`\n\
             hint: `--by NAME,... --agg count` counts the segments of each group; for others build it with `cargo build \
             --release --features frame`, or without `--no-default-features`"
        ));
    }
    let two = cells(&query(&["--columns", "row", "--limit", "2"]));
    assert_eq!(two, cells(&query(&["--columns", "row"]))[..3]);
}

#[test]
fn groups_are_counted_with_and_without_data_frames() {
    let mtype = attribute("mtype");
    let mut expected: BTreeMap<(String, String), u64> = BTreeMap::new();
    for s in segments() {
        let key = (mtype[s.node_id as usize].clone(), s.section_type.unwrap().name().to_string());
        *expected.entry(key).or_default() += 1;
    }
    let expected: Vec<String> = expected.iter().map(|((mtype, kind), n)| format!("{mtype},{kind},{n}")).collect();
    let counted = |options: &[&str]| query(&[&["--by", "mtype,section_type", "--agg", "count"], options].concat());
    assert_eq!(counted(&[]), format!("mtype,section_type,count\n{}\n", expected.join("\n")));
    assert_eq!(counted(&["--limit", "2"]), format!("mtype,section_type,count\n{}\n", expected[..2].join("\n")));
    // contacts in the order of their names, those without segments too
    let contacts = "name,x,y,z\ne10,0,0,0\ne2,0,1e6,0\n";
    std::fs::write(folder().join("two.csv"), contacts).unwrap();
    let near = ["--electrodes", "two.csv", "--within", "500"];
    let pairs: u64 = query(&[&near[..], &["--count"]].concat()).trim().parse().unwrap();
    assert!(pairs > 0);
    let groups = query(&[&near[..], &["--by", "electrode", "--agg", "count"]].concat());
    assert_eq!(groups, format!("electrode,count\ne2,0\ne10,{pairs}\n"));
    let unknown = leadfield_in(folder(), &["query", "s.parquet", "--by", "mtpe", "--agg", "count"]);
    assert!(unknown.code == 2 && unknown.stderr.starts_with("error: --by: unknown column"), "{}", unknown.stderr);
    assert!(unknown.stderr.ends_with("found `mtpe`\nhint: did you mean `mtype`?\n"), "{}", unknown.stderr);
}

#[test]
fn filters_by_attribute_and_node_set_leave_their_neurons() {
    let mtype = attribute("mtype");
    let wanted = format!("mtype={}", mtype[0]);
    let expected = segments().iter().filter(|s| mtype[s.node_id as usize] == mtype[0]).count();
    assert!(expected > 0 && expected < segments().len());
    assert_eq!(query(&["--where", &wanted, "--count"]), format!("{expected}\n"));
    let both = query(&["--where", &wanted, "--where", "mtype=none of them", "--count"]);
    assert_eq!(both, "0\n");
}

#[test]
fn the_neurons_found_are_a_node_set() {
    let (text, _) = ball();
    let set: serde_json::Value = serde_json::from_str(&query(&["--sphere", &text, "--node-set-json=near"])).unwrap();
    let nodes: BTreeSet<u64> = inside(Predicate::Midpoint).iter().map(|s| s.node_id).collect();
    let population = SegmentTable::open(&folder().join("s.parquet")).unwrap().metadata().population.clone();
    assert_eq!(set, serde_json::json!({ "near": { "population": population, "node_id": nodes } }));
}

#[test]
fn the_nearest_come_with_their_distance() {
    let p = ball().1.center();
    let found =
        cells(&query(&["--nearest", "5", "--at", &format!("{},{},{}", p.x, p.y, p.z), "--columns", "row,distance"]));
    let distance = |s: &Segment| p.distance(nearest_point_on_segment(p, s.start, s.end));
    let mut expected: Vec<(f64, u64)> = segments().iter().map(|s| (distance(s), s.row)).collect();
    // two segments that share the nearest point are in the order of their rows
    expected.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let expected: Vec<Vec<String>> =
        expected[..5].iter().map(|(d, row)| vec![row.to_string(), d.to_string()]).collect();
    assert_eq!(found[1..], expected);
}

/// Returns the rows whose weight at a contact is 1.
fn ones(name: &str) -> BTreeSet<u64> {
    let file = ElectrodesFile::open(&folder().join("w.h5")).unwrap();
    let population = &file.populations()[0];
    let column = file.electrodes().iter().find(|e| e.name == name).unwrap().column(population.name()).unwrap();
    let rows = file.read_rows(population, 0..population.rows()).unwrap();
    let one = rows.chunks(population.columns() as usize).zip(0..).filter(|(row, _)| row[column as usize] == 1.0);
    one.map(|(_, row)| row).collect()
}

#[test]
fn the_regions_of_objective_csd_give_exactly_the_segments_whose_weight_is_one() {
    // the contacts of e6.csv that have a region, in a separate file
    let text = std::fs::read_to_string(folder().join("e6.csv")).unwrap();
    let lines: Vec<&str> =
        text.lines().enumerate().filter(|(i, l)| *i == 0 || l.contains("ObjectiveCSD")).map(|l| l.1).collect();
    std::fs::write(folder().join("csd.csv"), lines.join("\n")).unwrap();
    for index in [None, Some(["--index", "stored.index", "--quiet"])] {
        let mut options = vec!["--electrodes", "csd.csv", "--csd", "--columns", "electrode,row"];
        options.extend(index.iter().flatten());
        let mut found: BTreeMap<String, BTreeSet<u64>> = BTreeMap::new();
        for row in &cells(&query(&options))[1..] {
            assert!(found.entry(row[0].clone()).or_default().insert(row[1].parse().unwrap()), "each pair once");
        }
        assert_eq!(found.len(), 12, "every contact found something");
        for (name, rows) in found {
            assert_eq!(rows, ones(&name), "{name}");
        }
    }
}

#[test]
fn weights_are_looked_up_by_node_whatever_their_order_in_the_file() {
    let file = ElectrodesFile::open(&folder().join("w.h5")).unwrap();
    let population = &file.populations()[0];
    let electrode = &file.electrodes()[0];
    let column = electrode.column(population.name()).unwrap() as usize;
    let rows = file.read_rows(population, 0..population.rows()).unwrap();
    let found = cells(&query(&["--weights", "w.h5", "--electrode", &electrode.name, "--columns", "row,weight"]));
    assert_eq!(found.len() - 1, segments().len());
    for row in &found[1..] {
        let expected = rows[row[0].parse::<usize>().unwrap() * population.columns() as usize + column];
        assert_eq!(row[1].parse::<f64>().unwrap(), expected);
    }
    // the reference's file of two ranks lists nodes in another order than the table
    let reference = golden().join("reference/recip_2ranks.h5").into_os_string().into_string().unwrap();
    let other = ElectrodesFile::open(Path::new(&reference)).unwrap();
    let population = &other.populations()[0];
    let electrode = &other.electrodes()[0];
    let column = electrode.column(population.name()).unwrap() as usize;
    let found = query(&["--weights", &reference, "--electrode", &electrode.name, "--columns", "node_id,row,weight"]);
    let table = SegmentTable::open(&folder().join("s.parquet")).unwrap();
    let first: BTreeMap<u64, u64> = table.neurons().unwrap().iter().map(|n| (n.node_id, n.first_row)).collect();
    for row in &cells(&found)[1..] {
        let (node, at): (u64, u64) = (row[0].parse().unwrap(), row[1].parse().unwrap());
        let place = population.rows_of_node(node).unwrap().start + at - first[&node];
        let expected = other.read_rows(population, place..place + 1).unwrap()[column];
        assert_eq!(row[2].parse::<f64>().unwrap(), expected);
    }
}

#[test]
fn a_lead_field_is_looked_up_at_the_midpoints() {
    let field = golden().join("input/electrodes/field_far.h5").into_os_string().into_string().unwrap();
    let path = Path::new(&field);
    let table = SegmentTable::open(&folder().join("s.parquet")).unwrap();
    let request = leadfield::lead_field::LeadFieldRequest {
        quantities: &[leadfield::lead_field::Quantity::Potential],
        lookup_bounds: table.bounds().unwrap(),
        placement: None,
        current_na: None,
    };
    let expected = leadfield::lead_field::read(path, &request).unwrap();
    let (text, _) = ball();
    let found = cells(&query(&["--sphere", &text, "--field", &field, "--columns", "x,y,z,potential"]));
    assert!(found.len() > 20);
    for row in &found[1..] {
        let v: Vec<f64> = row.iter().map(|cell| cell.parse().unwrap()).collect();
        assert_eq!(expected.potential(Point::new(v[0], v[1], v[2])), Some(v[3]));
    }
}

#[test]
fn the_stated_error_of_scattered_points_is_a_column() {
    let (text, ball) = ball();
    let (c, scratch) = (ball.center(), crate::support::scratch());
    // a lattice around the ball, with a spacing of 30 µm, of the potential (x - cx)^2 µm^2, which no linear fit
    // reproduces
    let steps = || (-8..=8).map(|i| f64::from(i) * 30.0);
    let row = |x: f64, y: f64, z: f64| format!("{:e},{:e},{:e},{:e}\n", c.x + x, c.y + y, c.z + z, x * x);
    let rows = steps().flat_map(|x| steps().flat_map(move |y| steps().map(move |z| row(x, y, z))));
    let path = scratch.path().join("points.csv");
    std::fs::write(&path, "x [um],y [um],z [um],potential\n".to_string() + &rows.collect::<String>()).unwrap();
    let request = leadfield::lead_field::LeadFieldRequest {
        quantities: &[leadfield::lead_field::Quantity::Potential],
        lookup_bounds: SegmentTable::open(&folder().join("s.parquet")).unwrap().bounds().unwrap(),
        placement: None,
        current_na: Some(1.0),
    };
    let expected = leadfield::lead_field::read(&path, &request).unwrap();
    let columns = ["--field", path.to_str().unwrap(), "--columns", "x,y,z,potential,potential_error"];
    let found = cells(&query(&[&["--sphere", &text], &columns[..]].concat()));
    assert!(found.len() > 20);
    for row in &found[1..] {
        let v: Vec<f64> = row.iter().map(|cell| cell.parse().unwrap()).collect();
        let at = Point::new(v[0], v[1], v[2]);
        assert_eq!((expected.potential(at), expected.potential_error(at)), (Some(v[3]), Some(v[4])));
        assert!(v[4] > 0.0);
    }
    let grid = golden().join("input/electrodes/field_far.h5").into_os_string().into_string().unwrap();
    let none = cells(&query(&["--sphere", &text, "--field", &grid, "--columns", "potential_error"]));
    assert!(none.len() > 20 && none[1..].iter().all(|row| row[0].is_empty()), "a grid states none");
}

#[test]
#[ignore = "needs LEADFIELD_PYTHON with pyarrow, duckdb: make clients"]
fn duckdb_and_pyarrow_count_the_same() {
    let python = std::env::var_os("LEADFIELD_PYTHON").expect("LEADFIELD_PYTHON names a Python with the clients");
    let c = ball().1.center();
    for table in ["s.parquet", "s32.parquet"] {
        for radius in [10.0, 60.0, 250.0] {
            let sphere = format!("{},{},{},{radius}", c.x, c.y, c.z);
            let ours = leadfield_in(folder(), &["query", table, "--sphere", &sphere, "--count"]).ok();
            let script = root().join("tests/queries.py");
            let run = Command::new(&python).arg(script).args([table, &sphere]).current_dir(folder()).output().unwrap();
            assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
            let theirs = String::from_utf8(run.stdout).unwrap();
            assert_eq!(theirs, format!("duckdb {ours}pyarrow {ours}"), "{table} {sphere}");
        }
    }
}
