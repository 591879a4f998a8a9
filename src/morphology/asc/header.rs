//! The part of a block before its first point.

use super::lexer::{AscToken, is_soma_label, parse_neurite_type, parse_section_type};
use super::problem::AscProblem;
use crate::morphology::clip_word;
use crate::segments::SectionType;

/// The part of a block before its first point.
#[derive(Default)]
pub(super) struct BlockHeader<'a> {
    /// The label with which the block begins.
    pub label: Option<&'a str>,
    /// The first word of the last property: the section type, if the block has no label.
    pub last_property: Option<&'a str>,
    /// The section type of the last property that names one, in any capitalisation.
    pub named_type: Option<SectionType>,
}

impl BlockHeader<'_> {
    /// Returns what NEURON's importer reads the block as: the soma, a neurite, or (`None`) an annotation.
    pub fn section_type(&self) -> Result<Option<SectionType>, AscProblem> {
        let Some(label) = self.label else {
            let property = self.last_property.map_or("none".into(), |w| format!("`({})`", clip_word(w)));
            return match self.last_property.and_then(parse_neurite_type) {
                Some(kind) => Ok(Some(kind)),
                None if self.named_type == Some(SectionType::Soma) => Err(AscProblem::SomaLabel("none".into())),
                None => Err(AscProblem::Type(property)),
            };
        };
        let is_meant_as_soma = || label.bytes().filter(|&b| b != b' ').map(|b| b.to_ascii_lowercase()).eq(*b"cellbody");
        match self.named_type {
            _ if is_soma_label(label) => Ok(Some(SectionType::Soma)),
            Some(SectionType::Soma) => Err(AscProblem::SomaLabel(AscToken::Label(label).to_string())),
            Some(_) => Err(AscProblem::LabelledNeurite(clip_word(label))),
            None if is_meant_as_soma() => Err(AscProblem::SomaLabel(AscToken::Label(label).to_string())),
            None => Ok(None),
        }
    }
}

impl<'a> BlockHeader<'a> {
    /// Adds a property by its first word.
    pub fn add_property(&mut self, word: &'a str) {
        self.last_property = Some(word);
        self.named_type = parse_section_type(word).or(self.named_type);
    }
}
