"""``leadfield.bluerecording``: the arguments of BlueRecording 0.7, and the results against golden outputs."""

from __future__ import annotations

import inspect
import json
import shutil

import h5py
import numpy as np
import pandas as pd
import pytest

import leadfield as lf
from conftest import GOLDEN
from leadfield import bluerecording
from leadfield.bluerecording import (
    ComputeWeightsTask,
    Electrode,
    ElectrodeType,
    ObjectiveCSDParams,
    compare_weights,
    compute_and_save_weights,
    compute_weights,
    save_weights,
)

CONFIG = GOLDEN / "input" / "circuit" / "simulation_config.json"


@pytest.fixture(scope="module")
def electrodes():
    contacts = lf.Electrodes.from_csv(GOLDEN / "input" / "electrodes" / "np8.csv")
    return [Electrode(e["name"], np.array([e["x"], e["y"], e["z"]]), ElectrodeType(e["type"])) for e in contacts]


@pytest.fixture(scope="module")
def computed(electrodes):
    return compute_weights(path_to_config=CONFIG, electrodes=electrodes, replace_axons=True)


def test_the_calls_of_the_platform_work(tmp_path):
    """As the platform of the Open Brain Institute makes them."""
    locations = [[0.0, 0.0, 0.0], [50.0, 50.0, 50.0]]
    electrodes = {
        f"electrode_{i}": Electrode(position=np.array(at, dtype=float), type=ElectrodeType.POINT_SOURCE)
        for i, at in enumerate(locations)
    }
    weights, positions_df, cols, neurite_types, population_name = compute_weights(
        path_to_config=CONFIG, electrodes=electrodes, replace_axons=True
    )
    assert weights.shape == (2, 3161) and cols.shape == (3161, 2) and neurite_types.shape == (3161,)
    assert (cols.dtype, neurite_types.dtype) == (np.uint64, np.int32)
    assert positions_df.shape == (3, 4082)
    out = tmp_path / "weights.h5"
    with pytest.warns(lf.LeadfieldWarning, match=r"weights.h5: neurite types are not stored") as warned:
        save_weights(
            weights=weights,
            cols=cols,
            population_name=population_name,
            outputfile=str(out),
            electrodes=electrodes,
            neurite_types=neurite_types,
        )
    assert [warning.filename for warning in warned] == [__file__]
    assert lf.ElectrodesFile(out).electrode_names == ["electrode_0", "electrode_1"]
    assert lf.validate_electrodes_file(out).is_valid


# the calls of bluerecording 0.7.0, by `inspect.signature` without the types
CALLS_OF_0_7 = {
    "compute_weights": "(path_to_config, electrodes, replace_axons=True, sigma=None, path_to_fields=None, "
    "objective_csd_array_indices=None, cells_per_batch=None)",
    "save_weights": "(weights, cols, population_name, outputfile, electrodes, neurite_types=None, gid_offset=0)",
    "compute_and_save_weights": "(path_to_config, tasks, replace_axons=True, cells_per_batch=None)",
    "compare_weights": "(reference, target, rtol=1e-06, atol=1e-09, population_name=None)",
    "ComputeWeightsTask": "(electrodes, output, sigma=None, path_to_fields=None, with_neurite_type=False, "
    "objective_csd_array_indices=None)",
    "electrodes.ObjectiveCSDParams": "(electrode_type, radius=None, thickness=None)",
    "electrodes.Electrode": "(name, position, type, region='NA', layer='NA')",
    "electrodes.Electrode.from_json": "(electrode_json)",
    "electrodes.Electrode.to_json": "(electrodes, output_path)",
}
# contacts in a mapping are named by their keys
DIFFERENT_CALLS = {
    "electrodes.Electrode": "(name=None, position=None, type=<ElectrodeType.LINE_SOURCE: 'LineSource'>, region='NA', layer='NA')"
}
# the package's names in 0.7.0 that are not here
MISSING = {"compute_positions", "save_positions", "get_and_save_weights"}


@pytest.mark.parametrize("name", CALLS_OF_0_7)
def test_the_arguments_are_those_of_0_7(name):
    function = bluerecording
    for part in name.split("."):
        function = getattr(function, part)
    found = inspect.signature(function)
    plain = [parameter.replace(annotation=inspect.Parameter.empty) for parameter in found.parameters.values()]
    found = found.replace(parameters=plain, return_annotation=inspect.Signature.empty)
    assert str(found) == DIFFERENT_CALLS.get(name, CALLS_OF_0_7[name])


