//! Circuits that cannot be read, or only in part, as they occur in practice: the complete text that a user sees.

use std::path::Path;

use leadfield::io::hdf5::Hdf5File;
use leadfield::segments::table::SegmentTable;
use serde_json::{Value, json};

use crate::support::{Run, leadfield_in, leadfield_with_peak, names_in, root, scratch};

const SWC: &str = "1 1 0 0 0 6 -1\n2 3 6 0 0 1 1\n3 3 66 0 0 1 2\n";

/// Writes a population of neurons that differ only in their position.
fn add_population(file: &Hdf5File, name: &str, n: u16) {
    let (n, group) = (usize::from(n), format!("/nodes/{name}/0"));
    file.create_group(&group).unwrap();
    file.write_dataset(&format!("/nodes/{name}/node_type_id"), &vec![-1_i64; n], &[n]).unwrap();
    for column in ["x", "y", "z"] {
        let places: Vec<f64> = (0..n as u16).map(f64::from).collect();
        file.write_dataset(&format!("{group}/{column}"), &places, &[n]).unwrap();
    }
    file.write_strings(&format!("{group}/morphology"), &vec!["cell"; n], &[n]).unwrap();
}

/// Creates a circuit with two populations of four and of two neurons, and a node set of ids.
fn circuit(change: impl FnOnce(&mut Value)) -> tempfile::TempDir {
    let folder = scratch();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("cell.swc"), SWC).unwrap();
    let file = Hdf5File::create(&path("nodes.h5")).unwrap();
    add_population(&file, "cells", 4);
    add_population(&file, "few", 2);
    file.close().unwrap();
    let biophysical = json!({"type": "biophysical", "morphologies_dir": "."});
    let mut config = json!({
        "version": 2,
        "manifest": {"$A": ".", "$B": "$A"},
        "node_sets_file": "node_sets.json",
        "networks": {"nodes": [{"nodes_file": "nodes.h5", "populations": {"cells": biophysical, "few": biophysical}}]},
    });
    change(&mut config);
    std::fs::write(path("c.json"), config.to_string()).unwrap();
    let sets = json!({
        "X": {"node_id": [0, 3]}, "Far": {"node_id": [0, 4]}, "Own": {"population": "few", "node_id": [3]},
        "Below": {"node_id": [9, -1]}
    });
    std::fs::write(path("node_sets.json"), sets.to_string()).unwrap();
    folder
}

fn positions(folder: &Path, options: &[&str]) -> Run {
    leadfield_in(folder, &[&["positions", "c.json", "-o", "t", "--axon-rule", "keep"], options].concat())
}

#[track_caller]
fn refused(folder: &Path, options: &[&str], text: &str) {
    positions(folder, options).refused(text);
    assert!(!names_in(folder).contains(&"t".to_string()));
}

#[test]
fn node_ids_that_one_of_several_populations_lacks_select_nothing_there() {
    let folder = circuit(|_| ());
    positions(folder.path(), &["--node-set", "X"]).ok();
    let neurons = |name: &str| {
        let table = SegmentTable::open(&folder.path().join("t").join(name)).unwrap();
        table.neurons().unwrap().iter().map(|n| n.node_id).collect::<Vec<_>>()
    };
    assert_eq!((neurons("cells"), neurons("few")), (vec![0, 3], vec![0]));
    std::fs::remove_dir_all(folder.path().join("t")).unwrap();
    refused(
        folder.path(),
        &["--node-set", "Far"],
        "error: node_sets.json: Far.node_id: node id outside the populations `cells`, `few`, expected an id below 4, found 4",
    );
    refused(
        folder.path(),
        &["--node-set", "Own"],
        "error: node_sets.json: Own.node_id: node id outside the population `few`, expected an id below 2, found 3",
    );
    refused(
        folder.path(),
        &["--node-set", "Below"],
        "error: node_sets.json: Below.node_id: node id outside the populations `cells`, `few`, expected an id below 4, found -1",
    );
}

