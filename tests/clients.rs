//! Other programs read the files of this program: h5py, libsonata and neurodamus the electrodes file, pyarrow and
//! DuckDB the table, libsonata the report block. Every row is compared with the row that this program reads.
//!
//! `clients.py` contains the checks, one per program; it runs in the Python of `LEADFIELD_PYTHON` (`make
//! test-clients`).

use std::fmt::Write;
use std::path::Path;
use std::process::Command;

use leadfield::geometry::{Aabb, Point};
use leadfield::segments::table::SegmentTable;
use leadfield::sonata::electrodes_file::ElectrodesFile;
use leadfield::validate::electrodes_file::Code;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};

use crate::malformed::electrodes_file::{CORPUS, damaged};
use crate::support::{golden, leadfield_in, one_neuron, root, scratch};

/// Runs one check of `clients.py` in a folder.
fn python(folder: &Path, check: &str) {
    drop(answer_of_python(folder, check));
}

/// Runs one check of `clients.py` in a folder, and returns its output.
fn answer_of_python(folder: &Path, check: &str) -> String {
    let python = std::env::var_os("LEADFIELD_PYTHON").expect("LEADFIELD_PYTHON names a Python with the clients");
    let script = root().join("tests/clients.py");
    let mut command = Command::new(python);
    // the recipes start the program by its name
    let own = Path::new(env!("CARGO_BIN_EXE_leadfield")).parent().unwrap().to_path_buf();
    let others = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(std::iter::once(own).chain(std::env::split_paths(&others))).unwrap();
    let output = command.arg(script).arg(check).current_dir(folder).env("PATH", path).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{check}: {}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

/// Creates a folder with the reference circuit's table, an electrodes file of it, the report block, and their content
/// as text: `weights.csv` (node, row in node, one column per contact) and `segments.csv`.
fn files() -> tempfile::TempDir {
    let dir = scratch();
    let path = |name: &str| golden().join(name).into_os_string().into_string().unwrap();
    let (config, contacts) = (path("input/circuit/simulation_config.json"), path("input/electrodes/named.csv"));
    leadfield_in(dir.path(), &["positions", &config, "-o", "s.parquet"]).ok();
    leadfield_in(dir.path(), &["positions", &config, "-o", "s32.parquet", "--precision", "f32"]).ok();
    let block = leadfield_in(dir.path(), &["weights", "s.parquet", &contacts, "-o", "w.h5"]).ok();
    std::fs::write(dir.path().join("reports.json"), block).unwrap();
    std::fs::write(dir.path().join("weights.csv"), weights(&dir.path().join("w.h5"))).unwrap();
    for name in ["s", "s32"] {
        let text = segments(&dir.path().join(format!("{name}.parquet")));
        std::fs::write(dir.path().join(format!("{name}.csv")), text).unwrap();
    }
    dir
}

/// Formats all weights: node, row from the node's first, one column per contact in column order. Numbers are written so
/// that they parse to the same doubles.
fn weights(path: &Path) -> String {
    let file = ElectrodesFile::open(path).unwrap();
    let population = &file.populations()[0];
    let mut text = String::new();
    for &node in population.node_ids() {
        let rows = file.read_rows(population, population.rows_of_node(node).unwrap()).unwrap();
        for (i, row) in rows.chunks_exact(population.columns() as usize).enumerate() {
            write!(text, "{node},{i}").unwrap();
            row.iter().for_each(|v| write!(text, ",{v:e}").unwrap());
            text.push('\n');
        }
    }
    text
}

/// Formats all segments in the order of rows, one line each; a null value is an empty cell.
fn segments(path: &Path) -> String {
    let table = SegmentTable::open(path).unwrap();
    let mut all: Vec<_> = table.parts().iter().flat_map(|p| p.read().unwrap().iter().collect::<Vec<_>>()).collect();
    all.sort_by_key(|s| s.row);
    let mut text = String::new();
    for s in all {
        let kind = s.section_type.map_or(String::new(), |t| t.number().to_string());
        let radius = s.radius_um.map_or(String::new(), |r| format!("{:e}", f64::from(r)));
        write!(text, "{},{},{},{kind}", s.node_id, s.section_id, s.segment_id).unwrap();
        s.start.to_array().iter().chain(&s.end.to_array()).for_each(|c| write!(text, ",{c:e}").unwrap());
        writeln!(text, ",{radius},{}", s.row).unwrap();
    }
    text
}

#[test]
#[ignore = "needs LEADFIELD_PYTHON with h5py, libsonata, neurodamus: make clients"]
fn every_client_reads_every_row_of_the_electrodes_file() {
    let dir = files();
    ["h5py", "libsonata", "neurodamus"].iter().for_each(|client| python(dir.path(), client));
}

#[test]
#[ignore = "needs LEADFIELD_PYTHON with h5py, libsonata, neurodamus: make clients"]
fn clients_treat_damaged_files_as_the_codes_state() {
    let dir = scratch();
    let mut cases = Vec::new();
    for (i, case) in CORPUS.iter().enumerate() {
        let file = format!("{i}.h5");
        damaged(&dir.path().join(&file), case.make);
        let entry = Code::parse(case.code).unwrap().description();
        cases.push(serde_json::json!({
            "file": file, "code": case.code, "libsonata": format!("{:?}", entry.libsonata),
            "simulator": format!("{:?}", entry.simulator),
        }));
    }
    std::fs::write(dir.path().join("damages.json"), serde_json::to_string(&cases).unwrap()).unwrap();
    python(dir.path(), "damages");
}

#[test]
#[ignore = "needs LEADFIELD_PYTHON with h5py, libsonata, neurodamus: make clients"]
fn fixed_files_are_read_by_every_client() {
    let dir = files();
    // the original's file, with its extra column and mislabelled names, becomes a file that every client accepts
    let named = golden().join("reference/named.h5");
    let original = dir.path().join("w.h5");
    std::fs::copy(named, dir.path().join("named.h5")).unwrap();
    leadfield_in(dir.path(), &["validate", "electrodes-file", "named.h5", "--fix", "w.h5", "--force"]).ok();
    std::fs::write(dir.path().join("weights.csv"), weights(&original)).unwrap();
    ["libsonata-names", "neurodamus"].iter().for_each(|client| python(dir.path(), client));
}

#[test]
#[ignore = "needs LEADFIELD_PYTHON: make clients"]
fn junit_reports_are_xml_that_names_the_failures() {
    let dir = files();
    let named = golden().join("reference/named.h5").into_os_string().into_string().unwrap();
    let args = ["validate", "weights", "w.h5", &named, "--junit", "report.xml"];
    assert_eq!(leadfield_in(dir.path(), &args).code, 1);
    python(dir.path(), "junit");
}

#[test]
#[ignore = "needs LEADFIELD_PYTHON with libsonata: make clients"]
fn libsonata_accepts_the_report_block() {
    python(files().path(), "report");
}

#[test]
#[ignore = "needs LEADFIELD_PYTHON with pyarrow, duckdb: make clients"]
fn parquet_readers_find_the_documented_types_and_every_segment() {
    let dir = files();
    ["pyarrow", "duckdb"].iter().for_each(|client| python(dir.path(), client));
}

/// Creates the tables `g` and `g32` of the reference circuit in row groups of 256 rows. For each, `NAME.json` has
/// regions that contain no, few and all segments: the box around the segments' first ends, and the rows that `query`
/// finds.
fn searches() -> tempfile::TempDir {
    let dir = scratch();
    let config = golden().join("input/circuit/simulation_config.json").into_os_string().into_string().unwrap();
    for (name, width) in [("g", "f64"), ("g32", "f32")] {
        let file = format!("{name}.parquet");
        let args = ["positions", &config, "-o", &file, "--precision", width, "--row-group-rows", "256"];
        leadfield_in(dir.path(), &args).ok();
        let table = SegmentTable::open(&dir.path().join(&file)).unwrap();
        let bounds = table.bounds().unwrap();
        let center = table.parts()[0].read().unwrap().start[600];
        // whole numbers, which are exact in every width and in every program's literals
        let around = |r: f64| -> [[f64; 3]; 2] {
            [center.to_array().map(|v| (v - r).floor()), center.to_array().map(|v| (v + r).ceil())]
        };
        let few =
            [80.0, 40.0, 20.0, 10.0].map(around).into_iter().find(|b| beginning_in(dir.path(), &file, *b).len() <= 40);
        let all = [bounds.min.to_array().map(|v| v.floor() - 1.0), bounds.max.to_array().map(|v| v.ceil() + 1.0)];
        let regions = [("empty", [[1e6; 3], [1e6 + 1.0; 3]]), ("few", few.unwrap()), ("all", all)];
        let regions = regions.map(|(name, [low, high])| {
            let rows = beginning_in(dir.path(), &file, [low, high]);
            serde_json::json!({ "name": name, "low": low, "high": high, "rows": rows })
        });
        std::fs::write(dir.path().join(format!("{name}.json")), serde_json::to_string(&regions).unwrap()).unwrap();
    }
    dir
}

/// Returns the rows, ascending, of the segments that `query` finds in a box and that begin in it.
fn beginning_in(folder: &Path, table: &str, [low, high]: [[f64; 3]; 2]) -> Vec<u64> {
    let corners: Vec<String> = low.iter().chain(&high).map(f64::to_string).collect();
    let corners = corners.join(",");
    let args = ["query", table, "--box", &corners, "--predicate", "intersects", "--columns", "row,x0,y0,z0"];
    let found = leadfield_in(folder, &[&args[..], &["--format", "csv"]].concat()).ok();
    let begins = |line: &str| {
        let numbers: Vec<f64> = line.split(',').map(|cell| cell.parse().unwrap()).collect();
        (0..3).all(|k| (low[k]..=high[k]).contains(&numbers[k + 1])).then_some(numbers[0] as u64)
    };
    let mut rows: Vec<u64> = found.lines().skip(1).filter_map(begins).collect();
    rows.sort_unstable();
    rows
}

#[test]
#[ignore = "needs LEADFIELD_PYTHON with pyarrow, pandas, polars, dask, duckdb: make clients"]
fn other_programs_find_what_a_query_finds_and_skip_what_they_can() {
    let dir = searches();
    for client in ["pyarrow", "pandas", "polars", "dask", "duckdb"] {
        python(dir.path(), &format!("pruning-by-{client}"));
    }
}

#[test]
#[ignore = "needs LEADFIELD_PYTHON with polars 1.41 beside it: make clients"]
fn polars_1_41_finds_what_a_query_finds_and_skips_what_it_can() {
    let dir = searches();
    let python = std::env::var_os("LEADFIELD_PYTHON").expect("LEADFIELD_PYTHON names a Python with the clients");
    // `make clients` installs it in the environment's folder `polars-1.41`
    let beside = Path::new(&python).parent().and_then(Path::parent).unwrap().join("polars-1.41");
    let output = Command::new(&python)
        .arg(root().join("tests/clients.py"))
        .arg("pruning-by-polars")
        .env("PYTHONPATH", beside)
        .env("LEADFIELD_POLARS", "1.41")
        .current_dir(dir.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The recipes of engines.md, in order: the heading and the Python.
fn recipes() -> Vec<(String, String)> {
    let text = std::fs::read_to_string(root().join("docs/engines.md")).unwrap();
    let sections = text.split("\n## ").map(str::to_string);
    let recipes = |section: String| {
        let heading = section.lines().next().unwrap().to_string();
        let blocks = section.split("```python\n").skip(1).map(|rest| rest.split("```").next().unwrap().to_string());
        blocks.map(|code| (heading.clone(), code)).collect::<Vec<_>>()
    };
    sections.flat_map(recipes).collect()
}

#[test]
#[ignore = "needs LEADFIELD_PYTHON with duckdb, polars, dask, ray, pyarrow: make clients"]
fn recipes_for_other_engines_find_what_a_query_finds_and_write_what_one_run_writes() {
    let dir = scratch();
    let dir = dir.path();
    leadfield_in(dir, &["synthesize", "circuit", "--cells", "400", "--with-report", "--quiet"]).ok();
    let layout = ["--segments-per-part", "10000", "--row-group-rows", "1024", "--quiet"];
    let positions = ["positions", "circuit/simulation_config.json", "-o", "segments"];
    leadfield_in(dir, &[&positions[..], &layout].concat()).ok();
    std::fs::write(dir.join("probe.csv"), "name,x,y,z\na,0,-200,0\nb,20,-150,5\n").unwrap();
    let found = leadfield_in(dir, &["query", "segments", "--box", "-50,-300,-50,50,-100,50", "--count"]).ok();
    assert!(found.trim().parse::<u64>().unwrap() > 0);
    leadfield_in(dir, &["weights", "segments", "probe.csv", "-o", "one_run.h5", "--quiet"]).ok();
    let one_run = std::fs::read(dir.join("one_run.h5")).unwrap();
    println!("row groups and bytes touched, of all: {}", answer_of_python(dir, "touched").trim());
    let recipes = recipes();
    let headings: Vec<&str> = recipes.iter().map(|(heading, _)| heading.as_str()).collect();
    assert_eq!(headings, ["DuckDB", "polars", "Dask", "Ray", "Spark", "Weights by tasks"]);
    for (heading, code) in &recipes {
        assert!(code.lines().count() <= 15, "{heading}");
        if heading == "Spark" {
            continue;
        }
        std::fs::write(dir.join("recipe.py"), code).unwrap();
        let answer = answer_of_python(dir, "recipe");
        let (own, read) = answer.trim().rsplit_once('\n').unwrap();
        println!("{heading}: {} found, {read} bytes read", own.lines().last().unwrap());
        if heading == "Weights by tasks" {
            let written = dir.join("by_tasks.h5");
            assert!(std::fs::read(written).unwrap() == one_run);
        } else {
            assert_eq!(own.lines().last(), found.lines().last(), "{heading}");
        }
    }
}

#[test]
#[ignore = "needs LEADFIELD_PYTHON with fastparquet: make clients"]
fn fastparquet_reads_what_the_documentation_says() {
    python(searches().path(), "fastparquet");
}

#[test]
#[ignore = "needs LEADFIELD_PYTHON with pandas, polars, duckdb, pyarrow: make clients"]
fn tables_that_other_programs_rewrote_give_the_same_weights() {
    let dir = files();
    python(dir.path(), "rewrite");
    let population = SegmentTable::open(&dir.path().join("s.parquet")).unwrap().metadata().population.clone();
    let contacts = golden().join("input/electrodes/named.csv").into_os_string().into_string().unwrap();
    for name in ["by_pandas", "by_polars", "by_duckdb", "narrow", "large_string", "dictionary"] {
        let table = format!("{name}.parquet");
        let args = ["weights", &table, &contacts, "-o", "v.h5", "--force", "--population", &population];
        leadfield_in(dir.path(), &args).ok();
        leadfield_in(dir.path(), &["validate", "weights", "v.h5", "w.h5", "--rtol", "0"]).ok();
        let count =
            |table: &str| leadfield_in(dir.path(), &["query", table, "--sphere", "0,-400,0,200", "--count"]).ok();
        assert_eq!(count(&table), count("s.parquet"), "{name}");
    }
    leadfield_in(dir.path(), &["query", "brotli.parquet", "--count"]).refused(
        "error: brotli.parquet: compression cannot be read, expected none, snappy, gzip, zstd or lz4, found `brotli`\n\
         hint: write the file with another compression: `compression=\"zstd\"` in pandas and polars",
    );
}

#[test]
#[ignore = "needs LEADFIELD_PYTHON with pandas, pyarrow, tables: make clients"]
fn pandas_reads_boundaries_back_equal_to_the_originals_pickles() {
    let dir = scratch();
    let pickle = golden().join("reference/positions_1file/0/positions0.pkl");
    std::fs::copy(&pickle, dir.path().join("p.pkl")).unwrap();
    leadfield_in(dir.path(), &["convert", "p.pkl", "-o", "t.parquet"]).ok();
    leadfield_in(dir.path(), &["convert", "t.parquet", "-o", "b.parquet", "--to", "boundaries"]).ok();
    leadfield_in(dir.path(), &["convert", "t.parquet", "-o", "b.h5"]).ok();
    leadfield_in(dir.path(), &["convert", "b.h5", "-o", "u.parquet", "--to", "table"]).ok();
    python(dir.path(), "pandas");
    // a file that pandas writes is read
    leadfield_in(dir.path(), &["convert", "by_pandas.h5", "-o", "v.parquet", "--to", "table"]).ok();
    let bytes = |name: &str| std::fs::read(dir.path().join(name)).unwrap();
    assert!(bytes("u.parquet") == bytes("t.parquet") && bytes("v.parquet") == bytes("t.parquet"));
}

#[test]
#[ignore = "needs LEADFIELD_PYTHON with h5py, libsonata, neurodamus: make clients"]
fn every_client_reads_a_converted_file_of_the_original() {
    let dir = files();
    let old = golden().join("reference/named.h5");
    leadfield_in(dir.path(), &["convert", old.to_str().unwrap(), "-o", "w.h5", "--force"]).ok();
    std::fs::write(dir.path().join("weights.csv"), weights(&dir.path().join("w.h5"))).unwrap();
    ["h5py", "libsonata", "neurodamus"].iter().for_each(|client| python(dir.path(), client));
}

/// Electrodes on the scalp, in the skull and on the cortex, magnetometers around the head, and an array on glass below a
/// slice; the planes of the slice are for LFPykit alone.
fn contacts_of_heads(bounds: Aabb) -> (Value, Value) {
    let center = [bounds.center().x, bounds.max.y - 78_000.0, bounds.center().z];
    let (bottom, top) = (bounds.min.z.floor() - 40.0, bounds.max.z.ceil() + 60.0);
    let (radii, sigmas) = ([79e3, 80e3, 85e3, 90e3], [0.33, 1.65, 0.0165, 0.33]);
    let mut contacts = Vec::new();
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(3);
    for i in 0..64 {
        let direction = Point::from([0; 3].map(|_| random.random_range(-1.0..1.0)));
        let at = |r: f64| (Point::from(center) + direction * (r / direction.norm())).to_array();
        let mut add = |name: &str, kind: &str, [x, y, z]: [f64; 3], more: Value| {
            let mut contact = json!({"name": format!("{name}{i}"), "x": x, "y": y, "z": z, "type": kind});
            contact.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            contacts.push(contact);
        };
        let head = json!({"head_center": center, "head_radii": radii, "head_conductivities": sigmas});
        add("eeg", "FourSphere", at([90e3, 87e3, 82e3, 79.5e3][i % 4]), head);
        let normal: [f64; 3] = [0; 3].map(|_| random.random_range(-1.0..1.0));
        add("meg", "MEG", at(110e3), json!({"head_center": center, "coil_normal": normal}));
        add("far", "InfiniteDipole", at(30e3), json!({}));
        let x = bounds.center().x + 40.0 * (i % 8) as f64;
        let boundary = format!("z>{bottom}, 0, z<{top}, 1.5");
        let slice = json!({"boundary": boundary, "conductivity": 0.3, "planes": [bottom, top]});
        add("mea", "LineSource", [x, bounds.center().y + 40.0 * (i / 8) as f64, bottom], slice);
    }
    let dipole = json!({"name": "p", "x": 0, "y": 0, "z": 0, "type": "CurrentDipole"});
    let three = ["p_x", "p_y", "p_z"].map(|name| json!({"name": name, "type": "CurrentDipole"}));
    let ours = contacts.iter().map(|c| {
        let mut c = c.clone();
        c.as_object_mut().unwrap().remove("planes");
        c
    });
    (ours.chain([dipole]).collect(), contacts.iter().cloned().chain(three).collect())
}

#[test]
#[ignore = "needs LEADFIELD_PYTHON with lfpykit: make clients"]
fn lfpykit_gives_the_same_weights_of_heads_and_slices() {
    let dir = scratch();
    one_neuron(dir.path(), "s", "1");
    let bounds = SegmentTable::open(&dir.path().join("s.parquet")).unwrap().bounds().unwrap();
    let (ours, theirs) = contacts_of_heads(bounds);
    std::fs::write(dir.path().join("e.json"), ours.to_string()).unwrap();
    std::fs::write(dir.path().join("contacts.json"), theirs.to_string()).unwrap();
    std::fs::write(dir.path().join("s.csv"), segments(&dir.path().join("s.parquet"))).unwrap();
    leadfield_in(dir.path(), &["weights", "s.parquet", "e.json", "-o", "w.h5", "--quiet"]).ok();
    println!("{}", answer_of_python(dir.path(), "lfpykit"));
}

/// Returns the weights of a run with these contacts and options, one row per segment.
fn columns_of(folder: &Path, contacts: &str, options: &[&str]) -> Vec<Vec<f64>> {
    std::fs::write(folder.join("own.csv"), contacts).unwrap();
    let args = ["weights", "s.parquet", "own.csv", "-o", "v.h5", "--force", "--quiet"];
    leadfield_in(folder, &[&args[..], options].concat()).ok();
    let file = ElectrodesFile::open(&folder.join("v.h5")).unwrap();
    let population = &file.populations()[0];
    let rows = file.read_rows(population, 0..population.rows()).unwrap();
    rows.chunks_exact(population.columns() as usize).map(<[f64]>::to_vec).collect()
}

/// Asserts that columns differ by at most a fraction of the largest weight of the column.
#[track_caller]
fn columns_agree(found: &[Vec<f64>], expected: &[Vec<f64>], tolerance: f64) {
    for column in 0..found[0].len() {
        let largest = expected.iter().map(|row| row[column].abs()).fold(0.0, f64::max);
        let difference = found.iter().zip(expected).map(|(a, b)| (a[column] - b[column]).abs()).fold(0.0, f64::max);
        println!("column {column}: {:.1e}", difference / largest);
        assert!(largest > 0.0 && difference <= tolerance * largest, "{column}: {difference:e} of {largest:e}");
    }
}

#[test]
#[ignore = "needs LEADFIELD_PYTHON with mne, meshio, h5py: make clients"]
fn fields_of_mne_the_new_york_head_and_meshes_become_weights() {
    let dir = scratch();
    let dir = dir.path();
    one_neuron(dir, "s", "1");
    let segments = SegmentTable::open(&dir.join("s.parquet")).unwrap().parts()[0].read_by_row().unwrap();
    let midpoints: Vec<Point> = segments.iter().map(|s| s.midpoint()).collect();
    let center = midpoints.iter().fold(Point::ORIGIN, |sum, m| sum + *m) / midpoints.len() as f64;
    // the neuron is 70 mm above the head's centre, towards Cz
    let head = center - Point::new(0.0, 0.0, 70_000.0);
    std::fs::write(dir.join("source.json"), "[0, 0, 70000]").unwrap();
    drop(answer_of_python(dir, "head_models"));
    let shift = format!("1,0,0,0,{},{},{}", head.x, head.y, head.z);
    let contact = |name: &str, kind: &str, direction: Point, end: &str| {
        let p = head + direction * 90_000.0;
        format!("{name},{},{},{},{kind},{end}\n", p.x, p.y, p.z)
    };
    let (cz, c4) = (Point::new(0.0, 0.0, 1.0), Point::new(0.6, 0.0, 0.8));
    let settings = format!("{} {} {}", head.x, head.y, head.z);
    let spheres = [
        "name,x,y,z,type,head_center\n",
        &contact("Cz", "FourSphere", cz, &settings),
        &contact("C4", "FourSphere", c4, &settings),
    ]
    .concat();
    let spheres = columns_of(dir, &spheres, &[]);
    for folder in ["mne", "nyhead"] {
        let fields = ["Cz", "C4"].map(|name| contact(name, "DipoleReciprocity", cz, &format!("{folder}/{name}.h5")));
        let fields = columns_of(
            dir,
            &format!("name,x,y,z,type,field\n{}{}", fields[0], fields[1]),
            &["--field-transform", &shift],
        );
        // MNE approximates the series of the spheres by three dipoles in a homogeneous sphere
        columns_agree(&fields, &spheres, 0.01);
    }
    let contacts = "name,x,y,z,type,field\na,0,0,0,Reciprocity,field.csv\nb,0,0,0,DipoleReciprocity,field.csv\n";
    let found =
        columns_of(dir, contacts, &["--field-transform", &shift, "--field-current", "1", "--outside-field", "zero"]);
    // phi = x + 2 y + 3 z in mm and V, from the head's centre; E = -grad phi
    let expected: Vec<Vec<f64>> = midpoints
        .iter()
        .zip(&found)
        .map(|(m, found)| {
            let dot = |v: Point| (v.x + 2.0 * v.y + 3.0 * v.z) / 1e3;
            // a midpoint outside the mesh has the potential 0
            vec![if found[0] == 0.0 { 0.0 } else { dot(*m - head) }, dot(*m - center)]
        })
        .collect();
    assert!(found.iter().filter(|row| row[0] == 0.0).count() * 4 < found.len());
    columns_agree(&found, &expected, 1e-9);
}

/// Returns the folder of [`files`], with the reference circuit's report and its signals in every format.
fn signal_files() -> tempfile::TempDir {
    let dir = files();
    let input = golden().join("input/circuit");
    std::fs::copy(input.join("output/compartment.h5"), dir.path().join("c.h5")).unwrap();
    let config = input.join("circuit_config.json").into_os_string().into_string().unwrap();
    let signals = |options: &[&str]| {
        leadfield_in(dir.path(), &[&["signals", "c.h5", "--weights", "w.h5"], options].concat()).ok();
    };
    signals(&["-o", "lfp.h5", "--dtype", "f64", "--unit", "uV"]);
    signals(&["-o", "lfp32.h5"]);
    for name in ["lfp.npy", "ecp.h5", "lfp.nwb"] {
        signals(&["-o", name, "--dtype", "f64"]);
    }
    signals(&["-o", "groups.nwb", "--by", "mtype", "--circuit", &config]);
    dir
}

#[test]
#[ignore = "needs LEADFIELD_PYTHON with h5py, libsonata, bmtk, pynwb: make clients"]
fn signals_are_read_by_numpy_libsonata_bmtk_and_pynwb() {
    let dir = signal_files();
    for client in ["numpy", "libsonata", "bmtk", "pynwb"] {
        python(dir.path(), &format!("signals-{client}"));
    }
}

#[test]
#[ignore = "needs LEADFIELD_PYTHON with neuron, lfpykit: make clients"]
fn signals_of_a_simulated_neuron_are_those_of_lfpykit() {
    compare_signals_of_a_neuron("signals-make-neuron");
}

#[test]
#[ignore = "needs LEADFIELD_PYTHON with lfpy, neuron: make clients"]
fn signals_of_a_simulated_neuron_are_those_of_the_probe_of_lfpy() {
    compare_signals_of_a_neuron("signals-make-lfpy");
}

/// Compares the signals of a neuron that a client simulates with the signals that the client computes.
fn compare_signals_of_a_neuron(simulation: &str) {
    let dir = scratch();
    python(dir.path(), simulation);
    let options = ["--segments", "neuron.parquet", "--electrodes", "contacts.csv", "--population", "cells"];
    let output = ["--conductivity", "0.3", "--dtype", "f64", "--unit", "mV", "-o", "found.npy"];
    leadfield_in(dir.path(), &[&["signals", "neuron.h5"], &options[..], &output[..]].concat()).ok();
    python(dir.path(), "signals-neuron");
}
