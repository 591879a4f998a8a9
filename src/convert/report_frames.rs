//! Reads a report as columns. Frames are consecutive; within a frame the elements are in the report's order.
//!
//! | report | columns |
//! |---|---|
//! | compartment report | `node_id`, `section_id`, `segment_id` (counted within the section in the report's order), `time`, `value` |
//! | signals of this library | `time`, `contact`, `group` if there are groups, `value`, `unit` if contacts have several |
//! | `lfp` report of a simulator | `node_id`, `contact` (its number), `time`, `value` |
//!
//! A report is taken as an `lfp` report if every node has the elements 0, 1, 2, ..., equally many and more than one, and its
//! unit is not one of currents.

use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float32Array, Float64Array, RecordBatch, StringArray, UInt32Array, UInt64Array};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};

use super::ConversionProblem;
use crate::error::{Context, Result};
use crate::io::hdf5::{Hdf5File, Hdf5Problem};
use crate::sonata::compartment_report::check_finished;

/// Number of values in a block.
const VALUES_PER_BLOCK: usize = 1 << 18;

/// One population of a compartment report.
#[derive(Debug)]
pub struct ReportFrames {
    file: Hdf5File,
    data_path: String,
    element_count: usize,
    labels: ElementLabels,
    /// Start time, in the report's unit.
    start_ms: f64,
    step_ms: f64,
    frame_count: usize,
    schema: SchemaRef,
}

/// What the elements of a report are.
#[derive(Debug)]
enum ElementLabels {
    /// Segments: node, section and segment of each element.
    Segments { nodes: Vec<u64>, sections: Vec<u32>, segments: Vec<u32> },
    /// Contacts of an online report: node and contact number of each element.
    Contacts { nodes: Vec<u64>, contacts: Vec<u32> },
    /// Signals: names of the contacts, of the groups if there are any, and units if they differ. A group has an element for
    /// each contact.
    Signals { contacts: Vec<String>, groups: Option<Vec<String>>, units: Option<Vec<String>> },
}

/// The attribute of `mapping` that tells what the "nodes" of signals are, and its value for the sum over all neurons.
const GROUPS_ATTRIBUTE: [&str; 2] = ["groups", "total"];

/// Units that an `lfp` report does not have.
const CURRENT_UNITS: [&str; 3] = ["nA", "mA/cm2", "mA/cm^2"];

impl ReportFrames {
    /// Opens a population; memory is 16 bytes per element.
    ///
    /// # Errors
    /// Returns an error if the file is unfinished, or the mapping is missing or does not fit the data.
    pub fn open(path: &Path, population: &str) -> Result<Self> {
        check_finished(path)?;
        let file = Hdf5File::open(path)?;
        let group = format!("/report/{population}");
        let mapping = |name: &str| format!("{group}/mapping/{name}");
        let (ids, pointers) =
            (file.read_unsigned(&mapping("node_ids"))?, file.read_unsigned(&mapping("index_pointers"))?);
        let section_ids = file.read_u32(&mapping("element_ids"))?;
        let node_ids = node_of_each_element(&file, &mapping("index_pointers"), &ids, &pointers, section_ids.len())?;
        let data = format!("{group}/data");
        let shape = file.shape(&data)?;
        let &[frames, elements] = shape.as_slice() else {
            return Err(file.error(&data, Hdf5Problem::Shape { expected: "[frames, elements]".into(), found: shape }));
        };
        if elements != section_ids.len() {
            let expected = format!("[frames, {}], one column per element", section_ids.len());
            return Err(file.error(&data, Hdf5Problem::Shape { expected, found: shape }));
        }
        let time = mapping("time");
        let [start, _, step] = file.read_floats(&time)?[..] else {
            let found = file.shape(&time)?;
            return Err(file.error(&time, Hdf5Problem::Shape { expected: "[3]: start, end, step".into(), found }));
        };
        let unit = |object: &str| file.read_string_attribute(object, "units").unwrap_or_else(|| "unknown".into());
        let metadata = [
            ("leadfield.population".to_string(), population.to_string()),
            ("leadfield.time_unit".to_string(), unit(&time)),
            ("leadfield.value_unit".to_string(), unit(&data)),
        ];
        file.check_strings()?;
        let labels = match read_signal_labels(&file, &format!("{group}/mapping"), &pointers, elements)? {
            Some(signals) => signals,
            None if !CURRENT_UNITS.contains(&unit(&data).as_str()) && are_contacts(&pointers, &section_ids) => {
                ElementLabels::Contacts { nodes: node_ids, contacts: section_ids }
            }
            None => {
                let segments = number_segments(&node_ids, &section_ids);
                ElementLabels::Segments { nodes: node_ids, sections: section_ids, segments }
            }
        };
        file.check_strings()?;
        let field = |name: &str, kind: &DataType| Field::new(name, kind.clone(), false);
        let columns = labels.columns().into_iter().map(|(name, kind)| field(name, &kind));
        let fields: Vec<Field> = columns.collect();
        let schema = Arc::new(Schema::new_with_metadata(fields, metadata.into()));
        Ok(Self {
            file,
            data_path: data,
            element_count: elements,
            labels,
            start_ms: start,
            step_ms: step,
            frame_count: frames,
            schema,
        })
    }

