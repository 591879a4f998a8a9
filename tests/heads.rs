//! Compares head models with numbers of 25 digits (`heads.csv`, written by `heads.py` from the conditions at the
//! interfaces), with closed forms and with symmetries, and runs them through the program: a series that converges need
//! not converge to the field.

use std::f64::consts::PI;
use std::path::Path;

use leadfield::geometry::{Point, Quaternion};
use leadfield::methods::head::{DEFAULT_CONDUCTIVITIES_S_PER_M, DEFAULT_RADII_UM, FourSphereHead, HeadSettings};
use leadfield::methods::{self, Contact, four_sphere, four_sphere_reciprocity, infinite_dipole, meg};
use leadfield::segments::table::SegmentTable;
use leadfield::segments::{Segment, Segments};
use leadfield::sonata::electrodes_file::ElectrodesFile;
use leadfield::units::SiemensPerMeter;
use proptest::prelude::*;

use crate::support::{leadfield_in, names_in, one_neuron, scratch};

const CASES: &str = include_str!("heads.csv");

/// A line of `heads.csv`.
#[derive(Debug)]
struct Case {
    method: &'static str,
    head: FourSphereHead,
    contact: Point,
    normal: Point,
    source: Point,
    expected: Point,
}

impl Case {
    fn all() -> impl Iterator<Item = Self> {
        CASES.lines().skip(1).map(|line| {
            let cells: Vec<&'static str> = line.split(',').collect();
            let numbers: Vec<f64> = cells[1..].iter().map(|c| c.parse().unwrap()).collect();
            let four = |i: usize| <[f64; 4]>::try_from(&numbers[i..i + 4]).unwrap();
            let point = |i: usize| Point::new(numbers[i], numbers[i + 1], numbers[i + 2]);
            let head = FourSphereHead { center_um: Point::ORIGIN, radii_um: four(0), conductivities_s_per_m: four(4) };
            Self {
                method: cells[0],
                head,
                contact: point(8),
                normal: point(11),
                source: point(14),
                expected: point(17),
            }
        })
    }

    /// |computed - expected| / |expected| of the dipole methods.
    fn error(&self) -> f64 {
        let found = match self.method {
            "FourSphere" => four_sphere::dipole_potential(&self.head, self.contact, self.source).unwrap(),
            "MEG" => meg::dipole_field(self.contact, self.normal, self.source),
            "InfiniteDipole" => {
                let sigma = SiemensPerMeter::new(self.head.conductivities_s_per_m[0]).unwrap();
                infinite_dipole::dipole_potential(self.contact - self.source, sigma)
            }
            other => panic!("{other}"),
        };
        (found - self.expected).norm() / self.expected.norm()
    }
}

#[track_caller]
fn all_agree(method: &str, cases: usize, tolerance: f64) {
    let of_method: Vec<Case> = Case::all().filter(|c| c.method == method).collect();
    assert_eq!(of_method.len(), cases);
    let worst = of_method.iter().max_by(|a, b| a.error().total_cmp(&b.error())).unwrap();
    println!("{method}: {:e}", worst.error());
    assert!(worst.error() <= tolerance, "{:e} {worst:?}", worst.error());
}

#[test]
fn dipoles_in_four_spheres_agree_to_1e_10() {
    all_agree("FourSphere", 48, 1e-10);
}

#[test]
fn magnetic_fields_agree_to_1e_12() {
    all_agree("MEG", 48, 1e-12);
}

#[test]
fn dipoles_in_an_infinite_medium_agree_to_1e_13() {
    all_agree("InfiniteDipole", 12, 1e-13);
}

#[test]
fn point_sources_in_four_spheres_agree_to_1e_10() {
    let (mut cases, mut gradient, mut worst) = (0, Point::ORIGIN, 0.0_f64);
    for case in Case::all() {
        match case.method {
            "FourSphere" => gradient = case.expected,
            "FourSphereReciprocity" => {
                let found = four_sphere_reciprocity::source_potential(&case.head, case.contact, case.source).unwrap();
                // the potential has zeros; its change on the way from the centre has none
                let range = gradient.norm() * case.source.norm();
                worst = worst.max((found - case.expected.x).abs() / range);
                cases += 1;
            }
            _ => {}
        }
    }
    println!("{worst:e}");
    assert!(cases == 48 && worst <= 1e-10, "{worst:e}");
}

