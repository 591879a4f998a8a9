//! probeinterface's JSON: `{"specification": "probeinterface", "probes": [...]}`.
//!
//! Of each probe are read `ndim`, `si_units`, `contact_positions`, `contact_ids` and, for discs, `contact_plane_axes`,
//! `contact_shapes` and `contact_shape_params`; the rest describes wiring and drawing. A two-dimensional probe lies in
//! the plane z = 0. Contacts are named by their ids, or by their number in the file, from 0, where they have none; with
//! ids that recur in another probe they are all named `<probe>.<id>`, probes from 0.
//!
//! Layout: <https://probeinterface.readthedocs.io/en/main/format_spec.html>.

use std::collections::HashSet;
use std::f64::consts::PI;

use serde_json::{Map, Value};

use super::field::{Field, described};
use super::record::{UNKNOWN_PLACE, check_name, checked};
use super::{Electrode, ElectrodeProblem, Settings, kind};
use crate::error::{Context, Error, Result};
use crate::geometry::Point;
use crate::methods::disc::Disc;
use crate::units::LENGTHS;

/// What becomes of the contacts' shapes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Extent {
    /// Contacts are points; shapes are left out.
    #[default]
    Point,
    /// Contacts are discs in their plane, of the same area as squares and rectangles.
    Disc,
}

/// Reads the contacts of all probes.
///
/// # Errors
/// A key is missing, of another kind, or as long as no list of contacts; the error names it.
pub(super) fn parse(document: &Map<String, Value>, extent: Extent) -> Result<Vec<Electrode>> {
    let probes = list(document.get("probes")).in_object("probes")?;
    let mut read = Vec::with_capacity(probes.len());
    for (i, probe) in probes.iter().enumerate() {
        read.push(Probe::read(&format!("probes[{i}]"), probe, extent)?);
    }
    let method = kind::parse("LineSource")?.method()?;
    let names = names(&read)?;
    let contacts = read.into_iter().flat_map(|probe| probe.contacts);
    let electrode = |(name, (position, disc))| Electrode {
        name,
        position,
        method,
        layer: UNKNOWN_PLACE.into(),
        region: UNKNOWN_PLACE.into(),
        settings: Settings { disc, ..Settings::default() },
    };
    checked("contact", (0..).zip(names.into_iter().zip(contacts).map(electrode)).collect())
}

/// What is read of a probe.
struct Probe {
    contacts: Vec<(Point, Option<Disc>)>,
    ids: Option<Vec<String>>,
}

impl Probe {
    fn read(path: &str, probe: &Value, extent: Extent) -> Result<Self> {
        let Value::Object(members) = probe else { return Err(shape("an object", probe)).in_object(path) };
        let at = |key: &str| format!("{path}.{key}");
        let get = |key: &'static str| members.get(key).filter(|value| !value.is_null());
        let dimensions = dimensions(get("ndim")).in_object(&at("ndim"))?;
        let scale = scale(get("si_units")).in_object(&at("si_units"))?;
        let points = points(get("contact_positions"), dimensions, &at("contact_positions"))?;
        let positions: Vec<Point> = points.into_iter().map(|p| p * scale).collect();
        let same = |key: &'static str| same_length(get(key), positions.len()).in_object(&at(key));
        let axes = same("contact_plane_axes")?;
        let normals = axes.map(|axes| normals(axes, dimensions, &at("contact_plane_axes"))).transpose()?;
        let ids = same("contact_ids")?.map(|ids| ids_of(ids, &at("contact_ids"))).transpose()?;
        let discs = match extent {
            Extent::Point => vec![None; positions.len()],
            Extent::Disc => {
                let radii = radii(same("contact_shapes")?, same("contact_shape_params")?, path)?;
                let normals = normals.unwrap_or_else(|| vec![Point::new(0.0, 0.0, 1.0); positions.len()]);
                let disc = |(radius, normal): (f64, _)| Some(Disc { radius: radius * scale, normal, points: None });
                radii.into_iter().zip(normals).map(disc).collect()
            }
        };
        let ids = ids.filter(|ids| ids.iter().any(|id| !id.is_empty()));
        Ok(Self { contacts: positions.into_iter().zip(discs).collect(), ids })
    }
}

/// The names of all contacts.
fn names(probes: &[Probe]) -> Result<Vec<String>> {
    let mut seen = HashSet::new();
    let mut recurs = |probe: &Probe| {
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
            check_name(&name).at(&format!("probes[{i}].contact_ids"), k as u64)?;
            names.push(name);
        }
    }
    Ok(names)
}

fn shape(expected: &'static str, found: &Value) -> ElectrodeProblem {
    ElectrodeProblem::Shape { expected, found: described(found) }
}

fn list(value: Option<&Value>) -> Result<&Vec<Value>, ElectrodeProblem> {
    match value {
        Some(Value::Array(items)) => Ok(items),
        other => Err(shape("a list", other.unwrap_or(&Value::Null))),
    }
}

/// A list with an item for each contact, if it is there.
fn same_length(value: Option<&Value>, contacts: usize) -> Result<Option<&Vec<Value>>, ElectrodeProblem> {
    let Some(value) = value else { return Ok(None) };
    match list(Some(value))? {
        items if items.len() == contacts => Ok(Some(items)),
        items => Err(ElectrodeProblem::Length { expected: contacts, found: items.len() }),
    }
}

fn dimensions(value: Option<&Value>) -> Result<usize, ElectrodeProblem> {
    match value.and_then(Value::as_u64) {
        Some(2) => Ok(2),
        Some(3) => Ok(3),
        _ => Err(shape("the number 2 or 3", value.unwrap_or(&Value::Null))),
    }
}

