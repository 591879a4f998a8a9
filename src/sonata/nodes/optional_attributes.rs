//! What nodes may have: orientations, `recenter`, attributes of their types, numbers for their templates.

use super::node_types::NodeTypes;
use super::placement::{self, Orientation, Recentering};
use super::{AttributeColumn, Nodes, parent_group};
use crate::error::{Error, ErrorLocation, Problem, Result};
use crate::io::hdf5::Hdf5Problem;

impl Nodes {
    /// How the nodes' orientations are given.
    ///
    /// # Errors
    /// As [`Nodes::transforms`].
    pub fn orientation(&self) -> Result<Orientation> {
        Ok(self.placements()?.orientation())
    }

    /// Which nodes say that their somata are to be centred, or are not: the attribute `recenter`.
    ///
    /// # Errors
    /// As [`Nodes::transforms`].
    pub fn recentering(&self) -> Result<&Recentering> {
        Ok(self.placements()?.recentering())
    }

    /// A number that the simulator hands to each node's template, e.g. `AIS_scaler`: of the group `dynamics_params`, or
    /// an attribute; none where there is neither.
    ///
    /// # Errors
    /// Not numbers, or not one a node.
    pub fn read_dynamics_parameter(&self, name: &str) -> Result<Option<Vec<f64>>> {
        match self.read_optional_floats(&format!("dynamics_params/{name}"))? {
            Some(numbers) => Ok(Some(numbers)),
            None => self.read_optional_floats(name),
        }
    }

    /// The numbers of an attribute that nodes or their types may have.
    pub(super) fn read_optional_floats(&self, name: &str) -> Result<Option<Vec<f64>>> {
        let object = self.dataset_path(name);
        if self.file.has_object(&object) {
            // h5py writes a column of booleans so
            return if self.file.type_name(&object)? == "bool" {
                self.read_flags(name)
            } else {
                self.read_floats(name)
            }
            .map(Some);
        }
        match self.type_column(name)? {
            // `NULL` in the table of types
            Some(AttributeColumn::Float(numbers)) if name != placement::RECENTER_ATTRIBUTE => {
                Ok(Some(numbers.iter().map(|&n| if n.is_nan() { 0.0 } else { n }).collect()))
            }
            Some(AttributeColumn::Float(numbers)) => Ok(Some(numbers)),
            Some(AttributeColumn::Integer(numbers)) => Ok(Some(numbers.iter().map(|&n| n as f64).collect())),
            Some(AttributeColumn::Text(texts))
                if name == placement::RECENTER_ATTRIBUTE && texts.iter().all(|text| parse_flag(text).is_some()) =>
            {
                Ok(Some(texts.iter().filter_map(|text| parse_flag(text)).collect()))
            }
            Some(_) => Err(self.types_error(name, Hdf5Problem::Type { expected: "numbers", found: "text".into() })),
            None => Ok(None),
        }
    }

    /// The numbers of an attribute that nodes or their types have.
    pub(super) fn read_required_floats(&self, name: &str) -> Result<Vec<f64>> {
        match self.read_optional_floats(name)? {
            Some(numbers) => Ok(numbers),
            // the error of a column that is missing
            None => self.read_floats(name),
        }
    }

    /// An attribute of the nodes' types, if they have it.
    pub(super) fn type_column(&self, name: &str) -> Result<Option<AttributeColumn>> {
        let Some(types) = &self.types else { return Ok(None) };
        if !types.attribute_names().any(|known| known == name) {
            return Ok(None);
        }
        let ids = self.file.read_signed(&format!("{}/node_type_id", parent_group(&self.group)))?;
        Ok(types.attribute_column(name, &ids))
    }

    fn types_error(&self, name: &str, problem: impl Problem) -> Error {
        let file = self.types.as_ref().map_or(self.file.path(), NodeTypes::file);
        Error::new(ErrorLocation::file(file).with_item(name), problem)
    }
}

/// A truth value of a table of types: 1, 0, or NaN where there is none.
fn parse_flag(text: &str) -> Option<f64> {
    match text {
        "" => Some(f64::NAN),
        _ if text.eq_ignore_ascii_case("true") || text == "1" => Some(1.0),
        _ if text.eq_ignore_ascii_case("false") || text == "0" => Some(0.0),
        _ => None,
    }
}
