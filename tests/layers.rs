//! Checks the floors of the source tree: a module imports from lower floors only.
//!
//! The tests read the source as text: the imports of each module, calls that the library must not make, and the opening
//! sentence of each file. The checks themselves are tested on artificial source below.

mod circles;
mod source;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use self::source::{Placed, Token, code_only, tokens};
use crate::support::root;

/// The top-level modules of `src/`, floor by floor. A module imports from lower floors only: neither upwards nor
/// from its neighbours.
const FLOORS: &[&[&str]] = &[
    &["error"],
    &["units", "geometry", "io"],
    &["file_kind"],
    &["segments"],
    &["morphology", "lead_field"],
    &["methods"],
    &["sonata"],
    &["electrodes", "circuit"],
    &["weights", "convert"],
    &["validate", "signals"],
    &["plot"],
    &["prelude"],
];

/// The file that holds the powers of ten.
const UNITS: &str = "src/units.rs";

/// Returns the lines before the tests, which are at the end of a file.
fn before_tests(source: &str) -> &str {
    source.find("#[cfg(test)]\nmod ").map_or(source, |end| &source[..end])
}

// -------------------------------------------------------------------------------------------------------- imports

/// A path of the crate in a file: the first name after `crate`, and the line.
type Import = (String, usize);

/// Returns the module of a file below `src/`: `["sonata", "nodes"]` for `sonata/nodes.rs`.
fn module_of(below_src: &Path) -> Vec<String> {
    let path = below_src.with_extension("");
    let mut names: Vec<String> = path.iter().map(|n| n.to_string_lossy().into_owned()).collect();
    names.pop_if(|last| last == "mod" || last == "lib" || last == "main");
    names
}

/// Returns every top-level name of the crate that the source uses, through `crate::` or `super::`.
fn imports(module: &[String], source: &str) -> Vec<Import> {
    let tokens = tokens(&code_only(before_tests(source)));
    let mut here = Here::new(module);
    let mut found = Vec::new();
    for i in 0..tokens.len() {
        here.step(&tokens, i);
        let (levels, next) = match word(&tokens, i) {
            Some("crate") => (usize::MAX, i + 1),
            Some("super") => supers(&tokens, i),
            _ => continue,
        };
        let starts_path = i == 0 || tokens[i - 1].0 != Token::Path;
        if starts_path && kind(&tokens, next) == Some(&Token::Path) && here.reaches_root(levels) {
            found.extend(heads(&tokens, next + 1));
        }
    }
    found
}

fn kind(tokens: &[Placed], i: usize) -> Option<&Token> {
    tokens.get(i).map(|(token, _)| token)
}

fn word(tokens: &[Placed], i: usize) -> Option<&str> {
    match kind(tokens, i) {
        Some(Token::Word(word)) => Some(word),
        _ => None,
    }
}

/// Returns the number of consecutive `super` from `i`, and the token after them.
fn supers(tokens: &[Placed], i: usize) -> (usize, usize) {
    let mut end = i + 1;
    while kind(tokens, end) == Some(&Token::Path) && word(tokens, end + 1) == Some("super") {
        end += 2;
    }
    ((end - i).div_ceil(2), end)
}

/// Returns the first names after `crate::`: one, or those of a group.
fn heads(tokens: &[Placed], start: usize) -> Vec<Import> {
    let Some((first, line)) = tokens.get(start) else { return Vec::new() };
    match first {
        Token::Word(name) => vec![(name.clone(), *line)],
        Token::Mark('{') => group(tokens, start),
        _ => vec![("*".into(), *line)],
    }
}

