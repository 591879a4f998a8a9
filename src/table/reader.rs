//! An open table: its parts, what it says of itself.

use std::path::{Path, PathBuf};

use super::part::{Demand, Part};
use super::problem::TableProblem;
use super::schema::Precision;
use super::{Metadata, Neuron, parts};
use crate::error::{Context, FileProblem, Result};
use crate::geometry::Aabb;
use crate::parquet_file::has_checksums;

/// An open table: its parts, metadata and neurons; rows are read part by part.
#[derive(Debug)]
pub struct Table {
    path: PathBuf,
    parts: Vec<Part>,
    metadata: Metadata,
}

impl Table {
    /// Opens a table: a Parquet file, or a folder of `part-*.parquet`.
    ///
    /// Another program may have rewritten it: see [`Table::is_foreign`]. Its neurons are then those of the columns `node_id`
    /// and `row`, and its population has no name until [`Table::set_population`] gives it one.
    ///
    /// # Errors
    /// Missing, cut short, no segment table, a newer format version, parts of different tables or not all parts.
    pub fn open(path: &Path) -> Result<Self> {
        Self::open_with(path, Demand::Whole)
    }

    /// The same, but lists of neurons are not read before [`Table::neurons`] asks for them: a search by place needs none,
    /// and reading them takes longer than the search.
    ///
    /// # Errors
    /// As [`Table::open`], but for lists of neurons.
    pub fn open_foreign(path: &Path) -> Result<Self> {
        Self::open_with(path, Demand::Columns)
    }

    fn open_with(path: &Path, demand: Demand) -> Result<Self> {
        let files = if path.is_dir() {
            parts::files_in(path).map_err(FileProblem::Read).in_file(path)?
        } else {
            vec![path.to_path_buf()]
        };
        let parts = files.iter().map(|f| Part::open(f, demand)).collect::<Result<Vec<_>>>()?;
        let first = parts.first().ok_or(TableProblem::NoParts).in_file(path)?;
        if !parts.iter().any(Part::has_metadata) {
            let segments = parts.iter().map(Part::len).sum();
            let neurons = parts.iter().map(|part| part.neurons().len() as u64).sum();
            let metadata = Metadata { segments, neurons, parts: parts.len() as u64, ..Metadata::default() };
            return Ok(Self { path: path.to_path_buf(), parts, metadata });
        }
        let metadata = first.metadata()?;
        for part in &parts {
            let own = part.metadata()?;
            if own != metadata {
                let (expected, found) = difference(&metadata, &own);
                return Err(TableProblem::Foreign { expected, found }).in_file(part.path());
            }
        }
        let found = parts.len() as u64;
        if found != metadata.parts {
            return Err(TableProblem::Parts { expected: metadata.parts, found }).in_file(path);
        }
        Ok(Self { path: path.to_path_buf(), parts, metadata })
    }

    /// Whether the table lacks its metadata, since another program rewrote it: population and circuit are then unknown.
    pub fn is_foreign(&self) -> bool {
        !self.parts.iter().any(Part::has_metadata)
    }

    /// Whether every part was written with checksums, which are verified on reading.
    pub fn has_checksums(&self) -> bool {
        self.parts.iter().all(|part| has_checksums(part.file_metadata()))
    }

    /// Names the population of a table that lacks its metadata; the name of any other stays.
    pub fn set_population(&mut self, name: &str) {
        if self.is_foreign() {
            self.metadata.population = name.to_string();
        }
    }

    /// What is assumed of a table that lacks its metadata; none of any other.
    pub fn assumptions(&self) -> Option<String> {
        let writer = self.parts.first()?.written_by();
        let population = match self.metadata.population.as_str() {
            "" => "its population is unknown".to_string(),
            name => format!("its population is taken to be `{name}`"),
        };
        self.is_foreign().then(|| {
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
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// The parts, in order.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// All neurons, node ids ascending, checked: their rows tile `0..len` without gap.
    ///
    /// # Errors
    /// A node in two parts, or rows that overlap or leave a gap; no list of neurons.
    pub fn neurons(&self) -> Result<Vec<Neuron>> {
        let mut all = Vec::new();
        for part in &self.parts {
            all.extend_from_slice(&part.known_neurons()?);
        }
        all.sort_unstable_by_key(|n| n.node_id);
        if let Some(twice) = all.windows(2).find(|pair| pair[0].node_id == pair[1].node_id) {
            return Err(TableProblem::Twice(twice[0].node_id)).in_file(&self.path);
        }
        let mut expected = 0;
        for &Neuron { node_id: node, first_row: found, segments } in &all {
            if found != expected {
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
        self.parts.iter().map(Part::len).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Width of the coordinates.
    pub fn precision(&self) -> Precision {
        self.parts.first().map_or(Precision::F64, Part::precision)
    }
}

/// The first thing in which two tables differ, as each says it.
fn difference(a: &Metadata, b: &Metadata) -> (String, String) {
    let told = |m: &Metadata| {
        [
            format!("population `{}`", m.population),
            format!("circuit `{}`", m.circuit),
            format!("discretisation `{}`", m.discretisation),
            format!("axon `{}`", m.axon),
            format!("assumed `{}`", m.assumed),
            format!("{} neurons", m.neurons),
            format!("{} segments", m.segments),
            format!("{} parts", m.parts),
            format!("program version `{}`", m.program_version),
        ]
    };
    told(a).into_iter().zip(told(b)).find(|(a, b)| a != b).unwrap_or_default()
}
