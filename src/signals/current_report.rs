//! The data of one population of a SONATA report: membrane currents of segments, or potentials of an online `lfp`
//! report.
//!
//! Source: SONATA "Frame-oriented node element recordings". `/report/<population>/data` has one row per frame and one
//! column per element. The elements of a node are consecutive, in the simulator's order; `element_ids` are section ids
//! in a compartment report, and contact numbers in an `lfp` report.

use std::collections::HashMap;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use zerocopy::{FromBytes, IntoBytes};

use crate::error::{Context, FileProblem, Problem, Result};
use crate::io::digest::Digest;
use crate::io::hdf5::{Hdf5File, Hdf5Problem};
use crate::segments::SectionCount;
use crate::sonata::compartment_report::ReportLayout;
use crate::sonata::electrodes_file::ElectrodesFile;

/// Reasons why the frames of a report cannot be used.
#[derive(Debug, thiserror::Error, PartialEq)]
#[non_exhaustive]
pub enum ReportDataProblem {
    /// The time step is not positive.
    #[error("frames out of order, expected a time step above 0 ms, found {0} ms")]
    Step(f64),
    /// The number of frames is not that of the times.
    #[error("wrong number of frames, expected {expected} as `mapping/time` states, found {found}")]
    Frames {
        /// Number of steps from the start to the end.
        expected: u64,
        /// Number of rows.
        found: usize,
    },
    /// The index pointers do not begin at 0.
    #[error("first index pointer is not 0, found {0}")]
    FirstPointer(u64),
    /// The values are signals that this library computed.
    #[error("signals that were computed already, expected membrane currents or a simulator's `lfp` report")]
    Signals,
    /// The file has no population.
    #[error("no population, expected at least one group")]
    NoPopulation,
    /// The library would read a chunk as a whole, again for each block of frames.
    #[error("chunks are too large, expected at most {MAX_CHUNK_BYTES} bytes, found {0} bytes")]
    Chunk(u64),
}

impl Problem for ReportDataProblem {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Frames { .. } => {
                Some("the simulation may have ended early, or the copy of the report: make it again".into())
            }
            Self::Signals => Some(
                "compute other sums from the report of currents (`--by`, `--node-set`); `leadfield plot signals` draws these"
                    .into(),
            ),
            Self::Chunk(_) => Some("store it again: `h5repack -l CONTI REPORT NEW_REPORT`".into()),
            Self::Step(_) | Self::FirstPointer(_) | Self::NoPopulation => None,
        }
    }
}

/// Largest chunk of compressed values, bytes: several are in memory at a time.
const MAX_CHUNK_BYTES: u64 = 256 << 20;

/// The elements of a node in the report's order.
#[derive(Debug, PartialEq, Eq)]
pub struct ElementList {
    /// Section id, or contact number, of each element.
    pub ids: Box<[u32]>,
    /// Row within the node of each element: its place if elements are sorted by section id, and those of a section
    /// stay in order.
    pub rows: Box<[u32]>,
    /// The sections, ascending, each with its number of elements.
    pub sections: Box<[SectionCount]>,
}

impl ElementList {
    fn new(ids: &[u32]) -> Self {
        let mut order: Vec<u32> = (0..ids.len()).map(|i| u32::try_from(i).unwrap_or(u32::MAX)).collect();
        let id_of = |element: &u32| ids.get(*element as usize).copied().unwrap_or_default();
        order.sort_by_key(id_of);
        let mut rows = vec![0; ids.len()];
        for (row, &element) in (0..).zip(&order) {
            if let Some(place) = rows.get_mut(element as usize) {
                *place = row;
            }
        }
        let sorted: Vec<u32> = order.iter().map(id_of).collect();
        let runs = sorted.chunk_by(|a, b| a == b);
        let sections = runs.filter_map(|run| {
            Some(SectionCount { section_id: *run.first()?, segments: u32::try_from(run.len()).unwrap_or(u32::MAX) })
        });
        Self { ids: ids.into(), rows: rows.into(), sections: sections.collect() }
    }

    /// Returns whether the ids are 0, 1, 2, ..., as those of contacts are.
    fn counts_up(&self) -> bool {
        self.ids.iter().zip(0..).all(|(&id, number)| id == number)
    }
}

