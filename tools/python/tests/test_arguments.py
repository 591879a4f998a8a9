"""Arguments: each has an effect, or is an error that names it."""

from __future__ import annotations

import errno
import math
import os

import numpy as np
import polars as pl
import pytest

import leadfield as lf
from leadfield import _errors


# ------------------------------------------------------------------------------------------------------------- regions


@pytest.mark.parametrize(("kind", "count"), [("sphere", 4), ("box", 6), ("disk", 8), ("slab", 7), ("capsule", 7)])
def test_no_regions_find_no_segments(made, kind, count):
    query = made.segments.query(**{kind: np.zeros((0, count))})
    assert (query.count(), len(query.read()), query.node_ids().tolist()) == (0, 0, [])
    assert made.segments.query(**{kind: []}).count() == 0


def test_no_types_neurons_or_values_find_no_segments(made):
    for nothing in ({"section_type": []}, {"node_ids": []}, {"where": {"mtype": []}}):
        assert made.segments.query(**nothing).count() == 0, nothing


def test_no_point_and_no_contacts_are_errors(made):
    with pytest.raises(ValueError, match=r"nearest: malformed, expected x, y, z .* found \[\]"):
        made.segments.query(nearest=[])
    with pytest.raises(TypeError, match=r"electrodes: expected leadfield.Electrodes \(lf.Electrodes.from_csv\(path\)\), found list"):
        made.segments.query(electrodes=[], within=5.0)


# --------------------------------------------------------------------------------------------------------------- limit


def test_a_limit_holds_for_everything_that_a_query_returns(made):
    query = made.segments.query(limit=3)
    rows = query.read()
    assert len(rows) == query.count() == sum(query.count(by="section_type").values()) == 3
    assert query.node_ids().tolist() == sorted(set(rows["node_id"].tolist()))
    assert query.node_set("few")["few"]["node_id"] == query.node_ids().tolist()
    assert made.segments.query(nearest=(0, 0, 0, 7), limit=3).count() == 3
    assert made.segments.query(nearest=(0, 0, 0, 2), limit=3).count() == 2
    assert made.segments.query(limit=0).node_ids().tolist() == []


def test_a_count_by_nothing_is_an_error(made):
    with pytest.raises(ValueError, match="by: empty, expected at least one column"):
        made.segments.query().count(by=[])


def test_contacts_without_segments_are_counted(made):
    far = lf.Electrodes.from_positions([[9e4, 9e4, 9e4], made.segments.bounds[0]], names=["far", "corner"])
    query = made.segments.query(electrodes=far, within=1e4)
    counted = query.count(by="electrode")
    assert counted["far"] == 0 and counted["corner"] > 0 and list(counted) == ["corner", "far"]
    assert query.count(by=["electrode"]) == {("corner",): counted["corner"], ("far",): 0}


# ---------------------------------------------------------------------------------------------------------------- scan


@pytest.mark.parametrize("engine", ["in-memory", "streaming"])
def test_rows_before_a_filter_are_rows_of_the_table(made, engine):
    frame, is_right = made.segments.scan(), pl.col("x") > 0
    for n in (0, 1, 100, 1000):
        expected = frame.head(n).collect().filter(is_right)
        assert frame.head(n).filter(is_right).collect(engine=engine).equals(expected), n
        found = frame.head(n).filter(is_right).select(pl.len()).collect(engine=engine).item()
        assert found == len(expected), n
    assert 0 < len(frame.head(1000).collect().filter(is_right)) < 1000
    everything = frame.collect().filter(is_right)
    assert frame.filter(is_right).head(50).collect(engine=engine).equals(everything.head(50))


# ----------------------------------------------------------------------------------------------------------- node ids


@pytest.mark.parametrize("mask", [np.arange(24) == 3, [True, False], np.bool_(True), True])
def test_a_mask_is_no_list_of_node_ids(made, mask):
    population = lf.ElectrodesFile(made.weights)["neurons"]
    for call in (lambda: made.segments.query(node_ids=mask), lambda: population.get(node_ids=mask)):
        with pytest.raises(TypeError, match="node_ids: expected node ids, found booleans"):
            call()


