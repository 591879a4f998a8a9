//! Ranks make one output together, to the bytes of one process; none waits for another that failed, and what some of them
//! did is gone on with. Ranks are threads here, and processes that MPI connects in `mpi`.

#[cfg(feature = "mpi")]
mod mpi;

use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use leadfield::circuit::{self, PopulationTables, SegmentTableOptions};
use leadfield::electrodes;
use leadfield::error::Result;
use leadfield::io::atomic_output::OverwritePolicy;
use leadfield::io::ranks::{Crew, Line};
use leadfield::methods::NearField;
use leadfield::segments::table::SegmentTable;
use leadfield::units::DEFAULT_CONDUCTIVITY;
use leadfield::weights::{WeightsRequest, compute_weights_on_ranks};

use crate::interrupted::{
    CIRCUIT, INPUTS, PARTS, bytes_of, circuit, folder, journalled, undisturbed, undisturbed_table,
};
use crate::support::names_in;

type Letter = (usize, Vec<u8>);

/// A line between threads.
struct Channels {
    rank: usize,
    to: Vec<Sender<Letter>>,
    letters: Mutex<Receiver<Letter>>,
}

impl Line for Channels {
    fn rank(&self) -> usize {
        self.rank
    }

    fn ranks(&self) -> usize {
        self.to.len()
    }

    fn send(&self, to: usize, message: Vec<u8>) {
        // a rank that has gone listens no more
        let _ = self.to[to].send((self.rank, message));
    }

    fn receive(&self, patience: Duration) -> Option<Letter> {
        self.letters.lock().unwrap().recv_timeout(patience).ok()
    }
}

/// What rank 0 was told of surplus ranks.
type Surplus = Arc<Mutex<Vec<(usize, usize)>>>;

/// Does a run in so many threads, each a rank. Gives what came of each.
fn run_in<T: Send>(
    ranks: usize,
    run: impl Fn(usize, &Crew) -> Result<T> + Sync,
) -> (Vec<Result<T>>, Vec<(usize, usize)>) {
    let (to, letters): (Vec<_>, Vec<_>) = (0..ranks).map(|_| channel()).unzip();
    let told = Surplus::default();
    let results = std::thread::scope(|scope| {
        let start = |(rank, letters)| {
            let (to, told, run) = (to.clone(), told.clone(), &run);
            scope.spawn(move || {
                let line = Channels { rank, to, letters: Mutex::new(letters) };
                let crew = Crew::new(Box::new(line), move |surplus, parts| told.lock().unwrap().push((surplus, parts)));
                let result = run(rank, &crew);
                crew.end(result.as_ref().map(drop));
                result
            })
        };
        let ranks: Vec<_> = letters.into_iter().enumerate().map(start).collect();
        ranks.into_iter().map(|rank| rank.join().unwrap()).collect()
    });
    let told = told.lock().unwrap().clone();
    (results, told)
}

/// One rank's part of `leadfield weights table e.csv -o w.h5`, with this conductivity.
fn weights(dir: &Path, conductivity: f64, resume: bool, stop: &(dyn Fn() -> bool + Sync), crew: &Crew) -> Result<()> {
    let table = SegmentTable::open(&dir.join("table"))?;
    let electrodes = electrodes::read(&dir.join("e.csv"))?;
    let medium = conductivity.to_string().parse().unwrap();
    let contacts = electrodes::method_contacts(&electrodes, &[medium], NearField::ClampToRadius)?;
    let request = WeightsRequest {
        sources: &[&table],
        electrodes: &electrodes,
        contacts: &contacts,
        output: &dir.join("w.h5"),
        existing: OverwritePolicy::Refuse,
        resume,
        stop,
        progress: &|_| (),
    };
    compute_weights_on_ranks(&request, crew).map(drop)
}

/// The conductivity that the program takes where none is given, S/m.
const DEFAULT: f64 = DEFAULT_CONDUCTIVITY.get();

/// All ranks' part of it; no rank may fail.
fn weights_in(ranks: usize, dir: &Path, resume: bool) -> Vec<(usize, usize)> {
    let (results, surplus) = run_in(ranks, |_, crew| weights(dir, DEFAULT, resume, &|| false, crew));
    results.into_iter().for_each(|result| result.unwrap());
    surplus
}

