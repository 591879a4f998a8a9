//! Pictures of circuits, contacts and coefficients: what goes on the page is decided here, how it looks in
//! [`crate::plot::canvas`].

mod comparison;
mod contact_marks;
mod outline;
mod palette;
mod panel;
mod probe;
mod sample;
mod weights;
mod worst_pairs;

pub use comparison::{ComparisonFigure, plot_comparison};
pub use palette::Palette;
pub(crate) use palette::weight_unit;
pub use panel::ViewPlane;
pub use probe::{ProbeContact, ProbeFigure, ProbePlot, plot_probe};
pub(crate) use sample::group_thousands;
pub use sample::{MAX_NEAREST_SEGMENTS, MAX_SEGMENTS, SampledSegment, SegmentSample};
pub use weights::{WeightsFigure, WeightsPlot, plot_weights, plot_weights_if_any};

use crate::error::Problem;

/// What cannot be drawn.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum PlotProblem {
    /// Nothing to draw.
    #[error("no segments {place}, expected at least one")]
    NoSegments {
        /// Where.
        place: String,
    },
    /// Two files without a contact and a node that both have.
    #[error("nothing in common, expected at least one population, node and contact in both files")]
    NothingInCommon,
    /// Two files without a contact that both have.
    #[error("no contact in common, expected at least one of one name in both files")]
    NoContactInCommon,
    /// Two files without a node that both have.
    #[error("no node in common, expected at least one of one id in both files")]
    NoNodeInCommon,
    /// Two files that cut every neuron otherwise.
    #[error(
        "no node with the same number of segments in both files, expected at least one, found {nodes} with others: node \
         {node} has {} and {}", segments[0], segments[1]
    )]
    SegmentCounts {
        /// How many nodes both have.
        nodes: usize,
        /// The first of them.
        node: u64,
        /// Its numbers of segments.
        segments: [u64; 2],
    },
    /// A size that leaves no room.
    #[error("out of range, expected a finite number above 0 um, found `{0}`")]
    Within(f64),
    /// A contact without a place cannot be the middle of a picture.
    #[error("contact without a position, expected one for `--within`")]
    NoPosition,
}

impl Problem for PlotProblem {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NoSegments { .. } => Some("a larger `--within` reaches further".into()),
            Self::Within(_) => Some("for example `--within 200`".into()),
            Self::SegmentCounts { .. } => Some("were both made from one circuit, with one discretisation?".into()),
            Self::NoPosition | Self::NothingInCommon | Self::NoContactInCommon | Self::NoNodeInCommon => None,
        }
    }
}
