//! Frequent mistakes: swapped files, files of another kind, folders, names of outputs, units. The exact messages.

use std::path::Path;
use std::sync::OnceLock;

use leadfield::io::hdf5::Hdf5File;

use crate::support::{copy_folder, golden, leadfield_in, names_in, scratch};

/// A folder with a circuit and the files computed from it.
fn project() -> &'static Path {
    static PROJECT: OnceLock<tempfile::TempDir> = OnceLock::new();
    let folder = PROJECT.get_or_init(|| {
        let folder = scratch();
        let run = |args: &[&str]| leadfield_in(folder.path(), args).ok();
        run(&["synthesize", "circuit", "--cells", "20", "--with-report"]);
        run(&["positions", "circuit/circuit_config.json", "-o", "s.parquet", "--axon-rule", "taper", "--quiet"]);
        run(&["electrodes", "linear", "--contacts", "4", "--pitch", "100", "-o", "e.csv"]);
        run(&["electrodes", "linear", "--contacts", "4", "--pitch", "100", "-o", "e.json"]);
        run(&["weights", "s.parquet", "e.csv", "-o", "w.h5", "--quiet"]);
        run(&["convert", "w.h5", "-o", "columns.parquet", "--to", "parquet"]);
        std::fs::copy(golden().join("reference/positions.h5"), folder.path().join("positions.h5")).unwrap();
        std::fs::write(folder.path().join("s.csv.gz"), b"\x1f\x8b\x08\0\0\0\0\0").unwrap();
        std::fs::create_dir(folder.path().join("other")).unwrap();
        std::fs::write(folder.path().join("r.csv"), "name,x,y,z,type\na,1,2,3,Reciprocity\n").unwrap();
        run(&["query", "s.parquet", "--sphere", "0,0,0,9", "--index", "index", "--count"]);
        folder
    });
    folder.path()
}

