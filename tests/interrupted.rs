//! Runs that are killed or stopped, or that find the disk full or an input missing, are resumed, and end with the bytes
//! of an uninterrupted run.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use leadfield::circuit::{PopulationTables, SegmentTableOptions, SegmentationPlan};
use leadfield::electrodes;
use leadfield::error::Result;
use leadfield::io::atomic_output::OverwritePolicy;
use leadfield::io::checkpoint::{Checkpoint, PROGRAM};
use leadfield::io::hdf5::Hdf5File;
use leadfield::io::resumable_output::RunSettings;
use leadfield::methods::NearField;
use leadfield::segments::table::SegmentTable;
use leadfield::weights::{WeightsRequest, WeightsSummary, compute_weights};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::support::{Run, leadfield_in, names_in, scratch};

/// Neurons of the circuit, each of which is a part of the table.
pub const PARTS: u64 = 24;

/// Creates a folder with a circuit, its table `table` of [`PARTS`] parts, and `e.csv` with LineSource contacts.
pub fn folder(contacts: usize) -> tempfile::TempDir {
    let dir = scratch();
    let cells = PARTS.to_string();
    let options = ["synthesize", "circuit", "--quiet", "--with-report", "--cells", &cells, "--morphologies", "3"];
    leadfield_in(dir.path(), &options).ok();
    let row = |i: usize| format!("c{i},{},{},5\n", 20 * (i % 4), 20 * (i / 4));
    let csv = "name,x,y,z\n".to_string() + &(0..contacts).map(row).collect::<String>();
    std::fs::write(dir.path().join("e.csv"), csv).unwrap();
    let config = dir.path().join("circuit/simulation_config.json");
    let assembly = SegmentationPlan::open(&leadfield::circuit::CircuitRequest::new(&config)).unwrap();
    let options = SegmentTableOptions { segments_per_part: 1, ..SegmentTableOptions::default() };
    let made = assembly.write(&dir.path().join("table"), OverwritePolicy::Refuse, &options, &|_| ()).unwrap();
    assert_eq!(made.parts as u64, PARTS);
    dir
}

pub const INPUTS: [&str; 3] = ["circuit", "e.csv", "table"];

fn weights(dir: &Path, options: &[&str]) -> Run {
    leadfield_in(dir, &[&["weights", "table", "e.csv", "-o", "w.h5", "--quiet"], options].concat())
}

/// Returns the bytes of an uninterrupted run, and removes its file.
pub fn undisturbed(dir: &Path) -> Vec<u8> {
    weights(dir, &[]).ok();
    let bytes = std::fs::read(dir.join("w.h5")).unwrap();
    std::fs::remove_file(dir.join("w.h5")).unwrap();
    bytes
}

/// Runs `leadfield weights table e.csv -o w.h5` by the library.
fn compute_in(
    dir: &Path,
    table: &SegmentTable,
    resume: bool,
    stop: &(dyn Fn() -> bool + Sync),
) -> Result<WeightsSummary> {
    compute_over(OverwritePolicy::Refuse, dir, table, resume, stop)
}

/// Runs `leadfield weights table e.csv -o w.h5` by the library, with or without `--force`.
fn compute_over(
    existing: OverwritePolicy,
    dir: &Path,
    table: &SegmentTable,
    resume: bool,
    stop: &(dyn Fn() -> bool + Sync),
) -> Result<WeightsSummary> {
    let electrodes = electrodes::read(&dir.join("e.csv")).unwrap();
    let electrodes = electrodes::configure(&electrodes, &[], NearField::ClampToRadius).unwrap();
    compute_weights(&WeightsRequest {
        sources: &[table],
        electrodes: &electrodes,
        output: &dir.join("w.h5"),
        existing,
        resume,
        stop,
        progress: &|_| (),
    })
}

/// Stops a run after some parts, and leaves its unfinished output.
fn interrupt(dir: &Path, parts: u64) {
    let asked = AtomicU64::new(0);
    let stop = || asked.fetch_add(1, Ordering::Relaxed) == parts;
    let error = compute_in(dir, &SegmentTable::open(&dir.join("table")).unwrap(), false, &stop).unwrap_err();
    let text = format!(
        "{}: stopped as asked, before all units of work were done\n\
         hint: {parts} of {PARTS} units of work are kept: resume with `--resume`",
        dir.join("w.h5").display()
    );
    assert_eq!(format!("{error:?}"), text);
    assert_eq!(names_in(dir), [&INPUTS[..], &["w.h5.checkpoint", "w.h5.partial"]].concat());
}

