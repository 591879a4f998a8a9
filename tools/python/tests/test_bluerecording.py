"""``leadfield.bluerecording``: the calls of the platform, against golden outputs."""

from __future__ import annotations

import h5py
import numpy as np
import pandas as pd
import pytest

import leadfield as lf
from conftest import GOLDEN
from leadfield import bluerecording
from leadfield.bluerecording import Electrode, ElectrodeType, compute_weights, save_weights

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
    assert positions_df.shape == (3, 4082)
    out = tmp_path / "weights.h5"
    save_weights(
        weights=weights,
        cols=cols,
        population_name=population_name,
        outputfile=str(out),
        electrodes=electrodes,
        neurite_types=neurite_types,
    )
    assert lf.ElectrodesFile(out).electrode_names == ["electrode_0", "electrode_1"]
    assert lf.validate_electrodes_file(out).is_valid


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
