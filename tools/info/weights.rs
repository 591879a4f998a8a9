//! Describes an electrodes file.

use std::collections::BTreeMap;
use std::path::Path;

use leadfield::Result;
use leadfield::error::{format_count, join_quoted};
use leadfield::geometry::Aabb;
use leadfield::io::hdf5::Hdf5File;
use leadfield::sonata::electrodes_file::{
    ContactDescription, ContactEntry, ElectrodesFile, PopulationEntry, scaling_factors_path,
};
use leadfield::units::WEIGHT_UNIT;

use super::{Facts, add_progress, find_unfinished_run, format_bytes};

/// Maximum number of contact names that are listed.
const MAX_LISTED_NAMES: usize = 6;

/// Lists contacts, populations and provenance.
pub(super) fn collect_facts(path: &Path) -> Result<Facts> {
    let file = Hdf5File::open(path)?;
    let electrodes = ElectrodesFile::open_unfinished(path)?;
    let mut facts = Facts::default();
    match find_unfinished_run(path)? {
        None if path.extension().is_some_and(|ending| ending == "partial") => {
            facts.add("kind", "electrodes file, unfinished");
            facts.add("progress", "unknown: its checkpoint is missing");
        }
        None => facts.add("kind", "electrodes file"),
        Some(record) => add_progress(&mut facts, "electrodes file, unfinished", &record)?,
    }
    let size = path.metadata().map_or(0, |m| m.len());
    facts.add_with("size", format_bytes(size), size);
    add_contacts(&mut facts, &file, &electrodes)?;
    for population in electrodes.populations() {
        add_population(&mut facts, &file, &electrodes, population);
    }
    read_attributes(&file, "/").into_iter().for_each(|(name, value)| facts.add(name, value));
    file.check_strings()?;
    file.check_attributes()?;
    Ok(facts)
}

fn add_contacts(facts: &mut Facts, file: &Hdf5File, electrodes: &ElectrodesFile) -> Result<()> {
    let mut contacts = electrodes.read_descriptions()?;
    let first = electrodes.populations().first().map(PopulationEntry::name).unwrap_or_default();
    contacts.sort_by_key(|(c, _)| c.column(first).unwrap_or(u64::MAX));
    facts.add(
        "contacts",
        format!("{}: {}", contacts.len(), join_quoted(contacts.iter().map(|(c, _)| &c.name), MAX_LISTED_NAMES)),
    );
    let bounds = Aabb::enclosing(contacts.iter().filter_map(|(_, description)| description.position_um));
    facts.add_bounds(&bounds, "no positions");
    let mut methods: BTreeMap<String, u64> = BTreeMap::new();
    for (contact, description) in &contacts {
        *methods.entry(describe_method(file, electrodes, contact, description)?).or_default() += 1;
    }
    methods
        .into_iter()
        .for_each(|(method, n)| facts.add("method", format!("{method}: {}", format_count(n, "contact"))));
    Ok(())
}

/// Describes a contact's method, its settings, and the unit of its column if it differs from that of the dataset.
fn describe_method(
    file: &Hdf5File,
    electrodes: &ElectrodesFile,
    contact: &ContactEntry,
    description: &ContactDescription,
) -> Result<String> {
    let settings = read_attributes(file, &format!("/electrodes/{}/type", contact.name));
    let settings = settings.into_iter().map(|(name, value)| format!(", {name} {value}"));
    let mut method = description.kind.clone().unwrap_or_else(|| "unknown".into()) + &settings.collect::<String>();
    if let Some(population) = electrodes.populations().first() {
        let unit = electrodes.column_unit(population, &contact.name)?;
        if unit != population.units().unwrap_or(WEIGHT_UNIT) {
            method += &format!(", units {unit}");
        }
    }
    Ok(method)
}

fn add_population(facts: &mut Facts, file: &Hdf5File, electrodes: &ElectrodesFile, population: &PopulationEntry) {
    let (name, columns) = (population.name(), population.columns());
    let used = electrodes.electrodes().iter().filter(|e| e.column(name).is_some()).count() as u64;
    let extra = match columns.saturating_sub(used) {
        0 => String::new(),
        n => format!(", {n} of them without a contact"),
    };
    let nodes = format_count(population.node_ids().len() as u64, "node");
    let rows = format_count(population.rows(), "row");
    facts.add(format!("population {name}"), format!("{nodes}, {rows}, {}{extra}", format_count(columns, "column")));
    facts.add(format!("{name}: units"), population.units().unwrap_or("not stated"));
    if let Err(error) = file.check_filters(&scaling_factors_path(name)) {
        let compression =
            file.storage(&scaling_factors_path(name)).map(|s| s.compression.join(", ")).unwrap_or_default();
        let hint = error.hint().unwrap_or_default();
        facts.add(format!("{name}: compression"), format!("{compression}, which is not supported here: {hint}"));
    }
    for (attribute, value) in read_attributes(file, &format!("/{name}")) {
        facts.add(format!("{name}: {attribute}"), value);
    }
}

/// Returns the attributes that are text or numbers, sorted by name.
fn read_attributes(file: &Hdf5File, object: &str) -> Vec<(String, String)> {
    let mut names = file.attribute_names(object);
    names.sort_unstable();
    let words = |list: Vec<f64>| list.iter().map(f64::to_string).collect::<Vec<_>>().join(" ");
    let numbers = |name: &str| file.read_list_attribute(object, name).map(words);
    let value = |name: &String| file.read_string_attribute(object, name).or_else(|| numbers(name));
    names.into_iter().filter_map(|name| value(&name).map(|v| (name, v))).collect()
}
