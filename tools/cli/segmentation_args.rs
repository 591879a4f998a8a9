//! Options of the tools that place the segments of a circuit: which neurons, how they are cut, and where they lie.

use std::path::Path;

use leadfield::circuit::placement::{CountChecks, StubPlacement};
use leadfield::circuit::{BadNeuronPolicy, CircuitRequest, MAX_SEGMENTS_PER_NEURON, SegmentTableOptions};
use leadfield::segments::table::Precision;
use leadfield::segments::table::schema::{MAX_SEGMENTS_PER_PART, ROWS_PER_ROW_GROUP};

use super::help::{CIRCUIT, TABLE};
use super::rule_args::{AxonRuleArg, DiscretisationArg, EulerOrderArg};

/// Which neurons of a circuit, and where their segments lie.
#[derive(clap::Args)]
#[command(next_help_heading = CIRCUIT)]
pub struct SegmentationArgs {
    /// Only the neurons of this node set (default: all of the report, of the simulation's node set or of the circuit)
    #[arg(long, value_name = "NAME")]
    node_set: Option<String>,
    /// Compartment report (default: the one that covers all sections and compartments)
    #[arg(long, value_name = "NAME")]
    report: Option<String>,
    /// Source of the numbers of segments (default: the report, if the simulation has a compartment report)
    #[arg(long, value_name = "SOURCE", alias = "discretization")]
    discretisation: Option<DiscretisationArg>,
    /// How to treat the axon (default: as the cell templates, or the report, do); no templates are read then
    #[arg(long, value_name = "RULE")]
    axon_rule: Option<AxonRuleArg>,
    /// Keep the axons as reconstructed, as the simulation does: `--axon-rule keep`
    #[arg(long, alias = "no-replace-axons", conflicts_with_all = ["axon_placement", "axon_rule"])]
    keep_axon: bool,
    /// Chunk length of the rule, µm: a section of length L gets 1 + 2 int(L / UM) segments (default: the templates', or
    /// 40)
    #[arg(long, value_name = "UM", allow_negative_numbers = true)]
    segment_length: Option<f64>,
    /// Placement of the stubs that replace an axon
    #[arg(long, value_name = "RULE", default_value = "bluerecording")]
    axon_placement: AxonPlacementArg,
    /// Order in which Euler angles rotate a neuron about the world's axes, if nodes have them (default: sonata, with a
    /// warning if it matters)
    #[arg(long, value_name = "ORDER")]
    euler_order: Option<EulerOrderArg>,
    /// What to do with a neuron that cannot be placed
    #[arg(long, value_name = "WHAT", default_value = "error")]
    on_bad_neuron: BadNeuronArg,
    /// Largest number of segments of a neuron by the rule; a neuron with more cannot be placed
    #[arg(long, value_name = "N", default_value_t = MAX_SEGMENTS_PER_NEURON, value_parser = clap::value_parser!(u64).range(1..))]
    max_segments: u64,
    /// Use the report's segment counts even if no segment length explains them
    #[arg(long, alias = "any-discretization")]
    any_discretisation: bool,
    /// Width of the coordinates
    #[arg(long, value_name = "WIDTH", default_value = "f64", help_heading = TABLE)]
    precision: PrecisionArg,
    /// Segments in a part of the table, unless a single neuron has more; a part is the unit that is held in memory
    #[arg(long, value_name = "N", help_heading = TABLE, value_parser = clap::value_parser!(u64).range(1..))]
    pub segments_per_part: Option<u64>,
    /// Rows in a row group, the unit that pyarrow, polars and Dask skip if a search does not touch it; small ones serve
    /// small regions in remote storage, large ones make small files
    #[arg(long, value_name = "N", help_heading = TABLE, default_value_t = ROWS_PER_ROW_GROUP as u32, value_parser = clap::value_parser!(u32).range(1..))]
    row_group_rows: u32,
}

