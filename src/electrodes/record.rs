//! Converts the keys and values of one contact, from any file format, to an electrode.

use std::collections::HashMap;

use super::length_unit::{self, LengthUnit};
use super::raw_value::RawValue;
use super::settings::{self, ElectrodeSettings, Reference};
use super::{Electrode, ElectrodeProblem, electrode_type};
use crate::error::{Context, Result, join_quoted};
use crate::geometry::Point;
use crate::methods::medium::Axis;
use crate::methods::{SettingKind, WeightQuantity, current_dipole};

/// Keys that every contact must have.
pub(super) const REQUIRED_KEYS: [&str; 4] = ["name", "x", "y", "z"];

/// Keys that a contact may have in addition to its settings.
pub(super) const OPTIONAL_KEYS: [&str; 3] = ["layer", "region", "type"];

/// Layer and region if they are not given.
pub const UNKNOWN_REGION: &str = "NA";

/// The type if it is not given.
pub(super) const DEFAULT_TYPE: &str = "LineSource";

/// Returns all keys.
pub(super) fn all_keys() -> impl Iterator<Item = &'static str> {
    REQUIRED_KEYS.into_iter().chain(OPTIONAL_KEYS).chain(settings::SETTING_KEYS)
}

/// Returns the key with a name; `None` for unknown names.
pub(super) fn find_key(name: &str) -> Option<&'static str> {
    all_keys().find(|key| *key == name)
}

/// The values of one contact, without empty cells and nulls.
#[derive(Debug, Default)]
pub(super) struct ElectrodeRecord<'a> {
    values: Vec<(&'static str, RawValue<'a>)>,
    /// The unit of lengths whose key is not in `own_units`.
    default_unit: LengthUnit,
    /// The units that names of columns state.
    own_units: &'a [(&'static str, LengthUnit)],
}

impl<'a> ElectrodeRecord<'a> {
    /// Creates a record without values, whose lengths have these units.
    pub fn with_units(default_unit: LengthUnit, own_units: &'a [(&'static str, LengthUnit)]) -> Self {
        Self { values: Vec::new(), default_unit, own_units }
    }

    /// Adds a value, unless it is an empty cell or null.
    pub fn insert(&mut self, key: &'static str, field: RawValue<'a>) {
        if !field.is_empty() || key == "name" {
            self.values.push((key, field));
        }
    }

    fn get(&self, key: &str) -> Option<RawValue<'a>> {
        self.values.iter().find(|(k, _)| *k == key).map(|(_, field)| *field)
    }

    fn unit(&self, key: &str) -> LengthUnit {
        self.own_units.iter().find(|(k, _)| *k == key).map_or(self.default_unit, |(_, unit)| *unit)
    }

    fn parse_coordinate_um(&self, key: &'static str) -> Result<f64, ElectrodeProblem> {
        let nothing = || ElectrodeProblem::Value { key, expected: "a number", found: "nothing".into() };
        let field = self.get(key).ok_or_else(nothing)?;
        match field.parse_number(key)? * self.unit(key).micrometers() {
            position if position.is_finite() => Ok(position),
            _ => Err(field.unexpected_value(key, "a finite number")),
        }
    }

    fn parse_text_or(&self, key: &'static str, default: &str) -> Result<String, ElectrodeProblem> {
        self.get(key).map_or_else(|| Ok(default.into()), |field| field.parse_text(key))
    }

    fn parse_name(&self) -> Result<String, ElectrodeProblem> {
        let name = self.get("name").map(|field| field.parse_label("name")).transpose()?.unwrap_or_default();
        check_name(&name)?;
        Ok(name)
    }

    /// Parses the settings of the contact.
    pub fn parse_settings(&self) -> Result<ElectrodeSettings, ElectrodeProblem> {
        length_unit::convert_settings(ElectrodeSettings::from_values(|key| self.get(key))?, |key| self.unit(key))
    }

    fn to_electrode(&self) -> Result<Electrode> {
        let name = self.parse_name()?;
        let position =
            Point::new(self.parse_coordinate_um("x")?, self.parse_coordinate_um("y")?, self.parse_coordinate_um("z")?);
        let kind = self.parse_text_or("type", DEFAULT_TYPE)?;
        let kind = electrode_type::parse(&kind)?;
        let settings = kind.add_sizes_to(self.parse_settings()?)?;
        let (layer, region) =
            (self.parse_text_or("layer", UNKNOWN_REGION)?, self.parse_text_or("region", UNKNOWN_REGION)?);
        Ok(Electrode { name, position_um: position, method: kind.find_method()?, layer, region, settings })
    }
}

