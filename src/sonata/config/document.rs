//! A configuration as a JSON document: variables expanded, paths resolved.

use std::path::{Component, Path, PathBuf};

use serde_json::Value;

use super::super::json::{self, JsonNode};
use super::manifest::Manifest;
use crate::error::{Context, Result};

/// A configuration file, with the variables of its manifest put in.
#[derive(Debug)]
pub struct ConfigDocument {
    /// The file.
    pub path: PathBuf,
    /// Names of the manifest's variables.
    pub variables: Vec<String>,
    value: Value,
}

impl ConfigDocument {
    /// Reads a file and expands its variables.
    ///
    /// # Errors
    /// Missing, not JSON, no object, a malformed manifest.
    pub fn open(path: &Path) -> Result<Self> {
        let mut value = json::read(path)?;
        let manifest = Manifest::from_document(&JsonNode::new(&value, "")).in_file(path)?;
        manifest.expand(&mut value).in_file(path)?;
        Ok(Self { path: path.to_path_buf(), variables: manifest.names(), value })
    }

    /// The whole document.
    pub fn root(&self) -> JsonNode<'_> {
        JsonNode::new(&self.value, "")
    }

    /// Whether a key stands at the top.
    pub fn has_key(&self, key: &str) -> bool {
        self.value.get(key).is_some_and(|value| !value.is_null())
    }

    /// The keys at the top.
    pub fn keys(&self) -> Vec<&str> {
        self.value.as_object().map(|members| members.keys().map(String::as_str).collect()).unwrap_or_default()
    }

    /// A path as written in the file: absolute, or relative to the file's folder.
    pub fn resolve_path(&self, text: &str) -> PathBuf {
        let folder = self.path.parent().unwrap_or(Path::new(""));
        normalise_path(&folder.join(text))
    }

    /// The path at a key; none where it is absent or empty.
    ///
    /// # Errors
    /// No string.
    pub fn get_path(&self, at: &JsonNode<'_>, key: &str) -> Result<Option<PathBuf>> {
        Ok(at.get_text(key)?.map(|text| self.resolve_path(text)))
    }
}

/// A path without `.`, and without `..` where a folder's name stands before it. The disk is not asked.
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
