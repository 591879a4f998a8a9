//! `--by`, `--agg` and `--sort`: groups and sorts rows with the library's data frames.

use std::sync::Arc;

use arrow_array::RecordBatch;
use leadfield::Result;
use leadfield::error::Context;
use leadfield::segments::frame::{Aggregate, Frame, FrameProblem, Operation, RowGrouper, RowSorter, SortKey};

use super::columns::{ColumnSources, QueryColumns};
use super::names::RequestedColumn;
use super::search::Search;
use super::{Args, open_lookups};

/// Number of rows that are written together.
const ROWS_PER_BATCH: usize = 1 << 16;

/// A function that writes rows.
type BatchWriter<'w> = &'w mut dyn FnMut(&RecordBatch) -> Result<()>;

/// Writes one row per group, as one batch.
pub fn groups(args: &Args, search: &Search<'_>, sources: ColumnSources<'_>) -> Result<RecordBatch> {
    let aggregates = aggregates(args)?;
    let keys = sort_keys(args)?;
    let aggregated = aggregates.iter().filter_map(|aggregate| aggregate.column.as_deref());
    // without `--agg`, `--by` is the option that needs the lengths
    let option = if args.agg.is_empty() { "--by" } else { "--agg" };
    let by = args.by.iter().map(|name| RequestedColumn::new("--by", name));
    let asked: Vec<RequestedColumn> = by.chain(aggregated.map(|name| RequestedColumn::new(option, name))).collect();
    let lookups = open_lookups(args, &asked, search)?;
    let columns = QueryColumns::resolve(&asked, search.table, sources, lookups)?;
    let no_rows = Frame::from_batch(&RecordBatch::new_empty(columns.schema()))?;
    let grouping = || RowGrouper::new(&args.by, &aggregates, &no_rows).in_item(option);
    // check the options before the search
    grouping()?.finish()?.sort(&keys).in_item("--sort")?;
    let mut grouping = grouping()?;
    search.run(&columns.stored_names(), &mut |hits, distances| {
        grouping.add_rows(&Frame::from_batch(&columns.build_batch(&hits, distances)?)?)
    })?;
    let groups = grouping.finish()?.sort(&keys)?;
    groups.head(args.limit.unwrap_or(usize::MAX)).to_batch()
}

/// Aggregates of `--agg`; by default the number of segments and their length, in total and inside the region.
fn aggregates(args: &Args) -> Result<Vec<Aggregate>> {
    if !args.agg.is_empty() {
        return args.agg.iter().map(|text| Aggregate::parse(text).in_item("--agg")).collect();
    }
    let sum = |name: &str| Aggregate { operation: Operation::Sum, column: Some(name.into()), name: name.into() };
    let segments = Aggregate { operation: Operation::Count, column: None, name: "segments".into() };
    Ok(vec![segments, sum("length"), sum("inside")])
}

fn sort_keys(args: &Args) -> Result<Vec<SortKey>> {
    let is_grouped = !args.by.is_empty() || !args.agg.is_empty();
    let is_aggregate = |name: &str| Operation::ALL.into_iter().any(|operation| operation.name() == name);
    let key = |text: &String| match text.split_once(':') {
        Some((_, "asc" | "desc")) => SortKey::parse(text),
        // `--sort` may use the form of `--agg`: `sum:length` for the column `sum_length`
        Some((name, rest)) if is_grouped && is_aggregate(name) => SortKey::parse(&format!("{name}_{rest}")),
        _ => SortKey::parse(text),
    };
    args.sort.iter().map(|text| key(text).in_item("--sort")).collect()
}

/// Returns the columns that `--sort` names.
pub fn sort_columns(args: &Args) -> Result<Vec<String>> {
    Ok(sort_keys(args)?.into_iter().map(|key| key.column).collect())
}

/// Writes the rows in order, at most `--limit` of them, without the columns that only sorting needs.
pub fn write_sorted(
    args: &Args,
    search: &Search<'_>,
    columns: &QueryColumns<'_>,
    write: BatchWriter<'_>,
) -> Result<()> {
    let mut sorting = RowSorter::new(&sort_keys(args)?, args.limit);
    search.run(&columns.stored_names(), &mut |hits, distances| {
        sorting.add_rows(&Frame::from_batch(&columns.build_batch(&hits, distances)?)?)
    })?;
    let rows = sorting.finish()?;
    let schema = columns.visible_schema();
    for first in (0..rows.len()).step_by(ROWS_PER_BATCH) {
        let batch = rows.slice(first, ROWS_PER_BATCH).to_batch()?;
        let shown = batch.columns().iter().take(schema.fields().len()).map(Arc::clone).collect();
        write(&RecordBatch::try_new(schema.clone(), shown).map_err(FrameProblem::from)?)?;
    }
    Ok(())
}
