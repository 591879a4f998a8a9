//! The head as four concentric spheres: brain, cerebrospinal fluid (CSF), skull and scalp.
//!
//! | symbol | meaning | unit | default |
//! |---|---|---|---|
//! | h | centre of the spheres in the circuit's frame | µm | none: it must be given |
//! | R1, R2, R3, R4 | outer radii of brain, CSF, skull and scalp | µm | 79000, 80000, 85000, 90000 |
//! | s1, s2, s3, s4 | their conductivities | S/m | 0.33, 1.65, 0.0165, 0.33 |
//!
//! The defaults are those of S. Naess et al., Front. Hum. Neurosci. 11, 490 (2017), doi:10.3389/fnhum.2017.00490: the
//! CSF conducts five times better than the brain, the skull twenty times worse, the scalp as well. Outside the scalp is
//! air. Spheres look the same from all sides, so that the head's orientation matters only where contacts are placed by
//! their name.

use crate::error::Problem;
use crate::geometry::Point;
use crate::units::SiemensPerMeter;

/// Radii of brain, CSF, skull and scalp if none are given, µm.
pub const DEFAULT_RADII_UM: [f64; 4] = [79_000.0, 80_000.0, 85_000.0, 90_000.0];

/// Conductivities of brain, CSF, skull and scalp if none are given, S/m.
pub const DEFAULT_CONDUCTIVITIES_S_PER_M: [f64; 4] = [0.33, 1.65, 0.0165, 0.33];

/// A contact that is beyond the scalp, or inside the brain, by less than this is on the surface, µm: positions are
/// often rounded, and electrodes files store them in single precision.
pub const SURFACE_TOLERANCE_UM: f64 = 0.1;

/// The settings of a contact's head; missing ones have defaults, except the centre.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct HeadSettings {
    /// Centre of the spheres in the circuit's frame, µm.
    pub center_um: Option<Point>,
    /// Outer radii of brain, CSF, skull and scalp, µm.
    pub radii_um: Option<[f64; 4]>,
    /// Conductivities of brain, CSF, skull and scalp.
    pub conductivities: Option<[SiemensPerMeter; 4]>,
}

impl HeadSettings {
    /// Returns these settings, with the missing ones taken from others.
    #[must_use]
    pub fn or(self, others: Self) -> Self {
        Self {
            center_um: self.center_um.or(others.center_um),
            radii_um: self.radii_um.or(others.radii_um),
            conductivities: self.conductivities.or(others.conductivities),
        }
    }

    /// Returns the head with these settings.
    ///
    /// # Errors
    /// Returns an error if there is no centre, or the radii do not increase from above 0.
    pub fn to_head(self) -> Result<FourSphereHead, HeadProblem> {
        let radii_um = self.radii_um.unwrap_or(DEFAULT_RADII_UM);
        let increase = radii_um.iter().zip(radii_um.iter().skip(1)).all(|(inner, outer)| inner < outer);
        if !(increase && radii_um.iter().all(|r| *r > 0.0 && r.is_finite())) {
            return Err(HeadProblem::Radii(radii_um.map(|r| r.to_string()).join(", ")));
        }
        let sigmas = self.conductivities.map(|sigmas| sigmas.map(SiemensPerMeter::get));
        Ok(FourSphereHead {
            center_um: self.center_um.ok_or(HeadProblem::NoCenter)?,
            radii_um,
            conductivities_s_per_m: sigmas.unwrap_or(DEFAULT_CONDUCTIVITIES_S_PER_M),
        })
    }
}

/// A head of four concentric spheres; see the [module](self).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FourSphereHead {
    /// Centre of the spheres in the circuit's frame, µm.
    pub center_um: Point,
    /// Outer radii of brain, CSF, skull and scalp, µm, increasing.
    pub radii_um: [f64; 4],
    /// Conductivities of brain, CSF, skull and scalp, S/m.
    pub conductivities_s_per_m: [f64; 4],
}

impl FourSphereHead {
    /// Returns the radius of the brain, µm.
    pub const fn brain_radius_um(&self) -> f64 {
        self.radii_um[0]
    }

    /// Returns the radius of the head, µm.
    pub const fn scalp_radius_um(&self) -> f64 {
        self.radii_um[3]
    }

    /// Returns the distance of an electrode from the centre, µm, for an electrode between the surfaces of brain and
    /// scalp. One that is off by at most [`SURFACE_TOLERANCE_UM`] is on the surface.
    ///
    /// # Errors
    /// Returns an error if the electrode lies inside the brain or outside the head.
    pub fn electrode_radius_um(&self, electrode: Point) -> Result<f64, HeadProblem> {
        let [brain, .., scalp] = self.radii_um;
        let found = electrode.distance(self.center_um);
        let place = ElectrodePlace { brain, scalp, found };
        if found < brain - SURFACE_TOLERANCE_UM {
            Err(HeadProblem::InBrain(place))
        } else if found <= scalp + SURFACE_TOLERANCE_UM {
            Ok(found.clamp(brain, scalp))
        } else {
            Err(HeadProblem::OutsideHead(place))
        }
    }

    /// Returns whether a point lies in the brain; one that is not finite does not.
    pub fn is_in_brain(&self, point: Point) -> bool {
        point.distance(self.center_um) <= self.brain_radius_um()
    }

    /// Returns the problem of a source outside the brain; `None` for one inside.
    pub fn source_problem(&self, source: Point, what: &str) -> Option<SourceOutsideBrain> {
        let found_um = source.distance(self.center_um);
        let problem = || SourceOutsideBrain { what: what.into(), brain_um: self.brain_radius_um(), found_um };
        (!self.is_in_brain(source)).then(problem)
    }
}

