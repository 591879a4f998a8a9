//! Measures the time per (segment, contact) pair of each method's kernel, on one core and in cache: the bound of
//! `leadfield weights` if memory and files are fast enough.
//!
//! Input: one neuron of 270 segments of about 14 µm, five per section; 384 contacts in two columns, 20 µm pitch, over
//! 3.8 mm. The output, 0.8 MB, is overwritten repeatedly. `far`: the neuron is 300 µm from the contacts; `through`: it
//! extends among them. The lower table has the same contacts in other media and as discs of 36 points, which are sums
//! of the above.
//!
//! `cargo bench --bench kernels`

use std::hint::black_box;
use std::time::{Duration, Instant};

use leadfield::geometry::Point;
use leadfield::methods::disc::Disc;
use leadfield::methods::medium::{Axis, Boundary};
use leadfield::methods::{Contact, METHODS};
use leadfield::segments::{Segment, Segments};
use rand::{Rng, SeedableRng};

fn main() {
    let contacts: Vec<Contact> = (0..384_u32).map(contact).collect();
    println!("{:<14} {:>9} {:>9}   ns per pair, best of {:?}", "", "far", "through", TIME);
    for method in METHODS.iter().filter(|method| method.uses_conductivity()) {
        let [far, through] = [300.0, 5.0].map(|x| nanoseconds(*method, &contacts, &neuron(x)));
        println!("{:<14} {far:>9.2} {through:>9.2}", method.name());
        for (medium, change) in MEDIA {
            let changed: Vec<Contact> = contacts.iter().cloned().map(change).collect();
            let [far, through] = [300.0, 5.0].map(|x| nanoseconds(*method, &changed, &neuron(x)));
            println!("  {medium:<12} {far:>9.2} {through:>9.2}");
        }
    }
}

/// Changes the medium or the size of a contact.
type Change = fn(Contact) -> Contact;

const MEDIA: [(&str, Change); 3] = [
    ("anisotropic", |c| Contact { conductivity: "0.3,0.4,0.3".parse().expect("three numbers"), ..c }),
    ("bounded", |c| {
        let boundary = Boundary { axis: Axis::Y, position_um: 2100.0, medium_side: None, beyond_s_per_m: 1.5 };
        Contact { boundary: Some(boundary), ..c }
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

fn nanoseconds(method: &dyn leadfield::methods::Method, contacts: &[Contact], segments: &Segments) -> f64 {
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
