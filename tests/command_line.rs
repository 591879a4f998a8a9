//! Arguments as users type them, and the program's output about itself: help, version, completions, manual pages,
//! colours, JSON. Help is compared with files, so that a changed option is noticed.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::interrupted::folder;
use crate::support::{Run, leadfield, leadfield_in, names_in, root, scratch};

/// The headings of options, in the order of all commands.
const HEADINGS: [&str; 15] = [
    "Arguments:",
    "Commands:",
    "Options:",
    "Circuit:",
    "Table:",
    "Region:",
    "Contacts:",
    "Lead fields:",
    "Filter:",
    "Result:",
    "Placement:",
    "Comparison:",
    "Picture:",
    "Output:",
    "Run:",
];

/// All commands, as the program lists them: `""` is the program, `plot weights` a tool's command.
pub fn commands() -> Vec<String> {
    let mut found = vec![String::new()];
    let mut next = 0;
    while let Some(command) = found.get(next).cloned() {
        let help = help_of(&command);
        let listed = help.split_once("\nCommands:\n").map_or("", |(_, rest)| rest.split("\n\n").next().unwrap());
        let names = listed.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
        let names = names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help");
        found.extend(names.map(|name| format!("{command} {name}").trim().to_string()));
        next += 1;
    }
    assert!(found.len() > 20 && found.contains(&"plot weights".into()), "{found:?}");
    found
}

/// Runs the program with a width of 100 columns.
fn in_100_columns(args: &[&str]) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_leadfield"));
    command.env("COLUMNS", "100").args(args);
    Run::of(command)
}

/// The help of a command, `--help`.
pub fn help_of(command: &str) -> String {
    let args: Vec<&str> = command.split_whitespace().chain(["--help"]).collect();
    in_100_columns(&args).ok()
}

#[test]
fn help_is_that_of_the_files() {
    let folder = root().join("tests/outputs/help");
    let renews = std::env::var_os("LEADFIELD_RENEW").is_some();
    let mut stale = Vec::new();
    let mut expected_names = Vec::new();
    for command in commands() {
        let name = format!("{}.txt", format!("leadfield {command}").trim().replace(' ', "-"));
        let (help, path) = (help_of(&command), folder.join(&name));
        if renews {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(&path, &help).unwrap();
        }
        if std::fs::read_to_string(&path).ok().as_deref() != Some(&help) {
            stale.push(name.clone());
        }
        expected_names.push(name);
    }
    let advice = "if the change is meant: LEADFIELD_RENEW=1 cargo test --test tests help_is_that, and commit the files";
    assert!(stale.is_empty(), "{}: other help than in {stale:?}; {advice}", folder.display());
    expected_names.sort();
    assert_eq!(names_in(&folder), expected_names, "{advice}");
}

#[test]
fn every_command_is_listed_and_has_examples_and_groups_in_one_order() {
    let overview = help_of("");
    for command in commands() {
        let help = help_of(&command);
        if let Some(tool) = command.split_whitespace().next() {
            assert!(overview.contains(&format!("\n  {tool} ")), "{tool} in\n{overview}");
        }
        let examples = help.split_once("\nExamples:\n").unwrap_or_else(|| panic!("no examples in\n{help}")).1;
        let count = examples.lines().filter(|line| line.starts_with("  leadfield")).count();
        assert!((2..=3).contains(&count), "{count} examples of {command}");
        // `Arguments` stand before `Options`, and the groups of all tools are last
        let headings: Vec<&str> = help
            .lines()
            .filter(|line| line.ends_with(':') && !line.starts_with(' ') && !line.contains("Usage"))
            .collect();
        let place = |heading: &&str| HEADINGS.iter().position(|known| known == heading);
        let groups: Vec<&str> = headings.iter().copied().filter(|h| *h != "General:" && *h != "Examples:").collect();
        assert!(groups.iter().all(|heading| place(heading).is_some()), "{command}: {headings:?}");
        if !groups.contains(&"Commands:") {
            assert!(groups.is_sorted_by_key(place), "{command}: {headings:?}");
        }
        assert!(headings.ends_with(&["General:", "Examples:"]), "{command}: {headings:?}");
        for option in ["-q, --quiet", "-v, --verbose", "--threads <N>", "-h, --help", "-V, --version"] {
            assert!(help.contains(option), "{option} in\n{help}");
        }
    }
}