def test_the_differences_that_the_module_states_are_those_that_exist():
    assert not any(hasattr(bluerecording, name) for name in MISSING)
    assert all(f"``{name}``" in bluerecording.__doc__ for name in MISSING)
    of_0_7 = {name.removeprefix("electrodes.").split(".")[0] for name in CALLS_OF_0_7} | {"ElectrodeType", "electrodes"}
    assert set(bluerecording.__all__) == of_0_7 | {"WeightsComparison"}


def test_positions_are_those_of_0_7(computed):
    positions = computed[1]
    with h5py.File(GOLDEN / "reference" / "positions_0.7.h5") as file:
        expected, ids, sections = file["xyz"][:], file["id"][:], file["section"][:]
    order = np.lexsort((np.arange(len(ids)), sections, ids))
    np.testing.assert_allclose(positions.to_numpy(), expected[:, order], atol=1e-9)
    np.testing.assert_array_equal(positions.columns.get_level_values("id"), ids[order])


def test_weights_are_those_of_the_golden_file_where_axons_agree(computed):
    """0.2.1 places the myelin of nodes 2, 6, 10, 14 and 22 elsewhere than 0.7, see datasets/golden/README.md."""
    weights, _, cols, _, population = computed
    with h5py.File(GOLDEN / "reference" / "np8.h5") as file:
        expected = file[f"electrodes/{population}/scaling_factors"][:, :-1]
    same = ~np.isin(cols[:, 0], [2, 6, 10, 14, 22])
    assert same.sum() > 2000
    np.testing.assert_allclose(weights.to_numpy().T[same], expected[same], rtol=1e-9)


def test_columns_are_nodes_and_sections(computed):
    weights, _, cols, types, population = computed
    assert weights.columns.names == ["id", "section"]
    np.testing.assert_array_equal(np.array(weights.columns.tolist()), cols)
    assert np.all(types[cols[:, 1] == 0] == 0)
    with h5py.File(GOLDEN / "reference" / "np8.h5") as file:
        assert population in file


def test_a_saved_file_is_that_of_write_weights(computed, electrodes, tmp_path):
    weights, _, cols, _, population = computed
    save_weights(weights, cols, population, tmp_path / "a.h5", electrodes)
    segments = lf.Circuit(CONFIG).segments(out=tmp_path / "s.parquet")
    lf.write_weights(segments, bluerecording.electrodes.to_electrodes(electrodes), tmp_path / "b.h5")
    assert lf.compare_weights(tmp_path / "a.h5", tmp_path / "b.h5", rtol=0)
    save_weights(weights, cols, population, tmp_path / "a.h5", electrodes)


def test_columns_in_another_order_are_refused(computed, electrodes, tmp_path):
    weights, _, cols, _, population = computed
    with pytest.raises(ValueError, match="cols: node ids do not ascend"):
        save_weights(weights.iloc[:, ::-1], cols[::-1], population, tmp_path / "a.h5", electrodes)
    assert not (tmp_path / "a.h5").exists()


def test_weights_go_straight_to_a_file(electrodes, tmp_path):
    bluerecording.compute_and_save_weights(CONFIG, electrodes[:2], tmp_path / "a.h5", sigma=[0.3])
    segments = lf.Circuit(CONFIG).segments(out=tmp_path / "s.parquet")
    found = lf.ElectrodesFile(tmp_path / "a.h5")
    (population,) = found.populations
    expected = lf.weights(segments, bluerecording.electrodes.to_electrodes(electrodes[:2]), conductivity=0.3)
    np.testing.assert_array_equal(found[population].get(), expected)
    assert found[population].setting(found.electrode_names[0], "conductivity_S_per_m") == 0.3