/// [`BadNeuronPolicy`] as an option.
#[derive(Clone, Copy, clap::ValueEnum)]
enum BadNeuronArg {
    /// Report an error and write nothing
    Error,
    /// Leave it out, with a warning
    Skip,
}

/// [`StubPlacement`] as an option.
#[derive(Clone, Copy, clap::ValueEnum)]
enum AxonPlacementArg {
    /// Along the axon, without gaps
    Arc,
    /// As `bluerecording` 0.7.0
    Bluerecording,
    /// As BlueRecording 0.2, quirks included
    #[value(name = "bluerecording-0.2")]
    Bluerecording02,
}

/// [`Precision`] as an option.
#[derive(Clone, Copy, clap::ValueEnum)]
enum PrecisionArg {
    /// 64-bit floats
    F64,
    /// 32-bit floats: about 0.55 of the size of a table
    F32,
}

impl SegmentationArgs {
    /// Returns the request for the segments of a circuit, of one population if it is named.
    pub fn circuit_request<'a>(&'a self, config: &'a Path, population: Option<&'a str>) -> CircuitRequest<'a> {
        let axon = if self.keep_axon { Some(AxonRuleArg::Keep) } else { self.axon_rule };
        CircuitRequest {
            node_set: self.node_set.as_deref(),
            population,
            report: self.report.as_deref(),
            discretisation: self.discretisation.map(Into::into),
            axon_replacement: axon.map(Into::into),
            segment_length_um: self.segment_length,
            euler_order: self.euler_order.map(Into::into),
            count_checks: if self.any_discretisation {
                CountChecks::SectionsOnly
            } else {
                CountChecks::SectionsAndLengths
            },
            on_bad_neuron: match self.on_bad_neuron {
                BadNeuronArg::Error => BadNeuronPolicy::Error,
                BadNeuronArg::Skip => BadNeuronPolicy::Skip,
            },
            max_segments: self.max_segments,
            ..CircuitRequest::new(config)
        }
    }

    /// Returns the options of the table.
    pub fn table_options(&self) -> SegmentTableOptions {
        SegmentTableOptions {
            stub_placement: match self.axon_placement {
                AxonPlacementArg::Arc => StubPlacement::Arc,
                AxonPlacementArg::Bluerecording => StubPlacement::BlueRecording,
                AxonPlacementArg::Bluerecording02 => StubPlacement::BlueRecording02,
            },
            precision: match self.precision {
                PrecisionArg::F64 => Precision::F64,
                PrecisionArg::F32 => Precision::F32,
            },
            segments_per_part: self.segments_per_part.unwrap_or(MAX_SEGMENTS_PER_PART),
            row_group_rows: self.row_group_rows as usize,
        }
    }

    /// Returns the first of these options that differs from its default.
    pub fn find_given(&self) -> Option<&'static str> {
        let given = [
            ("--node-set", self.node_set.is_some()),
            ("--report", self.report.is_some()),
            ("--discretisation", self.discretisation.is_some()),
            ("--axon-rule", self.axon_rule.is_some()),
            ("--keep-axon", self.keep_axon),
            ("--segment-length", self.segment_length.is_some()),
            ("--axon-placement", !matches!(self.axon_placement, AxonPlacementArg::Bluerecording)),
            ("--euler-order", self.euler_order.is_some()),
            ("--on-bad-neuron", !matches!(self.on_bad_neuron, BadNeuronArg::Error)),
            ("--max-segments", self.max_segments != MAX_SEGMENTS_PER_NEURON),
            ("--any-discretisation", self.any_discretisation),
            ("--precision", !matches!(self.precision, PrecisionArg::F64)),
            ("--segments-per-part", self.segments_per_part.is_some()),
            ("--row-group-rows", self.row_group_rows != ROWS_PER_ROW_GROUP as u32),
        ];
        given.into_iter().find_map(|(option, is_given)| is_given.then_some(option))
    }

    /// Returns whether the order of Euler angles was chosen.
    pub fn has_euler_order(&self) -> bool {
        self.euler_order.is_some()
    }
}
