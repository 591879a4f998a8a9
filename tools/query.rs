//! `leadfield query`: finds segments in regions, near contacts or nearest to a point, with further data about them.

mod circuit;
mod columns;
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
mod search;
mod search_area;

use std::collections::BTreeSet;
use std::path::PathBuf;

use arrow_array::RecordBatch;
use leadfield::error::{Context, Problem, join_quoted};
use leadfield::geometry::region::Region;
use leadfield::io::atomic_output::check_not_an_input;
use leadfield::segments::SectionType;
use leadfield::segments::table::schema::NODE_ID;
use leadfield::segments::table::{Hits, SegmentFilter, SegmentTable};
use leadfield::weights::WeightLookup;
use leadfield::{Error, Result};
use serde_json::json;

use self::circuit::{QueryCircuit, intersect_sorted};
use self::columns::{ColumnSources, Lookups, QueryColumns};
use self::field::{POTENTIAL, QueryField};
use self::names::{COLUMNS, RequestedColumn, SORT};
pub use self::options::Args;
use self::options::FilterArgs;
use self::search::Search;
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
    #[error("no column to group by, expected at least one name")]
    NoGroups,
    #[error("no more rows are wanted")]
    LimitReached,
}

impl Problem for QueryProblem {
    fn hint(&self) -> Option<String> {
        match self {
            Self::PredicateOfNearest => Some("leave out `--predicate`".into()),
            Self::NoneNearest | Self::UnknownSectionType { .. } | Self::NoGroups | Self::LimitReached => None,
        }
    }
}

/// Runs the tool.
pub fn run(args: &Args, common: &Common) -> Result<Outcome> {
    for out in args.out.iter().map(PathBuf::as_path) {
        check_not_an_input(out, [args.segments.as_path()].into_iter().chain(args.weights.as_deref()))?;
    }
    let place = SearchArea::from_args(&args.target)?;
    let kinds = parse_section_types(&args.filter.section_type)?;
    let mut table = SegmentTable::open_without_neurons(&args.segments)?;
    if let Some(name) = &args.population {
        table.set_population(name);
    }
    warn_assumptions(&table, common);
    let circuit =
        args.needs_circuit(&table).then(|| QueryCircuit::open(args.filter.circuit.as_deref(), &table)).transpose()?;
    let filter = SegmentFilter { section_types: kinds, node_ids: select_nodes(&args.filter, circuit.as_ref())? };
    if filter.node_ids.as_ref().is_some_and(Vec::is_empty) {
        common.warn("no neuron passes `--node-set` and `--where`");
    }
    for warning in place.contacts.iter().flat_map(|c| &c.warnings) {
        common.warn_with_hint(&Error::from(warning.clone()));
    }
    let regions: Vec<&dyn Region> = place.regions.iter().map(AsRef::as_ref).collect();
    let search = Search {
        table: &table,
        target: place.target(&regions),
        filter: &filter,
        index: args.target.index.as_deref(),
        common,
    };
    let sources = ColumnSources {
        regions: &regions,
        contacts: place.contacts.as_ref().map(|c| c.names.as_slice()),
        nearest: place.nearest.is_some(),
        circuit: circuit.as_ref(),
    };
    match run_query(args, &search, sources) {
        // a closed pipe is not an error: the reader has seen enough
        Err(error) if console::is_broken_pipe(&error) => Ok(Outcome::Done),
        answered => answered.map(|()| Outcome::Done),
    }
}

/// Runs the query and writes its result.
fn run_query(args: &Args, search: &Search<'_>, sources: ColumnSources<'_>) -> Result<()> {
    if args.count {
        console::print(format_args!("{}\n", search.run(&[], &mut |_, _| Ok(()))?))?;
    } else if let Some(name) = &args.node_set_json {
        console::print(format_args!("{:#}\n", node_set_json(search, name)?))?;
    } else if args.by.is_empty() && args.agg.is_empty() {
        output_rows(args, search, sources)?;
    } else {
        output_groups(args, search, sources)?;
    }
    Ok(())
}

