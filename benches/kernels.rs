//! Measures the time per (segment, contact) pair of each method's kernel, on one core and in cache: the bound of
//! `leadfield weights` if memory and files are fast enough.
//!
//! Input: one neuron of 270 segments of about 14 µm, five per section; 384 contacts in two columns, 20 µm pitch, over
//! 3.8 mm. The output, 0.8 MB, is overwritten repeatedly. `far`: the neuron is 300 µm from the contacts; `through`: it
//! extends among them. The lower lines have the same contacts in other media and as discs of 36 points, which are sums
//! of the above. Dipole and head methods have their 384 contacts on the scalp of a head (magnetometers 20 mm above it),
//! 20 mm from the neuron at the nearest: `deep` is a neuron 35 mm below the brain's surface, `shallow` one 1 mm below.
//!
//! `cargo bench --bench kernels`

use std::hint::black_box;
use std::time::{Duration, Instant};

use leadfield::geometry::Point;
use leadfield::methods::disc::Disc;
use leadfield::methods::head::HeadSettings;
use leadfield::methods::medium::{Axis, Boundary, Slice, SlicePlane};
use leadfield::methods::{Contact, METHODS, Method, SettingKind};
use leadfield::segments::{Segment, Segments};
use rand::{Rng, SeedableRng};

fn main() {
    let contacts: Vec<Contact> = (0..384_u32).map(contact).collect();
    println!("{:<14} {:>9} {:>9}   ns per pair, best of {:?}", "", "far", "through", TIME);
    let takes_media = |m: &&&dyn Method| m.accepted_settings().contains(&SettingKind::Boundary);
    for method in METHODS.iter().filter(takes_media) {
        let [far, through] = [300.0, 5.0].map(|x| nanoseconds(*method, &contacts, &neuron(x)));
        println!("{:<14} {far:>9.2} {through:>9.2}", method.name());
        for (medium, change) in MEDIA {
            let changed: Vec<Contact> = contacts.iter().cloned().map(change).collect();
            let [far, through] = [300.0, 5.0].map(|x| nanoseconds(*method, &changed, &neuron(x)));
            println!("  {medium:<12} {far:>9.2} {through:>9.2}");
        }
    }
    print_head_methods();
}

/// Prints the times of methods of a head.
fn print_head_methods() {
    println!("{:<22} {:>9} {:>9}", "", "deep", "shallow");
    let far = METHODS.iter().filter(|m| !m.expects_near_contacts() && m.required_field().is_none());
    for method in far {
        let distance = if method.name() == "MEG" { 110_000.0 } else { 90_000.0 };
        let contacts: Vec<Contact> = (0..384_u32).map(|i| scalp_contact(i, distance)).collect();
        // the head's centre is at the origin, the neurons on the y axis
        let [deep, shallow] = [35_000.0, 1_000.0].map(|depth| {
            let up = Point::new(0.0, 79_000.0 - depth, 0.0);
            let moved = |s: Segment| Segment { start: s.start + up, end: s.end + up, ..s };
            nanoseconds(*method, &contacts, &neuron(5.0).iter().map(moved).collect())
        });
        println!("{:<22} {deep:>9.2} {shallow:>9.2}", method.name());
    }
}

/// Creates a contact on a sphere around the head's centre, on a spiral that covers its upper half evenly.
fn scalp_contact(i: u32, distance_um: f64) -> Contact {
    let height = 1.0 - (f64::from(i) + 0.5) / 384.0;
    let (across, turn) = ((1.0 - height * height).sqrt(), f64::from(i) * 2.4);
    let head = HeadSettings { center_um: Some(Point::ORIGIN), ..HeadSettings::default() };
    let direction = Point::new(across * turn.cos(), height, across * turn.sin());
    Contact { head, dipole_axis: Some(Axis::Y), ..Contact::new(direction * distance_um) }
}

/// Changes the medium or the size of a contact.
type Change = fn(Contact) -> Contact;

const MEDIA: [(&str, Change); 4] = [
    ("anisotropic", |c| Contact { conductivity: "0.3,0.4,0.3".parse().expect("three numbers"), ..c }),
    ("bounded", |c| {
        let boundary = Boundary { axis: Axis::Y, position_um: 2100.0, medium_side: None, beyond_s_per_m: 1.5 };
        Contact { boundary: Some(boundary), ..c }
    }),
    ("slice", |c| {
        let plane = |position_um, beyond_s_per_m| SlicePlane { position_um, beyond_s_per_m };
        Contact { slice: Some(Slice { axis: Axis::Y, lower: plane(-2100.0, 0.0), upper: plane(2100.0, 1.5) }), ..c }
    }),
    ("disc", |c| Contact {
        disc: Some(Disc { radius_um: 6.0, normal: Point::new(0.0, 0.0, 1.0), min_points: None }),
        ..c
    }),
];

/// Duration for which each case is repeated.
const TIME: Duration = Duration::from_secs(1);

fn contact(i: u32) -> Contact {
    let position = Point::new(if i.is_multiple_of(2) { -8.0 } else { 24.0 }, f64::from(i / 2) * 20.0 - 1900.0, 0.0);
    Contact::new(position)
}

/// Creates a neuron whose sections begin within 100 µm of (x, -400..0, 0).
fn neuron(x: f64) -> Segments {
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(1);
    let mut point = |half: f64| Point::from([0; 3].map(|_| random.random_range(-half..half)));
    let mut end = Point::ORIGIN;
    let segment = |i: u32| {
        let start = if i.is_multiple_of(5) { Point::new(x, -200.0, 0.0) + point(100.0) } else { end };
        end = start + point(15.0);
        Segment {
            node_id: 0,
            section_id: i / 5,
            segment_id: i % 5,
            section_type: None,
            start,
            end,
            radius_um: Some(0.7),
            row: i.into(),
        }
    };
    (0..270).map(segment).collect()
}

fn nanoseconds(method: &dyn Method, contacts: &[Contact], segments: &Segments) -> f64 {
    let Ok(kernel) = method.prepare(contacts) else { return f64::NAN };
    let mut out = vec![0.0; contacts.len() * segments.len()];
    let (begin, mut best) = (Instant::now(), Duration::MAX);
    while begin.elapsed() < TIME {
        let start = Instant::now();
        segments.neurons().for_each(|neuron| kernel.fill_weights(black_box(&neuron), black_box(&mut out)));
        best = best.min(start.elapsed());
    }
    best.as_secs_f64() * 1e9 / out.len() as f64
}
