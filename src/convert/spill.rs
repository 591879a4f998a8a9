//! Neurons' boundaries that are held until all are known: in memory up to a limit, then in a file beside the output.

use std::path::{Path, PathBuf};

use zerocopy::IntoBytes;

use crate::convert::bluerecording::Neuron;
use crate::error::{Context, FileProblem, Result};
use crate::geometry::Point;
use crate::io::atomic_output::Trial;

/// Where a neuron is held.
#[derive(Debug)]
pub(super) enum Held {
    /// In memory.
    Memory(Neuron),
    /// In the file: first byte and number of sections.
    File {
        /// First byte.
        at: u64,
        /// Number of sections.
        sections: usize,
        /// Number of boundaries.
        boundaries: usize,
    },
}

/// Holds neurons.
#[derive(Debug)]
pub(super) struct Spill {
    /// Beside which output the file lies.
    beside: PathBuf,
    file: Option<Trial>,
    end: u64,
    /// Boundaries in memory, and how many may be.
    held: usize,
    most: usize,
}

/// Bytes of a section's id and length.
const SECTION_BYTES: usize = 8;
const POINT_BYTES: usize = 24;

impl Spill {
    pub fn beside(output: &Path, most: usize) -> Self {
        Self { beside: output.to_path_buf(), file: None, end: 0, held: 0, most }
    }

    /// Holds a neuron.
    pub fn hold(&mut self, neuron: Neuron) -> Result<Held> {
        if self.held + neuron.boundaries() <= self.most {
            self.held += neuron.boundaries();
            return Ok(Held::Memory(neuron));
        }
        let bytes = encoded(&neuron);
        let (at, sections, boundaries) = (self.end, neuron.sections().count(), neuron.boundaries());
        self.file()?.write(&bytes, at).in_file(&self.beside)?;
        self.end += bytes.len() as u64;
        Ok(Held::File { at, sections, boundaries })
    }

    /// The file. It has no name, so that it goes with the program, however that ends.
    fn file(&mut self) -> Result<&Trial> {
        if self.file.is_none() {
            self.file = Some(Trial::beside(&self.beside)?);
        }
        self.file.as_ref().ok_or_else(|| FileProblem::IsFolder.into())
    }

    /// Gives a neuron back.
    pub fn get<'a>(&self, node_id: u64, held: &'a Held) -> Result<std::borrow::Cow<'a, Neuron>> {
        use std::borrow::Cow;
        let (at, sections, boundaries) = match held {
            Held::Memory(neuron) => return Ok(Cow::Borrowed(neuron)),
            Held::File { at, sections, boundaries } => (*at, *sections, *boundaries),
        };
        let mut bytes = vec![0; sections * SECTION_BYTES + boundaries * POINT_BYTES];
        if let Some(file) = &self.file {
            file.read(&mut bytes, at).in_file(&self.beside)?;
        }
        Ok(Cow::Owned(decoded(node_id, &bytes, sections)))
    }
}

/// Ids and lengths of sections, then all boundaries.
fn encoded(neuron: &Neuron) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(neuron.boundaries() * POINT_BYTES);
    for section in neuron.sections() {
        bytes.extend_from_slice([section.id, section.boundaries.len() as u32].as_bytes());
    }
    for point in neuron.sections().flat_map(|section| section.boundaries) {
        bytes.extend_from_slice(point.to_array().as_bytes());
    }
    bytes
}

fn decoded(node_id: u64, bytes: &[u8], sections: usize) -> Neuron {
    let (heads, points) = bytes.split_at(sections * SECTION_BYTES);
    let coordinates = points.as_chunks::<8>().0.iter().map(|b| f64::from_ne_bytes(*b)).collect::<Vec<_>>();
    let mut points = coordinates.as_chunks::<3>().0.iter().map(|xyz| Point::from(*xyz));
    let mut neuron = Neuron::new(node_id);
    let numbers = heads.as_chunks::<4>().0.iter().map(|b| u32::from_ne_bytes(*b)).collect::<Vec<_>>();
    for &[id, length] in numbers.as_chunks::<2>().0 {
        let own: Vec<Point> = points.by_ref().take(length as usize).collect();
        neuron.push(id, &own);
    }
    neuron
}

#[cfg(test)]
mod tests {
    use super::*;

    fn neuron(node: u64) -> Neuron {
        let mut neuron = Neuron::new(node);
        neuron.push(0, &[Point::new(node as f64, -0.0, 0.1)]);
        neuron.push(3, &[Point::new(1.0, 2.0, 3.0), Point::new(f64::MIN_POSITIVE, 5.0, 1e300)]);
        neuron
    }

    #[test]
    fn neurons_beyond_the_limit_come_back_from_the_file_as_they_were() {
        let dir = tempfile::tempdir().unwrap();
        let mut spill = Spill::beside(&dir.path().join("t"), 3);
        let held: Vec<Held> = (1..4).map(|node| spill.hold(neuron(node)).unwrap()).collect();
        let in_file: Vec<bool> = held.iter().map(|h| matches!(h, Held::File { .. })).collect();
        assert_eq!(in_file, [false, true, true]);
        for (node, held) in (1..4).zip(&held) {
            assert_eq!(*spill.get(node, held).unwrap(), neuron(node));
        }
        // a file without a name
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
