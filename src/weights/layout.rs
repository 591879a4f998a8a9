//! Builds the file's layout from the tables' neuron lists, and checks the tables' rows against these lists.

use std::path::Path;

use super::weight_columns::WeightColumns;
use super::{SegmentSource, WeightsProblem, WeightsRequest};
use crate::electrodes::ConfiguredElectrode;
use crate::error::{Context, Error, ErrorLocation, Problem, Result, format_count};
use crate::io::paths::relative_path;
use crate::lead_field::{LeadField, OutsideField};
use crate::methods::objective_csd::{Density, Measure, RegionOverrides};
use crate::methods::{Contact, Method, SettingKind};
use crate::segments::Segments;
use crate::segments::table::{TableNeuron, TableProblem, find_circuit_file};
use crate::sonata::electrodes_file::{self, AttributeValue, PopulationLayout};
use crate::units::WEIGHT_UNIT;

/// Builds the layout of the complete output.
pub fn build_layout(request: &WeightsRequest<'_>, columns: &WeightColumns) -> Result<electrodes_file::FileLayout> {
    check_populations(request.sources)?;
    let electrodes = request.electrodes.iter().enumerate();
    let electrodes = electrodes.map(|(column, e)| contact_layout(e, columns.size_attributes(column))).collect();
    let populations = request.sources.iter().map(|s| population_layout(*s, request.output)).collect::<Result<_>>()?;
    let program = concat!("leadfield ", env!("CARGO_PKG_VERSION"));
    Ok(electrodes_file::FileLayout { electrodes, populations, provenance: vec![("program", program.into())] })
}

/// Checks that each population has only one table.
fn check_populations(sources: &[&dyn SegmentSource]) -> Result<()> {
    for (i, source) in sources.iter().enumerate() {
        let population = &source.metadata().population;
        let earlier = sources.iter().take(i).find(|s| s.metadata().population == *population);
        if let Some(first) = earlier.map(|s| s.path().display().to_string()) {
            let problem = WeightsProblem::DuplicatePopulation { population: population.clone(), first };
            return Err(Error::from(problem).in_file(source.path()));
        }
    }
    Ok(())
}

