//! The settings of a contact, in addition to its name, position and type.
//!
//! | key | value |
//! |---|---|
//! | `conductivity` | S/m: one number, or three along x, y and z |
//! | `field` | the lead field of the contact: its name or its file |
//! | `radius`, `thickness` | sizes of the method's region, µm |
//! | `array` | a name shared by the contacts of one array |
//! | `measure` | `midpoint` or `length` |
//! | `per_volume` | `true` or `false` |
//! | `boundary` | `z<1200, 0`: medium at z below 1200 µm, 0 S/m beyond; also `>`; `=` is the contact's side |
//! | | `z>0, 0, z<200, 1.5`: a slice between two planes, each with the conductivity beyond it |
//! | `reference` | the signal to subtract: a contact's name, or `average` |
//! | `disc_radius`, `disc_normal`, `disc_points` | disc contact: µm, three numbers, smallest number of points |
//! | `head_center` | centre of the head's spheres in the circuit's frame: three numbers, µm |
//! | `head_radii`, `head_conductivities` | of brain, CSF, skull, scalp: four numbers, µm; four numbers, S/m |
//! | `coil_normal` | direction of a magnetometer's coil: three numbers |
//! | `dipole_axis` | component of the current dipole moment: `x`, `y` or `z`; without it a contact becomes three |
//!
//! In CSV several numbers are in one cell, separated by blanks, semicolons or (in quotes) commas; in JSON they may also
//! be a list.

use serde_json::{Value, json};

use super::ElectrodeProblem;
use super::raw_value::{RawValue, split_words};
use crate::geometry::Point;
use crate::methods::SettingKind;
use crate::methods::disc::Disc;
use crate::methods::head::HeadSettings;
use crate::methods::medium::{Axis, Boundary, Conductivity, Side, Slice};
use crate::methods::objective_csd::{Density, Measure};
use crate::units::{MAX_CONDUCTIVITY_S_PER_M, SiemensPerMeter};

/// Keys of settings.
pub(super) const SETTING_KEYS: [&str; 17] = [
    "conductivity",
    "field",
    "radius",
    "thickness",
    "array",
    "measure",
    "per_volume",
    "boundary",
    "reference",
    "disc_radius",
    "disc_normal",
    "disc_points",
    "head_center",
    "head_radii",
    "head_conductivities",
    "coil_normal",
    "dipole_axis",
];

/// The settings of a contact; missing ones are set by options, or by the method's default.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ElectrodeSettings {
    /// Conductivity of the medium.
    pub conductivity: Option<Conductivity>,
    /// The lead field: its name or its file.
    pub lead_field: Option<String>,
    /// Radius of the method's region, µm.
    pub radius_um: Option<f64>,
    /// Thickness of the method's region, µm.
    pub thickness_um: Option<f64>,
    /// A name shared by the contacts of one array.
    pub array: Option<String>,
    /// The measure of a segment.
    pub measure: Option<Measure>,
    /// The divisor of the measure (`per_volume`).
    pub density: Option<Density>,
    /// The plane at which the medium ends.
    pub boundary: Option<Boundary>,
    /// The two planes between which the medium is a slice.
    pub slice: Option<Slice>,
    /// The signal to subtract.
    pub reference: Option<Reference>,
    /// The disc of the contact, instead of a point.
    pub disc: Option<Disc>,
    /// The head around the contact.
    pub head: HeadSettings,
    /// Unit normal of a magnetometer's coil.
    pub coil_normal: Option<Point>,
    /// Component of the current dipole moment.
    pub dipole_axis: Option<Axis>,
}

/// The reference that is subtracted from a contact's weights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// The weights of another contact, before its own reference is subtracted.
    Contact(String),
    /// The mean of the weights of all contacts that have this reference, including the contact itself.
    Average,
}

type SettingResult<T> = std::result::Result<T, ElectrodeProblem>;

/// The value for [`Reference::Average`].
const AVERAGE_KEYWORD: &str = "average";

