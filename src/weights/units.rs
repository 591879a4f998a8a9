//! The parts of all tables, which are read, and the units of work, which are written: blocks of a part's neurons.

use super::neuron_blocks::{NeuronBlock, split_into_blocks};
use super::{SegmentSource, layout};
use crate::error::Result;
use crate::io::resumable_output::StopCheck;
use crate::segments::Segments;
use crate::segments::table::TableNeuron;

/// Output bytes of a unit, unless one neuron has more: about as much as a thread pool computes and writes in a second.
pub const UNIT_BYTES: usize = 64 << 20;

/// A unit of work: neighbouring neurons of a part.
#[derive(Clone, Copy)]
pub struct WorkUnit<'a> {
    /// The part.
    pub part: NumberedPart<'a>,
    /// The neurons.
    pub block: NeuronBlock<'a>,
}

/// Splits parts into units of work of at most `bytes` of output, or of one neuron if it has more. A part without
/// segments is a unit, too.
pub fn split_into_units<'a>(parts: &[NumberedPart<'a>], columns: usize, bytes: usize) -> Vec<WorkUnit<'a>> {
    let units_of = |&part: &NumberedPart<'a>| {
        let mut blocks = split_into_blocks(part.neurons(), columns, bytes);
        if blocks.is_empty() {
            blocks.push(NeuronBlock { neurons: &[], first_segment: 0, segment_count: 0 });
        }
        blocks.into_iter().map(move |block| WorkUnit { part, block })
    };
    parts.iter().flat_map(units_of).collect()
}

/// A part of one of the tables.
#[derive(Clone, Copy)]
pub struct NumberedPart<'a> {
    /// Its number among the parts of all tables.
    pub number: u64,
    /// Index of its table's population in the layout.
    pub population_index: usize,
    /// Its table.
    pub source: &'a dyn SegmentSource,
    /// Its index in the table.
    pub index_in_table: usize,
}

impl<'a> NumberedPart<'a> {
    /// Returns its neurons, node ids ascending.
    pub fn neurons(&self) -> &'a [TableNeuron] {
        self.source.part_neurons(self.index_in_table)
    }

    /// Returns the number of its segments.
    pub fn segment_count(&self) -> u64 {
        self.neurons().iter().map(|n| n.segments).sum()
    }

    /// Reads its segments, and checks them against its neuron list. `spare` is memory to reuse; `is_stopped` returns
    /// whether the run is to stop.
    pub fn read(&self, spare: Segments, is_stopped: &(dyn Fn() -> bool + Sync)) -> Result<Segments> {
        let stop = StopCheck::new(is_stopped);
        let segments = self.source.read_part_unless_stopped(self.index_in_table, spare, &stop)?;
        layout::check_rows(self.source.path(), self.neurons(), &segments)?;
        Ok(segments)
    }
}

/// Returns the parts of all tables, in order.
pub fn number_parts<'a>(sources: &[&'a dyn SegmentSource]) -> Vec<NumberedPart<'a>> {
    let places = sources.iter().enumerate().flat_map(|(population, &source)| {
        let parts = 0..source.part_count();
        parts.map(move |place| (population, source, place))
    });
    let numbered = (0..).zip(places);
    numbered
        .map(|(number, (population, source, place))| NumberedPart {
            number,
            population_index: population,
            source,
            index_in_table: place,
        })
        .collect()
}

