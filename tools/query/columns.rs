//! The columns of a result: those of the table, those computed from them, and those looked up elsewhere.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::UInt64Type;
use arrow_array::{ArrayRef, Float64Array, RecordBatch, RecordBatchOptions, StringArray};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use leadfield::error::{Context, Problem, listed};
use leadfield::geometry::Point;
use leadfield::geometry::region::Region;
use leadfield::sonata::nodes::Attribute;
use leadfield::table::schema::{COORDINATES, NODE_ID, ROW};
use leadfield::table::{Ends, Hits, Precision, Table};
use leadfield::weights::Lookup;
use leadfield::{Error, Result};

use super::circuit::Circuit;
use super::field::{ELECTRIC, Field as LeadField, POTENTIAL, POTENTIAL_ERROR};

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

/// Whether a name is that of a column that may be there without a circuit.
pub fn is_known(name: &str) -> bool {
    let extra = [ELECTRODE, DISTANCE, WEIGHT, POTENTIAL, POTENTIAL_ERROR].into_iter().chain(ELECTRIC).chain(COMPUTED);
    Precision::F64.schema().field_with_name(name).is_ok() || extra.into_iter().any(|known| known == name)
}

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
    Weight,
    Potential,
    PotentialError,
    /// A component of the electric field.
    Electric(usize),
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

/// What is looked up in other files.
#[derive(Default)]
pub struct Lookups {
    /// Coefficients of a contact.
    pub weights: Option<Lookup>,
    /// A lead field.
    pub field: Option<LeadField>,
}

/// All columns of a result, in order.
pub struct Columns<'a> {
    columns: Vec<Column>,
    schema: SchemaRef,
    stored: Vec<String>,
    sources: Sources<'a>,
    lookups: Lookups,
}

impl<'a> Columns<'a> {
    /// The columns of these names; where there are none those that a reader expects.
    pub fn of(names: &[String], table: &Table, sources: Sources<'a>, lookups: Lookups) -> Result<Self> {
        let precision = table.precision();
        let known = Known::of(precision, &sources, &lookups)?;
        let usual = known.usual();
        let names = if names.is_empty() { usual.as_slice() } else { names };
        let columns = names.iter().map(|name| known.column(name, &sources)).collect::<Result<Vec<_>>>()?;
        let fields: Vec<Field> = columns.iter().zip(names).map(|(c, name)| c.field(name, precision)).collect();
        let mut stored: Vec<String> = Vec::new();
        for needed in columns.iter().flat_map(Column::needs) {
            if !stored.contains(&needed) {
                stored.push(needed);
            }
        }
        Ok(Self { columns, schema: Schema::new(fields).into(), stored, sources, lookups })
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
        let made = made.map(|(column, field)| column.values(field.name(), hits, distances, self));
        let options = RecordBatchOptions::new().with_row_count(Some(hits.region.len()));
        let batch = RecordBatch::try_new_with_options(self.schema(), made.collect::<Result<_>>()?, &options);
        batch.map_err(|e| Error::from(leadfield::table::TableProblem::from(e)))
    }
}

/// Makes a column of its name.
type Make = fn() -> Column;

