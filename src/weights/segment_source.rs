//! Where segments come from.

use std::path::Path;

use crate::error::Result;
use crate::geometry::Aabb;
use crate::segments::Segments;
use crate::segments::table::{SegmentTable, TableMetadata, TableNeuron};

/// The segments of one population, in parts of whole neurons.
pub trait SegmentSource: Sync {
    /// What errors name.
    fn path(&self) -> &Path;
    /// What the table says of itself.
    fn metadata(&self) -> &TableMetadata;
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
    fn part_count(&self) -> usize;
    /// The neurons of a part, node ids ascending; none for a part that is not there.
    fn part_neurons(&self, part: usize) -> &[TableNeuron];
    /// The segments of a part: neurons as [`SegmentSource::part_neurons`] lists them, each contiguous, by ascending row. They may use the
    /// memory of `spare`, segments that are not needed any more.
    ///
    /// # Errors
    /// Unreadable or damaged.
    fn read_part(&self, part: usize, spare: Segments) -> Result<Segments>;
}

impl SegmentSource for SegmentTable {
    fn path(&self) -> &Path {
        self.path()
    }

    fn metadata(&self) -> &TableMetadata {
        self.metadata()
    }

    fn bounds(&self) -> Result<Aabb> {
        self.bounds()
    }

    fn fingerprint(&self) -> Result<u64> {
        self.fingerprint()
    }

    fn part_count(&self) -> usize {
        self.parts().len()
    }

    fn part_neurons(&self, part: usize) -> &[TableNeuron] {
        // a part without the others of its table has a file of its own rows
        self.renumbered_neurons().unwrap_or_else(|| self.parts().get(part).map_or(&[], |p| p.neurons()))
    }

    fn read_part(&self, part: usize, spare: Segments) -> Result<Segments> {
        let Some(found) = self.parts().get(part) else { return Ok(Segments::default()) };
        let mut segments = found.read_by_row_into(spare)?;
        if self.renumbered_neurons().is_some() {
            segments.row.iter_mut().zip(0..).for_each(|(row, own)| *row = own);
        }
        Ok(segments)
    }
}
