//! The only access to Parquet files: files are written with checksums, which are checked when they are read.
//!
//! Every page has the CRC-32 that the format provides, its header has another one, and the footer has the checksums of
//! the page index and of itself (`checksums`). Files of other programs and of older versions lack some or all of these
//! and are read without the checks.

mod checksums;
mod page_header;
mod problem;
mod reader;
mod source;
mod writer;

pub use checksums::{FOOTER_KEY, INDEX_KEY, check_page_index, footer_checksum, has_checksums};
pub use problem::ParquetProblem;
pub use reader::{check_codecs, is_written_here, load_offset_index, open_batches, read_metadata};
pub use source::{FileIdentity, OffsetReader, ParquetSource};
pub use writer::{Writer, properties_builder};
