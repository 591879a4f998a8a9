//! Known causes of differences, each proved by the numbers of the two files, or by what is known besides: a cause is named
//! where undoing it makes the numbers agree, and nowhere else.

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
use differing_files::DifferingFiles;

/// A file, and the population of it.
pub type FilePopulation<'a> = (&'a ElectrodesFile, &'a PopulationEntry);

/// Where some neurons' segments are by each of two rules for the branch that an axon's stubs follow: names and segments.
pub type SegmentsByBranchRule = [(&'static str, Segments); 2];

/// Places the segments of some nodes by both rules.
pub type BranchPlacer<'a> = dyn Fn(&[u64]) -> Result<SegmentsByBranchRule> + 'a;

/// What is known besides the two files.
#[derive(Clone, Copy, Default)]
pub struct CauseEvidence<'a> {
    /// The segments that both files are of.
    pub segments: Option<&'a SegmentTable>,
    /// Places the segments of some nodes by both rules for the terminal branch.
    pub branches: Option<&'a BranchPlacer<'a>>,
}

/// Sums that are zero but for rounding, relative to the sum of absolute values.
const ROUNDING_TOLERANCE: f64 = 1e-10;

/// Number of segments of a myelin stub, by every rule that makes one.
const MYELIN_SEGMENTS: usize = 5;

/// Why two files differ.
#[derive(Debug, Clone, PartialEq)]
pub enum WeightsCause {
    /// One file has a column of ones that is no contact's.
    ExtraColumn {
        /// Which: 0 or 1.
        file: usize,
    },
    /// One file's columns are in the order of sorted names, under other numbers.
    SortedNames {
        /// The contacts that agree when this is undone.
        contacts: Vec<String>,
    },
    /// The dipoles' centre is that of a chunk of neurons in one file, and the neuron's own in the other.
    DipoleCentre {
        /// The file with the chunks: 0 or 1.
        file: usize,
        /// The contacts.
        contacts: Vec<String>,
        /// Number of chunks.
        chunks: u64,
    },
    /// Regions that reach twice as far along the axis in one file as in the other.
    HalfThickness {
        /// The contacts.
        contacts: Vec<String>,
        /// How far the first of them reaches to either side in each file, um.
        thickness: [f64; 2],
    },
    /// The stubs of axons follow one branch in one file, and another in the other.
    LastBranch {
        /// Number of neurons.
        nodes: u64,
        /// The rule of each file.
        rules: [&'static str; 2],
    },
    /// One file's positions went through float32.
    Float32Positions {
        /// Number of coefficients that differ so.
        pairs: u64,
        /// The largest move of a segment that they tell, um.
        moved_um: f64,
        /// How far apart float32 numbers are there, um.
        spacing_um: f64,
    },
    /// Sections that begin at the soma are cut from the morphology's own points in one file.
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
        /// How many times as large the second file's coefficients are.
        factor: f64,
    },
    /// The last rows of neurons, those of the myelin, stand between others in one file.
    MyelinIds {
        /// Number of neurons.
        nodes: u64,
    },
}

impl WeightsCause {
    /// Its name.
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
                    "the {which} file has a column that is no contact's, all ones, as BlueRecording 0.2.1 writes it"
                )
            }
            Self::SortedNames { contacts } => write!(
                f,
                "contacts {} agree once columns are taken in the order of sorted names, in which BlueRecording 0.2.1 \
                 writes them: `--columns sorted-names`",
                join_quoted(contacts, 6)
            ),
            Self::DipoleCentre { file, contacts, chunks } => {
                let (other, which) = (file_ordinal(1 - file), file_ordinal(*file));
                write!(
                    f,
                    "the coefficients of contacts {} sum to 0 over each neuron in the {other} file, and over \
                     {} of neurons in the {which}: their centre is that of a chunk, not of a neuron",
                    join_quoted(contacts, 6),
                    format_count(*chunks, "run")
                )
            }
            Self::HalfThickness { contacts, thickness: [a, b] } => write!(
                f,
                "the regions of contacts {} reach {a} um along the axis to either side in the first file, and {b} um in the \
                 second: a thickness is half of the extent, not all of it",
                join_quoted(contacts, 6)
            ),
            Self::LastBranch { nodes, rules: [a, b] } => write!(
                f,
                "the coefficients of {} are those of axon stubs where `--axon-placement {a}` puts them in the first file, \
                 and where `{b}` does in the second",
                format_count(*nodes, "neuron")
            ),
            Self::Float32Positions { pairs, moved_um, spacing_um } => write!(
                f,
                "{} differ as float32 positions make them: the segments were moved by up to {moved_um:.2e} um, where float32 \
                 numbers are {spacing_um:.2e} um apart; the simulator, and so `bluerecording` 0.7.0, keeps points as float32",
                format_count(*pairs, "coefficient")
            ),
            Self::OwnPoints { nodes, sections } => write!(
                f,
                "the rows of {} of {} that begin at the soma are elsewhere, and no others: `bluerecording` 0.7.0 takes the \
                 simulator's number of segments, but cuts the morphology's own points, without the piece from the soma sample",
                format_count(*sections, "section"),
                format_count(*nodes, "neuron")
            ),
            Self::Units { contacts, units: [a, b], factor } => write!(
                f,
                "the coefficients of contacts {} are in {a} in the first file and in {b} in the second, where they are \
                 {factor:.0e} times as large; no client converts",
                join_quoted(contacts, 6)
            ),
            Self::MyelinIds { nodes } => write!(
                f,
                "the rows of {nodes} neurons are the same, but the last {MYELIN_SEGMENTS}, those of the myelin, stand between \
                 others in one file, as under a section id that is too small"
            ),
        }
    }
}

/// The known causes of what differs.
///
/// # Errors
/// A file cannot be read.
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

/// Goes through all rows in blocks, as long as it is told to.
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
