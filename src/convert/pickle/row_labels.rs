//! Reads the labels of a frame's rows: integers or text.

use super::index::{IndexLabels, index_class, index_member};
use super::label_texts::{MAX_TEXTS, read_texts};
use super::{GlobalName, Pickle, ValueId};
use crate::error::Result;

/// The labels of a frame's rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowLabels {
    /// Integers.
    Numbers(Vec<i64>),
    /// Text.
    Texts(Vec<String>),
    /// Another type of index, more than 64 labels, or labels of several types.
    Other,
}

impl RowLabels {
    /// Reads the labels of an axis.
    ///
    /// # Errors
    /// Returns an error if the axis is not an index, or if an array in it is damaged.
    pub(super) fn from_pickle(pickle: &Pickle<'_>, axis: ValueId) -> Result<Self> {
        let Ok((class, members)) = index_class(pickle, axis) else { return Ok(Self::Other) };
        if class == GlobalName::Index
            && let Some(texts) = read_texts(pickle, index_member(pickle, members, "data")?)
        {
            return Ok(Self::Texts(texts));
        }
        if class == GlobalName::MultiIndex {
            return Ok(Self::Other);
        }
        let Ok(labels) = IndexLabels::from_pickle(pickle, axis, None) else { return Ok(Self::Other) };
        let numbers: Vec<i64> = (0..MAX_TEXTS as i64 + 1).map_while(|place| labels.get(place)).collect();
        Ok(if numbers.len() > MAX_TEXTS { Self::Other } else { Self::Numbers(numbers) })
    }
}
