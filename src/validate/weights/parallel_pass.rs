//! Reads the rows of two files once, in parallel: each thread takes the next block of rows, reads it from both files
//! and accumulates results, which are merged at the end.

use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use super::accumulator::Accumulator;
use super::matched_columns::{MatchedColumn, MatchedColumns};
use super::matched_rows::{MatchedRows, RowSpan};
use crate::error::Result;
use crate::sonata::electrodes_file::WeightsDataset;
use crate::validate::Tolerance;

/// Bytes of one block of rows of one file: two blocks, and the results, stay in a core's cache from reading to
/// comparing.
const BLOCK_BYTES: u64 = 1 << 16;

/// Blocks that a thread takes at a time.
const BLOCKS_PER_TASK: u64 = 256;

/// The columns of one file, in the order in which contacts are compared.
enum ColumnPick {
    /// Consecutive columns, from this one.
    Contiguous(usize),
    /// Columns in any places.
    Scattered(Vec<usize>),
}

impl ColumnPick {
    fn for_file(columns: &[MatchedColumn], file: usize) -> Self {
        let columns: Vec<usize> = columns.iter().map(|c| c.columns[file]).collect();
        let first = columns.first().copied().unwrap_or_default();
        let run = columns.iter().zip(first..).all(|(&column, next)| column == next);
        if run { Self::Contiguous(first) } else { Self::Scattered(columns) }
    }

    /// Returns the values of a row in the order of contacts.
    fn pick_row<'a>(&self, row: &'a [f64], picked: &'a mut Vec<f64>, width: usize) -> &'a [f64] {
        match self {
            Self::Contiguous(first) => row.get(*first..first + width).unwrap_or_default(),
            Self::Scattered(columns) => {
                picked.clear();
                picked.extend(columns.iter().filter_map(|&column| row.get(column)));
                picked
            }
        }
    }
}

/// Compares all rows. `progress` is called with numbers of rows done.
pub(super) fn accumulate(
    factors: &[WeightsDataset; 2],
    columns: &MatchedColumns,
    rows: &MatchedRows,
    tolerance: Tolerance,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Accumulator> {
    let width = columns.matched.len();
    let most = BLOCK_BYTES / 8 / factors[0].columns().max(factors[1].columns()).max(1);
    let shares: Vec<RowSpan> = rows.blocks(most.saturating_mul(BLOCKS_PER_TASK)).collect();
    let picks = [ColumnPick::for_file(&columns.matched, 0), ColumnPick::for_file(&columns.matched, 1)];
    let widths = factors.each_ref().map(|f| f.columns().max(1) as usize);
    let next = AtomicUsize::new(0);
    let count = |_: usize| -> Result<Accumulator> {
        let mut accumulator = Accumulator::new(width, tolerance);
        let (mut values, mut picked) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
        while let Some(share) = shares.get(next.fetch_add(1, Ordering::Relaxed)) {
            for block in share.blocks(most) {
                factors[0].read_rows(block.a..block.a + block.rows, &mut values[0])?;
                factors[1].read_rows(block.b..block.b + block.rows, &mut values[1])?;
                let [a, b] = &values;
                let [rows_a, rows_b] = [(a, 0), (b, 1)].map(|(values, file)| values.chunks_exact(widths[file]));
                let [picked_a, picked_b] = &mut picked;
                for ((a, b), at) in rows_a.zip(rows_b).zip(block.a..) {
                    accumulator.add_row(
                        at,
                        picks[0].pick_row(a, picked_a, width),
                        picks[1].pick_row(b, picked_b, width),
                    );
                }
                progress(block.rows);
            }
        }
        Ok(accumulator)
    };
    let threads = rayon::current_num_threads().min(shares.len()).max(1);
    let counted: Vec<Result<Accumulator>> = (0..threads).into_par_iter().map(count).collect();
    counted.into_iter().try_fold(Accumulator::new(width, tolerance), |all, own| Ok(all.merge(&own?)))
}
