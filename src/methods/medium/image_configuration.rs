//! The medium as one contact sees it: the maps of segments and images, and the conductivity around the contact.

use super::coordinate_map::{CoordinateMap, MappedPlane};
use super::{Boundary, Conductivity, Side};
use crate::error::Problem;
use crate::geometry::Point;

/// The terms of a contact's weight: w = w(segments mapped by `direct`) + k w(segments mapped by the image's map), both
/// with one conductivity.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ImageConfiguration {
    /// Map of the segments.
    pub direct: CoordinateMap,
    /// Map of the images, and their strength k.
    pub image: Option<(CoordinateMap, f64)>,
    /// Conductivity around the contact, in the scaled coordinates, S/m.
    pub conductivity_s_per_m: f64,
}

/// Problems of a contact at a boundary.
#[derive(Debug, thiserror::Error, PartialEq)]
#[non_exhaustive]
pub enum MediumProblem {
    /// The contact lies on the plane, so its side does not determine that of the medium.
    #[error("contact on its boundary, expected the medium's side, as in `{expected}`, found `{found}`")]
    OnBoundary {
        /// The boundary with a side.
        expected: String,
        /// The boundary.
        found: String,
    },
    /// The contact is inside an insulator.
    #[error("contact in an insulator, expected one at {expected}, found {found}")]
    InInsulator {
        /// The medium's side.
        expected: String,
        /// The contact's coordinate.
        found: String,
    },
    /// The disc crosses the plane.
    #[error("disc across the boundary, expected all of it on one side of {plane}, found {found}")]
    DiscAcross {
        /// The plane.
        plane: String,
        /// The interval that the disc covers.
        found: String,
    },
    /// The medium has different conductivities along the two axes of the plane, so there is no image.
    #[error(
        "no image in this medium, expected equal conductivities along {axes} or 0 S/m beyond the boundary, found {found}"
    )]
    NoImage {
        /// The axes along the plane.
        axes: String,
        /// Their conductivities, and the conductivity beyond.
        found: String,
    },
    /// The contact is outside the slice.
    #[error("contact outside the slice, expected one at {expected}, found {found}")]
    OutsideSlice {
        /// The slice.
        expected: String,
        /// The contact's coordinate.
        found: String,
    },
    /// The planes of the slice reflect so much that the sum of images has no limit.
    #[error(
        "slice between two mirrors, expected a plane that conducts like the tissue within a factor of 50, found `{found}`"
    )]
    ReflectingSlice {
        /// The slice.
        found: String,
    },
    /// The slice has no single conductivity.
    #[error("slice of anisotropic tissue, expected one conductivity, found several")]
    AnisotropicSlice,
}

impl Problem for MediumProblem {
    fn hint(&self) -> Option<String> {
        match self {
            Self::OnBoundary { .. } => Some("give the side of the medium with `<` or `>`".into()),
            Self::NoImage { .. } | Self::AnisotropicSlice => {
                Some("use a field solver for this medium, and `Reciprocity` with its lead field".into())
            }
            Self::ReflectingSlice { .. } => Some("one plane alone is `z>0, 0`; saline conducts about 1.5 S/m".into()),
            Self::InInsulator { .. } | Self::DiscAcross { .. } | Self::OutsideSlice { .. } => None,
        }
    }
}

/// A segment reaches into an insulator.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{what} reaches into an insulator, expected all of it at {expected}, found {found}")]
pub struct SegmentInInsulator {
    /// The segment.
    pub what: String,
    /// The medium's side.
    pub expected: String,
    /// The coordinate that is furthest beyond the boundary.
    pub found: String,
}

impl Problem for SegmentInInsulator {
    fn hint(&self) -> Option<String> {
        Some("move the boundary, or give the conductivity beyond it: `boundary` is `z<1200, 0.3`".into())
    }
}

