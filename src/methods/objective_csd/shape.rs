//! The shapes of regions, and their sizes as electrode files write them.

use super::CsdProblem;

/// The three kinds of region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A ball round the contact.
    Sphere,
    /// A disk across the array.
    Disk,
    /// A layer across the array, without end.
    Plane,
}

impl Shape {
    /// All shapes.
    pub const ALL: [Self; 3] = [Self::Sphere, Self::Disk, Self::Plane];

    /// The method's name in electrode files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sphere => "ObjectiveCSD_Sphere",
            Self::Disk => "ObjectiveCSD_Disk",
            Self::Plane => "ObjectiveCSD_Plane",
        }
    }

    /// The name with its settings.
    pub(super) const fn form(self) -> &'static str {
        match self {
            Self::Sphere => "ObjectiveCSD_Sphere[_RADIUS]",
            Self::Disk => "ObjectiveCSD_Disk[_RADIUS[_THICKNESS]]",
            Self::Plane => "ObjectiveCSD_Plane[_THICKNESS]",
        }
    }
}

/// A shape and its sizes, as an electrode file's `type` gives them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Setting {
    /// The shape.
    pub shape: Shape,
    /// Radius, um; none for the default.
    pub radius: Option<f64>,
    /// Half the extent along the axis, um; none for the default.
    pub thickness: Option<f64>,
}

impl Setting {
    /// Reads a type such as `ObjectiveCSD_Disk_200_40`; none where it begins with no shape's name.
    ///
    /// # Errors
    /// [`CsdProblem::Type`] where what follows the name is not the shape's sizes.
    pub fn parse(text: &str) -> Result<Option<Self>, CsdProblem> {
        let rest = |shape: Shape| Some((shape, text.strip_prefix(shape.name())?));
        let Some((shape, rest)) = Shape::ALL.into_iter().find_map(rest) else { return Ok(None) };
        let bad = || CsdProblem::Type { expected: shape.form(), found: text.into() };
        let sizes: Vec<f64> = match rest.strip_prefix('_') {
            Some(sizes) => sizes.split('_').map(str::parse).collect::<Result<_, _>>().map_err(|_| bad())?,
            None if rest.is_empty() => Vec::new(),
            None => return Err(bad()),
        };
        let (radius, thickness) = match (shape, sizes.as_slice()) {
            (_, []) => (None, None),
            (Shape::Sphere | Shape::Disk, &[radius]) => (Some(radius), None),
            (Shape::Disk, &[radius, thickness]) => (Some(radius), Some(thickness)),
            (Shape::Plane, &[thickness]) => (None, Some(thickness)),
            _ => return Err(bad()),
        };
        Ok(Some(Self { shape, radius, thickness }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DISK: Setting = Setting { shape: Shape::Disk, radius: None, thickness: None };
    const PLANE: Setting = Setting { shape: Shape::Plane, ..DISK };
    const SPHERE: Setting = Setting { shape: Shape::Sphere, ..DISK };

    #[test]
    fn types_are_read_with_their_sizes() {
        let parse = |text| Setting::parse(text).unwrap().unwrap();
        assert_eq!(parse("ObjectiveCSD_Sphere"), SPHERE);
        assert_eq!(parse("ObjectiveCSD_Sphere_50"), Setting { radius: Some(50.0), ..SPHERE });
        assert_eq!(parse("ObjectiveCSD_Disk_2e2"), Setting { radius: Some(200.0), ..DISK });
        let both = Setting { radius: Some(200.0), thickness: Some(40.5), ..DISK };
        assert_eq!(parse("ObjectiveCSD_Disk_200_40.5"), both);
        assert_eq!(parse("ObjectiveCSD_Plane_7"), Setting { thickness: Some(7.0), ..PLANE });
        assert_eq!(Setting::parse("LineSource"), Ok(None));
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
            let problem = Setting::parse(text).unwrap_err().to_string();
            assert_eq!(problem, format!("bad type, expected `{form}`, found `{text}`"));
        }
    }
}
