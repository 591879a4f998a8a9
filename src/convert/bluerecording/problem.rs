//! What can be wrong with boundaries.

use crate::error::Problem;
use crate::io::parquet_file::ParquetProblem;

/// What can be wrong with a file of boundaries.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PositionsFileProblem {
    /// Another number of rows.
    #[error("wrong number of rows, expected 3 (x, y, z), found {0}")]
    RowCount(u64),
    /// Labels of another kind.
    #[error("wrong labels of columns, expected `id` and `section`, found {0}")]
    ColumnLabels(String),
    /// Labels of rows that do not say which coordinate is in which row.
    #[error("wrong labels of rows, expected x, y, z or 0, 1, 2, each once, found {0}")]
    RowLabels(String),
    /// No columns.
    #[error("no boundaries, expected at least one neuron")]
    Empty,
    /// Arrays of different lengths.
    #[error("wrong length, expected {expected} as of `id`, found {found}")]
    ArrayLength {
        /// Number of ids.
        expected: usize,
        /// Number of values.
        found: usize,
    },
    /// A label that cannot be an id.
    #[error("wrong {what}, expected a number from 0 to {most}, found {found}")]
    IdRange {
        /// `id` or `section`.
        what: &'static str,
        /// The greatest there can be.
        most: u64,
        /// The label.
        found: i64,
    },
    /// A neuron in two pieces.
    #[error("neuron in two places, expected all its columns in a row, found node {0} again")]
    NeuronTwice(u64),
    /// A section in two pieces.
    #[error("section in two places, expected all its columns in a row, found section {section} of node {node} again")]
    SectionTwice {
        /// The neuron.
        node: u64,
        /// Its section.
        section: u32,
    },
    /// A section without a segment.
    #[error("one boundary alone, expected two or more for section {section} of node {node}, found 1")]
    SinglePoint {
        /// The neuron.
        node: u64,
        /// Its section.
        section: u32,
    },
    /// A coordinate that is none.
    #[error("wrong coordinate, expected a finite number for section {section} of node {node}, found {found}")]
    NotFinite {
        /// The neuron.
        node: u64,
        /// Its section.
        section: u32,
        /// The coordinate.
        found: f64,
    },
    /// Parquet that cannot be read.
    #[error("no readable Parquet file: {0}")]
    Parquet(String),
    /// Parquet that changed since it was written, or is compressed in a way that is not read.
    #[error(transparent)]
    File(ParquetProblem),
    /// Parquet that cannot be written.
    #[error("cannot be written: {0}")]
    Write(String),
    /// A column with another name.
    #[error("wrong name of a column, expected `<id>_<section>_<number>`, found `{0}`")]
    ColumnName(String),
    /// A column of other values.
    #[error("wrong type, expected float64 without nulls, found {0}")]
    ColumnType(String),
    /// A group that is no frame of this layout.
    #[error(
        "wrong pandas object, expected a frame whose index is (id, section) and whose columns are x, y, z, found {0}"
    )]
    WrongFrame(String),
    /// An HDF5 file with neither layout.
    #[error("no boundaries, expected a frame of pandas, or `xyz`, `id` and `section`, found {0}")]
    NoFrame(String),
}

impl Problem for PositionsFileProblem {
    fn hint(&self) -> Option<String> {
        match self {
            Self::SinglePoint { .. } => Some("only a soma, section 0, has one column a segment".into()),
            Self::RowLabels(_) => {
                Some("name the rows in the order that they are in: `frame.index = [\"x\", \"y\", \"z\"]`".into())
            }
            Self::File(problem) => problem.hint(),
            Self::Parquet(_) => Some("the file may be cut short, or be of another format".into()),
            Self::WrongFrame(_) => Some("write it with `positions.T.to_hdf(path, key=\"positions\")`".into()),
            _ => None,
        }
    }
}
