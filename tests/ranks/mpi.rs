//! Ranks that MPI connects, started by the `mpirun` of the MPI library with which the program was built.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{
    INPUTS, PARTS, bytes_of, circuit, folder, marked_parts, names_in, stopped, undisturbed, undisturbed_table,
};
use crate::interrupted::{CIRCUIT, positions_of, wait_for};
use crate::support::{Run, golden, leadfield_in, scratch};

const WEIGHTS: [&str; 6] = ["weights", "table", "e.csv", "-o", "w.h5", "--quiet"];

/// Returns the `mpirun` command, with settings for fewer cores than ranks, for root, and for machines without ssh.
fn mpirun(dir: &Path) -> Command {
    let mut command = Command::new("mpirun");
    command.current_dir(dir).stdin(Stdio::null());
    // Open MPI 4, then 5; MPICH needs no settings
    command.envs([("OMPI_ALLOW_RUN_AS_ROOT", "1"), ("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1")]);
    command.env("OMPI_MCA_rmaps_base_oversubscribe", "1").env("OMPI_MCA_plm_rsh_agent", "");
    command.env("PRTE_MCA_rmaps_default_mapping_policy", ":oversubscribe");
    command
}

/// Returns the command of the program in this number of ranks, with one thread each.
fn ranks<S: AsRef<std::ffi::OsStr>>(dir: &Path, ranks: usize, args: &[S]) -> Command {
    let mut command = mpirun(dir);
    command.args(["-n", &ranks.to_string(), env!("CARGO_BIN_EXE_leadfield"), "--threads", "1"]).args(args);
    command
}

impl Run {
    /// Returns the program's errors, hints and warnings, without the launcher's own messages about exit codes.
    fn messages(&self) -> String {
        let ours = |line: &&str| ["error: ", "hint: ", "warning: "].iter().any(|start| line.starts_with(start));
        self.stderr.lines().filter(ours).collect::<Vec<_>>().join("\n")
    }

    /// Asserts that the ranks ended with this message, reported once, and this exit code.
    #[track_caller]
    fn ended_once(&self, text: &str, code: i32) {
        assert_eq!(self.messages(), text, "{}", self.stderr);
        assert_eq!(self.code, code, "{}", self.stderr);
    }
}

#[test]
fn one_two_and_four_ranks_write_the_bytes_of_one_process() {
    let dir = folder(40);
    let dir = dir.path();
    let (expected, output) = (undisturbed(dir), dir.join("w.h5"));
    for n in [1, 2, 4] {
        let run = Run::of(ranks(dir, n, &WEIGHTS[..5]));
        assert_eq!(
            run.stderr.matches(&format!("{n} ranks at work for ")).count(),
            usize::from(n > 1),
            "{}",
            run.stderr
        );
        // reported once, not by each rank
        assert_eq!(run.ok().matches("electrodes_file").count(), 1);
        assert!(std::fs::read(&output).unwrap() == expected, "{n}");
        assert_eq!(names_in(dir), [&INPUTS[..], &["w.h5"]].concat());
        let again = Run::of(ranks(dir, n, &[&WEIGHTS[..5], &["--resume"]].concat()));
        assert_eq!(again.stderr, "w.h5: complete already, from the same inputs and settings\n");
        std::fs::remove_file(&output).unwrap();
    }
}

#[test]
fn one_two_and_four_ranks_write_the_table_of_one_process() {
    let dir = circuit();
    let dir = dir.path();
    let expected = undisturbed_table(dir);
    for n in [1, 2, 4] {
        Run::of(ranks(dir, n, &positions_of(dir, &[]))).ok();
        assert!(bytes_of(&dir.join("t")) == expected, "{n}");
        assert_eq!(names_in(dir), ["circuit", "t"]);
        std::fs::remove_dir_all(dir.join("t")).unwrap();
    }
    let one_part = Run::of(ranks(dir, 3, &["positions", CIRCUIT, "-o", "t.parquet"]));
    let surplus = "2 ranks have nothing to do: there are too few parts\n";
    assert_eq!(one_part.stderr.matches(surplus).count(), 1, "{}", one_part.stderr);
    one_part.ok();
}

