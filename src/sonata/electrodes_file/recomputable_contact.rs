//! Method and settings of a contact in a file, from which its weights can be recomputed.

use super::{AttributeValue, ElectrodesFile, electrode_path};
use crate::geometry::Point;
use crate::io::hdf5::Hdf5File;
use crate::methods::medium::{Axis, Conductivity};
use crate::methods::objective_csd::{Density, Measure};
use crate::methods::{self, Contact, Method, NearField, SettingKind};
use crate::units::{DEFAULT_CONDUCTIVITY, SiemensPerMeter};

/// The attributes of `type` that contain the settings of a contact's method.
pub const SETTING_ATTRIBUTES: [&str; 20] = [
    CONDUCTIVITY,
    NEAR_FIELD,
    "boundary",
    "disc_normal",
    "disc_radius",
    "disc_points",
    RADIUS,
    THICKNESS,
    "measure",
    "per_volume",
    "field",
    "current_nA",
    "field_transform",
    "outside_field",
    "reference",
    HEAD_CENTER,
    HEAD_RADII,
    HEAD_CONDUCTIVITIES,
    COIL_NORMAL,
    DIPOLE_AXIS,
];

const CONDUCTIVITY: &str = "conductivity_S_per_m";
const NEAR_FIELD: &str = "near_field";
const RADIUS: &str = "radius";
const THICKNESS: &str = "thickness";
const HEAD_CENTER: &str = SettingKind::HeadCenter.key();
const HEAD_RADII: &str = SettingKind::HeadRadii.key();
const HEAD_CONDUCTIVITIES: &str = SettingKind::HeadConductivities.key();
const COIL_NORMAL: &str = SettingKind::CoilNormal.key();
const DIPOLE_AXIS: &str = SettingKind::DipoleAxis.key();

/// Reads the settings of a contact's method that the file contains.
pub fn read_settings(file: &Hdf5File, contact: &str) -> Vec<(&'static str, AttributeValue)> {
    let object = format!("{}/type", electrode_path(contact));
    let names = if file.has_object(&object) { file.attribute_names(&object) } else { Vec::new() };
    let text = |key: &str| file.read_string_attribute(&object, key).map(AttributeValue::Text);
    let number = |key: &str| file.read_float_attribute(&object, key).map(AttributeValue::Number);
    let numbers = |key: &str| file.read_list_attribute(&object, key).map(AttributeValue::Numbers);
    let value = |key: &str| text(key).or_else(|| number(key)).or_else(|| numbers(key));
    let present = SETTING_ATTRIBUTES.into_iter().filter(|key| names.iter().any(|name| name == key));
    present.filter_map(|key| Some((key, value(key)?))).collect()
}

/// A contact whose weights can be recomputed from the file.
#[derive(Clone)]
pub struct RecomputableContact {
    /// The contact's method.
    pub method: &'static dyn Method,
    /// The contact, in the form that the method needs.
    pub contact: Contact,
    /// Whether the file contains everything that the weights depend on. BlueRecording does not store the conductivity:
    /// the default is then used, and only ratios of weights are meaningful.
    pub is_fully_stated: bool,
}

