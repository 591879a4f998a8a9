//! Malformed morphologies: each is refused with its file and its line, row or section.

use std::fmt::Write;

use leadfield::io::hdf5::Hdf5File;
use leadfield::morphology::{MorphologyContainer, MorphologyFormat, read};

use crate::support;

/// A soma and a dendrite to which bad lines are added.
const SWC: &str = "1 1 0 0 0 5 -1\n2 3 5 0 0 1 1\n3 3 9 0 0 1 2\n";

/// A soma, in lines 1 to 3, to which bad blocks are added.
const ASC: &str = "(\"CellBody\" (CellBody)\n  (0 5 0 0) (5 0 0 0)\n  (0 -5 0 0))\n";

/// Asserts that a text is refused with this message, in which the file is `cell.<extension>`.
#[track_caller]
fn refused(format: MorphologyFormat, text: impl AsRef<[u8]>, message: &str) {
    let folder = support::scratch();
    let name = format!("cell.{}", format.extension());
    std::fs::write(folder.path().join(&name), text).unwrap();
    let error = read(&folder.path().join(&name), format).unwrap_err();
    assert_eq!(without(folder.path(), &format!("{error:?}")), format!("{name}: {message}"));
}

/// Formats a message in which paths of the folder are replaced by file names.
fn without(folder: &std::path::Path, message: &str) -> String {
    message.replace(&format!("{}/", folder.display()), "")
}

#[track_caller]
fn swc_refused(lines: &str, message: &str) {
    refused(MorphologyFormat::Swc, format!("{SWC}{lines}"), message);
}

#[track_caller]
fn asc_refused(blocks: &str, message: &str) {
    refused(MorphologyFormat::Asc, format!("{ASC}{blocks}"), message);
}

#[test]
fn a_file_that_is_missing() {
    let folder = support::scratch();
    for format in [MorphologyFormat::Swc, MorphologyFormat::Asc, MorphologyFormat::H5v1] {
        let error = read(&folder.path().join("cell"), format).unwrap_err();
        assert_eq!(without(folder.path(), &error.to_string()), "cell: cannot be read: no such file or directory");
    }
}

#[test]
fn an_empty_file() {
    let message = "morphology is empty, expected a soma and neurites, found no points";
    refused(MorphologyFormat::Swc, "", message);
    refused(MorphologyFormat::Swc, "# a comment\n\n  \n", message);
    refused(MorphologyFormat::Asc, "", message);
    refused(MorphologyFormat::Asc, "; a comment\n", message);
    h5_refused(&[], &[], message);
}

#[test]
fn a_file_that_is_not_hdf5() {
    let folder = support::scratch();
    for text in ["", SWC] {
        let path = folder.path().join("cell.h5");
        std::fs::write(&path, text).unwrap();
        // the rest is the reason of the HDF5 library, which depends on its version
        let start = "cell.h5: not a readable HDF5 file: H5Fopen(): ";
        let error = read(&path, MorphologyFormat::H5v1).unwrap_err();
        assert!(without(folder.path(), &error.to_string()).starts_with(start), "{error}");
        assert_eq!(error.hint().unwrap(), "the file may be cut short, or be of another format");
        assert_eq!(MorphologyContainer::open(&path).unwrap_err().to_string(), error.to_string());
    }
}

#[test]
fn neurites_without_a_soma() {
    let message = "morphology has no soma, expected a soma and neurites, found neurites only";
    let hint = "\nhint: the simulator would create a cell without a soma, for which cell templates fail: add the soma";
    let dendrite = "((Dendrite) (5 0 0 1) (9 0 0 1))";
    refused(MorphologyFormat::Swc, "1 3 0 0 0 1 -1\n2 3 4 0 0 1 1\n", &format!("{message}{hint}"));
    refused(MorphologyFormat::Asc, dendrite, &format!("{message}{hint}"));
    refused(MorphologyFormat::Asc, format!("(\"Pia\" (Color Red) (1 2 3 0)){dendrite}"), &format!("{message}{hint}"));
    h5_refused(&points(6), &[[0, 3, -1], [3, 3, 0]], message);
}

