//! Explains unsupported input: instructions that refer to something outside the file, and files that are not pickles.

use super::PickleProblem;

/// Returns the error for an unsupported instruction.
pub(super) fn unsupported_opcode(instruction: u8) -> PickleProblem {
    let outside = |what| PickleProblem::ExternalReference { what, found: instruction };
    match instruction {
        b'P' | b'Q' => outside("an external object (persistent id)"),
        0x82..=0x84 => outside("an object of Python's extension registry"),
        0x97 | 0x98 => outside("an external buffer (out of band)"),
        other => PickleProblem::UnknownOpcode(other),
    }
}

/// Describes a file by its first two bytes, which are not those of a pickle.
pub(super) fn describe_magic(first: u8, second: u8) -> String {
    match (first, second) {
        (0x1f, 0x8b) => "gzip's first bytes".into(),
        (b'P', b'K') => "zip's first bytes".into(),
        (b'B', b'Z') => "bzip2's first bytes".into(),
        (0xfd, b'7') => "xz's first bytes".into(),
        (0x28, 0xb5) => "zstd's first bytes".into(),
        _ => format!("{first:#04x} and {second:#04x} as its first bytes"),
    }
}

/// Returns whether a file begins as pickles of protocols 0 and 1 do: with the name of a constructor, a module in one
/// line and a name in the next, or with a list or a dictionary.
pub(super) fn is_text_protocol(start: &[u8]) -> bool {
    let is_name =
        |line: &[u8]| !line.is_empty() && line.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.'));
    let named = start.strip_prefix(b"c").or_else(|| start.strip_prefix(b"(c")).or_else(|| start.strip_prefix(b"(i"));
    if let Some(rest) = named {
        let mut lines = rest.split(|&b| b == b'\n');
        return rest.contains(&b'\n') && lines.next().is_some_and(is_name) && lines.next().is_some_and(is_name);
    }
    [&b"(lp"[..], b"(dp", b"]q\0", b"}q\0"].iter().any(|prefix| start.starts_with(prefix))
}
