//! `leadfield convert`: old data brought in, and every form turned into the others that can hold it.

mod columns;
mod electrodes;
mod inputs;
mod kind;
mod table;
mod target;

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use leadfield::Result;
use leadfield::convert::bluerecording::{self, write_hdf5, write_parquet};
use leadfield::convert::boundaries_of;
use leadfield::convert::coefficients::Shape;
use leadfield::error::{Context, Problem, count, listed};
use leadfield::io::atomic_output::{Existing, Staged, check_apart};
use leadfield::segments::table::Precision;
use leadfield::sonata::electrodes_file::ColumnRule;
use leadfield::validate::electrodes_file::{self, examine};
use rayon::prelude::*;

use self::kind::Kind;
use self::target::{Format, Target};
use crate::cli::progress::Progress;
use crate::cli::{Common, Outcome, existing, tell};

/// Bring old data in, or turn a file into another form
///
/// What a file is goes by its content, then by its name. Pickles of positions (BlueRecording, any version) become one
/// segment table; a segment table becomes Arrow, CSV or the boundary layout of those pickles; electrodes go from CSV to JSON
/// to probeinterface; electrodes files of any version become one that every client accepts, or columns, and back;
/// compartment reports become columns. Nothing in a pickle is executed.
#[derive(clap::Args)]
pub struct Args {
    /// Files, folders (all that is below them) and patterns such as `positions*.pkl`
    #[arg(required = true, value_name = "INPUT")]
    inputs: Vec<PathBuf>,
    /// File to write; a folder for several files that do not become one table
    #[arg(short, long, value_name = "OUTPUT")]
    out: PathBuf,
    /// What to write (default: by the input's kind and OUTPUT's name)
    #[arg(long, value_name = "FORM")]
    to: Option<Target>,
    /// Population: the name for nodes of pickles, which have none (`default`); else the one to take of several
    #[arg(long, value_name = "NAME")]
    population: Option<String>,
    /// Width of coordinates and coefficients in tables and columns
    #[arg(long, value_name = "WIDTH", default_value = "f64")]
    precision: Width,
    /// One column a contact instead of one row for each segment and contact
    #[arg(long)]
    wide: bool,
    /// In files of BlueRecording 0.2.1, which column is whose
    #[arg(long, value_name = "RULE", default_value = "sorted-names")]
    columns: Columns,
    /// Make a table of the other files where some fail
    #[arg(long)]
    skip_failed: bool,
    /// Files at once (default: as `--threads`)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    /// Replace outputs that exist
    #[arg(long)]
    force: bool,
}

/// [`Precision`] as an option.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Width {
    /// 64-bit floats
    F64,
    /// 32-bit floats
    F32,
}

/// [`Labels`] as an option.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Columns {
    /// Column i is that of the i-th name in sorted order, as 0.2.1 computes
    SortedNames,
    /// As the file's own index says
    Index,
}

/// What does not go together.
#[derive(Debug, thiserror::Error)]
enum ConvertProblem {
    #[error("not all files were converted, expected {all}, found {done}")]
    Failed { all: usize, done: usize },
    #[error("no table of some of its files, expected all {all} to be read, found {done}")]
    Partial { all: usize, done: usize },
    #[error("inputs of several kinds, expected one kind for one table, found {0}")]
    Mixed(String),
    #[error(
        "several populations, expected no `--population` for an electrodes file that is written anew as a whole, found `{0}`"
    )]
    Whole(String),
    #[error("no such population, expected `{expected}`, found `{found}`")]
    OtherPopulation { expected: String, found: String },
    #[error("is no folder's name, expected a folder for {0} outputs")]
    NamedAsFile(usize),
    #[error("two inputs with one output, expected a name each, found `{0}` twice")]
    OneName(String),
    #[error("an electrodes file has float64, expected `--precision f64`, found `f32`")]
    Single,
    #[error("the worker threads cannot be started: {0}")]
    Pool(#[from] rayon::ThreadPoolBuildError),
    #[error("is a file, expected a folder for {0} outputs")]
    NoFolder(usize),
}

impl Problem for ConvertProblem {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Partial { .. } => {
                Some("`--skip-failed` makes a table of the others; rows then count those alone".into())
            }
            Self::Single => Some("simulators read nothing else; columns can have float32".into()),
            Self::Mixed(_) => Some("convert each kind with a command of its own".into()),
            Self::Whole(_) => Some("one population alone becomes columns: name the output `.parquet`".into()),
            Self::NamedAsFile(_) => Some("name a folder, and the form with `--to`".into()),
            _ => None,
        }
    }
}

