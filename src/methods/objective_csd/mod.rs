//! Objective CSD: the share of membrane current inside a region around a contact, a reference for current source
//! density (CSD) estimates.
//!
//! The weight of a segment is 1 if its midpoint is inside the contact's region or on its border, and 0 otherwise. With
//! p the midpoint, c the contact, u the unit axis of the contact's array, R the radius and T the thickness (lengths in
//! µm):
//!
//! | method | region |
//! |---|---|
//! | `ObjectiveCSD_Sphere` | \|p - c\| <= R, default R 10 µm |
//! | `ObjectiveCSD_Disk` | \|(p - c) x u\| <= R, default 500 µm, and \|(p - c) . u\| <= T |
//! | `ObjectiveCSD_Plane` | \|(p - c) . u\| <= T |
//!
//! The axis is the first principal component of the positions of the array's contacts. T is half of the region's extent
//! along the axis, also if it is given. The default is half the mean spacing of the array's contacts along the axis,
//! without spacings below 0.001 µm. Two options change the weight: the share of the segment's length inside instead of
//! the midpoint ([`Measure::Length`]), and division by the region's volume ([`Density::PerVolume`], 1/µm^3).
//!
//! A sphere has no thickness and a plane no radius; a given value is ignored. A segment without length, such as a soma,
//! counts by its point under both measures.
//!
//! Agreement with BlueRecording 0.2.1: equal on all 3161 segments x 12 contacts of `datasets/golden/reference/e6.h5`.

mod contact_array;
mod method;
mod region_search;
mod region_shape;

pub use contact_array::{CsdWarning, NeighbourRule};
pub use method::{ObjectiveCsd, RegionOverrides};
pub use region_shape::{RegionShape, RegionSpec};

use crate::error::{Context, Error, Problem, Result};
use crate::geometry::region::{Disk, Region, RegionProblem, Slab, Sphere};
use crate::geometry::{NoPrincipalAxis, Point};
use crate::methods::Contact;
use crate::segments::NeuronSegments;
use contact_array::{ContactArray, MIN_SPACING_UM, axis_and_thickness, find_arrays};
use region_search::RegionSearch;

/// Default radius of a sphere, µm.
pub const DEFAULT_SPHERE_RADIUS_UM: f64 = 10.0;
/// Default radius of a disk, µm.
pub const DEFAULT_DISK_RADIUS_UM: f64 = 500.0;

/// A contact with a region.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RegionContact {
    /// Position, µm.
    pub position_um: Point,
    /// Shape and sizes.
    pub region_spec: RegionSpec,
    /// Number of the array; contacts of one array share it. Contacts of different shapes are never in one array.
    pub array_number: usize,
}

impl RegionContact {
    /// Returns the region of a contact of a method with a shape.
    pub fn new(contact: &Contact, shape: RegionShape) -> Self {
        let RegionOverrides { radius_um, thickness_um, array_number, .. } = contact.csd_region;
        let region_spec = RegionSpec { shape, radius_um, thickness_um };
        Self { position_um: contact.position_um, region_spec, array_number }
    }
}

/// How a segment is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Measure {
    /// 1 if the midpoint is inside.
    #[default]
    Midpoint,
    /// The share of the length that is inside.
    Length,
}

/// The divisor of the measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Density {
    /// No divisor: the weights have no unit.
    #[default]
    Total,
    /// The region's volume: the weights have the unit 1/µm^3.
    PerVolume,
}

/// Options for regions and measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CsdOptions {
    /// Neighbour rule for the default thickness.
    pub spacing: NeighbourRule,
    /// Measure of a segment.
    pub measure: Measure,
    /// Divisor of the measure.
    pub density: Density,
}

