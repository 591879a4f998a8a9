//! What a run will take, judged before it begins.

use super::assign_units;

/// What a run will take.
#[derive(Debug, Clone, PartialEq)]
pub struct DryRunEstimate {
    /// Number of neurons.
    pub neurons: u64,
    /// Number of segments.
    pub segments: u64,
    /// What each rank has to do.
    pub loads: Vec<RankLoad>,
    /// Size of the output.
    pub bytes: u64,
    /// Whether the size is sure; else it is judged by a trial.
    pub exact: bool,
    /// Most memory that a rank uses at one time, bytes: roughly.
    pub memory: u64,
    /// Wall time, s, if every rank has as many threads as this process, and the disk goes on as in the trial: roughly.
    pub seconds: f64,
}

/// What one rank has to do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RankLoad {
    /// Number of parts.
    pub parts: u64,
    /// Number of their segments.
    pub segments: u64,
}

impl RankLoad {
    /// What each of some ranks has to do of parts of these sizes: see [`assign_units`].
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
    /// Number of parts.
    pub fn parts(&self) -> u64 {
        self.loads.iter().map(|load| load.parts).sum()
    }

    /// Segments of the rank that has most to do.
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
