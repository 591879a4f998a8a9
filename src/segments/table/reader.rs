//! Opens a segment table: its parts, metadata and neurons.

use std::path::{Path, PathBuf};

use super::open_part::OpenRequirement;
use super::part::TablePart;
use super::problem::TableProblem;
use super::schema::Precision;
use super::{TableMetadata, TableNeuron, manifest, part_files};
use crate::error::{Context, FileProblem, Result};
use crate::file_kind::{FileKind, name_wrong_kind};
use crate::geometry::Aabb;
use crate::io::atomic_output::OutputConflict;

/// An open table: its parts, metadata and neurons; rows are read part by part.
#[derive(Debug)]
pub struct SegmentTable {
    path: PathBuf,
    parts: Vec<TablePart>,
    metadata: TableMetadata,
    single_part: Option<SinglePart>,
}

/// Data of a part that is opened without the other parts of its table.
#[derive(Debug)]
struct SinglePart {
    /// The metadata of the complete table, as stored in the part.
    table_metadata: TableMetadata,
    /// The neurons of the part, with rows that count from 0.
    renumbered_neurons: Vec<TableNeuron>,
}

impl SegmentTable {
    /// Opens a table: a Parquet file, or a folder of `part-*.parquet`.
    ///
    /// Another program may have rewritten the table: see [`SegmentTable::lacks_metadata`]. Its neurons are then read
    /// from the columns `node_id` and `row`, and its population has no name until [`SegmentTable::set_population`] sets
    /// one.
    ///
    /// # Errors
    /// Returns an error if the table is missing, truncated, no segment table, or in a newer format version, or if its
    /// parts belong to different tables or are incomplete.
    pub fn open(path: &Path) -> Result<Self> {
        Self::open_with(path, OpenRequirement::ColumnsAndMetadata)
    }

    /// Opens a table as [`SegmentTable::open`] does, but reads lists of neurons only when [`SegmentTable::neurons`]
    /// needs them: a spatial search needs none, and reading them takes longer than the search.
    ///
    /// # Errors
    /// Returns the errors of [`SegmentTable::open`], except for lists of neurons.
    pub fn open_without_neurons(path: &Path) -> Result<Self> {
        Self::open_with(path, OpenRequirement::ColumnsOnly)
    }

    fn open_with(path: &Path, demand: OpenRequirement) -> Result<Self> {
        name_wrong_kind(Self::open_parts_with(path, demand), path, &[FileKind::SegmentTable])
    }

    fn open_parts_with(path: &Path, demand: OpenRequirement) -> Result<Self> {
        let parts = open_parts(path, demand)?;
        let first = parts.first().ok_or(TableProblem::NoParts).in_file(path)?;
        if !parts.iter().any(TablePart::has_metadata) {
            let segments = parts.iter().map(TablePart::len).sum();
            let neurons = parts.iter().map(|part| part.neurons().len() as u64).sum();
            let metadata = TableMetadata { segments, neurons, parts: parts.len() as u64, ..TableMetadata::default() };
            return Ok(Self { path: path.to_path_buf(), parts, metadata, single_part: None });
        }
        let metadata = first.ensure_open()?.metadata()?;
        for part in parts.iter().filter_map(TablePart::get_open) {
            let other = part.metadata()?;
            if other != metadata {
                let (expected, found) = first_difference(&metadata, &other);
                return Err(TableProblem::Foreign { expected, found }).in_file(part.path());
            }
        }
        let found = parts.len() as u64;
        if found != metadata.parts && !path.is_dir() {
            return Self::from_single_part(path, parts, metadata);
        }
        if found != metadata.parts {
            return Err(TableProblem::PartCount { expected: metadata.parts, found }).in_file(path);
        }
        Ok(Self { path: path.to_path_buf(), parts, metadata, single_part: None })
    }

    /// Creates a table from a single part that was opened by its path; it contains only the neurons of the part.
    fn from_single_part(path: &Path, parts: Vec<TablePart>, whole: TableMetadata) -> Result<Self> {
        let mut numbered = Vec::new();
        let mut first_row = 0;
        for part in &parts {
            for &neuron in part.ensure_open()?.neurons_or_read()?.iter() {
                numbered.push(TableNeuron { first_row, ..neuron });
                first_row += neuron.segments;
            }
        }
        let neurons = numbered.len() as u64;
        let metadata = TableMetadata { segments: first_row, neurons, parts: parts.len() as u64, ..whole.clone() };
        Ok(Self {
            path: path.to_path_buf(),
            parts,
            metadata,
            single_part: Some(SinglePart { table_metadata: whole, renumbered_neurons: numbered }),
        })
    }

    /// Returns the metadata of the complete table if only one part was opened; `None` otherwise.
    pub fn whole_table_metadata(&self) -> Option<&TableMetadata> {
        self.single_part.as_ref().map(|alone| &alone.table_metadata)
    }

    /// Returns the neurons of a part that was opened alone, with rows that count from 0 as in a separate table; `None`
    /// if the table is complete.
    pub(crate) fn renumbered_neurons(&self) -> Option<&[TableNeuron]> {
        self.single_part.as_ref().map(|alone| alone.renumbered_neurons.as_slice())
    }

    /// Returns whether the table lacks its metadata, because another program rewrote it: population and circuit are
    /// then unknown.
    pub fn lacks_metadata(&self) -> bool {
        !self.parts.iter().any(TablePart::has_metadata)
    }

