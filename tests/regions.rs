//! Compares regions with simple computations: distances derived here, sampled points, loops over all segments; and
//! ObjectiveCSD weights with those of BlueRecording. A region that misses a segment would make a query and a weight
//! silently wrong.

use leadfield::geometry::region::{Capsule, Cuboid, Disk, OrientedCuboid, Predicate, Region, Slab, Sphere};
use leadfield::geometry::{Aabb, Point, Quaternion};
use leadfield::io::hdf5::Hdf5File;
use leadfield::methods::PreparedMethod as _;
use leadfield::methods::objective_csd::{CsdOptions, PreparedCsd, RegionContact, RegionSpec};
use leadfield::segments::{NeuronSegments, Segment, Segments};
use proptest::prelude::*;

use crate::support;

/// The numbers of a region, from which the tests compute distances independently.
#[derive(Debug, Clone, Copy)]
pub enum Shape {
    Sphere { c: Point, r: f64 },
    Disk { c: Point, axis: Point, r: f64, half: f64 },
    Slab { c: Point, axis: Point, half: f64 },
    Cuboid { c: Point, half: Point },
    Oriented { c: Point, half: Point, turn: [f64; 3] },
    Capsule { a: Point, b: Point, r: f64 },
}

impl Shape {
    pub fn region(self) -> Box<dyn Region> {
        match self {
            Self::Sphere { c, r } => Box::new(Sphere::new(c, r).unwrap()),
            Self::Disk { c, axis, r, half } => Box::new(Disk::new(c, axis, r, half).unwrap()),
            Self::Slab { c, axis, half } => Box::new(Slab::new(c, axis, half).unwrap()),
            Self::Cuboid { c, half } => Box::new(Cuboid::new(c - half, c + half).unwrap()),
            Self::Oriented { c, half, turn: [x, y, z] } => {
                Box::new(OrientedCuboid::new(c, half, Quaternion::from_euler(x, y, z)).unwrap())
            }
            Self::Capsule { a, b, r } => Box::new(Capsule::new(a, b, r).unwrap()),
        }
    }

    /// Returns the distance of a point from the region, 0 inside.
    fn distance(self, p: Point) -> f64 {
        let beyond = |v: f64, most: f64| (v.abs() - most).max(0.0);
        match self {
            Self::Sphere { c, r } => beyond(p.distance(c), r),
            Self::Slab { c, axis, half } => beyond((p - c).dot(axis) / axis.norm(), half),
            Self::Disk { c, axis, r, half } => {
                let (axial, radial) = ((p - c).dot(axis), (p - c).cross(axis).norm());
                beyond(axial / axis.norm(), half).hypot(beyond(radial / axis.norm(), r))
            }
            Self::Cuboid { c, half } => {
                let d = p - c;
                Point::new(beyond(d.x, half.x), beyond(d.y, half.y), beyond(d.z, half.z)).norm()
            }
            Self::Oriented { c, half, turn: [x, y, z] } => {
                // the inverse rotations in the opposite order
                let back = |angle: [f64; 3], p: Point| Quaternion::from_euler(angle[0], angle[1], angle[2]).rotate(p);
                let d = back([-x, 0.0, 0.0], back([0.0, -y, 0.0], back([0.0, 0.0, -z], p - c)));
                Self::Cuboid { c: Point::ORIGIN, half }.distance(d)
            }
            Self::Capsule { a, b, r } => {
                let t = if a == b { 0.0 } else { ((p - a).dot(b - a) / (b - a).norm_2()).clamp(0.0, 1.0) };
                beyond(p.distance(a + (b - a) * t), r)
            }
        }
    }

