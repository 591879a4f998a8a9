//! Reads selected rows of a row group.

use std::ops::Range;

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow_schema::{ArrowError, Schema};
use arrow_select::concat::concat_batches;
use arrow_select::take::{take, take_record_batch};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder, RowSelection};

use super::TablePages;
use super::normalize::normalize_batch;
use super::open_part::OpenPart;
use super::pages::{PartFile, row_group_len};
use super::problem::TableProblem;
use crate::error::{Context, Result};
use crate::io::reader_panics::{PanicGuard, catch_panics};

/// Number of rows decoded at a time.
const BATCH_ROWS: usize = 16 * 1024;

/// A row group of an open part.
#[derive(Debug, Clone, Copy)]
pub(super) struct RowGroupReader<'a> {
    pub(super) part: &'a OpenPart,
    file: &'a PartFile,
    group_number: usize,
}

impl<'a> RowGroupReader<'a> {
    /// Returns a reader; `None` if the part is not open because none of its pages was wanted.
    pub(super) fn for_pages(pages: &'a TablePages<'_>, part: usize, group: usize) -> Option<Self> {
        Some(Self {
            part: pages.table().parts().get(part)?.get_open()?,
            file: pages.part_file(part)?,
            group_number: group,
        })
    }

    /// Reads some columns of some row ranges (ascending, disjoint) in batches.
    pub(super) fn read_batches(
        &self,
        columns: &[&str],
        ranges: &[Range<usize>],
    ) -> Result<impl Iterator<Item = Result<RecordBatch>> + use<>> {
        let build_reader = || -> Result<ParquetRecordBatchReader, TableProblem> {
            let places = columns.iter().filter_map(|name| self.part.column_index(name));
            let schema = self.part.file_metadata().file_metadata().schema_descr();
            let selection = RowSelection::from_consecutive_ranges(
                ranges.iter().cloned(),
                row_group_len(self.part, self.group_number),
            );
            let rows = ranges.iter().map(ExactSizeIterator::len).sum::<usize>();
            let builder =
                ParquetRecordBatchReaderBuilder::new_with_metadata(self.file.source.clone(), self.file.footer.clone());
            Ok(builder
                .with_projection(ProjectionMask::leaves(schema, places))
                .with_row_groups(vec![self.group_number])
                .with_row_selection(selection)
                .with_batch_size(rows.clamp(1, BATCH_ROWS))
                .build()?)
        };
        let batches = catch_panics(build_reader).in_file(self.part.path())?;
        let batches = PanicGuard::new(batches.map(|batch| batch.map_err(TableProblem::from)));
        let conversion = self.part.conversion_schema();
        Ok(batches.map(move |batch| match &conversion {
            Some(schema) => normalize_batch(&batch?, schema),
            None => batch,
        }))
    }

    /// Reads some columns of some rows, in the given order; `at` counts along the ranges and may contain repetitions.
    pub(super) fn read_rows(&self, columns: &[&str], ranges: &[Range<usize>], at: &[u32]) -> Result<RecordBatch> {
        if columns.is_empty() {
            return rows_without_columns(at.len()).in_file(self.part.path());
        }
        let read = || -> Result<RecordBatch> {
            let batches = self.read_batches(columns, ranges)?.collect::<Result<Vec<_>>>()?;
            let schema = batches.first().map_or_else(|| Schema::empty().into(), RecordBatch::schema);
            let all = concat_batches(&schema, &batches).map_err(TableProblem::from)?;
            Ok(take_record_batch(&all, &UInt32Array::from(at.to_vec())).map_err(TableProblem::from)?)
        };
        read().in_file(self.part.path())
    }
}

/// Returns a batch of rows without columns.
fn rows_without_columns(rows: usize) -> Result<RecordBatch, TableProblem> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    Ok(RecordBatch::try_new_with_options(Schema::empty().into(), Vec::new(), &options)?)
}

/// Combines columns of several batches with equal numbers of rows, in the order of the names.
pub(super) fn assemble_columns(
    names: &[&str],
    batches: &[&RecordBatch],
    rows: usize,
) -> Result<RecordBatch, TableProblem> {
    let mut fields = Vec::new();
    let mut columns: Vec<ArrayRef> = Vec::new();
    for name in names {
        let found = batches
            .iter()
            .find_map(|b| Some((b.schema().field_with_name(name).ok()?.clone(), b.column_by_name(name)?.clone())));
        let (field, column) = found.ok_or_else(|| TableProblem::MissingColumns(format!("`{name}`")))?;
        fields.push(field);
        columns.push(column);
    }
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    Ok(RecordBatch::try_new_with_options(Schema::new(fields).into(), columns, &options)?)
}

/// Returns some rows of a batch, in the given order.
pub(super) fn take_rows(batch: &RecordBatch, at: &UInt32Array) -> Result<RecordBatch, TableProblem> {
    let columns = batch.columns().iter().map(|c| take(c, at, None)).collect::<Result<Vec<_>, ArrowError>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(at.len()));
    Ok(RecordBatch::try_new_with_options(batch.schema(), columns, &options)?)
}
