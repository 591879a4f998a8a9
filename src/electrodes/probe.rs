//! Contact positions of common probes, and the placement of a probe in a circuit.
//!
//! Frame of a probe: the shank is parallel to y, with its tip at small y; x is perpendicular to the shank; contacts
//! face z. Lengths are in µm.

use crate::error::Problem;
use crate::geometry::{Aabb, Point, Quaternion};
use crate::methods::disc::Disc;

/// Largest number of contacts; a larger number is probably a typing error.
pub const MAX_CONTACTS: u32 = 100_000;

/// Number of sites of a Neuropixels 1.0 shank.
pub const NEUROPIXELS_SITES: u32 = 960;

/// Number of sites of a Neuropixels 1.0 shank that can be recorded at once.
pub const NEUROPIXELS_CHANNELS: u32 = 384;

/// Problems of a probe.
#[derive(Debug, thiserror::Error, PartialEq)]
#[non_exhaustive]
pub enum ProbeProblem {
    /// There are no contacts, or too many.
    #[error("number of contacts out of range, expected 1 to {MAX_CONTACTS}, found {0}")]
    Contacts(u64),
    /// The distance between neighbours is not above zero.
    #[error("pitch out of range, expected a finite number above 0 µm, found `{0}`")]
    Pitch(f64),
    /// The probe does not have these sites.
    #[error("sites out of range, expected {most} or fewer below site {NEUROPIXELS_SITES}, found {contacts} from site {first}", most = NEUROPIXELS_CHANNELS)]
    Sites {
        /// The first site.
        first: u32,
        /// Number of sites.
        contacts: u32,
    },
    /// A direction has no length.
    #[error("no direction, expected three finite numbers, not all 0, found {0}")]
    Direction(Point),
    /// A position or an angle is not finite.
    #[error("wrong {what}, expected finite numbers, found {found}")]
    NotFinite {
        /// The quantity.
        what: &'static str,
        /// The given value.
        found: String,
    },
}

impl Problem for ProbeProblem {}

type ProbeResult<T> = std::result::Result<T, ProbeProblem>;

/// Returns contacts in a line, starting at the tip.
///
/// # Errors
/// Returns an error if the number or the pitch is out of range.
pub fn linear(contacts: u32, pitch: f64) -> ProbeResult<Vec<Point>> {
    grid(1, contacts, [pitch, pitch])
}

/// Returns contacts in rows and columns, row by row from the tip, each row in ascending x. The columns are symmetric
/// about x = 0. The pitches are those of columns (along x) and rows (along y).
///
/// # Errors
/// Returns an error if the number or a pitch is out of range.
pub fn grid(columns: u32, rows: u32, [across, along]: [f64; 2]) -> ProbeResult<Vec<Point>> {
    let contacts = u64::from(columns) * u64::from(rows);
    if contacts == 0 || contacts > u64::from(MAX_CONTACTS) {
        return Err(ProbeProblem::Contacts(contacts));
    }
    for pitch in [across, along] {
        if !(pitch.is_finite() && pitch > 0.0) {
            return Err(ProbeProblem::Pitch(pitch));
        }
    }
    let middle = f64::from(columns - 1) / 2.0;
    let point = |row, column| Point::new((f64::from(column) - middle) * across, f64::from(row) * along, 0.0);
    Ok((0..rows).flat_map(|row| (0..columns).map(move |column| point(row, column))).collect())
}

/// Returns sites of a Neuropixels 1.0 shank: rows are 20 µm apart, with two sites per row, 32 µm apart, and every
/// second row is shifted by 16 µm. The shank is 70 µm wide; sites are 27 and 59 µm from its edge in even rows, 11 and
/// 43 µm in odd ones. The origin is the middle of the shank at the lowest row.
///
/// Jun et al. 2017, Nature 551:232, <https://doi.org/10.1038/nature24636>.
///
/// # Errors
/// Returns an error for more than 384 sites, or for sites from 960.
pub fn neuropixels(first: u32, contacts: u32) -> ProbeResult<Vec<Point>> {
    const FROM_EDGE_UM: [[f64; 2]; 2] = [[27.0, 59.0], [11.0, 43.0]];
    const SHANK_MIDDLE_UM: f64 = 35.0;
    const ROW_PITCH_UM: f64 = 20.0;
    let end = first.saturating_add(contacts);
    if contacts == 0 || contacts > NEUROPIXELS_CHANNELS || end > NEUROPIXELS_SITES {
        return Err(ProbeProblem::Sites { first, contacts });
    }
    let site = |site: u32| {
        let [left, right] = FROM_EDGE_UM[usize::from(!(site / 2).is_multiple_of(2))];
        let from_edge = if site.is_multiple_of(2) { left } else { right };
        Point::new(from_edge - SHANK_MIDDLE_UM, f64::from(site / 2) * ROW_PITCH_UM, 0.0)
    };
    Ok((first..end).map(site).collect())
}

