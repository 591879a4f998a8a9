//! `weights` on a circuit gives the same bytes as `positions` followed by `weights`, for any division into parts, any
//! number of ranks and after interruptions, and leaves no other file.

use std::path::Path;
use std::process::{Command, Stdio};

use leadfield::sonata::electrodes_file::ElectrodesFile;

use crate::interrupted::{marked_parts, wait_for};
use crate::segments_by_rule::{synthesized, with_populations};
use crate::support::{Run, golden, leadfield_in, names_in, scratch};

const CONTACTS: &str =
    "name,x,y,z,type\na,0,0,0,LineSource\nb,30,-200,10,PointSource\nc,5,100,0,ObjectiveCSD_Sphere_50\n";

/// Creates a folder with a circuit `c` of 24 neurons and the contacts `e.csv`.
fn folder() -> tempfile::TempDir {
    let dir = synthesized();
    std::fs::write(dir.path().join("e.csv"), CONTACTS).unwrap();
    dir
}

fn run(dir: &Path, args: &[&str], options: &[&str]) -> Run {
    leadfield_in(dir, &[args, &["--quiet"], options].concat())
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap()
}

/// Returns the electrodes file of the two commands, with options of `positions`, and removes what they wrote.
fn by_two_commands(dir: &Path, config: &str, options: &[&str]) -> Vec<u8> {
    let out = scratch();
    let table = out.path().join("table");
    run(dir, &["positions", config, "-o", table.to_str().unwrap()], options).ok();
    // in the same folder, because the file states the circuit's path from there
    run(dir, &["weights", table.to_str().unwrap(), "e.csv", "-o", "w.h5"], &[]).ok();
    let bytes = read(&dir.join("w.h5"));
    std::fs::remove_file(dir.join("w.h5")).unwrap();
    bytes
}

/// Asserts that one command gives the same bytes, and leaves only its file.
#[track_caller]
fn assert_same(dir: &Path, config: &str, options: &[&str]) {
    let expected = by_two_commands(dir, config, options);
    let before = names_in(dir);
    run(dir, &["weights", config, "e.csv", "-o", "w.h5"], options).ok();
    assert!(read(&dir.join("w.h5")) == expected, "{options:?}");
    std::fs::remove_file(dir.join("w.h5")).unwrap();
    assert_eq!(names_in(dir), before);
}

#[test]
fn one_command_gives_the_bytes_of_two() {
    let dir = folder();
    let options: [&[&str]; 8] = [
        &[],
        &["--segments-per-part", "1000"],
        &["--precision", "f32"],
        &["--keep-axon"],
        &["--axon-rule", "taper", "--axon-placement", "arc"],
        &["--axon-rule", "legacy", "--segment-length", "20", "--precision", "f32", "--segments-per-part", "1"],
        &["--euler-order", "neurodamus", "--on-bad-neuron", "skip", "--max-segments", "1000"],
        &["--discretisation", "rule", "--threads", "1"],
    ];
    for options in options {
        assert_same(dir.path(), "c/circuit_config.json", options);
    }
}

#[test]
fn the_counts_of_a_report_and_a_folder_with_the_configuration_do_too() {
    let dir = folder();
    let expected = by_two_commands(dir.path(), "c/simulation_config.json", &[]);
    run(dir.path(), &["weights", "c", "e.csv", "-o", "w.h5"], &[]).ok();
    assert!(read(&dir.path().join("w.h5")) == expected);
    std::fs::remove_file(dir.path().join("w.h5")).unwrap();
    // the reference circuit: another template, SWC morphologies, 20 of 24 neurons in the report
    let golden = golden().join("input/circuit");
    let placement = ["--axon-placement", "bluerecording-0.2"];
    assert_same(dir.path(), golden.join("simulation_config.json").to_str().unwrap(), &placement);
    let rule = [&placement[..], &["--axon-rule", "taper"]].concat();
    assert_same(dir.path(), golden.join("circuit_config.json").to_str().unwrap(), &rule);
}

