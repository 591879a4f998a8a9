//! Reads one contact's weights of selected rows, without the rows between them.

use std::os::unix::fs::FileExt;

use zerocopy::IntoBytes;

use super::{ElectrodesFile, PopulationEntry, WEIGHT_BYTES, scaling_factors_path};
use crate::error::{Context, FileProblem, Result};

/// Maximum distance of weights that are read together: about a page of memory.
const MAX_GAP_BYTES: u64 = 4096;
/// Maximum number of bytes that are read together.
const MAX_READ_BYTES: u64 = 1 << 20;

impl ElectrodesFile {
    /// Reads a column's weights of some rows, which must ascend, V/nA.
    ///
    /// # Errors
    /// Returns an error if the rows are outside the dataset or cannot be read.
    pub fn read_column_rows(&self, population: &PopulationEntry, column: u64, rows: &[u64]) -> Result<Vec<f64>> {
        let object = scaling_factors_path(population.name());
        let width = population.columns() * WEIGHT_BYTES;
        let plain = self
            .file
            .storage(&object)?
            .native_f64_offset()
            .filter(|_| rows.last().is_none_or(|row| *row < population.rows()));
        let plain = plain.map(|byte| (self.file.raw_file(), byte));
        let mut values = Vec::with_capacity(rows.len());
        for run in group_near_rows(rows, width.max(1)) {
            let (Some(&first), Some(&last)) = (run.first(), run.last()) else { continue };
            let (block, step, skip) = match &plain {
                Some((file, byte)) => {
                    let mut block = vec![0.0; ((last - first) * population.columns() + 1) as usize];
                    let at = byte + first * width + column * WEIGHT_BYTES;
                    let read = file.read_exact_at(block.as_mut_slice().as_mut_bytes(), at);
                    read.map_err(FileProblem::Read).in_file(self.path()).in_item(&object)?;
                    (block, population.columns(), 0)
                }
                None => (self.read_rows(population, first..last + 1)?, population.columns(), column),
            };
            let value = |row: &u64| block.get(((row - first) * step + skip) as usize).copied().unwrap_or(f64::NAN);
            values.extend(run.iter().map(value));
        }
        Ok(values)
    }
}

/// Groups rows that are read together.
fn group_near_rows(rows: &[u64], width: u64) -> impl Iterator<Item = &[u64]> {
    let mut rest = rows;
    std::iter::from_fn(move || {
        let first = *rest.first()?;
        let near =
            |pair: &[u64]| (pair[1] - pair[0]) * width <= MAX_GAP_BYTES && (pair[1] - first) * width < MAX_READ_BYTES;
        let length = 1 + rest.windows(2).take_while(|pair| near(pair)).count();
        let (run, later) = rest.split_at(length);
        rest = later;
        Some(run)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_near_each_other_are_read_together_and_none_is_lost() {
        let rows = [0, 1, 64, 129, 130, 500, 500];
        let found: Vec<&[u64]> = group_near_rows(&rows, 64).collect();
        assert_eq!(found, [&[0, 1, 64][..], &[129, 130], &[500, 500]]);
        let many: Vec<u64> = (0..100_000).collect();
        assert!(group_near_rows(&many, 64).all(|run| run.len() as u64 * 64 <= MAX_READ_BYTES));
        assert_eq!(group_near_rows(&many, 64).flatten().count(), many.len());
        assert_eq!(group_near_rows(&[], 8).count(), 0);
    }
}
