//! Scans the weights: values that are not finite, and columns of only ones or zeros.

use std::ops::Range;
use std::sync::Mutex;

use rayon::prelude::*;

use crate::error::Result;
use crate::sonata::electrodes_file::WeightsDataset;

/// Bytes of one block of rows.
const BLOCK_BYTES: u64 = 1 << 20;

/// Number of values of a kind that no client can use, and the first of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct NonFiniteCount {
    pub count: u64,
    /// Row and column of the first.
    pub first: Option<(u64, u64)>,
}

/// Result of scanning the weights.
#[derive(Debug, Clone, Default)]
pub(super) struct WeightScan {
    pub nan: NonFiniteCount,
    pub infinite: NonFiniteCount,
    /// For each column, whether all its values are 1.
    pub ones: Vec<bool>,
    /// For each column, whether all its values are 0.
    pub zeros: Vec<bool>,
    /// Rows whose potentials are all 0, as ascending ranges.
    pub zero_rows: Vec<Range<u64>>,
}

impl NonFiniteCount {
    fn add(&mut self, row: u64, column: u64) {
        self.count += 1;
        self.first = Some(self.first.map_or((row, column), |first| first.min((row, column))));
    }

    fn merge(&mut self, other: Self) {
        self.count += other.count;
        self.first = [self.first, other.first].into_iter().flatten().min();
    }
}

impl WeightScan {
    fn new(columns: usize) -> Self {
        Self { ones: vec![true; columns], zeros: vec![true; columns], ..Self::default() }
    }

    fn add_row(&mut self, row: u64, values: &[f64], potentials: &[usize]) {
        if !potentials.is_empty() && potentials.iter().all(|&column| values.get(column) == Some(&0.0)) {
            match self.zero_rows.last_mut().filter(|run| run.end == row) {
                Some(run) => run.end += 1,
                None => self.zero_rows.push(row..row + 1),
            }
        }
        let mut finite = true;
        for ((&v, one), zero) in values.iter().zip(&mut self.ones).zip(&mut self.zeros) {
            *one &= v == 1.0;
            *zero &= v == 0.0;
            finite &= v.is_finite();
        }
        if !finite {
            for (&v, column) in values.iter().zip(0..) {
                match () {
                    () if v.is_nan() => self.nan.add(row, column),
                    () if v.is_infinite() => self.infinite.add(row, column),
                    () => {}
                }
            }
        }
    }

    fn merge(&mut self, other: &Self) {
        self.nan.merge(other.nan);
        self.infinite.merge(other.infinite);
        self.ones.iter_mut().zip(&other.ones).for_each(|(own, other)| *own &= other);
        self.zeros.iter_mut().zip(&other.zeros).for_each(|(own, other)| *own &= other);
        self.zero_rows.extend_from_slice(&other.zero_rows);
    }

    /// Reads all weights once, in parallel. `potentials` are columns that cannot be 0, `progress` is called with
    /// numbers of rows done, `each` with the rows.
    pub fn scan(
        factors: &WeightsDataset,
        potentials: &[usize],
        progress: &(dyn Fn(u64) + Sync),
        each: &(dyn Fn(&[f64]) + Sync),
    ) -> Result<Self> {
        let columns = factors.columns() as usize;
        let step = (BLOCK_BYTES / 8 / factors.columns().max(1)).max(1);
        let all = Mutex::new(Self::new(columns));
        let blocks = factors.rows().div_ceil(step);
        (0..blocks).into_par_iter().try_for_each_init(Vec::new, |values, block| {
            let rows = block * step..((block + 1) * step).min(factors.rows());
            factors.read_rows(rows.clone(), values)?;
            let mut own = Self::new(columns);
            values.chunks_exact(columns.max(1)).zip(rows.clone()).for_each(|(v, row)| own.add_row(row, v, potentials));
            each(values);
            if let Ok(mut all) = all.lock() {
                all.merge(&own);
            }
            progress(rows.end - rows.start);
            Ok::<(), crate::error::Error>(())
        })?;
        let mut all = all.into_inner().unwrap_or_default();
        all.zero_rows.sort_by_key(|run| run.start);
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_invalid_value_is_reported_for_any_order_of_blocks() {
        let (mut late, mut early) = (WeightScan::new(2), WeightScan::new(2));
        late.add_row(7, &[f64::NAN, 1.0], &[]);
        late.add_row(8, &[f64::NAN, f64::NEG_INFINITY], &[]);
        early.add_row(3, &[0.0, f64::NAN], &[]);
        late.merge(&early);
        assert_eq!(late.nan, NonFiniteCount { count: 3, first: Some((3, 1)) });
        assert_eq!(late.infinite, NonFiniteCount { count: 1, first: Some((8, 1)) });
        assert_eq!((late.ones, late.zeros), (vec![false, false], vec![false, false]));
    }

    #[test]
    fn rows_of_zeros_are_those_of_all_potentials() {
        let mut values = WeightScan::new(3);
        for (row, given) in [[0.0, 0.0, 1.0], [0.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0; 3]].iter().enumerate() {
            values.add_row(row as u64, given, &[0, 1]);
        }
        assert_eq!(values.zero_rows, [0..2, 3..4]);
        values.zero_rows.clear();
        values.add_row(4, &[0.0; 3], &[]);
        assert!(values.zero_rows.is_empty(), "without potentials, rows of 0 are valid");
    }
}
