//! Damaged copies of a valid electrodes file: each has its finding, with the exact text, and no other error; a file
//! that can be fixed is valid afterwards and has the same weights.

use std::path::Path;

use hdf5::types::VarLenUnicode;
use leadfield::io::hdf5::Hdf5File;
use leadfield::sonata::electrodes_file::ElectrodesFile;
use leadfield::validate::electrodes_file::{Code, Severity};

use crate::support::{Run, golden, leadfield, leadfield_in, names_in, scratch};

/// The file that is damaged.
pub type Damaged = hdf5::File;

/// Two nodes with two and one segments, two contacts.
pub fn write_valid_file(path: &Path) {
    let file = Hdf5File::create(path).unwrap();
    for group in ["/pop", "/electrodes", "/electrodes/pop", "/electrodes/a", "/electrodes/b"] {
        file.create_group(group).unwrap();
    }
    file.write_dataset("/pop/node_ids", &[4_u64, 9], &[2]).unwrap();
    file.write_dataset("/pop/offsets", &[0_u64, 2, 3], &[3]).unwrap();
    file.write_dataset("/electrodes/pop/scaling_factors", &FACTORS, &[3, 2]).unwrap();
    file.write_string_attribute("/electrodes/pop/scaling_factors", "units", "V/nA").unwrap();
    for (name, column) in [("a", 0_u64), ("b", 1)] {
        let path = |dataset: &str| format!("/electrodes/{name}/{dataset}");
        file.write_dataset(&path("position"), &[1.0_f32, 2.0, 3.0], &[3]).unwrap();
        file.write_strings(&path("type"), &["LineSource"], &[]).unwrap();
        file.write_strings(&path("layer"), &["L1"], &[]).unwrap();
        file.write_strings(&path("region"), &["S1"], &[]).unwrap();
        file.write_dataset(&path("pop"), &[column], &[]).unwrap();
    }
    file.close().unwrap();
}

/// Two rows of node 4 and one of node 9.
const FACTORS: [f64; 6] = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];

/// Writes a valid file whose weights are multiplied by a factor, with this unit or without a unit.
pub fn with_factors(path: &Path, factor: f64, unit: Option<&str>) {
    damaged(path, |f| {
        let values = FACTORS.iter().map(|v| v * factor).collect();
        put(f, SCALING, &ndarray::Array2::from_shape_vec((3, 2), values).unwrap());
        unit.iter().for_each(|unit| units(f, unit));
    });
}

/// Opens an existing file, and damages it.
#[expect(clippy::disallowed_methods, reason = "writes damaged files, which `Hdf5File` does not")]
pub fn edited(path: &Path, damage: impl FnOnce(&Damaged)) {
    // a program that another test starts may still have the new file open
    let mut opened = hdf5::File::open_rw(path);
    for _ in 0..100 {
        if opened.is_ok() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
        opened = hdf5::File::open_rw(path);
    }
    let file = opened.unwrap();
    damage(&file);
    file.close().unwrap();
}

/// Writes a valid file, and damages it.
pub fn damaged(path: &Path, damage: impl FnOnce(&Damaged)) {
    write_valid_file(path);
    edited(path, damage);
}

fn put<T: hdf5::H5Type, D: ndarray::Dimension>(file: &Damaged, object: &str, values: &ndarray::Array<T, D>) {
    if file.link_exists(object) {
        file.unlink(object).unwrap();
    }
    file.new_dataset_builder().no_chunk().with_data(values).create(object).unwrap();
}

fn list<T: hdf5::H5Type + Clone>(file: &Damaged, object: &str, values: &[T]) {
    put(file, object, &ndarray::arr1(values));
}

fn table(file: &Damaged, shape: (usize, usize), values: &[f64]) {
    put(file, SCALING, &ndarray::Array2::from_shape_vec(shape, values.to_vec()).unwrap());
    units(file, "V/nA");
}

fn units(file: &Damaged, text: &str) {
    let value: VarLenUnicode = text.parse().unwrap();
    file.dataset(SCALING).unwrap().new_attr::<VarLenUnicode>().create("units").unwrap().write_scalar(&value).unwrap();
}

/// Adds a text attribute.
pub fn text_attribute(object: &hdf5::Location, name: &str, value: &str) {
    let value: VarLenUnicode = value.parse().unwrap();
    object.new_attr::<VarLenUnicode>().create(name).unwrap().write_scalar(&value).unwrap();
}

/// Writes the weights compressed with deflate, under the number of another filter.
fn compressed_by(file: &Damaged, object: &str, filter: u16) {
    unlink(file, object);
    let values = ndarray::Array2::from_shape_vec((3, 2), FACTORS.to_vec()).unwrap();
    file.new_dataset_builder().deflate(4).with_data(&values).create(object).unwrap();
    units(file, "V/nA");
    file.flush().unwrap();
    let path = file.filename();
    let bytes = std::fs::read(&path).unwrap();
    // in an object header of version 1: the filter's number, length of its name, flags, number of values, name
    let name = bytes.windows(8).rposition(|window| window == b"deflate\0").unwrap();
    assert_eq!(bytes[name - 8..name - 4], [1, 0, 8, 0]);
    let plain = std::fs::File::options().write(true).open(&path).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&plain, &filter.to_le_bytes(), name as u64 - 8).unwrap();
}

