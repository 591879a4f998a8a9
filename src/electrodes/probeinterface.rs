//! Parses probeinterface's JSON: `{"specification": "probeinterface", "probes": [...]}`.
//!
//! For each probe `ndim`, `si_units`, `contact_positions`, `contact_ids` and, for discs, `contact_plane_axes`,
//! `contact_shapes` and `contact_shape_params` are read; the other keys describe wiring and drawing. A two-dimensional
//! probe lies in the plane z = 0. Contacts are named by their ids or, without ids, by their number in the file, from 0.
//! If an id occurs in two probes, all contacts are named `<probe>.<id>`, with probes counted from 0.
//!
//! Format: <https://probeinterface.readthedocs.io/en/main/format_spec.html>.

use std::collections::HashSet;
use std::f64::consts::PI;

use serde_json::{Map, Value};

use super::length_unit::LengthUnit;
use super::raw_value::{RawValue, describe_json};
use super::record::{UNKNOWN_REGION, check_name, validate_rows};
use super::{Electrode, ElectrodeProblem, ElectrodeSettings, electrode_type};
use crate::error::{Context, Error, Result};
use crate::geometry::Point;
use crate::methods::disc::Disc;
use crate::units::LENGTH_UNITS;

/// How the contacts' shapes are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ContactExtent {
    /// Contacts are points; shapes are ignored.
    #[default]
    Point,
    /// Contacts are discs in their plane; squares and rectangles become discs with the same area.
    Disc,
}

/// Reads the contacts of all probes, which state their unit; `unit` must be the same.
///
/// # Errors
/// Returns an error, with the key, if a key is missing, has the wrong type, or has another length than the list of
/// contacts.
pub(super) fn parse(
    document: &Map<String, Value>,
    extent: ContactExtent,
    unit: Option<LengthUnit>,
) -> Result<Vec<Electrode>> {
    let probes = expect_list(document.get("probes")).in_item("probes")?;
    let mut read = Vec::with_capacity(probes.len());
    for (i, probe) in probes.iter().enumerate() {
        check_stated_unit(probe, unit).in_item(&format!("probes[{i}].si_units"))?;
        read.push(ParsedProbe::from_json(&format!("probes[{i}]"), probe, extent)?);
    }
    let method = electrode_type::parse("LineSource")?.find_method()?;
    let names = contact_names(&read)?;
    let contacts = read.into_iter().flat_map(|probe| probe.contacts);
    let electrode = |(name, (position, disc))| Electrode {
        name,
        position_um: position,
        method,
        layer: UNKNOWN_REGION.into(),
        region: UNKNOWN_REGION.into(),
        settings: ElectrodeSettings { disc, ..ElectrodeSettings::default() },
    };
    validate_rows("contact", (0..).zip(names.into_iter().zip(contacts).map(electrode)).collect())
}

/// The contacts of a parsed probe.
struct ParsedProbe {
    contacts: Vec<(Point, Option<Disc>)>,
    ids: Option<Vec<String>>,
}

impl ParsedProbe {
    fn from_json(path: &str, probe: &Value, extent: ContactExtent) -> Result<Self> {
        let Value::Object(members) = probe else { return Err(shape("an object", probe)).in_item(path) };
        let at = |key: &str| format!("{path}.{key}");
        let get = |key: &'static str| members.get(key).filter(|value| !value.is_null());
        let dimensions = parse_dimensions(get("ndim")).in_item(&at("ndim"))?;
        let scale = parse_unit_factor(get("si_units")).in_item(&at("si_units"))?;
        let points = parse_positions(get("contact_positions"), dimensions, &at("contact_positions"))?;
        let positions: Vec<Point> = points.into_iter().map(|p| p * scale).collect();
        let same = |key: &'static str| expect_list_of_length(get(key), positions.len()).in_item(&at(key));
        let axes = same("contact_plane_axes")?;
        let normals = axes.map(|axes| parse_normals(axes, dimensions, &at("contact_plane_axes"))).transpose()?;
        let ids = same("contact_ids")?.map(|ids| parse_ids(ids, &at("contact_ids"))).transpose()?;
        let discs = match extent {
            ContactExtent::Point => vec![None; positions.len()],
            ContactExtent::Disc => {
                let radii = equal_area_radii(same("contact_shapes")?, same("contact_shape_params")?, path)?;
                let normals = normals.unwrap_or_else(|| vec![Point::new(0.0, 0.0, 1.0); positions.len()]);
                let disc =
                    |(radius, normal): (f64, _)| Some(Disc { radius_um: radius * scale, normal, min_points: None });
                radii.into_iter().zip(normals).map(disc).collect()
            }
        };
        let ids = ids.filter(|ids| ids.iter().any(|id| !id.is_empty()));
        Ok(Self { contacts: positions.into_iter().zip(discs).collect(), ids })
    }
}

