//! From a segment table to an electrodes file: part by part, neuron by neuron, in threads.
//!
//! The file is laid out first; each block of neurons is then computed into a buffer and written at its place. A block's
//! bytes depend on its neurons alone, so the file does not depend on the number of threads. In memory at one time: one
//! part of the table and the next one, which is read meanwhile, and for each thread one block of [`BLOCK_BYTES`] (or of one neuron, where that is more).

mod by_part;
mod distant_contacts;
mod dry_run;
mod layout;
mod montage;
mod neuron_blocks;
mod segment_source;
mod units;
mod weight_columns;
mod weight_lookup;
mod weights_builder;
mod weights_job;

pub use by_part::{ByPartProblem, finish, lay_out, write_parts};
pub use distant_contacts::{DistantContacts, SUSPICIOUS_DISTANCE_UM};
pub use dry_run::dry_run;
pub use segment_source::SegmentSource;
pub use weight_lookup::{WeightLookup, WeightLookupProblem};
pub use weights_builder::Weights;
pub use weights_job::check_output;

use std::path::Path;

use zerocopy::IntoBytes;

use crate::electrodes::ConfiguredElectrode;
use crate::error::{Error, Problem, Result};
use crate::io::atomic_output::OverwritePolicy;
use crate::io::ranks::Ranks;

use weight_columns::WeightColumns;
use weights_job::WeightsJob;

/// Output bytes that a thread computes before it writes: few enough to stay in a core's cache until they are written.
pub const BLOCK_BYTES: usize = 1 << 20;

/// What is to be computed, and where it goes.
#[derive(Clone, Copy)]
pub struct WeightsRequest<'a> {
    /// One table for each population.
    pub sources: &'a [&'a dyn SegmentSource],
    /// The electrodes, in column order.
    pub electrodes: &'a [ConfiguredElectrode],
    /// The electrodes file.
    pub output: &'a Path,
    /// What to do if it exists.
    pub existing: OverwritePolicy,
    /// Whether to go on where an earlier run was interrupted, if there was one.
    pub resume: bool,
    /// Asked before each part whether to stop, and to leave the rest to a later run.
    pub stop: &'a (dyn Fn() -> bool + Sync),
    /// Called with the number of segments done since the last call, from any thread.
    pub progress: &'a (dyn Fn(u64) + Sync),
}

/// What was computed.
#[derive(Debug, Clone, PartialEq)]
pub struct WeightsSummary {
    /// Number of contacts.
    pub contacts: u64,
    /// Number of neurons, all populations together.
    pub neurons: u64,
    /// Number of segments, all populations together.
    pub segments: u64,
    /// Size of the file.
    pub bytes: u64,
    /// Number of parts.
    pub parts: u64,
    /// How many of them an earlier run had done; all, where the file was complete.
    pub resumed_parts: u64,
    /// How many of them an earlier run had done but not left whole, so that they were done again.
    pub damaged_parts: u64,
}

/// What can be wrong with tables and contacts that are each well-formed.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum WeightsProblem {
    /// Nothing to compute for.
    #[error("no contacts, expected at least one")]
    NoContacts,
    /// Two tables with the rows of one population.
    #[error("second table of population `{population}`, expected one, found `{first}` too")]
    DuplicatePopulation {
        /// The population.
        population: String,
        /// The other table.
        first: String,
    },
    /// A neuron in two parts.
    #[error("neuron listed twice in the table, expected each in one part")]
    DuplicateNeuron,
    /// Rows that leave a gap or overlap.
    #[error("rows do not follow those of the node before, expected first row {expected}, found {found}")]
    FirstRow {
        /// One behind the last row of the node before.
        expected: u64,
        /// The row in the table.
        found: u64,
    },
    /// A part's rows are not those that its neuron list tells.
    #[error("segments are not those of the table's neuron list, expected {expected}, found {found}")]
    Rows {
        /// What the list tells.
        expected: String,
        /// What the columns hold.
        found: String,
    },
    /// Not a number, or infinite.
    #[error(
        "no finite coefficient at contact `{contact}` for section {section}, segment {segment}, \
         expected a contact off the segment, found {value}"
    )]
    NotFinite {
        /// Name of the contact.
        contact: String,
        /// Section of the neuron.
        section: u32,
        /// Segment within the section.
        segment: u32,
        /// The coefficient.
        value: f64,
    },
}

impl Problem for WeightsProblem {
    fn hint(&self) -> Option<String> {
        let text = match self {
            Self::NotFinite { .. } => "`--near-field radius` never lets a contact come nearer than a segment's radius",
            Self::DuplicatePopulation { .. } => "give one table for each population",
            Self::DuplicateNeuron | Self::FirstRow { .. } | Self::Rows { .. } => {
                "the table is damaged or was edited: make it again with `leadfield positions`"
            }
            Self::NoContacts => return None,
        };
        Some(text.into())
    }
}

/// What a user should know of contacts before their coefficients are computed, which fails where this fails.
///
/// # Errors
/// No contacts, or a contact lacks a setting that its method needs.
pub fn contact_warnings(electrodes: &[ConfiguredElectrode]) -> Result<Vec<Error>> {
    Ok(WeightColumns::new(electrodes)?.warnings())
}

/// Computes the coefficients of all contacts for all segments and writes the electrodes file.
///
/// What is done is recorded in a checkpoint ([`crate::io::checkpoint`]) unit by unit: a run that was killed or stopped, or that
/// found the disk full, is resumed by another one with [`WeightsRequest::resume`]. The bytes are the same.
///
/// # Errors
/// Tables of one population, tables whose rows leave gaps, unreadable tables; an output that exists or cannot be
/// written; a coefficient that is not finite, with contact, node, section and segment; what an earlier run left, if it is
/// not to be gone on with or is of other inputs. No output is left behind, unless the same run may succeed later.
pub fn compute_weights(request: &WeightsRequest<'_>) -> Result<WeightsSummary> {
    compute_weights_on_ranks(request, &Ranks::default())
}

/// The same by several processes, each of which calls this: they share the parts, and write them to one file. The bytes do
/// not depend on their number.
///
/// # Errors
/// As [`compute_weights`]; a rank that did not fail itself returns [`RanksProblem::EndedElsewhere`](crate::io::ranks::RanksProblem).
pub fn compute_weights_on_ranks(request: &WeightsRequest<'_>, ranks: &Ranks) -> Result<WeightsSummary> {
    WeightsJob::new(request)?.run(ranks)
}

/// The checksum of values as they are in the file.
fn checksum(values: &[f64]) -> crc32fast::Hasher {
    let mut checksum = crc32fast::Hasher::new();
    checksum.update(values.as_bytes());
    checksum
}
