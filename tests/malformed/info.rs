//! `leadfield info` on files that are damaged or of another kind: the complete text that a user sees, and exit code 2.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{ArrayRef, Float32Array, RecordBatch, UInt64Array};
use leadfield::circuit::placement::StubPlacement;
use leadfield::circuit::{CircuitRequest, SegmentTableOptions, SegmentationPlan};
use leadfield::io::atomic_output::OverwritePolicy;
use leadfield::segments::table::SegmentTable;
use parquet::arrow::ArrowWriter;

use crate::support::{Run, copy_folder, golden, leadfield_in, scratch};

const CUT_SHORT: &str = "hint: the file may be cut short, or be of another format";
const MAKE: &str = "hint: make a segment table with `leadfield positions`";

fn info(folder: &Path, file: &str) -> Run {
    leadfield_in(folder, &["info", file])
}

/// Writes the table of a golden circuit of four neurons: four parts, or one file.
fn write_table(out: &Path, placement: StubPlacement) {
    let config = golden().join("variants/four_axon_kinds/circuit/simulation_config.json");
    let request = CircuitRequest::new(&config);
    let options =
        SegmentTableOptions { stub_placement: placement, segments_per_part: 1, ..SegmentTableOptions::default() };
    SegmentationPlan::open(&request).unwrap().write(out, OverwritePolicy::Refuse, &options, &|_| ()).unwrap();
}

/// Creates a folder with a table `t` of four parts, without a manifest: with one, the messages about parts that do not
/// belong together differ.
fn parts() -> (tempfile::TempDir, PathBuf) {
    let folder = scratch();
    let table = folder.path().join("t");
    write_table(&table, StubPlacement::BlueRecording);
    std::fs::remove_file(table.join("_manifest.parquet")).unwrap();
    (folder, table)
}

/// Creates a folder with a changed table of one file.
fn changed(change: impl FnOnce(&mut Vec<u8>)) -> tempfile::TempDir {
    let folder = scratch();
    let file = folder.path().join("t.parquet");
    write_table(&file, StubPlacement::BlueRecording);
    let mut bytes = std::fs::read(&file).unwrap();
    change(&mut bytes);
    std::fs::write(&file, bytes).unwrap();
    folder
}

