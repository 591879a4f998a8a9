//! Every other kind of input, damaged at random: `info` and the tools that read it end with a result or an error. Where a
//! file has checksums, a result is that of the undamaged file.

use std::cell::RefCell;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Output;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, RecordBatch};
use leadfield::electrodes;
use leadfield::electrodes::atlas::Atlas;
use leadfield::electrodes::head_pose::HeadPose;
use leadfield::io::hdf5::Hdf5File;
use parquet::arrow::ArrowWriter;
use proptest::prelude::*;

use super::{
    check_run, mutate, mutated, program_gives, program_reads_or_refuses, run_bounded, text, tried, try_mutations,
    valid_atlas,
};
use crate::malformed::electrodes_file::edited;
use crate::support::{golden, leadfield_in, names_in, scratch};

/// Runs of each kind in the ordinary tests; `make explore` has 2000.
const CASES: u32 = 15;

/// A folder with a circuit of two neurons `c`, its currents, a table `s.parquet`, contacts `e.csv`, weights `w.h5` and
/// signals `x.h5`.
fn inputs() -> tempfile::TempDir {
    let dir = scratch();
    let run = |args: &[&str]| leadfield_in(dir.path(), &[args, &["--quiet"]].concat()).ok();
    run(&["synthesize", "c", "--cells", "2", "--morphologies", "1", "--with-currents"]);
    run(&["positions", "c/simulation_config.json", "-o", "s.parquet"]);
    std::fs::write(dir.path().join("e.csv"), "name,x,y,z\na,0,0,0\nb,0,100,0\nc,0,200,0\n").unwrap();
    run(&["weights", "s.parquet", "e.csv", "-o", "w.h5"]);
    run(&["signals", "c/output/compartment.h5", "--weights", "w.h5", "-o", "x.h5", "--end", "4"]);
    dir
}

/// Damages a file, and runs several tools on it.
fn each_reads_or_refuses(dir: &Path, file: &str, runs: &[(&[&str], Option<&str>)]) {
    for (args, output) in runs {
        program_reads_or_refuses(CASES, dir, file, args, *output);
    }
}

/// Damages a file that has checksums, and runs a tool on it: its output, if there is one, is that of the undamaged file.
fn gives_the_same_or_refuses(dir: &Path, file: &str, args: &[&str], output: Option<&str>) {
    let result = |run: &Output| match output {
        Some(name) => std::fs::read(dir.join(name)).unwrap(),
        None => run.stdout.clone(),
    };
    let expected = std::cell::OnceCell::new();
    program_gives(CASES, dir, file, args, output, |run| {
        let found = result(run);
        let expected = expected.get_or_init(|| found.clone());
        prop_assert!(*expected == found, "another result of a damaged file: {} bytes", found.len());
        Ok(())
    });
}

#[test]
fn damaged_node_types_are_read_or_refused() {
    let dir = inputs();
    let config = dir.path().join("c/circuit_config.json");
    let text = std::fs::read_to_string(&config).unwrap();
    let types = "\"node_types_file\": \"$BASE_DIR/types.csv\", \"nodes_file\":";
    std::fs::write(&config, text.replace("\"nodes_file\":", types)).unwrap();
    let rows = "node_type_id layer_name serial\n-1 \"layer five\" 7\n0 other 9007199254740993\n1 third NULL\n";
    std::fs::write(dir.path().join("c/types.csv"), rows).unwrap();
    let query = ["query", "s.parquet", "--circuit", "c/circuit_config.json", "--by", "layer_name"];
    each_reads_or_refuses(dir.path(), "c/types.csv", &[(&query, None), (&["info", "c/types.csv"], None)]);
}

#[test]
fn damaged_attributes_of_nodes_are_read_or_refused() {
    let dir = inputs();
    let file = "c/networks/nodes/neurons/nodes.h5";
    let query = |option, value| ["query", "s.parquet", "--circuit", "c/circuit_config.json", option, value];
    let runs = [
        (&query("--by", "mtype")[..], None),
        (&query("--where", "layer=5"), None),
        (&["info", file], None),
        (&["info", "c/circuit_config.json"], None),
    ];
    each_reads_or_refuses(dir.path(), file, &runs);
}

