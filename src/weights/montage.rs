//! Differential montages: columns from which another column, or the mean of several, is subtracted.
//!
//! What is subtracted is always a column as its own method gives it: the reference of a reference does not count. The
//! average is that of all contacts whose reference is `average`, so that their columns sum to zero in every row.

use crate::electrodes::{ConfiguredElectrode, Reference};

/// What is subtracted from which column.
#[derive(Debug, Default)]
pub struct Montage {
    /// Column and the column that is subtracted from it.
    differences: Vec<(usize, usize)>,
    /// Columns of which the mean is subtracted.
    average: Vec<usize>,
}

impl Montage {
    /// That of contacts in column order, whose references are known to be there.
    pub fn from_electrodes(electrodes: &[ConfiguredElectrode]) -> Self {
        let mut montage = Self::default();
        for (column, electrode) in electrodes.iter().enumerate() {
            match &electrode.electrode.settings.reference {
                Some(Reference::Contact(name)) => {
                    let other = electrodes.iter().position(|e| e.electrode.name == *name);
                    montage.differences.extend(other.map(|other| (column, other)));
                }
                Some(Reference::Average) => montage.average.push(column),
                None => {}
            }
        }
        montage
    }

    /// The columns that make up a column besides itself.
    pub fn reference_columns(&self, column: usize) -> Vec<usize> {
        match self.differences.iter().find(|(from, _)| *from == column) {
            Some((_, other)) => vec![*other],
            None if self.average.contains(&column) => self.average.clone(),
            None => Vec::new(),
        }
    }

    /// Subtracts in rows of `width` columns. `scratch` is reused from call to call.
    pub fn subtract_references(&self, rows: &mut [f64], width: usize, scratch: &mut Vec<f64>) {
        if self.differences.is_empty() && self.average.is_empty() {
            return;
        }
        for row in rows.chunks_exact_mut(width.max(1)) {
            let value = |column: &usize| row.get(*column).copied().unwrap_or(f64::NAN);
            scratch.clear();
            scratch.extend(self.differences.iter().map(|(_, other)| value(other)));
            let mean = self.average.iter().map(value).sum::<f64>() / self.average.len() as f64;
            let differences = self.differences.iter().map(|(column, _)| column).zip(scratch.iter().copied());
            for (&column, subtracted) in differences.chain(self.average.iter().map(|column| (column, mean))) {
                if let Some(weight) = row.get_mut(column) {
                    *weight -= subtracted;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_subtracted_is_as_its_method_gave_it() {
        // 1 - 0, 2 - 1, and the average of 3 and 4
        let montage = Montage { differences: vec![(1, 0), (2, 1)], average: vec![3, 4] };
        let mut rows = [1.0, 10.0, 100.0, 3.0, 5.0, 2.0, 3.0, 5.0, 7.0, 13.0];
        montage.subtract_references(&mut rows, 5, &mut Vec::new());
        assert_eq!(rows, [1.0, 9.0, 90.0, -1.0, 1.0, 2.0, 1.0, 2.0, -3.0, 3.0]);
        assert_eq!(montage.reference_columns(2), [1]);
        assert_eq!(montage.reference_columns(4), [3, 4]);
        assert_eq!(montage.reference_columns(0), [0; 0]);
    }
}
