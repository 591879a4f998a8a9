//! Checks README and the pages of `docs/`: their blocks run in order, in the folder of the tutorial unless a page
//! creates its own circuit; the options that they name exist; and the site shows every page.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use crate::command_line::{commands, help_of};
use crate::support::{Run, root, scratch};

/// Blocks of these languages are run: `sh` in `make test`, `python` and `sql` where `LEADFIELD_PYTHON` names an interpreter.
const RUN: [&str; 3] = ["sh", "python", "sql"];

/// Blocks of these languages are not run: files, output, and commands that need an installation or a cluster.
const NOT_RUN: [&str; 8] = ["console", "bash", "json", "yaml", "csv", "text", "xml", "rust"];

/// Python blocks that are not run, by their first line, with the reason.
const NOT_RUN_HERE: [(&str, &str); 1] = [("from pyspark.sql import SparkSession", "needs Java")];

/// Pages whose Python blocks are run by another test, with its own files.
const TESTED_ELSEWHERE: [(&str, &str); 1] = [("docs/python.md", "tools/python/tests/test_docs.py")];

/// Options of other programs that the pages name.
const FOREIGN_OPTIONS: &[&str] = &[
    "array",
    "bench",
    "bind-to",
    "clear",
    "cpus-per-task",
    "features",
    "kill-on-bad-exit",
    "locked",
    "mpi",
    "no-default-features",
    "nodes",
    "no-replace-axons",
    "ntasks-per-node",
    "oversubscribe",
    "path",
    "path-to-fields",
    "potential",
    "release",
    "sigma",
    "signal",
    "time",
    "with-neurite-type",
];

/// A fenced block of a page.
struct Block {
    /// The folder in which the page's blocks run: that of the tutorial, unless the page creates its own circuit.
    folder: String,
    page: String,
    line: usize,
    language: String,
    code: String,
}

/// The pages of `docs/` in the order in which the site lists them.
fn listed_pages() -> Vec<String> {
    let text = std::fs::read_to_string(root().join("mkdocs.yml")).unwrap();
    let nav = text.split("\nnav:\n").nth(1).expect("mkdocs.yml has a `nav:`");
    let names = nav.lines().take_while(|line| line.starts_with([' ', '-'])).filter_map(|line| line.rsplit(' ').next());
    names.filter(|name| name.ends_with(".md")).map(str::to_string).collect()
}

/// Names of the files in `docs/` that end in `.md`.
fn pages_in_folder() -> BTreeSet<String> {
    let entries =
        std::fs::read_dir(root().join("docs")).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
    entries.filter(|name| name.ends_with(".md")).collect()
}

/// README and the pages of `docs/`, with their texts, in the order in which they are read.
fn pages() -> Vec<(String, String)> {
    let in_folder = pages_in_folder();
    let docs = listed_pages().into_iter().filter(|name| in_folder.contains(name)).map(|name| format!("docs/{name}"));
    let paths = std::iter::once("README.md".to_string()).chain(docs);
    paths.map(|path| (path.clone(), std::fs::read_to_string(root().join(&path)).unwrap())).collect()
}

/// The fenced blocks of a page.
fn blocks_of(page: &str, text: &str) -> Vec<Block> {
    let has_own_circuit = text.contains("leadfield synthesize circuit");
    let folder = if has_own_circuit { page.replace('/', "_") } else { "docs_tutorial.md".into() };
    let mut blocks: Vec<Block> = Vec::new();
    let mut open: Option<Block> = None;
    for (at, line) in text.lines().enumerate() {
        match (line.trim_start().strip_prefix("```"), &mut open) {
            (Some(language), None) => {
                let (page, language) = (page.to_string(), language.trim().to_string());
                open = Some(Block { folder: folder.clone(), page, line: at + 1, language, code: String::new() });
            }
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (None, Some(block)) => block.code += &format!("{line}\n"),
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "{page}: a block does not end");
    blocks
}

fn blocks() -> Vec<Block> {
    pages().iter().flat_map(|(page, text)| blocks_of(page, text)).collect()
}

/// The test that runs the Python of a page, if it is not this one.
fn other_test_of(page: &str) -> Option<&'static str> {
    TESTED_ELSEWHERE.iter().find(|(name, _)| *name == page).map(|(_, test)| *test)
}

#[test]
fn pages_that_are_tested_elsewhere_are_read_there_and_have_python_only() {
    for (page, test) in TESTED_ELSEWHERE {
        let text = std::fs::read_to_string(root().join(test)).unwrap();
        let (_, name) = page.split_once('/').unwrap();
        assert!(text.contains(&format!("\"docs\" / \"{name}\"")), "{test} does not read {page}");
        for block in blocks().into_iter().filter(|block| block.page == page) {
            assert!(!["sh", "sql"].contains(&&*block.language), "{page}:{}", block.line);
        }
    }
}

/// Search path on which the built program is the first.
fn path_with_program() -> std::ffi::OsString {
    let folder = Path::new(env!("CARGO_BIN_EXE_leadfield")).parent().unwrap().to_path_buf();
    let others = std::env::var_os("PATH").unwrap_or_default();
    std::env::join_paths(std::iter::once(folder).chain(std::env::split_paths(&others))).unwrap()
}

