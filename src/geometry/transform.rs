//! Transforms a neuron's morphology to the circuit: a rotation, then a shift.

use super::Point;
use crate::error::Problem;

/// A rotation as a unit quaternion (w, x, y, z).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quaternion {
    w: f64,
    v: Point,
}

/// A quaternion with a length that is zero or not finite does not define a rotation.
#[derive(Debug, thiserror::Error, PartialEq)]
#[error(
    "orientation is not a rotation, expected a quaternion with a length above 0, found (w {w}, x {x}, y {y}, z {z})"
)]
pub struct ZeroQuaternion {
    w: f64,
    x: f64,
    y: f64,
    z: f64,
}

impl Problem for ZeroQuaternion {
    fn hint(&self) -> Option<String> {
        Some("give an unrotated neuron the orientation w 1, x 0, y 0, z 0".into())
    }
}

impl Quaternion {
    /// The identity rotation.
    pub const IDENTITY: Self = Self { w: 1.0, v: Point::ORIGIN };

    /// Creates the rotation of a quaternion, which is normalized here: SONATA does not guarantee unit length.
    ///
    /// # Errors
    /// Returns [`ZeroQuaternion`] if the length is zero or not finite.
    pub fn new(w: f64, x: f64, y: f64, z: f64) -> Result<Self, ZeroQuaternion> {
        let norm = (w * w + x * x + y * y + z * z).sqrt();
        if !(norm.is_finite() && norm > 0.0) {
            return Err(ZeroQuaternion { w, x, y, z });
        }
        Ok(Self { w: w / norm, v: Point::new(x, y, z) / norm })
    }

    /// Creates the rotation from Euler angles in radians: about the fixed x axis, then y, then z (SONATA
    /// `rotation_angle_xaxis`, `_yaxis`, `_zaxis`).
    pub fn from_euler(x: f64, y: f64, z: f64) -> Self {
        let about = |angle: f64, axis: [f64; 3]| {
            let (sin, cos) = (angle / 2.0).sin_cos();
            Self { w: cos, v: Point::from(axis) * sin }
        };
        about(z, [0.0, 0.0, 1.0]).compose_after(about(y, [0.0, 1.0, 0.0])).compose_after(about(x, [1.0, 0.0, 0.0]))
    }

    /// Creates the rotation from Euler angles in radians about the fixed axes x, y, z, applied in the given order.
    pub fn from_euler_angles([x, y, z]: [f64; 3], order: EulerOrder) -> Self {
        match order {
            EulerOrder::Sonata => {
                let about = |x, y, z| Self::from_euler(x, y, z);
                about(x, 0.0, 0.0).compose_after(about(0.0, y, 0.0)).compose_after(about(0.0, 0.0, z))
            }
            EulerOrder::Neurodamus => Self::from_euler(x, y, z),
        }
    }

    /// Returns the composition of this rotation after another one.
    #[must_use]
    pub fn compose_after(self, first: Self) -> Self {
        Self {
            w: self.w * first.w - self.v.dot(first.v),
            v: first.v * self.w + self.v * first.w + self.v.cross(first.v),
        }
    }

    /// Returns the inverse rotation.
    #[must_use]
    pub fn inverse(self) -> Self {
        Self { w: self.w, v: -self.v }
    }

    /// Returns w, x, y, z.
    pub const fn to_array(self) -> [f64; 4] {
        [self.w, self.v.x, self.v.y, self.v.z]
    }

    /// Returns the rotated vector.
    pub fn rotate(self, p: Point) -> Point {
        let t = self.v.cross(p) * 2.0;
        p + t * self.w + self.v.cross(t)
    }
}

/// The order in which Euler angles about the fixed axes are applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EulerOrder {
    /// About z, then y, then x, as in the SONATA guide and bluepysnap.
    #[default]
    Sonata,
    /// About x, then y, then z, as in neurodamus.
    Neurodamus,
}

impl EulerOrder {}

/// Transforms morphology points to the circuit: the rotation about `origin`, plus `translation`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Transform {
    /// The rotation.
    pub rotation: Quaternion,
    /// Circuit position of `origin`, which is the position of the soma, µm.
    pub translation: Point,
    /// The point of the morphology file that is moved to `translation`, µm: the file's origin, or the soma's centre.
    pub origin: Point,
}

