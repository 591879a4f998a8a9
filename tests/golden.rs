//! Compares with reference outputs of BlueRecording: every boundary within 1e-9 µm, every analytic weight within 1e-12.
//!
//! `datasets/golden` holds outputs of BlueRecording 0.2.1 (and positions of `bluerecording` 0.7.0) on a synthetic
//! circuit. Where the original is wrong, a test shows how, and that this program is right.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use leadfield::geometry::Point;
use leadfield::io::hdf5::Hdf5File;
use leadfield::segments::SectionType;
use leadfield::segments::table::SegmentTable;
use leadfield::sonata::config::SonataConfig;
use leadfield::sonata::nodes::Nodes;

use crate::support::{golden, leadfield, real, scratch};

/// The boundaries of each section of each node, in order.
type Boundaries = BTreeMap<(u64, u32), Vec<Point>>;

/// Reads the boundaries of a reference file.
fn reference(path: &Path) -> Boundaries {
    let file = Hdf5File::open(path).unwrap();
    let (id, section) = (file.read_unsigned("/id").unwrap(), file.read_unsigned("/section").unwrap());
    let xyz = file.read_floats("/xyz").unwrap();
    let n = id.len();
    let mut boundaries = Boundaries::new();
    for i in 0..n {
        let key = (id[i], u32::try_from(section[i]).unwrap());
        boundaries.entry(key).or_default().push(Point::new(xyz[i], xyz[n + i], xyz[2 * n + i]));
    }
    boundaries
}

/// Returns the boundaries in a table: a soma has one point per segment, another section one more than segments.
fn ours(table: &Path) -> Boundaries {
    let table = SegmentTable::open(table).unwrap();
    let mut boundaries = Boundaries::new();
    for part in table.parts() {
        for s in part.read_by_row().unwrap().iter() {
            let points = boundaries.entry((s.node_id, s.section_id)).or_default();
            if s.section_id == 0 {
                points.push(s.start);
            } else {
                if points.is_empty() {
                    points.push(s.start);
                }
                assert_eq!(points.last(), Some(&s.start), "segments of a section share their ends");
                points.push(s.end);
            }
        }
    }
    boundaries
}

/// Writes the table of a circuit.
fn table(circuit: &Path, out: &Path, options: &[&str]) -> PathBuf {
    let table = out.join("segments.parquet");
    let config = circuit.join("simulation_config.json");
    let mut args = vec!["positions", config.to_str().unwrap(), "-o", table.to_str().unwrap(), "--quiet"];
    args.extend(options);
    leadfield(&args).ok();
    table
}

/// Returns the largest distance between boundaries, with its section; the sections themselves must be the same.
fn largest_distance(a: &Boundaries, b: &Boundaries) -> (f64, (u64, u32)) {
    assert_eq!(a.keys().collect::<Vec<_>>(), b.keys().collect::<Vec<_>>());
    let mut worst = (0.0, (0, 0));
    for (key, points) in a {
        assert_eq!(points.len(), b[key].len(), "{key:?}");
        for (p, q) in points.iter().zip(&b[key]) {
            let distance = p.distance(*q);
            if distance > worst.0 || distance.is_nan() {
                worst = (distance, *key);
            }
        }
    }
    worst
}

#[track_caller]
fn assert_within(circuit: &Path, reference_file: &Path, options: &[&str], bound_um: f64) {
    let out = scratch();
    let found = ours(&table(circuit, out.path(), options));
    let (distance, section) = largest_distance(&found, &reference(reference_file));
    assert!(distance <= bound_um, "{distance} µm at (node, section) {section:?}");
}

#[test]
fn every_boundary_of_the_original_is_met() {
    let expected = golden().join("reference/positions.h5");
    assert_within(&golden().join("input/circuit"), &expected, &["--axon-placement", "bluerecording-0.2"], 1e-9);
}

#[test]
fn every_boundary_of_the_successor_is_met_by_default() {
    let expected = golden().join("reference/positions_0.7.h5");
    assert_within(&golden().join("input/circuit"), &expected, &[], 1e-9);
}

#[test]
fn the_variants_where_the_original_is_right_are_met() {
    for variant in ["four_axon_kinds", "order_basal_apical_axon", "axon_starts_far"] {
        let folder = golden().join("variants").join(variant);
        let options = ["--axon-placement", "bluerecording-0.2"];
        assert_within(&folder.join("circuit"), &folder.join("positions.h5"), &options, 1e-9);
    }
    let folder = golden().join("variants/keep_axon");
    assert_within(&folder.join("circuit"), &folder.join("positions.h5"), &["--keep-axon"], 1e-9);
}

/// Returns the points of one SWC type in a one-neuron circuit, in world coordinates, to 1e-6 µm.
fn points_of_type(circuit: &Path, kind: &str) -> HashSet<[i64; 3]> {
    let SonataConfig::Simulation(simulation) = SonataConfig::open(&circuit.join("simulation_config.json")).unwrap()
    else {
        panic!("no simulation");
    };
    let nodes = Nodes::open(&simulation.circuit.populations[0]).unwrap();
    let transform = nodes.transforms(&[0]).unwrap()[0];
    let name = nodes.morphology_names(&[0]).unwrap().remove(0);
    let folder = &simulation.circuit.populations[0].morphologies.as_ref().unwrap().path;
    let text = std::fs::read_to_string(folder.join(format!("{name}.swc"))).unwrap();
    let samples = text.lines().filter(|l| !l.starts_with('#')).map(|l| l.split_whitespace().collect::<Vec<_>>());
    let point = |s: &[&str]| Point::from([2, 3, 4].map(|i| s[i].parse::<f32>().unwrap()));
    samples.filter(|s| s[1] == kind).map(|s| rounded(transform.apply(point(&s)))).collect()
}

