"""The calls of BlueRecording 0.7 that other programs make, with the same names and arguments.

``from leadfield.bluerecording import compute_weights`` instead of ``from bluerecording import compute_weights``: no MPI, no
simulator. ``compute_weights``, ``save_weights``, ``compute_and_save_weights``, ``ComputeWeightsTask``, ``compare_weights``,
and in ``electrodes`` ``Electrode``, ``ElectrodeType`` and ``ObjectiveCSDParams`` are there; ``compute_positions``,
``save_positions``, ``get_weights``, ``get_and_save_weights`` and the modules ``weights``, ``positions`` and ``physics`` are not.

The work is leadfield's, so that results differ where ``docs/methods.md`` says so; in short: the dipole of
``DipoleReciprocity`` is that of each neuron, and no contact is nearer to a segment than the segment's radius. The calls
differ in these points:

- There are no ranks: ``weights=None``, by which BlueRecording says that a rank has no nodes, is an error.
- Neurite types are not stored in electrodes files, with a warning; no client reads them from there.
  ``compute_weights`` returns them.
- ``cells_per_batch`` has no effect: it bounds the memory of the simulator's cells, and there are none.
- ``compare_weights`` compares by ``|a - b| <= atol + rtol max(|a|, |b|)``. Its result is false in an ``if`` when files differ.
- Arguments that BlueRecording ignores are errors: a radius or thickness that the type does not take, and more lead fields
  than contacts that need one.
- More is accepted: contacts by name in a mapping, or as :class:`leadfield.Electrodes`; their files in all formats; one lead
  field for all contacts; a conductivity for each analytic contact alone.
"""

from __future__ import annotations

import errno
import inspect
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Union, overload

from .. import _leadfield
from .._circuit import Circuit
from .._common import PathLike, flag, integer, kind_of, number, path_list, path_text, text, text_list, warn
from .._electrodes import Electrodes
from .._electrodes_file import ElectrodesFile, weights_path
from .._errors import LeadfieldError, OutputExistsError, exception_of
from .._segments import Segments
from .._validate import Comparison
from .._validate import compare_weights as _compare
from .._weights import weights as _weights
from .._weights import write_weights
from . import electrodes as electrodes
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
    "WeightsComparison",
    "compare_weights",
    "compute_and_save_weights",
    "compute_weights",
    "electrodes",
    "save_weights",
]

Sigma = Union[float, Sequence[float]]
Paths = Union[PathLike, Sequence[PathLike]]


