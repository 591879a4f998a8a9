//! Detects the kind of text files by their first lines.

use std::borrow::Cow;
use std::path::Path;

use super::header::{is_contact_header, is_field_header, split_header};
use super::{FileKind, json};

/// Detects the kind of a text file by its first bytes; `None` if it is not text, or of no known kind.
pub(super) fn detect(path: &Path, start: &[u8]) -> Option<FileKind> {
    let text = decode(start)?;
    match text.trim_start().chars().next()? {
        '{' | '[' => json::detect(path),
        _ => kind_of_text(&text),
    }
}

/// Decodes enough of a text to recognise it: the ASCII in UTF-8, Latin-1 and UTF-16. `None` for other bytes.
fn decode(start: &[u8]) -> Option<Cow<'_, str>> {
    let is_utf16 = matches!(start, [0xff, 0xfe, ..] | [0xfe, 0xff, ..]);
    if is_utf16 {
        let ascii = start.iter().filter(|b| b.is_ascii() && **b != 0).map(|b| char::from(*b));
        return Some(Cow::Owned(ascii.collect()));
    }
    if start.contains(&0) {
        return None;
    }
    let text = String::from_utf8_lossy(start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start));
    Some(text)
}

fn kind_of_text(text: &str) -> Option<FileKind> {
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
    let is_comment = |line: &str| line.starts_with('#') || line.starts_with(';') && line.matches(';').count() == 1;
    let is_empty_row = |line: &str| line.chars().all(|c| matches!(c, ',' | ';' | '\t' | ' '));
    let first = lines().find(|line| !is_comment(line) && !is_empty_row(line) && !line.starts_with("sep="))?;
    if lines().any(|line| line.starts_with("begintemplate")) {
        return Some(FileKind::CellTemplate);
    }
    if first.starts_with('(') {
        return Some(FileKind::AscMorphology);
    }
    if is_swc_sample(first) {
        return Some(FileKind::SwcMorphology);
    }
    let names: Vec<&str> = split_header(first);
    if names.contains(&"node_type_id") {
        Some(FileKind::NodeTypes)
    } else if is_field_header(&names) {
        Some(FileKind::LeadFieldPoints)
    } else if is_contact_header(&names) {
        Some(FileKind::ContactTable)
    } else {
        None
    }
}

/// Returns whether a line is a sample of SWC: id, type, x, y, z, radius, parent.
fn is_swc_sample(line: &str) -> bool {
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    let is_integer = |at: usize| words.get(at).is_some_and(|word| word.parse::<i64>().is_ok());
    words.len() >= 7 && words.iter().take(7).all(|word| word.parse::<f64>().is_ok()) && is_integer(0) && is_integer(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_known_by_their_first_lines() {
        for (text, kind) in [
            ("name,x,y,z\na,1,2,3\n", FileKind::ContactTable),
            ("\n;;;;\n;Name;X [mm];Y [mm];Z [mm]\n", FileKind::ContactTable),
            ("sep=;\n\"name\";\"x\";\"y\";\"z\"\n", FileKind::ContactTable),
            ("channel x_pos y_pos z_pos\n0 1 2 3\n", FileKind::ContactTable),
            ("# from a solver\nx,y,z,potential\n", FileKind::LeadFieldPoints),
            ("x [mm],y [mm],z [mm],ex,ey,ez\n", FileKind::LeadFieldPoints),
            ("# SWC\n1 1 0 0 0 5 -1\n2 3 0 5 0 1 1\n", FileKind::SwcMorphology),
            ("; V3 text file\n(\"CellBody\"\n  (CellBody)\n", FileKind::AscMorphology),
            ("// a cell\nbegintemplate L5\nendtemplate L5\n", FileKind::CellTemplate),
            ("node_type_id model_type\n1 biophysical\n", FileKind::NodeTypes),
        ] {
            assert_eq!(kind_of_text(text), Some(kind), "{text:?}");
        }
        assert_eq!((kind_of_text("a,b\n1,2\n"), kind_of_text("1 2 3\n"), kind_of_text("#\n")), (None, None, None));
    }

    #[test]
    fn encodings_of_spreadsheets_are_decoded() {
        let utf16: Vec<u8> = "\u{feff}name,x,y,z\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(decode(&utf16).unwrap(), "name,x,y,z\n");
        assert_eq!(kind_of_text(&decode(b"name,x [\xb5m],y,z\n").unwrap()), Some(FileKind::ContactTable));
        assert_eq!(decode(b"a\0b"), None);
    }
}
