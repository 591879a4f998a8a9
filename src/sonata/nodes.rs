//! The nodes of a population: `nodes.h5`.
//!
//! Source: SONATA "Nodes file", with the `@library` enumerations and the orientation columns of the Open Brain
//! Institute's extension. Layout: `/nodes/<population>/node_type_id` (one entry per node) and the group `0` with one
//! column per attribute.

mod attribute_column;
mod node_types;
mod optional_attributes;
mod placement;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, UInt64Array};
use arrow_schema::{DataType, Field, Schema};

pub(super) use self::attribute_column::AttributeColumn;
use self::attribute_column::boolean_text;
use self::node_types::NodeTypes;
use self::placement::NodePlacements;
pub use self::placement::{Orientation, Recentering};
use super::config::NodePopulation;
use crate::error::{Error, ErrorLocation, Problem, Result, find_closest, join_quoted};
use crate::geometry::{EulerOrder, Transform};
use crate::io::hdf5::{Hdf5File, Hdf5Problem};
use crate::segments::query::ColumnSource;
use crate::segments::table::schema::NODE_ID;
use crate::segments::table::{Hits, TableProblem};

/// Reasons why a nodes file is invalid, or a request cannot be answered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NodesProblem {
    /// The file has no population with this name.
    #[error("unknown population, expected {known}, found `{name}`")]
    UnknownPopulation {
        /// The requested name.
        name: String,
        /// Names of the file's populations.
        known: String,
    },
    /// The population has groups other than `0`.
    #[error("several groups of attributes, expected only `0`, found {0}")]
    Groups(String),
    /// An index reorders the nodes.
    #[error("nodes are not in row order, expected {expected}, found {found}")]
    Order {
        /// The value for row order.
        expected: u64,
        /// The value in the file.
        found: u64,
    },
    /// There is no attribute with this name.
    #[error("unknown attribute, expected {known}, found `{name}`")]
    UnknownAttribute {
        /// The requested name.
        name: String,
        /// Names of the existing attributes.
        known: String,
        /// The most similar one.
        closest: Option<String>,
    },
    /// An index is outside its `@library`.
    #[error("index outside the library, expected an index below {entries}, found {index}")]
    OutsideLibrary {
        /// Number of entries of the library.
        entries: usize,
        /// The index.
        index: u64,
    },
    /// The population has no node with this id.
    #[error("node id outside the population, expected an id below {nodes}, found {id}")]
    OutsidePopulation {
        /// Number of nodes.
        nodes: usize,
        /// The requested id.
        id: u64,
    },
    /// A coordinate or an angle is not finite.
    #[error("not a finite number, expected {expected}, found {found}")]
    NotFinite {
        /// Meaning of the number.
        expected: &'static str,
        /// The number in the file.
        found: f64,
    },
    /// The attribute contains numbers or booleans instead of text.
    #[error("wrong type, expected text, found {0}")]
    NotText(&'static str),
    /// An integer needs more than 63 bits.
    #[error("integer too large, expected at most 9223372036854775807, found {0}")]
    IntegerTooLarge(u64),
    /// Some columns of the quaternion are missing.
    #[error(
        "orientation is incomplete, expected `orientation_w`, `orientation_x`, `orientation_y` and `orientation_z`, found {0}"
    )]
    PartialQuaternion(String),
}

impl Problem for NodesProblem {
    fn hint(&self) -> Option<String> {
        match self {
            Self::PartialQuaternion(_) => Some(
                "add the missing columns, or remove the others: without any of them the rotation is that of \
                 `rotation_angle_xaxis`, `_yaxis` and `_zaxis`, or none"
                    .into(),
            ),
            Self::UnknownAttribute { closest, .. } => {
                closest.as_ref().map(|closest| format!("did you mean `{closest}`?"))
            }
            _ => None,
        }
    }
}

/// The nodes of one population: positions, orientations, morphologies, attributes.
///
/// Columns are read when they are first needed, and cached; threads may share the value.
#[derive(Debug)]
pub struct Nodes {
    file: Hdf5File,
    group: String,
    len: usize,
    types: Option<NodeTypes>,
    euler_order: EulerOrder,
    placements: OnceLock<NodePlacements>,
    columns: Mutex<BTreeMap<String, Arc<AttributeColumn>>>,
}

/// An attribute's values for all nodes.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum NodeAttribute {
    /// Text; enumerations are resolved through `@library`.
    Text(Vec<String>),
    /// Integers.
    Integer(Vec<i64>),
    /// Floating-point numbers.
    Number(Vec<f64>),
    /// Booleans.
    Boolean(Vec<bool>),
}

