//! Columns labelled (id, section) become neurons.

use std::collections::HashSet;

use super::neuron::SOMA;
use super::{BoundaryProblem, Neuron};
use crate::convert::pickle::{DataFrame, RowLabels};
use crate::error::{Context, Result, listed};
use crate::geometry::Point;

/// The names of the two levels.
pub(super) const LEVELS: [&str; 2] = ["id", "section"];

/// What all forms have: a label of two levels and a point for each column.
#[derive(Debug, Default)]
pub(super) struct Columns {
    pub ids: Vec<i64>,
    pub sections: Vec<i64>,
    pub points: Vec<Point>,
}

impl Columns {
    /// The columns of a data frame.
    pub fn of_frame(frame: &DataFrame) -> Result<Self> {
        let names: Vec<&str> = frame.columns().names().iter().map(|name| name.as_deref().unwrap_or("")).collect();
        if frame.columns().levels() != 2 || !(names == LEVELS || names.iter().all(|name| name.is_empty())) {
            let found = listed(&names, 4);
            return Err(BoundaryProblem::Labels(found).into());
        }
        if frame.rows() != 3 {
            return Err(BoundaryProblem::Rows(frame.rows() as u64).into());
        }
        let axes = axes(frame.row_labels())?;
        let point = |values: &[f64; 3]| Point::from(axes.map(|row| values[row]));
        let points = frame.values().as_chunks::<3>().0.iter().map(point).collect();
        Ok(Self { ids: frame.columns().labels(0).collect(), sections: frame.columns().labels(1).collect(), points })
    }

    /// The neurons, in the order of their columns.
    pub fn neurons(&self) -> Result<Vec<Neuron>> {
        for length in [self.sections.len(), self.points.len()] {
            if length != self.ids.len() {
                return Err(BoundaryProblem::Length { expected: self.ids.len(), found: length }.into());
            }
        }
        let (mut neurons, mut seen, mut from) = (Vec::new(), HashSet::new(), 0);
        for run in self.ids.chunk_by(|a, b| a == b) {
            let range = from..from + run.len();
            let neuron = self.neuron(range.clone())?;
            if !seen.insert(neuron.node_id) {
                return Err(BoundaryProblem::NeuronTwice(neuron.node_id)).at("column", from as u64);
            }
            neurons.push(neuron);
            from = range.end;
        }
        if neurons.is_empty() { Err(BoundaryProblem::Empty.into()) } else { Ok(neurons) }
    }

    /// The neuron that some columns are of.
    fn neuron(&self, range: std::ops::Range<usize>) -> Result<Neuron> {
        let first = range.start;
        let id = self.ids.get(first).copied().unwrap_or_default();
        let wrong = BoundaryProblem::Id { what: "id", most: i64::MAX.unsigned_abs(), found: id };
        let mut neuron = Neuron::new(u64::try_from(id).map_err(|_| wrong).at("column", first as u64)?);
        let mut from = first;
        for run in self.sections.get(range).unwrap_or_default().chunk_by(|a, b| a == b) {
            let (at, boundaries) = (from, self.points.get(from..from + run.len()).unwrap_or_default());
            let found = run.first().copied().unwrap_or_default();
            let wrong = BoundaryProblem::Id { what: "section", most: u64::from(u32::MAX), found };
            let section = u32::try_from(found).map_err(|_| wrong).at("column", at as u64)?;
            check(neuron.node_id, section, boundaries, at)?;
            neuron.push(section, boundaries);
            from += run.len();
        }
        neuron.sort();
        match neuron.twice() {
            Some(section) => {
                Err(BoundaryProblem::SectionTwice { node: neuron.node_id, section }).at("column", first as u64)
            }
            None => Ok(neuron),
        }
    }
}