@pytest.mark.parametrize(
    ("ids", "error", "message"),
    [
        ([3.9], ValueError, "node_ids: expected integers, found 3.9"),
        ([math.nan], ValueError, "node_ids: expected integers, found nan"),
        (-1, ValueError, "node_ids: out of range, expected 0 to 18446744073709551615, found -1"),
        (["3"], TypeError, "node_ids: expected integers, found <U1"),
        (None, None, ""),
        ([[1, 2]], ValueError, r"node_ids: wrong shape, expected \(n,\), found \(1, 2\)"),
        (np.ma.array([1, 2], mask=[0, 1]), ValueError, "node_ids: has masked values"),
        (2**64, ValueError, "node_ids: out of range"),
    ],
)
def test_what_is_no_node_id_is_refused(made, ids, error, message):
    population = lf.ElectrodesFile(made.weights)["neurons"]
    for call in (lambda: made.segments.query(node_ids=ids).count(), lambda: len(population.get(node_ids=ids))):
        if error is None:
            assert call() == len(made.segments)
        else:
            with pytest.raises(error, match=message):
                call()


def test_node_ids_may_come_from_anywhere(made):
    expected = made.segments.query(node_ids=[3, 1]).count()
    for ids in (np.array([3.0, 1.0]), (i for i in (3, 1)), {1, 3}, np.array([1, 3], dtype=object), np.uint8([3, 1])):
        assert made.segments.query(node_ids=ids).count() == expected


def test_a_mask_chooses_contacts():
    contacts = lf.linear(3, 10.0)
    assert contacts[[True, False, True]].names == contacts[np.array([True, False, True])].names == ["0", "2"]
    assert contacts[np.array([2, 0])].names == ["2", "0"] and contacts[np.int64(-1)].names == ["2"]
    with pytest.raises(IndexError, match="mask of another length, expected 3, found 2"):
        contacts[[True, False]]
    for wrong in (1.0, [1.5], True):
        with pytest.raises(TypeError):
            contacts[wrong]
    for beyond in (3, -4, [0, 3]):
        with pytest.raises(IndexError, match="no contact (3|-4), expected -3 to 2"):
            contacts[beyond]


# ------------------------------------------------------------------------------------------------------------- columns


def test_columns_may_be_any_iterable(made):
    query = made.segments.query(columns=(name for name in ["row", "mtype"]), limit=1)
    assert query.columns == query.read().columns == ["row", "mtype"]
    assert made.segments.query(columns="row").columns == ["row"]
    assert made.circuit.nodes(columns=(name for name in ["mtype"])).columns == ["node_id", "mtype"]


@pytest.mark.parametrize("value", [{"$regex": "5"}, b"5", None, True, [None], 1j])
def test_what_is_no_value_of_an_attribute_is_refused(made, value):
    with pytest.raises(TypeError, match=r"where\['layer'\]: expected"):
        made.segments.query(where={"layer": value})


def test_a_whole_number_is_the_same_value_whatever_its_type(made):
    expected = made.segments.query(where={"layer": "5"}).count()
    assert expected > 0
    for five in (5, 5.0, np.int64(5), np.float32(5), np.array(5)):
        assert made.segments.query(where={"layer": five}).count() == expected
    with pytest.raises(ValueError, match=r"where\['layer'\]: expected finite numbers, found nan"):
        made.segments.query(where={"layer": math.nan})
    with pytest.raises(TypeError, match="where: expected a mapping of attributes and values, found list"):
        made.segments.query(where=[1])


# --------------------------------------------------------------------------------------------- arguments that went lost


@pytest.mark.parametrize(
    "settings", [{"conductivity": 99.0}, {"near_field": "exact"}, {"fields": "f.h5"}, {"outside_field": "zero"}, {"field_current": 2.0}]
)
def test_weights_of_a_file_have_no_settings(made, settings):
    (name,) = settings
    with pytest.raises(ValueError, match=f"{name}: given with weights, which are those of the file, expected segments and"):
        lf.signals("report.h5", weights=made.weights, **settings)
    with pytest.raises(ValueError, match=f"{name}: given with online reports, expected segments and electrodes"):
        lf.signals("report.h5", **settings)