#[test]
fn any_number_of_ranks_writes_the_same_coefficients() {
    let dir = folder(8);
    let dir = dir.path();
    let expected = undisturbed(dir);
    for ranks in [1, 2, 3, PARTS as usize, PARTS as usize + 6] {
        let surplus = weights_in(ranks, dir, false);
        assert!(std::fs::read(dir.join("w.h5")).unwrap() == expected, "{ranks}");
        assert_eq!(names_in(dir), [&INPUTS[..], &["w.h5"]].concat());
        std::fs::remove_file(dir.join("w.h5")).unwrap();
        let idle = ranks.saturating_sub(PARTS as usize);
        let told = if idle > 0 { vec![(idle, PARTS as usize)] } else { vec![] };
        assert_eq!(surplus, told, "{ranks}");
    }
}

/// One rank's part of `leadfield positions CIRCUIT -o t --segments-per-part 1`.
fn positions(dir: &Path, stop: &(dyn Fn() -> bool + Sync), crew: &Crew) -> Result<()> {
    let config = dir.join(CIRCUIT);
    let tables = PopulationTables::open(&circuit::CircuitRequest::new(&config))?;
    let options = SegmentTableOptions { segments_per_part: 1, ..SegmentTableOptions::default() };
    let run = circuit::Run { existing: OverwritePolicy::Refuse, resume: true, stop, placed: &|_| () };
    tables.write_with_ranks(&dir.join("t"), &options, &run, crew).map(drop)
}

#[test]
fn any_number_of_ranks_writes_the_same_table_and_goes_on_with_what_others_left() {
    let dir = circuit();
    let dir = dir.path();
    let expected = undisturbed_table(dir);
    for ranks in [1, 2, 3, PARTS as usize + 1] {
        let (results, _) = run_in(ranks, |_, crew| positions(dir, &|| false, crew));
        results.into_iter().for_each(|result| result.unwrap());
        assert!(bytes_of(&dir.join("t")) == expected, "{ranks}");
        // now it is complete, which all ranks find
        run_in(ranks, |_, crew| positions(dir, &|| false, crew)).0.into_iter().for_each(|result| result.unwrap());
        std::fs::remove_dir_all(dir.join("t")).unwrap();
    }
    let stop = || journalled(&dir.join("t")) >= 2;
    let (results, _) = run_in(3, |rank, crew| positions(dir, if rank == 2 { &stop } else { &|| false }, crew));
    let parts = journalled(&dir.join("t"));
    assert!((1..PARTS).contains(&parts), "{parts}");
    assert_eq!(format!("{:?}", results[0].as_ref().unwrap_err()), stopped(&dir.join("t"), parts));
    run_in(2, |_, crew| positions(dir, &|| false, crew)).0.into_iter().for_each(|result| result.unwrap());
    assert!(bytes_of(&dir.join("t")) == expected);
    assert_eq!(names_in(dir), ["circuit", "t"]);
}

fn stopped(output: &Path, parts: u64) -> String {
    format!(
        "{}: stopped as asked, before all parts were done\nhint: {parts} of {PARTS} parts are kept: go on with `--resume`",
        output.display()
    )
}

#[test]
fn a_rank_that_is_asked_to_stop_stops_all_and_any_number_goes_on() {
    let dir = folder(200);
    let dir = dir.path();
    let (expected, output) = (undisturbed(dir), dir.join("w.h5"));
    for asked_of in [0, 1] {
        let stop = || journalled(&output) >= 1;
        let of = |rank| -> &(dyn Fn() -> bool + Sync) { if rank == asked_of { &stop } else { &|| false } };
        let (results, _) = run_in(2, |rank, crew| weights(dir, DEFAULT, false, of(rank), crew));
        let parts = journalled(&output);
        assert!((1..PARTS).contains(&parts), "{parts}");
        assert_eq!(format!("{:?}", results[0].as_ref().unwrap_err()), stopped(&output, parts));
        assert_eq!(names_in(dir), [&INPUTS[..], &["w.h5.journal", "w.h5.partial"]].concat());
        weights_in(3 - asked_of, dir, true);
        assert!(std::fs::read(&output).unwrap() == expected);
        std::fs::remove_file(&output).unwrap();
    }
}

