//! The columns of a result: those of the table, those computed from them, and those looked up elsewhere.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::UInt64Type;
use arrow_array::{ArrayRef, Float64Array, RecordBatch, RecordBatchOptions, StringArray};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use leadfield::error::{Context, closest, listed};
use leadfield::geometry::Point;
use leadfield::geometry::region::Region;
use leadfield::segments::table::schema::{COORDINATES, NODE_ID, ROW};
use leadfield::segments::table::{Ends, Hits, Precision, Table};
use leadfield::sonata::nodes::Attribute;
use leadfield::weights::Lookup;
use leadfield::{Error, Result};

use super::circuit::Circuit;
use super::field::{ELECTRIC, Field as LeadField, POTENTIAL, POTENTIAL_ERROR};
use super::names::{Asked, COLUMNS, COMPUTED, DISTANCE, ELECTRODE, SORT, Unknown, WEIGHT};

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
    /// The first so many are shown.
    shown: usize,
    stored: Vec<String>,
    sources: Sources<'a>,
    lookups: Lookups,
}

impl<'a> Columns<'a> {
    /// The columns asked for; those that `--sort` alone asks for come last, and are not shown.
    pub fn of(asked: &[Asked], table: &Table, sources: Sources<'a>, lookups: Lookups) -> Result<Self> {
        let precision = table.precision();
        let known = Known::of(precision, &sources, &lookups)?;
        let mut distinct: Vec<&Asked> = Vec::new();
        for column in asked {
            // `--columns` may repeat one
            if column.option == COLUMNS || !distinct.iter().any(|other| other.name == column.name) {
                distinct.push(column);
            }
        }
        let shown = distinct.iter().filter(|column| column.option != SORT).count();
        let columns = distinct.iter().map(|column| known.column(column, &sources)).collect::<Result<Vec<_>>>()?;
        let fields = columns.iter().zip(distinct).map(|(column, asked)| column.field(&asked.name, precision));
        let fields: Vec<Field> = fields.collect();
        let mut stored: Vec<String> = Vec::new();
        for needed in columns.iter().flat_map(Column::needs) {
            if !stored.contains(&needed) {
                stored.push(needed);
            }
        }
        if stored.is_empty() {
            // a search for no column counts alone
            stored.push(NODE_ID.into());
        }
        Ok(Self { columns, schema: Schema::new(fields).into(), shown, stored, sources, lookups })
    }

    /// The columns that a reader expects where none is asked for.
    pub fn usual(table: &Table, sources: &Sources<'_>, lookups: &Lookups) -> Result<Vec<Asked>> {
        let known = Known::of(table.precision(), sources, lookups)?;
        Ok(known.usual().iter().map(|name| Asked::new(COLUMNS, name)).collect())
    }

    /// The columns of the table that they need.
    pub fn stored(&self) -> Vec<&str> {
        self.stored.iter().map(String::as_str).collect()
    }

    /// Names and types of the result.
    pub fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    /// Names and types of the columns that are shown.
    pub fn shown(&self) -> SchemaRef {
        let fields: Vec<_> = self.schema.fields().iter().take(self.shown).cloned().collect();
        Schema::new(fields).into()
    }

    /// The result's rows for some hits; `distances` are theirs, if they have some.
    pub fn rows(&self, hits: &Hits, distances: &[f64]) -> Result<RecordBatch> {
        let made = self.columns.iter().zip(self.schema.fields());
        let made = made.map(|(column, field)| column.values(field.name(), hits, distances, self));
        let options = RecordBatchOptions::new().with_row_count(Some(hits.region.len()));
        let batch = RecordBatch::try_new_with_options(self.schema(), made.collect::<Result<_>>()?, &options);
        batch.map_err(|e| Error::from(leadfield::segments::table::TableProblem::from(e)))
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

    fn column(&self, asked: &Asked, sources: &Sources<'_>) -> Result<Column> {
        let name = &asked.name;
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
                None => return Err(self.unknown(name, sources)).in_object(asked.option),
            },
        })
    }

    fn unknown(&self, name: &str, sources: &Sources<'_>) -> Unknown {
        let extra = self.extra.iter().map(|(name, _)| *name);
        let stored = self.stored.iter().map(String::as_str);
        let attributes = self.attributes.iter().map(String::as_str);
        let names: Vec<&str> = stored.chain(COMPUTED).chain(extra).chain(attributes).collect();
        let closest = closest(name, names.iter().copied()).map(String::from);
        Unknown { known: listed(names, 60), found: name.into(), closest, circuit: sources.circuit.is_some() }
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
                let missing = || leadfield::segments::table::TableProblem::Columns(format!("`{name}`"));
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
    let missing = || leadfield::segments::table::TableProblem::Columns(format!("`{name}`"));
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
