//! Points, boxes, rotations and the space-filling curve. All lengths are in micrometres.

mod aabb;
pub mod hilbert;
mod point;
mod principal_axis;
pub mod region;
mod transform;

pub use aabb::Aabb;
pub use point::Point;
pub use principal_axis::{NoPrincipalAxis, PrincipalAxis};
pub use transform::{EulerOrder, Quaternion, Transform, ZeroQuaternion};
