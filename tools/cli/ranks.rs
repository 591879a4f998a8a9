//! Ranks: processes of this program that `mpirun` or `srun` started together, to share a run. No other module uses MPI.

#[cfg(feature = "mpi")]
mod communicator;

use std::time::Duration;

use leadfield::error::{Error, Problem, Result};
use leadfield::io::ranks::Ranks;

/// Environment variables with the rank and the number of ranks, for each launcher.
const LAUNCHERS: [(&str, &str); 5] = [
    // Open MPI; MPICH, Intel MPI, Cray; MVAPICH; Flux
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
    ("PMI_RANK", "PMI_SIZE"),
    ("MV2_COMM_WORLD_RANK", "MV2_COMM_WORLD_SIZE"),
    ("FLUX_TASK_RANK", "FLUX_JOB_SIZE"),
    // srun. `SLURM_NTASKS` is the number that a job may start: the batch script has it too, and is one process
    ("SLURM_PROCID", "SLURM_STEP_NUM_TASKS"),
];

/// Environment variable of other launchers: a rank without a number of ranks.
const RANK_ONLY_VARIABLE: &str = "PMIX_RANK";

/// Time for rank 0 to report an error while the ranks are not connected.
const REPORT_DELAY: Duration = Duration::from_secs(1);

/// The launcher's information for a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct LaunchedRank {
    rank: usize,
    /// Number of ranks, if the launcher reports it.
    ranks: Option<usize>,
}

/// Reads the environment; `None` if there is no launcher, or it started only one process.
fn parse_launcher(variable: impl Fn(&str) -> Option<String>) -> Option<LaunchedRank> {
    let number = |name: &str| variable(name).and_then(|text| text.trim().parse::<usize>().ok());
    let found = LAUNCHERS.iter().find_map(|(rank, ranks)| Some((number(rank)?, Some(number(ranks)?))));
    let (rank, ranks) = found.or_else(|| Some((number(RANK_ONLY_VARIABLE)?, None)))?;
    ranks.is_none_or(|ranks| ranks > 1).then_some(LaunchedRank { rank, ranks })
}

fn detect_launcher() -> Option<LaunchedRank> {
    parse_launcher(|name| std::env::var(name).ok())
}

/// Errors of starting ranks.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
enum LaunchProblem {
    #[cfg(not(feature = "mpi"))]
    #[error("built without MPI, expected to be started once, found {0}")]
    WithoutMpi(String),
    #[cfg(feature = "mpi")]
    #[error("the launcher and the MPI library do not belong together, expected {expected} ranks, found {found}")]
    Mismatch { expected: usize, found: usize },
    #[cfg(feature = "mpi")]
    #[error("MPI cannot be started: {0}")]
    Start(String),
}

impl Problem for LaunchProblem {
    fn hint(&self) -> Option<String> {
        let text = match self {
            #[cfg(not(feature = "mpi"))]
            Self::WithoutMpi(_) => {
                "build it with MPI: `cargo build --release --features mpi`; or start it without `mpirun` or `srun`"
            }
            #[cfg(feature = "mpi")]
            Self::Mismatch { .. } | Self::Start(_) => {
                "start it with the `mpirun` of the MPI that it was built with, or with `srun --mpi=pmix` or `--mpi=pmi2`"
            }
        };
        Some(text.into())
    }
}

/// The ranks of this run; by default a single rank.
#[derive(Default)]
pub struct LaunchedRanks {
    ranks: Ranks,
    launched: Option<LaunchedRank>,
    /// Number of ranks that may use the same cores as this one.
    sharing_cores: Option<usize>,
}

impl LaunchedRanks {
    /// Reads the launcher's information; the other ranks are not connected yet.
    pub fn from_environment() -> Self {
        Self { launched: detect_launcher(), ..Self::default() }
    }

