//! Tables that another program rewrote: with null values, with wrong statistics, without metadata and in other types.
//! Each is written here by the Parquet library alone, which does not know segment tables.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type, UInt8Type, UInt32Type, UInt64Type};
use arrow_array::{
    ArrayRef, DictionaryArray, Float64Array, Int16Array, Int64Array, LargeStringArray, RecordBatch, UInt32Array,
};
use arrow_select::concat::concat_batches;
use arrow_select::take::take_record_batch;
use leadfield::segments::SectionType;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::{KeyValue, PageIndexPolicy, ParquetMetaDataReader};
use parquet::file::properties::WriterProperties;

use crate::support::{golden, leadfield_in, root, scratch};

const BOX: &str = "-1e6,-1e6,-1e6,1e6,1e6,1e6";

/// Creates a folder with the reference circuit's table `t.parquet`, and contacts `e.csv`.
fn folder() -> tempfile::TempDir {
    let dir = scratch();
    let config = golden().join("input/circuit/simulation_config.json").into_os_string().into_string().unwrap();
    leadfield_in(dir.path(), &["positions", &config, "-o", "t.parquet"]).ok();
    std::fs::write(dir.path().join("e.csv"), "name,x,y,z\na,10,-300,5\nb,40,-900,-20\n").unwrap();
    dir
}

/// Reads all rows of a file, and its key-value metadata.
pub fn rows_of(path: &Path) -> (RecordBatch, Vec<KeyValue>) {
    let builder = ParquetRecordBatchReaderBuilder::try_new(std::fs::File::open(path).unwrap()).unwrap();
    let pairs = builder.metadata().file_metadata().key_value_metadata().cloned().unwrap_or_default();
    let schema = builder.schema().clone();
    let batches: Vec<RecordBatch> = builder.build().unwrap().map(Result::unwrap).collect();
    let own = pairs.into_iter().filter(|pair| pair.key != "ARROW:schema").collect();
    (concat_batches(&schema, &batches).unwrap(), own)
}

/// Writes rows as another program does, with 256 rows per page and 1024 per row group.
pub fn write(path: &Path, rows: &RecordBatch, pairs: Option<Vec<KeyValue>>, compression: Compression) {
    let properties = WriterProperties::builder()
        .set_created_by("another program 1.0".into())
        .set_compression(compression)
        .set_max_row_group_row_count(Some(1024))
        .set_data_page_row_count_limit(256)
        .set_write_batch_size(256)
        .set_key_value_metadata(pairs)
        .build();
    let file = std::fs::File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, rows.schema(), Some(properties)).unwrap();
    writer.write(rows).unwrap();
    writer.close().unwrap();
}

/// Returns the rows with one column replaced.
pub fn with_column(rows: &RecordBatch, name: &str, column: ArrayRef) -> RecordBatch {
    let schema = rows.schema();
    let columns = schema.fields().iter().zip(rows.columns()).map(|(field, own)| {
        let is_it = field.name() == name;
        (field.name().clone(), if is_it { column.clone() } else { own.clone() }, field.is_nullable() || is_it)
    });
    RecordBatch::try_from_iter_with_nullable(columns.collect::<Vec<_>>()).unwrap()
}

fn floats(rows: &RecordBatch, name: &str) -> Vec<f64> {
    rows.column_by_name(name).unwrap().as_primitive::<Float64Type>().values().to_vec()
}