    /// Returns the columns.
    pub fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    /// Returns the number of frames, and of elements in each.
    pub fn dimensions(&self) -> (usize, usize) {
        (self.frame_count, self.element_count)
    }

    /// Returns whether the report is taken as an `lfp` report of a simulator, whose elements are contacts.
    pub fn is_online(&self) -> bool {
        matches!(self.labels, ElementLabels::Contacts { .. })
    }

    /// Passes all values to `take`, block by block.
    ///
    /// # Errors
    /// Returns an error if the report cannot be read or a value has no float32 number, and any error of `take`.
    pub fn for_each_batch(&self, take: &mut dyn FnMut(&RecordBatch) -> Result<()>) -> Result<()> {
        let elements = self.element_count;
        let frames = (VALUES_PER_BLOCK / elements.max(1)).max(1);
        for first in (0..self.frame_count).step_by(frames) {
            let last = (first + frames).min(self.frame_count);
            for from in (0..elements).step_by(VALUES_PER_BLOCK) {
                let to = (from + VALUES_PER_BLOCK).min(elements);
                let values = self.file.read_float_box(&self.data_path, &[first..last, from..to])?;
                let is_too_large = |v: &f64| v.is_finite() && (*v as f32).is_infinite();
                if let Some((i, &found)) = values.iter().enumerate().find(|(_, v)| is_too_large(v)) {
                    let owner = self.labels.owner(from + i % (to - from));
                    let problem = ConversionProblem::ValueRange { owner, found };
                    return Err(self.file.error_at(&self.data_path, first + i / (to - from), problem));
                }
                let batch = self.build_batch(first..last, from..to, &values).map_err(ConversionProblem::from);
                take(&batch.in_file(self.file.path())?)?;
            }
        }
        Ok(())
    }

    fn build_batch(
        &self,
        frames: std::ops::Range<usize>,
        elements: std::ops::Range<usize>,
        values: &[f64],
    ) -> Result<RecordBatch, ArrowError> {
        let every = || frames.clone().flat_map(|_| elements.clone());
        let times = frames
            .clone()
            .flat_map(|frame| std::iter::repeat_n(self.start_ms + frame as f64 * self.step_ms, elements.len()));
        let time: ArrayRef = Arc::new(Float64Array::from_iter_values(times));
        let value: ArrayRef = Arc::new(Float32Array::from_iter_values(values.iter().map(|v| *v as f32)));
        let ids = |column: &[u32]| -> ArrayRef {
            Arc::new(UInt32Array::from_iter_values(every().map(|i| column.get(i).copied().unwrap_or_default())))
        };
        let nodes = |column: &[u64]| -> ArrayRef {
            Arc::new(UInt64Array::from_iter_values(every().map(|i| column.get(i).copied().unwrap_or_default())))
        };
        let columns = match &self.labels {
            ElementLabels::Segments { nodes: of_nodes, sections, segments } => {
                vec![nodes(of_nodes), ids(sections), ids(segments), time, value]
            }
            ElementLabels::Contacts { nodes: of_nodes, contacts } => vec![nodes(of_nodes), ids(contacts), time, value],
            ElementLabels::Signals { contacts, groups, units } => {
                let count = contacts.len().max(1);
                let texts = |names: &[String], place: &dyn Fn(usize) -> usize| -> ArrayRef {
                    let name = |i: usize| names.get(place(i)).map_or("", String::as_str);
                    Arc::new(StringArray::from(every().map(name).collect::<Vec<&str>>()))
                };
                let mut columns = vec![time, texts(contacts, &|i| i % count)];
                columns.extend(groups.as_deref().map(|groups| texts(groups, &|i| i / count)));
                columns.push(value);
                columns.extend(units.as_deref().map(|units| texts(units, &|i| i % count)));
                columns
            }
        };
        RecordBatch::try_new(self.schema.clone(), columns)
    }
}

impl ElementLabels {
    /// Returns the node or the contact of an element, for messages.
    fn owner(&self, element: usize) -> String {
        match self {
            Self::Segments { nodes, .. } | Self::Contacts { nodes, .. } => {
                format!("node {}", nodes.get(element).copied().unwrap_or_default())
            }
            Self::Signals { contacts, .. } => {
                let contact = contacts.get(element % contacts.len().max(1));
                format!("contact `{}`", contact.map_or("", String::as_str))
            }
        }
    }

