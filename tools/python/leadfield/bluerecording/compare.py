"""Comparison of two electrodes files."""

from __future__ import annotations

from .._common import PathLike
from .._validate import compare_weights as _compare


def compare_weights(
    reference: PathLike, target: PathLike, rtol: float = 1e-6, atol: float = 1e-9, population_name: str | None = None
) -> tuple[bool, str]:
    """Compares two electrodes files; columns without a contact are ignored.

    Returns
    -------
    agrees : bool
        Whether all weights agree: ``|a - b| <= atol + rtol max(|a|, |b|)``.
    text : str
        A summary of the differences.
    """
    found = _compare(reference, target, rtol=rtol, atol=atol, population=population_name, ignore_extra_column=True)
    return found.agrees, str(found)
