//! Morphology readers: the results for small files are derived by hand here, and h5v1 and other files are read bit for
//! bit as MorphIO reads them. `importer` compares SWC and ASC of every form with NEURON.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use leadfield::io::hdf5::Hdf5File;
use leadfield::morphology::{ImporterNote, Morphology, MorphologyContainer, MorphologyFormat, Soma, SomaForm, read};
use proptest::prelude::*;

use crate::support;

/// SWC files of every form, by name.
pub const SWC: [(&str, &str); 26] = [
    ("point_soma", "1 1 0 0 0 5 -1\n2 3 5 0 0 1 1\n3 3 9 0 0 1 2\n4 2 -5 0 0 .5 1\n5 2 -9 0 0 .25 4\n"),
    ("three_points", "1 1 0 0 0 5 -1\n2 1 0 -5 0 5 1\n3 1 0 5 0 5 1\n4 3 5 0 0 1 1\n5 3 9 0 0 1 4\n"),
    ("three_point_chain", "1 1 0 0 0 5 -1\n2 1 0 3 0 4 1\n3 1 0 5 0 3 2\n4 3 5 0 0 1 3\n5 3 9 0 0 1 4\n"),
    ("cylinders", "1 1 0 0 0 5 -1\n2 1 1 0 0 6 1\n3 1 2 0 0 6 2\n4 1 3 0 0 4 3\n5 3 5 0 0 1 2\n6 3 9 0 0 1 5\n"),
    ("two_point_soma", "1 1 0 0 0 5 -1\n2 1 1 0 0 6 1\n5 3 5 0 0 1 2\n6 3 9 0 0 1 5\n"),
    (
        "contour_like_soma",
        "1 1 5 0 0 .1 -1\n2 1 3 4 0 .1 1\n3 1 0 5 0 .1 2\n4 1 -4 3 0 .1 3\n5 1 -5 0 0 .1 4\n6 1 -3 -4 0 .1 5\n\
         7 1 0 -5 0 .1 6\n8 1 4 -3 0 .1 7\n9 3 6 0 0 1 1\n10 3 9 0 0 1 9\n11 3 -6 0 0 1 5\n12 3 -9 0 0 1 11\n",
    ),
    (
        "fork_of_the_first_soma_sample",
        "1 1 0 0 0 5 -1\n2 1 1 0 0 5 1\n3 1 2 0 0 4 2\n4 1 -1 0 0 5 1\n5 3 5 0 0 1 3\n6 3 9 0 0 1 5\n",
    ),
    (
        // branch by branch from the root on, not depth first
        "breadth_first",
        "1 1 0 0 0 5 -1\n2 3 5 0 0 1 1\n3 3 9 0 0 1 2\n4 3 9 9 0 1 3\n5 3 9 -9 0 1 3\n6 3 15 9 0 1 4\n7 3 9 15 0 1 4\n\
         8 3 15 -9 0 1 5\n9 3 9 -15 0 1 5\n",
    ),
    (
        // the dendrite's first sample has a child in the next line and one behind the axon
        "fork_at_the_first_sample",
        "1 1 0 0 0 5 -1\n2 2 0 -5 0 1 1\n3 2 0 -9 0 1 2\n4 3 5 0 0 1 1\n5 3 9 9 0 1 4\n6 3 9 15 0 1 5\n7 2 0 -15 0 1 3\n\
         8 3 9 -9 0 2 4\n9 3 9 -15 0 2 8\n",
    ),
    (
        // neurites on the first, an inner and the last sample of a chain, each of two samples and of one
        "on_a_chain",
        "1 1 0 -4 0 3 -1\n2 1 0 0 0 5 1\n3 1 0 4 0 3 2\n4 2 0 -9 0 1 1\n5 2 0 -15 0 1 4\n6 3 7 0 0 1 2\n7 3 15 0 0 1 6\n\
         8 4 0 9 0 1 3\n9 4 0 15 0 1 8\n10 3 7 -9 0 1 1\n11 3 -7 0 0 1 2\n12 3 7 9 0 1 3\n",
    ),
    (
        // two soma samples on the second one: three sections
        "soma_that_branches",
        "1 1 0 -4 0 3 -1\n2 1 0 0 0 5 1\n3 1 0 4 0 3 2\n4 1 4 0 0 3 2\n5 3 0 9 0 1 3\n6 3 0 15 0 1 5\n7 3 -7 0 0 1 2\n\
         8 3 -15 0 0 1 7\n9 2 -7 -7 0 1 2\n",
    ),
    ("three_points_off", "1 1 0 0 0 5 -1\n2 1 0 -5.2 0 5 1\n3 1 0 4.6 0 5 1\n4 3 5 0 0 1 1\n5 3 9 0 0 1 4\n"),
    ("numbers_as_floats", "1.0 1.0 0 0 0 5 0.0\n2.0 3.0 5 0 0 1 1.0\n3e0 3 9 0 0 1 2.0\n"),
    ("lines_end_with_cr", "# made by hand\r1 1 0 0 0 5 -1\r2 3 5 0 0 1 1 # more\r3 3 9 0 0 1 2\r"),
    ("soma_only", "1 1 0 0 0 5 -1\n"),
    ("gaps_in_ids", "100 1 0 0 0 5 -1\n107 3 5 0 0 1 100\n16777215 3 9 0 0 1 107\n16777216 3 9 9 9 2 16777215\n"),
    (
        "type_changes",
        "1 1 0 0 0 5 -1\n2 3 5 0 0 1 1\n3 3 9 0 0 1 2\n4 2 12 0 0 .5 3\n5 2 15 0 0 .5 4\n6 3 16 1 0 1 5\n",
    ),
    (
        "comments_and_columns",
        "# made by hand\r\n\r\n \t# indented\r\n  1\t1 0 0 0 5 -1 17 # more\r\n\n2 3 5 0 0 1 1 a b c\n3 3 9 0 0 1 2\r\n \n",
    ),
    ("neurite_apart", "1 1 0 0 0 5 -1\n2 2 40 0 0 1 -1\n3 2 50 0 0 1 2\n4 3 5 0 0 1 1\n5 3 9 0 0 1 4\n"),
    ("lone_sample", "1 1 0 0 0 5 -1\n2 2 40 0 0 1 -1\n4 3 5 0 0 1 1\n5 3 9 0 0 1 4\n"),
    (
        "repeated_point",
        "1 1 0 0 0 5 -1\n2 3 5 0 0 1 1\n3 3 9 0 0 1 2\n4 3 9 0 0 .5 3\n5 3 9 9 0 .5 4\n6 3 9 0 0 .5 3\n7 3 8 0 0 1 6\n8 3 7 0 0 1 6\n",
    ),
    (
        "axon_on_dendrite",
        "1 1 0 0 0 5 -1\n2 3 5 0 0 1 1\n3 3 9 0 0 1 2\n4 2 9 3 0 .5 3\n5 2 9 9 0 .5 4\n6 3 15 0 0 1 3\n",
    ),
    (
        "apical_first",
        "1 1 0 0 0 5 -1\n2 4 0 5 0 1 1\n3 4 0 9 0 1 2\n4 4 3 12 0 1 3\n5 4 -3 12 0 1 3\n6 3 5 0 0 1 1\n7 3 9 0 0 1 6\n\
         8 2 0 -5 0 1 1\n9 2 0 -9 0 1 8\n10 3 -5 0 0 1 1\n11 3 -9 0 0 1 10\n12 2 1 -5 0 1 1\n13 2 1 -9 0 1 12\n",
    ),
    (
        "digits",
        "1 1 +0.1 -.2 3e-1 5.00000001 -1\n2 3 16777217 1.00000006 1e-45 0.333333333333333333333 1\n\
         3 3 123456.789e3 -7.0064923216240854e-46 9.9999999E+3 3.4e-38 2\n",
    ),
    (
        "many_soma_parents",
        "1 1 0 0 0 5 -1\n2 1 1 0 0 5 1\n3 3 5 0 0 1 2\n4 3 9 0 0 1 3\n5 3 -5 0 0 1 1\n6 3 -9 0 0 1 5",
    ),
    ("trifurcation", "1 1 0 0 0 5 -1\n2 3 5 0 0 1 1\n3 3 9 0 0 1 2\n4 3 9 3 0 1 3\n5 3 9 -3 0 2 3\n6 3 9 0 3 3 3\n"),
];

