//! Computes the exact minimum, median and maximum of every column while the weights are read once.
//!
//! Medians would need all numbers in memory. Therefore random rows are read first, to estimate an interval for each
//! median; while all rows are read, only the numbers in that interval are stored, and the others are counted. If the
//! counts show that a median is outside its interval, its whole column is read again.

use std::sync::{Mutex, PoisonError};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::error::Result;
use crate::sonata::electrodes_file::WeightsDataset;

/// Limits of the memory used.
#[derive(Debug, Clone, Copy)]
struct MemoryLimits {
    /// Bytes of the sampled rows.
    sample_bytes: u64,
    /// Expected bytes of stored numbers in the intervals of all columns; at most twice as many are stored.
    kept_bytes: u64,
}

const MEMORY_LIMITS: MemoryLimits = MemoryLimits { sample_bytes: 64 << 20, kept_bytes: 256 << 20 };
/// Half the width of the interval, in standard deviations of a sampled median's rank: one column in a million misses
/// it.
const BRACKET_DEVIATIONS: f64 = 5.0;
const NUMBER_BYTES: u64 = size_of::<f64>() as u64;

/// Minimum, median and maximum; `None` for a column without a number. NaN is not a number here.
pub type ColumnSummary = Option<[f64; 3]>;

/// Accumulates the columns of one population while its rows are read.
pub struct SummaryAccumulator {
    columns: Vec<MedianBracket>,
    width: usize,
    limits: MemoryLimits,
    /// Maximum number of stored numbers per column.
    max_kept: usize,
    totals: Mutex<Vec<ColumnTotals>>,
}

/// A selected column, and the interval that is expected to contain its median.
struct MedianBracket {
    column: usize,
    low: f64,
    high: f64,
}

/// Accumulated results of a column.
#[derive(Debug, Clone, PartialEq)]
struct ColumnTotals {
    min: f64,
    max: f64,
    /// Number of values, without NaN.
    count: u64,
    below: u64,
    at_low: u64,
    at_high: u64,
    between: Vec<f64>,
    /// More numbers are in the interval than may be stored.
    is_overflowed: bool,
}

impl Default for ColumnTotals {
    fn default() -> Self {
        let (least, greatest) = (f64::INFINITY, f64::NEG_INFINITY);
        Self {
            min: least,
            max: greatest,
            count: 0,
            below: 0,
            at_low: 0,
            at_high: 0,
            between: Vec::new(),
            is_overflowed: false,
        }
    }
}

impl SummaryAccumulator {
    /// Samples rows for some columns. If there are many rows, some columns, the last ones, may be left for a second
    /// pass, which [`SummaryAccumulator::finish`] performs.
    ///
    /// # Errors
    /// Returns an error if the rows cannot be read.
    pub fn new(factors: &WeightsDataset, columns: &[usize]) -> Result<Self> {
        Self::with_limits(MEMORY_LIMITS, factors, columns)
    }

    fn with_limits(limits: MemoryLimits, factors: &WeightsDataset, columns: &[usize]) -> Result<Self> {
        let (rows, width) = (factors.rows(), factors.columns() as usize);
        let drawn = (limits.sample_bytes / NUMBER_BYTES / factors.columns().max(1)).max(1);
        let half = BRACKET_DEVIATIONS * 0.5 / (drawn as f64).sqrt();
        // if there are few rows, all are stored
        let (sample, expected) = match drawn < rows {
            true => (sample_rows(factors, drawn)?, (2.0 * half * rows as f64).min(rows as f64)),
            false => (Vec::new(), rows as f64),
        };
        let most = (2.0 * expected) as usize + 16;
        let together = ((limits.kept_bytes / NUMBER_BYTES) as f64 / expected.max(1.0)).max(1.0) as usize;
        let bracket = |&place: &usize| {
            let values: Vec<f64> =
                sample.chunks_exact(width.max(1)).filter_map(|row| row.get(place).copied()).collect();
            let [low, high] = bracket_median(values, half);
            MedianBracket { column: place, low, high }
        };
        let columns: Vec<MedianBracket> = columns.iter().take(together).map(bracket).collect();
        let totals = Mutex::new(vec![ColumnTotals::default(); columns.len()]);
        Ok(Self { columns, width, limits, max_kept: most, totals })
    }

    /// Adds rows: row-major, all columns, from any thread.
    pub fn add_rows(&self, rows: &[f64]) {
        let mut own = vec![ColumnTotals::default(); self.columns.len()];
        for row in rows.chunks_exact(self.width.max(1)) {
            for (column, totals) in self.columns.iter().zip(&mut own) {
                if let Some(v) = row.get(column.column) {
                    totals.add(*v, column);
                }
            }
        }
        let mut all = self.totals.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter_mut().zip(own).for_each(|(all, own)| all.merge(own, self.max_kept));
    }

