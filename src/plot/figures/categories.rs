//! Colours of segments by kind: by section type, or by a text of their neuron such as its morphological type.

use std::collections::BTreeMap;

use super::sample::SampledSegment;
use crate::plot::canvas::Colour;
use crate::segments::SectionType;

/// P. Tol's "bright" colours, which colour-blind readers can distinguish on a light and on a dark background
/// (personal.sron.nl/~pault).
const BRIGHT: [Colour; 6] =
    [Colour(0x44_77aa), Colour(0xee_6677), Colour(0x22_8833), Colour(0xcc_bb44), Colour(0x66_ccee), Colour(0xaa_3377)];
/// Colour of what is neither known nor among the most frequent.
const OTHER_COLOUR: Colour = Colour(0xa0_a0a0);

/// A kind of segments, and its colour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentCategory {
    /// Its name.
    pub name: String,
    /// Its colour.
    pub colour: Colour,
}

/// Segments by kind: the kinds, and the kind of each segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentCategories {
    /// What the kinds are, such as `section type`.
    pub title: &'static str,
    /// The kinds, in the order of the legend.
    pub kinds: Vec<SegmentCategory>,
    /// The index of each segment's kind.
    pub indices: Vec<u16>,
}

impl SegmentCategories {
    /// Sorts segments by section type. Types that do not occur are left out.
    pub fn by_section_type(segments: &[SampledSegment]) -> Self {
        let colour = |kind: SectionType| match kind {
            SectionType::Soma => BRIGHT[1],
            SectionType::Axon => BRIGHT[0],
            SectionType::Dend => BRIGHT[2],
            SectionType::Apic => BRIGHT[5],
            SectionType::Ais => BRIGHT[3],
            SectionType::Node => BRIGHT[4],
            SectionType::Myelin => Colour(0xbb_bbbb),
        };
        let number = |s: &SampledSegment| s.section_type.map_or(SectionType::ALL.len(), |kind| kind.number().into());
        let entry = |place: usize| match SectionType::from_number(place as u8) {
            Some(kind) => SegmentCategory { name: kind.name().into(), colour: colour(kind) },
            None => SegmentCategory { name: "unknown".into(), colour: OTHER_COLOUR },
        };
        Self::from_numbers("section type", &segments.iter().map(number).collect::<Vec<_>>(), entry)
    }

    /// Sorts segments by a text of each. The six most frequent have a colour of their own.
    pub fn by_text(title: &'static str, texts: &[&str]) -> Self {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        texts.iter().for_each(|text| *counts.entry(text).or_default() += 1);
        let mut names: Vec<(&str, usize)> = counts.into_iter().collect();
        // stable: texts that are equally frequent stay in alphabetical order
        names.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let distinct = if names.len() > BRIGHT.len() + 1 { BRIGHT.len() } else { names.len() };
        let mut known: Vec<&str> = names.iter().take(distinct).map(|(name, _)| *name).collect();
        known.sort_unstable();
        let number = |text: &&str| known.iter().position(|name| name == text).unwrap_or(known.len());
        let rest = names.len() - distinct;
        let entry = |place: usize| SegmentCategory {
            name: known.get(place).map_or_else(|| format!("{rest} others"), |name| (*name).to_string()),
            colour: BRIGHT.get(place).copied().unwrap_or(OTHER_COLOUR),
        };
        Self::from_numbers(title, &texts.iter().map(number).collect::<Vec<_>>(), entry)
    }

    /// Leaves out the numbers that do not occur.
    fn from_numbers(title: &'static str, numbers: &[usize], entry: impl Fn(usize) -> SegmentCategory) -> Self {
        let mut present = numbers.to_vec();
        present.sort_unstable();
        present.dedup();
        let index = |number: &usize| present.binary_search(number).unwrap_or_default() as u16;
        Self {
            title,
            indices: numbers.iter().map(index).collect(),
            kinds: present.iter().copied().map(entry).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(categories: &SegmentCategories) -> Vec<&str> {
        categories.kinds.iter().map(|kind| kind.name.as_str()).collect()
    }

    #[test]
    fn texts_beyond_the_six_most_frequent_are_others() {
        let letters = ["a", "b", "c", "d", "e", "f", "g", "h"];
        // the first letter once, the second twice, ...
        let texts: Vec<&str> = (0..letters.len()).flat_map(|i| vec![letters[i]; i + 1]).collect();
        let found = SegmentCategories::by_text("mtype", &texts);
        assert_eq!(names(&found), ["c", "d", "e", "f", "g", "h", "2 others"]);
        assert_eq!([found.indices[0], found.indices[2], found.indices[35]], [6, 6, 5]);
        let few = SegmentCategories::by_text("mtype", &texts[..28]);
        assert_eq!(names(&few), ["a", "b", "c", "d", "e", "f", "g"]);
    }

    #[test]
    fn only_section_types_that_occur_have_an_entry() {
        let segment = |section_type| SampledSegment {
            start: crate::geometry::Point::ORIGIN,
            end: crate::geometry::Point::ORIGIN,
            node_id: 0,
            section_id: 0,
            segment_id: 0,
            row: 0,
            section_type,
            radius_um: None,
            represents: 1.0,
        };
        let kinds = [Some(SectionType::Apic), None, Some(SectionType::Soma), Some(SectionType::Apic)];
        let found = SegmentCategories::by_section_type(&kinds.map(segment));
        assert_eq!(names(&found), ["soma", "apic", "unknown"]);
        assert_eq!(found.indices, [1, 2, 0, 1]);
    }
}