/// A contour and the start of a dendrite.
pub const SOMA: &str = "(\"CellBody\" (Color Red) (CellBody) (0 5 0 0) (5 0 0 0) (0 -5 0 0) (-5 0 0 0))\n";

/// Neurolucida files of every form, by name; [`SOMA`] precedes each except those whose name starts with `own`.
pub const ASC: [(&str, &str); 21] = [
    ("one_dendrite", "((Dendrite) (5 0 0 1) (9 0 0 7.5e-1))"),
    (
        "types",
        "((Apical)(0 5 0 1)(0 9 0 2))((Axon)(0 -5 0 1)(0 -9 0 2))((Dendrite)(5 0 0 1)(9 0 0 2))((Axon)(1 -5 0 1)(1 -9 0 2))",
    ),
    ("branching", "((Dendrite) (5 0 0 1) (9 0 0 1) ((9 3 0 0.5) (9 9 0 0.5) | (9 -3 0 0.25) (9 -9 0 0.5)))"),
    (
        "nested",
        "((Dendrite) (5 0 0 1) (9 0 0 1)\n ( (9 3 0 2) (9 9 0 2)\n  ( (9 12 0 3) | (12 9 0 4)\n   ( (13 9 0 5) | (13 10 0 6) | (13 11 0 7) )\n\
         )\n |\n (9 -9 0 8) )\n)",
    ),
    ("copied_point", "((Dendrite) (5 0 0 1) (9 0 0 1) ((9 0 0 2) (9 9 0 2) | (9 -0 0 3) (9 -9 0 3)))"),
    (
        "copied_point_alone",
        "((Dendrite) (5 0 0 1) (9 0 0 1) ((9 0 0 2) | (9 -9 0 3) ((9 -9 0 3) ((1 2 3 4) | (4 3 2 1)) | (9 9 9 9))))",
    ),
    ("single_child", "((Dendrite) (5 0 0 1) (9 0 0 1) ((10 0 0 2) (11 0 0 2) ((12 0 0 1) | (12 1 0 1))))"),
    (
        "trees_of_one_point",
        "((Axon) (0 -5 0 1) ((0 -9 0 1) (0 -12 0 1) | (3 -9 0 1)))((Apical) (0 5 0 1))((Dendrite) (5 0 0 1) (9 0 0 1))",
    ),
    ("points_without_diameters", "((Dendrite) (5 0 0) (9 0 0))"),
    (
        "markers",
        "(Dot (Color Red) (Name \"m\") (7 7 7 1))\n(Cross1 (1 2 3))\n\
         ((Dendrite) (5 0 0 1) (9 0 0 1) (OpenCircle (Color White) (Name \"x\") (6 6 6 1) (7 6 6 1)) (FilledStar2 (1 1 1 1)))",
    ),
    (
        "spines",
        "((Dendrite) (5 0 0 1) <(5 5 5 5)> (9 0 0 1) <  (Class 4 \"a>b\") (Color Red) (1 2 3 4)> (12 0 0 1) Normal)",
    ),
    (
        "properties",
        "((Color RGB (152, 251, 152)) (Closed) (FillDensity 0) (MBFObjectType 5) (Name \"a (b) | c\") (Resolution 0.5) (Dendrite)\n\
         (5 0 0 1) (9 0 0 1) (Color Red) (Generated 0))",
    ),
    (
        "endings",
        "((Dendrite)(5 0 0 1)(9 0 0 1)((10 0 0 1) Normal|(10 1 0 1) Incomplete|(10 2 0 1) Low|(10 3 0 1) High|(10 4 0 1) Generated\n\
         |(10 5 0 1) Midpoint|(10 6 0 1) Origin|(Color Red) (10 7 0 1) word))",
    ),
    (
        "preamble",
        "; V3 text file written for MicroBrightField products.\n(ImageCoords Filename \"a.tif\" Merge 65535)\n(Sections S1 \"a\" S2 \"b\")\n\
         (Thumbnail (Cols 2) (Rows 1) (00 11) )\n(Description \"\")\n((Dendrite) (5 0 0 1) (9 0 0 1))\n",
    ),
    ("comments", "((Dendrite) ; Root (\r\n (5 0 0 1) ; 1, 1\r\n (9 0 0 1) ; ) | <\r\n) ; end"),
    ("point_names", "((Dendrite) (5 0 0 1 S1) (9 0 0 1 S22))"),
    (
        "annotations",
        "(\"Pia\" (Color Blue) (Closed) (5 0 0 0) (9 9 9 0) (1 1 1 0))\n((Dendrite) (5 0 0 1) (9 0 0 1))\n(Closed)",
    ),
    (
        "digits",
        "((Dendrite) (+0.1 -0.2 3e-1 5.00000001) (16777217 1.00000006 1e-45 0.333333333333333333333) (9.99999E+3 0 -0 1))",
    ),
    ("own_label_only", "(\"Cell Body\" (0 5 0 0) (5 0 0 0) (0 -5 0 0))((Dendrite) (5 0 0 1) (9 0 0 1))"),
    ("own_two_words", "(\"Soma\" (Cell Body) (0 5 0 0) (5 0 0 0) (0 -5 0 0))((Dendrite) (5 0 0 1) (9 0 0 1))"),
    ("own_soma_last", "((Dendrite) (5 0 0 1) (9 0 0 1))(\"CellBody\" (0 5 0) (5 0 0) (0 -5 0))"),
];