def test_labels_of_weights_are_those_of_the_segments(tmp_path, computed, electrodes):
    weights, _, cols, _, population = computed
    out = tmp_path / "w.h5"
    contacts = electrodes

    def save(weights, cols):
        bluerecording.save_weights(weights, cols, population, out, contacts)

    order = np.argsort(-weights.columns.get_level_values(1), kind="stable")
    with pytest.raises(ValueError, match=r"weights: columns of other segments than `cols`, expected \(\d+, \d+\) at column"):
        save(weights.iloc[:, order], cols)
    swapped = cols.copy()
    last_of_first = int(np.flatnonzero(np.diff(cols[:, 0]))[0])
    swapped[[0, last_of_first]] = swapped[[last_of_first, 0]]
    for data in (weights.to_numpy(), weights.iloc[:, [last_of_first, *range(1, last_of_first), 0, *range(last_of_first + 1, len(cols))]]):
        with pytest.raises(ValueError, match=r"cols: section ids of node \d+ do not ascend"):
            save(data, swapped)
    with pytest.raises(ValueError, match="weights: expected one column for each of the"):
        save(weights.iloc[:, 1:], cols)
    with pytest.raises(ValueError, match="cols: expected integers of shape"):
        save(weights, cols.astype(float))
    assert not out.exists()
    save(weights, cols)
    np.testing.assert_array_equal(lf.ElectrodesFile(out)[population].get(), weights.to_numpy().T)


def test_contacts_may_be_a_file(tmp_path, computed, electrodes):
    path = tmp_path / "e.json"
    bluerecording.electrodes.to_electrodes(electrodes).to_json(path)
    weights = compute_weights(CONFIG, str(path))[0]
    pd.testing.assert_frame_equal(weights, computed[0])


def test_kept_axons_have_more_segments(electrodes):
    with pytest.warns(lf.LeadfieldWarning):
        kept = compute_weights(CONFIG, electrodes, replace_axons=False)
    assert kept[2].shape[0] != 3161
    assert set(np.unique(kept[3])) <= {0, 1, 2, 3}


def test_layer_and_region_reach_the_file(electrodes, tmp_path):
    contact = Electrode("c", [0.0, 50.0, 0.0], ElectrodeType.POINT_SOURCE, region="S1", layer="L1")
    (converted,) = bluerecording.electrodes.to_electrodes([contact])
    assert (converted["region"], converted["layer"], converted["type"]) == ("S1", "L1", "PointSource")


def test_types_have_the_names_of_bluerecording():
    assert {kind.value for kind in ElectrodeType} <= set(lf.METHODS)


def test_comparisons_say_what_differs():
    reference = GOLDEN / "reference"
    found = bluerecording.compare_weights(reference / "np8.h5", reference / "np8.h5")
    assert found and "agree" in str(found)
    found = bluerecording.compare_weights(str(reference / "recip.h5"), str(reference / "recip_2ranks.h5"))
    assert not found and "differ" in str(found)


def test_a_contact_without_a_name_is_refused():
    with pytest.raises(ValueError, match="expected a name and a position"):
        compute_weights(CONFIG, [Electrode(position=[0, 0, 0])])


# ------------------------------------------------------------------------------------------------------------ electrodes


def test_a_type_is_a_text():
    kind = ElectrodeType("ObjectiveCSD_Disk")
    assert kind == "ObjectiveCSD_Disk" and "ObjectiveCSD" in kind and kind.startswith("ObjectiveCSD")
    assert str(kind) == f"{kind}" == "ObjectiveCSD_Disk" and {kind: 1}["ObjectiveCSD_Disk"] == 1
    assert json.dumps([kind]) == '["ObjectiveCSD_Disk"]'


def test_sizes_of_regions_reach_the_contacts():
    contacts = [
        Electrode("s", [0, 0, 0], ObjectiveCSDParams(ElectrodeType.OBJECTIVE_CSD_SPHERE, radius=12.0)),
        Electrode("d", [0, 0, 0], ObjectiveCSDParams("ObjectiveCSD_Disk", radius=100.0, thickness=20.0)),
        Electrode("p", [0, 9, 0], ObjectiveCSDParams(ElectrodeType.OBJECTIVE_CSD_PLANE)),
    ]
    sphere, disk, plane = bluerecording.electrodes.to_electrodes(contacts)
    assert (sphere["type"], sphere["radius"]) == ("ObjectiveCSD_Sphere", 12.0) and "thickness" not in sphere
    assert (disk["type"], disk["radius"], disk["thickness"]) == ("ObjectiveCSD_Disk", 100.0, 20.0)
    assert plane["type"] == "ObjectiveCSD_Plane" and not {"radius", "thickness"} & set(plane)
    with pytest.raises(lf.InputError, match="`ObjectiveCSD_Plane` takes no `radius`"):
        bluerecording.electrodes.to_electrodes([Electrode("p", [0, 0, 0], ObjectiveCSDParams("ObjectiveCSD_Plane", 5.0))])


