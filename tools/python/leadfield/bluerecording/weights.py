"""Weights of a circuit."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .. import _leadfield
from .._circuit import Circuit
from .._common import PathLike, path_text
from .._segments import Segments
from .._weights import weights as _weights
from .._weights import write_weights
from .electrodes import Electrode, ElectrodesLike, ElectrodeType, ObjectiveCSDParams, to_electrodes

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

__all__ = [
    "ComputeWeightsTask",
    "Electrode",
    "ElectrodeType",
    "ObjectiveCSDParams",
    "compute_and_save_weights",
    "compute_weights",
    "save_weights",
]


def compute_weights(
    path_to_config: PathLike,
    electrodes: ElectrodesLike,
    replace_axons: bool = True,
    sigma: Sequence[float] | None = None,
    path_to_fields: Sequence[PathLike] | None = None,
    objective_csd_array_indices: Sequence[str] | None = None,
    cells_per_batch: int | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame, NDArray[np.int64], NDArray[np.int32], str]:
    """Computes the weights of all segments of a circuit.

    Parameters
    ----------
    path_to_config : str or os.PathLike
        A circuit or simulation configuration.
    electrodes : path, sequence of Electrode, or mapping of names to Electrode
        The contacts; a path is a JSON or CSV file.
    replace_axons : bool
        Whether axons are replaced as the cell templates do; otherwise they are kept.
    sigma : sequence of float, optional
        Conductivities, S/m: one, or one for each analytic contact; by default 0.277.
    path_to_fields : sequence of paths, optional
        Lead fields: one, or one for each reciprocity contact.
    objective_csd_array_indices : sequence of str, optional
        ``first:end``: contacts that are an array of ObjectiveCSD.
    cells_per_batch : int, optional
        Accepted, without effect.

    Returns
    -------
    weights : pandas.DataFrame of shape (contacts, segments)
        V/nA; the columns are a MultiIndex of node ids and section ids.
    positions : pandas.DataFrame of shape (3, ends)
        Ends of the segments, um: one column for each soma segment, and one more than segments for other sections.
    cols : numpy.ndarray of shape (segments, 2)
        Node id and section id of each segment.
    neurite_types : numpy.ndarray of shape (segments,)
        Section types by number: soma 0, axon 1, dend 2, apic 3, ais 4, node 5, myelin 6; -1 if unknown.
    population_name : str
        The population.
    """
    import numpy as np
    import pandas as pd

    contacts = _with_arrays(to_electrodes(electrodes), objective_csd_array_indices)
    with tempfile.TemporaryDirectory(prefix="leadfield-") as folder:
        segments = _place(path_to_config, replace_axons, folder)
        values = _weights(segments, contacts, conductivity=_conductivity(sigma), fields=_fields(path_to_fields))
        columns = _columns(segments, ["node_id", "section_id", "section_type", *_ENDS])
        population = segments.metadata["population"]
    cols = np.column_stack([columns["node_id"], columns["section_id"]]).astype(np.int64)
    types = np.nan_to_num(np.asarray(columns["section_type"], dtype=float), nan=-1).astype(np.int32)
    index = pd.MultiIndex.from_arrays(cols.T, names=["id", "section"])
    return pd.DataFrame(values.T, columns=index), _positions(columns, cols), cols, types, population


def save_weights(
    weights: pd.DataFrame | None,
    cols: NDArray[Any],
    population_name: str,
    outputfile: PathLike,
    electrodes: ElectrodesLike,
    neurite_types: NDArray[Any] | None = None,
    gid_offset: int = 0,
) -> None:
    """Writes the weights of :func:`compute_weights` into an electrodes file; it replaces an older one.

    Parameters
    ----------
    weights : pandas.DataFrame of shape (contacts, segments)
        The weights, V/nA.
    cols : numpy.ndarray of shape (segments, 2)
        Node id and section id of each segment; the segments of a node are consecutive, node ids ascend.
    population_name : str
        The population.
    outputfile : str or os.PathLike
        The electrodes file.
    electrodes : path, sequence of Electrode, or mapping of names to Electrode
        The contacts, in the order of the rows of ``weights``.
    neurite_types : numpy.ndarray, optional
        Accepted, and not stored.
    gid_offset : int
        What was added to the node ids.
    """
    import numpy as np

    if weights is None:
        return
    ids = np.asarray(cols)[:, 0].astype(np.int64) - gid_offset
    first = np.flatnonzero(np.diff(ids, prepend=ids[:1] - 1))
    values = np.ascontiguousarray(np.asarray(weights, dtype=np.float64).T)
    _leadfield.save_weights(
        path_text(outputfile),
        population_name,
        ids[first].tolist(),
        [*first.tolist(), len(ids)],
        values,
        to_electrodes(electrodes)._list,
        overwrite=True,
    )


@dataclass
class ComputeWeightsTask:
    """One electrodes file of :func:`compute_and_save_weights`; the arguments are those of :func:`compute_weights`."""

    electrodes: ElectrodesLike
    output: PathLike
    sigma: Sequence[float] | None = None
    path_to_fields: Sequence[PathLike] | None = None
    with_neurite_type: bool = False
    objective_csd_array_indices: Sequence[str] | None = None


def compute_and_save_weights(
    path_to_config: PathLike,
    tasks: Sequence[ComputeWeightsTask],
    replace_axons: bool = True,
    cells_per_batch: int | None = None,
) -> None:
    """Places the segments of a circuit once, and writes one electrodes file for each task; older ones are replaced.

    Weights go straight to the files, so that they may be larger than memory.
    """
    with tempfile.TemporaryDirectory(prefix="leadfield-") as folder:
        segments = _place(path_to_config, replace_axons, folder)
        for task in tasks:
            write_weights(
                segments,
                _with_arrays(to_electrodes(task.electrodes), task.objective_csd_array_indices),
                task.output,
                conductivity=_conductivity(task.sigma),
                fields=_fields(task.path_to_fields),
                overwrite=True,
            )


_ENDS = ("x0", "y0", "z0", "x1", "y1", "z1")


def _place(config: PathLike, replace_axons: bool, folder: str) -> Segments:
    out = os.path.join(folder, "segments")
    if replace_axons:
        return Circuit(config).segments(out=out)
    return Circuit(config).segments(out=out, discretisation="rule", axon_rule="keep")


def _conductivity(sigma: Sequence[float] | None) -> Any:
    return 0.277 if sigma is None else list(sigma)


def _fields(paths: Sequence[PathLike] | None) -> Any:
    return None if paths is None else list(paths)


def _with_arrays(electrodes: Any, ranges: Sequence[str] | None) -> Any:
    """Names the arrays of ``first:end`` ranges."""
    if not ranges:
        return electrodes
    contacts = list(electrodes)
    for number, text in enumerate(ranges):
        first, _, end = text.partition(":")
        for contact in contacts[int(first) : int(end)]:
            contact["array"] = f"array {number}"
    return electrodes._with(contacts)


def _columns(segments: Segments, names: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Returns columns of all segments, in the order of the rows."""
    import numpy as np

    parts = [segments.part(i) for i in range(len(segments.parts))]
    order = np.argsort(np.concatenate([part["row"] for part in parts]), kind="stable")
    return {name: np.concatenate([part[name] for part in parts])[order] for name in names}


def _positions(columns: dict[str, NDArray[Any]], cols: NDArray[np.int64]) -> pd.DataFrame:
    """Returns one column for each soma segment, and one more than segments for each other section."""
    import numpy as np
    import pandas as pd

    starts = np.vstack([columns[name] for name in _ENDS[:3]])
    ends = np.vstack([columns[name] for name in _ENDS[3:]])
    # the last segment of each section, unless it is a soma
    is_last = np.append(np.any(np.diff(cols, axis=0) != 0, axis=1), True) & (cols[:, 1] != 0)
    place = np.arange(len(cols)) + np.concatenate([[0], np.cumsum(is_last)[:-1]])
    points = np.empty((3, len(cols) + int(is_last.sum())))
    ids = np.empty((points.shape[1], 2), dtype=np.int64)
    points[:, place], ids[place] = starts, cols
    points[:, place[is_last] + 1], ids[place[is_last] + 1] = ends[:, is_last], cols[is_last]
    return pd.DataFrame(points, columns=pd.MultiIndex.from_arrays(ids.T, names=["id", "section"]))
