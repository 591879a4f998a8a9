//! Reads electrodes files of this and other programs (nodes in any order, an additional column, missing optional
//! parts).

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;

use super::{
    ELECTRODES, ElectrodesFileProblem, WeightsDataset, electrode_path, node_ids_path, offsets_path,
    scaling_factors_path,
};
use crate::error::{Context, Error, ErrorLocation, Result, join_quoted};
use crate::file_kind::{FileKind, name_wrong_kind};
use crate::geometry::Point;
use crate::io::checkpoint::describe_unfinished;
use crate::io::hdf5::{Hdf5File, Hdf5Problem};

/// An open electrodes file: nodes, rows and columns. Weights are read in blocks of rows, descriptions of contacts on
/// demand.
#[derive(Debug)]
pub struct ElectrodesFile {
    pub(super) file: Hdf5File,
    populations: Vec<PopulationEntry>,
    electrodes: Vec<ContactEntry>,
}

/// One population of an electrodes file.
#[derive(Debug, Clone)]
pub struct PopulationEntry {
    name: String,
    node_ids: Vec<u64>,
    offsets: Vec<u64>,
    columns: u64,
    units: Option<String>,
    /// Node ids ascending, each with its index in the file.
    sorted_ids: Vec<(u64, usize)>,
}

/// One contact of an electrodes file.
#[derive(Debug, Clone)]
pub struct ContactEntry {
    /// Name of the contact.
    pub name: String,
    /// Its column in each population that has it.
    columns: HashMap<String, u64>,
}

/// Description of a contact in the file; `None` for missing parts.
#[derive(Debug, Clone, PartialEq)]
pub struct ContactDescription {
    /// Position, µm.
    pub position_um: Option<Point>,
    /// Name of the method.
    pub kind: Option<String>,
    /// Cortical layer.
    pub layer: Option<String>,
    /// Brain region.
    pub region: Option<String>,
}

impl ContactEntry {
    /// Returns the contact's column in a population, if it has one.
    pub fn column(&self, population: &str) -> Option<u64> {
        self.columns.get(population).copied()
    }
}

impl PopulationEntry {
    /// Returns the name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the node ids, in file order.
    pub fn node_ids(&self) -> &[u64] {
        &self.node_ids
    }

    /// Returns the offsets, one more than nodes: the rows of node i are `offsets[i]..offsets[i + 1]`.
    pub fn offsets(&self) -> &[u64] {
        &self.offsets
    }

    /// Returns the number of rows: segments of all nodes.
    pub fn rows(&self) -> u64 {
        self.offsets.last().copied().unwrap_or(0)
    }

    /// Returns the number of columns; BlueRecording 0.2.1 writes one more than there are contacts.
    pub fn columns(&self) -> u64 {
        self.columns
    }

    /// Returns the attribute `units` of the weights, if there is one.
    pub fn units(&self) -> Option<&str> {
        self.units.as_deref()
    }

    /// Returns the rows of a node; `None` if the file lacks the node.
    pub fn rows_of_node(&self, node: u64) -> Option<Range<u64>> {
        let found = self.sorted_ids.binary_search_by_key(&node, |&(id, _)| id).ok()?;
        let &(_, place) = self.sorted_ids.get(found)?;
        Some(*self.offsets.get(place)?..*self.offsets.get(place + 1)?)
    }

    /// Returns the node of a row, and the index of the row within the node.
    pub fn node_of_row(&self, row: u64) -> Option<(u64, u64)> {
        let place = self.offsets.partition_point(|&offset| offset <= row).checked_sub(1)?;
        Some((*self.node_ids.get(place)?, row - self.offsets.get(place)?))
    }
}

impl ElectrodesFile {
    /// Opens a file and checks nodes, rows and columns.
    ///
    /// ```no_run
    /// use leadfield::sonata::electrodes_file::ElectrodesFile;
    ///
    /// let file = ElectrodesFile::open("weights.h5".as_ref())?;
    /// let population = file.population("S1nonbarrel_neurons")?;
    /// let rows = population.rows_of_node(4).unwrap_or(0..0);
    /// let weights = file.read_rows(population, rows.clone())?; // row-major, V/nA
    /// assert_eq!(weights.len() as u64, (rows.end - rows.start) * population.columns());
    /// # Ok::<(), leadfield::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the file is missing or truncated, has no population or no `scaling_factors`, its offsets do
    /// not fit nodes or rows, a node is listed twice, or a column index is out of range; also if it is unfinished
    /// (`NAME.partial`), since weights that are not computed yet are zeros in it.
    pub fn open(path: &Path) -> Result<Self> {
        let file = Self::open_unfinished(path)?;
        check_finished(path)?;
        Ok(file)
    }

