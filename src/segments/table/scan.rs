//! Reads all rows of a part.

use std::collections::BTreeMap;

use arrow_array::RecordBatch;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};

use super::TableNeuron;
use super::normalize::normalize_batch;
use super::open_part::{OpenPart, UNBOUNDED_BOX};
use super::problem::TableProblem;
use super::row_placer::RowPlacer;
use super::rows::{BatchRows, nodes_and_rows};
use super::schema::{NODE_ID, ROW};
use crate::error::{Context, Result};
use crate::io::parquet_file::load_offset_index;
use crate::io::reader_panics::{PanicGuard, catch_panics};
use crate::io::resumable_output::StopCheck;
use crate::segments::{Segment, Segments};

/// Number of rows decoded at a time: few enough to stay in a core's cache until they are written to their positions.
const BATCH_ROWS: usize = 8 * 1024;

impl OpenPart {
    /// Reads all rows, in stored (Hilbert) order.
    ///
    /// # Errors
    /// Returns an error if the file is unreadable or damaged.
    pub fn read(&self) -> Result<Segments> {
        let mut segments = Segments::default();
        self.for_each_segment(|segment| segments.push(segment))?;
        Ok(segments)
    }

    /// Visits all rows, in stored (Hilbert) order, without collecting them.
    ///
    /// # Errors
    /// Returns an error if the file is unreadable or damaged.
    pub fn for_each_segment(&self, mut visit: impl FnMut(Segment)) -> Result<()> {
        self.for_each_batch(|rows| {
            (0..rows.len()).for_each(|i| visit(rows.get(i)));
            Ok(())
        })
    }

    /// Reads all rows, in the order of `row`: neurons by node id, each contiguous. Reuses the memory of `segments`.
    ///
    /// # Errors
    /// Returns an error if the file is unreadable or damaged, its rows do not match the neuron list, or the run is to
    /// stop.
    pub fn read_by_row_unless_stopped(&self, segments: Segments, stop: &StopCheck<'_>) -> Result<Segments> {
        self.place_rows(segments, |visit| self.for_each_batch_unless_stopped(stop, visit))
    }

    /// Reads rows as [`OpenPart::read_by_row_unless_stopped`] does, but accepts coordinates that are NaN or infinite, so that a
    /// check can report the neuron.
    ///
    /// # Errors
    /// Returns the errors of [`OpenPart::read_by_row_unless_stopped`], except for coordinates.
    pub fn read_by_row_unchecked(&self) -> Result<Segments> {
        self.place_rows(Segments::default(), |visit| self.for_each_batch_unchecked(|rows| Ok(visit(rows)?)))
    }

    /// Writes the rows that `for_each_batch` delivers to their positions.
    fn place_rows(
        &self,
        mut segments: Segments,
        for_each_batch: impl FnOnce(&mut dyn FnMut(&BatchRows<'_>) -> Result<(), TableProblem>) -> Result<()>,
    ) -> Result<Segments> {
        let neurons = self.neurons_or_read()?;
        let mut places = RowPlacer::new(&neurons);
        segments.reset(places.total());
        let mut batch_places = Vec::with_capacity(BATCH_ROWS);
        for_each_batch(&mut |rows| {
            batch_places.clear();
            for (node, row) in rows.nodes_and_rows() {
                batch_places.push(places.take_place(node, row)?);
            }
            rows.scatter_into(&batch_places, &mut segments);
            Ok(())
        })?;
        places.check_all_taken().in_file(self.path())?;
        places.write_ids(&mut segments.node_id, &mut segments.row);
        Ok(segments)
    }

    /// Reads all rows in batches, and checks that their coordinates are finite.
    fn for_each_batch(&self, visit: impl FnMut(&BatchRows<'_>) -> Result<(), TableProblem>) -> Result<()> {
        self.for_each_batch_unless_stopped(&StopCheck::never(), visit)
    }

    fn for_each_batch_unless_stopped(
        &self,
        stop: &StopCheck<'_>,
        mut visit: impl FnMut(&BatchRows<'_>) -> Result<(), TableProblem>,
    ) -> Result<()> {
        let mut first = 0;
        self.for_each_batch_unchecked(|rows| {
            stop.check()?;
            rows.ends().check_inside(0..rows.len(), &UNBOUNDED_BOX, first)?;
            first += rows.len() as u64;
            Ok(visit(rows)?)
        })
    }

    pub(super) fn for_each_batch_unchecked(&self, mut visit: impl FnMut(&BatchRows<'_>) -> Result<()>) -> Result<()> {
        let columns: Vec<String> = self.precision().schema().fields().iter().map(|f| f.name().clone()).collect();
        let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
        self.for_each_record_batch(&columns, |batch| visit(&BatchRows::from_batch(batch)?))
    }

    /// Reads some columns of all rows, in the types of the format.
    fn for_each_record_batch(&self, columns: &[&str], mut visit: impl FnMut(&RecordBatch) -> Result<()>) -> Result<()> {
        let source = self.open_source()?;
        let build = || -> Result<_, TableProblem> {
            let (source, metadata) = load_offset_index(source, self.file_metadata().clone())?;
            let footer = ArrowReaderMetadata::try_new(metadata, ArrowReaderOptions::new())?;
            let places = columns.iter().filter_map(|name| self.column_index(name));
            let mask = ProjectionMask::leaves(footer.metadata().file_metadata().schema_descr(), places);
            let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(source, footer);
            Ok(builder.with_projection(mask).with_batch_size(BATCH_ROWS).build()?)
        };
        let conversion = self.conversion_schema();
        let batches = catch_panics(build).in_file(self.path())?.map(|batch| batch.map_err(TableProblem::from));
        for batch in PanicGuard::new(batches) {
            let batch = batch.in_file(self.path())?;
            let batch = match &conversion {
                Some(schema) => normalize_batch(&batch, schema).in_file(self.path())?,
                None => batch,
            };
            visit(&batch).in_file(self.path())?;
        }
        Ok(())
    }

    /// Reads the neurons from the columns `node_id` and `row`, for a table without metadata.
    pub(super) fn read_neurons_from_rows(&self) -> Result<Vec<TableNeuron>> {
        // first row, last row and number of rows of each node
        let mut found: BTreeMap<u64, (u64, u64, u64)> = BTreeMap::new();
        self.for_each_record_batch(&[NODE_ID, ROW], |batch| {
            for (node, row) in nodes_and_rows(batch)? {
                let rows = found.entry(node).or_insert((row, row, 0));
                *rows = (rows.0.min(row), rows.1.max(row), rows.2 + 1);
            }
            Ok(())
        })?;
        let neuron = |(node_id, (first_row, last, segments)): (u64, (u64, u64, u64))| {
            let expected = (last - first_row).saturating_add(1);
            match expected == segments {
                true => Ok(TableNeuron { node_id, first_row, segments }),
                false => Err(TableProblem::NodeRows { node: node_id, expected, found: segments }.into()),
            }
        };
        found.into_iter().map(neuron).collect()
    }
}
