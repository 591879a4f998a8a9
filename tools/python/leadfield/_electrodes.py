"""Contacts of electrodes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from . import _leadfield
from ._common import (
    PathLike,
    flag,
    integer,
    is_path,
    kind_of,
    number,
    number_list,
    numbers,
    path_text,
    points_of,
    text,
    text_list,
    warn,
    write_text,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

Anchor = Literal["first", "center", "origin"]


class Electrodes:
    """Contacts, each with a name, a position, the method of its weights and settings. It does not change.

    Parameters
    ----------
    contacts : iterable of mapping
        One mapping for each contact: ``name``, ``x``, ``y``, ``z`` (µm, in the circuit's frame), and optionally
        ``type`` (default ``LineSource``), ``layer``, ``region``, and the settings of ``docs/electrodes.md``:
        ``conductivity``, ``boundary``, ``disc_radius``, ``reference``, ...

    Raises
    ------
    InputError
        If a name is used twice, a type is unknown, a setting is wrong or not one of the type, a coordinate is missing or no
        number, or there are no contacts.
    ValueError
        If a number is not finite.
    TypeError
        If a contact is no mapping, or a value cannot be written as JSON.

    Warns
    -----
    LeadfieldWarning
        For keys that nothing reads.
    """

    def __init__(self, contacts: Iterable[Mapping[str, Any]]) -> None:
        if isinstance(contacts, (Mapping, str, bytes)) or not hasattr(contacts, "__iter__"):
            raise TypeError(f"contacts: expected one mapping for each contact, found {kind_of(contacts)}")
        self._list = _leadfield.ElectrodeList.parse(_contacts_text(contacts), False)
        warn(self._list.warnings)

    @classmethod
    def _of(cls, made: _leadfield.ElectrodeList) -> Electrodes:
        self = cls.__new__(cls)
        self._list = made
        warn(made.warnings)
        return self

    @classmethod
    def from_csv(cls, path: PathLike) -> Electrodes:
        """Reads a CSV file with the columns ``name,x,y,z`` and optionally ``layer,region,type`` and settings.

        Parameters
        ----------
        path : str or os.PathLike
            The file; other formats of ``docs/electrodes.md`` are detected by the content.

        Raises
        ------
        FileError
            If the file cannot be read.
        InputError
            If it is no text, a column is missing, a name is used twice, or as for :class:`Electrodes`; the error names the
            line.
        TypeError
            If ``path`` is no path.

        Warns
        -----
        LeadfieldWarning
            For columns that nothing reads.
        """
        return cls._of(_leadfield.ElectrodeList.read(path_text(path), False))

    @classmethod
    def from_json(cls, source: PathLike | Sequence[Mapping[str, Any]]) -> Electrodes:
        """Reads a JSON list of contacts: a file, or the list itself.

        Parameters
        ----------
        source : str, os.PathLike, or sequence of mapping
            A file; other formats of ``docs/electrodes.md`` are detected by the content. Or contacts as for
            :class:`Electrodes`.

        Raises
        ------
        FileError
            If the file cannot be read.
        InputError
            If it is no valid JSON, or as for :class:`Electrodes`.
        ValueError, TypeError
            As for :class:`Electrodes`.

        Warns
        -----
        LeadfieldWarning
            For keys that nothing reads.
        """
        if is_path(source):
            return cls._of(_leadfield.ElectrodeList.read(path_text(source), False))  # type: ignore[arg-type]
        return cls(source)  # type: ignore[arg-type]

    @classmethod
    def from_bmtk(cls, path: PathLike) -> Electrodes:
        """Reads a table of BMTK: ``channel x_pos y_pos z_pos``, separated by blanks.

        Parameters
        ----------
        path : str or os.PathLike
            The file; other formats of ``docs/electrodes.md`` are detected by the content.

        Raises
        ------
        FileError, InputError, TypeError
            As for :meth:`from_csv`.

        Warns
        -----
        LeadfieldWarning
            For columns that nothing reads.
        """
        return cls._of(_leadfield.ElectrodeList.read(path_text(path), False))

    @classmethod
    def from_probeinterface(cls, source: Any, *, discs: bool = False) -> Electrodes:
        """Takes the contacts of probeinterface.

        Parameters
        ----------
        source : str, os.PathLike, probeinterface.Probe or probeinterface.ProbeGroup
            A file, or an object: anything with ``to_dict()``.
        discs : bool
            Treat contacts as discs in their plane, with the area of their shape, instead of points.

        Raises
        ------
        FileError
            If the file cannot be read.
        InputError
            If the file or the object describes no probe.
        TypeError
            If ``source`` is neither a path nor an object with ``to_dict()``, or ``discs`` no bool.
        """
        if is_path(source):
            return cls._of(_leadfield.ElectrodeList.read(path_text(source), flag("discs", discs)))
        if not hasattr(source, "to_dict"):
            raise TypeError(f"source: expected a path, or a Probe or ProbeGroup of probeinterface, found {kind_of(source)}")
        described = source.to_dict(array_as_list=True)
        probes = described["probes"] if "probes" in described else [described]
        text = _to_json({"specification": "probeinterface", "probes": probes})
        return cls._of(_leadfield.ElectrodeList.parse(text, flag("discs", discs)))

    @classmethod
    def from_positions(
        cls, positions: ArrayLike, *, names: Sequence[str] | None = None, type: str = "LineSource", **settings: Any
    ) -> Electrodes:
        """Makes contacts of the same kind at some positions.

        Parameters
        ----------
        positions : array_like of shape (contacts, 3)
            Positions, µm. A data frame needs the columns ``x``, ``y``, ``z``.
        names : sequence of str, optional
            By default ``"0"``, ``"1"``, ...
        type : str
            The method: one of :data:`leadfield.METHODS`.
        **settings
            Settings of all contacts, for example ``conductivity=0.3``.

        Raises
        ------
        ValueError
            If the positions have another shape, are not finite or masked, or there is another number of names.
        InputError
            As for :class:`Electrodes`.
        TypeError
            If the positions are no numbers or the names no texts.

        Warns
        -----
        LeadfieldWarning
            For settings that nothing reads.
        """
        points = points_of("positions", positions)
        if points.ndim != 2 or points.shape[1] != 3:
            raise ValueError(f"positions: wrong shape, expected (n, 3), found {points.shape}")
        names = [str(i) for i in range(len(points))] if names is None else text_list("names", names)
        if len(names) != len(points):
            raise ValueError(f"names: wrong number, expected {len(points)}, found {len(names)}")
        rows = zip(names, points.tolist())
        return cls({"name": n, "x": x, "y": y, "z": z, "type": type, **settings} for n, (x, y, z) in rows)

    def __len__(self) -> int:
        return len(self._list)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Iterates over the contacts as mappings."""
        return iter(_from_json(self._list.to_json()))

    def __getitem__(self, which: int | slice | str | Sequence[int] | Sequence[bool] | Sequence[str]) -> Electrodes:
        """Returns some contacts: by number, slice, name, a list of numbers or names, or a mask of booleans.

        Parameters
        ----------
        which : int, slice, str, sequence of int or str, or sequence of bool
            The contacts; numbers from the end are negative.

        Raises
        ------
        IndexError
            If there is no contact of a number, or a mask has another length.
        KeyError
            If there is no contact of a name.
        InputError
            If no contacts are left, or one is taken twice.
        TypeError
            If ``which`` has a wrong type.
        """
        contacts = list(self)
        if isinstance(which, slice):
            return self._with(contacts[which])
        names = {contact["name"]: contact for contact in contacts}
        is_several = hasattr(which, "__iter__") and not isinstance(which, (str, bytes)) and getattr(which, "ndim", 1) > 0
        wanted: list[Any] = list(which) if is_several else [which]  # type: ignore[arg-type]
        if is_several and wanted and all(kind_of(w) in ("bool", "bool_") for w in wanted):
            if len(wanted) != len(contacts):
                raise IndexError(f"mask of another length, expected {len(contacts)}, found {len(wanted)}")
            return self._with([contact for contact, is_wanted in zip(contacts, wanted) if is_wanted])
        return self._with([names[w] if isinstance(w, str) else contacts[_place_of(w, len(contacts))] for w in wanted])

    def __contains__(self, name: object) -> bool:
        """Returns whether there is a contact of a name.

        Parameters
        ----------
        name : object
            The name.
        """
        return name in self._list.names

    @property
    def names(self) -> list[str]:
        """The names."""
        return self._list.names

    @property
    def positions(self) -> NDArray[np.float64]:
        """The positions, µm: of shape (contacts, 3)."""
        return self._list.positions

    @property
    def types(self) -> list[str]:
        """The methods."""
        return self._list.types

    def moved(self, shift: ArrayLike) -> Electrodes:
        """Returns the contacts shifted.

        Parameters
        ----------
        shift : array_like of shape (3,)
            dx, dy, dz, µm.

        Raises
        ------
        ValueError
            If there are not three finite numbers.
        TypeError
            If they are no numbers.
        """
        return self._placed(self.positions + number_list("shift", shift, 3, "dx, dy, dz"), None)

    def rotated(self, matrix: ArrayLike, *, about: ArrayLike = (0.0, 0.0, 0.0)) -> Electrodes:
        """Returns the contacts rotated about a point.

        Parameters
        ----------
        matrix : array_like of shape (3, 3), or an object with ``as_matrix()``
            The rotation, for example a ``scipy.spatial.transform.Rotation``. A reflection is an error.
        about : array_like of shape (3,)
            The centre of the rotation, µm.

        Raises
        ------
        ValueError
            If ``matrix`` is no rotation or has another shape, or ``about`` are not three finite numbers.
        TypeError
            If they are no numbers.
        """
        import numpy as np

        as_matrix = getattr(matrix, "as_matrix", None)
        rotation = numbers("matrix", as_matrix() if as_matrix is not None else matrix)
        if rotation.shape != (3, 3) or not np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-9):
            raise ValueError("matrix: expected a rotation of shape (3, 3)")
        if np.linalg.det(rotation) < 0:
            raise ValueError("matrix: expected a rotation, found a reflection (its determinant is -1)")
        centre = np.array(number_list("about", about, 3, "x, y, z"))
        return self._placed((self.positions - centre) @ rotation.T + centre, rotation)

    def placed(
        self, *, at: ArrayLike, direction: ArrayLike = (0.0, 1.0, 0.0), roll: float = 0.0, anchor: Anchor = "first"
    ) -> Electrodes:
        """Returns the contacts of a probe, placed in the circuit.

        Parameters
        ----------
        at : array_like of shape (3,)
            Position of the anchor, µm.
        direction : array_like of shape (3,)
            Direction of the shank, the probe's y axis, from its tip.
        roll : float
            Rotation about the shank, degrees.
        anchor : {"first", "center", "origin"}
            The point of the probe that is placed: the first contact, the middle of all, or the probe's origin.

        Raises
        ------
        InputError, ValueError
            If ``at`` or ``direction`` are not three finite numbers, the direction is 0, ``roll`` is not finite, or ``anchor``
            is unknown.
        TypeError
            If an argument has a wrong type.
        """
        axes = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
        points, turned_axes = _place(self.positions, axes, at, direction, roll, anchor)
        return self._placed(points, turned_axes.T)

    def with_settings(self, **settings: Any) -> Electrodes:
        """Returns the contacts with other settings, for example ``type="PointSource"`` or ``conductivity=0.3``.

        Parameters
        ----------
        **settings
            The settings, which all contacts have then.

        Raises
        ------
        InputError, ValueError, TypeError
            As for :class:`Electrodes`.

        Warns
        -----
        LeadfieldWarning
            For settings that nothing reads.
        """
        return self._with([{**contact, **settings} for contact in self])

    def __add__(self, other: Electrodes) -> Electrodes:
        if not isinstance(other, Electrodes):
            return NotImplemented
        return self._with([*self, *other])

    def to_json(self, path: PathLike | None = None, *, overwrite: bool = False) -> str:
        """Returns the contacts as a JSON list, and writes it to a file if there is a path.

        Parameters
        ----------
        path : str or os.PathLike, optional
            The file.
        overwrite : bool
            Replace a file that exists.

        Returns
        -------
        str
            The JSON text.

        Raises
        ------
        OutputExistsError
            If the file exists.
        OSError
            If it cannot be written.
        TypeError
            If ``path`` is no path, or ``overwrite`` no bool.
        """
        return _write(self._list.to_json(), path, overwrite)

    def to_csv(self, path: PathLike | None = None, *, overwrite: bool = False) -> str:
        """Returns the contacts as CSV, and writes it to a file if there is a path.

        Parameters
        ----------
        path, overwrite
            See :meth:`to_json`.

        Returns
        -------
        str
            The CSV text.

        Raises
        ------
        OutputExistsError, OSError, TypeError
            As for :meth:`to_json`.
        ValueError
            If a name, layer or region begins or ends with a blank, which readers of CSV remove.
        """
        for contact in self:
            for key in ("name", "layer", "region"):
                value = contact.get(key)
                if isinstance(value, str) and value != value.strip():
                    raise ValueError(f"{key}: {value!r} begins or ends with a blank, which CSV loses: use `to_json`")
        return _write(self._list.to_csv(), path, overwrite)

    def to_probeinterface(self) -> Any:
        """Returns a ``probeinterface.ProbeGroup`` with one three-dimensional probe.

        Warns
        -----
        LeadfieldWarning
            For data that probeinterface cannot store: layers, regions, types, settings.

        Raises
        ------
        ImportError
            If probeinterface is not installed.
        """
        import probeinterface

        text, losses = self._list.to_probeinterface()
        warn(losses)
        return probeinterface.ProbeGroup.from_dict(_from_json(text))

    def _with(self, contacts: Sequence[Mapping[str, Any]]) -> Electrodes:
        return self._of(_leadfield.ElectrodeList.parse(_contacts_text(contacts), False, self._list.folder))

    def _placed(self, points: Any, rotation: Any) -> Electrodes:
        contacts = list(self)
        for contact, (x, y, z) in zip(contacts, points.tolist()):
            contact.update(x=x, y=y, z=z)
            for direction in ("disc_normal", "coil_normal"):
                if direction in contact and rotation is not None:
                    contact[direction] = (rotation @ contact[direction]).tolist()
        return self._with(contacts)

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (self._list.to_json(), str(self._list.folder))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Electrodes) and self.to_json() == other.to_json()

    def __hash__(self) -> int:
        return hash(self.to_json())

    def __repr__(self) -> str:
        kinds = ", ".join(f"{self.types.count(kind)} {kind}" for kind in dict.fromkeys(self.types))
        return f"<Electrodes: {kinds}>"

    def _repr_html_(self) -> str:
        from ._plot import plot_probe

        return plot_probe(self)._repr_html_()


