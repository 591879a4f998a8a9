//! Detects causes that concern columns: a column of ones without a contact, and columns in the order of sorted names.

use super::{FilePopulation, WeightsCause, for_each_block};
use crate::error::Result;
use crate::validate::weights::{ColumnRule, ExtraColumn, WeightsComparison, WeightsOptions, compare};

pub(super) fn find_extra_column(
    a: FilePopulation<'_>,
    b: FilePopulation<'_>,
    found: &WeightsComparison,
) -> Result<Option<WeightsCause>> {
    let (file, (reader, population)) = match found.extra_columns {
        Some([1, 0]) => (0, a),
        Some([0, 1]) => (1, b),
        _ => return Ok(None),
    };
    let (factors, last) = (reader.weights_dataset(population)?, population.columns().saturating_sub(1) as usize);
    let mut ones = true;
    for_each_block(&factors, |_, values| {
        ones &= values.chunks_exact(last + 1).all(|row| row.last() == Some(&1.0));
        ones
    })?;
    Ok((ones && factors.rows() > 0).then_some(WeightsCause::ExtraColumn { file }))
}

pub(super) fn find_sorted_names(
    a: FilePopulation<'_>,
    b: FilePopulation<'_>,
    options: &WeightsOptions,
    outside: &[&str],
) -> Result<Option<WeightsCause>> {
    let has_extra = |(file, population): FilePopulation<'_>| {
        let own = file.electrodes().iter().filter(|e| e.column(population.name()).is_some()).count() as u64;
        population.columns() == own + 1
    };
    if options.column_rule == ColumnRule::SortedNames || !(has_extra(a) || has_extra(b)) {
        return Ok(None);
    }
    let sorted = WeightsOptions { column_rule: ColumnRule::SortedNames, extra_column: ExtraColumn::Ignore, ..*options };
    let again = compare(a, b, &sorted, &|_| ())?;
    let all = again.contacts.iter().all(|e| e.outside_count == 0);
    Ok(all.then(|| WeightsCause::SortedNames { contacts: outside.iter().map(|&name| name.into()).collect() }))
}
