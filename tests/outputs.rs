//! Every output is complete or missing, and no file that the program did not create is removed: with two runs at the
//! same time, killed runs, files of users under the same names, links, truncated files, full disks, and file systems
//! without locks.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use crate::support::{Run, golden, leadfield_in, names_in, scratch};

/// A tool that writes a file or folder: its arguments, and the name that it writes.
type Tool = (&'static [&'static str], &'static str);

/// Every tool that writes, and every format that is written by different code.
const TOOLS: [Tool; 19] = [
    (&["positions", "c/simulation_config.json", "-o", "p.parquet"], "p.parquet"),
    (&["positions", "c/simulation_config.json", "-o", "parts", "--segments-per-part", "1"], "parts"),
    (&["weights", "t.parquet", "e.csv", "-o", "out.h5"], "out.h5"),
    (&["query", "t.parquet", "-o", "q.csv"], "q.csv"),
    (&["query", "t.parquet", "-o", "q.jsonl"], "q.jsonl"),
    (&["query", "t.parquet", "-o", "q.arrow"], "q.arrow"),
    (&["query", "t.parquet", "-o", "q.parquet"], "q.parquet"),
    (&["convert", "t.parquet", "-o", "columns.csv"], "columns.csv"),
    (&["convert", "t.parquet", "-o", "boundaries.h5", "--to", "boundaries"], "boundaries.h5"),
    (&["convert", "t.parquet", "-o", "boundaries.parquet", "--to", "boundaries"], "boundaries.parquet"),
    (&["convert", "b.parquet", "-o", "again.parquet"], "again.parquet"),
    (&["convert", "b.parquet", "-o", "again"], "again"),
    (&["convert", "w.h5", "-o", "copy.h5"], "copy.h5"),
    (&["convert", "e.csv", "-o", "e.json"], "e.json"),
    (&["plot", "weights", "t.parquet", "w.h5", "--electrode", "a", "-o", "a.svg"], "a.svg"),
    (&["report", "t.parquet", "w.h5", "-o", "page.html"], "page.html"),
    (&["electrodes", "linear", "--contacts", "9", "--pitch", "20", "-o", "line.csv"], "line.csv"),
    (&["synthesize", "circuit", "--cells", "2", "--with-report"], "circuit"),
    (&["validate", "weights", "w.h5", "w.h5", "--junit", "junit.xml"], "junit.xml"),
];

/// Creates a folder with a circuit `c`, its table `t.parquet` and boundaries `b.parquet`, contacts `e.csv` and their
/// weights `w.h5`.
fn inputs() -> tempfile::TempDir {
    let dir = scratch();
    let run = |args: &[&str]| drop(leadfield_in(dir.path(), args).ok());
    run(&["synthesize", "c", "--cells", "3", "--with-report", "--quiet"]);
    run(&["positions", "c/simulation_config.json", "-o", "t.parquet", "--quiet"]);
    std::fs::write(dir.path().join("e.csv"), "name,x,y,z\na,0,0,0\nb,0,20,0\n").unwrap();
    run(&["weights", "t.parquet", "e.csv", "-o", "w.h5", "--quiet"]);
    run(&["convert", "t.parquet", "-o", "b.parquet", "--to", "boundaries", "--quiet"]);
    dir
}

const INPUTS: [&str; 5] = ["b.parquet", "c", "e.csv", "t.parquet", "w.h5"];

/// Returns whether this is the JUnit file that `validate` writes first, in case it is killed before it has a verdict.
fn is_without_verdict(output: &Path) -> bool {
    output.ends_with("junit.xml") && {
        let text = std::fs::read_to_string(output).unwrap();
        text.contains("the run ended before it had a verdict") && text.ends_with("</testsuites>\n")
    }
}

/// Returns what is under a path: the bytes of a file, or of all files below a folder by their paths.
fn contents(path: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut left = vec![path.to_path_buf()];
    let moments = regex::bytes::Regex::new(r"[0-9.]+ s</td>|[0-9-]+ [0-9:]+ UTC").unwrap();
    while let Some(next) = left.pop() {
        if next.is_dir() {
            left.extend(std::fs::read_dir(&next).unwrap().map(|entry| entry.unwrap().path()));
        } else if let Ok(mut bytes) = std::fs::read(&next) {
            if next.ends_with("page.html") {
                // the file contains the time of the run and its duration
                bytes = moments.replace_all(&bytes, &b""[..]).into_owned();
            }
            found.insert(next.strip_prefix(path).unwrap().to_path_buf(), bytes);
        }
    }
    found
}

fn remove(path: &Path) {
    if path.is_dir() { std::fs::remove_dir_all(path).unwrap() } else { std::fs::remove_file(path).unwrap() }
}