def test_a_wide_array_is_refused(tmp_path):
    circuit = lf.synthesize_circuit(tmp_path / "c", cells=3, with_currents=True, frames=3)
    segments, report = circuit.segments(out=tmp_path / "s.parquet"), tmp_path / "c" / "output" / "compartment.h5"
    with pytest.raises(lf.InputError, match=r"format `npy` has no columns, expected .* for `wide=True`"):
        lf.write_signals(report, tmp_path / "x.npy", segments=segments, electrodes=lf.linear(2, 10.0), wide=True)
    assert not (tmp_path / "x.npy").exists()


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        ("0.3", TypeError, "conductivity: expected a number, a tuple of three .* found str"),
        (None, TypeError, "conductivity: expected a number, found None"),
        ([], ValueError, "conductivity: empty, expected one number, or one for each contact"),
        ((), ValueError, "conductivity: expected 3 numbers .along x, y, z., found 0"),
        ((0.3, 0.4), ValueError, "conductivity: expected 3 numbers .along x, y, z., found 2"),
        (["0.3"], TypeError, "conductivity: expected a number, found str"),
        ({"a": 0.3}, TypeError, "conductivity: expected .* found dict"),
        (True, TypeError, "conductivity: expected a number, found bool"),
    ],
)
def test_what_is_no_conductivity_is_refused(made, value, error, message):
    with pytest.raises(error, match=message):
        lf.weights(made.segments, made.electrodes, conductivity=value)


def test_conductivities_may_be_of_numpy(made):
    few = made.electrodes[:2]
    one, along = lf.weights(made.segments, few, conductivity=0.3), lf.weights(made.segments, few, conductivity=(0.3, 0.4, 0.5))
    for given in (np.array(0.3), np.float64(0.3), [0.3, 0.3], np.array([0.3, 0.3])):
        np.testing.assert_array_equal(lf.weights(made.segments, few, conductivity=given), one)
    for given in ([(0.3, 0.4, 0.5)] * 2, np.array([[0.3, 0.4, 0.5]] * 2)):
        np.testing.assert_array_equal(lf.weights(made.segments, few, conductivity=given), along)


@pytest.mark.parametrize("shift", [5, "7", (1, 2), [[1, 2, 3]]])
def test_a_shift_has_three_numbers(shift):
    with pytest.raises((TypeError, ValueError), match="shift: expected (3 )?numbers"):
        lf.linear(2, 10.0).moved(shift)


def test_a_reflection_is_no_rotation():
    with pytest.raises(ValueError, match="matrix: expected a rotation, found a reflection"):
        lf.linear(2, 10.0).rotated(-np.eye(3))


@pytest.mark.parametrize("pitch", [np.float32(5), np.int64(5), np.array(5.0), (5, 5), np.array([5, 5])])
def test_a_pitch_may_be_of_numpy(pitch):
    np.testing.assert_array_equal(lf.grid(2, 2, pitch).positions, lf.grid(2, 2, 5.0).positions)


def test_a_pitch_has_one_number_or_two():
    with pytest.raises(ValueError, match="pitch: expected 2 numbers"):
        lf.grid(2, 2, (1, 2, 3))
    with pytest.raises(TypeError, match="pitch: expected a number, found str"):
        lf.linear(2, "10")


@pytest.mark.parametrize(
    ("values", "error"),
    [
        (np.ma.array([[0.0, 0, 0]], mask=[[1, 1, 1]]), ValueError),
        (np.array([[1 + 2j, 0, 0]]), TypeError),
        (np.array([["2020-01-01"] * 3], dtype="M8[D]"), TypeError),
        ([["0", "0", "0"]], TypeError),
        ([[None, 0, 0]], TypeError),
        ([[0, 0, 0], [1, 2]], ValueError),
    ],
)
def test_what_is_no_position_is_refused(made, values, error):
    for name, call in {
        "positions": lambda: lf.Electrodes.from_positions(values),
        "starts": lambda: lf.weights_of(values, [[1.0, 0, 0]], 0.5, made.electrodes),
        "ends": lambda: lf.weights_of([[1.0, 0, 0]], values, 0.5, made.electrodes),
        "sphere": lambda: made.segments.query(sphere=values),
    }.items():
        with pytest.raises(error, match=f"^{name}: "):
            call()


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_contact_that_is_nowhere_is_named_with_its_key(value):
    with pytest.raises(ValueError, match="contact `b`: y: expected a finite number, found (nan|inf)"):
        lf.Electrodes.from_positions([[0, 0, 0], [0, value, 0]], names=["a", "b"])
    disc = {"name": "d", "x": 0, "y": 0, "z": 0, "disc_radius": 5, "disc_normal": [0, 0, value]}
    with pytest.raises(ValueError, match="contact `d`: disc_normal: expected a finite number"):
        lf.Electrodes([disc])


