//! Reads the labels of a frame's columns: several levels, each a list of numbers, and one code per column and level.

use super::label_texts::read_first_text;
use super::{Array, GlobalName, Pickle, PickleProblem, PickleValue, ValueId};
use crate::error::Result;

/// The labels of a level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IndexLabels {
    /// Numbers at equal steps, stored as start, step and length.
    Range {
        /// The first number.
        start: i64,
        /// Difference between consecutive numbers.
        step: i64,
        /// Number of labels.
        length: u64,
    },
    /// A list of numbers.
    List(Vec<i64>),
}

/// Labels of columns on several levels.
#[derive(Debug, Clone)]
pub struct MultiIndex {
    levels: Vec<IndexLabels>,
    /// For each level, the index of each column's label.
    codes: Vec<Vec<i64>>,
    names: Vec<Option<String>>,
}

impl IndexLabels {
    /// Reads the labels of an index; `level` is the level's name, for messages about column labels.
    pub(super) fn from_pickle(pickle: &Pickle<'_>, id: ValueId, level: Option<&str>) -> Result<Self> {
        let (class, members) = index_class(pickle, id)?;
        if class == GlobalName::RangeIndex {
            let number = |key| {
                index_member(pickle, members, key)
                    .and_then(|n| pickle.int(n).ok_or_else(|| pickle.type_error(n, "range of labels", "an integer")))
            };
            let (start, stop, step) = (number("start")?, number("stop")?, number("step")?);
            let span = if step > 0 { stop.saturating_sub(start) } else { start.saturating_sub(stop) };
            let length = span.max(0).unsigned_abs().div_ceil(step.unsigned_abs().max(1));
            return Ok(Self::Range { start, step, length });
        }
        let data = index_member(pickle, members, "data")?;
        if let Some(found) = read_first_text(pickle, data) {
            let level = level.unwrap_or_default().into();
            return Err(pickle.error(data, PickleProblem::TextLabels { level, found }));
        }
        let array = Array::from_pickle(pickle, data)?;
        let not_whole = |found: String| {
            let expected = "integers".into();
            pickle.error(data, PickleProblem::WrongType { object: "labels", expected, found })
        };
        Ok(Self::List(array.to_i64().map_err(not_whole)?))
    }

    pub(super) fn get(&self, place: i64) -> Option<i64> {
        let place = u64::try_from(place).ok()?;
        match self {
            Self::Range { start, step, length } if place < *length => {
                start.checked_add(step.checked_mul(i64::try_from(place).ok()?)?)
            }
            Self::Range { .. } => None,
            Self::List(labels) => labels.get(usize::try_from(place).ok()?).copied(),
        }
    }
}

impl MultiIndex {
    pub(super) fn from_pickle(pickle: &Pickle<'_>, id: ValueId) -> Result<Self> {
        let wrong = |id| pickle.type_error(id, "columns", "a `MultiIndex` of two levels or more");
        let (GlobalName::MultiIndex, members) = index_class(pickle, id)? else { return Err(wrong(id)) };
        let items = |key| -> Result<&[ValueId]> {
            let list = index_member(pickle, members, key)?;
            pickle.items(list).ok_or_else(|| pickle.type_error(list, "columns", "a list"))
        };
        let (levels, codes) = (items("levels")?, items("codes")?);
        let names: Vec<Option<String>> =
            items("names")?.iter().map(|&name| pickle.text(name).map(str::to_string)).collect();
        if levels.len() != codes.len() || levels.len() < 2 {
            return Err(wrong(id));
        }
        let name = |number: usize| names.get(number).and_then(Option::as_deref);
        let level = |(number, &level): (usize, &ValueId)| IndexLabels::from_pickle(pickle, level, name(number));
        let levels = levels.iter().enumerate().map(level).collect::<Result<Vec<_>>>()?;
        let codes = codes.iter().map(|&codes| read_codes(pickle, codes)).collect::<Result<Vec<_>>>()?;
        let index = Self { levels, codes, names };
        index.check_codes(pickle, id)?;
        Ok(index)
    }

    /// Checks that each level has one code per column, and that each code is the index of a label.
    fn check_codes(&self, pickle: &Pickle<'_>, id: ValueId) -> Result<()> {
        let expected = self.len();
        for (labels, codes) in self.levels.iter().zip(&self.codes) {
            let problem = |expected: String, found: String| {
                pickle.error(id, PickleProblem::WrongType { object: "columns", expected, found })
            };
            if codes.len() != expected {
                return Err(problem(format!("{expected} codes on each level"), format!("{}", codes.len())));
            }
            if let Some(code) = codes.iter().find(|&&code| labels.get(code).is_none()) {
                return Err(problem("the index of a label".into(), format!("{code}")));
            }
        }
        Ok(())
    }

    /// Returns the number of columns.
    pub fn len(&self) -> usize {
        self.codes.first().map_or(0, Vec::len)
    }

    /// Returns whether there are no columns.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the number of levels.
    pub fn level_count(&self) -> usize {
        self.levels.len()
    }

    /// Returns the name of each level, if it has one.
    pub fn names(&self) -> &[Option<String>] {
        &self.names
    }

    /// Returns the labels of all columns on a level; empty if there is no such level.
    pub fn labels(&self, level: usize) -> impl Iterator<Item = i64> {
        let codes = self.codes.get(level).into_iter().flatten();
        codes.filter_map(move |&code| self.levels.get(level)?.get(code))
    }
}

fn read_codes(pickle: &Pickle<'_>, id: ValueId) -> Result<Vec<i64>> {
    let array = Array::from_pickle(pickle, id)?;
    let problem =
        |found| pickle.error(id, PickleProblem::WrongType { object: "columns", expected: "codes".into(), found });
    array.to_i64().map_err(problem)
}

/// Returns the class and the members of an index.
pub(super) fn index_class(pickle: &Pickle<'_>, id: ValueId) -> Result<(GlobalName, ValueId)> {
    let wrong = || pickle.type_error(id, "labels", "a pandas index");
    let Some((&[class, members], None)) = pickle.find_object(id, GlobalName::NewIndex) else { return Err(wrong()) };
    match pickle.get(class) {
        PickleValue::Global(class @ (GlobalName::Index | GlobalName::RangeIndex | GlobalName::MultiIndex)) => {
            Ok((*class, members))
        }
        _ => Err(wrong()),
    }
}

pub(super) fn index_member(pickle: &Pickle<'_>, members: ValueId, key: &'static str) -> Result<ValueId> {
    let absent = || pickle.type_error(members, "index", format!("its `{key}`"));
    pickle.dict_value(members, key).ok_or_else(absent)
}