impl RecomputableContact {
    /// Creates a contact from a method's name, a position and settings; `None` if the weights depend on more than
    /// these: a lead field, a boundary, a reference, or the array of the contact.
    pub fn from_attributes(kind: &str, position: Point, settings: &[(&'static str, AttributeValue)]) -> Option<Self> {
        let method = methods::find_method(kind)?;
        let mut contact = Contact { near_field: NearField::Unclamped, ..Contact::new(position) };
        let mut conductivity = None;
        for setting in settings {
            match setting {
                (CONDUCTIVITY, AttributeValue::Number(sigma)) => {
                    conductivity = Some(SiemensPerMeter::new(*sigma).ok()?)
                }
                (NEAR_FIELD, AttributeValue::Text(name)) if name == NearField::ClampToRadius.name() => {
                    contact.near_field = NearField::ClampToRadius;
                }
                (NEAR_FIELD, AttributeValue::Text(name)) if name == NearField::Unclamped.name() => {}
                (RADIUS, AttributeValue::Number(radius)) => contact.csd_region.radius_um = Some(*radius),
                (THICKNESS, AttributeValue::Number(thickness)) => contact.csd_region.thickness_um = Some(*thickness),
                ("measure", AttributeValue::Text(measure)) if measure == "length" => {
                    contact.csd_region.measure = Measure::Length
                }
                ("per_volume", AttributeValue::Text(truth)) if truth == "true" => {
                    contact.csd_region.density = Density::PerVolume
                }
                (HEAD_CENTER, AttributeValue::Numbers(center)) => contact.head.center_um = Some(to_point(center)?),
                (HEAD_RADII, AttributeValue::Numbers(radii)) => {
                    contact.head.radii_um = Some(radii.as_slice().try_into().ok()?)
                }
                (HEAD_CONDUCTIVITIES, AttributeValue::Numbers(sigmas)) => {
                    let sigmas: Vec<_> =
                        sigmas.iter().map(|s| SiemensPerMeter::new(*s)).collect::<Result<_, _>>().ok()?;
                    contact.head.conductivities = Some(sigmas.try_into().ok()?);
                }
                (COIL_NORMAL, AttributeValue::Numbers(normal)) => contact.coil_normal = Some(to_point(normal)?),
                (DIPOLE_AXIS, AttributeValue::Text(name)) => {
                    contact.dipole_axis = Some(Axis::ALL.into_iter().find(|axis| axis.name() == name)?)
                }
                _ => return None,
            }
        }
        // a contact without its head or its axis is not recomputed; disks need the contacts of their array
        let needs = [SettingKind::HeadCenter, SettingKind::DipoleAxis];
        let is_alone = method.accepted_settings().iter().any(|setting| needs.contains(setting));
        if is_alone && method.prepare(std::slice::from_ref(&contact)).is_err() {
            return None;
        }
        if method.required_field().is_some() {
            return None;
        }
        contact.conductivity = Conductivity::from(conductivity.unwrap_or(DEFAULT_CONDUCTIVITY));
        let is_stated = conductivity.is_some() || !method.uses_conductivity();
        Some(Self { method, contact, is_fully_stated: is_stated })
    }
}

/// Returns three numbers as a point.
fn to_point(numbers: &[f64]) -> Option<Point> {
    <[f64; 3]>::try_from(numbers).ok().map(Point::from)
}

impl ElectrodesFile {
    /// Reads a contact, if its weights can be recomputed.
    ///
    /// # Errors
    /// Returns the errors of [`ElectrodesFile::read_description`].
    pub fn recomputable_contact(&self, contact: &str) -> crate::error::Result<Option<RecomputableContact>> {
        let description = self.read_description(contact)?;
        let settings = read_settings(&self.file, contact);
        self.file.check_strings()?;
        self.file.check_attributes()?;
        Ok(description
            .kind
            .zip(description.position_um)
            .and_then(|(kind, position)| RecomputableContact::from_attributes(&kind, position, &settings)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contact_is_recomputable_only_with_all_its_settings() {
        let of = |kind: &str, settings: &[(&'static str, AttributeValue)]| {
            RecomputableContact::from_attributes(kind, Point::ORIGIN, settings)
        };
        let stated =
            of("LineSource", &[(CONDUCTIVITY, AttributeValue::Number(0.3)), (NEAR_FIELD, "radius".into())]).unwrap();
        assert!(stated.is_fully_stated && stated.contact.near_field == NearField::ClampToRadius);
        assert_eq!(stated.contact.conductivity.isotropic_s_per_m(), Some(0.3));
        let silent = of("PointSource", &[]).unwrap();
        assert!(!silent.is_fully_stated && silent.contact.near_field == NearField::Unclamped);
        assert!(of("Reciprocity", &[]).is_none(), "a lead field");
        assert!(of("LineSource", &[("boundary", "a plane".into())]).is_none());
        assert!(of("LineSource", &[("reference", "average".into())]).is_none());
        assert!(of("Magic", &[]).is_none());
        let sphere = of("ObjectiveCSD_Sphere", &[("per_volume", "true".into()), ("measure", "length".into())]).unwrap();
        let region = sphere.contact.csd_region;
        assert_eq!((region.density, region.measure), (Density::PerVolume, Measure::Length));
    }
}
