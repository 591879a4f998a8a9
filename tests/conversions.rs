//! `convert` preserves its inputs: positions, electrodes, electrodes files, reports; one by one and many at once.

use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type, UInt32Type, UInt64Type};
use leadfield::convert::bluerecording;
use leadfield::convert::columnar::ColumnarFile;
use leadfield::convert::weight_table::BatchSource;
use leadfield::io::hdf5::Hdf5File;
use leadfield::segments::table::{SegmentTable, write_part};
use leadfield::sonata::electrodes_file::ElectrodesFile;

use crate::support::{Run, copy_folder, golden, leadfield_in, names_in, scratch};

fn convert(dir: &Path, args: &[&str]) -> Run {
    leadfield_in(dir, &[&["convert"], args].concat())
}

fn path(name: &str) -> String {
    golden().join(name).into_os_string().into_string().unwrap()
}

/// Converts the original's pickles to a table.
fn table(dir: &Path) {
    convert(dir, &[&path("reference/positions_2files"), "-o", "t.parquet", "--population", "S1nonbarrel_neurons"]).ok();
}

fn agree(dir: &Path, a: &str, b: &str, options: &[&str]) {
    leadfield_in(dir, &[&["validate", "weights", a, b], options].concat()).ok();
}

#[test]
fn pickles_become_the_table_whose_weights_are_the_originals() {
    let dir = scratch();
    table(dir.path());
    let table = SegmentTable::open(&dir.path().join("t.parquet")).unwrap();
    assert_eq!((table.len(), table.neurons().unwrap().len()), (3161, 20));
    let segments = table.parts()[0].read_by_row().unwrap();
    assert!(segments.radius_um.iter().all(Option::is_none));
    let soma_alone = segments.iter().all(|s| s.section_type.is_some() == (s.section_id == 0));
    assert!(soma_alone);
    let (contacts, reference) = (path("input/electrodes/np8.csv"), path("reference/np8.h5"));
    let exact = ["weights", "t.parquet", &contacts, "-o", "w.h5", "--near-field", "exact", "--quiet"];
    leadfield_in(dir.path(), &exact).ok();
    agree(dir.path(), "w.h5", &reference, &["--ignore-extra-column", "--rtol", "1e-12"]);
}

#[test]
fn a_table_becomes_the_boundaries_that_it_came_from() {
    let dir = scratch();
    table(dir.path());
    let expected = bluerecording::read(&golden().join("reference/positions_1file/0/positions0.pkl")).unwrap();
    for out in ["b.parquet", "b.h5"] {
        convert(dir.path(), &["t.parquet", "-o", out, "--to", "boundaries"]).ok();
        assert_eq!(bluerecording::read(&dir.path().join(out)).unwrap(), expected, "{out}");
        // and back again
        let back = format!("{out}.again.parquet");
        convert(dir.path(), &[out, "-o", &back, "--to", "table", "--population", "S1nonbarrel_neurons"]).ok();
        let bytes = |name: &str| std::fs::read(dir.path().join(name)).unwrap();
        assert!(bytes(&back) == bytes("t.parquet"), "{out}");
    }
}

#[test]
fn a_folder_of_parts_is_made_and_taken() {
    let dir = scratch();
    let pattern = format!("{}/*/positions*.pkl", path("reference/positions_2files"));
    let output = convert(dir.path(), &[&pattern, "-o", "parts", "--jobs", "2"]);
    assert_eq!(output.code, 0);
    let lines: Vec<&str> = output.stderr.lines().collect();
    assert_eq!(lines[0], "note: positions state no population: using `default`; set it with `--population NAME`");
    let two = golden().join("reference/positions_2files/0");
    let neurons = |k: usize| bluerecording::read(&two.join(format!("positions{k}.pkl"))).unwrap();
    for (k, line) in lines[1..3].iter().enumerate() {
        let segments: u64 = neurons(k).iter().map(bluerecording::NeuronPositions::segment_count).sum();
        let file = two.join(format!("positions{k}.pkl"));
        assert_eq!(*line, format!("{}: {} neurons, {segments} segments", file.display(), neurons(k).len()));
    }
    assert!(lines[3].starts_with("parts: 3161 segments, 20 neurons of population `default`, 1 part, "), "{}", lines[3]);
    convert(dir.path(), &["parts", "-o", "b.h5"]).ok();
    assert_eq!(bluerecording::read(&dir.path().join("b.h5")).unwrap(), [neurons(0), neurons(1)].concat());
}

