//! Lead fields and regions that `leadfield weights` refuses or warns of, and the messages.

use std::path::Path;

use leadfield::io::hdf5::Hdf5File;
use leadfield::segments::Segment;
use leadfield::segments::table::SegmentTable;

use super::electrodes::table;
use crate::support::{Run, leadfield_in, names_in, scratch};

const FIELDS: &str = "/FieldGroups/g/AllFields";
const POTENTIAL: &str = "/FieldGroups/g/AllFields/EM Potential(x,y,z,f0)/_Object/Snapshots/0/comp0";

/// A file in Sim4Life's layout, whose parts a test may damage.
#[derive(Clone)]
struct Export {
    /// Nodes along each axis, m.
    nodes: Vec<f64>,
    shape: [usize; 4],
    imaginary: f64,
    current: Option<f64>,
    group: &'static str,
}

impl Export {
    /// A potential of 1 V over 2 m, large enough for any circuit.
    fn new() -> Self {
        let group = "EM Potential(x,y,z,f0)";
        Self { nodes: vec![-1.0, 0.0, 1.0], shape: [3, 3, 3, 2], imaginary: 0.0, current: Some(2.0), group }
    }

    fn write(&self, path: &Path) {
        let file = Hdf5File::create(path).unwrap();
        file.create_group("/Meshes/m").unwrap();
        for axis in ["x", "y", "z"] {
            file.write_dataset(&format!("/Meshes/m/axis_{axis}"), &self.nodes, &[self.nodes.len()]).unwrap();
        }
        if let Some(current) = self.current {
            file.write_dataset("/CurrentApplied", &[current], &[]).unwrap();
        }
        let group = format!("{FIELDS}/{}/_Object/Snapshots/0", self.group);
        file.create_group(&group).unwrap();
        let pairs = (0..self.shape.iter().product()).map(|i| if i % 2 == 0 { 1.0 } else { self.imaginary });
        file.write_dataset(&format!("{group}/comp0"), &pairs.collect::<Vec<f64>>(), &self.shape).unwrap();
        file.close().unwrap();
    }

    /// Runs `weights` with one contact `a` that looks the file up.
    fn run(&self, options: &[&str]) -> (Run, tempfile::TempDir) {
        let folder = scratch();
        self.write(&folder.path().join("f.h5"));
        let run = weights(
            folder.path(),
            "name,x,y,z,type\na,0,0,0,Reciprocity\n",
            &[&["--fields", "f.h5"], options].concat(),
        );
        (run, folder)
    }

    #[track_caller]
    fn refused(&self, stderr: &str) {
        let (run, folder) = self.run(&["--quiet"]);
        run.refused(stderr);
        assert_eq!(names_in(folder.path()), ["e.csv", "f.h5"]);
    }
}

/// Runs `weights` in a folder on a file of electrodes with this content.
fn weights(folder: &Path, electrodes: &str, options: &[&str]) -> Run {
    std::fs::write(folder.join("e.csv"), electrodes).unwrap();
    let args = ["weights", table().to_str().unwrap(), "e.csv", "-o", "w.h5"];
    leadfield_in(folder, &[&args[..], options].concat())
}

/// Returns the lines of a run that begin with a word.
fn lines<'a>(run: &'a Run, word: &str) -> Vec<&'a str> {
    run.stderr.lines().filter(|line| line.starts_with(word)).collect()
}

/// Returns the first row of the table.
fn first_segment() -> Segment {
    SegmentTable::open(table()).unwrap().parts()[0].read_by_row().unwrap().get(0)
}

fn weights_of(folder: &Path) -> Vec<f64> {
    Hdf5File::open(&folder.join("w.h5")).unwrap().read_floats("/electrodes/neurons/scaling_factors").unwrap()
}

#[test]
fn a_point_outside_the_field_is_named_with_contact_and_bounds_or_is_zero_by_choice() {
    // a field of 2 mm, 90 m away
    let far = Export { nodes: vec![90.0, 90.001, 90.002], ..Export::new() };
    let s = first_segment();
    let m = s.midpoint();
    let bounds = "90000000.0..90002000.0";
    far.refused(&format!(
        "error: f.h5: contact `a`: point outside the lead field, expected one in x {bounds}, y {bounds}, z {bounds} µm, \
         found ({:.3}, {:.3}, {:.3}), the midpoint of segment {} of section {} of node {}\n\
         hint: transform the field to the circuit's frame with `--field-transform`, or use 0 outside with \
         `--outside-field zero`",
        m.x, m.y, m.z, s.segment_id, s.section_id, s.node_id
    ));
    let (run, folder) = far.run(&["--outside-field", "zero"]);
    run.ok();
    assert!(weights_of(folder.path()).iter().all(|w| *w == 0.0));
    let (run, folder) = Export::new().run(&[]);
    run.ok();
    assert!(weights_of(folder.path()).iter().all(|w| *w == 0.5), "1 V for 2 nA");
}

