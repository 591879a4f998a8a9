//! Orders the contacts of an electrodes file by their columns, for every version of BlueRecording.
//!
//! Version 0.2.1 writes an extra last column of ones without a contact, and writes columns in the order of sorted names
//! but indices in file order, so that unsorted names are mislabelled.

use std::collections::HashMap;

use super::ConversionProblem;
use crate::error::{Context, Result};
use crate::sonata::electrodes_file::{ColumnRule, ContactEntry, ElectrodesFile, PopulationEntry, sort_names};

/// The contacts of a file in the order of their indices, with their columns.
#[derive(Debug)]
pub(super) struct ContactColumns<'a> {
    pub entries: Vec<&'a ContactEntry>,
    /// The column of each contact in the file.
    pub columns: Vec<usize>,
    /// Whether the last column has no contact.
    pub has_extra_column: bool,
    /// Whether the file's indices were corrected.
    pub is_relabelled: bool,
}

impl<'a> ContactColumns<'a> {
    /// Reads the contacts of a population.
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

    /// Appends a block of rows with the columns in the order of contacts. `width` is the file's number of columns.
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

/// Returns the rank of each name in sorted order.
fn sorted_name_positions(entries: &[&ContactEntry]) -> Vec<usize> {
    let sorted = sort_names(entries.iter().map(|e| e.name.clone()).collect());
    let places: HashMap<&str, usize> = sorted.iter().map(String::as_str).zip(0..).collect();
    entries.iter().filter_map(|e| places.get(e.name.as_str()).copied()).collect()
}
