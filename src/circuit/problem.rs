//! Why a circuit cannot be turned into a table.

use crate::circuit::hoc::RULE_HINT;
use crate::error::Problem;
use crate::geometry::Point;

/// Why a circuit cannot be turned into a table.
#[derive(Debug, thiserror::Error)]
pub enum SegmentationProblem {
    /// A circuit alone has no reports.
    #[error(
        "no compartment report to take segment counts from, expected a simulation configuration, found a circuit configuration"
    )]
    NoSimulation,
    /// A population without morphologies.
    #[error("population `{0}` has no morphologies, expected `morphologies_dir` or `alternate_morphologies`")]
    NoMorphologies(String),
    /// A population without a folder of cell templates.
    #[error("population `{0}` has no cell templates, expected `biophysical_neuron_models_dir`")]
    NoTemplates(String),
    /// A node whose template is none of NEURON's.
    #[error("no cell template, expected `hoc:NAME`, found `{0}`")]
    NoHoc(String),
    /// Nodes that the report does not cover.
    #[error(
        "nodes are missing from the report, expected all {selected} of node set `{set}`, found {reported} of them; first missing: node {first}"
    )]
    NotReported {
        /// The node set.
        set: String,
        /// Its number of nodes.
        selected: usize,
        /// As many of them are in the report.
        reported: usize,
        /// The first that is not.
        first: u64,
    },
    /// A report with more nodes than there are.
    #[error("node id outside the population `{population}`, expected an id below {nodes}, found {id}")]
    OutsidePopulation {
        /// The population.
        population: String,
        /// Number of its nodes.
        nodes: usize,
        /// The id.
        id: u64,
    },
    /// Nothing to do.
    #[error("no neurons selected, expected at least one, found none in {0}")]
    NoNeurons(String),
    /// Nothing is left.
    #[error("all neurons were skipped, expected at least one that can be placed, found {0}")]
    AllSkipped(String),
    /// A node that has no sections.
    #[error("model without sections, expected `model_type` biophysical, found `{0}`")]
    NoSections(String),
    /// A segment length that is none.
    #[error("segment length out of range, expected um above 0, found `{0}`")]
    SegmentLength(f64),
    /// Segment lengths are computed where counts are taken as they are.
    #[error("a segment length makes no sense with a report's counts, expected none, found `{0}` um")]
    LengthWithReport(f64),
    /// A neuron that is cut into too many segments.
    #[error(
        "too many segments in one neuron, expected at most {expected}, found {found}; the longest step is one of \
         {step_um} um, and has the point {point} at an end"
    )]
    TooManySegments {
        /// As many as a neuron may have.
        expected: u64,
        /// As many as the rule gives.
        found: u64,
        /// The longest distance of two points of the section with the most segments, um.
        step_um: f64,
        /// The end of that step that is further from the origin.
        point: Point,
    },
    /// A population whose name cannot be that of a folder.
    #[error(
        "population `{}` cannot name the folder of its table, expected a name of at most 240 bytes without `/`, `\\`, control \
         characters and a leading `.`", .0.escape_default()
    )]
    PopulationName(String),
    /// Several tables in one file.
    #[error("several populations cannot go into one file, expected a folder's name, found {0}")]
    SeveralInOneFile(String),
}

impl Problem for SegmentationProblem {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoSimulation => {
                "name the simulation configuration whose compartment report lists the segments, or have \
                                   the counts computed: `--discretisation rule`"
                    .into()
            }
            Self::NotReported { .. } => {
                "choose a `--node-set` inside the report's `cells`, or another `--report`".into()
            }
            Self::OutsidePopulation { .. } => "the report may be of another circuit".into(),
            Self::NoSections(_) => {
                "leave such nodes out: `--node-set` with a set such as {\"detailed\": {\"model_type\": \"biophysical\"}}".into()
            }
            Self::NoTemplates(_) | Self::NoHoc(_) => RULE_HINT.into(),
            Self::SegmentLength(_) => "give it with `--segment-length`, or leave it out for 40 um".into(),
            Self::TooManySegments { .. } => "correct the coordinate, or raise the bound with `--max-segments`".into(),
            Self::LengthWithReport(_) => "leave `--segment-length` out, or add `--discretisation rule`".into(),
            Self::PopulationName(_) => {
                "choose one population with `--population`: its table gets the name of the output".into()
            }
            Self::SeveralInOneFile(_) => {
                "leave `.parquet` out of the name, or choose one population with `--population`".into()
            }
            Self::NoMorphologies(_) | Self::NoNeurons(_) | Self::AllSkipped(_) => return None,
        })
    }
}