/// Writes every row as it is found, or sorted if requested.
fn output_rows(args: &Args, search: &Search<'_>, sources: ColumnSources<'_>) -> Result<()> {
    let sort_columns = frames::sort_columns(args)?;
    let sort_columns: Vec<RequestedColumn> = sort_columns.iter().map(|name| RequestedColumn::new(SORT, name)).collect();
    let named: Vec<RequestedColumn> = args.columns.iter().map(|name| RequestedColumn::new(COLUMNS, name)).collect();
    // with a lead field, the default columns need only the potential
    let read = if named.is_empty() { &[RequestedColumn::new(COLUMNS, POTENTIAL)] } else { named.as_slice() };
    let lookups = open_lookups(args, &[read, &sort_columns].concat(), search)?;
    let named = if named.is_empty() { QueryColumns::default_columns(search.table, &sources, &lookups)? } else { named };
    let columns = QueryColumns::resolve(&[named, sort_columns.clone()].concat(), search.table, sources, lookups)?;
    let format = OutputFormat::resolve(args.format, args.out.as_deref())?;
    let mut output =
        OutputSink::open(args.out.as_deref(), format, overwrite_policy(args.force), columns.visible_schema())?;
    if sort_columns.is_empty() {
        write_rows(args.limit, search, &columns, &mut |rows| output.write(rows))?;
    } else {
        frames::write_sorted(args, search, &columns, &mut |rows| output.write(rows))?;
    }
    output.finish()
}

/// Writes the rows as they are found, at most `limit` of them.
fn write_rows(
    limit: Option<usize>,
    search: &Search<'_>,
    columns: &QueryColumns<'_>,
    write: &mut dyn FnMut(&RecordBatch) -> Result<()>,
) -> Result<()> {
    let mut left = limit.unwrap_or(usize::MAX);
    let mut is_enough = false;
    let searched = search.run(&columns.stored_names(), &mut |hits, distances| {
        is_enough = left == 0;
        if is_enough {
            return Err(QueryProblem::LimitReached.into());
        }
        let rows = columns.build_batch(&hits, distances)?;
        let rows = rows.slice(0, left.min(rows.num_rows()));
        left -= rows.num_rows();
        write(&rows)
    });
    match searched {
        // rows after the last requested one need not be read
        Err(_) if is_enough => Ok(()),
        searched => searched.map(drop),
    }
}

/// Writes one row per group.
fn output_groups(args: &Args, search: &Search<'_>, sources: ColumnSources<'_>) -> Result<()> {
    if args.by.iter().any(String::is_empty) {
        return Err(QueryProblem::NoGroups).in_item("--by");
    }
    let format = OutputFormat::resolve(args.format, args.out.as_deref())?;
    let groups = frames::groups(args, search, sources)?;
    let mut output = OutputSink::open(args.out.as_deref(), format, overwrite_policy(args.force), groups.schema())?;
    output.write(&groups)?;
    output.finish()
}

/// Opens the other files in which columns are looked up.
fn open_lookups(args: &Args, asked: &[RequestedColumn], search: &Search<'_>) -> Result<Lookups> {
    let weights = args.weights.as_deref().zip(args.electrode.as_deref());
    let weights = weights.map(|(path, name)| WeightLookup::open(path, name, search.table)).transpose()?;
    let names: Vec<&str> = asked.iter().map(|column| column.name.as_str()).collect();
    let open = |path| QueryField::open(path, &names, args.field_transform.as_deref(), search.table);
    let field = args.field.as_deref().map(open).transpose()?;
    field.iter().flat_map(QueryField::warnings).for_each(|warning| search.common.warn_with_hint(warning));
    Ok(Lookups { weights, field })
}

/// Returns the neurons found in the format of SONATA node sets.
fn node_set_json(search: &Search<'_>, name: &str) -> Result<serde_json::Value> {
    let mut nodes: BTreeSet<u64> = BTreeSet::new();
    search.run(&[NODE_ID], &mut |hits: Hits, _: &[f64]| {
        nodes.extend(columns::node_ids(&hits)?);
        Ok(())
    })?;
    let population = &search.table.metadata().population;
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
fn select_nodes(args: &FilterArgs, circuit: Option<&QueryCircuit>) -> Result<Option<Vec<u64>>> {
    let Some(circuit) = circuit else { return Ok(None) };
    let set = args.node_set.iter().map(|name| circuit.node_set(name));
    let conditions = args.conditions.iter().map(|condition| circuit.nodes_where(condition));
    let mut chosen: Option<Vec<u64>> = None;
    for nodes in set.chain(conditions) {
        let nodes = nodes?;
        chosen = Some(chosen.map_or_else(|| nodes.clone(), |chosen| intersect_sorted(&chosen, &nodes)));
    }
    Ok(chosen)
}
