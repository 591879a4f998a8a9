//! Faults of electrodes files: each code with its severity, its effect on clients, and its remedy.
//!
//! The effects were observed with libsonata 0.2.2 and the reader of neurodamus 4.2.9, and are tested with them.

use std::fmt;

/// Severity of a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Every client reads the file correctly, but writers should not write it so.
    Note,
    /// Clients read the file, but the file itself does not show whether its content is intended.
    Warning,
    /// A client fails or computes wrong results.
    Error,
}

impl Severity {
    /// Returns the name as printed.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// The behaviour of a client that reads a faulty file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Reads the file correctly.
    Reads,
    /// Stops with an error.
    Fails,
    /// Omits the cell or contact without an error.
    Drops,
    /// Continues with wrong numbers, names or positions.
    Misreads,
}

impl Effect {
    /// Returns the description as printed.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reads => "reads it correctly",
            Self::Fails => "stops with an error",
            Self::Drops => "omits it without an error",
            Self::Misreads => "continues with wrong values",
        }
    }
}

/// Description of a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodeDescription {
    /// `E01`...: the meaning of a code never changes.
    pub code: &'static str,
    /// Severity of the fault.
    pub severity: Severity,
    /// Short description.
    pub title: &'static str,
    /// What libsonata does.
    pub libsonata: Effect,
    /// What the simulator does (neurodamus with CoreNEURON).
    pub simulator: Effect,
    /// Whether `--fix` can fix it, at least in the case that the remedy names.
    pub fixable: bool,
    /// How to fix it.
    pub remedy: &'static str,
}

impl CodeDescription {
    /// Returns what clients do with it, as readable text.
    pub fn clients(&self) -> String {
        match (self.libsonata, self.simulator) {
            (a, b) if a == b => format!("every client {}", a.name()),
            (a, b) => format!("libsonata {}, the simulator {}", a.name(), b.name()),
        }
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal $severity:ident, $title:literal, $libsonata:ident / $simulator:ident, $fixable:literal, $remedy:literal;)*) => {
        /// A fault of an electrodes file.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $($(#[$doc])* #[doc = $title] $name,)*
        }

        impl Code {
            /// All codes, in order.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Returns the description of the code.
            pub const fn description(self) -> &'static CodeDescription {
                match self {
                    $(Self::$name => &CodeDescription {
                        code: $code,
                        severity: Severity::$severity,
                        title: $title,
                        libsonata: Effect::$libsonata,
                        simulator: Effect::$simulator,
                        fixable: $fixable,
                        remedy: $remedy,
                    },)*
                }
            }
        }
    };
}

