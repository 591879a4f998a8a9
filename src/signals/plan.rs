//! Matches the nodes of reports with rows of weights, and cuts the work: parts, batches of neurons, runs of rows.

use std::collections::HashMap;

use super::current_report::CurrentReport;
use super::groups::{Grouping, section_type_names};
use super::{MissingNodes, SignalsProblem, WeightSource};
use crate::error::{Context, Error, Result};

/// One neuron of a report, with its rows of weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlannedNeuron {
    /// SONATA node id.
    pub node_id: u64,
    /// Index in the report.
    pub place: usize,
    /// First column in the report.
    pub first_column: usize,
    /// Number of segments, or of contacts in an online report.
    pub elements: usize,
    /// First row in the electrodes file, or in the table's part.
    pub first_row: u64,
    /// Index of the list of groups in which the neuron is.
    pub group_set: u32,
}

/// Neurons whose weights come from one place.
#[derive(Debug)]
pub struct PlannedPart {
    /// Index of the report.
    pub report: usize,
    /// Index of the table and of its part; `None` for weights of an electrodes file and for online reports.
    pub table_part: Option<(usize, usize)>,
    /// The neurons, in the report's order.
    pub neurons: Vec<PlannedNeuron>,
}

/// The whole work, except frames.
#[derive(Debug, Default)]
pub struct Plan {
    /// The parts, in the order in which they are summed.
    pub parts: Vec<PlannedPart>,
    /// Names of the groups.
    pub groups: Vec<String>,
    /// Distinct lists of groups.
    pub group_sets: Vec<Vec<u32>>,
    /// For each group by node: report and node id.
    pub nodes: Vec<(usize, u64)>,
    /// Report index and id of the nodes that were left out because one side lacks them.
    pub left_out: Vec<(usize, u64)>,
    /// Nodes that are in no group.
    pub ungrouped: u64,
}

/// The nodes to use in each population; `None` for all.
pub type NodeFilter = Option<HashMap<String, Vec<u64>>>;

impl Plan {
    /// Matches all nodes.
    ///
    /// # Errors
    /// Returns an error if a population has no weights; a node is missing in the report or in the weights, unless such
    /// nodes are to be left out; a node has other numbers of segments; or no neuron is left.
    pub fn new(
        reports: &[CurrentReport],
        source: &WeightSource<'_>,
        grouping: &Grouping,
        filter: &NodeFilter,
        missing: MissingNodes,
    ) -> Result<Self> {
        let mut plan = Self::default();
        let mut groups = GroupSets::new(grouping, reports);
        for (number, report) in reports.iter().enumerate() {
            let wanted = |node: u64| match filter {
                None => true,
                Some(sets) => sets.get(report.population()).is_some_and(|ids| ids.binary_search(&node).is_ok()),
            };
            let is_left_out = missing == MissingNodes::LeaveOut || !report.node_ids().iter().any(|&node| wanted(node));
            let rows = match RowLookup::new(source, report) {
                // its nodes are left out like single nodes without weights
                Err(error) if is_left_out && is_missing_population(&error) => RowLookup(HashMap::new()),
                found => found?,
            };
            let left_out = rows.check_both_sides(report, &wanted, missing)?;
            plan.left_out.extend(left_out.into_iter().map(|node| (number, node)));
            let mut order: Vec<(u64, usize)> = report.node_ids().iter().copied().zip(0..).collect();
            order.retain(|(node, _)| wanted(*node) && rows.find(*node).is_some());
            // groups by node are numbered by ascending node id, parts are in the report's order
            order.sort_unstable();
            let mut placed = Vec::with_capacity(order.len());
            for (node_id, place) in order {
                let Some((found, (columns, _))) = rows.find(node_id).zip(report.elements(place)) else { continue };
                check_segments(report, node_id, found.segments, columns.len(), source)?;
                let Some(group_set) = groups.of_node(report.population(), number, node_id) else {
                    plan.ungrouped += 1;
                    continue;
                };
                let (first_column, elements) = (columns.start, columns.len());
                let neuron =
                    PlannedNeuron { node_id, place, first_column, elements, first_row: found.first_row, group_set };
                placed.push((found.part, neuron));
            }
            plan.parts.extend(split_into_parts(number, placed));
        }
        plan.groups = groups.names;
        plan.group_sets = groups.sets;
        plan.nodes = groups.nodes;
        if plan.parts.is_empty() {
            return Err(SignalsProblem::NoNeurons.into());
        }
        Ok(plan)
    }