#[test]
fn one_two_and_four_ranks_write_the_signals_of_one_process() {
    let dir = scratch();
    let dir = dir.path();
    let input = golden().join("input");
    std::fs::copy(input.join("circuit/output/compartment.h5"), dir.join("c.h5")).unwrap();
    std::fs::copy(input.join("electrodes/np8.csv"), dir.join("e.csv")).unwrap();
    let config = input.join("circuit/simulation_config.json");
    leadfield_in(dir, &["positions", config.to_str().unwrap(), "-o", "s.parquet", "--quiet"]).ok();
    // 20 frames in 7 blocks, of which each rank has some
    let computed = ["--segments", "s.parquet", "--electrodes", "e.csv", "--block-frames", "3", "--by", "section_type"];
    for output in ["lfp.h5", "lfp.npy", "lfp.nwb"] {
        let args = [&["signals", "c.h5"], &computed[..], &["-o", output]].concat();
        leadfield_in(dir, &args).ok();
        let expected = std::fs::read(dir.join(output)).unwrap();
        std::fs::remove_file(dir.join(output)).unwrap();
        for n in [1, 2, 4] {
            let run = Run::of(ranks(dir, n, &args));
            // reported once, not by each rank
            let line = format!("{output}: 20 frames of 8 contacts, 7 groups, 20 neurons, 3161 segments, ");
            assert_eq!(run.stderr.matches(&line).count(), 1, "{}", run.stderr);
            run.ok();
            assert!(std::fs::read(dir.join(output)).unwrap() == expected, "{output}, {n}");
            assert_eq!(names_in(dir), ["c.h5", "e.csv", output, "s.parquet"]);
            std::fs::remove_file(dir.join(output)).unwrap();
        }
    }
    let csv = [&["signals", "c.h5"], &computed[..], &["-o", "lfp.csv"]].concat();
    Run::of(ranks(dir, 2, &csv)).ended_once(
        "error: lfp.csv: format `csv` is written from the beginning to the end, expected `report`, `bmtk`, `nwb` or `npy` \
         for `--resume` and several ranks",
        2,
    );
    assert_eq!(names_in(dir), ["c.h5", "e.csv", "s.parquet"]);
}

#[test]
fn failing_ranks_report_their_error_once() {
    let dir = folder(1);
    let dir = dir.path();
    let missing = "error: nothing.csv: cannot be read: no such file or directory";
    let wrong = ["weights", "table", "nothing.csv", "-o", "w.h5"];
    Run::of(ranks(dir, 3, &wrong)).ended_once(missing, 2);
    for rank in [0, 1] {
        let mut all = [WEIGHTS.to_vec(), WEIGHTS.to_vec()];
        all[rank] = wrong.to_vec();
        let mut command = mpirun(dir);
        let program = env!("CARGO_BIN_EXE_leadfield");
        command.args(["-n", "1", program]).args(&all[0]).args([":", "-n", "1", program]).args(&all[1]);
        Run::of(command).ended_once(missing, 2);
    }
    let run = Run::of(ranks(dir, 2, &["weights", "--nonsense"]));
    assert_eq!(run.messages(), "error: unexpected argument '--nonsense' found", "{}", run.stderr);
    assert_eq!(names_in(dir), INPUTS);
}

/// Returns the parent, the state and the name of a process, from Linux's `/proc`.
fn process(id: u32) -> Option<(u32, char, String)> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let (name, rest) = stat.split_once('(')?.1.rsplit_once(") ")?;
    let mut words = rest.split(' ');
    let state = words.next()?.chars().next()?;
    Some((words.next()?.parse().ok()?, state, name.into()))
}

/// Waits for the two ranks of a launcher to start.
fn two_ranks_of(launcher: &Child) -> Vec<u32> {
    loop {
        let found = ranks_of(launcher.id());
        if found.len() == 2 {
            return found;
        }
    }
}

/// Returns the ranks that a launcher has started, in the order of their numbers.
fn ranks_of(launcher: u32) -> Vec<u32> {
    let all = std::fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
    let is_below = |mut id: u32| {
        while let Some((parent, ..)) = process(id).filter(|_| id != launcher) {
            id = parent;
        }
        id == launcher
    };
    let mut found: Vec<u32> = all.filter(|id| process(*id).is_some_and(|(.., name)| name == "leadfield")).collect();
    found.retain(|id| is_below(*id));
    found.sort_unstable();
    found
}

fn signal(name: &str, id: u32) {
    // a process that has ended already cannot be signalled
    let _ = Command::new("kill").args([name, &id.to_string()]).stderr(Stdio::null()).status().unwrap();
}