fn command(dir: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_leadfield"));
    command.current_dir(dir).args(args).arg("--quiet").stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

/// Returns the outcome of a child: its exit code (`None` if it was killed) and its error output.
fn ended(child: Child) -> (Option<i32>, String) {
    let output = child.wait_with_output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

/// Returns how often each tool is disturbed: `LEADFIELD_KILLS`, otherwise a few times.
fn times() -> u64 {
    std::env::var("LEADFIELD_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(2)
}

/// Returns the output of an undisturbed run, and its duration.
fn undisturbed(dir: &Path, (args, name): Tool) -> (BTreeMap<PathBuf, Vec<u8>>, Duration) {
    let started = Instant::now();
    let (code, message) = ended(command(dir, args).spawn().unwrap());
    assert_eq!((code, message.as_str()), (Some(0), ""), "{args:?}");
    let took = started.elapsed();
    let expected = contents(&dir.join(name));
    remove(&dir.join(name));
    (expected, took)
}

/// Returns whether a run was refused because another one was writing the output or had written it.
fn lost_the_race(name: &str, text: &str) -> bool {
    text == format!(
        "error: {name}: in use by another run, expected one run at a time\nhint: wait for it, or choose another name\n"
    ) || text == format!("error: {name}: exists already\nhint: choose another name, or replace it with `--force`\n")
}

#[test]
fn of_two_runs_with_one_name_one_writes_it_and_the_other_is_refused() {
    let dir = inputs();
    let dir = dir.path();
    let mut refused = 0;
    for tool in TOOLS {
        let (args, name) = tool;
        let (expected, took) = undisturbed(dir, tool);
        for seed in 0..times() {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let first = command(dir, args).spawn().unwrap();
            // in the first round both start at once
            std::thread::sleep(took.mul_f64(if seed == 0 { 0.0 } else { rng.random_range(0.0..1.0) }));
            let second = command(dir, args).spawn().unwrap();
            let ends = [ended(first), ended(second)];
            let done = ends.iter().filter(|(code, _)| *code == Some(0)).count();
            let lost = ends.iter().filter(|(code, message)| *code == Some(2) && lost_the_race(name, message)).count();
            // a JUnit report replaces an earlier one
            assert!(done >= 1 && done + lost == 2 && (done == 1 || name == "junit.xml"), "{args:?} {seed}: {ends:?}");
            refused += ends.iter().filter(|(_, message)| message.contains("in use by another run")).count();
            assert!(contents(&dir.join(name)) == expected, "{args:?} {seed}");
            remove(&dir.join(name));
            assert_eq!(names_in(dir), INPUTS, "{args:?} {seed}");
        }
    }
    assert!(refused > 0, "no two runs were at work at a time");
}

/// Returns the arguments of a run that resumes a killed one.
fn resume_args<'a>(args: &[&'a str]) -> Vec<&'a str> {
    let resume = matches!(args[0], "positions" | "weights").then_some("--resume");
    args.iter().copied().chain(resume).collect()
}

#[test]
fn after_a_kill_the_output_is_complete_or_missing_and_the_next_run_resumes() {
    let dir = inputs();
    let dir = dir.path();
    let mut half_way = 0;
    for tool in TOOLS {
        let (args, name) = tool;
        let (expected, took) = undisturbed(dir, tool);
        for seed in 0..times() {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let mut child = command(dir, args).spawn().unwrap();
            std::thread::sleep(took.mul_f64(rng.random_range(0.0..1.1)));
            child.kill().unwrap();
            child.wait().unwrap();
            let output = dir.join(name);
            half_way += usize::from(names_in(dir).contains(&format!("{name}.checkpoint")));
            if output.exists() {
                assert!(contents(&output) == expected || is_without_verdict(&output), "{args:?} {seed}");
                remove(&output);
            }
            let (code, message) = ended(command(dir, &resume_args(args)).spawn().unwrap());
            assert_eq!((code, message.as_str()), (Some(0), ""), "{args:?} {seed}");
            assert!(contents(&output) == expected, "{args:?} {seed}");
            remove(&output);
            assert_eq!(names_in(dir), INPUTS, "{args:?} {seed}");
        }
    }
    assert!(half_way > 0, "no run was killed half way");
}

#[test]
fn two_runs_one_of_which_is_killed_leave_no_incomplete_output() {
    let dir = inputs();
    let dir = dir.path();
    for tool in TOOLS {
        let (args, name) = tool;
        let (expected, took) = undisturbed(dir, tool);
        for seed in 0..times() {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let args = resume_args(args);
            let [mut killed, other] = [(); 2].map(|()| {
                let child = command(dir, &args).spawn().unwrap();
                std::thread::sleep(took.mul_f64(rng.random_range(0.0..0.5)));
                child
            });
            std::thread::sleep(took.mul_f64(rng.random_range(0.0..0.5)));
            killed.kill().unwrap();
            killed.wait().unwrap();
            let (code, message) = ended(other);
            let expected_end =
                code == Some(0) && message.is_empty() || code == Some(2) && lost_the_race(name, &message);
            assert!(expected_end, "{args:?} {seed}: {message}");
            let output = dir.join(name);
            if output.exists() {
                assert!(contents(&output) == expected || is_without_verdict(&output), "{args:?} {seed}");
                remove(&output);
            }
            let (code, message) = ended(command(dir, &args).spawn().unwrap());
            assert_eq!((code, message.as_str()), (Some(0), ""), "{args:?} {seed}");
            assert!(contents(&output) == expected, "{args:?} {seed}");
            remove(&output);
            assert_eq!(names_in(dir), INPUTS, "{args:?} {seed}");
        }
    }
}