/// Flips the last bit of the first weight of a part.
pub fn damage(dir: &Path, file: &Path, part: u64) {
    let table = SegmentTable::open(&dir.join("table")).unwrap();
    let h5 = Hdf5File::open(file).unwrap();
    let object = format!("/electrodes/{}/scaling_factors", table.metadata().population);
    let columns = h5.shape(&object).unwrap()[1] as u64;
    let place =
        h5.byte_offset(&object).unwrap().unwrap() + table.parts()[part as usize].neurons()[0].first_row * columns * 8;
    drop(h5);
    let mut bytes = std::fs::read(file).unwrap();
    bytes[place as usize] ^= 1;
    std::fs::write(file, bytes).unwrap();
}

/// Starts the program in a folder.
pub fn start<S: AsRef<std::ffi::OsStr>>(dir: &Path, args: &[S]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_leadfield"));
    command.current_dir(dir).args(args);
    command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Returns the number of parts that the checkpoint records as done.
pub fn marked_parts(output: &Path) -> u64 {
    Checkpoint::read(output).unwrap().map_or(0, |checkpoint| checkpoint.progress().unwrap().0)
}

/// Waits until this number of parts is recorded, or the program has ended.
pub fn wait_for(child: &mut Child, parts: u64, output: &Path) {
    while marked_parts(output) < parts && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_micros(200));
    }
}

#[test]
fn weights_killed_at_any_moment_are_resumed_to_the_same_bytes() {
    let dir = folder(200);
    let dir = dir.path();
    let (expected, output) = (undisturbed(dir), dir.join("w.h5"));
    let mut kept = 0;
    for seed in 0..20 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut child = start(dir, &["weights", "table", "e.csv", "-o", "w.h5", "--quiet", "--resume"]);
        wait_for(&mut child, rng.random_range(0..PARTS), &output);
        std::thread::sleep(Duration::from_micros(rng.random_range(0..3000)));
        child.kill().unwrap();
        child.wait().unwrap();
        kept += marked_parts(&output);
        let run = weights(dir, &["--resume"]);
        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "seed {seed}");
        assert!(std::fs::read(&output).unwrap() == expected, "seed {seed}");
        assert_eq!(names_in(dir), [&INPUTS[..], &["w.h5"]].concat(), "seed {seed}");
        std::fs::remove_file(&output).unwrap();
    }
    assert!(kept > 0, "no run was killed half way");
}

#[test]
fn signals_stop_at_the_end_of_a_part() {
    let dir = folder(200);
    let dir = dir.path();
    let (expected, output) = (undisturbed(dir), dir.join("w.h5"));
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        let mut child = start(dir, &["weights", "table", "e.csv", "-o", "w.h5", "--quiet", "--threads", "1"]);
        wait_for(&mut child, 1, &output);
        assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
        let ended = child.wait_with_output().unwrap();
        let parts = marked_parts(&output);
        assert!((1..PARTS).contains(&parts), "{parts}");
        let text = format!(
            "error: w.h5: stopped as asked, before all units of work were done\n\
             hint: {parts} of {PARTS} units of work are kept: resume with `--resume`\n"
        );
        assert_eq!((ended.status.code(), String::from_utf8(ended.stderr).unwrap()), (Some(code), text));
        weights(dir, &["--resume"]).ok();
        assert!(std::fs::read(&output).unwrap() == expected);
        std::fs::remove_file(&output).unwrap();
    }
}

#[test]
fn a_resumed_run_continues_after_the_finished_parts() {
    let dir = folder(8);
    let dir = dir.path();
    let expected = undisturbed(dir);
    interrupt(dir, 5);
    let summary = compute_in(dir, &SegmentTable::open(&dir.join("table")).unwrap(), true, &|| false).unwrap();
    assert_eq!((summary.parts, summary.resumed_parts, summary.damaged_parts), (PARTS, 5, 0));
    assert!(std::fs::read(dir.join("w.h5")).unwrap() == expected);
    assert_eq!(names_in(dir), [&INPUTS[..], &["w.h5"]].concat());
}

#[test]
fn info_reports_the_progress_of_an_interrupted_run() {
    let dir = folder(8);
    interrupt(dir.path(), 5);
    let table = SegmentTable::open(&dir.path().join("table")).unwrap();
    let done: u64 = table.parts()[..5].iter().map(leadfield::segments::table::TablePart::len).sum();
    let facts = leadfield_in(dir.path(), &["info", "w.h5.partial"]).ok();
    let line = |name: &str| facts.lines().find(|l| l.starts_with(name)).unwrap()[name.len()..].trim().to_string();
    assert_eq!(line("kind "), "electrodes file, unfinished");
    assert_eq!(line("progress "), format!("5 of {PARTS} units of work, {done} of {} segments", table.len()));
}

