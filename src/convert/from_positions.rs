//! Converts the boundary points of many files to one segment table.
//!
//! Row numbers need all node ids, and parts need all somata, so neurons are stored until the last file is read; above
//! [`MAX_POINTS_IN_MEMORY`] boundary points, in a file next to the output. Then parts are formed as by `leadfield
//! positions`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::ConversionProblem;
use super::spill_file::{SpillFile, StoredNeuron};
use crate::convert::bluerecording::NeuronPositions as Boundaries;
use crate::error::{Context, Error, Result};
use crate::geometry::{Aabb, Point, hilbert};
use crate::io::atomic_output::{AtomicOutput, OverwritePolicy};
use crate::io::digest::file_checksum;
use crate::segments::Segments;
use crate::segments::table::{self, Precision, TableMetadata, TableNeuron, manifest, part_files};

/// Maximum number of boundary points in memory: 24 bytes each, 400 MB in all.
pub const MAX_POINTS_IN_MEMORY: usize = 16_000_000;

/// Options of the segment table.
#[derive(Debug, Clone)]
pub struct TableOptions<'a> {
    /// Population of the nodes: boundary files do not state it.
    pub population: &'a str,
    /// Width of the coordinates.
    pub precision: Precision,
    /// Maximum number of segments in a part, except a part of a single neuron.
    pub segments_per_part: u64,
}

/// Numbers of what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableCounts {
    /// Number of neurons.
    pub neurons: u64,
    /// Number of segments.
    pub segments: u64,
    /// Number of parts.
    pub parts: u64,
}

/// A stored neuron.
#[derive(Debug)]
struct GatheredNeuron {
    node_id: u64,
    segment_count: u64,
    first_point: Point,
    first_row: u64,
    stored: StoredNeuron,
}

/// Collects the neurons of many files for one table.
#[derive(Debug)]
pub struct TableFromPositions {
    out: PathBuf,
    output: AtomicOutput,
    spill_file: SpillFile,
    neurons: Vec<GatheredNeuron>,
    /// The file of each node, as an index into `files`.
    file_of_node: HashMap<u64, usize>,
    files: Vec<PathBuf>,
}

impl TableFromPositions {
    /// Creates a table: one file if `out` ends in `.parquet`, otherwise a folder of parts.
    ///
    /// # Errors
    /// Returns an error if the output exists and must not be replaced, or if it cannot be written.
    pub fn new(out: &Path, existing: OverwritePolicy, max_points_in_memory: usize) -> Result<Self> {
        let staged = if part_files::is_single_file(out) {
            AtomicOutput::create_file(out, existing)?
        } else {
            AtomicOutput::create_folder(out, existing, part_files::check_replaceable)?
        };
        let spill = SpillFile::new(out, max_points_in_memory);
        let (entries, origins) = (Vec::new(), HashMap::new());
        Ok(Self {
            out: out.to_path_buf(),
            output: staged,
            spill_file: spill,
            neurons: entries,
            file_of_node: origins,
            files: Vec::new(),
        })
    }

    /// Adds the neurons of a file.
    ///
    /// # Errors
    /// Returns an error if a neuron was added before, or if it cannot be stored.
    pub fn add_file(&mut self, file: &Path, neurons: Vec<Boundaries>) -> Result<()> {
        let number = self.files.len();
        for neuron in &neurons {
            if let Some(other) = self.file_of_node.get(&neuron.node_id).and_then(|&i| self.files.get(i)) {
                let other = other.display().to_string();
                return Err(ConversionProblem::NeuronTwice { node: neuron.node_id, other }).in_file(file);
            }
        }
        self.files.push(file.to_path_buf());
        for neuron in neurons {
            let (node_id, segments, place) = (neuron.node_id, neuron.segment_count(), neuron.first_point());
            self.file_of_node.insert(node_id, number);
            self.neurons.push(GatheredNeuron {
                node_id,
                segment_count: segments,
                first_point: place,
                first_row: 0,
                stored: self.spill_file.store(neuron)?,
            });
        }
        Ok(())
    }

    /// Writes the table; the output gets its name when it is complete. `done` is called with numbers of segments
    /// written.
    ///
    /// # Errors
    /// Returns an error if there are no neurons, or if the output cannot be written.
    pub fn write(mut self, options: &TableOptions<'_>, done: &dyn Fn(u64)) -> Result<TableCounts> {
        if self.neurons.is_empty() {
            return Err(ConversionProblem::Empty).in_file(&self.out);
        }
        let segments = self.assign_rows();
        let curve = hilbert::HilbertCurve::for_bounds(&Aabb::enclosing(self.neurons.iter().map(|e| e.first_point)));
        self.neurons.sort_by_cached_key(|e| (curve.key(e.first_point), e.node_id));
        let neuron =
            |e: &GatheredNeuron| TableNeuron { node_id: e.node_id, first_row: e.first_row, segments: e.segment_count };
        let neurons: Vec<TableNeuron> = self.neurons.iter().map(neuron).collect();
        let single = part_files::is_single_file(&self.out);
        let most = if single { u64::MAX } else { options.segments_per_part };
        let cuts = part_files::split_neurons(&neurons, most);
        let metadata = TableMetadata {
            population: options.population.into(),
            circuit_path: String::new(),
            simulation_path: String::new(),
            discretisation: "boundaries".into(),
            axon_rule: "unknown".into(),
            assumed_rule: String::new(),
            program_version: env!("CARGO_PKG_VERSION").into(),
            segments,
            neurons: neurons.len() as u64,
            parts: cuts.len() as u64,
        };
        let mut checksums = Vec::new();
        for (number, cut) in cuts.iter().enumerate() {
            let placed = self.read_part(cut.clone())?;
            let partial = self.output.partial_path();
            let file = if single { partial.to_path_buf() } else { partial.join(part_files::part_file_name(number)) };
            let own = neurons.get(cut.clone()).unwrap_or_default();
            let written = table::write_part(&file, &placed, own, &metadata, options.precision);
            // if the output was removed or replaced meanwhile, that is the cause to report
            written.map_err(|e: Error| self.output.check_identity().err().unwrap_or(e).in_file(&self.out))?;
            if !single {
                checksums.push(file_checksum(&file)?.1);
            }
            done(placed.len() as u64);
        }
        if !single {
            manifest::write(self.output.partial_path(), &checksums)?;
        }
        self.output.record_length()?;
        table::check_complete(self.output.partial_path(), &metadata)?;
        self.output.commit()?;
        Ok(TableCounts { neurons: metadata.neurons, segments, parts: metadata.parts })
    }

    /// Numbers the rows by ascending node id, and returns their number.
    fn assign_rows(&mut self) -> u64 {
        self.neurons.sort_unstable_by_key(|e| e.node_id);
        self.neurons.iter_mut().fold(0, |row, entry| {
            entry.first_row = row;
            row + entry.segment_count
        })
    }

    fn read_part(&self, which: std::ops::Range<usize>) -> Result<Segments> {
        let entries = self.neurons.get(which).unwrap_or_default();
        let neuron = |entry: &GatheredNeuron| -> Result<Segments> {
            Ok(self.spill_file.get(entry.node_id, &entry.stored)?.segments(entry.first_row).collect())
        };
        let neurons: Vec<Segments> = entries.par_iter().map(neuron).collect::<Result<_>>()?;
        let mut all = Segments::default();
        neurons.iter().for_each(|own| all.append(own));
        Ok(all)
    }
}
