//! What a run will take, judged before it begins.

use super::shares;

/// What a run will take.
#[derive(Debug, Clone, PartialEq)]
pub struct Forecast {
    /// Number of neurons.
    pub neurons: u64,
    /// Number of segments.
    pub segments: u64,
    /// What each rank has to do.
    pub shares: Vec<Share>,
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
pub struct Share {
    /// Number of parts.
    pub parts: u64,
    /// Number of their segments.
    pub segments: u64,
}

impl Share {
    /// What each of some ranks has to do of parts of these sizes: see [`shares`].
    pub fn of(sizes: &[u64], ranks: usize) -> Vec<Self> {
        let mut all = vec![Self::default(); ranks.max(1)];
        for (rank, size) in shares(sizes, ranks).into_iter().zip(sizes) {
            if let Some(share) = all.get_mut(rank) {
                share.parts += 1;
                share.segments += size;
            }
        }
        all
    }
}

impl Forecast {
    /// Number of parts.
    pub fn parts(&self) -> u64 {
        self.shares.iter().map(|share| share.parts).sum()
    }

    /// Segments of the rank that has most to do.
    pub fn most_segments(shares: &[Share]) -> u64 {
        shares.iter().map(|share| share.segments).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rank_has_its_share() {
        let share = |parts, segments| Share { parts, segments };
        assert_eq!(Share::of(&[5, 3, 4], 2), [share(1, 5), share(2, 7)]);
        assert_eq!(Share::of(&[5], 2), [share(1, 5), share(0, 0)]);
        assert_eq!(Forecast::most_segments(&Share::of(&[5, 3, 4], 2)), 7);
    }
}
