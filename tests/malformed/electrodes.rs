//! Files of electrodes that `leadfield weights` refuses, and the messages.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::support::{Run, leadfield, names_in, scratch};

/// Creates the segment table of a circuit of two neurons; its population is `neurons`.
pub(super) fn table() -> &'static Path {
    static TABLE: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let (_folder, table) = TABLE.get_or_init(|| {
        let folder = scratch();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_string();
        let (circuit, config, table) = (path("circuit"), path("circuit/simulation_config.json"), path("table.parquet"));
        leadfield(&["synthesize", &circuit, "--cells", "2", "--with-report"]).ok();
        leadfield(&["positions", &config, "-o", &table]).ok();
        (folder, table.into())
    });
    table
}

/// Runs `weights` on a file of electrodes with this content; returns also the path of the file.
fn weights_of(content: impl AsRef<[u8]>, options: &[&str]) -> (Run, String, Vec<String>) {
    let folder = scratch();
    let electrodes = folder.path().join("electrodes");
    let out = folder.path().join("weights.h5");
    std::fs::write(&electrodes, content).unwrap();
    let [electrodes, out] = [electrodes, out].map(|p| p.to_str().unwrap().to_string());
    let mut args = vec!["weights", table().to_str().unwrap(), &electrodes, "-o", &out, "--quiet"];
    args.extend(options);
    (leadfield(&args), electrodes, names_in(folder.path()))
}

/// Asserts the exact text, in which `FILE` stands for the file of electrodes, and that no other file remains.
#[track_caller]
fn refused(content: impl AsRef<[u8]>, stderr: &str) {
    refused_with(content, &[], stderr);
}

#[track_caller]
fn refused_with(content: impl AsRef<[u8]>, options: &[&str], stderr: &str) {
    let (run, file, left) = weights_of(content, options);
    run.refused(&stderr.replacen("FILE", &file, 1));
    assert_eq!(left, ["electrodes"]);
}

/// The known columns, as messages list them.
const KNOWN: &str = "`name`, `x`, `y`, `z`, `layer`, `region`, `type`, `conductivity`, `field`, `radius`, `thickness`, \
    `array`, `measure`, `per_volume`, `boundary`, `reference`, `disc_radius`, `disc_normal`, `disc_points`, \
    `head_center`, `head_radii`, `head_conductivities`, `coil_normal`, `dipole_axis`";
/// The settings of a contact in a conducting medium, as messages list them.
const OF_MEDIUM: &str = "`conductivity`, `conductivity sx,sy,sz`, `boundary`, `disc_radius`, `reference`";

/// The hint for a misspelt column.
fn meant(name: &str) -> String {
    format!("hint: did you mean `{name}`? rename it, or remove it")
}

