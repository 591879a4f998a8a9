//! Electrodes files as people write them: whole files through the public reader, with the file's name in the message.

use leadfield::electrode;

use crate::support::scratch;

/// Reads a file of this text, called `name`; its message and hint with the folder left out.
fn message(name: &str, text: &str) -> String {
    let folder = scratch();
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    let error = electrode::read(&path).unwrap_err();
    format!("{error:?}").replace(&format!("{}/", folder.path().display()), "")
}

#[test]
fn a_csv_with_a_missing_column_says_which_are_there() {
    assert_eq!(
        message("e.csv", "name,x,y,layer\n0,1,2,L1\n"),
        "e.csv: line[1]: missing column, expected `z`, found `name`, `x`, `y`, `layer`\n\
         hint: the header is `name,x,y,z,layer,region,type`; the last three may be left out"
    );
}

#[test]
fn a_word_for_a_number_is_quoted() {
    assert_eq!(
        message("e.csv", "name,x,y,z\n0,1,2,3\n1,1,minus two,3\n"),
        "e.csv: line[3]: coordinate `y` is no number, expected um, found `minus two`"
    );
}

#[test]
fn duplicate_names_are_placed_at_both_lines() {
    assert_eq!(
        message("e.csv", "name,x,y,z\n0,1,2,3\n0,1,2,3\n"),
        "e.csv: line[3]: duplicate name, expected each name once, found `0` here and in line 2"
    );
}

#[test]
fn a_csv_without_rows_has_no_contacts() {
    assert_eq!(message("e.csv", "name,x,y,z\n"), "e.csv: no contacts, expected one or more, found none");
}

#[test]
fn a_json_entry_without_a_coordinate_is_placed() {
    assert_eq!(
        message("e.json", r#"[{"name": 0, "x": 1, "y": 2, "z": 3}, {"name": 1, "x": 1, "y": 2}]"#),
        "e.json: electrode[1]: missing key, expected `z`, found `name`, `x`, `y`"
    );
}

#[test]
fn a_folder_is_no_electrodes_file() {
    let folder = scratch();
    let error = electrode::read(folder.path()).unwrap_err().to_string();
    assert_eq!(error, format!("{}: cannot be read: is a directory", folder.path().display()));
}
