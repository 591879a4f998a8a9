//! The segments of a table in a sphere, and those of their neurons. Run:
//! `cargo run --example query_region -- segments.parquet X Y Z RADIUS` (um)

use std::collections::BTreeMap;
use std::path::Path;

use leadfield::prelude::*;
use leadfield::segments::table::{SegmentQuery, segments_from_batch};

/// Prints how many segments each neuron has in a sphere.
pub fn run(arguments: &[String]) -> Result<()> {
    let numbers: Vec<f64> = arguments.iter().skip(1).filter_map(|text| text.parse().ok()).collect();
    let (Some(path), &[x, y, z, radius]) = (arguments.first(), &numbers[..]) else {
        println!("arguments: TABLE X Y Z RADIUS");
        return Ok(());
    };
    let table = SegmentTable::open(Path::new(path))?;
    let sphere = Sphere::new(Point::new(x, y, z), radius)?;
    let regions: [&dyn Region; 1] = [&sphere];
    let selection = SegmentSelection::Regions(&regions, Predicate::Midpoint);
    // only the pages whose boxes the sphere touches are read
    let pages = TablePages::open(&table, |page| sphere.touches(page))?;
    let mut counts: BTreeMap<u64, usize> = BTreeMap::new();
    let columns =
        ["node_id", "section_id", "segment_id", "section_type", "x0", "y0", "z0", "x1", "y1", "z1", "radius", "row"];
    let query = SegmentQuery { selection, filter: &SegmentFilter::default(), columns: &columns };
    let stats = pages.run_query(&query, &mut |hits| {
        for segment in segments_from_batch(&hits.batch)?.iter() {
            *counts.entry(segment.node_id).or_default() += 1;
        }
        Ok(())
    })?;
    println!("{} segments of {} neurons", stats.hits, counts.len());
    for (node_id, count) in counts {
        println!("node {node_id}: {count}");
    }
    Ok(())
}

#[allow(dead_code, reason = "tests call `run`")]
fn main() -> Result<()> {
    run(&std::env::args().skip(1).collect::<Vec<_>>())
}
