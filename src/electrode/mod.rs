//! Electrodes: contacts with their names, places and methods, read from CSV and JSON.

mod csv;
mod json;
mod problem;
mod record;

use std::path::Path;

use crate::error::{Context, Error, FileProblem, Result};
use crate::geometry::Point;
use crate::method::{Contact, Method, NearField};
use crate::units::{DEFAULT_CONDUCTIVITY, SiemensPerMeter};

pub use self::problem::ElectrodeProblem;

/// One contact of an electrode, as its file describes it.
#[derive(Clone)]
pub struct Electrode {
    /// Its name, unique in the file; it can name an HDF5 group.
    pub name: String,
    /// Where it is, um.
    pub position: Point,
    /// How its coefficients are computed.
    pub method: &'static dyn Method,
    /// Cortical layer, `NA` where unknown.
    pub layer: String,
    /// Brain region, `NA` where unknown.
    pub region: String,
    /// What the file says of this contact alone.
    pub settings: Settings,
}

/// A contact's own settings; what is none here is told by options, or by the method's default.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Settings {
    /// Radius of the method's region, um.
    pub radius: Option<f64>,
    /// Thickness of the method's region, um.
    pub thickness: Option<f64>,
}

/// Reads electrodes, in file order. The format is told by the content: `[` or `{` starts JSON, CSV otherwise.
///
/// CSV has the header `name,x,y,z,layer,region,type`, in any order; the first cell of a header may be empty and is then
/// `name`. JSON is a list of objects with these keys. Layer and region default to `NA`, the type to `LineSource`;
/// positions are um. `radius` and `thickness` may be given too.
///
/// # Errors
/// A missing or unknown column, a word for a number, a duplicate name, an unknown type, no rows; with file and line
/// (CSV: from 1) or entry (JSON: from 0).
pub fn read(path: &Path) -> Result<Vec<Electrode>> {
    let bytes = std::fs::read(path).map_err(FileProblem::Read).in_file(path)?;
    parse(&bytes).in_file(path)
}

fn parse(bytes: &[u8]) -> Result<Vec<Electrode>> {
    let text = text(bytes)?;
    if text.trim_start().starts_with(['[', '{']) { json::parse(text) } else { csv::parse(text) }
}

