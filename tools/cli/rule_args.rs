//! Options of several tools for dividing neurons into segments.

use leadfield::circuit;
use leadfield::circuit::hoc::AxonReplacement;
use leadfield::geometry;

/// [`circuit::Discretisation`] as an option.
#[derive(Clone, Copy, clap::ValueEnum)]
pub enum DiscretisationArg {
    /// By a compartment report
    Report,
    /// Computed from the morphologies, by the rule of the cell templates
    Rule,
}

impl From<DiscretisationArg> for circuit::Discretisation {
    fn from(option: DiscretisationArg) -> Self {
        match option {
            DiscretisationArg::Report => Self::Report,
            DiscretisationArg::Rule => Self::Rule,
        }
    }
}

/// [`geometry::EulerOrder`] as an option.
#[derive(Clone, Copy, clap::ValueEnum)]
pub enum EulerOrderArg {
    /// z, then y, then x: the SONATA guide
    Sonata,
    /// x, then y, then z
    Neurodamus,
}

impl From<EulerOrderArg> for geometry::EulerOrder {
    fn from(option: EulerOrderArg) -> Self {
        match option {
            EulerOrderArg::Sonata => Self::Sonata,
            EulerOrderArg::Neurodamus => Self::Neurodamus,
        }
    }
}

/// [`AxonReplacement`](circuit::AxonReplacement) as an option.
#[derive(Clone, Copy, clap::ValueEnum)]
pub enum AxonRuleArg {
    /// Two stubs of 30 µm with 5 segments each, 1000 µm of myelin with 5
    Taper,
    /// Two stubs of 30 µm with 5 segments each
    Legacy,
    /// Two stubs of 30 µm with 1 segment each
    Bluepyopt,
    /// The same, after the axon was deleted
    Delete,
    /// The axon as reconstructed
    Keep,
}

impl From<AxonRuleArg> for AxonReplacement {
    fn from(option: AxonRuleArg) -> Self {
        match option {
            AxonRuleArg::Taper => Self::Taper,
            AxonRuleArg::Legacy => Self::Legacy,
            AxonRuleArg::Bluepyopt => Self::BluePyOpt,
            AxonRuleArg::Delete => Self::Delete,
            AxonRuleArg::Keep => Self::Keep,
        }
    }
}