impl ElectrodeSettings {
    /// Parses the settings among a contact's values.
    pub(super) fn from_values<'a>(get: impl Fn(&str) -> Option<RawValue<'a>>) -> SettingResult<Self> {
        let medium_end = get("boundary").map(parse_medium_end).transpose()?;
        Ok(Self {
            conductivity: get("conductivity").map(parse_conductivity).transpose()?,
            lead_field: get("field").map(|field| field.parse_text("field")).transpose()?,
            radius_um: get("radius").map(|field| parse_length_um("radius", field)).transpose()?,
            thickness_um: get("thickness").map(|field| parse_length_um("thickness", field)).transpose()?,
            array: get("array").map(|field| field.parse_label("array")).transpose()?,
            measure: get("measure").map(parse_measure).transpose()?,
            density: get("per_volume").map(parse_density).transpose()?,
            boundary: medium_end.and_then(MediumEnd::boundary),
            slice: medium_end.and_then(MediumEnd::slice),
            reference: get("reference").map(parse_reference).transpose()?,
            disc: parse_disc(get("disc_radius"), get("disc_normal"), get("disc_points"))?,
            head: HeadSettings {
                center_um: get("head_center").map(|field| parse_position_um("head_center", field)).transpose()?,
                radii_um: get("head_radii").map(|field| parse_radii_um("head_radii", field)).transpose()?,
                conductivities: get("head_conductivities")
                    .map(|field| parse_shell_conductivities("head_conductivities", field))
                    .transpose()?,
            },
            coil_normal: get("coil_normal").map(|field| parse_direction("coil_normal", field)).transpose()?,
            dipole_axis: get("dipole_axis").map(parse_dipole_axis).transpose()?,
        })
    }

    /// Returns the kinds of the settings that are present.
    pub fn setting_kinds(&self) -> Vec<SettingKind> {
        let conductivity = match self.conductivity {
            Some(Conductivity::Anisotropic(_)) => SettingKind::Anisotropy,
            Some(Conductivity::Isotropic(_)) | None => SettingKind::Conductivity,
        };
        let there = [
            (conductivity, self.conductivity.is_some()),
            (SettingKind::Field, self.lead_field.is_some()),
            (SettingKind::Radius, self.radius_um.is_some()),
            (SettingKind::Thickness, self.thickness_um.is_some()),
            (SettingKind::Array, self.array.is_some()),
            (SettingKind::Measure, self.measure.is_some()),
            (SettingKind::PerVolume, self.density.is_some()),
            (SettingKind::Boundary, self.boundary.is_some() || self.slice.is_some()),
            (SettingKind::Reference, self.reference.is_some()),
            (SettingKind::Disc, self.disc.is_some()),
            (SettingKind::HeadCenter, self.head.center_um.is_some()),
            (SettingKind::HeadRadii, self.head.radii_um.is_some()),
            (SettingKind::HeadConductivities, self.head.conductivities.is_some()),
            (SettingKind::CoilNormal, self.coil_normal.is_some()),
            (SettingKind::DipoleAxis, self.dipole_axis.is_some()),
        ];
        there.into_iter().filter_map(|(parameter, there)| there.then_some(parameter)).collect()
    }

    /// Returns the settings as keys and values that [`ElectrodeSettings::from_values`] can read.
    pub(super) fn to_key_values(&self) -> Vec<(&'static str, Value)> {
        let disc = self.disc;
        let values = [
            self.conductivity.map(conductivity_to_json),
            self.lead_field.as_ref().map(|field| json!(field)),
            self.radius_um.map(|radius| json!(radius)),
            self.thickness_um.map(|thickness| json!(thickness)),
            self.array.as_ref().map(|array| json!(array)),
            self.measure.map(|measure| json!(measure_name(measure))),
            self.density.map(|density| json!(density == Density::PerVolume)),
            self.boundary.map(|boundary| json!(boundary.to_string())).or_else(|| Some(json!(self.slice?.to_string()))),
            self.reference.as_ref().map(|reference| json!(reference.to_string())),
            disc.map(|disc| json!(disc.radius_um)),
            disc.map(|disc| json!(disc.normal.to_array())),
            disc.and_then(|disc| disc.min_points).map(|points| json!(points)),
            self.head.center_um.map(|center| json!(center.to_array())),
            self.head.radii_um.map(|radii| json!(radii)),
            self.head.conductivities.map(|sigmas| json!(sigmas.map(SiemensPerMeter::get))),
            self.coil_normal.map(|normal| json!(normal.to_array())),
            self.dipole_axis.map(|axis| json!(axis.name())),
        ];
        SETTING_KEYS.into_iter().zip(values).filter_map(|(key, value)| Some((key, value?))).collect()
    }
}

