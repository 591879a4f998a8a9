//! Input that `leadfield query` refuses: invalid regions, options that do not fit together, files that are not tables.

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use arrow_array::{ArrayRef, Float64Array, RecordBatch, UInt64Array};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use tempfile::TempDir;

#[cfg(feature = "frame")]
use super::electrodes_file::edited;
use crate::support::{Run, leadfield, leadfield_in, scratch};

/// Creates a folder with a table of three neurons, `segments.parquet`.
fn folder() -> &'static Path {
    static FOLDER: LazyLock<TempDir> = LazyLock::new(|| {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        leadfield_in(folder.path(), &["synthesize", "circuit", "--cells", "3", "--with-report"]).ok();
        leadfield_in(folder.path(), &["positions", "circuit/simulation_config.json", "-o", "segments.parquet"]).ok();
        folder
    });
    FOLDER.path()
}

fn query(options: &[&str]) -> Run {
    leadfield_in(folder(), &[&["query", "segments.parquet"], options].concat())
}

#[test]
fn a_region_that_is_not_a_list_of_numbers_is_refused_with_an_example() {
    for found in ["1,2,3", "1,2,3,4,5", "1,2,3,x", ""] {
        query(&["--sphere", found]).refused(&format!(
            "error: --sphere: malformed, expected 4 numbers `x,y,z,r` (µm), found `{found}`\n\
             hint: for example `--sphere 100,-850,0,50`"
        ));
    }
    query(&["--disk", "1"]).refused(
        "error: --disk: malformed, expected 8 numbers `x,y,z,ax,ay,az,r,half` (µm), found `1`\n\
         hint: write the numbers with commas and without blanks, for example `--disk 0,-850,0,0,1,0,500,20`",
    );
    query(&["--slab", "-1"]).refused(
        "error: --slab: malformed, expected 7 numbers `x,y,z,ax,ay,az,half` (µm), found `-1`\n\
         hint: write the numbers with commas and without blanks, for example `--slab 0,-850,0,0,1,0,20`",
    );
    query(&["--box", "1 2 3 4 5 6"]).refused(
        "error: --box: malformed, expected 6 numbers `x0,y0,z0,x1,y1,z1` (µm), found `1 2 3 4 5 6`\n\
         hint: write the numbers with commas and without blanks, for example `--box -50,-900,-50,50,-800,50`",
    );
    query(&["--capsule", "a"]).refused(
        "error: --capsule: malformed, expected 7 numbers `x0,y0,z0,x1,y1,z1,r` (µm), found `a`\n\
         hint: for example `--capsule 0,-1000,0,0,0,0,50`",
    );
    query(&["--nearest", "1", "--at", "0,0"]).refused(
        "error: --at: malformed, expected 3 numbers `x,y,z` (µm), found `0,0`\n\
         hint: for example `--at 100,-850,0`",
    );
}

#[test]
fn a_region_without_an_inside_or_a_direction_is_refused() {
    for (found, text) in [("0", "0"), ("-4", "-4"), ("nan", "NaN"), ("inf", "inf")] {
        query(&["--sphere", &format!("1,2,3,{found}")]).refused(&format!(
            "error: --sphere: radius out of range, expected a number above 0 and at most 1e100 µm, found `{text}`"
        ));
    }
    query(&["--sphere", "nan,0,0,1"])
        .refused("error: --sphere: center out of range, expected finite coordinates up to 1e100 µm, found (NaN, 0, 0)");
    query(&["--disk", "0,0,0,0,0,0,5,1"]).refused(
        "error: --disk: axis has no direction, expected a finite vector with a length above 0, found (0, 0, 0)",
    );
    query(&["--slab", "0,0,0,0,1,0,-2"])
        .refused("error: --slab: half thickness out of range, expected a number from 0 to 1e100 µm, found `-2`");
    query(&["--box", "0,0,0,1,-1,1"]).refused(
        "error: --box: corners out of order, expected no coordinate of the first above the second's, \
         found (0, 0, 0) and (1, -1, 1)",
    );
}