#[test]
fn a_coordinate_that_is_not_a_number_is_an_error_under_every_rule() {
    let dir = folder();
    let (rows, pairs) = rows_of(&dir.path().join("t.parquet"));
    for (value, found) in [(f64::NAN, "NaN"), (f64::INFINITY, "inf"), (f64::NEG_INFINITY, "-inf")] {
        for (column, row) in [("x0", 17), ("z1", 1300)] {
            let mut values = floats(&rows, column);
            values[row] = value;
            let changed = with_column(&rows, column, Arc::new(Float64Array::from(values)));
            write(&dir.path().join("n.parquet"), &changed, Some(pairs.clone()), Compression::UNCOMPRESSED);
            let message = format!(
                "error: n.parquet: {column}[{row}]: wrong coordinate, expected a finite number, found {found}\n\
                 hint: make the table again, or remove these rows"
            );
            for rule in ["radius", "exact"] {
                let args = ["weights", "n.parquet", "e.csv", "-o", "w.h5", "--near-field", rule];
                leadfield_in(dir.path(), &args).refused(&message);
                assert!(!dir.path().join("w.h5").exists());
            }
            leadfield_in(dir.path(), &["query", "n.parquet", "--box", BOX, "--count"]).refused(&message);
            leadfield_in(dir.path(), &["query", "n.parquet", "--nearest", "3200", "--at", "0,0,0"]).refused(&message);
            let run = leadfield_in(dir.path(), &["validate", "positions", "n.parquet"]);
            assert_eq!(run.code, 1, "{}", run.stderr);
            let finding =
                format!("n.parquet: {column}[{row}]: wrong coordinate, expected a finite number, found {found}\n");
            assert!(run.stdout.contains(&finding), "{}", run.stdout);
        }
    }
}

