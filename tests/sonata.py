"""Answers questions about SONATA files with libsonata, for tests/sonata.rs.

The argument is a JSON file with a list of questions; the answers go to standard output as a JSON list, null where
libsonata refuses. A question has `nodes_file` and either `node_sets` (answer: the node ids of set `X` in population
`P`) or `attributes` (answer: all attributes' values), or it has `config` and `folder` (answer: what the configuration
says, had it been read from that folder).
"""

import json
import sys

import libsonata


def node_ids(question):
    population = libsonata.NodePopulation(question["nodes_file"], "", "P")
    sets = libsonata.NodeSets(json.dumps(question["node_sets"]))
    return sets.materialize("X", population).flatten().tolist()


def attributes(question):
    population = libsonata.NodePopulation(question["nodes_file"], "", "P")
    everything = population.select_all()
    values = {name: population.get_attribute(name, everything) for name in population.attribute_names}
    return {name: [v if isinstance(v, str) else float(v) for v in column] for name, column in values.items()}


def plain(path):
    """The path without libsonata's slash at its end."""
    return path.rstrip("/") or "/"


def morphologies(population):
    for key, name in (("neurolucida-asc", "Asc"), ("h5v1", "H5v1")):
        if key in population.alternate_morphology_formats:
            return [name, plain(population.alternate_morphology_formats[key])]
    return ["Swc", plain(population.morphologies_dir)]


def circuit(question):
    config = libsonata.CircuitConfig(json.dumps(question["config"]), question["folder"])
    population = config.node_population_properties("P")
    return {
        "node_sets_file": plain(config.node_sets_path),
        "kind": population.type,
        "nodes_file": plain(population.elements_path),
        "biophysical_neuron_models_dir": plain(population.biophysical_neuron_models_dir),
        "morphologies": morphologies(population),
    }


def simulation(question):
    config = libsonata.SimulationConfig(json.dumps(question["config"]), question["folder"])

    def report(name):
        r = config.report(name)
        return [name, r.cells, r.sections.name, r.compartments.name, r.enabled, plain(r.file_name)]

    return {
        "network": plain(config.network),
        "node_sets_file": plain(config.node_sets_file),
        "reports": [report(name) for name in sorted(config.list_report_names)],
    }


def answer(question):
    if "node_sets" in question:
        ask = node_ids
    elif "attributes" in question:
        ask = attributes
    else:
        ask = simulation if "run" in question["config"] else circuit
    try:
        return ask(question)
    except (libsonata.SonataError, RuntimeError):
        return None


with open(sys.argv[1], encoding="utf-8") as file:
    json.dump([answer(question) for question in json.load(file)], sys.stdout)
