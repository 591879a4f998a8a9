//! Coefficients computed anew, at a sample of nodes, from the segment table and what the file says of its own contacts: a
//! proof of units, of the order of columns and of the order of rows.
//!
//! Each contact's column is compared with what its method gives. Where they differ, faults are tried: a power of a thousand
//! too much, another contact's column, the node's rows in another order. A fault is named only where undoing it makes all of
//! the sample agree. BlueRecording does not keep the conductivity; its contacts agree where one conductivity makes them.

use std::collections::BTreeMap;

use super::code::Code;
use super::contacts::Contact;
use super::finding::Findings;
use super::population::Population;
use crate::error::{Result, count, listed};
use crate::method::{self, Parameter};
use crate::segments::{NeuronSegments, Segments};
use crate::sonata::electrodes_file::{Formula, scaling_factors};
use crate::table::{Part, Table};

/// Coefficients are the same up to here, relative: files hold contacts as float32, old ones do not say their near field.
const SAME: f64 = 0.01;
/// As many of them have to be.
const MOST: f64 = 0.99;
/// Nodes of a part in the sample.
const NODES: usize = 4;
/// What units can be off by: powers of a thousand.
const POWERS: [i32; 8] = [1, -1, 2, -2, 3, -3, 4, -4];

/// What was computed anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recomputed {
    /// The population.
    pub population: String,
    /// Number of nodes.
    pub nodes: u64,
    /// Number of coefficients.
    pub coefficients: u64,
    /// Contacts that were computed.
    pub contacts: u64,
    /// Those of them that agree.
    pub agreeing: u64,
    /// Contacts whose coefficients depend on more than the file says.
    pub left_out: u64,
}

/// A contact that can be computed.
struct Checked<'a> {
    name: &'a str,
    column: usize,
    formula: Formula,
}

/// One node: what the file has, all columns, and what the contacts' methods give, both a row a segment.
struct Node {
    id: u64,
    file: Vec<f64>,
    computed: Vec<f64>,
}

/// Compares a sample of a population's coefficients; none where nothing can be computed.
pub(super) fn check(
    population: &Population,
    place: usize,
    contacts: &[Contact],
    table: &Table,
    findings: &mut Findings,
) -> Result<Option<Recomputed>> {
    let own = |(i, c): (usize, &Contact)| match &population.relabelled {
        Some(own) => own.get(i).copied(),
        None => c.columns.get(place).copied().flatten(),
    };
    let checked: Vec<Checked<'_>> = contacts
        .iter()
        .enumerate()
        .filter_map(|(i, c)| {
            let formula = Formula::of(c.kind.as_deref()?, c.position.filter(|p| p.is_finite())?, &c.settings)?;
            let alone = !formula.method.parameters().contains(&Parameter::Array);
            alone.then_some(Checked { name: &c.name, column: own((i, c))? as usize, formula })
        })
        .collect();
    let left_out = (contacts.len() - checked.len()) as u64;
    let nodes = sample(population, table, &checked)?;
    if checked.is_empty() || nodes.is_empty() {
        return Ok(None);
    }
    let sample = Sample { width: population.factors.as_ref().map_or(0, |f| f.columns() as usize), checked, nodes };
    let agreeing = sample.judge(&scaling_factors(&population.name), findings);
    Ok(Some(Recomputed {
        population: population.name.clone(),
        nodes: sample.nodes.len() as u64,
        coefficients: sample.nodes.iter().map(|n| n.computed.len() as u64).sum(),
        contacts: sample.checked.len() as u64,
        agreeing,
        left_out,
    }))
}

/// Some nodes of the first and the last part that are in the file, too, with as many segments.
fn sample(population: &Population, table: &Table, checked: &[Checked<'_>]) -> Result<Vec<Node>> {
    let (Some(offsets), Some(factors)) = (&population.offsets, &population.factors) else { return Ok(Vec::new()) };
    let places: BTreeMap<u64, usize> = population.node_ids.given.iter().copied().zip(0..).collect();
    let rows = |id: u64| places.get(&id).and_then(|&i| Some(*offsets.get(i)?..*offsets.get(i + 1)?));
    let mut nodes = Vec::new();
    let parts: &[Part] = table.parts();
    let ends = [parts.first(), parts.last().filter(|_| parts.len() > 1)];
    for part in ends.into_iter().flatten() {
        let segments: Segments = part.read_by_row()?;
        let fits = |n: &NeuronSegments<'_>| {
            n.node_id().and_then(rows).is_some_and(|rows| rows.end - rows.start == n.len() as u64 && !n.is_empty())
        };
        let neurons: Vec<NeuronSegments<'_>> = segments.neurons().filter(fits).collect();
        let step = neurons.len().div_ceil(NODES).max(1);
        for neuron in neurons.iter().step_by(step) {
            let (Some(id), Some(rows)) = (neuron.node_id(), neuron.node_id().and_then(rows)) else { continue };
            let mut file = Vec::new();
            factors.read(rows, &mut file)?;
            nodes.push(Node { id, file, computed: computed(checked, neuron)? });
        }
    }
    Ok(nodes)
}