fn group(tokens: &[Placed], start: usize) -> Vec<Import> {
    let (mut depth, mut found) = (0, Vec::new());
    for (i, (token, line)) in tokens.iter().enumerate().skip(start) {
        match token {
            Token::Mark('{') => depth += 1,
            Token::Mark('}') => depth -= 1,
            Token::Mark('*') if depth == 1 => found.push(("*".into(), *line)),
            Token::Word(name) if depth == 1 && matches!(tokens[i - 1].0, Token::Mark('{' | ',')) => {
                found.push((name.clone(), *line));
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    found
}

/// Returns the depth of a position in the tree of modules: that of the file's module and of the inline modules around
/// the position.
struct Here {
    file: usize,
    inline: Vec<usize>,
    braces: usize,
}

impl Here {
    fn new(module: &[String]) -> Self {
        Self { file: module.len(), inline: Vec::new(), braces: 0 }
    }

    fn step(&mut self, tokens: &[Placed], i: usize) {
        match kind(tokens, i) {
            Some(Token::Mark('{')) => {
                self.braces += 1;
                if i >= 2 && word(tokens, i - 2) == Some("mod") {
                    self.inline.push(self.braces);
                }
            }
            Some(Token::Mark('}')) => {
                self.inline.pop_if(|depth| *depth == self.braces);
                self.braces = self.braces.saturating_sub(1);
            }
            _ => {}
        }
    }

    /// Returns whether this number of `super` leads out of the top-level module.
    fn reaches_root(&self, levels: usize) -> bool {
        levels >= self.file + self.inline.len()
    }
}

fn floor(module: &str) -> Option<usize> {
    FLOORS.iter().position(|modules| modules.contains(&module))
}

/// Returns the faults of a module's imports.
fn wrong_imports(file: &str, module: &[String], source: &str) -> Vec<String> {
    let Some(from) = module.first() else { return Vec::new() };
    let Some(own) = floor(from) else { return vec![format!("{file}: `{from}` has no floor in tests/layers.rs")] };
    let fault = |(to, line): Import| match floor(&to) {
        _ if to == *from => None,
        Some(other) if other < own => None,
        Some(other) if other == own => Some(format!("{file}:{line}: `{from}` imports its neighbour `{to}`")),
        Some(_) => Some(format!("{file}:{line}: `{from}` imports `{to}` from above")),
        None => Some(format!("{file}:{line}: `{from}` imports `{to}`, which is no module with a floor")),
    };
    imports(module, source).into_iter().filter_map(fault).collect()
}

/// Returns the faults of a tool's imports: tools may use the library and `crate::cli`, but not each other. The Python
/// module is a second entry point, which runs the program.
fn wrong_tool_imports(file: &str, module: &[String], source: &str) -> Vec<String> {
    let runs_program = |to: &str| to == "run_program" && module.first().is_some_and(|m| m == "python");
    let own = |to: &str| to == "cli" || module.first().is_some_and(|m| m == to) || runs_program(to);
    let fault = |(to, line): Import| format!("{file}:{line}: a tool imports `{to}` of another tool");
    if module.is_empty() {
        return Vec::new();
    }
    imports(module, source).into_iter().filter(|(to, _)| !own(to)).map(fault).collect()
}

// ------------------------------------------------------------------------------------------------ forbidden calls

/// Returns the calls that the library must not make: printing, ending the process, MPI.
fn wrong_manners(file: &str, source: &str) -> Vec<String> {
    const PRINTING: &[&str] = &["print", "println", "eprint", "eprintln", "dbg"];
    let tokens = tokens(&code_only(source));
    let fault = |(i, (token, line)): (usize, &Placed)| {
        let Token::Word(name) = token else { return None };
        let name = name.as_str();
        let called = kind(&tokens, i + 1) == Some(&Token::Mark('!'));
        let of_process = i >= 2 && word(&tokens, i - 2) == Some("process") && tokens[i - 1].0 == Token::Path;
        match name {
            _ if PRINTING.contains(&name) && called => Some(format!("{file}:{line}: the library prints (`{name}!`)")),
            "exit" | "abort" if of_process => Some(format!("{file}:{line}: the library ends the process (`{name}`)")),
            "mpi" => Some(format!("{file}:{line}: the library knows of MPI")),
            _ => None,
        }
    };
    let mut faults: Vec<String> = tokens.iter().enumerate().filter_map(fault).collect();
    if source.contains("feature = \"mpi\"") {
        faults.push(format!("{file}: the library knows of MPI (`feature = \"mpi\"`)"));
    }
    faults
}

/// Returns the powers of ten that are units: 1e-6, 1e-9 and other spellings of the two.
fn wrong_numbers(file: &str, source: &str) -> Vec<String> {
    let is_unit = |text: &str| {
        let text = text.replace('_', "").replace("f64", "").replace("f32", "");
        let value = text.parse::<f64>();
        text.starts_with(|c: char| c.is_ascii_digit()) && value.is_ok_and(|v| v == 1e-6 || v == 1e-9)
    };
    let fault = |(token, line): Placed| match token {
        Token::Word(text) if is_unit(&text) => Some(format!("{file}:{line}: `{text}` belongs in {UNITS}")),
        _ => None,
    };
    tokens(&code_only(before_tests(source))).into_iter().filter_map(fault).collect()
}

/// Returns the faults of a file's first line, which must describe the file.
fn wrong_opening(file: &str, source: &str) -> Vec<String> {
    let first = source.lines().next().unwrap_or_default();
    let says = first.strip_prefix("//!").map(str::trim);
    match says {
        Some(text) if text.split_whitespace().count() > 1 => Vec::new(),
        Some(text) => vec![format!("{file}: opens with `{text}`, which does not say what it is")],
        None => vec![format!("{file}: does not open with `//!` and what it is")],
    }
}

/// Returns the faults of ignored tests, which must state what they need. `make test-clients` recognises tests that need
/// the real neurons by `real_` in their names, and leaves them out if there are no real neurons.
fn wrong_ignores(file: &str, source: &str) -> Vec<String> {
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    let fault = |(i, line): (usize, &&str)| {
        let reason = line.strip_prefix("#[ignore")?;
        let name = lines[i..].iter().find_map(|l| l.strip_prefix("fn ")).unwrap_or_default();
        let wrong = match reason.contains("LEADFIELD_REAL_DATA") {
            _ if !reason.starts_with(" = \"needs ") => "does not say what it needs",
            true if !name.contains("real_") => "needs LEADFIELD_REAL_DATA without `real_` in its name",
            false if name.contains("real_") => "has `real_` in its name without needing LEADFIELD_REAL_DATA",
            _ => return None,
        };
        Some(format!("{file}:{}: an ignored test {wrong}", i + 1))
    };
    lines.iter().enumerate().filter_map(fault).collect()
}

// ----------------------------------------------------------------------------------------------- the tree as it is

/// Returns every Rust file below a folder of the project: its path from the root, its module, its text.
fn files_in(folder: &str) -> Vec<(String, Vec<String>, String)> {
    let mut paths = Vec::new();
    walk(&root().join(folder), &mut paths);
    paths.sort();
    assert!(!paths.is_empty(), "no Rust files in {folder}");
    let read = |path: PathBuf| {
        let below = path.strip_prefix(root().join(folder)).unwrap();
        let name = path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
        (name, module_of(below), std::fs::read_to_string(&path).unwrap())
    };
    paths.into_iter().map(read).collect()
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

#[track_caller]
fn none(faults: impl IntoIterator<Item = String>) {
    let faults: Vec<String> = faults.into_iter().collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn modules_import_from_lower_floors_only() {
    none(files_in("src").iter().flat_map(|(file, module, source)| wrong_imports(file, module, source)));
}

#[test]
fn tools_import_the_library_and_what_tools_share() {
    none(files_in("tools").iter().flat_map(|(file, module, source)| wrong_tool_imports(file, module, source)));
}

#[test]
fn the_library_neither_prints_nor_ends_the_process_nor_knows_of_mpi() {
    none(files_in("src").iter().flat_map(|(file, _, source)| wrong_manners(file, source)));
}

#[test]
fn powers_of_ten_that_are_units_are_written_once() {
    let others = files_in("src").into_iter().filter(|(file, ..)| file != UNITS);
    none(others.flat_map(|(file, _, source)| wrong_numbers(&file, &source)));
}

#[test]
fn every_file_says_what_it_is() {
    let all = ["src", "tools", "tests"].into_iter().flat_map(files_in);
    none(all.flat_map(|(file, _, source)| wrong_opening(&file, &source)));
}

#[test]
fn an_ignored_test_says_what_it_needs() {
    none(files_in("tests").iter().flat_map(|(file, _, source)| wrong_ignores(file, source)));
}

#[test]
fn every_data_set_has_a_row_that_states_its_origin() {
    let table = std::fs::read_to_string(root().join("datasets/README.md")).unwrap();
    let has_row = |name: &str| table.lines().any(|line| line.starts_with(&format!("| `{name}/`")));
    let folders = std::fs::read_dir(root().join("datasets")).unwrap().map(|e| e.unwrap());
    let names = folders.filter(|e| e.path().is_dir()).map(|e| e.file_name().into_string().unwrap());
    none(names.filter(|name| !has_row(name)).map(|name| format!("datasets/README.md: no row for `{name}/`")));
}

#[test]
fn the_format_page_shows_every_metadata_key() {
    let page = std::fs::read_to_string(root().join("docs/format.md")).unwrap();
    let schema = std::fs::read_to_string(root().join("src/segments/table/schema.rs")).unwrap();
    let keys: Vec<&str> = schema.split("\"leadfield.").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(keys.contains(&"format_version"), "{keys:?}");
    let shown = |key: &str| page.contains(&format!("\n| `{key}` |"));
    none(keys.into_iter().filter(|key| !shown(key)).map(|key| format!("docs/format.md: no row for `{key}`")));
}

#[test]
fn the_map_in_contributing_shows_these_floors() {
    let text = std::fs::read_to_string(root().join("CONTRIBUTING.md")).unwrap();
    for (number, modules) in FLOORS.iter().enumerate() {
        let row = text.lines().find(|line| line.starts_with(&format!("| {number} |")));
        let cell = row.and_then(|row| row.split('|').nth(2)).unwrap_or_default();
        let shown: BTreeSet<&str> = cell.split_whitespace().map(|name| name.trim_matches('`')).collect();
        assert_eq!(shown, modules.iter().copied().collect(), "floor {number} in CONTRIBUTING.md");
    }
}

// ------------------------------------------------------------------------------------- the checks on made-up source

fn names(path: &str) -> Vec<String> {
    module_of(Path::new(path))
}

#[track_caller]
fn finds(file: &str, source: &str, expected: &[&str]) {
    assert_eq!(wrong_imports(file, &names(file), source), expected);
}

#[test]
fn an_upward_import_is_found_in_every_spelling() {
    finds(
        "geometry/point.rs",
        "use crate::segments::Table;",
        &["geometry/point.rs:1: `geometry` imports `segments` from above"],
    );
    finds("io.rs", "\nuse super::sonata;", &["io.rs:2: `io` imports `sonata` from above"]);
    finds("io.rs", "fn f() -> crate::weights::W {}", &["io.rs:1: `io` imports `weights` from above"]);
    finds("methods/a.rs", "use super::super::weights::W;", &["methods/a.rs:1: `methods` imports `weights` from above"]);
    finds(
        "error.rs",
        "use crate::{\n  units::{U, V},\n  io::File,\n};",
        &["error.rs:2: `error` imports `units` from above", "error.rs:3: `error` imports `io` from above"],
    );
}

#[test]
fn a_sideways_import_is_found() {
    finds("weights/mod.rs", "use crate::convert::C;", &["weights/mod.rs:1: `weights` imports its neighbour `convert`"]);
}

#[test]
fn what_lies_below_or_within_may_be_imported() {
    finds(
        "weights/mod.rs",
        "use crate::{error::{Context, Result}, segments, weights::simd};\nuse super::segments::T;",
        &[],
    );
    finds("sonata/nodes.rs", "use super::config::C;\nuse self::x::Y;\npub(in crate::sonata) fn f() {}", &[]);
    finds("io.rs", "mod inner { use super::*; use super::convert; }", &[]);
}

#[test]
fn a_module_or_name_without_a_floor_is_found() {
    finds("util.rs", "", &["util.rs: `util` has no floor in tests/layers.rs"]);
    let through_lib = "`segments` imports `Result`, which is no module with a floor";
    finds("segments/mod.rs", "use crate::Result;", &[&format!("segments/mod.rs:1: {through_lib}")]);
    finds("io.rs", "use super::*;", &["io.rs:1: `io` imports `*`, which is no module with a floor"]);
}

#[test]
fn comments_strings_and_tests_import_nothing() {
    let source = "//! [`crate::weights`]\n/* crate::weights /* */ crate::segments */\nconst A: &str = \"crate::segments \\\" \";\n\
        const B: &str = r#\"crate::\"table\"#;\nconst C: [char; 2] = ['\"', '\\''];\nfn f<'a>(_: &'a str) {}\n\
        #[cfg(test)]\nmod tests { use crate::weights::W; }\n";
    finds("error.rs", source, &[]);
    finds(
        "error.rs",
        &source.replace("<'a>", "<'a, crate::weights::W>"),
        &["error.rs:6: `error` imports `weights` from above"],
    );
}

#[test]
fn a_tool_that_uses_another_tool_is_found() {
    let check = |source| wrong_tool_imports("demo.rs", &names("demo.rs"), source);
    assert_eq!(check("use crate::cli::Common;\nuse leadfield::Result;"), [""; 0]);
    assert_eq!(check("use crate::info::run;"), ["demo.rs:1: a tool imports `info` of another tool"]);
}

#[test]
fn printing_ending_and_mpi_are_found() {
    let check = |source| wrong_manners("a.rs", source);
    assert_eq!(check("fn f() {\n  eprintln!(\"x\");\n}"), ["a.rs:2: the library prints (`eprintln!`)"]);
    assert_eq!(check("std::process::exit(2)"), ["a.rs:1: the library ends the process (`exit`)"]);
    assert_eq!(check("use mpi::Rank;"), ["a.rs:1: the library knows of MPI"]);
    assert_eq!(check("#[cfg(feature = \"mpi\")]"), ["a.rs: the library knows of MPI (`feature = \"mpi\"`)"]);
    assert_eq!(check("// println!(\nfn exit() { let println = \"println!()\"; }"), [""; 0]);
}

#[test]
fn units_written_elsewhere_are_found() {
    let check = |source| wrong_numbers("a.rs", source);
    assert_eq!(check("let m = 1e-6 * um;"), ["a.rs:1: `1e-6` belongs in src/units.rs"]);
    assert_eq!(check("x*1.0E-09_f64"), ["a.rs:1: `1.0E-09_f64` belongs in src/units.rs"]);
    assert_eq!(check("0.000_001"), ["a.rs:1: `0.000_001` belongs in src/units.rs"]);
    assert_eq!(
        check(
            "let x = (2e-6, 1e-3, 1e6, 11e-6, a1e - 6, t.0, 0..1);\n#[cfg(test)]\nmod tests { const T: f64 = 1e-9; }"
        ),
        [""; 0]
    );
}

#[test]
fn an_opening_that_says_nothing_is_found() {
    let check = |source| wrong_opening("a.rs", source);
    assert_eq!(check("//! Opens HDF5 files\n"), [""; 0]);
    assert_eq!(check("//! stub\n"), ["a.rs: opens with `stub`, which does not say what it is"]);
    assert_eq!(check("use x;"), ["a.rs: does not open with `//!` and what it is"]);
}

#[test]
fn an_ignored_test_without_a_need_is_found() {
    let check =
        |reason: &str, name: &str| wrong_ignores("a.rs", &format!("\n    #[ignore{reason}]\n    fn {name}() {{}}"));
    assert_eq!(check(" = \"needs a\"", "f"), [""; 0]);
    assert_eq!(check(" = \"needs LEADFIELD_REAL_DATA\"", "the_real_f"), [""; 0]);
    assert_eq!(check("", "f"), ["a.rs:2: an ignored test does not say what it needs"]);
    let hidden = check(" = \"needs LEADFIELD_REAL_DATA\"", "f");
    assert_eq!(hidden, ["a.rs:2: an ignored test needs LEADFIELD_REAL_DATA without `real_` in its name"]);
    let misnamed = check(" = \"needs a\"", "the_real_f");
    assert_eq!(misnamed, ["a.rs:2: an ignored test has `real_` in its name without needing LEADFIELD_REAL_DATA"]);
}