fn head(conductivities_s_per_m: [f64; 4]) -> FourSphereHead {
    FourSphereHead { center_um: Point::ORIGIN, radii_um: DEFAULT_RADII_UM, conductivities_s_per_m }
}

fn any_direction() -> impl Strategy<Value = Point> {
    [-1.0..1.0_f64, -1.0..1.0_f64, -1.0..1.0_f64]
        .prop_map(Point::from)
        .prop_filter("too short", |p| p.norm() > 0.1)
        .prop_map(|p| p / p.norm())
}

/// The potential on the surface of a homogeneous sphere, of a point source of 1 nA at y R from the centre:
/// sum of (2n+1)/n y^n P_n(u) = 2 (1/d - 1) + ln(2 / (1 - y u + d)), d^2 = 1 - 2 y u + y^2.
fn homogeneous(sigma: f64, radius: f64, y: f64, u: f64) -> f64 {
    let d = (1.0 - 2.0 * y * u + y * y).sqrt();
    1e-3 / (4.0 * PI * sigma * radius) * (2.0 * (1.0 / d - 1.0) + (2.0 / (1.0 - y * u + d)).ln())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn spheres_of_one_conductivity_are_a_homogeneous_sphere(
        e in any_direction(), s in any_direction(), depth in 0.01..0.99_f64, sigma in 0.05..2.0_f64
    ) {
        let (head, electrode, source) = (head([sigma; 4]), e * 90e3, s * (79e3 * depth));
        let expected = |s: Point| homogeneous(sigma, 90e3, s.norm() / 90e3, s.dot(e) / s.norm());
        let found = four_sphere_reciprocity::source_potential(&head, electrode, source).unwrap();
        let scale = 1e-3 / (4.0 * PI * sigma * 90e3);
        prop_assert!((found - expected(source)).abs() < 1e-12 * scale * 90.0, "{found:e}");
        // the dipole is its gradient: the error of central differences of 30 µm is at most (30 µm / 11 mm)^2 / 6 * 3!
        let moment = four_sphere::dipole_potential(&head, electrode, source).unwrap();
        let steps = [Point::new(30.0, 0.0, 0.0), Point::new(0.0, 30.0, 0.0), Point::new(0.0, 0.0, 30.0)];
        let slopes = Point::from(steps.map(|h| (expected(source + h) - expected(source - h)) / 60.0));
        prop_assert!((moment - slopes).norm() < 1e-5 * moment.norm(), "{moment:?} {slopes:?}");
    }

    #[test]
    fn turning_all_about_the_heads_centre_changes_nothing(
        e in any_direction(), s in any_direction(), k in any_direction(), depth in 0.01..0.99_f64, r in 79.5e3..90e3_f64,
        q in any_direction(), w in 0.1..1.0_f64
    ) {
        let turn = Quaternion::new(w, q.x, q.y, q.z).unwrap();
        let head = head(DEFAULT_CONDUCTIVITIES_S_PER_M);
        let (electrode, source) = (e * r, s * (79e3 * depth));
        let here = four_sphere::dipole_potential(&head, electrode, source).unwrap();
        let there = four_sphere::dipole_potential(&head, turn.rotate(electrode), turn.rotate(source)).unwrap();
        prop_assert!((turn.rotate(here) - there).norm() < 1e-11 * there.norm());
        let of = four_sphere_reciprocity::source_potential;
        let (here, there) = (of(&head, electrode, source).unwrap(), of(&head, turn.rotate(electrode), turn.rotate(source)).unwrap());
        prop_assert!((here - there).abs() < 1e-11 * 1e-3 / (4.0 * PI * 0.33 * r) * 90.0);
        let sensor = e * 110e3;
        let here = meg::dipole_field(sensor, k, source);
        let there = meg::dipole_field(turn.rotate(sensor), turn.rotate(k), turn.rotate(source));
        prop_assert!((turn.rotate(here) - there).norm() < 1e-11 * 1e5 / 20e3_f64.powi(2));
    }

    #[test]
    fn a_radial_dipole_has_no_magnetic_field_outside(
        e in any_direction(), s in any_direction(), k in any_direction(), depth in 0.01..0.99_f64
    ) {
        let m = meg::dipole_field(e * 110e3, k, s * (79e3 * depth));
        prop_assert!(m.dot(s).abs() < 1e-14 * 1e5 / 31e3_f64.powi(2), "{}", m.dot(s));
        // the radial component is that of the primary current alone: mu0/(4 pi) Q x a / a^3
        let (dipole, sensor) = (s * (79e3 * depth), e * 110e3);
        let a = sensor - dipole;
        let primary = a.cross(e) * (1e5 / a.norm().powi(3));
        let radial = meg::dipole_field(sensor, e, dipole);
        prop_assert!((radial - primary).norm() < 1e-12 * 1e5 / a.norm_2(), "{radial:?} {primary:?}");
    }
}

