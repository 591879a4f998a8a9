//! Pictures of signals: traces by depth, an image of contacts by time, the current source density of a laminar probe,
//! and power spectra.
//!
//! The numbers are computed by [`second_difference_csd`], [`kernel_csd`] and [`welch`], which are public.

mod current_source_density;
mod heat_map;
mod laminar;
mod layout;
mod panel_parts;
mod power_spectrum;
mod report_file;
mod spectrum;
mod traces;

pub use current_source_density::{KernelCsd, kernel_csd, second_difference_csd};
pub use laminar::LaminarSignal;
pub use layout::{DEFAULT_SOURCE_RADIUS_UM, SignalFigure, SignalFigureKind, SignalsPlot, plot_signals};
pub use power_spectrum::{PowerSpectrum, welch};
pub use report_file::SignalSelection;

use crate::error::Problem;
use crate::geometry::Point;

/// Signals at contacts, sampled at equal steps.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SignalTraces {
    /// Time of each frame, ms, ascending.
    pub times_ms: Vec<f64>,
    /// Name of each contact.
    pub contact_names: Vec<String>,
    /// Position of each contact, µm; empty if positions are unknown.
    pub positions_um: Vec<Point>,
    /// Values, row-major: frames, then contacts.
    pub values: Vec<f64>,
    /// Unit of the values: `V`, `mV` or `uV`.
    pub unit: String,
    /// What was assumed about the values, for the pictures.
    pub notes: Vec<String>,
}