/// The point of a probe that is placed at a given position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProbeAnchor {
    /// The first contact.
    First,
    /// The middle of the box around all contacts.
    Center,
    /// The origin of the probe's frame.
    Origin,
}

/// The position and orientation of a probe in the circuit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ProbePose {
    position_um: Point,
    rotation: Quaternion,
    anchor: ProbeAnchor,
}

impl ProbePose {
    /// Creates the pose of a probe with its anchor at a position and its tip pointing opposite to a direction.
    ///
    /// The probe's y axis is rotated to the direction by the smallest angle (about z if they are opposite). Then the
    /// probe is rotated about the direction by the roll angle, counterclockwise for an observer towards whom the
    /// direction points.
    ///
    /// # Errors
    /// Returns an error if the direction has no length, or a number is not finite.
    pub fn new(at: Point, direction: Point, roll_degrees: f64, anchor: ProbeAnchor) -> ProbeResult<Self> {
        if !at.is_finite() {
            return Err(ProbeProblem::NotFinite { what: "place", found: at.to_string() });
        }
        if !roll_degrees.is_finite() {
            return Err(ProbeProblem::NotFinite { what: "roll", found: format!("`{roll_degrees}`") });
        }
        let largest = direction.to_array().iter().fold(0.0_f64, |most, v| most.max(v.abs()));
        // divide by the largest component first: squares of large numbers overflow, those of small ones underflow
        let scaled = direction / largest;
        let unit = scaled / scaled.norm();
        if !unit.is_finite() {
            return Err(ProbeProblem::Direction(direction));
        }
        Ok(Self {
            position_um: at,
            rotation: rotation_about(unit, roll_degrees).compose_after(rotation_from_y_axis(unit)),
            anchor,
        })
    }

    /// Returns the positions of contacts in the circuit.
    pub fn place_contacts(&self, contacts: &[Point]) -> Vec<Point> {
        let anchor = match self.anchor {
            ProbeAnchor::First => contacts.first().copied().unwrap_or_default(),
            ProbeAnchor::Center => Aabb::enclosing(contacts.iter().copied()).center(),
            ProbeAnchor::Origin => Point::ORIGIN,
        };
        contacts.iter().map(|&contact| self.rotate_direction(contact - anchor) + self.position_um).collect()
    }

    /// Returns a disc of the probe's frame, rotated to the circuit.
    pub fn rotate_disc(&self, disc: Disc) -> Disc {
        Disc { normal: self.rotate_direction(disc.normal), ..disc }
    }

    /// Returns a direction of the probe's frame, rotated to the circuit.
    pub fn rotate_direction(&self, direction: Point) -> Point {
        self.rotation.rotate(direction)
    }
}

/// Returns the smallest rotation from the y axis to a unit vector.
fn rotation_from_y_axis(unit: Point) -> Quaternion {
    let y = Point::new(0.0, 1.0, 0.0);
    let half_turn = Quaternion::new(0.0, 0.0, 0.0, 1.0);
    let axis = y.cross(unit);
    let shortest = match unit.y {
        // 1 + y would lose all digits here: compute the rotation by almost 180 degrees from its sine
        down if down < -0.5 => {
            let sine = axis.norm();
            let upright = (sine / (1.0 - down)).max(0.0);
            if sine > 0.0 { Quaternion::new(upright, axis.x / sine, axis.y / sine, axis.z / sine) } else { half_turn }
        }
        up => Quaternion::new(1.0 + up, axis.x, axis.y, axis.z),
    };
    shortest.unwrap_or(Quaternion::IDENTITY)
}