def compute_weights(
    path_to_config: PathLike,
    electrodes: ElectrodesLike,
    replace_axons: bool = True,
    sigma: Sigma | None = None,
    path_to_fields: Paths | None = None,
    objective_csd_array_indices: Sequence[str] | None = None,
    cells_per_batch: int | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame, NDArray[np.uint64], NDArray[np.int32], str]:
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
        Conductivities, S/m: one; one for each contact, of which those of contacts that need none are ignored; or one for
        each analytic contact. By default 0.277.
    path_to_fields : sequence of paths, optional
        Lead fields: one, or one for each reciprocity contact, in their order.
    objective_csd_array_indices : sequence of str, optional
        The arrays of ObjectiveCSD contacts, each as ``"first:end"``: contacts by number from 0, the end excluded. Each disk
        and plane is in one. By default all contacts of one type are one array. A contact with an ``array`` of its own keeps
        it.
    cells_per_batch : int, optional
        Accepted, without effect.

    Returns
    -------
    weights : pandas.DataFrame of shape (contacts, segments)
        V/nA; the columns are a MultiIndex of node ids and section ids.
    positions_df : pandas.DataFrame of shape (3, points)
        Ends of the segments, µm: a soma segment has one column, its start; n segments of another section have n + 1.
    cols : numpy.ndarray of uint64 and shape (segments, 2)
        Node id and section id of each segment.
    neurite_types : numpy.ndarray of int32 and shape (segments,)
        Section types by number: soma 0, axon 1, dend 2, apic 3, ais 4, node 5, myelin 6; -1 if unknown.
    population_name : str
        The population.

    Raises
    ------
    FileError
        If a file cannot be read.
    InputError, ValueError
        If the circuit or a contact is malformed, several populations have segments, or numbers of conductivities, lead
        fields or arrays do not fit the contacts.
    TypeError
        If an argument has a wrong type.
    MemoryError
        If the weights do not fit into memory; :func:`compute_and_save_weights` needs little.

    Warns
    -----
    LeadfieldWarning
        As for :meth:`leadfield.Circuit.segments` and :func:`leadfield.weights`.
    """
    import numpy as np
    import pandas as pd

    _check_batch(cells_per_batch)
    contacts, settings = _prepare(electrodes, sigma, path_to_fields, objective_csd_array_indices)
    with tempfile.TemporaryDirectory(prefix="leadfield-") as folder:
        segments = _place_segments(path_to_config, replace_axons, folder)
        values = _weights(segments, contacts, **settings)
        table = _rows_in_order(segments)
        population_name = segments.metadata["population"]
    cols = np.stack([table["node_id"], table["section_id"]], axis=1).astype(np.uint64)
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
    gid_offset: int = 0,
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
    neurite_types : numpy.ndarray of shape (segments,), optional
        Not stored, with a warning: no client reads them from an electrodes file.
    gid_offset : int
        Subtracted from the node ids of ``cols``.

    Raises
    ------
    ValueError
        If ``weights`` is None, ``cols`` is not in this order, the columns of ``weights`` are others, or a node id is below
        ``gid_offset``.
    InputError
        If the numbers of contacts and rows of ``weights`` differ, or a weight is not finite.
    FileError
        If the file cannot be written.
    TypeError
        If an argument has a wrong type.

    Warns
    -----
    LeadfieldWarning
        If there are ``neurite_types``.
    """
    import numpy as np

    if weights is None:
        raise ValueError("weights: expected those of `compute_weights`, found None: there are no ranks without nodes")
    name, path = text("population_name", population_name), path_text(outputfile, "outputfile")
    offset = integer("gid_offset", gid_offset)
    ids = np.asarray(cols)
    if ids.ndim != 2 or ids.shape[1] != 2 or ids.dtype.kind not in "iu":
        raise ValueError(f"cols: expected integers of shape (segments, 2), found {ids.dtype} of shape {ids.shape}")
    if ids.size and (ids.min() < 0 or ids[:, 0].min() < offset):
        least = "0 or more" if ids.min() < 0 else f"node ids of at least gid_offset ({offset})"
        found = ids.min() if ids.min() < 0 else ids[:, 0].min()
        raise ValueError(f"cols: out of range, expected {least}, found {found}")
    ids = ids.astype(np.uint64)
    _check_labels(weights, ids)
    node_of_row, sections = ids[:, 0], ids[:, 1].astype(np.int64)
    node_ids, counts = np.unique(node_of_row, return_counts=True)
    if np.any(node_of_row != np.repeat(node_ids, counts)):
        raise ValueError("cols: node ids do not ascend, expected the order of `compute_weights`")
    falls = np.flatnonzero((node_of_row[1:] == node_of_row[:-1]) & (np.diff(sections) < 0))
    if falls.size:
        row = int(falls[0]) + 1
        expected, found = "the order of `compute_weights`", f"{sections[row]} after {sections[row - 1]} in row {row}"
        raise ValueError(f"cols: section ids of node {ids[row, 0]} do not ascend, expected {expected}, found {found}")
    offsets = np.concatenate([[0], np.cumsum(counts)])
    values = np.ascontiguousarray(np.asarray(weights, dtype=np.float64).T)
    contacts = to_electrodes(electrodes)._list
    _check_replaceable(path)
    _leadfield.save_weights(
        path, name, [node - offset for node in node_ids.tolist()], offsets.tolist(), values, contacts, overwrite=True
    )
    if neurite_types is not None:
        _warn_of_types(path)