    /// Returns the volume by elementary formulas.
    fn volume(self) -> Option<f64> {
        let pi = std::f64::consts::PI;
        let ball = |r: f64| 4.0 * pi * r * r * r / 3.0;
        match self {
            Self::Sphere { r, .. } => Some(ball(r)),
            Self::Disk { r, half, .. } => Some(pi * r * r * (half + half)),
            Self::Slab { .. } => None,
            Self::Cuboid { half, .. } | Self::Oriented { half, .. } => Some(8.0 * half.x * half.y * half.z),
            Self::Capsule { a, b, r } => Some(ball(r) + pi * r * r * a.distance(b)),
        }
    }
}

/// Draws a number; half of them are small integers, so that tangents, shared corners and equal coordinates occur.
fn number() -> impl Strategy<Value = f64> {
    prop_oneof![(-6..=6_i32).prop_map(f64::from), -7.0..7.0_f64]
}

pub fn point() -> impl Strategy<Value = Point> {
    [number(), number(), number()].prop_map(Point::from)
}

fn axis() -> impl Strategy<Value = Point> {
    point().prop_filter("an axis has a direction", |axis| axis.norm() > 0.01)
}

fn radius() -> impl Strategy<Value = f64> {
    prop_oneof![(1..=5_i32).prop_map(f64::from), 0.001..6.0_f64]
}

/// Draws half a length, which may be 0: flat disks and boxes.
fn half() -> impl Strategy<Value = f64> {
    prop_oneof![(0..=4_i32).prop_map(f64::from), 0.001..6.0_f64]
}

fn sides() -> impl Strategy<Value = Point> {
    [half(), half(), half()].prop_map(Point::from)
}

fn turn() -> impl Strategy<Value = [f64; 3]> {
    // multiples of 45 degrees, at which edges become parallel, and any angle
    let angle = || prop_oneof![(-4..=4_i32).prop_map(|k| f64::from(k) * std::f64::consts::FRAC_PI_4), -3.2..3.2_f64];
    [angle(), angle(), angle()]
}

pub fn shape() -> impl Strategy<Value = Shape> {
    prop_oneof![
        (point(), radius()).prop_map(|(c, r)| Shape::Sphere { c, r }),
        (point(), axis(), radius(), half()).prop_map(|(c, axis, r, half)| Shape::Disk { c, axis, r, half }),
        (point(), axis(), half()).prop_map(|(c, axis, half)| Shape::Slab { c, axis, half }),
        (point(), sides()).prop_map(|(c, half)| Shape::Cuboid { c, half }),
        (point(), sides(), turn()).prop_map(|(c, half, turn)| Shape::Oriented { c, half, turn }),
        (point(), point(), radius()).prop_map(|(a, b, r)| Shape::Capsule { a, b, r }),
        (point(), radius()).prop_map(|(a, r)| Shape::Capsule { a, b: a, r }),
    ]
}

/// Draws a segment; one in eight has no length.
pub fn segment() -> impl Strategy<Value = (Point, Point)> {
    prop_oneof![7 => (point(), point()), 1 => point().prop_map(|a| (a, a))]
}

/// Returns the minimum of a convex function between 0 and 1: golden-section search, to 0.618^40 = 4e-9.
fn least(f: &dyn Fn(f64) -> f64) -> (f64, f64) {
    let golden = (5.0_f64.sqrt() - 1.0) / 2.0;
    let (mut low, mut high) = (0.0, 1.0);
    let (mut left, mut right) = (high - golden, low + golden);
    let (mut at_left, mut at_right) = (f(left), f(right));
    for _ in 0..40 {
        if at_left <= at_right {
            (high, right, at_right) = (right, left, at_left);
            left = high - golden * (high - low);
            at_left = f(left);
        } else {
            (low, left, at_left) = (left, right, at_right);
            right = low + golden * (high - low);
            at_right = f(right);
        }
    }
    let candidates = [0.0, 1.0, 0.5 * (low + high)].map(|t| (f(t), t));
    candidates.into_iter().fold((f64::INFINITY, 0.0), |best, c| if c.0 < best.0 { c } else { best })
}