    /// Returns whether this process must report an error that all ranks may have. Connected ranks decide together;
    /// otherwise rank 0 reports. The other ranks then wait for some time, since launchers stop all ranks when the first
    /// of them has failed.
    pub fn is_reporter(&self, outcome: Result<(), &Error>) -> bool {
        if self.ranks.size() > 1 {
            return self.ranks.is_reporter(outcome);
        }
        let is_first = self.launched.is_none_or(|launched| launched.rank == 0);
        if !is_first && outcome.is_err() {
            std::thread::sleep(REPORT_DELAY);
        }
        is_first && outcome.is_err()
    }

    /// Returns the ranks in the library's form.
    pub fn connected(&self) -> &Ranks {
        &self.ranks
    }

    /// Returns the number of worker threads: the cores that this process may use, divided by the number of ranks that
    /// may use the same cores. 0, which means all cores, if there are no other ranks.
    pub fn threads(&self) -> usize {
        let Some(sharing_cores) = self.sharing_cores else { return 0 };
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        (cores / sharing_cores.max(1)).max(1)
    }

    /// Refuses a run if several processes were started for it.
    #[cfg(not(feature = "mpi"))]
    pub fn connect(&mut self) -> Result<()> {
        match self.launched {
            None => Ok(()),
            // rank 0 of an unknown number of ranks cannot know whether there are others; they refuse the run, which
            // ends it
            Some(LaunchedRank { rank: 0, ranks: None }) => Ok(()),
            Some(LaunchedRank { ranks: Some(ranks), .. }) => {
                Err(LaunchProblem::WithoutMpi(format!("{ranks} ranks")).into())
            }
            Some(LaunchedRank { rank, ranks: None }) => Err(LaunchProblem::WithoutMpi(format!("rank {rank}")).into()),
        }
    }

    /// Connects the ranks by MPI.
    #[cfg(feature = "mpi")]
    pub fn connect(&mut self) -> Result<()> {
        let Some(launched) = self.launched else { return Ok(()) };
        let (communicator, world) = communicator::start().map_err(LaunchProblem::Start)?;
        if let Some(expected) = launched.ranks.filter(|expected| *expected != world.size) {
            return Err(LaunchProblem::Mismatch { expected, found: world.size }.into());
        }
        self.launched = Some(LaunchedRank { rank: world.rank, ranks: Some(world.size) });
        self.sharing_cores = Some(world.sharing_cores);
        self.ranks = Ranks::new(Box::new(communicator));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn launched(variables: &[(&str, &str)]) -> Option<LaunchedRank> {
        parse_launcher(|name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.to_string()))
    }

    #[test]
    fn each_launcher_reports_rank_and_ranks() {
        let expected = Some(LaunchedRank { rank: 3, ranks: Some(8) });
        for (rank, ranks) in LAUNCHERS {
            assert_eq!(launched(&[(rank, "3"), (ranks, "8")]), expected, "{rank}");
            assert_eq!(launched(&[(rank, "0"), (ranks, "1")]), None, "{rank}");
        }
        assert_eq!(launched(&[("PMIX_RANK", "2")]), Some(LaunchedRank { rank: 2, ranks: None }));
        // Open MPI's launcher inside a step of Slurm
        let both = [("SLURM_PROCID", "0"), ("SLURM_STEP_NUM_TASKS", "1"), ("OMPI_COMM_WORLD_RANK", "3")];
        assert_eq!(launched(&[&both[..], &[("OMPI_COMM_WORLD_SIZE", "8")]].concat()), expected);
    }

    #[test]
    fn the_script_of_a_batch_job_is_one_process() {
        assert_eq!(launched(&[]), None);
        assert_eq!(launched(&[("SLURM_PROCID", "0"), ("SLURM_NTASKS", "64"), ("SLURM_JOB_ID", "7")]), None);
        let interactive = [("SLURM_PROCID", "0"), ("SLURM_NTASKS", "64"), ("SLURM_STEP_NUM_TASKS", "1")];
        assert_eq!(launched(&interactive), None);
    }
}
