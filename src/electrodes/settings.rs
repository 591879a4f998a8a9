//! What a contact says for itself, apart from its name, place and type.
//!
//! | key | value |
//! |---|---|
//! | `conductivity` | S/m: one number, or three along x, y and z |
//! | `field` | the lead field of the contact: its name or its file |
//! | `radius`, `thickness` | of the method's region, um |
//! | `array` | a name shared by the contacts of one array |
//! | `measure` | `midpoint` or `length` |
//! | `per_volume` | `true` or `false` |
//! | `boundary` | `z<1200, 0`: the medium is where z is below 1200 um, beyond are 0 S/m; `>` likewise; `=`: the contact's side |
//! | `reference` | what is subtracted: a contact's name, or `average` |
//! | `disc_radius`, `disc_normal`, `disc_points` | of a disc instead of a point: um, three numbers, least number of points |
//!
//! In CSV several numbers stand in one cell with blanks, semicolons or (in quotes) commas between them; in JSON they may
//! also be a list.

use serde_json::{Value, json};

use super::ElectrodeProblem;
use super::field::{Field, words};
use crate::geometry::Point;
use crate::methods::Parameter;
use crate::methods::disc::Disc;
use crate::methods::medium::{Axis, Boundary, Conductivity, Side};
use crate::methods::objective_csd::{Density, Measure};
use crate::units::{MAX_CONDUCTIVITY_S_PER_M, SiemensPerMeter};

/// Keys of settings.
pub(super) const KEYS: [&str; 12] = [
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
];

/// A contact's own settings; what is none here is told by options, or by the method's default.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Settings {
    /// Conductivity of the medium.
    pub conductivity: Option<Conductivity>,
    /// The lead field: its name or its file.
    pub field: Option<String>,
    /// Radius of the method's region, um.
    pub radius: Option<f64>,
    /// Thickness of the method's region, um.
    pub thickness: Option<f64>,
    /// A name shared by the contacts of one array.
    pub array: Option<String>,
    /// What is measured of a segment.
    pub measure: Option<Measure>,
    /// What the measure is divided by (`per_volume`).
    pub density: Option<Density>,
    /// Where the medium ends.
    pub boundary: Option<Boundary>,
    /// What is subtracted.
    pub reference: Option<Reference>,
    /// The disc that the contact is, instead of a point.
    pub disc: Option<Disc>,
}

/// What is subtracted from a contact's coefficients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// Those of another contact, as they are before anything is subtracted from them.
    Contact(String),
    /// The mean of those of all contacts that have this reference, themselves among them.
    Average,
}

type Result<T> = std::result::Result<T, ElectrodeProblem>;

/// The word for [`Reference::Average`].
const AVERAGE: &str = "average";

impl Settings {
    /// Reads the settings among a contact's values.
    pub(super) fn read<'a>(get: impl Fn(&str) -> Option<Field<'a>>) -> Result<Self> {
        Ok(Self {
            conductivity: get("conductivity").map(conductivity).transpose()?,
            field: get("field").map(|field| field.text("field")).transpose()?,
            radius: get("radius").map(|field| length("radius", field)).transpose()?,
            thickness: get("thickness").map(|field| length("thickness", field)).transpose()?,
            array: get("array").map(|field| field.label("array")).transpose()?,
            measure: get("measure").map(measure).transpose()?,
            density: get("per_volume").map(density).transpose()?,
            boundary: get("boundary").map(boundary).transpose()?,
            reference: get("reference").map(reference).transpose()?,
            disc: disc(get("disc_radius"), get("disc_normal"), get("disc_points"))?,
        })
    }

    /// Which settings there are.
    pub fn parameters(&self) -> Vec<Parameter> {
        let conductivity = match self.conductivity {
            Some(Conductivity::Along(_)) => Parameter::Anisotropy,
            Some(Conductivity::Isotropic(_)) | None => Parameter::Conductivity,
        };
        let there = [
            (conductivity, self.conductivity.is_some()),
            (Parameter::Field, self.field.is_some()),
            (Parameter::Radius, self.radius.is_some()),
            (Parameter::Thickness, self.thickness.is_some()),
            (Parameter::Array, self.array.is_some()),
            (Parameter::Measure, self.measure.is_some()),
            (Parameter::PerVolume, self.density.is_some()),
            (Parameter::Boundary, self.boundary.is_some()),
            (Parameter::Reference, self.reference.is_some()),
            (Parameter::Disc, self.disc.is_some()),
        ];
        there.into_iter().filter_map(|(parameter, there)| there.then_some(parameter)).collect()
    }

    /// The settings as keys and values, as [`Settings::read`] reads them.
    pub(super) fn values(&self) -> Vec<(&'static str, Value)> {
        let disc = self.disc;
        let values = [
            self.conductivity.map(conductivity_value),
            self.field.as_ref().map(|field| json!(field)),
            self.radius.map(|radius| json!(radius)),
            self.thickness.map(|thickness| json!(thickness)),
            self.array.as_ref().map(|array| json!(array)),
            self.measure.map(|measure| json!(measure_name(measure))),
            self.density.map(|density| json!(density == Density::PerVolume)),
            self.boundary.map(|boundary| json!(boundary.to_string())),
            self.reference.as_ref().map(|reference| json!(reference.to_string())),
            disc.map(|disc| json!(disc.radius)),
            disc.map(|disc| json!(disc.normal.to_array())),
            disc.and_then(|disc| disc.points).map(|points| json!(points)),
        ];
        KEYS.into_iter().zip(values).filter_map(|(key, value)| Some((key, value?))).collect()
    }
}

