//! Compares the analytic methods with numbers of 25 digits (`analytic.csv`, written by `analytic.py`), with closed
//! forms and with symmetries: a fast kernel must still compute the formula.

use leadfield::geometry::{Point, Quaternion};
use leadfield::methods::{self, Contact, Method, NearField};
use leadfield::segments::{Segment, Segments};
use leadfield::units::SiemensPerMeter;
use proptest::prelude::*;

const CASES: &str = include_str!("analytic.csv");

/// A line of `analytic.csv`.
#[derive(Debug)]
struct Case {
    method: &'static str,
    kind: &'static str,
    contact: Contact,
    start: Point,
    end: Point,
    radius: f32,
    expected: f64,
}

impl Case {
    fn of(line: &'static str) -> Self {
        let cells: Vec<&str> = line.split(',').collect();
        let numbers: Vec<f64> = cells[3..].iter().map(|c| c.parse().unwrap()).collect();
        let point = |i: usize| Point::new(numbers[i], numbers[i + 1], numbers[i + 2]);
        let near_field = match cells[1] {
            "exact" => NearField::Unclamped,
            "radius" => NearField::ClampToRadius,
            other => panic!("{other}"),
        };
        let conductivity = SiemensPerMeter::new(numbers[0]).unwrap().into();
        Self {
            method: cells[0],
            kind: cells[2],
            contact: Contact { conductivity, near_field, ..Contact::new(point(8)) },
            radius: numbers[1] as f32,
            start: point(2),
            end: point(5),
            expected: numbers[11],
        }
    }

    fn all() -> impl Iterator<Item = Self> {
        CASES.lines().skip(1).map(Self::of)
    }

    fn length(&self) -> f64 {
        self.start.distance(self.end)
    }

    /// |computed / expected - 1|
    fn error(&self) -> f64 {
        let computed = weight_of(self.method, &self.contact, self.start, self.end, Some(self.radius));
        (computed / self.expected - 1.0).abs()
    }

    fn worst(which: impl Fn(&Self) -> bool) -> (f64, usize, String) {
        let cases: Vec<Self> = Self::all().filter(which).collect();
        let worst = cases.iter().max_by(|a, b| a.error().total_cmp(&b.error())).unwrap();
        (worst.error(), cases.len(), format!("{worst:?}"))
    }
}

fn segment(start: Point, end: Point, radius: Option<f32>) -> Segment {
    Segment { node_id: 0, section_id: 0, segment_id: 0, section_type: None, start, end, radius_um: radius, row: 0 }
}

/// Returns weights row-major, one row per segment.
fn weights_of(method: &str, contacts: &[Contact], segments: &Segments) -> Vec<f64> {
    let kernel = methods::find_method(method).unwrap().prepare(contacts).unwrap();
    let mut out = vec![f64::NAN; contacts.len() * segments.len()];
    kernel.fill_weights(&segments.neurons().next().unwrap(), &mut out);
    out
}

fn weight_of(method: &str, contact: &Contact, start: Point, end: Point, radius: Option<f32>) -> f64 {
    weights_of(method, std::slice::from_ref(contact), &[segment(start, end, radius)].into_iter().collect())[0]
}

/// The methods whose weights are potentials of sources at the segment itself.
fn analytic() -> impl Iterator<Item = &'static dyn Method> {
    let takes_boundary = |m: &&dyn Method| m.accepted_settings().contains(&methods::SettingKind::Boundary);
    methods::METHODS.iter().copied().filter(takes_boundary)
}

fn exact_at(position: Point) -> Contact {
    Contact { near_field: NearField::Unclamped, ..Contact::new(position) }
}

fn near_at(position: Point) -> Contact {
    Contact { near_field: NearField::ClampToRadius, ..exact_at(position) }
}

/// The weight without its factor 1e-3 / (4 pi sigma): the mean of 1/r, per µm.
fn mean_inverse(method: &str, contact: &Contact, start: Point, end: Point, radius: Option<f32>) -> f64 {
    weight_of(method, contact, start, end, radius)
        * 4.0
        * std::f64::consts::PI
        * contact.conductivity.isotropic_s_per_m().unwrap()
        / 1e-3
}

#[track_caller]
fn close(a: f64, b: f64, tolerance: f64) {
    assert!((a / b - 1.0).abs() <= tolerance, "{a:e} {b:e}: relative {:e}", (a / b - 1.0).abs());
}

#[test]
fn lines_up_to_250_um_agree_to_2e_15() {
    let (error, cases, worst) = Case::worst(|c| c.method == "LineSource" && c.length() < 251.0);
    assert!(cases > 900 && error <= 2e-15, "{error:e} {worst}");
}