def _restore(text: str, folder: str) -> Electrodes:
    """Returns pickled contacts."""
    made = Electrodes.__new__(Electrodes)
    made._list = _leadfield.ElectrodeList.parse(text, False, folder)
    return made


def _place_of(which: Any, count: int) -> int:
    if isinstance(which, bool):
        raise TypeError("expected a number, a slice, a name, or a list of numbers, names or booleans, found bool")
    place = integer("index", which, least=-(2**63))
    if not -count <= place < count:
        raise IndexError(f"no contact {place}, expected {-count} to {count - 1}")
    return place


def _contacts_text(contacts: Iterable[Mapping[str, Any]]) -> str:
    """Returns contacts as JSON, which has no numbers that are not finite."""
    plain = [_plain(contact) for contact in contacts]
    for place, contact in enumerate(plain):
        for key, value in contact.items():
            bad = [v for v in (value if isinstance(value, (list, tuple)) else [value]) if _is_not_finite(v)]
            if bad:
                name = f"contact `{contact['name']}`" if "name" in contact else f"contact {place}"
                raise ValueError(f"{name}: {key}: expected a finite number, found {bad[0]}")
    return _to_json(plain)


def _is_not_finite(value: Any) -> bool:
    return isinstance(value, float) and (value != value or value in (float("inf"), float("-inf")))


