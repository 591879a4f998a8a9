//! The medium round a contact: how it conducts along the axes, and the plane at which it ends.
//!
//! # Along the axes
//! In an unbounded medium that conducts with sx, sy, sz along x, y and z, a current I from the origin makes
//!
//! ```text
//!                           I                                I
//! phi = --------------------------------------------- = ------------,   s^3 = sx sy sz
//!       4 pi sqrt(sy sz x^2 + sx sz y^2 + sx sy z^2)    4 pi s |r'|
//!
//! r' = (x sqrt(s/sx), y sqrt(s/sy), z sqrt(s/sz))
//! ```
//!
//! since sy sz x^2 = (s^3/sx) x^2 = s^2 (s/sx) x^2. So in the scaled coordinates r' the medium is isotropic, with the
//! geometric mean s of the three conductivities. The scaling keeps volumes (its determinant is 1), lines, and equal parts of
//! a line: the line source in this medium is the line source between the scaled ends, of the scaled length. Equal
//! conductivities scale by exactly 1.
//!
//! # At a plane
//! The medium fills one side of a plane across an axis; beyond it the conductivity is so, the same in all directions.
//! A point x is seen from a contact c in an isotropic medium s as
//!
//! ```text
//! phi = I/(4 pi s) (1/|x - c| + k/|x* - c|),   k = (s - so)/(s + so)
//! ```
//!
//! with x* on the other side of the plane than the contact: x mirrored where both are on one side, x itself where the plane
//! is between them, which gives the known transmission 2 s/(s + so) of the unbounded potential. It is continuous where
//! x passes through the plane. A segment that does is cut there, so that its image is folded rather than a line. For a
//! contact beyond the plane s and so change places. At an insulator, so = 0, the image doubles the potential of what
//! touches it; a contact or a segment in the insulator has no potential at all and is refused.
//!
//! In a medium with axes of its own, let sn be the conductivity across the plane and st along it. Scale the coordinates as
//! above, and those beyond the plane by l = sqrt(s/st) in all directions about it: both sides are isotropic then, with s and
//! so/l, and the formula holds with these. (In the Fourier components exp(i q.t) along the plane the potential falls off as
//! exp(-q sqrt(st/sn) n) in the medium and as exp(-q n) beyond, so the reflected share is
//! (sqrt(st sn) - so)/(sqrt(st sn) + so) for all q, and s l = sqrt(st sn).) With two different conductivities along the
//! plane the share depends on the direction of q and there is no image, unless so = 0, where it is 1 in every direction.
//!
//! # Near field
//! The radius of a segment counts in the scaled coordinates, for the image as for the segment. Round a point source
//! that is the ellipsoid on which the potential is constant, of the volume of the ball.
//!
//! # Source
//! Along the axes: C. Nicholson, J. A. Freeman, J. Neurophysiol. 38, 356 (1975), doi:10.1152/jn.1975.38.2.356. Images, also in
//! anisotropic media: T. V. Ness et al., Neuroinformatics 13, 403 (2015), doi:10.1007/s12021-015-9265-6.

mod boundary;
mod coordinate_map;
mod image_configuration;

pub use self::boundary::{Axis, Boundary, Side};
pub(super) use self::coordinate_map::CoordinateMap;
pub(super) use self::image_configuration::ImageConfiguration;
pub use self::image_configuration::{MediumProblem, SegmentInInsulator};

use crate::error::Problem;
use crate::units::{InvalidConductivity, SiemensPerMeter};

/// How a medium conducts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Conductivity {
    /// Alike in all directions.
    Isotropic(SiemensPerMeter),
    /// Along x, y and z.
    Anisotropic([SiemensPerMeter; 3]),
}

impl Conductivity {
    /// Along x, y and z, S/m.
    pub const fn components_s_per_m(self) -> [f64; 3] {
        match self {
            Self::Isotropic(s) => [s.get(); 3],
            Self::Anisotropic([x, y, z]) => [x.get(), y.get(), z.get()],
        }
    }

