//! The estimates of `--dry-run` agree with the run, and a dry run leaves no files.

use std::path::Path;

use leadfield::segments::table::SegmentTable;

use crate::support::{golden, leadfield_in, names_in, scratch};

/// Creates a circuit with this number of neurons, and `e.csv` with this number of contacts.
fn folder(cells: u32, contacts: usize) -> tempfile::TempDir {
    let dir = scratch();
    let options = ["synthesize", "circuit", "--quiet", "--with-report", "--morphologies", "6", "--cells"];
    leadfield_in(dir.path(), &[&options[..], &[&cells.to_string()]].concat()).ok();
    let row = |i: usize| format!("c{i},{},{},5\n", 20 * (i % 4), 20 * (i / 4));
    let csv = "name,x,y,z\n".to_string() + &(0..contacts).map(row).collect::<String>();
    std::fs::write(dir.path().join("e.csv"), csv).unwrap();
    dir
}

/// Runs a dry run; returns a function that gives a line of its output by its name.
fn dry_run(dir: &Path, args: &[&str], options: &[&str]) -> impl Fn(&str) -> String {
    let before = names_in(dir);
    let text = leadfield_in(dir, &[args, &["--dry-run"], options].concat()).ok();
    assert_eq!(names_in(dir), before, "a dry run left something");
    move |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)).filter(|rest| rest.starts_with("  "));
        line.unwrap_or_else(|| panic!("no {name} in\n{text}")).trim().to_string()
    }
}

/// Parses a number of bytes as it is printed: `about 12.3 MB`.
fn bytes(text: &str) -> f64 {
    let (number, unit) = text.trim_start_matches("about ").split_once(' ').unwrap();
    let scale = match unit.split(' ').next().unwrap() {
        "B" => 1.0,
        "kB" => 1e3,
        "MB" => 1e6,
        "GB" => 1e9,
        unit => panic!("{unit}"),
    };
    number.parse::<f64>().unwrap() * scale
}

/// Returns the size of all files of a table.
fn size(table: &Path) -> u64 {
    names_in(table).iter().map(|name| table.join(name).metadata().unwrap().len()).sum()
}

#[test]
fn an_electrodes_file_has_the_estimated_size() {
    let dir = folder(40, 1);
    let dir = dir.path();
    let make = ["positions", "circuit/circuit_config.json", "-o", "table", "--quiet", "--segments-per-part", "3000"];
    leadfield_in(dir, &make).ok();
    let table = SegmentTable::open(&dir.join("table")).unwrap();
    let (segments, parts) = (table.len().to_string(), table.parts().len().to_string());
    for contacts in [1, 7, 400] {
        let row =
            |i: usize| format!("c{i},{},{},5,{}\n", 20 * (i % 4), 20 * (i / 4), ["PointSource", "LineSource"][i % 2]);
        let csv = "name,x,y,z,type\n".to_string() + &(0..contacts).map(row).collect::<String>();
        std::fs::write(dir.join("e.csv"), csv).unwrap();
        let args = ["weights", "table", "e.csv", "-o", "w.h5", "--quiet"];
        let fact = dry_run(dir, &args, &[]);
        leadfield_in(dir, &args).ok();
        let found = dir.join("w.h5").metadata().unwrap().len();
        assert_eq!(fact("size").split(", ").next().unwrap(), format!("{found} bytes"), "{contacts} contacts");
        assert_eq!([fact("neurons"), fact("segments"), fact("parts")], ["40", &segments, &parts]);
        std::fs::remove_file(dir.join("w.h5")).unwrap();
    }
}

