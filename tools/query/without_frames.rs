//! `--by` with `--agg count` if the feature `frame` is disabled; other groups, aggregates and `--sort` are refused before
//! anything is read.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, RecordBatch, StringArray, UInt64Array};
use leadfield::Result;
use leadfield::error::{Context, Problem};
use leadfield::segments::SectionType;
use leadfield::segments::query::{ELECTRODE, GroupKey, QueryRows, TableQuery, compare_naturally};
use leadfield::segments::table::TableProblem;
use leadfield::segments::table::schema::SECTION_TYPE;

use super::Args;

/// Grouping and sorting need data frames.
#[derive(Debug, thiserror::Error)]
#[error("this program was built without the feature `frame`")]
struct NoFrames;

impl Problem for NoFrames {
    fn hint(&self) -> Option<String> {
        let build = match cfg!(feature = "python") {
            true => {
                "polars and DuckDB do the rest with `leadfield.Segments(TABLE).query(...)`, or the program of `cargo install`"
            }
            false => {
                "for others build it with `cargo build --release --features frame`, or without `--no-default-features`"
            }
        };
        Some(format!("`--by NAME,... --agg count` counts the segments of each group; {build}"))
    }
}

/// Name of the column with the number of segments.
const COUNT: &str = "count";

/// Returns whether only segments are counted, which needs no data frames.
fn is_count(args: &Args) -> bool {
    !args.by.is_empty() && matches!(args.agg.as_slice(), [only] if only == COUNT) && args.sort.is_empty()
}

/// Returns an error for the first option that needs data frames.
fn refused<T>(args: &Args) -> Result<T> {
    let option = match (&args.by[..], &args.agg[..]) {
        _ if !args.sort.is_empty() => "--sort",
        ([_, ..], []) => "--by",
        _ => "--agg",
    };
    Err(NoFrames).in_item(option)
}

/// Returns the groups as one batch: the keys, and the number of segments.
pub fn collect_groups(args: &Args, query: &TableQuery<'_>) -> Result<RecordBatch> {
    if !is_count(args) {
        return refused(args);
    }
    // the limit is one of groups
    let counts = query.clone().limit(usize::MAX).count_by(&args.by)?;
    let mut groups: Vec<(Vec<GroupKey>, u64)> =
        counts.into_iter().map(|(keys, n)| (name_types(args, keys), n)).collect();
    groups.sort();
    if args.by.first().is_some_and(|name| name == ELECTRODE) {
        complete_contacts(query.contact_names().unwrap_or_default(), args.by.len() == 1, &mut groups);
    }
    groups.truncate(args.limit.unwrap_or(usize::MAX));
    let mut columns: Vec<(String, ArrayRef)> = Vec::new();
    for (i, name) in args.by.iter().enumerate() {
        columns.push((name.clone(), key_column(groups.iter().filter_map(|(keys, _)| keys.get(i)))));
    }
    columns.push((COUNT.into(), Arc::new(UInt64Array::from_iter_values(groups.iter().map(|(_, n)| *n)))));
    let nullable = columns.into_iter().map(|(name, column)| (name, column, true));
    Ok(RecordBatch::try_from_iter_with_nullable(nullable).map_err(TableProblem::from)?)
}

/// Returns the keys of a group with the names of section types.
fn name_types(args: &Args, keys: Vec<GroupKey>) -> Vec<GroupKey> {
    let name = |(column, key): (&String, GroupKey)| match key {
        GroupKey::Integer(number) if column == SECTION_TYPE => u8::try_from(number)
            .ok()
            .and_then(SectionType::from_number)
            .map_or(GroupKey::Integer(number), |kind| GroupKey::Text(kind.name().into())),
        key => key,
    };
    args.by.iter().zip(keys).map(name).collect()
}

/// Orders groups by contact, and adds the contacts without segments if only contacts are grouped.
fn complete_contacts(contacts: &[String], is_only_key: bool, groups: &mut Vec<(Vec<GroupKey>, u64)>) {
    fn contact(group: &(Vec<GroupKey>, u64)) -> &str {
        match group.0.first() {
            Some(GroupKey::Text(name)) => name,
            _ => "",
        }
    }
    if is_only_key {
        let found: BTreeMap<String, ()> = groups.iter().map(|group| (contact(group).to_string(), ())).collect();
        let absent = contacts.iter().filter(|name| !found.contains_key(*name));
        groups.extend(absent.map(|name| (vec![GroupKey::Text(name.clone())], 0)));
    }
    // stable: groups of the same contact keep their order
    groups.sort_by(|a, b| compare_naturally(contact(a), contact(b)));
}

/// Returns the values of one key as a column: text if one of them is.
fn key_column<'k>(keys: impl Iterator<Item = &'k GroupKey> + Clone) -> ArrayRef {
    let has_text = keys.clone().any(|key| matches!(key, GroupKey::Text(_)));
    let has_number = keys.clone().any(|key| matches!(key, GroupKey::Number(_)));
    if has_text {
        let text = |key: &GroupKey| match key {
            GroupKey::Text(text) => Some(text.clone()),
            other => other.number().map(|number| number.to_string()),
        };
        return Arc::new(StringArray::from_iter(keys.map(text)));
    }
    if has_number {
        return Arc::new(Float64Array::from_iter(keys.map(GroupKey::number)));
    }
    let integer = |key: &GroupKey| if let GroupKey::Integer(value) = key { Some(*value) } else { None };
    Arc::new(UInt64Array::from_iter(keys.map(integer)))
}

/// Returns the rows unchanged.
pub fn sort_rows<'q>(_: &Args, rows: QueryRows<'q>) -> Result<QueryRows<'q>> {
    Ok(rows)
}

/// Returns the columns of `--by`, or an error if there is anything else to group or to sort by.
pub fn named_columns(args: &Args) -> Result<Vec<String>> {
    match args.is_grouped() || !args.sort.is_empty() {
        true if is_count(args) => Ok(args.by.clone()),
        true => refused(args),
        false => Ok(Vec::new()),
    }
}
