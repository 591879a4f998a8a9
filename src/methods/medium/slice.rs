//! A slice of tissue between two planes, as on a microelectrode array (MEA): glass below and saline above.
//!
//! The tissue with the conductivity s lies at 0 < z < h; below it conducts g, above a (S/m). With G = (s - g)/(s + g)
//! and A = (s - a)/(s + a), the potential at a contact c of a source at z' is that of the source and its images in an
//! unbounded medium, where each reflection at the lower plane multiplies by G and each at the upper one by A:
//!
//! ```text
//! image          strength         n
//! z' + 2 n h     (G A)^|n|        all integers; n = 0 is the source
//! -z' - 2 n h    G^(n+1) A^n      0, 1, 2, ...
//! 2(n+1) h - z'  A^(n+1) G^n      0, 1, 2, ...
//! ```
//!
//! The distance of an image from the contact is that of the source from an image of the contact; so a slice is a sum
//! over contacts at other heights, for any formula of the source.
//!
//! Truncation: every image is at least as far from the contact as the source, so that the terms with n > N are below 4
//! |G A|^(N+1) / (1 - |G A|) of the source's own. N is the smallest number for which this is below 1e-13: 79 for glass
//! and saline of 1.5 S/m around tissue of 0.3 S/m. If the planes reflect nearly everything the sum has no limit, and
//! the slice is an error.
//!
//! Assumptions: the planes are infinite, the three media homogeneous and isotropic. A contact in the plane of the glass
//! does not disturb the medium.
//!
//! Source: T. V. Ness et al., Neuroinformatics 13, 403 (2015), doi:10.1007/s12021-015-9265-6.
//!
//! Checked by hand: with g = 0 and a = s only one image is left, which doubles the potential at a contact on the glass.

use super::{Axis, Boundary, Conductivity, MediumProblem, Side};
use crate::geometry::Point;

/// A slice of tissue between two planes; see the [module](self). In the text form `z>0, 0, z<200, 1.5` the tissue is at
/// z from 0 to 200 µm, with 0 S/m below and 1.5 S/m above.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Slice {
    /// The axis perpendicular to the planes.
    pub axis: Axis,
    /// The lower plane.
    pub lower: SlicePlane,
    /// The upper plane.
    pub upper: SlicePlane,
}

/// A plane at which a slice ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SlicePlane {
    /// Position on the axis, µm.
    pub position_um: f64,
    /// Conductivity beyond the plane, S/m; zero for an insulator.
    pub beyond_s_per_m: f64,
}

/// The images with larger n are left out if together they are below this share of the source's own potential.
pub const TRUNCATION: f64 = 1e-13;

/// Largest number of reflections at both planes.
const MAX_REFLECTIONS: usize = 1000;

impl Slice {
    /// Creates the slice between two boundaries with sides; `None` if they do not enclose one.
    pub fn between(first: Boundary, second: Boundary) -> Option<Self> {
        let lower = [first, second].into_iter().find(|b| b.medium_side == Some(Side::Above))?;
        let upper = [first, second].into_iter().find(|b| b.medium_side == Some(Side::Below))?;
        let plane = |b: Boundary| SlicePlane { position_um: b.position_um, beyond_s_per_m: b.beyond_s_per_m };
        let is_slice = lower.axis == upper.axis && lower.position_um < upper.position_um;
        is_slice.then(|| Self { axis: lower.axis, lower: plane(lower), upper: plane(upper) })
    }

    /// Returns the boundaries of the slice.
    pub fn boundaries(&self) -> [Boundary; 2] {
        let boundary = |plane: SlicePlane, side| Boundary {
            axis: self.axis,
            position_um: plane.position_um,
            medium_side: Some(side),
            beyond_s_per_m: plane.beyond_s_per_m,
        };
        [boundary(self.lower, Side::Above), boundary(self.upper, Side::Below)]
    }

