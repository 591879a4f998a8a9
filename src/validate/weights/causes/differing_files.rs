//! Two differing files, prepared for the search for causes.

use super::FilePopulation;
use crate::error::Result;
use crate::sonata::electrodes_file::WeightsDataset;
use crate::validate::Tolerance;
use crate::validate::weights::matched_columns::MatchedColumn;

/// Two files that differ.
pub struct DifferingFiles<'a> {
    /// The files and their populations.
    pub sides: [FilePopulation<'a>; 2],
    /// Their weights.
    pub factors: [WeightsDataset; 2],
    /// The contacts in both files.
    pub matched: Vec<MatchedColumn>,
    /// The names of the contacts that differ.
    pub differing_names: Vec<&'a str>,
    /// Largest allowed difference of weights.
    pub tolerance: Tolerance,
}

impl DifferingFiles<'_> {
    /// Returns the contacts that differ.
    pub fn differing_contacts(&self) -> impl Iterator<Item = &MatchedColumn> {
        self.matched.iter().filter(|c| self.differing_names.contains(&c.name.as_str()))
    }

    /// Returns the weights of a node at some contacts in both files, one row per segment. `None` if the numbers of
    /// segments differ.
    pub fn node_weights(&self, node: u64, contacts: &[&MatchedColumn]) -> Result<Option<[Vec<f64>; 2]>> {
        let [a, b] = self.sides.map(|(_, population)| population.rows_of_node(node));
        let (Some(a), Some(b)) = (a, b) else { return Ok(None) };
        if a.end - a.start != b.end - b.start {
            return Ok(None);
        }
        let mut both = [Vec::new(), Vec::new()];
        let mut values = Vec::new();
        for (file, rows) in [a, b].into_iter().enumerate() {
            let factors = &self.factors[file];
            factors.read_rows(rows, &mut values)?;
            for row in values.chunks_exact(factors.columns().max(1) as usize) {
                both[file].extend(contacts.iter().filter_map(|c| row.get(c.columns[file])));
            }
        }
        Ok(Some(both))
    }
}