def _plain(contact: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(contact, Mapping):
        raise TypeError(f"contacts: expected one mapping for each contact, found {kind_of(contact)}")
    return {key: _json_value(value) if hasattr(value, "tolist") else value for key, value in contact.items()}


def _to_json(value: Any) -> str:
    import json

    return json.dumps(value, default=_json_value)


def _from_json(text: str) -> Any:
    import json

    return json.loads(text)


def _json_value(value: Any) -> Any:
    """Converts numpy's numbers and arrays."""
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"no JSON for a value of type {type(value).__name__}")


def _write(text: str, path: PathLike | None, overwrite: bool) -> str:
    if path is not None:
        write_text(text, path, overwrite)
    return text


def _place(points: Any, normals: Any, at: Any, direction: Any, roll: float, anchor: str) -> tuple[Any, Any]:
    import numpy as np

    place, towards = (number_list(name, value, 3, "x, y, z") for name, value in (("at", at), ("direction", direction)))
    return _leadfield.place_um(
        np.ascontiguousarray(points, dtype=float),
        np.ascontiguousarray(normals, dtype=float).reshape(-1, 3),
        place,
        towards,
        number("roll", roll),
        text("anchor", anchor),
    )


def _probe(
    points: Any,
    names: Sequence[str],
    type: str,
    at: ArrayLike | None,
    direction: ArrayLike,
    roll: float,
    anchor: Anchor,
    settings: Mapping[str, Any],
) -> Electrodes:
    made = Electrodes.from_positions(points, names=names, type=type, **settings)
    return made.placed(at=(0.0, 0.0, 0.0) if at is None else at, direction=direction, roll=roll, anchor=anchor)


