//! Damaged files on which a library that this program uses crashes: each tool that can read the file ends with an error
//! about the file.

use std::path::{Path, PathBuf};

use crate::support::{Run, copy_folder, golden, leadfield_in, names_in, root, scratch};

/// Creates a folder with copies of the damaged files.
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
fn a_block_beyond_an_arrow_file_is_the_error_of_its_file() {
    let dir = damaged();
    let stderr = refused(dir.path(), "dictionary.arrow", &["convert", "dictionary.arrow", "-o", "x.h5"]);
    assert_eq!(
        stderr,
        "error: dictionary.arrow: damaged, expected blocks within the file's 94334 bytes, found one of 96640 bytes\n\
         hint: the file is damaged: make it again, or fetch it again\n"
    );
}

/// Creates a segment table next to the damaged files.
fn with_table(dir: &Path) {
    let config = golden().join("variants/four_axon_kinds/circuit/simulation_config.json");
    leadfield_in(dir, &["positions", config.to_str().unwrap(), "-o", "s.parquet", "--quiet"]).ok();
}

#[test]
fn an_hdf5_file_whose_root_cannot_be_read_is_refused_by_every_tool() {
    let dir = damaged();
    with_table(dir.path());
    std::fs::write(dir.path().join("e.csv"), "name,x,y,z,layer,region,type\na,0,0,0,L1,S1,Reciprocity\n").unwrap();
    for file in ["root-unreadable.h5", "root-unreadable-a.h5", "root-unreadable-boundaries.h5"] {
        for args in [
            &["info", file][..],
            &["validate", "electrodes-file", file],
            &["validate", "weights", file, file],
            &["convert", file, "-o", "x.csv"],
            &["weights", "s.parquet", "e.csv", "--fields", file, "-o", "w.h5"],
            &["query", "s.parquet", "--sphere", "0,0,0,9", "--weights", file, "--electrode", "a"],
            &["plot", "weights", "s.parquet", file, "--electrode", "a", "-o", "x.svg"],
        ] {
            let before = names_in(dir.path());
            let Run { code, stderr, stdout } = leadfield_in(dir.path(), args);
            let found = args[0] == "validate" && code == 1 && stdout.contains(" error: ");
            assert!(code == 2 && stderr.starts_with(&format!("error: {file}: ")) || found, "{args:?}: {code} {stderr}");
            assert!(!stderr.contains("overflow") && !stderr.contains("panicked"), "{args:?}: {stderr}");
            assert_eq!(names_in(dir.path()), before, "{args:?}");
        }
        // a page that describes the fault, or an error
        let Run { code, stderr, .. } =
            leadfield_in(dir.path(), &["report", "s.parquet", file, "-o", "x.html", "--force"]);
        assert!(matches!(code, 1 | 2) && stderr.contains(&format!("{file}: /: ")), "{code} {stderr}");
    }
    let expected = "error: root-unreadable.h5: /: cannot be read: H5Gopen2(): unable to open group: not a group\n";
    assert_eq!(leadfield_in(dir.path(), &["convert", "root-unreadable.h5", "-o", "y.csv"]).stderr, expected);
}

#[test]
fn an_attribute_that_cannot_be_read_is_an_error_and_a_finding() {
    let dir = damaged();
    let file = "attribute-iteration.h5";
    // the rest is the library's text, which depends on its version
    let problem = "/electrodes/b/type: cannot be read: attribute";
    let stderr = refused(dir.path(), file, &["info", file]);
    assert!(stderr.starts_with(&format!("error: {file}: {problem}")), "{stderr}");
    let run = leadfield_in(dir.path(), &["validate", "electrodes-file", file]);
    assert!(run.code == 1 && run.stdout.contains(&format!("E06 error: {problem}")), "{}", run.stdout);
    // reading only the weights needs none of the attributes
    leadfield_in(dir.path(), &["convert", file, "-o", "x.csv"]).ok();
}

#[test]
fn a_string_at_which_libhdf5_crashes_has_its_own_error() {
    // 1.10.8 reads beyond the end of a heap of strings; no string is read by the library
    let dir = damaged();
    let file = "string-attribute.h5";
    let problem = "damaged heap of strings, expected 16 to 4080 bytes for object 1 at byte 7952, found 280779175231512";
    for args in [&["info", file][..], &["convert", file, "-o", "x.csv"]] {
        let stderr = refused(dir.path(), file, args);
        let message = format!(
            "error: {file}: /electrodes/pop/scaling_factors: attribute `units`: {problem}\n\
             hint: the file is damaged: make it again, or fetch it again\n"
        );
        assert_eq!(stderr, message, "{args:?}");
    }
    let run = leadfield_in(dir.path(), &["validate", "electrodes-file", file]);
    assert!(run.code == 1 && run.stdout.contains(&format!("E06 error: /electrodes/e0/type: {problem}")), "{run:?}");
}

