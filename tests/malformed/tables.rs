//! Damaged segment tables, created from a valid one through Arrow or by changed bytes: each has its error, with the
//! exact text.

use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, RecordBatch, UInt32Array, UInt64Array};
use arrow_schema::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;

use crate::support::{golden, leadfield_in, names_in, scratch};

/// The content of a table: columns by name, and metadata.
struct Table {
    columns: Vec<(Field, ArrayRef)>,
    metadata: Vec<KeyValue>,
}

impl Table {
    /// Reads the table of one of the variants of the reference circuit, in one row group.
    fn valid(dir: &Path) -> Self {
        let config = golden().join("variants/four_axon_kinds/circuit/simulation_config.json");
        let args = ["positions", config.to_str().unwrap(), "-o", "valid.parquet", "--quiet", "--force"];
        leadfield_in(dir, &args).ok();
        let file = std::fs::File::open(dir.join("valid.parquet")).unwrap();
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
        let metadata = builder.metadata().file_metadata().key_value_metadata().cloned().unwrap();
        let batches: Vec<RecordBatch> = builder.build().unwrap().map(Result::unwrap).collect();
        let batch = arrow_select::concat::concat_batches(&batches[0].schema(), &batches).unwrap();
        let fields = batch.schema().fields().iter().map(|f| f.as_ref().clone()).collect::<Vec<_>>();
        let metadata = metadata.into_iter().filter(|kv| kv.key.starts_with("leadfield.")).collect();
        Self { columns: fields.into_iter().zip(batch.columns().to_vec()).collect(), metadata }
    }

    fn write(&self, path: &Path) {
        let (fields, arrays): (Vec<Field>, Vec<ArrayRef>) = self.columns.iter().cloned().unzip();
        let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap();
        let properties = WriterProperties::builder().set_key_value_metadata(Some(self.metadata.clone())).build();
        let file = std::fs::File::create(path).unwrap();
        let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
    }

    fn column(&mut self, name: &str) -> &mut (Field, ArrayRef) {
        self.columns.iter_mut().find(|(field, _)| field.name() == name).unwrap()
    }

    fn replace(&mut self, name: &str, kind: DataType, nullable: bool, array: ArrayRef) {
        *self.column(name) = (Field::new(name, kind, nullable), array);
    }

    fn numbers(&mut self, name: &str) -> Vec<u64> {
        self.column(name).1.as_any().downcast_ref::<UInt64Array>().unwrap().values().to_vec()
    }

    fn value(&mut self, key: &str, change: impl FnOnce(&str) -> Option<String>) {
        let key = format!("leadfield.{key}");
        let at = self.metadata.iter().position(|kv| kv.key == key).unwrap();
        match change(self.metadata[at].value.as_deref().unwrap()) {
            Some(value) => self.metadata[at].value = Some(value),
            None => drop(self.metadata.remove(at)),
        }
    }
}

/// Runs `validate positions` on a damaged table.
#[track_caller]
fn refused(damage: impl FnOnce(&mut Table), text: &str) {
    let dir = scratch();
    let mut table = Table::valid(dir.path());
    damage(&mut table);
    table.write(&dir.path().join("t.parquet"));
    leadfield_in(dir.path(), &["validate", "positions", "t.parquet", "valid.parquet"])
        .refused(&format!("error: t.parquet: {text}"));
    assert_eq!(names_in(dir.path()), ["t.parquet", "valid.parquet"]);
}

const MAKE: &str = "\nhint: make a segment table with `leadfield positions`";

#[test]
fn a_table_that_is_rebuilt_from_its_columns_is_valid() {
    let dir = scratch();
    Table::valid(dir.path()).write(&dir.path().join("t.parquet"));
    leadfield_in(dir.path(), &["validate", "positions", "t.parquet", "valid.parquet"]).ok();
}

