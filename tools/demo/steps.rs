//! The demo's steps: each does one thing and says what it did.

use std::path::{Path, PathBuf};
use std::time::Instant;

use leadfield::Result;
use leadfield::circuit::placement::Placement;
use leadfield::circuit::synthetic::{self, Plan};
use leadfield::circuit::{Assembly, Options, Request};
use leadfield::electrodes;
use leadfield::error::count;
use leadfield::io::atomic_output::{Existing, Staged};
use leadfield::methods::NearField;
use leadfield::plot::html_report;
use leadfield::segments::table::Table;
use leadfield::sonata::electrodes_file::ElectrodesFile;
use leadfield::validate::Tolerance;
use leadfield::validate::weights::{self as comparison, ColumnRule, ExtraColumn};
use leadfield::weights::{self, Source};

use super::embedded;
use crate::cli::Outcome;

/// Relative difference up to which coefficients agree.
const RTOL: f64 = 1e-12;

/// What a step did.
pub(super) struct Step {
    /// Its name.
    pub what: &'static str,
    /// What it made, in numbers.
    pub counts: String,
    /// How long it took.
    pub seconds: f64,
    /// What it wrote.
    pub path: PathBuf,
}

/// A synthetic circuit with a compartment report.
pub(super) fn circuit(folder: &Path, cells: usize) -> Result<Step> {
    let (started, path) = (Instant::now(), folder.join("circuit"));
    let plan = Plan {
        cells,
        seed: 1,
        morphologies: Plan::usual_morphologies(cells),
        radius_um: 400.0,
        height_um: 1500.0,
        report: synthetic::Report::OneFrame,
    };
    let written = synthetic::write(&plan, &path, Existing::Keep, &mut |_| ())?;
    let counts = format!("{}, {}", count(cells as u64, "neuron"), count(written.segments, "segment"));
    Ok(Step { what: "circuit", counts, seconds: started.elapsed().as_secs_f64(), path })
}

/// A line of contacts like the lowest 384 sites of a Neuropixels 1.0 probe: two sites every 20 um, staggered.
pub(super) fn probe(folder: &Path) -> Result<Step> {
    let (started, path) = (Instant::now(), folder.join("probe.csv"));
    let stagger = [-24.0, 8.0, -8.0, 24.0];
    let site = |i: usize| format!("{i},{},{},0,NA,NA,LineSource\n", stagger[i % 4], -1920.0 + 20.0 * (i / 2) as f64);
    let text = "name,x,y,z,layer,region,type\n".to_string() + &(0..384).map(site).collect::<String>();
    write(&path, text)?;
    let counts = "384 LineSource contacts, a Neuropixels-like line".into();
    Ok(Step { what: "probe", counts, seconds: started.elapsed().as_secs_f64(), path })
}

/// The circuit's segment table.
pub(super) fn segments(folder: &Path) -> Result<Step> {
    let (started, path) = (Instant::now(), folder.join("segments.parquet"));
    let made = positions(&folder.join("circuit"), &path, Placement::default())?;
    let counts = format!("{} of {}", count(made.segments, "segment"), count(made.neurons, "neuron"));
    Ok(Step { what: "segments", counts, seconds: started.elapsed().as_secs_f64(), path })
}

fn positions(circuit: &Path, table: &Path, placement: Placement) -> Result<leadfield::circuit::Made> {
    let config = circuit.join("simulation_config.json");
    let request = Request::of(&config);
    let options = Options { placement, ..Options::default() };
    Assembly::open(&request)?.write(table, Existing::Keep, &options, &|_| ())
}

/// The electrodes file of the probe.
pub(super) fn weights(folder: &Path) -> Result<Step> {
    let (started, path) = (Instant::now(), folder.join("weights.h5"));
    let electrodes = folder.join("probe.csv");
    let summary = compute(&folder.join("segments.parquet"), &electrodes, &path, NearField::Radius)?;
    let pairs = summary.segments as f64 * summary.contacts as f64;
    let counts = format!("{:.1} M coefficients, {:.0} MB", pairs / 1e6, summary.bytes as f64 / 1e6);
    Ok(Step { what: "weights", counts, seconds: started.elapsed().as_secs_f64(), path })
}

