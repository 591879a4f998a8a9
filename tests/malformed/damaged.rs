//! Damaged files at which a library that we read with crashes: each tool that can read the file ends with the file's
//! own error.

use std::path::{Path, PathBuf};

use crate::support::{Run, copy_folder, golden, leadfield_in, names_in, root, scratch};

/// A folder with copies of the damaged files.
fn damaged() -> tempfile::TempDir {
    let dir = scratch();
    copy_folder(&root().join("datasets/damaged"), dir.path());
    dir
}

fn contacts() -> PathBuf {
    golden().join("input/electrodes/e6.csv")
}

/// Runs a tool; asserts exit code 2, an error of this file, no panic, and no new file in the folder.
#[track_caller]
fn refused(dir: &Path, file: &str, args: &[&str]) -> String {
    let before = names_in(dir);
    let Run { code, stderr, .. } = leadfield_in(dir, args);
    assert_eq!(code, 2, "{args:?}: {stderr}");
    assert!(!stderr.contains("panicked"), "{args:?}: {stderr}");
    assert!(stderr.starts_with(&format!("error: {file}: ")), "{args:?}: {stderr}");
    assert_eq!(names_in(dir), before, "{args:?}");
    stderr
}

#[test]
fn a_panic_of_the_parquet_reader_is_the_error_of_its_file() {
    let dir = damaged();
    let contacts = contacts();
    let contacts = contacts.to_str().unwrap();
    for file in ["pages-0.parquet", "pages-1.parquet", "pages-2.parquet"] {
        for args in [
            &["weights", file, contacts, "-o", "w.h5"][..],
            &["query", file, "--sphere", "0,0,0,2000", "--columns", "node_id,section_type,row"],
            &["convert", file, "-o", "x.csv"],
        ] {
            let stderr = refused(dir.path(), file, args);
            assert!(stderr.contains("damaged, expected"), "{stderr}");
        }
    }
    let expected = "error: pages-2.parquet: damaged, expected a file that can be decoded, found one that the reader \
                    fails at (offset + len out of bounds)\nhint: the file is damaged: make it again, or fetch it \
                    again\n";
    assert_eq!(leadfield_in(dir.path(), &["convert", "pages-2.parquet", "-o", "x.csv"]).stderr, expected);
    refused(dir.path(), "columns.parquet", &["convert", "columns.parquet", "-o", "x.h5"]);
}

#[test]
fn a_panic_of_the_arrow_reader_is_the_error_of_its_file() {
    let dir = damaged();
    let stderr = refused(dir.path(), "dictionary.arrow", &["convert", "dictionary.arrow", "-o", "x.h5"]);
    assert_eq!(
        stderr,
        "error: dictionary.arrow: damaged, expected a file that can be decoded, found one that the reader fails at \
         (the offset of the new Buffer cannot exceed the existing length: slice offset=0 length=20 selflen=1)\n\
         hint: the file is damaged: make it again, or fetch it again\n"
    );
}