    /// Opens a file that may be unfinished, to describe it.
    ///
    /// # Errors
    /// The same as for [`ElectrodesFile::open`], but for unfinished files.
    pub fn open_unfinished(path: &Path) -> Result<Self> {
        name_wrong_kind(Self::open_file(path), path, &[FileKind::ElectrodesFile])
    }

    fn open_file(path: &Path) -> Result<Self> {
        let file = Hdf5File::open(path)?;
        let populations = read_populations(&file)?;
        let electrodes = read_electrodes(&file, &populations)?;
        Ok(Self { file, populations, electrodes })
    }

    /// Returns the file's path.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// Returns the populations, sorted by name.
    pub fn populations(&self) -> &[PopulationEntry] {
        &self.populations
    }

    /// Returns a population by name.
    ///
    /// # Errors
    /// Returns an error that lists the file's populations if the name is unknown.
    pub fn population(&self, name: &str) -> Result<&PopulationEntry> {
        self.populations.iter().find(|p| p.name == name).ok_or_else(|| {
            let known = join_quoted(self.populations.iter().map(PopulationEntry::name), 12);
            self.file.error("/", ElectrodesFileProblem::UnknownPopulation { name: name.into(), known })
        })
    }

    /// Returns the contacts, sorted by name.
    pub fn electrodes(&self) -> &[ContactEntry] {
        &self.electrodes
    }

    /// Reads the description of a contact.
    ///
    /// # Errors
    /// Returns an error if the position is not three numbers, or another part is not text.
    pub fn read_description(&self, contact: &str) -> Result<ContactDescription> {
        let group = electrode_path(contact);
        let text = |dataset: &str| {
            let object = format!("{group}/{dataset}");
            self.file.has_object(&object).then(|| self.file.read_string_scalar(&object)).transpose()
        };
        let (kind, layer, region) = (text("type")?, text("layer")?, text("region")?);
        Ok(ContactDescription { position_um: read_position(&self.file, &group)?, kind, layer, region })
    }

    /// Reads the descriptions of all contacts, sorted by name.
    ///
    /// # Errors
    /// Returns the errors of [`ElectrodesFile::read_description`].
    pub fn read_descriptions(&self) -> Result<Vec<(&ContactEntry, ContactDescription)>> {
        self.electrodes.iter().map(|e| Ok((e, self.read_description(&e.name)?))).collect()
    }

    /// Opens the weights of a population, which several threads can read in blocks.
    ///
    /// # Errors
    /// Returns an error if the dataset is not two-dimensional, or claims more values than the file can contain.
    pub fn weights_dataset(&self, population: &PopulationEntry) -> Result<WeightsDataset> {
        WeightsDataset::open(&self.file, &scaling_factors_path(&population.name))
    }

    /// Returns the path of a population's circuit, from the folder that holds the file, if the file states it.
    pub fn stated_circuit(&self, population: &PopulationEntry) -> Option<String> {
        self.file.read_string_attribute(&format!("/{}", population.name), "circuit")
    }

    /// Reads a setting of a contact's method, if it exists and is a number.
    pub fn read_setting(&self, contact: &str, key: &str) -> Option<f64> {
        self.file.read_float_attribute(&format!("{}/type", electrode_path(contact)), key)
    }

    /// Reads the weights of some rows, V/nA: row-major, all columns of the file.
    ///
    /// # Errors
    /// Returns an error if the rows are outside the dataset or cannot be read.
    pub fn read_rows(&self, population: &PopulationEntry, rows: Range<u64>) -> Result<Vec<f64>> {
        self.file.read_float_rows(&scaling_factors_path(&population.name), rows.start as usize, rows.end as usize)
    }
}

/// Refuses the unfinished output of a run, by its name.
///
/// # Errors
/// Returns an error for a file `NAME.partial`.
pub fn check_finished(path: &Path) -> Result<()> {
    match describe_unfinished(path)? {
        Some((output, progress)) => Err(ElectrodesFileProblem::Unfinished { output, progress }).in_file(path),
        None => Ok(()),
    }
}

fn read_populations(file: &Hdf5File) -> Result<Vec<PopulationEntry>> {
    file.member_names(&format!("/{ELECTRODES}"))?;
    let names = file.member_names("/")?.into_iter().filter(|n| n != ELECTRODES && file.has_object(&node_ids_path(n)));
    let all = names.map(|name| read_population(file, name)).collect::<Result<Vec<_>>>()?;
    if all.is_empty() { Err(file.error("/", ElectrodesFileProblem::NoPopulation)) } else { Ok(all) }
}

