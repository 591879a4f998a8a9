//! What nodes may have: orientations, `recenter`, attributes of their types, numbers for their templates.

use super::place::{self, Orientation, Recentering};
use super::types::NodeTypes;
use super::{Column, Nodes, above};
use crate::error::{Error, Place, Problem, Result};
use crate::h5::H5Problem;

impl Nodes {
    /// How the nodes' orientations are given.
    ///
    /// # Errors
    /// As [`Nodes::transforms`].
    pub fn orientation(&self) -> Result<Orientation> {
        Ok(self.places()?.orientation())
    }

    /// Which nodes say that their somata are to be centred, or are not: the attribute `recenter`.
    ///
    /// # Errors
    /// As [`Nodes::transforms`].
    pub fn recentering(&self) -> Result<&Recentering> {
        Ok(self.places()?.recentering())
    }

    /// A number that the simulator hands to each node's template, e.g. `AIS_scaler`: of the group `dynamics_params`, or
    /// an attribute; none where there is neither.
    ///
    /// # Errors
    /// Not numbers, or not one a node.
    pub fn dynamics_parameter(&self, name: &str) -> Result<Option<Vec<f64>>> {
        match self.optional_floats(&format!("dynamics_params/{name}"))? {
            Some(numbers) => Ok(Some(numbers)),
            None => self.optional_floats(name),
        }
    }

    /// The numbers of an attribute that nodes or their types may have.
    pub(super) fn optional_floats(&self, name: &str) -> Result<Option<Vec<f64>>> {
        if self.file.has(&self.dataset(name)) {
            return self.floats(name).map(Some);
        }
        match self.type_column(name)? {
            // `NULL` in the table of types
            Some(Column::Float(numbers)) if name != place::RECENTER => {
                Ok(Some(numbers.iter().map(|&n| if n.is_nan() { 0.0 } else { n }).collect()))
            }
            Some(Column::Float(numbers)) => Ok(Some(numbers)),
            Some(Column::Integer(numbers)) => Ok(Some(numbers.iter().map(|&n| n as f64).collect())),
            Some(_) => Err(self.types_error(name, H5Problem::Type { expected: "numbers", found: "text".into() })),
            None => Ok(None),
        }
    }

    /// An attribute of the nodes' types, if they have it.
    pub(super) fn type_column(&self, name: &str) -> Result<Option<Column>> {
        let Some(types) = &self.types else { return Ok(None) };
        if !types.names().any(|known| known == name) {
            return Ok(None);
        }
        let ids = self.file.signed(&format!("{}/node_type_id", above(&self.group)))?;
        Ok(types.column(name, &ids))
    }

    fn types_error(&self, name: &str, problem: impl Problem) -> Error {
        let file = self.types.as_ref().map_or(self.file.path(), NodeTypes::file);
        Error::new(Place::file(file).object(name), problem)
    }
}
