//! The options of `leadfield query`.

use std::path::{Path, PathBuf};

use leadfield::methods::objective_csd::NeighbourRule;
use leadfield::segments::table::SegmentTable;

use super::contacts::ContactRegionArg;
use super::names::is_known;
use crate::cli::contact_file::{ContactFileArgs, is_dash};
use crate::cli::help::{FILTER, OUTPUT, REGION, RESULT, examples};
use crate::cli::output::OutputFormat;

/// Find segments: in a region, near the contacts of an electrode, or nearest to a point
///
/// All lengths are in µm. Without a region every segment is found. The result is written to standard output: as a table
/// on a terminal, otherwise as CSV.
#[derive(clap::Args)]
#[command(after_help = examples!(
    "leadfield query segments.parquet --sphere 0,-200,0,50 --count",
    "leadfield query segments.parquet --nearest 5 --at 0,-200,0 --columns node_id,section_id,distance",
    "leadfield query segments.parquet --electrodes probe.csv --within 50 --by electrode,mtype",
))]
pub struct Args {
    /// Segment table: NAME.parquet, or a folder of parts
    pub segments: PathBuf,
    #[command(flatten)]
    pub target: TargetArgs,
    #[command(flatten)]
    pub filter: FilterArgs,
    /// Columns to write, in this order: those of the table; x, y, z (midpoint), length, inside (the length inside the
    /// region); electrode, distance, weight if requested; attributes of the nodes with --circuit
    #[arg(long, help_heading = RESULT, value_name = "NAME,...", value_delimiter = ',')]
    pub columns: Vec<String>,
    /// Print only the number of segments found
    #[arg(long, help_heading = RESULT, conflicts_with_all = ["columns", "by", "agg", "sort", "limit", "node_set_json", "out", "format",
          "weights", "field"])]
    pub count: bool,
    /// Write one row for each group of segments with the same values in these columns: the number of segments and their
    /// length (in total, and inside the region), or the aggregates of --agg
    #[arg(long, help_heading = RESULT, value_name = "NAME,...", value_delimiter = ',', conflicts_with_all = ["columns", "node_set_json"])]
    pub by: Vec<String>,
    /// Aggregates for each group of --by, or for all segments together: count, OPERATION:COLUMN; operations are count,
    /// sum, mean, min, max, median, std, unique. The result's columns are named count, sum_length and so on
    #[arg(long, help_heading = RESULT, value_name = "OPERATION:COLUMN,...", value_delimiter = ',', conflicts_with_all = ["columns", "node_set_json"])]
    pub agg: Vec<String>,
    /// Sort the rows, or the groups, by these columns in order of priority; COLUMN:desc puts the largest value first
    #[arg(long, help_heading = RESULT, value_name = "COLUMN[:desc],...", value_delimiter = ',', conflicts_with = "node_set_json")]
    pub sort: Vec<String>,
    /// Write only the first N rows or groups
    #[arg(short = 'n', long, help_heading = RESULT, value_name = "N", conflicts_with = "node_set_json")]
    pub limit: Option<usize>,
    /// Print the neurons found as a SONATA node set with this name
    #[arg(long, help_heading = RESULT, value_name = "NAME", num_args = 0..=1, require_equals = true, default_missing_value = "query",
          conflicts_with_all = ["columns", "out", "format"])]
    pub node_set_json: Option<String>,
    /// Lead field whose potential at the midpoint (V) is added as the column potential; ex, ey, ez (V/m) are available
    /// columns
    #[arg(long, help_heading = RESULT, value_name = "FILE")]
    pub field: Option<PathBuf>,
    /// Rotate the lead field by a quaternion, then shift it, µm: w,x,y,z,dx,dy,dz
    #[arg(long, help_heading = RESULT, value_name = "NUMBERS", allow_hyphen_values = true, requires = "field")]
    pub field_transform: Option<String>,
    /// Electrodes file whose weights at the contact --electrode are added as the column weight
    #[arg(long, help_heading = RESULT, value_name = "FILE", requires = "electrode")]
    pub weights: Option<PathBuf>,
    /// File to write; its name ends in .csv, .jsonl, .arrow or .parquet, or --format sets the format (default, or `-`:
    /// standard output)
    #[arg(short, long = "output", alias = "out", value_name = "FILE", help_heading = OUTPUT)]
    pub out: Option<PathBuf>,
    /// Format of the output
    #[arg(long, help_heading = OUTPUT, value_name = "FORM")]
    pub format: Option<OutputFormat>,
    /// Replace a file that exists
    #[arg(short, long, help_heading = OUTPUT)]
    pub force: bool,
}

