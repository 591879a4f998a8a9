//! The memo: values that a pickle stores by number and names again.

use super::{Id, PickleProblem};

type Result<T> = std::result::Result<T, PickleProblem>;

/// Stored values. Indices stay below the file's length: each is stored by an instruction of its own.
#[derive(Debug)]
pub(super) struct Memo {
    slots: Vec<Option<Id>>,
    most: usize,
}

impl Memo {
    /// The memo of a file of so many bytes.
    pub fn of(length: usize) -> Self {
        Self { slots: Vec::new(), most: length }
    }

    /// The index that is stored next where none is told.
    pub fn next(&self) -> u64 {
        self.slots.len() as u64
    }

    /// Stores a value.
    pub fn store(&mut self, index: u64, value: Id) -> Result<()> {
        let too_large = PickleProblem::MemoLarge { expected: self.most as u64, found: index };
        let place = usize::try_from(index).ok().filter(|&place| place < self.most).ok_or(too_large)?;
        if place >= self.slots.len() {
            self.slots.resize(place + 1, None);
        }
        if let Some(slot) = self.slots.get_mut(place) {
            *slot = Some(value);
        }
        Ok(())
    }

    /// A stored value.
    pub fn get(&self, index: u64) -> Result<Id> {
        let stored = usize::try_from(index).ok().and_then(|place| self.slots.get(place).copied().flatten());
        stored.ok_or(PickleProblem::MemoEmpty(index))
    }
}