fn read_population(file: &Hdf5File, name: String) -> Result<PopulationEntry> {
    let object = scaling_factors_path(&name);
    let (rows, columns) = weights_shape(file, &object)?;
    let ids = file.read_unsigned(&node_ids_path(&name))?;
    let offsets = file.read_unsigned(&offsets_path(&name))?;
    check_offsets(file, &super::offsets_path(&name), &offsets, ids.len(), rows)?;
    let by_id = sort_node_ids(file, &node_ids_path(&name), &ids)?;
    let units = file.read_string_attribute(&object, "units");
    file.check_strings()?;
    Ok(PopulationEntry { name, node_ids: ids, offsets, columns, units, sorted_ids: by_id })
}

fn weights_shape(file: &Hdf5File, object: &str) -> Result<(u64, u64)> {
    match *file.shape(object)?.as_slice() {
        [rows, columns] => Ok((rows as u64, columns as u64)),
        ref found => {
            let found = found.to_vec();
            Err(file.error(object, Hdf5Problem::Shape { expected: "[rows, contacts]".into(), found }))
        }
    }
}

fn check_offsets(file: &Hdf5File, object: &str, offsets: &[u64], nodes: usize, rows: u64) -> Result<()> {
    if offsets.len() != nodes + 1 {
        let problem = ElectrodesFileProblem::OffsetsLength { expected: nodes + 1, found: offsets.len() };
        return Err(file.error(object, problem));
    }
    for (row, (&before, &this)) in offsets.iter().zip(offsets.iter().skip(1)).enumerate() {
        if this < before {
            let problem = ElectrodesFileProblem::OffsetsDecrease { expected: before, found: this };
            return Err(row_error(file, object, row as u64 + 1, problem));
        }
    }
    match offsets.last() {
        Some(&found) if found != rows => {
            Err(file.error(object, ElectrodesFileProblem::OffsetsEnd { expected: rows, found }))
        }
        _ => Ok(()),
    }
}

/// Returns the node ids in ascending order, each with its index.
fn sort_node_ids(file: &Hdf5File, object: &str, ids: &[u64]) -> Result<Vec<(u64, usize)>> {
    let mut by_id: Vec<(u64, usize)> = ids.iter().copied().zip(0..).collect();
    by_id.sort_unstable();
    match by_id.iter().zip(by_id.iter().skip(1)).find(|(a, b)| a.0 == b.0) {
        Some((_, &(id, place))) => Err(row_error(file, object, place as u64, ElectrodesFileProblem::DuplicateNode(id))),
        None => Ok(by_id),
    }
}

fn row_error(file: &Hdf5File, object: &str, row: u64, problem: ElectrodesFileProblem) -> Error {
    Error::new(ErrorLocation::file(file.path()).with_item(object).with_index(row), problem)
}

fn read_electrodes(file: &Hdf5File, populations: &[PopulationEntry]) -> Result<Vec<ContactEntry>> {
    let is_population = |name: &String| populations.iter().any(|p| p.name == *name);
    let names = file.member_names(&format!("/{ELECTRODES}"))?.into_iter().filter(|name| !is_population(name));
    names.map(|name| read_entry(file, name, populations)).collect()
}

fn read_entry(file: &Hdf5File, name: String, populations: &[PopulationEntry]) -> Result<ContactEntry> {
    let group = electrode_path(&name);
    let mut columns = HashMap::new();
    for population in populations {
        if let Some(column) = read_column_index(file, &group, population)? {
            columns.insert(population.name.clone(), column);
        }
    }
    Ok(ContactEntry { name, columns })
}

fn read_position(file: &Hdf5File, group: &str) -> Result<Option<Point>> {
    let object = format!("{group}/position");
    if !file.has_object(&object) {
        return Ok(None);
    }
    match *file.read_floats(&object)?.as_slice() {
        [x, y, z] => Ok(Some(Point::new(x, y, z))),
        _ => Err(file.error(&object, Hdf5Problem::Shape { expected: "[3]".into(), found: file.shape(&object)? })),
    }
}

/// Reads a contact's column index, from where all programs write it or where the SONATA text puts it.
fn read_column_index(file: &Hdf5File, group: &str, population: &PopulationEntry) -> Result<Option<u64>> {
    let plain = format!("{group}/{}", population.name);
    let nested = format!("{plain}/electrode_id");
    if !file.has_object(&plain) {
        return Ok(None);
    }
    let (found, object) = match file.read_unsigned_scalar(&plain) {
        Err(_) if file.has_object(&nested) => (file.read_unsigned_scalar(&nested)?, &nested),
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
