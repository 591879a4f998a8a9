//! The weights of one neuron from an electrodes file. Run: `cargo run --example read_weights -- weights.h5 NODE_ID`

use std::path::Path;

use leadfield::prelude::*;

/// Prints the largest weight of a neuron at each contact.
pub fn run(arguments: &[String]) -> Result<()> {
    let (Some(path), Some(node_id)) = (arguments.first(), arguments.get(1).and_then(|id| id.parse::<u64>().ok()))
    else {
        println!("arguments: FILE NODE_ID");
        return Ok(());
    };
    let file = ElectrodesFile::open(Path::new(path))?;
    for population in file.populations() {
        let Some(rows) = population.rows_of_node(node_id) else { continue };
        println!("population {}: rows {} to {}", population.name(), rows.start, rows.end);
        let columns = population.columns() as usize;
        let weights = file.read_rows(population, rows)?;
        for contact in file.electrodes() {
            let Some(column) = contact.column(population.name()) else { continue };
            let own = weights.iter().skip(column as usize).step_by(columns);
            println!("{}: at most {:e} V/nA", contact.name, own.copied().fold(f64::NEG_INFINITY, f64::max));
        }
    }
    Ok(())
}

#[allow(dead_code, reason = "tests call `run`")]
fn main() -> Result<()> {
    run(&std::env::args().skip(1).collect::<Vec<_>>())
}
