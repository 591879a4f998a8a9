//! `leadfield convert`: imports old data, and converts every format to the others that can represent it.

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
use leadfield::convert::positions_from_table;
use leadfield::convert::weight_table::WeightTableLayout;
use leadfield::error::{Context, FileProblem, Problem, format_count, join_quoted};
use leadfield::io::atomic_output::{AtomicOutput, OverwritePolicy, check_not_an_input};
use leadfield::segments::table::Precision;
use leadfield::sonata::electrodes_file::{ColumnRule, check_finished};
use leadfield::validate::electrodes_file::{self, ValidationRequest, validate};
use rayon::prelude::*;

use self::kind::InputKind;
use self::target::{ConvertTarget, TargetFormat};
use crate::cli::contact_file::ContactFileArgs;
use crate::cli::help::{OUTPUT, RESULT, RUN, examples};
use crate::cli::progress::Progress;
use crate::cli::{Common, Outcome, overwrite_policy, print_error};

/// Import old data, or convert a file to another format
///
/// The type of a file is detected by its content, then by its name. Pickles of positions (BlueRecording, any version)
/// become one segment table; a segment table becomes Arrow, CSV or the boundary layout of those pickles; electrodes are
/// converted between CSV, JSON and probeinterface; electrodes files of any version become one that every client
/// accepts, or columns, and back; compartment reports become columns. Nothing in a pickle is executed.
#[derive(clap::Args)]
#[command(after_help = examples!(
    "leadfield convert old/positions -o segments.parquet    # BlueRecording's pickles",
    "leadfield convert old/coeffs.h5 -o weights.h5          # its electrodes files",
    "leadfield convert weights.h5 -o weights.parquet --wide",
))]
pub struct Args {
    /// Files, folders (with all files below them) and patterns such as `positions*.pkl`
    #[arg(required = true, value_name = "INPUT")]
    inputs: Vec<PathBuf>,
    #[command(flatten)]
    contact_file: ContactFileArgs,
    /// What to write (default: by the input's type and OUTPUT's name)
    #[arg(long, help_heading = RESULT, value_name = "FORM")]
    to: Option<ConvertTarget>,
    /// Population: the name for nodes of pickles, which have none (`default`); otherwise the one to convert if there
    /// are several
    #[arg(long, help_heading = RESULT, value_name = "NAME")]
    population: Option<String>,
    /// Width of coordinates and weights in tables and columns
    #[arg(long, help_heading = RESULT, value_name = "WIDTH", default_value = "f64")]
    precision: PrecisionArg,
    /// One column per contact instead of one row for each segment and contact
    #[arg(long, help_heading = RESULT)]
    wide: bool,
    /// How columns belong to contacts in files of BlueRecording 0.2.1
    #[arg(long, help_heading = RESULT, value_name = "RULE", default_value = "sorted-names")]
    columns: ColumnRuleArg,
    /// Write a table of the other files if some fail
    #[arg(long, help_heading = RESULT)]
    skip_failed: bool,
    /// File to write; a folder for several files that do not become one table
    #[arg(short, long = "output", alias = "out", value_name = "OUTPUT", help_heading = OUTPUT)]
    out: PathBuf,
    /// Replace outputs that exist
    #[arg(short, long, help_heading = OUTPUT)]
    force: bool,
    /// Number of files to convert at once (default: as `--threads`)
    #[arg(long, help_heading = RUN, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
}

/// [`Precision`] as an option.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum PrecisionArg {
    /// 64-bit floats
    F64,
    /// 32-bit floats
    F32,
}

/// [`ColumnRule`] as an option.
#[derive(Clone, Copy, clap::ValueEnum)]
enum ColumnRuleArg {
    /// Column i belongs to the i-th name in sorted order, as 0.2.1 computes it
    SortedNames,
    /// By the index in the file
    Index,
}

