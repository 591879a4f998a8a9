//! Errors of conversions.

use crate::error::Problem;
use crate::io::parquet_file::ParquetProblem;

/// Reasons why well-formed files cannot be converted.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ConversionProblem {
    /// A neuron is in two files.
    #[error("neuron in two files, expected each in one, found node {node} in `{other}` too")]
    NeuronTwice {
        /// Node id of the neuron.
        node: u64,
        /// The other file.
        other: String,
    },
    /// There are no neurons.
    #[error("no neurons, expected at least one")]
    Empty,
    /// Segments are not contiguous.
    #[error(
        "segments do not join, expected segment {segment} of section {section} to begin where the one before ends, \
         found a gap of {gap} µm"
    )]
    SegmentGap {
        /// Section id.
        section: u32,
        /// Segment id.
        segment: u32,
        /// Distance of the two ends, µm.
        gap: f64,
    },
    /// A segment of the soma has a length.
    #[error("soma with two ends, expected a single point for segment {0} of section 0")]
    LongSoma(u32),
    /// The segments of a section in a table are not numbered from 0 without gaps.
    #[error("segments are missing, expected segment {expected} of section {section}, found {found}")]
    MissingSegments {
        /// Section id.
        section: u32,
        /// The expected segment id.
        expected: u32,
        /// The segment id in the table.
        found: u32,
    },
    /// A table was not converted from an electrodes file.
    #[error("no weights, expected the columns and the metadata `{0}` that `leadfield convert` writes")]
    NotWeightTable(&'static str),
    /// The weights have other units.
    #[error("wrong units of weights, expected `V/nA`, found `{0}`")]
    Units(String),
    /// Rows are missing.
    #[error("rows are missing, expected {expected}, found {found}")]
    RowCount {
        /// Number of rows of the original.
        expected: u64,
        /// Number of rows found.
        found: u64,
    },
    /// A weight is not finite, which makes the simulator fail.
    #[error("weight at contact `{contact}` is not finite, expected a number, found {found}")]
    NotFinite {
        /// Name of the contact.
        contact: String,
        /// The weight.
        found: f64,
    },
    /// A weight has no float32 number.
    #[error("weight at contact `{contact}` out of range, expected float32 numbers, found {found:e}")]
    WeightRange {
        /// Name of the contact.
        contact: String,
        /// The weight.
        found: f64,
    },
    /// A value of a report has no float32 number.
    #[error("value of {owner} out of range, expected float32 numbers, found {found:e}")]
    ValueRange {
        /// The node or contact.
        owner: String,
        /// The value.
        found: f64,
    },
    /// Rows are not in order.
    #[error("rows in the wrong order, expected row {expected}, found {found}")]
    RowOrder {
        /// The expected row.
        expected: u64,
        /// The row in the table.
        found: u64,
    },
    /// The rows of a node are not consecutive.
    #[error("rows of a node are not consecutive, expected all together, found node {0} again")]
    NodeTwice(u64),
    /// A contact has the name of a column with another meaning.
    #[error("reserved contact name, expected none called `{0}` in a table with one column per contact")]
    ReservedName(String),
    /// Contacts are not in order.
    #[error("contacts in the wrong order, expected `{expected}`, found `{found}`")]
    ContactOrder {
        /// The expected contact.
        expected: String,
        /// The contact in the table.
        found: String,
    },
    /// A block of an Arrow IPC file extends beyond the file.
    #[error("damaged, expected blocks within the file's {length} bytes, found one of {found} bytes")]
    ArrowBlock {
        /// Length of the file.
        length: u64,
        /// Size of the block as the footer states it.
        found: i64,
    },
    /// A Parquet file changed since it was written, or uses an unsupported compression.
    #[error(transparent)]
    Parquet(ParquetProblem),
    /// Error message of a library on reading.
    #[error("cannot be read: {0}")]
    Read(String),
    /// The number of columns does not match the contacts.
    #[error("wrong number of columns, expected {expected} (one per contact) or one more of ones, found {found}")]
    ColumnCount {
        /// Number of contacts.
        expected: u64,
        /// Number of columns.
        found: u64,
    },
    /// A contact has no column.
    #[error("contact `{0}` has no column, expected a column index")]
    NoColumn(String),
    /// Two contacts have the same column.
    #[error("two contacts with the same column, expected one each, found {column} for `{first}` and `{second}`")]
    SharedColumn {
        /// The column.
        column: u64,
        /// One contact.
        first: String,
        /// The other contact.
        second: String,
    },
    /// The extra last column is not all ones.
    #[error("wrong last column, expected ones (it belongs to no contact), found {0}")]
    NotOnes(f64),
}

impl Problem for ConversionProblem {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Parquet(problem) => return problem.hint(),
            Self::NeuronTwice { .. } => "give the files of one run of one circuit",
            Self::SegmentGap { .. } => {
                "this layout has one point between two segments: a table with gaps does not fit it"
            }
            Self::Units(_) => "clients take them for V/nA: compute the weights again with `leadfield weights`",
            Self::WeightRange { .. } => "store weights as float64: leave `--precision f32` out",
            Self::ArrowBlock { .. } => "the file is damaged: make it again, or fetch it again",
            Self::NoColumn(_) | Self::SharedColumn { .. } => {
                "the correct value is unknown: create the file again with `leadfield weights`"
            }
            _ => return None,
        };
        Some(hint.into())
    }
}
