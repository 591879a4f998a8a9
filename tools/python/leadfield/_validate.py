"""Validation of electrodes files, and comparison of two."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

from . import _leadfield
from ._circuit import Circuit
from ._common import PathLike, Progress, flag, instance, kind_of, number, optional_number, path_text, progress_of, text
from ._electrodes_file import ElectrodesFile, weights_path
from ._segments import Segments


class Finding(NamedTuple):
    """A fault of an electrodes file."""

    code: str
    severity: str
    """``error``, ``warning`` or ``note``."""
    title: str
    text: str
    """The location, and what was expected and found."""
    clients: str
    """The behaviour of libsonata and of the simulator."""
    remedy: str
    fixable: bool
    """Whether ``leadfield validate electrodes-file --fix`` repairs it."""

    def __str__(self) -> str:
        return f"{self.code} {self.severity}: {self.text}"


class Validation:
    """The result of :func:`validate_electrodes_file`: true if there are no errors.

    Attributes
    ----------
    path : str
        The file.
    findings : list of Finding
        Errors first, then by code.
    """

    def __init__(self, path: str, findings: list[Finding]) -> None:
        self.path, self.findings = path, findings

    @property
    def is_valid(self) -> bool:
        """Whether there are no errors; warnings and notes are allowed."""
        return all(finding.severity != "error" for finding in self.findings)

    def __bool__(self) -> bool:
        return self.is_valid

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def __len__(self) -> int:
        return len(self.findings)

    def __str__(self) -> str:
        return "\n".join(map(str, self.findings)) or "valid"

    def __repr__(self) -> str:
        return f"<Validation of {self.path!r}: {len(self.findings)} findings, valid: {self.is_valid}>"

    def _repr_html_(self) -> str:
        import html

        if not self.findings:
            return "<p>valid</p>"
        rows = (
            f"<tr><td>{html.escape(f.code)}</td><td>{f.severity}</td><td>{html.escape(f.text)}</td><td>{html.escape(f.remedy)}</td></tr>"
            for f in self.findings
        )
        head = "<tr><th>code</th><th>severity</th><th>finding</th><th>remedy</th></tr>"
        return f"<table><thead>{head}</thead><tbody>{''.join(rows)}</tbody></table>"


def validate_electrodes_file(
    path: PathLike | ElectrodesFile,
    *,
    circuit: PathLike | Circuit | None = None,
    population: str | None = None,
    segments: Segments | None = None,
    conductivity: float | None = None,
    progress: Progress = False,
) -> Validation:
    """Finds everything that makes a client of an electrodes file fail or compute wrong results.

    Parameters
    ----------
    path : str, os.PathLike or ElectrodesFile
        The electrodes file.
    circuit : str, os.PathLike or Circuit, optional
        The circuit: nodes and numbers of segments are compared.
    population : str, optional
        The population of the circuit, if several have segments.
    segments : Segments, optional
        The segment table: nodes and numbers of segments are compared, and a sample of the weights is recomputed.
    conductivity : float, optional
        Conductivity of contacts that state none, S/m; by default the one that fits each best.
    progress : bool or callable
        See :func:`leadfield.weights`; counts rows.

    Returns
    -------
    Validation
        The findings. ``docs/validate.md`` describes the codes.

    Raises
    ------
    FileError
        If a file cannot be read.
    InputError
        If the file is not HDF5, the circuit is malformed, its population is unknown, or the conductivity is out of range.
    ValueError
        If there is a ``population`` without a ``circuit``.
    TypeError
        If an argument has a wrong type.
    """
    if population is not None and circuit is None:
        raise ValueError("population: expected together with `circuit`")
    file = weights_path("path", path)
    config = circuit.path if isinstance(circuit, Circuit) else None if circuit is None else path_text(circuit, "circuit")
    with progress_of(progress, None, "rows") as update:
        found = _leadfield.validate_electrodes_file(
            file,
            circuit=config,
            population=None if population is None else text("population", population),
            segments=_table(segments),
            conductivity=optional_number("conductivity", conductivity),
            progress=update,
        )
    return Validation(file, [Finding(**finding) for finding in found])


def _table(segments: Segments | None) -> _leadfield.SegmentTable | None:
    return None if segments is None else instance("segments", segments, Segments, "lf.Segments(path)")._table


class Comparison:
    """The result of :func:`compare_weights`: true if the files agree.

    Attributes
    ----------
    agrees : bool
        Whether the files agree.
    populations_only_in : (list of str, list of str)
        Populations that are in only one file.
    populations : list of dict
        For each pair of populations: ``nodes``, ``rows``, ``electrodes`` with their largest differences, what is in only
        one file, and known causes.
    """

    def __init__(
        self, agrees: bool, populations_only_in: tuple[list[str], list[str]], populations: list[dict[str, Any]]
    ) -> None:
        self.agrees, self.populations_only_in, self.populations = agrees, populations_only_in, populations

    def __bool__(self) -> bool:
        return self.agrees

    @property
    def largest_relative(self) -> float:
        """The largest relative difference of all weights."""
        contacts = (contact for population in self.populations for contact in population["electrodes"])
        return max((contact["largest_relative"] for contact in contacts), default=0.0)

    @property
    def causes(self) -> list[str]:
        """Known causes of the differences, where the numbers prove them."""
        return [cause for population in self.populations for cause in population["causes"]]

    def __repr__(self) -> str:
        return f"<Comparison: {str(self).splitlines()[0]}>"

    def __str__(self) -> str:
        rows = sum(population["rows"] for population in self.populations)
        verdict = "agree" if self.agrees else "differ"
        return "\n".join([f"{verdict}: {rows} rows, largest relative difference {self.largest_relative:.3g}", *self.causes])


def compare_weights(
    a: PathLike | ElectrodesFile,
    b: PathLike | ElectrodesFile,
    *,
    rtol: float = 1e-9,
    atol: float = 0.0,
    ignore_extra_column: bool = False,
    columns: Literal["index", "sorted-names"] = "index",
    population: str | tuple[str, str] | None = None,
    segments: Segments | None = None,
    progress: Progress = False,
) -> Comparison:
    """Compares two electrodes files: nodes by id, contacts by name.

    Weights agree if ``|a - b| <= atol + rtol max(|a|, |b|)``.

    Parameters
    ----------
    a, b : str, os.PathLike or ElectrodesFile
        The files.
    rtol, atol : float
        Relative tolerance, and absolute tolerance in V/nA: finite, 0 or more.
    ignore_extra_column : bool
        Ignore columns without a contact, as BlueRecording 0.2.1 writes one.
    columns : {"index", "sorted-names"}
        Rule that assigns columns to contacts; ``"sorted-names"`` for files of BlueRecording 0.2.1.
    population : str or (str, str), optional
        The population, or its names in both files; by default the only one of each, or those of the same name.
    segments : Segments, optional
        The segment table of ``a``: proves causes that concern regions.
    progress : bool or callable
        See :func:`leadfield.weights`; counts rows.

    Returns
    -------
    Comparison
        The differences.

    Raises
    ------
    FileError
        If a file cannot be read.
    InputError
        If a file is not an electrodes file, lacks the population, or is damaged. Files without a common population differ.
    ValueError
        If a tolerance is negative or not finite, ``columns`` is unknown, or ``population`` are not two names.
    TypeError
        If an argument has a wrong type.
    """
    files = weights_path("a", a), weights_path("b", b)
    tolerances = {name: number(name, value) for name, value in (("rtol", rtol), ("atol", atol))}
    for name, value in tolerances.items():
        if not 0.0 <= value < float("inf"):
            raise ValueError(f"{name}: out of range, expected a finite number of 0 or more, found {value}")
    with progress_of(progress, None, "rows") as update:
        agrees, only_in, populations = _leadfield.compare_weights(
            *files,
            rtol=tolerances["rtol"],
            atol=tolerances["atol"],
            ignore_extra_column=flag("ignore_extra_column", ignore_extra_column),
            columns=text("columns", columns),
            population=_pair(population),
            segments=_table(segments),
            progress=update,
        )
    return Comparison(agrees, (only_in[0], only_in[1]), populations)


def _pair(population: Any) -> tuple[str, str] | None:
    """Returns the names of a population in both files."""
    if population is None:
        return None
    if isinstance(population, str):
        return population, population
    if not isinstance(population, (tuple, list)):
        raise TypeError(f"population: expected a name or a pair of names, found {kind_of(population)}")
    names = [text("population", name) for name in population]
    if len(names) != 2:
        raise ValueError(f"population: expected a name or a pair of names, found {len(names)}")
    return names[0], names[1]
