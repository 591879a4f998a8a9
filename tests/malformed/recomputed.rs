//! Electrodes files whose weights are not those of their contacts and their table: wrong units, columns, rows.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use leadfield::io::hdf5::Hdf5File;
use leadfield::sonata::electrodes_file::ElectrodesFile;
use serde_json::{Value, json};

use crate::support::{golden, leadfield_in, scratch};

/// Creates the reference circuit's table, its weights at four contacts, and a copy to damage.
fn ours() -> (tempfile::TempDir, PathBuf) {
    let dir = scratch();
    let config = golden().join("input/circuit/simulation_config.json");
    let contacts = golden().join("input/electrodes/named.csv");
    let placement = ["--axon-placement", "bluerecording-0.2", "--quiet"];
    let positions = ["positions", config.to_str().unwrap(), "-o", "s.parquet"];
    leadfield_in(dir.path(), &[&positions[..], &placement].concat()).ok();
    leadfield_in(dir.path(), &["weights", "s.parquet", contacts.to_str().unwrap(), "-o", "w.h5", "--quiet"]).ok();
    let path = dir.path().join("w.h5");
    (dir, path)
}

/// Changes all weights of an electrodes file of this program.
fn change(path: &Path, change: impl FnOnce(&ElectrodesFile, &mut Vec<f64>)) {
    let file = ElectrodesFile::open(path).unwrap();
    let population = &file.populations()[0];
    let mut values = file.read_rows(population, 0..population.rows()).unwrap();
    change(&file, &mut values);
    let object = format!("/electrodes/{}/scaling_factors", population.name());
    let at = Hdf5File::open(path).unwrap().byte_offset(&object).unwrap().unwrap();
    let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_ne_bytes()).collect();
    OpenOptions::new().write(true).open(path).unwrap().write_all_at(&bytes, at).unwrap();
}

/// Returns the exit code, the summary of the recomputed weights, and the findings about them.
fn examined(dir: &Path, file: &str, table: &str) -> (i32, Value, Vec<(String, String)>) {
    let run = leadfield_in(dir, &["validate", "electrodes-file", file, "--segments", table, "--json", "--quiet"]);
    let results: Value = serde_json::from_str(&run.stdout).expect(&run.stderr);
    let text = |v: &Value| v.as_str().unwrap().to_string();
    let all = results["findings"].as_array().unwrap().iter();
    let own = all.filter(|f| text(&f["code"]).starts_with("E8")).map(|f| (text(&f["code"]), text(&f["text"])));
    (run.code, results["recomputed"].clone(), own.collect())
}

#[test]
fn a_recomputed_sample_agrees() {
    let (dir, _) = ours();
    let (code, recomputed, found) = examined(dir.path(), "w.h5", "s.parquet");
    assert_eq!((code, found), (0, vec![]));
    // all nodes: 3161 rows at four contacts
    assert_eq!(
        [&recomputed["nodes"], &recomputed["contacts"], &recomputed["agreeing"], &recomputed["coefficients"]],
        [&json!(20), &json!(4), &json!(4), &json!(4 * 3161)]
    );
    let text = leadfield_in(dir.path(), &["validate", "electrodes-file", "w.h5", "--segments", "s.parquet"]).ok();
    let line = "\nrecomputed: 12644 weights of 20 nodes, 4 of 4 contacts agree\nvalid\n";
    assert!(text.ends_with(line), "{text}");
}

#[test]
fn files_that_do_not_say_their_conductivity_agree_where_one_makes_them() {
    let (dir, _) = ours();
    let reference = |name: &str| golden().join("reference").join(name).into_os_string().into_string().unwrap();
    // by their README, 0.277 S/m and the older placement; 16 contacts: the first four are line and point sources
    let (_, recomputed, found) = examined(dir.path(), &reference("np8.h5"), "s.parquet");
    assert_eq!((&recomputed["contacts"], &recomputed["agreeing"], found), (&json!(8), &json!(8), vec![]));
    // at another conductivity all weights differ by one factor
    std::fs::copy(reference("np8.h5"), dir.path().join("x.h5")).unwrap();
    change(&dir.path().join("x.h5"), |_, values| values.iter_mut().for_each(|v| *v *= 0.277 / 0.3));
    let (_, recomputed, found) = examined(dir.path(), "x.h5", "s.parquet");
    assert_eq!((&recomputed["agreeing"], found), (&json!(8), vec![]));
}

#[test]
fn weights_in_another_unit_are_reported_with_the_factor() {
    let (dir, path) = ours();
    change(&path, |_, values| values.iter_mut().for_each(|v| *v *= 1e3));
    let text = "wrong unit, expected V/nA, found 1e3 times as much at contacts `e1`, `e10`, `e2`, `ref`";
    let (code, _, found) = examined(dir.path(), "w.h5", "s.parquet");
    assert_eq!((code, found), (1, vec![("E80".to_string(), text.to_string())]));
}

