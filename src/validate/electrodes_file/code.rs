//! What can be wrong with an electrodes file: every code once, with its severity, what clients do, and how to mend it.
//!
//! What clients do was observed with libsonata 0.2.2 and the reader of neurodamus 4.2.9, and is tested with them.

use std::fmt;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Every client reads the file rightly; it is not as writers should write it.
    Note,
    /// Clients read the file; whether that is what was meant cannot be told from it.
    Warning,
    /// A client fails or computes nonsense.
    Error,
}

impl Severity {
    /// As it is printed.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// What a client does with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Reads the file rightly.
    Reads,
    /// Stops with an error.
    Fails,
    /// Leaves the cell or contact out without an error.
    Drops,
    /// Goes on with wrong numbers, names or places.
    Misreads,
}

impl Effect {
    /// As it is printed.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reads => "reads it rightly",
            Self::Fails => "stops with an error",
            Self::Drops => "leaves it out without a word",
            Self::Misreads => "goes on with wrong values",
        }
    }
}

/// What there is to know of a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// `E01`...: it never changes its meaning.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What it is, in a few words.
    pub title: &'static str,
    /// What libsonata does.
    pub libsonata: Effect,
    /// What the simulator does: neurodamus with CoreNEURON.
    pub simulator: Effect,
    /// Whether `--fix` mends it, at least in the case that the remedy names.
    pub mended: bool,
    /// What to do.
    pub remedy: &'static str,
}

impl Entry {
    /// What clients do with it, in words.
    pub fn clients(&self) -> String {
        match (self.libsonata, self.simulator) {
            (a, b) if a == b => format!("every client {}", a.name()),
            (a, b) => format!("libsonata {}, the simulator {}", a.name(), b.name()),
        }
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal $severity:ident, $title:literal, $libsonata:ident / $simulator:ident, $mended:literal, $remedy:literal;)*) => {
        /// What can be wrong with an electrodes file.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $($(#[$doc])* #[doc = $title] $name,)*
        }

        impl Code {
            /// All codes, in order.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// What there is to know of it.
            pub const fn entry(self) -> &'static Entry {
                match self {
                    $(Self::$name => &Entry {
                        code: $code,
                        severity: Severity::$severity,
                        title: $title,
                        libsonata: Effect::$libsonata,
                        simulator: Effect::$simulator,
                        mended: $mended,
                        remedy: $remedy,
                    },)*
                }
            }
        }
    };
}

