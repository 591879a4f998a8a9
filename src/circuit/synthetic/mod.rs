//! Synthetic circuits: valid SONATA, made of random numbers, of any size. The generator of tests and benches.
//!
//! The bytes depend on the [`Plan`] alone, on every machine.

mod config;
mod contents;
mod dice;
mod formats;
mod layout;
mod neuron;
mod nodes;
mod recipe;
mod report;

pub use contents::is_of_circuit;

use std::path::{Path, PathBuf};

use rayon::prelude::*;

use crate::error::{Context, FileProblem, Problem, Result, listed};
use crate::io::atomic_output::{Existing, Staged};
use crate::io::hdf5::File;
use dice::Dice;
use neuron::Neuron;
use nodes::Nodes;
use recipe::Recipe;

/// The name of the one population.
pub const POPULATION: &str = "neurons";

/// How many neurons a circuit may have.
pub const MOST_CELLS: usize = 10_000_000;

/// How wide or high the cylinder may be, um: float32 coordinates are then still exact to 0.03 um.
pub const LARGEST_UM: f64 = 1e6;

/// What to write.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Plan {
    /// Number of neurons.
    pub cells: usize,
    /// Seed of the random numbers.
    pub seed: u64,
    /// Number of distinct morphologies.
    pub morphologies: usize,
    /// Radius of the cylinder that holds the somata, um. Its centre is the origin and its axis the y axis.
    pub radius_um: f64,
    /// Height of that cylinder, um.
    pub height_um: f64,
    /// Whether there is a report.
    pub report: Report,
}

/// The compartment report of a synthetic circuit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Report {
    /// There is none.
    None,
    /// One frame of random currents in all compartments of all neurons.
    OneFrame,
}

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Segments of all neurons, with their axons replaced.
    pub segments: u64,
}

/// What can be wrong with a plan or the place for its circuit.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum PlanProblem {
    /// No neurons, or too many.
    #[error("number of cells out of range, expected 1 to {MOST_CELLS}, found `{0}`")]
    Cells(usize),
    /// No morphologies, or more than neurons.
    #[error("number of morphologies out of range, expected 1 to {cells} (the number of cells), found `{found}`")]
    Morphologies {
        /// The number of neurons.
        cells: usize,
        /// What was asked for.
        found: usize,
    },
    /// A cylinder that has no volume, or too much.
    #[error("{side} of the cylinder out of range, expected um above 0 and at most {LARGEST_UM}, found `{found}`")]
    Size {
        /// `radius` or `height`.
        side: &'static str,
        /// What was asked for.
        found: f64,
    },
    /// A folder that cannot be made under its name.
    #[error("no name for a new folder, expected one")]
    NoName,
    /// Something that must not be lost.
    #[error("not replaced, expected a circuit folder (with `circuit_config.json`), found {0}")]
    NoCircuit(String),
}

impl Problem for PlanProblem {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Cells(_) => Some("give it with `--cells`".into()),
            Self::Morphologies { .. } => Some("give it with `--morphologies`".into()),
            Self::Size { side, .. } => Some(format!("give it with `--{side}`")),
            Self::NoName => Some("give the folder itself, for instance `circuit` in place of `.`".into()),
            Self::NoCircuit(_) => Some("choose another name, or remove it by hand".into()),
        }
    }
}

impl Plan {
    /// The number of morphologies where none is asked for: one a neuron, at most 24.
    pub fn usual_morphologies(cells: usize) -> usize {
        cells.min(24)
    }

    fn check(&self) -> Result<(), PlanProblem> {
        if !(1..=MOST_CELLS).contains(&self.cells) {
            return Err(PlanProblem::Cells(self.cells));
        }
        if !(1..=self.cells).contains(&self.morphologies) {
            return Err(PlanProblem::Morphologies { cells: self.cells, found: self.morphologies });
        }
        for (side, found) in [("radius", self.radius_um), ("height", self.height_um)] {
            if !(found > 0.0 && found <= LARGEST_UM) {
                return Err(PlanProblem::Size { side, found });
            }
        }
        Ok(())
    }
}

/// Writes a synthetic circuit into a folder, which appears when it is complete. `progress` counts the neurons that
/// enter the report.
///
/// The folder gets `circuit_config.json` and `simulation_config.json`, which use SWC morphologies, and the same with
/// `_asc`, `_h5` and `_container` (merged h5v1) in their names; `node_sets.json`; the neurons, morphologies and cell
/// templates; `output/compartment.h5` if the plan has a report.
///
/// # Errors
/// A plan out of range; a folder that is there and not empty, or, where it may be replaced, holds anything but a synthetic circuit;
/// another run that writes it; a disk that refuses.
pub fn write(plan: &Plan, folder: &Path, existing: Existing, progress: &mut dyn FnMut(u64)) -> Result<Written> {
    plan.check()?;
    let existing = may_replace(folder, existing).in_file(folder)?;
    let staged = Staged::folder(folder, existing, contents::check)?;
    let written = write_into(plan, staged.partial(), progress)?;
    staged.commit()?;
    Ok(written)
}

