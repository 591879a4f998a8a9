//! The manifest of a folder of parts describes the parts correctly, makes opening them unnecessary, and is refused if
//! it does not match them; and each part is a table by itself.

use std::path::Path;
use std::sync::Arc;

use arrow_array::Float64Array;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, UInt32Type, UInt64Type};
use arrow_schema::DataType;
use leadfield::geometry::Aabb;
use leadfield::io::parquet_file::open_batches;
use leadfield::segments::table::SegmentTable;
use parquet::basic::Compression;

use crate::rewritten_tables::{rows_of, with_column, write};
use crate::support::{leadfield_in, names_in, scratch};

const MANIFEST: &str = "t/_manifest.parquet";

/// Number of neurons of the circuit, each of which is a part of the table `t`.
const PARTS: usize = 6;

/// Creates a folder with a circuit, its table `t` in parts of one neuron, the same table in one file, `whole.parquet`,
/// and contacts.
fn folder() -> tempfile::TempDir {
    let dir = scratch();
    let run = |args: &[&str]| leadfield_in(dir.path(), &[args, &["--quiet"]].concat()).ok();
    run(&["synthesize", "c", "--cells", &PARTS.to_string(), "--morphologies", "3", "--with-report"]);
    run(&["positions", "c/simulation_config.json", "-o", "t", "--segments-per-part", "1"]);
    run(&["positions", "c/simulation_config.json", "-o", "whole.parquet"]);
    std::fs::write(dir.path().join("e.csv"), "name,x,y,z\na,0,0,0\nb,10,-300,5\n").unwrap();
    assert_eq!(SegmentTable::open(&dir.path().join("t")).unwrap().parts().len(), PARTS);
    dir
}

fn part(number: usize) -> String {
    format!("t/part-{number:05}.parquet")
}

fn count(dir: &Path, table: &str, region: &str) -> u64 {
    leadfield_in(dir, &["query", table, "--sphere", region, "--count"]).ok().trim().parse().unwrap()
}

#[test]
fn a_manifest_states_of_each_part_what_its_file_has() {
    let dir = folder();
    let manifest = dir.path().join(MANIFEST);
    let batch = open_batches(&manifest).unwrap().build().unwrap().next().unwrap().unwrap();
    let names: Vec<String> = batch.schema().fields().iter().map(|field| field.name().clone()).collect();
    let expected = ["file", "rows", "neurons", "x_min", "y_min", "z_min", "x_max", "y_max", "z_max", "bytes"];
    assert_eq!(names, [&expected[..], &["checksum", "footer_checksum"]].concat());
    assert_eq!(batch.num_rows(), PARTS);
    let column = |name: &str| batch.column_by_name(name).unwrap();
    for i in 0..PARTS {
        let path = dir.path().join(part(i));
        let alone = SegmentTable::open(&path).unwrap();
        let segments = alone.parts()[0].read().unwrap();
        let bounds = Aabb::enclosing(segments.iter().flat_map(|s| [s.start, s.end]));
        let number = |name: &str| match column(name).data_type() {
            DataType::UInt64 => column(name).as_primitive::<UInt64Type>().value(i) as f64,
            DataType::UInt32 => f64::from(column(name).as_primitive::<UInt32Type>().value(i)),
            _ => column(name).as_primitive::<Float64Type>().value(i),
        };
        assert_eq!(column("file").as_string::<i32>().value(i), path.file_name().unwrap().to_str().unwrap());
        assert_eq!((number("rows"), number("neurons")), (segments.len() as f64, alone.neurons().unwrap().len() as f64));
        assert_eq!([number("x_min"), number("y_min"), number("z_min")], bounds.min.to_array());
        assert_eq!([number("x_max"), number("y_max"), number("z_max")], bounds.max.to_array());
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!((number("bytes"), number("checksum")), (bytes.len() as f64, f64::from(crc32fast::hash(&bytes))));
    }
    let valid = leadfield_in(dir.path(), &["validate", "positions", "t"]).ok();
    assert!(valid.ends_with("valid\n"), "{valid}");
    leadfield_in(dir.path(), &["validate", "positions", "t", "whole.parquet"]).ok();
}

