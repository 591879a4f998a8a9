//! Known causes of differences, each proved by the numbers of the two files, or by what is known besides: a cause is named
//! where undoing it makes the numbers agree, and nowhere else.

mod branch;
mod case;
mod columns;
mod dipole;
mod myelin;
mod successor;
mod thickness;
mod units;

use super::columns::Columns;
use super::rows::Span;
use super::{Comparison, ExtraColumn, Options};
use crate::error::{Result, count, listed};
use crate::segments::Segments;
use crate::segments::table::Table;
use crate::sonata::electrodes_file::{ElectrodesFile, Factors, Population};
use case::Case;

/// A file, and the population of it.
pub type Side<'a> = (&'a ElectrodesFile, &'a Population);

/// Where some neurons' segments are by each of two rules for the branch that an axon's stubs follow: names and segments.
pub type ByBranch = [(&'static str, Segments); 2];

/// Places the segments of some nodes by both rules.
pub type PlaceBranches<'a> = dyn Fn(&[u64]) -> Result<ByBranch> + 'a;

/// What is known besides the two files.
#[derive(Clone, Copy, Default)]
pub struct Known<'a> {
    /// The segments that both files are of.
    pub segments: Option<&'a Table>,
    /// Places the segments of some nodes by both rules for the terminal branch.
    pub branches: Option<&'a PlaceBranches<'a>>,
}

/// Sums that are zero but for rounding, relative to the sum of absolute values.
const ROUNDING: f64 = 1e-10;

/// Number of segments of a myelin stub, by every rule that makes one.
const MYELIN: usize = 5;

/// Why two files differ.
#[derive(Debug, Clone, PartialEq)]
pub enum Cause {
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

impl Cause {
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

fn which(file: usize) -> &'static str {
    if file == 0 { "first" } else { "second" }
}

impl std::fmt::Display for Cause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::ExtraColumn { file } => {
                let which = which(*file);
                write!(
                    f,
                    "the {which} file has a column that is no contact's, all ones, as BlueRecording 0.2.1 writes it"
                )
            }
            Self::SortedNames { contacts } => write!(
                f,
                "contacts {} agree once columns are taken in the order of sorted names, in which BlueRecording 0.2.1 \
                 writes them: `--columns sorted-names`",
                listed(contacts, 6)
            ),
            Self::DipoleCentre { file, contacts, chunks } => {
                let (other, which) = (which(1 - file), which(*file));
                write!(
                    f,
                    "the coefficients of contacts {} sum to 0 over each neuron in the {other} file, and over \
                     {} of neurons in the {which}: their centre is that of a chunk, not of a neuron",
                    listed(contacts, 6),
                    count(*chunks, "run")
                )
            }
            Self::HalfThickness { contacts, thickness: [a, b] } => write!(
                f,
                "the regions of contacts {} reach {a} um along the axis to either side in the first file, and {b} um in the \
                 second: a thickness is half of the extent, not all of it",
                listed(contacts, 6)
            ),
            Self::LastBranch { nodes, rules: [a, b] } => write!(
                f,
                "the coefficients of {} are those of axon stubs where `--axon-placement {a}` puts them in the first file, \
                 and where `{b}` does in the second",
                count(*nodes, "neuron")
            ),
            Self::Float32Positions { pairs, moved_um, spacing_um } => write!(
                f,
                "{} differ as float32 positions make them: the segments were moved by up to {moved_um:.2e} um, where float32 \
                 numbers are {spacing_um:.2e} um apart; the simulator, and so `bluerecording` 0.7.0, keeps points as float32",
                count(*pairs, "coefficient")
            ),
            Self::OwnPoints { nodes, sections } => write!(
                f,
                "the rows of {} of {} that begin at the soma are elsewhere, and no others: `bluerecording` 0.7.0 takes the \
                 simulator's number of segments, but cuts the morphology's own points, without the piece from the soma sample",
                count(*sections, "section"),
                count(*nodes, "neuron")
            ),
            Self::Units { contacts, units: [a, b], factor } => write!(
                f,
                "the coefficients of contacts {} are in {a} in the first file and in {b} in the second, where they are \
                 {factor:.0e} times as large; no client converts",
                listed(contacts, 6)
            ),
            Self::MyelinIds { nodes } => write!(
                f,
                "the rows of {nodes} neurons are the same, but the last {MYELIN}, those of the myelin, stand between \
                 others in one file, as under a section id that is too small"
            ),
        }
    }
}

/// The known causes of what differs.
///
/// # Errors
/// A file cannot be read.
pub fn causes(
    a: Side<'_>,
    b: Side<'_>,
    options: &Options,
    known: &Known<'_>,
    found: &Comparison,
) -> Result<Vec<Cause>> {
    let outside: Vec<&str> = found.electrodes.iter().filter(|e| e.outside > 0).map(|e| e.name.as_str()).collect();
    let mut causes = Vec::new();
    causes.extend(columns::extra_column(a, b, found)?);
    if outside.is_empty() {
        return Ok(causes);
    }
    if let Some(sorted) = columns::sorted_names(a, b, options, &outside)? {
        causes.push(sorted);
        return Ok(causes);
    }
    let matched = Columns::of(a, b, &Options { extra_column: ExtraColumn::Ignore, ..*options })?.matched;
    let factors = [a.0.factors(a.1)?, b.0.factors(b.1)?];
    let case = Case { sides: [a, b], factors, matched, outside, tolerance: options.tolerance };
    causes.extend(units::units(&case, &found.units_differ)?);
    causes.extend(successor::successor(&case, known.segments)?);
    causes.extend(dipole::dipole_centre(&case)?);
    if let Some(table) = known.segments {
        causes.extend(thickness::half_thickness(&case, table)?);
    }
    if let Some(branches) = known.branches {
        causes.extend(branch::last_branch(&case, branches)?);
    }
    causes.extend(myelin::myelin_ids(&case)?);
    Ok(causes)
}

/// Goes through all rows in blocks, as long as it is told to.
fn each_block(factors: &Factors, mut visit: impl FnMut(u64, &[f64]) -> bool) -> Result<()> {
    let step = ((1 << 17) / factors.columns().max(1)).max(1);
    let mut values = Vec::new();
    for block in (Span { a: 0, b: 0, rows: factors.rows() }).blocks(step) {
        factors.read(block.a..block.a + block.rows, &mut values)?;
        if !visit(block.a, &values) {
            break;
        }
    }
    Ok(())
}