/// Checks the examples of help: none is refused because of its arguments.
#[test]
fn the_examples_of_help_are_understood() {
    let empty = scratch();
    for command in commands() {
        let help = help_of(&command);
        let examples = help.split_once("\nExamples:\n").unwrap().1;
        for line in examples.lines().filter(|line| line.starts_with("  leadfield")) {
            for part in line.split("#").next().unwrap().split(" > ").next().unwrap().split(['|', '&']) {
                let args: Vec<&str> = part.split_whitespace().collect();
                let Some(("leadfield", args)) = args.split_first().map(|(first, rest)| (*first, rest)) else {
                    continue;
                };
                if args.starts_with(&["demo"]) {
                    continue;
                }
                let run = leadfield_in(empty.path(), args);
                assert!(!run.stderr.contains("Usage:") && !run.stderr.contains("--help"), "{part}: {}", run.stderr);
            }
        }
    }
}

#[test]
fn the_version_names_what_the_program_was_built_with_also_after_a_tool() {
    let short = concat!("leadfield ", env!("CARGO_PKG_VERSION"), "\n");
    for args in [&["-V"][..], &["weights", "-V"], &["plot", "probe", "-V"]] {
        assert_eq!(leadfield(args).ok(), short, "{args:?}");
    }
    let long = leadfield(&["--version"]).ok();
    assert!(long.starts_with(short), "{long}");
    for name in ["HDF5 ", "MPI ", "instruction sets "] {
        assert!(long.lines().any(|line| line.starts_with(name)), "{name} in\n{long}");
    }
    assert_eq!(leadfield(&["weights", "--version"]).ok(), long);
    assert_eq!(leadfield(&["validate", "weights", "--version"]).ok(), long);
}

#[test]
fn options_stand_before_or_after_files_and_under_their_other_names() {
    let dir = folder(3);
    let dir = dir.path();
    let csv = "name,x,y,z,type\na,0,0,0,LineSource\nb,20,0,5,PointSource\n";
    std::fs::write(dir.join("two.csv"), csv).unwrap();
    let orders: [&[&str]; 6] = [
        &["weights", "table", "two.csv", "-o", "w.h5", "--conductivity", "0.3", "--conductivity", "0.4", "--quiet"],
        &["weights", "--conductivity", "0.3", "--conductivity", "0.4", "table", "two.csv", "--output", "w.h5", "-q"],
        &["-q", "weights", "--sigma", "0.3", "table", "--sigma=0.4", "two.csv", "--out", "w.h5"],
        &["weights", "-o", "w.h5", "table", "--conductivity", "0.3", "two.csv", "--sigma", "0.4", "-q"],
        &["weights", "-qo", "w.h5", "--conductivity=0.3", "table", "two.csv", "--conductivity=0.4"],
        &["weights", "-qfo", "w.h5", "table", "two.csv", "--conductivity=0.3", "--conductivity=0.4"],
    ];
    let mut first = None;
    for args in orders {
        let run = leadfield_in(dir, args);
        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{args:?}");
        let bytes = std::fs::read(dir.join("w.h5")).unwrap();
        assert!(*first.get_or_insert_with(|| bytes.clone()) == bytes, "{args:?}");
        std::fs::remove_file(dir.join("w.h5")).unwrap();
    }
    // the names of BlueRecording's successor
    let config = "circuit/circuit_config.json";
    let aliases = ["--discretization", "rule", "--no-replace-axons", "-qf"];
    leadfield_in(dir, &[&["positions", config, "-o", "a.parquet"], &aliases[..]].concat()).ok();
    let names = ["--discretisation", "rule", "--keep-axon", "-q"];
    leadfield_in(dir, &[&["positions", config, "-o", "b.parquet"], &names[..]].concat()).ok();
    assert!(std::fs::read(dir.join("a.parquet")).unwrap() == std::fs::read(dir.join("b.parquet")).unwrap());
}