#[test]
fn a_byte_order_mark() {
    let message = "file starts with a byte-order mark, expected plain text, found the bytes EF BB BF\n\
                   hint: NEURON's importer would lose the first line, or the whole file: save the file without the \
                   mark";
    refused(MorphologyFormat::Swc, format!("\u{feff}{SWC}"), message);
    refused(MorphologyFormat::Asc, format!("\u{feff}{ASC}"), message);
}

#[test]
fn a_coordinate_that_is_not_finite() {
    let message =
        |value: &str| format!("line[4]: coordinate or diameter is not finite, expected a number, found `{value}`");
    swc_refused("4 3 nan 0 0 1 3\n", &message("NaN"));
    swc_refused("4 3 0 -inf 0 1 3\n", &message("-inf"));
    swc_refused("4 3 0 0 1e39 1 3\n", &message("inf"));
    swc_refused("4 3 0 0 0 3e38 3\n", &message("inf")); // the diameter is twice as much
    asc_refused("((Axon) (1 NaN 2 3) (1 2 3 4))", &message("NaN"));
    asc_refused("((Axon) (inf 1 2 3) (1 2 3 4))", &message("inf"));
    let mut numbers = points(6);
    numbers[4 * 4 + 1] = f32::NAN;
    let message = "points[4]: coordinate or diameter is not finite, expected a number, found `NaN`";
    h5_refused(&numbers, &[[0, 1, -1], [3, 3, 0]], message);
}

#[test]
fn a_word_for_a_number() {
    let message = |word: &str| format!("line[4]: wrong coordinate or diameter, expected a number, found `{word}`");
    swc_refused("4 3 one 0 0 1 3\n", &message("one"));
    swc_refused("4 3 1,5 0 0 1 3\n", &message("1,5"));
    swc_refused("4 3 0 0 0 1.2.3 3\n", &message("1.2.3"));
    swc_refused(&format!("4 3 {} 0 0 1 3\n", "a".repeat(1000)), &message(&"a".repeat(40)));
    asc_refused("((Axon) (1 two 2 3) (1 2 3 4))", &message("two"));
    asc_refused("((Axon) (1 2 2 -) (1 2 3 4))", &message("-"));
    let message = "line[4]: wrong id, expected an integer from 0 to 16777216, found `";
    swc_refused("four 3 0 0 0 1 3\n", &format!("{message}four`"));
    swc_refused("-4 3 0 0 0 1 3\n", &format!("{message}-4`"));
    swc_refused("16777217 3 0 0 0 1 3\n", &format!("{message}16777217`"));
    swc_refused("4.5 3 0 0 0 1 3\n", &format!("{message}4.5`"));
    swc_refused("4 3 0 0 0 1 2.5\n", "line[4]: wrong parent, expected the id of a sample or -1, found `2.5`");
    swc_refused("4 3 0 0 0 1 -2\n", "line[4]: wrong parent, expected the id of a sample or -1, found `-2`");
}

#[test]
fn a_line_with_too_few_columns() {
    let message = "line[5]: too few columns, expected 7 (id, type, x, y, z, radius, parent), found 6\n\
                   hint: NEURON's importer drops a line that it cannot parse, and everything that is connected to the \
                   sample";
    swc_refused("\n4 3 9 9 0 1\n", message);
    swc_refused("\n4 3 9 9 0 1 # 3\n", message);
}

#[test]
fn a_point_with_too_few_or_too_many_numbers() {
    let message = "line[5]: point has too few numbers, expected 3 or 4 (x, y, z, diameter), found 2\n\
                   hint: NEURON's importer stops here, and returns an empty cell";
    asc_refused("((Axon)\n (1 2) (1 2 3 4))", message);
    asc_refused("((Axon)\n (1 2 3 4 5))", "line[5]: unexpected token, expected `)`, found `5`");
    asc_refused("((Axon)\n (1 2 3 4\n (1 2 3 4))", "line[6]: unexpected token, expected `)`, found `(`");
    asc_refused("((Axon)\n (1 2 (1 2 3 4))", "line[5]: unexpected token, expected a number, found `(`");
    asc_refused("((Axon)\n (1, 2, 3, 4))", "line[5]: wrong coordinate or diameter, expected a number, found `,`");
}