/// What all conversions of a run share.
struct Work<'a> {
    args: &'a Args,
    common: &'a Common,
}

/// Runs the tool.
pub fn run(args: &Args, common: &Common) -> Result<Outcome> {
    let work = Work { args, common };
    match args.jobs {
        None => work.run(),
        Some(jobs) => {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(jobs.into()).build();
            pool.map_err(ConvertProblem::Pool)?.install(|| work.run())
        }
    }
}

impl Work<'_> {
    fn run(&self) -> Result<Outcome> {
        let inputs::Inputs { files: inputs, left_out } = inputs::expanded(&self.args.inputs)?;
        if !left_out.is_empty() {
            let names = listed(left_out.iter().map(|path| path.display().to_string()), 5);
            self.common.say(format_args!("note: left out of folders, since their names tell no kind: {names}"));
        }
        let kinds: Vec<Result<Kind>> = inputs.par_iter().map(|path| Kind::of(path)).collect();
        let known = kinds.iter().flatten().copied().collect::<HashSet<Kind>>();
        if known.contains(&Kind::Boundaries) && self.goes_to_table() {
            if known.len() > 1 {
                return Err(ConvertProblem::Mixed(of_each_kind(&inputs, &kinds)).into());
            }
            check_apart(&self.args.out, inputs.iter().map(PathBuf::as_path))?;
            table::gather(self, &inputs, kinds)?;
            return Ok(Outcome::Done);
        }
        let mut files: Vec<(PathBuf, Result<Kind>)> = inputs.into_iter().zip(kinds).collect();
        match (files.len(), self.args.out.is_dir()) {
            (1, false) => {
                let Some((path, kind)) = files.pop() else { return Ok(Outcome::Done) };
                let summary = self.convert(&path, kind?, &self.args.out)?;
                self.common.say(summary);
            }
            _ => self.each(files)?,
        }
        Ok(Outcome::Done)
    }

    fn goes_to_table(&self) -> bool {
        let table = matches!(Format::of_name(&self.args.out), None | Some(Format::Parquet));
        self.args.to == Some(Target::Table) || (self.args.to.is_none() && table)
    }

    /// Converts files one by one into a folder; one that fails does not stop the others.
    fn each(&self, files: Vec<(PathBuf, Result<Kind>)>) -> Result<()> {
        let all = files.len();
        if self.args.out.is_file() {
            return Err(ConvertProblem::NoFolder(all)).in_file(&self.args.out);
        }
        if !self.args.out.is_dir() && Format::of_name(&self.args.out).is_some() {
            return Err(ConvertProblem::NamedAsFile(all)).in_file(&self.args.out);
        }
        std::fs::create_dir_all(&self.args.out)
            .map_err(leadfield::error::FileProblem::Write)
            .in_file(&self.args.out)?;
        let mut taken = HashSet::new();
        let mut planned = Vec::new();
        for (path, kind) in files {
            let plan = kind.and_then(|kind| {
                let name = self.args.to.unwrap_or(kind.target()).file_name(&path);
                if taken.insert(name.clone()) {
                    return Ok((kind, self.args.out.join(name)));
                }
                Err(ConvertProblem::OneName(name.to_string_lossy().into())).in_file(&path)
            });
            planned.push((path, plan));
        }
        let progress = Progress::new(self.common, "files", all as u64);
        let results: Vec<Result<String>> = planned
            .into_par_iter()
            .map(|(path, plan)| {
                let result = plan.and_then(|(kind, out)| self.convert(&path, kind, &out)).in_file(&path);
                progress.add(1);
                result
            })
            .collect();
        progress.finish();
        let done = self.tell(results);
        if done < all { Err(ConvertProblem::Failed { all, done }.into()) } else { Ok(()) }
    }

    /// Tells a summary or an error for each file, and gives the number of those that went well.
    fn tell<T: std::fmt::Display>(&self, results: Vec<Result<T>>) -> usize {
        let mut done = 0;
        for result in results {
            match result {
                Ok(summary) => {
                    done += 1;
                    self.common.say(summary);
                }
                Err(error) => tell(&error),
            }
        }
        done
    }

    fn existing(&self) -> Existing {
        existing(self.args.force)
    }

    fn precision(&self) -> Precision {
        match self.args.precision {
            Width::F64 => Precision::F64,
            Width::F32 => Precision::F32,
        }
    }

    fn shape(&self) -> Shape {
        if self.args.wide { Shape::Wide } else { Shape::Long }
    }

    /// Converts one file, and gives its summary.
    fn convert(&self, path: &Path, kind: Kind, out: &Path) -> Result<String> {
        let (target, format) = Target::of(self.args.to, kind, out)?;
        check_apart(out, [path])?;
        let told = match (kind, target) {
            (Kind::Boundaries, Target::Boundaries) => {
                let neurons = bluerecording::read(path)?;
                self.write_boundaries(&neurons, out, format)?
            }
            (Kind::Table, Target::Boundaries) => {
                let table = self.open_table(path)?;
                let neurons = boundaries_of(&table, &|_| {})?;
                self.write_boundaries(&neurons, out, format)?
            }
            (Kind::Table, _) => columns::of_table(self, path, out, format)?,
            (Kind::Electrodes, _) => electrodes::convert(self, path, out, target)?,
            (Kind::Weights, Target::Weights) => self.mend(path, out)?,
            (Kind::Weights, _) => columns::of_weights(self, path, out, format)?,
            (Kind::Coefficients, _) => columns::to_weights(self, path, out)?,
            (Kind::Report, _) => columns::of_report(self, path, out, format)?,
            (Kind::Boundaries, _) => return Err(target::unsuited(kind, target)).in_file(path),
        };
        Ok(format!("{} -> {}: {told}", path.display(), out.display()))
    }

    fn write_boundaries(&self, neurons: &[bluerecording::Neuron], out: &Path, format: Format) -> Result<String> {
        let mut staged = Staged::new(out, self.existing())?;
        let write = if format == Format::Hdf5 { write_hdf5 } else { write_parquet };
        write(staged.partial(), neurons).map_err(|e| e.in_file(out))?;
        staged.note_length()?;
        staged.commit()?;
        let boundaries: usize = neurons.iter().map(bluerecording::Neuron::boundaries).sum();
        let boundary = if boundaries == 1 { "boundary" } else { "boundaries" };
        Ok(format!("{}, {boundaries} {boundary}", count(neurons.len() as u64, "neuron")))
    }

    /// Refuses another population than the one that is there.
    fn check_population(&self, path: &Path, expected: &str) -> Result<()> {
        match &self.args.population {
            Some(found) if found != expected => {
                let (expected, found) = (expected.to_string(), found.clone());
                Err(ConvertProblem::OtherPopulation { expected, found }).in_file(path)
            }
            _ => Ok(()),
        }
    }

    fn mend(&self, path: &Path, out: &Path) -> Result<String> {
        if self.args.precision == Width::F32 {
            return Err(ConvertProblem::Single).in_file(path);
        }
        let request = electrodes_file::Request {
            file: path,
            expected: &[],
            segments: None,
            conductivity: None,
            columns: Some(self.columns()),
            progress: &|_| (),
        };
        let diagnosis = examine(&request)?;
        match diagnosis.populations.as_slice() {
            [only] => self.check_population(path, &only.name)?,
            _ => self.args.population.clone().map_or(Ok(()), |name| Err(ConvertProblem::Whole(name))).in_file(path)?,
        }
        let mended = electrodes_file::mend(&diagnosis, out, self.existing(), &|_| ())?;
        let told = format!(
            "{}, {}, {}",
            count(mended.contacts, "contact"),
            count(mended.nodes, "node"),
            count(mended.rows, "row")
        );
        let times = |n: u64| if n > 1 { format!(" ({n} times)") } else { String::new() };
        let codes = mended.codes.iter().map(|(code, &n)| format!("mended {code}: {}{}", code.entry().title, times(n)));
        let left_out = mended.left_out.iter().map(|object| format!("left out, since no client reads it: `{object}`"));
        Ok(codes.chain(left_out).fold(told, |told, note| format!("{told}\n  {note}")))
    }

    fn columns(&self) -> ColumnRule {
        match self.args.columns {
            Columns::SortedNames => ColumnRule::SortedNames,
            Columns::Index => ColumnRule::Index,
        }
    }
}

/// Each kind with the first file that is of it.
fn of_each_kind(files: &[PathBuf], kinds: &[Result<Kind>]) -> String {
    let mut first: Vec<(Kind, &Path)> = Vec::new();
    for (path, kind) in files.iter().zip(kinds.iter()) {
        if let Ok(kind) = kind
            && !first.iter().any(|(known, _)| known == kind)
        {
            first.push((*kind, path));
        }
    }
    let mut told: Vec<String> =
        first.iter().map(|(kind, path)| format!("{} (`{}`)", kind.name(), path.display())).collect();
    told.sort_unstable();
    told.join(" and ")
}
