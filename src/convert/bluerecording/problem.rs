//! Errors of boundary files.

use crate::error::Problem;
use crate::io::parquet_file::ParquetProblem;

/// Errors of a boundary file.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PositionsFileProblem {
    /// The number of rows is not 3.
    #[error("wrong number of rows, expected 3 (x, y, z), found {0}")]
    RowCount(u64),
    /// The column labels are not `id` and `section`.
    #[error("wrong labels of columns, expected `id` and `section`, found {0}")]
    ColumnLabels(String),
    /// The row labels do not identify the coordinates.
    #[error("wrong labels of rows, expected x, y, z or 0, 1, 2, each once, found {0}")]
    RowLabels(String),
    /// There are no columns.
    #[error("no boundaries, expected at least one neuron")]
    Empty,
    /// Arrays have different lengths.
    #[error("wrong length, expected {expected} as of `id`, found {found}")]
    ArrayLength {
        /// Number of ids.
        expected: usize,
        /// Number of values.
        found: usize,
    },
    /// A label is out of range.
    #[error("wrong {what}, expected a number from 0 to {most}, found {found}")]
    IdRange {
        /// `id` or `section`.
        what: &'static str,
        /// The largest valid value.
        most: u64,
        /// The label.
        found: i64,
    },
    /// The columns of a neuron are not consecutive.
    #[error("columns of a neuron are not consecutive, expected all together, found node {0} again")]
    NeuronTwice(u64),
    /// The columns of a section are not consecutive.
    #[error(
        "columns of a section are not consecutive, expected all together, found section {section} of node {node} \
             again"
    )]
    SectionTwice {
        /// Node id of the neuron.
        node: u64,
        /// Section id.
        section: u32,
    },
    /// A section has no segment.
    #[error("single boundary, expected two or more for section {section} of node {node}, found 1")]
    SinglePoint {
        /// Node id of the neuron.
        node: u64,
        /// Section id.
        section: u32,
    },
    /// A coordinate is not finite.
    #[error("wrong coordinate, expected a finite number for section {section} of node {node}, found {found}")]
    NotFinite {
        /// Node id of the neuron.
        node: u64,
        /// Section id.
        section: u32,
        /// The coordinate.
        found: f64,
    },
    /// The Parquet file cannot be read.
    #[error("not a readable Parquet file: {0}")]
    Parquet(String),
    /// The Parquet file changed since it was written, or uses an unsupported compression.
    #[error(transparent)]
    File(ParquetProblem),
    /// The Parquet file cannot be written.
    #[error("cannot be written: {0}")]
    Write(String),
    /// A column has an unexpected name.
    #[error("wrong column name, expected `<id>_<section>_<number>`, found `{0}`")]
    ColumnName(String),
    /// A column has an unexpected type.
    #[error("wrong type, expected float64 without nulls, found {0}")]
    ColumnType(String),
    /// A group is not a frame with this layout.
    #[error(
        "wrong pandas object, expected a frame whose index is (id, section) and whose columns are x, y, z, found {0}"
    )]
    WrongFrame(String),
    /// The HDF5 file has neither layout.
    #[error("no boundaries, expected a pandas frame, or `xyz`, `id` and `section`, found {0}")]
    NoFrame(String),
}

impl Problem for PositionsFileProblem {
    fn hint(&self) -> Option<String> {
        match self {
            Self::SinglePoint { .. } => Some("only a soma, section 0, has one column per segment".into()),
            Self::RowLabels(_) => Some("name the rows in their order: `frame.index = [\"x\", \"y\", \"z\"]`".into()),
            Self::File(problem) => problem.hint(),
            Self::Parquet(_) => Some("the file may be cut short, or be of another format".into()),
            Self::WrongFrame(_) => Some("write it with `positions.T.to_hdf(path, key=\"positions\")`".into()),
            _ => None,
        }
    }
}
