//! What kind of neuron each morphology of a synthetic circuit is: by its number, so that few of them show every kind.

use crate::segments::SectionType;

/// The two shapes of dendrites.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NeuronClass {
    /// Basal trees and an apical one with trunk, side branches and tuft.
    Pyramidal,
    /// Basal trees only.
    Interneuron,
}

impl NeuronClass {
    /// Both, in the order of their indices.
    pub const ALL: [Self; 2] = [Self::Pyramidal, Self::Interneuron];

    /// Short name, the first part of a morphology's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pyramidal => "PC",
            Self::Interneuron => "IN",
        }
    }
}

/// The four kinds of axon, by the places where rules for replacing an axon part ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AxonKind {
    /// The first terminal in section order is further than 1060 um along the path from the soma.
    Long,
    /// The first terminal is nearer, a later one is further.
    Late,
    /// No terminal is further.
    Short,
    /// As `Long`, but the first sample is more than 20 um from the soma and the next ones are about 30 um apart.
    Far,
}

impl AxonKind {
    const ALL: [Self; 4] = [Self::Long, Self::Late, Self::Short, Self::Far];

    /// The second part of a morphology's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Long => "long",
            Self::Late => "late",
            Self::Short => "short",
            Self::Far => "far",
        }
    }
}

/// The size of the cell body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SomaSize {
    /// Shorter than 40 um: one segment.
    Normal,
    /// Longer than 40 um: three segments.
    Large,
}

/// The kind of one morphology.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct MorphologySpec {
    /// Its number.
    pub number: usize,
    /// Dendrites.
    pub class: NeuronClass,
    /// Axon.
    pub axon: AxonKind,
    /// Cell body.
    pub soma_size: SomaSize,
    /// The order of trees in its files.
    pub tree_order: [SectionType; 3],
}

const TREE_ORDERS: [[SectionType; 3]; 6] = {
    use SectionType::{Apic as P, Axon as A, Dend as D};
    [[A, D, P], [D, A, P], [P, D, A], [D, P, A], [A, P, D], [P, A, D]]
};

impl MorphologySpec {
    /// Axons cycle with period 4, dendrites with 3, bodies with 5: periods without a common factor.
    pub fn from_number(number: usize) -> Self {
        Self {
            number,
            class: if number % 3 == 2 { NeuronClass::Interneuron } else { NeuronClass::Pyramidal },
            axon: AxonKind::ALL[number % AxonKind::ALL.len()],
            soma_size: if number % 5 == 3 { SomaSize::Large } else { SomaSize::Normal },
            tree_order: TREE_ORDERS[(number + number / 4) % TREE_ORDERS.len()],
        }
    }

    /// The morphology's name: `PC_long_00`.
    pub fn name(&self) -> String {
        format!("{}_{}_{:02}", self.class.name(), self.axon.name(), self.number)
    }
}
