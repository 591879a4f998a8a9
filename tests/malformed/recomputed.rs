//! Electrodes files whose coefficients are not those of their contacts and their table: units, columns, rows.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use leadfield::h5::File;
use leadfield::sonata::electrodes_file::ElectrodesFile;
use serde_json::{Value, json};

use crate::support::{golden, leadfield_in, scratch};

/// The reference circuit's table, its coefficients at four contacts, and a copy to damage.
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

/// Changes all coefficients of a file of ours.
fn change(path: &Path, change: impl FnOnce(&ElectrodesFile, &mut Vec<f64>)) {
    let file = ElectrodesFile::open(path).unwrap();
    let population = &file.populations()[0];
    let mut values = file.rows(population, 0..population.rows()).unwrap();
    change(&file, &mut values);
    let object = format!("/electrodes/{}/scaling_factors", population.name());
    let at = File::open(path).unwrap().byte_offset(&object).unwrap().unwrap();
    let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_ne_bytes()).collect();
    OpenOptions::new().write(true).open(path).unwrap().write_all_at(&bytes, at).unwrap();
}

/// Exit code, what was computed anew, and the findings about it.
fn examined(dir: &Path, file: &str, table: &str) -> (i32, Value, Vec<(String, String)>) {
    let run = leadfield_in(dir, &["validate", "electrodes-file", file, "--segments", table, "--json", "--quiet"]);
    let told: Value = serde_json::from_str(&run.stdout).expect(&run.stderr);
    let text = |v: &Value| v.as_str().unwrap().to_string();
    let all = told["findings"].as_array().unwrap().iter();
    let own = all.filter(|f| text(&f["code"]).starts_with("E8")).map(|f| (text(&f["code"]), text(&f["text"])));
    (run.code, told["recomputed"].clone(), own.collect())
}

#[test]
fn a_sample_is_computed_anew_and_agrees() {
    let (dir, _) = ours();
    let (code, recomputed, found) = examined(dir.path(), "w.h5", "s.parquet");
    assert_eq!((code, found), (0, vec![]));
    // 20 nodes in one part: every fifth
    assert_eq!(
        [&recomputed["nodes"], &recomputed["contacts"], &recomputed["agreeing"]],
        [&json!(4), &json!(4), &json!(4)]
    );
    let text = leadfield_in(dir.path(), &["validate", "electrodes-file", "w.h5", "--segments", "s.parquet"]).ok();
    let coefficients = recomputed["coefficients"].as_u64().unwrap();
    let line = format!("\ncomputed anew: {coefficients} coefficients of 4 nodes, 4 of 4 contacts agree\nsound\n");
    assert!(text.ends_with(&line), "{text}");
}

#[test]
fn files_that_do_not_say_their_conductivity_agree_where_one_makes_them() {
    let (dir, _) = ours();
    let reference = |name: &str| golden().join("reference").join(name).into_os_string().into_string().unwrap();
    // by their README, 0.277 S/m and the older placement; 16 contacts: the first four are line and point sources
    let (_, recomputed, found) = examined(dir.path(), &reference("np8.h5"), "s.parquet");
    assert_eq!((&recomputed["contacts"], &recomputed["agreeing"], found), (&json!(8), &json!(8), vec![]));
    // at another conductivity all are larger by one factor
    std::fs::copy(reference("np8.h5"), dir.path().join("x.h5")).unwrap();
    change(&dir.path().join("x.h5"), |_, values| values.iter_mut().for_each(|v| *v *= 0.277 / 0.3));
    let (_, recomputed, found) = examined(dir.path(), "x.h5", "s.parquet");
    assert_eq!((&recomputed["agreeing"], found), (&json!(8), vec![]));
}

#[test]
fn coefficients_in_another_unit_are_told_with_the_factor() {
    let (dir, path) = ours();
    change(&path, |_, values| values.iter_mut().for_each(|v| *v *= 1e3));
    let text = "another unit, expected V/nA, found 1e3 times as much at contacts `e1`, `e10`, `e2`, `ref`";
    let (code, _, found) = examined(dir.path(), "w.h5", "s.parquet");
    assert_eq!((code, found), (1, vec![("E80".to_string(), text.to_string())]));
}

#[test]
fn columns_of_other_contacts_are_told_with_their_names() {
    let (dir, path) = ours();
    // columns: e1, e2, e10, ref
    change(&path, |_, values| values.chunks_exact_mut(4).for_each(|row| row.swap(0, 2)));
    let text = "coefficients of other contacts, expected each contact's own, found those of `e1` at `e10`, those of `e10` \
                at `e1`";
    let (code, _, found) = examined(dir.path(), "w.h5", "s.parquet");
    assert_eq!((code, found), (1, vec![("E81".to_string(), text.to_string())]));
}

#[test]
fn rows_in_another_order_are_told() {
    let (dir, path) = ours();
    let mut first = 0;
    change(&path, |file, values| {
        let population = &file.populations()[0];
        for &node in population.node_ids() {
            let rows = population.rows_of(node).unwrap();
            let own = &mut values[rows.start as usize * 4..rows.end as usize * 4];
            let turned: Vec<f64> = own.chunks_exact(4).rev().flatten().copied().collect();
            own.copy_from_slice(&turned);
        }
        first = population.rows_of(population.node_ids()[0]).unwrap().end - 1;
    });
    let (code, _, found) = examined(dir.path(), "w.h5", "s.parquet");
    let text = format!(
        "rows in another order, expected sections by ascending id and segments in order, found the coefficients of row 0 of \
         node 0 in its row {first}"
    );
    assert_eq!((code, found), (1, vec![("E82".to_string(), text)]));
}

#[test]
fn coefficients_that_nothing_explains_are_a_warning() {
    let (dir, path) = ours();
    change(&path, |_, values| values.iter_mut().for_each(|v| *v = v.sqrt()));
    let text = "not what their methods give at 4 nodes, expected the coefficients of `e1`, `e10`, `e2`, `ref`";
    let (code, _, found) = examined(dir.path(), "w.h5", "s.parquet");
    assert_eq!((code, found), (0, vec![("E83".to_string(), text.to_string())]));
}
