"""Exceptions: the library's errors, with the same text."""

from __future__ import annotations

__all__ = [
    "DamagedError",
    "FileError",
    "InputError",
    "LeadfieldError",
    "LeadfieldWarning",
    "OutputExistsError",
]


class LeadfieldWarning(UserWarning):
    """A warning of leadfield: the result is valid, but may differ from what was intended."""


class LeadfieldError(Exception):
    """An error of leadfield: ``<file>: <object>[<row>]: what is wrong, expected x, found y``.

    Attributes
    ----------
    hint : str or None
        Advice: the argument or the edit that helps.
    kind : str
        ``"io"``, ``"no_space"``, ``"output_conflict"``, ``"invalid_input"``, ``"damaged"`` or ``"interrupted"``.
    file : str or None
        The file that the error is about.
    item : str or None
        The object in the file: a dataset, ``line``, ``node``.
    index : int or None
        The row, line or id of the object.
    """

    hint: str | None = None
    kind: str = "invalid_input"
    file: str | None = None
    item: str | None = None
    index: int | None = None

    def __str__(self) -> str:
        # an OSError with an errno and a file would show those instead
        return str(self.args[0]) if self.args else ""


class InputError(LeadfieldError, ValueError):
    """A file, an argument or a combination of them cannot be used."""


class DamagedError(LeadfieldError, ValueError):
    """A file was changed or damaged since it was written."""


class FileError(LeadfieldError, OSError):
    """The operating system refused to read or to write, or the disk has too little space."""


class MissingFileError(FileError, FileNotFoundError):
    """A file does not exist."""


class OutputExistsError(LeadfieldError, FileExistsError):
    """Something has the name of an output, or another run writes it."""

    @classmethod
    def of_file(cls, path: str, why: str | None = None) -> OutputExistsError:
        """Returns the error for a file that exists.

        Parameters
        ----------
        path : str
            The file.
        why : str, optional
            The reason why it is not replaced.
        """
        import errno

        hint = "choose another name" if why else "choose another name, or replace it with `--force`"
        message = f"{path}: exists already, {why}" if why else f"{path}: exists already"
        error = exception_of("output_conflict", message, hint, path, None, None, errno.EEXIST)
        assert isinstance(error, OutputExistsError)
        return error


class MemoryShortError(LeadfieldError, MemoryError):
    """The result does not fit into memory."""


class StoppedError(LeadfieldError, InterruptedError):
    """The run was stopped on request."""


_CLASSES: dict[str, type[LeadfieldError]] = {
    "io": FileError,
    "no_space": FileError,
    "output_conflict": OutputExistsError,
    "invalid_input": InputError,
    "damaged": DamagedError,
    "interrupted": StoppedError,
}

# options of the program whose arguments have other names in Python
_ARGUMENTS = {
    "--force": "overwrite=True",
    "--resume": "resume=True",
    "--csd": "within=None",
    "--keep-axon": 'axon_rule="keep"',
    "--any-discretisation": "any_discretisation=True",
    "--allow-missing": "allow_missing=True",
    "--wide": "wide=True",
}
# commands of the program that are functions
_CALLS = {
    "`plot signals`": "`plot_signals`",
    "`leadfield plot signals`": "`plot_signals`",
    "`leadfield signals REPORT --weights WEIGHTS -o signals.h5`": '`write_signals(REPORT, "signals.h5", weights=WEIGHTS)`',
    "`leadfield signals`": "`write_signals`",
    "`-o signals.h5`": '`out="signals.h5"`',
    "`leadfield positions`": "`Circuit.segments`",
    "`leadfield query --index`": "`query(index=)`",
}
# options that are arguments of the same name in Python
_NAMES = frozenset(
    "axon_placement axon_rule by cells circuit columns conductivity discretisation electrode electrodes euler_order field "
    "field_current field_transform fields format frames group height index morphologies near_field node_set outside_field population "
    "radius reference report segment_length segments where within weights".split()
)
# one or several options, each with its value
_OPTIONS = r"`(--[a-z][a-z-]*(?:[ =][^`]*)?)`"
_OPTION = r"(--[a-z][a-z-]*)((?:[ =](?!--)[^ `]+)?)"


def _python_words(hint: str) -> str:
    """Returns a hint with arguments instead of the program's options."""
    import re

    def argument(option: str, value: str) -> str | None:
        name = option[2:].replace("-", "_")
        if option in _ARGUMENTS and not value:
            return _ARGUMENTS[option]
        if name not in _NAMES:
            return None
        if not value:
            return f"{name}="
        if option == "--field" and "=" in value:
            return "fields={{{}: {}}}".format(*value.split("=", 1))
        if option == "--where" and "=" in value:
            return 'where={{"{}": "{}"}}'.format(*value.split("=", 1))
        if re.fullmatch(r"[-0-9.]+(,[-0-9.]+)+", value):
            return "{}=({})".format(name, value.replace(",", ", "))
        is_word = re.fullmatch(r"[a-z][a-z0-9.-]*", value) is not None
        return f'{name}="{value}"' if is_word else f"{name}={value}"

    def arguments(match: re.Match[str]) -> str:
        found = [argument(option, value.strip(" =")) for option, value in re.findall(_OPTION, match.group(1))]
        if None in found or not found:
            # Python has no such argument
            return f"`leadfield ... {match.group(1)}`"
        return f"`{', '.join(map(str, found))}`"

    worded = re.sub(_OPTIONS, arguments, hint)
    for command, call in _CALLS.items():
        worded = worded.replace(command, call)
    return worded


def _errno_of(error: LeadfieldError) -> int | None:
    """Returns the number that the operating system has for an error, if it has one."""
    import errno

    if error.kind == "no_space" and not isinstance(error, MemoryError):
        return errno.ENOSPC
    numbers = {MissingFileError: errno.ENOENT, OutputExistsError: errno.EEXIST, StoppedError: errno.EINTR}
    return numbers.get(type(error))


def exception_of(
    kind: str,
    message: str,
    hint: str | None,
    file: str | None,
    item: str | None,
    index: int | None,
    errno: int | None = None,
) -> LeadfieldError:
    """Returns the exception of an error of the library; called by the extension module."""
    cls = _CLASSES[kind]
    if kind == "io" and message.endswith("no such file or directory"):
        cls = MissingFileError
    if kind == "no_space" and "memory" in message:
        cls = MemoryShortError
    if item is not None and item.startswith("--"):
        # an option of the program, with which the message begins
        argument = item[2:].replace("-", "_")
        message, item = message.replace(item, argument, 1), argument
    error = cls(_python_words(message))
    error.hint = None if hint is None else _python_words(hint)
    error.kind, error.file, error.item, error.index = kind, file, item, index
    if isinstance(error, OSError):
        error.errno, error.filename = _errno_of(error) if errno is None else errno, file
    if error.hint and hasattr(error, "add_note"):  # Python 3.11
        error.add_note(f"hint: {error.hint}")
    return error
