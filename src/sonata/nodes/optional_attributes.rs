//! Optional attributes of nodes: orientations, `recenter`, attributes of their types, parameters of their templates.

use super::node_types::NodeTypes;
use super::placement::{self, Orientation, Recentering};
use super::{AttributeColumn, Nodes, parent_group};
use crate::error::{Error, ErrorLocation, Problem, Result};
use crate::io::hdf5::Hdf5Problem;

impl Nodes {
    /// Returns how the file stores the nodes' orientations.
    ///
    /// # Errors
    /// Returns the errors of [`Nodes::transforms`].
    pub fn orientation(&self) -> Result<Orientation> {
        Ok(self.placements()?.orientation())
    }

    /// Returns the attribute `recenter`, which says whether a node's soma is centred.
    ///
    /// # Errors
    /// Returns the errors of [`Nodes::transforms`].
    pub fn recentering(&self) -> Result<&Recentering> {
        Ok(self.placements()?.recentering())
    }

    /// Reads a parameter that the simulator passes to each node's template, e.g. `AIS_scaler`, from the group
    /// `dynamics_params` or from an attribute; `None` if there is neither.
    ///
    /// # Errors
    /// Returns an error if the values are not numbers, or not one per node.
    pub fn read_dynamics_parameter(&self, name: &str) -> Result<Option<Vec<f64>>> {
        match self.read_optional_floats(&format!("dynamics_params/{name}"))? {
            Some(numbers) => Ok(Some(numbers)),
            None => self.read_optional_floats(name),
        }
    }

    /// Reads a numeric attribute of the nodes or their types, if there is one.
    pub(super) fn read_optional_floats(&self, name: &str) -> Result<Option<Vec<f64>>> {
        let object = self.dataset_path(name);
        if self.file.has_object(&object) {
            // h5py writes booleans as an enumeration
            return if self.file.type_name(&object)? == "bool" {
                self.read_flags(name)
            } else {
                self.read_floats(name)
            }
            .map(Some);
        }
        match self.type_column(name)? {
            // `NULL` in the table of types is NaN here: it means 0, except for `recenter`, where it means no value
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
            Some(other) => {
                Err(self.types_error(name, Hdf5Problem::Type { expected: "numbers", found: other.kind().into() }))
            }
            None => Ok(None),
        }
    }

    /// Reads a numeric attribute of the nodes or their types, which must exist.
    pub(super) fn read_required_floats(&self, name: &str) -> Result<Vec<f64>> {
        match self.read_optional_floats(name)? {
            Some(numbers) => Ok(numbers),
            // fails with the error of a missing column
            None => self.read_floats(name),
        }
    }

    /// Returns an attribute of the nodes' types, if there is one.
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

/// Parses a boolean of a table of types: 1, 0, or NaN if it is empty.
fn parse_flag(text: &str) -> Option<f64> {
    match text {
        "" => Some(f64::NAN),
        _ if text.eq_ignore_ascii_case("true") || text == "1" => Some(1.0),
        _ if text.eq_ignore_ascii_case("false") || text == "0" => Some(0.0),
        _ => None,
    }
}