#[test]
fn options_that_do_not_go_with_the_nearest_are_refused() {
    query(&["--nearest", "0", "--at", "0,0,0"])
        .refused("error: --nearest: out of range, expected 1 or more, found `0`");
    query(&["--nearest", "3", "--at", "0,0,0", "--predicate", "midpoint"]).refused(
        "error: --predicate: not defined for `--nearest`, which uses the distance to the segment\n\
         hint: leave out `--predicate`",
    );
}

#[test]
fn unknown_names_are_refused_with_those_that_are_known() {
    // attributes are known only if the circuit is found; that of this table is elsewhere
    let elsewhere = scratch();
    rewritten(&elsewhere.path().join("s.parquet"), |pairs| set(pairs, "leadfield.circuit", "gone.json"));
    leadfield_in(elsewhere.path(), &["query", "s.parquet", "--columns", "node_id,foo"]).refused(
        "error: --columns: unknown column, expected one of `node_id`, `section_id`, `segment_id`, `section_type`, \
         `x0`, `y0`, `z0`, `x1`, `y1`, `z1`, `radius`, `row`, `x`, `y`, `z`, `length`, `inside`, found `foo`\n\
         hint: attributes of the nodes, such as `mtype`, need `--circuit CONFIG`",
    );
    let run = query(&["--columns", "foo"]);
    assert!(run.stderr.contains(", `mtype`, ") && run.stderr.ends_with(", found `foo`\n"), "{}", run.stderr);
    query(&["--section-type", "soma,axom"]).refused(
        "error: --section-type: unknown section type, expected one of `soma`, `axon`, `dend`, `apic`, `ais`, `node`, \
         `myelin`, found `axom`",
    );
    query(&["--where", "mtype"]).refused(
        "error: --where: malformed, expected `attribute=value[,value...]`, found `mtype`\n\
         hint: for example `--where mtype=L5_TPC:A`",
    );
    query(&["-o", "found.txt"]).refused(
        "error: found.txt: unknown output format, expected a name that ends in .csv, .jsonl, .arrow or .parquet\n\
         hint: or give the format: `--format csv`",
    );
    assert!(!folder().join("found.txt").exists());
}

#[test]
fn contacts_without_a_region_are_refused() {
    let contacts = folder().join("contacts.csv");
    std::fs::write(&contacts, "name,x,y,z,type\na,0,0,0,LineSource\n").unwrap();
    query(&["--electrodes", "contacts.csv"]).refused(
        "error: --electrodes: contacts without regions, expected `--within R` or `--csd`\n\
         hint: for example `--within 50`: all segments at most 50 µm from a contact",
    );
    query(&["--electrodes", "contacts.csv", "--csd"]).refused(
        "error: contacts.csv: contact[0]: contact without a region, expected a type `ObjectiveCSD_...`, found \
         `LineSource`\n\
         hint: use `--within R` for a sphere around every contact",
    );
    query(&["--electrodes", "contacts.csv", "--within", "-3"])
        .refused("error: --within: radius out of range, expected a number above 0 and at most 1e100 µm, found `-3`");
}

#[test]
fn an_output_that_exists_is_kept() {
    std::fs::write(folder().join("kept.csv"), "mine").unwrap();
    query(&["-o", "kept.csv"])
        .refused("error: kept.csv: exists already\nhint: choose another name, or replace it with `--force`");
    assert_eq!(std::fs::read_to_string(folder().join("kept.csv")).unwrap(), "mine");
}

/// Writes the table's rows with changed metadata.
fn rewritten(target: &Path, change: impl Fn(&mut Vec<KeyValue>)) {
    let file = std::fs::File::open(folder().join("segments.parquet")).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let mut pairs = reader.metadata().file_metadata().key_value_metadata().unwrap().clone();
    change(&mut pairs);
    let schema = Arc::new(arrow_schema::Schema::new(reader.schema().fields().clone()));
    let properties = WriterProperties::builder().set_key_value_metadata(Some(pairs)).build();
    let out = std::fs::File::create(target).unwrap();
    let mut writer = ArrowWriter::try_new(out, schema.clone(), Some(properties)).unwrap();
    for batch in reader.build().unwrap() {
        writer.write(&batch.unwrap().with_schema(schema.clone()).unwrap()).unwrap();
    }
    writer.close().unwrap();
}

