//! The columns of a result: those of the table, those computed from them, and those looked up elsewhere.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::UInt64Type;
use arrow_array::{ArrayRef, Float64Array, RecordBatch, RecordBatchOptions, StringArray};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use leadfield::error::{Context, Problem, listed};
use leadfield::geometry::region::Region;
use leadfield::sonata::nodes::Attribute;
use leadfield::table::schema::{COORDINATES, NODE_ID, ROW};
use leadfield::table::{Ends, Hits, Precision, Table};
use leadfield::{Error, Result};

use super::circuit::Circuit;
use super::lookup::Weights;

/// A name that is no column.
#[derive(Debug, thiserror::Error)]
#[error("unknown column, expected one of {known}, found `{found}`")]
struct Unknown {
    known: String,
    found: String,
    circuit: bool,
}

impl Problem for Unknown {
    fn hint(&self) -> Option<String> {
        (!self.circuit).then(|| "attributes of the nodes, such as `mtype`, need `--circuit CONFIG`".into())
    }
}

/// Columns that are computed: name and what it is.
const COMPUTED: [&str; 5] = ["x", "y", "z", "length", "inside"];
/// The contact in whose region the segment is.
pub const ELECTRODE: &str = "electrode";
/// The distance of a neighbour.
pub const DISTANCE: &str = "distance";
/// The coefficient of an electrodes file.
pub const WEIGHT: &str = "weight";

/// One column of the result.
enum Column {
    /// As it is in the table.
    Stored(String),
    /// A coordinate of the midpoint, um.
    Midpoint(usize),
    /// The segment's length, um.
    Length,
    /// The length inside the region, um.
    Inside,
    Electrode,
    Distance,
    Weight(Weights),
    /// An attribute of the segment's node.
    Attribute(Attribute),
}

/// What the columns are computed from, beside the hits.
pub struct Sources<'a> {
    /// The regions asked for; none where there is no region.
    pub regions: &'a [&'a dyn Region],
    /// Names of the contacts; none without contacts.
    pub contacts: Option<&'a [String]>,
    /// Whether hits have a distance.
    pub nearest: bool,
    /// The circuit, where one is named or needed.
    pub circuit: Option<&'a Circuit>,
}

/// All columns of a result, in order.
pub struct Columns<'a> {
    columns: Vec<Column>,
    schema: SchemaRef,
    stored: Vec<String>,
    sources: Sources<'a>,
}

impl<'a> Columns<'a> {
    /// The columns of these names; where there are none those that a reader expects.
    pub fn of(names: &[String], table: &Table, sources: Sources<'a>, weights: Option<Weights>) -> Result<Self> {
        let table_schema = table.precision().schema();
        let stored = || table_schema.fields().iter().map(|f| f.name().clone());
        let mut known: Vec<String> = stored().chain(COMPUTED.map(String::from)).collect();
        let extra = [
            (ELECTRODE, sources.contacts.is_some()),
            (DISTANCE, sources.nearest),
            (WEIGHT, weights.is_some()),
        ];
        let extra: Vec<String> = extra.into_iter().filter(|(_, there)| *there).map(|(name, _)| name.into()).collect();
        known.extend(extra.iter().cloned());
        let names: Vec<String> = match names {
            [] => {
                let (first, last): (Vec<_>, Vec<_>) = extra.into_iter().partition(|name| name == ELECTRODE);
                first.into_iter().chain(stored()).chain(last).collect()
            }
            names => names.to_vec(),
        };
        let attributes = sources.circuit.map(Circuit::attributes).transpose()?.unwrap_or_default();
        let mut weights = weights;
        let (mut columns, mut fields) = (Vec::new(), Vec::new());
        for name in &names {
            let column = match name.as_str() {
                ELECTRODE if sources.contacts.is_some() => Column::Electrode,
                DISTANCE if sources.nearest => Column::Distance,
                WEIGHT if known.contains(name) => match weights.take() {
                    Some(weights) => Column::Weight(weights),
                    None => continue,
                },
                "length" => Column::Length,
                "inside" => Column::Inside,
                "x" | "y" | "z" => Column::Midpoint(COMPUTED.iter().position(|c| c == name).unwrap_or(0)),
                _ if known.contains(name) => Column::Stored(name.clone()),
                _ => match sources.circuit.filter(|_| attributes.contains(name)) {
                    Some(circuit) => Column::Attribute(circuit.attribute(name)?),
                    None => {
                        known.extend(attributes);
                        let unknown =
                            Unknown { known: listed(known, 40), found: name.clone(), circuit: sources.circuit.is_some() };
                        return Err(unknown).in_object("--columns");
                    }
                },
            };
            fields.push(column.field(name, table.precision()));
            columns.push(column);
        }
        let mut stored: Vec<String> = Vec::new();
        for needed in columns.iter().flat_map(Column::needs) {
            if !stored.contains(&needed) {
                stored.push(needed);
            }
        }
        Ok(Self { columns, schema: Schema::new(fields).into(), stored, sources })
    }

