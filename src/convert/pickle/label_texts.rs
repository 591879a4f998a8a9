//! Reads text labels from numpy arrays of objects and from both kinds of pandas text arrays.

use super::array::read_bytes;
use super::{GlobalName, Pickle, PickleValue, ValueId};

/// Maximum number of text labels of an axis; a longer axis holds columns, whose labels are numbers.
pub(super) const MAX_TEXTS: usize = 64;

/// Returns the first text of an array of labels, if it is an array of text.
pub(super) fn read_first_text(pickle: &Pickle<'_>, data: ValueId) -> Option<String> {
    if let Some(first) = read_texts(pickle, data).and_then(|texts| texts.into_iter().next()) {
        return Some(first);
    }
    let is_text = pickle.find_object(data, GlobalName::ArrowTexts).is_some()
        || pickle.find_object(data, GlobalName::ObjectTexts).is_some();
    is_text.then(String::new).or_else(|| {
        let first = object_items(pickle, data)?.first().copied()?;
        pickle.text(first).map(str::to_string)
    })
}

/// Returns at most [`MAX_TEXTS`] labels, if all of them are text.
pub(super) fn read_texts(pickle: &Pickle<'_>, data: ValueId) -> Option<Vec<String>> {
    if let Some((_, state)) = pickle.find_object(data, GlobalName::ArrowTexts) {
        return read_arrow_texts(pickle, pickle.dict_value(state?, "_pa_array")?);
    }
    let objects = match pickle.find_object(data, GlobalName::ObjectTexts) {
        // the state has dtype and values, in an order that depends on the version
        Some((_, state)) => pickle.items(state?)?.iter().find_map(|&item| object_items(pickle, item))?,
        None => object_items(pickle, data)?,
    };
    let text = |&id: &ValueId| pickle.text(id).map(str::to_string);
    (objects.len() <= MAX_TEXTS).then(|| objects.iter().map(text).collect())?
}

/// Returns the elements of a numpy array of Python objects.
fn object_items<'p>(pickle: &'p Pickle<'_>, id: ValueId) -> Option<&'p [ValueId]> {
    let (_, state) = pickle.find_object(id, GlobalName::Reconstruct)?;
    let &[_, _shape, _dtype, _order, list] = pickle.items(state?)? else { return None };
    matches!(pickle.get(list), PickleValue::List(_)).then(|| pickle.items(list))?
}

/// Reads the texts of an Arrow array: offsets into one buffer of characters.
fn read_arrow_texts(pickle: &Pickle<'_>, id: ValueId) -> Option<Vec<String>> {
    let (&[reduced], None) = pickle.find_object(id, GlobalName::ArrowArray)? else { return None };
    let &[kind, length, _nulls, first, buffers, ..] = pickle.items(reduced)? else { return None };
    let (&[alias], None) = pickle.find_object(kind, GlobalName::ArrowType)? else { return None };
    let width = match pickle.text(alias)? {
        "string" => 4,
        "large_string" => 8,
        _ => return None,
    };
    let count = |id| usize::try_from(pickle.int(id)?).ok();
    let (length, first) = (count(length)?, count(first)?);
    let &[_validity, offsets, characters] = pickle.items(buffers)? else { return None };
    let buffer = |id| {
        let (&[bytes], None) = pickle.find_object(id, GlobalName::ArrowBuffer)? else { return None };
        read_bytes(pickle, bytes).ok()
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