impl ImageConfiguration {
    /// Returns the configuration for a contact at a position.
    ///
    /// # Errors
    /// Returns a [`MediumProblem`] if the contact has no potential in this medium.
    pub fn for_contact(
        at: Point,
        conductivity: Conductivity,
        boundary: Option<Boundary>,
    ) -> Result<Self, MediumProblem> {
        let (mean, factors) = (conductivity.geometric_mean_s_per_m(), conductivity.scale_factors());
        let Some(boundary) = boundary else {
            return Ok(Self {
                direct: CoordinateMap { factors, plane: None },
                image: None,
                conductivity_s_per_m: mean,
            });
        };
        let medium = boundary.resolve_medium_side(at)?;
        let beyond = boundary.beyond_boundary(conductivity)?;
        let contact_side = boundary.side_of(at).unwrap_or(medium);
        let (here, there) = match beyond {
            Some(BeyondBoundary { conductivity_s_per_m: conductivity, .. }) if contact_side != medium => {
                (conductivity, mean)
            }
            Some(BeyondBoundary { conductivity_s_per_m: conductivity, .. }) => (mean, conductivity),
            None if contact_side != medium => return Err(boundary.insulator_problem(at, medium)),
            None => (mean, 0.0),
        };
        let map = |onto: Option<Side>| {
            let Boundary { axis, position_um: at, .. } = boundary;
            let plane = MappedPlane {
                axis,
                position_um: at,
                medium_side: medium,
                beyond_factor: beyond.map(|b| b.factor),
                mirror_onto: onto,
            };
            CoordinateMap { factors, plane: Some(plane) }
        };
        let k = (here - there) / (here + there);
        // if the factor is the same on both sides, segments need not be cut at the plane
        let even = beyond.is_none_or(|b| b.factor == factors[boundary.axis.index()]);
        let direct = if even { CoordinateMap { factors, plane: None } } else { map(None) };
        let image = (k != 0.0).then(|| (map(Some(contact_side.opposite())), k));
        Ok(Self { direct, image, conductivity_s_per_m: here })
    }
}

/// The medium beyond a boundary, in the scaled coordinates.
#[derive(Clone, Copy)]
struct BeyondBoundary {
    factor: f64,
    conductivity_s_per_m: f64,
}

impl Boundary {
    /// Returns the side of the medium.
    fn resolve_medium_side(&self, contact: Point) -> Result<Side, MediumProblem> {
        let with = |side| Self { medium_side: Some(side), ..*self };
        let undecided =
            || MediumProblem::OnBoundary { expected: with(Side::Below).to_string(), found: self.to_string() };
        self.with_side_of(contact).medium_side.ok_or_else(undecided)
    }

    /// Returns the medium beyond the boundary; `None` for an insulator.
    fn beyond_boundary(&self, medium: Conductivity) -> Result<Option<BeyondBoundary>, MediumProblem> {
        let (factors, along) = (medium.scale_factors(), medium.components_s_per_m());
        let [a, b] = self.axis.other_axes();
        let (factor, other) = (factors[a.index()], factors[b.index()]);
        match self.beyond_s_per_m {
            0.0 => Ok(None),
            beyond if factor == other => Ok(Some(BeyondBoundary { factor, conductivity_s_per_m: beyond / factor })),
            beyond => Err(MediumProblem::NoImage {
                axes: format!("{} and {}", a.name(), b.name()),
                found: format!("{} and {}, {beyond} beyond", along[a.index()], along[b.index()]),
            }),
        }
    }

    fn insulator_problem(&self, contact: Point, medium: Side) -> MediumProblem {
        MediumProblem::InInsulator {
            expected: self.describe_half_space(medium),
            found: self.describe_coordinate(contact),
        }
    }

    pub(super) fn describe_coordinate(&self, p: Point) -> String {
        format!("{} = {}", self.axis.name(), p.to_array()[self.axis.index()])
    }

    /// Returns why the segment named `what` has no potential at a contact, if it reaches into an insulator.
    pub fn find_segment_in_insulator(
        &self,
        contact: Point,
        start: Point,
        end: Point,
        what: &str,
    ) -> Option<SegmentInInsulator> {
        let medium = self.resolve_medium_side(contact).ok().filter(|_| self.beyond_s_per_m == 0.0)?;
        let depth =
            |p: Point| if medium == Side::Below { self.signed_distance_um(p) } else { -self.signed_distance_um(p) };
        let furthest = if depth(start) > depth(end) { start } else { end };
        let (expected, found) = (self.describe_half_space(medium), self.describe_coordinate(furthest));
        (depth(furthest) > 0.0).then(|| SegmentInInsulator { what: what.into(), expected, found })
    }

