"""Queries: against a loop over all segments, which is the obvious answer."""

from __future__ import annotations

import ctypes
import json
import subprocess
import sys
import threading

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import leadfield as lf


@pytest.fixture(scope="module")
def everything(made):
    """All segments as numpy arrays, with their midpoints."""
    rows = made.segments.query(columns=["row", "node_id", "section_type", "x", "y", "z", "length", "x0", "x1"]).read()
    return {name: rows[name] for name in rows.columns}


def _midpoints(everything):
    return np.column_stack([everything[axis] for axis in "xyz"])


def _found(query):
    return sorted(query.read()["row"].tolist())


CENTRE = np.array([20.0, -100.0, -30.0])


def test_a_sphere_has_the_midpoints_within_its_radius(made, everything):
    expected = everything["row"][np.linalg.norm(_midpoints(everything) - CENTRE, axis=1) <= 150]
    assert len(expected) > 5
    for segments in (made.segments, made.parts):
        query = segments.query(sphere=(*CENTRE, 150))
        assert _found(query) == sorted(expected.tolist())
        assert query.count() == len(expected)


def test_a_box_has_the_midpoints_between_its_corners(made, everything):
    low, high = CENTRE - 200, CENTRE + 100
    expected = everything["row"][np.all((_midpoints(everything) >= low) & (_midpoints(everything) <= high), axis=1)]
    assert len(expected) > 5
    assert _found(made.segments.query(box=[*low, *high])) == sorted(expected.tolist())


def test_a_slab_has_the_midpoints_near_its_plane(made, everything):
    expected = everything["row"][np.abs(everything["y"] - 50) <= 30]
    assert _found(made.segments.query(slab=(0, 50, 0, 0, 1, 0, 30))) == sorted(expected.tolist())


def test_a_disk_has_the_midpoints_near_its_axis(made, everything):
    radial = np.hypot(everything["x"] - CENTRE[0], everything["z"] - CENTRE[2])
    expected = everything["row"][(radial <= 200) & (np.abs(everything["y"] - CENTRE[1]) <= 40)]
    assert len(expected) > 3
    assert _found(made.segments.query(disk=(*CENTRE, 0, 1, 0, 200, 40))) == sorted(expected.tolist())


def test_a_capsule_has_the_midpoints_near_its_axis(made, everything):
    a, b = CENTRE, CENTRE + np.array([0, 400, 0])
    points = _midpoints(everything)
    share = np.clip(((points - a) @ (b - a)) / ((b - a) @ (b - a)), 0, 1)
    near = np.linalg.norm(points - (a + share[:, None] * (b - a)), axis=1) <= 80
    assert near.sum() > 3
    assert _found(made.segments.query(capsule=(*a, *b, 80))) == sorted(everything["row"][near].tolist())


def test_several_regions_find_a_segment_once_each(made):
    one = made.segments.query(sphere=(*CENTRE, 100)).count()
    assert made.segments.query(sphere=[(*CENTRE, 100), (*CENTRE, 100)]).count() == 2 * one > 0


def test_a_segment_that_crosses_a_region_intersects_it(made):
    region = {"sphere": (*CENTRE, 100)}
    inside = set(_found(made.segments.query(**region)))
    assert inside < set(_found(made.segments.query(**region, predicate="intersects")))


def test_the_nearest_come_by_distance(made):
    rows = made.segments.query(nearest=(*CENTRE, 7)).read()
    table = pd.DataFrame.from_arrow(rows) if hasattr(pd.DataFrame, "from_arrow") else pa.table(rows).to_pandas()
    assert len(table) == 7
    assert table["distance"].is_monotonic_increasing
    ends = table[["x0", "y0", "z0"]].to_numpy(), table[["x1", "y1", "z1"]].to_numpy()
    spans = ends[1] - ends[0]
    squares = np.maximum(np.einsum("ij,ij->i", spans, spans), 1e-300)
    share = np.clip(np.einsum("ij,ij->i", CENTRE - ends[0], spans) / squares, 0, 1)
    distances = np.linalg.norm(CENTRE - ends[0] - share[:, None] * spans, axis=1)
    np.testing.assert_allclose(table["distance"], distances, rtol=1e-9)


@pytest.mark.parametrize("kind", ["soma", "dend", "apic", "ais"])
def test_section_types_are_chosen_by_name(made, everything, kind):
    number = ("soma", "axon", "dend", "apic", "ais").index(kind)
    expected = everything["row"][everything["section_type"] == number]
    assert _found(made.segments.query(section_type=kind)) == sorted(expected.tolist())