#[test]
fn a_second_value_of_an_option_is_not_taken_for_a_file() {
    let dir = folder(2);
    leadfield_in(dir.path(), &["weights", "table", "e.csv", "-o", "w.h5", "--conductivity", "0.3", "0.4", "-q"])
        .refused(
            "error: 0.4: a number, expected the name of a file\n\
         hint: an option takes one value: repeat it, as in `--conductivity 0.3 --conductivity 0.4`",
        );
}

#[test]
fn contacts_that_are_missing_are_asked_for() {
    let dir = folder(2);
    leadfield_in(dir.path(), &["weights", "table", "-o", "w.h5"]).refused(
        "error: table: one input, expected segments and contacts\n\
         hint: first segment tables or a circuit, then the electrodes: `leadfield weights circuit_config.json \
         electrodes.csv -o weights.h5`",
    );
}

#[test]
fn lead_fields_are_repeated_or_listed() {
    let input = crate::support::golden().join("input");
    let [source, far] =
        ["field_src.h5", "field_far.h5"].map(|f| input.join("electrodes").join(f).display().to_string());
    let out = scratch();
    let config = input.join("circuit/simulation_config.json").display().to_string();
    let contacts = input.join("electrodes/recip.csv").display().to_string();
    let weights = |name: &str, fields: &[&str]| {
        let args = [&["weights", &config, &contacts, "-q", "-o", name], fields].concat();
        leadfield_in(out.path(), &args).ok();
        std::fs::read(out.path().join(name)).unwrap()
    };
    let repeated = weights("a.h5", &["--fields", &source, "--fields", &source, "--fields", &far, "--fields", &far]);
    let listed =
        weights("b.h5", &["--path-to-fields", &format!("{source},{source}"), "--fields", &format!("{far},{far}")]);
    assert!(repeated == listed);
}