#[test]
fn columns_of_other_contacts_are_reported_with_their_names() {
    let (dir, path) = ours();
    // columns: e1, e2, e10, ref
    change(&path, |_, values| values.chunks_exact_mut(4).for_each(|row| row.swap(0, 2)));
    let text = "exchanged columns, expected each contact's own, found those of `e1` at `e10`, those of `e10` \
                at `e1`";
    let (code, _, found) = examined(dir.path(), "w.h5", "s.parquet");
    assert_eq!((code, found), (1, vec![("E81".to_string(), text.to_string())]));
}

#[test]
fn rows_in_another_order_are_reported() {
    let (dir, path) = ours();
    let mut first = 0;
    change(&path, |file, values| {
        let population = &file.populations()[0];
        for &node in population.node_ids() {
            let rows = population.rows_of_node(node).unwrap();
            let own = &mut values[rows.start as usize * 4..rows.end as usize * 4];
            let turned: Vec<f64> = own.chunks_exact(4).rev().flatten().copied().collect();
            own.copy_from_slice(&turned);
        }
        first = population.rows_of_node(population.node_ids()[0]).unwrap().end - 1;
    });
    let (code, _, found) = examined(dir.path(), "w.h5", "s.parquet");
    let text = format!(
        "rows in the wrong order, expected sections by ascending id and segments in order, found the weights of row 0 \
         of node 0 in its row {first}"
    );
    assert_eq!((code, found), (1, vec![("E82".to_string(), text)]));
}

#[test]
fn weights_that_nothing_explains_are_an_error() {
    let (dir, path) = ours();
    change(&path, |_, values| values.iter_mut().for_each(|v| *v = v.sqrt()));
    let text = "wrong weights at 20 nodes, expected the weights of `e1`, `e10`, `e2`, `ref`";
    let (code, _, found) = examined(dir.path(), "w.h5", "s.parquet");
    assert_eq!((code, found), (1, vec![("E83".to_string(), text.to_string())]));
}

/// Returns the findings about a changed file of this program.
fn changed(by: impl FnOnce(&ElectrodesFile, &mut Vec<f64>)) -> Vec<(String, String)> {
    let (dir, path) = ours();
    change(&path, by);
    let (code, _, found) = examined(dir.path(), "w.h5", "s.parquet");
    assert_eq!(code, 1, "{found:?}");
    found
}

/// Returns the weights of a node, row-major.
fn of_node<'v>(file: &ElectrodesFile, values: &'v mut [f64], node: u64) -> &'v mut [f64] {
    let rows = file.populations()[0].rows_of_node(node).unwrap();
    &mut values[rows.start as usize * 4..rows.end as usize * 4]
}

fn finding(code: &str, text: &str) -> Vec<(String, String)> {
    vec![(code.to_string(), text.to_string())]
}

#[test]
fn a_single_wrong_weight_is_found() {
    let found = changed(|file, values| of_node(file, values, 6)[4 * 50 + 1] *= 1.02);
    let text = "wrong weights at 1 node (`6`), expected the weights of `e2`";
    assert_eq!(found, finding("E83", text));
}

#[test]
fn opposite_signs_are_named_with_contacts_and_nodes() {
    let all = changed(|_, values| values.iter_mut().for_each(|v| *v = -*v));
    let text = "opposite sign, expected that of a potential, found contacts `e1`, `e10`, `e2`, `ref`";
    assert_eq!(all, finding("E84", text));
    let one = changed(|_, values| values.iter_mut().skip(1).step_by(4).for_each(|v| *v = -*v));
    assert_eq!(one, finding("E84", "opposite sign, expected that of a potential, found contacts `e2`"));
    let some = changed(|file, values| of_node(file, values, 6).iter_mut().for_each(|v| *v = -*v));
    let text = "opposite sign, expected that of a potential, found contacts `e1`, `e10`, `e2`, `ref` of 1 node (`6`)";
    assert_eq!(some, finding("E84", text));
}

#[test]
fn another_conductivity_than_stated_is_named_with_both() {
    // the file states 0.277 S/m; weights go with 1 / sigma
    let at = |sigma: f64| changed(move |_, values| values.iter_mut().for_each(|v| *v *= 0.277 / sigma));
    let contacts = "at contacts `e1`, `e10`, `e2`, `ref`";
    let expected_text = |sigma: &str, times: &str| {
        let text = format!(
            "wrong conductivity, expected 0.277 S/m, found weights of {sigma} S/m, {times} times as large, {contacts}"
        );
        finding("E87", &text)
    };
    assert_eq!(at(0.3), expected_text("0.3000", "0.9233"));
    assert_eq!(at(0.278), expected_text("0.2780", "0.9964"), "less than single weights may differ by");
    assert_eq!(at(0.2771), expected_text("0.2771", "0.9996"));
    // a wrong unit and a wrong conductivity together are two findings
    let both = changed(|_, values| values.iter_mut().for_each(|v| *v *= 1000.0 * 0.277 / 0.3));
    let units = format!("wrong unit, expected V/nA, found 1e3 times as much {contacts}");
    assert_eq!(both, [finding("E80", &units), expected_text("0.3000", "0.9233")].concat());
}

