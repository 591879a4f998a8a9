//! Matches the rows of two files.

use crate::sonata::electrodes_file::PopulationEntry;

/// A node with different numbers of segments in two files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentCounts {
    /// Node id.
    pub node: u64,
    /// Number of segments in each file.
    pub segments: [u64; 2],
}

/// Rows that are consecutive in both files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowSpan {
    /// First row in the first file.
    pub a: u64,
    /// First row in the second file.
    pub b: u64,
    /// Number of rows.
    pub rows: u64,
}

/// The rows of two populations, matched by node.
#[derive(Debug, Default)]
pub struct MatchedRows {
    /// Number of nodes matched.
    pub node_count: u64,
    /// Their rows, in the order of the first file.
    pub spans: Vec<RowSpan>,
    /// Nodes in only one file, ascending.
    pub only_in: [Vec<u64>; 2],
    /// Nodes that cannot be matched row by row.
    pub segment_counts: Vec<SegmentCounts>,
}

impl MatchedRows {
    /// Matches nodes by id.
    pub fn new(a: &PopulationEntry, b: &PopulationEntry) -> Self {
        let mut rows = Self::default();
        for &node in a.node_ids() {
            match (a.rows_of_node(node), b.rows_of_node(node)) {
                (Some(in_a), Some(in_b)) => {
                    let (own, other) = (in_a.end - in_a.start, in_b.end - in_b.start);
                    if own == other {
                        rows.node_count += 1;
                        rows.push_span(RowSpan { a: in_a.start, b: in_b.start, rows: own });
                    } else {
                        rows.segment_counts.push(SegmentCounts { node, segments: [own, other] });
                    }
                }
                _ => rows.only_in[0].push(node),
            }
        }
        rows.only_in[1] = b.node_ids().iter().copied().filter(|&node| a.rows_of_node(node).is_none()).collect();
        rows.only_in.iter_mut().for_each(|nodes| nodes.sort_unstable());
        rows
    }

    /// Appends rows; extends the last span if they follow it in both files.
    fn push_span(&mut self, next: RowSpan) {
        match self.spans.last_mut() {
            Some(last) if last.a + last.rows == next.a && last.b + last.rows == next.b => last.rows += next.rows,
            _ => self.spans.push(next),
        }
    }

    /// Splits the spans into pieces of at most `most` rows.
    pub fn blocks(&self, most: u64) -> impl Iterator<Item = RowSpan> + '_ {
        self.spans.iter().flat_map(move |s| s.blocks(most))
    }
}

impl RowSpan {
    /// Splits the span into pieces of at most `most` rows.
    pub fn blocks(self, most: u64) -> impl Iterator<Item = Self> {
        let most = most.max(1);
        (0..self.rows.div_ceil(most)).map(move |i| {
            let from = i * most;
            Self { a: self.a + from, b: self.b + from, rows: most.min(self.rows - from) }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_grow_where_both_files_go_on_and_are_cut_into_blocks() {
        let mut rows = MatchedRows::default();
        rows.push_span(RowSpan { a: 0, b: 100, rows: 5 });
        rows.push_span(RowSpan { a: 5, b: 105, rows: 4 });
        rows.push_span(RowSpan { a: 9, b: 50, rows: 2 });
        assert_eq!(rows.spans, [RowSpan { a: 0, b: 100, rows: 9 }, RowSpan { a: 9, b: 50, rows: 2 }]);
        let blocks: Vec<RowSpan> = rows.blocks(4).collect();
        let lengths: Vec<u64> = blocks.iter().map(|s| s.rows).collect();
        assert_eq!(lengths, [4, 4, 1, 2]);
        assert_eq!(blocks[2], RowSpan { a: 8, b: 108, rows: 1 });
    }
}
