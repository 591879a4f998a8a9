//! A sound file from a faulty one, where that needs no guess: types, layout, shifted offsets, the order of nodes, columns
//! of nobody.

use std::collections::BTreeMap;
use std::path::Path;

use super::population::neurite_types;
use super::{Code, Contact, Diagnosis, Finding, Population, Severity};
use crate::error::{Context, Problem, Result, listed};
use crate::geometry::Point;
use crate::io::atomic_output::{Existing, check_apart};
use crate::sonata::electrodes_file::{Attribute, Electrode, Layout, PopulationLayout, Writer};
use crate::units::COEFFICIENT_UNIT;

/// Bytes of coefficients that are copied at a time.
const BLOCK_BYTES: u64 = 4 << 20;

/// What was mended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mended {
    /// What was found, and is no more: codes, and how often.
    pub codes: BTreeMap<Code, u64>,
    /// Number of contacts.
    pub contacts: u64,
    /// Number of nodes, all populations together.
    pub nodes: u64,
    /// Number of rows, all populations together.
    pub rows: u64,
    /// Objects that are left out, since no client reads them.
    pub left_out: Vec<String>,
}

/// Why no file was written.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum MendProblem {
    /// Faults that need a decision.
    #[error("not mended, expected faults that can be mended without guessing, found {codes}: {first}")]
    Guess {
        /// Their codes.
        codes: String,
        /// The first of them.
        first: String,
        /// What to do about the first.
        remedy: &'static str,
    },
}

impl Problem for MendProblem {
    fn hint(&self) -> Option<String> {
        let Self::Guess { remedy, .. } = self;
        Some(format!("{remedy} (`leadfield validate electrodes-file` lists all faults)"))
    }
}

impl Diagnosis {
    /// The findings that stand in the way of mending: errors that need a decision, and coefficients of no contact, which a
    /// sound file has no place for.
    pub fn unmendable(&self) -> impl Iterator<Item = &Finding> {
        let of_nobody = |f: &&Finding| matches!(f.code, Code::ExtraColumn | Code::NoContacts);
        let stands = move |f: &&Finding| f.severity() == Severity::Error || of_nobody(f);
        self.findings.iter().filter(move |f| stands(f) && !f.mendable)
    }
}

/// One population as it is to be written.
struct Plan<'a> {
    population: &'a Population,
    /// Places of the nodes in the file, by ascending id.
    order: Vec<usize>,
    offsets: &'a [u64],
    /// The file's column of each contact, in the order in which contacts are written.
    columns: Vec<usize>,
}

/// Writes a sound file. Coefficients are copied as they are; nodes are sorted, each contact gets its own column.
///
/// # Errors
/// A fault needs a guess (nothing is written then); the output is the input, exists or cannot be written; coefficients
/// cannot be read.
pub fn mend(diagnosis: &Diagnosis, out: &Path, existing: Existing, progress: &dyn Fn(u64)) -> Result<Mended> {
    if let Some(first) = diagnosis.unmendable().next() {
        let mut codes: Vec<&str> = diagnosis.unmendable().map(|f| f.code.entry().code).collect();
        codes.dedup();
        let (first, remedy) = (first.to_string(), first.remedy());
        let problem = MendProblem::Guess { codes: listed(codes, 12), first, remedy };
        return Err(problem).in_file(&diagnosis.path);
    }
    check_apart(out, [diagnosis.path.as_path()])?;
    let contacts = in_column_order(diagnosis);
    let plans: Vec<Plan<'_>> =
        (0..).zip(&diagnosis.populations).filter_map(|(place, p)| Plan::new(place, p, &contacts)).collect();
    let mut codes = BTreeMap::new();
    for finding in diagnosis.findings.iter().filter(|f| f.mendable) {
        *codes.entry(finding.code).or_default() += finding.more + 1;
    }
    let layout = layout(&contacts, &plans, &codes);
    let writer = Writer::create(out, existing, &layout)?;
    for (number, plan) in plans.iter().enumerate() {
        plan.copy(number, &writer, progress)?;
    }
    writer.commit()?;
    let types = diagnosis.populations.iter().filter(|p| p.neurite_types);
    Ok(Mended {
        codes,
        contacts: contacts.len() as u64,
        nodes: layout.populations.iter().map(|p| p.node_ids.len() as u64).sum(),
        rows: layout.populations.iter().map(PopulationLayout::rows).sum(),
        left_out: types.map(|p| neurite_types(&p.name)).collect(),
    })
}