/// The mean of the potential over the electrode's sphere is 0, which defines "against infinity".
#[test]
fn the_potential_is_that_against_the_mean_over_the_sphere() {
    let head = head(DEFAULT_CONDUCTIVITIES_S_PER_M);
    let source = Point::new(0.0, 0.0, 70e3);
    for r in [81e3, 90e3] {
        // the midpoint rule over the cosine, which has equal areas
        let steps = 4000;
        let at = |k: i32| {
            let u = (f64::from(k) + 0.5) / f64::from(steps) * 2.0 - 1.0;
            let electrode = Point::new((1.0 - u * u).sqrt() * r, 0.0, u * r);
            four_sphere_reciprocity::source_potential(&head, electrode, source).unwrap()
        };
        let values: Vec<f64> = (0..steps).map(at).collect();
        let mean = values.iter().sum::<f64>() / f64::from(steps);
        let largest = values.iter().fold(0.0, |most: f64, v| most.max(v.abs()));
        assert!(mean.abs() < 1e-5 * largest, "{r}: {mean:e} of {largest:e}");
    }
}

fn segment(node_id: u64, at: Point) -> Segment {
    let (start, end) = (at, at);
    Segment { node_id, section_id: 0, segment_id: 0, section_type: None, start, end, radius_um: Some(1.5), row: 0 }
}

fn weights(method: &str, contacts: &[Contact], segments: &Segments) -> Vec<f64> {
    let kernel = methods::find_method(method).unwrap().prepare(contacts).unwrap();
    let mut out = vec![f64::NAN; contacts.len() * segments.len()];
    kernel.fill_weights(&segments.neurons().next().unwrap(), &mut out);
    out
}

fn scalp(direction: Point) -> Contact {
    let head = HeadSettings { center_um: Some(Point::ORIGIN), ..HeadSettings::default() };
    Contact { head, ..Contact::new(direction * (90e3 / direction.norm())) }
}

/// Returns the weights of both methods for a neuron of two segments, the first with -1 nA and the second with 1 nA.
fn potentials_of_a_pair(size_um: f64) -> [f64; 2] {
    let center = Point::new(10e3, 20e3, 70e3);
    let half = Point::new(0.3, -0.5, 0.8) * (size_um / 2.0);
    let segments = [center - half, center + half * 0.2, center + half * 0.8].map(|p| segment(0, p));
    let contacts = [scalp(Point::new(0.2, 0.3, 1.0)), scalp(Point::new(-0.2, 0.3, 0.4))];
    ["FourSphere", "FourSphereReciprocity"].map(|method| {
        let w = weights(method, &contacts, &segments.into_iter().collect());
        // 1 nA into the last segment and out of the first, in a bipolar recording
        (w[4] - w[0]) - (w[5] - w[1])
    })
}

#[test]
fn the_dipole_is_the_first_order_of_reciprocity_in_the_neurons_size() {
    let error = |size_um: f64| {
        let [dipole, reciprocity] = potentials_of_a_pair(size_um);
        (dipole / reciprocity - 1.0).abs()
    };
    // the pair is not symmetric about the neuron's centre, so that the quadrupole does not vanish
    let (large, small) = (error(800.0), error(400.0));
    assert!((large / small - 2.0).abs() < 0.1, "{large:e} {small:e}");
    // 800 µm, 20 mm from the electrode
    assert!(large < 0.05 && error(0.005) < 1e-6, "{large:e} {:e}", error(0.005));
}

