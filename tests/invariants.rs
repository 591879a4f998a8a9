//! Properties of every method, independent of its formula: the choice of coordinates, the division of segments, and
//! equivalent descriptions of a medium do not change the weights. The tests run over all of `METHODS`, so that they
//! include new methods.

use std::path::Path;
use std::sync::Arc;

use leadfield::geometry::{Point, Quaternion, Transform};
use leadfield::lead_field::grid::{GridAxis, ScalarGrid};
use leadfield::lead_field::vector_grid::VectorGrid;
use leadfield::lead_field::{FieldValues, LeadField};
use leadfield::methods::disc::Disc;
use leadfield::methods::head::HeadSettings;
use leadfield::methods::medium::{Axis, Boundary, Conductivity, Side};
use leadfield::methods::objective_csd::Measure;
use leadfield::methods::{Contact, METHODS, Method, NearField, SettingKind};
use leadfield::segments::{Segment, Segments};
use proptest::prelude::*;

/// Creates a lead field that differs at all points: potential and three components, on uneven axes over -600..600 µm.
fn field(placement: Option<Transform>) -> Arc<LeadField> {
    let nodes: Vec<f64> = (-6..=6).map(|i| f64::from(i) * (70.0 + 5.0 * f64::from(i).abs())).collect();
    let grid = |f: fn(Point) -> f64| {
        let column = |x: f64, y: f64| nodes.iter().map(move |&z| f(Point::new(x, y, z)));
        let values = nodes.iter().flat_map(|&x| nodes.iter().flat_map(move |&y| column(x, y))).collect();
        ScalarGrid::new([(); 3].map(|()| GridAxis::new(nodes.clone()).unwrap()), values).unwrap()
    };
    let potential = Some(grid(|p| 1.0 / (1e3 + p.x + 2.0 * p.y).hypot(p.z)).into());
    let components = [grid(|p| (p.x / 300.0).sin()), grid(|p| p.y / 500.0 + 2.0), grid(|p| (p.x * p.z / 1e5).cos())];
    let values = FieldValues::Grids { potential, electric: Some(VectorGrid { components }.into()) };
    Arc::new(LeadField::new(Path::new("f.h5"), values, 1.5).unwrap().with_placement(placement))
}

fn takes(method: &dyn Method, parameter: SettingKind) -> bool {
    method.accepted_settings().contains(&parameter)
}

/// Creates contacts of a method along a line, at least 250 µm from the origin; the last two are discs if the method
/// accepts them.
fn contacts(method: &dyn Method, field: &Arc<LeadField>) -> Vec<Contact> {
    let contact = |i: u32| {
        let position = Point::new(180.0, -300.0 + 120.0 * f64::from(i), 190.0);
        let disc = Disc { radius_um: 4.0, normal: Point::new(0.6, 0.0, 0.8), min_points: None };
        let region =
            leadfield::methods::objective_csd::RegionOverrides { radius_um: Some(330.0), ..Default::default() };
        Contact {
            lead_field: method.required_field().map(|_| field.clone()),
            disc: (i > 3 && takes(method, SettingKind::Disc)).then_some(disc),
            csd_region: region,
            // contacts are 267 to 440 µm from the origin, segments at most 174: magnetometers are outside the head
            head: HeadSettings {
                center_um: Some(Point::ORIGIN),
                radii_um: Some(if method.name() == "MEG" {
                    [180.0, 190.0, 200.0, 210.0]
                } else {
                    [180.0, 260.0, 300.0, 450.0]
                }),
                conductivities: None,
            },
            coil_normal: Some(Point::new(0.48, -0.6, 0.64)),
            dipole_axis: Some(Axis::Y),
            ..Contact::new(position)
        }
    };
    (0..6).map(contact).collect()
}

/// Returns weights row-major, one row per segment.
fn weights_of(method: &dyn Method, contacts: &[Contact], segments: &Segments) -> Vec<f64> {
    let kernel = method.prepare(contacts).unwrap();
    let one = |neuron: leadfield::segments::NeuronSegments<'_>| {
        let mut out = vec![f64::NAN; contacts.len() * neuron.len()];
        kernel.fill_weights(&neuron, &mut out);
        out
    };
    segments.neurons().flat_map(one).collect()
}

/// Asserts that two lists of weights differ by at most a fraction of the largest.
#[track_caller]
fn alike(method: &dyn Method, found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    let largest = expected.iter().fold(0.0, |most: f64, w| most.max(w.abs()));
    for (i, (a, b)) in found.iter().zip(expected).enumerate() {
        assert!((a - b).abs() <= tolerance * largest, "{} [{i}]: {a:e} {b:e} of {largest:e}", method.name());
    }
}