/// `structure` of h5v1 files of every form, by name, for points (i, 1 / (i + 1), -i, i / 8).
const H5: [(&str, &[[i32; 3]]); 4] = [
    ("contour", &[[0, 1, -1], [3, 3, 0], [6, 2, 0], [9, 2, 2], [12, 2, 2], [15, 4, 0]]),
    ("single_child", &[[0, 1, -1], [3, 3, 0], [6, 3, 1], [9, 2, 0]]),
    ("types_that_change", &[[0, 1, -1], [3, 3, 0], [6, 3, 1], [9, 4, 0], [12, 4, 3], [15, 2, 4]]),
    ("axon_on_dendrite", &[[0, 1, -1], [3, 3, 0], [5, 3, 1], [7, 2, 2], [10, 2, 3]]),
];

pub fn write_asc(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(format!("{name}.asc"));
    let soma = if name.starts_with("own") { "" } else { SOMA };
    std::fs::write(&path, format!("{soma}{text}")).unwrap();
    path
}

pub fn write_text(folder: &Path, name: &str, text: &str) -> PathBuf {
    std::fs::write(folder.join(name), text).unwrap();
    folder.join(name)
}

/// Writes one morphology of [`H5`] into a group of a file, with points in float32.
fn write_h5(file: &Hdf5File, group: &str, structure: &[[i32; 3]]) {
    let points = (0..20_u8).map(f32::from).flat_map(|i| [i, 1.0 / (i + 1.0), -i, i / 8.0]);
    let at = |dataset: &str| format!("{group}/{dataset}");
    file.write_dataset(&at("points"), &points.collect::<Vec<_>>(), &[20, 4]).unwrap();
    file.write_dataset(&at("structure"), structure.as_flattened(), &[structure.len(), 3]).unwrap();
}