    /// Returns the summaries of the requested columns in their order, after all rows were added. Columns are read again
    /// if their median is outside its interval or if they did not fit in memory.
    ///
    /// # Errors
    /// Returns an error if the weights cannot be read.
    pub fn finish(self, factors: &WeightsDataset, columns: &[usize]) -> Result<Vec<ColumnSummary>> {
        let totals = self.totals.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut found: Vec<Option<ColumnSummary>> =
            self.columns.iter().zip(totals).map(|(c, t)| t.summary(c)).collect();
        found.resize(columns.len(), None);
        let missing: Vec<usize> = found.iter().zip(columns).filter(|(f, _)| f.is_none()).map(|(_, c)| *c).collect();
        let together = (self.limits.kept_bytes / NUMBER_BYTES / factors.rows().max(1)).max(1) as usize;
        let mut again = Vec::with_capacity(missing.len());
        for group in missing.chunks(together) {
            again.extend(read_columns(factors, group)?.into_iter().map(summarise_values));
        }
        let mut again = again.into_iter();
        Ok(found.into_iter().map(|found| found.unwrap_or_else(|| again.next().flatten())).collect())
    }
}

impl ColumnTotals {
    fn add(&mut self, v: f64, column: &MedianBracket) {
        if v < self.min {
            self.min = v;
        }
        if v > self.max {
            self.max = v;
        }
        self.count += u64::from(!v.is_nan());
        self.below += u64::from(v < column.low);
        if v >= column.low && v <= column.high {
            match () {
                () if v == column.low => self.at_low += 1,
                () if v == column.high => self.at_high += 1,
                () => self.between.push(v),
            }
        }
    }

    fn merge(&mut self, other: Self, most: usize) {
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.count += other.count;
        self.below += other.below;
        self.at_low += other.at_low;
        self.at_high += other.at_high;
        self.is_overflowed |= self.between.len() + other.between.len() > most;
        if self.is_overflowed {
            self.between = Vec::new();
        } else {
            self.between.extend(other.between);
        }
    }

    /// Returns `None` if the median is not among the stored numbers.
    fn summary(mut self, column: &MedianBracket) -> Option<ColumnSummary> {
        if self.count == 0 {
            return Some(None);
        }
        // for an even count, the median is the mean of the two middle numbers
        let lower = self.value_at_rank((self.count - 1) / 2, column)?;
        let upper = self.value_at_rank(self.count / 2, column)?;
        Some(Some([self.min, mean(lower, upper), self.max]))
    }

    /// Returns the number with a rank, counted from the smallest.
    fn value_at_rank(&mut self, rank: u64, column: &MedianBracket) -> Option<f64> {
        let place = rank.checked_sub(self.below)?;
        let Some(place) = place.checked_sub(self.at_low) else { return Some(column.low) };
        if self.is_overflowed {
            return None;
        }
        let kept = self.between.len() as u64;
        match place.checked_sub(kept) {
            None => Some(*self.between.select_nth_unstable_by(place as usize, f64::total_cmp).1),
            Some(above) => (above < self.at_high).then_some(column.high),
        }
    }
}

fn mean(a: f64, b: f64) -> f64 {
    if a == b { a } else { 0.5 * a + 0.5 * b }
}

/// Reads random rows, the same ones each time.
fn sample_rows(factors: &WeightsDataset, count: u64) -> Result<Vec<f64>> {
    let mut rng = ChaCha8Rng::seed_from_u64(factors.rows());
    let mut rows: Vec<u64> = (0..count).map(|_| rng.random_range(0..factors.rows())).collect();
    rows.sort_unstable();
    let (mut all, mut own) = (Vec::with_capacity((count * factors.columns()) as usize), Vec::new());
    for row in rows {
        factors.read_rows(row..row + 1, &mut own)?;
        all.extend_from_slice(&own);
    }
    Ok(all)
}

/// Returns the interval of the sampled numbers that contains the median of all, extended by a share of them on either
/// side.
fn bracket_median(mut drawn: Vec<f64>, half: f64) -> [f64; 2] {
    drawn.retain(|v| !v.is_nan());
    let count = drawn.len() as f64;
    let mut at = |share: f64| {
        let place = share * count;
        let inside = place >= 0.0 && place < count;
        inside.then(|| *drawn.select_nth_unstable_by(place as usize, f64::total_cmp).1)
    };
    let low = at((0.5 - half).max(-1.0)).unwrap_or(f64::NEG_INFINITY);
    let high = at(0.5 + half).unwrap_or(f64::INFINITY);
    [low, high]
}

/// Reads some columns completely.
fn read_columns(factors: &WeightsDataset, columns: &[usize]) -> Result<Vec<Vec<f64>>> {
    let mut values = vec![Vec::with_capacity(factors.rows() as usize); columns.len()];
    let width = factors.columns().max(1);
    let (step, mut block) = (((1 << 20) / width).max(1), Vec::new());
    for from in (0..factors.rows()).step_by(step as usize) {
        factors.read_rows(from..(from + step).min(factors.rows()), &mut block)?;
        for row in block.chunks_exact(width as usize) {
            values.iter_mut().zip(columns).for_each(|(values, column)| values.extend(row.get(*column)));
        }
    }
    Ok(values)
}

