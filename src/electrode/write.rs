//! Electrodes as CSV and JSON that [`super::read`] reads back, to the last bit of every number.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::record::{OPTIONAL, REQUIRED, keys};
use super::{Electrode, ElectrodeProblem};
use crate::error::{Context, FileProblem, Result};
use crate::staged::{Existing, Staged};

/// Writes electrodes: JSON where the name ends in `.json`, CSV where it ends in `.csv`.
///
/// # Errors
/// Another ending, or the file cannot be written, or exists and is to be kept.
pub fn save(path: &Path, electrodes: &[Electrode], existing: Existing) -> Result<()> {
    let text = match path.extension().and_then(|ending| ending.to_str()) {
        Some("csv") => to_csv(electrodes),
        Some("json") => to_json(electrodes),
        _ => return Err(ElectrodeProblem::Ending).in_file(path),
    };
    let staged = Staged::new(path, existing)?;
    std::fs::write(staged.partial(), text).map_err(FileProblem::Write).in_file(path)?;
    staged.commit()
}

/// Electrodes as CSV: `name,x,y,z,layer,region,type`, then the settings that any of them has.
pub fn to_csv(electrodes: &[Electrode]) -> String {
    let rows: Vec<Map<String, Value>> = electrodes.iter().map(members).collect();
    let there: BTreeSet<&str> = rows.iter().flat_map(|row| row.keys().map(String::as_str)).collect();
    let always = |key: &str| REQUIRED.contains(&key) || OPTIONAL.contains(&key);
    let columns: Vec<&str> = keys().filter(|key| always(key) || there.contains(key)).collect();
    let mut text = columns.join(",") + "\n";
    for row in &rows {
        let cells: Vec<String> = columns.iter().map(|key| row.get(*key).map(cell).unwrap_or_default()).collect();
        text += &(cells.join(",") + "\n");
    }
    text
}

/// Electrodes as JSON: a list with one object a line.
pub fn to_json(electrodes: &[Electrode]) -> String {
    let entries: Vec<String> = electrodes.iter().map(|e| format!("  {}", Value::Object(members(e)))).collect();
    format!("[\n{}\n]\n", entries.join(",\n"))
}

fn members(electrode: &Electrode) -> Map<String, Value> {
    let Electrode { name, position, method, layer, region, settings } = electrode;
    let own = [
        ("name", json!(name)),
        ("x", json!(position.x)),
        ("y", json!(position.y)),
        ("z", json!(position.z)),
        ("layer", json!(layer)),
        ("region", json!(region)),
        ("type", json!(method.name())),
    ];
    own.into_iter().chain(settings.values()).map(|(key, value)| (key.to_string(), value)).collect()
}

/// A value as a cell of CSV.
fn cell(value: &Value) -> String {
    match value {
        Value::Array(items) => items.iter().map(Value::to_string).collect::<Vec<_>>().join(" "),
        Value::String(text) => quoted(text),
        other => other.to_string(),
    }
}

/// RFC 4180: in quotes where the text has a separator, a quote or a line's end; blanks at its ends would be lost.
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.into() }
}