type Put = fn(&Path);

/// What occupies the name of a temporary file, in the words of the error.
const IN_THE_WAY: [(&str, Put); 4] = [
    ("another file", |path| std::fs::write(path, "mine").unwrap()),
    ("another file", |path| std::fs::write(path, "").unwrap()),
    ("a link", |path| std::os::unix::fs::symlink("precious", path).unwrap()),
    ("a link", |path| std::os::unix::fs::symlink("nowhere", path).unwrap()),
];

#[test]
fn files_of_users_are_not_taken_for_temporary_ones() {
    let dir = inputs();
    let dir = dir.path();
    std::fs::write(dir.join("precious"), "mine").unwrap();
    for (args, name) in TOOLS {
        for temporary in [format!("{name}.partial"), format!("{name}.checkpoint")] {
            for (found, put) in IN_THE_WAY {
                put(&dir.join(&temporary));
                let before = std::fs::read(dir.join(&temporary)).ok();
                for option in [None, Some("--force"), Some("--resume")] {
                    let can_resume = matches!(args[0], "positions" | "weights");
                    if option == Some("--resume") && !can_resume || option == Some("--force") && args[0] == "validate" {
                        continue;
                    }
                    let args: Vec<&str> = args.iter().copied().chain(option).collect();
                    let run = leadfield_in(dir, &[&args[..], &["--quiet"]].concat());
                    run.refused(&format!(
                        "error: {temporary}: not replaced, expected a free name or what an interrupted run left, \
                         found {found}\n\
                         hint: move it away, or choose another name for the output"
                    ));
                }
                let place = dir.join(&temporary);
                assert_eq!(place.is_symlink(), found == "a link", "{args:?} {temporary}");
                assert_eq!(std::fs::read(&place).ok(), before, "{args:?} {temporary}");
                std::fs::remove_file(place).unwrap();
                assert_eq!(std::fs::read(dir.join("precious")).unwrap(), b"mine", "{args:?}");
                assert_eq!(names_in(dir), [&INPUTS[..3], &["precious"], &INPUTS[3..]].concat(), "{args:?} {temporary}");
            }
        }
    }
}

#[test]
fn an_index_is_an_output_too() {
    let dir = inputs();
    let dir = dir.path();
    let args = ["query", "t.parquet", "--sphere", "0,0,0,50", "--count", "--index", "t.index", "--quiet"];
    for temporary in ["t.index.partial", "t.index.checkpoint"] {
        std::fs::write(dir.join(temporary), "mine").unwrap();
        leadfield_in(dir, &args).refused(&format!(
            "error: {temporary}: not replaced, expected a free name or what an interrupted run left, found another \
             file\n\
             hint: move it away, or choose another name for the output"
        ));
        assert_eq!(std::fs::read(dir.join(temporary)).unwrap(), b"mine");
        std::fs::remove_file(dir.join(temporary)).unwrap();
    }
    let count = leadfield_in(dir, &args).ok();
    let lock = locked(dir, "t.index");
    assert_eq!(leadfield_in(dir, &args).ok(), count, "an index that is there is read");
    std::fs::remove_file(dir.join("t.index")).unwrap();
    leadfield_in(dir, &args).refused(
        "error: t.index: in use by another run, expected one run at a time\nhint: wait for it, or choose another name",
    );
    drop(lock);
    assert_eq!(leadfield_in(dir, &args).ok(), count);
    assert_eq!(names_in(dir), [&INPUTS[..3], &["t.index", "t.parquet", "w.h5"]].concat());
}

/// Locks an output as another run does.
fn locked(dir: &Path, name: &str) -> std::fs::File {
    let path = dir.join(format!("{name}.checkpoint"));
    std::fs::write(&path, "leadfield checkpoint 1\nrun 1 elsewhere\n").unwrap();
    let file = std::fs::File::options().read(true).write(true).open(path).unwrap();
    file.lock().unwrap();
    file
}

#[test]
fn a_name_that_another_run_holds_is_refused_at_once() {
    let dir = inputs();
    let dir = dir.path();
    for (args, name) in TOOLS {
        let lock = locked(dir, name);
        leadfield_in(dir, &[args, &["--quiet"]].concat()).refused(&format!(
            "error: {name}: in use by another run, expected one run at a time\nhint: wait for it, or choose another \
             name"
        ));
        drop(lock);
        assert_eq!(names_in(dir).len(), INPUTS.len() + 1, "{args:?}");
        leadfield_in(dir, &[args, &["--quiet"]].concat()).ok();
        remove(&dir.join(name));
        assert_eq!(names_in(dir), INPUTS, "{args:?}");
    }
}

// folders

