//! The memo of a pickle: values that are stored by number for later use.

use super::problem::PickleResult;
use super::{PickleProblem, ValueId};

/// Stored values. Indices are below the file's length, because each needs an instruction to store it.
#[derive(Debug)]
pub(super) struct Memo {
    slots: Vec<Option<ValueId>>,
    max_slots: usize,
}

impl Memo {
    /// Creates the memo for a file of `length` bytes.
    pub fn for_input_length(length: usize) -> Self {
        Self { slots: Vec::new(), max_slots: length }
    }

    /// Returns the index for the next value if the instruction does not state one.
    pub fn next_index(&self) -> u64 {
        self.slots.len() as u64
    }

    /// Stores a value.
    pub fn store(&mut self, index: u64, value: ValueId) -> PickleResult<()> {
        let too_large = PickleProblem::MemoLarge { expected: self.max_slots as u64, found: index };
        let place = usize::try_from(index).ok().filter(|&place| place < self.max_slots).ok_or(too_large)?;
        if place >= self.slots.len() {
            self.slots.resize(place + 1, None);
        }
        if let Some(slot) = self.slots.get_mut(place) {
            *slot = Some(value);
        }
        Ok(())
    }

    /// Returns a stored value.
    pub fn get(&self, index: u64) -> PickleResult<ValueId> {
        let stored = usize::try_from(index).ok().and_then(|place| self.slots.get(place).copied().flatten());
        stored.ok_or(PickleProblem::MemoEmpty(index))
    }
}