fn segment(node_id: u64, start: Point, end: Point) -> Segment {
    Segment { node_id, section_id: 0, segment_id: 0, section_type: None, start, end, radius_um: Some(1.5), row: 0 }
}

fn moved(segments: &Segments, to: &Transform) -> Segments {
    segments.iter().map(|s| Segment { start: to.apply(s.start), end: to.apply(s.end), ..s }).collect()
}

fn any_point(half: f64) -> impl Strategy<Value = Point> {
    [-half..half, -half..half, -half..half].prop_map(Point::from)
}

/// Draws two neurons with some segments within 100 µm of the origin; every fifth segment has no length.
fn any_segments() -> impl Strategy<Value = Segments> {
    proptest::collection::vec((any_point(60.0), any_point(40.0)), 2..24).prop_map(|ends| {
        let half = ends.len() / 2;
        let end = |i: usize, start: Point, step: Point| if i.is_multiple_of(5) { start } else { start + step };
        let made = ends.iter().enumerate();
        made.map(|(i, &(start, step))| segment(u64::from(i >= half), start, end(i, start, step))).collect()
    })
}

fn any_transform() -> impl Strategy<Value = Transform> {
    (any_point(1.0), 0.1..1.0_f64, any_point(3000.0))
        .prop_map(|(v, w, translation)| Transform::new(Quaternion::new(w, v.x, v.y, v.z).unwrap(), translation))
}

fn any_sigma() -> impl Strategy<Value = f64> {
    0.05..2.0_f64
}

fn conducting(along: [f64; 3]) -> Conductivity {
    along.map(|s| s.to_string()).join(",").parse().unwrap()
}

fn any_side() -> impl Strategy<Value = Option<Side>> {
    prop_oneof![Just(None), Just(Some(Side::Below)), Just(Some(Side::Above))]
}

/// Draws a medium that has an image: two equal conductivities along the boundary, which may pass between the segments.
fn any_medium() -> impl Strategy<Value = (Conductivity, Option<Boundary>)> {
    let axis = prop_oneof![Just(Axis::X), Just(Axis::Y), Just(Axis::Z)];
    let boundary = proptest::option::of((-90.0..90.0_f64, any_side(), any_sigma()));
    (axis, any_sigma(), any_sigma(), boundary).prop_map(|(axis, across, along, boundary)| {
        let sigma = Axis::ALL.map(|a| if a == axis { across } else { along });
        let boundary = boundary.map(|(at, medium, beyond_s_per_m)| Boundary {
            axis,
            position_um: at,
            medium_side: medium,
            beyond_s_per_m,
        });
        (conducting(sigma), boundary)
    })
}