#[test]
fn another_segment_id_is_a_difference_of_positions() {
    let dir = scratch();
    let mut table = Table::valid(dir.path());
    let ids = |table: &mut Table, name: &str| -> Vec<u32> {
        table.column(name).1.as_any().downcast_ref::<UInt32Array>().unwrap().values().to_vec()
    };
    let (node, section) = (table.numbers("node_id")[7], ids(&mut table, "section_id")[7]);
    let mut segments = ids(&mut table, "segment_id");
    let place = std::mem::replace(&mut segments[7], 99);
    table.replace("segment_id", DataType::UInt32, false, Arc::new(UInt32Array::from(segments)));
    table.write(&dir.path().join("t.parquet"));
    let run = leadfield_in(dir.path(), &["validate", "positions", "t.parquet", "valid.parquet"]);
    let message = format!("    node {node}, section {section}: segment {place} has the ids 99 and {place}\n");
    assert!(run.code == 1 && run.stdout.contains(&message), "{}{}", run.stdout, run.stderr);
    leadfield_in(dir.path(), &["validate", "positions", "t.parquet", "t.parquet"]).ok();
}

#[test]
fn a_coordinate_that_is_not_finite_does_not_fit_the_circuit() {
    let dir = scratch();
    let config = golden().join("variants/four_axon_kinds/circuit/simulation_config.json");
    let args = ["validate", "circuit", config.to_str().unwrap(), "t.parquet", "--axon-rule", "taper"];
    let valid = Table::valid(dir.path());
    valid.write(&dir.path().join("t.parquet"));
    leadfield_in(dir.path(), &args).ok();
    for (column, value) in [("x0", f64::NAN), ("z1", f64::NAN), ("y1", f64::NEG_INFINITY)] {
        let mut table = Table::valid(dir.path());
        let node = table.numbers("node_id")[7];
        let mut values: Vec<f64> =
            table.column(column).1.as_any().downcast_ref::<Float64Array>().unwrap().values().to_vec();
        values[7] = value;
        table.replace(column, DataType::Float64, false, Arc::new(Float64Array::from(values)));
        table.write(&dir.path().join("t.parquet"));
        let run = leadfield_in(dir.path(), &args);
        let message = format!(", does not fit\nnode {node}: a coordinate is not finite\ndiffer\n");
        assert!(run.code == 1 && run.stdout.ends_with(&message), "{column}: {}", run.stdout);
    }
}

#[test]
fn columns_that_are_missing_are_listed() {
    refused(
        |t| t.columns.retain(|(field, _)| field.name() != "row" && field.name() != "x1"),
        &format!("not a segment table, expected its columns, found no `x1`, `row`{MAKE}"),
    );
}

#[test]
fn columns_of_another_type_are_reported() {
    refused(
        |t| {
            let ids: Vec<u32> = t.numbers("node_id").iter().map(|&v| v as u32).collect();
            t.replace("node_id", DataType::UInt32, false, Arc::new(UInt32Array::from(ids)));
        },
        "node_id: wrong type, expected UInt64, found UInt32",
    );
}

#[test]
fn coordinates_of_two_widths_are_reported() {
    refused(
        |t| {
            let length = t.columns[0].1.len();
            t.replace("x0", DataType::Float32, false, Arc::new(arrow_array::Float32Array::from(vec![0.0; length])));
        },
        "x0: wrong type, expected Float64, found Float32",
    );
}

#[test]
fn nulls_where_there_may_be_none_are_reported() {
    refused(
        |t| {
            let length = t.columns[0].1.len();
            let values: Vec<Option<f64>> = (0..length).map(|i| (i != 3).then_some(1.0)).collect();
            t.replace("z1", DataType::Float64, true, Arc::new(Float64Array::from(values)));
        },
        "z1: null value, expected a number",
    );
}

#[test]
fn newer_formats_are_refused() {
    refused(
        |t| t.value("format_version", |_| Some("2".into())),
        "newer table format, expected version 1 or older, found 2\n\
         hint: read it with the newer `leadfield`, or make it again with `leadfield positions`",
    );
}

#[test]
fn metadata_that_are_missing_or_malformed_are_reported() {
    let expected_text = |key: &str| {
        format!(
            "metadata `leadfield.{key}` is missing or malformed, expected the value that `leadfield positions` \
            writes"
        )
    };
    for key in ["population", "segments", "neuron_list"] {
        refused(|t| t.value(key, |_| None), &expected_text(key));
    }
    refused(|t| t.value("segments", |_| Some("many".into())), &expected_text("segments"));
    refused(
        |t| t.value("neuron_list", |list| Some(list.replace("\"node_id\"", "\"nodes\""))),
        &expected_text("neuron_list"),
    );
    refused(|t| t.value("neuron_list", |_| Some("{\"node_id\": [0".into())), &expected_text("neuron_list"));
    // rows whose end exceeds the largest integer
    refused(
        |t| {
            t.value("neuron_list", |list| {
                let mut list: serde_json::Value = serde_json::from_str(list).unwrap();
                list["first_row"][0] = u64::MAX.into();
                Some(list.to_string())
            });
        },
        &expected_text("neuron_list"),
    );
}

