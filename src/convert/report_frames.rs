//! Reads a compartment report as columns: `node_id`, `section_id`, `segment_id` (counted within the section in the
//! report's order), `time` and `value`. Frames are consecutive; within a frame the elements are in the report's order.

use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float32Array, Float64Array, RecordBatch, UInt32Array, UInt64Array};
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
    node_ids: Vec<u64>,
    section_ids: Vec<u32>,
    segment_ids: Vec<u32>,
    /// Start time, in the report's unit.
    start_ms: f64,
    step_ms: f64,
    frame_count: usize,
    schema: SchemaRef,
}

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
        let segment_ids = number_segments(&node_ids, &section_ids);
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
        let field = |name: &str, kind: DataType| Field::new(name, kind, false);
        let fields = vec![
            field("node_id", DataType::UInt64),
            field("section_id", DataType::UInt32),
            field("segment_id", DataType::UInt32),
            field("time", DataType::Float64),
            field("value", DataType::Float32),
        ];
        let schema = Arc::new(Schema::new_with_metadata(fields, metadata.into()));
        Ok(Self {
            file,
            data_path: data,
            node_ids,
            section_ids,
            segment_ids,
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
        (self.frame_count, self.node_ids.len())
    }

    /// Passes all values to `take`, block by block.
    ///
    /// # Errors
    /// Returns an error if the report cannot be read, and any error of `take`.
    pub fn for_each_batch(&self, take: &mut dyn FnMut(&RecordBatch) -> Result<()>) -> Result<()> {
        let elements = self.node_ids.len();
        let frames = (VALUES_PER_BLOCK / elements.max(1)).max(1);
        for first in (0..self.frame_count).step_by(frames) {
            let last = (first + frames).min(self.frame_count);
            for from in (0..elements).step_by(VALUES_PER_BLOCK) {
                let to = (from + VALUES_PER_BLOCK).min(elements);
                let values = self.file.read_float_box(&self.data_path, &[first..last, from..to])?;
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
        let own = |_: usize| elements.clone();
        let times = frames
            .clone()
            .flat_map(|frame| std::iter::repeat_n(self.start_ms + frame as f64 * self.step_ms, elements.len()));
        let ids = |column: &[u32]| UInt32Array::from_iter_values(frames.clone().flat_map(own).map(|i| column[i]));
        let nodes = UInt64Array::from_iter_values(frames.clone().flat_map(own).map(|i| self.node_ids[i]));
        let columns: Vec<ArrayRef> = vec![
            Arc::new(nodes),
            Arc::new(ids(&self.section_ids)),
            Arc::new(ids(&self.segment_ids)),
            Arc::new(Float64Array::from_iter_values(times)),
            Arc::new(Float32Array::from_iter_values(values.iter().map(|v| *v as f32))),
        ];
        RecordBatch::try_new(self.schema.clone(), columns)
    }
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
