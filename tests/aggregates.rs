//! `leadfield query --by`, `--agg`, `--sort` and `--limit` as a user runs them. Results are compared with loops over
//! the complete table and the other files, and with DuckDB and polars on the same file.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, UInt64Type};
use leadfield::segments::Segment;
use leadfield::segments::table::SegmentTable;
use leadfield::sonata::config::SonataConfig;
use leadfield::sonata::electrodes_file::ElectrodesFile;
use leadfield::sonata::nodes::{NodeAttribute, Nodes};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tempfile::TempDir;

use crate::support::{Run, golden, leadfield_in, root};

/// The reference circuit's table `s.parquet`, its weights `w.h5`, and contacts `near.csv` at two somata.
fn folder() -> &'static Path {
    static FOLDER: LazyLock<TempDir> = LazyLock::new(|| {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let (path, config) = (folder.path(), config().into_os_string().into_string().unwrap());
        leadfield_in(path, &["positions", &config, "-o", "s.parquet"]).ok();
        let somata: Vec<_> = all_segments(path).into_iter().filter(|s| s.section_id == 0).map(|s| s.start).collect();
        let contact = |(name, p): (&str, &leadfield::geometry::Point)| format!("{name},{},{},{}\n", p.x, p.y, p.z);
        let contacts: String = ["tip", "base"].into_iter().zip(&somata).map(contact).collect();
        std::fs::write(path.join("near.csv"), format!("name,x,y,z\n{contacts}")).unwrap();
        leadfield_in(path, &["weights", "s.parquet", "near.csv", "-o", "w.h5"]).ok();
        folder
    });
    FOLDER.path()
}

fn config() -> PathBuf {
    golden().join("input/circuit/simulation_config.json")
}

fn all_segments(folder: &Path) -> Vec<Segment> {
    let table = SegmentTable::open(&folder.join("s.parquet")).unwrap();
    table.parts().iter().flat_map(|p| p.read().unwrap().iter().collect::<Vec<_>>()).collect()
}

/// All segments, in stored order.
fn segments() -> Vec<Segment> {
    all_segments(folder())
}

fn run(options: &[&str]) -> Run {
    leadfield_in(folder(), &[&["query", "s.parquet"], options].concat())
}

#[test]
fn sums_do_not_depend_on_how_a_table_is_stored() {
    let folder = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| leadfield_in(folder.path(), args).ok();
    run(&["synthesize", "c", "--cells", "12", "--with-report", "--quiet"]);
    let tables = [
        ("one.parquet", &[][..]),
        ("parts", &["--segments-per-part", "700"]),
        ("groups", &["--segments-per-part", "3000", "--row-group-rows", "500"]),
    ];
    for (name, options) in tables {
        run(&[&["positions", "c/simulation_config.json", "-o", name, "--quiet"], options].concat());
    }
    let agg = "sum:length,mean:length,mean:x0,sum:y0,std:y1,sum:radius,std:radius,sum:row";
    for by in [&[][..], &["--by", "section_type"], &["--by", "node_id"]] {
        let [one, parts, groups] = tables.map(|(name, _)| run(&[&["query", name, "--agg", agg], by].concat()));
        assert!(one.lines().count() > 1 && parts == one && groups == one, "{by:?}\n{one}\n{parts}\n{groups}");
    }
    let [one, parts, groups] = tables.map(|(name, _)| run(&["query", name, "--by", "section_type"]));
    assert!(parts == one && groups == one, "{one}\n{parts}\n{groups}");
}

/// The header and the rows of CSV without quotes.
fn query(options: &[&str]) -> (String, Vec<Vec<String>>) {
    let text = run(options).ok();
    let mut lines = text.lines();
    let header = lines.next().unwrap().to_string();
    (header, lines.map(|line| line.split(',').map(String::from).collect()).collect())
}

fn number(cell: &str) -> f64 {
    cell.parse().unwrap()
}

