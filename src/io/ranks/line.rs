//! What connects ranks: the caller's, or nothing.

use std::time::Duration;

/// What carries messages between ranks, in the order in which they were sent.
pub trait Line: Send + Sync {
    /// This rank, from 0.
    fn rank(&self) -> usize;
    /// Number of ranks.
    fn ranks(&self) -> usize;
    /// Sends a message to another rank, whether or not that waits for one.
    fn send(&self, to: usize, message: Vec<u8>);
    /// The next message and its sender; none where none comes for so long.
    fn receive(&self, patience: Duration) -> Option<(usize, Vec<u8>)>;
}

/// Where no other ranks are.
pub(super) struct Alone;

impl Line for Alone {
    fn rank(&self) -> usize {
        0
    }

    fn ranks(&self) -> usize {
        1
    }

    fn send(&self, _to: usize, _message: Vec<u8>) {}

    fn receive(&self, _patience: Duration) -> Option<(usize, Vec<u8>)> {
        None
    }
}
