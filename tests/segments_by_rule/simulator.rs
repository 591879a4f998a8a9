//! Compares with the simulator: NEURON imports the same files, cuts them by the same rule, and replaces the same axons.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use leadfield::circuit::hoc::AxonReplacement;
use leadfield::circuit::placement::discretise::count_section_segments;
use leadfield::morphology::{Morphology, MorphologyFormat, SomaForm, read};
use leadfield::segments::SectionType;
use leadfield::segments::table::SegmentTable;

use crate::support::{leadfield_in, names_in, real, root, scratch};

/// Runs a part of `segments_by_rule.py`; returns the words of the lines that start with a word.
fn python(arguments: &[&str], start: &str) -> Vec<Vec<String>> {
    let python = std::env::var_os("LEADFIELD_PYTHON").expect("LEADFIELD_PYTHON names a Python that has neuron");
    let script = root().join("tests/segments_by_rule.py");
    let output = Command::new(python).arg(script).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let words = |line: &str| line.split(' ').map(str::to_string).collect::<Vec<_>>();
    text.lines().map(words).filter(|words| words[0] == start).map(|words| words[1..].to_vec()).collect()
}

/// A section in the simulator: number of segments, length, µm.
type Section = (u32, f64);

/// Sections by file and tree, in the simulator's order.
fn simulated(paths: &[PathBuf]) -> BTreeMap<(String, String), Vec<Section>> {
    let arguments: Vec<&str> = ["sections"].into_iter().chain(paths.iter().map(|p| p.to_str().unwrap())).collect();
    let mut sections: BTreeMap<_, Vec<Section>> = BTreeMap::new();
    for words in python(&arguments, "section") {
        let [file, tree, segments, length] = &words[..] else { panic!("{words:?}") };
        let section = (segments.parse().unwrap(), length.parse().unwrap());
        sections.entry((file.clone(), tree.clone())).or_default().push(section);
    }
    sections
}

fn ours(path: &Path) -> Morphology {
    let format = if path.extension().unwrap() == "asc" { MorphologyFormat::Asc } else { MorphologyFormat::Swc };
    read(path, format).unwrap()
}

/// Asserts that NEURON creates the same sections from a file, with the same lengths and numbers of segments; returns
/// the largest relative differences of the lengths: of neurites, of somata.
fn compare(path: &Path, theirs: &BTreeMap<(String, String), Vec<Section>>) -> [f64; 2] {
    let cell = ours(path);
    let counts = count_section_segments(&cell, AxonReplacement::Keep, 40.0);
    let name = path.file_name().unwrap().to_str().unwrap().to_string();
    let of_tree = |tree: &str| theirs.get(&(name.clone(), tree.to_string())).cloned().unwrap_or_default();
    let apart = |a: f64, b: f64| (a - b).abs() / b;
    let soma = of_tree("soma");
    assert_eq!(soma.len(), 1, "{name}");
    assert_eq!(soma[0].0, counts[0].segments, "soma of {name}");
    let mut worst = [0.0, apart(cell.soma.section_lengths_um()[0], soma[0].1)];
    for kind in [SectionType::Axon, SectionType::Dend, SectionType::Apic] {
        let of_kind = cell.sections.iter().zip(&counts[1..]).filter(|(s, _)| s.kind == kind);
        let found: Vec<Section> = of_kind.map(|(s, c)| (c.segments, s.length_um())).collect();
        let expected = of_tree(kind.name());
        assert_eq!(found.len(), expected.len(), "{} of {name}", kind.name());
        for (i, (found, expected)) in found.iter().zip(&expected).enumerate() {
            assert_eq!(found.0, expected.0, "{}[{i}] of {name}", kind.name());
            worst[0] = f64::max(worst[0], apart(found.1, expected.1));
        }
    }
    worst
}

/// Creates ten synthesized neurons, with every kind of axon, dendrites and soma.
fn circuit() -> tempfile::TempDir {
    let folder = scratch();
    leadfield_in(folder.path(), &["synthesize", "c", "--cells", "10", "--seed", "3", "--with-report", "--quiet"]).ok();
    folder
}

fn files(folder: &Path) -> Vec<PathBuf> {
    names_in(folder).iter().map(|name| folder.join(name)).collect()
}

