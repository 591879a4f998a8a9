//! Independent processes write one electrodes file, in any order and at the same time, also if some are killed. The
//! file has the bytes of a single run, and is renamed only when all parts of the same inputs are written.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::interrupted::{INPUTS, PARTS, folder, marked_parts, undisturbed};
use crate::support::{Run, leadfield_in, names_in};

const COMMAND: [&str; 5] = ["weights", "table", "e.csv", "-o", "w.h5"];

fn weights(dir: &Path, options: &[&str]) -> Run {
    leadfield_in(dir, &[&COMMAND[..], &["--quiet"], options].concat())
}

fn start(dir: &Path, options: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_leadfield"));
    command.current_dir(dir).args(COMMAND).arg("--quiet").args(options).stdout(Stdio::null()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

fn lay_out(dir: &Path) {
    assert_eq!(weights(dir, &["--layout"]).ok(), format!("{PARTS}\n"));
    assert_eq!(names_in(dir), [&INPUTS[..], &["w.h5.checkpoint", "w.h5.partial"]].concat());
}

/// Completes the file, returns its bytes and removes it.
fn finish(dir: &Path) -> Vec<u8> {
    let report = weights(dir, &["--finish"]).ok();
    assert!(report.contains("\"electrodes_file\""), "{report}");
    assert_eq!(names_in(dir), [&INPUTS[..], &["w.h5"]].concat());
    let bytes = std::fs::read(dir.join("w.h5")).unwrap();
    std::fs::remove_file(dir.join("w.h5")).unwrap();
    bytes
}

#[test]
fn processes_at_the_same_time_and_in_any_order_give_the_bytes_of_one_run() {
    let dir = folder(40);
    let dir = dir.path();
    let expected = undisturbed(dir);
    lay_out(dir);
    let mut numbers: Vec<u64> = (0..PARTS).collect();
    numbers.shuffle(&mut ChaCha8Rng::seed_from_u64(1));
    // four at a time, and the first part by two of them
    for some in numbers.chunks(3) {
        let numbers: Vec<String> = some.iter().chain([&some[0]]).map(u64::to_string).collect();
        let children: Vec<Child> = numbers.iter().map(|number| start(dir, &["--part", number])).collect();
        for child in children {
            let ended = child.wait_with_output().unwrap();
            assert_eq!((ended.status.code(), String::from_utf8(ended.stderr).unwrap().as_str()), (Some(0), ""));
        }
    }
    assert_eq!(marked_parts(&dir.join("w.h5")), PARTS);
    assert!(finish(dir) == expected);
    // several parts by one process, which reports their number
    lay_out(dir);
    let run = leadfield_in(dir, &[&COMMAND[..], &["--part", "3,4", "--part", "5"]].concat());
    assert!(run.code == 0 && run.stderr.contains(" of 3 parts written, "), "{}", run.stderr);
    let facts = leadfield_in(dir, &["info", "w.h5.partial"]).ok();
    assert!(facts.contains(&format!("  3 of {PARTS} units of work, ")), "{facts}");
    // one process resumes the rest
    weights(dir, &["--resume"]).ok();
    assert!(std::fs::read(dir.join("w.h5")).unwrap() == expected);
}

#[test]
fn killed_processes_lose_only_their_part_which_is_named() {
    let dir = folder(200);
    let dir = dir.path();
    let expected = undisturbed(dir);
    let mut killed = 0;
    for seed in 0..4 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        lay_out(dir);
        let mut children: Vec<(u64, Child)> =
            (0..PARTS).step_by(4).map(|i| (i, start(dir, &["--part", &i.to_string()]))).collect();
        std::thread::sleep(Duration::from_micros(rng.random_range(0..60_000)));
        for (_, child) in &mut children {
            // a process that has ended already cannot be killed
            drop(child.kill());
            child.wait().unwrap();
        }
        let done = marked_parts(&dir.join("w.h5"));
        killed += children.len() as u64 - done;
        let unfinished = weights(dir, &["--finish"]);
        let text = format!("error: w.h5: parts are missing, expected all {PARTS}, missing ");
        assert!(unfinished.code == 2 && unfinished.stderr.starts_with(&text), "{}", unfinished.stderr);
        // each part again, whether it was written or not
        let all: Vec<String> = (0..PARTS).map(|i| i.to_string()).collect();
        weights(dir, &["--part", &all.join(",")]).ok();
        assert!(finish(dir) == expected, "seed {seed}");
    }
    assert!(killed > 0, "no process was killed before it had done its part");
}

#[test]
fn the_parts_that_are_missing_are_named() {
    let dir = folder(4);
    let dir = dir.path();
    lay_out(dir);
    let all: Vec<String> = (0..PARTS).filter(|i| ![3, 17].contains(i)).map(|i| i.to_string()).collect();
    weights(dir, &["--part", &all.join(",")]).ok();
    weights(dir, &["--finish"]).refused(&format!(
        "error: w.h5: parts are missing, expected all {PARTS}, missing `3`, `17`\n\
         hint: write each of them with `--part NUMBER`, or all of them in one process with `--resume`"
    ));
    assert_eq!(names_in(dir), [&INPUTS[..], &["w.h5.checkpoint", "w.h5.partial"]].concat());
    // a part that was changed after it was written is missing, too
    weights(dir, &["--part", "3,17"]).ok();
    crate::interrupted::damage(dir, &dir.join("w.h5.partial"), 7);
    let run = weights(dir, &["--finish"]);
    assert!(run.stderr.contains("missing `7`\n"), "{}", run.stderr);
    weights(dir, &["--part", "7"]).ok();
    finish(dir);
}

#[test]
fn other_inputs_and_settings_are_refused() {
    let dir = folder(4);
    let dir = dir.path();
    let expected = undisturbed(dir);
    lay_out(dir);
    let run = weights(dir, &["--part", "0", "--conductivity", "0.3"]);
    let text = "error: w.h5.checkpoint: unfinished run of other inputs or settings, expected digest ";
    assert!(run.code == 2 && run.stderr.starts_with(text), "{}", run.stderr);
    assert_eq!(marked_parts(&dir.join("w.h5")), 0);
    std::fs::write(dir.join("f.csv"), "name,x,y,z\nother,0,0,0\n").unwrap();
    let other = leadfield_in(dir, &["weights", "table", "f.csv", "-o", "w.h5", "--part", "0", "--quiet"]);
    assert!(other.code == 2 && other.stderr.contains("other inputs or settings"), "{}", other.stderr);
    std::fs::remove_file(dir.join("f.csv")).unwrap();
    weights(dir, &["--part", "24"]).refused(&format!(
        "error: w.h5: no such part of the tables, expected a number below {PARTS}, found 24\n\
         hint: parts are counted from 0, over all tables in the order given"
    ));
    let all: Vec<String> = (0..PARTS).map(|i| i.to_string()).collect();
    weights(dir, &["--part", &all.join(",")]).ok();
    let run = weights(dir, &["--finish", "--conductivity", "0.3"]);
    assert!(run.code == 2 && run.stderr.contains("other inputs or settings"), "{}", run.stderr);
    assert!(finish(dir) == expected);
}

#[test]
fn an_output_that_is_not_laid_out_is_refused_and_nothing_is_left() {
    let dir = folder(4);
    let dir = dir.path();
    let text = "error: w.h5: not laid out, expected the unfinished file of a run with `--layout`, found none\n\
                hint: lay it out once with the same command and `--layout` in place of `--part` or `--finish`";
    for options in [&["--part", "0"][..], &["--finish"]] {
        weights(dir, options).refused(text);
        assert_eq!(names_in(dir), INPUTS);
    }
    lay_out(dir);
    weights(dir, &["--layout"]).refused(
        "error: w.h5.partial: exists already, left by an interrupted run\n\
         hint: resume it with `--resume`, or start again with `--force`",
    );
    assert_eq!(weights(dir, &["--layout", "--force"]).ok(), format!("{PARTS}\n"));
    for options in [&["--part", "0", "--layout"][..], &["--part", "0", "--resume"], &["--finish", "--dry-run"]] {
        assert_eq!(weights(dir, options).code, 2, "{options:?}");
    }
    // a complete file is kept, and replaced only with `--force`
    weights(dir, &["--resume"]).ok();
    weights(dir, &["--layout"])
        .refused("error: w.h5: exists already\nhint: choose another name, or replace it with `--force`");
}

#[test]
fn other_runs_are_refused_while_parts_are_written() {
    let dir = folder(4);
    let dir = dir.path();
    lay_out(dir);
    let in_use = "error: w.h5: in use by another run, expected one run at a time\n\
                  hint: wait for it, or choose another name";
    // a shared lock, like that of a process that writes a part
    let lock = std::fs::File::open(dir.join("w.h5.checkpoint")).unwrap();
    lock.lock_shared().unwrap();
    for options in [&["--finish"][..], &["--resume"], &["--force"], &["--layout", "--force"]] {
        weights(dir, options).refused(in_use);
    }
    weights(dir, &["--part", "0"]).ok();
    lock.unlock().unwrap();
    // an exclusive lock, like that of any other run
    lock.lock().unwrap();
    weights(dir, &["--part", "1"]).refused(in_use);
    lock.unlock().unwrap();
    assert_eq!(marked_parts(&dir.join("w.h5")), 1);
}

#[test]
fn a_slot_that_was_written_halfway_affects_no_other() {
    let dir = folder(4);
    let dir = dir.path();
    let expected = undisturbed(dir);
    lay_out(dir);
    weights(dir, &["--part", "0"]).ok();
    let mut checkpoint = std::fs::read(dir.join("w.h5.checkpoint")).unwrap();
    // the slots of 16 bytes begin at byte 4096
    checkpoint.resize(4096 + 16 * PARTS as usize, 0);
    checkpoint[4096 + 16 * 9..][..5].copy_from_slice(b"\x02\0\0\0\x11");
    std::fs::write(dir.join("w.h5.checkpoint"), checkpoint).unwrap();
    let all: Vec<String> = (1..PARTS).map(|i| i.to_string()).collect();
    weights(dir, &["--part", &all.join(",")]).ok();
    assert_eq!(marked_parts(&dir.join("w.h5")), PARTS);
    assert!(finish(dir) == expected);
}