#[test]
fn all_kernels_agree_with_the_plain_functions() {
    let directions = (0..19).map(|i| Point::new(f64::from(i).sin(), f64::from(2 * i).cos(), 0.4 + 0.1 * f64::from(i)));
    let contacts: Vec<Contact> = directions.map(scalp).collect();
    let segments: Segments =
        [Point::new(100.0, 0.0, 70e3), Point::new(-50.0, 3.0, 70.2e3)].map(|p| segment(0, p)).into_iter().collect();
    let center = Point::new(25.0, 1.5, 70.1e3);
    let head = head(DEFAULT_CONDUCTIVITIES_S_PER_M);
    let outside: Vec<Contact> =
        contacts.iter().map(|c| Contact { position_um: c.position_um * 1.2, ..c.clone() }).collect();
    let rows = |method: &str, contacts: &[Contact]| weights(method, contacts, &segments);
    let (dipole, reciprocity) = (rows("FourSphere", &contacts), rows("FourSphereReciprocity", &contacts));
    let (magnetic, infinite) = (rows("MEG", &outside), rows("InfiniteDipole", &contacts));
    for (i, c) in contacts.iter().enumerate() {
        for (row, s) in segments.iter().enumerate() {
            let (at, from_center) = (row * contacts.len() + i, s.midpoint() - center);
            let close = |found: f64, vector: Point| {
                let (expected, scale) = (vector.dot(from_center), vector.norm() * from_center.norm());
                assert!((found - expected).abs() < 1e-13 * scale, "{found:e} {expected:e}");
            };
            close(dipole[at], four_sphere::dipole_potential(&head, c.position_um, center).unwrap());
            let sensor = outside[i].position_um;
            close(magnetic[at], meg::dipole_field(sensor, sensor / sensor.norm(), center));
            let sigma = SiemensPerMeter::new(0.277).unwrap();
            close(infinite[at], infinite_dipole::dipole_potential(c.position_um - center, sigma));
            let expected = four_sphere_reciprocity::source_potential(&head, c.position_um, s.midpoint()).unwrap();
            assert!((reciprocity[at] - expected).abs() < 1e-14 * 1e-3 / (4.0 * PI * 0.33 * 90e3) * 90.0);
        }
    }
}

/// Creates a table of one neuron, `s.parquet`, whose centre is near the origin, and a file of contacts.
fn files(folder: &Path, contacts: &str) {
    one_neuron(folder, "s", "1");
    std::fs::write(folder.join("e.csv"), contacts).unwrap();
}

const CONTACTS: &str = "name,x,y,z,type,coil_normal,reference\n\
    Cz,0,11500,0,FourSphere,,\n\
    Cr,0,11500,0,FourSphereReciprocity,,\n\
    Pz,30000,0,0,FourSphere,,Cz\n\
    m,0,41500,0,MEG,1 0 0,\n\
    far,0,11500,0,InfiniteDipole,,\n\
    p,0,0,0,CurrentDipole,,\n";

const POSE: &str = r#"{"center": [0, -78500, 0], "up": [0, 1, 0], "front": [0, 0, 1]}"#;

#[test]
fn weights_of_a_head_have_their_units_and_settings_and_validate() {
    let folder = scratch();
    let dir = folder.path();
    files(dir, CONTACTS.replace("30000,0,0", "0,11500,1e-9").as_str());
    std::fs::write(dir.join("pose.json"), POSE).unwrap();
    let run = leadfield_in(dir, &["weights", "s.parquet", "e.csv", "-o", "w.h5", "--head-pose", "pose.json"]);
    assert!(!run.stderr.contains("warning"), "no warning of the distance: {}", run.stderr);
    run.ok();
    let file = ElectrodesFile::open(&dir.join("w.h5")).unwrap();
    let population = &file.populations()[0];
    let unit = |name: &str| file.column_unit(population, name).unwrap();
    assert_eq!(["Cz", "Cr", "Pz", "m", "far"].map(unit), ["V/nA", "V/nA", "V/nA", "fT/nA", "V/nA"]);
    assert_eq!(["p_x", "p_y", "p_z"].map(unit), ["um"; 3]);
    let found = leadfield_in(dir, &["validate", "electrodes-file", "w.h5", "--segments", "s.parquet", "--strict"]).ok();
    // all but Pz, whose column depends on another contact
    assert!(found.contains("7 of 7 contacts"), "{found}");
}

