//! Looks up one contact's weights for the segments of a table.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array};
use arrow_schema::{DataType, Field};

use crate::error::{Context, Problem, Result, join_quoted};
use crate::segments::query::ColumnSource;
use crate::segments::table::schema::{NODE_ID, ROW};
use crate::segments::table::{Hits, SegmentTable};
use crate::sonata::electrodes_file::{ContactDescription, ElectrodesFile, PopulationEntry};

/// Errors of a look-up.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum WeightLookupProblem {
    /// The file has no contact of this name.
    #[error("unknown electrode, expected one of {known}, found `{name}`")]
    Electrode {
        /// The requested name.
        name: String,
        /// The names in the file.
        known: String,
    },
    /// The contact has no column for the table's population.
    #[error("electrode without a column for population `{0}`")]
    NoColumn(String),
    /// The file does not have the table's population.
    #[error("another population, expected `{expected}` as in the table, found {found}")]
    Population {
        /// The table's population.
        expected: String,
        /// The populations in the file.
        found: String,
    },
    /// A neuron has another number of segments in the file.
    #[error("another number of segments, expected {expected} as in the table, found {found}")]
    Segments {
        /// The table's number.
        expected: u64,
        /// The file's.
        found: u64,
    },
}

impl Problem for WeightLookupProblem {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Segments { .. } | Self::Population { .. } => {
                Some("was the electrodes file made for this circuit and this table?".into())
            }
            _ => None,
        }
    }
}

/// One contact's column of an electrodes file, for looking up segments of a table.
#[derive(Debug)]
pub struct WeightLookup {
    file: ElectrodesFile,
    population: PopulationEntry,
    electrode: String,
    description: ContactDescription,
    column: u64,
    /// Converts the column's unit to V/nA.
    factor: f64,
    /// First row and number of segments of each node in the table.
    table_rows: HashMap<u64, (u64, u64)>,
}

impl WeightLookup {
    /// Opens the column of an electrode, for the segments of a table.
    ///
    /// # Errors
    /// Returns an error if the file is not an electrodes file, lacks the electrode or the table's population, or has
    /// weights in an unknown unit; if a node has another number of segments in the file; or if the table has no list of
    /// neurons.
    pub fn open(path: &Path, electrode: &str, table: &SegmentTable) -> Result<Self> {
        let file = ElectrodesFile::open(path)?;
        let expected = &table.metadata().population;
        let population = match file.populations() {
            // a table that lost its metadata has no name: the file's only population is the right one
            [only] if expected.is_empty() => Some(only),
            all => all.iter().find(|p| p.name() == expected),
        };
        let other = || {
            let found = join_quoted(file.populations().iter().map(PopulationEntry::name), 12);
            WeightLookupProblem::Population { expected: expected.clone(), found }
        };
        let population = population.ok_or_else(other).in_file(path)?.clone();
        let found = file.electrodes().iter().find(|e| e.name == electrode);
        let unknown = || {
            let known = join_quoted(file.electrodes().iter().map(|e| e.name.as_str()), 12);
            WeightLookupProblem::Electrode { name: electrode.into(), known }
        };
        let entry = found.ok_or_else(unknown).in_file(path)?;
        let column = entry.column(population.name());
        let column = column.ok_or_else(|| WeightLookupProblem::NoColumn(population.name().into()));
        let column = column.in_item(&format!("/electrodes/{electrode}")).in_file(path)?;
        let neurons: HashMap<u64, (u64, u64)> =
            table.neurons()?.into_iter().map(|n| (n.node_id, (n.first_row, n.segments))).collect();
        let description = file.read_description(electrode)?;
        let factor = file.column_factor(&population, electrode)?;
        let lookup =
            Self { factor, population, electrode: electrode.into(), description, column, table_rows: neurons, file };
        lookup.check_segment_counts()?;
        Ok(lookup)
    }

    /// Returns the file.
    pub fn file(&self) -> &ElectrodesFile {
        &self.file
    }

    /// Returns the table's population in the file.
    pub fn population(&self) -> &PopulationEntry {
        &self.population
    }

    /// Returns the contact's name.
    pub fn electrode(&self) -> &str {
        &self.electrode
    }

    /// Returns the file's description of the contact.
    pub fn description(&self) -> &ContactDescription {
        &self.description
    }

    /// Returns the weights of segments, given by node and row of the table, in V/nA (or the method's own unit), whatever
    /// unit the file has; `None` for a node that the file does not have.
    ///
    /// # Errors
    /// Returns an error if a node has another number of segments in the file, or the file cannot be read.
    pub fn find_weights(&self, nodes: &[u64], rows: &[u64]) -> Result<Vec<Option<f64>>> {
        let places =
            nodes.iter().zip(rows).map(|(&node, &row)| self.file_row(node, row)).collect::<Result<Vec<_>>>()?;
        let mut order: Vec<(u64, usize)> = places.iter().zip(0..).filter_map(|(p, i)| Some(((*p)?, i))).collect();
        order.sort_unstable();
        let ascending: Vec<u64> = order.iter().map(|(row, _)| *row).collect();
        let found = self.file.read_column_rows(&self.population, self.column, &ascending)?;
        let mut values = vec![None; nodes.len()];
        for ((_, i), value) in order.into_iter().zip(found) {
            values[i] = Some(self.factor * value);
        }
        Ok(values)
    }

    /// Checks that the nodes of the file have as many segments as in the table; the first one that differs is named.
    fn check_segment_counts(&self) -> Result<()> {
        self.population.node_ids().iter().try_for_each(|&node| match self.table_rows.get(&node) {
            Some(&(first, _)) => self.file_row(node, first).map(drop),
            None => Ok(()),
        })
    }

    /// Returns the row in the file, which may list nodes in another order than the table.
    fn file_row(&self, node: u64, row: u64) -> Result<Option<u64>> {
        let Some(rows) = self.population.rows_of_node(node) else { return Ok(None) };
        let Some(&(first, segments)) = self.table_rows.get(&node) else { return Ok(None) };
        let found = rows.end - rows.start;
        if found != segments {
            return Err(WeightLookupProblem::Segments { expected: segments, found })
                .at_index("node", node)
                .in_file(self.file.path());
        }
        Ok(row.checked_sub(first).filter(|k| *k < segments).map(|k| rows.start + k))
    }
}

impl WeightLookup {
    /// Name of the column that a query's result has from the look-up, V/nA.
    pub const COLUMN: &'static str = "weight";
}

/// The weights, null for a node that the file does not have.
impl ColumnSource for WeightLookup {
    fn column_names(&self) -> Result<Vec<String>> {
        Ok(self.default_columns())
    }

    fn default_columns(&self) -> Vec<String> {
        vec![Self::COLUMN.into()]
    }

    fn required_columns(&self) -> &[&str] {
        &[NODE_ID, ROW]
    }

    fn column_field(&self, name: &str) -> Result<Field> {
        Ok(Field::new(name, DataType::Float64, true))
    }

    fn column_values(&self, _: &str, hits: &Hits) -> Result<ArrayRef> {
        Ok(Arc::new(Float64Array::from(self.find_weights(hits.node_ids()?, hits.rows()?)?)))
    }
}
