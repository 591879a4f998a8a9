//! Recognises the columns of a table by their names, with or without units.

/// Splits a header at its most frequent separator.
pub(super) fn split_header(line: &str) -> Vec<&str> {
    let separator = [',', ';', '\t'].into_iter().max_by_key(|separator| line.matches(*separator).count());
    match separator.filter(|separator| line.contains(*separator)) {
        Some(separator) => line.split(separator).map(|name| name.trim().trim_matches('"')).collect(),
        None => line.split_ascii_whitespace().map(|name| name.trim_matches('"')).collect(),
    }
}

/// Returns a name in lower case, without a unit and without BMTK's `_pos`.
pub(super) fn base_name(name: &str) -> String {
    let name = name.trim().to_lowercase();
    let name = name.split(['[', '(', ' ', '/']).next().unwrap_or_default();
    let name = ["_um", "_\u{b5}m", "_mm", "_cm", "_m"].iter().find_map(|unit| name.strip_suffix(unit)).unwrap_or(name);
    name.strip_suffix("_pos").unwrap_or(name).trim_end_matches('_').to_string()
}

fn has_names(names: &[&str], wanted: &[&str]) -> bool {
    let found: Vec<String> = names.iter().map(|name| base_name(name)).collect();
    wanted.iter().all(|wanted| found.iter().any(|name| name == wanted))
}

/// Returns whether columns are points of a lead field: `x`, `y`, `z` and a potential or an electric field.
pub(super) fn is_field_header(names: &[&str]) -> bool {
    has_names(names, &["x", "y", "z"]) && (has_names(names, &["potential"]) || has_names(names, &["ex", "ey", "ez"]))
}

/// Returns whether columns are those of contacts. At least two coordinates, since one may be misspelt.
pub(super) fn is_contact_header(names: &[&str]) -> bool {
    ["x", "y", "z"].into_iter().filter(|name| has_names(names, &[name])).count() >= 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_units_in_any_form() {
        for name in ["x", "X", " x [mm]", "x(mm)", "x_um", "x_pos", "X_pos_mm", "x_[mm]"] {
            assert_eq!(base_name(name), "x", "{name}");
        }
        assert_eq!((base_name("ex"), base_name("x0")), ("ex".into(), "x0".into()));
    }
}
