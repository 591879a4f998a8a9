"""The forward models of LFPykit that concern electrodes, with its names and arguments.

``from leadfield.lfpykit import RecExtElectrode`` instead of ``from lfpykit import RecExtElectrode``. Matrices are of shape
(contacts, segments), mV/nA: ``M @ i`` is the potential, mV, for membrane currents ``i`` in nA. LFPy takes the classes as
probes: ``cell.simulate(probes=[...])``. A program that makes its probes itself, as MEArec does by
``LFPy.RecExtElectrode(cell, probe=mea, n=...)``, uses ours only if that name is replaced before:
``LFPy.RecExtElectrode = leadfield.lfpykit.RecExtElectrode``. ``AnisotropicPointSource`` is not in LFPykit, whose
``RecExtElectrode`` has the same formula.

Differences from LFPykit 0.6:

- A contact is never nearer to a segment than the segment's radius; the distance is that to the segment, and not to the
  infinite line through it, so that contacts beyond the ends of a segment are right too.
- Radii are float32: a contact within a segment's radius has a weight that differs by up to 6e-8. In an anisotropic medium
  the rule for such contacts is another one, and their weights differ by some percent.
- A diameter of 0 is an unknown one: the radius is 0.5 µm.
- A contact with a radius ``r`` is the exact mean over the disc (to 1e-6), not that of ``n`` random points; a square is
  the disc of the same area. The normal of a single contact counts, which LFPykit takes as the x axis.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from ._electrodes import Electrodes
from ._weights import weights_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "AnisotropicPointSource",
    "CellGeometry",
    "LineSourcePotential",
    "LinearModel",
    "PointSourcePotential",
    "RecExtElectrode",
]

_MV_PER_V = 1e3


class CellGeometry:
    """The geometry of a neuron's segments.

    Parameters
    ----------
    x, y, z : numpy.ndarray of shape (segments, 2)
        Starts and ends of the segments, µm.
    d : numpy.ndarray of shape (segments,) or (segments, 2)
        Diameters, µm; with two columns those of the starts and ends.

    Attributes
    ----------
    totnsegs : int
        Number of segments.
    length : numpy.ndarray of shape (segments,)
        Lengths, µm.
    area : numpy.ndarray of shape (segments,)
        Areas of the membrane, um2: of a cylinder, or of a conical frustum.

    Raises
    ------
    ValueError
        If an array has another shape, or is no array of numbers.
    """

    def __init__(self, x: ArrayLike, y: ArrayLike, z: ArrayLike, d: ArrayLike) -> None:
        import numpy as np

        self.x, self.y, self.z = (np.asarray(values, dtype=float) for values in (x, y, z))
        self.d = np.asarray(d, dtype=float)
        if self.d.ndim not in (1, 2) or (self.d.ndim == 2 and self.d.shape[1] != 2):
            raise ValueError(f"d: wrong shape, expected (n,) or (n, 2), found {self.d.shape}")
        for name, values in (("x", self.x), ("y", self.y), ("z", self.z)):
            if values.ndim != 2 or values.shape[1] != 2 or len(values) != len(self.d):
                raise ValueError(f"{name}: wrong shape, expected ({len(self.d)}, 2), found {values.shape}")
        self.totnsegs = len(self.d)
        spans = (np.diff(values, axis=1)[:, 0] for values in (self.x, self.y, self.z))
        self.length = np.sqrt(sum(span**2 for span in spans))
        if self.d.ndim == 1:
            self.area = self.length * np.pi * self.d
        else:
            r0, r1 = self.d.T / 2
            self.area = np.pi * (r0 + r1) * np.sqrt((r0 - r1) ** 2 + self.length**2)


class LinearModel:
    """A linear map from membrane currents to a signal.

    Parameters
    ----------
    cell : CellGeometry, LFPy.Cell or None
        Anything with ``x``, ``y``, ``z`` of shape (segments, 2), and ``d``, µm. It can be set later.
    """

    def __init__(self, cell: Any) -> None:
        self.cell = cell

    def get_transformation_matrix(self) -> NDArray[np.float64]:
        """Returns the identity matrix, of shape (segments, segments).

        Raises
        ------
        AttributeError
            If there is no cell.
        """
        import numpy as np

        return np.eye(_cell_of(self).totnsegs)


def _cell_of(model: LinearModel) -> Any:
    if model.cell is None:
        raise AttributeError(f"{type(model).__name__}.cell is None, expected a cell: set it first")
    return model.cell


def _matrix(
    cell: Any,
    positions: NDArray[np.float64],
    sigma: Any,
    kind: str,
    root_is_point: bool = False,
    normals: Any = None,
    radius: float | None = None,
) -> NDArray[np.float64]:
    """Returns the matrix of shape (contacts, segments), mV/nA."""
    import numpy as np

    ends = [np.column_stack([np.asarray(axis, dtype=float)[:, end] for axis in (cell.x, cell.y, cell.z)]) for end in (0, 1)]
    diameters = np.asarray(cell.d, dtype=float)
    radii = (diameters if diameters.ndim == 1 else diameters.mean(axis=1)) / 2
    if root_is_point:
        middle = (ends[0][0] + ends[1][0]) / 2
        ends[0][0] = ends[1][0] = middle
    conductivity = [float(v) for v in np.ravel(sigma)]
    if len(conductivity) not in (1, 3):
        raise ValueError(f"sigma: wrong shape, expected a number or three, found {len(conductivity)}")
    electrodes = Electrodes.from_positions(positions, type=kind)
    if radius is not None:
        discs = zip(electrodes, np.broadcast_to(np.asarray(normals, dtype=float), positions.shape).tolist())
        electrodes = Electrodes([{**e, "disc_radius": radius, "disc_normal": normal} for e, normal in discs])
    given = conductivity[0] if len(conductivity) == 1 else (conductivity[0], conductivity[1], conductivity[2])
    return weights_of(ends[0], ends[1], radii, electrodes, conductivity=given).T * _MV_PER_V


def _points(x: ArrayLike, y: ArrayLike, z: ArrayLike) -> NDArray[np.float64]:
    import numpy as np

    x, y, z = np.broadcast_arrays(*(np.atleast_1d(np.asarray(values, dtype=float)) for values in (x, y, z)))
    return np.column_stack([x, y, z])


class PointSourcePotential(LinearModel):
    """The potential of point sources at the middles of the segments.

    Parameters
    ----------
    cell : CellGeometry, LFPy.Cell or None
        See :class:`LinearModel`.
    x, y, z : array_like of shape (contacts,)
        Positions, µm.
    sigma : float
        Conductivity, S/m.

    Raises
    ------
    ValueError
        If the positions differ in number, or are no numbers.
    """

    _kind = "PointSource"

    def __init__(self, cell: Any, x: ArrayLike, y: ArrayLike, z: ArrayLike, sigma: Any = 0.3) -> None:
        super().__init__(cell)
        points = _points(x, y, z)
        self.x, self.y, self.z = points.T
        self.sigma = sigma

    def get_transformation_matrix(self) -> NDArray[np.float64]:
        """Returns the matrix of shape (contacts, segments), mV/nA.

        Raises
        ------
        AttributeError
            If there is no cell, or it lacks ``x``, ``y``, ``z`` or ``d``.
        InputError, ValueError
            If there are no contacts, a position or the conductivity is not finite, or the conductivity is not positive, or has
            neither one number nor three.
        """
        return _matrix(_cell_of(self), _points(self.x, self.y, self.z), self.sigma, self._kind)


class LineSourcePotential(PointSourcePotential):
    """The potential of line sources: the mean of the point source along each segment.

    Holt and Koch 1999, J Comput Neurosci 6:169, https://doi.org/10.1023/A:1008832702585

    Parameters
    ----------
    cell, x, y, z, sigma
        See :class:`PointSourcePotential`.

    Raises
    ------
    ValueError
        As for :class:`PointSourcePotential`.
    """

    _kind = "LineSource"


class AnisotropicPointSource(PointSourcePotential):
    """The potential of point sources in a medium with a conductivity along each axis; LFPykit has no class for it.

    Parameters
    ----------
    cell, x, y, z
        See :class:`PointSourcePotential`.
    sigma : array_like of shape (3,)
        Conductivities along x, y and z, S/m.

    Raises
    ------
    ValueError
        As for :class:`PointSourcePotential`.
    """

    def __init__(self, cell: Any, x: ArrayLike, y: ArrayLike, z: ArrayLike, sigma: Any = (0.3, 0.3, 0.3)) -> None:
        super().__init__(cell, x, y, z, sigma)


class RecExtElectrode(LinearModel):
    """An extracellular probe.

    Parameters
    ----------
    cell : CellGeometry, LFPy.Cell or None
        See :class:`LinearModel`.
    sigma : float or sequence of three floats
        Conductivity, S/m, or along x, y and z.
    probe : MEAutility.core.MEA, optional
        The contacts, instead of ``x``, ``y`` and ``z``: their positions, and if ``n`` is given their size and normals.
    x, y, z : array_like of shape (contacts,)
        Positions, µm.
    N : array_like of shape (contacts, 3), optional
        Normals of disc contacts.
    r : float, optional
        Radius of disc contacts, µm; half of the side of square ones, as LFPykit computes, whose documentation calls it the
        side.
    n : int, optional
        Contacts are discs if ``N``, ``r`` and a positive ``n`` are given, else points. The mean over the disc needs no
        number of points.
    contact_shape : {"circle", "square"}
        A square contact is treated as the disc of the same area.
    method : {"linesource", "pointsource", "root_as_point"}
        The sources; with ``"root_as_point"`` segment 0 is a point, and the others are lines.
    verbose, seedvalue, **kwargs
        Accepted, without effect.

    Raises
    ------
    ValueError
        If there are no positions, they differ in number, or ``method`` or ``contact_shape`` is unknown.
    AttributeError
        If ``probe`` has no ``positions``.

    Notes
    -----
    Linden et al. 2014, Front Neuroinform 7:41, https://doi.org/10.3389/fninf.2013.00041 (disc contacts);
    Ness et al. 2015, Neuroinformatics 13:403, https://doi.org/10.1007/s12021-015-9265-6 (anisotropy).
    """

    def __init__(
        self,
        cell: Any,
        sigma: Any = 0.3,
        probe: Any = None,
        x: ArrayLike | None = None,
        y: ArrayLike | None = None,
        z: ArrayLike | None = None,
        N: ArrayLike | None = None,
        r: float | None = None,
        n: int | None = None,
        contact_shape: Literal["circle", "square"] = "circle",
        method: Literal["linesource", "pointsource", "root_as_point"] = "linesource",
        verbose: bool = False,
        seedvalue: int | None = None,
        **kwargs: Any,
    ) -> None:
        import numpy as np

        super().__init__(cell)
        if method not in ("linesource", "pointsource", "root_as_point"):
            raise ValueError(
                f"method: unknown, expected one of `linesource`, `pointsource`, `root_as_point`, found `{method}`"
            )
        if contact_shape not in ("circle", "square"):
            raise ValueError(f"contact_shape: unknown, expected one of `circle`, `square`, found `{contact_shape}`")
        if probe is not None:
            x, y, z = np.asarray(probe.positions, dtype=float).T
            if n is not None and r is None:
                r, contact_shape = _size_of(probe)
            if N is None:
                N = getattr(probe, "normal", None)
        if x is None or y is None or z is None:
            raise ValueError("expected `probe`, or `x`, `y` and `z`")
        self.x, self.y, self.z = _points(x, y, z).T
        self.probe, self.sigma, self.method, self.contact_shape = probe, sigma, method, contact_shape
        self.N, self.r, self.n = N, r, n
        self.verbose, self.seedvalue, self.kwargs = verbose, seedvalue, kwargs

    @property
    def positions(self) -> NDArray[np.float64]:
        """The positions of the contacts, µm: of shape (contacts, 3)."""
        return _points(self.x, self.y, self.z)

    def get_transformation_matrix(self) -> NDArray[np.float64]:
        """Returns the matrix of shape (contacts, segments), mV/nA.

        Raises
        ------
        AttributeError
            If there is no cell, or it lacks ``x``, ``y``, ``z`` or ``d``.
        InputError, ValueError
            If there are no contacts, a position or the conductivity is not finite, or the conductivity is not positive, has
            neither one number nor three, or a normal is 0.
        """
        import numpy as np

        kind = "PointSource" if self.method == "pointsource" else "LineSource"
        radius = None
        if self.N is not None and self.r is not None and self.r > 0 and self.n is not None and self.n > 0:
            # half of the side of a square, and the radius of the disc with its area
            radius = float(self.r) if self.contact_shape == "circle" else float(self.r) * 2.0 / float(np.sqrt(np.pi))
        is_root_point = self.method == "root_as_point"
        return _matrix(_cell_of(self), self.positions, self.sigma, kind, is_root_point, self.N, radius)


def _size_of(probe: Any) -> tuple[float | None, Literal["circle", "square"]]:
    """Returns the size and shape of a probe's contacts: the radius, or half of the side."""
    size, shape = getattr(probe, "size", None), getattr(probe, "shape", "circle")
    if size is None:
        return None, "circle"
    if shape == "rect":
        # half of the side of the square with the area of the rectangle
        return float((size[0] * size[1]) ** 0.5), "square"
    return float(size), "square" if shape == "square" else "circle"
