//! Methods: how a unit of membrane current in a segment becomes a number at a contact.
//!
//! Each method is one file with its equation, units, limits and source, registered in [`METHODS`]. Nothing here opens
//! a file.

mod close_contact;
mod cross_product;
pub mod dipole_reciprocity;
pub mod disc;
mod group_bounds;
mod inverse_sqrt;
mod line_source;
mod log1p;
pub mod medium;
mod multi_term;
pub mod objective_csd;
mod point_source;
pub mod reciprocity;
mod setting_kind;
mod simd;

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::geometry::Point;
use crate::lead_field::{LeadField, OutsideField, Quantity};
use crate::segments::NeuronSegments;
use crate::units::DEFAULT_CONDUCTIVITY;

use self::disc::Disc;
use self::medium::{Boundary, Conductivity};
pub use self::setting_kind::SettingKind;

/// How a method treats contacts that come nearer to a segment than its radius.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NearField {
    /// A contact never comes nearer than the segment's radius (0.5 um where it is unknown).
    #[default]
    ClampToRadius,
    /// The formula as it is: infinite or undefined on the segment itself.
    Unclamped,
}

impl NearField {
    /// Its name on the command line and in the electrodes file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ClampToRadius => "radius",
            Self::Unclamped => "exact",
        }
    }
}

/// The radius, um, that stands for an unknown one in the near field.
pub const UNKNOWN_RADIUS_UM: f64 = 0.5;

/// A segment's radius, um: [`UNKNOWN_RADIUS_UM`] where it is unknown, or no radius (not finite, or not above zero).
pub(crate) fn radius_or_default_um(radius: Option<f32>) -> f64 {
    radius.filter(|r| r.is_finite() && *r > 0.0).map_or(UNKNOWN_RADIUS_UM, f64::from)
}

/// What a method may know of one contact.
#[derive(Debug, Clone)]
pub struct Contact {
    /// Its name, for messages.
    pub name: String,
    /// Where it is, um.
    pub position_um: Point,
    /// Conductivity of the medium.
    pub conductivity: Conductivity,
    /// Where the medium ends; none where it is everywhere.
    pub boundary: Option<Boundary>,
    /// What the contact is instead of a point.
    pub disc: Option<Disc>,
    /// Treatment of the near field.
    pub near_field: NearField,
    /// The field that a current through it makes; one field may serve many contacts.
    pub lead_field: Option<Arc<LeadField>>,
    /// What a point outside that field means.
    pub outside_field: OutsideField,
    /// The region round it.
    pub csd_region: objective_csd::RegionOverrides,
}

impl Contact {
    /// A contact without a name or settings of its own.
    pub fn new(position: Point) -> Self {
        Self {
            name: String::new(),
            position_um: position,
            conductivity: DEFAULT_CONDUCTIVITY.into(),
            boundary: None,
            disc: None,
            near_field: NearField::default(),
            lead_field: None,
            outside_field: OutsideField::default(),
            csd_region: objective_csd::RegionOverrides::default(),
        }
    }
}

/// A method: one line of [`METHODS`].
pub trait Method: Sync {
    /// Its name in electrode files, e.g. `LineSource`.
    fn name(&self) -> &'static str;
    /// One sentence for `--help`.
    fn summary(&self) -> &'static str;
    /// Whether it uses the medium's conductivity, and so one value of `--conductivity`.
    fn uses_conductivity(&self) -> bool;
    /// What a contact of this method may set for itself.
    fn accepted_settings(&self) -> &'static [SettingKind] {
        if self.uses_conductivity() { SettingKind::MEDIUM_SETTINGS } else { &[] }
    }
    /// Whether its coefficients are potentials, V/nA; else they have a meaning of their own, and are not to be subtracted
    /// from potentials.
    fn is_potential(&self) -> bool {
        true
    }
    /// What it looks up in a lead field, and so one value of `--fields`; none for a method that needs no field.
    fn required_field(&self) -> Option<Quantity> {
        None
    }
    /// Makes it ready for some contacts.
    ///
    /// # Errors
    /// A contact lacks a setting that the method needs.
    fn prepare(&self, contacts: &[Contact]) -> Result<Box<dyn PreparedMethod>>;
}

/// A method made ready for some contacts.
pub trait PreparedMethod: Send + Sync {
    /// Writes the coefficients (V/nA) of a neuron's segments: `out` is row-major, one row a segment, one column a
    /// contact, in the order given to [`Method::prepare`]. `out.len()` is segments times contacts.
    ///
    /// The result may be infinite or NaN only with [`NearField::Unclamped`]; the caller checks.
    fn fill_weights(&self, neuron: &NeuronSegments<'_>, out: &mut [f64]);

    /// Why the coefficient of a segment (its place in the view) at a contact (column) is NaN, where the method knows: for
    /// the caller that found one.
    fn explain_missing_weight(&self, _neuron: &NeuronSegments<'_>, _segment: usize, _column: usize) -> Option<Error> {
        None
    }

    /// What a user should know of the contacts, though they could be made ready.
    fn warnings(&self) -> Vec<Error> {
        Vec::new()
    }

    /// Sizes that the coefficients of a contact (column) were computed with: attributes of its type in the electrodes
    /// file.
    fn size_attributes(&self, _column: usize) -> Vec<(&'static str, f64)> {
        Vec::new()
    }
}

/// Every method; the parser, `--help`, error hints and tests read this list.
pub static METHODS: &[&dyn Method] = &[
    &point_source::PointSource,
    &line_source::LineSource,
    &reciprocity::Reciprocity,
    &dipole_reciprocity::DipoleReciprocity,
    &objective_csd::ObjectiveCsd(objective_csd::RegionShape::Sphere),
    &objective_csd::ObjectiveCsd(objective_csd::RegionShape::Disk),
    &objective_csd::ObjectiveCsd(objective_csd::RegionShape::Plane),
];

/// The method of a name.
pub fn find_method(name: &str) -> Option<&'static dyn Method> {
    METHODS.iter().copied().find(|m| m.name() == name)
}
