"""Signals at contacts from membrane currents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Union

from . import _leadfield
from ._circuit import Circuit
from ._common import (
    PathLike,
    Progress,
    flag,
    instance,
    integer,
    number,
    optional_number,
    path_list,
    path_text,
    progress_of,
    text,
    warn,
)
from ._electrodes import Electrodes
from ._electrodes_file import ElectrodesFile, weights_path
from ._plot import Svg
from ._segments import Segments
from ._weights import Conductivity, Fields, NearField, _is_single, _settings, table_list

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Unit = Literal["V", "mV", "uV"]
Figure = Literal["all", "traces", "image", "csd", "kcsd", "spectrum"]
Format = Literal["report", "bmtk", "nwb", "npy", "parquet", "arrow", "csv"]
Names = Union[str, Sequence[str]]

_VOLTS = {"V": 1.0, "mV": 1e-3, "uV": 1e-6}


class Imbalance(NamedTuple):
    """A neuron whose membrane currents do not sum to zero, as with a current clamp."""

    population: str
    node_id: int
    net_current: float
    """The net current with the largest absolute value, nA."""
    time: float
    """Its time, ms."""


class SignalsSummary(NamedTuple):
    """The summary of :func:`write_signals`."""

    path: str
    frames: int
    contacts: int
    groups: int
    neurons: int
    segments: int
    blocks: int
    """Blocks of frames; 0 for formats that are written from the beginning to the end."""
    resumed_blocks: int


class Signals:
    """Signals at contacts: what :func:`signals` returns.

    Attributes
    ----------
    data : numpy.ndarray of shape (frames, contacts), or (frames, contacts, groups) with ``by=``
        The values, in ``units``.
    times : numpy.ndarray of shape (frames,)
        ms.
    step : float
        Time from one frame to the next, ms.
    units : list of str
        The unit of each contact: ``"V"``, ``"mV"`` or ``"uV"``; ``"nA"`` or ``"nA/um3"`` for ObjectiveCSD types.
    electrode_names : list of str
        The contacts.
    electrode_types : list of str
        Their methods; empty texts where they are unknown.
    positions : numpy.ndarray of shape (contacts, 3)
        Their positions, µm; NaN where one is unknown.
    groups : list of str or None
        The names of the groups; None without ``by=``.
    node_ids : list of (str, int) or None
        Population and node id of each group with ``by="node"``.
    is_online : bool
        Whether the reports were taken as the simulator's own ``lfp`` reports.
    neurons : int
        Number of neurons that were summed.
    imbalances : list of Imbalance
        Neurons whose currents do not sum to zero, the largest first.
    """

    def __init__(self, data: NDArray[Any], described: dict[str, Any]) -> None:
        self.data = data
        self.times: NDArray[np.float64] = described["times"]
        self.step: float = described["step"]
        self.units: list[str] = described["units"]
        self.electrode_names: list[str] = described["electrode_names"]
        self.electrode_types: list[str] = described["types"]
        self.positions: NDArray[np.float64] = described["positions"]
        self.groups: list[str] | None = described["groups"]
        self.node_ids: list[tuple[str, int]] | None = described["nodes"] or None
        self.is_online: bool = described["is_online"]
        self.neurons: int = described["neurons"]
        self.imbalances: list[Imbalance] = [Imbalance(*found) for found in described["imbalances"]]

    @property
    def unit(self) -> str:
        """The unit of all contacts.

        Raises
        ------
        ValueError
            If contacts have different units: see ``units``.
        """
        if len(set(self.units)) != 1:
            raise ValueError(f"unit: contacts have different units, expected one, found {', '.join(sorted(set(self.units)))}")
        return self.units[0]

    @property
    def sampling_rate(self) -> float:
        """Frames per second, Hz."""
        return 1e3 / self.step

    def __getitem__(self, group: str) -> Signals:
        """Returns the signals of one group.

        Parameters
        ----------
        group : str
            Name of the group: one of ``groups``.

        Raises
        ------
        KeyError
            If there is no such group.
        """
        if self.groups is None or group not in self.groups:
            known = "no groups" if self.groups is None else ", ".join(f"`{name}`" for name in self.groups[:12])
            raise KeyError(f"unknown group, expected one of {known}, found `{group}`")
        place = self.groups.index(group)
        chosen = Signals.__new__(Signals)
        chosen.__dict__.update(self.__dict__)
        chosen.data, chosen.groups, chosen.node_ids = self.data[:, :, place], None, None
        return chosen

    def __len__(self) -> int:
        return len(self.times)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        import numpy as np

        if copy:
            return np.array(self.data, dtype=dtype)
        return np.asarray(self.data, dtype=dtype)

    def __repr__(self) -> str:
        groups = "" if self.groups is None else f", {len(self.groups)} groups"
        units = ", ".join(dict.fromkeys(self.units))
        return f"<Signals: {len(self.times)} frames, {len(self.electrode_names)} contacts{groups}, {units}>"

    def to_xarray(self) -> Any:
        """Returns an ``xarray.DataArray``, without a copy of the values.

        Its dimensions are ``time`` (ms), ``contact`` and, with ``by=``, ``group``; ``x``, ``y`` and ``z`` (µm) and
        ``unit`` are coordinates of the contacts. ``attrs["units"]`` is there if all contacts have the same.

        Raises
        ------
        ImportError
            If xarray is not installed.
        """
        xarray = _import("xarray", "to_xarray")
        dims = ("time", "contact", "group")[: self.data.ndim]
        coords: dict[str, Any] = {
            "time": ("time", self.times, {"units": "ms"}),
            "contact": ("contact", self.electrode_names),
            "unit": ("contact", self.units),
        }
        for axis, name in enumerate("xyz"):
            coords[name] = ("contact", self.positions[:, axis], {"units": "um"})
        if self.groups is not None:
            coords["group"] = ("group", self.groups)
        attrs = {"units": self.units[0]} if len(set(self.units)) == 1 else {}
        return xarray.DataArray(self.data, dims=dims, coords=coords, name="signal", attrs=attrs)

    def to_neo(self) -> Any:
        """Returns a ``neo.AnalogSignal`` of shape (frames, contacts).

        Names and positions of the contacts are array annotations: ``channel_names``, ``x``, ``y``, ``z`` (µm).

        Raises
        ------
        ImportError
            If neo is not installed.
        ValueError
            If there are groups (take one: ``signals[group]``), or contacts have different units.
        """
        neo = _import("neo", "to_neo")
        data = self._one_sum("to_neo")
        annotations = {name: self.positions[:, axis].tolist() for axis, name in enumerate("xyz")}
        import quantities

        return neo.AnalogSignal(
            data,
            units=self.unit,
            t_start=self.times[0] * quantities.ms,
            sampling_period=self.step * quantities.ms,
            name="leadfield",
            array_annotations={"channel_names": self.electrode_names, **annotations},
        )

    def to_mne(self, *, ch_type: str = "seeg") -> Any:
        """Returns an ``mne.io.RawArray`` with the contacts as channels, V.

        Parameters
        ----------
        ch_type : str
            MNE's type of the channels: ``"seeg"``, ``"ecog"``, ``"dbs"``, ``"eeg"``.

        Returns
        -------
        mne.io.RawArray
            The positions, m, are those of the circuit's frame: MNE calls it ``unknown``. The first time is that of
            ``first_samp``, rounded to a frame.

        Raises
        ------
        ImportError
            If mne is not installed.
        ValueError
            If there are groups (take one: ``signals[group]``), or the signals are not potentials.
        """
        mne = _import("mne", "to_mne")
        import numpy as np

        data = self._one_sum("to_mne")
        if self.unit not in _VOLTS:
            raise ValueError(f"to_mne: signals are not potentials, expected V, mV or uV, found {self.unit}")
        info = mne.create_info(self.electrode_names, self.sampling_rate, ch_type, verbose="error")
        volts = np.ascontiguousarray(data.T, dtype=np.float64) * _VOLTS[self.unit]
        raw = mne.io.RawArray(volts, info, first_samp=max(0, round(self.times[0] / self.step)), verbose="error")
        for channel, position in zip(raw.info["chs"], self.positions):
            channel["loc"][:3] = position * 1e-6
            channel["coord_frame"] = mne.io.constants.FIFF.FIFFV_COORD_UNKNOWN
        return raw

    def plot(self, figure: Figure = "all", *, conductivity: float = 0.277, source_radius: float = 500.0) -> Svg:
        """Draws the signals.

        Parameters
        ----------
        figure : {"all", "traces", "image", "csd", "kcsd", "spectrum"}
            Traces by depth; an image by depth and time; current source density by the second difference or by the
            kernel method; power spectra. ``"all"`` leaves out, with a warning, what the contacts do not allow.
        conductivity : float
            For current source densities, S/m.
        source_radius : float
            Radius of the discs of sources of the kernel method, µm.

        Returns
        -------
        Svg
            The picture. Depth is the coordinate along which the contacts extend furthest.

        Raises
        ------
        ValueError
            If there are groups (take one: ``signals[group]``), contacts have different units, or there are fewer than
            two frames.
        """
        import numpy as np

        picture = _picture(figure, conductivity, source_radius, "signals")
        values = np.ascontiguousarray(self._one_sum("plot"), dtype=np.float64)
        positions = np.ascontiguousarray(self.positions)
        svg, warnings = _leadfield.plot_traces(
            self.times.tolist(), self.electrode_names, positions, values, self.unit, picture
        )
        warn(warnings)
        return Svg(svg)

    def _one_sum(self, caller: str) -> NDArray[Any]:
        if self.groups is not None:
            raise ValueError(f"{caller}: signals of {len(self.groups)} groups, expected one: signals[{self.groups[0]!r}]")
        return self.data


def signals(
    reports: PathLike | Sequence[PathLike],
    *,
    weights: PathLike | ElectrodesFile | None = None,
    segments: Segments | Sequence[Segments] | None = None,
    electrodes: Electrodes | None = None,
    circuit: PathLike | Circuit | None = None,
    density: bool = False,
    by: Names | None = None,
    node_set: str | None = None,
    electrode: Names | None = None,
    allow_missing: bool = False,
    start: float | None = None,
    end: float | None = None,
    stride: float | None = None,
    reference: str | None = None,
    unit: Unit = "mV",
    dtype: Any = "f64",
    conductivity: Conductivity | Sequence[Conductivity] = 0.277,
    near_field: NearField = "radius",
    fields: Fields | None = None,
    outside_field: Literal["error", "zero"] = "error",
    field_current: float | None = None,
    field_transform: Sequence[float] | None = None,
    block_frames: int | None = None,
    progress: Progress = False,
) -> Signals:
    """Computes signals at contacts (LFP, ECoG, EEG) from reports of membrane currents.

    A signal is the sum over segments of current times weight. The weights are those of an electrodes file
    (``weights``), or are computed and stored nowhere (``segments`` and ``electrodes``). With neither, the reports are the
    simulator's own ``lfp`` reports, whose cells are summed.

    Parameters
    ----------
    reports : path or sequence of paths
        SONATA reports of ``i_membrane`` with all compartments, one for each population or one with several; or online
        ``lfp`` reports. Currents are nA, whatever the attribute ``units`` states.
    weights : path or ElectrodesFile, optional
        The electrodes file.
    segments : Segments or sequence of Segments, optional
        The segment table of each population.
    electrodes : Electrodes, optional
        The contacts of ``segments``; or of an online report, which has no names.
    circuit : path or Circuit, optional
        Where attributes and node sets are; by default the circuit that the table or the electrodes
        file names.
    density : bool
        The reports have current densities, mA/cm2: they are multiplied by the segments' areas. Needs ``segments``.
    by : str or sequence of str, optional
        One sum for each ``"population"``, ``"node"``, ``"section_type"`` (needs ``segments``), value of a node's
        attribute (``"mtype"``, ``"layer"``), or node set (a sequence of names).
    node_set : str, optional
        Use only these nodes.
    electrode : str or sequence of str, optional
        Use only these contacts, in this order.
    allow_missing : bool
        Leave out nodes that only the reports or only the weights have, with a warning, instead of an error.
    start, end, stride : float, optional
        Times, ms: the first, the end (excluded), and from one frame to the next, a multiple of the report's step.
    reference : str, optional
        The contact whose signal is subtracted, or ``"mean"``: the mean of all used contacts.
    unit : {"V", "mV", "uV"}
        The unit of potentials.
    dtype : {"f64", "f32"} or a numpy type
        The type of the result; sums are in float64.
    conductivity, near_field, fields, outside_field, field_current, field_transform
        See :func:`leadfield.weights`; only for weights that are computed.
    block_frames : int, optional
        Largest number of frames that are computed together (1024). The values do not depend on it.
    progress : bool or callable
        True shows a bar if tqdm is installed; a function is called with numbers of currents done.

    Returns
    -------
    Signals
        ``data`` is of shape (frames, contacts), or (frames, contacts, groups) with ``by``.

    Raises
    ------
    InputError
        If the reports have currents and there are no weights; reports and weights do not match; a contact, a node set or
        a group is unknown; no frame or no neuron is left; or a value is not finite.
    FileError
        If a file cannot be read.
    MemoryError
        If the result does not fit into memory; :func:`write_signals` needs little.

    Warns
    -----
    LeadfieldWarning
        For neurons whose currents do not sum to zero, as with a current clamp, and for nodes that are left out.

    See Also
    --------
    docs/signals.md : units, clamps, densities, cost.
    """
    arguments = _request(locals())
    single = _is_single(dtype)
    with progress_of(progress, None, "currents") as update:
        values, described = _leadfield.signals(arguments, single, update)
    warn(_warnings(described))
    # (frames, groups, contacts) in memory
    data = values[:, 0, :] if described["groups"] is None else values.transpose(0, 2, 1)
    return Signals(data, described)


def write_signals(
    reports: PathLike | Sequence[PathLike],
    out: PathLike,
    *,
    weights: PathLike | ElectrodesFile | None = None,
    segments: Segments | Sequence[Segments] | None = None,
    electrodes: Electrodes | None = None,
    circuit: PathLike | Circuit | None = None,
    density: bool = False,
    by: Names | None = None,
    node_set: str | None = None,
    electrode: Names | None = None,
    allow_missing: bool = False,
    start: float | None = None,
    end: float | None = None,
    stride: float | None = None,
    reference: str | None = None,
    unit: Unit = "mV",
    dtype: Any = "f32",
    format: Format | None = None,
    wide: bool = False,
    conductivity: Conductivity | Sequence[Conductivity] = 0.277,
    near_field: NearField = "radius",
    fields: Fields | None = None,
    outside_field: Literal["error", "zero"] = "error",
    field_current: float | None = None,
    field_transform: Sequence[float] | None = None,
    block_frames: int | None = None,
    resume: bool = False,
    overwrite: bool = False,
    progress: Progress = False,
) -> SignalsSummary:
    """Computes signals and writes them to a file, in bounded memory.

    The file is the one that ``leadfield signals`` writes. It appears under its name when it is complete.

    Parameters
    ----------
    out : str or os.PathLike
        The file. Its name states the format: ``.h5`` (SONATA report), ``ecp.h5`` (BMTK), ``.nwb``, ``.npy``,
        ``.parquet``, ``.arrow``, ``.csv``.
    format : {"report", "bmtk", "nwb", "npy", "parquet", "arrow", "csv"}, optional
        The format, if it is not that of the name.
    wide : bool
        Write one column for each signal instead of one row for each value (only Parquet, Arrow, CSV).
    resume, overwrite : bool
        Resume an interrupted run of the same inputs and settings (the first four formats); replace a file that
        exists.
    dtype : {"f32", "f64"} or a numpy type
        The type of the written values.
    reports, weights, segments, electrodes, circuit, density, by, node_set, electrode, allow_missing, start, end, stride,
    reference, unit, conductivity, near_field, fields, outside_field, field_current, field_transform, block_frames, progress
        See :func:`signals`.

    Returns
    -------
    SignalsSummary
        The summary of the written file.

    Raises
    ------
    OutputExistsError
        If the file exists, or an interrupted run left a part of it.
    FileError
        If it cannot be written, or the disk has too little space.
    InputError
        As for :func:`signals`; and if the name states no format, or the format has no groups.
    """
    arguments = _request(locals())
    path = path_text(out, "out")
    with progress_of(progress, None, "currents") as update:
        described, blocks, resumed = _leadfield.write_signals(
            arguments,
            path,
            format=None if format is None else text("format", format),
            wide=flag("wide", wide),
            single_precision=_is_single(dtype),
            resume=flag("resume", resume),
            overwrite=flag("overwrite", overwrite),
            progress=update,
        )
    warn(_warnings(described))
    return SignalsSummary(
        path=path,
        frames=len(described["times"]),
        contacts=len(described["electrode_names"]),
        groups=1 if described["groups"] is None else len(described["groups"]),
        neurons=described["neurons"],
        segments=described["segments"],
        blocks=blocks,
        resumed_blocks=resumed,
    )


def plot_signals(
    report: PathLike,
    figure: Figure = "all",
    *,
    electrode: Names | None = None,
    group: str | int | None = None,
    electrodes: Electrodes | None = None,
    unit: Unit | None = None,
    conductivity: float = 0.277,
    source_radius: float = 500.0,
) -> Svg:
    """Draws the signals of a file: the simulator's ``lfp`` report, or an ``.h5`` of :func:`write_signals`.

    Parameters
    ----------
    report : str or os.PathLike
        The report (HDF5). The cells of a ``lfp`` report, and neurons (``by="node"``), are added up; of other groups one
        is drawn.
    electrode : str or sequence of str, optional
        Names of the contacts to draw; by default all.
    group : str or int, optional
        The group to draw, or the id of a neuron.
    electrodes : Electrodes, optional
        Names and positions of the contacts, in the order of the report, which may lack them.
    unit : {"V", "mV", "uV"}, optional
        The unit of the values, if the report states a wrong one, as the simulator does.
    figure, conductivity, source_radius
        See :meth:`Signals.plot`.

    Returns
    -------
    Svg
        The picture.

    Raises
    ------
    FileError
        If the report cannot be read.
    InputError
        If it is no report of signals, a contact or group is unknown, its contacts have different units, or a number is out of
        range.
    ValueError
        If ``figure`` is unknown.
    TypeError
        If an argument has a wrong type.
    """
    path = path_text(report, "report")
    picture = _picture(figure, conductivity, source_radius, path.rsplit("/", 1)[-1])
    stated = None if unit is None else text("unit", unit)
    names = _name_list("electrode", electrode) or []
    own = None if group is None else group if isinstance(group, str) else str(integer("group", group, least=0))
    svg, warnings = _leadfield.plot_signals(path, _contacts(electrodes), stated, names, own, picture)
    warn(warnings)
    return Svg(svg)


def _picture(figure: str, conductivity: float, source_radius: float, title: str) -> dict[str, Any]:
    return {
        "figure": text("figure", figure),
        "conductivity": number("conductivity", conductivity),
        "source_radius": number("source_radius", source_radius),
        "title": title,
    }


# settings of weights that are computed, with their defaults
_COMPUTED = {
    "conductivity": 0.277,
    "near_field": "radius",
    "fields": None,
    "outside_field": "error",
    "field_current": None,
    "field_transform": None,
}


def _contacts(electrodes: Electrodes | None) -> _leadfield.ElectrodeList | None:
    return None if electrodes is None else instance("electrodes", electrodes, Electrodes, "lf.Electrodes.from_csv(path)")._list


def _check_no_settings(given: Mapping[str, Any]) -> None:
    """Refuses settings of computed weights where none are computed."""
    for name, default in _COMPUTED.items():
        value = given[name]
        if value is not default and not (isinstance(value, (int, float, str)) and value == default):
            source = "weights, which are those of the file" if given["weights"] is not None else "online reports"
            raise ValueError(f"{name}: given with {source}, expected segments and electrodes")


def _request(given: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the arguments of the extension module for those of :func:`signals`, by name."""
    weights, segments, electrodes = given["weights"], given["segments"], given["electrodes"]
    reports, circuit, by, block_frames = given["reports"], given["circuit"], given["by"], given["block_frames"]
    tables = table_list(segments)
    if weights is not None and (tables or electrodes is not None):
        raise ValueError("weights: given with segments or electrodes, expected either")
    if tables and electrodes is None:
        raise ValueError("segments: given without electrodes, expected both")
    settings = _settings(given)
    if not tables:
        _check_no_settings(given)
    groups, contacts = _name_list("by", by), _name_list("electrode", given["electrode"])
    times = {name: optional_number(name, given[name]) for name in ("start", "end", "stride")}
    texts = {name: None if given[name] is None else text(name, given[name]) for name in ("node_set", "reference")}
    flags = {name: flag(name, given[name]) for name in ("density", "allow_missing")}
    if hasattr(by, "__iter__") and not isinstance(by, (str, bytes)):
        # one name is an attribute or a node set
        by = by[0] if isinstance(by, (list, tuple)) and len(by) == 1 else by
    return {
        "reports": path_list("reports", reports),
        "weights": None if weights is None else weights_path("weights", weights),
        "tables": tables,
        "electrodes": _contacts(electrodes),
        "settings": settings,
        "circuit": circuit.path if isinstance(circuit, Circuit) else None if circuit is None else path_text(circuit, "circuit"),
        "by": by if isinstance(by, str) else None,
        "by_node_sets": None if isinstance(by, str) else groups,
        "contacts": contacts or [],
        "unit": text("unit", given["unit"]),
        "block_frames": None if block_frames is None else integer("block_frames", block_frames, least=1),
        **times,
        **texts,
        **flags,
    }


