//! Stores neurons' boundary points until all neurons are known: in memory up to a limit, then in a file next to the
//! output.

use std::path::{Path, PathBuf};

use zerocopy::IntoBytes;

use crate::convert::bluerecording::NeuronPositions;
use crate::error::{Context, FileProblem, Result};
use crate::geometry::Point;
use crate::io::atomic_output::IoProbe;

/// Location of a stored neuron.
#[derive(Debug)]
pub(super) enum StoredNeuron {
    /// In memory.
    Memory(NeuronPositions),
    /// In the file.
    File {
        /// First byte.
        at: u64,
        /// Number of sections.
        sections: usize,
        /// Number of boundary points.
        boundaries: usize,
    },
}

/// Stores neurons.
#[derive(Debug)]
pub(super) struct SpillFile {
    /// The output; the file is created in the same folder.
    output: PathBuf,
    file: Option<IoProbe>,
    length_bytes: u64,
    /// Number of boundary points in memory, and its limit.
    points_in_memory: usize,
    max_points_in_memory: usize,
}

/// Bytes of a section's id and length.
const SECTION_BYTES: usize = 8;
const POINT_BYTES: usize = 24;

impl SpillFile {
    pub fn new(output: &Path, most: usize) -> Self {
        Self {
            output: output.to_path_buf(),
            file: None,
            length_bytes: 0,
            points_in_memory: 0,
            max_points_in_memory: most,
        }
    }

    /// Stores a neuron.
    pub fn store(&mut self, neuron: NeuronPositions) -> Result<StoredNeuron> {
        if self.points_in_memory + neuron.point_count() <= self.max_points_in_memory {
            self.points_in_memory += neuron.point_count();
            return Ok(StoredNeuron::Memory(neuron));
        }
        let bytes = encode(&neuron);
        let (at, sections, boundaries) = (self.length_bytes, neuron.sections().count(), neuron.point_count());
        self.open_file()?.write_at(&bytes, at).in_file(&self.output)?;
        self.length_bytes += bytes.len() as u64;
        Ok(StoredNeuron::File { at, sections, boundaries })
    }

    /// Opens the file. It has no name, so that the system removes it when the program ends, for whatever reason.
    fn open_file(&mut self) -> Result<&IoProbe> {
        if self.file.is_none() {
            self.file = Some(IoProbe::create_beside(&self.output)?);
        }
        self.file.as_ref().ok_or_else(|| FileProblem::IsFolder.into())
    }

    /// Returns a stored neuron.
    pub fn get<'a>(&self, node_id: u64, held: &'a StoredNeuron) -> Result<std::borrow::Cow<'a, NeuronPositions>> {
        use std::borrow::Cow;
        let (at, sections, boundaries) = match held {
            StoredNeuron::Memory(neuron) => return Ok(Cow::Borrowed(neuron)),
            StoredNeuron::File { at, sections, boundaries } => (*at, *sections, *boundaries),
        };
        let mut bytes = vec![0; sections * SECTION_BYTES + boundaries * POINT_BYTES];
        if let Some(file) = &self.file {
            file.read_at(&mut bytes, at).in_file(&self.output)?;
        }
        Ok(Cow::Owned(decode(node_id, &bytes, sections)))
    }
}

/// Encodes ids and lengths of sections, then all boundary points.
fn encode(neuron: &NeuronPositions) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(neuron.point_count() * POINT_BYTES);
    for section in neuron.sections() {
        bytes.extend_from_slice([section.id, section.points.len() as u32].as_bytes());
    }
    for point in neuron.sections().flat_map(|section| section.points) {
        bytes.extend_from_slice(point.to_array().as_bytes());
    }
    bytes
}

fn decode(node_id: u64, bytes: &[u8], sections: usize) -> NeuronPositions {
    let (heads, points) = bytes.split_at(sections * SECTION_BYTES);
    let coordinates = points.as_chunks::<8>().0.iter().map(|b| f64::from_ne_bytes(*b)).collect::<Vec<_>>();
    let mut points = coordinates.as_chunks::<3>().0.iter().map(|xyz| Point::from(*xyz));
    let mut neuron = NeuronPositions::new(node_id);
    let numbers = heads.as_chunks::<4>().0.iter().map(|b| u32::from_ne_bytes(*b)).collect::<Vec<_>>();
    for &[id, length] in numbers.as_chunks::<2>().0 {
        let own: Vec<Point> = points.by_ref().take(length as usize).collect();
        neuron.push_section(id, &own);
    }
    neuron
}

#[cfg(test)]
mod tests {
    use super::*;

    fn neuron(node: u64) -> NeuronPositions {
        let mut neuron = NeuronPositions::new(node);
        neuron.push_section(0, &[Point::new(node as f64, -0.0, 0.1)]);
        neuron.push_section(3, &[Point::new(1.0, 2.0, 3.0), Point::new(f64::MIN_POSITIVE, 5.0, 1e300)]);
        neuron
    }

    #[test]
    fn neurons_beyond_the_limit_come_back_from_the_file_as_they_were() {
        let dir = tempfile::tempdir().unwrap();
        let mut spill = SpillFile::new(&dir.path().join("t"), 3);
        let held: Vec<StoredNeuron> = (1..4).map(|node| spill.store(neuron(node)).unwrap()).collect();
        let in_file: Vec<bool> = held.iter().map(|h| matches!(h, StoredNeuron::File { .. })).collect();
        assert_eq!(in_file, [false, true, true]);
        for (node, held) in (1..4).zip(&held) {
            assert_eq!(*spill.get(node, held).unwrap(), neuron(node));
        }
        // the file has no name
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
