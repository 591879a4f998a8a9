"""Files that change while they are open, forks, pickles, and Ctrl-C."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import shutil
import subprocess
import sys

import h5py
import numpy as np
import pytest

import leadfield as lf

# a child that hangs is a failure
_SECONDS = 60


# --------------------------------------------------------------------------------------------------------------- files


def test_an_open_electrodes_file_stays_the_one_that_was_opened(made, tmp_path):
    path, few = tmp_path / "w.h5", made.electrodes[:2]
    lf.write_weights(made.segments, few, path)
    file = lf.ElectrodesFile(path)
    expected = {name: file["neurons"].get(electrodes=name) for name in few.names}
    lf.write_weights(made.segments, few[::-1], path, overwrite=True)
    for name in few.names:
        np.testing.assert_array_equal(file["neurons"].get(electrodes=name), expected[name])
        np.testing.assert_array_equal(lf.ElectrodesFile(path)["neurons"].get(electrodes=name), expected[name])
    weighted = made.segments.query(weights=path, electrode="e0", columns=["weight", "row"])
    lf.write_weights(made.segments, few[::-1], path, overwrite=True, conductivity=0.6)
    rows = weighted.read()
    np.testing.assert_array_equal(rows["weight"], expected["e0"][rows["row"].astype(int), 0])


@pytest.mark.parametrize("is_folder", [False, True])
def test_a_table_that_was_replaced_since_it_was_opened_is_refused(made, tmp_path, is_folder):
    out = tmp_path / ("parts" if is_folder else "s.parquet")
    part_size = {"segments_per_part": 2000} if is_folder else {}
    segments = made.circuit.segments(out=out, **part_size)
    prepared = segments.query(columns=["row"])
    assert segments.query().count() > 0
    other = lf.synthesize_circuit(tmp_path / "other", cells=30, seed=2, with_report=True)
    other.segments(out=out, overwrite=True, **part_size)
    for call in (prepared.read, lambda: lf.weights(segments, made.electrodes), lambda: segments.part(0)):
        with pytest.raises(lf.LeadfieldError, match="changed since") as refused:
            call()
        assert is_folder or refused.value.hint == "open the table again"
    assert len(lf.Segments(out)) == len(lf.Segments(out).query().read())


def test_a_closed_file_is_an_error_and_has_no_lock(made, tmp_path):
    path = tmp_path / "w.h5"
    shutil.copy(made.weights, path)
    with lf.ElectrodesFile(path) as file:
        population = file["neurons"]
        assert not file.is_closed and population.get().size > 0
    file.close()
    assert file.is_closed and "closed" in repr(file) and "closed" in repr(population)
    for call in (population.get, lambda: file.populations, lambda: file["neurons"], lambda: population.units):
        with pytest.raises(ValueError, match="closed, expected an open file"):
            call()
    with h5py.File(path, "r+") as writable:
        writable.attrs["note"] = 1


def test_an_open_file_is_locked_unless_the_environment_says_otherwise(made):
    script = "import sys, h5py, leadfield as lf; f = lf.ElectrodesFile(sys.argv[1]); h5py.File(sys.argv[1], 'r+')"
    for locking, code in (("TRUE", 1), ("FALSE", 0)):
        settings = {**os.environ, "HDF5_USE_FILE_LOCKING": locking}
        done = subprocess.run([sys.executable, "-c", script, made.weights], capture_output=True, text=True, env=settings)
        assert done.returncode == code, done.stderr


# --------------------------------------------------------------------------------------------------------------- forks

# everything that starts threads or reads HDF5, in a process that has done so before it forks
_SCRIPT = """
import os, sys, threading, warnings
import numpy as np
import leadfield as lf

table, file, out = sys.argv[1:4]
segments, contacts, weights = lf.Segments(table), lf.linear(4, 50.0), lf.ElectrodesFile(file)
expected = lf.weights(segments, contacts)
begun = segments.query(columns=["row"]).batches()
next(begun)

def busy():
    while True:
        lf.validate_electrodes_file(file)

# a thread that imports a module while the process forks leaves Python's own lock of the module in the child
assert lf.validate_electrodes_file and lf.compare_weights and lf.write_weights
if "busy" in sys.argv:
    threading.Thread(target=busy, daemon=True).start()

def work():
    assert np.array_equal(lf.weights(segments, contacts), expected)
    query = segments.query(columns=["row"])
    assert sum(len(batch) for batch in query.batches()) == query.count() == len(query.read()) == len(segments)
    assert segments.query(sphere=(0, 0, 0, 300)).count(by="section_type")
    assert weights["neurons"].get(node_ids=[3]).size and lf.ElectrodesFile(file)["neurons"].get().size
    lf.write_weights(segments, contacts, f"{out}/{os.getpid()}.h5")
    assert lf.compare_weights(f"{out}/{os.getpid()}.h5", f"{out}/{os.getpid()}.h5")
    os.remove(f"{out}/{os.getpid()}.h5")