/// Whether what has the folder's name may be replaced: nothing, an empty folder, or a circuit if that was asked for.
fn may_replace(folder: &Path, existing: Existing) -> Result<Existing> {
    if folder.file_name().is_none() {
        return Err(PlanProblem::NoName.into());
    }
    if folder.is_file() && existing == Existing::Replace {
        return Err(PlanProblem::NoCircuit("a file".into()).into());
    }
    let Ok(entries) = std::fs::read_dir(folder) else { return Ok(existing) };
    let mut names: Vec<String> = entries.flatten().map(|e| e.file_name().to_string_lossy().into_owned()).collect();
    names.sort_unstable();
    let circuit = names.iter().any(|name| name == "circuit_config.json");
    match existing {
        _ if names.is_empty() => Ok(Existing::Replace),
        Existing::Replace if !circuit => Err(PlanProblem::NoCircuit(listed(names, 4)).into()),
        kept => Ok(kept),
    }
}

/// Streams of random numbers: what belongs to one does not change when another part draws more of them.
mod stream {
    pub const NODES: u64 = 0;
    pub const REPORT: u64 = 1;
    pub const FIRST_MORPHOLOGY: u64 = 2;
}

fn write_into(plan: &Plan, folder: &Path, progress: &mut dyn FnMut(u64)) -> Result<Written> {
    write_text_files(plan, folder)?;
    let nodes = Nodes::draw(plan, &mut Dice::new(plan.seed, stream::NODES));
    nodes.write(plan, &made(folder.join("networks/nodes").join(POPULATION))?.join("nodes.h5"))?;
    let element_ids = write_morphologies(plan, &folder.join("components/morphologies"))?;
    let of = |m: &u32| element_ids.get(*m as usize).map_or(0, |ids| ids.len() as u64);
    let segments = nodes.morphology.iter().map(of).sum();
    if plan.report == Report::OneFrame {
        let path = made(folder.join("output"))?.join("compartment.h5");
        let mut dice = Dice::new(plan.seed, stream::REPORT);
        report::write(&path, &element_ids, &nodes.morphology, &mut dice, progress)?;
    }
    Ok(Written { segments })
}

fn write_text_files(plan: &Plan, folder: &Path) -> Result<()> {
    for variant in config::VARIANTS {
        write_json(&folder.join(format!("circuit_config{}.json", variant.suffix)), &variant.circuit())?;
        write_json(&folder.join(format!("simulation_config{}.json", variant.suffix)), &variant.simulation(plan))?;
    }
    write_json(&folder.join("node_sets.json"), &config::node_sets(plan))?;
    let hoc = made(folder.join("components/hoc"))?;
    nodes::kinds()
        .map(|(class, layer)| class.template(layer))
        .try_for_each(|name| write_text(&hoc.join(format!("{name}.hoc")), &config::template(&name)))
}

/// Morphologies grown at a time: bounds the memory.
const AT_A_TIME: usize = 256;

/// Writes every morphology in its four places, and returns the section ids of its segments.
fn write_morphologies(plan: &Plan, folder: &Path) -> Result<Vec<Vec<u32>>> {
    let [swc, ascii, h5v1] = ["swc", "ascii", "h5v1"].map(|name| folder.join(name));
    [&swc, &ascii, &h5v1].into_iter().cloned().try_for_each(|folder| made(folder).map(drop))?;
    let merged = File::create(&folder.join("merged.h5"))?;
    let mut element_ids = Vec::with_capacity(plan.morphologies);
    for first in (0..plan.morphologies).step_by(AT_A_TIME) {
        let numbers = first..plan.morphologies.min(first + AT_A_TIME);
        let neurons: Vec<Neuron> = numbers.into_par_iter().map(|number| grown(plan, number)).collect();
        neurons.par_iter().try_for_each(|neuron| {
            write_text(&swc.join(format!("{}.swc", neuron.name)), &formats::swc(neuron))?;
            write_text(&ascii.join(format!("{}.asc", neuron.name)), &formats::asc(neuron))
        })?;
        for neuron in &neurons {
            let file = File::create(&h5v1.join(format!("{}.h5", neuron.name)))?;
            formats::h5v1(neuron, &file, "/")?;
            file.close()?;
            formats::h5v1(neuron, &merged, &format!("/{}", neuron.name))?;
        }
        element_ids.extend(neurons.iter().map(layout::element_ids));
    }
    merged.close()?;
    Ok(element_ids)
}

fn grown(plan: &Plan, number: usize) -> Neuron {
    let mut dice = Dice::new(plan.seed, stream::FIRST_MORPHOLOGY + number as u64);
    Neuron::grow(&Recipe::of(number), &mut dice)
}

/// Makes a folder and those above it.
fn made(folder: PathBuf) -> Result<PathBuf> {
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
