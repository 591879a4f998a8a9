//! Checks which rows belong to which nodes: node ids and offsets, and which faults can be fixed without guessing.

use super::code::Code;
use super::finding::FindingList;
use crate::sonata::electrodes_file::{node_ids_path, offsets_path as offsets_of};

/// Checks the node ids of a population.
pub(super) fn check_nodes(population: &str, ids: &[u64], findings: &mut FindingList) {
    let object = node_ids_path(population);
    if ids.is_empty() {
        findings.add(Code::NoNodes, &object, "no nodes, expected at least one");
    }
    let mut sorted: Vec<(u64, usize)> = ids.iter().copied().zip(0..).collect();
    sorted.sort_unstable();
    let mut again = sorted.windows(2).filter(|pair| pair[0].0 == pair[1].0).map(|pair| pair[1]);
    if let Some((id, place)) = again.next() {
        let text = format!("node listed twice, expected each once, found `{id}` again");
        findings.add_at(Code::DuplicateNode, &object, place as u64, text);
        findings.set_last_more_count(again.count() as u64);
    } else if let Some(place) = ids.windows(2).position(|pair| pair[1] < pair[0]) {
        let (before, found) = (ids[place], ids[place + 1]);
        let text = format!("node ids are not ascending, expected more than {before}, found {found}");
        findings.add_at(Code::NodesUnsorted, &object, place as u64 + 1, text);
    }
}

/// Checks offsets against nodes and rows; returns them, fixed if that needs no guess.
pub(super) fn check_offsets(
    population: &str,
    offsets: Vec<u64>,
    ids: &[u64],
    rows: u64,
    findings: &mut FindingList,
) -> Option<Vec<u64>> {
    let object = offsets_of(population);
    let offsets =
        if offsets.len() == ids.len() + 1 { offsets } else { complete_offsets(&object, offsets, ids, rows, findings)? };
    if let Some(row) = offsets.windows(2).position(|pair| pair[1] < pair[0]) {
        let (expected, found) = (offsets[row], offsets[row + 1]);
        let text = format!("offset smaller than the one before, expected at least {expected}, found {found}");
        findings.add_at(Code::OffsetsDecrease, &object, row as u64 + 1, text);
        findings.set_last_more_count(offsets.windows(2).filter(|pair| pair[1] < pair[0]).count() as u64 - 1);
        return None;
    }
    let (&first, &last) = (offsets.first()?, offsets.last()?);
    if first > 0 && last - first == rows {
        let text =
            format!("all offsets are shifted, expected {} from 0 to {rows}, found {first} to {last}", offsets.len());
        findings.add(Code::OffsetsShifted, &object, text);
        return Some(check_empty_nodes(&object, offsets.iter().map(|o| o - first).collect(), ids, findings));
    }
    let mut valid = true;
    if first > 0 {
        let text = format!("offsets do not begin at the first row, expected 0, found {first}");
        findings.add_at(Code::OffsetsStart, &object, 0, text);
        valid = false;
    }
    if last != rows {
        let code = if last > rows { Code::OffsetsBeyond } else { Code::RowsLeft };
        let text = format!("last offset is not the number of rows of `scaling_factors`, expected {rows}, found {last}");
        findings.add_at(code, &object, offsets.len() as u64 - 1, text);
        valid = false;
    }
    let offsets = check_empty_nodes(&object, offsets, ids, findings);
    valid.then_some(offsets)
}

/// Adds the missing offset to offsets of the wrong number, if it is unambiguous.
fn complete_offsets(
    object: &str,
    offsets: Vec<u64>,
    ids: &[u64],
    rows: u64,
    findings: &mut FindingList,
) -> Option<Vec<u64>> {
    let (expected, found) = (ids.len() + 1, offsets.len());
    let text = format!("wrong length, expected {expected} offsets (one more than nodes), found {found}");
    findings.add(Code::OffsetsLength, object, text);
    let ascends = offsets.is_sorted();
    let (begins, ends) = (offsets.first() == Some(&0), offsets.last() == Some(&rows));
    match (found + 1 == expected && ascends, begins, ends) {
        (true, true, false) if offsets.last().is_some_and(|&last| last < rows) => {
            Some(offsets.into_iter().chain([rows]).collect())
        }
        (true, false, true) => Some([0].into_iter().chain(offsets).collect()),
        _ => {
            findings.mark_last_unfixable();
            None
        }
    }
}

fn check_empty_nodes(object: &str, offsets: Vec<u64>, ids: &[u64], findings: &mut FindingList) -> Vec<u64> {
    let mut empty = offsets.windows(2).zip(ids).enumerate().filter(|(_, (pair, _))| pair[0] == pair[1]);
    if let Some((place, (_, id))) = empty.next() {
        findings.add_at(Code::EmptyNode, object, place as u64, format!("node {id} has no rows, expected at least one"));
        findings.set_last_more_count(empty.count() as u64);
    }
    offsets
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(offsets: &[u64], nodes: u64, rows: u64) -> (Vec<(Code, bool)>, Option<Vec<u64>>) {
        let mut findings = FindingList::default();
        let ids: Vec<u64> = (0..nodes).collect();
        let fixed = check_offsets("p", offsets.to_vec(), &ids, rows, &mut findings);
        (findings.into_sorted().iter().map(|f| (f.code, f.fixable)).collect(), fixed)
    }

    #[test]
    fn offsets_are_fixed_if_there_is_only_one_way() {
        use Code::{EmptyNode, OffsetsLength, OffsetsShifted};
        assert_eq!(checked(&[0, 2, 3], 2, 3), (vec![], Some(vec![0, 2, 3])));
        assert_eq!(checked(&[5, 7, 8], 2, 3), (vec![(OffsetsShifted, true)], Some(vec![0, 2, 3])));
        assert_eq!(checked(&[0, 2], 2, 3), (vec![(OffsetsLength, true)], Some(vec![0, 2, 3])));
        assert_eq!(checked(&[2, 3], 2, 3), (vec![(OffsetsLength, true)], Some(vec![0, 2, 3])));
        // ambiguous: either the first or the last node could be the one without rows
        assert_eq!(checked(&[0, 3], 2, 3), (vec![(OffsetsLength, false)], None));
        assert_eq!(checked(&[1, 2], 2, 3), (vec![(OffsetsLength, false)], None));
        assert_eq!(checked(&[0, 2, 3, 3], 2, 3), (vec![(OffsetsLength, false)], None));
        assert_eq!(checked(&[0, 0, 3], 2, 3), (vec![(EmptyNode, false)], Some(vec![0, 0, 3])));
    }

    #[test]
    fn other_offsets_are_reported_and_not_fixed() {
        use Code::{OffsetsBeyond, OffsetsDecrease, OffsetsStart, RowsLeft};
        assert_eq!(checked(&[0, 5, 3], 2, 3), (vec![(OffsetsDecrease, false)], None));
        assert_eq!(checked(&[1, 2, 3], 2, 3), (vec![(OffsetsStart, false)], None));
        assert_eq!(checked(&[0, 2, 9], 2, 3), (vec![(OffsetsBeyond, false)], None));
        assert_eq!(checked(&[0, 1, 2], 2, 3), (vec![(RowsLeft, false)], None));
    }
}