/// Returns the output of tests/morphologies.py.
fn dump(name: &str, cell: &Morphology) -> String {
    let bits = |points: &[[f32; 3]], diameters: &[f32]| {
        let numbers = points.iter().zip(diameters).flat_map(|(&[x, y, z], &d)| [x, y, z, d]);
        numbers.map(|v| format!("{:08x}", v.to_bits())).collect::<Vec<_>>().join(" ")
    };
    let soma = &cell.soma;
    let mut text = format!("file {name}\nsoma {:?} {}\n", soma.form, bits(&soma.points, &soma.diameters_um));
    for s in &cell.sections {
        let parent = s.parent.map_or("-".to_string(), |p| p.to_string());
        writeln!(text, "section {} {parent} {}", s.kind.name(), bits(&s.points, &s.diameters_um)).unwrap();
    }
    text
}

/// Compares each file with MorphIO. Names are files, or `container::name`.
fn assert_read_as_by_morphio(names: &[String]) {
    let python = std::env::var_os("LEADFIELD_PYTHON").expect("LEADFIELD_PYTHON names a Python that has morphio");
    let script = support::root().join("tests/morphologies.py");
    let output = Command::new(python).arg(script).args(names).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8(output.stdout).unwrap();
    let theirs: Vec<&str> = printed.split("file ").skip(1).collect();
    assert_eq!(theirs.len(), names.len());
    for (name, theirs) in names.iter().zip(theirs) {
        let cell = match name.split_once("::") {
            Some((container, name)) => MorphologyContainer::open(Path::new(container)).unwrap().read(name).unwrap(),
            None => read(Path::new(name), format_of(name)).unwrap(),
        };
        assert_eq!(dump(name, &cell), format!("file {theirs}"));
    }
}

fn format_of(name: &str) -> MorphologyFormat {
    let formats = [MorphologyFormat::Swc, MorphologyFormat::Asc, MorphologyFormat::H5v1];
    formats.into_iter().find(|f| name.ends_with(&format!(".{}", f.extension()))).unwrap()
}

/// Returns all files below a folder with this extension, sorted.
pub fn files_below(folder: &Path, extension: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()) {
        if entry.is_dir() {
            found.extend(files_below(&entry, extension));
        } else if entry.extension().is_some_and(|e| e == extension) {
            found.push(entry.to_str().unwrap().to_string());
        }
    }
    found.sort();
    found
}

#[test]
#[ignore = "needs LEADFIELD_PYTHON with morphio: make clients"]
fn h5v1_of_every_form_is_read_as_morphio_reads_it() {
    let folder = support::scratch();
    let mut paths: Vec<PathBuf> = Vec::new();
    for (name, structure) in H5 {
        paths.push(folder.path().join(format!("{name}.h5")));
        write_h5(&Hdf5File::create(paths.last().unwrap()).unwrap(), "", structure);
    }
    let mut names: Vec<String> = paths.iter().map(|p| p.to_str().unwrap().to_string()).collect();
    let container = folder.path().join("container.h5");
    write_container(&container);
    names.extend(H5.map(|(name, _)| format!("{}::{name}", container.display())));
    names.push(format!("{}::rat/l5/c1", container.display()));
    assert_read_as_by_morphio(&names);
}

#[test]
#[ignore = "needs LEADFIELD_PYTHON with morphio: make clients"]
fn the_golden_morphologies_are_read_as_morphio_reads_them() {
    let names = files_below(&support::golden(), "swc");
    assert!(names.len() >= 12, "{}", names.len());
    assert_read_as_by_morphio(&names);
}

#[test]
#[ignore = "needs LEADFIELD_PYTHON with morphio: make clients"]
fn the_synthesized_morphologies_are_read_as_morphio_reads_them() {
    let folder = support::scratch();
    let options = ["synthesize", "c", "--cells", "24", "--seed", "11", "--quiet"];
    support::leadfield_in(folder.path(), &options).ok();
    let below = folder.path().join("c/components/morphologies");
    let mut names: Vec<String> = ["swc", "asc"].iter().flat_map(|extension| files_below(&below, extension)).collect();
    names.extend(files_below(&below.join("h5v1"), "h5"));
    let merged = below.join("merged.h5");
    names.extend(
        Hdf5File::open(&merged)
            .unwrap()
            .member_names("/")
            .unwrap()
            .iter()
            .map(|n| format!("{}::{n}", merged.display())),
    );
    assert_eq!(names.len(), 4 * 24);
    assert_read_as_by_morphio(&names);
}

#[test]
#[ignore = "needs LEADFIELD_PYTHON with morphio and LEADFIELD_REAL_DATA"]
fn the_real_morphologies_are_read_as_morphio_reads_them() {
    let names = files_below(&support::real().expect("LEADFIELD_REAL_DATA names a folder"), "asc");
    assert!(!names.is_empty());
    assert_read_as_by_morphio(&names);
}

