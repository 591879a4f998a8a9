//! Iterates over every pair of weights of two files.

use super::matched_columns::MatchedColumns;
use super::matched_rows::MatchedRows;
use super::{ElectrodesFile, PopulationEntry, WeightsOptions};
use crate::error::Result;

/// Values of one block of rows of one file: a few megabytes.
const BLOCK_VALUES: u64 = 1 << 18;

/// Returns the names of the contacts in both populations, in the order in which [`for_each_row`] passes their weights.
///
/// # Errors
/// Returns the errors of [`super::compare`].
pub fn contact_names(
    a: (&ElectrodesFile, &PopulationEntry),
    b: (&ElectrodesFile, &PopulationEntry),
    options: &WeightsOptions,
) -> Result<Vec<String>> {
    Ok(MatchedColumns::new(a, b, options)?.matched.into_iter().map(|column| column.name).collect())
}

/// Calls a function with the weights of both populations at the contacts of both, row by row of the nodes of both.
///
/// # Errors
/// Returns the errors of [`super::compare`].
pub fn for_each_row(
    (file_a, a): (&ElectrodesFile, &PopulationEntry),
    (file_b, b): (&ElectrodesFile, &PopulationEntry),
    options: &WeightsOptions,
    visit: &mut dyn FnMut(&[[f64; 2]]),
) -> Result<()> {
    let columns = MatchedColumns::new((file_a, a), (file_b, b), options)?;
    let rows = MatchedRows::new(a, b);
    let mut pairs = vec![[0.0; 2]; columns.matched.len()];
    for span in rows.blocks(BLOCK_VALUES / a.columns().max(b.columns()).max(1)) {
        let values_a = file_a.read_rows(a, span.a..span.a + span.rows)?;
        let values_b = file_b.read_rows(b, span.b..span.b + span.rows)?;
        let both =
            values_a.chunks_exact(a.columns().max(1) as usize).zip(values_b.chunks_exact(b.columns().max(1) as usize));
        for (row_a, row_b) in both {
            for (pair, column) in pairs.iter_mut().zip(&columns.matched) {
                let value = |row: &[f64], i: usize| row.get(column.columns[i]).copied().unwrap_or(f64::NAN);
                *pair = [value(row_a, 0), value(row_b, 1)];
            }
            visit(&pairs);
        }
    }
    Ok(())
}