#[test]
fn rows_of_no_neuron_or_twice_are_reported() {
    let expected_text = |node: u64, row: u64| {
        format!("row {row} of node {node} does not belong to this part, expected each row of its neuron list once")
    };
    let dir = scratch();
    let mut valid = Table::valid(dir.path());
    let (nodes, rows) = (valid.numbers("node_id"), valid.numbers("row"));
    let set = |name: &'static str, at: usize, value: u64| {
        move |t: &mut Table| {
            let mut values = t.numbers(name);
            values[at] = value;
            t.replace(name, DataType::UInt64, false, Arc::new(UInt64Array::from(values)));
        }
    };
    refused(set("node_id", 5, 999), &expected_text(999, rows[5]));
    refused(set("row", 5, 1 << 40), &expected_text(nodes[5], 1 << 40));
    // the row of another segment of the same neuron, whichever of the two comes first
    let twin = (6..).find(|&i| nodes[i] == nodes[5]).unwrap();
    refused(set("row", twin, rows[5]), &expected_text(nodes[5], rows[5]));
}

#[test]
fn folders_of_other_parts_are_reported() {
    let dir = scratch();
    let config = golden().join("variants/four_axon_kinds/circuit/simulation_config.json");
    leadfield_in(dir.path(), &["positions", config.to_str().unwrap(), "-o", "table", "--quiet"]).ok();
    leadfield_in(dir.path(), &["positions", config.to_str().unwrap(), "-o", "valid.parquet", "--quiet"]).ok();
    let run = || leadfield_in(dir.path(), &["validate", "positions", "table", "valid.parquet"]);
    run().ok();
    // with a manifest the messages differ: see the tests of manifests
    std::fs::remove_file(dir.path().join("table/_manifest.parquet")).unwrap();
    let part = dir.path().join("table/part-00000.parquet");
    std::fs::copy(&part, dir.path().join("table/part-00001.parquet")).unwrap();
    run().refused("error: table: wrong number of parts, expected 1, found 2");
    // a part of another table
    Table::valid(dir.path());
    let mut other = Table::valid(dir.path());
    other.value("population", |_| Some("others".into()));
    other.write(&dir.path().join("table/part-00001.parquet"));
    let text = run();
    assert_eq!(text.code, 2);
    assert!(
        text.stderr.starts_with("error: table/part-00001.parquet: part of another table, expected population `"),
        "{}",
        text.stderr
    );
    std::fs::remove_file(dir.path().join("table/part-00001.parquet")).unwrap();
    std::fs::remove_file(&part).unwrap();
    run()
        .refused("error: table: no positions, expected files `*.pkl`, `*.parquet` or `*.h5` in the folder, found none");
}

#[test]
fn truncated_files_and_files_of_another_kind_are_reported() {
    let dir = scratch();
    Table::valid(dir.path());
    let whole = std::fs::read(dir.path().join("valid.parquet")).unwrap();
    let mut footer = whole.clone();
    let length = footer.len();
    // the footer claims to be longer than the file
    footer[length - 8..length - 4].copy_from_slice(&u32::MAX.to_le_bytes());
    let pieces = [whole[..length / 2].to_vec(), whole[..4].to_vec(), vec![], b"a,b\n".to_vec(), footer];
    for bytes in pieces {
        std::fs::write(dir.path().join("t.parquet"), bytes).unwrap();
        let run = leadfield_in(dir.path(), &["validate", "positions", "t.parquet", "valid.parquet"]);
        assert_eq!(run.code, 2);
        // the text after the colon is that of the Parquet library
        assert!(run.stderr.starts_with("error: t.parquet: not a readable Parquet file: "), "{}", run.stderr);
        assert_eq!(run.stderr.lines().nth(1), Some("hint: the file may be cut short, or be of another format"));
    }
}