/// Returns the names of all contacts.
fn contact_names(probes: &[ParsedProbe]) -> Result<Vec<String>> {
    let mut seen = HashSet::new();
    let mut recurs = |probe: &ParsedProbe| {
        let ids: HashSet<&String> = probe.ids.iter().flatten().collect();
        ids.into_iter().filter(|id| !seen.insert((*id).clone())).count() > 0
    };
    let prefixed = probes.iter().filter(|probe| recurs(probe)).count() > 0;
    let mut names = Vec::new();
    for (i, probe) in probes.iter().enumerate() {
        let first = names.len();
        let name = |k: usize| match probe.ids.as_ref().and_then(|ids| ids.get(k)) {
            Some(id) if prefixed => format!("{i}.{id}"),
            Some(id) => id.clone(),
            None => (first + k).to_string(),
        };
        for k in 0..probe.contacts.len() {
            let name = name(k);
            check_name(&name).at_index(&format!("probes[{i}].contact_ids"), k as u64)?;
            names.push(name);
        }
    }
    Ok(names)
}

fn shape(expected: &'static str, found: &Value) -> ElectrodeProblem {
    ElectrodeProblem::Shape { expected, found: describe_json(found) }
}

fn expect_list(value: Option<&Value>) -> Result<&Vec<Value>, ElectrodeProblem> {
    match value {
        Some(Value::Array(items)) => Ok(items),
        other => Err(shape("a list", other.unwrap_or(&Value::Null))),
    }
}

/// Returns a list with one item per contact, if it is present.
fn expect_list_of_length(value: Option<&Value>, contacts: usize) -> Result<Option<&Vec<Value>>, ElectrodeProblem> {
    let Some(value) = value else { return Ok(None) };
    match expect_list(Some(value))? {
        items if items.len() == contacts => Ok(Some(items)),
        items => Err(ElectrodeProblem::Length { expected: contacts, found: items.len() }),
    }
}

fn parse_dimensions(value: Option<&Value>) -> Result<usize, ElectrodeProblem> {
    match value.and_then(Value::as_u64) {
        Some(2) => Ok(2),
        Some(3) => Ok(3),
        _ => Err(shape("the number 2 or 3", value.unwrap_or(&Value::Null))),
    }
}

fn parse_unit_factor(value: Option<&Value>) -> Result<f64> {
    match value {
        Some(Value::String(unit)) => Ok(LENGTH_UNITS.factor(unit)?),
        other => Err(shape("a string", other.unwrap_or(&Value::Null)).into()),
    }
}

/// Checks that a probe does not state another unit than the caller.
fn check_stated_unit(probe: &Value, given: Option<LengthUnit>) -> Result<(), ElectrodeProblem> {
    let stated = probe.get("si_units").and_then(Value::as_str);
    match (stated, given) {
        (Some(stated), Some(given)) if LengthUnit::from_name(stated).is_some_and(|own| own != given) => {
            let key = "contact_positions";
            Err(ElectrodeProblem::ConflictingUnits { key, expected: given.name(), found: stated.into() })
        }
        _ => Ok(()),
    }
}

/// Parses a vector of two or three finite numbers; the third component of a two-dimensional vector is zero.
fn parse_vector(value: &Value, dimensions: usize) -> Result<Point, ElectrodeProblem> {
    let expected = if dimensions == 2 { "a list of 2 numbers" } else { "a list of 3 numbers" };
    let numbers = value.as_array().map(|items| items.iter().map(Value::as_f64).collect::<Option<Vec<f64>>>());
    match numbers.flatten().as_deref() {
        Some(&[x, y]) if dimensions == 2 => Ok(Point::new(x, y, 0.0)),
        Some(&[x, y, z]) if dimensions == 3 => Ok(Point::new(x, y, z)),
        _ => Err(shape(expected, value)),
    }
}

fn parse_positions(value: Option<&Value>, dimensions: usize, path: &str) -> Result<Vec<Point>> {
    let items = expect_list(value).in_item(path)?;
    (0..).zip(items).map(|(row, item)| parse_vector(item, dimensions).at_index(path, row)).collect()
}

/// Returns the unit normals of the planes that pairs of axes span.
fn parse_normals(axes: &[Value], dimensions: usize, path: &str) -> Result<Vec<Point>> {
    let normal = |pair: &Value| -> Result<Point, Error> {
        let wrong = || shape("two axes that span a plane", pair);
        let Some([a, b]) = pair.as_array().map(Vec::as_slice) else { return Err(wrong().into()) };
        let across = parse_vector(a, dimensions)?.cross(parse_vector(b, dimensions)?);
        let unit = across / across.norm();
        if unit.is_finite() { Ok(unit) } else { Err(wrong().into()) }
    };
    (0..).zip(axes).map(|(row, pair)| normal(pair).at_index(path, row)).collect()
}

