//! Recognises the names of columns and keys: in any case, with a unit (`x [mm]`, `x (mm)`, `x_um`), as BMTK names them,
//! and misspelt.

use super::ElectrodeProblem;
use super::length_unit::{LengthUnit, has_length};
use super::record;
use crate::error::{find_closest, join_quoted};

/// BMTK's names, and the names used here.
const BMTK_NAMES: [(&str, &str); 4] = [("channel", "name"), ("x_pos", "x"), ("y_pos", "y"), ("z_pos", "z")];

/// Other programs' names of settings, and the names used here. To ignore one would change the weights.
const SYNONYMS: [(&str, &str); 14] = [
    ("sigma", "conductivity"),
    ("sigma_e", "conductivity"),
    ("sigma_ex", "conductivity"),
    ("sigma_ext", "conductivity"),
    ("sigma_extracellular", "conductivity"),
    ("cond", "conductivity"),
    ("conductivities", "conductivity"),
    ("sigmas", "head_conductivities"),
    ("radii", "head_radii"),
    ("method", "type"),
    ("ref", "reference"),
    ("contact_radius", "disc_radius"),
    ("electrode_radius", "disc_radius"),
    ("normal", "disc_normal"),
];

/// The meaning of the name of a column or key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Name {
    /// A known key, with the unit of its values if the name contains one.
    Known(&'static str, Option<LengthUnit>),
    /// Not known, but similar to a known key, or another program's name of it.
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
        let key = find_key(base.trim_end()).filter(|key| has_length(key))?;
        Some((key, LengthUnit::from_name(unit)?))
    });
    if let Some((key, unit)) = suffixed {
        return Ok(Name::Known(key, Some(unit)));
    }
    let similar = find_synonym(&name).or_else(|| find_closest(&name, record::all_keys()));
    Ok(similar.map_or(Name::Unknown, Name::Similar))
}

/// Returns the key of which a lower-case name is a synonym, alone or with a unit: `sigma`, `sigma [S/m]`, `conductivity_s_m`.
fn find_synonym(name: &str) -> Option<&'static str> {
    let without_unit = ["s/m", "s_m", "s_per_m", "s.m-1"].iter().find_map(|unit| name.strip_suffix(unit));
    let bases = [Some(name), split_brackets(name).map(|(base, _)| base), without_unit];
    let key = |base: &str| {
        let base = base.trim_end_matches(['_', ' ']);
        let synonym = SYNONYMS.into_iter().find(|(theirs, _)| *theirs == base).map(|(_, ours)| ours);
        synonym.or_else(|| find_key(base).filter(|_| base != name))
    };
    bases.into_iter().flatten().find_map(key)
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
        _ if has_length(key) => match LengthUnit::from_name(unit) {
            Some(unit) => return Ok(Name::Known(key, Some(unit))),
            None => crate::units::LENGTH_UNITS.join_known(),
        },
        "conductivity" | "head_conductivities" if unit == "s/m" => return Ok(Name::Known(key, None)),
        "conductivity" | "head_conductivities" => join_quoted(["S/m"], 1),
        _ => return Ok(Name::Similar(key)),
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
        assert_eq!(recognise("head_conductivities [S/m]").unwrap(), Name::Known("head_conductivities", None));
        assert_eq!(recognise("boundary [mm]").unwrap(), Name::Known("boundary", mm));
        assert_eq!(recognise("Boundary_mm").unwrap(), Name::Known("boundary", mm));
        assert_eq!(recognise("Channel").unwrap(), Name::Known("name", None));
    }

    #[test]
    fn misspelt_names_are_distinguished_from_other_columns() {
        for (name, similar) in [("tpye", "type"), ("Regoin", "region"), ("conductivty", "conductivity")] {
            assert_eq!(recognise(name).unwrap(), Name::Similar(similar), "{name}");
        }
        for name in ["depth", "shank", "label", "id", "x_left", "x [mm", "area", "distance", "u"] {
            assert_eq!(recognise(name).unwrap(), Name::Unknown, "{name}");
        }
    }

    #[test]
    fn names_of_settings_in_other_programs_are_not_skipped() {
        for name in ["sigma", "Sigma_e", "cond", "sigma [S/m]", "sigma_S/m", "conductivity_S_m", "conductivity S/m"] {
            assert_eq!(recognise(name).unwrap(), Name::Similar("conductivity"), "{name}");
        }
        for (name, similar) in [("method", "type"), ("name [mm]", "name"), ("disc_normal [mm]", "disc_normal")] {
            assert_eq!(recognise(name).unwrap(), Name::Similar(similar), "{name}");
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