#[test]
fn with_and_without_a_manifest_all_questions_have_the_same_answers() {
    let dir = folder();
    let dir = dir.path();
    let soma =
        SegmentTable::open(&dir.join("whole.parquet")).unwrap().parts()[0].read_by_row().unwrap().start[0].to_array();
    let around = |radius: f64| format!("{},{},{},{radius}", soma[0], soma[1], soma[2]);
    let at = format!("{},{},{}", soma[0], soma[1], soma[2]);
    let answers = || {
        let asked: [&[&str]; 4] = [
            &["query", "t", "--sphere", &around(30.0), "--format", "csv"],
            &["query", "t", "--nearest", "7", "--at", &at, "--format", "csv"],
            &["info", "t"],
            &["query", "t", "--sphere", "1e6,0,0,1", "--count"],
        ];
        asked.map(|args| leadfield_in(dir, args).ok())
    };
    let with = answers();
    assert_eq!(with[3], "0\n");
    assert_eq!(count(dir, "t", &around(30.0)), count(dir, "whole.parquet", &around(30.0)));
    std::fs::remove_file(dir.join(MANIFEST)).unwrap();
    assert_eq!(with, answers());
}

#[test]
fn a_search_opens_only_the_parts_whose_boxes_it_touches() {
    let dir = folder();
    let dir = dir.path();
    // a part whose footer is zeros cannot be opened; its size is unchanged
    let bounds = SegmentTable::open(&dir.join("t")).unwrap().bounds().unwrap();
    for i in 1..PARTS {
        let length = std::fs::metadata(dir.join(part(i))).unwrap().len();
        std::fs::write(dir.join(part(i)), vec![0; length as usize]).unwrap();
    }
    let beyond = bounds.max.x + 1000.0;
    assert_eq!(count(dir, "t", &format!("{beyond},0,0,10")), 0);
    let all = leadfield_in(dir, &["query", "t", "--count"]);
    let message = format!("error: {}: not a readable Parquet file: ", part(1));
    assert!(all.code == 2 && all.stderr.starts_with(&message), "{}", all.stderr);
}

/// Returns the messages of a query and of the check of the table.
fn refused(dir: &Path, text: &str) {
    for args in [&["query", "t", "--count"][..], &["validate", "positions", "t"], &["info", "t"]] {
        leadfield_in(dir, args).refused(text);
    }
}

const OWN_PARTS: &str =
    "hint: restore the original parts of the table; if they were changed on purpose, remove `_manifest.parquet`";
const SLOWER: &str = "hint: remove that file: the table can be read without its manifest, only slower";

#[test]
fn a_manifest_that_does_not_fit_its_parts_is_an_error_that_names_the_part() {
    let dir = folder();
    let dir = dir.path();
    let (first, last) = (dir.join(part(0)), dir.join(part(PARTS - 1)));
    let own = std::fs::read(&last).unwrap();
    let (size, other) = (own.len(), std::fs::metadata(&first).unwrap().len());
    // missing
    std::fs::remove_file(&last).unwrap();
    let listed = format!("expected a file of {size} bytes as listed in `_manifest.parquet`, found none");
    refused(dir, &format!("error: {}: part is missing, {listed}\n{OWN_PARTS}", part(PARTS - 1)));
    // another part of the table in its place
    std::fs::copy(&first, &last).unwrap();
    let changed = "of the part changed since `_manifest.parquet` was written";
    let text = match other == size as u64 {
        true => format!("metadata {changed}"),
        false => format!("size {changed}, expected {size} bytes, found {other} bytes"),
    };
    refused(dir, &format!("error: {}: {text}\n{OWN_PARTS}", part(PARTS - 1)));
    // one part too many
    std::fs::write(&last, &own).unwrap();
    std::fs::copy(&first, dir.join(part(PARTS))).unwrap();
    let listed = format!("expected the {PARTS} parts listed there, found {}", PARTS + 1);
    refused(dir, &format!("error: {}: part is not in `_manifest.parquet`, {listed}\n{OWN_PARTS}", part(PARTS)));
    std::fs::remove_file(dir.join(part(PARTS))).unwrap();
    // a bit that no other check covers: in the magic number at the beginning
    let mut bytes = own.clone();
    bytes[0] ^= 1;
    std::fs::write(&last, &bytes).unwrap();
    let run = leadfield_in(dir, &["validate", "positions", "t"]);
    let (listed, found) = (crc32fast::hash(&own), crc32fast::hash(&bytes));
    let text =
        format!("{}: content {changed}, expected {listed:08x}, found {found:08x}\n{OWN_PARTS}\n", part(PARTS - 1));
    assert!(run.code == 1 && run.stdout.ends_with(&format!("{text}not valid\n")), "{}{}", run.stdout, run.stderr);
    std::fs::write(&last, &own).unwrap();
    assert_eq!(leadfield_in(dir, &["validate", "positions", "t"]).code, 0);
}