#[track_caller]
fn assert_close(cell: &str, expected: f64) {
    assert!((number(cell) - expected).abs() <= 1e-12 * expected.abs(), "{cell} {expected}");
}

/// The attribute `mtype` of every node.
fn mtypes() -> Vec<String> {
    let config = SonataConfig::open(&config()).unwrap();
    match Nodes::open(config.circuit().population(None).unwrap()).unwrap().read_attribute("mtype").unwrap() {
        NodeAttribute::Text(texts) => texts,
        other => panic!("mtype is text, not {other:?}"),
    }
}

fn kind(s: &Segment) -> String {
    s.section_type.unwrap().name().into()
}

fn length(s: &Segment) -> f64 {
    s.start.distance(s.end)
}

#[test]
fn aggregates_by_attributes_of_the_nodes_are_those_of_a_loop() {
    let mtypes = mtypes();
    let mut groups: BTreeMap<(String, String), Vec<Segment>> = BTreeMap::new();
    for s in segments() {
        groups.entry((mtypes[s.node_id as usize].clone(), kind(&s))).or_default().push(s);
    }
    assert!(groups.len() > 10, "{}", groups.len());
    let aggregates = "count,sum:length,mean:length,min:y,max:y,count:radius,mean:radius,unique:node_id,median:length";
    let (header, rows) = query(&["--by", "mtype,section_type", "--agg", aggregates]);
    let results = "count,sum_length,mean_length,min_y,max_y,count_radius,mean_radius,unique_node_id,median_length";
    assert_eq!(header, format!("mtype,section_type,{results}"));
    assert_eq!(rows.len(), groups.len());
    for (row, ((mtype, kind), segments)) in rows.iter().zip(&groups) {
        assert_eq!((&row[0], &row[1], &row[2]), (mtype, kind, &segments.len().to_string()));
        let total: f64 = segments.iter().map(length).sum();
        assert_close(&row[3], total);
        assert_close(&row[4], total / segments.len() as f64);
        let y = || segments.iter().map(|s| s.midpoint().y);
        assert_eq!(number(&row[5]), y().reduce(f64::min).unwrap());
        assert_eq!(number(&row[6]), y().reduce(f64::max).unwrap());
        // an unknown radius is not counted, and the mean of no values is an empty cell
        let radii: Vec<f64> = segments.iter().filter_map(|s| s.radius_um).map(f64::from).collect();
        assert_eq!(row[7], radii.len().to_string());
        match radii.is_empty() {
            true => assert_eq!(row[8], ""),
            false => assert_close(&row[8], radii.iter().sum::<f64>() / radii.len() as f64),
        }
        assert_eq!(row[9], segments.iter().map(|s| s.node_id).collect::<BTreeSet<_>>().len().to_string());
        let mut lengths: Vec<f64> = segments.iter().map(length).collect();
        lengths.sort_by(f64::total_cmp);
        assert_close(&row[10], (lengths[(lengths.len() - 1) / 2] + lengths[lengths.len() / 2]) / 2.0);
    }
}

#[test]
fn aggregates_without_groups_are_one_row_also_of_no_segments() {
    let (header, rows) = query(&["--agg", "count,sum:length"]);
    assert_eq!(header, "count,sum_length");
    assert_eq!((rows.len(), &rows[0][0]), (1, &segments().len().to_string()));
    assert_close(&rows[0][1], segments().iter().map(length).sum());
    assert_eq!(run(&["--agg", "count"]).ok(), format!("count\n{}\n", segments().len()));
    let nowhere = ["--sphere", "1e6,1e6,1e6,1"];
    let of_none = ["--agg", "count,sum:length,mean:length,min:mtype,max:row,median:row,std:row,unique:row"];
    let header = "count,sum_length,mean_length,min_mtype,max_row,median_row,std_row,unique_row";
    assert_eq!(run(&[&nowhere[..], &of_none].concat()).ok(), format!("{header}\n0,0,,,,,,0\n"));
    assert_eq!(run(&[&nowhere[..], &["--by", "mtype"]].concat()).ok(), "mtype,segments,length,inside\n");
}

