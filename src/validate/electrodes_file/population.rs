//! Reads one population of an electrodes file as leniently as possible.

use super::BlockVisitor;
use super::code::Code;
use super::contacts::ContactRecord;
use super::finding::FindingList;
use super::integers::{dataset_type, problem_text, read_counting_numbers};
use super::offsets::{check_nodes, check_offsets};
use super::weight_scan::WeightScan;
use crate::error::Result;
use crate::io::hdf5::Hdf5File;
use crate::methods;
use crate::sonata::electrodes_file::{
    ColumnRule, WeightsDataset, node_ids_path, offsets_path, scaling_factors_path, sort_names,
};
use crate::units::WEIGHT_UNIT;

/// Name in a fixed file of the attribute for the version that wrote the original.
const VERSION_KEY: &str = "converted_from_version";

/// Node ids in file order, and sorted for look-up.
#[derive(Debug, Clone, Default)]
pub struct NodeIds {
    /// Ids in file order.
    pub in_file_order: Vec<u64>,
    sorted: Vec<u64>,
}

impl NodeIds {
    fn new(given: Vec<u64>) -> Self {
        let mut sorted = given.clone();
        sorted.sort_unstable();
        Self { in_file_order: given, sorted }
    }

    /// Returns whether an id is among them.
    pub(super) fn contains(&self, id: &u64) -> bool {
        self.sorted.binary_search(id).is_ok()
    }
}

