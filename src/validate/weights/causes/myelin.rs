//! Detects rows of the myelin that are between others, as with a section id that is too small.

use super::differing_files::DifferingFiles;
use super::{MYELIN_SEGMENTS, WeightsCause};
use crate::error::Result;
use crate::validate::Tolerance;
use crate::validate::weights::matched_rows::MatchedRows;

pub(super) fn find_myelin_ids(case: &DifferingFiles<'_>) -> Result<Option<WeightsCause>> {
    let [(_, a), (_, b)] = case.sides;
    let DifferingFiles { factors, matched, tolerance, .. } = case;
    let tolerance = *tolerance;
    let rows = MatchedRows::new(a, b);
    let mut values = [Vec::new(), Vec::new()];
    let mut nodes = 0;
    for &node in a.node_ids() {
        let (Some(own), Some(other)) = (a.rows_of_node(node), b.rows_of_node(node)) else { continue };
        if rows.segment_counts.iter().any(|n| n.node == node) {
            continue;
        }
        factors[0].read_rows(own, &mut values[0])?;
        factors[1].read_rows(other, &mut values[1])?;
        let pick = |file: usize| -> Vec<Vec<f64>> {
            let width = factors[file].columns().max(1) as usize;
            let row = |row: &[f64]| matched.iter().filter_map(|c| row.get(c.columns[file]).copied()).collect();
            values[file].chunks_exact(width).map(row).collect()
        };
        let (a, b) = (pick(0), pick(1));
        if rows_agree(&a, &b, tolerance) {
            continue;
        }
        if !(is_myelin_moved_up(&a, &b, tolerance) || is_myelin_moved_up(&b, &a, tolerance)) {
            return Ok(None);
        }
        nodes += 1;
    }
    Ok((nodes > 0).then_some(WeightsCause::MyelinIds { nodes }))
}

fn rows_agree(a: &[Vec<f64>], b: &[Vec<f64>], tolerance: Tolerance) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.iter().zip(b).all(|(&a, &b)| tolerance.allows(a, b)))
}

/// Returns whether `b` is `a` with its last rows, those of the myelin, moved up.
fn is_myelin_moved_up(a: &[Vec<f64>], b: &[Vec<f64>], tolerance: Tolerance) -> bool {
    let Some(kept) = a.len().checked_sub(MYELIN_SEGMENTS) else { return false };
    let differs = |at: &usize| !rows_agree(&a[*at..at + 1], &b[*at..at + 1], tolerance);
    let Some(to) = (0..kept).find(differs) else { return false };
    rows_agree(&a[kept..], &b[to..to + MYELIN_SEGMENTS], tolerance)
        && rows_agree(&a[to..kept], &b[to + MYELIN_SEGMENTS..], tolerance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_myelin_that_moved_up_are_found_and_nothing_else() {
        let tolerance = Tolerance { rtol: 0.0, atol: 0.0 };
        let rows = |order: &[u32]| order.iter().map(|&v| vec![f64::from(v)]).collect::<Vec<_>>();
        let a = rows(&[0, 1, 2, 3, 10, 11, 12, 13, 14]);
        assert!(is_myelin_moved_up(&a, &rows(&[0, 10, 11, 12, 13, 14, 1, 2, 3]), tolerance));
        assert!(!is_myelin_moved_up(&a, &rows(&[0, 10, 11, 12, 13, 1, 14, 2, 3]), tolerance));
        assert!(!is_myelin_moved_up(&a, &rows(&[0, 1, 2, 3, 10, 11, 12, 13, 99]), tolerance));
    }
}
