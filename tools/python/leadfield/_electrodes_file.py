"""Electrodes files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from . import _leadfield
from ._common import PathLike, identities, number, path_text, text, text_list
from ._errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray


class ElectrodesFile:
    """An electrodes file: the weights of populations at contacts, as the simulator reads them.

    Parameters
    ----------
    path : str or os.PathLike
        The file (HDF5), of ``write_weights``, ``leadfield weights`` or BlueRecording.

    Raises
    ------
    FileError
        If the file cannot be read.
    InputError
        If the file is not an electrodes file.
    TypeError
        If ``path`` is no path.

    Notes
    -----
    An open file has HDF5's lock for readers: no program can open it for writing until :meth:`close`, or the end of a
    ``with`` block. With ``HDF5_USE_FILE_LOCKING=FALSE`` in the environment it has none. It can be replaced by another
    file; this object then still reads the one that it opened, and functions that take it refuse it.
    """

    def __init__(self, path: PathLike) -> None:
        name = path_text(path)
        self._file = _leadfield.ElectrodesFile(name)
        self._state = _state_of(name)

    def close(self) -> None:
        """Closes the file, also for its populations; later reads are a ``ValueError``. Closing again does nothing."""
        self._file.close()

    @property
    def is_closed(self) -> bool:
        """Whether the file is closed."""
        return self._file.is_closed

    def __enter__(self) -> ElectrodesFile:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        return ElectrodesFile, (os.path.abspath(self.path),)

    @property
    def path(self) -> str:
        """The path of the file."""
        return str(self._file.path)

    @property
    def populations(self) -> list[str]:
        """The names of the populations, sorted."""
        return self._file.populations

    @property
    def electrode_names(self) -> list[str]:
        """The names of the contacts: by column if there is one population, else sorted."""
        return [contact[0] for contact in self._contacts()]

    @property
    def positions(self) -> NDArray[np.float64]:
        """The positions of the contacts, µm: of shape (contacts, 3), NaN where the file has none."""
        return _positions(self._contacts())

    @property
    def types(self) -> list[str | None]:
        """The methods of the contacts."""
        return [contact[2] for contact in self._contacts()]

    def __getitem__(self, population: str) -> PopulationWeights:
        """Returns a population.

        Parameters
        ----------
        population : str
            Its name.

        Raises
        ------
        InputError
            If there is no such population.
        ValueError
            If the file is closed.
        TypeError
            If ``population`` is no text.
        """
        return PopulationWeights(self._file, text("population", population))

    def open_population(self, population: str) -> PopulationWeights:
        """Returns a population, as libsonata's ``ElectrodeReader`` does.

        Parameters
        ----------
        population : str
            Its name.

        Raises
        ------
        InputError, ValueError, TypeError
            As for ``file[population]``.
        """
        return self[population]

    def __iter__(self) -> Any:
        return iter(self.populations)

    def __len__(self) -> int:
        return len(self.populations)

    def report_block(
        self, *, dt: float = 0.1, start_time: float = 0.0, end_time: float = 1000.0, cells: str | None = None
    ) -> dict[str, Any]:
        """Returns the ``lfp`` report for ``reports`` of a simulation configuration.

        Parameters
        ----------
        dt, start_time, end_time : float
            Step, start and end of the report, ms. The step is above 0, and the start before the end.
        cells : str, optional
            The node set; by default that of the simulation.

        Returns
        -------
        dict
            ``{"lfp": {...}}``, for ``json.dump``; the path of the file is absolute.

        Raises
        ------
        ValueError
            If a time is out of range.
        TypeError
            If a time is no number, or ``cells`` no text.
        """
        dt, start_time, end_time = number("dt", dt), number("start_time", start_time), number("end_time", end_time)
        if not 0.0 < dt < float("inf"):
            raise ValueError(f"dt: out of range, expected a finite number above 0 ms, found {dt}")
        if not 0.0 <= start_time < end_time < float("inf"):
            expected = "finite times from 0 ms on, the first before the second"
            raise ValueError(f"start_time, end_time: expected {expected}, found {start_time} to {end_time}")
        block = {
            "type": "lfp",
            "electrodes_file": os.path.realpath(self.path),
            "sections": "all",
            "unit": "V",
            "dt": dt,
            "start_time": start_time,
            "end_time": end_time,
        }
        if cells is not None:
            block["cells"] = text("cells", cells)
        return {"lfp": block}

    def _contacts(self) -> list[Any]:
        only = self.populations[0] if len(self.populations) == 1 else None
        return self._file.contacts(only)

    def __repr__(self) -> str:
        if self.is_closed:
            return f"<ElectrodesFile {self.path!r}: closed>"
        return f"<ElectrodesFile {self.path!r}: {len(self._contacts())} contacts, populations {', '.join(self.populations)}>"

    def _repr_html_(self) -> str:
        import html
        import json

        rows = "".join(
            f"<tr><td>{html.escape(str(name))}</td><td>{html.escape(json.dumps(at))}</td><td>{html.escape(str(kind))}</td></tr>"
            for name, at, kind, _, _ in self._contacts()[:20]
        )
        return f"<table><thead><tr><th>contact</th><th>position (µm)</th><th>type</th></tr></thead><tbody>{rows}</tbody></table>"


class PopulationWeights:
    """The weights of one population, with the words of libsonata."""

    def __init__(self, file: _leadfield.ElectrodesFile, name: str) -> None:
        self._file = file
        self.name = name
        self._node_ids = file.node_ids(name)

    def __reduce__(self) -> tuple[Any, ...]:
        return _open_population, (os.path.abspath(str(self._file.path)), self.name)

    @property
    def node_ids(self) -> NDArray[np.uint64]:
        """The node ids, in file order."""
        return self._node_ids

    @property
    def offsets(self) -> NDArray[np.uint64]:
        """The rows of ``node_ids[i]`` are ``offsets[i]`` to ``offsets[i + 1]``, which is excluded."""
        return self._file.offsets(self.name)

    @property
    def electrode_names(self) -> list[str]:
        """The names of the contacts, by column."""
        return [contact[0] for contact in self._file.contacts(self.name)]

    @property
    def electrode_positions(self) -> NDArray[np.float64]:
        """The positions of the contacts, µm: of shape (contacts, 3)."""
        return _positions(self._file.contacts(self.name))

    @property
    def types(self) -> list[str | None]:
        """The methods of the contacts."""
        return [contact[2] for contact in self._file.contacts(self.name)]

    @property
    def units(self) -> str | None:
        """The unit of the weights, if the file states it."""
        return self._file.units(self.name)

    def setting(self, electrode: str, key: str) -> float | None:
        """Returns a number that the file states about a contact, such as ``conductivity_S_per_m``; None if it does not.

        Parameters
        ----------
        electrode : str
            Name of the contact.
        key : str
            Name of the number.

        Raises
        ------
        InputError
            If the population lacks the contact.
        ValueError
            If the file is closed.
        TypeError
            If an argument is no text.
        """
        # the same error as for weights; no rows are read
        self._file.get(self.name, [], [text("electrode", electrode)])
        return self._file.setting(electrode, text("key", key))

    def get(
        self, node_ids: ArrayLike | None = None, electrodes: str | Sequence[str] | None = None
    ) -> NDArray[np.float64]:
        """Reads weights.

        Parameters
        ----------
        node_ids : int or array_like of int, optional
            The nodes, in this order; all of the file by default.
        electrodes : str or sequence of str, optional
            The contacts, in this order; all by column by default.

        Returns
        -------
        numpy.ndarray of shape (segments, contacts)
            The weights, V/nA: the rows of the nodes one after the other.

        Raises
        ------
        InputError
            If the file lacks a node or a contact, or is damaged.
        ValueError
            If a node id is below 0 or no whole number, or the file is closed.
        TypeError
            If node ids are no numbers, or names no texts.
        MemoryError
            If the weights do not fit into memory.
        """
        names = None if electrodes is None else text_list("electrodes", electrodes)
        return self._file.get(self.name, None if node_ids is None else identities("node_ids", node_ids), names)

    def __repr__(self) -> str:
        if self._file.is_closed:
            return f"<PopulationWeights `{self.name}`: closed>"
        return f"<PopulationWeights `{self.name}`: {len(self._node_ids)} nodes, {len(self.electrode_names)} contacts>"


def weights_path(argument: str, weights: PathLike | ElectrodesFile) -> str:
    """Returns the path of an electrodes file, which may be open: then it must be the file that was opened."""
    if not isinstance(weights, ElectrodesFile):
        return path_text(weights, argument)
    path = weights.path
    if weights.is_closed:
        raise ValueError(f"{argument}: {path} is closed, expected an open file or a path")
    if _state_of(path) != weights._state:
        raise InputError(f"{path}: changed since it was opened, expected the same file: open it again")
    return path


def _state_of(path: str) -> tuple[int, ...] | None:
    """Returns what changes when a file is replaced or written; None if it does not exist."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _open_population(path: str, name: str) -> PopulationWeights:
    return ElectrodesFile(path)[name]


def _positions(contacts: list[Any]) -> NDArray[np.float64]:
    import numpy as np

    missing = [float("nan")] * 3
    return np.array([missing if contact[1] is None else contact[1] for contact in contacts]).reshape(-1, 3)
