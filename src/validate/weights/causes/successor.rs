//! Detects how BlueRecording's successor (`bluerecording` 0.7.0) places segments: positions rounded to float32, and
//! root sections divided along the morphology's original points.
//!
//! A pair of weights of a point or line source gives a lower bound for the displacement of the segment: per µm, the
//! potential decreases with the distance r by at most w / r, so a difference of d is a displacement of r d / w, with r
//! = 1e-3 / (4 pi sigma w) the distance of a point source of the same potential. Rounding to float32 displaces
//! positions by a few times the spacing of float32 numbers of their size, and no more.
//!
//! In the simulator, a neurite that begins on a sample of the soma has its first piece from there, which is also
//! counted in its number of segments. The successor uses that number, but divides only the neurite's own points: all
//! segments of these root sections, and of no other, are displaced.

use std::collections::{BTreeMap, BTreeSet};
use std::f64::consts::PI;

use super::WeightsCause;
use super::differing_files::DifferingFiles;
use crate::error::Result;
use crate::geometry::Point;
use crate::segments::table::SegmentTable;
use crate::segments::{NeuronSegments, SectionType};
use crate::units::NANOAMPERE_PER_MICROMETER;
use crate::validate::weights::matched_columns::MatchedColumn;

/// Largest displacement by float32 positions, in spacings of float32 numbers: rotation, shift and the division into
/// segments each round once, and a long, near segment is displaced by less than its potential implies.
const MAX_SPACINGS: f64 = 16.0;
/// If all displacements are below this share of the spacing, they are rounding errors of float64 arithmetic.
const MIN_SPACINGS: f64 = 0.02;

/// Minimum share of the pairs that rounding increases, and that it decreases.
const MIN_SHARE: f64 = 0.05;
/// Relative differences above this are not rounding at any distance.
const MAX_RELATIVE: f64 = 0.01;

/// A contact of a point or line source.
struct AnalyticContact<'a> {
    contact: &'a MatchedColumn,
    position: Point,
    /// 1e-3 / (4 pi sigma), V µm / nA.
    strength: f64,
}

/// Displacements that the pairs imply.
#[derive(Default)]
struct SegmentMoves {
    /// Number of pairs that float32 positions can explain.
    rounded: u64,
    /// Number of these pairs in which the first file's weight is larger.
    first_larger: u64,
    /// The largest of these displacements, µm, and the spacing of float32 numbers there.
    largest_um: [f64; 2],
    /// The largest of these displacements relative to the spacing there.
    max_spacings: f64,
    /// Rows of nodes that differ by more.
    moved_rows: BTreeMap<u64, BTreeSet<usize>>,
    /// Numbers of rows of these nodes.
    row_counts: BTreeMap<u64, usize>,
}

pub(super) fn find_successor_causes(
    case: &DifferingFiles<'_>,
    table: Option<&SegmentTable>,
) -> Result<Vec<WeightsCause>> {
    let sources = analytic_contacts(case)?;
    let Some(moves) = measure_moves(case, &sources)? else { return Ok(Vec::new()) };
    // rounding changes weights in both directions; a factor, such as another conductivity, in only one
    let least = moves.first_larger.min(moves.rounded - moves.first_larger) as f64;
    let both_ways = least >= MIN_SHARE * moves.rounded as f64;
    let rounded = (moves.rounded > 0 && both_ways && moves.max_spacings >= MIN_SPACINGS).then_some(
        WeightsCause::Float32Positions {
            pairs: moves.rounded,
            moved_um: moves.largest_um[0],
            spacing_um: moves.largest_um[1],
        },
    );
    if moves.moved_rows.is_empty() {
        return Ok(rounded.into_iter().collect());
    }
    let Some(table) = table else { return Ok(Vec::new()) };
    let cut = find_own_points(&moves, table)?;
    // rows displaced for another reason prove nothing about rounding
    Ok(cut.into_iter().flat_map(|cut| [Some(cut), rounded.clone()]).flatten().collect())
}

/// Returns the contacts that differ, if all of them are point or line sources.
fn analytic_contacts<'c>(case: &'c DifferingFiles<'_>) -> Result<Vec<AnalyticContact<'c>>> {
    let mut sources = Vec::new();
    for contact in case.differing_contacts() {
        let [a, b] = case.sides.map(|(file, _)| file.recomputable_contact(&contact.name));
        let known = a?.or(b?).filter(|formula| formula.method.has_sources_on_segment());
        let Some(formula) = known else { return Ok(Vec::new()) };
        let along = formula.contact.conductivity.components_s_per_m();
        let sigma = (along[0] * along[1] * along[2]).cbrt();
        let strength = NANOAMPERE_PER_MICROMETER / (4.0 * PI * sigma);
        sources.push(AnalyticContact { contact, position: formula.contact.position_um, strength });
    }
    Ok(sources)
}

/// Measures the displacements that the pairs imply; `None` if they imply none.
fn measure_moves(case: &DifferingFiles<'_>, sources: &[AnalyticContact<'_>]) -> Result<Option<SegmentMoves>> {
    let contacts: Vec<&MatchedColumn> = sources.iter().map(|source| source.contact).collect();
    let mut moves = SegmentMoves::default();
    for &node in case.sides[0].1.node_ids() {
        let Some([a, b]) = case.node_weights(node, &contacts)? else {
            let in_both = case.sides[1].1.rows_of_node(node).is_some();
            if in_both { return Ok(None) } else { continue }
        };
        for (row, (a, b)) in a.chunks(contacts.len().max(1)).zip(b.chunks(contacts.len().max(1))).enumerate() {
            for (source, (&a, &b)) in sources.iter().zip(a.iter().zip(b)) {
                if case.tolerance.allows(a, b) {
                    continue;
                }
                if !moves.add_pair(source, a, b) {
                    moves.moved_rows.entry(node).or_default().insert(row);
                }
            }
        }
        moves.row_counts.insert(node, a.len() / contacts.len().max(1));
    }
    Ok((!sources.is_empty()).then_some(moves))
}