#[test]
fn several_populations_give_the_bytes_of_their_tables() {
    let dir = folder();
    with_populations(dir.path());
    let config = "c/circuit_config.json";
    // not in the alphabetical order of the tables' folders
    let path = dir.path().join(config);
    let mut circuit: serde_json::Value = serde_json::from_slice(&read(&path)).unwrap();
    circuit["networks"]["nodes"].as_array_mut().unwrap().reverse();
    std::fs::write(&path, circuit.to_string()).unwrap();
    assert_same(dir.path(), config, &[]);
    assert_same(dir.path(), config, &["--segments-per-part", "2000"]);
    assert_same(dir.path(), config, &["--population", "second"]);
    assert_same(dir.path(), config, &["--node-set", "Two"]);
    let found = leadfield_in(dir.path(), &["weights", config, "e.csv", "-o", "w.h5"]);
    assert!(found.stderr.starts_with("population `inputs` is left out: its type is `virtual`\n"), "{}", found.stderr);
    found.ok();
}

#[test]
fn a_kept_table_is_that_of_positions() {
    let dir = folder();
    with_populations(dir.path());
    let (dir, config) = (dir.path(), "c/circuit_config.json");
    for (options, tables) in [(&[][..], "t"), (&["--population", "second", "--precision", "f32"], "t.parquet")] {
        run(dir, &["positions", config, "-o", "expected"], options).ok();
        let expected = by_two_commands(dir, config, options);
        run(dir, &["weights", config, "e.csv", "-o", "w.h5", "--keep-table", tables], options).ok();
        assert!(read(&dir.join("w.h5")) == expected);
        if tables == "t" {
            for population in ["neurons", "second", "third"] {
                for name in names_in(&dir.join("expected").join(population)) {
                    let below = Path::new(population).join(name);
                    assert!(read(&dir.join("t").join(&below)) == read(&dir.join("expected").join(&below)));
                }
            }
        } else {
            run(dir, &["positions", config, "-o", "expected.parquet"], options).ok();
            assert!(read(&dir.join("t.parquet")) == read(&dir.join("expected.parquet")));
        }
        std::fs::remove_file(dir.join("w.h5")).unwrap();
        std::fs::remove_dir_all(dir.join("expected")).unwrap();
    }
}

#[test]
fn an_interrupted_run_is_resumed_to_the_same_bytes() {
    let dir = folder();
    let dir = dir.path();
    // enough contacts that the parts take some time
    let row = |i: usize| format!("c{i},{},{},5\n", 20 * (i % 4), 20 * (i / 4));
    std::fs::write(dir.join("e.csv"), "name,x,y,z\n".to_string() + &(0..200).map(row).collect::<String>()).unwrap();
    let options = ["--segments-per-part", "1"];
    let expected = by_two_commands(dir, "c", &options);
    let (before, output) = (names_in(dir), dir.join("w.h5"));
    let args = ["weights", "c", "e.csv", "-o", "w.h5"];
    for signal in ["-KILL", "-INT"] {
        // on a busy machine a run may end before the signal
        let interrupt = || {
            let mut command = Command::new(env!("CARGO_BIN_EXE_leadfield"));
            command.current_dir(dir).args(args).args(options).args(["--quiet", "--threads", "1"]);
            let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            wait_for(&mut child, 3, &output);
            assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
            child.wait().unwrap();
            let is_interrupted = marked_parts(&output) >= 3;
            if !is_interrupted {
                std::fs::remove_file(&output).unwrap();
            }
            is_interrupted
        };
        assert!((0..10).any(|_| interrupt()), "each run ended before the signal");
        // other options are another run
        let other = run(dir, &args, &[&options[..], &["--resume", "--axon-placement", "arc"]].concat());
        assert!(other.code == 2 && other.stderr.contains("other inputs or settings"), "{}", other.stderr);
        run(dir, &args, &[&options[..], &["--resume"]].concat()).ok();
        assert!(read(&output) == expected, "{signal}");
        // a second time: the file is complete
        let run = leadfield_in(dir, &[&args[..], &options, &["--resume"]].concat());
        assert!(run.stderr.contains("complete already"), "{}", run.stderr);
        std::fs::remove_file(&output).unwrap();
        assert_eq!(names_in(dir), before);
    }
}

