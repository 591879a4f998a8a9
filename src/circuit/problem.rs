//! Reasons why a circuit cannot be turned into a segment table.

use crate::circuit::hoc::RULE_HINT;
use crate::error::Problem;
use crate::geometry::Point;

/// Reasons why a circuit cannot be turned into a segment table.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SegmentationProblem {
    /// A report was requested, but a circuit configuration has no reports.
    #[error(
        "no compartment report to take segment counts from, expected a simulation configuration, found a circuit configuration"
    )]
    NoSimulation,
    /// The population has no morphologies.
    #[error("population `{0}` has no morphologies, expected `morphologies_dir` or `alternate_morphologies`")]
    NoMorphologies(String),
    /// The population has no folder of cell templates.
    #[error("population `{0}` has no cell templates, expected `biophysical_neuron_models_dir`")]
    NoTemplates(String),
    /// The node's template is not a hoc template.
    #[error("no cell template, expected `hoc:NAME`, found `{0}`")]
    NoHoc(String),
    /// The report does not contain all nodes of the node set.
    #[error(
        "nodes are missing from the report, expected all {selected} of node set `{set}`, found {reported} of them; first missing: node {first}"
    )]
    NotReported {
        /// The node set.
        set: String,
        /// Number of nodes of the set.
        selected: usize,
        /// Number of these nodes in the report.
        reported: usize,
        /// The first node that is missing.
        first: u64,
    },
    /// The report contains a node id that the population does not have.
    #[error("node id outside the population `{population}`, expected an id below {nodes}, found {id}")]
    OutsidePopulation {
        /// The population.
        population: String,
        /// Number of nodes of the population.
        nodes: usize,
        /// The node id.
        id: u64,
    },
    /// No neuron is selected.
    #[error("no neurons selected, expected at least one, found none in {0}")]
    NoNeurons(String),
    /// Every neuron was skipped.
    #[error("all neurons were skipped, expected at least one that can be placed, found {0}")]
    AllSkipped(String),
    /// The node's model has no sections.
    #[error("model without sections, expected `model_type` biophysical, found `{0}`")]
    NoSections(String),
    /// The segment length is not a positive finite number.
    #[error("segment length out of range, expected more than 0 µm, found `{0}`")]
    SegmentLength(f64),
    /// A segment length was given together with a report, which has its own counts.
    #[error("segment length given together with the counts of a report, expected none, found `{0}` µm")]
    LengthWithReport(f64),
    /// The rule cuts a neuron into too many segments.
    #[error(
        "too many segments in one neuron, expected at most {expected}, found {found}; the longest step is \
         {step_um} µm long and has the point {point} at one end"
    )]
    TooManySegments {
        /// Maximum number of segments of a neuron.
        expected: u64,
        /// Number of segments by the rule.
        found: u64,
        /// The longest distance between consecutive points of the section with the most segments, µm.
        step_um: f64,
        /// The end of that step that is further from the origin.
        point: Point,
    },
    /// The population's name is not a valid folder name.
    #[error(
        "population `{}` cannot name the folder of its table, expected a name of at most 240 bytes without `/`, `\\`, control \
         characters and a leading `.` that is not the name of a part or manifest", .0.escape_default()
    )]
    PopulationName(String),
    /// Several populations were selected for a single output file.
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
            Self::OutsidePopulation { .. } => "the report may belong to another circuit".into(),
            Self::NoSections(_) => {
                "leave such nodes out: `--node-set` with a set such as {\"detailed\": {\"model_type\": \"biophysical\"}}".into()
            }
            Self::NoTemplates(_) | Self::NoHoc(_) => RULE_HINT.into(),
            Self::SegmentLength(_) => "give it with `--segment-length`, or leave it out for 40 µm".into(),
            Self::TooManySegments { .. } => "correct the coordinate, or raise the bound with `--max-segments`".into(),
            Self::LengthWithReport(_) => "leave `--segment-length` out, or add `--discretisation rule`".into(),
            Self::PopulationName(_) => {
                "choose one population with `--population`: its table is then named like the output".into()
            }
            Self::SeveralInOneFile(_) => {
                "leave `.parquet` out of the name, or choose one population with `--population`".into()
            }
            Self::NoMorphologies(_) | Self::NoNeurons(_) | Self::AllSkipped(_) => return None,
        })
    }
}
