//! Describes a file of contacts.

use std::collections::BTreeMap;
use std::path::Path;

use leadfield::Result;
use leadfield::electrodes::{self, ReadOptions};
use leadfield::error::{format_count, join_quoted};
use leadfield::file_kind::FileKind;
use leadfield::geometry::Aabb;

use super::{Facts, format_bytes};

/// Maximum number of contact names that are listed.
const MAX_LISTED_NAMES: usize = 6;

/// Lists names, bounds, types and warnings about the file.
pub(super) fn collect_facts(path: &Path, kind: FileKind) -> Result<Facts> {
    let parsed = electrodes::read_with_options(path, &ReadOptions::default())?;
    let contacts = &parsed.electrodes;
    let mut facts = Facts::default();
    facts.add("kind", kind.name());
    facts.add("size", format_bytes(path.metadata().map_or(0, |m| m.len())));
    let names = join_quoted(contacts.iter().map(|e| &e.name), MAX_LISTED_NAMES);
    facts.add("contacts", format!("{}: {names}", contacts.len()));
    facts.add("bounds", Aabb::enclosing(contacts.iter().map(|e| e.position_um)));
    let mut types: BTreeMap<&str, u64> = BTreeMap::new();
    contacts.iter().for_each(|e| *types.entry(e.method.name()).or_default() += 1);
    types.into_iter().for_each(|(name, n)| facts.add("type", format!("{name}: {}", format_count(n, "contact"))));
    for warning in &parsed.warnings {
        facts.add("warning", warning);
    }
    Ok(facts)
}
