//! Where segments come from.

use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::geometry::Aabb;
use crate::segments::Segments;
use crate::table::{Metadata, Neuron, Table};

/// The segments of one population, in parts of whole neurons.
pub trait Source: Sync {
    /// What errors name.
    fn path(&self) -> &Path;
    /// What the table says of itself.
    fn metadata(&self) -> &Metadata;
    /// The box round all segments, um.
    fn bounds(&self) -> Aabb;
    /// Number of parts.
    fn parts(&self) -> usize;
    /// The neurons of a part, node ids ascending; none for a part that is not there.
    fn neurons(&self, part: usize) -> &[Neuron];
    /// The segments of a part: neurons as [`Source::neurons`] lists them, each contiguous, by ascending row.
    ///
    /// # Errors
    /// Unreadable or damaged.
    fn read(&self, part: usize) -> Result<Segments>;
}

/// A segment table on disk.
#[derive(Debug)]
pub struct TableSource {
    path: PathBuf,
    table: Table,
}

impl TableSource {
    /// Opens a table.
    ///
    /// # Errors
    /// As [`Table::open`].
    pub fn open(path: &Path) -> Result<Self> {
        Ok(Self { path: path.to_path_buf(), table: Table::open(path)? })
    }
}

impl Source for TableSource {
    fn path(&self) -> &Path {
        &self.path
    }

    fn metadata(&self) -> &Metadata {
        self.table.metadata()
    }

    fn bounds(&self) -> Aabb {
        self.table.bounds()
    }

    fn parts(&self) -> usize {
        self.table.parts().len()
    }

    fn neurons(&self, part: usize) -> &[Neuron] {
        self.table.parts().get(part).map_or(&[], |p| p.neurons())
    }

    fn read(&self, part: usize) -> Result<Segments> {
        self.table.parts().get(part).map_or_else(|| Ok(Segments::default()), |p| p.read_by_row())
    }
}