#[test]
fn damaged_hierarchies_of_regions_are_read_or_refused() {
    let dir = scratch();
    std::fs::write(dir.path().join("brain_regions.nrrd"), valid_atlas()).unwrap();
    let region = |id: u32, children: serde_json::Value| serde_json::json!({"id": id, "acronym": format!("r{id}"), "name": "a region", "children": children});
    let leaf = |id| region(id, serde_json::json!([]));
    let sound = region(1, serde_json::json!([leaf(2), region(3, serde_json::json!([leaf(4)]))])).to_string();
    let contacts = electrodes::read(&golden().join("input/electrodes/np8.csv")).unwrap();
    mutate(300, sound.as_bytes(), |bytes| {
        std::fs::write(dir.path().join("hierarchy.json"), bytes).unwrap();
        let read = || Atlas::open(dir.path()).and_then(|atlas| atlas.assign_regions(&mut contacts.clone()));
        let (result, allocated) = crate::support::allocation::peak(read);
        prop_assert!(allocated as u64 <= text(bytes.len() as u64 + 1024), "{allocated} bytes: {result:?}");
        Ok(())
    });
}

#[test]
fn damaged_tables_of_bmtk_are_read_or_refused() {
    let rows = (0..20).map(|i| format!("{i} {}.5 -1e2 0.25\n", 10 * i)).collect::<String>();
    let sound = format!("channel x_pos y_pos z_pos\n{rows}");
    let dir = scratch();
    std::fs::write(dir.path().join("e.csv"), &sound).unwrap();
    assert_eq!(electrodes::read(&dir.path().join("e.csv")).unwrap().len(), 20);
    tried(300, sound.as_bytes(), "e.csv", text, |path| electrodes::read(path).map(drop));
}

#[test]
fn damaged_head_poses_are_read_or_refused() {
    let sound = r#"{"center": [0, -78500.5, 1e1], "up": [0, 1, 0], "front": [0, 0, 1],
 "radii": [79000, 80000, 85000, 90000], "conductivities": [0.33, 1.65, 0.0165, 0.33]}"#;
    let dir = scratch();
    std::fs::write(dir.path().join("p.json"), sound).unwrap();
    HeadPose::read(&dir.path().join("p.json")).unwrap();
    tried(300, sound.as_bytes(), "p.json", text, |path| HeadPose::read(path).map(drop));
}

#[test]
fn damaged_tables_give_the_same_weights_or_none() {
    let dir = inputs();
    let weights = ["weights", "s.parquet", "e.csv", "-o", "v.h5"];
    gives_the_same_or_refuses(dir.path(), "s.parquet", &weights, Some("v.h5"));
    let query = ["query", "s.parquet", "--sphere", "0,0,0,200", "--format", "csv"];
    gives_the_same_or_refuses(dir.path(), "s.parquet", &query, None);
}

#[test]
fn damaged_manifests_give_the_same_weights_or_none() {
    let dir = inputs();
    let positions = ["positions", "c/simulation_config.json", "-o", "t", "--segments-per-part", "1", "--quiet"];
    leadfield_in(dir.path(), &positions).ok();
    let (file, weights) = ("t/_manifest.parquet", ["weights", "t", "e.csv", "-o", "v.h5"]);
    gives_the_same_or_refuses(dir.path(), file, &weights, Some("v.h5"));
    gives_the_same_or_refuses(dir.path(), file, &["query", "t", "--sphere", "0,0,0,200", "--format", "csv"], None);
    let part = names_in(&dir.path().join("t")).into_iter().find(|name| name.starts_with("part-")).unwrap();
    gives_the_same_or_refuses(dir.path(), &format!("t/{part}"), &weights, Some("v.h5"));
}

#[test]
fn damaged_indices_give_the_same_rows_or_none() {
    let dir = inputs();
    let query = ["query", "s.parquet", "--index", "i", "--sphere", "0,0,0,200", "--format", "csv", "--columns", "row"];
    leadfield_in(dir.path(), &query).ok();
    gives_the_same_or_refuses(dir.path(), "i", &query, None);
}

#[test]
fn damaged_containers_of_morphologies_are_read_or_refused() {
    let dir = inputs();
    let file = "c/components/morphologies/merged.h5";
    let positions = ["positions", "c/circuit_config_container.json", "-o", "p.parquet"];
    each_reads_or_refuses(dir.path(), file, &[(&positions, Some("p.parquet")), (&["info", file], None)]);
}

