//! An open table: its parts, what it says of itself.

use std::path::{Path, PathBuf};

use super::open_part::OpenRequirement;
use super::part::TablePart;
use super::problem::TableProblem;
use super::schema::Precision;
use super::{TableMetadata, TableNeuron, manifest, part_files};
use crate::error::{Context, FileProblem, Result};
use crate::geometry::Aabb;

/// An open table: its parts, metadata and neurons; rows are read part by part.
#[derive(Debug)]
pub struct SegmentTable {
    path: PathBuf,
    parts: Vec<TablePart>,
    metadata: TableMetadata,
    single_part: Option<SinglePart>,
}

/// What is known of a part that is opened without the others of its table.
#[derive(Debug)]
struct SinglePart {
    /// What the part says of its table.
    table_metadata: TableMetadata,
    /// Its neurons with rows that count from 0.
    renumbered_neurons: Vec<TableNeuron>,
}

impl SegmentTable {
    /// Opens a table: a Parquet file, or a folder of `part-*.parquet`.
    ///
    /// Another program may have rewritten it: see [`SegmentTable::lacks_metadata`]. Its neurons are then those of the columns `node_id`
    /// and `row`, and its population has no name until [`SegmentTable::set_population`] gives it one.
    ///
    /// # Errors
    /// Missing, cut short, no segment table, a newer format version, parts of different tables or not all parts.
    pub fn open(path: &Path) -> Result<Self> {
        Self::open_with(path, OpenRequirement::ColumnsAndMetadata)
    }

    /// The same, but lists of neurons are not read before [`SegmentTable::neurons`] asks for them: a search by place needs none,
    /// and reading them takes longer than the search.
    ///
    /// # Errors
    /// As [`SegmentTable::open`], but for lists of neurons.
    pub fn open_without_neurons(path: &Path) -> Result<Self> {
        Self::open_with(path, OpenRequirement::ColumnsOnly)
    }

    fn open_with(path: &Path, demand: OpenRequirement) -> Result<Self> {
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
            let own = part.metadata()?;
            if own != metadata {
                let (expected, found) = first_difference(&metadata, &own);
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

    /// A part of a table by its own name is a table too: of its own neurons.
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

    /// What a part that was opened without the others says of its table; none where the table is whole.
    pub fn whole_table_metadata(&self) -> Option<&TableMetadata> {
        self.single_part.as_ref().map(|alone| &alone.table_metadata)
    }

    /// The neurons of a part that was opened without the others, with rows that count from 0 as they would in a table of its own; none where the
    /// table is whole.
    pub(crate) fn renumbered_neurons(&self) -> Option<&[TableNeuron]> {
        self.single_part.as_ref().map(|alone| alone.renumbered_neurons.as_slice())
    }

    /// Whether the table lacks its metadata, since another program rewrote it: population and circuit are then unknown.
    pub fn lacks_metadata(&self) -> bool {
        !self.parts.iter().any(TablePart::has_metadata)
    }

    /// Whether every part was written with checksums, which are verified on reading.
    pub fn has_checksums(&self) -> bool {
        self.parts.iter().all(TablePart::has_checksums)
    }

    /// Names the population of a table that lacks its metadata; the name of any other stays.
    pub fn set_population(&mut self, name: &str) {
        if self.lacks_metadata() {
            self.metadata.population = name.to_string();
        }
    }

    /// What is assumed of a table that lacks its metadata; none of any other.
    pub fn assumptions(&self) -> Option<String> {
        let writer = self.parts.first()?.get_open()?.written_by();
        let population = match self.metadata.population.as_str() {
            "" => "its population is unknown".to_string(),
            name => format!("its population is taken to be `{name}`"),
        };
        self.lacks_metadata().then(|| {
            format!(
                "no metadata of a segment table (written by {writer}): its columns are taken as such, its neurons are \
                 those of `node_id` and `row`, {population}"
            )
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the table says of itself.
    pub fn metadata(&self) -> &TableMetadata {
        &self.metadata
    }

    /// The parts, in order.
    pub fn parts(&self) -> &[TablePart] {
        &self.parts
    }

    /// All neurons, node ids ascending, checked: their rows tile `0..len` without gap, or, in a part without the others of its table, do not
    /// overlap.
    ///
    /// # Errors
    /// A node in two parts, or rows that overlap or leave a gap; no list of neurons.
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

    /// The box round all segments, from the files' statistics.
    ///
    /// # Errors
    /// A file holds no statistics of its coordinates.
    pub fn bounds(&self) -> Result<Aabb> {
        self.parts.iter().try_fold(Aabb::EMPTY, |b, part| Ok(b.union(part.bounds()?)))
    }

    /// Number of segments.
    pub fn len(&self) -> u64 {
        self.parts.iter().map(TablePart::len).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Width of the coordinates.
    pub fn precision(&self) -> Precision {
        self.parts.first().and_then(TablePart::precision).unwrap_or_default()
    }
}

/// The parts of a file or a folder. Where a folder has a manifest, the first is opened, and the others are where that is demanded.
fn open_parts(path: &Path, demand: OpenRequirement) -> Result<Vec<TablePart>> {
    if !path.is_dir() {
        return Ok(vec![TablePart::open(path, demand)?]);
    }
    let files = part_files::list_part_files(path).map_err(FileProblem::Read).in_file(path)?;
    let Some(parts) = manifest::read_parts(path, &files, demand)? else {
        return files.iter().map(|file| TablePart::open(file, demand)).collect();
    };
    let opened = if demand == OpenRequirement::ColumnsAndMetadata { parts.len() } else { 1 };
    parts.iter().take(opened).try_for_each(|part| part.ensure_open().map(drop))?;
    Ok(parts)
}

/// The first thing in which two tables differ, as each says it.
fn first_difference(a: &TableMetadata, b: &TableMetadata) -> (String, String) {
    let told = |m: &TableMetadata| {
        [
            format!("population `{}`", m.population),
            format!("circuit `{}`", m.circuit_path),
            format!("discretisation `{}`", m.discretisation),
            format!("axon `{}`", m.axon_rule),
            format!("assumed `{}`", m.assumed_rule),
            format!("{} neurons", m.neurons),
            format!("{} segments", m.segments),
            format!("{} parts", m.parts),
            format!("program version `{}`", m.program_version),
        ]
    };
    told(a).into_iter().zip(told(b)).find(|(a, b)| a != b).unwrap_or_default()
}