/// Writes all of [`H5`] into one file, and one of them into a subfolder.
fn write_container(path: &Path) {
    let file = Hdf5File::create(path).unwrap();
    for (name, structure) in H5 {
        file.create_group(name).unwrap();
        write_h5(&file, name, structure);
    }
    ["rat", "rat/l5", "rat/l5/c1"].iter().for_each(|g| file.create_group(g).unwrap());
    write_h5(&file, "rat/l5/c1", H5[0].1);
    file.close().unwrap();
}

/// Formats sections as `kind parent: x y z d, ...`, one per line.
fn outline(cell: &Morphology) -> String {
    let section = |s: &leadfield::morphology::Section| {
        let parent = s.parent.map_or("-".to_string(), |p| p.to_string());
        let points = s.points.iter().zip(&s.diameters_um).map(|([x, y, z], d)| format!("{x} {y} {z} {d}"));
        format!("{} {parent}: {}", s.kind.name(), points.collect::<Vec<_>>().join(", "))
    };
    cell.sections.iter().map(section).collect::<Vec<_>>().join("\n")
}

fn swc(name: &str) -> Morphology {
    let text = SWC.iter().find(|(n, _)| *n == name).unwrap().1;
    let folder = support::scratch();
    read(&write_text(folder.path(), "cell.swc", text), MorphologyFormat::Swc).unwrap()
}

fn asc(name: &str) -> Morphology {
    let text = ASC.iter().find(|(n, _)| *n == name).unwrap().1;
    let folder = support::scratch();
    read(&write_asc(folder.path(), name, text), MorphologyFormat::Asc).unwrap()
}

#[test]
fn an_swc_section_starts_with_its_parents_last_point_except_at_the_soma() {
    assert_eq!(
        outline(&swc("trifurcation")),
        "dend -: 5 0 0 2, 9 0 0 2\ndend 0: 9 0 0 2, 9 3 0 2\ndend 0: 9 0 0 2, 9 -3 0 4\ndend 0: 9 0 0 2, 9 0 3 6"
    );
    assert_eq!(swc("trifurcation").soma.points, [[0.0; 3]]);
}

#[test]
fn sections_without_length_are_left_out_with_a_note_and_their_children_keep_their_points() {
    let cell = swc("repeated_point");
    assert_eq!(
        outline(&cell),
        "dend -: 5 0 0 2, 9 0 0 2\ndend 0: 9 0 0 2, 9 0 0 1, 9 9 0 1\ndend 0: 9 0 0 1, 8 0 0 2\ndend 0: 9 0 0 1, 7 0 0 2"
    );
    assert_eq!(cell.notes, [ImporterNote::RemovedSections { sections: 1 }]);
    let text = "1 section of one point or without length left out, as the simulator's importer does";
    assert_eq!(cell.notes[0].to_string(), text);
    let cell = asc("trees_of_one_point");
    assert_eq!(
        outline(&cell),
        "axon -: 0 -5 0 1, 0 -9 0 1, 0 -12 0 1\naxon -: 0 -5 0 1, 3 -9 0 1\ndend -: 5 0 0 1, 9 0 0 1"
    );
    assert_eq!(cell.notes, [ImporterNote::RemovedSections { sections: 2 }]);
}

#[test]
fn swc_sections_are_numbered_by_their_first_samples() {
    assert_eq!(
        outline(&swc("breadth_first")),
        "dend -: 5 0 0 2, 9 0 0 2\ndend 0: 9 0 0 2, 9 9 0 2\ndend 0: 9 0 0 2, 9 -9 0 2\ndend 1: 9 9 0 2, 15 9 0 2\n\
         dend 1: 9 9 0 2, 9 15 0 2\ndend 2: 9 -9 0 2, 15 -9 0 2\ndend 2: 9 -9 0 2, 9 -15 0 2"
    );
}

#[test]
fn a_neurite_that_forks_at_its_first_sample_goes_on_to_the_next_line() {
    assert_eq!(
        outline(&swc("fork_at_the_first_sample")),
        "axon -: 0 -5 0 2, 0 -9 0 2\naxon 0: 0 -9 0 2, 0 -15 0 2\ndend -: 5 0 0 2, 9 9 0 2, 9 15 0 2\n\
         dend -: 5 0 0 2, 9 -9 0 4, 9 -15 0 4"
    );
}

#[test]
fn a_neurite_at_the_end_of_a_soma_chain_starts_there_and_one_at_an_inner_sample_only_if_it_has_one() {
    let cell = swc("on_a_chain");
    assert_eq!(
        outline(&cell),
        "axon -: 0 -4 0 2, 0 -9 0 2, 0 -15 0 2\ndend -: 7 0 0 2, 15 0 0 2\ndend -: 0 -4 0 2, 7 -9 0 2\n\
         dend -: 0 0 0 2, -7 0 0 2\ndend -: 0 4 0 2, 7 9 0 2\napic -: 0 4 0 2, 0 9 0 2, 0 15 0 2"
    );
    let starts: Vec<bool> = cell.sections.iter().map(|s| s.starts_at_soma).collect();
    assert_eq!(starts, [true, false, true, true, true, true]);
    assert_eq!(cell.soma.section_lengths_um(), [8.0]);
}