#[test]
fn lines_up_to_1000_um_agree_to_1e_14() {
    let (error, cases, worst) = Case::worst(|c| c.method == "LineSource");
    assert!(cases > 1100 && error <= 1e-14, "{error:e} {worst}");
}

/// A line of `close_contacts.csv`, with its relative error.
fn close_error(line: &str) -> f64 {
    let cells: Vec<&str> = line.split(',').collect();
    let n: Vec<f64> = cells[1..].iter().map(|c| c.parse().unwrap()).collect();
    let point = |i: usize| Point::new(n[i], n[i + 1], n[i + 2]);
    let contact = match cells[0] {
        "exact" => exact_at(point(10)),
        _ => near_at(point(10)),
    };
    let conductivity = cells[1..4].join(",").parse().unwrap();
    let contact = Contact { conductivity, ..contact };
    let computed = weight_of("LineSource", &contact, point(4), point(7), Some(n[3] as f32));
    (computed / n[13] - 1.0).abs()
}

#[test]
fn contacts_that_almost_touch_agree_to_1e_12() {
    let lines = include_str!("close_contacts.csv").lines().skip(1);
    let mut errors: Vec<(f64, &str)> = lines.map(|line| (close_error(line), line)).collect();
    errors.sort_by(|a, b| a.0.total_cmp(&b.0));
    let &(error, worst) = errors.last().unwrap();
    assert!(errors.len() >= 600 && error <= 1e-12, "{error:e} {worst}\n{:?}", &errors[errors.len() - 20..]);
}

#[test]
fn points_agree_to_1e_15() {
    let (error, cases, worst) = Case::worst(|c| c.method == "PointSource" || c.kind == "soma");
    assert!(cases > 150 && error <= 1e-15, "{error:e} {worst}");
}

#[test]
fn all_contacts_at_once_give_the_same_bits_as_one_by_one() {
    let cases: Vec<Case> = Case::all().filter(|c| c.method == "LineSource").collect();
    let contacts: Vec<Contact> = cases.iter().map(|c| c.contact.clone()).collect();
    for case in cases.iter().step_by(37) {
        let together = weights_of(
            "LineSource",
            &contacts,
            &[segment(case.start, case.end, Some(case.radius))].into_iter().collect(),
        );
        for (contact, together) in contacts.iter().zip(together) {
            let alone = weight_of("LineSource", contact, case.start, case.end, Some(case.radius));
            assert_eq!(alone.to_bits(), together.to_bits(), "{contact:?} {case:?}");
        }
    }
}

#[test]
fn abreast_of_the_middle_it_is_the_inverse_hyperbolic_sine() {
    for (length, distance) in [(2.0, 1.0), (40.0, 1.0), (40.0, 500.0), (0.5, 3.0)] {
        let end = Point::new(length, 0.0, 0.0);
        let contact = exact_at(Point::new(0.5 * length, 0.0, distance));
        let expected = 2.0 / length * (0.5 * length / distance).asinh();
        close(mean_inverse("LineSource", &contact, Point::ORIGIN, end, None), expected, 2e-15);
    }
}

#[test]
fn on_the_axis_beyond_an_end_it_is_a_logarithm() {
    for (length, distance) in [(1.0_f64, 1.0), (40.0, 2.0), (40.0, 7000.0), (0.001, 5.0)] {
        let expected = (length / distance).ln_1p() / length;
        for z in [length + distance, -distance] {
            let end = Point::new(0.0, 0.0, length);
            // the expected value uses the distance that remains after the rounding of `length + distance`
            close(
                mean_inverse("LineSource", &exact_at(Point::new(0.0, 0.0, z)), Point::ORIGIN, end, None),
                expected,
                1e-12,
            );
        }
    }
}

#[test]
fn at_the_surface_of_its_near_field_a_line_keeps_its_axial_coordinate() {
    // a contact on the axis of a segment of radius R counts as one at distance R from the axis
    let end = Point::new(30.0, 0.0, 0.0);
    for x in [0.0, 3.0, 15.0, 29.0, 30.0] {
        for r in [0.0, 0.25, 1.0, 2.0] {
            let inside = mean_inverse("LineSource", &near_at(Point::new(x, 0.0, r)), Point::ORIGIN, end, Some(2.0));
            let expected = ((x / 2.0_f64).asinh() + ((30.0 - x) / 2.0).asinh()) / 30.0;
            close(inside, expected, 1e-14);
        }
    }
}

