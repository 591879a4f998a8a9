//! The contacts of signals: columns of an electrodes file, or electrodes whose weights are computed.

use super::SignalsProblem;
use crate::electrodes::ConfiguredElectrode;
use crate::error::{Context, Result, join_quoted};
use crate::geometry::Point;
use crate::sonata::electrodes_file::{ElectrodesFile, method_unit};
use crate::units::{CURRENT_SHARE_PER_VOLUME_UNIT, CURRENT_SHARE_UNIT, POTENTIAL_UNITS};

/// A contact whose signal is computed.
#[derive(Debug, Clone, PartialEq)]
pub struct SignalContact {
    /// Name.
    pub name: String,
    /// Position, µm; `None` if it is unknown.
    pub position_um: Option<Point>,
    /// Name of the method of its weights; empty if it is unknown.
    pub kind: String,
    /// Cortical layer; `NA` if unknown.
    pub layer: String,
    /// Brain region; `NA` if unknown.
    pub region: String,
    /// Unit of its weights.
    pub weight_unit: String,
}

/// The text for an unknown layer or region.
const UNKNOWN: &str = "NA";

/// The unit of currents.
const NANOAMPERE: &str = "nA";

impl SignalContact {
    /// Creates a contact of which only the name is known, with weights in V/nA.
    pub fn named(name: impl Into<String>) -> Self {
        let [layer, region] = [UNKNOWN; 2].map(String::from);
        let weight_unit = crate::units::WEIGHT_UNIT.to_string();
        Self { name: name.into(), position_um: None, kind: String::new(), layer, region, weight_unit }
    }

    /// Creates the contact of an electrode.
    pub fn from_electrode(electrode: &ConfiguredElectrode) -> Self {
        let ConfiguredElectrode { electrode: found, contact } = electrode;
        Self {
            name: found.name.clone(),
            position_um: Some(found.position_um),
            kind: found.method.name().into(),
            layer: found.layer.clone(),
            region: found.region.clone(),
            weight_unit: method_unit(found.method, contact.csd_region.density).into(),
        }
    }

    /// Reads the contacts of a population of an electrodes file in the order of columns, each with its column.
    ///
    /// # Errors
    /// Returns an error if a description cannot be read, or there is not one column for each contact.
    pub fn read_all(file: &ElectrodesFile, population: &str) -> Result<Vec<(Self, usize)>> {
        let entry = file.population(population)?;
        let mut found = Vec::new();
        for (contact, described) in file.read_descriptions()? {
            let Some(column) = contact.column(population) else { continue };
            let own = Self {
                name: contact.name.clone(),
                position_um: described.position_um,
                kind: described.kind.unwrap_or_default(),
                layer: described.layer.unwrap_or_else(|| UNKNOWN.into()),
                region: described.region.unwrap_or_else(|| UNKNOWN.into()),
                weight_unit: file.column_unit(entry, &contact.name)?,
            };
            found.push((own, column as usize));
        }
        found.sort_by_key(|(_, column)| *column);
        let columns = usize::try_from(entry.columns()).unwrap_or(usize::MAX);
        let shared = found.iter().zip(found.iter().skip(1)).find(|((_, column), (_, next))| column == next);
        let problem = match shared {
            Some(((first, column), (second, _))) => {
                Some(format!("column {column} for `{}` and `{}`", first.name, second.name))
            }
            None => (columns != found.len()).then(|| columns.to_string()),
        };
        match problem {
            Some(problem) => Err(SignalsProblem::Columns { expected: found.len(), found: problem })
                .in_item(&format!("population `{population}`"))
                .in_file(file.path()),
            None => Ok(found),
        }
    }

    /// Returns the unit of the signal of currents in nA, and the factor that converts it from the product, for
    /// potentials that are requested in `potential_unit`.
    pub(super) fn signal_unit(&self, potential_unit: SignalUnit) -> (String, f64) {
        let potential = self.weight_unit.strip_suffix("/nA").and_then(|unit| POTENTIAL_UNITS.factor(unit).ok());
        match (potential, self.weight_unit.as_str()) {
            (Some(volts), _) => (potential_unit.name().into(), volts * potential_unit.per_volt()),
            (None, CURRENT_SHARE_UNIT) => (NANOAMPERE.into(), 1.0),
            (None, CURRENT_SHARE_PER_VOLUME_UNIT) => ("nA/um3".into(), 1.0),
            // fT/nA of a magnetometer gives fT, µm of a dipole moment gives nA*µm
            (None, other) => match other.strip_suffix("/nA") {
                Some(quantity) => (quantity.into(), 1.0),
                None => (format!("nA*{other}"), 1.0),
            },
        }
    }
}

/// Number of known contacts that a message names.
const LISTED_NAMES: usize = 12;

/// Returns the indices of the contacts that are wanted, in this order; of all if none is. A text is the name of a contact,
/// or, if no contact has it, names separated by commas.
///
/// # Errors
/// Returns an error if a name is unknown, or names a contact again.
pub fn find_contacts<'n>(
    known: impl Iterator<Item = &'n str>,
    wanted: &[String],
) -> Result<Vec<usize>, SignalsProblem> {
    let known: Vec<&str> = known.collect();
    if wanted.is_empty() {
        return Ok((0..known.len()).collect());
    }
    let is_known = |text: &str| known.contains(&text);
    let names = wanted.iter().flat_map(|text| match is_known(text) {
        true => vec![text.as_str()],
        false => text.split(',').collect(),
    });
    let mut found = Vec::new();
    for name in names {
        let unknown = || SignalsProblem::UnknownContact { name: name.into(), known: join_quoted(&known, LISTED_NAMES) };
        let contact = known.iter().position(|contact| *contact == name).ok_or_else(unknown)?;
        if found.contains(&contact) {
            return Err(SignalsProblem::RepeatedContact { name: name.into() });
        }
        found.push(contact);
    }
    Ok(found)
}

/// The unit of potentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SignalUnit {
    /// Volts.
    Volt,
    /// Millivolts.
    #[default]
    Millivolt,
    /// Microvolts.
    Microvolt,
}

impl SignalUnit {
    /// Returns its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Volt => "V",
            Self::Millivolt => "mV",
            Self::Microvolt => "uV",
        }
    }

    /// Returns the number of these units in one volt.
    pub const fn per_volt(self) -> f64 {
        match self {
            Self::Volt => 1.0,
            Self::Millivolt => 1e3,
            Self::Microvolt => crate::units::MICROMETERS_PER_METER,
        }
    }
}
