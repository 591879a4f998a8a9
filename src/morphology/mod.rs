//! Morphologies: a soma and a forest of sections, read from SWC, Neurolucida ASC and h5v1.
//!
//! Points are stored as float32, as in the other programs of the field, and converted to float64 for computations.

mod asc;
mod h5v1;
mod soma;
mod swc;

pub use h5v1::MorphologyContainer;
pub use soma::{Soma, SomaForm};

use std::path::Path;

use crate::error::{Context, Problem, Result, format_count};
use crate::geometry::Point;
use crate::io::input_file;
use crate::segments::SectionType;

/// The shape of a neuron, in the coordinates of its file.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Morphology {
    /// The soma.
    pub soma: Soma,
    /// Neurite sections in the simulator's order: axon, basal, apical, never interleaved, each in the order of the
    /// simulator's importer. The soma's section ids come first: `sections[i]` has the id `soma_section_count() + i`.
    pub sections: Vec<Section>,
    /// Changes that the simulator's importer makes, and that a user may not expect.
    pub notes: Vec<ImporterNote>,
}

/// A change that the simulator's importer makes to a morphology, and that a user may not expect.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum ImporterNote {
    /// The importer removes sections of one point or without length.
    RemovedSections {
        /// Number of removed sections.
        sections: usize,
    },
    /// The importer creates several soma sections, each with its own rows.
    SomaSections {
        /// Number of soma sections.
        sections: usize,
    },
    /// The importer draws a section from the soma to a sample without a parent.
    WireFromSoma {
        /// Line of the sample in the file.
        line: u64,
        /// Length of the section, µm.
        length_um: f64,
    },
}

impl std::fmt::Display for ImporterNote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::RemovedSections { sections } => {
                let removed = format_count(*sections as u64, "section");
                write!(f, "{removed} of one point or without length left out, as the simulator's importer does")
            }
            Self::SomaSections { sections } => {
                write!(f, "soma of {sections} sections, as the simulator's importer creates them from its samples")
            }
            Self::WireFromSoma { line, length_um } => write!(
                f,
                "line {line}: sample without a parent, to which the simulator's importer draws a section of {length_um:.1} µm \
                 from the soma"
            ),
        }
    }
}

/// An unbranched piece of neurite.
#[derive(Debug, Clone, PartialEq)]
pub struct Section {
    /// Axon, basal or apical.
    pub kind: SectionType,
    /// Index of the parent section in [`Morphology::sections`]; `None` at the soma.
    pub parent: Option<usize>,
    /// Points in the simulator, µm; a section begins at the point where it connects to its parent.
    pub points: Vec<[f32; 3]>,
    /// Diameters at the points, µm.
    pub diameters_um: Vec<f32>,
    /// Whether the first point belongs to the soma, and not to the neurite.
    pub starts_at_soma: bool,
}

impl Section {
    /// Returns the points in float64.
    pub fn wide_points(&self) -> impl ExactSizeIterator<Item = Point> + '_ {
        self.points.iter().map(|&p| Point::from(p))
    }

    /// Returns the path length along the section's points, µm, equal to NEURON's to the last bit.
    pub fn length_um(&self) -> f64 {
        path_length(&self.points)
    }
}

/// Returns the length that NEURON computes for a section, µm: differences in float32, the rest in float64.
fn path_length(points: &[[f32; 3]]) -> f64 {
    let step = |a: [f32; 3], b: [f32; 3]| {
        let [x, y, z] = [b[0] - a[0], b[1] - a[1], b[2] - a[2]].map(f64::from);
        (x * x + y * y + z * z).sqrt()
    };
    points.windows(2).map(|w| step(w[0], w[1])).sum()
}

impl Morphology {
    /// Creates a morphology from sections in an importer's order; sorts them by type, stably, as the simulator does.
    pub fn from_importer_order(soma: Soma, sections: Vec<Section>) -> Self {
        let mut order: Vec<usize> = (0..sections.len()).collect();
        order.sort_by_key(|&i| sections[i].kind);
        Self { soma, sections: reorder_sections(sections, &order), notes: Vec::new() }
    }

