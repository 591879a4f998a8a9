//! The contacts of an electrodes file in the order of their columns, whatever version of BlueRecording wrote it.
//!
//! Version 0.2.1 writes a last column of ones that belongs to no contact, and fills columns in the order of sorted names
//! under indices in file order: unsorted names are mislabelled.

use std::collections::HashMap;

use super::ConversionProblem;
use crate::error::{Context, Result};
use crate::sonata::electrodes_file::{ColumnRule, ContactEntry, ElectrodesFile, PopulationEntry, sort_names};

/// The contacts of a file in the order of their indices, and where their columns are.
#[derive(Debug)]
pub(super) struct ContactColumns<'a> {
    pub entries: Vec<&'a ContactEntry>,
    /// The column of each in the file.
    pub columns: Vec<usize>,
    /// Whether a last column belongs to nobody.
    pub has_extra_column: bool,
    /// Whether indices were not believed.
    pub is_relabelled: bool,
}

impl<'a> ContactColumns<'a> {
    /// The contacts of a population.
    pub fn new(file: &'a ElectrodesFile, population: &PopulationEntry, rule: ColumnRule) -> Result<Self> {
        Self::from_entries(file.electrodes(), population, rule).in_file(file.path())
    }

    fn from_entries(
        all: &'a [ContactEntry],
        population: &PopulationEntry,
        rule: ColumnRule,
    ) -> Result<Self, ConversionProblem> {
        let index = |e: &'a ContactEntry| {
            let column = e.column(population.name());
            column.map(|column| (column, e)).ok_or_else(|| ConversionProblem::NoColumn(e.name.clone()))
        };
        let mut indexed = all.iter().map(index).collect::<Result<Vec<_>, _>>()?;
        indexed.sort_by_key(|(column, _)| *column);
        if let Some(((column, a), (_, b))) = indexed.iter().zip(indexed.iter().skip(1)).find(|(a, b)| a.0 == b.0) {
            let (first, second) = (a.name.clone(), b.name.clone());
            return Err(ConversionProblem::SharedColumn { column: *column, first, second });
        }
        let (expected, found) = (indexed.len() as u64, population.columns());
        if found != expected && found != expected + 1 {
            return Err(ConversionProblem::ColumnCount { expected, found });
        }
        let by_index: Vec<usize> = indexed.iter().map(|(column, _)| *column as usize).collect();
        let entries: Vec<&ContactEntry> = indexed.into_iter().map(|(_, e)| e).collect();
        let extra = found == expected + 1;
        let columns = match rule {
            ColumnRule::SortedNames if extra => sorted_name_positions(&entries),
            _ => by_index.clone(),
        };
        if extra && columns.contains(&entries.len()) {
            return Err(ConversionProblem::ColumnCount { expected, found });
        }
        Ok(Self { is_relabelled: columns != by_index, entries, columns, has_extra_column: extra })
    }

    /// A block of rows with the contacts' columns in order. `width` is the file's.
    pub fn arrange_rows(&self, values: &[f64], width: usize, out: &mut Vec<f64>) -> Result<(), ConversionProblem> {
        out.clear();
        for row in values.chunks_exact(width.max(1)) {
            if let Some(found) = row.last().filter(|last| self.has_extra_column && **last != 1.0) {
                return Err(ConversionProblem::NotOnes(*found));
            }
            out.extend(self.columns.iter().filter_map(|&column| row.get(column)));
        }
        Ok(())
    }
}

/// The place of each name in sorted order.
fn sorted_name_positions(entries: &[&ContactEntry]) -> Vec<usize> {
    let sorted = sort_names(entries.iter().map(|e| e.name.clone()).collect());
    let places: HashMap<&str, usize> = sorted.iter().map(String::as_str).zip(0..).collect();
    entries.iter().filter_map(|e| places.get(e.name.as_str()).copied()).collect()
}
