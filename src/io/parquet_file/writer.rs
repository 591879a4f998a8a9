//! Writes Parquet files whose pages, page index and footer have checksums.
//!
//! The Parquet library does not write the checksums of pages. Its Arrow writer passes each finished page to a store,
//! with header and page as separate blobs. The store here holds them until the row group ends; then [`page_header`]
//! adds the checksums, and the column chunk is appended with corrected offsets and sizes. The last bytes of the file
//! are held back until they contain the checksums of page index and footer.

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::{
    ArrowColumnWriter, ArrowRowGroupWriterFactory, ArrowWriterOptions, PageKey, PageStore, PageStoreArgs,
    PageStoreFactory, compute_leaves,
};
use parquet::basic::{Compression, ZstdLevel};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::{ParquetError, Result};
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};

use super::checksums::PROGRAM_NAME;
use super::{checksums, page_header};

/// The blobs of one column chunk: header and page alternate, data pages come before the dictionary page.
type ChunkBlobs = Arc<Mutex<Vec<Bytes>>>;

/// The stores of a row group's columns, in order.
#[derive(Debug, Default, Clone)]
struct RowGroupPageStores(Arc<Mutex<Vec<ChunkBlobs>>>);

impl RowGroupPageStores {
    /// Returns the blobs of all columns, and removes them.
    fn take_all(&self) -> Vec<ChunkBlobs> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl PageStoreFactory for RowGroupPageStores {
    fn create(&self, args: &PageStoreArgs<'_>) -> Result<Box<dyn PageStore>> {
        let mut stores = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let blobs = ChunkBlobs::default();
        if args.column_index() != stores.len() {
            return Err(ParquetError::General("columns in another order than the schema's".into()));
        }
        stores.push(blobs.clone());
        Ok(Box::new(ChunkPageStore(blobs)))
    }
}

/// Stores the blobs of one column chunk.
struct ChunkPageStore(ChunkBlobs);

impl PageStore for ChunkPageStore {
    fn put(&mut self, value: Bytes) -> Result<PageKey> {
        let mut blobs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        blobs.push(value);
        Ok(PageKey::new(blobs.len() as u64))
    }

    fn take(&mut self, _: PageKey) -> Result<Bytes> {
        Err(ParquetError::General("pages are appended with their checksums, not one by one".into()))
    }

    fn memory_size(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().map(Bytes::len).sum()
    }
}

/// Passes bytes on, until `held` is set; then holds them back.
struct TailBuffer<W> {
    inner: W,
    passed_bytes: u64,
    held: Option<Vec<u8>>,
}

impl<W: Write> Write for TailBuffer<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match &mut self.held {
            Some(held) => held.write(bytes),
            None => {
                let written = self.inner.write(bytes)?;
                self.passed_bytes += written as u64;
                Ok(written)
            }
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.inner.flush()
    }
}

/// Returns the properties that all files share: the program's name and zstd compression.
pub fn properties_builder() -> WriterPropertiesBuilder {
    WriterProperties::builder()
        .set_created_by(format!("{PROGRAM_NAME} {}", env!("CARGO_PKG_VERSION")))
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
}

/// Writes record batches as Parquet, with checksums of every part of the file.
pub struct Writer<W: Write + Send> {
    file: SerializedFileWriter<TailBuffer<W>>,
    factory: ArrowRowGroupWriterFactory,
    stores: RowGroupPageStores,
    schema: SchemaRef,
    max_row_group_rows: usize,
    row_group: Option<OpenRowGroup>,
}

/// A row group that is not yet complete.
struct OpenRowGroup {
    columns: Vec<ArrowColumnWriter>,
    rows: usize,
}

impl<W: Write + Send> Writer<W> {
    /// Starts a file.
    ///
    /// # Errors
    /// Returns an error if the operating system refuses, or the schema has types that Parquet lacks.
    pub fn new(out: W, schema: SchemaRef, properties: WriterProperties) -> Result<Self> {
        let stores = RowGroupPageStores::default();
        let max_group_rows = properties.max_row_group_row_count().unwrap_or(usize::MAX).max(1);
        let options =
            ArrowWriterOptions::new().with_properties(properties).with_page_store_factory(Arc::new(stores.clone()));
        let out = TailBuffer { inner: out, passed_bytes: 0, held: None };
        let (file, factory) =
            ArrowWriter::try_new_with_options(out, schema.clone(), options)?.into_serialized_writer()?;
        Ok(Self { file, factory, stores, schema, max_row_group_rows: max_group_rows, row_group: None })
    }

