//! Compares contacts in anisotropic and bounded media, and disc contacts, with closed forms and with the laws of the
//! field: a contact that is computed as a sum of point contacts must solve its boundary value problem.

use std::f64::consts::PI;

use leadfield::geometry::Point;
use leadfield::methods::disc::Disc;
use leadfield::methods::line_source::LineSource;
use leadfield::methods::medium::{Axis, Boundary, Conductivity, Side, Slice, SlicePlane};
use leadfield::methods::own_arrays::SegmentArrays;
use leadfield::methods::{Contact, NearField, find_method};
use leadfield::segments::{Segment, Segments};
use proptest::prelude::*;

use crate::support::{leadfield_in, one_neuron, scratch};

/// Returns the weight of one segment with an unclamped near field.
fn weight_of(method: &str, contact: &Contact, start: Point, end: Point) -> f64 {
    let segment = Segment {
        node_id: 3,
        section_id: 2,
        segment_id: 1,
        section_type: None,
        start,
        end,
        radius_um: Some(1.0),
        row: 0,
    };
    let segments = Segments::from_iter([segment]);
    let kernel = find_method(method).unwrap().prepare(std::slice::from_ref(contact)).unwrap();
    let mut out = [f64::NAN];
    kernel.fill_weights(&segments.neurons().next().unwrap(), &mut out);
    out[0]
}

fn point(contact: &Contact, at: Point) -> f64 {
    weight_of("PointSource", contact, at, at)
}

fn exact_at(position: Point) -> Contact {
    Contact { near_field: NearField::Unclamped, ..Contact::new(position) }
}

fn conducting(along: [f64; 3], position: Point) -> Contact {
    let text = along.map(|s| s.to_string()).join(",");
    Contact { conductivity: text.parse().unwrap(), ..exact_at(position) }
}

/// Returns phi of 1 nA at `from` in an unbounded medium, in the form of C. Nicholson and J. A. Freeman (1975).
fn nicholson_freeman([sx, sy, sz]: [f64; 3], from: Point, at: Point) -> f64 {
    let d = at - from;
    1e-3 / (4.0 * PI * (sy * sz * d.x * d.x + sx * sz * d.y * d.y + sx * sy * d.z * d.z).sqrt())
}

#[track_caller]
fn close(a: f64, b: f64, tolerance: f64) {
    assert!((a / b - 1.0).abs() <= tolerance, "{a:e} {b:e}: relative {:e}", (a / b - 1.0).abs());
}

/// Returns the mean of f over a segment, by Simpson's rule with 2000 steps.
fn mean(start: Point, end: Point, f: impl Fn(Point) -> f64) -> f64 {
    const STEPS: u32 = 2000;
    let weight = |i: u32| if i == 0 || i == STEPS { 1.0 } else { 2.0 + 2.0 * f64::from(i % 2) };
    let sum = (0..=STEPS).map(|i| weight(i) * f(start.lerp(end, f64::from(i) / f64::from(STEPS)))).sum::<f64>();
    sum / (3.0 * f64::from(STEPS))
}

fn any_point(half: f64) -> impl Strategy<Value = Point> {
    [-half..half, -half..half, -half..half].prop_map(Point::from)
}

fn any_conductivity() -> impl Strategy<Value = [f64; 3]> {
    [0.05..2.0_f64, 0.05..2.0_f64, 0.05..2.0_f64]
}

fn any_axis() -> impl Strategy<Value = Axis> {
    prop_oneof![Just(Axis::X), Just(Axis::Y), Just(Axis::Z)]
}

/// Draws a medium with one conductivity across an axis and one along the other two, and a boundary across that axis at
/// -7 µm.
fn any_half_space() -> impl Strategy<Value = (Conductivity, Boundary)> {
    let side = prop_oneof![Just(Side::Below), Just(Side::Above)];
    (any_axis(), side, [0.1..1.0_f64, 0.1..1.0_f64], 0.05..3.0_f64).prop_map(|(axis, side, [st, sn], beyond)| {
        let along = Axis::ALL.map(|other| if other == axis { sn } else { st });
        let conductivity = along.map(|s| s.to_string()).join(",").parse().unwrap();
        (conductivity, Boundary { axis, position_um: -7.0, medium_side: Some(side), beyond_s_per_m: beyond })
    })
}

