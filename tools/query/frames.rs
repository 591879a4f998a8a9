//! `--by`, `--agg` and `--sort`: groups and sorted rows, made by the library's data frames.

use std::sync::Arc;

use arrow_array::RecordBatch;
use leadfield::Result;
use leadfield::error::Context;
use leadfield::segments::frame::{Aggregate, Frame, FrameProblem, Grouping, Operation, SortKey, Sorting};

use super::columns::{Columns, Sources};
use super::names::Asked;
use super::search::Search;
use super::{Args, lookups};

/// Rows given out together.
const TOGETHER: usize = 1 << 16;

/// Takes rows.
type Write<'w> = &'w mut dyn FnMut(&RecordBatch) -> Result<()>;

/// One row a group, as one batch.
pub fn groups(args: &Args, search: &Search<'_>, sources: Sources<'_>) -> Result<RecordBatch> {
    let aggregates = aggregates(args)?;
    let keys = sort_keys(args)?;
    let aggregated = aggregates.iter().filter_map(|aggregate| aggregate.column.as_deref());
    // without `--agg` it is `--by` that asks for the lengths
    let option = if args.agg.is_empty() { "--by" } else { "--agg" };
    let by = args.by.iter().map(|name| Asked::new("--by", name));
    let asked: Vec<Asked> = by.chain(aggregated.map(|name| Asked::new(option, name))).collect();
    let lookups = lookups(args, &asked, search)?;
    let columns = Columns::of(&asked, search.table, sources, lookups)?;
    let no_rows = Frame::from_batch(&RecordBatch::new_empty(columns.schema()))?;
    let grouping = || Grouping::new(&args.by, &aggregates, &no_rows).in_object(option);
    // what is wrong with the options is found before the search
    grouping()?.finish()?.sort(&keys).in_object("--sort")?;
    let mut grouping = grouping()?;
    search.run(&columns.stored(), &mut |hits, distances| {
        grouping.add(&Frame::from_batch(&columns.rows(&hits, distances)?)?)
    })?;
    let groups = grouping.finish()?.sort(&keys)?;
    groups.head(args.limit.unwrap_or(usize::MAX)).to_batch()
}

/// What `--agg` asks for; without it the number of segments and their length, all of it and inside the region.
fn aggregates(args: &Args) -> Result<Vec<Aggregate>> {
    if !args.agg.is_empty() {
        return args.agg.iter().map(|text| Aggregate::parse(text).in_object("--agg")).collect();
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
        // as `--agg` has it: `sum:length` for the column `sum_length`
        Some((name, rest)) if is_grouped && is_aggregate(name) => SortKey::parse(&format!("{name}_{rest}")),
        _ => SortKey::parse(text),
    };
    args.sort.iter().map(|text| key(text).in_object("--sort")).collect()
}

/// The columns that `--sort` names.
pub fn sort_columns(args: &Args) -> Result<Vec<String>> {
    Ok(sort_keys(args)?.into_iter().map(|key| key.column).collect())
}

/// The rows in order, the first `--limit` of them, without the columns that only sorting needs.
pub fn write_sorted(args: &Args, search: &Search<'_>, columns: &Columns<'_>, write: Write<'_>) -> Result<()> {
    let mut sorting = Sorting::new(&sort_keys(args)?, args.limit);
    search.run(&columns.stored(), &mut |hits, distances| {
        sorting.add(&Frame::from_batch(&columns.rows(&hits, distances)?)?)
    })?;
    let rows = sorting.finish()?;
    let schema = columns.shown();
    for first in (0..rows.len()).step_by(TOGETHER) {
        let batch = rows.slice(first, TOGETHER).to_batch()?;
        let shown = batch.columns().iter().take(schema.fields().len()).map(Arc::clone).collect();
        write(&RecordBatch::try_new(schema.clone(), shown).map_err(FrameProblem::from)?)?;
    }
    Ok(())
}