/// Returns the layout of a contact, with its method's settings as the file stores them.
fn contact_layout(
    ConfiguredElectrode { electrode, contact }: &ConfiguredElectrode,
    sizes: Vec<(&'static str, f64)>,
) -> electrodes_file::ContactLayout {
    let mut settings = if electrode.method.uses_conductivity() { medium_attributes(contact) } else { Vec::new() };
    settings.extend(sizes.into_iter().map(|(key, size)| (key, AttributeValue::Number(size))));
    settings.extend(measure_attributes(&contact.csd_region));
    settings.extend(head_attributes(electrode.method, contact));
    settings.extend(contact.lead_field.iter().flat_map(|field| lead_field_attributes(field, contact.outside_field)));
    let reference = electrode.settings.reference.as_ref();
    settings.extend(reference.map(|reference| ("reference", AttributeValue::Text(reference.to_string()))));
    let unit = electrodes_file::method_unit(electrode.method, contact.csd_region.density);
    electrodes_file::ContactLayout {
        name: electrode.name.clone(),
        position_um: electrode.position_um,
        kind: electrode.method.name().into(),
        layer: electrode.layer.clone(),
        region: electrode.region.clone(),
        settings,
        units: (unit != WEIGHT_UNIT).then(|| unit.to_string()),
    }
}

/// Returns the settings of a contact in a medium.
fn medium_attributes(contact: &Contact) -> Vec<(&'static str, AttributeValue)> {
    let conductivity = match contact.conductivity.isotropic_s_per_m() {
        Some(sigma) => AttributeValue::Number(sigma),
        None => AttributeValue::Numbers(contact.conductivity.components_s_per_m().into()),
    };
    let boundary = contact.boundary.map(|boundary| boundary.with_side_of(contact.position_um).to_string());
    let boundary = boundary.or_else(|| Some(contact.slice?.to_string()));
    let boundary = boundary.map(|boundary| ("boundary", AttributeValue::Text(boundary)));
    let normal = contact.disc.map(|disc| ("disc_normal", AttributeValue::Numbers(disc.normal.to_array().into())));
    let always = [("conductivity_S_per_m", conductivity), ("near_field", contact.near_field.name().into())];
    always.into_iter().chain(boundary).chain(normal).collect()
}

/// Returns the settings of a contact's head, coil and dipole axis that its method uses.
fn head_attributes(method: &dyn Method, contact: &Contact) -> Vec<(&'static str, AttributeValue)> {
    let head = contact.head.to_head().ok();
    let numbers = |values: &[f64]| AttributeValue::Numbers(values.into());
    let attribute = |setting: &SettingKind| {
        let value = match setting {
            SettingKind::HeadCenter => numbers(&head?.center_um.to_array()),
            SettingKind::HeadRadii => numbers(&head?.radii_um),
            SettingKind::HeadConductivities => numbers(&head?.conductivities_s_per_m),
            SettingKind::CoilNormal => numbers(&contact.coil_normal?.to_array()),
            SettingKind::DipoleAxis => contact.dipole_axis?.name().into(),
            _ => return None,
        };
        Some((setting.key(), value))
    };
    method.accepted_settings().iter().filter_map(attribute).collect()
}

/// Returns what is measured in a region, if it is not the midpoint alone.
fn measure_attributes(region: &RegionOverrides) -> impl Iterator<Item = (&'static str, AttributeValue)> {
    let length = (region.measure == Measure::Length).then(|| ("measure", AttributeValue::from("length")));
    let density = (region.density == Density::PerVolume).then(|| ("per_volume", AttributeValue::from("true")));
    length.into_iter().chain(density)
}

/// Returns the settings of the lead field from which a contact's weights are computed.
fn lead_field_attributes(field: &LeadField, outside: OutsideField) -> Vec<(&'static str, AttributeValue)> {
    let file = field.path().display().to_string();
    let placement = field.placement().map(|to| {
        let numbers = [&to.rotation.to_array()[..], &to.translation.to_array()].concat();
        ("field_transform", AttributeValue::Numbers(numbers))
    });
    let zero = (outside == OutsideField::Zero).then(|| ("outside_field", AttributeValue::from("zero")));
    let always = [("field", AttributeValue::Text(file)), ("current_nA", AttributeValue::Number(field.current_na()))];
    always.into_iter().chain(placement).chain(zero).collect()
}

/// Returns the neurons of a table: node ids ascending, rows from 0 without gaps.
pub fn neurons_in_row_order(source: &dyn SegmentSource) -> Result<Vec<TableNeuron>> {
    let mut neurons: Vec<TableNeuron> =
        (0..source.part_count()).flat_map(|part| source.part_neurons(part)).copied().collect();
    neurons.sort_unstable_by_key(|n| n.node_id);
    let mut rows = 0;
    for (i, neuron) in neurons.iter().enumerate() {
        let before = i.checked_sub(1).and_then(|j| neurons.get(j));
        let followed = next_first_row(before, neuron, rows);
        rows = followed.map_err(|problem| node_error(source.path(), neuron.node_id, problem))?;
    }
    Ok(neurons)
}

/// Returns a population's nodes and rows.
fn population_layout(source: &dyn SegmentSource, output: &Path) -> Result<PopulationLayout> {
    let neurons = neurons_in_row_order(source)?;
    let offsets = std::iter::once(0).chain(neurons.iter().map(|n| n.first_row + n.segments)).collect();
    let metadata = source.metadata();
    if metadata.population.is_empty() {
        return Err(TableProblem::NoPopulation).in_file(source.path());
    }
    let mut provenance = vec![
        ("circuit", circuit_path_from(output, source).as_str().into()),
        ("discretisation", metadata.discretisation.as_str().into()),
        ("axon", metadata.axon_rule.as_str().into()),
        ("table_program_version", metadata.program_version.as_str().into()),
    ];
    if !metadata.assumed_rule.is_empty() {
        provenance.push(("assumed", metadata.assumed_rule.as_str().into()));
    }
    let node_ids = neurons.iter().map(|n| n.node_id).collect();
    Ok(PopulationLayout { name: metadata.population.clone(), node_ids, offsets, provenance })
}

/// Returns the path of a source's circuit from the folder of the output; as the source states it if it does not exist.
fn circuit_path_from(output: &Path, source: &dyn SegmentSource) -> String {
    let stated = &source.metadata().circuit_path;
    let folder = output.parent().unwrap_or(Path::new(""));
    let found = find_circuit_file(source.path(), stated).and_then(|circuit| relative_path(folder, &circuit));
    found.map_or_else(|| stated.clone(), |path| path.display().to_string())
}

/// Returns the row after a neuron whose rows must follow the rows before it.
fn next_first_row(before: Option<&TableNeuron>, neuron: &TableNeuron, expected: u64) -> Result<u64, WeightsProblem> {
    if before.is_some_and(|b| b.node_id == neuron.node_id) {
        return Err(WeightsProblem::DuplicateNeuron);
    }
    let found = neuron.first_row;
    let behind = (found == expected).then(|| found.checked_add(neuron.segments)).flatten();
    behind.ok_or(WeightsProblem::FirstRow { expected, found })
}

/// Checks that a part's rows match its neuron list.
pub fn check_rows(path: &Path, neurons: &[TableNeuron], segments: &Segments) -> Result<()> {
    let mut views = segments.neurons();
    let mut rows = segments.row.iter();
    for listed in neurons {
        let found = views.next().and_then(|v| Some((v.node_id()?, v.len() as u64)));
        check_neuron(listed, found, &mut rows).map_err(|problem| node_error(path, listed.node_id, problem))?;
    }
    match views.next().and_then(|v| v.node_id()) {
        None => Ok(()),
        Some(id) => Err(node_error(path, id, rows_mismatch("no further node", format!("node {id}")))),
    }
}

/// Checks one neuron: the same node, the same number of segments, rows that count up.
fn check_neuron<'a>(
    listed: &TableNeuron,
    found: Option<(u64, u64)>,
    rows: &mut impl Iterator<Item = &'a u64>,
) -> Result<(), WeightsProblem> {
    let describe = |(node, segments): (u64, u64)| format!("node {node} with {}", format_count(segments, "segment"));
    let expected = (listed.node_id, listed.segments);
    if found != Some(expected) {
        return Err(rows_mismatch(&describe(expected), found.map_or("no node".into(), describe)));
    }
    // the layout has checked that these do not overflow
    for (row, &found) in (listed.first_row..listed.first_row + listed.segments).zip(rows) {
        if found != row {
            return Err(rows_mismatch(&format!("row {row}"), format!("row {found}")));
        }
    }
    Ok(())
}

fn rows_mismatch(expected: &str, found: String) -> WeightsProblem {
    WeightsProblem::Rows { expected: expected.into(), found }
}

/// Creates the error of a node in a table.
pub fn node_error(path: &Path, node: u64, problem: impl Problem) -> Error {
    Error::new(ErrorLocation::file(path).with_item("node").with_index(node), problem)
}
