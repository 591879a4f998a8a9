//! Outlines of regions in a view: the cross-section through one of their points, in the plane of the page.

use super::panel::Panel;
use crate::geometry::Point;
use crate::geometry::region::Region;
use crate::plot::canvas::{PagePoint, PlotFrame};

/// Number of directions in which the border is searched: one every half degree.
const RAYS: usize = 720;

/// A cross-section that fills more than this share of the panel has no visible outline.
const MAX_PANEL_SHARE: f32 = 0.98;

/// Returns the cross-section of a convex region through one of its points, inside the panel; `None` if its outline is
/// not visible.
pub(super) fn region_outline(panel: &Panel, region: &dyn Region, center: Point) -> Option<Vec<PagePoint>> {
    if !region.contains(center) {
        return None;
    }
    // longer than any line in the panel
    let far = (center - panel.center()).norm() + 2.0 * panel.diagonal_um();
    let border = |i: usize| {
        let (up, right) = (i as f64 / RAYS as f64 * std::f64::consts::TAU).sin_cos();
        let end = center + panel.view.direction(right, up) * far;
        let reach = region.clip_segment(center, end).map_or(0.0, |span| span.end_fraction);
        panel.to_page(center.lerp(end, reach))
    };
    let polygon = clip_polygon((0..RAYS).map(border).collect(), &panel.frame);
    let share = polygon_area(&polygon) / (panel.frame.width * panel.frame.height);
    (polygon.len() > 2 && share < MAX_PANEL_SHARE).then_some(polygon)
}

/// Area of a polygon (the shoelace formula).
fn polygon_area(polygon: &[PagePoint]) -> f32 {
    let next = polygon.iter().cycle().skip(1);
    0.5 * polygon.iter().zip(next).map(|(a, b)| a[0] * b[1] - b[0] * a[1]).sum::<f32>().abs()
}

/// Clips a convex polygon to a frame (Sutherland and Hodgman 1974).
fn clip_polygon(mut polygon: Vec<PagePoint>, frame: &PlotFrame) -> Vec<PagePoint> {
    let sides: [(usize, f32, f32); 4] =
        [(0, frame.left, 1.0), (0, frame.right(), -1.0), (1, frame.top, 1.0), (1, frame.bottom(), -1.0)];
    for (axis, limit, sign) in sides {
        let inner = |p: &PagePoint| (p[axis] - limit) * sign;
        let mut clipped = Vec::with_capacity(polygon.len() + 4);
        let next = polygon.iter().cycle().skip(1);
        for (from, to) in polygon.iter().zip(next) {
            let (a, b) = (inner(from), inner(to));
            if a >= 0.0 {
                clipped.push(*from);
            }
            if (a >= 0.0) != (b >= 0.0) {
                let t = a / (a - b);
                clipped.push([0, 1].map(|k| from[k] + (to[k] - from[k]) * t));
            }
        }
        polygon = clipped;
    }
    polygon
}

#[cfg(test)]
mod tests {
    use super::super::panel::{Panels, ViewPlane};
    use super::*;
    use crate::geometry::Aabb;
    use crate::geometry::region::{Disk, Slab, Sphere};

    fn panel(view: ViewPlane) -> Panel {
        let half = Point::new(100.0, 100.0, 100.0);
        let window = Aabb::enclosing([Point::ORIGIN - half, half]);
        Panels::new(&window, &[view]).panels.remove(0)
    }

    fn extent(panel: &Panel, region: &dyn Region, center: Point) -> [f32; 2] {
        let points = region_outline(panel, region, center).unwrap();
        [0, 1].map(|k| {
            let values = points.iter().map(|p| p[k]);
            values.clone().fold(f32::MIN, f32::max) - values.fold(f32::MAX, f32::min)
        })
    }

    #[test]
    fn outlines_have_the_size_of_the_section() {
        let panel = panel(ViewPlane::Xy);
        let um = panel.to_page_length(1.0);
        let close = |found: [f32; 2], expected: [f32; 2]| {
            assert!(
                (0..2).all(|k| (found[k] - expected[k] * um).abs() < 0.02 * expected[k] * um),
                "{found:?} {expected:?}"
            );
        };
        let center = Point::new(10.0, -5.0, 3.0);
        close(extent(&panel, &Sphere::new(center, 40.0).unwrap(), center), [80.0, 80.0]);
        let up = Point::new(0.0, 1.0, 0.0);
        close(extent(&panel, &Disk::new(center, up, 30.0, 10.0).unwrap(), center), [60.0, 20.0]);
        // without bounds: as wide as the panel, 200 µm and a margin of 3 % on either side
        close(extent(&panel, &Slab::new(center, up, 10.0).unwrap(), center), [212.0, 20.0]);
    }

    #[test]
    fn a_slab_seen_from_above_has_no_outline() {
        let slab = Slab::new(Point::ORIGIN, Point::new(0.0, 1.0, 0.0), 10.0).unwrap();
        assert!(region_outline(&panel(ViewPlane::Xz), &slab, Point::ORIGIN).is_none());
    }

    #[test]
    fn a_region_outside_the_panel_is_not_drawn() {
        let far = Point::new(1000.0, 0.0, 0.0);
        assert!(
            region_outline(&panel(ViewPlane::Zy), &Sphere::new(far, 10.0).unwrap(), far).is_some(),
            "along x it is before the panel"
        );
        assert!(region_outline(&panel(ViewPlane::Xy), &Sphere::new(far, 10.0).unwrap(), far).is_none());
    }
}
