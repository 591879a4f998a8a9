//! Statements of the program about itself and its results: paths, numbers, tables, times. Each must be true wherever
//! and however the program is called.

use serde_json::Value;

use crate::support::{golden, leadfield_in, names_in, scratch};

/// A folder with a circuit of two neurons and its table `t.parquet`, made from the simulation configuration.
fn project() -> tempfile::TempDir {
    let folder = scratch();
    let run = |args: &[&str]| leadfield_in(folder.path(), args).ok();
    run(&["synthesize", "circuit", "--cells", "2", "--with-report"]);
    run(&["positions", "circuit/simulation_config.json", "-o", "t.parquet", "--quiet"]);
    folder
}

#[test]
fn a_table_has_the_same_bytes_however_the_path_of_the_circuit_is_spelled() {
    let folder = project();
    let at = |name: &str| folder.path().join(name);
    let absolute = at("circuit/simulation_config.json");
    std::fs::create_dir(at("elsewhere")).unwrap();
    std::os::unix::fs::symlink(at("circuit"), at("link")).unwrap();
    let make = |directory: &str, config: &str, out: &str| {
        leadfield_in(&at(directory), &["positions", config, "-o", out, "--quiet"]).ok();
    };
    make(".", "./circuit/../circuit/simulation_config.json", "a.parquet");
    make("elsewhere", absolute.to_str().unwrap(), "../b.parquet");
    make("elsewhere", "../circuit/simulation_config.json", at("c.parquet").to_str().unwrap());
    make(".", "link/simulation_config.json", "d.parquet");
    let expected = std::fs::read(at("t.parquet")).unwrap();
    for table in ["a.parquet", "b.parquet", "c.parquet", "d.parquet"] {
        assert!(std::fs::read(at(table)).unwrap() == expected, "{table}");
    }
    let info = leadfield_in(&at("elsewhere"), &["info", "../t.parquet"]).ok();
    assert!(info.contains("circuit/circuit_config.json") && !info.contains(folder.path().to_str().unwrap()), "{info}");
}

#[test]
fn a_table_finds_its_circuit_from_any_directory_and_after_both_have_moved() {
    let folder = project();
    let moved = folder.path().join("moved");
    std::fs::create_dir(&moved).unwrap();
    for name in ["circuit", "t.parquet"] {
        std::fs::rename(folder.path().join(name), moved.join(name)).unwrap();
    }
    for (directory, table) in [(folder.path(), "moved/t.parquet"), (moved.as_path(), "t.parquet")] {
        let rows = leadfield_in(directory, &["query", table, "--by", "mtype", "--agg", "count"]).ok();
        assert!(rows.starts_with("mtype,count\n") && rows.lines().count() > 1, "{rows}");
    }
}

#[test]
fn the_lfp_report_has_the_times_of_the_simulation() {
    let folder = project();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("e.csv"), "name,x,y,z\na,0,0,0\n").unwrap();
    let config = at("circuit/simulation_config.json");
    let mut simulation: Value = serde_json::from_str(&std::fs::read_to_string(&config).unwrap()).unwrap();
    simulation["run"]["dt"] = 0.05.into();
    simulation["run"]["tstop"] = 123.5.into();
    std::fs::write(&config, simulation.to_string()).unwrap();
    let times = |table: &str, out: &str| {
        let block = leadfield_in(folder.path(), &["weights", table, "e.csv", "-o", out, "--quiet"]).ok();
        let block: Value = serde_json::from_str(&block).unwrap();
        ["dt", "start_time", "end_time"].map(|key| block["lfp"][key].as_f64().unwrap())
    };
    assert_eq!(times("t.parquet", "w.h5"), [0.05, 0.0, 123.5]);
    // a table of a circuit states no simulation
    let args = ["positions", "circuit/circuit_config.json", "--axon-rule", "taper", "-o", "c.parquet", "--quiet"];
    leadfield_in(folder.path(), &args).ok();
    assert_eq!(times("c.parquet", "c.h5"), [0.1, 0.0, 1000.0]);
}