/// Returns the point with one coordinate replaced.
fn with(axis: Axis, coordinate: f64, p: Point) -> Point {
    let mut p = p.to_array();
    p[axis as usize] = coordinate;
    p.into()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn a_point_in_an_anisotropic_medium_is_the_closed_form(
        along in any_conductivity(), contact in any_point(300.0), at in any_point(300.0)
    ) {
        prop_assume!(contact.distance(at) > 1.0);
        close(point(&conducting(along, contact), at), nicholson_freeman(along, at, contact), 1e-13);
    }

    #[test]
    fn a_line_in_an_anisotropic_medium_is_the_mean_of_its_points(
        along in any_conductivity(), contact in any_point(200.0), start in any_point(60.0), end in any_point(60.0)
    ) {
        prop_assume!(contact.norm() > 140.0);
        let exact = mean(start, end, |p| nicholson_freeman(along, p, contact));
        close(weight_of("LineSource", &conducting(along, contact), start, end), exact, 1e-10);
    }

    /// Helmholtz' reciprocity: source and contact can be exchanged, also across a boundary.
    #[test]
    fn source_and_contact_can_be_exchanged(
        (conductivity, boundary) in any_half_space(), a in any_point(50.0), b in any_point(50.0)
    ) {
        prop_assume!(a.distance(b) > 0.1);
        let from = |p: Point| Contact { conductivity, boundary: Some(boundary), ..exact_at(p) };
        close(point(&from(a), b), point(&from(b), a), 1e-11);
    }

    /// The potential is continuous at the boundary, and so is the current across it, sn dphi/dn.
    #[test]
    fn potential_and_current_pass_through_the_boundary(
        (conductivity, boundary) in any_half_space(), source in any_point(50.0), contact in any_point(50.0)
    ) {
        let axis = boundary.axis;
        prop_assume!((source.to_array()[axis as usize] - boundary.position_um).abs() > 5.0);
        let at = |height: f64| {
            let position = with(axis, boundary.position_um + height, contact);
            point(&Contact { conductivity, boundary: Some(boundary), ..exact_at(position) }, source)
        };
        let (h, inward) = (1e-3, if boundary.medium_side == Some(Side::Below) { -1.0 } else { 1.0 });
        // over 2e-12 µm the potential decreases by less than 1e-11 of itself, with a current of up to 20 times the
        // share
        close(at(1e-12), at(-1e-12), 1e-10);
        // second-order differences to either side; h is a 5000th of the distance
        let slope = |side: f64| side * (-3.0 * at(0.0) + 4.0 * at(side * h) - at(2.0 * side * h)) / (2.0 * h);
        let sn = conductivity.components_s_per_m()[axis as usize];
        let (inside, outside) = (sn * slope(inward), boundary.beyond_s_per_m * slope(-inward));
        let largest = at(0.0) / 5.0 * sn.max(boundary.beyond_s_per_m);
        prop_assert!((inside - outside).abs() <= 1e-5 * largest, "{inside:e} {outside:e} of {largest:e}");
    }

    #[test]
    fn a_line_through_the_boundary_is_the_mean_of_its_points(
        (conductivity, boundary) in any_half_space(), middle in any_point(20.0), half in any_point(30.0),
        contact in any_point(200.0)
    ) {
        prop_assume!(contact.norm() > 150.0);
        let contact = Contact { conductivity, boundary: Some(boundary), ..exact_at(contact) };
        let (start, end) = (middle - half, middle + half);
        let exact = mean(start, end, |p| point(&contact, p));
        // the slope has a step at the plane, which costs the rule its order
        close(weight_of("LineSource", &contact, start, end), exact, 1e-6);
    }

    /// No current flows through the boundary of an insulator: sn dphi/dn = 0.
    #[test]
    fn no_current_enters_an_insulator(
        along in any_conductivity(), axis in any_axis(), contact in any_point(50.0), source in any_point(50.0)
    ) {
        let below = |p: Point| with(axis, -p.to_array()[axis as usize].abs() - 5.0, p);
        let boundary = Boundary { axis, position_um: 0.0, medium_side: Some(Side::Below), beyond_s_per_m: 0.0 };
        let conductivity = conducting(along, contact).conductivity;
        let at = |depth: f64| {
            let position = with(axis, -depth, contact);
            point(&Contact { conductivity, boundary: Some(boundary), ..exact_at(position) }, below(source))
        };
        let h = 1e-3;
        let slope = (-3.0 * at(0.0) + 4.0 * at(h) - at(2.0 * h)) / (2.0 * h);
        prop_assert!(slope.abs() <= 1e-5 * at(0.0), "{slope:e} of {:e}", at(0.0));
        let surface = with(axis, 0.0, contact);
        close(at(0.0), 2.0 * nicholson_freeman(along, below(source), surface), 1e-12);
    }

    /// The near field ends at the ellipsoid on which the potential is constant, with the volume of the ball.
    #[test]
    fn the_near_field_ends_where_the_potential_is_that_at_the_radius_in_the_mean_medium(
        along in any_conductivity(), direction in any_point(1.0), share in 0.0..0.999_f64
    ) {
        prop_assume!(direction.norm() > 0.1);
        let [sx, sy, sz] = along;
        let radius = 1.0;
        let most = 1e-3 / (4.0 * PI * (sx * sy * sz).cbrt() * radius);
        // the point of the ellipsoid in this direction
        let surface = direction * (nicholson_freeman(along, Point::ORIGIN, direction) / most);
        let near = |p: Point| Contact { near_field: NearField::ClampToRadius, ..conducting(along, p) };
        close(point(&near(surface * share), Point::ORIGIN), most, 1e-13);
        close(point(&near(surface * 2.0), Point::ORIGIN), most / 2.0, 1e-13);
    }
}

