//! How neurons are cut into segments, as options of several tools.

use leadfield::circuit;
use leadfield::circuit::hoc::AxonForm;
use leadfield::geometry;

/// [`circuit::Discretisation`] as an option.
#[derive(Clone, Copy, clap::ValueEnum)]
pub enum Discretisation {
    /// A compartment report's
    Report,
    /// Computed from the morphologies, by the rule of the cell templates
    Rule,
}

impl From<Discretisation> for circuit::Discretisation {
    fn from(option: Discretisation) -> Self {
        match option {
            Discretisation::Report => Self::Report,
            Discretisation::Rule => Self::Rule,
        }
    }
}

/// [`geometry::EulerOrder`] as an option.
#[derive(Clone, Copy, clap::ValueEnum)]
pub enum EulerOrder {
    /// z, then y, then x: the SONATA guide
    Sonata,
    /// x, then y, then z
    Neurodamus,
}

impl From<EulerOrder> for geometry::EulerOrder {
    fn from(option: EulerOrder) -> Self {
        match option {
            EulerOrder::Sonata => Self::Sonata,
            EulerOrder::Neurodamus => Self::Neurodamus,
        }
    }
}

/// [`AxonForm`] as an option.
#[derive(Clone, Copy, clap::ValueEnum)]
pub enum AxonRule {
    /// Two stubs of 30 um with 5 segments each, 1000 um of myelin with 5
    Taper,
    /// Two stubs of 30 um with 5 segments each
    Legacy,
    /// Two stubs of 30 um with 1 segment each
    Bluepyopt,
    /// The same, after the axon was deleted
    Delete,
    /// The axon as reconstructed
    Keep,
}

impl From<AxonRule> for AxonForm {
    fn from(option: AxonRule) -> Self {
        match option {
            AxonRule::Taper => Self::Taper,
            AxonRule::Legacy => Self::Legacy,
            AxonRule::Bluepyopt => Self::BluePyOpt,
            AxonRule::Delete => Self::Delete,
            AxonRule::Keep => Self::Keep,
        }
    }
}