#[test]
fn an_unknown_parent() {
    let message = "unknown parent, expected the id of a sample or -1, found";
    let hint = "hint: NEURON's importer would connect the sample to another one: correct the parent";
    swc_refused("5 3 9 9 0 1 4\n", &format!("line[4]: {message} `4`\n{hint}"));
    swc_refused("4 3 9 9 0 1 9\n", &format!("line[4]: {message} `9`\n{hint}"));
    let wrong = |row: usize, expected: &str, found: i32| {
        format!("structure[{row}]: wrong parent, expected {expected}, found `{found}`")
    };
    let soma = [0, 1, -1];
    h5_refused(&points(9), &[soma, [3, 3, 0], [6, 3, 5]], &wrong(2, "0 (a root) to 1", 5));
    h5_refused(&points(9), &[soma, [3, 3, 2], [6, 3, 0]], &wrong(1, "0 (a root) to 0", 2)); // before its parent
    h5_refused(&points(9), &[soma, [3, 3, 1], [6, 3, 0]], &wrong(1, "0 (a root) to 0", 1)); // its own
    h5_refused(&points(9), &[soma, [3, 3, -1], [6, 3, 0]], &wrong(1, "0 (a root) to 0", -1)); // not at the soma
    h5_refused(&points(9), &[[0, 3, -1], [6, 3, -2]], &wrong(1, "-1 (a root) to 0", -2));
}

#[test]
fn samples_out_of_order() {
    let hint = "hint: NEURON's importer cannot read such a file: sort the samples, parents before children, and \
                renumber them";
    let order = |line: u64, before: u32, found: u32| {
        format!("line[{line}]: ids do not ascend, expected an id above `{before}`, found `{found}`\n{hint}")
    };
    swc_refused("3 3 9 9 0 1 2\n", &order(4, 3, 3)); // twice
    swc_refused("4 3 9 9 0 1 3\n2 3 9 9 9 1 4\n", &order(5, 4, 2));
    let parent = |line: u64, id: u32, parent: u32| {
        let message = "parent does not come before its child, expected an id below";
        format!("line[{line}]: {message} `{id}`, found `{parent}`\n{hint}")
    };
    swc_refused("4 3 9 9 0 1 4\n", &parent(4, 4, 4));
    swc_refused("4 3 9 9 0 1 5\n5 3 9 9 9 1 3\n", &parent(4, 4, 5));
}

#[test]
fn samples_that_the_simulator_runs_together() {
    // sample 3 at the soma has a later child, and the next line is not one of its children
    let text = "1 1 0 0 0 5 -1\n2 3 5 0 0 1 1\n3 3 -5 0 0 1 1\n4 3 9 0 0 1 2\n5 3 -9 0 0 1 3\n6 3 -9 9 0 1 3\n";
    let message = "line[4]: samples are not in depth-first order, expected a child of sample `3` in the line that follows \
                   it, found sample `4`, whose parent is another\nhint: NEURON's importer would join the two into one \
                   section: write the samples depth first";
    refused(MorphologyFormat::Swc, text, message);
}

#[test]
fn two_somata() {
    let message = "morphology has two somata, expected one, found a second one";
    let hint = "hint: the simulator would create a soma section for each, far from the other: keep one in the file";
    swc_refused("4 1 99 0 0 5 -1\n", &format!("line[4]: {message}\n{hint}"));
    // side by side; contours that overlap are one
    let second = "(\"CellBody\"\n  (50 5 0 0) (55 0 0 0) (50 -5 0 0))\n";
    asc_refused(&format!("\n{second}"), &format!("line[5]: {message}\n{hint}"));
    h5_refused(&points(9), &[[0, 1, -1], [3, 1, 0], [6, 3, 0]], &format!("structure[1]: {message}"));
    h5_refused(
        &points(9),
        &[[0, 3, -1], [3, 1, -1]],
        "structure[1]: soma comes late, expected type 1 in row 0 only, found it here",
    );
}

#[test]
fn a_soma_on_a_neurite_or_behind_one() {
    swc_refused(
        "4 1 0 0 0 1 3\n",
        "line[4]: soma grows from a neurite, expected a soma sample or -1 as parent, found `3`\n\
         hint: NEURON's importer would create another soma section on the neurite: correct the type",
    );
    refused(
        MorphologyFormat::Swc,
        "1 3 9 0 0 1 -1\n2 3 5 0 0 1 1\n3 1 0 0 0 5 -1\n",
        "line[3]: soma comes late, expected type 1 in the first sample, found the first soma sample here\n\
         hint: NEURON's importer would draw a wire from the first sample: start the file with the soma",
    );
}