def _check_labels(weights: pd.DataFrame, ids: NDArray[np.uint64]) -> None:
    """Checks that the columns of the weights are those segments, if they have labels of segments."""
    import numpy as np

    columns = getattr(weights, "columns", None)
    count = np.shape(weights)[1] if np.ndim(weights) == 2 else None
    if count != len(ids):
        raise ValueError(f"weights: expected one column for each of the {len(ids)} rows of `cols`, found {count}")
    rows = getattr(weights, "index", None)
    if rows is not None and rows.dtype.kind in "iu" and list(rows) != list(range(len(rows))):
        raise ValueError("weights: rows are not in the order of the contacts, expected the index 0, 1, 2, ...")
    if columns is None or getattr(columns, "nlevels", 1) != 2:
        return
    # level by level: an array of both would have floating-point numbers if one level is signed
    labels = [np.asarray(columns.get_level_values(level)) for level in (0, 1)]
    others = np.flatnonzero((labels[0] != ids[:, 0]) | (labels[1] != ids[:, 1]))
    if others.size:
        row = int(others[0])
        expected, found = (tuple(map(int, ids[row])), tuple(level[row].item() for level in labels))
        raise ValueError(f"weights: columns of other segments than `cols`, expected {expected} at column {row}, found {found}")


@dataclass
class ComputeWeightsTask:
    """An electrodes file that :func:`compute_and_save_weights` writes.

    Parameters
    ----------
    electrodes, sigma, path_to_fields, objective_csd_array_indices
        See :func:`compute_weights`.
    output : str or os.PathLike
        The electrodes file.
    with_neurite_type : bool
        Neurite types are not stored: True is a warning, as ``neurite_types`` of :func:`save_weights` is.
    """

    electrodes: ElectrodesLike
    output: PathLike
    sigma: Sigma | None = None
    path_to_fields: Paths | None = None
    with_neurite_type: bool = False
    objective_csd_array_indices: Sequence[str] | None = None


@overload
def compute_and_save_weights(
    path_to_config: PathLike,
    tasks: ComputeWeightsTask | Sequence[ComputeWeightsTask],
    replace_axons: bool = True,
    cells_per_batch: int | None = None,
) -> None: ...
@overload
def compute_and_save_weights(
    path_to_config: PathLike,
    electrodes: ElectrodesLike,
    outputfile: PathLike,
    replace_axons: bool = True,
    sigma: Sigma | None = None,
    path_to_fields: Paths | None = None,
) -> None: ...


def compute_and_save_weights(path_to_config: PathLike, *arguments: Any, **named: Any) -> None:
    """Places the segments of a circuit once, and writes an electrodes file for each task, in bounded memory.

    ``compute_and_save_weights(path_to_config, electrodes, outputfile, replace_axons=True, sigma=None, path_to_fields=None)``
    is the same for one file. Older files are replaced.

    Parameters
    ----------
    path_to_config : str or os.PathLike
        A circuit or simulation configuration.
    tasks : ComputeWeightsTask or sequence of ComputeWeightsTask
        The contacts, settings and electrodes file of each task.
    replace_axons : bool
        Whether axons are replaced by stubs, as the cell templates say; otherwise they are kept.
    cells_per_batch : int, optional
        Accepted, without effect: memory is bounded already.

    Raises
    ------
    FileError
        If a file cannot be read or written.
    InputError, ValueError
        As for :func:`compute_weights`; and if two tasks have the same output. Contacts and numbers of all tasks are checked
        before the first file is written.
    TypeError
        If an argument is missing or of another type.

    Warns
    -----
    LeadfieldWarning
        As for :func:`compute_weights`, and for tasks with ``with_neurite_type``.
    """
    is_of_tasks = _are_tasks(arguments[0]) if arguments else "electrodes" not in named
    save = _save_tasks if is_of_tasks else _save_one
    save(path_to_config, *arguments, **named)


def _save_tasks(
    path_to_config: PathLike,
    tasks: ComputeWeightsTask | Sequence[ComputeWeightsTask],
    replace_axons: bool = True,
    cells_per_batch: int | None = None,
) -> None:
    _check_batch(cells_per_batch)
    listed = [tasks] if isinstance(tasks, ComputeWeightsTask) else list(tasks)
    if not listed:
        raise ValueError("tasks: empty, expected at least one")
    for task in listed:
        if not isinstance(task, ComputeWeightsTask):
            raise TypeError(f"tasks: expected ComputeWeightsTask, found {kind_of(task)}")
    outputs = [path_text(task.output, "output") for task in listed]
    if len(set(map(os.path.abspath, outputs))) < len(outputs):
        raise ValueError(f"tasks: expected another output for each, found {', '.join(outputs)}")
    prepared = [
        _prepare(task.electrodes, task.sigma, task.path_to_fields, task.objective_csd_array_indices) for task in listed
    ]
    for task, output in zip(listed, outputs):
        _check_replaceable(output)
        if flag("with_neurite_type", task.with_neurite_type):
            _warn_of_types(output)
    with tempfile.TemporaryDirectory(prefix="leadfield-") as folder:
        segments = _place_segments(path_to_config, replace_axons, folder)
        for (contacts, settings), output in zip(prepared, outputs):
            write_weights(segments, contacts, output, overwrite=True, **settings)


