"""Contacts in the form of BlueRecording's API."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Union

from .._common import PathLike, kind_of, number_list, path_text
from .._electrodes import Electrodes

__all__ = ["Electrode", "ElectrodeType", "ObjectiveCSDParams"]


class ElectrodeType(str, Enum):
    """The method of a contact's weights; a member is a text, the name of the method in electrodes files."""

    LINE_SOURCE = "LineSource"
    POINT_SOURCE = "PointSource"
    DIPOLE_RECIPROCITY = "DipoleReciprocity"
    RECIPROCITY = "Reciprocity"
    OBJECTIVE_CSD_SPHERE = "ObjectiveCSD_Sphere"
    OBJECTIVE_CSD_DISK = "ObjectiveCSD_Disk"
    OBJECTIVE_CSD_PLANE = "ObjectiveCSD_Plane"

    def __str__(self) -> str:
        return self.value


@dataclass
class ObjectiveCSDParams:
    """The type of an ObjectiveCSD contact, with the size of its region.

    Parameters
    ----------
    electrode_type : ElectrodeType
        The method.
    radius : float, optional
        Radius of a sphere (10 by default) or a disk (500), µm.
    thickness : float, optional
        Half of the extent of a disk or a plane along the axis of its array, µm; by default half of the mean spacing.
    """

    electrode_type: ElectrodeType
    radius: float | None = None
    thickness: float | None = None


@dataclass
class Electrode:
    """A contact.

    Parameters
    ----------
    name : str, optional
        Its name; contacts in a mapping have the names of their keys.
    position : array_like of shape (3,)
        Its position in the circuit's frame, µm.
    type : ElectrodeType, ObjectiveCSDParams or str
        The method of its weights.
    region, layer : str
        The brain region and the cortical layer.
    """

    name: str | None = None
    position: Any = None
    type: ElectrodeType | ObjectiveCSDParams = ElectrodeType.LINE_SOURCE
    region: str = "NA"
    layer: str = "NA"

    @classmethod
    def from_json(cls, electrode_json: PathLike) -> list[Electrode]:
        """Reads contacts from a JSON file.

        Parameters
        ----------
        electrode_json : str or os.PathLike
            The file: a list of contacts with ``name``, ``x``, ``y``, ``z``, and optionally ``type``, ``layer``,
            ``region``, ``radius`` and ``thickness``.

        Returns
        -------
        list of Electrode
            The contacts. The type of an ObjectiveCSD contact is an :class:`ObjectiveCSDParams`.

        Raises
        ------
        FileError
            If the file cannot be read.
        InputError
            If it is no list of contacts, a name is used twice, or a setting is unknown.
        ValueError
            If a contact has a type or a setting that an ``Electrode`` does not have: ``lf.Electrodes.from_json`` reads
            all of them.
        TypeError
            If ``electrode_json`` is no path.
        """
        contacts = Electrodes.from_json(path_text(electrode_json, "electrode_json"))
        return [_from_mapping(contact) for contact in contacts]

    @staticmethod
    def to_json(electrodes: ElectrodesLike, output_path: PathLike) -> None:
        """Writes contacts to a JSON file, and replaces an older one.

        Parameters
        ----------
        electrodes : path, sequence of Electrode, mapping of names to Electrode, or leadfield.Electrodes
            The contacts.
        output_path : str or os.PathLike
            The file, which :meth:`from_json` and ``lf.Electrodes.from_json`` read.

        Raises
        ------
        InputError, ValueError
            If a contact has no name or no position, a name is used twice, or a size is not one of the type's region.
        OSError
            If the file cannot be written.
        TypeError
            If ``output_path`` is no path, or ``electrodes`` are no contacts.
        """
        to_electrodes(electrodes).to_json(path_text(output_path, "output_path"), overwrite=True)


ElectrodesLike = Union[PathLike, Sequence[Electrode], Mapping[str, Electrode], Electrodes]


def to_electrodes(electrodes: ElectrodesLike) -> Electrodes:
    """Returns the contacts as :class:`leadfield.Electrodes`.

    Parameters
    ----------
    electrodes : path, sequence of Electrode, mapping of names to Electrode, or leadfield.Electrodes
        The contacts.

    Raises
    ------
    InputError, ValueError
        If a contact has no name or no position, its type is unknown, or a size is not one of the type's region.
    FileError
        If a file cannot be read.
    TypeError
        If ``electrodes`` are no contacts.
    """
    if isinstance(electrodes, Electrodes):
        return electrodes
    if isinstance(electrodes, (str, bytes, os.PathLike)):
        return Electrodes.from_json(electrodes)
    if isinstance(electrodes, Mapping):
        named = list(electrodes.items())
    elif isinstance(electrodes, Electrode) or not hasattr(electrodes, "__iter__"):
        raise TypeError(f"electrodes: expected a path, a sequence or a mapping of Electrode, found {kind_of(electrodes)}")
    else:
        named = [(getattr(electrode, "name", None) or "", electrode) for electrode in electrodes]
    return Electrodes([_to_mapping(name, electrode) for name, electrode in named])


def _to_mapping(name: str, electrode: Electrode) -> dict[str, Any]:
    """Returns a contact with the keys of :class:`leadfield.Electrodes`."""
    if not hasattr(electrode, "position"):
        raise TypeError(f"electrodes: expected Electrode, found {kind_of(electrode)}")
    if not name or electrode.position is None:
        raise ValueError("electrode: expected a name and a position")
    x, y, z = number_list(f"contact `{name}`: position", electrode.position, 3, "x, y, z")
    kind = electrode.type
    sizes = {key: value for key in _SIZES if (value := getattr(kind, key, None)) is not None}
    contact = {"name": name, "x": x, "y": y, "z": z, "region": electrode.region, "layer": electrode.layer}
    return {**contact, "type": _type_of(name, getattr(kind, "electrode_type", kind)).value, **sizes}


def _from_mapping(contact: Mapping[str, Any]) -> Electrode:
    """Returns the contact of a mapping of :class:`leadfield.Electrodes`."""
    import numpy as np

    name = contact["name"]
    others = [key for key in contact if key not in ("name", "x", "y", "z", "type", "region", "layer", *_SIZES)]
    if others:
        raise ValueError(f"contact `{name}`: {others[0]}: no setting of an Electrode, use lf.Electrodes.from_json")
    method = _type_of(name, contact["type"])
    sizes = {key: contact.get(key) for key in _SIZES}
    kind = ObjectiveCSDParams(method, **sizes) if "ObjectiveCSD" in method else method
    position = np.array([contact["x"], contact["y"], contact["z"]], dtype=float)
    return Electrode(name, position, kind, contact["region"], contact["layer"])


def _type_of(name: str, kind: Any) -> ElectrodeType:
    try:
        return ElectrodeType(kind)
    except ValueError:
        known = ", ".join(f"`{each}`" for each in ElectrodeType)
        raise ValueError(f"contact `{name}`: type: unknown, expected one of {known}, found `{kind}`") from None


# settings of the regions of ObjectiveCSD types
_SIZES = ("radius", "thickness")
