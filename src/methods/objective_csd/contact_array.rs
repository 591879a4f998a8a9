//! Arrays of contacts: their axis and spacing.

use super::{CsdProblem, RegionContact, RegionShape, RegionSpec};
use crate::error::{Problem, Result};
use crate::geometry::{NoPrincipalAxis, Point, PrincipalAxis};

/// Spacings below this, µm, do not count: the contacts have the same position along the axis.
pub(super) const MIN_SPACING_UM: f64 = 1e-3;
/// Contacts further off their axis than this, degrees, cause a warning. A Neuropixels bank stays below 1.
const MAX_OFF_AXIS_DEGREES: f64 = 5.0;
/// The default thicknesses of the two neighbour rules may differ by this share without a warning.
const SPACING_TOLERANCE: f64 = 0.01;

/// Which contacts are neighbours, for the default thickness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NeighbourRule {
    /// Neighbours along the axis.
    #[default]
    AlongAxis,
    /// Neighbours in the file, as in BlueRecording.
    FileOrder,
}

/// Warnings about the arrays.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CsdWarning {
    /// The contacts are not on one axis.
    #[error("{contacts} `{}` contacts lie {degrees:.1} degrees off their common axis, expected at most {MAX_OFF_AXIS_DEGREES}", shape.name())]
    OffAxis {
        /// The array's shape.
        shape: RegionShape,
        /// The number of contacts.
        contacts: usize,
        /// The angle; see [`PrincipalAxis::off_axis_degrees`].
        degrees: f64,
    },
    /// BlueRecording would use another thickness.
    #[error("{contacts} `{}` contacts are not in order along their axis: default thickness {sorted} µm, by file order {file_order} µm", shape.name())]
    Spacing {
        /// The array's shape.
        shape: RegionShape,
        /// The number of contacts.
        contacts: usize,
        /// The thickness from neighbours along the axis, µm.
        sorted: f64,
        /// The thickness from neighbours in the file, µm.
        file_order: f64,
    },
}

impl CsdWarning {
    /// Returns the hint.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::OffAxis { .. } => Some("give the array of each shank: `--csd-array first:end`".into()),
            Self::Spacing { .. } => Some("use `--csd-spacing file-order` for BlueRecording's thickness".into()),
        }
    }
}

impl Problem for CsdWarning {
    fn hint(&self) -> Option<String> {
        Self::hint(self)
    }
}

/// Contacts of one shape that share an axis.
pub(super) struct ContactArray {
    shape: RegionShape,
    number: usize,
    axis: PrincipalAxis,
    default_thickness_um: Option<f64>,
    pub(super) warnings: Vec<CsdWarning>,
}

impl ContactArray {
    fn contains(&self, contact: &RegionContact) -> bool {
        self.shape == contact.region_spec.shape && self.number == contact.array_number
    }

    /// Creates an array from all contacts of one shape and array number.
    fn new(
        contacts: &[RegionContact],
        shape: RegionShape,
        number: usize,
        spacing: NeighbourRule,
    ) -> Result<Self, CsdProblem> {
        let points: Vec<Point> = contacts.iter().map(|c| c.position_um).collect();
        let axis = PrincipalAxis::from_points(&points).map_err(|source| CsdProblem::NoAxis { shape, source })?;
        let mut array = Self { shape, number, axis, default_thickness_um: None, warnings: Vec::new() };
        let degrees = axis.off_axis_degrees;
        if degrees > MAX_OFF_AXIS_DEGREES {
            array.warnings.push(CsdWarning::OffAxis { shape, contacts: points.len(), degrees });
        }
        if contacts.iter().any(|c| c.region_spec.thickness_um.is_none()) {
            array.set_default_thickness(&points, spacing)?;
        }
        Ok(array)
    }

    /// Sets the default thickness; adds a warning if the rules differ and file order was not requested.
    fn set_default_thickness(&mut self, points: &[Point], spacing: NeighbourRule) -> Result<(), CsdProblem> {
        let mut projected: Vec<f64> = points.iter().map(|&p| self.axis.project(p)).collect();
        let file_order = half_mean_spacing_um(&projected);
        projected.sort_unstable_by(f64::total_cmp);
        let sorted = half_mean_spacing_um(&projected);
        let chosen = match spacing {
            NeighbourRule::AlongAxis => sorted,
            NeighbourRule::FileOrder => file_order,
        };
        let chosen = chosen.ok_or(CsdProblem::NoSpacing { shape: self.shape })?;
        self.default_thickness_um = Some(chosen);
        if let Some(file_order) = file_order.filter(|other| (other - chosen).abs() > SPACING_TOLERANCE * chosen) {
            let (shape, contacts) = (self.shape, points.len());
            self.warnings.push(CsdWarning::Spacing { shape, contacts, sorted: chosen, file_order });
        }
        Ok(())
    }
}

/// Returns half the mean distance of neighbours in a list; `None` if no two are apart.
fn half_mean_spacing_um(projected: &[f64]) -> Option<f64> {
    let steps = projected.iter().zip(projected.iter().skip(1)).map(|(a, b)| (b - a).abs());
    let (sum, count) =
        steps.filter(|step| *step >= MIN_SPACING_UM).fold((0.0, 0.0), |(s, n), step| (s + step, n + 1.0));
    (count > 0.0).then(|| sum / count / 2.0)
}

/// Returns the arrays of disks and planes; spheres need none.
pub(super) fn find_arrays(contacts: &[RegionContact], spacing: NeighbourRule) -> Result<Vec<ContactArray>> {
    let mut arrays: Vec<ContactArray> = Vec::new();
    for contact in contacts.iter().filter(|c| c.region_spec.shape != RegionShape::Sphere) {
        if !arrays.iter().any(|array| array.contains(contact)) {
            let (shape, number) = (contact.region_spec.shape, contact.array_number);
            let is_member = |c: &&RegionContact| c.region_spec.shape == shape && c.array_number == number;
            let members: Vec<RegionContact> = contacts.iter().filter(is_member).copied().collect();
            arrays.push(ContactArray::new(&members, shape, number, spacing)?);
        }
    }
    Ok(arrays)
}

/// Returns the axis of a contact's array, and the contact's thickness along it.
pub(super) fn axis_and_thickness(contact: &RegionContact, arrays: &[ContactArray]) -> Result<(Point, f64), CsdProblem> {
    let RegionSpec { shape, thickness_um: thickness, .. } = contact.region_spec;
    let alone = CsdProblem::NoAxis { shape, source: NoPrincipalAxis { points: 0 } };
    let array = arrays.iter().find(|array| array.contains(contact)).ok_or(alone)?;
    let thickness = thickness.or(array.default_thickness_um).ok_or(CsdProblem::NoSpacing { shape })?;
    let fits = thickness > 0.0 && thickness.is_finite();
    if fits { Ok((array.axis.direction, thickness)) } else { Err(CsdProblem::Thickness(thickness)) }
}