    /// Returns whether every part was written with checksums, which are verified on reading.
    pub fn has_checksums(&self) -> bool {
        self.parts.iter().all(TablePart::has_checksums)
    }

    /// Sets the population of a table that lacks its metadata; does not change other tables.
    pub fn set_population(&mut self, name: &str) {
        if self.lacks_metadata() {
            self.metadata.population = name.to_string();
        }
    }

    /// Returns the assumptions about a table that lacks its metadata; `None` for other tables.
    pub fn assumptions(&self) -> Option<String> {
        let writer = self.parts.first()?.get_open()?.written_by();
        let population = match self.metadata.population.as_str() {
            "" => "its population is unknown".to_string(),
            name => format!("its population is assumed to be `{name}`"),
        };
        self.lacks_metadata().then(|| {
            format!(
                "segment table without metadata (written by {writer}): its neurons are read from `node_id` and `row`, \
                 {population}"
            )
        })
    }

    /// Returns the path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the metadata of the table.
    pub fn metadata(&self) -> &TableMetadata {
        &self.metadata
    }

    /// Returns the parts, in order.
    pub fn parts(&self) -> &[TablePart] {
        &self.parts
    }

    /// Returns all neurons, in ascending order of node ids, and checks them: their rows cover `0..len` without gaps or,
    /// if only one part was opened, do not overlap.
    ///
    /// # Errors
    /// Returns an error if a node is in two parts, rows overlap or leave a gap, or a list of neurons is missing.
    pub fn neurons(&self) -> Result<Vec<TableNeuron>> {
        let mut all = Vec::new();
        for part in &self.parts {
            all.extend_from_slice(&part.ensure_open()?.neurons_or_read()?);
        }
        all.sort_unstable_by_key(|n| n.node_id);
        if let Some(twice) = all.windows(2).find(|pair| pair[0].node_id == pair[1].node_id) {
            return Err(TableProblem::DuplicateNode(twice[0].node_id)).in_file(&self.path);
        }
        let mut expected = 0;
        for &TableNeuron { node_id: node, first_row: found, segments } in &all {
            let is_gap = self.single_part.is_some() && found > expected;
            if found != expected && !is_gap {
                return Err(TableProblem::FirstRow { node, expected, found }).in_file(&self.path);
            }
            expected = found.saturating_add(segments);
        }
        Ok(all)
    }

    /// Returns the box around all segments, from the files' statistics.
    ///
    /// # Errors
    /// Returns an error if a file has no statistics of its coordinates and its rows cannot be read.
    pub fn bounds(&self) -> Result<Aabb> {
        self.parts.iter().try_fold(Aabb::EMPTY, |b, part| Ok(b.union(part.bounds()?)))
    }

    /// Returns the number of segments.
    pub fn len(&self) -> u64 {
        self.parts.iter().map(TablePart::len).sum()
    }

    /// Returns whether there are no segments.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the width of the coordinates.
    pub fn precision(&self) -> Precision {
        self.parts.first().and_then(TablePart::precision).unwrap_or_default()
    }
}

/// Opens the parts of a file or a folder. If a folder has a manifest, only the first part is opened, unless `demand`
/// requires all of them.
/// Checks, before a table gets its final name, that its files were not truncated after they were written: all parts
/// open, and no rows are missing.
///
/// # Errors
/// Returns an error if the parts are not those of this table.
pub fn check_complete(path: &Path, metadata: &TableMetadata) -> Result<()> {
    let is_whole = SegmentTable::open(path)
        .is_ok_and(|table| table.len() == metadata.segments && table.parts().len() as u64 == metadata.parts);
    if is_whole { Ok(()) } else { Err(OutputConflict::Content).in_file(path) }
}

fn open_parts(path: &Path, demand: OpenRequirement) -> Result<Vec<TablePart>> {
    if !path.is_dir() {
        return Ok(vec![TablePart::open(path, demand)?]);
    }
    let files = part_files::list_part_files(path).map_err(FileProblem::Read).in_file(path)?;
    let Some(entries) = manifest::read_checked_entries(path, &files)? else {
        return files.iter().map(|file| TablePart::open(file, demand)).collect();
    };
    let entries = files.iter().zip(entries);
    let parts: Vec<_> = entries.map(|(file, entry)| TablePart::from_manifest(file.clone(), demand, entry)).collect();
    let opened = if demand == OpenRequirement::ColumnsAndMetadata { parts.len() } else { 1 };
    parts.iter().take(opened).try_for_each(|part| part.ensure_open().map(drop))?;
    Ok(parts)
}

/// Returns the first difference between the metadata of two tables, as text for each.
fn first_difference(a: &TableMetadata, b: &TableMetadata) -> (String, String) {
    let describe = |m: &TableMetadata| {
        [
            format!("population `{}`", m.population),
            format!("circuit `{}`", m.circuit_path),
            format!("simulation `{}`", m.simulation_path),
            format!("discretisation `{}`", m.discretisation),
            format!("axon `{}`", m.axon_rule),
            format!("assumed `{}`", m.assumed_rule),
            format!("{} neurons", m.neurons),
            format!("{} segments", m.segments),
            format!("{} parts", m.parts),
            format!("program version `{}`", m.program_version),
        ]
    };
    describe(a).into_iter().zip(describe(b)).find(|(a, b)| a != b).unwrap_or_default()
}
