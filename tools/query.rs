//! `leadfield query`: segments in regions, near contacts, nearest to a point, and what is known of them.

mod circuit;
mod columns;
mod contacts;
mod field;
#[cfg(feature = "frame")]
mod frames;
#[cfg(not(feature = "frame"))]
#[path = "query/without_frames.rs"]
mod frames;
mod place;
mod region;
mod search;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use leadfield::error::{Context, Problem, listed};
use leadfield::geometry::region::Region;
use leadfield::method::objective_csd::Spacing;
use leadfield::segments::SectionType;
use leadfield::staged::check_apart;
use leadfield::table::schema::NODE_ID;
use leadfield::table::{Filter, Hits, Table};
use leadfield::weights::Lookup;
use leadfield::{Error, Result};
use serde_json::json;

use self::circuit::{Circuit, common};
use self::columns::{Asked, COLUMNS, Columns, Lookups, SORT, Sources};
use self::contacts::RegionOf;
use self::field::{Field, POTENTIAL};
use self::place::Place;
use self::search::Search;
use crate::cli::output::{Format, Output};
use crate::cli::{Common, Outcome, console, existing, warn_assumptions};

/// Find segments: in a region, near the contacts of an electrode, or nearest to a point
///
/// All lengths are in um. Without a region every segment is found. The result goes to standard output: as a table on a
/// terminal, as CSV otherwise.
#[derive(clap::Args)]
pub struct Args {
    /// Segment table: NAME.parquet, or a folder of parts
    segments: PathBuf,
    /// Population of a table that another program rewrote, which loses the name
    #[arg(long, value_name = "NAME")]
    population: Option<String>,
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    filter: FilterArgs,
    /// Columns to give, in this order: those of the table; x, y, z (midpoint), length, inside (the length inside the
    /// region); electrode, distance, weight where they are asked for; attributes of the nodes with --circuit
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    columns: Vec<String>,
    /// Print the number of segments found, alone
    #[arg(long, conflicts_with_all = ["columns", "by", "agg", "sort", "limit", "node_set_json", "out", "format",
          "weights", "field"])]
    count: bool,
    /// Give one row for each group of segments that have the same values in these columns: the number of segments and
    /// their length (all of it, and inside the region), or what --agg names
    #[arg(long, value_name = "NAME,...", value_delimiter = ',', conflicts_with_all = ["columns", "node_set_json"])]
    by: Vec<String>,
    /// Aggregates to give for each group of --by, or for all segments together: count, OPERATION:COLUMN; operations are
    /// count, sum, mean, min, max, median, std, unique. The result's columns are named count, sum_length and so on
    #[arg(long, value_name = "OPERATION:COLUMN,...", value_delimiter = ',', conflicts_with_all = ["columns", "node_set_json"])]
    agg: Vec<String>,
    /// Sort the rows, or the groups, by these columns, the first foremost; COLUMN:desc puts the largest value first
    #[arg(long, value_name = "COLUMN[:desc],...", value_delimiter = ',', conflicts_with = "node_set_json")]
    sort: Vec<String>,
    /// Give the first N rows, or groups, alone
    #[arg(long, value_name = "N", conflicts_with = "node_set_json")]
    limit: Option<usize>,
    /// Print the neurons found as a SONATA node set of this name
    #[arg(long, value_name = "NAME", num_args = 0..=1, require_equals = true, default_missing_value = "query",
          conflicts_with_all = ["columns", "out", "format"])]
    node_set_json: Option<String>,
    /// Lead field whose potential at the midpoint (V) is added as the column potential; ex, ey, ez (V/m) are columns
    /// that can be asked for
    #[arg(long, value_name = "FILE")]
    field: Option<PathBuf>,
    /// Turn the lead field by a quaternion, then shift it, um: w,x,y,z,dx,dy,dz
    #[arg(long, value_name = "NUMBERS", allow_hyphen_values = true, requires = "field")]
    field_transform: Option<String>,
    /// Electrodes file whose coefficients are added as the column weight
    #[arg(long, value_name = "FILE", requires = "electrode")]
    weights: Option<PathBuf>,
    /// Contact of that file
    #[arg(long, value_name = "NAME", requires = "weights")]
    electrode: Option<String>,
    /// File to write; its name ends in .csv, .jsonl, .arrow or .parquet, or --format names the form
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Form of the output
    #[arg(long, value_name = "FORM")]
    format: Option<Format>,
    /// Replace a file that exists
    #[arg(long)]
    force: bool,
}

