//! A plane across an axis, at which the medium ends.

use crate::geometry::Point;

/// A plane at which the medium ends. Its text is `z<1200, 0`: the medium is where z is below 1200 um, and beyond are 0 S/m.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Boundary {
    /// The axis across which it lies.
    pub axis: Axis,
    /// Where on the axis, um.
    pub position_um: f64,
    /// The side of the medium; none where it is the contact's.
    pub medium_side: Option<Side>,
    /// Conductivity beyond it, S/m, in all directions: zero for an insulator.
    pub beyond_s_per_m: f64,
}

/// An axis of the circuit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Axis {
    /// The first.
    X,
    /// The second.
    Y,
    /// The third.
    Z,
}

/// A side of a plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Where the coordinate is less.
    Below,
    /// Where it is more.
    Above,
}

impl Axis {
    /// All axes.
    pub const ALL: [Self; 3] = [Self::X, Self::Y, Self::Z];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::X => "x",
            Self::Y => "y",
            Self::Z => "z",
        }
    }

    /// Its place among coordinates.
    pub(in crate::methods) const fn index(self) -> usize {
        self as usize
    }

    /// The other two.
    pub(in crate::methods) const fn other_axes(self) -> [Self; 2] {
        match self {
            Self::X => [Self::Y, Self::Z],
            Self::Y => [Self::X, Self::Z],
            Self::Z => [Self::X, Self::Y],
        }
    }
}

impl Side {
    /// The other one.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Below => Self::Above,
            Self::Above => Self::Below,
        }
    }

    /// How a plane with the medium on this side is written.
    pub(super) const fn sign(self) -> char {
        match self {
            Self::Below => '<',
            Self::Above => '>',
        }
    }
}

impl Boundary {
    /// How far a point is above the plane, um.
    pub(super) fn signed_distance_um(&self, p: Point) -> f64 {
        p.to_array()[self.axis.index()] - self.position_um
    }

    /// The side of a point; none on the plane.
    pub(super) fn side_of(&self, p: Point) -> Option<Side> {
        match self.signed_distance_um(p) {
            height if height < 0.0 => Some(Side::Below),
            height if height > 0.0 => Some(Side::Above),
            _ => None,
        }
    }

    /// The same plane with the medium's side told: that of a contact, where it is left to it and the contact has one.
    #[must_use]
    pub fn with_side_of(&self, contact: Point) -> Self {
        Self { medium_side: self.medium_side.or_else(|| self.side_of(contact)), ..*self }
    }

    /// The plane with the medium on a side, in words: `z < 1200`.
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