#[test]
fn without_resume_or_force_an_unfinished_output_is_kept() {
    let dir = folder(8);
    let dir = dir.path();
    let expected = undisturbed(dir);
    interrupt(dir, 5);
    let left = std::fs::read(dir.join("w.h5.partial")).unwrap();
    weights(dir, &[]).refused(
        "error: w.h5.partial: exists already, left by an interrupted run\n\
         hint: resume it with `--resume`, or start again with `--force`",
    );
    assert!(std::fs::read(dir.join("w.h5.partial")).unwrap() == left && marked_parts(&dir.join("w.h5")) == 5);
    weights(dir, &["--force"]).ok();
    assert!(std::fs::read(dir.join("w.h5")).unwrap() == expected);
    assert_eq!(names_in(dir), [&INPUTS[..], &["w.h5"]].concat());
}

#[test]
fn a_run_of_other_settings_inputs_or_version_is_not_resumed() {
    let dir = folder(8);
    let dir = dir.path();
    interrupt(dir, 5);
    let refused = |options: &[&str], what: &str| {
        let run = weights(dir, &[&["--resume"], options].concat());
        assert_eq!(run.code, 2);
        let hint = "hint: use the inputs and settings of that run, or start again with `--force`";
        let lines: Vec<&str> = run.stderr.lines().collect();
        assert!(lines.len() == 2 && lines[0].starts_with(what) && lines[1] == hint, "{}", run.stderr);
        assert_eq!(marked_parts(&dir.join("w.h5")), 5);
    };
    let other = "error: w.h5.checkpoint: unfinished run of other inputs or settings, expected digest ";
    refused(&["--conductivity", "0.3"], other);
    refused(&["--near-field", "exact"], other);
    let csv = std::fs::read_to_string(dir.join("e.csv")).unwrap();
    std::fs::write(dir.join("e.csv"), csv.replace("c7,60,20,5", "c7,60,20.001,5")).unwrap();
    refused(&[], other);
    std::fs::write(dir.join("e.csv"), csv).unwrap();
    let path = dir.join("w.h5.checkpoint");
    let mut bytes = std::fs::read(&path).unwrap();
    let (program, other_program) = (format!("program {PROGRAM}"), "program leadfield 0.0.1");
    let place = bytes.windows(program.len()).position(|window| window == program.as_bytes()).unwrap();
    bytes[place..place + program.len()].copy_from_slice(other_program.as_bytes());
    std::fs::write(&path, bytes).unwrap();
    let version = format!("expected `{PROGRAM}`, found `leadfield 0.0.1`");
    refused(&[], &format!("error: w.h5.checkpoint: unfinished run of another version, {version}"));
    // with both options an unfinished output that cannot be resumed is replaced
    let expected = weights(dir, &["--resume", "--force"]).ok();
    assert!(expected.contains("electrodes_file"));
    assert_eq!(names_in(dir), [&INPUTS[..], &["w.h5"]].concat());
}

#[test]
fn resume_begins_a_new_run_and_accepts_a_complete_output() {
    let dir = folder(8);
    let dir = dir.path();
    let expected = undisturbed(dir);
    weights(dir, &["--resume"]).ok();
    let output = dir.join("w.h5");
    assert!(std::fs::read(&output).unwrap() == expected);
    let written = std::fs::metadata(&output).unwrap().modified().unwrap();
    let run = leadfield_in(dir, &["weights", "table", "e.csv", "-o", "w.h5", "--resume"]);
    assert_eq!(run.stderr, "w.h5: complete already, from the same inputs and settings\n");
    assert!(run.ok().contains("electrodes_file"));
    assert_eq!(std::fs::metadata(&output).unwrap().modified().unwrap(), written);
    let other = "error: w.h5: exists already, and is not what these inputs and settings give\n\
                 hint: choose another name, or replace it: `--force`, or `--resume --force` where a run of these inputs \
                 was interrupted";
    weights(dir, &["--resume", "--conductivity", "0.3"]).refused(other);
    damage(dir, &output, PARTS - 1);
    weights(dir, &["--resume"]).refused(other);
}

#[test]
fn damaged_parts_are_computed_again() {
    let dir = folder(8);
    let dir = dir.path();
    let expected = undisturbed(dir);
    interrupt(dir, PARTS - 1);
    damage(dir, &dir.join("w.h5.partial"), 0);
    let run = leadfield_in(dir, &["weights", "table", "e.csv", "-o", "w.h5", "--resume"]);
    let warning = "warning: damage in 1 unit of work of the interrupted run, computed again\n";
    assert!(run.stderr.starts_with(warning), "{}", run.stderr);
    assert_eq!(run.code, 0);
    assert!(std::fs::read(dir.join("w.h5")).unwrap() == expected);
}

