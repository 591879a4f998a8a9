//! A segment table becomes boundaries.

use super::ExchangeProblem;
use crate::convert::bluerecording::Neuron;
use crate::error::{Error, Place, Result};
use crate::geometry::Point;
use crate::segments::table::Table;
use crate::segments::{NeuronSegments, Segment};

/// The boundaries of all neurons of a table, node ids ascending: 24 bytes a boundary.
///
/// # Errors
/// The table cannot be read, or holds what the layout cannot: segments of a section that do not join, a soma with a
/// length, missing segments; with file and node.
pub fn boundaries_of(table: &Table, done: &dyn Fn(u64)) -> Result<Vec<Neuron>> {
    let mut all = Vec::new();
    for part in table.parts() {
        let segments = part.read_by_row()?;
        for view in segments.neurons() {
            let node = view.node_id().unwrap_or_default();
            let place = || Place::file(part.path()).object("node").row(node);
            all.push(neuron(node, &view).map_err(|problem| Error::new(place(), problem))?);
        }
        done(segments.len() as u64);
    }
    all.sort_unstable_by_key(|neuron| neuron.node_id);
    Ok(all)
}

fn neuron(node: u64, view: &NeuronSegments<'_>) -> Result<Neuron, ExchangeProblem> {
    let segments: Vec<Segment> = (0..view.len()).map(|i| view.get(i)).collect();
    let mut neuron = Neuron::new(node);
    for section in segments.chunk_by(|a, b| a.section_id == b.section_id) {
        let id = section.first().map_or(0, |s| s.section_id);
        neuron.push(id, &boundaries(id, section)?);
    }
    neuron.sort();
    Ok(neuron)
}

fn boundaries(section: u32, segments: &[Segment]) -> Result<Vec<Point>, ExchangeProblem> {
    let mut points: Vec<Point> = Vec::with_capacity(segments.len() + 1);
    for (expected, segment) in (0..).zip(segments) {
        let found = segment.segment_id;
        if found != expected {
            return Err(ExchangeProblem::Missing { section, expected, found });
        }
        if section == 0 {
            if segment.start != segment.end {
                return Err(ExchangeProblem::LongSoma(found));
            }
            points.push(segment.start);
            continue;
        }
        match points.last() {
            None => points.push(segment.start),
            Some(end) if *end == segment.start => {}
            Some(end) => {
                let gap = end.distance(segment.start);
                return Err(ExchangeProblem::Gap { section, segment: found, gap });
            }
        }
        points.push(segment.end);
    }
    Ok(points)
}