#[test]
fn a_table_as_arrow_and_csv_has_every_segment_in_order() {
    let dir = scratch();
    table(dir.path());
    convert(dir.path(), &["t.parquet", "-o", "t.arrow"]).ok();
    convert(dir.path(), &["t.parquet", "-o", "t.csv"]).ok();
    let segments = SegmentTable::open(&dir.path().join("t.parquet")).unwrap().parts()[0].read_by_row().unwrap();
    let mut row = 0;
    ColumnarFile::open(&dir.path().join("t.arrow"))
        .unwrap()
        .for_each_batch(&mut |batch| {
            let (ids, x) = (batch["node_id"].as_primitive::<UInt64Type>(), batch["x1"].as_primitive::<Float64Type>());
            for i in 0..batch.num_rows() {
                assert_eq!((ids.value(i), x.value(i)), (segments.node_id[row], segments.end[row].x));
                row += 1;
            }
            Ok(())
        })
        .unwrap();
    assert_eq!(row, 3161);
    let csv = std::fs::read_to_string(dir.path().join("t.csv")).unwrap();
    let mut lines = csv.lines();
    assert_eq!(lines.next().unwrap(), "node_id,section_id,segment_id,section_type,x0,y0,z0,x1,y1,z1,radius,row");
    for (i, line) in lines.enumerate() {
        let cells: Vec<&str> = line.split(',').collect();
        assert_eq!(cells[7].parse::<f64>().unwrap(), segments.end[i].x);
        assert_eq!((cells[10], cells[11].parse::<usize>().unwrap()), ("", i));
        assert_eq!(cells[3], if segments.section_id[i] == 0 { "soma" } else { "" });
    }
}

#[test]
fn files_of_the_original_become_ones_that_every_client_accepts() {
    let dir = scratch();
    table(dir.path());
    let contacts = path("input/electrodes/named.csv");
    let exact = ["weights", "t.parquet", &contacts, "-o", "w.h5", "--near-field", "exact", "--quiet"];
    leadfield_in(dir.path(), &exact).ok();
    let said = convert(dir.path(), &[&path("reference/named.h5"), "-o", "m.h5"]);
    // e1, e2, e10, ref: sorted as text e10 comes before e2
    let expected = format!(
        "{} -> m.h5: 4 contacts, 20 nodes, 3161 rows\n  \
         fixed E13: integers are not uint64 (2 times)\n  \
         fixed E38: an extra column of ones without a contact, as BlueRecording 0.2.1 writes\n  \
         fixed E44: a column number is not a uint64 scalar (4 times)\n  \
         fixed E46: columns are in the order of sorted names, but their numbers are in file order\n  \
         fixed E49: a `position` is not float32 (4 times)\n  \
         fixed E61: `scaling_factors` has no attribute `units`\n",
        path("reference/named.h5")
    );
    assert_eq!((said.code, said.stderr), (0, expected));
    agree(dir.path(), "m.h5", "w.h5", &["--rtol", "1e-12"]);
    let file = ElectrodesFile::open(&dir.path().join("m.h5")).unwrap();
    assert_eq!((file.populations()[0].columns(), file.populations()[0].units()), (4, Some("V/nA")));
    // with the index of the file the labels remain wrong
    convert(dir.path(), &[&path("reference/named.h5"), "-o", "i.h5", "--columns", "index"]).ok();
    let run = leadfield_in(dir.path(), &["validate", "weights", "i.h5", "w.h5", "--rtol", "1e-12"]);
    assert_eq!(run.code, 1);
}

#[test]
fn nodes_in_any_order_are_put_in_order() {
    let dir = scratch();
    let file = Hdf5File::create(&dir.path().join("w.h5")).unwrap();
    for group in ["/p", "/electrodes", "/electrodes/p", "/electrodes/e"] {
        file.create_group(group).unwrap();
    }
    file.write_dataset("/p/node_ids", &[9_i64, 2, 5], &[3]).unwrap();
    file.write_dataset("/p/offsets", &[0_i64, 2, 3, 6], &[4]).unwrap();
    let rows = [90.0_f64, 91.0, 20.0, 50.0, 51.0, 52.0];
    file.write_dataset("/electrodes/p/scaling_factors", &rows, &[6, 1]).unwrap();
    file.write_dataset("/electrodes/e/position", &[1.0_f64, 2.0, 3.0], &[3]).unwrap();
    file.write_strings("/electrodes/e/type", &["LineSource"], &[]).unwrap();
    file.write_dataset("/electrodes/e/p", &[0_i64], &[]).unwrap();
    file.close().unwrap();
    convert(dir.path(), &["w.h5", "-o", "m.h5"]).ok();
    let mended = ElectrodesFile::open(&dir.path().join("m.h5")).unwrap();
    let population = &mended.populations()[0];
    assert_eq!((population.node_ids(), population.offsets()), (&[2, 5, 9][..], &[0, 1, 4, 6][..]));
    assert_eq!(mended.read_rows(population, 0..6).unwrap(), [20.0, 50.0, 51.0, 52.0, 90.0, 91.0]);
}