/// One population of a report, open for reading.
#[derive(Debug)]
pub struct CurrentReport {
    file: Hdf5File,
    population: String,
    data: String,
    frame_count: usize,
    element_count: usize,
    start_ms: f64,
    step_ms: f64,
    node_ids: Vec<u64>,
    /// One more than nodes.
    pointers: Vec<u64>,
    list_of_node: Vec<u32>,
    lists: Vec<ElementList>,
    /// Values that are read without the HDF5 library.
    plain: Option<PlainValues>,
    /// Frames and elements of a chunk.
    chunk_shape: [usize; 2],
    units: Option<String>,
}

/// A number as it is stored.
pub(super) trait StoredFloat: FromBytes + IntoBytes + Copy + Default + Send {}

impl StoredFloat for f32 {}
impl StoredFloat for f64 {}

/// How values are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Precision {
    /// 32 bits.
    Single,
    /// 64 bits.
    Double,
}

#[derive(Debug)]
struct PlainValues {
    file: Arc<std::fs::File>,
    offset: u64,
    width: usize,
}

/// Number of element ids that are read at a time.
const IDS_PER_READ: usize = 1 << 20;

/// How the unit of NEURON's current densities is written, without `^`.
const DENSITY_UNITS: [&str; 2] = ["mA/cm2", "mA/cm\u{b2}"];

/// Largest number of elements that are inspected for voltages.
const MAX_INSPECTED_ELEMENTS: usize = 1 << 16;

/// Voltages across membranes have a mean below minus this, mV: they are near -65 mV at rest.
const MIN_VOLTAGE_MV: f64 = 20.0;

/// The smallest ratio of the sum of voltages to the sum of their absolute values; that of currents is near 0.
const MIN_VOLTAGE_SHARE: f64 = 0.8;

/// How far the number of steps may be from an integer.
const STEP_TOLERANCE: f64 = 1e-3;

impl CurrentReport {
    /// Opens a population of a report. Memory is about 20 bytes per node; equal lists of elements are stored once.
    ///
    /// # Errors
    /// Returns an error if the file or the population is missing, the mapping is invalid, the data do not have one
    /// column per element, the time step is not positive, the number of frames is not that of the times, a compressed
    /// chunk has more than 256 MiB, or the values are signals that this library computed.
    pub fn open(path: &Path, population: &str) -> Result<Self> {
        // the layout checks everything about the mapping that does not concern frames
        drop(ReportLayout::open(path, population)?);
        let file = Hdf5File::open(path)?;
        let group = format!("/report/{population}");
        let mapping = |name: &str| format!("{group}/mapping/{name}");
        if file.has_object(&mapping("contact_names")) {
            return Err(file.error(&group, ReportDataProblem::Signals));
        }
        let node_ids = file.read_unsigned(&mapping("node_ids"))?;
        let pointers = file.read_unsigned(&mapping("index_pointers"))?;
        if let Some(&first) = pointers.first().filter(|first| **first != 0) {
            return Err(file.error_at(&mapping("index_pointers"), 0, ReportDataProblem::FirstPointer(first)));
        }
        let data = format!("{group}/data");
        let shape = file.shape(&data)?;
        let &[frame_count, element_count] = shape.as_slice() else {
            return Err(file.error(&data, Hdf5Problem::Shape { expected: "[frames, elements]".into(), found: shape }));
        };
        file.check_box_plausible(&data, &[0..frame_count, 0..element_count])?;
        let (start_ms, step_ms) = read_times(&file, &mapping("time"), &data, frame_count)?;
        let (list_of_node, lists) = read_lists(&file, &mapping("element_ids"), &pointers)?;
        let extent = file.native_float_extent(&data)?;
        let plain = extent.map(|(offset, width)| PlainValues { file: file.raw_file().clone(), offset, width });
        let chunk_shape = match file.chunk_shape(&data)?.as_slice() {
            &[frames, elements] => [frames, elements].map(|length| length.max(1)),
            _ => [1, 1],
        };
        let chunk_bytes =
            chunk_shape.iter().map(|length| *length as u64).fold(size_of::<f32>() as u64, u64::saturating_mul);
        if plain.is_none() && chunk_bytes > MAX_CHUNK_BYTES {
            return Err(file.error(&data, ReportDataProblem::Chunk(chunk_bytes)));
        }
        let units = file.read_string_attribute(&data, "units");
        file.check_strings()?;
        Ok(Self {
            file,
            population: population.into(),
            data,
            frame_count,
            element_count,
            start_ms,
            step_ms,
            node_ids,
            pointers,
            list_of_node,
            lists,
            plain,
            chunk_shape,
            units,
        })
    }