def test_contacts_go_to_json_and_back(tmp_path):
    path = tmp_path / "e.json"
    path.write_text("an older file")
    disk = ObjectiveCSDParams(ElectrodeType.OBJECTIVE_CSD_DISK, radius=100.0)
    contacts = [Electrode("a", np.array([1.0, 2.0, 3.0]), ElectrodeType.POINT_SOURCE, "S1", "L2"), Electrode("b", [4, 5, 6], disk)]
    assert Electrode.to_json(contacts, str(path)) is None
    assert lf.Electrodes.from_json(path) == bluerecording.electrodes.to_electrodes(contacts)
    a, b = Electrode.from_json(path)
    assert (a.name, a.position.tolist(), a.type, a.region, a.layer) == ("a", [1.0, 2.0, 3.0], "PointSource", "S1", "L2")
    assert isinstance(a.type, ElectrodeType) and a.position.dtype == np.float64
    assert (b.name, b.position.tolist(), b.type, b.region, b.layer) == ("b", [4.0, 5.0, 6.0], disk, "NA", "NA")


def test_json_of_0_7_is_read(tmp_path):
    """Its ``to_json`` writes both sizes of every region, null where there is none."""
    path = tmp_path / "e.json"
    path.write_text(
        """[{"name": "a", "x": 1.0, "y": 2.0, "z": 3.0, "type": "LineSource", "region": "NA", "layer": "NA"},
        {"name": "b", "x": 1.0, "y": 2.0, "z": 3.0, "type": "ObjectiveCSD_Sphere", "region": "NA", "layer": "NA",
         "radius": 12.0, "thickness": null},
        {"name": "c", "x": 1.0, "y": 2.0, "z": 3.0, "type": "ObjectiveCSD_Plane", "region": "NA", "layer": "NA"}]"""
    )
    a, b, c = Electrode.from_json(path)
    assert a.type == "LineSource" and b.type == ObjectiveCSDParams(ElectrodeType.OBJECTIVE_CSD_SPHERE, 12.0, None)
    assert c.type == ObjectiveCSDParams(ElectrodeType.OBJECTIVE_CSD_PLANE)


@pytest.mark.parametrize(
    ("contact", "message"),
    [
        ({"conductivity": 0.3}, "contact `a`: conductivity: no setting of an Electrode, use lf.Electrodes.from_json"),
        ({"type": "InfiniteDipole"}, "contact `a`: type: unknown, expected one of `LineSource`, .* found `InfiniteDipole`"),
        ({"type": "LineSource", "radius": 3}, "`LineSource` takes no `radius`"),
    ],
)
def test_what_an_electrode_cannot_have_is_refused(tmp_path, contact, message):
    path = tmp_path / "e.json"
    path.write_text(json.dumps([{"name": "a", "x": 1, "y": 2, "z": 3, **contact}]))
    with pytest.raises(ValueError, match=message):
        Electrode.from_json(path)


@pytest.mark.parametrize(
    ("electrodes", "error", "message"),
    [
        ([3], TypeError, "electrodes: expected Electrode, found int"),
        (Electrode("a", [0, 0, 0]), TypeError, "electrodes: expected a path, a sequence or a mapping of Electrode, found Electrode"),
        (None, TypeError, "electrodes: expected a path, .* found NoneType|found None"),
        ([Electrode("a", [0, 0])], ValueError, "contact `a`: position: expected 3 numbers"),
        ([Electrode("a", [0, 0, 0], "Line")], ValueError, "contact `a`: type: unknown, expected one of `LineSource`"),
        ([], lf.InputError, "no contacts"),
    ],
)
def test_what_are_no_contacts_is_refused(electrodes, error, message):
    with pytest.raises(error, match=message):
        bluerecording.electrodes.to_electrodes(electrodes)


# ------------------------------------------------------------------------------------------------------------- settings


