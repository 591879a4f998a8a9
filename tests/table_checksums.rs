//! A table that changed since it was written is detected, whichever of its bits changed.
//!
//! Each case flips one bit of a small table, in which headers, page index and footer are most of the bytes, and reads
//! it as `weights` and `query` do: the result is that of the undamaged table, or an error. `LEADFIELD_FLIPS=N` runs
//! more cases.

use std::path::Path;

use leadfield::geometry::Aabb;
use leadfield::geometry::region::{Predicate, Region, Sphere};
use leadfield::segments::Segments;
use leadfield::segments::table::{
    SegmentFilter, SegmentQuery, SegmentSelection, SegmentTable, TableMetadata, TablePages,
};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};

use crate::support::{golden, leadfield_in, scratch};

const HINT: &str = "hint: the file changed since it was written: make it again, or copy it again";

fn make_table(folder: &Path, name: &str, precision: &str) {
    let config = golden().join("input/circuit/simulation_config.json").into_os_string().into_string().unwrap();
    leadfield_in(folder, &["positions", &config, "-o", name, "--precision", precision]).ok();
}

/// Reads the inputs of `weights`: names, and all segments in the order of rows.
type Contents = (TableMetadata, Segments);

fn contents(path: &Path) -> leadfield::Result<Contents> {
    let table = SegmentTable::open(path)?;
    table.neurons()?;
    let mut segments = table.parts().iter().map(|part| part.read_by_row());
    let all = segments.next().expect("a table has a part")?;
    Ok((table.metadata().clone(), all))
}

/// Returns the rows of the segments in a ball, in stored order.
fn hits(path: &Path, ball: &Sphere) -> leadfield::Result<Vec<u64>> {
    let table = SegmentTable::open_without_neurons(path)?;
    let regions: [&dyn Region; 1] = [ball];
    let within = SegmentSelection::Regions(&regions, Predicate::Midpoint);
    let pages = TablePages::open(&table, |bounds: &Aabb| within.may_hit(bounds))?;
    let filter = SegmentFilter::default();
    let query = SegmentQuery { selection: within, filter: &filter, columns: &["row", "node_id"] };
    let mut rows = Vec::new();
    pages.run_query(&query, &mut |hits| {
        let column = hits.batch.column_by_name("row").expect("asked for");
        let column: &arrow_array::UInt64Array = column.as_any().downcast_ref().expect("uint64");
        rows.extend_from_slice(column.values());
        Ok(())
    })?;
    Ok(rows)
}

/// Reads the metadata with the page index.
fn metadata(path: &Path) -> ParquetMetaData {
    let file = std::fs::File::open(path).unwrap();
    ParquetMetaDataReader::new().with_page_index_policy(PageIndexPolicy::Required).parse_and_finish(&file).unwrap()
}

/// Returns the bits to flip: evenly over the file, in each byte another bit than the time before.
fn bits(bytes: usize, cases: usize) -> impl Iterator<Item = usize> {
    let all = 8 * bytes;
    (0..cases).map(move |i| (i * all / cases + 7 * i) % all)
}

fn cases(usual: usize) -> usize {
    std::env::var("LEADFIELD_FLIPS").ok().and_then(|n| n.parse().ok()).unwrap_or(usual)
}

#[test]
fn no_flipped_bit_changes_what_is_read_without_an_error() {
    let dir = scratch();
    for precision in ["f64", "f32"] {
        let path = dir.path().join(format!("{precision}.parquet"));
        make_table(dir.path(), &format!("{precision}.parquet"), precision);
        let original = std::fs::read(&path).unwrap();
        let expected = contents(&path).unwrap();
        let first = expected.1.start[0];
        let ball = Sphere::new(first, 150.0).unwrap();
        let expected_hits = hits(&path, &ball).unwrap();
        assert!(expected_hits.len() > 20);
        let (mut refused, mut silent) = (0, Vec::new());
        let cases = cases(300);
        for bit in bits(original.len(), cases) {
            let mut bytes = original.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            std::fs::write(&path, &bytes).unwrap();
            let read = std::panic::catch_unwind(|| (contents(&path), hits(&path, &ball)));
            let Ok((read, found)) = read else { continue };
            refused += usize::from(read.is_err());
            if read.is_ok_and(|read| read != expected) || found.is_ok_and(|found| found != expected_hits) {
                silent.push(bit);
            }
        }
        assert_eq!(silent, Vec::<usize>::new(), "of {cases} bits of {} bytes", original.len());
        // changes of the magic bytes at the start, and of bytes that readers skip, are not detected
        assert!(refused * 100 >= cases * 95, "{refused} of {cases} refused");
    }
}

#[test]
fn a_flipped_bit_that_hides_the_checksums_themselves_is_found() {
    let dir = scratch();
    let path = dir.path().join("t.parquet");
    make_table(dir.path(), "t.parquet", "f64");
    let original = std::fs::read(&path).unwrap();
    let writer = format!("leadfield {}", env!("CARGO_PKG_VERSION"));
    for name in ["leadfield.checksum\x18", "leadfield.index_checksums\x18", &writer] {
        let at = original.windows(name.len()).rposition(|window| window == name.as_bytes()).unwrap();
        for bit in 8 * at..8 * (at + name.len()) {
            let mut bytes = original.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            std::fs::write(&path, bytes).unwrap();
            assert!(contents(&path).is_err(), "bit {} of `{name}`", bit - 8 * at);
        }
    }
}

