//! What stands before the first point of a block of Neurolucida's format.

use super::lexer::{Token, is_soma_label, neurite_type, section_type};
use super::problem::AscProblem;
use crate::morphology::clipped;
use crate::segments::SectionType;

/// What stands before a block's first point.
#[derive(Default)]
pub(super) struct Header<'a> {
    /// The label with which the block begins.
    pub label: Option<&'a str>,
    /// The first word of the last property: the section type, where the block has no label.
    pub property: Option<&'a str>,
    /// The last property that names a section type, in whatever spelling.
    pub kind: Option<SectionType>,
}

impl Header<'_> {
    /// What the block is for NEURON's importer: the cell body, a neurite, or, as none, an annotation.
    pub fn section_type(&self) -> Result<Option<SectionType>, AscProblem> {
        let Some(label) = self.label else {
            let property = self.property.map_or("none".into(), |w| format!("`({})`", clipped(w)));
            return match self.property.and_then(neurite_type) {
                Some(kind) => Ok(Some(kind)),
                None if self.kind == Some(SectionType::Soma) => Err(AscProblem::SomaLabel("none".into())),
                None => Err(AscProblem::Type(property)),
            };
        };
        let is_meant_as_soma = || label.bytes().filter(|&b| b != b' ').map(|b| b.to_ascii_lowercase()).eq(*b"cellbody");
        match self.kind {
            _ if is_soma_label(label) => Ok(Some(SectionType::Soma)),
            Some(SectionType::Soma) => Err(AscProblem::SomaLabel(Token::Label(label).to_string())),
            Some(_) => Err(AscProblem::LabelledNeurite(clipped(label))),
            None if is_meant_as_soma() => Err(AscProblem::SomaLabel(Token::Label(label).to_string())),
            None => Ok(None),
        }
    }
}

impl<'a> Header<'a> {
    /// Takes a property by its first word.
    pub fn property(&mut self, word: &'a str) {
        self.property = Some(word);
        self.kind = section_type(word).or(self.kind);
    }
}
