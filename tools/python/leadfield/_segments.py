"""Segment tables, queries, and their rows."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

from . import _leadfield
from ._common import (
    PathLike,
    identities,
    instance,
    integer,
    kind_of,
    number,
    numbers,
    optional_number,
    path_text,
    text,
    text_list,
    transform_text,
    warn,
)
from ._electrodes import Electrodes
from ._electrodes_file import ElectrodesFile, weights_path

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import ArrayLike, NDArray

    from ._circuit import Circuit

SectionType = Literal["soma", "axon", "dend", "apic", "ais", "node", "myelin"]

# names of the section types, by number
SECTION_TYPES = ("soma", "axon", "dend", "apic", "ais", "node", "myelin")

# rows that a notebook shows
_SHOWN_ROWS = 10


class Rows:
    """Rows in memory, as columns.

    pyarrow, polars, pandas, DuckDB and others take them without a copy through Arrow's PyCapsule interface:
    ``pyarrow.table(rows)``, ``polars.DataFrame(rows)``, ``pandas.DataFrame.from_arrow(rows)``.
    """

    def __init__(self, rows: _leadfield.Rows) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def columns(self) -> list[str]:
        """The names of the columns."""
        return self._rows.column_names

    def __getitem__(self, column: str) -> NDArray[Any]:
        """Returns a column as a numpy array that cannot be written to.

        There is no copy if the rows are one batch. Missing numbers are NaN.

        Parameters
        ----------
        column : str
            Its name.

        Raises
        ------
        KeyError
            If there is no such column.
        TypeError
            If ``column`` is no text.
        """
        return self._rows.column(text("column", column))

    def to_pydict(self) -> dict[str, list[Any]]:
        """Returns the columns as lists of Python's numbers and texts."""
        return self._rows.to_pydict()

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self._rows.__arrow_c_stream__(requested_schema)

    def __arrow_c_schema__(self) -> object:
        return self._rows.__arrow_c_schema__()

    def __repr__(self) -> str:
        return f"<Rows: {len(self)} rows of {', '.join(self.columns)}>"

    def _repr_html_(self) -> str:
        return _html_table(self._rows, len(self))


def _html_table(rows: _leadfield.Rows, count: int) -> str:
    import html

    columns = rows.to_pydict()
    head = "".join(f"<th>{html.escape(name)}</th>" for name in columns)
    shown = [values[:_SHOWN_ROWS] for values in columns.values()]
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(_cell(value))}</td>" for value in row) + "</tr>" for row in zip(*shown)
    )
    more = f"<p>{count} rows</p>" if count > _SHOWN_ROWS else ""
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


