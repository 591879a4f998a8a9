//! Evaluates a lead field at the midpoints of the segments found.

use std::path::Path;

use arrow_array::Float64Array;
use leadfield::electrodes::lead_field_files::FieldPlacement;
use leadfield::geometry::Point;
use leadfield::lead_field::{self, LeadField, LeadFieldRequest, Quantity};
use leadfield::segments::table::SegmentTable;
use leadfield::{Error, Result};

/// The potential, V.
pub const POTENTIAL: &str = "potential";
/// The stated error of the potential, V.
pub const POTENTIAL_ERROR: &str = "potential_error";
/// The components of the electric field, V/m.
pub const ELECTRIC_FIELD: [&str; 3] = ["ex", "ey", "ez"];

/// An open lead field.
pub struct QueryField(LeadField);

impl QueryField {
    /// Reads the parts of a field that the columns need (without columns, the potential), within the table's bounds.
    pub fn open(path: &Path, columns: &[&str], placement: Option<&str>, table: &SegmentTable) -> Result<Self> {
        let electric = columns.iter().any(|name| ELECTRIC_FIELD.contains(name));
        let potential = columns.is_empty() || columns.iter().any(|name| [POTENTIAL, POTENTIAL_ERROR].contains(name));
        let wanted = [(Quantity::Potential, potential || !electric), (Quantity::ElectricField, electric)];
        let quantities: Vec<Quantity> = wanted.into_iter().filter(|(_, wanted)| *wanted).map(|(q, _)| q).collect();
        let placement = placement.map(str::parse::<FieldPlacement>).transpose()?.map(|p| p.0);
        // the field's current is not needed: nothing is divided by it
        let request = LeadFieldRequest {
            quantities: &quantities,
            lookup_bounds: table.bounds()?,
            placement,
            current_na: Some(1.0),
        };
        let field = lead_field::read(path, &request)?;
        quantities.iter().try_for_each(|&quantity| field.require_quantity(quantity, "query"))?;
        Ok(Self(field))
    }

    /// Warnings about the file.
    pub fn warnings(&self) -> &[Error] {
        self.0.warnings()
    }

    /// Returns the potentials at some points, V; null outside the field.
    pub fn potentials(&self, points: impl Iterator<Item = Point>) -> Float64Array {
        points.map(|p| self.0.potential(p)).collect()
    }

    /// Returns the stated errors of the potentials at some points, V; null on a grid, and outside the field.
    pub fn potential_errors(&self, points: impl Iterator<Item = Point>) -> Float64Array {
        points.map(|p| self.0.potential_error(p)).collect()
    }

    /// Returns a component (0 for x) of the electric field at some points, V/m; null outside the field.
    pub fn electric_field(&self, axis: usize, points: impl Iterator<Item = Point>) -> Float64Array {
        points.map(|p| self.0.electric_field(p).and_then(|e| e.to_array().get(axis).copied())).collect()
    }
}