#[test]
fn an_output_damaged_outside_of_the_weights_is_not_resumed() {
    let dir = folder(8);
    let dir = dir.path();
    interrupt(dir, PARTS - 1);
    let partial = dir.join("w.h5.partial");
    let h5 = Hdf5File::open(&partial).unwrap();
    let place = h5.byte_offset(&format!("/{}/node_ids", population(dir))).unwrap().unwrap();
    drop(h5);
    let intact = std::fs::read(&partial).unwrap();
    std::fs::write(dir.join("intact.h5"), &intact).unwrap();
    let mut bytes = intact.clone();
    bytes[place as usize] ^= 64;
    for damaged in [&bytes, &intact[..1000]] {
        std::fs::write(&partial, damaged).unwrap();
        weights(dir, &["--resume"]).refused(
            "error: w.h5.partial: damaged, expected the file that the interrupted run laid out\n\
             hint: start again with `--force`",
        );
        assert_eq!(marked_parts(&dir.join("w.h5")), PARTS - 1);
    }
    // any byte outside of the weights, even one that no reader uses, and bytes after the end
    let h5 = Hdf5File::open(&dir.join("intact.h5")).unwrap();
    let object = format!("/electrodes/{}/scaling_factors", population(dir));
    let first = h5.byte_offset(&object).unwrap().unwrap() as usize;
    let last = first + 8 * h5.shape(&object).unwrap().into_iter().product::<usize>();
    for at in (0..first).step_by(first / 9).chain((last..intact.len()).step_by((intact.len() - last) / 9)) {
        let mut bytes = intact.clone();
        bytes[at] ^= 4;
        std::fs::write(&partial, bytes).unwrap();
        let run = weights(dir, &["--resume"]);
        assert!(run.code == 2 && !dir.join("w.h5").exists(), "{at}: {}", run.stderr);
    }
    std::fs::write(&partial, [&intact[..], b"more"].concat()).unwrap();
    weights(dir, &["--resume"]).refused(
        "error: w.h5.partial: damaged, expected the file that the interrupted run laid out\n\
         hint: start again with `--force`",
    );
    std::fs::write(&partial, intact).unwrap();
    weights(dir, &["--resume"]).ok();
}

fn population(dir: &Path) -> String {
    SegmentTable::open(&dir.join("table")).unwrap().metadata().population.clone()
}

#[test]
fn the_output_of_a_running_process_is_not_touched() {
    let dir = folder(8);
    let dir = dir.path();
    let expected = undisturbed(dir);
    interrupt(dir, 5);
    let partial = || std::fs::read(dir.join("w.h5.partial")).unwrap();
    let left = partial();
    let lock = std::fs::File::open(dir.join("w.h5.checkpoint")).unwrap();
    lock.lock().unwrap();
    for options in [&[][..], &["--resume"], &["--force"], &["--resume", "--force"]] {
        weights(dir, options).refused(
            "error: w.h5: in use by another run, expected one run at a time\n\
             hint: wait for it, or choose another name",
        );
        assert!(partial() == left && marked_parts(&dir.join("w.h5")) == 5, "{options:?}");
    }
    drop(lock);
    weights(dir, &["--resume"]).ok();
    assert!(std::fs::read(dir.join("w.h5")).unwrap() == expected);
}

/// Interrupts a run that replaces an output of other settings after 5 parts; returns the bytes of a complete output, the
/// table and the run's error.
fn interrupt_replacement(dir: &Path) -> (Vec<u8>, SegmentTable, leadfield::Error) {
    let expected = undisturbed(dir);
    weights(dir, &["--conductivity", "0.3"]).ok();
    let asked = AtomicU64::new(0);
    let stop = || asked.fetch_add(1, Ordering::Relaxed) == 5;
    let table = SegmentTable::open(&dir.join("table")).unwrap();
    let error = compute_over(OverwritePolicy::Replace, dir, &table, false, &stop).unwrap_err();
    (expected, table, error)
}