fn set(pairs: &mut [KeyValue], key: &str, value: &str) {
    let pair = pairs.iter_mut().find(|pair| pair.key == key).unwrap();
    pair.value = Some(value.into());
}

#[test]
fn a_table_of_a_newer_version_is_refused() {
    let folder = scratch();
    rewritten(&folder.path().join("new.parquet"), |pairs| set(pairs, "leadfield.format_version", "2"));
    leadfield_in(folder.path(), &["query", "new.parquet", "--count"]).refused(
        "error: new.parquet: newer table format, expected version 1 or older, found 2\n\
         hint: read it with the newer `leadfield`, or make it again with `leadfield positions`",
    );
}

#[test]
fn a_parquet_file_without_the_columns_of_a_table_is_refused_and_they_are_named() {
    let folder = scratch();
    let columns: [(&str, ArrayRef); 2] =
        [("node_id", Arc::new(UInt64Array::from(vec![1]))), ("x0", Arc::new(Float64Array::from(vec![1.0])))];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let out = std::fs::File::create(folder.path().join("other.parquet")).unwrap();
    let mut writer = ArrowWriter::try_new(out, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    leadfield_in(folder.path(), &["query", "other.parquet", "--count"]).refused(
        "error: other.parquet: not a segment table, expected its columns, found no `section_id`, \
         `segment_id`, `section_type`, `y0`, `z0`, `x1`, `y1`, `z1`, `radius`, `row`\n\
         hint: make a segment table with `leadfield positions`",
    );
}

#[test]
fn parts_of_different_populations_are_refused() {
    let folder = scratch();
    let part = |number: u8| -> PathBuf { folder.path().join(format!("part-0000{number}.parquet")) };
    rewritten(&part(0), |pairs| set(pairs, "leadfield.population", "one"));
    rewritten(&part(1), |pairs| set(pairs, "leadfield.population", "other"));
    leadfield(&["query", folder.path().to_str().unwrap(), "--count"]).refused(&format!(
        "error: {}: part of another table, expected population `one`, found population `other`\n\
         hint: use a separate folder for the parts of each table",
        part(1).display()
    ));
}

#[test]
fn an_index_of_another_table_is_refused() {
    let folder = scratch();
    let (one, other) = (folder.path().join("one.parquet"), folder.path().join("other.parquet"));
    rewritten(&one, |_| ());
    rewritten(&other, |pairs| set(pairs, "leadfield.circuit", "elsewhere"));
    let args = |table| ["query", table, "--sphere", "0,0,0,100", "--count", "--index", "a.index", "--quiet"];
    let counted = leadfield_in(folder.path(), &args("one.parquet")).ok();
    assert_eq!(leadfield_in(folder.path(), &args("one.parquet")).ok(), counted);
    let run = leadfield_in(folder.path(), &args("other.parquet"));
    assert!(
        run.stderr.starts_with("error: a.index: index of another table, expected the fingerprint "),
        "{}",
        run.stderr
    );
    let hint = "hint: give each table an index of its own name; if the table was made again, remove its old index: \
                `--index` writes a new one\n";
    assert!(run.stderr.ends_with(hint) && run.code == 2, "{}", run.stderr);
}

#[test]
fn a_file_that_is_not_an_index_is_not_advised_to_be_removed() {
    query(&["--sphere", "0,0,0,100", "--count", "--index", "segments.parquet"]).refused(
        "error: segments.parquet: not an index, expected a file written by `leadfield query --index`\n\
         hint: give `--index` a name that is free: it writes a new index there",
    );
    query(&["--sphere", "0,0,0,100", "--index", "x.csv", "-o", "x.csv"])
        .refused("error: `--index` is the output too, expected two names, found `x.csv` twice");
    let run = query(&["--index", "x.index", "--count"]);
    assert_eq!((run.code, folder().join("x.index").exists()), (2, false), "{}", run.stderr);
    // a radius beyond the limit, without its 301 digits
    query(&["--sphere", "0,0,0,1e300"])
        .refused("error: --sphere: radius out of range, expected a number above 0 and at most 1e100 µm, found `1e300`");
}

#[test]
#[cfg(feature = "frame")]
fn integers_booleans_and_half_precision_are_attributes_without_loss() {
    let dir = scratch();
    let dir = dir.path();
    leadfield_in(dir, &["synthesize", "c", "--cells", "3", "--morphologies", "1", "--quiet"]).ok();
    // 2^53 and 2^53 + 1 are the same number in float64
    let serials = [9_007_199_254_740_993_i64, 9_007_199_254_740_992, -9_007_199_254_740_993];
    edited(&dir.join("c/networks/nodes/neurons/nodes.h5"), |file| {
        let create = |name: &str| format!("nodes/neurons/0/{name}");
        drop(file.new_dataset_builder().with_data(&serials).create(create("serial").as_str()).unwrap());
        drop(file.new_dataset_builder().with_data(&[true, false, true]).create(create("flag").as_str()).unwrap());
        let halves = [0.5, 0.25, 0.5].map(half::f16::from_f64);
        drop(file.new_dataset_builder().with_data(&halves).create(create("share").as_str()).unwrap());
        drop(file.new_dataset_builder().with_data(&[u64::MAX, 0, 1]).create(create("huge").as_str()).unwrap());
    });
    std::fs::write(
        dir.join("c/node_sets.json"),
        r#"{"Yes": {"flag": true}, "No": {"flag": false}, "Above": {"serial": {"$gt": 9007199254740992}}}"#,
    )
    .unwrap();
    leadfield_in(dir, &["positions", "c/circuit_config.json", "-o", "s.parquet", "--quiet"]).ok();
    let query = |options: &[&str]| leadfield_in(dir, &[&["query", "s.parquet"], options].concat());
    let by = |options: &[&str]| query(&[options, &["--agg", "unique:node_id", "--format", "csv"]].concat()).ok();
    assert_eq!(
        by(&["--by", "serial"]),
        "serial,unique_node_id\n-9007199254740993,1\n9007199254740992,1\n9007199254740993,1\n"
    );
    assert_eq!(by(&["--by", "flag"]), "flag,unique_node_id\nfalse,1\ntrue,2\n");
    assert_eq!(by(&["--by", "share"]), "share,unique_node_id\n0.25,1\n0.5,2\n");
    let columns = query(&["--where", "serial=9007199254740993", "--columns", "node_id,serial", "--format", "csv"]).ok();
    assert_eq!(columns.lines().take(2).collect::<Vec<_>>(), ["node_id,serial", "0,9007199254740993"]);
    assert!(columns.lines().skip(1).all(|line| line == "0,9007199254740993"));
    let nodes = |options: &[&str]| by(&[options, &["--by", "node_id"]].concat()).lines().count() - 1;
    assert_eq!(nodes(&["--where", "serial=9007199254740992,-9007199254740993"]), 2);
    assert_eq!((nodes(&["--where", "flag=true"]), nodes(&["--where", "flag=0"])), (2, 1));
    assert_eq!((nodes(&["--node-set", "Yes"]), nodes(&["--node-set", "No"])), (2, 1));
    assert_eq!(nodes(&["--node-set", "Above"]), 1);
    assert_eq!(nodes(&["--where", "share=0.5"]), 2);
    query(&["--where", "flag=perhaps"])
        .refused("error: --where: wrong value, expected `true` or `false` for the attribute `flag`, found `perhaps`");
    query(&["--by", "huge"]).refused(
        "error: c/networks/nodes/neurons/nodes.h5: /nodes/neurons/0/huge[0]: integer too large, expected at most \
         9223372036854775807, found 18446744073709551615",
    );
    // sums of such integers are those of floats: 64 bits are too few
    let sums = query(&["--where", "serial=9007199254740992", "--agg", "count,sum:serial", "--format", "csv"]).ok();
    let sums: Vec<f64> = sums.lines().nth(1).unwrap().split(',').map(|cell| cell.parse().unwrap()).collect();
    assert_eq!(sums[1], sums[0] * 9_007_199_254_740_992.0);
}