#[test]
fn the_conductivity_of_files_that_state_none_can_be_given() {
    let (dir, _) = ours();
    let np8 = golden().join("reference/np8.h5");
    let run = |sigma: &str| {
        let args =
            ["validate", "electrodes-file", np8.to_str().unwrap(), "--segments", "s.parquet", "--conductivity", sigma];
        leadfield_in(dir.path(), &args).stdout
    };
    assert!(!run("0.277").contains("E87"), "{}", run("0.277"));
    let wrong = run("0.3");
    let text = "wrong conductivity, expected 0.3 S/m, found weights of 0.2770 S/m, 1.0830 times as large";
    assert!(wrong.contains(text), "{wrong}");
    let refused = leadfield_in(dir.path(), &["validate", "electrodes-file", "w.h5", "--conductivity", "0"]);
    refused.refused(
        "error: conductivity out of range, expected a number from 1e-30 to 1e30 S/m, found `0`\n\
         hint: grey matter has about 0.3 S/m: `--conductivity 0.277`",
    );
}

#[test]
fn shifted_rows_are_named_with_their_number() {
    let roll = |by: usize| {
        changed(move |_, values| values.rotate_right(by * 4))
            .into_iter()
            .map(|(code, text)| (code, text.split(", from row").next().unwrap().to_string()))
            .collect::<Vec<_>>()
    };
    let text = "shifted rows at 20 nodes, expected each segment's own, found the weights of ";
    assert_eq!(roll(1), finding("E85", &format!("{text}1 row before")));
    assert_eq!(roll(3), finding("E85", &format!("{text}3 rows before")));
    assert_eq!(roll(3161 - 2), finding("E85", &format!("{text}2 rows behind")));
    // a section of one node has a segment too many: the following rows of the node are shifted by one
    let late = changed(|file, values| {
        let own = of_node(file, values, 6);
        own[4 * 40..].rotate_right(4);
    });
    let text = "shifted rows at 1 node (`6`), expected each segment's own, found the weights of 1 row before, from \
                row 40 of node 6 on";
    assert_eq!(late, finding("E85", text));
}

#[test]
fn nodes_with_each_others_rows_are_named() {
    let (dir, path) = ours();
    // two nodes with as many segments
    let file = ElectrodesFile::open(&path).unwrap();
    let population = &file.populations()[0];
    let rows = |node: u64| population.rows_of_node(node).unwrap();
    let length = |node: u64| rows(node).end - rows(node).start;
    let nodes = population.node_ids();
    let pair = nodes.iter().flat_map(|&a| nodes.iter().map(move |&b| (a, b)));
    let (a, b) = pair.into_iter().find(|&(a, b)| a < b && length(a) == length(b)).unwrap();
    let (first, second) = (rows(a), rows(b));
    drop(file);
    change(&path, |_, values| {
        let (left, right) = values.split_at_mut(second.start as usize * 4);
        let own = &mut left[first.start as usize * 4..first.end as usize * 4];
        let length = own.len();
        own.swap_with_slice(&mut right[..length]);
    });
    let (code, _, found) = examined(dir.path(), "w.h5", "s.parquet");
    assert_eq!((code, found.len(), found[0].0.as_str()), (1, 1, "E85"), "{found:?}");
}

#[test]
fn a_neuron_of_zeros_is_an_error_with_and_without_a_table() {
    let (dir, path) = ours();
    change(&path, |file, values| of_node(file, values, 6).fill(0.0));
    let run = leadfield_in(dir.path(), &["validate", "electrodes-file", "w.h5", "--quiet"]);
    assert_eq!(run.code, 1);
    assert!(run.stdout.contains("all rows of node 6 are 0, expected potentials, which are never 0"), "{}", run.stdout);
    let (code, _, found) = examined(dir.path(), "w.h5", "s.parquet");
    let text = "all rows of node 6 are 0, expected potentials, which are never 0";
    assert_eq!((code, found), (1, finding("E86", text)));
}

#[test]
fn a_circuit_is_enough_to_recompute_weights() {
    let (dir, path) = ours();
    let config = golden().join("input/circuit/simulation_config.json");
    let run = || {
        let args = ["validate", "electrodes-file", "w.h5", "--circuit", config.to_str().unwrap(), "--quiet"];
        leadfield_in(dir.path(), &args)
    };
    let right = run();
    assert_eq!(right.code, 0, "{}", right.stdout);
    assert!(right.stdout.contains(", 4 of 4 contacts agree\n"), "{}", right.stdout);
    change(&path, |_, values| values.iter_mut().for_each(|v| *v = -*v));
    let wrong = run();
    assert_eq!(wrong.code, 1);
    assert!(wrong.stdout.contains("E84 error: "), "{}", wrong.stdout);
}