#[test]
#[ignore = "needs LEADFIELD_PYTHON with neuron: make clients"]
fn neuron_cuts_ten_neurons_into_the_same_segments_of_the_same_length() {
    let folder = circuit();
    let morphologies = folder.path().join("c/components/morphologies");
    let mut paths = files(&morphologies.join("swc"));
    paths.extend(files(&morphologies.join("ascii")));
    assert_eq!(paths.len(), 20);
    let theirs = simulated(&paths);
    for path in &paths {
        // the simulator's points are float32; it cuts a contour along its own axis
        let [neurites, soma] = compare(path, &theirs);
        assert!(neurites < 1e-5 && soma < 1e-5, "{}: {neurites:e} {soma:e}", path.display());
    }
}

/// Outlines and chains of somata.
const SOMATA: [(&str, &str); 8] = [
    (
        "round.asc",
        "(\"CellBody\" (CellBody) (8 0 0 0) (5 6 0 0) (0 9 0 0) (-6 6 0 0) (-9 1 0 0) (-5 -6 0 0) (1 -8 0 0) (6 -5 0 0))",
    ),
    (
        "long.asc",
        "(\"CellBody\" (CellBody) (0 22 1 0) (3 15 1 0) (6 3 1 0) (4 -11 1 0) (0 -24 1 0) (-3 -14 1 0) (-7 0 1 0) (-4 12 1 0))",
    ),
    (
        "tilted.asc",
        "(\"CellBody\" (CellBody) (9 9 1 0) (4 7 2 0) (-2 3 2 0) (-8 -7 4 0) (-5 -9 5 0) (1 -4 3 0) (8 3 2 0))",
    ),
    (
        "dented.asc",
        "(\"CellBody\" (CellBody) (9 0 0 0) (8 6 0 0) (2 3 0 0) (-8 7 0 0) (-9 0 0 0) (-7 -6 0 0) (-1 -2 0 0) (7 -7 0 0))",
    ),
    (
        "stack.asc",
        "(\"CellBody\" (CellBody) (6 0 0 0) (0 6 0 0) (-6 0 0 0) (0 -6 0 0)) (\"CellBody\" (CellBody) (9 1 3 0) (0 8 3 0) (-7 0 3 0) (0 -8 3 0))\n\
         (\"CellBody\" (CellBody) (5 1 7 0) (1 5 7 0) (-4 0 7 0) (0 -4 7 0))",
    ),
    ("point.swc", "1 1 0 0 0 7.5 -1\n"),
    ("three.swc", "1 1 0 0 0 7.5 -1\n2 1 0 -7.5 0 7.5 1\n3 1 0 7.5 0 7.5 1\n"),
    ("chain.swc", "1 1 0 0 0 5 -1\n2 1 6 0 0 8 1\n3 1 12 3 0 9 2\n"),
];

#[test]
#[ignore = "needs LEADFIELD_PYTHON with neuron: make clients"]
fn neuron_finds_somata_of_every_form_as_long() {
    let folder = scratch();
    let write = |(name, soma): (&str, &str)| {
        let dendrite = if name.ends_with(".asc") {
            "\n((Dendrite) (15 0 0 1) (99 0 0 1))\n"
        } else {
            "4 3 15 0 0 1 1\n5 3 99 0 0 1 4\n"
        };
        let path = folder.path().join(name);
        std::fs::write(&path, format!("{soma}{dendrite}")).unwrap();
        path
    };
    let paths: Vec<PathBuf> = SOMATA.into_iter().map(write).collect();
    let theirs = simulated(&paths);
    for path in &paths {
        let [_, soma] = compare(path, &theirs);
        assert!(soma < 1e-5, "{}: {soma:e}", path.display());
    }
    assert_eq!(ours(&paths[4]).soma.form, SomaForm::Contour);
}

