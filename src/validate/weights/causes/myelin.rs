//! Rows of the myelin that stand between others, as under a section id that is too small.

use super::case::Case;
use super::{Cause, MYELIN};
use crate::error::Result;
use crate::validate::Tolerance;
use crate::validate::weights::rows::Rows;

pub(super) fn myelin_ids(case: &Case<'_>) -> Result<Option<Cause>> {
    let [(_, a), (_, b)] = case.sides;
    let Case { factors, matched, tolerance, .. } = case;
    let tolerance = *tolerance;
    let rows = Rows::of(a, b);
    let mut values = [Vec::new(), Vec::new()];
    let mut nodes = 0;
    for &node in a.node_ids() {
        let (Some(own), Some(other)) = (a.rows_of(node), b.rows_of(node)) else { continue };
        if rows.segment_counts.iter().any(|n| n.node == node) {
            continue;
        }
        factors[0].read(own, &mut values[0])?;
        factors[1].read(other, &mut values[1])?;
        let pick = |file: usize| -> Vec<Vec<f64>> {
            let width = factors[file].columns().max(1) as usize;
            let row = |row: &[f64]| matched.iter().filter_map(|c| row.get(c.columns[file]).copied()).collect();
            values[file].chunks_exact(width).map(row).collect()
        };
        let (a, b) = (pick(0), pick(1));
        if same(&a, &b, tolerance) {
            continue;
        }
        if !(moved(&a, &b, tolerance) || moved(&b, &a, tolerance)) {
            return Ok(None);
        }
        nodes += 1;
    }
    Ok((nodes > 0).then_some(Cause::MyelinIds { nodes }))
}

fn same(a: &[Vec<f64>], b: &[Vec<f64>], tolerance: Tolerance) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.iter().zip(b).all(|(&a, &b)| tolerance.allows(a, b)))
}

/// Whether `b` is `a` with its last rows, those of the myelin, moved up.
fn moved(a: &[Vec<f64>], b: &[Vec<f64>], tolerance: Tolerance) -> bool {
    let Some(kept) = a.len().checked_sub(MYELIN) else { return false };
    let differs = |at: &usize| !same(&a[*at..at + 1], &b[*at..at + 1], tolerance);
    let Some(to) = (0..kept).find(differs) else { return false };
    same(&a[kept..], &b[to..to + MYELIN], tolerance) && same(&a[to..kept], &b[to + MYELIN..], tolerance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_myelin_that_moved_up_are_found_and_nothing_else() {
        let tolerance = Tolerance { rtol: 0.0, atol: 0.0 };
        let rows = |order: &[u32]| order.iter().map(|&v| vec![f64::from(v)]).collect::<Vec<_>>();
        let a = rows(&[0, 1, 2, 3, 10, 11, 12, 13, 14]);
        assert!(moved(&a, &rows(&[0, 10, 11, 12, 13, 14, 1, 2, 3]), tolerance));
        assert!(!moved(&a, &rows(&[0, 10, 11, 12, 13, 1, 14, 2, 3]), tolerance));
        assert!(!moved(&a, &rows(&[0, 1, 2, 3, 10, 11, 12, 13, 99]), tolerance));
    }
}
