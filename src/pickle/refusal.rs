//! What the machine does not do: instructions that reach outside the file, and files that are no pickles.

use super::PickleProblem;

/// Why an instruction is not done.
pub(super) fn refused(instruction: u8) -> PickleProblem {
    let outside = |what| PickleProblem::Outside { what, found: instruction };
    match instruction {
        b'P' | b'Q' => outside("an object kept elsewhere (persistent id)"),
        0x82..=0x84 => outside("an object of Python's extension registry"),
        0x97 | 0x98 => outside("a buffer kept elsewhere (out of band)"),
        other => PickleProblem::Instruction(other),
    }
}

/// What a file is whose first bytes are not those of a pickle.
pub(super) fn kind_of(first: u8, second: u8) -> String {
    match (first, second) {
        (0x1f, 0x8b) => "gzip's first bytes".into(),
        (b'P', b'K') => "zip's first bytes".into(),
        (b'B', b'Z') => "bzip2's first bytes".into(),
        (0xfd, b'7') => "xz's first bytes".into(),
        _ => format!("{first:#04x} and {second:#04x} as its first bytes"),
    }
}
