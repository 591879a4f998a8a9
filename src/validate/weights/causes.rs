//! Finds known causes of differences. Each is proved by the numbers of the two files, or by further evidence: a cause
//! is reported only if undoing it makes the numbers agree.

mod branch;
mod columns;
mod differing_files;
mod dipole;
mod myelin;
mod successor;
mod thickness;
mod units;

use super::matched_columns::MatchedColumns;
use super::matched_rows::RowSpan;
use super::{ExtraColumn, WeightsComparison, WeightsOptions};
use crate::error::{Result, format_count, join_quoted};
use crate::segments::Segments;
use crate::segments::table::SegmentTable;
use crate::sonata::electrodes_file::{ElectrodesFile, PopulationEntry, WeightsDataset};
use crate::validate::MYELIN_SEGMENTS;
use differing_files::DifferingFiles;

/// A file and one of its populations.
pub type FilePopulation<'a> = (&'a ElectrodesFile, &'a PopulationEntry);

/// Segments of some neurons by each of two rules for the branch that an axon's stubs follow: names and segments.
pub type SegmentsByBranchRule = [(&'static str, Segments); 2];

/// Places the segments of some nodes by both rules.
pub type BranchPlacer<'a> = dyn Fn(&[u64]) -> Result<SegmentsByBranchRule> + 'a;

/// Evidence besides the two files.
#[derive(Clone, Copy, Default)]
pub struct CauseEvidence<'a> {
    /// The segments that both files were computed from.
    pub segments: Option<&'a SegmentTable>,
    /// Places the segments of some nodes by both rules for the terminal branch.
    pub branches: Option<&'a BranchPlacer<'a>>,
}

/// Largest sum that counts as zero, relative to the sum of absolute values: only rounding.
const ROUNDING_TOLERANCE: f64 = 1e-10;

/// A cause of differences between two files.
#[derive(Debug, Clone, PartialEq)]
pub enum WeightsCause {
    /// One file has a column of ones without a contact.
    ExtraColumn {
        /// Which: 0 or 1.
        file: usize,
    },
    /// The columns of one file are in the order of sorted names, but have other numbers.
    SortedNames {
        /// The contacts that agree if this is undone.
        contacts: Vec<String>,
    },
    /// The dipole centre is that of a chunk of neurons in one file, and each neuron's in the other.
    DipoleCentre {
        /// The file with the chunks: 0 or 1.
        file: usize,
        /// The contacts.
        contacts: Vec<String>,
        /// Number of chunks.
        chunks: u64,
    },
    /// Regions extend twice as far along the axis in one file as in the other.
    HalfThickness {
        /// The contacts.
        contacts: Vec<String>,
        /// Extent of the first contact's region to either side in each file, µm.
        thickness: [f64; 2],
    },
    /// The axon stubs follow one branch in one file, and another in the other.
    LastBranch {
        /// Number of neurons.
        nodes: u64,
        /// The rule of each file.
        rules: [&'static str; 2],
    },
    /// One file's positions were rounded to float32.
    Float32Positions {
        /// Number of weights that differ for this reason.
        pairs: u64,
        /// The largest displacement of a segment that the weights imply, µm.
        moved_um: f64,
        /// Spacing of float32 numbers at that position, µm.
        spacing_um: f64,
    },
    /// Sections that begin at the soma are divided along the morphology's original points in one file.
    OwnPoints {
        /// Number of neurons.
        nodes: u64,
        /// Number of sections.
        sections: u64,
    },
    /// The columns are in different units.
    Units {
        /// The contacts.
        contacts: Vec<String>,
        /// The unit of each file.
        units: [String; 2],
        /// Ratio of the second file's weights to the first's.
        factor: f64,
    },
    /// The last rows of neurons, those of the myelin, are between others in one file.
    MyelinIds {
        /// Number of neurons.
        nodes: u64,
    },
}

impl WeightsCause {
    /// Returns the name of the cause.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::ExtraColumn { .. } => "extra column",
            Self::SortedNames { .. } => "sorted names",
            Self::DipoleCentre { .. } => "chunk-wide dipole centre",
            Self::HalfThickness { .. } => "half thickness",
            Self::LastBranch { .. } => "last terminal branch",
            Self::Float32Positions { .. } => "float32 positions",
            Self::OwnPoints { .. } => "neurites on soma samples",
            Self::Units { .. } => "units",
            Self::MyelinIds { .. } => "myelin ids",
        }
    }
}

fn file_ordinal(file: usize) -> &'static str {
    if file == 0 { "first" } else { "second" }
}