#[test]
fn a_part_of_another_table_with_as_many_bytes_is_reported_when_it_is_opened() {
    let dir = folder();
    let dir = dir.path();
    // one digit of the footer's text is changed, and the footer's checksum is corrected
    let last = dir.join(part(PARTS - 1));
    let bytes = std::fs::read(&last).unwrap();
    let listed = u32::from_str_radix(&footer_checksum(&bytes), 16).unwrap();
    let forged = with_other_program_version(&bytes);
    assert_eq!(forged.len(), bytes.len());
    std::fs::write(&last, &forged).unwrap();
    let found = footer_checksum(&forged);
    leadfield_in(dir, &["query", "t", "--count"]).refused(&format!(
        "error: {}: metadata of the part changed since `_manifest.parquet` was written, expected {listed:08x}, found {found}\n\
         {OWN_PARTS}",
        part(PARTS - 1)
    ));
}

/// Returns the offset of the digits of a footer's checksum.
fn digits(bytes: &[u8]) -> usize {
    let key = b"leadfield.checksum\x18\x08";
    bytes.windows(key.len()).rposition(|window| window == key).unwrap() + key.len()
}

fn footer_checksum(bytes: &[u8]) -> String {
    String::from_utf8(bytes[digits(bytes)..][..8].to_vec()).unwrap()
}

/// Changes the last digit of the program's version in a file's metadata to `9`, with a valid checksum.
fn with_other_program_version(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let (version, length) = (env!("CARGO_PKG_VERSION"), env!("CARGO_PKG_VERSION").len());
    let key = format!("leadfield.program_version\x18{}{version}", char::from(length as u8));
    let at = bytes.windows(key.len()).rposition(|window| window == key.as_bytes()).unwrap() + key.len() - 1;
    bytes[at] = b'9';
    let end = bytes.len() - 8;
    let start = end - u32::from_le_bytes(bytes[end..end + 4].try_into().unwrap()) as usize;
    let place = digits(&bytes);
    bytes[place..place + 8].copy_from_slice(b"00000000");
    let checksum = format!("{:08x}", crc32fast::hash(&bytes[start..end]));
    bytes[place..place + 8].copy_from_slice(checksum.as_bytes());
    bytes
}

#[test]
fn a_damaged_manifest_is_reported_and_not_needed() {
    let dir = folder();
    let dir = dir.path();
    let intact = std::fs::read(dir.join(MANIFEST)).unwrap();
    for at in [0, 4, intact.len() / 4, intact.len() / 2, intact.len() - 1] {
        let mut bytes = intact.clone();
        bytes[at] ^= 0x10;
        std::fs::write(dir.join(MANIFEST), &bytes).unwrap();
        let run = leadfield_in(dir, &["query", "t", "--count"]);
        // the magic number at the beginning is not read
        assert!(at == 0 || run.code == 2, "{at}: {}", run.stdout);
        if run.code == 2 {
            assert!(run.stderr.starts_with(&format!("error: {MANIFEST}: ")), "{at}: {}", run.stderr);
            assert!(run.stderr.trim_end().ends_with(&SLOWER["hint: ".len()..]), "{at}: {}", run.stderr);
        }
    }
    // another Parquet file of that name
    std::fs::copy(dir.join("whole.parquet"), dir.join(MANIFEST)).unwrap();
    let text = "not the manifest of a segment table, expected a version in the metadata, found none";
    refused(dir, &format!("error: {MANIFEST}: {text}\n{SLOWER}"));
    std::fs::remove_file(dir.join(MANIFEST)).unwrap();
    leadfield_in(dir, &["query", "t", "--count"]).ok();
}

#[test]
fn a_manifest_that_another_program_rewrote_is_refused_whatever_it_says() {
    let dir = folder();
    let dir = dir.path();
    let (rows, pairs) = rows_of(&dir.join(MANIFEST));
    let kept: Vec<_> = pairs.into_iter().filter(|pair| !pair.key.contains("checksum")).collect();
    let all = count(dir, "t", "0,0,0,1e6");
    let text = "manifest was written by another program, expected one with the checksums of `leadfield`, found one by \
                `another program 1.0`";
    // the same values, and boxes that do not contain the segments
    for shift in [0.0, 1e7] {
        let moved = |name: &str| {
            let column = rows.column_by_name(name).unwrap().as_primitive::<Float64Type>();
            Arc::new(column.iter().map(|value| value.map(|v| v + shift)).collect::<Float64Array>())
        };
        let changed = with_column(&with_column(&rows, "x_min", moved("x_min")), "x_max", moved("x_max"));
        write(&dir.join(MANIFEST), &changed, Some(kept.clone()), Compression::UNCOMPRESSED);
        refused(dir, &format!("error: {MANIFEST}: {text}\n{SLOWER}"));
        leadfield_in(dir, &["query", "t", "--sphere", "0,0,0,1e6", "--count"])
            .refused(&format!("error: {MANIFEST}: {text}\n{SLOWER}"));
    }
    std::fs::remove_file(dir.join(MANIFEST)).unwrap();
    assert_eq!(count(dir, "t", "0,0,0,1e6"), all);
}

