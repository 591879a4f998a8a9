//! Morphologies: a soma and a forest of sections, read from SWC, Neurolucida ASC and h5v1.
//!
//! Points are kept at the stored width (float32), as every program of the field does, and widened when computed with.

mod asc;
mod h5v1;
mod soma;
mod swc;

pub use h5v1::Container;
pub use soma::{Soma, SomaForm};

use std::path::Path;

use crate::error::{Context, Error, Problem, Result};
use crate::geometry::Point;
use crate::input_file;
use crate::segments::SectionType;

/// A neuron's shape, in the frame of its file.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Morphology {
    /// The cell body.
    pub soma: Soma,
    /// Sections in the simulator's order: axon, basal, apical; depth first in file order inside a type
    /// (MorphIO's `nrn_order`). The section id of `sections[i]` is `i + 1`; the soma is 0.
    pub sections: Vec<Section>,
}

/// An unbranched piece of neurite.
#[derive(Debug, Clone, PartialEq)]
pub struct Section {
    /// Axon, basal or apical.
    pub kind: SectionType,
    /// Place of the parent section in [`Morphology::sections`]; none at the soma.
    pub parent: Option<usize>,
    /// Points, um. The first one is the parent's last, except at the soma. A section at the soma that has but one point
    /// in its file starts at the soma's centre, as in NEURON.
    pub points: Vec<[f32; 3]>,
    /// Diameters at the points, um.
    pub diameters: Vec<f32>,
}

impl Section {
    /// The points, widened.
    pub fn points(&self) -> impl ExactSizeIterator<Item = Point> + '_ {
        self.points.iter().map(|&p| Point::from(p))
    }

    /// Path length along the section's own points, um, summed in float64.
    pub fn length(&self) -> f64 {
        let steps = self.points.windows(2).map(|w| Point::from(w[0]).distance(Point::from(w[1])));
        steps.sum()
    }
}

impl Morphology {
    /// Puts trees that were read in file order into the simulator's order.
    ///
    /// `sections` must hold every parent before its children. Trees are ordered by the type of their first section
    /// (axon, basal, apical), stably; inside a tree the order is depth first, children in file order.
    pub fn from_file_order(soma: Soma, sections: Vec<Section>) -> Self {
        let mut children: Vec<Vec<usize>> = vec![Vec::new(); sections.len()];
        let mut roots = Vec::new();
        for (i, section) in sections.iter().enumerate() {
            match section.parent {
                Some(parent) => children[parent].push(i),
                None => roots.push(i),
            }
        }
        roots.sort_by_key(|&root| sections[root].kind);
        let mut place = vec![0; sections.len()];
        let mut order = Vec::with_capacity(sections.len());
        let mut stack: Vec<usize> = roots.into_iter().rev().collect();
        while let Some(i) = stack.pop() {
            place[i] = order.len();
            order.push(i);
            stack.extend(children[i].iter().rev());
        }
        let mut taken: Vec<Option<Section>> = sections.into_iter().map(Some).collect();
        let ordered = order.iter().filter_map(|&i| taken[i].take());
        let moved = ordered.map(|s| Section { parent: s.parent.map(|p| place[p]), ..s });
        Self { soma, sections: moved.collect() }
    }

    /// Gives back the memory that reading has left over.
    pub fn shrink(&mut self) {
        self.sections.shrink_to_fit();
        for section in &mut self.sections {
            section.points.shrink_to_fit();
            section.diameters.shrink_to_fit();
        }
    }

    /// Memory that its sections take, bytes, without the allocator's own.
    pub fn bytes(&self) -> usize {
        let of_section = |s: &Section| size_of_val(s.points.as_slice()) + size_of_val(s.diameters.as_slice());
        size_of_val(self.sections.as_slice()) + self.sections.iter().map(of_section).sum::<usize>()
    }

    /// Places of the sections without children.
    pub fn terminals(&self) -> Vec<usize> {
        let mut is_parent = vec![false; self.sections.len()];
        self.sections.iter().filter_map(|s| s.parent).for_each(|p| is_parent[p] = true);
        (0..self.sections.len()).filter(|&i| !is_parent[i]).collect()
    }