#[test]
fn a_circuit_is_replaced_only_if_the_program_wrote_all_of_it() {
    let dir = scratch();
    let dir = dir.path();
    let run = |options: &[&str]| {
        leadfield_in(dir, &[&["synthesize", "c", "--cells", "2", "--with-report", "--quiet"], options].concat())
    };
    run(&[]).ok();
    let foreign = ["thesis.tex", "output/lfp.h5", "components/hoc/mine.hoc", "components/morphologies/swc/mine.swc"];
    for name in foreign {
        std::fs::write(dir.join("c").join(name), "mine").unwrap();
        let before = contents(dir);
        run(&["--force"]).refused(&format!(
            "error: c: not replaced, expected a folder with only a synthetic circuit, found `{name}`\n\
             hint: choose another name, or remove it by hand"
        ));
        assert!(contents(dir) == before);
        std::fs::remove_file(dir.join("c").join(name)).unwrap();
    }
    std::fs::create_dir(dir.join("c/networks/edges")).unwrap();
    std::os::unix::fs::symlink("nodes", dir.join("c/networks/link")).unwrap();
    run(&["--force"]).refused(
        "error: c: not replaced, expected a folder with only a synthetic circuit, found `networks/edges`, \
         `networks/link`\nhint: choose another name, or remove it by hand",
    );
    std::fs::remove_dir(dir.join("c/networks/edges")).unwrap();
    std::fs::remove_file(dir.join("c/networks/link")).unwrap();
    // a circuit of the user with some of the same names
    let config = dir.join("c/circuit_config.json");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace("biophysical", "virtual")).unwrap();
    run(&["--force"]).refused(
        "error: c: not replaced, expected a folder with only a synthetic circuit, found `circuit_config.json`\n\
         hint: choose another name, or remove it by hand",
    );
    std::fs::write(&config, text).unwrap();
    std::fs::rename(dir.join("c"), dir.join("elsewhere")).unwrap();
    std::os::unix::fs::symlink("elsewhere", dir.join("c")).unwrap();
    run(&["--force"]).refused(
        "error: c: is a link, expected a folder or a free name\nhint: choose another name, or remove it by hand",
    );
    std::fs::remove_file(dir.join("c")).unwrap();
    std::fs::rename(dir.join("elsewhere"), dir.join("c")).unwrap();
    let before = contents(dir);
    run(&["--force"]).ok();
    assert!(contents(dir) == before);
}

#[test]
fn a_demo_is_replaced_only_if_the_program_wrote_all_of_it() {
    let dir = scratch();
    let dir = dir.path();
    let demo = |options: &[&str]| leadfield_in(dir, &[&["demo", "d", "--cells", "1", "--quiet"], options].concat());
    let lock = locked(dir, "d");
    demo(&[]).refused(
        "error: d: in use by another run, expected one run at a time\nhint: wait for it, or choose another name",
    );
    drop(lock);
    demo(&[]).ok();
    let hint = "hint: choose another name, or remove it by hand";
    for name in ["thesis.tex", "reference/notes.txt", "circuit/mine.txt"] {
        std::fs::write(dir.join("d").join(name), "mine").unwrap();
        demo(&["--force"])
            .refused(&format!("error: d: not replaced, expected a folder with only a demo, found `{name}`\n{hint}"));
        assert_eq!(std::fs::read(dir.join("d").join(name)).unwrap(), b"mine");
        std::fs::remove_file(dir.join("d").join(name)).unwrap();
    }
    // the folder of an earlier demo is kept until the next one is complete: here it fails, or is killed
    let before = contents(&dir.join("d"));
    let failed = leadfield_in(dir, &["demo", "d", "--cells", "0", "--force", "--quiet"]);
    assert_eq!((failed.code, names_in(dir)), (2, vec!["d".to_string()]), "{}", failed.stderr);
    assert!(contents(&dir.join("d")) == before);
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_leadfield"))
        .current_dir(dir)
        .args(["demo", "d", "--cells", "2", "--force", "--quiet"])
        .spawn()
        .unwrap();
    while !dir.join("d.partial/segments.parquet").exists() && child.try_wait().unwrap().is_none() {}
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(names_in(dir), ["d", "d.checkpoint", "d.partial"]);
    assert!(contents(&dir.join("d")) == before);
    demo(&["--force"]).ok();
    assert_eq!(names_in(dir), ["d"]);
    // the page and a picture of its own show the signals
    for name in ["report.html", "signals.svg"] {
        let text = std::fs::read_to_string(dir.join("d").join(name)).unwrap();
        assert!(text.contains("Traces") && text.contains("Current source density"), "{name}");
    }
    assert!(!names_in(&dir.join("d")).iter().any(|name| name.ends_with(".partial") || name.ends_with(".checkpoint")));
    // no file names the folder in which it was made
    for name in ["segments.parquet", "weights.h5", "signals.h5", "report.html", "reference/weights.h5"] {
        let bytes = std::fs::read(dir.join("d").join(name)).unwrap();
        assert!(!bytes.windows(9).any(|part| part == b"d.partial"), "{name}");
    }
    std::fs::remove_file(dir.join("d/reference/np8.h5")).unwrap();
    demo(&["--force"]).refused(
        "error: d: folder exists and is not from an earlier demo, expected a folder with `reference/np8.h5`\n\
         hint: choose another folder: `leadfield demo DIR`",
    );
    leadfield_in(dir, &["demo", ".", "--force"]).refused(
        "error: .: output has no name, expected the name of a new folder\n\
         hint: choose another folder: `leadfield demo DIR`",
    );
}

