//! What somebody tries who follows the documents for the first time: files in millimetres, the wrong report, a table that was
//! moved, a format that cannot be read back. Each must be right, or be refused with the way out.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::LazyLock;

use crate::support::{Run, leadfield_in, scratch};

/// A folder with a synthetic circuit of four neurons, its table, two contacts beside the soma of one, their weights, and
/// signals.
fn folder() -> &'static Path {
    static FOLDER: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
        let folder = scratch();
        let run = |line: &str| {
            leadfield_in(folder.path(), &line.split(' ').collect::<Vec<_>>()).ok();
        };
        run("synthesize circuit --cells 4 --with-currents --quiet");
        run("positions circuit/simulation_config.json -o somata.parquet --quiet");
        let soma = "query somata.parquet --section-type soma --columns x0,y0,z0 --limit 1";
        let soma = leadfield_in(folder.path(), &soma.split(' ').collect::<Vec<_>>()).ok();
        let soma: Vec<f64> = soma.lines().nth(1).unwrap().split(',').map(|cell| cell.parse().unwrap()).collect();
        let [x, y, z] = soma[..] else { panic!("{soma:?}") };
        let contacts = format!("name,x,y,z\nc3,{x},{},{z}\nc7,{x},{},{z}\n", y + 5.0, y + 15.0);
        std::fs::write(folder.path().join("e.csv"), contacts).unwrap();
        run("weights circuit/simulation_config.json e.csv -o w.h5 --keep-table s.parquet --quiet");
        run("signals circuit/output/compartment.h5 --weights w.h5 --end 3 -o lfp.h5 --quiet");
        folder
    });
    FOLDER.path()
}

/// Runs the program in the folder, with words that are separated by blanks.
fn run(line: &str) -> Run {
    leadfield_in(folder(), &line.split(' ').collect::<Vec<_>>())
}

fn write(name: &str, text: &str) {
    std::fs::write(folder().join(name), text).unwrap();
}

/// The lines of a CSV without its header.
fn rows(text: &str) -> Vec<&str> {
    text.lines().skip(1).collect()
}

#[test]
fn a_unit_in_the_header_is_that_of_radii_and_boundaries() {
    let row = "a,0.1,0.2,0.3,\"z<0.4, 1.5\",0.05,0 0 1\n";
    let um = "a,100,200,300,\"z<400, 1.5\",50,0 0 1\n";
    let plain = "name,x,y,z,boundary,disc_radius,disc_normal\n";
    write("um.csv", &format!("{plain}{um}"));
    let expected = run("electrodes from um.csv").ok();
    for header in [
        "name,x [mm],y [mm],z [mm],boundary,disc_radius,disc_normal\n",
        "name,x (mm),y (mm),z (mm),boundary [mm],disc_radius [mm],disc_normal\n",
        "name,x_mm,y_mm,z_mm,boundary,disc_radius,disc_normal\n",
    ] {
        write("mm.csv", &format!("{header}{row}"));
        let read = run("electrodes from mm.csv");
        assert_eq!((read.stderr.as_str(), read.stdout), ("", expected.clone()), "{header}");
    }
    write("plain.csv", &format!("{plain}{row}"));
    for unit in ["mm", "millimeter", "Millimetres"] {
        assert_eq!(run(&format!("electrodes from plain.csv --units {unit}")).ok(), expected, "{unit}");
    }
}

#[test]
fn units_of_several_names_are_known_and_others_are_not_taken_for_metres() {
    write("cm.csv", "name,x,y,z\na,0.01,0.02,0.03\n");
    assert_eq!(rows(&run("electrodes from cm.csv --units cm").ok())[0], "a,100.0,200.0,300.0,NA,NA,LineSource");
    for unit in ["micron", "micrometer", "µm", "um"] {
        let read = run(&format!("electrodes from cm.csv --units {unit}")).ok();
        assert_eq!(rows(&read)[0], "a,0.01,0.02,0.03,NA,NA,LineSource", "{unit}");
    }
    let inch = run("electrodes from cm.csv --units mile");
    assert_eq!(inch.code, 2);
    assert!(inch.stderr.contains("unknown unit, expected `um`, `mm`, `cm`, `m`, found `mile`"), "{}", inch.stderr);
    assert!(!inch.stderr.contains("tip"), "{}", inch.stderr);
}

