//! Signals at contacts from membrane currents: LFP, ECoG and EEG without a new simulation.
//!
//! A compartment report has the membrane current of every segment, and an electrodes file, or a segment table with
//! electrodes, has the weights. [`Signals`] multiplies and sums, frame by frame and group by group, in bounded memory:
//!
//! ```
//! use leadfield::prelude::*;
//! use leadfield::signals::{CurrentReport, SignalUnit, Signals};
//! # fn main() -> Result<()> {
//! # let folder = tempfile::tempdir().unwrap();
//! # let golden = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("datasets/golden/input");
//! # let config = golden.join("circuit/simulation_config.json");
//! # let report_path = golden.join("circuit/output/compartment.h5");
//! # let (table_path, weights_path) = (folder.path().join("segments.parquet"), folder.path().join("weights.h5"));
//! # let table = Circuit::open(&config)?.segments().write_table(&table_path)?;
//! # Weights::new(&table, &Electrodes::read(golden.join("electrodes/np8.csv"))?).write(&weights_path)?;
//! let reports = CurrentReport::open_all(&report_path)?;
//! let weights = ElectrodesFile::open(&weights_path)?;
//! let signals = Signals::from_weights(&reports, &weights).unit(SignalUnit::Microvolt).prepare()?;
//! for block in signals.blocks() {
//!     let block = block?;
//!     assert_eq!(block.values.len(), block.times_ms.len() * signals.groups().len() * signals.contacts().len());
//! }
//! # Ok(())
//! # }
//! ```
//!
//! The weights of [`Signals::from_tables`] are computed when they are needed, and stored nowhere.
//! [`Signals::from_online`] sums the cells of the simulator's own `lfp` report.

mod contacts;
mod current_report;
mod frames;
mod groups;
mod kernel;
pub mod output;
mod plan;
mod product;
mod signals_builder;
mod warnings;

pub use contacts::{SignalContact, SignalUnit, find_contacts};
pub(crate) use current_report::read_times;
pub use current_report::{CurrentReport, ElementList, ReportDataProblem};
pub use frames::{TimeProblem, TimeSelection};
pub use groups::{Grouping, GroupingProblem, NodeLabels, PopulationNodes, open_circuit, resolve_node_set};
pub use plan::NodeFilter;
pub use product::Imbalance;
pub use signals_builder::{SignalBlock, SignalBlocks, Signals, SignalsBuilder, SignalsEstimate};
pub use warnings::{NodeImbalance, StatedUnit};

use crate::electrodes::ConfiguredElectrode;
use crate::error::Problem;
use crate::sonata::electrodes_file::ElectrodesFile;
use crate::weights::{SegmentSource, WeightColumns};

/// The source of the weights of signals.
#[non_exhaustive]
pub enum WeightSource<'a> {
    /// Weights stored in an electrodes file.
    File {
        /// The file.
        file: &'a ElectrodesFile,
    },
    /// Weights that are computed from segment tables.
    Tables {
        /// One table for each population.
        sources: Vec<&'a dyn SegmentSource>,
        /// The electrodes, in column order.
        electrodes: &'a [ConfiguredElectrode],
        /// Their methods.
        columns: WeightColumns,
    },
    /// The report has potentials, one column for each contact of each node.
    Online,
}

/// The quantity of the values of a compartment report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CurrentKind {
    /// Currents, nA, whatever the attribute `units` states.
    #[default]
    Current,
    /// Current densities, mA/cm²: NEURON's `i_membrane`. They are multiplied by the segments' areas.
    Density,
}

/// How to treat nodes that only the report or only the weights have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MissingNodes {
    /// They are an error.
    #[default]
    Refuse,
    /// They are left out.
    LeaveOut,
}

/// The reference that is subtracted from all signals of a group.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum SignalReference {
    /// Nothing.
    #[default]
    None,
    /// The signal at a contact.
    Contact(String),
    /// The mean of the signals of all used contacts.
    Mean,
}

impl SignalReference {
    /// Returns the reference that a text states: `mean`, or the name of a contact.
    pub fn from_text(text: &str) -> Self {
        if text == MEAN { Self::Mean } else { Self::Contact(text.into()) }
    }
}

/// The text for the mean of all used contacts.
const MEAN: &str = "mean";

