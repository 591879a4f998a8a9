//! Ctrl-C: after the first one the program names the part that is being written, and the run stops soon, also in a unit
//! that takes long or in a table of one file. Finished units are kept, and the progress bar is removed.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use leadfield::circuit::{CircuitRequest, PopulationTables, SegmentTableOptions};
use leadfield::electrodes;
use leadfield::io::atomic_output::OverwritePolicy;
use leadfield::io::checkpoint::CheckpointProblem;
use leadfield::io::resumable_output::RunSettings;
use leadfield::methods::NearField;
use leadfield::segments::table::SegmentTable;
use leadfield::weights::{WeightsRequest, compute_weights};

use crate::interrupted::{INPUTS, PARTS, circuit, folder, marked_parts, undisturbed, wait_for};
use crate::support::{leadfield_in, names_in, scratch};

/// A run stops within 2 s; other programs on the machine may slow it down.
const MAX_TIME_TO_STOP: Duration = Duration::from_secs(6);

/// Writes contacts in a grid.
fn write_contacts(file: &Path, contacts: usize) {
    let row = |i: usize| format!("c{i},{},{},5\n", 20 * (i % 40), 20 * (i / 40));
    std::fs::write(file, "name,x,y,z\n".to_string() + &(0..contacts).map(row).collect::<String>()).unwrap();
}

/// Writes the circuit's table as one file.
fn table_in_one_file(dir: &Path) {
    leadfield_in(dir, &["positions", "circuit", "-o", "one.parquet", "--quiet"]).ok();
}

/// Returns a function that is false the first time: the run begins, and is asked to stop in its first unit.
fn stop_after_first_look() -> impl Fn() -> bool + Sync {
    let has_looked = AtomicBool::new(false);
    move || has_looked.swap(true, Ordering::Relaxed)
}

#[test]
fn a_unit_of_weights_that_takes_long_is_abandoned() {
    let dir = folder(1);
    let dir = dir.path();
    table_in_one_file(dir);
    let table = SegmentTable::open(&dir.join("one.parquet")).unwrap();
    // one unit of several blocks of 1 MiB; after each block its thread waits for longer than the time in which a unit
    // is still finished
    let contacts = (8 << 20) / 8 / table.metadata().segments as usize;
    write_contacts(&dir.join("many.csv"), contacts);
    let electrodes = electrodes::read(&dir.join("many.csv")).unwrap();
    let electrodes = electrodes::configure(&electrodes, &[], NearField::ClampToRadius).unwrap();
    let blocks = AtomicU64::new(0);
    let request = WeightsRequest {
        sources: &[&table],
        electrodes: &electrodes,
        output: &dir.join("w.h5"),
        existing: OverwritePolicy::Refuse,
        resume: false,
        stop: &stop_after_first_look(),
        progress: &|segments| {
            if segments > 0 {
                blocks.fetch_add(1, Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(600));
            }
        },
    };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    let error = pool.install(|| compute_weights(&request)).unwrap_err();
    assert_eq!(error.problem::<CheckpointProblem>(), Some(&CheckpointProblem::Stopped), "{error}");
    // each of two threads has computed a block, or two if it began the second before the first had waited
    assert!(blocks.load(Ordering::Relaxed) <= 4, "{blocks:?}");
    assert_eq!(names_in(dir), ["circuit", "e.csv", "many.csv", "one.parquet", "table"]);
}

#[test]
fn a_table_in_one_file_is_abandoned() {
    let dir = circuit();
    let config = dir.path().join("circuit/circuit_config.json");
    // two million segments
    let request = CircuitRequest { segment_length_um: Some(0.1), ..CircuitRequest::new(&config) };
    let tables = PopulationTables::open(&request).unwrap();
    assert!(tables.segment_count() > 1_000_000, "{}", tables.segment_count());
    let stop = stop_after_first_look();
    let existing = OverwritePolicy::Refuse;
    let settings = RunSettings { existing, resume: false, is_stopped: &stop, on_progress: &|_| () };
    let error = tables.write(&dir.path().join("t.parquet"), &SegmentTableOptions::default(), &settings).unwrap_err();
    assert_eq!(error.problem::<CheckpointProblem>(), Some(&CheckpointProblem::Stopped), "{error}");
    assert_eq!(names_in(dir.path()), ["circuit"]);
}