impl SegmentMoves {
    /// Adds a pair that differs; returns false if float32 positions cannot explain the displacement.
    fn add_pair(&mut self, source: &AnalyticContact<'_>, a: f64, b: f64) -> bool {
        let potential = a.abs().max(b.abs());
        let distance = source.strength / potential;
        let moved = (a - b).abs() / potential * distance;
        let spacing = float32_spacing(source.position.norm() + distance);
        let is_near = (a - b).abs() <= MAX_RELATIVE * potential;
        if !is_near || moved > MAX_SPACINGS * spacing {
            return false;
        }
        self.rounded += 1;
        self.first_larger += u64::from(a > b);
        self.max_spacings = self.max_spacings.max(moved / spacing);
        if moved > self.largest_um[0] {
            self.largest_um = [moved, spacing];
        }
        true
    }
}

/// Returns the spacing of float32 numbers of this size.
fn float32_spacing(size: f64) -> f64 {
    let size = size as f32;
    f64::from(size.next_up()) - f64::from(size)
}

/// Returns the cause if all rows with larger displacements belong to sections that begin at the soma.
fn find_own_points(moves: &SegmentMoves, table: &SegmentTable) -> Result<Option<WeightsCause>> {
    let (mut sections, mut nodes) = (0, 0);
    for part in table.parts() {
        for neuron in part.read_by_row()?.neurons() {
            let Some(node) = neuron.node_id() else { continue };
            let Some(rows) = moves.moved_rows.get(&node) else { continue };
            if moves.row_counts.get(&node) != Some(&neuron.len()) {
                return Ok(None);
            }
            let roots = root_sections(&neuron);
            let moved: BTreeSet<u32> = rows.iter().map(|&row| neuron.get(row).section_id).collect();
            // if every section was displaced, it is not only the roots
            if !moved.iter().all(|section| roots.contains(section)) || rows.len() == neuron.len() {
                return Ok(None);
            }
            sections += moved.len() as u64;
            nodes += 1;
        }
    }
    Ok((nodes == moves.moved_rows.len() as u64).then_some(WeightsCause::OwnPoints { nodes, sections }))
}

/// Returns the sections that begin where no other section ends, except the soma and the stubs of a replaced axon.
fn root_sections(neuron: &NeuronSegments<'_>) -> BTreeSet<u32> {
    let mut ends: Vec<(u32, Point)> = Vec::new();
    let mut starts: Vec<(u32, Point, Option<SectionType>)> = Vec::new();
    for segment in (0..neuron.len()).map(|i| neuron.get(i)) {
        match ends.last_mut().filter(|(section, _)| *section == segment.section_id) {
            Some((_, end)) => *end = segment.end,
            None => {
                starts.push((segment.section_id, segment.start, segment.section_type));
                ends.push((segment.section_id, segment.end));
            }
        }
    }
    let soma = starts.first().map(|(section, ..)| *section);
    let key = |point: Point| point.to_array().map(f64::to_bits);
    let ends: BTreeSet<[u64; 3]> =
        ends.into_iter().filter(|(section, _)| Some(*section) != soma).map(|(_, end)| key(end)).collect();
    let is_neurite = |kind: Option<SectionType>| {
        !matches!(kind, Some(SectionType::Soma | SectionType::Ais | SectionType::Node | SectionType::Myelin))
    };
    let root = |(section, start, kind): &(u32, Point, Option<SectionType>)| {
        Some(*section) != soma && is_neurite(*kind) && !ends.contains(&key(*start))
    };
    starts.iter().filter(|start| root(start)).map(|(section, ..)| *section).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::segments::{Segment, Segments};

    #[test]
    fn float32_numbers_are_as_far_apart_as_ieee_754_says() {
        assert_eq!(float32_spacing(1.0), 2_f64.powi(-23));
        assert_eq!(float32_spacing(4000.0), 2_f64.powi(-12));
    }

    #[test]
    fn roots_begin_where_no_section_ends() {
        let segment = |section_id: u32, segment_id: u32, from: f64, to: f64, kind: SectionType| Segment {
            node_id: 0,
            section_id,
            segment_id,
            section_type: Some(kind),
            start: Point::new(from, 0.0, 0.0),
            end: Point::new(to, 0.0, 0.0),
            radius_um: None,
            row: 0,
        };
        let segments: Segments = [
            segment(0, 0, 0.0, 0.0, SectionType::Soma),
            segment(1, 0, 0.0, 30.0, SectionType::Ais),
            segment(3, 0, 5.0, 20.0, SectionType::Dend),
            segment(3, 1, 20.0, 40.0, SectionType::Dend),
            segment(4, 0, 40.0, 50.0, SectionType::Dend),
            segment(5, 0, -5.0, -50.0, SectionType::Apic),
        ]
        .into_iter()
        .collect();
        let neuron = segments.neurons().next().unwrap();
        assert_eq!(root_sections(&neuron), BTreeSet::from([3, 5]));
    }
}