/// Returns a table with one byte changed.
fn with_changed_byte(path: &Path, at: u64) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes[at as usize] ^= 0x10;
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn a_changed_page_page_index_or_footer_is_an_error_with_a_hint_of_its_own() {
    let dir = scratch();
    let folder = dir.path();
    std::fs::write(folder.join("e.csv"), "name,x,y,z\ne,0,0,0\n").unwrap();
    let path = folder.join("t.parquet");
    let weights = ["weights", "t.parquet", "e.csv", "-o", "w.h5"];
    let query = ["query", "t.parquet", "--box", "-1e5,-1e5,-1e5,1e5,1e5,1e5", "--count"];
    /// Returns the offset of a part of a file.
    type Offset = fn(&ParquetMetaData) -> i64;
    let cases: [(&str, Offset); 5] = [
        ("page checksum", |m| {
            let page = &m.offset_index().unwrap()[0][4].page_locations()[0];
            page.offset + i64::from(page.compressed_page_size) - 9
        }),
        ("page checksum", |m| m.offset_index().unwrap()[0][4].page_locations()[0].offset + 1),
        // the first byte of a dictionary page's header, which states its type
        ("page checksum", |m| m.row_group(0).column(0).dictionary_page_offset().unwrap() + 1),
        ("checksum of the page index", |m| m.row_group(0).column(4).column_index_offset().unwrap() + 6),
        ("checksum of the page index", |m| m.row_group(0).column(4).offset_index_offset().unwrap() + 6),
    ];
    for (i, (what, of)) in cases.into_iter().enumerate() {
        make_table(folder, "t.parquet", "f64");
        with_changed_byte(&path, of(&metadata(&path)) as u64);
        let message = format!(
            "error: t.parquet: {what} does not match, expected the bytes that were written, found others\n{HINT}"
        );
        // the third is in a column that this query does not read
        if i != 2 {
            leadfield_in(folder, &query).refused(&message);
        }
        leadfield_in(folder, &weights).refused(&message);
        assert!(!folder.join("w.h5").exists());
        std::fs::remove_file(&path).unwrap();
    }
    make_table(folder, "t.parquet", "f64");
    // a digit of the neuron list, which is in the footer
    let bytes = std::fs::read(&path).unwrap();
    let list = b"\"first_row\":[0,";
    let at = bytes.windows(list.len()).position(|w| w == list).unwrap() + list.len();
    let mut bytes = bytes;
    bytes[at] = if bytes[at] == b'1' { b'2' } else { b'1' };
    std::fs::write(&path, bytes).unwrap();
    let message = "error: t.parquet: checksum of the metadata does not match, expected the bytes that were written, \
                   found others";
    for args in [query.as_slice(), weights.as_slice(), &["info", "t.parquet"]] {
        leadfield_in(folder, args).refused(&format!("{message}\n{HINT}"));
    }
}

#[test]
fn every_page_of_every_parquet_file_has_its_checksum_and_the_page_index_stays_right() {
    let dir = scratch();
    let folder = dir.path();
    make_table(folder, "t.parquet", "f64");
    leadfield_in(folder, &["query", "t.parquet", "-o", "q.parquet"]).ok();
    leadfield_in(folder, &["convert", "t.parquet", "-o", "b.parquet", "--to", "boundaries"]).ok();
    for name in ["t.parquet", "q.parquet", "b.parquet"] {
        let path = folder.join(name);
        let metadata = metadata(&path);
        let bytes = std::fs::read(&path).unwrap();
        let mut pages = 0;
        for (group, row_group) in metadata.row_groups().iter().enumerate() {
            for (column, chunk) in row_group.columns().iter().enumerate() {
                let (start, length) = chunk.byte_range();
                let locations = metadata.offset_index().unwrap()[group][column].page_locations();
                // the pages fill the chunk, the dictionary before them
                let ends = locations.iter().map(|l| (l.offset as u64, l.offset as u64 + l.compressed_page_size as u64));
                let ends: Vec<(u64, u64)> = ends.collect();
                assert!(ends.windows(2).all(|pair| pair[0].1 == pair[1].0));
                assert_eq!(ends.last().unwrap().1, start + length, "{name} {column}");
                assert_eq!(chunk.data_page_offset() as u64, ends[0].0);
                assert_eq!(chunk.dictionary_page_offset().map_or(ends[0].0, |d| d as u64), start);
                pages += ends.len();
                for (start, end) in ends {
                    // field 4, the checksum, follows the first three numbers of a header
                    let mut at = start as usize;
                    for _ in 0..3 {
                        assert_eq!(bytes[at], 0x15);
                        at += 1 + bytes[at + 1..].iter().position(|b| b & 0x80 == 0).unwrap() + 1;
                    }
                    assert_eq!(bytes[at], 0x15, "{name} column {column} page {start}..{end}");
                }
            }
        }
        assert!(pages >= 12, "{name}: {pages}");
        // an independent decoder reads every row, and verifies the checksums
        let file = std::fs::File::open(&path).unwrap();
        let rows: usize = ParquetRecordBatchReaderBuilder::try_new(file)
            .unwrap()
            .build()
            .unwrap()
            .map(|b| b.unwrap().num_rows())
            .sum();
        assert_eq!(rows as i64, metadata.file_metadata().num_rows());
    }
}