    /// Adds rows; a full row group is ended.
    ///
    /// # Errors
    /// Returns an error if the operating system refuses, or the batch has another schema.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let mut from = 0;
        while from < batch.num_rows() {
            let group = match &mut self.row_group {
                Some(group) => group,
                none => none.insert(OpenRowGroup {
                    columns: self.factory.create_column_writers(self.file.flushed_row_groups().len())?,
                    rows: 0,
                }),
            };
            let rows = (batch.num_rows() - from).min(self.max_row_group_rows - group.rows);
            group.write(&self.schema, &batch.slice(from, rows))?;
            from += rows;
            if group.rows >= self.max_row_group_rows {
                self.end_row_group()?;
            }
        }
        Ok(())
    }

    /// Ends the row group.
    ///
    /// # Errors
    /// Returns an error if the operating system refuses.
    pub fn end_row_group(&mut self) -> Result<()> {
        let Some(group) = self.row_group.take() else { return Ok(()) };
        let closed = group.columns.into_iter().map(|column| Ok(column.close()?.close().clone()));
        let closed = closed.collect::<Result<Vec<_>>>()?;
        let mut row_group = self.file.next_row_group()?;
        for (close, blobs) in closed.into_iter().zip(self.stores.take_all()) {
            let blobs = std::mem::take(&mut *blobs.lock().unwrap_or_else(PoisonError::into_inner));
            append_column(&mut row_group, &blobs, close)?;
        }
        row_group.close().map(drop)
    }

    /// Writes the end of the file; returns the underlying writer, flushed.
    ///
    /// # Errors
    /// Returns an error if the operating system refuses.
    pub fn finish(mut self) -> Result<W> {
        self.end_row_group()?;
        for pair in checksums::blank_checksum_pairs(self.file.flushed_row_groups().len()) {
            self.file.append_key_value_metadata(pair);
        }
        self.file.flush()?;
        self.file.inner_mut().held = Some(Vec::new());
        let TailBuffer { mut inner, passed_bytes: passed, held } = self.file.into_inner()?;
        let mut end = held.unwrap_or_default();
        checksums::fill_checksums(&mut end, passed)
            .ok_or_else(|| ParquetError::General("the footer has no place for its checksum".into()))?;
        inner.write_all(&end)?;
        inner.flush()?;
        Ok(inner)
    }
}

impl OpenRowGroup {
    fn write(&mut self, schema: &SchemaRef, batch: &RecordBatch) -> Result<()> {
        if batch.num_columns() != schema.fields().len() {
            return Err(ParquetError::General("batch with another number of columns than the file".into()));
        }
        self.rows += batch.num_rows();
        let mut columns = self.columns.iter_mut();
        for (field, array) in schema.fields().iter().zip(batch.columns()) {
            for leaf in compute_leaves(field, array)? {
                let column = columns.next();
                column.ok_or_else(|| ParquetError::General("more columns than the schema has".into()))?.write(&leaf)?;
            }
        }
        Ok(())
    }
}

/// Appends a column chunk with checksums in its page headers, the dictionary page first.
fn append_column<W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    blobs: &[Bytes],
    mut close: ColumnCloseResult,
) -> Result<()> {
    let (dictionary, data): (Vec<&[Bytes]>, Vec<&[Bytes]>) =
        blobs.chunks(2).partition(|blobs| blobs.first().is_some_and(|header| page_header::is_dictionary(header)));
    let (mut chunk, mut sizes) = (Vec::new(), Vec::with_capacity(data.len()));
    let mut grown = 0;
    let mut data_offset = 0;
    for (i, blobs) in dictionary.iter().chain(&data).enumerate() {
        let unknown = || ParquetError::General("header of a page in an unknown form".into());
        let [header, page] = blobs else { return Err(unknown()) };
        let with_checksums = page_header::insert_checksums(header, page).ok_or_else(unknown)?;
        grown += with_checksums.len() - header.len();
        if i == dictionary.len() {
            data_offset = chunk.len();
        }
        sizes.push((chunk.len() as i64, with_checksums.len() + page.len()));
        chunk.extend_from_slice(&with_checksums);
        chunk.extend_from_slice(page);
    }
    if let Some(index) = &mut close.offset_index {
        let pages = sizes.get(dictionary.len()..).unwrap_or_default();
        if pages.len() != index.page_locations.len() {
            return Err(ParquetError::General("other pages than the offset index has".into()));
        }
        for (location, &(offset, length)) in index.page_locations.iter_mut().zip(pages) {
            location.offset = offset;
            location.compressed_page_size = i32::try_from(length)?;
        }
    }
    close.bytes_written = chunk.len() as u64;
    let uncompressed = close.metadata.uncompressed_size() + grown as i64;
    close.metadata = close
        .metadata
        .into_builder()
        .set_total_compressed_size(chunk.len() as i64)
        .set_total_uncompressed_size(uncompressed)
        .set_data_page_offset(data_offset as i64)
        .set_dictionary_page_offset((!dictionary.is_empty()).then_some(0))
        .build()?;
    group.append_column(&Bytes::from(chunk), close)
}
