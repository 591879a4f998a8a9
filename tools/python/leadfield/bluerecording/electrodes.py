"""Contacts."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Union

from .._electrodes import Electrodes


class ElectrodeType(Enum):
    """The method of a contact's weights."""

    LINE_SOURCE = "LineSource"
    POINT_SOURCE = "PointSource"
    DIPOLE_RECIPROCITY = "DipoleReciprocity"
    RECIPROCITY = "Reciprocity"
    OBJECTIVE_CSD_SPHERE = "ObjectiveCSD_Sphere"
    OBJECTIVE_CSD_DISK = "ObjectiveCSD_Disk"
    OBJECTIVE_CSD_PLANE = "ObjectiveCSD_Plane"


@dataclass
class ObjectiveCSDParams:
    """An ObjectiveCSD method with its sizes, um; None for the default."""

    electrode_type: ElectrodeType
    radius: float | None = None
    thickness: float | None = None


@dataclass
class Electrode:
    """A contact: its position, um, in the circuit's frame, its method, and where it is.

    The name may be missing if the contacts are values of a mapping, whose keys are then the names.
    """

    name: str | None = None
    position: Any = None
    type: ElectrodeType | ObjectiveCSDParams = ElectrodeType.LINE_SOURCE
    region: str = "NA"
    layer: str = "NA"


ElectrodesLike = Union[str, "os.PathLike[str]", Sequence[Electrode], Mapping[str, Electrode], Electrodes]


def to_electrodes(electrodes: ElectrodesLike) -> Electrodes:
    """Returns leadfield's contacts from a file, a list, or a mapping of names."""
    if isinstance(electrodes, Electrodes):
        return electrodes
    if isinstance(electrodes, (str, os.PathLike)):
        return Electrodes.from_json(electrodes)
    if isinstance(electrodes, Mapping):
        return Electrodes(_contact(name, electrode) for name, electrode in electrodes.items())
    return Electrodes(_contact(electrode.name, electrode) for electrode in electrodes)


def _contact(name: str | None, electrode: Electrode) -> dict[str, Any]:
    if name is None or electrode.position is None:
        raise ValueError("electrode: expected a name and a position")
    x, y, z = (float(v) for v in electrode.position)
    kind, sizes = electrode.type, {}
    if isinstance(kind, ObjectiveCSDParams):
        sizes = {key: value for key, value in (("radius", kind.radius), ("thickness", kind.thickness)) if value is not None}
        kind = kind.electrode_type
    place = {"layer": electrode.layer, "region": electrode.region}
    return {"name": str(name), "x": x, "y": y, "z": z, "type": kind.value, **place, **sizes}
