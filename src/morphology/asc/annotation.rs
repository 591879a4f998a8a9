//! Annotations of Neurolucida's format: properties, `(Color Red)`, and markers, `(Dot (Color Red) (1 2 3 1))`. They are
//! skipped, but only if NEURON's importer can read them: otherwise it gives up on the whole file.
//!
//! Determined by running NEURON 9.0.2 on 160 forms:
//!
//! - The first word is a name: letters, digits and `_`, not starting with a digit. A word that starts with `RGB`, or in
//!   any capitalisation with `set`, `inf` or `nan`, is not a name.
//! - A property continues with names, numbers, quoted texts without `@`, and colours, `RGB (0, 128, 64)`, with or
//!   without commas. Words are read piece by piece: `5um` and `1-2` are two pieces, and `Dark-Red` cannot be read.
//! - A marker continues with properties, then points of two to four numbers; a name may follow the fourth.
//! - `(Set "NAME")` may occur before the first point. With objects in it, it is refused here.

use super::AscParser;
use super::lexer::{AscToken, error_in_line, unclosed_bracket};
use super::problem::AscProblem;
use crate::error::{Error, Result};

/// Contents of an annotation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum AnnotationContents {
    Words,
    /// Points, so the annotation is a marker.
    Points,
}

impl<'a> AscParser<'a> {
    /// Skips an annotation whose bracket was opened on this line, after its first word.
    pub(super) fn skip_annotation(&mut self, first: &'a str, line: u64) -> Result<AnnotationContents> {
        if first.eq_ignore_ascii_case("set") {
            return self.skip_set().map(|()| AnnotationContents::Words);
        }
        if !begins_with_name(first) {
            return Err(unreadable_annotation(line, AscToken::Word(first)));
        }
        if is_name(first) && self.lexer.peek()?.0 == AscToken::Open {
            return self.skip_marker(line).map(|()| AnnotationContents::Points);
        }
        self.skip_property(line).map(|()| AnnotationContents::Words)
    }

    /// Skips the rest of a property, and its closing bracket.
    fn skip_property(&mut self, line: u64) -> Result<()> {
        loop {
            match self.lexer.next_token()? {
                (AscToken::Close, _) => return Ok(()),
                (AscToken::Word("RGB"), _) => self.skip_colour()?,
                (AscToken::Word(word), _) if is_names_and_numbers(word) => {}
                (AscToken::Label(text), _) if !text.contains('@') => {}
                (AscToken::End, _) => return Err(unclosed_bracket(line, "the end of the file".into())),
                (other, at) => return Err(unreadable_annotation(at, other)),
            }
        }
    }

    /// Skips the rest of `(Set "NAME")`.
    fn skip_set(&mut self) -> Result<()> {
        match self.lexer.next_token()? {
            (AscToken::Label(text), _) if !text.contains('@') => {}
            (other, at) => return Err(unreadable_annotation(at, other)),
        }
        self.expect_close()
    }

    fn expect_close(&mut self) -> Result<()> {
        match self.lexer.next_token()? {
            (AscToken::Close, _) => Ok(()),
            (other, at) => Err(unreadable_annotation(at, other)),
        }
    }

    /// Skips the three numbers of a colour.
    fn skip_colour(&mut self) -> Result<()> {
        match self.lexer.next_token()? {
            (AscToken::Open, _) => {}
            (other, at) => return Err(unreadable_annotation(at, other)),
        }
        match self.skip_numbers(3)? {
            3 => self.expect_close(),
            _ => {
                let (found, at) = self.lexer.next_token()?;
                Err(unreadable_annotation(at, found))
            }
        }
    }

    /// Skips at most `most` numbers, with or without a comma between two; returns how many were found.
    fn skip_numbers(&mut self, most: usize) -> Result<usize> {
        let mut found = 0;
        while found < most {
            match self.lexer.peek()? {
                (AscToken::Word(word), _) if is_number(word) => {
                    self.lexer.next_token()?;
                    found += 1;
                }
                _ => break,
            }
            if found < most && self.lexer.peek()?.0 == AscToken::Word(",") {
                self.lexer.next_token()?;
            }
        }
        Ok(found)
    }

    /// Skips the rest of a marker: properties, then points.
    fn skip_marker(&mut self, line: u64) -> Result<()> {
        let mut points = 0_u64;
        loop {
            let (token, at) = self.lexer.next_token()?;
            match token {
                AscToken::Close if points > 0 => return Ok(()),
                AscToken::Open => {}
                AscToken::End => return Err(unclosed_bracket(line, "the end of the file".into())),
                other => return Err(unreadable_annotation(at, other)),
            }
            match self.lexer.peek()? {
                (AscToken::Word(word), _) if is_number(word) => {
                    points += 1;
                    self.skip_marker_point()?;
                }
                (AscToken::Word(word), at) if points == 0 => {
                    self.lexer.next_token()?;
                    match word {
                        _ if word.eq_ignore_ascii_case("set") => self.skip_set()?,
                        _ if begins_with_name(word) => self.skip_property(at)?,
                        _ => return Err(unreadable_annotation(at, AscToken::Word(word))),
                    }
                }
                (other, at) => return Err(unreadable_annotation(at, other)),
            }
        }
    }