# more contacts than any probe has, and sites of a Neuropixels 1.0 shank
_MAX_CONTACTS, _NEUROPIXELS_SITES = 100_000, 960


def linear(
    contacts: int,
    pitch: float,
    *,
    at: ArrayLike | None = None,
    direction: ArrayLike = (0.0, 1.0, 0.0),
    roll: float = 0.0,
    anchor: Anchor = "first",
    type: str = "LineSource",
    prefix: str = "",
    **settings: Any,
) -> Electrodes:
    """Makes contacts in a line, numbered from the tip.

    Parameters
    ----------
    contacts : int
        Number of contacts.
    pitch : float
        Distance between neighbours, µm.
    at, direction, roll, anchor : optional
        See :meth:`Electrodes.placed`.
    type : str
        The method.
    prefix : str
        Prefix of the names.
    **settings
        Settings of all contacts.

    Raises
    ------
    InputError, ValueError
        If there are no contacts or more than 100 000, the pitch is not above 0, or as for :meth:`Electrodes.placed` and
        :class:`Electrodes`.
    TypeError
        If an argument has a wrong type.
    """
    points = _leadfield.linear_um(integer("contacts", contacts, most=_MAX_CONTACTS), number("pitch", pitch))
    return _probe(points, [f"{prefix}{i}" for i in range(len(points))], type, at, direction, roll, anchor, settings)


