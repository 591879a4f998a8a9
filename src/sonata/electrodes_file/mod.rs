//! The electrodes file (HDF5): for every segment and contact the coefficient that the simulator multiplies with the
//! segment's membrane current.
//!
//! | path | written as |
//! |---|---|
//! | `/{population}/node_ids` | u64 `[N]`, ascending |
//! | `/{population}/offsets` | u64 `[N + 1]`: rows of node i are `offsets[i]..offsets[i + 1]` |
//! | `/electrodes/{population}/scaling_factors` | f64 `[rows, contacts]`, V/nA, contiguous, unfiltered; attribute `units` |
//! | `/electrodes/{name}` | group; attribute `units` where the column is no potential |
//! | `/electrodes/{name}/position` | f32 `[3]`, um |
//! | `/electrodes/{name}/type`, `layer`, `region` | UTF-8 scalars |
//! | `/electrodes/{name}/{population}` | u64 scalar: the contact's column |
//!
//! Inside a node, rows are sections by ascending id, segments in order. Source: SONATA extension, "Format of the
//! electrodes_file"; element types are those that h5py, libsonata 0.2 and neurodamus 4.2 accept alike. The text's
//! `{population}/electrode_id` for the column breaks libsonata: it is read here, never written.

mod column_rule;
mod column_units;
mod layout;
mod layout_match;
mod layout_size;
mod reader;
mod recomputable_contact;
mod sparse_column;
mod weights_dataset;
mod writer;

pub use column_rule::{ColumnRule, sort_names};
pub use column_units::{method_unit, read_unit_attribute, unit_by_type};
pub use layout_match::matches_layout;
pub use layout_size::layout_size_bytes;
pub use reader::{ContactDescription, ContactEntry, ElectrodesFile, PopulationEntry};
pub use recomputable_contact::{RecomputableContact, SETTING_ATTRIBUTES, read_settings};
pub use weights_dataset::WeightsDataset;
pub use writer::{AttributeValue, ContactLayout, FileLayout, PopulationLayout, Reader, Writer};

use crate::error::Problem;

/// Bytes of a coefficient.
pub const WEIGHT_BYTES: u64 = size_of::<f64>() as u64;

/// The group that holds electrodes and coefficients; no population may have its name.
pub const ELECTRODES: &str = "electrodes";

/// Where a population's node ids are.
pub fn node_ids_path(population: &str) -> String {
    format!("/{population}/node_ids")
}

/// Where a population's offsets are.
pub fn offsets_path(population: &str) -> String {
    format!("/{population}/offsets")
}

/// Where a population's coefficients are.
pub fn scaling_factors_path(population: &str) -> String {
    format!("/{ELECTRODES}/{population}/scaling_factors")
}

/// The group of a contact.
pub fn electrode_path(name: &str) -> String {
    format!("/{ELECTRODES}/{name}")
}

/// What can be wrong with an electrodes file, or with what is to become one.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ElectrodesFileProblem {
    /// Nothing but `/electrodes` at the root.
    #[error("no population, expected a group with `node_ids` and `offsets`, found none")]
    NoPopulation,
    /// A population of that name is not there.
    #[error("unknown population `{name}`, expected one of {known}")]
    UnknownPopulation {
        /// The name asked for.
        name: String,
        /// Those of the file.
        known: String,
    },
    /// Not one offset more than nodes.
    #[error("wrong length, expected {expected} offsets (one more than nodes), found {found}")]
    OffsetsLength {
        /// Number of nodes and one.
        expected: usize,
        /// Length of the dataset.
        found: usize,
    },
    /// An offset is below the one before.
    #[error("offset below the one before, expected at least {expected}, found {found}")]
    OffsetsDecrease {
        /// The offset before.
        expected: u64,
        /// This one.
        found: u64,
    },
    /// The last offset is not the number of rows.
    #[error("last offset is not the number of rows of `scaling_factors`, expected {expected}, found {found}")]
    OffsetsEnd {
        /// Number of rows.
        expected: u64,
        /// The last offset.
        found: u64,
    },
    /// A node stands twice.
    #[error("node listed twice, expected each once, found `{0}` again")]
    DuplicateNode(u64),
    /// The column is not there.
    #[error("column index out of range, expected below {expected}, found {found}")]
    Column {
        /// Number of columns.
        expected: u64,
        /// The index.
        found: u64,
    },
    /// A name that HDF5 or the format cannot hold.
    #[error("name cannot be stored, expected a {what} without `/`, found `{name}`")]
    Name {
        /// `contact name` or `population name`.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// A position that the file's float32 cannot hold.
    #[error("position of contact `{contact}` cannot be stored, expected float32 numbers, found {found} um")]
    Position {
        /// The contact.
        contact: String,
        /// The coordinate.
        found: String,
    },
    /// Two things of one group with one name.
    #[error("name used twice in the file, expected each once, found `{0}` again")]
    DuplicateName(String),
    /// More than HDF5 or the machine can count.
    #[error("too many values, expected less than 2^63 bytes, found {rows} rows of {columns}")]
    TooLarge {
        /// Rows asked for.
        rows: u64,
        /// Columns asked for.
        columns: u64,
    },
    /// Rows that the layout does not have.
    #[error("rows outside the layout, expected all below {expected}, found some from {found} on")]
    Rows {
        /// Number of rows laid out.
        expected: u64,
        /// First row of the block.
        found: u64,
    },
    /// The library gave no byte offset.
    #[error("not laid out in one piece, expected a contiguous dataset with a byte offset")]
    NotContiguous,
}

impl Problem for ElectrodesFileProblem {
    fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownPopulation { .. } => Some("name it with `--population`".into()),
            Self::Position { .. } => Some("positions are in um: is the unit right?".into()),
            Self::Name { .. } | Self::DuplicateName(_) => Some("rename it in its file".into()),
            _ => None,
        }
    }
}
