//! The frame of a morphology in the circuit: which of its points lies at the node's position, and how it is rotated.
//! The expected values are computed here from the SONATA guide: the soma's centre is moved to the origin, rotated, then
//! shifted.

use std::f64::consts::FRAC_PI_2;
use std::path::Path;

use leadfield::geometry::Point;
use leadfield::io::hdf5::Hdf5File;
use leadfield::segments::table::SegmentTable;
use leadfield::segments::{SectionType, Segments};
use serde_json::json;

use crate::support::{Run, leadfield_in, scratch};

/// A soma of radius 6 µm hundreds of µm from the file's origin, as files of the Allen Institute have it, and a dendrite.
const CENTER: [f64; 3] = [300.0, 400.0, 50.0];
const AWAY: &str = "1 1 300 400 50 6 -1\n2 3 300 410 50 1 1\n3 3 330 410 50 1 2\n";
const DENDRITE: [[f64; 3]; 2] = [[300.0, 410.0, 50.0], [330.0, 410.0, 50.0]];

/// Writes a circuit whose neurons all have one morphology, with columns of numbers.
fn circuit(folder: &Path, swc: &str, columns: &[(&str, &[f64])]) {
    let n = columns[0].1.len();
    std::fs::write(folder.join("cell.swc"), swc).unwrap();
    let file = Hdf5File::create(&folder.join("nodes.h5")).unwrap();
    file.create_group("/nodes/cells/0").unwrap();
    file.write_dataset("/nodes/cells/node_type_id", &vec![7_i64; n], &[n]).unwrap();
    for (name, values) in columns {
        file.write_dataset(&format!("/nodes/cells/0/{name}"), values, &[n]).unwrap();
    }
    file.write_strings("/nodes/cells/0/morphology", &vec!["cell"; n], &[n]).unwrap();
    file.close().unwrap();
    let population = json!({"type": "biophysical", "morphologies_dir": "."});
    let nodes =
        json!([{"nodes_file": "nodes.h5", "node_types_file": "types.csv", "populations": {"cells": population}}]);
    let config = json!({"version": 2, "networks": {"nodes": nodes, "edges": []}});
    std::fs::write(folder.join("circuit.json"), config.to_string()).unwrap();
}

fn positions(folder: &Path, options: &[&str]) -> Run {
    let all = ["positions", "circuit.json", "-o", "t.parquet", "--axon-rule", "keep", "--force"];
    leadfield_in(folder, &[&all, options].concat())
}

/// Returns the soma of a node, and the ends of its dendrite.
fn placed(folder: &Path, node: u64) -> (Point, [Point; 2]) {
    let table = SegmentTable::open(&folder.join("t.parquet")).unwrap();
    let rows: Segments = table.parts()[0].read_by_row().unwrap();
    let own: Vec<_> = rows.iter().filter(|s| s.node_id == node).collect();
    assert_eq!(
        own.iter().map(|s| s.section_type).collect::<Vec<_>>(),
        [Some(SectionType::Soma), Some(SectionType::Dend)]
    );
    assert_eq!(own[0].start, own[0].end);
    (own[0].start, [own[1].start, own[1].end])
}

#[track_caller]
fn near(found: Point, expected: [f64; 3]) {
    assert!(found.distance(Point::from(expected)) < 1e-9, "{found} {expected:?}");
}

/// Returns a point of the file relative to the soma's centre.
fn from_center(p: [f64; 3]) -> [f64; 3] {
    [p[0] - CENTER[0], p[1] - CENTER[1], p[2] - CENTER[2]]
}

#[test]
fn the_centre_of_a_soma_far_from_the_files_origin_goes_to_the_node_and_the_neurites_with_it() {
    let folder = scratch();
    let zero = [0.0; 2];
    // node 1 is turned about z by 90 degrees: x to y, y to -x
    let columns: [(&str, &[f64]); 4] =
        [("x", &[0.0, 1000.0]), ("y", &[0.0, -20.0]), ("z", &zero), ("rotation_angle_zaxis", &[0.0, FRAC_PI_2])];
    circuit(folder.path(), AWAY, &columns);
    positions(folder.path(), &[]).ok();
    let (soma, ends) = placed(folder.path(), 0);
    near(soma, [0.0; 3]);
    ends.iter().zip(DENDRITE).for_each(|(&end, p)| near(end, from_center(p)));
    let (soma, ends) = placed(folder.path(), 1);
    near(soma, [1000.0, -20.0, 0.0]);
    for (&end, p) in ends.iter().zip(DENDRITE) {
        let [x, y, z] = from_center(p);
        near(end, [1000.0 - y, -20.0 + x, z]);
    }
}

