//! `leadfield electrodes`: creating probes, placing a probe in a circuit, other formats, and refused input.
//!
//! Geometry is tested in `electrodes::probe`; here the program is tested as a user runs it.

use std::path::{Path, PathBuf};

use leadfield::electrodes::{self, Electrode};
use leadfield::geometry::Point;
use leadfield::sonata::config::CircuitConfig;
use leadfield::sonata::nodes::Nodes;
use serde_json::json;

use crate::support::{Run, golden, leadfield, leadfield_in, names_in, scratch};

/// Runs `leadfield electrodes` with these arguments.
fn electrodes(words: &str) -> Run {
    let words: Vec<&str> = words.split(' ').collect();
    leadfield(&[&["electrodes"], &words[..]].concat())
}

/// Reads a file of electrodes.
fn read(text: &str) -> Vec<Electrode> {
    let folder = scratch();
    let path = folder.path().join("electrodes");
    std::fs::write(&path, text).unwrap();
    electrodes::read(&path).unwrap()
}

/// Returns the contacts that the program writes with these arguments.
fn made(words: &str) -> Vec<Electrode> {
    read(&electrodes(words).ok())
}

fn positions(electrodes: &[Electrode]) -> Vec<[f64; 3]> {
    electrodes.iter().map(|e| e.position_um.to_array()).collect()
}

fn names(electrodes: &[Electrode]) -> Vec<&str> {
    electrodes.iter().map(|e| e.name.as_str()).collect()
}

#[test]
fn a_line_on_standard_output_is_csv() {
    let csv = electrodes("linear --contacts 2 --pitch 50 --at 1,2,3 --prefix e --type PointSource").ok();
    assert_eq!(
        csv,
        "name,x,y,z,layer,region,type\ne0,1.0,2.0,3.0,NA,NA,PointSource\ne1,1.0,52.0,3.0,NA,NA,PointSource\n"
    );
}

#[test]
fn a_neuropixels_shank_is_that_of_the_reference() {
    let ours = made("neuropixels --at -8,-850,0");
    let reference = electrodes::read(&golden().join("input/electrodes/np384.csv")).unwrap();
    assert_eq!(positions(&ours), positions(&reference));
    assert_eq!(names(&ours), names(&reference));
}

#[test]
fn neuropixels_sites_keep_their_number() {
    let upper = made("neuropixels --first-site 384 --contacts 8 --anchor origin");
    assert_eq!((upper[0].name.as_str(), upper[7].name.as_str()), ("384", "391"));
    // site 384 is the left one of row 192, an even one: 27 µm from the edge of a shank of 70 µm
    assert_eq!(upper[0].position_um.to_array(), [27.0 - 35.0, 192.0 * 20.0, 0.0]);
}

#[test]
fn numbers_are_negative_or_in_exponent_form_with_and_without_an_equals_sign() {
    let expected = electrodes("linear --contacts 3 --pitch 20 --at=-8,-850,0 --direction=0,-1,0 --roll=-30").ok();
    for words in [
        "linear --contacts 3 --pitch 2e1 --at -8,-850,0 --direction 0,-1,0 --roll -30",
        "linear --contacts 3 --pitch 20 --at -8e0,-8.5e2,-0 --direction -0,-1e3,0 --roll -3e1",
    ] {
        assert_eq!(positions(&read(&electrodes(words).ok())), positions(&read(&expected)));
    }
    assert_eq!(read(&expected)[2].position_um.to_array(), [-8.0, -890.0, 0.0]);
}

#[test]
fn a_grid_has_a_pitch_for_columns_and_one_for_rows() {
    let grid = made("grid --columns 3 --rows 2 --pitch 100,30 --anchor center --direction 0,0,1 --at 5,5,5");
    assert_eq!(grid.len(), 6);
    let across: Vec<f64> = grid.iter().take(3).map(|e| e.position_um.x - 5.0).collect();
    assert!(across.iter().zip([-100.0, 0.0, 100.0]).all(|(a, b)| (a - b).abs() < 1e-12), "{across:?}");
    let along = grid[3].position_um - grid[0].position_um;
    assert!(along.distance(Point::new(0.0, 0.0, 30.0)) < 1e-12, "{along}");
    let mean = grid.iter().fold(Point::ORIGIN, |sum, e| sum + e.position_um) / 6.0;
    assert!(mean.distance(Point::new(5.0, 5.0, 5.0)) < 1e-12, "{mean}");
}

