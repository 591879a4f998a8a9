//! Computes lower bounds of the distances from a segment to groups of contacts, four groups at once.

use super::lanes::{PointContact, norm_2};
use crate::geometry::{Aabb, Point};

/// The bounding boxes of four groups of contacts, stored so that the distances to all four are computed at once. Unused
/// entries are copies of the last group.
#[derive(Debug)]
pub(super) struct GroupBounds {
    min: [[f64; 4]; 3],
    max: [[f64; 4]; 3],
}

impl GroupBounds {
    /// Returns the bounds of the first four groups; `None` without groups.
    pub fn new(groups: &[&[PointContact]]) -> Option<Self> {
        let last = groups.last()?;
        let bounds: [Aabb; 4] = std::array::from_fn(|k| contact_bounds(groups.get(k).unwrap_or(last)));
        let [min, max] = [bounds.map(|b| b.min), bounds.map(|b| b.max)]
            .map(|corners| std::array::from_fn(|axis| corners.map(|p| p.to_array()[axis])));
        Some(Self { min, max })
    }

    /// Returns the squared distances from a point to the boxes, µm^2; 0 inside a box.
    #[inline(always)]
    pub fn distances_2(&self, p: Point) -> [f64; 4] {
        let ([x0, y0, z0], [x1, y1, z1]) = (&self.min, &self.max);
        let mut squares = [0.0; 4];
        for k in 0..4 {
            let (x, y, z) = (gap(x0[k], p.x, x1[k]), gap(y0[k], p.y, y1[k]), gap(z0[k], p.z, z1[k]));
            squares[k] = norm_2(Point::new(x, y, z));
        }
        squares
    }
}

/// Returns the squared distance to a group's box beyond which every contact is further away than `distance`, with a
/// margin for rounding.
#[inline(always)]
pub(super) fn with_margin_squared(distance: f64) -> f64 {
    const MARGIN: f64 = 1.000_001;
    (distance * MARGIN) * (distance * MARGIN)
}

/// Returns the bounding box of contacts.
pub(super) fn contact_bounds(contacts: &[PointContact]) -> Aabb {
    Aabb::enclosing(contacts.iter().map(|c| c.position_um))
}

/// Returns the distance of `v` from an interval; 0 inside.
#[inline(always)]
fn gap(min: f64, v: f64, max: f64) -> f64 {
    let outside = if min - v > v - max { min - v } else { v - max };
    if outside > 0.0 { outside } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::methods::NearField;

    #[test]
    fn distances_are_to_the_nearest_side_and_zero_inside() {
        let site = |x: f64, y: f64, z: f64| PointContact {
            position_um: Point::new(x, y, z),
            conductivity_s_per_m: 0.3,
            near_field: NearField::Unclamped,
            low_part: None,
        };
        let (cube, far) = ([site(-1.0, -1.0, -1.0), site(1.0, 1.0, 1.0)], [site(100.0, 0.0, 0.0)]);
        let boxes = GroupBounds::new(&[&cube, &far]).unwrap();
        assert_eq!(boxes.distances_2(Point::new(0.5, -1.0, 0.0))[0], 0.0);
        // 3, 4 and 12 beyond the corner: distance 13
        assert_eq!(boxes.distances_2(Point::new(4.0, -5.0, 13.0))[0], 169.0);
        assert_eq!(boxes.distances_2(Point::new(90.0, 0.0, 0.0))[1..], [100.0; 3]);
        assert!(GroupBounds::new(&[]).is_none());
    }
}