fn parse_ids(ids: &[Value], path: &str) -> Result<Vec<String>> {
    let id = |(row, id)| RawValue::Json(id).parse_label("contact_ids").at_index(path, row);
    (0..).zip(ids).map(id).collect()
}

/// Returns radii of discs with the contacts' areas, in the probe's unit.
fn equal_area_radii(shapes: Option<&Vec<Value>>, sizes: Option<&Vec<Value>>, path: &str) -> Result<Vec<f64>> {
    let needed = |list: Option<_>, key: &str| {
        let absent = || shape("a list", &Value::Null);
        list.ok_or_else(absent).in_item(&format!("{path}.{key}"))
    };
    let (shapes, sizes) = (needed(shapes, "contact_shapes")?, needed(sizes, "contact_shape_params")?);
    let radius =
        |(row, (shape, size))| equal_area_radius(shape, size).at_index(&format!("{path}.contact_shape_params"), row);
    (0..).zip(shapes.iter().zip(sizes)).map(radius).collect()
}

fn equal_area_radius(kind: &Value, size: &Value) -> Result<f64, ElectrodeProblem> {
    let length = |key: &str| size.get(key).and_then(Value::as_f64).filter(|v| *v > 0.0 && v.is_finite());
    let (radius, expected) = match kind.as_str() {
        Some("circle") => (length("radius"), "a circle's `radius` above 0"),
        Some("square") => (length("width").map(|w| w / PI.sqrt()), "a square's `width` above 0"),
        Some("rect") => {
            let area = length("width").zip(length("height")).map(|(w, h)| w * h);
            (area.map(|area| (area / PI).sqrt()), "a rectangle's `width` and `height` above 0")
        }
        _ => return Err(shape("a shape that is `circle`, `square` or `rect`", kind)),
    };
    radius.ok_or_else(|| shape(expected, size))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(probes: Value, extent: ContactExtent) -> Result<Vec<Electrode>> {
        let document = json!({"specification": "probeinterface", "version": "0.2.21", "probes": probes});
        parse(document.as_object().unwrap(), extent, None)
    }

    /// Names and positions.
    fn points(probes: Value) -> Vec<(String, [f64; 3])> {
        let name_and_position = |e: Electrode| {
            assert_eq!(
                (e.method.name(), e.layer.as_str(), e.settings),
                ("LineSource", "NA", ElectrodeSettings::default())
            );
            (e.name, e.position_um.to_array())
        };
        read(probes, ContactExtent::Point).unwrap().into_iter().map(name_and_position).collect()
    }

    /// Returns the discs of one probe's contacts.
    fn discs(probe: &Value) -> Vec<Disc> {
        let probe = ParsedProbe::from_json("probe", probe, ContactExtent::Disc).unwrap();
        probe.contacts.into_iter().map(|(_, disc)| disc.unwrap()).collect()
    }

    #[track_caller]
    fn refused(probe: Value, message: &str) {
        assert_eq!(read(json!([probe]), ContactExtent::Disc).err().unwrap().to_string(), message);
    }

    /// Returns a probe of two contacts with additional keys.
    fn two(mut more: Value) -> Value {
        let all = more.as_object_mut().unwrap();
        for (key, value) in
            [("ndim", json!(2)), ("si_units", json!("um")), ("contact_positions", json!([[0, 0], [3, 4]]))]
        {
            all.entry(key).or_insert(value);
        }
        more
    }

    #[test]
    fn a_flat_probe_lies_in_the_plane_of_x_and_y() {
        let probe =
            two(json!({"contact_ids": ["e0", "e1"], "annotations": {"name": "p"}, "device_channel_indices": [1, 0]}));
        assert_eq!(points(json!([probe])), [("e0".into(), [0.0, 0.0, 0.0]), ("e1".into(), [3.0, 4.0, 0.0])]);
    }

    #[test]
    fn units_are_converted() {
        for (units, scale) in [("um", 1.0), ("\u{b5}m", 1.0), ("mm", 1000.0), ("m", 1e6)] {
            assert_eq!(points(json!([two(json!({"si_units": units}))]))[1].1, [3.0 * scale, 4.0 * scale, 0.0]);
        }
    }

    #[test]
    fn contacts_without_ids_are_numbered_across_all_probes() {
        let solid = json!({"ndim": 3, "si_units": "mm", "contact_positions": [[1, 2, 3]], "contact_ids": [""]});
        let found = points(json!([two(json!({})), solid]));
        assert_eq!(found[2], ("2".into(), [1000.0, 2000.0, 3000.0]));
        assert_eq!(found.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["0", "1", "2"]);
    }

    #[test]
    fn ids_that_occur_in_two_probes_get_the_probe_number() {
        let ids = |ids: Value| two(json!({ "contact_ids": ids }));
        let names = |probes| points(probes).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        assert_eq!(names(json!([ids(json!(["a", "b"])), ids(json!(["c", 4]))])), ["a", "b", "c", "4"]);
        assert_eq!(names(json!([ids(json!(["a", "b"])), ids(json!(["b", "c"]))])), ["0.a", "0.b", "1.b", "1.c"]);
    }

    #[test]
    fn discs_have_the_area_of_the_shape_and_the_normal_of_its_plane() {
        let probe = json!({
            "ndim": 3, "si_units": "mm", "contact_positions": [[0, 0, 0], [0, 0, 1], [0, 0, 2]],
            "contact_plane_axes": [[[0, 1, 0], [0, 0, 1]], [[1, 0, 0], [0, 0, 2]], [[1, 0, 0], [1, 1, 0]]],
            "contact_shapes": ["circle", "square", "rect"],
            "contact_shape_params": [{"radius": 0.006}, {"width": 0.012}, {"width": 0.003, "height": 0.004}],
        });
        let discs = discs(&probe);
        assert_eq!(
            discs.iter().map(|d| d.normal.to_array()).collect::<Vec<_>>(),
            [[1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, 1.0]]
        );
        for (disc, area) in discs.iter().zip([PI * 36.0, 144.0, 12.0]) {
            assert!((PI * disc.radius_um * disc.radius_um / area - 1.0).abs() < 1e-14);
        }
    }

    #[test]
    fn a_flat_probe_faces_the_third_axis() {
        let sizes = json!([{"radius": 5}, {"radius": 5}]);
        let probe = two(json!({"contact_shapes": ["circle", "circle"], "contact_shape_params": sizes}));
        let expected = Disc { radius_um: 5.0, normal: Point::new(0.0, 0.0, 1.0), min_points: None };
        assert_eq!(discs(&probe), [expected, expected]);
    }

    #[test]
    fn missing_keys_and_wrong_types_are_named() {
        refused(json!(3), "probes[0]: wrong type, expected an object, found the number `3`");
        refused(json!({}), "probes[0].ndim: wrong type, expected the number 2 or 3, found `null`");
        refused(
            two(json!({"ndim": 4})),
            "probes[0].ndim: wrong type, expected the number 2 or 3, found the number `4`",
        );
        refused(
            two(json!({"contact_positions": [[0, 0], [0, 0, 0]]})),
            "probes[0].contact_positions[1]: wrong type, expected a list of 2 numbers, found a list",
        );
        refused(
            two(json!({"contact_ids": ["a"]})),
            "probes[0].contact_ids: wrong length, expected 2, one for each of `contact_positions`, found 1",
        );
        let circles = json!([{"radius": 1}, {"radius": 1}]);
        let shapes = json!(["circle", "circle"]);
        refused(
            two(json!({"contact_ids": ["a", "b/c"], "contact_shapes": shapes, "contact_shape_params": circles})),
            "probes[0].contact_ids[1]: wrong name, expected a name without `/` and NUL that is not empty, `.` or \
             `..`, found `b/c`",
        );
        refused(
            two(json!({"contact_plane_axes": [[[1, 0], [0, 1]], [[1, 0], [2, 0]]]})),
            "probes[0].contact_plane_axes[1]: wrong type, expected two axes that span a plane, found a list",
        );
        refused(two(json!({})), "probes[0].contact_shapes: wrong type, expected a list, found `null`");
        refused(
            two(json!({"contact_shapes": ["circle", "circle"], "contact_shape_params": [{"radius": 1}, {"width": 1}]})),
            "probes[0].contact_shape_params[1]: wrong type, expected a circle's `radius` above 0, found an object",
        );
    }

    #[test]
    fn unknown_units_are_refused() {
        refused(
            two(json!({"si_units": "inch"})),
            "probes[0].si_units: unknown unit, expected `um`, `mm`, `cm`, `m`, found `inch`",
        );
        refused(two(json!({"si_units": null})), "probes[0].si_units: wrong type, expected a string, found `null`");
    }

    #[test]
    fn ids_that_occur_twice_in_one_probe_are_errors() {
        refused(
            two(json!({"contact_ids": ["a", "a"], "contact_shapes": ["circle", "circle"],
                "contact_shape_params": [{"radius": 1}, {"radius": 1}]})),
            "contact[1]: duplicate name, expected each name once, found `a` also in contact[0]",
        );
        let none = read(json!([]), ContactExtent::Point).err().unwrap();
        assert_eq!(none.to_string(), "no contacts, expected at least 1");
    }
}