/// A page on both files and the steps before, and the picture on it.
pub(super) fn report(folder: &Path, before: &[Step]) -> Result<Step> {
    let (started, path) = (Instant::now(), folder.join("report.html"));
    let (table, weights) = (folder.join("segments.parquet"), folder.join("weights.h5"));
    let took: Vec<(&str, f64)> = before.iter().map(|step| (step.what, step.seconds)).collect();
    let request = html_report::Request {
        table: &table,
        weights: &weights,
        electrode: None,
        within: html_report::WITHIN_UM,
        took: &took,
    };
    let made = html_report::make(&request)?;
    let drawn = made.drawn?;
    let figure = folder.join("weights.svg");
    write(&path, &made.html)?;
    write(&figure, drawn.figure.to_svg())?;
    let counts =
        format!("a page to look at, {:.1} MB, drawn at contact {}", made.html.len() as f64 / 1e6, drawn.electrode);
    Ok(Step { what: "report", counts, seconds: started.elapsed().as_secs_f64(), path })
}

/// Writes a whole file.
fn write(path: &Path, bytes: impl AsRef<[u8]>) -> Result<()> {
    let staged = Staged::new(path, Existing::Keep)?;
    staged.write(bytes)?;
    staged.commit()
}

fn compute(table: &Path, electrodes: &Path, output: &Path, near_field: NearField) -> Result<weights::Summary> {
    let electrodes = electrodes::read(electrodes)?;
    let contacts = electrodes::contacts(&electrodes, &[], near_field)?;
    let table = Table::open(table)?;
    weights::compute(&weights::Request {
        sources: &[&table as &dyn Source],
        electrodes: &electrodes,
        contacts: &contacts,
        output,
        existing: Existing::Keep,
        resume: false,
        stop: &|| false,
        progress: &|_| (),
    })
}

/// Computes what the original program computed, and compares.
pub(super) fn check(folder: &Path) -> Result<(Step, Outcome)> {
    let (started, folder) = (Instant::now(), folder.join("reference"));
    embedded::unpack(&folder)?;
    let (table, ours) = (folder.join("segments.parquet"), folder.join("weights.h5"));
    positions(&folder.join("circuit"), &table, Placement::BlueRecording02)?;
    compute(&table, &folder.join("np8.csv"), &ours, NearField::Exact)?;
    let [ours, theirs] = [ours, folder.join("np8.h5")].map(|path| ElectrodesFile::open(&path));
    let compared = compare(&ours?, &theirs?)?;
    let worst = compared
        .iter()
        .flat_map(|c| &c.electrodes)
        .filter_map(|e| e.largest_relative)
        .map(|d| d.value)
        .fold(0.0, f64::max);
    let agrees = !compared.is_empty() && compared.iter().all(comparison::Comparison::agrees);
    let verdict = if agrees { "agrees with" } else { "DIFFERS from" };
    let counts = format!("{verdict} BlueRecording 0.2.1, largest rel. difference {worst:.0e}");
    let step =
        Step { what: "validation", counts, seconds: started.elapsed().as_secs_f64(), path: folder.join("np8.h5") };
    Ok((step, if agrees { Outcome::Done } else { Outcome::Differ }))
}

fn compare(ours: &ElectrodesFile, theirs: &ElectrodesFile) -> Result<Vec<comparison::Comparison>> {
    let options = comparison::Options {
        tolerance: Tolerance { rtol: RTOL, atol: 0.0 },
        extra_column: ExtraColumn::Ignore,
        columns: ColumnRule::Index,
    };
    let pairing = comparison::pair(ours, theirs, None)?;
    pairing.pairs.iter().map(|(a, b)| comparison::compare((ours, a), (theirs, b), &options, &|_| ())).collect()
}