/// Invalid combinations of inputs and options.
#[derive(Debug, thiserror::Error)]
enum ConvertProblem {
    #[error("not all files were converted, expected {all}, found {done}")]
    Failed { all: usize, done: usize },
    #[error("incomplete table, expected all {all} files to be read, found {done}")]
    Partial { all: usize, done: usize },
    #[error("inputs of several types, expected one type for one table, found {0}")]
    Mixed(String),
    #[error(
        "several populations, expected no `--population` when an electrodes file is rewritten as a whole, found `{0}`"
    )]
    PopulationOfWhole(String),
    #[error("no such population, expected `{expected}`, found `{found}`")]
    OtherPopulation { expected: String, found: String },
    #[error("not a folder name, expected a folder for {0} outputs")]
    NamedAsFile(usize),
    #[error("two inputs with the same output, expected different names, found `{0}` twice")]
    DuplicateOutput(String),
    #[error("electrodes files are float64, expected `--precision f64`, found `f32`")]
    Float32Weights,
    #[error("`--units` is for contacts, expected a file of contacts, found {0}")]
    UnitsOfOther(&'static str),
    #[error("the worker threads cannot be started: {0}")]
    Pool(#[from] rayon::ThreadPoolBuildError),
    #[error("is a file, expected a folder for {0} outputs")]
    NoFolder(usize),
}

impl Problem for ConvertProblem {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Partial { .. } => {
                Some("use `--skip-failed` to write a table of the others; row numbers then count only those".into())
            }
            Self::Float32Weights => Some("simulators read only float64; tables of weights can be float32".into()),
            Self::Mixed(_) => Some("convert each type with a separate command".into()),
            Self::PopulationOfWhole(_) => {
                Some("to convert one population to columns, name the output `.parquet`".into())
            }
            Self::NamedAsFile(_) => Some("name a folder, and give the format with `--to`".into()),
            _ => None,
        }
    }
}

/// The settings that all conversions of a run share.
struct Conversion<'a> {
    args: &'a Args,
    common: &'a Common,
}

/// Runs the tool.
pub fn run(args: &Args, common: &Common) -> Result<Outcome> {
    let work = Conversion { args, common };
    match args.jobs {
        None => work.run(),
        Some(jobs) => {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(jobs.into()).build();
            pool.map_err(ConvertProblem::Pool)?.install(|| work.run())
        }
    }
}