#[test]
fn weights_as_columns_come_back_to_the_bit() {
    let dir = scratch();
    convert(dir.path(), &[&path("reference/np8.h5"), "-o", "m.h5"]).ok();
    let bytes = |name: &str| {
        let file = ElectrodesFile::open(&dir.path().join(name)).unwrap();
        let p = &file.populations()[0];
        let columns: Vec<_> = file
            .read_descriptions()
            .unwrap()
            .iter()
            .map(|(e, d)| (e.name.clone(), d.position_um, e.column(p.name())))
            .collect();
        let bits: Vec<u64> = file.read_rows(p, 0..p.rows()).unwrap().into_iter().map(f64::to_bits).collect();
        (p.node_ids().to_vec(), p.offsets().to_vec(), columns, bits)
    };
    for (name, options) in
        [("l.parquet", &[][..]), ("w.parquet", &["--wide"]), ("l.arrow", &[]), ("w.arrow", &["--wide"])]
    {
        convert(dir.path(), &[&["m.h5", "-o", name], options].concat()).ok();
        let back = format!("{name}.h5");
        convert(dir.path(), &[name, "-o", &back]).ok();
        assert!(bytes(&back) == bytes("m.h5"), "{name}");
    }
    // float32 only if it is requested
    convert(dir.path(), &["m.h5", "-o", "s.parquet", "--wide", "--precision", "f32"]).ok();
    convert(dir.path(), &["s.parquet", "-o", "s.h5"]).ok();
    let (single, double) = (bytes("s.h5").3, bytes("m.h5").3);
    assert!(single.iter().zip(&double).all(|(s, d)| f64::from_bits(*s) == f64::from(f64::from_bits(*d) as f32)));
    assert_ne!(single, double);
}

#[test]
fn values_that_float32_does_not_have_are_refused() {
    let dir = scratch();
    let dir = dir.path();
    crate::malformed::electrodes_file::with_factors(&dir.join("w.h5"), 1e39, None);
    let weights = ElectrodesFile::open(&dir.join("w.h5")).unwrap();
    let first = weights.read_rows(&weights.populations()[0], 0..1).unwrap()[0];
    for shape in [&[][..], &["--wide"]] {
        convert(dir, &[&["w.h5", "-o", "w.parquet", "--precision", "f32"], shape].concat()).refused(&format!(
            "error: w.h5: /electrodes/pop/scaling_factors[0]: weight at contact `a` out of range, expected float32 numbers, \
             found {first:e}\nhint: store weights as float64: leave `--precision f32` out"
        ));
        convert(dir, &[&["w.h5", "-o", "double.parquet", "--force"], shape].concat()).ok();
    }
    // currents are stored as float32 in columns
    let report = Hdf5File::create(&dir.join("r.h5")).unwrap();
    report.create_group("/report/pop/mapping").unwrap();
    let at = |name: &str| format!("/report/pop/{name}");
    report.write_dataset(&at("mapping/node_ids"), &[4_u64, 9], &[2]).unwrap();
    report.write_dataset(&at("mapping/index_pointers"), &[0_u64, 1, 2], &[3]).unwrap();
    report.write_dataset(&at("mapping/element_ids"), &[0_u32, 0], &[2]).unwrap();
    report.write_dataset(&at("mapping/time"), &[0.0_f64, 2.0, 1.0], &[3]).unwrap();
    report.write_dataset(&at("data"), &[0.0_f64, 1.0, 2.0, -1e39], &[2, 2]).unwrap();
    report.close().unwrap();
    convert(dir, &["r.h5", "-o", "r.csv"]).refused(
        "error: r.h5: /report/pop/data[1]: value of node 9 out of range, expected float32 numbers, found -1e39",
    );
    // a table whose last segment ends far away
    let config = golden().join("input/circuit/simulation_config.json");
    leadfield_in(dir, &["positions", config.to_str().unwrap(), "-o", "s.parquet", "--quiet"]).ok();
    let table = SegmentTable::open(&dir.join("s.parquet")).unwrap();
    let mut segments = table.parts()[0].read_by_row().unwrap();
    let last = segments.len() - 1;
    segments.end[last].y = 4e38;
    let (neurons, precision) = (table.neurons().unwrap(), leadfield::segments::table::Precision::F64);
    write_part(&dir.join("far.parquet"), &segments, &neurons, table.metadata(), precision).unwrap();
    let [node, section, segment] =
        [segments.node_id[last], segments.section_id[last].into(), segments.segment_id[last].into()];
    let problem = format!(
        "node[{node}]: coordinate of segment {segment} of section {section} out of range, expected float32 numbers, found \
         4e38 um\nhint: store coordinates as float64: `--precision f64`"
    );
    convert(dir, &["far.parquet", "-o", "far.arrow", "--precision", "f32"])
        .refused(&format!("error: far.parquet: {problem}"));
    let single = leadfield::segments::table::Precision::F32;
    let error = write_part(&dir.join("single.parquet"), &segments, &neurons, table.metadata(), single).unwrap_err();
    let expected = format!("{}: {}", dir.join("single.parquet").display(), problem.lines().next().unwrap());
    assert_eq!(error.to_string(), expected);
    assert_eq!(names_in(dir), ["double.parquet", "far.parquet", "r.h5", "s.parquet", "w.h5"]);
}

