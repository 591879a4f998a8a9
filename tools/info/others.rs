//! Describes the other kinds of files: what they contain, and which tool reads them.

use std::collections::BTreeMap;
use std::path::Path;

use leadfield::Result;
use leadfield::convert::bluerecording::{self, NeuronPositions};
use leadfield::convert::columnar::ColumnarFile;
use leadfield::convert::weight_table::BatchSource;
use leadfield::error::{Context, FileProblem, format_count, join_quoted};
use leadfield::file_kind::FileKind;
use leadfield::geometry::Aabb;
use leadfield::io::checkpoint::{OutputPlan, format_units};
use leadfield::io::hdf5::Hdf5File;
use leadfield::lead_field::{self, LeadFieldRequest, Quantity};
use leadfield::morphology::{self, Morphology, MorphologyFormat};
use leadfield::sonata::node_sets::NodeSets;
use serde_json::json;

use super::{Facts, find_unfinished_run, format_bytes};

/// Maximum number of names that are listed.
const MAX_LISTED_NAMES: usize = 12;

/// Describes a file of a kind that has no description of its own.
pub(super) fn collect_facts(path: &Path, kind: FileKind) -> Result<Facts> {
    let mut facts = Facts::default();
    if is_unfinished(path) {
        add_progress(&mut facts, path, kind)?;
    } else {
        facts.add("kind", kind.name());
    }
    if path.is_file() {
        facts.add("size", format_bytes(path.metadata().map_or(0, |m| m.len())));
    }
    match kind {
        FileKind::CompartmentReport | FileKind::LfpReport => add_report(&mut facts, path)?,
        FileKind::Nodes | FileKind::Edges => add_populations(&mut facts, path, kind)?,
        FileKind::NodeSets => {
            let sets = NodeSets::open([path])?;
            let names = sets.names();
            facts.add("node sets", format!("{}: {}", names.len(), join_quoted(&names, MAX_LISTED_NAMES)));
        }
        FileKind::SwcMorphology => add_morphology(&mut facts, &morphology::read(path, MorphologyFormat::Swc)?),
        FileKind::AscMorphology => add_morphology(&mut facts, &morphology::read(path, MorphologyFormat::Asc)?),
        FileKind::H5Morphology => add_morphology(&mut facts, &morphology::read(path, MorphologyFormat::H5v1)?),
        FileKind::MorphologyContainer | FileKind::OtherHdf5 => {
            let names = Hdf5File::open(path)?.member_names("/")?;
            let what = if kind == FileKind::OtherHdf5 { "objects" } else { "morphologies" };
            facts.add(what, format!("{}: {}", names.len(), join_quoted(&names, MAX_LISTED_NAMES)));
        }
        FileKind::LeadField | FileKind::LeadFieldPoints => add_lead_field(&mut facts, path)?,
        FileKind::Pickle | FileKind::Boundaries => add_positions(&mut facts, &bluerecording::read(path)?),
        FileKind::WeightColumns | FileKind::ParquetColumns | FileKind::ArrowColumns => {
            let schema = ColumnarFile::open(path)?.schema();
            for field in schema.fields() {
                facts.add(format!("column {}", field.name()), field.data_type());
            }
        }
        FileKind::NodeTypes => {
            let text = std::fs::read_to_string(path).map_err(FileProblem::Read).in_file(path)?;
            facts.add("columns", text.lines().next().unwrap_or_default());
            facts.add("types", text.lines().skip(1).filter(|line| !line.trim().is_empty()).count());
        }
        FileKind::Compressed(compression) => facts.add("decompress with", compression.program()),
        FileKind::SegmentTables | FileKind::OtherFolder | FileKind::AtlasFolder => add_folder(&mut facts, path)?,
        _ => {}
    }
    if let Some(use_text) = describe_use(kind).filter(|_| !is_unfinished(path)) {
        facts.add("used by", use_text);
    }
    Ok(facts)
}

/// Returns whether a file is the unfinished output of a run, by its name.
fn is_unfinished(path: &Path) -> bool {
    path.is_file() && path.extension().is_some_and(|ending| ending == "partial")
}

/// Adds the progress of the run that writes a file in blocks of frames.
fn add_progress(facts: &mut Facts, path: &Path, kind: FileKind) -> Result<()> {
    facts.add("kind", format!("{}, unfinished", kind.name()));
    let Some(checkpoint) = find_unfinished_run(path)? else {
        facts.add("progress", "unknown: its checkpoint is missing");
        return Ok(());
    };
    let (done, _) = checkpoint.progress()?;
    let OutputPlan { program, inputs, units, .. } = checkpoint.plan();
    let progress = format!("{done} of {}", format_units(*units));
    facts.add_with("progress", progress, json!({ "parts": done, "of_parts": units }));
    facts.add("begun by", format!("{program}, inputs {inputs:016x}"));
    Ok(())
}

/// Returns where a kind of file is used.
fn describe_use(kind: FileKind) -> Option<&'static str> {
    Some(match kind {
        FileKind::CompartmentReport => "`positions`, through the simulation configuration that names it; `convert`",
        FileKind::LfpReport => "`plot signals`, `report --signals`, `signals`, `convert`",
        FileKind::Nodes
        | FileKind::NodeTypes
        | FileKind::NodeSets
        | FileKind::SwcMorphology
        | FileKind::AscMorphology
        | FileKind::H5Morphology
        | FileKind::MorphologyContainer
        | FileKind::CellTemplate => "`positions`, through the circuit configuration that names it",
        FileKind::LeadField | FileKind::LeadFieldPoints => "`weights --fields`, `query --field`",
        FileKind::Pickle | FileKind::Boundaries => "`convert`, `validate positions`",
        FileKind::WeightColumns => "`convert`",
        FileKind::SegmentIndex => "`query --index`",
        FileKind::AtlasFolder | FileKind::Voxels | FileKind::RegionHierarchy => "`electrodes --atlas`, by its folder",
        FileKind::SegmentTables => "`weights`, each table by its name",
        FileKind::Edges | FileKind::OtherHdf5 | FileKind::ParquetColumns | FileKind::OtherFolder => "no tool",
        _ => return None,
    })
}