/// The rows that hold x, y and z, as their labels say: x, y, z in either case, or 0, 1, 2, in any order.
pub(super) fn axes(labels: &RowLabels) -> Result<[usize; 3], BoundaryProblem> {
    let (names, found): (Vec<String>, String) = match labels {
        RowLabels::Numbers(numbers) => {
            (numbers.iter().map(i64::to_string).collect(), listed(numbers.iter().map(i64::to_string), 6))
        }
        RowLabels::Texts(texts) => {
            let shown = texts.iter().map(|text| text.chars().take(20).collect::<String>());
            (texts.iter().map(|text| text.to_ascii_lowercase()).collect(), listed(shown, 6))
        }
        RowLabels::Other => (Vec::new(), "an index of another kind".into()),
    };
    let place = |name: &str| names.iter().position(|other| other == name);
    let rows = |names: [&str; 3]| Some([place(names[0])?, place(names[1])?, place(names[2])?]);
    let known = rows(["x", "y", "z"]).or_else(|| rows(["0", "1", "2"]));
    known.filter(|_| names.len() == 3).ok_or(BoundaryProblem::RowLabels(found))
}

/// Refuses a section without a segment, and points that are nowhere.
fn check(node: u64, section: u32, boundaries: &[Point], first: usize) -> Result<()> {
    if section != SOMA && boundaries.len() < 2 {
        return Err(BoundaryProblem::Alone { node, section }).at("column", first as u64);
    }
    for (column, point) in (first as u64..).zip(boundaries) {
        if let Some(found) = point.to_array().into_iter().find(|c| !c.is_finite()) {
            return Err(BoundaryProblem::NotFinite { node, section, found }).at("column", column);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(labels: &[(i64, i64)]) -> Columns {
        let points = (0..labels.len()).map(|i| Point::new(i as f64, 0.0, 0.0)).collect();
        Columns { ids: labels.iter().map(|l| l.0).collect(), sections: labels.iter().map(|l| l.1).collect(), points }
    }

    #[track_caller]
    fn refused(labels: &[(i64, i64)], message: &str) {
        assert_eq!(columns(labels).neurons().unwrap_err().to_string(), message);
    }

    #[test]
    fn neurons_and_sections_come_in_any_order() {
        let neurons = columns(&[(9, 4), (9, 4), (9, 0), (2, 0), (2, 0), (2, 1), (2, 1), (2, 1)]).neurons().unwrap();
        let told: Vec<_> = neurons
            .iter()
            .map(|n| (n.node_id, n.sections().map(|s| (s.id, s.boundaries[0].x, s.segments())).collect::<Vec<_>>()))
            .collect();
        assert_eq!(told, [(9, vec![(0, 2.0, 1), (4, 0.0, 1)]), (2, vec![(0, 3.0, 2), (1, 5.0, 2)])]);
    }

    #[test]
    fn what_is_no_neuron_is_told_with_its_column() {
        refused(&[], "no boundaries, expected at least one neuron");
        refused(
            &[(1, 0), (2, 0), (1, 3), (1, 3)],
            "column[2]: neuron in two places, expected all its columns in a row, found node 1 again",
        );
        refused(
            &[(1, 3), (1, 3), (1, 0), (1, 3), (1, 3)],
            "column[0]: section in two places, expected all its columns in a row, found section 3 of node 1 again",
        );
        refused(
            &[(1, 0), (1, 3), (1, 4), (1, 4)],
            "column[1]: one boundary alone, expected two or more for section 3 of node 1, found 1",
        );
        refused(&[(-1, 0)], "column[0]: wrong id, expected a number from 0 to 9223372036854775807, found -1");
        refused(&[(1, 0), (1, -2)], "column[1]: wrong section, expected a number from 0 to 4294967295, found -2");
        let mut infinite = columns(&[(1, 0), (1, 2), (1, 2)]);
        infinite.points[2].z = f64::NAN;
        let message = "column[2]: wrong coordinate, expected a finite number for section 2 of node 1, found NaN";
        assert_eq!(infinite.neurons().unwrap_err().to_string(), message);
        let mut short = columns(&[(1, 0)]);
        short.points.clear();
        assert_eq!(short.neurons().unwrap_err().to_string(), "wrong length, expected 1 as of `id`, found 0");
    }
}
