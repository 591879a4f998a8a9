//! Column names, types and metadata keys of the segment table.

use std::sync::{Arc, LazyLock};

use arrow_schema::{DataType, Field, Schema, SchemaRef};

use crate::io::digest::Digest;

/// Version of the table's format; a reader rejects newer ones.
pub const FORMAT_VERSION: u32 = 1;

/// SONATA node id, u64.
pub const NODE_ID: &str = "node_id";
/// Section of the neuron, u32.
pub const SECTION_ID: &str = "section_id";
/// Segment within its section, u32.
pub const SEGMENT_ID: &str = "segment_id";
/// Section type, u8, null if unknown.
pub const SECTION_TYPE: &str = "section_type";
/// The six coordinates of the two ends, µm.
pub const COORDINATES: [&str; 6] = ["x0", "y0", "z0", "x1", "y1", "z1"];
/// Radius, µm, f32, null if unknown.
pub const RADIUS: &str = "radius";
/// Row in `scaling_factors`, u64.
pub const ROW: &str = "row";

/// Segments longer than this, µm, are stored in separate row groups, because they would enlarge the boxes of the
/// others.
pub const LONG_SEGMENT_UM: f64 = 60.0;
/// Number of rows in a row group.
pub const ROWS_PER_ROW_GROUP: usize = 128 * 1024;
/// Number of rows in a page, the unit that a query reads.
pub const ROWS_PER_PAGE: usize = 4096;
/// Number of segments in a part, unless a single neuron has more.
pub const MAX_SEGMENTS_PER_PART: u64 = 4_000_000;

/// Width of the coordinates in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Precision {
    /// float64.
    #[default]
    F64,
    /// float32: 0.55 of the file size.
    F32,
}

impl Precision {
    pub(super) fn data_type(self) -> DataType {
        match self {
            Self::F64 => DataType::Float64,
            Self::F32 => DataType::Float32,
        }
    }

    /// Returns the Arrow schema of the table.
    pub fn schema(self) -> SchemaRef {
        static SCHEMAS: LazyLock<[SchemaRef; 2]> =
            LazyLock::new(|| [Precision::F64, Precision::F32].map(|p| Arc::new(build_schema(p))));
        match self {
            Self::F64 => SCHEMAS[0].clone(),
            Self::F32 => SCHEMAS[1].clone(),
        }
    }
}

fn build_schema(precision: Precision) -> Schema {
    let required = |name: &str, kind: DataType| Field::new(name, kind, false);
    let mut fields = vec![
        required(NODE_ID, DataType::UInt64),
        required(SECTION_ID, DataType::UInt32),
        required(SEGMENT_ID, DataType::UInt32),
        Field::new(SECTION_TYPE, DataType::UInt8, true),
    ];
    fields.extend(COORDINATES.map(|c| required(c, precision.data_type())));
    fields.push(Field::new(RADIUS, DataType::Float32, true));
    fields.push(required(ROW, DataType::UInt64));
    Schema::new(fields)
}

/// The metadata of a table, which are the same in every part.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TableMetadata {
    /// Population of the nodes.
    pub population: String,
    /// Path of the circuit configuration from which the table was built, from the folder that holds the table.
    pub circuit_path: String,
    /// Path of the simulation configuration, if the table was built from one, from the folder that holds the table; empty
    /// otherwise.
    pub simulation_path: String,
    /// The source of the segment counts, e.g. `report compartment` or `rule, 40 um`.
    pub discretisation: String,
    /// Axon rule, e.g. `replaced, placement bluerecording` or `taper, placement arc`.
    pub axon_rule: String,
    /// The rule for segment counts if the user gave it, e.g. `taper, 40 µm`; empty otherwise.
    pub assumed_rule: String,
    /// Version of the program that wrote the table.
    pub program_version: String,
    /// Number of segments in all parts.
    pub segments: u64,
    /// Number of neurons in all parts.
    pub neurons: u64,
    /// Number of parts.
    pub parts: u64,
}

impl TableMetadata {
    /// Adds the metadata to a digest of inputs.
    pub(crate) fn add_to(&self, digest: &mut Digest) {
        let Self {
            population,
            circuit_path,
            simulation_path,
            discretisation,
            axon_rule,
            assumed_rule,
            program_version,
            segments,
            neurons,
            parts,
        } = self;
        [population, circuit_path, simulation_path, discretisation, axon_rule, assumed_rule, program_version]
            .into_iter()
            .for_each(|text| digest.add_text(text));
        [segments, neurons, parts].into_iter().for_each(|&number| digest.add_u64(number));
    }

    /// Returns a note for the user if the numbers of segments come from a rule that the user gave.
    pub fn assumption(&self) -> Option<String> {
        let assumed = &self.assumed_rule;
        (!assumed.is_empty()).then(|| format!("segment counts assumed ({assumed}), not checked against a simulation"))
    }
}

/// Keys of the Parquet key-value metadata.
pub mod key {
    /// [`super::FORMAT_VERSION`] of the writer.
    pub const FORMAT_VERSION: &str = "leadfield.format_version";
    /// Population of the nodes.
    pub const POPULATION: &str = "leadfield.population";
    /// Unit of the coordinates and radii: `um`.
    pub const UNITS: &str = "leadfield.units";
    /// Path of the circuit configuration.
    pub const CIRCUIT: &str = "leadfield.circuit";
    /// The source of the segment counts.
    pub const DISCRETISATION: &str = "leadfield.discretisation";
    /// Axon rule.
    pub const AXON: &str = "leadfield.axon";
    /// The rule for segment counts if the user gave it; missing if nothing is assumed.
    pub const ASSUMED: &str = "leadfield.assumed";
    /// The simulation configuration, if the table was built from one.
    pub const SIMULATION: &str = "leadfield.simulation";
    /// Version of the program.
    pub const PROGRAM_VERSION: &str = "leadfield.program_version";
    /// Number of segments in all parts.
    pub const SEGMENTS: &str = "leadfield.segments";
    /// Number of neurons in all parts.
    pub const NEURONS: &str = "leadfield.neurons";
    /// Number of parts.
    pub const PARTS: &str = "leadfield.parts";
    /// This part's neurons: JSON `{"node_id": [..], "first_row": [..], "segments": [..]}`, node ids ascending.
    pub const NEURON_LIST: &str = "leadfield.neuron_list";
}
