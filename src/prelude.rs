//! What most programs that use the library need: `use leadfield::prelude::*;`.
//!
//! | step | begin with |
//! |---|---|
//! | a circuit | [`Circuit::open`], [`Circuit::segments`] |
//! | its segments in space | [`SegmentTable::open`], [`TableQuery`] with a [`Region`] |
//! | contacts | [`Electrodes::read`], [`Electrodes::from_list`] |
//! | weights | [`Weights::new`] from a table; [`LineSource::in_medium`] from own arrays; [`ElectrodesFile::open`] reads them |
//! | signals | [`Signals::from_inputs`], from a [`CurrentReport`] and weights |
//! | an own method | [`Method`] and [`PreparedMethod`] |

pub use crate::circuit::hoc::AxonReplacement;
pub use crate::circuit::{Circuit, SegmentsBuilder, TableCircuit};
pub use crate::electrodes::{Electrode, ElectrodeSettings, Electrodes, LengthUnit, Reference};
pub use crate::error::{Error, ErrorKind, Result};
pub use crate::geometry::region::{Capsule, Cuboid, Disk, Predicate, Region, Slab, Sphere};
pub use crate::geometry::{Aabb, Point, Transform};
pub use crate::io::atomic_output::OverwritePolicy;
pub use crate::io::ranks::Ranks;
pub use crate::io::resumable_output::RunSettings;
pub use crate::lead_field::{LeadField, LeadFieldRequest};
pub use crate::methods::line_source::LineSource;
pub use crate::methods::medium::{Boundary, Conductivity, Slice};
pub use crate::methods::own_arrays::{MethodInMedium, SegmentArrays};
pub use crate::methods::point_source::PointSource;
pub use crate::methods::{
    Contact, METHODS, Method, MethodProperties, NearField, PreparedMethod, SettingKind, WeightQuantity,
};
pub use crate::segments::query::TableQuery;
pub use crate::segments::table::{Hits, Precision, SegmentFilter, SegmentTable};
pub use crate::segments::{NeuronSegments, SectionType, Segment, Segments};
pub use crate::signals::output::{SignalFormat, SignalsRequest, write_signals};
pub use crate::signals::{CurrentKind, CurrentReport, Grouping, SignalReference, SignalUnit, Signals, TimeSelection};
pub use crate::sonata::electrodes_file::ElectrodesFile;
pub use crate::sonata::node_sets::NodeSets;
pub use crate::weights::{SegmentSource, WeightColumns, WeightLookup, Weights, WeightsSummary};