#[test]
fn another_programs_name_of_a_setting_is_refused() {
    write("sigma.csv", "name,x,y,z,sigma\na,1,2,3,0.5\n");
    let refused = run("electrodes from sigma.csv");
    assert_eq!(refused.code, 2);
    let lines: Vec<&str> = refused.stderr.lines().collect();
    assert!(lines[0].starts_with("error: sigma.csv: line[1]: unknown column `sigma`, expected `name`"), "{lines:?}");
    assert_eq!(lines[1], "hint: did you mean `conductivity`? rename it, or remove it");
}

#[test]
fn an_absolute_tolerance_that_hides_all_weights_is_warned_of() {
    run("weights s.parquet e.csv --conductivity 0.5 -o other.h5 --quiet").ok();
    let hidden = run("validate weights w.h5 other.h5 --rtol 1e-6 --atol 1000");
    assert_eq!((hidden.code, hidden.stdout.lines().last()), (0, Some("agree")));
    assert_eq!(
        hidden.stderr,
        "warning: 2 of 2 contacts: a tenth of the weights or more agree only because of `--atol 1000.0`, and not within \
         `--rtol 1e-6`: `c3`, `c7`\n\
         hint: leave `--atol` out: many weights are smaller than any fixed one, those of EEG below 1e-9 V/nA\n"
    );
    // files that agree without it, and files that differ in spite of it
    assert_eq!(run("validate weights w.h5 w.h5 --rtol 1e-6 --atol 1000").stderr, "");
    let differ = run("validate weights w.h5 other.h5 --rtol 1e-6");
    assert_eq!((differ.code, differ.stderr.as_str()), (1, ""));
}

#[test]
fn a_segment_near_two_contacts_is_counted_once() {
    let near = run("query s.parquet --electrodes e.csv --within 60 --columns row").ok();
    let near = rows(&near);
    let distinct: BTreeSet<&str> = near.iter().copied().collect();
    assert!(near.len() > distinct.len() && !distinct.is_empty());
    let drawn = run("plot probe e.csv --segments s.parquet --within 60 -o probe.svg");
    assert_eq!(drawn.stderr, format!("probe.svg: {} segments\n", distinct.len()));
}

#[test]
fn traces_that_are_left_out_are_stated() {
    run("electrodes linear --contacts 48 --pitch 20 --at 0,-400,0 -o long.csv --quiet").ok();
    let report = "circuit/output/compartment.h5";
    run(&format!("signals {report} --segments s.parquet --electrodes long.csv --end 1 -o long.h5 --quiet")).ok();
    let drawn = run("plot signals long.h5 --figure traces -o long.svg");
    let left_out = "traces of every second depth, 24 of 48";
    assert!(
        drawn.code == 0 && drawn.stderr.ends_with(&format!(" frames at 48 contacts; {left_out}\n")),
        "{}",
        drawn.stderr
    );
    let picture = std::fs::read_to_string(folder().join("long.svg")).unwrap();
    assert!(picture.contains(left_out));
    run("report s.parquet w.h5 --signals long.h5 -o long.html --quiet").ok();
    assert!(std::fs::read_to_string(folder().join("long.html")).unwrap().contains(left_out));
    // of few depths all are drawn
    assert!(!run("plot signals lfp.h5 --figure traces -o few.svg").stderr.contains("depth"));
}

#[test]
fn a_query_near_contacts_uses_only_those_that_are_named() {
    let with = |options: &str| run(&format!("query s.parquet --electrodes e.csv --within 60 {options}"));
    let all = with("--columns electrode,row").ok();
    let own: Vec<&str> = rows(&all).into_iter().filter(|row| row.starts_with("c3,")).collect();
    assert!(!own.is_empty() && own.len() < rows(&all).len());
    assert_eq!(rows(&with("--electrode c3 --columns electrode,row").ok()), own);
    assert_eq!(with("--electrode c7,c3 --columns electrode,row").ok(), all);
    // regions and weights are those of the same contact
    let weighted = with("--weights w.h5 --electrode c3 --columns electrode,row").ok();
    assert_eq!(rows(&weighted), own);
    with("--electrode c4").refused("error: --electrode: unknown contact, expected one of `c3`, `c7`, found `c4`");
    with("--electrode c3,c7 --weights w.h5")
        .refused("error: --electrode: several contacts, expected one for `--weights`, found `c3`, `c7`");
    run("query s.parquet --electrode c3").refused(
        "error: --electrode: no contacts to choose from, expected `--electrodes FILE`, `--weights FILE` or both",
    );
}