    /// Checks that a disc does not cross the plane; it extends `reach` µm to each side of its centre.
    ///
    /// # Errors
    /// Returns [`MediumProblem::DiscAcross`] if the disc crosses the plane.
    pub fn check_disc(&self, center: Point, reach: f64) -> Result<(), MediumProblem> {
        // a disc in the plane has a reach of zero, except for the rounding of its normal
        let (height, slack) = (self.signed_distance_um(center), f64::EPSILON.sqrt());
        if reach > height.abs() + slack * (1.0 + height.abs()) {
            let name = self.axis.name();
            let middle = self.position_um + height;
            return Err(MediumProblem::DiscAcross {
                plane: format!("{name} = {}", self.position_um),
                found: format!("{name} = {:.3}..{:.3}", middle - reach, middle + reach),
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::Axis;
    use super::*;

    const AT: Point = Point::new(0.0, 0.0, 5.0);
    const PLANE: Boundary = Boundary { axis: Axis::Z, position_um: 10.0, medium_side: None, beyond_s_per_m: 0.0 };

    fn sigma(text: &str) -> Conductivity {
        text.parse().unwrap()
    }

    #[test]
    fn the_image_has_the_strength_of_reflection() {
        let strength = |beyond: f64, medium: Option<Side>, s: &str| {
            let boundary = Boundary { beyond_s_per_m: beyond, medium_side: medium, ..PLANE };
            let view = ImageConfiguration::for_contact(AT, sigma(s), Some(boundary)).unwrap();
            view.image.map_or(0.0, |(_, k)| k)
        };
        assert_eq!(strength(0.0, None, "0.3"), 1.0);
        assert_eq!(strength(0.3, None, "0.3"), 0.0);
        assert!((strength(0.9, None, "0.3") + 0.5).abs() < 1e-15);
        // the contact lies beyond the plane: s and so are exchanged
        assert!((strength(0.9, Some(Side::Above), "0.3") - 0.5).abs() < 1e-15);
        // sqrt(st sn) = sqrt(0.1 0.4) = 0.2
        assert!((strength(0.6, None, "0.1,0.1,0.4") + 0.5).abs() < 1e-15);
        assert_eq!(strength(0.0, None, "0.1,0.2,0.4"), 1.0);
    }

    #[test]
    fn a_medium_without_image_is_an_error() {
        let refused = |at: Point, s: &str, boundary: Boundary| {
            ImageConfiguration::for_contact(at, sigma(s), Some(boundary)).unwrap_err().to_string()
        };
        assert_eq!(
            refused(AT, "0.3,0.2,0.4", Boundary { beyond_s_per_m: 1.5, ..PLANE }),
            "no image in this medium, expected equal conductivities along x and y or 0 S/m beyond the boundary, \
             found 0.3 and 0.2, 1.5 beyond"
        );
        assert_eq!(
            refused(Point::new(0.0, 0.0, 10.0), "0.3", PLANE),
            "contact on its boundary, expected the medium's side, as in `z<10, 0`, found `z=10, 0`"
        );
        assert_eq!(
            refused(AT, "0.3", Boundary { medium_side: Some(Side::Above), ..PLANE }),
            "contact in an insulator, expected one at z > 10, found z = 5"
        );
    }

    #[test]
    fn a_disc_must_be_on_one_side_or_in_the_plane() {
        assert!(PLANE.check_disc(AT, 5.0).is_ok());
        assert!(PLANE.check_disc(Point::new(0.0, 0.0, 10.0), 1e-8).is_ok());
        assert_eq!(
            PLANE.check_disc(AT, 6.0).unwrap_err().to_string(),
            "disc across the boundary, expected all of it on one side of z = 10, found z = -1.000..11.000"
        );
    }
}
