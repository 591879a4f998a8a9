//! Labels that are text, as numpy's arrays of objects and pandas' two kinds of text arrays hold them.

use super::array::bytes_of;
use super::index::{Labels, index, member};
use super::{Id, Name, Pickle, Value};
use crate::error::Result;

/// Labels of one axis that are read as text; a longer axis is columns, whose labels are numbers.
const MAX_TEXTS: usize = 64;

/// The labels of a frame's rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowLabels {
    /// Whole numbers.
    Numbers(Vec<i64>),
    /// Text.
    Texts(Vec<String>),
    /// Another kind of index, more than 64 labels, or labels of several kinds.
    Other,
}

impl RowLabels {
    /// The labels of an axis.
    ///
    /// # Errors
    /// The axis is no index, or an array in it is damaged.
    pub(super) fn of(pickle: &Pickle<'_>, axis: Id) -> Result<Self> {
        let Ok((class, members)) = index(pickle, axis) else { return Ok(Self::Other) };
        if class == Name::Index
            && let Some(texts) = texts(pickle, member(pickle, members, "data")?)
        {
            return Ok(Self::Texts(texts));
        }
        if class == Name::MultiIndex {
            return Ok(Self::Other);
        }
        let Ok(labels) = Labels::of(pickle, axis, None) else { return Ok(Self::Other) };
        let numbers: Vec<i64> = (0..MAX_TEXTS as i64 + 1).map_while(|place| labels.get(place)).collect();
        Ok(if numbers.len() > MAX_TEXTS { Self::Other } else { Self::Numbers(numbers) })
    }
}

/// The first text of an array of labels, if the array holds text.
pub(super) fn first_text(pickle: &Pickle<'_>, data: Id) -> Option<String> {
    if let Some(first) = texts(pickle, data).and_then(|texts| texts.into_iter().next()) {
        return Some(first);
    }
    let is_text = pickle.made(data, Name::ArrowTexts).is_some() || pickle.made(data, Name::ObjectTexts).is_some();
    is_text.then(String::new).or_else(|| {
        let first = objects(pickle, data)?.first().copied()?;
        pickle.text(first).map(str::to_string)
    })
}

/// At most [`MAX_TEXTS`] labels, if all of them are text.
fn texts(pickle: &Pickle<'_>, data: Id) -> Option<Vec<String>> {
    if let Some((_, state)) = pickle.made(data, Name::ArrowTexts) {
        return arrow_texts(pickle, pickle.entry(state?, "_pa_array")?);
    }
    let objects = match pickle.made(data, Name::ObjectTexts) {
        // dtype and values, in an order that depends on the version
        Some((_, state)) => pickle.items(state?)?.iter().find_map(|&item| objects(pickle, item))?,
        None => objects(pickle, data)?,
    };
    let text = |&id: &Id| pickle.text(id).map(str::to_string);
    (objects.len() <= MAX_TEXTS).then(|| objects.iter().map(text).collect())?
}

/// The elements of a numpy array of Python's objects.
fn objects<'p>(pickle: &'p Pickle<'_>, id: Id) -> Option<&'p [Id]> {
    let (_, state) = pickle.made(id, Name::Reconstruct)?;
    let &[_, _shape, _dtype, _order, list] = pickle.items(state?)? else { return None };
    matches!(pickle.get(list), Value::List(_)).then(|| pickle.items(list))?
}

/// The texts of an array of Arrow: offsets into one buffer of characters.
fn arrow_texts(pickle: &Pickle<'_>, id: Id) -> Option<Vec<String>> {
    let (&[reduced], None) = pickle.made(id, Name::ArrowArray)? else { return None };
    let &[kind, length, _nulls, first, buffers, ..] = pickle.items(reduced)? else { return None };
    let (&[alias], None) = pickle.made(kind, Name::ArrowType)? else { return None };
    let width = match pickle.text(alias)? {
        "string" => 4,
        "large_string" => 8,
        _ => return None,
    };
    let count = |id| usize::try_from(pickle.int(id)?).ok();
    let (length, first) = (count(length)?, count(first)?);
    let &[_validity, offsets, characters] = pickle.items(buffers)? else { return None };
    let buffer = |id| {
        let (&[bytes], None) = pickle.made(id, Name::ArrowBuffer)? else { return None };
        bytes_of(pickle, bytes).ok()
    };
    let (offsets, characters) = (buffer(offsets)?, buffer(characters)?);
    let offset = |place: usize| {
        let begin = place.checked_mul(width)?;
        let bytes = offsets.get(begin..begin.checked_add(width)?)?;
        let value = bytes.iter().rev().fold(0, |n: u64, &byte| n << 8 | u64::from(byte));
        usize::try_from(value).ok()
    };
    let text = |place: usize| {
        let bytes = characters.get(offset(place)?..offset(place.checked_add(1)?)?)?;
        std::str::from_utf8(bytes).ok().map(str::to_string)
    };
    (length <= MAX_TEXTS).then(|| (first..first.checked_add(length)?).map(text).collect())?
}
