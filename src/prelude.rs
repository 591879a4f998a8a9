//! What most programs that use the library need: `use leadfield::prelude::*;`.

pub use crate::circuit::hoc::AxonReplacement;
pub use crate::circuit::{Circuit, SegmentsBuilder};
pub use crate::electrodes::{Electrode, ElectrodeSettings, Electrodes};
pub use crate::error::{Error, ErrorKind, Result};
pub use crate::geometry::region::{Capsule, Cuboid, Disk, Predicate, Region, Slab, Sphere};
pub use crate::geometry::{Aabb, Point};
pub use crate::methods::line_source::LineSource;
pub use crate::methods::medium::{Boundary, Conductivity};
pub use crate::methods::own_arrays::{MethodInMedium, SegmentArrays};
pub use crate::methods::point_source::PointSource;
pub use crate::methods::{METHODS, NearField};
pub use crate::segments::query::TableQuery;
pub use crate::segments::table::{Precision, SegmentFilter, SegmentTable};
pub use crate::segments::{SectionType, Segment, Segments};
pub use crate::sonata::electrodes_file::ElectrodesFile;
pub use crate::weights::{Weights, WeightsSummary};
