"""Pictures and the report, which a notebook shows."""

from __future__ import annotations

from typing import Literal

from . import _leadfield
from ._common import PathLike, instance, optional_number, optional_text, path_text, text, warn, write_text
from ._electrodes import Electrodes
from ._electrodes_file import ElectrodesFile, weights_path
from ._segments import Segments

View = Literal["all", "xy", "xz", "yx", "yz", "zx", "zy"]


class Svg(str):
    """A picture: its SVG text."""

    def _repr_svg_(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return str(self)

    def save(self, path: PathLike, *, overwrite: bool = False) -> None:
        """Writes the picture to a file.

        Parameters
        ----------
        path : str or os.PathLike
            The file.
        overwrite : bool
            Replace a file that exists.

        Raises
        ------
        OutputExistsError
            If the file exists.
        OSError
            If it cannot be written.
        TypeError
            If ``path`` is no path, or ``overwrite`` no bool.
        """
        write_text(self, path, overwrite)


class Html(str):
    """A page: its HTML text. A notebook shows it in a frame."""

    def _repr_html_(self) -> str:
        import html

        return f'<iframe srcdoc="{html.escape(self)}" width="100%" height="800" style="border:0"></iframe>'

    def save(self, path: PathLike, *, overwrite: bool = False) -> None:
        """Writes the page to a file.

        Parameters
        ----------
        path : str or os.PathLike
            The file.
        overwrite : bool
            Replace a file that exists.

        Raises
        ------
        OutputExistsError
            If the file exists.
        OSError
            If it cannot be written.
        TypeError
            If ``path`` is no path, or ``overwrite`` no bool.
        """
        write_text(self, path, overwrite)


def plot_weights(
    segments: Segments,
    weights: PathLike | ElectrodesFile,
    electrode: str,
    *,
    view: View = "all",
    within: float | None = None,
) -> Svg:
    """Draws segments coloured by a contact's weights.

    Parameters
    ----------
    segments : Segments
        The segment table.
    weights : str, os.PathLike or ElectrodesFile
        Its electrodes file.
    electrode : str
        Name of the contact.
    view : {"all", "xy", "xz", "yx", "yz", "zx", "zy"}
        The axes to show: the first to the right, the second up.
    within : float, optional
        Show only this distance from the contact along each axis, µm.

    Returns
    -------
    Svg
        The picture. At most 60 000 segments are drawn, the nearest of them all.

    Raises
    ------
    FileError
        If the electrodes file cannot be read.
    InputError
        If it is not an electrodes file of this table, lacks the contact, or no segment is within the distance; or ``within`` is
        not above 0.
    ValueError
        If ``view`` is unknown.
    TypeError
        If an argument has a wrong type.
    """
    table = instance("segments", segments, Segments, "lf.Segments(path)")._table
    width = optional_number("within", within)
    svg, warnings = _leadfield.plot_weights(
        table, weights_path("weights", weights), text("electrode", electrode), view=text("view", view), within=width
    )
    warn(warnings)
    return Svg(svg)


def plot_probe(
    electrodes: Electrodes, segments: Segments | None = None, *, view: View = "all", within: float | None = None
) -> Svg:
    """Draws contacts, the regions around them, and the segments in the regions.

    Parameters
    ----------
    electrodes : Electrodes
        The contacts. Those of ObjectiveCSD types have regions of their own.
    segments : Segments, optional
        The segments to search.
    view : {"all", "xy", "xz", "yx", "yz", "zx", "zy"}
        See :func:`plot_weights`.
    within : float, optional
        The region of every contact is a ball of this radius, µm.

    Returns
    -------
    Svg
        The picture.

    Raises
    ------
    InputError, ValueError
        If ``view`` is unknown, ``within`` is not above 0, or the table has changed or is damaged.
    FileError
        If the table cannot be read.
    TypeError
        If an argument has a wrong type.
    """
    contacts = instance("electrodes", electrodes, Electrodes, "lf.Electrodes.from_csv(path)")._list
    table = None if segments is None else instance("segments", segments, Segments, "lf.Segments(path)")._table
    width = optional_number("within", within)
    svg, warnings = _leadfield.plot_probe(contacts, table, view=text("view", view), within=width)
    warn(warnings)
    return Svg(svg)


def plot_comparison(a: PathLike | ElectrodesFile, b: PathLike | ElectrodesFile) -> Svg:
    """Draws the relative differences of two electrodes files, contact by contact.

    Parameters
    ----------
    a, b : str, os.PathLike or ElectrodesFile
        The files.

    Returns
    -------
    Svg
        The picture.

    Raises
    ------
    FileError
        If a file cannot be read.
    InputError
        If a file is not an electrodes file, or the files have no population, node or contact in common.
    TypeError
        If ``a`` or ``b`` is neither a path nor an electrodes file.
    """
    return Svg(_leadfield.plot_comparison(weights_path("a", a), weights_path("b", b)))


def report(
    segments: Segments | PathLike,
    weights: PathLike | ElectrodesFile,
    *,
    electrode: str | None = None,
    within: float | None = None,
    signals: PathLike | None = None,
) -> Html:
    """Makes a page about a segment table and an electrodes file, with pictures and a 3D view; it needs no network.

    Parameters
    ----------
    segments : Segments, str or os.PathLike
        The segment table.
    weights : str, os.PathLike or ElectrodesFile
        The electrodes file.
    electrode : str, optional
        The contact to draw; by default the one nearest to the middle of the segments.
    within : float, optional
        The 3D view shows segments up to this far from the contact along each axis, µm.
    signals : str or os.PathLike, optional
        Signals to draw as traces and current source density, an ``.h5`` of :func:`write_signals`: one sum, or one for each
        neuron, which are added up.

    Returns
    -------
    Html
        The page.

    Raises
    ------
    FileError
        If a file cannot be read.
    InputError
        If a file is not one of its kind, the electrodes file lacks the contact, or ``within`` is not above 0.
    TypeError
        If an argument has a wrong type.
    """
    table = segments.path if isinstance(segments, Segments) else path_text(segments, "segments")
    width, contact = optional_number("within", within), optional_text("electrode", electrode)
    drawn = None if signals is None else path_text(signals, "signals")
    page, warnings = _leadfield.report(table, weights_path("weights", weights), electrode=contact, within=width, signals=drawn)
    warn(warnings)
    return Html(page)