#[test]
fn contacts_and_weights_are_columns_of_aggregates() {
    let file = ElectrodesFile::open(&folder().join("w.h5")).unwrap();
    let population = &file.populations()[0];
    let tip = file.electrodes().iter().find(|electrode| electrode.name == "tip").unwrap();
    let column = tip.column(population.name()).unwrap() as usize;
    let weights = file.read_rows(population, 0..population.rows()).unwrap();
    let weight = |s: &Segment| weights[s.row as usize * population.columns() as usize + column];
    let options = ["--weights", "w.h5", "--electrode", "tip"];
    let (header, rows) = query(&[&options[..], &["--by", "section_type", "--agg", "mean:weight,max:weight"]].concat());
    assert_eq!(header, "section_type,mean_weight,max_weight");
    for row in &rows {
        let of_kind: Vec<f64> = segments().iter().filter(|s| kind(s) == row[0]).map(weight).collect();
        assert_close(&row[1], of_kind.iter().sum::<f64>() / of_kind.len() as f64);
        assert_eq!(number(&row[2]), of_kind.iter().copied().reduce(f64::max).unwrap());
    }
    let near = ["--electrodes", "near.csv", "--within", "60"];
    let (_, counts) = query(&[&near[..], &["--by", "electrode", "--agg", "count"]].concat());
    let (_, pairs) = query(&[&near[..], &["--columns", "electrode"]].concat());
    let mut expected: BTreeMap<&String, usize> = BTreeMap::new();
    pairs.iter().for_each(|row| *expected.entry(&row[0]).or_default() += 1);
    assert_eq!(expected.len(), 2, "both contacts found something");
    let expected: Vec<Vec<String>> = expected.iter().map(|(name, n)| vec![name.to_string(), n.to_string()]).collect();
    assert_eq!(counts, expected);
}

#[test]
fn groups_are_sorted_by_any_column_and_cut_off() {
    let by = ["--by", "node_id", "--agg", "count,sum:length"];
    let (_, groups) = query(&by);
    let nodes: Vec<u64> = groups.iter().map(|row| row[0].parse().unwrap()).collect();
    assert!(nodes.len() > 3 && nodes.is_sorted(), "by their values: {nodes:?}");
    let mut expected = groups.clone();
    // the sort is stable: equal counts stay in the order of the nodes
    expected.sort_by(|a, b| number(&b[1]).total_cmp(&number(&a[1])));
    assert_eq!(query(&[&by[..], &["--sort", "count:desc"]].concat()).1, expected);
    assert_eq!(query(&[&by[..], &["--sort", "count:desc", "--limit", "2"]].concat()).1, expected[..2]);
    expected.sort_by(|a, b| number(&a[2]).total_cmp(&number(&b[2])));
    assert_eq!(query(&[&by[..], &["--sort", "sum_length"]].concat()).1, expected);
    assert_eq!(query(&[&by[..], &["--sort", "sum:length:asc"]].concat()).1, expected);
    // without `--agg` the columns are those of `--by` alone
    let (header, rows) = query(&["--by", "section_type", "--sort", "segments:desc", "--limit", "1"]);
    assert_eq!((header.as_str(), rows.len()), ("section_type,segments,length,inside", 1));
}

