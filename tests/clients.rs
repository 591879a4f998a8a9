//! Other programs read our files: the electrodes file by h5py, libsonata and neurodamus, the table by pyarrow and
//! DuckDB, the report block by libsonata. Every row is compared with what this program reads itself.
//!
//! `clients.py` holds the checks, one a program; it runs in the Python of `LEADFIELD_PYTHON` (`make test-clients`).

use std::fmt::Write;
use std::path::Path;
use std::process::Command;

use leadfield::sonata::electrodes_file::ElectrodesFile;
use leadfield::table::Table;

use crate::support::{golden, leadfield_in, root, scratch};

/// Runs one check of `clients.py` in a folder.
fn python(folder: &Path, check: &str) {
    let python = std::env::var_os("LEADFIELD_PYTHON").expect("LEADFIELD_PYTHON names a Python with the clients");
    let script = root().join("tests/clients.py");
    let output = Command::new(python).arg(script).arg(check).current_dir(folder).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{check}: {}{}", text(&output.stdout), text(&output.stderr));
}

/// A folder with the reference circuit's table, an electrodes file of it and the report block, and what they hold
/// as text: `weights.csv` (node, row in node, one column a contact) and `segments.csv`.
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

/// All coefficients: node, row from the node's first, one column a contact in column order. Numbers are told so that
/// they are read back as the same doubles.
fn weights(path: &Path) -> String {
    let file = ElectrodesFile::open(path).unwrap();
    let population = &file.populations()[0];
    let mut text = String::new();
    for &node in population.node_ids() {
        let rows = file.rows(population, population.rows_of(node).unwrap()).unwrap();
        for (i, row) in rows.chunks_exact(population.columns() as usize).enumerate() {
            write!(text, "{node},{i}").unwrap();
            row.iter().for_each(|v| write!(text, ",{v:e}").unwrap());
            text.push('\n');
        }
    }
    text
}

/// All segments in the order of rows, one line each; nothing where a value is null.
fn segments(path: &Path) -> String {
    let table = Table::open(path).unwrap();
    let mut all: Vec<_> = table.parts().iter().flat_map(|p| p.read().unwrap().iter().collect::<Vec<_>>()).collect();
    all.sort_by_key(|s| s.row);
    let mut text = String::new();
    for s in all {
        let kind = s.section_type.map_or(String::new(), |t| t.number().to_string());
        let radius = s.radius.map_or(String::new(), |r| format!("{:e}", f64::from(r)));
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
    // and what pandas writes is read
    leadfield_in(dir.path(), &["convert", "by_pandas.h5", "-o", "v.parquet", "--to", "table"]).ok();
    let bytes = |name: &str| std::fs::read(dir.path().join(name)).unwrap();
    assert!(bytes("u.parquet") == bytes("t.parquet") && bytes("v.parquet") == bytes("t.parquet"));
}

#[test]
#[ignore = "needs LEADFIELD_PYTHON with h5py, libsonata, neurodamus: make clients"]
fn every_client_reads_what_was_a_file_of_the_original() {
    let dir = files();
    let old = golden().join("reference/named.h5");
    leadfield_in(dir.path(), &["convert", old.to_str().unwrap(), "-o", "w.h5", "--force"]).ok();
    std::fs::write(dir.path().join("weights.csv"), weights(&dir.path().join("w.h5"))).unwrap();
    ["h5py", "libsonata", "neurodamus"].iter().for_each(|client| python(dir.path(), client));
}
