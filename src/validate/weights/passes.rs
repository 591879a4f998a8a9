//! One pass over the rows of two files, in threads: each takes the next block of rows, reads it from both files and
//! counts on its own; what is counted is joined at the end.

use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use super::columns::{Columns, Matched};
use super::rows::{Rows, Span};
use super::tally::Tally;
use crate::error::Result;
use crate::sonata::electrodes_file::Factors;
use crate::validate::Tolerance;

/// Bytes of one block of rows of one file: two blocks, and the counts, stay in a core's cache from reading to counting.
const BLOCK_BYTES: u64 = 1 << 16;

/// Blocks that a thread takes at a time.
const BLOCKS: u64 = 256;

/// The columns of one file, in the order in which contacts are compared.
enum Pick {
    /// They follow one another.
    Run(usize),
    /// They are anywhere.
    Each(Vec<usize>),
}

impl Pick {
    fn of(columns: &[Matched], file: usize) -> Self {
        let columns: Vec<usize> = columns.iter().map(|c| c.columns[file]).collect();
        let first = columns.first().copied().unwrap_or_default();
        let run = columns.iter().zip(first..).all(|(&column, next)| column == next);
        if run { Self::Run(first) } else { Self::Each(columns) }
    }

    /// The values of a row, in the order of contacts.
    fn of_row<'a>(&self, row: &'a [f64], picked: &'a mut Vec<f64>, width: usize) -> &'a [f64] {
        match self {
            Self::Run(first) => row.get(*first..first + width).unwrap_or_default(),
            Self::Each(columns) => {
                picked.clear();
                picked.extend(columns.iter().filter_map(|&column| row.get(column)));
                picked
            }
        }
    }
}

/// Counts all rows. `progress` is called with numbers of rows done.
pub(super) fn tally(
    factors: &[Factors; 2],
    columns: &Columns,
    rows: &Rows,
    tolerance: Tolerance,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Tally> {
    let width = columns.matched.len();
    let most = BLOCK_BYTES / 8 / factors[0].columns().max(factors[1].columns()).max(1);
    let shares: Vec<Span> = rows.blocks(most.saturating_mul(BLOCKS)).collect();
    let picks = [Pick::of(&columns.matched, 0), Pick::of(&columns.matched, 1)];
    let widths = factors.each_ref().map(|f| f.columns().max(1) as usize);
    let next = AtomicUsize::new(0);
    let count = |_: usize| -> Result<Tally> {
        let mut tally = Tally::new(width, tolerance);
        let (mut values, mut picked) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
        while let Some(share) = shares.get(next.fetch_add(1, Ordering::Relaxed)) {
            for block in share.blocks(most) {
                factors[0].read(block.a..block.a + block.rows, &mut values[0])?;
                factors[1].read(block.b..block.b + block.rows, &mut values[1])?;
                let [a, b] = &values;
                let [rows_a, rows_b] = [(a, 0), (b, 1)].map(|(values, file)| values.chunks_exact(widths[file]));
                let [picked_a, picked_b] = &mut picked;
                for ((a, b), at) in rows_a.zip(rows_b).zip(block.a..) {
                    tally.add(at, picks[0].of_row(a, picked_a, width), picks[1].of_row(b, picked_b, width));
                }
                progress(block.rows);
            }
        }
        Ok(tally)
    };
    let threads = rayon::current_num_threads().min(shares.len()).max(1);
    let counted: Vec<Result<Tally>> = (0..threads).into_par_iter().map(count).collect();
    counted.into_iter().try_fold(Tally::new(width, tolerance), |all, own| Ok(all.join(&own?)))
}