#[test]
fn a_soma_that_encloses_nothing() {
    let message = "line[1]: cell body branches, expected a contour, found a branching";
    refused(MorphologyFormat::Asc, "(\"CellBody\" (1 2 3 0) ((1 2 3 0) | (2 3 4 0)))", message);
    let message = "soma contour is too short, expected at least 3 points, found";
    let hint = "hint: the simulator would create no soma from it, or one without a length: draw the outline";
    for (points, found) in [("(1 2 3 0)", 1), ("(1 2 3 0) (2 2 3 0)", 2)] {
        refused(
            MorphologyFormat::Asc,
            format!("\n(\"CellBody\" {points})"),
            &format!("line[2]: {message} {found}\n{hint}"),
        );
    }
    h5_refused(&points(4), &[[0, 1, -1], [1, 3, 0]], &format!("structure[0]: {message} 1"));
    h5_refused(&points(4), &[[0, 1, -1], [2, 3, 0]], &format!("structure[0]: {message} 2"));
    let message = "line[1]: soma contour has no area, expected an outline, found points on a line\n\
                   hint: NEURON's importer finds no centre line in it, and stops";
    refused(MorphologyFormat::Asc, "(\"CellBody\" (0 0 0 0) (1 2 3 0) (2 4 6 0) (-1 -2 -3 0))", message);
    refused(MorphologyFormat::Asc, "(\"CellBody\" (1 1 0 0) (1 1 0 0) (1 1 0 0))", message);
    refused(
        MorphologyFormat::Swc,
        "1 1 0 0 0 0 -1\n2 1 0 0 0 0 1\n3 1 0 0 0 0 1\n4 3 5 0 0 1 1\n5 3 9 0 0 1 4\n",
        "line[1]: soma of three samples has no extent, expected a radius above 0, found 0\n\
         hint: NEURON's importer stops here: give the soma's samples their radius",
    );
}

#[test]
fn an_unknown_section_type() {
    let hint = "\nhint: NEURON's importer stops at other types: give the neurite one of these, or remove its samples";
    for found in ["0", "5", "-1", "axon", "3.5"] {
        let message = "line[4]: unknown section type, expected 1 (soma), 2 (axon), 3 (basal) or 4 (apical), found";
        swc_refused(&format!("4 {found} 9 9 0 1 3\n"), &format!("{message} `{found}`{hint}"));
    }
    for found in [0, 5, -7] {
        let message = "structure[1]: unknown section type, expected 2 (axon), 3 (basal) or 4 (apical), found";
        h5_refused(&points(6), &[[0, 1, -1], [3, found, 0]], &format!("{message} `{found}`"));
    }
    let message =
        "line[4]: unknown section type, expected `(Axon)`, `(Dendrite)` or `(Apical)` before the first point, found";
    let hint =
        "hint: NEURON's importer ignores the tree: give it one of these types, as its last property, or remove it";
    let points = "(5 0 0 1) (9 0 0 1))";
    for (header, found) in [
        ("(Color Red) (Dendrit)", "`(Dendrit)`"),
        ("(dendrite)", "`(dendrite)`"),
        ("(Dendrite) (Color Red)", "`(Color)`"), // the last property counts
        ("(Color RGB (1, 2, 3))", "`(Color)`"),
        ("", "none"),
    ] {
        asc_refused(&format!("({header} {points}"), &format!("{message} {found}\n{hint}"));
    }
    let message = "line[4]: neurite has a label, expected the block to begin with a list, found `\"Tree 1\"`\n\
                   hint: NEURON's importer ignores the tree: remove the label";
    asc_refused(&format!("(\"Tree 1\" (Dendrite) {points}"), message);
}

