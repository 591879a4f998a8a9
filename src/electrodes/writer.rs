//! Writes electrodes as CSV and JSON that [`super::read`] reads back with identical bits of every number.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::record::{DEFAULT_TYPE, OPTIONAL_KEYS, REQUIRED_KEYS, UNKNOWN_REGION, all_keys};
use super::{Electrode, ElectrodeProblem};
use crate::error::{Context, Result, format_count};
use crate::geometry::Point;
use crate::io::atomic_output::{AtomicOutput, OverwritePolicy};

/// Writes electrodes as JSON if the name ends in `.json`, and as CSV if it ends in `.csv`.
///
/// # Errors
/// Returns an error if the name has another ending, if the file cannot be written, or if it exists and must not be
/// replaced.
pub fn save(path: &Path, electrodes: &[Electrode], existing: OverwritePolicy) -> Result<()> {
    let text = match path.extension().and_then(|ending| ending.to_str()) {
        Some("csv") => to_csv(electrodes),
        Some("json") => to_json(electrodes),
        _ => return Err(ElectrodeProblem::UnknownExtension).in_file(path),
    };
    let staged = AtomicOutput::create_file(path, existing)?;
    staged.write_all(text)?;
    staged.commit()
}

/// Formats electrodes as CSV: `name,x,y,z,layer,region,type`, then the settings that any of them has.
pub fn to_csv(electrodes: &[Electrode]) -> String {
    let rows: Vec<Map<String, Value>> = electrodes.iter().map(to_members).collect();
    let there: BTreeSet<&str> = rows.iter().flat_map(|row| row.keys().map(String::as_str)).collect();
    let always = |key: &str| REQUIRED_KEYS.contains(&key) || OPTIONAL_KEYS.contains(&key);
    let columns: Vec<&str> = all_keys().filter(|key| always(key) || there.contains(key)).collect();
    let mut text = columns.join(",") + "\n";
    for row in &rows {
        let cells: Vec<String> = columns.iter().map(|key| row.get(*key).map(to_csv_cell).unwrap_or_default()).collect();
        text += &(cells.join(",") + "\n");
    }
    text
}

/// Formats electrodes as JSON: a list with one object per line.
pub fn to_json(electrodes: &[Electrode]) -> String {
    let entries: Vec<String> = electrodes.iter().map(|e| format!("  {}", Value::Object(to_members(e)))).collect();
    format!("[\n{}\n]\n", entries.join(",\n"))
}

/// Radius of the circles for contacts of unknown shape, µm: probeinterface requires a shape.
const STAND_IN_RADIUS_UM: f64 = 1.0;

/// Formats electrodes as probeinterface's JSON, with one three-dimensional probe, and describes the data that it cannot
/// store.
pub fn to_probeinterface(electrodes: &[Electrode]) -> (String, Vec<String>) {
    let list = |value: &dyn Fn(&Electrode) -> Value| electrodes.iter().map(value).collect::<Vec<Value>>();
    let disc = |e: &Electrode| e.settings.disc;
    let probe = json!({
        "ndim": 3,
        "si_units": "um",
        "annotations": {},
        "contact_annotations": {},
        "contact_positions": list(&|e| json!(e.position_um.to_array())),
        "contact_plane_axes": list(&|e| json!(plane_axes(disc(e).map(|disc| disc.normal)))),
        "contact_shapes": list(&|_| json!("circle")),
        "contact_shape_params": list(&|e| json!({"radius": disc(e).map_or(STAND_IN_RADIUS_UM, |disc| disc.radius_um)})),
        "contact_ids": list(&|e| json!(e.name)),
    });
    let document = json!({"specification": "probeinterface", "version": "0.2.21", "probes": [probe]});
    (format!("{document:#}\n"), describe_losses(electrodes))
}

/// Returns two axes of the plane with a normal; x and y without a normal.
fn plane_axes(normal: Option<Point>) -> [[f64; 3]; 2] {
    let Some(normal) = normal else { return [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]] };
    // the coordinate axis with the largest angle to the normal gives the most accurate product
    let [x, y, z] = normal.to_array().map(f64::abs);
    let helper = if x <= y && x <= z {
        Point::new(1.0, 0.0, 0.0)
    } else if y <= z {
        Point::new(0.0, 1.0, 0.0)
    } else {
        Point::new(0.0, 0.0, 1.0)
    };
    let first = helper.cross(normal);
    let first = first / first.norm();
    [first.to_array(), normal.cross(first).to_array()]
}

/// Describes the data that probeinterface cannot store.
fn describe_losses(electrodes: &[Electrode]) -> Vec<String> {
    let some = |has: &dyn Fn(&Electrode) -> bool, what: &str| {
        let number = electrodes.iter().filter(|e| has(e)).count();
        (number > 0).then(|| format!("{} lost of {}", what, format_count(number as u64, "contact")))
    };
    let other_settings = |e: &Electrode| e.settings.to_key_values().iter().any(|(key, _)| !key.starts_with("disc"));
    let lost = [
        some(&|e| e.layer != UNKNOWN_REGION, "layer"),
        some(&|e| e.region != UNKNOWN_REGION, "region"),
        some(&|e| e.method.name() != DEFAULT_TYPE, "type"),
        some(&other_settings, "settings"),
    ];
    let mut lost: Vec<String> = lost.into_iter().flatten().collect();
    let shapeless = electrodes.iter().filter(|e| e.settings.disc.is_none()).count();
    if shapeless > 0 {
        let contacts = format_count(shapeless as u64, "contact");
        lost.push(format!("shape of {contacts} unknown: written as circles of radius {STAND_IN_RADIUS_UM} µm"));
    }
    lost
}

fn to_members(electrode: &Electrode) -> Map<String, Value> {
    let Electrode { name, position_um: position, method, layer, region, settings } = electrode;
    let members = [
        ("name", json!(name)),
        ("x", json!(position.x)),
        ("y", json!(position.y)),
        ("z", json!(position.z)),
        ("layer", json!(layer)),
        ("region", json!(region)),
        ("type", json!(method.name())),
    ];
    members.into_iter().chain(settings.to_key_values()).map(|(key, value)| (key.to_string(), value)).collect()
}

/// Formats a value as a CSV cell.
fn to_csv_cell(value: &Value) -> String {
    match value {
        Value::Array(items) => items.iter().map(Value::to_string).collect::<Vec<_>>().join(" "),
        Value::String(text) => quote_csv(text),
        other => other.to_string(),
    }
}

/// Quotes a text by RFC 4180 if it contains a separator, a quote or a line break, or begins or ends with a blank, which
/// would be lost.
fn quote_csv(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.into() }
}