#[test]
fn a_referenced_contact_outside_its_field_is_reported_as_the_reference_is() {
    let folder = scratch();
    Export { nodes: vec![90.0, 90.001, 90.002], ..Export::new() }.write(&folder.path().join("f.h5"));
    let electrodes = "name,x,y,z,type,reference\na,9e4,0,0,PointSource,b\nb,0,0,0,Reciprocity,\n";
    let run = weights(folder.path(), electrodes, &["--fields", "f.h5", "--quiet"]);
    assert!(run.stderr.starts_with("error: f.h5: contact `b`: point outside the lead field, "), "{}", run.stderr);
    assert_eq!(run.code, 2);
}

#[test]
fn axes_that_do_not_increase_are_refused_with_the_node() {
    Export { nodes: vec![-1.0, 0.5, 0.5], ..Export::new() }.refused(
        "error: f.h5: /Meshes/m/axis_x[2]: axis not increasing, expected a finite number above `0.5`, found `0.5`",
    );
}

#[test]
fn components_that_do_not_fit_the_axes_are_refused() {
    Export { shape: [3, 3, 2, 2], ..Export::new() }.refused(&format!(
        "error: f.h5: {POTENTIAL}: wrong shape, expected [3, 3, 3, 2] (nodes along the axes; real and imaginary part), \
         found [3, 3, 2, 2]"
    ));
}

#[test]
fn a_missing_group_is_reported_with_the_existing_ones() {
    Export { group: "H(x,y,z,f0)", ..Export::new() }.refused(&format!(
        "error: f.h5: {POTENTIAL}: missing, expected a dataset; the nearest group `{FIELDS}` has `H(x,y,z,f0)`"
    ));
}

#[test]
fn a_current_that_is_zero_or_missing_is_refused_unless_it_is_given() {
    let hint = "hint: give the current that produced the field, in nA, as `current`; the option is `--field-current \
        NA`";
    let missing = Export { current: None, ..Export::new() };
    missing.refused(&format!(
        "error: f.h5: /CurrentApplied: no current, expected the current that produced the field, found none\n{hint}"
    ));
    Export { current: Some(0.0), ..Export::new() }.refused(&format!(
        "error: f.h5: /CurrentApplied: unusable current, expected a finite number other than 0, found `0`\n{hint}"
    ));
    let (run, folder) = missing.run(&["--field-current", "-4"]);
    run.ok();
    assert!(weights_of(folder.path()).iter().all(|w| *w == -0.25));
}

#[test]
fn a_complex_field_is_warned_of() {
    let (run, _folder) = Export { imaginary: -0.01, ..Export::new() }.run(&[]);
    let expected = format!(
        "warning: f.h5: {POTENTIAL}: complex field, expected an imaginary part below 0.001 of the real one, found 1e-2 \
         in real values up to 1e0; the real part is used"
    );
    assert_eq!(lines(&run, "warning"), [expected]);
    run.ok();
    let (run, _folder) = Export { imaginary: 1e-4, ..Export::new() }.run(&[]);
    assert_eq!(lines(&run, "warning"), [""; 0]);
}

