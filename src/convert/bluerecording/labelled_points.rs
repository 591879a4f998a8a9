//! Converts columns labelled (id, section) to neurons.

use std::collections::HashSet;

use super::neuron::SOMA_SECTION_ID;
use super::{NeuronPositions, PositionsFileProblem};
use crate::convert::pickle::{DataFrame, RowLabels};
use crate::error::{Context, Result, join_quoted};
use crate::geometry::Point;

/// Names of the two label levels.
pub(super) const LEVEL_NAMES: [&str; 2] = ["id", "section"];

/// Content of every file format: a two-level label and a point for each column.
#[derive(Debug, Default)]
pub(super) struct LabelledPoints {
    pub node_ids: Vec<i64>,
    pub section_ids: Vec<i64>,
    pub points: Vec<Point>,
}

impl LabelledPoints {
    /// Extracts the columns of a data frame.
    pub fn from_data_frame(frame: &DataFrame) -> Result<Self> {
        let names: Vec<&str> = frame.columns().names().iter().map(|name| name.as_deref().unwrap_or("")).collect();
        if frame.columns().level_count() != 2 || !(names == LEVEL_NAMES || names.iter().all(|name| name.is_empty())) {
            let found = join_quoted(&names, 4);
            return Err(PositionsFileProblem::ColumnLabels(found).into());
        }
        if frame.rows() != 3 {
            return Err(PositionsFileProblem::RowCount(frame.rows() as u64).into());
        }
        let axes = find_axes(frame.row_labels())?;
        let point = |values: &[f64; 3]| Point::from(axes.map(|row| values[row]));
        let points = frame.values().as_chunks::<3>().0.iter().map(point).collect();
        Ok(Self {
            node_ids: frame.columns().labels(0).collect(),
            section_ids: frame.columns().labels(1).collect(),
            points,
        })
    }

    /// Returns the neurons, in the order of their columns.
    pub fn to_neurons(&self) -> Result<Vec<NeuronPositions>> {
        for length in [self.section_ids.len(), self.points.len()] {
            if length != self.node_ids.len() {
                return Err(PositionsFileProblem::ArrayLength { expected: self.node_ids.len(), found: length }.into());
            }
        }
        let (mut neurons, mut seen, mut from) = (Vec::new(), HashSet::new(), 0);
        for run in self.node_ids.chunk_by(|a, b| a == b) {
            let range = from..from + run.len();
            let neuron = self.to_neuron(range.clone())?;
            if !seen.insert(neuron.node_id) {
                return Err(PositionsFileProblem::NeuronTwice(neuron.node_id)).at_index("column", from as u64);
            }
            neurons.push(neuron);
            from = range.end;
        }
        if neurons.is_empty() { Err(PositionsFileProblem::Empty.into()) } else { Ok(neurons) }
    }

    /// Returns the neuron of a range of columns.
    fn to_neuron(&self, range: std::ops::Range<usize>) -> Result<NeuronPositions> {
        let first = range.start;
        let id = self.node_ids.get(first).copied().unwrap_or_default();
        let wrong = PositionsFileProblem::IdRange { what: "id", most: i64::MAX.unsigned_abs(), found: id };
        let mut neuron = NeuronPositions::new(u64::try_from(id).map_err(|_| wrong).at_index("column", first as u64)?);
        let mut from = first;
        for run in self.section_ids.get(range).unwrap_or_default().chunk_by(|a, b| a == b) {
            let (at, boundaries) = (from, self.points.get(from..from + run.len()).unwrap_or_default());
            let found = run.first().copied().unwrap_or_default();
            let wrong = PositionsFileProblem::IdRange { what: "section", most: u64::from(u32::MAX), found };
            let section = u32::try_from(found).map_err(|_| wrong).at_index("column", at as u64)?;
            check_section(neuron.node_id, section, boundaries, at)?;
            neuron.push_section(section, boundaries);
            from += run.len();
        }
        neuron.sort_sections();
        match neuron.duplicate_section() {
            Some(section) => Err(PositionsFileProblem::SectionTwice { node: neuron.node_id, section })
                .at_index("column", first as u64),
            None => Ok(neuron),
        }
    }
}

