//! An electrodes file of BlueRecording, any version, becomes one that every client accepts.
//!
//! Version 0.2.1 writes a last column of ones that belongs to no contact, and fills columns in the order of sorted names
//! under indices in file order: unsorted names are mislabelled. Version 0.7.0 lists nodes in the order of ranks. What is
//! written has one column a contact, in the order of the indices, nodes ascending, integers and floats as every client
//! takes them. Rows go block by block.

use std::path::Path;

use super::ExchangeProblem;
use crate::error::{Context, Error, Result, count};
use crate::h5::File;
use crate::sonata::electrodes_file::{
    Attribute, Electrode, ElectrodeEntry, ElectrodesFile, Layout, Population, PopulationLayout, Writer,
};
use crate::staged::Existing;

/// Values of a block of rows.
const BLOCK_VALUES: u64 = 1 << 18;

/// Which column is whose in a file of 0.2.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Labels {
    /// Column i is that of the i-th name in sorted order, as 0.2.1 computes them: as integers where all names are
    /// integers, as text otherwise.
    #[default]
    SortedNames,
    /// As the file's own index says.
    Index,
}

/// What was done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mended {
    /// Number of contacts.
    pub contacts: u64,
    /// Number of nodes, all populations together.
    pub nodes: u64,
    /// Number of rows, all populations together.
    pub rows: u64,
    /// What is different now, in words.
    pub notes: Vec<String>,
}

/// The contacts of a file in the order of their indices, and where their columns are.
#[derive(Debug)]
pub(super) struct Contacts<'a> {
    pub entries: Vec<&'a ElectrodeEntry>,
    /// The column of each in the file.
    pub columns: Vec<usize>,
    /// Whether a last column belongs to nobody.
    pub extra: bool,
    /// Whether indices were not believed.
    pub relabelled: bool,
}

impl<'a> Contacts<'a> {
    /// The contacts of a population.
    pub fn of(file: &'a ElectrodesFile, population: &Population, labels: Labels) -> Result<Self> {
        Self::read(file.electrodes(), population, labels).in_file(file.path())
    }

    fn read(all: &'a [ElectrodeEntry], population: &Population, labels: Labels) -> Result<Self, ExchangeProblem> {
        let index = |e: &'a ElectrodeEntry| {
            let column = e.column(population.name());
            column.map(|column| (column, e)).ok_or_else(|| ExchangeProblem::NoColumn(e.name.clone()))
        };
        let mut indexed = all.iter().map(index).collect::<Result<Vec<_>, _>>()?;
        indexed.sort_by_key(|(column, _)| *column);
        if let Some(((column, a), (_, b))) = indexed.iter().zip(indexed.iter().skip(1)).find(|(a, b)| a.0 == b.0) {
            let (first, second) = (a.name.clone(), b.name.clone());
            return Err(ExchangeProblem::SharedColumn { column: *column, first, second });
        }
        let (expected, found) = (indexed.len() as u64, population.columns());
        if found != expected && found != expected + 1 {
            return Err(ExchangeProblem::Columns { expected, found });
        }
        let by_index: Vec<usize> = indexed.iter().map(|(column, _)| *column as usize).collect();
        let entries: Vec<&ElectrodeEntry> = indexed.into_iter().map(|(_, e)| e).collect();
        let extra = found == expected + 1;
        let columns = match labels {
            Labels::SortedNames if extra => sorted_places(&entries),
            _ => by_index.clone(),
        };
        if extra && columns.contains(&entries.len()) {
            return Err(ExchangeProblem::Columns { expected, found });
        }
        Ok(Self { relabelled: columns != by_index, entries, columns, extra })
    }

    /// A block of rows with the contacts' columns in order. `width` is the file's.
    pub fn arranged(&self, values: &[f64], width: usize, out: &mut Vec<f64>) -> Result<(), ExchangeProblem> {
        out.clear();
        for row in values.chunks_exact(width.max(1)) {
            if let Some(found) = row.last().filter(|last| self.extra && **last != 1.0) {
                return Err(ExchangeProblem::NotOnes(*found));
            }
            out.extend(self.columns.iter().filter_map(|&column| row.get(column)));
        }
        Ok(())
    }
}