#[test]
fn arrays_that_look_wrong_are_warned_of() {
    let folder = scratch();
    // the corners of a square and of a rectangle of 1000 x 200 µm; 200 / 1000 is 11.3 degrees off
    let square = "name,x,y,z,type\n0,0,-500,-100,ObjectiveCSD_Disk_50_20\n1,0,500,-100,ObjectiveCSD_Disk_50_20\n\
        2,0,-500,100,ObjectiveCSD_Disk_50_20\n3,0,500,100,ObjectiveCSD_Disk_50_20\n";
    let run = weights(folder.path(), square, &[]);
    assert_eq!(
        lines(&run, "warning"),
        ["warning: e.csv: 4 `ObjectiveCSD_Disk` contacts lie 11.3 degrees off their common axis, expected at most 5"]
    );
    assert_eq!(lines(&run, "hint"), ["hint: give the array of each shank: `--csd-array first:end`"]);
    run.ok();

    // neighbours along the axis are 100 µm apart, in the file 200, 300 and 200: half of their means
    let unsorted = "name,x,y,z,type\na,0,0,0,ObjectiveCSD_Plane\nb,0,200,0,ObjectiveCSD_Plane\n\
        c,0,-100,0,ObjectiveCSD_Plane\nd,0,100,0,ObjectiveCSD_Plane\n";
    let run = weights(folder.path(), unsorted, &["--force"]);
    let by_file = 700.0 / 3.0 / 2.0;
    assert_eq!(
        lines(&run, "warning"),
        [format!(
            "warning: e.csv: 4 `ObjectiveCSD_Plane` contacts are not in order along their axis: default thickness 50 µm, by \
             file order {by_file} µm"
        )]
    );
    assert_eq!(lines(&run, "hint"), ["hint: use `--csd-spacing file-order` for BlueRecording's thickness"]);
    run.ok();
    let run = weights(folder.path(), unsorted, &["--force", "--csd-spacing", "file-order"]);
    assert_eq!(lines(&run, "warning"), [""; 0]);
    run.ok();
}

#[test]
fn the_sizes_of_regions_are_written() {
    let folder = scratch();
    let electrodes = "name,x,y,z,type\ns,0,0,0,ObjectiveCSD_Sphere\nt,0,0,0,ObjectiveCSD_Sphere_70\n\
        d,0,0,0,ObjectiveCSD_Disk\ne,0,60,0,ObjectiveCSD_Disk_80_9\np,0,0,0,ObjectiveCSD_Plane\nq,0,40,0,ObjectiveCSD_Plane_8\n";
    weights(folder.path(), electrodes, &["--quiet"]).ok();
    let file = Hdf5File::open(&folder.path().join("w.h5")).unwrap();
    let size = |contact: &str, name: &str| file.read_float_attribute(&format!("/electrodes/{contact}/type"), name);
    // defaults: 10 µm, 500 µm, half the spacing of 60 and of 40 µm
    for (contact, radius, thickness) in [
        ("s", Some(10.0), None),
        ("t", Some(70.0), None),
        ("d", Some(500.0), Some(30.0)),
        ("e", Some(80.0), Some(9.0)),
        ("p", None, Some(20.0)),
        ("q", None, Some(8.0)),
    ] {
        assert_eq!((size(contact, "radius"), size(contact, "thickness")), (radius, thickness), "{contact}");
        assert_eq!(size(contact, "conductivity_S_per_m"), None);
    }
}

#[test]
fn how_a_region_or_a_field_was_used_is_written_where_it_is_unusual() {
    let folder = scratch();
    Export::new().write(&folder.path().join("f.h5"));
    let electrodes = "name,x,y,z,type,measure,per_volume\nl,0,0,0,ObjectiveCSD_Sphere_9,length,\n\
        v,0,0,0,ObjectiveCSD_Sphere_9,midpoint,true\nf,0,0,0,Reciprocity,,\n";
    let options = ["--fields", "f.h5", "--quiet", "--force"];
    let attributes = |options: &[&str]| {
        weights(folder.path(), electrodes, options).ok();
        let file = Hdf5File::open(&folder.path().join("w.h5")).unwrap();
        ["l", "v", "f"].map(|contact| {
            let mut names = file.attribute_names(&format!("/electrodes/{contact}/type"));
            names.sort();
            names
        })
    };
    let [l, v, f] = attributes(&options);
    assert_eq!((l, v), (vec!["measure".into(), "radius".into()], vec!["per_volume".into(), "radius".to_string()]));
    assert_eq!(f, ["current_nA", "field"]);
    let [_, _, f] =
        attributes(&[&options[..], &["--outside-field", "zero", "--field-transform", "2,0,0,0,5,6,-7"]].concat());
    assert_eq!(f, ["current_nA", "field", "field_transform", "outside_field"]);
    let file = Hdf5File::open(&folder.path().join("w.h5")).unwrap();
    let transform = file.read_list_attribute("/electrodes/f/type", "field_transform").unwrap();
    assert_eq!(transform, [1.0, 0.0, 0.0, 0.0, 5.0, 6.0, -7.0]);
}