impl Conversion<'_> {
    fn run(&self) -> Result<Outcome> {
        let inputs::Inputs { files: inputs, left_out } = inputs::expand_inputs(&self.args.inputs)?;
        if !left_out.is_empty() {
            let names = join_quoted(left_out.iter().map(|path| path.display().to_string()), 5);
            self.common.print_note(format_args!(
                "note: files in folders left out, because their names are not of a \
                                                 known type: {names}"
            ));
        }
        let kinds: Vec<Result<InputKind>> = inputs.par_iter().map(|path| InputKind::detect(path)).collect();
        let known = kinds.iter().flatten().copied().collect::<HashSet<InputKind>>();
        if known.contains(&InputKind::Positions) && self.writes_table() {
            if self.args.contact_file.is_given() {
                return Err(ConvertProblem::UnitsOfOther(InputKind::Positions.name()).into());
            }
            if known.len() > 1 {
                return Err(ConvertProblem::Mixed(describe_kinds(&inputs, &kinds)).into());
            }
            check_not_an_input(&self.args.out, inputs.iter().map(PathBuf::as_path))?;
            table::write_table(self, &inputs, kinds)?;
            return Ok(Outcome::Done);
        }
        let mut files: Vec<(PathBuf, Result<InputKind>)> = inputs.into_iter().zip(kinds).collect();
        match (files.len(), self.args.out.is_dir()) {
            // a name that ends like a file's is not a folder for outputs
            (1, true) if TargetFormat::from_path(&self.args.out).is_some() => {
                return Err(FileProblem::IsFolder).in_file(&self.args.out);
            }
            (1, false) => {
                let Some((path, kind)) = files.pop() else { return Ok(Outcome::Done) };
                let summary = self.convert(&path, kind?, &self.args.out)?;
                self.common.print_note(summary);
            }
            _ => self.convert_each(files)?,
        }
        Ok(Outcome::Done)
    }

    fn writes_table(&self) -> bool {
        let table = matches!(TargetFormat::from_path(&self.args.out), None | Some(TargetFormat::Parquet));
        self.args.to == Some(ConvertTarget::Table) || (self.args.to.is_none() && table)
    }

    /// Converts files one by one into a folder; one that fails does not stop the others.
    fn convert_each(&self, files: Vec<(PathBuf, Result<InputKind>)>) -> Result<()> {
        let all = files.len();
        if self.args.out.is_file() {
            return Err(ConvertProblem::NoFolder(all)).in_file(&self.args.out);
        }
        if !self.args.out.is_dir() && TargetFormat::from_path(&self.args.out).is_some() {
            return Err(ConvertProblem::NamedAsFile(all)).in_file(&self.args.out);
        }
        std::fs::create_dir_all(&self.args.out)
            .map_err(leadfield::error::FileProblem::Write)
            .in_file(&self.args.out)?;
        let mut taken = HashSet::new();
        let mut planned = Vec::new();
        for (path, kind) in files {
            let plan = kind.and_then(|kind| {
                let name = self.args.to.unwrap_or(kind.default_target()).file_name(&path);
                if taken.insert(name.clone()) {
                    return Ok((kind, self.args.out.join(name)));
                }
                Err(ConvertProblem::DuplicateOutput(name.to_string_lossy().into())).in_file(&path)
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
        let done = self.report_results(results);
        if done < all { Err(ConvertProblem::Failed { all, done }.into()) } else { Ok(()) }
    }

    /// Prints a summary or an error for each file, and returns the number of successes.
    fn report_results<T: std::fmt::Display>(&self, results: Vec<Result<T>>) -> usize {
        let mut done = 0;
        for result in results {
            match result {
                Ok(summary) => {
                    done += 1;
                    self.common.print_note(summary);
                }
                Err(error) => print_error(&error),
            }
        }
        done
    }

    fn overwrite_policy(&self) -> OverwritePolicy {
        overwrite_policy(self.args.force)
    }

    fn precision(&self) -> Precision {
        match self.args.precision {
            PrecisionArg::F64 => Precision::F64,
            PrecisionArg::F32 => Precision::F32,
        }
    }

    fn weights_layout(&self) -> WeightTableLayout {
        if self.args.wide { WeightTableLayout::Wide } else { WeightTableLayout::Long }
    }

    /// Converts one file, and returns a summary.
    fn convert(&self, path: &Path, kind: InputKind, out: &Path) -> Result<String> {
        let (target, format) = ConvertTarget::resolve(self.args.to, kind, out)?;
        check_not_an_input(out, [path])?;
        if self.args.contact_file.is_given() && kind != InputKind::Electrodes {
            return Err(ConvertProblem::UnitsOfOther(kind.name())).in_file(path);
        }
        let summary = match (kind, target) {
            (InputKind::Positions, ConvertTarget::Boundaries) => {
                let neurons = bluerecording::read(path)?;
                self.write_positions(&neurons, out, format)?
            }
            (InputKind::Table, ConvertTarget::Boundaries) => {
                let table = self.open_table(path)?;
                let neurons = positions_from_table(&table, &|_| {})?;
                self.write_positions(&neurons, out, format)?
            }
            (InputKind::Table, _) => columns::table_to_columns(self, path, out, format)?,
            (InputKind::Electrodes, _) => electrodes::convert_electrodes(self, path, out, target)?,
            (InputKind::Weights, ConvertTarget::Weights) => self.write_fixed(path, out)?,
            (InputKind::Weights, _) => columns::weights_to_columns(self, path, out, format)?,
            (InputKind::WeightTable, _) => columns::columns_to_weights(self, path, out)?,
            (InputKind::Report, _) => columns::report_to_columns(self, path, out, format)?,
            (InputKind::Positions, _) => return Err(target::unsuited_problem(kind, target)).in_file(path),
        };
        Ok(format!("{} -> {}: {summary}", path.display(), out.display()))
    }

    fn write_positions(
        &self,
        neurons: &[bluerecording::NeuronPositions],
        out: &Path,
        format: TargetFormat,
    ) -> Result<String> {
        let mut staged = AtomicOutput::create_file(out, self.overwrite_policy())?;
        let write = if format == TargetFormat::Hdf5 { write_hdf5 } else { write_parquet };
        write(staged.partial_path(), neurons).map_err(|e| e.in_file(out))?;
        staged.record_length()?;
        staged.commit()?;
        let boundaries: usize = neurons.iter().map(bluerecording::NeuronPositions::point_count).sum();
        let boundary = if boundaries == 1 { "boundary" } else { "boundaries" };
        Ok(format!("{}, {boundaries} {boundary}", format_count(neurons.len() as u64, "neuron")))
    }

    /// Returns an error if a population other than the existing one was asked for.
    fn check_population(&self, path: &Path, expected: &str) -> Result<()> {
        match &self.args.population {
            Some(found) if found != expected => {
                let (expected, found) = (expected.to_string(), found.clone());
                Err(ConvertProblem::OtherPopulation { expected, found }).in_file(path)
            }
            _ => Ok(()),
        }
    }

    fn write_fixed(&self, path: &Path, out: &Path) -> Result<String> {
        if self.args.precision == PrecisionArg::F32 {
            return Err(ConvertProblem::Float32Weights).in_file(path);
        }
        check_finished(path)?;
        let column_rule = Some(self.column_rule());
        let request = ValidationRequest { column_rule, ..ValidationRequest::new(path, &[]) };
        let diagnosis = validate(&request)?;
        match diagnosis.populations.as_slice() {
            [only] => self.check_population(path, &only.name)?,
            _ => self
                .args
                .population
                .clone()
                .map_or(Ok(()), |name| Err(ConvertProblem::PopulationOfWhole(name)))
                .in_file(path)?,
        }
        let fixed = electrodes_file::write_fixed_file(&diagnosis, out, self.overwrite_policy(), &|_| ())?;
        let summary = format!(
            "{}, {}, {}",
            format_count(fixed.contacts, "contact"),
            format_count(fixed.nodes, "node"),
            format_count(fixed.rows, "row")
        );
        let times = |n: u64| if n > 1 { format!(" ({n} times)") } else { String::new() };
        let codes =
            fixed.codes.iter().map(|(code, &n)| format!("fixed {code}: {}{}", code.description().title, times(n)));
        let left_out = fixed.left_out.iter().map(|object| format!("left out, because no client reads it: `{object}`"));
        Ok(codes.chain(left_out).fold(summary, |summary, note| format!("{summary}\n  {note}")))
    }

    fn column_rule(&self) -> ColumnRule {
        match self.args.columns {
            ColumnRuleArg::SortedNames => ColumnRule::SortedNames,
            ColumnRuleArg::Index => ColumnRule::Index,
        }
    }
}

/// Describes each type of input with its first file.
fn describe_kinds(files: &[PathBuf], kinds: &[Result<InputKind>]) -> String {
    let mut first: Vec<(InputKind, &Path)> = Vec::new();
    for (path, kind) in files.iter().zip(kinds.iter()) {
        if let Ok(kind) = kind
            && !first.iter().any(|(known, _)| known == kind)
        {
            first.push((*kind, path));
        }
    }
    let mut descriptions: Vec<String> =
        first.iter().map(|(kind, path)| format!("{} (`{}`)", kind.name(), path.display())).collect();
    descriptions.sort_unstable();
    descriptions.join(" and ")
}
