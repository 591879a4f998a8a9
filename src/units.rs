//! Units and their conversion, which happens once, on input. No other module contains a power of ten that is a unit.
//!
//! Positions are in micrometres, currents in nanoamperes, potentials in volts, conductivities in siemens per metre;
//! hence weights are in volts per nanoampere (V/nA).

use crate::error::Problem;

/// One micrometre in metres.
pub const METERS_PER_MICROMETER: f64 = 1e-6;

/// One metre in micrometres. Written as a literal: `1.0 / 1e-6` is not 1e6.
pub const MICROMETERS_PER_METER: f64 = 1e6;

/// Nanoampere divided by (siemens per metre times micrometre), in volts: 1e-9 A / (S/m x 1e-6 m).
///
/// Written as one literal: `1e-9 / 1e-6` is not the double nearest to 1e-3.
pub const NANOAMPERE_PER_MICROMETER: f64 = 1e-3;

/// Siemens per metre times volt divided by square micrometre, in microamperes per cubic millimetre: 1e12 A/m^3, of which
/// each is 1e-3 uA/mm^3.
pub const MICROAMPERES_PER_CUBIC_MILLIMETER: f64 = 1e9;

/// One millisecond in seconds.
pub const SECONDS_PER_MILLISECOND: f64 = 1e-3;

/// The magnetic field, fT, of a current element of 1 nA µm at 1 µm: mu0/(4 pi) = 1e-7 T m/A, times 1e-15 A m / 1e-12 m^2,
/// which are 1e-10 T. The magnetic constant of 2019 is larger by 1.3e-10 of itself.
pub const FEMTOTESLA_OF_NANOAMPERE_PER_MICROMETER: f64 = 1e5;

/// A current density of one milliampere per square centimetre through one square micrometre, in nanoamperes:
/// 1e-3 A / 1e8 um2 x 1 um2.
pub const NANOAMPERE_PER_SQUARE_MICROMETER: f64 = 1e-2;

/// The unit of all weights, as written to the electrodes file.
pub const WEIGHT_UNIT: &str = "V/nA";

/// The unit of a magnetic field per membrane current, which is the weight of `MEG`.
pub const MAGNETIC_WEIGHT_UNIT: &str = "fT/nA";

/// The unit of a current dipole moment per membrane current, nA µm/nA, which is the weight of `CurrentDipole`.
pub const DIPOLE_WEIGHT_UNIT: &str = "um";

/// The unit of a share of the membrane current, which is the weight of `ObjectiveCSD`.
pub const CURRENT_SHARE_UNIT: &str = "1";

/// The unit of a share of the membrane current divided by the volume of its region.
pub const CURRENT_SHARE_PER_VOLUME_UNIT: &str = "1/um3";

/// An electrical conductivity in siemens per metre: from [`MIN_CONDUCTIVITY_S_PER_M`] to [`MAX_CONDUCTIVITY_S_PER_M`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SiemensPerMeter(f64);

/// The smallest conductivity: far below that of any insulator, and large enough that weights do not overflow.
pub const MIN_CONDUCTIVITY_S_PER_M: f64 = 1e-30;

/// The largest conductivity: far above that of any metal.
pub const MAX_CONDUCTIVITY_S_PER_M: f64 = 1e30;

/// Grey matter, the default of BlueRecording (0.277 S/m).
pub const DEFAULT_CONDUCTIVITY: SiemensPerMeter = SiemensPerMeter(0.277);

/// The conductivity is out of range.
#[derive(Debug, thiserror::Error)]
#[error("conductivity out of range, expected a number from 1e-30 to 1e30 S/m, found `{0}`")]
pub struct InvalidConductivity(f64);

impl Problem for InvalidConductivity {
    fn hint(&self) -> Option<String> {
        Some("grey matter has about 0.3 S/m: `--conductivity 0.277`".into())
    }
}

impl SiemensPerMeter {
    /// Creates a conductivity from a number in siemens per metre.
    ///
    /// ```
    /// use leadfield::units::SiemensPerMeter;
    ///
    /// assert_eq!(SiemensPerMeter::new(0.277)?.get(), 0.277);
    /// assert!(SiemensPerMeter::new(0.0).is_err());
    /// # Ok::<(), leadfield::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns [`InvalidConductivity`] if the number is out of range.
    pub fn new(value: f64) -> Result<Self, InvalidConductivity> {
        let range = MIN_CONDUCTIVITY_S_PER_M..=MAX_CONDUCTIVITY_S_PER_M;
        if range.contains(&value) { Ok(Self(value)) } else { Err(InvalidConductivity(value)) }
    }

    /// Returns the conductivity in siemens per metre.
    pub const fn get(self) -> f64 {
        self.0
    }
}

/// The units that files may use for a quantity, each as a multiple of the library's unit.
#[derive(Debug)]
pub struct Units(&'static [(&'static str, f64)]);

/// Lengths, in micrometres.
pub const LENGTH_UNITS: Units = Units(&[("um", 1.0), ("mm", 1e3), ("cm", 1e4), ("m", MICROMETERS_PER_METER)]);

/// Potentials, in volts.
pub const POTENTIAL_UNITS: Units = Units(&[("V", 1.0), ("mV", 1e-3), ("uV", 1e-6)]);

/// Electric fields, in volts per metre.
pub const ELECTRIC_FIELD_UNITS: Units =
    Units(&[("V/m", 1.0), ("mV/mm", 1.0), ("V/cm", 1e2), ("V/mm", 1e3), ("V/um", 1e6)]);

/// Potentials of dipoles, in volts per nanoampere metre: times 1 nA they are electric fields in V/m.
pub const DIPOLE_LEAD_FIELD_UNITS: Units = Units(&[
    ("V/(A m)", 1e-9),
    ("mV/(A m)", 1e-12),
    ("uV/(A m)", 1e-15),
    ("uV/(nA m)", 1e-6),
    ("V/(nA m)", 1.0),
    ("mV/(nA um)", 1e3),
]);

/// Currents, in nanoamperes.
pub const CURRENT_UNITS: Units = Units(&[("nA", 1.0), ("uA", 1e3), ("mA", 1e6), ("A", 1e9)]);

/// The unit is unknown for its quantity.
#[derive(Debug, thiserror::Error, PartialEq)]
#[error("unknown unit, expected {expected}, found `{found}`")]
pub struct UnknownUnit {
    expected: String,
    found: String,
}

impl Problem for UnknownUnit {}

impl Units {
    /// Returns the value of a unit as a multiple of the library's unit.
    ///
    /// # Errors
    /// Returns [`UnknownUnit`], which lists the known units, for other names.
    pub fn factor(&self, unit: &str) -> Result<f64, UnknownUnit> {
        let unit = unit.trim().replace(['\u{b5}', '\u{3bc}'], "u");
        let known = self.0.iter().find(|(name, _)| *name == unit);
        known.map(|(_, factor)| *factor).ok_or_else(|| UnknownUnit { expected: self.join_known(), found: unit })
    }

    /// Returns the known names, for a message.
    pub fn join_known(&self) -> String {
        crate::error::join_quoted(self.0.iter().map(|(name, _)| name), usize::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_known_by_name() {
        assert_eq!(LENGTH_UNITS.factor("mm").unwrap(), 1000.0);
        assert_eq!(LENGTH_UNITS.factor(" \u{b5}m").unwrap(), 1.0);
        assert_eq!(
            LENGTH_UNITS.factor("inch").unwrap_err().to_string(),
            "unknown unit, expected `um`, `mm`, `cm`, `m`, found `inch`"
        );
    }
}
