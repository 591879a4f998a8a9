//! Node ids and offsets, whatever numbers they are stored as.

use super::code::Code;
use super::finding::Findings;
use crate::io::hdf5::File;

/// Integers up to here are floats without loss.
const WHOLE: f64 = 9_007_199_254_740_992.0;

/// Reads a list of counting numbers that is there; none, with a finding, where it cannot be one.
pub(super) fn counting(file: &File, object: &str, if_floats: Code, findings: &mut Findings) -> Option<Vec<u64>> {
    let kind = kind(file, object, findings)?;
    let shape = file.shape(object).ok()?;
    let &[length] = shape.as_slice() else {
        findings.add(Code::RowShape, object, format!("wrong shape, expected one dimension, found {shape:?}"));
        return None;
    };
    if let Err(error) = file.check_plausible(object, std::slice::from_ref(&(0..length))) {
        findings.add(Code::Implausible, object, problem(&error));
        return None;
    }
    let read = match kind.as_str() {
        kind if kind.starts_with("float") => return whole(file, object, if_floats, findings),
        kind if kind.starts_with("uint") => file.unsigned(object),
        kind if kind.starts_with("int") => return signed(file, object, findings),
        kind => {
            findings.add(Code::Unreadable, object, format!("wrong type, expected integers, found {kind}"));
            return None;
        }
    };
    if kind != "uint64" {
        width(object, &kind, findings);
    }
    read.map_err(|e| findings.add(Code::Unreadable, object, problem(&e))).ok()
}

/// The element type of a dataset that is there; none, with a finding, where it is no dataset.
pub(super) fn kind(file: &File, object: &str, findings: &mut Findings) -> Option<String> {
    if !file.is_dataset(object) {
        findings.add(Code::Unreadable, object, "no dataset, expected a dataset, found a group or a broken link");
        return None;
    }
    if let Err(error) = file.check_filters(object) {
        findings.add(Code::UnknownFilter, object, problem(&error));
        return None;
    }
    file.type_name(object).map_err(|e| findings.add(Code::Unreadable, object, problem(&e))).ok()
}

/// What an error says, without its place.
pub(super) fn problem(error: &crate::error::Error) -> String {
    let (text, place) = (error.to_string(), error.place().to_string());
    text.strip_prefix(&place).unwrap_or(&text).to_string()
}

fn width(object: &str, kind: &str, findings: &mut Findings) {
    findings.add(Code::IntegerWidth, object, format!("another type, expected uint64, found {kind}"));
}

fn signed(file: &File, object: &str, findings: &mut Findings) -> Option<Vec<u64>> {
    let values = file.signed(object).map_err(|e| findings.add(Code::Unreadable, object, problem(&e))).ok()?;
    let bad = |v: &i64| *v < 0;
    match values.iter().position(bad) {
        Some(row) => not_counting(object, &values, row, bad, findings),
        None => {
            width(object, &file.type_name(object).unwrap_or_default(), findings);
            Some(values.into_iter().map(i64::unsigned_abs).collect())
        }
    }
}

fn whole(file: &File, object: &str, if_floats: Code, findings: &mut Findings) -> Option<Vec<u64>> {
    let values = file.floats(object).map_err(|e| findings.add(Code::Unreadable, object, problem(&e))).ok()?;
    let bad = |v: &f64| !(v.fract() == 0.0 && (0.0..WHOLE).contains(v));
    match values.iter().position(bad) {
        Some(row) => not_counting(object, &values, row, bad, findings),
        None => {
            let kind = file.type_name(object).unwrap_or_default();
            findings.add(if_floats, object, format!("wrong type, expected uint64, found {kind}"));
            Some(values.into_iter().map(|v| v as u64).collect())
        }
    }
}

fn not_counting<T: std::fmt::Debug>(
    object: &str,
    values: &[T],
    row: usize,
    bad: impl Fn(&T) -> bool,
    findings: &mut Findings,
) -> Option<Vec<u64>> {
    let found = values.get(row)?;
    let text = format!("no counting number, expected a whole number of 0 or more, found {found:?}");
    findings.add_at(Code::NotCounting, object, row as u64, text);
    findings.and_more(values.iter().filter(|v| bad(v)).count() as u64 - 1);
    None
}