#[test]
fn columns_of_other_quantities_keep_their_unit_in_every_format() {
    let dir = scratch();
    table(dir.path());
    let csv = "name,x,y,z,type,per_volume\np,0,0,0,PointSource,\ns,0,0,0,ObjectiveCSD_Sphere_200,\n\
               v,0,0,0,ObjectiveCSD_Sphere_200,true\n";
    std::fs::write(dir.path().join("e.csv"), csv).unwrap();
    leadfield_in(dir.path(), &["weights", "t.parquet", "e.csv", "-o", "w.h5", "--quiet"]).ok();
    convert(dir.path(), &["w.h5", "-o", "copy.h5", "--quiet"]).ok();
    convert(dir.path(), &["w.h5", "-o", "c.parquet", "--wide", "--quiet"]).ok();
    convert(dir.path(), &["c.parquet", "-o", "back.h5", "--quiet"]).ok();
    for name in ["w.h5", "copy.h5", "back.h5"] {
        let path = dir.path().join(name);
        let attributes = Hdf5File::open(&path).unwrap();
        let stated = |contact: &str| attributes.read_string_attribute(&format!("/electrodes/{contact}"), "units");
        assert_eq!(["p", "s", "v"].map(stated), [None, Some("1".into()), Some("1/um3".into())], "{name}");
        let whole = attributes.read_string_attribute("/electrodes/S1nonbarrel_neurons/scaling_factors", "units");
        assert_eq!(whole.as_deref(), Some("V/nA"), "{name}");
        let file = ElectrodesFile::open(&path).unwrap();
        let unit = |contact: &str| file.column_unit(&file.populations()[0], contact).unwrap();
        assert_eq!(["p", "s", "v"].map(unit), ["V/nA", "1", "1/um3"]);
        let text = leadfield_in(dir.path(), &["validate", "electrodes-file", name]).ok();
        assert!(text.ends_with("valid\n"), "{text}");
    }
    let facts = leadfield_in(dir.path(), &["info", "w.h5"]).ok();
    assert!(facts.contains("ObjectiveCSD_Sphere, per_volume true, radius 200, units 1/um3: 1 contact"), "{facts}");
    assert!(facts.contains("ObjectiveCSD_Sphere, radius 200, units 1: 1 contact"), "{facts}");
    agree(dir.path(), "w.h5", "back.h5", &["--rtol", "0"]);
    // a share, and a share divided by a volume, are different quantities
    std::fs::write(dir.path().join("f.csv"), csv.replace("200,\nv", "200,true\nv")).unwrap();
    leadfield_in(dir.path(), &["weights", "t.parquet", "f.csv", "-o", "x.h5", "--quiet"]).ok();
    let run = leadfield_in(dir.path(), &["validate", "weights", "w.h5", "x.h5"]);
    assert_eq!(run.code, 1);
    let line = "units: 1 in w.h5, 1/um3 in x.h5, at contacts `s`: no client converts units\n";
    assert!(run.stdout.contains(line), "{}", run.stdout);
}

#[test]
fn electrodes_are_converted_back_and_losses_are_reported() {
    let dir = scratch();
    let csv = path("input/electrodes/named.csv");
    convert(dir.path(), &[&csv, "-o", "e.json"]).ok();
    convert(dir.path(), &["e.json", "-o", "e.csv"]).ok();
    convert(dir.path(), &[&csv, "-o", "f.csv"]).ok();
    let text = |name: &str| std::fs::read_to_string(dir.path().join(name)).unwrap();
    assert_eq!(text("e.csv"), text("f.csv"));
    let said = convert(dir.path(), &["e.csv", "-o", "p.json", "--to", "probeinterface"]);
    assert_eq!(
        said.stderr,
        "e.csv -> p.json: 4 contacts\n  layer lost of 4 contacts\n  region lost of 4 contacts\n  type lost of 2 \
         contacts\n  shape of 4 contacts unknown: written as circles of radius 1 µm\n"
    );
    let places = |name: &str| {
        let read = leadfield::electrodes::read(&dir.path().join(name)).unwrap();
        read.into_iter().map(|e| (e.name, e.position_um)).collect::<Vec<_>>()
    };
    assert_eq!(places("p.json"), places("e.csv"));
}

