//! Sources of segments.

use std::path::Path;

use crate::circuit::PlannedTable;
use crate::error::Result;
use crate::geometry::Aabb;
use crate::io::resumable_output::StopCheck;
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
    /// Reads a part as [`SegmentSource::read_part`] does, and looks from time to time whether to stop.
    ///
    /// # Errors
    /// Returns the errors of [`SegmentSource::read_part`], or an error if the run is to stop.
    fn read_part_unless_stopped(&self, part: usize, spare: Segments, _stop: &StopCheck<'_>) -> Result<Segments> {
        self.read_part(part, spare)
    }
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
        self.read_part_unless_stopped(part, spare, &StopCheck::never())
    }

    fn read_part_unless_stopped(&self, part: usize, spare: Segments, stop: &StopCheck<'_>) -> Result<Segments> {
        let Some(found) = self.parts().get(part) else { return Ok(Segments::default()) };
        let mut segments = found.read_by_row_unless_stopped(spare, stop)?;
        if self.renumbered_neurons().is_some() {
            segments.row.iter_mut().zip(0..).for_each(|(row, own)| *row = own);
        }
        Ok(segments)
    }
}

impl SegmentSource for PlannedTable<'_> {
    fn path(&self) -> &Path {
        self.circuit_path()
    }

    fn metadata(&self) -> &TableMetadata {
        self.metadata()
    }

    fn bounds(&self) -> Result<Aabb> {
        self.bounds()
    }

    fn fingerprint(&self) -> Result<u64> {
        Ok(self.fingerprint())
    }

    fn part_count(&self) -> usize {
        self.part_count()
    }

    fn part_neurons(&self, part: usize) -> &[TableNeuron] {
        self.part_neurons(part)
    }

    fn read_part(&self, part: usize, _spare: Segments) -> Result<Segments> {
        self.read_part(part, &StopCheck::never())
    }

    fn read_part_unless_stopped(&self, part: usize, _spare: Segments, stop: &StopCheck<'_>) -> Result<Segments> {
        self.read_part(part, stop)
    }
}
