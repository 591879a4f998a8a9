//! Files: typed HDF5 access, Parquet, input files, outputs that appear when they are complete, checkpoints, and ranks.

pub mod atomic_output;
pub mod hdf5;
pub mod ranks;
pub(crate) mod reader_panics;
pub mod resumable_output;

// The program and the integration tests call these; users of the library do not need them.
#[doc(hidden)]
pub mod checkpoint;
#[doc(hidden)]
pub mod digest;
#[doc(hidden)]
pub mod input_file;
#[doc(hidden)]
pub mod parquet_file;
#[doc(hidden)]
pub mod paths;