#[test]
fn a_run_that_replaces_an_output_is_resumed_with_both_options() {
    let dir = folder(8);
    let dir = dir.path();
    let (expected, table, error) = interrupt_replacement(dir);
    let hint = format!("5 of {PARTS} units of work are kept: resume with `--resume --force`");
    assert_eq!(error.hint(), Some(hint));
    // a run whose output is complete does not touch the other run's parts
    weights(dir, &["--conductivity", "0.3", "--resume"]).ok();
    assert_eq!(marked_parts(&dir.join("w.h5")), 5);
    let summary = compute_over(OverwritePolicy::Replace, dir, &table, true, &|| false).unwrap();
    assert_eq!((summary.resumed_parts, summary.damaged_parts), (5, 0));
    assert!(std::fs::read(dir.join("w.h5")).unwrap() == expected);
    assert_eq!(names_in(dir), [&INPUTS[..], &["w.h5"]].concat());
}

#[test]
fn the_program_resumes_a_run_that_replaces_an_output_with_both_options() {
    let dir = folder(8);
    let dir = dir.path();
    let (expected, ..) = interrupt_replacement(dir);
    // the old output is read to compare it, and is replaced all the same
    let run = leadfield_in(dir, &["weights", "table", "e.csv", "-o", "w.h5", "--resume", "--force"]);
    assert!(run.stderr.contains(&format!("5 of {PARTS} units of work by an earlier run")), "{}", run.stderr);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(std::fs::read(dir.join("w.h5")).unwrap() == expected);
    weights(dir, &["--resume"]).ok();
    // a complete output of other settings, and nothing unfinished
    weights(dir, &["--conductivity", "0.3", "--resume", "--force"]).ok();
    assert!(std::fs::read(dir.join("w.h5")).unwrap() != expected);
    assert_eq!(names_in(dir), [&INPUTS[..], &["w.h5"]].concat());
    let single = |options: &[&str]| {
        leadfield_in(dir, &[&["positions", CIRCUIT, "-o", "t.parquet", "--quiet"], options].concat()).ok()
    };
    single(&[]);
    single(&["--precision", "f32", "--resume", "--force"]);
}

#[test]
fn an_unfinished_electrodes_file_is_described_and_not_used() {
    let dir = folder(8);
    let dir = dir.path();
    interrupt(dir, 5);
    let refused = |found: &str| {
        let text = format!(
            "error: w.h5.partial: unfinished, expected a complete electrodes file, found {found}\n\
             hint: complete `w.h5` with the command that began it and `--resume`, or `--finish` after `--layout`; \
             `leadfield info` shows its progress"
        );
        for args in [
            &["query", "table", "--weights", "w.h5.partial", "--electrode", "c0", "--limit", "1"][..],
            &["convert", "w.h5.partial", "-o", "w.parquet"],
            &["convert", "w.h5.partial", "-o", "x.h5"],
            &["plot", "weights", "table", "w.h5.partial", "--electrode", "c0", "-o", "p.svg"],
            &["validate", "weights", "w.h5.partial", "w.h5.partial"],
        ] {
            leadfield_in(dir, args).refused(&text);
        }
    };
    refused(&format!("5 of {PARTS} units of work written"));
    let unfinished = leadfield_in(dir, &["info", "w.h5.partial"]).ok();
    assert!(unfinished.contains(&format!("5 of {PARTS} units of work")), "{unfinished}");
    std::fs::remove_file(dir.join("w.h5.checkpoint")).unwrap();
    refused("one that was never completed");
    let unfinished = leadfield_in(dir, &["info", "w.h5.partial"]).ok();
    assert!(unfinished.contains("electrodes file, unfinished") && unfinished.contains("its checkpoint is missing"));
}

#[test]
fn a_missing_part_costs_no_other_part() {
    let dir = folder(8);
    let dir = dir.path();
    let expected = undisturbed(dir);
    let table = SegmentTable::open(&dir.join("table")).unwrap();
    let (part, away): (PathBuf, PathBuf) = (dir.join("table/part-00007.parquet"), dir.join("away"));
    std::fs::rename(&part, &away).unwrap();
    let error = compute_in(dir, &table, false, &|| false).unwrap_err();
    let text = format!(
        "{}: cannot be read: no such file or directory\nhint: 7 of {PARTS} units of work are kept: resume with `--resume`",
        part.display()
    );
    assert_eq!(format!("{error:?}"), text);
    std::fs::rename(&away, &part).unwrap();
    let summary = compute_in(dir, &table, true, &|| false).unwrap();
    assert_eq!((summary.resumed_parts, summary.damaged_parts), (7, 0));
    assert!(std::fs::read(dir.join("w.h5")).unwrap() == expected);
}

// positions

pub const CIRCUIT: &str = "circuit/simulation_config.json";

/// Creates a folder with a circuit of [`PARTS`] neurons.
pub fn circuit() -> tempfile::TempDir {
    let dir = folder(1);
    std::fs::remove_dir_all(dir.path().join("table")).unwrap();
    std::fs::remove_file(dir.path().join("e.csv")).unwrap();
    dir
}

