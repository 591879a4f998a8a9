//! The kinds of files that any part of this library reads, detected by their content.
//!
//! Readers detect nothing while a file is what they expect. If a reader refuses a file, [`name_wrong_kind`] looks at it
//! again, and names it if it is of another kind: swapped arguments are the most frequent mistake with files.

mod folder;
mod hdf5;
mod header;
mod json;
mod output_name;
mod parquet;
mod text;
mod wrong_kind;

use std::io::Read;
use std::path::Path;

use crate::error::{Context, FileProblem, Result};
use crate::io::input_file;

pub use self::folder::{Folder, find_config, list_configs};
pub use self::output_name::NamedOutput;
pub use self::wrong_kind::{WrongKind, name_wrong_kind};

/// A kind of file, or of folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FileKind {
    /// Segments: a Parquet file, or a folder of its parts.
    SegmentTable,
    /// A folder with a segment table for each of several populations.
    SegmentTables,
    /// Weights that a simulator reads (HDF5).
    ElectrodesFile,
    /// A SONATA report of compartments (HDF5).
    CompartmentReport,
    /// A SONATA report of signals at contacts (HDF5).
    LfpReport,
    /// SONATA nodes (HDF5).
    Nodes,
    /// SONATA edges (HDF5).
    Edges,
    /// Types of SONATA nodes (CSV).
    NodeTypes,
    /// A SONATA circuit configuration (JSON).
    CircuitConfig,
    /// A SONATA simulation configuration (JSON).
    SimulationConfig,
    /// SONATA node sets (JSON).
    NodeSets,
    /// A table of contacts: CSV, or BMTK's table.
    ContactTable,
    /// A list of contacts (JSON).
    ContactList,
    /// Probes in probeinterface's format (JSON).
    Probeinterface,
    /// A lead field on a grid (HDF5).
    LeadField,
    /// A lead field at scattered points (CSV or Parquet).
    LeadFieldPoints,
    /// A morphology (SWC).
    SwcMorphology,
    /// A morphology (Neurolucida ASC).
    AscMorphology,
    /// A morphology (h5v1, HDF5).
    H5Morphology,
    /// Morphologies in one HDF5 container.
    MorphologyContainer,
    /// A cell template (hoc).
    CellTemplate,
    /// A pickle, as BlueRecording writes positions.
    Pickle,
    /// Boundaries of segments in the layout of BlueRecording's positions (Parquet or HDF5).
    Boundaries,
    /// Weights as columns (Parquet).
    WeightColumns,
    /// Other columns (Parquet).
    ParquetColumns,
    /// Columns (Arrow IPC).
    ArrowColumns,
    /// Other objects (HDF5).
    OtherHdf5,
    /// A stored index of segments.
    SegmentIndex,
    /// Voxels (NRRD).
    Voxels,
    /// A hierarchy of brain regions (JSON).
    RegionHierarchy,
    /// A compressed file.
    Compressed(Compression),
    /// A folder with SONATA configurations.
    ConfigFolder,
    /// A folder with an atlas: voxels and hierarchy.
    AtlasFolder,
    /// A folder with other files.
    OtherFolder,
}

/// A compression of whole files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Compression {
    /// `.gz`
    Gzip,
    /// `.zip`
    Zip,
    /// `.bz2`
    Bzip2,
    /// `.xz`
    Xz,
    /// `.zst`
    Zstd,
}

impl Compression {
    const ALL: [Self; 5] = [Self::Gzip, Self::Zip, Self::Bzip2, Self::Xz, Self::Zstd];

    const fn first_bytes(self) -> &'static [u8] {
        match self {
            Self::Gzip => b"\x1f\x8b",
            Self::Zip => b"PK\x03\x04",
            Self::Bzip2 => b"BZh",
            Self::Xz => b"\xfd7zXZ",
            Self::Zstd => b"\x28\xb5\x2f\xfd",
        }
    }

    /// Returns the program that decompresses it.
    pub const fn program(self) -> &'static str {
        match self {
            Self::Gzip => "gunzip",
            Self::Zip => "unzip",
            Self::Bzip2 => "bunzip2",
            Self::Xz => "unxz",
            Self::Zstd => "unzstd",
        }
    }
}

/// Number of bytes by which a file of text is recognised.
const START_BYTES: u64 = 1 << 16;

