//! Synthetic circuits: valid SONATA circuits of any size, made of random numbers, for tests and benchmarks.
//!
//! The bytes depend only on the [`CircuitSpec`], on every machine.

mod config;
mod currents;
mod known_files;
mod morphology_files;
mod morphology_spec;
mod neuron;
mod nodes;
mod report;
mod seeded_rng;

pub use known_files::is_circuit_entry;

use std::path::{Path, PathBuf};

use rayon::prelude::*;

use crate::error::{Context, FileProblem, Problem, Result, join_quoted};
use crate::io::atomic_output::{AtomicOutput, OverwritePolicy};
use crate::io::hdf5::Hdf5File;
use morphology_spec::MorphologySpec;
use neuron::SyntheticNeuron;
use nodes::SyntheticNodes;
use seeded_rng::SeededRng;

/// Name of the only population.
pub const POPULATION: &str = "neurons";

/// Maximum number of neurons.
pub const MAX_CELLS: usize = 10_000_000;

/// Maximum radius and height of the cylinder, µm: float32 coordinates are then still exact to 0.03 µm.
pub const MAX_CYLINDER_UM: f64 = 1e6;

/// Maximum number of frames of a report.
pub const MAX_FRAMES: usize = 10_000_000;

/// Specification of a synthetic circuit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CircuitSpec {
    /// Number of neurons.
    pub cells: usize,
    /// Seed of the random numbers.
    pub seed: u64,
    /// Number of distinct morphologies.
    pub morphologies: usize,
    /// Radius, µm, of the cylinder that holds the somata. Its centre is the origin and its axis the y axis.
    pub radius_um: f64,
    /// Height of the cylinder, µm.
    pub height_um: f64,
    /// Whether a report is written.
    pub report: SyntheticReport,
}

/// The compartment report of a synthetic circuit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyntheticReport {
    /// No report.
    None,
    /// One frame of random currents in all compartments of all neurons.
    OneFrame,
    /// Frames of balanced currents of an input that travels through the circuit, in all compartments of all neurons.
    Currents {
        /// Number of frames.
        frames: usize,
    },
}

/// Summary of a written circuit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SyntheticSummary {
    /// Number of segments of all neurons, with their axons replaced.
    pub segments: u64,
}

/// Reasons why a synthetic circuit cannot be written.
#[derive(Debug, thiserror::Error, PartialEq)]
#[non_exhaustive]
pub enum CircuitSpecProblem {
    /// The number of neurons is 0 or too large.
    #[error("number of cells out of range, expected 1 to {MAX_CELLS}, found `{0}`")]
    Cells(usize),
    /// The number of morphologies is 0 or exceeds that of neurons.
    #[error("number of morphologies out of range, expected 1 to {cells} (the number of cells), found `{found}`")]
    Morphologies {
        /// Number of neurons.
        cells: usize,
        /// Requested number of morphologies.
        found: usize,
    },
    /// A size of the cylinder is not positive or too large.
    #[error("{side} of the cylinder out of range, expected more than 0 and at most {MAX_CYLINDER_UM}, found `{found}`")]
    Size {
        /// `radius` or `height`.
        side: &'static str,
        /// Requested size, µm.
        found: f64,
    },
    /// The number of frames is 0 or too large.
    #[error("number of frames out of range, expected 1 to {MAX_FRAMES}, found `{0}`")]
    Frames(usize),
    /// The output path has no name.
    #[error("output has no name, expected the name of a new folder")]
    NoName,
    /// The existing output is not a synthetic circuit, so it must not be replaced.
    #[error("not replaced, expected a circuit folder (with `circuit_config.json`), found {0}")]
    NoCircuit(String),
}

impl Problem for CircuitSpecProblem {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Cells(_) => Some("give it with `--cells`".into()),
            Self::Morphologies { .. } => Some("give it with `--morphologies`".into()),
            Self::Size { side, .. } => Some(format!("give it with `--{side}`")),
            Self::Frames(_) => Some("give it with `--frames`".into()),
            Self::NoName => Some("name the folder itself, for instance `circuit` instead of `.`".into()),
            Self::NoCircuit(_) => Some("choose another name, or remove it by hand".into()),
        }
    }
}

