//! Number of segments of each section.
//!
//! The common rule of cell templates (`geom_nseg_fixed`) is `nseg = 1 + 2 * int(L / 40 µm)`, where L is the path length
//! of the section's own points in float64. Each form of a template ([`AxonReplacement`]) defines the sections that
//! replace the axon.

use crate::circuit::hoc::AxonReplacement;
use crate::morphology::{Morphology, Section, SomaForm};
use crate::segments::{SectionCount, SectionType};

/// Lengths within this distance of a multiple of the chunk, µm, may fall on either side: programs sum float32 points in
/// different orders.
const LENGTH_TOLERANCE_UM: f64 = 1e-4;

/// Returns the number of segments of a section: `1 + 2 * int(L / chunk)`.
///
/// ```
/// use leadfield::circuit::placement::discretise::segments_of_length;
/// assert_eq!(segments_of_length(39.9, 40.0), 1);
/// assert_eq!(segments_of_length(40.0, 40.0), 3);
/// ```
pub fn segments_of_length(length_um: f64, chunk_um: f64) -> u32 {
    // `as` saturates, so a huge length cannot wrap around
    1_u32.saturating_add(((length_um / chunk_um) as u32).saturating_mul(2))
}

/// Returns the sections of a neuron and their numbers of segments by the rule, ascending by section id.
///
/// The soma's sections have the lengths of [`Soma::section_lengths_um`](crate::morphology::Soma::section_lengths_um).
pub fn count_section_segments(morphology: &Morphology, axon: AxonReplacement, chunk_um: f64) -> Vec<SectionCount> {
    let count = |section_id, segments| SectionCount { section_id, segments };
    let mut sections = Vec::with_capacity(morphology.sections.len() + 2);
    let soma = soma_section_lengths(morphology);
    sections.extend((0..).zip(&soma).map(|(id, &length)| count(id, segments_of_length(length, chunk_um))));
    let stubs = axon.stub_shapes();
    sections
        .extend((first_neurite_id(morphology)..).zip(stubs.iter().take(2)).map(|(id, stub)| count(id, stub.segments)));
    sections.extend(
        simulated_sections(morphology, axon).map(|(id, s)| count(id, segments_of_length(s.length_um(), chunk_um))),
    );
    sections.extend(stubs.get(2).map(|stub| count(myelin_id(morphology), stub.segments)));
    sections
}

/// Returns the section id of the first neurite: of the axon, or of the first stub that replaces it.
pub fn first_neurite_id(morphology: &Morphology) -> u32 {
    u32::try_from(morphology.soma_section_count()).unwrap_or(u32::MAX)
}

/// Returns the lengths of the soma's sections, µm. A morphology without a soma has one section of length 0.
fn soma_section_lengths(morphology: &Morphology) -> Vec<f64> {
    let mut lengths = morphology.soma.section_lengths_um();
    lengths.resize(morphology.soma_section_count(), 0.0);
    lengths
}

/// Returns the file's sections that the simulator also has, with their ids.
fn simulated_sections(morphology: &Morphology, axon: AxonReplacement) -> impl Iterator<Item = (u32, &Section)> {
    (first_neurite_id(morphology)..)
        .zip(&morphology.sections)
        .filter(move |(_, s)| !axon.replaces_axon() || s.kind != SectionType::Axon)
}

/// A section whose length is so close to a multiple of the chunk that the simulator may cut it differently.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AmbiguousLength {
    /// SONATA section id; 0 is the soma.
    pub section_id: u32,
    /// Length of the section, µm.
    pub length_um: f64,
    /// The nearest multiple of the chunk, µm.
    pub multiple_um: f64,
}

/// Relative distance to a multiple of the chunk within which a soma contour is ambiguous: its length depends on how the
/// contour's axis is found.
const CONTOUR_RELATIVE_TOLERANCE: f64 = 0.05;

/// Finds the ambiguous sections: neurites within 1e-4 µm of a multiple of the chunk, and soma contours within 5 %.
pub fn find_ambiguous_lengths(morphology: &Morphology, axon: AxonReplacement, chunk_um: f64) -> Vec<AmbiguousLength> {
    let tie = |section_id, length_um: f64, within_um: f64| {
        let multiple_um = (length_um / chunk_um).round() * chunk_um;
        let is_tie = multiple_um > 0.0 && (length_um - multiple_um).abs() <= within_um;
        is_tie.then_some(AmbiguousLength { section_id, length_um, multiple_um })
    };
    let soma = soma_section_lengths(morphology).first().copied().filter(|_| morphology.soma.form == SomaForm::Contour);
    let soma = soma.and_then(|length| tie(0, length, CONTOUR_RELATIVE_TOLERANCE * length));
    soma.into_iter()
        .chain(simulated_sections(morphology, axon).filter_map(|(id, s)| tie(id, s.length_um(), LENGTH_TOLERANCE_UM)))
        .collect()
}

/// Returns the section id of the myelin stub: the one after the file's last section.
pub fn myelin_id(morphology: &Morphology) -> u32 {
    u32::try_from(morphology.sections.len()).unwrap_or(u32::MAX).saturating_add(first_neurite_id(morphology))
}

/// Returns the range of chunk lengths that explains all numbers of segments: above `.0`, up to `.1`; `None` if there is
/// none.
///
/// `nseg = 1 + 2k` requires `L / (k + 1) < chunk <= L / k`. No chunk explains an even number.
pub fn find_chunk_range(lengths_and_counts: impl IntoIterator<Item = (f64, u32)>) -> Option<(f64, f64)> {
    let mut range = (0.0_f64, f64::INFINITY);
    for (length, n) in lengths_and_counts {
        if n % 2 == 0 {
            return None;
        }
        let k = f64::from(n / 2);
        range =
            (range.0.max((length - LENGTH_TOLERANCE_UM) / (k + 1.0)), range.1.min((length + LENGTH_TOLERANCE_UM) / k));
    }
    (range.0 < range.1).then_some(range)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_is_found_if_one_fits() {
        let cut = |chunk: f64| [12.0, 79.9, 80.1, 203.0].map(|l| (l, segments_of_length(l, chunk)));
        for chunk in [20.0, 40.0, 55.5] {
            let (low, high) = find_chunk_range(cut(chunk)).unwrap();
            assert!(low < chunk && chunk <= high, "{low} {chunk} {high}");
        }
        let mut other = cut(40.0);
        other[0].1 = 5;
        assert_eq!(find_chunk_range(other), None);
        assert_eq!(find_chunk_range([(30.0, 2)]), None);
    }

    #[test]
    fn a_length_on_a_multiple_of_the_chunk_fits_either_count() {
        for n in [1, 3] {
            let (low, high) = find_chunk_range([(39.999_99, n), (100.0, 5)]).unwrap();
            assert!(low < 40.0 && 40.0 <= high);
        }
    }
}