fn text(file: &Damaged, object: &str, values: &[&str]) {
    let values: Vec<VarLenUnicode> = values.iter().map(|v| v.parse().unwrap()).collect();
    list(file, object, &values);
}

fn scalar<T: hdf5::H5Type>(file: &Damaged, object: &str, value: T) {
    put(file, object, &ndarray::arr0(value));
}

fn group(file: &Damaged, object: &str) {
    if file.link_exists(object) {
        file.unlink(object).unwrap();
    }
    file.create_group(object).unwrap();
}

fn unlink(file: &Damaged, object: &str) {
    file.unlink(object).unwrap();
}

const IDS: &str = "/pop/node_ids";
const OFFSETS: &str = "/pop/offsets";
const SCALING: &str = "/electrodes/pop/scaling_factors";

/// A way to damage a file: the code and the text of the finding, and the function that damages.
pub struct Damage {
    pub code: &'static str,
    pub finding: &'static str,
    pub fixable: bool,
    pub make: fn(&Damaged),
}

const fn damage(code: &'static str, finding: &'static str, make: fn(&Damaged)) -> Damage {
    Damage { code, finding, fixable: false, make }
}

const fn fixable(code: &'static str, finding: &'static str, make: fn(&Damaged)) -> Damage {
    Damage { code, finding, fixable: true, make }
}