#[test]
fn a_cell_body_without_its_label() {
    let message =
        "line[1]: unknown label of a cell body, expected `\"CellBody\"`, `\"Cell Body\"` or `\"Soma\"`, found";
    let hint = "hint: NEURON's importer ignores the contour: give the block this label";
    for (header, found) in [
        ("(CellBody)", "none"),
        ("(Color Red) (Cell Body)", "none"),
        ("\"cell body\"", "`\"cell body\"`"),
        ("\"My cell\" (CellBody)", "`\"My cell\"`"),
    ] {
        let block = format!("({header} (0 5 0 0) (5 0 0 0) (0 -5 0 0))");
        refused(MorphologyFormat::Asc, block, &format!("{message} {found}\n{hint}"));
    }
}

#[test]
fn brackets_that_do_not_match() {
    let end = "`(` is not closed, expected `)`, found the end of the file";
    asc_refused("((Axon) (1 2 3 4)\n ((2 2 3 4)\n |(1 2 3 5)\n)", &format!("line[4]: {end}"));
    asc_refused("((Axon) (1 2 3 4)\n ((2 2 3 4)\n |(1 2 3 5)\n", &format!("line[5]: {end}"));
    asc_refused("((Axon)\n (Color Red", &format!("line[5]: {end}"));
    asc_refused("\n((Axon)", &format!("line[5]: {end}"));
    asc_refused("(Thumbnail (1 2)\n", &format!("line[4]: {end}"));
    asc_refused("((Axon) (1 2 3 4)\n )\n)\n", "line[6]: unexpected token, expected `(`, found `)`");
    let found = |what| format!("`(` is not closed, expected `)`, found {what}");
    // the next block begins inside
    let axon = "((Axon) (1 2 3 4) (1 2 3 5)\n";
    asc_refused(
        &format!("{axon}((Color Red) (Dendrite) (1 2 3 4)))"),
        &format!("line[4]: {}", found("`(Dendrite)` in line 5")),
    );
    asc_refused(
        &format!("{axon}(\"CellBody\" (Color Red)))"),
        &format!("line[4]: {}", found("`\"CellBody\"` in line 5")),
    );
    let branch = "(\n (1 2 3 6)\n | (1 2 3 7)\n";
    asc_refused(
        &format!("{axon}{branch}((Dendrite) (1 2 3 4)))"),
        &format!("line[5]: {}", found("`(Dendrite)` in line 8")),
    );
    let message = |mark| format!("line[5]: `{mark}` is not closed, expected");
    asc_refused("((Axon) (1 2 3 4)\n\"a)\n", &format!("{} `\"`, found the end of the line", message('"')));
    asc_refused("((Axon) (1 2 3 4)\n<(Color Red)\n", &format!("{} `>`, found the end of the file", message('<')));
}

#[test]
fn what_has_no_meaning_where_it_stands() {
    let unexpected =
        |expected: &str, found: &str| format!("line[4]: unexpected token, expected {expected}, found {found}");
    refused(MorphologyFormat::Asc, SWC, "line[1]: unexpected token, expected `(`, found `1`");
    asc_refused("((Axon) (1 2 3 4) | (1 2 3 5))", &unexpected("`(` or `)`", "`|`"));
    asc_refused("((Axon) (1 2 3 4) ())", &unexpected("a number, a word or `(`", "`)`"));
    asc_refused("(1 2 3 4)", &unexpected("a list, a label or a word", "`1`"));
    asc_refused("(\"a\" (1 2 3 4) <(1 2 3 4)>)", &unexpected("`(` or `)`", "`<`"));
    asc_refused("((Axon) (1 2 3 4) <1 2 3 4> (1 2 3 5))", &unexpected("`(`", "`1`"));
    asc_refused("((Axon) (1 2 3 4) <(1 2 3 4) (1 2 3 5)>)", &unexpected("`>`", "`(`"));
}

