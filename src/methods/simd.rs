//! Contacts side by side in blocks, and one loop over them compiled for each vector width.
//!
//! A method says how it fills a row ([`Formula`]); [`Kernel`] runs the copy of that code that was compiled for this
//! processor. All copies run the same operations in the same order: Rust neither fuses nor reorders floating-point
//! operations, and `mul_add` rounds once everywhere, in hardware or in software. So the bits are equal.
//!
//! A formula comes in two halves, and the second half of one group is computed beside the first half of the next: the
//! processor divides and takes roots, which is slow and has a unit of its own, while it multiplies and adds.

use super::boxes::{Boxes, bounds};
use super::close_contact::PrecisePoint;
use super::{NearField, radius_um};
use crate::geometry::Point;
use crate::segments::NeuronSegments;
use crate::units::NANOAMPERE_PER_MICROMETER;

/// Contacts in a group: two vectors of AVX-512, four of AVX2, of which both halves of a formula fit into registers.
pub(super) const LANES: usize = 16;

/// Coordinates up to which squared distances stay in the range of singles, um.
const MODERATE: f64 = 1e15;

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
pub(super) struct Site {
    /// Where it is, um.
    pub position: Point,
    /// Conductivity of the medium, S/m.
    pub conductivity: f64,
    /// Treatment of the near field.
    pub near_field: NearField,
    /// What rounding left out of the position, where coordinates are scaled.
    pub low: Option<Point>,
}

/// Up to 16 contacts, consecutive in the file, an array a property. Lanes beyond the last contact are copies of it.
#[derive(Debug)]
pub(super) struct Group {
    x: Lanes,
    y: Lanes,
    z: Lanes,
    /// Potential, V, at 1 um from a point that gives off 1 nA: 1e-3 / (4 pi sigma).
    pub scale: Lanes,
    /// 1 where the near field's rule holds, 0 where the formula is exact.
    pub near: Lanes,
    /// Distances from the contact, um, that scaled coordinates do not resolve well enough; 0 where they are not scaled.
    pub coarse: Lanes,
    low: [Point; LANES],
    /// Whether the near field's rule holds for every contact.
    pub all_near: bool,
    /// Whether all coordinates are moderate.
    pub moderate: bool,
}

impl Group {
    fn new(contacts: &[Site]) -> Option<Self> {
        let last = contacts.last()?;
        let lanes = |of: fn(&Site) -> f64| Lanes(std::array::from_fn(|i| of(contacts.get(i).unwrap_or(last))));
        let bounds = bounds(contacts);
        Some(Self {
            x: lanes(|c| c.position.x),
            y: lanes(|c| c.position.y),
            z: lanes(|c| c.position.z),
            scale: lanes(potential_at_1_um),
            near: lanes(|c| if c.near_field == NearField::Radius { 1.0 } else { 0.0 }),
            coarse: lanes(|c| if c.low.is_some() { COARSE * largest(c.position) } else { 0.0 }),
            low: std::array::from_fn(|i| contacts.get(i).unwrap_or(last).low.unwrap_or(Point::ORIGIN)),
            all_near: contacts.iter().all(|c| c.near_field == NearField::Radius),
            moderate: is_moderate(bounds.min) && is_moderate(bounds.max),
        })
    }

    /// The position of one contact.
    #[inline(always)]
    pub fn position(&self, lane: usize) -> Point {
        Point::new(self.x[lane], self.y[lane], self.z[lane])
    }

