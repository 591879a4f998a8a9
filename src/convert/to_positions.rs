//! Converts a segment table to boundary points.

use super::ConversionProblem;
use crate::convert::bluerecording::NeuronPositions;
use crate::error::{Error, ErrorLocation, Result};
use crate::geometry::Point;
use crate::segments::table::SegmentTable;
use crate::segments::{NeuronSegments, Segment};

/// Returns the boundary points of all neurons of a table, sorted by node id: 24 bytes per point.
///
/// # Errors
/// Returns an error, with file and node, if the table cannot be read or has what the layout cannot represent: gaps
/// between the segments of a section, a soma segment with a length, or missing segments.
pub fn positions_from_table(table: &SegmentTable, done: &dyn Fn(u64)) -> Result<Vec<NeuronPositions>> {
    let mut all = Vec::new();
    for part in table.parts() {
        let segments = part.read_by_row()?;
        for view in segments.neurons() {
            let node = view.node_id().unwrap_or_default();
            let place = || ErrorLocation::file(part.path()).with_item("node").with_index(node);
            all.push(neuron_positions(node, &view).map_err(|problem| Error::new(place(), problem))?);
        }
        done(segments.len() as u64);
    }
    all.sort_unstable_by_key(|neuron| neuron.node_id);
    Ok(all)
}

fn neuron_positions(node: u64, view: &NeuronSegments<'_>) -> Result<NeuronPositions, ConversionProblem> {
    let segments: Vec<Segment> = (0..view.len()).map(|i| view.get(i)).collect();
    let mut neuron = NeuronPositions::new(node);
    for section in segments.chunk_by(|a, b| a.section_id == b.section_id) {
        let id = section.first().map_or(0, |s| s.section_id);
        neuron.push_section(id, &section_points(id, section)?);
    }
    neuron.sort_sections();
    Ok(neuron)
}

fn section_points(section: u32, segments: &[Segment]) -> Result<Vec<Point>, ConversionProblem> {
    let mut points: Vec<Point> = Vec::with_capacity(segments.len() + 1);
    for (expected, segment) in (0..).zip(segments) {
        let found = segment.segment_id;
        if found != expected {
            return Err(ConversionProblem::MissingSegments { section, expected, found });
        }
        if section == 0 {
            if segment.start != segment.end {
                return Err(ConversionProblem::LongSoma(found));
            }
            points.push(segment.start);
            continue;
        }
        match points.last() {
            None => points.push(segment.start),
            Some(end) if *end == segment.start => {}
            Some(end) => {
                let gap = end.distance(segment.start);
                return Err(ConversionProblem::SegmentGap { section, segment: found, gap });
            }
        }
        points.push(segment.end);
    }
    Ok(points)
}