def test_conductivities_are_of_all_contacts_or_of_the_analytic_ones():
    contacts = [
        Electrode("a", [40, 0, 0]),
        Electrode("s", [0, 0, 0], ObjectiveCSDParams("ObjectiveCSD_Sphere", radius=500.0)),
        Electrode("b", [0, 0, 40], ElectrodeType.POINT_SOURCE),
    ]
    # a weight is inversely proportional to the conductivity
    one = compute_weights(CONFIG, contacts, sigma=1.0)[0].to_numpy()
    assert one[1].sum() > 0
    expected = one / [[0.5], [1.0], [0.25]]
    for sigma in ([0.5, 9.0, 0.25], np.array([0.5, 9.0, 0.25]), [0.5, 0.25]):
        np.testing.assert_allclose(compute_weights(CONFIG, contacts, sigma=sigma)[0].to_numpy(), expected, rtol=1e-14)
    np.testing.assert_array_equal(compute_weights(CONFIG, contacts, sigma=[1.0])[0].to_numpy(), one)
    with pytest.raises(ValueError, match=r"sigma: wrong number, expected one, 3 \(for each contact\) or 2 .*, found 4"):
        compute_weights(CONFIG, contacts, sigma=[1.0] * 4)
    with pytest.raises(TypeError, match="sigma: expected a number, found str"):
        compute_weights(CONFIG, contacts, sigma="0.3")


def test_a_lead_field_may_be_one_path(tmp_path):
    field = GOLDEN / "input" / "electrodes" / "field_far.h5"
    contacts = [Electrode(name, [0, 0, 0], ElectrodeType.RECIPROCITY) for name in "ab"]
    one, several = (compute_weights(CONFIG, contacts, path_to_fields=given)[0] for given in (str(field), [field, field]))
    pd.testing.assert_frame_equal(one, several)


def _shanks():
    """Two shanks of planes in different directions, and one of disks."""
    planes = [Electrode(f"a{i}", [0.0, -300.0 + 100.0 * i, 10.0], ElectrodeType.OBJECTIVE_CSD_PLANE) for i in range(4)]
    tilted = [Electrode(f"b{i}", [50.0 + 40.0 * i, -300.0 + 60.0 * i, 10.0], ElectrodeType.OBJECTIVE_CSD_PLANE) for i in range(4)]
    disks = [Electrode(f"c{i}", [0.0, 80.0 * i, 0.0], ObjectiveCSDParams("ObjectiveCSD_Disk", radius=200.0)) for i in range(3)]
    return planes, tilted, disks


def test_arrays_of_contacts_are_computed_apart():
    shanks = _shanks()
    spheres = [Electrode("s", [0, 0, 0], ObjectiveCSDParams("ObjectiveCSD_Sphere", radius=90.0))]
    contacts = [Electrode("line", [40, 0, 0]), *shanks[0], *shanks[1], *shanks[2], *spheres]
    found = compute_weights(CONFIG, contacts, objective_csd_array_indices=["1:5", "5:9", "9:12", "12:13"])[0].to_numpy()
    apart = [compute_weights(CONFIG, shank)[0].to_numpy() for shank in ([contacts[0]], *shanks, spheres)]
    np.testing.assert_array_equal(found, np.concatenate(apart))
    with pytest.warns(lf.LeadfieldWarning, match="axis"):
        together = compute_weights(CONFIG, contacts)[0].to_numpy()
    assert np.any(together[1:9] != found[1:9])


def test_a_contact_keeps_the_array_of_its_file(tmp_path):
    planes, tilted, _ = _shanks()
    own = bluerecording.electrodes.to_electrodes([*planes, *tilted])
    named = lf.Electrodes([{**contact, "array": contact["name"][0]} for contact in own])
    found = compute_weights(CONFIG, named, objective_csd_array_indices=["0:2", "2:8"])[0].to_numpy()
    np.testing.assert_array_equal(found, compute_weights(CONFIG, named)[0].to_numpy())