    /// Opens all populations of a report.
    ///
    /// # Errors
    /// Returns an error if the file has no population, and the errors of [`CurrentReport::open`].
    pub fn open_all(path: &Path) -> Result<Vec<Self>> {
        let names = crate::sonata::compartment_report::list_populations(path)?;
        if names.is_empty() {
            return Err(ReportDataProblem::NoPopulation).in_item("/report").in_file(path);
        }
        names.iter().map(|name| Self::open(path, name)).collect()
    }

    /// Returns the file's path.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// Returns the name of the population.
    pub fn population(&self) -> &str {
        &self.population
    }

    /// Returns the number of frames.
    pub fn frame_count(&self) -> usize {
        self.frame_count
    }

    /// Returns the number of elements of a frame.
    pub fn element_count(&self) -> usize {
        self.element_count
    }

    /// Returns the time of the first frame, ms.
    pub fn start_ms(&self) -> f64 {
        self.start_ms
    }

    /// Returns the time from one frame to the next, ms.
    pub fn step_ms(&self) -> f64 {
        self.step_ms
    }

    /// Returns the attribute `units` of the data, which is often wrong.
    pub fn stated_units(&self) -> Option<&str> {
        self.units.as_deref()
    }

    /// Returns the node ids, in file order.
    pub fn node_ids(&self) -> &[u64] {
        &self.node_ids
    }

    /// Returns the elements of a node, by its index in the file: their columns, and their list.
    pub fn elements(&self, place: usize) -> Option<(Range<usize>, &ElementList)> {
        let columns = *self.pointers.get(place)? as usize..*self.pointers.get(place + 1)? as usize;
        Some((columns, self.lists.get(*self.list_of_node.get(place)? as usize)?))
    }

    /// Returns whether the stated unit is that of NEURON's current densities, mA/cm².
    pub fn states_densities(&self) -> bool {
        let unit = self.stated_units().unwrap_or_default().replace(['^', ' '], "");
        DENSITY_UNITS.iter().any(|known| unit.eq_ignore_ascii_case(known))
    }

    /// Returns the mean of the values of a frame if they are voltages across membranes: hardly any is positive, so that they
    /// do not cancel, and their mean is below -20. Membrane currents of a neuron sum to zero or, in nA, to a clamp's current.
    ///
    /// # Errors
    /// Returns an error if the frame cannot be read.
    pub(super) fn mean_voltage(&self, frame: usize) -> Result<Option<f64>> {
        let columns = 0..self.element_count.min(MAX_INSPECTED_ELEMENTS);
        let values = self.file.read_float_box(&self.data, &[frame..frame + 1, columns])?;
        let sum: f64 = values.iter().sum();
        let sum_of_sizes: f64 = values.iter().map(|value| value.abs()).sum();
        let mean = sum / values.len().max(1) as f64;
        Ok((mean < -MIN_VOLTAGE_MV && sum < -MIN_VOLTAGE_SHARE * sum_of_sizes).then_some(mean))
    }

    /// Returns whether every node has the elements 0, 1, 2, ..., equally many, as in an online `lfp` report, and the stated
    /// unit is not one of currents.
    pub fn is_like_online(&self) -> bool {
        let is_current = self.stated_units() == Some("nA") || self.states_densities();
        !is_current && matches!(self.lists.as_slice(), [only] if only.counts_up() && !only.ids.is_empty())
    }