/// Replaces the first occurrence of a number in some bytes of a file.
fn replace_number(path: &Path, range: std::ops::Range<usize>, old: f64, new: f64) {
    let mut bytes = std::fs::read(path).unwrap();
    let place = bytes[range.clone()].windows(8).position(|w| w == old.to_le_bytes()).unwrap() + range.start;
    bytes[place..place + 8].copy_from_slice(&new.to_le_bytes());
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn a_statistic_that_lies_is_found_by_whoever_reads_its_page_and_by_validate() {
    let dir = folder();
    let path = dir.path().join("l.parquet");
    let (rows, pairs) = rows_of(&dir.path().join("t.parquet"));
    let x0 = floats(&rows, "x0");
    // the second page of the first row group
    let page = 256..512;
    let greatest = x0[page.clone()].iter().copied().fold(f64::MIN, f64::max);
    let least = x0[page.clone()].iter().copied().fold(f64::MAX, f64::min);
    let row = page.start + x0[page].iter().position(|v| *v == greatest).unwrap();
    let lie = least + (greatest - least) / 2.0;
    let first_outside = 256 + x0[256..512].iter().position(|v| *v > lie).unwrap();
    write(&path, &rows, Some(pairs.clone()), Compression::UNCOMPRESSED);
    let whole = std::fs::read(&path).unwrap();
    let metadata = ParquetMetaDataReader::new().with_page_index_policy(PageIndexPolicy::Required);
    let metadata = metadata.parse_and_finish(&std::fs::File::open(&path).unwrap()).unwrap();
    let chunk = metadata.row_group(0).columns().iter().find(|c| c.column_path().string() == "x0").unwrap();
    let start = chunk.column_index_offset().unwrap() as usize;
    replace_number(&path, start..start + chunk.column_index_length().unwrap() as usize, greatest, lie);

    let found = x0[first_outside];
    let valid = leadfield_in(dir.path(), &["validate", "positions", "t.parquet"]).ok();
    assert!(valid.ends_with("valid\n") && valid.starts_with("3161 segments in 1 part read"), "{valid}");
    let run = leadfield_in(dir.path(), &["validate", "positions", "l.parquet"]);
    assert_eq!(run.code, 1);
    let finding = format!(
        "l.parquet: x0[{first_outside}]: coordinate outside the statistics of its page, expected {least} to {lie}, \
         found {found}\n"
    );
    assert!(run.stdout.contains(&finding) && run.stdout.ends_with("not valid\n"), "{}", run.stdout);
    // the query reads the page for another reason: x1 may still extend there, so only the union of both is checked
    let text = std::str::from_utf8(run.stdout.as_bytes()).unwrap();
    assert!(text.contains("1 part without checksums"), "{text}");

    // the same for a row group: its largest x0 in the footer
    std::fs::write(&path, whole).unwrap();
    let group = x0[..1024].iter().copied().fold(f64::MIN, f64::max);
    let lie = group - 1.0;
    let length = std::fs::read(&path).unwrap().len();
    let mut bytes = std::fs::read(&path).unwrap();
    let footer = u32::from_le_bytes(bytes[length - 8..length - 4].try_into().unwrap()) as usize;
    for at in length - 8 - footer..length - 16 {
        if bytes[at..at + 8] == group.to_le_bytes() {
            bytes[at..at + 8].copy_from_slice(&lie.to_le_bytes());
        }
    }
    std::fs::write(&path, bytes).unwrap();
    let run = leadfield_in(dir.path(), &["validate", "positions", "l.parquet", "--json"]);
    assert_eq!(run.code, 1);
    assert!(run.stdout.contains("coordinate outside the statistics of row group 0"), "{}", run.stdout);
    assert!(row < 512);
}

/// Returns the rows in an order that is neither the stored one nor that of `row`.
fn shuffled(rows: &RecordBatch) -> RecordBatch {
    let n = rows.num_rows() as u32;
    let step = (1..).map(|i| n / 2 + i).find(|step| gcd(*step, n) == 1).unwrap();
    let places: UInt32Array = (0..n).map(|i| (u64::from(i) * u64::from(step) % u64::from(n)) as u32).collect();
    take_record_batch(rows, &places).unwrap()
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Returns the rows with other widths of integers, section types as names, another order of columns, and one more
/// column.
fn in_other_types(rows: &RecordBatch, as_dictionary: bool) -> RecordBatch {
    let column = |name: &str| rows.column_by_name(name).unwrap().clone();
    let ids = |name: &str| column(name).as_primitive::<UInt32Type>().values().to_vec();
    let wide = |name: &str| column(name).as_primitive::<UInt64Type>().values().to_vec();
    let kinds: Vec<&str> = column("section_type")
        .as_primitive::<UInt8Type>()
        .values()
        .iter()
        .map(|&kind| SectionType::from_number(kind).unwrap().name())
        .collect();
    let kinds: ArrayRef = match as_dictionary {
        true => Arc::new(kinds.into_iter().collect::<DictionaryArray<Int32Type>>()),
        false => Arc::new(LargeStringArray::from(kinds)),
    };
    let mut columns: Vec<(&str, ArrayRef)> = vec![
        ("note", Arc::new(LargeStringArray::from(vec!["x"; rows.num_rows()]))),
        ("row", Arc::new(Float64Array::from_iter_values(wide("row").into_iter().map(|v| v as f64)))),
        ("section_id", Arc::new(Int16Array::from_iter_values(ids("section_id").into_iter().map(|v| v as i16)))),
        ("section_type", kinds),
    ];
    columns.extend(["z1", "y1", "x1", "z0", "y0", "x0", "radius"].map(|name| (name, column(name))));
    columns.push(("segment_id", Arc::new(Int64Array::from_iter_values(ids("segment_id").into_iter().map(i64::from)))));
    columns.push(("node_id", Arc::new(Int64Array::from_iter_values(wide("node_id").into_iter().map(|v| v as i64)))));
    RecordBatch::try_from_iter(columns).unwrap()
}

fn bytes(path: PathBuf) -> Vec<u8> {
    std::fs::read(path).unwrap()
}

#[test]
fn a_table_that_another_program_rewrote_works_in_every_tool() {
    let dir = folder();
    let at = |name: &str| dir.path().join(name);
    let run = |args: &[&str]| leadfield_in(dir.path(), args);
    let (rows, _) = rows_of(&at("t.parquet"));
    run(&["weights", "t.parquet", "e.csv", "-o", "w.h5"]).ok();
    run(&["convert", "t.parquet", "-o", "t.csv"]).ok();
    let population =
        leadfield::segments::table::SegmentTable::open(&at("t.parquet")).unwrap().metadata().population.clone();
    let rows_found = |table: &str| {
        let out = run(&["query", table, "--sphere", "0,-400,0,200", "--columns", "row", "--format", "csv"]).ok();
        let mut rows: Vec<String> = out.lines().skip(1).map(String::from).collect();
        rows.sort();
        rows
    };
    let expected = rows_found("t.parquet");
    assert!(expected.len() > 20);
    let zstd = Compression::ZSTD(ZstdLevel::default());
    for (name, changed, compression) in [
        ("metadata-lost.parquet", rows.clone(), Compression::SNAPPY),
        ("shuffled.parquet", shuffled(&rows), Compression::LZ4_RAW),
        ("names.parquet", in_other_types(&shuffled(&rows), false), zstd),
        ("dictionary.parquet", in_other_types(&rows, true), Compression::UNCOMPRESSED),
    ] {
        write(&at(name), &changed, None, compression);
        let lost = "segment table without metadata (written by another program 1.0): its neurons are read from \
                    `node_id` and `row`";
        let message = format!(
            "error: {name}: no population: another program rewrote the table without its metadata\n\
             hint: give it: `--population NAME`"
        );
        run(&["weights", name, "e.csv", "-o", "v.h5"]).refused(&message);
        let done = run(&["weights", name, "e.csv", "-o", "v.h5", "--population", &population]);
        assert_eq!(done.code, 0, "{name}: {}", done.stderr);
        let assumed = format!("warning: {name}: {lost}, its population is assumed to be `{population}`");
        assert!(done.stderr.contains(&assumed), "{}", done.stderr);
        run(&["validate", "weights", "v.h5", "w.h5", "--rtol", "0"]).ok();
        std::fs::remove_file(at("v.h5")).unwrap();

        assert_eq!(rows_found(name), expected, "{name}");
        let info = run(&["info", name]);
        assert!(info.stdout.contains("3161") && info.stderr.contains(lost), "{}{}", info.stdout, info.stderr);
        run(&["validate", "positions", name, "t.parquet", "--atol", "0"]).ok();
        run(&["validate", "positions", name]).ok();
        run(&["validate", "weights", "w.h5", "w.h5", "--segments", name]).ok();
        run(&["validate", "electrodes-file", "w.h5", "--segments", name]).ok();
        run(&["convert", name, "-o", "v.csv", "--force"]).ok();
        assert!(bytes(at("v.csv")) == bytes(at("t.csv")), "{name}");
        run(&["convert", name, "-o", "v.arrow", "--force"]).ok();
        run(&["plot", "weights", name, "w.h5", "--electrode", "a", "-o", "v.svg", "--force"]).ok();
        run(&["report", name, "w.h5", "-o", "v.html", "--force"]).ok();
        let page = String::from_utf8(bytes(at("v.html"))).unwrap();
        assert!(page.contains(&population), "{name}");
    }
    run(&["weights", "t.parquet", "e.csv", "-o", "v.h5", "--population", "other"]).refused(
        "error: --population: no table lacks a population, expected one for `other`, found names in all tables\n\
         hint: leave `--population` out: a table that `leadfield positions` wrote names its own",
    );
}

#[test]
fn rows_that_are_missing_or_do_not_fit_are_errors() {
    let dir = folder();
    let at = |name: &str| dir.path().join(name);
    let run = |args: &[&str]| leadfield_in(dir.path(), args);
    let (rows, _) = rows_of(&at("t.parquet"));
    let row = rows.column_by_name("row").unwrap().as_primitive::<UInt64Type>();
    let node = rows.column_by_name("node_id").unwrap().as_primitive::<UInt64Type>();
    // a row in the middle of the first neuron
    let first = node.values().iter().min().copied().unwrap();
    let without: UInt32Array = (0..rows.num_rows() as u32).filter(|&i| row.value(i as usize) != 5).collect();
    assert_eq!(arrow_array::Array::len(&without) + 1, rows.num_rows());
    let own = node.values().iter().filter(|n| **n == first).count();
    write(&at("gap.parquet"), &take_record_batch(&rows, &without).unwrap(), None, Compression::SNAPPY);
    run(&["weights", "gap.parquet", "e.csv", "-o", "v.h5", "--population", "p"]).refused(&format!(
        "error: gap.parquet: rows of node {first} have gaps or repeat, expected {own} from its first to its last row, \
         found {}\nhint: make the table again: it must have all rows of its neurons, each once",
        own - 1
    ));
    let negative = Int64Array::from_iter_values((0..rows.num_rows() as i64).map(|i| i - 1));
    write(&at("negative.parquet"), &with_column(&rows, "row", Arc::new(negative)), None, Compression::SNAPPY);
    run(&["weights", "negative.parquet", "e.csv", "-o", "v.h5", "--population", "p"])
        .refused("error: negative.parquet: row: value does not fit, expected UInt64, found -1");
    let text = LargeStringArray::from(vec!["1"; rows.num_rows()]);
    write(&at("text.parquet"), &with_column(&rows, "row", Arc::new(text)), None, Compression::SNAPPY);
    run(&["query", "text.parquet", "--count"])
        .refused("error: text.parquet: row: wrong type, expected UInt64, found LargeUtf8");
}

#[test]
fn a_compression_that_is_not_read_is_named_with_those_that_are() {
    let dir = folder();
    let brotli = root().join("datasets/damaged/brotli.parquet");
    std::fs::copy(brotli, dir.path().join("b.parquet")).unwrap();
    let message = "error: b.parquet: compression cannot be read, expected none, snappy, gzip, zstd or lz4, found `brotli`\n\
                   hint: write the file with another compression: `compression=\"zstd\"` in pandas and polars";
    for args in [
        &["weights", "b.parquet", "e.csv", "-o", "w.h5", "--population", "p"] as &[&str],
        &["query", "b.parquet", "--count"],
        &["info", "b.parquet"],
        &["convert", "b.parquet", "-o", "x.csv"],
    ] {
        leadfield_in(dir.path(), args).refused(message);
    }
}

#[test]
fn tables_without_statistics_and_with_columns_of_nothing_work() {
    let dir = folder();
    let dir = dir.path();
    let (rows, pairs) = rows_of(&dir.join("t.parquet"));
    let population = pairs.iter().find(|pair| pair.key == "leadfield.population").unwrap().value.clone().unwrap();
    leadfield_in(dir, &["weights", "t.parquet", "e.csv", "-o", "w.h5", "--near-field", "exact", "--quiet"]).ok();
    let expected = leadfield::sonata::electrodes_file::ElectrodesFile::open(&dir.join("w.h5")).unwrap();
    let weights_of = |file: &leadfield::sonata::electrodes_file::ElectrodesFile| {
        let factors = file.weights_dataset(file.population(&population).unwrap()).unwrap();
        let mut values = Vec::new();
        factors.read_rows(0..rows.num_rows() as u64, &mut values).unwrap();
        values.into_iter().map(f64::to_bits).collect::<Vec<_>>()
    };
    let expected = weights_of(&expected);
    let nothing: ArrayRef = Arc::new(arrow_array::NullArray::new(rows.num_rows()));
    let changed = with_column(&with_column(&rows, "radius", nothing.clone()), "section_type", nothing);
    let properties = WriterProperties::builder()
        .set_statistics_enabled(parquet::file::properties::EnabledStatistics::None)
        .set_max_row_group_row_count(Some(1000))
        .build();
    for (name, rows) in [("plain.parquet", &rows), ("null.parquet", &changed)] {
        let file = std::fs::File::create(dir.join(name)).unwrap();
        let mut writer = ArrowWriter::try_new(file, rows.schema(), Some(properties.clone())).unwrap();
        writer.write(rows).unwrap();
        writer.close().unwrap();
        let options = ["--population", &population, "--near-field", "exact", "--force", "--quiet"];
        leadfield_in(dir, &[&["weights", name, "e.csv", "-o", "n.h5"][..], &options].concat()).ok();
        let found = leadfield::sonata::electrodes_file::ElectrodesFile::open(&dir.join("n.h5")).unwrap();
        assert!(weights_of(&found) == expected, "{name}");
        assert!(leadfield_in(dir, &["info", name]).code == 0, "{name}");
        let count = |table: &str| leadfield_in(dir, &["query", table, "--box", BOX, "--count"]).ok();
        assert_eq!(count(name), count("t.parquet"), "{name}");
    }
}
