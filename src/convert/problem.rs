//! What stands in the way of a conversion.

use crate::error::Problem;
use crate::io::parquet_file::ParquetProblem;

/// What stands in the way of a conversion, though each file is well-formed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ConversionProblem {
    /// A neuron in two files.
    #[error("neuron in two files, expected each in one, found node {node} in `{other}` too")]
    NeuronTwice {
        /// The neuron.
        node: u64,
        /// The other file.
        other: String,
    },
    /// No neurons.
    #[error("no neurons, expected at least one")]
    Empty,
    /// Segments that do not follow one another.
    #[error(
        "segments do not join, expected segment {segment} of section {section} to begin where the one before ends, \
         found a gap of {gap} um"
    )]
    SegmentGap {
        /// The section.
        section: u32,
        /// The segment.
        segment: u32,
        /// Distance of the two ends.
        gap: f64,
    },
    /// A soma with a length.
    #[error("soma with two ends, expected one place for segment {0} of section 0")]
    LongSoma(u32),
    /// A table with a section whose segments are not counted from 0.
    #[error("segments are missing, expected segment {expected} of section {section}, found {found}")]
    MissingSegments {
        /// The section.
        section: u32,
        /// The number that follows.
        expected: u32,
        /// The number in the table.
        found: u32,
    },
    /// A table that was not made from an electrodes file.
    #[error("no coefficients, expected the columns and the metadata `{0}` that `leadfield convert` writes")]
    NotWeightTable(&'static str),
    /// Coefficients in other units.
    #[error("coefficients in other units, expected `V/nA`, found `{0}`")]
    Units(String),
    /// Rows are missing.
    #[error("rows are missing, expected {expected}, found {found}")]
    RowCount {
        /// As many as there were.
        expected: u64,
        /// As many as there are.
        found: u64,
    },
    /// A coefficient that the simulator stops at.
    #[error("no finite coefficient at contact `{contact}`, expected a number, found {found}")]
    NotFinite {
        /// The contact.
        contact: String,
        /// The coefficient.
        found: f64,
    },
    /// Rows in another order.
    #[error("rows in another order, expected row {expected}, found {found}")]
    RowOrder {
        /// The row that follows.
        expected: u64,
        /// The row in the table.
        found: u64,
    },
    /// A node in two runs of rows.
    #[error("node in two places, expected all its rows together, found node {0} again")]
    NodeTwice(u64),
    /// A contact's name that stands for something else.
    #[error("name of a contact is taken, expected none called `{0}` in a table with one column a contact")]
    ReservedName(String),
    /// Another contact than the one that follows.
    #[error("contacts in another order, expected `{expected}`, found `{found}`")]
    ContactOrder {
        /// The contact that follows.
        expected: String,
        /// The one in the table.
        found: String,
    },
    /// A block of an Arrow IPC file that the file does not hold.
    #[error("damaged, expected blocks within the file's {length} bytes, found one of {found} bytes")]
    ArrowBlock {
        /// Length of the file.
        length: u64,
        /// What the footer says.
        found: i64,
    },
    /// A Parquet file that changed since it was written, or is compressed in a way that is not read.
    #[error(transparent)]
    Parquet(ParquetProblem),
    /// A library's words.
    #[error("cannot be read: {0}")]
    Read(String),
    /// A library's words.
    #[error("cannot be written: {0}")]
    Write(String),
    /// Columns that belong to nobody.
    #[error("columns of no contact, expected {expected}, one a contact, or one more of ones, found {found}")]
    ColumnCount {
        /// Number of contacts.
        expected: u64,
        /// Number of columns.
        found: u64,
    },
    /// A contact without a column.
    #[error("contact `{0}` has no column, expected the index of one")]
    NoColumn(String),
    /// Two contacts with one column.
    #[error("two contacts with one column, expected one each, found {column} for `{first}` and `{second}`")]
    SharedColumn {
        /// The column.
        column: u64,
        /// A contact.
        first: String,
        /// Another.
        second: String,
    },
    /// A last column that is no remnant of the original.
    #[error("wrong last column, expected ones (it belongs to no contact), found {0}")]
    NotOnes(f64),
}

impl Problem for ConversionProblem {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Parquet(problem) => return problem.hint(),
            Self::NeuronTwice { .. } => "give the files of one run of one circuit",
            Self::SegmentGap { .. } => {
                "this layout keeps one point between two segments: a table with gaps does not fit it"
            }
            Self::Units(_) => "clients take them for V/nA: compute the coefficients again with `leadfield weights`",
            Self::ArrowBlock { .. } => "the file is damaged: make it again, or fetch it again",
            Self::NoColumn(_) | Self::SharedColumn { .. } => {
                "it cannot be guessed: make the file again with `leadfield weights`"
            }
            _ => return None,
        };
        Some(hint.into())
    }
}