#[test]
fn what_the_simulators_importer_gives_up_on() {
    let hint = "hint: NEURON's importer stops here, and returns an empty cell";
    let branch = |inside: &str, found: &str| {
        let text = format!("((Axon) (1 2 3 4) (1 2 3 5)\n ({inside} | (1 2 3 7)))");
        asc_refused(&text, &format!("line[5]: {found}\n{hint}"));
    };
    let late = |found: &str, before: &str, expected: &str| format!("{found} follows {before}, expected {expected}");
    let end = "`|` or `)`";
    let (p, marker) = ("(1 2 3 6)", "(Cross (Color Red) (1 2 3 4))");
    branch(&format!("{p} (Color Red) {p}"), &late("a point", "a property", "a property, a branching, `|` or `)`"));
    branch(&format!("{p} {marker} <{p}>"), &late("a spine", "a property", "a property, a branching, `|` or `)`"));
    branch(&format!("{p} Normal {p}"), &late("a point", "the end of a branch", end));
    branch(&format!("{p} Normal Low"), &late("a word", "the end of a branch", end));
    branch(&format!("{p} ({p}|{p}) {p}"), &late("a point", "a branching", end));
    branch(&format!("{p} ({p}|{p}) ({p}|{p})"), &late("a branching", "a branching", end));
    branch(&format!("{p} ({p}|{p}) Normal"), &late("a word", "a branching", end));
    let missing = |found: &str| format!("points are missing, expected at least 1, found {found}");
    branch("(Color Red)", &missing("`|`"));
    branch("(Color Red) (Color Red)", &missing("a property"));
    branch(&format!("{marker} {p}"), &missing("a marker"));
    branch(&format!("(({p}|{p}))"), &missing("a branching"));
    for (block, found) in
        [("()", "`)`"), ("((Axon))", "`)`"), ("(\"Pia\")", "`)`"), ("((Axon) ((1 2 3 4)))", "a branching")]
    {
        asc_refused(block, &format!("line[4]: {}\n{hint}", missing(found)));
    }
    asc_refused(&format!("({marker} (Axon) {p})"), &format!("line[4]: {}\n{hint}", missing("a marker")));
}

#[test]
fn branches_nested_without_end() {
    let mut text = String::from("((Axon) (0 0 0 1)");
    (1..=100_001).for_each(|i| write!(text, "\n(({i} 0 0 1)").unwrap());
    asc_refused(&text, "line[100005]: branches are nested too deeply, expected at most 100000 levels, found more");
    asc_refused(
        &format!("(\"a\" {}", "(b ".repeat(100_000)),
        "line[4]: annotation cannot be read, expected names, numbers, texts without `@` and colours, or points after \
         properties, found `(`\n\
         hint: NEURON's importer stops here, and returns an empty cell",
    );
}

/// n points at (i, 0, 0), of diameter 1.
fn points(n: u8) -> Vec<f32> {
    (0..n).flat_map(|i| [f32::from(i), 0.0, 0.0, 1.0]).collect()
}

#[track_caller]
fn h5_refused(points: &[f32], structure: &[[i32; 3]], message: &str) {
    let folder = support::scratch();
    let path = folder.path().join("cell.h5");
    let file = Hdf5File::create(&path).unwrap();
    file.write_dataset("points", points, &[points.len() / 4, 4]).unwrap();
    file.write_dataset("structure", structure.as_flattened(), &[structure.len(), 3]).unwrap();
    file.close().unwrap();
    let error = read(&path, MorphologyFormat::H5v1).unwrap_err();
    assert_eq!(without(folder.path(), &error.to_string()), format!("cell.h5: {message}"));
}

#[test]
fn sections_whose_first_points_are_out_of_order() {
    let wrong = |row: usize, expected: &str, found: i32| {
        format!("structure[{row}]: wrong first point, expected {expected}, found `{found}`")
    };
    h5_refused(&points(9), &[[1, 1, -1], [3, 3, 0]], &wrong(0, "0", 1));
    h5_refused(&points(9), &[[0, 1, -1], [-3, 3, 0]], &wrong(1, "0 to 8", -3));
    h5_refused(&points(9), &[[0, 1, -1], [3, 3, 0], [9, 3, 0]], &wrong(2, "4 to 8", 9));
    h5_refused(&points(9), &[[0, 1, -1], [5, 3, 0], [4, 3, 0]], &wrong(2, "6 to 8", 4));
    h5_refused(&points(9), &[[0, 1, -1], [5, 3, 0], [5, 3, 0]], &wrong(2, "6 to 8", 5));
}

