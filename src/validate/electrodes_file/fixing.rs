//! Writes a valid copy of a faulty file, if that needs no guess: fixes types, storage layout, shifted offsets, the
//! order of nodes, and columns without a contact.

use std::collections::BTreeMap;
use std::path::Path;

use super::population::neurite_types_path;
use super::{Code, ContactRecord, Finding, PopulationRecord, Severity, ValidationReport};
use crate::error::{Context, Problem, Result, join_quoted};
use crate::geometry::Point;
use crate::io::atomic_output::{OverwritePolicy, check_not_an_input};
use crate::sonata::electrodes_file::{AttributeValue, ContactLayout, FileLayout, PopulationLayout, Writer};
use crate::units::WEIGHT_UNIT;

/// Bytes of weights copied at a time.
const BLOCK_BYTES: u64 = 4 << 20;

/// Summary of a fixed file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FixSummary {
    /// Codes that were fixed, and how often.
    pub codes: BTreeMap<Code, u64>,
    /// Number of contacts.
    pub contacts: u64,
    /// Number of nodes, in all populations.
    pub nodes: u64,
    /// Number of rows, in all populations.
    pub rows: u64,
    /// Objects that were not copied, because no client reads them.
    pub left_out: Vec<String>,
}

/// Reasons why no fixed file was written.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum FixProblem {
    /// Some faults cannot be fixed automatically.
    #[error("cannot fix the file, expected faults that can be fixed without guessing, found {codes}: {first}")]
    Guess {
        /// The codes of those faults.
        codes: String,
        /// The first of those faults.
        first: String,
        /// How to fix the first fault.
        remedy: &'static str,
    },
}

impl Problem for FixProblem {
    fn hint(&self) -> Option<String> {
        let Self::Guess { remedy, .. } = self;
        Some(format!("{remedy} (`leadfield validate electrodes-file` lists all faults)"))
    }
}

impl ValidationReport {
    /// Findings that prevent fixing: errors that need a decision, and weights without a contact, which a valid file
    /// cannot hold.
    pub fn unfixable_findings(&self) -> impl Iterator<Item = &Finding> {
        let of_nobody = |f: &&Finding| matches!(f.code, Code::ExtraColumn | Code::NoContacts);
        let stands = move |f: &&Finding| f.severity() == Severity::Error || of_nobody(f);
        self.findings.iter().filter(move |f| stands(f) && !f.fixable)
    }
}

/// A population as it will be written.
struct PopulationRewrite<'a> {
    population: &'a PopulationRecord,
    /// Positions of the nodes in the file, sorted by node id.
    node_order: Vec<usize>,
    offsets: &'a [u64],
    /// The file's column of each contact, in the order in which contacts are written.
    columns: Vec<usize>,
}

/// Writes a valid copy of a file. Weights are copied unchanged; nodes are sorted, and each contact gets its own column.
///
/// # Errors
/// Returns an error if a fault needs a guess (nothing is written then), if the output is the input, exists or cannot be
/// written, or if the weights cannot be read.
pub fn write_fixed_file(
    diagnosis: &ValidationReport,
    out: &Path,
    existing: OverwritePolicy,
    progress: &dyn Fn(u64),
) -> Result<FixSummary> {
    if let Some(first) = diagnosis.unfixable_findings().next() {
        let mut codes: Vec<&str> = diagnosis.unfixable_findings().map(|f| f.code.description().code).collect();
        codes.dedup();
        let (first, remedy) = (first.to_string(), first.remedy());
        let problem = FixProblem::Guess { codes: join_quoted(codes, 12), first, remedy };
        return Err(problem).in_file(&diagnosis.path);
    }
    check_not_an_input(out, [diagnosis.path.as_path()])?;
    let contacts = contacts_in_column_order(diagnosis);
    let plans: Vec<PopulationRewrite<'_>> = (0..)
        .zip(&diagnosis.populations)
        .filter_map(|(place, p)| PopulationRewrite::new(place, p, &contacts))
        .collect();
    let mut codes = BTreeMap::new();
    for finding in diagnosis.findings.iter().filter(|f| f.fixable) {
        *codes.entry(finding.code).or_default() += finding.more_count + 1;
    }
    let layout = file_layout(&contacts, &plans, &codes);
    let writer = Writer::create(out, existing, &layout)?;
    for (number, plan) in plans.iter().enumerate() {
        plan.copy_rows(number, &writer, progress)?;
    }
    writer.commit()?;
    let types = diagnosis.populations.iter().filter(|p| p.has_neurite_types);
    Ok(FixSummary {
        codes,
        contacts: contacts.len() as u64,
        nodes: layout.populations.iter().map(|p| p.node_ids.len() as u64).sum(),
        rows: layout.populations.iter().map(PopulationLayout::rows).sum(),
        left_out: types.map(|p| neurite_types_path(&p.name)).collect(),
    })
}

