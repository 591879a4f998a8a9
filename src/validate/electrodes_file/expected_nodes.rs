//! Compares the nodes of a file with those of the circuit, and their numbers of segments.

use std::collections::BTreeMap;

use super::PopulationRecord;
use super::code::Code;
use super::finding::FindingList;
use crate::sonata::electrodes_file::{node_ids_path, offsets_path as offsets_of};

/// The nodes of a circuit or of its segment table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedNodes {
    /// Source of the expected nodes, for messages.
    pub source: String,
    /// The population's name.
    pub population: String,
    /// Number of segments of each node.
    pub segment_counts: BTreeMap<u64, u64>,
}

impl ExpectedNodes {
    /// Compares these nodes with those of a population in the file.
    pub(super) fn check(&self, population: &PopulationRecord, findings: &mut FindingList) {
        let (ids, source) = (&population.node_ids, &self.source);
        let object = node_ids_path(&population.name);
        let mut missing = self.segment_counts.keys().filter(|id| !ids.contains(id));
        if let Some(first) = missing.next() {
            let text = format!("node {first} missing, expected all {} nodes of {source}", self.segment_counts.len());
            findings.add(Code::MissingNode, &object, text);
            findings.set_last_more_count(missing.count() as u64);
        }
        let mut unknown = ids.in_file_order.iter().enumerate().filter(|(_, id)| !self.segment_counts.contains_key(id));
        if let Some((place, id)) = unknown.next() {
            let text = format!("unknown node, expected a node of {source}, found `{id}`");
            findings.add_at(Code::UnknownNode, &object, place as u64, text);
            findings.set_last_more_count(unknown.count() as u64);
        }
        self.check_counts(population, findings);
    }

    fn check_counts(&self, population: &PopulationRecord, findings: &mut FindingList) {
        let Some(offsets) = &population.offsets else { return };
        let rows = |pair: &[u64]| pair[1] - pair[0];
        let expected = |id: &u64| self.segment_counts.get(id).copied();
        let counts = || population.node_ids.in_file_order.iter().zip(offsets.windows(2)).enumerate();
        let mut wrong = counts().filter(|(_, (id, pair))| expected(id).is_some_and(|n| n != rows(pair)));
        let Some((place, (id, pair))) = wrong.next() else { return };
        let (n, found) = (expected(id).unwrap_or_default(), rows(pair));
        let others = wrong.count() as u64;
        let sorted = |values: &mut dyn Iterator<Item = u64>| {
            let mut values: Vec<u64> = values.collect();
            values.sort_unstable();
            values
        };
        let same = sorted(&mut offsets.windows(2).map(rows)) == sorted(&mut self.segment_counts.values().copied());
        let cause =
            if same { "; the same numbers occur at other nodes: ids or offsets are in another order" } else { "" };
        let text = format!(
            "wrong number of rows at node {id}, expected {n} segments as in {}, found {found}{cause}",
            self.source
        );
        findings.add_at(Code::SegmentCount, offsets_of(&population.name), place as u64, text);
        findings.set_last_more_count(others);
    }
}
