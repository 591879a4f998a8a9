//! Reads Parquet and Arrow IPC files block by block; a file can be read any number of times.

use std::fs::File;
use std::io::{BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use arrow_ipc::reader::FileReader;
use arrow_schema::{ArrowError, SchemaRef};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::ConversionProblem;
use super::weight_table::BatchSource;
use crate::error::{Context, FileProblem, Result};
use crate::io::input_file;
use crate::io::parquet_file::{ParquetProblem, ParquetSource, open_batches};
use crate::io::reader_panics::{PanicGuard, catch_panics};

/// First bytes of an Arrow IPC file.
const ARROW_MAGIC: &[u8] = b"ARROW1";

/// A Parquet or Arrow IPC file.
#[derive(Debug)]
pub struct ColumnarFile {
    path: PathBuf,
    is_arrow: bool,
    schema: SchemaRef,
}

impl From<ParquetProblem> for ConversionProblem {
    fn from(problem: ParquetProblem) -> Self {
        match problem {
            ParquetProblem::Unreadable(text) => Self::Read(text),
            problem => Self::Parquet(problem),
        }
    }
}

impl ColumnarFile {
    /// Opens a file: Arrow IPC by its first bytes, otherwise Parquet.
    ///
    /// # Errors
    /// Returns an error if the file cannot be read or has neither format.
    pub fn open(path: &Path) -> Result<Self> {
        let mut start = Vec::new();
        let file = input_file::open(path)?;
        file.take(ARROW_MAGIC.len() as u64).read_to_end(&mut start).map_err(FileProblem::Read).in_file(path)?;
        let arrow = start == ARROW_MAGIC;
        let schema = if arrow { Self::open_arrow(path)?.schema() } else { Self::open_parquet(path)?.schema().clone() };
        Ok(Self { path: path.to_path_buf(), is_arrow: arrow, schema })
    }

    fn open_arrow(path: &Path) -> Result<FileReader<BufReader<File>>> {
        let file = input_file::open(path)?;
        check_arrow_blocks(&file).in_file(path)?;
        catch_panics(|| FileReader::try_new(BufReader::new(file), None).map_err(ConversionProblem::from)).in_file(path)
    }

    fn open_parquet(path: &Path) -> Result<ParquetRecordBatchReaderBuilder<ParquetSource>> {
        open_batches(path).in_file(path)
    }

    fn read_batches(&self) -> Result<Box<dyn Iterator<Item = Result<RecordBatch>>>> {
        let problem = |batch: Result<RecordBatch, ArrowError>| batch.map_err(ConversionProblem::from);
        if self.is_arrow {
            return Ok(Box::new(PanicGuard::new(Self::open_arrow(&self.path)?.map(problem))));
        }
        let builder = Self::open_parquet(&self.path)?;
        let problem = |error| ConversionProblem::from(ParquetProblem::from(error));
        let reader =
            catch_panics(|| builder.build().map_err(|error| ConversionProblem::from(ParquetProblem::from(error))));
        Ok(Box::new(PanicGuard::new(reader.in_file(&self.path)?.map(move |batch| batch.map_err(problem)))))
    }
}

/// Bytes after the footer of an Arrow IPC file: the footer's length and the format's magic word.
const ARROW_TRAILER_BYTES: u64 = 10;

/// Checks that the blocks named by the footer lie within the file: the reader would allocate memory of the claimed
/// size, and a failed allocation would end the process.
fn check_arrow_blocks(file: &File) -> Result<()> {
    let length = file.metadata().map_err(FileProblem::Read)?.len();
    let mut trailer = [0; ARROW_TRAILER_BYTES as usize];
    let Some(end) = length.checked_sub(ARROW_TRAILER_BYTES) else { return Ok(()) };
    file.read_exact_at(&mut trailer, end).map_err(FileProblem::Read)?;
    let size = trailer.first_chunk().map_or(0, |size| u64::try_from(i32::from_le_bytes(*size)).unwrap_or(0));
    // the reader reports faults of the footer itself
    let Some(first) = end.checked_sub(size) else { return Ok(()) };
    let mut footer = vec![0; size as usize];
    file.read_exact_at(&mut footer, first).map_err(FileProblem::Read)?;
    let Ok(footer) = arrow_ipc::root_as_footer(&footer) else { return Ok(()) };
    for block in footer.recordBatches().into_iter().flatten().chain(footer.dictionaries().into_iter().flatten()) {
        let parts = [block.offset(), i64::from(block.metaDataLength()), block.bodyLength()];
        let end = parts.iter().try_fold(0_u64, |sum, part| sum.checked_add(u64::try_from(*part).ok()?));
        if end.is_none_or(|end| end > length) {
            return Err(ConversionProblem::ArrowBlock { length, found: parts[1].saturating_add(parts[2]) }.into());
        }
    }
    Ok(())
}

impl BatchSource for ColumnarFile {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn for_each_batch(&self, take: &mut dyn FnMut(&RecordBatch) -> Result<()>) -> Result<()> {
        for batch in self.read_batches()? {
            take(&batch.in_file(&self.path)?).in_file(&self.path)?;
        }
        Ok(())
    }
}
