"""Contacts: formats, probes, placement."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import probeinterface
import pytest

import leadfield as lf
from conftest import GOLDEN

CSV = "name,x,y,z,layer,region,type,conductivity\na,1,2,3,L1,S1,PointSource,0.4\nb,4,5,6,,,,\n"


@pytest.fixture
def csv(tmp_path):
    path = tmp_path / "e.csv"
    path.write_text(CSV)
    return path


def test_csv_is_read_in_file_order(csv):
    e = lf.Electrodes.from_csv(csv)
    assert (e.names, e.types, len(e)) == (["a", "b"], ["PointSource", "LineSource"], 2)
    np.testing.assert_array_equal(e.positions, [[1, 2, 3], [4, 5, 6]])
    first, second = e
    assert (first["layer"], first["region"], first["conductivity"]) == ("L1", "S1", 0.4)
    assert "conductivity" not in second


def test_json_is_a_file_or_a_list(csv, tmp_path):
    e = lf.Electrodes.from_csv(csv)
    assert e.to_json(tmp_path / "e.json") == (tmp_path / "e.json").read_text()
    assert lf.Electrodes.from_json(tmp_path / "e.json") == e
    assert lf.Electrodes.from_json(json.loads(e.to_json())) == e
    assert lf.Electrodes.from_json(str(tmp_path / "e.json")) == lf.Electrodes(list(e))


def test_csv_is_written_back(csv, tmp_path):
    e = lf.Electrodes.from_csv(csv)
    e.to_csv(tmp_path / "again.csv")
    assert lf.Electrodes.from_csv(tmp_path / "again.csv") == e
    with pytest.raises(FileExistsError):
        e.to_csv(tmp_path / "again.csv")


def test_bmtk_is_read(tmp_path):
    (tmp_path / "e.txt").write_text("channel x_pos y_pos z_pos\n0 -10.0 2e1 30\n")
    np.testing.assert_array_equal(lf.Electrodes.from_bmtk(tmp_path / "e.txt").positions, [[-10, 20, 30]])


def test_probeinterface_is_read_from_object_and_file(tmp_path):
    probe = probeinterface.generate_linear_probe(num_elec=4, ypitch=25.0)
    probe.set_contact_ids([f"c{i}" for i in range(4)])
    group = probeinterface.ProbeGroup()
    group.add_probe(probe)
    probeinterface.write_probeinterface(tmp_path / "p.json", group)
    expected = np.column_stack([probe.contact_positions, np.zeros(4)])
    for source in (probe, group, tmp_path / "p.json"):
        e = lf.Electrodes.from_probeinterface(source)
        assert e.names == ["c0", "c1", "c2", "c3"]
        np.testing.assert_allclose(e.positions, expected)


def test_probeinterface_contacts_become_discs():
    probe = probeinterface.generate_linear_probe(num_elec=2, contact_shape_params={"radius": 7.0})
    assert [contact["disc_radius"] for contact in lf.Electrodes.from_probeinterface(probe, discs=True)] == [7.0, 7.0]


def test_probeinterface_is_written_with_a_warning_of_what_is_lost():
    e = lf.linear(3, pitch=20.0, type="PointSource")
    with pytest.warns(lf.LeadfieldWarning) as caught:
        group = e.to_probeinterface()
    texts = [str(warning.message) for warning in caught]
    assert "type lost of 3 contacts" in texts and any("shape of 3 contacts unknown" in text for text in texts)
    np.testing.assert_allclose(group.probes[0].contact_positions, e.positions)


def test_a_line_starts_at_its_tip():
    e = lf.linear(3, pitch=50.0, at=(1, 2, 3), direction=(0, 0, 2))
    np.testing.assert_allclose(e.positions, [[1, 2, 3], [1, 2, 53], [1, 2, 103]], atol=1e-12)


def test_a_line_is_anchored_at_its_center():
    e = lf.linear(3, pitch=50.0, at=(1, 2, 3), anchor="center")
    np.testing.assert_allclose(e.positions, [[1, -48, 3], [1, 2, 3], [1, 52, 3]])


def test_a_grid_counts_row_by_row():
    e = lf.grid(2, 3, (10.0, 20.0), anchor="origin")
    np.testing.assert_allclose(e.positions[:, :2], [[-5, 0], [5, 0], [-5, 20], [5, 20], [-5, 40], [5, 40]])
    assert e.names == [str(i) for i in range(6)]


def test_a_roll_turns_a_grid_about_its_shank():
    e = lf.grid(2, 1, 10.0, anchor="origin", roll=90.0)
    np.testing.assert_allclose(e.positions, [[0, 0, 5], [0, 0, -5]], atol=1e-12)


def test_neuropixels_sites_have_their_numbers_and_pitches():
    e = lf.neuropixels(contacts=8, first_site=4, anchor="origin")
    assert e.names == [str(i) for i in range(4, 12)]
    # Jun et al. 2017: two sites a row, 32 µm apart, rows 20 µm apart
    x, y = e.positions[:, 0], e.positions[:, 1]
    np.testing.assert_allclose(np.diff(x)[::2], 32)
    np.testing.assert_allclose(y, np.repeat([40, 60, 80, 100], 2))


def test_moved_and_rotated_leave_the_original_alone():
    e = lf.linear(2, pitch=10.0)
    moved = e.moved((1, 2, 3))
    np.testing.assert_allclose(moved.positions - e.positions, [[1, 2, 3]] * 2)
    turn = [[0, -1, 0], [1, 0, 0], [0, 0, 1]]
    np.testing.assert_allclose(e.rotated(turn).positions, [[0, 0, 0], [-10, 0, 0]], atol=1e-12)
    np.testing.assert_allclose(e.rotated(turn, about=(0, 10, 0)).positions, [[10, 10, 0], [0, 10, 0]], atol=1e-12)
    np.testing.assert_allclose(e.positions, [[0, 0, 0], [0, 10, 0]])


def test_a_rotation_turns_discs_too():
    e = lf.linear(1, pitch=1.0, disc_radius=5, disc_normal=[1, 0, 0])
    (contact,) = e.rotated([[0, -1, 0], [1, 0, 0], [0, 0, 1]])
    np.testing.assert_allclose(contact["disc_normal"], [0, 1, 0], atol=1e-12)
    (contact,) = e.placed(at=(0, 0, 0), direction=(1, 0, 0))
    np.testing.assert_allclose(contact["disc_normal"], [0, -1, 0], atol=1e-12)


def test_a_rotation_turns_coils_too():
    settings = {"head_center": [0, -76500, 0], "coil_normal": [1, 0, 0]}
    e = lf.Electrodes([{"name": "m", "x": 0, "y": 32000, "z": 0, "type": "MEG", **settings}])
    turn = [[0, -1, 0], [1, 0, 0], [0, 0, 1]]
    for turned in (e.rotated(turn), e.placed(at=(0, 0, 0), direction=(-1, 0, 0))):
        (contact,) = turned
        np.testing.assert_allclose(contact["coil_normal"], [0, 1, 0], atol=1e-12)
        assert contact["head_center"] == [0, -76500, 0]  # the head stays where it is


def test_a_rotation_that_is_none_is_refused():
    with pytest.raises(ValueError, match="matrix: expected a rotation"):
        lf.linear(1, pitch=1.0).rotated(2 * np.eye(3))


def test_contacts_are_chosen_by_number_slice_and_name():
    e = lf.linear(5, pitch=10.0, prefix="c")
    assert e[1:3].names == ["c1", "c2"]
    assert e["c4"].names == ["c4"]
    assert e[[3, 0]].names == ["c3", "c0"]
    assert e[["c2", "c1"]].names == ["c2", "c1"]
    assert (e[:2] + e[3]).names == ["c0", "c1", "c3"]


def test_settings_apply_to_all():
    e = lf.linear(2, pitch=10.0).with_settings(type="PointSource", conductivity=[0.3, 0.3, 0.2])
    assert e.types == ["PointSource"] * 2
    assert [contact["conductivity"] for contact in e] == [[0.3, 0.3, 0.2]] * 2


def test_numpy_numbers_are_numbers():
    e = lf.Electrodes([{"name": "a", "x": np.float32(1.5), "y": np.int64(2), "z": np.float64(3)}])
    np.testing.assert_array_equal(e.positions, [[1.5, 2, 3]])


@pytest.mark.parametrize("name", ["e6", "np384", "np8", "recip", "named"])
def test_golden_files_are_read(name):
    path = GOLDEN / "input" / "electrodes" / f"{name}.csv"
    e = lf.Electrodes.from_csv(path)
    lines = path.read_text().strip().splitlines()[1:]
    assert e.names == [line.split(",")[0] for line in lines]


@pytest.mark.parametrize(
    ("contacts", "message"),
    [
        ([], "no"),
        ([{"name": "a", "x": 1, "y": 2}], "`z`"),
        ([{"name": "a", "x": 1, "y": 2, "z": "up"}], "wrong `z`, expected a number"),
        ([{"name": "a", "x": 1, "y": 2, "z": 3}] * 2, "`a`"),
        ([{"name": "a", "x": 1, "y": 2, "z": 3, "type": "Point"}], "Point"),
        ([{"name": "a/b", "x": 1, "y": 2, "z": 3}], "a/b"),
        ([{"name": "a", "x": 1, "y": 2, "z": 3, "type": "ObjectiveCSD_Sphere", "conductivity": 0.3}], "conductivity"),
    ],
)
def test_wrong_contacts_are_refused(contacts, message):
    with pytest.raises(lf.InputError, match=message):
        lf.Electrodes(contacts)


@pytest.mark.parametrize(
    "make",
    [
        lambda: lf.linear(0, pitch=10.0),
        lambda: lf.linear(3, pitch=-1.0),
        lambda: lf.linear(3, pitch=10.0, direction=(0, 0, 0)),
        lambda: lf.linear(3, pitch=10.0, anchor="tip"),
        lambda: lf.linear(3, pitch=10.0, at=(1, 2)),
        lambda: lf.neuropixels(contacts=385),
        lambda: lf.Electrodes.from_positions([[1, 2]]),
        lambda: lf.Electrodes.from_positions([[1, 2, 3]], names=["a", "b"]),
    ],
)
def test_impossible_probes_are_refused(make):
    with pytest.raises(ValueError):
        make()


def test_the_line_of_a_fault_is_named(tmp_path):
    (tmp_path / "e.csv").write_text("name,x,y,z\na,1,2,3\nb,1,?,3\n")
    with pytest.raises(lf.InputError) as refused:
        lf.Electrodes.from_csv(tmp_path / "e.csv")
    assert (refused.value.item, refused.value.index) == ("line", 3)
    assert str(refused.value) == f"{tmp_path / 'e.csv'}: line[3]: wrong `y`, expected a number, found `?`"


def test_a_column_that_is_not_used_is_a_warning(tmp_path):
    (tmp_path / "e.csv").write_text("name,x,y,z,comment\na,1,2,3,hello\n")
    with pytest.warns(lf.LeadfieldWarning, match="comment"):
        assert lf.Electrodes.from_csv(tmp_path / "e.csv").names == ["a"]


def test_a_notebook_shows_a_picture():
    assert lf.linear(3, pitch=20.0)._repr_html_().startswith("<svg")


def test_a_data_frame_has_named_columns():
    frame = pd.DataFrame({"z": [3.0], "y": [2.0], "x": [1.0]})
    np.testing.assert_array_equal(lf.Electrodes.from_positions(frame).positions, [[1, 2, 3]])
    with pytest.raises(ValueError, match="positions: expected the columns x, y, z, found a, y, z"):
        lf.Electrodes.from_positions(pd.DataFrame({"a": [3.0], "y": [2.0], "z": [1.0]}))


def test_contacts_are_found_by_name():
    e = lf.linear(3, pitch=10.0)
    assert "1" in e and "3" not in e and 1 not in e


@pytest.mark.parametrize("name", [" lead", "trail ", "x\r"])
def test_blanks_that_csv_loses_are_refused(name):
    e = lf.Electrodes([{"name": name, "x": 0.0, "y": 0.0, "z": 0.0}])
    with pytest.raises(ValueError, match="begins or ends with a blank, which CSV loses: use `to_json`"):
        e.to_csv()