/// The corpus. Each entry damages the valid file in one way; its finding is the first one with the code.
pub const CORPUS: &[Damage] = &[
    damage("E01", "/electrodes: missing, expected a group", |f| unlink(f, "/electrodes")),
    damage("E01", "/electrodes: missing, expected a group", |f| {
        unlink(f, "/electrodes");
        list(f, "/electrodes", &[1_u64]);
    }),
    damage("E02", "/: missing population, expected a group with `node_ids` and `offsets`", |f| {
        unlink(f, "/pop");
        unlink(f, "/electrodes/pop");
    }),
    damage("E03", "/pop/node_ids: missing, expected uint64 `[N]`", |f| unlink(f, IDS)),
    damage("E04", "/pop/offsets: missing, expected uint64 `[N + 1]`", |f| unlink(f, OFFSETS)),
    damage("E05", "/electrodes/pop/scaling_factors: missing, expected float64 `[rows, contacts]`", |f| {
        unlink(f, SCALING);
    }),
    damage("E05", "/electrodes/pop/scaling_factors: missing, expected float64 `[rows, contacts]`", |f| {
        unlink(f, "/electrodes/pop");
    }),
    damage("E06", "/pop/node_ids: wrong type, expected integers, found unicode (var len)", |f| {
        text(f, IDS, &["4", "9"]);
    }),
    damage("E06", "/pop/offsets: wrong object, expected a dataset, found a group or a broken link", |f| {
        group(f, OFFSETS)
    }),
    damage("E06", "/electrodes/pop/scaling_factors: wrong type, expected float64, found unicode (var len)", |f| {
        let words = ["1"; 6].map(|v| v.parse::<VarLenUnicode>().unwrap());
        put(f, SCALING, &ndarray::Array2::from_shape_vec((3, 2), words.to_vec()).unwrap());
        units(f, "V/nA");
    }),
    damage("E06", "/pop/node_ids: wrong object, expected a dataset, found a group or a broken link", |f| {
        unlink(f, IDS);
        f.link_soft("/nowhere", IDS).unwrap();
    }),
    fixable("E10", "/pop/node_ids: wrong type, expected uint64, found float64", |f| list(f, IDS, &[4.0, 9.0])),
    fixable("E11", "/pop/offsets: wrong type, expected uint64, found float64", |f| list(f, OFFSETS, &[0.0, 2.0, 3.0])),
    fixable("E11", "/pop/offsets: wrong type, expected uint64, found float32", |f| {
        list(f, OFFSETS, &[0.0_f32, 2.0, 3.0]);
    }),
    damage("E12", "/pop/offsets[1]: invalid number, expected an integer of 0 or more, found 1.5", |f| {
        list(f, OFFSETS, &[0.0, 1.5, 3.0]);
    }),
    damage("E12", "/pop/node_ids[0]: invalid number, expected an integer of 0 or more, found -4", |f| {
        list(f, IDS, &[-4_i64, 9]);
    }),
    damage("E12", "/pop/node_ids[1]: invalid number, expected an integer of 0 or more, found NaN", |f| {
        list(f, IDS, &[4.0, f64::NAN]);
    }),
    fixable("E13", "/pop/node_ids: wrong type, expected uint64, found int64", |f| list(f, IDS, &[4_i64, 9])),
    fixable("E13", "/pop/offsets: wrong type, expected uint64, found uint32", |f| list(f, OFFSETS, &[0_u32, 2, 3])),
    damage("E14", "/pop/node_ids: wrong shape, expected one dimension, found [1, 2]", |f| {
        put(f, IDS, &ndarray::arr2(&[[4_u64, 9]]));
    }),
    damage("E14", "/pop/offsets: wrong shape, expected one dimension, found []", |f| scalar(f, OFFSETS, 0_u64)),
    fixable("E15", "/pop/offsets: wrong length, expected 3 offsets (one more than nodes), found 2", |f| {
        list(f, OFFSETS, &[0_u64, 2]);
    }),
    fixable("E15", "/pop/offsets: wrong length, expected 3 offsets (one more than nodes), found 2", |f| {
        list(f, OFFSETS, &[2_u64, 3]);
    }),
    damage("E15", "/pop/offsets: wrong length, expected 3 offsets (one more than nodes), found 4", |f| {
        list(f, OFFSETS, &[0_u64, 2, 3, 3]);
    }),
    damage("E15", "/pop/offsets: wrong length, expected 3 offsets (one more than nodes), found 0", |f| {
        list::<u64>(f, OFFSETS, &[]);
    }),
    fixable("E16", "/pop/offsets: all offsets are shifted, expected 3 from 0 to 3, found 1 to 4", |f| {
        list(f, OFFSETS, &[1_u64, 3, 4]);
    }),
    damage("E17", "/pop/offsets[0]: offsets do not begin at the first row, expected 0, found 1", |f| {
        list(f, OFFSETS, &[1_u64, 2, 3]);
    }),
    damage("E18", "/pop/offsets[2]: offset smaller than the one before, expected at least 5, found 3", |f| {
        list(f, OFFSETS, &[0_u64, 5, 3]);
    }),
    damage(
        "E19",
        "/pop/offsets[2]: last offset is not the number of rows of `scaling_factors`, expected 3, found 9",
        |f| list(f, OFFSETS, &[0_u64, 2, 9]),
    ),
    damage(
        "E19",
        "/pop/offsets[2]: last offset is not the number of rows of `scaling_factors`, expected 2, found 3",
        |f| table(f, (2, 2), &FACTORS[..4]),
    ),
    damage(
        "E20",
        "/pop/offsets[2]: last offset is not the number of rows of `scaling_factors`, expected 3, found 2",
        |f| list(f, OFFSETS, &[0_u64, 1, 2]),
    ),
    damage("E21", "/pop/offsets[0]: node 4 has no rows, expected at least one", |f| list(f, OFFSETS, &[0_u64, 0, 3])),
    damage("E22", "/pop/node_ids[1]: node listed twice, expected each once, found `4` again", |f| {
        list(f, IDS, &[4_u64, 4]);
    }),
    fixable("E23", "/pop/node_ids[1]: node ids are not ascending, expected more than 9, found 4", |f| {
        list(f, IDS, &[9_u64, 4]);
    }),
    damage("E24", "/pop/node_ids: no nodes, expected at least one", |f| {
        list::<u64>(f, IDS, &[]);
        list(f, OFFSETS, &[0_u64]);
        table(f, (0, 2), &[]);
    }),
    fixable("E25", "/pop/neurite_types: wrong shape, expected [3], found [2]", |f| {
        list(f, "/pop/neurite_types", &[0_i32, 1]);
    }),
    damage("E30", "/electrodes/pop/scaling_factors: wrong shape, expected [rows, contacts], found [6]", |f| {
        list(f, SCALING, &FACTORS);
        units(f, "V/nA");
    }),
    fixable("E31", "/electrodes/pop/scaling_factors: wrong type, expected float64, found float32", |f| {
        put(f, SCALING, &ndarray::arr2(&[[1.0_f32, 2.0], [3.0, 4.0], [5.0, 6.0]]));
        units(f, "V/nA");
    }),
    fixable("E31", "/electrodes/pop/scaling_factors: wrong type, expected float64, found int64", |f| {
        put(f, SCALING, &ndarray::arr2(&[[1_i64, 2], [3, 4], [5, 6]]));
        units(f, "V/nA");
    }),
    fixable("E32", "/electrodes/pop/scaling_factors: compressed, expected no filter, found deflate", |f| {
        unlink(f, SCALING);
        let values = ndarray::Array2::from_shape_vec((3, 2), FACTORS.to_vec()).unwrap();
        f.new_dataset_builder().shuffle().deflate(4).with_data(&values).create(SCALING).unwrap();
        units(f, "V/nA");
    }),
    fixable("E33", "/electrodes/pop/scaling_factors: stored in chunks, expected contiguous storage", |f| {
        unlink(f, SCALING);
        let values = ndarray::Array2::from_shape_vec((3, 2), FACTORS.to_vec()).unwrap();
        f.new_dataset_builder().chunk((1, 2)).with_data(&values).create(SCALING).unwrap();
        units(f, "V/nA");
    }),
    damage("E34", "/electrodes/pop/scaling_factors[1]: NaN at contact `b`, expected a finite number", |f| {
        table(f, (3, 2), &[1.0, 2.0, 3.0, f64::NAN, 5.0, 6.0]);
    }),
    damage("E35", "/electrodes/pop/scaling_factors[2]: infinite at contact `a`, expected a finite number", |f| {
        table(f, (3, 2), &[1.0, 2.0, 3.0, 4.0, f64::NEG_INFINITY, 6.0]);
    }),
    damage("E36", "/electrodes/pop/scaling_factors: all weights are 1, expected potentials of 1 nA, in V", |f| {
        table(f, (3, 2), &[1.0; 6]);
    }),
    damage("E37", "/electrodes/pop/scaling_factors: all weights of contact `b` are 0", |f| {
        table(f, (3, 2), &[1.0, 0.0, 3.0, 0.0, 5.0, 0.0]);
    }),
    fixable(
        "E38",
        "/electrodes/pop/scaling_factors: column 2 without a contact is all ones, expected 2 columns, found 3",
        |f| table(f, (3, 3), &[1.0, 2.0, 1.0, 3.0, 4.0, 1.0, 5.0, 6.0, 1.0]),
    ),
    damage("E39", "/electrodes/pop/scaling_factors: column 2 has no contact, expected one", |f| {
        table(f, (3, 3), &[1.0, 2.0, 7.0, 3.0, 4.0, 8.0, 5.0, 6.0, 9.0]);
    }),
    damage(
        "E40",
        "/electrodes: no contacts, expected at least one: columns have no names, and the simulator's report only \
         numbers them",
        |f| {
            unlink(f, "/electrodes/a");
            unlink(f, "/electrodes/b");
        },
    ),
    damage(
        "E08",
        "/electrodes/pop/scaling_factors: compressed by a filter that cannot be decoded, expected `deflate` or \
         none, found `zstd`",
        |f| compressed_by(f, SCALING, 32015),
    ),
    damage(
        "E08",
        "/electrodes/pop/scaling_factors: compressed by a filter that cannot be decoded, expected `deflate` or \
         none, found `filter 4242`",
        |f| compressed_by(f, SCALING, 4242),
    ),
    damage(
        "E86",
        "/electrodes/pop/scaling_factors[2]: all rows of node 9 are 0, expected potentials, which are never 0",
        |f| table(f, (3, 2), &[1.0, 2.0, 3.0, 4.0, 0.0, 0.0]),
    ),
    damage(
        "E86",
        "/electrodes/pop/scaling_factors[1]: 1 of 2 rows of node 4 are 0, expected potentials, which are never 0",
        |f| table(f, (3, 2), &[1.0, 2.0, 0.0, 0.0, 5.0, 6.0]),
    ),
    damage(
        "E62",
        "/electrodes/a: attribute `units` does not match the contact's type, expected `V/nA`, found `1/um3`",
        |f| text_attribute(&f.group("/electrodes/a").unwrap(), "units", "1/um3"),
    ),
    fixable("E63", "/electrodes/b: attribute `units` missing, expected `1/um3` because `per_volume` is set", |f| {
        text(f, "/electrodes/b/type", &["ObjectiveCSD_Sphere"]);
        text_attribute(&f.dataset("/electrodes/b/type").unwrap(), "per_volume", "true");
    }),
    fixable("E63", "/electrodes/b: attribute `units` missing, expected `fT/nA` because the type is `MEG`", |f| {
        text(f, "/electrodes/b/type", &["MEG"]);
    }),
    fixable(
        "E63",
        "/electrodes/b: attribute `units` missing, expected `um` because the type is `CurrentDipole`",
        |f| {
            text(f, "/electrodes/b/type", &["CurrentDipole"]);
        },
    ),
    damage(
        "E62",
        "/electrodes/b: attribute `units` does not match the contact's type, expected `fT/nA`, found `V/nA`",
        |f| {
            text(f, "/electrodes/b/type", &["MEG"]);
            text_attribute(&f.group("/electrodes/b").unwrap(), "units", "V/nA");
        },
    ),
    damage("E41", "/electrodes/b/pop: missing, expected the number of the contact's column", |f| {
        unlink(f, "/electrodes/b/pop");
    }),
    damage("E42", "/electrodes/b/pop: column number out of range, expected an integer below 2, found 2", |f| {
        scalar(f, "/electrodes/b/pop", 2_u64);
    }),
    damage("E42", "/electrodes/a/pop: column number out of range, expected an integer below 2, found -1", |f| {
        scalar(f, "/electrodes/a/pop", -1_i64);
    }),
    damage("E42", "/electrodes/a/pop: column number out of range, expected an integer below 2, found 0.5", |f| {
        scalar(f, "/electrodes/a/pop", 0.5);
    }),
    damage("E43", "/electrodes/b/pop: column 0 used twice, expected once, found also at contact `a`", |f| {
        scalar(f, "/electrodes/b/pop", 0_u64);
    }),
    fixable("E44", "/electrodes/a/pop: wrong type, expected a uint64 scalar, found int32 of shape []", |f| {
        scalar(f, "/electrodes/a/pop", 0_i32);
    }),
    fixable("E44", "/electrodes/b/pop: wrong type, expected a uint64 scalar, found float64 of shape [1]", |f| {
        list(f, "/electrodes/b/pop", &[1.0]);
    }),
    fixable(
        "E45",
        "/electrodes/a/pop/electrode_id: column number of population `pop` is elsewhere, expected at \
         `/electrodes/a/pop`",
        |f| {
            group(f, "/electrodes/a/pop");
            scalar(f, "/electrodes/a/pop/electrode_id", 0_u64);
        },
    ),
    damage("E47", "/electrodes/a/position: missing, expected float32 `[3]`", |f| unlink(f, "/electrodes/a/position")),
    damage("E48", "/electrodes/a/position: wrong shape, expected [3], found [2]", |f| {
        list(f, "/electrodes/a/position", &[1.0_f32, 2.0]);
    }),
    damage("E48", "/electrodes/a/position: wrong type, expected floats, found unicode (var len)", |f| {
        text(f, "/electrodes/a/position", &["1", "2", "3"]);
    }),
    fixable("E49", "/electrodes/a/position: wrong type, expected float32, found float64", |f| {
        list(f, "/electrodes/a/position", &[1.0, 2.0, 3.0]);
    }),
    damage("E50", "/electrodes/a/position: not finite, expected a position in µm, found [1.0, NaN, 3.0]", |f| {
        list(f, "/electrodes/a/position", &[1.0_f32, f32::NAN, 3.0]);
    }),
    damage("E51", "/electrodes/a/type: missing, expected the name of a method", |f| unlink(f, "/electrodes/a/type")),
    damage("E52", "/electrodes/a/type: wrong type, expected strings, found int64", |f| {
        scalar(f, "/electrodes/a/type", 3_i64);
    }),
    damage(
        "E53",
        "/electrodes/a/type: unknown method, expected one that `leadfield weights` knows, found `Voltmeter`",
        |f| text(f, "/electrodes/a/type", &["Voltmeter"]),
    ),
    fixable("E54", "/electrodes/a/layer: wrong type, expected strings, found int64", |f| {
        scalar(f, "/electrodes/a/layer", 5_i64);
    }),
    fixable("E55", "/electrodes/stray: a dataset, expected the group of a contact", |f| {
        scalar(f, "/electrodes/stray", 5_i64);
    }),
    fixable("E56", "/electrodes/stray: not a contact, expected `position`, `type` and a column number", |f| {
        group(f, "/electrodes/stray");
    }),
    damage("E60", "/electrodes/pop/scaling_factors: wrong attribute `units`, expected `V/nA`, found `mV/nA`", |f| {
        put(f, SCALING, &ndarray::Array2::from_shape_vec((3, 2), FACTORS.to_vec()).unwrap());
        units(f, "mV/nA");
    }),
    fixable("E61", "/electrodes/pop/scaling_factors: attribute `units` missing, expected `V/nA`", |f| {
        put(f, SCALING, &ndarray::Array2::from_shape_vec((3, 2), FACTORS.to_vec()).unwrap());
    }),
    damage(
        "E07",
        "/electrodes/pop/scaling_factors: too many values, expected at most what a file of BYTES bytes can hold, \
         found 2000000000000 values",
        |f| {
            unlink(f, SCALING);
            let shape = (1_000_000_000_000_usize, 2);
            f.new_dataset::<f64>().chunk((1024, 2)).shape(shape).create(SCALING).unwrap();
            units(f, "V/nA");
        },
    ),
    damage(
        "E07",
        "/pop/node_ids: too many values, expected at most what a file of BYTES bytes can hold, found 4000000000000 \
         values",
        |f| {
            unlink(f, IDS);
            f.new_dataset::<u64>().chunk(1024).shape(4_000_000_000_000_usize).create(IDS).unwrap();
        },
    ),
];

