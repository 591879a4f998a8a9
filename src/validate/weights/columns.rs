//! Which column of one file belongs to which column of the other.

use std::collections::BTreeMap;

use super::{ColumnRule, CompareProblem, Options};
use crate::error::{Error, Result};
use crate::sonata::electrodes_file::{ElectrodesFile, Population, sorted_names};

/// What to do with columns of no contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ExtraColumn {
    /// They are compared in order; a difference in number is a difference.
    #[default]
    Compare,
    /// They are left out.
    Ignore,
}

/// A column of each file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matched {
    /// The contact's name, or what stands for it.
    pub name: String,
    /// The columns.
    pub columns: [usize; 2],
}

/// The columns of two populations, matched by name.
#[derive(Debug)]
pub struct Columns {
    /// Those of both, sorted by name as [`sorted_names`] does; columns of no contact at the end.
    pub matched: Vec<Matched>,
    /// Names on one side only.
    pub only_in: [Vec<String>; 2],
    /// Numbers of columns of no contact, where they differ and count.
    pub extra: Option<[u64; 2]>,
}

/// The columns of one population: those of contacts by name, and those of none.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Own {
    by_name: BTreeMap<String, usize>,
    extra: Vec<usize>,
}

impl Columns {
    /// Matches contacts by name.
    pub fn of(
        (file_a, a): (&ElectrodesFile, &Population),
        (file_b, b): (&ElectrodesFile, &Population),
        options: &Options,
    ) -> Result<Self> {
        let mut own = [Own::by_index(file_a, a), Own::by_index(file_b, b)];
        if options.columns == ColumnRule::SortedNames {
            if own.iter().all(|o| o.extra.len() != 1) {
                return Err(Error::from(CompareProblem::NoExtraColumn).in_file(file_a.path()));
            }
            own = own.map(Own::by_sorted_names);
        }
        Ok(Self::matched(&own, options.extra_column))
    }

    fn matched([a, b]: &[Own; 2], extra: ExtraColumn) -> Self {
        let names = sorted_names(a.by_name.keys().cloned().collect());
        let both = |name: &String| Some([*a.by_name.get(name)?, *b.by_name.get(name)?]);
        let mut matched: Vec<Matched> =
            names.into_iter().filter_map(|name| Some(Matched { columns: both(&name)?, name })).collect();
        let counts = [a.extra.len(), b.extra.len()];
        if extra == ExtraColumn::Compare {
            let pairs = a.extra.iter().zip(&b.extra);
            matched.extend(pairs.map(|(&i, &j)| Matched { name: format!("(column {i})"), columns: [i, j] }));
        }
        let differ = extra == ExtraColumn::Compare && counts[0] != counts[1];
        let alone = |of: &Own, other: &Own| {
            sorted_names(of.by_name.keys().filter(|n| !other.by_name.contains_key(*n)).cloned().collect())
        };
        Self { matched, only_in: [alone(a, b), alone(b, a)], extra: differ.then(|| counts.map(|n| n as u64)) }
    }
}

impl Own {
    fn by_index(file: &ElectrodesFile, population: &Population) -> Self {
        let column = |e: &crate::sonata::electrodes_file::ElectrodeEntry| e.column(population.name());
        let by_name: BTreeMap<String, usize> =
            file.electrodes().iter().filter_map(|e| Some((e.name.clone(), column(e)? as usize))).collect();
        let mut claimed = vec![false; population.columns() as usize];
        by_name.values().for_each(|&c| claimed.iter_mut().skip(c).take(1).for_each(|seen| *seen = true));
        let extra = claimed.iter().enumerate().filter_map(|(c, &seen)| (!seen).then_some(c)).collect();
        Self { by_name, extra }
    }

    /// The same contacts with their columns in the order of their names, in a file with a column too many.
    fn by_sorted_names(self) -> Self {
        if self.extra.len() != 1 {
            return self;
        }
        let names = sorted_names(self.by_name.into_keys().collect());
        let extra = vec![names.len()];
        Self { by_name: names.into_iter().zip(0..).collect(), extra }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(names: &[(&str, usize)], extra: &[usize]) -> Own {
        Own { by_name: names.iter().map(|&(n, c)| (n.to_string(), c)).collect(), extra: extra.to_vec() }
    }

    #[test]
    fn sorted_names_apply_to_the_file_with_a_column_too_many_only() {
        let original = own(&[("e1", 0), ("e2", 1), ("e10", 2)], &[3]);
        assert_eq!(original.by_sorted_names(), own(&[("e1", 0), ("e10", 1), ("e2", 2)], &[3]));
        let ours = own(&[("e1", 0), ("e2", 1), ("e10", 2)], &[]);
        assert_eq!(ours.clone().by_sorted_names(), ours);
    }

    #[test]
    fn a_name_or_a_column_on_one_side_is_told() {
        let both = [own(&[("a", 0), ("b", 1)], &[2]), own(&[("b", 0), ("c", 1)], &[])];
        let columns = Columns::matched(&both, ExtraColumn::Compare);
        assert_eq!(columns.matched, [Matched { name: "b".into(), columns: [1, 0] }]);
        assert_eq!(columns.only_in, [vec!["a".to_string()], vec!["c".to_string()]]);
        assert_eq!(columns.extra, Some([1, 0]));
        assert_eq!(Columns::matched(&both, ExtraColumn::Ignore).extra, None);
    }
}
