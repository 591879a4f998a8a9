//! What can be wrong with a table.

use arrow_schema::DataType;
use parquet::errors::ParquetError;

use super::schema::FORMAT_VERSION;
use crate::error::Problem;
use crate::io::parquet_file::ParquetProblem;

/// What can be wrong with a table.
#[derive(Debug, thiserror::Error)]
pub enum TableProblem {
    /// No Parquet, or damaged.
    #[error("no readable Parquet file: {0}")]
    Parquet(String),
    /// Changed since it was written, or compressed in a way that is not read.
    #[error(transparent)]
    File(ParquetProblem),
    /// Columns are missing.
    #[error("no segment table, expected the columns of a segment table, found no {0}")]
    MissingColumns(String),
    /// A column has another type.
    #[error("wrong type, expected {expected}, found {found}")]
    Type {
        /// What the format asks for.
        expected: DataType,
        /// What the file holds.
        found: DataType,
    },
    /// A value that the column's type cannot hold.
    #[error("value does not fit, expected {expected}, found {found}")]
    Value {
        /// The column's type.
        expected: DataType,
        /// The value.
        found: String,
    },
    /// A kind of section that is none.
    #[error("unknown kind of section, expected soma, axon, dend, apic, ais, node or myelin, found `{0}`")]
    SectionType(String),
    /// A table that another program rewrote does not name its population.
    #[error("no population: another program wrote the table, and its metadata are lost")]
    NoPopulation,
    /// Rows of a node that do not follow one another.
    #[error(
        "rows of node {node} have gaps or repeat, expected {expected} from its first to its last row, found {found}"
    )]
    NodeRows {
        /// The node.
        node: u64,
        /// As many as lie between its first and its last row.
        expected: u64,
        /// As many as there are.
        found: u64,
    },
    /// A metadata key is missing or malformed.
    #[error("metadata `{0}` is missing or malformed, expected what `leadfield positions` writes")]
    MissingMetadata(&'static str),
    /// Written by a newer program.
    #[error("newer table format, expected version {FORMAT_VERSION} or older, found {0}")]
    Version(String),
    /// A folder without parts.
    #[error("no segment table, expected files `part-*.parquet` in the folder, found none")]
    NoParts,
    /// Parts that belong to different tables.
    #[error("part of another table, expected {expected}, found {found}")]
    Foreign {
        /// What the first part says.
        expected: String,
        /// What this part says.
        found: String,
    },
    /// Parts are missing, or there are more than belong to the table.
    #[error("wrong number of parts, expected {expected}, found {found}")]
    PartCount {
        /// As many as the metadata says.
        expected: u64,
        /// As many as are there.
        found: u64,
    },
    /// A null where there may be none.
    #[error("null value, expected a number")]
    Null,
    /// A coordinate that is no finite number.
    #[error("wrong coordinate, expected a finite number, found {0}")]
    NotFinite(f64),
    /// A coordinate that its page's statistics exclude.
    #[error("coordinate outside the statistics of its page, expected {low} to {high}, found {found}")]
    OutsideStatistics {
        /// The least value by the statistics.
        low: f64,
        /// The greatest.
        high: f64,
        /// The coordinate.
        found: f64,
    },
    /// A coordinate that its row group's statistics exclude.
    #[error("coordinate outside the statistics of row group {group}, expected {low} to {high}, found {found}")]
    OutsideGroupStatistics {
        /// The row group.
        group: usize,
        /// The least value by the statistics.
        low: f64,
        /// The greatest.
        high: f64,
        /// The coordinate.
        found: f64,
    },
    /// A radius that is none.
    #[error("wrong radius, expected a finite number that is not negative, found {0}")]
    Radius(f32),
    /// Pages that the statistics of their row group exclude.
    #[error("statistics of row group {0} exclude some of its pages, expected a range that holds all of them")]
    GroupStatistics(usize),
    /// The rows are not those of the neuron list.
    #[error("row {row} of node {node} does not belong to this part, expected the rows of its neuron list, each once")]
    UnexpectedRow {
        /// Node of the row.
        node: u64,
        /// The row.
        row: u64,
    },
    /// Fewer rows than the neuron list has.
    #[error("rows are missing, expected {expected} as in the part's neuron list, found {found}")]
    MissingRows {
        /// As many as the list says.
        expected: usize,
        /// As many as there are.
        found: usize,
    },
    /// A segment that is asked for is not there.
    #[error("no segment at place {0}, expected one of the table's rows")]
    NoSuchSegment(u64),
    /// A row group of more rows than can be counted.
    #[error("too many rows in a row group, expected at most 2147483647, found {0}")]
    TooManyRows(u64),
    /// A node in two parts.
    #[error("node in two parts, expected each node once, found node {0} again")]
    DuplicateNode(u64),
    /// Rows that overlap or leave a gap.
    #[error("rows of node {node} do not follow those before, expected {expected} as its first row, found {found}")]
    FirstRow {
        /// The node.
        node: u64,
        /// The end of the rows before.
        expected: u64,
        /// Its first row.
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
                Some("bring the table's own parts together, or make it again with `leadfield positions`".into())
            }
            Self::NoPopulation => Some("name it: `--population NAME`".into()),
            Self::NodeRows { .. } => Some("a table has all rows of its neurons, each once: make it again".into()),
            Self::NotFinite(_) | Self::Radius(_) => Some("make the table again, or leave these rows out".into()),
            Self::OutsideStatistics { .. } | Self::OutsideGroupStatistics { .. } | Self::GroupStatistics(_) => Some(
                "searches by place would miss segments: make the table again; `leadfield validate positions` finds all such places"
                    .into(),
            ),
            Self::Foreign { .. } => Some("keep the parts of each table in a folder of their own".into()),
            Self::PartCount { expected, found } if expected > found => {
                Some("bring the missing parts, or make the table again with `leadfield positions`".into())
            }
            _ => None,
        }
    }

    fn is_transient(&self) -> bool {
        // a disk that fails while it is read is told by the Parquet library
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