fn conductivity_to_json(conductivity: Conductivity) -> Value {
    match conductivity {
        Conductivity::Isotropic(sigma) => json!(sigma.get()),
        Conductivity::Anisotropic(sigmas) => json!(sigmas.map(SiemensPerMeter::get)),
    }
}

impl std::fmt::Display for Reference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Contact(name) => f.write_str(name),
            Self::Average => f.write_str(AVERAGE_KEYWORD),
        }
    }
}

fn parse_conductivity(field: RawValue<'_>) -> SettingResult<Conductivity> {
    const EXPECTED: &str = "one number from 1e-30 to 1e30 S/m, or three (along x, y, z)";
    let wrong = || field.unexpected_value("conductivity", EXPECTED);
    let numbers = field.parse_numbers("conductivity", EXPECTED)?;
    let sigmas = numbers.iter().map(|&n| SiemensPerMeter::new(n)).collect::<std::result::Result<Vec<_>, _>>();
    match sigmas.map_err(|_| wrong())?[..] {
        [sigma] => Ok(Conductivity::Isotropic(sigma)),
        [x, y, z] => Ok(Conductivity::Anisotropic([x, y, z])),
        _ => Err(wrong()),
    }
}

/// The largest length in a setting, µm: one kilometre. Its squares and cubes are far from overflow.
pub(super) const MAX_LENGTH_UM: f64 = 1e9;

fn parse_length_um(key: &'static str, field: RawValue<'_>) -> SettingResult<f64> {
    match field.parse_number(key)? {
        length if length > MAX_LENGTH_UM => Err(field.unexpected_value(key, "at most 1e9 µm")),
        length if length > 0.0 => Ok(length),
        _ => Err(field.unexpected_value(key, "a number above 0 µm")),
    }
}

const fn measure_name(measure: Measure) -> &'static str {
    match measure {
        Measure::Midpoint => "midpoint",
        Measure::Length => "length",
    }
}

fn parse_measure(field: RawValue<'_>) -> SettingResult<Measure> {
    let text = field.parse_text("measure")?;
    let found = [Measure::Midpoint, Measure::Length].into_iter().find(|m| measure_name(*m) == text);
    found.ok_or_else(|| field.unexpected_value("measure", "`midpoint` or `length`"))
}

fn parse_density(field: RawValue<'_>) -> SettingResult<Density> {
    Ok(if field.parse_bool("per_volume")? { Density::PerVolume } else { Density::Total })
}

/// Where a medium ends: at one plane, or at two.
#[derive(Clone, Copy)]
enum MediumEnd {
    Plane(Boundary),
    TwoPlanes(Slice),
}

impl MediumEnd {
    fn boundary(self) -> Option<Boundary> {
        if let Self::Plane(boundary) = self { Some(boundary) } else { None }
    }

    fn slice(self) -> Option<Slice> {
        if let Self::TwoPlanes(slice) = self { Some(slice) } else { None }
    }
}

fn parse_medium_end(field: RawValue<'_>) -> SettingResult<MediumEnd> {
    const EXPECTED: &str = "a plane and the conductivity beyond it (S/m), as in `z<1200, 0`";
    let wrong = || field.unexpected_value("boundary", EXPECTED);
    let text = field.parse_text("boundary").map_err(|_| wrong())?;
    match split_words(&text).collect::<Vec<_>>()[..] {
        [plane, beyond] => Ok(MediumEnd::Plane(parse_boundary(field, plane, beyond)?)),
        [first, beyond_first, second, beyond_second] => {
            let planes = [parse_boundary(field, first, beyond_first)?, parse_boundary(field, second, beyond_second)?];
            let [first, second] = planes;
            let expected = "two planes of one axis with the tissue between them, as in `z>0, 0, z<200, 1.5`";
            let slice = Slice::between(first, second).ok_or_else(|| field.unexpected_value("boundary", expected))?;
            Ok(MediumEnd::TwoPlanes(slice))
        }
        _ => Err(wrong()),
    }
}