#[test]
fn what_is_not_refused_is_computed() {
    for content in ["name,x,y,z\n0,1,2,3\n", "\u{feff},z,y,x\r\n0,3,2,1\r\n", r#"[{"name":0,"x":1,"y":2,"z":3}]"#] {
        let (run, _, left) = weights_of(content, &[]);
        run.ok();
        assert_eq!(left, ["electrodes", "weights.h5"]);
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let args = ["weights", table().to_str().unwrap(), "no/such.csv", "-o", "never.h5"];
    leadfield(&args).refused("error: no/such.csv: cannot be read: no such file or directory");
}

#[test]
fn bytes_that_are_not_text_are_refused() {
    refused(b"\x1b[31m\xff\xfe\x00", "error: FILE: not a text file, expected electrodes as CSV or JSON");
}

#[test]
fn a_file_without_contacts_is_refused() {
    refused("", "error: FILE: empty, expected a header and a row for each contact");
    refused("\n\r\n\n", "error: FILE: empty, expected a header and a row for each contact");
    refused("name,x,y,z\n", "error: FILE: no contacts, expected at least 1");
    refused("[]", "error: FILE: no contacts, expected at least 1");
}

#[test]
fn a_missing_column_is_reported_with_those_that_are_there() {
    refused(
        "name,x,z,type\na,1,2,LineSource\n",
        "error: FILE: line[1]: no column `y`, expected `name`, `x`, `y`, `z`, found `name`, `x`, `z`, `type`",
    );
}

#[test]
fn a_missing_key_is_reported_with_those_that_are_there() {
    refused(
        r#"[{"name": "a", "x": 1, "y": 2, "z": 3}, {"x": 1, "y": 2, "z": 3}]"#,
        "error: FILE: electrode[1]: no key `name`, expected `name`, `x`, `y`, `z`, found `x`, `y`, `z`",
    );
}

#[test]
fn a_misspelt_column_or_key_is_refused_with_the_one_that_was_meant() {
    refused(
        "name,x,y,z,tpye\na,1,2,3,PointSource\n",
        &format!("error: FILE: line[1]: unknown column `tpye`, expected {KNOWN}\n{}", meant("type")),
    );
    refused(
        "nmae,x,y,z\na,1,2,3\n",
        &format!("error: FILE: line[1]: unknown column `nmae`, expected {KNOWN}\n{}", meant("name")),
    );
    refused(
        r#"[{"name": "a", "x": 1, "y": 2, "z": 3, "regoin": "S1"}]"#,
        &format!("error: FILE: electrode[0]: unknown key `regoin`, expected {KNOWN}\n{}", meant("region")),
    );
}

/// Runs `weights` without `--quiet`, and asserts success and the warning; `FILE` in it stands for the file of contacts.
#[track_caller]
fn warned(content: impl AsRef<[u8]>, options: &[&str], warning: &str) {
    let folder = scratch();
    let file = folder.path().join("electrodes");
    let out = folder.path().join("weights.h5");
    std::fs::write(&file, content).unwrap();
    let [file, out] = [file, out].map(|p| p.to_str().unwrap().to_string());
    let run = leadfield(&[&["weights", table().to_str().unwrap(), &file, "-o", &out], options].concat());
    let warnings: Vec<&str> = run.stderr.lines().filter(|line| line.starts_with("warning: ")).collect();
    assert_eq!(warnings.join("\n"), warning.replace("FILE", &file), "{}", run.stderr);
    run.ok();
}

#[test]
fn other_columns_and_keys_are_named_in_a_warning() {
    warned(
        "name,x,y,z,depth,shank\na,1,2,3,4,0\n",
        &[],
        "warning: FILE: line[1]: unknown columns `depth`, `shank`, which nothing here uses",
    );
    warned("name,x,y,z,\na,1,2,3,tip\n", &[], "warning: FILE: line[1]: no name for column 5, whose values are ignored");
    warned(
        r#"[{"name": "a", "x": 1, "y": 2, "z": 3}, {"name": "b", "x": 1, "y": 2, "z": 9, "depth": 4}]"#,
        &[],
        "warning: FILE: electrode[1]: unknown key `depth`, which nothing here uses",
    );
}

#[test]
fn an_assumed_encoding_is_named_in_a_warning() {
    warned(
        b"name,x,y,z,region\na,1,2,3,Thal\xe4mus\n",
        &[],
        "warning: FILE: neither UTF-8 nor UTF-16, read as Latin-1",
    );
}

#[test]
fn tables_as_spreadsheets_export_them_are_read_without_a_warning() {
    let utf16: Vec<u8> =
        "\u{feff}Name\tX [µm]\tY\tZ\r\na\t1,5\t2\t3\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    warned(utf16, &[], "");
    warned("Name;X;Y;Z;Type;\r\na;1,5;2;3;PointSource;\r\n;;;;;\r\n", &[], "");
    warned(",name,x,y,z\n0,a,1.5,2,3\n", &[], "");
}

#[test]
fn a_unit_that_is_unknown_or_stated_twice_is_refused() {
    refused(
        "name,x [inch],y,z\na,1,2,3\n",
        "error: FILE: line[1]: unknown unit of `x`, expected `um`, `mm`, `cm`, `m`, found `inch`",
    );
    refused_with(
        "name,x [mm],y,z\na,1,2,3\n",
        &["--units", "um"],
        "error: FILE: line[1]: two units for `x`, expected `um` as given for the file, found `mm`\n\
        hint: leave `--units` out where the file states its unit",
    );
    refused_with(
        r#"{"specification": "probeinterface", "probes": [{"ndim": 2, "si_units": "um", "contact_positions": [[0, 0]]}]}"#,
        &["--units", "mm"],
        "error: FILE: probes[0].si_units: two units for `contact_positions`, expected `mm` as given for the file, \
        found `um`\nhint: leave `--units` out where the file states its unit",
    );
}

#[test]
fn decimal_commas_that_are_ambiguous_are_refused() {
    refused(
        "name;x;y;z\na;1.5;2;3\nb;1,234;2;3\n",
        "error: FILE: line[3]: decimal commas and decimal points, expected one of them, found `1,234` and `1.5`",
    );
    refused(
        "name,x,y,z\na,1,5,2,0,3,0\n",
        "error: FILE: line[2]: wrong number of fields, expected 4 as in the header, found 7\n\
        hint: numbers with decimal commas need semicolons or tabs between the columns, or quotes",
    );
}

#[test]
fn a_column_that_is_there_twice_is_refused() {
    refused("name,x,y,z,x\na,1,2,3,4\n", "error: FILE: line[1]: duplicate column `x`, expected each column once");
    refused("name,x,y,z,X_um\na,1,2,3,4\n", "error: FILE: line[1]: duplicate column `x`, expected each column once");
}

#[test]
fn a_row_of_another_length_is_refused() {
    refused(
        "name,x,y,z\na,1,2,3\nb,1,2\n",
        "error: FILE: line[3]: wrong number of fields, expected 4 as in the header, found 3",
    );
    refused(
        "name,x,y,z\na,1,2,3,LineSource\n",
        "error: FILE: line[2]: wrong number of fields, expected 4 as in the header, found 5",
    );
}

#[test]
fn a_coordinate_that_is_not_finite_is_refused() {
    let row = |x: &str| format!("name,x,y,z\r\n\r\na,{x},2,3\r\n");
    refused(row("left"), "error: FILE: line[3]: wrong `x`, expected a number, found `left`");
    refused(row(""), "error: FILE: line[3]: wrong `x`, expected a number, found nothing");
    refused(row("1 um"), "error: FILE: line[3]: wrong `x`, expected a number, found `1 um`");
    refused(row("NaN"), "error: FILE: line[3]: wrong `x`, expected a finite number, found `NaN`");
    refused(row("-inf"), "error: FILE: line[3]: wrong `x`, expected a finite number, found `-inf`");
    refused(row("1e999"), "error: FILE: line[3]: wrong `x`, expected a finite number, found `1e999`");
}

#[test]
fn a_json_value_of_another_kind_is_refused() {
    let entry = |x: &str| format!(r#"[{{"name": "a", "x": {x}, "y": 2, "z": 3}}]"#);
    let x = "error: FILE: electrode[0]: wrong `x`, expected a number, found";
    refused(entry(r#""1""#), &format!("{x} the string `1`"));
    refused(entry("[1]"), &format!("{x} a list"));
    refused(entry("true"), &format!("{x} `true`"));
    refused(entry("null"), &format!("{x} nothing"));
    refused(
        r#"[{"name": 1.5, "x": 1, "y": 2, "z": 3}]"#,
        "error: FILE: electrode[0]: wrong `name`, expected a string or an integer, found the number `1.5`",
    );
    refused(
        r#"[{"name": "a", "x": 1, "y": 2, "z": 3, "layer": 4}]"#,
        "error: FILE: electrode[0]: wrong `layer`, expected a string, found the number `4`",
    );
}

#[test]
fn json_of_another_shape_is_refused() {
    refused("[1]", "error: FILE: electrode[0]: wrong type, expected an object, found the number `1`");
    refused(
        r#"{"name": "a", "x": 1}"#,
        "error: FILE: wrong type, expected a list of contacts, or probeinterface's `probes`, found an object\n\
         hint: write each contact as `{\"name\": \"a\", \"x\": 0, \"y\": 0, \"z\": 0}`, and all in `[`, `]`",
    );
    refused("[\n{\"name\": NaN}]", "error: FILE: line[2]: no valid JSON at column 10: expected value");
}

#[test]
fn a_name_that_two_contacts_have_is_refused_with_both_places() {
    refused(
        "name,x,y,z\ne1,1,2,3\n\ne2,1,2,3\ne1,4,5,6\n",
        "error: FILE: line[5]: duplicate name, expected each name once, found `e1` also in line[2]",
    );
    refused(
        r#"[{"name": "1", "x": 1, "y": 2, "z": 3}, {"name": 1, "x": 1, "y": 2, "z": 3}]"#,
        "error: FILE: electrode[1]: duplicate name, expected each name once, found `1` also in electrode[0]",
    );
}

#[test]
fn a_name_that_is_not_a_group_is_refused() {
    let expected = "wrong name, expected a name without `/` and NUL that is not empty, `.` or `..`, found";
    for name in ["", ".", "..", "shank/1"] {
        let content = format!("name,x,y,z\n{name},1,2,3\n");
        refused(content, &format!("error: FILE: line[2]: {expected} `{name}`"));
    }
    let json = r#"[{"name": "a\u0000b", "x": 1, "y": 2, "z": 3}]"#;
    refused(json, &format!("error: FILE: electrode[0]: {expected} `a\\0b`"));
}

#[test]
fn a_name_that_the_population_has_is_refused() {
    refused(
        "name,x,y,z\nneurons,1,2,3\n",
        "error: FILE: wrong name, expected one different from all populations, found `neurons`\n\
        hint: rename the contact: contacts and populations share one group in the electrodes file",
    );
}

#[test]
fn an_unknown_type_is_refused_with_the_methods_there_are() {
    let known: Vec<String> = leadfield::methods::METHODS.iter().map(|m| format!("`{}`", m.name())).collect();
    let known = known.join(", ");
    refused(
        "name,x,y,z,type\na,1,2,3,linesource\n",
        &format!(
            "error: FILE: line[2]: unknown type, expected {known}, found `linesource`\nhint: did you mean `LineSource`?"
        ),
    );
    refused(
        "name,x,y,z,type\na,1,2,3,LinSource\n",
        &format!(
            "error: FILE: line[2]: unknown type, expected {known}, found `LinSource`\nhint: did you mean `LineSource`?"
        ),
    );
    refused(
        "name,x,y,z,type\na,1,2,3,dipole\n",
        &format!("error: FILE: line[2]: unknown type, expected {known}, found `dipole`"),
    );
}

#[test]
fn a_radius_of_zero_or_less_is_refused() {
    refused(
        "name,x,y,z,radius\na,1,2,3,-5\n",
        "error: FILE: line[2]: wrong `radius`, expected a number above 0 µm, found `-5`",
    );
    refused(
        r#"[{"name": "a", "x": 1, "y": 2, "z": 3, "thickness": 0}]"#,
        "error: FILE: electrode[0]: wrong `thickness`, expected a number above 0 µm, found the number `0`",
    );
}

#[test]
fn a_setting_that_the_type_does_not_take_is_refused() {
    let hint = "hint: leave the cell empty, or choose another type";
    refused(
        "name,x,y,z,type,field\na,1,2,3,PointSource,\nb,1,2,3,PointSource,head.h5\n",
        &format!("error: FILE: line[3]: `PointSource` takes no `field`, expected {OF_MEDIUM}, found `field`\n{hint}"),
    );
}

#[test]
fn a_conductivity_of_zero_in_the_file_is_refused() {
    refused(
        "name,x,y,z,conductivity\na,1,2,3,0\n",
        "error: FILE: line[2]: wrong `conductivity`, expected one number from 1e-30 to 1e30 S/m, or three (along x, y, z), found `0`",
    );
}

#[test]
fn a_row_between_blanks_of_another_length_is_refused() {
    refused(
        "channel x_pos y_pos z_pos\n0 1 2 3\n1 2 3\n",
        "error: FILE: line[3]: wrong number of fields, expected 4 as in the header, found 3",
    );
    refused(
        "channel x_pos y_pos\n0 1 2\n",
        "error: FILE: line[1]: no column `z`, expected `name`, `x`, `y`, `z`, found `channel`, `x_pos`, `y_pos`",
    );
}

#[test]
fn probeinterface_with_unknown_units_is_refused() {
    refused(
        r#"{"specification": "probeinterface", "probes": [{"ndim": 2, "si_units": "inch", "contact_positions": [[0, 0]]}]}"#,
        "error: FILE: probes[0].si_units: unknown unit, expected `um`, `mm`, `cm`, `m`, found `inch`",
    );
}

#[test]
fn a_contact_without_its_lead_field_is_refused() {
    refused(
        "name,x,y,z,type\na,1,2,3,Reciprocity\n",
        "error: FILE: contact `a`: no lead field, expected one for `Reciprocity`, found none\n\
        hint: give `--fields FILE` once, or once for each contact of such methods in file order, or \
        `--field NAME=FILE`",
    );
}

#[test]
fn a_disk_or_plane_alone_is_refused() {
    for shape in ["Disk", "Plane"] {
        refused(
            format!("name,x,y,z,type\na,1,2,3,ObjectiveCSD_{shape}\n"),
            &format!(
                "error: FILE: `ObjectiveCSD_{shape}` array with no axis, expected at least two points at different \
                positions, found 1\nhint: add another contact to the array, which defines its axis, or use \
                `ObjectiveCSD_Sphere`"
            ),
        );
    }
}

#[test]
fn an_array_outside_the_electrodes_is_refused() {
    refused_with(
        "name,x,y,z,type\na,1,2,3,ObjectiveCSD_Plane\nb,1,9,3,ObjectiveCSD_Plane\n",
        &["--csd-array", "0:3"],
        "error: array outside the electrodes, expected an end of at most 2, found `0:3`\n\
        hint: contacts count from 0 in file order, the end is excluded: `--csd-array 0:8`",
    );
}

#[test]
fn a_wrong_number_of_conductivities_is_refused() {
    refused_with(
        "name,x,y,z\na,1,2,3\nb,1,2,4\nc,1,2,5\n",
        &["--conductivity", "0.2", "--conductivity", "0.3"],
        "error: wrong number of conductivities, expected 1 or 3 (one for each contact of an analytic method), found 2\n\
        hint: give `--conductivity` one value for all such contacts, or one for each, in file order",
    );
}

#[test]
fn a_reference_that_cannot_be_subtracted_is_refused() {
    refused(
        "name,x,y,z,reference\na,1,2,3,b\n",
        "error: FILE: line[2]: wrong `reference`, expected the name of another contact or `average`, found `b`",
    );
    refused(
        "name,x,y,z,reference\na,1,2,3,average\nb,1,2,3,a\n",
        "error: FILE: line[2]: average of one contact, expected `average` as the `reference` of at least 2, found 1",
    );
    refused(
        r#"[{"name": "a", "x": 1, "y": 2, "z": 3, "reference": "b"},
            {"name": "b", "x": 1, "y": 2, "z": 3, "type": "ObjectiveCSD_Sphere"}]"#,
        "error: FILE: electrode[0]: reference of another quantity, expected a contact with potentials, found \
        `ObjectiveCSD_Sphere`",
    );
}

#[test]
fn a_boundary_that_the_contact_cannot_have_is_refused() {
    let file = |y: &str, boundary: &str| format!("name,x,y,z,boundary\na,1,{y},3,{boundary}\n");
    refused(
        file("9000", "y=9000 0"),
        "error: FILE: contact `a`: contact on its boundary, expected the medium's side, as in `y<9000, 0`, found \
        `y=9000, 0`\nhint: give the side of the medium with `<` or `>`",
    );
    refused(
        file("9001", "y<9000 0"),
        "error: FILE: contact `a`: contact in an insulator, expected one at y < 9000, found y = 9001",
    );
    refused(
        file("9001", "9000 0"),
        "error: FILE: line[2]: wrong `boundary`, expected a plane and the conductivity beyond it (S/m), as in \
        `z<1200, 0`, found `9000 0`",
    );
    refused_with(
        "name,x,y,z,boundary\na,1,2,3,y<9000 1.5\n",
        &["--conductivity", "0.3,0.3,0.2"],
        "error: FILE: contact `a`: no image in this medium, expected equal conductivities along x and z or 0 S/m beyond \
        the boundary, found 0.3 and 0.2, 1.5 beyond\n\
        hint: use a field solver for this medium, and `Reciprocity` with its lead field",
    );
    refused(
        "name,x,y,z,boundary,disc_radius,disc_normal\na,1,2,3,y<4 0,5,1 0 0\n",
        "error: FILE: contact `a`: disc across the boundary, expected all of it on one side of y = 4, found \
        y = -3.000..7.000",
    );
}

#[test]
fn a_conductivity_that_is_neither_one_number_nor_three_is_refused() {
    refused_with(
        "name,x,y,z\na,1,2,3\n",
        &["--conductivity", "0.3,0.2"],
        "error: wrong conductivity, expected a number in S/m, or three (along x, y, z), found `0.3,0.2`\n\
        hint: for example `--conductivity 0.277`, or `--conductivity 0.3,0.4,0.3`",
    );
}

#[test]
fn binary_files_are_refused_by_their_first_bytes() {
    // not a known kind of file, except by its first bytes
    refused(b"PAR1 and then something else", "error: FILE: is a Parquet file, expected text");
}

#[test]
fn settings_of_lead_fields_need_a_lead_field() {
    let plain = "name,x,y,z\na,0,0,0\n";
    refused_with(
        plain,
        &["--field-current", "2"],
        "error: current of lead fields, expected none (no contact has a lead field), found one",
    );
    refused_with(
        plain,
        &["--field-transform", "1,0,0,0,5,0,0"],
        "error: transform of lead fields, expected none (no contact has a lead field), found one",
    );
}

#[test]
fn a_weight_that_overflows_is_not_a_contact_on_a_segment() {
    // the volume of the region underflows
    let csv = "name,x,y,z,type,radius,per_volume\na,0,0,0,ObjectiveCSD_Sphere,1e-300,true\n";
    let (run, ..) = weights_of(csv, &[]);
    assert!(!run.stderr.contains("off the segment") && !run.stderr.contains("--near-field"), "{}", run.stderr);
}

#[test]
fn probes_beyond_single_precision_are_refused() {
    let far = ["electrodes", "linear", "--contacts", "2", "--pitch", "10", "--at", "0,0,1e39"];
    leadfield(&far).refused(
        "error: position of contact `0` out of range, expected float32 numbers, found 1e39 µm\n\
         hint: check the unit: positions are in µm",
    );
}

#[test]
fn no_contact_has_the_name_of_their_group() {
    let (run, ..) = weights_of("name,x,y,z\nelectrodes,0,0,0\n", &[]);
    let text = "reserved name, expected a contact name other than `electrodes`, found `electrodes`\n\
                hint: rename it in its file\n";
    assert!(run.code == 2 && run.stderr.ends_with(text), "{}", run.stderr);
}

#[test]
fn a_key_that_occurs_twice_is_refused_with_its_line() {
    refused(
        "[{\"name\": \"a\", \"x\": 1, \"y\": 2, \"z\": 3,\n  \"x\": 4}]",
        "error: FILE: line[2]: no valid JSON at column 5: key `x` occurs twice",
    );
    refused(
        r#"{"probes": [], "probes": []}"#,
        "error: FILE: line[1]: no valid JSON at column 23: key `probes` occurs twice",
    );
}

#[test]
fn a_contact_called_average_makes_an_average_ambiguous() {
    refused(
        "name,x,y,z,reference\na,0,0,0,average\naverage,0,1,0,average\n",
        "error: FILE: line[2]: `average` is ambiguous, expected the name of a contact or the average, found a contact called \
         `average`\nhint: give this contact another name",
    );
}

#[test]
fn texts_in_a_list_of_numbers_are_named() {
    refused(
        r#"[{"name": "a", "x": 0, "y": 0, "z": 0, "type": "MEG", "coil_normal": [0, "up", 1]}]"#,
        "error: FILE: electrode[0]: wrong `coil_normal`, expected three numbers, not all 0, found a list with the string `up`",
    );
}
