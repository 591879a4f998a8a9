"""Parts that several modules share: paths, warnings, progress."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Union

from ._errors import LeadfieldWarning

# Union: Python 3.10 cannot subscript os.PathLike with | at run time
PathLike = Union[str, "os.PathLike[str]"]
Progress = Union[bool, Callable[[int], Any]]


def path_text(path: PathLike) -> str:
    """Returns a path as text, with the user's folder expanded."""
    return os.path.expanduser(os.fspath(path))


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
    if not progress:
        yield None
        return
    try:
        from tqdm.auto import tqdm
    except ImportError:
        yield None
        return
    with tqdm(total=total, unit=what, unit_scale=True) as bar:
        yield bar.update
