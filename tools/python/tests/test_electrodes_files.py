"""Electrodes files: reading, validation, comparison, pictures, the report."""

from __future__ import annotations

import json
import os
import shutil
import xml.etree.ElementTree as ElementTree

import h5py
import libsonata
import numpy as np
import pytest

import leadfield as lf
from conftest import GOLDEN


@pytest.fixture
def file(made):
    return lf.ElectrodesFile(made.weights)


def test_contacts_are_those_that_were_written(made, file):
    assert file.populations == ["neurons"] == list(file)
    assert file.electrode_names == made.electrodes.names
    assert file.types == ["LineSource"] * 16
    np.testing.assert_allclose(file.positions, made.electrodes.positions, rtol=1e-7)


def test_a_population_has_the_words_of_libsonata(made, file):
    ours = file.open_population("neurons")
    theirs = libsonata.ElectrodeReader(str(made.weights)).open_population("neurons")
    assert sorted(ours.electrode_names) == sorted(theirs.electrode_names)
    assert sorted(ours.node_ids.tolist()) == sorted(theirs.node_ids)
    assert ours.units == "V/nA"
    assert ours.setting("e0", "conductivity_S_per_m") == 0.277


def test_rows_of_nodes_come_in_the_order_asked_for(made, file):
    population = file["neurons"]
    everything = lf.weights(made.segments, made.electrodes)
    np.testing.assert_array_equal(population.get(), everything)
    offsets = population.offsets.astype(int)
    rows = np.concatenate([np.arange(offsets[node], offsets[node + 1]) for node in (7, 2)])
    np.testing.assert_array_equal(population.get([7, 2]), everything[rows])
    np.testing.assert_array_equal(population.get(7, "e3"), everything[offsets[7] : offsets[8], [3]])
    np.testing.assert_array_equal(population.get(electrodes=["e9", "e1"]), everything[:, [9, 1]])
    assert population.get([]).shape == (0, 16)


def test_what_the_file_lacks_is_an_error(file):
    with pytest.raises(lf.InputError, match=r"node\[99\]: no such node in population `neurons`"):
        file["neurons"].get([1, 99])
    with pytest.raises(lf.InputError, match="unknown electrode, expected one of `e0`"):
        file["neurons"].get(electrodes="x")
    with pytest.raises(lf.InputError, match="glia"):
        file["glia"]


def test_the_report_block_is_what_libsonata_accepts(made, file, tmp_path):
    block = file.report_block(end_time=50.0, cells="All")
    config = json.loads((made.folder / "circuit" / "simulation_config.json").read_text())
    config["reports"] = block
    config["run"] = {"tstop": 50.0, "dt": 0.1, "random_seed": 1}
    config["network"] = str(made.folder / "circuit" / "circuit_config.json")
    config["node_sets_file"] = str(made.folder / "circuit" / "node_sets.json")
    (tmp_path / "simulation_config.json").write_text(json.dumps(config))
    report = libsonata.SimulationConfig.from_file(str(tmp_path / "simulation_config.json")).report("lfp")
    assert report.electrodes_file == os.path.realpath(made.weights)
    assert report.end_time == 50.0


@pytest.mark.parametrize("damage", [b"", b"no HDF5", None])
def test_a_file_that_is_none_is_an_error(tmp_path, made, damage):
    path = tmp_path / "w.h5"
    path.write_bytes(made.weights.read_bytes()[:3000] if damage is None else damage)
    with pytest.raises(lf.LeadfieldError) as refused:
        lf.ElectrodesFile(path)
    assert refused.value.file == str(path)


def test_a_missing_file_is_a_file_not_found_error(tmp_path):
    for read in (lf.ElectrodesFile, lf.Segments, lf.Circuit, lf.Electrodes.from_csv):
        with pytest.raises(FileNotFoundError) as refused:
            read(tmp_path / "none")
        assert isinstance(refused.value, lf.LeadfieldError)
        assert str(refused.value) == f"{tmp_path / 'none'}: cannot be read: no such file or directory"


def test_a_table_is_not_an_electrodes_file(made):
    with pytest.raises(lf.LeadfieldError):
        lf.ElectrodesFile(made.segments.path)
    with pytest.raises(lf.LeadfieldError):
        lf.Segments(made.weights)


# ---------------------------------------------------------------------------------------------------------- validation


def test_our_file_is_valid(made):
    found = lf.validate_electrodes_file(made.weights, circuit=made.circuit, segments=made.segments)
    assert found and found.is_valid and len(found) == 0
    assert str(found) == "valid"


def test_a_file_of_bluerecording_has_known_faults():
    found = lf.validate_electrodes_file(GOLDEN / "reference" / "named.h5")
    assert len(found) > 0
    for finding in found:
        assert finding.severity in ("error", "warning", "note")
        assert finding.code and finding.remedy and finding.clients
    assert found.findings[0].code in str(found) and found.findings[0].code in found._repr_html_()


def test_float_offsets_are_an_error(made, tmp_path):
    path = shutil.copy(made.weights, tmp_path / "w.h5")
    with h5py.File(path, "a") as file:
        offsets = file["neurons/offsets"][:].astype(float)
        del file["neurons/offsets"]
        file["neurons/offsets"] = offsets
    found = lf.validate_electrodes_file(path)
    assert not found
    assert any("offsets" in finding.text and finding.fixable for finding in found)


def test_weights_of_another_circuit_are_found(made, tmp_path):
    other = lf.synthesize_circuit(tmp_path / "c", cells=5, seed=9)
    segments = other.segments(out=tmp_path / "s.parquet")
    assert not lf.validate_electrodes_file(made.weights, segments=segments)


