//! Sources of segments.

use std::path::Path;

use crate::error::Result;
use crate::geometry::Aabb;
use crate::segments::Segments;
use crate::segments::table::{SegmentTable, TableMetadata, TableNeuron};

/// The segments of one population, in parts of complete neurons.
pub trait SegmentSource: Sync {
    /// Returns the path that errors name.
    fn path(&self) -> &Path;
    /// Returns the table's metadata.
    fn metadata(&self) -> &TableMetadata;
    /// Returns the bounding box of all segments, µm.
    ///
    /// # Errors
    /// Returns an error if the table does not store it.
    fn bounds(&self) -> Result<Aabb>;
    /// Returns a number that identifies the table's content.
    ///
    /// # Errors
    /// Returns an error if the table cannot be read.
    fn fingerprint(&self) -> Result<u64>;
    /// Returns the number of parts.
    fn part_count(&self) -> usize;
    /// Returns the neurons of a part, node ids ascending; empty for a part that does not exist.
    fn part_neurons(&self, part: usize) -> &[TableNeuron];
    /// Reads the segments of a part: neurons in the order of [`SegmentSource::part_neurons`], each contiguous, by
    /// ascending row. The result may reuse the memory of `spare`, segments that are no longer needed.
    ///
    /// # Errors
    /// Returns an error if the part is damaged or cannot be read.
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
        // a part without the other parts of its table is a table with rows of its own
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
