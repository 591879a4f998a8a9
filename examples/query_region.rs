//! The segments of a table in a sphere, counted by neuron. Run:
//! `cargo run --example query_region -- segments.parquet X Y Z RADIUS` (µm)

use std::collections::BTreeMap;
use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::types::UInt64Type;
use leadfield::prelude::*;

/// Prints how many segments each neuron has in a sphere.
pub fn run(arguments: &[String]) -> Result<()> {
    let numbers: Vec<f64> = arguments.iter().skip(1).filter_map(|text| text.parse().ok()).collect();
    let (Some(path), &[x, y, z, radius]) = (arguments.first(), &numbers[..]) else {
        println!("arguments: TABLE X Y Z RADIUS");
        return Ok(());
    };
    // only the pages whose boxes the sphere touches are read
    let table = SegmentTable::open_without_neurons(Path::new(path))?;
    let sphere = Sphere::new(Point::new(x, y, z), radius)?;
    let query = TableQuery::new(&table).region(&sphere).columns(["node_id"]);
    let mut counts: BTreeMap<u64, usize> = BTreeMap::new();
    query.for_each_batch(&mut |rows| {
        for &node_id in rows.column(0).as_primitive::<UInt64Type>().values() {
            *counts.entry(node_id).or_default() += 1;
        }
        Ok(())
    })?;
    println!("{} segments of {} neurons", query.count()?, counts.len());
    for (node_id, count) in counts {
        println!("node {node_id}: {count}");
    }
    Ok(())
}

#[allow(dead_code, reason = "tests call `run`")]
fn main() -> Result<()> {
    run(&std::env::args().skip(1).collect::<Vec<_>>())
}
