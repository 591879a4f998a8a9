//! Describes the settings of contacts' methods: those that all contacts of a method share once, the others by contact.

use std::collections::BTreeMap;

use crate::io::hdf5::Hdf5File;
use crate::sonata::electrodes_file::{AttributeValue, read_settings};

/// The attribute with the conductivity.
pub const CONDUCTIVITY: &str = "conductivity_S_per_m";

/// Settings of some contacts.
#[derive(Default)]
pub struct ContactSettings {
    /// For each method with settings: its name, and the settings that all its contacts share.
    pub shared: Vec<(String, String)>,
    /// For each contact: the settings that not all contacts of its method share.
    pub individual: Vec<String>,
}

impl ContactSettings {
    /// Reads the settings of contacts, each given by name and method.
    pub fn read(file: &Hdf5File, contacts: &[(&str, Option<&str>)]) -> Self {
        let described =
            contacts.iter().map(|(name, kind)| (kind.unwrap_or("unknown type"), describe_settings(file, name)));
        Self::split_shared(&described.collect::<Vec<_>>())
    }

    fn split_shared(contacts: &[(&str, Vec<String>)]) -> Self {
        let mut shared: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (kind, own) in contacts {
            shared.entry(kind).and_modify(|all| all.retain(|s| own.contains(s))).or_insert_with(|| own.clone());
        }
        let own = |(kind, own): &(&str, Vec<String>)| {
            let rest = own.iter().filter(|s| !shared.get(kind).is_some_and(|all| all.contains(s)));
            rest.cloned().collect::<Vec<_>>().join(", ")
        };
        let own = contacts.iter().map(own).collect();
        let shared = shared.into_iter().filter(|(_, all)| !all.is_empty());
        Self { shared: shared.map(|(kind, all)| (kind.into(), all.join(", "))).collect(), individual: own }
    }
}

/// Describes each setting of a contact: `conductivity 0.3 S/m`.
fn describe_settings(file: &Hdf5File, contact: &str) -> Vec<String> {
    read_settings(file, contact).into_iter().map(|(key, value)| describe_setting(key, &value)).collect()
}

fn describe_setting(key: &str, value: &AttributeValue) -> String {
    let (name, unit) = match key {
        CONDUCTIVITY => ("conductivity", " S/m"),
        "radius" | "thickness" => (key, " \u{b5}m"),
        "disc_radius" => ("disc radius", " \u{b5}m"),
        "current_nA" => ("current", " nA"),
        "field" => ("lead field", ""),
        _ => (key, ""),
    };
    let value = match value {
        AttributeValue::Text(text) => text.clone(),
        AttributeValue::Number(v) => v.to_string(),
        AttributeValue::Numbers(list) => list.iter().map(f64::to_string).collect::<Vec<_>>().join(" "),
    };
    format!("{} {value}{unit}", name.replace('_', " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_shared_by_all_contacts_of_a_method_are_listed_once() {
        let all = |own: &[&str]| own.iter().map(|s| s.to_string()).collect::<Vec<_>>();
        let contacts = [
            ("LineSource", all(&["conductivity 0.3 S/m", "reference b"])),
            ("LineSource", all(&["conductivity 0.3 S/m"])),
            ("ObjectiveCSD_Sphere", all(&["radius 80 \u{b5}m"])),
            ("Magic", all(&[])),
        ];
        let found = ContactSettings::split_shared(&contacts);
        let shared = [("LineSource", "conductivity 0.3 S/m"), ("ObjectiveCSD_Sphere", "radius 80 \u{b5}m")];
        assert_eq!(found.shared, shared.map(|(kind, all)| (kind.to_string(), all.to_string())));
        assert_eq!(found.individual, ["reference b", "", "", ""]);
    }

    #[test]
    fn settings_have_names_and_units() {
        let describe = |key: &str, value: AttributeValue| describe_setting(key, &value);
        assert_eq!(
            describe("conductivity_S_per_m", AttributeValue::Numbers(vec![0.3, 0.4, 0.3])),
            "conductivity 0.3 0.4 0.3 S/m"
        );
        assert_eq!(describe("near_field", "radius".into()), "near field radius");
        assert_eq!(describe("field", "head.h5".into()), "lead field head.h5");
        assert_eq!(describe("thickness", AttributeValue::Number(12.5)), "thickness 12.5 \u{b5}m");
    }
}