/// All names that there are.
struct Known {
    stored: Vec<String>,
    /// Names that depend on what is asked for, each with its column.
    extra: Vec<(&'static str, Make)>,
    attributes: Vec<String>,
}

impl Known {
    fn of(precision: Precision, sources: &Sources<'_>, lookups: &Lookups) -> Result<Self> {
        let extra: [(bool, &'static str, Make); 8] = [
            (sources.contacts.is_some(), ELECTRODE, || Column::Electrode),
            (sources.nearest, DISTANCE, || Column::Distance),
            (lookups.weights.is_some(), WEIGHT, || Column::Weight),
            (lookups.field.is_some(), POTENTIAL, || Column::Potential),
            (lookups.field.is_some(), POTENTIAL_ERROR, || Column::PotentialError),
            (lookups.field.is_some(), ELECTRIC[0], || Column::Electric(0)),
            (lookups.field.is_some(), ELECTRIC[1], || Column::Electric(1)),
            (lookups.field.is_some(), ELECTRIC[2], || Column::Electric(2)),
        ];
        Ok(Self {
            stored: precision.schema().fields().iter().map(|f| f.name().clone()).collect(),
            extra: extra.into_iter().filter(|e| e.0).map(|(_, name, column)| (name, column)).collect(),
            attributes: sources.circuit.map(Circuit::attributes).transpose()?.unwrap_or_default(),
        })
    }

    /// The contact, the table's own, what is asked for; the electric field and the potential's error only by name.
    fn usual(&self) -> Vec<String> {
        let extra = self
            .extra
            .iter()
            .map(|(name, _)| *name)
            .filter(|name| !ELECTRIC.contains(name) && *name != POTENTIAL_ERROR);
        let (first, last): (Vec<_>, Vec<_>) = extra.map(String::from).partition(|name| name == ELECTRODE);
        first.into_iter().chain(self.stored.clone()).chain(last).collect()
    }

    fn column(&self, name: &String, sources: &Sources<'_>) -> Result<Column> {
        if let Some((_, column)) = self.extra.iter().find(|(extra, _)| extra == name) {
            return Ok(column());
        }
        Ok(match name.as_str() {
            "x" => Column::Midpoint(0),
            "y" => Column::Midpoint(1),
            "z" => Column::Midpoint(2),
            "length" => Column::Length,
            "inside" => Column::Inside,
            _ if self.stored.contains(name) => Column::Stored(name.clone()),
            _ => match sources.circuit.filter(|_| self.attributes.contains(name)) {
                Some(circuit) => Column::Attribute(circuit.attribute(name)?),
                None => return Err(self.unknown(name, sources)).in_object("--columns"),
            },
        })
    }

    fn unknown(&self, name: &str, sources: &Sources<'_>) -> Unknown {
        let extra = self.extra.iter().map(|(name, _)| *name);
        let stored = self.stored.iter().map(String::as_str);
        let names = stored.chain(COMPUTED).chain(extra).chain(self.attributes.iter().map(String::as_str));
        Unknown { known: listed(names, 60), found: name.into(), circuit: sources.circuit.is_some() }
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
            Self::Weight
            | Self::Potential
            | Self::PotentialError
            | Self::Electric(_)
            | Self::Attribute(Attribute::Number(_)) => Field::new(name, DataType::Float64, true),
            _ => Field::new(name, DataType::Float64, false),
        }
    }

    /// The columns of the table that it needs.
    fn needs(&self) -> Vec<String> {
        let all = |names: &[&str]| names.iter().map(|n| n.to_string()).collect();
        match self {
            Self::Stored(name) => vec![name.clone()],
            Self::Midpoint(_) | Self::Length | Self::Inside => all(&COORDINATES),
            Self::Potential | Self::PotentialError | Self::Electric(_) => all(&COORDINATES),
            Self::Electrode | Self::Distance => Vec::new(),
            Self::Weight => all(&[NODE_ID, ROW]),
            Self::Attribute(_) => all(&[NODE_ID]),
        }
    }

    fn values(&self, name: &str, hits: &Hits, distances: &[f64], all: &Columns<'_>) -> Result<ArrayRef> {
        let Columns { sources, lookups, .. } = all;
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
            Self::Weight => match &lookups.weights {
                Some(weights) => Arc::new(Float64Array::from(weights.of(nodes(hits)?, unsigned(hits, ROW)?)?)),
                None => nulls(hits),
            },
            Self::Potential => match &lookups.field {
                Some(field) => Arc::new(field.potentials(midpoints(hits)?)),
                None => nulls(hits),
            },
            Self::PotentialError => match &lookups.field {
                Some(field) => Arc::new(field.potential_errors(midpoints(hits)?)),
                None => nulls(hits),
            },
            Self::Electric(axis) => match &lookups.field {
                Some(field) => Arc::new(field.electric(*axis, midpoints(hits)?)),
                None => nulls(hits),
            },
            Self::Attribute(attribute) => attributes(attribute, nodes(hits)?, sources)?,
        })
    }
}

fn nulls(hits: &Hits) -> ArrayRef {
    Arc::new(Float64Array::from(vec![None; hits.region.len()]))
}

fn midpoints(hits: &Hits) -> Result<impl Iterator<Item = Point>> {
    let ends = Ends::of(&hits.batch)?;
    Ok((0..hits.region.len()).map(move |i| {
        let (a, b) = ends.get(i);
        a.midpoint(b)
    }))
}

fn measured(hits: &Hits, measure: impl Fn(u32, Point, Point) -> f64) -> Result<ArrayRef> {
    let ends = Ends::of(&hits.batch)?;
    let values = hits.region.iter().enumerate().map(|(i, &region)| {
        let (a, b) = ends.get(i);
        measure(region, a, b)
    });
    Ok(Arc::new(Float64Array::from_iter_values(values)))
}

/// The length of the segment a-b inside a region; all of it where there is none.
pub fn length_inside(sources: &Sources<'_>, region: u32, a: Point, b: Point) -> f64 {
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
