//! Reading a table.
use super::{Metadata, Neuron};
use crate::error::Result;
use crate::segments::Segments;
use std::path::Path;

/// An open table: its parts, metadata and neurons; rows are read part by part.
#[derive(Debug)]
pub struct Table {
    parts: Vec<Part>,
    metadata: Metadata,
}

/// One part of a table: a Parquet file.
#[derive(Debug)]
pub struct Part {
    neurons: Vec<Neuron>,
}

impl Table {
    /// Opens a table: a `.parquet` file, or a folder of `part-*.parquet`.
    ///
    /// # Errors
    /// Missing, cut short, no segment table, a newer format version, parts of different populations.
    pub fn open(path: &Path) -> Result<Self> {
        let _ = path;
        Ok(Self { parts: vec![], metadata: Metadata::default() })
    }
    /// What the table says of itself.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }
    /// The parts, in order.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }
    /// All neurons, node ids ascending.
    pub fn neurons(&self) -> Vec<Neuron> {
        vec![]
    }
    /// The box round all segments, from the page index.
    pub fn bounds(&self) -> crate::geometry::Aabb {
        crate::geometry::Aabb::EMPTY
    }
    /// Number of segments.
    pub fn len(&self) -> u64 {
        0
    }
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        true
    }
}

impl Part {
    /// The neurons of this part, node ids ascending.
    pub fn neurons(&self) -> &[Neuron] {
        &self.neurons
    }
    /// Reads all rows, in stored (Hilbert) order.
    ///
    /// # Errors
    /// Unreadable or damaged.
    pub fn read(&self) -> Result<Segments> {
        Ok(Segments::default())
    }
    /// Reads all rows, in the order of `row`: neurons by node id, each contiguous.
    ///
    /// # Errors
    /// Unreadable or damaged.
    pub fn read_by_row(&self) -> Result<Segments> {
        Ok(Segments::default())
    }
}
