"""Circuits."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from . import _leadfield
from ._common import (
    PathLike,
    Progress,
    flag,
    integer,
    number,
    optional_number,
    optional_text,
    path_text,
    progress_of,
    text,
    text_list,
    warn,
)
from ._segments import Rows, Segments

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

AxonRule = Literal["taper", "legacy", "bluepyopt", "delete", "keep"]
AxonPlacement = Literal["bluerecording", "bluerecording-0.2", "arc"]


class Circuit:
    """A SONATA circuit.

    Parameters
    ----------
    path : str or os.PathLike
        A circuit configuration, or a simulation configuration: the numbers of segments are then those of its compartment
        report, if it has one of all sections and compartments.

    Raises
    ------
    FileError
        If the file cannot be read.
    InputError
        If the file is not a SONATA configuration.
    TypeError
        If ``path`` is no path.
    """

    def __init__(self, path: PathLike) -> None:
        self._circuit = _leadfield.Circuit(path_text(path))

    def __reduce__(self) -> tuple[Any, ...]:
        return Circuit, (os.path.abspath(self.path),)

    @property
    def path(self) -> str:
        """The path of the configuration."""
        return str(self._circuit.path)

    @property
    def populations(self) -> list[str]:
        """The names of the populations that have segments: those of the type ``biophysical``."""
        return self._circuit.populations

    @property
    def population_types(self) -> dict[str, str]:
        """The types of all populations, by name."""
        return dict(self._circuit.population_types())

    @property
    def node_sets(self) -> list[str]:
        """The names of the node sets."""
        return self._circuit.node_set_names()

    @property
    def templates(self) -> list[dict[str, Any]]:
        """The cell templates of the only population that has segments: see :meth:`templates_of`."""
        return self.templates_of(None)

    def templates_of(self, population: str | None) -> list[dict[str, Any]]:
        """Returns the cell templates of a population, and the rules by which they cut neurons into segments.

        Parameters
        ----------
        population : str or None
            Name of the population; None if only one has segments.

        Returns
        -------
        list of dict
            ``name``; ``nodes``, the number of nodes that have it; ``axon_rule`` and ``segment_length_um``, or None with
            the reason as ``error``.

        Raises
        ------
        InputError
            If the population is unknown or malformed, or several have segments and none is named.
        FileError
            If the nodes cannot be read.
        TypeError
            If ``population`` is no text.
        """
        return self._circuit.templates(optional_text("population", population))

    def nodes(self, population: str | None = None, columns: Sequence[str] = ()) -> Rows:
        """Returns the nodes of a population, and their attributes.

        Parameters
        ----------
        population : str, optional
            Name of the population; not needed if only one has segments.
        columns : sequence of str, optional
            The attributes; all of them by default.

        Returns
        -------
        Rows
            ``node_id`` and the attributes, for pyarrow, polars, pandas or DuckDB. Enumerations are text, integers
            int64, other numbers float64, booleans ``"true"`` and ``"false"``.

        Raises
        ------
        InputError
            If the population or an attribute is unknown or malformed, or several populations have segments and none is named.
        FileError
            If the nodes cannot be read.
        TypeError
            If ``population`` or ``columns`` are no texts.
        """
        return Rows(self._circuit.nodes(optional_text("population", population), text_list("columns", columns)))

    def node_set(self, name: str, population: str | None = None) -> NDArray[np.uint64]:
        """Returns the ids of the nodes of a population that are in a node set, ascending.

        Parameters
        ----------
        name : str
            Name of the node set.
        population : str, optional
            Name of the population; not needed if only one has segments.

        Returns
        -------
        numpy.ndarray of uint64
            The node ids.

        Raises
        ------
        InputError
            If the node set or the population is unknown or malformed, or several populations have segments and none is named.
        FileError
            If a file cannot be read.
        TypeError
            If an argument is no text.
        """
        return self._circuit.node_set(text("name", name), optional_text("population", population))

    def segments(
        self,
        out: PathLike,
        *,
        population: str | None = None,
        node_set: str | None = None,
        report: str | None = None,
        discretisation: Literal["report", "rule"] | None = None,
        axon_rule: AxonRule | None = None,
        segment_length: float | None = None,
        axon_placement: AxonPlacement = "bluerecording",
        euler_order: Literal["sonata", "neurodamus"] | None = None,
        on_bad_neuron: Literal["error", "skip"] = "error",
        any_discretisation: bool = False,
        precision: Literal["f64", "f32"] = "f64",
        segments_per_part: int | None = None,
        resume: bool = False,
        overwrite: bool = False,
        progress: Progress = False,
    ) -> Segments:
        """Places every segment of every neuron, and writes the segment table.

        The arguments are those of ``leadfield positions``; see ``docs/circuits.md``. The table appears under its name
        when it is complete. Ctrl-C stops between parts; ``resume=True`` resumes the run, to the same bytes.

        Parameters
        ----------
        out : str or os.PathLike
            The table: ``NAME.parquet`` is one file, any other name a folder of parts.
        population : str, optional
            The population; needed if several have segments.
        node_set : str, optional
            Only the neurons of this node set.
        report : str, optional
            The compartment report with the numbers of segments.
        discretisation : {"report", "rule"}, optional
            The source of the numbers of segments. By default the report, if there is one.
        axon_rule : {"taper", "legacy", "bluepyopt", "delete", "keep"}, optional
            Treatment of the axon; by default that of the cell templates. No templates are read then.
        segment_length : float, optional
            Chunk length of the rule, µm: a section of length L has 1 + 2 int(L / chunk) segments.
        axon_placement : {"bluerecording", "bluerecording-0.2", "arc"}
            Placement of the stubs of a replaced axon.
        euler_order : {"sonata", "neurodamus"}, optional
            The order of Euler rotations, if nodes have them.
        on_bad_neuron : {"error", "skip"}
            Treatment of a neuron that cannot be placed.
        any_discretisation : bool
            Use the report's numbers even if no segment length explains them.
        precision : {"f64", "f32"}
            Width of the stored coordinates.
        segments_per_part : int, optional
            Largest number of segments of a part, for a folder of parts.
        resume, overwrite : bool
            Resume an interrupted run; replace existing files.
        progress : bool or callable
            True shows a bar if tqdm is installed; a function is called with numbers of segments done.

        Returns
        -------
        Segments
            The open table.

        Raises
        ------
        InputError
            If the circuit is malformed, several populations have segments and none is named, or a neuron cannot be
            placed.
        OutputExistsError
            If ``out`` exists.
        FileError
            If a file cannot be read or written.
        ValueError
            If ``on_bad_neuron`` is unknown, or ``segments_per_part`` is below 1 or given for a single file.
        TypeError
            If an argument has a wrong type.

        Warns
        -----
        LeadfieldWarning
            For changes by the importer of the simulator, neurons that are left out, and assumed rules.
        """
        if population is None and len(self.populations) == 1:
            population = self.populations[0]
        if population is None:
            known = ", ".join(f"`{name}`" for name in self.populations)
            raise ValueError(f"{self.path}: several populations have segments, expected population= one of {known}")
        path = path_text(out, "out")
        if segments_per_part is not None:
            segments_per_part = integer("segments_per_part", segments_per_part, least=1)
            if path.endswith(".parquet"):
                raise ValueError(f"segments_per_part: expected a folder of parts as `out`, found the single file {path}")
        with progress_of(progress, None, "segments") as update:
            _, warnings = self._circuit.write_segments(
                path,
                population=text("population", population),
                node_set=optional_text("node_set", node_set),
                report=optional_text("report", report),
                discretisation=optional_text("discretisation", discretisation),
                axon_rule=optional_text("axon_rule", axon_rule),
                segment_length=optional_number("segment_length", segment_length),
                axon_placement=text("axon_placement", axon_placement),
                euler_order=optional_text("euler_order", euler_order),
                skip_bad_neurons=_is_skip(on_bad_neuron),
                any_discretisation=flag("any_discretisation", any_discretisation),
                precision=text("precision", precision),
                segments_per_part=segments_per_part,
                resume=flag("resume", resume),
                overwrite=flag("overwrite", overwrite),
                progress=update,
            )
        warn(warnings)
        return Segments(out)

    def __repr__(self) -> str:
        return f"Circuit({self.path!r})"


def _is_skip(on_bad_neuron: str) -> bool:
    if on_bad_neuron not in ("error", "skip"):
        raise ValueError(f"on_bad_neuron: unknown, expected one of `error`, `skip`, found `{on_bad_neuron}`")
    return on_bad_neuron == "skip"


def synthesize_circuit(
    folder: PathLike,
    *,
    cells: int,
    seed: int = 1,
    morphologies: int | None = None,
    with_report: bool = False,
    with_currents: bool = False,
    frames: int = 300,
    radius: float = 400.0,
    height: float = 1500.0,
    overwrite: bool = False,
    progress: Progress = False,
) -> Circuit:
    """Writes a synthetic SONATA circuit: neurons in a cylinder, with branched morphologies.

    Parameters
    ----------
    folder : str or os.PathLike
        The folder to write; it must be new or empty.
    cells : int
        Number of neurons.
    seed : int
        Seed of the random numbers; the same arguments give the same bytes.
    morphologies : int, optional
        Number of distinct morphologies; by default one for each neuron, at most 24.
    with_report : bool
        Whether to write a compartment report of one frame.
    with_currents : bool
        Whether to write a report of the balanced membrane currents of an input that travels through the circuit, for
        :func:`leadfield.signals`.
    frames : int
        Number of frames of the currents.
    radius, height : float
        Size of the cylinder with the somata, µm.
    overwrite : bool
        Replace a synthetic circuit that exists.
    progress : bool or callable
        See :meth:`Circuit.segments`; counts neurons.

    Returns
    -------
    Circuit
        The circuit; with a report its simulation configuration.

    Raises
    ------
    InputError, ValueError
        If a number is out of range, or ``overwrite`` would replace a folder that is no circuit.
    OutputExistsError
        If the folder is not empty.
    FileError
        If it cannot be written.
    TypeError
        If an argument has a wrong type.
    """
    folder = path_text(folder, "folder")
    cells, frames = integer("cells", cells), integer("frames", frames)
    with progress_of(progress, cells, "neurons") as update:
        _leadfield.synthesize_circuit(
            folder,
            cells=cells,
            seed=integer("seed", seed, most=2**64 - 1),
            morphologies=None if morphologies is None else integer("morphologies", morphologies),
            with_report=with_report,
            current_frames=frames if with_currents else None,
            radius=number("radius", radius),
            height=number("height", height),
            overwrite=flag("overwrite", overwrite),
            progress=update,
        )
    name = "simulation_config.json" if with_report or with_currents else "circuit_config.json"
    return Circuit(f"{folder}/{name}")