/// The distance of an electrode from the head's centre, and the radii that bound it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ElectrodePlace {
    /// Radius of the brain, µm.
    pub brain: f64,
    /// Radius of the scalp, µm.
    pub scalp: f64,
    /// Distance of the electrode from the head's centre, µm.
    pub found: f64,
}

/// Problems of a contact's head.
#[derive(Debug, thiserror::Error, PartialEq)]
#[non_exhaustive]
pub enum HeadProblem {
    /// The position of the head is unknown.
    #[error("no head, expected the centre of its spheres in the circuit's frame, found none")]
    NoCenter,
    /// The radii do not increase.
    #[error(
        "wrong radii, expected those of brain, CSF, skull and scalp, each larger than the one before, found {0} µm"
    )]
    Radii(String),
    /// The electrode is inside the brain.
    #[error(
        "electrode inside the brain, expected {} to {} µm from the head's centre, found {:.1} µm", .0.brain, .0.scalp, .0.found
    )]
    InBrain(ElectrodePlace),
    /// The electrode is outside the head.
    #[error(
        "electrode outside the head, expected {} to {} µm from the head's centre, found {:.1} µm", .0.brain, .0.scalp, .0.found
    )]
    OutsideHead(ElectrodePlace),
    /// The magnetometer is inside the head.
    #[error(
        "magnetometer inside the head, expected at least {} µm from the head's centre, found {:.1} µm", .0.scalp, .0.found
    )]
    MagnetometerInside(ElectrodePlace),
}

impl Problem for HeadProblem {
    fn hint(&self) -> Option<String> {
        let text = match self {
            Self::NoCenter => "give `head_center` (x y z, µm) in the electrodes file, or `--head-pose FILE`",
            Self::Radii(_) => {
                "the radii are `head_radii` in the electrodes file, or `radii` in the file of `--head-pose`"
            }
            Self::InBrain(_) => {
                "for a contact in the tissue use `LineSource` or `PointSource`; is `head_center` in the circuit's frame?"
            }
            Self::OutsideHead(_) | Self::MagnetometerInside(_) => {
                "positions are in the circuit's frame; `leadfield electrodes cap` places contacts on the scalp"
            }
        };
        Some(text.into())
    }
}

/// A source lies outside the brain sphere.
#[derive(Debug, thiserror::Error, PartialEq)]
#[error("{what} is outside the brain, expected at most {brain_um} µm from the head's centre, found {found_um:.1} µm")]
pub struct SourceOutsideBrain {
    /// The source.
    pub what: String,
    /// Radius of the brain, µm.
    pub brain_um: f64,
    /// Distance of the source from the head's centre, µm.
    pub found_um: f64,
}

impl Problem for SourceOutsideBrain {
    fn hint(&self) -> Option<String> {
        Some("move the head: `head_center` is its centre in the circuit's frame; see docs/eeg.md".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head() -> HeadSettings {
        HeadSettings { center_um: Some(Point::new(0.0, -78_000.0, 0.0)), ..HeadSettings::default() }
    }

    #[test]
    fn a_head_needs_a_centre_and_increasing_radii() {
        assert_eq!(
            HeadSettings::default().to_head().unwrap_err().to_string(),
            "no head, expected the centre of its spheres in the circuit's frame, found none"
        );
        for radii in [[79e3, 79e3, 85e3, 90e3], [79e3, 80e3, 90e3, 85e3], [-1.0, 80e3, 85e3, 90e3]] {
            let error = HeadSettings { radii_um: Some(radii), ..head() }.to_head().unwrap_err().to_string();
            let [a, b, c, d] = radii;
            let expected =
                "wrong radii, expected those of brain, CSF, skull and scalp, each larger than the one before";
            assert_eq!(error, format!("{expected}, found {a}, {b}, {c}, {d} µm"));
        }
        let found = head().to_head().unwrap();
        assert_eq!((found.brain_radius_um(), found.scalp_radius_um()), (79_000.0, 90_000.0));
    }

    #[test]
    fn an_electrode_lies_between_brain_and_air() {
        let head = head().to_head().unwrap();
        let at = |r: f64| head.electrode_radius_um(Point::new(0.0, -78_000.0, r));
        assert_eq!((at(79_000.0), at(83_000.0), at(90_000.0)), (Ok(79_000.0), Ok(83_000.0), Ok(90_000.0)));
        assert_eq!((at(90_000.05), at(78_999.95)), (Ok(90_000.0), Ok(79_000.0)));
        assert_eq!(
            at(50_000.0).unwrap_err().to_string(),
            "electrode inside the brain, expected 79000 to 90000 µm from the head's centre, found 50000.0 µm"
        );
        assert_eq!(
            at(91_000.0).unwrap_err().to_string(),
            "electrode outside the head, expected 79000 to 90000 µm from the head's centre, found 91000.0 µm"
        );
    }

    #[test]
    fn a_source_outside_the_brain_is_named() {
        let head = head().to_head().unwrap();
        assert_eq!(head.source_problem(Point::ORIGIN, "it"), None);
        assert_eq!(
            head.source_problem(Point::new(0.0, 2000.0, 0.0), "the centre of node 3").unwrap().to_string(),
            "the centre of node 3 is outside the brain, expected at most 79000 µm from the head's centre, found 80000.0 µm"
        );
    }
}