impl std::fmt::Display for WeightsCause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::ExtraColumn { file } => {
                let which = file_ordinal(*file);
                write!(
                    f,
                    "the {which} file has an extra column of ones without a contact, as BlueRecording 0.2.1 writes it"
                )
            }
            Self::SortedNames { contacts } => write!(
                f,
                "contacts {} agree if columns are taken in the order of sorted names, in which BlueRecording 0.2.1 \
                 writes them: `--columns sorted-names`",
                join_quoted(contacts, 6)
            ),
            Self::DipoleCentre { file, contacts, chunks } => {
                let (other, which) = (file_ordinal(1 - file), file_ordinal(*file));
                write!(
                    f,
                    "the weights of contacts {} sum to 0 over each neuron in the {other} file, and over \
                     {} of neurons in the {which}: their centre is that of a chunk, not of a neuron",
                    join_quoted(contacts, 6),
                    format_count(*chunks, "run")
                )
            }
            Self::HalfThickness { contacts, thickness: [a, b] } => write!(
                f,
                "the regions of contacts {} extend {a} µm along the axis to either side in the first file, and {b} µm \
                 in the second: a thickness is half of the extent, not all of it",
                join_quoted(contacts, 6)
            ),
            Self::LastBranch { nodes, rules: [a, b] } => write!(
                f,
                "the weights of {} are those of axon stubs placed by `--axon-placement {a}` in the first file, \
                 and by `{b}` in the second",
                format_count(*nodes, "neuron")
            ),
            Self::Float32Positions { pairs, moved_um, spacing_um } => write!(
                f,
                "{} differ as with float32 positions: the segments were moved by up to {moved_um:.2e} µm, where \
                 float32 numbers are {spacing_um:.2e} µm apart; the simulator, and so `bluerecording` 0.7.0, stores \
                 points as float32",
                format_count(*pairs, "weight")
            ),
            Self::OwnPoints { nodes, sections } => write!(
                f,
                "the rows of {} of {} that begin at the soma are displaced, and no others: `bluerecording` 0.7.0 uses \
                 the simulator's number of segments, but divides only the morphology's points, without the piece from \
                 the soma sample",
                format_count(*sections, "section"),
                format_count(*nodes, "neuron")
            ),
            Self::Units { contacts, units: [a, b], factor } => write!(
                f,
                "the weights of contacts {} are in {a} in the first file and in {b} in the second, where they are \
                 {factor:.0e} times as large; no client converts units",
                join_quoted(contacts, 6)
            ),
            Self::MyelinIds { nodes } => write!(
                f,
                "the rows of {nodes} neurons are equal, except that the last {MYELIN_SEGMENTS}, those of the myelin, \
                 are between others in one file, as with a section id that is too small"
            ),
        }
    }
}

/// Finds the known causes of the differences.
///
/// # Errors
/// Returns an error if a file cannot be read.
pub fn find_causes(
    a: FilePopulation<'_>,
    b: FilePopulation<'_>,
    options: &WeightsOptions,
    known: &CauseEvidence<'_>,
    found: &WeightsComparison,
) -> Result<Vec<WeightsCause>> {
    let outside: Vec<&str> = found.contacts.iter().filter(|e| e.outside_count > 0).map(|e| e.name.as_str()).collect();
    let mut causes = Vec::new();
    causes.extend(columns::find_extra_column(a, b, found)?);
    if outside.is_empty() {
        return Ok(causes);
    }
    if let Some(sorted) = columns::find_sorted_names(a, b, options, &outside)? {
        causes.push(sorted);
        return Ok(causes);
    }
    let matched = MatchedColumns::new(a, b, &WeightsOptions { extra_column: ExtraColumn::Ignore, ..*options })?.matched;
    let factors = [a.0.weights_dataset(a.1)?, b.0.weights_dataset(b.1)?];
    let case =
        DifferingFiles { sides: [a, b], factors, matched, differing_names: outside, tolerance: options.tolerance };
    causes.extend(units::find_unit_factor(&case, &found.unit_mismatches)?);
    causes.extend(successor::find_successor_causes(&case, known.segments)?);
    causes.extend(dipole::find_dipole_centre(&case)?);
    if let Some(table) = known.segments {
        causes.extend(thickness::find_half_thickness(&case, table)?);
    }
    if let Some(branches) = known.branches {
        causes.extend(branch::find_last_branch(&case, branches)?);
    }
    causes.extend(myelin::find_myelin_ids(&case)?);
    Ok(causes)
}

/// Reads all rows in blocks until `visit` returns false.
fn for_each_block(factors: &WeightsDataset, mut visit: impl FnMut(u64, &[f64]) -> bool) -> Result<()> {
    let step = ((1 << 17) / factors.columns().max(1)).max(1);
    let mut values = Vec::new();
    for block in (RowSpan { a: 0, b: 0, rows: factors.rows() }).blocks(step) {
        factors.read_rows(block.a..block.a + block.rows, &mut values)?;
        if !visit(block.a, &values) {
            break;
        }
    }
    Ok(())
}