    /// The columns of the table that they need.
    pub fn stored(&self) -> Vec<&str> {
        self.stored.iter().map(String::as_str).collect()
    }

    /// Names and types of the result.
    pub fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    /// The result's rows for some hits; `distances` are theirs, if they have some.
    pub fn rows(&self, hits: &Hits, distances: &[f64]) -> Result<RecordBatch> {
        let made = self.columns.iter().zip(self.schema.fields());
        let made = made.map(|(column, field)| column.values(field.name(), hits, distances, &self.sources));
        let options = RecordBatchOptions::new().with_row_count(Some(hits.region.len()));
        let batch = RecordBatch::try_new_with_options(self.schema(), made.collect::<Result<_>>()?, &options);
        batch.map_err(|e| Error::from(leadfield::table::TableProblem::from(e)))
    }
}

impl Column {
    fn field(&self, name: &str, precision: Precision) -> Field {
        match self {
            Self::Stored(stored) => {
                let schema = precision.schema();
                schema.field_with_name(stored).map_or_else(|_| Field::new(name, DataType::Null, true), Field::clone)
            }
            Self::Electrode | Self::Attribute(Attribute::Text(_)) => Field::new(name, DataType::Utf8, false),
            Self::Weight(_) => Field::new(name, DataType::Float64, true),
            _ => Field::new(name, DataType::Float64, false),
        }
    }

    /// The columns of the table that it needs.
    fn needs(&self) -> Vec<String> {
        let all = |names: &[&str]| names.iter().map(|n| n.to_string()).collect();
        match self {
            Self::Stored(name) => vec![name.clone()],
            Self::Midpoint(_) | Self::Length | Self::Inside => all(&COORDINATES),
            Self::Electrode | Self::Distance => Vec::new(),
            Self::Weight(_) => all(&[NODE_ID, ROW]),
            Self::Attribute(_) => all(&[NODE_ID]),
        }
    }

    fn values(&self, name: &str, hits: &Hits, distances: &[f64], sources: &Sources<'_>) -> Result<ArrayRef> {
        Ok(match self {
            Self::Stored(_) => {
                let missing = || leadfield::table::TableProblem::Columns(format!("`{name}`"));
                hits.batch.column_by_name(name).ok_or_else(missing)?.clone()
            }
            Self::Midpoint(axis) => measured(hits, |_, a, b| a.midpoint(b).to_array()[*axis])?,
            Self::Length => measured(hits, |_, a, b| a.distance(b))?,
            Self::Inside => measured(hits, |region, a, b| length_inside(sources, region, a, b))?,
            Self::Electrode => {
                let names = sources.contacts.unwrap_or_default();
                let name = |region: &u32| names.get(*region as usize).map(String::as_str);
                Arc::new(hits.region.iter().map(name).collect::<StringArray>())
            }
            Self::Distance => Arc::new(Float64Array::from(distances.to_vec())),
            Self::Weight(weights) => Arc::new(weights.of(nodes(hits)?, unsigned(hits, ROW)?)?),
            Self::Attribute(attribute) => attributes(attribute, nodes(hits)?, sources)?,
        })
    }
}

fn measured(
    hits: &Hits,
    measure: impl Fn(u32, leadfield::geometry::Point, leadfield::geometry::Point) -> f64,
) -> Result<ArrayRef> {
    let ends = Ends::of(&hits.batch)?;
    let values = hits.region.iter().enumerate().map(|(i, &region)| {
        let (a, b) = ends.get(i);
        measure(region, a, b)
    });
    Ok(Arc::new(Float64Array::from_iter_values(values)))
}

/// The length of the segment a-b inside a region; all of it where there is none.
pub fn length_inside(
    sources: &Sources<'_>,
    region: u32,
    a: leadfield::geometry::Point,
    b: leadfield::geometry::Point,
) -> f64 {
    let share = sources.regions.get(region as usize).map_or(1.0, |r| r.fraction(a, b));
    share * a.distance(b)
}

fn unsigned<'h>(hits: &'h Hits, name: &str) -> Result<&'h [u64]> {
    let missing = || leadfield::table::TableProblem::Columns(format!("`{name}`"));
    let column = hits.batch.column_by_name(name).and_then(|c| c.as_primitive_opt::<UInt64Type>());
    Ok(column.ok_or_else(missing)?.values())
}

/// The nodes of the hits.
pub fn nodes(hits: &Hits) -> Result<&[u64]> {
    unsigned(hits, NODE_ID)
}

fn attributes(attribute: &Attribute, nodes: &[u64], sources: &Sources<'_>) -> Result<ArrayRef> {
    if let Some(circuit) = sources.circuit {
        nodes.iter().try_for_each(|&node| circuit.check(node))?;
    }
    Ok(match attribute {
        Attribute::Text(texts) => {
            Arc::new(nodes.iter().map(|&n| texts.get(n as usize).map(String::as_str)).collect::<StringArray>())
        }
        Attribute::Number(numbers) => {
            Arc::new(nodes.iter().map(|&n| numbers.get(n as usize).copied()).collect::<Float64Array>())
        }
    })
}