fn parse_boundary(field: RawValue<'_>, plane: &str, beyond: &str) -> SettingResult<Boundary> {
    let wrong =
        || field.unexpected_value("boundary", "a plane and the conductivity beyond it (S/m), as in `z<1200, 0`");
    let sides = [('=', None), ('<', Some(Side::Below)), ('>', Some(Side::Above))];
    let parts = |(sign, medium)| plane.split_once(sign).map(|(axis, at)| (axis, medium, at));
    let (axis, medium, at) = sides.into_iter().find_map(parts).ok_or_else(wrong)?;
    let axis = Axis::ALL.into_iter().find(|known| known.name() == axis).ok_or_else(wrong)?;
    let number = |word: &str| word.parse::<f64>().ok().filter(|n| n.is_finite()).ok_or_else(wrong);
    let (at, beyond_s_per_m) = (number(at)?, number(beyond)?);
    if at.abs() > MAX_LENGTH_UM {
        return Err(field.unexpected_value("boundary", "a plane at most 1e9 µm from the origin"));
    }
    if beyond_s_per_m > MAX_CONDUCTIVITY_S_PER_M {
        return Err(field.unexpected_value("boundary", "a conductivity beyond the plane of at most 1e30 S/m"));
    }
    if beyond_s_per_m < 0.0 {
        Err(wrong())
    } else {
        Ok(Boundary { axis, position_um: at, medium_side: medium, beyond_s_per_m })
    }
}

fn parse_reference(field: RawValue<'_>) -> SettingResult<Reference> {
    let name = field.parse_label("reference")?;
    Ok(if name == AVERAGE_KEYWORD { Reference::Average } else { Reference::Contact(name) })
}

fn parse_disc(
    radius: Option<RawValue<'_>>,
    normal: Option<RawValue<'_>>,
    points: Option<RawValue<'_>>,
) -> SettingResult<Option<Disc>> {
    let absent = |key, expected| ElectrodeProblem::Value { key, expected, found: "nothing".into() };
    let few = |field: RawValue<'_>| match field.parse_count("disc_points") {
        Ok(points) if points <= Disc::MAX_POINTS => Ok(points),
        _ => Err(field.unexpected_value("disc_points", "an integer from 1 to 2500")),
    };
    let points = points.map(few).transpose()?;
    match (radius, normal) {
        (Some(radius), Some(normal)) => Ok(Some(Disc {
            radius_um: parse_length_um("disc_radius", radius)?,
            normal: parse_direction("disc_normal", normal)?,
            min_points: points,
        })),
        (None, None) if points.is_none() => Ok(None),
        (None, _) => {
            Err(absent("disc_radius", "a number above 0 µm, as the contact has `disc_normal` or `disc_points`"))
        }
        (_, None) => Err(absent("disc_normal", "three numbers, not all 0, as the contact has `disc_radius`")),
    }
}

/// Parses a direction of any length, and returns it with the length 1.
pub(super) fn parse_direction(key: &'static str, field: RawValue<'_>) -> SettingResult<Point> {
    const EXPECTED: &str = "three numbers, not all 0";
    let numbers = field.parse_numbers(key, EXPECTED)?;
    let vector = <[f64; 3]>::try_from(numbers).map(Point::from).ok();
    // scale the vector if its square overflows or underflows
    let largest = |v: Point| v.to_array().into_iter().fold(0.0, |most: f64, x| most.max(x.abs()));
    let sized = |v: Point| if v.norm().is_normal() { v } else { v / largest(v) };
    let unit = vector.map(sized).map(|v| v / v.norm()).filter(|unit| unit.is_finite());
    unit.ok_or_else(|| field.unexpected_value(key, EXPECTED))
}

/// Parses a position, µm.
pub(super) fn parse_position_um(key: &'static str, field: RawValue<'_>) -> SettingResult<Point> {
    const EXPECTED: &str = "three numbers of at most 1e9 µm";
    let numbers = <[f64; 3]>::try_from(field.parse_numbers(key, EXPECTED)?).ok();
    let near = numbers.filter(|numbers| numbers.iter().all(|n| n.abs() <= MAX_LENGTH_UM));
    near.map(Point::from).ok_or_else(|| field.unexpected_value(key, EXPECTED))
}

/// Parses the radii of the head's spheres, µm.
pub(super) fn parse_radii_um(key: &'static str, field: RawValue<'_>) -> SettingResult<[f64; 4]> {
    const EXPECTED: &str = "four increasing numbers from above 0 to 1e9 µm (brain, CSF, skull, scalp)";
    let radii = <[f64; 4]>::try_from(field.parse_numbers(key, EXPECTED)?).ok();
    let increasing = radii.filter(|r| r[0] > 0.0 && r.is_sorted_by(|a, b| a < b) && r[3] <= MAX_LENGTH_UM);
    increasing.ok_or_else(|| field.unexpected_value(key, EXPECTED))
}