/// Returns the rows of x, y and z by their labels: x, y, z in either case, or 0, 1, 2, in any order.
pub(super) fn find_axes(labels: &RowLabels) -> Result<[usize; 3], PositionsFileProblem> {
    let (names, found): (Vec<String>, String) = match labels {
        RowLabels::Numbers(numbers) => {
            (numbers.iter().map(i64::to_string).collect(), join_quoted(numbers.iter().map(i64::to_string), 6))
        }
        RowLabels::Texts(texts) => {
            let shown = texts.iter().map(|text| text.chars().take(20).collect::<String>());
            (texts.iter().map(|text| text.to_ascii_lowercase()).collect(), join_quoted(shown, 6))
        }
        RowLabels::Other => (Vec::new(), "an index of another type".into()),
    };
    let place = |name: &str| names.iter().position(|other| other == name);
    let rows = |names: [&str; 3]| Some([place(names[0])?, place(names[1])?, place(names[2])?]);
    let known = rows(["x", "y", "z"]).or_else(|| rows(["0", "1", "2"]));
    known.filter(|_| names.len() == 3).ok_or(PositionsFileProblem::RowLabels(found))
}

/// Returns an error for a section without a segment, and for points that are not finite.
fn check_section(node: u64, section: u32, boundaries: &[Point], first: usize) -> Result<()> {
    if section != SOMA_SECTION_ID && boundaries.len() < 2 {
        return Err(PositionsFileProblem::SinglePoint { node, section }).at_index("column", first as u64);
    }
    for (column, point) in (first as u64..).zip(boundaries) {
        if let Some(found) = point.to_array().into_iter().find(|c| !c.is_finite()) {
            return Err(PositionsFileProblem::NotFinite { node, section, found }).at_index("column", column);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(labels: &[(i64, i64)]) -> LabelledPoints {
        let points = (0..labels.len()).map(|i| Point::new(i as f64, 0.0, 0.0)).collect();
        LabelledPoints {
            node_ids: labels.iter().map(|l| l.0).collect(),
            section_ids: labels.iter().map(|l| l.1).collect(),
            points,
        }
    }

    #[track_caller]
    fn refused(labels: &[(i64, i64)], message: &str) {
        assert_eq!(columns(labels).to_neurons().unwrap_err().to_string(), message);
    }

    #[test]
    fn neurons_and_sections_come_in_any_order() {
        let neurons = columns(&[(9, 4), (9, 4), (9, 0), (2, 0), (2, 0), (2, 1), (2, 1), (2, 1)]).to_neurons().unwrap();
        let summary: Vec<_> = neurons
            .iter()
            .map(|n| (n.node_id, n.sections().map(|s| (s.id, s.points[0].x, s.segment_count())).collect::<Vec<_>>()))
            .collect();
        assert_eq!(summary, [(9, vec![(0, 2.0, 1), (4, 0.0, 1)]), (2, vec![(0, 3.0, 2), (1, 5.0, 2)])]);
    }

    #[test]
    fn invalid_neurons_are_reported_with_their_column() {
        refused(&[], "no boundaries, expected at least one neuron");
        refused(
            &[(1, 0), (2, 0), (1, 3), (1, 3)],
            "column[2]: columns of a neuron are not consecutive, expected all together, found node 1 again",
        );
        refused(
            &[(1, 3), (1, 3), (1, 0), (1, 3), (1, 3)],
            "column[0]: columns of a section are not consecutive, expected all together, found section 3 of node 1 \
             again",
        );
        refused(
            &[(1, 0), (1, 3), (1, 4), (1, 4)],
            "column[1]: single boundary, expected two or more for section 3 of node 1, found 1",
        );
        refused(&[(-1, 0)], "column[0]: wrong id, expected a number from 0 to 9223372036854775807, found -1");
        refused(&[(1, 0), (1, -2)], "column[1]: wrong section, expected a number from 0 to 4294967295, found -2");
        let mut infinite = columns(&[(1, 0), (1, 2), (1, 2)]);
        infinite.points[2].z = f64::NAN;
        let message = "column[2]: wrong coordinate, expected a finite number for section 2 of node 1, found NaN";
        assert_eq!(infinite.to_neurons().unwrap_err().to_string(), message);
        let mut short = columns(&[(1, 0)]);
        short.points.clear();
        assert_eq!(short.to_neurons().unwrap_err().to_string(), "wrong length, expected 1 as of `id`, found 0");
    }
}