/// Returns the arguments of a run. The table stores the configuration's path, so it is the same in every run.
pub fn positions_of(dir: &Path, options: &[&str]) -> Vec<String> {
    let config = dir.join(CIRCUIT);
    let args = ["positions", config.to_str().unwrap(), "-o", "t", "--segments-per-part", "1"];
    args.iter().chain(options).map(|arg| arg.to_string()).collect()
}

fn positions(dir: &Path, options: &[&str]) -> Run {
    leadfield_in(dir, &positions_of(dir, &[&["--quiet"], options].concat()))
}

/// Returns the names and bytes of a table's parts.
pub fn bytes_of(table: &Path) -> Vec<(String, Vec<u8>)> {
    names_in(table).into_iter().map(|name| (name.clone(), std::fs::read(table.join(&name)).unwrap())).collect()
}

/// Returns the parts of an uninterrupted run, and removes its folder.
pub fn undisturbed_table(dir: &Path) -> Vec<(String, Vec<u8>)> {
    positions(dir, &[]).ok();
    let bytes = bytes_of(&dir.join("t"));
    // the parts and their manifest
    assert_eq!(bytes.len() as u64, PARTS + 1);
    std::fs::remove_dir_all(dir.join("t")).unwrap();
    bytes
}

/// Stops a run of `positions` after some parts, and leaves its unfinished output.
fn interrupt_positions(dir: &Path, parts: u64) {
    let asked = AtomicU64::new(0);
    let stop = || asked.fetch_add(1, Ordering::Relaxed) == parts;
    let config = dir.join(CIRCUIT);
    let tables = PopulationTables::open(&leadfield::circuit::CircuitRequest::new(&config)).unwrap();
    let options = SegmentTableOptions { segments_per_part: 1, ..SegmentTableOptions::default() };
    let existing = OverwritePolicy::Refuse;
    let settings = RunSettings { existing, resume: false, is_stopped: &stop, on_progress: &|_| () };
    let error = tables.write(&dir.join("t"), &options, &settings).unwrap_err();
    assert_eq!(error.hint().unwrap(), format!("{parts} of {PARTS} units of work are kept: resume with `--resume`"));
    assert_eq!(names_in(dir), ["circuit", "t.checkpoint", "t.partial"]);
}

#[test]
fn positions_killed_at_any_moment_are_resumed_to_the_same_bytes() {
    let dir = circuit();
    let dir = dir.path();
    let (expected, output) = (undisturbed_table(dir), dir.join("t"));
    let mut kept = 0;
    for seed in 0..20 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut child = start(dir, &positions_of(dir, &["--quiet", "--resume"]));
        wait_for(&mut child, rng.random_range(0..PARTS), &output);
        std::thread::sleep(Duration::from_micros(rng.random_range(0..3000)));
        child.kill().unwrap();
        child.wait().unwrap();
        kept += marked_parts(&output);
        let run = positions(dir, &["--resume"]);
        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "seed {seed}");
        assert!(bytes_of(&output) == expected, "seed {seed}");
        assert_eq!(names_in(dir), ["circuit", "t"], "seed {seed}");
        std::fs::remove_dir_all(&output).unwrap();
    }
    assert!(kept > 0, "no run was killed half way");
}

#[test]
fn a_signal_stops_positions_at_the_end_of_a_part() {
    let dir = circuit();
    let dir = dir.path();
    let (expected, output) = (undisturbed_table(dir), dir.join("t"));
    let mut child = start(dir, &positions_of(dir, &["--quiet"]));
    wait_for(&mut child, 1, &output);
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let ended = child.wait_with_output().unwrap();
    let parts = marked_parts(&output);
    assert!((1..PARTS).contains(&parts), "{parts}");
    let text = format!(
        "error: t: stopped as asked, before all units of work were done\n\
         hint: {parts} of {PARTS} units of work are kept: resume with `--resume`\n"
    );
    assert_eq!((ended.status.code(), String::from_utf8(ended.stderr).unwrap()), (Some(130), text));
    positions(dir, &["--resume"]).ok();
    assert!(bytes_of(&output) == expected);
}

