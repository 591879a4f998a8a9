//! The medium around a contact: its conductivities along the axes, and the plane at which it ends.
//!
//! # Anisotropy
//! In an unbounded medium with the conductivities sx, sy, sz (S/m) along x, y and z, a current I at the origin produces
//! the potential
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
//! geometric mean s of the three conductivities. The scaling preserves volumes (its determinant is 1), lines, and equal
//! parts of a line. Therefore the line source in this medium is the line source between the scaled ends, with the
//! scaled length. Equal conductivities scale by exactly 1.
//!
//! # Boundary plane
//! The medium fills one side of a plane perpendicular to an axis. Beyond the plane the conductivity is so (S/m), the
//! same in all directions. For a contact c in an isotropic medium with conductivity s, a source at x produces
//!
//! ```text
//! phi = I/(4 pi s) (1/|x - c| + k/|x* - c|),   k = (s - so)/(s + so)
//! ```
//!
//! Here x* is always on the other side of the plane than the contact: it is x mirrored if both are on one side, and x
//! itself if the plane is between them. The second case gives the known transmission 2 s/(s + so) of the unbounded
//! potential. The potential is continuous where x crosses the plane. A segment that crosses the plane is cut there, so
//! that its image is folded instead of a line. For a contact beyond the plane s and so are exchanged. At an insulator,
//! so = 0, the image doubles the potential of a source that touches the plane; a contact or a segment inside the
//! insulator has no potential and is an error.
//!
//! In an anisotropic medium, let sn be the conductivity across the plane and st along it. Scale the coordinates as
//! above, and those beyond the plane by l = sqrt(s/st) in all directions relative to it. Both sides are then isotropic,
//! with s and so/l, and the formula holds with these. (In the Fourier components exp(i q.t) along the plane the
//! potential decays as exp(-q sqrt(st/sn) n) in the medium and as exp(-q n) beyond, so the reflected share is (sqrt(st
//! sn) - so)/(sqrt(st sn) + so) for all q, and s l = sqrt(st sn).) With two different conductivities along the plane
//! the share depends on the direction of q and there is no image, unless so = 0; then the share is 1 in every
//! direction.
//!
//! # Slice
//! Between two planes, as on a microelectrode array, there is a series of images: see [`Slice`].
//!
//! # Near field
//! The radius of a segment applies in the scaled coordinates, for the image as for the segment. Around a point source
//! this is the ellipsoid on which the potential is constant, with the volume of the ball.
//!
//! # Source
//! Anisotropy: C. Nicholson, J. A. Freeman, J. Neurophysiol. 38, 356 (1975), doi:10.1152/jn.1975.38.2.356. Images, also
//! in anisotropic media: T. V. Ness et al., Neuroinformatics 13, 403 (2015), doi:10.1007/s12021-015-9265-6.

mod boundary;
mod coordinate_map;
mod image_configuration;
pub mod slice;

pub use self::boundary::{Axis, Boundary, Side};
pub(super) use self::coordinate_map::CoordinateMap;
pub(super) use self::image_configuration::ImageConfiguration;
pub use self::image_configuration::{MediumProblem, SegmentInInsulator};
pub use self::slice::{SegmentOutsideSlice, Slice, SlicePlane};

use crate::error::Problem;
use crate::units::{InvalidConductivity, SiemensPerMeter};

/// The conductivity of a medium.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Conductivity {
    /// The same in all directions.
    Isotropic(SiemensPerMeter),
    /// Along x, y and z.
    Anisotropic([SiemensPerMeter; 3]),
}

impl Conductivity {
    /// Returns the conductivities along x, y and z, S/m.
    pub const fn components_s_per_m(self) -> [f64; 3] {
        match self {
            Self::Isotropic(s) => [s.get(); 3],
            Self::Anisotropic([x, y, z]) => [x.get(), y.get(), z.get()],
        }
    }

    /// Returns the conductivity, S/m, if it is the same in all directions.
    pub fn isotropic_s_per_m(self) -> Option<f64> {
        let [x, y, z] = self.components_s_per_m();
        (x == y && y == z).then_some(x)
    }

    /// Returns the conductivity in the scaled coordinates, S/m: the geometric mean.
    pub(in crate::methods) fn geometric_mean_s_per_m(self) -> f64 {
        let product = |[x, y, z]: [f64; 3]| x.cbrt() * y.cbrt() * z.cbrt();
        self.isotropic_s_per_m().unwrap_or_else(|| product(self.components_s_per_m()))
    }

    /// Returns the factors of the scaled coordinates.
    pub(in crate::methods) fn scale_factors(self) -> [f64; 3] {
        let mean = self.geometric_mean_s_per_m();
        self.components_s_per_m().map(|s| (mean / s).sqrt())
    }
}

impl From<SiemensPerMeter> for Conductivity {
    fn from(s: SiemensPerMeter) -> Self {
        Self::Isotropic(s)
    }
}

/// Problems of a conductivity's text.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConductivityProblem {
    /// Neither one number nor three.
    #[error("wrong conductivity, expected a number in S/m, or three (along x, y, z), found `{0}`")]
    Text(String),
    /// A number is out of range.
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

    /// Parses one number, or three separated by commas.
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
