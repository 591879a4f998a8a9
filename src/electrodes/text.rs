//! Decodes the bytes of a file of contacts: UTF-8, UTF-16 and Latin-1, as spreadsheets write them.

use std::borrow::Cow;

use super::ElectrodeProblem;

/// The text of a file.
#[derive(Debug, PartialEq)]
pub(super) struct DecodedText<'a> {
    /// The text without byte-order mark.
    pub text: Cow<'a, str>,
    /// Whether the encoding was assumed: any bytes are valid Latin-1.
    pub is_assumed_latin1: bool,
}

/// Decodes a file: UTF-16 if it has the byte-order mark or the zeros of ASCII in UTF-16, else UTF-8 if it is valid, else
/// Latin-1 (with the additional characters of Windows-1252, because that is what programs call Latin-1).
///
/// # Errors
/// Returns [`ElectrodeProblem::NoText`] if the bytes are text in none of these encodings.
pub(super) fn decode(bytes: &[u8]) -> Result<DecodedText<'_>, ElectrodeProblem> {
    if let Some((order, content)) = detect_utf16(bytes) {
        return Ok(DecodedText { text: Cow::Owned(decode_utf16(content, order)?), is_assumed_latin1: false });
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        return Ok(DecodedText { text: Cow::Borrowed(text), is_assumed_latin1: false });
    }
    let text = bytes.iter().map(|&byte| decode_latin1(byte)).collect::<Option<String>>();
    let text = text.ok_or(ElectrodeProblem::NoText)?;
    Ok(DecodedText { text: Cow::Owned(text), is_assumed_latin1: true })
}

/// Order of the two bytes of a unit of UTF-16.
#[derive(Debug, Clone, Copy)]
enum ByteOrder {
    LowFirst,
    HighFirst,
}

/// Returns the byte order of UTF-16 and the bytes after the mark; `None` for other encodings.
fn detect_utf16(bytes: &[u8]) -> Option<(ByteOrder, &[u8])> {
    match bytes {
        [0xff, 0xfe, content @ ..] => Some((ByteOrder::LowFirst, content)),
        [0xfe, 0xff, content @ ..] => Some((ByteOrder::HighFirst, content)),
        // without the mark: the header begins with two ASCII characters
        [a, 0, b, 0, ..] if a.is_ascii_graphic() && b.is_ascii_graphic() => Some((ByteOrder::LowFirst, bytes)),
        [0, a, 0, b, ..] if a.is_ascii_graphic() && b.is_ascii_graphic() => Some((ByteOrder::HighFirst, bytes)),
        _ => None,
    }
}

fn decode_utf16(content: &[u8], order: ByteOrder) -> Result<String, ElectrodeProblem> {
    let pairs = content.chunks_exact(2);
    if !pairs.remainder().is_empty() {
        return Err(ElectrodeProblem::NoText);
    }
    let unit = |pair: &[u8]| match (pair, order) {
        (&[first, second], ByteOrder::LowFirst) => u16::from_le_bytes([first, second]),
        (&[first, second], ByteOrder::HighFirst) => u16::from_be_bytes([first, second]),
        _ => 0,
    };
    char::decode_utf16(pairs.map(unit)).collect::<Result<String, _>>().map_err(|_| ElectrodeProblem::NoText)
}

/// The characters of Windows-1252 at 0x80 to 0x9f, where Latin-1 has control characters; `\0` where it has none.
const WINDOWS_1252: [char; 32] = [
    '€', '\0', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\0', 'Ž', '\0', '\0', '‘', '’', '“', '”', '•',
    '–', '—', '˜', '™', 'š', '›', 'œ', '\0', 'ž', 'Ÿ',
];

/// Decodes one byte; `None` for control characters, which are not in texts.
fn decode_latin1(byte: u8) -> Option<char> {
    match byte {
        b'\t' | b'\n' | b'\r' | 0x0c | 0x20..=0x7e | 0xa0..=0xff => Some(char::from(byte)),
        0x80..=0x9f => WINDOWS_1252.get(usize::from(byte - 0x80)).copied().filter(|c| *c != '\0'),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(bytes: &[u8]) -> (String, bool) {
        let DecodedText { text, is_assumed_latin1 } = decode(bytes).unwrap();
        (text.into_owned(), is_assumed_latin1)
    }

    fn utf16(text: &str, to_bytes: impl Fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(to_bytes).collect()
    }

    #[test]
    fn one_text_in_all_encodings() {
        let text = "name,x [µm]\nä,1\n";
        let latin1 = b"name,x [\xb5m]\n\xe4,1\n";
        assert_eq!(decoded(text.as_bytes()), (text.into(), false));
        assert_eq!(decoded(format!("\u{feff}{text}").as_bytes()), (text.into(), false));
        assert_eq!(decoded(latin1), (text.into(), true));
        for mark in ["", "\u{feff}"] {
            let marked = format!("{mark}{text}");
            assert_eq!(decoded(&utf16(&marked, u16::to_le_bytes)), (text.into(), false));
            assert_eq!(decoded(&utf16(&marked, u16::to_be_bytes)), (text.into(), false));
        }
    }

    #[test]
    fn windows_1252_has_characters_where_latin1_has_controls() {
        assert_eq!(decoded(b"\x80 \x96 \x9f").0, "€ – Ÿ");
    }

    #[test]
    fn bytes_of_other_files_are_not_text() {
        // an undefined byte, half a unit of UTF-16, half a surrogate pair, a control character
        for bytes in [&b"a\x81"[..], b"\xff\xfea\0b", b"\xff\xfe\x3d\xd8", b"\xe4\x00", b"PAR1\x15\xff"] {
            assert!(matches!(decode(bytes), Err(ElectrodeProblem::NoText)), "{bytes:?}");
        }
    }
}
