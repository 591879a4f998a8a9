//! Reads `hierarchy.json`: a tree of regions, each with `id`, `acronym` and `children`. The file is a root, a list of
//! roots, or such a list under `msg`, as the Allen Institute provides it.

use std::collections::HashMap;
use std::path::Path;

use serde_json::Value;

use crate::electrodes::raw_value::describe_json;
use crate::error::{Context, Problem, Result};
use crate::io::input_file;

/// Problems of a hierarchy.
#[derive(Debug, thiserror::Error)]
enum HierarchyProblem {
    #[error("no valid JSON: {0}")]
    Syntax(serde_json::Error),
    #[error("wrong `{key}`, expected {expected}, found {found}")]
    Value { key: &'static str, expected: &'static str, found: String },
    #[error("two regions with the id {id}, expected one, found `{first}` and `{second}`")]
    Twice { id: i64, first: String, second: String },
}

impl Problem for HierarchyProblem {}

/// The acronyms of regions by id.
#[derive(Debug)]
pub(super) struct Hierarchy(HashMap<i64, String>);

impl Hierarchy {
    /// Reads a file.
    ///
    /// # Errors
    /// Returns an error if the file is missing, not JSON, or not a tree of regions, or if it assigns an id to two
    /// acronyms.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = input_file::read_text(path)?;
        let document: Value = serde_json::from_slice(&bytes).map_err(HierarchyProblem::Syntax)?;
        Self::from_json(&document)
    }

    fn from_json(document: &Value) -> Result<Self> {
        let roots = document.get("msg").unwrap_or(document);
        let mut left: Vec<(String, &Value)> = match roots {
            Value::Array(roots) => roots.iter().enumerate().map(|(i, root)| (format!("[{i}]"), root)).collect(),
            root => vec![("root".into(), root)],
        };
        let mut acronyms = HashMap::new();
        while let Some((path, region)) = left.pop() {
            let (id, acronym) = parse_region(region).in_item(&path)?;
            match acronyms.insert(id, acronym.to_string()) {
                Some(first) if first != acronym => {
                    return Err(HierarchyProblem::Twice { id, first, second: acronym.into() }).in_item(&path);
                }
                _ => {}
            }
            let children = parse_children(region).in_item(&path)?;
            left.extend(children.iter().enumerate().map(|(i, child)| (format!("{path}.children[{i}]"), child)));
        }
        Ok(Self(acronyms))
    }

    /// Returns the acronym of a region.
    pub fn find_acronym(&self, id: i64) -> Option<&str> {
        self.0.get(&id).map(String::as_str)
    }
}

fn parse_region(region: &Value) -> Result<(i64, &str), HierarchyProblem> {
    let get = |key| region.get(key).unwrap_or(&Value::Null);
    let wrong = |key, expected| HierarchyProblem::Value { key, expected, found: describe_json(get(key)) };
    let id = get("id").as_i64().ok_or_else(|| wrong("id", "an integer"))?;
    let acronym = get("acronym").as_str().ok_or_else(|| wrong("acronym", "a string"))?;
    Ok((id, acronym))
}

fn parse_children(region: &Value) -> Result<&[Value], HierarchyProblem> {
    match region.get("children") {
        None | Some(Value::Null) => Ok(&[]),
        Some(Value::Array(children)) => Ok(children),
        Some(other) => {
            Err(HierarchyProblem::Value { key: "children", expected: "a list of regions", found: describe_json(other) })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn regions_are_found_at_any_depth_and_in_each_layout() {
        let tree = json!({"id": 1, "acronym": "root", "children": [
            {"id": 2, "acronym": "S1", "children": [{"id": -3, "acronym": "S1;L1"}]},
            {"id": 4, "acronym": "fiber", "children": null}
        ]});
        for document in [tree.clone(), json!([tree]), json!({"success": true, "msg": [tree]})] {
            let hierarchy = Hierarchy::from_json(&document).unwrap();
            let found = [1, 2, -3, 4, 5].map(|id| hierarchy.find_acronym(id));
            assert_eq!(found, [Some("root"), Some("S1"), Some("S1;L1"), Some("fiber"), None]);
        }
    }

    #[track_caller]
    fn refused(document: Value, message: &str) {
        assert_eq!(Hierarchy::from_json(&document).unwrap_err().to_string(), message);
    }

    #[test]
    fn invalid_regions_are_named() {
        refused(json!(5), "root: wrong `id`, expected an integer, found `null`");
        refused(
            json!([{"id": 1, "acronym": "a", "children": [{"id": 2}]}]),
            "[0].children[0]: wrong `acronym`, expected a string, found `null`",
        );
        refused(
            json!({"id": 1, "acronym": "a", "children": 3}),
            "root: wrong `children`, expected a list of regions, found the number `3`",
        );
        refused(
            json!([{"id": 1, "acronym": "a"}, {"id": 1, "acronym": "b"}]),
            "[0]: two regions with the id 1, expected one, found `b` and `a`",
        );
    }
}