/// The place of each name in sorted order: as integers where all are, as text otherwise.
fn sorted_places(entries: &[&ElectrodeEntry]) -> Vec<usize> {
    let number = |name: &str| name.parse::<i64>().ok();
    let numbers = entries.iter().all(|e| number(&e.name).is_some());
    let mut order: Vec<usize> = (0..entries.len()).collect();
    order.sort_by_key(|&i| {
        let name = entries.get(i).map_or("", |e| e.name.as_str());
        (if numbers { number(name) } else { None }, name.to_string())
    });
    let mut places = vec![0; entries.len()];
    for (place, entry) in order.into_iter().enumerate() {
        if let Some(slot) = places.get_mut(entry) {
            *slot = place;
        }
    }
    places
}

/// Reads an electrodes file and writes it so that every client accepts it. `done` is told rows.
///
/// # Errors
/// What cannot be mended without guessing: contacts without a column of their own, without position or type, columns of
/// nobody that are not one column of ones; a file that cannot be read or written. No output is left behind.
pub fn mend(from: &Path, to: &Path, existing: Existing, labels: Labels, done: &dyn Fn(u64)) -> Result<Mended> {
    let file = ElectrodesFile::open(from)?;
    let raw = File::open(from)?;
    let contacts =
        file.populations().iter().map(|p| Contacts::of(&file, p, labels)).collect::<Result<Vec<Contacts<'_>>>>()?;
    let Some(first) = contacts.first() else { return Ok(Mended::default()) };
    let names = |c: &Contacts<'_>| c.entries.iter().map(|e| e.name.clone()).collect::<Vec<_>>();
    if let Some(other) = contacts.iter().find(|c| names(c) != names(first)) {
        let differs = names(first).into_iter().zip(names(other)).find(|(a, b)| a != b).unwrap_or_default();
        return Err(ExchangeProblem::ContactOrder { expected: differs.0, found: differs.1 }).in_file(from);
    }
    let electrodes = first.entries.iter().map(|e| described(&raw, e)).collect::<Result<Vec<_>>>()?;
    let orders: Vec<Vec<usize>> = file.populations().iter().map(ascending).collect();
    let populations =
        file.populations().iter().zip(&orders).map(|(p, order)| laid_out(&raw, p, order)).collect::<Vec<_>>();
    let provenance = vec![("program", concat!("leadfield ", env!("CARGO_PKG_VERSION")).into())];
    let layout = Layout { electrodes, populations, provenance };
    let writer = Writer::create(to, existing, &layout)?;
    let mut mended = Mended { contacts: first.entries.len() as u64, ..Mended::default() };
    for (i, (population, contacts)) in file.populations().iter().zip(&contacts).enumerate() {
        let offsets = layout.populations.get(i).map_or(&[][..], |p| p.offsets.as_slice());
        copy(&file, population, contacts, (&writer, i), &targets(orders.get(i), offsets), done)?;
        mended.nodes += population.node_ids().len() as u64;
        mended.rows += population.rows();
        mended.notes.extend(notes(&raw, population, contacts, orders.get(i)));
    }
    writer.commit()?;
    Ok(mended)
}

/// Places of the nodes in order of their ids.
fn ascending(population: &Population) -> Vec<usize> {
    let mut order: Vec<usize> = (0..population.node_ids().len()).collect();
    order.sort_by_key(|&i| population.node_ids().get(i));
    order
}

/// The first row that each node will have, by its place in the file.
fn targets(order: Option<&Vec<usize>>, offsets: &[u64]) -> Vec<u64> {
    let order = order.map_or(&[][..], Vec::as_slice);
    let mut targets = vec![0; order.len()];
    for (&place, &offset) in order.iter().zip(offsets) {
        if let Some(target) = targets.get_mut(place) {
            *target = offset;
        }
    }
    targets
}

