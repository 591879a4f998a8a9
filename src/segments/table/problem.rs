//! Problems of a segment table.

use arrow_schema::DataType;
use parquet::errors::ParquetError;

use super::schema::FORMAT_VERSION;
use crate::error::Problem;
use crate::io::parquet_file::ParquetProblem;

/// A problem of a segment table.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TableProblem {
    /// The file is not Parquet, or it is damaged.
    #[error("not a readable Parquet file: {0}")]
    Parquet(String),
    /// The file was changed after it was written, or its compression is not supported.
    #[error(transparent)]
    File(ParquetProblem),
    /// Columns are missing.
    #[error("not a segment table, expected its columns, found no {0}")]
    MissingColumns(String),
    /// A column has the wrong type.
    #[error("wrong type, expected {expected}, found {found}")]
    Type {
        /// The type in the format.
        expected: DataType,
        /// The type in the file.
        found: DataType,
    },
    /// A value does not fit the type of the column.
    #[error("value does not fit, expected {expected}, found {found}")]
    Value {
        /// The column's type.
        expected: DataType,
        /// The value.
        found: String,
    },
    /// The section type does not exist.
    #[error("unknown kind of section, expected soma, axon, dend, apic, ais, node or myelin, found `{0}`")]
    SectionType(String),
    /// The population is unknown, because another program rewrote the table.
    #[error("no population: another program rewrote the table without its metadata")]
    NoPopulation,
    /// Another file has the name of a part, or the part was written again.
    #[error("changed since it was opened")]
    ChangedSinceOpened,
    /// The rows of a node are not consecutive.
    #[error(
        "rows of node {node} have gaps or repeat, expected {expected} from its first to its last row, found {found}"
    )]
    NodeRows {
        /// The node.
        node: u64,
        /// Number of rows between its first and last row.
        expected: u64,
        /// Number of rows that it has.
        found: u64,
    },
    /// A metadata key is missing or malformed.
    #[error("metadata `{0}` is missing or malformed, expected the value that `leadfield positions` writes")]
    MissingMetadata(&'static str),
    /// A newer program wrote the table.
    #[error("newer table format, expected version {FORMAT_VERSION} or older, found {0}")]
    Version(String),
    /// A folder has no parts.
    #[error("not a segment table, expected files `part-*.parquet` in the folder, found none")]
    NoParts,
    /// A part belongs to another table.
    #[error("part of another table, expected {expected}, found {found}")]
    Foreign {
        /// The value in the first part.
        expected: String,
        /// The value in this part.
        found: String,
    },
    /// Parts are missing, or there are too many.
    #[error("wrong number of parts, expected {expected}, found {found}")]
    PartCount {
        /// Number of parts in the metadata.
        expected: u64,
        /// Number of part files.
        found: u64,
    },
    /// A null value in a column that must not have nulls.
    #[error("null value, expected a number")]
    Null,
    /// A coordinate is not finite.
    #[error("wrong coordinate, expected a finite number, found {0}")]
    NotFinite(f64),
    /// A coordinate has no float32 number.
    #[error(
        "coordinate of segment {segment} of section {section} out of range, expected float32 numbers, found {found:e} um"
    )]
    OutOfRange {
        /// Section id.
        section: u32,
        /// Segment within the section.
        segment: u32,
        /// The coordinate, µm.
        found: f64,
    },
    /// A coordinate is outside the statistics of its page.
    #[error("coordinate outside the statistics of its page, expected {low} to {high}, found {found}")]
    OutsideStatistics {
        /// Smallest value in the statistics.
        low: f64,
        /// Largest value in the statistics.
        high: f64,
        /// The coordinate.
        found: f64,
    },
    /// A coordinate is outside the statistics of its row group.
    #[error("coordinate outside the statistics of row group {group}, expected {low} to {high}, found {found}")]
    OutsideGroupStatistics {
        /// The row group.
        group: usize,
        /// Smallest value in the statistics.
        low: f64,
        /// Largest value in the statistics.
        high: f64,
        /// The coordinate.
        found: f64,
    },
    /// A radius is negative or not finite.
    #[error("wrong radius, expected a finite number that is not negative, found {0}")]
    Radius(f32),
    /// The statistics of a row group do not include all of its pages.
    #[error("statistics of row group {0} exclude some of its pages, expected a range that includes all of them")]
    GroupStatistics(usize),
    /// A row does not match the neuron list.
    #[error("row {row} of node {node} does not belong to this part, expected each row of its neuron list once")]
    UnexpectedRow {
        /// The node of the row.
        node: u64,
        /// The row.
        row: u64,
    },
    /// There are fewer rows than in the neuron list.
    #[error("rows are missing, expected {expected} from the part's neuron list, found {found}")]
    MissingRows {
        /// Number of rows in the list.
        expected: usize,
        /// Number of rows in the file.
        found: usize,
    },
    /// A requested segment does not exist.
    #[error("no segment with index {0}, expected one of the table's rows")]
    NoSuchSegment(u64),
    /// A row group has too many rows.
    #[error("too many rows in a row group, expected at most 2147483647, found {0}")]
    TooManyRows(u64),
    /// A node is in two parts.
    #[error("node in two parts, expected each node once, found node {0} again")]
    DuplicateNode(u64),
    /// The rows of a node overlap those before, or leave a gap.
    #[error("rows of node {node} do not follow the previous rows, expected first row {expected}, found {found}")]
    FirstRow {
        /// The node.
        node: u64,
        /// The end of the previous rows.
        expected: u64,
        /// The first row of the node.
        found: u64,
    },
}

