//! Reads the parts of a lead field that the columns of a result need.

use std::path::Path;

use leadfield::Result;
use leadfield::electrodes::lead_field_files::FieldPlacement;
use leadfield::lead_field::{self, LeadField, LeadFieldRequest};
use leadfield::segments::table::SegmentTable;

/// Reads the quantities that some columns need (the potential if they need none), within the table's bounds.
pub fn open(path: &Path, columns: &[String], placement: Option<&str>, table: &SegmentTable) -> Result<LeadField> {
    let quantities = LeadField::quantities_for_columns(columns);
    let placement = placement.map(str::parse::<FieldPlacement>).transpose()?.map(|p| p.0);
    // the field's current is not needed: nothing is divided by it
    let request =
        LeadFieldRequest { quantities: &quantities, lookup_bounds: table.bounds()?, placement, current_na: Some(1.0) };
    let field = lead_field::read(path, &request)?;
    quantities.iter().try_for_each(|&quantity| field.require_quantity(quantity, "query"))?;
    Ok(field)
}