    /// Returns the number of neurons.
    pub fn neuron_count(&self) -> u64 {
        self.parts.iter().map(|part| part.neurons.len() as u64).sum()
    }

    /// Returns the number of elements.
    pub fn element_count(&self) -> u64 {
        self.parts.iter().flat_map(|part| &part.neurons).map(|n| n.elements as u64).sum()
    }
}

/// Returns whether an error says that a report's population has no weights.
fn is_missing_population(error: &Error) -> bool {
    matches!(error.problem::<SignalsProblem>(), Some(SignalsProblem::NoWeights { .. } | SignalsProblem::NoTable { .. }))
}

/// Groups neurons by table part, each group in the report's order.
fn split_into_parts(report: usize, mut placed: Vec<(Option<(usize, usize)>, PlannedNeuron)>) -> Vec<PlannedPart> {
    placed.sort_unstable_by_key(|(part, neuron)| (*part, neuron.first_column, neuron.place));
    let runs = placed.chunk_by(|a, b| a.0 == b.0);
    runs.map(|run| PlannedPart {
        report,
        table_part: run.first().and_then(|(part, _)| *part),
        neurons: run.iter().map(|(_, neuron)| *neuron).collect(),
    })
    .collect()
}

/// Checks that a node has as many elements as rows.
fn check_segments(
    report: &CurrentReport,
    node: u64,
    expected: u64,
    found: usize,
    source: &WeightSource<'_>,
) -> Result<()> {
    if expected == found as u64 {
        return Ok(());
    }
    let problem = match source {
        WeightSource::Online => SignalsProblem::OnlineContacts { expected, found },
        _ => SignalsProblem::Segments { expected, found },
    };
    Err(problem).at_index("node", node).in_file(report.path())
}

/// Where the rows of a node are.
#[derive(Debug, Clone, Copy)]
struct FoundRows {
    part: Option<(usize, usize)>,
    first_row: u64,
    segments: u64,
}

/// The rows of all nodes of a population.
struct RowLookup(HashMap<u64, FoundRows>);

impl RowLookup {
    fn new(source: &WeightSource<'_>, report: &CurrentReport) -> Result<Self> {
        let population = report.population();
        let found = match source {
            WeightSource::File { file, .. } => {
                let entry = file.populations().iter().find(|p| p.name() == population);
                let known = || crate::error::join_quoted(file.populations().iter().map(|p| p.name()), 12);
                let missing = || SignalsProblem::NoWeights { population: population.into(), found: known() };
                let entry = entry.ok_or_else(missing).in_file(file.path())?;
                let rows = entry.node_ids().iter().zip(entry.offsets().windows(2));
                rows.filter_map(|(&node, ends)| {
                    let &[first_row, end] = ends else { return None };
                    Some((node, FoundRows { part: None, first_row, segments: end - first_row }))
                })
                .collect()
            }
            WeightSource::Tables { sources, .. } => {
                let table = sources.iter().position(|s| s.metadata().population == population);
                let known = || crate::error::join_quoted(sources.iter().map(|s| &s.metadata().population), 12);
                let missing = || SignalsProblem::NoTable { population: population.into(), found: known() };
                let table = table.ok_or_else(missing).in_file(report.path())?;
                let mut all = HashMap::new();
                if let Some(source) = sources.get(table) {
                    for part in 0..source.part_count() {
                        let mut first_row = 0;
                        for neuron in source.part_neurons(part) {
                            let segments = neuron.segments;
                            let found = FoundRows { part: Some((table, part)), first_row, segments };
                            all.insert(neuron.node_id, found);
                            first_row += segments;
                        }
                    }
                }
                all
            }
            WeightSource::Online => {
                let segments = report.elements(0).map_or(0, |(columns, _)| columns.len() as u64);
                let found = FoundRows { part: None, first_row: 0, segments };
                report.node_ids().iter().map(|&node| (node, found)).collect()
            }
        };
        Ok(Self(found))
    }

    fn find(&self, node: u64) -> Option<FoundRows> {
        self.0.get(&node).copied()
    }

