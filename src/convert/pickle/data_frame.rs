//! Reads a data frame: columns with labels on several levels, and their values from pandas' blocks.

use super::{Array, GlobalName, MultiIndex, Pickle, PickleProblem, PickleValue, RowLabels, ValueId};
use crate::error::Result;

/// A data frame of numbers.
#[derive(Debug)]
pub struct DataFrame {
    rows: usize,
    row_labels: RowLabels,
    columns: MultiIndex,
    /// The values, column by column.
    values: Vec<f64>,
}

/// The columns of a block.
enum BlockColumns {
    /// At equal steps.
    Slice { start: usize, step: usize },
    /// As a list.
    List(Vec<i64>),
}

impl DataFrame {
    /// Reads the data frame that a pickle represents.
    ///
    /// # Errors
    /// Returns an error if the pickle represents something else, if its columns do not have labels on at least two
    /// levels, or if its blocks do not give each column its values exactly once.
    pub fn from_pickle(pickle: &Pickle<'_>) -> Result<Self> {
        let root = pickle.root();
        let Some((_, Some(state))) = pickle.find_object(root, GlobalName::DataFrame) else {
            return Err(pickle.type_error(root, "pickle", "a `DataFrame`"));
        };
        let manager = pickle.dict_value(state, "_mgr").or_else(|| pickle.dict_value(state, "_data"));
        let manager = manager.ok_or_else(|| pickle.type_error(state, "frame", "its `_mgr`"))?;
        let (blocks, axes) = PandasBlock::read_all(pickle, manager)?;
        let &[columns, rows] = axes else {
            return Err(pickle.type_error(manager, "frame", "two axes"));
        };
        let columns = MultiIndex::from_pickle(pickle, columns)?;
        let row_labels = RowLabels::from_pickle(pickle, rows)?;
        Ok(Self { row_labels, ..Self::from_blocks(pickle, manager, columns, &blocks)? })
    }

    /// Copies the blocks' columns to their positions.
    fn from_blocks(pickle: &Pickle<'_>, manager: ValueId, columns: MultiIndex, blocks: &[PandasBlock]) -> Result<Self> {
        let wrong = |expected: String, found: String| {
            pickle.error(manager, PickleProblem::WrongType { object: "frame", expected, found })
        };
        let (mut values, mut rows, mut filled) = (Vec::new(), None, vec![false; columns.len()]);
        for block in blocks {
            let array = Array::from_pickle(pickle, block.values)?;
            let &[own, height] = array.shape() else {
                return Err(pickle.type_error(block.values, "block", "an array of two dimensions"));
            };
            if *rows.get_or_insert(height) != height {
                return Err(wrong(format!("{} rows in each block", rows.unwrap_or(0)), format!("{height}")));
            }
            // checked before allocation: rows times columns are values that the file must contain to fill all columns
            let places = block.read_columns(pickle, own)?;
            let numbers = array.to_f64();
            values.resize(columns.len().saturating_mul(height).min(max_values(pickle)), 0.0);
            for i in 0..own {
                let place = places.get(i).filter(|&p| p < columns.len());
                let Some(place) = place else {
                    return Err(wrong(format!("columns below {}", columns.len()), "one out of range".into()));
                };
                if std::mem::replace(&mut filled[place], true) {
                    return Err(wrong("each column in one block".into(), format!("column {place} in two")));
                }
                let Some(target) = values.get_mut(place * height..(place + 1) * height) else {
                    return Err(wrong("values for all columns".into(), "fewer".into()));
                };
                for (row, value) in target.iter_mut().enumerate() {
                    *value = numbers[if array.is_fortran_order() { row * own + i } else { i * height + row }];
                }
            }
        }
        if let Some(empty) = filled.iter().position(|filled| !filled) {
            return Err(wrong("values for all columns".into(), format!("none for column {empty}")));
        }
        Ok(Self { rows: rows.unwrap_or(0), row_labels: RowLabels::Other, columns, values })
    }

