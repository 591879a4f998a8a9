//! Kinds of the morphologies of a synthetic circuit, chosen by number, so that a few of them show every kind.

use crate::segments::SectionType;

/// Shape of the dendrites.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NeuronClass {
    /// Basal trees and an apical one with trunk, side branches and tuft.
    Pyramidal,
    /// Basal trees only.
    Interneuron,
}

impl NeuronClass {
    /// Both classes, in the order of their indices.
    pub const ALL: [Self; 2] = [Self::Pyramidal, Self::Interneuron];

    /// Returns a short name, the first part of a morphology's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pyramidal => "PC",
            Self::Interneuron => "IN",
        }
    }

    pub const fn etype(self) -> &'static str {
        match self {
            Self::Pyramidal => "cADpyr",
            Self::Interneuron => "cNAC",
        }
    }

    pub const fn synapse_class(self) -> &'static str {
        match self {
            Self::Pyramidal => "EXC",
            Self::Interneuron => "INH",
        }
    }

    pub fn mtype(self, layer: &str) -> String {
        match self {
            Self::Pyramidal => format!("L{layer}_TPC"),
            Self::Interneuron => format!("L{layer}_BC"),
        }
    }

    /// Returns the name of the cell template and of its file.
    pub fn template_name(self, layer: &str) -> String {
        format!("{}_{}", self.etype(), self.mtype(layer))
    }
}

/// Kind of axon; the four kinds are the cases that the rules for replacing an axon treat differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AxonKind {
    /// The path length of the first terminal in section order exceeds 1060 µm from the soma.
    Long,
    /// Only a later terminal exceeds it.
    Late,
    /// No terminal exceeds it.
    Short,
    /// As `Long`, but the first sample is more than 20 µm from the soma and the next ones are about 30 µm apart.
    Far,
}

impl AxonKind {
    const ALL: [Self; 4] = [Self::Long, Self::Late, Self::Short, Self::Far];

    /// Returns the second part of a morphology's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Long => "long",
            Self::Late => "late",
            Self::Short => "short",
            Self::Far => "far",
        }
    }
}

/// Size of the soma.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SomaSize {
    /// Shorter than 40 µm: one segment.
    Normal,
    /// Longer than 40 µm: three segments.
    Large,
}

/// The kind of one morphology.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct MorphologySpec {
    /// Number of the morphology.
    pub number: usize,
    /// Class, which determines the dendrites.
    pub class: NeuronClass,
    /// Kind of axon.
    pub axon: AxonKind,
    /// Size of the soma.
    pub soma_size: SomaSize,
    /// Order of the trees in the files.
    pub tree_order: [SectionType; 3],
}

const TREE_ORDERS: [[SectionType; 3]; 6] = {
    use SectionType::{Apic as P, Axon as A, Dend as D};
    [[A, D, P], [D, A, P], [P, D, A], [D, P, A], [A, P, D], [P, A, D]]
};

impl MorphologySpec {
    /// Returns the kind of a morphology: axons cycle with period 4, dendrites with 3, somata with 5, without a common
    /// factor.
    pub fn from_number(number: usize) -> Self {
        Self {
            number,
            class: if number % 3 == 2 { NeuronClass::Interneuron } else { NeuronClass::Pyramidal },
            axon: AxonKind::ALL[number % AxonKind::ALL.len()],
            soma_size: if number % 5 == 3 { SomaSize::Large } else { SomaSize::Normal },
            tree_order: TREE_ORDERS[(number + number / 4) % TREE_ORDERS.len()],
        }
    }

    /// Returns the morphology's name: `PC_long_00`.
    pub fn name(&self) -> String {
        format!("{}_{}_{:02}", self.class.name(), self.axon.name(), self.number)
    }
}