    /// Returns names and types of the columns.
    fn columns(&self) -> Vec<(&'static str, DataType)> {
        let (time, value) = (("time", DataType::Float64), ("value", DataType::Float32));
        let node = ("node_id", DataType::UInt64);
        match self {
            Self::Segments { .. } => {
                vec![node, ("section_id", DataType::UInt32), ("segment_id", DataType::UInt32), time, value]
            }
            Self::Contacts { .. } => vec![node, ("contact", DataType::UInt32), time, value],
            Self::Signals { groups, units, .. } => {
                let mut columns = vec![time, ("contact", DataType::Utf8)];
                columns.extend(groups.is_some().then_some(("group", DataType::Utf8)));
                columns.push(value);
                columns.extend(units.is_some().then_some(("unit", DataType::Utf8)));
                columns
            }
        }
    }
}

/// Reads the names of contacts and groups that this library writes with signals; `None` for other reports.
fn read_signal_labels(
    file: &Hdf5File,
    mapping: &str,
    pointers: &[u64],
    elements: usize,
) -> Result<Option<ElementLabels>> {
    let object = |name: &str| format!("{mapping}/{name}");
    let read = |name: &str, expected: usize| -> Result<Option<Vec<String>>> {
        if !file.has_object(&object(name)) {
            return Ok(None);
        }
        let texts = file.read_strings(&object(name))?;
        if texts.len() == expected {
            return Ok(Some(texts));
        }
        let problem = Hdf5Problem::Shape { expected: format!("[{expected}]"), found: vec![texts.len()] };
        Err(file.error(&object(name), problem))
    };
    let cells = pointers.len().saturating_sub(1);
    let Some(contacts) = read("contact_names", elements.checked_div(cells).unwrap_or_default())? else {
        return Ok(None);
    };
    if !pointers.iter().zip(0..).all(|(pointer, cell)| *pointer == cell * contacts.len() as u64) {
        let expected = format!("[{}], {} elements for each", cells + 1, contacts.len());
        return Err(file.error(&object("index_pointers"), Hdf5Problem::Shape { expected, found: vec![pointers.len()] }));
    }
    let [attribute, total] = GROUPS_ATTRIBUTE;
    let is_total = file.read_string_attribute(mapping, attribute).as_deref() == Some(total);
    let groups = if is_total { None } else { read("group_names", cells)? };
    let units = read("contact_units", contacts.len())?;
    Ok(Some(ElementLabels::Signals { contacts, groups, units }))
}

/// Returns whether every node has the elements 0, 1, 2, ..., equally many and more than one.
fn are_contacts(pointers: &[u64], elements: &[u32]) -> bool {
    let nodes = pointers.len().saturating_sub(1);
    let count = elements.len().checked_div(nodes).unwrap_or_default();
    let is_pointer = |(pointer, node): (&u64, u64)| *pointer == node * count as u64;
    count > 1
        && pointers.iter().zip(0..).all(is_pointer)
        && elements.iter().zip((0..count as u32).cycle()).all(|(element, number)| *element == number)
}

/// Returns the node of each element.
fn node_of_each_element(
    file: &Hdf5File,
    object: &str,
    ids: &[u64],
    pointers: &[u64],
    elements: usize,
) -> Result<Vec<u64>> {
    let mut nodes = Vec::with_capacity(elements);
    for (id, ends) in ids.iter().zip(pointers.windows(2)) {
        let &[first, end] = ends else { continue };
        let here = first == nodes.len() as u64 && end <= elements as u64 && first <= end;
        if !here {
            let expected = "pointers that increase from 0 to the number of elements".into();
            return Err(file.error(object, Hdf5Problem::Shape { expected, found: vec![first as usize, end as usize] }));
        }
        nodes.resize(end as usize, *id);
    }
    if nodes.len() == elements && pointers.len() == ids.len() + 1 {
        return Ok(nodes);
    }
    let expected = format!("[{}], one more than nodes, up to {elements}", ids.len() + 1);
    Err(file.error(object, Hdf5Problem::Shape { expected, found: vec![pointers.len()] }))
}

/// Numbers the elements within each section of each node.
fn number_segments(nodes: &[u64], sections: &[u32]) -> Vec<u32> {
    let mut counts = std::collections::HashMap::new();
    let mut last = None;
    let number = |(node, section): (&u64, &u32)| {
        if last != Some(*node) {
            counts.clear();
            last = Some(*node);
        }
        let count = counts.entry(*section).or_insert(0_u32);
        *count += 1;
        *count - 1
    };
    nodes.iter().zip(sections).map(number).collect()
}