/// Codes that follow from other damage: without columns no contact has a column.
fn follows(code: &str, found: &str) -> bool {
    let others: &[&str] = match code {
        "E02" => &["E41"],
        "E03" | "E04" | "E05" | "E06" | "E07" | "E30" => &["E33"],
        "E41" | "E42" | "E43" => &["E39"],
        _ => &[],
    };
    others.contains(&found)
}

fn examined(dir: &Path, options: &[&str]) -> Run {
    let args = ["validate", "electrodes-file", "w.h5", "--quiet"];
    leadfield_in(dir, &[&args, options].concat())
}

/// Returns the codes and texts of a run with `--json`.
fn findings(run: &Run) -> Vec<(String, String)> {
    let json: serde_json::Value = serde_json::from_str(&run.stdout).expect(&run.stderr);
    let text = |f: &serde_json::Value| {
        let row = f["row"].as_u64().map_or(String::new(), |row| format!("[{row}]"));
        format!("{}{row}: {}", f["object"].as_str().unwrap(), f["text"].as_str().unwrap())
    };
    json["findings"].as_array().unwrap().iter().map(|f| (f["code"].as_str().unwrap().into(), text(f))).collect()
}

#[test]
fn a_valid_file_has_no_findings() {
    let dir = scratch();
    write_valid_file(&dir.path().join("w.h5"));
    let run = examined(dir.path(), &[]);
    assert_eq!(run.ok(), "w.h5: population `pop` with 2 nodes, 3 rows, 2 columns; 2 contacts\nvalid\n");
}