#[test]
fn an_unfinished_table_is_reported_kept_and_resumed() {
    let dir = circuit();
    let dir = dir.path();
    let expected = undisturbed_table(dir);
    interrupt_positions(dir, 5);
    let facts = leadfield_in(dir, &["info", "t.partial"]).ok();
    assert!(
        facts.contains(&format!("  5 of {PARTS} units of work, ")) && facts.contains("segment table, unfinished"),
        "{facts}"
    );
    let left = "error: t.partial: exists already, left by an interrupted run\n\
                hint: resume it with `--resume`, or start again with `--force`";
    positions(dir, &[]).refused(left);
    assert_eq!(marked_parts(&dir.join("t")), 5);
    let other = positions(dir, &["--resume", "--precision", "f32"]);
    let text = "error: t.checkpoint: unfinished run of other inputs or settings, expected digest ";
    assert!(other.code == 2 && other.stderr.starts_with(text), "{}", other.stderr);
    // of the finished parts one is cut short, and one is missing
    std::fs::write(dir.join("t.partial/part-00001.parquet"), "PAR1").unwrap();
    std::fs::remove_file(dir.join("t.partial/part-00003.parquet")).unwrap();
    let run = leadfield_in(dir, &positions_of(dir, &["--resume"]));
    assert!(run.stderr.ends_with(&format!("3 of {PARTS} parts by an earlier run\n")), "{}", run.stderr);
    assert!(bytes_of(&dir.join("t")) == expected);
    assert_eq!(names_in(dir), ["circuit", "t"]);
    let again = leadfield_in(dir, &positions_of(dir, &["--resume"]));
    assert_eq!(again.stderr, "t: complete already, from the same inputs and settings\n");
    positions(dir, &["--resume", "--axon-placement", "arc"]).refused(
        "error: t: exists already, and is not what these inputs and settings give\n\
         hint: choose another name, or replace it: `--force`, or `--resume --force` where a run of these inputs was \
         interrupted",
    );
    interrupt_elsewhere_and_force(dir, &expected);
}

#[test]
fn a_complete_table_is_refused_if_the_circuit_changed_since() {
    let dir = circuit();
    let dir = dir.path();
    positions(dir, &[]).ok();
    let nodes = dir.join("circuit/networks/nodes/neurons/nodes.h5");
    crate::malformed::electrodes_file::edited(&nodes, |file| {
        let x = file.dataset("/nodes/neurons/0/x").unwrap();
        let last = PARTS as usize - 1;
        let moved = x.read_1d::<f32>().unwrap()[last] + 1e-3;
        x.write_slice(&[moved], ndarray::s![last..]).unwrap();
    });
    let run = positions(dir, &["--resume"]);
    let text = "error: t: exists already, and is not what these inputs and settings give\n";
    assert!(run.code == 2 && run.stderr.starts_with(text), "{}", run.stderr);
}

/// Checks that with `--force` a run begins from the start and replaces an unfinished output.
fn interrupt_elsewhere_and_force(dir: &Path, expected: &[(String, Vec<u8>)]) {
    std::fs::remove_dir_all(dir.join("t")).unwrap();
    interrupt_positions(dir, 2);
    positions(dir, &["--force"]).ok();
    assert!(bytes_of(&dir.join("t")) == expected);
    assert_eq!(names_in(dir), ["circuit", "t"]);
}

// a full disk

