//! From a circuit to the electrodes file of a simulator. Run:
//! `cargo run --example circuit_to_weights -- circuit_config.json electrodes.csv OUT_FOLDER`

use std::path::Path;

use leadfield::prelude::*;

/// Writes `segments.parquet` and `weights.h5` into a folder.
pub fn run(arguments: &[String]) -> Result<()> {
    let [config, electrodes, out] = arguments else {
        println!("arguments: CONFIG ELECTRODES OUT_FOLDER");
        return Ok(());
    };
    let circuit = Circuit::open(config)?;
    println!("populations with segments: {}", circuit.populations().join(", "));
    let out = Path::new(out);
    let table = circuit.segments().write_table(out.join("segments.parquet"))?;
    println!("{} segments in {}", table.len(), table.bounds()?);
    let electrodes = Electrodes::read(electrodes)?;
    let written = Weights::new(&table, &electrodes).conductivity(0.3)?.write(out.join("weights.h5"));
    match written {
        Ok(summary) => println!("{} x {} weights", summary.segments, summary.contacts),
        // an error can be matched
        Err(error) if error.kind() == ErrorKind::OutputConflict => println!("not replaced: {error}"),
        Err(error) => return Err(error),
    }
    Ok(())
}

#[allow(dead_code, reason = "tests call `run`")]
fn main() -> Result<()> {
    run(&std::env::args().skip(1).collect::<Vec<_>>())
}
