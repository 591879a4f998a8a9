//! `leadfield plot signals`: draws traces, current source densities and spectra of signals.

use std::path::PathBuf;

use leadfield::Result;
use leadfield::electrodes;
use leadfield::error::{Context, format_count};
use leadfield::plot::figures::signals::{
    DEFAULT_SOURCE_RADIUS_UM, SignalFigureKind, SignalSelection, SignalTraces, SignalsPlot, plot_signals,
};
use leadfield::units::{DEFAULT_CONDUCTIVITY, POTENTIAL_UNITS, SiemensPerMeter};

use super::{FigureFile, FigureOutput};
use crate::cli::help::{FILTER, PICTURE, examples};
use crate::cli::{Common, Outcome};

/// Draw signals: traces by depth, an image by depth and time, current source density, and power spectra
///
/// Signals are an `lfp` report of the simulator, whose cells are added up, or an HDF5 file of `leadfield signals`, whose
/// neurons (--by node) are added up, and of other groups one is drawn (--group). All contacts must have one unit. Depth is the
/// coordinate along which the contacts extend furthest; contacts at the same depth are averaged.
#[derive(clap::Args)]
#[command(after_help = examples!(
    "leadfield plot signals lfp.h5 -o lfp.svg",
    "leadfield plot signals lfp.h5 --figure csd --electrodes probe.csv -o csd.png",
))]
pub struct Args {
    /// Report of signals, HDF5
    report: PathBuf,
    /// Draw only these contacts; can be repeated. NAME,... is one contact if one has this name, otherwise several
    #[arg(long, help_heading = FILTER, value_name = "NAME,...")]
    electrode: Vec<String>,
    /// Draw only this group, or the neuron with this id; POPULATION/NAME if several populations have it
    #[arg(long, help_heading = FILTER, value_name = "NAME")]
    group: Option<String>,
    /// What to draw
    #[arg(long, help_heading = PICTURE, value_name = "FIGURE", default_value = "all")]
    figure: FigureArg,
    /// Electrodes for positions, by name if the report has names of contacts, otherwise for names and positions in its order
    #[arg(long, help_heading = PICTURE, value_name = "FILE")]
    electrodes: Option<PathBuf>,
    /// Unit of the values, if the report states a wrong one: V, mV or uV; the simulator's report is in V, although it states mV
    #[arg(long, help_heading = PICTURE, value_name = "UNIT")]
    unit: Option<String>,
    /// Conductivity for the current source density, S/m
    #[arg(long, help_heading = PICTURE, value_name = "SIGMA", default_value_t = DEFAULT_CONDUCTIVITY.get(), allow_negative_numbers = true)]
    conductivity: f64,
    /// Radius of the discs of sources of the kernel method, µm
    #[arg(long, help_heading = PICTURE, value_name = "R", default_value_t = DEFAULT_SOURCE_RADIUS_UM, allow_negative_numbers = true)]
    source_radius: f64,
    #[command(flatten)]
    output: FigureOutput,
}

/// [`SignalFigureKind`] as an option.
#[derive(Clone, Copy, clap::ValueEnum)]
enum FigureArg {
    /// All figures on one page
    All,
    /// Traces at the depths of their contacts
    Traces,
    /// Potential by depth and time
    Image,
    /// Current source density by the second difference
    Csd,
    /// Current source density by the kernel method
    Kcsd,
    /// Power spectra by Welch's method
    Spectrum,
}

impl FigureArg {
    fn kinds(self) -> &'static [SignalFigureKind] {
        match self {
            Self::All => &SignalFigureKind::ALL,
            Self::Traces => &[SignalFigureKind::Traces],
            Self::Image => &[SignalFigureKind::Image],
            Self::Csd => &[SignalFigureKind::Csd],
            Self::Kcsd => &[SignalFigureKind::KernelCsd],
            Self::Spectrum => &[SignalFigureKind::Spectrum],
        }
    }
}

/// Runs the tool.
pub fn run(args: &Args, common: &Common) -> Result<Outcome> {
    let picture = FigureFile::open(&args.output)?;
    let conductivity = SiemensPerMeter::new(args.conductivity).in_item("--conductivity")?;
    if let Some(unit) = &args.unit {
        POTENTIAL_UNITS.factor(unit).in_item("--unit")?;
    }
    let electrodes = args.electrodes.as_deref().map(electrodes::read).transpose()?;
    let selection = SignalSelection { contacts: &args.electrode, group: args.group.as_deref() };
    let traces = SignalTraces::read_selected(&args.report, electrodes.as_deref(), args.unit.as_deref(), &selection)?;
    let name = args.report.file_name().unwrap_or_default().to_string_lossy();
    let drawn = plot_signals(&SignalsPlot {
        traces: &traces,
        kinds: args.figure.kinds(),
        conductivity_s_per_m: conductivity.get(),
        source_radius_um: args.source_radius,
        title: &name,
    })
    .in_file(&args.report)?;
    drawn.left_out.iter().for_each(|why| common.warn(why));
    picture.write(&drawn.figure)?;
    let [contacts, frames] =
        [(traces.contacts(), "contact"), (traces.frames(), "frame")].map(|(n, what)| format_count(n as u64, what));
    let notes: String = drawn.notes.iter().map(|note| format!("; {note}")).collect();
    common.print_note(format_args!("{}: {frames} at {contacts}{notes}", args.output.out.display()));
    Ok(Outcome::Done)
}