#[test]
fn rows_are_sorted_by_columns_that_need_not_be_shown() {
    let mtypes = mtypes();
    let mut expected = segments();
    expected.sort_by(|a, b| {
        mtypes[a.node_id as usize].cmp(&mtypes[b.node_id as usize]).then(length(b).total_cmp(&length(a)))
    });
    let rows: Vec<Vec<String>> = expected.iter().map(|s| vec![s.row.to_string(), kind(s)]).collect();
    let columns = ["--columns", "row,section_type", "--sort", "mtype,length:desc"];
    let (header, found) = query(&columns);
    assert_eq!(header, "row,section_type");
    assert_eq!(found, rows);
    assert_eq!(query(&[&columns[..], &["--limit", "7"]].concat()).1, rows[..7]);
    let radii: Vec<f64> = query(&["--columns", "radius", "--sort", "radius"]).1.iter().map(|r| number(&r[0])).collect();
    assert!(radii.len() == expected.len() && radii.is_sorted() && radii[0] < radii[radii.len() - 1]);
    let (header, all) = query(&["--sort", "row", "--limit", "3"]);
    assert_eq!(header, "node_id,section_id,segment_id,section_type,x0,y0,z0,x1,y1,z1,radius,row");
    assert_eq!(all.iter().map(|row| row[11].as_str()).collect::<Vec<_>>(), ["0", "1", "2"]);
}

#[test]
fn a_limit_alone_gives_the_first_rows() {
    let (_, all) = query(&["--columns", "row"]);
    for limit in [0, 1, 40, all.len(), all.len() + 1] {
        let (_, found) = query(&["--columns", "row", "--limit", &limit.to_string()]);
        assert_eq!(found, all[..limit.min(all.len())], "{limit}");
    }
}

#[test]
fn every_form_holds_the_same_groups() {
    let options = ["--by", "section_type,section_id", "--agg", "count,mean:length,min:radius", "--sort", "count:desc"];
    let (_, csv) = query(&options);
    for name in ["groups.parquet", "groups.arrow", "groups.jsonl", "groups.csv"] {
        run(&[&options[..], &["-o", name, "--force"]].concat()).ok();
    }
    let parquet = std::fs::File::open(folder().join("groups.parquet")).unwrap();
    let parquet: Vec<_> =
        ParquetRecordBatchReaderBuilder::try_new(parquet).unwrap().build().unwrap().map(Result::unwrap).collect();
    let arrow = std::fs::File::open(folder().join("groups.arrow")).unwrap();
    let arrow: Vec<_> = arrow_ipc::reader::FileReader::try_new(arrow, None).unwrap().map(Result::unwrap).collect();
    assert_eq!(arrow, parquet);
    let (kinds, counts) = (parquet[0].column(0).as_string::<i32>(), parquet[0].column(2).as_primitive::<UInt64Type>());
    let means = parquet[0].column(3).as_primitive::<Float64Type>();
    assert_eq!(counts.len(), csv.len());
    for (i, row) in csv.iter().enumerate() {
        assert_eq!((kinds.value(i), counts.value(i)), (row[0].as_str(), row[2].parse().unwrap()));
        assert_eq!(means.value(i), number(&row[3]));
    }
    let lines = std::fs::read_to_string(folder().join("groups.jsonl")).unwrap();
    for (line, row) in lines.lines().zip(&csv) {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!((&line["section_type"], line["count"].to_string()), (&row[0].as_str().into(), row[2].clone()));
        assert_eq!(line["min_radius"].is_null(), row[4].is_empty());
    }
    let table = run(&[&options[..], &["--format", "table"]].concat()).ok();
    assert_eq!(table.lines().next().unwrap().split_whitespace().count(), 5);
    // the bytes do not depend on the number of threads
    let threads = |n: &str| run(&[&options[..], &["--threads", n]].concat()).ok();
    assert_eq!(threads("1"), threads("4"));
}