/// Passes parts to `work` in order, until it returns false. While it works on one part, a thread of the same pool reads
/// the next one, so that two parts are in memory. With a single thread the two steps alternate, in the same memory.
/// `is_stopped` is called while a part is read.
pub fn for_each_part<'a>(
    parts: &[&NumberedPart<'a>],
    is_stopped: &(dyn Fn() -> bool + Sync),
    mut work: impl FnMut(&NumberedPart<'a>, &Segments) -> Result<bool> + Send,
) -> Result<()> {
    let mut read = parts.first().map(|first| first.read(Segments::default(), is_stopped));
    let mut spare = Segments::default();
    for (i, part) in parts.iter().enumerate() {
        let Some(segments) = read.transpose()? else { break };
        let next = |spare| parts.get(i + 1).map(|next| next.read(spare, is_stopped));
        if rayon::current_num_threads() == 1 {
            if !work(part, &segments)? {
                break;
            }
            read = next(segments);
        } else {
            let (on, after) = rayon::join(|| work(part, &segments), || next(spare));
            if !on? {
                break;
            }
            (read, spare) = (after, segments);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::error::{Context, FileProblem};
    use crate::geometry::{Aabb, Point};
    use crate::segments::Segment;
    use crate::segments::table::TableMetadata;

    /// A source with parts of one neuron with one segment each; one part cannot be read.
    struct Fake {
        metadata: TableMetadata,
        neurons: Vec<TableNeuron>,
        unreadable: usize,
        read: AtomicUsize,
    }

    impl Fake {
        fn new(parts: u64, unreadable: usize) -> Self {
            let neurons = (0..parts).map(|n| TableNeuron { node_id: n, first_row: n, segments: 1 }).collect();
            Self { metadata: TableMetadata::default(), neurons, unreadable, read: AtomicUsize::new(0) }
        }
    }

    impl SegmentSource for Fake {
        fn path(&self) -> &Path {
            Path::new("table")
        }

        fn metadata(&self) -> &TableMetadata {
            &self.metadata
        }

        fn bounds(&self) -> Result<Aabb> {
            Ok(Aabb::EMPTY)
        }

        fn fingerprint(&self) -> Result<u64> {
            Ok(0)
        }

        fn part_count(&self) -> usize {
            self.neurons.len()
        }

        fn part_neurons(&self, part: usize) -> &[TableNeuron] {
            self.neurons.get(part..part + 1).unwrap_or_default()
        }

        fn read_part(&self, part: usize, _: Segments) -> Result<Segments> {
            self.read.fetch_add(1, Ordering::Relaxed);
            if part == self.unreadable {
                return Err(FileProblem::Read(std::io::Error::other("broken"))).in_file(self.path());
            }
            let (node_id, row) = (part as u64, part as u64);
            let (start, end, radius) = (Point::ORIGIN, Point::ORIGIN, None);
            let segment = Segment {
                node_id,
                section_id: 0,
                segment_id: 0,
                section_type: None,
                start,
                end,
                radius_um: radius,
                row,
            };
            Ok(std::iter::once(segment).collect())
        }
    }

    /// Returns the nodes that `work` received up to the node `last`, the error, and the number of parts that were read.
    fn worked(fake: &Fake, last: u64) -> (Vec<u64>, Option<String>, usize) {
        let (parts, mut nodes) = (number_parts(&[fake]), Vec::new());
        let result = for_each_part(&parts.iter().collect::<Vec<_>>(), &|| false, |part, segments| {
            assert_eq!(segments.row, [part.number]);
            nodes.push(segments.node_id[0]);
            Ok(part.number != last)
        });
        (nodes, result.err().map(|e| e.to_string()), fake.read.load(Ordering::Relaxed))
    }

    #[test]
    fn parts_come_in_order_and_at_most_one_part_too_many_is_read() {
        assert_eq!(worked(&Fake::new(4, 9), 9), (vec![0, 1, 2, 3], None, 4));
        assert_eq!(worked(&Fake::new(4, 9), 1), (vec![0, 1], None, 3));
        assert_eq!(worked(&Fake::new(0, 9), 9), (vec![], None, 0));
    }

    #[test]
    fn an_unreadable_part_is_reported_when_those_before_it_are_done() {
        let (nodes, error, _) = worked(&Fake::new(4, 2), 9);
        assert_eq!((nodes, error.unwrap().as_str()), (vec![0, 1], "table: cannot be read: broken"));
        // the error is not reported if the work ends before
        assert_eq!(worked(&Fake::new(4, 2), 1), (vec![0, 1], None, 3));
    }
}