fn conductivity_value(conductivity: Conductivity) -> Value {
    match conductivity {
        Conductivity::Isotropic(sigma) => json!(sigma.get()),
        Conductivity::Along(sigmas) => json!(sigmas.map(SiemensPerMeter::get)),
    }
}

impl std::fmt::Display for Reference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Contact(name) => f.write_str(name),
            Self::Average => f.write_str(AVERAGE),
        }
    }
}

fn conductivity(field: Field<'_>) -> Result<Conductivity> {
    const EXPECTED: &str = "one number from 1e-30 to 1e30 S/m, or three (along x, y, z)";
    let wrong = || field.wrong("conductivity", EXPECTED);
    let numbers = field.numbers("conductivity", EXPECTED)?;
    let sigmas = numbers.iter().map(|&n| SiemensPerMeter::new(n)).collect::<std::result::Result<Vec<_>, _>>();
    match sigmas.map_err(|_| wrong())?[..] {
        [sigma] => Ok(Conductivity::Isotropic(sigma)),
        [x, y, z] => Ok(Conductivity::Along([x, y, z])),
        _ => Err(wrong()),
    }
}

/// The largest length of a setting, um: a kilometre. Squares and cubes of it are far from overflow.
pub(super) const MAX_LENGTH_UM: f64 = 1e9;

fn length(key: &'static str, field: Field<'_>) -> Result<f64> {
    match field.number(key)? {
        length if length > MAX_LENGTH_UM => Err(field.wrong(key, "at most 1e9 um")),
        length if length > 0.0 => Ok(length),
        _ => Err(field.wrong(key, "a number above 0 um")),
    }
}

const fn measure_name(measure: Measure) -> &'static str {
    match measure {
        Measure::Midpoint => "midpoint",
        Measure::Length => "length",
    }
}

fn measure(field: Field<'_>) -> Result<Measure> {
    let text = field.text("measure")?;
    let found = [Measure::Midpoint, Measure::Length].into_iter().find(|m| measure_name(*m) == text);
    found.ok_or_else(|| field.wrong("measure", "`midpoint` or `length`"))
}

fn density(field: Field<'_>) -> Result<Density> {
    Ok(if field.truth("per_volume")? { Density::PerVolume } else { Density::Total })
}

fn boundary(field: Field<'_>) -> Result<Boundary> {
    let wrong = || field.wrong("boundary", "a plane and the conductivity beyond it (S/m), as in `z<1200, 0`");
    let text = field.text("boundary").map_err(|_| wrong())?;
    let mut words = words(&text);
    let (Some(plane), Some(beyond), None) = (words.next(), words.next(), words.next()) else { return Err(wrong()) };
    let sides = [('=', None), ('<', Some(Side::Below)), ('>', Some(Side::Above))];
    let parts = |(sign, medium)| plane.split_once(sign).map(|(axis, at)| (axis, medium, at));
    let (axis, medium, at) = sides.into_iter().find_map(parts).ok_or_else(wrong)?;
    let axis = Axis::ALL.into_iter().find(|known| known.name() == axis).ok_or_else(wrong)?;
    let number = |word: &str| word.parse::<f64>().ok().filter(|n| n.is_finite()).ok_or_else(wrong);
    let (at, beyond_s_per_m) = (number(at)?, number(beyond)?);
    if at.abs() > MAX_LENGTH_UM {
        return Err(field.wrong("boundary", "a plane at most 1e9 um from the origin"));
    }
    if beyond_s_per_m > MAX_CONDUCTIVITY_S_PER_M {
        return Err(field.wrong("boundary", "a conductivity beyond the plane of at most 1e30 S/m"));
    }
    if beyond_s_per_m < 0.0 { Err(wrong()) } else { Ok(Boundary { axis, at, medium, beyond_s_per_m }) }
}

