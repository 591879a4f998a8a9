//! The mapping of a compartment report: the segments of each neuron.
//!
//! Source: SONATA "Frame-oriented node element recordings". `/report/<population>/mapping` has `node_ids` in any order,
//! `index_pointers` (one more than nodes; the elements of node `i` are those from pointer `i` up to pointer `i + 1`)
//! and `element_ids`: the section id of each segment. `/report/<population>/data` has one column per element.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use crate::error::{Context, Problem, Result, join_quoted};
use crate::io::checkpoint::describe_unfinished;
use crate::io::hdf5::{Hdf5File, Hdf5Problem};
use crate::segments::SectionCount;

/// Reasons why the mapping of a report is invalid.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportMappingProblem {
    /// The file has no population with this name.
    #[error("unknown population, expected {known}, found `{name}`")]
    UnknownPopulation {
        /// The requested name.
        name: String,
        /// Names of the file's populations.
        known: String,
    },
    /// The number of index pointers does not fit the nodes.
    #[error("wrong number of index pointers, expected {} (one more than nodes), found {found}", nodes + 1)]
    Pointers {
        /// Number of nodes.
        nodes: usize,
        /// Number of pointers.
        found: usize,
    },
    /// A pointer is smaller than the one before it.
    #[error("index pointers decrease, expected at least {before}, found {found}")]
    Decreasing {
        /// The previous pointer.
        before: u64,
        /// The smaller pointer.
        found: u64,
    },
    /// The last pointer differs from the number of elements.
    #[error("last index pointer is not the end of `element_ids`, expected {elements}, found {found}")]
    End {
        /// Number of elements.
        elements: usize,
        /// The last pointer.
        found: u64,
    },
    /// A node is listed more than once.
    #[error("node listed twice, expected each node once, found `{0}` again")]
    Twice(u64),
    /// A run has not completed the file.
    #[error("unfinished, expected a complete report, found {progress}")]
    Unfinished {
        /// Name of the complete file.
        output: String,
        /// How far the run came.
        progress: String,
    },
}

impl Problem for ReportMappingProblem {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Pointers { nodes, found } if found == nodes => {
                Some("add the number of elements as the last pointer".into())
            }
            Self::Unfinished { output, .. } => Some(format!(
                "complete `{output}` with the command that began it and `--resume`; `leadfield info` shows its progress"
            )),
            _ => None,
        }
    }
}

/// The segments of each neuron, from a compartment report's mapping.
///
/// It takes 12 bytes per node, and stores equal lists of sections once: nodes with the same morphology share a list.
#[derive(Debug)]
pub struct ReportLayout {
    /// Node ids, ascending.
    node_ids: Vec<u64>,
    /// Index in `section_lists` for each of `node_ids`.
    list_of_node: Vec<u32>,
    section_lists: Vec<Arc<[SectionCount]>>,
}

/// Maximum number of elements that are read at a time, unless a single node has more.
const MAX_ELEMENTS_PER_READ: usize = 1 << 18;

impl ReportLayout {
    /// Reads the mapping of a population in a report.
    ///
    /// # Errors
    /// Returns an error if the file or the population is missing (the error lists the existing ones), the number of
    /// index pointers is not that of nodes plus one, pointers decrease or exceed the elements, a node is listed twice,
    /// or the element ids do not fit the data's columns.
    pub fn open(path: &Path, population: &str) -> Result<Self> {
        let file = Hdf5File::open(path)?;
        let group = population_group(&file, population)?;
        let mapping = |name: &str| format!("{group}/mapping/{name}");
        let (node_ids, places) = read_sorted_node_ids(&file, &mapping("node_ids"))?;
        let elements = mapping("element_ids");
        check_data(&file, &format!("{group}/data"), &elements)?;
        let pointers = read_pointers(&file, &mapping("index_pointers"), node_ids.len(), file.length(&elements)?)?;
        let mut lists = SectionLists::default();
        let in_file = lists.read_elements(&file, &elements, &pointers, MAX_ELEMENTS_PER_READ)?;
        let lists_of = places.iter().filter_map(|&place| in_file.get(place).copied()).collect();
        Ok(Self { node_ids, list_of_node: lists_of, section_lists: lists.distinct })
    }

    /// Returns the node ids, ascending.
    pub fn node_ids(&self) -> &[u64] {
        &self.node_ids
    }

    /// Returns the sections of a node and their numbers of segments, ascending by section id; `None` if the report
    /// lacks the node.
    pub fn sections(&self, node: u64) -> Option<&Arc<[SectionCount]>> {
        let list = *self.list_of_node.get(self.node_ids.binary_search(&node).ok()?)?;
        self.section_lists.get(list as usize)
    }

