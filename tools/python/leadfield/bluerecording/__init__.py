"""The calls of BlueRecording 0.7 that other programs make, with the same names and arguments.

``from leadfield.bluerecording import compute_weights`` instead of ``from bluerecording import compute_weights``: no MPI, no
simulator. The work is leadfield's, so that results differ where ``docs/methods.md`` says so; in short: the dipole of
``DipoleReciprocity`` is that of each neuron, and no contact is nearer to a segment than the segment's radius.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .. import _leadfield
from .._circuit import Circuit
from .._common import PathLike, path_text
from .._segments import Segments
from .._validate import Comparison
from .._validate import compare_weights as _compare
from .._weights import weights as _weights
from .._weights import write_weights
from . import electrodes as electrodes
from .electrodes import Electrode, ElectrodesLike, ElectrodeType, to_electrodes

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

__all__ = [
    "Electrode",
    "ElectrodeType",
    "compare_weights",
    "compute_and_save_weights",
    "compute_weights",
    "electrodes",
    "save_weights",
]


def compute_weights(
    path_to_config: PathLike,
    electrodes: ElectrodesLike,
    replace_axons: bool = True,
    sigma: float | Sequence[float] | None = None,
    path_to_fields: Sequence[PathLike] | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame, NDArray[np.int64], NDArray[np.int32], str]:
    """Places the segments of a circuit, and computes their weights.

    Parameters
    ----------
    path_to_config : str or os.PathLike
        A circuit or simulation configuration.
    electrodes : path, sequence of Electrode, mapping of names to Electrode, or leadfield.Electrodes
        The contacts; a path is a file of contacts, JSON for example.
    replace_axons : bool
        Whether axons are replaced by stubs, as the cell templates say; otherwise they are kept.
    sigma : float or sequence of float, optional
        Conductivities, S/m: one, or one for each analytic contact; by default 0.277.
    path_to_fields : sequence of paths, optional
        Lead fields: one, or one for each reciprocity contact.

    Returns
    -------
    weights : pandas.DataFrame of shape (contacts, segments)
        V/nA; the columns are a MultiIndex of node ids and section ids.
    positions_df : pandas.DataFrame of shape (3, points)
        Ends of the segments, µm: a soma segment has one column, its start; n segments of another section have n + 1.
    cols : numpy.ndarray of shape (segments, 2)
        Node id and section id of each segment.
    neurite_types : numpy.ndarray of shape (segments,)
        Section types by number: soma 0, axon 1, dend 2, apic 3, ais 4, node 5, myelin 6; -1 if unknown.
    population_name : str
        The population.
    """
    import numpy as np
    import pandas as pd

    with tempfile.TemporaryDirectory(prefix="leadfield-") as folder:
        segments = _place_segments(path_to_config, replace_axons, folder)
        values = _weights(segments, to_electrodes(electrodes), **_settings(sigma, path_to_fields))
        table = _rows_in_order(segments)
        population_name = segments.metadata["population"]
    cols = np.stack([table["node_id"], table["section_id"]], axis=1).astype(np.int64)
    kinds = np.asarray(table["section_type"], dtype=np.float64)
    neurite_types = np.where(np.isnan(kinds), -1, kinds).astype(np.int32)
    weights = pd.DataFrame(values.T, columns=_index(cols))
    return weights, _points(table, cols), cols, neurite_types, population_name


def save_weights(
    weights: pd.DataFrame,
    cols: NDArray[Any],
    population_name: str,
    outputfile: PathLike,
    electrodes: ElectrodesLike,
    neurite_types: NDArray[Any] | None = None,
) -> None:
    """Writes the results of :func:`compute_weights` into an electrodes file, and replaces an older one.

    Parameters
    ----------
    weights : pandas.DataFrame of shape (contacts, segments)
        The weights, V/nA. Its columns are those of ``cols``, if they are node and section ids.
    cols : numpy.ndarray of shape (segments, 2)
        Node id and section id of each segment. Node ids ascend, and section ids within a node.
    population_name : str
        The population.
    outputfile : str or os.PathLike
        The electrodes file.
    electrodes
        The contacts, in the order of the rows of ``weights``: see :func:`compute_weights`.
    neurite_types : numpy.ndarray, optional
        Accepted, and not stored: no client reads them from an electrodes file.

    Raises
    ------
    ValueError
        If ``cols`` is not in this order, or the columns of ``weights`` are others.
    """
    import numpy as np

    ids = np.asarray(cols)
    if ids.ndim != 2 or ids.shape[1] != 2 or ids.dtype.kind not in "iu":
        raise ValueError(f"cols: expected integers of shape (segments, 2), found {ids.dtype} of shape {ids.shape}")
    ids = ids.astype(np.int64)
    _check_labels(weights, ids)
    node_of_row = ids[:, 0]
    node_ids, counts = np.unique(node_of_row, return_counts=True)
    if np.any(node_of_row != np.repeat(node_ids, counts)):
        raise ValueError("cols: node ids do not ascend, expected the order of `compute_weights`")
    falls = np.flatnonzero((np.diff(node_of_row) == 0) & (np.diff(ids[:, 1]) < 0))
    if falls.size:
        row = int(falls[0]) + 1
        expected, found = "the order of `compute_weights`", f"{ids[row, 1]} after {ids[row - 1, 1]} in row {row}"
        raise ValueError(f"cols: section ids of node {ids[row, 0]} do not ascend, expected {expected}, found {found}")
    offsets = np.concatenate([[0], np.cumsum(counts)])
    values = np.ascontiguousarray(np.asarray(weights, dtype=np.float64).T)
    contacts = to_electrodes(electrodes)._list
    path = path_text(outputfile)
    _leadfield.save_weights(path, population_name, node_ids.tolist(), offsets.tolist(), values, contacts, overwrite=True)


def _check_labels(weights: pd.DataFrame, ids: NDArray[np.int64]) -> None:
    """Checks that the columns of the weights are those segments, if they have labels of segments."""
    import numpy as np

    columns = getattr(weights, "columns", None)
    count = np.shape(weights)[1] if np.ndim(weights) == 2 else None
    if count != len(ids):
        raise ValueError(f"weights: expected one column for each of the {len(ids)} rows of `cols`, found {count}")
    if columns is None or getattr(columns, "nlevels", 1) != 2:
        return
    labels = np.array([columns.get_level_values(level) for level in (0, 1)]).T
    others = np.flatnonzero(np.any(labels != ids, axis=1))
    if others.size:
        row = int(others[0])
        expected, found = (tuple(map(int, ids[row])), tuple(labels[row].tolist()))
        raise ValueError(f"weights: columns of other segments than `cols`, expected {expected} at column {row}, found {found}")


def compute_and_save_weights(
    path_to_config: PathLike,
    electrodes: ElectrodesLike,
    outputfile: PathLike,
    replace_axons: bool = True,
    sigma: float | Sequence[float] | None = None,
    path_to_fields: Sequence[PathLike] | None = None,
) -> None:
    """Computes weights straight into an electrodes file, which may be larger than memory; an older one is replaced.

    Parameters
    ----------
    outputfile : str or os.PathLike
        The electrodes file.
    path_to_config, electrodes, replace_axons, sigma, path_to_fields
        See :func:`compute_weights`.
    """
    with tempfile.TemporaryDirectory(prefix="leadfield-") as folder:
        segments = _place_segments(path_to_config, replace_axons, folder)
        contacts = to_electrodes(electrodes)
        write_weights(segments, contacts, outputfile, overwrite=True, **_settings(sigma, path_to_fields))


def compare_weights(reference: PathLike, target: PathLike, rtol: float = 1e-6, atol: float = 1e-9) -> Comparison:
    """Compares two electrodes files; a last column without a contact, as old files have it, is ignored.

    Returns
    -------
    leadfield.Comparison
        True in an ``if`` when all weights agree, ``|a - b| <= atol + rtol max(|a|, |b|)``; ``str()`` says what differs.
    """
    return _compare(reference, target, rtol=rtol, atol=atol, ignore_extra_column=True)


def _place_segments(config: PathLike, replace_axons: bool, folder: str) -> Segments:
    out = os.path.join(folder, "segments")
    if replace_axons:
        return Circuit(config).segments(out=out)
    return Circuit(config).segments(out=out, discretisation="rule", axon_rule="keep")


def _settings(sigma: float | Sequence[float] | None, path_to_fields: Sequence[PathLike] | None) -> dict[str, Any]:
    fields = None if path_to_fields is None else list(path_to_fields)
    if sigma is None:
        return {"fields": fields}
    # a list has one number for each contact; a tuple would be the conductivities along x, y and z
    return {"fields": fields, "conductivity": list(sigma) if isinstance(sigma, Sequence) else sigma}


_STARTS, _ENDS = ("x0", "y0", "z0"), ("x1", "y1", "z1")


def _rows_in_order(segments: Segments) -> dict[str, NDArray[Any]]:
    """Returns columns of all segments in the order of the electrodes file."""
    import numpy as np

    rows = segments.query(columns=["row", "node_id", "section_id", "section_type", *_STARTS, *_ENDS]).read()
    order = np.argsort(rows["row"])
    return {name: np.asarray(rows[name])[order] for name in rows.columns}


def _index(ids: NDArray[Any]) -> pd.MultiIndex:
    import pandas as pd

    return pd.MultiIndex.from_arrays([ids[:, 0], ids[:, 1]], names=["id", "section"])


def _points(table: dict[str, NDArray[Any]], cols: NDArray[np.int64]) -> pd.DataFrame:
    """Returns the start of every segment, and after the last segment of a section other than a soma its end."""
    import numpy as np
    import pandas as pd

    starts = np.array([table[axis] for axis in _STARTS], dtype=np.float64)
    ends = np.array([table[axis] for axis in _ENDS], dtype=np.float64)
    changes = np.any(cols[1:] != cols[:-1], axis=1)
    last_of_section = np.flatnonzero(np.append(changes, True) & (cols[:, 1] != 0))
    points = np.insert(starts, last_of_section + 1, ends[:, last_of_section], axis=1)
    ids = np.insert(cols, last_of_section + 1, cols[last_of_section], axis=0)
    return pd.DataFrame(points, columns=_index(ids))