/// Runs the program in the project; asserts its message, and that no output remains.
#[track_caller]
fn refused(words: &str, text: &str) {
    let words: Vec<&str> = words.split(' ').collect();
    leadfield_in(project(), &[&words[..], &["--quiet"]].concat()).refused(text);
    if let Some(out) = words.iter().position(|word| *word == "-o").map(|at| words[at + 1]) {
        let left: Vec<String> = names_in(project()).into_iter().filter(|name| name.starts_with(out)).collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

/// Computes weights of the project's table and a file of contacts with this content; returns the warnings.
fn warnings(contacts: &str, options: &[&str]) -> Vec<String> {
    let folder = scratch();
    std::fs::write(folder.path().join("contacts.csv"), contacts).unwrap();
    let table = project().join("s.parquet");
    let args = ["weights", table.to_str().unwrap(), "contacts.csv", "-o", "w.h5"];
    let run = leadfield_in(folder.path(), &[&args[..], options].concat());
    let found = run.stderr.lines().filter_map(|line| line.strip_prefix("warning: ")).map(String::from).collect();
    run.ok();
    found
}

const TABLE_HINT: &str = "hint: make a segment table from it with `leadfield positions`";

#[test]
fn swapped_arguments_are_called_swapped() {
    refused(
        "weights e.csv s.parquet -o new.h5",
        "error: e.csv: a table of contacts, expected a segment table: arguments swapped?\n\
         hint: `s.parquet` is a segment table",
    );
    refused(
        "plot weights w.h5 s.parquet --electrode 0 -o new.svg",
        "error: w.h5: an electrodes file, expected a segment table: arguments swapped?\n\
         hint: `s.parquet` is a segment table",
    );
    refused(
        "query w.h5 --weights s.parquet --electrode 0",
        "error: w.h5: an electrodes file, expected a segment table: arguments swapped?\n\
         hint: `s.parquet` is a segment table",
    );
}

#[test]
fn a_file_where_a_table_belongs_is_named() {
    refused("query w.h5 --count", "error: w.h5: an electrodes file, expected a segment table");
    refused("query e.csv --count", "error: e.csv: a table of contacts, expected a segment table");
    refused("query e.json --count", "error: e.json: a list of contacts (JSON), expected a segment table");
    refused(
        "query columns.parquet --count",
        "error: columns.parquet: weights as columns (Parquet), expected a segment table",
    );
    refused(
        "query circuit/circuit_config.json --count",
        &format!("error: circuit/circuit_config.json: a circuit configuration, expected a segment table\n{TABLE_HINT}"),
    );
    refused(
        "query positions.h5 --count",
        "error: positions.h5: positions in the layout of BlueRecording, expected a segment table\n\
         hint: make a segment table from it with `leadfield convert`",
    );
    refused(
        "query s.csv.gz --count",
        "error: s.csv.gz: a compressed file, expected a segment table\nhint: decompress it first: `gunzip`",
    );
    refused("query circuit --count", "error: circuit: a folder with configurations, expected a segment table");
}

#[test]
fn a_file_where_contacts_belong_is_named() {
    let expected = "expected a table or list of contacts (CSV, JSON)";
    for (words, file, found) in [
        ("weights s.parquet w.h5 -o new.h5", "w.h5", "an electrodes file"),
        ("plot probe s.parquet -o new.svg", "s.parquet", "a segment table"),
        ("electrodes from circuit/circuit_config.json", "circuit/circuit_config.json", "a circuit configuration"),
        ("query s.parquet --electrodes w.h5 --within 50", "w.h5", "an electrodes file"),
        ("weights s.parquet circuit/node_sets.json -o new.h5", "circuit/node_sets.json", "a file of node sets"),
    ] {
        refused(words, &format!("error: {file}: {found}, {expected}"));
    }
}

#[test]
fn a_file_where_an_electrodes_file_belongs_is_named() {
    let hint = "hint: make an electrodes file from it with `leadfield weights`";
    for words in ["validate electrodes-file s.parquet", "validate weights s.parquet w.h5"] {
        let swapped = words.contains("w.h5");
        refused(
            words,
            &if swapped {
                "error: s.parquet: a segment table, expected an electrodes file: arguments swapped?\n\
                 hint: `w.h5` is an electrodes file"
                    .to_string()
            } else {
                format!("error: s.parquet: a segment table, expected an electrodes file\n{hint}")
            },
        );
    }
    refused(
        "validate electrodes-file circuit/networks/nodes/neurons/nodes.h5",
        "error: circuit/networks/nodes/neurons/nodes.h5: a nodes file, expected an electrodes file",
    );
    refused("validate electrodes-file e.csv", "error: e.csv: a table of contacts, expected an electrodes file");
    refused(
        "report s.parquet e.csv -o new.html",
        "error: e.csv: a table of contacts, expected a segment table or an electrodes file",
    );
}

#[test]
fn a_file_where_a_configuration_belongs_is_named() {
    let expected = "expected a circuit or simulation configuration (JSON)";
    let hint = "hint: name the configuration (JSON) that refers to it";
    refused(
        "positions circuit/networks/nodes/neurons/nodes.h5 -o new",
        &format!("error: circuit/networks/nodes/neurons/nodes.h5: a nodes file, {expected}\n{hint}"),
    );
    refused(
        "positions circuit/node_sets.json -o new",
        &format!("error: circuit/node_sets.json: a file of node sets, {expected}\n{hint}"),
    );
    refused("positions s.parquet -o new", &format!("error: s.parquet: a segment table, {expected}"));
    refused("positions e.json -o new", &format!("error: e.json: a list of contacts (JSON), {expected}"));
    refused(
        "electrodes linear --contacts 2 --pitch 9 --align-to e.csv",
        &format!("error: e.csv: a table of contacts, {expected}"),
    );
}

#[test]
fn a_file_where_a_lead_field_belongs_is_named() {
    refused(
        "weights s.parquet r.csv --fields w.h5 -o new.h5",
        "error: w.h5: an electrodes file, expected a lead field",
    );
}

#[test]
fn a_file_without_a_conversion_is_named() {
    let expected =
        "expected positions (pickle, Parquet, HDF5), a segment table, electrodes, an electrodes file or a report";
    refused(
        "convert circuit/networks/nodes/neurons/nodes.h5 -o new.csv",
        &format!("error: circuit/networks/nodes/neurons/nodes.h5: a nodes file, {expected}"),
    );
    refused(
        "convert s.csv.gz -o new.parquet",
        &format!("error: s.csv.gz: a compressed file, {expected}\nhint: decompress it first: `gunzip`"),
    );
}

#[test]
fn a_folder_stands_for_the_only_configuration_in_it() {
    let folder = scratch();
    copy_folder(&project().join("circuit"), &folder.path().join("circuit"));
    let run = |args: &[&str]| leadfield_in(folder.path(), args);
    // a simulation names its circuit
    run(&["positions", "circuit", "-o", "simulated.parquet"]).ok();
    assert!(run(&["info", "simulated.parquet"]).ok().contains("circuit/simulation_config.json"));
    let config = |name: &str| folder.path().join("circuit").join(name);
    std::fs::copy(config("simulation_config.json"), config("other_simulation_config.json")).unwrap();
    let align = |config: &str| run(&["electrodes", "linear", "--contacts", "2", "--pitch", "9", "--align-to", config]);
    align("circuit").refused(
        "error: circuit: is a folder, expected a configuration or a folder with one file `*_config.json`, found \
         `other_simulation_config.json`, `simulation_config.json`\n\
         hint: name the one to use: `circuit/other_simulation_config.json`",
    );
    std::fs::remove_file(config("simulation_config.json")).unwrap();
    std::fs::remove_file(config("other_simulation_config.json")).unwrap();
    run(&["positions", "circuit", "-o", "s.parquet", "--axon-rule", "taper"]).ok();
    assert_eq!(
        std::fs::read(folder.path().join("s.parquet")).unwrap(),
        std::fs::read(project().join("s.parquet")).unwrap()
    );
    assert!(run(&["info", "circuit"]).ok().starts_with("kind "));
    align(".").refused(
        "error: .: is a folder, expected a configuration or a folder with one file `*_config.json`, found none",
    );
}

#[test]
fn names_of_outputs_that_belong_to_other_files_are_refused() {
    refused(
        "weights s.parquet e.csv -o x.csv",
        "error: x.csv: wrong name for an electrodes file, expected `.h5`, `.hdf5`, found one that ends in `.csv`\n\
         hint: for columns, convert the electrodes file: `leadfield convert weights.h5 -o weights.csv`",
    );
    refused(
        "weights s.parquet e.csv -o x.parquet --dry-run",
        "error: x.parquet: wrong name for an electrodes file, expected `.h5`, `.hdf5`, found one that ends in \
         `.parquet`\n\
         hint: for columns, convert the electrodes file: `leadfield convert weights.h5 -o weights.parquet`",
    );
    refused(
        "positions circuit/circuit_config.json -o t.h5",
        "error: t.h5: wrong name for a segment table, expected `.parquet`, or a folder, found one that ends in `.h5`",
    );
    refused(
        "positions circuit/circuit_config.json -o t.csv",
        "error: t.csv: wrong name for a segment table, expected `.parquet`, or a folder, found one that ends in `.csv`\n\
         hint: for columns, convert the table: `leadfield convert segments.parquet -o segments.csv`",
    );
    refused(
        "report s.parquet w.h5 -o r.pdf",
        "error: r.pdf: wrong name for a page, expected `.html`, `.htm`, found one that ends in `.pdf`",
    );
}

#[test]
fn missing_folders_of_outputs_are_made_and_removed_if_the_run_fails() {
    let folder = scratch();
    let table = project().join("s.parquet");
    let (table, contacts) = (table.to_str().unwrap(), project().join("e.csv"));
    let run = |args: &[&str]| leadfield_in(folder.path(), args);
    run(&["weights", table, contacts.to_str().unwrap(), "-o", "a/b/w.h5", "--quiet"]).ok();
    assert_eq!(names_in(&folder.path().join("a/b")), ["w.h5"]);
    run(&["electrodes", "linear", "--contacts", "2", "--pitch", "9", "-o", "c/e.csv"]).ok();
    run(&["query", table, "--limit", "1", "-o", "d/q.csv"]).ok();
    run(&["report", table, "a/b/w.h5", "-o", "e/r.html"]).ok();
    assert_eq!(names_in(folder.path()), ["a", "c", "d", "e"]);
    run(&["weights", table, "no.csv", "-o", "f/g/w.h5", "--quiet"])
        .refused("error: no.csv: cannot be read: no such file or directory");
    run(&["weights", table, contacts.to_str().unwrap(), "-o", "f/g/w.h5", "--dry-run"]).ok();
    assert_eq!(names_in(folder.path()), ["a", "c", "d", "e"]);
    std::fs::write(folder.path().join("file"), "").unwrap();
    run(&["query", table, "--limit", "1", "-o", "file/q.csv"])
        .refused("error: file/q.csv: cannot be written: not a directory");
}

/// The box around the segments of the project.
fn bounds() -> leadfield::geometry::Aabb {
    leadfield::segments::table::SegmentTable::open(&project().join("s.parquet")).unwrap().bounds().unwrap()
}

#[test]
fn contacts_in_another_unit_are_named_in_warnings() {
    let size = bounds().size().to_array().into_iter().fold(0.0, f64::max);
    let probe = "name,x,y,z\na,0,0.1,0\nb,0,0.9,0\n";
    let expected = format!(
        "the contacts extend over 0.800 µm, the segments over {size:.0} µm: are the contacts in mm or m? their unit is \
         given by `--units`"
    );
    let found = warnings(probe, &[]);
    assert!(found.contains(&expected), "{found:?}\n{expected}");
    let found = warnings(probe, &["--units", "mm"]);
    assert!(found.iter().all(|warning| !warning.contains("extend")), "{found:?}");
    let found = warnings("name,x,y,z\na,0,0,0\nb,0,1,0\nc,0,9,0\nd,0,10,0\n", &[]);
    let expected = format!(
        "neighbouring contacts are 1.000 µm apart, and the segments extend over {size:.0} µm: are the contacts in mm or \
         m? their unit is given by `--units`"
    );
    assert!(found.contains(&expected), "{found:?}\n{expected}");
}

#[test]
fn contacts_farther_than_the_circuit_is_large_are_named_in_a_warning() {
    let bounds = bounds();
    let diagonal = bounds.size().norm();
    // beyond the box by 1.5 diagonals along x, at the height of the box
    let x = bounds.max.x + 1.5 * diagonal;
    let contacts = format!("name,x,y,z\nnear,0,0,0\nfar,{x},{},{}\n", bounds.max.y, bounds.max.z);
    let expected = format!(
        "1 contact farther from every segment than the circuit's diagonal of {diagonal:.0} µm: `far` (the first by \
         {:.0} µm); are positions in µm, and in the circuit's frame?",
        1.5 * diagonal
    );
    let found = warnings(&contacts, &[]);
    assert!(found.contains(&expected), "{found:?}\n{expected}");
}

#[test]
fn a_conductivity_of_no_tissue_is_named_in_a_warning() {
    let four = "name,x,y,z\n0,0,0,0\n1,0,100,0\n2,0,200,0\n3,0,300,0\n";
    let found = warnings(four, &["--conductivity", "277"]);
    let expected =
        "conductivity of 277 S/m at `0`, `1`, `2`, `3`, expected 0.01 to 5 S/m in tissue: is it in S/m?".to_string();
    assert!(found.contains(&expected), "{found:?}");
    let found = warnings("name,x,y,z,conductivity\na,0,0,0,0.3\nb,0,9,0,0.3 0.3 0.001\n", &[]);
    let expected = "conductivity of 0.001 S/m at `b`, expected 0.01 to 5 S/m in tissue: is it in S/m?".to_string();
    assert!(found.contains(&expected), "{found:?}");
    let found = warnings(four, &["--conductivity", "0.01"]);
    assert!(found.iter().all(|warning| !warning.contains("conductivity")), "{found:?}");
}

#[test]
fn info_describes_every_kind_of_file() {
    let folder = scratch();
    let write = |name: &str, content: &str| std::fs::write(folder.path().join(name), content).unwrap();
    write("field.csv", "x,y,z,potential\n0,0,0,1\n0,0,1,1\n0,1,0,1\n1,0,0,1\n");
    write("cell.hoc", "begintemplate C\nendtemplate C\n");
    write("types.csv", "node_type_id model_type\n1 biophysical\n");
    write("columns.csv.gz", "\u{1f}");
    std::fs::write(folder.path().join("a.gz"), b"\x1f\x8b\x08").unwrap();
    std::fs::write(folder.path().join("voxels.nrrd"), "NRRD0004\n").unwrap();
    let file = Hdf5File::create(&folder.path().join("edges.h5")).unwrap();
    ["/edges", "/edges/e"].iter().for_each(|group| file.create_group(group).unwrap());
    file.write_dataset("/edges/e/edge_type_id", &[-1_i64, -1], &[2]).unwrap();
    file.close().unwrap();
    let kind = |directory: &Path, name: &str| {
        let text = leadfield_in(directory, &["info", name]).ok();
        text.lines().next().unwrap().split_once("  ").unwrap().1.trim().to_string()
    };
    let project = project();
    let swc = std::fs::read_dir(golden().join("input/circuit/components/morphologies/swc")).unwrap();
    let swc = swc.map(|entry| entry.unwrap().path()).next().unwrap();
    for (name, expected) in [
        ("s.parquet", "segment table"),
        ("w.h5", "electrodes file"),
        ("e.csv", "table of contacts"),
        ("e.json", "list of contacts (JSON)"),
        ("columns.parquet", "weights as columns (Parquet)"),
        ("positions.h5", "positions in the layout of BlueRecording"),
        ("circuit/circuit_config.json", "circuit configuration"),
        ("circuit/simulation_config.json", "simulation configuration"),
        ("circuit/node_sets.json", "file of node sets"),
        ("circuit/networks/nodes/neurons/nodes.h5", "nodes file"),
        ("index", "index of segments"),
        ("other", "folder of other files"),
        (swc.to_str().unwrap(), "morphology (SWC)"),
    ] {
        assert_eq!(kind(project, name), expected, "{name}");
    }
    for (name, expected) in [
        ("field.csv", "lead field at points"),
        ("cell.hoc", "cell template (hoc)"),
        ("types.csv", "table of node types"),
        ("a.gz", "compressed file"),
        ("voxels.nrrd", "volume of voxels (NRRD)"),
        ("edges.h5", "edges file"),
    ] {
        assert_eq!(kind(folder.path(), name), expected, "{name}");
    }
    let report = leadfield_in(project, &["info", "circuit/output/compartment.h5"]).ok();
    assert!(report.contains("compartment report") && report.contains("time"), "{report}");
}

#[test]
fn a_folder_where_a_circuit_or_a_table_belongs_is_named() {
    let folder = scratch();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("e.csv"), "name,x,y,z\na,0,0,0\n").unwrap();
    std::fs::create_dir(at("empty")).unwrap();
    std::fs::create_dir(at("two")).unwrap();
    for name in ["two/a_circuit_config.json", "two/b_circuit_config.json"] {
        std::fs::write(at(name), "{}").unwrap();
    }
    let weights = |args: &[&str]| leadfield_in(folder.path(), &[&["weights"], args, &["-o", "w.h5"]].concat());
    weights(&["two", "e.csv"]).refused(
        "error: two: several configurations in the folder, expected one, found `a_circuit_config.json`, \
         `b_circuit_config.json`\n\
         hint: give the path of one of them",
    );
    weights(&["empty", "e.csv"]).refused(
        "error: empty: not a segment table, expected files `part-*.parquet` in the folder, found none\n\
         hint: make a segment table with `leadfield positions`",
    );
    let table = project().join("s.parquet");
    weights(&[table.to_str().unwrap(), "empty", "--quiet"]).refused("error: empty: is a folder, expected a file");
    assert_eq!(names_in(folder.path()), ["e.csv", "empty", "two"]);
}

#[test]
fn a_file_is_converted_into_a_folder_unless_its_name_is_that_of_a_file() {
    let folder = scratch();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("e.csv"), "name,x,y,z\na,0,0,0\n").unwrap();
    std::fs::create_dir(at("out")).unwrap();
    std::fs::create_dir(at("e.json")).unwrap();
    let convert = |args: &[&str]| leadfield_in(folder.path(), &[&["convert", "e.csv", "--quiet"], args].concat());
    for options in [&["-o", "e.json"][..], &["-o", "e.json", "--force"]] {
        convert(options).refused(
            "error: e.json: is a folder, expected a file or a free name\n\
             hint: choose another name, or remove it by hand",
        );
    }
    assert!(names_in(&at("e.json")).is_empty());
    convert(&["-o", "out", "--to", "json"]).ok();
    assert_eq!(names_in(&at("out")), ["e.json"]);
    // existing files are not replaced without `--force`
    let before = std::fs::read(at("out/e.json")).unwrap();
    let again = convert(&["-o", "out", "--to", "json"]);
    assert!(again.code == 2 && again.stderr.contains("out/e.json: exists already"), "{}", again.stderr);
    assert_eq!(std::fs::read(at("out/e.json")).unwrap(), before);
}

