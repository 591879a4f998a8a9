//! Column names and metadata keys, once.

/// Version of the table's format; a reader refuses newer ones.
pub const FORMAT_VERSION: u32 = 1;

/// Width of the coordinates in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Precision {
    /// float64.
    #[default]
    F64,
    /// float32: 0.55 of the size.
    F32,
}

/// What the table says of itself (Parquet key-value metadata, each key prefixed with `leadfield.`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Metadata {
    /// Population of the nodes.
    pub population: String,
    /// Path of the circuit configuration it was made from.
    pub circuit: String,
    /// Where the segment counts came from, e.g. `report compartment`.
    pub discretisation: String,
    /// Axon rule, e.g. `replaced, placement bluerecording`.
    pub axon: String,
    /// Version of the program that wrote it.
    pub program_version: String,
}