    /// Returns whether this is an online `lfp` report. If an electrodes file is given, the number of contacts must be
    /// the file's, and at least one neuron have another number of segments: otherwise the elements are its segments.
    /// One element for each node is also what a report of somata has: it is a contact if `named` contacts, one, are
    /// given.
    pub(super) fn is_online(&self, file: Option<&ElectrodesFile>, named: usize) -> bool {
        let elements = self.elements(0).map_or(0, |(columns, _)| columns.len());
        let is_of_file = |file: &ElectrodesFile| {
            let population = file.populations().iter().find(|p| p.name() == self.population());
            let rows = |node: &u64| population.and_then(|p| p.rows_of_node(*node)).map(|rows| rows.end - rows.start);
            file.electrodes().len() == elements && self.node_ids.iter().any(|node| rows(node) != Some(elements as u64))
        };
        self.is_like_online() && (elements > 1 || named == 1) && file.is_none_or(is_of_file)
    }

    /// Returns whether values are read at their byte offsets, without the HDF5 library.
    pub fn is_plain(&self) -> bool {
        self.plain.is_some()
    }

    /// Returns the path of the data in the file.
    pub fn data_path(&self) -> &str {
        &self.data
    }

    /// Adds the file's path, size and time of change, and the mapping, to a digest.
    ///
    /// # Errors
    /// Returns an error if the file cannot be inspected.
    pub fn add_to(&self, digest: &mut Digest) -> Result<()> {
        add_file_state(digest, self.path())?;
        digest.add_text(&self.population);
        [self.frame_count, self.element_count].into_iter().for_each(|n| digest.add_u64(n as u64));
        digest.add_f64s(&[self.start_ms, self.step_ms]);
        self.node_ids.iter().chain(&self.pointers).for_each(|&n| digest.add_u64(n));
        Ok(())
    }

    /// Returns frames and elements of a chunk of the data, which the library reads together; 1 and 1 without chunks.
    pub(super) fn chunk_shape(&self) -> [usize; 2] {
        self.chunk_shape
    }

    /// Returns the precision of values that are read at their byte offsets; `None` for others.
    pub(super) fn plain_precision(&self) -> Option<Precision> {
        let plain = self.plain.as_ref()?;
        Some(if plain.width == size_of::<f32>() { Precision::Single } else { Precision::Double })
    }

    /// Reads some columns of some frames at their byte offsets into a buffer, row-major, one row per frame. Several threads
    /// may read at a time. Returns nothing if the values are not contiguous, or of another precision.
    ///
    /// # Errors
    /// Returns an error if the values cannot be read.
    pub(super) fn read_plain<'b, T: StoredFloat>(
        &self,
        frames: &[usize],
        runs: &[Range<usize>],
        buffer: &'b mut Vec<f64>,
    ) -> Result<&'b [T]> {
        let Some(plain) = self.plain.as_ref().filter(|plain| plain.width == size_of::<T>()) else { return Ok(&[]) };
        let width: usize = runs.iter().map(ExactSizeIterator::len).sum();
        let count = frames.len() * width;
        buffer.resize(buffer.len().max((count * size_of::<T>()).div_ceil(size_of::<f64>())), 0.0);
        let found = <[T]>::mut_from_prefix_with_elems(buffer.as_mut_bytes(), count);
        let Ok((out, _)) = found else { return Ok(&[]) };
        let mut rest = &mut *out;
        for &frame in frames {
            for run in runs {
                let (own, others) = rest.split_at_mut(run.len().min(rest.len()));
                rest = others;
                let first = frame as u64 * self.element_count as u64 + run.start as u64;
                let read = plain.file.read_exact_at(own.as_mut_bytes(), plain.offset + first * plain.width as u64);
                read.map_err(FileProblem::Read).in_file(self.path()).in_item(&self.data)?;
            }
        }
        Ok(out)
    }

    /// Reads some columns of some frames through the HDF5 library, row-major, one row per frame: boxes of consecutive
    /// frames, which the library decompresses once.
    ///
    /// # Errors
    /// Returns an error if the values are outside the data or cannot be read.
    pub(super) fn read_by_library(&self, frames: &[usize], runs: &[Range<usize>], out: &mut Vec<f64>) -> Result<()> {
        let width: usize = runs.iter().map(ExactSizeIterator::len).sum();
        out.resize(frames.len() * width, 0.0);
        let (Some(&first), Some(&last)) = (frames.first(), frames.last()) else { return Ok(()) };
        let mut column = 0;
        for run in runs {
            let values = self.file.read_float_box(&self.data, &[first..last + 1, run.clone()])?;
            for (row, &frame) in out.chunks_exact_mut(width.max(1)).zip(frames) {
                let from = (frame - first) * run.len();
                let own = values.get(from..from + run.len()).unwrap_or_default();
                if let Some(place) = row.get_mut(column..column + own.len()) {
                    place.copy_from_slice(own);
                }
            }
            column += run.len();
        }
        Ok(())
    }
}

