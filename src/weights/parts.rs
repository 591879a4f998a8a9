//! The parts of all tables, numbered through: what is computed, journalled and gone on with.

use super::{Source, layout};
use crate::error::Result;
use crate::segments::Segments;
use crate::table::Neuron;

/// A part of one of the tables.
#[derive(Clone, Copy)]
pub struct Part<'a> {
    /// Its number among the parts of all tables.
    pub number: u64,
    /// The place of its table's population in the layout.
    pub population: usize,
    /// Its table.
    pub source: &'a dyn Source,
    /// Its place in the table.
    pub place: usize,
}

impl<'a> Part<'a> {
    /// Its neurons, node ids ascending.
    pub fn neurons(&self) -> &'a [Neuron] {
        self.source.neurons(self.place)
    }

    /// Number of its segments.
    pub fn segments(&self) -> u64 {
        self.neurons().iter().map(|n| n.segments).sum()
    }

    /// Reads its segments: as its neuron list tells them, or an error.
    pub fn read(&self) -> Result<Segments> {
        let segments = self.source.read(self.place)?;
        layout::check_rows(self.source.path(), self.neurons(), &segments)?;
        Ok(segments)
    }
}

/// The parts of all tables, in order.
pub fn all<'a>(sources: &[&'a dyn Source]) -> Vec<Part<'a>> {
    let places = sources.iter().enumerate().flat_map(|(population, &source)| {
        let parts = 0..source.parts();
        parts.map(move |place| (population, source, place))
    });
    let numbered = (0..).zip(places);
    numbered.map(|(number, (population, source, place))| Part { number, population, source, place }).collect()
}

/// Gives parts to `work` in order, until that says that it is enough. While it works on one the next is read, by a thread of
/// the same pool: with one thread one comes after the other. In memory at one time: these two.
pub fn each<'a>(parts: &[&Part<'a>], mut work: impl FnMut(&Part<'a>, Segments) -> Result<bool> + Send) -> Result<()> {
    let mut read = parts.first().map(|first| first.read());
    for (i, part) in parts.iter().enumerate() {
        let Some(segments) = read.transpose()? else { break };
        let next = parts.get(i + 1);
        let (on, next) = rayon::join(|| work(part, segments), || next.map(|next| next.read()));
        if !on? {
            break;
        }
        read = next;
    }
    Ok(())
}