#[test]
fn a_boundary_alone_is_the_method_of_images_by_hand() {
    // s = 0.3, so = 0.9: k = -1/2; the contact at height 4 is straight above the source at height 1: 1/3 - 1/2 1/5 =
    // 7/30
    let boundary = Some(Boundary { axis: Axis::Z, position_um: 10.0, medium_side: None, beyond_s_per_m: 0.9 });
    let contact = Contact { boundary, ..conducting([0.3; 3], Point::new(0.0, 0.0, 14.0)) };
    close(point(&contact, Point::new(0.0, 0.0, 11.0)), 1e-3 / (4.0 * PI * 0.3) * 7.0 / 30.0, 1e-14);
    // from the other side the share 2 s / (s + so) = 1/2 is transmitted, over the distance 5
    close(point(&contact, Point::new(0.0, 0.0, 9.0)), 1e-3 / (4.0 * PI * 0.3) / 2.0 / 5.0, 1e-14);
}

#[test]
fn a_disc_is_the_mean_over_its_surface() {
    // on the axis, h over a disc of radius a: 2 (sqrt(a^2 + h^2) - h) / a^2 = 2 (5 - 4) / 9
    let disc = |points| Disc { radius_um: 3.0, normal: Point::new(0.0, 1.0, 0.0), min_points: Some(points) };
    let soma = Point::new(0.0, 4.0, 0.0);
    for (points, error) in [(16, 4e-4), (36, 2e-5), (100, 2e-8)] {
        let contact = Contact { disc: Some(disc(points)), ..conducting([0.25; 3], Point::ORIGIN) };
        close(point(&contact, soma), 1e-3 / PI * 2.0 / 9.0, error);
    }
}

#[test]
fn a_disc_in_the_plane_of_an_insulator_has_twice_the_potential() {
    let disc = Some(Disc { radius_um: 10.0, normal: Point::new(0.0, 0.0, -1.0), min_points: None });
    let contact = Contact { disc, ..conducting([0.3, 0.2, 0.1], Point::new(1.0, 2.0, 500.0)) };
    let boundary =
        Some(Boundary { axis: Axis::Z, position_um: 500.0, medium_side: Some(Side::Below), beyond_s_per_m: 0.0 });
    let bounded = Contact { boundary, ..contact.clone() };
    let (start, end) = (Point::new(-3.0, 0.0, 400.0), Point::new(5.0, 0.0, 499.0));
    for method in ["PointSource", "LineSource"] {
        let [without, with] = [&contact, &bounded].map(|c| weight_of(method, c, start, end));
        close(with, 2.0 * without, 1e-13);
    }
}

#[test]
fn a_segment_in_an_insulator_has_no_weight_and_says_why() {
    let boundary = Some(Boundary { axis: Axis::Z, position_um: 10.0, medium_side: None, beyond_s_per_m: 0.0 });
    let contact = Contact { name: "tip".into(), boundary, ..Contact::new(Point::ORIGIN) };
    let segment = Segment {
        node_id: 3,
        section_id: 2,
        segment_id: 1,
        section_type: None,
        start: Point::new(0.0, 0.0, 4.0),
        end: Point::new(0.0, 0.0, 12.5),
        radius_um: None,
        row: 0,
    };
    let segments = Segments::from_iter([segment]);
    let neuron = segments.neurons().next().unwrap();
    for (method, refused) in [("LineSource", true), ("PointSource", false)] {
        let kernel = find_method(method).unwrap().prepare(std::slice::from_ref(&contact)).unwrap();
        let mut out = [0.0];
        kernel.fill_weights(&neuron, &mut out);
        assert_eq!(out[0].is_nan(), refused, "{method}: the midpoint is in the medium, an end is not");
        let said = kernel.explain_missing_weight(&neuron, 0, 0).map(|e| (e.to_string(), e.hint().unwrap()));
        let expected = (
            "contact `tip`: segment 1 of section 2 of node 3 reaches into an insulator, expected all of it at z < 10, \
             found z = 12.5",
            "move the boundary, or give the conductivity beyond it: `boundary` is `z<1200, 0.3`",
        );
        assert_eq!(said, refused.then(|| (expected.0.into(), expected.1.into())));
    }
}

