//! The steps of the demo; each returns a summary of what it did.

use std::path::{Path, PathBuf};
use std::time::Instant;

use leadfield::Result;
use leadfield::circuit::placement::StubPlacement;
use leadfield::circuit::synthetic::{self, CircuitSpec};
use leadfield::circuit::{CircuitRequest, PopulationTables, SegmentTableOptions, TablesSummary};
use leadfield::electrodes;
use leadfield::error::{Context, format_count};
use leadfield::io::atomic_output::{AtomicOutput, OverwritePolicy};
use leadfield::io::ranks::Ranks;
use leadfield::io::resumable_output::RunSettings;
use leadfield::methods::NearField;
use leadfield::plot::figures::signals::{
    DEFAULT_SOURCE_RADIUS_UM, SignalFigureKind, SignalTraces, SignalsPlot, plot_signals,
};
use leadfield::plot::html_report;
use leadfield::segments::table::SegmentTable;
use leadfield::signals::output::{SignalFormat, SignalsRequest, ValueType, write_signals};
use leadfield::signals::{CurrentReport, SignalUnit, Signals};
use leadfield::sonata::electrodes_file::ElectrodesFile;
use leadfield::units::DEFAULT_CONDUCTIVITY;
use leadfield::validate::Tolerance;
use leadfield::validate::weights::{self as comparison, ColumnRule, ExtraColumn};
use leadfield::weights::{self, SegmentSource};

use super::embedded;
use crate::cli::Outcome;
use crate::cli::facts::format_bytes;

/// Relative tolerance of weights.
const RTOL: f64 = 1e-12;

/// Number of frames of the demo's currents, every 0.5 ms.
const FRAMES: usize = 200;

/// Whether a step is to stop.
type IsStopped<'a> = &'a (dyn Fn() -> bool + Sync);

/// Summary of a step.
pub(super) struct DemoStep {
    /// Its name.
    pub name: &'static str,
    /// Its results in numbers.
    pub counts: String,
    /// Duration, s.
    pub seconds: f64,
    /// The file or folder that it wrote.
    pub path: PathBuf,
}

/// Creates a synthetic circuit with a compartment report.
pub(super) fn make_circuit(folder: &Path, cells: usize) -> Result<DemoStep> {
    let (started, path) = (Instant::now(), folder.join("circuit"));
    let plan = CircuitSpec {
        cells,
        seed: 1,
        morphologies: CircuitSpec::default_morphologies(cells),
        radius_um: 400.0,
        height_um: 1500.0,
        report: synthetic::SyntheticReport::Currents { frames: FRAMES },
    };
    let written = synthetic::write(&plan, &path, OverwritePolicy::Refuse, &mut |_| ())?;
    let counts = format!("{}, {}", format_count(cells as u64, "neuron"), format_count(written.segments, "segment"));
    Ok(DemoStep { name: "circuit", counts, seconds: started.elapsed().as_secs_f64(), path })
}

/// Creates a line of contacts like the lowest 384 sites of a Neuropixels 1.0 probe: two sites every 20 µm, staggered.
pub(super) fn make_probe(folder: &Path) -> Result<DemoStep> {
    let (started, path) = (Instant::now(), folder.join("probe.csv"));
    let stagger = [-24.0, 8.0, -8.0, 24.0];
    let site = |i: usize| format!("{i},{},{},0,NA,NA,LineSource\n", stagger[i % 4], -1920.0 + 20.0 * (i / 2) as f64);
    let text = "name,x,y,z,layer,region,type\n".to_string() + &(0..384).map(site).collect::<String>();
    write_file(&path, text)?;
    let counts = "384 LineSource contacts, a Neuropixels-like line".into();
    Ok(DemoStep { name: "probe", counts, seconds: started.elapsed().as_secs_f64(), path })
}