codes! {
    // ------------------------------------------------------------------ required objects
    NoElectrodes = "E01" Error, "no group `/electrodes`", Fails / Fails, false,
        "this is not an electrodes file: create one with `leadfield weights`";
    NoPopulation = "E02" Error, "no population: no group with `node_ids` and `offsets`", Fails / Drops, false,
        "create the file again with `leadfield weights`";
    NoNodeIds = "E03" Error, "`node_ids` missing", Fails / Drops, false,
        "create the file again: without node ids the rows belong to no node";
    NoOffsets = "E04" Error, "`offsets` missing", Fails / Drops, false,
        "create the file again: without offsets the rows belong to no node";
    NoFactors = "E05" Error, "`scaling_factors` missing", Fails / Drops, false,
        "create the file again with `leadfield weights`";
    Unreadable = "E06" Error, "an object has the wrong type or cannot be read", Fails / Fails, false,
        "the file is damaged or was edited: create it again";
    Implausible = "E07" Error, "a dataset is larger than the file can hold", Fails / Fails, false,
        "the file is damaged or truncated: create it again";
    UnknownFilter = "E08" Error, "a dataset is compressed by a filter that is not available", Fails / Fails, false,
        "write the file again without this filter: `h5repack -f GZIP=4 FILE NEW` where HDF5 has its plugin, or \
         Python's h5py";
    // ------------------------------------------------------------------ nodes and their rows
    NodeIdsFloat = "E10" Warning, "`node_ids` are floats, not integers", Reads / Reads, true,
        "`--fix` stores them as uint64";
    OffsetsFloat = "E11" Error, "`offsets` are floats, not integers", Reads / Fails, true,
        "`--fix` stores them as uint64";
    NotCounting = "E12" Error, "a node id or offset is negative or not an integer", Fails / Drops, false,
        "create the file again: the intended node is unknown";
    IntegerWidth = "E13" Note, "integers are not uint64", Reads / Reads, true,
        "`--fix` stores them as uint64";
    RowShape = "E14" Error, "`node_ids` or `offsets` are not one-dimensional", Fails / Fails, false,
        "store them as lists: `[N]` and `[N + 1]`";
    OffsetsLength = "E15" Error, "number of offsets is not number of nodes plus one", Fails / Drops, true,
        "`--fix` appends the number of rows to N offsets from 0, or prepends 0 to N offsets up to the number of rows; \
         other faults are ambiguous";
    OffsetsShifted = "E16" Error, "all offsets are too large by the same number", Fails / Misreads, true,
        "`--fix` subtracts that number";
    OffsetsStart = "E17" Error, "offsets do not begin at 0: the first rows belong to no node", Misreads / Misreads, false,
        "create the file again: the nodes of the first rows are unknown";
    OffsetsDecrease = "E18" Error, "an offset is smaller than the one before", Fails / Misreads, false,
        "create the file again: the nodes of the rows are unknown";
    OffsetsBeyond = "E19" Error, "offsets go beyond the rows of `scaling_factors`", Fails / Misreads, false,
        "`scaling_factors` may be truncated: create the file again";
    RowsLeft = "E20" Error, "offsets end before the rows of `scaling_factors`", Misreads / Misreads, false,
        "create the file again: the nodes of the last rows are unknown";
    EmptyNode = "E21" Warning, "a node has no rows", Drops / Drops, false,
        "compare with the circuit: `--circuit CONFIG` or `--segments TABLE`";
    DuplicateNode = "E22" Error, "a node is listed twice: only its first rows are used", Misreads / Misreads, false,
        "create the file again: the intended rows are unknown";
    NodesUnsorted = "E23" Note, "node ids are not ascending", Reads / Reads, true,
        "`--fix` sorts nodes, with their rows";
    NoNodes = "E24" Warning, "a population has no nodes", Drops / Drops, false,
        "create the file again with the nodes that are simulated";
    NeuriteTypes = "E25" Note, "`neurite_types` does not have one value per row", Reads / Reads, true,
        "`--fix` removes it: no client reads it";
    // ------------------------------------------------------------------ weights
    FactorsShape = "E30" Error, "`scaling_factors` is not two-dimensional", Fails / Fails, false,
        "store it as `[rows, contacts]`";
    FactorsType = "E31" Note, "`scaling_factors` is not float64", Reads / Reads, true,
        "`--fix` stores it as float64; lost digits are not restored";
    Compressed = "E32" Error, "`scaling_factors` is compressed", Fails / Reads, true,
        "`--fix` stores it contiguously, without filters";
    Chunked = "E33" Note, "`scaling_factors` is not contiguous", Reads / Reads, true,
        "`--fix` stores it contiguously";
    NotANumber = "E34" Error, "a weight is NaN", Reads / Fails, false,
        "is a contact on a segment? compute it again with `leadfield weights --near-field radius`";
    Infinite = "E35" Error, "a weight is infinite", Reads / Fails, false,
        "is a contact on a segment? compute it again with `leadfield weights --near-field radius`";
    AllOnes = "E36" Error, "all weights are 1: the file was created but its weights never computed", Misreads / Misreads,
        false, "run the step that computes the weights, or `leadfield weights`";
    ZeroColumn = "E37" Warning, "a contact's weights are all 0", Reads / Reads, false,
        "correct for a region without segments; otherwise compute the file again";
    ExtraOnes = "E38" Error, "an extra column of ones without a contact, as BlueRecording 0.2.1 writes", Misreads / Misreads,
        true, "`--fix` removes the column";
    ExtraColumn = "E39" Warning, "a column has no contact", Reads / Reads, false,
        "the simulator's report lists it as a numbered contact: name the contact, or create the file again";
    // ------------------------------------------------------------------ contacts
    NoContacts = "E40" Warning, "no contact is described: columns have no names", Reads / Reads, false,
        "describe the contacts, or create the file again: the simulator's report only numbers them";
    NoIndex = "E41" Error, "a contact has no column number", Drops / Reads, false,
        "store it as `/electrodes/{name}/{population}`";
    IndexRange = "E42" Error, "a column number is out of range", Misreads / Reads, false,
        "create the file again: the intended column is unknown";
    IndexRepeated = "E43" Error, "two contacts have the same column", Misreads / Reads, false,
        "create the file again: the intended column is unknown";
    IndexType = "E44" Note, "a column number is not a uint64 scalar", Reads / Reads, true,
        "`--fix` stores it as a uint64 scalar";
    IndexNested = "E45" Error, "a column number is at `{population}/electrode_id`, as in the SONATA specification", Fails / Reads,
        true, "`--fix` moves it to `{population}`, where clients read it";
    SortedNames = "E46" Error, "columns are in the order of sorted names, but their numbers are in file order", Misreads / Misreads,
        true, "`--fix` gives each contact its own column";
    NoPosition = "E47" Error, "a contact has no `position`", Fails / Reads, false,
        "store its position as float32 `[3]`, µm";
    PositionShape = "E48" Error, "a `position` does not have three numbers", Fails / Reads, false,
        "store x, y, z as float32 `[3]`, µm";
    PositionType = "E49" Note, "a `position` is not float32", Reads / Reads, true,
        "`--fix` stores it as float32";
    PositionValue = "E50" Warning, "a `position` is not finite", Reads / Reads, false,
        "store the contact's position, µm";
    NoType = "E51" Error, "a contact has no `type`", Fails / Reads, false,
        "store the name of its method as a string";
    TypeNotText = "E52" Error, "a `type` is not a string", Fails / Reads, false,
        "store the name of its method as a string";
    UnknownMethod = "E53" Note, "a `type` is not a known method", Reads / Reads, false,
        "`leadfield weights --help` lists the known methods";
    LabelNotText = "E54" Note, "a `layer` or `region` is not a string", Reads / Reads, true,
        "`--fix` writes `NA`";
    StrayDataset = "E55" Error, "a dataset is among the contacts", Fails / Reads, true,
        "`--fix` removes it";
    StrayGroup = "E56" Note, "a group among the contacts is not a contact", Reads / Reads, true,
        "`--fix` removes it";
    // ------------------------------------------------------------------ units
    WrongUnits = "E60" Error, "`units` is not `V/nA`: no client converts", Misreads / Misreads, false,
        "compute the file again from its table and compare with `leadfield validate weights`";
    NoUnits = "E61" Note, "`scaling_factors` has no attribute `units`", Reads / Reads, true,
        "`--fix` writes `V/nA`, the unit that clients assume";
    WrongColumnUnits = "E62" Error, "a contact's `units` is not the unit of its type", Misreads / Misreads, false,
        "check the contact's type: potentials are in V/nA, `ObjectiveCSD` in `1`, or in `1/um3` with `per_volume`";
    NoColumnUnits = "E63" Note, "a contact with `per_volume`, or of `MEG` or `CurrentDipole`, has no attribute `units`", Reads / Reads, true,
        "`--fix` writes the unit of the type";
    // ------------------------------------------------------------------ against the circuit or its table
    OtherPopulation = "E70" Error, "the circuit's population is not in the file", Fails / Drops, false,
        "rename the population, or create the file from this circuit";
    MissingNode = "E71" Error, "a node of the circuit is not in the file", Fails / Drops, false,
        "create the file again with all nodes that are simulated";
    UnknownNode = "E72" Warning, "a node of the file is not in the circuit", Reads / Reads, false,
        "check that the file was created from this circuit";
    SegmentCount = "E73" Error, "a node does not have one row per segment", Misreads / Misreads, false,
        "check that the file was created from this circuit, or create it again from this one";
    // ------------------------------------------------------------------ against recomputed weights
    UnitFactor = "E80" Error, "weights are in another unit than V/nA", Misreads / Misreads, false,
        "compute the file again with `leadfield weights`, or multiply the weights";
    ColumnsExchanged = "E81" Error, "columns have the weights of other contacts", Misreads / Misreads, false,
        "create the file again, or give each contact the number of its column";
    RowsReordered = "E82" Error, "the rows of nodes are not in the order of their segments", Misreads / Misreads, false,
        "create the file again: sections by ascending id, segments in order";
    OtherWeights = "E83" Error, "weights are not what the contact's method gives", Misreads / Misreads, false,
        "check that the file was created from this table, or compare with `leadfield validate weights`";
    SignFlipped = "E84" Error, "weights have the opposite sign", Misreads / Misreads, false,
        "compute the file again with `leadfield weights`, or multiply the weights by -1";
    RowsShifted = "E85" Error, "rows have the weights of other segments: shifted, or of another node", Misreads / Misreads,
        false, "the numbers of segments differ before these rows, or `node_ids` are in another order: create the file \
                again";
    ZeroRows = "E86" Error, "weights are 0 at contacts of point or line sources", Misreads / Misreads, false,
        "the run that wrote the file was interrupted: create it again";
    OtherConductivity = "E87" Error, "weights are of another conductivity than the contact states", Misreads / Misreads, false,
        "compute the file again with `leadfield weights --conductivity`, or correct the attribute \
         `conductivity_S_per_m`";
}

impl Code {
    /// Parses a code such as `E01`.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|c| c.description().code == text)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.description().code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_ascend_and_errors_are_findings_that_break_clients() {
        let codes: Vec<&str> = Code::ALL.iter().map(|c| c.description().code).collect();
        assert!(codes.is_sorted_by(|a, b| a < b), "{codes:?}");
        for code in Code::ALL {
            let CodeDescription { severity, libsonata, simulator, .. } = *code.description();
            let harmless = libsonata == Effect::Reads && simulator == Effect::Reads;
            assert!(!harmless || severity != Severity::Error, "{code}: no client fails");
            assert!(harmless || severity != Severity::Note, "{code}: a client fails");
            assert_eq!(Code::parse(code.description().code), Some(*code));
        }
    }
}