/// Problems of contacts with a region.
#[derive(Debug, thiserror::Error, PartialEq)]
#[non_exhaustive]
pub enum CsdProblem {
    /// A type has sizes that cannot be parsed.
    #[error("bad type, expected `{expected}`, found `{found}`")]
    Type {
        /// The syntax of the type.
        expected: &'static str,
        /// The type found.
        found: String,
    },
    /// All contacts of an array have the same position.
    #[error("`{}` array with {source}", shape.name())]
    NoAxis {
        /// The array's shape.
        shape: RegionShape,
        /// The reason.
        source: NoPrincipalAxis,
    },
    /// All contacts of an array have the same position along the axis.
    #[error("`{}` array with no spacing, expected neighbours at least {MIN_SPACING_UM} µm apart along its axis, found none", shape.name())]
    NoSpacing {
        /// The array's shape.
        shape: RegionShape,
    },
    /// The thickness is not above zero.
    #[error("thickness out of range, expected a finite number above 0 µm, found `{0}`")]
    Thickness(f64),
    /// The region has no volume to divide by.
    #[error("no volume to divide by, expected a sphere or a disk, found `{}`", .0.name())]
    NoVolume(RegionShape),
    /// Sizes or positions are invalid.
    #[error(transparent)]
    Region(#[from] RegionProblem),
}

impl Problem for CsdProblem {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NoAxis { .. } => {
                Some("add another contact to the array, which defines its axis, or use `ObjectiveCSD_Sphere`".into())
            }
            Self::NoSpacing { shape } => Some(format!("give the thickness: `{}`", shape.type_syntax())),
            Self::NoVolume(_) => Some("use a disk, or no density: a plane has no finite volume".into()),
            Self::Type { .. } | Self::Thickness(_) | Self::Region(_) => None,
        }
    }
}

/// The contacts' regions, prepared to compute weights.
#[derive(Debug)]
pub struct PreparedCsd {
    regions: Vec<Box<dyn Region>>,
    factors: Vec<f64>,
    searches: Vec<RegionSearch>,
    region_specs: Vec<RegionSpec>,
    warnings: Vec<CsdWarning>,
}

impl PreparedCsd {
    /// Finds the arrays of the contacts and their axes, and builds the contacts' regions.
    ///
    /// # Errors
    /// Returns a [`CsdProblem`], with the index of the contact if one contact causes it.
    pub fn new(contacts: &[RegionContact], options: CsdOptions) -> Result<(Self, Vec<CsdWarning>)> {
        let kernel =
            Self::with_measures(contacts, options.spacing, &vec![(options.measure, options.density); contacts.len()])?;
        let warnings = kernel.warnings.clone();
        Ok((kernel, warnings))
    }

    /// Builds the regions as [`PreparedCsd::new`] does, with a measure and divisor for each contact.
    fn with_measures(contacts: &[RegionContact], spacing: NeighbourRule, how: &[(Measure, Density)]) -> Result<Self> {
        for (row, &RegionContact { position_um: position, .. }) in contacts.iter().enumerate() {
            check_position(position).at_index("contact", row as u64)?;
        }
        let arrays = find_arrays(contacts, spacing)?;
        let (mut regions, mut factors, mut settings) = (Vec::new(), Vec::new(), Vec::new());
        for (row, (contact, &(_, density))) in contacts.iter().zip(how).enumerate() {
            let (region, sizes) = build_region(contact, &arrays).at_index("contact", row as u64)?;
            factors.push(density_factor(region.as_ref(), contact, density).at_index("contact", row as u64)?);
            regions.push(region);
            settings.push(sizes);
        }
        let measures: Vec<Measure> = how.iter().map(|&(measure, _)| measure).collect();
        let searches = RegionSearch::for_each_measure(&regions, &measures);
        let warnings = arrays.into_iter().flat_map(|array| array.warnings).collect();
        Ok(Self { regions, factors, searches, region_specs: settings, warnings })
    }

    /// Returns the contacts' regions, in the order of the contacts.
    pub fn regions(&self) -> &[Box<dyn Region>] {
        &self.regions
    }

    /// Returns the contacts' regions, in the order of the contacts, for a query that finds the segments inside.
    pub fn into_regions(self) -> Vec<Box<dyn Region>> {
        self.regions
    }
}

impl super::PreparedMethod for PreparedCsd {
    fn fill_weights(&self, neuron: &NeuronSegments<'_>, out: &mut [f64]) {
        if self.regions.is_empty() {
            return;
        }
        let segments = neuron.start.iter().zip(neuron.end);
        for ((&a, &b), row) in segments.zip(out.chunks_exact_mut(self.regions.len())) {
            row.fill(0.0);
            for search in &self.searches {
                search.for_each_candidate(a, b, |column| {
                    let share = measure_segment(self.regions[column].as_ref(), search.measure, a, b);
                    row[column] = self.factors[column] * share;
                });
            }
        }
    }

    fn warnings(&self) -> Vec<Error> {
        self.warnings.iter().cloned().map(Error::from).collect()
    }

    fn size_attributes(&self, column: usize) -> Vec<(&'static str, f64)> {
        let Some(RegionSpec { radius_um: radius, thickness_um: thickness, .. }) = self.region_specs.get(column) else {
            return Vec::new();
        };
        let sizes = [("radius", *radius), ("thickness", *thickness)];
        sizes.into_iter().filter_map(|(key, size)| Some((key, size?))).collect()
    }
}