#[test]
fn a_rank_that_fails_ends_the_run_and_rank_0_tells_why() {
    let dir = folder(8);
    let dir = dir.path();
    let (expected, output) = (undisturbed(dir), dir.join("w.h5"));
    // parts are dealt out by size: whose this one is does not matter
    let (part, away) = (dir.join("table/part-00007.parquet"), dir.join("away"));
    let reading = Mutex::new(0);
    let (results, _) = run_in(2, |_, crew| {
        // both have opened the table when the part goes
        let stop = || {
            let mut ranks = reading.lock().unwrap();
            *ranks += 1;
            if *ranks == 2 {
                std::fs::rename(&part, &away).unwrap();
            }
            false
        };
        weights(dir, DEFAULT, false, &stop, crew)
    });
    let parts = journalled(&output);
    let text = format!("{}: cannot be read: no such file or directory", part.display());
    let text = match parts {
        0 => text,
        _ => format!("{text}\nhint: {parts} of {PARTS} parts are kept: go on with `--resume`"),
    };
    assert_eq!(format!("{:?}", results[0].as_ref().unwrap_err()), text);
    assert!(results[1].is_err());
    std::fs::rename(&away, &part).unwrap();
    weights_in(2, dir, true);
    assert!(std::fs::read(&output).unwrap() == expected);
}

#[test]
fn a_rank_that_fails_before_the_work_leaves_nothing() {
    let dir = folder(8);
    let dir = dir.path();
    for failing in [0, 1, 2] {
        let (results, _) = run_in(3, |rank, crew| match rank == failing {
            true => SegmentTable::open(&dir.join("nothing")).map(drop),
            false => weights(dir, DEFAULT, false, &|| false, crew),
        });
        let told: Vec<String> = results.iter().map(|result| format!("{:?}", result.as_ref().unwrap_err())).collect();
        let text = format!("{}: cannot be read: no such file or directory", dir.join("nothing").display());
        assert!(told[0].starts_with(&text), "{told:?}");
        let others = (1..3).filter(|rank| *rank != failing);
        others.for_each(|rank| assert_eq!(told[rank], "the run was ended by another rank"));
        assert_eq!(names_in(dir), INPUTS);
    }
}

#[test]
fn ranks_with_other_inputs_do_not_work_together() {
    let dir = folder(8);
    let dir = dir.path();
    let (results, _) =
        run_in(3, |rank, crew| weights(dir, if rank == 2 { 0.3 } else { DEFAULT }, false, &|| false, crew));
    let told = format!("{:?}", results[0].as_ref().unwrap_err());
    let start = "rank 2 has read other inputs or settings than rank 0, expected digest ";
    let hint = "\nhint: give all ranks the same files, on a file system that all nodes share";
    assert!(told.starts_with(&format!("{}: {start}", dir.join("w.h5").display())) && told.ends_with(hint), "{told}");
    assert_eq!(names_in(dir), INPUTS);
}

/// Rank 0 of two, where the other speaks another language, and has said something.
struct Stranger(Mutex<Option<Letter>>);

impl Line for Stranger {
    fn rank(&self) -> usize {
        0
    }

    fn ranks(&self) -> usize {
        2
    }

    fn send(&self, _to: usize, _message: Vec<u8>) {}

    fn receive(&self, _patience: Duration) -> Option<Letter> {
        self.0.lock().unwrap().take()
    }
}

#[test]
fn a_rank_of_another_program_ends_the_run() {
    let dir = folder(8);
    let line = Stranger(Mutex::new(Some((1, b"bonjour".to_vec()))));
    let crew = Crew::new(Box::new(line), |_, _| ());
    let error = weights(dir.path(), DEFAULT, false, &|| false, &crew).unwrap_err();
    let told = "message of rank 1 is not understood, expected the same program on all ranks\n\
                hint: install one version of the program on all nodes";
    assert_eq!(format!("{error:?}"), format!("{}: {told}", dir.path().join("w.h5").display()));
    assert_eq!(names_in(dir.path()), INPUTS);
}

#[cfg(not(feature = "mpi"))]
mod without_mpi {
    //! Programs that were built without MPI and are started several times would each do all of the work, to one name.

    use std::process::Command;

    use super::{INPUTS, folder, names_in};
    use crate::support::Run;

    /// Runs a tool with what a launcher tells.
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
        // the other ranks say nothing, and give the first the time to say it
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
        // tools that write nothing in common
        let info = run(dir.path(), &[("PMI_SIZE", "4"), ("PMI_RANK", "3")], &["info", "w.h5"]).ok();
        assert!(info.contains("electrodes file"), "{info}");
    }
}