#[test]
fn a_soma_that_branches_or_is_off_has_several_sections() {
    let cell = swc("soma_that_branches");
    assert_eq!(cell.soma.section_lengths_um(), [4.0, 4.0, 4.0]);
    assert_eq!(cell.soma_section_count(), 3);
    assert_eq!(cell.notes, [ImporterNote::SomaSections { sections: 3 }]);
    let text = "soma of 3 sections, as the simulator's importer creates them from its samples";
    assert_eq!(cell.notes[0].to_string(), text);
    // the neurite of two samples at the fork starts at its own first one, that of one sample at the fork
    assert_eq!(
        outline(&cell),
        "axon -: 0 0 0 2, -7 -7 0 2\ndend -: 0 4 0 2, 0 9 0 2, 0 15 0 2\ndend -: -7 0 0 2, -15 0 0 2"
    );
    let off = swc("three_points_off").soma;
    assert!(
        off.section_lengths_um().iter().zip([5.2, 4.6]).all(|(a, b)| (a - b).abs() < 1e-6),
        "{:?}",
        off.section_lengths_um()
    );
    assert_eq!(swc("soma_only").soma.section_lengths_um(), [10.0]);
}

#[test]
fn numbers_and_line_ends_of_other_programs_are_read() {
    for name in ["numbers_as_floats", "lines_end_with_cr", "comments_and_columns"] {
        assert_eq!(outline(&swc(name)), "dend -: 5 0 0 2, 9 0 0 2", "{name}");
    }
    let folder = support::scratch();
    let text = format!("; by hand\n{SOMA}; a tree\n((Dendrite) (5 0 0 1) (9 0 0 1))").replace('\n', "\r");
    let cell = read(&write_text(folder.path(), "cell.asc", &text), MorphologyFormat::Asc).unwrap();
    assert_eq!(outline(&cell), "dend -: 5 0 0 1, 9 0 0 1");
}

#[test]
fn a_neurite_of_one_sample_starts_at_the_somas_centre() {
    let folder = support::scratch();
    let text = "1 1 1 0 0 5 -1\n2 3 5 0 0 1 1\n3 3 9 0 0 1 2\n4 3 5 9 0 1 2\n5 2 1 -8 0 .5 1\n";
    let cell = read(&write_text(folder.path(), "cell.swc", text), MorphologyFormat::Swc).unwrap();
    assert_eq!(
        outline(&cell),
        "axon -: 1 0 0 1, 1 -8 0 1\ndend -: 1 0 0 2, 5 0 0 2\ndend 1: 5 0 0 2, 9 0 0 2\ndend 1: 5 0 0 2, 5 9 0 2"
    );
}

#[test]
fn a_sample_without_a_parent_is_joined_to_the_first_one_with_a_note() {
    let cell = swc("lone_sample");
    assert_eq!(outline(&cell), "axon -: 0 0 0 2, 40 0 0 2\ndend -: 5 0 0 2, 9 0 0 2");
    assert_eq!(cell.notes, [ImporterNote::WireFromSoma { line: 2, length_um: 40.0 }]);
    let text =
        "line 2: sample without a parent, to which the simulator's importer draws a section of 40.0 µm from the soma";
    assert_eq!(cell.notes[0].to_string(), text);
    assert_eq!(outline(&swc("neurite_apart")), "axon -: 40 0 0 2, 50 0 0 2\ndend -: 5 0 0 2, 9 0 0 2");
    assert_eq!(swc("neurite_apart").notes, []);
}

#[test]
fn perimeters_and_other_tables_are_ignored() {
    let folder = support::scratch();
    let path = |name: &str| folder.path().join(name);
    for name in ["with.h5", "without.h5"] {
        let file = Hdf5File::create(&path(name)).unwrap();
        write_h5(&file, "", H5[0].1);
        if name == "with.h5" {
            file.write_dataset("perimeters", &[1.5_f32; 20], &[20]).unwrap();
            file.create_group("metadata").unwrap();
        }
        file.close().unwrap();
    }
    let [with, without] = ["with.h5", "without.h5"].map(|name| read(&path(name), MorphologyFormat::H5v1).unwrap());
    assert_eq!(with, without);
}

#[test]
fn a_change_of_type_starts_a_section_and_a_single_child_of_the_same_type_does_not() {
    assert_eq!(
        outline(&swc("type_changes")),
        "axon 1: 9 0 0 2, 12 0 0 1, 15 0 0 1\ndend -: 5 0 0 2, 9 0 0 2\ndend 0: 15 0 0 1, 16 1 0 2"
    );
}

#[test]
fn all_axon_sections_are_counted_also_those_on_a_dendrite() {
    assert_eq!(swc("type_changes").axon_section_count(), 1);
    assert_eq!(swc("apical_first").axon_section_count(), 2);
}

#[test]
fn neurites_are_ordered_axon_basal_apical_and_in_file_order_among_their_kind() {
    assert_eq!(
        outline(&swc("apical_first")),
        "axon -: 0 -5 0 2, 0 -9 0 2\naxon -: 1 -5 0 2, 1 -9 0 2\ndend -: 5 0 0 2, 9 0 0 2\ndend -: -5 0 0 2, -9 0 0 2\n\
         apic -: 0 5 0 2, 0 9 0 2\napic 4: 0 9 0 2, 3 12 0 2\napic 4: 0 9 0 2, -3 12 0 2"
    );
}

