//! The line between ranks: a thread that alone speaks MPI, so that no more than `MPI_THREAD_FUNNELED` is asked of the library.
//!
//! The thread carries messages both ways until the line is dropped, which ends MPI on all ranks together. Where a rank
//! panics, MPI ends them all.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use leadfield::io::checkpoint::Digest;
use leadfield::io::ranks::Line;
use mpi::Threading;
use mpi::environment::processor_name;
use mpi::point_to_point::MatchedReceiveVec;
use mpi::topology::SimpleCommunicator;
use mpi::traits::{Communicator, CommunicatorCollectives, Destination, Source};

/// How often the thread looks for messages that come.
const EVERY: Duration = Duration::from_millis(1);

/// The exit code of all ranks where one has panicked: that of the panic.
const PANICKED: i32 = 101;

/// A message, and whom it is for or from.
type Letter = (usize, Vec<u8>);

/// What the thread is told.
enum Order {
    Send(Letter),
    /// End all ranks at once.
    Abort,
}

/// What MPI tells of the ranks.
#[derive(Debug, Clone, Copy)]
pub struct Found {
    /// This rank.
    pub rank: usize,
    /// Number of ranks.
    pub ranks: usize,
    /// Ranks on this node, this one included, that may use the same cores.
    pub sharing: usize,
}

/// The line.
pub struct MpiLine {
    found: Found,
    orders: Option<Mutex<Sender<Order>>>,
    receive: Mutex<Receiver<Letter>>,
    thread: Option<JoinHandle<()>>,
}

/// Starts MPI.
pub fn open() -> Result<(MpiLine, Found), String> {
    let (order, orders) = channel();
    let (deliver, receive) = channel();
    let (tell, told) = channel();
    let thread = std::thread::Builder::new().name("mpi".into()).spawn(move || serve(&tell, &orders, &deliver));
    let thread = thread.map_err(|error| error.to_string())?;
    let found = told.recv().map_err(|_| "the library refuses".to_string())?;
    let (orders, receive) = (Some(Mutex::new(order)), Mutex::new(receive));
    Ok((MpiLine { found, orders, receive, thread: Some(thread) }, found))
}

impl Line for MpiLine {
    fn rank(&self) -> usize {
        self.found.rank
    }

    fn ranks(&self) -> usize {
        self.found.ranks
    }

    fn send(&self, to: usize, message: Vec<u8>) {
        self.order(Order::Send((to, message)));
    }

    fn receive(&self, patience: Duration) -> Option<Letter> {
        self.receive.lock().unwrap_or_else(PoisonError::into_inner).recv_timeout(patience).ok()
    }
}

impl MpiLine {
    fn order(&self, order: Order) {
        if let Some(orders) = &self.orders {
            // the thread lives as long as this, but for a panic of its own, which MPI takes for the end of all
            drop(orders.lock().unwrap_or_else(PoisonError::into_inner).send(order));
        }
    }
}

impl Drop for MpiLine {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.order(Order::Abort);
        }
        self.orders = None;
        if let Some(Err(panic)) = self.thread.take().map(JoinHandle::join) {
            std::panic::resume_unwind(panic);
        }
    }
}

/// The thread: carries messages until nobody is left to send any.
fn serve(tell: &Sender<Found>, orders: &Receiver<Order>, deliver: &Sender<Letter>) {
    let Some((universe, _)) = mpi::initialize_with_threading(Threading::Funneled) else { return };
    let world = universe.world();
    let found = Found { rank: world.rank() as usize, ranks: world.size() as usize, sharing: sharing(&world) };
    if tell.send(found).is_err() {
        return;
    }
    loop {
        receive_all(&world, deliver);
        match orders.recv_timeout(EVERY) {
            Ok(Order::Abort) => world.abort(PANICKED),
            Ok(Order::Send((to, message))) => send(&world, to, &message, deliver),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    // no rank goes before rank 0 has told the user how it ended: launchers end the others when one goes
    world.barrier();
}

/// How many ranks, this one included, are on this node and may use the same cores.
fn sharing(world: &SimpleCommunicator) -> usize {
    let mut digest = Digest::default();
    digest.add(processor_name().unwrap_or_default().as_bytes());
    digest.add(allowed_cores().unwrap_or_default().as_bytes());
    let own = digest.get();
    let mut all = vec![0_u64; world.size() as usize];
    world.all_gather_into(&own, &mut all[..]);
    all.into_iter().filter(|other| *other == own).count()
}

/// The cores that this process may use, as Linux lists them.
fn allowed_cores() -> Option<String> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find(|line| line.starts_with("Cpus_allowed_list:")).map(str::to_string)
}

/// Sends a message, and takes in others until it is gone: two ranks may send at the same time.
fn send(world: &SimpleCommunicator, to: usize, message: &[u8], deliver: &Sender<Letter>) {
    let to = world.process_at_rank(to as i32);
    mpi::request::scope(|scope| {
        let mut pending = to.immediate_send(scope, message);
        while let Err(still) = pending.test() {
            pending = still;
            receive_all(world, deliver);
        }
    });
}

/// Takes in all messages that have come.
fn receive_all(world: &SimpleCommunicator, deliver: &Sender<Letter>) {
    while let Some(probed) = world.any_process().immediate_matched_probe() {
        let (message, status) = probed.matched_receive_vec();
        // nobody listens any more when the run is over
        drop(deliver.send((status.source_rank() as usize, message)));
    }
}
