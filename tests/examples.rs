//! Runs the programs in `examples/` on the golden circuit, and checks their output.

#[path = "../examples/add_a_method.rs"]
mod add_a_method;
#[path = "../examples/circuit_to_weights.rs"]
mod circuit_to_weights;
#[path = "../examples/own_arrays.rs"]
mod own_arrays;
#[path = "../examples/query_region.rs"]
mod query_region;
#[path = "../examples/read_weights.rs"]
mod read_weights;

use leadfield::prelude::*;

use crate::support::{golden, names_in, scratch};

#[test]
fn they_go_from_a_circuit_to_weights_and_read_both() {
    let dir = scratch();
    let path = |name: &str| dir.path().join(name).display().to_string();
    let input = |name: &str| golden().join("input").join(name).display().to_string();
    let (config, electrodes) = (input("circuit/simulation_config.json"), input("electrodes/e6.csv"));
    circuit_to_weights::run(&[config, electrodes, path("")]).unwrap();
    assert_eq!(names_in(dir.path()), ["segments.parquet", "weights.h5"]);
    let table = SegmentTable::open(&dir.path().join("segments.parquet")).unwrap();
    let file = ElectrodesFile::open(&dir.path().join("weights.h5")).unwrap();
    assert_eq!(file.populations()[0].rows(), table.len());
    let center = table.bounds().unwrap().center().to_array().map(|v| v.to_string());
    query_region::run(&[&[path("segments.parquet")], &center[..], &["100".into()]].concat()).unwrap();
    read_weights::run(&[path("weights.h5"), file.populations()[0].node_ids()[0].to_string()]).unwrap();

    add_a_method::run(&[path("segments.parquet"), path("own.h5")]).unwrap();
    let own = ElectrodesFile::open(&dir.path().join("own.h5")).unwrap();
    let weights = own.read_rows(&own.populations()[0], 0..1).unwrap();
    let first = table.parts()[0].read_by_row().unwrap().iter().find(|segment| segment.row == 0).unwrap();
    let distance_2 = |x: f64| (first.start.midpoint(first.end) - Point::new(x, 0.0, 0.0)).norm_2();
    assert_eq!(weights, [1.0 / distance_2(1_000.5), 1.0 / distance_2(50_000.5)]);
    own_arrays::run(&[]).unwrap();
}

#[test]
fn the_builders_set_what_the_options_of_the_program_set() {
    let dir = scratch();
    let config = golden().join("input/circuit/simulation_config.json");
    let circuit = Circuit::open(&config).unwrap();
    let by_rule = circuit.segments().axon(AxonReplacement::Keep).segment_length_um(10.0).precision(Precision::F32);
    let table = by_rule.write_table(dir.path().join("fine")).unwrap();
    let usual = circuit.segments().segments_per_part(1).write_table(dir.path().join("usual")).unwrap();
    assert!(table.len() > usual.len() && table.precision() == Precision::F32);
    assert_eq!(usual.parts().len() as u64, usual.metadata().neurons);
    let error = circuit.segments().write_table(dir.path().join("usual")).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::OutputConflict);
    circuit.segments().overwrite().write_table(dir.path().join("usual")).unwrap();
    assert!(circuit.segments().population("nobody").write_table(dir.path().join("t")).is_err());

    let electrodes = Electrodes::read(golden().join("input/electrodes/e6.csv")).unwrap();
    let usual = SegmentTable::open(&dir.path().join("usual")).unwrap();
    let value = |weights: &Weights<'_>, name: &str| {
        weights.write(dir.path().join(name)).unwrap();
        let file = ElectrodesFile::open(&dir.path().join(name)).unwrap();
        file.read_rows(&file.populations()[0], 0..1).unwrap()[0]
    };
    let (a, b) = (
        value(&Weights::new(&usual, &electrodes).conductivity(0.2).unwrap(), "a.h5"),
        value(&Weights::new(&usual, &electrodes).conductivity(0.4).unwrap().near_field(NearField::Unclamped), "b.h5"),
    );
    assert!((a / b - 2.0).abs() < 1e-12, "{a} {b}");
    assert!(Weights::new(&usual, &electrodes).conductivity(-1.0).is_err());
    let again = Weights::new(&usual, &electrodes).conductivity(0.2).unwrap().resume().write(dir.path().join("a.h5"));
    let summary = again.unwrap();
    assert_eq!(summary.resumed_parts, summary.parts);
}
