//! Computes the position of each row of a part in an order with contiguous neurons.

use super::TableNeuron;
use super::problem::TableProblem;

/// The lookup table by node id has at most this number of entries per neuron.
const MAX_ENTRIES_PER_NEURON: u64 = 16;

/// Marks a node id without neuron.
const NO_NEURON: u32 = u32::MAX;

/// The positions of a part's rows; each is taken once.
pub(super) struct RowPlacer<'a> {
    neurons: &'a [TableNeuron],
    /// Position of each neuron's first segment.
    first: Vec<usize>,
    /// Index of the neuron for each node id, from the lowest id, if ids are dense enough; empty otherwise.
    by_id: Vec<u32>,
    /// One bit per position, so that the list stays in a core's cache.
    taken: Vec<u64>,
    total: usize,
    left: usize,
}

impl<'a> RowPlacer<'a> {
    /// Creates the positions for neurons in ascending order of node ids.
    pub(super) fn new(neurons: &'a [TableNeuron]) -> Self {
        let mut total = 0;
        let mut first = Vec::with_capacity(neurons.len());
        for n in neurons {
            first.push(total);
            total += n.segments as usize;
        }
        Self { neurons, first, by_id: index_by_id(neurons), taken: vec![0; total.div_ceil(64)], total, left: total }
    }

    /// Returns the number of positions.
    pub(super) fn total(&self) -> usize {
        self.total
    }

    /// Returns the position of a row and marks it as taken; returns an error if it is taken already or does not exist.
    pub(super) fn take_place(&mut self, node: u64, row: u64) -> Result<usize, TableProblem> {
        self.mark_taken(node, row).ok_or(TableProblem::UnexpectedRow { node, row })
    }

    fn mark_taken(&mut self, node: u64, row: u64) -> Option<usize> {
        let i = self.find_neuron(node)?;
        let neuron = self.neurons.get(i)?;
        let offset = row.checked_sub(neuron.first_row).filter(|o| *o < neuron.segments)?;
        let place = self.first.get(i)? + offset as usize;
        let (bits, mask) = (self.taken.get_mut(place / 64)?, 1 << (place % 64));
        let is_free = *bits & mask == 0;
        *bits |= mask;
        self.left -= usize::from(is_free);
        is_free.then_some(place)
    }

    /// Checks that all rows of all neurons were taken.
    pub(super) fn check_all_taken(&self) -> Result<(), TableProblem> {
        let (expected, found) = (self.total, self.total - self.left);
        if self.left == 0 { Ok(()) } else { Err(TableProblem::MissingRows { expected, found }) }
    }

    /// Writes the node and the row of each position.
    pub(super) fn write_ids(&self, node_id: &mut Vec<u64>, row: &mut Vec<u64>) {
        node_id.clear();
        row.clear();
        for n in self.neurons {
            node_id.extend(std::iter::repeat_n(n.node_id, n.segments as usize));
            row.extend(n.first_row..n.first_row + n.segments);
        }
    }

    /// Returns the index of the neuron with a node id.
    fn find_neuron(&self, node: u64) -> Option<usize> {
        if self.by_id.is_empty() {
            return self.neurons.binary_search_by_key(&node, |n| n.node_id).ok();
        }
        let from_lowest = node.checked_sub(self.neurons.first()?.node_id)?;
        let found = *self.by_id.get(usize::try_from(from_lowest).ok()?)?;
        (found != NO_NEURON).then_some(found as usize)
    }
}

/// Builds the lookup table by node id, from the lowest id; empty if ids are too sparse.
fn index_by_id(neurons: &[TableNeuron]) -> Vec<u32> {
    let (Some(lowest), Some(highest)) = (neurons.first(), neurons.last()) else { return Vec::new() };
    let (lowest, span) = (lowest.node_id, highest.node_id.saturating_sub(lowest.node_id));
    if span / MAX_ENTRIES_PER_NEURON >= neurons.len() as u64 || neurons.len() >= NO_NEURON as usize {
        return Vec::new();
    }
    let mut places = vec![NO_NEURON; span as usize + 1];
    for (n, i) in neurons.iter().zip(0..) {
        if let Some(place) = places.get_mut((n.node_id - lowest) as usize) {
            *place = i;
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns neurons with three segments each, with rows from 10.
    fn neurons(ids: &[u64]) -> Vec<TableNeuron> {
        let neuron = |(&node_id, i): (&u64, u64)| TableNeuron { node_id, first_row: 10 + 3 * i, segments: 3 };
        ids.iter().zip(0..).map(neuron).collect()
    }

    #[test]
    fn each_row_has_one_position_for_dense_and_sparse_node_ids() {
        for ids in [[4, 5, 9], [4, 5, 1 << 40], [0, u64::MAX - 1, u64::MAX]] {
            let neurons = neurons(&ids);
            let mut places = RowPlacer::new(&neurons);
            assert_eq!(places.total(), 9);
            for (place, row) in (0..9).rev().zip((10..19).rev()) {
                let message = places.check_all_taken().unwrap_err().to_string();
                let found = 8 - place;
                let expected = format!("rows are missing, expected 9 from the part's neuron list, found {found}");
                assert_eq!(message, expected);
                assert_eq!(places.take_place(ids[place / 3], row).unwrap(), place);
            }
            assert!(places.take_place(ids[0], 10).is_err());
            places.check_all_taken().unwrap();
            let (mut nodes, mut rows) = (vec![7], vec![7]);
            places.write_ids(&mut nodes, &mut rows);
            assert_eq!(nodes, ids.map(|id| [id; 3]).concat());
            assert_eq!(rows, (10..19).collect::<Vec<_>>());
        }
    }

    #[test]
    fn rows_without_neuron_have_no_position() {
        for ids in [[4, 5, 9], [4, 5, 1 << 40]] {
            let neurons = neurons(&ids);
            let mut places = RowPlacer::new(&neurons);
            for (node, row) in [(3, 10), (6, 10), (10, 10), (u64::MAX, 10), (4, 9), (4, 13), (5, 12)] {
                assert!(places.take_place(node, row).is_err(), "{node} {row}");
            }
        }
        assert!(RowPlacer::new(&[]).take_place(0, 0).is_err());
    }
}