#[test]
fn a_report_becomes_a_row_for_each_element_and_frame() {
    let dir = scratch();
    let report = golden().join("input/circuit/output/compartment.h5");
    convert(dir.path(), &[report.to_str().unwrap(), "-o", "r.parquet"]).ok();
    let file = Hdf5File::open(&report).unwrap();
    let population = &file.member_names("/report").unwrap()[0];
    let at = |name: &str| format!("/report/{population}/{name}");
    let data = file.read_floats(&at("data")).unwrap();
    let sections = file.read_u32(&at("mapping/element_ids")).unwrap();
    let time = file.read_floats(&at("mapping/time")).unwrap();
    let mut row = 0;
    ColumnarFile::open(&dir.path().join("r.parquet"))
        .unwrap()
        .for_each_batch(&mut |batch| {
            let (value, section) =
                (batch["value"].as_primitive::<Float32Type>(), batch["section_id"].as_primitive::<UInt32Type>());
            let times = batch["time"].as_primitive::<Float64Type>();
            for i in 0..batch.num_rows() {
                let (frame, element) = (row / sections.len(), row % sections.len());
                assert_eq!(f64::from(value.value(i)), data[row]);
                assert_eq!(section.value(i), sections[element]);
                assert_eq!(times.value(i), time[0] + frame as f64 * time[2]);
                row += 1;
            }
            Ok(())
        })
        .unwrap();
    assert_eq!((row, row), (data.len(), 20 * 3161));
}

#[test]
fn a_file_that_fails_does_not_stop_the_others() {
    let dir = scratch();
    copy_folder(&golden().join("input/electrodes"), &dir.path().join("in"));
    std::fs::create_dir(dir.path().join("some")).unwrap();
    for name in ["np8.csv", "named.csv"] {
        std::fs::rename(dir.path().join("in").join(name), dir.path().join("some").join(name)).unwrap();
    }
    std::fs::write(dir.path().join("some/bad.csv"), "name,x\n1,2\n").unwrap();
    let run = convert(dir.path(), &["some", "-o", "out", "--to", "json"]);
    let lines: Vec<&str> = run.stderr.lines().collect();
    assert_eq!(run.code, 2);
    assert_eq!(lines.len(), 4, "{lines:?}");
    assert!(lines[0].starts_with("error: some/bad.csv: line[1]: no column `y`"), "{lines:?}");
    assert_eq!(lines[1], "some/named.csv -> out/named.json: 4 contacts");
    assert_eq!(lines[2], "some/np8.csv -> out/np8.json: 8 contacts");
    assert_eq!(lines[3], "error: not all files were converted, expected 3, found 2");
    assert_eq!(names_in(&dir.path().join("out")), ["named.json", "np8.json"]);
}

#[test]
fn a_table_of_some_of_its_files_is_made_only_when_asked_for() {
    let dir = scratch();
    copy_folder(&golden().join("reference/positions_2files/0"), &dir.path().join("old"));
    std::fs::write(dir.path().join("old/positions2.pkl"), b"\x80\x04}.").unwrap();
    let run = convert(dir.path(), &["old", "-o", "t.parquet", "--quiet"]);
    run.refused(
        "error: old/positions2.pkl: byte[2]: wrong pickle, expected a `DataFrame`, found a dictionary of 0\n\
         error: incomplete table, expected all 3 files to be read, found 2\n\
         hint: use `--skip-failed` to write a table of the others; row numbers then count only those",
    );
    assert_eq!(names_in(dir.path()), ["old"]);
    let run = convert(dir.path(), &["old", "-o", "t.parquet", "--quiet", "--skip-failed"]);
    assert_eq!(run.code, 2);
    assert_eq!(SegmentTable::open(&dir.path().join("t.parquet")).unwrap().len(), 3161);
}

