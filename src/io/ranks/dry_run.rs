//! Estimates of what a run needs, made before it begins.

use super::assign_units;

/// The estimated size, memory and time of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct DryRunEstimate {
    /// Number of neurons.
    pub neurons: u64,
    /// Number of segments.
    pub segments: u64,
    /// The work of each rank.
    pub loads: Vec<RankLoad>,
    /// Size of the output.
    pub bytes: u64,
    /// Whether the size is exact; otherwise it is estimated from a short trial.
    pub exact: bool,
    /// Largest memory that a rank uses at one time, bytes; approximate.
    pub memory: u64,
    /// Wall time, s; approximate. Assumes that every rank has as many threads as this process, and that the disk is as
    /// fast as in the trial.
    pub seconds: f64,
}

/// The work of one rank.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RankLoad {
    /// Number of parts.
    pub parts: u64,
    /// Number of their segments.
    pub segments: u64,
}

impl RankLoad {
    /// Shares parts of these sizes among ranks with [`assign_units`], and returns the work of each rank.
    pub fn for_ranks(sizes: &[u64], ranks: usize) -> Vec<Self> {
        let mut all = vec![Self::default(); ranks.max(1)];
        for (rank, size) in assign_units(sizes, ranks).into_iter().zip(sizes) {
            if let Some(load) = all.get_mut(rank) {
                load.parts += 1;
                load.segments += size;
            }
        }
        all
    }
}

impl DryRunEstimate {
    /// Returns the number of parts.
    pub fn parts(&self) -> u64 {
        self.loads.iter().map(|load| load.parts).sum()
    }

    /// Returns the segments of the rank with the most segments.
    pub fn max_segments(loads: &[RankLoad]) -> u64 {
        loads.iter().map(|load| load.segments).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rank_has_its_load() {
        let load = |parts, segments| RankLoad { parts, segments };
        assert_eq!(RankLoad::for_ranks(&[5, 3, 4], 2), [load(1, 5), load(2, 7)]);
        assert_eq!(RankLoad::for_ranks(&[5], 2), [load(1, 5), load(0, 0)]);
        assert_eq!(DryRunEstimate::max_segments(&RankLoad::for_ranks(&[5, 3, 4], 2)), 7);
    }
}