    /// Returns the number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Returns the row labels.
    pub fn row_labels(&self) -> &RowLabels {
        &self.row_labels
    }

    /// Returns the column labels.
    pub fn columns(&self) -> &MultiIndex {
        &self.columns
    }

    /// Returns all values, column by column.
    pub fn values(&self) -> &[f64] {
        &self.values
    }
}

/// Returns the upper bound for the number of values in the file: each takes at least one byte, and at most eight.
fn max_values(pickle: &Pickle<'_>) -> usize {
    usize::try_from(pickle.length).unwrap_or(usize::MAX)
}

/// A block: its values and their columns.
struct PandasBlock {
    values: ValueId,
    columns: ValueId,
}

impl PandasBlock {
    /// Reads the blocks and axes of a block manager: its arguments since pandas 1.3, its state in older versions.
    fn read_all<'p>(pickle: &'p Pickle<'_>, manager: ValueId) -> Result<(Vec<Self>, &'p [ValueId])> {
        let wrong = || pickle.type_error(manager, "frame", "a `BlockManager` with blocks and axes");
        let (arguments, state) = pickle.find_object(manager, GlobalName::BlockManager).ok_or_else(wrong)?;
        if let (&[blocks, axes], None) = (arguments, state) {
            let blocks = pickle.items(blocks).ok_or_else(wrong)?;
            let blocks = blocks.iter().map(|&block| Self::from_pickle(pickle, block)).collect::<Result<_>>()?;
            return Ok((blocks, pickle.items(axes).ok_or_else(wrong)?));
        }
        let extra = state.and_then(|s| pickle.items(s)).and_then(|s| s.get(3).copied());
        let now = extra.and_then(|extra| pickle.dict_value(extra, "0.14.1")).ok_or_else(wrong)?;
        let items = |key| pickle.dict_value(now, key).and_then(|list| pickle.items(list)).ok_or_else(wrong);
        let block = |&block: &ValueId| {
            let member = |key| {
                pickle.dict_value(block, key).ok_or_else(|| pickle.type_error(block, "block", "values and positions"))
            };
            Ok(Self { values: member("values")?, columns: member("mgr_locs")? })
        };
        Ok((items("blocks")?.iter().map(block).collect::<Result<_>>()?, items("axes")?))
    }

    fn from_pickle(pickle: &Pickle<'_>, id: ValueId) -> Result<Self> {
        match pickle.find_object(id, GlobalName::Block) {
            Some((&[values, places, _dimensions], None)) => Ok(Self { values, columns: places }),
            _ => Err(pickle.type_error(id, "block", "values, positions and the number of dimensions")),
        }
    }

    /// Returns the positions of `columns` columns.
    fn read_columns(&self, pickle: &Pickle<'_>, columns: usize) -> Result<BlockColumns> {
        let wrong = || pickle.type_error(self.columns, "block", format!("positions of {columns} columns"));
        if let Some((&[start, stop, step], None)) = pickle.find_object(self.columns, GlobalName::Slice) {
            let number = |id| match pickle.get(id) {
                PickleValue::None => Some(1),
                _ => pickle.int(id).and_then(|n| usize::try_from(n).ok()),
            };
            let (start, stop, step) =
                (number(start).ok_or_else(wrong)?, number(stop).ok_or_else(wrong)?, number(step).ok_or_else(wrong)?);
            let count = stop.saturating_sub(start).div_ceil(step.max(1));
            return if count == columns { Ok(BlockColumns::Slice { start, step }) } else { Err(wrong()) };
        }
        let array = Array::from_pickle(pickle, self.columns)?;
        let places = array.to_i64().map_err(|_| wrong())?;
        if places.len() == columns { Ok(BlockColumns::List(places)) } else { Err(wrong()) }
    }
}

impl BlockColumns {
    fn get(&self, column: usize) -> Option<usize> {
        match self {
            Self::Slice { start, step } => column.checked_mul(*step)?.checked_add(*start),
            Self::List(places) => usize::try_from(*places.get(column)?).ok(),
        }
    }
}
