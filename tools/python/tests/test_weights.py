"""Weights: against the program's file, closed forms, and golden outputs of BlueRecording."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

import leadfield as lf
from conftest import GOLDEN


def _program(*arguments):
    """Runs the program of this module."""
    done = subprocess.run([sys.executable, "-m", "leadfield", *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("kind", ["LineSource", "PointSource", "ObjectiveCSD_Sphere", "ObjectiveCSD_Plane"])
def test_weights_are_those_of_the_programs_file_bit_by_bit(made, tmp_path, kind):
    electrodes = made.electrodes.with_settings(type=kind)
    electrodes.to_json(tmp_path / "e.json")
    _program("weights", made.segments.path, tmp_path / "e.json", "--out", tmp_path / "w.h5", "--conductivity", "0.3")
    with h5py.File(tmp_path / "w.h5") as file:
        stored = file["electrodes/neurons/scaling_factors"][:]
    computed = lf.weights(made.segments, electrodes, conductivity=0.3)
    assert computed.shape == (len(made.segments), 16)
    assert computed.dtype == np.float64
    assert computed.tobytes() == stored.tobytes()


def test_a_table_in_parts_gives_the_same_bits(made):
    one, several = (lf.weights(segments, made.electrodes) for segments in (made.segments, made.parts))
    assert one.tobytes() == several.tobytes()


def test_the_written_file_is_the_programs(made, tmp_path):
    made.electrodes.to_json(tmp_path / "e.json")
    # in the same folder, because the file states the circuit's path from its own
    out = made.weights.with_name("by_the_program.h5")
    _program("weights", made.segments.path, tmp_path / "e.json", "--output", out)
    assert out.read_bytes() == made.weights.read_bytes()


def test_single_precision_is_rounded_from_double(made):
    double = lf.weights(made.segments, made.electrodes)
    for dtype in ("f32", np.float32, "float32"):
        single = lf.weights(made.segments, made.electrodes, dtype=dtype)
        assert single.dtype == np.float32
        np.testing.assert_array_equal(single, double.astype(np.float32))


def test_the_result_owns_its_memory_and_can_be_changed(made):
    weights = lf.weights(made.segments, made.electrodes[:1])
    assert weights.flags.writeable and weights.flags.c_contiguous
    weights *= 2


def test_contacts_keep_their_columns_whatever_their_methods(made):
    kinds = ["LineSource", "PointSource", "ObjectiveCSD_Sphere"] * 2
    mixed = lf.Electrodes({**e, "type": kind} for e, kind in zip(made.electrodes, kinds))
    together = lf.weights(made.segments, mixed)
    for i in range(len(mixed)):
        np.testing.assert_array_equal(together[:, [i]], lf.weights(made.segments, mixed[i]))


def test_a_reference_is_subtracted(made):
    referenced = lf.Electrodes([*made.electrodes[:2], {**list(made.electrodes[2:3])[0], "reference": "e0"}])
    weights = lf.weights(made.segments, referenced)
    plain = lf.weights(made.segments, made.electrodes[:3])
    np.testing.assert_array_equal(weights[:, 2], plain[:, 2] - plain[:, 0])


def test_weights_scale_with_one_over_the_conductivity(made):
    a, b = (lf.weights(made.segments, made.electrodes, conductivity=sigma) for sigma in (0.2, 0.4))
    np.testing.assert_allclose(a, 2 * b, rtol=1e-14)


def test_one_conductivity_for_each_contact(made):
    sigmas = np.linspace(0.2, 0.5, 16)
    together = lf.weights(made.segments, made.electrodes, conductivity=sigmas)
    np.testing.assert_array_equal(together[:, 5:6], lf.weights(made.segments, made.electrodes[5], conductivity=sigmas[5]))


def test_equal_conductivities_along_the_axes_are_isotropic(made):
    e = made.electrodes.with_settings(type="PointSource")
    a = lf.weights(made.segments, e, conductivity=(0.3, 0.3, 0.3))
    np.testing.assert_allclose(a, lf.weights(made.segments, e, conductivity=0.3), rtol=1e-12)


# --------------------------------------------------------------------------------------------------------- own arrays


def test_a_point_source_is_its_formula():
    e = lf.Electrodes.from_positions([[5, 50, 0], [5, 0, 120]], type="PointSource")
    weights = lf.weights_of([[0, 0, 0]], [[10, 0, 0]], 0.5, e, conductivity=0.3)
    np.testing.assert_allclose(weights, [[1e-3 / (4 * np.pi * 0.3 * r) for r in (50, 120)]], rtol=1e-14)


def test_a_line_source_is_the_mean_of_its_points():
    e = lf.Electrodes.from_positions([[3, 40, 7]])
    start, end = np.array([[0.0, 0, 0]]), np.array([[30.0, 10, -20]])
    points, shares = np.polynomial.legendre.leggauss(40)
    places = start + (points[:, None] + 1) / 2 * (end - start)
    distances = np.linalg.norm(places - [3, 40, 7], axis=1)
    expected = np.sum(shares / 2 * 1e-3 / (4 * np.pi * 0.277 * distances))
    np.testing.assert_allclose(lf.weights_of(start, end, 0.5, e), [[expected]], rtol=1e-12)


def test_a_contact_on_a_segment_is_at_its_radius_or_infinite():
    e = lf.Electrodes.from_positions([[5, 0, 0]], type="PointSource")
    arguments = ([[0, 0, 0]], [[10, 0, 0]], [2.0], e)
    np.testing.assert_allclose(lf.weights_of(*arguments), [[1e-3 / (4 * np.pi * 0.277 * 2.0)]])
    assert np.isinf(lf.weights_of(*arguments, near_field="exact")).all()


def test_own_arrays_agree_with_the_table(made):
    columns = ["row", "x0", "y0", "z0", "x1", "y1", "z1", "radius"]
    rows = made.segments.query(columns=columns).read()
    order = np.argsort(rows["row"])
    starts, ends = (np.column_stack([rows[f"{axis}{end}"] for axis in "xyz"])[order] for end in (0, 1))
    computed = lf.weights_of(starts, ends, rows["radius"][order], made.electrodes)
    np.testing.assert_array_equal(computed, lf.weights(made.segments, made.electrodes))


def test_no_segments_give_no_rows():
    assert lf.weights_of(np.empty((0, 3)), np.empty((0, 3)), [], lf.linear(2, pitch=1.0)).shape == (0, 2)


@pytest.mark.parametrize(
    ("starts", "ends", "radii", "message"),
    [
        ([[0, 0]], [[1, 0]], 1, r"starts: wrong shape, expected \(n, 3\), found \(1, 2\)"),
        ([[0, 0, 0]], [[1, 0, 0], [2, 0, 0]], 1, "arrays of segments differ in length, expected 1"),
        ([[0, 0, 0]], [[1, 0, 0]], [1, 2], "arrays of segments differ in length"),
        ([[0, 0, 0]], [[1, 0, 0]], [[1]], r"radii: wrong shape, expected \(n,\), found \(1, 1\)"),
        ([[np.nan, 0, 0]], [[1, 0, 0]], 1, "no finite position"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(starts, ends, radii, message):
    with pytest.raises(ValueError, match=message):
        lf.weights_of(starts, ends, radii, lf.linear(2, pitch=1.0))


# -------------------------------------------------------------------------------------------------------------- golden


def _golden(name):
    with h5py.File(GOLDEN / "reference" / f"{name}.h5") as file:
        (population,) = set(file) - {"electrodes"}
        columns = file[f"electrodes/{population}/scaling_factors"][:]
    # the last column of BlueRecording 0.2.1 belongs to no contact
    return columns[:, :-1]


@pytest.mark.parametrize("name", ["np8", "e6"])
def test_golden_outputs_of_bluerecording(golden_segments, name):
    e = lf.Electrodes.from_csv(GOLDEN / "input" / "electrodes" / f"{name}.csv")
    computed = lf.weights(golden_segments, e, near_field="exact")
    np.testing.assert_allclose(computed, _golden(name), rtol=1e-12, atol=0)


# one contact is far from the circuit
@pytest.mark.filterwarnings("ignore::leadfield.LeadfieldWarning")
def test_golden_outputs_of_reciprocity(golden_segments):
    inputs = GOLDEN / "input" / "electrodes"
    e = lf.Electrodes.from_csv(inputs / "recip.csv")
    # one field for each contact that needs one, in the order of the names
    needing = sorted(name for name, kind in zip(e.names, e.types) if "Reciprocity" in kind)
    fields = {name: inputs / f"field_{field}.h5" for name, field in zip(needing, ("src", "src", "far", "far"))}
    computed = lf.weights(golden_segments, e, fields=fields, near_field="exact")
    np.testing.assert_allclose(computed, _golden("recip_per_neuron"), rtol=1e-9)


# ------------------------------------------------------------------------------------------------------------- outputs


def test_the_summary_has_the_sizes(made, tmp_path):
    summary = lf.write_weights(made.segments, made.electrodes, tmp_path / "w.h5")
    assert (summary.contacts, summary.neurons, summary.segments) == (16, 24, len(made.segments))
    assert summary.bytes == os.path.getsize(tmp_path / "w.h5")


@pytest.mark.parametrize("is_named", [False, True])
def test_a_lead_field_is_not_replaced_by_its_weights(golden_segments, tmp_path, is_named):
    field = tmp_path / "field.h5"
    shutil.copy(GOLDEN / "input" / "electrodes" / "field_far.h5", field)
    e = lf.Electrodes([{"name": "a", "x": 0.0, "y": 0.0, "z": 0.0, "type": "Reciprocity"}])
    before = field.read_bytes()
    fields = {"a": field} if is_named else [field]
    lf.weights(golden_segments, e, fields=fields, outside_field="zero")
    with pytest.raises(lf.OutputExistsError, match="is also an input"):
        lf.write_weights(golden_segments, e, field, fields=fields, outside_field="zero", overwrite=True)
    assert field.read_bytes() == before


def test_an_output_is_not_replaced_unless_asked(made, tmp_path):
    out = tmp_path / "w.h5"
    lf.write_weights(made.segments, made.electrodes[:2], out)
    with pytest.raises(lf.OutputExistsError) as refused:
        lf.write_weights(made.segments, made.electrodes[:3], out)
    assert refused.value.kind == "output_conflict" and "`overwrite=True`" in refused.value.hint
    lf.write_weights(made.segments, made.electrodes[:3], out, overwrite=True)
    assert lf.ElectrodesFile(out).electrode_names == ["e0", "e1", "e2"]


def test_resume_accepts_a_complete_output_and_refuses_another(made, tmp_path):
    out = tmp_path / "w.h5"
    lf.write_weights(made.segments, made.electrodes, out)
    summary = lf.write_weights(made.segments, made.electrodes, out, resume=True)
    assert summary.resumed_parts == summary.parts
    with pytest.raises(FileExistsError):
        lf.write_weights(made.segments, made.electrodes, out, conductivity=0.5, resume=True)


class _Enough(Exception):
    """Ends a run from its progress."""


def _raise_enough(count):
    raise _Enough


def _interrupt(count):
    os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture(scope="module")
def neurons_apart(made, tmp_path_factory):
    """Each neuron is a part, and so a unit of work."""
    out = tmp_path_factory.mktemp("apart") / "segments"
    return made.circuit.segments(out=out, segments_per_part=1)


# the first report of progress comes after the first of 24 units
@pytest.mark.parametrize(("stop", "raised"), [(_raise_enough, _Enough), (_interrupt, KeyboardInterrupt)])
def test_a_stopped_run_leaves_a_partial_output_that_is_resumed_to_the_same_bytes(neurons_apart, tmp_path, stop, raised):
    out, e = tmp_path / "w.h5", _many(40)
    with pytest.raises(raised):
        lf.write_weights(neurons_apart, e, out, progress=stop)
    assert sorted(os.listdir(tmp_path)) == ["w.h5.checkpoint", "w.h5.partial"]
    with pytest.raises(lf.OutputExistsError) as refused:
        lf.write_weights(neurons_apart, e, out)
    assert "`resume=True`" in refused.value.hint
    done = lf.write_weights(neurons_apart, e, out, resume=True)
    assert done.parts == 24
    assert 1 <= done.resumed_parts < done.parts
    assert os.listdir(tmp_path) == ["w.h5"]
    lf.write_weights(neurons_apart, e, tmp_path / "undisturbed.h5")
    assert out.read_bytes() == (tmp_path / "undisturbed.h5").read_bytes()


@pytest.mark.parametrize(("stop", "raised"), [(_raise_enough, _Enough), (_interrupt, KeyboardInterrupt)])
def test_weights_in_memory_are_stopped(neurons_apart, stop, raised):
    with pytest.raises(raised):
        lf.weights(neurons_apart, _many(40), progress=stop)


def _many(side=20):
    return lf.grid(side, side, 30.0, at=(0, 0, 0), type="LineSource")


def test_progress_counts_all_segments(made, tmp_path):
    done = []
    lf.write_weights(made.parts, made.electrodes, tmp_path / "w.h5", progress=done.append)
    assert sum(done) == len(made.parts)
    done.clear()
    lf.weights(made.parts, made.electrodes, progress=done.append)
    assert sum(done) == len(made.parts)


def test_progress_by_tqdm(made, capsys):
    lf.weights(made.segments, made.electrodes, progress=True)
    assert "segments" in capsys.readouterr().err


def test_ctrl_c_raises_keyboard_interrupt_and_leaves_no_output(made, tmp_path):
    script = f"""
