//! The known forms of what a template does to the axon.

/// What a cell template does to a neuron's axon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AxonReplacement {
    /// Two stubs of 30 um with 5 segments each, and a myelin of 1000 um with 5.
    Taper,
    /// Two stubs of 30 um with 5 segments each.
    Legacy,
    /// Two stubs of 30 um with 1 segment each, in the place of whatever axon there is.
    BluePyOpt,
    /// The same stubs after the axon was deleted, whatever its diameters.
    Delete,
    /// Stubs of 20 and 30 um, cut into 5 and 7 segments by chunks of 10 um.
    DeleteFine,
    /// The axon as reconstructed.
    Keep,
}

/// A section that stands for a part of the axon.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StubShape {
    /// Its length, um.
    pub length_um: f64,
    /// Number of its segments.
    pub segments: u32,
}

const fn stub_shape(length_um: f64, segments: u32) -> StubShape {
    StubShape { length_um, segments }
}

impl AxonReplacement {
    /// All forms.
    pub const ALL: [Self; 6] = [Self::Taper, Self::Legacy, Self::BluePyOpt, Self::Delete, Self::DeleteFine, Self::Keep];

    /// The stubs: the two of the axon initial segment, then myelin; none where the axon is kept.
    pub const fn stub_shapes(self) -> &'static [StubShape] {
        const TAPER: [StubShape; 3] = [stub_shape(30.0, 5), stub_shape(30.0, 5), stub_shape(1000.0, 5)];
        const LEGACY: [StubShape; 2] = [stub_shape(30.0, 5), stub_shape(30.0, 5)];
        const UNCUT: [StubShape; 2] = [stub_shape(30.0, 1), stub_shape(30.0, 1)];
        const FINE: [StubShape; 2] = [stub_shape(20.0, 5), stub_shape(30.0, 7)];
        match self {
            Self::Taper => &TAPER,
            Self::Legacy => &LEGACY,
            Self::BluePyOpt | Self::Delete => &UNCUT,
            Self::DeleteFine => &FINE,
            Self::Keep => &[],
        }
    }

    /// The name of its rule.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Taper => "taper",
            Self::Legacy => "legacy",
            Self::BluePyOpt => "bluepyopt",
            Self::Delete => "delete",
            Self::DeleteFine => "delete, 20 and 30 um",
            Self::Keep => "keep",
        }
    }

    /// What it does, for people.
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Taper => "axon replaced by two stubs and myelin",
            Self::Legacy => "axon replaced by two stubs of 5 segments",
            Self::BluePyOpt | Self::Delete => "axon replaced by two stubs of 1 segment",
            Self::DeleteFine => "axon replaced by stubs of 5 and 7 segments",
            Self::Keep => "axon kept",
        }
    }

    /// Whether stubs take the axon's place.
    pub const fn replaces_axon(self) -> bool {
        !matches!(self, Self::Keep)
    }

    /// Axon sections that a neuron must have: three for the taper. Two for the others that replace an axon: the stubs
    /// take section ids 1 and 2, which would otherwise be those of dendrites.
    pub const fn min_axon_sections(self) -> usize {
        match self {
            Self::Taper => 3,
            Self::Legacy | Self::BluePyOpt | Self::Delete | Self::DeleteFine => 2,
            Self::Keep => 0,
        }
    }

    /// Number of stub segments that take diameters from the original axon, if the form does so.
    pub const fn sampled_diameter_count(self) -> usize {
        match self {
            Self::Taper | Self::Legacy => 10,
            Self::BluePyOpt | Self::Delete | Self::DeleteFine | Self::Keep => 0,
        }
    }

    /// The form whose stubs are cut into these numbers of segments; of several the first.
    pub fn from_segment_counts(segments: &[u32]) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|f| f.replaces_axon() && f.stub_shapes().iter().map(|s| s.segments).eq(segments.iter().copied()))
    }
}