#[test]
#[ignore = "needs LEADFIELD_PYTHON with neuron: make clients"]
fn neuron_gives_the_stubs_the_same_diameters() {
    let folder = circuit();
    for (suffix, morphologies, extension) in [("", "swc", "swc"), ("_asc", "ascii", "asc")] {
        let config = format!("c/circuit_config{suffix}.json");
        leadfield_in(folder.path(), &["positions", &config, "-o", "s.parquet", "--force", "--quiet"]).ok();
        let nodes =
            leadfield::io::hdf5::Hdf5File::open(&folder.path().join("c/networks/nodes/neurons/nodes.h5")).unwrap();
        let names = nodes.read_strings("/nodes/neurons/0/@library/morphology").unwrap();
        let index = nodes.read_unsigned("/nodes/neurons/0/morphology").unwrap();
        let files: Vec<String> = index.iter().map(|&i| format!("{}.{extension}", names[i as usize])).collect();
        let hoc = files_of(&folder.path().join("c/components/hoc"));
        let morphologies = folder.path().join("c/components/morphologies").join(morphologies);
        let mut arguments = vec!["stubs", hoc.to_str().unwrap(), morphologies.to_str().unwrap()];
        arguments.extend(files.iter().map(String::as_str));
        let theirs = python(&arguments, "stub");
        let table = SegmentTable::open(&folder.path().join("s.parquet")).unwrap();
        let segments = table.parts()[0].read_by_row().unwrap();
        for (node, lines) in (0..).zip(theirs.chunks(2)) {
            let expected: Vec<f64> = lines.iter().flat_map(|words| &words[2..]).map(|d| d.parse().unwrap()).collect();
            let stubs = segments.iter().filter(|s| s.node_id == node && s.section_type >= Some(SectionType::Ais));
            let found: Vec<f64> = stubs.map(|s| 2.0 * f64::from(s.radius_um.unwrap())).collect();
            assert_eq!((found.len(), expected.len()), (15, 15));
            let near = found.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-5 * b);
            assert!(near, "node {node}: {found:?} {expected:?}");
        }
    }
}

/// Changes to the template of synthetic circuits, by name: texts and their replacements.
type Change = (&'static str, &'static [(&'static str, &'static str)]);

const MYELIN: &str = "    create myelin[1]\n    myelin[0] {\n      L = 1000\n      nseg = 5\n      diam = diams.x[count - 1]\n      \
    all.append()\n      myelinated.append()\n    }\n";
const JOINT: &str = "    connect myelin[0](0), axon[1](1)\n";
const CALL: &str = "    indexSections()\n    replace_axon()\n";
const DELETE: &str = "  proc delete_axon() {\n    forsec axonal { delete_section() }\n    create axon[2]\n    if (numarg() == 0) {\n      \
    axon[0] { L = 30  nseg = 1 + 2*int(L/40)  all.append() axonal.append() }\n      axon[1] { L = 30  nseg = 1 + 2*int(L/40)  \
    all.append() axonal.append() }\n    } else {\n      axon[0] { L = 20  diam = $1  nseg = 1+2*int(L/10)  all.append() \
    axonal.append() }\n      axon[1] { L = 30  diam = $2  nseg = 1+2*int(L/10)  all.append() axonal.append() }\n    }\n    \
    connect axon[0](0), soma[0](1)\n    connect axon[1](0), axon[0](1)\n  }\nendtemplate";

const CHANGES: [Change; 9] = [
    ("taper", &[]),
    ("legacy", &[(MYELIN, ""), (JOINT, "")]),
    ("bluepyopt", &[(MYELIN, ""), (JOINT, ""), ("nseg0 = 5", "nseg0 = 1")]),
    ("kept", &[(CALL, "")]),
    (
        "other_chunk",
        &[("geom_nseg_fixed(40)", "geom_nseg_fixed(17.5)"), ("1 + 2*int(L/chunkSize)", "int(L/chunkSize)*2+1")],
    ),
    ("executed", &[("create axon[2]", "execute1(\"create axon[2]\", CellRef)")]),
    ("target_given", &[("L_target = 60", "L_target = $1"), ("    replace_axon()\n", "    replace_axon(60)\n")]),
    ("deleted", &[("    replace_axon()\n", "    delete_axon()\n"), ("endtemplate", DELETE)]),
    ("deleted_fine", &[("    replace_axon()\n", "    delete_axon(3, 2)\n"), ("endtemplate", DELETE)]),
];

