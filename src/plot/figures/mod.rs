//! Pictures of circuits, contacts and weights: this module decides what is drawn, [`crate::plot::canvas`] how.

mod categories;
mod comparison;
mod contact_marks;
mod depth_profile;
mod distance;
mod outline;
mod palette;
mod panel;
mod probe;
mod sample;
pub mod signals;
mod weights;
mod worst_pairs;

pub use categories::{SegmentCategories, SegmentCategory};
pub use comparison::{ComparisonFigure, plot_comparison};
pub use depth_profile::{DepthProfile, plot_depth_profile};
pub use distance::{DistanceLine, plot_weights_by_distance};
pub use palette::Palette;
pub(crate) use palette::{MISSING_COLOUR, is_csd_method, weight_unit};
pub use panel::ViewPlane;
pub use probe::{ProbeContact, ProbeFigure, ProbePlot, plot_probe};
pub(crate) use sample::group_thousands;
pub use sample::{MAX_NEAREST_SEGMENTS, MAX_SEGMENTS, SampledSegment, SegmentSample};
pub(crate) use weights::palette_legend;
pub use weights::{WeightsFigure, WeightsPlot, plot_weights, plot_weights_if_any};

pub use crate::plot::canvas::{Figure, ImageFormat};

use crate::error::Problem;

/// Reasons why a picture cannot be drawn.
#[derive(Debug, thiserror::Error, PartialEq)]
#[non_exhaustive]
pub enum PlotProblem {
    /// There are no segments to draw.
    #[error("no segments {place}, expected at least one")]
    NoSegments {
        /// The searched place, such as `in the table`.
        place: String,
    },
    /// The two files have no contact and no node in common.
    #[error("nothing in common, expected at least one population, node and contact in both files")]
    NothingInCommon,
    /// The two files have no contact in common.
    #[error("no contact in common, expected at least one with the same name in both files")]
    NoContactInCommon,
    /// The two files have no node in common.
    #[error("no node in common, expected at least one with the same id in both files")]
    NoNodeInCommon,
    /// All common nodes have different numbers of segments.
    #[error(
        "no node with the same number of segments in both files, expected at least one, found {nodes} with others: \
         node {node} has {} and {}", segments[0], segments[1]
    )]
    SegmentCounts {
        /// Number of nodes in both files.
        nodes: usize,
        /// The first of these nodes.
        node: u64,
        /// Its number of segments in each file.
        segments: [u64; 2],
    },
    /// A contact's weights have different units in two files.
    #[error("units of contact `{contact}` differ, expected the same in both files, found `{}` and `{}`", units[0], units[1])]
    Units {
        /// The contact.
        contact: String,
        /// The unit in each file.
        units: [String; 2],
    },
    /// A contact's weights have a unit that the picture does not have.
    #[error("unit of contact `{contact}` cannot be drawn, expected `{expected}`, found `{found}`")]
    OtherUnit {
        /// The contact.
        contact: String,
        /// The unit of the picture.
        expected: &'static str,
        /// The unit in both files.
        found: String,
    },
    /// The size of the view is not positive and finite.
    #[error("out of range, expected a finite number above 0 \u{b5}m, found `{0}`")]
    Within(f64),
    /// A contact without a position cannot be the centre of a picture.
    #[error("contact without a position, expected one for `--within`")]
    NoPosition,
}

impl Problem for PlotProblem {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NoSegments { .. } => Some("use a larger `--within`".into()),
            Self::Within(_) => Some("for example `--within 200`".into()),
            Self::Units { .. } | Self::OtherUnit { .. } => Some(
                "convert to V/nA: `leadfield convert WEIGHTS.h5 -o w.parquet`, then `leadfield convert w.parquet -o NEW.h5`"
                    .into(),
            ),
            Self::SegmentCounts { .. } => Some("check that both are from the same circuit and discretisation".into()),
            Self::NoPosition | Self::NothingInCommon | Self::NoContactInCommon | Self::NoNodeInCommon => None,
        }
    }
}
