//! `leadfield query`: finds segments in regions, near contacts or nearest to a point, with further data about them.

mod contacts;
mod field;
#[cfg(feature = "frame")]
mod frames;
#[cfg(not(feature = "frame"))]
#[path = "query/without_frames.rs"]
mod frames;
mod names;
mod options;
mod region;
mod search_area;

use leadfield::circuit::{NodeCondition, TableCircuit, TableCircuitProblem};
use leadfield::error::{Context, Problem, join_quoted};
use leadfield::io::atomic_output::check_not_an_input;
use leadfield::lead_field::LeadField;
use leadfield::segments::SectionType;
use leadfield::segments::query::{QueryNotice, TableQuery};
use leadfield::segments::table::{SegmentFilter, SegmentTable};
use leadfield::weights::WeightLookup;
use leadfield::{Error, Result};
use serde_json::json;

pub use self::options::Args;
use self::options::FilterArgs;
use self::search_area::SearchArea;
use crate::cli::output::{OutputFormat, OutputSink};
use crate::cli::{Common, Outcome, console, overwrite_policy, warn_assumptions};

/// Invalid combinations of options.
#[derive(Debug, thiserror::Error)]
enum QueryProblem {
    #[error("not defined for `--nearest`, which uses the distance to the segment")]
    PredicateOfNearest,
    #[error("out of range, expected 1 or more, found `0`")]
    NoneNearest,
    #[error("unknown section type, expected one of {known}, found `{found}`")]
    UnknownSectionType { known: String, found: String },
    #[error("no contacts, expected `--electrodes FILE`")]
    UnitsWithoutContacts,
    #[error("`--index` is the output too, expected two names, found `{0}` twice")]
    IndexIsOutput(String),
    #[error("no column to group by, expected at least one name")]
    NoGroups,
    #[error("no contacts to choose from, expected `--electrodes FILE`, `--weights FILE` or both")]
    ElectrodeAlone,
    #[error("several contacts, expected one for `--weights`, found {0}")]
    SeveralElectrodes(String),
}

impl Problem for QueryProblem {
    fn hint(&self) -> Option<String> {
        match self {
            Self::PredicateOfNearest => Some("leave out `--predicate`".into()),
            _ => None,
        }
    }
}

/// Runs the tool.
pub fn run(args: &Args, common: &Common) -> Result<Outcome> {
    if let Some(out) = args.output_file() {
        check_not_an_input(out, [args.segments.as_path()].into_iter().chain(args.weights.as_deref()))?;
    }
    check_electrode(args).in_item("--electrode")?;
    let place = SearchArea::from_args(&args.target, &args.filter.electrode, common)?;
    let kinds = parse_section_types(&args.filter.section_type)?;
    let mut table = SegmentTable::open_without_neurons(&args.segments)?;
    if let Some(name) = &args.filter.population {
        table.set_population(name);
    }
    warn_assumptions(&table, common);
    let circuit =
        args.needs_circuit(&table).then(|| TableCircuit::open(args.filter.circuit.as_deref(), &table)).transpose()?;
    let filter = SegmentFilter { section_types: kinds, node_ids: select_nodes(&args.filter, circuit.as_ref())? };
    if filter.node_ids.as_ref().is_some_and(Vec::is_empty) {
        common.warn(format_args!("no neuron passes {}", args.filter.describe_neuron_filters()));
    }
    for warning in place.contacts.iter().flat_map(|c| &c.warnings) {
        common.warn_with_hint(&Error::from(warning.clone()));
    }
    let notify = |notice: &QueryNotice<'_>| match notice {
        QueryNotice::IndexBuilt { .. } => common.print_note(notice),
        _ => common.warn(notice),
    };
    let mut query = place.add_to(TableQuery::new(&table)).filter(filter).notify(&notify);
    if let Some(path) = &args.target.index {
        if args.output_file() == Some(path.as_path()) {
            return Err(QueryProblem::IndexIsOutput(path.display().to_string()).into());
        }
        query = query.index(path);
    }
    if let Some(rows) = args.limit {
        query = query.limit(rows);
    }
    match run_query(args, query, circuit.as_ref(), common) {
        // a closed pipe is not an error: the reader has seen enough
        Err(error) if console::is_broken_pipe(&error) => Ok(Outcome::Done),
        Err(error) => Err(names::with_column_option(error, args, circuit.is_some())),
        Ok(()) => Ok(Outcome::Done),
    }
}

/// Checks that there are contacts to choose from, and one for the weights.
fn check_electrode(args: &Args) -> Result<(), QueryProblem> {
    match args.filter.electrode.as_slice() {
        [] => Ok(()),
        _ if args.weights.is_none() && args.target.electrodes.is_none() => Err(QueryProblem::ElectrodeAlone),
        several @ [_, _, ..] if args.weights.is_some() => {
            Err(QueryProblem::SeveralElectrodes(join_quoted(several, MAX_LISTED_NAMES)))
        }
        _ => Ok(()),
    }
}