#[test]
fn a_crash_inside_libhdf5_is_the_error_of_its_file() {
    let dir = scratch();
    let path = dir.path().join("w.h5");
    super::electrodes_file::write_valid_file(&path);
    // the members of the root are in a tree: its node becomes one that is its own child, which the library follows until
    // the stack is full (HDF5 File Format Specification 3.0, section III.A.1)
    let mut bytes = std::fs::read(&path).unwrap();
    let node = bytes.windows(4).position(|begin| begin == b"TREE").unwrap();
    let (level, child) = (node + 5, node + 32);
    assert_eq!(bytes[level], 0);
    bytes[level] = 1;
    bytes[child..child + 8].copy_from_slice(&(node as u64).to_le_bytes());
    std::fs::write(&path, &bytes).unwrap();
    for args in [&["info", "w.h5"][..], &["convert", "w.h5", "-o", "x.csv"], &["validate", "electrodes-file", "w.h5"]] {
        let stderr = refused(dir.path(), "w.h5", args);
        let crash = "error: w.h5: /: damaged, expected an object that the HDF5 library reads, found one at which it crashes\n\
                     hint: the file is damaged: make it again, or fetch it again; a program built with HDF5 2 may read it\n";
        // another version may find an error itself
        let must_crash = leadfield::io::hdf5::library_version() == "1.10.8";
        assert!(stderr == crash || !must_crash, "{args:?}: {stderr}");
    }
}

#[test]
fn a_virtual_dataset_is_refused_by_every_tool() {
    let dir = damaged();
    let file = "virtual-dataset-of-itself.h5";
    with_table(dir.path());
    let expected = "stored elsewhere, expected values in this file, found a virtual dataset";
    for args in [
        &["info", file][..],
        &["validate", "weights", file, file],
        &["convert", file, "-o", "x.csv"],
        &["query", "s.parquet", "--sphere", "0,0,0,9", "--weights", file, "--electrode", "d"],
        &["plot", "weights", "s.parquet", file, "--electrode", "d", "-o", "x.svg"],
    ] {
        let stderr = refused(dir.path(), file, args);
        assert!(stderr.contains(expected), "{args:?}: {stderr}");
    }
    let run = leadfield_in(dir.path(), &["validate", "electrodes-file", file]);
    assert!(run.code == 1 && run.stdout.contains(expected), "{} {} {}", run.code, run.stdout, run.stderr);
    let run = leadfield_in(dir.path(), &["report", "s.parquet", file, "-o", "x.html"]);
    assert!(run.code == 1 && run.stderr.contains(expected), "{} {}", run.code, run.stderr);
}

#[test]
fn chunks_that_were_never_written_are_refused_and_not_filled_up() {
    let dir = damaged();
    let file = "chunks-never-written.h5";
    let stderr = refused(dir.path(), file, &["convert", file, "-o", "x.csv"]);
    let problem = "/electrodes/neurons/scaling_factors: too many values, expected at most what a file of 49232 bytes can \
                   hold, found 17179869184 values";
    assert_eq!(stderr, format!("error: {file}: {problem}\n"));
}

#[test]
fn pipes_sockets_and_devices_are_refused_as_inputs_by_every_tool() {
    let dir = scratch();
    with_table(dir.path());
    std::fs::copy(contacts(), dir.path().join("e.csv")).unwrap();
    let pipe = dir.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for name in ["pipe.csv", "pipe.json", "pipe.h5", "pipe.parquet", "pipe.swc", "pipe.pkl"] {
        std::os::unix::fs::symlink(&pipe, dir.path().join(name)).unwrap();
    }
    let circuit = ["synthesize", "c", "--cells", "1", "--quiet"];
    leadfield_in(dir.path(), &circuit).ok();
    let nodes = dir.path().join("c/networks/nodes/neurons/nodes.h5");
    std::fs::remove_file(&nodes).unwrap();
    std::os::unix::fs::symlink(&pipe, &nodes).unwrap();
    for (file, args) in [
        ("pipe", &["info", "pipe"][..]),
        ("pipe.h5", &["info", "pipe.h5"]),
        ("pipe.h5", &["validate", "electrodes-file", "pipe.h5"]),
        ("pipe.h5", &["validate", "weights", "pipe.h5", "pipe.h5"]),
        ("pipe.parquet", &["validate", "positions", "pipe.parquet", "s.parquet"]),
        ("pipe.csv", &["convert", "pipe.csv", "-o", "x.json"]),
        ("pipe.pkl", &["convert", "pipe.pkl", "-o", "x.parquet"]),
        ("pipe.csv", &["weights", "s.parquet", "pipe.csv", "-o", "w.h5"]),
        ("pipe.parquet", &["weights", "pipe.parquet", "e.csv", "-o", "w.h5"]),
        ("pipe.parquet", &["query", "pipe.parquet", "--sphere", "0,0,0,1", "--count"]),
        ("pipe.json", &["positions", "pipe.json", "-o", "t.parquet"]),
        ("pipe.csv", &["plot", "probe", "pipe.csv", "-o", "x.svg"]),
        ("pipe.h5", &["report", "s.parquet", "pipe.h5", "-o", "x.html"]),
        ("c/networks/nodes/neurons/nodes.h5", &["positions", "c/circuit_config.json", "-o", "t.parquet"]),
    ] {
        let stderr = refused(dir.path(), file, args);
        assert!(stderr.contains("is a pipe, expected a file\nhint: write its data to a file first\n"), "{stderr}");
    }
    let device = refused(dir.path(), "/dev/zero", &["info", "/dev/zero"]);
    assert_eq!(device, "error: /dev/zero: is a device, expected a file\nhint: write its data to a file first\n");
}

