//! SWC: one sample per line, `id type x y z radius parent`.
//!
//! `#` starts a comment; columns after the seventh are ignored; ids, types and parents may be written as `1.0`. Types
//! are 1 soma, 2 axon, 3 basal, 4 apical. Cannon et al. 1998, J Neurosci Methods 84:49,
//! <https://doi.org/10.1016/S0165-0270(98)00091-0>.
//!
//! Sections are those that NEURON's importer (`Import3d_SWC_read`, `Import3d_GUI`) creates from the samples: see
//! `sections`. A file that it cannot import is an error that names the line: ids that do not ascend, other types, lines
//! that do not parse.

mod sections;

use super::{Morphology, MorphologyProblem, clip_word, parse_number};
use crate::error::{Context, Problem, Result};
use crate::segments::SectionType;

/// Reasons why an SWC file is invalid, apart from the problems of any morphology.
#[derive(Debug, thiserror::Error)]
enum SwcProblem {
    #[error("too few columns, expected 7 (id, type, x, y, z, radius, parent), found {0}")]
    Columns(usize),
    #[error("wrong {what}, expected {expected}, found `{found}`")]
    Integer { what: &'static str, expected: &'static str, found: String },
    #[error("unknown section type, expected 1 (soma), 2 (axon), 3 (basal) or 4 (apical), found `{0}`")]
    Type(String),
    #[error("ids do not ascend, expected an id above `{before}`, found `{found}`")]
    Order { before: u32, found: u32 },
    #[error("unknown parent, expected the id of a sample or -1, found `{0}`")]
    UnknownParent(u32),
    #[error("parent does not come before its child, expected an id below `{id}`, found `{parent}`")]
    LateParent { id: u32, parent: u32 },
    #[error("soma grows from a neurite, expected a soma sample or -1 as parent, found `{0}`")]
    SomaOnNeurite(u32),
    #[error("soma comes late, expected type 1 in the first sample, found the first soma sample here")]
    LateSoma,
    #[error("soma of three samples has no extent, expected a radius above 0, found 0")]
    FlatSoma,
    #[error(
        "samples are not in depth-first order, expected a child of sample `{before}` in the line that follows it, \
         found sample `{found}`, whose parent is another"
    )]
    Joined { before: u32, found: u32 },
}

impl Problem for SwcProblem {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Columns(_) => {
                "NEURON's importer drops a line that it cannot parse, and everything that is connected to the sample"
            }
            Self::Type(_) => {
                "NEURON's importer stops at other types: give the neurite one of these, or remove its samples"
            }
            Self::Order { .. } | Self::LateParent { .. } => {
                "NEURON's importer cannot read such a file: sort the samples, parents before children, and renumber \
                 them"
            }
            Self::UnknownParent(_) => "NEURON's importer would connect the sample to another one: correct the parent",
            Self::SomaOnNeurite(_) => {
                "NEURON's importer would create another soma section on the neurite: correct the type"
            }
            Self::LateSoma => "NEURON's importer would draw a wire from the first sample: start the file with the soma",
            Self::FlatSoma => "NEURON's importer stops here: give the soma's samples their radius",
            Self::Joined { .. } => {
                "NEURON's importer would join the two into one section: write the samples depth first"
            }
            Self::Integer { .. } => return None,
        };
        Some(hint.into())
    }
}

/// Parses the text of a file.
///
/// # Errors
/// Returns an error if a line is not a sample, or NEURON's importer cannot import the samples; the error names the
/// line.
pub(super) fn parse(text: &str) -> Result<Morphology> {
    let samples = parse_samples(text)?;
    let parents = find_parents(&samples)?;
    sections::build_morphology(&samples, &parents)
}

/// A sample, which is one line of the file.
#[derive(Debug, Clone, Copy)]
struct SwcSample {
    id: u32,
    kind: SectionType,
    point: [f32; 3],
    diameter_um: f32,
    parent: Option<u32>,
    line: u64,
}

/// Splits a text into lines that end with LF, CR LF, or CR alone as on old Macs.
fn split_lines(text: &str) -> impl Iterator<Item = &str> {
    text.split('\n').flat_map(|line| line.strip_suffix('\r').unwrap_or(line).split('\r'))
}