/// Runs the program with a text on standard input.
fn with_input(dir: &Path, args: &[&str], input: &str) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_leadfield"));
    command.current_dir(dir).args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Run { code: output.status.code().unwrap(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

#[test]
fn a_dash_is_standard_input_or_output() {
    let dir = folder(3);
    let dir = dir.path();
    let csv = std::fs::read_to_string(dir.join("e.csv")).unwrap();
    leadfield_in(dir, &["weights", "table", "e.csv", "-o", "file.h5", "-q"]).ok();
    with_input(dir, &["weights", "table", "-", "-o", "input.h5", "-q"], &csv).ok();
    assert!(std::fs::read(dir.join("file.h5")).unwrap() == std::fs::read(dir.join("input.h5")).unwrap());
    let query = ["query", "table", "--within", "500", "--columns", "electrode,node_id", "--electrodes"];
    let from_file = leadfield_in(dir, &[&query[..], &["e.csv"]].concat()).ok();
    assert!(from_file.lines().count() > 1, "{from_file}");
    assert_eq!(with_input(dir, &[&query[..], &["-", "-o", "-"]].concat(), &csv).ok(), from_file);
    let made = leadfield_in(dir, &["electrodes", "linear", "--contacts", "2", "--pitch", "20", "-o", "-"]).ok();
    assert_eq!(with_input(dir, &["electrodes", "from", "-"], &made).ok(), made);
    with_input(dir, &["weights", "table", "-", "-o", "bad.h5", "-q"], "name,x,y\na,1,2\n")
        .stderr_begins("error: standard input: ");
    // the bounds of files hold here, too
    with_input(dir, &["weights", "table", "-", "-o", "bad.h5", "-q"], "PAR1 and so on")
        .refused("error: standard input: is a Parquet file, expected text");
    assert!(!names_in(dir).iter().any(|name| name == "-" || name.starts_with("bad")), "{:?}", names_in(dir));
}

impl Run {
    /// Asserts exit code 2 and the beginning of standard error.
    #[track_caller]
    fn stderr_begins(self, start: &str) {
        assert_eq!(self.code, 2);
        assert!(self.stderr.starts_with(start), "{}", self.stderr);
    }
}

fn json(run: Run) -> Value {
    serde_json::from_str(&run.ok()).unwrap()
}

#[test]
fn summaries_estimates_and_facts_are_printed_as_json() {
    let dir = folder(3);
    let dir = dir.path();
    let config = "circuit/simulation_config.json";
    let table = leadfield::segments::table::SegmentTable::open(&dir.join("table")).unwrap();
    let segments = table.metadata().segments;

    let estimate = json(leadfield_in(dir, &["positions", config, "-o", "t", "--dry-run", "--json", "-q"]));
    assert_eq!((&estimate["neurons"], &estimate["segments"]), (&24.into(), &segments.into()));
    let made = json(leadfield_in(dir, &["positions", config, "-o", "t", "--json", "-q"]));
    assert_eq!((&made["output"], &made["tables"][0]["segments"]), (&"t".into(), &segments.into()));
    let again = json(leadfield_in(dir, &["positions", config, "-o", "t", "--json", "-q", "--resume"]));
    assert_eq!((&again["parts"], &again["resumed_parts"]), (&1.into(), &1.into()));

    let weights = ["weights", "table", "e.csv", "-o", "w.h5", "--json", "-q"];
    let estimate = json(leadfield_in(dir, &[&weights[..], &["--dry-run", "--ranks", "2"]].concat()));
    assert_eq!((estimate["ranks"].as_array().unwrap().len(), &estimate["bytes_are_exact"]), (2, &true.into()));
    let made = json(leadfield_in(dir, &weights));
    let bytes = std::fs::metadata(dir.join("w.h5")).unwrap().len();
    assert_eq!((&made["bytes"], &estimate["bytes"]), (&bytes.into(), &bytes.into()));
    assert_eq!((&made["contacts"], &made["reports"]["lfp"]["type"]), (&3.into(), &"lfp".into()));

    let facts = json(leadfield_in(dir, &["info", "table", "--json"]));
    assert_eq!((&facts["kind"], &facts["segments"]), (&"segment table".into(), &segments.into()));
    assert_eq!(facts["bounds"]["min_um"].as_array().unwrap().len(), 3);
    let facts = json(leadfield_in(dir, &["info", "w.h5", "--json"]));
    assert_eq!((&facts["kind"], &facts["size"]), (&"electrodes file".into(), &bytes.into()));
    let facts = json(leadfield_in(dir, &["info", config, "--json"]));
    assert!(facts.as_object().unwrap().len() > 2, "{facts}");
}

#[test]
fn verbose_runs_state_version_threads_time_and_memory_and_quiet_ones_nothing() {
    let dir = folder(2);
    let run = |options: &[&str]| leadfield_in(dir.path(), &[&["info", "table"], options].concat());
    let verbose = run(&["-v", "--threads", "2"]);
    let lines: Vec<&str> = verbose.stderr.lines().collect();
    assert!(lines[0].starts_with(concat!("leadfield ", env!("CARGO_PKG_VERSION"), ", 2 threads, ")), "{lines:?}");
    assert!(lines.len() == 2 && lines[1].contains(" s, at most ") && lines[1].ends_with(" MB of memory"), "{lines:?}");
    assert_eq!(run(&["-vq"]).stderr, "");
    assert_eq!(run(&[]).stderr, "");
}

#[test]
fn the_first_rows_are_enough_where_a_limit_is_given() {
    let dir = folder(2);
    let all = leadfield_in(dir.path(), &["query", "table", "--columns", "row", "--sort", "row"]).ok();
    let some = leadfield_in(dir.path(), &["query", "table", "--columns", "row", "--sort", "row", "-n", "3"]).ok();
    assert_eq!(some, all.lines().take(4).map(|line| format!("{line}\n")).collect::<String>());
}

/// Runs a command whose errors are coloured if the environment asks for it.
fn coloured(variables: &[(&str, &str)]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_leadfield"));
    command.args(["info", "nothing.h5"]).envs(variables.iter().copied());
    Run::of(command).stderr
}

#[test]
fn errors_have_the_colours_of_clap_unless_there_is_no_terminal_or_no_color() {
    assert!(coloured(&[]).starts_with("error: nothing.h5: "));
    let forced = coloured(&[("CLICOLOR_FORCE", "1")]);
    assert!(forced.starts_with("\u{1b}[1m\u{1b}[31merror:\u{1b}[0m nothing.h5: "), "{forced:?}");
    let mut command = Command::new(env!("CARGO_BIN_EXE_leadfield"));
    command.args(["paint"]).env("CLICOLOR_FORCE", "1");
    assert!(Run::of(command).stderr.starts_with("\u{1b}[1m\u{1b}[31merror:\u{1b}[0m "));
    assert!(coloured(&[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "0")]).starts_with("error: nothing.h5: "));
}

/// Runs a script in a shell; `None`, with a note, if the shell is not installed.
fn in_shell(shell: &str, script: &str) -> Option<String> {
    let folder = scratch();
    std::fs::write(folder.path().join("completions"), leadfield(&["completions", shell]).ok()).unwrap();
    let path =
        format!("{}:{}", Path::new(env!("CARGO_BIN_EXE_leadfield")).parent()?.display(), std::env::var("PATH").ok()?);
    let mut command = Command::new(shell);
    command.current_dir(folder.path()).env("PATH", path).env("HOME", folder.path()).args(["-c", script]);
    let output = match command.output() {
        Ok(output) => output,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            println!("skipped: {shell} is not installed");
            return None;
        }
        Err(error) => panic!("{shell}: {error}"),
    };
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let (stdout, stderr) = (text(output.stdout), text(output.stderr));
    assert!(output.status.success() && stderr.is_empty(), "{shell}: {stdout}{stderr}");
    Some(stdout)
}

