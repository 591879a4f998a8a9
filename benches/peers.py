"""Measures the arithmetic of other programs on the neurons chosen by benches/main_road.rs: peers.py FOLDER

FOLDER/segments.csv: node_id, section_id, x0, y0, z0, x1, y1, z1, radius; FOLDER/contacts.csv: x, y, z; all in µm.
FOLDER/LineSource.f64 and PointSource.f64: our weights, V/nA, row-major, one row per segment, at 0.3 S/m (BMTK supports
no other).
Writes FOLDER/peers.json: for each program its ns per (segment, contact) pair, and the median relative difference from ours.

Each program is called for one neuron at a time, as its users call it, and for all of them together, so that the cost of a
call matters less; in this process and one thread. CPU time, the minimum of several alternating rounds. Somata are left out,
because not all of these programs support points among lines.

bluerecording's `__init__` needs an h5py built with MPI, which its arithmetic does not use; so its module `physics` is imported
without running `__init__`.
"""

import contextlib
import importlib
import importlib.metadata
import importlib.util
import io
import json
import os
import sys
import time
import types
import warnings
from pathlib import Path

for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[threads] = "1"

import numpy as np

SIGMA = 0.3
ROUNDS = 7


class Neuron:
    def __init__(self, rows):
        self.node, self.section = rows[:, :2].astype(int).T
        self.start, self.end, self.radius = rows[:, 2:5], rows[:, 5:8], rows[:, 8]


def apart(points, contacts):
    """Return differences and distances of points from contacts."""
    d = [contacts[None, :, k] - points[:, k, None] for k in range(3)]
    return d, np.sqrt(d[0] * d[0] + d[1] * d[1] + d[2] * d[2])


def numpy_point(neuron, contacts):
    _, r = apart((neuron.start + neuron.end) / 2, contacts)
    return 1e-3 / (4 * np.pi * SIGMA) / r


def numpy_line(neuron, contacts):
    """The textbook formula."""
    length = np.linalg.norm(neuron.end - neuron.start, axis=1)[:, None]
    _, r1 = apart(neuron.start, contacts)
    _, r2 = apart(neuron.end, contacts)
    far = r1 + r2
    return 1e-3 / (4 * np.pi * SIGMA) / length * np.log((far + length) / (far - length))


def numpy_line_stable(neuron, contacts):
    """The formula of src/methods/line_source.rs, without the near field."""
    length = np.linalg.norm(neuron.end - neuron.start, axis=1)[:, None]
    a, r1 = apart(neuron.start, contacts)
    b, r2 = apart(neuron.end, contacts)
    dot = a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
    u = (neuron.end - neuron.start).T[:, :, None]
    cross = [a[i] * u[j] - a[j] * u[i] for i, j in ((1, 2), (2, 0), (0, 1))]
    square = cross[0] * cross[0] + cross[1] * cross[1] + cross[2] * cross[2]
    product = r1 * r2
    below = np.where(dot >= 0, product + dot, square / np.where(dot >= 0, 1.0, product - dot))
    return 1e-3 / (4 * np.pi * SIGMA) / length * np.log1p(length * (r1 + r2 + length) / below)


def bmtk(folder, contacts):
    """Its `RecXElectrode`, which clamps distances at radii with `auto`; mV/nA."""
    from bmtk.simulator.bionet.modules.ecp import RecXElectrode

    table = folder / "bmtk.csv"
    rows = "".join(f"{i} {x!r} {y!r} {z!r}\n" for i, (x, y, z) in enumerate(contacts.tolist()))
    table.write_text("channel x_pos y_pos z_pos\n" + rows)
    electrode = RecXElectrode(str(table), "auto")

    def line(neuron):
        segments = types.SimpleNamespace(p0=neuron.start.T, p1=neuron.end.T, d=2 * neuron.radius)
        electrode.calc_transfer_resistance(0, segments)
        return 1e-3 * electrode.get_transfer_resistance(0).T

    return {"line": line}