    /// Returns the contact and its images, each with its strength. Images at the same place are one.
    ///
    /// # Errors
    /// Returns a [`MediumProblem`] if the contact lies outside the slice, or the medium has no finite sum of images.
    pub(in crate::methods) fn contact_images(
        &self,
        contact: Point,
        conductivity: Conductivity,
    ) -> Result<Vec<(Point, f64)>, MediumProblem> {
        let tissue = conductivity.isotropic_s_per_m().ok_or(MediumProblem::AnisotropicSlice)?;
        if !self.contains(contact) {
            return Err(MediumProblem::OutsideSlice {
                expected: self.describe(),
                found: self.lower_boundary().describe_coordinate(contact),
            });
        }
        let reflection = |plane: SlicePlane| (tissue - plane.beyond_s_per_m) / (tissue + plane.beyond_s_per_m);
        let (below, above) = (reflection(self.lower), reflection(self.upper));
        let both = (below * above).abs();
        let reflections = (0..=MAX_REFLECTIONS).find(|&n| 4.0 * both.powf(n as f64 + 1.0) / (1.0 - both) <= TRUNCATION);
        let reflections = reflections.ok_or_else(|| MediumProblem::ReflectingSlice { found: self.to_string() })?;
        let at = contact.to_array()[self.axis.index()];
        let height = self.upper.position_um - self.lower.position_um;
        // a place relative to the contact's own coordinate or to its mirror at the lower plane
        let mirrored = 2.0 * self.lower.position_um - at;
        let mut images = vec![(at, 1.0)];
        let mut strength = 1.0;
        for n in 0..=reflections {
            let shift = 2.0 * n as f64 * height;
            if n > 0 {
                images.extend([(at - shift, strength), (at + shift, strength)]);
            }
            images.extend([(mirrored - shift, strength * below), (mirrored + 2.0 * height + shift, strength * above)]);
            strength *= below * above;
        }
        images.retain(|(_, strength)| *strength != 0.0);
        images.sort_by(|a, b| a.0.total_cmp(&b.0));
        images.dedup_by(|next, before| {
            let is_same = next.0 == before.0;
            if is_same {
                before.1 += next.1;
            }
            is_same
        });
        let place = |coordinate: f64| {
            let mut place = contact.to_array();
            place[self.axis.index()] = coordinate;
            Point::from(place)
        };
        Ok(images.into_iter().map(|(coordinate, strength)| (place(coordinate), strength)).collect())
    }

    /// Returns whether a point lies in the slice or on its planes.
    pub(in crate::methods) fn contains(&self, p: Point) -> bool {
        (self.lower.position_um..=self.upper.position_um).contains(&p.to_array()[self.axis.index()])
    }

    /// Returns the end of a segment that is farther outside, as text with the slice; `None` if both lie in it.
    pub(in crate::methods) fn find_segment_outside(
        &self,
        start: Point,
        end: Point,
        what: &str,
    ) -> Option<SegmentOutsideSlice> {
        let depth = |p: Point| {
            let at = p.to_array()[self.axis.index()];
            (self.lower.position_um - at).max(at - self.upper.position_um)
        };
        let furthest = if depth(start) > depth(end) { start } else { end };
        let found = self.lower_boundary().describe_coordinate(furthest);
        (depth(furthest) > 0.0).then(|| SegmentOutsideSlice { what: what.into(), expected: self.describe(), found })
    }

    fn lower_boundary(&self) -> Boundary {
        let [lower, _] = self.boundaries();
        lower
    }

    fn describe(&self) -> String {
        format!("{} from {} to {}", self.axis.name(), self.lower.position_um, self.upper.position_um)
    }
}

impl std::fmt::Display for Slice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [lower, upper] = self.boundaries();
        write!(f, "{lower}, {upper}")
    }
}

/// A segment reaches out of the slice.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{what} reaches out of the slice, expected all of it at {expected}, found {found}")]
pub struct SegmentOutsideSlice {
    /// The segment.
    pub what: String,
    /// The slice.
    pub expected: String,
    /// The coordinate that is furthest outside.
    pub found: String,
}

