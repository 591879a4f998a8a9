//! Units, converted once, at the door. Nothing else in the library holds a power of ten that is a unit.
//!
//! Positions are micrometres, currents nanoamperes, potentials volts, conductivities siemens per metre; hence
//! coefficients are volts per nanoampere (V/nA).

use crate::error::Problem;

/// One micrometre in metres.
pub const METERS_PER_MICROMETER: f64 = 1e-6;

/// Nanoampere over (siemens per metre x micrometre), in volts: 1e-9 A / (S/m x 1e-6 m).
///
/// Written as one literal: `1e-9 / 1e-6` is not the double nearest to 1e-3.
pub const NANOAMPERE_PER_MICROMETER: f64 = 1e-3;

/// The unit of every coefficient, as written into the electrodes file.
pub const COEFFICIENT_UNIT: &str = "V/nA";

/// An electrical conductivity in siemens per metre: finite and above zero.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SiemensPerMeter(f64);

/// Grey matter, as the original takes it by default (0.277 S/m).
pub const DEFAULT_CONDUCTIVITY: SiemensPerMeter = SiemensPerMeter(0.277);

/// A conductivity that is none.
#[derive(Debug, thiserror::Error)]
#[error("conductivity out of range, expected a finite number above 0 S/m, found `{0}`")]
pub struct BadConductivity(f64);

impl Problem for BadConductivity {
    fn hint(&self) -> Option<String> {
        Some("grey matter has about 0.3 S/m: `--conductivity 0.277`".into())
    }
}

impl SiemensPerMeter {
    /// Checks a number in siemens per metre.
    ///
    /// # Errors
    /// [`BadConductivity`] unless it is finite and above zero.
    pub fn new(value: f64) -> Result<Self, BadConductivity> {
        if value.is_finite() && value > 0.0 { Ok(Self(value)) } else { Err(BadConductivity(value)) }
    }

    /// The number, in siemens per metre.
    pub const fn get(self) -> f64 {
        self.0
    }
}
