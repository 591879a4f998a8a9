//! `leadfield plot`: draws weights, contacts, comparisons and signals.

mod compare;
mod probe;
mod signals;
mod weights;

use std::path::PathBuf;

use leadfield::Result;
use leadfield::error::Context;
use leadfield::io::atomic_output::AtomicOutput;
use leadfield::plot::canvas::{Figure, ImageFormat};
use leadfield::plot::figures;

use crate::cli::help::{OUTPUT, examples};
use crate::cli::{Common, Outcome, overwrite_policy};

/// Draw weights, contacts with what is around them, comparisons or signals, as SVG or PNG
#[derive(clap::Args)]
#[command(after_help = examples!(
    "leadfield plot weights segments.parquet weights.h5 --electrode tip -o tip.svg",
    "leadfield plot probe electrodes.csv --segments segments.parquet -o probe.svg",
    "leadfield plot compare weights.h5 reference.h5 -o difference.svg",
))]
pub struct Args {
    #[command(subcommand)]
    what: PlotCommand,
}

/// The pictures that can be drawn.
#[derive(clap::Subcommand)]
enum PlotCommand {
    Compare(compare::Args),
    Probe(probe::Args),
    Signals(signals::Args),
    Weights(weights::Args),
}

/// Where to write the picture.
#[derive(clap::Args)]
struct FigureOutput {
    /// File to write; its name ends in .svg or .png
    #[arg(short, long = "output", alias = "out", value_name = "FILE", help_heading = OUTPUT)]
    out: PathBuf,
    /// Replace a file that exists
    #[arg(short, long, help_heading = OUTPUT)]
    force: bool,
}

/// [`figures::ViewPlane`] as an option: the first axis points to the right, the second up.
#[derive(Clone, Copy, clap::ValueEnum)]
enum ViewArg {
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
    /// xy, zy and xz, next to each other with the same scale
    All,
}

impl ViewArg {
    fn views(self) -> &'static [figures::ViewPlane] {
        match self {
            Self::Xy => &[figures::ViewPlane::Xy],
            Self::Xz => &[figures::ViewPlane::Xz],
            Self::Yx => &[figures::ViewPlane::Yx],
            Self::Yz => &[figures::ViewPlane::Yz],
            Self::Zx => &[figures::ViewPlane::Zx],
            Self::Zy => &[figures::ViewPlane::Zy],
            Self::All => &figures::ViewPlane::ALL,
        }
    }
}

/// A picture to write: its format and the absence of an existing file are checked before anything is read.
struct FigureFile {
    form: ImageFormat,
    staged: AtomicOutput,
}

impl FigureFile {
    fn open(output: &FigureOutput) -> Result<Self> {
        let form = ImageFormat::from_path(&output.out).in_item("--output")?;
        Ok(Self { form, staged: AtomicOutput::create_file(&output.out, overwrite_policy(output.force))? })
    }

    fn write(self, page: &Figure) -> Result<()> {
        let bytes = page.encode(self.form).in_file(self.staged.target_path())?;
        self.staged.write_all(bytes)?;
        self.staged.commit()
    }
}

/// Runs the tool.
pub fn run(args: &Args, common: &Common) -> Result<Outcome> {
    match &args.what {
        PlotCommand::Compare(args) => compare::run(args, common),
        PlotCommand::Probe(args) => probe::run(args, common),
        PlotCommand::Signals(args) => signals::run(args, common),
        PlotCommand::Weights(args) => weights::run(args, common),
    }
}