#[test]
fn a_folder_without_a_checkpoint_is_neither_resumed_nor_removed() {
    let dir = inputs();
    let dir = dir.path();
    std::fs::create_dir(dir.join("parts.partial")).unwrap();
    std::fs::write(dir.join("parts.partial/part-00000.parquet"), "mine").unwrap();
    std::fs::write(dir.join("parts.partial/thesis.tex"), "mine").unwrap();
    let before = contents(dir);
    for options in [&[][..], &["--resume"], &["--force"], &["--resume", "--force"]] {
        let args = [&["positions", "c/simulation_config.json", "-o", "parts", "--quiet"], options].concat();
        leadfield_in(dir, &args).refused(
            "error: parts.partial: not replaced, expected a free name or what an interrupted run left, found another \
             folder\nhint: move it away, or choose another name for the output",
        );
        assert!(contents(dir) == before, "{options:?}");
    }
    assert_eq!(names_in(dir), ["b.parquet", "c", "e.csv", "parts.partial", "t.parquet", "w.h5"]);
}

#[test]
fn tables_are_replaced_only_if_the_program_wrote_all_of_their_folder() {
    let dir = inputs();
    let dir = dir.path();
    let positions = |options: &[&str]| {
        leadfield_in(dir, &[&["positions", "c/simulation_config.json", "-o", "parts", "--quiet"], options].concat())
    };
    let convert = || leadfield_in(dir, &["convert", "b.parquet", "-o", "parts", "--force", "--quiet"]);
    positions(&[]).ok();
    let refusal = |names: &str| {
        format!(
            "error: parts: not replaced, expected a folder with only the parts and the manifest that `leadfield` wrote, \
             found {names}\n\
             hint: choose another name, or remove it by hand"
        )
    };
    // a folder and a link with the names of parts
    std::fs::create_dir(dir.join("parts/part-00007.parquet")).unwrap();
    std::fs::write(dir.join("parts/part-00007.parquet/thesis.tex"), "mine").unwrap();
    std::os::unix::fs::symlink("../e.csv", dir.join("parts/part-00008.parquet")).unwrap();
    std::fs::write(dir.join("parts/.hidden"), "mine").unwrap();
    let before = contents(dir);
    let names = "`.hidden`, `part-00007.parquet`, `part-00008.parquet`";
    for run in [positions(&["--force"]), positions(&["--force", "--resume"]), convert()] {
        run.refused(&refusal(names));
    }
    assert!(contents(dir) == before);
    remove(&dir.join("parts/part-00007.parquet"));
    remove(&dir.join("parts/part-00008.parquet"));
    remove(&dir.join("parts/.hidden"));
    positions(&["--force"]).ok();
    convert().ok();
    remove(&dir.join("parts"));
    assert_eq!(names_in(dir), INPUTS);
}

// names from files

/// Creates a circuit whose second population has this name.
fn with_population(name: &str) -> tempfile::TempDir {
    let dir = scratch();
    leadfield_in(dir.path(), &["synthesize", "c", "--cells", "2", "--quiet"]).ok();
    let nodes = dir.path().join("c/networks/nodes");
    std::fs::copy(nodes.join("neurons/nodes.h5"), nodes.join("more.h5")).unwrap();
    crate::malformed::electrodes_file::edited(&nodes.join("more.h5"), |file| {
        if let Some((above, _)) = name.rsplit_once('/') {
            file.create_group(&format!("/nodes/{above}")).unwrap();
        }
        // HDF5 resolves a name without letters to the parent group
        if !name.is_empty() && name != "." && !name.contains('\0') {
            file.relink("/nodes/neurons", &format!("/nodes/{name}")).unwrap();
        }
    });
    let config = dir.path().join("c/circuit_config.json");
    let mut value: Value = serde_json::from_slice(&std::fs::read(&config).unwrap()).unwrap();
    let networks = value["networks"]["nodes"].as_array_mut().unwrap();
    networks.push(json!({"nodes_file": "$NETWORK_NODES_DIR/more.h5", "populations": {name: {"type": "biophysical"}}}));
    std::fs::write(config, value.to_string()).unwrap();
    dir
}