/// A population, with everything that could be read.
#[derive(Debug)]
pub struct PopulationRecord {
    /// The population's name.
    pub name: String,
    /// Its node ids; empty if they cannot be read.
    pub node_ids: NodeIds,
    /// Offsets, fixed if that needs no guess; otherwise `None`.
    pub offsets: Option<Vec<u64>>,
    /// The weights; `None` if they cannot be read.
    pub factors: Option<WeightsDataset>,
    /// The extra column of ones without a contact.
    pub extra_ones_column: Option<u64>,
    /// Attributes that describe the file's origin.
    pub provenance: Vec<(&'static str, String)>,
    /// Whether there are `neurite_types`, which no client reads.
    pub has_neurite_types: bool,
    /// The correct column of each contact, if the file's column numbers are the wrong ones of BlueRecording 0.2.1.
    pub relabelled_columns: Option<Vec<u64>>,
}

/// Reads and checks a population, without its weights.
pub(super) fn read_population(file: &Hdf5File, name: String, findings: &mut FindingList) -> PopulationRecord {
    let factors = open_factors(file, &name, findings);
    let ids = read_node_ids(file, &name, findings);
    let object = offsets_path(&name);
    let given = if file.has_object(&object) {
        read_counting_numbers(file, &object, Code::OffsetsFloat, findings)
    } else {
        findings.add(Code::NoOffsets, &object, "missing, expected uint64 `[N + 1]`");
        None
    };
    if let Some(ids) = &ids {
        check_nodes(&name, ids, findings);
    }
    let offsets = match (given, &ids, &factors) {
        (Some(given), Some(ids), Some(factors)) => check_offsets(&name, given, ids, factors.rows(), findings),
        _ => None,
    };
    check_neurite_types(file, &name, factors.as_ref(), findings);
    let node_ids = NodeIds::new(ids.unwrap_or_default());
    let attribute_value =
        |key, attribute: &str| Some((key, file.read_string_attribute(&self::node_ids_path(&name), attribute)?));
    let provenance = [attribute_value("circuit", "circuit"), attribute_value(VERSION_KEY, "version")]
        .into_iter()
        .flatten()
        .collect();
    let neurite_types = file.has_object(&neurite_types_path(&name));
    PopulationRecord {
        node_ids,
        offsets,
        factors,
        extra_ones_column: None,
        provenance,
        has_neurite_types: neurite_types,
        relabelled_columns: None,
        name,
    }
}

fn read_node_ids(file: &Hdf5File, name: &str, findings: &mut FindingList) -> Option<Vec<u64>> {
    let object = node_ids_path(name);
    if !file.has_object(&object) {
        findings.add(Code::NoNodeIds, &object, "missing, expected uint64 `[N]`");
        return None;
    }
    read_counting_numbers(file, &object, Code::NodeIdsFloat, findings)
}

fn open_factors(file: &Hdf5File, name: &str, findings: &mut FindingList) -> Option<WeightsDataset> {
    let object = scaling_factors_path(name);
    if !file.has_object(&object) {
        findings.add(Code::NoFactors, &object, "missing, expected float64 `[rows, contacts]`");
        return None;
    }
    let kind = dataset_type(file, &object, findings)?;
    let shape = file.shape(&object).ok()?;
    if shape.len() != 2 {
        let text = format!("wrong shape, expected [rows, contacts], found {shape:?}");
        findings.add(Code::FactorsShape, &object, text);
        return None;
    }
    if !["float", "int", "uint"].iter().any(|number| kind.starts_with(number)) {
        findings.add(Code::Unreadable, &object, format!("wrong type, expected float64, found {kind}"));
        return None;
    }
    if kind != "float64" {
        findings.add(Code::FactorsType, &object, format!("wrong type, expected float64, found {kind}"));
    }
    let storage = file.storage(&object).ok()?;
    if !storage.compression.is_empty() {
        let text = format!("compressed, expected no filter, found {}", storage.compression.join(", "));
        findings.add(Code::Compressed, &object, text);
    } else if storage.is_chunked {
        findings.add(Code::Chunked, &object, "stored in chunks, expected contiguous storage");
    }
    WeightsDataset::open(file, &object).map_err(|e| findings.add(Code::Implausible, &object, problem_text(&e))).ok()
}

pub(super) fn neurite_types_path(name: &str) -> String {
    format!("/{name}/neurite_types")
}

fn check_neurite_types(file: &Hdf5File, name: &str, factors: Option<&WeightsDataset>, findings: &mut FindingList) {
    let object = neurite_types_path(name);
    let (Ok(shape), Some(factors)) = (file.shape(&object), factors) else { return };
    if shape.as_slice() != [factors.rows() as usize] {
        let text = format!("wrong shape, expected [{}], found {shape:?}", factors.rows());
        findings.add(Code::NeuriteTypes, &object, text);
    }
}

impl PopulationRecord {
    /// Reads all weights, and finds columns without a contact.
    pub(super) fn check_values(
        &mut self,
        place: usize,
        contacts: &[ContactRecord],
        (progress, each): (&(dyn Fn(u64) + Sync), &BlockVisitor<'_>),
        findings: &mut FindingList,
    ) -> Result<()> {
        let Some(factors) = &self.factors else { return Ok(()) };
        let (object, columns) = (scaling_factors_path(&self.name), factors.columns());
        let values = match WeightScan::scan(factors, &potential_columns(contacts, place), progress, &|block| {
            each(&self.name, block)
        }) {
            Ok(values) => values,
            Err(error) => {
                findings.add(Code::Unreadable, &object, problem_text(&error));
                self.factors = None;
                return Ok(());
            }
        };
        let owner = |column: u64| {
            let own = contacts.iter().find(|c| c.columns.get(place) == Some(&Some(column)));
            own.map_or_else(|| format!("column {column}"), |c| format!("contact `{}`", c.name))
        };
        for (code, odd, what) in [(Code::NotANumber, values.nan, "NaN"), (Code::Infinite, values.infinite, "infinite")]
        {
            if let Some((row, column)) = odd.first {
                let text = format!("{what} at {}, expected a finite number", owner(column));
                findings.add_at(code, &object, row, text);
                findings.set_last_more_count(odd.count - 1);
            }
        }
        self.check_zero_rows(&object, &values, findings);
        if factors.rows() > 0 {
            self.extra_ones_column = check_columns(&object, columns, place, contacts, &values, findings);
        }
        Ok(())
    }

    /// Finds rows whose potentials are all 0; a potential is not 0 at any distance.
    fn check_zero_rows(&self, object: &str, values: &WeightScan, findings: &mut FindingList) {
        let Some(offsets) = self.offsets.as_ref().filter(|_| !values.zero_rows.is_empty()) else { return };
        let runs = &values.zero_rows;
        let mut wrong = self.node_ids.in_file_order.iter().zip(offsets.windows(2)).filter_map(|(id, pair)| {
            let first = runs.partition_point(|run| run.end <= pair[0]);
            let own = runs.iter().skip(first).take_while(|run| run.start < pair[1]);
            let zero: u64 = own.clone().map(|run| run.end.min(pair[1]) - run.start.max(pair[0])).sum();
            let begin = own.map(|run| run.start.max(pair[0])).next()?;
            Some((*id, begin, zero, pair[1] - pair[0]))
        });
        let Some((id, begin, zero, rows)) = wrong.next() else { return };
        let which = if zero == rows { "all rows".into() } else { format!("{zero} of {rows} rows") };
        let text = format!("{which} of node {id} are 0, expected potentials, which are never 0");
        findings.add_at(Code::ZeroRows, object, begin, text);
        findings.set_last_more_count(wrong.count() as u64);
    }

    /// Checks units and the order of names.
    pub(super) fn check_labels(
        &mut self,
        file: &Hdf5File,
        place: usize,
        contacts: &[ContactRecord],
        rule: Option<ColumnRule>,
        findings: &mut FindingList,
    ) {
        let object = scaling_factors_path(&self.name);
        if !file.has_object(&object) {
            return;
        }
        match file.read_string_attribute(&object, "units") {
            // that the attribute cannot be read is a finding of its own
            None if file.check_strings().is_err() => {}
            None => findings.add(Code::NoUnits, &object, "attribute `units` missing, expected `V/nA`"),
            Some(units) if units == WEIGHT_UNIT => {}
            Some(units) => {
                let text = format!("wrong attribute `units`, expected `{WEIGHT_UNIT}`, found `{units}`");
                findings.add(Code::WrongUnits, &object, text);
            }
        }
        if self.extra_ones_column.is_some() && rule != Some(ColumnRule::Index) {
            let version =
                self.provenance.iter().find(|(key, _)| *key == VERSION_KEY).map(|(_, version)| version.as_str());
            let sure = (version, rule == Some(ColumnRule::SortedNames));
            self.relabelled_columns = check_sorted(&object, place, contacts, sure, findings);
        }
    }
}

/// Returns the columns of point and line sources, whose potentials are not 0 at any distance; a reference can make them
/// 0.
fn potential_columns(contacts: &[ContactRecord], place: usize) -> Vec<usize> {
    let is_one = |contact: &&ContactRecord| {
        let method = contact.kind.as_deref().and_then(methods::find_method);
        method.is_some_and(|m| m.has_sources_on_segment())
            && !contact.settings.iter().any(|(key, _)| *key == "reference")
    };
    let columns = contacts.iter().filter(is_one).filter_map(|c| c.columns.get(place).copied().flatten());
    columns.map(|column| column as usize).collect()
}

/// Checks columns without a contact, of ones or of zeros; returns the column of ones that BlueRecording 0.2.1 adds.
fn check_columns(
    object: &str,
    columns: u64,
    place: usize,
    contacts: &[ContactRecord],
    values: &WeightScan,
    findings: &mut FindingList,
) -> Option<u64> {
    let own: Vec<u64> = contacts.iter().filter_map(|c| c.columns.get(place).copied().flatten()).collect();
    let of = |flags: &[bool], column: u64| flags.get(column as usize).copied().unwrap_or(false);
    if (0..columns).all(|column| of(&values.ones, column)) && columns > 0 {
        findings.add(Code::AllOnes, object, "all weights are 1, expected potentials of 1 nA, in V");
    }
    let free: Vec<u64> = (0..columns).filter(|column| !own.contains(column)).collect();
    let mut extra_ones = None;
    match *free.as_slice() {
        [last] if last + 1 == columns && own.len() as u64 == last && of(&values.ones, last) => {
            let text = format!("column {last} without a contact is all ones, expected {last} columns, found {columns}");
            findings.add(Code::ExtraOnes, object, text);
            extra_ones = Some(last);
        }
        // without any contact, E40 reports this
        [first, ..] if !contacts.is_empty() => {
            findings.add(Code::ExtraColumn, object, format!("column {first} has no contact, expected one"));
            findings.set_last_more_count(free.len() as u64 - 1);
        }
        _ => {}
    }
    let mut zero = own.iter().filter(|&&column| of(&values.zeros, column));
    if let Some(column) = zero.next() {
        let name = contacts.iter().find(|c| c.columns.get(place) == Some(&Some(*column))).map(|c| c.name.as_str());
        let text = format!("all weights of contact `{}` are 0", name.unwrap_or_default());
        findings.add(Code::ZeroColumn, object, text);
        findings.set_last_more_count(zero.count() as u64);
    }
    extra_ones
}

/// Returns the correct column of each contact if the column numbers are wrong, as those of BlueRecording 0.2.1 are if
/// contacts are not in sorted order in their file.
fn check_sorted(
    object: &str,
    place: usize,
    contacts: &[ContactRecord],
    (version, has_extra_ones): (Option<&str>, bool),
    findings: &mut FindingList,
) -> Option<Vec<u64>> {
    let names = sort_names(contacts.iter().map(|c| c.name.clone()).collect());
    let column =
        |contact: &ContactRecord| names.iter().position(|name| *name == contact.name).unwrap_or_default() as u64;
    let own: Vec<u64> = contacts.iter().map(column).collect();
    let stated = |c: &ContactRecord| c.columns.get(place).copied().flatten();
    let wrong: Vec<&str> = contacts
        .iter()
        .zip(&own)
        .filter(|(contact, column)| stated(contact) != Some(**column))
        .map(|(contact, _)| contact.name.as_str())
        .collect();
    if wrong.is_empty() {
        return None;
    }
    let certain = version.is_some_and(|v| v.starts_with("0.2"));
    let sure = match version {
        Some(version) if certain => format!("certain, attribute `version` of `node_ids` is `{version}`"),
        _ => "likely, the extra column of ones is typical of BlueRecording 0.2.1".into(),
    };
    let text = format!(
        "columns are in the order of sorted names, but their numbers are not: {sure}; mislabelled: {}",
        crate::error::join_quoted(wrong, 6)
    );
    findings.add(Code::SortedNames, object, text);
    if certain || has_extra_ones {
        return Some(own);
    }
    findings.mark_last_unfixable();
    None
}
