//! Tokens of Neurolucida's text format, and the meaning of its words. White space and comments (`; ...`) are skipped.

use super::problem::AscProblem;
use crate::error::{Error, Problem, Result};
use crate::morphology::clip_word;
use crate::segments::SectionType;

/// Returns whether a word is intended as a number, even a malformed one.
pub(super) fn is_numeric(word: &str) -> bool {
    let starts_so = word.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.'));
    starts_so || ["nan", "inf", "infinity"].iter().any(|n| word.eq_ignore_ascii_case(n))
}

/// Returns the section type that a word is intended as, in any capitalisation; `Cell` is followed by `Body`.
pub(super) fn parse_section_type(word: &str) -> Option<SectionType> {
    match word.to_ascii_lowercase().as_str() {
        "axon" => Some(SectionType::Axon),
        "dendrite" => Some(SectionType::Dend),
        "apical" => Some(SectionType::Apic),
        "cellbody" | "cell" => Some(SectionType::Soma),
        _ => None,
    }
}

/// Returns the type of a neurite, in the capitalisation that NEURON's importer requires.
pub(super) fn parse_neurite_type(word: &str) -> Option<SectionType> {
    match word {
        "Axon" => Some(SectionType::Axon),
        "Dendrite" => Some(SectionType::Dend),
        "Apical" => Some(SectionType::Apic),
        _ => None,
    }
}

/// Returns whether NEURON's importer reads a contour with this label as the soma.
pub(super) fn is_soma_label(label: &str) -> bool {
    matches!(label, "CellBody" | "Cell Body" | "Soma")
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum AscToken<'a> {
    Open,
    Close,
    Bar,
    OpenSpine,
    CloseSpine,
    /// A word or a number.
    Word(&'a str),
    /// A quoted text, without the quotes.
    Label(&'a str),
    End,
}

impl std::fmt::Display for AscToken<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Open => write!(f, "`(`"),
            Self::Close => write!(f, "`)`"),
            Self::Bar => write!(f, "`|`"),
            Self::OpenSpine => write!(f, "`<`"),
            Self::CloseSpine => write!(f, "`>`"),
            Self::Word(word) => write!(f, "`{}`", clip_word(word)),
            Self::Label(label) => write!(f, "`\"{}\"`", clip_word(label)),
            Self::End => write!(f, "the end of the file"),
        }
    }
}

/// Returns an error on a line.
pub(super) fn error_in_line(line: u64, problem: impl Problem) -> Error {
    Error::from(problem).at_index("line", line)
}

/// Returns the error for a token that is not allowed here.
pub(super) fn unexpected_token(line: u64, expected: &'static str, found: AscToken<'_>) -> Error {
    error_in_line(line, AscProblem::Unexpected { expected, found: found.to_string() })
}

/// Returns the error for a bracket that is not closed; `found` is what follows instead.
pub(super) fn unclosed_bracket(line: u64, found: String) -> Error {
    error_in_line(line, AscProblem::NotClosed { found })
}

/// Splits a text into tokens.
pub(super) struct Lexer<'a> {
    text: &'a str,
    /// Offset of the next byte.
    offset: usize,
    /// Line of the next byte.
    line: u64,
    /// A token that was peeked, and its line.
    ahead: Option<(AscToken<'a>, u64)>,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, offset: 0, line: 1, ahead: None }
    }

    /// Returns the next token and its line.
    pub(super) fn next_token(&mut self) -> Result<(AscToken<'a>, u64)> {
        match self.ahead.take() {
            Some(token) => Ok(token),
            None => self.scan_token(),
        }
    }

    /// Returns the next token without consuming it.
    pub(super) fn peek(&mut self) -> Result<(AscToken<'a>, u64)> {
        let token = self.next_token()?;
        self.ahead = Some(token);
        Ok(token)
    }

    fn scan_token(&mut self) -> Result<(AscToken<'a>, u64)> {
        self.skip_blanks();
        let line = self.line;
        let Some(byte) = self.current_byte() else { return Ok((AscToken::End, line)) };
        self.offset += 1;
        let token = match byte {
            b'(' => AscToken::Open,
            b')' => AscToken::Close,
            b'|' => AscToken::Bar,
            b'"' => AscToken::Label(self.scan_label()?),
            b'<' => AscToken::OpenSpine,
            b'>' => AscToken::CloseSpine,
            b',' => AscToken::Word(self.text_since(self.offset - 1)),
            _ => self.scan_word(),
        };
        Ok((token, line))
    }

    fn current_byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.offset).copied()
    }

    /// Returns the text from a byte to the current one; both are next to an ASCII byte, so neither is inside a
    /// character.
    fn text_since(&self, from: usize) -> &'a str {
        self.text.get(from..self.offset).unwrap_or_default()
    }

    fn skip_byte(&mut self, byte: u8) {
        self.offset += 1;
        // a carriage return alone also ends a line
        self.line += u64::from(byte == b'\n' || byte == b'\r' && self.current_byte() != Some(b'\n'));
    }

    fn scan_word(&mut self) -> AscToken<'a> {
        let from = self.offset - 1;
        let rest = self.text.as_bytes().get(self.offset..).unwrap_or_default();
        self.offset += rest.iter().position(|&b| ENDS_WORD[usize::from(b)]).unwrap_or(rest.len());
        AscToken::Word(self.text_since(from))
    }

    fn scan_label(&mut self) -> Result<&'a str> {
        let (from, line) = (self.offset, self.line);
        while let Some(byte) = self.current_byte().filter(|&byte| byte != b'\n' && byte != b'\r') {
            if byte == b'"' {
                let label = self.text_since(from);
                self.offset += 1;
                return Ok(label);
            }
            self.skip_byte(byte);
        }
        Err(error_in_line(line, AscProblem::Unterminated { opening: '"', closing: '"', found: "line" }))
    }

    fn skip_blanks(&mut self) {
        loop {
            let rest = self.text.as_bytes().get(self.offset..).unwrap_or_default();
            self.offset += rest.iter().take_while(|&&byte| byte == b' ').count();
            match self.current_byte() {
                Some(b';') => self.skip_comment(),
                Some(byte) if byte.is_ascii_whitespace() => self.skip_byte(byte),
                _ => return,
            }
        }
    }

    fn skip_comment(&mut self) {
        let rest = self.text.as_bytes().get(self.offset..).unwrap_or_default();
        self.offset += rest.iter().position(|&b| b == b'\n' || b == b'\r').unwrap_or(rest.len());
    }
}

/// Whether a byte ends a word: a table, because it is looked up for most bytes of a file.
const ENDS_WORD: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = (byte as u8).is_ascii_whitespace()
            || matches!(byte as u8, b'(' | b')' | b'|' | b';' | b'"' | b'<' | b'>' | b',');
        byte += 1;
    }
    table
};