#[test]
fn what_cannot_be_aggregated_or_sorted_is_refused_with_what_would_do() {
    let operations = "`count`, `sum`, `mean`, `min`, `max`, `median`, `std`, `unique`";
    run(&["--agg", "count,avg:length"])
        .refused(&format!("error: --agg: unknown aggregate, expected one of {operations}, found `avg`"));
    run(&["--agg", "summ:length"]).refused(&format!(
        "error: --agg: unknown aggregate, expected one of {operations}, found `summ`\nhint: did you mean `sum`?"
    ));
    run(&["--agg", "mean"]).refused("error: --agg: no column to aggregate, expected `mean:COLUMN`, found `mean`");
    run(&["--by", "section_type", "--agg", "sum:mtype"])
        .refused("error: --agg: `sum` is not defined for a column of text, found `mtype`");
    run(&["--agg", "max:section_type"])
        .refused("error: --agg: `max` is not defined for a column of kinds of section, found `section_type`");
    run(&["--agg", "count,count"])
        .refused("error: --agg: two columns with the same name, expected each name once, found `count` twice");
    run(&["--by", "length"])
        .refused("error: --by: two columns with the same name, expected each name once, found `length` twice");
    run(&["--by", "section_type", "--sort", "count"]).refused(
        "error: --sort: unknown column, expected one of `section_type`, `segments`, `length`, `inside`, found `count`",
    );
    run(&["--by", "section_type", "--agg", "sum:length", "--sort", "sumlength:desc"]).refused(
        "error: --sort: unknown column, expected one of `section_type`, `sum_length`, found `sumlength`\n\
         hint: did you mean `sum_length`?",
    );
    run(&["--sort", "row:down"]).refused("error: --sort: unknown order, expected `asc` or `desc`, found `down`");
    run(&["--columns", "row,row", "--sort", "row"])
        .refused("error: two columns with the same name, expected each name once, found `row` twice");
}

/// The columns of a query without other options.
const KNOWN: &str = "`node_id`, `section_id`, `segment_id`, `section_type`, `x0`, `y0`, `z0`, `x1`, `y1`, `z1`, `radius`, \
                     `row`, `x`, `y`, `z`, `length`, `inside`";

#[test]
fn columns_that_need_another_option_say_which() {
    let unknown = |options: &[&str], option: &str, found: &str, hint: &str| {
        let refused = run(options);
        let start = format!("error: {option}: unknown column, expected one of {KNOWN}");
        assert!(refused.stderr.starts_with(&start), "{}", refused.stderr);
        assert!(refused.stderr.ends_with(&format!(", found `{found}`\nhint: {hint}\n")), "{}", refused.stderr);
        assert_eq!((refused.code, refused.stdout.as_str()), (2, ""));
    };
    unknown(
        &["--agg", "mean:weight"],
        "--agg",
        "weight",
        "the column `weight` needs `--weights FILE --electrode NAME`",
    );
    unknown(&["--by", "electrode"], "--by", "electrode", "the column `electrode` needs `--electrodes FILE`");
    unknown(&["--sort", "distance"], "--sort", "distance", "the column `distance` needs `--nearest K --at X,Y,Z`");
    unknown(&["--columns", "potential"], "--columns", "potential", "the column `potential` needs `--field FILE`");
    unknown(&["--by", "mtipe"], "--by", "mtipe", "did you mean `mtype`?");
    unknown(&["--agg", "sum:lenght"], "--agg", "lenght", "did you mean `length`?");
    unknown(&["--sort", "radus:desc"], "--sort", "radus", "did you mean `radius`?");
    run(&["--by", ""]).refused("error: --by: no column to group by, expected at least one name");
    for options in [["--count", "--agg", "count"], ["--count", "--limit", "1"], ["--columns", "row", "--agg=count"]] {
        let refused = run(&options);
        assert!(refused.code == 2 && refused.stderr.contains("cannot be used with"), "{}", refused.stderr);
    }
}

#[test]
#[ignore = "needs LEADFIELD_PYTHON with polars, duckdb: make clients"]
fn duckdb_and_polars_aggregate_to_the_same() {
    let python = std::env::var_os("LEADFIELD_PYTHON").expect("LEADFIELD_PYTHON names a Python with the clients");
    let aggregates = "count,sum:row,min:x0,max:x0,mean:radius,count:radius,median:y1,std:z0,unique:node_id";
    run(&["--by", "section_id", "--agg", aggregates, "--sort", "count:desc,section_id", "-o", "by.csv", "--force"])
        .ok();
    let script = root().join("tests/aggregates.py");
    let run = Command::new(&python).arg(script).args(["s.parquet", "by.csv"]).current_dir(folder()).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
}
