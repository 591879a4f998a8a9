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