#[test]
fn bash_loads_the_completions() {
    let script = "source ./completions && complete -p leadfield && \
                  COMP_WORDS=(leadfield we) COMP_CWORD=1 && _leadfield leadfield we leadfield && echo ${COMPREPLY[@]} && \
                  COMP_WORDS=(leadfield weights --keep) COMP_CWORD=2 && _leadfield leadfield --keep weights && \
                  echo ${COMPREPLY[@]}";
    let found = in_shell("bash", script).expect("bash is a part of every system");
    let lines: Vec<&str> = found.lines().collect();
    assert!(lines[0].contains("_leadfield"), "{found}");
    assert_eq!(lines[1..], ["weights", "--keep-axon --keep-table"]);
}

#[test]
fn zsh_loads_the_completions() {
    let script = "autoload -U compinit && compinit -u && source ./completions && \
                  print $+functions[_leadfield] ${_comps[leadfield]}";
    if let Some(found) = in_shell("zsh", script) {
        assert_eq!(found, "1 _leadfield\n");
    }
}

#[test]
fn fish_loads_the_completions() {
    if let Some(found) = in_shell("fish", "source ./completions; complete -C 'leadfield weights --keep'") {
        let options: Vec<&str> = found.lines().filter_map(|line| line.split('\t').next()).collect();
        assert_eq!(options, ["--keep-axon", "--keep-table"]);
    }
}

#[test]
fn manual_pages_are_written_for_every_command() {
    let folder = scratch();
    let pages = folder.path().join("share/man1");
    let write = |options: &[&str]| leadfield(&[&["man", pages.to_str().unwrap(), "--quiet"], options].concat());
    write(&[]).ok();
    let names = commands().into_iter().map(|command| format!("leadfield {command}").trim().replace(' ', "-"));
    let mut expected: Vec<String> = names.map(|name| format!("{name}.1")).collect();
    expected.sort();
    assert_eq!(names_in(&pages), expected);
    let page = std::fs::read_to_string(pages.join("leadfield-weights.1")).unwrap();
    assert!(page.contains(".SH NAME\n") && page.contains("\\-\\-keep\\-table") && !page.contains('\u{1b}'), "{page}");
    assert!(write(&[]).stderr.contains("exists already"));
    write(&["-f"]).ok();
}
