//! Methods: compute a segment's weight at a contact, the recorded signal per unit of membrane current.
//!
//! Each method is one file with its equation, units, limits and source, and is registered in [`METHODS`]. Methods open
//! no files.

mod close_contact;
pub mod current_dipole;
mod dipole_kernel;
pub mod dipole_reciprocity;
pub mod disc;
pub mod four_sphere;
pub mod four_sphere_reciprocity;
mod group_bounds;
pub mod head;
pub mod infinite_dipole;
mod inverse_sqrt;
mod lanes;
pub mod line_source;
mod log1p;
pub mod medium;
pub mod meg;
mod multi_term;
pub mod objective_csd;
pub mod own_arrays;
pub mod point_source;
pub mod reciprocity;
#[doc(hidden)]
pub mod shell_series;
mod simd;
mod sphere_series;

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::geometry::Point;
use crate::lead_field::{LeadField, OutsideField, Quantity};
use crate::segments::NeuronSegments;
use crate::units::DEFAULT_CONDUCTIVITY;

use self::disc::Disc;
use self::head::HeadSettings;
use self::medium::{Axis, Boundary, Conductivity, Slice};

/// How a method treats contacts that are nearer to a segment than its radius.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NearField {
    /// Distances are at least the segment's radius (0.5 µm if it is unknown).
    #[default]
    ClampToRadius,
    /// The formula is not changed: it is infinite or undefined on the segment itself.
    Unclamped,
}

impl NearField {
    /// Returns its name on the command line and in the electrodes file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ClampToRadius => "radius",
            Self::Unclamped => "exact",
        }
    }
}

/// The radius, µm, that the near-field rule uses for an unknown radius.
pub const UNKNOWN_RADIUS_UM: f64 = 0.5;

/// Returns a segment's radius, µm: [`UNKNOWN_RADIUS_UM`] if it is unknown or invalid (not finite, or not above zero).
pub(crate) fn radius_or_default_um(radius: Option<f32>) -> f64 {
    radius.filter(|r| r.is_finite() && *r > 0.0).map_or(UNKNOWN_RADIUS_UM, f64::from)
}

/// A contact and its settings, as methods use them.
#[derive(Debug, Clone)]
pub struct Contact {
    /// Name, for messages.
    pub name: String,
    /// Position, µm.
    pub position_um: Point,
    /// Conductivity of the medium.
    pub conductivity: Conductivity,
    /// The plane at which the medium ends; `None` for an unbounded medium.
    pub boundary: Option<Boundary>,
    /// The two planes between which the medium is a slice; with a slice there is no single boundary.
    pub slice: Option<Slice>,
    /// The disc of the contact; `None` for a point.
    pub disc: Option<Disc>,
    /// Treatment of the near field.
    pub near_field: NearField,
    /// The field that a current through the contact produces; several contacts may share one.
    pub lead_field: Option<Arc<LeadField>>,
    /// What the method does for a point outside that field.
    pub outside_field: OutsideField,
    /// Settings of the contact's region, for `ObjectiveCSD`.
    pub csd_region: objective_csd::RegionOverrides,
    /// The head around the contact, for `FourSphere`, `FourSphereReciprocity` and `MEG`.
    pub head: HeadSettings,
    /// Unit normal of a magnetometer's coil; `None` for the direction from the head's centre.
    pub coil_normal: Option<Point>,
    /// The component of the dipole moment, for `CurrentDipole`.
    pub dipole_axis: Option<Axis>,
}

impl Contact {
    /// Creates a contact without a name and with default settings.
    pub fn new(position: Point) -> Self {
        Self {
            name: String::new(),
            position_um: position,
            conductivity: DEFAULT_CONDUCTIVITY.into(),
            boundary: None,
            slice: None,
            disc: None,
            near_field: NearField::default(),
            lead_field: None,
            outside_field: OutsideField::default(),
            csd_region: objective_csd::RegionOverrides::default(),
            head: HeadSettings::default(),
            coil_normal: None,
            dipole_axis: None,
        }
    }
}

