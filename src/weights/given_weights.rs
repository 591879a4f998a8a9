//! Writes weights that were computed elsewhere into an electrodes file.

use std::path::Path;

use ndarray::ArrayView2;

use super::WeightsProblem;
use crate::electrodes::Electrode;
use crate::error::{Context, Result};
use crate::io::atomic_output::OverwritePolicy;
use crate::sonata::electrodes_file::{ContactLayout, FileLayout, PopulationLayout, Writer, method_unit};
use crate::units::WEIGHT_UNIT;

/// Writes an electrodes file of one population from weights of shape (segments, contacts), V/nA: the rows of a node
/// follow those of the node before. The contacts' settings are not stored, because the weights may not come from them.
///
/// # Errors
/// Returns an error if node ids are not ascending, the numbers of rows or columns do not match, a weight is not finite, a
/// name cannot be stored, or the file exists or cannot be written.
pub fn write_given_weights(
    out: &Path,
    existing: OverwritePolicy,
    electrodes: &[Electrode],
    population: PopulationLayout,
    weights: ArrayView2<'_, f64>,
) -> Result<()> {
    check_given(&population, electrodes.len(), weights).in_file(out)?;
    let contact = |e: &Electrode| {
        let unit = method_unit(e.method, e.settings.density.unwrap_or_default());
        ContactLayout {
            name: e.name.clone(),
            position_um: e.position_um,
            kind: e.method.name().into(),
            layer: e.layer.clone(),
            region: e.region.clone(),
            settings: Vec::new(),
            units: (unit != WEIGHT_UNIT).then(|| unit.to_string()),
        }
    };
    let program = concat!("leadfield ", env!("CARGO_PKG_VERSION"));
    let layout = FileLayout {
        electrodes: electrodes.iter().map(contact).collect(),
        populations: vec![population],
        provenance: vec![("program", program.into())],
    };
    let writer = Writer::create(out, existing, &layout)?;
    for (first_row, row) in (0..).zip(weights.rows()) {
        match row.as_slice() {
            Some(values) => writer.write_rows(0, first_row, values)?,
            None => writer.write_rows(0, first_row, &row.to_vec())?,
        }
    }
    writer.commit()
}

/// Checks that rows and columns belong to the nodes and contacts, and that all weights are finite.
fn check_given(
    population: &PopulationLayout,
    contacts: usize,
    weights: ArrayView2<'_, f64>,
) -> Result<(), WeightsProblem> {
    let [nodes, offsets] = [population.node_ids.len(), population.offsets.len()];
    let is_ascending = population.node_ids.is_sorted_by(|a, b| a < b) && population.offsets.is_sorted();
    if offsets != nodes + 1 || !is_ascending || population.offsets.first() != Some(&0) {
        return Err(WeightsProblem::GivenNodes { nodes, offsets });
    }
    let expected = (population.rows() as usize, contacts);
    if weights.dim() != expected {
        return Err(WeightsProblem::GivenShape { expected, found: weights.dim() });
    }
    let not_finite = weights.indexed_iter().find(|(_, value)| !value.is_finite());
    match not_finite {
        Some(((row, column), &value)) => Err(WeightsProblem::GivenNotFinite { row, column, value }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::electrodes::Electrodes;
    use crate::sonata::electrodes_file::ElectrodesFile;

    fn population(node_ids: &[u64], offsets: &[u64]) -> PopulationLayout {
        PopulationLayout {
            name: "cells".into(),
            node_ids: node_ids.into(),
            offsets: offsets.into(),
            ..PopulationLayout::default()
        }
    }

    #[test]
    fn given_weights_are_read_back_and_wrong_ones_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let text = r#"[{"name": "a", "x": 1, "y": 2, "z": 3}, {"name": "b", "x": 4, "y": 5, "z": 6}]"#;
        let electrodes = Electrodes::parse(text, crate::electrodes::ContactExtent::Point).unwrap();
        let weights = array![[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]];
        let write = |name: &str, population, weights: &ndarray::Array2<f64>| {
            let out = folder.path().join(name);
            write_given_weights(&out, OverwritePolicy::Refuse, &electrodes, population, weights.view()).map(|()| out)
        };
        // a transposed view has no contiguous rows
        let transposed = array![[1.0, 3.0, 5.0], [2.0, 4.0, 6.0]].reversed_axes();
        for (name, weights) in [("rows.h5", &weights), ("columns.h5", &transposed)] {
            let file = ElectrodesFile::open(&write(name, population(&[4, 9], &[0, 1, 3]), weights).unwrap()).unwrap();
            let cells = file.population("cells").unwrap();
            assert_eq!(file.read_rows(cells, cells.rows_of_node(9).unwrap()).unwrap(), [3.0, 4.0, 5.0, 6.0]);
        }
        let refusal = |population, weights| {
            let error = write("refused.h5", population, weights).unwrap_err().to_string();
            error.split_once(": ").unwrap().1.to_string()
        };
        assert_eq!(
            refusal(population(&[9, 4], &[0, 1, 3]), &weights),
            "nodes and offsets do not match, expected ascending node ids and one more ascending offset from 0, found 2 \
             nodes and 3 offsets"
        );
        assert_eq!(
            refusal(population(&[4, 9], &[0, 1, 2]), &weights),
            "wrong shape of the weights, expected (2, 2): segments and contacts, found (3, 2)"
        );
        assert_eq!(
            refusal(population(&[4, 9], &[0, 1, 3]), &array![[1.0, 2.0], [3.0, f64::NAN], [5.0, 6.0]]),
            "weight is not finite in row 1, column 1, expected a number, found NaN"
        );
        assert!(!folder.path().join("refused.h5").exists());
    }
}
