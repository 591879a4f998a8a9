//! Detects the kind of JSON documents by their keys.

use std::path::Path;

use serde_json::{Map, Value};

use super::FileKind;
use super::header::base_name;
use crate::io::input_file;

/// Longer documents are not parsed, bytes.
const MAX_BYTES: u64 = 1 << 26;

/// Detects the kind of a JSON document; `None` if it does not parse.
pub(super) fn detect(path: &Path) -> Option<FileKind> {
    if path.metadata().ok()?.len() > MAX_BYTES {
        return None;
    }
    let bytes = input_file::read(path).ok()?;
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    kind_of_document(&serde_json::from_slice(text).ok()?)
}

fn kind_of_document(document: &Value) -> Option<FileKind> {
    match document {
        Value::Array(items) => items.first().is_some_and(is_contact).then_some(FileKind::ContactList),
        Value::Object(members) => kind_of_object(members),
        _ => None,
    }
}

fn kind_of_object(members: &Map<String, Value>) -> Option<FileKind> {
    let has = |key: &str| members.contains_key(key);
    if has("run") {
        Some(FileKind::SimulationConfig)
    } else if has("networks") {
        Some(FileKind::CircuitConfig)
    } else if has("probes") {
        Some(FileKind::Probeinterface)
    } else if has("acronym") && has("children") || has("msg") {
        Some(FileKind::RegionHierarchy)
    } else {
        (!members.is_empty() && members.values().all(is_set)).then_some(FileKind::NodeSets)
    }
}

/// Returns whether a value is a node set: names of sets, or conditions on attributes.
fn is_set(value: &Value) -> bool {
    let is_condition = |condition: &Value| match condition {
        Value::Object(operators) => !operators.is_empty() && operators.keys().all(|key| key.starts_with('$')),
        Value::Null => false,
        _ => true,
    };
    match value {
        Value::Array(names) => !names.is_empty() && names.iter().all(Value::is_string),
        Value::Object(conditions) => !conditions.is_empty() && conditions.values().all(is_condition),
        _ => false,
    }
}

/// Returns whether an entry of a list has a coordinate, with or without a unit.
fn is_contact(entry: &Value) -> bool {
    let is_x = |key: &String| base_name(key) == "x";
    entry.as_object().is_some_and(|members| members.keys().any(is_x))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn documents_are_known_by_their_keys() {
        for (document, kind) in [
            (json!({"run": {}, "network": "c.json"}), Some(FileKind::SimulationConfig)),
            (json!({"networks": {}}), Some(FileKind::CircuitConfig)),
            (json!({"specification": "probeinterface", "probes": []}), Some(FileKind::Probeinterface)),
            (json!([{"name": "a", "x": 1, "y": 2, "z": 3}]), Some(FileKind::ContactList)),
            (json!([{"name": "a", "X_mm": 1, "y": 2, "z": 3}]), Some(FileKind::ContactList)),
            (json!({"L5": {"layer": 5}, "All": ["L5"]}), Some(FileKind::NodeSets)),
            (json!({"id": 1, "acronym": "root", "children": []}), Some(FileKind::RegionHierarchy)),
            (json!({"a": {"mtype": {"$regex": "^L5"}, "node_id": [1, 2]}}), Some(FileKind::NodeSets)),
            (json!({"version": 1}), None),
            (json!({"reports": {}}), None),
            (json!({"reports": {"soma": {"type": {"name": "compartment"}}}}), None),
            (json!({}), None),
            (json!([1, 2]), None),
            (json!(1), None),
        ] {
            assert_eq!(kind_of_document(&document), kind, "{document}");
        }
    }
}
