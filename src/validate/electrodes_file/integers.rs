//! Reads node ids and offsets, whatever numeric type they are stored as.

use super::code::Code;
use super::finding::FindingList;
use crate::io::hdf5::Hdf5File;

/// 2^53: integers up to this are exact in a double.
const MAX_EXACT_F64_INTEGER: f64 = 9_007_199_254_740_992.0;

/// Reads an existing list of non-negative integers; adds a finding and returns `None` if it is not one.
pub(super) fn read_counting_numbers(
    file: &Hdf5File,
    object: &str,
    if_floats: Code,
    findings: &mut FindingList,
) -> Option<Vec<u64>> {
    let kind = dataset_type(file, object, findings)?;
    let shape = file.shape(object).ok()?;
    let &[length] = shape.as_slice() else {
        findings.add(Code::RowShape, object, format!("wrong shape, expected one dimension, found {shape:?}"));
        return None;
    };
    if let Err(error) = file.check_box_plausible(object, std::slice::from_ref(&(0..length))) {
        findings.add(Code::Implausible, object, problem_text(&error));
        return None;
    }
    let read = match kind.as_str() {
        kind if kind.starts_with("float") => return read_whole_floats(file, object, if_floats, findings),
        kind if kind.starts_with("uint") => file.read_unsigned(object),
        kind if kind.starts_with("int") => return read_signed(file, object, findings),
        kind => {
            findings.add(Code::Unreadable, object, format!("wrong type, expected integers, found {kind}"));
            return None;
        }
    };
    if kind != "uint64" {
        report_integer_width(object, &kind, findings);
    }
    read.map_err(|e| findings.add(Code::Unreadable, object, problem_text(&e))).ok()
}

/// Returns the element type of an existing dataset; adds a finding and returns `None` if it is not a dataset.
pub(super) fn dataset_type(file: &Hdf5File, object: &str, findings: &mut FindingList) -> Option<String> {
    if !file.is_dataset(object) {
        findings.add(Code::Unreadable, object, "wrong object, expected a dataset, found a group or a broken link");
        return None;
    }
    if let Err(error) = file.check_filters(object) {
        findings.add(Code::UnknownFilter, object, problem_text(&error));
        return None;
    }
    file.type_name(object).map_err(|e| findings.add(Code::Unreadable, object, problem_text(&e))).ok()
}

/// Returns the message of an error without its location.
pub(super) fn problem_text(error: &crate::error::Error) -> String {
    let (text, place) = (error.to_string(), error.location().to_string());
    text.strip_prefix(&place).unwrap_or(&text).to_string()
}

fn report_integer_width(object: &str, kind: &str, findings: &mut FindingList) {
    findings.add(Code::IntegerWidth, object, format!("wrong type, expected uint64, found {kind}"));
}

fn read_signed(file: &Hdf5File, object: &str, findings: &mut FindingList) -> Option<Vec<u64>> {
    let values = file.read_signed(object).map_err(|e| findings.add(Code::Unreadable, object, problem_text(&e))).ok()?;
    let bad = |v: &i64| *v < 0;
    match values.iter().position(bad) {
        Some(row) => report_not_counting(object, &values, row, bad, findings),
        None => {
            report_integer_width(object, &file.type_name(object).unwrap_or_default(), findings);
            Some(values.into_iter().map(i64::unsigned_abs).collect())
        }
    }
}

fn read_whole_floats(file: &Hdf5File, object: &str, if_floats: Code, findings: &mut FindingList) -> Option<Vec<u64>> {
    let values = file.read_floats(object).map_err(|e| findings.add(Code::Unreadable, object, problem_text(&e))).ok()?;
    let bad = |v: &f64| !(v.fract() == 0.0 && (0.0..MAX_EXACT_F64_INTEGER).contains(v));
    match values.iter().position(bad) {
        Some(row) => report_not_counting(object, &values, row, bad, findings),
        None => {
            let kind = file.type_name(object).unwrap_or_default();
            findings.add(if_floats, object, format!("wrong type, expected uint64, found {kind}"));
            Some(values.into_iter().map(|v| v as u64).collect())
        }
    }
}

fn report_not_counting<T: std::fmt::Debug>(
    object: &str,
    values: &[T],
    row: usize,
    bad: impl Fn(&T) -> bool,
    findings: &mut FindingList,
) -> Option<Vec<u64>> {
    let found = values.get(row)?;
    let text = format!("invalid number, expected an integer of 0 or more, found {found:?}");
    findings.add_at(Code::NotCounting, object, row as u64, text);
    findings.set_last_more_count(values.iter().filter(|v| bad(v)).count() as u64 - 1);
    None
}