#[test]
fn an_unknown_radius_and_one_that_is_none_count_as_half_a_micrometre() {
    for method in ["PointSource", "LineSource"] {
        let at = |radius| weight_of(method, &near_at(Point::ORIGIN), Point::ORIGIN, Point::new(0.1, 0.0, 0.0), radius);
        for radius in [None, Some(0.0), Some(-3.0), Some(f32::NAN), Some(f32::INFINITY)] {
            assert_eq!(at(radius), at(Some(0.5)), "{method} {radius:?}");
        }
        assert_ne!(at(Some(0.6)), at(Some(0.5)));
    }
}

#[test]
fn exact_is_infinite_on_the_segment_and_never_nan() {
    let (start, end) = (Point::new(-1.0, 2.0, 0.5), Point::new(3.0, 10.0, 4.5));
    for t in [0.0, 0.25, 0.5, 1.0] {
        let c = weight_of("LineSource", &exact_at(start.lerp(end, t)), start, end, Some(1.0));
        assert_eq!(c, f64::INFINITY, "{t}");
    }
    assert_eq!(weight_of("LineSource", &exact_at(start), start, start, Some(1.0)), f64::INFINITY);
    assert_eq!(weight_of("PointSource", &exact_at(start), start, start, Some(1.0)), f64::INFINITY);
}

#[test]
fn a_soma_is_a_point_under_every_method() {
    let soma = Point::new(1.0, 2.0, 3.0);
    for position in [Point::ORIGIN, soma, Point::new(1.0, 2.0, 900.0)] {
        let [a, b] = ["PointSource", "LineSource"].map(|m| weight_of(m, &near_at(position), soma, soma, Some(6.0)));
        let r = position.distance(soma).max(6.0);
        assert_eq!(a, b);
        close(a, 1e-3 / (4.0 * std::f64::consts::PI * 0.277 * r), 1e-15);
    }
}

#[test]
fn each_contact_keeps_its_own_conductivity_and_near_field() {
    let at = |sigma: f64, near_field| Contact {
        conductivity: SiemensPerMeter::new(sigma).unwrap().into(),
        near_field,
        ..Contact::new(Point::new(0.0, 1.0, 0.0))
    };
    let contacts = [
        at(0.25, NearField::Unclamped),
        at(0.5, NearField::Unclamped),
        at(0.25, NearField::ClampToRadius),
        at(1.0, NearField::ClampToRadius),
    ];
    for method in ["PointSource", "LineSource"] {
        let segments =
            [segment(Point::new(-1.0, 0.0, 0.0), Point::new(1.0, 0.0, 0.0), Some(2.0))].into_iter().collect();
        let c = weights_of(method, &contacts, &segments);
        assert_eq!(c[0], 2.0 * c[1]);
        assert_eq!(c[2], 4.0 * c[3]);
        assert!(c[2] < c[0], "{c:?}");
    }
}

#[test]
fn no_contacts_or_no_segments_need_no_work() {
    for m in methods::METHODS {
        let segments: Segments = [segment(Point::ORIGIN, Point::ORIGIN, None)].into_iter().collect();
        assert_eq!(weights_of(m.name(), &[], &segments), Vec::<f64>::new());
    }
}

fn any_point(half: f64) -> impl Strategy<Value = Point> {
    [-half..half, -half..half, -half..half].prop_map(Point::from)
}

/// A random contact: on the segment, at its ends, at its surface, near it, or anywhere.
fn any_contact(start: Point, end: Point) -> impl Strategy<Value = Point> {
    let on = (-0.5..1.5_f64).prop_map(move |t| start.lerp(end, t));
    let near = (0.0..=1.0_f64, any_point(3.0)).prop_map(move |(t, off)| start.lerp(end, t) + off);
    prop_oneof![on, Just(start), Just(end), near, any_point(2000.0)]
}

fn any_segment() -> impl Strategy<Value = (Point, Point)> {
    let step = prop_oneof![any_point(100.0), any_point(1.0), any_point(1e-3), any_point(1e-60), Just(Point::ORIGIN)];
    (any_point(1000.0), step, any::<bool>()).prop_map(|(start, step, here)| {
        let start = if here { start } else { Point::ORIGIN };
        (start, start + step)
    })
}

