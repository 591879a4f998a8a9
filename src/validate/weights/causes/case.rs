//! Two files that differ, as each cause looks at them.

use super::Side;
use crate::error::Result;
use crate::sonata::electrodes_file::Factors;
use crate::validate::Tolerance;
use crate::validate::weights::columns::Matched;

/// Two files that differ.
pub struct Case<'a> {
    /// The files.
    pub sides: [Side<'a>; 2],
    /// Their coefficients.
    pub factors: [Factors; 2],
    /// The contacts of both.
    pub matched: Vec<Matched>,
    /// The names of those that differ.
    pub outside: Vec<&'a str>,
    /// How far apart coefficients may be.
    pub tolerance: Tolerance,
}

impl Case<'_> {
    /// The contacts that differ.
    pub fn differing(&self) -> impl Iterator<Item = &Matched> {
        self.matched.iter().filter(|c| self.outside.contains(&c.name.as_str()))
    }

    /// The coefficients of a node at some contacts in both files: a row a segment. None where the files have not the same
    /// number of segments.
    pub fn node(&self, node: u64, contacts: &[&Matched]) -> Result<Option<[Vec<f64>; 2]>> {
        let [a, b] = self.sides.map(|(_, population)| population.rows_of(node));
        let (Some(a), Some(b)) = (a, b) else { return Ok(None) };
        if a.end - a.start != b.end - b.start {
            return Ok(None);
        }
        let mut both = [Vec::new(), Vec::new()];
        let mut values = Vec::new();
        for (file, rows) in [a, b].into_iter().enumerate() {
            let factors = &self.factors[file];
            factors.read(rows, &mut values)?;
            for row in values.chunks_exact(factors.columns().max(1) as usize) {
                both[file].extend(contacts.iter().filter_map(|c| row.get(c.columns[file])));
            }
        }
        Ok(Some(both))
    }
}