    /// Number of axon sections. Axons that grow from the soma come first; one that grows from a dendrite is counted too.
    pub fn axon_sections(&self) -> usize {
        self.sections.iter().filter(|s| s.kind == SectionType::Axon).count()
    }
}

/// A file format of morphologies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// SWC: one sample a line.
    Swc,
    /// Neurolucida's text format.
    Asc,
    /// The HDF5 layout of `points` and `structure`.
    H5v1,
}

impl Format {
    /// The extension of its files, without the dot.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Swc => "swc",
            Self::Asc => "asc",
            Self::H5v1 => "h5",
        }
    }
}

/// What is wrong with a morphology as a whole, whatever its format.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum Fault {
    /// Nothing in it.
    #[error("morphology is empty, expected a soma and neurites, found no points")]
    Empty,
    /// A number that is none.
    #[error("coordinate or diameter is not finite, expected a number, found `{0}`")]
    NotFinite(f32),
    /// A word where a number belongs.
    #[error("wrong coordinate or diameter, expected a number, found `{0}`")]
    NotANumber(String),
    /// An outline that encloses nothing.
    #[error("soma contour is too short, expected at least 2 points, found {0}")]
    ShortContour(usize),
    /// More than one cell body.
    #[error("morphology has two somata, expected one, found a second one")]
    TwoSomata,
    /// No neurite.
    #[error("morphology has a soma only, expected neurites, found none")]
    SomaOnly,
    /// A section whose points all coincide.
    #[error("section has zero length, expected two distinct points, found {points} at {at}")]
    ZeroLength {
        /// How many points.
        points: usize,
        /// Where they are.
        at: Point,
    },
}

impl Problem for Fault {}

/// Reads a morphology file of a given format and checks it.
///
/// # Errors
/// The file is missing, malformed, empty, without neurites, or has a section of zero length; the error names the file
/// and the line, object or section.
pub fn read(path: &Path, format: Format) -> Result<Morphology> {
    match format {
        Format::Swc => swc::parse(&text(path)?).and_then(checked).in_file(path),
        Format::Asc => asc::parse(&text(path)?).and_then(checked).in_file(path),
        Format::H5v1 => h5v1::read(path).and_then(checked).in_file(path),
    }
}

/// The text of a file; bytes that are not UTF-8 (old Neurolucida comments) become the replacement character.
fn text(path: &Path) -> Result<String> {
    let bytes = input_file::read(path)?;
    Ok(String::from_utf8(bytes).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned()))
}

/// The coordinate or diameter that a word stands for.
fn number(word: &str) -> Result<f32, Fault> {
    let value: f32 = word.parse().map_err(|_| Fault::NotANumber(clipped(word)))?;
    if value.is_finite() { Ok(value) } else { Err(Fault::NotFinite(value)) }
}

/// A word for a message: its first 40 characters.
fn clipped(word: &str) -> String {
    word.chars().take(40).collect()
}

/// Refuses what no format may hold, and gives a neurite of a single point its start.
fn checked(mut morphology: Morphology) -> Result<Morphology> {
    if morphology.sections.is_empty() {
        return Err(if morphology.soma.points.is_empty() { Fault::Empty } else { Fault::SomaOnly }.into());
    }
    start_at_soma(&mut morphology);
    let is_zero = |s: &Section| s.points.windows(2).all(|w| w[0] == w[1]);
    if let Some(i) = morphology.sections.iter().position(is_zero) {
        let section = &morphology.sections[i];
        let at = section.points().next().unwrap_or_default();
        return Err(Error::from(Fault::ZeroLength { points: section.points.len(), at }).at("section", i as u64 + 1));
    }
    Ok(morphology)
}

/// Has sections at the soma that have but one point start at the soma's centre.
fn start_at_soma(morphology: &mut Morphology) {
    let Some(center) = morphology.soma.center() else { return };
    for section in morphology.sections.iter_mut().filter(|s| s.parent.is_none() && s.points.len() == 1) {
        section.points.insert(0, center);
        section.diameters.extend_from_within(..);
    }
}