/// A script that runs in separate namespaces, in which it may mount disks: disks that are too small, disks that fill up
/// during the run, and disks that then get more space. `$1` is too few bytes for the electrodes file, `$2` enough; `$3`
/// too few for the table, `$4` enough for the smallest table of this number of segments, but not for this one; `$5` the
/// program, `$6` the configuration.
const ON_A_SMALL_DISK: &str = "
    mkdir small && mount -t tmpfs -o size=$1 tmpfs small || exit 99
    weights() { \"$program\" weights table e.csv -o small/w.h5 --quiet --threads 1 $1 >/dev/null; }
    positions() { \"$program\" positions \"$config\" -o small/t --quiet --segments-per-part 1 $1 >/dev/null; }
    program=$5 config=$6
    weights --dry-run 2>log; echo \"code $?\" >>log
    weights 2>>log; echo \"code $?\" >>log
    ls small >>log
    mount -o remount,size=$2 small
    for attempt in 1 2 3 4 5 6 7 8 9 10; do
        \"$program\" weights table e.csv -o small/w.h5 --quiet --threads 1 >/dev/null 2>full &
        until tail -c +4097 small/w.h5.checkpoint 2>/dev/null | grep -qa '[^[:cntrl:]]' || [ -e small/w.h5 ]; do :; done
        kill -STOP $! && cat /dev/zero >small/rest 2>/dev/null; kill -CONT $!
        wait $!; code=$?
        rm -f small/rest
        [ $code = 0 ] || break
        rm small/w.h5
    done
    cat full >>log; echo \"code $code\" >>log
    ls small >>log
    weights --resume || exit 98
    cp small/w.h5 .
    rm -r small/*; mount -o remount,size=$3 small
    positions --dry-run 2>>log; echo \"code $?\" >>log
    positions 2>>log; echo \"code $?\" >>log
    ls small >>log
    mount -o remount,size=$4 small
    positions 2>>log; echo \"code $?\" >>log
    mount -o remount,size=1g small
    positions --resume || exit 97
    cp -r small/t .";

#[test]
#[ignore = "needs permission to mount a small file system: root, or user namespaces and util-linux"]
fn a_full_disk_is_reported_and_the_run_is_resumed_when_there_is_space() {
    let dir = folder(200);
    let dir = dir.path();
    let segments = SegmentTable::open(&dir.join("table")).unwrap().len();
    // outputs name the circuit from their own folder, here next to `small`
    std::fs::create_dir(dir.join("aside")).unwrap();
    leadfield_in(dir, &["weights", "table", "e.csv", "-o", "aside/w.h5", "--quiet"]).ok();
    let circuit = dir.join(CIRCUIT).into_os_string().into_string().unwrap();
    leadfield_in(dir, &["positions", &circuit, "-o", "aside/t", "--quiet", "--segments-per-part", "1"]).ok();
    let (expected, table) = (std::fs::read(dir.join("aside/w.h5")).unwrap(), bytes_of(&dir.join("aside/t")));
    // before a table is written its size is estimated as 32 bytes for each segment
    let (least, whole) = (32 * segments, table.iter().map(|(_, bytes)| bytes.len() as u64).sum::<u64>());
    assert!(least + 50_000 < whole, "{least} {whole}");
    let sizes = [expected.len() as u64 / 2, expected.len() as u64 + 2_000_000, least / 2, u64::midpoint(least, whole)];
    let mut unshare = Command::new("unshare");
    unshare.args(["-rm", "sh", "-c", ON_A_SMALL_DISK, "sh"]).args(sizes.map(|bytes| bytes.to_string()));
    unshare.arg(env!("CARGO_BIN_EXE_leadfield")).arg(dir.join(CIRCUIT));
    let status = unshare.current_dir(dir).status().unwrap();
    let log = std::fs::read_to_string(dir.join("log")).unwrap();
    assert_eq!(status.code(), Some(0), "{log}");
    let mut lines = log.lines();
    let mut next = || lines.next().unwrap_or_default().to_string();
    let too_little = |line: String, name: &str, bytes: &dyn Fn(u64) -> bool| {
        let start = format!("error: small/{name}: too little space on the disk, expected ");
        let number = line.strip_prefix(&start).and_then(|rest| rest.split_once(" bytes, found "));
        let number = number.filter(|(_, found)| found.ends_with(" that are free")).and_then(|(n, _)| n.parse().ok());
        assert!(number.is_some_and(bytes), "{log}");
    };
    let hint = "hint: free some space, or write to another disk";
    // the dry run checks the complete file; the run checks it when it is laid out, without the weights but for two
    // blocks
    let weight_bytes = 8 * 200 * segments;
    too_little(next(), "w.h5", &|bytes| bytes == expected.len() as u64);
    assert_eq!([next(), next()], [hint, "code 2"]);
    too_little(next(), "w.h5", &|bytes| (weight_bytes - 8192..=weight_bytes).contains(&bytes));
    assert_eq!([next(), next()], [hint, "code 2"]);
    assert_eq!(
        next(),
        "error: small/w.h5: cannot be written: no space left on device",
        "nothing was left before: {log}"
    );
    let kept = next();
    let parts: u64 =
        kept.strip_prefix("hint: ").unwrap_or_else(|| panic!("{log}")).split(' ').next().unwrap().parse().unwrap();
    assert!((1..PARTS).contains(&parts), "{log}");
    assert_eq!(kept, format!("hint: {parts} of {PARTS} units of work are kept: resume with `--resume`"));
    assert_eq!([next(), next(), next()], ["code 2", "w.h5.checkpoint", "w.h5.partial"]);
    assert!(std::fs::read(dir.join("w.h5")).unwrap() == expected);
    for _ in 0..2 {
        too_little(next(), "t", &|bytes| bytes == least);
        assert_eq!([next(), next()], [hint, "code 2"]);
    }
    let full = next();
    let (place, what) = full.split_once(".parquet: ").unwrap_or_else(|| panic!("{log}"));
    assert!(place.starts_with("error: small/t.partial/part-"), "{log}");
    assert_eq!(what, "cannot be written: no space left on device");
    assert!(next().ends_with(&format!(" of {PARTS} units of work are kept: resume with `--resume`")), "{log}");
    assert_eq!([next(), next()], ["code 2", ""]);
    assert!(bytes_of(&dir.join("t")) == table);
}