# ---------------------------------------------------------------------------------------------------------- comparison


def test_equal_files_agree(made):
    found = lf.compare_weights(made.weights, made.weights)
    assert found and found.largest_relative == 0 and found.causes == []
    assert f"agree: {len(made.segments)} rows" in str(found)


def test_a_difference_is_found_with_its_contact(made, tmp_path):
    path = shutil.copy(made.weights, tmp_path / "w.h5")
    with h5py.File(path, "a") as file:
        file["electrodes/neurons/scaling_factors"][5, 3] *= 1 + 1e-6
    found = lf.compare_weights(made.weights, path, rtol=1e-9)
    assert not found
    assert [contact["name"] for contact in found.populations[0]["electrodes"] if contact["outside"]] == ["e3"]
    assert found.largest_relative == pytest.approx(1e-6, rel=1e-3)
    assert lf.compare_weights(made.weights, path, rtol=1e-5)


def test_another_conductivity_is_a_difference_of_that_ratio(made, tmp_path):
    lf.write_weights(made.segments, made.electrodes, tmp_path / "w.h5", conductivity=0.3)
    found = lf.compare_weights(made.weights, tmp_path / "w.h5")
    assert not found
    assert found.largest_relative == pytest.approx(1 - 0.277 / 0.3, rel=1e-9)


def test_files_of_different_contacts_do_not_agree(made, tmp_path):
    lf.write_weights(made.segments, made.electrodes[:5], tmp_path / "w.h5")
    found = lf.compare_weights(made.weights, tmp_path / "w.h5")
    assert not found
    assert len(found.populations[0]["electrodes_only_in"][0]) == 11


def test_golden_columns_are_matched_by_sorted_names(golden_segments, tmp_path):
    e = lf.Electrodes.from_csv(GOLDEN / "input" / "electrodes" / "named.csv")
    lf.write_weights(golden_segments, e, tmp_path / "w.h5", near_field="exact")
    arguments = {"ignore_extra_column": True, "rtol": 1e-11}
    assert lf.compare_weights(tmp_path / "w.h5", GOLDEN / "reference" / "named.h5", columns="sorted-names", **arguments)
    found = lf.compare_weights(tmp_path / "w.h5", GOLDEN / "reference" / "named.h5", **arguments)
    assert not found and len(found.causes) == 1 and found.causes[0] in str(found)


# ------------------------------------------------------------------------------------------------------------ pictures


def _is_svg(text):
    return ElementTree.fromstring(text).tag.endswith("svg")


@pytest.mark.parametrize("view", ["all", "xy", "xz", "yx", "yz", "zx", "zy"])
def test_weights_are_drawn(made, file, view):
    picture = lf.plot_weights(made.segments, file, "e4", view=view, within=300)
    assert _is_svg(picture) and picture._repr_svg_() == picture


def test_contacts_are_drawn_with_their_segments(made, tmp_path):
    picture = lf.plot_probe(made.electrodes, made.segments, within=100)
    assert _is_svg(picture)
    picture.save(tmp_path / "probe.svg")
    assert (tmp_path / "probe.svg").read_text() == picture
    with pytest.raises(FileExistsError):
        picture.save(tmp_path / "probe.svg")


def test_differences_are_drawn(made, tmp_path):
    lf.write_weights(made.segments, made.electrodes, tmp_path / "w.h5", conductivity=0.3)
    assert _is_svg(lf.plot_comparison(made.weights, tmp_path / "w.h5"))


def test_the_report_is_a_page(made, file, tmp_path):
    page = lf.report(made.segments, file, electrode="e4")
    assert page.lower().startswith("<!doctype html>") and "e4" in page
    assert page._repr_html_().startswith("<iframe srcdoc=")
    page.save(tmp_path / "report.html")


@pytest.mark.parametrize(
    ("arguments", "message"), [({"view": "top"}, "view: unknown"), ({"within": -1}, "within")]
)
def test_an_impossible_picture_is_refused(made, file, arguments, message):
    with pytest.raises(ValueError, match=message):
        lf.plot_weights(made.segments, file, "e4", **arguments)
    with pytest.raises(lf.InputError, match="unknown electrode"):
        lf.plot_weights(made.segments, file, "x")


def test_a_notebook_shows_a_file(file):
    assert "e15" in file._repr_html_() and "16 contacts" in repr(file)
    assert repr(file["neurons"]) == "<PopulationWeights `neurons`: 24 nodes, 16 contacts>"


def test_a_closed_or_replaced_file_is_no_argument(made, tmp_path):
    path = tmp_path / "w.h5"
    lf.write_weights(made.segments, made.electrodes[:2], path)
    file = lf.ElectrodesFile(path)
    calls = [
        lambda: lf.compare_weights(file, path),
        lambda: lf.validate_electrodes_file(file),
        lambda: made.segments.query(weights=file, electrode="e0", columns=["weight"]),
        lambda: lf.plot_weights(made.segments, file, "e0"),
        lambda: lf.report(made.segments, file),
        lambda: lf.signals(made.folder / "none.h5", weights=file),
    ]
    before = file[file.populations[0]].get()
    lf.write_weights(made.segments, made.electrodes[1:3], path, overwrite=True)
    for call in calls:
        with pytest.raises(lf.InputError, match="w.h5: changed since it was opened"):
            call()
    # the object itself reads the file that it opened
    np.testing.assert_array_equal(file[file.populations[0]].get(), before)
    file.close()
    for call in calls:
        with pytest.raises(ValueError, match="w.h5 is closed, expected an open file or a path"):
            call()
