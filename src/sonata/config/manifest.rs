//! The variables of a configuration's `manifest`, and their expansion in every string of the document.
//!
//! Source: SONATA "Circuit configuration file", section *manifest*; behaviour probed on libsonata 0.2.2. A variable's
//! name is `$` and then ASCII letters, digits and underscores, and the longest possible name is always used: with
//! `$BASE` = `/aaa` and `$BASE_DIR` = `/bbb`, `$BASE_DIR/c` is `/bbb/c`. (libsonata replaces the shorter name first,
//! which gives `/aaa_DIR/c`, and in one string it replaces only the first of two equal names; here all are replaced.) A
//! name that the manifest does not define is not changed, and neither is `${NAME}`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::json::JsonNode;
use crate::error::{Problem, Result, join_quoted};

/// Maximum length of an expanded string, bytes, unless the original is longer: the longest path of Linux.
const MAX_EXPANDED_BYTES: usize = 4096;

/// Reasons why a manifest is invalid.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VariablesProblem {
    /// The key is not a variable's name.
    #[error("invalid variable name, expected `$` and then letters, digits and underscores")]
    Name,
    /// Variables refer to each other in a cycle.
    #[error("variables refer to each other in a cycle, expected none that do, found {0}")]
    Cycle(String),
    /// An expanded string is too long.
    #[error("expanded text too long, expected at most {MAX_EXPANDED_BYTES} bytes after expansion")]
    Long,
}

impl Problem for VariablesProblem {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Cycle(_) => Some("write one of them without a variable".into()),
            Self::Name | Self::Long => None,
        }
    }
}

/// The variables of a manifest, expanded.
#[derive(Debug, Default)]
pub struct Manifest(BTreeMap<String, String>);

impl Manifest {
    /// Reads the variables of a document and expands them in each other.
    ///
    /// # Errors
    /// Returns an error if a name is not a variable's, a value is not a string, or variables refer to each other in a
    /// cycle.
    pub fn from_document(document: &JsonNode<'_>) -> Result<Self> {
        let Some(manifest) = document.get("manifest")? else { return Ok(Self::default()) };
        let mut variables = Self::default();
        for (name, value) in manifest.members()? {
            if variable_name_length(name) != Some(name.len()) {
                return Err(value.error(VariablesProblem::Name));
            }
            variables.0.insert(name.to_string(), value.text()?.to_string());
        }
        variables.resolve_variables().map_err(|problem| manifest.error(problem))
    }

    /// Returns the names of the variables, sorted.
    pub fn names(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }

    /// Expands the variables in each other. A pass doubles the depth of the expanded text, so a chain of all variables
    /// needs at most as many passes as their number has binary digits; what is still open then is a cycle.
    fn resolve_variables(mut self) -> Result<Self, VariablesProblem> {
        let names = self.circular_names();
        if !names.is_empty() {
            return Err(VariablesProblem::Cycle(join_quoted(names, 8)));
        }
        for _ in 0..=usize::BITS - self.0.len().leading_zeros() {
            if self.unresolved_names().next().is_none() {
                return Ok(self);
            }
            let expand = |(name, text): (&String, &String)| Ok((name.clone(), self.expand_text(text)?));
            self = Self(self.0.iter().map(expand).collect::<Result<_, _>>()?);
        }
        if self.unresolved_names().next().is_none() { Ok(self) } else { Err(self.cycle()) }
    }

    /// Returns the names that are part of a cycle, or refer to one that is, sorted.
    fn circular_names(&self) -> Vec<&str> {
        let mut users: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        let mut open: BTreeMap<&str, usize> = BTreeMap::new();
        for (name, text) in &self.0 {
            let used = split_at_variables(text).filter_map(|(_, used)| self.0.get_key_value(used));
            for (used, _) in used {
                users.entry(used).or_default().push(name);
                *open.entry(name).or_default() += 1;
            }
        }
        let mut settled: Vec<&str> =
            self.0.keys().map(String::as_str).filter(|name| !open.contains_key(name)).collect();
        while let Some(name) = settled.pop() {
            for &user in users.get(name).into_iter().flatten() {
                if let Some(left) = open.get_mut(user) {
                    *left -= 1;
                    if *left == 0 {
                        open.remove(user);
                        settled.push(user);
                    }
                }
            }
        }
        open.into_keys().collect()
    }

    /// Returns the names whose text still contains a variable.
    fn unresolved_names(&self) -> impl Iterator<Item = &str> {
        let open = |text: &str| split_at_variables(text).any(|(_, name)| self.0.contains_key(name));
        self.0.iter().filter(move |(_, text)| open(text)).map(|(name, _)| name.as_str())
    }

    fn cycle(&self) -> VariablesProblem {
        VariablesProblem::Cycle(join_quoted(self.unresolved_names(), 8))
    }

    fn expand_text(&self, text: &str) -> Result<String, VariablesProblem> {
        let mut expanded = String::with_capacity(text.len());
        for (before, name) in split_at_variables(text) {
            expanded.push_str(before);
            expanded.push_str(self.0.get(name).map_or(name, String::as_str));
            if expanded.len() > text.len().max(MAX_EXPANDED_BYTES) {
                return Err(VariablesProblem::Long);
            }
        }
        Ok(expanded)
    }

