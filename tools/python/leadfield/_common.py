"""Parts that several modules share: checks of arguments, paths, warnings, progress."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar, Union

from ._errors import LeadfieldWarning, OutputExistsError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Union: Python 3.10 cannot subscript os.PathLike with | at run time
PathLike = Union[str, bytes, "os.PathLike[str]", "os.PathLike[bytes]"]
T = TypeVar("T")
Progress = Union[bool, Callable[[int], Any]]


def is_path(value: object) -> bool:
    """Returns whether a value is a path, and not a sequence of them."""
    return isinstance(value, (str, bytes, os.PathLike))


def path_text(path: PathLike, argument: str = "path") -> str:
    """Returns a path as text, with the user's folder expanded."""
    if not is_path(path):
        raise TypeError(f"{argument}: expected a path (str or os.PathLike), found {kind_of(path)}")
    return os.path.expanduser(os.fsdecode(path))


def path_list(argument: str, paths: PathLike | Iterable[PathLike]) -> list[str]:
    """Returns one path or several as texts."""
    if is_path(paths):
        return [path_text(paths, argument)]  # type: ignore[arg-type]
    if not hasattr(paths, "__iter__"):
        raise TypeError(f"{argument}: expected a path or several, found {kind_of(paths)}")
    return [path_text(path, argument) for path in paths]  # type: ignore[union-attr, arg-type]


