//! The columns of a result: stored in the table, computed, or looked up in other files.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::UInt64Type;
use arrow_array::{ArrayRef, Float64Array, RecordBatch, RecordBatchOptions, StringArray};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use leadfield::error::{Context, find_closest, join_quoted};
use leadfield::geometry::Point;
use leadfield::geometry::region::Region;
use leadfield::segments::table::schema::{COORDINATES, NODE_ID, ROW};
use leadfield::segments::table::{Hits, Precision, SegmentEnds, SegmentTable};
use leadfield::sonata::nodes::NodeAttribute;
use leadfield::weights::WeightLookup;
use leadfield::{Error, Result};

use super::circuit::QueryCircuit;
use super::field::{ELECTRIC_FIELD, POTENTIAL, POTENTIAL_ERROR, QueryField as LeadField};
use super::names::{COLUMNS, COMPUTED, DISTANCE, ELECTRODE, RequestedColumn, SORT, UnknownColumn, WEIGHT};

/// One column of the result.
enum QueryColumn {
    /// A column of the table.
    Stored(String),
    /// A coordinate of the midpoint, µm.
    Midpoint(usize),
    /// The segment's length, µm.
    Length,
    /// The length inside the region, µm.
    Inside,
    Electrode,
    Distance,
    Weight,
    Potential,
    PotentialError,
    /// A component of the electric field.
    Electric(usize),
    /// An attribute of the segment's node.
    Attribute(NodeAttribute),
}

/// Sources of columns besides the hits.
pub struct ColumnSources<'a> {
    /// The regions of the search; empty if there are none.
    pub regions: &'a [&'a dyn Region],
    /// Names of the contacts; `None` without contacts.
    pub contacts: Option<&'a [String]>,
    /// Whether hits have a distance.
    pub nearest: bool,
    /// The circuit, if it is given or needed.
    pub circuit: Option<&'a QueryCircuit>,
}

/// Other files in which columns are looked up.
#[derive(Default)]
pub struct Lookups {
    /// Weights of a contact.
    pub weights: Option<WeightLookup>,
    /// A lead field.
    pub field: Option<LeadField>,
}

/// All columns of a result, in order.
pub struct QueryColumns<'a> {
    columns: Vec<QueryColumn>,
    schema: SchemaRef,
    /// Number of columns that are shown, from the first.
    visible_count: usize,
    stored: Vec<String>,
    sources: ColumnSources<'a>,
    lookups: Lookups,
}

impl<'a> QueryColumns<'a> {
    /// Resolves the requested columns; those that only `--sort` needs come last and are not shown.
    pub fn resolve(
        asked: &[RequestedColumn],
        table: &SegmentTable,
        sources: ColumnSources<'a>,
        lookups: Lookups,
    ) -> Result<Self> {
        let precision = table.precision();
        let known = AvailableColumns::new(precision, &sources, &lookups)?;
        let mut distinct: Vec<&RequestedColumn> = Vec::new();
        for column in asked {
            // `--columns` may repeat a name, `--sort` adds only new ones
            if column.option == COLUMNS || !distinct.iter().any(|other| other.name == column.name) {
                distinct.push(column);
            }
        }
        let shown = distinct.iter().filter(|column| column.option != SORT).count();
        let columns = distinct.iter().map(|column| known.find_column(column, &sources)).collect::<Result<Vec<_>>>()?;
        let fields = columns.iter().zip(distinct).map(|(column, asked)| column.field(&asked.name, precision));
        let fields: Vec<Field> = fields.collect();
        let mut stored: Vec<String> = Vec::new();
        for needed in columns.iter().flat_map(QueryColumn::required_columns) {
            if !stored.contains(&needed) {
                stored.push(needed);
            }
        }
        if stored.is_empty() {
            // if no column is needed, read the node id, so that rows can be counted
            stored.push(NODE_ID.into());
        }
        Ok(Self { columns, schema: Schema::new(fields).into(), visible_count: shown, stored, sources, lookups })
    }

    /// Returns the default columns.
    pub fn default_columns(
        table: &SegmentTable,
        sources: &ColumnSources<'_>,
        lookups: &Lookups,
    ) -> Result<Vec<RequestedColumn>> {
        let known = AvailableColumns::new(table.precision(), sources, lookups)?;
        Ok(known.default_names().iter().map(|name| RequestedColumn::new(COLUMNS, name)).collect())
    }

    /// Returns the columns of the table that are needed.
    pub fn stored_names(&self) -> Vec<&str> {
        self.stored.iter().map(String::as_str).collect()
    }

    /// Schema of the result.
    pub fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    /// Schema of the columns that are shown.
    pub fn visible_schema(&self) -> SchemaRef {
        let fields: Vec<_> = self.schema.fields().iter().take(self.visible_count).cloned().collect();
        Schema::new(fields).into()
    }