import leadfield as lf, os, signal, sys, threading
segments = lf.Segments({str(made.parts.path)!r})
e = lf.grid(100, 200, 5.0)
threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
try:
    while True:
        lf.write_weights(segments, e, {str(tmp_path / "w.h5")!r}, overwrite=True)
except KeyboardInterrupt:
    sys.exit(77)
"""
    assert subprocess.run([sys.executable, "-c", script], timeout=300).returncode == 77


def test_other_threads_run_meanwhile(made):
    ticks, over = [], threading.Event()

    def tick():
        while not over.is_set():
            ticks.append(time.perf_counter())
            time.sleep(0.001)

    thread = threading.Thread(target=tick)
    thread.start()
    for _ in range(5):
        lf.weights(made.segments, _many())
    over.set()
    thread.join()
    assert len(ticks) > 10


def test_threads_compute_at_the_same_time(made):
    expected = lf.weights(made.segments, made.electrodes)
    found = [None] * 8

    def compute(i):
        found[i] = lf.weights(made.segments, made.electrodes)

    threads = [threading.Thread(target=compute, args=(i,)) for i in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert all(weights.tobytes() == expected.tobytes() for weights in found)


# ------------------------------------------------------------------------------------------------------ bad arguments


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"conductivity": -1}, "conductivity: "),
        ({"conductivity": [0.3, 0.4]}, "wrong number of conductivities, expected 1 or 16"),
        ({"near_field": "clamp"}, "near_field: unknown, expected one of `radius`, `exact`, found `clamp`"),
        ({"outside_field": "nan"}, "outside_field: unknown, expected one of `error`, `zero`, found `nan`"),
        ({"fields": "f.h5"}, "wrong number of lead fields, expected none"),
        ({"fields": {"e0": "f.h5"}}, "unused lead field"),
        ({"field_transform": [0, 0, 0, 0, 1, 2, 3]}, "wrong transform"),
    ],
)
def test_a_wrong_argument_is_refused(made, tmp_path, arguments, message):
    with pytest.raises(lf.LeadfieldError, match=message) if "unknown" not in message else pytest.raises(
        ValueError, match=message
    ):
        lf.write_weights(made.segments, made.electrodes, tmp_path / "w.h5", **arguments)
    assert os.listdir(tmp_path) == []


def test_an_unknown_dtype_is_refused(made):
    with pytest.raises(ValueError, match="dtype: unknown, expected `f64` or `f32`, found `int32`"):
        lf.weights(made.segments, made.electrodes, dtype=np.int32)


def test_a_contact_on_a_segment_is_an_error_with_its_place(made):
    soma = made.segments.query(section_type="soma", limit=1, columns=["x", "y", "z"]).read()
    position = [soma[axis][0] for axis in "xyz"]
    e = lf.Electrodes.from_positions([position], names=["inside"], type="PointSource")
    with pytest.raises(lf.InputError, match="weight is not finite at contact `inside` for section 0, segment 0") as refused:
        lf.weights(made.segments, e, near_field="exact")
    assert refused.value.item == "node"
    assert refused.value.hint == '`near_field="radius"` never lets a contact come nearer than a segment\'s radius'


def test_reciprocity_without_a_lead_field_is_refused(made):
    with pytest.raises(lf.InputError, match="lead field"):
        lf.weights(made.segments, made.electrodes.with_settings(type="Reciprocity"))


def test_far_contacts_are_a_warning(made):
    with pytest.warns(lf.LeadfieldWarning, match="every contact is more than 10 mm from every segment"):
        lf.weights(made.segments, made.electrodes.moved((1e6, 0, 0)))


def test_a_folder_that_does_not_exist_is_made(made, tmp_path):
    lf.write_weights(made.segments, made.electrodes, tmp_path / "new" / "w.h5")
    assert (tmp_path / "new" / "w.h5").exists()


def test_a_file_in_the_place_of_a_folder_is_an_os_error(made, tmp_path):
    (tmp_path / "none").write_text("a file")
    with pytest.raises(OSError) as refused:
        lf.write_weights(made.segments, made.electrodes, tmp_path / "none" / "w.h5")
    assert isinstance(refused.value, lf.FileError) and refused.value.kind == "io"


def test_all_methods_are_listed():
    assert {"LineSource", "PointSource", "Reciprocity", "DipoleReciprocity"} <= set(lf.METHODS)
    assert all(isinstance(text, str) and text for text in lf.METHODS.values())


@pytest.mark.parametrize("radius", [np.inf, 1e300])
def test_infinite_radii_are_refused(radius):
    with pytest.raises(ValueError, match="radii: out of range, expected float32 numbers, found infinity"):
        lf.weights_of(np.zeros((2, 3)), np.ones((2, 3)), [1.0, radius], lf.linear(2, pitch=10.0))
