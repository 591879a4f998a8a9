//! Where a neuron's morphology lies in the circuit: a rotation, then a shift.

use super::Point;
use crate::error::Problem;

/// A rotation as a unit quaternion (w, x, y, z).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quaternion {
    w: f64,
    v: Point,
}

/// A quaternion of length zero (or not finite) is no rotation.
#[derive(Debug, thiserror::Error, PartialEq)]
#[error("orientation is no rotation, expected a quaternion with a length above 0, found (w {w}, x {x}, y {y}, z {z})")]
pub struct ZeroQuaternion {
    w: f64,
    x: f64,
    y: f64,
    z: f64,
}

impl Problem for ZeroQuaternion {
    fn hint(&self) -> Option<String> {
        Some("an unrotated neuron has the orientation w 1, x 0, y 0, z 0".into())
    }
}

impl Quaternion {
    /// No rotation.
    pub const IDENTITY: Self = Self { w: 1.0, v: Point::ORIGIN };

    /// The rotation of a quaternion, which is normalised here: SONATA does not promise unit length.
    ///
    /// # Errors
    /// [`ZeroQuaternion`] where the length is zero or not finite.
    pub fn new(w: f64, x: f64, y: f64, z: f64) -> Result<Self, ZeroQuaternion> {
        let norm = (w * w + x * x + y * y + z * z).sqrt();
        if !(norm.is_finite() && norm > 0.0) {
            return Err(ZeroQuaternion { w, x, y, z });
        }
        Ok(Self { w: w / norm, v: Point::new(x, y, z) / norm })
    }

    /// The rotation by Euler angles in radians: about the fixed x axis, then y, then z
    /// (SONATA `rotation_angle_xaxis`, `_yaxis`, `_zaxis`).
    pub fn from_euler(x: f64, y: f64, z: f64) -> Self {
        let about = |angle: f64, axis: [f64; 3]| {
            let (sin, cos) = (angle / 2.0).sin_cos();
            Self { w: cos, v: Point::from(axis) * sin }
        };
        about(z, [0.0, 0.0, 1.0]).after(about(y, [0.0, 1.0, 0.0])).after(about(x, [1.0, 0.0, 0.0]))
    }

    /// This rotation after another one.
    #[must_use]
    pub fn after(self, first: Self) -> Self {
        Self {
            w: self.w * first.w - self.v.dot(first.v),
            v: first.v * self.w + self.v * first.w + self.v.cross(first.v),
        }
    }

    /// The rotation that undoes this one.
    #[must_use]
    pub fn inverse(self) -> Self {
        Self { w: self.w, v: -self.v }
    }

    /// w, x, y, z.
    pub const fn to_array(self) -> [f64; 4] {
        [self.w, self.v.x, self.v.y, self.v.z]
    }

    /// The rotated vector.
    pub fn rotate(self, p: Point) -> Point {
        let t = self.v.cross(p) * 2.0;
        p + t * self.w + self.v.cross(t)
    }
}

/// World position = rotation of the morphology's point about its file's origin, plus the node's position.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Transform {
    /// The rotation.
    pub rotation: Quaternion,
    /// The shift: where the soma lies, in micrometres.
    pub translation: Point,
}

impl Transform {
    /// The world position of a morphology's point.
    pub fn apply(&self, p: Point) -> Point {
        self.rotation.rotate(p) + self.translation
    }

    /// The transform that undoes this one.
    #[must_use]
    pub fn inverse(&self) -> Self {
        let rotation = self.rotation.inverse();
        Self { rotation, translation: -rotation.rotate(self.translation) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::FRAC_PI_2;

    fn close(a: Point, b: Point) {
        assert!(a.distance(b) < 1e-14, "{a} {b}");
    }

    #[test]
    fn euler_angles_turn_about_fixed_axes_x_first() {
        let y = Point::new(0.0, 1.0, 0.0);
        close(Quaternion::from_euler(FRAC_PI_2, 0.0, 0.0).rotate(y), Point::new(0.0, 0.0, 1.0));
        // x by 90 degrees brings y to z; y by 90 degrees then brings z to x; z by 90 degrees brings x to y.
        close(Quaternion::from_euler(FRAC_PI_2, FRAC_PI_2, 0.0).rotate(y), Point::new(1.0, 0.0, 0.0));
        close(Quaternion::from_euler(FRAC_PI_2, FRAC_PI_2, FRAC_PI_2).rotate(y), Point::new(0.0, 1.0, 0.0));
    }

    #[test]
    fn a_quaternion_of_any_length_rotates_without_scaling() {
        let q = Quaternion::new(3.0, 0.0, 0.0, 3.0).unwrap();
        close(q.rotate(Point::new(2.0, 0.0, 5.0)), Point::new(0.0, 2.0, 5.0));
    }

    #[test]
    fn the_inverse_brings_every_point_back() {
        let rotation = Quaternion::new(1.0, -2.0, 0.5, 3.0).unwrap();
        let forth = Transform { rotation, translation: Point::new(3.0, -1.0, 2.0) };
        let p = Point::new(0.5, 0.25, -4.0);
        close(forth.inverse().apply(forth.apply(p)), p);
    }

    #[test]
    fn a_zero_quaternion_is_refused() {
        assert_eq!(
            Quaternion::new(0.0, 0.0, 0.0, 0.0).unwrap_err().to_string(),
            "orientation is no rotation, expected a quaternion with a length above 0, found (w 0, x 0, y 0, z 0)"
        );
    }
}
