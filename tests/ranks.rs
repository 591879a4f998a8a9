//! Several ranks write one output with the bytes of a single process; none waits for a rank that failed, and an
//! interrupted run can be resumed. Ranks are threads here, and processes that MPI connects in `mpi`.

#[cfg(feature = "mpi")]
mod mpi;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier, Mutex};

use leadfield::circuit::{self, PopulationTables, SegmentTableOptions};
use leadfield::electrodes;
use leadfield::error::Result;
use leadfield::io::atomic_output::OverwritePolicy;
use leadfield::io::ranks::{Balance, Communicator, Ranks};
use leadfield::io::resumable_output::RunSettings;
use leadfield::methods::NearField;
use leadfield::segments::table::SegmentTable;
use leadfield::units::DEFAULT_CONDUCTIVITY;
use leadfield::weights::{WeightsRequest, compute_weights_on_ranks};

use crate::interrupted::{
    CIRCUIT, INPUTS, PARTS, bytes_of, circuit, folder, marked_parts, undisturbed, undisturbed_table,
};
use crate::support::names_in;

/// The state that ranks as threads share: the numbers and bytes of the collective call in progress.
struct SharedCalls {
    barrier: Barrier,
    numbers: Mutex<Vec<Vec<u64>>>,
    bytes: Mutex<Vec<u8>>,
}

/// A communicator between threads.
struct Threads {
    rank: usize,
    shared: Arc<SharedCalls>,
}

impl Communicator for Threads {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.shared.numbers.lock().unwrap().len()
    }

    fn broadcast(&self, bytes: Vec<u8>) -> Vec<u8> {
        if self.rank == 0 {
            *self.shared.bytes.lock().unwrap() = bytes;
        }
        self.shared.barrier.wait();
        let bytes = self.shared.bytes.lock().unwrap().clone();
        self.shared.barrier.wait();
        bytes
    }

    fn all_gather(&self, numbers: &[u64], on_wait: &mut dyn FnMut()) -> Vec<u64> {
        on_wait();
        self.shared.numbers.lock().unwrap()[self.rank] = numbers.to_vec();
        self.shared.barrier.wait();
        let all = self.shared.numbers.lock().unwrap().clone();
        self.shared.barrier.wait();
        assert!(all.iter().all(|other| other.len() == numbers.len()), "ranks make different calls: {all:?}");
        all.concat()
    }
}

/// The outcome of a rank: its result, whether it reports an error, and how the work was shared.
type Ended<T> = (Result<T>, bool, Option<Balance>);

/// Runs a function in `size` threads, each of which is a rank.
fn run_in<T: Send>(size: usize, run: impl Fn(usize, &Ranks) -> Result<T> + Sync) -> Vec<Ended<T>> {
    let shared = Arc::new(SharedCalls {
        barrier: Barrier::new(size),
        numbers: Mutex::new(vec![Vec::new(); size]),
        bytes: Mutex::default(),
    });
    std::thread::scope(|scope| {
        let start = |rank| {
            let (shared, run) = (shared.clone(), &run);
            scope.spawn(move || {
                let ranks = Ranks::new(Box::new(Threads { rank, shared }));
                let result = run(rank, &ranks);
                let is_reporter = ranks.is_reporter(result.as_ref().map(drop));
                assert_eq!(ranks.wait_for_all(rank as u64), size as u64 - 1);
                (result, is_reporter, ranks.balance())
            })
        };
        let ranks: Vec<_> = (0..size).map(start).collect();
        ranks.into_iter().map(|rank| rank.join().unwrap()).collect()
    })
}

/// Returns the error that one rank reports; all other ranks must return that the run has ended elsewhere.
fn reported<T: std::fmt::Debug>(ended: &[Ended<T>]) -> String {
    let reports: Vec<String> = ended
        .iter()
        .filter(|(_, reports, _)| *reports)
        .map(|(e, ..)| format!("{:?}", e.as_ref().unwrap_err()))
        .collect();
    assert_eq!(reports.len(), 1, "{reports:?}");
    for (result, _, _) in ended.iter().filter(|(_, reports, _)| !reports) {
        let text = result.as_ref().unwrap_err().to_string();
        assert!(text.ends_with("the run was ended by another rank"), "{text}");
    }
    reports.into_iter().next().unwrap()
}