/// Writes a contact of a method that needs a lead field.
fn write_contact(dir: &Path, method: &str) {
    std::fs::write(dir.join("r.csv"), format!("name,x,y,z,type\na,0,0,0,{method}\n")).unwrap();
}

#[test]
fn damaged_fields_at_points_are_read_or_refused() {
    let dir = inputs();
    write_contact(dir.path(), "Reciprocity");
    let nodes = [-5e-3, -1e-3, 0.0, 1e-3, 5e-3_f64];
    let points: Vec<[f64; 4]> = nodes
        .iter()
        .flat_map(|&x| nodes.iter().flat_map(move |&y| nodes.map(|z| [x, y, z, 1e-6 / (1e-3 + x.hypot(y).hypot(z))])))
        .collect();
    let rows = points.iter().map(|[x, y, z, phi]| format!("{x},{y},{z},{phi:e}\n")).collect::<String>();
    std::fs::write(dir.path().join("f.csv"), format!("# a solver\nx,y,z,potential [mV]\n{rows}")).unwrap();
    let column = |k: usize| -> ArrayRef { Arc::new(Float64Array::from_iter_values(points.iter().map(|p| p[k]))) };
    let columns = ["x", "y", "z", "potential"].into_iter().enumerate().map(|(k, name)| (name, column(k)));
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let file = std::fs::File::create(dir.path().join("f.parquet")).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    for file in ["f.csv", "f.parquet"] {
        let options = ["--fields", file, "--field-current", "1", "--outside-field", "zero", "-o", "v.h5"];
        let weights = [&["weights", "s.parquet", "r.csv"][..], &options].concat();
        each_reads_or_refuses(dir.path(), file, &[(&weights, Some("v.h5")), (&["info", file], None)]);
    }
}

#[test]
fn damaged_exports_of_sim4life_are_read_or_refused() {
    let dir = inputs();
    write_contact(dir.path(), "Reciprocity");
    std::fs::copy(golden().join("input/electrodes/field_src.h5"), dir.path().join("f.h5")).unwrap();
    let weights = ["weights", "s.parquet", "r.csv", "--fields", "f.h5", "--outside-field", "zero", "-o", "v.h5"];
    each_reads_or_refuses(dir.path(), "f.h5", &[(&weights, Some("v.h5")), (&["info", "f.h5"], None)]);
}

#[test]
fn damaged_dipoles_of_head_models_are_read_or_refused() {
    let dir = inputs();
    write_contact(dir.path(), "DipoleReciprocity");
    let file = Hdf5File::create(&dir.path().join("f.h5")).unwrap();
    file.create_group("/sources").unwrap();
    let places: Vec<f64> = (0..30).flat_map(|i| [f64::from(i % 3) - 1.0, f64::from(i / 3) - 5.0, 0.5]).collect();
    file.write_dataset("/sources/positions", &places, &[30, 3]).unwrap();
    file.write_string_attribute("/sources/positions", "units", "mm").unwrap();
    file.write_dataset("/sources/vectors", &[0.25_f64; 90], &[30, 3]).unwrap();
    file.write_string_attribute("/sources/vectors", "units", "uV/(nA m)").unwrap();
    file.close().unwrap();
    let weights = ["weights", "s.parquet", "r.csv", "--fields", "f.h5", "--outside-field", "zero", "-o", "v.h5"];
    each_reads_or_refuses(dir.path(), "f.h5", &[(&weights, Some("v.h5")), (&["info", "f.h5"], None)]);
}

#[test]
fn damaged_currents_are_summed_or_refused() {
    let dir = inputs();
    let file = "c/output/compartment.h5";
    let runs = [
        (&["signals", file, "--weights", "w.h5", "-o", "y.h5"][..], Some("y.h5")),
        (&["signals", file, "--segments", "s.parquet", "--electrodes", "e.csv", "-o", "y.csv"], Some("y.csv")),
        (&["info", file], None),
    ];
    each_reads_or_refuses(dir.path(), file, &runs);
}

