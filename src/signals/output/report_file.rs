//! A SONATA report, as the simulator's `lfp` report: one element for each contact of each node.
//!
//! Signals by node have the nodes' ids, each population in a group of its own. Other sums have one "node" for each
//! group, numbered from 0; `mapping/group_names` has their names. Additional datasets, which other programs ignore, are
//! `mapping/contact_names`, `mapping/contact_positions` (µm), `mapping/group_names`, and `mapping/contact_units` if
//! units differ. The attribute `groups` of `mapping` states what a "node" of the file is: `total`, all neurons; `node`,
//! a neuron; `named`, a group with a name. Neurons may be in several named groups, or in none, so that readers must not
//! add them up.

use std::ops::Range;
use std::path::Path;

use super::ValueType;
use super::laid_out::{DataExtent, FileLayout, allocate_values, common_unit};
use crate::error::Result;
use crate::io::hdf5::Hdf5File;
use crate::signals::Signals;

/// Name of the report's population for sums over several populations.
const SEVERAL_POPULATIONS: &str = "signals";

/// The attribute of `mapping` that states what the "nodes" of the file are.
pub const GROUPS_ATTRIBUTE: &str = "groups";

/// The file has one sum over all neurons.
pub const GROUPS_TOTAL: &str = "total";

/// Each "node" is a neuron.
pub const GROUPS_NODE: &str = "node";

/// Each "node" is a group of neurons with a name: a population, a type of sections, or neurons with a label.
pub const GROUPS_NAMED: &str = "named";

/// The layout of a report.
pub struct ReportLayout<'s> {
    signals: &'s Signals<'s>,
    value_type: ValueType,
}

/// One population of the file.
struct ReportPopulation {
    name: String,
    node_ids: Vec<u64>,
    groups: Range<usize>,
}

impl<'s> ReportLayout<'s> {
    /// Creates the layout of signals.
    pub fn new(signals: &'s Signals<'s>, value_type: ValueType) -> Self {
        Self { signals, value_type }
    }

    fn populations(&self) -> Vec<ReportPopulation> {
        let nodes = self.signals.nodes();
        if nodes.is_empty() {
            let groups = self.signals.groups().len();
            let name = match self.signals.reports() {
                [only] => only.population(),
                _ => SEVERAL_POPULATIONS,
            };
            return vec![ReportPopulation {
                name: name.into(),
                node_ids: (0..groups as u64).collect(),
                groups: 0..groups,
            }];
        }
        let mut first = 0;
        let runs = nodes.chunk_by(|a, b| a.0 == b.0);
        let population = |run: &[(usize, u64)]| {
            let report = run.first().and_then(|(report, _)| self.signals.reports().get(*report))?;
            let groups = first..first + run.len();
            first = groups.end;
            let node_ids = run.iter().map(|(_, node)| *node).collect();
            Some(ReportPopulation { name: report.population().into(), node_ids, groups })
        };
        runs.filter_map(population).collect()
    }

    fn write_population(&self, file: &Hdf5File, population: &ReportPopulation) -> Result<DataExtent> {
        let signals = self.signals;
        let contacts = signals.contacts().len();
        let (frames, elements) = (signals.times_ms().len(), population.groups.len() * contacts);
        let group = format!("/report/{}", population.name);
        let mapping = |name: &str| format!("{group}/mapping/{name}");
        ["/report", &group, &format!("{group}/mapping")].iter().try_for_each(|g| file.create_group(g))?;
        let groups = match (signals.is_total(), signals.nodes().is_empty()) {
            (true, _) => GROUPS_TOTAL,
            (false, false) => GROUPS_NODE,
            (false, true) => GROUPS_NAMED,
        };
        file.write_string_attribute(&format!("{group}/mapping"), GROUPS_ATTRIBUTE, groups)?;
        let nodes = &population.node_ids;
        file.write_dataset(&mapping("node_ids"), nodes, &[nodes.len()])?;
        file.write_attribute(&mapping("node_ids"), "sorted", &1_u8)?;
        let pointers: Vec<u64> = (0..=nodes.len() as u64).map(|n| n * contacts as u64).collect();
        file.write_dataset(&mapping("index_pointers"), &pointers, &[pointers.len()])?;
        let element_ids: Vec<u32> = nodes.iter().flat_map(|_| 0..contacts as u32).collect();
        file.write_dataset(&mapping("element_ids"), &element_ids, &[elements])?;
        let start = signals.times_ms().first().copied().unwrap_or_default();
        let step = signals.step_ms();
        file.write_dataset(&mapping("time"), &[start, start + frames as f64 * step, step], &[3])?;
        file.write_string_attribute(&mapping("time"), "units", "ms")?;
        let names: Vec<&str> = signals.contacts().iter().map(|contact| contact.name.as_str()).collect();
        file.write_strings(&mapping("contact_names"), &names, &[contacts])?;
        let positions: Vec<f64> = signals
            .contacts()
            .iter()
            .flat_map(|contact| contact.position_um.map_or([f64::NAN; 3], |position| position.to_array()))
            .collect();
        file.write_dataset(&mapping("contact_positions"), &positions, &[contacts, 3])?;
        file.write_string_attribute(&mapping("contact_positions"), "units", "um")?;
        let groups = signals.groups().get(population.groups.clone()).unwrap_or_default();
        file.write_strings(&mapping("group_names"), groups, &[groups.len()])?;
        let unit = common_unit(signals);
        if unit.is_none() {
            file.write_strings(&mapping("contact_units"), &signals.units(), &[contacts])?;
        }
        let data = format!("{group}/data");
        let byte_offset = allocate_values(file, &data, &[frames, elements], self.value_type)?;
        file.write_string_attribute(&data, "units", unit.unwrap_or("see mapping/contact_units"))?;
        let columns = population.groups.start * contacts..population.groups.end * contacts;
        Ok(DataExtent { byte_offset, columns })
    }
}

impl FileLayout for ReportLayout<'_> {
    fn write(&self, path: &Path) -> Result<Vec<DataExtent>> {
        let file = Hdf5File::create(path)?;
        file.write_string_attribute("/", "program", concat!("leadfield ", env!("CARGO_PKG_VERSION")))?;
        let extents = self.populations().iter().map(|p| self.write_population(&file, p)).collect::<Result<_>>()?;
        file.close()?;
        Ok(extents)
    }
}