    /// The position of one contact, with what rounding left out of it.
    pub fn precise_position(&self, lane: usize) -> PrecisePoint {
        PrecisePoint { high: self.position(lane), low: self.low[lane] }
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
pub(super) fn is_moderate(p: Point) -> bool {
    largest(p) < MODERATE
}

/// The largest coordinate, without its sign.
#[inline(always)]
fn largest(p: Point) -> f64 {
    p.x.abs().max(p.y.abs()).max(p.z.abs())
}

/// Share of a scaled coordinate below which distances are computed more precisely: its rounding is 1e-12 of that.
const COARSE: f64 = 1e-4;

/// 1e-3 / (4 pi sigma), in V um / nA.
fn potential_at_1_um(contact: &Site) -> f64 {
    NANOAMPERE_PER_MICROMETER / (4.0 * std::f64::consts::PI * contact.conductivity)
}

/// Writes a group's values to its part of a row, which is shorter where the group is not full.
#[inline(always)]
fn store(values: &Lanes, part: &mut [f64]) {
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
    pub low: [Point; 2],
}

/// Where a segment stands, seen from the one before it and from a group of contacts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// The number of its row, from 1.
    pub row: usize,
    /// Whether it starts where the segment of the row before ended.
    pub joined: bool,
    /// Squared distance from its midpoint to the box round the group, um^2, where [`Formula::is_measured`].
    pub distance_2: f64,
}

/// What has a midpoint, from which distances to groups are measured.
pub(super) trait Centered {
    /// Where it is, um.
    fn middle(&self) -> Point;
}

/// A method as a function of a segment and a group of contacts. Both halves, and all that they call, must be
/// `#[inline(always)]`, to be compiled for each width.
pub(super) trait Formula: Send + Sync + 'static {
    /// A segment with what does not depend on the contact.
    type Source: From<Cylinder> + Centered;
    /// What is kept for each group from one segment of a neuron to the next.
    type Carried: Default;
    /// What the first half hands to the second.
    type Half: Default;
    /// Whether only a segment's midpoint counts.
    const MIDPOINT: bool;

    /// Whether [`Place::distance_2`] matters for a segment; it is left out otherwise.
    fn is_measured(source: &Self::Source, all_near: bool) -> bool;

    /// One segment and the contacts of a group, up to its roots and divisions.
    fn begin(source: &Self::Source, place: Place, group: &Group, carried: &mut Self::Carried, half: &mut Self::Half);

    /// The coefficients, V/nA.
    fn finish(half: &Self::Half, group: &Group) -> Lanes;
}

/// A formula made ready for some contacts.
#[derive(Debug)]
pub(super) struct Kernel<F> {
    groups: Vec<Group>,
    boxes: Vec<Boxes>,
    /// Whether the near field's rule holds for every contact.
    all_near: bool,
    len: usize,
    width: Width,
    formula: std::marker::PhantomData<F>,
}

impl<F: Formula> Kernel<F> {
    /// For the widest vectors that this processor has.
    pub fn new(contacts: &[Site]) -> Self {
        Self::with_width(contacts, Width::widest())
    }

    /// For vectors of one width.
    pub fn with_width(contacts: &[Site], width: Width) -> Self {
        let parts: Vec<&[Site]> = contacts.chunks(LANES).collect();
        let groups: Vec<Group> = parts.iter().copied().filter_map(Group::new).collect();
        let boxes = parts.chunks(4).filter_map(Boxes::new).collect();
        let all_near = groups.iter().all(|group| group.all_near);
        Self { groups, boxes, all_near, len: contacts.len(), width, formula: std::marker::PhantomData }
    }
}

impl<F: Formula> super::Kernel for Kernel<F> {
    fn fill(&self, neuron: &NeuronSegments<'_>, out: &mut [f64]) {
        self.fill_cylinders(&Cylinders { start: neuron.start, end: neuron.end, radius: neuron.radius, low: &[] }, out);
    }
}

/// Segments as formulas take them: columns of equal length.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cylinders<'a> {
    pub start: &'a [Point],
    pub end: &'a [Point],
    pub radius: &'a [Option<f32>],
    /// What rounding left out of both ends, where coordinates are scaled; else empty.
    pub low: &'a [[Point; 2]],
}

