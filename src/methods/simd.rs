//! Runs a formula over blocks of contacts, with one loop that is compiled for each vector width.
//!
//! A method implements [`Formula`]; [`SimdKernel`] runs the copy of that code that was compiled for this processor. All
//! copies run the same operations in the same order: Rust neither fuses nor reorders floating-point operations, and
//! `mul_add` rounds once, in hardware and in software. So all copies give the same bits.
//!
//! A formula has two stages, and the second stage of one group runs together with the first stage of the next:
//! divisions and square roots are slow and have their own execution unit, so the processor can multiply and add at the
//! same time.

use super::close_contact::PrecisePoint;
use super::group_bounds::{GroupBounds, contact_bounds};
use super::lanes::{LANES, Lanes, PointContact, norm_2};
use super::{NearField, radius_or_default_um};
use crate::geometry::Point;
use crate::segments::NeuronSegments;
use crate::units::NANOAMPERE_PER_MICROMETER;

/// Largest coordinate, µm, for which squared distances are in the range of single precision.
const MAX_F32_SAFE_COORDINATE_UM: f64 = 1e15;

/// Up to 16 contacts, consecutive in the file, as one array per property. Lanes after the last contact are copies of
/// it.
#[derive(Debug)]
pub(super) struct ContactLanes {
    x: Lanes,
    y: Lanes,
    z: Lanes,
    /// Potential, V, at 1 µm from a point source of 1 nA: 1e-3 / (4 pi sigma).
    pub potential_at_1_um: Lanes,
    /// 1 if the near-field rule applies, 0 if the formula is not changed.
    pub clamp_to_radius: Lanes,
    /// Distances from the contact, µm, that scaled coordinates do not resolve well enough; 0 if they are not scaled.
    pub coarse_um: Lanes,
    low_parts: [Point; LANES],
    /// Whether the near-field rule applies to every contact.
    pub all_clamped: bool,
    /// Whether all coordinates are inside the range for single precision.
    pub is_f32_safe: bool,
}

impl ContactLanes {
    fn new(contacts: &[PointContact]) -> Option<Self> {
        let last = contacts.last()?;
        let lanes = |of: fn(&PointContact) -> f64| Lanes(std::array::from_fn(|i| of(contacts.get(i).unwrap_or(last))));
        let bounds = contact_bounds(contacts);
        Some(Self {
            x: lanes(|c| c.position_um.x),
            y: lanes(|c| c.position_um.y),
            z: lanes(|c| c.position_um.z),
            potential_at_1_um: lanes(potential_at_1_um),
            clamp_to_radius: lanes(|c| if c.near_field == NearField::ClampToRadius { 1.0 } else { 0.0 }),
            coarse_um: lanes(|c| {
                if c.low_part.is_some() { COARSE_COORDINATE_SHARE * max_abs_coordinate(c.position_um) } else { 0.0 }
            }),
            low_parts: std::array::from_fn(|i| contacts.get(i).unwrap_or(last).low_part.unwrap_or(Point::ORIGIN)),
            all_clamped: contacts.iter().all(|c| c.near_field == NearField::ClampToRadius),
            is_f32_safe: is_f32_safe(bounds.min) && is_f32_safe(bounds.max),
        })
    }

    /// Returns the position of one contact.
    #[inline(always)]
    pub fn position(&self, lane: usize) -> Point {
        Point::new(self.x[lane], self.y[lane], self.z[lane])
    }

    /// Returns the position of one contact with its rounding error.
    pub fn precise_position(&self, lane: usize) -> PrecisePoint {
        PrecisePoint { high: self.position(lane), low: self.low_parts[lane] }
    }

    /// Returns the distances of the contacts to a point.
    #[inline(always)]
    pub fn distances(&self, from: Point) -> Lanes {
        let mut r = Lanes::default();
        for lane in 0..LANES {
            r[lane] = norm_2(from - self.position(lane)).sqrt();
        }
        r
    }
}

/// Returns whether squared distances from this point are in the range of single precision.
#[inline(always)]
pub(super) fn is_f32_safe(p: Point) -> bool {
    max_abs_coordinate(p) < MAX_F32_SAFE_COORDINATE_UM
}