    /// Checks that wanted nodes are in both files; returns those that are left out, ascending.
    fn check_both_sides(
        &self,
        report: &CurrentReport,
        wanted: &dyn Fn(u64) -> bool,
        missing: MissingNodes,
    ) -> Result<Vec<u64>> {
        let mut reported = report.node_ids().to_vec();
        reported.sort_unstable();
        let without_weights: Vec<u64> =
            reported.iter().copied().filter(|&node| wanted(node) && self.find(node).is_none()).collect();
        let mut without_currents: Vec<u64> =
            self.0.keys().copied().filter(|node| wanted(*node) && reported.binary_search(node).is_err()).collect();
        without_currents.sort_unstable();
        if missing == MissingNodes::LeaveOut {
            let mut all = without_weights;
            all.extend(without_currents);
            all.sort_unstable();
            return Ok(all);
        }
        let population = report.population().to_string();
        if let Some(&first) = without_weights.first() {
            let count = without_weights.len() as u64;
            return Err(SignalsProblem::WithoutWeights { population, count, first }).in_file(report.path());
        }
        if let Some(&first) = without_currents.first() {
            let count = without_currents.len() as u64;
            return Err(SignalsProblem::WithoutCurrents { population, count, first }).in_file(report.path());
        }
        Ok(Vec::new())
    }
}

/// Assigns neurons to lists of groups.
struct GroupSets<'a> {
    grouping: &'a Grouping,
    names: Vec<String>,
    sets: Vec<Vec<u32>>,
    numbers: HashMap<Vec<u32>, u32>,
    nodes: Vec<(usize, u64)>,
    several_populations: bool,
}

impl<'a> GroupSets<'a> {
    fn new(grouping: &'a Grouping, reports: &[CurrentReport]) -> Self {
        let names = match grouping {
            Grouping::Total => vec!["all".into()],
            Grouping::Population => reports.iter().map(|r| r.population().to_string()).collect(),
            Grouping::Node => Vec::new(),
            Grouping::SectionType => section_type_names(),
            Grouping::Labels(labels) => labels.names.clone(),
        };
        let mut own = Self {
            grouping,
            names,
            sets: Vec::new(),
            numbers: HashMap::new(),
            nodes: Vec::new(),
            several_populations: reports.len() > 1,
        };
        if *grouping == Grouping::SectionType {
            // the list of a row is its section type's number
            (0..own.names.len()).for_each(|number| {
                own.number_set(vec![number as u32]);
            });
        }
        own
    }

    fn number_set(&mut self, set: Vec<u32>) -> u32 {
        let next = self.sets.len() as u32;
        let number = *self.numbers.entry(set.clone()).or_insert(next);
        if number == next {
            self.sets.push(set);
        }
        number
    }

    /// Returns the list of groups of a node; `None` if it is in no group.
    fn of_node(&mut self, population: &str, report: usize, node: u64) -> Option<u32> {
        let set = match self.grouping {
            Grouping::Total | Grouping::SectionType => vec![0],
            Grouping::Population => vec![report as u32],
            Grouping::Node => {
                let number = self.nodes.len() as u32;
                self.nodes.push((report, node));
                let prefix = if self.several_populations { format!("{population}/") } else { String::new() };
                self.names.push(format!("{prefix}{node}"));
                vec![number]
            }
            Grouping::Labels(labels) => labels.of_node.get(population)?.get(&node).filter(|s| !s.is_empty())?.clone(),
        };
        Some(self.number_set(set))
    }
}

/// Neurons that one thread multiplies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NeuronBatch {
    /// Indices in the part.
    pub neurons: std::ops::Range<usize>,
    /// Number of their elements.
    pub elements: usize,
    /// Number of columns that are read, with those of gaps.
    pub width: usize,
}

/// Cuts a part's neurons into batches of at most `most` elements, or of one neuron. The sums depend on the cuts, so that
/// these depend neither on threads nor on memory. Gaps of at most `max_gap` columns between neurons are read.
pub fn cut_batches(neurons: &[PlannedNeuron], most: usize, max_gap: usize) -> Vec<NeuronBatch> {
    let mut batches: Vec<NeuronBatch> = Vec::new();
    let mut end = None;
    for (i, neuron) in neurons.iter().enumerate() {
        let gap = end.and_then(|end| neuron.first_column.checked_sub(end)).filter(|gap| *gap <= max_gap);
        let width = neuron.elements + gap.unwrap_or_default();
        end = Some(neuron.first_column + neuron.elements);
        match batches.last_mut() {
            Some(last) if last.elements + neuron.elements <= most => {
                last.neurons.end = i + 1;
                last.elements += neuron.elements;
                last.width += width;
            }
            _ => batches.push(NeuronBatch { neurons: i..i + 1, elements: neuron.elements, width }),
        }
    }
    batches
}