/// Creates a circuit of 300 neurons in a cylinder along y; returns it and its somata.
fn circuit(folder: &Path) -> (PathBuf, Vec<Point>) {
    let circuit = folder.join("circuit");
    leadfield(&["synthesize", circuit.to_str().unwrap(), "--cells", "300", "--morphologies", "1"]).ok();
    let config = circuit.join("circuit_config.json");
    let nodes = Nodes::open(CircuitConfig::open(&config).unwrap().population(None).unwrap()).unwrap();
    let all: Vec<u64> = (0..300).collect();
    let somata = nodes.transforms(&all).unwrap().iter().map(|t| t.translation).collect();
    (config, somata)
}

/// Returns the variance of points along a unit vector.
fn spread(points: &[Point], mean: Point, unit: Point) -> f64 {
    points.iter().map(|&p| (p - mean).dot(unit).powi(2)).sum::<f64>() / points.len() as f64
}

#[test]
fn an_aligned_probe_lies_at_the_mean_soma_along_the_axis_of_the_somata() {
    let folder = scratch();
    let (config, somata) = circuit(folder.path());
    let probe = made(&format!("linear --contacts 33 --pitch 50 --align-to {}", config.display()));
    let mean = somata.iter().fold(Point::ORIGIN, |sum, &p| sum + p) / somata.len() as f64;
    let center = probe[0].position_um.midpoint(probe[32].position_um);
    assert!(center.distance(mean) < 1e-9, "{center} {mean}");
    let axis = probe[32].position_um - probe[0].position_um;
    let axis = axis / axis.norm();
    let most = spread(&somata, mean, axis);
    // along an axis that is rotated slightly in any direction, the somata spread less than along the principal axis
    for aside in [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]] {
        for angle in [-0.01, 0.01] {
            let turned = axis + Point::from(aside) * angle;
            assert!(spread(&somata, mean, turned / turned.norm()) <= most);
        }
    }
    assert!(axis.y > 0.9, "{axis}");
}

#[test]
fn only_the_somata_of_a_node_set_count() {
    let folder = scratch();
    let (config, somata) = circuit(folder.path());
    let sets = json!({"two": {"node_id": [4, 7]}, "one": {"node_id": [4]}});
    std::fs::write(config.with_file_name("node_sets.json"), sets.to_string()).unwrap();
    let align = format!("linear --contacts 2 --pitch 10 --align-to {}", config.display());
    let probe = made(&format!("{align} --node-set two"));
    let center = probe[0].position_um.midpoint(probe[1].position_um);
    assert!(center.distance(somata[4].midpoint(somata[7])) < 1e-9);
    let file = config.display();
    electrodes(&format!("{align} --node-set one")).refused(&format!(
        "error: {file}: no axis, expected at least two points at different positions, found 1\n\
        hint: choose a `--node-set` with two neurons or more, or give `--at` and `--direction`"
    ));
}

#[test]
fn what_a_maker_writes_weights_reads() {
    let folder = scratch();
    let run = |args: &[&str]| leadfield_in(folder.path(), args).ok();
    run(&["synthesize", "circuit", "--cells", "2", "--with-report"]);
    run(&["positions", "circuit/simulation_config.json", "-o", "table.parquet"]);
    for name in ["probe.csv", "probe.json"] {
        run(&["electrodes", "linear", "--contacts", "4", "--pitch", "100", "-o", name]);
        run(&["weights", "table.parquet", name, "-o", "weights.h5", "--force"]);
    }
}

#[test]
fn csv_turns_into_json_and_back_without_a_change() {
    let folder = scratch();
    let run = |args: &[&str]| leadfield_in(folder.path(), &[&["electrodes", "from"], args].concat());
    let reference = golden().join("input/electrodes/named.csv");
    run(&[reference.to_str().unwrap(), "-o", "a.json"]).ok();
    run(&["a.json", "-o", "b.csv"]).ok();
    run(&["b.csv", "-o", "c.json"]).ok();
    let text = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    assert_eq!(text("a.json"), text("c.json"));
    let (before, after) = (electrodes::read(&reference).unwrap(), read(&text("b.csv")));
    assert_eq!((positions(&before), names(&before)), (positions(&after), names(&after)));
    let labels = |e: &Electrode| (e.layer.clone(), e.region.clone(), e.method.name());
    assert_eq!(before.iter().map(labels).collect::<Vec<_>>(), after.iter().map(labels).collect::<Vec<_>>());
}