/// Returns the largest absolute coordinate.
#[inline(always)]
fn max_abs_coordinate(p: Point) -> f64 {
    p.x.abs().max(p.y.abs()).max(p.z.abs())
}

/// Share of a scaled coordinate below which distances are computed more precisely: the rounding error is 1e-12 of that
/// distance.
const COARSE_COORDINATE_SHARE: f64 = 1e-4;

/// Returns 1e-3 / (4 pi sigma), in V µm / nA.
fn potential_at_1_um(contact: &PointContact) -> f64 {
    NANOAMPERE_PER_MICROMETER / (4.0 * std::f64::consts::PI * contact.conductivity_s_per_m)
}

/// Writes a group's values to its part of a row, which is shorter if the group is not full.
#[inline(always)]
fn store_lanes(values: &Lanes, part: &mut [f64]) {
    match part.first_chunk_mut() {
        Some(whole) => *whole = values.0,
        None => part.iter_mut().zip(&values.0).for_each(|(to, v)| *to = *v),
    }
}

/// A segment as formulas use it, µm; the radius is finite and above zero.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cylinder {
    pub start: Point,
    pub end: Point,
    pub radius: f64,
    /// Rounding errors of the two ends.
    pub low_parts: [Point; 2],
}

/// The position of a segment relative to the previous one and to a group of contacts.
#[derive(Debug, Clone, Copy)]
pub(super) struct SegmentContext {
    /// Number of the row, from 1.
    pub row: usize,
    /// Whether the segment starts where the segment of the previous row ended.
    pub starts_at_previous_end: bool,
    /// Squared distance from the midpoint to the box around the group, µm^2; computed if [`Formula::needs_distance`] is
    /// true.
    pub distance_2: f64,
}

/// A type with a midpoint, from which distances to groups are measured.
pub(super) trait HasMidpoint {
    /// Returns the midpoint, µm.
    fn midpoint(&self) -> Point;
}

/// A method as a function of a segment and a group of contacts. Both stages, and all functions that they call, must be
/// `#[inline(always)]`, so that they are compiled for each vector width.
pub(super) trait Formula: Send + Sync + 'static {
    /// A segment with the values that do not depend on the contact.
    type PreparedSegment: From<Cylinder> + HasMidpoint;
    /// State that each group carries from one segment of a neuron to the next.
    type NeuronState: Default;
    /// Values that the first stage passes to the second.
    type Stage1Output: Default;
    /// Whether the formula uses only a segment's midpoint.
    const USES_MIDPOINT_ONLY: bool;

    /// Returns whether the formula uses [`SegmentContext::distance_2`] for a segment; it is not computed otherwise.
    fn needs_distance(source: &Self::PreparedSegment, all_near: bool) -> bool;

    /// Computes one segment and the contacts of a group, up to the square roots and divisions.
    fn stage1(
        source: &Self::PreparedSegment,
        context: SegmentContext,
        group: &ContactLanes,
        state: &mut Self::NeuronState,
        output: &mut Self::Stage1Output,
    );

    /// Returns the weights, V/nA.
    fn stage2(output: &Self::Stage1Output, group: &ContactLanes) -> Lanes;
}

/// A formula, prepared for a list of contacts.
#[derive(Debug)]
pub(super) struct SimdKernel<F> {
    groups: Vec<ContactLanes>,
    group_bounds: Vec<GroupBounds>,
    /// Whether the near-field rule applies to every contact.
    all_clamped: bool,
    contact_count: usize,
    width: VectorWidth,
    formula: std::marker::PhantomData<F>,
}

impl<F: Formula> SimdKernel<F> {
    /// Prepares the formula for the widest vectors that this processor has.
    pub fn new(contacts: &[PointContact]) -> Self {
        Self::with_width(contacts, VectorWidth::widest())
    }

    /// Prepares the formula for vectors of one width.
    pub fn with_width(contacts: &[PointContact], width: VectorWidth) -> Self {
        let parts: Vec<&[PointContact]> = contacts.chunks(LANES).collect();
        let groups: Vec<ContactLanes> = parts.iter().copied().filter_map(ContactLanes::new).collect();
        let boxes = parts.chunks(4).filter_map(GroupBounds::new).collect();
        let all_near = groups.iter().all(|group| group.all_clamped);
        Self {
            groups,
            group_bounds: boxes,
            all_clamped: all_near,
            contact_count: contacts.len(),
            width,
            formula: std::marker::PhantomData,
        }
    }
}