#[test]
fn a_wrong_head_is_reported() {
    let folder = scratch();
    let dir = folder.path();
    files(dir, CONTACTS);
    let run = |contacts: &str, pose: Option<&str>| {
        std::fs::write(dir.join("e.csv"), contacts).unwrap();
        let mut args = vec!["weights", "s.parquet", "e.csv", "-o", "w.h5", "--quiet"];
        if let Some(pose) = pose {
            std::fs::write(dir.join("pose.json"), pose).unwrap();
            args.extend(["--head-pose", "pose.json"]);
        }
        leadfield_in(dir, &args)
    };
    let before = names_in(dir);
    let one = |setting: &str, at: &str, value: &str| format!("name,x,y,z,type{setting}\nCz,{at},FourSphere{value}\n");
    run(&one("", "0,11500,0", ""), None).refused(
        "error: e.csv: contact `Cz`: no head, expected the centre of its spheres in the circuit's frame, found none\n\
         hint: give `head_center` (x y z, µm) in the electrodes file, or `--head-pose FILE`",
    );
    run(&one(",head_center", "0,11500,0", ",0 -200000 0"), None).refused(
        "error: e.csv: contact `Cz`: electrode outside the head, expected 79000 to 90000 µm from the head's centre, \
         found 211500.0 µm\n\
         hint: positions are in the circuit's frame; `leadfield electrodes cap` places contacts on the scalp",
    );
    run(&one(",head_center", "0,200,0", ",0 -78500 0"), None).refused(
        "error: e.csv: contact `Cz`: electrode inside the brain, expected 79000 to 90000 µm from the head's centre, \
         found 78700.0 µm\n\
         hint: for a contact in the tissue use `LineSource` or `PointSource`; is `head_center` in the circuit's frame?",
    );
    run(&one(",head_radii", "0,11500,0", ",79e3 85e3 80e3 90e3"), Some(POSE)).refused(
        "error: e.csv: line[2]: wrong `head_radii`, expected four increasing numbers from above 0 to 1e9 µm (brain, CSF, \
         skull, scalp), found `79e3 85e3 80e3 90e3`",
    );
    let outside = run(&one(",head_center", "0,15000,0", ",0 -75000 85000"), None);
    assert_eq!(outside.code, 2);
    assert!(
        outside.stderr.starts_with(
            "error: e.csv: contact `Cz`: electrode outside the head, expected 79000 to 90000 µm from the head's centre, \
             found 123794.2 µm\n"
        ),
        "{}",
        outside.stderr
    );
    let far = run(&one(",head_center", "0,0,10000", ",0 0 100000"), None);
    let text = "error: e.csv: contact `Cz`: the centre of node 0 is outside the brain, expected at most 79000 µm from \
                the head's centre, found ";
    assert!(far.code == 2 && far.stderr.starts_with(text), "{}", far.stderr);
    assert!(
        far.stderr.contains("hint: move the head: `head_center` is its centre in the circuit's frame; see docs/eeg.md")
    );
    let far =
        run(&one(",head_center", "0,0,10000", ",0 0 100000").replace("FourSphere", "FourSphereReciprocity"), None);
    let text = "error: e.csv: contact `Cz`: the midpoint of segment 0 of section 0 of node 0 is outside the brain, \
                expected at most 79000 µm from the head's centre, found ";
    assert!(far.code == 2 && far.stderr.starts_with(text), "{}", far.stderr);
    // a neuron whose centre is in the brain, and whose farthest segment is as far outside
    let segments = SegmentTable::open(&dir.join("s.parquet")).unwrap().parts()[0].read_by_row().unwrap();
    let midpoints: Vec<Point> = segments.iter().map(|segment| segment.midpoint()).collect();
    let center = midpoints.iter().fold(Point::ORIGIN, |sum, m| sum + *m) / midpoints.len() as f64;
    let farthest = midpoints.iter().copied().max_by(|a, b| a.distance(center).total_cmp(&b.distance(center))).unwrap();
    let reach = farthest.distance(center);
    let direction = (farthest - center) / reach;
    let head = center - direction * (79_000.0 - reach / 2.0);
    let electrode = head + direction * 90_000.0;
    let text = |p: Point, separator: &str| [p.x, p.y, p.z].map(|x| x.to_string()).join(separator);
    let partly = run(&one(",head_center", &text(electrode, ","), &format!(",{}", text(head, " "))), None);
    let first = segments.iter().find(|segment| segment.midpoint().distance(head) > 79_000.0).unwrap();
    let expected = format!(
        "error: e.csv: contact `Cz`: the midpoint of segment {} of section {} of node {} is outside the brain, expected at \
         most 79000 µm from the head's centre, found ",
        first.segment_id, first.section_id, first.node_id
    );
    assert!(partly.code == 2 && partly.stderr.starts_with(&expected), "{}", partly.stderr);
    run("name,x,y,z,type\nm,0,11000,0,MEG\n", Some(POSE)).refused(
        "error: e.csv: contact `m`: magnetometer inside the head, expected at least 90000 µm from the head's centre, \
         found 89500.0 µm\n\
         hint: positions are in the circuit's frame; `leadfield electrodes cap` places contacts on the scalp",
    );
    run("name,x,y,z,type\nl,0,0,0,LineSource\n", Some(POSE)).refused(
        "error: pose.json: head pose is not used, expected a contact of a method with a head, found none\n\
         hint: leave `--head-pose` out, or choose the type `FourSphere` or `MEG`",
    );
    run("name,x,y,z,type,conductivity\nCz,0,11500,0,FourSphere,0.3\n", Some(POSE)).refused(
        "error: e.csv: line[2]: `FourSphere` takes no `conductivity`, expected `head_center`, `head_radii`, \
         `head_conductivities`, `reference`, found `conductivity`\n\
         hint: leave the cell empty, or choose another type",
    );
    run(CONTACTS, Some("{"))
        .refused("error: pose.json: line[1]: no valid JSON at column 1: EOF while parsing an object");
    std::fs::remove_file(dir.join("pose.json")).unwrap();
    assert_eq!(names_in(dir), before);
}