#[test]
fn every_damage_has_its_finding_and_no_other() {
    assert!(CORPUS.len() >= 40);
    let mut differing = Vec::new();
    for case in CORPUS {
        let dir = scratch();
        let path = dir.path().join("w.h5");
        damaged(&path, case.make);
        let run = examined(dir.path(), &["--json"]);
        let found = findings(&run);
        let expected = case.finding.replace("BYTES", &path.metadata().unwrap().len().to_string());
        let own = found.iter().find(|(code, _)| code == case.code);
        if own.is_none_or(|(_, text)| *text != expected) {
            differing.push(format!("{}: expected {expected}, found {found:?}", case.code));
        }
        for (code, text) in &found {
            assert!(code == case.code || follows(case.code, code), "{}: also {code} {text}", case.code);
        }
        let severity = Code::parse(case.code).unwrap().description().severity;
        assert_eq!(run.code, i32::from(severity == Severity::Error), "{}", case.code);
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

#[test]
fn a_filter_that_is_not_available_is_named_with_the_remedy_by_every_tool() {
    let dir = scratch();
    let case = CORPUS.iter().find(|case| case.code == "E08").unwrap();
    damaged(&dir.path().join("w.h5"), case.make);
    let hint = "write the file again without this filter: `h5repack -f GZIP=4 FILE NEW` where HDF5 has the plugin \
                `zstd`, or Python's h5py (it has lzf; `import hdf5plugin` brings others)";
    let facts = leadfield_in(dir.path(), &["info", "w.h5"]).ok();
    assert!(facts.contains(&format!("zstd, which is not supported here: {hint}\n")), "{facts}");
    leadfield_in(dir.path(), &["validate", "weights", "w.h5", "w.h5"])
        .refused(&format!("error: w.h5: {}\nhint: {hint}", case.finding));
    leadfield_in(dir.path(), &["convert", "w.h5", "-o", "c.csv"])
        .refused(&format!("error: w.h5: {}\nhint: {hint}", case.finding));
    leadfield_in(dir.path(), &["convert", "w.h5", "-o", "c.h5"]).refused(&format!(
        "error: w.h5: cannot fix the file, expected faults that can be fixed without guessing, found `E08`: {}\n\
         hint: {} (`leadfield validate electrodes-file` lists all faults)",
        case.finding,
        Code::UnknownFilter.description().remedy
    ));
    assert_eq!(names_in(dir.path()), ["w.h5"]);
}

#[test]
fn every_code_of_a_file_alone_is_in_the_corpus() {
    let elsewhere = ["E46", "E70", "E71", "E72", "E73", "E80", "E81", "E82", "E83", "E84", "E85", "E87"];
    let codes: Vec<&str> = Code::ALL.iter().map(|c| c.description().code).filter(|c| !elsewhere.contains(c)).collect();
    let missing: Vec<_> = codes.iter().filter(|code| !CORPUS.iter().any(|case| case.code == **code)).collect();
    assert!(missing.is_empty(), "no damage for {missing:?}");
}

/// A node, and its contacts by name with their weights.
type OfNode = (u64, Vec<(String, Vec<f64>)>);

/// Returns the weights of a file by node and contact.
fn by_name(path: &Path) -> Vec<OfNode> {
    let file = ElectrodesFile::open(path).unwrap();
    let population = file.population("pop").unwrap();
    let column = |rows: &[f64], column: u64| {
        rows.chunks(population.columns() as usize).map(|row| row[column as usize]).collect::<Vec<f64>>()
    };
    let of_node = |node: u64| {
        let rows = file.read_rows(population, population.rows_of_node(node).unwrap()).unwrap();
        let contacts = file.electrodes().iter();
        contacts.map(|e| (e.name.clone(), column(&rows, e.column("pop").unwrap()))).collect()
    };
    [4, 9].map(|node| (node, of_node(node))).to_vec()
}

#[test]
fn what_can_be_fixed_is_valid_afterwards_and_has_the_same_weights() {
    for case in CORPUS.iter().filter(|case| case.fixable) {
        let dir = scratch();
        damaged(&dir.path().join("w.h5"), case.make);
        let before = std::fs::read(dir.path().join("w.h5")).unwrap();
        let run = examined(dir.path(), &["--fix", "fixed.h5"]);
        assert_eq!(run.code, 0, "{}: {}{}", case.code, run.stdout, run.stderr);
        assert!(std::fs::read(dir.path().join("w.h5")).unwrap() == before, "the input is never touched");
        let again = leadfield_in(dir.path(), &["validate", "electrodes-file", "fixed.h5", "--strict"]).ok();
        assert!(again.ends_with("valid\n"), "{}: {again}", case.code);
        // nodes that were listed as 9, 4 keep their rows
        let expected = if case.code == "E23" { [[5.0, 6.0]].concat() } else { [[1.0, 2.0], [3.0, 4.0]].concat() };
        let fixed_weights = by_name(&dir.path().join("fixed.h5"));
        let rows: Vec<f64> = (0..expected.len() / 2)
            .flat_map(|row| fixed_weights[0].1.iter().map(move |(_, values)| values[row]))
            .collect();
        assert_eq!(rows, expected, "{}", case.code);
    }
}

#[test]
fn what_cannot_be_fixed_leaves_no_file() {
    for case in CORPUS.iter().filter(|case| !case.fixable) {
        let severity = Code::parse(case.code).unwrap().description().severity;
        // a column without a contact is a warning, but a valid file cannot contain its weights
        if severity != Severity::Error && !["E39", "E40"].contains(&case.code) {
            continue;
        }
        let dir = scratch();
        damaged(&dir.path().join("w.h5"), case.make);
        let run = leadfield_in(dir.path(), &["validate", "electrodes-file", "w.h5", "--fix", "fixed.h5"]);
        assert_eq!(run.code, 1, "{}: {}", case.code, run.stderr);
        assert!(run.stderr.starts_with("not fixed, no file written: "), "{}", run.stderr);
        assert_eq!(names_in(dir.path()), ["w.h5"], "{}", case.code);
    }
}

#[test]
fn an_output_that_exists_is_kept_and_nothing_is_written_for_a_valid_file() {
    let dir = scratch();
    damaged(&dir.path().join("w.h5"), |f| list(f, IDS, &[4_i64, 9]));
    std::fs::write(dir.path().join("out.h5"), "precious").unwrap();
    let run = examined(dir.path(), &["--fix", "out.h5"]);
    run.refused("error: out.h5: exists already\nhint: choose another name, or replace it with `--force`");
    assert_eq!(std::fs::read(dir.path().join("out.h5")).unwrap(), b"precious");
    write_valid_file(&dir.path().join("w.h5"));
    examined(dir.path(), &["--fix", "new.h5"]).ok();
    assert_eq!(names_in(dir.path()), ["out.h5", "w.h5"]);
}

#[test]
fn files_of_the_original_are_recognised_and_fixed_to_the_last_bit() {
    let dir = scratch();
    let named = golden().join("reference/named.h5");
    let config = golden().join("input/circuit/simulation_config.json");
    let (named, config) = (named.to_str().unwrap(), config.to_str().unwrap());
    let args = ["validate", "electrodes-file", named, "--circuit", config, "--fix", "fixed.h5", "--quiet", "--json"];
    let run = leadfield_in(dir.path(), &args);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let mut codes: Vec<String> = findings(&run).into_iter().map(|(code, _)| code).collect();
    codes.dedup();
    assert_eq!(codes, ["E38", "E46", "E13", "E44", "E49", "E61"]);
    let mislabelled = findings(&run).into_iter().find(|(code, _)| code == "E46").unwrap().1;
    assert_eq!(
        mislabelled,
        "/electrodes/S1nonbarrel_neurons/scaling_factors: columns are in the order of sorted names, but their numbers \
         are not: certain, attribute `version` of `node_ids` is `0.2.1`; mislabelled: `e10`, `e2`"
    );
    // the correct interpretation finds the same weights
    let compare = ["validate", "weights", "fixed.h5", named, "--rtol", "0", "--ignore-extra-column"];
    leadfield_in(dir.path(), &[&compare[..], &["--columns", "sorted-names"]].concat()).ok();
    assert_eq!(leadfield_in(dir.path(), &compare).code, 1);
}

#[test]
fn a_file_that_was_laid_out_and_never_computed_is_reported() {
    let path = golden().join("reference/e6_initialised_only.h5");
    let run = leadfield(&["validate", "electrodes-file", path.to_str().unwrap(), "--json"]);
    assert_eq!(run.code, 1);
    assert!(findings(&run).iter().any(|(code, _)| code == "E36"));
}

/// Validates a damaged copy of the reference file `np8` against the circuit.
fn against_circuit(damage: impl FnOnce(&Damaged)) -> Vec<(String, String)> {
    let dir = scratch();
    let path = dir.path().join("w.h5");
    std::fs::copy(golden().join("reference/np8.h5"), &path).unwrap();
    edited(&path, damage);
    let config = golden().join("input/circuit/simulation_config.json");
    let run = examined(dir.path(), &["--json", "--circuit", config.to_str().unwrap()]);
    let kept = ["E38", "E13", "E44", "E49", "E61"];
    let of_circuit = findings(&run).into_iter().filter(|(code, _)| !kept.contains(&code.as_str()));
    of_circuit.map(|(code, text)| (code, text.replace(config.to_str().unwrap(), "CONFIG"))).collect()
}

const POP: &str = "/S1nonbarrel_neurons";

#[test]
fn the_file_is_held_against_the_circuit() {
    assert_eq!(against_circuit(|_| ()), []);
    let ids = |f: &Damaged| f.dataset(&format!("{POP}/node_ids")).unwrap().read_raw::<u64>().unwrap();
    let offsets = |f: &Damaged| f.dataset(&format!("{POP}/offsets")).unwrap().read_raw::<u64>().unwrap();
    // the last node, 23 in the circuit, with an id that the circuit does not have
    let found = against_circuit(|f| {
        let mut ids = ids(f);
        let last = ids.len() - 1;
        assert_eq!(ids[last], 23);
        ids[last] = 77;
        list(f, &format!("{POP}/node_ids"), &ids);
    });
    let missing = format!("{POP}/node_ids: node 23 missing, expected all 20 nodes of CONFIG");
    let unknown = format!("{POP}/node_ids[19]: unknown node, expected a node of CONFIG, found `77`");
    assert_eq!(found, [("E71".to_string(), missing), ("E72".to_string(), unknown)]);
    // one row moved from the first node to the second
    let (mut first, mut second, mut node) = (0, 0, 0);
    let found = against_circuit(|f| {
        let mut offsets = offsets(f);
        (first, second, node) = (offsets[1], offsets[2] - offsets[1], ids(f)[0]);
        offsets[1] -= 1;
        list(f, &format!("{POP}/offsets"), &offsets);
    });
    assert!(second > 1, "the second node has rows to compare");
    let count = format!(
        "{POP}/offsets[0]: wrong number of rows at node {node}, expected {first} segments as in CONFIG, found {}",
        first - 1
    );
    assert_eq!(found, [("E73".to_string(), count)]);
    let found = against_circuit(|f| {
        f.unlink(POP).unwrap();
        f.unlink(&format!("/electrodes{POP}")).unwrap();
    });
    assert_eq!(found[1].0, "E70");
    assert_eq!(found[1].1, "/: population `S1nonbarrel_neurons` of CONFIG is missing, found none");
}

#[test]
fn exchanged_nodes_are_reported_as_such() {
    let found = against_circuit(|f| {
        let path = format!("{POP}/node_ids");
        let mut ids = f.dataset(&path).unwrap().read_raw::<u64>().unwrap();
        ids.reverse();
        list(f, &path, &ids);
    });
    let (code, text) = &found[0];
    assert_eq!(code, "E73");
    assert!(text.ends_with("; the same numbers occur at other nodes: ids or offsets are in another order"), "{text}");
}

#[test]
fn a_file_that_cannot_be_opened_is_an_error() {
    let dir = scratch();
    let path = dir.path().join("w.h5");
    examined(dir.path(), &[]).refused("error: w.h5: cannot be read: no such file or directory");
    write_valid_file(&path);
    let whole = std::fs::read(&path).unwrap();
    let mut cut = vec![whole[..whole.len() / 2].to_vec(), whole[..8].to_vec(), vec![], b"a,b\n".to_vec()];
    cut.push([&b"\0\0\0\0"[..], &whole[4..]].concat());
    for bytes in cut {
        std::fs::write(&path, bytes).unwrap();
        let run = examined(dir.path(), &[]);
        assert_eq!(run.code, 2);
        // the text after the colon is that of the HDF5 library
        assert!(run.stderr.starts_with("error: w.h5: not a readable HDF5 file: "), "{}", run.stderr);
        assert_eq!(run.stderr.lines().nth(1), Some("hint: the file may be cut short, or be of another format"));
    }
}

#[test]
fn unsorted_names_without_a_version_are_reported_as_likely_and_not_fixed() {
    let dir = scratch();
    damaged(&dir.path().join("w.h5"), |f| {
        table(f, (3, 3), &[1.0, 2.0, 1.0, 3.0, 4.0, 1.0, 5.0, 6.0, 1.0]);
        scalar(f, "/electrodes/a/pop", 1_u64);
        scalar(f, "/electrodes/b/pop", 0_u64);
    });
    let run = examined(dir.path(), &["--json"]);
    assert_eq!(
        findings(&run)[1],
        (
            "E46".into(),
            "/electrodes/pop/scaling_factors: columns are in the order of sorted names, but their numbers are not: \
             likely, the extra column of ones is typical of BlueRecording 0.2.1; \
             mislabelled: `a`, `b`"
                .into()
        )
    );
    let run = leadfield_in(dir.path(), &["validate", "electrodes-file", "w.h5", "--fix", "fixed.h5"]);
    assert_eq!(run.stderr, "not fixed, no file written: `E46` cannot be fixed without guessing\n");
}

#[test]
fn the_page_has_every_code_as_the_program_lists_it() {
    let page = std::fs::read_to_string(crate::support::root().join("docs/findings.md")).unwrap();
    let listed = leadfield(&["validate", "electrodes-file", "--list-findings"]).ok();
    for code in Code::ALL {
        let entry = code.description();
        let fix = if entry.fixable { "yes" } else { "" };
        let first_word = |text: &'static str| text.split(' ').next().unwrap_or_default();
        let (libsonata, simulator) = (first_word(entry.libsonata.name()), first_word(entry.simulator.name()));
        let row = format!(
            "| {} | {} | {} | {libsonata} | {simulator} | {fix} |\n",
            entry.code,
            entry.severity.name(),
            entry.title
        );
        assert!(page.contains(&row), "docs/findings.md lacks: {row}");
        assert!(listed.contains(&format!("{}  {}", entry.code, entry.severity.name())), "{}", entry.code);
    }
    assert_eq!(page.lines().filter(|l| l.starts_with("| E")).count(), Code::ALL.len());
}