/// Creates the circuit's segment table.
pub(super) fn make_segments(folder: &Path, is_stopped: IsStopped<'_>) -> Result<DemoStep> {
    let (started, path) = (Instant::now(), folder.join("segments.parquet"));
    let tables = place_positions(&folder.join("circuit"), &path, StubPlacement::default(), is_stopped)?.tables;
    let segments: u64 = tables.iter().map(|table| table.segments).sum();
    let neurons: u64 = tables.iter().map(|table| table.neurons).sum();
    let counts = format!("{} of {}", format_count(segments, "segment"), format_count(neurons, "neuron"));
    Ok(DemoStep { name: "segments", counts, seconds: started.elapsed().as_secs_f64(), path })
}

fn place_positions(
    circuit: &Path,
    table: &Path,
    placement: StubPlacement,
    is_stopped: IsStopped<'_>,
) -> Result<TablesSummary> {
    let config = circuit.join("simulation_config.json");
    let request = CircuitRequest::new(&config);
    let options = SegmentTableOptions { stub_placement: placement, ..SegmentTableOptions::default() };
    PopulationTables::open(&request)?.write(table, &options, &run_settings(is_stopped))
}

/// Returns the settings of a step that writes units.
fn run_settings(is_stopped: IsStopped<'_>) -> RunSettings<'_> {
    RunSettings { existing: OverwritePolicy::Refuse, resume: false, is_stopped, on_progress: &|_| () }
}

/// Creates the electrodes file of the probe.
pub(super) fn make_weights(folder: &Path, is_stopped: IsStopped<'_>) -> Result<DemoStep> {
    let (started, path) = (Instant::now(), folder.join("weights.h5"));
    let electrodes = folder.join("probe.csv");
    let table = folder.join("segments.parquet");
    let summary = compute_step_weights(&table, &electrodes, &path, NearField::ClampToRadius, is_stopped)?;
    let pairs = summary.segments as f64 * summary.contacts as f64;
    let counts = format!("{:.1} M weights, {}", pairs / 1e6, format_bytes(summary.bytes));
    Ok(DemoStep { name: "weights", counts, seconds: started.elapsed().as_secs_f64(), path })
}

/// Creates the signals of the circuit's currents at the probe's contacts.
pub(super) fn make_signals(folder: &Path, is_stopped: IsStopped<'_>) -> Result<DemoStep> {
    let (started, path) = (Instant::now(), folder.join("signals.h5"));
    let reports = CurrentReport::open_all(&folder.join("circuit/output/compartment.h5"))?;
    let weights = ElectrodesFile::open(&folder.join("weights.h5"))?;
    let signals = Signals::from_weights(&reports, &weights).unit(SignalUnit::Microvolt).prepare()?;
    let settings = run_settings(is_stopped);
    let (format, value_type) = (SignalFormat::Report, ValueType::F32);
    let request = SignalsRequest { signals: &signals, output: &path, format, value_type, settings };
    write_signals(&request, &Ranks::default())?;
    draw_signals(&path, &folder.join("signals.svg"))?;
    let frames = format_count(signals.times_ms().len() as u64, "frame");
    let counts = format!("LFP at {} contacts, {frames} of membrane currents", signals.contacts().len());
    Ok(DemoStep { name: "signals", counts, seconds: started.elapsed().as_secs_f64(), path })
}

/// Draws traces and current source density.
fn draw_signals(signals: &Path, figure: &Path) -> Result<()> {
    let traces = SignalTraces::read(signals, None, None)?;
    let drawn = plot_signals(&SignalsPlot {
        traces: &traces,
        kinds: &[SignalFigureKind::Traces, SignalFigureKind::Csd],
        conductivity_s_per_m: DEFAULT_CONDUCTIVITY.get(),
        source_radius_um: DEFAULT_SOURCE_RADIUS_UM,
        title: "signals.h5",
    });
    write_file(figure, drawn.in_file(signals)?.figure.to_svg())
}

/// Creates a report on both files and the steps before, and its picture.
pub(super) fn make_report(folder: &Path, before: &[DemoStep]) -> Result<DemoStep> {
    let (started, path) = (Instant::now(), folder.join("report.html"));
    let (table, weights) = (folder.join("segments.parquet"), folder.join("weights.h5"));
    let took: Vec<(&str, f64)> = before.iter().map(|step| (step.name, step.seconds)).collect();
    let request = html_report::ReportRequest {
        table: &table,
        weights: &weights,
        electrode: None,
        within_um: html_report::DEFAULT_VIEW_HALF_SIDE_UM,
        signals: before.iter().find(|step| step.name == "signals").map(|step| step.path.as_path()),
        timings_s: &took,
    };
    let report = html_report::build_report(&request)?;
    let drawn = report.figure?;
    let figure = folder.join("weights.svg");
    // the page names the files as they are called when the demo is complete
    let html = ["/segments.parquet", "/weights.h5"]
        .iter()
        .fold(report.html, |html, file| html.replace(&format!(".partial{file}"), file));
    write_file(&path, &html)?;
    write_file(&figure, drawn.figure.to_svg())?;
    let counts = format!("HTML page, {}, drawn at contact {}", format_bytes(html.len() as u64), drawn.electrode);
    Ok(DemoStep { name: "report", counts, seconds: started.elapsed().as_secs_f64(), path })
}

/// Writes a whole file.
fn write_file(path: &Path, bytes: impl AsRef<[u8]>) -> Result<()> {
    let staged = AtomicOutput::create_file(path, OverwritePolicy::Refuse)?;
    staged.write_all(bytes)?;
    staged.commit()
}

fn compute_step_weights(
    table: &Path,
    electrodes: &Path,
    output: &Path,
    near_field: NearField,
    is_stopped: IsStopped<'_>,
) -> Result<weights::WeightsSummary> {
    let electrodes = electrodes::read(electrodes)?;
    let electrodes = electrodes::configure(&electrodes, &[], near_field)?;
    let table = SegmentTable::open(table)?;
    weights::compute_weights(&weights::WeightsRequest {
        sources: &[&table as &dyn SegmentSource],
        electrodes: &electrodes,
        output,
        existing: OverwritePolicy::Refuse,
        resume: false,
        stop: is_stopped,
        progress: &|_| (),
    })
}

/// Computes what the original program computed, and compares.
pub(super) fn check_against_reference(folder: &Path, is_stopped: IsStopped<'_>) -> Result<(DemoStep, Outcome)> {
    let (started, folder) = (Instant::now(), folder.join("reference"));
    embedded::unpack(&folder)?;
    let (table, ours) = (folder.join("segments.parquet"), folder.join("weights.h5"));
    place_positions(&folder.join("circuit"), &table, StubPlacement::BlueRecording02, is_stopped)?;
    compute_step_weights(&table, &folder.join("np8.csv"), &ours, NearField::Unclamped, is_stopped)?;
    let [ours, theirs] = [ours, folder.join("np8.h5")].map(|path| ElectrodesFile::open(&path));
    let compared = compare_populations(&ours?, &theirs?)?;
    let worst = compared
        .iter()
        .flat_map(|c| &c.contacts)
        .filter_map(|e| e.largest_relative)
        .map(|d| d.value)
        .fold(0.0, f64::max);
    let agrees = !compared.is_empty() && compared.iter().all(comparison::WeightsComparison::agrees);
    let verdict = if agrees { "agrees with" } else { "DIFFERS from" };
    let counts = format!("{verdict} BlueRecording 0.2.1, largest rel. difference {worst:.0e}");
    let step =
        DemoStep { name: "validation", counts, seconds: started.elapsed().as_secs_f64(), path: folder.join("np8.h5") };
    Ok((step, if agrees { Outcome::Done } else { Outcome::Differ }))
}

fn compare_populations(ours: &ElectrodesFile, theirs: &ElectrodesFile) -> Result<Vec<comparison::WeightsComparison>> {
    let options = comparison::WeightsOptions {
        tolerance: Tolerance { rtol: RTOL, atol: 0.0 },
        extra_column: ExtraColumn::Ignore,
        column_rule: ColumnRule::Index,
    };
    let pairing = comparison::pair_populations(ours, theirs, None)?;
    pairing.pairs.iter().map(|(a, b)| comparison::compare((ours, a), (theirs, b), &options, &|_| ())).collect()
}