#[test]
fn a_segment_in_an_insulator_is_named_with_contact_and_plane() {
    let folder = scratch();
    let s = first_segment();
    let electrodes =
        format!("name,x,y,z,type,boundary\na,0,{0},0,PointSource,y>{1} 0\n", s.start.y + 10.0, s.start.y + 5.0);
    weights(folder.path(), &electrodes, &["--quiet"]).refused(&format!(
        "error: e.csv: contact `a`: segment {} of section {} of node {} reaches into an insulator, expected all of it at \
         y > {}, found y = {}\nhint: move the boundary, or give the conductivity beyond it: `boundary` is `z<1200, 0.3`",
        s.segment_id,
        s.section_id,
        s.node_id,
        s.start.y + 5.0,
        s.midpoint().y
    ));
    assert_eq!(names_in(folder.path()), ["e.csv"]);
}

#[test]
fn references_are_subtracted_and_what_a_column_is_stays_with_it() {
    let folder = scratch();
    let plain = "name,x,y,z,type\n";
    let rows = ["a,90,0,0,LineSource", "b,0,80,9,PointSource", "c,70,70,0,LineSource", "d,0,0,99,LineSource"];
    let all = |references: [&str; 4]| {
        rows.iter().zip(references).map(|(row, reference)| format!("{row},{reference}\n")).collect::<String>()
    };
    weights(folder.path(), &(plain.to_string() + &rows.join("\n")), &["--quiet"]).ok();
    let raw = weights_of(folder.path());
    let montage = "name,x,y,z,type,reference\n".to_string() + &all(["b", "a", "average", "average"]);
    weights(folder.path(), &montage, &["--quiet", "--force"]).ok();
    for (found, raw) in weights_of(folder.path()).chunks(4).zip(raw.chunks(4)) {
        let mean = (raw[2] + raw[3]) / 2.0;
        // b - a is that of a before b is subtracted from it
        assert_eq!(found, [raw[0] - raw[1], raw[1] - raw[0], raw[2] - mean, raw[3] - mean]);
    }
    let file = Hdf5File::open(&folder.path().join("w.h5")).unwrap();
    let stored = |contact: &str| {
        let object = format!("/electrodes/{contact}/type");
        (file.read_string_scalar(&object).unwrap(), file.read_string_attribute(&object, "reference").unwrap())
    };
    assert_eq!(stored("a"), ("LineSource".into(), "b".into()));
    assert_eq!(stored("b"), ("PointSource".into(), "a".into()));
    assert_eq!(stored("c"), ("LineSource".into(), "average".into()));
    assert_eq!(file.read_floats("/electrodes/b/position").unwrap(), [0.0, 80.0, 9.0]);
}

#[test]
fn the_medium_of_a_contact_is_written_and_printed() {
    let folder = scratch();
    let electrodes = "name,x,y,z,conductivity,boundary,disc_radius,disc_normal,disc_points\n\
        a,0,9e3,0,0.3 0.2 0.3,y=12000 1.5,6,0 -2 0,5\nb,0,9e3,0,,,,,\n";
    weights(folder.path(), electrodes, &["--quiet", "--conductivity", "0.3,0.3,0.1"]).ok();
    let file = Hdf5File::open(&folder.path().join("w.h5")).unwrap();
    let (a, b) = ("/electrodes/a/type", "/electrodes/b/type");
    assert_eq!(file.read_list_attribute(a, "conductivity_S_per_m").unwrap(), [0.3, 0.2, 0.3]);
    assert_eq!(file.read_list_attribute(b, "conductivity_S_per_m").unwrap(), [0.3, 0.3, 0.1]);
    assert_eq!(file.read_string_attribute(a, "boundary").unwrap(), "y<12000, 1.5");
    assert_eq!(file.read_list_attribute(a, "disc_normal").unwrap(), [0.0, -1.0, 0.0]);
    assert_eq!(
        (file.read_float_attribute(a, "disc_radius"), file.read_float_attribute(a, "disc_points")),
        (Some(6.0), Some(16.0))
    );
    let text = leadfield_in(folder.path(), &["info", "w.h5"]).ok();
    let expected = "LineSource, boundary y<12000, 1.5, conductivity_S_per_m 0.3 0.2 0.3, disc_normal 0 -1 0, disc_points 16, \
        disc_radius 6, near_field radius: 1 contact";
    assert!(text.contains(expected), "{text}");
}
