//! Files: typed HDF5 access, Parquet, input files, outputs that appear when they are complete, checkpoints, and ranks.

// The program and the integration tests call most of these; users of the library need `ranks` only.
#[doc(hidden)]
pub mod atomic_output;
#[doc(hidden)]
pub mod checkpoint;
#[doc(hidden)]
pub mod digest;
#[doc(hidden)]
pub mod hdf5;
#[doc(hidden)]
pub mod input_file;
#[doc(hidden)]
pub mod parquet_file;
#[doc(hidden)]
pub mod paths;
pub mod ranks;
pub(crate) mod reader_panics;
#[doc(hidden)]
pub mod resumable_output;