impl Transform {
    /// Creates a rotation about the file's origin, followed by a shift.
    pub const fn new(rotation: Quaternion, translation: Point) -> Self {
        Self { rotation, translation, origin: Point::ORIGIN }
    }

    /// Returns the circuit position of a morphology point.
    pub fn apply(&self, p: Point) -> Point {
        self.rotation.rotate(p - self.origin) + self.translation
    }

    /// Returns the same rotation, but with another point of the file (the soma's centre) moved to `translation`.
    #[must_use]
    pub fn with_origin(self, center: Point) -> Self {
        Self { origin: center, ..self }
    }

    /// Returns an equal transform with `center` as its origin, so that the soma stays at its transformed file position.
    #[must_use]
    pub fn rebased_on(self, center: Point) -> Self {
        Self { origin: center, translation: self.apply(center), ..self }
    }

    /// Returns the inverse transform.
    #[must_use]
    pub fn inverse(&self) -> Self {
        let rotation = self.rotation.inverse();
        Self::new(rotation, self.origin - rotation.rotate(self.translation))
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
    fn euler_angles_rotate_about_fixed_axes_x_first() {
        let y = Point::new(0.0, 1.0, 0.0);
        close(Quaternion::from_euler(FRAC_PI_2, 0.0, 0.0).rotate(y), Point::new(0.0, 0.0, 1.0));
        // x by 90 degrees moves y to z; then y by 90 degrees moves z to x; then z by 90 degrees moves x to y
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
        let forth = Transform::new(rotation, Point::new(3.0, -1.0, 2.0));
        let p = Point::new(0.5, 0.25, -4.0);
        for forth in [forth, forth.with_origin(Point::new(1.0, 2.0, -0.5))] {
            close(forth.inverse().apply(forth.apply(p)), p);
        }
    }

    #[test]
    fn a_centre_is_moved_to_the_position_or_keeps_its_file_position() {
        let quarter = Quaternion::new(1.0, 0.0, 0.0, 1.0).unwrap();
        let (plain, center) = (Transform::new(quarter, Point::new(10.0, 0.0, 0.0)), Point::new(300.0, 0.0, 0.0));
        let p = Point::new(301.0, 0.0, 0.0);
        let moved = plain.with_origin(center);
        close(moved.apply(center), moved.translation);
        close(moved.apply(p), Point::new(10.0, 1.0, 0.0));
        let rebased = plain.rebased_on(center);
        assert!(rebased.translation.distance(Point::new(10.0, 300.0, 0.0)) < 1e-12);
        assert!(rebased.apply(p).distance(plain.apply(p)) < 1e-12);
    }

    #[test]
    fn the_orders_of_angles_differ_if_two_are_not_zero() {
        let p = Point::new(1.0, 2.0, 3.0);
        let turned = |angles, order| Quaternion::from_euler_angles(angles, order).rotate(p);
        let [sonata, neurodamus] = [EulerOrder::Sonata, EulerOrder::Neurodamus];
        for one in [[0.3, 0.0, 0.0], [0.0, 0.3, 0.0], [0.0, 0.0, 0.3]] {
            close(turned(one, sonata), turned(one, neurodamus));
        }
        // z by 90 degrees moves x to y, then y by 90 degrees has no effect, then x by 90 degrees moves y to z
        let all = [FRAC_PI_2; 3];
        let x = Point::new(1.0, 0.0, 0.0);
        close(Quaternion::from_euler_angles(all, sonata).rotate(x), Point::new(0.0, 0.0, 1.0));
        // x has no effect, then y by 90 degrees moves x to -z, then z has no effect
        close(Quaternion::from_euler_angles(all, neurodamus).rotate(x), Point::new(0.0, 0.0, -1.0));
    }

    #[test]
    fn a_zero_quaternion_is_refused() {
        assert_eq!(
            Quaternion::new(0.0, 0.0, 0.0, 0.0).unwrap_err().to_string(),
            "orientation is not a rotation, expected a quaternion with a length above 0, found (w 0, x 0, y 0, z 0)"
        );
    }
}