#[test]
fn a_coordinate_far_away_does_not_ask_for_millions_of_segments() {
    let dir = scratch();
    leadfield_in(dir.path(), &["synthesize", "c", "--cells", "1", "--quiet"]).ok();
    let folder = dir.path().join("c/components/morphologies/swc");
    let name = names_in(&folder).remove(0);
    let path = folder.join(&name);
    let text = std::fs::read_to_string(&path).unwrap();
    let mut lines: Vec<String> = text.lines().map(str::to_string).collect();
    let last = lines.pop().unwrap();
    let mut cells: Vec<&str> = last.split_whitespace().collect();
    cells[2] = "1e9";
    lines.push(cells.join(" "));
    std::fs::write(&path, lines.join("\n") + "\n").unwrap();
    let args = ["positions", "c/circuit_config.json", "-o", "s.parquet"];
    let stderr = refused(dir.path(), &format!("c/components/morphologies/swc/{name}"), &args);
    assert!(stderr.contains(": section["), "{stderr}");
    let found = format!("has the point (1000000000, {}, {}) at an end\n", cells[3], cells[4]);
    assert!(stderr.contains("too many segments in one neuron, expected at most 1000000, found "), "{stderr}");
    assert!(stderr.contains(&found) || stderr.contains("has the point (1000000000, "), "{stderr}");
    assert!(stderr.contains("\nhint: correct the coordinate, or raise the bound with `--max-segments`"), "{stderr}");
    // the bound is an option, and an ordinary neuron has more than ten
    std::fs::write(&path, text).unwrap();
    let ten = leadfield_in(dir.path(), &[&args[..], &["--max-segments", "10"]].concat());
    assert!(ten.code == 2 && ten.stderr.contains("expected at most 10, found "), "{}", ten.stderr);
    leadfield_in(dir.path(), &args).ok();
}

#[test]
fn an_index_that_is_shortened_while_it_is_mapped_ends_with_an_error() {
    let dir = scratch();
    leadfield_in(dir.path(), &["synthesize", "c", "--cells", "60", "--quiet"]).ok();
    leadfield_in(dir.path(), &["positions", "c/circuit_config.json", "-o", "s.parquet", "--quiet"]).ok();
    let args = ["query", "s.parquet", "--index", "i", "--sphere", "0,0,0,3000", "--columns", "row", "-o", "x.csv"];
    leadfield_in(dir.path(), &args).ok();
    let index = dir.path().join("i");
    let whole = std::fs::read(&index).unwrap();
    let mut ended = false;
    for _ in 0..50 {
        std::fs::write(&index, &whole).unwrap();
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_leadfield"));
        command.current_dir(dir.path()).args(args).arg("--force");
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::piped());
        let child = command.spawn().unwrap();
        let maps = format!("/proc/{}/maps", child.id());
        // the file is shortened as soon as it is mapped, or the program has ended
        let is_mapped = || std::fs::read_to_string(&maps).map(|text| text.contains(index.to_str().unwrap()));
        while is_mapped().is_ok_and(|mapped| !mapped) && std::path::Path::new(&maps).exists() {
            if std::fs::read_to_string(&maps).is_ok_and(|text| text.is_empty()) {
                break;
            }
        }
        std::fs::OpenOptions::new().write(true).open(&index).unwrap().set_len(64).unwrap();
        let run = child.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&run.stderr).into_owned();
        let code = run.status.code();
        assert!(matches!(code, Some(0 | 2)), "{:?}: {stderr}", run.status);
        if stderr
            .contains("truncated while it was in use, expected an index that does not change\nhint: remove the file")
        {
            assert!(stderr.starts_with("error: i: ") && code == Some(2), "{stderr}");
            ended = true;
            break;
        }
    }
    assert!(ended, "never shortened in time");
}
