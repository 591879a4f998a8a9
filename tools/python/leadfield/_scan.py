"""A segment table as a polars LazyFrame, through polars' plugin interface for sources."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import polars as pl
from polars.io.plugins import register_io_source

from ._leadfield import SegmentTable

if TYPE_CHECKING:
    from ._segments import Segments

# the axis of each column with coordinates
_AXES = {name + end: axis for axis, name in enumerate("xyz") for end in ("", "0", "1")}


def scan(segments: Segments) -> pl.LazyFrame:
    """Returns the LazyFrame; see ``Segments.scan``."""
    table = segments._table
    float_type = pl.Float32 if segments.metadata["precision"] == "f32" else pl.Float64
    schema = pl.Schema(
        {
            "node_id": pl.UInt64,
            "section_id": pl.UInt32,
            "segment_id": pl.UInt32,
            "section_type": pl.UInt8,
            **{name: float_type for name in ("x0", "y0", "z0", "x1", "y1", "z1")},
            "radius": pl.Float32,
            "row": pl.UInt64,
            **{name: pl.Float64 for name in ("x", "y", "z", "length")},
        }
    )
    bounds = segments.bounds

    def read(
        with_columns: list[str] | None, predicate: pl.Expr | None, n_rows: int | None, batch_size: int | None
    ) -> Iterator[pl.DataFrame]:
        shown = list(schema) if with_columns is None else with_columns
        needed = [] if predicate is None else [name for name in predicate.meta.root_names() if name not in shown]
        region = None if predicate is None else box_of(predicate, bounds, float_type == pl.Float32)
        # `n_rows` are rows of the table: the condition holds for some of them
        for frame in _frames(table, [*shown, *needed], None if n_rows is not None else region, n_rows):
            yield (frame if predicate is None else frame.filter(predicate)).select(shown)

    return register_io_source(io_source=read, schema=schema, is_pure=True)


def _frames(table: SegmentTable, columns: list[str], region: Any, limit: int | None) -> Iterator[pl.DataFrame]:
    """Searches the table, and returns the rows in frames."""
    query = table.query(
        {
            "regions": None if region is None else [("box", region[0])],
            "predicate": None if region is None else region[1],
            "nearest": None,
            "electrodes": None,
            "within": None,
            "section_types": None,
            "node_ids": None,
            "node_set": None,
            "conditions": [],
            "circuit": None,
            "needs_circuit": False,
            "weights": None,
            "field": None,
            "field_transform": None,
            "index": None,
            # a frame without columns has no rows
            "columns": columns or ["node_id"],
            "limit": limit,
        }
    )
    for frame in query.batches():
        yield pl.DataFrame(frame)


def box_of(predicate: pl.Expr, bounds: Any, is_single: bool = False) -> tuple[list[float], str] | None:
    """Returns a box that contains all segments for which a condition can be true, and the predicate for it.

    Understood are comparisons of coordinates with numbers, joined by ``&``; other conditions make the box no smaller. None
    if there are no such comparisons. Coordinates may be in single precision.
    """
    low, high = ([float(v) for v in corner] for corner in bounds)
    try:
        tree = json.loads(predicate.meta.serialize(format="json"))
    except Exception:  # the format of expressions is polars' own: without it everything is read, and then filtered
        return None
    used = {name for name, *_ in _comparisons(tree)}
    if not used:
        return None
    only_midpoints = used <= set("xyz")
    for name, is_lower, value in _comparisons(tree):
        axis = _AXES[name]
        # polars compares a column of float32 in its precision: the box has what rounding may include
        margin = abs(value) * 2.0**-22 + 1e-40 if is_single else 0.0
        if is_lower:
            low[axis] = max(low[axis], value - margin)
        else:
            high[axis] = min(high[axis], value + margin)
    if any(a > b for a, b in zip(low, high)):
        # nothing can be inside; a point outside of all segments finds nothing
        far = [float(v) + 1.0 for v in bounds[1]]
        return [*far, *far], "midpoint"
    # a segment with an end in the box, or its midpoint, intersects the box
    return [*low, *high], "midpoint" if only_midpoints else "intersects"


def _comparisons(tree: Any) -> Iterator[tuple[str, bool, float]]:
    """Yields column, whether the number is a lower bound, and the number."""
    if not isinstance(tree, dict):
        return
    if "Function" in tree:
        yield from _between(tree["Function"])
    expression = tree.get("BinaryExpr")
    if expression is None:
        return
    left, op, right = expression["left"], expression["op"], expression["right"]
    if op in ("And", "LogicalAnd"):
        yield from _comparisons(left)
        yield from _comparisons(right)
        return
    swapped = {"Gt": "Lt", "GtEq": "LtEq", "Lt": "Gt", "LtEq": "GtEq", "Eq": "Eq"}
    if op not in swapped:
        return
    name, value = _column(left), _number(right)
    if name is None:
        name, value, op = _column(right), _number(left), swapped[op]
    if name not in _AXES or value is None:
        return
    if op in ("Gt", "GtEq", "Eq"):
        yield name, True, value
    if op in ("Lt", "LtEq", "Eq"):
        yield name, False, value


def _between(function: Any) -> Iterator[tuple[str, bool, float]]:
    """Yields both bounds of ``is_between``."""
    if "IsBetween" not in json.dumps(function.get("function")):
        return
    inputs = function["input"]
    name = _column(inputs[0])
    for is_lower, bound in ((True, inputs[1]), (False, inputs[2])):
        value = _number(bound)
        if name in _AXES and value is not None:
            yield name, is_lower, value


def _column(tree: Any) -> str | None:
    return tree.get("Column") if isinstance(tree, dict) and isinstance(tree.get("Column"), str) else None


def _number(tree: Any) -> float | None:
    """Returns the number of a literal, in the forms that polars has had."""
    if isinstance(tree, bool):
        return None
    if isinstance(tree, (int, float)):
        return float(tree)
    if isinstance(tree, dict) and len(tree) == 1:
        key, value = next(iter(tree.items()))
        if key in ("Literal", "Dyn", "Scalar", "Int", "Float", "Float64", "Float32", "Int64", "Int32", "value"):
            return _number(value)
    return None
