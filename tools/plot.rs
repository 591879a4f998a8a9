//! `leadfield plot`: pictures of coefficients, contacts and comparisons.

mod compare;
mod probe;
mod weights;

use std::path::PathBuf;

use leadfield::Result;
use leadfield::error::Context;
use leadfield::io::atomic_output::Staged;
use leadfield::plot::canvas::{Form, Page};
use leadfield::plot::figures;

use crate::cli::{Common, Outcome, existing};

/// Draw coefficients, or contacts with what is round them, as SVG or PNG
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

/// What is drawn.
#[derive(clap::Subcommand)]
enum What {
    Compare(compare::Args),
    Probe(probe::Args),
    Weights(weights::Args),
}

/// Where the picture goes.
#[derive(clap::Args)]
struct Output {
    /// File to write; its name ends in .svg or .png
    #[arg(short, long, value_name = "FILE")]
    out: PathBuf,
    /// Replace a file that exists
    #[arg(long)]
    force: bool,
}

/// [`figures::View`] as an option: the first axis runs to the right, the second up.
#[derive(Clone, Copy, clap::ValueEnum)]
enum View {
    /// x to the right, y up
    Xy,
    /// x to the right, z up
    Xz,
    /// y to the right, x up
    Yx,
    /// y to the right, z up
    Yz,
    /// z to the right, x up
    Zx,
    /// z to the right, y up: a probe along y stands upright
    Zy,
    /// xy, zy and xz, side by side and in one scale
    All,
}

impl View {
    fn views(self) -> &'static [figures::View] {
        match self {
            Self::Xy => &[figures::View::Xy],
            Self::Xz => &[figures::View::Xz],
            Self::Yx => &[figures::View::Yx],
            Self::Yz => &[figures::View::Yz],
            Self::Zx => &[figures::View::Zx],
            Self::Zy => &[figures::View::Zy],
            Self::All => &figures::View::ALL,
        }
    }
}

/// A picture that is to be written: its form is known and its place is free before anything is read.
struct Picture {
    form: Form,
    staged: Staged,
}

impl Picture {
    fn open(output: &Output) -> Result<Self> {
        let form = Form::of(&output.out).in_object("--out")?;
        Ok(Self { form, staged: Staged::new(&output.out, existing(output.force))? })
    }

    fn write(self, page: &Page) -> Result<()> {
        let bytes = page.encode(self.form).in_file(self.staged.target())?;
        self.staged.write(bytes)?;
        self.staged.commit()
    }
}

/// Runs the tool.
pub fn run(args: &Args, common: &Common) -> Result<Outcome> {
    match &args.what {
        What::Compare(args) => compare::run(args, common),
        What::Probe(args) => probe::run(args, common),
        What::Weights(args) => weights::run(args, common),
    }
}