impl<F: Formula> super::PreparedMethod for SimdKernel<F> {
    fn fill_weights(&self, neuron: &NeuronSegments<'_>, out: &mut [f64]) {
        self.fill_cylinders(
            &Cylinders { start: neuron.start, end: neuron.end, radius: neuron.radius_um, low_parts: &[] },
            out,
        );
    }
}

/// Segments as formulas use them: columns of equal length.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cylinders<'a> {
    pub start: &'a [Point],
    pub end: &'a [Point],
    pub radius: &'a [Option<f32>],
    /// Rounding errors of both ends if coordinates are scaled; empty otherwise.
    pub low_parts: &'a [[Point; 2]],
}

impl<F: Formula> SimdKernel<F> {
    /// Writes weights as [`super::PreparedMethod::fill_weights`] does, for segments of one or several neurons.
    pub fn fill_cylinders(&self, segments: &Cylinders<'_>, out: &mut [f64]) {
        match self.width.0 {
            // SAFETY: `VectorWidth` is built only for instruction sets that the processor has
            #[cfg(target_arch = "x86_64")]
            InstructionSet::Avx512 => unsafe { self.fill_avx512(segments, out) },
            // SAFETY: `VectorWidth` is built only for instruction sets that the processor has
            #[cfg(target_arch = "x86_64")]
            InstructionSet::Avx2 => unsafe { self.fill_avx2(segments, out) },
            InstructionSet::Portable => self.fill_rows(segments, out),
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f")]
    fn fill_avx512(&self, segments: &Cylinders<'_>, out: &mut [f64]) {
        self.fill_rows(segments, out);
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,fma")]
    fn fill_avx2(&self, segments: &Cylinders<'_>, out: &mut [f64]) {
        self.fill_rows(segments, out);
    }

    /// Computes the rows one by one, with the vectors that the caller is compiled for.
    #[inline(always)]
    fn fill_rows(&self, segments: &Cylinders<'_>, out: &mut [f64]) {
        let mut state: Vec<F::NeuronState> = self.groups.iter().map(|_| F::NeuronState::default()).collect();
        let mut distances_2 = vec![[0.0; 4]; self.group_bounds.len()];
        let mut halves = [F::Stage1Output::default(), F::Stage1Output::default()];
        let mut now = 0;
        let mut begun: Option<(&ContactLanes, &mut [f64])> = None;
        let mut joint = None;
        let lows = segments.low_parts;
        let segments = segments.start.iter().zip(segments.end).zip(segments.radius);
        for (((&start, &end), radius), (row, values)) in
            segments.zip((1..).zip(out.chunks_exact_mut(self.contact_count.max(1))))
        {
            let low = lows.get(row - 1).copied().unwrap_or([Point::ORIGIN; 2]);
            let source: F::PreparedSegment =
                Cylinder { start, end, radius: radius_or_default_um(*radius), low_parts: low }.into();
            let joined = joint.replace(end) == Some(start);
            if F::needs_distance(&source, self.all_clamped) {
                for (boxes, squares) in self.group_bounds.iter().zip(&mut distances_2) {
                    *squares = boxes.distances_2(source.midpoint());
                }
            }
            let groups = self.groups.iter().zip(&mut state).zip(distances_2.as_flattened());
            for (((group, state), &distance_2), part) in groups.zip(values.chunks_mut(LANES)) {
                F::stage1(
                    &source,
                    SegmentContext { row, starts_at_previous_end: joined, distance_2 },
                    group,
                    state,
                    &mut halves[now],
                );
                now = 1 - now;
                if let Some((group, part)) = begun.replace((group, part)) {
                    store_lanes(&F::stage2(&halves[now], group), part);
                }
            }
        }
        if let Some((group, part)) = begun {
            store_lanes(&F::stage2(&halves[1 - now], group), part);
        }
    }
}

/// A vector width that this processor has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct VectorWidth(InstructionSet);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum InstructionSet {
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    Portable,
}

impl VectorWidth {
    /// Returns the vector widths that this processor has, the widest first.
    #[cfg(target_arch = "x86_64")]
    pub fn available() -> impl Iterator<Item = Self> {
        let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
        let wide = [(is_x86_feature_detected!("avx512f"), InstructionSet::Avx512), (avx2, InstructionSet::Avx2)];
        let wide = wide.into_iter().filter_map(|(has, vectors)| has.then_some(vectors));
        wide.chain([InstructionSet::Portable]).map(Self)
    }

    /// Returns the vector widths that this processor has, the widest first.
    #[cfg(not(target_arch = "x86_64"))]
    pub fn available() -> impl Iterator<Item = Self> {
        std::iter::once(Self(InstructionSet::Portable))
    }

    fn widest() -> Self {
        Self::available().next().unwrap_or(Self(InstructionSet::Portable))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::methods::{PreparedMethod as _, line_source::LineSource, point_source::PointSource};
    use crate::segments::{Segment, Segments};
    use proptest::prelude::*;

    fn bits<F: Formula>(width: VectorWidth, contacts: &[PointContact], segments: &Segments) -> Vec<u64> {
        let mut out = vec![f64::NAN; contacts.len() * segments.len()];
        for neuron in segments.neurons() {
            SimdKernel::<F>::with_width(contacts, width).fill_weights(&neuron, &mut out);
        }
        out.into_iter().map(f64::to_bits).collect()
    }

    fn any_contact() -> impl Strategy<Value = PointContact> {
        let near_field = prop_oneof![Just(NearField::ClampToRadius), Just(NearField::Unclamped)];
        let coordinates =
            prop_oneof![[-40.0..40.0, -40.0..40.0, -40.0..40.0_f64], [-4e3..4e3, -4e3..4e3, -4e3..4e3_f64]];
        (coordinates, 0.1..2.0_f64, near_field).prop_map(|(p, conductivity, near_field)| PointContact {
            position_um: p.into(),
            conductivity_s_per_m: conductivity,
            near_field,
            low_part: None,
        })
    }

    /// A chain of segments, each starting at the end of the previous one or (one in four) elsewhere; some without
    /// length.
    fn any_neuron() -> impl Strategy<Value = Segments> {
        let step = prop_oneof![3 => [-30.0..30.0, -30.0..30.0, -30.0..30.0_f64], 1 => Just([0.0; 3])];
        let segment = (step, 0..4, proptest::option::of(0.1..9.0_f32));
        proptest::collection::vec(segment, 1..20).prop_map(|steps| {
            let mut at = Point::ORIGIN;
            let segment = |(step, elsewhere, radius): ([f64; 3], i32, Option<f32>)| {
                let start = if elsewhere == 0 { Point::from(step) * 3.0 } else { at };
                at = start + Point::from(step);
                Segment {
                    node_id: 0,
                    section_id: 0,
                    segment_id: 0,
                    section_type: None,
                    start,
                    end: at,
                    radius_um: radius,
                    row: 0,
                }
            };
            steps.into_iter().map(segment).collect()
        })
    }

    proptest! {
        #[test]
        fn all_widths_give_the_same_bits(
            contacts in proptest::collection::vec(any_contact(), 0..75), neuron in any_neuron()
        ) {
            let both = |width| {
                (bits::<LineSource>(width, &contacts, &neuron), bits::<PointSource>(width, &contacts, &neuron))
            };
            let portable = both(VectorWidth(InstructionSet::Portable));
            for width in VectorWidth::available() {
                prop_assert!(both(width) == portable, "{width:?}");
            }
        }

        #[test]
        fn neither_neighbours_in_the_file_nor_earlier_segments_change_bits(
            contacts in proptest::collection::vec(any_contact(), 1..75), neuron in any_neuron()
        ) {
            let together = bits::<LineSource>(VectorWidth::widest(), &contacts, &neuron);
            for (row, segment) in together.chunks(contacts.len()).zip(neuron.iter()) {
                let segment: Segments = std::iter::once(segment).collect();
                for (together, contact) in row.iter().zip(contacts.chunks(1)) {
                    prop_assert_eq!(vec![*together], bits::<LineSource>(VectorWidth::widest(), contact, &segment));
                }
            }
        }
    }

    #[test]
    fn the_portable_width_is_always_available() {
        assert_eq!(VectorWidth::available().last(), Some(VectorWidth(InstructionSet::Portable)));
    }
}