/// A setting of a single contact. A method lists the settings that it accepts ([`Method::accepted_settings`]);
/// reading a file fails if a contact has another one, so that no setting is ignored silently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingKind {
    /// Conductivity of the medium, S/m.
    Conductivity,
    /// Conductivity along x, y and z, S/m.
    Anisotropy,
    /// The lead field to read weights from.
    Field,
    /// Radius of the region, µm.
    Radius,
    /// Thickness of the region, µm.
    Thickness,
    /// The array that the contact belongs to.
    Array,
    /// The measure of a segment.
    Measure,
    /// Whether the measure is divided by the region's volume.
    PerVolume,
    /// A plane beyond which the medium conducts differently.
    Boundary,
    /// The contact, or average, that is subtracted.
    Reference,
    /// A disc contact instead of a point.
    Disc,
    /// Centre of the head in the circuit's frame, µm.
    HeadCenter,
    /// Radii of the head's spheres, µm.
    HeadRadii,
    /// Conductivities of the head's spheres, S/m.
    HeadConductivities,
    /// Normal of a magnetometer's coil.
    CoilNormal,
    /// Component of the current dipole moment.
    DipoleAxis,
}

/// The quantity that weights give when they are multiplied by currents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum WeightQuantity {
    /// A potential: V/nA.
    Potential,
    /// A magnetic field: fT/nA.
    MagneticField,
    /// A current dipole moment, nA µm/nA: µm.
    DipoleMoment,
    /// A share of the membrane current: no unit, or 1/µm^3.
    CurrentShare,
}

impl SettingKind {
    /// Settings of a contact in a conducting medium.
    pub const MEDIUM_SETTINGS: &'static [Self] = &[Self::Conductivity, Self::Anisotropy, Self::Boundary, Self::Disc];
    /// Settings of every contact, for any method, because they apply to the column.
    pub const COMMON_SETTINGS: &'static [Self] = &[Self::Reference];
    /// Settings of an electrode on a head of spheres.
    pub const HEAD_SETTINGS: &'static [Self] = &[Self::HeadCenter, Self::HeadRadii, Self::HeadConductivities];

    /// Returns its key in electrodes files.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Conductivity => "conductivity",
            Self::Anisotropy => "conductivity sx,sy,sz",
            Self::Field => "field",
            Self::Radius => "radius",
            Self::Thickness => "thickness",
            Self::Array => "array",
            Self::Measure => "measure",
            Self::PerVolume => "per_volume",
            Self::Boundary => "boundary",
            Self::Reference => "reference",
            Self::Disc => "disc_radius",
            Self::HeadCenter => "head_center",
            Self::HeadRadii => "head_radii",
            Self::HeadConductivities => "head_conductivities",
            Self::CoilNormal => "coil_normal",
            Self::DipoleAxis => "dipole_axis",
        }
    }
}

/// What the rest of the program must know about a method: [`Method::properties`].
#[derive(Debug, Clone, Copy)]
pub struct MethodProperties {
    /// Name in electrodes files, e.g. `LineSource`.
    pub name: &'static str,
    /// One sentence for lists of the methods.
    pub summary: &'static str,
    /// Settings that a contact of this method may have.
    pub accepted_settings: &'static [SettingKind],
    /// The quantity of its weights. Weights of different quantities must not be subtracted from each other.
    pub quantity: WeightQuantity,
    /// The quantity that it reads from a lead field (one value of `--fields`); `None` if it needs no field.
    pub required_field: Option<Quantity>,
    /// Whether its contacts are usually in or at the tissue, so that one far away is suspicious.
    pub expects_near_contacts: bool,
}

impl MethodProperties {
    /// Returns the properties of a method that computes potentials at contacts in the tissue, without a lead field.
    ///
    /// ```
    /// use leadfield::methods::{MethodProperties, SettingKind, WeightQuantity};
    /// let potential = MethodProperties::new("Mine", "my potential", SettingKind::MEDIUM_SETTINGS);
    /// let share = MethodProperties { quantity: WeightQuantity::CurrentShare, ..potential };
    /// assert_eq!((share.name, share.required_field), ("Mine", None));
    /// ```
    pub const fn new(name: &'static str, summary: &'static str, accepted_settings: &'static [SettingKind]) -> Self {
        Self {
            name,
            summary,
            accepted_settings,
            quantity: WeightQuantity::Potential,
            required_field: None,
            expects_near_contacts: true,
        }
    }
}