impl Problem for TableProblem {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Parquet(_) => Some("the file may be cut short, or be of another format".into()),
            Self::File(problem) => problem.hint(),
            Self::Version(_) => {
                Some("read it with the newer `leadfield`, or make it again with `leadfield positions`".into())
            }
            Self::MissingColumns(_) | Self::NoParts => Some("make a segment table with `leadfield positions`".into()),
            Self::DuplicateNode(_) | Self::FirstRow { .. } => {
                Some("restore the original parts of the table, or make it again with `leadfield positions`".into())
            }
            Self::ChangedSinceOpened => Some("open the table again".into()),
            Self::NoPopulation => Some("give it: `--population NAME`".into()),
            Self::NodeRows { .. } => Some("make the table again: it must have all rows of its neurons, each once".into()),
            Self::NotFinite(_) | Self::Radius(_) => Some("make the table again, or remove these rows".into()),
            Self::OutOfRange { .. } => Some("store coordinates as float64: `--precision f64`".into()),
            Self::OutsideStatistics { .. } | Self::OutsideGroupStatistics { .. } | Self::GroupStatistics(_) => Some(
                "make the table again, because spatial searches would miss segments; `leadfield validate positions` lists all such errors"
                    .into(),
            ),
            Self::Foreign { .. } => Some("use a separate folder for the parts of each table".into()),
            Self::PartCount { expected, found } if expected > found => {
                Some("restore the missing parts, or make the table again with `leadfield positions`".into())
            }
            _ => None,
        }
    }

    fn is_transient(&self) -> bool {
        // the Parquet library also reports read errors of a failing disk
        matches!(self, Self::Parquet(_))
    }
}

impl From<ParquetProblem> for TableProblem {
    fn from(problem: ParquetProblem) -> Self {
        match problem {
            ParquetProblem::Unreadable(text) => Self::Parquet(text),
            problem => Self::File(problem),
        }
    }
}

impl From<ParquetError> for TableProblem {
    fn from(error: ParquetError) -> Self {
        ParquetProblem::from(error).into()
    }
}

impl From<arrow_schema::ArrowError> for TableProblem {
    fn from(error: arrow_schema::ArrowError) -> Self {
        ParquetProblem::from(error).into()
    }
}