impl Nodes {
    /// Opens a population's `nodes.h5`.
    ///
    /// # Errors
    /// Returns an error if the file lacks the population (the error lists the existing ones), its `node_type_id` or its
    /// group `0`, or has other groups or nodes that are not in row order.
    pub fn open(population: &NodePopulation) -> Result<Self> {
        let file = Hdf5File::open(&population.nodes_file)?;
        let above = population_group(&file, &population.name)?;
        let group = format!("{above}/0");
        let types = format!("{above}/node_type_id");
        let len = file.length(&types)?;
        file.check_box_plausible(&types, std::slice::from_ref(&(0..len)))?;
        file.member_names(&group)?;
        for (name, order) in [("node_id", true), ("node_group_index", true), ("node_group_id", false)] {
            check_order(&file, &format!("{above}/{name}"), order)?;
        }
        let types = population.node_types_file.as_deref().filter(|path| path.exists());
        let types = types.map(NodeTypes::open).transpose()?;
        let euler_order = EulerOrder::default();
        Ok(Self { file, group, len, types, euler_order, placements: OnceLock::new(), columns: Mutex::default() })
    }

    /// Returns the same nodes, with another order of their Euler angles.
    #[must_use]
    pub fn with_euler_order(self, euler_order: EulerOrder) -> Self {
        Self { euler_order, ..self }
    }

    /// Returns the number of nodes: the length of `node_type_id`.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Returns whether there are no nodes.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns the transforms of some nodes, in the given order.
    ///
    /// Stored float32 or float64 numbers are used unchanged, in float64. The rotation is the quaternion of
    /// `orientation_w`, `_x`, `_y`, `_z`, of any length above 0; without it, that of the Euler angles
    /// `rotation_angle_xaxis`, `_yaxis`, `_zaxis`, where a missing one is 0, in the order of
    /// [`Nodes::with_euler_order`]; without these, none.
    ///
    /// # Errors
    /// Returns an error if `x`, `y` or `z` is missing or not finite, a node id is outside the population, a quaternion
    /// is zero, or some of its columns are missing.
    pub fn transforms(&self, nodes: &[u64]) -> Result<Vec<Transform>> {
        let places = self.placements()?;
        nodes.iter().map(|&node| places.transform(self, self.row_of_node(node)?)).collect()
    }

    fn placements(&self) -> Result<&NodePlacements> {
        if let Some(places) = self.placements.get() {
            return Ok(places);
        }
        let places = NodePlacements::read(self)?;
        Ok(self.placements.get_or_init(|| places))
    }

    fn read_floats(&self, name: &str) -> Result<Vec<f64>> {
        let object = self.dataset_path(name);
        self.check_rows(&object)?;
        self.file.read_floats(&object)
    }

    /// Reads a column of booleans as 1 and 0.
    fn read_flags(&self, name: &str) -> Result<Vec<f64>> {
        let object = self.dataset_path(name);
        self.check_rows(&object)?;
        Ok(self.file.read_booleans(&object)?.into_iter().map(|flag| f64::from(u8::from(flag))).collect())
    }

    /// Reads an attribute of all nodes, e.g. `morphology`, `mtype`.
    ///
    /// # Errors
    /// Returns an error if the attribute is unknown (the error lists the existing ones), or an index is outside its
    /// library.
    pub fn read_attribute(&self, name: &str) -> Result<NodeAttribute> {
        let column = self.cached_column(name)?;
        Ok(match &*column {
            AttributeColumn::Integer(numbers) => NodeAttribute::Integer(numbers.clone()),
            AttributeColumn::Float(numbers) => NodeAttribute::Number(numbers.clone()),
            AttributeColumn::Boolean(flags) => NodeAttribute::Boolean(flags.clone()),
            AttributeColumn::Enumeration { .. } | AttributeColumn::Text(_) => {
                let text = |row| column.text(row).unwrap_or_default().to_string();
                NodeAttribute::Text((0..column.len()).map(text).collect())
            }
        })
    }

    /// Returns the morphology names (without extension, perhaps with a subfolder) of some nodes, in the given order.
    ///
    /// # Errors
    /// Returns the errors of [`Nodes::read_texts`].
    pub fn morphology_names(&self, nodes: &[u64]) -> Result<Vec<String>> {
        self.read_texts("morphology", nodes)
    }

    /// Reads a text attribute of some nodes, in the given order.
    ///
    /// # Errors
    /// Returns the errors of [`Nodes::read_attribute`], and an error if the attribute is not text, or a node id is
    /// outside the population.
    pub fn read_texts(&self, name: &str, nodes: &[u64]) -> Result<Vec<String>> {
        let column = self.cached_column(name)?;
        let not_text = || self.file.error(&self.dataset_path(name), NodesProblem::NotText(column.kind()));
        let text = |&node: &u64| column.text(self.row_of_node(node)?).map(str::to_string).ok_or_else(not_text);
        nodes.iter().map(text).collect()
    }

