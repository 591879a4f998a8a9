//! Causes that are about columns: one of ones that is no contact's, and columns in the order of sorted names.

use super::{Cause, Side, each_block};
use crate::error::Result;
use crate::validate::weights::{ColumnRule, Comparison, ExtraColumn, Options, compare};

pub(super) fn extra_column(a: Side<'_>, b: Side<'_>, found: &Comparison) -> Result<Option<Cause>> {
    let (file, (reader, population)) = match found.extra_columns {
        Some([1, 0]) => (0, a),
        Some([0, 1]) => (1, b),
        _ => return Ok(None),
    };
    let (factors, last) = (reader.factors(population)?, population.columns().saturating_sub(1) as usize);
    let mut ones = true;
    each_block(&factors, |_, values| {
        ones &= values.chunks_exact(last + 1).all(|row| row.last() == Some(&1.0));
        ones
    })?;
    Ok((ones && factors.rows() > 0).then_some(Cause::ExtraColumn { file }))
}

pub(super) fn sorted_names(a: Side<'_>, b: Side<'_>, options: &Options, outside: &[&str]) -> Result<Option<Cause>> {
    let has_extra = |(file, population): Side<'_>| {
        let own = file.electrodes().iter().filter(|e| e.column(population.name()).is_some()).count() as u64;
        population.columns() == own + 1
    };
    if options.columns == ColumnRule::SortedNames || !(has_extra(a) || has_extra(b)) {
        return Ok(None);
    }
    let sorted = Options { columns: ColumnRule::SortedNames, extra_column: ExtraColumn::Ignore, ..*options };
    let again = compare(a, b, &sorted, &|_| ())?;
    let all = again.electrodes.iter().all(|e| e.outside == 0);
    Ok(all.then(|| Cause::SortedNames { contacts: outside.iter().map(|&name| name.into()).collect() }))
}