#[test]
fn types_never_interleave() {
    let kinds = |cell: &Morphology| cell.sections.iter().map(|s| s.kind.name()).collect::<Vec<_>>();
    assert_eq!(kinds(&swc("axon_on_dendrite")), ["axon", "dend", "dend"]);
    let folder = support::scratch();
    let path = folder.path().join("cell.h5");
    write_h5(
        &Hdf5File::create(&path).unwrap(),
        "",
        H5.iter().find(|(name, _)| *name == "types_that_change").unwrap().1,
    );
    let cell = read(&path, MorphologyFormat::H5v1).unwrap();
    // rows 5, 1 and 2, 3 and 4 of the structure, each with its parent's new index
    assert_eq!(kinds(&cell), ["axon", "dend", "dend", "apic", "apic"]);
    let parents: Vec<Option<usize>> = cell.sections.iter().map(|s| s.parent).collect();
    assert_eq!(parents, [Some(4), None, Some(1), None, Some(3)]);
}

#[test]
fn three_soma_points_are_neuromorphos_where_two_hang_on_the_first() {
    assert_eq!(swc("three_points").soma.form, SomaForm::ThreePoints);
    assert_eq!(swc("three_point_chain").soma.form, SomaForm::Cylinders);
}

#[test]
fn an_asc_branch_gets_its_parents_last_point_with_its_own_diameter() {
    assert_eq!(
        outline(&asc("branching")),
        "dend -: 5 0 0 1, 9 0 0 1\ndend 0: 9 0 0 0.5, 9 3 0 0.5, 9 9 0 0.5\ndend 0: 9 0 0 0.25, 9 -3 0 0.25, 9 -9 0 0.5"
    );
}

#[test]
fn an_asc_branch_that_is_its_parents_last_point_hands_its_branches_on() {
    assert_eq!(
        outline(&asc("copied_point_alone")),
        "dend -: 5 0 0 1, 9 0 0 1\ndend 0: 9 0 0 3, 9 -9 0 3\ndend 1: 9 -9 0 4, 1 2 3 4\ndend 1: 9 -9 0 1, 4 3 2 1\n\
         dend 1: 9 -9 0 9, 9 9 9 9"
    );
}

#[test]
fn markers_spines_properties_and_annotations_are_passed_over() {
    for name in ["markers", "comments", "point_names", "annotations", "preamble", "properties"] {
        assert_eq!(outline(&asc(name)), "dend -: 5 0 0 1, 9 0 0 1", "{name}");
    }
    assert_eq!(outline(&asc("points_without_diameters")), "dend -: 5 0 0 0, 9 0 0 0");
    assert_eq!(outline(&asc("spines")), "dend -: 5 0 0 1, 9 0 0 1, 12 0 0 1");
}

#[test]
fn contours_that_overlap_are_one_soma() {
    let folder = support::scratch();
    let upper = "(\"CellBody\" (0 4 1 0) (4 0 1 0) (0 -4 1 0))\n";
    let path = write_asc(folder.path(), "stack", &format!("{upper}((Dendrite) (5 0 0 1) (9 0 0 1))"));
    let soma = read(&path, MorphologyFormat::Asc).unwrap().soma;
    assert_eq!(soma.form, SomaForm::Contour);
    assert_eq!(soma.points.len(), 4 + 3);
    assert_eq!(soma.points[4], [0.0, 4.0, 1.0]);
}

#[test]
fn nesting_deeper_than_any_stack_is_read() {
    let depth = 50_000;
    let mut text = String::from("((Dendrite) (0 0 0 1) (1 0 0 1)");
    for i in 2..depth {
        write!(text, "(({i} 0 0 1)|({i} 1 0 1)").unwrap();
    }
    text.push_str(&")".repeat(depth - 2));
    text.push(')');
    let folder = support::scratch();
    let cell = read(&write_asc(folder.path(), "deep", &text), MorphologyFormat::Asc).unwrap();
    assert_eq!(cell.sections.len(), 1 + 2 * (depth - 2));
    let chain: String = (2..200_000).map(|i| format!("{i} {} {i} 0 0 1 {}\n", 3 + i / 2 % 2, i - 1)).collect();
    let path = write_text(folder.path(), "deep.swc", &format!("1 1 0 0 0 1 -1\n{chain}"));
    assert_eq!(read(&path, MorphologyFormat::Swc).unwrap().sections.len(), 199_998 / 2);
}