/// A contact's own column, and its place in the diagnosis.
type Placed<'a> = (usize, &'a Contact);

/// The contacts in the order that the first population's labels tell: that of the electrodes' table, also where the
/// columns themselves are in another.
fn in_column_order(diagnosis: &Diagnosis) -> Vec<Placed<'_>> {
    let mut contacts: Vec<Placed<'_>> = diagnosis.contacts.iter().enumerate().collect();
    contacts.sort_by_key(|(_, contact)| contact.columns.first().copied().flatten().unwrap_or(u64::MAX));
    contacts
}

/// The column that is a contact's own, whatever number it is under.
fn own_column(population: &Population, place: usize, i: usize, contact: &Contact) -> Option<u64> {
    match &population.relabelled {
        Some(own) => own.get(i).copied(),
        None => contact.columns.get(place).copied().flatten(),
    }
}

impl<'a> Plan<'a> {
    fn new(place: usize, population: &'a Population, contacts: &[Placed<'_>]) -> Option<Self> {
        let ids = &population.node_ids.given;
        let mut order: Vec<usize> = (0..ids.len()).collect();
        order.sort_by_key(|&i| ids.get(i));
        let column = |&(i, contact): &Placed<'_>| Some(own_column(population, place, i, contact)? as usize);
        let columns = contacts.iter().map(column).collect::<Option<Vec<usize>>>()?;
        Some(Self { population, order, offsets: population.offsets.as_deref()?, columns })
    }

    /// The nodes in order, each with its rows in the old file.
    fn nodes(&self) -> impl Iterator<Item = (u64, std::ops::Range<u64>)> + '_ {
        self.order.iter().filter_map(|&i| {
            let id = *self.population.node_ids.given.get(i)?;
            Some((id, *self.offsets.get(i)?..*self.offsets.get(i + 1)?))
        })
    }

    fn layout(&self, codes: &str) -> PopulationLayout {
        let mut offsets = vec![0];
        let mut end = 0;
        for (_, rows) in self.nodes() {
            end += rows.end - rows.start;
            offsets.push(end);
        }
        let mended = (!codes.is_empty()).then(|| ("mended", codes.into()));
        let origin = self.population.provenance.iter().map(|(key, value)| (*key, value.as_str().into()));
        PopulationLayout {
            name: self.population.name.clone(),
            node_ids: self.nodes().map(|(id, _)| id).collect(),
            offsets,
            provenance: mended.into_iter().chain(origin).collect(),
        }
    }

    fn copy(&self, number: usize, writer: &Writer, progress: &dyn Fn(u64)) -> Result<()> {
        let Some(factors) = &self.population.factors else { return Ok(()) };
        let width = factors.columns().max(1);
        let step = (BLOCK_BYTES / 8 / width).max(1);
        let (mut values, mut picked, mut to) = (Vec::new(), Vec::new(), 0);
        for (_, rows) in self.nodes() {
            for from in rows.clone().step_by(step as usize) {
                let end = rows.end.min(from + step);
                factors.read(from..end, &mut values)?;
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

fn layout(contacts: &[Placed<'_>], plans: &[Plan<'_>], codes: &BTreeMap<Code, u64>) -> Layout {
    let codes = codes.keys().map(|code| code.entry().code).collect::<Vec<_>>().join(" ");
    let label = |text: &Option<String>| text.clone().unwrap_or_else(|| "NA".into());
    let electrode = |&(_, contact): &Placed<'_>| Electrode {
        name: contact.name.clone(),
        // a contact without a place is an error, and so was refused
        position: contact.position.unwrap_or(Point::ORIGIN),
        kind: label(&contact.kind),
        layer: label(&contact.layer),
        region: label(&contact.region),
        settings: contact.settings.iter().map(|(key, value)| (*key, Attribute::clone(value))).collect(),
        units: contact.units.clone().filter(|units| units != COEFFICIENT_UNIT),
    };
    Layout {
        electrodes: contacts.iter().map(electrode).collect(),
        populations: plans.iter().map(|p| p.layout(&codes)).collect(),
        provenance: vec![("program", concat!("leadfield ", env!("CARGO_PKG_VERSION")).into())],
    }
}
