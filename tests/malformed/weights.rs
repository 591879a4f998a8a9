//! Input that `weights` and `validate weights` refuse: impossible outputs, invalid settings, contacts on segments,
//! inconsistent electrodes files.

use std::path::Path;

use leadfield::io::hdf5::Hdf5File;

use crate::support::{Run, golden, leadfield, leadfield_in, names_in, scratch};

/// Creates a folder with the reference circuit's table and the eight contacts of `np8.csv`.
fn table() -> tempfile::TempDir {
    let dir = scratch();
    let config = golden().join("input/circuit/simulation_config.json");
    leadfield_in(dir.path(), &["positions", config.to_str().unwrap(), "-o", "s.parquet", "--quiet"]).ok();
    std::fs::copy(golden().join("input/electrodes/np8.csv"), dir.path().join("np8.csv")).unwrap();
    dir
}

fn weights(dir: &Path, electrodes: &str, out: &str, options: &[&str]) -> Run {
    let mut args = vec!["weights", "s.parquet", electrodes, "-o", out, "--quiet"];
    args.extend(options);
    leadfield_in(dir, &args)
}

const INPUTS: [&str; 2] = ["np8.csv", "s.parquet"];

#[test]
fn an_output_that_exists_is_kept_without_force() {
    let dir = table();
    std::fs::write(dir.path().join("w.h5"), "precious").unwrap();
    weights(dir.path(), "np8.csv", "w.h5", &[])
        .refused("error: w.h5: exists already\nhint: choose another name, or replace it with `--force`");
    assert_eq!(std::fs::read_to_string(dir.path().join("w.h5")).unwrap(), "precious");
    weights(dir.path(), "np8.csv", "w.h5", &["--force"]).ok();
    assert_eq!(names_in(dir.path()), ["np8.csv", "s.parquet", "w.h5"]);
}

#[test]
fn a_folder_that_cannot_be_written_is_reported_before_the_work() {
    let dir = table();
    // a file in place of a folder, which is refused even for root
    weights(dir.path(), "np8.csv", "np8.csv/w.h5", &[])
        .refused("error: np8.csv/w.h5: cannot be written: not a directory");
    assert_eq!(names_in(dir.path()), INPUTS);
}

#[test]
fn conductivities_are_above_zero_in_any_notation() {
    let dir = table();
    let spellings = [
        ("-0.3", "-0.3"),
        ("-1e-3", "-0.001"),
        ("-.5", "-0.5"),
        ("0", "0"),
        ("0e5", "0"),
        ("inf", "inf"),
        ("nan", "NaN"),
    ];
    for (given, text) in spellings {
        weights(dir.path(), "np8.csv", "w.h5", &["--conductivity", given]).refused(&format!(
            "error: conductivity out of range, expected a number from 1e-30 to 1e30 S/m, found `{text}`\n\
             hint: grey matter has about 0.3 S/m: `--conductivity 0.277`"
        ));
    }
    assert_eq!(names_in(dir.path()), INPUTS);
}

#[test]
fn conductivities_are_one_or_as_many_as_analytic_contacts() {
    let dir = table();
    weights(
        dir.path(),
        "np8.csv",
        "w.h5",
        &["--conductivity", "0.3", "--conductivity", "0.4", "--conductivity", "0.5"],
    )
    .refused(
        "error: wrong number of conductivities, expected 1 or 8 (one for each contact of an analytic method), found 3\n\
         hint: give `--conductivity` one value for all such contacts, or one for each, in file order",
    );
    assert_eq!(names_in(dir.path()), INPUTS);
}