/// Adds path, size and time of change of a file to a digest.
///
/// # Errors
/// Returns an error if the file cannot be inspected.
pub(super) fn add_file_state(digest: &mut Digest, path: &Path) -> Result<()> {
    let found = std::fs::metadata(path).map_err(FileProblem::Read).in_file(path)?;
    digest.add_text(&path.canonicalize().unwrap_or_else(|_| path.to_path_buf()).display().to_string());
    digest.add_u64(found.len());
    let changed = found.modified().ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    digest.add_option(changed, |digest, time| digest.add_text(&time.as_nanos().to_string()));
    Ok(())
}

/// Reads start and step, ms, and checks that the frames are those of the times.
fn read_times(file: &Hdf5File, object: &str, data: &str, frames: usize) -> Result<(f64, f64)> {
    let times = file.read_floats(object)?;
    let &[start, end, step] = times.as_slice() else {
        let found = file.shape(object)?;
        return Err(file.error(object, Hdf5Problem::Shape { expected: "[3]: start, end, step".into(), found }));
    };
    if !(step > 0.0 && step.is_finite() && start.is_finite() && end >= start) {
        return Err(file.error(object, ReportDataProblem::Step(if step > 0.0 { end - start } else { step })));
    }
    // the end is excluded; some writers include it
    let steps = (end - start) / step;
    let expected = (steps - STEP_TOLERANCE).ceil().max(0.0);
    if frames as f64 == expected || frames as f64 == (steps + STEP_TOLERANCE).floor() + 1.0 {
        return Ok((start, step));
    }
    Err(file.error(data, ReportDataProblem::Frames { expected: expected as u64, found: frames }))
}

/// Reads the element ids of all nodes; returns the list of each node, and the distinct lists.
fn read_lists(file: &Hdf5File, object: &str, pointers: &[u64]) -> Result<(Vec<u32>, Vec<ElementList>)> {
    let mut places: HashMap<Box<[u32]>, u32> = HashMap::new();
    let (mut list_of_node, mut lists) = (Vec::new(), Vec::new());
    let most = IDS_PER_READ.max(file.rows_per_chunk(object)?) as u64;
    let mut node = 0;
    while let Some(&first) = pointers.get(node).filter(|_| node + 1 < pointers.len()) {
        let fitting = pointers.get(node..).unwrap_or_default().partition_point(|&end| end - first <= most).max(2);
        let ends = pointers.get(node..node + fitting).unwrap_or_default();
        let behind = ends.last().copied().unwrap_or(first);
        let ids = file.read_u32_rows(object, first as usize..behind as usize)?;
        for pair in ends.windows(2) {
            let &[from, to] = pair else { continue };
            let own = ids.get((from - first) as usize..(to - first) as usize).unwrap_or_default();
            let place = places.get(own).copied().unwrap_or_else(|| {
                let place = u32::try_from(lists.len()).unwrap_or(u32::MAX);
                lists.push(ElementList::new(own));
                places.insert(own.into(), place);
                place
            });
            list_of_node.push(place);
        }
        node += fitting - 1;
    }
    Ok((list_of_node, lists))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_sorted_by_section_and_stay_in_order_within_it() {
        let list = ElementList::new(&[0, 5, 5, 2, 9, 1, 1]);
        // sorted: 0 | 1 1 | 2 | 5 5 | 9
        assert_eq!(*list.rows, [0, 4, 5, 3, 6, 1, 2]);
        let counts: Vec<_> = list.sections.iter().map(|s| (s.section_id, s.segments)).collect();
        assert_eq!(counts, [(0, 1), (1, 2), (2, 1), (5, 2), (9, 1)]);
        assert!(!list.counts_up() && ElementList::new(&[0, 1, 2]).counts_up());
    }
}
