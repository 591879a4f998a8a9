//! Contacts side by side in blocks, and one loop over them compiled for each vector width.
//!
//! A method says how it fills a row ([`Formula`]); [`SimdKernel`] runs the copy of that code that was compiled for this
//! processor. All copies run the same operations in the same order: Rust neither fuses nor reorders floating-point
//! operations, and `mul_add` rounds once everywhere, in hardware or in software. So the bits are equal.
//!
//! A formula comes in two halves, and the second half of one group is computed beside the first half of the next: the
//! processor divides and takes roots, which is slow and has a unit of its own, while it multiplies and adds.

use super::close_contact::PrecisePoint;
use super::group_bounds::{GroupBounds, contact_bounds};
use super::{NearField, radius_or_default_um};
use crate::geometry::Point;
use crate::segments::NeuronSegments;
use crate::units::NANOAMPERE_PER_MICROMETER;

/// Contacts in a group: two vectors of AVX-512, four of AVX2, of which both halves of a formula fit into registers.
pub(super) const LANES: usize = 16;

/// Coordinates up to which squared distances stay in the range of singles, um.
const MAX_F32_SAFE_COORDINATE_UM: f64 = 1e15;

/// A number for each contact of a group, in whole lines of the cache.
///
/// It is filled by a loop over all lanes. Closures would stay outside the code that is compiled for each width.
#[derive(Debug, Clone, Copy, Default)]
#[repr(align(64))]
pub(super) struct Lanes([f64; LANES]);

impl std::ops::Index<usize> for Lanes {
    type Output = f64;

    #[inline(always)]
    fn index(&self, lane: usize) -> &f64 {
        &self.0[lane]
    }
}

impl std::ops::IndexMut<usize> for Lanes {
    #[inline(always)]
    fn index_mut(&mut self, lane: usize) -> &mut f64 {
        &mut self.0[lane]
    }
}

/// A point contact in an unbounded, isotropic medium.
#[derive(Debug, Clone, Copy)]
pub(super) struct PointContact {
    /// Where it is, um.
    pub position_um: Point,
    /// Conductivity of the medium, S/m.
    pub conductivity_s_per_m: f64,
    /// Treatment of the near field.
    pub near_field: NearField,
    /// What rounding left out of the position, where coordinates are scaled.
    pub low_part: Option<Point>,
}

/// Up to 16 contacts, consecutive in the file, an array a property. Lanes beyond the last contact are copies of it.
#[derive(Debug)]
pub(super) struct ContactLanes {
    x: Lanes,
    y: Lanes,
    z: Lanes,
    /// Potential, V, at 1 um from a point that gives off 1 nA: 1e-3 / (4 pi sigma).
    pub potential_at_1_um: Lanes,
    /// 1 where the near field's rule holds, 0 where the formula is exact.
    pub clamp_to_radius: Lanes,
    /// Distances from the contact, um, that scaled coordinates do not resolve well enough; 0 where they are not scaled.
    pub coarse_um: Lanes,
    low_parts: [Point; LANES],
    /// Whether the near field's rule holds for every contact.
    pub all_clamped: bool,
    /// Whether all coordinates are moderate.
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

    /// The position of one contact.
    #[inline(always)]
    pub fn position(&self, lane: usize) -> Point {
        Point::new(self.x[lane], self.y[lane], self.z[lane])
    }

    /// The position of one contact, with what rounding left out of it.
    pub fn precise_position(&self, lane: usize) -> PrecisePoint {
        PrecisePoint { high: self.position(lane), low: self.low_parts[lane] }
    }

    /// The contacts' distances to a point.
    #[inline(always)]
    pub fn distances(&self, from: Point) -> Lanes {
        let mut r = Lanes::default();
        for lane in 0..LANES {
            r[lane] = norm_2(from - self.position(lane)).sqrt();
        }
        r
    }
}

/// Whether squared distances from here are in the range of singles.
#[inline(always)]
pub(super) fn is_f32_safe(p: Point) -> bool {
    max_abs_coordinate(p) < MAX_F32_SAFE_COORDINATE_UM
}

/// The largest coordinate, without its sign.
#[inline(always)]
fn max_abs_coordinate(p: Point) -> f64 {
    p.x.abs().max(p.y.abs()).max(p.z.abs())
}

/// Share of a scaled coordinate below which distances are computed more precisely: its rounding is 1e-12 of that.
const COARSE_COORDINATE_SHARE: f64 = 1e-4;

/// 1e-3 / (4 pi sigma), in V um / nA.
fn potential_at_1_um(contact: &PointContact) -> f64 {
    NANOAMPERE_PER_MICROMETER / (4.0 * std::f64::consts::PI * contact.conductivity_s_per_m)
}

/// Writes a group's values to its part of a row, which is shorter where the group is not full.
#[inline(always)]
fn store_lanes(values: &Lanes, part: &mut [f64]) {
    match part.first_chunk_mut() {
        Some(whole) => *whole = values.0,
        None => part.iter_mut().zip(&values.0).for_each(|(to, v)| *to = *v),
    }
}

/// Scalar product, fused.
#[inline(always)]
pub(super) fn dot(a: Point, b: Point) -> f64 {
    a.x.mul_add(b.x, a.y.mul_add(b.y, a.z * b.z))
}