/// Runs one rank of `leadfield weights table e.csv -o w.h5`, with this conductivity.
fn weights(dir: &Path, conductivity: f64, resume: bool, stop: &(dyn Fn() -> bool + Sync), ranks: &Ranks) -> Result<()> {
    let table = SegmentTable::open(&dir.join("table"))?;
    let electrodes = electrodes::read(&dir.join("e.csv"))?;
    let medium = conductivity.to_string().parse().unwrap();
    let electrodes = electrodes::configure(&electrodes, &[medium], NearField::ClampToRadius)?;
    let request = WeightsRequest {
        sources: &[&table],
        electrodes: &electrodes,
        output: &dir.join("w.h5"),
        existing: OverwritePolicy::Refuse,
        resume,
        stop,
        progress: &|_| (),
    };
    compute_weights_on_ranks(&request, ranks).map(drop)
}

/// The program's default conductivity, S/m.
const DEFAULT: f64 = DEFAULT_CONDUCTIVITY.get();

/// Runs all ranks, of which none may fail; returns how the work was shared.
fn weights_in(size: usize, dir: &Path, resume: bool) -> Option<Balance> {
    let ended = run_in(size, |_, ranks| weights(dir, DEFAULT, resume, &|| false, ranks));
    let balance = ended[0].2;
    ended.into_iter().for_each(|(result, ..)| result.unwrap());
    balance
}

#[test]
fn any_number_of_ranks_writes_the_same_weights() {
    let dir = folder(8);
    let dir = dir.path();
    let expected = undisturbed(dir);
    for size in [1, 2, 3, PARTS as usize, PARTS as usize + 6] {
        let balance = weights_in(size, dir, false);
        assert!(std::fs::read(dir.join("w.h5")).unwrap() == expected, "{size}");
        assert_eq!(names_in(dir), [&INPUTS[..], &["w.h5"]].concat());
        std::fs::remove_file(dir.join("w.h5")).unwrap();
        assert_eq!(balance.is_some(), size > 1);
        if let Some(Balance { ranks, idle_ranks, slowest_s, mean_s }) = balance {
            assert_eq!(ranks + idle_ranks, size);
            assert!(ranks <= PARTS as usize && slowest_s >= mean_s && mean_s > 0.0);
        }
    }
}

/// Runs one rank of `leadfield weights CIRCUIT e.csv -o w.h5 --segments-per-part 1`.
fn weights_of_circuit(dir: &Path, ranks: &Ranks) -> Result<()> {
    let config = dir.join(CIRCUIT);
    let tables = PopulationTables::open(&circuit::CircuitRequest::new(&config))?;
    let options = SegmentTableOptions { segments_per_part: 1, ..SegmentTableOptions::default() };
    let planned = tables.planned_tables(&options);
    let electrodes = electrodes::read(&dir.join("e.csv"))?;
    let electrodes = electrodes::configure(&electrodes, &[], NearField::ClampToRadius)?;
    let request = WeightsRequest {
        sources: &[&planned[0]],
        electrodes: &electrodes,
        output: &dir.join("w.h5"),
        existing: OverwritePolicy::Refuse,
        resume: false,
        stop: &|| false,
        progress: &|_| (),
    };
    compute_weights_on_ranks(&request, ranks).map(drop)
}

#[test]
fn any_number_of_ranks_writes_the_same_weights_of_a_circuit() {
    let dir = folder(8);
    let dir = dir.path();
    let expected = undisturbed(dir);
    for size in [1, 3, PARTS as usize + 1] {
        let ended = run_in(size, |_, ranks| weights_of_circuit(dir, ranks));
        ended.into_iter().for_each(|(result, ..)| result.unwrap());
        assert!(std::fs::read(dir.join("w.h5")).unwrap() == expected, "{size}");
        std::fs::remove_file(dir.join("w.h5")).unwrap();
    }
}

/// Runs one rank of `leadfield positions CIRCUIT -o t --segments-per-part 1`.
fn positions(dir: &Path, stop: &(dyn Fn() -> bool + Sync), ranks: &Ranks) -> Result<()> {
    let config = dir.join(CIRCUIT);
    let tables = PopulationTables::open(&circuit::CircuitRequest::new(&config))?;
    let options = SegmentTableOptions { segments_per_part: 1, ..SegmentTableOptions::default() };
    let existing = OverwritePolicy::Refuse;
    let settings = RunSettings { existing, resume: true, is_stopped: stop, on_progress: &|_| () };
    tables.write_with_ranks(&dir.join("t"), &options, &settings, ranks).map(drop)
}