@pytest.mark.parametrize(
    ("ranges", "message"),
    [
        (["0:4", "4:9"], "array outside the contacts, expected an end of at most 8, found `4:9`"),
        (["0:5", "4:8"], "expected each contact in one array, found `b0` in two"),
        (["0:4"], "expected each disk and plane in an array, found `b0` in none"),
        (["3"], "wrong array, expected `first:end` with first below end, found `3`"),
        (["4:0"], "wrong array, .* found `4:0`"),
        (["-1:4"], "wrong array, .* found `-1:4`"),
        (["0:4:2"], "wrong array, .* found `0:4:2`"),
    ],
)
def test_arrays_that_are_none_are_refused(ranges, message):
    planes, tilted, _ = _shanks()
    with pytest.raises(ValueError, match=f"objective_csd_array_indices: {message}"):
        compute_weights(CONFIG, [*planes, *tilted], objective_csd_array_indices=ranges)


def test_arrays_without_contacts_and_ranges_that_are_no_texts_are_refused():
    with pytest.raises(ValueError, match="expected contacts of ObjectiveCSD types in each array, found none in `0:1`"):
        compute_weights(CONFIG, [Electrode("a", [0, 0, 0])], objective_csd_array_indices=["0:1"])
    with pytest.raises(TypeError, match="objective_csd_array_indices: expected str, found int"):
        compute_weights(CONFIG, _shanks()[0], objective_csd_array_indices=[3])


def test_a_batch_of_cells_changes_nothing(electrodes, computed):
    pd.testing.assert_frame_equal(compute_weights(CONFIG, electrodes, cells_per_batch=3)[0], computed[0])
    for wrong, error in ((0, ValueError), ("3", TypeError)):
        with pytest.raises(error, match="cells_per_batch: "):
            compute_weights(CONFIG, electrodes, cells_per_batch=wrong)
        with pytest.raises(error, match="cells_per_batch: "):
            compute_and_save_weights(CONFIG, [ComputeWeightsTask(electrodes, "none.h5")], True, wrong)


# ---------------------------------------------------------------------------------------------------------------- tasks


def test_each_task_writes_its_file(electrodes, tmp_path):
    a, b = tmp_path / "a.h5", tmp_path / "b.h5"
    tasks = [ComputeWeightsTask(electrodes[:3], str(a)), ComputeWeightsTask(electrodes[3:5], str(b), sigma=[0.3, 0.6])]
    assert compute_and_save_weights(CONFIG, tasks) is None
    for path, contacts, sigma in ((a, electrodes[:3], None), (b, electrodes[3:5], [0.3, 0.6])):
        expected, _, _, _, population = compute_weights(CONFIG, contacts, sigma=sigma)
        np.testing.assert_array_equal(lf.ElectrodesFile(path)[population].get(), expected.to_numpy().T)
    b.unlink()
    compute_and_save_weights(path_to_config=CONFIG, tasks=tasks[1], replace_axons=True, cells_per_batch=None)
    assert lf.ElectrodesFile(b).electrode_names == [contact.name for contact in electrodes[3:5]]


def test_tasks_have_arrays_fields_and_kept_axons(tmp_path):
    planes, tilted, _ = _shanks()
    out = tmp_path / "a.h5"
    task = ComputeWeightsTask([*planes, *tilted], out, objective_csd_array_indices=["0:4", "4:8"])
    with pytest.warns(lf.LeadfieldWarning):
        compute_and_save_weights(CONFIG, [task], replace_axons=False)
        expected = compute_weights(CONFIG, task.electrodes, False, objective_csd_array_indices=["0:4", "4:8"])
    np.testing.assert_array_equal(lf.ElectrodesFile(out)[expected[4]].get(), expected[0].to_numpy().T)
    field = GOLDEN / "input" / "electrodes" / "field_far.h5"
    compute_and_save_weights(CONFIG, ComputeWeightsTask([Electrode("r", [0, 0, 0], "Reciprocity")], out, path_to_fields=[str(field)]))
    assert lf.ElectrodesFile(out).types == ["Reciprocity"]


@pytest.mark.parametrize("form", ["positions", "names", "both", "all"])
def test_one_file_needs_no_task(electrodes, tmp_path, form):
    out, expected = tmp_path / "a.h5", tmp_path / "b.h5"
    contacts = electrodes[:2]
    if form == "positions":
        compute_and_save_weights(CONFIG, contacts, out)
    elif form == "names":
        compute_and_save_weights(path_to_config=CONFIG, electrodes=contacts, outputfile=out, replace_axons=True, sigma=0.277)
    elif form == "both":
        compute_and_save_weights(CONFIG, contacts, outputfile=str(out), path_to_fields=None)
    else:
        compute_and_save_weights(CONFIG, contacts, out, True, [0.277, 0.277], None)
    compute_and_save_weights(CONFIG, [ComputeWeightsTask(contacts, expected)])
    assert lf.compare_weights(out, expected, rtol=0)


