//! Formats facts as aligned lines of `name: value` or as JSON, and numbers of bytes and durations.

use leadfield::error::escape_controls;
use leadfield::geometry::Aabb;
use serde_json::{Map, Value, json};

/// Lines of `name: value`, aligned; each has a value for JSON too.
#[derive(Default)]
pub struct Facts(Vec<(String, String, Value)>);

impl Facts {
    /// Adds a line.
    pub fn add(&mut self, name: impl Into<String>, value: impl ToString) {
        let text = value.to_string();
        self.0.push((name.into(), text.clone(), text.into()));
    }

    /// Adds a number.
    pub fn add_number(&mut self, name: impl Into<String>, number: u64) {
        self.0.push((name.into(), number.to_string(), number.into()));
    }

    /// Adds a line whose value in JSON is another than its text.
    pub fn add_with(&mut self, name: impl Into<String>, text: impl ToString, value: impl Into<Value>) {
        self.0.push((name.into(), text.to_string(), value.into()));
    }

    /// Adds a box, µm.
    pub fn add_bounds(&mut self, bounds: &Aabb, text_if_empty: &str) {
        if bounds.is_empty() {
            return self.add_with("bounds", text_if_empty, Value::Null);
        }
        let corners = json!({ "min_um": bounds.min.to_array(), "max_um": bounds.max.to_array() });
        self.add_with("bounds", bounds, corners);
    }

    /// Returns a JSON object: blanks in names are `_`, and a name that occurs several times has a list.
    pub fn to_json(&self) -> Value {
        let mut object = Map::new();
        for (name, _, value) in &self.0 {
            let key = name.replace([' ', ':'], "_").replace("__", "_");
            match object.get_mut(&key) {
                None => drop(object.insert(key, value.clone())),
                Some(Value::Array(list)) => list.push(value.clone()),
                Some(first) => *first = json!([first.take(), value]),
            }
        }
        object.into()
    }
}

impl std::fmt::Display for Facts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let lines = self.0.iter().map(|(name, value, _)| (escape_controls(name), escape_controls(value)));
        let lines: Vec<_> = lines.collect();
        let width = lines.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        for (name, value) in lines {
            writeln!(f, "{name:width$}  {value}")?;
        }
        Ok(())
    }
}

/// Formats a number of bytes with a unit.
pub fn format_bytes(n: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut value = n as f64;
    let mut unit = 0;
    while value >= 1000.0 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    if unit == 0 { format!("{n} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

/// Formats an estimated duration with few digits.
pub fn format_duration(seconds: f64) -> String {
    match seconds {
        s if s < 1.0 => "less than 1 s".into(),
        s if s < 100.0 => format!("about {s:.0} s"),
        s if s < 6000.0 => format!("about {:.0} min", s / 60.0),
        s => format!("about {:.1} h", s / 3600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_has_numbers_and_lists_of_repeated_names() {
        let mut facts = Facts::default();
        facts.add_number("segments", 7);
        facts.add("part of", "a table");
        facts.add("pop: units", "V/nA");
        ["a", "b", "c"].into_iter().for_each(|method| facts.add("method", method));
        facts.add_with("size", "1.0 kB", 1000);
        facts.add_bounds(&Aabb::EMPTY, "no positions");
        let expected = json!({
            "segments": 7, "part_of": "a table", "pop_units": "V/nA", "method": ["a", "b", "c"], "size": 1000,
            "bounds": null,
        });
        assert_eq!(facts.to_json(), expected);
        assert!(facts.to_string().contains("size        1.0 kB\nbounds      no positions\n"), "{facts}");
    }

    #[test]
    fn bytes_are_formatted_in_thousands() {
        assert_eq!(format_bytes(999), "999 B");
        assert_eq!(format_bytes(12_345_678), "12.3 MB");
    }

    #[test]
    fn durations_are_formatted_in_usual_units() {
        assert_eq!(
            [0.3, 59.6, 600.0, 7200.0].map(format_duration),
            ["less than 1 s", "about 60 s", "about 10 min", "about 2.0 h"]
        );
    }
}