#[test]
fn populations_become_folders_only_if_their_names_are_plain() {
    for (name, message) in [
        ("..", ".."),
        (".hidden", ".hidden"),
        ("a\nb", "a\\nb"),
        ("a\u{1b}[2J", "a\\u{1b}[2J"),
        ("_manifest.parquet", "_manifest.parquet"),
        ("part-00000.parquet", "part-00000.parquet"),
    ] {
        let dir = with_population(name);
        let before = names_in(dir.path());
        leadfield_in(dir.path(), &["positions", "c/circuit_config.json", "-o", "out", "--quiet"]).refused(&format!(
            "error: c/networks/nodes/more.h5: population `{message}` cannot name the folder of its table, expected a \
             name of at most 240 bytes without `/`, `\\`, control characters and a leading `.` that is not the name of \
             a part or manifest\n\
             hint: choose one population with `--population`: its table is then named like the output"
        ));
        assert_eq!(names_in(dir.path()), before, "{name:?}");
        let options = ["positions", "c/circuit_config.json", "-o", "out", "--population", name, "--quiet"];
        leadfield_in(dir.path(), &options).ok();
    }
    // names that cannot be an HDF5 object
    for name in ["", "a\0b", ".", "a/b", "../b"] {
        let dir = with_population(name);
        let before = names_in(dir.path());
        let run = leadfield_in(dir.path(), &["positions", "c/circuit_config.json", "-o", "out", "--quiet"]);
        assert!(run.code == 2 && run.stderr.contains("more.h5: "), "{name:?}: {}", run.stderr);
        assert_eq!(names_in(dir.path()), before, "{name:?}");
    }
    let dir = with_population("plain name");
    leadfield_in(dir.path(), &["positions", "c/circuit_config.json", "-o", "out", "--quiet"]).ok();
    assert_eq!(names_in(&dir.path().join("out")), ["neurons", "plain name"]);
}

// disturbed runs

/// Builds the library that disturbs a program, and returns its path.
#[cfg(target_os = "linux")]
fn disturb() -> &'static Path {
    static LIBRARY: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = LIBRARY.get_or_init(|| {
        let dir = scratch();
        let path = dir.path().join("disturb.so");
        let source = crate::support::root().join("tests/outputs/disturb.c");
        let compiled = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&path).arg(source).arg("-ldl").status();
        assert!(compiled.unwrap().success());
        (dir, path)
    });
    path
}

/// Runs a tool that is disturbed.
#[cfg(target_os = "linux")]
fn disturbed(dir: &Path, args: &[&str], (variable, value): (&str, &str)) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_leadfield"));
    command.current_dir(dir).args(args).arg("--quiet").env("LD_PRELOAD", disturb()).env(variable, value);
    Run::of(command)
}

