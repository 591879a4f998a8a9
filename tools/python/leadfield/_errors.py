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
    """A warning of leadfield: the result is valid, but may not be what was meant."""


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
_ARGUMENTS = {"--force": "overwrite=True", "--resume": "resume=True", "--csd": "within=None", "--keep-axon": 'axon_rule="keep"'}
_OPTION = r"`(--[a-z][a-z-]*)((?:[ =][^`]*)?)`"


def _python_words(hint: str) -> str:
    """Returns a hint with arguments instead of the program's options."""
    import re

    def argument(match: re.Match[str]) -> str:
        option, value = match.group(1), match.group(2).strip(" =")
        if option in _ARGUMENTS and not value:
            return f"`{_ARGUMENTS[option]}`"
        name = option[2:].replace("-", "_")
        if not value:
            return f"`{name}=`"
        is_word = re.fullmatch(r"[a-z][a-z0-9.-]*", value) is not None
        return f'`{name}="{value}"`' if is_word else f"`{name}={value}`"

    return re.sub(_OPTION, argument, hint)


def exception_of(
    kind: str, message: str, hint: str | None, file: str | None, item: str | None, index: int | None
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
    if error.hint and hasattr(error, "add_note"):  # Python 3.11
        error.add_note(f"hint: {error.hint}")
    return error
