//! The known forms in which templates treat the axon.

/// Treatment of a neuron's axon by a cell template.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AxonReplacement {
    /// Two stubs of 30 µm with 5 segments each, and a myelin of 1000 µm with 5.
    Taper,
    /// Two stubs of 30 µm with 5 segments each.
    Legacy,
    /// Two stubs of 30 µm with 1 segment each, whatever axon the morphology has.
    BluePyOpt,
    /// The stubs of `BluePyOpt`, after the axon was deleted, whatever its diameters.
    Delete,
    /// Stubs of 20 and 30 µm, cut into 5 and 7 segments by chunks of 10 µm.
    DeleteFine,
    /// The axon is kept as reconstructed.
    Keep,
}

/// Length and number of segments of a stub.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StubShape {
    /// Length, µm.
    pub length_um: f64,
    /// Number of segments.
    pub segments: u32,
}

const fn stub_shape(length_um: f64, segments: u32) -> StubShape {
    StubShape { length_um, segments }
}

impl AxonReplacement {
    /// All forms.
    pub const ALL: [Self; 6] = [Self::Taper, Self::Legacy, Self::BluePyOpt, Self::Delete, Self::DeleteFine, Self::Keep];

    /// Returns the stubs: two of the axon initial segment, then myelin; empty if the axon is kept.
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

    /// Returns the name of the rule.
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

    /// Describes the treatment for messages.
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Taper => "axon replaced by two stubs and myelin",
            Self::Legacy => "axon replaced by two stubs of 5 segments",
            Self::BluePyOpt | Self::Delete => "axon replaced by two stubs of 1 segment",
            Self::DeleteFine => "axon replaced by stubs of 5 and 7 segments",
            Self::Keep => "axon kept",
        }
    }

    /// Returns whether stubs replace the axon.
    pub const fn replaces_axon(self) -> bool {
        !matches!(self, Self::Keep)
    }

    /// Returns the number of axon sections that a neuron must have: three for the taper. Two for the others that
    /// replace an axon: the stubs take section ids 1 and 2, which would otherwise belong to dendrites.
    pub const fn min_axon_sections(self) -> usize {
        match self {
            Self::Taper => 3,
            Self::Legacy | Self::BluePyOpt | Self::Delete | Self::DeleteFine => 2,
            Self::Keep => 0,
        }
    }

    /// Returns the number of stub segments whose diameters are sampled from the original axon; 0 if the form samples
    /// none.
    pub const fn sampled_diameter_count(self) -> usize {
        match self {
            Self::Taper | Self::Legacy => 10,
            Self::BluePyOpt | Self::Delete | Self::DeleteFine | Self::Keep => 0,
        }
    }

    /// Returns the first form whose stubs have these numbers of segments.
    pub fn from_segment_counts(segments: &[u32]) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|f| f.replaces_axon() && f.stub_shapes().iter().map(|s| s.segments).eq(segments.iter().copied()))
    }
}
