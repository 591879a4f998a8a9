//! `--by`, `--agg` and `--sort`: parses them for the library's data frames.

use arrow_array::RecordBatch;
use leadfield::Result;
use leadfield::error::Context;
use leadfield::segments::frame::{Aggregate, FrameProblem, Operation, SortKey};
use leadfield::segments::query::{QueryRows, TableQuery};

use super::Args;
use super::names::aggregate_option;

/// Returns the groups as one batch.
pub fn collect_groups(args: &Args, query: &TableQuery<'_>) -> Result<RecordBatch> {
    let groups =
        query.group_by(&args.by, &aggregates(args)?).map_err(|error| match error.problem::<FrameProblem>() {
            Some(_) => error.in_item(aggregate_option(args)),
            None => error,
        })?;
    groups.sort(&sort_keys(args)?).in_item("--sort")?.collect()?.to_batch()
}

/// Sorts the rows if requested.
pub fn sort_rows<'q>(args: &Args, rows: QueryRows<'q>) -> Result<QueryRows<'q>> {
    rows.sort(&sort_keys(args)?)
}

/// Returns the columns that `--by` and `--agg`, or else `--sort`, name.
pub fn named_columns(args: &Args) -> Result<Vec<String>> {
    let aggregates = aggregates(args)?;
    let keys = sort_keys(args)?;
    if args.is_grouped() {
        // groups are sorted by their own columns
        return Ok(args.by.iter().cloned().chain(aggregates.into_iter().filter_map(|a| a.column)).collect());
    }
    Ok(keys.into_iter().map(|key| key.column).collect())
}

fn aggregates(args: &Args) -> Result<Vec<Aggregate>> {
    args.agg.iter().map(|text| Aggregate::parse(text).in_item("--agg")).collect()
}

fn sort_keys(args: &Args) -> Result<Vec<SortKey>> {
    let is_aggregate = |name: &str| Operation::ALL.into_iter().any(|operation| operation.name() == name);
    let key = |text: &String| match text.split_once(':') {
        Some((_, "asc" | "desc")) => SortKey::parse(text),
        // `--sort` may use the form of `--agg`: `sum:length` for the column `sum_length`
        Some((name, rest)) if args.is_grouped() && is_aggregate(name) => SortKey::parse(&format!("{name}_{rest}")),
        _ => SortKey::parse(text),
    };
    args.sort.iter().map(|text| key(text).in_item("--sort")).collect()
}
