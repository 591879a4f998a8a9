//! What stands before the first point of a block of Neurolucida's format.

use super::lexer::{Token, is_soma_label};
use crate::morphology::clipped;
use crate::segments::SectionType;

/// What stands before a block's first point.
#[derive(Default)]
pub(super) struct Header<'a> {
    /// The section type, once it is known.
    pub kind: Option<SectionType>,
    /// The last property that is one word: perhaps a type that is not known.
    pub word: Option<&'a str>,
    /// The last label.
    pub label: Option<&'a str>,
}

impl<'a> Header<'a> {
    /// Takes a label, which may name the cell body.
    pub fn label(&mut self, label: &'a str) {
        self.label = Some(label);
        self.kind = is_soma_label(label).then_some(SectionType::Soma).or(self.kind);
    }

    /// What the block is called, for a message.
    pub fn name(&self) -> String {
        let word = self.word.map(|w| format!("`({})`", clipped(w)));
        word.or_else(|| self.label.map(|l| Token::Label(l).to_string())).unwrap_or_else(|| "none".into())
    }
}