/// A contact's column in the first population, and its index in the report.
type NumberedContact<'a> = (usize, &'a ContactRecord);

/// Returns the contacts in the order of the first population's column numbers: that of the electrodes table, even if
/// the columns themselves are in another order.
fn contacts_in_column_order(diagnosis: &ValidationReport) -> Vec<NumberedContact<'_>> {
    let mut contacts: Vec<NumberedContact<'_>> = diagnosis.contacts.iter().enumerate().collect();
    contacts.sort_by_key(|(_, contact)| contact.columns.first().copied().flatten().unwrap_or(u64::MAX));
    contacts
}

/// Returns the column of a contact, corrected if the numbers are known to be wrong.
fn own_column(population: &PopulationRecord, place: usize, i: usize, contact: &ContactRecord) -> Option<u64> {
    match &population.relabelled_columns {
        Some(own) => own.get(i).copied(),
        None => contact.columns.get(place).copied().flatten(),
    }
}

impl<'a> PopulationRewrite<'a> {
    fn new(place: usize, population: &'a PopulationRecord, contacts: &[NumberedContact<'_>]) -> Option<Self> {
        let ids = &population.node_ids.in_file_order;
        let mut order: Vec<usize> = (0..ids.len()).collect();
        order.sort_by_key(|&i| ids.get(i));
        let column = |&(i, contact): &NumberedContact<'_>| Some(own_column(population, place, i, contact)? as usize);
        let columns = contacts.iter().map(column).collect::<Option<Vec<usize>>>()?;
        Some(Self { population, node_order: order, offsets: population.offsets.as_deref()?, columns })
    }

    /// Returns the nodes in order, each with its rows in the input file.
    fn nodes(&self) -> impl Iterator<Item = (u64, std::ops::Range<u64>)> + '_ {
        self.node_order.iter().filter_map(|&i| {
            let id = *self.population.node_ids.in_file_order.get(i)?;
            Some((id, *self.offsets.get(i)?..*self.offsets.get(i + 1)?))
        })
    }

    fn population_layout(&self, codes: &str) -> PopulationLayout {
        let mut offsets = vec![0];
        let mut end = 0;
        for (_, rows) in self.nodes() {
            end += rows.end - rows.start;
            offsets.push(end);
        }
        let fixed_codes = (!codes.is_empty()).then(|| ("mended", codes.into()));
        let origin = self.population.provenance.iter().map(|(key, value)| (*key, value.as_str().into()));
        PopulationLayout {
            name: self.population.name.clone(),
            node_ids: self.nodes().map(|(id, _)| id).collect(),
            offsets,
            provenance: fixed_codes.into_iter().chain(origin).collect(),
        }
    }

    fn copy_rows(&self, number: usize, writer: &Writer, progress: &dyn Fn(u64)) -> Result<()> {
        let Some(factors) = &self.population.factors else { return Ok(()) };
        let width = factors.columns().max(1);
        let step = (BLOCK_BYTES / 8 / width).max(1);
        let (mut values, mut picked, mut to) = (Vec::new(), Vec::new(), 0);
        for (_, rows) in self.nodes() {
            for from in rows.clone().step_by(step as usize) {
                let end = rows.end.min(from + step);
                factors.read_rows(from..end, &mut values)?;
                picked.clear();
                for row in values.chunks_exact(width as usize) {
                    picked.extend(self.columns.iter().filter_map(|&column| row.get(column)));
                }
                writer.write_rows(number, to, &picked)?;
                to += end - from;
                progress(end - from);
            }
        }
        Ok(())
    }
}

fn file_layout(
    contacts: &[NumberedContact<'_>],
    plans: &[PopulationRewrite<'_>],
    codes: &BTreeMap<Code, u64>,
) -> FileLayout {
    let codes = codes.keys().map(|code| code.description().code).collect::<Vec<_>>().join(" ");
    let label = |text: &Option<String>| text.clone().unwrap_or_else(|| "NA".into());
    let electrode = |&(_, contact): &NumberedContact<'_>| ContactLayout {
        name: contact.name.clone(),
        // a contact without a position is an error, so fixing was refused before this
        position_um: contact.position.unwrap_or(Point::ORIGIN),
        kind: label(&contact.kind),
        layer: label(&contact.layer),
        region: label(&contact.region),
        settings: contact.settings.iter().map(|(key, value)| (*key, AttributeValue::clone(value))).collect(),
        units: contact.units.clone().filter(|units| units != WEIGHT_UNIT),
    };
    FileLayout {
        electrodes: contacts.iter().map(electrode).collect(),
        populations: plans.iter().map(|p| p.population_layout(&codes)).collect(),
        provenance: vec![("program", concat!("leadfield ", env!("CARGO_PKG_VERSION")).into())],
    }
}
