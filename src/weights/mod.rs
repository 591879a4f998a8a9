//! Computes an electrodes file from segment tables: part by part, neuron by neuron, in threads.
//!
//! The file is laid out first; each block of neurons is then computed into a buffer and written at its position. A
//! block's bytes depend on its neurons alone, so the file does not depend on the number of threads. In memory at one
//! time: one part of the table and the next one, which is read meanwhile, and for each thread one block of
//! [`BLOCK_BYTES`] (or of one neuron, if it needs more).

mod by_part;
mod distant_contacts;
mod dry_run;
mod given_weights;
mod implausible;
mod in_memory;
mod layout;
mod montage;
pub(crate) mod neuron_blocks;
mod segment_source;
mod units;
mod weight_columns;
mod weight_lookup;
mod weights_builder;
mod weights_job;

pub use by_part::{ByPartProblem, finish, lay_out, write_parts};
// the program warns of contacts and settings that look wrong
#[doc(hidden)]
pub use distant_contacts::{DistantContacts, SUSPICIOUS_DISTANCE_UM};
pub use dry_run::dry_run;
pub use given_weights::write_given_weights;
#[doc(hidden)]
pub use implausible::{CIRCUIT_SPAN_UM, Implausible, MIN_PITCH_UM, MIN_PROBE_UM, TISSUE_CONDUCTIVITY_S_PER_M};
pub use in_memory::WeightValue;
pub use segment_source::SegmentSource;
pub use weight_columns::WeightColumns;
pub use weight_lookup::{WeightLookup, WeightLookupProblem};
pub use weights_builder::Weights;
pub use weights_job::add_electrode;
#[doc(hidden)]
pub use weights_job::check_output;

use std::path::Path;

use zerocopy::IntoBytes;

use crate::electrodes::ConfiguredElectrode;
use crate::error::{Error, ErrorKind, Problem, Result};
use crate::io::atomic_output::OverwritePolicy;
use crate::io::ranks::Ranks;
use crate::methods::NearField;
use crate::segments::Segment;

use weights_job::WeightsJob;

/// Output bytes that a thread computes before it writes: few enough to stay in a core's cache until then.
pub const BLOCK_BYTES: usize = 1 << 20;

/// What to compute, and where to write it.
#[derive(Clone, Copy)]
pub struct WeightsRequest<'a> {
    /// One table for each population.
    pub sources: &'a [&'a dyn SegmentSource],
    /// The electrodes, in column order.
    pub electrodes: &'a [ConfiguredElectrode],
    /// The electrodes file.
    pub output: &'a Path,
    /// What to do if the electrodes file exists.
    pub existing: OverwritePolicy,
    /// Whether to resume an earlier run that was interrupted, if there was one.
    pub resume: bool,
    /// Called before each unit, and in work that takes longer than half a second; returns whether to stop and leave the
    /// rest to a later run.
    pub stop: &'a (dyn Fn() -> bool + Sync),
    /// Called with the number of segments done since the last call, from any thread.
    pub progress: &'a (dyn Fn(u64) + Sync),
}

/// The result of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct WeightsSummary {
    /// Number of contacts.
    pub contacts: u64,
    /// Number of neurons, all populations together.
    pub neurons: u64,
    /// Number of segments, all populations together.
    pub segments: u64,
    /// Size of the file, bytes.
    pub bytes: u64,
    /// Number of parts.
    pub parts: u64,
    /// Parts that an earlier run had done; all parts if the file was complete.
    pub resumed_parts: u64,
    /// Parts that an earlier run had recorded, but whose bytes were damaged, so that they were computed again.
    pub damaged_parts: u64,
}

/// Errors of tables and contacts that are each well-formed.
#[derive(Debug, thiserror::Error, PartialEq)]
#[non_exhaustive]
pub enum WeightsProblem {
    /// There are no contacts.
    #[error("no contacts, expected at least one")]
    NoContacts,
    /// Two tables have rows of the same population.
    #[error("second table of population `{population}`, expected one, found `{first}` too")]
    DuplicatePopulation {
        /// The population.
        population: String,
        /// The other table.
        first: String,
    },
    /// A neuron is in two parts.
    #[error("neuron listed twice in the table, expected each in one part")]
    DuplicateNeuron,
    /// Rows leave a gap or overlap.
    #[error("rows do not follow those of the node before, expected first row {expected}, found {found}")]
    FirstRow {
        /// The row after the last one of the node before.
        expected: u64,
        /// The row in the table.
        found: u64,
    },
    /// A part's rows do not match its neuron list.
    #[error("segments are not those of the table's neuron list, expected {expected}, found {found}")]
    Rows {
        /// The entry in the list.
        expected: String,
        /// The rows in the columns.
        found: String,
    },
    /// Given weights have nodes that do not match their offsets.
    #[error(
        "nodes and offsets do not match, expected ascending node ids and one more ascending offset from 0, found {nodes} \
         nodes and {offsets} offsets"
    )]
    GivenNodes {
        /// Number of nodes.
        nodes: usize,
        /// Number of offsets.
        offsets: usize,
    },
    /// Given weights have another shape.
    #[error("wrong shape of the weights, expected {expected:?}: segments and contacts, found {found:?}")]
    GivenShape {
        /// Numbers of segments and contacts.
        expected: (usize, usize),
        /// Numbers of rows and columns.
        found: (usize, usize),
    },
    /// A given weight is NaN or infinite.
    #[error("weight is not finite in row {row}, column {column}, expected a number, found {value}")]
    GivenNotFinite {
        /// The row.
        row: usize,
        /// The column.
        column: usize,
        /// The weight.
        value: f64,
    },
    /// The weights do not fit into memory.
    #[error("too little memory for the weights, expected {bytes} bytes")]
    NoMemory {
        /// Number of bytes that they need.
        bytes: u64,
    },
    /// The run was stopped on request.
    #[error("stopped on request")]
    Stopped,
    /// A weight is NaN or infinite.
    #[error(
        "weight is not finite at contact `{contact}` for section {section}, segment {segment}, \
         expected a contact off the segment, found {value}"
    )]
    NotFinite {
        /// Name of the contact.
        contact: String,
        /// Section of the neuron.
        section: u32,
        /// Segment within the section.
        segment: u32,
        /// The weight.
        value: f64,
    },
    /// A weight exceeds the range of numbers, although the contact is off the segment or is kept off it.
    #[error(
        "weight out of range at contact `{contact}` for section {section}, segment {segment}, \
         expected a finite number, found {value}"
    )]
    Overflow {
        /// Name of the contact.
        contact: String,
        /// Section of the neuron.
        section: u32,
        /// Segment within the section.
        segment: u32,
        /// The weight.
        value: f64,
    },
}

