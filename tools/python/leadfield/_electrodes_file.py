"""Electrodes files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from . import _leadfield
from ._common import PathLike, path_text

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
    """

    def __init__(self, path: PathLike) -> None:
        self._file = _leadfield.ElectrodesFile(path_text(path))

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
        """Returns a population."""
        return PopulationWeights(self._file, population)

    def open_population(self, population: str) -> PopulationWeights:
        """Returns a population, as libsonata's ``ElectrodeReader`` does."""
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
            Step, start and end of the report, ms.
        cells : str, optional
            The node set; by default that of the simulation.

        Returns
        -------
        dict
            ``{"lfp": {...}}``, for ``json.dump``; the path of the file is absolute.
        """
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
            block["cells"] = cells
        return {"lfp": block}

    def _contacts(self) -> list[Any]:
        only = self.populations[0] if len(self.populations) == 1 else None
        return self._file.contacts(only)

    def __repr__(self) -> str:
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
        """Returns a number that the file states about a contact, such as ``conductivity_S_per_m``."""
        return self._file.setting(electrode, key)

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
            If the file lacks a node or a contact.
        """
        names = [electrodes] if isinstance(electrodes, str) else None if electrodes is None else list(electrodes)
        if node_ids is None:
            return self._file.get(self.name, None, names)
        import numpy as np

        ids = [int(i) for i in np.atleast_1d(np.asarray(node_ids)).tolist()]
        return self._file.get(self.name, ids, names)

    def __repr__(self) -> str:
        return f"<PopulationWeights `{self.name}`: {len(self._node_ids)} nodes, {len(self.electrode_names)} contacts>"


def _positions(contacts: list[Any]) -> NDArray[np.float64]:
    import numpy as np

    missing = [float("nan")] * 3
    return np.array([missing if contact[1] is None else contact[1] for contact in contacts]).reshape(-1, 3)