#[test]
fn damaged_online_reports_are_summed_or_refused() {
    let dir = scratch();
    let file = Hdf5File::create(&dir.path().join("l.h5")).unwrap();
    let mapping = |name: &str| format!("/report/neurons/mapping/{name}");
    file.create_group("/report/neurons/mapping").unwrap();
    file.write_dataset(&mapping("node_ids"), &[0_u64, 1], &[2]).unwrap();
    file.write_dataset(&mapping("index_pointers"), &[0_u64, 3, 6], &[3]).unwrap();
    file.write_dataset(&mapping("element_ids"), &[0_u32, 1, 2, 0, 1, 2], &[6]).unwrap();
    file.write_dataset(&mapping("time"), &[0.0_f64, 1.0, 0.1], &[3]).unwrap();
    file.write_dataset("/report/neurons/data", &[0.5_f32; 60], &[10, 6]).unwrap();
    file.write_string_attribute("/report/neurons/data", "units", "mV").unwrap();
    file.close().unwrap();
    let runs = [
        (&["signals", "l.h5", "-o", "y.csv"][..], Some("y.csv")),
        (&["plot", "signals", "l.h5", "-o", "p.svg"], Some("p.svg")),
        (&["info", "l.h5"], None),
    ];
    each_reads_or_refuses(dir.path(), "l.h5", &runs);
}

#[test]
fn damaged_signals_are_drawn_or_refused() {
    let dir = inputs();
    let runs = [
        (&["plot", "signals", "x.h5", "-o", "p.svg"][..], Some("p.svg")),
        (&["convert", "x.h5", "-o", "y.csv"], Some("y.csv")),
        (&["info", "x.h5"], None),
    ];
    each_reads_or_refuses(dir.path(), "x.h5", &runs);
}

#[test]
fn damaged_weights_are_used_or_refused_by_every_tool() {
    let dir = inputs();
    let query = ["query", "s.parquet", "--sphere", "0,0,0,200", "--weights", "w.h5", "--electrode", "a"];
    let runs = [
        (&["signals", "c/output/compartment.h5", "--weights", "w.h5", "-o", "y.h5"][..], Some("y.h5")),
        (&query, None),
        (&["validate", "weights", "w.h5", "w.h5"], None),
        (&["plot", "weights", "s.parquet", "w.h5", "--electrode", "a", "-o", "p.svg"], Some("p.svg")),
        (&["report", "s.parquet", "w.h5", "-o", "r.html"], Some("r.html")),
    ];
    each_reads_or_refuses(dir.path(), "w.h5", &runs);
}

#[test]
fn damaged_compressed_weights_are_used_or_refused() {
    let dir = inputs();
    let object = "/electrodes/neurons/scaling_factors";
    let weights = Hdf5File::open(&dir.path().join("w.h5")).unwrap();
    let (values, shape) = (weights.read_floats(object).unwrap(), weights.shape(object).unwrap());
    drop(weights);
    let values = ndarray::Array2::from_shape_vec((shape[0], shape[1]), values).unwrap();
    edited(&dir.path().join("w.h5"), |file| {
        file.unlink(object).unwrap();
        let builder = file.new_dataset_builder().chunk((64, shape[1])).shuffle().deflate(4).with_data(&values);
        drop(builder.create(object).unwrap());
    });
    let runs = [
        (&["validate", "electrodes-file", "w.h5"][..], None),
        (&["convert", "w.h5", "-o", "y.csv"], Some("y.csv")),
        (&["signals", "c/output/compartment.h5", "--weights", "w.h5", "-o", "y.h5"], Some("y.h5")),
    ];
    each_reads_or_refuses(dir.path(), "w.h5", &runs);
}

#[test]
fn damaged_columns_of_weights_are_converted_or_refused() {
    let dir = inputs();
    for name in ["v.parquet", "v.arrow"] {
        leadfield_in(dir.path(), &["convert", "w.h5", "-o", name, "--quiet"]).ok();
        let convert = ["convert", name, "-o", "y.h5"];
        each_reads_or_refuses(dir.path(), name, &[(&convert, Some("y.h5")), (&["info", name], None)]);
    }
}

#[test]
fn damaged_boundaries_are_converted_or_refused() {
    let dir = inputs();
    let convert = ["convert", "s.parquet", "-o", "b.parquet", "--to", "boundaries", "--quiet"];
    leadfield_in(dir.path(), &convert).ok();
    std::fs::copy(golden().join("variants/axon_starts_far/positions.h5"), dir.path().join("b.h5")).unwrap();
    for file in ["b.parquet", "b.h5"] {
        let convert = ["convert", file, "-o", "p.parquet", "--to", "table"];
        each_reads_or_refuses(dir.path(), file, &[(&convert, Some("p.parquet")), (&["info", file], None)]);
    }
}