def fork(then):
    child = os.fork()
    if child == 0:
        code = 1
        try:
            then()
            code = 0
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0

def in_child():
    global begun
    work()
    try:
        next(begun)
    except RuntimeError as error:
        assert "begun in another process" in str(error)
    else:
        raise AssertionError
    begun = None
    fork(work)

warnings.simplefilter("ignore")
for _ in range(int(sys.argv[4])):
    fork(in_child)
work()
print("done", flush=True)
os._exit(0)
"""


@pytest.mark.parametrize("busy", [False, True], ids=["alone", "while another thread reads HDF5"])
def test_a_forked_process_works(made, tmp_path, busy):
    arguments = [made.parts.path, str(made.weights), str(tmp_path), "10" if busy else "2", *(["busy"] if busy else [])]
    done = subprocess.run([sys.executable, "-c", _SCRIPT, *arguments], capture_output=True, text=True, timeout=2 * _SECONDS)
    assert done.stdout.strip() == "done", done.stderr


def _sum_of_weights(arguments):
    segments, electrodes = arguments
    return float(lf.weights(segments, electrodes).sum())


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_pool_of_processes_takes_tables_and_contacts(made, method):
    expected = [_sum_of_weights((made.segments, made.electrodes[i : i + 1])) for i in range(3)]
    with multiprocessing.get_context(method).Pool(2) as pool:
        found = pool.map_async(_sum_of_weights, [(made.segments, made.electrodes[i : i + 1]) for i in range(3)])
        assert found.get(timeout=_SECONDS) == expected


# ------------------------------------------------------------------------------------------------------------- pickles


def test_objects_are_pickled_by_their_paths_and_contents(made, tmp_path, monkeypatch):
    def copied(thing):
        text = pickle.dumps(thing)
        # relative paths are those of the process that pickled
        monkeypatch.chdir(tmp_path)
        return pickle.loads(text)

    monkeypatch.chdir(made.folder)
    assert len(copied(lf.Segments("segments.parquet"))) == len(made.segments)
    monkeypatch.chdir(made.folder)
    assert copied(lf.ElectrodesFile("weights.h5")).electrode_names == made.electrodes.names
    monkeypatch.chdir(made.folder)
    assert copied(lf.Circuit(os.path.relpath(made.circuit.path))).populations == made.circuit.populations
    assert copied(made.electrodes) == made.electrodes
    population = lf.ElectrodesFile(made.weights)["neurons"]
    np.testing.assert_array_equal(copied(population).get([3]), population.get([3]))
    with pytest.raises(TypeError):
        pickle.dumps(made.segments.query(limit=1).read())


def test_a_query_is_pickled_by_its_arguments(made):
    for query in (
        made.segments.query(sphere=(0, 0, 0, 300), columns=["row", "mtype"], limit=7),
        made.segments.query(electrodes=made.electrodes, within=100.0, columns=["electrode", "row"]),
        made.segments.query(weights=made.weights, electrode="e0", node_ids=[1, 3], where={"layer": "5"}),
    ):
        again = pickle.loads(pickle.dumps(query))
        assert again.read().to_pydict() == query.read().to_pydict() and again.count() == query.count()


# -------------------------------------------------------------------------------------------------------------- Ctrl-C


@pytest.mark.parametrize(
    "call",
    [
        "segments.query(sphere=spheres).count(by='node_id')",
        "segments.query(sphere=spheres, columns=['row']).node_ids()",
        "lf.weights_of(points, points + 1, 0.5, lf.grid(100, 100, 5.0))",
    ],
)
def test_ctrl_c_stops_long_calls(made, call):
    # the queries would take minutes, which the timeout does not allow, and the weights 8 GB
    script = f"""
import os, resource, signal, sys, threading
import numpy as np
import leadfield as lf
segments = lf.Segments(sys.argv[1])
points = np.random.default_rng(1).normal(size=(100_000, 3))
spheres = np.tile((0.0, 0.0, 0.0, 5000.0), (400_000, 1))
threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
try:
    {call}
except KeyboardInterrupt:
    print("stopped", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 4 << 20)
"""
    done = subprocess.run([sys.executable, "-c", script, made.parts.path], capture_output=True, text=True, timeout=_SECONDS)
    assert done.stdout.split() == ["stopped", "True"], (done.stdout, done.stderr)