#[test]
#[cfg(target_os = "linux")]
fn a_file_that_is_cut_before_it_is_renamed_is_not_renamed() {
    let dir = inputs();
    let dir = dir.path();
    for (args, name) in TOOLS {
        let ending = match name {
            "parts" | "again" => ".partial/part-00000.parquet".into(),
            // this tool does not sync its many files one by one
            "circuit" => continue,
            name => format!("/{name}.partial"),
        };
        let run = disturbed(dir, args, ("DISTURB_CUT", &ending));
        assert_eq!(run.code, 2, "{args:?}: {}", run.stderr);
        let changed = "changed by others while it was written, expected ";
        assert!(run.stderr.contains(changed), "{args:?}: {}", run.stderr);
        assert_eq!(names_in(dir), INPUTS, "{args:?}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn weights_that_are_cut_while_others_are_written_are_not_renamed() {
    let dir = crate::interrupted::folder(200);
    let dir = dir.path();
    let run = disturbed(dir, &["weights", "table", "e.csv", "-o", "w.h5"], ("DISTURB_GAP", "/w.h5.partial"));
    run.refused(
        "error: w.h5.partial: changed by others while it was written, expected the bytes that were written, found \
         others\n\
         hint: run it again while nothing else writes there; the output was not renamed",
    );
    assert_eq!(names_in(dir), crate::interrupted::INPUTS);
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_reported_for_every_format() {
    let dir = inputs();
    let dir = dir.path();
    for (args, name) in TOOLS {
        let ending = match name {
            "parts" | "again" => "/part-00000.parquet".into(),
            "circuit" => "/nodes.h5".into(),
            name => format!("/{name}.partial"),
        };
        let run = disturbed(dir, args, ("DISTURB_FULL", &ending));
        let first = run.stderr.lines().next().unwrap_or_default();
        assert!(
            run.code == 2 && first.ends_with(": cannot be written: no space left on device"),
            "{args:?}: {}",
            run.stderr
        );
        assert_eq!(names_in(dir), INPUTS, "{args:?}");
    }
    // the lock file itself; it has no name when it is created, on file systems that can do that
    let runs = [" (deleted)", "/q.csv.checkpoint"].map(|ending| {
        let run = disturbed(dir, &["query", "t.parquet", "-o", "q.csv"], ("DISTURB_FULL", ending));
        if run.code == 0 {
            remove(&dir.join("q.csv"));
        }
        assert_eq!(names_in(dir), INPUTS);
        (run.code, run.stderr)
    });
    let full = (2, "error: q.csv: cannot be written: no space left on device\n".to_string());
    assert!(runs.contains(&full), "{runs:?}");
}

#[test]
#[cfg(target_os = "linux")]
fn without_locks_only_complete_outputs_are_renamed() {
    let dir = inputs();
    let dir = dir.path();
    let no_locks = ("DISTURB_NO_LOCKS", "1");
    for tool in TOOLS {
        let (args, name) = tool;
        let (expected, took) = undisturbed(dir, tool);
        disturbed(dir, args, no_locks).ok();
        assert!(contents(&dir.join(name)) == expected, "{args:?}");
        remove(&dir.join(name));
        for seed in 0..times() / 2 {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let start = || {
                let mut command = command(dir, args);
                command.env("LD_PRELOAD", disturb()).env(no_locks.0, no_locks.1).spawn().unwrap()
            };
            let first = start();
            std::thread::sleep(took.mul_f64(rng.random_range(0.0..1.0)));
            let second = start();
            let ends = [ended(first), ended(second)];
            assert!(ends.iter().all(|(code, _)| matches!(code, Some(0 | 2))), "{args:?} {seed}: {ends:?}");
            assert!(ends.iter().all(|(_, message)| !message.contains("make its folder first")), "{ends:?}");
            if dir.join(name).exists() {
                assert!(contents(&dir.join(name)) == expected, "{args:?} {seed}: {ends:?}");
                remove(&dir.join(name));
            }
            assert_eq!(names_in(dir), INPUTS, "{args:?} {seed}: {ends:?}");
        }
    }
    // a running process of this node is recognised by its number, one of another node is not
    let node = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    let query = ["query", "t.parquet", "-o", "q.csv"];
    for (run, in_use) in [
        (format!("run {} {node}", std::process::id()), true),
        (format!("run {} elsewhere\n", std::process::id()), false),
        (format!("run 2147483646 {node}"), false),
    ] {
        std::fs::write(dir.join("q.csv.checkpoint"), format!("leadfield checkpoint 1\n{run}")).unwrap();
        let ended = disturbed(dir, &query, no_locks);
        match in_use {
            true => ended.refused(
                "error: q.csv: in use by another run, expected one run at a time\nhint: wait for it, or choose \
                 another name",
            ),
            false => {
                ended.ok();
                remove(&dir.join("q.csv"));
            }
        }
    }
    assert_eq!(names_in(dir), INPUTS);
}

#[test]
fn parts_of_other_programs_are_not_replaced() {
    use crate::rewritten_tables::{rows_of, write};
    use parquet::basic::Compression;
    let dir = inputs();
    let dir = dir.path();
    let (rows, pairs) = rows_of(&dir.join("t.parquet"));
    let spark = "part-00000-2f1c7e4a-c000.snappy.parquet";
    std::fs::create_dir(dir.join("spark")).unwrap();
    // a name that this program does not use, a file that is not Parquet, and a file that another program wrote
    write(&dir.join("spark").join(spark), &rows, None, Compression::UNCOMPRESSED);
    std::fs::write(dir.join("spark/part-00001.parquet"), "mine").unwrap();
    write(&dir.join("spark/part-00002.parquet"), &rows, None, Compression::UNCOMPRESSED);
    write(&dir.join("spark/_manifest.parquet"), &rows, None, Compression::UNCOMPRESSED);
    // rewritten by another program, which kept the metadata
    write(&dir.join("spark/part-00003.parquet"), &rows, Some(pairs), Compression::UNCOMPRESSED);
    let before = contents(dir);
    let text = format!(
        "error: spark: not replaced, expected a folder with only the parts and the manifest that `leadfield` wrote, \
         found `_manifest.parquet`, `{spark}`, `part-00001.parquet`, `part-00002.parquet`\n\
         hint: choose another name, or remove it by hand"
    );
    leadfield_in(dir, &["positions", "c/simulation_config.json", "-o", "spark", "--force", "--quiet"]).refused(&text);
    leadfield_in(dir, &["convert", "b.parquet", "-o", "spark", "--to", "table", "--force", "--quiet"]).refused(&text);
    assert!(contents(dir) == before);
    for name in ["_manifest.parquet", spark, "part-00001.parquet", "part-00002.parquet"] {
        remove(&dir.join("spark").join(name));
    }
    leadfield_in(dir, &["positions", "c/simulation_config.json", "-o", "spark", "--force", "--quiet"]).ok();
}

#[test]
fn damaged_parts_of_this_program_are_replaced_with_force() {
    let dir = inputs();
    let dir = dir.path();
    let force = ["positions", "c/simulation_config.json", "-o", "t", "--force", "--quiet"];
    leadfield_in(dir, &[&force[..], &["--segments-per-part", "1"]].concat()).ok();
    let whole = contents(&dir.join("t"));
    let part = dir.join("t/part-00000.parquet");
    let bytes = std::fs::read(&part).unwrap();
    // cut short in the footer, in a page, in the first header, in the first magic bytes; a tail of zeros
    let cut = [bytes.len() - 1, bytes.len() / 2, 100, 50, 30, 5, 2, 0].map(|length| bytes[..length].to_vec());
    let mut zeros = bytes.clone();
    zeros[bytes.len() - 400..].fill(0);
    for damaged in cut.into_iter().chain([zeros]) {
        std::fs::write(&part, &damaged).unwrap();
        std::fs::write(dir.join("t/_manifest.parquet"), &damaged).unwrap();
        leadfield_in(dir, &[&force[..], &["--segments-per-part", "1"]].concat()).ok();
        assert!(contents(&dir.join("t")) == whole, "{} bytes", damaged.len());
    }
    // a truncated file that this program did not write
    let (rows, _) = crate::rewritten_tables::rows_of(&dir.join("t.parquet"));
    crate::rewritten_tables::write(&part, &rows, None, parquet::basic::Compression::UNCOMPRESSED);
    let foreign = std::fs::read(&part).unwrap();
    std::fs::write(&part, &foreign[..foreign.len() - 1]).unwrap();
    leadfield_in(dir, &force).refused(
        "error: t: not replaced, expected a folder with only the parts and the manifest that `leadfield` wrote, found \
         `part-00000.parquet`\n\
         hint: choose another name, or remove it by hand",
    );
    assert!(std::fs::read(&part).unwrap() == foreign[..foreign.len() - 1]);
}

#[test]
fn a_demo_that_fails_leaves_no_files() {
    let dir = scratch();
    let run = leadfield_in(dir.path(), &["demo", "d", "--cells", "0", "--quiet"]);
    assert_eq!((run.code, names_in(dir.path())), (2, Vec::new()), "{}", run.stderr);
}

#[test]
fn old_positions_become_a_table_in_an_empty_folder_only() {
    // `convert` of several files writes into an existing folder
    let dir = scratch();
    let old = golden().join("reference/positions_2files");
    std::fs::create_dir(dir.path().join("t")).unwrap();
    std::fs::write(dir.path().join("t/thesis.tex"), "mine").unwrap();
    let run = leadfield_in(dir.path(), &["convert", old.to_str().unwrap(), "-o", "t", "--force", "--quiet"]);
    run.refused(
        "error: t: not replaced, expected a folder with only the parts and the manifest that `leadfield` wrote, found \
         `thesis.tex`\n\
         hint: choose another name, or remove it by hand",
    );
    assert_eq!(names_in(&dir.path().join("t")), ["thesis.tex"]);
}

#[test]
fn an_output_never_replaces_an_input_on_any_path() {
    let dir = inputs();
    let dir = dir.path();
    leadfield_in(dir, &["positions", "c/simulation_config.json", "-o", "parts", "--segments-per-part", "1"]).ok();
    let before = contents(dir);
    for (args, output) in [
        (&["query", "parts"][..], "parts/part-00000.parquet"),
        (&["query", "parts", "--format", "csv"], "parts/part-00001.parquet"),
        (&["weights", "parts", "e.csv"], "parts/part-00001.parquet"),
        (&["report", "parts", "w.h5"], "parts/part-00001.parquet"),
        (&["convert", "parts", "--to", "boundaries"], "parts/part-00001.parquet"),
        (&["convert", "parts", "--to", "csv"], "parts/part-00001.parquet"),
        (&["electrodes", "from", "e.csv"], "e.csv"),
        (&["query", "t.parquet", "--electrodes", "e.csv", "--within", "900", "--format", "csv"], "e.csv"),
        (
            &["query", "t.parquet", "--circuit", "c/circuit_config.json", "--by", "mtype", "--format", "csv"],
            "c/networks/nodes/neurons/nodes.h5",
        ),
        (&["weights", "t.parquet", "e.csv"], "e.csv"),
    ] {
        let run = leadfield_in(dir, &[args, &["-o", output, "--force"]].concat());
        let message = run.stderr.lines().next().unwrap_or_default().to_string();
        assert!(run.code == 2 && contents(dir) == before, "{args:?}: {}: {}", run.code, run.stderr);
        // a part of a table has a name that these outputs do not allow
        let has_name = output != "parts/part-00001.parquet" || !matches!(args[0], "weights" | "report");
        let expected = if has_name { "is also an input, expected another file as output" } else { "wrong name for" };
        assert!(message.starts_with(&format!("error: {output}: {expected}")), "{args:?}: {message}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_limit_of_the_file_size_is_reported() {
    let dir = inputs();
    let dir = dir.path();
    let program = env!("CARGO_BIN_EXE_leadfield");
    for (args, name) in
        TOOLS.into_iter().filter(|(args, _)| matches!(args[0], "positions" | "weights" | "query" | "report"))
    {
        // blocks of 512 bytes
        let script = format!("ulimit -f 1; exec {program} {} --quiet", args.join(" "));
        let child = Command::new("sh").current_dir(dir).args(["-c", &script]).stderr(Stdio::piped()).spawn().unwrap();
        let (code, message) = ended(child);
        let first = message.lines().next().unwrap_or_default();
        assert!(
            code == Some(2) && first.ends_with("cannot be written: file too large"),
            "{args:?}: {code:?}: {message}"
        );
        assert!(!dir.join(name).exists(), "{args:?}");
        assert_eq!(names_in(dir), INPUTS, "{args:?}");
    }
}
