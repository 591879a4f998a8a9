//! The parts of all tables, numbered through: what is computed, journalled and gone on with.

use super::Source;
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