    /// Returns the number of segments of a node; `None` if the report lacks the node.
    pub fn segment_count(&self, node: u64) -> Option<u64> {
        self.sections(node).map(|sections| sections.iter().map(|s| u64::from(s.segments)).sum())
    }
}

/// The distinct lists of sections.
#[derive(Default)]
struct SectionLists {
    distinct: Vec<Arc<[SectionCount]>>,
    places: HashMap<Arc<[SectionCount]>, u32>,
}

impl SectionLists {
    /// Reads the elements of all nodes, at most `most` at a time; returns the index of each node's list.
    fn read_elements(&mut self, file: &Hdf5File, object: &str, pointers: &[u64], most: usize) -> Result<Vec<u32>> {
        let mut places = Vec::with_capacity(pointers.len());
        let most = most.max(file.rows_per_chunk(object)?);
        for node_ends in split_into_slabs(pointers, most) {
            let bound = |i: usize| node_ends.get(i).map_or(0, |&end| end as usize);
            let (first, behind) = (bound(0), bound(node_ends.len() - 1));
            let mut elements = file.read_u32_rows(object, first..behind)?;
            for node in 0..node_ends.len() - 1 {
                let node_elements = elements.get_mut(bound(node) - first..bound(node + 1) - first).unwrap_or_default();
                node_elements.sort_unstable();
                places.push(self.find_or_insert(node_elements));
            }
        }
        Ok(places)
    }

    /// Returns the index of the list of a node's elements, which must ascend.
    fn find_or_insert(&mut self, elements: &[u32]) -> u32 {
        let runs = elements.chunk_by(|a, b| a == b);
        let sections = runs.filter_map(|run| Some(SectionCount { section_id: *run.first()?, segments: len_u32(run) }));
        let sections: Vec<SectionCount> = sections.collect();
        if let Some(&place) = self.places.get(sections.as_slice()) {
            return place;
        }
        let (place, sections) = (len_u32(&self.distinct), Arc::from(sections));
        self.distinct.push(Arc::clone(&sections));
        self.places.insert(sections, place);
        place
    }
}

/// Splits pointers into runs of nodes with at most `most` elements in total, or of one node; each run ends with the
/// pointer with which the next one begins.
fn split_into_slabs(pointers: &[u64], most: usize) -> impl Iterator<Item = &[u64]> {
    let mut from = 0;
    std::iter::from_fn(move || {
        let rest = pointers.get(from..).filter(|rest| rest.len() > 1)?;
        let first = rest.first().copied().unwrap_or_default();
        let fitting = rest.partition_point(|&end| end - first <= most as u64).max(2);
        from += fitting - 1;
        rest.get(..fitting)
    })
}

/// Refuses the unfinished output of a run, by its name: frames that are not computed yet are zeros in it.
///
/// # Errors
/// Returns an error for a file `NAME.partial`.
pub fn check_finished(path: &Path) -> Result<()> {
    match describe_unfinished(path)? {
        Some((output, progress)) => Err(ReportMappingProblem::Unfinished { output, progress }).in_file(path),
        None => Ok(()),
    }
}

/// Returns the populations of a report file, sorted.
///
/// # Errors
/// Returns an error if the file is not HDF5 or has no `/report`.
pub fn list_populations(path: &Path) -> Result<Vec<String>> {
    Hdf5File::open(path)?.member_names("/report")
}

fn len_u32<T>(run: &[T]) -> u32 {
    u32::try_from(run.len()).unwrap_or(u32::MAX)
}

fn population_group(file: &Hdf5File, name: &str) -> Result<String> {
    let known = file.member_names("/report")?;
    if known.iter().any(|n| n == name) {
        return Ok(format!("/report/{name}"));
    }
    let problem = ReportMappingProblem::UnknownPopulation { name: name.to_string(), known: join_quoted(known, 12) };
    Err(file.error("/report", problem))
}

/// Reads the node ids in ascending order, and the index of each in the file.
fn read_sorted_node_ids(file: &Hdf5File, object: &str) -> Result<(Vec<u64>, Vec<usize>)> {
    let ids = file.read_unsigned(object)?;
    let mut listed: Vec<(u64, usize)> = ids.into_iter().enumerate().map(|(place, id)| (id, place)).collect();
    listed.sort_unstable();
    match listed.iter().zip(listed.iter().skip(1)).find(|(a, b)| a.0 == b.0) {
        Some((_, &(id, place))) => Err(file.error_at(object, place, ReportMappingProblem::Twice(id))),
        None => Ok(listed.into_iter().unzip()),
    }
}