fn segment_and_contact() -> impl Strategy<Value = (Point, Point, Point)> {
    any_segment().prop_flat_map(|(s, e)| (Just(s), Just(e), any_contact(s, e)))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn with_the_radius_rule_every_weight_is_finite_and_above_zero(
        (s, e, p) in segment_and_contact(), radius in proptest::option::of(0.0..20.0_f32)
    ) {
        for m in analytic() {
            let c = weight_of(m.name(), &near_at(p), s, e, radius);
            prop_assert!(c.is_finite() && c > 0.0, "{} {c}", m.name());
            let nearest = f64::from(radius.filter(|r| *r > 0.0).unwrap_or(0.5));
            prop_assert!(c <= 1e-3 / (4.0 * std::f64::consts::PI * 0.277 * nearest) * (1.0 + 1e-12));
        }
    }

    #[test]
    fn without_it_no_weight_is_nan((s, e, p) in segment_and_contact()) {
        for m in analytic() {
            let c = weight_of(m.name(), &exact_at(p), s, e, None);
            prop_assert!(c > 0.0, "{} {c}", m.name());
        }
    }

    #[test]
    fn a_line_is_the_mean_of_its_parts(
        s in any_point(500.0), step in any_point(60.0), t in 0.1..0.9_f64, p in any_point(900.0)
    ) {
        let (e, cut) = (s + step, s.lerp(s + step, t));
        prop_assume!(distance_to_segment(p, s, e) > 1.0);
        let part = |a: Point, b: Point| a.distance(b) * mean_inverse("LineSource", &exact_at(p), a, b, None);
        close(part(s, cut) + part(cut, e), part(s, e), 1e-13);
    }

    #[test]
    fn far_away_a_line_is_a_point(s in any_point(500.0), step in any_point(5.0), direction in any_point(1.0)) {
        prop_assume!(direction.norm() > 0.1);
        let (e, far) = (s + step, 20_000.0);
        let p = s.midpoint(e) + direction * (far / direction.norm());
        let [line, point] = ["LineSource", "PointSource"].map(|m| weight_of(m, &near_at(p), s, e, None));
        // mean of 1/r over the line = 1/r (1 + (L/r)^2 (3 cos^2 - 1) / 24 + ...), and |3 cos^2 - 1| <= 2
        close(line, point, (step.norm() / far).powi(2) / 12.0 * 1.01 + 4e-15);
    }

    #[test]
    fn its_ends_can_be_exchanged((s, e, p) in segment_and_contact(), radius in 0.05..5.0_f32) {
        for m in analytic() {
            let [a, b] = [(s, e), (e, s)].map(|(s, e)| weight_of(m.name(), &near_at(p), s, e, Some(radius)));
            close(a, b, 1e-13);
        }
    }

    #[test]
    fn turning_and_shifting_everything_changes_nothing(
        s in any_point(200.0), step in any_point(60.0), p in any_point(400.0),
        q in any_point(1.0), w in 0.1..1.0_f64, shift in any_point(200.0)
    ) {
        let e = s + step;
        prop_assume!(distance_to_segment(p, s, e) > 1.0);
        let turn = Quaternion::new(w, q.x, q.y, q.z).unwrap();
        let moved = |p: Point| turn.rotate(p) + shift;
        for m in analytic() {
            let here = weight_of(m.name(), &near_at(p), s, e, Some(0.5));
            let there = weight_of(m.name(), &near_at(moved(p)), moved(s), moved(e), Some(0.5));
            close(here, there, 3e-12);
        }
    }

    #[test]
    fn the_near_field_joins_the_far_field_without_a_step(
        s in any_point(200.0), step in any_point(60.0), t in -0.2..1.2_f64,
        off in any_point(1.0), radius in 0.1..5.0_f32
    ) {
        prop_assume!(off.norm() > 0.1 && step.norm() > 1e-3);
        let e = s + step;
        let nearest = s.lerp(e, t.clamp(0.0, 1.0));
        let across = off - step * (off.dot(step) / step.norm_2());
        let outward = if (0.0..=1.0).contains(&t) { across } else { across + step * (t - 0.5) };
        prop_assume!(outward.norm() > 0.05);
        let at = |share: f64| {
            let p = nearest + outward * (f64::from(radius) * share / outward.norm());
            weight_of("LineSource", &near_at(p), s, e, Some(radius))
        };
        // the slope of ln(mean of 1/r) is at most 1 / R outside, so a step of 2e-9 R changes it by no more than 2e-9
        close(at(1.0 - 1e-9), at(1.0 + 1e-9), 4e-9);
    }
}

/// The distance from a contact to the nearest point of a segment.
fn distance_to_segment(p: Point, s: Point, e: Point) -> f64 {
    let along = e - s;
    let t = ((p - s).dot(along) / along.norm_2()).clamp(0.0, 1.0);
    p.distance(s.lerp(e, t))
}