class Query:
    """A query on a segment table; nothing is read before its result is needed.

    The rows are read when another package takes them: ``pyarrow.table(query)``, ``polars.DataFrame(query)``,
    ``duckdb.sql("select ... from query")``; or as batches, which need little memory however many there are:
    ``pyarrow.RecordBatchReader.from_stream(query)``. Each time the table is searched again; :meth:`read` keeps the rows.
    """

    def __init__(self, segments: Segments, arguments: dict[str, Any]) -> None:
        self._segments = segments
        self._table = segments._table
        self._arguments = arguments
        self._query = self._table.query(arguments)
        warn(self._query.warnings)

    def __reduce__(self) -> tuple[Any, ...]:
        contacts = self._arguments["electrodes"]
        described = None if contacts is None else (contacts.to_json(), str(contacts.folder))
        return _restore_query, (self._segments, {**self._arguments, "electrodes": described})

    @property
    def columns(self) -> list[str]:
        """The names of the columns."""
        return self._query.column_names

    @overload
    def count(self) -> int: ...
    @overload
    def count(self, by: str) -> dict[Any, int]: ...
    @overload
    def count(self, by: Sequence[str]) -> dict[tuple[Any, ...], int]: ...

    def count(self, by: str | Sequence[str] | None = None) -> int | dict[Any, int]:
        """Counts the segments, with ``limit=`` only the first ones.

        Parameters
        ----------
        by : str or sequence of str, optional
            Columns to count by, for example ``"mtype"`` or ``["layer", "section_type"]``. Attributes of the nodes are
            columns too, if the table's circuit is still where it was, or ``circuit=`` names it.

        Returns
        -------
        int or dict
            The number; or the numbers by value (one name) or by tuple of values (a sequence), ascending by value.
            Section types are names. Counted by ``"electrode"`` alone, contacts without segments have 0.

        Raises
        ------
        InputError
            If a column is unknown, the circuit of its attribute is missing, or the table has changed or is damaged.
        FileError
            If the table cannot be read.
        ValueError
            If ``by`` is empty.
        TypeError
            If ``by`` are no texts.
        """
        if by is None:
            limit = self._arguments["limit"]
            return self._query.count() if limit is None else min(limit, self._query.count())
        names = text_list("by", by)
        if not names:
            raise ValueError("by: empty, expected at least one column")
        query = self._query
        if any(name not in _OWN_COLUMNS for name in names) and not self._arguments["needs_circuit"]:
            query = self._table.query({**self._arguments, "columns": names, "needs_circuit": True})
        counted = query.count_by(names)
        named = ([_named(name, value) for name, value in zip(names, values)] for values, _ in counted)
        keys = (values[0] if isinstance(by, str) else tuple(values) for values in named)
        counts = {key: count for key, (_, count) in zip(keys, counted)}
        if names == ["electrode"]:
            every = (name if isinstance(by, str) else (name,) for name in self._arguments["electrodes"].names)
            return {key: counts.get(key, 0) for key in sorted(every)}
        return counts

    def node_ids(self) -> NDArray[np.uint64]:
        """Returns the ids of the neurons that have the segments (with ``limit=`` the first ones), ascending.

        Raises
        ------
        InputError
            If the table has changed since it was opened, or is damaged.
        FileError
            If it cannot be read.
        """
        if self._arguments["limit"] is None:
            return self._query.node_ids()
        import numpy as np

        return np.unique(self._table.query({**self._arguments, "columns": ["node_id"]}).read().column("node_id"))

    def node_set(self, name: str) -> dict[str, Any]:
        """Returns the neurons that have the segments as a SONATA node set, for ``json.dump``.

        Parameters
        ----------
        name : str
            Name of the node set.

        Returns
        -------
        dict
            ``{name: {"population": ..., "node_id": [...]}}``.

        Raises
        ------
        InputError, FileError
            As for :meth:`node_ids`.
        TypeError
            If ``name`` is no text.
        """
        population = self._table.metadata["population"]
        name = text("name", name)
        ids = {"node_id": self.node_ids().tolist()}
        return {name: {"population": population, **ids} if population else ids}

    def read(self) -> Rows:
        """Reads the rows into memory.

        Raises
        ------
        InputError
            If the table has changed since it was opened, or is damaged.
        FileError
            If it cannot be read.
        MemoryError
            If the rows do not fit into memory; :meth:`batches` need little.
        """
        return Rows(self._query.read())

    def batches(self) -> Iterator[Rows]:
        """Iterates over the rows in batches, as they are found.

        Raises
        ------
        InputError, FileError
            As for :meth:`read`, at the batch with the fault.
        """
        return (Rows(batch) for batch in self._query.batches())

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self._query.__arrow_c_stream__(requested_schema)

    def __arrow_c_schema__(self) -> object:
        return self._query.__arrow_c_schema__()

    def __repr__(self) -> str:
        return f"<Query on {str(self._table.path)!r}: columns {', '.join(self.columns)}>"

    def _repr_html_(self) -> str:
        limit = self._arguments["limit"]
        most = _SHOWN_ROWS if limit is None else min(limit, _SHOWN_ROWS)
        first = self._table.query({**self._arguments, "limit": most}).read()
        return _html_table(first, self.count())


def _restore_query(segments: Segments, arguments: dict[str, Any]) -> Query:
    """Returns a pickled query."""
    described = arguments["electrodes"]
    contacts = None if described is None else _leadfield.ElectrodeList.parse(described[0], False, described[1])
    return Query(segments, {**arguments, "electrodes": contacts})


# columns that need no circuit
_OWN_COLUMNS = frozenset(
    "node_id section_id segment_id section_type x0 y0 z0 x1 y1 z1 radius row x y z length inside electrode distance".split()
)

_FIELD_COLUMNS = frozenset(("potential", "potential_error", "ex", "ey", "ez"))


def _named(column: str, value: Any) -> Any:
    if column == "section_type" and value is not None:
        return SECTION_TYPES[value]
    return value