#[test]
#[ignore = "needs LEADFIELD_PYTHON with neuron: make clients"]
fn neuron_makes_of_templates_of_every_form_the_segments_that_are_read_from_their_text() {
    let folder = circuit();
    let template = std::fs::read_to_string(files_of(&folder.path().join("c/components/hoc"))).unwrap();
    let old = template.lines().find_map(|l| l.strip_prefix("begintemplate ")).unwrap();
    let mut paths = Vec::new();
    for (name, changes) in CHANGES {
        let mut text = template.clone();
        for (from, to) in changes {
            assert!(text.contains(from), "{name}: {from}");
            text = text.replace(from, to);
        }
        paths.push(folder.path().join(format!("{name}.hoc")));
        std::fs::write(paths.last().unwrap(), text.replace(old, name)).unwrap();
    }
    // a pyramidal cell, which has every tree that the template declares
    let swc = files(&folder.path().join("c/components/morphologies/swc"));
    let swc = swc.into_iter().find(|p| p.file_name().unwrap().to_str().unwrap().starts_with("PC_")).unwrap();
    let cell = ours(&swc);
    let (below, file) = (swc.parent().unwrap().to_str().unwrap(), swc.file_name().unwrap().to_str().unwrap());
    let mut arguments = vec!["cells", below, file];
    arguments.extend(paths.iter().map(|p| p.to_str().unwrap()));
    let theirs = python(&arguments, "cell");
    let mut forms = BTreeMap::new();
    for (name, path) in CHANGES.iter().map(|c| c.0).zip(&paths) {
        let rule = leadfield::circuit::hoc::read(path, name, None).unwrap();
        forms.insert(name, rule.axon_replacement);
        let of_trees = |trees: &[&str]| -> Vec<Section> {
            let lines = theirs.iter().filter(|w| w[0] == name && trees.contains(&w[1].as_str()));
            lines.map(|w| (w[2].parse().unwrap(), w[3].parse().unwrap())).collect()
        };
        let counts: Vec<u32> =
            count_section_segments(&cell, rule.axon_replacement, rule.chunk_um).iter().map(|c| c.segments).collect();
        // by id: soma, the axon or its two stubs, dendrites, myelin, which the template declares even if it does not
        // create it
        let mut expected: Vec<u32> =
            of_trees(&["soma", "axon", "dend", "apic", "myelin"]).iter().map(|s| s.0).collect();
        let undrawn = usize::from(expected.len() > counts.len());
        assert!(undrawn == 0 || name == "kept" || rule.axon_replacement.stub_shapes().len() < 3, "{name}");
        expected.truncate(counts.len());
        assert_eq!(counts, expected, "{name}");
        let stubs: Vec<Section> =
            rule.axon_replacement.stub_shapes().iter().map(|s| (s.segments, s.length_um)).collect();
        if rule.axon_replacement.replaces_axon() {
            let found = of_trees(&["axon", "myelin"]);
            assert_eq!(stubs, found[..stubs.len()], "{name}");
        }
    }
    let expected = [
        ("taper", AxonReplacement::Taper),
        ("legacy", AxonReplacement::Legacy),
        ("bluepyopt", AxonReplacement::BluePyOpt),
        ("kept", AxonReplacement::Keep),
        ("other_chunk", AxonReplacement::Taper),
        ("executed", AxonReplacement::Taper),
        ("target_given", AxonReplacement::Taper),
        ("deleted", AxonReplacement::Delete),
        ("deleted_fine", AxonReplacement::DeleteFine),
    ];
    assert_eq!(forms, expected.into());
}

/// Returns the first file of a folder.
fn files_of(folder: &Path) -> PathBuf {
    files(folder).remove(0)
}

#[test]
#[ignore = "needs LEADFIELD_PYTHON with neuron and LEADFIELD_REAL_DATA"]
fn neuron_cuts_the_real_neurons_into_the_same_segments() {
    let folder = real().expect("LEADFIELD_REAL_DATA names a folder").join("circuit/components/morphologies/ascii");
    let paths = files(&folder);
    let theirs = simulated(&paths);
    for path in &paths {
        let [neurites, soma] = compare(path, &theirs);
        assert!(neurites < 1e-5 && soma < 1e-5, "{}: {neurites:e} {soma:e}", path.display());
    }
}

#[test]
#[ignore = "needs LEADFIELD_REAL_DATA"]
fn rule_and_report_agree_to_the_bit_on_the_real_neurons() {
    let folder = real().expect("LEADFIELD_REAL_DATA names a folder").join("circuit");
    let rule = ["--axon-rule", "taper", "--discretisation", "rule"];
    super::same(&folder, ("simulation_config.json", &[]), ("simulation_config.json", &rule));
}