fn start(dir: &Path, args: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_leadfield"));
    command.current_dir(dir).args(args).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

fn send(signal: &str, child: &Child) {
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
}

#[test]
fn the_first_ctrl_c_says_which_part_is_written_and_the_run_is_resumed() {
    let dir = folder(1);
    let dir = dir.path();
    table_in_one_file(dir);
    let segments = SegmentTable::open(&dir.join("one.parquet")).unwrap().metadata().segments;
    // four units of 64 MiB
    write_contacts(&dir.join("e.csv"), (4 * (64 << 20)) / 8 / segments as usize);
    let args = ["weights", "one.parquet", "e.csv", "-o", "w.h5"];
    leadfield_in(dir, &[&args[..], &["--quiet"]].concat()).ok();
    let (expected, output) = (std::fs::read(dir.join("w.h5")).unwrap(), dir.join("w.h5"));
    std::fs::remove_file(&output).unwrap();
    let units = expected.len().div_ceil(64 << 20).max(4);

    let mut child = start(dir, &args);
    wait_for(&mut child, 1, &output);
    let asked = Instant::now();
    send("-INT", &child);
    let ended = child.wait_with_output().unwrap();
    let (waited, done) = (asked.elapsed(), marked_parts(&output));
    assert!(waited < MAX_TIME_TO_STOP, "{waited:?}");
    let stderr = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(130), "{stderr}");
    let lines: Vec<&str> = stderr.lines().collect();
    let all = lines[2].split(' ').nth(3).unwrap();
    assert!(all.parse::<usize>().is_ok_and(|all| all >= units), "{stderr}");
    // the part that was written at that moment may be done or abandoned
    let possible =
        [done, done + 1].map(|part| format!("stopping after this part ({part} of {all}); press again to end now"));
    assert!(possible.iter().any(|text| *text == lines[0]), "{stderr}");
    assert_eq!(lines[1], "error: w.h5: stopped as asked, before all units of work were done");
    assert_eq!(lines[2], format!("hint: {done} of {all} units of work are kept: resume with `--resume`"));
    assert_eq!(lines.len(), 3, "{stderr}");
    leadfield_in(dir, &[&args[..], &["--quiet", "--resume"]].concat()).ok();
    assert!(std::fs::read(&output).unwrap() == expected);
}

#[test]
fn a_second_signal_ends_the_run_at_once() {
    let dir = folder(1);
    let dir = dir.path();
    table_in_one_file(dir);
    write_contacts(&dir.join("e.csv"), 1200);
    let mut child = start(dir, &["weights", "one.parquet", "e.csv", "-o", "w.h5", "--quiet"]);
    while !dir.join("w.h5.checkpoint").exists() && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(5));
    }
    send("-INT", &child);
    std::thread::sleep(Duration::from_millis(50));
    // may have ended already
    drop(Command::new("kill").args(["-INT", &child.id().to_string()]).stderr(Stdio::null()).status());
    let ended = child.wait_with_output().unwrap();
    // ended by the signal itself, which a shell reports as 130; or stopped already
    assert!(matches!(ended.status.code(), None | Some(130)), "{ended:?}");
    assert!(!dir.join("w.h5").exists());
}

#[test]
fn a_signal_of_a_batch_system_has_its_own_exit_code_and_no_advice_for_a_keyboard() {
    let dir = folder(200);
    let dir = dir.path();
    let expected = undisturbed(dir);
    let mut child = start(dir, &["weights", "table", "e.csv", "-o", "w.h5", "--threads", "1"]);
    wait_for(&mut child, 1, &dir.join("w.h5"));
    send("-TERM", &child);
    let ended = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(143), "{stderr}");
    let first = stderr.lines().next().unwrap();
    assert!(first.starts_with("stopping after this part (") && first.ends_with(&format!(" of {PARTS})")), "{stderr}");
    leadfield_in(dir, &["weights", "table", "e.csv", "-o", "w.h5", "--quiet", "--resume"]).ok();
    assert!(std::fs::read(dir.join("w.h5")).unwrap() == expected);
    assert_eq!(names_in(dir), [&INPUTS[..], &["w.h5"]].concat());
}

#[test]
fn a_short_run_shows_no_remaining_time_and_its_progress_bar_is_removed() {
    let dir = folder(200);
    // `script` gives the program a terminal
    let mut command = Command::new("script");
    let program = env!("CARGO_BIN_EXE_leadfield");
    let run = format!("'{program}' weights table e.csv -o w.h5 --threads 1 > report.json");
    command.current_dir(dir.path()).args(["-qec", &run, "/dev/null"]).stdin(Stdio::null());
    let output = match command.output() {
        Ok(output) => output,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            println!("skipped: `script` is not installed");
            return;
        }
        Err(error) => panic!("{error}"),
    };
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    // a bar was drawn, and removed: its last line is erased before the summary
    let bar = text.rfind("segments").and_then(|_| text.rfind('█')).expect("no bar");
    let summary = text.rfind("w.h5: 200 contacts").expect("no summary");
    assert!(bar < summary && text[bar..summary].contains("\u{1b}[2K"), "{text:?}");
    let seconds: f64 = text[summary..].split(", ").last().unwrap().trim().trim_end_matches(" s").parse().unwrap();
    assert!(seconds > 2.0 || !text.contains("eta"), "{text:?}");
}

#[test]
fn a_demo_that_is_stopped_leaves_nothing_and_has_the_signals_exit_code() {
    let dir = scratch();
    // enough neurons for each step to take some time
    let mut command = Command::new(env!("CARGO_BIN_EXE_leadfield"));
    command.current_dir(dir.path()).args(["demo", "d", "--cells", "400", "--quiet"]);
    let mut demo = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let start = Instant::now();
    while !dir.path().join("d.partial/circuit").exists() && !dir.path().join("d.partial/circuit.partial").exists() {
        assert!(
            demo.try_wait().unwrap().is_none() && start.elapsed() < Duration::from_secs(60),
            "the demo never began"
        );
        std::thread::sleep(Duration::from_millis(1));
    }
    // SAFETY: the process is our child, and has not been waited for
    unsafe { libc::kill(demo.id() as i32, libc::SIGINT) };
    let ended = demo.wait_with_output().unwrap();
    let stderr = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(130), "{stderr}");
    assert_eq!(stderr, "error: stopped as asked, before all units of work were done\n");
    assert_eq!(names_in(dir.path()), [""; 0]);
}
