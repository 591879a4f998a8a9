//! Blocks of neurons: one thread computes a block into one buffer, and writes it in as few pieces as its rows allow.

use std::ops::Range;
use std::sync::Mutex;

use super::weight_columns::WeightColumns;
use crate::segments::table::TableNeuron;
use crate::segments::{NeuronSegments, Segments};

/// Neighbouring neurons of a part.
#[derive(Debug, Clone, Copy)]
pub struct NeuronBlock<'a> {
    /// The neurons, node ids ascending.
    pub neurons: &'a [TableNeuron],
    /// Index of their first segment in the part.
    pub first_segment: usize,
    /// Number of their segments.
    pub segment_count: usize,
}

/// Consecutive rows of the file that are computed together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowRun {
    /// First row in the file.
    pub first_row: u64,
    /// Their indices in the block's rows.
    pub block_rows: Range<usize>,
}

/// Splits a part's neurons into blocks of at most `bytes` of output, or of one neuron if it has more.
pub fn split_into_blocks(neurons: &[TableNeuron], columns: usize, bytes: usize) -> Vec<NeuronBlock<'_>> {
    let most = (bytes / size_of::<f64>() / columns.max(1)).max(1);
    let mut blocks = Vec::new();
    let (mut rest, mut first) = (neurons, 0);
    while !rest.is_empty() {
        let (length, segments) = count_fitting_neurons(rest, most);
        let (head, tail) = rest.split_at(length);
        blocks.push(NeuronBlock { neurons: head, first_segment: first, segment_count: segments });
        first += segments;
        rest = tail;
    }
    blocks
}

/// Returns how many neurons fit into `most` segments, at least one, and the number of their segments.
fn count_fitting_neurons(neurons: &[TableNeuron], most: usize) -> (usize, usize) {
    let (mut length, mut segments) = (0, 0);
    for neuron in neurons {
        let grown = segments + neuron.segments as usize;
        if length > 0 && grown > most {
            break;
        }
        (length, segments) = (length + 1, grown);
    }
    (length, segments)
}

impl NeuronBlock<'_> {
    /// Computes all rows: `values` is row-major, with one row for each segment of the block.
    pub fn fill_weights(&self, part: &Segments, columns: &WeightColumns, values: &mut [f64], scratch: &mut Vec<f64>) {
        let (mut first, mut rest) = (self.first_segment, values);
        for neuron in self.neurons {
            let behind = first + neuron.segments as usize;
            let (own, others) = rest.split_at_mut((behind - first) * columns.width());
            columns.fill_weights(&NeuronSegments::new(part, first..behind), own, scratch);
            (first, rest) = (behind, others);
        }
    }

    /// Returns the neuron that a row of the block belongs to, and the row's index in it.
    pub fn neuron_at<'a>(&self, part: &'a Segments, row: usize) -> Option<(NeuronSegments<'a>, usize)> {
        let mut first = 0;
        for neuron in self.neurons {
            let behind = first + neuron.segments as usize;
            if row < behind {
                return Some((
                    NeuronSegments::new(part, self.first_segment + first..self.first_segment + behind),
                    row - first,
                ));
            }
            first = behind;
        }
        None
    }

    /// Splits the block's rows into runs that are consecutive in the file.
    pub fn row_runs(&self) -> Vec<RowRun> {
        let mut runs: Vec<RowRun> = Vec::new();
        let mut at = 0;
        for neuron in self.neurons {
            let rows = at..at + neuron.segments as usize;
            at = rows.end;
            match runs.last_mut() {
                Some(run) if run.first_row + run.block_rows.len() as u64 == neuron.first_row => run.block_rows.end = at,
                _ => runs.push(RowRun { first_row: neuron.first_row, block_rows: rows }),
            }
        }
        runs
    }
}

/// A pool of buffers that threads reuse, because allocating new memory takes longer than the arithmetic.
#[derive(Debug, Default)]
pub struct BufferPool<B = BlockBuffer>(Mutex<Vec<B>>);

/// The buffers that a thread needs for one block.
#[derive(Debug, Default)]
pub struct BlockBuffer {
    /// The block's weights.
    pub values: Vec<f64>,
    /// One method's weights of one neuron.
    pub scratch: Vec<f64>,
}

impl<B: Default> BufferPool<B> {
    /// Lends a buffer to `work`, then returns it to the pool.
    pub fn with_buffer<T>(&self, work: impl FnOnce(&mut B) -> T) -> T {
        let mut buffer = self.lock().pop().unwrap_or_default();
        let result = work(&mut buffer);
        self.lock().push(buffer);
        result
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<B>> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn neurons(segments: &[u64], first_rows: &[u64]) -> Vec<TableNeuron> {
        let pairs = segments.iter().zip(first_rows).zip(0..);
        pairs.map(|((&segments, &first_row), node_id)| TableNeuron { node_id, first_row, segments }).collect()
    }

    #[test]
    fn blocks_contain_all_neurons_in_order_and_at_most_their_bytes() {
        let all = neurons(&[3, 4, 5, 20, 1], &[0; 5]);
        let blocks = split_into_blocks(&all, 2, 8 * 2 * 8);
        let shape: Vec<_> =
            blocks.iter().map(|b| (b.neurons[0].node_id, b.neurons.len(), b.first_segment, b.segment_count)).collect();
        // 8 segments fit: 3 + 4, then 5, then one neuron that is larger than a block, then the last
        assert_eq!(shape, [(0, 2, 0, 7), (2, 1, 7, 5), (3, 1, 12, 20), (4, 1, 32, 1)]);
        assert!(split_into_blocks(&[], 2, 100).is_empty());
    }

    #[test]
    fn consecutive_rows_are_one_run() {
        let all = neurons(&[3, 4, 5], &[10, 13, 90]);
        let blocks = split_into_blocks(&all, 1, 8 << 20);
        assert_eq!(blocks.len(), 1);
        assert_eq!(
            blocks[0].row_runs(),
            [RowRun { first_row: 10, block_rows: 0..7 }, RowRun { first_row: 90, block_rows: 7..12 }]
        );
    }
}