#[test]
fn weights_of_another_table_are_refused_before_anything_is_written() {
    run("synthesize other --cells 4 --seed 8 --with-currents --quiet").ok();
    run("positions other/simulation_config.json -o other.parquet --quiet").ok();
    let refused = run("query other.parquet --weights w.h5 --electrode c3");
    assert_eq!((refused.code, refused.stdout.as_str()), (2, ""));
    assert!(refused.stderr.contains("another number of segments, expected"), "{}", refused.stderr);
}

#[test]
fn signals_become_columns_with_the_names_of_contacts_and_groups() {
    let report = "circuit/output/compartment.h5";
    let signals = |out: &str, options: &str| {
        run(&format!("signals {report} --weights w.h5 --end 3 -o {out} --force --quiet{options}")).ok();
        std::fs::read_to_string(folder().join(out)).unwrap_or_default()
    };
    for options in ["", " --by layer", " --by node"] {
        let expected = signals("direct.csv", options);
        signals("grouped.h5", options);
        run("convert grouped.h5 -o converted.csv --force --quiet").ok();
        let converted = std::fs::read_to_string(folder().join("converted.csv")).unwrap();
        assert!(converted.starts_with("time,contact,") && converted.lines().count() > 3);
        assert_eq!(converted, expected, "{options}");
    }
}

#[test]
fn an_online_report_becomes_columns_of_contacts() {
    use leadfield::io::hdf5::Hdf5File;
    let file = Hdf5File::create(&folder().join("online.h5")).unwrap();
    file.create_group("/report/pop/mapping").unwrap();
    let mapping = |name: &str| format!("/report/pop/mapping/{name}");
    file.write_dataset(&mapping("node_ids"), &[4_u64, 9], &[2]).unwrap();
    file.write_dataset(&mapping("index_pointers"), &[0_u64, 2, 4], &[3]).unwrap();
    file.write_dataset(&mapping("element_ids"), &[0_u32, 1, 0, 1], &[4]).unwrap();
    file.write_dataset(&mapping("time"), &[0.0, 0.5, 0.5], &[3]).unwrap();
    file.write_dataset("/report/pop/data", &[0.5_f32, 1.5, 2.5, 3.5], &[1, 4]).unwrap();
    file.write_string_attribute("/report/pop/data", "units", "mV").unwrap();
    file.close().unwrap();
    let converted = run("convert online.h5 -o online.csv --force");
    assert!(
        converted.stderr.contains("taken as an online `lfp` report, whose elements are contacts"),
        "{}",
        converted.stderr
    );
    let csv = std::fs::read_to_string(folder().join("online.csv")).unwrap();
    assert_eq!(csv, "node_id,contact,time,value\n4,0,0,0.5\n4,1,0,1.5\n9,0,0,2.5\n9,1,0,3.5\n");
}

#[test]
fn an_array_has_one_unit_and_its_groups_are_named() {
    write("ball.csv", "name,x,y,z,type\nc3,0,0,0,LineSource\nball,0,0,0,ObjectiveCSD_Sphere_500\n");
    let signals = "signals circuit/output/compartment.h5 --segments s.parquet --electrodes ball.csv --end 1";
    for (out, format) in [("mixed.npy", "npy"), ("mixed_ecp.h5", "bmtk")] {
        run(&format!("{signals} -o {out} --quiet")).refused(&format!(
            "error: {out}: signals of several units, expected one unit for format `{format}`, found mV at `c3`; nA at `ball`\n\
             hint: choose contacts of one unit with `--electrode NAME,...`, or write `.h5` or a table"
        ));
        assert!(!folder().join(out).exists());
    }
    let types = run(&format!("{signals} --electrode c3 --by section_type -o types.npy"));
    assert_eq!(types.code, 0, "{}", types.stderr);
    let note =
        "note: types.npy: the groups are, in this order, `soma`, `axon`, `dend`, `apic`, `ais`, `node`, `myelin`\n";
    assert!(types.stderr.contains(note), "{}", types.stderr);
}