    /// The conductivity, S/m, where it is alike in all directions.
    pub fn isotropic_s_per_m(self) -> Option<f64> {
        let [x, y, z] = self.components_s_per_m();
        (x == y && y == z).then_some(x)
    }

    /// That of the isotropic medium in the scaled coordinates, S/m: the geometric mean.
    fn geometric_mean_s_per_m(self) -> f64 {
        let product = |[x, y, z]: [f64; 3]| x.cbrt() * y.cbrt() * z.cbrt();
        self.isotropic_s_per_m().unwrap_or_else(|| product(self.components_s_per_m()))
    }

    /// The factors of the scaled coordinates.
    fn scale_factors(self) -> [f64; 3] {
        let mean = self.geometric_mean_s_per_m();
        self.components_s_per_m().map(|s| (mean / s).sqrt())
    }
}

impl From<SiemensPerMeter> for Conductivity {
    fn from(s: SiemensPerMeter) -> Self {
        Self::Isotropic(s)
    }
}

/// A text that is no conductivity.
#[derive(Debug, thiserror::Error)]
pub enum ConductivityProblem {
    /// Not one number or three.
    #[error("wrong conductivity, expected a number in S/m, or three (along x, y, z), found `{0}`")]
    Text(String),
    /// A number out of range.
    #[error(transparent)]
    OutOfRange(#[from] InvalidConductivity),
}

impl Problem for ConductivityProblem {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Text(_) => Some("for example `--conductivity 0.277`, or `--conductivity 0.3,0.4,0.3`".into()),
            Self::OutOfRange(range) => range.hint(),
        }
    }
}

impl std::str::FromStr for Conductivity {
    type Err = ConductivityProblem;

    /// A number, or three with commas between them.
    fn from_str(text: &str) -> Result<Self, ConductivityProblem> {
        let wrong = || ConductivityProblem::Text(text.into());
        let numbers = text.split(',').map(|n| n.trim().parse::<f64>()).collect::<Result<Vec<_>, _>>();
        let sigmas =
            numbers.map_err(|_| wrong())?.into_iter().map(SiemensPerMeter::new).collect::<Result<Vec<_>, _>>()?;
        match sigmas[..] {
            [sigma] => Ok(Self::Isotropic(sigma)),
            [x, y, z] => Ok(Self::Anisotropic([x, y, z])),
            _ => Err(wrong()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_number_or_three_are_a_conductivity() {
        let parse = |text: &str| text.parse::<Conductivity>().map_err(|e| e.to_string());
        assert_eq!(parse("3e-1").unwrap().components_s_per_m(), [0.3; 3]);
        assert_eq!(parse("0.3, 0.4,0.5").unwrap().components_s_per_m(), [0.3, 0.4, 0.5]);
        for text in ["", "wet", "0.3,0.4", "1,2,3,4", "0.3;0.3;0.3"] {
            let expected = "wrong conductivity, expected a number in S/m, or three (along x, y, z), found";
            assert_eq!(parse(text).unwrap_err(), format!("{expected} `{text}`"));
        }
        assert_eq!(
            parse("0.3,0,0.3").unwrap_err(),
            "conductivity out of range, expected a number from 1e-30 to 1e30 S/m, found `0`"
        );
    }

    #[test]
    fn equal_conductivities_scale_by_exactly_one() {
        for s in [0.1, 0.277, 0.3, 1.0 / 3.0, 7e-5] {
            let equal: Conductivity = format!("{s},{s},{s}").parse().unwrap();
            assert_eq!((equal.geometric_mean_s_per_m(), equal.scale_factors()), (s, [1.0; 3]));
        }
        let [x, y, z] = "0.1,0.2,0.4".parse::<Conductivity>().unwrap().scale_factors();
        assert!((x * y * z - 1.0).abs() < 1e-15);
        assert!((x - 2_f64.sqrt()).abs() < 1e-15 && (y - 1.0).abs() < 1e-15);
    }
}
