//! Outlines of regions in a view: the cross-section through one of their points, in the plane of the page.

use super::panel::Panel;
use crate::geometry::Point;
use crate::geometry::region::Region;
use crate::plot::canvas::{DrawItem, PagePoint, Paint, PlotFrame};

/// Number of directions in which the border is searched: one every half degree.
const RAYS: usize = 720;

/// A cross-section that fills more than this share of the panel has no visible outline.
const MAX_PANEL_SHARE: f32 = 0.98;

/// Points nearer than this to the line between their neighbours are left out, pt.
const MAX_DEVIATION_PT: f32 = 0.03;

/// The cross-section of a region.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Outline {
    /// A circle: centre and radius, pt.
    Circle(PagePoint, f32),
    /// The vertices of a polygon.
    Polygon(Vec<PagePoint>),
}

impl Outline {
    /// Paints the outline.
    pub fn draw(&self, paint: Paint) -> DrawItem {
        match self {
            Self::Circle(center, radius) => DrawItem::Circle { center: *center, radius: *radius, paint },
            Self::Polygon(points) => DrawItem::Polygon { points: points.clone(), closed: true, paint },
        }
    }
}

/// Returns the cross-section of a convex region through one of its points, inside the panel; `None` if its outline is
/// not visible.
pub(super) fn region_outline(panel: &Panel, region: &dyn Region, center: Point) -> Option<Outline> {
    if !region.contains(center) {
        return None;
    }
    let circle = region.as_sphere().filter(|ball| ball.center() == center).map(|ball| {
        let ([x, y], radius) = (panel.to_page(center), panel.to_page_length(ball.radius_um()));
        let corners = [[x - radius, y - radius], [x + radius, y + radius]];
        (Outline::Circle([x, y], radius), corners.iter().all(|corner| panel.frame.contains(*corner)))
    });
    match circle {
        Some((circle, true)) => Some(circle),
        // a ball across the border is a polygon, which can be cut
        _ => outline_polygon(panel, region, center).map(Outline::Polygon),
    }
}

fn outline_polygon(panel: &Panel, region: &dyn Region, center: Point) -> Option<Vec<PagePoint>> {
    // longer than any line in the panel
    let far = (center - panel.center()).norm() + 2.0 * panel.diagonal_um();
    let border = |i: usize| {
        let (up, right) = (i as f64 / RAYS as f64 * std::f64::consts::TAU).sin_cos();
        let end = center + panel.view.direction(right, up) * far;
        let reach = region.clip_segment(center, end).map_or(0.0, |span| span.end_fraction);
        panel.to_page(center.lerp(end, reach))
    };
    let polygon = simplify_polygon(&clip_polygon((0..RAYS).map(border).collect(), &panel.frame));
    let share = polygon_area(&polygon) / (panel.frame.width * panel.frame.height);
    (polygon.len() > 2 && share < MAX_PANEL_SHARE).then_some(polygon)
}

/// Leaves out the points of a polygon that are on the line between their neighbours.
fn simplify_polygon(polygon: &[PagePoint]) -> Vec<PagePoint> {
    let mut kept: Vec<PagePoint> = Vec::new();
    for (i, &point) in polygon.iter().enumerate() {
        let next = polygon.get(i + 1).or(polygon.first()).copied().unwrap_or(point);
        let is_between = kept.last().is_some_and(|&last| distance_to_line(point, last, next) < MAX_DEVIATION_PT);
        if !is_between {
            kept.push(point);
        }
    }
    kept
}

/// Returns the distance of a point from the straight line between two others.
fn distance_to_line([x, y]: PagePoint, from: PagePoint, to: PagePoint) -> f32 {
    let [dx, dy] = [to[0] - from[0], to[1] - from[1]];
    let length = dx.hypot(dy);
    let (ax, ay) = (x - from[0], y - from[1]);
    if length > 0.0 { (dx * ay - dy * ax).abs() / length } else { ax.hypot(ay) }
}

/// Returns the area of a polygon (the shoelace formula).
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
        let points = match region_outline(panel, region, center).unwrap() {
            Outline::Circle(_, radius) => return [2.0 * radius; 2],
            Outline::Polygon(points) => points,
        };
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
    fn straight_edges_have_no_points_between_corners() {
        let disk = Disk::new(Point::ORIGIN, Point::new(0.0, 1.0, 0.0), 30.0, 10.0).unwrap();
        let Some(Outline::Polygon(points)) = region_outline(&panel(ViewPlane::Xy), &disk, Point::ORIGIN) else {
            panic!("no polygon")
        };
        // a rectangle; the ray nearest to a corner misses it by half a degree at most
        assert!((4..16).contains(&points.len()), "{points:?}");
    }

    #[test]
    fn a_ball_that_is_cut_by_the_border_is_a_polygon() {
        let center = Point::new(90.0, 0.0, 0.0);
        let outline = region_outline(&panel(ViewPlane::Xy), &Sphere::new(center, 50.0).unwrap(), center);
        assert!(matches!(outline, Some(Outline::Polygon(_))));
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