/// The text without a byte-order mark.
fn text(bytes: &[u8]) -> Result<&str> {
    let text = std::str::from_utf8(bytes).map_err(|_| ElectrodeProblem::NoText)?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// Refuses a contact named like a population: both are groups under `/electrodes` of the electrodes file.
///
/// # Errors
/// Names the first such contact.
pub fn check_names(electrodes: &[Electrode], populations: &[&str]) -> Result<()> {
    match electrodes.iter().find(|e| populations.contains(&e.name.as_str())) {
        Some(taken) => Err(ElectrodeProblem::Population(taken.name.clone()).into()),
        None => Ok(()),
    }
}

/// What the methods need to know of the contacts, in file order.
///
/// `conductivities` is empty ([`DEFAULT_CONDUCTIVITY`] for all), one for all, or one for each contact of an analytic
/// method ([`Method::is_analytic`]) in file order.
///
/// # Errors
/// Another number of conductivities.
pub fn contacts(
    electrodes: &[Electrode],
    conductivities: &[SiemensPerMeter],
    near_field: NearField,
) -> Result<Vec<Contact>> {
    let analytic = electrodes.iter().filter(|e| e.method.is_analytic()).count();
    let mut own = conductivities.iter().copied();
    let common = match conductivities {
        [] => Some(DEFAULT_CONDUCTIVITY),
        [one] => Some(*one),
        several if several.len() == analytic => None,
        several => return Err(Error::from(ElectrodeProblem::Conductivities { analytic, found: several.len() })),
    };
    let conductivity = |e: &Electrode| match common {
        None if e.method.is_analytic() => own.next().unwrap_or(DEFAULT_CONDUCTIVITY),
        common => common.unwrap_or(DEFAULT_CONDUCTIVITY),
    };
    let conductivities = electrodes.iter().map(conductivity);
    let contact = |(e, conductivity): (&Electrode, _)| Contact { position: e.position, conductivity, near_field };
    Ok(electrodes.iter().zip(conductivities.collect::<Vec<_>>()).map(contact).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn electrodes(text: &str) -> Vec<Electrode> {
        parse(text.as_bytes()).unwrap()
    }

    fn told(e: &Electrode) -> (&str, [f64; 3], &str, &str, &str) {
        (&e.name, e.position.to_array(), e.method.name(), &e.layer, &e.region)
    }

    #[test]
    fn csv_columns_come_in_any_order() {
        let found = electrodes("type,z,y,x,region,name,layer\nPointSource,3,-2,1e1,S1HL,e1,L6\n");
        assert_eq!(told(&found[0]), ("e1", [10.0, -2.0, 3.0], "PointSource", "L6", "S1HL"));
        assert_eq!(found[0].settings, Settings::default());
    }

    #[test]
    fn absent_and_empty_cells_take_the_defaults() {
        let found = electrodes(",x,y,z,layer,type\n7,1,2,3,,\n");
        assert_eq!(told(&found[0]), ("7", [1.0, 2.0, 3.0], "LineSource", "NA", "NA"));
    }

    #[test]
    fn csv_and_json_of_the_same_contacts_are_the_same() {
        let csv = electrodes("name,x,y,z,layer,type,radius\n1,-8.5,2,3,L1,PointSource,5\n\"b, c\",4,5,6,,,\n");
        let json = electrodes(
            r#" [{"name": 1, "x": -8.5, "y": 2, "z": 3.0, "layer": "L1", "type": "PointSource", "radius": 5},
                {"name": "b, c", "x": 4, "y": 5, "z": 6, "layer": null}]"#,
        );
        assert_eq!(csv.iter().map(told).collect::<Vec<_>>(), json.iter().map(told).collect::<Vec<_>>());
        assert_eq!(csv[0].settings, Settings { radius: Some(5.0), thickness: None });
        assert_eq!(csv[0].settings, json[0].settings);
        assert_eq!(csv[1].name, "b, c");
    }

    #[test]
    fn a_byte_order_mark_and_carriage_returns_are_no_content() {
        let found = electrodes("\u{feff}name,x,y,z,layer\r\na,1,2,3,L1\r\n\r\nb,1,2,3,L2\r\n");
        let layers: Vec<&str> = found.iter().map(|e| e.layer.as_str()).collect();
        assert_eq!(layers, ["L1", "L2"]);
        assert_eq!(electrodes("\u{feff}\r\n[{\"name\":\"a\",\"x\":1,\"y\":2,\"z\":3}]").len(), 1);
    }

    #[test]
    fn a_quoted_name_may_hold_a_line_end_and_later_lines_are_still_counted() {
        let error = parse(b"name,x,y,z\n\"a\nb\",1,2,3\n\n\nc,1,2,?\n").err().unwrap();
        assert_eq!(error.to_string(), "line[6]: wrong `z`, expected a number, found `?`");
    }

    fn siemens(values: &[f64]) -> Vec<SiemensPerMeter> {
        values.iter().map(|&v| SiemensPerMeter::new(v).unwrap()).collect()
    }

    fn conductivities(given: &[f64]) -> Vec<f64> {
        let electrodes = electrodes("name,x,y,z\na,1,2,3\nb,1,2,4\n");
        let contacts = contacts(&electrodes, &siemens(given), NearField::Exact).unwrap();
        assert!(contacts.iter().all(|c| c.near_field == NearField::Exact));
        contacts.iter().map(|c| c.conductivity.get()).collect()
    }

    #[test]
    fn conductivity_is_the_default_or_one_for_all_or_one_for_each() {
        assert_eq!(conductivities(&[]), [0.277, 0.277]);
        assert_eq!(conductivities(&[0.3]), [0.3, 0.3]);
        assert_eq!(conductivities(&[0.3, 0.4]), [0.3, 0.4]);
    }

    #[test]
    fn one_conductivity_for_each_of_a_wrong_number_is_an_error() {
        let electrodes = electrodes("name,x,y,z\na,1,2,3\n");
        let error = contacts(&electrodes, &siemens(&[0.3, 0.3]), NearField::Radius).unwrap_err();
        assert_eq!(error.to_string(), "wrong number of conductivities, expected 1, found 2");
    }

    #[test]
    fn no_bytes_make_the_reader_panic() {
        use proptest::prelude::*;
        proptest!(|(bytes in prop::collection::vec(any::<u8>(), 0..200))| drop(parse(&bytes)));
        proptest!(|(text in "(name|x|y|z|,|\"|\n|\r|1|-|\\[|\\{|\\}|:|\\]| ){0,60}")| drop(parse(text.as_bytes())));
    }
}