    /// Creates a morphology from trees in file order; sorts them into the simulator's order.
    ///
    /// `sections` must contain every parent before its children. Trees are ordered by the type of their first section
    /// (axon, basal, apical), stably; inside a tree the order is depth first, children in file order (MorphIO's
    /// `nrn_order`). Then all sections are ordered by their own types, stably.
    pub fn from_file_order(soma: Soma, sections: Vec<Section>) -> Self {
        let mut order = depth_first_order(&sections);
        order.sort_by_key(|&i| sections[i].kind);
        Self { soma, sections: reorder_sections(sections, &order), notes: Vec::new() }
    }

    /// Returns the number of soma sections in the simulator, at least one. Their ids come first.
    pub fn soma_section_count(&self) -> usize {
        self.soma.section_count().max(1)
    }

    /// Releases memory that was allocated in excess while reading.
    pub fn shrink_to_fit(&mut self) {
        self.sections.shrink_to_fit();
        for section in &mut self.sections {
            section.points.shrink_to_fit();
            section.diameters_um.shrink_to_fit();
        }
    }

    /// Returns the memory of the sections, bytes, without the allocator's overhead.
    pub fn memory_bytes(&self) -> usize {
        let of_section = |s: &Section| size_of_val(s.points.as_slice()) + size_of_val(s.diameters_um.as_slice());
        size_of_val(self.sections.as_slice()) + self.sections.iter().map(of_section).sum::<usize>()
    }

    /// Returns the indices of the sections without children.
    pub fn terminal_sections(&self) -> Vec<usize> {
        let mut is_parent = vec![false; self.sections.len()];
        self.sections.iter().filter_map(|s| s.parent).for_each(|p| is_parent[p] = true);
        (0..self.sections.len()).filter(|&i| !is_parent[i]).collect()
    }

    /// Returns the number of axon sections, including those of an axon that grows from a dendrite.
    pub fn axon_section_count(&self) -> usize {
        self.sections.iter().filter(|s| s.kind == SectionType::Axon).count()
    }
}

/// Returns the order of MorphIO's `nrn_order`: trees by the type of their first section, stably, each depth first.
fn depth_first_order(sections: &[Section]) -> Vec<usize> {
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); sections.len()];
    let mut roots = Vec::new();
    for (i, section) in sections.iter().enumerate() {
        match section.parent {
            Some(parent) => children[parent].push(i),
            None => roots.push(i),
        }
    }
    roots.sort_by_key(|&root| sections[root].kind);
    let mut order = Vec::with_capacity(sections.len());
    let mut stack: Vec<usize> = roots.into_iter().rev().collect();
    while let Some(i) = stack.pop() {
        order.push(i);
        stack.extend(children[i].iter().rev());
    }
    order
}

/// Reorders sections and updates the indices of their parents.
fn reorder_sections(sections: Vec<Section>, order: &[usize]) -> Vec<Section> {
    let mut place = vec![0; sections.len()];
    order.iter().enumerate().for_each(|(new, &old)| place[old] = new);
    let mut taken: Vec<Option<Section>> = sections.into_iter().map(Some).collect();
    let ordered = order.iter().filter_map(|&i| taken[i].take());
    ordered.map(|s| Section { parent: s.parent.map(|p| place[p]), ..s }).collect()
}

/// File format of morphologies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MorphologyFormat {
    /// SWC: one sample per line.
    Swc,
    /// Neurolucida's text format.
    Asc,
    /// The HDF5 layout with `points` and `structure`.
    H5v1,
}

impl MorphologyFormat {
    /// Returns the extension of the files, without the dot.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Swc => "swc",
            Self::Asc => "asc",
            Self::H5v1 => "h5",
        }
    }
}