impl WeightsProblem {
    /// Returns the problem of a weight that is not finite. Only an unclamped formula is infinite on a segment.
    pub(crate) fn of_weight(electrode: Option<&ConfiguredElectrode>, segment: Segment, value: f64) -> Self {
        let Segment { section_id: section, segment_id: segment, .. } = segment;
        let contact = electrode.map(|e| e.electrode.name.clone()).unwrap_or_default();
        let is_unclamped = |e: &ConfiguredElectrode| {
            e.contact.near_field == NearField::Unclamped && e.electrode.method.uses_conductivity()
        };
        match electrode {
            Some(clamped) if !is_unclamped(clamped) => Self::Overflow { contact, section, segment, value },
            _ => Self::NotFinite { contact, section, segment, value },
        }
    }
}

impl Problem for WeightsProblem {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::NoMemory { .. } => ErrorKind::NoSpace,
            Self::Stopped => ErrorKind::Interrupted,
            _ => ErrorKind::InvalidInput,
        }
    }

    fn hint(&self) -> Option<String> {
        let text = match self {
            Self::NotFinite { .. } => "`--near-field radius` never lets a contact come nearer than a segment's radius",
            Self::Overflow { .. } => {
                "a length, a volume, a conductivity or a current of the contact is too small or too large: check its \
                 settings and their units"
            }
            Self::DuplicatePopulation { .. } => "give one table for each population",
            Self::DuplicateNeuron | Self::FirstRow { .. } | Self::Rows { .. } => {
                "the table is damaged or was edited: make it again with `leadfield positions`"
            }
            Self::NoMemory { .. } => "write them to a file instead, or divide the contacts",
            Self::GivenNodes { .. }
            | Self::GivenShape { .. }
            | Self::GivenNotFinite { .. }
            | Self::NoContacts
            | Self::Stopped => return None,
        };
        Some(text.into())
    }
}

/// Returns warnings about contacts before their weights are computed.
///
/// # Errors
/// Returns an error if there are no contacts, or a contact lacks a setting that its method needs.
pub fn contact_warnings(electrodes: &[ConfiguredElectrode]) -> Result<Vec<Error>> {
    Ok(WeightColumns::new(electrodes)?.warnings())
}

/// Computes the weights of all contacts for all segments and writes the electrodes file.
///
/// Finished units are recorded in a checkpoint ([`crate::io::checkpoint`]): a run that was killed or stopped, or that
/// found the disk full, can be resumed with [`WeightsRequest::resume`], to the same bytes.
///
/// # Errors
/// Returns an error if two tables have the same population, the rows of a table leave gaps, or a table cannot be read;
/// if the output exists and must not be replaced, or cannot be written; if a weight is not finite, with contact, node,
/// section and segment; or if an earlier run left an unfinished output that must not be resumed or has other inputs. No
/// output is left behind, unless the same run may succeed later.
pub fn compute_weights(request: &WeightsRequest<'_>) -> Result<WeightsSummary> {
    compute_weights_on_ranks(request, &Ranks::default())
}

/// Does the same as [`compute_weights`] in several processes, each of which calls this: they share the parts, and write
/// them to one file. The bytes do not depend on the number of processes.
///
/// # Errors
/// The same as for [`compute_weights`]; a rank that did not fail itself returns
/// [`RanksProblem::EndedElsewhere`](crate::io::ranks::RanksProblem).
pub fn compute_weights_on_ranks(request: &WeightsRequest<'_>, ranks: &Ranks) -> Result<WeightsSummary> {
    WeightsJob::new(request)?.run(ranks)
}

/// Computes the checksum of values as the file stores them.
fn checksum(values: &[f64]) -> crc32fast::Hasher {
    let mut checksum = crc32fast::Hasher::new();
    checksum.update(values.as_bytes());
    checksum
}
