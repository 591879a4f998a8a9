//! Detects the kind of Parquet files by the names of their columns.

use std::path::Path;

use super::FileKind;
use super::header::is_field_header;
use crate::io::parquet_file::{ParquetSource, read_metadata};
use crate::io::reader_panics::catch_panics;

/// Detects the kind of a Parquet file; `None` if its footer cannot be read.
pub(super) fn detect(path: &Path) -> Option<FileKind> {
    let source = ParquetSource::open(path).ok()?;
    let metadata = catch_panics(|| read_metadata(&source)).ok()?;
    let columns = metadata.file_metadata().schema_descr().columns();
    Some(kind_of_columns(&columns.iter().map(|column| column.name()).collect::<Vec<_>>()))
}

/// Returns the kind of a table with these columns.
fn kind_of_columns(names: &[&str]) -> FileKind {
    let has = |name: &str| names.contains(&name);
    if ["node_id", "section_id", "segment_id", "x0", "x1"].into_iter().all(has) {
        FileKind::SegmentTable
    } else if has("node_id") && has("row") {
        FileKind::WeightColumns
    } else if names.first().is_some_and(|name| is_boundary(name)) {
        FileKind::Boundaries
    } else if is_field_header(names) {
        FileKind::LeadFieldPoints
    } else {
        FileKind::ParquetColumns
    }
}

/// Returns whether a column is a boundary: `<id>_<section>_<number>`.
fn is_boundary(name: &str) -> bool {
    let numbers: Vec<bool> = name.split('_').map(|number| number.parse::<i64>().is_ok()).collect();
    numbers == [true; 3]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_known_by_their_columns() {
        for (names, kind) in [
            (&["node_id", "section_id", "segment_id", "x0", "x1", "row"][..], FileKind::SegmentTable),
            (&["node_id", "row", "weight"], FileKind::WeightColumns),
            (&["0_0_0", "0_1_0"], FileKind::Boundaries),
            (&["x [mm]", "y [mm]", "z [mm]", "potential [mV]"], FileKind::LeadFieldPoints),
            (&["time", "value"], FileKind::ParquetColumns),
            (&[], FileKind::ParquetColumns),
        ] {
            assert_eq!(kind_of_columns(names), kind, "{names:?}");
        }
    }
}