/// What the contacts' methods give for a neuron.
fn computed(checked: &[Checked<'_>], neuron: &NeuronSegments<'_>) -> Result<Vec<f64>> {
    let mut all = vec![f64::NAN; neuron.len() * checked.len()];
    let mut own = Vec::new();
    let mut methods: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (i, c) in checked.iter().enumerate() {
        methods.entry(c.formula.method.name()).or_default().push(i);
    }
    for (name, places) in methods {
        let Some(method) = method::by_name(name) else { continue };
        let contacts: Vec<method::Contact> =
            places.iter().filter_map(|&i| checked.get(i).map(|c| c.formula.contact.clone())).collect();
        own.clear();
        own.resize(neuron.len() * places.len(), 0.0);
        method.prepare(&contacts)?.fill(neuron, &mut own);
        for (row, values) in all.chunks_exact_mut(checked.len()).zip(own.chunks_exact(places.len())) {
            places.iter().zip(values).for_each(|(&i, &value)| row[i] = value);
        }
    }
    Ok(all)
}

struct Sample<'a> {
    width: usize,
    checked: Vec<Checked<'a>>,
    nodes: Vec<Node>,
}

impl Sample<'_> {
    /// A column of the file, node by node.
    fn of_file(&self, column: usize) -> impl Iterator<Item = f64> + '_ {
        let values =
            move |node: &'_ Node| node.file.iter().skip(column).step_by(self.width.max(1)).copied().collect::<Vec<_>>();
        self.nodes.iter().flat_map(values)
    }

    /// What a contact's method gives, node by node.
    fn of_contact(&self, i: usize) -> impl Iterator<Item = f64> + '_ {
        let values = move |node: &'_ Node| {
            node.computed.iter().skip(i).step_by(self.checked.len().max(1)).copied().collect::<Vec<_>>()
        };
        self.nodes.iter().flat_map(values)
    }

    /// Whether a column is what a contact's method gives, times a factor.
    fn fits(&self, column: usize, i: usize, factor: f64) -> bool {
        are_same(self.of_file(column).zip(self.of_contact(i).map(|v| v * factor)))
    }

    /// The factor of a contact whose conductivity the file does not say; 1 where it does.
    fn scale(&self, column: usize, i: usize) -> f64 {
        let stated = self.checked.get(i).is_none_or(|c| c.formula.is_stated);
        if stated { 1.0 } else { median_ratio(self.of_file(column), self.of_contact(i)) }
    }

    /// The column that a contact's coefficients are found in, and how many times what they should be.
    fn found(&self, column: usize, i: usize) -> Option<f64> {
        let scale = self.scale(column, i);
        if self.fits(column, i, scale) {
            // no medium conducts a hundred times better or worse than tissue: that is a unit
            return Some(if (0.01..100.0).contains(&scale) { 1.0 } else { scale });
        }
        POWERS.into_iter().map(|power| 1000_f64.powi(power)).find(|&unit| self.fits(column, i, unit))
    }

    /// Adds a finding for what is proved, and gives the number of contacts that agree.
    fn judge(&self, object: &str, findings: &mut Findings) -> u64 {
        let factors: Vec<Option<f64>> = (0..).zip(&self.checked).map(|(i, c)| self.found(c.column, i)).collect();
        let agreeing = factors.iter().filter(|f| **f == Some(1.0)).count() as u64;
        self.tell_units(object, &factors, findings);
        let lost: Vec<usize> = factors.iter().enumerate().filter(|(_, f)| f.is_none()).map(|(i, _)| i).collect();
        if lost.is_empty() {
            return agreeing;
        }
        let name = |i: &usize| self.checked.get(*i).map_or("", |c| c.name);
        if let Some(text) = self.exchanged(&lost) {
            findings.add(Code::ColumnsExchanged, object, text);
        } else if let Some(text) = self.reordered() {
            findings.add(Code::RowsReordered, object, text);
        } else {
            let text = format!(
                "not what their methods give at {}, expected the coefficients of {}",
                count(self.nodes.len() as u64, "node"),
                listed(lost.iter().map(name), 6)
            );
            findings.add(Code::OtherCoefficients, object, text);
        }
        agreeing
    }

    fn tell_units(&self, object: &str, factors: &[Option<f64>], findings: &mut Findings) {
        let mut by_factor: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for (factor, contact) in factors.iter().zip(&self.checked) {
            if let Some(factor) = factor.filter(|f| *f != 1.0) {
                by_factor.entry(format!("{factor:.0e}")).or_default().push(contact.name);
            }
        }
        for (factor, names) in by_factor {
            let text =
                format!("another unit, expected V/nA, found {factor} times as much at contacts {}", listed(names, 6));
            findings.add(Code::UnitFactor, object, text);
        }
    }

    /// Whether each contact that does not agree has its coefficients in the column of another.
    fn exchanged(&self, lost: &[usize]) -> Option<String> {
        let columns: Vec<usize> = self.checked.iter().map(|c| c.column).collect();
        let place = |&i: &usize| {
            let at = columns.iter().position(|&column| column != columns[i] && self.found(column, i) == Some(1.0))?;
            Some(format!("those of `{}` at `{}`", self.checked.get(i)?.name, self.checked.get(at)?.name))
        };
        let places = lost.iter().map(place).collect::<Option<Vec<String>>>()?;
        let more = places.len().saturating_sub(3);
        let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
        let told = places.into_iter().take(3).collect::<Vec<_>>().join(", ");
        Some(format!("coefficients of other contacts, expected each contact's own, found {told}{rest}"))
    }

    /// Whether the rows of nodes, put in another order, are what they should be.
    fn reordered(&self) -> Option<String> {
        let mut first = None;
        for node in &self.nodes {
            let moved = self.moved(node)?;
            first = first.or(moved.map(|(row, from)| (node.id, row, from)));
        }
        let (id, row, from) = first?;
        Some(format!(
            "rows in another order, expected sections by ascending id and segments in order, found the coefficients of row \
             {row} of node {id} in its row {from}"
        ))
    }

    /// The first row of a node that is elsewhere, and where; none where its rows are not those computed, in any order.
    fn moved(&self, node: &Node) -> Option<Option<(usize, usize)>> {
        let scales = (0..).zip(&self.checked).map(|(i, c)| self.scale_of_sum(node, c.column, i));
        let scales: Vec<f64> = scales.collect();
        let scaled = |row: &[f64]| row.iter().zip(&scales).map(|(v, scale)| v * scale).collect::<Vec<f64>>();
        let picked = |row: &[f64]| self.checked.iter().filter_map(|c| row.get(c.column).copied()).collect::<Vec<f64>>();
        let computed: Vec<Vec<f64>> = node.computed.chunks_exact(self.checked.len().max(1)).map(scaled).collect();
        let file: Vec<Vec<f64>> = node.file.chunks_exact(self.width.max(1)).map(picked).collect();
        // the same coefficients have the same order by size
        let (by_computed, by_file) = (by_size(&computed), by_size(&file));
        let pairs = || by_computed.iter().copied().zip(by_file.iter().copied());
        let values = |(row, from): (usize, usize)| file[from].iter().copied().zip(computed[row].iter().copied());
        if !are_same(pairs().flat_map(values)) {
            return None;
        }
        let elsewhere = pairs().filter(|&(row, _)| !are_same(values((row, row))));
        Some(elsewhere.min())
    }

    /// As [`Sample::scale`], whatever the order of rows.
    fn scale_of_sum(&self, node: &Node, column: usize, i: usize) -> f64 {
        if self.checked.get(i).is_none_or(|c| c.formula.is_stated) {
            return 1.0;
        }
        let sum =
            |values: &[f64], first: usize, step: usize| values.iter().skip(first).step_by(step.max(1)).sum::<f64>();
        sum(&node.file, column, self.width) / sum(&node.computed, i, self.checked.len())
    }
}

/// Places of rows in the order of their first coefficient.
fn by_size(rows: &[Vec<f64>]) -> Vec<usize> {
    let first = |i: usize| rows.get(i).and_then(|row| row.first()).copied().unwrap_or(f64::NAN);
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by(|&a, &b| first(a).total_cmp(&first(b)));
    order
}

/// Whether almost all pairs are the same.
fn are_same(pairs: impl Iterator<Item = (f64, f64)>) -> bool {
    let (mut all, mut same) = (0_u64, 0_u64);
    for (a, b) in pairs {
        all += 1;
        same += u64::from(a == b || (a - b).abs() <= SAME * a.abs().max(b.abs()));
    }
    same as f64 >= MOST * all as f64
}

fn median_ratio(file: impl Iterator<Item = f64>, computed: impl Iterator<Item = f64>) -> f64 {
    let mut ratios: Vec<f64> = file.zip(computed).map(|(f, c)| f / c).filter(|r| r.is_finite()).collect();
    let middle = ratios.len() / 2;
    if ratios.is_empty() { 1.0 } else { *ratios.select_nth_unstable_by(middle, f64::total_cmp).1 }
}