/// Where segments are looked for.
#[derive(clap::Args)]
#[group(multiple = true)]
struct TargetArgs {
    /// Ball
    #[arg(long, value_name = "X,Y,Z,R", allow_hyphen_values = true, group = "target")]
    sphere: Option<String>,
    /// Cylinder: centre, axis, radius, half the thickness
    #[arg(long, value_name = "X,Y,Z,AX,AY,AZ,R,HALF", allow_hyphen_values = true, group = "target")]
    disk: Option<String>,
    /// Layer without end: a point, the axis across, half the thickness
    #[arg(long, value_name = "X,Y,Z,AX,AY,AZ,HALF", allow_hyphen_values = true, group = "target")]
    slab: Option<String>,
    /// Box along the axes: two corners
    #[arg(long = "box", value_name = "X0,Y0,Z0,X1,Y1,Z1", allow_hyphen_values = true, group = "target")]
    cuboid: Option<String>,
    /// Shank: two ends, radius
    #[arg(long, value_name = "X0,Y0,Z0,X1,Y1,Z1,R", allow_hyphen_values = true, group = "target")]
    capsule: Option<String>,
    /// The K segments nearest to the point --at, by the distance to the segment, not to its midpoint
    #[arg(long, value_name = "K", requires = "at", group = "target")]
    nearest: Option<usize>,
    /// Point for --nearest
    #[arg(long, value_name = "X,Y,Z", allow_hyphen_values = true, requires = "nearest")]
    at: Option<String>,
    /// Contacts: one row for every contact and segment in its region
    #[arg(long, value_name = "FILE", group = "target")]
    electrodes: Option<PathBuf>,
    /// The region of every contact is a ball of this radius
    #[arg(long, value_name = "R", allow_negative_numbers = true, requires = "electrodes")]
    within: Option<f64>,
    /// The region of every contact is that of its own ObjectiveCSD type: the segments whose weight is 1
    #[arg(long, requires = "electrodes", conflicts_with = "within")]
    csd: bool,
    /// Contacts FIRST:END are an array of ObjectiveCSD, as in `leadfield weights`; can be repeated
    #[arg(long, value_name = "FIRST:END", requires = "csd")]
    csd_array: Vec<String>,
    /// Which contacts of an array are neighbours, for the default thickness
    #[arg(long, value_name = "RULE", default_value = "sorted", requires = "csd")]
    csd_spacing: SpacingRule,
    /// When a segment counts as inside [default: midpoint]
    #[arg(long, value_name = "RULE")]
    predicate: Option<Rule>,
    /// Search by a stored index of all segments, made there if there is none: pays from some hundred regions on
    #[arg(long, value_name = "FILE")]
    index: Option<PathBuf>,
}

/// Which of the segments found are kept.
#[derive(clap::Args)]
struct FilterArgs {
    /// Only neurons of this node set
    #[arg(long, value_name = "NAME")]
    node_set: Option<String>,
    /// Only these kinds of section: soma, axon, dend, apic, ais, node, myelin
    #[arg(long, value_name = "KIND,...", value_delimiter = ',')]
    section_type: Vec<String>,
    /// Only neurons with this attribute (repeatable: all must hold), e.g. mtype=L5_TPC:A
    #[arg(long = "where", value_name = "NAME=VALUE,...")]
    conditions: Vec<String>,
    /// Circuit or simulation configuration for node sets and attributes (default: the one that the table names)
    #[arg(long, value_name = "CONFIG")]
    circuit: Option<PathBuf>,
}

/// [`Predicate`] as an option.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Rule {
    /// Its midpoint is inside, as ObjectiveCSD takes it
    Midpoint,
    /// Any point of it is inside
    Intersects,
}

/// [`Spacing`] as an option.
#[derive(Clone, Copy, clap::ValueEnum)]
enum SpacingRule {
    /// Neighbours along the array's axis
    Sorted,
    /// Neighbours in the file, as in BlueRecording
    FileOrder,
}

/// What can be wrong with the options together.
#[derive(Debug, thiserror::Error)]
enum QueryProblem {
    #[error("not defined for `--nearest`, which goes by the distance to the segment")]
    PredicateOfNearest,
    #[error("out of range, expected 1 or more, found `0`")]
    NoneNearest,
    #[error("unknown kind of section, expected one of {known}, found `{found}`")]
    Kind { known: String, found: String },
    #[error("no column to group by, expected at least one name")]
    NoGroups,
    #[error("no more rows are wanted")]
    Enough,
}

impl Problem for QueryProblem {
    fn hint(&self) -> Option<String> {
        match self {
            Self::PredicateOfNearest => Some("leave `--predicate` out".into()),
            Self::NoneNearest | Self::Kind { .. } | Self::NoGroups | Self::Enough => None,
        }
    }
}