def test_tasks_are_checked_before_the_first_file(electrodes, tmp_path):
    out = tmp_path / "a.h5"
    good = ComputeWeightsTask(electrodes, out)
    for tasks, error, message in (
        ([], ValueError, "tasks: empty"),
        ([good, electrodes[0]], TypeError, "missing 1 required positional argument: 'outputfile'"),
        ([good, good], ValueError, "tasks: expected another output for each"),
        ([good, ComputeWeightsTask(electrodes, 3)], TypeError, "output: expected a path"),
        ([good, ComputeWeightsTask([], "b.h5")], ValueError, "no contacts"),
        ([good, ComputeWeightsTask(electrodes, "b.h5", sigma=[1, 2, 3])], ValueError, "sigma: wrong number"),
        ([good, ComputeWeightsTask(electrodes, "b.h5", with_neurite_type="no")], TypeError, "with_neurite_type: expected True"),
    ):
        with pytest.raises(error, match=message):
            compute_and_save_weights(CONFIG, tasks)
    with pytest.raises(TypeError, match="tasks: expected ComputeWeightsTask, found Electrode"):
        compute_and_save_weights(CONFIG, tasks=[good, electrodes[0]])
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'tasks'"):
        compute_and_save_weights(CONFIG)
    with pytest.raises(TypeError, match="replace_axons: expected True or False, found str"):
        compute_and_save_weights(CONFIG, [good], "yes")
    assert not out.exists()


def test_neurite_types_of_a_task_are_a_warning(electrodes, tmp_path):
    out = tmp_path / "a.h5"
    with pytest.warns(lf.LeadfieldWarning, match="neurite types are not stored in electrodes files"):
        compute_and_save_weights(CONFIG, ComputeWeightsTask(electrodes[:1], out, with_neurite_type=True))
    assert lf.validate_electrodes_file(out).is_valid


# ----------------------------------------------------------------------------------------------------------------- files


def test_an_offset_is_subtracted_from_node_ids(computed, electrodes, tmp_path):
    weights, _, cols, _, population = computed
    shifted = cols + np.array([5, 0], dtype=np.uint64)
    moved = pd.DataFrame(weights.to_numpy(), columns=pd.MultiIndex.from_arrays(shifted.T))
    save_weights(moved, shifted, population, tmp_path / "a.h5", electrodes, gid_offset=5)
    save_weights(weights, cols.astype(np.int64), population, tmp_path / "b.h5", electrodes)
    assert lf.compare_weights(tmp_path / "a.h5", tmp_path / "b.h5", rtol=0)
    with pytest.raises(ValueError, match=r"cols: out of range, expected node ids of at least gid_offset \(6\), found 5"):
        save_weights(moved, shifted, population, tmp_path / "c.h5", electrodes, gid_offset=6)
    with pytest.raises(ValueError, match="gid_offset: out of range"):
        save_weights(weights, cols, population, tmp_path / "c.h5", electrodes, gid_offset=-1)
    with pytest.raises(ValueError, match="cols: out of range, expected 0 or more, found -1"):
        save_weights(weights, cols.astype(np.int64) - 1, population, tmp_path / "c.h5", electrodes)
    assert not (tmp_path / "c.h5").exists()


def test_large_node_ids_keep_all_digits(electrodes, tmp_path):
    large = 2**63 + 1
    cols = np.array([[7, 0], [large, 0], [large, 1]], dtype=np.uint64)
    save_weights(np.ones((len(electrodes), 3)), cols, "p", tmp_path / "a.h5", electrodes)
    assert lf.ElectrodesFile(tmp_path / "a.h5")["p"].node_ids.tolist() == [7, large]


def test_no_weights_are_an_error(computed, electrodes, tmp_path):
    with pytest.raises(ValueError, match="weights: expected those of `compute_weights`, found None"):
        save_weights(None, computed[2], computed[4], tmp_path / "a.h5", electrodes)
    assert not (tmp_path / "a.h5").exists()


