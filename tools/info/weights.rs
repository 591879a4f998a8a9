//! What an electrodes file holds.

use std::collections::BTreeMap;
use std::path::Path;

use leadfield::Result;
use leadfield::error::{Problem, count, listed};
use leadfield::geometry::Aabb;
use leadfield::io::hdf5::File;
use leadfield::sonata::electrodes_file::{Description, ElectrodeEntry, ElectrodesFile, Population, scaling_factors};
use leadfield::units::COEFFICIENT_UNIT;

use super::{Facts, add_progress, bytes, unfinished};

/// Names of contacts that are spelt out.
const NAMES: usize = 6;

/// An HDF5 file of another kind.
#[derive(Debug, thiserror::Error)]
#[error("no electrodes file, expected a group `electrodes`, found {0}")]
struct NoElectrodes(String);

impl Problem for NoElectrodes {
    fn hint(&self) -> Option<String> {
        Some("of a circuit or a report, name the configuration (JSON)".into())
    }
}

/// Contacts, populations, provenance.
pub(super) fn facts(path: &Path) -> Result<Facts> {
    let file = File::open(path)?;
    if !file.has("/electrodes") {
        return Err(file.error("/", NoElectrodes(listed(file.members("/")?, 12))));
    }
    let electrodes = ElectrodesFile::open(path)?;
    let mut facts = Facts::default();
    match unfinished(path)? {
        None => facts.add("kind", "electrodes file"),
        Some(record) => add_progress(&mut facts, "electrodes file, unfinished", &record),
    }
    facts.add("size", bytes(path.metadata().map_or(0, |m| m.len())));
    add_contacts(&mut facts, &file, &electrodes)?;
    for population in electrodes.populations() {
        add_population(&mut facts, &file, &electrodes, population);
    }
    attributes(&file, "/").into_iter().for_each(|(name, value)| facts.add(name, value));
    file.check_attributes()?;
    Ok(facts)
}

fn add_contacts(facts: &mut Facts, file: &File, electrodes: &ElectrodesFile) -> Result<()> {
    let mut contacts = electrodes.descriptions()?;
    let first = electrodes.populations().first().map(Population::name).unwrap_or_default();
    contacts.sort_by_key(|(c, _)| c.column(first).unwrap_or(u64::MAX));
    facts.add("contacts", format!("{}: {}", contacts.len(), listed(contacts.iter().map(|(c, _)| &c.name), NAMES)));
    let bounds = Aabb::of(contacts.iter().filter_map(|(_, told)| told.position));
    facts.add("bounds", if bounds.is_empty() { "no positions".into() } else { bounds.to_string() });
    let mut methods: BTreeMap<String, u64> = BTreeMap::new();
    for (contact, told) in &contacts {
        *methods.entry(method(file, electrodes, contact, told)?).or_default() += 1;
    }
    methods.into_iter().for_each(|(method, n)| facts.add("method", format!("{method}: {}", count(n, "contact"))));
    Ok(())
}

/// A contact's method, its settings, and the unit of its column where that is not the unit of the whole dataset.
fn method(file: &File, electrodes: &ElectrodesFile, contact: &ElectrodeEntry, told: &Description) -> Result<String> {
    let settings = attributes(file, &format!("/electrodes/{}/type", contact.name));
    let settings = settings.into_iter().map(|(name, value)| format!(", {name} {value}"));
    let mut method = told.kind.clone().unwrap_or_else(|| "unknown".into()) + &settings.collect::<String>();
    if let Some(population) = electrodes.populations().first() {
        let unit = electrodes.column_unit(population, &contact.name)?;
        if unit != population.units().unwrap_or(COEFFICIENT_UNIT) {
            method += &format!(", units {unit}");
        }
    }
    Ok(method)
}

fn add_population(facts: &mut Facts, file: &File, electrodes: &ElectrodesFile, population: &Population) {
    let (name, columns) = (population.name(), population.columns());
    let used = electrodes.electrodes().iter().filter(|e| e.column(name).is_some()).count() as u64;
    let extra = match columns.saturating_sub(used) {
        0 => String::new(),
        n => format!(", {n} of them of no contact"),
    };
    let nodes = count(population.node_ids().len() as u64, "node");
    let rows = count(population.rows(), "row");
    facts.add(format!("population {name}"), format!("{nodes}, {rows}, {}{extra}", count(columns, "column")));
    facts.add(format!("{name}: units"), population.units().unwrap_or("not stated"));
    if let Err(error) = file.check_filters(&scaling_factors(name)) {
        let compression = file.storage(&scaling_factors(name)).map(|s| s.compression.join(", ")).unwrap_or_default();
        let hint = error.hint().unwrap_or_default();
        facts.add(format!("{name}: compression"), format!("{compression}, which cannot be undone here: {hint}"));
    }
    for (attribute, value) in attributes(file, &format!("/{name}")) {
        facts.add(format!("{name}: {attribute}"), value);
    }
}

/// Attributes that are text or numbers, sorted by name.
fn attributes(file: &File, object: &str) -> Vec<(String, String)> {
    let mut names = file.attribute_names(object);
    names.sort_unstable();
    let words = |list: Vec<f64>| list.iter().map(f64::to_string).collect::<Vec<_>>().join(" ");
    let numbers = |name: &str| file.list_attribute(object, name).map(words);
    let value = |name: &String| file.string_attribute(object, name).or_else(|| numbers(name));
    names.into_iter().filter_map(|name| value(&name).map(|v| (name, v))).collect()
}
