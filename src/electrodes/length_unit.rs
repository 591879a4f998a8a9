//! The unit of the lengths in a file of contacts, and their conversion to micrometres.

use super::settings::MAX_LENGTH_UM;
use super::{ElectrodeProblem, ElectrodeSettings};
use crate::units::LENGTH_UNITS;

/// A unit of length that a file of contacts may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum LengthUnit {
    /// Micrometres, the unit of SONATA.
    #[default]
    Micrometer,
    /// Millimetres.
    Millimeter,
    /// Centimetres.
    Centimeter,
    /// Metres.
    Meter,
}

impl LengthUnit {
    const ALL: [Self; 4] = [Self::Micrometer, Self::Millimeter, Self::Centimeter, Self::Meter];

    /// Returns the name: `um`, `mm`, `cm` or `m`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Micrometer => "um",
            Self::Millimeter => "mm",
            Self::Centimeter => "cm",
            Self::Meter => "m",
        }
    }

    /// Returns the unit with a name, as `mm`, `millimeters` or `millimetre`; in the short names µ is u, upper case is lower
    /// case, and `micron` is the first unit.
    pub fn from_name(name: &str) -> Option<Self> {
        let name = name.trim().to_lowercase().replace(['\u{b5}', '\u{3bc}'], "u");
        let singular = name.strip_suffix('s').unwrap_or(&name);
        let is_named = |unit: &Self| {
            unit.name() == name
                || unit.long_name() == singular.replace("metre", "meter")
                || *unit == Self::Micrometer && singular == "micron"
        };
        Self::ALL.into_iter().find(is_named)
    }

    const fn long_name(self) -> &'static str {
        match self {
            Self::Micrometer => "micrometer",
            Self::Millimeter => "millimeter",
            Self::Centimeter => "centimeter",
            Self::Meter => "meter",
        }
    }

    /// Returns its length in micrometres.
    pub fn micrometers(self) -> f64 {
        // all names are those of units
        LENGTH_UNITS.factor(self.name()).unwrap_or(1.0)
    }
}

/// The keys whose values are lengths. A boundary has one too, within its text.
pub(super) const LENGTH_KEYS: [&str; 8] =
    ["x", "y", "z", "radius", "thickness", "disc_radius", "head_center", "head_radii"];

/// Returns whether the value of a key is a length or contains one, so that its name may state a unit.
pub(super) fn has_length(key: &str) -> bool {
    LENGTH_KEYS.contains(&key) || key == "boundary"
}

/// Returns the unit of the lengths whose keys state none: that which the caller gave, or that of the coordinates.
///
/// # Errors
/// Returns an error if coordinates have different units, and the unit of another one of `keys` is therefore not known.
pub(super) fn unit_of_others(
    own_units: &[(&'static str, LengthUnit)],
    given: Option<LengthUnit>,
    keys: impl IntoIterator<Item = &'static str>,
) -> Result<LengthUnit, ElectrodeProblem> {
    let is_coordinate = |key: &str| matches!(key, "x" | "y" | "z");
    let mut coordinates = own_units.iter().filter(|(key, _)| is_coordinate(key));
    let (None, Some(&(first, unit))) = (given, coordinates.next()) else { return Ok(given.unwrap_or_default()) };
    let Some(&(second, another)) = coordinates.find(|(_, other)| *other != unit) else { return Ok(unit) };
    let has_none = |key: &&str| has_length(key) && own_units.iter().all(|(own, _)| own != key);
    match keys.into_iter().find(has_none) {
        Some(key) => {
            Err(ElectrodeProblem::UnknownUnit { key, first, unit: unit.name(), second, another: another.name() })
        }
        None => Ok(unit),
    }
}

/// Converts the lengths of settings to micrometres; `unit` gives the unit of a key's value.
///
/// # Errors
/// Returns an error if a length is beyond the largest one.
pub(super) fn convert_settings(
    mut settings: ElectrodeSettings,
    unit: impl Fn(&str) -> LengthUnit,
) -> Result<ElectrodeSettings, ElectrodeProblem> {
    let convert = |key: &'static str, length: &mut f64, expected: &'static str| {
        let unit = unit(key);
        let converted = *length * unit.micrometers();
        if converted.abs() > MAX_LENGTH_UM {
            let found = format!("`{length:?}` {}", unit.name());
            return Err(ElectrodeProblem::Value { key, expected, found });
        }
        *length = converted;
        Ok(())
    };
    const AT_MOST: &str = "at most 1e9 µm";
    for (key, length) in [("radius", &mut settings.radius_um), ("thickness", &mut settings.thickness_um)] {
        length.iter_mut().try_for_each(|length| convert(key, length, AT_MOST))?;
    }
    if let Some(disc) = &mut settings.disc {
        convert("disc_radius", &mut disc.radius_um, AT_MOST)?;
    }
    let planes = settings.slice.iter_mut().flat_map(|slice| [&mut slice.lower, &mut slice.upper]);
    let positions = settings.boundary.iter_mut().map(|boundary| &mut boundary.position_um);
    for position in positions.chain(planes.map(|plane| &mut plane.position_um)) {
        convert("boundary", position, "a plane at most 1e9 µm from the origin")?;
    }
    if let Some(center) = &mut settings.head.center_um {
        for coordinate in [&mut center.x, &mut center.y, &mut center.z] {
            convert("head_center", coordinate, AT_MOST)?;
        }
    }
    for radius in settings.head.radii_um.iter_mut().flatten() {
        convert("head_radii", radius, AT_MOST)?;
    }
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_have_their_length_and_are_found_by_name() {
        let lengths = LengthUnit::ALL.map(LengthUnit::micrometers);
        assert_eq!(lengths, [1.0, 1e3, 1e4, 1e6]);
        for unit in LengthUnit::ALL {
            assert_eq!(LengthUnit::from_name(unit.name()), Some(unit));
        }
        let named = ["µm", "μM", " MM", "inch", ""].map(LengthUnit::from_name);
        let (um, mm) = (Some(LengthUnit::Micrometer), Some(LengthUnit::Millimeter));
        assert_eq!(named, [um, um, mm, None, None]);
        for name in ["micron", "Microns", "micrometer", "micrometres"] {
            assert_eq!(LengthUnit::from_name(name), um, "{name}");
        }
        let long = ["millimetre", "centimeters", "Metres", "mms", "kilometer"].map(LengthUnit::from_name);
        assert_eq!(long, [mm, Some(LengthUnit::Centimeter), Some(LengthUnit::Meter), None, None]);
    }

    #[test]
    fn a_length_beyond_the_largest_is_an_error_also_after_the_conversion() {
        let settings = ElectrodeSettings { radius_um: Some(2e6), ..ElectrodeSettings::default() };
        let in_unit = |unit| convert_settings(settings.clone(), |_| unit);
        assert_eq!(in_unit(LengthUnit::Micrometer).unwrap(), settings);
        assert_eq!(
            in_unit(LengthUnit::Meter).unwrap_err().to_string(),
            "wrong `radius`, expected at most 1e9 µm, found `2000000.0` m"
        );
    }
}