/// Reads the index pointers, which must not decrease and must end at the number of elements.
fn read_pointers(file: &Hdf5File, object: &str, nodes: usize, elements: usize) -> Result<Vec<u64>> {
    let pointers = file.read_unsigned(object)?;
    if pointers.len() != nodes + 1 {
        return Err(file.error(object, ReportMappingProblem::Pointers { nodes, found: pointers.len() }));
    }
    let falls = pointers.iter().zip(pointers.iter().skip(1)).enumerate().find(|(_, (before, found))| found < before);
    if let Some((i, (&before, &found))) = falls {
        return Err(file.error_at(object, i + 1, ReportMappingProblem::Decreasing { before, found }));
    }
    match pointers.last() {
        Some(&found) if found != elements as u64 => {
            Err(file.error_at(object, nodes, ReportMappingProblem::End { elements, found }))
        }
        _ => Ok(pointers),
    }
}

/// Checks that the data, if there are any, have one column per element.
fn check_data(file: &Hdf5File, data: &str, element_ids: &str) -> Result<()> {
    let elements = file.length(element_ids)?;
    let found = if file.has_object(data) { file.shape(data)? } else { return Ok(()) };
    if matches!(found[..], [_, columns] if columns == elements) {
        return Ok(());
    }
    let expected = format!("[frames, {elements}], one column per element");
    Err(file.error(data, Hdf5Problem::Shape { expected, found }))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Input {
        folder: tempfile::TempDir,
        node_ids: Vec<u64>,
        pointers: Vec<u64>,
        elements: Vec<u32>,
        data: Option<[usize; 2]>,
    }

    impl Input {
        /// Node 7 has a soma and three segments in two other sections, node 3 a soma and one more segment.
        fn new() -> Self {
            Self {
                folder: tempfile::tempdir().unwrap(),
                node_ids: vec![7, 3],
                pointers: vec![0, 4, 6],
                elements: vec![0, 5, 2, 5, 1, 0],
                data: Some([2, 6]),
            }
        }

        fn path(&self) -> std::path::PathBuf {
            self.folder.path().join("report.h5")
        }

        fn write(&self) {
            let file = Hdf5File::create(&self.path()).unwrap();
            file.create_group("/report/P/mapping").unwrap();
            let mapping = |name: &str| format!("/report/P/mapping/{name}");
            file.write_dataset(&mapping("node_ids"), &self.node_ids, &[self.node_ids.len()]).unwrap();
            file.write_dataset(&mapping("index_pointers"), &self.pointers, &[self.pointers.len()]).unwrap();
            file.write_dataset(&mapping("element_ids"), &self.elements, &[self.elements.len()]).unwrap();
            if let Some([frames, columns]) = self.data {
                file.write_dataset("/report/P/data", &vec![0.0_f32; frames * columns], &[frames, columns]).unwrap();
            }
            file.close().unwrap();
        }

        fn open(&self) -> Result<ReportLayout> {
            self.write();
            ReportLayout::open(&self.path(), "P")
        }

        #[track_caller]
        fn refused(&self, message: &str) -> Option<String> {
            let error = self.open().unwrap_err();
            assert_eq!(error.to_string(), format!("{}: {message}", self.path().display()));
            error.hint()
        }
    }

    fn counts(layout: &ReportLayout, node: u64) -> Option<Vec<(u32, u32)>> {
        Some(layout.sections(node)?.iter().map(|s| (s.section_id, s.segments)).collect())
    }

    #[test]
    fn nodes_and_elements_may_be_in_any_order() {
        let layout = Input::new().open().unwrap();
        assert_eq!(layout.node_ids(), [3, 7]);
        assert_eq!(counts(&layout, 7).unwrap(), [(0, 1), (2, 1), (5, 2)]);
        assert_eq!(counts(&layout, 3).unwrap(), [(0, 1), (1, 1)]);
        assert_eq!((layout.segment_count(7), layout.segment_count(3)), (Some(4), Some(2)));
    }

    #[test]
    fn elements_are_read_in_batches_and_shared_lists_are_stored_once() {
        let cut = |most| split_into_slabs(&[0, 4, 6, 6, 20], most).map(<[u64]>::to_vec).collect::<Vec<_>>();
        assert_eq!(cut(5), [vec![0, 4], vec![4, 6, 6], vec![6, 20]], "the last node alone has more");
        assert_eq!(cut(100), [[0, 4, 6, 6, 20]]);
        let input = Input {
            node_ids: vec![3, 7, 5],
            pointers: vec![0, 3, 4, 7],
            elements: vec![1, 0, 1, 0, 1, 1, 0],
            data: None,
            ..Input::new()
        };
        input.write();
        let file = Hdf5File::open(&input.path()).unwrap();
        let object = "/report/P/mapping/element_ids";
        for most in [1, 3, 4, 100] {
            let mut lists = SectionLists::default();
            let places = lists.read_elements(&file, object, &input.pointers, most).unwrap();
            assert_eq!((places, lists.distinct.len()), (vec![0, 1, 0], 2), "{most}");
        }
        drop(file);
        let layout = input.open().unwrap();
        assert_eq!([3, 5, 7].map(|node| layout.segment_count(node)), [Some(3), Some(3), Some(1)]);
    }

    #[test]
    fn a_node_that_is_not_reported_has_no_sections() {
        let layout = Input::new().open().unwrap();
        assert_eq!((counts(&layout, 4), layout.segment_count(4)), (None, None));
    }

    #[test]
    fn a_report_may_be_empty_or_without_data() {
        let layout = Input { data: None, ..Input::new() }.open().unwrap();
        assert_eq!(layout.segment_count(7), Some(4));
        let empty = Input { node_ids: vec![], pointers: vec![0], elements: vec![], data: Some([0, 0]), ..Input::new() };
        assert_eq!(empty.open().unwrap().node_ids(), [0_u64; 0]);
    }

    #[test]
    fn a_node_without_elements_has_no_segments() {
        let layout = Input { pointers: vec![0, 6, 6], ..Input::new() }.open().unwrap();
        assert_eq!((counts(&layout, 3), layout.segment_count(3)), (Some(vec![]), Some(0)));
    }

    #[test]
    fn populations_are_listed() {
        let input = Input::new();
        input.write();
        assert_eq!(list_populations(&input.path()).unwrap(), ["P"]);
        assert_eq!(
            ReportLayout::open(&input.path(), "Q").unwrap_err().to_string(),
            format!("{}: /report: unknown population, expected `P`, found `Q`", input.path().display())
        );
    }

    #[test]
    fn one_pointer_per_node_is_refused() {
        let hint = Input { pointers: vec![0, 4], ..Input::new() }.refused(
            "/report/P/mapping/index_pointers: wrong number of index pointers, expected 3 (one more than nodes), found 2",
        );
        assert_eq!(hint.unwrap(), "add the number of elements as the last pointer");
        let hint = Input { pointers: vec![0, 4, 6, 6], ..Input::new() }.refused(
            "/report/P/mapping/index_pointers: wrong number of index pointers, expected 3 (one more than nodes), found 4",
        );
        assert_eq!(hint, None);
    }

    #[test]
    fn pointers_that_decrease_or_leave_the_elements_are_refused() {
        Input { pointers: vec![5, 4, 6], ..Input::new() }
            .refused("/report/P/mapping/index_pointers[1]: index pointers decrease, expected at least 5, found 4");
        for end in [5, 7] {
            Input { pointers: vec![0, 4, end], ..Input::new() }.refused(&format!(
                "/report/P/mapping/index_pointers[2]: last index pointer is not the end of `element_ids`, expected 6, found {end}"
            ));
        }
    }

    #[test]
    fn a_node_listed_twice_is_refused() {
        Input { node_ids: vec![7, 7], ..Input::new() }
            .refused("/report/P/mapping/node_ids[1]: node listed twice, expected each node once, found `7` again");
    }

    #[test]
    fn data_have_one_column_per_element() {
        Input { data: Some([2, 5]), ..Input::new() }
            .refused("/report/P/data: wrong shape, expected [frames, 6], one column per element, found [2, 5]");
    }

    #[test]
    fn wide_element_ids_are_accepted_if_they_fit_into_32_bits() {
        let folder = tempfile::tempdir().unwrap();
        let open = |name: &str, elements: [u64; 2]| {
            let path = folder.path().join(name);
            let file = Hdf5File::create(&path).unwrap();
            file.create_group("/report/P/mapping").unwrap();
            file.write_dataset("/report/P/mapping/node_ids", &[0_i32], &[1]).unwrap();
            file.write_dataset("/report/P/mapping/index_pointers", &[0_i64, 2], &[2]).unwrap();
            file.write_dataset("/report/P/mapping/element_ids", &elements, &[2]).unwrap();
            ReportLayout::open(&path, "P")
        };
        assert_eq!(counts(&open("fits.h5", [0, 9]).unwrap(), 0).unwrap(), [(0, 1), (9, 1)]);
        let message = open("large.h5", [0, 1 << 32]).unwrap_err().to_string();
        assert!(
            message.ends_with(
                "/report/P/mapping/element_ids[1]: number too large, expected at most 4294967295, found 4294967296"
            ),
            "{message}"
        );
    }
}