#[test]
fn what_cannot_be_is_refused() {
    let dir = scratch();
    table(dir.path());
    let pickle = path("reference/positions_1file/0/positions0.pkl");
    let (weights, csv) = (path("reference/np8.h5"), path("input/electrodes/np8.csv"));
    let refused = |args: &[&str], message: &str| convert(dir.path(), &[args, &["--quiet"]].concat()).refused(message);
    refused(
        &[&pickle, &path("reference/positions_2files/0/positions1.pkl"), "-o", "u.parquet"],
        &format!(
            "error: {}: neuron in two files, expected each in one, found node {} in `{pickle}` too\n\
             hint: give the files of one run of one circuit\n\
             error: incomplete table, expected all 2 files to be read, found 1\n\
             hint: use `--skip-failed` to write a table of the others; row numbers then count only those",
            path("reference/positions_2files/0/positions1.pkl"),
            bluerecording::read(&golden().join("reference/positions_2files/0/positions1.pkl")).unwrap()[0].node_id,
        ),
    );
    refused(
        &[&pickle, "-o", "t.parquet"],
        "error: t.parquet: exists already\nhint: choose another name, or replace it with `--force`",
    );
    refused(
        &[&weights, "-o", "w.h5", "--precision", "f32"],
        &format!(
            "error: {weights}: electrodes files are float64, expected `--precision f64`, found `f32`\n\
             hint: simulators read only float64; tables of weights can be float32"
        ),
    );
    refused(
        &["t.parquet", "-o", "u.parquet"],
        "error: u.parquet: two formats have this ending, expected `--to boundaries` for positions of a segment table \
         in Parquet",
    );
    refused(
        &[&csv, "-o", "e.parquet"],
        "error: e.parquet: cannot convert electrodes to `parquet`, expected one of `csv`, `json`, `probeinterface`",
    );
    refused(
        &[&csv, "-o", "e"],
        "error: e: unknown output format, expected a name that ends in .parquet, .arrow, .csv, .json or .h5\n\
         hint: or give the format: `--to csv`",
    );
    refused(
        &[&pickle, &csv, "-o", "u"],
        &format!(
            "error: inputs of several types, expected one type for one table, found electrodes (`{csv}`) and positions \
             (`{pickle}`)\nhint: convert each type with a separate command"
        ),
    );
    refused(
        &[&weights, &csv, "-o", "u.h5"],
        "error: u.h5: not a folder name, expected a folder for 2 outputs\nhint: name a folder, and give the format \
         with `--to`",
    );
    refused(
        &[&pickle, "-o", "u.csv"],
        "error: u.csv: cannot convert positions to `csv`, expected one of `table`, `boundaries`",
    );
    refused(
        &["t.parquet", "-o", "u.csv", "--population", "other"],
        "error: t.parquet: no such population, expected `S1nonbarrel_neurons`, found `other`",
    );
    refused(
        &[&weights, "-o", "w.h5", "--population", "other"],
        &format!("error: {weights}: no such population, expected `S1nonbarrel_neurons`, found `other`"),
    );
    refused(&["no*.pkl", "-o", "u"], "error: no*.pkl: no files match, expected at least one");
    refused(&["none.pkl", "-o", "u"], "error: none.pkl: cannot be read: no such file or directory");
    std::fs::write(dir.path().join("noise.bin"), [7, 0, 7, 0]).unwrap();
    refused(
        &["noise.bin", "-o", "u.h5"],
        "error: noise.bin: unknown file type, expected positions (pickle, Parquet, HDF5), a segment table, electrodes, \
         an electrodes file or a report",
    );
    std::fs::write(dir.path().join("noise.bin"), b"\x1f\x8b\x08\x00").unwrap();
    refused(
        &["noise.bin", "-o", "u.h5"],
        "error: noise.bin: a compressed file, expected positions (pickle, Parquet, HDF5), a segment table, electrodes, an \
         electrodes file or a report\n\
         hint: decompress it first: `gunzip`",
    );
    // unknown values are not invented
    crate::malformed::electrodes_file::damaged(&dir.path().join("w.h5"), |file| {
        file.unlink("/electrodes/b/position").unwrap();
    });
    refused(
        &["w.h5", "-o", "u.h5"],
        "error: w.h5: cannot fix the file, expected faults that can be fixed without guessing, found `E47`: \
         /electrodes/b/position: missing, expected float32 `[3]`\n\
         hint: store its position as float32 `[3]`, µm (`leadfield validate electrodes-file` lists all faults)",
    );
    assert_eq!(names_in(dir.path()), ["noise.bin", "t.parquet", "w.h5"]);
}

#[test]
fn a_full_disk_is_named_for_hdf5_too() {
    let dir = scratch();
    // a limit on the size of files, in blocks of 512 bytes, simulates a full disk
    let script = "trap '' XFSZ; ulimit -f 40; exec \"$0\" \"$@\"";
    let mut command = std::process::Command::new("sh");
    let pickle = path("reference/positions_1file/0/positions0.pkl");
    command.current_dir(dir.path()).args(["-c", script, env!("CARGO_BIN_EXE_leadfield")]);
    command.args(["convert", &pickle, "-o", "b.h5", "--quiet"]);
    let run = Run::of(command);
    let text = run.stderr.trim_end();
    assert!(text.starts_with("error: b.h5"), "{text}");
    assert!(text.ends_with(": /positions/block0_values: cannot be written: file too large"), "{text}");
    assert_eq!(run.code, 2);
    assert_eq!(names_in(dir.path()), [""; 0]);
}