/// Returns the distance between a region and a box, by three nested searches.
fn distance_to_box(shape: Shape, b: &Aabb) -> f64 {
    let (min, size) = (b.min, b.size());
    let at = |x: f64, y: f64, z: f64| shape.distance(min + Point::new(x * size.x, y * size.y, z * size.z));
    least(&|x| least(&|y| least(&|z| at(x, y, z)).0).0).0
}

fn distance_to_segment(shape: Shape, a: Point, b: Point) -> (f64, f64) {
    least(&|t| shape.distance(a + (b - a) * t))
}

/// Returns the lattice of a box: n^3 points including the corners.
fn lattice(b: &Aabb, n: i32) -> Vec<Point> {
    let share = |i: i32| f64::from(i) / f64::from(n - 1);
    let at = |i: i32, low: f64, high: f64| if i == n - 1 { high } else { low + (high - low) * share(i) };
    let mut points = Vec::new();
    for x in 0..n {
        for y in 0..n {
            for z in 0..n {
                points.push(Point::new(at(x, b.min.x, b.max.x), at(y, b.min.y, b.max.y), at(z, b.min.z, b.max.z)));
            }
        }
    }
    points
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_point_is_inside_just_where_its_distance_is_zero(shape in shape(), p in point()) {
        let distance = shape.distance(p);
        let inside = shape.region().contains(p);
        prop_assert!(!inside || distance < 1e-13, "inside at {distance}");
        prop_assert!(inside || distance > 0.0 || on_border(shape, p), "outside at {distance}");
    }

    #[test]
    fn a_box_that_holds_a_point_of_the_region_is_touched(shape in shape(), a in point(), b in point()) {
        let (region, bounds) = (shape.region(), Aabb::enclosing([a, b]));
        if lattice(&bounds, 6).into_iter().any(|p| region.contains(p)) {
            prop_assert!(region.touches(&bounds));
        }
    }

    #[test]
    fn a_box_that_is_one_point_is_touched_just_where_the_point_is_inside(shape in shape(), p in point()) {
        let (region, bounds) = (shape.region(), Aabb::enclosing([p]));
        prop_assert!(region.touches(&bounds) || !region.contains(p));
        prop_assert!(!region.touches(&bounds) || shape.distance(p) < 1e-12);
    }

    #[test]
    fn a_box_that_is_enclosed_holds_no_point_outside(shape in shape(), a in point(), size in point(), scale in 0.0..1.0_f64) {
        let region = shape.region();
        let bounds = Aabb::enclosing([a, a + size * scale]);
        if region.encloses(&bounds) {
            prop_assert!(lattice(&bounds, 5).into_iter().all(|p| region.contains(p)));
            prop_assert!(region.touches(&bounds) && region.intersects(bounds.min, bounds.max));
        } else {
            let hair = Point::new(1e-9, 1e-9, 1e-9);
            let grown = Aabb { min: bounds.min - hair, max: bounds.max + hair };
            prop_assert!(!grown.corners().into_iter().all(|p| region.contains(p)));
        }
    }

    #[test]
    fn the_box_of_a_segment_that_is_intersected_is_touched(shape in shape(), (a, b) in segment()) {
        let region = shape.region();
        if region.intersects(a, b) {
            prop_assert!(region.touches(&Aabb::enclosing([a, b])));
        }
    }

    #[test]
    fn bounds_hold_the_region_and_touch_each_of_its_sides(shape in shape(), p in point()) {
        let region = shape.region();
        let Some(bounds) = region.bounds() else {
            prop_assert!(matches!(shape, Shape::Slab { .. }), "bounded");
            return Ok(());
        };
        prop_assert!(!region.contains(p) || Aabb::enclosing([p]).distance(&bounds) == 0.0);
        // thin boxes along the six sides: the bounding box is tight
        let (min, max) = (bounds.min, bounds.max);
        for k in 0..3 {
            let (mut low, mut high) = (max.to_array(), min.to_array());
            low[k] = min.to_array()[k] + 1e-9;
            high[k] = max.to_array()[k] - 1e-9;
            prop_assert!(region.touches(&Aabb::enclosing([min, low.into()])) && region.touches(&Aabb::enclosing([high.into(), max])));
        }
    }

    #[test]
    fn the_fraction_is_that_of_a_fine_ruler(shape in shape(), (a, b) in segment()) {
        if along_border(shape, a, b) {
            return between_those_nearby(shape, a, b);
        }
        let (region, n) = (shape.region(), 1000);
        let inside = (0..n).filter(|&i| region.contains(a + (b - a) * ((f64::from(i) + 0.5) / f64::from(n)))).count();
        let ruled = inside as f64 / f64::from(n);
        let fraction = region.fraction_inside(a, b);
        // the inside part is one interval, and each of its ends is between two sample points
        prop_assert!((fraction - ruled).abs() <= 1.001 / f64::from(n), "{fraction} against {ruled}");
        prop_assert!((0.0..=1.0).contains(&fraction));
        prop_assert!((fraction - region.fraction_inside(b, a)).abs() < 1e-6, "the same from the other end");
    }

    #[test]
    fn where_the_border_is_crossed_is_found_to_the_last_digits(shape in shape(), (a, b) in segment()) {
        if along_border(shape, a, b) {
            return between_those_nearby(shape, a, b);
        }
        let region = shape.region();
        let Some(span) = region.clip_segment(a, b).filter(|span| span.fraction() > 1e-3) else { return Ok(()) };
        for t in [span.start_fraction, span.end_fraction, 0.5 * (span.start_fraction + span.end_fraction)] {
            prop_assert!(shape.distance(a + (b - a) * t) < 1e-12, "inside at {t}");
        }
        // beyond the ends of the span the segment is outside: a step of 1e-6, at least 1e-10 µm away at a grazing chord
        for t in [span.start_fraction - 1e-6, span.end_fraction + 1e-6].into_iter().filter(|t| (0.0..=1.0).contains(t)) {
            prop_assert!(!region.contains(a + (b - a) * t), "outside at {t}");
        }
    }

    #[test]
    fn intersecting_is_having_a_part_inside_or_touching(shape in shape(), (a, b) in segment()) {
        let region = shape.region();
        let (distance, at) = distance_to_segment(shape, a, b);
        if region.intersects(a, b) {
            prop_assert!(distance < 1e-7, "no nearer than {distance}");
        } else {
            prop_assert_eq!(region.fraction_inside(a, b), 0.0);
            prop_assert!(!region.contains(a + (b - a) * at));
            prop_assert!((0..=64).all(|i| !region.contains(a.lerp(b, f64::from(i) / 64.0))));
        }
        if distance > 1e-7 {
            prop_assert!(!region.intersects(a, b));
        }
    }

    #[test]
    fn volumes_are_those_of_school(shape in shape()) {
        // the corners of a box are rounded, by 1e-15 µm times the area of a side
        match (shape.region().volume_um3(), shape.volume()) {
            (None, None) => {}
            (Some(found), Some(expected)) => prop_assert!((found - expected).abs() <= 1e-14 * expected + 1e-12),
            other => prop_assert!(false, "{other:?}"),
        }
    }

    #[test]
    fn sizes_from_atoms_to_planets_make_no_difference(shape in shape(), (a, b) in segment(), power in -40..40_i32) {
        // powers of two scale without rounding, so that every answer must be the same
        let s = 2.0_f64.powi(power);
        let (region, scaled) = (shape.region(), scaled(shape, s).region());
        prop_assert_eq!(region.contains(a), scaled.contains(a * s));
        prop_assert_eq!(region.fraction_inside(a, b), scaled.fraction_inside(a * s, b * s));
        prop_assert_eq!(region.intersects(a, b), scaled.intersects(a * s, b * s));
        prop_assert_eq!(region.touches(&Aabb::enclosing([a, b])), scaled.touches(&Aabb::enclosing([a * s, b * s])));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_box_is_touched_just_where_a_search_finds_no_distance(shape in shape(), a in point(), b in point()) {
        let bounds = Aabb::enclosing([a, b]);
        let (touched, distance) = (shape.region().touches(&bounds), distance_to_box(shape, &bounds));
        prop_assert!(touched || distance > 0.0, "missed");
        prop_assert!(!touched || distance < 1e-6, "too large: {distance} away");
    }

    #[test]
    fn pages_left_by_their_boxes_hold_what_a_loop_over_everything_finds(
        shape in shape(),
        mut segments in prop::collection::vec(segment(), 0..400),
        page in 1..40_usize,
    ) {
        let region = shape.region();
        segments.sort_by(|(a, _), (b, _)| a.x.total_cmp(&b.x));
        for predicate in Predicate::ALL {
            let holds = |(a, b): &&(Point, Point)| predicate.matches(region.as_ref(), *a, *b);
            let touched = |page: &&[(Point, Point)]| region.touches(&Aabb::enclosing(page.iter().flat_map(|&(a, b)| [a, b])));
            let looped: Vec<_> = segments.iter().filter(holds).collect();
            let paged: Vec<_> = segments.chunks(page).filter(touched).flatten().filter(holds).collect();
            prop_assert_eq!(paged, looped);
        }
    }

    #[test]
    fn a_region_gives_the_segments_whose_weight_is_one(
        heights in prop::collection::vec(number(), 2..6),
        kinds in prop::collection::vec(0..3_usize, 6),
        segments in prop::collection::vec(segment(), 1..50),
    ) {
        let types = ["ObjectiveCSD_Sphere_3", "ObjectiveCSD_Disk_4", "ObjectiveCSD_Plane"];
        let contacts: Vec<RegionContact> = heights
            .iter()
            .zip(kinds)
            .map(|(&y, kind)| contact(Point::new(0.1 * y, y, 0.0), types[kind]))
            .collect();
        let Ok((kernel, _)) = PreparedCsd::new(&contacts, CsdOptions::default()) else { return Ok(()) };
        let weights = weigh(&kernel, contacts.len(), &segments);
        for (row, &(a, b)) in weights.chunks(contacts.len()).zip(&segments) {
            for (weight, region) in row.iter().zip(kernel.regions()) {
                prop_assert_eq!(*weight, f64::from(u8::from(Predicate::Midpoint.matches(region.as_ref(), a, b))));
            }
        }
    }
}

/// Returns whether a point that is moved slightly towards or away from the region's centre changes sides: then rounding
/// may decide.
fn on_border(shape: Shape, p: Point) -> bool {
    lattice(&Aabb::enclosing([p - Point::new(1e-13, 1e-13, 1e-13), p + Point::new(1e-13, 1e-13, 1e-13)]), 3)
        .into_iter()
        .any(|q| shape.distance(q) > 0.0)
}

/// Returns the smallest and the largest fraction of a segment that is moved slightly in all directions, and its own
/// fraction. They differ for a segment along the border, as in a face of a rotated box: there rounding decides about
/// each of its points.
fn fractions_nearby(shape: Shape, a: Point, b: Point) -> [f64; 3] {
    let hair = Point::new(1e-12, 1e-12, 1e-12);
    let all = lattice(&Aabb::enclosing([Point::ORIGIN - hair, hair]), 3);
    let moves = all.into_iter().filter(|way| *way != Point::ORIGIN);
    let region = shape.region();
    let fractions = moves.map(|way| region.fraction_inside(a + way, b + way));
    let [least, most] =
        fractions.fold([f64::INFINITY, 0.0], |[least, most], f| [f64::min(least, f), f64::max(most, f)]);
    [least, most, region.fraction_inside(a, b)]
}

/// Along the border, too, the fraction is that of a slightly moved segment.
fn between_those_nearby(shape: Shape, a: Point, b: Point) -> Result<(), TestCaseError> {
    let [least, most, fraction] = fractions_nearby(shape, a, b);
    prop_assert!(least - 1e-6 <= fraction && fraction <= most + 1e-6, "{fraction}, not {least} to {most}");
    Ok(())
}

/// Returns whether rounding may decide about a segment. It cannot for spheres, whose border is curved, and for
/// axis-aligned boxes, whose coordinates are compared without arithmetic.
fn along_border(shape: Shape, a: Point, b: Point) -> bool {
    let [least, most, _] = fractions_nearby(shape, a, b);
    !matches!(shape, Shape::Sphere { .. } | Shape::Cuboid { .. }) && most - least > 1e-4
}

#[test]
fn a_segment_in_a_face_of_a_turned_box_is_left_to_rounding_but_found_where_its_midpoint_is() {
    // a random case: the face at z = -2 contains y = 2, and so does the segment
    let half = Point::new(3.096_958_948_882_581_3, 1.0, 1.0);
    let (c, turn) = (Point::new(0.0, 1.0, -3.0), [-std::f64::consts::FRAC_PI_2, std::f64::consts::PI, 0.0]);
    let shape = Shape::Oriented { c, half, turn };
    let (a, b) = (Point::new(0.0, 2.0, -5.940_700_842_353_286), Point::new(0.0, 2.0, 0.0));
    assert!(along_border(shape, a, b) && !along_border(shape, a + Point::new(0.0, 0.1, 0.0), b));
    let region = shape.region();
    assert!((0.0..=1.0).contains(&region.fraction_inside(a, b)));
    assert!(region.intersects(a, b) || !region.contains(a.midpoint(b)));
    assert!(region.touches(&Aabb::enclosing([a, b])));
}

fn scaled(shape: Shape, s: f64) -> Shape {
    match shape {
        Shape::Sphere { c, r } => Shape::Sphere { c: c * s, r: r * s },
        Shape::Disk { c, axis, r, half } => Shape::Disk { c: c * s, axis, r: r * s, half: half * s },
        Shape::Slab { c, axis, half } => Shape::Slab { c: c * s, axis, half: half * s },
        Shape::Cuboid { c, half } => Shape::Cuboid { c: c * s, half: half * s },
        Shape::Oriented { c, half, turn } => Shape::Oriented { c: c * s, half: half * s, turn },
        Shape::Capsule { a, b, r } => Shape::Capsule { a: a * s, b: b * s, r: r * s },
    }
}

#[test]
fn a_sphere_of_astronomical_size_holds_a_brain_and_meets_its_boxes() {
    for r in [1e12, 1e50, 1e99] {
        let far = Point::new(r * 0.5, 0.0, 0.0);
        let region = Shape::Sphere { c: far, r }.region();
        let (a, b) = (Point::new(-3.0, 4.0, 5.0), Point::new(700.0, -80.0, 0.1));
        assert!(region.contains(a) && region.intersects(a, b) && region.touches(&Aabb::enclosing([a, b])));
        assert_eq!(region.fraction_inside(a, b), 1.0);
        let beside = Shape::Sphere { c: far * 3.0, r }.region();
        assert!(!beside.intersects(a, b) && !beside.touches(&Aabb::enclosing([a, b])));
    }
}

#[test]
fn a_tangent_line_intersects_with_fraction_zero() {
    let region = Sphere::new(Point::ORIGIN, 5.0).unwrap();
    // the tangent at (3, 4): direction (-4, 3)
    let (foot, way) = (Point::new(3.0, 4.0, 0.0), Point::new(-4.0, 3.0, 0.0));
    assert!(region.intersects(foot - way, foot + way));
    assert!(region.fraction_inside(foot - way, foot + way) < 1e-7);
    let out = foot * 1e-9;
    assert!(!region.intersects(foot - way + out, foot + way + out));
}

#[test]
fn a_segment_whose_midpoint_is_inside_intersects_also_on_ten_thousand_tangents() {
    for i in 0..10_000 {
        let (sin, cos) = (f64::from(i) * 0.1).sin_cos();
        let (foot, way) = (Point::new(7.0 * cos, 7.0 * sin, 0.0), Point::new(-sin, cos, 0.3) * 3.0);
        for shape in [Shape::Sphere { c: Point::ORIGIN, r: 7.0 }, Shape::Capsule { a: Point::ORIGIN, b: way, r: 7.0 }] {
            let (region, a, b) = (shape.region(), foot - way, foot + way);
            assert!(region.intersects(a, b) || !region.contains(a.midpoint(b)), "{shape:?} {a} {b}");
        }
    }
}

fn contact(position: Point, kind: &str) -> RegionContact {
    RegionContact { position_um: position, region_spec: RegionSpec::parse(kind).unwrap().unwrap(), array_number: 0 }
}

fn weigh(kernel: &PreparedCsd, contacts: usize, segments: &[(Point, Point)]) -> Vec<f64> {
    let columns: Segments = segments
        .iter()
        .map(|&(start, end)| Segment {
            node_id: 0,
            section_id: 0,
            segment_id: 0,
            section_type: None,
            start,
            end,
            radius_um: None,
            row: 0,
        })
        .collect();
    let mut weights = vec![f64::NAN; segments.len() * contacts];
    kernel.fill_weights(&NeuronSegments::new(&columns, 0..columns.len()), &mut weights);
    weights
}

/// Contacts 4 to 15 of `e6.csv`, as the reference has them.
fn golden_contacts() -> Vec<RegionContact> {
    let text = std::fs::read_to_string(support::golden().join("input/electrodes/e6.csv")).unwrap();
    let lines = text.lines().skip(1).map(|line| line.split(',').collect::<Vec<_>>());
    let number = |cell: &str| cell.parse::<f64>().unwrap();
    lines
        .filter(|cells| cells[6].starts_with("ObjectiveCSD"))
        .map(|cells| contact(Point::new(number(cells[1]), number(cells[2]), number(cells[3])), cells[6]))
        .collect()
}

#[test]
fn objective_csd_of_the_golden_circuit_is_that_of_bluerecording_to_the_last_bit() {
    let contacts = golden_contacts();
    let midpoints = Hdf5File::open(&support::golden().join("reference/midpoints.h5")).unwrap();
    let (shape, xyz) = (midpoints.shape("xyz").unwrap(), midpoints.read_floats("xyz").unwrap());
    let n = shape[1];
    let points: Vec<(Point, Point)> =
        (0..n).map(|i| Point::new(xyz[i], xyz[n + i], xyz[2 * n + i])).map(|p| (p, p)).collect();
    let (kernel, warnings) = PreparedCsd::new(&contacts, CsdOptions::default()).unwrap();
    assert!(warnings.is_empty(), "{warnings:?}");
    let weights = weigh(&kernel, contacts.len(), &points);

    let reference = Hdf5File::open(&support::golden().join("reference/e6.h5")).unwrap();
    let reference = reference.read_float_rows("electrodes/S1nonbarrel_neurons/scaling_factors", 0, n).unwrap();
    // sixteen electrodes and one column more; the last twelve electrodes have regions
    let expected: Vec<f64> = reference.chunks(17).flat_map(|row| row[4..16].to_vec()).collect();
    assert_eq!((contacts.len(), n), (12, 3161));
    let differ = weights.iter().zip(&expected).filter(|(a, b)| a != b).count();
    assert_eq!((differ, weights.len()), (0, expected.len()));
    let hits: Vec<f64> = (0..12).map(|k| weights.iter().skip(k).step_by(12).sum()).collect();
    assert!(hits.iter().all(|&sum| sum > 0.0), "each region holds something: {hits:?}");
}
