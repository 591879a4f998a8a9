//! Matches the columns of two files.

use std::collections::BTreeMap;

use super::{ColumnRule, CompareProblem, WeightsOptions};
use crate::error::{Error, Result};
use crate::sonata::electrodes_file::{ElectrodesFile, PopulationEntry, sort_names};

/// How to treat columns without a contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ExtraColumn {
    /// Compare them in order; different numbers of them are a difference.
    #[default]
    Compare,
    /// Ignore them.
    Ignore,
}

/// A pair of matching columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatchedColumn {
    /// The contact's name, or a substitute.
    pub name: String,
    /// The column in each file.
    pub columns: [usize; 2],
}

/// The columns of two populations, matched by name.
#[derive(Debug)]
pub struct MatchedColumns {
    /// Columns in both, sorted by name as by `contact_names`; columns without a contact are last.
    pub matched: Vec<MatchedColumn>,
    /// Names in only one file.
    pub only_in: [Vec<String>; 2],
    /// Numbers of columns without a contact, if they differ and are compared.
    pub extra_counts: Option<[u64; 2]>,
}

/// The columns of one population: those of contacts by name, and those without a contact.
#[derive(Debug, Clone, PartialEq, Eq)]
struct PopulationColumns {
    by_name: BTreeMap<String, usize>,
    extra_columns: Vec<usize>,
}

impl MatchedColumns {
    /// Matches contacts by name.
    pub fn new(
        (file_a, a): (&ElectrodesFile, &PopulationEntry),
        (file_b, b): (&ElectrodesFile, &PopulationEntry),
        options: &WeightsOptions,
    ) -> Result<Self> {
        let mut own = [PopulationColumns::from_index(file_a, a), PopulationColumns::from_index(file_b, b)];
        if options.column_rule == ColumnRule::SortedNames {
            if own.iter().all(|o| o.extra_columns.len() != 1) {
                return Err(Error::from(CompareProblem::NoExtraColumn).in_file(file_a.path()));
            }
            own = own.map(PopulationColumns::reorder_by_sorted_names);
        }
        Ok(Self::match_columns(&own, options.extra_column))
    }

    fn match_columns([a, b]: &[PopulationColumns; 2], extra: ExtraColumn) -> Self {
        let names = sort_names(a.by_name.keys().cloned().collect());
        let both = |name: &String| Some([*a.by_name.get(name)?, *b.by_name.get(name)?]);
        let mut matched: Vec<MatchedColumn> =
            names.into_iter().filter_map(|name| Some(MatchedColumn { columns: both(&name)?, name })).collect();
        let counts = [a.extra_columns.len(), b.extra_columns.len()];
        if extra == ExtraColumn::Compare {
            let pairs = a.extra_columns.iter().zip(&b.extra_columns);
            matched.extend(pairs.map(|(&i, &j)| MatchedColumn { name: format!("(column {i})"), columns: [i, j] }));
        }
        let differ = extra == ExtraColumn::Compare && counts[0] != counts[1];
        let alone = |of: &PopulationColumns, other: &PopulationColumns| {
            sort_names(of.by_name.keys().filter(|n| !other.by_name.contains_key(*n)).cloned().collect())
        };
        Self { matched, only_in: [alone(a, b), alone(b, a)], extra_counts: differ.then(|| counts.map(|n| n as u64)) }
    }
}

impl PopulationColumns {
    fn from_index(file: &ElectrodesFile, population: &PopulationEntry) -> Self {
        let column = |e: &crate::sonata::electrodes_file::ContactEntry| e.column(population.name());
        let by_name: BTreeMap<String, usize> =
            file.electrodes().iter().filter_map(|e| Some((e.name.clone(), column(e)? as usize))).collect();
        let mut claimed = vec![false; population.columns() as usize];
        by_name.values().for_each(|&c| claimed.iter_mut().skip(c).take(1).for_each(|seen| *seen = true));
        let extra = claimed.iter().enumerate().filter_map(|(c, &seen)| (!seen).then_some(c)).collect();
        Self { by_name, extra_columns: extra }
    }

    /// Assigns columns to the same contacts in the order of their names, in a file with an extra column.
    fn reorder_by_sorted_names(self) -> Self {
        if self.extra_columns.len() != 1 {
            return self;
        }
        let names = sort_names(self.by_name.into_keys().collect());
        let extra = vec![names.len()];
        Self { by_name: names.into_iter().zip(0..).collect(), extra_columns: extra }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(names: &[(&str, usize)], extra: &[usize]) -> PopulationColumns {
        PopulationColumns {
            by_name: names.iter().map(|&(n, c)| (n.to_string(), c)).collect(),
            extra_columns: extra.to_vec(),
        }
    }

    #[test]
    fn sorted_names_apply_to_the_file_with_a_column_too_many_only() {
        let original = own(&[("e1", 0), ("e2", 1), ("e10", 2)], &[3]);
        assert_eq!(original.reorder_by_sorted_names(), own(&[("e1", 0), ("e10", 1), ("e2", 2)], &[3]));
        let ours = own(&[("e1", 0), ("e2", 1), ("e10", 2)], &[]);
        assert_eq!(ours.clone().reorder_by_sorted_names(), ours);
    }

    #[test]
    fn a_name_or_a_column_in_only_one_file_is_reported() {
        let both = [own(&[("a", 0), ("b", 1)], &[2]), own(&[("b", 0), ("c", 1)], &[])];
        let columns = MatchedColumns::match_columns(&both, ExtraColumn::Compare);
        assert_eq!(columns.matched, [MatchedColumn { name: "b".into(), columns: [1, 0] }]);
        assert_eq!(columns.only_in, [vec!["a".to_string()], vec!["c".to_string()]]);
        assert_eq!(columns.extra_counts, Some([1, 0]));
        assert_eq!(MatchedColumns::match_columns(&both, ExtraColumn::Ignore).extra_counts, None);
    }
}
