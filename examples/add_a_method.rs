//! A user-defined method next to those of the library: the weight is 1 / r^2. Run: `cargo run --example add_a_method --
//! segments.parquet weights.h5`

use std::path::Path;

use leadfield::methods::{Contact, Method, MethodProperties, PreparedMethod, WeightQuantity};
use leadfield::prelude::*;
use leadfield::segments::NeuronSegments;

/// The method; its name is written to the electrodes file.
struct InverseSquare;

impl Method for InverseSquare {
    fn properties(&self) -> MethodProperties {
        let summary = "1 / r^2, r from the contact to the midpoint of the segment";
        MethodProperties {
            quantity: WeightQuantity::CurrentShare,
            ..MethodProperties::new("InverseSquare", summary, &[])
        }
    }

    fn prepare(&self, contacts: &[Contact]) -> Result<Box<dyn PreparedMethod>> {
        Ok(Box::new(PreparedInverseSquare(contacts.iter().map(|contact| contact.position_um).collect())))
    }
}

/// The method with the positions of its contacts.
struct PreparedInverseSquare(Vec<Point>);

impl PreparedMethod for PreparedInverseSquare {
    fn fill_weights(&self, neuron: &NeuronSegments<'_>, out: &mut [f64]) {
        for (i, row) in out.chunks_exact_mut(self.0.len()).enumerate() {
            let segment = neuron.get(i);
            let midpoint = segment.start.midpoint(segment.end);
            for (weight, contact) in row.iter_mut().zip(&self.0) {
                *weight = 1.0 / (midpoint - *contact).norm_2();
            }
        }
    }
}

/// Writes an electrodes file of two contacts of this method.
pub fn run(arguments: &[String]) -> Result<()> {
    let [table, out] = arguments else {
        println!("arguments: TABLE OUT_FILE");
        return Ok(());
    };
    let table = SegmentTable::open(Path::new(table))?;
    let electrode = |name: &str, x: f64| Electrode {
        name: name.into(),
        position_um: Point::new(x, 0.0, 0.0),
        method: &InverseSquare,
        layer: "NA".into(),
        region: "NA".into(),
        settings: ElectrodeSettings::default(),
    };
    let electrodes = Electrodes::from_list(vec![electrode("near", 1_000.5), electrode("far", 50_000.5)])?;
    let summary = Weights::new(&table, &electrodes).write(out)?;
    println!("{} x {} weights", summary.segments, summary.contacts);
    Ok(())
}

#[allow(dead_code, reason = "tests call `run`")]
fn main() -> Result<()> {
    run(&std::env::args().skip(1).collect::<Vec<_>>())
}
