//! Finds the regions that may contain a part of a segment, so that [`super::PreparedCsd`] need not measure all regions.

use super::Measure;
use crate::geometry::region::Region;
use crate::geometry::{Aabb, Point};
use crate::segments::index::RegionTree;

/// The regions with one measure, in a search tree.
#[derive(Debug)]
pub(super) struct RegionSearch {
    pub(super) measure: Measure,
    tree: RegionTree,
    /// Column of each region of the tree.
    columns: Vec<usize>,
}

impl RegionSearch {
    /// Builds a search for each measure in use, because midpoints are searched with a point and lengths with a box.
    pub(super) fn for_each_measure(regions: &[Box<dyn Region>], measures: &[Measure]) -> Vec<Self> {
        let search = |measure: Measure| {
            let with_measure = measures.iter().enumerate().filter(|(_, m)| **m == measure);
            let columns: Vec<usize> = with_measure.map(|(column, _)| column).collect();
            let tree = RegionTree::new(columns.iter().filter_map(|&column| regions.get(column)).map(AsRef::as_ref));
            Self { measure, tree, columns }
        };
        let searches = [Measure::Midpoint, Measure::Length].map(search).into_iter();
        searches.filter(|search| !search.columns.is_empty()).collect()
    }

    /// Calls `visit`, in any order, with the columns whose regions may contain a part of the segment a-b; the measure
    /// of all others is 0.
    pub(super) fn for_each_candidate(&self, a: Point, b: Point, mut visit: impl FnMut(usize)) {
        let bounds = match self.measure {
            Measure::Midpoint => {
                let midpoint = a.midpoint(b);
                Aabb { min: midpoint, max: midpoint }
            }
            Measure::Length => Aabb::enclosing([a, b]),
        };
        self.tree.for_each_candidate(&bounds, |number| visit(self.columns[number]));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{
        Density, Measure, NeighbourRule, PreparedCsd, RegionContact, RegionShape, RegionSpec, measure_segment,
    };
    use crate::geometry::Point;
    use crate::methods::PreparedMethod as _;
    use crate::segments::{NeuronSegments, Segment, Segments};

    /// Computes the weights with a loop over all regions.
    fn weights_by_loop(kernel: &PreparedCsd, how: &[(Measure, Density)], segments: &Segments) -> Vec<f64> {
        let columns = || kernel.regions.iter().zip(&kernel.factors).zip(how);
        let row = |(&a, &b): (&Point, &Point)| -> Vec<f64> {
            columns()
                .map(|((region, factor), (measure, _))| factor * measure_segment(region.as_ref(), *measure, a, b))
                .collect()
        };
        segments.start.iter().zip(&segments.end).flat_map(row).collect()
    }

    fn weights(kernel: &PreparedCsd, segments: &Segments) -> Vec<f64> {
        let mut out = vec![f64::NAN; segments.len() * kernel.regions.len()];
        kernel.fill_weights(&NeuronSegments::new(segments, 0..segments.len()), &mut out);
        out
    }

    fn bits(values: &[f64]) -> Vec<u64> {
        values.iter().map(|value| value.to_bits()).collect()
    }

    fn segments(ends: &[(Point, Point)]) -> Segments {
        let segment = |&(start, end): &(Point, Point)| Segment {
            node_id: 0,
            section_id: 0,
            segment_id: 0,
            section_type: None,
            start,
            end,
            radius_um: None,
            row: 0,
        };
        ends.iter().map(segment).collect()
    }

    /// Coordinates that often coincide, so that points lie on borders.
    fn coordinate() -> impl Strategy<Value = f64> {
        prop_oneof![4 => (-20..20_i32).prop_map(|v| f64::from(v) * 0.5), 4 => -12.0..12.0_f64, 1 => -1e4..1e4_f64]
    }

    fn point() -> impl Strategy<Value = Point> {
        prop::array::uniform3(coordinate()).prop_map(Point::from)
    }

    fn segment() -> impl Strategy<Value = (Point, Point)> {
        let odd = prop::sample::select(vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e200, -1e308, 1e-320]);
        prop_oneof![
            12 => (point(), prop::array::uniform3(-4.0..4.0_f64)).prop_map(|(a, d)| (a, a + Point::from(d))),
            4 => (point(), point()),
            4 => point().prop_map(|p| (p, p)),
            1 => (point(), 0..3_usize, odd).prop_map(|(p, axis, odd)| {
                let mut end = p.to_array();
                end[axis] = odd;
                (p, Point::from(end))
            }),
        ]
    }

    fn setting() -> impl Strategy<Value = RegionSpec> {
        let size =
            || prop::option::weighted(0.7, prop_oneof![0.1..8.0_f64, (1..16_i32).prop_map(|v| f64::from(v) * 0.5)]);
        (prop::sample::select(RegionShape::ALL.to_vec()), size(), size())
            .prop_map(|(shape, radius, thickness)| RegionSpec { shape, radius_um: radius, thickness_um: thickness })
    }

    fn contact() -> impl Strategy<Value = (RegionContact, (Measure, Density))> {
        let measure = prop::sample::select(vec![Measure::Midpoint, Measure::Length]);
        (point(), setting(), 0..3_usize, measure, any::<bool>()).prop_map(
            |(position, setting, array, measure, divided)| {
                // a plane has no volume
                let divided = divided && setting.shape != RegionShape::Plane;
                let density = if divided { Density::PerVolume } else { Density::Total };
                (RegionContact { position_um: position, region_spec: setting, array_number: array }, (measure, density))
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]

        /// Mixed shapes, sizes, arrays, measures and divisors; segments on borders, without length, far away and not
        /// finite.
        #[test]
        fn weights_are_those_of_a_loop_over_all_regions_to_the_bit(
            contacts in prop::collection::vec(contact(), 1..120),
            ends in prop::collection::vec(segment(), 1..60),
        ) {
            let (contacts, how): (Vec<_>, Vec<_>) = contacts.into_iter().unzip();
            // an array of one contact has no axis
            let Ok(kernel) = PreparedCsd::with_measures(&contacts, NeighbourRule::AlongAxis, &how) else { return Ok(()) };
            let segments = segments(&ends);
            prop_assert_eq!(bits(&weights(&kernel, &segments)), bits(&weights_by_loop(&kernel, &how, &segments)));
        }
    }

    #[test]
    fn only_regions_near_a_segment_are_measured() {
        let setting = |shape| RegionSpec { shape, radius_um: Some(30.0), thickness_um: None };
        for (shape, most) in [(RegionShape::Sphere, 5), (RegionShape::Disk, 3), (RegionShape::Plane, 3)] {
            for measure in [Measure::Midpoint, Measure::Length] {
                let contact = |i: i32| RegionContact {
                    position_um: Point::new(0.0, 20.0 * f64::from(i), 0.0),
                    region_spec: setting(shape),
                    array_number: 0,
                };
                let contacts: Vec<RegionContact> = (0..384).map(contact).collect();
                let how = vec![(measure, Density::Total); contacts.len()];
                let kernel = PreparedCsd::with_measures(&contacts, NeighbourRule::AlongAxis, &how).unwrap();
                let [search] = kernel.searches.as_slice() else { panic!("one measure, one search") };
                let mut columns = Vec::new();
                let (a, b) = (Point::new(5.0, 3990.0, 0.0), Point::new(9.0, 4012.0, 1.0));
                search.for_each_candidate(a, b, |column| columns.push(column));
                assert!(columns.contains(&200) && columns.len() <= most, "{shape:?} {measure:?}: {columns:?}");
            }
        }
    }
}
