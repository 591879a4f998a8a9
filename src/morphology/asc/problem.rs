//! Reasons why a text of Neurolucida's format is invalid.

use crate::error::Problem;

/// Maximum number of levels of branching: far more than any neuron has, and few enough for any memory.
pub(super) const MAX_BRANCH_LEVELS: usize = 100_000;

/// Reasons why an ASC file is invalid, apart from the problems of any morphology.
#[derive(Debug, thiserror::Error)]
pub(super) enum AscProblem {
    #[error("unexpected token, expected {expected}, found {found}")]
    Unexpected { expected: &'static str, found: String },
    #[error("`(` is not closed, expected `)`, found {found}")]
    NotClosed { found: String },
    #[error("`{opening}` is not closed, expected `{closing}`, found the end of the {found}")]
    Unterminated { opening: char, closing: char, found: &'static str },
    #[error("point has too few numbers, expected 3 or 4 (x, y, z, diameter), found {0}")]
    ShortPoint(usize),
    #[error("unknown section type, expected `(Axon)`, `(Dendrite)` or `(Apical)` before the first point, found {0}")]
    Type(String),
    #[error("unknown label of a cell body, expected `\"CellBody\"`, `\"Cell Body\"` or `\"Soma\"`, found {0}")]
    SomaLabel(String),
    #[error("neurite has a label, expected the block to begin with a list, found `\"{0}\"`")]
    LabelledNeurite(String),
    #[error("points are missing, expected at least 1, found {found}")]
    NoPoints { found: &'static str },
    #[error("{found} follows {before}, expected {expected}")]
    Late { found: &'static str, before: &'static str, expected: &'static str },
    #[error(
        "annotation cannot be read, expected names, numbers, texts without `@` and colours, or points after \
         properties, found {found}"
    )]
    Annotation { found: String },
    #[error("cell body branches, expected a contour, found a branching")]
    SomaBranches,
    #[error("soma contour has no area, expected an outline, found points on a line")]
    FlatContour,
    #[error("branches are nested too deeply, expected at most {MAX_BRANCH_LEVELS} levels, found more")]
    TooDeep,
}

impl Problem for AscProblem {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Type(_) => {
                "NEURON's importer ignores the tree: give it one of these types, as its last property, or remove it"
            }
            Self::SomaLabel(_) => "NEURON's importer ignores the contour: give the block this label",
            Self::LabelledNeurite(_) => "NEURON's importer ignores the tree: remove the label",
            Self::Annotation { .. } | Self::NoPoints { .. } | Self::Late { .. } | Self::ShortPoint(_) => {
                "NEURON's importer stops here, and returns an empty cell"
            }
            Self::FlatContour => "NEURON's importer finds no centre line in it, and stops",
            _ => return None,
        };
        Some(hint.into())
    }
}