def test_a_population_that_is_not_in_the_table_is_refused(made):
    assert len(lf.Segments(made.segments.path, population=made.population)) == len(made.segments)
    with pytest.raises(ValueError, match="population: not in this table, expected `neurons`, found `zz`"):
        lf.Segments(made.segments.path, population="zz")


def test_parts_have_segments_and_a_file_has_no_parts(made, tmp_path):
    with pytest.raises(ValueError, match="segments_per_part: out of range, expected 1 or more, found 0"):
        made.circuit.segments(out=tmp_path / "parts", segments_per_part=0)
    with pytest.raises(ValueError, match="segments_per_part: expected a folder of parts"):
        made.circuit.segments(out=tmp_path / "s.parquet", segments_per_part=100)


def test_no_tables_are_an_error_before_a_file_is_replaced(made, tmp_path):
    out = tmp_path / "w.h5"
    out.write_bytes(made.weights.read_bytes())
    with pytest.raises(ValueError, match="segments: empty"):
        lf.write_weights([], made.electrodes, out, overwrite=True)
    assert out.read_bytes() == made.weights.read_bytes()


# ---------------------------------------------------------------------------------------------- numbers out of range


@pytest.mark.parametrize("value", [math.nan, -1.0, math.inf])
@pytest.mark.parametrize("name", ["rtol", "atol"])
def test_a_tolerance_is_finite_and_not_negative(made, name, value):
    with pytest.raises(ValueError, match=f"{name}: out of range, expected a finite number of 0 or more"):
        lf.compare_weights(made.weights, made.weights, **{name: value})
    assert lf.compare_weights(made.weights, made.weights, **{name: np.float32(0)})


@pytest.mark.parametrize(
    "times",
    [{"dt": 0}, {"dt": -0.1}, {"dt": math.nan}, {"end_time": 0}, {"start_time": 5, "end_time": 4}, {"end_time": math.inf}, {"start_time": math.nan}],
)
def test_a_report_has_a_step_and_a_duration(made, times):
    with pytest.raises(ValueError, match="dt|start_time, end_time"):
        lf.ElectrodesFile(made.weights).report_block(**times)


def test_a_report_has_plain_numbers(made):
    block = lf.ElectrodesFile(made.weights).report_block(dt=np.float32(0.5), end_time=np.int64(100))["lfp"]
    assert (type(block["dt"]), type(block["end_time"])) == (float, float) and (block["dt"], block["end_time"]) == (0.5, 100.0)


def test_too_many_contacts_are_refused_at_once():
    for call in (lambda: lf.linear(10**12, 1.0), lambda: lf.grid(10**12, 1, 1.0), lambda: lf.grid(1000, 1000, 1.0)):
        with pytest.raises(ValueError, match="out of range"):
            call()
    for call in (lambda: lf.neuropixels(contacts=10**12), lambda: lf.linear(-1, 1.0), lambda: lf.linear(0, 1.0)):
        with pytest.raises(ValueError, match="out of range"):
            call()


# --------------------------------------------------------------------------------------------------------- wrong types