fn add_report(facts: &mut Facts, path: &Path) -> Result<()> {
    let file = Hdf5File::open(path)?;
    for population in file.member_names("/report")? {
        let at = |name: &str| format!("/report/{population}/{name}");
        let nodes = file.length(&at("mapping/node_ids"))? as u64;
        let shape = file.shape(&at("data"))?;
        let counted = |axis: usize, noun: &str| format_count(shape.get(axis).copied().unwrap_or(0) as u64, noun);
        let (frames, elements) = (counted(0, "frame"), counted(1, "element"));
        facts.add(format!("population {population}"), format!("{}, {elements}, {frames}", format_count(nodes, "node")));
        if let [start, end, step] = file.read_floats(&at("mapping/time"))?[..] {
            facts.add(format!("{population}: time"), format!("{start} to {end} ms, step {step} ms"));
        }
        if let Some(unit) = file.read_string_attribute(&at("data"), "units") {
            facts.add(format!("{population}: units"), unit);
        }
        // what `signals` adds to a report
        for (dataset, name) in
            [("contact_names", "contacts"), ("contact_units", "units of contacts"), ("group_names", "groups")]
        {
            let object = at(&format!("mapping/{dataset}"));
            if file.has_object(&object) {
                let texts = file.read_strings(&object)?;
                let listed = format!("{}: {}", texts.len(), join_quoted(&texts, MAX_LISTED_NAMES));
                facts.add(format!("{population}: {name}"), listed);
            }
        }
        file.check_strings()?;
    }
    Ok(())
}

/// Lists the populations of nodes or edges with their sizes and attributes.
fn add_populations(facts: &mut Facts, path: &Path, kind: FileKind) -> Result<()> {
    let file = Hdf5File::open(path)?;
    let (group, types, noun) = match kind {
        FileKind::Nodes => ("nodes", "node_type_id", "node"),
        _ => ("edges", "edge_type_id", "edge"),
    };
    for population in file.member_names(&format!("/{group}"))? {
        let at = |name: &str| format!("/{group}/{population}/{name}");
        let count = if file.is_dataset(&at(types)) { file.length(&at(types))? as u64 } else { 0 };
        facts.add(format!("population {population}"), format_count(count, noun));
        if file.has_object(&at("0")) {
            let names = file.member_names(&at("0"))?;
            let attributes = names.iter().filter(|name| !name.starts_with('@'));
            facts.add(format!("{population}: attributes"), join_quoted(attributes, 40));
        }
    }
    Ok(())
}

fn add_morphology(facts: &mut Facts, morphology: &Morphology) {
    let mut kinds: BTreeMap<&str, (u64, f64)> = BTreeMap::new();
    for section in &morphology.sections {
        let (number, length_um) = kinds.entry(section.kind.name()).or_default();
        *number += 1;
        *length_um += section.length_um();
    }
    let points: usize = morphology.sections.iter().map(|section| section.points.len()).sum();
    facts.add("points", points);
    for (kind, (number, length_um)) in kinds {
        facts.add(kind, format!("{}, {length_um:.1} \u{b5}m", format_count(number, "section")));
    }
    let points = morphology.sections.iter().flat_map(|section| section.wide_points());
    facts.add("bounds", Aabb::enclosing(points));
}

/// Describes a lead field: its quantities and their bounds. Only values near the origin are read.
fn add_lead_field(facts: &mut Facts, path: &Path) -> Result<()> {
    let request = |quantities| LeadFieldRequest {
        quantities,
        lookup_bounds: Aabb::enclosing([leadfield::geometry::Point::ORIGIN]),
        placement: None,
        current_na: None,
    };
    let (mut found, mut first_error) = (0, None);
    for (quantity, name) in [(Quantity::Potential, "potential"), (Quantity::ElectricField, "electric field")] {
        // a file of points has no current of its own
        let without_current = LeadFieldRequest { current_na: Some(1.0), ..request(&[]) };
        let wanted = [quantity];
        match lead_field::read(path, &LeadFieldRequest { quantities: &wanted, ..without_current }) {
            Ok(field) => {
                found += 1;
                let bounds = field.bounds(quantity).map_or_else(|| "unknown".into(), |bounds| bounds.to_string());
                facts.add(name, bounds);
            }
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    match (found, first_error) {
        (0, Some(error)) => Err(error),
        _ => Ok(()),
    }
}

fn add_positions(facts: &mut Facts, neurons: &[NeuronPositions]) {
    facts.add("neurons", neurons.len());
    facts.add("sections", neurons.iter().map(|neuron| neuron.sections().count()).sum::<usize>());
    facts.add("segments", neurons.iter().map(NeuronPositions::segment_count).sum::<u64>());
    let points = neurons.iter().flat_map(|neuron| neuron.sections()).flat_map(|section| section.points.iter().copied());
    facts.add("bounds", Aabb::enclosing(points));
}

fn add_folder(facts: &mut Facts, path: &Path) -> Result<()> {
    let entries = std::fs::read_dir(path).map_err(FileProblem::Read).in_file(path)?;
    let mut names: Vec<String> = entries.flatten().map(|e| e.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    facts.add("content", format!("{}: {}", names.len(), join_quoted(&names, MAX_LISTED_NAMES)));
    Ok(())
}
