//! stub

use leadfield::Result;

use crate::cli::{Common, Outcome};

/// stub
#[derive(clap::Args)]
pub struct Args {}

/// Runs the tool.
pub fn run(_args: &Args, _common: &Common) -> Result<Outcome> {
    Ok(Outcome::Done)
}
