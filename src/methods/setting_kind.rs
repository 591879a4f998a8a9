//! What a contact can say for itself, and which method takes it.

/// A setting of a single contact. A method lists those that it takes ([`super::Method::accepted_settings`]); a contact that has
/// another one is refused when its file is read, so that none is lost in silence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingKind {
    /// Conductivity of the medium, S/m.
    Conductivity,
    /// Conductivity along x, y and z, S/m.
    Anisotropy,
    /// The lead field to look coefficients up in.
    Field,
    /// Radius of a region, um.
    Radius,
    /// Thickness of a region, um.
    Thickness,
    /// The array that the contact belongs to.
    Array,
    /// What is measured of a segment.
    Measure,
    /// Whether the measure is divided by the region's volume.
    PerVolume,
    /// A plane beyond which the medium conducts differently.
    Boundary,
    /// The contact, or average, that is subtracted.
    Reference,
    /// A contact of a certain size instead of a point.
    Disc,
}

impl SettingKind {
    /// Those of a contact in a medium that conducts.
    pub const MEDIUM_SETTINGS: &'static [Self] = &[Self::Conductivity, Self::Anisotropy, Self::Boundary, Self::Disc];
    /// Those of every contact, whatever its method: they are about the column.
    pub const COMMON_SETTINGS: &'static [Self] = &[Self::Reference];

    /// Its key in electrode files.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Conductivity => "conductivity",
            Self::Anisotropy => "conductivity sx,sy,sz",
            Self::Field => "field",
            Self::Radius => "radius",
            Self::Thickness => "thickness",
            Self::Array => "array",
            Self::Measure => "measure",
            Self::PerVolume => "per_volume",
            Self::Boundary => "boundary",
            Self::Reference => "reference",
            Self::Disc => "disc_radius",
        }
    }
}