#[test]
fn a_contact_on_a_soma_is_refused_by_exact_and_computed_by_radius() {
    let dir = table();
    let nodes = Hdf5File::open(&golden().join("input/circuit/networks/nodes/S1nonbarrel_neurons/nodes.h5"));
    let nodes = nodes.unwrap();
    let at = |axis: &str| nodes.read_floats(&format!("/nodes/S1nonbarrel_neurons/0/{axis}")).unwrap()[2];
    let (x, y, z) = (at("x"), at("y"), at("z"));
    let csv = format!("name,x,y,z,type\nfar,9e3,0,0,LineSource\nsoma,{x},{y},{z},PointSource\n");
    std::fs::write(dir.path().join("e.csv"), csv).unwrap();
    weights(dir.path(), "e.csv", "w.h5", &["--near-field", "exact"]).refused(
        "error: s.parquet: node[2]: weight is not finite at contact `soma` for section 0, segment 0, \
         expected a contact off the segment, found inf\n\
         hint: `--near-field radius` never lets a contact come nearer than a segment's radius",
    );
    assert_eq!(names_in(dir.path()), ["e.csv", "np8.csv", "s.parquet"]);
    weights(dir.path(), "e.csv", "w.h5", &["--near-field", "radius"]).ok();
}

#[test]
fn tables_of_one_population_are_refused() {
    let dir = table();
    leadfield_in(dir.path(), &["weights", "s.parquet", "./s.parquet", "np8.csv", "-o", "w.h5", "--quiet"]).refused(
        "error: ./s.parquet: second table of population `S1nonbarrel_neurons`, expected one, found `s.parquet` too\n\
         hint: give one table for each population",
    );
    assert_eq!(names_in(dir.path()), INPUTS);
}

/// The content of an electrodes file that a test damages.
struct Damaged {
    node_ids: &'static [i64],
    offsets: &'static [i64],
    columns: &'static [usize],
    index: i64,
}

/// Two nodes with two and one rows, two columns, one contact `e`.
const VALID: Damaged = Damaged { node_ids: &[4, 9], offsets: &[0, 2, 3], columns: &[3, 2], index: 1 };

impl Damaged {
    fn write(&self, path: &Path) {
        let file = Hdf5File::create(path).unwrap();
        for group in ["/pop", "/electrodes", "/electrodes/pop", "/electrodes/e"] {
            file.create_group(group).unwrap();
        }
        file.write_dataset("/pop/node_ids", self.node_ids, &[self.node_ids.len()]).unwrap();
        file.write_dataset("/pop/offsets", self.offsets, &[self.offsets.len()]).unwrap();
        let length = self.columns.iter().product();
        file.write_dataset("/electrodes/pop/scaling_factors", &vec![1.0; length], self.columns).unwrap();
        file.write_dataset("/electrodes/e/pop", &[self.index], &[]).unwrap();
        file.close().unwrap();
    }

    /// Asserts the message of `validate`.
    #[track_caller]
    fn refused(&self, text: &str) {
        let dir = scratch();
        self.write(&dir.path().join("w.h5"));
        leadfield_in(dir.path(), &["validate", "weights", "w.h5", "w.h5"]).refused(&format!("error: w.h5: {text}"));
    }
}

#[test]
fn a_valid_file_is_not_refused() {
    let dir = scratch();
    VALID.write(&dir.path().join("w.h5"));
    leadfield_in(dir.path(), &["validate", "weights", "w.h5", "w.h5"]).ok();
}

#[test]
fn offsets_fit_nodes_and_rows() {
    Damaged { offsets: &[0, 3], ..VALID }
        .refused("/pop/offsets: wrong length, expected 3 offsets (one more than nodes), found 2");
    Damaged { offsets: &[0, 5, 3], ..VALID }
        .refused("/pop/offsets[2]: offset below the one before, expected at least 5, found 3");
    Damaged { offsets: &[0, 2, 4], ..VALID }
        .refused("/pop/offsets: last offset is not the number of rows of `scaling_factors`, expected 3, found 4");
    Damaged { offsets: &[0, -2, 3], ..VALID }
        .refused("/pop/offsets[1]: negative number, expected an unsigned integer, found -2");
}

#[test]
fn a_node_stands_once() {
    Damaged { node_ids: &[9, 9], ..VALID }
        .refused("/pop/node_ids[1]: node listed twice, expected each once, found `9` again");
}

#[test]
fn columns_are_there() {
    Damaged { index: 2, ..VALID }.refused("/electrodes/e/pop: column index out of range, expected below 2, found 2");
    Damaged { index: -1, ..VALID }
        .refused("/electrodes/e/pop[0]: negative number, expected an unsigned integer, found -1");
    Damaged { columns: &[6], ..VALID }
        .refused("/electrodes/pop/scaling_factors: wrong shape, expected [rows, contacts], found [6]");
}