    /// Builds the result's rows for some hits; `distances` are theirs, if they have any.
    pub fn build_batch(&self, hits: &Hits, distances: &[f64]) -> Result<RecordBatch> {
        let arrays = self.columns.iter().zip(self.schema.fields());
        let arrays = arrays.map(|(column, field)| column.build_array(field.name(), hits, distances, self));
        let options = RecordBatchOptions::new().with_row_count(Some(hits.region.len()));
        let batch = RecordBatch::try_new_with_options(self.schema(), arrays.collect::<Result<_>>()?, &options);
        batch.map_err(|e| Error::from(leadfield::segments::table::TableProblem::from(e)))
    }
}

/// Constructor of a column.
type MakeColumn = fn() -> QueryColumn;

/// All available names.
struct AvailableColumns {
    stored: Vec<String>,
    /// Names that depend on the options, each with its column.
    extra: Vec<(&'static str, MakeColumn)>,
    attributes: Vec<String>,
}

impl AvailableColumns {
    fn new(precision: Precision, sources: &ColumnSources<'_>, lookups: &Lookups) -> Result<Self> {
        let extra: [(bool, &'static str, MakeColumn); 8] = [
            (sources.contacts.is_some(), ELECTRODE, || QueryColumn::Electrode),
            (sources.nearest, DISTANCE, || QueryColumn::Distance),
            (lookups.weights.is_some(), WEIGHT, || QueryColumn::Weight),
            (lookups.field.is_some(), POTENTIAL, || QueryColumn::Potential),
            (lookups.field.is_some(), POTENTIAL_ERROR, || QueryColumn::PotentialError),
            (lookups.field.is_some(), ELECTRIC_FIELD[0], || QueryColumn::Electric(0)),
            (lookups.field.is_some(), ELECTRIC_FIELD[1], || QueryColumn::Electric(1)),
            (lookups.field.is_some(), ELECTRIC_FIELD[2], || QueryColumn::Electric(2)),
        ];
        Ok(Self {
            stored: precision.schema().fields().iter().map(|f| f.name().clone()).collect(),
            extra: extra.into_iter().filter(|e| e.0).map(|(_, name, column)| (name, column)).collect(),
            attributes: sources.circuit.map(QueryCircuit::attributes).transpose()?.unwrap_or_default(),
        })
    }

    /// Default names: the contact, the table's columns, and requested look-ups; the electric field and the potential's
    /// error are only available by name.
    fn default_names(&self) -> Vec<String> {
        let extra = self
            .extra
            .iter()
            .map(|(name, _)| *name)
            .filter(|name| !ELECTRIC_FIELD.contains(name) && *name != POTENTIAL_ERROR);
        let (first, last): (Vec<_>, Vec<_>) = extra.map(String::from).partition(|name| name == ELECTRODE);
        first.into_iter().chain(self.stored.clone()).chain(last).collect()
    }

    fn find_column(&self, asked: &RequestedColumn, sources: &ColumnSources<'_>) -> Result<QueryColumn> {
        let name = &asked.name;
        if let Some((_, column)) = self.extra.iter().find(|(extra, _)| extra == name) {
            return Ok(column());
        }
        Ok(match name.as_str() {
            "x" => QueryColumn::Midpoint(0),
            "y" => QueryColumn::Midpoint(1),
            "z" => QueryColumn::Midpoint(2),
            "length" => QueryColumn::Length,
            "inside" => QueryColumn::Inside,
            _ if self.stored.contains(name) => QueryColumn::Stored(name.clone()),
            _ => match sources.circuit.filter(|_| self.attributes.contains(name)) {
                Some(circuit) => QueryColumn::Attribute(circuit.attribute(name)?),
                None => return Err(self.unknown_column(name, sources)).in_item(asked.option),
            },
        })
    }

    fn unknown_column(&self, name: &str, sources: &ColumnSources<'_>) -> UnknownColumn {
        let extra = self.extra.iter().map(|(name, _)| *name);
        let stored = self.stored.iter().map(String::as_str);
        let attributes = self.attributes.iter().map(String::as_str);
        let names: Vec<&str> = stored.chain(COMPUTED).chain(extra).chain(attributes).collect();
        let closest = find_closest(name, names.iter().copied()).map(String::from);
        UnknownColumn { known: join_quoted(names, 60), found: name.into(), closest, circuit: sources.circuit.is_some() }
    }
}

impl QueryColumn {
    fn field(&self, name: &str, precision: Precision) -> Field {
        match self {
            Self::Stored(stored) => {
                let schema = precision.schema();
                schema.field_with_name(stored).map_or_else(|_| Field::new(name, DataType::Null, true), Field::clone)
            }
            Self::Electrode | Self::Attribute(NodeAttribute::Text(_)) => Field::new(name, DataType::Utf8, false),
            Self::Weight
            | Self::Potential
            | Self::PotentialError
            | Self::Electric(_)
            | Self::Attribute(NodeAttribute::Number(_)) => Field::new(name, DataType::Float64, true),
            _ => Field::new(name, DataType::Float64, false),
        }
    }