class Segments:
    """A segment table: one row for each segment of each neuron of a population.

    Parameters
    ----------
    path : str or os.PathLike
        The table, as ``Circuit.segments`` or ``leadfield positions`` writes it: a Parquet file or a folder of parts.
    population : str, optional
        The population of a table that another program rewrote, which then has no name; of another table its own.

    Raises
    ------
    FileError
        If the table cannot be read.
    InputError, DamagedError
        If the file is not a segment table, is incomplete or damaged.
    ValueError
        If the table is of another population.
    TypeError
        If ``path`` is no path, or ``population`` no text.
    """

    def __init__(self, path: PathLike, population: str | None = None) -> None:
        name = path_text(path)
        self._table = _leadfield.SegmentTable(name, None if population is None else text("population", population))
        own = self._table.metadata["population"]
        if population is not None and own != population:
            raise ValueError(f"{name}: population: not in this table, expected `{own}`, found `{population}`")
        self._given_population = population
        warn(self._table.assumptions())

    def __reduce__(self) -> tuple[Any, ...]:
        return Segments, (os.path.abspath(self.path), self._given_population)

    def __len__(self) -> int:
        return len(self._table)

    @property
    def path(self) -> str:
        """The path of the table."""
        return str(self._table.path)

    @property
    def bounds(self) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
        """The corners of the box around all segments: (x, y, z) smallest and largest, µm."""
        low, high = self._table.bounds
        return (low[0], low[1], low[2]), (high[0], high[1], high[2])

    @property
    def metadata(self) -> dict[str, Any]:
        """Population, circuit, source of the numbers of segments, axon rule, and numbers of segments, neurons and parts."""
        return self._table.metadata

    @property
    def parts(self) -> list[dict[str, Any]]:
        """The parts: ``path``, ``segments``, ``neurons`` and ``bounds`` of each."""
        return self._table.parts()

    def part(self, i: int) -> Rows:
        """Reads a part into memory; its rows are in the order of ``row``.

        Parameters
        ----------
        i : int
            Number of the part, from 0; see :attr:`parts`.

        Returns
        -------
        Rows
            The rows.

        Raises
        ------
        IndexError
            If there is no such part.
        InputError
            If the part has changed since the table was opened, or is damaged.
        FileError
            If it cannot be read.
        ValueError, TypeError
            If ``i`` is below 0, or no whole number.
        """
        return Rows(self._table.part(integer("i", i)))

    @property
    def neurons(self) -> dict[str, NDArray[np.uint64]]:
        """The neurons, ascending: ``node_id``, ``first_row`` and ``segments``; the rows of a neuron are consecutive."""
        node_id, first_row, segments = self._table.neurons()
        return {"node_id": node_id, "first_row": first_row, "segments": segments}

    def query(
        self,
        *,
        sphere: ArrayLike | None = None,
        box: ArrayLike | None = None,
        disk: ArrayLike | None = None,
        slab: ArrayLike | None = None,
        capsule: ArrayLike | None = None,
        nearest: Sequence[float] | None = None,
        electrodes: Electrodes | None = None,
        within: float | None = None,
        predicate: Literal["midpoint", "intersects"] | None = None,
        section_type: SectionType | Sequence[SectionType] | None = None,
        node_ids: ArrayLike | None = None,
        node_set: str | None = None,
        where: Mapping[str, Any] | None = None,
        circuit: PathLike | Circuit | None = None,
        weights: PathLike | ElectrodesFile | None = None,
        electrode: str | None = None,
        field: PathLike | None = None,
        field_transform: Sequence[float] | None = None,
        index: PathLike | None = None,
        columns: Sequence[str] = (),
        limit: int | None = None,
    ) -> Query:
        """Searches segments in regions, near contacts, or nearest to a point.

        Parameters
        ----------
        sphere, box, disk, slab, capsule : array_like, optional
            A region, or several of shape (n, numbers), none of which is everywhere: no regions find no segments. All
            numbers are µm:

            - ``sphere``: x, y, z, r
            - ``box``: x0, y0, z0, x1, y1, z1
            - ``disk``, a cylinder: x, y, z of its centre, its axis ax, ay, az, its radius and half of its height
            - ``slab``, a layer: x, y, z of a point in its middle, its normal ax, ay, az, half of its thickness
            - ``capsule``: the ends x0, y0, z0, x1, y1, z1 of its axis, its radius

            A segment is found once for every region that contains it.
        nearest : sequence, optional
            x, y, z, k: the k segments nearest to a point, by the distance to the segment.
        electrodes : Electrodes, optional
            Search around contacts: balls of radius ``within``, or the regions of ObjectiveCSD contacts.
        within : float, optional
            Radius around each contact, µm.
        predicate : {"midpoint", "intersects"}, optional
            Whether a segment is inside if its midpoint is (the default), or if any point is.
        section_type : str or sequence of str, optional
            ``soma``, ``axon``, ``dend``, ``apic``, ``ais``, ``node``, ``myelin``.
        node_ids : array_like of int, optional
            Only these neurons.
        node_set : str, optional
            Only neurons of this node set of the circuit.
        where : mapping, optional
            Only neurons whose attributes have these values: ``{"mtype": "L5_TPC", "layer": [4, 5]}``.
        circuit : str, os.PathLike or Circuit, optional
            The circuit, if its path has changed since the table was written.
        weights : str, os.PathLike or ElectrodesFile, optional
            An electrodes file: the weights of the contact ``electrode`` are the column ``weight``.
        electrode : str, optional
            Name of that contact; of ``electrodes`` only this one is searched then.
        field : str or os.PathLike, optional
            A lead field: its potential and electric field at the midpoints are columns.
        field_transform : sequence of float, optional
            w, x, y, z, dx, dy, dz: rotates the field by a quaternion, then shifts it, µm.
        index : str or os.PathLike, optional
            A stored index, which is built if the file does not exist.
        columns : sequence of str, optional
            The columns of the result: those of the table, ``x``, ``y``, ``z`` (the midpoint), ``length``, ``inside``
            (the length inside the region), ``electrode``, ``distance``, attributes of the nodes.
        limit : int, optional
            Largest number of rows, also of counts and node ids.

        Returns
        -------
        Query
            The query, which has not run yet.

        Raises
        ------
        InputError, ValueError
            If a region is malformed, a column, node set, attribute or contact is unknown, a file is none of its kind, or an
            argument needs or excludes another.
        FileError
            If the circuit, the electrodes file, the lead field or the index cannot be read.
        TypeError
            If an argument has a wrong type.

        Warns
        -----
        LeadfieldWarning
            For assumptions about the table or the contacts.
        """
        shapes = {"sphere": sphere, "box": box, "disk": disk, "slab": slab, "capsule": capsule}
        given = {kind: value for kind, value in shapes.items() if value is not None}
        regions = [(kind, row) for kind, value in given.items() for row in _region_rows(kind, value)]
        names = text_list("columns", columns)
        if sum([bool(given), nearest is not None, electrodes is not None]) > 1:
            raise ValueError("expected one of regions, `nearest` and `electrodes`, found several")
        if nearest is not None and predicate is not None:
            raise ValueError("predicate: not defined for `nearest`, which uses the distance to the segment")
        if within is not None and electrodes is None:
            raise ValueError("within: expected together with `electrodes`")
        if weights is not None and electrode is None:
            raise ValueError("weights: expected together with `electrode`, the name of a contact")
        if weights is None and electrode is not None:
            if electrodes is None:
                raise ValueError("electrode: expected together with `weights` or `electrodes`")
            chosen, known = text("electrode", electrode), _contacts(electrodes).names
            if chosen not in known:
                raise ValueError(f"electrode: unknown contact, expected one of {', '.join(known[:12])}, found `{chosen}`")
            electrodes = electrodes[chosen]
        if index is not None and not given and nearest is None and electrodes is None:
            raise ValueError("index: expected together with a region, `nearest` or `electrodes`")
        if len(set(names)) < len(names):
            raise ValueError(f"columns: expected different ones, found {', '.join(names)}")
        if field_transform is not None and field is None:
            raise ValueError("field_transform: expected together with `field`")
        conditions = {} if where is None else where
        if not isinstance(conditions, Mapping):
            raise TypeError(f"where: expected a mapping of attributes and values, found {kind_of(where)}")
        own = set(_OWN_COLUMNS) | {"weight"} | (_FIELD_COLUMNS if field is not None else set())
        return Query(
            self,
            {
                "regions": regions if given else None,
                "nearest": None if nearest is None else _nearest(nearest),
                "electrodes": None if electrodes is None else _contacts(electrodes),
                "within": optional_number("within", within),
                "predicate": None if predicate is None else text("predicate", predicate),
                "section_types": None if section_type is None else text_list("section_type", section_type),
                "node_ids": None if node_ids is None else identities("node_ids", node_ids),
                "node_set": None if node_set is None else text("node_set", node_set),
                "conditions": [(text("where", name), _texts(name, values)) for name, values in conditions.items()],
                "circuit": None if circuit is None else _circuit_path(circuit),
                "needs_circuit": circuit is not None or any(name not in own for name in names),
                "weights": None if weights is None else _weights_of_contact(weights, electrode),
                "field": None if field is None else path_text(field, "field"),
                "field_transform": transform_text(field_transform),
                "index": None if index is None else path_text(index, "index"),
                "columns": names,
                "limit": None if limit is None else integer("limit", limit),
            },
        )

    def scan(self) -> pl.LazyFrame:
        """Returns the table as a polars LazyFrame, with the midpoint ``x``, ``y``, ``z`` and the ``length``.

        Only the columns that are used are read. Conditions on coordinates, as in
        ``segments.scan().filter(pl.col("x").is_between(0, 50) & (pl.col("y") < 100))``, become a box, so that only the
        pages that it touches are read; other conditions are applied afterwards.

        Raises
        ------
        ImportError
            If polars is not installed.
        """
        from ._scan import scan

        return scan(self)

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self.query().__arrow_c_stream__(requested_schema)

    def __arrow_c_schema__(self) -> object:
        return self.query().__arrow_c_schema__()

    def __repr__(self) -> str:
        about = self.metadata
        return f"<Segments {self.path!r}: {len(self)} segments of {about['neurons']} neurons, `{about['population']}`>"

    def _repr_html_(self) -> str:
        import html

        low, high = self.bounds
        about = {
            **self.metadata,
            "bounds (µm)": f"{', '.join(f'{v:.1f}' for v in low)} to {', '.join(f'{v:.1f}' for v in high)}",
        }
        rows = "".join(f"<tr><th>{html.escape(key)}</th><td>{html.escape(str(value))}</td></tr>" for key, value in about.items())
        return f"<table>{rows}</table>"


