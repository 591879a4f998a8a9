//! Reading: our files and those of other programs (nodes in any order, a column too many, optional pieces missing).

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;

use super::{ELECTRODES, ElectrodesFileProblem, Factors, electrode, node_ids, offsets, scaling_factors};
use crate::error::{Error, Place, Result, listed};
use crate::geometry::Point;
use crate::io::hdf5::{File, H5Problem};

/// An open electrodes file: nodes, rows and columns. Coefficients are read in blocks of rows, what describes a contact when
/// it is asked for.
#[derive(Debug)]
pub struct ElectrodesFile {
    pub(super) file: File,
    populations: Vec<Population>,
    electrodes: Vec<ElectrodeEntry>,
}

/// One population of an electrodes file.
#[derive(Debug, Clone)]
pub struct Population {
    name: String,
    node_ids: Vec<u64>,
    offsets: Vec<u64>,
    columns: u64,
    units: Option<String>,
    /// Node ids ascending, each with its place in the file.
    by_id: Vec<(u64, usize)>,
}

/// One contact of an electrodes file.
#[derive(Debug, Clone)]
pub struct ElectrodeEntry {
    /// Its name.
    pub name: String,
    /// Its column in each population that has it.
    columns: HashMap<String, u64>,
}

/// What a file says of a contact; none where it does not.
#[derive(Debug, Clone, PartialEq)]
pub struct Description {
    /// Where it is, um.
    pub position: Option<Point>,
    /// The method's name.
    pub kind: Option<String>,
    /// Cortical layer.
    pub layer: Option<String>,
    /// Brain region.
    pub region: Option<String>,
}

impl ElectrodeEntry {
    /// Its column in a population, if it has one there.
    pub fn column(&self, population: &str) -> Option<u64> {
        self.columns.get(population).copied()
    }
}

impl Population {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Node ids, in file order.
    pub fn node_ids(&self) -> &[u64] {
        &self.node_ids
    }

    /// One more than nodes: rows of the i-th node are `offsets[i]..offsets[i + 1]`.
    pub fn offsets(&self) -> &[u64] {
        &self.offsets
    }

    /// Number of rows: segments of all nodes.
    pub fn rows(&self) -> u64 {
        self.offsets.last().copied().unwrap_or(0)
    }

    /// Number of columns; BlueRecording 0.2.1 writes one more than there are contacts.
    pub fn columns(&self) -> u64 {
        self.columns
    }

    /// The attribute `units` of the coefficients, if there is one.
    pub fn units(&self) -> Option<&str> {
        self.units.as_deref()
    }

    /// The rows of a node; none where the node is not in the file.
    pub fn rows_of(&self, node: u64) -> Option<Range<u64>> {
        let found = self.by_id.binary_search_by_key(&node, |&(id, _)| id).ok()?;
        let &(_, place) = self.by_id.get(found)?;
        Some(*self.offsets.get(place)?..*self.offsets.get(place + 1)?)
    }

    /// The node of a row, and the row counted from the node's first.
    pub fn node_of(&self, row: u64) -> Option<(u64, u64)> {
        let place = self.offsets.partition_point(|&offset| offset <= row).checked_sub(1)?;
        Some((*self.node_ids.get(place)?, row - self.offsets.get(place)?))
    }
}

impl ElectrodesFile {
    /// Opens a file and checks nodes, rows and columns.
    ///
    /// # Errors
    /// Missing, cut short, no population, `scaling_factors` missing, offsets that do not fit nodes or rows, a node
    /// listed twice, a column index out of range.
    pub fn open(path: &Path) -> Result<Self> {
        let file = File::open(path)?;
        let populations = populations(&file)?;
        let electrodes = electrodes(&file, &populations)?;
        Ok(Self { file, populations, electrodes })
    }

    /// The file's path.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// The populations, sorted by name.
    pub fn populations(&self) -> &[Population] {
        &self.populations
    }

    /// A population by name.
    ///
    /// # Errors
    /// Unknown; those of the file are listed.
    pub fn population(&self, name: &str) -> Result<&Population> {
        self.populations.iter().find(|p| p.name == name).ok_or_else(|| {
            let known = listed(self.populations.iter().map(Population::name), 12);
            self.file.error("/", ElectrodesFileProblem::UnknownPopulation { name: name.into(), known })
        })
    }

    /// The contacts, sorted by name.
    pub fn electrodes(&self) -> &[ElectrodeEntry] {
        &self.electrodes
    }

    /// What the file says of a contact.
    ///
    /// # Errors
    /// A position that is not three numbers, or anything else that is no text.
    pub fn description(&self, contact: &str) -> Result<Description> {
        let group = electrode(contact);
        let text = |dataset: &str| {
            let object = format!("{group}/{dataset}");
            self.file.has(&object).then(|| self.file.string(&object)).transpose()
        };
        let (kind, layer, region) = (text("type")?, text("layer")?, text("region")?);
        Ok(Description { position: position(&self.file, &group)?, kind, layer, region })
    }

    /// All contacts, sorted by name, with what the file says of each.
    ///
    /// # Errors
    /// As [`ElectrodesFile::description`].
    pub fn descriptions(&self) -> Result<Vec<(&ElectrodeEntry, Description)>> {
        self.electrodes.iter().map(|e| Ok((e, self.description(&e.name)?))).collect()
    }

    /// The coefficients of a population, to be read in blocks by several threads.
    ///
    /// # Errors
    /// Not two-dimensional, or more values than the file can hold.
    pub fn factors(&self, population: &Population) -> Result<Factors> {
        Factors::open(&self.file, &scaling_factors(&population.name))
    }

