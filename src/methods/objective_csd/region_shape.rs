//! The shapes of regions, and their sizes as written in electrodes files.

use super::CsdProblem;

/// The shape of a region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegionShape {
    /// A ball around the contact.
    Sphere,
    /// A disk perpendicular to the axis of the array.
    Disk,
    /// An unbounded layer perpendicular to the axis of the array.
    Plane,
}

impl RegionShape {
    /// All shapes.
    pub const ALL: [Self; 3] = [Self::Sphere, Self::Disk, Self::Plane];

    /// Returns the method's name in electrodes files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sphere => "ObjectiveCSD_Sphere",
            Self::Disk => "ObjectiveCSD_Disk",
            Self::Plane => "ObjectiveCSD_Plane",
        }
    }

    /// Returns the name with its sizes, as syntax.
    pub(super) const fn type_syntax(self) -> &'static str {
        match self {
            Self::Sphere => "ObjectiveCSD_Sphere[_RADIUS]",
            Self::Disk => "ObjectiveCSD_Disk[_RADIUS[_THICKNESS]]",
            Self::Plane => "ObjectiveCSD_Plane[_THICKNESS]",
        }
    }
}

/// A shape and its sizes, from the `type` of an electrodes file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RegionSpec {
    /// The shape.
    pub shape: RegionShape,
    /// Radius, µm; `None` for the default.
    pub radius_um: Option<f64>,
    /// Half the extent along the axis, µm; `None` for the default.
    pub thickness_um: Option<f64>,
}

impl RegionSpec {
    /// Parses a type such as `ObjectiveCSD_Disk_200_40`; returns `None` if it begins with no shape's name.
    ///
    /// # Errors
    /// Returns [`CsdProblem::Type`] if the text after the name is not the shape's sizes.
    pub fn parse(text: &str) -> Result<Option<Self>, CsdProblem> {
        let rest = |shape: RegionShape| Some((shape, text.strip_prefix(shape.name())?));
        let Some((shape, rest)) = RegionShape::ALL.into_iter().find_map(rest) else { return Ok(None) };
        let bad = || CsdProblem::Type { expected: shape.type_syntax(), found: text.into() };
        let sizes: Vec<f64> = match rest.strip_prefix('_') {
            Some(sizes) => sizes.split('_').map(str::parse).collect::<Result<_, _>>().map_err(|_| bad())?,
            None if rest.is_empty() => Vec::new(),
            None => return Err(bad()),
        };
        let (radius, thickness) = match (shape, sizes.as_slice()) {
            (_, []) => (None, None),
            (RegionShape::Sphere | RegionShape::Disk, &[radius]) => (Some(radius), None),
            (RegionShape::Disk, &[radius, thickness]) => (Some(radius), Some(thickness)),
            (RegionShape::Plane, &[thickness]) => (None, Some(thickness)),
            _ => return Err(bad()),
        };
        Ok(Some(Self { shape, radius_um: radius, thickness_um: thickness }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DISK: RegionSpec = RegionSpec { shape: RegionShape::Disk, radius_um: None, thickness_um: None };
    const PLANE: RegionSpec = RegionSpec { shape: RegionShape::Plane, ..DISK };
    const SPHERE: RegionSpec = RegionSpec { shape: RegionShape::Sphere, ..DISK };

    #[test]
    fn types_are_read_with_their_sizes() {
        let parse = |text| RegionSpec::parse(text).unwrap().unwrap();
        assert_eq!(parse("ObjectiveCSD_Sphere"), SPHERE);
        assert_eq!(parse("ObjectiveCSD_Sphere_50"), RegionSpec { radius_um: Some(50.0), ..SPHERE });
        assert_eq!(parse("ObjectiveCSD_Disk_2e2"), RegionSpec { radius_um: Some(200.0), ..DISK });
        let both = RegionSpec { radius_um: Some(200.0), thickness_um: Some(40.5), ..DISK };
        assert_eq!(parse("ObjectiveCSD_Disk_200_40.5"), both);
        assert_eq!(parse("ObjectiveCSD_Plane_7"), RegionSpec { thickness_um: Some(7.0), ..PLANE });
        assert_eq!(RegionSpec::parse("LineSource"), Ok(None));
    }

    #[test]
    fn types_with_other_sizes_are_refused() {
        let cases = [
            ("ObjectiveCSD_Sphere_1_2", "ObjectiveCSD_Sphere[_RADIUS]"),
            ("ObjectiveCSD_Disk_wide", "ObjectiveCSD_Disk[_RADIUS[_THICKNESS]]"),
            ("ObjectiveCSD_Disk_", "ObjectiveCSD_Disk[_RADIUS[_THICKNESS]]"),
            ("ObjectiveCSD_Planet", "ObjectiveCSD_Plane[_THICKNESS]"),
        ];
        for (text, form) in cases {
            let problem = RegionSpec::parse(text).unwrap_err().to_string();
            assert_eq!(problem, format!("bad type, expected `{form}`, found `{text}`"));
        }
    }
}