#[test]
fn a_node_or_its_type_may_keep_the_files_origin_at_its_position_and_then_the_soma_goes_along() {
    let folder = scratch();
    let columns: [(&str, &[f64]); 4] =
        [("x", &[10.0, 20.0]), ("y", &[0.0; 2]), ("z", &[0.0; 2]), ("recenter", &[0.0, 1.0])];
    circuit(folder.path(), AWAY, &columns);
    positions(folder.path(), &[]).ok();
    let (soma, ends) = placed(folder.path(), 0);
    near(soma, [310.0, 400.0, 50.0]);
    ends.iter().zip(DENDRITE).for_each(|(&end, [x, y, z])| near(end, [x + 10.0, y, z]));
    near(placed(folder.path(), 1).0, [20.0, 0.0, 0.0]);
    // the type states it for all of its nodes
    circuit(folder.path(), AWAY, &columns[..3]);
    std::fs::write(folder.path().join("types.csv"), "node_type_id recenter\n7 0\n").unwrap();
    positions(folder.path(), &[]).ok();
    near(placed(folder.path(), 0).0, [310.0, 400.0, 50.0]);
    near(placed(folder.path(), 1).0, [320.0, 400.0, 50.0]);
    let text = leadfield_in(folder.path(), &["info", "circuit.json"]).ok();
    assert!(
        text.contains(
            "\nframe of cells    the soma's centre at the node's position, the file's origin at 2 nodes \
                       (`recenter` 0); no rotations\n"
        ),
        "{text}"
    );
}

#[test]
fn a_soma_at_the_files_origin_to_within_its_radius_leaves_the_points_as_they_are() {
    let folder = scratch();
    let swc = |x: f64| format!("1 1 {x} 0 0 6 -1\n2 3 0 10 0 1 1\n3 3 30 10 0 1 2\n");
    for (x, shift) in [(0.0, 0.0), (5.9, 0.0), (-6.0, 0.0), (6.5, -6.5)] {
        circuit(folder.path(), &swc(x), &[("x", &[100.0]), ("y", &[0.0]), ("z", &[0.0])]);
        positions(folder.path(), &[]).ok();
        let (soma, ends) = placed(folder.path(), 0);
        near(soma, [100.0, 0.0, 0.0]);
        near(ends[1], [130.0 + shift, 10.0, 0.0]);
    }
}

#[test]
fn neurons_that_nothing_places_keep_the_frame_of_their_files_unless_a_node_says_otherwise() {
    let folder = scratch();
    let (zero, one) = ([0.0], [1.0]);
    let quaternion: Vec<(&str, &[f64])> = ["x", "y", "z", "orientation_x", "orientation_y", "orientation_z"]
        .map(|name| (name, &zero[..]))
        .into_iter()
        .chain([("orientation_w", &one[..])])
        .collect();
    circuit(folder.path(), AWAY, &quaternion);
    positions(folder.path(), &[]).ok();
    let (soma, ends) = placed(folder.path(), 0);
    near(soma, CENTER);
    ends.iter().zip(DENDRITE).for_each(|(&end, p)| near(end, p));
    let text = leadfield_in(folder.path(), &["info", "circuit.json"]).ok();
    let frame =
        "points as in the morphology files, because no node has a position or a rotation; rotated by quaternions\n";
    assert!(text.contains(frame), "{text}");
    circuit(folder.path(), AWAY, &[&quaternion[..], &[("recenter", &one)]].concat());
    positions(folder.path(), &[]).ok();
    near(placed(folder.path(), 0).0, [0.0; 3]);
    // with a position it is SONATA's frame
    let placed_at: Vec<(&str, &[f64])> =
        quaternion.iter().map(|&(name, v)| if name == "x" { (name, &one[..]) } else { (name, v) }).collect();
    circuit(folder.path(), AWAY, &placed_at);
    positions(folder.path(), &[]).ok();
    near(placed(folder.path(), 0).0, [1.0, 0.0, 0.0]);
}