#[test]
fn a_cap_is_written_on_the_head_and_has_weights() {
    let folder = scratch();
    let dir = folder.path();
    files(dir, "");
    std::fs::write(dir.join("pose.json"), POSE).unwrap();
    for (system, electrodes) in [("10-20", 19), ("10-10", 73)] {
        let out = format!("{system}.csv");
        leadfield_in(dir, &["electrodes", "cap", system, "--head-pose", "pose.json", "-o", &out, "--quiet"]).ok();
        let found = leadfield::electrodes::read(&dir.join(&out)).unwrap();
        assert_eq!(found.len(), electrodes);
        // the vertex is along y, the nose along z, so that the right ear is along -x: nose x vertex
        let at =
            |name: &str| found.iter().find(|e| e.name == name).unwrap().position_um + Point::new(0.0, 78_500.0, 0.0);
        let expected = |degrees: f64| (90e3 * degrees.to_radians().sin(), 90e3 * degrees.to_radians().cos());
        let (across, up) = expected(72.0);
        assert!(at("Cz").distance(Point::new(0.0, 90e3, 0.0)) < 1e-6);
        assert!(at("T8").distance(Point::new(-across, up, 0.0)) < 1e-6);
        let (across, up) = expected(36.0);
        assert!(at("Fz").distance(Point::new(0.0, up, across)) < 1e-6);
        // the head's settings are in the file, so no pose is needed
        leadfield_in(dir, &["weights", "s.parquet", &out, "-o", "w.h5", "--force", "--quiet"]).ok();
    }
    leadfield_in(dir, &["electrodes", "cap", "10-20", "--head-pose", "none.json"])
        .refused("error: none.json: cannot be read: no such file or directory");
}