/// Reasons why signals cannot be computed from reports and weights that are each well-formed.
#[derive(Debug, thiserror::Error, PartialEq)]
#[non_exhaustive]
pub enum SignalsProblem {
    /// There is no report.
    #[error("no reports, expected at least one")]
    NoReports,
    /// Two reports have the same population.
    #[error("second report of population `{population}`, expected one, found `{first}` too")]
    DuplicatePopulation {
        /// The population.
        population: String,
        /// The other report.
        first: String,
    },
    /// The reports have different times.
    #[error("other times than those of `{first}`, expected {expected}, found {found}")]
    Times {
        /// The first report.
        first: String,
        /// Its times.
        expected: String,
        /// The times of this report.
        found: String,
    },
    /// The report has currents, and there are no weights.
    #[error("no weights, expected `--weights`, or `--segments` and `--electrodes`, for a report of membrane currents")]
    NoWeightSource,
    /// The electrodes file lacks the population of a report.
    #[error("no weights of the report's population, expected `{population}`, found {found}")]
    NoWeights {
        /// The population.
        population: String,
        /// The populations in the file.
        found: String,
    },
    /// No table has the population of a report.
    #[error("no segment table of the report's population, expected one of `{population}`, found {found}")]
    NoTable {
        /// The population.
        population: String,
        /// The populations of the tables.
        found: String,
    },
    /// Two segment tables have the same population.
    #[error("a second segment table of population `{population}`, expected one for each population, as {first}")]
    DuplicateTable {
        /// The population.
        population: String,
        /// The first table.
        first: String,
    },
    /// The populations of an online report have different numbers of contacts.
    #[error("{found} contacts of population `{population}`, expected {expected} as of `{first}`")]
    OnlinePopulations {
        /// The population.
        population: String,
        /// Its contacts.
        found: usize,
        /// The first population.
        first: String,
        /// The contacts of the first population.
        expected: usize,
    },
    /// The populations of an electrodes file have different contacts.
    #[error("contacts of population `{population}` are not those of `{first}`, expected {expected}, found {found}")]
    OtherContacts {
        /// The population.
        population: String,
        /// The first population.
        first: String,
        /// Its contacts.
        expected: String,
        /// The contacts of this population.
        found: String,
    },
    /// There are no contacts.
    #[error("no contacts, expected at least one")]
    NoContacts,
    /// The columns of an electrodes file are not those of its contacts.
    #[error("columns do not belong to contacts, expected {expected}, one for each contact, found {found}")]
    Columns {
        /// Number of contacts.
        expected: usize,
        /// The columns.
        found: String,
    },
    /// A contact is unknown.
    #[error("unknown contact, expected one of {known}, found `{name}`")]
    UnknownContact {
        /// The name.
        name: String,
        /// The known names.
        known: String,
    },
    /// A contact is chosen twice.
    #[error("contact is chosen twice, expected different ones, found `{name}` again")]
    RepeatedContact {
        /// The name.
        name: String,
    },
    /// A text means the mean of contacts, and is the name of one.
    #[error("`mean` is ambiguous, expected the name of a contact or the mean of all, found a contact called `mean`")]
    AmbiguousMean,
    /// The reference is a contact that is not used.
    #[error("reference is not one of the chosen contacts, expected one of {chosen}, found `{name}`")]
    ReferenceNotChosen {
        /// Its name.
        name: String,
        /// The names of the chosen contacts.
        chosen: String,
    },
    /// The reference has another unit than a signal.
    #[error(
        "reference has another unit than the signal of contact `{contact}`, expected {expected} as at contact \
         `{reference}`, found {found}"
    )]
    ReferenceUnit {
        /// The contact of the reference; of a mean, the first contact.
        reference: String,
        /// Its unit.
        expected: String,
        /// The other contact.
        contact: String,
        /// Its unit.
        found: String,
    },
    /// Nodes of the report have no weights.
    #[error(
        "nodes of population `{population}` without weights: {count}, expected weights for all, found none for node {first}"
    )]
    WithoutWeights {
        /// The population.
        population: String,
        /// Number of such nodes.
        count: u64,
        /// The first one.
        first: u64,
    },
    /// Nodes with weights are not in the report.
    #[error(
        "nodes of population `{population}` without currents: {count}, expected all nodes of the weights, found no node {first}"
    )]
    WithoutCurrents {
        /// The population.
        population: String,
        /// Number of such nodes.
        count: u64,
        /// The first one.
        first: u64,
    },
    /// A node has another number of segments in the weights.
    #[error("another number of segments, expected {expected} as in the weights, found {found}")]
    Segments {
        /// Number of rows of weights.
        expected: u64,
        /// Number of elements.
        found: usize,
    },
    /// A node of an online report has another number of contacts than the first node.
    #[error("another number of contacts, expected {expected} as for the first node, found {found}")]
    OnlineContacts {
        /// Contacts of the first node.
        expected: u64,
        /// Contacts of this node.
        found: usize,
    },
    /// An online report has another number of contacts than there are names.
    #[error("another number of contacts, expected {expected} as named, found {found} in each node")]
    ContactNames {
        /// Number of names.
        expected: usize,
        /// Number of contacts of each node.
        found: usize,
    },
    /// A node has other sections in the segment table.
    #[error("another section, expected {expected}, found {found}")]
    Sections {
        /// The section in the table.
        expected: String,
        /// The section in the report.
        found: String,
    },
    /// No neuron is selected.
    #[error("no neurons, expected at least one that is in the report, has weights and is selected")]
    NoNeurons,
    /// A current is NaN or infinite.
    #[error("current is not finite in section {section} at {time_ms} ms, expected a number, found {value}")]
    CurrentNotFinite {
        /// Section of the neuron.
        section: u32,
        /// The value.
        value: f64,
        /// Time, ms.
        time_ms: f64,
    },
    /// A weight is NaN or infinite.
    #[error("weight is not finite, expected a number, found {value}")]
    WeightNotFinite {
        /// The value.
        value: f64,
    },
    /// A signal is NaN or infinite although currents and weights are not: a sum, a unit or a reference overflows.
    #[error(
        "signal at contact `{contact}` in group `{group}` is not finite at {time_ms} ms, expected a number, found {value}"
    )]
    SignalNotFinite {
        /// The contact.
        contact: String,
        /// The group.
        group: String,
        /// Time, ms.
        time_ms: f64,
        /// The value.
        value: f64,
    },
    /// A potential of an online report is NaN or infinite.
    #[error("potential at contact {contact} is not finite at {time_ms} ms, expected a number, found {value}")]
    PotentialNotFinite {
        /// Number of the contact.
        contact: u32,
        /// The value.
        value: f64,
        /// Time, ms.
        time_ms: f64,
    },
    /// The radius of a segment is unknown, so that its area is, too.
    #[error(
        "radius of section {section}, segment {segment} is unknown, expected one for the area of current densities"
    )]
    NoRadius {
        /// Section of the neuron.
        section: u32,
        /// Segment within the section.
        segment: u32,
    },
    /// The area of a point is that of a soma, if it is one.
    #[error("segment without length in section {section}, expected a known section type for its area, found none")]
    UnknownArea {
        /// Section of the neuron.
        section: u32,
    },
    /// Section types are known from segment tables only.
    #[error("section types are unknown, expected a segment table that has them")]
    NoSectionType,
    /// The type of a section is unknown.
    #[error("type of section {section} is unknown, expected one for signals by section type")]
    UnknownSectionType {
        /// Section of the neuron.
        section: u32,
    },
    /// The values are voltages, not currents.
    #[error(
        "membrane voltages at {time_ms} ms, expected membrane currents, which cancel in a neuron, found values of one sign \
         with a mean of {mean:.1}"
    )]
    Voltages {
        /// Time, ms.
        time_ms: f64,
        /// Mean of the values.
        mean: f64,
    },
    /// The values of an online report are too large for potentials.
    #[error(
        "membrane voltages at {time_ms} ms, expected potentials in V as of an online `lfp` report, found values of one sign \
         with a mean of {mean:.1}"
    )]
    OnlineVoltages {
        /// Time, ms.
        time_ms: f64,
        /// Mean of the values.
        mean: f64,
    },
    /// Densities need areas.
    #[error("areas of segments are unknown, expected a segment table for current densities")]
    NoAreas,
    /// The run was asked to stop.
    #[error("stopped on request")]
    Stopped,
}