    /// Expands every string of a document except the manifest itself.
    ///
    /// # Errors
    /// Returns an error if an expanded string would be too long.
    pub fn expand(&self, value: &mut Value) -> Result<()> {
        match value {
            Value::String(text) if text.contains('$') => *text = self.expand_text(text)?,
            Value::Array(items) => items.iter_mut().try_for_each(|item| self.expand(item))?,
            Value::Object(members) => {
                let fields = members.iter_mut().filter(|(key, _)| *key != "manifest");
                fields.map(|(_, member)| member).try_for_each(|member| self.expand(member))?;
            }
            _ => {}
        }
        Ok(())
    }
}

/// Returns the length of the variable's name at the start of a text.
fn variable_name_length(text: &str) -> Option<usize> {
    let rest = text.strip_prefix('$')?;
    let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
    Some(end + 1)
}

/// Splits a text into pieces, each with the `$NAME` that follows it; the last piece has an empty name.
fn split_at_variables(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let here = rest?;
        let (before, from) = here.split_at(here.find('$').unwrap_or(here.len()));
        let (name, after) = from.split_at(variable_name_length(from).unwrap_or(0));
        rest = (!after.is_empty()).then_some(after);
        Some((before, name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn expanded(manifest: Value, text: &str) -> Result<String> {
        let document = json!({ "manifest": manifest });
        let mut value = json!({ "deep": [text] });
        Manifest::from_document(&JsonNode::new(&document, ""))?.expand(&mut value)?;
        Ok(value["deep"][0].as_str().unwrap().to_string())
    }

    #[test]
    fn a_name_is_matched_at_full_length() {
        let manifest = json!({"$BASE": "/aaa", "$BASE_DIR": "/bbb"});
        assert_eq!(expanded(manifest.clone(), "$BASE_DIR/c").unwrap(), "/bbb/c");
        assert_eq!(expanded(manifest.clone(), "$BASE/c$BASE_DIR").unwrap(), "/aaa/c/bbb");
        assert_eq!(expanded(manifest, "$BASE_DIRECTORY").unwrap(), "$BASE_DIRECTORY");
    }

    #[test]
    fn variables_expand_inside_each_other_in_any_order() {
        let manifest = json!({"$A": "$B/a", "$B": "$C/b", "$C": ".", "$D": "$C/d"});
        assert_eq!(expanded(manifest, "$A:$D").unwrap(), "./b/a:./d");
    }

    #[test]
    fn a_chain_of_a_hundred_variables_is_expanded() {
        let link = |i: usize| (format!("$V{i}"), Value::from(format!("$V{}", i + 1)));
        let mut manifest: serde_json::Map<_, _> = (0..100).map(link).collect();
        manifest.insert("$V100".into(), "/end".into());
        assert_eq!(expanded(manifest.into(), "$V0/x").unwrap(), "/end/x");
    }

    #[test]
    fn unknown_names_and_braces_are_not_changed() {
        let manifest = json!({"$A": "/a", "$": "/root"});
        assert_eq!(expanded(manifest.clone(), "$Q/${A}/é$").unwrap(), "$Q//root{A}/é/root");
        assert_eq!(expanded(json!({"$A": "/a"}), "$Q/${A}/$").unwrap(), "$Q/${A}/$");
    }

    #[test]
    fn a_cycle_of_variables_is_refused_with_their_names() {
        let error = expanded(json!({"$A": "$B", "$B": "$A/x", "$C": "/c"}), "").unwrap_err();
        assert_eq!(
            error.to_string(),
            "manifest: variables refer to each other in a cycle, expected none that do, found `$A`, `$B`"
        );
        assert_eq!(error.hint().unwrap(), "write one of them without a variable");
        assert!(expanded(json!({"$A": "$A"}), "").unwrap_err().to_string().ends_with("found `$A`"));
    }

    #[test]
    fn a_variable_that_multiplies_itself_is_refused_before_it_fills_the_memory() {
        let error = expanded(json!({"$A": "$A".repeat(2000)}), "").unwrap_err();
        assert!(error.to_string().ends_with("found `$A`"), "{error}");
    }

    #[test]
    fn an_expanded_text_that_is_too_long_is_refused() {
        let error = expanded(json!({"$A": "x".repeat(1000)}), "$A$A$A$A$A").unwrap_err();
        assert_eq!(error.to_string(), "expanded text too long, expected at most 4096 bytes after expansion");
    }

    #[test]
    fn a_long_chain_is_not_a_cycle() {
        let chain = |n: usize, end: &str| -> Value {
            let link = |i: usize| if i + 1 < n { format!("$V{:05}", i + 1) } else { end.to_string() };
            (0..n).map(|i| (format!("$V{i:05}"), json!(link(i)))).collect::<serde_json::Map<_, _>>().into()
        };
        for n in [11, 1024, 1025, 3000] {
            assert_eq!(expanded(chain(n, "/data"), "$V00000/x").unwrap(), "/data/x");
        }
        let error = expanded(chain(3000, &"x".repeat(3000)), "$V00000/x$V00000").unwrap_err();
        assert!(error.to_string().starts_with("expanded text too long"), "{error}");
        let error = expanded(chain(3000, "$V02999"), "").unwrap_err();
        assert!(error.to_string().starts_with("manifest: variables refer to each other in a cycle"), "{error}");
    }

    #[test]
    fn a_name_without_a_dollar_is_refused() {
        let error = expanded(json!({"A": "/a"}), "").unwrap_err();
        assert_eq!(
            error.to_string(),
            "manifest.A: invalid variable name, expected `$` and then letters, digits and underscores"
        );
    }

    #[test]
    fn a_value_that_is_not_text_is_refused() {
        let error = expanded(json!({"$A": 1}), "").unwrap_err();
        assert_eq!(error.to_string(), "manifest.$A: wrong type, expected a string, found the number `1`");
    }
}