fn measure_segment(region: &dyn Region, measure: Measure, a: Point, b: Point) -> f64 {
    match measure {
        Measure::Midpoint => f64::from(region.contains(a.midpoint(b))),
        Measure::Length => region.fraction_inside(a, b),
    }
}

fn density_factor(region: &dyn Region, contact: &RegionContact, density: Density) -> Result<f64, CsdProblem> {
    match density {
        Density::Total => Ok(1.0),
        Density::PerVolume => {
            let share = region.volume_um3().map(f64::recip).filter(|share| share.is_finite());
            share.ok_or(CsdProblem::NoVolume(contact.region_spec.shape))
        }
    }
}

/// Checks a position before it contributes to an axis; regions check their centres only later.
fn check_position(position: Point) -> Result<Sphere, RegionProblem> {
    Sphere::new(position, DEFAULT_SPHERE_RADIUS_UM)
}

/// Returns the region of a contact, and its sizes.
fn build_region(contact: &RegionContact, arrays: &[ContactArray]) -> Result<(Box<dyn Region>, RegionSpec), CsdProblem> {
    let RegionContact { position_um: position, region_spec: RegionSpec { shape, radius_um: radius, .. }, .. } =
        *contact;
    Ok(match shape {
        RegionShape::Sphere => {
            let radius = radius.unwrap_or(DEFAULT_SPHERE_RADIUS_UM);
            let sizes = RegionSpec { shape, radius_um: Some(radius), thickness_um: None };
            (Box::new(Sphere::new(position, radius)?), sizes)
        }
        RegionShape::Disk => {
            let (axis, thickness) = axis_and_thickness(contact, arrays)?;
            let radius = radius.unwrap_or(DEFAULT_DISK_RADIUS_UM);
            let sizes = RegionSpec { shape, radius_um: Some(radius), thickness_um: Some(thickness) };
            (Box::new(Disk::new(position, axis, radius, thickness)?), sizes)
        }
        RegionShape::Plane => {
            let (axis, thickness) = axis_and_thickness(contact, arrays)?;
            let sizes = RegionSpec { shape, radius_um: None, thickness_um: Some(thickness) };
            (Box::new(Slab::new(position, axis, thickness)?), sizes)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::super::PreparedMethod as _;
    use super::*;
    use crate::segments::{Segment, Segments};

    const DISK: RegionSpec = RegionSpec { shape: RegionShape::Disk, radius_um: None, thickness_um: None };
    const PLANE: RegionSpec = RegionSpec { shape: RegionShape::Plane, ..DISK };
    const SPHERE: RegionSpec = RegionSpec { shape: RegionShape::Sphere, ..DISK };

    /// Returns contacts on the y axis.
    fn on_y(setting: RegionSpec, heights: &[f64]) -> Vec<RegionContact> {
        heights
            .iter()
            .map(|&y| RegionContact { position_um: Point::new(0.0, y, 0.0), region_spec: setting, array_number: 0 })
            .collect()
    }

    fn segment(start: [f64; 3], end: [f64; 3]) -> Segment {
        let (start, end) = (start.into(), end.into());
        Segment { node_id: 0, section_id: 0, segment_id: 0, section_type: None, start, end, radius_um: None, row: 0 }
    }

    fn weights(contacts: &[RegionContact], options: CsdOptions, segments: &[Segment]) -> Vec<f64> {
        let columns: Segments = segments.iter().copied().collect();
        let mut out = vec![f64::NAN; contacts.len() * segments.len()];
        let (kernel, _) = PreparedCsd::new(contacts, options).unwrap();
        kernel.fill_weights(&crate::segments::NeuronSegments::new(&columns, 0..columns.len()), &mut out);
        out
    }

    /// Returns the weights of points on the y axis.
    fn at_heights(contacts: &[RegionContact], options: CsdOptions, heights: &[f64]) -> Vec<f64> {
        let points: Vec<Segment> = heights.iter().map(|&y| segment([0.0, y, 0.0], [0.0, y, 0.0])).collect();
        weights(contacts, options, &points)
    }

    fn refusal(contacts: &[RegionContact], options: CsdOptions) -> (String, Option<String>) {
        let error = PreparedCsd::new(contacts, options).unwrap_err();
        (error.to_string(), error.hint())
    }

    #[test]
    fn a_plane_reaches_half_the_spacing_to_either_side_and_neighbours_share_their_border() {
        let contacts = on_y(PLANE, &[0.0, 100.0]);
        let expected = [1.0, 0.0, 1.0, 1.0, 0.0, 1.0, 0.0, 0.0];
        assert_eq!(at_heights(&contacts, CsdOptions::default(), &[-50.0, 50.0, 50.5, 150.5]), expected);
    }

    #[test]
    fn a_given_thickness_is_half_of_the_extent() {
        let contacts = on_y(RegionSpec { thickness_um: Some(30.0), ..PLANE }, &[0.0, 100.0]);
        assert_eq!(at_heights(&contacts, CsdOptions::default(), &[30.0, 30.5]), [1.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn default_radii_are_ten_and_five_hundred() {
        let contacts = [on_y(SPHERE, &[0.0]), on_y(DISK, &[0.0, 100.0])].concat();
        let points = [10.0, 10.5, 500.0, 500.5].map(|x| segment([x, 0.0, 0.0], [x, 0.0, 0.0]));
        let hits = weights(&contacts, CsdOptions::default(), &points);
        assert_eq!(hits, [1.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn each_contact_keeps_its_own_sizes_and_shapes_do_not_share_an_array() {
        let mut contacts = on_y(PLANE, &[0.0, 100.0]);
        contacts[1].region_spec.thickness_um = Some(1.0);
        // disks with the same array number and another spacing must not change the planes' thickness of 50
        contacts.extend(on_y(DISK, &[0.0, 10.0]));
        let hits = at_heights(&contacts, CsdOptions::default(), &[49.0, 98.0, 99.0]);
        assert_eq!(hits, [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0]);
    }

    #[test]
    fn numbered_arrays_have_their_own_axis_and_spacing() {
        let mut contacts = on_y(PLANE, &[0.0, 100.0, 1000.0, 1010.0]);
        contacts[2].array_number = 1;
        contacts[3].array_number = 1;
        let hits = at_heights(&contacts, CsdOptions::default(), &[50.0, 1015.0]);
        assert_eq!(hits, [1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]);
    }

    #[test]
    fn contacts_out_of_order_are_sorted_with_a_warning_and_left_as_they_are_on_request() {
        let contacts = on_y(PLANE, &[0.0, 200.0, 100.0]);
        let (_, warnings) = PreparedCsd::new(&contacts, CsdOptions::default()).unwrap();
        // sorted: spacings 100 and 100; in file order: 200 and 100
        let text = "3 `ObjectiveCSD_Plane` contacts are not in order along their axis: default thickness 50 µm, by file order 75 µm";
        assert_eq!(warnings.iter().map(ToString::to_string).collect::<Vec<_>>(), [text]);
        let hint = "use `--csd-spacing file-order` for BlueRecording's thickness";
        assert_eq!(warnings[0].hint().as_deref(), Some(hint));
        let as_filed = CsdOptions { spacing: NeighbourRule::FileOrder, ..CsdOptions::default() };
        assert!(PreparedCsd::new(&contacts, as_filed).unwrap().1.is_empty());
        assert_eq!(at_heights(&contacts, CsdOptions::default(), &[-60.0]), [0.0, 0.0, 0.0]);
        assert_eq!(at_heights(&contacts, as_filed, &[-60.0]), [1.0, 0.0, 0.0]);
    }

    #[test]
    fn contacts_abreast_do_not_count_as_spaced() {
        // pairs as in tetrodes: spacings 0, 40, 0 give 40, not 40/3
        let mut contacts = on_y(PLANE, &[0.0, 0.0, 40.0, 40.0]);
        contacts[1].position_um.x = 1.0;
        contacts[3].position_um.x = 1.0;
        assert_eq!(
            at_heights(&contacts, CsdOptions::default(), &[-20.0, -20.5]),
            [1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
        );
    }

    #[test]
    fn contacts_off_their_axis_get_a_warning_with_the_angle() {
        let mut contacts = on_y(PLANE, &[-3.0, 3.0, -3.0, 3.0]);
        for (contact, x) in contacts.iter_mut().zip([-1.0, -1.0, 1.0, 1.0]) {
            contact.position_um.x = x;
        }
        let (_, warnings) = PreparedCsd::new(&contacts, CsdOptions::default()).unwrap();
        // root mean squares 1 across and 3 along: atan(1/3) = 18.4 degrees
        let text = "4 `ObjectiveCSD_Plane` contacts lie 18.4 degrees off their common axis, expected at most 5";
        assert_eq!(warnings.first().map(ToString::to_string).as_deref(), Some(text));
        assert_eq!(warnings[0].hint().as_deref(), Some("give the array of each shank: `--csd-array first:end`"));
    }

    #[test]
    fn a_disk_or_plane_alone_is_refused() {
        let hint = "add another contact to the array, which defines its axis, or use `ObjectiveCSD_Sphere`";
        let (text, advice) = refusal(&on_y(DISK, &[5.0]), CsdOptions::default());
        let expected = "no axis, expected at least two points at different positions, found";
        assert_eq!(text, format!("`ObjectiveCSD_Disk` array with {expected} 1"));
        assert_eq!(advice.as_deref(), Some(hint));
        let twice = on_y(RegionSpec { thickness_um: Some(3.0), ..PLANE }, &[5.0, 5.0]);
        let (text, _) = refusal(&twice, CsdOptions::default());
        assert_eq!(text, format!("`ObjectiveCSD_Plane` array with {expected} 2 at one position"));
    }

    #[test]
    fn contacts_too_near_for_a_spacing_are_refused_unless_the_thickness_is_given() {
        let (text, hint) = refusal(&on_y(PLANE, &[0.0, 5e-4]), CsdOptions::default());
        assert_eq!(
            text,
            "`ObjectiveCSD_Plane` array with no spacing, expected neighbours at least 0.001 µm apart along its axis, found none"
        );
        assert_eq!(hint.as_deref(), Some("give the thickness: `ObjectiveCSD_Plane[_THICKNESS]`"));
        let stated = on_y(RegionSpec { thickness_um: Some(3.0), ..PLANE }, &[0.0, 5e-4]);
        assert!(PreparedCsd::new(&stated, CsdOptions::default()).is_ok());
    }

    #[test]
    fn sizes_and_positions_out_of_range_are_refused_at_their_contact() {
        let mut contacts = on_y(DISK, &[0.0, 100.0]);
        contacts[1].region_spec.thickness_um = Some(0.0);
        let expected = "contact[1]: thickness out of range, expected a finite number above 0 µm, found `0`";
        assert_eq!(refusal(&contacts, CsdOptions::default()).0, expected);
        contacts[1].region_spec = RegionSpec { radius_um: Some(-4.0), ..DISK };
        let expected = "contact[1]: radius out of range, expected a number above 0 and at most 1e100 µm, found `-4`";
        assert_eq!(refusal(&contacts, CsdOptions::default()).0, expected);
        contacts[1].position_um.x = f64::NAN;
        let expected =
            "contact[1]: center out of range, expected finite coordinates up to 1e100 µm, found (NaN, 100, 0)";
        assert_eq!(refusal(&contacts, CsdOptions::default()).0, expected);
    }

    #[test]
    fn length_measures_the_share_inside_and_a_soma_counts_by_its_point() {
        let contacts = on_y(SPHERE, &[0.0]);
        let share = CsdOptions { measure: Measure::Length, ..CsdOptions::default() };
        // the midpoint is outside, a quarter of the length is inside
        let long = segment([0.0, 0.0, 0.0], [40.0, 0.0, 0.0]);
        let somata = [10.0, 10.5].map(|x| segment([x, 0.0, 0.0], [x, 0.0, 0.0]));
        let all = [long, somata[0], somata[1]];
        assert_eq!(weights(&contacts, share, &all), [0.25, 1.0, 0.0]);
        assert_eq!(weights(&contacts, CsdOptions::default(), &all), [0.0, 1.0, 0.0]);
    }

    #[test]
    fn density_divides_by_the_volume_and_planes_have_none() {
        let density = CsdOptions { density: Density::PerVolume, ..CsdOptions::default() };
        let ball = at_heights(&on_y(SPHERE, &[0.0]), density, &[0.0]);
        assert!((ball[0] * 4.0 / 3.0 * std::f64::consts::PI * 1000.0 - 1.0).abs() < 1e-15);
        // spacing 100: radius 500 µm, 50 µm to each side
        let disk = at_heights(&on_y(DISK, &[0.0, 100.0]), density, &[0.0]);
        assert!((disk[0] * std::f64::consts::PI * 500.0 * 500.0 * 100.0 - 1.0).abs() < 1e-15);
        let (text, hint) = refusal(&on_y(PLANE, &[0.0, 100.0]), density);
        assert_eq!(text, "contact[0]: no volume to divide by, expected a sphere or a disk, found `ObjectiveCSD_Plane`");
        assert_eq!(hint.as_deref(), Some("use a disk, or no density: a plane has no finite volume"));
    }
}