/// Parses the conductivities of the head's spheres.
pub(super) fn parse_shell_conductivities(
    key: &'static str,
    field: RawValue<'_>,
) -> SettingResult<[SiemensPerMeter; 4]> {
    const EXPECTED: &str = "four numbers from 1e-30 to 1e30 S/m (brain, CSF, skull, scalp)";
    let numbers = field.parse_numbers(key, EXPECTED)?;
    let sigmas = numbers.into_iter().map(SiemensPerMeter::new).collect::<std::result::Result<Vec<_>, _>>();
    let four = sigmas.ok().and_then(|sigmas| <[SiemensPerMeter; 4]>::try_from(sigmas).ok());
    four.ok_or_else(|| field.unexpected_value(key, EXPECTED))
}

fn parse_dipole_axis(field: RawValue<'_>) -> SettingResult<Axis> {
    let text = field.parse_text("dipole_axis")?;
    let axis = Axis::ALL.into_iter().find(|axis| axis.name() == text);
    axis.ok_or_else(|| field.unexpected_value("dipole_axis", "`x`, `y` or `z`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_cells(cells: &[(&'static str, &'static str)]) -> SettingResult<ElectrodeSettings> {
        ElectrodeSettings::from_values(|key| {
            cells.iter().find(|(k, _)| *k == key).map(|(_, cell)| RawValue::Text(cell))
        })
    }

    fn of_values(values: &Value) -> SettingResult<ElectrodeSettings> {
        ElectrodeSettings::from_values(|key| values.get(key).map(RawValue::Json))
    }

    fn sigma(value: f64) -> SiemensPerMeter {
        SiemensPerMeter::new(value).unwrap()
    }

    /// Returns settings with a value for each key.
    fn all() -> ElectrodeSettings {
        ElectrodeSettings {
            conductivity: Some(Conductivity::Anisotropic([sigma(0.3), sigma(0.3), sigma(0.1)])),
            lead_field: Some("head.h5".into()),
            radius_um: Some(200.0),
            thickness_um: Some(12.5),
            array: Some("2".into()),
            measure: Some(Measure::Length),
            density: Some(Density::PerVolume),
            boundary: Some(Boundary { axis: Axis::Z, position_um: -1200.0, medium_side: None, beyond_s_per_m: 0.0 }),
            slice: None,
            reference: Some(Reference::Contact("e1".into())),
            disc: Some(Disc { radius_um: 6.0, normal: Point::new(0.0, 0.6, -0.8), min_points: Some(20) }),
            head: HeadSettings {
                center_um: Some(Point::new(0.0, -78e3, 5.0)),
                radii_um: Some([79e3, 80e3, 85e3, 90e3]),
                conductivities: Some([sigma(0.33), sigma(1.65), sigma(0.0165), sigma(0.4)]),
            },
            coil_normal: Some(Point::new(0.8, 0.0, -0.6)),
            dipole_axis: Some(Axis::Y),
        }
    }

    #[test]
    fn all_settings_are_read_from_cells() {
        let cells = [
            ("conductivity", "0.3; 0.3; 0.1"),
            ("field", "head.h5"),
            ("radius", "2e2"),
            ("thickness", "12.5"),
            ("array", "2"),
            ("measure", "length"),
            ("per_volume", "True"),
            ("boundary", "z=-1200, 0"),
            ("reference", "e1"),
            ("disc_radius", "6"),
            ("disc_normal", "0 3 -4"),
            ("disc_points", "20"),
            ("head_center", "0 -78000 5"),
            ("head_radii", "79e3;80e3;85e3;90e3"),
            ("head_conductivities", "0.33,1.65,0.0165,0.4"),
            ("coil_normal", "4 0 -3"),
            ("dipole_axis", "y"),
        ];
        assert_eq!(of_cells(&cells).unwrap(), all());
        assert_eq!(cells.map(|(key, _)| key), SETTING_KEYS);
    }

    #[test]
    fn all_settings_are_read_from_json() {
        let values = json!({
            "conductivity": [0.3, 0.3, 0.1], "field": "head.h5", "radius": 200, "thickness": 12.5, "array": 2,
            "measure": "length", "per_volume": true, "boundary": "z=-1200,0", "reference": "e1",
            "disc_radius": 6, "disc_normal": [0, 3, -4], "disc_points": 20,
            "head_center": [0, -78000, 5], "head_radii": [79e3, 80e3, 85e3, 90e3],
            "head_conductivities": [0.33, 1.65, 0.0165, 0.4], "coil_normal": [4, 0, -3], "dipole_axis": "y"
        });
        assert_eq!(of_values(&values).unwrap(), all());
        assert_eq!(of_values(&json!({})).unwrap(), ElectrodeSettings::default());
    }

    #[test]
    fn values_are_read_back_unchanged() {
        let isotropic = ElectrodeSettings {
            conductivity: Some(Conductivity::Isotropic(sigma(0.1))),
            ..ElectrodeSettings::default()
        };
        let average = ElectrodeSettings { reference: Some(Reference::Average), ..ElectrodeSettings::default() };
        let total = ElectrodeSettings {
            density: Some(Density::Total),
            measure: Some(Measure::Midpoint),
            ..ElectrodeSettings::default()
        };
        for settings in [all(), isotropic, average, total, ElectrodeSettings::default()] {
            let values = Value::Object(settings.to_key_values().into_iter().map(|(k, v)| (k.to_string(), v)).collect());
            assert_eq!(of_values(&values).unwrap(), settings);
        }
    }

    #[test]
    fn every_setting_is_a_parameter() {
        use SettingKind::*;
        let others = [Field, Radius, Thickness, Array, Measure, PerVolume, Boundary, Reference, Disc];
        let head = [HeadCenter, HeadRadii, HeadConductivities, CoilNormal, DipoleAxis];
        assert_eq!(all().setting_kinds(), [&[Anisotropy][..], &others, &head].concat());
        let isotropic = ElectrodeSettings {
            conductivity: Some(super::Conductivity::Isotropic(sigma(1.0))),
            ..ElectrodeSettings::default()
        };
        assert_eq!(isotropic.setting_kinds(), [Conductivity]);
        assert!(ElectrodeSettings::default().setting_kinds().is_empty());
    }

    #[track_caller]
    fn refused(key: &'static str, cell: &'static str, expected: &str) {
        let error = of_cells(&[(key, cell)]).unwrap_err().to_string();
        assert_eq!(error, format!("wrong `{key}`, expected {expected}, found `{cell}`"));
    }

    #[test]
    fn a_direction_has_any_length() {
        let normal = |cell| {
            let cells = [("disc_radius", "6"), ("disc_normal", cell)];
            of_cells(&cells).unwrap().disc.unwrap().normal
        };
        assert_eq!(normal("0 3 -4"), normal("0 3e-200 -4e-200"));
        let (large, expected) = (normal("1e200 1e200 0"), 0.5_f64.sqrt());
        assert!((large.x - expected).abs() < 1e-15 && (large.y - expected).abs() < 1e-15 && large.z == 0.0);
    }

    #[test]
    fn wrong_values_are_reported() {
        for cell in ["0", "-0.3", "0.3 0.3", "wet", "0.3 nan 0.1", "inf", ";"] {
            refused("conductivity", cell, "one number from 1e-30 to 1e30 S/m, or three (along x, y, z)");
        }
        refused("radius", "0", "a number above 0 µm");
        for key in ["radius", "thickness"] {
            refused(key, "1e200", "at most 1e9 µm");
        }
        for cell in ["1e-320", "1e300", "0.3 0.3 1e-200"] {
            refused("conductivity", cell, "one number from 1e-30 to 1e30 S/m, or three (along x, y, z)");
        }
        refused("boundary", "z<1e200, 0", "a plane at most 1e9 µm from the origin");
        refused("boundary", "z<0, 1e200", "a conductivity beyond the plane of at most 1e30 S/m");
        refused("thickness", "thin", "a number");
        refused("measure", "volume", "`midpoint` or `length`");
        refused("per_volume", "1", "true or false");
        for cell in ["1 2", "here", "1 2 3 4", "1 2 1e10"] {
            refused("head_center", cell, "three numbers of at most 1e9 µm");
        }
        for cell in ["79e3 80e3 85e3", "1 2 4 3", "1 2 2 3", "0 1 2 3", "1 2 3 1e10"] {
            refused("head_radii", cell, "four increasing numbers from above 0 to 1e9 µm (brain, CSF, skull, scalp)");
        }
        for cell in ["0.3", "0.3 1.5 0 0.3", "0.3 1.5 0.015 0.3 0.3"] {
            refused("head_conductivities", cell, "four numbers from 1e-30 to 1e30 S/m (brain, CSF, skull, scalp)");
        }
        refused("coil_normal", "0 0 0", "three numbers, not all 0");
        refused("dipole_axis", "X", "`x`, `y` or `z`");
        for cell in ["z=0", "z 0 0", "w=1 0", "z=1 -1", "z=a 0", "z=0 inf", "z=0 0 0", "z<=1 0", "1>z 0"] {
            refused("boundary", cell, "a plane and the conductivity beyond it (S/m), as in `z<1200, 0`");
        }
    }

    #[test]
    fn a_boundary_gives_the_side_of_the_medium_or_uses_that_of_the_contact() {
        for (cell, axis, medium) in [
            ("x<1.5, 0.2", Axis::X, Some(Side::Below)),
            ("y>1.5, 0.2", Axis::Y, Some(Side::Above)),
            ("z=1.5, 0.2", Axis::Z, None),
        ] {
            let boundary = of_cells(&[("boundary", cell)]).unwrap().boundary.unwrap();
            assert_eq!(boundary, Boundary { axis, position_um: 1.5, medium_side: medium, beyond_s_per_m: 0.2 });
            assert_eq!(boundary.to_string(), cell);
        }
    }

    #[test]
    fn two_planes_are_a_slice() {
        for (cell, text) in [("z>0, 0, z<200, 1.5", "z>0, 0, z<200, 1.5"), ("x<7 1.5 x>-2.5 0", "x>-2.5, 0, x<7, 1.5")]
        {
            let settings = of_cells(&[("boundary", cell)]).unwrap();
            assert_eq!((settings.boundary, settings.slice.unwrap().to_string().as_str()), (None, text));
            assert_eq!(settings.setting_kinds(), [SettingKind::Boundary]);
            let values = Value::Object(settings.to_key_values().into_iter().map(|(k, v)| (k.to_string(), v)).collect());
            assert_eq!(of_values(&values).unwrap(), settings);
        }
        for cell in ["z<0, 0, z>200, 1.5", "z>0, 0, x<200, 1.5", "z>0, 0, z>200, 1.5", "z=0, 0, z<200, 1.5"] {
            refused(
                "boundary",
                cell,
                "two planes of one axis with the tissue between them, as in `z>0, 0, z<200, 1.5`",
            );
        }
        refused("boundary", "z>0, 0, z<200", "a plane and the conductivity beyond it (S/m), as in `z<1200, 0`");
    }

    #[test]
    fn a_disc_has_radius_and_normal() {
        let radius_only = of_cells(&[("disc_radius", "6")]).unwrap_err().to_string();
        assert_eq!(
            radius_only,
            "wrong `disc_normal`, expected three numbers, not all 0, as the contact has `disc_radius`, found nothing"
        );
        let points_only = of_cells(&[("disc_points", "6")]).unwrap_err().to_string();
        let expected = "a number above 0 µm, as the contact has `disc_normal` or `disc_points`";
        assert_eq!(points_only, format!("wrong `disc_radius`, expected {expected}, found nothing"));
        let normal = |cell| of_cells(&[("disc_radius", "6"), ("disc_normal", cell)]).unwrap_err().to_string();
        for cell in ["0 0 0", "1 2", "up", "inf 0 0"] {
            assert_eq!(normal(cell), format!("wrong `disc_normal`, expected three numbers, not all 0, found `{cell}`"));
        }
        let points = |cell| {
            let cells = [("disc_radius", "6"), ("disc_normal", "0 0 1"), ("disc_points", cell)];
            of_cells(&cells).unwrap_err().to_string()
        };
        assert_eq!(points("0"), "wrong `disc_points`, expected an integer from 1 to 2500, found `0`");
        assert_eq!(Disc::MAX_POINTS, 2500);
        assert_eq!(points("2501"), "wrong `disc_points`, expected an integer from 1 to 2500, found `2501`");
    }
}