/// Runs the tool.
pub fn run(args: &Args, common: &Common) -> Result<Outcome> {
    for out in args.out.iter().map(PathBuf::as_path) {
        check_apart(out, [args.segments.as_path()].into_iter().chain(args.weights.as_deref()))?;
    }
    let place = Place::of(&args.target)?;
    let kinds = kinds(&args.filter.section_type)?;
    let mut table = Table::open_foreign(&args.segments)?;
    if let Some(name) = &args.population {
        table.set_population(name);
    }
    warn_assumptions(&table, common);
    let circuit =
        args.needs_circuit(&table).then(|| Circuit::open(args.filter.circuit.as_deref(), &table)).transpose()?;
    let filter = Filter { section_types: kinds, nodes: nodes(&args.filter, circuit.as_ref())? };
    if filter.nodes.as_ref().is_some_and(Vec::is_empty) {
        common.warn("no neuron passes `--node-set` and `--where`");
    }
    for warning in place.contacts.iter().flat_map(|c| &c.warnings) {
        common.caution(&Error::from(warning.clone()));
    }
    let regions: Vec<&dyn Region> = place.regions.iter().map(AsRef::as_ref).collect();
    let search = Search {
        table: &table,
        target: place.target(&regions),
        filter: &filter,
        index: args.target.index.as_deref(),
        common,
    };
    let sources = Sources {
        regions: &regions,
        contacts: place.contacts.as_ref().map(|c| c.names.as_slice()),
        nearest: place.nearest.is_some(),
        circuit: circuit.as_ref(),
    };
    match answer(args, &search, sources) {
        // who reads the output has seen enough
        Err(error) if console::is_broken_pipe(&error) => Ok(Outcome::Done),
        answered => answered.map(|()| Outcome::Done),
    }
}

/// Gives what is asked for.
fn answer(args: &Args, search: &Search<'_>, sources: Sources<'_>) -> Result<()> {
    if args.count {
        console::print(format_args!("{}\n", search.run(&[], &mut |_, _| Ok(()))?))?;
    } else if let Some(name) = &args.node_set_json {
        console::print(format_args!("{:#}\n", node_set(search, name)?))?;
    } else if args.by.is_empty() && args.agg.is_empty() {
        give_rows(args, search, sources)?;
    } else {
        give_groups(args, search, sources)?;
    }
    Ok(())
}

/// Every row, as it is found; sorted if that is asked for.
fn give_rows(args: &Args, search: &Search<'_>, sources: Sources<'_>) -> Result<()> {
    let sort_columns = frames::sort_columns(args)?;
    let sort_columns: Vec<Asked> = sort_columns.iter().map(|name| Asked::new(SORT, name)).collect();
    let named: Vec<Asked> = args.columns.iter().map(|name| Asked::new(COLUMNS, name)).collect();
    // of a lead field the usual columns have the potential alone
    let read = if named.is_empty() { &[Asked::new(COLUMNS, POTENTIAL)] } else { named.as_slice() };
    let lookups = lookups(args, &[read, &sort_columns].concat(), search)?;
    let named = if named.is_empty() { Columns::usual(search.table, &sources, &lookups)? } else { named };
    let columns = Columns::of(&[named, sort_columns.clone()].concat(), search.table, sources, lookups)?;
    let format = Format::of(args.format, args.out.as_deref())?;
    let mut output = Output::open(args.out.as_deref(), format, existing(args.force), columns.shown())?;
    if sort_columns.is_empty() {
        write_rows(args.limit, search, &columns, &mut |rows| output.write(rows))?;
    } else {
        frames::write_sorted(args, search, &columns, &mut |rows| output.write(rows))?;
    }
    output.finish()
}
/// The rows as they are found, the first so many of them.
fn write_rows(
    limit: Option<usize>,
    search: &Search<'_>,
    columns: &Columns<'_>,
    write: &mut dyn FnMut(&RecordBatch) -> Result<()>,
) -> Result<()> {
    let mut left = limit.unwrap_or(usize::MAX);
    let searched = search.run(&columns.stored(), &mut |hits, distances| {
        if left == 0 {
            return Err(QueryProblem::Enough.into());
        }
        let rows = columns.rows(&hits, distances)?;
        let rows = rows.slice(0, left.min(rows.num_rows()));
        left -= rows.num_rows();
        write(&rows)
    });
    match searched {
        // what is beyond the last row that is given need not be read
        Err(_) if left == 0 => Ok(()),
        searched => searched.map(drop),
    }
}