#[test]
fn a_flat_probe_of_probeinterface_is_put_into_the_circuit() {
    let folder = scratch();
    let file = folder.path().join("probe.json");
    let probe = json!({"specification": "probeinterface", "version": "0.2.21", "probes": [{
        "ndim": 2, "si_units": "mm", "contact_positions": [[0.0, 0.0], [0.016, 0.02]], "contact_ids": ["e0", "e1"],
        "contact_plane_axes": [[[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [0.0, 1.0]]]
    }]});
    std::fs::write(&file, probe.to_string()).unwrap();
    let placed = made(&format!("from {} --at 100,0,0 --direction 0,-1,0", file.display()));
    assert_eq!(names(&placed), ["e0", "e1"]);
    let [tip, next] = [placed[0].position_um, placed[1].position_um];
    assert!(tip.distance(Point::new(100.0, 0.0, 0.0)) < 1e-12 && next.distance(Point::new(84.0, -20.0, 0.0)) < 1e-12);
}

#[test]
fn shapes_of_probeinterface_become_discs_that_turn_with_the_probe() {
    let folder = scratch();
    let file = folder.path().join("probe.json");
    let probe = json!({"specification": "probeinterface", "version": "0.2.21", "probes": [{
        "ndim": 2, "si_units": "mm", "contact_positions": [[0.0, 0.0], [0.016, 0.02]],
        "contact_shapes": ["circle", "square"], "contact_shape_params": [{"radius": 0.006}, {"width": 0.012}]
    }]});
    std::fs::write(&file, probe.to_string()).unwrap();
    let from = |options: &str| made(&format!("from {}{options}", file.display()));
    assert!(from("").iter().all(|e| e.settings.disc.is_none()));
    // the shank along x instead of y: the discs still face z; rolled by 90 degrees about x they face -y
    let placed = from(" --discs --direction 1,0,0 --roll 90");
    let discs: Vec<_> = placed.iter().map(|e| e.settings.disc.unwrap()).collect();
    assert!(discs.iter().all(|d| d.normal.distance(Point::new(0.0, -1.0, 0.0)) < 1e-12), "{discs:?}");
    assert!((discs[0].radius_um - 6.0).abs() < 1e-12);
    assert!((discs[1].radius_um - 12.0 / std::f64::consts::PI.sqrt()).abs() < 1e-12, "the area of the square");
}

#[test]
fn a_coil_turns_with_the_probe() {
    let folder = scratch();
    let file = folder.path().join("meg.csv");
    std::fs::write(&file, "name,x,y,z,type,head_center,coil_normal\nm,0,32000,0,MEG,0 -76500 0,1 0 0\n").unwrap();
    let placed = made(&format!("from {} --roll 90", file.display()));
    // rolled by 90 degrees about y, counterclockwise seen from above: x becomes -z; the head stays where it is
    let settings = &placed[0].settings;
    assert!(settings.coil_normal.unwrap().distance(Point::new(0.0, 0.0, -1.0)) < 1e-12, "{settings:?}");
    assert_eq!(settings.head.center_um.unwrap(), Point::new(0.0, -76_500.0, 0.0));
}

/// Writes an atlas of 1 x 3 x 1 voxels of 100 µm, the lowest in `S1;L1`, the next in `S1;L2`, the last in none.
fn atlas(folder: &Path) {
    let header = "NRRD0004\ntype: uint32\ndimension: 3\nsizes: 1 3 1\nendian: little\nencoding: raw\n\
        space directions: (100,0,0) (0,100,0) (0,0,100)\nspace origin: (0,0,0)\n\n";
    let ids: Vec<u8> = [11_u32, 12, 0].iter().flat_map(|id| id.to_le_bytes()).collect();
    std::fs::write(folder.join("brain_regions.nrrd"), [header.as_bytes(), &ids].concat()).unwrap();
    let hierarchy = json!({"id": 1, "acronym": "root", "children": [
        {"id": 11, "acronym": "S1;L1", "children": []}, {"id": 12, "acronym": "S1;L2", "children": []}]});
    std::fs::write(folder.join("hierarchy.json"), hierarchy.to_string()).unwrap();
}

#[test]
fn an_atlas_states_region_and_layer() {
    let folder = scratch();
    atlas(folder.path());
    let line = "linear --contacts 5 --pitch 100 --at 50,-50,50 --atlas";
    let contacts = made(&format!("{line} {}", folder.path().display()));
    let found: Vec<_> = contacts.iter().map(|e| (e.region.as_str(), e.layer.as_str())).collect();
    let outside = ("Outside", "Outside");
    assert_eq!(found, [outside, ("S1", "L1"), ("S1", "L2"), outside, outside]);
}

#[test]
fn a_missing_atlas_is_refused() {
    electrodes("linear --contacts 5 --pitch 100 --atlas no/atlas")
        .refused("error: no/atlas/brain_regions.nrrd: cannot be read: no such file or directory");
}

#[test]
fn an_atlas_of_a_wrong_dimension_is_refused() {
    let folder = scratch();
    atlas(folder.path());
    let file = folder.path().join("brain_regions.nrrd");
    let content = String::from_utf8_lossy(&std::fs::read(&file).unwrap()).replace("dimension: 3", "dimension: 4");
    std::fs::write(&file, content).unwrap();
    electrodes(&format!("linear --contacts 5 --pitch 100 --atlas {}", folder.path().display())).refused(&format!(
        "error: {}: wrong dimension, expected 3, found `4`\n\
        hint: use a volume with one region id per voxel, without colour or time axes",
        file.display()
    ));
}

#[test]
fn what_is_no_probe_is_refused() {
    for (words, message) in [
        ("linear --contacts 0 --pitch 50", "number of contacts out of range, expected 1 to 100000, found 0"),
        ("linear --contacts 2 --pitch -5", "pitch out of range, expected a finite number above 0 µm, found `-5`"),
        (
            "neuropixels --first-site 700",
            "sites out of range, expected 384 or fewer below site 960, found 384 from site 700",
        ),
        (
            "linear --contacts 2 --pitch 5 --direction 0,0,0",
            "no direction, expected three finite numbers, not all 0, found (0, 0, 0)",
        ),
        ("linear --contacts 2 --pitch 5 --at nan,0,0", "wrong place, expected finite numbers, found (NaN, 0, 0)"),
        (
            "linear --contacts 1 --pitch 5 --prefix a/",
            "contact[0]: wrong name, expected a name without `/` and NUL that is not empty, `.` or `..`, found `a/0`",
        ),
        (
            "linear --contacts 1 --pitch 5 -o probe.txt",
            "probe.txt: unknown output format, expected a name that ends in `.csv` or `.json`",
        ),
    ] {
        electrodes(words).refused(&format!("error: {message}"));
    }
}

#[test]
fn an_existing_file_is_kept_unless_forced() {
    let folder = scratch();
    let line = ["electrodes", "linear", "--contacts", "1", "--pitch", "5", "-o", "probe.csv", "--quiet"];
    leadfield_in(folder.path(), &line).ok();
    leadfield_in(folder.path(), &line)
        .refused("error: probe.csv: exists already\nhint: choose another name, or replace it with `--force`");
    leadfield_in(folder.path(), &[&line[..], &["--force"]].concat()).ok();
    assert_eq!(names_in(folder.path()), ["probe.csv"]);
}

#[test]
fn every_command_that_reads_contacts_takes_their_unit() {
    let folder = scratch();
    let run = |args: &[&str]| leadfield_in(folder.path(), args).ok();
    std::fs::write(folder.path().join("mm.csv"), "name,x,y,z\na,0.5,1,2\nb,0.5,1.1,2\n").unwrap();
    std::fs::write(folder.path().join("um.csv"), "name,x,y,z\na,500,1000,2000\nb,500,1100,2000\n").unwrap();
    let um = run(&["electrodes", "from", "um.csv"]);
    assert_eq!(run(&["electrodes", "from", "mm.csv", "--units", "mm"]), um);
    run(&["convert", "mm.csv", "--units", "mm", "-o", "converted.csv"]);
    assert_eq!(std::fs::read_to_string(folder.path().join("converted.csv")).unwrap(), um);
    run(&["synthesize", "circuit", "--cells", "2", "--with-report"]);
    run(&["positions", "circuit/simulation_config.json", "-o", "t.parquet"]);
    let query = |file: &str, unit: &str| {
        run(&["query", "t.parquet", "--electrodes", file, "--within", "900", "--units", unit, "--by", "electrode"])
    };
    assert_eq!(query("mm.csv", "mm"), query("um.csv", "um"));
    let weights = |file: &str, unit: &str, out: &str| {
        run(&["weights", "t.parquet", file, "--units", unit, "-o", out, "--quiet"]);
    };
    weights("mm.csv", "mm", "mm.h5");
    weights("um.csv", "um", "um.h5");
    run(&["validate", "weights", "mm.h5", "um.h5", "--rtol", "0"]);
    let picture = |file: &str, unit: &str, out: &str| {
        run(&["plot", "probe", file, "--units", unit, "-o", out, "--quiet"]);
        std::fs::read_to_string(folder.path().join(out)).unwrap()
    };
    assert_eq!(picture("mm.csv", "mm", "mm.svg"), picture("um.csv", "um", "um.svg"));
}

#[test]
fn a_unit_without_contacts_is_refused() {
    let folder = scratch();
    leadfield_in(folder.path(), &["query", "t.parquet", "--units", "mm"])
        .refused("error: --units: no contacts, expected `--electrodes FILE`");
    let np8 = golden().join("reference/np8.h5");
    let np8 = np8.to_str().unwrap();
    leadfield_in(folder.path(), &["convert", np8, "-o", "w.csv", "--units", "mm"]).refused(&format!(
        "error: {np8}: `--units` is for contacts, expected a file of contacts, found electrodes files"
    ));
}
