//! Shares of work: several processes, *ranks*, that make one output together.
//!
//! A run has parts, numbered as a journal numbers them. Every rank reads the inputs and does its share of the parts, which
//! [`shares`] gives out by size. Rank 0 lays the output out, keeps the journal, tells the user, and gives the output its
//! name. The others tell rank 0 what they have done, and whether they failed or were asked to stop; rank 0 tells them when to begin,
//! to stop at the end of a part, and that the run is over ([`Crew`]). What carries the messages is the caller's
//! ([`Line`]). A program of one process is a crew of one, and sends nothing.

mod crew;
mod forecast;
mod line;
mod message;
mod problem;
mod scribe;

pub use crew::{Balance, Beginning, Crew};
pub use forecast::{Forecast, Share};
pub use line::Line;
pub use problem::PartitionProblem;
pub use scribe::{Journalled, Scribe, with_scribe};

/// Gives parts of these sizes to ranks: for each part the rank that does it. The largest part first, each to the rank that
/// has least so far, so that no rank has more than the mean and one part.
pub fn shares(sizes: &[u64], ranks: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    let size = |part: usize| sizes.get(part).copied().unwrap_or(0);
    order.sort_by_key(|&part| std::cmp::Reverse(size(part)));
    let mut loads = vec![0_u64; ranks.max(1)];
    let mut owners = vec![0; sizes.len()];
    for part in order {
        // the first of those that have least
        let least = loads.iter().enumerate().min_by_key(|&(_, load)| load).map_or(0, |(rank, _)| rank);
        if let (Some(load), Some(owner)) = (loads.get_mut(least), owners.get_mut(part)) {
            *load = load.saturating_add(size(part));
            *owner = least;
        }
    }
    owners
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn loads(sizes: &[u64], ranks: usize) -> Vec<u64> {
        let owners = shares(sizes, ranks);
        let load = |rank| sizes.iter().zip(&owners).filter(|&(_, owner)| *owner == rank).map(|(size, _)| size).sum();
        (0..ranks).map(load).collect()
    }

    proptest! {
        #[test]
        fn no_rank_has_more_than_the_mean_and_one_part(sizes in prop::collection::vec(1..1000_u64, 0..60), ranks in 1..9_usize) {
            let loads = loads(&sizes, ranks);
            let total: u64 = sizes.iter().sum();
            prop_assert_eq!(loads.iter().sum::<u64>(), total);
            let largest = sizes.iter().max().copied().unwrap_or(0);
            prop_assert!(loads.iter().all(|load| *load <= total / ranks as u64 + largest));
        }
    }

    #[test]
    fn equal_parts_are_dealt_out_in_turn_and_surplus_ranks_have_none() {
        assert_eq!(shares(&[5, 5, 5, 5], 2), [0, 1, 0, 1]);
        assert_eq!(loads(&[7, 3], 4), [7, 3, 0, 0]);
        assert!(shares(&[], 3).is_empty());
    }
}