_WRONG = {
    "segments: expected leadfield.Segments": [
        lambda m: lf.weights("s.parquet", m.electrodes),
        lambda m: lf.write_weights("s.parquet", m.electrodes, "w.h5"),
        lambda m: lf.write_weights(["s.parquet"], m.electrodes, "w.h5"),
        lambda m: lf.signals("r.h5", segments="s.parquet", electrodes=m.electrodes),
        lambda m: lf.plot_weights("s.parquet", m.weights, "e0"),
        lambda m: lf.plot_probe(m.electrodes, "s.parquet"),
        lambda m: lf.compare_weights(m.weights, m.weights, segments="s.parquet"),
        lambda m: lf.validate_electrodes_file(m.weights, segments="s.parquet"),
    ],
    "electrodes: expected leadfield.Electrodes": [
        lambda m: lf.weights(m.segments, "e.csv"),
        lambda m: lf.weights_of([[0, 0, 0]], [[1, 0, 0]], 1.0, "e.csv"),
        lambda m: lf.write_weights(m.segments, "e.csv", "w.h5"),
        lambda m: lf.signals("r.h5", segments=m.segments, electrodes="e.csv"),
        lambda m: lf.plot_signals("r.h5", electrodes="e.csv"),
        lambda m: lf.plot_probe("e.csv"),
        lambda m: m.segments.query(electrodes="e.csv", within=1.0),
    ],
    "path: expected a path": [
        lambda m: lf.Segments(3),
        lambda m: lf.Circuit(None),
        lambda m: lf.ElectrodesFile(1.5),
        lambda m: lf.validate_electrodes_file(3),
    ],
    "a: expected a path": [lambda m: lf.compare_weights(3, m.weights), lambda m: lf.compare_weights(m.segments, m.weights)],
    "b: expected a path": [lambda m: lf.compare_weights(m.weights, None)],
    "circuit: expected a path": [
        lambda m: lf.signals("r.h5", weights=m.weights, circuit=m.segments),
        lambda m: m.segments.query(circuit=3),
        lambda m: m.segments.query(circuit=m.segments),
        lambda m: m.segments.query(circuit=lf.ElectrodesFile(m.weights)),
    ],
    "weights: expected a path": [
        lambda m: m.segments.query(weights=3, electrode="e0"),
        lambda m: m.segments.query(weights=m.circuit, electrode="e0"),
    ],
    "population: expected a name or a pair of names, found int": [lambda m: lf.compare_weights(m.weights, m.weights, population=3)],
    "population: expected str, found int": [lambda m: lf.compare_weights(m.weights, m.weights, population=(3, "a"))],
    "key: expected str, found int": [lambda m: lf.ElectrodesFile(m.weights)["neurons"].setting("e0", 3)],
    "column: expected str, found int": [lambda m: m.segments.query(limit=1).read()[3]],
    "discs: expected True or False": [lambda m: lf.Electrodes.from_probeinterface("p.json", discs="no")],
    "axon_rule: expected str, found int": [lambda m: m.circuit.segments("s.parquet", axon_rule=3)],
    "name: expected str, found int": [lambda m: m.circuit.node_set(3)],
    "limit: expected an integer, found float": [lambda m: m.segments.query(limit=1.5)],
    "within: expected a number, found str": [lambda m: m.segments.query(electrodes=m.electrodes, within="5")],
    "unit: expected str, found None": [lambda m: lf.signals("r.h5", weights=m.weights, unit=None)],
    "overwrite: expected True or False": [
        lambda m: lf.write_weights(m.segments, m.electrodes, "w.h5", overwrite="no"),
        lambda m: m.electrodes.to_json(m.folder / "none.json", overwrite="no"),
        lambda m: m.electrodes.to_csv(m.folder / "none.csv", overwrite="no"),
        lambda m: lf.Html("x").save(m.folder / "none.html", overwrite="no"),
    ],
    "contacts: expected one mapping for each contact": [lambda m: lf.Electrodes({"name": "a"}), lambda m: lf.Electrodes([3])],
    "source: expected a path, or a Probe": [lambda m: lf.Electrodes.from_probeinterface(None)],
}


@pytest.mark.parametrize(("message", "call"), [(text, call) for text, calls in _WRONG.items() for call in calls])
def test_a_wrong_type_is_named_with_the_expected_one(made, message, call):
    with pytest.raises(TypeError, match=f"^{message}"):
        call(made)