fn reference(field: Field<'_>) -> Result<Reference> {
    let name = field.label("reference")?;
    Ok(if name == AVERAGE { Reference::Average } else { Reference::Contact(name) })
}

fn disc(radius: Option<Field<'_>>, normal: Option<Field<'_>>, points: Option<Field<'_>>) -> Result<Option<Disc>> {
    let absent = |key, expected| ElectrodeProblem::Value { key, expected, found: "nothing".into() };
    let few = |field: Field<'_>| match field.count("disc_points")? {
        points if points <= Disc::MOST_POINTS => Ok(points),
        _ => Err(field.wrong("disc_points", "at most 2500")),
    };
    let points = points.map(few).transpose()?;
    match (radius, normal) {
        (Some(radius), Some(normal)) => {
            Ok(Some(Disc { radius: length("disc_radius", radius)?, normal: direction(normal)?, points }))
        }
        (None, None) if points.is_none() => Ok(None),
        (None, _) => Err(absent("disc_radius", "a number above 0 um")),
        (_, None) => Err(absent("disc_normal", "three numbers, not all 0")),
    }
}

fn direction(field: Field<'_>) -> Result<Point> {
    const EXPECTED: &str = "three numbers, not all 0";
    let numbers = field.numbers("disc_normal", EXPECTED)?;
    let vector = <[f64; 3]>::try_from(numbers).map(Point::from).ok();
    // where squares overflow or vanish the vector is brought to size first
    let largest = |v: Point| v.to_array().into_iter().fold(0.0, |most: f64, x| most.max(x.abs()));
    let sized = |v: Point| if v.norm().is_normal() { v } else { v / largest(v) };
    let unit = vector.map(sized).map(|v| v / v.norm()).filter(|unit| unit.is_finite());
    unit.ok_or_else(|| field.wrong("disc_normal", EXPECTED))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_cells(cells: &[(&'static str, &'static str)]) -> Result<Settings> {
        Settings::read(|key| cells.iter().find(|(k, _)| *k == key).map(|(_, cell)| Field::Text(cell)))
    }

    fn of_values(values: &Value) -> Result<Settings> {
        Settings::read(|key| values.get(key).map(Field::Json))
    }

    fn sigma(value: f64) -> SiemensPerMeter {
        SiemensPerMeter::new(value).unwrap()
    }

    /// Every setting, each with a value.
    fn all() -> Settings {
        Settings {
            conductivity: Some(Conductivity::Along([sigma(0.3), sigma(0.3), sigma(0.1)])),
            field: Some("head.h5".into()),
            radius: Some(200.0),
            thickness: Some(12.5),
            array: Some("2".into()),
            measure: Some(Measure::Length),
            density: Some(Density::PerVolume),
            boundary: Some(Boundary { axis: Axis::Z, at: -1200.0, medium: None, beyond_s_per_m: 0.0 }),
            reference: Some(Reference::Contact("e1".into())),
            disc: Some(Disc { radius: 6.0, normal: Point::new(0.0, 0.6, -0.8), points: Some(20) }),
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
        ];
        assert_eq!(of_cells(&cells).unwrap(), all());
        assert_eq!(cells.map(|(key, _)| key), KEYS);
    }

    #[test]
    fn all_settings_are_read_from_json() {
        let values = json!({
            "conductivity": [0.3, 0.3, 0.1], "field": "head.h5", "radius": 200, "thickness": 12.5, "array": 2,
            "measure": "length", "per_volume": true, "boundary": "z=-1200,0", "reference": "e1",
            "disc_radius": 6, "disc_normal": [0, 3, -4], "disc_points": 20
        });
        assert_eq!(of_values(&values).unwrap(), all());
        assert_eq!(of_values(&json!({})).unwrap(), Settings::default());
    }

    #[test]
    fn values_are_read_back_as_they_were() {
        let isotropic = Settings { conductivity: Some(Conductivity::Isotropic(sigma(0.1))), ..Settings::default() };
        let average = Settings { reference: Some(Reference::Average), ..Settings::default() };
        let total = Settings { density: Some(Density::Total), measure: Some(Measure::Midpoint), ..Settings::default() };
        for settings in [all(), isotropic, average, total, Settings::default()] {
            let values = Value::Object(settings.values().into_iter().map(|(k, v)| (k.to_string(), v)).collect());
            assert_eq!(of_values(&values).unwrap(), settings);
        }
    }

    #[test]
    fn every_setting_is_a_parameter() {
        use Parameter::*;
        let others = [Field, Radius, Thickness, Array, Measure, PerVolume, Boundary, Reference, Disc];
        assert_eq!(all().parameters(), [&[Anisotropy][..], &others].concat());
        let isotropic =
            Settings { conductivity: Some(super::Conductivity::Isotropic(sigma(1.0))), ..Settings::default() };
        assert_eq!(isotropic.parameters(), [Conductivity]);
        assert!(Settings::default().parameters().is_empty());
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
    fn wrong_values_are_told() {
        for cell in ["0", "-0.3", "0.3 0.3", "wet", "0.3 nan 0.1", "inf", ";"] {
            refused("conductivity", cell, "one number from 1e-30 to 1e30 S/m, or three (along x, y, z)");
        }
        refused("radius", "0", "a number above 0 um");
        for key in ["radius", "thickness"] {
            refused(key, "1e200", "at most 1e9 um");
        }
        for cell in ["1e-320", "1e300", "0.3 0.3 1e-200"] {
            refused("conductivity", cell, "one number from 1e-30 to 1e30 S/m, or three (along x, y, z)");
        }
        refused("boundary", "z<1e200, 0", "a plane at most 1e9 um from the origin");
        refused("boundary", "z<0, 1e200", "a conductivity beyond the plane of at most 1e30 S/m");
        refused("thickness", "thin", "a number");
        refused("measure", "volume", "`midpoint` or `length`");
        refused("per_volume", "1", "true or false");
        for cell in ["z=0", "z 0 0", "w=1 0", "z=1 -1", "z=a 0", "z=0 inf", "z=0 0 0", "z<=1 0", "1>z 0"] {
            refused("boundary", cell, "a plane and the conductivity beyond it (S/m), as in `z<1200, 0`");
        }
    }

    #[test]
    fn a_boundary_says_on_which_side_the_medium_is_or_leaves_it_to_the_contact() {
        for (cell, axis, medium) in [
            ("x<1.5, 0.2", Axis::X, Some(Side::Below)),
            ("y>1.5, 0.2", Axis::Y, Some(Side::Above)),
            ("z=1.5, 0.2", Axis::Z, None),
        ] {
            let boundary = of_cells(&[("boundary", cell)]).unwrap().boundary.unwrap();
            assert_eq!(boundary, Boundary { axis, at: 1.5, medium, beyond_s_per_m: 0.2 });
            assert_eq!(boundary.to_string(), cell);
        }
    }

    #[test]
    fn a_disc_has_radius_and_normal() {
        let radius_only = of_cells(&[("disc_radius", "6")]).unwrap_err().to_string();
        assert_eq!(radius_only, "wrong `disc_normal`, expected three numbers, not all 0, found nothing");
        let points_only = of_cells(&[("disc_points", "6")]).unwrap_err().to_string();
        assert_eq!(points_only, "wrong `disc_radius`, expected a number above 0 um, found nothing");
        let normal = |cell| of_cells(&[("disc_radius", "6"), ("disc_normal", cell)]).unwrap_err().to_string();
        for cell in ["0 0 0", "1 2", "up", "inf 0 0"] {
            assert_eq!(normal(cell), format!("wrong `disc_normal`, expected three numbers, not all 0, found `{cell}`"));
        }
        let points = |cell| {
            let cells = [("disc_radius", "6"), ("disc_normal", "0 0 1"), ("disc_points", cell)];
            of_cells(&cells).unwrap_err().to_string()
        };
        assert_eq!(points("0"), "wrong `disc_points`, expected an integer above 0, found `0`");
        assert_eq!(Disc::MOST_POINTS, 2500);
        assert_eq!(points("2501"), "wrong `disc_points`, expected at most 2500, found `2501`");
    }
}