def lfpykit(_folder, contacts):
    """Its linear models, which clamp distances at radii; mV/nA."""
    import lfpykit

    def model(kind):
        def values(neuron):
            ends = [np.stack([neuron.start[:, k], neuron.end[:, k]], axis=1) for k in range(3)]
            cell = lfpykit.CellGeometry(*ends, 2 * neuron.radius)
            return 1e-3 * kind(cell, *contacts.T, sigma=SIGMA).get_transformation_matrix().T

        return values

    return {"line": model(lfpykit.LineSourcePotential), "point": model(lfpykit.PointSourcePotential)}


def bluerecording(_folder, contacts):
    """Its functions on its own layouts, which are created before the clock starts."""
    import pandas as pd

    found = importlib.util.find_spec("bluerecording")
    if found is None:
        raise ImportError("No module named 'bluerecording'")
    shell = types.ModuleType("bluerecording")
    shell.__path__ = list(found.submodule_search_locations)
    sys.modules["bluerecording"] = shell
    physics = importlib.import_module("bluerecording.physics")

    layouts = {}

    def layout(neuron):
        if neuron not in layouts:
            ends, labels, own = [], [], list(zip(neuron.node, neuron.section))
            for i, label in enumerate(own):
                if i == 0 or own[i - 1] != label:
                    ends.append(neuron.start[i])
                    labels.append(label)
                ends.append(neuron.end[i])
                labels.append(label)
            index = lambda labels: pd.MultiIndex.from_tuples(labels, names=["id", "section"])
            frame = lambda points, labels: pd.DataFrame(np.array(points).T, columns=index(labels))
            layouts[neuron] = frame(ends, labels), frame((neuron.start + neuron.end) / 2, own)
        return layouts[neuron]

    def line(neuron):
        boundaries, middle = layout(neuron)
        geometry = physics.SegmentGeometry.from_positions(boundaries)
        return physics.get_coeffs_line_source(geometry, middle.columns, contacts, SIGMA, verbose=False).to_numpy().T

    def point(neuron):
        return physics.get_coeffs_point_source(layout(neuron)[1], contacts, SIGMA).to_numpy().T

    return {"line": line, "point": point}


def numpy_forms(_folder, contacts):
    return {"line": lambda n: numpy_line(n, contacts), "point": lambda n: numpy_point(n, contacts)}


def numpy_stable(_folder, contacts):
    return {"line": lambda n: numpy_line_stable(n, contacts)}


PROGRAMS = [
    ("numpy", "numpy {}, as in textbooks", numpy_forms),
    ("numpy", "numpy {}, our formula", numpy_stable),
    ("bmtk", "BMTK {}", bmtk),
    ("LFPykit", "LFPykit {}", lfpykit),
    ("bluerecording", "`bluerecording` {}", bluerecording),
]


def main(folder):
    table = np.loadtxt(folder / "segments.csv", delimiter=",", skiprows=1, ndmin=2)
    contacts = np.loadtxt(folder / "contacts.csv", delimiter=",", skiprows=1, ndmin=2)
    neurons, together = [Neuron(table[table[:, 0] == node]) for node in np.unique(table[:, 0])], [Neuron(table)]
    shape = (len(table), len(contacts))
    names = {"line": "LineSource.f64", "point": "PointSource.f64"}
    ours = {kind: np.fromfile(folder / name).reshape(shape) for kind, name in names.items()}

    entries, work = [], []
    for package, name, make in PROGRAMS:
        entry = {"name": name.format("not there")}
        entries.append(entry)
        try:
            entry["name"] = name.format(importlib.metadata.version(package))
            functions = make(folder, contacts)
        except Exception as missing:
            entry["missing"] = f"{type(missing).__name__}: {missing}".splitlines()[0]
            continue
        for kind, function in functions.items():
            values = np.concatenate([function(neuron) for neuron in neurons])
            difference = np.median(np.abs(values / ours[kind] - 1))
            entry[kind] = {"one": np.inf, "all": np.inf, "differs": float(difference)}
            work += [(entry[kind], "one", function, neurons), (entry[kind], "all", function, together)]
    for _ in range(ROUNDS):
        for result, calls, function, of in work:
            start = time.process_time()
            for neuron in of:
                function(neuron)
            result[calls] = min(result[calls], 1e9 * (time.process_time() - start) / (shape[0] * shape[1]))
    (folder / "peers.json").write_text(json.dumps(entries))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    with contextlib.redirect_stdout(io.StringIO()):  # some of them greet
        main(Path(sys.argv[1]))