#[test]
fn one_of_several_populations_is_not_left_of_an_electrodes_file() {
    let dir = scratch();
    for (out, name) in [("a.parquet", "left"), ("b.parquet", "right")] {
        convert(dir.path(), &[&path("reference/positions_2files"), "-o", out, "--population", name]).ok();
    }
    std::fs::write(dir.path().join("e.csv"), "name,x,y,z\nnear,0,0,900\n").unwrap();
    leadfield_in(dir.path(), &["weights", "a.parquet", "b.parquet", "e.csv", "-o", "w.h5", "--quiet"]).ok();
    convert(dir.path(), &["w.h5", "-o", "u.h5", "--population", "left"]).refused(
        "error: w.h5: several populations, expected no `--population` when an electrodes file is rewritten as a \
         whole, found `left`\n\
         hint: to convert one population to columns, name the output `.parquet`",
    );
    assert_eq!(names_in(dir.path()), ["a.parquet", "b.parquet", "e.csv", "w.h5"]);
    convert(dir.path(), &["w.h5", "-o", "u.parquet", "--population", "left"]).ok();
}

#[test]
fn no_output_takes_the_place_of_an_input() {
    let dir = scratch();
    table(dir.path());
    std::fs::copy(golden().join("reference/np8.h5"), dir.path().join("w.h5")).unwrap();
    std::fs::rename(dir.path().join("t.parquet"), dir.path().join("t.csv.partial")).unwrap();
    let before = names_in(dir.path());
    let refused = |args: &[&str], message: &str| leadfield_in(dir.path(), args).refused(message);
    let hint = "hint: choose another name for the output";
    refused(
        &["convert", "t.csv.partial", "-o", "t.csv"],
        &format!(
            "error: t.csv.partial: would be overwritten while `t.csv` is made, expected an input of another \
             name\n{hint}"
        ),
    );
    let in_place = format!("error: w.h5: is also an input, expected another file as output\n{hint}");
    refused(&["convert", "w.h5", "-o", "w.h5", "--force"], &in_place);
    refused(
        &["validate", "electrodes-file", "w.h5", "--fix", "./w.h5", "--force", "--quiet"],
        &in_place.replace("w.h5", "./w.h5"),
    );
    std::fs::copy(dir.path().join("t.csv.partial"), dir.path().join("t.parquet")).unwrap();
    let table = in_place.replace("w.h5", "t.parquet");
    refused(&["weights", "t.parquet", "e.csv", "-o", "t.parquet", "--force"], &table);
    refused(&["query", "t.parquet", "--sphere", "0,0,0,9", "-o", "t.parquet", "--force"], &table);
    refused(&["report", "t.parquet", "w.h5", "-o", "t.parquet", "--force"], &table);
    std::fs::remove_file(dir.path().join("t.parquet")).unwrap();
    assert_eq!(names_in(dir.path()), before);
    let bytes = |path: &Path| std::fs::read(path).unwrap();
    assert_eq!(bytes(&dir.path().join("w.h5")), bytes(&golden().join("reference/np8.h5")));
}

#[test]
fn folders_are_read_through_links_and_what_is_left_out_is_reported() {
    let dir = scratch();
    let at = |name: &str| dir.path().join(name);
    copy_folder(&golden().join("reference/positions_2files/0"), &at("elsewhere"));
    std::fs::create_dir(at("old")).unwrap();
    std::os::unix::fs::symlink(at("elsewhere"), at("old/0")).unwrap();
    std::os::unix::fs::symlink(at("old"), at("old/round")).unwrap();
    std::fs::write(at("old/positions9.pkl.gz"), "").unwrap();
    let run = convert(dir.path(), &["old", "-o", "t.parquet"]);
    let message =
        "note: files in folders left out, because their names are not of a known type: `old/positions9.pkl.gz`";
    assert!(run.stderr.lines().any(|line| line == message), "{}", run.stderr);
    run.ok();
    assert_eq!(SegmentTable::open(&at("t.parquet")).unwrap().len(), 3161);
}