/// Reasons why signals cannot be drawn.
#[derive(Debug, thiserror::Error, PartialEq)]
#[non_exhaustive]
pub enum SignalProblem {
    /// There are too few frames or contacts.
    #[error("too few signals to draw, expected at least 2 frames and 1 contact, found {frames} and {contacts}")]
    TooFew {
        /// Number of frames.
        frames: usize,
        /// Number of contacts.
        contacts: usize,
    },
    /// The number of values is not that of frames times contacts.
    #[error("{found} values, expected {expected}: one for each frame and contact")]
    Values {
        /// Frames times contacts.
        expected: usize,
        /// The number of values.
        found: usize,
    },
    /// The number of positions is neither 0 nor that of contacts.
    #[error("{found} positions of contacts, expected {expected}")]
    Positions {
        /// The number of contacts.
        expected: usize,
        /// The number of positions.
        found: usize,
    },
    /// Times do not increase by equal steps.
    #[error("times in unequal steps, expected {expected} ms in each, found {found} ms before frame {frame}")]
    Times {
        /// The mean step, ms.
        expected: f64,
        /// Another step, ms.
        found: f64,
        /// The frame at the end of that step.
        frame: usize,
    },
    /// A value or a position is not finite.
    #[error("a {what} is not finite, expected a number, found `{value}`")]
    NotFinite {
        /// `value` or `position`.
        what: &'static str,
        /// The value.
        value: f64,
    },
    /// The largest value is too large or too small for squares and scales.
    #[error("the largest value is out of range, expected 0 or a magnitude from 1e-100 to 1e100, found {0:e}")]
    Magnitude(f64),
    /// The radius of the sources of the kernel method is not a positive length.
    #[error("radius of sources out of range, expected a number from 1e-3 to 1e9 \u{b5}m, found `{0}`")]
    SourceRadius(f64),
    /// A figure needs the depths of the contacts.
    #[error("{figure} needs contacts at {expected} different depths or more, found {found}")]
    Depths {
        /// What should be drawn.
        figure: &'static str,
        /// The number of different depths needed.
        expected: usize,
        /// The number of different depths.
        found: usize,
    },
    /// Current source densities need potentials.
    #[error("current source density needs potentials in `V`, `mV` or `uV`, found `{0}`")]
    Unit(String),
    /// There are too few frames for a spectrum.
    #[error("a spectrum needs at least {expected} frames, found {found}")]
    Frames {
        /// The number of frames needed.
        expected: usize,
        /// The number of frames.
        found: usize,
    },
    /// Positions and values of a depth profile do not fit together, or a number is out of range.
    #[error("depth profile out of range, expected ascending depths, as many values, and numbers above 0 as settings")]
    Profile,
    /// The columns of a report are not the same contacts for every cell.
    #[error("{found} columns, expected a multiple of {contacts} contacts")]
    Columns {
        /// The number of contacts.
        contacts: usize,
        /// The number of columns.
        found: usize,
    },
    /// The file is another output of `leadfield signals`.
    #[error("signals as `{0}`, expected a report of signals in HDF5")]
    Format(&'static str),
    /// The file has no report.
    #[error("no report of signals, expected a dataset `/report/POPULATION/data` of frames and contacts")]
    NoReport,
    /// A report has membrane currents.
    #[error(
        "elements repeat, expected contacts 0, 1, 2, ... for each cell, found sections as in a report of membrane currents"
    )]
    Currents,
    /// The elements of a cell are not the numbers of contacts.
    #[error(
        "element is not the number of the contact, expected {expected}, since contacts are 0, 1, 2, ... for each cell, \
         found {found}"
    )]
    Elements {
        /// The number of the contact.
        expected: usize,
        /// The element's number.
        found: u32,
    },
    /// A contact of the report is none of the electrodes.
    #[error("no electrode of contact `{contact}`, expected those of the report, found {found}")]
    OtherElectrodes {
        /// The contact.
        contact: String,
        /// The electrodes.
        found: String,
    },
    /// Populations of a report cannot be added up.
    #[error("another {what} than in population `{first}`, expected {expected}, found {found}")]
    OtherPopulation {
        /// What differs.
        what: &'static str,
        /// The first population.
        first: String,
        /// Its value.
        expected: String,
        /// The value of this population.
        found: String,
    },
    /// Several populations have a group of the name.
    #[error("group `{found}` is in several populations, expected one of {known}")]
    AmbiguousGroup {
        /// The groups after their populations.
        known: String,
        /// The name.
        found: String,
    },
    /// The number of names or units is not that of contacts or groups.
    #[error("{found} texts, expected {expected}")]
    Texts {
        /// The number of contacts or groups.
        expected: usize,
        /// The number of texts.
        found: usize,
    },
    /// Contacts have different units.
    #[error("signals of several units, expected one unit, found {0}")]
    SeveralUnits(String),
    /// The report has several groups, which may overlap.
    #[error("signals of several groups, expected one group, found {0}")]
    SeveralGroups(String),
    /// No group has the name.
    #[error("unknown group, expected one of {known}, found `{found}`")]
    UnknownGroup {
        /// The groups.
        known: String,
        /// The name.
        found: String,
    },
    /// The values need too much memory.
    #[error("too many values to draw, expected at most {most}, found {found}")]
    TooManyValues {
        /// The largest number of values.
        most: usize,
        /// The number of values.
        found: usize,
    },
    /// The electrodes have another number than the contacts.
    #[error("{found} electrodes, expected {expected} as in the report")]
    Electrodes {
        /// The number of contacts.
        expected: usize,
        /// The number of electrodes.
        found: usize,
    },
}

impl Problem for SignalProblem {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Depths { .. } => Some("give the positions of the contacts with `--electrodes FILE`".into()),
            Self::Currents => {
                Some("signals of these currents: `leadfield signals REPORT --weights WEIGHTS -o signals.h5`".into())
            }
            Self::SeveralUnits(_) => Some(
                "choose contacts of one unit with `--electrode NAME,...`, of `plot signals` or of `signals`".into(),
            ),
            Self::SeveralGroups(_) => Some(
                "choose one with `--group NAME` of `plot signals`; the sum over all neurons is `signals` without `--by`"
                    .into(),
            ),
            Self::OtherElectrodes { .. } => {
                Some("names and positions of the report are used without `--electrodes`".into())
            }
            Self::OtherPopulation { .. } | Self::AmbiguousGroup { .. } => {
                Some("choose one with `--group POPULATION/NAME` of `plot signals`".into())
            }
            Self::TooManyValues { .. } => {
                Some("write fewer contacts, a part of the time, or longer steps with `leadfield signals`".into())
            }
            Self::NoReport | Self::Format(_) => Some(
                "pictures need the `.h5` of `leadfield signals`, `-o signals.h5`, or an `lfp` report of the simulator".into(),
            ),
            _ => None,
        }
    }
}

/// Largest relative difference of a time step from the mean step.
const STEP_TOLERANCE: f64 = 1e-3;

