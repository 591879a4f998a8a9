"""Weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Union

from . import _leadfield
from ._common import (
    PathLike,
    Progress,
    flag,
    instance,
    is_path,
    kind_of,
    number,
    number_list,
    numbers,
    optional_number,
    path_list,
    path_text,
    points_of,
    progress_of,
    text,
    transform_text,
    warn,
)
from ._electrodes import Electrodes
from ._segments import Segments

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

METHODS: dict[str, str] = dict(_leadfield.method_names())
"""The methods: their names, each with one sentence."""

Conductivity = Union[float, tuple[float, float, float]]
Fields = Union[PathLike, Sequence[PathLike], Mapping[str, PathLike]]
NearField = Literal["radius", "exact"]


class WeightsSummary(NamedTuple):
    """The summary of :func:`write_weights`."""

    path: str
    contacts: int
    neurons: int
    segments: int
    bytes: int
    parts: int
    resumed_parts: int
    damaged_parts: int


def weights(
    segments: Segments,
    electrodes: Electrodes,
    *,
    conductivity: Conductivity | Sequence[Conductivity] = 0.277,
    near_field: NearField = "radius",
    fields: Fields | None = None,
    outside_field: Literal["error", "zero"] = "error",
    field_current: float | None = None,
    field_transform: Sequence[float] | None = None,
    dtype: Any = "f64",
    progress: Progress = False,
) -> NDArray[Any]:
    """Computes the weights of all segments at all contacts.

    A weight is the potential at the contact for one nanoampere of membrane current of the segment; ``w.T @ i`` is the
    recorded signal, V, for membrane currents ``i`` in nA.

    Parameters
    ----------
    segments : Segments
        The segment table.
    electrodes : Electrodes
        The contacts.
    conductivity : float, (float, float, float), or a list of these
        Conductivity of the medium, S/m, or along x, y and z: one for all contacts, or one for each contact of an
        analytic method. A contact's own has priority.
    near_field : {"radius", "exact"}
        ``"radius"``: no contact is nearer to a segment than its radius. ``"exact"``: the formula unchanged; a weight
        that is not finite is an error.
    fields : path, sequence of paths, or mapping, optional
        Lead fields of ``Reciprocity`` and ``DipoleReciprocity``: one for all such contacts, one for each in order, or
        by the name of the contact.
    outside_field : {"error", "zero"}
        Treatment of a point outside of a lead field.
    field_current : float, optional
        The current that made the lead fields, nA, instead of the value in the files.
    field_transform : sequence of float, optional
        w, x, y, z, dx, dy, dz: rotates the lead fields by a quaternion, then shifts them, µm.
    dtype : {"f64", "f32"} or a numpy type
        The type of the result; weights are computed in float64.
    progress : bool or callable
        True shows a bar if tqdm is installed; a function is called with numbers of segments done.

    Returns
    -------
    numpy.ndarray of shape (segments, contacts)
        V/nA (no unit for ObjectiveCSD). Row i is row i of the electrodes file: node ids, sections and segments ascending.
        The values are those of ``write_weights``, bit by bit.

    Raises
    ------
    InputError
        If a contact lacks what its method needs, or a weight is not finite.
    MemoryError
        If the result does not fit into memory.

    Warns
    -----
    LeadfieldWarning
        For contacts far away from all segments, and arrays that are not straight.

    Notes
    -----
    LineSource: Holt and Koch 1999, J Comput Neurosci 6:169, https://doi.org/10.1023/A:1008832702585
    """
    arguments = _settings(locals())
    single = _is_single(dtype)
    table, contacts = _table_of(segments), _contacts_of(electrodes)
    with progress_of(progress, len(table), "segments") as update:
        values, warnings = _leadfield.weights(table, contacts, arguments, single, update)
    warn(warnings)
    return values


def weights_of(
    starts: ArrayLike,
    ends: ArrayLike,
    radii: ArrayLike,
    electrodes: Electrodes,
    *,
    conductivity: Conductivity | Sequence[Conductivity] = 0.277,
    near_field: NearField = "radius",
    fields: Fields | None = None,
    outside_field: Literal["error", "zero"] = "error",
    field_current: float | None = None,
    field_transform: Sequence[float] | None = None,
) -> NDArray[np.float64]:
    """Computes the weights of segments in arrays: no files, no circuit.

    All segments together are one neuron: the methods that have a centre of the neuron (``CurrentDipole``,
    ``InfiniteDipole`` and other dipoles) use that of all of them. Call it once for each neuron.

    Parameters
    ----------
    starts, ends : array_like of shape (segments, 3)
        The ends of the segments, µm. A segment with equal ends is a point.
    radii : array_like of shape (segments,), or a number
        Radii, µm; one that is not positive is unknown (0.5 µm).
    electrodes, conductivity, near_field, fields, outside_field, field_current, field_transform
        See :func:`weights`.

    Returns
    -------
    numpy.ndarray of shape (segments, contacts)
        V/nA. Infinite or NaN values are possible with ``near_field="exact"``, and for coordinates whose squares are no
        float64, beyond 1e150 µm.

    Raises
    ------
    ValueError
        If the arrays differ in length or have another shape, or a position is not finite.

    Examples
    --------
    >>> import leadfield as lf
    >>> e = lf.linear(3, pitch=50.0, at=(5.0, 50.0, 0.0), type="PointSource")
    >>> lf.weights_of([[0, 0, 0]], [[10, 0, 0]], [0.5], e, conductivity=0.3).round(9)
    array([[5.305e-06, 2.653e-06, 1.768e-06]])
    """
    import numpy as np

    starts, ends = (np.ascontiguousarray(points_of(name, a)) for name, a in (("starts", starts), ("ends", ends)))
    for name, points in (("starts", starts), ("ends", ends)):
        if points.ndim != 2 or points.shape[1] != 3:
            raise ValueError(f"{name}: wrong shape, expected (n, 3), found {points.shape}")
    with np.errstate(over="ignore"):
        values = numbers("radii", radii).astype(np.float32)
    if np.isinf(values).any():
        raise ValueError("radii: out of range, expected float32 numbers, found infinity")
    if values.ndim == 0:
        values = np.full(len(starts), values, dtype=np.float32)
    if values.ndim != 1:
        raise ValueError(f"radii: wrong shape, expected (n,), found {values.shape}")
    arguments = _settings(locals())
    return _leadfield.weights_of(starts, ends, np.ascontiguousarray(values), _contacts_of(electrodes), arguments)


def write_weights(
    segments: Segments | Sequence[Segments],
    electrodes: Electrodes,
    out: PathLike,
    *,
    conductivity: Conductivity | Sequence[Conductivity] = 0.277,
    near_field: NearField = "radius",
    fields: Fields | None = None,
    outside_field: Literal["error", "zero"] = "error",
    field_current: float | None = None,
    field_transform: Sequence[float] | None = None,
    resume: bool = False,
    overwrite: bool = False,
    progress: Progress = False,
) -> WeightsSummary:
    """Computes weights and writes the electrodes file, which may be far larger than memory.

    The file is the one that ``leadfield weights`` writes. It appears under its name when it is complete. Ctrl-C stops
    between units of work; ``resume=True`` resumes the run, to the same bytes.

    Parameters
    ----------
    segments : Segments or sequence of Segments
        The segment table of each population.
    out : str or os.PathLike
        The electrodes file (HDF5).
    resume, overwrite : bool
        Resume an interrupted run of the same inputs and settings; replace a file that exists.
    electrodes, conductivity, near_field, fields, outside_field, field_current, field_transform, progress
        See :func:`weights`.

    Returns
    -------
    WeightsSummary
        The summary of the written file.

    Raises
    ------
    OutputExistsError
        If the file exists, or an interrupted run left a part of it.
    FileError
        If it cannot be written, or the disk has too little space.
    InputError
        As for :func:`weights`.
    ValueError
        If there are no tables.
    """
    tables = table_list(segments)
    if not tables:
        raise ValueError("segments: empty, expected the table of at least one population")
    contacts, arguments = _contacts_of(electrodes), _settings(locals())
    path = path_text(out, "out")
    with progress_of(progress, sum(map(len, tables)), "segments") as update:
        summary, warnings = _leadfield.write_weights(
            tables,
            contacts,
            path,
            arguments,
            resume=flag("resume", resume),
            overwrite=flag("overwrite", overwrite),
            progress=update,
        )
    warn(warnings)
    return WeightsSummary(path=path, **summary)


def _table_of(segments: Segments) -> _leadfield.SegmentTable:
    return instance("segments", segments, Segments, "lf.Segments(path)")._table


def table_list(segments: Segments | Sequence[Segments] | None) -> list[_leadfield.SegmentTable]:
    """Returns the tables of an argument that is one or several."""
    if segments is None:
        return []
    is_one = isinstance(segments, Segments) or is_path(segments) or not hasattr(segments, "__iter__")
    return [_table_of(table) for table in ([segments] if is_one else segments)]  # type: ignore[list-item, union-attr, arg-type]


def _contacts_of(electrodes: Electrodes) -> _leadfield.ElectrodeList:
    return instance("electrodes", electrodes, Electrodes, "lf.Electrodes.from_csv(path)")._list


def _settings(given: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the settings of the extension module for the arguments of :func:`weights`, by name."""
    fields = given["fields"]
    named = fields if isinstance(fields, Mapping) else {}
    listed = [] if fields is None or isinstance(fields, Mapping) else fields
    return {
        "conductivities": _conductivities(given["conductivity"]),
        "near_field": text("near_field", given["near_field"]),
        "fields": path_list("fields", listed),
        "named_fields": [(text("fields", name), path_text(path, "fields")) for name, path in named.items()],
        "outside_field": text("outside_field", given["outside_field"]),
        "field_current": optional_number("field_current", given["field_current"]),
        "field_transform": transform_text(given["field_transform"]),
    }