#[test]
fn a_long_csv_of_weights_names_each_contact() {
    let dir = scratch();
    std::fs::write(dir.path().join("e.csv"), "name,x,y,z\ntip,0,0,0\n\"a,b\",9,9,9\n").unwrap();
    table(dir.path());
    leadfield_in(dir.path(), &["weights", "t.parquet", "e.csv", "-o", "w.h5", "--quiet"]).ok();
    convert(dir.path(), &["w.h5", "-o", "long.csv", "--quiet"]).ok();
    let text = std::fs::read_to_string(dir.path().join("long.csv")).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!((lines.len(), lines[0]), (1 + 2 * 3161, "node_id,row,electrode,coefficient"));
    assert!(lines[1].starts_with("0,0,tip,") && lines[2].starts_with("0,0,\"a,b\","), "{lines:?}");
}

#[test]
fn weights_in_another_known_unit_are_converted_and_in_an_unknown_one_refused() {
    use crate::malformed::electrodes_file::{with_factors, write_valid_file};
    let dir = scratch();
    let file = |name: &str| dir.path().join(name);
    write_valid_file(&file("v.h5"));
    with_factors(&file("mv.h5"), 1e3, Some("mV/nA"));
    with_factors(&file("ells.h5"), 1.0, Some("ell"));
    convert(dir.path(), &["mv.h5", "-o", "c.parquet", "--quiet"]).ok();
    convert(dir.path(), &["c.parquet", "-o", "new.h5", "--quiet"]).ok();
    let [own, new] = ["v.h5", "new.h5"].map(|name| ElectrodesFile::open(&file(name)).unwrap());
    let rows = |file: &ElectrodesFile| {
        let population = &file.populations()[0];
        file.read_rows(population, 0..population.rows()).unwrap()
    };
    assert_eq!(new.populations()[0].units(), Some("V/nA"));
    for (a, b) in rows(&own).iter().zip(rows(&new)) {
        assert!((a - b).abs() <= 4.0 * f64::EPSILON * a.abs(), "{a} {b}");
    }
    let unknown = "error: ells.h5: /electrodes/pop/scaling_factors: attribute `units`: unknown unit, expected `V/nA`, \
                   `mV/nA`, `uV/nA`, `nV/nA`, `V/uA`, `mV/uA`, `V/A`, found `ell`";
    convert(dir.path(), &["ells.h5", "-o", "d.csv", "--quiet"]).refused(unknown);
    let hint = "hint: convert to V/nA: `leadfield convert WEIGHTS.h5 -o w.parquet`, then `leadfield convert w.parquet \
                -o NEW.h5`";
    let plot = |b: &str| leadfield_in(dir.path(), &["plot", "compare", "mv.h5", b, "-o", "p.svg"]);
    plot("v.h5").refused(&format!(
        "error: units of contact `a` differ, expected the same in both files, found `mV/nA` and `V/nA`\n{hint}"
    ));
    plot("mv.h5")
        .refused(&format!("error: mv.h5: unit of contact `a` cannot be drawn, expected `V/nA`, found `mV/nA`\n{hint}"));
    assert_eq!(names_in(dir.path()), ["c.parquet", "ells.h5", "mv.h5", "new.h5", "v.h5"]);
}

#[test]
fn columns_that_no_simulator_can_use_become_no_electrodes_file() {
    use crate::malformed::electrodes_file::{damaged, edited};
    let dir = scratch();
    let refused = |message: &str| {
        convert(dir.path(), &["w.h5", "-o", "c.parquet", "--force", "--quiet"]).ok();
        convert(dir.path(), &["c.parquet", "-o", "new.h5", "--quiet"]).refused(message);
    };
    damaged(&dir.path().join("w.h5"), |_| ());
    edited(&dir.path().join("w.h5"), |file| {
        let factors = file.dataset("/electrodes/pop/scaling_factors").unwrap();
        factors.write_slice(&[f64::NAN], ndarray::s![1, 1..2]).unwrap();
    });
    refused("error: c.parquet: coefficient[1]: weight at contact `b` is not finite, expected a number, found NaN");
    assert_eq!(names_in(dir.path()), ["c.parquet", "w.h5"]);
}

#[test]
fn the_table_of_a_circuit_fits_the_layout() {
    let dir = scratch();
    let circuit = golden().join("input/circuit/simulation_config.json");
    leadfield_in(dir.path(), &["positions", circuit.to_str().unwrap(), "-o", "s.parquet", "--quiet"]).ok();
    // the stubs of the axon have gaps only between sections, so that a circuit's table can be converted
    convert(dir.path(), &["s.parquet", "-o", "b.h5", "--quiet"]).ok();
    let neurons = bluerecording::read(&dir.path().join("b.h5")).unwrap();
    assert_eq!(neurons.iter().map(bluerecording::NeuronPositions::segment_count).sum::<u64>(), 3161);
}
