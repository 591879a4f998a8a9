//! Recognises the names of columns and keys: in any case, with a unit (`x [mm]`, `x (mm)`, `x_um`), as BMTK names them,
//! and misspelt.

use super::ElectrodeProblem;
use super::length_unit::{LENGTH_KEYS, LengthUnit};
use super::record;
use crate::error::{find_closest, join_quoted};

/// BMTK's names, and the names used here.
const BMTK_NAMES: [(&str, &str); 4] = [("channel", "name"), ("x_pos", "x"), ("y_pos", "y"), ("z_pos", "z")];

/// The meaning of the name of a column or key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Name {
    /// A known key, with the unit of its values if the name contains one.
    Known(&'static str, Option<LengthUnit>),
    /// Not known, but similar to a known key.
    Similar(&'static str),
    /// Any other name.
    Unknown,
}

/// Recognises a name.
///
/// # Errors
/// Returns an error if a known key is followed by a unit in brackets that is not one of its units.
pub(super) fn recognise(name: &str) -> Result<Name, ElectrodeProblem> {
    let name = name.trim().to_lowercase();
    if let Some(key) = find_key(&name) {
        return Ok(Name::Known(key, None));
    }
    if let Some((key, unit)) = split_brackets(&name).and_then(|(base, unit)| Some((find_key(base)?, unit))) {
        return with_unit(key, unit);
    }
    let suffixed = name.rsplit_once(['_', ' ', '/']).and_then(|(base, unit)| {
        let key = find_key(base.trim_end()).filter(|key| LENGTH_KEYS.contains(key))?;
        Some((key, LengthUnit::from_name(unit)?))
    });
    if let Some((key, unit)) = suffixed {
        return Ok(Name::Known(key, Some(unit)));
    }
    Ok(find_closest(&name, record::all_keys()).map_or(Name::Unknown, Name::Similar))
}

/// Returns the key with a lower-case name, also of BMTK.
fn find_key(name: &str) -> Option<&'static str> {
    let ours = BMTK_NAMES.into_iter().find(|(theirs, _)| *theirs == name).map_or(name, |(_, ours)| ours);
    record::find_key(ours)
}

/// Splits `x [mm]` or `x (mm)`.
fn split_brackets(name: &str) -> Option<(&str, &str)> {
    let (base, unit) = name.split_once(['[', '('])?;
    Some((base.trim_end().trim_end_matches('_'), unit.strip_suffix([']', ')'])?.trim()))
}

/// Checks the unit of a key's values.
fn with_unit(key: &'static str, unit: &str) -> Result<Name, ElectrodeProblem> {
    let expected = match key {
        _ if LENGTH_KEYS.contains(&key) => match LengthUnit::from_name(unit) {
            Some(unit) => return Ok(Name::Known(key, Some(unit))),
            None => crate::units::LENGTH_UNITS.join_known(),
        },
        "conductivity" if unit == "s/m" => return Ok(Name::Known(key, None)),
        "conductivity" => join_quoted(["S/m"], 1),
        _ => return Ok(Name::Unknown),
    };
    Err(ElectrodeProblem::UnitOfKey { key, expected, found: unit.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_any_case_and_units_in_any_form() {
        let mm = Some(LengthUnit::Millimeter);
        for name in ["x [mm]", "X(mm)", "x_mm", " x mm ", "x/mm", "x_[mm]", "x_pos [MM]", "X_Pos_mm"] {
            assert_eq!(recognise(name).unwrap(), Name::Known("x", mm), "{name}");
        }
        assert_eq!(recognise("disc_radius_µm").unwrap(), Name::Known("disc_radius", Some(LengthUnit::Micrometer)));
        assert_eq!(recognise("z_m").unwrap(), Name::Known("z", Some(LengthUnit::Meter)));
        assert_eq!(recognise("Conductivity [S/m]").unwrap(), Name::Known("conductivity", None));
        assert_eq!(recognise("Channel").unwrap(), Name::Known("name", None));
    }

    #[test]
    fn misspelt_names_are_distinguished_from_other_columns() {
        for (name, similar) in [("tpye", "type"), ("Regoin", "region"), ("conductivty", "conductivity")] {
            assert_eq!(recognise(name).unwrap(), Name::Similar(similar), "{name}");
        }
        for name in ["depth", "shank", "label", "id", "x_left", "name [mm]", "x [mm", "area", "distance", "u"] {
            assert_eq!(recognise(name).unwrap(), Name::Unknown, "{name}");
        }
    }

    #[test]
    fn an_unknown_unit_in_brackets_is_an_error() {
        assert_eq!(
            recognise("x [inch]").unwrap_err().to_string(),
            "unknown unit of `x`, expected `um`, `mm`, `cm`, `m`, found `inch`"
        );
        assert_eq!(
            recognise("conductivity (mS/cm)").unwrap_err().to_string(),
            "unknown unit of `conductivity`, expected `S/m`, found `ms/cm`"
        );
    }
}