/// A method that computes weights; registered in [`METHODS`].
pub trait Method: Sync {
    /// Returns its name, its settings and the quantity of its weights.
    fn properties(&self) -> MethodProperties;
    /// Returns its name in electrodes files, e.g. `LineSource`.
    fn name(&self) -> &'static str {
        self.properties().name
    }
    /// Returns one sentence for lists of the methods.
    fn summary(&self) -> &'static str {
        self.properties().summary
    }
    /// Returns the settings that a contact of this method may have.
    fn accepted_settings(&self) -> &'static [SettingKind] {
        self.properties().accepted_settings
    }
    /// Returns whether it uses the medium's conductivity, and so one value of `--conductivity`.
    fn uses_conductivity(&self) -> bool {
        self.accepted_settings().contains(&SettingKind::Conductivity)
    }
    /// Returns the quantity of its weights.
    fn quantity(&self) -> WeightQuantity {
        self.properties().quantity
    }
    /// Returns whether its weights are potentials of sources on the segment itself, which are above 0 everywhere.
    fn has_sources_on_segment(&self) -> bool {
        self.accepted_settings().contains(&SettingKind::Boundary)
    }
    /// Returns whether its contacts are usually in or at the tissue, so that one far away is suspicious.
    fn expects_near_contacts(&self) -> bool {
        self.properties().expects_near_contacts
    }
    /// Returns the quantity that it reads from a lead field; `None` if it needs no field.
    fn required_field(&self) -> Option<Quantity> {
        self.properties().required_field
    }
    /// Prepares the method for a list of contacts.
    ///
    /// # Errors
    /// Returns an error if a contact lacks a setting that the method needs, or has an invalid one.
    fn prepare(&self, contacts: &[Contact]) -> Result<Box<dyn PreparedMethod>>;
}

/// A method, prepared for a list of contacts.
pub trait PreparedMethod: Send + Sync {
    /// Writes the weights (V/nA) of a neuron's segments. `out` is row-major, with one row per segment and one column
    /// per contact, in the order given to [`Method::prepare`]; `out.len()` is the number of segments times the number
    /// of contacts.
    ///
    /// The result may be infinite or NaN only with [`NearField::Unclamped`]; the caller checks it.
    fn fill_weights(&self, neuron: &NeuronSegments<'_>, out: &mut [f64]);

    /// Returns why a weight is NaN, if the method knows. `segment` is the index in `neuron`, `column` that of the
    /// contact. Callers use it after they found a NaN.
    fn explain_missing_weight(&self, _neuron: &NeuronSegments<'_>, _segment: usize, _column: usize) -> Option<Error> {
        None
    }

    /// Returns warnings about the contacts.
    fn warnings(&self) -> Vec<Error> {
        Vec::new()
    }

    /// Returns the sizes that a contact's weights were computed with, as attributes of its type in the electrodes file.
    fn size_attributes(&self, _column: usize) -> Vec<(&'static str, f64)> {
        Vec::new()
    }
}

/// All methods; the parser, `--help`, error hints and tests read this list.
pub static METHODS: &[&dyn Method] = &[
    &point_source::PointSource,
    &line_source::LineSource,
    &reciprocity::Reciprocity,
    &dipole_reciprocity::DipoleReciprocity,
    &objective_csd::ObjectiveCsd(objective_csd::RegionShape::Sphere),
    &objective_csd::ObjectiveCsd(objective_csd::RegionShape::Disk),
    &objective_csd::ObjectiveCsd(objective_csd::RegionShape::Plane),
    &current_dipole::CurrentDipole,
    &infinite_dipole::InfiniteDipole,
    &four_sphere::FourSphere,
    &four_sphere_reciprocity::FourSphereReciprocity,
    &meg::Meg,
];

/// Returns the method with a name; `None` if there is no such method.
pub fn find_method(name: &str) -> Option<&'static dyn Method> {
    METHODS.iter().copied().find(|m| m.name() == name)
}
