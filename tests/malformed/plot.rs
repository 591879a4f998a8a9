//! Input that `plot` refuses: unknown names, invalid formats, files that do not belong together, empty views.

use super::electrodes_file::edited;
use crate::pictures::folder;
use crate::support::{Run, golden, leadfield_in, names_in, one_neuron, scratch};

fn weights(options: &[&str]) -> Run {
    leadfield_in(folder(), &[&["plot", "weights", "s.parquet", "w.h5"], options].concat())
}

#[test]
fn an_unknown_electrode_is_reported_with_those_of_the_file() {
    let out = scratch();
    let file = out.path().join("a.svg");
    weights(&["--electrode", "99", "-o", file.to_str().unwrap()]).refused(
        "error: w.h5: unknown electrode, expected one of `0`, `1`, `10`, `11`, `12`, `13`, `14`, `15`, `2`, `3`, `4`, \
         `5` and 4 more, found `99`",
    );
    assert!(names_in(out.path()).is_empty());
}

#[test]
fn a_name_of_no_picture_format_is_refused_before_anything_is_read() {
    for name in ["a.pdf", "svg", "a"] {
        leadfield_in(folder(), &["plot", "weights", "none.parquet", "none.h5", "--electrode", "2", "-o", name])
            .refused(&format!(
                "error: --output: unknown image format, expected a name that ends in `.svg` or `.png`, found `{name}`\n\
                 hint: for example `-o figure.svg`"
            ));
    }
}

#[test]
fn an_unknown_view_is_refused_with_the_known_ones() {
    let run = weights(&["--electrode", "2", "--view", "zz", "-o", "a.svg"]);
    assert_eq!(run.code, 2);
    let first: Vec<&str> = run.stderr.lines().take(2).collect();
    assert_eq!(
        first,
        ["error: invalid value 'zz' for '--view <VIEW>'", "  [possible values: xy, xz, yx, yz, zx, zy, all]"]
    );
}

#[test]
fn weights_of_another_population_are_refused() {
    let out = scratch();
    let run = |args: &[&str]| leadfield_in(out.path(), args);
    run(&["synthesize", "c", "--cells", "2", "--with-report", "--quiet"]).ok();
    run(&["positions", "c/simulation_config.json", "-o", "t.parquet", "--quiet"]).ok();
    let ours = leadfield::segments::table::SegmentTable::open(&out.path().join("t.parquet")).unwrap();
    let weights = golden().join("reference/np8.h5");
    let weights = weights.to_str().unwrap();
    run(&["plot", "weights", "t.parquet", weights, "--electrode", "0", "-o", "a.svg"]).refused(&format!(
        "error: {weights}: another population, expected `{}` as in the table, found `S1nonbarrel_neurons`\n\
         hint: was the electrodes file made for this circuit and this table?",
        ours.metadata().population
    ));
    assert_eq!(names_in(out.path()), ["c", "t.parquet"]);
}

#[test]
fn a_view_without_segments_and_one_without_size_are_refused() {
    let out = scratch();
    let file = out.path().join("a.svg");
    let within = |r: &str| weights(&["--electrode", "1", "--within", r, "-o", file.to_str().unwrap()]);
    within("1").refused(
        "error: s.parquet: no segments within 1 µm of `1`, expected at least one\n\
         hint: use a larger `--within`",
    );
    for (found, text) in [("0", "0"), ("-5", "-5"), ("nan", "NaN"), ("inf", "inf")] {
        within(found).refused(&format!(
            "error: --within: out of range, expected a finite number above 0 µm, found `{text}`\n\
             hint: for example `--within 200`"
        ));
    }
    assert!(names_in(out.path()).is_empty());
}

#[test]
fn a_picture_that_exists_is_kept_without_force() {
    let out = scratch();
    let file = out.path().join("a.svg");
    std::fs::write(&file, "precious").unwrap();
    let path = file.to_str().unwrap();
    weights(&["--electrode", "2", "-o", path])
        .refused(&format!("error: {path}: exists already\nhint: choose another name, or replace it with `--force`"));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "precious");
    weights(&["--electrode", "2", "-o", path, "--force", "--quiet"]).ok();
    assert!(std::fs::read_to_string(&file).unwrap().starts_with("<svg"));
}

