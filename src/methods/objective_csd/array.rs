//! Arrays of contacts: their axis and their spacing.

use super::{Contact, CsdProblem, Setting, Shape};
use crate::error::{Problem, Result};
use crate::geometry::{NoAxis, Point, PrincipalAxis};

/// Spacings below this, um, are no spacings: contacts abreast of each other.
pub(super) const LEAST_SPACING: f64 = 1e-3;
/// Contacts further than this off their axis, degrees, get a warning. A Neuropixels bank stays below 1.
const MOST_OFF_AXIS: f64 = 5.0;
/// The two rules of spacing may differ by this share without a warning.
const SPACING_TOLERANCE: f64 = 0.01;

/// Which contacts are neighbours for the default thickness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Spacing {
    /// Neighbours along the axis.
    #[default]
    Sorted,
    /// Neighbours in the file, as BlueRecording takes them.
    FileOrder,
}

/// What is worth a look though a result is given.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Warning {
    /// The contacts do not share an axis.
    #[error("{contacts} `{}` contacts lie {degrees:.1} degrees off their common axis, expected at most {MOST_OFF_AXIS}", shape.name())]
    OffAxis {
        /// The array's shape.
        shape: Shape,
        /// How many contacts it has.
        contacts: usize,
        /// See [`PrincipalAxis::off_axis_degrees`].
        degrees: f64,
    },
    /// BlueRecording would take another thickness.
    #[error("{contacts} `{}` contacts are not in order along their axis: default thickness {sorted} um, by file order {file_order} um", shape.name())]
    Spacing {
        /// The array's shape.
        shape: Shape,
        /// How many contacts it has.
        contacts: usize,
        /// The thickness by neighbours along the axis, um.
        sorted: f64,
        /// The thickness by neighbours in the file, um.
        file_order: f64,
    },
}

impl Warning {
    /// Advice, apart from the fact.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::OffAxis { .. } => Some("name the array of each shank: `--csd-array first:end`".into()),
            Self::Spacing { .. } => Some("BlueRecording goes by file order: `--csd-spacing file-order`".into()),
        }
    }
}

impl Problem for Warning {
    fn hint(&self) -> Option<String> {
        Self::hint(self)
    }
}

/// Contacts of one shape that share an axis.
pub(super) struct Array {
    shape: Shape,
    number: usize,
    axis: PrincipalAxis,
    default_thickness: Option<f64>,
    pub(super) warnings: Vec<Warning>,
}

impl Array {
    fn has(&self, contact: &Contact) -> bool {
        self.shape == contact.setting.shape && self.number == contact.array
    }

    /// The array of some contacts, all those of one shape and number.
    fn of(contacts: &[Contact], shape: Shape, number: usize, spacing: Spacing) -> Result<Self, CsdProblem> {
        let points: Vec<Point> = contacts.iter().map(|c| c.position).collect();
        let axis = PrincipalAxis::of(&points).map_err(|source| CsdProblem::NoAxis { shape, source })?;
        let mut array = Self { shape, number, axis, default_thickness: None, warnings: Vec::new() };
        let degrees = axis.off_axis_degrees;
        if degrees > MOST_OFF_AXIS {
            array.warnings.push(Warning::OffAxis { shape, contacts: points.len(), degrees });
        }
        if contacts.iter().any(|c| c.setting.thickness.is_none()) {
            array.space(&points, spacing)?;
        }
        Ok(array)
    }

    /// Sets the default thickness, with a warning where the rules differ and the original's is not asked for.
    fn space(&mut self, points: &[Point], spacing: Spacing) -> Result<(), CsdProblem> {
        let mut projected: Vec<f64> = points.iter().map(|&p| self.axis.project(p)).collect();
        let file_order = half_mean_spacing(&projected);
        projected.sort_unstable_by(f64::total_cmp);
        let sorted = half_mean_spacing(&projected);
        let chosen = match spacing {
            Spacing::Sorted => sorted,
            Spacing::FileOrder => file_order,
        };
        let chosen = chosen.ok_or(CsdProblem::NoSpacing { shape: self.shape })?;
        self.default_thickness = Some(chosen);
        if let Some(file_order) = file_order.filter(|other| (other - chosen).abs() > SPACING_TOLERANCE * chosen) {
            let (shape, contacts) = (self.shape, points.len());
            self.warnings.push(Warning::Spacing { shape, contacts, sorted: chosen, file_order });
        }
        Ok(())
    }
}

/// Half the mean distance of neighbours in a list; none where no two are apart.
fn half_mean_spacing(projected: &[f64]) -> Option<f64> {
    let steps = projected.iter().zip(projected.iter().skip(1)).map(|(a, b)| (b - a).abs());
    let (sum, count) = steps.filter(|step| *step >= LEAST_SPACING).fold((0.0, 0.0), |(s, n), step| (s + step, n + 1.0));
    (count > 0.0).then(|| sum / count / 2.0)
}

/// The arrays of disks and planes; spheres need none.
pub(super) fn arrays(contacts: &[Contact], spacing: Spacing) -> Result<Vec<Array>> {
    let mut arrays: Vec<Array> = Vec::new();
    for contact in contacts.iter().filter(|c| c.setting.shape != Shape::Sphere) {
        if !arrays.iter().any(|array| array.has(contact)) {
            let (shape, number) = (contact.setting.shape, contact.array);
            let own = |c: &&Contact| c.setting.shape == shape && c.array == number;
            let own: Vec<Contact> = contacts.iter().filter(own).copied().collect();
            arrays.push(Array::of(&own, shape, number, spacing)?);
        }
    }
    Ok(arrays)
}

/// The axis of a contact's array, and the contact's thickness along it.
pub(super) fn layer(contact: &Contact, arrays: &[Array]) -> Result<(Point, f64), CsdProblem> {
    let Setting { shape, thickness, .. } = contact.setting;
    let alone = CsdProblem::NoAxis { shape, source: NoAxis { points: 0 } };
    let array = arrays.iter().find(|array| array.has(contact)).ok_or(alone)?;
    let thickness = thickness.or(array.default_thickness).ok_or(CsdProblem::NoSpacing { shape })?;
    let fits = thickness > 0.0 && thickness.is_finite();
    if fits { Ok((array.axis.direction, thickness)) } else { Err(CsdProblem::Thickness(thickness)) }
}