def _name_list(argument: str, names: Names | None) -> list[str] | None:
    if names is None:
        return None
    listed: list[Any] = [names] if isinstance(names, str) or not hasattr(names, "__iter__") else list(names)
    if not listed or not all(isinstance(name, str) for name in listed):
        raise ValueError(f"{argument}: expected a name or several, found {names!r}")
    return listed


def _warnings(described: dict[str, Any]) -> list[str]:
    texts = list(described["contact_warnings"])
    if described["left_out"]:
        count, named = described["left_out"]
        nodes = "1 node" if count == 1 else f"{count} nodes"
        texts.append(f"{nodes} left out, which only the reports or only the weights have: {named}")
    if described["ungrouped"]:
        texts.append(f"{described['ungrouped']} nodes in no group")
    if described["unit_warning"]:
        texts.append(f"{described['unit_warning']}; if they are densities, give `density=True`")
    if described["imbalance_warning"]:
        text, neurons = described["imbalance_warning"]
        hint = "A `summation` report of `i_membrane` and the clamp's current (`IClamp`) balances"
        texts.append(f"{text}. The largest: {'; '.join(neurons)}. {hint}")
    return texts


def _import(name: str, caller: str) -> Any:
    """Imports an optional package; the error says who needs it."""
    import importlib

    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(f"{caller} needs the package `{name}`: pip install {name}", name=name) from error
