//! Checks that no two files import from each other, directly or through other files.
//!
//! A folder's own file (`mod.rs`, or `NAME.rs` next to `NAME/`) and the files in the folder are one unit: imports between
//! them are not followed.

use std::collections::{BTreeMap, BTreeSet};

use super::source::{Token, code_only, tokens};
use super::{before_tests, files_in};

/// Files that need each other, with the reason.
const ALLOWED: &[([&str; 2], &str)] = &[(
    ["circuit::hoc::init_trace", "circuit::hoc::statement"],
    "an interpreter: a procedure runs statements, and a statement calls procedures",
)];

type Imports = BTreeMap<String, BTreeSet<String>>;

/// Returns the file of a path such as `super::pages::TablePages` in a module, and the rest of the path.
fn resolve<'p>(module: &[String], path: &'p [String], files: &BTreeSet<String>) -> Option<(String, &'p [String])> {
    let (mut place, mut rest) = (module.to_vec(), path);
    match path.first()?.as_str() {
        "crate" => (place, rest) = (Vec::new(), &path[1..]),
        "self" => rest = &path[1..],
        "super" => {
            while rest.first().is_some_and(|name| name == "super") {
                place.pop();
                rest = &rest[1..];
            }
        }
        _ => {}
    }
    let start = place.len();
    while let Some(name) = rest.first() {
        place.push(name.clone());
        if !files.contains(&place.join("::")) {
            place.pop();
            break;
        }
        rest = &rest[1..];
    }
    (place.len() > start || matches!(path[0].as_str(), "crate" | "super")).then(|| (place.join("::"), rest))
}

/// Returns the paths of all `use` declarations outside inline modules, with groups expanded.
fn use_paths(source: &str) -> Vec<Vec<String>> {
    let tokens = tokens(&code_only(before_tests(source)));
    let mut paths = Vec::new();
    let mut i = 0;
    while i < tokens.len() {
        if tokens[i].0 == Token::Word("use".into()) {
            let mut prefixes: Vec<Vec<String>> = vec![Vec::new()];
            let mut current: Vec<String> = Vec::new();
            i += 1;
            while i < tokens.len() && tokens[i].0 != Token::Mark(';') {
                match &tokens[i].0 {
                    Token::Word(word) if word == "as" => i += 1,
                    Token::Word(word) => current.push(word.clone()),
                    Token::Mark('{') => {
                        let outer = prefixes.last().cloned().unwrap_or_default();
                        prefixes.push([outer, std::mem::take(&mut current)].concat());
                    }
                    Token::Mark(mark @ (',' | '}')) => {
                        if !current.is_empty() {
                            paths.push(
                                [prefixes.last().cloned().unwrap_or_default(), std::mem::take(&mut current)].concat(),
                            );
                        }
                        if *mark == '}' {
                            prefixes.pop();
                        }
                    }
                    _ => {}
                }
                i += 1;
            }
            if !current.is_empty() {
                paths.push(current);
            }
        }
        i += 1;
    }
    paths
}

/// Returns the files that each file imports from, except its own folder's file and the files in its own folder's file.
fn file_imports(sources: &[(Vec<String>, String)]) -> Imports {
    let files: BTreeSet<String> = sources.iter().map(|(module, _)| module.join("::")).collect();
    let mut imports = Imports::new();
    for (module, source) in sources {
        let name = module.join("::");
        let is_unit = |other: &str| {
            other.is_empty()
                || name.is_empty()
                || name.starts_with(&format!("{other}::"))
                || other.starts_with(&format!("{name}::"))
        };
        let others = use_paths(source).into_iter().filter_map(|path| Some(resolve(module, &path, &files)?.0));
        imports.insert(name.clone(), others.filter(|other| *other != name && !is_unit(other)).collect());
    }
    for ([a, b], _) in ALLOWED {
        imports.entry((*a).into()).or_default().remove(*b);
    }
    imports
}

/// Returns a circle of imports, if there is one.
fn find_circle(imports: &Imports) -> Option<Vec<String>> {
    fn visit(at: &str, imports: &Imports, path: &mut Vec<String>, done: &mut BTreeSet<String>) -> bool {
        if let Some(start) = path.iter().position(|seen| seen == at) {
            path.drain(..start);
            return true;
        }
        if !done.contains(at) {
            path.push(at.to_string());
            if imports.get(at).into_iter().flatten().any(|next| visit(next, imports, path, done)) {
                return true;
            }
            path.pop();
            done.insert(at.to_string());
        }
        false
    }
    let (mut path, mut done) = (Vec::new(), BTreeSet::new());
    imports.keys().any(|start| visit(start, imports, &mut path, &mut done)).then_some(path)
}

fn module(name: &str) -> Vec<String> {
    name.split("::").filter(|part| !part.is_empty()).map(str::to_string).collect()
}

#[test]
fn no_files_need_each_other() {
    let sources: Vec<_> = files_in("src").into_iter().map(|(_, module, source)| (module, source)).collect();
    assert!(sources.len() > 100);
    assert_eq!(find_circle(&file_imports(&sources)), None);
}

#[test]
fn a_circle_is_found_through_groups_and_other_folders() {
    let sources = |texts: [(&str, &str); 4]| texts.map(|(name, text)| (module(name), text.to_string())).to_vec();
    let circle = sources([
        ("a", "mod one;"),
        ("a::one", "use crate::b::{Other, two::Two};"),
        ("b", "mod two;"),
        ("b::two", "use std::fs;\nuse super::super::a::one::One;"),
    ]);
    assert_eq!(find_circle(&file_imports(&circle)), Some(vec!["a::one".into(), "b::two".into()]));
    // a folder's own file and the files in it are one unit
    let unit = sources([
        ("a", "mod one;\nuse one::One;"),
        ("a::one", "use super::Parent;"),
        ("b", "mod two;"),
        ("b::two", "#[cfg(test)]\nmod tests { use crate::a::one::One; }"),
    ]);
    assert_eq!(find_circle(&file_imports(&unit)), None);
}