#[test]
fn the_site_lists_every_page_once() {
    let listed = listed_pages();
    let unique: BTreeSet<String> = listed.iter().cloned().collect();
    assert_eq!(unique.len(), listed.len());
    // created from the files of the root when the site is built
    let made = ["index.md", "commands.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(String::from);
    assert_eq!(unique, pages_in_folder().into_iter().chain(made).collect());
}

#[test]
fn every_block_names_a_language_that_is_run_or_known_not_to_be() {
    for Block { page, line, language, .. } in blocks() {
        assert!(RUN.contains(&&*language) || NOT_RUN.contains(&&*language), "{page}:{line}: `{language}`");
    }
}

/// Runs the shell blocks of some pages in order, each in the folder of its page; returns their output.
fn run_shell_blocks(is_meant: impl Fn(&str) -> bool) -> String {
    let top = scratch();
    let shell = blocks().into_iter().filter(|block| block.language == "sh" && is_meant(&block.page));
    let mut printed = String::new();
    for Block { folder, page, line, code, .. } in shell {
        let folder = top.path().join(folder);
        std::fs::create_dir_all(&folder).unwrap();
        let mut command = Command::new("bash");
        command.args(["-euo", "pipefail", "-c", &code]).current_dir(folder).env("PATH", path_with_program());
        let run = Run::of(command);
        assert_eq!(run.code, 0, "{page}:{line}:\n{code}\n{}", run.stderr);
        printed += &run.stdout;
    }
    printed
}

#[test]
fn the_shell_blocks_of_docs_run_in_order() {
    let printed = run_shell_blocks(|page| page != "README.md");
    assert!(printed.lines().count() > 100, "{printed}");
}

#[test]
fn the_shell_blocks_of_the_readme_run_and_print_the_report_that_it_shows() {
    let printed = run_shell_blocks(|page| page == "README.md");
    let json = printed.lines().skip_while(|line| *line != "{").collect::<Vec<_>>().join("\n");
    let printed = serde_json::Deserializer::from_str(&json).into_iter::<serde_json::Value>().next().unwrap().unwrap();
    let block = blocks().into_iter().find(|block| block.page == "README.md" && block.language == "json").unwrap();
    let shown: serde_json::Value = serde_json::from_str(&format!("{{{}}}", block.code)).unwrap();
    let keys = |lfp: &serde_json::Value| lfp.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&shown["reports"]["lfp"]), keys(&printed["lfp"]));
}

#[test]
fn the_citation_names_this_version() {
    let text = std::fs::read_to_string(root().join("CITATION.cff")).unwrap();
    assert!(text.lines().any(|line| line == concat!("version: ", env!("CARGO_PKG_VERSION"))));
}

#[test]
#[ignore = "needs LEADFIELD_PYTHON with leadfield and the clients: make python, make test-docs"]
fn all_blocks_run_in_order() {
    let folder = scratch();
    let left_out = |block: &Block| NOT_RUN_HERE.iter().any(|(first, _)| block.code.starts_with(first));
    let (left, run): (Vec<Block>, Vec<Block>) = blocks()
        .into_iter()
        .filter(|block| RUN.contains(&&*block.language) && other_test_of(&block.page).is_none())
        .partition(left_out);
    assert_eq!(left.len(), NOT_RUN_HERE.len());
    let list = run.iter().map(|Block { folder, page, line, language, code }| {
        serde_json::json!({ "folder": folder, "page": page, "line": line, "language": language, "code": code })
    });
    let list = serde_json::Value::from_iter(list).to_string();
    std::fs::write(folder.path().join("blocks.json"), list).unwrap();
    let mut command = Command::new(std::env::var_os("LEADFIELD_PYTHON").expect("LEADFIELD_PYTHON names a Python"));
    command.arg(root().join("tests/docs.py")).current_dir(folder.path()).env("PATH", path_with_program());
    let run = Run::of(command);
    assert_eq!(run.code, 0, "{}\n{}", run.stdout, run.stderr);
    print!("{}", run.stdout);
}

/// Words of a text that look like long options, without the dashes.
fn options_in(text: &str) -> BTreeSet<String> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let words = text.split(|c: char| !is_word(c)).filter_map(|word| word.strip_prefix("--"));
    words.filter(|word| word.starts_with(|c: char| c.is_ascii_lowercase())).map(str::to_string).collect()
}

#[test]
fn every_option_that_the_pages_name_exists() {
    let mut known: BTreeSet<String> = commands().iter().flat_map(|command| options_in(&help_of(command))).collect();
    known.extend(FOREIGN_OPTIONS.iter().map(ToString::to_string));
    for (page, text) in pages() {
        let unknown: Vec<String> = options_in(&text).difference(&known).cloned().collect();
        assert!(unknown.is_empty(), "{page}: {unknown:?}");
    }
}

#[test]
fn every_link_between_the_pages_leads_somewhere() {
    let anchor = |heading: &str| -> String {
        let kept = heading.trim().chars().filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c));
        kept.collect::<String>().to_lowercase().replace(' ', "-")
    };
    let others = ["ARCHITECTURE.md", "CONTRIBUTING.md"].map(|page| {
        let text = std::fs::read_to_string(root().join(page)).unwrap();
        (page.to_string(), text)
    });
    for (page, text) in pages().into_iter().chain(others) {
        let folder = root().join(&page).parent().unwrap().to_path_buf();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.starts_with("http") {
                continue;
            }
            let (file, part) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { root().join(&page) } else { folder.join(file) };
            assert!(target.exists(), "{page}: {link}");
            if !part.is_empty() {
                let text = std::fs::read_to_string(&target).unwrap();
                let headings = text.lines().filter(|line| line.starts_with('#'));
                let found = headings.map(|line| anchor(line.trim_start_matches('#'))).any(|heading| heading == part);
                assert!(found, "{page}: {link}");
            }
        }
    }
}