/// The methods that are sums of point sources, in any medium.
fn analytic() -> impl Iterator<Item = &'static dyn Method> {
    METHODS.iter().copied().filter(|m| takes(*m, SettingKind::Boundary))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn moving_and_turning_contacts_fields_and_segments_together_changes_nothing(
        segments in any_segments(), to in any_transform()
    ) {
        let (here, there) = (field(None), field(Some(to)));
        // the axes of a dipole moment are those of the circuit
        for method in METHODS.iter().copied().filter(|m| !takes(*m, SettingKind::DipoleAxis)) {
            let still = contacts(method, &here);
            let turned: Vec<Contact> = still.iter().map(|c| Contact {
                position_um: to.apply(c.position_um),
                disc: c.disc.map(|d| Disc { normal: to.rotation.rotate(d.normal), ..d }),
                lead_field: c.lead_field.as_ref().map(|_| there.clone()),
                head: HeadSettings { center_um: c.head.center_um.map(|center| to.apply(center)), ..c.head },
                coil_normal: c.coil_normal.map(|normal| to.rotation.rotate(normal)),
                ..c.clone()
            }).collect();
            let expected = weights_of(method, &still, &segments);
            // the weights of regions are 1 or 0: with these sizes both occur
            alike(method, &weights_of(method, &turned, &moved(&segments, &to)), &expected, 1e-10);
        }
    }

    #[test]
    fn shifting_changes_nothing_in_any_medium(
        segments in any_segments(), (conductivity, boundary) in any_medium(), by in any_point(3000.0)
    ) {
        let to = Transform::new(Quaternion::IDENTITY, by);
        for method in analytic() {
            let medium = |c: Contact| Contact { conductivity, boundary, ..c };
            let still: Vec<Contact> = contacts(method, &field(None)).into_iter().map(medium).collect();
            let shifted: Vec<Contact> = still.iter().map(|c| Contact {
                position_um: c.position_um + by,
                boundary: boundary.map(|b| Boundary { position_um: b.position_um + by.to_array()[b.axis as usize], ..b }),
                ..c.clone()
            }).collect();
            let expected = weights_of(method, &still, &segments);
            alike(method, &weights_of(method, &shifted, &moved(&segments, &to)), &expected, 1e-10);
        }
    }

    #[test]
    fn exchanging_axes_with_their_conductivities_changes_nothing(
        segments in any_segments(), sigma in [any_sigma(), any_sigma(), any_sigma()], boundary in any_side()
    ) {
        // x to y, y to z, z to x
        let turned = |p: Point| Point::new(p.z, p.x, p.y);
        let plane = |axis| boundary.map(|side| Boundary { axis, position_um: 900.0, medium_side: Some(side), beyond_s_per_m: 0.0 });
        prop_assume!(boundary != Some(Side::Above));
        for method in analytic() {
            let medium = |c: Contact| Contact { conductivity: conducting(sigma), boundary: plane(Axis::X), ..c };
            let still: Vec<Contact> = contacts(method, &field(None)).into_iter().map(medium).collect();
            let other = still.iter().map(|c| Contact {
                position_um: turned(c.position_um),
                disc: c.disc.map(|d| Disc { normal: turned(d.normal), ..d }),
                conductivity: conducting([sigma[2], sigma[0], sigma[1]]),
                boundary: plane(Axis::Y),
                ..c.clone()
            });
            let other: Vec<Contact> = other.collect();
            let there = segments.iter().map(|s| Segment { start: turned(s.start), end: turned(s.end), ..s }).collect();
            alike(method, &weights_of(method, &other, &there), &weights_of(method, &still, &segments), 1e-10);
        }
    }

    #[test]
    fn every_weight_is_finite(
        segments in any_segments(), (conductivity, boundary) in any_medium(), disc in proptest::option::of(0.1..50.0_f64)
    ) {
        // contacts on ends and midpoints of the segments themselves
        let places = segments.iter().flat_map(|s| [s.start, s.end, s.midpoint()]).take(9);
        let places: Vec<Point> = places.collect();
        // electrodes of a head cannot be on segments
        for method in METHODS.iter().copied().filter(|m| !takes(*m, SettingKind::HeadCenter)) {
            let own = contacts(method, &field(None));
            let boundary = boundary.filter(|_| takes(method, SettingKind::Boundary));
            let disc = disc.filter(|_| boundary.is_none() && takes(method, SettingKind::Disc));
            let disc = disc.map(|radius| Disc { radius_um: radius, normal: Point::new(0.0, 0.0, 1.0), min_points: None });
            let (conductivity, boundary) = if method.uses_conductivity() {
                (conductivity, boundary.map(|b| Boundary { medium_side: Some(Side::Below), ..b }))
            } else {
                (own[0].conductivity, None)
            };
            let at = places.iter().zip(own.iter().cycle());
            let at: Vec<Contact> = at
                .map(|(&position, c)| Contact { position_um: position, conductivity, boundary, disc, ..c.clone() })
                .collect();
            prop_assert!(weights_of(method, &at, &segments).iter().all(|w| w.is_finite()), "{}", method.name());
        }
    }

    #[test]
    fn what_is_spread_along_a_segment_is_the_mean_of_its_parts(
        start in any_point(60.0), step in any_point(60.0), t in 0.05..0.95_f64, (conductivity, boundary) in any_medium()
    ) {
        let (end, cut) = (start + step, start.lerp(start + step, t));
        for method in METHODS.iter().copied() {
            let by_length = takes(method, SettingKind::Measure);
            if method.name() != "LineSource" && !by_length {
                continue; // the others take a segment by its midpoint
            }
            let mut contacts = contacts(method, &field(None));
            for c in &mut contacts {
                c.csd_region.measure = Measure::Length;
                if method.uses_conductivity() {
                    (c.conductivity, c.boundary) = (conductivity, boundary);
                }
            }
            let of = |a, b| weights_of(method, &contacts, &Segments::from_iter([segment(0, a, b)]));
            let parts = of(start, cut).into_iter().zip(of(cut, end)).map(|(a, b)| t * a + (1.0 - t) * b);
            alike(method, &parts.collect::<Vec<_>>(), &of(start, end), 1e-12);
        }
    }

    #[test]
    fn far_away_a_line_is_a_point_in_any_medium(
        start in any_point(60.0), step in any_point(5.0), direction in any_point(1.0), (conductivity, boundary) in any_medium()
    ) {
        prop_assume!(direction.norm() > 0.1);
        let [line, point] = ["LineSource", "PointSource"].map(|name| leadfield::methods::find_method(name).unwrap());
        let position = direction * (20_000.0 / direction.norm());
        // a segment that crosses the boundary is not equivalent to a point, to first order in its length
        let one_side = |b: Boundary| {
            let height = |p: Point| p.to_array()[b.axis as usize] - b.position_um;
            height(start) * height(start + step) > 0.0
        };
        prop_assume!(boundary.is_none_or(one_side));
        let contact = Contact { conductivity, boundary, ..Contact::new(position) };
        let segments = Segments::from_iter([segment(0, start, start + step)]);
        let [a, b] = [line, point].map(|m| weights_of(m, std::slice::from_ref(&contact), &segments)[0]);
        // mean of 1/r over the line = 1/r (1 + (L/r)^2 (3 cos^2 - 1) / 24 + ...). The scaled length is up to 6.4 = 40^(1/2)
        // times the scaled distance's share longer, and the image may take away all but a 20th of the sum
        let share = 40.0 * (step.norm() / 19_900.0).powi(2) / 12.0;
        prop_assert!((a / b - 1.0).abs() <= 40.0 * share + 1e-12, "{a:e} {b:e} {share:e}");
    }

    #[test]
    fn equal_conductivities_along_the_axes_are_the_isotropic_medium(segments in any_segments(), sigma in any_sigma()) {
        for method in analytic() {
            let with = |conductivity: Conductivity| {
                let medium = |c: Contact| Contact { conductivity, ..c };
                let contacts: Vec<Contact> = contacts(method, &field(None)).into_iter().map(medium).collect();
                weights_of(method, &contacts, &segments)
            };
            prop_assert_eq!(with(conducting([sigma; 3])), with(sigma.to_string().parse().unwrap()));
        }
    }

    #[test]
    fn the_same_conductivity_beyond_the_boundary_changes_nothing(
        segments in any_segments(), sigma in any_sigma(), at in -90.0..90.0_f64, medium in any_side(), near in any::<bool>()
    ) {
        for method in analytic() {
            let with = |boundary: Option<Boundary>| {
                let near_field = if near { NearField::ClampToRadius } else { NearField::Unclamped };
                let bounded = |c: Contact| Contact { conductivity: conducting([sigma; 3]), boundary, near_field, ..c };
                let contacts: Vec<Contact> = contacts(method, &field(None)).into_iter().map(bounded).collect();
                weights_of(method, &contacts, &segments)
            };
            let boundary = Boundary { axis: Axis::Y, position_um: at, medium_side: medium, beyond_s_per_m: sigma };
            // contacts 2 and 3 are within 60 µm of y = 0; a disc may lie across a plane that is none
            let expected = with(None);
            let y = |i: u32| -300.0 + 120.0 * f64::from(i);
            prop_assume!((0..6).all(|i| (y(i) - at).abs() > 4.0));
            prop_assert_eq!(with(Some(boundary)), expected);
        }
    }

    #[test]
    fn a_disc_without_extent_is_a_point_and_differs_with_the_square_of_its_radius(
        segments in any_segments(), (conductivity, _) in any_medium(), normal in any_point(1.0)
    ) {
        prop_assume!(normal.norm() > 0.1);
        for method in METHODS.iter().copied().filter(|m| takes(*m, SettingKind::Disc)) {
            let with = |radius: Option<f64>| {
                let normal = normal / normal.norm();
                let disc = radius.map(|radius| Disc { radius_um: radius, normal, min_points: None });
                let sized = |c: Contact| Contact { disc, conductivity, ..c };
                let contacts: Vec<Contact> = contacts(method, &field(None)).into_iter().map(sized).collect();
                weights_of(method, &contacts, &segments)
            };
            let point = with(None);
            alike(method, &with(Some(1e-6)), &point, 1e-12);
            let away = |radius: f64| {
                let difference = |(a, b): (&f64, &f64)| (a - b).abs();
                with(Some(radius)).iter().zip(&point).map(difference).fold(0.0, f64::max)
            };
            let order = (away(4.0) / away(2.0)).log2();
            prop_assert!((1.9..2.1).contains(&order), "{} {order}", method.name());
        }
    }
}