    /// Returns an error at a node's attribute.
    pub fn error_at(&self, name: &str, node: u64, problem: impl Problem) -> Error {
        let place = ErrorLocation::file(self.file.path()).with_item(self.dataset_path(name)).with_index(node);
        Error::new(place, problem)
    }

    /// Returns the names of all attributes, sorted.
    ///
    /// # Errors
    /// Returns an error if the group cannot be read.
    pub fn attribute_names(&self) -> Result<Vec<String>> {
        let mut names = self.file.member_names(&self.group)?;
        names.retain(|name| self.file.is_dataset(&self.dataset_path(name)));
        let in_nodes = names.len();
        for name in self.types.iter().flat_map(NodeTypes::attribute_names) {
            if !names.iter().take(in_nodes).any(|known| known == name) {
                names.push(name.to_string());
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    /// Returns the node ids and some attributes of all nodes as columns; all attributes for an empty list. Integers are
    /// int64, other numbers float64; booleans are the texts `true` and `false`.
    ///
    /// # Errors
    /// Returns the errors of [`Nodes::read_attribute`].
    pub fn to_record_batch(&self, attributes: &[String]) -> Result<RecordBatch> {
        let all = if attributes.is_empty() { self.attribute_names()? } else { attributes.to_vec() };
        let names: Vec<&String> = all.iter().filter(|name| *name != NODE_ID).collect();
        let ids: ArrayRef = Arc::new(UInt64Array::from_iter_values(0..self.len as u64));
        let id_field = Field::new(NODE_ID, DataType::UInt64, false);
        let id_column = RecordBatch::try_new(Schema::new(vec![id_field.clone()]).into(), vec![ids.clone()]);
        let nodes = Hits { batch: id_column.map_err(TableProblem::from)?, region: vec![0; self.len] };
        let (mut fields, mut columns) = (vec![id_field], vec![ids]);
        for name in names {
            fields.push(self.column_field(name)?);
            columns.push(self.column_values(name, &nodes)?);
        }
        Ok(RecordBatch::try_new(Schema::new(fields).into(), columns).map_err(TableProblem::from)?)
    }

    /// Returns an attribute in its stored form, and caches it.
    pub(super) fn cached_column(&self, name: &str) -> Result<Arc<AttributeColumn>> {
        let cached = |columns: &BTreeMap<_, Arc<AttributeColumn>>| columns.get(name).cloned();
        if let Some(column) = cached(&self.columns.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(column);
        }
        let column = Arc::new(self.read_column(name)?);
        let mut columns = self.columns.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(columns.entry(name.to_string()).or_insert(column).clone())
    }

    fn read_column(&self, name: &str) -> Result<AttributeColumn> {
        let known = self.attribute_names()?;
        if !known.iter().any(|n| n == name) {
            let closest = find_closest(name, known.clone());
            let known = join_quoted(known, 40);
            let problem = NodesProblem::UnknownAttribute { name: name.to_string(), known, closest };
            return Err(self.file.error(&self.group, problem));
        }
        let object = self.dataset_path(name);
        if !self.file.has_object(&object)
            && let Some(column) = self.type_column(name)?
        {
            return Ok(column);
        }
        self.check_rows(&object)?;
        let library = self.dataset_path(&format!("@library/{name}"));
        if self.file.has_object(&library) {
            let library = attribute_column::read_library(&self.file, &library)?;
            let index = self.read_indices(&object, library.len())?;
            return Ok(AttributeColumn::Enumeration { library, index });
        }
        AttributeColumn::read(&self.file, &object)
    }

    fn read_indices(&self, object: &str, entries: usize) -> Result<Vec<u32>> {
        let checked = |(row, index): (usize, u64)| match u32::try_from(index) {
            Ok(small) if (small as usize) < entries => Ok(small),
            _ => Err(self.file.error_at(object, row, NodesProblem::OutsideLibrary { entries, index })),
        };
        self.file.read_unsigned(object)?.into_iter().enumerate().map(checked).collect()
    }

    /// Returns the row of a node id, which is the id itself if there is such a node.
    fn row_of_node(&self, id: u64) -> Result<usize> {
        let row = usize::try_from(id).ok().filter(|&row| row < self.len);
        row.ok_or_else(|| {
            self.file.error(parent_group(&self.group), NodesProblem::OutsidePopulation { nodes: self.len, id })
        })
    }

    fn check_rows(&self, object: &str) -> Result<()> {
        match self.file.length(object)? {
            found if found == self.len => Ok(()),
            found => {
                let expected = format!("[{}], one value per node", self.len);
                Err(self.file.error(object, Hdf5Problem::Shape { expected, found: vec![found] }))
            }
        }
    }

    fn dataset_path(&self, name: &str) -> String {
        format!("{}/{name}", self.group)
    }
}

/// The attributes of the nodes that segments belong to.
impl ColumnSource for Nodes {
    fn column_names(&self) -> Result<Vec<String>> {
        self.attribute_names()
    }

    fn required_columns(&self) -> &[&str] {
        &[NODE_ID]
    }

    fn column_field(&self, name: &str) -> Result<Field> {
        Ok(match &*self.cached_column(name)? {
            AttributeColumn::Enumeration { .. } | AttributeColumn::Text(_) | AttributeColumn::Boolean(_) => {
                Field::new(name, DataType::Utf8, false)
            }
            AttributeColumn::Integer(_) => Field::new(name, DataType::Int64, false),
            AttributeColumn::Float(_) => Field::new(name, DataType::Float64, true),
        })
    }

    fn column_values(&self, name: &str, hits: &Hits) -> Result<ArrayRef> {
        let column = self.cached_column(name)?;
        let rows = hits.node_ids()?.iter().map(|&node| self.row_of_node(node)).collect::<Result<Vec<usize>>>()?;
        let rows = rows.into_iter();
        Ok(match &*column {
            AttributeColumn::Enumeration { .. } | AttributeColumn::Text(_) => {
                Arc::new(rows.map(|row| column.text(row)).collect::<StringArray>())
            }
            AttributeColumn::Boolean(flags) => {
                Arc::new(rows.map(|row| flags.get(row).copied().map(boolean_text)).collect::<StringArray>())
            }
            AttributeColumn::Integer(numbers) => {
                Arc::new(rows.map(|row| numbers.get(row).copied()).collect::<Int64Array>())
            }
            AttributeColumn::Float(numbers) => {
                Arc::new(rows.map(|row| numbers.get(row).copied()).collect::<Float64Array>())
            }
        })
    }
}

/// Returns the path of the parent group.
fn parent_group(group: &str) -> &str {
    group.rsplit_once('/').map_or(group, |(above, _)| above)
}

/// Returns the group of a population, which must contain no group other than `0`.
fn population_group(file: &Hdf5File, name: &str) -> Result<String> {
    let known = file.member_names("/nodes")?;
    if !known.iter().any(|n| n == name) {
        let problem = NodesProblem::UnknownPopulation { name: name.to_string(), known: join_quoted(known, 12) };
        return Err(file.error("/nodes", problem));
    }
    let group = format!("/nodes/{name}");
    let mut others = file.member_names(&group)?;
    others.retain(|member| member != "0" && !file.is_dataset(&format!("{group}/{member}")));
    if others.is_empty() { Ok(group) } else { Err(file.error(&group, NodesProblem::Groups(join_quoted(others, 12)))) }
}

/// Checks that an optional column counts the rows from 0 (`counts`), or that it is 0 everywhere.
fn check_order(file: &Hdf5File, object: &str, counts: bool) -> Result<()> {
    if !file.has_object(object) {
        return Ok(());
    }
    let expected = |row: usize| if counts { row as u64 } else { 0 };
    let numbers = file.read_unsigned(object)?;
    match numbers.iter().enumerate().find(|&(row, &number)| number != expected(row)) {
        None => Ok(()),
        Some((row, &found)) => Err(file.error_at(object, row, NodesProblem::Order { expected: expected(row), found })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::{Point, Quaternion};
    use std::f64::consts::FRAC_PI_2;
    use std::path::PathBuf;

    /// Group `0` of a population `P` of three nodes.
    const GROUP: &str = "/nodes/P/0";
    const QUATERNION: [&str; 4] = ["orientation_w", "orientation_x", "orientation_y", "orientation_z"];

    struct Input {
        folder: tempfile::TempDir,
        file: Hdf5File,
    }

    impl Input {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let file = Hdf5File::create(&folder.path().join("nodes.h5")).unwrap();
            file.create_group(GROUP).unwrap();
            file.write_dataset("/nodes/P/node_type_id", &[-1_i64, -1, -1], &[3]).unwrap();
            let input = Self { folder, file };
            for (i, name) in ["x", "y", "z"].into_iter().enumerate() {
                input.floats(name, &[0.1 + i as f64, 1.0, 2.0]);
            }
            input
        }

        fn path(&self) -> PathBuf {
            self.folder.path().join("nodes.h5")
        }

        fn floats(&self, name: &str, values: &[f64]) {
            self.file.write_dataset(&format!("{GROUP}/{name}"), values, &[values.len()]).unwrap();
        }

        fn integers(&self, name: &str, values: &[u32]) {
            self.file.write_dataset(&format!("{GROUP}/{name}"), values, &[values.len()]).unwrap();
        }

        fn texts(&self, name: &str, values: &[&str]) {
            self.file.create_group(&format!("{GROUP}/@library")).unwrap();
            self.file.write_strings(&format!("{GROUP}/{name}"), values, &[values.len()]).unwrap();
        }

        fn open(&self) -> Result<Nodes> {
            self.open_population("P")
        }

        fn open_population(&self, name: &str) -> Result<Nodes> {
            Nodes::open(&NodePopulation {
                name: name.into(),
                kind: "biophysical".into(),
                nodes_file: self.path(),
                node_types_file: Some(self.folder.path().join("types.csv")),
                morphologies: None,
                biophysical_neuron_models_dir: None,
            })
        }

        fn nodes(&self) -> Nodes {
            self.open().unwrap()
        }

        #[track_caller]
        fn says<T: std::fmt::Debug>(&self, result: Result<T>, message: &str) {
            let expected = format!("{}: {message}", self.path().display());
            assert_eq!(result.unwrap_err().to_string(), expected);
        }
    }

    fn turned(nodes: &Nodes, node: u64, p: Point) -> Point {
        nodes.transforms(&[node]).unwrap()[0].rotation.rotate(p)
    }

    #[test]
    fn threads_may_share_nodes() {
        fn shared<T: Send + Sync>() {}
        shared::<Nodes>();
    }

    #[test]
    fn nodes_are_counted_by_their_type_ids() {
        let nodes = Input::new().nodes();
        assert_eq!((nodes.len(), nodes.is_empty()), (3, false));
    }

    #[test]
    fn transforms_have_the_requested_order() {
        let transforms = Input::new().nodes().transforms(&[2, 0, 2]).unwrap();
        let positions: Vec<_> = transforms.iter().map(|t| t.translation).collect();
        assert_eq!(positions, [Point::new(2.0, 2.0, 2.0), Point::new(0.1, 1.1, 2.1), Point::new(2.0, 2.0, 2.0)]);
        assert!(transforms.iter().all(|t| t.rotation == Quaternion::IDENTITY));
    }

    #[test]
    fn numbers_are_read_at_the_stored_width() {
        let input = bare();
        input.file.create_group(GROUP).unwrap();
        input.file.write_dataset("/nodes/P/node_type_id", &[0_u8], &[1]).unwrap();
        for name in ["x", "y", "z"] {
            input.file.write_dataset(&format!("{GROUP}/{name}"), &[0.1_f32], &[1]).unwrap();
        }
        assert_eq!(input.nodes().transforms(&[0]).unwrap()[0].translation.x, f64::from(0.1_f32));
    }

    #[test]
    fn a_quaternion_of_four_columns_is_preferred_to_angles() {
        let input = Input::new();
        // 90 degrees about z, not normalised.
        for (name, value) in QUATERNION.iter().zip([2.0, 0.0, 0.0, 2.0]) {
            input.floats(name, &[value; 3]);
        }
        input.floats("rotation_angle_xaxis", &[FRAC_PI_2; 3]);
        let p = turned(&input.nodes(), 1, Point::new(1.0, 0.0, 0.0));
        assert!(p.distance(Point::new(0.0, 1.0, 0.0)) < 1e-15, "{p}");
    }

    #[test]
    fn positions_and_quaternions_may_come_from_the_types() {
        let input = bare();
        input.file.create_group(GROUP).unwrap();
        input.file.write_dataset("/nodes/P/node_type_id", &[7_i64, 8], &[2]).unwrap();
        ["x", "y"].iter().for_each(|name| input.floats(name, &[1.0, 2.0]));
        let header = "node_type_id z orientation_w orientation_x orientation_y orientation_z";
        let table = format!("{header}\n7 5 .5 .5 .5 .5\n8 6 1 0 0 0\n");
        std::fs::write(input.folder.path().join("types.csv"), table).unwrap();
        let nodes = input.nodes();
        let transforms = nodes.transforms(&[0, 1]).unwrap();
        assert_eq!(transforms.iter().map(|t| t.translation.z).collect::<Vec<_>>(), [5.0, 6.0]);
        // x to y, y to z
        assert!(turned(&nodes, 0, Point::new(1.0, 0.0, 0.0)).distance(Point::new(0.0, 1.0, 0.0)) < 1e-15);
        assert_eq!(turned(&nodes, 1, Point::new(1.0, 0.0, 0.0)), Point::new(1.0, 0.0, 0.0));
        std::fs::write(input.folder.path().join("types.csv"), "node_type_id z orientation_w\n7 5 1\n8 6 1\n").unwrap();
        input.says(
            input.nodes().transforms(&[1]),
            "/nodes/P/0: orientation is incomplete, expected `orientation_w`, `orientation_x`, `orientation_y` and \
             `orientation_z`, found `orientation_w`",
        );
    }

    #[test]
    fn recenter_may_be_a_boolean() {
        let input = Input::new();
        input.file.write_dataset(&format!("{GROUP}/recenter"), &[true, false, true], &[3]).unwrap();
        let nodes = input.nodes();
        let stated = |nodes: &Nodes| [0, 1, 2].map(|node| nodes.recentering().unwrap().for_node(node));
        assert_eq!(stated(&nodes), [Some(true), Some(false), Some(true)]);
        let input = Input::new();
        std::fs::write(input.folder.path().join("types.csv"), "node_type_id recenter\n-1 False\n").unwrap();
        assert_eq!(stated(&input.nodes()), [Some(false); 3]);
        std::fs::write(input.folder.path().join("types.csv"), "node_type_id recenter\n-1 perhaps\n").unwrap();
        let error = input.nodes().transforms(&[0]).unwrap_err().to_string();
        assert!(error.ends_with("types.csv: recenter: wrong type, expected numbers, found text"), "{error}");
    }

    #[test]
    fn an_incomplete_quaternion_is_refused_with_its_columns() {
        for n in 1..4 {
            let input = Input::new();
            QUATERNION[4 - n..].iter().for_each(|name| input.floats(name, &[0.0; 3]));
            input.floats("rotation_angle_yaxis", &[0.0, FRAC_PI_2, 0.0]);
            let present: Vec<String> = QUATERNION[4 - n..].iter().map(|name| format!("`{name}`")).collect();
            input.says(
                input.nodes().transforms(&[1]),
                &format!(
                    "/nodes/P/0: orientation is incomplete, expected `orientation_w`, `orientation_x`, `orientation_y` and \
                     `orientation_z`, found {}",
                    present.join(", ")
                ),
            );
        }
    }

    #[test]
    fn angles_rotate_about_z_then_y_then_x_and_missing_ones_are_zero() {
        let input = Input::new();
        input.floats("rotation_angle_yaxis", &[0.0, FRAC_PI_2, FRAC_PI_2]);
        input.floats("rotation_angle_zaxis", &[0.0, 0.0, FRAC_PI_2]);
        let nodes = input.nodes();
        // 90 degrees about y rotates z to x
        let p = turned(&nodes, 1, Point::new(0.0, 0.0, 1.0));
        assert!(p.distance(Point::new(1.0, 0.0, 0.0)) < 1e-15, "{p}");
        assert_eq!(turned(&nodes, 0, Point::new(0.0, 0.0, 1.0)), Point::new(0.0, 0.0, 1.0));
        assert_eq!(nodes.orientation().unwrap(), Orientation::Euler { depends_on_order: true });
        // about z first: x to y, which the rotation about y does not change
        let p = turned(&nodes, 2, Point::new(1.0, 0.0, 0.0));
        assert!(p.distance(Point::new(0.0, 1.0, 0.0)) < 1e-15, "{p}");
        // about y first: x to -z, which the rotation about z does not change
        let p = turned(&nodes.with_euler_order(EulerOrder::Neurodamus), 2, Point::new(1.0, 0.0, 0.0));
        assert!(p.distance(Point::new(0.0, 0.0, -1.0)) < 1e-15, "{p}");
    }

    #[test]
    fn attributes_of_node_types_replace_those_that_nodes_lack() {
        let input = bare();
        input.file.create_group(GROUP).unwrap();
        input.file.write_dataset("/nodes/P/node_type_id", &[7_i64, 9, 7], &[3]).unwrap();
        ["x", "y", "z"].iter().for_each(|name| input.floats(name, &[0.0; 3]));
        input.texts("mtype", &["a", "b", "c"]);
        let types = "node_type_id mtype morphology rotation_angle_zaxis recenter\n7 t m7 1.5 0\n9 t m9.swc NULL 1\n";
        std::fs::write(input.folder.path().join("types.csv"), types).unwrap();
        let nodes = input.nodes();
        assert_eq!(nodes.morphology_names(&[0, 1]).unwrap(), ["m7", "m9.swc"]);
        assert_eq!(nodes.read_texts("mtype", &[1]).unwrap(), ["b"]);
        assert_eq!(nodes.attribute_names().unwrap().len(), 7);
        let p = turned(&nodes, 2, Point::new(1.0, 0.0, 0.0));
        assert!(p.distance(Point::new(1.5_f64.cos(), 1.5_f64.sin(), 0.0)) < 1e-15, "{p}");
        assert_eq!(turned(&nodes, 1, Point::new(1.0, 0.0, 0.0)), Point::new(1.0, 0.0, 0.0));
        assert_eq!(
            [0, 1, 2].map(|node| nodes.recentering().unwrap().for_node(node)),
            [Some(false), Some(true), Some(false)]
        );
    }

    #[test]
    fn a_zero_quaternion_is_an_error_for_its_node_only() {
        let input = Input::new();
        input.floats("orientation_w", &[1.0, 0.0, 1.0]);
        QUATERNION[1..].iter().for_each(|name| input.floats(name, &[0.0; 3]));
        let nodes = input.nodes();
        assert_eq!(nodes.transforms(&[0, 2]).unwrap().len(), 2);
        input.says(
            nodes.transforms(&[0, 1]),
            "node[1]: orientation is not a rotation, expected a quaternion with a length above 0, found (w 0, x 0, y \
             0, z 0)",
        );
    }

    #[test]
    fn an_error_for_a_number_that_is_not_finite_names_column_and_node() {
        let input = Input::new();
        input.floats("rotation_angle_zaxis", &[0.0, f64::INFINITY, 0.0]);
        input.says(
            input.nodes().transforms(&[1]),
            "/nodes/P/0/rotation_angle_zaxis[1]: not a finite number, expected an angle in radians, found inf",
        );
        let input = bare();
        input.file.create_group(GROUP).unwrap();
        input.file.write_dataset("/nodes/P/node_type_id", &[0], &[1]).unwrap();
        [("x", 1.0), ("y", f64::NAN), ("z", 1.0)].iter().for_each(|(name, value)| input.floats(name, &[*value]));
        input.says(
            input.nodes().transforms(&[0]),
            "/nodes/P/0/y[0]: not a finite number, expected a position in micrometres, found NaN",
        );
    }

    #[test]
    fn a_node_outside_the_population_is_refused() {
        let input = Input::new();
        let message = "/nodes/P: node id outside the population, expected an id below 3, found 3";
        input.says(input.nodes().transforms(&[0, 3]), message);
        input.texts("morphology", &["a", "b", "c"]);
        input.says(input.nodes().morphology_names(&[0, 3]), message);
    }

    #[test]
    fn enumerations_are_resolved_and_other_columns_unchanged() {
        let input = Input::new();
        input.texts("@library/mtype", &["L1", "L2"]);
        input.integers("mtype", &[1, 0, 1]);
        input.file.write_dataset(&format!("{GROUP}/@library/layer"), &[10_i32, 20], &[2]).unwrap();
        input.integers("layer", &[1, 1, 0]);
        input.texts("region", &["a", "", "é"]);
        input.file.create_group(&format!("{GROUP}/dynamics_params")).unwrap();
        let nodes = input.nodes();
        let text = |values: [&str; 3]| NodeAttribute::Text(values.map(str::to_string).to_vec());
        assert_eq!(nodes.read_attribute("mtype").unwrap(), text(["L2", "L1", "L2"]));
        assert_eq!(nodes.read_attribute("layer").unwrap(), text(["20", "20", "10"]));
        assert_eq!(nodes.read_attribute("region").unwrap(), text(["a", "", "é"]));
        assert_eq!(nodes.read_attribute("x").unwrap(), NodeAttribute::Number(vec![0.1, 1.0, 2.0]));
        assert_eq!(nodes.attribute_names().unwrap(), ["layer", "mtype", "region", "x", "y", "z"]);
        input.says(
            nodes.read_attribute("dynamics_params"),
            "/nodes/P/0: unknown attribute, expected `layer`, `mtype`, `region`, `x`, `y`, `z`, found `dynamics_params`",
        );
    }

    #[test]
    fn morphologies_have_the_requested_order() {
        let input = Input::new();
        input.texts("@library/morphology", &["sub/a", "b"]);
        input.integers("morphology", &[0, 1, 0]);
        assert_eq!(input.nodes().morphology_names(&[1, 0]).unwrap(), ["b", "sub/a"]);
    }

    #[test]
    fn morphologies_that_are_numbers_are_refused() {
        let input = Input::new();
        input.integers("morphology", &[0, 1, 0]);
        input.says(
            input.nodes().morphology_names(&[1]),
            "/nodes/P/0/morphology: wrong type, expected text, found numbers",
        );
    }

    #[test]
    fn an_error_for_an_index_outside_its_library_names_the_node() {
        let input = Input::new();
        input.texts("@library/mtype", &["L1", "L2"]);
        input.integers("mtype", &[1, 2, 0]);
        input.says(
            input.nodes().read_attribute("mtype"),
            "/nodes/P/0/mtype[1]: index outside the library, expected an index below 2, found 2",
        );
    }

    #[test]
    fn a_column_of_the_wrong_length_is_refused() {
        let input = Input::new();
        input.floats("rotation_angle_xaxis", &[0.0; 2]);
        input.floats("weight", &[0.0; 4]);
        input.says(
            input.nodes().transforms(&[0]),
            "/nodes/P/0/rotation_angle_xaxis: wrong shape, expected [3], one value per node, found [2]",
        );
        input.says(
            input.nodes().read_attribute("weight"),
            "/nodes/P/0/weight: wrong shape, expected [3], one value per node, found [4]",
        );
    }

    #[test]
    fn integers_and_booleans_stay_what_they_are() {
        let input = Input::new();
        // 2^53 + 1 is the first integer that float64 does not have
        input.file.write_dataset(&format!("{GROUP}/serial"), &[(1_u64 << 53) + 1, 0, 7], &[3]).unwrap();
        input.file.write_dataset(&format!("{GROUP}/flag"), &[true, false, true], &[3]).unwrap();
        let nodes = input.nodes();
        assert_eq!(nodes.read_attribute("serial").unwrap(), NodeAttribute::Integer(vec![9_007_199_254_740_993, 0, 7]));
        assert_eq!(nodes.read_attribute("flag").unwrap(), NodeAttribute::Boolean(vec![true, false, true]));
        let batch = nodes.to_record_batch(&["serial".into(), "flag".into()]).unwrap();
        assert_eq!(**batch.column(1), Int64Array::from(vec![9_007_199_254_740_993, 0, 7]));
        assert_eq!(**batch.column(2), StringArray::from(vec!["true", "false", "true"]));
        input.says(nodes.read_texts("flag", &[0]), "/nodes/P/0/flag: wrong type, expected text, found booleans");
    }

    #[test]
    fn an_integer_of_64_bits_without_sign_is_refused() {
        let input = Input::new();
        input.file.write_dataset(&format!("{GROUP}/serial"), &[0, u64::MAX, 1], &[3]).unwrap();
        input.says(
            input.nodes().read_attribute("serial"),
            "/nodes/P/0/serial[1]: integer too large, expected at most 9223372036854775807, found 18446744073709551615",
        );
    }

    #[test]
    fn numbers_of_half_precision_are_read() {
        let input = Input::new();
        let [one, tenth] = [1.0, 0.1].map(half::f16::from_f64);
        input.file.write_dataset(&format!("{GROUP}/weight"), &[one, tenth, one], &[3]).unwrap();
        // half precision has 11 bits: 0.1 = 1.6 x 2^-4, and 1.6 is stored as 1638/1024
        let stored = 1638.0 / 1024.0 / 16.0;
        assert_eq!(input.nodes().read_attribute("weight").unwrap(), NodeAttribute::Number(vec![1.0, stored, 1.0]));
    }

    #[test]
    fn a_column_of_neither_text_nor_numbers_nor_booleans_is_refused() {
        let input = Input::new();
        input.file.write_dataset(&format!("{GROUP}/pair"), &[[0_u8, 1]; 3], &[3]).unwrap();
        input.says(
            input.nodes().read_attribute("pair"),
            "/nodes/P/0/pair: wrong type, expected text, numbers or booleans, found [uint8; 2]",
        );
    }

    fn bare() -> Input {
        let folder = tempfile::tempdir().unwrap();
        let file = Hdf5File::create(&folder.path().join("nodes.h5")).unwrap();
        Input { folder, file }
    }

    #[test]
    fn a_missing_coordinate_is_named() {
        let input = bare();
        input.file.create_group(GROUP).unwrap();
        input.file.write_dataset("/nodes/P/node_type_id", &[0], &[1]).unwrap();
        ["y", "z"].iter().for_each(|name| input.floats(name, &[0.0]));
        input.says(
            input.nodes().transforms(&[0]),
            "/nodes/P/0/x: missing, expected a dataset; the nearest group `/nodes/P/0` has `y`, `z`",
        );
    }

    #[test]
    fn a_population_that_is_not_in_the_file_is_refused() {
        let input = Input::new();
        input.says(input.open_population("Q"), "/nodes: unknown population, expected `P`, found `Q`");
        bare().says_missing("/nodes: missing, expected a group; the nearest group `/` has none");
    }

    impl Input {
        #[track_caller]
        fn says_missing(&self, message: &str) {
            self.says(self.open(), message);
        }
    }

    #[test]
    fn a_population_without_its_parts_is_refused() {
        let input = bare();
        input.file.create_group("/nodes/P").unwrap();
        input.says_missing("/nodes/P/node_type_id: missing, expected a dataset; the nearest group `/nodes/P` has none");
        input.file.write_dataset("/nodes/P/node_type_id", &[0], &[1]).unwrap();
        input.says_missing("/nodes/P/0: missing, expected a group; the nearest group `/nodes/P` has `node_type_id`");
    }

    #[test]
    fn groups_besides_0_are_refused() {
        let input = Input::new();
        input.file.create_group("/nodes/P/1").unwrap();
        input.says(input.open(), "/nodes/P: several groups of attributes, expected only `0`, found `1`");
    }

    #[test]
    fn nodes_that_are_not_in_row_order_are_refused() {
        let input = Input::new();
        input.file.write_dataset("/nodes/P/node_group_id", &[0_u32; 3], &[3]).unwrap();
        input.file.write_dataset("/nodes/P/node_group_index", &[0_u64, 1, 2], &[3]).unwrap();
        assert!(input.open().is_ok());
        input.file.write_dataset("/nodes/P/node_id", &[0_u64, 2, 1], &[3]).unwrap();
        input.says(input.open(), "/nodes/P/node_id[1]: nodes are not in row order, expected 1, found 2");
    }
}