#[test]
fn regions_that_are_none_or_hold_nothing_are_refused() {
    let out = scratch();
    let file = out.path().join("a.svg");
    let probe = |options: &[&str]| {
        let args = [&["plot", "probe", "e6.csv", "-o", file.to_str().unwrap()], options].concat();
        leadfield_in(folder(), &args)
    };
    probe(&["--within", "-1"])
        .refused("error: --within: radius out of range, expected a number above 0 and at most 1e100 µm, found `-1`");
    probe(&["--within", "0.001", "--segments", "s.parquet"]).refused(
        "error: s.parquet: no segments in the regions of the contacts, expected at least one\n\
         hint: use a larger `--within`",
    );
    assert!(names_in(out.path()).is_empty());
}

#[test]
fn files_without_a_common_contact_are_not_compared() {
    let out = scratch();
    let run = |args: &[&str]| leadfield_in(out.path(), args);
    let table = folder().join("s.parquet");
    std::fs::write(out.path().join("e.csv"), "name,x,y,z\nother,0,0,0\n").unwrap();
    run(&["weights", table.to_str().unwrap(), "e.csv", "-o", "o.h5", "--quiet"]).ok();
    let ours = folder().join("w.h5");
    run(&["plot", "compare", ours.to_str().unwrap(), "o.h5", "-o", "a.svg"])
        .refused("error: no contact in common, expected at least one with the same name in both files");
    run(&["plot", "compare", "o.h5", "none.h5", "-o", "a.svg"])
        .refused("error: none.h5: cannot be read: no such file or directory");
    assert_eq!(names_in(out.path()), ["e.csv", "o.h5"]);
}

#[test]
fn a_neuron_that_is_cut_otherwise_is_refused() {
    let out = scratch();
    let run = |args: &[&str]| leadfield_in(out.path(), args);
    let (a, b) = (one_neuron(out.path(), "a", "1"), one_neuron(out.path(), "b", "2"));
    assert!(a.node_id == b.node_id && a.segments != b.segments);
    std::fs::write(out.path().join("e.csv"), "name,x,y,z\nnear,0,0,900\n").unwrap();
    run(&["weights", "a.parquet", "e.csv", "-o", "w.h5", "--quiet"]).ok();
    run(&["weights", "b.parquet", "e.csv", "-o", "v.h5", "--quiet"]).ok();
    run(&["plot", "compare", "w.h5", "v.h5", "-o", "a.svg"]).refused(&format!(
        "error: no node with the same number of segments in both files, expected at least one, found 1 with others: \
         node {} has {} and {}\nhint: check that both are from the same circuit and discretisation",
        a.node_id, a.segments, b.segments
    ));
    run(&["plot", "weights", "b.parquet", "w.h5", "--electrode", "near", "-o", "a.svg"]).refused(&format!(
        "error: w.h5: node[{}]: another number of segments, expected {} as in the table, found {}\n\
         hint: was the electrodes file made for this circuit and this table?",
        a.node_id, b.segments, a.segments
    ));
    assert!(!names_in(out.path()).contains(&"a.svg".to_string()));
}

/// Removes objects from the electrodes file of the other tests, and asserts the message of `plot weights` about contact
/// `2`.
fn without(objects: &[&str], options: &[&str], message: &str) {
    let out = scratch();
    let (table, file) = (folder().join("s.parquet"), out.path().join("w.h5"));
    std::fs::copy(folder().join("w.h5"), &file).unwrap();
    edited(&file, |file| objects.iter().for_each(|object| file.unlink(object).unwrap()));
    let args = ["plot", "weights", table.to_str().unwrap(), "w.h5", "--electrode", "2", "-o", "a.svg"];
    leadfield_in(out.path(), &[&args[..], options].concat()).refused(message);
    assert_eq!(names_in(out.path()), ["w.h5"]);
}

#[test]
fn a_contact_without_position_has_no_surroundings() {
    let message = "error: w.h5: /electrodes/2: contact without a position, expected one for `--within`";
    without(&["/electrodes/2/position"], &["--within", "50"], message);
}

#[test]
fn a_contact_without_a_column_is_refused() {
    let message = "error: w.h5: /electrodes/2: electrode without a column for population `S1nonbarrel_neurons`";
    without(&["/electrodes/2/S1nonbarrel_neurons"], &[], message);
}