fn positions_in(size: usize, dir: &Path) {
    let ended = run_in(size, |_, ranks| positions(dir, &|| false, ranks));
    ended.into_iter().for_each(|(result, ..)| result.unwrap());
}

#[test]
fn any_number_of_ranks_writes_the_same_table_and_resumes_an_interrupted_run() {
    let dir = circuit();
    let dir = dir.path();
    let expected = undisturbed_table(dir);
    for size in [1, 2, 3, PARTS as usize + 1] {
        positions_in(size, dir);
        assert!(bytes_of(&dir.join("t")) == expected, "{size}");
        // now the output is complete, which all ranks find
        positions_in(size, dir);
        std::fs::remove_dir_all(dir.join("t")).unwrap();
    }
    let asked = AtomicU64::new(0);
    let stop = || asked.fetch_add(1, Ordering::Relaxed) >= 2;
    let ended = run_in(3, |rank, ranks| positions(dir, if rank == 2 { &stop } else { &|| false }, ranks));
    let parts = marked_parts(&dir.join("t"));
    assert!((1..PARTS).contains(&parts), "{parts}");
    assert_eq!(reported(&ended), stopped(&dir.join("t"), parts));
    positions_in(2, dir);
    assert!(bytes_of(&dir.join("t")) == expected);
    assert_eq!(names_in(dir), ["circuit", "t"]);
}

fn stopped(output: &Path, parts: u64) -> String {
    format!(
        "{}: stopped as asked, before all units of work were done\nhint: {parts} of {PARTS} units of work are kept: resume with `--resume`",
        output.display()
    )
}

#[test]
fn a_rank_that_is_asked_to_stop_stops_all_and_any_number_resumes() {
    let dir = folder(200);
    let dir = dir.path();
    let (expected, output) = (undisturbed(dir), dir.join("w.h5"));
    for asked_of in [0, 1] {
        let asked = AtomicU64::new(0);
        let stop = || asked.fetch_add(1, Ordering::Relaxed) >= 1;
        let of = |rank| -> &(dyn Fn() -> bool + Sync) { if rank == asked_of { &stop } else { &|| false } };
        let ended = run_in(2, |rank, ranks| weights(dir, DEFAULT, false, of(rank), ranks));
        let parts = marked_parts(&output);
        assert!((1..PARTS).contains(&parts), "{parts}");
        assert_eq!(reported(&ended), stopped(&output, parts));
        assert_eq!(names_in(dir), [&INPUTS[..], &["w.h5.checkpoint", "w.h5.partial"]].concat());
        weights_in(3 - asked_of, dir, true);
        assert!(std::fs::read(&output).unwrap() == expected);
        std::fs::remove_file(&output).unwrap();
    }
}

#[test]
fn a_rank_that_fails_ends_the_run_and_reports_why() {
    let dir = folder(8);
    let dir = dir.path();
    let (expected, output) = (undisturbed(dir), dir.join("w.h5"));
    // a part in the share of some rank
    let (part, away) = (dir.join("table/part-00007.parquet"), dir.join("away"));
    let reading = Mutex::new(0);
    let ended = run_in(2, |_, ranks| {
        // both ranks have opened the table when the part is removed
        let stop = || {
            let mut ranks = reading.lock().unwrap();
            *ranks += 1;
            if *ranks == 2 {
                std::fs::rename(&part, &away).unwrap();
            }
            false
        };
        weights(dir, DEFAULT, false, &stop, ranks)
    });
    let parts = marked_parts(&output);
    let text = format!("{}: cannot be read: no such file or directory", part.display());
    let text = match parts {
        0 => text,
        _ => format!("{text}\nhint: {parts} of {PARTS} units of work are kept: resume with `--resume`"),
    };
    assert_eq!(reported(&ended), text);
    std::fs::rename(&away, &part).unwrap();
    weights_in(2, dir, true);
    assert!(std::fs::read(&output).unwrap() == expected);
}

