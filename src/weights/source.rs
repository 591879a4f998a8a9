//! Where segments come from.

use std::path::Path;

use crate::error::Result;
use crate::geometry::Aabb;
use crate::segments::Segments;
use crate::segments::table::{Metadata, Neuron, Table};

/// The segments of one population, in parts of whole neurons.
pub trait Source: Sync {
    /// What errors name.
    fn path(&self) -> &Path;
    /// What the table says of itself.
    fn metadata(&self) -> &Metadata;
    /// The box round all segments, um.
    ///
    /// # Errors
    /// The table does not tell.
    fn bounds(&self) -> Result<Aabb>;
    /// A number that tells its contents from those of others.
    ///
    /// # Errors
    /// The table cannot be read.
    fn fingerprint(&self) -> Result<u64>;
    /// Number of parts.
    fn parts(&self) -> usize;
    /// The neurons of a part, node ids ascending; none for a part that is not there.
    fn neurons(&self, part: usize) -> &[Neuron];
    /// The segments of a part: neurons as [`Source::neurons`] lists them, each contiguous, by ascending row. They may use the
    /// memory of `spare`, segments that are not needed any more.
    ///
    /// # Errors
    /// Unreadable or damaged.
    fn read(&self, part: usize, spare: Segments) -> Result<Segments>;
}

impl Source for Table {
    fn path(&self) -> &Path {
        self.path()
    }

    fn metadata(&self) -> &Metadata {
        self.metadata()
    }

    fn bounds(&self) -> Result<Aabb> {
        self.bounds()
    }

    fn fingerprint(&self) -> Result<u64> {
        self.fingerprint()
    }

    fn parts(&self) -> usize {
        self.parts().len()
    }

    fn neurons(&self, part: usize) -> &[Neuron] {
        // a part without the others of its table has a file of its own rows
        self.numbered_neurons().unwrap_or_else(|| self.parts().get(part).map_or(&[], |p| p.neurons()))
    }

    fn read(&self, part: usize, spare: Segments) -> Result<Segments> {
        let Some(found) = self.parts().get(part) else { return Ok(Segments::default()) };
        let mut segments = found.read_by_row_into(spare)?;
        if self.numbered_neurons().is_some() {
            segments.row.iter_mut().zip(0..).for_each(|(row, own)| *row = own);
        }
        Ok(segments)
    }
}