def _region_rows(kind: str, value: ArrayLike) -> list[list[float]]:
    """Returns the numbers of each region; none for an array without rows."""
    found = numbers(kind, value)
    if found.size == 0:
        return []
    if found.ndim not in (1, 2):
        raise ValueError(f"{kind}: wrong shape, expected (numbers,) or (n, numbers), found {found.shape}")
    return found.reshape(-1, found.shape[-1]).tolist()  # type: ignore[no-any-return]


def _nearest(value: Sequence[float]) -> tuple[list[float], int]:
    found = numbers("nearest", value if hasattr(value, "ndim") or not hasattr(value, "__iter__") else list(value)).tolist()
    if not isinstance(found, list) or len(found) != 4 or found[3] != found[3] // 1 or not 1 <= found[3] < 2**63:
        raise ValueError(f"nearest: malformed, expected x, y, z (µm) and a number of segments, found {found}")
    return found[:3], int(found[3])


def _contacts(electrodes: Electrodes) -> _leadfield.ElectrodeList:
    return instance("electrodes", electrodes, Electrodes, "lf.Electrodes.from_csv(path)")._list


def _circuit_path(circuit: PathLike | Circuit) -> str:
    # `_circuit` imports this module
    from ._circuit import Circuit

    return circuit.path if isinstance(circuit, Circuit) else path_text(circuit, "circuit")


def _weights_of_contact(weights: PathLike | ElectrodesFile, electrode: str | None) -> tuple[str, str]:
    return weights_path("weights", weights), text("electrode", electrode)


def _texts(attribute: str, values: Any) -> list[str]:
    """Returns the values of an attribute as texts."""
    name = f"where[{attribute!r}]"
    if isinstance(values, Mapping):
        raise TypeError(f"{name}: expected a value or several, found {kind_of(values)}: conditions have no operators")
    is_one = isinstance(values, (str, bytes)) or not hasattr(values, "__iter__") or getattr(values, "ndim", 1) == 0
    return [_value_text(name, value) for value in ([values] if is_one else values)]


def _value_text(name: str, value: Any) -> str:
    if isinstance(value, str):
        return str(value)
    try:
        found = number(name, value)
    except TypeError:
        raise TypeError(f"{name}: expected text or numbers, found {kind_of(value)}") from None
    if found != found or found in (float("inf"), float("-inf")):
        raise ValueError(f"{name}: expected finite numbers, found {found}")
    # a whole number is the same text whatever its type
    return str(int(value)) if found == found // 1 else repr(found)