codes! {
    // ------------------------------------------------------------------ what has to be there
    NoElectrodes = "E01" Error, "no group `/electrodes`", Fails / Fails, false,
        "it is no electrodes file: make one with `leadfield weights`";
    NoPopulation = "E02" Error, "no population: no group with `node_ids` and `offsets`", Fails / Drops, false,
        "make the file again with `leadfield weights`";
    NoNodeIds = "E03" Error, "`node_ids` missing", Fails / Drops, false,
        "make the file again: without node ids rows belong to nobody";
    NoOffsets = "E04" Error, "`offsets` missing", Fails / Drops, false,
        "make the file again: without offsets rows belong to nobody";
    NoFactors = "E05" Error, "`scaling_factors` missing", Fails / Drops, false,
        "make the file again with `leadfield weights`";
    Unreadable = "E06" Error, "an object is of the wrong kind or cannot be read", Fails / Fails, false,
        "the file is damaged or was edited: make it again";
    Implausible = "E07" Error, "a dataset claims more than the file can hold", Fails / Fails, false,
        "the file is damaged or cut short: make it again";
    UnknownFilter = "E08" Error, "a dataset is compressed by a filter that is not available", Fails / Fails, false,
        "write the file again without this filter: `h5repack -f GZIP=4 FILE NEW` where HDF5 has its plugin, or Python's h5py";
    // ------------------------------------------------------------------ nodes and their rows
    NodeIdsFloat = "E10" Warning, "`node_ids` are floats, not integers", Reads / Reads, true,
        "`--fix` stores them as uint64";
    OffsetsFloat = "E11" Error, "`offsets` are floats, not integers", Reads / Fails, true,
        "`--fix` stores them as uint64";
    NotCounting = "E12" Error, "a node id or offset that is negative or no whole number", Fails / Drops, false,
        "make the file again: which node is meant cannot be told";
    IntegerWidth = "E13" Note, "integers of another type than uint64", Reads / Reads, true,
        "`--fix` stores them as uint64";
    RowShape = "E14" Error, "`node_ids` or `offsets` are not one-dimensional", Fails / Fails, false,
        "store them as lists: `[N]` and `[N + 1]`";
    OffsetsLength = "E15" Error, "not one offset more than nodes", Fails / Drops, true,
        "`--fix` adds the number of rows behind N offsets from 0, or 0 before N offsets to the number of rows; others \
         cannot be told";
    OffsetsShifted = "E16" Error, "offsets are all too large by the same number", Fails / Misreads, true,
        "`--fix` takes that number off";
    OffsetsStart = "E17" Error, "offsets do not begin at 0: the first rows are of no node", Misreads / Misreads, false,
        "make the file again: whose the first rows are cannot be told";
    OffsetsDecrease = "E18" Error, "an offset below the one before", Fails / Misreads, false,
        "make the file again: whose the rows are cannot be told";
    OffsetsBeyond = "E19" Error, "offsets go beyond the rows of `scaling_factors`", Fails / Misreads, false,
        "the factors may be cut short: make the file again";
    RowsLeft = "E20" Error, "offsets end before the rows of `scaling_factors`", Misreads / Misreads, false,
        "make the file again: whose the last rows are cannot be told";
    EmptyNode = "E21" Warning, "a node without rows", Drops / Drops, false,
        "compare with the circuit: `--circuit CONFIG` or `--segments TABLE`";
    DuplicateNode = "E22" Error, "a node listed twice: only its first rows are used", Misreads / Misreads, false,
        "make the file again: which of the rows are meant cannot be told";
    NodesUnsorted = "E23" Note, "node ids are not ascending", Reads / Reads, true,
        "`--fix` sorts nodes, with their rows";
    NoNodes = "E24" Warning, "a population without nodes", Drops / Drops, false,
        "make the file again with the nodes that are simulated";
    NeuriteTypes = "E25" Note, "`neurite_types` has not one value a row", Reads / Reads, true,
        "`--fix` leaves it out: no client reads it";
    // ------------------------------------------------------------------ coefficients
    FactorsShape = "E30" Error, "`scaling_factors` is not two-dimensional", Fails / Fails, false,
        "store it as `[rows, contacts]`";
    FactorsType = "E31" Note, "`scaling_factors` is not float64", Reads / Reads, true,
        "`--fix` stores it as float64; digits that were lost stay lost";
    Compressed = "E32" Error, "`scaling_factors` is compressed", Fails / Reads, true,
        "`--fix` stores it in one piece, without filters";
    Chunked = "E33" Note, "`scaling_factors` is not in one piece", Reads / Reads, true,
        "`--fix` stores it in one piece";
    NotANumber = "E34" Error, "a coefficient is NaN", Reads / Fails, false,
        "a contact on a segment? compute it again with `leadfield weights --near-field radius`";
    Infinite = "E35" Error, "a coefficient is infinite", Reads / Fails, false,
        "a contact on a segment? compute it again with `leadfield weights --near-field radius`";
    AllOnes = "E36" Error, "all coefficients are 1: the file was laid out and never computed", Misreads / Misreads,
        false, "run the step that computes the coefficients, or `leadfield weights`";
    ZeroColumn = "E37" Warning, "a contact's coefficients are all 0", Reads / Reads, false,
        "right for a region without segments; else compute it again";
    ExtraOnes = "E38" Error, "one column more than contacts, all ones, as BlueRecording 0.2.1 writes", Misreads / Misreads,
        true, "`--fix` leaves the column out";
    ExtraColumn = "E39" Warning, "a column of no contact", Reads / Reads, false,
        "the simulator's report has it as one more contact, by number: name the contact, or make the file again";
    // ------------------------------------------------------------------ contacts
    NoContacts = "E40" Warning, "no contact is described: columns have no names", Reads / Reads, false,
        "the simulator's report numbers them; describe the contacts, or make the file again, to have names and places";
    NoIndex = "E41" Error, "a contact without its column's number", Drops / Reads, false,
        "store it as `/electrodes/{name}/{population}`";
    IndexRange = "E42" Error, "a column number outside the columns", Misreads / Reads, false,
        "make the file again: which column is meant cannot be told";
    IndexRepeated = "E43" Error, "two contacts with one column", Misreads / Reads, false,
        "make the file again: which column is meant cannot be told";
    IndexType = "E44" Note, "a column number that is no uint64 scalar", Reads / Reads, true,
        "`--fix` stores it as one";
    IndexNested = "E45" Error, "a column number at `{population}/electrode_id`, as the SONATA text has it", Fails / Reads,
        true, "`--fix` stores it where clients look, at `{population}`";
    SortedNames = "E46" Error, "columns in the order of sorted names under numbers in file order", Misreads / Misreads,
        true, "`--fix` gives each contact its own column";
    NoPosition = "E47" Error, "a contact without `position`", Fails / Reads, false,
        "store its position as float32 `[3]`, um";
    PositionShape = "E48" Error, "a `position` that is not three numbers", Fails / Reads, false,
        "store x, y, z as float32 `[3]`, um";
    PositionType = "E49" Note, "a `position` that is not float32", Reads / Reads, true,
        "`--fix` stores it as float32";
    PositionValue = "E50" Warning, "a `position` that is not finite", Reads / Reads, false,
        "store the contact's place, um";
    NoType = "E51" Error, "a contact without `type`", Fails / Reads, false,
        "store its method's name as text";
    TypeNotText = "E52" Error, "a `type` that is no text", Fails / Reads, false,
        "store its method's name as text";
    UnknownMethod = "E53" Note, "a `type` that is no known method", Reads / Reads, false,
        "`leadfield weights --help` lists the known ones";
    LabelNotText = "E54" Note, "a `layer` or `region` that is no text", Reads / Reads, true,
        "`--fix` writes `NA`";
    StrayDataset = "E55" Error, "a dataset among the contacts", Fails / Reads, true,
        "`--fix` leaves it out";
    StrayGroup = "E56" Note, "a group among the contacts that is none", Reads / Reads, true,
        "`--fix` leaves it out";
    // ------------------------------------------------------------------ units
    WrongUnits = "E60" Error, "`units` is not `V/nA`: no client converts", Misreads / Misreads, false,
        "compute the file again from its table and compare with `leadfield validate weights`";
    NoUnits = "E61" Note, "`scaling_factors` has no attribute `units`", Reads / Reads, true,
        "`--fix` writes `V/nA`, which is what clients take it for";
    WrongColumnUnits = "E62" Error, "a contact's `units` is not the unit of its type", Misreads / Misreads, false,
        "potentials are V/nA, `ObjectiveCSD` is `1`, with `per_volume` `1/um3`: which is meant cannot be told";
    NoColumnUnits = "E63" Note, "a contact with `per_volume` has no attribute `units`", Reads / Reads, true,
        "`--fix` writes `1/um3`";
    // ------------------------------------------------------------------ against the circuit or its table
    OtherPopulation = "E70" Error, "the circuit's population is not in the file", Fails / Drops, false,
        "rename the population, or make the file from this circuit";
    MissingNode = "E71" Error, "a node of the circuit is not in the file", Fails / Drops, false,
        "make the file again with all nodes that are simulated";
    UnknownNode = "E72" Warning, "a node of the file is not in the circuit", Reads / Reads, false,
        "is it the circuit that the file was made from?";
    SegmentCount = "E73" Error, "a node has not one row a segment", Misreads / Misreads, false,
        "is it the circuit that the file was made from? make the file again from this one";
    // ------------------------------------------------------------------ against coefficients computed anew
    UnitFactor = "E80" Error, "coefficients are in another unit than V/nA", Misreads / Misreads, false,
        "compute the file again with `leadfield weights`, or multiply the coefficients";
    ColumnsExchanged = "E81" Error, "columns hold the coefficients of other contacts", Misreads / Misreads, false,
        "make the file again, or give each contact the number of its column";
    RowsReordered = "E82" Error, "the rows of nodes are in another order than segments", Misreads / Misreads, false,
        "make the file again: sections by ascending id, segments in order";
    OtherCoefficients = "E83" Error, "coefficients are not what the contact's method gives", Misreads / Misreads, false,
        "is it the table that the file was made from? compare with `leadfield validate weights`";
    SignFlipped = "E84" Error, "coefficients have the opposite sign", Misreads / Misreads, false,
        "compute the file again with `leadfield weights`, or multiply the coefficients by -1";
    RowsShifted = "E85" Error, "rows hold the coefficients of other segments: shifted, or of another node", Misreads / Misreads,
        false, "the numbers of segments differ before these rows, or `node_ids` are in another order: make the file again";
    ZeroRows = "E86" Error, "coefficients of 0 at contacts of point or line sources", Misreads / Misreads, false,
        "a run that wrote the file was cut short: make it again";
    OtherConductivity = "E87" Error, "coefficients of another conductivity than the contact states", Misreads / Misreads, false,
        "compute the file again with `leadfield weights --conductivity`, or correct the attribute `conductivity_S_per_m`";
}

impl Code {
    /// The code of a text such as `E01`.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|c| c.entry().code == text)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.entry().code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_ascend_and_errors_are_what_a_client_cannot_use() {
        let codes: Vec<&str> = Code::ALL.iter().map(|c| c.entry().code).collect();
        assert!(codes.is_sorted_by(|a, b| a < b), "{codes:?}");
        for code in Code::ALL {
            let Entry { severity, libsonata, simulator, .. } = *code.entry();
            let harmless = libsonata == Effect::Reads && simulator == Effect::Reads;
            assert!(!harmless || severity != Severity::Error, "{code}: no client minds");
            assert!(harmless || severity != Severity::Note, "{code}: a client minds");
            assert_eq!(Code::parse(code.entry().code), Some(*code));
        }
    }
}
