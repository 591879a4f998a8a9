//! Boundaries of many files become one segment table.
//!
//! Rows need all node ids, parts all somata: so neurons are held until the last file is read, beyond [`MOST_HELD`]
//! boundaries in a file beside the output. Then parts are made as `leadfield positions` makes them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::ExchangeProblem;
use super::spill::{Held, Spill};
use crate::convert::bluerecording::Neuron as Boundaries;
use crate::error::{Context, Error, Result};
use crate::geometry::{Aabb, Point, hilbert};
use crate::io::atomic_output::{Existing, Staged};
use crate::io::checkpoint::checksum_of;
use crate::segments::Segments;
use crate::segments::table::{self, Metadata, Neuron, Precision, manifest, parts};

/// Boundaries that are held in memory: 24 bytes each, 400 MB in all.
pub const MOST_HELD: usize = 16_000_000;

/// How the table is made.
#[derive(Debug, Clone)]
pub struct TableOptions<'a> {
    /// Population of the nodes: boundaries have none.
    pub population: &'a str,
    /// Width of the coordinates.
    pub precision: Precision,
    /// Segments in a part, unless a neuron alone has more.
    pub segments_per_part: u64,
}

/// What was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Made {
    /// Number of neurons.
    pub neurons: u64,
    /// Number of segments.
    pub segments: u64,
    /// Number of parts.
    pub parts: u64,
}

/// A neuron that is held.
#[derive(Debug)]
struct Entry {
    node_id: u64,
    segments: u64,
    place: Point,
    first_row: u64,
    held: Held,
}

/// Neurons of many files, to become a table.
#[derive(Debug)]
pub struct Gathered {
    out: PathBuf,
    staged: Staged,
    spill: Spill,
    entries: Vec<Entry>,
    /// The file that each node came from, by its place in `files`.
    origins: HashMap<u64, usize>,
    files: Vec<PathBuf>,
}

impl Gathered {
    /// Starts a table: one file where `out` ends in `.parquet`, else a folder of parts.
    ///
    /// # Errors
    /// It exists and is to be kept, or cannot be written.
    pub fn new(out: &Path, existing: Existing, most_held: usize) -> Result<Self> {
        let staged = if parts::is_single_file(out) {
            Staged::new(out, existing)?
        } else {
            Staged::folder(out, existing, parts::check_replaceable)?
        };
        let spill = Spill::beside(out, most_held);
        let (entries, origins) = (Vec::new(), HashMap::new());
        Ok(Self { out: out.to_path_buf(), staged, spill, entries, origins, files: Vec::new() })
    }

    /// Adds the neurons of a file.
    ///
    /// # Errors
    /// A neuron is there already, or it cannot be held.
    pub fn add(&mut self, file: &Path, neurons: Vec<Boundaries>) -> Result<()> {
        let number = self.files.len();
        for neuron in &neurons {
            if let Some(other) = self.origins.get(&neuron.node_id).and_then(|&i| self.files.get(i)) {
                let other = other.display().to_string();
                return Err(ExchangeProblem::NeuronTwice { node: neuron.node_id, other }).in_file(file);
            }
        }
        self.files.push(file.to_path_buf());
        for neuron in neurons {
            let (node_id, segments, place) = (neuron.node_id, neuron.segment_count(), neuron.place());
            self.origins.insert(node_id, number);
            self.entries.push(Entry { node_id, segments, place, first_row: 0, held: self.spill.hold(neuron)? });
        }
        Ok(())
    }

    /// Writes the table; the output appears under its name when complete. `done` is told segments written.
    ///
    /// # Errors
    /// No neurons, or the output cannot be written.
    pub fn write(mut self, options: &TableOptions<'_>, done: &dyn Fn(u64)) -> Result<Made> {
        if self.entries.is_empty() {
            return Err(ExchangeProblem::Empty).in_file(&self.out);
        }
        let segments = self.number_rows();
        let curve = hilbert::Curve::over(&Aabb::of(self.entries.iter().map(|e| e.place)));
        self.entries.sort_by_cached_key(|e| (curve.key(e.place), e.node_id));
        let neuron = |e: &Entry| Neuron { node_id: e.node_id, first_row: e.first_row, segments: e.segments };
        let neurons: Vec<Neuron> = self.entries.iter().map(neuron).collect();
        let single = parts::is_single_file(&self.out);
        let most = if single { u64::MAX } else { options.segments_per_part };
        let cuts = parts::cut(&neurons, most);
        let metadata = Metadata {
            population: options.population.into(),
            circuit: String::new(),
            discretisation: "boundaries".into(),
            axon: "unknown".into(),
            assumed: String::new(),
            program_version: env!("CARGO_PKG_VERSION").into(),
            segments,
            neurons: neurons.len() as u64,
            parts: cuts.len() as u64,
        };
        let mut checksums = Vec::new();
        for (number, cut) in cuts.iter().enumerate() {
            let placed = self.part(cut.clone())?;
            let partial = self.staged.partial();
            let file = if single { partial.to_path_buf() } else { partial.join(parts::file_name(number)) };
            let own = neurons.get(cut.clone()).unwrap_or_default();
            let written = table::write_part(&file, &placed, own, &metadata, options.precision);
            // where the table itself was taken away, that is what went wrong
            written.map_err(|e: Error| self.staged.check_made().err().unwrap_or(e).in_file(&self.out))?;
            if !single {
                checksums.push(checksum_of(&file)?.1);
            }
            done(placed.len() as u64);
        }
        if !single {
            manifest::write(self.staged.partial(), &checksums)?;
        }
        self.staged.note_length()?;
        parts::check_whole(self.staged.partial(), &metadata)?;
        self.staged.commit()?;
        Ok(Made { neurons: metadata.neurons, segments, parts: metadata.parts })
    }

    /// Numbers the rows by ascending node id, and gives their number.
    fn number_rows(&mut self) -> u64 {
        self.entries.sort_unstable_by_key(|e| e.node_id);
        self.entries.iter_mut().fold(0, |row, entry| {
            entry.first_row = row;
            row + entry.segments
        })
    }

    fn part(&self, which: std::ops::Range<usize>) -> Result<Segments> {
        let entries = self.entries.get(which).unwrap_or_default();
        let neuron = |entry: &Entry| -> Result<Segments> {
            Ok(self.spill.get(entry.node_id, &entry.held)?.segments(entry.first_row).collect())
        };
        let neurons: Vec<Segments> = entries.par_iter().map(neuron).collect::<Result<_>>()?;
        let mut all = Segments::default();
        neurons.iter().for_each(|own| all.append(own));
        Ok(all)
    }
}
