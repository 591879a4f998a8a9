//! Tokens of hoc; tolerates unknown syntax.
//!
//! Comments (`// ...`, `/* ... */`) are skipped. The end of a line is a token, since it ends a statement. A string that
//! is passed to `execute` or `execute1` is hoc, too, and is tokenized in place.

/// A token of a template's text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum HocToken<'a> {
    /// A name, or an argument (`$1`, `$s2`).
    Word(&'a str),
    /// A number.
    Number(f64),
    /// A string, without its quotes.
    Text(&'a str),
    /// An operator or a bracket; the end of a line is `"\n"`.
    Mark(&'a str),
}

/// A token and the byte offset of its start.
pub(super) type PlacedToken<'a> = (HocToken<'a>, usize);

/// Splits a text into tokens.
pub(super) fn tokenize(text: &str) -> Vec<PlacedToken<'_>> {
    let mut found = Vec::new();
    scan_tokens(text, 0, &mut found);
    found
}

/// Operators of two characters.
const TWO_CHARACTER_MARKS: [&str; 10] = ["==", "!=", "<=", ">=", "&&", "||", "+=", "-=", "*=", "/="];

fn scan_tokens<'a>(text: &'a str, offset: usize, found: &mut Vec<PlacedToken<'a>>) {
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let (token, length) = read_token(rest);
        let is_executed = matches!(token, Some(HocToken::Text(_))) && ends_with_execute_call(found);
        match token {
            Some(HocToken::Text(inner)) if is_executed => {
                found.push((HocToken::Mark("\n"), offset + at));
                scan_tokens(inner, offset + at + 1, found);
                found.push((HocToken::Mark("\n"), offset + at + length));
            }
            Some(token) => found.push((token, offset + at)),
            None => {}
        }
        at += length;
    }
}

/// Returns whether the last tokens are `execute (`.
fn ends_with_execute_call(found: &[PlacedToken<'_>]) -> bool {
    matches!(found, [.., (HocToken::Word(word), _), (HocToken::Mark("("), _)] if word.starts_with("execute"))
}

/// Reads the token at the start of a text, which must not be empty; returns it, if there is one, and the bytes to skip.
fn read_token(text: &str) -> (Option<HocToken<'_>>, usize) {
    let first = text.chars().next().unwrap_or('\n');
    let upto = |end: usize| text.get(..end).unwrap_or_default();
    match first {
        '\n' => (Some(HocToken::Mark("\n")), 1),
        // a backslash continues a line
        '\\' if text.starts_with("\\\n") => (None, 2),
        '\\' if text.starts_with("\\\r\n") => (None, 3),
        '/' if text.starts_with("//") => (None, text.find('\n').unwrap_or(text.len())),
        '/' if text.starts_with("/*") => (None, text.find("*/").map_or(text.len(), |end| end + 2)),
        '"' => read_string(text),
        c if c.is_ascii_digit() || (c == '.' && text[1..].starts_with(|d: char| d.is_ascii_digit())) => {
            let length = number_length(text);
            (upto(length).parse().ok().map(HocToken::Number), length)
        }
        c if c.is_alphabetic() || matches!(c, '_' | '$') => {
            let is_inside = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$');
            let start = if text.starts_with("$&") { 2 } else { 0 };
            let rest = text.get(start..).unwrap_or_default();
            let length = start + rest.find(|c| !is_inside(c)).unwrap_or(rest.len());
            (Some(HocToken::Word(upto(length))), length)
        }
        c if c.is_whitespace() => (None, c.len_utf8()),
        _ if TWO_CHARACTER_MARKS.iter().any(|pair| text.starts_with(pair)) => (Some(HocToken::Mark(upto(2))), 2),
        c => (Some(HocToken::Mark(upto(c.len_utf8()))), c.len_utf8()),
    }
}

/// Reads a string; `\"` does not end it.
fn read_string(text: &str) -> (Option<HocToken<'_>>, usize) {
    let bytes = text.as_bytes();
    let mut at = 1;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => return (Some(HocToken::Text(text.get(1..at).unwrap_or_default())), at + 1),
            _ => at += 1,
        }
    }
    (None, text.len())
}

fn number_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let digits = |from: usize| bytes[from..].iter().take_while(|b| b.is_ascii_digit()).count();
    let mut end = digits(0);
    if bytes.get(end) == Some(&b'.') {
        end += 1 + digits(end + 1);
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        match digits((end + 1 + sign).min(bytes.len())) {
            0 => {}
            n => end += 1 + sign + n,
        }
    }
    end
}

/// Returns the index of the bracket that closes the one at `open`.
pub(super) fn closing_bracket(tokens: &[PlacedToken<'_>], open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (i, (token, _)) in tokens.iter().enumerate().skip(open) {
        match token {
            HocToken::Mark("{" | "(" | "[") => depth += 1,
            HocToken::Mark("}" | ")" | "]") => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return Some(i);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> Vec<String> {
        tokenize(text).iter().map(|(token, _)| format!("{token:?}")).collect()
    }

    #[test]
    fn comments_are_skipped_and_strings_kept() {
        assert_eq!(
            tokens("a=1.5e-1 // b {\n/* c\n\" */ $o2.x[.5] \"}\\\"\""),
            [
                "Word(\"a\")",
                "Mark(\"=\")",
                "Number(0.15)",
                "Mark(\"\\n\")",
                "Word(\"$o2\")",
                "Mark(\".\")",
                "Word(\"x\")",
                "Mark(\"[\")",
                "Number(0.5)",
                "Mark(\"]\")",
                "Text(\"}\\\\\\\"\")"
            ]
        );
    }

    #[test]
    fn a_string_that_is_executed_is_tokenized_in_place() {
        assert_eq!(
            tokens("execute1(\"create axon[2]\", CellRef)"),
            [
                "Word(\"execute1\")",
                "Mark(\"(\")",
                "Mark(\"\\n\")",
                "Word(\"create\")",
                "Word(\"axon\")",
                "Mark(\"[\")",
                "Number(2.0)",
                "Mark(\"]\")",
                "Mark(\"\\n\")",
                "Mark(\",\")",
                "Word(\"CellRef\")",
                "Mark(\")\")"
            ]
        );
    }

    #[test]
    fn letters_beyond_ascii_and_open_quotes_are_tolerated() {
        assert_eq!(tokens("é µm \u{2003}\"open é"), ["Word(\"é\")", "Word(\"µm\")"]);
    }
}