def write_text(text: str, path: PathLike, overwrite: bool) -> None:
    """Writes text to a file."""
    name = path_text(path)
    try:
        with open(name, "w" if flag("overwrite", overwrite) else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise OutputExistsError.of_file(name) from error


def kind_of(value: object) -> str:
    """Returns the name of a value's type, for an error."""
    return "None" if value is None else type(value).__name__


def instance(argument: str, value: object, kind: type[T], made_by: str) -> T:
    """Returns a value of a class of this package."""
    if not isinstance(value, kind):
        raise TypeError(f"{argument}: expected leadfield.{kind.__name__} ({made_by}), found {kind_of(value)}")
    return value


def text(argument: str, value: object) -> str:
    """Returns a text."""
    if not isinstance(value, str):
        raise TypeError(f"{argument}: expected str, found {kind_of(value)}")
    return value


def optional_text(argument: str, value: object) -> str | None:
    """Returns a text, or None."""
    return None if value is None else text(argument, value)


def text_list(argument: str, values: object) -> list[str]:
    """Returns one text or several as a list."""
    if isinstance(values, str):
        return [values]
    if isinstance(values, bytes) or not hasattr(values, "__iter__"):
        raise TypeError(f"{argument}: expected str or a sequence of str, found {kind_of(values)}")
    return [text(argument, value) for value in values]


def flag(argument: str, value: object) -> bool:
    """Returns True or False."""
    if not isinstance(value, bool) and kind_of(value) not in ("bool", "bool_"):
        raise TypeError(f"{argument}: expected True or False, found {kind_of(value)}")
    return bool(value)


def integer(argument: str, value: Any, least: int = 0, most: int = 2**63 - 1) -> int:
    """Returns a whole number."""
    import operator

    try:
        if isinstance(value, bool):
            raise TypeError
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{argument}: expected an integer, found {kind_of(value)}") from None
    if not least <= number <= most:
        expected = f"{least} or more" if most == 2**63 - 1 and number < least else f"{least} to {most}"
        raise ValueError(f"{argument}: out of range, expected {expected}, found {number}")
    return number


def number(argument: str, value: Any) -> float:
    """Returns a number."""
    is_number = not isinstance(value, (str, bytes, bytearray, bool)) and getattr(value, "ndim", 0) == 0
    kind = getattr(getattr(value, "dtype", None), "kind", "f")
    try:
        if not is_number or kind not in "fiu":
            raise TypeError
        return float(value)
    except (TypeError, OverflowError):
        raise TypeError(f"{argument}: expected a number, found {kind_of(value)}") from None


def optional_number(argument: str, value: Any) -> float | None:
    """Returns a number, or None."""
    return None if value is None else number(argument, value)


def numbers(argument: str, values: Any) -> NDArray[np.float64]:
    """Returns numbers as an array of float64."""
    import numpy as np

    if np.ma.is_masked(values):
        raise ValueError(f"{argument}: has masked values, expected numbers: fill or leave them out")
    try:
        array = np.asarray(values)
    except ValueError:
        raise ValueError(f"{argument}: rows differ in length, expected the same number of values in each") from None
    if array.dtype.kind == "O":
        try:
            if any(value is None or isinstance(value, (str, bytes)) for value in array.flat):
                raise TypeError
            return array.astype(np.float64)
        except (TypeError, ValueError):
            raise TypeError(f"{argument}: expected numbers, found other objects") from None
    if array.dtype.kind not in "fiu":
        raise TypeError(f"{argument}: expected numbers, found {array.dtype}")
    return array.astype(np.float64)


def points_of(argument: str, values: Any) -> NDArray[np.float64]:
    """Returns points; of a data frame the columns ``x``, ``y``, ``z``."""
    columns = getattr(values, "columns", None)
    if columns is not None:
        if any(name not in list(columns) for name in "xyz"):
            raise ValueError(f"{argument}: expected the columns x, y, z, found {', '.join(map(str, columns))}")
        values = values[list("xyz")]
    return numbers(argument, values)


def number_list(argument: str, values: Any, count: int, names: str) -> list[float]:
    """Returns a fixed count of numbers."""
    found = numbers(argument, values if hasattr(values, "ndim") or not hasattr(values, "__iter__") else list(values))
    if found.shape != (count,):
        shape = found.size if found.ndim == 1 else f"shape {found.shape}"
        raise ValueError(f"{argument}: expected {count} numbers ({names}), found {shape}")
    return [float(value) for value in found]


def transform_text(values: Any) -> str | None:
    """Returns a rotation and a shift of a lead field as the library parses them."""
    if values is None:
        return None
    return ",".join(map(repr, number_list("field_transform", values, 7, "w, x, y, z, dx, dy, dz")))


def identities(argument: str, values: Any) -> list[int]:
    """Returns node ids: whole numbers of 0 or more."""
    import numpy as np

    if np.ma.is_masked(values):
        raise ValueError(f"{argument}: has masked values, expected node ids")
    listed = values if hasattr(values, "dtype") or not hasattr(values, "__iter__") else list(values)
    is_mask = isinstance(listed, bool) or (isinstance(listed, list) and any(isinstance(v, (bool, np.bool_)) for v in listed))
    if isinstance(listed, list) and listed and all(hasattr(value, "as_py") for value in listed):
        # numbers of pyarrow
        listed = [value.as_py() for value in listed]
    array = np.atleast_1d(np.asarray(listed))
    if is_mask or array.dtype.kind == "b":
        raise TypeError(f"{argument}: expected node ids, found booleans: take the ids that a mask chooses, `ids[mask]`")
    if array.ndim != 1:
        raise ValueError(f"{argument}: wrong shape, expected (n,), found {array.shape}")
    if array.dtype.kind not in "fiuO" or not all(hasattr(v, "__int__") for v in array.tolist()):
        found = kind_of(listed) if array.dtype.kind == "O" else array.dtype
        raise TypeError(f"{argument}: expected integers, found {found}")
    for value in array.tolist():
        if value != value or value in (float("inf"), float("-inf")) or value != int(value):
            raise ValueError(f"{argument}: expected integers, found {value}")
        if not 0 <= value < 2**64:
            raise ValueError(f"{argument}: out of range, expected 0 to {2**64 - 1}, found {value}")
    return [int(value) for value in array.tolist()]


def warn(texts: Iterable[str]) -> None:
    """Issues warnings at the first caller outside of this package."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").split(".")[0] == "leadfield":
        level, frame = level + 1, frame.f_back
    for text in texts:
        warnings.warn(text, LeadfieldWarning, stacklevel=level + 1)


@contextmanager
def progress_of(progress: Progress, total: int | None, what: str) -> Iterator[Callable[[int], Any] | None]:
    """Returns the function that is called with numbers of things done: the caller's, or that of a bar by tqdm."""
    if callable(progress):
        yield progress
        return
    if not flag("progress", progress):
        yield None
        return
    try:
        from tqdm.auto import tqdm
    except ImportError:
        yield None
        return
    with tqdm(total=total, unit=what, unit_scale=True) as bar:
        yield bar.update