#[test]
fn convert_writes_a_manifest_too_and_force_replaces_it_with_its_table() {
    let dir = folder();
    let dir = dir.path();
    leadfield_in(dir, &["convert", "whole.parquet", "-o", "b.parquet", "--to", "boundaries"]).ok();
    for options in [&[][..], &["--force"]] {
        leadfield_in(dir, &[&["convert", "b.parquet", "-o", "u", "--to", "table"], options].concat()).ok();
        assert_eq!(names_in(&dir.join("u")), ["_manifest.parquet", "part-00000.parquet"]);
        let valid = leadfield_in(dir, &["validate", "positions", "u"]).ok();
        assert!(valid.ends_with("valid\n"), "{valid}");
    }
    leadfield_in(dir, &["positions", "c/simulation_config.json", "-o", "u", "--force", "--quiet"]).ok();
}

// a part by itself

#[test]
fn a_part_opens_alone_in_every_tool() {
    let dir = folder();
    let dir = dir.path();
    let own = part(3);
    let segments = SegmentTable::open(&dir.join(&own)).unwrap().len();
    leadfield_in(dir, &["weights", &own, "e.csv", "-o", "own.h5"]).ok();
    let tools: [&[&str]; 13] = [
        &["info", &own],
        &["query", &own, "--count"],
        &["query", &own, "--nearest", "3", "--at", "0,0,0"],
        &["query", &own, "--weights", "own.h5", "--electrode", "a", "--columns", "node_id,weight", "--format", "csv"],
        &["query", &own, "--by", "section_type", "--format", "csv"],
        &["validate", "positions", &own],
        &["validate", "positions", &own, &own],
        &["validate", "electrodes-file", "own.h5", "--segments", &own],
        &["plot", "weights", &own, "own.h5", "--electrode", "a", "-o", "p.svg"],
        &["plot", "probe", "e.csv", "--segments", &own, "--within", "2000", "-o", "q.svg"],
        &["report", &own, "own.h5", "-o", "r.html"],
        &["convert", &own, "-o", "own.csv"],
        &["convert", &own, "-o", "own_boundaries.parquet", "--to", "boundaries"],
    ];
    for args in tools {
        let run = leadfield_in(dir, args);
        assert_eq!((run.code, run.stderr.contains("error")), (0, false), "{args:?}: {}{}", run.stdout, run.stderr);
    }
    // the circuit has other neurons, too, which is a difference and not an error
    let fit = leadfield_in(dir, &["validate", "circuit", "c/simulation_config.json", &own]);
    assert_eq!(fit.code, 1, "{}{}", fit.stdout, fit.stderr);
    let facts = leadfield_in(dir, &["info", &own]).ok();
    let all = SegmentTable::open(&dir.join("t")).unwrap().len();
    for line in [
        format!("segments {segments}"),
        format!("part of a table of {PARTS} parts with {PARTS} neurons, {all} segments"),
    ] {
        let is_there = facts.lines().any(|found| found.split_whitespace().eq(line.split_whitespace()));
        assert!(is_there, "{line}: {facts}");
    }
    assert_eq!(leadfield_in(dir, &["query", &own, "--count"]).ok(), format!("{segments}\n"));
}

#[test]
fn the_weights_of_a_part_are_those_of_its_neurons_in_the_whole_table() {
    use leadfield::sonata::electrodes_file::ElectrodesFile;
    let dir = folder();
    let dir = dir.path();
    leadfield_in(dir, &["weights", "t", "e.csv", "-o", "all.h5"]).ok();
    let all = ElectrodesFile::open(&dir.join("all.h5")).unwrap();
    for i in 0..PARTS {
        leadfield_in(dir, &["weights", &part(i), "e.csv", "-o", "own.h5", "--force"]).ok();
        let own = ElectrodesFile::open(&dir.join("own.h5")).unwrap();
        let (mine, whole) = (&own.populations()[0], &all.populations()[0]);
        let table = SegmentTable::open(&dir.join(part(i))).unwrap();
        assert_eq!(mine.rows(), table.len());
        for &node in mine.node_ids() {
            let rows = |file: &ElectrodesFile, p: &leadfield::sonata::electrodes_file::PopulationEntry| {
                file.read_rows(p, p.rows_of_node(node).unwrap()).unwrap()
            };
            assert_eq!(rows(&own, mine), rows(&all, whole), "{node}");
        }
        // either file serves a query of the part
        let asked = |file: &str| {
            let columns = ["--electrode", "b", "--columns", "row,weight", "--format", "csv"];
            leadfield_in(dir, &[&["query", &part(i), "--weights", file], &columns[..]].concat()).ok()
        };
        assert_eq!(asked("own.h5"), asked("all.h5"));
    }
}
