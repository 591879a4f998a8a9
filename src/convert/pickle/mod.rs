//! Pickles of pandas data frames, read by a symbolic machine: nothing in a pickle is executed.
//!
//! A pickle is a program for a small stack machine. Python's own machine calls whatever the program names; this one
//! only records which constructor would be called with which arguments ([`PickleValue::Object`]), and rejects any name
//! that is not a constructor of pandas or numpy on its list ([`GlobalName`]). [`DataFrame::from_pickle`] then follows a
//! fixed path from the frame to its arrays and ignores everything else. So a pickle can neither run code nor cause
//! recursion.
//!
//! Memory: the machine creates at most one [`PickleValue`] per instruction, memo and marks are bounded by the file's
//! length and by [`MAX_MARKS`], and arrays may claim no more than [`MAX_ARRAY_BYTES_PER_FILE_BYTE`] times the file's
//! length. Together that is less than [`MAX_MEMORY_PER_FILE_BYTE`] bytes for each byte of the file, whatever it
//! contains.
//!
//! Protocols 2 to 5, as Python's `pickletools` documents them; frames of pandas 1.0 to 3.1.

mod array;
mod byte_reader;
mod data_frame;
mod global_name;
mod index;
mod label_texts;
mod machine;
mod memo;
mod problem;
mod row_labels;
mod value;

pub use self::array::Array;
pub use self::data_frame::DataFrame;
pub use self::global_name::GlobalName;
pub use self::index::{IndexLabels, MultiIndex};
pub use self::machine::load;
pub use self::problem::{MAX_MARKS, PickleProblem};
pub use self::row_labels::RowLabels;
pub use self::value::{Pickle, PickleValue, ValueId};

/// Arrays may be used more than once, but together claim at most this many bytes per byte of the file.
pub const MAX_ARRAY_BYTES_PER_FILE_BYTE: u64 = 4;

/// Upper bound for memory, in bytes per byte of the file, in addition to the file itself.
pub const MAX_MEMORY_PER_FILE_BYTE: u64 = 160;