def _save_one(
    path_to_config: PathLike,
    electrodes: ElectrodesLike,
    outputfile: PathLike,
    replace_axons: bool = True,
    sigma: Sigma | None = None,
    path_to_fields: Paths | None = None,
) -> None:
    task = ComputeWeightsTask(electrodes, path_text(outputfile, "outputfile"), sigma, path_to_fields)
    _save_tasks(path_to_config, task, replace_axons)


def _are_tasks(value: object) -> bool:
    if isinstance(value, (list, tuple)):
        return all(isinstance(each, ComputeWeightsTask) for each in value)
    # contacts are no iterator
    return isinstance(value, (ComputeWeightsTask, Iterator))


def _check_replaceable(path: str) -> None:
    """Refuses to replace anything but an electrodes file: a file of the circuit, for example."""
    if not os.path.lexists(path):
        return
    try:
        ElectrodesFile(path).close()
    except LeadfieldError:
        raise OutputExistsError.of_file(path, "and is no electrodes file") from None


# the arguments of BlueRecording, for `help` and editors
compute_and_save_weights.__signature__ = inspect.signature(_save_tasks)  # type: ignore[attr-defined]


class WeightsComparison(Comparison):
    """A :class:`leadfield.Comparison` that can be unpacked: ``agrees, text = compare_weights(reference, target)``.

    ``agrees`` is a bool, and ``text`` states the differences.
    """

    def __iter__(self) -> Iterator[bool | str]:
        return iter((self.agrees, str(self)))

    def __len__(self) -> int:
        return 2

    def __getitem__(self, place: int) -> bool | str:
        """Returns whether the files agree (0), or what differs (1).

        Parameters
        ----------
        place : int
            0 or 1.

        Raises
        ------
        IndexError
            If it is another number.
        """
        return (self.agrees, str(self))[place]


def compare_weights(
    reference: PathLike | ElectrodesFile,
    target: PathLike | ElectrodesFile,
    rtol: float = 1e-6,
    atol: float = 1e-9,
    population_name: str | None = None,
) -> WeightsComparison:
    """Compares two electrodes files; a last column without a contact, as old files have it, is ignored.

    Parameters
    ----------
    reference, target : str, os.PathLike or ElectrodesFile
        The files.
    rtol, atol : float
        Relative tolerance, and absolute tolerance in V/nA: finite, 0 or more.
    population_name : str, optional
        The population; by default the only one of each file, or those of the same name.

    Returns
    -------
    WeightsComparison
        True in an ``if`` when all weights agree, ``|a - b| <= atol + rtol max(|a|, |b|)``; ``str()`` says what differs. It
        can be unpacked into a bool and a str.

    Raises
    ------
    FileError
        If a file cannot be read.
    InputError, ValueError
        If a file is not an electrodes file or lacks the population, or a tolerance is negative or not finite.
    TypeError
        If an argument has a wrong type.
    """
    files = weights_path("reference", reference), weights_path("target", target)
    population = None if population_name is None else text("population_name", population_name)
    found = _compare(*files, rtol=rtol, atol=atol, population=population, ignore_extra_column=True)
    return WeightsComparison(found.agrees, found.populations_only_in, found.populations)


def _check_batch(cells_per_batch: int | None) -> None:
    if cells_per_batch is not None:
        integer("cells_per_batch", cells_per_batch, least=1)


def _warn_of_types(path: str) -> None:
    warn([f"{path}: neurite types are not stored in electrodes files, and the weights are complete: `compute_weights` has them"])