impl CircuitSpec {
    /// Returns the default number of morphologies: one per neuron, at most 24.
    pub fn default_morphologies(cells: usize) -> usize {
        cells.min(24)
    }

    fn check_ranges(&self) -> Result<(), CircuitSpecProblem> {
        if !(1..=MAX_CELLS).contains(&self.cells) {
            return Err(CircuitSpecProblem::Cells(self.cells));
        }
        if !(1..=self.cells).contains(&self.morphologies) {
            return Err(CircuitSpecProblem::Morphologies { cells: self.cells, found: self.morphologies });
        }
        if let SyntheticReport::Currents { frames } = self.report
            && !(1..=MAX_FRAMES).contains(&frames)
        {
            return Err(CircuitSpecProblem::Frames(frames));
        }
        for (side, found) in [("radius", self.radius_um), ("height", self.height_um)] {
            if !(found > 0.0 && found <= MAX_CYLINDER_UM) {
                return Err(CircuitSpecProblem::Size { side, found });
            }
        }
        Ok(())
    }
}

/// Writes a synthetic circuit into a folder, which appears when it is complete. `progress` is called with the number of
/// neurons that were added to the report.
///
/// The folder contains `circuit_config.json` and `simulation_config.json`, which use SWC morphologies, and variants
/// with `_asc`, `_h5` and `_container` (merged h5v1) in their names; `node_sets.json`; the neurons, morphologies and
/// cell templates; and `output/compartment.h5` if the specification has a report.
///
/// # Errors
/// Returns an error if the specification is out of range; the folder exists and is not empty, or, if it may be
/// replaced, contains anything but a synthetic circuit; another run is writing it; or it cannot be written.
pub fn write(
    spec: &CircuitSpec,
    folder: &Path,
    existing: OverwritePolicy,
    progress: &mut dyn FnMut(u64),
) -> Result<SyntheticSummary> {
    spec.check_ranges()?;
    let existing = check_replaceable(folder, existing).in_file(folder)?;
    let staged = AtomicOutput::create_folder(folder, existing, known_files::check_folder)?;
    let written = write_into(spec, staged.partial_path(), progress)?;
    staged.commit()?;
    Ok(written)
}

/// Returns whether the existing output may be replaced: an empty folder, or a circuit if that was requested.
fn check_replaceable(folder: &Path, existing: OverwritePolicy) -> Result<OverwritePolicy> {
    if folder.file_name().is_none() {
        return Err(CircuitSpecProblem::NoName.into());
    }
    if folder.is_file() && existing == OverwritePolicy::Replace {
        return Err(CircuitSpecProblem::NoCircuit("a file".into()).into());
    }
    let Ok(entries) = std::fs::read_dir(folder) else { return Ok(existing) };
    let mut names: Vec<String> = entries.flatten().map(|e| e.file_name().to_string_lossy().into_owned()).collect();
    names.sort_unstable();
    let circuit = names.iter().any(|name| name == "circuit_config.json");
    match existing {
        _ if names.is_empty() => Ok(OverwritePolicy::Replace),
        OverwritePolicy::Replace if !circuit => Err(CircuitSpecProblem::NoCircuit(join_quoted(names, 4)).into()),
        policy => Ok(policy),
    }
}

/// Streams of random numbers: the numbers of one do not change if another part draws more of them.
mod stream {
    pub const NODES: u64 = 0;
    pub const REPORT: u64 = 1;
    pub const FIRST_MORPHOLOGY: u64 = 2;
}

fn write_into(spec: &CircuitSpec, folder: &Path, progress: &mut dyn FnMut(u64)) -> Result<SyntheticSummary> {
    write_text_files(spec, folder)?;
    let nodes = SyntheticNodes::draw(spec, &mut SeededRng::new(spec.seed, stream::NODES));
    nodes.write(spec, &create_folder(folder.join("networks/nodes").join(POPULATION))?.join("nodes.h5"))?;
    let morphologies = write_morphologies(spec, &folder.join("components/morphologies"))?;
    let of = |m: &u32| morphologies.get(*m as usize).map_or(0, |(ids, _)| ids.len() as u64);
    let segments = nodes.morphology.iter().map(of).sum();
    let mut rng = SeededRng::new(spec.seed, stream::REPORT);
    let report_path = || Ok::<_, crate::error::Error>(create_folder(folder.join("output"))?.join("compartment.h5"));
    match spec.report {
        SyntheticReport::None => {}
        SyntheticReport::OneFrame => {
            let element_ids: Vec<Vec<u32>> = morphologies.into_iter().map(|(ids, _)| ids).collect();
            report::write_report(&report_path()?, &element_ids, &nodes.morphology, &mut rng, progress)?;
        }
        SyntheticReport::Currents { .. } => {
            currents::write_currents(&report_path()?, spec, &nodes, &morphologies, &mut rng, progress)?;
        }
    }
    Ok(SyntheticSummary { segments })
}

