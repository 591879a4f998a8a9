//! The electrodes file (HDF5): for every segment and contact the weight by which the simulator multiplies the segment's
//! membrane current.
//!
//! | path | written as |
//! |---|---|
//! | `/{population}/node_ids` | u64 `[N]`, ascending |
//! | `/{population}/offsets` | u64 `[N + 1]`: rows of node i are `offsets[i]..offsets[i + 1]` |
//! | `/electrodes/{population}/scaling_factors` | f64 `[rows, contacts]`, V/nA, contiguous, unfiltered; attribute `units` |
//! | `/electrodes/{name}` | group; attribute `units` if the column is not a potential |
//! | `/electrodes/{name}/position` | f32 `[3]`, µm |
//! | `/electrodes/{name}/type`, `layer`, `region` | UTF-8 scalars |
//! | `/electrodes/{name}/{population}` | u64 scalar: the contact's column |
//!
//! Within a node, rows are sorted by section id, then by segment. Source: SONATA extension, "Format of the
//! electrodes_file"; the element types are those that h5py, libsonata 0.2 and neurodamus 4.2 all accept. The text's
//! `{population}/electrode_id` for the column breaks libsonata: it is read here, never written.

mod column_rule;
mod column_units;
mod file_layout;
mod layout;
mod reader;
mod recomputable_contact;
mod sparse_column;
mod weights_dataset;
mod writer;

pub use column_rule::ColumnRule;
#[doc(hidden)]
pub use column_rule::sort_names;
#[doc(hidden)]
pub use column_units::{method_unit, read_unit_attribute, unit_by_type};
pub use file_layout::AttributeValue;
#[doc(hidden)]
pub use file_layout::{ContactLayout, FileLayout, PopulationLayout};
#[doc(hidden)]
pub use layout::{layout_size_bytes, matches_layout};
pub use reader::{ContactDescription, ContactEntry, ElectrodesFile, PopulationEntry, check_finished};
#[doc(hidden)]
pub use recomputable_contact::{RecomputableContact, SETTING_ATTRIBUTES, read_settings};
#[doc(hidden)]
pub use weights_dataset::WeightsDataset;
#[doc(hidden)]
pub use writer::{Reader, Writer};

use crate::error::Problem;

/// Bytes per weight.
#[doc(hidden)]
pub const WEIGHT_BYTES: u64 = size_of::<f64>() as u64;

/// The group with electrodes and weights; no population may have this name.
#[doc(hidden)]
pub const ELECTRODES: &str = "electrodes";

/// Returns the path of a population's node ids.
#[doc(hidden)]
pub fn node_ids_path(population: &str) -> String {
    format!("/{population}/node_ids")
}

/// Returns the path of a population's offsets.
#[doc(hidden)]
pub fn offsets_path(population: &str) -> String {
    format!("/{population}/offsets")
}

/// Returns the path of a population's weights.
#[doc(hidden)]
pub fn scaling_factors_path(population: &str) -> String {
    format!("/{ELECTRODES}/{population}/scaling_factors")
}

/// Returns the path of a contact's group.
#[doc(hidden)]
pub fn electrode_path(name: &str) -> String {
    format!("/{ELECTRODES}/{name}")
}

/// Reasons why an electrodes file, or the layout of one, is invalid.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ElectrodesFileProblem {
    /// The file has no population.
    #[error("no population, expected a group with `node_ids` and `offsets`, found none")]
    NoPopulation,
    /// The file has no population with this name.
    #[error("unknown population `{name}`, expected one of {known}")]
    UnknownPopulation {
        /// The requested name.
        name: String,
        /// Names of the file's populations.
        known: String,
    },
    /// The number of offsets is not that of nodes plus one.
    #[error("wrong length, expected {expected} offsets (one more than nodes), found {found}")]
    OffsetsLength {
        /// Number of nodes plus one.
        expected: usize,
        /// Length of the dataset.
        found: usize,
    },
    /// An offset is smaller than the one before.
    #[error("offset below the one before, expected at least {expected}, found {found}")]
    OffsetsDecrease {
        /// The previous offset.
        expected: u64,
        /// The smaller offset.
        found: u64,
    },
    /// The last offset differs from the number of rows.
    #[error("last offset is not the number of rows of `scaling_factors`, expected {expected}, found {found}")]
    OffsetsEnd {
        /// Number of rows.
        expected: u64,
        /// The last offset.
        found: u64,
    },
    /// A node is listed more than once.
    #[error("node listed twice, expected each once, found `{0}` again")]
    DuplicateNode(u64),
    /// The column index is out of range.
    #[error("column index out of range, expected below {expected}, found {found}")]
    Column {
        /// Number of columns.
        expected: u64,
        /// The column index.
        found: u64,
    },
    /// The file cannot store a name.
    #[error("name cannot be stored, expected a {what} without `/`, found `{name}`")]
    Name {
        /// `contact name` or `population name`.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// A name is that of the group of all contacts.
    #[error("reserved name, expected a {0} other than `{ELECTRODES}`, found `{ELECTRODES}`")]
    Reserved(&'static str),
    /// A position exceeds the range of float32.
    #[error("position of contact `{contact}` cannot be stored, expected float32 numbers, found {found} µm")]
    Position {
        /// Name of the contact.
        contact: String,
        /// The coordinate, µm.
        found: String,
    },
    /// Two members of a group have the same name.
    #[error("name used twice in the file, expected each once, found `{0}` again")]
    DuplicateName(String),
    /// The number of bytes exceeds what HDF5 or the machine supports.
    #[error("too many values, expected less than 2^63 bytes, found {rows} rows of {columns}")]
    TooLarge {
        /// Number of rows.
        rows: u64,
        /// Number of columns.
        columns: u64,
    },
    /// Rows are outside the layout.
    #[error("rows outside the layout, expected rows below {expected}, found rows from {found} on")]
    Rows {
        /// Number of rows of the layout.
        expected: u64,
        /// First row of the block.
        found: u64,
    },
    /// A run has not completed the file.
    #[error("unfinished, expected a complete electrodes file, found {progress}")]
    Unfinished {
        /// Name of the complete file.
        output: String,
        /// How far the run came.
        progress: String,
    },
    /// The dataset has no byte offset.
    #[error("dataset is not contiguous, expected one with a byte offset")]
    NotContiguous,
}

impl Problem for ElectrodesFileProblem {
    fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownPopulation { .. } => Some("name it with `--population`".into()),
            Self::Unfinished { output, .. } => Some(format!(
                "complete `{output}` with the command that began it and `--resume`, or `--finish` after `--layout`; \
                 `leadfield info` shows its progress"
            )),
            Self::Position { .. } => Some("check the unit: positions are in µm".into()),
            Self::Name { .. } | Self::DuplicateName(_) | Self::Reserved(_) => Some("rename it in its file".into()),
            _ => None,
        }
    }
}
