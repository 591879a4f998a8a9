//! Boundaries: where segments begin and end, in the layout that BlueRecording keeps its positions in.
//!
//! A data frame of 3 rows (x, y, z, um) whose columns are labelled `(id, section)`: one column for each segment of a soma
//! (section 0), which has no length there, and one column more than segments for any other section. Neurons and sections
//! come in any order, each in one piece.
//!
//! | form | how it is told | written by |
//! |---|---|---|
//! | pickle | `\x80`, protocol 2 to 5 | pandas 1 to 3: BlueRecording's `positions<n>.pkl` |
//! | Parquet | `PAR1` | [`write_parquet`]: one column a boundary, named `<id>_<section>_<number>`, 3 rows |
//! | HDF5 | `\x89HDF`, `pandas_type` | pandas' `to_hdf` of the transposed frame, and [`write_hdf5`]: pandas refuses columns of one name |
//! | HDF5 | `\x89HDF`, `xyz` | plain arrays: `xyz` `[3, n]`, `id` and `section` `[n]` |

mod frame_hdf5;
mod labelled_points;
mod neuron;
mod parquet;
mod problem;

use std::path::Path;

pub use self::frame_hdf5::write as write_hdf5;
pub use self::neuron::{NeuronPositions, SectionPositions};
pub use self::parquet::write as write_parquet;
pub use self::problem::PositionsFileProblem;

use self::labelled_points::LabelledPoints;
use crate::convert::pickle::{self, DataFrame};
use crate::error::{Context, FileProblem, Result};
use crate::io::input_file;

/// The form of a file of boundaries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileFormat {
    /// A pickle of a pandas data frame.
    Pickle,
    /// Parquet, one column a boundary.
    Parquet,
    /// HDF5, of pandas or plain arrays.
    Hdf5,
}

impl FileFormat {
    /// The form that a file begins like; a segment table is Parquet too, and an electrodes file HDF5.
    pub fn from_magic(start: &[u8]) -> Option<Self> {
        match start {
            [0x80, 2..=5, ..] => Some(Self::Pickle),
            [b'P', b'A', b'R', b'1', ..] => Some(Self::Parquet),
            [0x89, b'H', b'D', b'F', ..] => Some(Self::Hdf5),
            _ => None,
        }
    }
}

/// Whether a file holds boundaries, as far as its beginning and its objects' names tell.
///
/// # Errors
/// It cannot be read.
pub fn is_positions_file(path: &Path) -> Result<bool> {
    Ok(match FileFormat::from_magic(&read_magic(path)?) {
        Some(FileFormat::Pickle) => true,
        Some(FileFormat::Parquet) => parquet::is_positions_file(path),
        Some(FileFormat::Hdf5) => frame_hdf5::is_positions_file(path),
        None => false,
    })
}

/// The first bytes: fewer where the file is shorter.
fn read_magic(path: &Path) -> Result<[u8; 8]> {
    use std::io::Read;
    let mut start = [0; 8];
    input_file::open(path)?.read(&mut start).map_err(FileProblem::Read).in_file(path)?;
    Ok(start)
}

/// Reads the boundaries of a file's neurons, in file order; each neuron's sections are sorted by id.
///
/// # Errors
/// The file is of no form that is known, damaged, or not in this layout: another number of rows, other labels, a neuron
/// or section in two places, a section without a segment, a coordinate that is not finite; with the column, from 0.
pub fn read(path: &Path) -> Result<Vec<NeuronPositions>> {
    let columns = match FileFormat::from_magic(&read_magic(path)?) {
        Some(FileFormat::Parquet) => parquet::read(path)?,
        Some(FileFormat::Hdf5) => frame_hdf5::read(&crate::io::hdf5::Hdf5File::open(path)?)?,
        // what is no pickle is told by its reader
        Some(FileFormat::Pickle) | None => {
            let bytes = input_file::read(path)?;
            return read_pickle(&bytes).in_file(path);
        }
    };
    columns.to_neurons().in_file(path)
}

/// The boundaries in the bytes of a pickle, as [`read`] gives them.
///
/// # Errors
/// As [`read`], without the file.
pub fn read_pickle(bytes: &[u8]) -> Result<Vec<NeuronPositions>> {
    let frame = DataFrame::from_pickle(&pickle::load(bytes)?)?;
    LabelledPoints::from_data_frame(&frame)?.to_neurons()
}
