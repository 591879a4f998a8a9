//! Builds the segment index of a table.

use arrow_array::cast::AsArray;
use arrow_array::types::UInt64Type;
use rayon::prelude::*;

use super::SegmentTable;
use super::open_part::UNBOUNDED_BOX;
use super::pages::{TablePages, row_group_len, rows_before_group};
use super::problem::TableProblem;
use super::row_group_reader::RowGroupReader;
use super::rows::SegmentEnds;
use super::schema::{COORDINATES, Precision, ROW};
use crate::error::{Context, Result};
use crate::geometry::Point;
use crate::io::digest::Digest;
use crate::segments::index::CoordinateWidth;
use crate::segments::index::SegmentIndex;
use crate::segments::index::segment_index::SegmentIndexBuilder;

/// Ends and row of a segment.
type IndexedSegment = (Point, Point, u64);

impl SegmentTable {
    /// Builds the index over all segments in memory: 36 bytes per segment in f32, 61 in f64.
    ///
    /// # Errors
    /// Returns an error if the table is unreadable or damaged.
    pub fn build_index(&self) -> Result<SegmentIndex> {
        let mut builder = SegmentIndexBuilder::new(match self.precision() {
            Precision::F32 => CoordinateWidth::Single,
            Precision::F64 => CoordinateWidth::Double,
        });
        let pages = TablePages::open(self, |_| true)?;
        let mut groups = Vec::new();
        for (number, part) in self.parts().iter().enumerate() {
            groups.extend((0..part.ensure_open()?.file_metadata().num_row_groups()).map(|group| (number, group)));
        }
        for together in groups.chunks(rayon::current_num_threads().max(1)) {
            let read: Vec<Result<Vec<IndexedSegment>>> =
                together.par_iter().map(|&(p, g)| read_row_group_segments(&pages, p, g)).collect();
            for group in read {
                group?.into_iter().for_each(|(a, b, row)| builder.push(a, b, row));
            }
        }
        Ok(builder.build())
    }

    /// Returns a fingerprint of the table's contents: a hash of the metadata and of the footers' entries for every
    /// column chunk (position, size, smallest and largest value). Rows are not read.
    ///
    /// # Errors
    /// Returns an error if a part cannot be opened.
    pub fn fingerprint(&self) -> Result<u64> {
        let mut hash = Digest::default();
        for part in self.parts() {
            let metadata = part.ensure_open()?.file_metadata();
            for pair in metadata.file_metadata().key_value_metadata().into_iter().flatten() {
                hash.add_bytes(pair.key.as_bytes());
                hash.add_bytes(pair.value.as_deref().unwrap_or_default().as_bytes());
            }
            for chunk in metadata.row_groups().iter().flat_map(|g| g.columns()) {
                hash.add_bytes(&chunk.data_page_offset().to_le_bytes());
                hash.add_bytes(&chunk.compressed_size().to_le_bytes());
                hash.add_bytes(&chunk.num_values().to_le_bytes());
                let statistics = chunk.statistics();
                hash.add_bytes(statistics.and_then(|s| s.min_bytes_opt()).unwrap_or_default());
                hash.add_bytes(statistics.and_then(|s| s.max_bytes_opt()).unwrap_or_default());
            }
        }
        Ok(hash.finish())
    }
}

fn read_row_group_segments(pages: &TablePages<'_>, part: usize, group: usize) -> Result<Vec<IndexedSegment>> {
    let Some(group_file) = RowGroupReader::for_pages(pages, part, group) else { return Ok(Vec::new()) };
    let rows = row_group_len(group_file.part, group);
    let mut columns = COORDINATES.to_vec();
    columns.push(ROW);
    let read = || -> Result<Vec<IndexedSegment>> {
        let mut pieces = Vec::new();
        let bounds = group_file.part.row_group_bounds(group).unwrap_or(UNBOUNDED_BOX);
        for batch in group_file.read_batches(&columns, std::slice::from_ref(&(0..rows)))? {
            let batch = batch?;
            let ends = SegmentEnds::from_batch(&batch)?;
            let first = rows_before_group(group_file.part, group) + pieces.len() as u64;
            ends.check_inside(0..batch.num_rows(), &bounds, first)?;
            let row = batch.column_by_name(ROW).ok_or_else(|| TableProblem::MissingColumns(format!("`{ROW}`")))?;
            let row = row.as_primitive::<UInt64Type>().values();
            pieces.extend((0..batch.num_rows()).zip(row).map(|(i, &row)| {
                let (a, b) = ends.get(i);
                (a, b, row)
            }));
        }
        Ok(pieces)
    };
    read().in_file(group_file.part.path())
}
