//! A configuration as a JSON document, with variables expanded and paths resolved.

use std::path::{Component, Path, PathBuf};

use serde_json::Value;

use super::super::json::{self, JsonNode};
use super::manifest::Manifest;
use crate::error::{Context, Result};

/// A configuration file, with the variables of its manifest expanded.
#[derive(Debug)]
pub struct ConfigDocument {
    /// Path of the file.
    pub path: PathBuf,
    /// Names of the manifest's variables.
    pub variables: Vec<String>,
    value: Value,
}

impl ConfigDocument {
    /// Reads a file and expands its variables.
    ///
    /// # Errors
    /// Returns an error if the file is missing, is not JSON or not an object, or its manifest is malformed.
    pub fn open(path: &Path) -> Result<Self> {
        let mut value = json::read(path)?;
        let manifest = Manifest::from_document(&JsonNode::new(&value, "")).in_file(path)?;
        manifest.expand(&mut value).in_file(path)?;
        Ok(Self { path: path.to_path_buf(), variables: manifest.names(), value })
    }

    /// Returns the whole document.
    pub fn root(&self) -> JsonNode<'_> {
        JsonNode::new(&self.value, "")
    }

    /// Returns whether the document has a top-level key.
    pub fn has_key(&self, key: &str) -> bool {
        self.value.get(key).is_some_and(|value| !value.is_null())
    }

    /// Returns the top-level keys.
    pub fn keys(&self) -> Vec<&str> {
        self.value.as_object().map(|members| members.keys().map(String::as_str).collect()).unwrap_or_default()
    }

    /// Resolves a path as written in the file: absolute, or relative to the file's folder.
    pub fn resolve_path(&self, text: &str) -> PathBuf {
        let folder = self.path.parent().unwrap_or(Path::new(""));
        normalise_path(&folder.join(text))
    }

    /// Returns the path at a key; `None` if it is absent or empty.
    ///
    /// # Errors
    /// Returns an error if the value is not a string.
    pub fn get_path(&self, at: &JsonNode<'_>, key: &str) -> Result<Option<PathBuf>> {
        Ok(at.get_text(key)?.map(|text| self.resolve_path(text)))
    }
}

/// Removes `.`, and `..` with the folder before it, from a path; does not access the disk.
pub fn normalise_path(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for component in path.components() {
        match (component, clean.components().next_back()) {
            (Component::CurDir, _) | (Component::ParentDir, Some(Component::RootDir)) => {}
            (Component::ParentDir, Some(Component::Normal(_))) => drop(clean.pop()),
            (other, _) => clean.push(other),
        }
    }
    if clean.as_os_str().is_empty() { PathBuf::from(".") } else { clean }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_cleaned_by_their_text_alone() {
        for (path, clean) in [
            ("a/./b/../c", "a/c"),
            ("./a//b/", "a/b"),
            ("../../a/../b", "../../b"),
            ("/../a/b/..", "/a"),
            ("a/..", "."),
            (".", "."),
        ] {
            assert_eq!(normalise_path(Path::new(path)), PathBuf::from(clean), "{path}");
        }
    }
}