def test_several_section_types_are_a_union(made):
    count = lambda kinds: made.segments.query(section_type=kinds).count()  # noqa: E731
    assert count(["dend", "apic"]) == count("dend") + count("apic")


def test_neurons_are_chosen_by_id_attribute_and_node_set(made, everything):
    by_id = made.segments.query(node_ids=[3, 1])
    assert set(by_id.read()["node_id"].tolist()) == {1, 3}
    nodes = made.circuit.nodes(columns=["mtype"])
    mtype = nodes["mtype"][3]
    having = set(nodes["node_id"][nodes["mtype"] == mtype].tolist())
    assert set(made.segments.query(where={"mtype": mtype}).node_ids().tolist()) == having
    assert set(made.segments.query(where={"mtype": mtype}, node_ids=[3]).node_ids().tolist()) == {3}
    members = made.circuit.node_set("FirstTen")
    np.testing.assert_array_equal(made.segments.query(node_set="FirstTen").node_ids(), members)


def test_a_condition_may_have_several_values(made):
    count = lambda layers: made.segments.query(where={"layer": layers}).count()  # noqa: E731
    assert count(["2", "5"]) == count("2") + count(5)


def test_counts_by_attribute_add_up(made):
    counts = made.segments.query().count(by="mtype")
    assert sum(counts.values()) == len(made.segments)
    nodes = made.circuit.nodes(columns=["mtype"])
    sizes = dict(zip(made.segments.neurons["node_id"].tolist(), made.segments.neurons["segments"].tolist()))
    for mtype in counts:
        assert counts[mtype] == sum(sizes[node] for node in nodes["node_id"][nodes["mtype"] == mtype].tolist())


def test_counts_by_two_columns_have_tuples_as_keys(made, everything):
    counts = made.segments.query().count(by=["node_id", "section_type"])
    assert counts[(0, "soma")] == np.sum((everything["node_id"] == 0) & (everything["section_type"] == 0))
    assert list(counts) == sorted(counts, key=lambda key: (key[0], lf._segments.SECTION_TYPES.index(key[1])))


def test_counts_by_a_number_are_numbers(made):
    layers = made.segments.query(node_ids=[0], limit=None).count(by="x")
    assert all(isinstance(key, float) for key in layers)
    assert list(layers) == sorted(layers)


def test_contacts_find_segments_around_each(made, everything):
    rows = made.segments.query(electrodes=made.electrodes[:4], within=120).read()
    for name, position in zip(made.electrodes.names[:4], made.electrodes.positions):
        expected = everything["row"][np.linalg.norm(_midpoints(everything) - position, axis=1) <= 120]
        assert sorted(rows["row"][rows["electrode"] == name].tolist()) == sorted(expected.tolist())


def test_contacts_of_objective_csd_have_their_own_regions(made):
    balls = made.electrodes.with_settings(type="ObjectiveCSD_Sphere", radius=120)
    own = made.segments.query(electrodes=balls, columns=["electrode", "row"]).read()
    given = made.segments.query(electrodes=made.electrodes, within=120, columns=["electrode", "row"]).read()
    assert sorted(zip(own["electrode"], own["row"])) == sorted(zip(given["electrode"], given["row"]))


def test_weights_of_a_contact_are_a_column(made):
    rows = made.segments.query(weights=made.weights, electrode="e3", columns=["row", "weight"]).read()
    stored = lf.ElectrodesFile(made.weights)[made.population].get(electrodes="e3")[:, 0]
    np.testing.assert_array_equal(rows["weight"], stored[rows["row"].astype(int)])


def test_weights_of_a_contact_belong_to_its_own_region(made):
    columns = ["electrode", "row", "weight"]
    rows = made.segments.query(
        electrodes=made.electrodes, within=120, weights=made.weights, electrode="e3", columns=columns
    ).read()
    near = made.segments.query(electrodes=made.electrodes[["e3"]], within=120, columns=["row"]).read()
    assert set(rows["electrode"]) == {"e3"}
    assert sorted(rows["row"].tolist()) == sorted(near["row"].tolist())
    with pytest.raises(ValueError, match="electrode: unknown contact, expected one of `e0`.*found `x`"):
        made.segments.query(electrodes=made.electrodes, within=120, weights=made.weights, electrode="x")


def test_node_attributes_are_columns(made):
    rows = made.segments.query(columns=["node_id", "mtype", "length"]).read()
    nodes = made.circuit.nodes(columns=["mtype"])["mtype"]
    assert rows["mtype"].tolist() == [nodes[node] for node in rows["node_id"].tolist()]
    assert np.all(rows["length"] >= 0)