/// Runs `validate weights` on a file that `write` creates.
fn validated(write: impl FnOnce(&Hdf5File)) -> Run {
    let dir = scratch();
    let file = Hdf5File::create(&dir.path().join("w.h5")).unwrap();
    write(&file);
    file.close().unwrap();
    leadfield_in(dir.path(), &["validate", "weights", "w.h5", "w.h5"])
}

#[test]
fn files_without_the_essential_objects_are_not_electrodes_files() {
    validated(|file| file.create_group("/pop").unwrap())
        .refused("error: w.h5: /electrodes: missing, expected a group; the nearest group `/` has `pop`");
    validated(|file| file.create_group("/electrodes").unwrap())
        .refused("error: w.h5: /: no population, expected a group with `node_ids` and `offsets`, found none");
    validated(|file| {
        file.create_group("/electrodes/pop").unwrap();
        file.create_group("/pop").unwrap();
        file.write_dataset("/pop/node_ids", &[1_u64], &[1]).unwrap();
    })
    .refused(
        "error: w.h5: /electrodes/pop/scaling_factors: missing, expected a dataset; \
         the nearest group `/electrodes/pop` has none",
    );
}

#[test]
fn offsets_of_floats_are_refused() {
    validated(|file| {
        file.create_group("/electrodes/pop").unwrap();
        file.create_group("/pop").unwrap();
        file.write_dataset("/pop/node_ids", &[1_u64], &[1]).unwrap();
        file.write_dataset("/pop/offsets", &[0.0, 1.0], &[2]).unwrap();
        file.write_dataset("/electrodes/pop/scaling_factors", &[1.0], &[1, 1]).unwrap();
    })
    .refused("error: w.h5: /pop/offsets: wrong type, expected integers, found float64");
}

#[test]
fn a_truncated_file_is_reported() {
    let dir = scratch();
    let whole = std::fs::read(golden().join("reference/np8.h5")).unwrap();
    std::fs::write(dir.path().join("w.h5"), &whole[..whole.len() / 2]).unwrap();
    let run = leadfield_in(dir.path(), &["validate", "weights", "w.h5", "w.h5"]);
    assert_eq!(run.code, 2);
    let lines: Vec<&str> = run.stderr.lines().collect();
    // the text after the colon is that of the HDF5 library
    assert!(lines[0].starts_with("error: w.h5: not a readable HDF5 file: "), "{}", run.stderr);
    assert_eq!(lines[1..], ["hint: the file may be cut short, or be of another format"]);
}

#[test]
fn an_unknown_population_is_reported_with_those_of_the_file() {
    let np8 = golden().join("reference/np8.h5");
    let np8 = np8.to_str().unwrap();
    leadfield(&["validate", "weights", np8, np8, "--population", "other"]).refused(&format!(
        "error: {np8}: /: unknown population `other`, expected one of `S1nonbarrel_neurons`\n\
         hint: name it with `--population`"
    ));
}

#[test]
fn sorted_names_need_a_file_of_the_original() {
    let dir = scratch();
    Damaged { columns: &[3, 1], index: 0, ..VALID }.write(&dir.path().join("w.h5"));
    leadfield_in(dir.path(), &["validate", "weights", "w.h5", "w.h5", "--columns", "sorted-names"]).refused(
        "error: w.h5: columns cannot be sorted by name, expected a file with one more column than contacts, found \
         none\n\
         hint: `--columns sorted-names` is for files of BlueRecording 0.2.1; leave it out to use the column numbers of each file",
    );
}

#[test]
fn tolerances_are_numbers_of_zero_or_more() {
    let np8 = golden().join("reference/np8.h5");
    let np8 = np8.to_str().unwrap();
    for (option, given, text) in [("--rtol", "-1e-9", "-0.000000001"), ("--atol", "nan", "NaN")] {
        leadfield(&["validate", "weights", np8, np8, option, given])
            .refused(&format!("error: `{option}` out of range, expected a finite number of 0 or more, found `{text}`"));
    }
}