fn write_text_files(spec: &CircuitSpec, folder: &Path) -> Result<()> {
    for variant in config::VARIANTS {
        write_json(&folder.join(format!("circuit_config{}.json", variant.suffix)), &variant.circuit_config())?;
        write_json(
            &folder.join(format!("simulation_config{}.json", variant.suffix)),
            &variant.simulation_config(spec),
        )?;
    }
    write_json(&folder.join("node_sets.json"), &config::node_sets(spec))?;
    let hoc = create_folder(folder.join("components/hoc"))?;
    nodes::classes_by_layer()
        .map(|(class, layer)| class.template_name(layer))
        .try_for_each(|name| write_text(&hoc.join(format!("{name}.hoc")), &config::cell_template(&name)))
}

/// Number of morphologies that are grown at a time, to bound the memory.
const MORPHOLOGIES_PER_BATCH: usize = 256;

/// The segments of a morphology in the report's order: their section ids, and their places.
type MorphologyElements = (Vec<u32>, Vec<currents::ElementPlace>);

/// Writes every morphology in its four formats; returns the elements of each.
fn write_morphologies(spec: &CircuitSpec, folder: &Path) -> Result<Vec<MorphologyElements>> {
    let [swc, ascii, h5v1] = ["swc", "ascii", "h5v1"].map(|name| folder.join(name));
    [&swc, &ascii, &h5v1].into_iter().cloned().try_for_each(|folder| create_folder(folder).map(drop))?;
    let merged = Hdf5File::create(&folder.join("merged.h5"))?;
    let mut elements = Vec::with_capacity(spec.morphologies);
    for first in (0..spec.morphologies).step_by(MORPHOLOGIES_PER_BATCH) {
        let numbers = first..spec.morphologies.min(first + MORPHOLOGIES_PER_BATCH);
        let neurons: Vec<SyntheticNeuron> = numbers.into_par_iter().map(|number| grow_neuron(spec, number)).collect();
        neurons.par_iter().try_for_each(|neuron| {
            write_text(&swc.join(format!("{}.swc", neuron.name)), &morphology_files::to_swc(neuron))?;
            write_text(&ascii.join(format!("{}.asc", neuron.name)), &morphology_files::to_asc(neuron))
        })?;
        for neuron in &neurons {
            let file = Hdf5File::create(&h5v1.join(format!("{}.h5", neuron.name)))?;
            morphology_files::write_h5v1(neuron, &file, "/")?;
            file.close()?;
            morphology_files::write_h5v1(neuron, &merged, &format!("/{}", neuron.name))?;
        }
        elements.extend(neurons.iter().map(|n| (report::element_ids(n), currents::element_places(n))));
    }
    merged.close()?;
    Ok(elements)
}

fn grow_neuron(spec: &CircuitSpec, number: usize) -> SyntheticNeuron {
    let mut rng = SeededRng::new(spec.seed, stream::FIRST_MORPHOLOGY + number as u64);
    SyntheticNeuron::grow(&MorphologySpec::from_number(number), &mut rng)
}

/// Creates a folder and its parents.
fn create_folder(folder: PathBuf) -> Result<PathBuf> {
    std::fs::create_dir_all(&folder).map_err(FileProblem::Write).in_file(&folder)?;
    Ok(folder)
}

fn json_text(value: &serde_json::Value) -> String {
    format!("{value:#}\n")
}

fn write_json(path: &Path, value: &serde_json::Value) -> Result<()> {
    write_text(path, &json_text(value))
}

fn write_text(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).map_err(FileProblem::Write).in_file(path)
}