def test_a_limit_ends_the_search(made):
    assert len(made.segments.query(limit=5).read()) == 5


def test_a_stored_index_finds_the_same(made, tmp_path):
    index = tmp_path / "segments.index"
    for _ in range(2):
        found = _found(made.segments.query(sphere=(*CENTRE, 150), index=index))
        assert found == _found(made.segments.query(sphere=(*CENTRE, 150)))
    assert index.exists()


def test_the_neurons_are_a_node_set_of_sonata(made):
    query = made.segments.query(sphere=(*CENTRE, 150))
    written = json.loads(json.dumps(query.node_set("near")))
    assert written == {"near": {"population": "neurons", "node_id": query.node_ids().tolist()}}


# ---------------------------------------------------------------------------------------------------- other programs


def _buffer(array):
    return array.buffers()[-1].address


@pytest.mark.parametrize("column", ["node_id", "section_id", "x0", "radius", "row"])
def test_pyarrow_and_numpy_see_the_same_memory(made, column):
    rows = made.segments.query().read()
    addresses = rows._rows.buffer_addresses(column)
    chunks = pa.table(rows)[column].chunks
    assert [_buffer(chunk) for chunk in chunks] == addresses
    if len(chunks) == 1:
        assert rows[column].__array_interface__["data"] == (addresses[0], True)


def test_numpy_shows_one_batch_without_a_copy_and_read_only(made):
    batch = next(made.segments.query(columns=["x0"]).batches())
    column = batch["x0"]
    assert column.ctypes.data == batch._rows.buffer_addresses("x0")[0]
    with pytest.raises(ValueError, match="read-only"):
        column[0] = 0
    kept = column.copy()
    del batch
    np.testing.assert_array_equal(column, kept)


def test_polars_sees_the_same_memory(made):
    batch = next(made.segments.query(columns=["x0"]).batches())
    series = pl.DataFrame(batch)["x0"]
    assert series.to_numpy(allow_copy=False).ctypes.data == batch._rows.buffer_addresses("x0")[0]


def test_duckdb_reads_a_query(made):
    query = made.segments.query(columns=["node_id", "length"])
    table = pa.table(query)
    counted = duckdb.connect().execute("select count(*), sum(length) from query").fetchone()
    assert counted[0] == len(made.segments)
    assert counted[1] == pytest.approx(np.sum(table["length"].to_numpy()))


def test_duckdb_reads_the_memory_of_rows(made):
    rows = made.segments.query(columns=["x0"]).read()
    address = rows._rows.buffer_addresses("x0")[0]
    connection = duckdb.connect()
    connection.register("handed_over", rows)
    assert connection.execute("select max(x0) from handed_over").fetchone()[0] == np.max(rows["x0"])
    # DuckDB has no copy: it finds a value that is put at this address after the rows were handed over
    ctypes.c_double.from_address(address).value = 1e9
    assert connection.execute("select max(x0) from handed_over").fetchone()[0] == 1e9


def test_a_table_itself_is_arrow(made):
    assert pa.table(made.segments).num_rows == len(made.segments)
    assert pl.DataFrame(made.segments).shape == (len(made.segments), 12)


def test_rows_come_in_batches_and_each_search_is_new(made):
    query = made.parts.query()
    reader = pa.RecordBatchReader.from_stream(query)
    sizes = [batch.num_rows for batch in reader]
    assert sum(sizes) == len(made.parts)
    assert len(sizes) > 1
    assert pa.table(query).num_rows == len(made.parts)


def test_a_stream_that_is_dropped_ends_the_search(made):
    threads = threading.active_count()
    for _ in range(20):
        stream = iter(made.parts.query().batches())
        next(stream)
        del stream
    assert threading.active_count() == threads


def test_rows_are_lists_too(made):
    rows = made.segments.query(nearest=(*CENTRE, 2), columns=["node_id", "radius", "distance"]).read()
    lists = rows.to_pydict()
    assert list(lists) == ["node_id", "radius", "distance"]
    assert [type(values[0]) for values in lists.values()] == [int, float, float]


