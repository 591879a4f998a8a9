//! Settings that a contact can have, and the methods that accept them.

/// A setting of a single contact. A method lists the settings that it accepts ([`super::Method::accepted_settings`]);
/// reading a file fails if a contact has another one, so that no setting is ignored silently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingKind {
    /// Conductivity of the medium, S/m.
    Conductivity,
    /// Conductivity along x, y and z, S/m.
    Anisotropy,
    /// The lead field to read weights from.
    Field,
    /// Radius of the region, µm.
    Radius,
    /// Thickness of the region, µm.
    Thickness,
    /// The array that the contact belongs to.
    Array,
    /// The measure of a segment.
    Measure,
    /// Whether the measure is divided by the region's volume.
    PerVolume,
    /// A plane beyond which the medium conducts differently.
    Boundary,
    /// The contact, or average, that is subtracted.
    Reference,
    /// A disc contact instead of a point.
    Disc,
}

impl SettingKind {
    /// Settings of a contact in a conducting medium.
    pub const MEDIUM_SETTINGS: &'static [Self] = &[Self::Conductivity, Self::Anisotropy, Self::Boundary, Self::Disc];
    /// Settings of every contact, for any method, because they apply to the column.
    pub const COMMON_SETTINGS: &'static [Self] = &[Self::Reference];

    /// Returns its key in electrodes files.
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