def _prepare(
    electrodes: ElectrodesLike, sigma: Sigma | None, path_to_fields: Paths | None, arrays: Sequence[str] | None
) -> tuple[Electrodes, dict[str, Any]]:
    """Returns the contacts, with their arrays, and the settings of :func:`leadfield.weights`."""
    contacts = to_electrodes(electrodes)
    settings: dict[str, Any] = {"fields": None if path_to_fields is None else path_list("path_to_fields", path_to_fields)}
    for field in settings["fields"] or []:
        if not os.path.exists(field):
            message = f"{field}: cannot be read: no such file or directory"
            raise exception_of("io", message, None, field, None, None, errno.ENOENT)
    conductivity = None if sigma is None else _conductivities(contacts, sigma)
    if conductivity is not None:
        settings["conductivity"] = conductivity
    if arrays is not None:
        contacts = _with_arrays(contacts, text_list("objective_csd_array_indices", arrays))
    return contacts, settings


def _conductivities(contacts: Electrodes, sigma: Sigma) -> float | list[float] | None:
    """Returns one conductivity, or one for each contact that needs one; None if there is no such contact."""
    if not hasattr(sigma, "__iter__") or getattr(sigma, "ndim", 1) == 0:
        return _conductivity(sigma)
    values = [_conductivity(value) for value in sigma]
    needed = [not kind.startswith(("ObjectiveCSD", "Reciprocity", "DipoleReciprocity")) for kind in contacts.types]
    if len(values) not in (1, len(needed), sum(needed)):
        expected = f"one, {len(needed)} (for each contact) or {sum(needed)} (for each analytic contact)"
        raise ValueError(f"sigma: wrong number, expected {expected}, found {len(values)}")
    if len(values) == len(needed):
        if not any(needed):
            return None
        values = [value for value, is_needed in zip(values, needed) if is_needed]
    return values


def _conductivity(value: object) -> float:
    found = number("sigma", value)
    if not 0.0 < found < float("inf"):
        raise ValueError(f"sigma: out of range, expected a number above 0, S/m, found {found}")
    return found


def _with_arrays(contacts: Electrodes, ranges: Sequence[str]) -> Electrodes:
    """Returns the contacts, those of disks and planes with the range that contains them as their array."""
    argument = "objective_csd_array_indices"
    described = list(contacts)
    array_of: dict[int, str] = {}
    for given in ranges:
        first, end = _range_of(argument, given, len(described))
        members = [place for place in range(first, end) if described[place]["type"].startswith("ObjectiveCSD")]
        if not members:
            raise ValueError(f"{argument}: expected contacts of ObjectiveCSD types in each array, found none in `{given}`")
        for place in members:
            if place in array_of:
                name = described[place]["name"]
                raise ValueError(f"{argument}: expected each contact in one array, found `{name}` in two")
            array_of[place] = f"{first}:{end}"
    for place, contact in enumerate(described):
        if contact["type"].startswith(_ARRAYS) and "array" not in contact:
            if place not in array_of:
                found = f"`{contact['name']}` in none"
                raise ValueError(f"{argument}: expected each disk and plane in an array, found {found}")
            contact["array"] = array_of[place]
    return contacts._with(described)


def _range_of(argument: str, given: str, count: int) -> tuple[int, int]:
    """Parses ``first:end``, a range of contacts."""
    first, _, end = given.partition(":")
    if not (first.strip().isdecimal() and end.strip().isdecimal() and int(first) < int(end)):
        raise ValueError(f"{argument}: wrong array, expected `first:end` with first below end, found `{given}`")
    if int(end) > count:
        raise ValueError(f"{argument}: array outside the contacts, expected an end of at most {count}, found `{given}`")
    return int(first), int(end)


# the types whose contacts form arrays; those of spheres need none
_ARRAYS = ("ObjectiveCSD_Disk", "ObjectiveCSD_Plane")


def _place_segments(config: PathLike, replace_axons: bool, folder: str) -> Segments:
    out = os.path.join(folder, "segments")
    if flag("replace_axons", replace_axons):
        return Circuit(config).segments(out=out)
    return Circuit(config).segments(out=out, discretisation="rule", axon_rule="keep")


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


def _points(table: dict[str, NDArray[Any]], cols: NDArray[np.uint64]) -> pd.DataFrame:
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
