//! Compares two electrodes files: nodes matched by id, contacts by name, rows read in blocks.

mod accumulator;
mod causes;
mod differing_rows;
mod matched_columns;
mod matched_rows;
mod parallel_pass;
mod quantiles;
mod results;
mod row_kernel;
mod row_pairs;
mod units;
mod worst_pairs;

pub use crate::sonata::electrodes_file::ColumnRule;
pub use causes::{CauseEvidence, SegmentsByBranchRule, WeightsCause, find_causes};
pub use differing_rows::{DifferingNode, DifferingRows, find_differing_rows};
pub use matched_columns::ExtraColumn;
pub use matched_rows::SegmentCounts;
pub use quantiles::QUANTILES;
pub use results::{ContactComparison, LocatedDifference, WorstPair};
pub use row_pairs::{contact_names, for_each_row};
pub use units::{UnitMismatch, group_by_units};

use super::Tolerance;
use crate::error::{Problem, Result};
use crate::sonata::electrodes_file::{ElectrodesFile, PopulationEntry};
use matched_columns::MatchedColumns;
use matched_rows::MatchedRows;

/// Options of the comparison.
#[derive(Debug, Clone, Copy)]
pub struct WeightsOptions {
    /// Largest allowed difference of weights.
    pub tolerance: Tolerance,
    /// How to treat columns without a contact.
    pub extra_column: ExtraColumn,
    /// How columns belong to contacts.
    pub column_rule: ColumnRule,
}

/// Reasons why files cannot be compared.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum CompareProblem {
    /// Neither file has the extra column of BlueRecording 0.2.1.
    #[error("columns cannot be sorted by name, expected a file with one more column than contacts, found none")]
    NoExtraColumn,
}

impl Problem for CompareProblem {
    fn hint(&self) -> Option<String> {
        Some(
            "`--columns sorted-names` is for files of BlueRecording 0.2.1; leave it out to use the column numbers of \
             each file"
                .into(),
        )
    }
}

/// Result of comparing two populations. Nodes, contacts and columns in only one file are listed, but not compared.
#[derive(Debug, Clone, PartialEq)]
pub struct WeightsComparison {
    /// Their names.
    pub populations: [String; 2],
    /// Number of nodes compared.
    pub nodes: u64,
    /// Number of rows compared.
    pub rows: u64,
    /// Nodes that are in only one file.
    pub nodes_only_in: [Vec<u64>; 2],
    /// Nodes whose numbers of segments differ.
    pub segment_counts: Vec<SegmentCounts>,
    /// Contacts that are in only one file.
    pub contacts_only_in: [Vec<String>; 2],
    /// Contacts whose columns are in different units, with the units of both files.
    pub unit_mismatches: Vec<UnitMismatch>,
    /// Numbers of columns without a contact, if they differ and are not ignored.
    pub extra_columns: Option<[u64; 2]>,
    /// The contacts in both files, sorted by name.
    pub contacts: Vec<ContactComparison>,
    /// The pairs furthest outside the tolerance, the worst first: at most ten.
    pub worst: Vec<WorstPair>,
}

impl WeightsComparison {
    /// Returns whether the files agree within the tolerance, and nothing is in only one file.
    pub fn agrees(&self) -> bool {
        let complete = self.nodes_only_in.iter().all(Vec::is_empty) && self.contacts_only_in.iter().all(Vec::is_empty);
        let fits = self.segment_counts.is_empty() && self.extra_columns.is_none() && self.unit_mismatches.is_empty();
        complete && fits && self.contacts.iter().all(|e| e.outside_count == 0)
    }
}

/// Populations to compare.
#[derive(Debug)]
pub struct PopulationPairs<'a> {
    /// Pairs of a population of each file.
    pub pairs: Vec<(&'a PopulationEntry, &'a PopulationEntry)>,
    /// Names that are in only one file.
    pub only_in: [Vec<String>; 2],
}

/// Pairs the populations of two files: the named ones, or else the only one of each file whatever its name, or else
/// those of the same name.
///
/// # Errors
/// Returns an error if a named population is not in its file.
pub fn pair_populations<'a>(
    a: &'a ElectrodesFile,
    b: &'a ElectrodesFile,
    named: Option<(&str, &str)>,
) -> Result<PopulationPairs<'a>> {
    if let Some((in_a, in_b)) = named {
        let pairs = vec![(a.population(in_a)?, b.population(in_b)?)];
        return Ok(PopulationPairs { pairs, only_in: Default::default() });
    }
    if let ([one], [other]) = (a.populations(), b.populations()) {
        return Ok(PopulationPairs { pairs: vec![(one, other)], only_in: Default::default() });
    }
    let twin = |p: &PopulationEntry, of: &'a ElectrodesFile| of.populations().iter().find(|q| q.name() == p.name());
    let pairs = a.populations().iter().filter_map(|p| Some((p, twin(p, b)?))).collect();
    let alone = |of: &'a ElectrodesFile, in_: &'a ElectrodesFile| {
        of.populations().iter().filter(|p| twin(p, in_).is_none()).map(|p| p.name().to_string()).collect()
    };
    Ok(PopulationPairs { pairs, only_in: [alone(a, b), alone(b, a)] })
}

/// Compares two populations in parallel. `progress` is called with numbers of rows done.
///
/// # Errors
/// Returns an error if a file cannot be read, or if columns are to be sorted by name and neither file has an extra
/// column.
pub fn compare(
    (file_a, a): (&ElectrodesFile, &PopulationEntry),
    (file_b, b): (&ElectrodesFile, &PopulationEntry),
    options: &WeightsOptions,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<WeightsComparison> {
    let columns = MatchedColumns::new((file_a, a), (file_b, b), options)?;
    let rows = MatchedRows::new(a, b);
    let factors = [file_a.weights_dataset(a)?, file_b.weights_dataset(b)?];
    let accumulator = parallel_pass::accumulate(&factors, &columns, &rows, options.tolerance, progress)?;
    let compared = rows.spans.iter().map(|s| s.rows).sum();
    Ok(WeightsComparison {
        populations: [a.name().into(), b.name().into()],
        nodes: rows.node_count,
        rows: compared,
        nodes_only_in: rows.only_in,
        segment_counts: rows.segment_counts,
        extra_columns: columns.extra_counts,
        unit_mismatches: units::find_unit_mismatches((file_a, a), (file_b, b), &columns.matched)?,
        worst: results::locate_worst_pairs(&accumulator, &columns.matched, a),
        contacts: results::contact_comparisons(&accumulator, &columns.matched, a, compared),
        contacts_only_in: columns.only_in,
    })
}