fn summarise_values(values: Vec<f64>) -> ColumnSummary {
    let column = MedianBracket { column: 0, low: f64::NEG_INFINITY, high: f64::INFINITY };
    let mut totals = ColumnTotals::default();
    values.into_iter().for_each(|v| totals.add(v, &column));
    totals.summary(&column).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sonata::electrodes_file::ElectrodesFile;

    /// Reference implementation that sorts all values.
    fn sorted(values: &[f64]) -> ColumnSummary {
        let mut values: Vec<f64> = values.iter().copied().filter(|v| !v.is_nan()).collect();
        values.sort_unstable_by(f64::total_cmp);
        let n = values.len();
        (n > 0).then(|| [values[0], mean(values[(n - 1) / 2], values[n / 2]), values[n - 1]])
    }

    fn summary(values: &[f64], [low, high]: [f64; 2], most: usize) -> Option<ColumnSummary> {
        let column = MedianBracket { column: 0, low, high };
        let mut all = ColumnTotals::default();
        for block in values.chunks(7) {
            let mut own = ColumnTotals::default();
            block.iter().for_each(|v| own.add(*v, &column));
            all.merge(own, most);
        }
        all.summary(&column)
    }

    #[test]
    fn medians_are_exact_wherever_the_two_numbers_are_or_known_to_be_missed() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        for n in [1, 2, 3, 10, 99, 100, 1000] {
            // many values are equal
            let values: Vec<f64> = (0..n).map(|_| f64::from(rng.random_range(-20..20_i32)) * 0.5).collect();
            let expected = sorted(&values);
            let mut hit = 0;
            for _ in 0..50 {
                let ends = [0, 1].map(|_| f64::from(rng.random_range(-21..21_i32)) * 0.5);
                let found = summary(&values, [ends[0].min(ends[1]), ends[0].max(ends[1])], 2000);
                assert!(found.is_none() || found == Some(expected), "{n} {ends:?} {found:?} {expected:?}");
                hit += u8::from(found.is_some());
            }
            assert!(hit > 5, "{n}");
        }
    }

    #[test]
    fn the_median_of_an_even_number_is_the_mean_of_the_two_in_the_middle() {
        assert_eq!(summarise_values(vec![4.0, 1.0, 3.0]), Some([1.0, 3.0, 4.0]));
        assert_eq!(summarise_values(vec![4.0, 1.0, f64::NAN, 3.0, 2.0]), Some([1.0, 2.5, 4.0]));
        assert_eq!(summarise_values(vec![7.0]), Some([7.0; 3]));
        assert_eq!(summarise_values(vec![f64::NAN]), None);
        assert_eq!(summarise_values(vec![f64::INFINITY; 2]), Some([f64::INFINITY; 3]));
    }

    #[test]
    fn more_numbers_than_fit_into_memory_are_read_again() {
        let values: Vec<f64> = (0..100).map(f64::from).collect();
        assert_eq!(summary(&values, [-1.0, 200.0], 50), None);
        assert_eq!(summary(&values, [45.0, 55.0], 50), Some(Some([0.0, 49.5, 99.0])));
        // equal numbers need no memory
        assert_eq!(summary(&[1.0; 100], [1.0, 1.0], 0), Some(Some([1.0; 3])));
    }

    #[test]
    fn the_two_numbers_are_as_far_apart_as_asked_for() {
        let drawn: Vec<f64> = (0..1000).map(f64::from).collect();
        assert_eq!(bracket_median(drawn.clone(), 0.1), [400.0, 600.0]);
        assert_eq!(bracket_median(drawn, 0.6), [f64::NEG_INFINITY, f64::INFINITY]);
        assert_eq!(bracket_median(vec![f64::NAN], 0.1), [f64::NEG_INFINITY, f64::INFINITY]);
    }

    #[test]
    fn the_summary_is_exact_for_any_memory_limit() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/datasets/golden/reference/e6.h5");
        let file = ElectrodesFile::open(path.as_ref()).unwrap();
        let population = &file.populations()[0];
        let factors = file.weights_dataset(population).unwrap();
        let (rows, width) = (factors.rows(), factors.columns());
        let all = file.read_rows(population, 0..rows).unwrap();
        let chosen = [15, 0, 7, 8, 3];
        let column = |&place: &usize| sorted(&all.chunks(width as usize).map(|row| row[place]).collect::<Vec<_>>());
        let expected: Vec<ColumnSummary> = chosen.iter().map(column).collect();
        // all rows stored; 400 of 3161 sampled; memory for two columns only; so few numbers that medians are missed
        for (drawn, kept) in [(rows, 100_000), (400, 100_000), (400, 2000), (4, 1)] {
            let limits = MemoryLimits { sample_bytes: drawn * width * NUMBER_BYTES, kept_bytes: kept * NUMBER_BYTES };
            let summaries = SummaryAccumulator::with_limits(limits, &factors, &chosen).unwrap();
            all.chunks(100 * width as usize).for_each(|block| summaries.add_rows(block));
            assert_eq!(summaries.finish(&factors, &chosen).unwrap(), expected, "{limits:?}");
        }
    }
}
