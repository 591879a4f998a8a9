//! A vector field on three grids.

use super::grid::ScalarGrid;
use crate::geometry::{Aabb, Point};

/// A vector field whose components lie on grids of their own, such as the three of a Yee-staggered field.
#[derive(Debug, Clone, PartialEq)]
pub struct VectorGrid {
    /// The x, y and z components.
    pub components: [ScalarGrid; 3],
}

impl VectorGrid {
    /// The box in which all three components have values, um.
    pub fn bounds(&self) -> Aabb {
        let [x, y, z] = self.components.each_ref().map(ScalarGrid::bounds);
        intersect_boxes(intersect_boxes(x, y), z)
    }

    /// The interpolated vector at a point (um); none where a component has no value.
    pub fn interpolate(&self, p: Point) -> Option<Point> {
        let [x, y, z] = &self.components;
        Some(Point::new(x.interpolate(p)?, y.interpolate(p)?, z.interpolate(p)?))
    }
}

/// The box that two boxes share; empty where they do not touch.
pub fn intersect_boxes(a: Aabb, b: Aabb) -> Aabb {
    Aabb {
        min: Point::new(a.min.x.max(b.min.x), a.min.y.max(b.min.y), a.min.z.max(b.min.z)),
        max: Point::new(a.max.x.min(b.max.x), a.max.y.min(b.max.y), a.max.z.min(b.max.z)),
    }
}
