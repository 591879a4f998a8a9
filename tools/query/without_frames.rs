//! Rejects `--by`, `--agg` and `--sort` before anything is read if the feature `frame` is disabled.

use arrow_array::RecordBatch;
use leadfield::Result;
use leadfield::error::{Context, Problem};
use leadfield::segments::query::{QueryRows, TableQuery};

use super::Args;

/// Grouping and sorting need data frames.
#[derive(Debug, thiserror::Error)]
#[error("this program was built without the feature `frame`")]
struct NoFrames;

impl Problem for NoFrames {
    fn hint(&self) -> Option<String> {
        Some(match cfg!(feature = "python") {
            true => {
                "in Python: `leadfield.Segments(TABLE).query(...).count(by=[\"mtype\"])`; the program of `cargo install` has groups"
                    .into()
            }
            false => "build it with `cargo build --release --features frame`, or without `--no-default-features`".into(),
        })
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
pub fn collect_groups(args: &Args, _: &TableQuery<'_>) -> Result<RecordBatch> {
    refused(args)
}

/// Returns the rows unchanged.
pub fn sort_rows<'q>(_: &Args, rows: QueryRows<'q>) -> Result<QueryRows<'q>> {
    Ok(rows)
}

/// Returns no columns, or an error if there is anything to group or to sort by.
pub fn named_columns(args: &Args) -> Result<Vec<String>> {
    if args.is_grouped() || !args.sort.is_empty() { refused(args) } else { Ok(Vec::new()) }
}