    fn skip_marker_point(&mut self) -> Result<()> {
        let found = self.skip_numbers(4)?;
        if let (4, (AscToken::Word(word), _)) = (found, self.lexer.peek()?)
            && begins_with_name(word)
        {
            self.lexer.next_token()?;
        }
        match found {
            2..=4 => self.expect_close(),
            _ => {
                let (found, at) = self.lexer.next_token()?;
                Err(unreadable_annotation(at, found))
            }
        }
    }

    /// Returns whether a block without a section type is a text at a point, `((Color Red) (10 10 0) "text")`, after the
    /// first number of its point; the importer skips such a block.
    pub(super) fn is_text_at_point(&mut self) -> Result<bool> {
        let is_point = matches!(self.skip_numbers(3)?, 1..=3) && self.lexer.next_token()?.0 == AscToken::Close;
        Ok(is_point
            && matches!(self.lexer.next_token()?.0, AscToken::Label(_))
            && self.lexer.next_token()?.0 == AscToken::Close)
    }
}

fn unreadable_annotation(line: u64, found: AscToken<'_>) -> Error {
    error_in_line(line, AscProblem::Annotation { found: found.to_string() })
}

/// Returns whether an annotation's first word begins with a name.
fn begins_with_name(word: &str) -> bool {
    let is_taken = word.starts_with("RGB")
        || ["set", "inf", "nan"].iter().any(|taken| word.get(..3).is_some_and(|w| w.eq_ignore_ascii_case(taken)));
    let length = name_length(word);
    length > 0 && !is_taken && is_names_and_numbers(word.get(length..).unwrap_or_default())
}

fn is_name(word: &str) -> bool {
    name_length(word) == word.len()
}

fn is_number(word: &str) -> bool {
    number_length(word) == word.len()
}

/// Returns whether a word consists of names and numbers, each as long as possible, as the importer reads it.
fn is_names_and_numbers(mut word: &str) -> bool {
    while !word.is_empty() {
        let length = number_length(word).max(name_length(word));
        let is_keyword = number_length(word) == 0
            && (word.starts_with("RGB") || word.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("set")));
        if length == 0 || is_keyword {
            return false;
        }
        word = word.get(length..).unwrap_or_default();
    }
    true
}

/// Returns the length of the name at the start of a word; 0 if there is none.
fn name_length(word: &str) -> usize {
    let bytes = word.as_bytes();
    match bytes.first() {
        Some(b) if b.is_ascii_alphabetic() || *b == b'_' => {
            bytes.iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count()
        }
        _ => 0,
    }
}

/// Returns the length of the number at the start of a word, in C's syntax; 0 if there is none.
fn number_length(word: &str) -> usize {
    let digits = |at: usize| word.bytes().skip(at).take_while(u8::is_ascii_digit).count();
    let sign = usize::from(word.starts_with(['+', '-']));
    let rest = word.get(sign..).unwrap_or_default();
    for name in ["infinity", "inf", "nan"] {
        if rest.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name)) {
            return sign + name.len();
        }
    }
    let integer_digits = digits(sign);
    let mut end = sign + integer_digits;
    let mut count = integer_digits;
    if word.get(end..).is_some_and(|rest| rest.starts_with('.')) {
        count += digits(end + 1);
        end += 1 + digits(end + 1);
    }
    if count == 0 {
        return 0;
    }
    if word.get(end..).is_some_and(|rest| rest.starts_with(['e', 'E'])) {
        let sign = usize::from(word.get(end + 1..).is_some_and(|rest| rest.starts_with(['+', '-'])));
        let exponent = digits(end + 1 + sign);
        if exponent > 0 {
            end += 1 + sign + exponent;
        }
    }
    end
}

#[cfg(test)]
mod tests {
    use crate::morphology::asc::parse;

    const CELL: &str = "(\"CellBody\" (-5 0 0 1) (0 5 0 1) (5 0 0 1) (0 -5 0 1))\n";
    const TREE: &str = "((Dendrite) (0 5 0 1) (0 9 0 1) (0 20 0 1))\n";

    /// Returns texts with an annotation before all blocks, before the points of a tree, and after them.
    fn texts(annotation: &str) -> [String; 3] {
        [
            format!("{annotation}\n{CELL}{TREE}"),
            format!("{CELL}({annotation} (Dendrite) (0 5 0 1) (0 9 0 1) (0 20 0 1))\n"),
            format!("{CELL}((Dendrite) (0 5 0 1) (0 9 0 1) (0 20 0 1) {annotation})\n"),
        ]
    }