#[test]
fn a_container_is_read_by_name_from_several_threads() {
    let folder = support::scratch();
    let path = folder.path().join("container.h5");
    write_container(&path);
    let container = MorphologyContainer::open(&path).unwrap();
    let expected = container.read("rat/l5/c1").unwrap();
    // [0, 1, -1], [3, 3, 0], [6, 2, 0], [9, 2, 2], ...: the axon, its two children, the dendrite, the apical
    let kinds: Vec<&str> = expected.sections.iter().map(|s| s.kind.name()).collect();
    assert_eq!(kinds, ["axon", "axon", "axon", "dend", "apic"]);
    assert_eq!(expected.sections[3].points, [[3.0, 0.25, -3.0], [4.0, 0.2, -4.0], [5.0, 1.0 / 6.0, -5.0]]);
    assert_eq!(expected.sections[1].parent, Some(0));
    std::thread::scope(|scope| {
        let read_often = || (0..20).for_each(|_| assert_eq!(container.read("contour").unwrap(), expected));
        (0..4).for_each(|_| drop(scope.spawn(read_often)));
    });
}

#[test]
fn a_soma_of_cylinders_has_the_radius_of_the_sphere_with_their_lateral_area() {
    // a cylinder as long as it is wide, in two pieces: 2 pi r 2 r = 4 pi r^2
    let points = vec![[0.0, -5.0, 0.0], [0.0, 1.0, 0.0], [0.0, 5.0, 0.0]];
    let soma = Soma { points, diameters_um: vec![10.0; 3], form: SomaForm::Cylinders, ..Soma::default() };
    assert_eq!(soma.radius_um(), Some(5.0));
    // a cone of base radius 3 and height 4: pi r s = 15 pi = 4 pi R^2
    let points = vec![[0.0, 0.0, 0.0], [4.0, 0.0, 0.0]];
    let cone = Soma { points, diameters_um: vec![6.0, 0.0], form: SomaForm::Cylinders, ..Soma::default() };
    assert_eq!(cone.radius_um(), Some((15.0_f64 / 4.0).sqrt() as f32));
}

#[test]
fn a_soma_of_points_has_their_radius_and_one_without_extent_has_none() {
    assert_eq!(swc("point_soma").soma.radius_um(), Some(5.0));
    assert_eq!(swc("three_points").soma.radius_um(), Some(5.0));
    let point = Soma { points: vec![[1.0; 3]], diameters_um: vec![0.0], form: SomaForm::Point, ..Soma::default() };
    assert_eq!(point.radius_um(), None);
}

#[test]
fn a_contour_has_the_mean_distance_from_its_centroid_as_its_radius() {
    // the four corners of a rectangle of 6 by 8 around (10, 20, 30) are 5 from its centre
    let corners = [[7.0, 16.0, 30.0], [13.0, 16.0, 30.0], [13.0, 24.0, 30.0], [7.0, 24.0, 30.0]];
    let soma =
        Soma { points: corners.to_vec(), diameters_um: vec![0.0; 4], form: SomaForm::Contour, ..Soma::default() };
    assert_eq!(soma.radius_um(), Some(5.0));
}

/// A mutation of a text.
#[derive(Debug, Clone)]
enum Mutation {
    Flip { at: usize, byte: u8 },
    Truncate { at: usize },
    Swap { one: usize, other: usize },
    Repeat { one: usize },
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let at = 0..4096_usize;
    let bytes = prop::sample::select(b"()|<>\";,.+-0129eENna\n \t#\x00\xff".as_slice());
    prop_oneof![
        (at.clone(), bytes).prop_map(|(at, byte)| Mutation::Flip { at, byte }),
        at.clone().prop_map(|at| Mutation::Truncate { at }),
        (at.clone(), at.clone()).prop_map(|(one, other)| Mutation::Swap { one, other }),
        at.prop_map(|one| Mutation::Repeat { one }),
    ]
}

fn mutated(text: &str, mutations: &[Mutation]) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for mutation in mutations {
        match *mutation {
            Mutation::Flip { at, byte } if !bytes.is_empty() => {
                let at = at % bytes.len();
                bytes[at] = byte;
            }
            Mutation::Truncate { at } => bytes.truncate(at % (bytes.len() + 1)),
            Mutation::Swap { one, other } => change_words(&mut bytes, |words| {
                let (one, other) = (one % words.len(), other % words.len());
                words.swap(one, other);
            }),
            Mutation::Repeat { one } => change_words(&mut bytes, |words| words.push(words[one % words.len()].clone())),
            Mutation::Flip { .. } => {}
        }
    }
    bytes
}

/// Changes words; the white space after each word is unchanged.
fn change_words(bytes: &mut Vec<u8>, change: impl Fn(&mut Vec<Vec<u8>>)) {
    let mut words: Vec<Vec<u8>> = bytes.split_inclusive(u8::is_ascii_whitespace).map(<[u8]>::to_vec).collect();
    if !words.is_empty() {
        change(&mut words);
        *bytes = words.concat();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_mutated_text_brings_a_reader_down(
        (swc, asc) in (0..SWC.len(), 0..ASC.len()),
        mutations in prop::collection::vec(mutation(), 1..6),
    ) {
        let folder = support::scratch();
        let texts = [(MorphologyFormat::Swc, SWC[swc].1.to_string()), (MorphologyFormat::Asc, format!("{SOMA}{}", ASC[asc].1))];
        for (format, text) in texts {
            let path = folder.path().join("cell");
            std::fs::write(&path, mutated(&text, &mutations)).unwrap();
            if let Err(error) = read(&path, format) {
                prop_assert_eq!(error.location().file.as_ref(), Some(&path));
            }
        }
    }
}
