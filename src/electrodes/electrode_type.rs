//! Parses the `type` of a contact: the name of a method, followed by sizes if the method has a region.
//!
//! `ObjectiveCSD_Sphere_R`, `ObjectiveCSD_Disk_R`, `ObjectiveCSD_Disk_R_T` and `ObjectiveCSD_Plane_T` contain radius
//! and thickness in µm; a setting with the same name must have the same value.

use super::settings::MAX_LENGTH_UM;
use super::{ElectrodeProblem, ElectrodeSettings};
use crate::error::Result;
use crate::methods::objective_csd::RegionSpec;
use crate::methods::{Method, find_method};

/// A parsed type.
#[derive(Debug, PartialEq)]
pub struct ElectrodeType<'a> {
    /// Name of the method.
    pub method_name: &'a str,
    /// Radius, µm.
    pub radius_um: Option<f64>,
    /// Thickness, µm.
    pub thickness_um: Option<f64>,
}

/// Parses a type.
///
/// # Errors
/// Returns an error if the text after a method's name is not its sizes.
pub fn parse(text: &str) -> Result<ElectrodeType<'_>> {
    match RegionSpec::parse(text)? {
        Some(RegionSpec { shape, radius_um: radius, thickness_um: thickness }) => {
            let (radius, thickness) = (check_size("radius", radius)?, check_size("thickness", thickness)?);
            Ok(ElectrodeType { method_name: shape.name(), radius_um: radius, thickness_um: thickness })
        }
        None => Ok(ElectrodeType { method_name: text, radius_um: None, thickness_um: None }),
    }
}

fn check_size(key: &'static str, size: Option<f64>) -> Result<Option<f64>, ElectrodeProblem> {
    match size {
        Some(size) if size > MAX_LENGTH_UM => {
            Err(ElectrodeProblem::Value { key, expected: "at most 1e9 µm", found: format!("`{size:e}`") })
        }
        Some(size) if !(size > 0.0 && size.is_finite()) => {
            Err(ElectrodeProblem::Value { key, expected: "a number above 0 µm", found: format!("`{size}`") })
        }
        size => Ok(size),
    }
}

impl ElectrodeType<'_> {
    /// Returns the method.
    ///
    /// # Errors
    /// Returns an error if no method has this name.
    pub fn find_method(&self) -> Result<&'static dyn Method, ElectrodeProblem> {
        find_method(self.method_name).ok_or_else(|| ElectrodeProblem::UnknownType(self.method_name.into()))
    }

    /// Returns settings with the sizes of the type added.
    ///
    /// # Errors
    /// Returns an error if the settings already have other sizes.
    pub fn add_sizes_to(&self, mut settings: ElectrodeSettings) -> Result<ElectrodeSettings, ElectrodeProblem> {
        for (key, size, setting) in [
            ("radius", self.radius_um, &mut settings.radius_um),
            ("thickness", self.thickness_um, &mut settings.thickness_um),
        ] {
            match (size, *setting) {
                (Some(expected), Some(found)) if expected != found => {
                    return Err(ElectrodeProblem::ConflictingSizes { key, expected, found });
                }
                (size, found) => *setting = size.or(found),
            }
        }
        Ok(settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(text: &str) -> (&str, Option<f64>, Option<f64>) {
        let ElectrodeType { method_name: name, radius_um: radius, thickness_um: thickness } = parse(text).unwrap();
        (name, radius, thickness)
    }

    #[test]
    fn sizes_after_a_name_are_radius_and_thickness() {
        assert_eq!(sizes("ObjectiveCSD_Sphere_12.5"), ("ObjectiveCSD_Sphere", Some(12.5), None));
        assert_eq!(sizes("ObjectiveCSD_Disk_200"), ("ObjectiveCSD_Disk", Some(200.0), None));
        assert_eq!(sizes("ObjectiveCSD_Disk_200_4e1"), ("ObjectiveCSD_Disk", Some(200.0), Some(40.0)));
        assert_eq!(sizes("ObjectiveCSD_Plane_40"), ("ObjectiveCSD_Plane", None, Some(40.0)));
        assert_eq!(sizes("ObjectiveCSD_Plane"), ("ObjectiveCSD_Plane", None, None));
        assert_eq!(sizes("LineSource"), ("LineSource", None, None));
    }

    #[test]
    fn an_invalid_size_is_an_error() {
        assert_eq!(
            parse("ObjectiveCSD_Disk_-2").unwrap_err().to_string(),
            "wrong `radius`, expected a number above 0 µm, found `-2`"
        );
        assert_eq!(
            parse("ObjectiveCSD_Plane_nan").unwrap_err().to_string(),
            "wrong `thickness`, expected a number above 0 µm, found `NaN`"
        );
        assert_eq!(
            parse("ObjectiveCSD_Sphere_1e200").unwrap_err().to_string(),
            "wrong `radius`, expected at most 1e9 µm, found `1e200`"
        );
        assert_eq!(
            parse("ObjectiveCSD_Plane_wide").unwrap_err().to_string(),
            "bad type, expected `ObjectiveCSD_Plane[_THICKNESS]`, found `ObjectiveCSD_Plane_wide`"
        );
    }

    #[test]
    fn a_setting_must_have_the_value_of_the_type() {
        let kind = parse("ObjectiveCSD_Disk_200").unwrap();
        let own = |radius, thickness| ElectrodeSettings {
            radius_um: radius,
            thickness_um: thickness,
            ..ElectrodeSettings::default()
        };
        assert_eq!(kind.add_sizes_to(own(None, Some(5.0))).unwrap(), own(Some(200.0), Some(5.0)));
        assert_eq!(kind.add_sizes_to(own(Some(200.0), None)).unwrap(), own(Some(200.0), None));
        assert_eq!(
            kind.add_sizes_to(own(Some(100.0), None)).unwrap_err().to_string(),
            "two values for `radius`, expected `200` as in the type, found `100`"
        );
    }
}
