"""Contacts as the calls of BlueRecording take them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Union

from .._electrodes import Electrodes


class ElectrodeType(Enum):
    """The method of a contact's weights; the values are the names in electrodes files."""

    LINE_SOURCE = "LineSource"
    POINT_SOURCE = "PointSource"
    RECIPROCITY = "Reciprocity"
    DIPOLE_RECIPROCITY = "DipoleReciprocity"
    OBJECTIVE_CSD_SPHERE = "ObjectiveCSD_Sphere"
    OBJECTIVE_CSD_DISK = "ObjectiveCSD_Disk"
    OBJECTIVE_CSD_PLANE = "ObjectiveCSD_Plane"


@dataclass
class Electrode:
    """A contact.

    Attributes
    ----------
    name : str, optional
        Its name; contacts in a mapping have the names of their keys.
    position : array_like of shape (3,)
        Its position in the circuit's frame, µm.
    type : ElectrodeType
        The method of its weights.
    region, layer : str
        The brain region and the cortical layer.
    """

    name: str | None = None
    position: Any = None
    type: ElectrodeType = ElectrodeType.LINE_SOURCE
    region: str = "NA"
    layer: str = "NA"


ElectrodesLike = Union[str, "os.PathLike[str]", Sequence[Electrode], Mapping[str, Electrode], Electrodes]


def to_electrodes(electrodes: ElectrodesLike) -> Electrodes:
    """Returns the contacts as :class:`leadfield.Electrodes`.

    Raises
    ------
    ValueError
        If a contact has no name or no position.
    """
    if isinstance(electrodes, Electrodes):
        return electrodes
    if isinstance(electrodes, (str, os.PathLike)):
        return Electrodes.from_json(electrodes)
    if isinstance(electrodes, Mapping):
        named = list(electrodes.items())
    else:
        named = [(electrode.name or "", electrode) for electrode in electrodes]
    return Electrodes([_to_mapping(name, electrode) for name, electrode in named])


def _to_mapping(name: str, electrode: Electrode) -> dict[str, Any]:
    if not name or electrode.position is None:
        raise ValueError("electrode: expected a name and a position")
    x, y, z = map(float, electrode.position)
    kind = ElectrodeType(electrode.type).value
    return {"name": name, "x": x, "y": y, "z": z, "type": kind, "region": electrode.region, "layer": electrode.layer}
