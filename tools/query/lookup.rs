//! Coefficients of an electrodes file for the segments found.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use arrow_array::Float64Array;
use leadfield::Result;
use leadfield::error::{Context, Problem, listed};
use leadfield::sonata::electrodes_file::{ElectrodesFile, Population};
use leadfield::table::Table;

/// Rows further apart than this are read apart.
const GAP: u64 = 16;
/// Rows read together at most.
const MOST: u64 = 4096;

/// What can be wrong with a look-up.
#[derive(Debug, thiserror::Error)]
enum LookupProblem {
    #[error("unknown electrode, expected one of {known}, found `{name}`")]
    Electrode { name: String, known: String },
    #[error("electrode without a column for population `{0}`")]
    NoColumn(String),
    #[error("another number of segments, expected {expected} as in the table, found {found}")]
    Segments { expected: u64, found: u64 },
    #[error("table without a list of neurons, expected one that `leadfield positions` wrote")]
    Foreign,
}

impl Problem for LookupProblem {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Segments { .. } => Some("was the electrodes file made for this circuit and this table?".into()),
            _ => None,
        }
    }
}

/// One contact's column of an electrodes file.
pub struct Weights {
    file: ElectrodesFile,
    path: PathBuf,
    population: Population,
    column: u64,
    /// First row and number of segments of each node, as the table counts them.
    neurons: HashMap<u64, (u64, u64)>,
}

impl Weights {
    /// The column of an electrode, for the segments of a table.
    pub fn open(path: &Path, electrode: &str, table: &Table) -> Result<Self> {
        let file = ElectrodesFile::open(path)?;
        if table.is_foreign() {
            return Err(LookupProblem::Foreign).in_file(table.path());
        }
        let population = file.population(&table.metadata().population)?.clone();
        let found = file.electrodes().iter().find(|e| e.name == electrode);
        let unknown = || {
            let known = listed(file.electrodes().iter().map(|e| e.name.as_str()), 12);
            LookupProblem::Electrode { name: electrode.into(), known }
        };
        let column = found.ok_or_else(unknown).in_file(path)?.column(population.name());
        let column = column.ok_or_else(|| LookupProblem::NoColumn(population.name().into()));
        let column = column.in_object(&format!("/electrodes/{electrode}")).in_file(path)?;
        let neurons = table.neurons()?.into_iter().map(|n| (n.node_id, (n.first_row, n.segments))).collect();
        Ok(Self { path: path.to_path_buf(), population, column, neurons, file })
    }

    /// The coefficients of segments by node and row; null for a node that the file does not have.
    pub fn of(&self, nodes: &[u64], rows: &[u64]) -> Result<Float64Array> {
        let places = nodes.iter().zip(rows).map(|(&node, &row)| self.place(node, row)).collect::<Result<Vec<_>>>()?;
        let mut order: Vec<(u64, usize)> = places.iter().zip(0..).filter_map(|(p, i)| Some(((*p)?, i))).collect();
        order.sort_unstable();
        let mut values = vec![None; nodes.len()];
        let columns = self.population.columns();
        let mut rest = order.as_slice();
        while let Some(&(first, _)) = rest.first() {
            let near = |pair: &[(u64, usize)]| pair[1].0 - pair[0].0 <= GAP && pair[1].0 - first < MOST;
            let length = 1 + rest.windows(2).take_while(|pair| near(pair)).count();
            let (run, later) = rest.split_at(length);
            let last = run.last().map_or(first, |r| r.0);
            let block = self.file.rows(&self.population, first..last + 1)?;
            for &(row, i) in run {
                values[i] = block.get(((row - first) * columns + self.column) as usize).copied();
            }
            rest = later;
        }
        Ok(values.into_iter().collect())
    }

    /// The row in the file, which may list nodes in another order than the table.
    fn place(&self, node: u64, row: u64) -> Result<Option<u64>> {
        let Some(rows) = self.population.rows_of(node) else { return Ok(None) };
        let Some(&(first, segments)) = self.neurons.get(&node) else { return Ok(None) };
        let found = rows.end - rows.start;
        if found != segments {
            return Err(LookupProblem::Segments { expected: segments, found }).at("node", node).in_file(&self.path);
        }
        Ok(row.checked_sub(first).filter(|k| *k < segments).map(|k| rows.start + k))
    }
}