/// One row a group.
fn give_groups(args: &Args, search: &Search<'_>, sources: Sources<'_>) -> Result<()> {
    if args.by.iter().any(String::is_empty) {
        return Err(QueryProblem::NoGroups).in_object("--by");
    }
    let format = Format::of(args.format, args.out.as_deref())?;
    let groups = frames::groups(args, search, sources)?;
    let mut output = Output::open(args.out.as_deref(), format, existing(args.force), groups.schema())?;
    output.write(&groups)?;
    output.finish()
}

/// Opens the other files that columns are looked up in.
fn lookups(args: &Args, asked: &[Asked], search: &Search<'_>) -> Result<Lookups> {
    let weights = args.weights.as_deref().zip(args.electrode.as_deref());
    let weights = weights.map(|(path, name)| Lookup::open(path, name, search.table)).transpose()?;
    let names: Vec<&str> = asked.iter().map(Asked::name).collect();
    let open = |path| Field::open(path, &names, args.field_transform.as_deref(), search.table);
    let field = args.field.as_deref().map(open).transpose()?;
    field.iter().flat_map(Field::warnings).for_each(|warning| search.common.caution(warning));
    Ok(Lookups { weights, field })
}

/// The neurons found, as SONATA node sets are written.
fn node_set(search: &Search<'_>, name: &str) -> Result<serde_json::Value> {
    let mut nodes: BTreeSet<u64> = BTreeSet::new();
    search.run(&[NODE_ID], &mut |hits: Hits, _: &[f64]| {
        nodes.extend(columns::nodes(&hits)?);
        Ok(())
    })?;
    let population = &search.table.metadata().population;
    let mut set = json!({ "node_id": nodes });
    if !population.is_empty() {
        set = json!({ "population": population, "node_id": nodes });
    }
    Ok(json!({ name: set }))
}

impl Args {
    /// Whether anything but the table's own names is asked for: node sets, or attributes of the nodes. The circuit that
    /// the table names may be gone; then a column is told to be unknown.
    fn needs_circuit(&self, table: &Table) -> bool {
        let filter = &self.filter;
        let attribute = |names: &[String]| names.iter().any(|name| !columns::is_known(name));
        let aggregated = self.agg.iter().filter_map(|text| text.split_once(':')).map(|(_, name)| name);
        // groups are sorted by columns of their own
        let is_grouped = !self.by.is_empty() || !self.agg.is_empty();
        let sorted = self
            .sort
            .iter()
            .filter(|_| !is_grouped)
            .map(|text| text.split_once(':').map_or(text.as_str(), |(name, _)| name));
        let other: Vec<String> = aggregated.chain(sorted).map(String::from).collect();
        filter.circuit.is_some()
            || filter.node_set.is_some()
            || !filter.conditions.is_empty()
            || [&self.by, &self.columns, &other].into_iter().any(|names| attribute(names))
                && Path::new(&table.metadata().circuit).exists()
    }
}

impl TargetArgs {
    fn region_of_contacts(&self) -> Option<RegionOf<'_>> {
        let spacing = match self.csd_spacing {
            SpacingRule::Sorted => Spacing::Sorted,
            SpacingRule::FileOrder => Spacing::FileOrder,
        };
        let csd = self.csd.then_some(RegionOf::Csd { arrays: &self.csd_array, spacing });
        self.within.map(RegionOf::Within).or(csd)
    }
}

fn kinds(names: &[String]) -> Result<Option<Vec<SectionType>>> {
    let kind = |name: &String| -> Result<SectionType> {
        let found = SectionType::ALL.into_iter().find(|k| k.name() == name);
        let known = || listed(SectionType::ALL.map(SectionType::name), 7);
        let unknown = || Error::from(QueryProblem::Kind { known: known(), found: name.clone() });
        found.ok_or_else(|| unknown().in_object("--section-type"))
    };
    if names.is_empty() { Ok(None) } else { names.iter().map(kind).collect::<Result<_>>().map(Some) }
}

/// The nodes that pass node set and conditions; none for all.
fn nodes(args: &FilterArgs, circuit: Option<&Circuit>) -> Result<Option<Vec<u64>>> {
    let Some(circuit) = circuit else { return Ok(None) };
    let set = args.node_set.iter().map(|name| circuit.node_set(name));
    let conditions = args.conditions.iter().map(|condition| circuit.nodes_where(condition));
    let mut chosen: Option<Vec<u64>> = None;
    for nodes in set.chain(conditions) {
        let nodes = nodes?;
        chosen = Some(chosen.map_or_else(|| nodes.clone(), |chosen| common(&chosen, &nodes)));
    }
    Ok(chosen)
}
