//! Shared parts of the tests: the program, folders, data sets.
#![allow(dead_code, reason = "a test module uses what it needs")]

pub mod allocation;
pub mod pickled;

use std::io::{Read, Seek};
use std::path::{Path, PathBuf};
use std::process::Output;

use leadfield::Result;
use leadfield::geometry::Aabb;
use leadfield::io::resumable_output::StopCheck;
use leadfield::segments::Segments;
use leadfield::segments::table::{SegmentTable, TableMetadata, TableNeuron};
use leadfield::weights::SegmentSource;

/// Returns the project's root.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns the folder with the reference outputs of BlueRecording 0.2.1 on a synthetic circuit.
pub fn golden() -> PathBuf {
    root().join("datasets/golden")
}

/// Returns the folder of the real neurons, which `LEADFIELD_REAL_DATA` names.
pub fn real() -> Option<PathBuf> {
    std::env::var_os("LEADFIELD_REAL_DATA").map(PathBuf::from)
}

/// The result of a run of the program.
#[derive(Debug)]
pub struct Run {
    /// Exit code.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

/// Runs `leadfield` with arguments in a folder.
pub fn leadfield_in<S: AsRef<std::ffi::OsStr>>(folder: &Path, args: &[S]) -> Run {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_leadfield"));
    command.current_dir(folder).args(args);
    Run::of(command)
}

/// Runs `leadfield` with arguments in a folder; returns also the most memory that it used, bytes, as Linux counts it for the
/// program itself: `ru_maxrss` has the memory of these tests too, from the time before the program was loaded.
pub fn leadfield_with_peak(folder: &Path, args: &[&str]) -> (Run, u64) {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_leadfield"));
    command.current_dir(folder).args(args);
    let [out, err] = ["stdout", "stderr"].map(|_| tempfile::tempfile().unwrap());
    command.stdout(out.try_clone().unwrap()).stderr(err.try_clone().unwrap());
    let mut child = command.spawn().unwrap();
    let status_file = format!("/proc/{}/status", child.id());
    let mut peak_kilobytes = 0;
    let status = loop {
        let status = std::fs::read_to_string(&status_file).unwrap_or_default();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
        peak_kilobytes = peak.map_or(0, |text| text.parse().unwrap()).max(peak_kilobytes);
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        std::thread::sleep(std::time::Duration::from_micros(200));
    };
    assert!(cfg!(not(target_os = "linux")) || peak_kilobytes > 0, "the memory was never seen");
    let text = |mut file: std::fs::File| {
        let mut text = String::new();
        file.rewind().unwrap();
        file.read_to_string(&mut text).unwrap();
        text
    };
    (Run { code: status.code().unwrap_or(-1), stdout: text(out), stderr: text(err) }, peak_kilobytes * 1024)
}

/// Runs `leadfield` with arguments in the project's root.
pub fn leadfield<S: AsRef<std::ffi::OsStr>>(args: &[S]) -> Run {
    leadfield_in(root(), args)
}

impl Run {
    /// Runs a command to its end.
    pub fn of(mut command: std::process::Command) -> Self {
        let Output { status, stdout, stderr } = command.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: status.code().unwrap_or(-1), stdout: text(stdout), stderr: text(stderr) }
    }

    /// Asserts success and returns standard output.
    #[track_caller]
    pub fn ok(self) -> String {
        assert_eq!(self.code, 0, "{}", self.stderr);
        self.stdout
    }

    /// Asserts exit code 2 and the exact text on standard error (message and hint lines).
    #[track_caller]
    pub fn refused(self, stderr: &str) {
        assert_eq!(self.stderr.trim_end(), stderr.trim_end());
        assert_eq!(self.code, 2);
    }
}

/// Creates a temporary folder, which is removed with the value.
pub fn scratch() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

/// Returns the names in a folder, sorted, to check that a failed run left no files.
pub fn names_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Copies a folder with its contents.
pub fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::write(&target, std::fs::read(entry.path()).unwrap()).unwrap();
        }
    }
}

/// Creates a circuit of one neuron, `c` and the name, and its table, `name.parquet`; returns the neuron, which depends
/// on the seed.
pub fn one_neuron(folder: &Path, name: &str, seed: &str) -> TableNeuron {
    let (circuit, table) = (format!("c{name}"), format!("{name}.parquet"));
    leadfield_in(folder, &["synthesize", &circuit, "--cells", "1", "--seed", seed, "--with-report", "--quiet"]).ok();
    leadfield_in(folder, &["positions", &format!("{circuit}/simulation_config.json"), "-o", &table, "--quiet"]).ok();
    SegmentTable::open(&folder.join(table)).unwrap().neurons().unwrap()[0]
}

/// Reads a part of a [`ChangedTable`].
type ReadPart = dyn Fn(&SegmentTable, usize, Segments, &StopCheck<'_>) -> Result<Segments> + Sync;

/// A table of which a test changes the path, the metadata or the segments.
pub struct ChangedTable {
    table: SegmentTable,
    pub path: PathBuf,
    pub metadata: TableMetadata,
    pub read: Box<ReadPart>,
}

impl ChangedTable {
    /// Creates a source that is equal to a table.
    pub fn new(table: SegmentTable) -> Self {
        let (path, metadata) = (table.path().to_path_buf(), table.metadata().clone());
        Self { table, path, metadata, read: Box::new(|table, part, spare, _| table.read_part(part, spare)) }
    }
}

impl SegmentSource for ChangedTable {
    fn path(&self) -> &Path {
        &self.path
    }

    fn metadata(&self) -> &TableMetadata {
        &self.metadata
    }

    fn bounds(&self) -> Result<Aabb> {
        self.table.bounds()
    }

    fn fingerprint(&self) -> Result<u64> {
        SegmentSource::fingerprint(&self.table)
    }

    fn part_count(&self) -> usize {
        self.table.part_count()
    }

    fn part_neurons(&self, part: usize) -> &[TableNeuron] {
        self.table.part_neurons(part)
    }

    fn read_part(&self, part: usize, spare: Segments) -> Result<Segments> {
        self.read_part_unless_stopped(part, spare, &StopCheck::never())
    }

    fn read_part_unless_stopped(&self, part: usize, spare: Segments, stop: &StopCheck<'_>) -> Result<Segments> {
        (self.read)(&self.table, part, spare, stop)
    }
}