/// Reasons why a morphology of any format is invalid.
#[derive(Debug, thiserror::Error, PartialEq)]
#[non_exhaustive]
pub enum MorphologyProblem {
    /// The morphology has no points.
    #[error("morphology is empty, expected a soma and neurites, found no points")]
    Empty,
    /// A coordinate or diameter is infinite or NaN.
    #[error("coordinate or diameter is not finite, expected a number, found `{0}`")]
    NotFinite(f32),
    /// A coordinate or diameter does not parse.
    #[error("wrong coordinate or diameter, expected a number, found `{0}`")]
    NotANumber(String),
    /// The soma contour has fewer than three points.
    #[error("soma contour is too short, expected at least 3 points, found {0}")]
    ShortContour(usize),
    /// There is more than one soma.
    #[error("morphology has two somata, expected one, found a second one")]
    TwoSomata,
    /// There is no soma.
    #[error("morphology has no soma, expected a soma and neurites, found neurites only")]
    NoSoma,
    /// The text starts with a byte-order mark.
    #[error("file starts with a byte-order mark, expected plain text, found the bytes EF BB BF")]
    ByteOrderMark,
}

impl Problem for MorphologyProblem {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::ShortContour(_) => {
                "the simulator would create no soma from it, or one without a length: draw the outline"
            }
            Self::TwoSomata => {
                "the simulator would create a soma section for each, far from the other: keep one in the file"
            }
            Self::NoSoma => {
                "the simulator would create a cell without a soma, for which cell templates fail: add the soma"
            }
            Self::ByteOrderMark => {
                "NEURON's importer would lose the first line, or the whole file: save the file without the mark"
            }
            _ => return None,
        };
        Some(hint.into())
    }
}

/// Reads a morphology file of a given format and checks it.
///
/// ```
/// use leadfield::morphology::{self, MorphologyFormat};
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("cell.swc");
/// std::fs::write(&path, "1 1 0 0 0 5 -1\n2 3 0 5 0 1 1\n3 3 0 55 0 1 2\n")?;
/// let cell = morphology::read(&path, MorphologyFormat::Swc)?;
/// assert_eq!((cell.soma_section_count(), cell.sections.len()), (1, 1));
///
/// // errors name file and line
/// std::fs::write(&path, "1 1 0 0 0 5 -1\n2 9 0 5 0 1 1\n")?;
/// let error = morphology::read(&path, MorphologyFormat::Swc).unwrap_err().to_string();
/// assert!(error.contains("cell.swc: line[2]: unknown section type, expected 1 (soma)"), "{error}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Returns an error if the file is missing, malformed, empty or without a soma, or the simulator's importer cannot
/// import it; the error names the file and the line or object.
pub fn read(path: &Path, format: MorphologyFormat) -> Result<Morphology> {
    match format {
        MorphologyFormat::Swc => swc::parse(&read_text(path)?).and_then(check_not_empty).in_file(path),
        MorphologyFormat::Asc => asc::parse(&read_text(path)?).and_then(check_not_empty).in_file(path),
        MorphologyFormat::H5v1 => h5v1::read(path).and_then(check_not_empty).in_file(path),
    }
}

/// Reads the text of a file; bytes that are not UTF-8 (old Neurolucida comments) become the replacement character.
fn read_text(path: &Path) -> Result<String> {
    let bytes = input_file::read_text(path)?;
    if bytes.starts_with(b"\xEF\xBB\xBF") {
        return Err(MorphologyProblem::ByteOrderMark).in_file(path);
    }
    Ok(String::from_utf8(bytes).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned()))
}

/// Parses a coordinate or diameter.
fn parse_number(word: &str) -> Result<f32, MorphologyProblem> {
    let value: f32 = word.parse().map_err(|_| MorphologyProblem::NotANumber(clip_word(word)))?;
    if value.is_finite() { Ok(value) } else { Err(MorphologyProblem::NotFinite(value)) }
}

/// Returns the first 40 characters of a word, for a message.
fn clip_word(word: &str) -> String {
    word.chars().take(40).collect()
}

/// Returns an error if the morphology has no points or no soma.
fn check_not_empty(morphology: Morphology) -> Result<Morphology> {
    match (morphology.soma.points.is_empty(), morphology.sections.is_empty()) {
        (true, true) => Err(MorphologyProblem::Empty.into()),
        (true, false) => Err(MorphologyProblem::NoSoma.into()),
        (false, _) => Ok(morphology),
    }
}
