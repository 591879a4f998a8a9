//! What a file says of a contact's method, so that its coefficients can be computed anew.

use super::{Attribute, ElectrodesFile, electrode};
use crate::geometry::Point;
use crate::io::hdf5::File;
use crate::methods::medium::Conductivity;
use crate::methods::objective_csd::{Density, Measure};
use crate::methods::{self, Contact, Method, NearField};
use crate::units::{DEFAULT_CONDUCTIVITY, SiemensPerMeter};

/// Settings of a contact's method, as attributes of its `type`.
pub const SETTINGS: [&str; 15] = [
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
];

const CONDUCTIVITY: &str = "conductivity_S_per_m";
const NEAR_FIELD: &str = "near_field";
const RADIUS: &str = "radius";
const THICKNESS: &str = "thickness";

/// The settings of a contact's method that a file has.
pub fn settings(file: &File, contact: &str) -> Vec<(&'static str, Attribute)> {
    let object = format!("{}/type", electrode(contact));
    let names = if file.has(&object) { file.attribute_names(&object) } else { Vec::new() };
    let text = |key: &str| file.string_attribute(&object, key).map(Attribute::Text);
    let number = |key: &str| file.float_attribute(&object, key).map(Attribute::Number);
    let numbers = |key: &str| file.list_attribute(&object, key).map(Attribute::Numbers);
    let value = |key: &str| text(key).or_else(|| number(key)).or_else(|| numbers(key));
    let there = SETTINGS.into_iter().filter(|key| names.iter().any(|name| name == key));
    there.filter_map(|key| Some((key, value(key)?))).collect()
}

/// A contact that can be computed anew from what its file says.
#[derive(Clone)]
pub struct Formula {
    /// Its method.
    pub method: &'static dyn Method,
    /// The contact, as the method sees it.
    pub contact: Contact,
    /// Whether the file says all that coefficients depend on. BlueRecording does not keep the conductivity: the default
    /// stands for it then, and only ratios of coefficients mean anything.
    pub is_stated: bool,
}

impl Formula {
    /// The formula of a method's name, a place and settings; none where coefficients depend on more than these: a lead
    /// field, a boundary, a reference, the array that a contact belongs to.
    pub fn of(kind: &str, position: Point, settings: &[(&'static str, Attribute)]) -> Option<Self> {
        let method = methods::by_name(kind)?;
        let mut contact = Contact { near_field: NearField::Exact, ..Contact::at(position) };
        let mut conductivity = None;
        for setting in settings {
            match setting {
                (CONDUCTIVITY, Attribute::Number(sigma)) => conductivity = Some(SiemensPerMeter::new(*sigma).ok()?),
                (NEAR_FIELD, Attribute::Text(name)) if name == NearField::Radius.name() => {
                    contact.near_field = NearField::Radius;
                }
                (NEAR_FIELD, Attribute::Text(name)) if name == NearField::Exact.name() => {}
                (RADIUS, Attribute::Number(radius)) => contact.region.radius = Some(*radius),
                (THICKNESS, Attribute::Number(thickness)) => contact.region.thickness = Some(*thickness),
                ("measure", Attribute::Text(measure)) if measure == "length" => {
                    contact.region.measure = Measure::Length
                }
                ("per_volume", Attribute::Text(truth)) if truth == "true" => {
                    contact.region.density = Density::PerVolume
                }
                _ => return None,
            }
        }
        if method.looks_up().is_some() {
            return None;
        }
        contact.conductivity = Conductivity::from(conductivity.unwrap_or(DEFAULT_CONDUCTIVITY));
        let is_stated = conductivity.is_some() || !method.is_analytic();
        Some(Self { method, contact, is_stated })
    }
}

impl ElectrodesFile {
    /// The formula of a contact, if it can be computed anew.
    ///
    /// # Errors
    /// As [`ElectrodesFile::description`].
    pub fn formula(&self, contact: &str) -> crate::error::Result<Option<Formula>> {
        let told = self.description(contact)?;
        let settings = settings(&self.file, contact);
        self.file.check_attributes()?;
        Ok(told.kind.zip(told.position).and_then(|(kind, position)| Formula::of(&kind, position, &settings)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_formula_needs_all_that_it_depends_on() {
        let of = |kind: &str, settings: &[(&'static str, Attribute)]| Formula::of(kind, Point::ORIGIN, settings);
        let stated =
            of("LineSource", &[(CONDUCTIVITY, Attribute::Number(0.3)), (NEAR_FIELD, "radius".into())]).unwrap();
        assert!(stated.is_stated && stated.contact.near_field == NearField::Radius);
        assert_eq!(stated.contact.conductivity.isotropic(), Some(0.3));
        let silent = of("PointSource", &[]).unwrap();
        assert!(!silent.is_stated && silent.contact.near_field == NearField::Exact);
        assert!(of("Reciprocity", &[]).is_none(), "a lead field");
        assert!(of("LineSource", &[("boundary", "a plane".into())]).is_none());
        assert!(of("LineSource", &[("reference", "average".into())]).is_none());
        assert!(of("Magic", &[]).is_none());
        let sphere = of("ObjectiveCSD_Sphere", &[("per_volume", "true".into()), ("measure", "length".into())]).unwrap();
        let region = sphere.contact.region;
        assert_eq!((region.density, region.measure), (Density::PerVolume, Measure::Length));
    }
}