#[test]
fn three_of_four_columns_of_a_quaternion() {
    let folder = circuit(|_| ());
    let file = Hdf5File::create(&folder.path().join("nodes.h5")).unwrap();
    add_population(&file, "cells", 1);
    add_population(&file, "few", 1);
    for name in ["orientation_x", "orientation_y", "orientation_z"] {
        file.write_dataset(&format!("/nodes/few/0/{name}"), &[0.0], &[1]).unwrap();
    }
    file.close().unwrap();
    refused(
        folder.path(),
        &[],
        "error: nodes.h5: /nodes/few/0: orientation is incomplete, expected `orientation_w`, `orientation_x`, `orientation_y` \
         and `orientation_z`, found `orientation_x`, `orientation_y`, `orientation_z`\n\
         hint: add the missing columns, or remove the others: without any of them the rotation is that of \
         `rotation_angle_xaxis`, `_yaxis` and `_zaxis`, or none",
    );
}

#[test]
fn a_column_that_is_compressed_by_a_filter_that_hdf5_does_not_have() {
    let folder =
        circuit(|config| drop(config["networks"]["nodes"][0]["populations"].as_object_mut().unwrap().remove("few")));
    std::fs::copy(root().join("datasets/filters/lzf.h5"), folder.path().join("nodes.h5")).unwrap();
    refused(
        folder.path(),
        &[],
        "error: nodes.h5: /nodes/cells/0/x: compressed by a filter that cannot be decoded, expected `deflate` or none, found \
         `lzf`\n\
         hint: write the file again without this filter: `h5repack -f GZIP=4 FILE NEW` where HDF5 has the plugin `lzf`, or \
         Python's h5py (it has lzf; `import hdf5plugin` brings others)",
    );
}

#[test]
fn a_variable_that_the_manifest_lacks() {
    let hint = "hint: define it in `manifest`, or write the path out: relative paths begin at the configuration's folder, and \
                `${NAME}` is not expanded";
    for (written, name) in [
        ("$MORPHS", "$MORPHS"),
        ("$MORPHS/swc", "$MORPHS"),
        ("$B/$b/x", "$b"),
        ("${configdir}/swc", "${configdir}"),
        ("$CONFIGDIR", "$CONFIGDIR"),
    ] {
        let folder = circuit(|config| {
            config["networks"]["nodes"][0]["populations"]["few"]["morphologies_dir"] = written.into();
        });
        let end = &written[written.find(name).unwrap()..];
        let text = format!(
            "error: c.json: unknown variable, expected one of the manifest's, `$A`, `$B`, found `{name}` in `{end}`\n{hint}"
        );
        refused(folder.path(), &[], &text);
        // the variable has no effect if it is not needed
        positions(folder.path(), &["--population", "cells"]).ok();
    }
    let folder = circuit(|config| config["networks"]["nodes"][0]["nodes_file"] = "$NODES/nodes.h5".into());
    let text = format!(
        "error: c.json: unknown variable, expected one of the manifest's, `$A`, `$B`, found `$NODES` in `$NODES/nodes.h5`\n{hint}"
    );
    refused(folder.path(), &[], &text);
    leadfield_in(folder.path(), &["info", "c.json"]).refused(&text);
    let folder = circuit(|config| {
        config.as_object_mut().unwrap().remove("manifest");
        config["node_sets_file"] = "$SETS/x.json".into();
    });
    positions(folder.path(), &["--node-set", "X"]).refused(&format!(
        "error: c.json: unknown variable, expected one of the manifest's, none, found `$SETS` in `$SETS/x.json`\n{hint}"
    ));
    // a folder may have this name
    let folder = circuit(|config| {
        config["networks"]["nodes"][0]["populations"]["few"]["morphologies_dir"] = "$odd".into();
    });
    std::fs::create_dir(folder.path().join("$odd")).unwrap();
    std::fs::write(folder.path().join("$odd/cell.swc"), SWC).unwrap();
    positions(folder.path(), &[]).ok();
}