    /// A setting of a contact's method, if it is there and is a number.
    pub fn setting(&self, contact: &str, key: &str) -> Option<f64> {
        self.file.float_attribute(&format!("{}/type", electrode(contact)), key)
    }

    /// The coefficients of some rows, V/nA: row-major, all columns of the file.
    ///
    /// # Errors
    /// Outside the file, or unreadable.
    pub fn rows(&self, population: &Population, rows: Range<u64>) -> Result<Vec<f64>> {
        self.file.float_rows(&scaling_factors(&population.name), rows.start as usize, rows.end as usize)
    }
}

fn populations(file: &File) -> Result<Vec<Population>> {
    file.members(&format!("/{ELECTRODES}"))?;
    let names = file.members("/")?.into_iter().filter(|n| n != ELECTRODES && file.has(&node_ids(n)));
    let all = names.map(|name| population(file, name)).collect::<Result<Vec<_>>>()?;
    if all.is_empty() { Err(file.error("/", ElectrodesFileProblem::NoPopulation)) } else { Ok(all) }
}

fn population(file: &File, name: String) -> Result<Population> {
    let object = scaling_factors(&name);
    let (rows, columns) = table_shape(file, &object)?;
    let ids = file.unsigned(&node_ids(&name))?;
    let offsets = file.unsigned(&offsets(&name))?;
    check_offsets(file, &super::offsets(&name), &offsets, ids.len(), rows)?;
    let by_id = by_id(file, &node_ids(&name), &ids)?;
    let units = file.string_attribute(&object, "units");
    file.check_strings()?;
    Ok(Population { name, node_ids: ids, offsets, columns, units, by_id })
}

fn table_shape(file: &File, object: &str) -> Result<(u64, u64)> {
    match *file.shape(object)?.as_slice() {
        [rows, columns] => Ok((rows as u64, columns as u64)),
        ref found => {
            let found = found.to_vec();
            Err(file.error(object, H5Problem::Shape { expected: "[rows, contacts]".into(), found }))
        }
    }
}

fn check_offsets(file: &File, object: &str, offsets: &[u64], nodes: usize, rows: u64) -> Result<()> {
    if offsets.len() != nodes + 1 {
        let problem = ElectrodesFileProblem::OffsetsLength { expected: nodes + 1, found: offsets.len() };
        return Err(file.error(object, problem));
    }
    for (row, (&before, &this)) in offsets.iter().zip(offsets.iter().skip(1)).enumerate() {
        if this < before {
            let problem = ElectrodesFileProblem::OffsetsDecrease { expected: before, found: this };
            return Err(at(file, object, row as u64 + 1, problem));
        }
    }
    match offsets.last() {
        Some(&found) if found != rows => {
            Err(file.error(object, ElectrodesFileProblem::OffsetsEnd { expected: rows, found }))
        }
        _ => Ok(()),
    }
}

/// The node ids ascending, each with its place.
fn by_id(file: &File, object: &str, ids: &[u64]) -> Result<Vec<(u64, usize)>> {
    let mut by_id: Vec<(u64, usize)> = ids.iter().copied().zip(0..).collect();
    by_id.sort_unstable();
    match by_id.iter().zip(by_id.iter().skip(1)).find(|(a, b)| a.0 == b.0) {
        Some((_, &(id, place))) => Err(at(file, object, place as u64, ElectrodesFileProblem::DuplicateNode(id))),
        None => Ok(by_id),
    }
}

fn at(file: &File, object: &str, row: u64, problem: ElectrodesFileProblem) -> Error {
    Error::new(Place::file(file.path()).object(object).row(row), problem)
}

fn electrodes(file: &File, populations: &[Population]) -> Result<Vec<ElectrodeEntry>> {
    let is_population = |name: &String| populations.iter().any(|p| p.name == *name);
    let names = file.members(&format!("/{ELECTRODES}"))?.into_iter().filter(|name| !is_population(name));
    names.map(|name| entry(file, name, populations)).collect()
}

fn entry(file: &File, name: String, populations: &[Population]) -> Result<ElectrodeEntry> {
    let group = electrode(&name);
    let mut columns = HashMap::new();
    for population in populations {
        if let Some(column) = column(file, &group, population)? {
            columns.insert(population.name.clone(), column);
        }
    }
    Ok(ElectrodeEntry { name, columns })
}

fn position(file: &File, group: &str) -> Result<Option<Point>> {
    let object = format!("{group}/position");
    if !file.has(&object) {
        return Ok(None);
    }
    match *file.floats(&object)?.as_slice() {
        [x, y, z] => Ok(Some(Point::new(x, y, z))),
        _ => Err(file.error(&object, H5Problem::Shape { expected: "[3]".into(), found: file.shape(&object)? })),
    }
}

/// A contact's column, where every program puts it or where the SONATA text does.
fn column(file: &File, group: &str, population: &Population) -> Result<Option<u64>> {
    let plain = format!("{group}/{}", population.name);
    let nested = format!("{plain}/electrode_id");
    if !file.has(&plain) {
        return Ok(None);
    }
    let (found, object) = match file.unsigned_scalar(&plain) {
        Err(_) if file.has(&nested) => (file.unsigned_scalar(&nested)?, &nested),
        Err(_) if !file.is_dataset(&plain) => return Ok(None),
        found => (found?, &plain),
    };
    let expected = population.columns;
    if found < expected {
        Ok(Some(found))
    } else {
        Err(file.error(object, ElectrodesFileProblem::Column { expected, found }))
    }
}