/// Squared length, fused.
#[inline(always)]
pub(super) fn norm_2(p: Point) -> f64 {
    dot(p, p)
}

/// A segment as formulas see it, um; the radius is finite and above zero.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cylinder {
    pub start: Point,
    pub end: Point,
    pub radius: f64,
    /// What rounding left out of the two ends.
    pub low_parts: [Point; 2],
}

/// Where a segment stands, seen from the one before it and from a group of contacts.
#[derive(Debug, Clone, Copy)]
pub(super) struct SegmentContext {
    /// The number of its row, from 1.
    pub row: usize,
    /// Whether it starts where the segment of the row before ended.
    pub starts_at_previous_end: bool,
    /// Squared distance from its midpoint to the box round the group, um^2, where [`Formula::needs_distance`].
    pub distance_2: f64,
}

/// What has a midpoint, from which distances to groups are measured.
pub(super) trait HasMidpoint {
    /// Where it is, um.
    fn midpoint(&self) -> Point;
}

/// A method as a function of a segment and a group of contacts. Both halves, and all that they call, must be
/// `#[inline(always)]`, to be compiled for each width.
pub(super) trait Formula: Send + Sync + 'static {
    /// A segment with what does not depend on the contact.
    type PreparedSegment: From<Cylinder> + HasMidpoint;
    /// What is kept for each group from one segment of a neuron to the next.
    type NeuronState: Default;
    /// What the first half hands to the second.
    type Stage1Output: Default;
    /// Whether only a segment's midpoint counts.
    const USES_MIDPOINT_ONLY: bool;

    /// Whether [`SegmentContext::distance_2`] matters for a segment; it is left out otherwise.
    fn needs_distance(source: &Self::PreparedSegment, all_near: bool) -> bool;

    /// One segment and the contacts of a group, up to its roots and divisions.
    fn stage1(
        source: &Self::PreparedSegment,
        place: SegmentContext,
        group: &ContactLanes,
        carried: &mut Self::NeuronState,
        half: &mut Self::Stage1Output,
    );

    /// The coefficients, V/nA.
    fn stage2(half: &Self::Stage1Output, group: &ContactLanes) -> Lanes;
}

/// A formula made ready for some contacts.
#[derive(Debug)]
pub(super) struct SimdKernel<F> {
    groups: Vec<ContactLanes>,
    group_bounds: Vec<GroupBounds>,
    /// Whether the near field's rule holds for every contact.
    all_clamped: bool,
    contact_count: usize,
    width: VectorWidth,
    formula: std::marker::PhantomData<F>,
}

impl<F: Formula> SimdKernel<F> {
    /// For the widest vectors that this processor has.
    pub fn new(contacts: &[PointContact]) -> Self {
        Self::with_width(contacts, VectorWidth::widest())
    }

    /// For vectors of one width.
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

/// Segments as formulas take them: columns of equal length.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cylinders<'a> {
    pub start: &'a [Point],
    pub end: &'a [Point],
    pub radius: &'a [Option<f32>],
    /// What rounding left out of both ends, where coordinates are scaled; else empty.
    pub low_parts: &'a [[Point; 2]],
}

impl<F: Formula> SimdKernel<F> {
    /// [`super::PreparedMethod::fill_weights`] for segments that need not be a neuron's.
    pub fn fill_cylinders(&self, segments: &Cylinders<'_>, out: &mut [f64]) {
        match self.width.0 {
            // SAFETY: `Width` exists only for what the processor can do
            #[cfg(target_arch = "x86_64")]
            InstructionSet::Avx512 => unsafe { self.fill_avx512(segments, out) },
            // SAFETY: as above
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

    /// Row by row, for whatever vectors the caller is compiled for.
    #[inline(always)]
    fn fill_rows(&self, segments: &Cylinders<'_>, out: &mut [f64]) {
        let mut carried: Vec<F::NeuronState> = self.groups.iter().map(|_| F::NeuronState::default()).collect();
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
            let groups = self.groups.iter().zip(&mut carried).zip(distances_2.as_flattened());
            for (((group, carried), &distance_2), part) in groups.zip(values.chunks_mut(LANES)) {
                F::stage1(
                    &source,
                    SegmentContext { row, starts_at_previous_end: joined, distance_2 },
                    group,
                    carried,
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

/// A width of vectors that this processor has.
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
    /// All that this processor has, the widest first.
    #[cfg(target_arch = "x86_64")]
    pub fn available() -> impl Iterator<Item = Self> {
        let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
        let wide = [(is_x86_feature_detected!("avx512f"), InstructionSet::Avx512), (avx2, InstructionSet::Avx2)];
        let wide = wide.into_iter().filter_map(|(has, vectors)| has.then_some(vectors));
        wide.chain([InstructionSet::Portable]).map(Self)
    }

    /// All that this processor has, the widest first.
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

    /// A chain of segments, each starting where the last ended or (one in four) elsewhere; some without length.
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
    fn the_portable_width_is_always_there() {
        assert_eq!(VectorWidth::available().last(), Some(VectorWidth(InstructionSet::Portable)));
    }
}
