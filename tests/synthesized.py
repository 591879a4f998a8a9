"""Reads a synthetic circuit with the programs of others; fails where they disagree with it or with each other.

usage: synthesized.py clients|simulator FOLDER
clients needs morphio and libsonata; simulator needs neuron and h5py.
"""
import json
import sys
from pathlib import Path


def clients(folder: Path) -> None:
    morphologies(folder / "components/morphologies")
    circuit(folder)
    registration(folder)
    node_sets(folder)
    report(folder)


def morphologies(folder: Path) -> None:
    """Every format gives MorphIO the same sections, point for point, and no warning."""
    import morphio

    morphio.set_raise_warnings(True)
    merged = morphio.Collection(str(folder / "merged.h5"))
    names = sorted(p.stem for p in (folder / "swc").glob("*.swc"))
    assert names
    for name in names:
        swc = morphio.Morphology(folder / f"swc/{name}.swc")
        others = [
            morphio.Morphology(folder / f"ascii/{name}.asc"),
            morphio.Morphology(folder / f"h5v1/{name}.h5"),
            merged.load(name),
        ]
        for other in others:
            for what in ("points", "diameters", "section_types", "section_offsets"):
                assert (getattr(swc, what) == getattr(other, what)).all(), (name, what)
            parents = [[s.is_root or s.parent.id for s in m.sections] for m in (swc, other)]
            assert parents[0] == parents[1], name
            assert abs(other.soma.center).max() < 1e-5, name


def circuit(folder: Path) -> None:
    import libsonata

    expected = {
        "": {},
        "_asc": {"neurolucida-asc": "ascii"},
        "_h5": {"h5v1": "h5v1"},
        "_container": {"h5v1": "merged.h5"},
    }
    base = folder / "components/morphologies"
    for suffix, alternate in expected.items():
        simulation = libsonata.SimulationConfig.from_file(folder / f"simulation_config{suffix}.json")
        config = libsonata.CircuitConfig.from_file(simulation.network)
        properties = config.node_population_properties("neurons")
        assert Path(properties.morphologies_dir) == base / "swc"
        found = {k: Path(v) for k, v in properties.alternate_morphology_formats.items()}
        assert found == {k: base / v for k, v in alternate.items()}, found
        assert config.node_population("neurons").size == 60


def registration(folder: Path) -> None:
    """A segment table that is registered as docs/format.md says is found under that property."""
    import libsonata

    config = json.loads((folder / "circuit_config.json").read_text())
    population = config["networks"]["nodes"][0]["populations"]["neurons"]
    population["spatial_segment_index_dir"] = "$BASE_DIR/segments/neurons"
    (folder / "registered.json").write_text(json.dumps(config))
    properties = libsonata.CircuitConfig.from_file(folder / "registered.json").node_population_properties("neurons")
    assert Path(properties.spatial_segment_index_dir) == folder / "segments/neurons"


def node_sets(folder: Path) -> None:
    """What libsonata selects is what the attributes say."""
    import libsonata

    nodes = libsonata.CircuitConfig.from_file(folder / "circuit_config.json").node_population("neurons")
    text = (folder / "node_sets.json").read_text()
    sets = libsonata.NodeSets(text)
    every = nodes.select_all()
    layer, mtype, kind = (nodes.get_attribute(name, every) for name in ("layer", "mtype", "synapse_class"))
    height = nodes.get_attribute("y", every)
    expected = {
        "All": [True] * 60,
        "Column": [True] * 60,
        "Excitatory": [k == "EXC" for k in kind],
        "Inhibitory": [k == "INH" for k in kind],
        "Superficial": [v in "23" for v in layer],
        "Deep": [v in "456" for v in layer],
        "SuperficialExcitatory": [v in "23" and k == "EXC" for v, k in zip(layer, kind)],
        "Pyramidal": [m.endswith("TPC") for m in mtype],
        "UpperHalf": [y > 0 for y in height],
        "FirstTen": [i < 10 for i in range(60)],
        **{f"Layer{n}": [v == n for v in layer] for n in "23456"},
        **{m: [v == m for v in mtype] for m in nodes.enumeration_values("mtype")},
    }
    assert set(expected) == set(json.loads(text)), set(json.loads(text)) ^ set(expected)
    for name, members in expected.items():
        found = sets.materialize(name, nodes).flatten().tolist()
        assert found == [i for i, member in enumerate(members) if member], name


def report(folder: Path) -> None:
    import libsonata

    reader = libsonata.ElementReportReader(folder / "output/compartment.h5")["neurons"]
    assert (reader.times, reader.time_units, reader.data_units) == ((0.0, 0.1, 0.1), "ms", "nA")
    for node in range(60):
        frame = reader.get(node_ids=[node])
        assert frame.data.shape == (1, len(frame.ids))
        assert frame.data.astype(float).sum() == 0.0


def simulator(folder: Path) -> None:
    """NEURON loads the cell templates with SWC and ASC, and cuts each section into as many segments as are reported."""
    import h5py
    import numpy as np
    from neuron import h

    nodes = h5py.File(folder / "networks/nodes/neurons/nodes.h5")["nodes/neurons/0"]
    mapping = h5py.File(folder / "output/compartment.h5")["report/neurons/mapping"]
    place = {int(node): i for i, node in enumerate(mapping["node_ids"])}
    pointers, elements = mapping["index_pointers"][:], mapping["element_ids"][:]

    def value(name: str, node: int) -> str:
        return nodes["@library"][name][nodes[name][node]].decode()

    seen = set()
    for node in range(len(place)):
        morphology, template = value("morphology", node), value("model_template", node).removeprefix("hoc:")
        if morphology in seen:
            continue
        seen.add(morphology)
        if not hasattr(h, template):
            h.load_file(str(folder / f"components/hoc/{template}.hoc"))
        i = place[node]
        reported = elements[pointers[i] : pointers[i + 1]]
        runs = np.split(reported, np.flatnonzero(np.diff(reported)) + 1)
        for format_, extension in (("swc", "swc"), ("ascii", "asc")):
            where = str(folder / "components/morphologies" / format_)
            cell = getattr(h, template)(node, where, f"{morphology}.{extension}")
            trees = ["soma", "dend", "apic", "axon", "myelin"]
            if morphology.startswith("IN"):
                trees.remove("apic")  # declared by the template, absent from the file
            found = [section.nseg for tree in trees for section in getattr(cell, tree)]
            assert found == [len(run) for run in runs], (morphology, extension)
    assert len(seen) == 24, seen


if __name__ == "__main__":
    {"clients": clients, "simulator": simulator}[sys.argv[1]](Path(sys.argv[2]))