def grid(
    columns: int,
    rows: int,
    pitch: float | tuple[float, float],
    *,
    at: ArrayLike | None = None,
    direction: ArrayLike = (0.0, 1.0, 0.0),
    roll: float = 0.0,
    anchor: Anchor = "first",
    type: str = "LineSource",
    prefix: str = "",
    **settings: Any,
) -> Electrodes:
    """Makes contacts in rows and columns, numbered row by row from the tip.

    Parameters
    ----------
    columns, rows : int
        Number of columns, along x, and rows, along y.
    pitch : float or (float, float)
        Distance between neighbours, µm: one for both, or those of columns and rows.
    at, direction, roll, anchor, type, prefix, **settings
        See :func:`linear`.

    Raises
    ------
    InputError, ValueError, TypeError
        As for :func:`linear`.
    """
    is_one = not hasattr(pitch, "__iter__") or getattr(pitch, "ndim", 1) == 0
    across, along = [number("pitch", pitch)] * 2 if is_one else number_list("pitch", pitch, 2, "of columns, of rows")
    counts = [integer(name, n, most=_MAX_CONTACTS) for name, n in (("columns", columns), ("rows", rows))]
    points = _leadfield.grid_um(counts[0], counts[1], (across, along))
    return _probe(points, [f"{prefix}{i}" for i in range(len(points))], type, at, direction, roll, anchor, settings)


def neuropixels(
    *,
    contacts: int = 384,
    first_site: int = 0,
    at: ArrayLike | None = None,
    direction: ArrayLike = (0.0, 1.0, 0.0),
    roll: float = 0.0,
    anchor: Anchor = "first",
    type: str = "LineSource",
    prefix: str = "",
    **settings: Any,
) -> Electrodes:
    """Makes sites of a Neuropixels 1.0 shank, named by their number from the tip.

    Source: Jun et al. 2017, Nature 551:232, https://doi.org/10.1038/nature24636

    Parameters
    ----------
    contacts : int
        Number of sites: 384 of the 960 are recorded at once.
    first_site : int
        The first of them.
    at, direction, roll, anchor, type, prefix, **settings
        See :func:`linear`.

    Raises
    ------
    InputError, ValueError
        If there are no sites or more than 384, one is beyond the last of the shank, or as for :meth:`Electrodes.placed` and
        :class:`Electrodes`.
    TypeError
        If an argument has a wrong type.
    """
    first_site = integer("first_site", first_site, most=_NEUROPIXELS_SITES)
    points = _leadfield.neuropixels_um(first_site, integer("contacts", contacts, most=_NEUROPIXELS_SITES))
    names = [f"{prefix}{first_site + i}" for i in range(len(points))]
    return _probe(points, names, type, at, direction, roll, anchor, settings)