def test_a_comparison_is_a_pair():
    reference = GOLDEN / "reference"
    agrees, text = compare_weights(str(reference / "np8.h5"), str(reference / "np8.h5"))
    assert agrees is True and text.startswith("agree: ")
    found = compare_weights(reference / "recip.h5", reference / "recip_2ranks.h5")
    agrees, text = found
    assert agrees is False and text == str(found) and text.startswith("differ: ")
    assert not found and len(found) == 2 and (found[0], found[1]) == (False, text) and isinstance(found, lf.Comparison)


def test_a_comparison_may_be_of_one_population(tmp_path):
    a, b = tmp_path / "a.h5", tmp_path / "b.h5"
    contacts = [Electrode("e", [0, 0, 0])]
    for path, value in ((a, 1.0), (b, 2.0)):
        save_weights(np.full((1, 1), value), np.array([[0, 0]]), "q", path, contacts)
    assert compare_weights(a, a, population_name="q") and not compare_weights(a, b, population_name="q")
    assert compare_weights(a, b, 1.0, 0.0, "q")
    with pytest.raises(lf.InputError, match="unknown population `none`, expected one of `q`"):
        compare_weights(a, b, population_name="none")
    with pytest.raises(TypeError, match="population_name: expected str, found int"):
        compare_weights(a, b, population_name=3)
    for arguments, name in (((3, b), "reference"), ((a, 3), "target")):
        with pytest.raises(TypeError, match=f"^{name}: expected a path"):
            compare_weights(*arguments)
    with lf.ElectrodesFile(a) as file:
        assert compare_weights(file, file)


def test_only_electrodes_files_are_replaced(electrodes, computed, tmp_path):
    weights, _, cols, _, population = computed
    circuit = shutil.copytree(CONFIG.parent, tmp_path / "circuit")
    (nodes,) = circuit.glob("**/nodes.h5")
    contacts = tmp_path / "e.json"
    contacts.write_text("{}")
    for path in (nodes, contacts):
        before = path.read_bytes()
        message = f"{path}: exists already, and is no electrodes file"
        with pytest.raises(lf.OutputExistsError) as refused:
            compute_and_save_weights(circuit / CONFIG.name, ComputeWeightsTask(electrodes, path))
        assert str(refused.value).startswith(message)
        with pytest.raises(lf.OutputExistsError) as refused:
            save_weights(weights, cols, population, path, electrodes)
        assert str(refused.value).startswith(message)
        assert path.read_bytes() == before
    for _ in range(2):
        save_weights(weights, cols, population, tmp_path / "w.h5", electrodes)


def test_conductivities_of_contacts_that_need_none_have_no_effect(tmp_path):
    sphere = [Electrode("s", np.zeros(3), ElectrodeType.OBJECTIVE_CSD_SPHERE)]
    one, none = (compute_weights(CONFIG, sphere, sigma=sigma)[0] for sigma in ([0.3], None))
    np.testing.assert_array_equal(one, none)


def test_tasks_may_come_from_a_generator(electrodes, tmp_path):
    outputs = [tmp_path / "a.h5", tmp_path / "b.h5"]
    compute_and_save_weights(CONFIG, (ComputeWeightsTask(electrodes, out) for out in outputs))
    assert outputs[0].read_bytes() == outputs[1].read_bytes()


def test_rows_of_weights_are_in_the_order_of_contacts(electrodes, computed, tmp_path):
    weights, _, cols, _, population = computed
    with pytest.raises(ValueError, match="weights: rows are not in the order of the contacts"):
        save_weights(weights.iloc[::-1], cols, population, tmp_path / "w.h5", electrodes)


@pytest.mark.parametrize("wrong", [{"sigma": [-1.0]}, {"sigma": 0.0}, {"sigma": np.nan}, {"path_to_fields": ["nope.h5"]}])
def test_all_tasks_are_checked_before_the_first_file_is_written(electrodes, tmp_path, wrong):
    tasks = [ComputeWeightsTask(electrodes[:1], tmp_path / "a.h5"), ComputeWeightsTask(electrodes[:1], tmp_path / "b.h5", **wrong)]
    with pytest.raises((ValueError, FileNotFoundError)):
        compute_and_save_weights(CONFIG, tasks)
    assert list(tmp_path.iterdir()) == []
