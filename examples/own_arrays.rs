//! Weights of segments in own arrays: no files, no circuit. Run: `cargo run --example own_arrays`

use leadfield::prelude::*;

/// Prints the weights of two segments at three contacts.
pub fn run(_arguments: &[String]) -> Result<()> {
    // µm, one row per segment: a soma, which has no length, and a dendrite
    let starts = [[0.0, 0.0, 0.0], [10.0, 0.0, 0.0]];
    let ends = [[0.0, 0.0, 0.0], [110.0, 0.0, 0.0]];
    let segments = SegmentArrays::new(&starts, &ends, &[8.0, 0.5])?;
    let contacts = [[0.0, 20.0, 0.0], [0.0, 50.0, 0.0], [0.0, 200.0, 0.0]];
    let weights = LineSource::in_medium(0.3)?.weights(&segments, &contacts)?;
    for (segment, row) in weights.rows().into_iter().enumerate() {
        println!("segment {segment}: {row} V/nA");
    }
    Ok(())
}

#[allow(dead_code, reason = "tests call `run`")]
fn main() -> Result<()> {
    run(&[])
}
