//! A SONATA report, as the simulator's `lfp` report: one element for each contact of each node.
//!
//! Signals by node have the nodes' ids, each population in a group of its own. Other sums have one "node" for each group,
//! numbered from 0; `mapping/group_names` has their names. Additional datasets, which other programs ignore, are
//! `mapping/contact_names`, `mapping/contact_positions` (um), `mapping/group_names`, and `mapping/contact_units` if units
//! differ.

use std::ops::Range;
use std::path::Path;

use super::ValueType;
use super::laid_out::{DataExtent, FileLayout};
use crate::error::Result;
use crate::io::hdf5::{Hdf5File, Hdf5Problem};
use crate::signals::Signals;

/// Name of the report's population for sums over several populations.
const SEVERAL_POPULATIONS: &str = "signals";

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
        let units = signals.units();
        let common = units.first().filter(|first| units.iter().all(|unit| unit == *first));
        if common.is_none() {
            file.write_strings(&mapping("contact_units"), &units, &[contacts])?;
        }
        let data = format!("{group}/data");
        match self.value_type {
            ValueType::F32 => file.allocate_dataset::<f32>(&data, &[frames, elements])?,
            ValueType::F64 => file.allocate_dataset::<f64>(&data, &[frames, elements])?,
        };
        let offset = file.byte_offset(&data)?;
        let no_space = || file.error(&data, Hdf5Problem::Write("the library allocated no space".into()));
        let byte_offset = offset.ok_or_else(no_space)?;
        file.write_string_attribute(&data, "units", common.copied().unwrap_or("see mapping/contact_units"))?;
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
