"""Circuits: their populations, nodes and templates, and their segment tables."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import leadfield as lf


def test_populations_and_types_are_listed(made):
    assert made.circuit.populations == ["neurons"]
    assert made.circuit.population_types == {"neurons": "biophysical"}


def test_a_path_may_be_any_path_like(made):
    class Path_:
        def __fspath__(self):
            return made.circuit.path

    assert lf.Circuit(Path_()).populations == lf.Circuit(Path(made.circuit.path)).populations


def test_node_sets_are_those_of_the_file(made):
    sets = json.loads((made.folder / "circuit" / "node_sets.json").read_text())
    assert sorted(made.circuit.node_sets) == sorted(sets)


def test_a_node_set_has_the_nodes_with_its_attribute(made):
    nodes = made.circuit.nodes(columns=["layer"])
    expected = nodes["node_id"][nodes["layer"] == "5"]
    assert len(expected) > 0
    np.testing.assert_array_equal(made.circuit.node_set("Layer5"), expected)


def test_nodes_are_arrow_with_text_and_numbers(made):
    table = pa.table(made.circuit.nodes())
    assert table.num_rows == 24
    assert table["mtype"].type == pa.string()
    assert table["x"].type == pa.float64()
    assert table["node_id"].to_pylist() == list(range(24))


def test_chosen_attributes_come_in_order(made):
    assert made.circuit.nodes(columns=["y", "mtype"]).columns == ["node_id", "y", "mtype"]


def test_templates_have_their_rules(made):
    rules = {(template["axon_rule"], template["segment_length_um"]) for template in made.circuit.templates}
    assert rules == {("taper", 40.0)}
    assert sum(template["nodes"] for template in made.circuit.templates) == 24


def test_rows_of_neurons_cover_the_table_without_gaps(made):
    neurons = made.segments.neurons
    np.testing.assert_array_equal(neurons["first_row"], np.cumsum(neurons["segments"]) - neurons["segments"])
    assert neurons["segments"].sum() == len(made.segments)


def test_a_table_in_parts_has_the_same_segments(made):
    assert len(made.parts.parts) > 1
    assert sum(part["segments"] for part in made.parts.parts) == len(made.segments) == len(made.parts)
    for column in ("x0", "z1", "section_id"):
        one, several = (_by_row(table, column) for table in (made.segments, made.parts))
        np.testing.assert_array_equal(one, several)


def _by_row(segments, column):
    rows = segments.query(columns=["row", column]).read()
    return rows[column][np.argsort(rows["row"])]


def test_the_rule_gives_the_counts_of_the_report(made, tmp_path):
    by_rule = made.circuit.segments(out=tmp_path / "rule.parquet", discretisation="rule")
    np.testing.assert_array_equal(by_rule.neurons["segments"], made.segments.neurons["segments"])


def test_single_precision_rounds_the_coordinates(made, tmp_path):
    single = made.circuit.segments(out=tmp_path / "f32.parquet", precision="f32")
    assert single.metadata["precision"] == "f32"
    np.testing.assert_array_equal(_by_row(single, "x0"), _by_row(made.segments, "x0").astype(np.float32))


def test_a_node_set_limits_the_table(made, tmp_path):
    few = made.circuit.segments(out=tmp_path / "few.parquet", node_set="FirstTen")
    np.testing.assert_array_equal(few.neurons["node_id"], made.circuit.node_set("FirstTen"))


def test_an_assumed_axon_rule_is_a_warning(made, tmp_path):
    with pytest.warns(lf.LeadfieldWarning, match="segment counts assumed"):
        made.circuit.segments(out=tmp_path / "keep.parquet", discretisation="rule", axon_rule="keep")


def test_the_warning_names_the_line_of_the_caller(made, tmp_path):
    with pytest.warns(lf.LeadfieldWarning) as caught:
        made.circuit.segments(out=tmp_path / "keep.parquet", discretisation="rule", axon_rule="keep")
    assert {os.path.basename(warning.filename) for warning in caught} == {"test_circuit.py"}


def test_progress_counts_all_segments(made, tmp_path):
    done = []
    made.circuit.segments(out=tmp_path / "p.parquet", progress=done.append)
    assert sum(done) == len(made.segments)


def test_an_exception_of_progress_stops_the_run_and_is_raised(made, tmp_path):
    def refuse(count):
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        made.circuit.segments(out=tmp_path / "stopped.parquet", progress=refuse)


def test_a_table_is_not_replaced_unless_asked(made, tmp_path):
    out = tmp_path / "t.parquet"
    made.circuit.segments(out=out)
    with pytest.raises(FileExistsError) as refused:
        made.circuit.segments(out=out)
    assert refused.value.hint == "choose another name, or replace it with `overwrite=True`"
    assert len(made.circuit.segments(out=out, overwrite=True)) == len(made.segments)


@pytest.mark.parametrize(
    ("argument", "value", "message"),
    [
        ("axon_rule", "tapered", "axon_rule: unknown, expected one of `taper`, `legacy`"),
        ("axon_placement", "x", "axon_placement: unknown, expected one of `arc`"),
        ("discretisation", "x", "discretisation: unknown, expected one of `report`, `rule`, found `x`"),
        ("euler_order", "x", "euler_order: unknown, expected one of `sonata`, `neurodamus`, found `x`"),
        ("precision", "f16", "precision: unknown, expected one of `f64`, `f32`, found `f16`"),
        ("on_bad_neuron", "ignore", "on_bad_neuron: unknown, expected one of `error`, `skip`, found `ignore`"),
        ("node_set", "Nobody", "Nobody"),
        ("population", "glia", "glia"),
        ("report", "none", "none"),
    ],
)
def test_an_unknown_choice_is_refused_with_the_known_ones(made, tmp_path, argument, value, message):
    with pytest.raises(ValueError, match=message):
        made.circuit.segments(out=tmp_path / "x.parquet", **{argument: value})
    assert os.listdir(tmp_path) == []


def test_the_same_arguments_give_the_same_circuit(tmp_path):
    for name in ("a", "b"):
        lf.synthesize_circuit(tmp_path / name, cells=3, seed=5)
    read = [(tmp_path / name / "circuit_config.json").read_bytes() for name in ("a", "b")]
    assert read[0] == read[1]


def test_a_synthetic_circuit_of_no_cells_is_refused(tmp_path):
    with pytest.raises(lf.InputError, match="number of cells out of range, expected 1 to"):
        lf.synthesize_circuit(tmp_path / "c", cells=0)