/// Writes a Parquet file of these columns.
fn write_columns(path: &Path, columns: Vec<(&str, ArrayRef)>) {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

#[test]
fn a_file_that_is_missing_or_of_no_known_kind() {
    let folder = scratch();
    info(folder.path(), "t.parquet").refused("error: t.parquet: cannot be read: no such file or directory");
    for content in ["", "a,b\n1,2\n", "[1]"] {
        std::fs::write(folder.path().join("t.parquet"), content).unwrap();
        info(folder.path(), "t.parquet").refused(
            "error: t.parquet: unknown kind of file, expected one that a tool of `leadfield` reads\n\
             hint: it may be damaged, cut short or empty, or be what no tool reads: `.npy`, signals in `.csv`, `.checkpoint`",
        );
    }
}

#[test]
fn a_table_that_is_cut_short() {
    let folder = changed(|bytes| bytes.truncate(bytes.len() / 2));
    info(folder.path(), "t.parquet").refused(&format!(
        "error: t.parquet: not a readable Parquet file: Invalid Parquet file. Corrupt footer\n{CUT_SHORT}"
    ));
    let folder = changed(|bytes| bytes.truncate(6));
    info(folder.path(), "t.parquet").refused(&format!(
        "error: t.parquet: not a readable Parquet file: EOF: Parquet file too small. Size is 6 but need 8\n{CUT_SHORT}"
    ));
}

#[test]
fn a_table_whose_footer_changed() {
    // key, type byte, length, value
    let folder = changed(|bytes| {
        let key = b"leadfield.format_version";
        let at = bytes.windows(key.len()).rposition(|w| w == key).unwrap() + key.len();
        assert_eq!(bytes[at + 1..at + 3], [1, b'1']);
        bytes[at + 2] = b'9';
    });
    info(folder.path(), "t.parquet").refused(
        "error: t.parquet: checksum of the metadata does not match, expected the bytes that were written, found \
         others\n\
         hint: the file changed since it was written: make it again, or copy it again",
    );
}

#[test]
fn a_parquet_file_of_other_columns() {
    let folder = scratch();
    let path = folder.path().join("t.parquet");
    let ids = || Arc::new(UInt64Array::from(vec![1])) as ArrayRef;
    let number = || Arc::new(Float32Array::from(vec![1.0])) as ArrayRef;
    write_columns(&path, vec![("node_id", ids()), ("x0", number()), ("mtype", ids())]);
    let described = info(folder.path(), "t.parquet").ok();
    assert!(described.starts_with("kind") && described.contains("Parquet file of other columns"), "{described}");
    leadfield_in(folder.path(), &["query", "t.parquet", "--count"]).refused(&format!(
        "error: t.parquet: not a segment table, expected its columns, found no `section_id`, `segment_id`, \
         `section_type`, `y0`, `z0`, `x1`, `y1`, `z1`, `radius`, `row`\n{MAKE}"
    ));
    let names =
        ["node_id", "section_id", "segment_id", "section_type", "x0", "y0", "z0", "x1", "y1", "z1", "radius", "row"];
    let text = || Arc::new(arrow_array::StringArray::from(vec!["a"])) as ArrayRef;
    write_columns(&path, names.map(|name| (name, if name == "section_id" { text() } else { ids() })).into());
    info(folder.path(), "t.parquet").refused("error: t.parquet: section_id: wrong type, expected UInt32, found Utf8");
}

#[test]
fn a_folder_without_parts() {
    let folder = scratch();
    std::fs::write(folder.path().join("segments.parquet"), "").unwrap();
    leadfield_in(folder.path(), &["query", ".", "--count"]).refused(&format!(
        "error: .: not a segment table, expected files `part-*.parquet` in the folder, found none\n{MAKE}"
    ));
}

#[test]
fn parts_of_different_tables() {
    let (folder, table) = parts();
    let other = folder.path().join("other");
    write_table(&other, StubPlacement::Arc);
    std::fs::copy(other.join("part-00002.parquet"), table.join("part-00002.parquet")).unwrap();
    info(folder.path(), "t").refused(
        "error: t/part-00002.parquet: part of another table, expected axon `replaced, placement bluerecording`, found \
         axon `replaced, placement arc`\nhint: use a separate folder for the parts of each table",
    );
}

#[test]
fn a_table_with_a_part_too_few_or_too_many() {
    let (folder, table) = parts();
    let part = |number| table.join(format!("part-0000{number}.parquet"));
    std::fs::copy(part(3), part(4)).unwrap();
    info(folder.path(), "t").refused("error: t: wrong number of parts, expected 4, found 5");
    std::fs::remove_file(part(4)).unwrap();
    std::fs::remove_file(part(1)).unwrap();
    info(folder.path(), "t").refused(
        "error: t: wrong number of parts, expected 4, found 3\n\
         hint: restore the missing parts, or make the table again with `leadfield positions`",
    );
}

#[test]
fn a_table_with_a_part_twice_in_place_of_another() {
    let (folder, table) = parts();
    let part = |number| table.join(format!("part-0000{number}.parquet"));
    let node = SegmentTable::open(&table).unwrap().parts()[3].neurons()[0].node_id;
    std::fs::copy(part(3), part(1)).unwrap();
    info(folder.path(), "t").refused(&format!(
        "error: t: node in two parts, expected each node once, found node {node} again\n\
         hint: restore the original parts of the table, or make it again with `leadfield positions`"
    ));
}

#[test]
fn an_electrodes_file_that_is_cut_short() {
    let folder = scratch();
    let bytes = std::fs::read(golden().join("reference/np8.h5")).unwrap();
    std::fs::write(folder.path().join("w.h5"), &bytes[..bytes.len() / 2]).unwrap();
    let run = info(folder.path(), "w.h5");
    // the text between is the reason of the HDF5 library, which depends on its version
    assert!(run.stderr.starts_with("error: w.h5: not a readable HDF5 file: "), "{}", run.stderr);
    assert!(run.stderr.ends_with(&format!("\n{CUT_SHORT}\n")), "{}", run.stderr);
    assert_eq!((run.code, run.stdout.as_str()), (2, ""));
}

#[test]
fn a_configuration_whose_files_are_missing() {
    let folder = scratch();
    copy_folder(&golden().join("variants/four_axon_kinds/circuit"), folder.path());
    std::fs::write(folder.path().join("neither.json"), "{\"version\": 1}").unwrap();
    info(folder.path(), "neither.json").refused(
        "error: neither.json: not a SONATA configuration, expected `run` (a simulation) or `networks` (a circuit), \
         found `version`",
    );
    std::fs::remove_file(folder.path().join("node_sets.json")).unwrap();
    info(folder.path(), "circuit_config.json")
        .refused("error: node_sets.json: cannot be read: no such file or directory");
}

#[test]
fn a_flipped_bit_of_a_page_is_found_by_a_check() {
    let folder = changed(|_| ());
    let path = folder.path().join("t.parquet");
    let segments = SegmentTable::open(&path).unwrap().len();
    let checked = leadfield_in(folder.path(), &["info", "t.parquet", "--check"]).ok();
    let line = checked.lines().find(|line| line.starts_with("checked")).unwrap();
    assert!(line.contains(&format!(" {segments} segments in ")) && line.ends_with("lists agree"), "{line}");
    // the first page begins behind the four bytes of the format; 40 bytes of it are its header
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[100] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    info(folder.path(), "t.parquet").ok();
    let run = leadfield_in(folder.path(), &["info", "t.parquet", "--check"]);
    assert!(run.code == 2 && run.stdout.is_empty() && run.stderr.starts_with("error: t.parquet: "), "{run:?}");
    assert!(
        run.stderr.contains("\nhint: the file changed since it was written: make it again, or copy it again"),
        "{run:?}"
    );
}

#[test]
fn a_check_reads_tables_only() {
    let folder = scratch();
    crate::malformed::electrodes_file::write_valid_file(&folder.path().join("w.h5"));
    leadfield_in(folder.path(), &["info", "w.h5", "--check"]).refused(
        "error: w.h5: `--check` reads segment tables, expected one, found an electrodes file\n\
         hint: `leadfield validate electrodes-file` checks electrodes files; others are checked when they are read",
    );
}
