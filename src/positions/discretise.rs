//! Into how many segments a section is cut.
//!
//! The rule of the field's cell templates (`geom_nseg_fixed`): `nseg = 1 + 2 * int(L / 40 um)`, L the path length of
//! the section's own points in float64. Each rule for the axon gives the sections that stand for it.

use crate::morphology::Morphology;
use crate::segments::{SectionCount, SectionType};

/// The chunk length of the templates, um.
pub const CHUNK_UM: f64 = 40.0;

/// Lengths nearer than this to a multiple of the chunk, um, may fall to either side: programs sum float32 points in
/// different orders.
const TIE_UM: f64 = 1e-4;

/// Number of segments of a section of a length: `1 + 2 * int(L / chunk)`.
///
/// ```
/// use leadfield::positions::discretise::segments_of_length;
/// assert_eq!(segments_of_length(39.9, 40.0), 1);
/// assert_eq!(segments_of_length(40.0, 40.0), 3);
/// ```
pub fn segments_of_length(length_um: f64, chunk_um: f64) -> u32 {
    // `as` saturates
    1_u32.saturating_add(((length_um / chunk_um) as u32).saturating_mul(2))
}

/// What the cell templates do to the axon, as far as counts go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AxonForm {
    /// Two stubs of 30 um with 5 segments each, and a myelin of 1000 um with 5.
    Taper,
    /// Two stubs of 30 um with 5 segments each.
    Legacy,
    /// Two stubs of 30 um with 1 segment each.
    Short,
    /// The axon as reconstructed.
    Keep,
}

impl AxonForm {
    /// All forms.
    pub const ALL: [Self; 4] = [Self::Taper, Self::Legacy, Self::Short, Self::Keep];

    /// Segments of the stubs: the two of 30 um, then myelin; none where the axon is kept.
    pub const fn stubs(self) -> &'static [u32] {
        match self {
            Self::Taper => &[5, 5, 5],
            Self::Legacy => &[5, 5],
            Self::Short => &[1, 1],
            Self::Keep => &[],
        }
    }

    /// How it is told to people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Taper => "axon replaced by two stubs and myelin",
            Self::Legacy => "axon replaced by two stubs of 5 segments",
            Self::Short => "axon replaced by two stubs of 1 segment",
            Self::Keep => "axon kept",
        }
    }
}

/// The sections of a neuron, ascending by id, with their numbers of segments, by the rule.
///
/// The soma's length is its diameter; a soma without a radius counts as one segment.
pub fn by_rule(morphology: &Morphology, axon: AxonForm, chunk_um: f64) -> Vec<SectionCount> {
    let soma = morphology.soma.radius().map_or(0.0, |r| 2.0 * f64::from(r));
    let count = |section_id, segments| SectionCount { section_id, segments };
    let mut sections = vec![count(0, segments_of_length(soma, chunk_um))];
    let stubs = axon.stubs();
    sections.extend((1..).zip(stubs.iter().take(2)).map(|(id, &n)| count(id, n)));
    let ids = (1..).zip(&morphology.sections);
    let kept = ids.filter(|(_, s)| axon == AxonForm::Keep || s.kind != SectionType::Axon);
    sections.extend(kept.map(|(id, s)| count(id, segments_of_length(s.length(), chunk_um))));
    sections.extend(stubs.get(2).map(|&n| count(myelin_id(morphology), n)));
    sections
}

/// The section id of the myelin stub: one beyond the file's sections.
pub fn myelin_id(morphology: &Morphology) -> u32 {
    u32::try_from(morphology.sections.len()).unwrap_or(u32::MAX).saturating_add(1)
}

/// The chunk lengths that give each section the number of segments it has, if there are any: above `.0`, up to `.1`.
///
/// `nseg = 1 + 2k` asks for `L / (k + 1) < chunk <= L / k`. An even number fits no chunk.
pub fn fitting_chunks(lengths_and_counts: impl IntoIterator<Item = (f64, u32)>) -> Option<(f64, f64)> {
    let mut range = (0.0_f64, f64::INFINITY);
    for (length, n) in lengths_and_counts {
        if n % 2 == 0 {
            return None;
        }
        let k = f64::from(n / 2);
        range = (range.0.max((length - TIE_UM) / (k + 1.0)), range.1.min((length + TIE_UM) / k));
    }
    (range.0 < range.1).then_some(range)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_is_found_where_there_is_one() {
        let cut = |chunk: f64| [12.0, 79.9, 80.1, 203.0].map(|l| (l, segments_of_length(l, chunk)));
        for chunk in [20.0, 40.0, 55.5] {
            let (low, high) = fitting_chunks(cut(chunk)).unwrap();
            assert!(low < chunk && chunk <= high, "{low} {chunk} {high}");
        }
        let mut other = cut(40.0);
        other[0].1 = 5;
        assert_eq!(fitting_chunks(other), None);
        assert_eq!(fitting_chunks([(30.0, 2)]), None);
    }

    #[test]
    fn a_length_on_a_multiple_of_the_chunk_fits_either_count() {
        for n in [1, 3] {
            let (low, high) = fitting_chunks([(39.999_99, n), (100.0, 5)]).unwrap();
            assert!(low < 40.0 && 40.0 <= high);
        }
    }
}
