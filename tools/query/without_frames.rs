//! Rejects `--by`, `--agg` and `--sort` before anything is read if the feature `frame` is disabled.

use arrow_array::RecordBatch;
use leadfield::Result;
use leadfield::error::{Context, Problem};

use super::Args;
use super::columns::{ColumnSources, QueryColumns};
use super::search::Search;

/// Grouping and sorting need data frames.
#[derive(Debug, thiserror::Error)]
#[error("this program was built without the feature `frame`")]
struct NoFrames;

impl Problem for NoFrames {
    fn hint(&self) -> Option<String> {
        Some("build it with `cargo build --release --features frame`, or without `--no-default-features`".into())
    }
}

/// Returns an error for the first option that needs data frames.
fn refused<T>(args: &Args) -> Result<T> {
    let option = match (&args.by[..], &args.agg[..]) {
        ([_, ..], _) => "--by",
        (_, [_, ..]) => "--agg",
        _ => "--sort",
    };
    Err(NoFrames).in_item(option)
}

/// Returns an error.
pub fn groups(args: &Args, _: &Search<'_>, _: ColumnSources<'_>) -> Result<RecordBatch> {
    refused(args)
}

/// Returns an error if there is anything to sort by.
pub fn sort_columns(args: &Args) -> Result<Vec<String>> {
    if args.sort.is_empty() { Ok(Vec::new()) } else { refused(args) }
}

/// Returns an error.
pub fn write_sorted(
    args: &Args,
    _: &Search<'_>,
    _: &QueryColumns<'_>,
    _: &mut dyn FnMut(&RecordBatch) -> Result<()>,
) -> Result<()> {
    refused(args)
}