/// Number of names that a message lists.
const MAX_LISTED_NAMES: usize = 12;

/// Runs the query and writes its result.
fn run_query(args: &Args, query: TableQuery<'_>, circuit: Option<&TableCircuit>, common: &Common) -> Result<()> {
    if args.count {
        return console::print(format_args!("{}\n", query.count()?));
    }
    if let Some(name) = &args.node_set_json {
        return console::print(format_args!("{:#}\n", node_set_json(&query, name)?));
    }
    if args.by.iter().any(String::is_empty) {
        return Err(QueryProblem::NoGroups).in_item("--by");
    }
    let format = || OutputFormat::resolve(args.format, args.output_file());
    let open = |format, schema| OutputSink::open(args.output_file(), format, overwrite_policy(args.force), schema);
    if args.is_grouped() {
        let format = format()?;
        let lookups = Lookups::open(args, &frames::named_columns(args)?, &query, common)?;
        let groups = frames::collect_groups(args, &lookups.add_to(query, circuit))?;
        let mut output = open(format, groups.schema())?;
        output.write(&groups)?;
        return output.finish();
    }
    let mut columns = frames::named_columns(args)?;
    columns.extend(args.columns.iter().cloned());
    if args.columns.is_empty() {
        // the column that a lead field adds by default
        columns.push(names::POTENTIAL.into());
    }
    let lookups = Lookups::open(args, &columns, &query, common)?;
    let query = lookups.add_to(query, circuit).columns(&args.columns);
    let rows = frames::sort_rows(args, query.rows()?)?;
    let mut output = open(format()?, rows.schema())?;
    rows.for_each_batch(&mut |rows| output.write(rows))?;
    output.finish()
}

/// Other files in which columns are looked up.
struct Lookups {
    weights: Option<WeightLookup>,
    field: Option<LeadField>,
}

impl Lookups {
    /// Opens the files; of a lead field only what the columns need.
    fn open(args: &Args, columns: &[String], query: &TableQuery<'_>, common: &Common) -> Result<Self> {
        let weights = args.weights.as_deref().zip(args.filter.electrode.first());
        let weights = weights.map(|(path, name)| WeightLookup::open(path, name, query.table())).transpose()?;
        let open = |path| field::open(path, columns, args.field_transform.as_deref(), query.table());
        let field = args.field.as_deref().map(open).transpose()?;
        field.iter().flat_map(LeadField::warnings).for_each(|warning| common.warn_with_hint(warning));
        Ok(Self { weights, field })
    }

    /// Adds their columns, and those of the circuit.
    fn add_to<'a>(&'a self, mut query: TableQuery<'a>, circuit: Option<&'a TableCircuit>) -> TableQuery<'a> {
        if let Some(weights) = &self.weights {
            query = query.source(weights);
        }
        if let Some(field) = &self.field {
            query = query.source(field);
        }
        if let Some(circuit) = circuit {
            query = query.source(circuit);
        }
        query
    }
}

/// Returns the neurons found in the format of SONATA node sets.
fn node_set_json(query: &TableQuery<'_>, name: &str) -> Result<serde_json::Value> {
    let nodes = query.node_ids()?;
    let population = &query.table().metadata().population;
    let mut set = json!({ "node_id": nodes });
    if !population.is_empty() {
        set = json!({ "population": population, "node_id": nodes });
    }
    Ok(json!({ name: set }))
}

fn parse_section_types(names: &[String]) -> Result<Option<Vec<SectionType>>> {
    let kind = |name: &String| -> Result<SectionType> {
        let found = SectionType::ALL.into_iter().find(|k| k.name() == name);
        let known = || join_quoted(SectionType::ALL.map(SectionType::name), 7);
        let unknown = || Error::from(QueryProblem::UnknownSectionType { known: known(), found: name.clone() });
        found.ok_or_else(|| unknown().in_item("--section-type"))
    };
    if names.is_empty() { Ok(None) } else { names.iter().map(kind).collect::<Result<_>>().map(Some) }
}

/// Returns the nodes that fit the node set and the conditions; `None` for all nodes.
fn select_nodes(args: &FilterArgs, circuit: Option<&TableCircuit>) -> Result<Option<Vec<u64>>> {
    let Some(circuit) = circuit else { return Ok(None) };
    let parse = |text: &String| text.parse::<NodeCondition>().in_item("--where");
    let conditions = args.conditions.iter().map(parse).collect::<Result<Vec<_>>>()?;
    let in_option = |error: Error| match error.problem::<TableCircuitProblem>() {
        Some(_) => error.in_item("--where"),
        None => error,
    };
    circuit.select_nodes(args.node_set.as_deref(), &conditions).map_err(in_option)
}