/// Magnitudes of the largest value: powers, derivatives and scales of these are finite and not 0.
const MAGNITUDES: std::ops::RangeInclusive<f64> = 1e-100..=1e100;

impl SignalTraces {
    /// Returns the number of frames.
    pub fn frames(&self) -> usize {
        self.times_ms.len()
    }

    /// Returns the number of contacts.
    pub fn contacts(&self) -> usize {
        self.contact_names.len()
    }

    /// Returns the time between two frames, ms.
    pub fn step_ms(&self) -> f64 {
        let span =
            self.times_ms.last().copied().unwrap_or_default() - self.times_ms.first().copied().unwrap_or_default();
        span / self.frames().saturating_sub(1).max(1) as f64
    }

    /// Returns the values of one contact.
    pub fn trace(&self, contact: usize) -> Vec<f64> {
        self.values.chunks_exact(self.contacts().max(1)).filter_map(|frame| frame.get(contact).copied()).collect()
    }

    /// Checks that lengths match, times have equal steps, and numbers are finite and neither too large nor too small.
    ///
    /// # Errors
    /// Returns an error that names the first fault.
    pub fn check(&self) -> Result<(), SignalProblem> {
        let (frames, contacts) = (self.frames(), self.contacts());
        if frames < 2 || contacts == 0 {
            return Err(SignalProblem::TooFew { frames, contacts });
        }
        if self.values.len() != frames.saturating_mul(contacts) {
            return Err(SignalProblem::Values { expected: frames.saturating_mul(contacts), found: self.values.len() });
        }
        if !self.positions_um.is_empty() && self.positions_um.len() != contacts {
            return Err(SignalProblem::Positions { expected: contacts, found: self.positions_um.len() });
        }
        let step = self.step_ms();
        for (i, pair) in self.times_ms.windows(2).enumerate() {
            let found = pair[1] - pair[0];
            if !(found > 0.0 && (found - step).abs() <= STEP_TOLERANCE * step) {
                return Err(SignalProblem::Times { expected: step, found, frame: i + 1 });
            }
        }
        let positions = self.positions_um.iter().flat_map(|p| p.to_array());
        let mut numbers = positions.map(|v| ("position", v)).chain(self.values.iter().map(|v| ("value", *v)));
        if let Some((what, value)) = numbers.find(|(_, v)| !v.is_finite()) {
            return Err(SignalProblem::NotFinite { what, value });
        }
        let most = self.values.iter().map(|v| v.abs()).fold(0.0, f64::max);
        match most == 0.0 || MAGNITUDES.contains(&most) {
            true => Ok(()),
            false => Err(SignalProblem::Magnitude(most)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn traces() -> SignalTraces {
        SignalTraces {
            times_ms: vec![0.0, 0.5, 1.0],
            contact_names: vec!["a".into(), "b".into()],
            positions_um: Vec::new(),
            values: vec![0.0; 6],
            unit: "mV".into(),
            notes: Vec::new(),
        }
    }

    #[test]
    fn faults_are_named() {
        assert_eq!(traces().check(), Ok(()));
        let check = |change: &dyn Fn(&mut SignalTraces)| {
            let mut changed = traces();
            change(&mut changed);
            changed.check().unwrap_err().to_string()
        };
        assert_eq!(check(&|t| t.values.truncate(5)), "5 values, expected 6: one for each frame and contact");
        assert_eq!(
            check(&|t| t.times_ms[1] = 0.6),
            "times in unequal steps, expected 0.5 ms in each, found 0.6 ms before frame 1"
        );
        assert_eq!(check(&|t| t.values[3] = f64::NAN), "a value is not finite, expected a number, found `NaN`");
        assert_eq!(check(&|t| t.positions_um = vec![Point::ORIGIN]), "1 positions of contacts, expected 2");
        let magnitude = |value: f64| check(&|t| t.values = vec![0.0, value, 0.0, -value, 0.0, 0.0]);
        assert_eq!(
            [1e300, 1e-320].map(magnitude),
            ["1e300", "1e-320"].map(|found| format!(
                "the largest value is out of range, expected 0 or a magnitude from 1e-100 to 1e100, found {found}"
            ))
        );
        assert!(check(&|t| t.times_ms.truncate(1)).starts_with("too few signals"));
    }
}
