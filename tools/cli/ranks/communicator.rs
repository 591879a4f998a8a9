//! The collective operations of ranks, by MPI. A single thread calls MPI, so that the library needs only
//! `MPI_THREAD_FUNNELED`.
//!
//! The thread waits for an operation without using up its core, and shuts MPI down on all ranks together. If a rank
//! panics, MPI stops all ranks.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use leadfield::io::digest::Digest;
use leadfield::io::ranks;
use mpi::Threading;
use mpi::environment::processor_name;
use mpi::request::{Request, Scope};
use mpi::topology::SimpleCommunicator;
use mpi::traits::{Communicator, CommunicatorCollectives, Root};

/// Interval at which the thread tests whether an operation is complete.
const TEST_INTERVAL: Duration = Duration::from_millis(1);

/// Interval at which a waiting caller's callback is called.
const CALLBACK_INTERVAL: Duration = Duration::from_millis(50);

/// Exit code of all ranks if one panics: that of a panic.
const PANIC_EXIT_CODE: i32 = 101;

/// A request to the thread, and where to send its result.
enum Operation {
    AllGather(Vec<u64>, Sender<Vec<u64>>),
    Broadcast(Vec<u8>, Sender<Vec<u8>>),
    /// Stop all ranks at once.
    Abort,
}

/// MPI's information about the ranks.
#[derive(Debug, Clone, Copy)]
pub struct World {
    /// This rank.
    pub rank: usize,
    /// Number of ranks.
    pub size: usize,
    /// Ranks on this node, including this one, that may use the same cores.
    pub sharing_cores: usize,
}

/// A communicator between ranks that MPI connects.
pub struct MpiCommunicator {
    world: World,
    operations: Option<Mutex<Sender<Operation>>>,
    thread: Option<JoinHandle<()>>,
}

/// Starts MPI.
pub fn start() -> Result<(MpiCommunicator, World), String> {
    let (operation_sender, operations) = channel();
    let (world_sender, world) = channel();
    let thread = std::thread::Builder::new().name("mpi".into()).spawn(move || serve(&world_sender, &operations));
    let thread = thread.map_err(|error| error.to_string())?;
    let world = world.recv().map_err(|_| "the library refuses".to_string())?;
    let operations = Some(Mutex::new(operation_sender));
    Ok((MpiCommunicator { world, operations, thread: Some(thread) }, world))
}

impl MpiCommunicator {
    fn send(&self, operation: Operation) {
        if let Some(operations) = &self.operations {
            // the thread lives as long as this, unless it panics, and then MPI stops all ranks
            drop(operations.lock().unwrap_or_else(PoisonError::into_inner).send(operation));
        }
    }

    /// Sends an operation to the thread, and waits for its result.
    fn run<T>(&self, operation: impl FnOnce(Sender<T>) -> Operation, on_wait: &mut dyn FnMut()) -> Option<T> {
        let (sender, result) = channel();
        self.send(operation(sender));
        loop {
            match result.recv_timeout(CALLBACK_INTERVAL) {
                Ok(result) => return Some(result),
                Err(RecvTimeoutError::Timeout) => on_wait(),
                Err(RecvTimeoutError::Disconnected) => return None,
            }
        }
    }
}

impl ranks::Communicator for MpiCommunicator {
    fn rank(&self) -> usize {
        self.world.rank
    }

    fn size(&self) -> usize {
        self.world.size
    }

    fn broadcast(&self, bytes: Vec<u8>) -> Vec<u8> {
        self.run(|sender| Operation::Broadcast(bytes, sender), &mut || ()).unwrap_or_default()
    }

    fn all_gather(&self, numbers: &[u64], on_wait: &mut dyn FnMut()) -> Vec<u64> {
        self.run(|sender| Operation::AllGather(numbers.to_vec(), sender), on_wait).unwrap_or_default()
    }
}

impl Drop for MpiCommunicator {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.send(Operation::Abort);
        }
        self.operations = None;
        if let Some(Err(panic)) = self.thread.take().map(JoinHandle::join) {
            std::panic::resume_unwind(panic);
        }
    }
}

/// Runs the thread: performs operations until the channel is closed.
fn serve(world_sender: &Sender<World>, operations: &Receiver<Operation>) {
    let Some((universe, _)) = mpi::initialize_with_threading(Threading::Funneled) else { return };
    let world = universe.world();
    let found =
        World { rank: world.rank() as usize, size: world.size() as usize, sharing_cores: count_sharing_cores(&world) };
    if world_sender.send(found).is_err() {
        return;
    }
    for operation in operations {
        // a failed send is ignored: after the end of a run no caller waits for its results
        match operation {
            Operation::Abort => world.abort(PANIC_EXIT_CODE),
            Operation::AllGather(numbers, sender) => drop(sender.send(all_gather(&world, &numbers))),
            Operation::Broadcast(bytes, sender) => drop(sender.send(broadcast(&world, bytes))),
        }
    }
}

fn all_gather(world: &SimpleCommunicator, numbers: &[u64]) -> Vec<u64> {
    let mut all = vec![0_u64; numbers.len() * world.size() as usize];
    mpi::request::scope(|scope| wait(world.immediate_all_gather_into(scope, numbers, &mut all[..])));
    all
}

fn broadcast(world: &SimpleCommunicator, mut bytes: Vec<u8>) -> Vec<u8> {
    let root = world.process_at_rank(0);
    let mut length = [bytes.len() as u64];
    mpi::request::scope(|scope| wait(root.immediate_broadcast_into(scope, &mut length[..])));
    bytes.resize(length[0] as usize, 0);
    mpi::request::scope(|scope| wait(root.immediate_broadcast_into(scope, &mut bytes[..])));
    bytes
}

/// Waits until an operation is complete. MPI's own wait would use up a core that other ranks may need.
fn wait<'a, D: ?Sized, S: Scope<'a>>(mut request: Request<'a, D, S>) {
    while let Err(pending) = request.test() {
        request = pending;
        std::thread::sleep(TEST_INTERVAL);
    }
}

/// Counts the ranks on this node, including this one, that may use the same cores.
fn count_sharing_cores(world: &SimpleCommunicator) -> usize {
    let mut digest = Digest::default();
    digest.add_text(&processor_name().unwrap_or_default());
    digest.add_text(&allowed_cores().unwrap_or_default());
    let own = digest.finish();
    all_gather(world, &[own]).into_iter().filter(|other| *other == own).count()
}

/// Returns the cores that this process may use, as Linux lists them.
fn allowed_cores() -> Option<String> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find(|line| line.starts_with("Cpus_allowed_list:")).map(str::to_string)
}
