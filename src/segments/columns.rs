//! Segments: the pieces into which the simulator cuts each section of a neuron.

use crate::geometry::Point;

/// The type of a section, numbered in the simulator's row order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum SectionType {
    /// Cell body.
    Soma = 0,
    /// Original axon, if it is not replaced.
    Axon = 1,
    /// Basal dendrite.
    Dend = 2,
    /// Apical dendrite.
    Apic = 3,
    /// Axon initial segment: the stubs that replace the axon.
    Ais = 4,
    /// Node of Ranvier.
    Node = 5,
    /// Myelinated stub after the axon initial segment.
    Myelin = 6,
}

impl SectionType {
    /// All types, in row order.
    pub const ALL: [Self; 7] = [Self::Soma, Self::Axon, Self::Dend, Self::Apic, Self::Ais, Self::Node, Self::Myelin];

    /// Returns the type with a number, as stored in the table.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// Returns the number that is stored in the table.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// Returns the type with a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Returns the simulator's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Soma => "soma",
            Self::Axon => "axon",
            Self::Dend => "dend",
            Self::Apic => "apic",
            Self::Ais => "ais",
            Self::Node => "node",
            Self::Myelin => "myelin",
        }
    }
}

/// Segments as columns of equal length; the rows of a neuron are contiguous.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Segments {
    /// SONATA node id.
    pub node_id: Vec<u64>,
    /// Section of the neuron.
    pub section_id: Vec<u32>,
    /// Segment within the section, from its beginning.
    pub segment_id: Vec<u32>,
    /// Section type; `None` if it is unknown.
    pub section_type: Vec<Option<SectionType>>,
    /// First end, µm. For a soma both ends are its position.
    pub start: Vec<Point>,
    /// Second end, µm.
    pub end: Vec<Point>,
    /// Radius of the cylinder with the segment's length and membrane area, µm; `None` if it is unknown.
    pub radius_um: Vec<Option<f32>>,
    /// Row in `scaling_factors` of the electrodes file.
    pub row: Vec<u64>,
}

/// One row of [`Segments`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Segment {
    /// SONATA node id.
    pub node_id: u64,
    /// Section of the neuron.
    pub section_id: u32,
    /// Segment within the section.
    pub segment_id: u32,
    /// Section type; `None` if it is unknown.
    pub section_type: Option<SectionType>,
    /// First end, µm.
    pub start: Point,
    /// Second end, µm.
    pub end: Point,
    /// Radius, µm; `None` if it is unknown.
    pub radius_um: Option<f32>,
    /// Row in `scaling_factors`.
    pub row: u64,
}

impl Segment {
    /// Returns the point halfway between the ends.
    pub fn midpoint(&self) -> Point {
        self.start.midpoint(self.end)
    }
}

/// Capacities of reused columns are multiples of this number of rows.
const CAPACITY_STEP_ROWS: usize = 16 * 1024;

impl Segments {
    /// Returns the number of segments.
    pub fn len(&self) -> usize {
        self.node_id.len()
    }

    /// Returns whether there are no segments.
    pub fn is_empty(&self) -> bool {
        self.node_id.is_empty()
    }

    /// Appends one segment.
    pub fn push(&mut self, s: Segment) {
        self.node_id.push(s.node_id);
        self.section_id.push(s.section_id);
        self.segment_id.push(s.segment_id);
        self.section_type.push(s.section_type);
        self.start.push(s.start);
        self.end.push(s.end);
        self.radius_um.push(s.radius_um);
        self.row.push(s.row);
    }

    /// Creates empty columns with the capacity for `length` segments.
    pub fn with_capacity(length: usize) -> Self {
        Self {
            node_id: Vec::with_capacity(length),
            section_id: Vec::with_capacity(length),
            segment_id: Vec::with_capacity(length),
            section_type: Vec::with_capacity(length),
            start: Vec::with_capacity(length),
            end: Vec::with_capacity(length),
            radius_um: Vec::with_capacity(length),
            row: Vec::with_capacity(length),
        }
    }

    /// Replaces all rows by so many rows of zeros, without a type or a radius, and reuses the allocated memory.
    pub fn reset(&mut self, length: usize) {
        fn reset<T: Clone>(column: &mut Vec<T>, length: usize, value: T) {
            column.clear();
            // reserve more than needed, so that slightly longer columns need no new allocation the next time
            column.reserve_exact(length.next_multiple_of(CAPACITY_STEP_ROWS));
            column.resize(length, value);
        }
        reset(&mut self.node_id, length, 0);
        reset(&mut self.section_id, length, 0);
        reset(&mut self.segment_id, length, 0);
        reset(&mut self.section_type, length, None);
        reset(&mut self.start, length, Point::ORIGIN);
        reset(&mut self.end, length, Point::ORIGIN);
        reset(&mut self.radius_um, length, None);
        reset(&mut self.row, length, 0);
    }

