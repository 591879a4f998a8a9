"""Signals: against the program's files and numpy's product, handed over to xarray, neo and MNE, and drawn."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import pyarrow.parquet as pq
import pytest

import leadfield as lf

FRAMES = 60


@dataclass(frozen=True)
class Recorded:
    """A circuit with a report of currents, its weights, and weights in memory."""

    folder: Path
    report: Path
    segments: lf.Segments
    electrodes: lf.Electrodes
    weights: Path

    @property
    def population(self) -> str:
        return self.segments.metadata["population"]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recorded")
    circuit = lf.synthesize_circuit(folder / "circuit", cells=12, with_currents=True, frames=FRAMES)
    segments = circuit.segments(out=folder / "segments.parquet")
    electrodes = lf.linear(8, pitch=200.0, at=(20.0, -700.0, 5.0), prefix="e")
    electrodes.to_json(folder / "e.json")
    lf.write_weights(segments, electrodes, folder / "w.h5")
    return Recorded(folder, folder / "circuit" / "output" / "compartment.h5", segments, electrodes, folder / "w.h5")


def _program(*arguments):
    done = subprocess.run([sys.executable, "-m", "leadfield", *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _currents(recorded):
    """Currents of shape (frames, segments) in the order of the electrodes file, and the node of each segment."""
    with h5py.File(recorded.report) as file:
        group = file[f"report/{recorded.population}"]
        ids, pointers = (group[f"mapping/{name}"][:].astype(np.int64) for name in ("node_ids", "index_pointers"))
        sections, data = group["mapping/element_ids"][:], group["data"][:].astype(np.float64)
    columns, nodes = [], []
    for place in np.argsort(ids):
        own = np.arange(pointers[place], pointers[place + 1])
        columns.append(own[np.argsort(sections[own], kind="stable")])
        nodes.append(np.full(len(own), ids[place]))
    return data[:, np.concatenate(columns)], np.concatenate(nodes)


# ------------------------------------------------------------------------------------------------------------- numbers


def test_signals_are_the_product_of_currents_and_weights(recorded):
    currents, _ = _currents(recorded)
    w = lf.weights(recorded.segments, recorded.electrodes)
    expected = currents @ w * 1e3  # V to mV
    found = lf.signals(recorded.report, weights=recorded.weights)
    assert found.data.shape == (FRAMES, 8) and found.data.dtype == np.float64
    assert np.abs(found.data - expected).max() <= 1e-12 * np.abs(expected).max()
    assert np.abs(expected).max() > 0


@pytest.mark.parametrize("by", [None, "layer", "section_type", "node"])
def test_values_are_those_of_the_programs_file_bit_by_bit(recorded, tmp_path, by):
    sources = ["--segments", recorded.segments.path, "--electrodes", recorded.folder / "e.json", "--quiet"]
    options = [] if by is None else ["--by", by]
    _program("signals", recorded.report, *sources, *options, "--dtype", "f64", "-o", tmp_path / "s.npy")
    found = lf.signals(recorded.report, segments=recorded.segments, electrodes=recorded.electrodes, by=by)
    expected = np.load(tmp_path / "s.npy")
    if by is not None:
        # the file has (frames, groups, contacts)
        expected = expected.transpose(0, 2, 1)
        assert found.data.shape == (FRAMES, 8, len(found.groups))
    assert found.data.tobytes() == expected.tobytes()


def test_computed_and_stored_weights_give_the_same(recorded):
    stored = lf.signals(recorded.report, weights=lf.ElectrodesFile(recorded.weights))
    computed = lf.signals([recorded.report], segments=[recorded.segments], electrodes=recorded.electrodes)
    np.testing.assert_allclose(computed.data, stored.data, rtol=0, atol=1e-12 * np.abs(stored.data).max())
    assert stored.electrode_names == computed.electrode_names == recorded.electrodes.names
    np.testing.assert_array_equal(computed.positions, recorded.electrodes.positions)
    np.testing.assert_array_equal(stored.positions, computed.positions)
    assert stored.electrode_types == ["LineSource"] * 8


def test_groups_add_up_to_the_total(recorded):
    total = lf.signals(recorded.report, weights=recorded.weights).data
    for by in ("population", "mtype", "layer", "node"):
        parts = lf.signals(recorded.report, weights=recorded.weights, circuit=recorded.folder / "circuit/circuit_config.json", by=by)
        np.testing.assert_allclose(parts.data.sum(axis=2), total, rtol=0, atol=1e-12 * np.abs(total).max())


def test_the_signal_of_a_node_is_that_of_its_segments(recorded):
    currents, nodes = _currents(recorded)
    w = lf.weights(recorded.segments, recorded.electrodes)
    found = lf.signals(recorded.report, weights=recorded.weights, by="node")
    assert found.node_ids == [(recorded.population, node) for node in range(12)]
    expected = currents[:, nodes == 5] @ w[nodes == 5] * 1e3
    assert found.groups[5] == "5"
    np.testing.assert_allclose(found["5"].data, expected, rtol=0, atol=1e-12 * np.abs(expected).max())


def test_node_sets_are_groups_and_a_selection(recorded):
    circuit = lf.Circuit(recorded.folder / "circuit" / "circuit_config.json")
    kwargs = {"weights": recorded.weights, "circuit": circuit}
    found = lf.signals(recorded.report, by=["Excitatory", "Inhibitory"], **kwargs)
    assert found.groups == ["Excitatory", "Inhibitory"]
    only = lf.signals(recorded.report, node_set="Excitatory", **kwargs)
    assert only.neurons == len(circuit.node_set("Excitatory"))
    np.testing.assert_allclose(found["Excitatory"].data, only.data, rtol=0, atol=1e-12 * np.abs(only.data).max())


def test_frames_contacts_and_units_are_chosen(recorded):
    everything = lf.signals(recorded.report, weights=recorded.weights)
    assert len(everything) == len(everything.times) == FRAMES
    assert everything.sampling_rate == pytest.approx(1e3 / everything.step)
    start, end = everything.times[10], everything.times[30]
    some = lf.signals(
        recorded.report, weights=recorded.weights, start=start, end=end, stride=2 * everything.step,
        electrode=["e3", "e1"], unit="uV", dtype="f32",
    )  # fmt: skip
    np.testing.assert_allclose(some.times, everything.times[10:30:2])
    assert (some.electrode_names, some.unit, some.data.dtype) == (["e3", "e1"], "uV", np.float32)
    expected = (everything.data[10:30:2][:, [3, 1]] * 1e3).astype(np.float32)
    np.testing.assert_allclose(some.data, expected, rtol=1e-6)


def test_a_reference_is_subtracted(recorded):
    plain = lf.signals(recorded.report, weights=recorded.weights).data
    scale = np.abs(plain).max()
    mean = lf.signals(recorded.report, weights=recorded.weights, reference="mean").data
    np.testing.assert_allclose(mean, plain - plain.mean(axis=1, keepdims=True), rtol=0, atol=1e-12 * scale)
    against = lf.signals(recorded.report, weights=recorded.weights, reference="e2").data
    np.testing.assert_allclose(against, plain - plain[:, [2]], rtol=0, atol=1e-12 * scale)


def test_blocks_do_not_change_the_values(recorded):
    whole = lf.signals(recorded.report, weights=recorded.weights)
    blocks = lf.signals(recorded.report, weights=recorded.weights, block_frames=7)
    assert whole.data.tobytes() == blocks.data.tobytes()


def test_settings_of_computed_weights_count(recorded):
    kwargs = {"segments": recorded.segments, "electrodes": recorded.electrodes}
    a = lf.signals(recorded.report, conductivity=0.3, **kwargs).data
    b = lf.signals(recorded.report, conductivity=0.6, **kwargs).data
    np.testing.assert_allclose(a, 2 * b, rtol=1e-12)


def test_an_online_report_is_summed_over_its_cells(recorded, tmp_path):
    # a report with one element for each contact of each node, as the simulator writes it; V
    lf.write_signals(recorded.report, tmp_path / "lfp.h5", weights=recorded.weights, by="node", unit="V", dtype="f64")
    with pytest.raises(ValueError, match="signals that were computed already"):
        lf.signals(tmp_path / "lfp.h5")
    with h5py.File(tmp_path / "lfp.h5", "r+") as file:  # what the simulator's report does not have
        for mapping in (population["mapping"] for population in file["report"].values()):
            del mapping["contact_names"], mapping["contact_positions"], mapping["group_names"]
    online = lf.signals(tmp_path / "lfp.h5")
    assert online.is_online and online.electrode_names == [str(i) for i in range(8)]
    offline = lf.signals(recorded.report, weights=recorded.weights)
    assert not offline.is_online
    np.testing.assert_allclose(online.data, offline.data, rtol=0, atol=1e-12 * np.abs(offline.data).max())
    named = lf.signals(tmp_path / "lfp.h5", electrodes=recorded.electrodes)
    assert named.electrode_names == recorded.electrodes.names
    assert lf.signals(tmp_path / "lfp.h5", weights=recorded.weights).electrode_names == recorded.electrodes.names


def test_clamped_neurons_are_a_warning_with_their_net_current(recorded, tmp_path):
    clamped = tmp_path / "clamped.h5"
    shutil.copy(recorded.report, clamped)
    with h5py.File(clamped, "r+") as file:
        group = file[f"report/{recorded.population}"]
        place = int(np.flatnonzero(group["mapping/node_ids"][:] == 4)[0])
        group["data"][7, int(group["mapping/index_pointers"][place])] += 0.5
    with pytest.warns(lf.LeadfieldWarning, match="1 neuron whose membrane currents do not sum to zero.*node 4"):
        found = lf.signals(clamped, weights=recorded.weights)
    (imbalance,) = found.imbalances
    assert (imbalance.population, imbalance.node_id) == (recorded.population, 4)
    assert imbalance.net_current == pytest.approx(0.5, rel=1e-3)
    assert imbalance.time == pytest.approx(found.times[7])
    assert lf.signals(recorded.report, weights=recorded.weights).imbalances == []


def test_stated_densities_are_taken_as_currents_with_a_warning(recorded, tmp_path):
    stated = tmp_path / "stated.h5"
    shutil.copy(recorded.report, stated)
    with h5py.File(stated, "r+") as file:
        file[f"report/{recorded.population}/data"].attrs["units"] = "mA/cm^2"
    with pytest.warns(lf.LeadfieldWarning, match="`mA/cm.2` is stated.*taken as nA.*if they are densities, give `density=True`"):
        found = lf.signals(stated, weights=recorded.weights)
    np.testing.assert_array_equal(found.data, lf.signals(recorded.report, weights=recorded.weights).data)
    with pytest.warns(lf.LeadfieldWarning, match="densities times areas do not sum to zero, as with a current clamp, or with areas"):
        lf.signals(stated, segments=recorded.segments, electrodes=recorded.electrodes, density=True)


# --------------------------------------------------------------------------------------------------------------- files


def test_no_input_is_replaced(recorded, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(recorded.folder, folder)
    report, weights, config = folder / "circuit/output/compartment.h5", folder / "w.h5", folder / "circuit/circuit_config.json"
    (nodes,) = folder.glob("circuit/**/nodes.h5")
    for path in (report, weights, config, nodes):
        before = path.read_bytes()
        with pytest.raises(lf.OutputExistsError, match="is also an input"):
            lf.write_signals(report, path, weights=weights, circuit=config, by="layer", format="report", overwrite=True)
        assert path.read_bytes() == before
    with pytest.raises(lf.FileError, match="none.json: cannot be read"):
        lf.signals(report, weights=weights, circuit=folder / "none.json")
    # what one call read is an output of the next
    for _ in range(2):
        lf.write_signals(report, folder / "s.h5", weights=weights, overwrite=True)
        lf.plot_signals(folder / "s.h5")


@pytest.mark.parametrize("name", ["s.h5", "ecp.h5", "s.nwb", "s.npy", "s.parquet", "s.arrow", "s.csv"])
def test_files_are_those_of_the_program_byte_by_byte(recorded, tmp_path, name):
    (tmp_path / "a").mkdir(), (tmp_path / "b").mkdir()
    _program("signals", recorded.report, "--weights", recorded.weights, "--quiet", "-o", tmp_path / "a" / name)
    done = lf.write_signals(recorded.report, tmp_path / "b" / name, weights=recorded.weights)
    assert (done.frames, done.contacts, done.groups, done.neurons) == (FRAMES, 8, 1, 12)
    assert done.segments == len(recorded.segments)
    assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_wide_tables_have_a_column_for_each_signal(recorded, tmp_path):
    lf.write_signals(recorded.report, tmp_path / "s", weights=recorded.weights, format="parquet", wide=True, dtype="f64")
    table = pq.read_table(tmp_path / "s")
    expected = lf.signals(recorded.report, weights=recorded.weights)
    assert table.column_names == ["time", *expected.electrode_names]
    np.testing.assert_array_equal(np.column_stack([table[name] for name in expected.electrode_names]), expected.data)


def test_an_output_is_not_replaced_unless_asked(recorded, tmp_path):
    out = tmp_path / "s.npy"
    lf.write_signals(recorded.report, out, weights=recorded.weights)
    with pytest.raises(lf.OutputExistsError):
        lf.write_signals(recorded.report, out, weights=recorded.weights, unit="uV")
    lf.write_signals(recorded.report, out, weights=recorded.weights, unit="uV", overwrite=True)
    np.testing.assert_allclose(np.load(out), lf.signals(recorded.report, weights=recorded.weights).data * 1e3, rtol=1e-6)


class _Enough(Exception):
    """Ends a run from its progress."""


def _raise_enough(count):
    raise _Enough


def _interrupt(count):
    os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture(scope="module")
def dense():
    """So many contacts that a frame takes long compared with a stop."""
    return lf.grid(20, 20, 50.0, at=(0.0, 0.0, 0.0), type="LineSource")


@pytest.mark.parametrize(("stop", "raised"), [(_raise_enough, _Enough), (_interrupt, KeyboardInterrupt)])
def test_a_stopped_run_is_resumed_to_the_same_bytes(recorded, dense, tmp_path, stop, raised):
    out = tmp_path / "s.npy"
    times = lf.signals(recorded.report, weights=recorded.weights).times
    kwargs = {"segments": recorded.segments, "electrodes": dense, "block_frames": 1, "end": times[12]}
    with pytest.raises(raised):
        lf.write_signals(recorded.report, out, progress=stop, **kwargs)
    assert not out.exists()
    done = lf.write_signals(recorded.report, out, resume=True, **kwargs)
    assert done.blocks == 12 and done.resumed_blocks < 12
    assert os.listdir(tmp_path) == ["s.npy"]
    lf.write_signals(recorded.report, tmp_path / "undisturbed.npy", **kwargs)
    assert out.read_bytes() == (tmp_path / "undisturbed.npy").read_bytes()


@pytest.mark.parametrize(("stop", "raised"), [(_raise_enough, _Enough), (_interrupt, KeyboardInterrupt)])
def test_signals_in_memory_are_stopped(recorded, dense, stop, raised):
    done = []

    def report(count):
        done.append(count)
        stop(count)

    with pytest.raises(raised):
        lf.signals(recorded.report, segments=recorded.segments, electrodes=dense, block_frames=1, progress=report)
    # the first report came before all currents of all frames were done
    assert len(done) == 1 and done[0] < len(recorded.segments) * FRAMES


def test_progress_counts_all_currents(recorded):
    done = []
    lf.signals(recorded.report, weights=recorded.weights, progress=done.append)
    assert sum(done) == len(recorded.segments) * FRAMES


def test_threads_compute_at_the_same_time(recorded):
    expected = lf.signals(recorded.report, weights=recorded.weights).data.tobytes()
    found = [b""] * 8

    def compute(i):
        found[i] = lf.signals(recorded.report, weights=recorded.weights).data.tobytes()

    threads = [threading.Thread(target=compute, args=(i,)) for i in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert found == [expected] * 8


# ------------------------------------------------------------------------------------------------------ other packages


def test_xarray_has_names_times_and_positions_without_a_copy(recorded):
    found = lf.signals(recorded.report, weights=recorded.weights, by="node")
    array = found.to_xarray()
    assert array.dims == ("time", "contact", "group")
    assert np.shares_memory(array.values, found.data)
    np.testing.assert_array_equal(array.sel(contact="e3", group="5").values, found["5"].data[:, 3])
    np.testing.assert_array_equal(array["y"].values, recorded.electrodes.positions[:, 1])
    assert array.attrs["units"] == "mV" and array["time"].attrs["units"] == "ms"
    assert found["5"].to_xarray().dims == ("time", "contact")


def test_neo_has_units_and_channels(recorded):
    found = lf.signals(recorded.report, weights=recorded.weights, unit="uV", start=2.0)
    analog = found.to_neo()
    assert analog.shape == (len(found), 8) and str(analog.units.dimensionality) == "uV"
    np.testing.assert_array_equal(analog.magnitude, found.data)
    assert float(analog.t_start.rescale("ms")) == pytest.approx(found.times[0])
    assert float(analog.sampling_rate.rescale("Hz")) == pytest.approx(found.sampling_rate)
    np.testing.assert_allclose(analog.times.rescale("ms").magnitude, found.times)
    assert analog.array_annotations["channel_names"].tolist() == found.electrode_names
    np.testing.assert_array_equal(analog.array_annotations["y"], found.positions[:, 1])


@pytest.mark.parametrize("unit", ["V", "mV", "uV"])
def test_mne_has_volts_and_metres(recorded, unit):
    found = lf.signals(recorded.report, weights=recorded.weights, unit=unit)
    raw = found.to_mne()
    volts = lf.signals(recorded.report, weights=recorded.weights, unit="V").data
    np.testing.assert_allclose(raw.get_data(), volts.T, rtol=1e-12)
    assert raw.ch_names == found.electrode_names and set(raw.get_channel_types()) == {"seeg"}
    assert raw.info["sfreq"] == pytest.approx(found.sampling_rate)
    positions = np.array([channel["loc"][:3] for channel in raw.info["chs"]])
    np.testing.assert_allclose(positions, recorded.electrodes.positions * 1e-6)
    np.testing.assert_allclose(raw.times * 1e3 + raw.first_time * 1e3, found.times, atol=found.step / 2)


@pytest.mark.parametrize(("method", "package"), [("to_xarray", "xarray"), ("to_neo", "neo"), ("to_mne", "mne")])
def test_a_missing_package_is_named(recorded, monkeypatch, method, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=f"{method} needs the package `{package}`: pip install {package}") as error:
        getattr(lf.signals(recorded.report, weights=recorded.weights), method)()
    assert error.value.name == package


def test_numpy_takes_signals(recorded):
    found = lf.signals(recorded.report, weights=recorded.weights)
    assert np.shares_memory(np.asarray(found), found.data)
    assert np.asarray(found, dtype="f4").dtype == np.float32


# ------------------------------------------------------------------------------------------------------------ pictures


@pytest.mark.parametrize("figure", ["all", "traces", "image", "csd", "kcsd", "spectrum"])
def test_signals_are_drawn(recorded, figure):
    found = lf.signals(recorded.report, weights=recorded.weights)
    picture = found.plot(figure)
    assert isinstance(picture, lf.Svg) and picture.startswith("<svg") and picture._repr_svg_() == str(picture)


def test_the_picture_of_a_file_is_the_programs(recorded, tmp_path):
    lf.write_signals(recorded.report, tmp_path / "s.h5", weights=recorded.weights)
    _program("plot", "signals", tmp_path / "s.h5", "--figure", "csd", "-o", tmp_path / "s.svg", "--quiet")
    assert lf.plot_signals(tmp_path / "s.h5", "csd") == (tmp_path / "s.svg").read_text()


def test_one_group_and_some_contacts_of_a_file_are_drawn(recorded, tmp_path):
    source = {"segments": recorded.segments, "electrodes": recorded.electrodes}
    lf.write_signals(recorded.report, tmp_path / "by.h5", by="section_type", **source)
    with pytest.raises(lf.InputError) as refused:
        lf.plot_signals(tmp_path / "by.h5")
    assert "`group=NAME`" in refused.value.hint
    groups = {name: lf.plot_signals(tmp_path / "by.h5", "traces", group=name) for name in ("apic", "dend")}
    assert str(groups["apic"]) != str(groups["dend"])
    some = str(lf.plot_signals(tmp_path / "by.h5", "traces", group="apic", electrode=["e1", "e3"]))
    assert ">2 contacts," in some and ">8 contacts," in str(groups["apic"])
    lf.write_signals(recorded.report, tmp_path / "nodes.h5", weights=recorded.weights, by="node")
    one, all_of_them = (str(lf.plot_signals(tmp_path / "nodes.h5", "traces", group=node)) for node in (4, None))
    assert one != all_of_them


@pytest.mark.parametrize("group", [True, 1.5, [4]])
def test_a_group_is_a_name_or_a_node(recorded, tmp_path, group):
    lf.write_signals(recorded.report, tmp_path / "nodes.h5", weights=recorded.weights, by="node")
    with pytest.raises(TypeError, match="group: expected"):
        lf.plot_signals(tmp_path / "nodes.h5", group=group)


def test_threads_replace_their_own_files(recorded, tmp_path):
    """A file that one thread reads while another computes is an output of the first again."""
    failed = []

    def work(name):
        for _ in range(6):
            try:
                lf.write_signals(recorded.report, tmp_path / name, weights=recorded.weights, overwrite=True)
                lf.plot_signals(tmp_path / name, "traces")
            except lf.LeadfieldError as error:
                failed.append(str(error))

    threads = [threading.Thread(target=work, args=(f"{i}.h5",)) for i in range(3)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert failed == []


def test_the_report_page_shows_signals(recorded, tmp_path):
    lf.write_signals(recorded.report, tmp_path / "s.h5", weights=recorded.weights)
    page = str(lf.report(recorded.segments, recorded.weights, signals=tmp_path / "s.h5"))
    assert 'id="signals"' in page and 'id="signals"' not in str(lf.report(recorded.segments, recorded.weights))


def test_a_picture_in_memory_shows_the_values(recorded):
    found = lf.signals(recorded.report, weights=recorded.weights)
    other = lf.signals(recorded.report, weights=recorded.weights, reference="mean")
    assert found.plot("image") == lf.signals(recorded.report, weights=recorded.weights).plot("image")
    assert found.plot("image") != other.plot("image")
    # a current source density is proportional to the conductivity
    assert found.plot("csd", conductivity=0.3) != found.plot("csd", conductivity=0.6)


def test_figures_that_need_depths_are_left_out_with_a_warning(recorded):
    with pytest.warns(lf.LeadfieldWarning, match="depth"):
        lf.signals(recorded.report, weights=recorded.weights, electrode="e3").plot()


# -------------------------------------------------------------------------------------------------------------- errors


def test_attributes_come_from_the_circuit_that_an_electrodes_file_names(recorded):
    circuit = recorded.folder / "circuit/circuit_config.json"
    for arguments in ({"by": "mtype"}, {"node_set": "Excitatory"}):
        found = lf.signals(recorded.report, weights=recorded.weights, **arguments)
        expected = lf.signals(recorded.report, weights=recorded.weights, circuit=circuit, **arguments)
        assert found.groups == expected.groups
        np.testing.assert_array_equal(found.data, expected.data)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"weights": None}, "no weights, expected `weights=`, or `segments=` and `electrodes=`"),
        ({"electrode": "e99"}, "unknown contact, expected one of `e0`, .*, found `e99`"),
        ({"reference": "e99"}, "unknown contact, expected one of `e0`, .*, found `e99`"),
        ({"by": "section_type"}, "section types are unknown, expected a segment table"),
        ({"density": True}, "areas of segments are unknown, expected a segment table"),
        ({"start": 1e6}, "no frame in the time range"),
        ({"start": float("nan")}, "start is not a time, expected a number of ms, found NaN"),
        ({"stride": 1e-3}, "stride is not a multiple of the report's time step"),
    ],
)
def test_a_wrong_argument_is_refused(recorded, arguments, message):
    with pytest.raises(lf.InputError, match=message) as refused:
        lf.signals(recorded.report, **{"weights": recorded.weights, **arguments})
    assert "--" not in f"{refused.value} {refused.value.hint} {refused.value.item}"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"unit": "nV"}, "unit: unknown, expected one of `V`, `mV`, `uV`, found `nV`"),
        ({"dtype": "int32"}, "dtype: unknown, expected `f64` or `f32`, found `int32`"),
        ({"block_frames": 0}, "block_frames: out of range, expected 1 or more, found 0"),
        ({"electrode": []}, r"electrode: expected a name or several, found \[\]"),
        ({"by": [3]}, r"by: expected a name or several, found \[3\]"),
        ({"segments": ()}, "weights: given with segments or electrodes, expected either"),
    ],
)
def test_an_argument_out_of_its_choices_is_refused(recorded, arguments, message):
    if "segments" in arguments:
        arguments = {"segments": recorded.segments}
    with pytest.raises(ValueError, match=message):
        lf.signals(recorded.report, **{"weights": recorded.weights, **arguments})


def test_segments_need_electrodes(recorded):
    with pytest.raises(ValueError, match="segments: given without electrodes, expected both"):
        lf.signals(recorded.report, segments=recorded.segments)


def test_no_report_and_a_missing_report_are_errors(recorded, tmp_path):
    with pytest.raises(lf.InputError, match="no reports, expected at least one"):
        lf.signals([], weights=recorded.weights)
    with pytest.raises(FileNotFoundError):
        lf.signals(tmp_path / "none.h5", weights=recorded.weights)


def test_a_report_of_another_circuit_names_the_first_node(recorded, made):
    with pytest.raises(lf.InputError, match="nodes? .*without currents|another number of segments") as refused:
        lf.signals(recorded.report, weights=made.weights)
    assert refused.value.kind == "invalid_input"


def test_nodes_of_one_side_are_left_out_when_asked(recorded, tmp_path):
    with h5py.File(recorded.report) as file:
        ids = file[f"report/{recorded.population}/mapping/node_ids"][:]
    few = lf.Circuit(recorded.folder / "circuit" / "simulation_config.json")
    sets = few.node_sets
    name = "Inhibitory"
    assert name in sets and 0 < len(few.node_set(name)) < len(ids)
    segments = few.segments(out=tmp_path / "s.parquet", node_set=name)
    with pytest.raises(lf.InputError, match="without weights") as refused:
        lf.signals(recorded.report, segments=segments, electrodes=recorded.electrodes)
    assert "`allow_missing=True`" in refused.value.hint
    with pytest.warns(lf.LeadfieldWarning, match=f"{len(ids) - len(few.node_set(name))} nodes left out, which only the reports or only the weights have: `"):
        found = lf.signals(recorded.report, segments=segments, electrodes=recorded.electrodes, allow_missing=True)
    assert found.neurons == len(few.node_set(name))


def test_a_current_that_is_not_finite_is_an_error_with_its_place(recorded, tmp_path):
    broken = tmp_path / "broken.h5"
    shutil.copy(recorded.report, broken)
    with h5py.File(broken, "r+") as file:
        file[f"report/{recorded.population}/data"][3, 0] = np.nan
    with pytest.raises(lf.InputError, match="current is not finite"):
        lf.write_signals(broken, tmp_path / "s.npy", weights=recorded.weights)
    assert os.listdir(tmp_path) == ["broken.h5"]


def test_formats_and_names_are_checked_before_the_work(recorded, tmp_path):
    with pytest.raises(lf.InputError, match="unknown output format"):
        lf.write_signals(recorded.report, tmp_path / "s.txt", weights=recorded.weights)
    with pytest.raises(ValueError, match="format: unknown, expected one of `report`"):
        lf.write_signals(recorded.report, tmp_path / "s", weights=recorded.weights, format="matlab")
    with pytest.raises(lf.InputError, match="written from the beginning to the end"):
        lf.write_signals(recorded.report, tmp_path / "s.csv", weights=recorded.weights, resume=True)
    with pytest.raises(lf.InputError, match="format `bmtk` has no groups"):
        lf.write_signals(recorded.report, tmp_path / "ecp.h5", weights=recorded.weights, by="node")
    with pytest.raises(lf.LeadfieldError, match="is also an input|input"):
        lf.write_signals(recorded.report, recorded.report, weights=recorded.weights, overwrite=True)
    assert os.listdir(tmp_path) == []


def test_several_groups_have_no_picture_and_no_raw(recorded):
    found = lf.signals(recorded.report, weights=recorded.weights, by="node")
    for method in (found.plot, found.to_mne, found.to_neo):
        with pytest.raises(ValueError, match="signals of 12 groups, expected one: signals\\['0'\\]"):
            method()
    with pytest.raises(KeyError, match="unknown group"):
        found["none"]
    with pytest.raises(KeyError, match="no groups"):
        found["5"]["5"]


def test_contacts_with_other_units_have_no_common_unit(recorded):
    contacts = [{**contact, "type": "ObjectiveCSD_Sphere" if i else "LineSource"} for i, contact in enumerate(recorded.electrodes)]
    found = lf.signals(recorded.report, segments=recorded.segments, electrodes=lf.Electrodes(contacts[:2]))
    assert found.units == ["mV", "nA"]
    with pytest.raises(ValueError, match="contacts have different units, expected one, found mV, nA"):
        found.to_neo()
    assert "units" not in found.to_xarray().attrs and found.to_xarray()["unit"].values.tolist() == ["mV", "nA"]
    csd = lf.signals(recorded.report, segments=recorded.segments, electrodes=lf.Electrodes(contacts[1:2]))
    with pytest.raises(ValueError, match="to_mne: signals are not potentials, expected V, mV or uV, found nA"):
        csd.to_mne()


def test_contacts_far_from_the_segments_are_a_warning(recorded):
    far = recorded.electrodes.moved([0.0, 1e6, 0.0])
    with pytest.warns(lf.LeadfieldWarning, match="every contact is more than 10 mm from every segment"):
        lf.signals(recorded.report, segments=recorded.segments, electrodes=far)


def test_a_list_of_one_name_is_that_name(recorded):
    one, listed = (lf.signals(recorded.report, weights=recorded.weights, by=by) for by in ("layer", ["layer"]))
    assert one.groups == listed.groups
    np.testing.assert_array_equal(one.data, listed.data)
