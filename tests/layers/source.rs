//! Splits Rust source into words and marks, as far as the checks of the source tree need it.

/// A kind of token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Token {
    /// An identifier, a keyword or a number.
    Word(String),
    /// `::`
    Path,
    /// Any other character that is not white space.
    Mark(char),
}

/// A token and its 1-based line.
pub type Placed = (Token, usize);

/// Blanks comments and the insides of strings and character literals; lines stay where they are.
pub fn code_only(source: &str) -> String {
    let text: Vec<char> = source.chars().collect();
    let mut code = String::with_capacity(source.len());
    let mut i = 0;
    while i < text.len() {
        let end = skipped(&text, i);
        if end > i {
            code.push(' ');
            code.extend(text[i..end].iter().filter(|c| **c == '\n'));
            i = end;
        } else {
            code.push(text[i]);
            i += 1;
        }
    }
    code
}

/// Returns the end of the comment or literal that starts at `i`; `i` if none starts there.
fn skipped(text: &[char], i: usize) -> usize {
    let at = |k: usize| text.get(k).copied().unwrap_or('\0');
    let after_word = i > 0 && (at(i - 1).is_alphanumeric() || at(i - 1) == '_');
    match at(i) {
        '/' if at(i + 1) == '/' => (i..text.len()).find(|&k| at(k) == '\n').unwrap_or(text.len()),
        '/' if at(i + 1) == '*' => end_of_block_comment(text, i),
        '"' => end_of_string(text, i),
        'r' if !after_word && (at(i + 1) == '"' || at(i + 1) == '#') => end_of_raw_string(text, i),
        'b' if !after_word && at(i + 1) == 'r' && (at(i + 2) == '"' || at(i + 2) == '#') => {
            end_of_raw_string(text, i + 1)
        }
        '\'' if at(i + 1) == '\\' => (i + 3..text.len()).find(|&k| at(k) == '\'').map_or(text.len(), |k| k + 1),
        '\'' if at(i + 2) == '\'' => i + 3,
        _ => i,
    }
}

fn end_of_block_comment(text: &[char], start: usize) -> usize {
    let mut depth = 0;
    let mut i = start;
    while i + 1 < text.len() {
        match (text[i], text[i + 1]) {
            ('/', '*') => (depth, i) = (depth + 1, i + 2),
            ('*', '/') => (depth, i) = (depth - 1, i + 2),
            _ => i += 1,
        }
        if depth == 0 {
            return i;
        }
    }
    text.len()
}

fn end_of_string(text: &[char], start: usize) -> usize {
    let mut i = start + 1;
    while i < text.len() && text[i] != '"' {
        i += if text[i] == '\\' { 2 } else { 1 };
    }
    (i + 1).min(text.len())
}

/// Returns the end of the raw string whose `r` is at `start`; a raw identifier (`r#type`) is not a string.
fn end_of_raw_string(text: &[char], start: usize) -> usize {
    let hashes = text[start + 1..].iter().take_while(|c| **c == '#').count();
    let open = start + 1 + hashes;
    if text.get(open) != Some(&'"') {
        return start;
    }
    let closes = |k: usize| text[k] == '"' && text[k + 1..].iter().take_while(|c| **c == '#').count() >= hashes;
    (open + 1..text.len()).find(|&k| closes(k)).map_or(text.len(), |k| k + 1 + hashes)
}

pub fn tokens(code: &str) -> Vec<Placed> {
    let text: Vec<char> = code.chars().collect();
    let (mut found, mut line, mut i) = (Vec::new(), 1, 0);
    while i < text.len() {
        let end = end_of_word(&text, i);
        if end > i {
            found.push((Token::Word(text[i..end].iter().collect()), line));
            i = end;
        } else if text[i] == ':' && text.get(i + 1) == Some(&':') {
            found.push((Token::Path, line));
            i += 2;
        } else {
            line += usize::from(text[i] == '\n');
            if !text[i].is_whitespace() {
                found.push((Token::Mark(text[i]), line));
            }
            i += 1;
        }
    }
    found
}

/// Returns the end of a word: letters, digits and `_`; in a number also the sign of its exponent and its point.
fn end_of_word(text: &[char], start: usize) -> usize {
    let number = text[start].is_ascii_digit();
    let goes_on = |k: usize| {
        let c = text[k];
        let digit_next = text.get(k + 1).is_some_and(char::is_ascii_digit);
        let exponent_before = k > start && matches!(text[k - 1], 'e' | 'E');
        c.is_alphanumeric() || c == '_' || (number && digit_next && (c == '.' || (c == '-' && exponent_before)))
    };
    (start..text.len()).find(|&k| !goes_on(k)).unwrap_or(text.len())
}