impl crate::error::Problem for SegmentOutsideSlice {
    fn hint(&self) -> Option<String> {
        Some("move the planes of `boundary`: `z>0, 0, z<200, 1.5` is tissue at z from 0 to 200 µm".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slice(below: f64, above: f64) -> Slice {
        let plane = |position_um, beyond_s_per_m| SlicePlane { position_um, beyond_s_per_m };
        Slice { axis: Axis::Z, lower: plane(10.0, below), upper: plane(210.0, above) }
    }

    fn sigma(text: &str) -> Conductivity {
        text.parse().unwrap()
    }

    /// Returns the potential at a contact of a source, without 1e-3 / (4 pi s).
    fn potential(slice: Slice, contact: Point, source: Point) -> f64 {
        let images = slice.contact_images(contact, sigma("0.3")).unwrap();
        images.iter().map(|(place, strength)| strength / place.distance(source)).sum()
    }

    const SOURCE: Point = Point::new(30.0, 40.0, 60.0);

    #[test]
    fn tissue_on_both_sides_is_no_slice_and_glass_alone_is_one_image() {
        let contact = Point::new(0.0, 0.0, 50.0);
        let images = |below, above| slice(below, above).contact_images(contact, sigma("0.3")).unwrap();
        assert_eq!(images(0.3, 0.3), [(contact, 1.0)]);
        assert_eq!(images(0.0, 0.3), [(Point::new(0.0, 0.0, -30.0), 1.0), (contact, 1.0)]);
        assert_eq!(images(0.3, 0.0), [(contact, 1.0), (Point::new(0.0, 0.0, 370.0), 1.0)]);
        let on_glass = slice(0.0, 0.3).contact_images(Point::new(0.0, 0.0, 10.0), sigma("0.3")).unwrap();
        assert_eq!(on_glass, [(Point::new(0.0, 0.0, 10.0), 2.0)]);
    }

    /// At the planes the current through them is continuous: nothing flows into glass.
    #[test]
    fn no_current_flows_into_an_insulator() {
        let slice = slice(0.0, 1.5);
        let at = |z: f64| potential(slice, Point::new(5.0, -7.0, z), SOURCE);
        let slope = (-3.0 * at(10.0) + 4.0 * at(10.01) - at(10.02)) / 0.02;
        assert!(slope.abs() < 1e-7 * at(10.0), "{slope:e}");
    }

    /// Saline that conducts infinitely well has the potential 0.
    #[test]
    fn the_potential_vanishes_at_a_perfect_conductor() {
        let slice = slice(0.1, 1e25);
        let found = potential(slice, Point::new(5.0, -7.0, 210.0), SOURCE);
        assert!(found.abs() < 1e-12 * potential(slice, Point::new(5.0, -7.0, 100.0), SOURCE), "{found:e}");
    }

    #[test]
    fn source_and_contact_can_be_exchanged_and_the_slice_turned_over() {
        let (slice, contact) = (slice(0.0, 1.5), Point::new(-20.0, 9.0, 130.0));
        let (there, back) = (potential(slice, contact, SOURCE), potential(slice, SOURCE, contact));
        assert!((there / back - 1.0).abs() < 1e-13);
        let turned = |p: Point| Point::new(p.x, p.y, -p.z);
        let plane = |p: SlicePlane| SlicePlane { position_um: -p.position_um, ..p };
        let over = Slice { lower: plane(slice.upper), upper: plane(slice.lower), ..slice };
        assert!((potential(over, turned(contact), turned(SOURCE)) / there - 1.0).abs() < 1e-13);
    }

    #[test]
    fn a_slice_without_a_sum_of_images_is_an_error() {
        let refused = |slice: Slice, z: f64, s: &str| {
            slice.contact_images(Point::new(0.0, 0.0, z), sigma(s)).unwrap_err().to_string()
        };
        assert_eq!(
            refused(slice(0.0, 0.0), 50.0, "0.3"),
            "slice between two mirrors, expected a plane that conducts like the tissue within a factor of 50, found \
             `z>10, 0, z<210, 0`"
        );
        assert_eq!(
            refused(slice(0.0, 1.5), 220.0, "0.3"),
            "contact outside the slice, expected one at z from 10 to 210, found z = 220"
        );
        assert_eq!(
            refused(slice(0.0, 1.5), 50.0, "0.3,0.3,0.1"),
            "slice of anisotropic tissue, expected one conductivity, found several"
        );
        let (start, end) = (Point::new(0.0, 0.0, 5.0), Point::new(0.0, 0.0, 50.0));
        assert_eq!(
            slice(0.0, 1.5).find_segment_outside(start, end, "it").unwrap().to_string(),
            "it reaches out of the slice, expected all of it at z from 10 to 210, found z = 5"
        );
        assert_eq!(slice(0.0, 1.5).find_segment_outside(end, end, "it"), None);
    }
}