    /// Returns the columns of the table that this one needs.
    fn required_columns(&self) -> Vec<String> {
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

    fn build_array(&self, name: &str, hits: &Hits, distances: &[f64], all: &QueryColumns<'_>) -> Result<ArrayRef> {
        let QueryColumns { sources, lookups, .. } = all;
        Ok(match self {
            Self::Stored(_) => {
                let missing = || leadfield::segments::table::TableProblem::MissingColumns(format!("`{name}`"));
                hits.batch.column_by_name(name).ok_or_else(missing)?.clone()
            }
            Self::Midpoint(axis) => measure_segments(hits, |_, a, b| a.midpoint(b).to_array()[*axis])?,
            Self::Length => measure_segments(hits, |_, a, b| a.distance(b))?,
            Self::Inside => measure_segments(hits, |region, a, b| length_inside(sources, region, a, b))?,
            Self::Electrode => {
                let names = sources.contacts.unwrap_or_default();
                let name = |region: &u32| names.get(*region as usize).map(String::as_str);
                Arc::new(hits.region.iter().map(name).collect::<StringArray>())
            }
            Self::Distance => Arc::new(Float64Array::from(distances.to_vec())),
            Self::Weight => match &lookups.weights {
                Some(weights) => {
                    Arc::new(Float64Array::from(weights.find_weights(node_ids(hits)?, u64_column(hits, ROW)?)?))
                }
                None => null_array(hits),
            },
            Self::Potential => match &lookups.field {
                Some(field) => Arc::new(field.potentials(midpoints(hits)?)),
                None => null_array(hits),
            },
            Self::PotentialError => match &lookups.field {
                Some(field) => Arc::new(field.potential_errors(midpoints(hits)?)),
                None => null_array(hits),
            },
            Self::Electric(axis) => match &lookups.field {
                Some(field) => Arc::new(field.electric_field(*axis, midpoints(hits)?)),
                None => null_array(hits),
            },
            Self::Attribute(attribute) => attribute_array(attribute, node_ids(hits)?, sources)?,
        })
    }
}

fn null_array(hits: &Hits) -> ArrayRef {
    Arc::new(Float64Array::from(vec![None; hits.region.len()]))
}

fn midpoints(hits: &Hits) -> Result<impl Iterator<Item = Point>> {
    let ends = SegmentEnds::from_batch(&hits.batch)?;
    Ok((0..hits.region.len()).map(move |i| {
        let (a, b) = ends.get(i);
        a.midpoint(b)
    }))
}

fn measure_segments(hits: &Hits, measure: impl Fn(u32, Point, Point) -> f64) -> Result<ArrayRef> {
    let ends = SegmentEnds::from_batch(&hits.batch)?;
    let values = hits.region.iter().enumerate().map(|(i, &region)| {
        let (a, b) = ends.get(i);
        measure(region, a, b)
    });
    Ok(Arc::new(Float64Array::from_iter_values(values)))
}

/// Length of the segment a-b inside a region; its whole length if there is no region.
pub fn length_inside(sources: &ColumnSources<'_>, region: u32, a: Point, b: Point) -> f64 {
    let share = sources.regions.get(region as usize).map_or(1.0, |r| r.fraction_inside(a, b));
    share * a.distance(b)
}

fn u64_column<'h>(hits: &'h Hits, name: &str) -> Result<&'h [u64]> {
    let missing = || leadfield::segments::table::TableProblem::MissingColumns(format!("`{name}`"));
    let column = hits.batch.column_by_name(name).and_then(|c| c.as_primitive_opt::<UInt64Type>());
    Ok(column.ok_or_else(missing)?.values())
}

/// Returns the node ids of the hits.
pub fn node_ids(hits: &Hits) -> Result<&[u64]> {
    u64_column(hits, NODE_ID)
}

fn attribute_array(attribute: &NodeAttribute, nodes: &[u64], sources: &ColumnSources<'_>) -> Result<ArrayRef> {
    if let Some(circuit) = sources.circuit {
        nodes.iter().try_for_each(|&node| circuit.check_node(node))?;
    }
    Ok(match attribute {
        NodeAttribute::Text(texts) => {
            Arc::new(nodes.iter().map(|&n| texts.get(n as usize).map(String::as_str)).collect::<StringArray>())
        }
        NodeAttribute::Number(numbers) => {
            Arc::new(nodes.iter().map(|&n| numbers.get(n as usize).copied()).collect::<Float64Array>())
        }
    })
}