/// Checks that a name is valid for an HDF5 group.
pub(super) fn check_name(name: &str) -> Result<(), ElectrodeProblem> {
    let wrong = matches!(name, "" | "." | "..") || name.contains(['/', '\0']);
    if wrong { Err(ElectrodeProblem::Name(name.into())) } else { Ok(()) }
}

/// Builds electrodes from records, each with its row in `object`.
pub(super) fn build_electrodes(object: &str, records: Vec<(u64, ElectrodeRecord<'_>)>) -> Result<Vec<Electrode>> {
    let electrodes = records.into_iter().map(|(row, record)| Ok((row, record.to_electrode().at_index(object, row)?)));
    validate_rows(object, electrodes.collect::<Result<_>>()?)
}

/// Checks that electrodes, each with its row in `object`, have unique names and only settings that their methods
/// accept.
pub(super) fn validate_rows(object: &str, electrodes: Vec<(u64, Electrode)>) -> Result<Vec<Electrode>> {
    let electrodes: Vec<(u64, Electrode)> =
        electrodes.into_iter().flat_map(|(row, e)| split_dipole(e).into_iter().map(move |e| (row, e))).collect();
    let mut rows: HashMap<&str, u64> = HashMap::with_capacity(electrodes.len());
    for (row, electrode) in &electrodes {
        check_name(&electrode.name).at_index(object, *row)?;
        if let Some(earlier) = rows.insert(&electrode.name, *row) {
            let earlier = format!("{object}[{earlier}]");
            return Err(ElectrodeProblem::DuplicateName { name: electrode.name.clone(), earlier })
                .at_index(object, *row);
        }
    }
    for (row, electrode) in &electrodes {
        check_settings(electrode).at_index(object, *row)?;
        check_reference(electrode, &electrodes).at_index(object, *row)?;
    }
    let electrodes: Vec<Electrode> = electrodes.into_iter().map(|(_, electrode)| electrode).collect();
    if electrodes.is_empty() { Err(ElectrodeProblem::NoContacts.into()) } else { Ok(electrodes) }
}

/// Splits a `CurrentDipole` without an axis into three contacts, one for each axis.
fn split_dipole(electrode: Electrode) -> Vec<Electrode> {
    if electrode.method.name() != current_dipole::NAME || electrode.settings.dipole_axis.is_some() {
        return vec![electrode];
    }
    let component = |axis: Axis| Electrode {
        name: format!("{}_{}", electrode.name, axis.name()),
        settings: ElectrodeSettings { dipole_axis: Some(axis), ..electrode.settings.clone() },
        ..electrode.clone()
    };
    Axis::ALL.map(component).into()
}

/// Checks that the contact's method accepts all its settings.
fn check_settings(electrode: &Electrode) -> Result<(), ElectrodeProblem> {
    let accepted = [electrode.method.accepted_settings(), SettingKind::COMMON_SETTINGS].concat();
    match electrode.settings.setting_kinds().into_iter().find(|kind| !accepted.contains(kind)) {
        Some(setting) => Err(ElectrodeProblem::UnsupportedSetting {
            method: electrode.method.name(),
            accepted: join_quoted(accepted.iter().map(|kind| kind.key()), usize::MAX),
            setting: setting.key(),
        }),
        None => Ok(()),
    }
}

/// Checks that a reference is another contact with a comparable quantity.
fn check_reference(electrode: &Electrode, all: &[(u64, Electrode)]) -> Result<(), ElectrodeProblem> {
    let others = || all.iter().map(|(_, other)| other).filter(|other| other.name != electrode.name);
    let subtracted: Vec<&Electrode> = match &electrode.settings.reference {
        None => return Ok(()),
        Some(Reference::Contact(name)) => others().filter(|other| other.name == *name).collect(),
        Some(average) => others().filter(|other| other.settings.reference.as_ref() == Some(average)).collect(),
    };
    if electrode.settings.reference == Some(Reference::Average) && all.iter().any(|(_, e)| e.name == "average") {
        return Err(ElectrodeProblem::AmbiguousAverage);
    }
    let quantity = electrode.method.quantity();
    let another = subtracted.iter().find(|other| other.method.quantity() != quantity);
    match (another, &electrode.settings.reference) {
        (Some(other), _) => Err(ElectrodeProblem::Incomparable {
            expected: match quantity {
                WeightQuantity::Potential => "a contact with potentials",
                WeightQuantity::MagneticField => "a contact with magnetic fields",
                WeightQuantity::DipoleMoment => "a contact with dipole moments",
                WeightQuantity::CurrentShare => "a contact with a region",
            },
            method: other.method.name(),
        }),
        (None, Some(Reference::Contact(name))) if subtracted.is_empty() => Err(ElectrodeProblem::Value {
            key: "reference",
            expected: "the name of another contact or `average`",
            found: format!("`{name}`"),
        }),
        (None, _) if subtracted.is_empty() => Err(ElectrodeProblem::AverageOfOne),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::methods::find_method;

    fn with(name: &str, method: &str, reference: &str) -> (u64, Electrode) {
        let mut record = ElectrodeRecord::default();
        record.insert("reference", RawValue::Text(reference));
        let electrode = Electrode {
            name: name.into(),
            position_um: Point::ORIGIN,
            method: find_method(method).unwrap(),
            layer: String::new(),
            region: String::new(),
            settings: record.parse_settings().unwrap(),
        };
        (0, electrode)
    }

    /// Checks the reference of the first contact.
    fn checked(all: &[(u64, Electrode)]) -> Result<(), String> {
        check_reference(&all[0].1, all).map_err(|e| e.to_string())
    }

    #[test]
    fn a_reference_is_another_contact_or_the_average() {
        let check = |reference: &str| {
            let (a, b) = (with("a", "PointSource", reference), with("b", "Reciprocity", "average"));
            checked(&[a, b])
        };
        assert_eq!((check(""), check("b"), check("average")), (Ok(()), Ok(()), Ok(())));
        for wrong in ["a", "c"] {
            let expected = "wrong `reference`, expected the name of another contact or `average`, found";
            assert_eq!(check(wrong).unwrap_err(), format!("{expected} `{wrong}`"));
        }
    }

    #[test]
    fn a_current_dipole_becomes_three_contacts() {
        let all = [with("p", "CurrentDipole", ""), with("a", "LineSource", "")];
        let found = validate_rows("line", all.into()).unwrap();
        let found: Vec<_> = found.iter().map(|e| (e.name.as_str(), e.settings.dipole_axis)).collect();
        let (x, y, z) = (Some(Axis::X), Some(Axis::Y), Some(Axis::Z));
        assert_eq!(found, [("p_x", x), ("p_y", y), ("p_z", z), ("a", None)]);
        let clash = validate_rows("line", vec![with("p", "CurrentDipole", ""), with("p_y", "LineSource", "")]);
        assert_eq!(
            clash.err().unwrap().to_string(),
            "line[0]: duplicate name, expected each name once, found `p_y` also in line[0]"
        );
    }

    #[test]
    fn fields_and_moments_are_not_subtracted_from_potentials() {
        for (method, expected) in
            [("MEG", "a contact with magnetic fields"), ("CurrentDipole", "a contact with dipole moments")]
        {
            let (a, b) = (with("a", method, "b"), with("b", "LineSource", ""));
            assert_eq!(
                checked(&[a, b]).unwrap_err(),
                format!("reference of another quantity, expected {expected}, found `LineSource`")
            );
        }
    }

    #[test]
    fn an_average_needs_several_contacts() {
        let (a, b) = (with("a", "PointSource", "average"), with("b", "PointSource", "a"));
        assert_eq!(
            checked(&[a, b]).unwrap_err(),
            "average of one contact, expected `average` as the `reference` of at least 2, found 1"
        );
    }

    #[test]
    fn regions_are_not_subtracted_from_potentials() {
        for (reference, others) in [("b", ""), ("average", "average")] {
            let (a, b) = (with("a", "LineSource", reference), with("b", "ObjectiveCSD_Sphere", others));
            assert_eq!(
                checked(&[a.clone(), b.clone()]).unwrap_err(),
                "reference of another quantity, expected a contact with potentials, found `ObjectiveCSD_Sphere`"
            );
            let (a, b) = (with("a", "ObjectiveCSD_Sphere", reference), with("b", "LineSource", others));
            assert_eq!(
                checked(&[a, b]).unwrap_err(),
                "reference of another quantity, expected a contact with a region, found `LineSource`"
            );
        }
    }
}