#[test]
fn a_table_has_the_estimated_segments_and_parts_and_nearly_the_size() {
    // more segments than the trial of 100,000
    let dir = folder(500, 1);
    let dir = dir.path();
    let ways = [
        ("circuit/simulation_config.json", "150000", "f64"),
        ("circuit/circuit_config.json", "20000", "f64"),
        ("circuit/circuit_config.json", "1", "f64"),
        ("circuit/circuit_config.json", "150000", "f32"),
    ];
    for (config, part, precision) in ways {
        let args = ["positions", config, "-o", "t", "--quiet", "--segments-per-part", part, "--precision", precision];
        let fact = dry_run(dir, &args, &[]);
        leadfield_in(dir, &args).ok();
        let table = SegmentTable::open(&dir.join("t")).unwrap();
        let expected = ["500".to_string(), table.len().to_string(), table.parts().len().to_string()];
        assert_eq!(["neurons", "segments", "parts"].map(&fact), expected);
        let (estimated, found) = (bytes(&fact("size")), size(&dir.join("t")) as f64);
        assert!((estimated / found - 1.0).abs() < 0.1, "{part} {precision}: estimated {estimated}, found {found}");
        std::fs::remove_dir_all(dir.join("t")).unwrap();
    }
}

#[test]
fn a_dry_run_warns_of_an_existing_output() {
    let dir = folder(6, 2);
    let dir = dir.path();
    let stderr_of = |args: &[&str]| leadfield_in(dir, &[args, &["--dry-run"]].concat()).stderr;
    let positions = ["positions", "circuit/simulation_config.json", "-o", "t"];
    leadfield_in(dir, &[&positions[..], &["--quiet"]].concat()).ok();
    let warning = "warning: t: already exists: the run needs `--force`\n";
    assert!(stderr_of(&positions).ends_with(warning), "{}", stderr_of(&positions));
    let weights = ["weights", "t", "e.csv", "-o", "w.h5"];
    assert!(!stderr_of(&weights).contains("exists"));
    std::fs::write(dir.join("w.h5.partial"), "").unwrap();
    let warning = "warning: w.h5.partial: already exists: the run needs `--resume` or `--force`\n";
    assert!(stderr_of(&weights).ends_with(warning), "{}", stderr_of(&weights));
    assert!(!stderr_of(&[&weights[..], &["--force"]].concat()).contains("exists"));
}

#[test]
fn a_table_that_the_trial_holds_completely_has_the_estimated_size() {
    let dir = folder(30, 1);
    let dir = dir.path();
    let args = ["positions", "circuit/simulation_config.json", "-o", "t.parquet", "--quiet"];
    let fact = dry_run(dir, &args, &[]);
    leadfield_in(dir, &args).ok();
    let found = dir.join("t.parquet").metadata().unwrap().len();
    assert_eq!(fact("size"), format!("about {:.1} kB", found as f64 / 1e3));
}

#[test]
fn parts_are_shared_among_ranks() {
    let dir = folder(24, 3);
    let dir = dir.path();
    let args = ["positions", "circuit/simulation_config.json", "-o", "t", "--quiet", "--segments-per-part", "1"];
    let parts = |ranks: &str| dry_run(dir, &args, &["--ranks", ranks])("parts");
    assert_eq!(parts("1"), "24");
    assert_eq!(parts("24"), "24, 1 for each of 24 ranks");
    assert_eq!(parts("30"), "24, 0 to 1 for each of 30 ranks");
    leadfield_in(dir, &args).ok();
    let weights = ["weights", "t", "e.csv", "-o", "w.h5", "--quiet"];
    let fact = dry_run(dir, &weights, &["--ranks", "24"]);
    assert_eq!(fact("parts"), "24, 1 for each of 24 ranks");
    assert!(fact("memory").ends_with(" MB for each rank"), "{}", fact("memory"));
    let refused = leadfield_in(dir, &[&weights[..], &["--ranks", "2"]].concat());
    assert!(refused.code == 2 && refused.stderr.contains("--dry-run"), "{}", refused.stderr);
}

#[test]
fn a_dry_run_meets_the_errors_of_the_run() {
    let dir = scratch();
    let config = golden().join("input/circuit/simulation_config.json");
    std::fs::write(dir.path().join("file"), "").unwrap();
    let args = ["positions", config.to_str().unwrap(), "-o", "file/t.parquet", "--dry-run"];
    leadfield_in(dir.path(), &args).refused("error: file/t.parquet: cannot be written: not a directory");
    // a folder that the run would create is not created
    let args = ["positions", config.to_str().unwrap(), "-o", "away/t.parquet", "--dry-run"];
    leadfield_in(dir.path(), &args).ok();
    assert_eq!(names_in(dir.path()), ["file"]);
}