    /// Returns in which of these places the annotation is skipped.
    fn skipped(annotation: &str) -> [bool; 3] {
        texts(annotation).map(|text| parse(&text).is_ok_and(|m| m.sections.len() == 1))
    }

    #[test]
    fn annotations_that_the_importer_reads_are_skipped() {
        for annotation in [
            "(A)",
            "(A 1)",
            "(A b)",
            "(A \"x\")",
            "(A b 1 c -2 0.1 .5 5. +5 1e5)",
            "(A RGB (1, 2, 3))",
            "(A RGB(1 2 3))",
            "(A RGB (1.5, 2, 3) b)",
            "(A RGB (1,2,3) RGB (1,2,3))",
            "(A Dark_Red)",
            "(A \"a#b;c(d\")",
            "(A \"é\")",
            "(A Inf)",
            "(A info nano)",
            "(A 0x10)",
            "(A xRGB)",
            "(A 5um)",
            "(A b-5)",
            "(A 1-2)",
            "(A 1.2.3)",
            "(_a b5 _b)",
            "(b5 1)",
            "(rgb 1)",
            "(A ;c\n b)",
            "(Font \"Arial\" 12)",
            "(ImageCoords Filename \"a.tif\" Merge 65535 65535 0)",
            "(High)",
        ] {
            assert_eq!(skipped(annotation), [true; 3], "{annotation}");
        }
        // a marker may not precede the first point of a tree
        for marker in [
            "(A (1 2))",
            "(A (1, 2, 3, 4))",
            "(A (1 2 3 4 S1))",
            "(Dot (Name \"m\") (Color RGB (1, 2, 3)) (1 2 3 1) (4 5 6 1))",
            "(A (Set \"x\") (1 2 3 1))",
        ] {
            assert_eq!(skipped(marker), [true, false, true], "{marker}");
        }
        assert_eq!(skipped("(Set \"a\")"), [true, true, false]);
    }

    #[test]
    fn annotations_that_the_importer_cannot_read_are_refused() {
        for annotation in [
            "(A RGB (1, 2, 3,))",
            "(A B (1, 2, 3))",
            "(A 0.1, 0.2)",
            "(A (B 1))",
            "(A Dark-Red)",
            "(A #FF)",
            "(A Dark.Red)",
            "(A a@b)",
            "(A \"a@b\")",
            "(A 1 (2 3))",
            "(A x:y)",
            "(A x/y)",
            "(A [1])",
            "(A é)",
            "(A 1é)",
            "(Info 1)",
            "(Inf 1)",
            "(NanoZ 1)",
            "(Settings 1)",
            "(setup 1)",
            "(Set 1)",
            "(Set)",
            "(SetColor Red)",
            "(RGBcolor 1)",
            "(RGB (1, 2, 3))",
            "(A Set)",
            "(A set)",
            "(A RGBx)",
            "(A |)",
            "(A <)",
            "(A <5>)",
            "(A x=1)",
            "(A -b)",
            "(A -)",
            "(A .)",
            "(A +)",
            "(A 5-b)",
            "(Sections S1 S2 (Color Red))",
            "(Thumbnail (Cols 2) (Rows 1))",
            "(5)",
            "(b-c)",
            "(b.c 1)",
            "(A rgb (1,2,3))",
            "(A RGB (a, b, c))",
            "(A RGB (1, 2))",
            "(A RGB 1 2 3)",
            "(A RGB (1,,2,3))",
            "(A RGB (1 2 3 4))",
            "(A (1))",
            "(A (B 1) (1 2 3 1) (C 2))",
            "(A (1 2 3 1) word)",
            "(A (B (1 2 3)) (1 2 3))",
            "(A () )",
            "(A (RGB 1))",
            "(A (1 2 S))",
            "(A (1 2 3 4 5))",
            "(A \"x\" (1 2 3 1))",
            "(A (Sets 1) (1 2 3 1))",
            "(A (B \"x@\") (1 2 3 1))",
        ] {
            assert_eq!(skipped(annotation), [false; 3], "{annotation}");
        }
        let error = parse(&texts("(Thumbnail (Cols 2) (Rows 1))")[0]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "line[1]: annotation cannot be read, expected names, numbers, texts without `@` and colours, or points \
             after properties, found `)`"
        );
        assert_eq!(error.hint().unwrap(), "NEURON's importer stops here, and returns an empty cell");
    }

    #[test]
    fn a_text_at_a_point_is_skipped() {
        let text = format!("((Color White) (Font \"Arial\" 12) (10 10 0) \"hello\")\n{CELL}{TREE}");
        assert_eq!(parse(&text).unwrap().sections.len(), 1);
        let error = parse(&format!("((Color White) (10 10 0) (20 10 0))\n{CELL}{TREE}")).unwrap_err();
        assert!(error.to_string().contains("unknown section type"), "{error}");
    }
}