fn laid_out(raw: &File, population: &Population, order: &[usize]) -> PopulationLayout {
    let (ids, offsets) = (population.node_ids(), population.offsets());
    let rows = |place: usize| offsets.get(place + 1).zip(offsets.get(place)).map_or(0, |(end, first)| end - first);
    let mut ends = vec![0];
    ends.extend(order.iter().scan(0, |end, &place| {
        *end += rows(place);
        Some(*end)
    }));
    let object = format!("/{}/node_ids", population.name());
    let told =
        |key: &'static str, attribute: &str| Some((key, raw.string_attribute(&object, attribute)?.as_str().into()));
    let provenance = [told("circuit", "circuit"), told("converted_from_version", "version")];
    PopulationLayout {
        name: population.name().into(),
        node_ids: order.iter().filter_map(|&place| ids.get(place).copied()).collect(),
        offsets: ends,
        provenance: provenance.into_iter().flatten().collect(),
    }
}

/// Numbers and texts that a method's settings are kept as.
const NUMBERS: [&str; 4] = ["conductivity_S_per_m", "radius", "thickness", "current_nA"];
const TEXTS: [&str; 2] = ["near_field", "field"];

fn described(raw: &File, e: &ElectrodeEntry) -> Result<Electrode> {
    let object = format!("/electrodes/{}", e.name);
    let incomplete = |what| raw.error(&object, ExchangeProblem::Incomplete { name: e.name.clone(), what });
    let kind = format!("{object}/type");
    let numbers =
        NUMBERS.into_iter().filter_map(|key| Some((key, Attribute::Number(raw.float_attribute(&kind, key)?))));
    let texts = TEXTS.into_iter().filter_map(|key| Some((key, Attribute::Text(raw.string_attribute(&kind, key)?))));
    let settings = if raw.has(&kind) { numbers.chain(texts).collect() } else { Vec::new() };
    Ok(Electrode {
        name: e.name.clone(),
        position: e.position.ok_or_else(|| incomplete("position"))?,
        kind: e.kind.clone().ok_or_else(|| incomplete("type"))?,
        layer: e.layer.clone().unwrap_or_else(|| crate::electrode::UNKNOWN_PLACE.into()),
        region: e.region.clone().unwrap_or_else(|| crate::electrode::UNKNOWN_PLACE.into()),
        settings,
    })
}

/// Copies a population's rows, each node's to its target.
fn copy(
    file: &ElectrodesFile,
    population: &Population,
    contacts: &Contacts<'_>,
    (writer, number): (&Writer, usize),
    targets: &[u64],
    done: &dyn Fn(u64),
) -> Result<()> {
    let width = population.columns();
    let most = (BLOCK_VALUES / width.max(1)).max(1);
    let mut arranged = Vec::new();
    for (ends, &target) in population.offsets().windows(2).zip(targets) {
        let &[first, end] = ends else { continue };
        for from in (first..end).step_by(most as usize) {
            let to = (from + most).min(end);
            let values = file.rows(population, from..to)?;
            let object = format!("/electrodes/{}/scaling_factors", population.name());
            let fitted = contacts.arranged(&values, width as usize, &mut arranged);
            fitted.map_err(Error::from).at(&object, from).in_file(file.path())?;
            writer.write_rows(number, target + (from - first), &arranged)?;
            done(to - from);
        }
    }
    Ok(())
}

/// What is different now.
fn notes(raw: &File, population: &Population, contacts: &Contacts<'_>, order: Option<&Vec<usize>>) -> Vec<String> {
    let mut notes = Vec::new();
    let name = population.name();
    if contacts.extra {
        notes.push("the last column, of ones and of no contact, is left out".into());
    }
    if contacts.relabelled {
        let moved = contacts.columns.iter().enumerate().filter(|(i, column)| i != *column).count();
        notes.push(format!(
            "{} labelled anew: their columns were in order of sorted names",
            count(moved as u64, "contact")
        ));
    }
    if order.is_some_and(|order| !order.is_sorted()) {
        notes.push("nodes are in ascending order now".into());
    }
    let wrong = |object: String, expected: &str| {
        let found = raw.type_name(&object).unwrap_or_default();
        (found != expected).then(|| format!("`{object}` was {found}, is {expected}"))
    };
    notes.extend(wrong(format!("/{name}/node_ids"), "uint64"));
    notes.extend(wrong(format!("/{name}/offsets"), "uint64"));
    notes.extend(wrong(format!("/electrodes/{name}/scaling_factors"), "float64"));
    if raw.has(&format!("/{name}/neurite_types")) {
        notes.push(format!("`/{name}/neurite_types` is left out: no client reads it"));
    }
    notes
}