/// Glass below z = 0, tissue of 0.3 S/m, saline of 1.5 S/m above z = 250.
fn slice() -> Slice {
    let plane = |position_um, beyond_s_per_m| SlicePlane { position_um, beyond_s_per_m };
    Slice { axis: Axis::Z, lower: plane(0.0, 0.0), upper: plane(250.0, 1.5) }
}

#[test]
fn a_slice_is_the_sum_of_the_images_of_its_segments() {
    let starts = [[0.0, 0.0, 20.0], [30.0, -20.0, 100.0], [-40.0, 10.0, 0.0], [5.0, 5.0, 250.0]];
    let ends = [[10.0, 5.0, 60.0], [30.0, -20.0, 100.0], [0.0, 0.0, 40.0], [9.0, -30.0, 180.0]];
    let contacts = [[0.0, 0.0, 0.0], [60.0, 35.0, 0.0], [100.0, -20.0, 130.0], [70.0, 0.0, 250.0]];
    let radii = [0.5; 4];
    let line = || LineSource::in_medium(0.3).unwrap().near_field(NearField::Unclamped);
    let found = line().slice(slice()).weights(&SegmentArrays::new(&starts, &ends, &radii).unwrap(), &contacts).unwrap();
    // images of the segments, one by one: z to sign z + shift, with reflections at glass and saline
    let (glass, saline) = (1.0, (0.3 - 1.5) / (0.3 + 1.5));
    let image = |sign: f64, shift: f64| {
        let at = |[x, y, z]: [f64; 3]| [x, y, sign * z + shift];
        let segments = SegmentArrays::new(&starts.map(at), &ends.map(at), &radii).unwrap();
        line().weights(&segments, &contacts).unwrap()
    };
    let mut expected = image(1.0, 0.0);
    let mut strength = 1.0;
    for n in 0..100 {
        let shift = 500.0 * f64::from(n);
        if n > 0 {
            expected += &((image(1.0, shift) + image(1.0, -shift)) * strength);
        }
        expected += &(image(-1.0, -shift) * (strength * glass) + image(-1.0, 500.0 + shift) * (strength * saline));
        strength *= glass * saline;
    }
    for (found, expected) in found.iter().zip(&expected) {
        assert!((found / expected - 1.0).abs() < 1e-12, "{found:e} {expected:e}");
    }
}

#[test]
fn what_lies_outside_a_slice_is_reported() {
    let folder = scratch();
    let dir = folder.path();
    one_neuron(dir, "s", "1");
    let run = |z: f64, boundary: &str| {
        let text = format!("name,x,y,z,type,conductivity,boundary\na,0,0,{z},LineSource,0.3,\"{boundary}\"\n");
        std::fs::write(dir.join("e.csv"), text).unwrap();
        leadfield_in(dir, &["weights", "s.parquet", "e.csv", "-o", "w.h5", "--quiet"])
    };
    run(-5001.0, "z>-5000, 0, z<5000, 1.5").refused(
        "error: e.csv: contact `a`: contact outside the slice, expected one at z from -5000 to 5000, found z = -5001",
    );
    run(0.0, "z>-5000, 0, z<5000, 0").refused(
        "error: e.csv: contact `a`: slice between two mirrors, expected a plane that conducts like the tissue within a \
         factor of 50, found `z>-5000, 0, z<5000, 0`\n\
         hint: one plane alone is `z>0, 0`; saline conducts about 1.5 S/m",
    );
    let outside = run(0.0, "z>-5, 0, z<5, 1.5");
    let (text, hint) = (
        " reaches out of the slice, expected all of it at z from -5 to 5, found z = ",
        "\nhint: move the planes of `boundary`: `z>0, 0, z<200, 1.5` is tissue at z from 0 to 200 µm\n",
    );
    assert_eq!(outside.code, 2);
    assert!(outside.stderr.starts_with("error: e.csv: contact `a`: segment ") && outside.stderr.ends_with(hint));
    assert!(outside.stderr.contains(text), "{}", outside.stderr);
    run(-5000.0, "z>-5000, 0, z<5000, 1.5").ok();
}