#[test]
fn the_circuit_of_the_electrodes_file_groups_neurons() {
    let signals = "signals circuit/output/compartment.h5 --weights w.h5 --end 1 --quiet";
    run(&format!("{signals} --by layer -o layers.csv")).ok();
    run(&format!("{signals} --by layer --circuit circuit/circuit_config.json -o given.csv")).ok();
    let read = |name: &str| std::fs::read_to_string(folder().join(name)).unwrap();
    assert_eq!(read("layers.csv"), read("given.csv"));
    let unknown = run(&format!("{signals} --by layr -o x.csv"));
    assert!(unknown.code == 2 && unknown.stderr.contains("`layer`"), "{}", unknown.stderr);
    assert!(unknown.stderr.ends_with("found `layr`\nhint: did you mean `layer`?\n"), "{}", unknown.stderr);
    let unknown = run("query s.parquet --where mtpe=a --count");
    assert!(unknown.code == 2 && unknown.stderr.contains("unknown attribute, expected "), "{}", unknown.stderr);
    assert!(unknown.stderr.ends_with("found `mtpe`\nhint: did you mean `mtype`?\n"), "{}", unknown.stderr);
}

#[test]
fn a_table_without_its_circuit_names_what_is_missing() {
    let moved = scratch();
    for name in ["s.parquet", "w.h5", "e.csv", "circuit/output/compartment.h5"] {
        let name = Path::new(name);
        std::fs::copy(folder().join(name), moved.path().join(name.file_name().unwrap())).unwrap();
    }
    let run = |line: &str| leadfield_in(moved.path(), &line.split(' ').collect::<Vec<_>>());
    let missing = |file: &str| {
        format!(
            "{file}: circuit is not there, expected `circuit/circuit_config.json` as stated in the file, from its folder, \
             found nothing\n\
             hint: the file or the circuit was moved: name the circuit or simulation configuration: `--circuit CONFIG`"
        )
    };
    run("query s.parquet --where mtype=a --count").refused(&format!("error: {}", missing("s.parquet")));
    run("signals compartment.h5 --weights w.h5 --by layer -o x.csv --quiet")
        .refused(&format!("error: --by: {}", missing("w.h5")).replace("--by: w.h5: ", "w.h5: --by: "));
    let computed = run("weights s.parquet e.csv -o again.h5");
    let note = "note: s.parquet: the simulation `circuit/simulation_config.json` that it names is not there: the times of the \
                `lfp` report are placeholders\n";
    assert!(computed.code == 0 && computed.stderr.contains(note), "{}", computed.stderr);
    // beside its circuit the table has nothing to note
    let beside = leadfield_in(folder(), &["weights", "s.parquet", "e.csv", "-o", "beside.h5"]);
    assert!(!beside.stderr.contains("note"), "{}", beside.stderr);
}

#[test]
fn what_cannot_be_read_back_says_what_can() {
    run("convert w.h5 -o w.csv --quiet").ok();
    run("convert w.csv -o back.h5").refused(
        "error: w.csv: columns of weights as CSV, expected Parquet or Arrow, since CSV lacks positions and types of the \
         contacts\nhint: convert the electrodes file to `.parquet` or `.arrow`, which can be converted back",
    );
    for format in ["csv", "npy"] {
        let name = format!("drawn.{format}");
        run(&format!("signals circuit/output/compartment.h5 --weights w.h5 --end 1 -o {name} --quiet")).ok();
        run(&format!("plot signals {name} -o drawn.svg")).refused(&format!(
            "error: {name}: signals as `{format}`, expected a report of signals in HDF5\n\
             hint: pictures need the `.h5` of `leadfield signals`, `-o signals.h5`, or an `lfp` report of the simulator"
        ));
    }
}

#[test]
fn numbers_without_commas_get_the_hint_that_they_need_them() {
    for line in ["query s.parquet --sphere 0 0 0 50", "query s.parquet --sphere 0 -200 0 50"] {
        let refused = run(line);
        let hint =
            "hint: write the numbers of an option with commas and without blanks, for example `--sphere 0,-200,0,50`";
        assert!(refused.code == 2 && refused.stderr.trim_end().ends_with(hint), "{}", refused.stderr);
    }
    assert!(!run("query s.parquet 5").stderr.contains("commas"));
}
