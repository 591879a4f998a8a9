//! Says that arguments may be swapped, if one file is of the wrong kind and another one is what was expected.

use std::ffi::OsStr;
use std::path::PathBuf;

use leadfield::Error;
use leadfield::file_kind::WrongKind;

/// Looks for the expected file among the arguments of the program if an error is about a file of the wrong kind.
pub fn explain(error: Error) -> Error {
    let Some(wrong) = error.problem::<WrongKind>() else { return error };
    let own = error.location().file.clone();
    let others = input_arguments(std::env::args_os().skip(2)).filter(|path| Some(path) != own.as_ref());
    Error::new(error.location().clone(), wrong.clone().among(others))
}

/// Returns the arguments that may be input files: not options, not the name of the output.
fn input_arguments(arguments: impl Iterator<Item = impl AsRef<OsStr>>) -> impl Iterator<Item = PathBuf> {
    let mut is_output = false;
    arguments.filter_map(move |argument| {
        let argument = argument.as_ref();
        let is_option = argument.to_string_lossy().starts_with('-');
        let was_output = std::mem::replace(&mut is_output, ["-o", "--out", "--output"].iter().any(|o| argument == *o));
        (!is_option && !was_output).then(|| PathBuf::from(argument))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_and_outputs_are_no_inputs() {
        let arguments = ["s.parquet", "--quiet", "-o", "w.h5", "e.csv", "--out=x.h5"];
        let found: Vec<PathBuf> = input_arguments(arguments.iter()).collect();
        assert_eq!(found, [PathBuf::from("s.parquet"), PathBuf::from("e.csv")]);
    }
}
