//! A vector field on three scalar grids.

use super::grid::ScalarGrid;
use crate::geometry::{Aabb, Point};

/// A vector field with each component on a separate grid, such as the three of a Yee-staggered field.
#[derive(Debug, Clone, PartialEq)]
pub struct VectorGrid {
    /// The x, y and z components.
    pub components: [ScalarGrid; 3],
}

impl VectorGrid {
    /// Returns the box in which all three components have values, µm.
    pub fn bounds(&self) -> Aabb {
        let [x, y, z] = self.components.each_ref().map(ScalarGrid::bounds);
        x.intersection(y).intersection(z)
    }

    /// Returns the interpolated vector at a point (µm); `None` if a component has no value.
    pub fn interpolate(&self, p: Point) -> Option<Point> {
        let [x, y, z] = &self.components;
        Some(Point::new(x.interpolate(p)?, y.interpolate(p)?, z.interpolate(p)?))
    }
}
