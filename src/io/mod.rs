//! Files: typed HDF5 access, Parquet, input files, outputs that appear when they are complete, checkpoints, and ranks.

pub mod atomic_output;
pub mod checkpoint;
pub mod digest;
pub mod hdf5;
pub mod input_file;
pub mod parquet_file;
pub mod paths;
pub mod ranks;
pub mod reader_panics;
pub mod resumable_output;