#[test]
fn groups_by_contact_include_contacts_without_segments_in_natural_order() {
    let folder = project();
    let contacts = "name,x,y,z\ne10,0,0,0\ne2,1e5,0,0\ne1,0,0,0\n";
    std::fs::write(folder.path().join("e.csv"), contacts).unwrap();
    let query = |options: &[&str]| {
        let area = ["query", "t.parquet", "--electrodes", "e.csv", "--within", "900"];
        leadfield_in(folder.path(), &[&area[..], options].concat()).ok()
    };
    let groups = query(&["--by", "electrode", "--agg", "count,sum:length,mean:length,min:x"]);
    let rows: Vec<Vec<&str>> = groups.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(rows[0], ["electrode", "count", "sum_length", "mean_length", "min_x"]);
    assert_eq!([rows[1][0], rows[2][0], rows[3][0]], ["e1", "e2", "e10"]);
    assert_eq!(rows[2], ["e2", "0", "0", "", ""]);
    assert_eq!(rows[1][1..], rows[3][1..], "two contacts at one place");
    // sorted by the user's key; by several keys only groups that occur
    assert!(query(&["--by", "electrode", "--agg", "count", "--sort", "count"]).starts_with("electrode,count\ne2,0\n"));
    let kinds = query(&["--by", "electrode,section_type", "--agg", "count"]);
    let names: Vec<&str> = kinds.lines().skip(1).map(|line| line.split(',').next().unwrap()).collect();
    assert!(names.starts_with(&["e1"]) && names.ends_with(&["e10"]) && !names.contains(&"e2"), "{kinds}");
}

#[test]
fn a_table_on_a_terminal_fits_its_width() {
    let folder = project();
    let query = |columns: &str| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_leadfield"));
        command.current_dir(folder.path()).env("COLUMNS", columns);
        command.args(["query", "t.parquet", "--limit", "3", "--format", "table"]);
        crate::support::Run::of(command).ok()
    };
    let narrow = query("50");
    let lines: Vec<&str> = narrow.lines().collect();
    assert!(lines.iter().take(4).all(|line| line.len() <= 50), "{narrow}");
    assert!(lines[4].starts_with("... and ") && lines[4].ends_with("; `--columns` chooses"), "{narrow}");
    assert!(lines[4].contains("row") && !lines[0].contains("row"), "the last column is named: {narrow}");
    assert_eq!(query("1000").lines().count(), 4);
}

#[test]
fn a_warning_names_the_options_that_were_given() {
    let folder = project();
    let warning = |options: &[&str]| {
        let run = leadfield_in(folder.path(), &[&["query", "t.parquet", "--count"], options].concat());
        run.stderr.trim_end().to_string()
    };
    assert_eq!(warning(&["--where", "mtype=none"]), "warning: no neuron passes `--where mtype=none`");
    assert_eq!(
        warning(&["--where", "mtype=none", "--where", "etype=none"]),
        "warning: no neuron passes `--where mtype=none` and `--where etype=none`"
    );
}

#[test]
fn a_report_of_two_populations_that_differ_is_refused() {
    let folder = project();
    let run = |args: &[&str]| leadfield_in(folder.path(), args);
    std::fs::write(folder.path().join("e.csv"), "name,x,y,z\na,0,0,0\n").unwrap();
    run(&["weights", "t.parquet", "e.csv", "-o", "w.h5", "--quiet"]).ok();
    let other = golden().join("input/circuit/simulation_config.json");
    run(&["positions", other.to_str().unwrap(), "-o", "o.parquet", "--quiet"]).ok();
    run(&["report", "o.parquet", "w.h5", "-o", "r.html"]).refused(
        "error: w.h5: no weights of the table's population, expected `S1nonbarrel_neurons`, found `neurons`\n\
         hint: name two files that belong together: `leadfield weights` makes an electrodes file from a table",
    );
    assert!(!names_in(folder.path()).contains(&"r.html".to_string()));
}