fn scale(value: Option<&Value>) -> Result<f64> {
    match value {
        Some(Value::String(unit)) => Ok(LENGTHS.factor(unit)?),
        other => Err(shape("a string", other.unwrap_or(&Value::Null)).into()),
    }
}

/// A vector of two or three finite numbers; the third of two is zero.
fn vector(value: &Value, dimensions: usize) -> Result<Point, ElectrodeProblem> {
    let expected = if dimensions == 2 { "a list of 2 numbers" } else { "a list of 3 numbers" };
    let numbers = value.as_array().map(|items| items.iter().map(Value::as_f64).collect::<Option<Vec<f64>>>());
    match numbers.flatten().as_deref() {
        Some(&[x, y]) if dimensions == 2 => Ok(Point::new(x, y, 0.0)),
        Some(&[x, y, z]) if dimensions == 3 => Ok(Point::new(x, y, z)),
        _ => Err(shape(expected, value)),
    }
}

fn points(value: Option<&Value>, dimensions: usize, path: &str) -> Result<Vec<Point>> {
    let items = list(value).in_object(path)?;
    (0..).zip(items).map(|(row, item)| vector(item, dimensions).at(path, row)).collect()
}

/// The unit vectors across the planes that pairs of axes span.
fn normals(axes: &[Value], dimensions: usize, path: &str) -> Result<Vec<Point>> {
    let normal = |pair: &Value| -> Result<Point, Error> {
        let wrong = || shape("two axes that span a plane", pair);
        let Some([a, b]) = pair.as_array().map(Vec::as_slice) else { return Err(wrong().into()) };
        let across = vector(a, dimensions)?.cross(vector(b, dimensions)?);
        let unit = across / across.norm();
        if unit.is_finite() { Ok(unit) } else { Err(wrong().into()) }
    };
    (0..).zip(axes).map(|(row, pair)| normal(pair).at(path, row)).collect()
}

fn ids_of(ids: &[Value], path: &str) -> Result<Vec<String>> {
    let id = |(row, id)| Field::Json(id).label("contact_ids").at(path, row);
    (0..).zip(ids).map(id).collect()
}

/// Radii of discs with the contacts' areas, in the probe's units.
fn radii(shapes: Option<&Vec<Value>>, sizes: Option<&Vec<Value>>, path: &str) -> Result<Vec<f64>> {
    let needed = |list: Option<_>, key: &str| {
        let absent = || shape("a list", &Value::Null);
        list.ok_or_else(absent).in_object(&format!("{path}.{key}"))
    };
    let (shapes, sizes) = (needed(shapes, "contact_shapes")?, needed(sizes, "contact_shape_params")?);
    let radius = |(row, (shape, size))| radius(shape, size).at(&format!("{path}.contact_shape_params"), row);
    (0..).zip(shapes.iter().zip(sizes)).map(radius).collect()
}

fn radius(kind: &Value, size: &Value) -> Result<f64, ElectrodeProblem> {
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

    fn read(probes: Value, extent: Extent) -> Result<Vec<Electrode>> {
        let document = json!({"specification": "probeinterface", "version": "0.2.21", "probes": probes});
        parse(document.as_object().unwrap(), extent)
    }

    /// Names and positions.
    fn points(probes: Value) -> Vec<(String, [f64; 3])> {
        let told = |e: Electrode| {
            assert_eq!((e.method.name(), e.layer.as_str(), e.settings), ("LineSource", "NA", Settings::default()));
            (e.name, e.position.to_array())
        };
        read(probes, Extent::Point).unwrap().into_iter().map(told).collect()
    }

    /// The discs of one probe's contacts.
    fn discs(probe: &Value) -> Vec<Disc> {
        let probe = Probe::read("probe", probe, Extent::Disc).unwrap();
        probe.contacts.into_iter().map(|(_, disc)| disc.unwrap()).collect()
    }

    #[track_caller]
    fn refused(probe: Value, message: &str) {
        assert_eq!(read(json!([probe]), Extent::Disc).err().unwrap().to_string(), message);
    }

    /// A probe of two contacts with this besides.
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
    fn contacts_without_ids_are_counted_through_all_probes() {
        let solid = json!({"ndim": 3, "si_units": "mm", "contact_positions": [[1, 2, 3]], "contact_ids": [""]});
        let found = points(json!([two(json!({})), solid]));
        assert_eq!(found[2], ("2".into(), [1000.0, 2000.0, 3000.0]));
        assert_eq!(found.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["0", "1", "2"]);
    }

    #[test]
    fn ids_that_recur_in_another_probe_get_its_number() {
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
            assert!((PI * disc.radius * disc.radius / area - 1.0).abs() < 1e-14);
        }
    }

    #[test]
    fn a_flat_probe_faces_the_third_axis() {
        let sizes = json!([{"radius": 5}, {"radius": 5}]);
        let probe = two(json!({"contact_shapes": ["circle", "circle"], "contact_shape_params": sizes}));
        let expected = Disc { radius: 5.0, normal: Point::new(0.0, 0.0, 1.0), points: None };
        assert_eq!(discs(&probe), [expected, expected]);
    }

    #[test]
    fn what_is_missing_or_of_another_kind_is_named() {
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
            "probes[0].contact_ids[1]: wrong name, expected one without `/` and NUL that is not empty, `.` or `..`, found `b/c`",
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
    fn ids_that_recur_in_one_probe_are_refused() {
        refused(
            two(json!({"contact_ids": ["a", "a"], "contact_shapes": ["circle", "circle"],
                "contact_shape_params": [{"radius": 1}, {"radius": 1}]})),
            "contact[1]: name is taken, expected each name once, found `a` in contact[0] already",
        );
        let none = read(json!([]), Extent::Point).err().unwrap();
        assert_eq!(none.to_string(), "no contacts, expected at least 1");
    }
}
