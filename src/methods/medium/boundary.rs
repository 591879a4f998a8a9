//! The plane, perpendicular to an axis, at which a medium ends.

use crate::geometry::Point;

/// A plane at which the medium ends. In the text form `z<1200, 0` the medium is at z below 1200 µm, and the
/// conductivity beyond is 0 S/m.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Boundary {
    /// The axis perpendicular to the plane.
    pub axis: Axis,
    /// Position on the axis, µm.
    pub position_um: f64,
    /// The side of the medium; `None` for the side of the contact.
    pub medium_side: Option<Side>,
    /// Conductivity beyond the plane, S/m, the same in all directions; zero for an insulator.
    pub beyond_s_per_m: f64,
}

/// An axis of the circuit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Axis {
    /// The x axis.
    X,
    /// The y axis.
    Y,
    /// The z axis.
    Z,
}

/// A side of a plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Where the coordinate is smaller.
    Below,
    /// Where the coordinate is larger.
    Above,
}

impl Axis {
    /// All axes.
    pub const ALL: [Self; 3] = [Self::X, Self::Y, Self::Z];

    /// Returns its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::X => "x",
            Self::Y => "y",
            Self::Z => "z",
        }
    }

    /// Returns its index among the coordinates.
    pub(in crate::methods) const fn index(self) -> usize {
        self as usize
    }

    /// Returns the other two axes.
    pub(in crate::methods) const fn other_axes(self) -> [Self; 2] {
        match self {
            Self::X => [Self::Y, Self::Z],
            Self::Y => [Self::X, Self::Z],
            Self::Z => [Self::X, Self::Y],
        }
    }
}

impl Side {
    /// Returns the other side.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Below => Self::Above,
            Self::Above => Self::Below,
        }
    }

    /// Returns the comparison sign that writes a plane with the medium on this side.
    pub(super) const fn sign(self) -> char {
        match self {
            Self::Below => '<',
            Self::Above => '>',
        }
    }
}

impl Boundary {
    /// Returns the distance of a point above the plane, µm; negative below it.
    pub(super) fn signed_distance_um(&self, p: Point) -> f64 {
        p.to_array()[self.axis.index()] - self.position_um
    }

    /// Returns the side of a point; `None` on the plane.
    pub(super) fn side_of(&self, p: Point) -> Option<Side> {
        match self.signed_distance_um(p) {
            height if height < 0.0 => Some(Side::Below),
            height if height > 0.0 => Some(Side::Above),
            _ => None,
        }
    }

    /// Returns the same plane with the medium's side set: if it was not given, the side of the contact, if the contact
    /// is not on the plane.
    #[must_use]
    pub fn with_side_of(&self, contact: Point) -> Self {
        Self { medium_side: self.medium_side.or_else(|| self.side_of(contact)), ..*self }
    }

    /// Returns the half space with the medium on a side as text: `z < 1200`.
    pub(super) fn describe_half_space(&self, side: Side) -> String {
        format!("{} {} {}", self.axis.name(), side.sign(), self.position_um)
    }
}

impl std::fmt::Display for Boundary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = self.medium_side.map_or('=', Side::sign);
        write!(f, "{}{sign}{}, {}", self.axis.name(), self.position_um, self.beyond_s_per_m)
    }
}