#[test]
fn no_populations_next_to_the_nodes_file() {
    let folder = circuit(|config| drop(config["networks"]["nodes"][0].as_object_mut().unwrap().remove("populations")));
    refused(
        folder.path(),
        &[],
        "error: c.json: networks.nodes[0].populations: missing, expected an object of populations\n\
         hint: the nodes file has `cells`, `few`: add `\"populations\": {\"cells\": {\"type\": \"biophysical\"}, \"few\": {\"type\": \
         \"biophysical\"}}` next to `nodes_file`",
    );
}

#[test]
fn populations_without_segments_are_reported_in_one_line() {
    let warnings_for = |kinds: [&str; 3]| {
        let folder = circuit(|config| {
            let populations = &mut config["networks"]["nodes"][0]["populations"];
            for (name, kind) in ["in_a", "in_b", "in_c"].iter().zip(kinds) {
                populations[*name] = json!({ "type": kind });
            }
        });
        let run = positions(folder.path(), &[]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        run.stderr.lines().filter(|l| l.contains("left out")).map(str::to_string).collect::<Vec<_>>()
    };
    assert_eq!(
        warnings_for(["virtual"; 3]),
        ["populations `in_a`, `in_b`, `in_c` are left out: their type is `virtual`"]
    );
    assert_eq!(
        warnings_for(["virtual", "point_neuron", "virtual"]),
        [
            "populations `in_a (virtual)`, `in_b (point_neuron)`, `in_c (virtual)` are left out: only the type `biophysical` has segments"
        ]
    );
}

#[test]
fn positions_and_weights_state_that_a_given_rule_is_assumed() {
    let folder = circuit(|_| ());
    let warning = "warning: segment counts assumed (keep, 40 µm), not checked against a simulation\n";
    let run = positions(folder.path(), &[]);
    assert_eq!(run.stderr.matches(warning).count(), 1, "{}", run.stderr);
    std::fs::write(folder.path().join("e.csv"), "name,x,y,z\na,0,0,90\n").unwrap();
    let run = leadfield_in(folder.path(), &["weights", "t/cells", "t/few", "e.csv", "-o", "w.h5"]);
    assert_eq!((run.code, run.stderr.matches(warning).count()), (0, 1), "{}", run.stderr);
    let text = leadfield_in(folder.path(), &["info", "t/cells"]).ok();
    assert!(text.contains("assumed") && text.contains("keep, 40 µm, not checked against a simulation\n"), "{text}");
    let run = positions(folder.path(), &["--segment-length", "12.5", "--force"]);
    assert!(run.stderr.contains("assumed (keep, 12.5 µm), not checked"), "{}", run.stderr);
}

#[test]
fn more_nodes_than_a_file_can_hold_are_refused_before_there_is_memory_for_them() {
    let folder = circuit(|_| ());
    let nodes = folder.path().join("nodes.h5");
    for count in [1_usize << 40, 1 << 33] {
        crate::malformed::electrodes_file::edited(&nodes, |file| {
            file.unlink("/nodes/cells/node_type_id").unwrap();
            // the values were never written, so the file contains none of them
            let empty = file.new_dataset::<i64>().chunk([1024]).shape([count]);
            empty.create("/nodes/cells/node_type_id").unwrap();
        });
        let bytes = nodes.metadata().unwrap().len();
        let args = ["positions", "c.json", "-o", "t", "--axon-rule", "keep", "--population", "cells"];
        let (run, memory) = leadfield_with_peak(folder.path(), &args);
        run.refused(&format!(
            "error: nodes.h5: /nodes/cells/node_type_id: too many values, expected at most what a file of {bytes} bytes \
             can hold, found {count} values"
        ));
        assert!(memory < 200 << 20, "{memory} bytes");
        assert!(!names_in(folder.path()).iter().any(|name| name.starts_with("t")));
    }
}