def test_an_open_file_and_a_circuit_may_take_the_place_of_their_paths(made):
    with lf.ElectrodesFile(made.weights) as file:
        assert lf.compare_weights(file, made.weights, rtol=0) and lf.compare_weights(str(made.weights), file, rtol=0)
        found = lf.validate_electrodes_file(file, circuit=made.circuit)
        assert found.is_valid and found.path == file.path
        columns = ["row", "weight", "mtype"]
        given = dict(electrode="e0", columns=columns, limit=20)
        by_object = made.segments.query(weights=file, circuit=made.circuit, **given).read()
        by_path = made.segments.query(weights=made.weights, circuit=made.circuit.path, **given).read()
        assert by_object.to_pydict() == by_path.to_pydict() and len(by_object) == 20


def test_a_population_to_validate_is_that_of_a_circuit(made):
    with pytest.raises(ValueError, match="population: expected together with `circuit`"):
        lf.validate_electrodes_file(made.weights, population="neurons")
    assert lf.validate_electrodes_file(made.weights, population="neurons", circuit=made.circuit)


def test_two_populations_are_a_pair(made):
    assert lf.compare_weights(made.weights, made.weights, population=["neurons", "neurons"])
    with pytest.raises(ValueError, match="population: expected a name or a pair of names, found 1"):
        lf.compare_weights(made.weights, made.weights, population=("neurons",))


def test_negative_numbers_are_out_of_range(made, tmp_path):
    for call in (
        lambda: made.segments.part(-1),
        lambda: made.segments.query(limit=-1),
        lambda: lf.synthesize_circuit(tmp_path / "c", cells=-1),
    ):
        with pytest.raises(ValueError, match="out of range, expected 0 or more, found -1"):
            call()


def test_paths_may_be_bytes(made):
    assert len(lf.Segments(os.fsencode(made.segments.path))) == len(made.segments)
    assert lf.ElectrodesFile(os.fsencode(made.weights)).populations == ["neurons"]


# -------------------------------------------------------------------------------------------------------------- errors


def test_a_file_that_exists_is_an_error_with_advice(made, tmp_path):
    path = tmp_path / "x"
    path.write_text("kept")
    for write in (made.electrodes.to_json, made.electrodes.to_csv, lf.plot_probe(made.electrodes).save, lf.Html("x").save):
        with pytest.raises(lf.OutputExistsError, match="exists already") as refused:
            write(path)
        assert refused.value.hint == "choose another name, or replace it with `overwrite=True`"
        assert (refused.value.errno, refused.value.filename) == (errno.EEXIST, str(path))
        assert path.read_text() == "kept"


def test_errors_of_the_operating_system_have_its_number_and_the_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such file or directory") as refused:
        lf.Segments(tmp_path / "none")
    assert (refused.value.errno, refused.value.filename) == (errno.ENOENT, str(tmp_path / "none"))
    assert str(refused.value).startswith(str(tmp_path / "none"))


@pytest.mark.parametrize(
    ("hint", "expected"),
    [
        ("replace it: `--force`, or `--resume --force` where", "replace it: `overwrite=True`, or `resume=True, overwrite=True` where"),
        ("their unit is given by `--units`", "their unit is given by `leadfield ... --units`"),
        ("give `--csd-array 0:8 --csd-array 8:16`", "give `leadfield ... --csd-array 0:8 --csd-array 8:16`"),
        ("`--conductivity 0.3,0.4,0.3`", "`conductivity=(0.3, 0.4, 0.3)`"),
        ("or `--field NAME=FILE`", "or `fields={NAME: FILE}`"),
        ("for example `--where mtype=L5_TPC:A`", 'for example `where={"mtype": "L5_TPC:A"}`'),
    ],
)
def test_hints_name_arguments_that_python_has(hint, expected):
    assert _errors.exception_of("damaged", "x", hint, None, None, None).hint == expected


def test_settings_of_unknown_contacts_are_errors(made):
    population = lf.ElectrodesFile(made.weights)["neurons"]
    assert population.setting("e0", "conductivity_S_per_m") == 0.277 and population.setting("e0", "none") is None
    with pytest.raises(lf.InputError, match="unknown electrode, expected one of `e0`"):
        population.setting("x", "conductivity_S_per_m")