impl Problem for SignalsProblem {
    fn kind(&self) -> crate::error::ErrorKind {
        match self {
            Self::Stopped => crate::error::ErrorKind::Interrupted,
            _ => crate::error::ErrorKind::InvalidInput,
        }
    }

    fn hint(&self) -> Option<String> {
        let text = match self {
            Self::NoWeightSource => {
                "only an online `lfp` report, with one element for each contact of each node, needs none; one with a single \
                 contact needs its name: `--electrodes`"
            }
            Self::Segments { expected, found } if (*found as u64) < *expected => {
                "the report must have all compartments of all sections (`\"sections\": \"all\", \"compartments\": \
                 \"all\"`), and be of the circuit of the weights"
            }
            Self::Segments { .. } | Self::Sections { .. } => "was the report made with the circuit of the weights?",
            Self::NoWeights { .. } | Self::NoTable { .. } => {
                "`--allow-missing` leaves such populations out; `--node-set` selects nodes"
            }
            Self::DuplicateTable { .. } => "the parts of a table are in one folder: give the folder",
            Self::WithoutWeights { .. } | Self::WithoutCurrents { .. } => {
                "`--allow-missing` leaves such nodes out; `--node-set` selects nodes"
            }
            Self::AmbiguousMean => "give this contact another name",
            Self::ReferenceUnit { .. } => "`--electrode` selects contacts of one unit",
            Self::Columns { .. } => {
                "`leadfield validate electrodes-file` says what is wrong; its `--fix`, or `convert`, repairs files of BlueRecording"
            }
            Self::Voltages { .. } => {
                "is this a report of `v`? make one of the currents: `\"variable_name\": \"i_membrane\"`, `\"sections\": \
                 \"all\"`, `\"compartments\": \"all\"`"
            }
            Self::OnlineVoltages { .. } => {
                "a report with the elements 0, 1, 2, ... in each node is taken as an `lfp` report, whose values are in V"
            }
            Self::NoSectionType | Self::NoAreas => "give `--segments` and `--electrodes` instead of `--weights`",
            _ => return None,
        };
        Some(text.into())
    }
}
