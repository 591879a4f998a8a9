//! Configuration files, node sets and cell templates of a synthetic circuit.

use serde_json::{Map, Value, json};

use super::morphology_spec::NeuronClass;
use super::nodes::{LAYERS, classes_by_layer};
use super::{CircuitSpec, POPULATION, SyntheticReport};

/// A variant of the configuration files, with one format of the morphologies.
pub(super) struct MorphologyVariant {
    /// Suffix of `circuit_config` and `simulation_config`.
    pub suffix: &'static str,
    /// Key of `alternate_morphologies` and path below the morphologies; `None` for the default, SWC.
    alternate: Option<(&'static str, &'static str)>,
}

/// The variants of the configuration files.
pub(super) const VARIANTS: [MorphologyVariant; 4] = [
    MorphologyVariant { suffix: "", alternate: None },
    MorphologyVariant { suffix: "_asc", alternate: Some(("neurolucida-asc", "ascii")) },
    MorphologyVariant { suffix: "_h5", alternate: Some(("h5v1", "h5v1")) },
    MorphologyVariant { suffix: "_container", alternate: Some(("h5v1", "merged.h5")) },
];

impl MorphologyVariant {
    /// Returns the circuit configuration (SONATA "Circuit config").
    pub fn circuit_config(&self) -> Value {
        let mut population = json!({ "type": "biophysical" });
        if let Some((key, path)) = self.alternate {
            population["alternate_morphologies"] = json!({ key: format!("$MORPHOLOGIES/{path}") });
        }
        json!({
            "version": 2,
            "manifest": {
                "$BASE_DIR": ".",
                "$NETWORK_NODES_DIR": "$BASE_DIR/networks/nodes",
                "$MORPHOLOGIES": "$BASE_DIR/components/morphologies",
            },
            "components": {
                "morphologies_dir": "$MORPHOLOGIES/swc",
                "biophysical_neuron_models_dir": "$BASE_DIR/components/hoc",
            },
            "node_sets_file": "$BASE_DIR/node_sets.json",
            "networks": {
                "nodes": [{
                    "nodes_file": format!("$NETWORK_NODES_DIR/{POPULATION}/nodes.h5"),
                    "populations": { POPULATION: population },
                }],
                "edges": [],
            },
        })
    }

    /// Returns the simulation configuration (SONATA "Simulation config") of that circuit.
    pub fn simulation_config(&self, spec: &CircuitSpec) -> Value {
        json!({
            "version": 1,
            "manifest": { "$OUTPUT_DIR": "./output" },
            "target_simulator": "NEURON",
            "network": format!("circuit_config{}.json", self.suffix),
            "node_sets_file": "node_sets.json",
            "node_set": "All",
            "run": { "tstop": spec.report.end_ms(), "dt": 0.025, "random_seed": spec.seed },
            "conditions": { "v_init": -80.0 },
            "output": { "output_dir": "$OUTPUT_DIR", "spikes_file": "spikes.h5" },
            "reports": match spec.report {
                SyntheticReport::None => json!({}),
                report => json!({ "compartment": compartment_report(report) }),
            },
        })
    }
}

fn compartment_report(report: SyntheticReport) -> Value {
    json!({
        "cells": "All",
        "sections": "all",
        "compartments": "all",
        "type": "compartment",
        "variable_name": "i_membrane",
        "unit": "nA",
        "dt": report.step_ms(),
        "start_time": 0.0,
        "end_time": report.end_ms(),
        "file_name": "compartment.h5",
    })
}

/// Returns node sets of every form that the specification defines: population, attribute, ids, regular expression,
/// comparison, several attributes at once, sets of sets.
pub(super) fn node_sets(spec: &CircuitSpec) -> Value {
    let first: Vec<usize> = (0..spec.cells.min(10)).collect();
    let mut sets = Map::new();
    let mut put = |name: &str, rule: Value| drop(sets.insert(name.to_string(), rule));
    put("All", json!({ "population": POPULATION }));
    put("Excitatory", json!({ "synapse_class": NeuronClass::Pyramidal.synapse_class() }));
    put("Inhibitory", json!({ "etype": [NeuronClass::Interneuron.etype()] }));
    LAYERS.iter().for_each(|layer| put(&format!("Layer{layer}"), json!({ "layer": layer })));
    classes_by_layer()
        .map(|(class, layer)| class.mtype(layer))
        .for_each(|mtype| put(&mtype, json!({ "mtype": mtype })));
    put("FirstTen", json!({ "population": POPULATION, "node_id": first }));
    put("Pyramidal", json!({ "mtype": { "$regex": "^L[2-6]_TPC$" } }));
    put("UpperHalf", json!({ "y": { "$gt": 0 } }));
    put("SuperficialExcitatory", json!({ "layer": ["2", "3"], "synapse_class": "EXC" }));
    put("Column", json!(["Superficial", "Deep"]));
    put("Superficial", json!(["Layer2", "Layer3"]));
    put("Deep", json!(["Layer4", "Layer5", "Layer6"]));
    Value::Object(sets)
}

/// Returns a cell template in NEURON's hoc language: segments of at most 40 µm, the axon replaced by two pieces of 30
/// µm and 1000 µm of myelin.
pub(super) fn cell_template(name: &str) -> String {
    include_str!("template.hoc").replace("TEMPLATE_NAME", name)
}