impl<F: Formula> Kernel<F> {
    /// [`super::Kernel::fill`] for segments that need not be a neuron's.
    pub fn fill_cylinders(&self, segments: &Cylinders<'_>, out: &mut [f64]) {
        match self.width.0 {
            // SAFETY: `Width` exists only for what the processor can do
            #[cfg(target_arch = "x86_64")]
            Vectors::Avx512 => unsafe { self.fill_avx512(segments, out) },
            // SAFETY: as above
            #[cfg(target_arch = "x86_64")]
            Vectors::Avx2 => unsafe { self.fill_avx2(segments, out) },
            Vectors::Portable => self.fill_rows(segments, out),
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
        let mut carried: Vec<F::Carried> = self.groups.iter().map(|_| F::Carried::default()).collect();
        let mut distances_2 = vec![[0.0; 4]; self.boxes.len()];
        let mut halves = [F::Half::default(), F::Half::default()];
        let mut now = 0;
        let mut begun: Option<(&Group, &mut [f64])> = None;
        let mut joint = None;
        let lows = segments.low;
        let segments = segments.start.iter().zip(segments.end).zip(segments.radius);
        for (((&start, &end), radius), (row, values)) in segments.zip((1..).zip(out.chunks_exact_mut(self.len.max(1))))
        {
            let low = lows.get(row - 1).copied().unwrap_or([Point::ORIGIN; 2]);
            let source: F::Source = Cylinder { start, end, radius: radius_um(*radius), low }.into();
            let joined = joint.replace(end) == Some(start);
            if F::is_measured(&source, self.all_near) {
                for (boxes, squares) in self.boxes.iter().zip(&mut distances_2) {
                    *squares = boxes.distances_2(source.middle());
                }
            }
            let groups = self.groups.iter().zip(&mut carried).zip(distances_2.as_flattened());
            for (((group, carried), &distance_2), part) in groups.zip(values.chunks_mut(LANES)) {
                F::begin(&source, Place { row, joined, distance_2 }, group, carried, &mut halves[now]);
                now = 1 - now;
                if let Some((group, part)) = begun.replace((group, part)) {
                    store(&F::finish(&halves[now], group), part);
                }
            }
        }
        if let Some((group, part)) = begun {
            store(&F::finish(&halves[1 - now], group), part);
        }
    }
}

/// A width of vectors that this processor has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Width(Vectors);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Vectors {
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    Portable,
}

impl Width {
    /// All that this processor has, the widest first.
    #[cfg(target_arch = "x86_64")]
    pub fn available() -> impl Iterator<Item = Self> {
        let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
        let wide = [(is_x86_feature_detected!("avx512f"), Vectors::Avx512), (avx2, Vectors::Avx2)];
        let wide = wide.into_iter().filter_map(|(has, vectors)| has.then_some(vectors));
        wide.chain([Vectors::Portable]).map(Self)
    }

    /// All that this processor has, the widest first.
    #[cfg(not(target_arch = "x86_64"))]
    pub fn available() -> impl Iterator<Item = Self> {
        std::iter::once(Self(Vectors::Portable))
    }

    fn widest() -> Self {
        Self::available().next().unwrap_or(Self(Vectors::Portable))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::methods::{Kernel as _, line_source::LineSource, point_source::PointSource};
    use crate::segments::{Segment, Segments};
    use proptest::prelude::*;

    fn bits<F: Formula>(width: Width, contacts: &[Site], segments: &Segments) -> Vec<u64> {
        let mut out = vec![f64::NAN; contacts.len() * segments.len()];
        for neuron in segments.neurons() {
            Kernel::<F>::with_width(contacts, width).fill(&neuron, &mut out);
        }
        out.into_iter().map(f64::to_bits).collect()
    }

    fn any_contact() -> impl Strategy<Value = Site> {
        let near_field = prop_oneof![Just(NearField::Radius), Just(NearField::Exact)];
        let coordinates =
            prop_oneof![[-40.0..40.0, -40.0..40.0, -40.0..40.0_f64], [-4e3..4e3, -4e3..4e3, -4e3..4e3_f64]];
        (coordinates, 0.1..2.0_f64, near_field).prop_map(|(p, conductivity, near_field)| Site {
            position: p.into(),
            conductivity,
            near_field,
            low: None,
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
                Segment { node_id: 0, section_id: 0, segment_id: 0, section_type: None, start, end: at, radius, row: 0 }
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
            let portable = both(Width(Vectors::Portable));
            for width in Width::available() {
                prop_assert!(both(width) == portable, "{width:?}");
            }
        }

        #[test]
        fn neither_neighbours_in_the_file_nor_earlier_segments_change_bits(
            contacts in proptest::collection::vec(any_contact(), 1..75), neuron in any_neuron()
        ) {
            let together = bits::<LineSource>(Width::widest(), &contacts, &neuron);
            for (row, segment) in together.chunks(contacts.len()).zip(neuron.iter()) {
                let segment: Segments = std::iter::once(segment).collect();
                for (together, contact) in row.iter().zip(contacts.chunks(1)) {
                    prop_assert_eq!(vec![*together], bits::<LineSource>(Width::widest(), contact, &segment));
                }
            }
        }
    }

    #[test]
    fn the_portable_width_is_always_there() {
        assert_eq!(Width::available().last(), Some(Width(Vectors::Portable)));
    }
}