#[test]
fn independent_processes_write_the_parts_of_a_circuit() {
    let dir = folder();
    let dir = dir.path();
    let options = ["--segments-per-part", "1500"];
    let expected = by_two_commands(dir, "c", &options);
    let args = ["weights", "c", "e.csv", "-o", "w.h5", "--segments-per-part", "1500"];
    let parts: u64 = run(dir, &args, &["--layout"]).ok().trim().parse().unwrap();
    assert!(parts > 2, "{parts}");
    for part in (0..parts).rev() {
        run(dir, &args, &["--part", &part.to_string()]).ok();
    }
    run(dir, &args, &["--finish"]).ok();
    assert!(read(&dir.join("w.h5")) == expected);
}

#[test]
fn a_dry_run_on_a_circuit_states_the_exact_size() {
    let dir = folder();
    let dir = dir.path();
    let bytes = by_two_commands(dir, "c", &[]).len();
    let before = names_in(dir);
    let text = run(dir, &["weights", "c", "e.csv", "-o", "w.h5", "--dry-run"], &[]).ok();
    assert!(text.contains(&format!("  {bytes} bytes, ")), "{text}");
    assert_eq!(names_in(dir), before);
}

#[test]
fn options_that_do_not_fit_the_inputs_are_refused() {
    let dir = folder();
    let dir = dir.path();
    run(dir, &["positions", "c", "-o", "t.parquet"], &[]).ok();
    let weights = |inputs: &[&str], options: &[&str]| {
        run(dir, &[&["weights"], inputs, &["e.csv", "-o", "w.h5"]].concat(), options)
    };
    weights(&["t.parquet"], &["--keep-axon"]).refused(
        "error: `--keep-axon` is for circuits, expected a circuit or simulation configuration, found a segment table\n\
         hint: a table has its segments already: give `--keep-axon` to `leadfield positions`",
    );
    weights(&["t.parquet"], &["--keep-table", "u"]).refused(
        "error: `--keep-table` is for circuits, expected a circuit or simulation configuration, found a segment table\n\
         hint: a table has its segments already: give `--keep-table` to `leadfield positions`",
    );
    weights(&["c/circuit_config.json", "t.parquet"], &[]).refused(
        "error: c/circuit_config.json: a circuit together with other inputs, expected one circuit or segment tables, found 2 inputs\n\
         hint: make the table of each with `leadfield positions`",
    );
    weights(&["c"], &["--population", "a", "--population", "b"])
        .refused("error: several populations of a circuit, expected one `--population`, or none for all, found 2");
    weights(&["c"], &["--keep-table", "w.h5"])
        .refused("error: `--keep-table` is a file of the electrodes file's run, expected another name, found `w.h5`");
    for name in ["w.h5.partial", "w.h5.checkpoint", "w.h5/t"] {
        weights(&["c"], &["--keep-table", name]).refused(&format!(
            "error: `--keep-table` is a file of the electrodes file's run, expected another name, found `{name}`"
        ));
        assert!(!dir.join(name).exists());
    }
    assert_eq!(names_in(dir), ["c", "e.csv", "t.parquet"]);
}

#[test]
fn the_circuit_and_its_simulation_are_stated_from_another_folder_too() {
    let dir = folder();
    let dir = dir.path();
    std::fs::create_dir(dir.join("out")).unwrap();
    run(dir, &["positions", "c/simulation_config.json", "-o", "out/t"], &[]).ok();
    run(dir, &["weights", "out/t", "e.csv", "-o", "out/w.h5"], &[]).ok();
    let expected = read(&dir.join("out/w.h5"));
    // the report's times are those of the simulation: no note of placeholders
    let done = leadfield_in(dir, &["weights", "c/simulation_config.json", "e.csv", "-o", "out/w.h5", "--force"]);
    assert!(done.code == 0 && !done.stderr.contains("placeholders"), "{}", done.stderr);
    assert!(read(&dir.join("out/w.h5")) == expected);
    let file = ElectrodesFile::open(&dir.join("out/w.h5")).unwrap();
    assert_eq!(file.stated_circuit(&file.populations()[0]).unwrap(), "../c/circuit_config.json");
    let times = |text: &str| -> serde_json::Value {
        let block: serde_json::Value = serde_json::from_str(text).unwrap();
        block["lfp"].clone()
    };
    let from_table = leadfield_in(dir, &["weights", "out/t", "e.csv", "-o", "out/w.h5", "--force", "--quiet"]).ok();
    assert_eq!(times(&done.stdout), times(&from_table));
}
