//! Detects a dipole centre that is that of a chunk of neurons instead of the neuron's.

use super::differing_files::DifferingFiles;
use super::{ROUNDING_TOLERANCE, WeightsCause, for_each_block};
use crate::error::Result;
use crate::sonata::electrodes_file::{PopulationEntry, WeightsDataset};

/// For a contact and each node: the sum of the weights, and of their absolute values.
type NodeSums = Vec<[f64; 2]>;

fn sum_nodes(population: &PopulationEntry, factors: &WeightsDataset, columns: &[usize]) -> Result<Vec<NodeSums>> {
    let mut sums = vec![vec![[0.0; 2]; population.node_ids().len()]; columns.len()];
    let ends = population.offsets().get(1..).unwrap_or_default();
    let mut node = 0;
    for_each_block(factors, |first, values| {
        for (row, at) in values.chunks_exact(factors.columns().max(1) as usize).zip(first..) {
            while ends.get(node).is_some_and(|end| *end <= at) {
                node += 1;
            }
            for (sums, &column) in sums.iter_mut().zip(columns) {
                if let (Some([sum, size]), Some(value)) = (sums.get_mut(node), row.get(column)) {
                    *sum += value;
                    *size += value.abs();
                }
            }
        }
        true
    })?;
    Ok(sums)
}

pub(super) fn find_dipole_centre(case: &DifferingFiles<'_>) -> Result<Option<WeightsCause>> {
    let ([a, b], factors) = (case.sides, &case.factors);
    let mut contacts = Vec::new();
    for contact in case.differing_contacts() {
        let kinds = [a, b].map(|(file, _)| file.read_description(&contact.name).map(|d| d.kind));
        if kinds.into_iter().any(|kind| kind.is_ok_and(|k| k.as_deref() == Some("DipoleReciprocity"))) {
            contacts.push(contact);
        }
    }
    if contacts.is_empty() {
        return Ok(None);
    }
    let columns = [0, 1].map(|file| contacts.iter().map(|c| c.columns[file]).collect::<Vec<usize>>());
    let sums = [sum_nodes(a.1, &factors[0], &columns[0])?, sum_nodes(b.1, &factors[1], &columns[1])?];
    let is_zero = |[sum, size]: [f64; 2]| sum.abs() <= ROUNDING_TOLERANCE * size;
    let own = |sums: &[NodeSums]| sums.iter().flatten().all(|&sum| is_zero(sum));
    let in_chunks = |sums: &[NodeSums]| sums.iter().map(|s| count_chunks(s)).try_fold(0, |most, n| Some(n?.max(most)));
    let names = contacts.iter().map(|c| c.name.clone()).collect();
    let cause = |file, chunks| Some(WeightsCause::DipoleCentre { file, contacts: names, chunks });
    Ok(match [own(&sums[0]), own(&sums[1])] {
        [true, false] => in_chunks(&sums[1]).and_then(|chunks| cause(1, chunks)),
        [false, true] => in_chunks(&sums[0]).and_then(|chunks| cause(0, chunks)),
        _ => None,
    })
}

/// Returns the number of runs of neurons into which the sums can be divided so that each run sums to zero; `None` if
/// the last does not.
fn count_chunks(sums: &[[f64; 2]]) -> Option<u64> {
    let (mut run, mut chunks) = ([0.0; 2], 0);
    for [sum, size] in sums {
        run = [run[0] + sum, run[1] + size];
        if run[0].abs() <= ROUNDING_TOLERANCE * run[1] {
            (run, chunks) = ([0.0; 2], chunks + 1);
        }
    }
    (run == [0.0; 2]).then_some(chunks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_that_sum_to_zero_are_counted() {
        let sums = |values: &[f64]| values.iter().map(|v| [*v, v.abs()]).collect::<NodeSums>();
        assert_eq!(count_chunks(&sums(&[1.0, -3.0, 2.0, 5.0, -5.0])), Some(2));
        assert_eq!(count_chunks(&sums(&[1.0, -3.0])), None);
    }
}