#[test]
fn the_order_of_euler_angles_is_sonatas_or_the_one_chosen_and_a_warning_names_both_where_it_matters() {
    let folder = scratch();
    let swc = "1 1 0 0 0 6 -1\n2 3 10 0 0 1 1\n3 3 40 0 0 1 2\n";
    let angles: [(&str, &[f64]); 5] = [
        ("x", &[0.0]),
        ("y", &[0.0]),
        ("z", &[0.0]),
        ("rotation_angle_yaxis", &[FRAC_PI_2]),
        ("rotation_angle_zaxis", &[FRAC_PI_2]),
    ];
    circuit(folder.path(), swc, &angles);
    let warning = "warning: neurons of population `cells` are rotated about two or more axes, and the order matters: \
                   used is z, then y, then x about the world's axes, as in the SONATA guide (`--euler-order sonata`); \
                   neurodamus rotates about x, then y, then z (`--euler-order neurodamus`)\n";
    let run = positions(folder.path(), &[]);
    assert_eq!(run.stderr.matches(warning).count(), 1, "{}", run.stderr);
    // the rotation about z moves x to y, which the rotation about y does not change
    near(placed(folder.path(), 0).1[1], [0.0, 40.0, 0.0]);
    for (order, expected) in [("sonata", [0.0, 40.0, 0.0]), ("neurodamus", [0.0, 0.0, -40.0])] {
        let run = positions(folder.path(), &["--euler-order", order]);
        assert!(!run.stderr.contains("--euler-order"), "{}", run.stderr);
        near(placed(folder.path(), 0).1[1], expected);
        // a table is compared in the order of Euler angles that it was created with
        let all = ["validate", "circuit", "circuit.json", "t.parquet", "--axon-rule", "keep", "--euler-order"];
        for (other, code) in [("sonata", 0), ("neurodamus", 1)] {
            let run = leadfield_in(folder.path(), &[&all[..], &[other]].concat());
            assert_eq!(run.code, i32::from((code == 1) != (order == "neurodamus")), "{}{}", run.stdout, run.stderr);
        }
    }
    let text = leadfield_in(folder.path(), &["info", "circuit.json"]).ok();
    let order = "rotated by Euler angles, z, then y, then x about the world's axes, unless `--euler-order neurodamus` \
                 is given\n";
    assert!(text.contains(order), "{text}");
    circuit(folder.path(), swc, &angles[..4]);
    let run = positions(folder.path(), &[]);
    assert!(!run.stderr.contains("--euler-order"), "{}", run.stderr);
}

#[test]
fn a_morphology_may_be_named_with_its_extension() {
    let folder = scratch();
    let columns: [(&str, &[f64]); 3] = [("x", &[5.0]), ("y", &[0.0]), ("z", &[0.0])];
    circuit(folder.path(), AWAY, &columns);
    positions(folder.path(), &[]).ok();
    let expected = placed(folder.path(), 0);
    let named = |name: &str| {
        let file = folder.path().join("nodes.h5");
        std::fs::remove_file(&file).unwrap();
        circuit(folder.path(), AWAY, &columns);
        std::fs::rename(&file, folder.path().join("old.h5")).unwrap();
        let file = Hdf5File::create(&file).unwrap();
        file.create_group("/nodes/cells/0").unwrap();
        file.write_dataset("/nodes/cells/node_type_id", &[7_i64], &[1]).unwrap();
        columns
            .iter()
            .for_each(|(name, values)| file.write_dataset(&format!("/nodes/cells/0/{name}"), values, &[1]).unwrap());
        file.write_strings("/nodes/cells/0/morphology", &[name], &[1]).unwrap();
        file.close().unwrap();
        positions(folder.path(), &[])
    };
    named("cell.swc").ok();
    assert_eq!(placed(folder.path(), 0), expected);
    named("other.swc").refused(
        "error: ./other.swc.swc: cannot be read: no such file or directory\n\
         hint: it is the morphology of node 0 of population `cells`",
    );
}

#[test]
fn nodes_without_sections_are_named() {
    let folder = scratch();
    circuit(folder.path(), AWAY, &[("x", &[5.0, 6.0]), ("y", &[0.0; 2]), ("z", &[0.0; 2])]);
    std::fs::write(folder.path().join("sets.json"), json!({"detailed": {"model_type": "biophysical"}}).to_string())
        .unwrap();
    let path = folder.path().join("circuit.json");
    let mut config: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    config["node_sets_file"] = "sets.json".into();
    std::fs::write(&path, config.to_string()).unwrap();
    let types = |kind: &str| {
        let file = folder.path().join("nodes.h5");
        std::fs::remove_file(&file).unwrap();
        let file = Hdf5File::create(&file).unwrap();
        file.create_group("/nodes/cells/0").unwrap();
        file.write_dataset("/nodes/cells/node_type_id", &[7_i64, 7], &[2]).unwrap();
        ["x", "y", "z"]
            .iter()
            .for_each(|name| file.write_dataset(&format!("/nodes/cells/0/{name}"), &[1.0, 2.0], &[2]).unwrap());
        file.write_strings("/nodes/cells/0/morphology", &["cell", ""], &[2]).unwrap();
        file.write_strings("/nodes/cells/0/model_type", &["biophysical", kind], &[2]).unwrap();
        file.close().unwrap();
    };
    for kind in ["virtual", "point_neuron", "point_process"] {
        types(kind);
        positions(folder.path(), &[]).refused(&format!(
            "error: nodes.h5: /nodes/cells/0/model_type[1]: model without sections, expected `model_type` \
             biophysical, found `{kind}`\n\
             hint: leave such nodes out: `--node-set` with a set such as {{\"detailed\": {{\"model_type\": \
             \"biophysical\"}}}}"
        ));
        positions(folder.path(), &["--node-set", "detailed"]).ok();
        assert_eq!(
            SegmentTable::open(&folder.path().join("t.parquet")).unwrap().parts()[0].read_by_row().unwrap().len(),
            2
        );
    }
}