def test_eight_threads_query_one_table(made):
    regions = [(x, y, 0, 120) for x in (-100, 0, 100, 200) for y in (-200, 100)]
    expected = [made.segments.query(sphere=region).count() for region in regions]
    found = [None] * 8

    def search(i):
        for _ in range(10):
            found[i] = made.segments.query(sphere=regions[i]).count()
            made.segments.query(sphere=regions[i]).read()

    threads = [threading.Thread(target=search, args=(i,)) for i in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert found == expected


_STREAM = """
import resource, sys
import pyarrow as pa
import leadfield as lf

segments = lf.Segments(sys.argv[1])
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
def stream(query):
    sizes = [(batch.num_rows, batch.nbytes) for batch in pa.RecordBatchReader.from_stream(query)]
    return sum(rows for rows, _ in sizes), sum(size for _, size in sizes)
# the first rows load what every search needs
stream(segments.query(limit=1000))
before = peak()
rows, size = stream(segments.query())
print(rows, size, peak() - before)
"""


def test_a_stream_of_all_rows_needs_a_fraction_of_their_memory(tmp_path):
    circuit = lf.synthesize_circuit(tmp_path / "circuit", cells=4000)
    segments = circuit.segments(out=tmp_path / "segments", segments_per_part=100_000)
    done = subprocess.run([sys.executable, "-c", _STREAM, segments.path], capture_output=True, text=True, check=True)
    rows, size, growth = map(int, done.stdout.split())
    assert rows == len(segments) > 1_000_000
    # reading it all would need `size` more
    assert growth < size / 3


# ----------------------------------------------------------------------------------------------------------- polars


@pytest.mark.parametrize(
    "condition",
    [
        pl.col("x").is_between(0, 80),
        (pl.col("x") > -50) & (pl.col("x") <= 120.5) & (pl.col("y") < 0),
        (pl.lit(10) < pl.col("x0")) & (pl.col("z1") >= -30),
        (pl.col("x") > 10) & (pl.col("section_type") == 2),
        (pl.col("x") > 10) | (pl.col("y") > 10),
        ~(pl.col("x") > 10),
        pl.col("x") > 1e9,
        pl.col("x") == pl.col("y"),
        pl.col("node_id").is_in([1, 2]) & (pl.col("y1") < 100),
        pl.col("length") > 20,
    ],
    ids=str,
)
def test_scan_filters_as_a_frame_does(made, condition):
    frame = pl.DataFrame(made.segments.query(columns=[*made.segments.query().columns, "x", "y", "z", "length"]))
    expected = frame.filter(condition).sort("row")
    found = made.segments.scan().filter(condition).collect().sort("row")
    assert found.equals(expected.select(found.columns))


def test_scan_reads_only_what_is_used_and_only_the_box(made, monkeypatch):
    from leadfield import _scan

    asked = []
    frames = _scan._frames

    def record(table, columns, region, limit):
        asked.append((columns, region))
        return frames(table, columns, region, limit)

    monkeypatch.setattr(_scan, "_frames", record)
    made.segments.scan().filter(pl.col("x").is_between(0, 80)).select("node_id").collect()
    ((columns, region),) = asked
    assert sorted(columns) == ["node_id", "x"]
    assert region[0][0] == 0 and region[0][3] == 80 and region[1] == "midpoint"


def test_scan_stops_at_the_requested_rows(made):
    assert made.segments.scan().head(3).collect().height == 3
    assert made.segments.scan().filter(pl.col("x") > 0).head(4).collect().height == 4


def test_scan_groups_and_joins(made):
    nodes = pl.DataFrame(made.circuit.nodes(columns=["mtype"])).lazy()
    joined = made.segments.scan().join(nodes, on="node_id").group_by("mtype").agg(pl.len()).collect()
    assert dict(joined.iter_rows()) == made.segments.query().count(by="mtype")


# ------------------------------------------------------------------------------------------------------ bad arguments


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sphere": (1, 2, 3)}, r"sphere: malformed, expected 4 numbers \(x, y, z, r\), µm, found 3"),
        ({"sphere": (0, 0, 0, -1)}, "sphere: "),
        ({"box": (0, 0, 0, -1, 1, 1)}, "box: "),
        ({"nearest": (0, 0, 0)}, r"nearest: malformed, expected x, y, z \(µm\) and a number of segments"),
        ({"nearest": (0, 0, 0, 0)}, "nearest: malformed"),
        ({"nearest": (float("nan"), 0, 0, 1)}, "nearest: "),
        ({"nearest": (0, 0, 0, 1), "predicate": "midpoint"}, "predicate: not defined for `nearest`"),
        ({"sphere": (0, 0, 0, 1), "nearest": (0, 0, 0, 1)}, "expected one of regions, `nearest` and `electrodes`"),
        ({"predicate": "inside"}, "predicate: unknown, expected one of `midpoint`, `intersects`, found `inside`"),
        ({"section_type": "dendrite"}, "section_type: unknown, expected one of `soma`"),
        ({"within": 5}, "within: expected together with `electrodes`"),
        ({"weights": "w.h5"}, "weights: expected together with `electrode`"),
        ({"columns": ["lenght"]}, "unknown column, expected one of"),
        ({"node_set": "Nobody"}, "Nobody"),
        ({"where": {"colour": "red"}}, "unknown attribute"),
        ({"where": {"x": "red"}}, "wrong value, expected a number for the attribute `x`, found `red`"),
    ],
)
def test_a_wrong_argument_is_refused(made, arguments, message):
    with pytest.raises(ValueError, match=message):
        made.segments.query(**arguments)