    /// Returns one segment.
    ///
    /// # Panics
    /// Panics if `i` is not below [`Segments::len`], as slice indexing does.
    pub fn get(&self, i: usize) -> Segment {
        Segment {
            node_id: self.node_id[i],
            section_id: self.section_id[i],
            segment_id: self.segment_id[i],
            section_type: self.section_type[i],
            start: self.start[i],
            end: self.end[i],
            radius_um: self.radius_um[i],
            row: self.row[i],
        }
    }

    /// Iterates over all segments.
    pub fn iter(&self) -> impl Iterator<Item = Segment> + '_ {
        (0..self.len()).map(|i| self.get(i))
    }

    /// Appends all segments of another set of columns.
    pub fn append(&mut self, other: &Self) {
        self.append_rows(other, 0..other.len());
    }

    /// Returns the segments in another order: `order[i]` is the old index of the new row `i`.
    #[must_use]
    pub fn reordered(&self, order: &[usize]) -> Self {
        order.iter().map(|&i| self.get(i)).collect()
    }

    /// Returns the segments with the neurons in ascending order of node ids. The rows of a neuron stay in order.
    #[must_use]
    pub fn sorted_by_neuron(&self) -> Self {
        let mut neurons: Vec<NeuronSegments<'_>> = self.neurons().collect();
        if neurons.is_sorted_by_key(NeuronSegments::node_id) {
            return self.clone();
        }
        neurons.sort_by_key(NeuronSegments::node_id);
        let mut sorted = Self::with_capacity(self.len());
        neurons
            .iter()
            .for_each(|neuron| sorted.append_rows(self, neuron.first_index..neuron.first_index + neuron.len()));
        sorted
    }

    /// Appends some segments of another set of columns.
    fn append_rows(&mut self, other: &Self, rows: std::ops::Range<usize>) {
        self.node_id.extend_from_slice(&other.node_id[rows.clone()]);
        self.section_id.extend_from_slice(&other.section_id[rows.clone()]);
        self.segment_id.extend_from_slice(&other.segment_id[rows.clone()]);
        self.section_type.extend_from_slice(&other.section_type[rows.clone()]);
        self.start.extend_from_slice(&other.start[rows.clone()]);
        self.end.extend_from_slice(&other.end[rows.clone()]);
        self.radius_um.extend_from_slice(&other.radius_um[rows.clone()]);
        self.row.extend_from_slice(&other.row[rows]);
    }

    /// Iterates over the neurons, each a view of its contiguous rows.
    pub fn neurons(&self) -> impl Iterator<Item = NeuronSegments<'_>> {
        let mut from = 0;
        std::iter::from_fn(move || {
            let id = *self.node_id.get(from)?;
            let length = self.node_id[from..].iter().take_while(|&&n| n == id).count();
            let view = NeuronSegments::new(self, from..from + length);
            from += length;
            Some(view)
        })
    }
}

impl FromIterator<Segment> for Segments {
    fn from_iter<I: IntoIterator<Item = Segment>>(segments: I) -> Self {
        let mut columns = Self::default();
        segments.into_iter().for_each(|s| columns.push(s));
        columns
    }
}

/// A borrowed view of contiguous segments of one neuron, from which methods compute weights.
#[derive(Debug, Clone, Copy)]
pub struct NeuronSegments<'a> {
    /// The borrowed columns.
    pub segments: &'a Segments,
    /// First ends, µm.
    pub start: &'a [Point],
    /// Second ends, µm.
    pub end: &'a [Point],
    /// Radii, µm.
    pub radius_um: &'a [Option<f32>],
    /// Index of the first segment in the columns.
    pub first_index: usize,
}

impl<'a> NeuronSegments<'a> {
    /// Creates a view of a range of rows.
    ///
    /// # Panics
    /// Panics if the range is outside the columns, as slicing does.
    pub fn new(columns: &'a Segments, range: std::ops::Range<usize>) -> Self {
        Self {
            segments: columns,
            start: &columns.start[range.clone()],
            end: &columns.end[range.clone()],
            radius_um: &columns.radius_um[range.clone()],
            first_index: range.start,
        }
    }

    /// Returns the number of segments.
    pub fn len(&self) -> usize {
        self.start.len()
    }

    /// Returns whether there are no segments.
    pub fn is_empty(&self) -> bool {
        self.start.is_empty()
    }

    /// Returns one segment of the view.
    ///
    /// # Panics
    /// Panics if `i` is outside the view, as slice indexing does.
    pub fn get(&self, i: usize) -> Segment {
        self.segments.get(self.first_index + i)
    }

    /// Returns the neuron's node id; `None` for an empty view.
    pub fn node_id(&self) -> Option<u64> {
        self.segments.node_id.get(self.first_index).copied()
    }
}

/// The number of segments of one section.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SectionCount {
    /// Section of the neuron.
    pub section_id: u32,
    /// Number of its segments.
    pub segments: u32,
}