fn rounded(p: Point) -> [i64; 3] {
    p.to_array().map(|v| (v * 1e6).round() as i64)
}

/// Counts the sections of a type that end at a point of that type in the morphology file: in this program's table, in
/// the reference, and all of them.
fn ends_on_points(variant: &str, kind: SectionType, swc_type: &str) -> (usize, usize, usize) {
    let folder = golden().join("variants").join(variant);
    let out = scratch();
    let path = table(&folder.join("circuit"), out.path(), &["--axon-placement", "bluerecording-0.2"]);
    let points = points_of_type(&folder.join("circuit"), swc_type);
    let segments = SegmentTable::open(&path).unwrap().parts()[0].read_by_row().unwrap();
    let sections: HashSet<u32> =
        segments.iter().filter(|s| s.section_type == Some(kind)).map(|s| s.section_id).collect();
    let hits = |boundaries: &Boundaries| {
        let ends = |s: &&u32| boundaries[&(0, **s)].last().is_some_and(|p| points.contains(&rounded(*p)));
        sections.iter().filter(ends).count()
    };
    (hits(&ours(&path)), hits(&reference(&folder.join("positions.h5"))), sections.len())
}

#[test]
fn where_apical_comes_after_the_axon_in_the_file_the_original_misplaces_every_apical_section() {
    let (ours, original, sections) = ends_on_points("order_basal_axon_apical", SectionType::Apic, "4");
    assert!(sections > 5);
    assert_eq!((ours, original), (sections, 0));
}

#[test]
fn where_apical_comes_before_basal_in_the_file_the_original_swaps_them() {
    for (kind, swc_type) in [(SectionType::Dend, "3"), (SectionType::Apic, "4")] {
        let (ours, original, sections) = ends_on_points("order_axon_apical_basal", kind, swc_type);
        assert!(sections > 5);
        assert_eq!(ours, sections, "every section ends where the file says");
        assert!(original < sections, "{original} of {sections}");
    }
}

#[test]
fn every_boundary_of_the_arc_joins_the_stubs_without_gap() {
    let out = scratch();
    let found = ours(&table(&golden().join("input/circuit"), out.path(), &["--axon-placement", "arc"]));
    let mut neurons = 0;
    for ((node, section), soma) in found.iter().filter(|((_, s), _)| *s == 0) {
        assert_eq!(*section, 0);
        let myelin = found.range((*node, 3)..(node + 1, 0)).next_back().unwrap().1;
        let (first, second) = (&found[&(*node, 1)], &found[&(*node, 2)]);
        assert_eq!(soma[0], first[0]);
        assert_eq!((first[5], second[5]), (second[0], myelin[0]));
        neurons += 1;
    }
    assert_eq!(neurons, 20);
}

/// Computes weights and compares them with a reference file.
fn weights_agree(circuit: &Path, electrodes: &Path, reference: &Path, options: &[&str]) -> String {
    let out = scratch();
    let segments = table(circuit, out.path(), &["--axon-placement", "bluerecording-0.2"]);
    let weights = out.path().join("weights.h5");
    let weights = weights.to_str().unwrap();
    let near = ["--near-field", "exact", "--conductivity", "0.277", "--quiet"];
    let mut args = vec!["weights", segments.to_str().unwrap(), electrodes.to_str().unwrap(), "-o", weights];
    args.extend(near);
    args.extend(options);
    leadfield(&args).ok();
    let reference = reference.to_str().unwrap();
    leadfield(&["validate", "weights", weights, reference, "--rtol", "1e-12", "--ignore-extra-column"]).ok()
}

#[test]
fn point_and_line_sources_agree_with_the_original() {
    let circuit = golden().join("input/circuit");
    for name in ["np8", "np384"] {
        let electrodes = golden().join(format!("input/electrodes/{name}.csv"));
        weights_agree(&circuit, &electrodes, &golden().join(format!("reference/{name}.h5")), &[]);
    }
}

#[test]
fn regions_agree_with_the_original() {
    let electrodes = golden().join("input/electrodes/e6.csv");
    weights_agree(&golden().join("input/circuit"), &electrodes, &golden().join("reference/e6.h5"), &[]);
}

#[test]
fn reciprocity_agrees_with_the_original_where_each_chunk_is_one_neuron() {
    let input = golden().join("input/electrodes");
    let [source, far] = ["field_src.h5", "field_far.h5"].map(|f| input.join(f).to_str().unwrap().to_string());
    let reference = golden().join("reference/recip_per_neuron.h5");
    let fields = ["--fields", &source, "--fields", &source, "--fields", &far, "--fields", &far];
    weights_agree(&golden().join("input/circuit"), &input.join("recip.csv"), &reference, &fields);
}

#[test]
#[ignore = "needs LEADFIELD_REAL_DATA, the folder of twelve real neurons and their references"]
fn real_neurons_agree_with_the_original() {
    let data = real().expect("LEADFIELD_REAL_DATA");
    let circuit = data.join("circuit");
    let old = ["--axon-placement", "bluerecording-0.2"];
    assert_within(&circuit, &data.join("reference/positions.h5"), &old, 1e-9);
    assert_within(&circuit, &data.join("reference/positions_0.7.h5"), &[], 1e-9);
    weights_agree(&circuit, &data.join("electrodes/np8.csv"), &data.join("reference/np8.h5"), &[]);
}
