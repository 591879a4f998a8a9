//! Refuses names of outputs that belong to files of another kind: `weights.csv` for an electrodes file.

use std::path::Path;

use crate::error::{Context, ErrorKind, Problem, Result, join_quoted};

/// An output whose name says of which kind it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum NamedOutput {
    /// An electrodes file: `.h5`, or a name without an ending of other files.
    ElectrodesFile,
    /// A segment table: `.parquet`, or the name of a folder.
    SegmentTable,
    /// A page: `.html`.
    Page,
}

/// Endings of files that people name, in lower case.
const KNOWN_ENDINGS: [&str; 26] = [
    "h5", "hdf5", "parquet", "csv", "tsv", "txt", "json", "jsonl", "arrow", "feather", "pkl", "pickle", "npy", "npz",
    "mat", "nwb", "html", "htm", "svg", "png", "pdf", "xlsx", "swc", "asc", "xml", "zip",
];

/// The name of an output belongs to files of another kind.
#[derive(Debug, thiserror::Error)]
#[error("wrong name for {}, expected {}, found one that ends in `.{ending}`", .output.describe(), .output.describe_names())]
struct ForeignName {
    output: NamedOutput,
    ending: String,
}

impl Problem for ForeignName {
    fn kind(&self) -> ErrorKind {
        ErrorKind::InvalidInput
    }

    fn hint(&self) -> Option<String> {
        let is_columns = matches!(self.ending.as_str(), "csv" | "parquet" | "arrow" | "feather");
        match self.output {
            NamedOutput::ElectrodesFile if is_columns => Some(format!(
                "for columns, convert the electrodes file: `leadfield convert weights.h5 -o weights.{}`",
                self.ending
            )),
            NamedOutput::SegmentTable if matches!(self.ending.as_str(), "csv" | "arrow" | "feather") => Some(format!(
                "for columns, convert the table: `leadfield convert segments.parquet -o segments.{}`",
                self.ending
            )),
            _ => None,
        }
    }
}

impl NamedOutput {
    const fn endings(self) -> &'static [&'static str] {
        match self {
            Self::ElectrodesFile => &["h5", "hdf5"],
            Self::SegmentTable => &["parquet"],
            Self::Page => &["html", "htm"],
        }
    }

    const fn describe(self) -> &'static str {
        match self {
            Self::ElectrodesFile => "an electrodes file",
            Self::SegmentTable => "a segment table",
            Self::Page => "a page",
        }
    }

    fn describe_names(self) -> String {
        let endings = join_quoted(self.endings().iter().map(|ending| format!(".{ending}")), usize::MAX);
        match self {
            Self::SegmentTable => format!("{endings}, or a folder"),
            Self::ElectrodesFile | Self::Page => endings,
        }
    }

    /// Refuses a name whose ending belongs to files of another kind. Other endings, and none, are accepted.
    ///
    /// # Errors
    /// Returns an error that names the endings of this output.
    pub fn check_name(self, path: &Path) -> Result<()> {
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_ascii_lowercase();
        if KNOWN_ENDINGS.contains(&ending.as_str()) && !self.endings().contains(&ending.as_str()) {
            return Err(ForeignName { output: self, ending }).in_file(path);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_other_kinds_are_refused_and_all_others_are_accepted() {
        let check = |output: NamedOutput, name: &str| output.check_name(Path::new(name)).map_err(|e| format!("{e:?}"));
        for name in ["w.h5", "w.HDF5", "w", "w.v2", "a.csv/w", "w.2026-01-01"] {
            assert_eq!(check(NamedOutput::ElectrodesFile, name), Ok(()));
        }
        assert_eq!(
            check(NamedOutput::ElectrodesFile, "w.CSV").unwrap_err(),
            "w.CSV: wrong name for an electrodes file, expected `.h5`, `.hdf5`, found one that ends in `.csv`\n\
             hint: for columns, convert the electrodes file: `leadfield convert weights.h5 -o weights.csv`"
        );
        assert_eq!(check(NamedOutput::SegmentTable, "segments"), Ok(()));
        assert_eq!(
            check(NamedOutput::SegmentTable, "t.h5").unwrap_err(),
            "t.h5: wrong name for a segment table, expected `.parquet`, or a folder, found one that ends in `.h5`"
        );
        assert!(check(NamedOutput::Page, "r.pdf").is_err() && check(NamedOutput::Page, "r.html").is_ok());
    }
}