def _conductivities(value: Any) -> list[str]:
    """Returns one text for each conductivity; a tuple is one along x, y and z, a list or an array are several."""
    if isinstance(value, (str, bytes, Mapping)):
        found = kind_of(value)
        raise TypeError(f"conductivity: expected a number, a tuple of three (along x, y, z), or a list, found {found}")
    if isinstance(value, tuple) or not _is_several(value):
        return [_conductivity(value)]
    listed = [_conductivity(each) for each in value]
    if not listed:
        raise ValueError("conductivity: empty, expected one number, or one for each contact")
    return listed


def _conductivity(value: Any) -> str:
    if _is_several(value):
        return ",".join(map(repr, number_list("conductivity", value, 3, "along x, y, z")))
    return repr(number("conductivity", value))


def _is_several(value: Any) -> bool:
    return hasattr(value, "__iter__") and getattr(value, "ndim", 1) > 0 and not isinstance(value, (str, bytes))


def _is_single(dtype: Any) -> bool:
    if isinstance(dtype, str) and dtype in ("f64", "f32"):
        return dtype == "f32"
    import numpy as np

    name = np.dtype(dtype).name
    if name not in ("float64", "float32"):
        raise ValueError(f"dtype: unknown, expected `f64` or `f32`, found `{name}`")
    return bool(name == "float32")