def test_a_misspelt_column_has_a_hint(made):
    with pytest.raises(lf.InputError) as refused:
        made.segments.query(columns=["lenght"])
    assert refused.value.hint == "did you mean `length`?"


def test_contacts_without_region_are_refused(made):
    with pytest.raises(ValueError, match="contact `e0` has no region, expected a type"):
        made.segments.query(electrodes=made.electrodes)


def test_html_and_text_show_what_is_there(made):
    query = made.segments.query(sphere=(*CENTRE, 150))
    assert f"{query.count()} rows" in query._repr_html_()
    assert "<th>population</th><td>neurons</td>" in made.segments._repr_html_()
    assert f"{len(made.segments)} segments of 24 neurons" in repr(made.segments)
    assert repr(query.read()).startswith(f"<Rows: {query.count()} rows of node_id")


# ---------------------------------------------------------------------------------------------------------------- parts


def test_the_rows_of_a_part_are_in_their_order(made):
    parts = [made.parts.part(i) for i in range(len(made.parts.parts))]
    assert len(parts) > 2 and [len(part) for part in parts] == [about["segments"] for about in made.parts.parts]
    for part in parts:
        # rows of one neuron are consecutive, so that a part that is a region in space has gaps
        assert np.all(np.diff(part["row"].astype(np.int64)) > 0)
    rows = np.concatenate([part["row"] for part in parts])
    assert sorted(rows.tolist()) == list(range(len(made.parts)))
    # the values are those of the same rows in a query
    everything = made.parts.query(columns=["row", "node_id", "x0", "radius"]).read()
    order = np.argsort(everything["row"])
    for part in parts:
        for column in ("node_id", "x0", "radius"):
            np.testing.assert_array_equal(part[column], everything[column][order][part["row"]])


def test_scan_of_single_precision_compares_as_polars_does(made, tmp_path):
    segments = made.circuit.segments(out=tmp_path / "single.parquet", precision="f32")
    frame = segments.scan().collect()
    x = frame["x0"].to_numpy()[::97]
    # as printed, and the numbers of double precision beside the stored ones
    for value in [*(float(str(v)) for v in x), *(np.nextafter(float(v), np.inf) for v in x[:20])]:
        for condition in (pl.col("x0") == value, pl.col("x0") >= value, pl.col("x0").is_between(value, value)):
            assert segments.scan().filter(condition).collect().height == frame.filter(condition).height, (value, condition)


def test_many_regions_give_batches_of_bounded_size(made):
    everywhere = made.electrodes.positions[0]
    spheres = np.array([[*everywhere, 1e6 + i] for i in range(200)])
    rows = [len(batch) for batch in made.segments.query(sphere=spheres, columns=["row"]).batches()]
    assert sum(rows) == 200 * len(made.segments)
    # a batch has at most 2^20 hits of several pages
    assert len(rows) > 1 and max(rows) <= 2**20


def test_one_contact_of_several_is_searched(made):
    one = made.segments.query(electrodes=made.electrodes["e3"], within=200.0)
    named = made.segments.query(electrodes=made.electrodes, within=200.0, electrode="e3")
    assert named.count() == one.count() > 0
    with pytest.raises(ValueError, match="electrode: unknown contact, expected one of e0, .*, found `x`"):
        made.segments.query(electrodes=made.electrodes, within=200.0, electrode="x")
    with pytest.raises(ValueError, match="electrode: expected together with `weights` or `electrodes`"):
        made.segments.query(electrode="e3")


def test_arguments_without_effect_are_refused(made, tmp_path):
    with pytest.raises(ValueError, match="index: expected together with a region"):
        made.segments.query(index=tmp_path / "i.bin")
    with pytest.raises(ValueError, match="columns: expected different ones, found row, row"):
        made.segments.query(columns=["row", "row"])


def test_node_ids_may_be_those_of_arrow(made):
    ids = made.segments.neurons["node_id"][:3]
    assert made.segments.query(node_ids=pa.array(ids)).count() == made.segments.query(node_ids=ids).count() > 0