#[test]
fn a_rank_that_fails_before_the_work_leaves_nothing_and_reports_why() {
    let dir = folder(8);
    let dir = dir.path();
    for failing in [0, 1, 2] {
        let ended = run_in(3, |rank, ranks| match rank == failing {
            true => SegmentTable::open(&dir.join("nothing")).map(drop),
            false => weights(dir, DEFAULT, false, &|| false, ranks),
        });
        let text = format!("{}: cannot be read: no such file or directory", dir.join("nothing").display());
        assert!(ended[failing].1 && reported(&ended).starts_with(&text));
        assert_eq!(names_in(dir), INPUTS);
    }
}

#[test]
fn ranks_with_other_inputs_do_not_work_together() {
    let dir = folder(8);
    let dir = dir.path();
    let ended = run_in(3, |rank, ranks| weights(dir, if rank == 2 { 0.3 } else { DEFAULT }, false, &|| false, ranks));
    let text = reported(&ended);
    let start = "rank 2 has read other inputs or settings than rank 0, expected digest ";
    let hint = "\nhint: give all ranks the same files, on a file system that all nodes share";
    assert!(text.starts_with(&format!("{}: {start}", dir.join("w.h5").display())) && text.ends_with(hint), "{text}");
    assert_eq!(names_in(dir), INPUTS);
}

#[cfg(not(feature = "mpi"))]
mod without_mpi {
    //! A program built without MPI refuses to run as several processes: each of them would do all of the work, and
    //! write to one name.

    use std::process::Command;

    use super::{INPUTS, folder, names_in};
    use crate::support::Run;

    /// Runs a tool with the environment variables of a launcher.
    fn run(dir: &std::path::Path, variables: &[(&str, &str)], args: &[&str]) -> Run {
        let mut command = Command::new(env!("CARGO_BIN_EXE_leadfield"));
        command.envs(variables.iter().copied()).current_dir(dir).args(args);
        Run::of(command)
    }

    const WEIGHTS: [&str; 6] = ["weights", "table", "e.csv", "-o", "w.h5", "--quiet"];
    const POSITIONS: [&str; 5] = ["positions", "circuit/simulation_config.json", "-o", "t", "--quiet"];

    #[test]
    fn they_refuse_once() {
        let dir = folder(1);
        let launchers = [
            [("OMPI_COMM_WORLD_SIZE", "4"), ("OMPI_COMM_WORLD_RANK", "0")],
            [("PMI_SIZE", "4"), ("PMI_RANK", "0")],
            [("SLURM_STEP_NUM_TASKS", "4"), ("SLURM_PROCID", "0")],
        ];
        let text = "error: built without MPI, expected to be started once, found 4 ranks\n\
                    hint: build it with MPI: `cargo build --release --features mpi`; or start it without `mpirun` or `srun`";
        for launcher in launchers {
            run(dir.path(), &launcher, &WEIGHTS).refused(text);
            run(dir.path(), &launcher, &POSITIONS).refused(text);
        }
        // the other ranks print nothing, and wait so that the first can report
        run(dir.path(), &[("PMI_SIZE", "4"), ("PMI_RANK", "3")], &WEIGHTS).refused("");
        run(dir.path(), &[("PMI_SIZE", "4"), ("PMI_RANK", "3")], &["weights", "--nonsense"]).refused("");
        assert_eq!(names_in(dir.path()), INPUTS);
    }

    #[test]
    fn one_process_is_not_refused_however_it_was_started() {
        let dir = folder(1);
        let once = [("OMPI_COMM_WORLD_SIZE", "1"), ("OMPI_COMM_WORLD_RANK", "0")];
        run(dir.path(), &once, &POSITIONS).ok();
        // the script of a batch job of 64 tasks
        let batch = [("SLURM_JOB_ID", "7"), ("SLURM_NTASKS", "64"), ("SLURM_PROCID", "0"), ("SLURM_NPROCS", "64")];
        run(dir.path(), &batch, &WEIGHTS).ok();
        // a tool that writes no shared output
        let info = run(dir.path(), &[("PMI_SIZE", "4"), ("PMI_RANK", "3")], &["info", "w.h5"]).ok();
        assert!(info.contains("electrodes file"), "{info}");
    }
}