/// Returns the rotation about a unit vector.
fn rotation_about(unit: Point, degrees: f64) -> Quaternion {
    let (sine, cosine) = (degrees.to_radians() / 2.0).sin_cos();
    Quaternion::new(cosine, unit.x * sine, unit.y * sine, unit.z * sine).unwrap_or(Quaternion::IDENTITY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn close(a: Point, b: [f64; 3]) {
        assert!(a.distance(Point::from(b)) < 1e-12, "{a} {b:?}");
    }

    fn arrays(points: &[Point]) -> Vec<[f64; 3]> {
        points.iter().map(|p| p.to_array()).collect()
    }

    #[test]
    fn a_line_starts_at_its_tip() {
        assert_eq!(arrays(&linear(3, 50.0).unwrap()), [[0.0, 0.0, 0.0], [0.0, 50.0, 0.0], [0.0, 100.0, 0.0]]);
    }

    #[test]
    fn a_grid_goes_row_by_row_and_is_symmetric() {
        let found = grid(2, 2, [100.0, 30.0]).unwrap();
        assert_eq!(arrays(&found), [[-50.0, 0.0, 0.0], [50.0, 0.0, 0.0], [-50.0, 30.0, 0.0], [50.0, 30.0, 0.0]]);
    }

    #[test]
    fn neuropixels_sites_are_staggered() {
        let sites = neuropixels(0, 384).unwrap();
        let from_edge: Vec<f64> = sites.iter().take(8).map(|p| p.x + 35.0).collect();
        assert_eq!(from_edge, [27.0, 59.0, 11.0, 43.0, 27.0, 59.0, 11.0, 43.0]);
        assert_eq!(sites.len(), 384);
        // 192 rows of two, 20 µm apart
        assert_eq!(sites[383], Point::new(8.0, 191.0 * 20.0, 0.0));
        for pair in sites.chunks(2) {
            assert_eq!(pair[1] - pair[0], Point::new(32.0, 0.0, 0.0));
        }
    }

    #[test]
    fn the_last_neuropixels_site_is_959() {
        let bank = neuropixels(576, 384).unwrap();
        assert_eq!((bank[0].y, bank[383].y), (288.0 * 20.0, 479.0 * 20.0));
        for (first, contacts) in [(577, 384), (0, 385), (0, 0), (u32::MAX, 2)] {
            assert_eq!(neuropixels(first, contacts), Err(ProbeProblem::Sites { first, contacts }));
        }
        assert_eq!(
            neuropixels(700, 384).unwrap_err().to_string(),
            "sites out of range, expected 384 or fewer below site 960, found 384 from site 700"
        );
    }

    #[test]
    fn numbers_out_of_range_are_refused() {
        assert_eq!(linear(0, 1.0), Err(ProbeProblem::Contacts(0)));
        assert_eq!(grid(u32::MAX, u32::MAX, [1.0, 1.0]), Err(ProbeProblem::Contacts(u64::from(u32::MAX).pow(2))));
        assert_eq!(linear(2, -1.0), Err(ProbeProblem::Pitch(-1.0)));
        assert_eq!(grid(2, 2, [1.0, f64::INFINITY]), Err(ProbeProblem::Pitch(f64::INFINITY)));
        let pose =
            |at, direction, roll| ProbePose::new(at, direction, roll, ProbeAnchor::First).unwrap_err().to_string();
        let up = Point::new(0.0, 1.0, 0.0);
        assert_eq!(
            pose(up, Point::ORIGIN, 0.0),
            "no direction, expected three finite numbers, not all 0, found (0, 0, 0)"
        );
        assert_eq!(pose(up, up, f64::NAN), "wrong roll, expected finite numbers, found `NaN`");
        assert_eq!(
            pose(Point::new(f64::NAN, 0.0, 0.0), up, 0.0),
            "wrong place, expected finite numbers, found (NaN, 0, 0)"
        );
    }

    fn pose(direction: [f64; 3], roll: f64) -> ProbePose {
        ProbePose::new(Point::ORIGIN, direction.into(), roll, ProbeAnchor::Origin).unwrap()
    }

    #[test]
    fn a_probe_along_y_is_not_rotated() {
        let contacts = neuropixels(0, 384).unwrap();
        assert_eq!(pose([0.0, 7.0, 0.0], 0.0).place_contacts(&contacts), contacts);
    }

    #[test]
    fn the_shank_follows_a_direction_of_any_length() {
        let y = Point::new(0.0, 1.0, 0.0);
        for direction in
            [[1.0, 0.0, 0.0], [0.0, 0.0, -3.0], [1e200, 1e200, 0.0], [0.0, -1.0, 1e-9], [3.0, -4.0, 1e-300]]
        {
            let largest = direction.iter().fold(0.0_f64, |most, v: &f64| most.max(v.abs()));
            let scaled = Point::from(direction) / largest;
            close(pose(direction, 33.0).rotate_direction(y), (scaled / scaled.norm()).to_array());
        }
    }

    #[test]
    fn a_probe_upside_down_is_rotated_about_z() {
        let turned = pose([0.0, -1.0, 0.0], 0.0);
        close(turned.rotate_direction(Point::new(0.0, 1.0, 0.0)), [0.0, -1.0, 0.0]);
        close(turned.rotate_direction(Point::new(1.0, 0.0, 0.0)), [-1.0, 0.0, 0.0]);
        close(turned.rotate_direction(Point::new(0.0, 0.0, 1.0)), [0.0, 0.0, 1.0]);
    }

    #[test]
    fn the_smallest_rotation_keeps_its_axis() {
        // from y to x the rotation is about z
        close(pose([1.0, 0.0, 0.0], 0.0).rotate_direction(Point::new(0.0, 0.0, 1.0)), [0.0, 0.0, 1.0]);
        close(pose([1.0, 0.0, 0.0], 0.0).rotate_direction(Point::new(1.0, 0.0, 0.0)), [0.0, -1.0, 0.0]);
    }

    #[test]
    fn roll_rotates_about_the_shank() {
        // the observer sees y pointing towards them: if x points down, z points right, so counterclockwise goes from x
        // to -z
        let rolled = pose([0.0, 1.0, 0.0], 90.0);
        close(rolled.rotate_direction(Point::new(1.0, 0.0, 0.0)), [0.0, 0.0, -1.0]);
        close(rolled.rotate_direction(Point::new(0.0, 1.0, 0.0)), [0.0, 1.0, 0.0]);
    }

    #[test]
    fn the_anchor_is_placed_at_the_position() {
        let at = Point::new(-8.0, -850.0, 0.0);
        let contacts = [Point::new(1.0, 10.0, 0.0), Point::new(1.0, 30.0, 0.0), Point::new(5.0, 20.0, 2.0)];
        let placed =
            |anchor| ProbePose::new(at, Point::new(0.0, 1.0, 0.0), 0.0, anchor).unwrap().place_contacts(&contacts);
        assert_eq!(placed(ProbeAnchor::First)[0], at);
        assert_eq!(placed(ProbeAnchor::Origin)[0], at + contacts[0]);
        assert_eq!(placed(ProbeAnchor::Center)[0], at + contacts[0] - Point::new(3.0, 20.0, 1.0));
    }

    #[test]
    fn a_disc_rotates_with_the_probe() {
        let disc = Disc { radius_um: 6.0, normal: Point::new(0.0, 0.0, 1.0), min_points: Some(3) };
        let turned = pose([0.0, 0.0, 1.0], 0.0).rotate_disc(disc);
        close(turned.normal, [0.0, -1.0, 0.0]);
        assert_eq!((turned.radius_um, turned.min_points), (6.0, Some(3)));
    }

    #[test]
    fn distances_do_not_change() {
        let contacts = neuropixels(100, 50).unwrap();
        let placed = pose([0.3, -0.9, 2.0], 71.0).place_contacts(&contacts);
        for (a, b) in contacts.iter().zip(&placed) {
            let (before, after) = (a.distance(contacts[7]), b.distance(placed[7]));
            assert!((before - after).abs() < 1e-10, "{before} {after}");
        }
    }
}