#[test]
fn types_that_the_simulator_would_run_together() {
    let message = |kind: &str| {
        format!(
            "structure: types interleave, expected all {kind} sections consecutively in MorphIO's order, found them \
             separated"
        )
    };
    let soma = [0, 1, -1];
    // a dendrite that continues after its axon; an axon at the soma and one on a dendrite
    h5_refused(&points(9), &[soma, [3, 3, 0], [5, 2, 1], [7, 3, 2]], &message("dend"));
    h5_refused(&points(9), &[soma, [3, 3, 0], [5, 2, 1], [7, 2, 0]], &message("axon"));
}

#[test]
fn tables_of_another_shape_or_type() {
    let folder = support::scratch();
    let path = folder.path().join("cell.h5");
    let refuse = |message: &str| {
        let error = read(&path, MorphologyFormat::H5v1).unwrap_err();
        assert_eq!(without(folder.path(), &error.to_string()), format!("cell.h5: {message}"));
    };
    let file = Hdf5File::create(&path).unwrap();
    file.write_dataset("structure", &[0_i32, 1, -1, 3], &[2, 2]).unwrap();
    file.close().unwrap();
    refuse("points: missing, expected a dataset; the nearest group `/` has `structure`");
    let file = Hdf5File::create(&path).unwrap();
    file.write_dataset("points", &[0.0_f32; 6], &[2, 3]).unwrap();
    file.close().unwrap();
    refuse("points: wrong shape, expected [n, 4], found [2, 3]");
    let file = Hdf5File::create(&path).unwrap();
    file.write_dataset("points", &points(9), &[9, 4]).unwrap();
    file.write_dataset("structure", &[0_i32, 1, -1, 3], &[4]).unwrap();
    file.close().unwrap();
    refuse("structure: wrong shape, expected [n, 3], found [4]");
    let file = Hdf5File::create(&path).unwrap();
    file.write_dataset("points", &points(9), &[9, 4]).unwrap();
    file.write_dataset("structure", &[0.5_f32, 1.0, -1.0], &[1, 3]).unwrap();
    file.close().unwrap();
    refuse("structure: wrong type, expected integers, found float32");
    let file = Hdf5File::create(&path).unwrap();
    file.allocate_dataset::<f32>("points", &[(1 << 24) + 1, 4]).unwrap();
    file.close().unwrap();
    refuse("points: wrong shape, expected at most 16777216 rows, found [16777217, 4]");
}

#[test]
fn a_name_that_is_not_in_the_container() {
    let folder = support::scratch();
    let path = folder.path().join("cells.h5");
    let file = Hdf5File::create(&path).unwrap();
    ["b", "a", "rat", "rat/c1"].iter().for_each(|name| file.create_group(name).unwrap());
    file.write_dataset("rat/c1/points", &points(9), &[9, 4]).unwrap();
    file.write_dataset("rat/c1/structure", &[0_i32, 1, -1, 3, 3, 0, 6, 9, 1], &[3, 3]).unwrap();
    file.close().unwrap();
    let container = MorphologyContainer::open(&path).unwrap();
    let refuse = |name: &str, message: &str| {
        let error = container.read(name).unwrap_err();
        assert_eq!(without(folder.path(), &error.to_string()), message);
    };
    refuse("c", "cells.h5: c: missing, expected a group; the nearest group `/` has `a`, `b`, `rat`");
    refuse("rat/c2", "cells.h5: rat/c2: missing, expected a group; the nearest group `rat` has `c1`");
    refuse("a", "cells.h5: a/points: missing, expected a dataset; the nearest group `a` has none");
    let message = "unknown section type, expected 2 (axon), 3 (basal) or 4 (apical), found `9`";
    refuse("rat/c1", &format!("cells.h5: rat/c1/structure[2]: {message}"));
}

#[test]
fn a_fault_of_a_morphology_in_a_container_names_the_morphology() {
    let folder = support::scratch();
    let path = folder.path().join("cells.h5");
    let file = Hdf5File::create(&path).unwrap();
    file.create_group("c1").unwrap();
    file.write_dataset("c1/points", &points(3), &[3, 4]).unwrap();
    file.write_dataset("c1/structure", &[0_i32, 3, -1], &[1, 3]).unwrap();
    file.close().unwrap();
    let error = MorphologyContainer::open(&path).unwrap().read("c1").unwrap_err();
    let message = "cells.h5/c1: morphology has no soma, expected a soma and neurites, found neurites only";
    assert_eq!(without(folder.path(), &error.to_string()), message);
}