fn parse_samples(text: &str) -> Result<Vec<SwcSample>> {
    let mut samples: Vec<SwcSample> = Vec::new();
    for (line, words) in (1..).zip(split_lines(text)) {
        let Some(sample) = parse_sample(line, words).at_index("line", line)? else { continue };
        if let Some(before) = samples.last().filter(|before| before.id >= sample.id) {
            return Err(SwcProblem::Order { before: before.id, found: sample.id }).at_index("line", line);
        }
        samples.push(sample);
    }
    Ok(samples)
}

fn parse_sample(line: u64, words: &str) -> Result<Option<SwcSample>> {
    let words = words.split('#').next().unwrap_or_default();
    let mut columns = [""; 7];
    let mut found = 0;
    for (column, word) in columns.iter_mut().zip(words.split_ascii_whitespace()) {
        *column = word;
        found += 1;
    }
    if found == 0 {
        return Ok(None);
    }
    if found < columns.len() {
        return Err(SwcProblem::Columns(found).into());
    }
    let [id, kind, x, y, z, radius, parent] = columns;
    let (id, kind) = (parse_sample_id(id)?, parse_section_type(kind)?);
    let point = [parse_number(x)?, parse_number(y)?, parse_number(z)?];
    Ok(Some(SwcSample {
        id,
        kind,
        point,
        diameter_um: parse_diameter(radius)?,
        parent: parse_parent_id(parent)?,
        line,
    }))
}

/// Maximum id: NEURON's importer stores ids as float32, which cannot represent every larger integer.
const MAX_ID: u32 = 1 << f32::MANTISSA_DIGITS;

/// Parses an integer from 0 to [`MAX_ID`], which may be written as `1.0`.
fn parse_integer(word: &str) -> Option<u32> {
    let of_float = |value: f64| (value.fract() == 0.0 && value >= 0.0).then_some(value as u32);
    word.parse().ok().or_else(|| word.parse().ok().and_then(of_float)).filter(|&id| id <= MAX_ID)
}

fn parse_sample_id(word: &str) -> Result<u32, SwcProblem> {
    let expected = "an integer from 0 to 16777216";
    parse_integer(word).ok_or_else(|| SwcProblem::Integer { what: "id", expected, found: clip_word(word) })
}

fn parse_parent_id(word: &str) -> Result<Option<u32>, SwcProblem> {
    if word == "-1" || word.parse() == Ok(-1.0) {
        return Ok(None);
    }
    let expected = "the id of a sample or -1";
    parse_integer(word).map(Some).ok_or_else(|| SwcProblem::Integer {
        what: "parent",
        expected,
        found: clip_word(word),
    })
}

fn parse_section_type(word: &str) -> Result<SectionType, SwcProblem> {
    match parse_integer(word) {
        Some(1) => Ok(SectionType::Soma),
        Some(2) => Ok(SectionType::Axon),
        Some(3) => Ok(SectionType::Dend),
        Some(4) => Ok(SectionType::Apic),
        _ => Err(SwcProblem::Type(clip_word(word))),
    }
}

fn parse_diameter(radius: &str) -> Result<f32, MorphologyProblem> {
    let diameter = 2.0 * parse_number(radius)?;
    if diameter.is_finite() { Ok(diameter) } else { Err(MorphologyProblem::NotFinite(diameter)) }
}

/// Returns the index of each sample's parent. The parent of the first sample is ignored: some programs write 0.
fn find_parents(samples: &[SwcSample]) -> Result<Vec<Option<usize>>> {
    let find = |s: &SwcSample| s.parent.map(|id| find_parent(samples, s.id, id)).transpose();
    let others = samples.iter().skip(1).map(|s| find(s).at_index("line", s.line));
    samples.first().map(|_| Ok(None)).into_iter().chain(others).collect()
}

/// Returns the index of a parent: ids are mostly consecutive; other ids need a search.
fn find_parent(samples: &[SwcSample], id: u32, parent: u32) -> Result<usize, SwcProblem> {
    let guess = samples.first().and_then(|first| usize::try_from(parent.checked_sub(first.id)?).ok());
    let place = match guess.filter(|&i| samples.get(i).is_some_and(|s| s.id == parent)) {
        Some(place) => place,
        None => samples.binary_search_by_key(&parent, |s| s.id).map_err(|_| SwcProblem::UnknownParent(parent))?,
    };
    if parent < id { Ok(place) } else { Err(SwcProblem::LateParent { id, parent }) }
}