#[test]
fn control_characters_in_names_are_escaped_in_messages() {
    let folder = scratch();
    std::fs::write(folder.path().join("e.csv"), "name,x,y,z\na\u{1b}[2J,0,0,0\na\u{1b}[2J,0,0,9\n").unwrap();
    let twice = leadfield_in(folder.path(), &["electrodes", "from", "e.csv"]);
    assert!(twice.code == 2 && twice.stderr.contains("a\\u{1b}[2J"), "{}", twice.stderr);
    assert!(!twice.stderr.contains('\u{1b}') && !twice.stdout.contains('\u{1b}'), "{twice:?}");
    // a name among several, and a warning
    let table = project().join("s.parquet");
    std::fs::write(folder.path().join("e.csv"), "name,x,y,z\na\u{7},0,0,0\nb,0,0,9\n").unwrap();
    let weights = ["weights", table.to_str().unwrap(), "e.csv", "-o", "w.h5", "--quiet"];
    leadfield_in(folder.path(), &weights).ok();
    let query = ["query", table.to_str().unwrap(), "--weights", "w.h5", "--electrode", "c"];
    let unknown = leadfield_in(folder.path(), &query);
    assert!(unknown.code == 2 && unknown.stderr.contains("`a\\u{7}`, `b`, found `c`"), "{}", unknown.stderr);
    let unknown = leadfield_in(folder.path(), &[&query[..5], &["c\u{1b}[2J"]].concat());
    assert!(unknown.stderr.contains("found `c\\u{1b}[2J`") && !unknown.stderr.contains('\u{1b}'), "{}", unknown.stderr);
}