impl FileKind {
    /// Detects the kind of a file or folder by its content; `None` if it is of no known kind.
    ///
    /// # Errors
    /// Returns an error if the file is missing or cannot be read. A damaged file is of no known kind.
    pub fn detect(path: &Path) -> Result<Option<Self>> {
        if path.is_dir() {
            return Ok(Some(Folder::list(path)?.kind()));
        }
        let mut start = Vec::new();
        input_file::open(path)?.take(START_BYTES).read_to_end(&mut start).map_err(FileProblem::Read).in_file(path)?;
        Ok(match start.as_slice() {
            [b'P', b'A', b'R', b'1', ..] => parquet::detect(path),
            [0x89, b'H', b'D', b'F', ..] => hdf5::detect(path),
            [b'A', b'R', b'R', b'O', b'W', b'1', ..] => Some(Self::ArrowColumns),
            [b'L', b'F', b'I', b'N', b'D', b'E', b'X', 0, ..] => Some(Self::SegmentIndex),
            [b'N', b'R', b'R', b'D', ..] => Some(Self::Voxels),
            [0x80, 2..=5, ..] => Some(Self::Pickle),
            start => match Compression::ALL.into_iter().find(|c| start.starts_with(c.first_bytes())) {
                Some(compression) => Some(Self::Compressed(compression)),
                None => text::detect(path, start),
            },
        })
    }

    /// Returns the kind without article, for lists: `electrodes file`.
    pub fn name(self) -> &'static str {
        let described = self.describe();
        described
            .split_once(' ')
            .filter(|(article, _)| matches!(*article, "a" | "an"))
            .map_or(described, |(_, name)| name)
    }

    /// Returns the kind with its article, for messages: `an electrodes file`.
    pub const fn describe(self) -> &'static str {
        match self {
            Self::SegmentTable => "a segment table",
            Self::SegmentTables => "a folder of segment tables",
            Self::ElectrodesFile => "an electrodes file",
            Self::CompartmentReport => "a compartment report",
            Self::LfpReport => "an lfp report",
            Self::Nodes => "a nodes file",
            Self::Edges => "an edges file",
            Self::NodeTypes => "a table of node types",
            Self::CircuitConfig => "a circuit configuration",
            Self::SimulationConfig => "a simulation configuration",
            Self::NodeSets => "a file of node sets",
            Self::ContactTable => "a table of contacts",
            Self::ContactList => "a list of contacts (JSON)",
            Self::Probeinterface => "a probe (probeinterface)",
            Self::LeadField => "a lead field",
            Self::LeadFieldPoints => "a lead field at points",
            Self::SwcMorphology => "a morphology (SWC)",
            Self::AscMorphology => "a morphology (ASC)",
            Self::H5Morphology => "a morphology (h5v1)",
            Self::MorphologyContainer => "a container of morphologies (h5v1)",
            Self::CellTemplate => "a cell template (hoc)",
            Self::Pickle => "a pickle",
            Self::Boundaries => "positions in the layout of BlueRecording",
            Self::WeightColumns => "weights as columns (Parquet)",
            Self::ParquetColumns => "a Parquet file of other columns",
            Self::ArrowColumns => "an Arrow file",
            Self::OtherHdf5 => "an HDF5 file of other content",
            Self::SegmentIndex => "an index of segments",
            Self::Voxels => "a volume of voxels (NRRD)",
            Self::RegionHierarchy => "a hierarchy of brain regions",
            Self::Compressed(_) => "a compressed file",
            Self::ConfigFolder => "a folder with configurations",
            Self::AtlasFolder => "a folder with an atlas",
            Self::OtherFolder => "a folder of other files",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Detects the kind of a file with this content.
    fn kind_of(content: impl AsRef<[u8]>) -> Option<FileKind> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, content).unwrap();
        FileKind::detect(&path).unwrap()
    }

    #[test]
    fn binary_files_are_known_by_their_first_bytes() {
        assert_eq!(kind_of(b"ARROW1\0\0"), Some(FileKind::ArrowColumns));
        assert_eq!(kind_of(b"LFINDEX\0\x03"), Some(FileKind::SegmentIndex));
        assert_eq!(kind_of(b"\x80\x04\x95"), Some(FileKind::Pickle));
        assert_eq!(kind_of(b"NRRD0004\ntype: uint32\n"), Some(FileKind::Voxels));
        for (content, compression) in [(&b"\x1f\x8b\x08"[..], Compression::Gzip), (b"PK\x03\x04", Compression::Zip)] {
            assert_eq!(kind_of(content), Some(FileKind::Compressed(compression)));
        }
        assert_eq!((kind_of(""), kind_of(b"\x7fELF\x02\x01"), kind_of("hello")), (None, None, None));
    }

    #[test]
    fn damaged_files_are_of_no_known_kind() {
        assert_eq!((kind_of(b"PAR1 and no more"), kind_of(b"\x89HDF\r\n\x1a\n")), (None, None));
        assert_eq!((kind_of("{\"run\": "), kind_of("[1, 2]")), (None, None));
    }

    #[test]
    fn a_missing_file_is_an_error() {
        let error = FileKind::detect(Path::new("no/file")).unwrap_err();
        assert_eq!(error.to_string(), "no/file: cannot be read: no such file or directory");
    }
}
