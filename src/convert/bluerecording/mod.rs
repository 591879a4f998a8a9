//! Reads and writes boundary points, where segments begin and end, in the layout of BlueRecording's position files.
//!
//! A data frame of 3 rows (x, y, z, µm) with columns labelled `(id, section)`: one column for each segment of a soma
//! (section 0), whose segments have no length in this layout, and one more column than segments for any other section.
//! Neurons and sections may be in any order, but their columns must be consecutive.
//!
//! | format | recognised by | written by |
//! |---|---|---|
//! | pickle | `\x80`, protocol 2 to 5 | pandas 1 to 3: BlueRecording's `positions<n>.pkl` |
//! | Parquet | `PAR1` | [`write_parquet`]: one column per boundary, named `<id>_<section>_<number>`, 3 rows |
//! | HDF5 | `\x89HDF`, `pandas_type` | pandas' `to_hdf` of the transposed frame, and [`write_hdf5`] |
//! | HDF5 | `\x89HDF`, `xyz` | plain arrays: `xyz` `[3, n]`, `id` and `section` `[n]` |
//!
//! pandas refuses duplicate column names, so [`write_hdf5`] stores the transposed frame.

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
use crate::file_kind::{FileKind, name_wrong_kind};
use crate::io::input_file;

/// Format of a boundary file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileFormat {
    /// A pickle of a pandas data frame.
    Pickle,
    /// Parquet, with one column per boundary.
    Parquet,
    /// HDF5, written by pandas or as plain arrays.
    Hdf5,
}

impl FileFormat {
    /// Returns the format by the first bytes. Other files can begin alike: a segment table is also Parquet, an
    /// electrodes file also HDF5.
    pub fn from_magic(start: &[u8]) -> Option<Self> {
        match start {
            [0x80, 2..=5, ..] => Some(Self::Pickle),
            [b'P', b'A', b'R', b'1', ..] => Some(Self::Parquet),
            [0x89, b'H', b'D', b'F', ..] => Some(Self::Hdf5),
            _ => None,
        }
    }
}

/// Returns whether a file has boundary points, by its first bytes and the names of its objects.
///
/// # Errors
/// Returns an error if the file cannot be read.
pub fn is_positions_file(path: &Path) -> Result<bool> {
    Ok(match FileFormat::from_magic(&read_magic(path)?) {
        Some(FileFormat::Pickle) => true,
        Some(FileFormat::Parquet) => parquet::is_positions_file(path),
        Some(FileFormat::Hdf5) => frame_hdf5::is_positions_file(path),
        None => false,
    })
}

/// Reads the first bytes; the rest is 0 if the file is shorter.
fn read_magic(path: &Path) -> Result<[u8; 8]> {
    use std::io::Read;
    let mut start = [0; 8];
    input_file::open(path)?.read(&mut start).map_err(FileProblem::Read).in_file(path)?;
    Ok(start)
}

/// Reads the boundary points of a file's neurons, in file order; each neuron's sections are sorted by id.
///
/// # Errors
/// Returns an error, with the column from 0, if the file has an unknown format, is damaged, or does not have this
/// layout: another number of rows, other labels, a neuron or section whose columns are not consecutive, a section
/// without a segment, a coordinate that is not finite.
pub fn read(path: &Path) -> Result<Vec<NeuronPositions>> {
    name_wrong_kind(read_file(path), path, &[FileKind::Boundaries, FileKind::Pickle])
}

fn read_file(path: &Path) -> Result<Vec<NeuronPositions>> {
    let columns = match FileFormat::from_magic(&read_magic(path)?) {
        Some(FileFormat::Parquet) => parquet::read(path)?,
        Some(FileFormat::Hdf5) => frame_hdf5::read(&crate::io::hdf5::Hdf5File::open(path)?)?,
        // the pickle reader reports files of unknown format
        Some(FileFormat::Pickle) | None => {
            let bytes = input_file::read(path)?;
            return read_pickle(&bytes).in_file(path);
        }
    };
    columns.to_neurons().in_file(path)
}

/// Reads the boundary points in the bytes of a pickle, like [`read`].
///
/// # Errors
/// Returns the errors of [`read`], without the file name.
pub fn read_pickle(bytes: &[u8]) -> Result<Vec<NeuronPositions>> {
    let frame = DataFrame::from_pickle(&pickle::load(bytes)?)?;
    LabelledPoints::from_data_frame(&frame)?.to_neurons()
}