#[test]
fn damaged_edges_are_described_or_refused() {
    let dir = scratch();
    let file = Hdf5File::create(&dir.path().join("edges.h5")).unwrap();
    file.create_group("/edges/a__b__chemical/0").unwrap();
    let path = |name: &str| format!("/edges/a__b__chemical/{name}");
    file.write_dataset(&path("edge_type_id"), &[0_i64; 4], &[4]).unwrap();
    for (name, population) in [("source_node_id", "a"), ("target_node_id", "b")] {
        file.write_dataset(&path(name), &[0_u64, 1, 2, 3], &[4]).unwrap();
        file.write_string_attribute(&path(name), "node_population", population).unwrap();
    }
    file.close().unwrap();
    each_reads_or_refuses(dir.path(), "edges.h5", &[(&["info", "edges.h5"], None)]);
}

/// The command that an interrupted run left unfinished.
const WEIGHTS: [&str; 5] = ["weights", "t", "e.csv", "-o", "v.h5"];

/// What an interrupted run leaves.
struct LeftFiles {
    checkpoint: Vec<u8>,
    partial: Vec<u8>,
    /// Of the partial file, by which the checkpoint knows it.
    inode: u64,
}

impl LeftFiles {
    const CHECKPOINT: &str = "v.h5.checkpoint";
    const PARTIAL: &str = "v.h5.partial";

    /// Begins a run and writes one of its parts.
    fn begin(dir: &Path) -> Self {
        for step in [&["--layout"][..], &["--part", "0"]] {
            leadfield_in(dir, &[&WEIGHTS[..], step].concat()).ok();
        }
        let [checkpoint, partial] =
            [Self::CHECKPOINT, Self::PARTIAL].map(|name| std::fs::read(dir.join(name)).unwrap());
        Self { checkpoint, partial, inode: std::fs::metadata(dir.join(Self::PARTIAL)).unwrap().ino() }
    }

    /// Brings the folder back to where it was before a run; begins again if that run removed the partial file.
    fn restore(&mut self, dir: &Path) {
        let [checkpoint, partial, output] = [Self::CHECKPOINT, Self::PARTIAL, "v.h5"].map(|name| dir.join(name));
        if output.exists() {
            std::fs::rename(&output, &partial).unwrap();
        }
        if std::fs::metadata(&partial).is_ok_and(|metadata| metadata.ino() == self.inode) {
            // into the same files
            std::fs::write(&partial, &self.partial).unwrap();
            std::fs::write(&checkpoint, &self.checkpoint).unwrap();
        } else {
            for left in [checkpoint, partial].iter().filter(|path| path.exists()) {
                std::fs::remove_file(left).unwrap();
            }
            *self = Self::begin(dir);
        }
    }
}

#[test]
fn damaged_checkpoints_and_partial_files_are_resumed_to_the_same_bytes_or_refused() {
    let dir = inputs();
    let dir = dir.path();
    let positions = ["positions", "c/simulation_config.json", "-o", "t", "--segments-per-part", "1", "--quiet"];
    leadfield_in(dir, &positions).ok();
    leadfield_in(dir, &[&WEIGHTS[..], &["--quiet"]].concat()).ok();
    let expected = std::fs::read(dir.join("v.h5")).unwrap();
    std::fs::remove_file(dir.join("v.h5")).unwrap();
    let left = RefCell::new(LeftFiles::begin(dir));
    for damaged in [LeftFiles::CHECKPOINT, LeftFiles::PARTIAL] {
        let resume = |bytes: &[u8]| {
            std::fs::write(dir.join(damaged), bytes).unwrap();
            let run = run_bounded(dir, &[&WEIGHTS[..], &["--resume"]].concat());
            let code = check_run(dir, &run, Some("v.h5"))?;
            let found = (code == 0).then(|| std::fs::read(dir.join("v.h5")).unwrap());
            left.borrow_mut().restore(dir);
            prop_assert!(found.is_none_or(|found| found == expected), "another file of a damaged {damaged}");
            Ok(())
        };
        let sound = |left: &LeftFiles| match damaged {
            LeftFiles::CHECKPOINT => left.checkpoint.clone(),
            _ => left.partial.clone(),
        };
        let undamaged = sound(&left.borrow());
        resume(&undamaged).unwrap();
        try_mutations(CASES, |mutations| {
            let bytes = mutated(&sound(&left.borrow()), mutations);
            resume(&bytes)
        });
    }
}