/// Waits until processes have ended, which ranks do if their launcher or another rank is gone.
fn await_end_of(ids: &[u32]) {
    let started = Instant::now();
    let is_there = |id: &u32| process(*id).is_some_and(|(_, state, _)| state != 'Z');
    while ids.iter().any(is_there) {
        assert!(started.elapsed() < Duration::from_secs(60), "ranks outlive the launcher");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Kills 20 runs of two ranks at random moments, either a rank or the launcher, and resumes each.
fn kill_and_resume<S: AsRef<std::ffi::OsStr>>(dir: &Path, args: &[S], output: &Path, check: impl Fn(u64)) {
    let mut kept = 0;
    for seed in 0..20 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut launcher = ranks(dir, 2, args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let all = two_ranks_of(&launcher);
        let victim = *all.get(rng.random_range(0..3)).unwrap_or(&launcher.id());
        wait_for(&mut launcher, rng.random_range(0..PARTS), output);
        std::thread::sleep(Duration::from_micros(rng.random_range(0..3000)));
        signal("-KILL", victim);
        launcher.wait().unwrap();
        await_end_of(&all);
        kept += marked_parts(output);
        let run = Run::of(ranks(dir, 2, args));
        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "seed {seed}");
        check(seed);
    }
    assert!(kept > 0, "no run was killed half way");
}

#[test]
fn weights_by_ranks_killed_at_any_moment_are_resumed_to_the_same_bytes() {
    let dir = folder(200);
    let dir = dir.path();
    let (expected, output) = (undisturbed(dir), dir.join("w.h5"));
    kill_and_resume(dir, &[&WEIGHTS[..], &["--resume"]].concat(), &output, |seed| {
        assert!(std::fs::read(&output).unwrap() == expected, "seed {seed}");
        assert_eq!(names_in(dir), [&INPUTS[..], &["w.h5"]].concat(), "seed {seed}");
        std::fs::remove_file(&output).unwrap();
    });
}

#[test]
fn positions_by_ranks_killed_at_any_moment_are_resumed_to_the_same_bytes() {
    let dir = circuit();
    let dir = dir.path();
    let (expected, output) = (undisturbed_table(dir), dir.join("t"));
    kill_and_resume(dir, &positions_of(dir, &["--quiet", "--resume"]), &output, |seed| {
        assert!(bytes_of(&output) == expected, "seed {seed}");
        assert_eq!(names_in(dir), ["circuit", "t"], "seed {seed}");
        std::fs::remove_dir_all(&output).unwrap();
    });
}

/// Runs two ranks and sends one of them a signal after the first part. Returns the result, and the number of finished
/// parts; 0 if the run was complete before the signal.
fn run_with_signal(dir: &Path, rank: usize, name: &str, output: &Path) -> (Run, u64) {
    let mut launcher = ranks(dir, 2, &WEIGHTS).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let all = two_ranks_of(&launcher);
    wait_for(&mut launcher, 1, output);
    signal(name, all[rank]);
    let ended = launcher.wait_with_output().unwrap();
    let (code, stderr) = (ended.status.code().unwrap(), String::from_utf8(ended.stderr).unwrap());
    (Run { code, stdout: String::new(), stderr }, marked_parts(output))
}

#[test]
fn a_signal_to_one_rank_stops_all_at_the_end_of_a_part() {
    let dir = folder(1500);
    let dir = dir.path();
    let (expected, output) = (undisturbed(dir), dir.join("w.h5"));
    for (rank, name, code) in [(0, "-INT", 130), (1, "-TERM", 143), (1, "-USR1", 138)] {
        // on a busy machine the signal may come after the end of the run
        let stopped_run = (0..20).find_map(|_| {
            let (run, parts) = run_with_signal(dir, rank, name, &output);
            if parts > 0 {
                return Some((run, parts));
            }
            assert!(run.code == 0 && std::fs::read(&output).unwrap() == expected, "{}", run.stderr);
            std::fs::remove_file(&output).unwrap();
            None
        });
        let (run, parts) = stopped_run.expect("no run was stopped half way");
        run.ended_once(&format!("error: {}", stopped(Path::new("w.h5"), parts)), code);
        Run::of(ranks(dir, 2, &[&WEIGHTS[..], &["--resume"]].concat())).ok();
        assert!(std::fs::read(&output).unwrap() == expected);
        std::fs::remove_file(&output).unwrap();
    }
}