/// Where to search for segments.
#[derive(clap::Args)]
#[command(next_help_heading = REGION)]
#[group(multiple = true)]
pub struct TargetArgs {
    /// Ball
    #[arg(long, value_name = "X,Y,Z,R", allow_hyphen_values = true, group = "target")]
    pub sphere: Option<String>,
    /// Cylinder: centre, axis, radius, half the thickness
    #[arg(long, value_name = "X,Y,Z,AX,AY,AZ,R,HALF", allow_hyphen_values = true, group = "target")]
    pub disk: Option<String>,
    /// Unbounded layer: a point, the axis across, half the thickness
    #[arg(long, value_name = "X,Y,Z,AX,AY,AZ,HALF", allow_hyphen_values = true, group = "target")]
    pub slab: Option<String>,
    /// Box along the axes: two corners
    #[arg(long = "box", value_name = "X0,Y0,Z0,X1,Y1,Z1", allow_hyphen_values = true, group = "target")]
    pub cuboid: Option<String>,
    /// Shank: two ends, radius
    #[arg(long, value_name = "X0,Y0,Z0,X1,Y1,Z1,R", allow_hyphen_values = true, group = "target")]
    pub capsule: Option<String>,
    /// The K segments nearest to the point --at, by the distance to the segment, not to its midpoint
    #[arg(long, value_name = "K", requires = "at", group = "target")]
    pub nearest: Option<usize>,
    /// Point for --nearest
    #[arg(long, value_name = "X,Y,Z", allow_hyphen_values = true, requires = "nearest")]
    pub at: Option<String>,
    /// Contacts: one row for every contact and segment in its region; `-` reads standard input
    #[arg(long, value_name = "FILE", group = "target")]
    pub electrodes: Option<PathBuf>,
    #[command(flatten)]
    pub contact_file: ContactFileArgs,
    /// The region of every contact is a ball of this radius
    #[arg(long, value_name = "R", allow_negative_numbers = true, requires = "electrodes")]
    pub within: Option<f64>,
    /// The region of every contact is that of its own ObjectiveCSD type: the segments whose weight is 1
    #[arg(long, requires = "electrodes", conflicts_with = "within")]
    pub csd: bool,
    /// Contacts FIRST:END are an array of ObjectiveCSD, as in `leadfield weights`; can be repeated
    #[arg(long, value_name = "FIRST:END", requires = "csd")]
    pub csd_array: Vec<String>,
    /// Which contacts of an array are neighbours, for the default thickness
    #[arg(long, value_name = "RULE", default_value = "sorted", requires = "csd")]
    pub csd_spacing: SpacingArg,
    /// When a segment counts as inside [default: midpoint]
    #[arg(long, value_name = "RULE")]
    pub predicate: Option<PredicateArg>,
    /// Search with a stored index of all segments, created if it does not exist: faster from some hundred regions on
    #[arg(long, value_name = "FILE", requires = "target")]
    pub index: Option<PathBuf>,
}

/// Which of the segments found to select.
#[derive(clap::Args)]
#[command(next_help_heading = FILTER)]
pub struct FilterArgs {
    /// Population of a table that lost the name when another program rewrote it
    #[arg(long, value_name = "NAME")]
    pub population: Option<String>,
    /// Only neurons of this node set
    #[arg(long, value_name = "NAME")]
    pub node_set: Option<String>,
    /// Only these section types: soma, axon, dend, apic, ais, node, myelin
    #[arg(long, value_name = "KIND,...", value_delimiter = ',')]
    pub section_type: Vec<String>,
    /// Only neurons with this attribute (repeatable: all must hold), e.g. mtype=L5_TPC:A
    #[arg(long = "where", value_name = "NAME=VALUE,...")]
    pub conditions: Vec<String>,
    /// Only these contacts of --electrodes; the contact of --weights
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    pub electrode: Vec<String>,
    /// Circuit or simulation configuration for node sets and attributes (default: the one that the table names)
    #[arg(long, value_name = "CONFIG")]
    pub circuit: Option<PathBuf>,
}

/// [`Predicate`] as an option.
#[derive(Clone, Copy, clap::ValueEnum)]
pub enum PredicateArg {
    /// Its midpoint is inside, as for ObjectiveCSD
    Midpoint,
    /// Any point of it is inside
    Intersects,
}

/// [`NeighbourRule`] as an option.
#[derive(Clone, Copy, clap::ValueEnum)]
pub enum SpacingArg {
    /// Neighbours along the array's axis
    Sorted,
    /// Neighbours in the file, as in BlueRecording
    FileOrder,
}

impl Args {
    /// Returns the file to write; `None` for standard output.
    pub fn output_file(&self) -> Option<&Path> {
        self.out.as_deref().filter(|out| !is_dash(out))
    }

    /// Returns whether the result has one row for each group of segments.
    pub fn is_grouped(&self) -> bool {
        !self.by.is_empty() || !self.agg.is_empty()
    }

    /// Returns whether columns or filters need the circuit: node sets, or attributes of the nodes. The circuit that the
    /// table names may no longer exist; it is opened only if it is needed.
    pub fn needs_circuit(&self, table: &SegmentTable) -> bool {
        let filter = &self.filter;
        let attribute = |names: &[String]| names.iter().any(|name| !is_known(name));
        let aggregated = self.agg.iter().filter_map(|text| text.split_once(':')).map(|(_, name)| name);
        // groups are sorted by their own columns
        let sorted = self
            .sort
            .iter()
            .filter(|_| !self.is_grouped())
            .map(|text| text.split_once(':').map_or(text.as_str(), |(name, _)| name));
        let other: Vec<String> = aggregated.chain(sorted).map(String::from).collect();
        filter.circuit.is_some()
            || filter.node_set.is_some()
            || !filter.conditions.is_empty()
            || [&self.by, &self.columns, &other].into_iter().any(|names| attribute(names))
                && table.circuit_file().is_some()
    }
}

impl FilterArgs {
    /// Returns the given options that choose neurons, for a message.
    pub fn describe_neuron_filters(&self) -> String {
        let node_set = self.node_set.as_deref().map(|name| format!("`--node-set {name}`"));
        let conditions = self.conditions.iter().map(|condition| format!("`--where {condition}`"));
        node_set.into_iter().chain(conditions).collect::<Vec<_>>().join(" and ")
    }
}

impl TargetArgs {
    pub fn contact_region(&self) -> Option<ContactRegionArg<'_>> {
        let spacing = match self.csd_spacing {
            SpacingArg::Sorted => NeighbourRule::AlongAxis,
            SpacingArg::FileOrder => NeighbourRule::FileOrder,
        };
        let csd = self.csd.then_some(ContactRegionArg::Csd { arrays: &self.csd_array, spacing });
        self.within.map(ContactRegionArg::Within).or(csd)
    }
}
